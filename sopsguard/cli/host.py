"""`sopsguard fix host NAME`: everything that a new machine needs, or what one lacks."""

from typing import TYPE_CHECKING

from sopsguard.cli.fix import carried_out, carrying_out
from sopsguard.cli.planning import bench

if TYPE_CHECKING:
    import argparse

HELP = "make the keys and secrets of a new host, and name it everywhere; shows a plan unless --apply"


def configure(parser: "argparse.ArgumentParser") -> None:
    """Its options."""
    carrying_out(parser)
    parser.add_argument("name", metavar="NAME", help="the name of the machine, as in networking.hostName")
    parser.add_argument("--hub", action="store_true", help="it is the hub of the WireGuard mesh")
    parser.add_argument("--rsa", action="store_true", help="an RSA host key too, for old SSH clients")
    parser.add_argument(
        "--from-ssh",
        action="store_true",
        default=None,
        help="it opens secrets with its SSH host key (the default where the others do)",
    )


def run(options: "argparse.Namespace") -> int:
    """Plan, show, and with --apply carry out; returns the exit code."""
    from sopsguard.fix.host import Wish, add

    work = bench(options)
    wish = Wish(options.name, options.hub, options.rsa, options.from_ssh)
    add(work.draft, work.ctx, work.identities, wish)
    return carried_out(work.repo, work.draft.plan(), options)
