"""Every file is encrypted to exactly the recipients its creation rule names.

Editing `.sops.yaml` re-keys nothing: until `sops updatekeys` runs, somebody who left can still open
the file, and somebody who joined cannot. Compared as `updatekeys` does, key group by key group.

Remedy: `sops updatekeys FILE`. Where a reader was removed also `sops rotate`, and new values for
what it could read.
"""

from collections.abc import Iterator

from sopsguard.context import Check, Context, Encrypted, Example
from sopsguard.model import Family, Finding, Level, Location, ReKey, Unknown, printable


def run(ctx: Context) -> Iterator[Finding | Unknown]:
    """Recipients of the file against those of its rule."""
    for path, (drift, config) in ctx.drifts.items():
        view = ctx.access
        rule = ctx.managed.rule(path).rule
        if rule is not None and rule.is_accidental_shamir and "accidental-shamir" in ctx.runs:
            continue  # the rule is wrong, and updatekeys would lock everybody out
        # One finding per cause: the rules that know more of a reader tell of it.
        readers = {key: view.inventory.reader(key) for key in (*drift.missing, *drift.extra)}
        missing = tuple(key for key in drift.missing if not view.is_told(readers[key]))
        extra = tuple(
            key
            for key in drift.extra
            if not view.is_told(readers[key]) and not view.is_stranger(readers[key])
        )
        if not missing and not extra:
            continue
        names = config.names
        said = []
        for words, keys in (
            ("cannot open it although the rule names them", missing),
            ("can open it although no rule names them", extra),
        ):
            if keys:
                shown = [printable(_name(key, [n.text for n in names.get(key, ())])) for key in keys]
                listed = ", ".join(shown[:4]) + (f" and {len(shown) - 4} more" if len(shown) > 4 else "")
                said.append(f"{listed} {words}")
        hint = f"`sops updatekeys {printable(path)}`"
        if extra:
            hint += ", then `sops rotate -i`, and replace what a removed reader knew"
        yield Finding(Location(path, key="sops"), "; ".join(said), hint, intent=ReKey(path))


def _name(key: str, names: list[str]) -> str:
    from sopsguard.sops.masterkey import abbreviated

    return f"{names[0]} ({abbreviated(key)})" if names else abbreviated(key)


CHECK = Check(
    "recipient-drift",
    Family.RECIPIENTS,
    Level.ERROR,
    __doc__,
    run,
    Example(
        bad={
            ".sops.yaml": "creation_rules:\n  - path_regex: ^secrets\\.yaml$\n    age: {alice},{bob}\n",
            "secrets.yaml": Encrypted("password: see the safe\n"),
        },
        good={
            ".sops.yaml": "creation_rules:\n  - path_regex: ^secrets\\.yaml$\n    age: {alice},{bob}\n",
            "secrets.yaml": Encrypted("password: see the safe\n", to=("alice", "bob")),
        },
    ),
)
