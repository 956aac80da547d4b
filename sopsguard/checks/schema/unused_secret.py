"""Every value of a file that Nix reads is named by Nix.

A value that nothing names any more is one secret more to rotate, and one more to lose. Said of files that
some declaration reads key by key, or that are a `defaultSopsFile`, and only where no computed name may mean
the value; what programs other than Nix read is not seen. Public halves need no reader.

Remedy: `sops unset` it, or let it be where something else reads it.
"""

from collections.abc import Iterator

from sopsguard.context import Check, Context, Encrypted, Example
from sopsguard.model import Family, Finding, Level, Location, printable


def run(ctx: Context) -> Iterator[Finding]:
    """Each value, up to a number of them in a file."""
    from sopsguard.references.circles import circles
    from sopsguard.references.readable import Unreadable, unreadable
    from sopsguard.references.unused import unused

    references = ctx.references
    if not references.facts:
        return
    # What a host cannot read, and a key kept for the day of a new installation, is told otherwise.
    failing = unreadable(references, ctx.inventory)
    apart = frozenset(found.file for found in failing if isinstance(found, Unreadable))
    kept = {(c.file, c.key) for c in circles(references, ctx.inventory, ctx.managed.files, ctx.opened)}
    for found in unused(references, apart):
        if (found.file, found.key) not in kept:
            more = f", and {found.more} more values of this file" if found.more else ""
            yield Finding(
                Location(found.file, found.line, found.column, key=found.key),
                printable(f"no Nix file names {found.key}{more}"),
                "remove it with `sops unset` if nothing else reads it",
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
