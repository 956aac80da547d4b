"""Verdicts on signatures as lines for people: what is wrong with which commit, and what helps."""

from collections import Counter
from collections.abc import Iterable, Iterator

from sopsguard.attest import Attested
from sopsguard.model import Level, discreet, printable
from sopsguard.signatures.authority import KEYS, Authority
from sopsguard.signatures.decide import Verdict
from sopsguard.signatures.reason import MEANING, PASSING, UNDECIDED, Reason

_SHOWN = 3  # paths of one commit


def lines(verdict: Verdict, level: Level, *, remedy: bool = True) -> Iterator[str]:
    """What is to be said of one commit; nothing where it passes without a notice. Without `remedy` what
    helps is left out: it was said already."""
    name = verdict.oid[:12]
    if not verdict.passes:
        kind = "unknown" if verdict.undecided else level.value
        yield f"{name}: {kind}: {printable(discreet(verdict.says))}{_where(verdict)} [{verdict.reason.value}]"
        if verdict.remedy and remedy:
            yield f"    what to do: {verdict.remedy}"
    for notice in verdict.notices:
        yield f"{name}: info: {printable(discreet(notice))}"


def _where(verdict: Verdict) -> str:
    if not verdict.paths:
        return ""
    shown = ", ".join(printable(discreet(path)) for path in verdict.paths[:_SHOWN])
    more = len(verdict.paths) - _SHOWN
    return f" ({shown}{f' and {more} more' if more > 0 else ''})"


def problems(authority: Authority) -> Iterator[str]:
    """The keys that the rules name and nobody can use."""
    for one in authority.problems:
        who = f"the key {one.fingerprint} " if one.fingerprint else ""
        yield f"{printable(discreet(one.file))}: warning: {who}cannot be used: {printable(one.why)}"


def notes(attested: Attested) -> Iterator[str]:
    """What is to be told of the signatures of a range besides what is wrong with them."""
    if attested.problem is not None:
        return  # the rules tell it
    authority = attested.trust.authority if attested.trust is not None else None
    if authority is None:
        before = f"at {attested.trust.revision[:12]}" if attested.trust is not None else "before this range"
        yield f"signatures: nothing {before} says who may sign; `sopsguard fix signers` proposes a policy"
        return
    for verdict in attested.verdicts:
        for notice in verdict.notices:
            yield f"{verdict.oid[:12]}: {discreet(notice)}"
    yield from problems(authority)
    yield summary(attested.verdicts, authority)
    if authority.by_convention:
        yield "`sopsguard fix signers` proposes a policy with a baseline, so that signatures are enforced"


def summary(verdicts: Iterable[Verdict], authority: Authority) -> str:
    """How many commits there were, how many needed a signature, how many have a good one."""
    counts: Counter[str] = Counter()
    for verdict in verdicts:
        counts["all"] += 1
        counts["old"] += verdict.reason == "pre-baseline"
        counts["accepted"] += verdict.reason == "accepted"
        counts["good"] += verdict.verified
        counts["unknown"] += verdict.undecided
        counts["bad"] += not verdict.passes and not verdict.undecided
    needed = counts["good"] + counts["bad"] + counts["unknown"]
    parts = [f"{counts['all']} commits", f"{needed} needed a signature", f"{counts['good']} verified"]
    for kind, text in (("bad", "refused"), ("unknown", "undecided"), ("accepted", "accepted by id")):
        if counts[kind]:
            parts.append(f"{counts[kind]} {text}")
    if counts["old"]:
        parts.append(f"{counts['old']} older than the baseline")
    if authority.by_convention:
        parts.append(f"no policy: whoever has a key in {KEYS} may sign, as a warning only")
    return "signatures: " + ", ".join(parts)


def meaning(code: str) -> Iterator[str]:
    """What one reason code says, and what to do about it. Raises `ValueError` for what is none."""
    reason = Reason(code)
    says, remedy = MEANING[reason]
    yield f"{reason.value} · {_outcome(reason)}"
    yield ""
    yield f"The commit {says}."
    if remedy:
        yield ""
        yield f"Remedy: {remedy}."


def reference() -> Iterator[str]:
    """Every reason code in Markdown, as `docs/signatures.md` has them."""
    for reason in Reason:
        says, remedy = MEANING[reason]
        yield f"- **`{reason.value}`** ({_outcome(reason)}): the commit {says}."
        if remedy:
            yield f"  What to do: {remedy}."


def _outcome(reason: Reason) -> str:
    if reason in PASSING:
        return "passes"
    return "cannot be decided" if reason in UNDECIDED else "refused"
