"""What the commands that plan changes of their own share: the work tree, opened, and a draft over it; and
where a new identity goes."""

import os
import sys
from typing import TYPE_CHECKING, NamedTuple

from sopsguard.cli.judging import history_of, identities_of, now, policy_of, repository, today
from sopsguard.model import UserError, printable

if TYPE_CHECKING:
    import argparse

    from sopsguard.context import Context
    from sopsguard.fix.plan import Draft
    from sopsguard.git import Repository
    from sopsguard.sops.identity import Identities


class Bench(NamedTuple):
    """Where a change is planned; `ctx` shows the work tree as it is, opened as far as `identities` do."""

    repo: "Repository"
    draft: "Draft"
    ctx: "Context"
    identities: "Identities"


def bench(options: "argparse.Namespace") -> Bench:
    """The work tree of this repository. Raises `UserError` where there is none."""
    from sopsguard import hooks
    from sopsguard.context import Context
    from sopsguard.fix import program
    from sopsguard.fix.plan import Draft

    repo = repository()
    if repo.root is None:
        raise UserError("a bare repository has no files to change", "run this in a clone")
    keys = identities_of(options.identity)
    worktree = repo.worktree()
    ctx = Context(
        worktree,
        tuple,
        policy=policy_of(worktree),
        clock=lambda: today().isoformat(),
        identities=keys or None,
        history=lambda: history_of(hooks.everything(repo)),
    )
    draft = Draft(worktree, now(), program.find(os.environ, options.identity))
    return Bench(repo, draft, ctx, keys)


def place_for(root: str, given: str | None = None) -> str:
    """Where a new identity goes: where the user says, else where sops looks first. Raises `UserError` for a
    place in the repository."""
    from sopsguard.sops.identity import sources

    places = [s.where for s in sources(os.environ, sys.platform) if s.kind == "file" and not s.ssh]
    if given is None and not places:
        raise UserError(
            "there is no place for an identity", "set HOME, or name a file in SOPS_AGE_KEY_FILE or with --to"
        )
    place = os.path.abspath(given or places[0])
    if os.path.realpath(place).startswith(os.path.realpath(root) + os.sep):
        raise UserError(f"{printable(place)} lies in the repository", "a private key belongs outside of it")
    return place
