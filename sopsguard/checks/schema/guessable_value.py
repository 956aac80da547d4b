"""No encrypted value is guessable from what stays visible.

Encryption keeps the length and shows when two values are equal. A boolean is given away by its
length, a password of seven bytes by being short.

Remedy: choose longer secrets; do not encrypt what is no secret.
"""

from collections.abc import Iterator

from sopsguard.checks.problems import Advice, of_files
from sopsguard.context import Check, Context, Encrypted, Example
from sopsguard.model import Family, Finding, Level

CODES = {
    "L14": Advice("choose a longer secret, or leave what is no secret in clear"),
    "L12": Advice("use different values, if they are secrets"),
}


def run(ctx: Context) -> Iterator[Finding]:
    """Short values, booleans, equal values; not those that a more specific rule names."""
    said = {(path, f.place.key) for path, faults in ctx.structure.faults.items() for f in faults}
    for finding in of_files(ctx, CODES):
        if (finding.location.path, finding.location.key) not in said:
            yield finding


CHECK = Check(
    "guessable-value",
    Family.SCHEMA,
    Level.INFO,
    __doc__,
    run,
    Example(
        bad={"secrets.yaml": Encrypted("pin: '1234'\n")},
        good={"secrets.yaml": Encrypted("password: see the safe\n")},
    ),
)
