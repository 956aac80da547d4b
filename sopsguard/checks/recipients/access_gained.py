"""Nobody gains access to a secret unless the inventory knows them.

A change is compared with what was before, value by value: a recipient added to a file, a file or value
moved or copied to where others read it, a data key shared with another file, encryption taken away, a
lower threshold of key groups, a name added to a creation rule. Somebody whom the inventory states, or whose
key a committed public key proves, is told as information; a key that only an anchor or a comment names, or
that the change itself brings into the inventory without an admin's word, is an error: a name proves nothing.

Remedy: is it meant? Then write the reader into `inventory.yaml` (its key compared over another channel).
If not, take it out of the file and out of `.sops.yaml`, and find out who put it there.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sopsguard.context import Check, Context, Encrypted, Example
from sopsguard.model import Family, Finding, Level, Location, Unknown, printable

if TYPE_CHECKING:
    from sopsguard.access import Gain, View


def run(ctx: Context) -> Iterator[Finding | Unknown]:
    """Who can read after the change what they could not before."""
    change = ctx.access.change
    if change is None:
        return
    for path in change.undecided:
        yield Unknown(
            Location(path),
            "who gains access cannot be told: one side of the change cannot be read",
            "a whole file",
        )
    by_rule: dict[tuple[str, str], list[Gain]] = {}
    for gain in change.gained:
        if gain.values:
            yield _of_file(ctx.access, gain)
        else:
            by_rule.setdefault((gain.source, gain.who), []).append(gain)
    for (config, _), gains in by_rule.items():
        yield _of_rule(ctx.access, config, gains)


def _of_file(view: "View", gain: "Gain") -> Finding:
    from sopsguard.access import Way
    from sopsguard.access.change import EVERYONE

    listed = ", ".join(gain.values[:3]) + (
        f" and {len(gain.values) - 3} more" if len(gain.values) > 3 else ""
    )
    count = f"{len(gain.values)} value{'' if len(gain.values) == 1 else 's'}"
    how = {
        Way.FILE: "",
        Way.MOVE: f", moved or copied from {gain.source}",
        Way.KEY: f", because {gain.source} has the same data key",
        Way.SCOPE: ", which are no longer encrypted",
        Way.THRESHOLD: " alone, without anybody from another key group",
        Way.RULE: "",
    }[gain.way]
    hint = (
        "does it have to be readable? Else encrypt it again, and replace the value: git keeps this one"
        if gain.who == EVERYONE
        else _hint(view, gain)
    )
    return Finding(
        Location(gain.path, gain.line, key="sops"),
        printable(f"{view.name(gain.who, gain.key)} can now read {count} of this file{how}: {listed}"),
        hint,
        level=_level(view, gain),
        identity=f"{gain.who} {gain.way.name}",
    )


def _of_rule(view: "View", config: str, gains: "list[Gain]") -> Finding:
    first = gains[0]
    listed = ", ".join(g.path for g in gains[:3]) + (f" and {len(gains) - 3} more" if len(gains) > 3 else "")
    return Finding(
        Location(config, first.line, key="creation_rules"),
        printable(f"{view.name(first.who, first.key)} will read {listed} as soon as `sops updatekeys` runs"),
        _hint(view, first),
        level=_level(view, first),
        identity=first.who,
    )


def _level(view: "View", gain: "Gain") -> Level:
    from sopsguard.access.change import EVERYONE

    if gain.who == EVERYONE:
        return Level.WARNING  # what must not be readable, the plaintext rules know
    if view.vouched(gain.who):
        return Level.INFO
    named = view.known(gain.who) is not None
    return Level.WARNING if named and not gain.newcomer and not view.inventory.stated else Level.ERROR


def _hint(view: "View", gain: "Gain") -> str:
    if view.vouched(gain.who):
        return "meant? then nothing is to be done"
    known = view.known(gain.who)
    if known is not None and known.former:
        return f"{printable(known.holder.name)} left on {known.holder.left}: take the key out again"
    if known is not None and known.added:
        return (
            "this change itself puts the key into the inventory: an admin has to sign that, or merge it first"
        )
    who = "only a name says whose key this is" if known is not None else "nothing says whose key this is"
    return f"{who}: if it is meant, state it in inventory.yaml; if not, take it out and ask who put it there"


CHECK = Check(
    "access-gained",
    Family.RECIPIENTS,
    Level.ERROR,
    __doc__,
    run,
    Example(
        bad={
            "secrets.yaml": Encrypted("password: see the safe\n", later=("alice", "bob")),
        },
        good={
            "secrets.yaml": Encrypted(
                "password: see the safe\n", to=("alice", "bob"), later=("bob", "alice")
            ),
        },
    ),
)
