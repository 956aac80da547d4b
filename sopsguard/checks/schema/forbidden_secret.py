"""No SOPS file holds the secret half of an OpenPGP key.

OpenPGP keys of people live on hardware tokens, from which they cannot be copied. A copy in a file can be
read by every recipient, is kept in the history for ever, and signs in the name of a person.

Found with a key (`sopsguard check --decrypt`) by the text itself; without one by names that mean nothing
else (`gpg.….private_key`, `openpgp.….secret_key`) and the length. Where a program needs such a key in
a file, waive it with the reason.

Remedy: remove it with `sops edit`, and treat the key as one that everybody had who could read the file.
"""

from collections.abc import Iterator

from sopsguard.checks.structural import located
from sopsguard.context import Check, Context, Encrypted, Example
from sopsguard.model import Confidence, Family, Finding, Level
from sopsguard.structure.names import ARMOR

HINT = (
    "remove it with `sops edit`; whoever could read the file had it: revoke the key, and make one on a token"
)


def run(ctx: Context) -> Iterator[Finding]:
    """OpenPGP secret keys, proved or by name and length."""
    for path, secrets in ctx.structure.forbidden.items():
        for secret in secrets:
            name = secret.place.key or "the file"
            known = "" if secret.proved else " by name and length"
            yield Finding(
                located(path, secret.place),
                f"{name} is an OpenPGP secret key{known}: those belong on hardware tokens only",
                HINT,
                Confidence.PROVED if secret.proved else Confidence.LIKELY,
            )


CHECK = Check(
    "forbidden-secret",
    Family.SCHEMA,
    Level.ERROR,
    __doc__,
    run,
    Example(
        bad={
            "secrets.yaml": Encrypted(
                f"gpg:\n  someone:\n    secret_key: |\n      {ARMOR}\n\n      a sample without a key in it\n"
            )
        },
        good={"secrets.yaml": Encrypted("gpg:\n  someone:\n    fingerprint: of the key on the token\n")},
    ),
)
