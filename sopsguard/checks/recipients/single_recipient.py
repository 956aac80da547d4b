"""More than one key can open each file.

A file with a single recipient is lost with that key: a dead disk, a forgotten passphrase, a laptop in a
river. For a file that is read by one host only, the second reader is the person who edits it.

Remedy: add the key of a second person, or an offline recovery key, to the creation rule; `sops updatekeys`.
"""

from collections.abc import Iterator

from sopsguard.context import Check, Context, Encrypted, Example
from sopsguard.model import Family, Finding, Level, Location, printable


def run(ctx: Context) -> Iterator[Finding]:
    """Once for each creation rule that names one reader, else for each file without a rule."""
    view = ctx.access
    lonely: dict[int, bool] = {}
    for use in view.in_rules:
        assert use.rule is not None
        rule = use.rule
        if id(rule) in lonely:
            continue
        lonely[id(rule)] = len({view.inventory.reader(key) for key in rule.keys}) == 1
        if lonely[id(rule)]:
            yield _alone(use.where, view.name(use.who, use.key))
    for path, reach in view.reach.items():
        rule_of = view.managed.rule(path).rule
        told = rule_of is not None and lonely.get(id(rule_of), False)
        if len(reach.everyone) == 1 and not told:
            (reader,) = reach.direct.values()
            line = next((u.line for u in view.in_files if u.path == path), None)
            yield _alone(Location(path, line, key="sops"), view.name(reader.who, reader.key))


def _alone(where: Location, name: str) -> Finding:
    what = "files of this rule" if where.key != "sops" else "this file"
    return Finding(
        where,
        printable(f"{name} alone can open {what}: with that key they are lost"),
        "add a second person or an offline recovery key, then `sops updatekeys`",
        identity="",
    )


CHECK = Check(
    "single-recipient",
    Family.RECIPIENTS,
    Level.WARNING,
    __doc__,
    run,
    Example(
        bad={
            ".sops.yaml": "creation_rules:\n  - path_regex: ^secrets\\.yaml$\n    age: {alice}\n",
            "secrets.yaml": Encrypted("password: see the safe\n"),
        },
        good={
            ".sops.yaml": "creation_rules:\n  - path_regex: ^secrets\\.yaml$\n    age: {alice},{bob}\n",
            "secrets.yaml": Encrypted("password: see the safe\n", to=("alice", "bob")),
        },
    ),
)
