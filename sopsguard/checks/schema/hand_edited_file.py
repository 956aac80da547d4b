"""Every SOPS file is as sops wrote it.

The `mac` of a file is a hash over all its values in their order. Whoever deletes, copies, reorders or
replaces a value in an editor, changes a clear one, or resolves a merge conflict by taking lines of both
sides leaves a file that sops refuses: MAC mismatch. Everybody who deploys finds out, one by one.

Found without a key from the history in git: the version in which a `mac` first appeared is the one that
sops wrote, so a later one with the same `mac` must hold the same. Comments, formatting, and what
`sops updatekeys` does are not covered by the `mac` and are not meant here.

What history cannot show: an edit by hand in the very commit that brings a new `mac`, also when a rebase
or a squash makes one commit of several. Only a key shows that (`sopsguard check --decrypt`).

Remedy: take the version of HEAD and make the change with `sops edit`. After a merge: take one side and
make the change of the other again. With a key, `sops edit --ignore-mac` opens the file as it is; look at
every value and save a change.
"""

from collections.abc import Iterator
from shlex import quote

from sopsguard.context import Check, Context, Encrypted, Example
from sopsguard.history import Breach, Unsettled
from sopsguard.model import Confidence, Family, Finding, Level, Location, Mend, Unknown

HINTS = {
    "H1": "make the change with `sops edit`;"
    " or, with a key: `sops edit --ignore-mac PATH` as it is, look at every value, save a change",
    "H2": "sops writes the time itself",
    "H3": "take one of the versions as a whole, and make the change of the other with `sops edit`",
}
# Where a value has one of these problems, that says more than that it was edited.
_SAID = frozenset(("L1", "L5", "L7", "L9", "L11", "L19", "L21"))


def run(ctx: Context) -> Iterator[Finding | Unknown]:
    """The files whose MAC cannot fit them any more."""
    for said in ctx.breaches:
        if not isinstance(said, Breach):
            yield Unknown(Location(said.paths[0]), _counted(said), said.needed)
        elif said.code in HINTS and not _said_already(ctx, said):
            yield Finding(
                Location(said.path, said.line, said.column, key=said.key),
                said.message,
                _hint(said),
                Confidence.PROVED if said.certain else Confidence.LIKELY,
                identity=said.code,
                intent=Mend(said.path),
            )


def _hint(breach: Breach) -> str:
    path = quote(breach.path)
    hint = HINTS[breach.code].replace("PATH", path)
    if not breach.source:
        return hint
    rewrap = f", then `sops updatekeys {path}`" if breach.rewrapped else ""
    return f"`git restore --source={breach.source[:12]} -- {path}`{rewrap}; {hint}"


def _said_already(ctx: Context, breach: Breach) -> bool:
    problems = ctx.file_problems.get(breach.path, ())
    if any(problem.code in ("L10", "L11", "M13", "M19") for problem in problems):
        return True
    told = {problem.key for problem in problems if problem.code in _SAID}
    if breach.code == "H3":  # a damaged value looks like one under another data key
        return not told.isdisjoint(breach.keys)
    return bool(breach.keys) and told.issuperset(breach.keys)


def _counted(said: Unsettled) -> str:
    others = len(said.paths) - 1
    more = f" (here and in {others} other file{'s' if others > 1 else ''})" if others else ""
    return f"{said.reason}{more}"


CHECK = Check(
    "hand-edited-file",
    Family.SCHEMA,
    Level.ERROR,
    __doc__,
    run,
    Example(
        bad={
            "secrets.yaml": Encrypted("user: someone\npassword: see the safe\n", hand=((r"^user: .*\n", ""),))
        },
        good={"secrets.yaml": Encrypted("user: someone\npassword: see the safe\n")},
    ),
)
