"""Nothing is older than the lower limit of the schedule.

The schedule says for each class of secrets when to think of replacing one (`due`) and when it is too late
(`overdue`). By default: WireGuard keys 6 and 12 months, OpenPGP subkeys 1 and 2 years, age keys 2 and 3
years; passwords of applications and SSH host keys have no limit. The age is that of the value itself, from
git: `sops rotate`, `sops updatekeys` and encrypting anew do not make it younger. Only what is certainly that
old is told.

Remedy: put a new value in its place and deploy it. Or state another limit under `rotation: classes:`, or the
day on which it was replaced under `rotation: rotated:`, in `.sopsguard.yaml`.
"""

from collections.abc import Iterator

from sopsguard.checks.aging import day, place, remedy, subject, unknowns
from sopsguard.context import Check, Context, Encrypted, Example
from sopsguard.history import Timeline
from sopsguard.model import Family, Finding, Level, Renew, Unknown
from sopsguard.rotation import schedule


def run(ctx: Context) -> Iterator[Finding | Unknown]:
    """What is due and not overdue yet; nothing for a change, which is not about what is old."""
    schedule(ctx.policy.rotation)  # a mistake there stops every run, not only one that asks for ages
    if ctx.before is not None or ctx.managed.concerned is not None:
        return
    yield from unknowns(ctx)
    timeline = ctx.timeline
    for age in ctx.ages if isinstance(timeline, Timeline) else ():
        late = age.overdue is not None and age.overdue <= ctx.now
        if late or age.due is None or age.due > ctx.now:
            continue
        until = f" and overdue on {day(age.overdue)}" if age.overdue is not None else ""
        yield Finding(
            place(ctx, age.path, age.key),
            f"{subject(ctx, age)} has not changed since {day(age.since)}: due since {day(age.due)}{until}"
            f" ({age.name})",
            remedy(age),
            identity=age.holder,
            intent=Renew(age.path, age.key) if age.key else None,
        )


CHECK = Check(
    "rotation-due",
    Family.ROTATION,
    Level.INFO,
    __doc__,
    run,
    Example(
        bad={
            ".sopsguard.yaml": "rotation:\n  classes:\n    tokens: {keys: [token], due: 1 day}\n",
            "secrets.yaml": Encrypted("token: something that was put there long ago\n"),
        },
        good={
            ".sopsguard.yaml": "rotation:\n  classes:\n    tokens: {keys: [token], due: 900 years}\n",
            "secrets.yaml": Encrypted("token: something that was put there long ago\n"),
        },
    ),
)
