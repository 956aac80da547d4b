"""`sopsguard why`: which rule a path gets, who reads it, what is in clear."""

from typing import TYPE_CHECKING

from sopsguard.cli import OK
from sopsguard.cli.judging import inside, repository
from sopsguard.model import discreet

if TYPE_CHECKING:
    import argparse


HELP = "which creation rule a path gets and why, who can read it, what is in clear"


def configure(parser: "argparse.ArgumentParser") -> None:
    """Its options."""
    parser.add_argument("--rev", metavar="REV", help="at this commit instead of in the work tree")
    parser.add_argument("paths", nargs="+", metavar="PATH", help="a file; it need not exist")


def run(options: "argparse.Namespace") -> int:
    """Print it for each path."""
    from sopsguard.managed import Managed
    from sopsguard.report import why

    repo = repository()
    snapshot = repo.tree(repo.resolve(options.rev)) if options.rev else repo.worktree()
    for path in options.paths:
        for line in why.lines(Managed(snapshot), inside(repo, path)):
            print(discreet(line))
    return OK
