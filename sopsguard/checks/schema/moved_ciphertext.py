"""Every encrypted value stands where sops wrote it.

The path of keys to a value is part of what is authenticated. A value that was renamed, moved or
copied by hand cannot be decrypted at its new place, and sops refuses the whole file.

Remedy: move it back, and rename with `sops edit`.
"""

from collections.abc import Iterator

from sopsguard.checks.problems import Advice, of_files
from sopsguard.context import Check, Context, Example
from sopsguard.model import Family, Finding, Level

CODES = {
    "L10": Advice("put it back where it was written; copy and rename with `sops edit`"),
    "L20": Advice(
        "encrypt or clear the value with `sops edit`; if the scope was changed, decrypt and encrypt the file",
        Level.WARNING,
    ),
}


def run(ctx: Context) -> Iterator[Finding]:
    """One nonce at two places, and ciphertext where the scope says clear."""
    yield from of_files(ctx, CODES)


CHECK = Check(
    "moved-ciphertext",
    Family.SCHEMA,
    Level.ERROR,
    __doc__,
    run,
    Example(bad={}, good={}),
)
