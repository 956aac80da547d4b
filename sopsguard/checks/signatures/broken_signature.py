"""A commit and its signature are whole and belong together.

A signature that does not fit its commit means that one of them was changed after it was made. Commits that
programs read differently (two signatures, two authors, text around the armor) are refused whatever one of
their readings says: which one counts would depend on who looks.

Remedy: find out who changed it after it was signed; if it was you, make the commit anew:
`git commit --amend -S --no-edit`.
"""

from collections.abc import Iterator

from sopsguard.checks.signatures.told import said
from sopsguard.context import Check, Context, Example, Signed
from sopsguard.model import Family, Finding, Level, Unknown

POLICY = """\
signatures:
  protect: ["secrets/**"]
  signers:
    alice:
      roles: [commit, admin]
      emails: [alice@example.org]
      ssh: ["{ssh-alice}"]
    bob:
      roles: [commit]
      emails: [bob@example.org]
      ssh: ["{ssh-bob}"]
"""
BASE = {".sopsguard.yaml": POLICY, "secrets/note": "one\n"}


def run(ctx: Context) -> Iterator[Finding | Unknown]:
    """Every commit whose signature does not belong to it, or cannot be read in one way only."""
    return said(ctx, CHECK.id)


CHECK = Check(
    "broken-signature",
    Family.SIGNATURES,
    Level.ERROR,
    __doc__,
    run,
    Example(
        bad=BASE,
        good=BASE,
        then_bad=(Signed({"secrets/note": "two\n"}, by="alice", altered=True),),
        then_good=(Signed({"secrets/note": "two\n"}, by="alice"),),
    ),
)
