"""Nothing is older than the upper limit of the schedule.

What is overdue by the schedule (see `rotation-due`) is a warning: most repositories begin with old values,
and a guard that stops everybody is switched off. It is an error in a change that gives such a value to one
more reader, moves it, or wraps its data key anew without replacing it: then somebody was at work there and
took the old value along. State `rotation-overdue: error` under `levels` to make it an error always.

Remedy: put a new value in its place and deploy it. Or accept it until a day with a waiver.
"""

from collections.abc import Iterator

from sopsguard.checks.aging import day, place, readers, remedy, subject, unknowns
from sopsguard.context import Check, Context, Encrypted, Example
from sopsguard.history import facts_of
from sopsguard.model import Family, Finding, Level, Renew, Unknown
from sopsguard.rotation import Age
from sopsguard.sops.file import SopsFile


def run(ctx: Context) -> Iterator[Finding | Unknown]:
    """What is overdue: all, or of a change what it takes along."""
    taken = _taken_along(ctx) if ctx.before is not None else None
    if taken is None and ctx.managed.concerned is not None:
        return
    if taken is not None and not taken:
        return
    yield from unknowns(ctx)
    always = ctx.policy.levels.get(CHECK.id) == Level.ERROR
    for age in ctx.ages:
        if age.overdue is None or age.overdue > ctx.now:
            continue
        if taken is None:
            yield _finding(ctx, age, "", None if always else Level.WARNING)
        elif age.key and age.path in taken:
            yield _finding(ctx, age, f"; this change {taken[age.path]} without replacing it", None)


def _finding(ctx: Context, age: Age, more: str, level: Level | None) -> Finding:
    return Finding(
        place(ctx, age.path, age.key),
        f"{subject(ctx, age)} has not changed since {day(age.since)}: overdue since {day(age.overdue or 0)}"
        f" ({age.name}){more}",
        remedy(age),
        level=level,
        identity=age.holder,
        intent=Renew(age.path, age.key) if age.key else None,
    )


def _taken_along(ctx: Context) -> dict[str, str]:
    """The files that a change opens to more readers, moves or wraps anew, and which of that it does."""
    found = {}
    assert ctx.before is not None
    for path, file in ctx.managed.files.items():
        if not isinstance(file, SopsFile):
            continue
        old = ctx.before.files.get(path)
        if not isinstance(old, SopsFile):
            found[path] = "moves the file, or encrypts it,"
        elif more := readers(file) - readers(old):
            found[path] = f"gives it to {len(more)} more reader{'s' if len(more) > 1 else ''}"
        elif not set(facts_of(file).wraps) & set(facts_of(old).wraps):
            found[path] = "wraps its data key anew"
    return found


CHECK = Check(
    "rotation-overdue",
    Family.ROTATION,
    Level.ERROR,
    __doc__,
    run,
    Example(
        bad={
            ".sopsguard.yaml": "levels:\n  rotation-overdue: error\n"
            "rotation:\n  classes:\n    tokens: {keys: [token], overdue: 1 day}\n",
            "secrets.yaml": Encrypted("token: something that was put there long ago\n"),
        },
        good={
            ".sopsguard.yaml": "rotation:\n  classes:\n    tokens: {keys: [token], overdue: 900 years}\n",
            "secrets.yaml": Encrypted("token: something that was put there long ago\n"),
        },
    ),
)
