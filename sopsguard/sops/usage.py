"""How the files of a repository and its `.sops.yaml` fit together: pure functions to problems.

Codes: C2 unreachable rule, C3 rule without files or file without rule, C4 file in clear under a rule,
C10 expression that catches too much, C11 several configurations, C14 binary by accident.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from sopsguard.model import printable
from sopsguard.sops import nearmiss
from sopsguard.sops.config import CONFIG_NAME, IGNORED_NAME, Config, effective
from sopsguard.sops.expression import BadRegex, Regex, regex
from sopsguard.sops.rules import Problem, Rule, counted


def files_by_rule(config: Config, paths: Iterable[str]) -> dict[int | None, list[str]]:
    """The paths that each rule gets (None: no rule), as sops would decide."""
    found: dict[int | None, list[str]] = {}
    for path in paths:
        match = config.match(path)
        if match.error is None and match.unknown is None:
            found.setdefault(match.rule.index if match.rule else None, []).append(path)
    return found


def problems(config: Config, encrypted: Sequence[str], clear: Sequence[str]) -> Iterator[Problem]:
    """C2, C3, C4, C10 and C14, as far as they need to know which files exist."""
    if not config.declares_rules or not config.usable:
        return
    secret, plain = files_by_rule(config, encrypted), files_by_rule(config, clear)
    yield from _files_without_rule(config, secret.get(None, ()), (*encrypted, *clear))
    ended = False
    for rule in config.rules:
        if isinstance(regex(rule.path_regex), BadRegex):
            return  # sops stops here: what comes behind is not dead, it is not reached
        own, others = secret.get(rule.index, []), plain.get(rule.index, [])
        if not ended and not own and not others and not rule.is_catch_all:
            yield from _useless(config, rule, (*encrypted, *clear))
        ended = ended or rule.is_catch_all
        if not rule.is_block:
            for path in others:
                yield _in_clear(rule, path)
        if not rule.is_catch_all:
            yield from _loose(config, rule, own, others)
            yield from _binary_by_accident(rule, (*own, *others))


def _files_without_rule(config: Config, paths: Iterable[str], tracked: Sequence[str]) -> Iterator[Problem]:
    for path in paths:
        misses = nearmiss.near_misses(config, path, tracked)
        why = f"; nearest is {misses[0].rule.title}: {misses[0].reason}" if misses else ""
        yield Problem(
            "C3",
            f"{printable(path)} is encrypted, but no rule matches it{printable(why)}; `sops updatekeys` "
            "fails on it",
            hint="widen a rule, or add one",
            path=path,
        )


def _useless(config: Config, rule: Rule, paths: Iterable[str]) -> Iterator[Problem]:
    expression = regex(rule.path_regex)
    if not isinstance(expression, Regex):
        return
    taken = [path for path in paths if (tested := config.relative(path)) and expression.found_in(tested)]
    if not taken:
        yield rule.problem(
            "C3", f"`{rule.path_regex}` matches no file", "remove it, or mend the path", rule.path_span
        )
        return
    earlier = config.match(taken[0]).rule
    yield rule.problem(
        "C2",
        f"never applies: all it matches ({counted(len(taken), 'file')}, such as {printable(taken[0])}) is "
        f"taken by earlier rules{f' such as {earlier.title} in line {earlier.span.line}' if earlier else ''}",
        "put the more special rule first",
        rule.path_span,
    )


def _in_clear(rule: Rule, path: str) -> Problem:
    by = "the catch-all" if rule.is_catch_all else rule.title
    return Problem(
        "C4",
        f"{printable(path)} is not encrypted, although {by} (line {rule.span.line}) matches it",
        hint="encrypt it, or narrow the rule",
        rule=rule.index,
        path=path,
    )


def _loose(config: Config, rule: Rule, own: Sequence[str], others: Sequence[str]) -> Iterator[Problem]:
    """An expression that catches files only because something in it was forgotten; one problem a rule."""
    paths = [(path, tested) for path in (*own, *others) if (tested := config.relative(path))]
    words, surprising, strict = [], dict[str, None](), rule.path_regex
    for forgotten, mend in nearmiss.FORGOTTEN:
        expression = regex(mend(rule.path_regex))
        if isinstance(expression, Regex):
            caught = [path for path, tested in paths if not expression.found_in(tested)]
            if caught and len(caught) < len(paths):
                words.append(forgotten)
                surprising.update(dict.fromkeys(caught))
                strict = mend(strict)
    if surprising:
        yield rule.problem(
            "C10",
            f"`{rule.path_regex}` {' and '.join(words)}: it also matches {counted(len(surprising), 'file')} "
            f"such as {printable(next(iter(surprising)))}",
            f"`{strict}`",
            rule.path_span,
        )


_TEMPLATE = r"(?:j2|jinja2?|tm?pl|template|example|sample|dist|in|bak|orig|md)"
_BINARY = re.compile(
    rf"(?:^|/)\.env\.(?!{_TEMPLATE}$)[\w-]+$|\.(?:ya?ml|json|env|ini)\.(?!{_TEMPLATE}$)[\w-]+$"
)


def _binary_by_accident(rule: Rule, paths: Iterable[str]) -> Iterator[Problem]:
    for path in paths:
        if _BINARY.search(path) and not path.endswith((".yaml", ".yml", ".json", ".env", ".ini")):
            yield Problem(
                "C14",
                f"{printable(path)}: sops goes by the last extension and treats this file as one opaque "
                "blob: no keys, no diffs, no partial encryption",
                hint="let the name end in .yaml, .json, .env or .ini",
                rule=rule.index,
                path=path,
            )


def layout(configs: Mapping[str, Config], paths: Iterable[str] = ()) -> Iterator[Problem]:
    """C11: `.sops.yml`, and nested configurations that disagree about a file of `paths`.

    `configs` maps paths to configurations and may contain `.sops.yml` files.
    """
    for name in configs:
        if name.rpartition("/")[2] == IGNORED_NAME:
            yield Problem(
                "C11", f"sops never reads {IGNORED_NAME}", 1, hint=f"rename it to {CONFIG_NAME}", path=name
            )
    differ: dict[tuple[str, str], list[str]] = {}
    for path in paths:
        verdict = effective(configs, path)
        for other in verdict.others:
            if verdict.match is not None:
                differ.setdefault((verdict.match.config.path, other.config.path), []).append(path)
    for (usual, nested), files in differ.items():
        where = usual.rpartition("/")[0] or "the top"
        yield Problem(
            "C11",
            f"{usual} and {nested} disagree about {counted(len(files), 'file')} such as "
            f"{printable(files[0])}; which one "
            f"holds depends on the directory in which sops is started (taken here: {where})",
            1,
            hint="keep one of them, or make them agree",
            path=nested,
        )
