"""What is wrong with a `.sops.yaml` by itself: pure functions from a configuration to problems.

Codes: C1 unreadable, C2 unreachable rule, C5 what has no effect, C6 contradiction, C7 unknown field, C8
selection expression that sops swallows, C9 recipient that sops refuses, C9-odd recipient or syntax that only
some take, C10 misread path, `shamir` more than one key group. What needs the files is in `usage`.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from sopsguard.model import Location, Unknown, printable
from sopsguard.sops import nearmiss
from sopsguard.sops.config import CONFIG_NAME, Config, bad_path_regex
from sopsguard.sops.expression import BadRegex, NoEngine, regex
from sopsguard.sops.goyaml import Span
from sopsguard.sops.masterkey import Key, KeyKind, abbreviated
from sopsguard.sops.reading import KNOWN_FIELDS
from sopsguard.sops.rules import Field, Problem, Rule, counted


def problems(config: Config) -> Iterator[Problem | Unknown]:
    """Everything that a configuration shows by itself; only the first kind if sops cannot read it."""
    yield from config.problems
    for field in config.unknown:
        yield from _unknown_field(field, "top", only_misspelt=True)
    end: Rule | None = None
    for rule in config.rules:
        if end is not None:
            yield rule.problem(
                "C2",
                f"can never apply: {end.title} in line {end.span.line} matches every file",
                "move it further up",
            )
        yield from _rule(config, rule)
        if end is None and rule.is_catch_all:
            end = rule
    for field in config.nested_unknown:
        yield Problem(
            "C7",
            f"sops does not know the field `{field.name}` of this key and passes over it",
            *_place(field.span),
        )
    for destination in config.destinations:
        for field in destination.unknown:
            yield from _unknown_field(field, "destination")
        if len(destination.places) > 1:
            yield Problem(
                "C6",
                f"destination rule {destination.index + 1} names several places "
                f"({', '.join(destination.places)}); sops publish refuses that",
                *_place(destination.span),
            )
        if isinstance(regex(destination.path_regex), BadRegex):
            yield Problem(
                "C1",
                f"destination rule {destination.index + 1}: `{destination.path_regex}` is no valid "
                "expression; sops publish passes over the rule without a word",
                *_place(destination.path_span or destination.span),
            )


def _rule(config: Config, rule: Rule) -> Iterator[Problem | Unknown]:
    if rule.path_regex:
        expression = regex(rule.path_regex)
        if isinstance(expression, BadRegex):
            problem = bad_path_regex(rule, expression)
            meant = nearmiss.from_glob(rule.path_regex)
            yield replace(problem, hint=f"a shell pattern? As an expression: `{meant}`") if meant else problem
        elif isinstance(expression, NoEngine):
            yield _unknown(config, rule, rule.path_span, expression)
        else:
            yield from _misread_path(rule)
    yield from _hidden_keys(rule)
    yield from _contradictions(rule)
    for field in rule.unknown:
        yield from _unknown_field(field, "rule", rule=rule)
    for group in rule.key_groups:
        for field in group.unknown:
            yield from _unknown_field(field, "group", rule=rule)
    yield from _selection(config, rule)
    yield from _recipients(config, rule)
    yield from _shamir(rule)


def _hidden_keys(rule: Rule) -> Iterator[Problem]:
    if rule.ignored:
        named = {key.identity for key in rule.keys}
        lost = [key for key in rule.ignored if key.identity not in named]
        fields = ", ".join(sorted({f"`{key.family}`" for key in rule.ignored}))
        yield rule.problem(
            "C5",
            f"{fields} beside `key_groups` has no effect"
            + (f"; {counted(len(lost), 'recipient')} named only there cannot open anything" if lost else ""),
            "move the recipients into the key group",
            rule.ignored[0].span,
        )


def _contradictions(rule: Rule) -> Iterator[Problem]:
    chosen = rule.scope.chosen()
    if len(chosen) > 1:
        last = max((rule.fields[name].span for name in chosen), key=lambda span: span.start)
        yield rule.problem(
            "C6",
            f"sets {' and '.join(f'`{name}`' for name in chosen)}; sops accepts one and refuses every "
            "file of the rule",
            "keep the one that says what is to be encrypted",
            last,
        )
    count = len(rule.groups)
    where = rule.fields.get("shamir_threshold")
    if count > 1 and rule.shamir_threshold and not 2 <= rule.shamir_threshold <= count:
        yield rule.problem(
            "C6",
            f"shamir_threshold {rule.shamir_threshold} with {count} key groups; sops needs 2 to {count} and "
            "encrypts nothing under this rule",
            "one group, if any single key is to be enough",
            where.span if where else None,
        )
    if count == 1 and rule.shamir_threshold > 1:
        yield rule.problem(
            "C5",
            f"shamir_threshold {rule.shamir_threshold} has no effect: there is one key group, and any one of "
            "its keys opens the file",
            "several keys that must come together need a key group each",
            where.span if where else None,
        )
    if not rule.keys and not rule.is_block and not rule.type_problems:
        yield rule.problem(
            "C6", "names no recipient; sops refuses to encrypt what it matches", "name who may read"
        )
    elif rule.keys:
        for position, group in enumerate(rule.key_groups):
            if not group.keys:
                yield rule.problem(
                    "C6",
                    f"key group {position + 1} is empty; sops refuses the whole rule",
                    "remove it, or name who holds this share",
                    group.span,
                )


def _unknown_field(
    field: Field, level: str, *, rule: Rule | None = None, only_misspelt: bool = False
) -> Iterator[Problem]:
    known = meant(field.name, KNOWN_FIELDS[level])
    if known is None and only_misspelt:
        return
    elsewhere = next(
        (other for other in ("rule", "group", "top") if other != level and field.name in KNOWN_FIELDS[other]),
        None,
    )
    message = f"sops does not know the field `{printable(field.name)}` here and passes over it"
    if level == "rule" and known == "path_regex" and rule is not None and not rule.path_regex:
        message += "; the rule now matches every file"
    hint = "remove it"
    if known is not None:
        hint = f"`{known}`?"
    elif elsewhere is not None:
        hint = f"it belongs {_LEVELS[elsewhere]}"
    prefix = f"{rule.title}: " if rule is not None else ""
    yield Problem("C7", prefix + message, *_place(field.span), hint, rule.index if rule else None)


_LEVELS = {"rule": "into the creation rule itself", "group": "into a key group", "top": "to the top level"}
# What other levels call the same thing.
_OTHER_WORDS = {
    "hc_vault": "hc_vault_transit_uri",
    "hc_vault_transit_uri": "hc_vault",
    "azure_kv": "azure_keyvault",
    "gpg": "pgp",
    "aws_kms": "kms",
    "gcpkms": "gcp_kms",
    "threshold": "shamir_threshold",
    "regex": "path_regex",
    "path": "path_regex",
    "filename_regex": "path_regex",
    "recipients": "age",
}


def meant(name: str, known: Sequence[str]) -> str | None:
    """The known field that `name` was probably meant to be, or None."""
    plain = re.sub(r"[-\s]+", "_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)).lower()
    if plain in known:
        return plain
    if _OTHER_WORDS.get(plain) in known:
        return _OTHER_WORDS[plain]
    from difflib import get_close_matches  # late: only when something is misspelt

    return next(iter(get_close_matches(plain, known, 1, 0.8)), None) if len(plain) < 40 else None


def _selection(config: Config, rule: Rule) -> Iterator[Problem | Unknown]:
    for name, pattern in rule.scope.chosen().items():
        if not name.endswith("_regex"):
            continue
        expression = regex(pattern)
        field = rule.fields.get(name)
        span = field.value_span if field else None
        if isinstance(expression, NoEngine):
            yield _unknown(config, rule, span, expression)
        elif isinstance(expression, BadRegex):
            effect = (
                "every value is encrypted"
                if name.startswith("unencrypted")
                else "nothing is encrypted and files are written in clear"
            )
            yield rule.problem(
                "C8",
                f"`{name}` is no valid expression ({expression.reason}); sops takes it silently as matching "
                f"nothing: {effect}",
                "sops uses RE2, which has no look-around and no back references",
                span,
            )


def _recipients(config: Config, rule: Rule) -> Iterator[Problem]:
    yield from rule.type_problems
    seen: set[str] = set()
    for key in (*rule.keys, *rule.ignored):
        trouble = key.problem or key.warning
        if trouble is None or key.label in seen:
            continue
        seen.add(key.label)
        effect = "; sops refuses the whole rule" if key.problem and key not in rule.ignored else ""
        yield rule.problem(
            "C9" if key.problem else "C9-odd",
            f"recipient {_who(config, key)}: {trouble}{effect}",
            "copy the recipient again",
            key.span,
        )


def _who(config: Config, key: Key) -> str:
    names = config.names.get(key.normal, ())
    shown = f"`{printable(abbreviated(key.text))}`"
    return f"{shown} ({printable(names[0].text[:40])})" if names else shown


def _shamir(rule: Rule) -> Iterator[Problem]:
    count = len(rule.groups)
    if count < 2:
        return
    together = "all" if rule.threshold == count else str(rule.threshold)
    message = (
        f"has {count} key groups, threshold {rule.threshold}: to open a file, keys of {together} groups must "
        "come together"
    )
    hint = ""
    if rule.is_accidental_shamir:
        message += "; probably a stray `-` made a group of its own of each " + (
            "recipient" if all(len(group) == 1 for group in rule.groups) else "kind of key"
        )
        hint = "for `any one of them` put all into one group; for a real split set `shamir_threshold`"
    yield rule.problem("shamir", message, hint, rule.key_groups[1].span)


_ABSOLUTE = re.compile(r"\^/|\^?(?:~/|\$HOME|/home/|/Users/|[A-Za-z]:[\\/])")


def _misread_path(rule: Rule) -> Iterator[Problem]:
    """C10 as far as the expression itself shows it."""
    pattern = rule.path_regex
    plain = pattern.removeprefix("^")
    message = hint = ""
    if len(pattern) > nearmiss.READABLE:
        return
    if plain.startswith(("./", r"\./")):
        message = "starts with `./`; sops tests paths without it, so files at the top of it are missed"
        hint = f"`^{plain[plain.index('/') + 1 :]}`"
    elif _ABSOLUTE.match(pattern):
        message = "is meant as an absolute path; sops tests the path relative to the configuration"
        hint = f"the path from {CONFIG_NAME} on, without a leading slash"
    elif "|" not in pattern and r"\\" in re.sub(r"\[[^\]]*\]", "", pattern):
        message = "has backslashes as separators; it matches on Windows only"
        hint = "`[/\\\\]` matches on every system"
    elif (meant := nearmiss.from_glob(pattern)) is not None:
        message = "reads like a shell pattern, but is a regular expression: " + nearmiss.glob_words(pattern)
        hint = f"`{meant}`"
    if message:
        yield rule.problem("C10", f"`{pattern}` {message}", hint, rule.path_span)


def requirements(config: Config, versions: Iterable[str] = ()) -> Iterator[Problem]:
    """C9: what the configuration needs of sops, where a file shows that an older one is in use."""
    parsed = [version for version in map(_version, versions) if version]
    if not parsed:
        return
    oldest = min(parsed)
    for needed, what, span, rule in _needs(config):
        if oldest < needed:
            shown, found = ".".join(map(str, needed)), ".".join(map(str, oldest))
            yield Problem(
                "C9-odd",
                f"{rule.title}: {what} needs sops {shown}, but there are files written by {found}",
                *_place(span),
                "bring every machine to the newer version, or write it in the older way",
                rule.index,
            )


def _needs(config: Config) -> Iterator[tuple[tuple[int, ...], str, Span, Rule]]:
    """(version, what for, where) of everything that not every sops from 3.7 on knows."""
    for rule in config.rules:
        for name in rule.listed:
            yield (3, 11), f"a list in `{name}`", rule.fields[name].value_span, rule
        if "hckms" in rule.fields or any(key.kind is KeyKind.HCKMS for key in rule.keys):
            yield (3, 12), "`hckms`", rule.span, rule
        for kind, version, words in _KINDS:
            key = next((key for key in rule.keys if key.kind is kind), None)
            if key is not None:
                yield version, words, key.span or rule.span, rule
        for name in ("mac_only_encrypted", "encrypted_comment_regex", "unencrypted_comment_regex"):
            if name in rule.fields:
                yield (3, 9), f"`{name}`", rule.fields[name].span, rule
        for group in rule.key_groups:
            if group.merged:
                yield (3, 9), "`merge`", group.span, rule


_KINDS = (
    (KeyKind.HYBRID, (3, 12), "a post-quantum recipient"),
    (KeyKind.SSH, (3, 10), "an SSH recipient"),
    (KeyKind.PLUGIN, (3, 10), "a plugin recipient"),
)


def _version(text: str) -> tuple[int, ...]:
    match = re.match(r"(\d{1,4})\.(\d{1,4})", text)
    return (int(match[1]), int(match[2])) if match else ()


def _place(span: Span) -> tuple[int, int]:
    return span.line, span.column


def _unknown(config: Config, rule: Rule, span: Span | None, reason: NoEngine) -> Unknown:
    line, column = _place(span or rule.span)
    return Unknown(Location(config.path, line, column), f"{rule.title}: {reason.reason}", reason.needed)
