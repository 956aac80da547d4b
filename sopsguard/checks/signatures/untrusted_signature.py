"""A signature that counts is made by a key that counts.

A good signature proves no more than that somebody has the key. It counts when the policy of the trusted side
names that key, and when the key was neither expired nor revoked, is strong enough, was made for signing, and
(for a security key, where the policy asks for it) was touched. The time of a signature has to fit the commit
and what came before it.

Remedy: the message names it for each reason; for an unknown key, sign with the one that the policy lists
(`git config user.signingkey`), or have an admin add it first.
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
    """Every commit signed with a key that does not count."""
    return said(ctx, CHECK.id)


CHECK = Check(
    "untrusted-signature",
    Family.SIGNATURES,
    Level.ERROR,
    __doc__,
    run,
    Example(
        bad=BASE,
        good=BASE,
        then_bad=(Signed({"secrets/note": "two\n"}, by="mallory"),),
        then_good=(Signed({"secrets/note": "two\n"}, by="alice"),),
    ),
)
