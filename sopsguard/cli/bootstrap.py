"""`sopsguard fix bootstrap`: begins an infrastructure from its inventory, without any network."""

import os
from typing import TYPE_CHECKING

from sopsguard.cli.fix import carried_out, carrying_out
from sopsguard.cli.planning import bench, place_for
from sopsguard.model import UserError, printable

if TYPE_CHECKING:
    import argparse

HELP = "make all keys, secrets and settings of a new infrastructure from inventory.yaml; needs no network"


def configure(parser: "argparse.ArgumentParser") -> None:
    """Its options."""
    carrying_out(parser)


def run(options: "argparse.Namespace") -> int:
    """Plan, show, and with --apply carry out; returns the exit code."""
    from sopsguard.fix import apply
    from sopsguard.fix.bootstrap import bootstrap

    work = bench(options)
    at_hand = next((i.label for i in work.identities.usable if i.label.startswith("age1")), None)
    identity = bootstrap(work.draft, work.ctx, at_hand)
    if identity is not None and identity.text is not None:
        path = place_for(work.repo.root or "")
        if os.path.lexists(path):
            raise UserError(
                f"{printable(path)} is there already and yields no age identity that can be used here",
                f"state the recipient of {identity.owner} in inventory.yaml",
            )
        print(f"• make the age identity of {identity.owner} ({identity.recipient}): {printable(path)}")
        print("    only its owner can read it. Back it up: whoever loses it needs the recovery key")
        if options.apply and not work.draft.plan().refusals:
            # Before anything is encrypted for it: nothing may be lost that only this key opens.
            apply.deliver(path, identity.text.encode())
    return carried_out(work.repo, work.draft.plan(), options)
