"""From checks to a verdict: levels, waivers and what-is-new applied, sorted, one finding per cause."""

from typing import TYPE_CHECKING, NamedTuple, TypeVar

from sopsguard import checks
from sopsguard.model import Family, Finding, Level, Location, Unknown, discreet
from sopsguard.policy import FILE, Waiver, matches

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sopsguard.context import Context

_Said = TypeVar("_Said", Finding, Unknown)

# Rules about the waivers themselves; the engine yields them, because only it sees what a waiver met.
EXPIRED = "expired-waiver"
UNUSED = "unused-waiver"
UNOPENABLE = "unopenable-file"
MANIFEST = "plain-kubernetes-secret"
# What is said of a value in passing, and is not worth a word where something is wrong with it.
INCIDENTAL = ("unused-secret", "guessable-value")
WAIVER_RULES = {
    EXPIRED: """Every waiver still holds.

A waiver says until when somebody accepts a finding. Past that day it silences nothing.

Remedy: repair the finding, or look at it again and set a new date in `.sopsguard.yaml`.
""",
    UNUSED: """Every waiver is needed.

A waiver that meets no finding hides the next one that comes to stand at its place. Said only by runs
that judge the whole repository (`check --all`, `check --rev`).

Remedy: remove it from `.sopsguard.yaml`.
""",
}


_WHY_REFUSED = "only the trusted side may waive"


class Waived(NamedTuple):
    """A finding that counts for nothing, and why."""

    finding: Finding
    reason: str
    until: str


class Verdict(NamedTuple):
    """What a judgement came to."""

    findings: tuple[Finding, ...]
    older: int
    unknown: tuple[Unknown, ...]
    waived: tuple[Waived, ...]

    @property
    def blocks(self) -> bool:
        """Whether an error was found."""
        return any(f.blocks for f in self.findings)


def judge(ctx: "Context", rules: "Iterable[str]", *, only_new: bool, whole: bool) -> Verdict:
    """Run the rules over the context.

    `only_new` drops what the old side of the context had already, and counts it. `whole` says that
    the entire repository is judged, so that a waiver without a finding is a finding.
    """
    rules = tuple(rules)
    ctx.runs = frozenset(rule for rule in rules if ctx.policy.level(rule, Level.ERROR) is not None)
    unknown: list[Unknown] = []
    raw: list[Finding] = []
    if ctx.trust is not None:
        unknown.extend(ctx.trust.unknown)
    unknown.extend(u if u.rule else u._replace(rule="plaintext", family=Family.PLAINTEXT) for u in ctx.unread)
    wanted = {f.rule for f in ctx.found}
    for rule in rules:
        # A rule that nothing here concerns is not even imported: this is the path of most commits.
        refers = rule in checks.REFERRING and ctx.concerns_references
        if checks.RULES[rule] is Family.SIGNATURES:
            if not ctx.concerns_commits:
                continue
        elif rule not in wanted if rule in checks.SCANNED else not (ctx.concerns_sops or refers):
            continue
        check = checks.load(rule)
        default = ctx.policy.level(rule, check.level)
        if default is None:
            continue
        for said in check.run(ctx):
            if isinstance(said, Unknown):
                unknown.append(_discreet(said)._replace(rule=rule, family=check.family))
            else:
                level = default if said.level is None else _weaker(said.level, default)
                raw.append(_discreet(said)._replace(rule=rule, family=check.family, level=level))
    found = fingerprinted(_most_specific(_one_per_cause(raw)))
    older = 0
    if only_new and found:
        before = _before(ctx, {f.rule for f in found if not f.mark})
        fresh = [f for f in found if not _was_there(ctx, f, before)]
        weighty = [f for f in found if f.level is not Level.INFO]
        older = len(weighty) - sum(f.level is not Level.INFO for f in fresh)
        found = fresh
    kept, waived, about_waivers = _waive(ctx, found, rules, whole)
    kept.extend(about_waivers)
    return Verdict(
        tuple(sorted(kept, key=_order)), older, tuple(sorted(_once(unknown), key=_place)), tuple(waived)
    )


