"""`sopsguard demo`: show it at work on a throw-away repository."""

from typing import TYPE_CHECKING

from sopsguard.cli import OK

if TYPE_CHECKING:
    import argparse


HELP = "show it at work on a throw-away repository"


def configure(_: "argparse.ArgumentParser") -> None:
    """It has no options."""


def run(_: "argparse.Namespace") -> int:
    """Run it and print what happens."""
    from sopsguard import demo
    from sopsguard.cli.judging import now

    for line in demo.run(now()):
        print(line, flush=True)
    return OK
