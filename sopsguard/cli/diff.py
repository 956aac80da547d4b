"""`sopsguard diff`: which values a change touches, and who gains or loses access."""

from typing import TYPE_CHECKING

from sopsguard.cli import OK
from sopsguard.cli.judging import policy_of, repository
from sopsguard.model import UserError, discreet

if TYPE_CHECKING:
    import argparse

HELP = "what a change does to secrets: keys added, changed, moved; who gains and loses access; never a value"


def configure(parser: "argparse.ArgumentParser") -> None:
    """Its options."""
    parser.add_argument("range", metavar="A..B", help="two commits; `A..` compares with the work tree")
    parser.add_argument("--format", choices=("text", "json"), default="text")


def run(options: "argparse.Namespace") -> int:
    """Print it."""
    from sopsguard.access import Change
    from sopsguard.access.edits import edits
    from sopsguard.context import Context
    from sopsguard.managed import Managed
    from sopsguard.report import diff

    repo = repository()
    base, dots, tip = options.range.partition("..")
    if not dots or tip.startswith("."):
        raise UserError(
            f"{options.range!r} is not a range", "write it as A..B; A.. compares with the work tree"
        )
    before = repo.tree(repo.resolve(base or "HEAD"))
    now = repo.tree(repo.resolve(tip)) if tip else repo.worktree()
    ctx = Context(now, tuple, policy=policy_of(now), before=Managed(before))
    assert ctx.before is not None
    found = edits(ctx.before, ctx.managed)
    change, view, past = ctx.access.change or Change(), ctx.access, ctx.past.access
    if options.format == "json":
        print(discreet(diff.json(found, change, view, past)))
        return OK
    for line in diff.text(found, change, view, past):
        print(discreet(line))
    return OK