def _before(ctx: "Context", rules: "set[str]") -> "frozenset[tuple[str, str]]":
    """(fingerprint, message) of what these rules said of the old side."""
    if not rules or ctx.before is None:
        return frozenset()
    raw = []
    for rule in rules:
        check = checks.load(rule)
        raw += [f._replace(rule=rule) for f in check.run(ctx.past) if isinstance(f, Finding)]
    return frozenset((f.fingerprint, f.message) for f in fingerprinted(raw))


def _was_there(ctx: "Context", f: Finding, before: "frozenset[tuple[str, str]]") -> bool:
    """Whether the old side had this finding: the same secret, or the same words about the same thing."""
    if f.mark:
        return (f.rule, f.mark) in ctx.old_marks
    return (f.fingerprint, f.message) in before


def _discreet(said: _Said) -> _Said:
    """The same without secrets that stand where a name belongs: a key of YAML, an anchor, a field."""
    key = said.location.key
    where = said.location._replace(key=discreet(key)) if key else said.location
    if isinstance(said, Unknown):
        return said._replace(location=where, reason=discreet(said.reason), needed=discreet(said.needed))
    return said._replace(location=where, message=discreet(said.message), hint=discreet(said.hint))


def _weaker(said: Level, default: Level) -> Level:
    """A check may weaken its own rule; a policy that weakens the rule further still counts."""
    order = (Level.ERROR, Level.WARNING, Level.INFO)
    return order[max(order.index(said), order.index(default))]


def _order(f: Finding) -> tuple[int, str, int, int, str, str]:
    weight = (Level.ERROR, Level.WARNING, Level.INFO).index(f.level or Level.INFO)
    where = f.location
    return weight, where.path, where.line or 0, where.column or 0, f.rule, f.fingerprint


def _once(unknown: "Sequence[Unknown]") -> "Iterable[Unknown]":
    """What several rules of one family cannot decide for the same reason is said once."""
    return {(u.family, u.location, u.reason, u.needed): u for u in reversed(unknown)}.values()


def _place(u: Unknown) -> tuple[str, int, str]:
    return u.location.path, u.location.line or 0, u.reason


def _one_per_cause(findings: "Sequence[Finding]") -> list[Finding]:
    """The same secret at the same place once, though several commits of a range carry it.

    Findings come in the order of the commits, so the one that stays names the commit that began it.
    """
    seen: set[tuple[str, str, bytes, str | None, int]] = set()
    kept = []
    for f in findings:
        where = f.location
        # Inside one state two copies of a secret are two findings; along a history they are one.
        cause = (f.rule, where.path, f.mark, where.key, 0 if where.commit else where.line or 0)
        if f.mark and cause in seen:
            continue
        seen.add(cause)
        kept.append(f)
    return kept


def _most_specific(findings: "Sequence[Finding]") -> "Sequence[Finding]":
    """That a file does not open is told only where no other error says why; that a manifest, or a value of
    one, is in clear is told once, by the rule that knows more of it; where something is wrong with a value
    or with all of a branch, nothing is said of it in passing."""
    manifests = {f.location.path for f in findings if f.rule == MANIFEST}
    if manifests:
        values = {(f.location.path, f.location.key) for f in findings if f.rule == "unencrypted-value"}
        findings = [
            f
            for f in findings
            if not (f.rule == MANIFEST and (f.location.path, f.location.key) in values)
            and not (f.rule == "unencrypted-file" and f.location.path in manifests)
        ]
    if any(f.rule in INCIDENTAL for f in findings):
        told = {
            (f.location.path, f.location.key)
            for f in findings
            if f.location.key and f.level is not Level.INFO
        }
        findings = [
            f
            for f in findings
            if f.rule not in INCIDENTAL
            or f.level is not Level.INFO
            or not any((f.location.path, key) in told for key in _above(f.location.key or ""))
        ]
    said = {
        f.location.path for f in findings if f.blocks and f.family is Family.SCHEMA and f.rule != UNOPENABLE
    }
    said |= {f.location.path for f in findings if f.rule == "unencrypted-value" and f.blocks}
    return [f for f in findings if f.rule != UNOPENABLE or f.location.path not in said]


