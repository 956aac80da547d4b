"""No nonce of a SOPS file is used for two values.

sops takes 32 random bytes for each value. The same nonce over other data at the same place means
that somebody put the file together by hand or tampered with it; with AES-GCM it also weakens the
protection of both values.

Remedy: take the last good version and make the change with sops.
"""

from collections.abc import Iterator

from sopsguard.checks.problems import Advice, of_files
from sopsguard.context import Check, Context, Encrypted, Example
from sopsguard.model import Family, Finding, Level

AGAIN = Advice(
    "take the last good version (`git restore --source=HEAD -- PATH`) and make the change with `sops edit`"
)
CODES = {
    "L11": AGAIN,
}


def run(ctx: Context) -> Iterator[Finding]:
    """The same nonce with other data at one path."""
    yield from of_files(ctx, CODES)


CHECK = Check(
    "reused-iv",
    Family.SCHEMA,
    Level.ERROR,
    __doc__,
    run,
    Example(
        bad={
            "secrets.yaml": Encrypted(
                "both:\n  - one of them\n  - the other one\n",
                hand=((r"(iv:)([^,]+)((?:.|\n)*?,iv:)[^,]+", r"\1\2\3\2"),),
            )
        },
        good={"secrets.yaml": Encrypted("both:\n  - one of them\n  - the other one\n")},
    ),
)
