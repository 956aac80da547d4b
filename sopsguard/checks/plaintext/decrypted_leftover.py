"""No decrypted copy of a SOPS file is left in the repository.

`sops -d secrets.yaml > secrets.dec.yaml`, an editor's swap file or a backup made before encrypting
holds everything that the encrypted file protects.

Remedy: delete the file and add its name to `.gitignore`. Replace the values if it was ever pushed.
"""

from collections.abc import Iterator

from sopsguard.checks.plaintext.found import findings
from sopsguard.context import Check, Context, Encrypted, Example
from sopsguard.model import Family, Finding, Level

ID = "decrypted-leftover"


def run(ctx: Context) -> Iterator[Finding]:
    """Files that by name and content are the decrypted form of an encrypted one."""
    remedy = "delete it and add its name to .gitignore; replace the values if it was ever pushed"
    return findings(ctx, ID, remedy, ignore=True)


CHECK = Check(
    ID,
    Family.PLAINTEXT,
    Level.WARNING,
    __doc__,
    run,
    Example(
        bad={"secrets.dec.yaml": "wireguard:\n  private_key: see the safe\n"},
        good={"secrets.yaml": Encrypted("wireguard:\n  private_key: {wireguard-key}\n")},
    ),
)
