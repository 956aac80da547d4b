"""`sopsguard fix rotate WHAT…`: new values for a file, a class of the schedule, or a host."""

from typing import TYPE_CHECKING

from sopsguard.cli.fix import carried_out, carrying_out
from sopsguard.cli.planning import bench

if TYPE_CHECKING:
    import argparse

    from sopsguard.snapshot import Snapshot

HELP = "make new values: of a file, a class of the schedule, or a host; shows a plan unless --apply"


def configure(parser: "argparse.ArgumentParser") -> None:
    """Its options."""
    carrying_out(parser)
    parser.add_argument(
        "words",
        nargs="+",
        metavar="WHAT",
        help="PATH or PATH:KEY, a class (wireguard, ssh, age, passwords, openpgp, …), or the name of a host",
    )


def run(options: "argparse.Namespace") -> int:
    """Plan, show, and with --apply carry out; returns the exit code."""
    from sopsguard.fix.rotate import rotate

    work = bench(options)

    def committed() -> "Snapshot | None":
        return work.repo.tree(work.repo.resolve("HEAD")) if work.repo.head is not None else None

    rotate(work.draft, work.ctx, options.words, work.identities, committed)
    return carried_out(work.repo, work.draft.plan(), options)