def _above(key: str) -> "list[str]":
    """A dotted key and those above it."""
    parts = key.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts) + 1)]


def fingerprinted(findings: "Iterable[Finding]") -> list[Finding]:
    """Each finding with a fingerprint that survives moved lines and changed secrets: a hash of rule,
    path, key and identity, and of its number among equals."""
    findings = list(findings)
    if not findings:
        return []
    from hashlib import sha256  # loads OpenSSL, which most commits need not pay for

    counts: dict[tuple[str, str, str | None, str], int] = {}
    named = []
    for f in findings:
        same = (f.rule, f.location.path, f.location.key, f.identity)
        number = counts[same] = counts.get(same, -1) + 1
        text = "\0".join((f.rule, f.location.path, f.location.key or "", f.identity, str(number)))
        digest = sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
        named.append(f._replace(fingerprint=digest[:16]))
    return named


def _waive(
    ctx: "Context", findings: "Iterable[Finding]", rules: "Sequence[str]", whole: bool
) -> tuple[list[Finding], list[Waived], list[Finding]]:
    kept: list[Finding] = []
    waived: list[Waived] = []
    used: set[Waiver] = set()
    for f in findings:
        if ctx.policy.inline_allow and f.rule in f.allowed:
            if ctx.counts(f):
                waived.append(Waived(f, "allowed by a comment beside it", ""))
                continue
            f = f._replace(hint=f"{f.hint}; the comment that allows it counts once the trusted side has it")
        waiver = next((w for w in ctx.policy.waivers if _covers(w, f)), None)
        if waiver is not None:
            used.add(waiver)
        if waiver is not None and waiver.until >= ctx.today:
            waived.append(Waived(f, discreet(waiver.reason), waiver.until))
        else:
            refused = ctx.trust.refused if ctx.trust is not None else ()
            if any(_covers(w, f) and w.until >= ctx.today for w in refused):
                f = f._replace(hint=f"{f.hint}; the waiver of it here counts for nothing: {_WHY_REFUSED}")
            kept.append(f)
    return kept, waived, fingerprinted(_about_waivers(ctx, used, rules, whole))


def _covers(waiver: Waiver, f: Finding) -> bool:
    if waiver.finding and not f.fingerprint.startswith(waiver.finding):
        return False
    return waiver.rule == f.rule and matches(waiver.path, f.location.path)


def _about_waivers(
    ctx: "Context", used: "set[Waiver]", rules: "Sequence[str]", whole: bool
) -> "Iterable[Finding]":
    unused, expired = (ctx.policy.level(rule, Level.WARNING) for rule in (UNUSED, EXPIRED))
    for waiver in ctx.policy.waivers:
        if waiver.rule not in rules or waiver.outside:
            continue
        about = f"the waiver of {waiver.rule} for {waiver.path}"
        found = Finding(
            Location(FILE, waiver.line, key="waivers"),
            f"{about} meets no finding",
            "remove it",
            level=unused,
            identity=f"{waiver.rule} {waiver.path} {waiver.finding}",
            rule=UNUSED,
            family=checks.RULES[waiver.rule],
        )
        if whole and waiver not in used:
            if unused is not None:
                yield found
        elif waiver.until < ctx.today and expired is not None:
            yield found._replace(
                message=f"{about} ended on {waiver.until}",
                hint="repair what it covers, or look at it again and set a new date",
                level=expired,
                rule=EXPIRED,
            )
