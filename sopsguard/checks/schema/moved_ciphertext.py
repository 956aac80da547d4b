"""Every encrypted value stands where sops wrote it.

The path of keys to a value is part of what is authenticated. A value that was renamed, moved or
copied by hand cannot be decrypted at its new place, and sops refuses the whole file.

A copy shows in the file itself. A renamed key shows from the history in git: the same nonce stood at
another path before, and sops never takes one again for another path.

Remedy: move it back, and rename with `sops edit`.
"""

from collections.abc import Iterator

from sopsguard.checks.problems import Advice, of_files
from sopsguard.context import Check, Context, Encrypted, Example
from sopsguard.history import Breach
from sopsguard.model import Family, Finding, Level, Location

CODES = {
    "L10": Advice("put it back where it was written; copy and rename with `sops edit`"),
    "L20": Advice(
        "encrypt or clear the value with `sops edit`; if the scope was changed, decrypt and encrypt the file",
        Level.WARNING,
    ),
}


RENAMED = "give the key its old name back, and rename it with `sops edit`"


def run(ctx: Context) -> Iterator[Finding]:
    """One nonce at two places, now or over time, and ciphertext where the scope says clear."""
    for finding in of_files(ctx, CODES):
        problems = ctx.file_problems[finding.location.path]
        # A copy to where values are in clear is one mistake, and there are two places to tell it at.
        if finding.identity != "L20" or not any(problem.code == "L10" for problem in problems):
            yield finding
    for said in ctx.breaches:
        if not isinstance(said, Breach) or said.code != "H-moved":
            continue
        if not any(problem.code == "L10" for problem in ctx.file_problems.get(said.path, ())):
            where = Location(said.path, said.line, said.column, key=said.key)
            yield Finding(where, said.message, RENAMED, identity=said.code)


CHECK = Check(
    "moved-ciphertext",
    Family.SCHEMA,
    Level.ERROR,
    __doc__,
    run,
    Example(
        bad={"secrets.yaml": Encrypted("password: see the safe\n", hand=((r"^password:", "passphrase:"),))},
        good={"secrets.yaml": Encrypted("passphrase: see the safe\n")},
    ),
)
