"""Post-quantum recipients stand alone.

A file is as safe as its weakest recipient: one classic recipient beside post-quantum ones, and whoever
records the file today and has a quantum computer one day opens it.

Remedy: give every reader a post-quantum key, or do not count on the protection.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from sopsguard.context import Check, Context, Encrypted, Example
from sopsguard.model import Family, Finding, Level, Location

if TYPE_CHECKING:
    from sopsguard.sops.masterkey import Key


def run(ctx: Context) -> Iterator[Finding]:
    """Files, and rules, that name both kinds."""
    from sopsguard.sops.file import SopsFile

    for path, file in ctx.managed.files.items():
        if isinstance(file, SopsFile) and (said := _mixed(r.key for r in file.metadata.recipients)):
            yield Finding(Location(path, file.metadata.line, key="sops"), said, HINT)
    for path, config in ctx.managed.configs.items() if ctx.managed.whole else ():
        for rule in config.rules:
            if said := _mixed(rule.keys):
                where = Location(path, rule.span.line, key=f"creation_rules.{rule.index}")
                yield Finding(where, said, HINT)


def _mixed(keys: "Iterable[Key]") -> str:
    from sopsguard.sops.masterkey import KeyKind

    kinds = [key.kind is KeyKind.HYBRID for key in keys]
    strong, count = sum(kinds), len(kinds)
    return f"{count - strong} of {count} recipients are not post-quantum" if 0 < strong < count else ""


HINT = "give every reader a post-quantum key (`age-keygen -pq`), or do not count on the protection"
RULE = "creation_rules:\n  - age: {alice}"
CHECK = Check(
    "mixed-quantum-safety",
    Family.RECIPIENTS,
    Level.INFO,
    __doc__,
    run,
    Example(
        bad={".sops.yaml": f"{RULE},{{pq-recipient}}\n"},
        good={".sops.yaml": f"{RULE}\n", "secrets.yaml": Encrypted("password: see the safe\n")},
    ),
)
