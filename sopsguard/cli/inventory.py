"""`sopsguard fix inventory`: writes down who there is."""

from typing import TYPE_CHECKING

from sopsguard.cli.fix import carried_out, carrying_out
from sopsguard.cli.planning import bench

if TYPE_CHECKING:
    import argparse

HELP = "write inventory.yaml from what the tree shows: hosts, people, their keys; shows a plan unless --apply"


def configure(parser: "argparse.ArgumentParser") -> None:
    """Its options."""
    carrying_out(parser)


def run(options: "argparse.Namespace") -> int:
    """Plan, show, and with --apply carry out; returns the exit code."""
    from sopsguard.fix import listing

    work = bench(options)
    listing.write(work.draft, work.ctx.inventory)
    return carried_out(work.repo, work.draft.plan(), options)
