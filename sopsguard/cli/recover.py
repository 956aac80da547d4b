"""`sopsguard fix recover NAME`: replaces a lost key with the help of any other identity, in two runs."""

import os
import sys
from typing import TYPE_CHECKING

from sopsguard.cli.fix import carried_out, carrying_out
from sopsguard.cli.judging import identities_of, now, repository
from sopsguard.cli.planning import place_for
from sopsguard.cli.revoke import judged, setting_of
from sopsguard.model import UserError, printable

if TYPE_CHECKING:
    import argparse

HELP = "replace a lost key with the help of another identity, in two runs; shows a plan unless --apply"


def configure(parser: "argparse.ArgumentParser") -> None:
    """Its options."""
    carrying_out(parser)
    parser.add_argument("name", metavar="NAME", help="whose key is lost")
    parser.add_argument("--lost", metavar="RECIPIENT", help="which key, if there are several")
    parser.add_argument(
        "--to", metavar="FILE", help="where the new key is written (default: where sops looks)"
    )
    parser.add_argument(
        "--destroyed",
        action="store_true",
        help="nobody else can ever have the lost key: values stay, only data keys are new",
    )


def run(options: "argparse.Namespace") -> int:
    """Plan, show, and with --apply carry out; returns the exit code."""
    from sopsguard import hooks
    from sopsguard.fix import apply, program
    from sopsguard.fix.plan import Draft
    from sopsguard.fix.recover import lost_key, new_key, recover
    from sopsguard.sops.identity import Source, parse

    repo = repository()
    if repo.root is None:
        raise UserError("a bare repository has no files to change", "run this in a clone")
    target = hooks.everything(repo)
    ctx = judged(target, target.snapshot)
    place = place_for(repo.root, options.to)
    keys = identities_of(options.identity)
    present = None
    if os.path.lexists(place):
        try:
            with open(place, "rb") as file:
                there = parse(file.read(1 << 20), Source("file", place))
        except OSError as e:
            raise UserError(
                f"{printable(place)} cannot be read: {e.strerror}", "see its permissions"
            ) from None
        present = [one.label for one in there.usable if one.label.startswith("age1")]
        keys = keys + there
    at_hand = [one.label for one in keys.usable if one.label.startswith("age1")]
    holder, lost = lost_key(ctx, options.name, at_hand, options.lost)
    draft = Draft(repo.worktree(), now(), program.find(os.environ, options.identity))
    new = new_key(ctx, holder, present, draft.modified)
    setting = setting_of(repo, target, keeps_values=options.destroyed)
    recover(draft, ctx, holder, lost, new, keys, setting)
    plan = draft.plan()
    if new.text is not None:
        print(f"• make a new age identity for {holder.name} ({new.recipient}): {printable(place)}")
        if options.apply and plan.changes:
            if not keys:
                raise UserError("no identity is at hand that opens the files", "name one with --identity")
            if "access" not in options.confirm and not sys.stdin.isatty():
                raise UserError("the plan gives the new key access", "agree with --confirm access")
            # Before anything is encrypted for it: nothing may be lost that only this key opens.
            apply.deliver(place, new.text.encode())
    return carried_out(repo, plan, options)
