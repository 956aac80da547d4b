"""`sopsguard status`: who reads what, and how we know."""

from typing import TYPE_CHECKING

from sopsguard.cli import OK
from sopsguard.cli.judging import policy_of, repository
from sopsguard.model import discreet

if TYPE_CHECKING:
    import argparse

HELP = "who reads what and how we know: proved by a committed key, stated in the inventory, or named only"


def configure(parser: "argparse.ArgumentParser") -> None:
    """Its options."""
    parser.add_argument("--rev", metavar="REV", help="at this commit instead of in the work tree")
    parser.add_argument("--format", choices=("text", "json", "csv", "markdown"), default="text")


def run(options: "argparse.Namespace") -> int:
    """Print it."""
    from sopsguard.context import Context
    from sopsguard.report import status

    repo = repository()
    commit = repo.resolve(options.rev) if options.rev else None
    snapshot = repo.tree(commit) if commit else repo.worktree()
    view = Context(snapshot, tuple, policy=policy_of(snapshot)).access
    rows = status.rows(view)
    if options.format == "json":
        print(discreet(status.json(rows, commit or "worktree")))
    elif options.format == "csv":
        print(discreet(status.csv(rows)), end="")
    elif options.format == "markdown":
        for line in status.markdown(rows, sorted(view.files)):
            print(discreet(line))
    else:
        for line in status.text(rows, len(view.files)):
            print(discreet(line))
    return OK
