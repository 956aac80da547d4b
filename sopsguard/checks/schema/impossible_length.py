"""Every key has the length that a key of its kind has.

Encryption keeps lengths. A WireGuard key has 44 bytes, an age identity 74 or, as a whole file of
age-keygen, more, an SSH host key at least 118: a value of another length was cut off, or is something
else, and the service that needs it will not start. One newline at the end is accepted.

Found for values whose schema names a format or a length (`schemas` in `.sopsguard.yaml`), and for those
whose names mean one thing only: `wireguard.….private_key`, `ssh.….host_key`, `age.….private`.

Remedy: store the whole value again with `sops edit`.
"""

from collections.abc import Iterator

from sopsguard.checks.structural import of_documents
from sopsguard.context import Check, Context, Encrypted, Example
from sopsguard.model import Family, Finding, Level


def run(ctx: Context) -> Iterator[Finding]:
    """The values that cannot be what they should be, by their length."""
    yield from of_documents(ctx, "impossible-length", "store the whole value again with `sops edit`")


CHECK = Check(
    "impossible-length",
    Family.SCHEMA,
    Level.ERROR,
    __doc__,
    run,
    Example(
        bad={
            "secrets.yaml": Encrypted(
                "wireguard:\n  tower:\n    private_key: only the first part of a key\n",
            )
        },
        good={"secrets.yaml": Encrypted("wireguard:\n  tower:\n    private_key: {wireguard-key}\n")},
    ),
)
