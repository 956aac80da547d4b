"""The age of values and keys, and by the schedule what is due and overdue, as far as that is certain."""

from collections.abc import Iterator
from typing import NamedTuple

from sopsguard.history import Readers, Timeline, Value, ValueLine
from sopsguard.history.exposure import private_key
from sopsguard.rotation.schedule import Class, Schedule


class Age(NamedTuple):
    """Something that grows old: a value (`key`), or a `holder`'s: an age key that a configuration names, a
    subkey of an OpenPGP certificate (its fingerprint). `name` is that of its class.

    It is at least as old as `since`; `not_before` is the earliest time it may be from (None: not known).
    `due` and `overdue` are when it will be, counted from `since`; None is never. In seconds since 1970.
    """

    path: str
    key: str
    holder: str
    name: str
    since: int
    not_before: int | None
    due: int | None
    overdue: int | None


def ages(timeline: Timeline, readers: Readers, schedule: Schedule) -> tuple[Age, ...]:
    """The age of all that the schedule gives a limit, what comes due first in front."""

    def has_limit(path: str, value: Value) -> bool:
        form = private_key(path, value.key, value.type, value.length)
        cls = schedule.of(path, value.key, form)
        return cls.due is not None or cls.overdue is not None

    found = [age for line in timeline.lines(has_limit) if (age := _of_value(line, schedule)) is not None]
    found += _of_recipients(readers, schedule.named("age"))
    found += _of_subkeys(readers, schedule.named("openpgp"), timeline.now)
    return tuple(sorted(found, key=lambda age: (_end(age), age.path, age.key, age.holder)))


def _end(age: Age) -> int:
    return min(moment for moment in (age.due, age.overdue) if moment is not None)


def _age(path: str, key: str, holder: str, cls: Class, since: int, not_before: int | None) -> Age | None:
    if cls.due is None and cls.overdue is None:
        return None
    due, overdue = (limit.after(since) if limit else None for limit in (cls.due, cls.overdue))
    return Age(path, key, holder, cls.name, since, not_before, due, overdue)


def _of_value(line: ValueLine, schedule: Schedule) -> Age | None:
    form = private_key(line.path, line.key, line.type, line.length)
    cls = schedule.of(line.path, line.key, form)
    # A value that was put back is as old as when it was first seen.
    since = min(line.changed.not_after, line.seen.not_after)
    not_before = line.changed.not_before
    said = schedule.rotated(line.path, line.key)
    # What the team says counts as far as history does not prove that the value is older.
    if said is not None and said < since + 86400:
        since, not_before = said, said
    return _age(line.path, line.key, "", cls, since, not_before)


def _of_recipients(readers: Readers, cls: Class) -> Iterator[Age]:
    """age keys, since a rule named them first. Those of SSH keys live as long as these."""
    first: dict[str, tuple[int, str, int | None]] = {}
    for rule in readers.rules:
        if rule.removed is None and rule.recipient.startswith("age1") and rule.recipient.count("1") == 1:
            moment = rule.added
            start = None if rule.open else moment.not_before
            first[rule.recipient] = min(
                first.get(rule.recipient, (moment.not_after, rule.config, start)),
                (moment.not_after, rule.config, start),
                key=lambda one: one[:2],
            )
    for recipient, (since, config, not_before) in first.items():
        if recipient not in readers.ssh_recipients:
            age = _age(config, "", recipient, cls, since, not_before)
            if age is not None:
                yield age


def _of_subkeys(readers: Readers, cls: Class, now: int) -> Iterator[Age]:
    """Subkeys that are in use, by the creation that their certificate states."""
    for life in readers.keys:
        key = life.key
        if key.kind == "openpgp-subkey" and not key.revoked and not 0 < key.expires <= now:
            age = _age(life.path, "", key.name, cls, key.created, key.created)
            if age is not None:
                yield age
