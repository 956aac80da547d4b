"""`sopsguard fix config`: begins settings, hooks and workflow in a repository that is there."""

from typing import TYPE_CHECKING

from sopsguard.cli.fix import carried_out, carrying_out
from sopsguard.cli.planning import bench

if TYPE_CHECKING:
    import argparse

HELP = "begin .sopsguard.yaml, hooks and workflow in this repository; shows a plan unless --apply"


def configure(parser: "argparse.ArgumentParser") -> None:
    """Its options."""
    carrying_out(parser)


def run(options: "argparse.Namespace") -> int:
    """Plan, show, and with --apply carry out; returns the exit code."""
    from sopsguard.fix import begin

    work = bench(options)
    begin.config(work.draft, work.ctx)
    return carried_out(work.repo, work.draft.plan(), options)
