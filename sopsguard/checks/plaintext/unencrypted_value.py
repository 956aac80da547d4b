"""Every value that a SOPS file should encrypt is encrypted.

Which values are encrypted is decided by the file's own suffix or expression. A value added by hand
stays in clear, and sops then refuses the file. Worse is an expression that sops cannot compile: it
takes it without a word as matching nothing, writes the whole file in clear, and calls it encrypted.

Remedy: encrypt the file again (`sops encrypt -i` on the decrypted content) with an expression that
matches, and treat what stood there in clear as leaked.
"""

from collections.abc import Iterator

from sopsguard.checks.problems import Advice, of_configs, of_files
from sopsguard.context import Check, Context, Encrypted, Example
from sopsguard.model import Family, Finding, Level, Location, Mend, Unknown

LEAKED = "encrypt it with sops, and replace the value if it was ever pushed"
CODES = {
    "L1": Advice(LEAKED),
    "L2": Advice(f"correct the expression, then {LEAKED}"),
    "L3": Advice("sops uses RE2, which has no look-around and no back references: correct the expression"),
    "L4": Advice("the expression is matched against single keys: correct it", Level.WARNING),
    "L16": Advice("make any change with `sops edit`: the comment is then encrypted", Level.WARNING),
    "C8": Advice("sops uses RE2, which has no look-around and no back references: correct the expression"),
}


def run(ctx: Context) -> Iterator[Finding | Unknown]:
    """Clear values and comments that the scope selects, and expressions that select nothing."""
    from sopsguard.sops.file import SopsFile

    for path, file in ctx.managed.files.items():
        if isinstance(file, SopsFile) and (missing := file.selection.missing) is not None:
            yield Unknown(Location(path), missing.reason, missing.needed)
    yield from of_configs(ctx, {"C8": CODES["C8"]})
    yield from of_files(ctx, CODES, Mend)


CHECK = Check(
    "unencrypted-value",
    Family.PLAINTEXT,
    Level.ERROR,
    __doc__,
    run,
    Example(
        bad={
            "secrets.yaml": Encrypted(
                "db: d1\npassword: see the safe\n", hand=((r"^password: ENC.*$", "password: by hand"),)
            )
        },
        good={"secrets.yaml": Encrypted("db: d1\npassword: see the safe\n")},
    ),
)
