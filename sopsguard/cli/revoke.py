"""`sopsguard fix revoke NAME`: ends the access of a host, a person or a service, and lists what it leaves."""

import os
from typing import TYPE_CHECKING

from sopsguard.cli.fix import carried_out, carrying_out
from sopsguard.cli.judging import history_of, identities_of, now, policy_of, repository, today
from sopsguard.managed import looks_like_sops
from sopsguard.model import UserError

if TYPE_CHECKING:
    import argparse

    from sopsguard.context import Context
    from sopsguard.fix.revoke import Setting
    from sopsguard.git import Repository
    from sopsguard.hooks import Target
    from sopsguard.snapshot import Snapshot

HELP = "end somebody's access: take them out, new data keys, new values; shows a plan unless --apply"


def configure(parser: "argparse.ArgumentParser") -> None:
    """Its options."""
    carrying_out(parser)
    parser.add_argument("name", metavar="NAME", help="a host, a person, a service, or a recipient")
    parser.add_argument(
        "--compromised",
        action="store_true",
        help="somebody else has the key: also what it may have read, and what keys open that it could read",
    )


def run(options: "argparse.Namespace") -> int:
    """Plan, show, and with --apply carry out; returns the exit code."""
    from sopsguard import hooks
    from sopsguard.fix import program
    from sopsguard.fix.knowledge import whom
    from sopsguard.fix.plan import Draft
    from sopsguard.fix.revoke import revoke

    repo = repository()
    if repo.root is None:
        raise UserError("a bare repository has no files to change", "run this in a clone")
    target = hooks.everything(repo)
    ctx = judged(target, target.snapshot)
    who = whom(ctx, options.name)
    keys = identities_of(options.identity)
    draft = Draft(repo.worktree(), now(), program.find(os.environ, options.identity))
    revoke(draft, ctx, who, keys, setting_of(repo, target, compromised=options.compromised))
    plan = draft.plan()
    if options.apply and plan.refusals and not any(looks_like_sops(w.judged or b"") for w in plan.changes):
        # Rules without their files would say that it is done.
        hint = "name one that does with --identity; without --apply the plan is shown as far as it goes"
        raise UserError("no identity at hand opens the files, so nothing is written", hint)
    return carried_out(repo, plan, options)


def setting_of(
    repo: "Repository", target: "Target", *, compromised: bool = False, keeps_values: bool = False
) -> "Setting":
    """What a revocation is told from outside."""
    from sopsguard.fix.revoke import Setting

    head = repo.resolve("HEAD") if repo.head is not None else None
    return Setting(today().isoformat(), head, lambda side: judged(target, side), compromised, keeps_values)


def judged(target: "Target", snapshot: "Snapshot") -> "Context":
    """A state of the work tree with its history."""
    from sopsguard.context import Context

    return Context(
        snapshot,
        tuple,
        policy=policy_of(snapshot),
        clock=lambda: today().isoformat(),
        history=lambda: history_of(target),
    )
