"""Every SOPS file and every `.sops.yaml` can be read by sops.

A merge conflict left in, metadata cut off, a base64 line damaged by an editor, a number that sops
refuses: the file does not open any more, and whoever deploys next finds out. A `.sops.yaml` that
cannot be read breaks every sops command below it, decryption included.

Found without a key from the structure of the file: metadata and MAC, the wrapped data keys, the
grammar, types and lengths of the encrypted values. What is not found is not proved sound; only a
key proves that (`sopsguard check --decrypt`).

Remedy: take the last good version from git and make the change again with sops.
"""

from collections.abc import Iterator

from sopsguard.checks.problems import Advice, of_configs, of_files
from sopsguard.context import Check, Context, Encrypted, Example
from sopsguard.model import Family, Finding, Level, Unknown

AGAIN = Advice(
    "take the last good version (`git restore --source=HEAD -- PATH`) and make the change with `sops edit`"
)
CODES = {
    "M0": AGAIN,
    "M1": AGAIN,
    "M2": AGAIN,
    "M3": AGAIN,
    "M4": AGAIN,
    "M5": AGAIN,
    "M7": AGAIN,
    "M8": AGAIN,
    "M10": AGAIN,
    "M19": AGAIN,
    "M20": AGAIN,
    "L5": AGAIN,
    "L7": AGAIN,
    "L9": AGAIN,
    "L19": AGAIN,
    "L21": AGAIN,
    "R3": AGAIN,
    "R7": AGAIN,
    "M6": Advice("put the time into double quotes, and keep the formatter away from SOPS files"),
    "M9": Advice("remove one of the two, then `sops updatekeys`", Level.WARNING),
    "M11": Advice("name a recipient for the group, or remove the group", Level.WARNING),
    "M12": Advice("decrypt and encrypt the documents together"),
    "M13": Advice("take one side, then make the change of the other again with `sops edit`"),
    "M14": Advice("look at the clock of the machine that wrote it", Level.WARNING),
    "R9": Advice("put the right recipient into `.sops.yaml`, then `sops updatekeys`"),
    "C1": Advice("mend the expression or the YAML; `sops` itself says no more than that it cannot compile"),
    "C6": Advice("say one thing"),
    "C9": Advice("copy the recipient again"),
    "C9-odd": Advice("copy the recipient again", Level.WARNING),
}


def run(ctx: Context) -> Iterator[Finding | Unknown]:
    """Structure, metadata, wrapped keys and values of SOPS files, and the configurations."""
    yield from of_configs(ctx, CODES)
    for finding in of_files(ctx, CODES):
        codes = {problem.code for problem in ctx.file_problems[finding.location.path]}
        # That it cannot be read says less than why.
        if finding.identity != "M0" or not codes & {"M13", "M20"}:
            yield finding


CHECK = Check(
    "broken-file",
    Family.SCHEMA,
    Level.ERROR,
    __doc__,
    run,
    Example(
        bad={"secrets.yaml": Encrypted("password: see the safe\n", hand=((r"^    mac: .*\n", ""),))},
        good={"secrets.yaml": Encrypted("password: see the safe\n")},
    ),
)
