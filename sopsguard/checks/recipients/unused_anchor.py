"""Every key that `.sops.yaml` names is used by one of its rules.

An anchor that no alias uses is what is left of a host or a person that went, or of one that was never given
anything. It misleads whoever reads the file as a list of those who have access.

Remedy: remove the anchor, or use it in the rule that it was meant for.
"""

from collections.abc import Iterator

from sopsguard.context import Check, Context, Encrypted, Example
from sopsguard.model import Family, Finding, Level, Location, printable


def run(ctx: Context) -> Iterator[Finding]:
    """Anchors without an alias whose key stands in no rule."""
    if not ctx.managed.whole:
        return
    for path, config in ctx.managed.configs.items():
        for anchor in config.unused_anchors:
            yield Finding(
                Location(path, anchor.span.line, anchor.span.column, key=anchor.name),
                printable(f"no rule uses the key &{anchor.name}"),
                "remove it, or use it",
            )


CHECK = Check(
    "unused-anchor",
    Family.RECIPIENTS,
    Level.INFO,
    __doc__,
    run,
    Example(
        bad={
            ".sops.yaml": "keys:\n  - &alice {alice}\n  - &bob {bob}\n"
            "creation_rules:\n  - path_regex: ^secrets\\.yaml$\n    age: *alice\n",
            "secrets.yaml": Encrypted("password: see the safe\n"),
        },
        good={
            ".sops.yaml": "keys:\n  - &alice {alice}\n  - &bob {bob}\n"
            "creation_rules:\n  - path_regex: ^secrets\\.yaml$\n    age: [*alice, *bob]\n",
            "secrets.yaml": Encrypted("password: see the safe\n", to=("alice", "bob")),
        },
    ),
)
