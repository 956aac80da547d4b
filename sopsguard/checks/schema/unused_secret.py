"""Every value of a file that Nix reads is named by Nix.

A value that nothing names any more is one secret more to rotate, and one more to lose. Said of files that
some declaration reads key by key, and only where no computed name may mean the value; what programs other
than Nix read is not seen.

Remedy: `sops unset` it, or let it be where something else reads it.
"""

from collections.abc import Iterator

from sopsguard.context import Check, Context, Encrypted, Example
from sopsguard.model import Family, Finding, Level, Location, printable
from sopsguard.references.wording import listed


def run(ctx: Context) -> Iterator[Finding]:
    """Each file once, at the first value."""
    from sopsguard.references.unused import unused

    for found in unused(ctx.references):
        count = len(found.keys)
        what = "1 value is" if count == 1 else f"{count} values are"
        yield Finding(
            Location(found.file, found.line, found.column),
            printable(f"{what} named by no Nix file: {listed(found.keys)}"),
            "remove what nothing reads with `sops unset`",
        )


CONFIG = "creation_rules:\n  - path_regex: ^secrets\\.yaml$\n    age: '{alice}'\n"
HOST = "{ sops.secrets.password.sopsFile = ./secrets.yaml; }\n"
CHECK = Check(
    "unused-secret",
    Family.SCHEMA,
    Level.INFO,
    __doc__,
    run,
    Example(
        bad={
            ".sops.yaml": CONFIG,
            "host.nix": HOST,
            "secrets.yaml": Encrypted("password: see the safe\nformer: see the other safe\n"),
        },
        good={
            ".sops.yaml": CONFIG,
            "host.nix": HOST,
            "secrets.yaml": Encrypted("password: see the safe\n"),
        },
    ),
)
