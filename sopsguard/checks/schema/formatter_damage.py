"""No formatter or editor has touched a SOPS file.

Formatters unquote, fold and reorder. Most of it is harmless until one day the file does not open:
sops refuses a time without quotes, drops what stands behind a value, and loses metadata it does not
know at its next write.

Remedy: undo the change, and keep the formatter away from SOPS files (an ignore file, or `exclude`
in `.pre-commit-config.yaml`).
"""

from collections.abc import Iterator

from sopsguard.checks.problems import Advice, of_files
from sopsguard.context import Check, Context, Encrypted, Example
from sopsguard.model import Family, Finding, Level

CODES = {
    "M17": Advice("remove it; sops drops it at its next write"),
    "M18": Advice("remove what is not read, or take the last good version"),
    "L6": Advice("take the last good version: sops did not write this"),
    "L8": Advice("remove the text around the value, or make the change with `sops edit`"),
}


def run(ctx: Context) -> Iterator[Finding]:
    """Marks that only other programs leave."""
    yield from of_files(ctx, CODES)


CHECK = Check(
    "formatter-damage",
    Family.SCHEMA,
    Level.WARNING,
    __doc__,
    run,
    Example(
        bad={
            "secrets.yaml": Encrypted(
                "password: see the safe\n", hand=((r"^sops:\n", "sops:\n    tidied: by prettier\n"),)
            )
        },
        good={"secrets.yaml": Encrypted("password: see the safe\n")},
    ),
)
