"""Every SOPS file has a data key of its own.

A file that was copied keeps the data key of the original. Whoever can open one of the two can open the other,
whatever its list of recipients says, and `updatekeys` changes nothing about that. It shows without a key: the
same value with the same IV, or the same wrapped data key, stands in both.

Remedy: `sops rotate -i` on all of them but one. If they had different readers, each has read what the others
were meant to keep: replace those values.
"""

from collections.abc import Iterator

from sopsguard.context import Check, Context, Encrypted, Example
from sopsguard.model import Family, Finding, Level, Location, Rotate, printable


def run(ctx: Context) -> Iterator[Finding]:
    """One finding for each set of files, at the first of them."""
    view = ctx.access
    for members in view.clusters:
        readers = {path: frozenset(view.reach[path].direct) for path in members}
        same = len(set(readers.values())) == 1
        others = ", ".join(members[1:4]) + (f" and {len(members) - 4} more" if len(members) > 4 else "")
        said = f"has the same data key as {others}"
        if not same:
            strangers = {p: view.reach[p].through for p in members if view.reach[p].through}
            path = next(iter(strangers), members[0])
            whos = sorted(strangers.get(path, ()))
            said += f", so {view.listed(whos)} can read {path}, which is not encrypted for them"
        yield Finding(
            Location(members[0], key="sops"),
            printable(said),
            "`sops rotate -i` on each copy; where readers differ, replace what they should not have read",
            level=None if not same else Level.INFO,
            identity=" ".join(members[1:]),
            intent=Rotate(members[0]),
        )


CHECK = Check(
    "shared-data-key",
    Family.RECIPIENTS,
    Level.ERROR,
    __doc__,
    run,
    Example(
        bad={
            "a.yaml": Encrypted("password: see the safe\n"),
            "b.yaml": Encrypted("", to=("alice", "bob"), copy_of="a.yaml"),
        },
        good={
            "a.yaml": Encrypted("password: see the safe\n"),
            "b.yaml": Encrypted("password: see the safe\n", to=("alice", "bob")),
        },
    ),
)
