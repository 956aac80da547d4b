"""`sopsguard fix signers`: proposes who may sign, by the keys, the inventory and the history."""

from typing import TYPE_CHECKING

from sopsguard.cli.fix import carried_out, carrying_out
from sopsguard.cli.judging import now, policy_of, repository, seconds
from sopsguard.model import UserError

if TYPE_CHECKING:
    import argparse

HELP = "write the section `signatures` of the policy: who may sign, from which commit on; shows a plan"


def configure(parser: "argparse.ArgumentParser") -> None:
    """Its options."""
    carrying_out(parser)


def run(options: "argparse.Namespace") -> int:
    """Plan, show, and with --apply carry out; returns the exit code."""
    from sopsguard.fix.plan import Draft
    from sopsguard.fix.signers import propose

    repo = repository()
    if repo.root is None:
        raise UserError("a bare repository has no files to change", "run this in a clone")
    draft = Draft(repo.worktree(), now())
    propose(draft, draft.inventory(policy_of(draft.base).inventory), repo, seconds())
    return carried_out(repo, draft.plan(), options)
