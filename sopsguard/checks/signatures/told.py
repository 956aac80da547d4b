"""From the verdict on a commit to a finding: which commit, what it touches, why it may not stand."""

from collections.abc import Iterator

from sopsguard.attest import Attested
from sopsguard.checks import RULES
from sopsguard.contents import COMMIT_MESSAGE
from sopsguard.context import Context
from sopsguard.model import Family, Finding, Level, Location, Unknown, printable
from sopsguard.signatures.decide import Verdict
from sopsguard.signatures.reason import PASSING, UNDECIDED, Reason

# Which rule tells each reason that is neither passing nor undecided; a test holds the list complete.
TOLD_BY = {
    Reason.UNSIGNED: "unsigned-commit",
    Reason.NOT_AUTHORISED: "unauthorised-change",
    Reason.ROLE_MISSING: "unauthorised-change",
    Reason.IMPURE_MERGE: "unauthorised-change",
    Reason.IDENTITY_MISMATCH: "unauthorised-change",
    Reason.RETIRED_KEY: "unauthorised-change",
    Reason.UNKNOWN_KEY: "untrusted-signature",
    Reason.WRONG_USAGE: "untrusted-signature",
    Reason.WEAK_HASH: "untrusted-signature",
    Reason.WEAK_KEY: "untrusted-signature",
    Reason.TOUCH_MISSING: "untrusted-signature",
    Reason.VERIFY_MISSING: "untrusted-signature",
    Reason.KEY_EXPIRED_AT_SIGNING: "untrusted-signature",
    Reason.KEY_EXPIRED: "untrusted-signature",
    Reason.KEY_REVOKED: "untrusted-signature",
    Reason.SIGNATURE_EXPIRED: "untrusted-signature",
    Reason.SIGNED_IN_FUTURE: "untrusted-signature",
    Reason.TIME_SKEW: "untrusted-signature",
    Reason.TIME_BACKWARDS: "untrusted-signature",
    Reason.MALFORMED: "broken-signature",
    Reason.MULTIPLE_SIGNATURES: "broken-signature",
    Reason.UNSUPPORTED_FORMAT: "broken-signature",
    Reason.BAD_SIGNATURE: "broken-signature",
    Reason.WRONG_NAMESPACE: "broken-signature",
}
assert TOLD_BY.keys() | PASSING | UNDECIDED == set(Reason)

_SHOWN = 3  # protected paths of one commit that a message names


def said(ctx: Context, rule: str) -> Iterator[Finding | Unknown]:
    """What one rule says of the commits under judgement. What could not be decided is told once, by the first
    rule of the family that runs."""
    attested = ctx.signatures
    if attested is None:
        return
    level = None if attested.has_policy else Level.WARNING
    for verdict in attested.verdicts:
        if not verdict.passes and not verdict.undecided and TOLD_BY[verdict.reason] == rule:
            yield _finding(verdict, level)
    first = next((r for r in RULES if RULES[r] is Family.SIGNATURES and r in ctx.runs), rule)
    if rule == first:
        yield from _undecided(ctx, attested)


def _finding(verdict: Verdict, level: Level | None) -> Finding:
    shown = ", ".join(printable(path) for path in verdict.paths[:_SHOWN])
    more = len(verdict.paths) - _SHOWN
    touches = f"; it touches {shown}{' and more' if more > 0 else ''}" if shown else ""
    return Finding(
        _place(verdict),
        f"the commit {verdict.says}{touches} ({verdict.reason.value})",
        verdict.remedy,
        level=level,
        identity=f"{verdict.oid} {verdict.reason.value}",
    )


def _place(verdict: Verdict) -> Location:
    path = verdict.paths[0] if verdict.paths else COMMIT_MESSAGE
    return Location(path, commit=verdict.oid)


def _undecided(ctx: Context, attested: Attested) -> Iterator[Unknown]:
    """Where a policy asks for signatures, a commit that cannot be judged does not pass in silence."""
    for verdict in attested.verdicts:
        if verdict.undecided:
            yield Unknown(
                _place(verdict),
                f"the commit {verdict.says} ({verdict.reason.value})",
                verdict.remedy,
                blocking=attested.has_policy,
            )
    about = Location(COMMIT_MESSAGE)
    if attested.problem is not None:
        problem = attested.problem
        yield Unknown(
            about,
            f"the signatures could not be judged: {problem.message}",
            problem.hint or "a whole repository",
            blocking=attested.has_policy,
        )
    elif (attested.trust is None or attested.trust.authority is None) and (
        Family.SIGNATURES in ctx.policy.require
    ):
        yield Unknown(
            about,
            "signatures are required, and nothing that was trusted before these commits says who may sign",
            "`sopsguard fix signers` writes a policy; it counts once it is part of the base branch",
        )
