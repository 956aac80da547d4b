"""What the commands that plan changes of their own share: the work tree, opened, and a draft over it."""

from typing import TYPE_CHECKING, NamedTuple

from sopsguard.cli.judging import history_of, identities_of, now, policy_of, repository, today
from sopsguard.model import UserError

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
    return Bench(repo, Draft(worktree, now()), ctx, keys)
