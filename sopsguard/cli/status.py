"""`sopsguard status`: who reads what, how we know, and what comes due."""

from typing import TYPE_CHECKING

from sopsguard.cli import OK
from sopsguard.cli.judging import day, history_of, policy_of, repository, today
from sopsguard.model import discreet, printable

if TYPE_CHECKING:
    import argparse

HELP = "who reads what, how we know (proved, stated in the inventory, named only), and what comes due"


def configure(parser: "argparse.ArgumentParser") -> None:
    """Its options."""
    parser.add_argument("--rev", metavar="REV", help="at this commit instead of in the work tree")
    parser.add_argument(
        "--as-of", metavar="DATE", type=day, help="the calendar as on this day: what will be overdue by then?"
    )
    parser.add_argument("--format", choices=("text", "json", "csv", "markdown"), default="text")


def run(options: "argparse.Namespace") -> int:
    """Print it."""
    from sopsguard import hooks
    from sopsguard.context import Context
    from sopsguard.history import Missing
    from sopsguard.report import calendar, status

    repo = repository()
    target = hooks.revision(repo, options.rev) if options.rev else hooks.everything(repo)
    ctx = Context(
        target.snapshot,
        tuple,
        policy=policy_of(target.snapshot),
        clock=lambda: options.as_of or today().isoformat(),
        history=lambda: history_of(target),
    )
    view = ctx.access
    rows = status.rows(view)
    dates = calendar.entries(ctx.ages, view, ctx.now)
    if options.format == "json":
        print(discreet(status.json(rows, target.rev or "worktree", calendar.document(dates))))
    elif options.format == "csv":
        print(discreet(status.csv(rows)), end="")
    elif options.format == "markdown":
        for line in status.markdown(rows, sorted(view.files)):
            print(discreet(line))
    else:
        for line in (*status.text(rows, len(view.files)), "", *calendar.lines(dates)):
            print(discreet(line))
        timeline = ctx.timeline
        gaps = (timeline,) if isinstance(timeline, Missing) else timeline.missing if timeline else ()
        for missing in gaps:
            print(f"unknown: {printable(missing.reason)}; needed: {printable(missing.needed)}")
    return OK
