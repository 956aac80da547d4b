"""Every secret that Nix names is a string.

sops-nix writes a secret of a YAML file only if it is a string. A number, a truth value, null, a list or a
whole mapping makes the activation fail ("the value of key '' is not a string"; Mic92/sops-nix issue 848),
and the host has none of its secrets. The build does not tell: there every encrypted value is a string. In
JSON files sops-nix (since 2025) takes any value.

Remedy: set the value again as a quoted string; for a mapping, name the value in it that is meant.
"""

from collections.abc import Iterator

from sopsguard.context import Check, Context, Encrypted, Example
from sopsguard.model import Family, Finding, Level
from sopsguard.references import Fault
from sopsguard.references.wording import advice, wrong


def run(ctx: Context) -> Iterator[Finding]:
    """References to values of another type."""
    references = ctx.references
    for found in wrong(references, (Fault.NOT_A_STRING,)):
        identity = f"{found.failure.target.file} {found.failure.target.key}"
        yield Finding(
            found.where, found.what, advice(references, found), level=found.level, identity=identity
        )


CONFIG = "creation_rules:\n  - path_regex: ^secrets\\.yaml$\n    age: {alice}\n"
HOST = "{ sops.secrets.pin.sopsFile = ./secrets.yaml; }\n"
CHECK = Check(
    "non-string-reference",
    Family.SCHEMA,
    Level.ERROR,
    __doc__,
    run,
    Example(
        bad={".sops.yaml": CONFIG, "secrets.yaml": Encrypted("pin: 271828\n"), "host.nix": HOST},
        good={".sops.yaml": CONFIG, "secrets.yaml": Encrypted('pin: "271828"\n'), "host.nix": HOST},
    ),
)
