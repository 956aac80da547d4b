"""Who was removed from a file has neither its data key nor its values any more.

Taking a recipient out takes nothing from them: `sops updatekeys` keeps the data key, with which they open
every later version too, and what they have read they know. Two things end that. `sops rotate -i` gives the
file a new data key; and each value that they could read since it last changed has to be replaced by another.
It is an error in the change that removes somebody, and a warning afterwards; where everything was encrypted
anew, so that git does not tell whether values were replaced, it is information.

Remedy: `sops rotate -i FILE`, then new values for the keys that the message names, and their deployment.
"""

from collections.abc import Iterator

from sopsguard.checks.aging import called, day, place, readers, unknowns
from sopsguard.context import Check, Context, Encrypted, Example
from sopsguard.history import DataKey, Exposure, Timeline, exposures
from sopsguard.model import Family, Finding, Level, Rotate, Unknown, printable


def run(ctx: Context) -> Iterator[Finding | Unknown]:
    """Every removed reader of every file who still has something of it; of a change those whom it removes."""
    removed = _removed(ctx) if ctx.before is not None else None
    if removed is None and ctx.managed.concerned is not None:
        return
    if removed is not None and not removed:
        return
    yield from unknowns(ctx)
    timeline = ctx.timeline
    for one in exposures(timeline) if isinstance(timeline, Timeline) else ():
        if removed is None or one.reader in removed.get(one.path, ()):
            yield _finding(ctx, one, changing=removed is not None)


def _removed(ctx: Context) -> dict[str, frozenset[str]]:
    """By file whom the change removes."""
    assert ctx.before is not None
    found = {}
    for path, file in ctx.managed.files.items():
        if gone := readers(ctx.before.files.get(path)) - readers(file):
            found[path] = gone
    return found


def _finding(ctx: Context, one: Exposure, *, changing: bool) -> Finding:
    certain = [value.key for value in one.values if value.certain]
    perhaps = [value.key for value in one.values if not value.certain]
    has = {DataKey.KEPT: ["has its data key"], DataKey.PERHAPS: ["may have its data key"]}.get(
        one.data_key, []
    )
    if certain:
        has.append(f"knows {_listed(certain)}")
    if perhaps:
        has.append(f"may know {_listed(perhaps)}")
    proved = bool(certain) or one.data_key is DataKey.KEPT
    when = ""
    if one.removed is not None:
        commit = f", {one.removed.commit[:10]}" if one.removed.commit else ""
        when = f" (removed {day(one.removed.not_after)}{commit})"
    alone = "" if one.alone else ", together with others who held shares"
    hints = [f"`sops rotate -i {printable(one.path)}`"] if one.data_key is not DataKey.REPLACED else []
    hints += [f"new values for {_listed(certain + perhaps)}"] if one.values else []
    level = None if changing and proved else Level.WARNING if proved else Level.INFO
    return Finding(
        place(ctx, one.path),
        f"{called(ctx, one.reader)} may not read this file any more{when}, but {' and '.join(has)}{alone}",
        ", then ".join(hints),
        level=level,
        identity=one.reader,
        intent=Rotate(one.path) if one.data_key is not DataKey.REPLACED else None,
    )


def _listed(keys: list[str]) -> str:
    told = ", ".join(f"`{printable(key)}`" for key in keys[:3])
    return told + (f" and {len(keys) - 3} more" if len(keys) > 3 else "")


CHECK = Check(
    "unfinished-revocation",
    Family.ROTATION,
    Level.ERROR,
    __doc__,
    run,
    Example(
        bad={"secrets.yaml": Encrypted("password: see the safe\n", to=("alice", "bob"), later=("alice",))},
        good={"secrets.yaml": Encrypted("password: see the safe\n", later=("alice",))},
    ),
)
