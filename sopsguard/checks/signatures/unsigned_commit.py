"""A commit that touches secrets, keys, recipients or policy is signed.

Anybody can write any name into a commit. Who may change what is encrypted, for whom, and by whose word, is
only known of a commit that carries a signature. Which paths are protected and who may sign stands in the
section `signatures` of `.sopsguard.yaml` of the trusted side (the base branch, or where the range starts),
never in the change itself; without it, whoever has a public key in `keys/*.asc` there may sign, and this is a
warning.

Remedy: `git commit --amend -S --no-edit` for the last commit,
`git rebase --exec 'git commit --amend -S --no-edit' BASE` for older ones that are not published.
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
    """Every commit that had to be signed and was not."""
    return said(ctx, CHECK.id)


CHECK = Check(
    "unsigned-commit",
    Family.SIGNATURES,
    Level.ERROR,
    __doc__,
    run,
    Example(
        bad=BASE,
        good=BASE,
        then_bad=(Signed({"secrets/note": "two\n"}, by=""),),
        then_good=(Signed({"secrets/note": "two\n"}, by="bob"),),
    ),
)
