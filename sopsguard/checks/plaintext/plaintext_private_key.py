"""No private key stands in the repository in clear.

A private key in git is in every clone, every backup and every fork, and stays there when the file is
deleted. An age identity opens every SOPS file that names its recipient; an SSH host key lets anyone
impersonate the host, and where sops-nix derives the age identity from it, opens the host's secrets
too; a WireGuard key joins the network.

The key is parsed, its checksum or structure is checked, and its public half is derived. When that
public half stands anywhere in the repository, the finding names it and lists the SOPS files it opens.
A key that fails its own check (a typing error, a sample from a manual) or that is protected by a
passphrase is a warning.

Remedy: keep age identities outside the repository (`~/.config/sops/age/keys.txt`, mode 600), put other
keys into a SOPS file and reference them. A key that was ever pushed has to be replaced: removing the
line does not unpublish it.
"""

from collections.abc import Iterator

from sopsguard.checks.plaintext.found import findings
from sopsguard.context import Check, Context, Example
from sopsguard.model import Family, Finding, Level

ID = "plaintext-private-key"


def run(ctx: Context) -> Iterator[Finding]:
    """Private keys of every kind, proved by their structure where it can be."""
    return findings(
        ctx, ID, "keep the key in a SOPS file or outside the repository, and replace it if it was ever pushed"
    )


CHECK = Check(
    ID,
    Family.PLAINTEXT,
    Level.ERROR,
    __doc__,
    run,
    Example(
        bad={"keys.txt": "# my laptop\n{age-identity}\n"},
        good={".sops.yaml": "creation_rules:\n  - age: {age-recipient}\n"},
    ),
)
