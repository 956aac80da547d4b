"""What sops makes of one path, and why: configuration, rule, recipients, scope, and what is in clear."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sopsguard.managed import Managed
from sopsguard.model import printable

if TYPE_CHECKING:
    from sopsguard.sops.config import Config, Match
    from sopsguard.sops.file import Leaf, SopsFile
    from sopsguard.sops.masterkey import Key

MOST = 12


def lines(managed: Managed, path: str) -> Iterator[str]:
    """The explanation for a path of the repository; it need not exist."""
    yield printable(path)
    verdict = managed.rule(path)
    if verdict.match is None:
        yield "  configuration: none; there is no .sops.yaml on the way from the top of the repository to it"
    else:
        yield from _match(verdict.match, managed, path)
    for other in verdict.others:
        said = other.rule.title if other.rule else "no rule"
        where, taken = printable(other.config.directory), printable(other.config.path)
        yield f"  careful: started below {where}/, sops takes {said} of {taken}"
    for name in verdict.ignored:
        yield f"  careful: {printable(name)} is never read by sops; it has to be named .sops.yaml"
    yield from _file(managed, path, verdict.match)


def _match(match: "Match", managed: Managed, path: str) -> Iterator[str]:
    from sopsguard.sops.nearmiss import near_misses

    config = match.config
    yield f"  configuration: {printable(config.path)}; what is tested is `{printable(match.path)}`"
    for tried in match.tried:
        yield f"    {tried.rule.title}, line {tried.rule.span.line}: {printable(tried.reason)}"
    if match.error is not None:
        yield f"    sops stops here: {printable(match.error.message)}"
        return
    if match.unknown is not None:
        yield f"    unknown: {printable(match.unknown.reason)}; needed: {printable(match.unknown.needed)}"
        return
    rule = match.rule
    if rule is None:
        yield "    no rule matches; sops refuses to encrypt it and to update its keys"
        for miss in near_misses(config, path, managed.paths)[:3]:
            yield f"    near miss: {miss.rule.title}: {printable(miss.reason)}"
        return
    why = (
        "it has no path_regex, so it matches every file"
        if rule.is_catch_all
        else f"`{printable(rule.path_regex)}`"
    )
    yield f"    {rule.title}, line {rule.span.line}: matches ({why})"
    for later in match.also:
        yield f"    {later.title}, line {later.span.line}: would match as well, but comes too late"
    if rule.is_block:
        yield "  recipients by the rule: none; it keeps files from being encrypted at all"
        return
    for number, group in enumerate(rule.groups):
        of = f" (key group {number + 1} of {len(rule.groups)}, {rule.threshold} must come together)"
        yield f"  recipients by the rule{of if len(rule.groups) > 1 else ''}:"
        yield from (f"    {_who(config, key)}" for key in group)
    for name, value in rule.scope.effective().items():
        yield f"  scope by the rule: {name} {printable(value)}"


def _who(config: "Config | None", key: "Key") -> str:
    from sopsguard.sops.masterkey import abbreviated

    names = config.names.get(key.normal, ()) if config is not None else ()
    shown = printable(abbreviated(key.text))
    return f"{printable(names[0].text)}  {shown}" if names else shown


def _file(managed: Managed, path: str, match: "Match | None") -> Iterator[str]:
    from sopsguard.sops.file import Broken, NotSops, read

    data = managed.read(path)
    if data is None:
        yield "  the file: there is none (or none that can be read) in the work tree"
        return
    file = read(data, path)
    if isinstance(file, NotSops):
        yield f"  the file: not encrypted by sops ({file.reason})"
        return
    if isinstance(file, Broken):
        yield f"  the file: broken: {printable(file.problems[0].message) if file.problems else 'unreadable'}"
        return
    encrypted = sum(leaf.envelope is not None for leaf in file.leaves)
    clear = [
        leaf for leaf in file.leaves if leaf.envelope is None and not (leaf.is_comment and leaf.is_empty)
    ]
    yield (
        f"  the file: {file.format}, sops {printable(file.metadata.version) or 'of unknown version'}; "
        f"{encrypted} encrypted, {len(clear)} in clear"
    )
    config = match.config if match is not None else None
    groups = file.metadata.groups
    for group in groups:
        yield f"  recipients of the file{f' ({len(groups)} key groups)' if len(groups) > 1 else ''}:"
        yield from (f"    {_who(config, recipient.key)}" for recipient in group)
    yield from _differences(file, match)
    for name, value in file.metadata.scope.effective().items():
        yield f"  scope of the file: {name} {printable(value)}; it counts, whatever the rule says"
    for leaf in clear[:MOST]:
        yield f"  in clear: {printable(leaf.key) or 'a comment at the top'}: {_reason(file, leaf)}"
    if len(clear) > MOST:
        yield f"  in clear: {len(clear) - MOST} more"


def _differences(file: "SopsFile", match: "Match | None") -> Iterator[str]:
    from sopsguard.sops.drift import drift
    from sopsguard.sops.masterkey import abbreviated

    if match is None or match.rule is None or match.rule.is_block:
        return
    meta = file.metadata
    groups = [[recipient.key.identity for recipient in group] for group in meta.groups]
    found = drift(
        groups, match.rule, threshold=meta.shamir_threshold, scope=meta.scope, binary=file.format == "binary"
    )
    for key in found.missing:
        yield f"  differs: {printable(abbreviated(key))} is named by the rule and cannot open it"
    for key in found.extra:
        yield f"  differs: {printable(abbreviated(key))} can open it without being named"
    for name, (have, want) in found.scope.items():
        ours, theirs = (printable(value) or "not set" for value in (have, want))
        yield f"  differs: {name} is {ours} in the file, {theirs} in the rule"


def _reason(file: "SopsFile", leaf: "Leaf") -> str:
    if leaf.is_empty:
        return "empty values are never encrypted"
    if leaf.selected is None:
        return "unknown, for want of an RE2 engine"
    if leaf.selected:
        return "it should be encrypted, and is not"
    if file.format == "binary":
        return "not the content"
    name, value = next(iter(file.metadata.scope.effective().items()), ("", ""))
    how = "matches" if name.startswith("unencrypted") else "does not match"
    return f"its path {how} {name} {printable(value)}"
