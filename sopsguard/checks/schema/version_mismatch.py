"""The sops that is in use can read every file.

Files remember the sops that wrote them, and some need a newer one than they say. sops 3.13.2 cannot
decrypt a file with an encrypted comment inside a list.

Remedy: bring every machine to one version of sops.
"""

from collections.abc import Iterator

from sopsguard.checks.problems import Advice, of_files
from sopsguard.context import Check, Context, Encrypted, Example
from sopsguard.model import Family, Finding, Level

CODES = {
    "M15": Advice("bring every machine to the newer sops", Level.INFO),
    "M16": Advice("nothing to do; the next write changes many lines", Level.INFO),
    "L17": Advice("use sops 3.13.3 or newer, or remove the comment with an older one", once=True),
}


def run(ctx: Context) -> Iterator[Finding]:
    """Features against the version in the file."""
    yield from of_files(ctx, CODES)


CHECK = Check(
    "version-mismatch",
    Family.SCHEMA,
    Level.WARNING,
    __doc__,
    run,
    Example(
        bad={"secrets.yaml": Encrypted("list:\n  # why\n  - see the safe\n")},
        good={"secrets.yaml": Encrypted("# why\nlist:\n  - see the safe\n")},
    ),
)
