"""A change of something protected is signed by somebody who may make it.

Not everybody who may commit may also say who else may: the policy, the signing keys, the workflows need
somebody with the role admin. A change cannot authorise its own key, the key of a forge (web editor, squash
button) authorises no content, and a merge that changes something protected by itself is a change like any
other. The committer has to be the one who signed.

Remedy: somebody with the role that the message names makes the change, or signs it; a new signer is added in
a change of its own first. What is merged is merged with a signed merge, not squashed.
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
    """Every commit whose signature does not go with what it changes."""
    return said(ctx, CHECK.id)


CHECK = Check(
    "unauthorised-change",
    Family.SIGNATURES,
    Level.ERROR,
    __doc__,
    run,
    Example(
        bad=BASE,
        good=BASE,
        then_bad=(Signed({".sopsguard.yaml": POLICY.replace("[commit]", "[admin]")}, by="bob"),),
        then_good=(Signed({".sopsguard.yaml": POLICY.replace("[commit]", "[admin]")}, by="alice"),),
    ),
)
