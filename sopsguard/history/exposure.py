"""Who knows what: values that somebody could read and may no more, and all that somebody ever could read."""

import re
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import NamedTuple

from sopsguard.history.facts import Facts, Value
from sopsguard.history.following import FileVersion
from sopsguard.history.timeline import Moment, Timeline
from sopsguard.history.values import State, counts


class DataKey(StrEnum):
    """Whether a removed reader has the data key with which a file is encrypted now. With it they open
    every new version, too, until it is rotated."""

    KEPT = "kept"
    PERHAPS = "perhaps"
    REPLACED = "replaced"


class Exposed(NamedTuple):
    """A value that a removed reader knows; `certain` if it is the very one that they could read, else it may
    have been replaced when the file was encrypted anew or the value was moved."""

    key: str
    certain: bool


class Exposure(NamedTuple):
    """What a reader who may not open a file any more still has of it.

    `removed` is the commit that removed them from the file, None if they could only read the same values
    elsewhere. `alone` is False for somebody who held a share of the data key and needed others.
    """

    path: str
    reader: str
    removed: Moment | None
    data_key: DataKey
    values: tuple[Exposed, ...]
    alone: bool


class Known(NamedTuple):
    """A value that somebody could read at some time. `last` is the last version that showed it to them,
    `stands` whether it is still in use somewhere. `private_key` says of what kind of private key it has the
    name and the length, if of any; `length` is in bytes."""

    path: str
    key: str
    type: str
    length: int
    first: Moment
    last: Moment
    stands: bool
    alone: bool
    private_key: str


def openers(facts: Facts) -> dict[str, bool]:
    """Who has part in the data key of a version, and whether that is enough to open it alone."""
    groups: dict[str, set[int]] = {}
    for (who, _), group in zip(facts.wraps, facts.groups or (0,) * len(facts.wraps), strict=True):
        groups.setdefault(who, set()).add(group)
    return {who: len(its) >= facts.threshold for who, its in groups.items()}


_Readers = Mapping[str, bool]


def exposures(timeline: Timeline) -> tuple[Exposure, ...]:
    """Every removed reader of every file that stands now who knows a value of it or has its data key."""
    shown, keys = _shown(timeline.versions)
    standing: dict[str, frozenset[str]] = {}  # nonce → who may read it now, in whatever file
    for state in timeline.states.values():
        may = frozenset(openers(state.facts) if state.facts is not None else ())
        for iv in state.tracks:
            standing[iv] = may | standing[iv] if iv in standing else may
    found: list[Exposure] = []
    for path in sorted(timeline.states):
        found += _of_file(timeline, timeline.states[path], shown, keys, standing)
    return tuple(found)


def _shown(versions: Iterable[FileVersion]) -> tuple[dict[str, _Readers], dict[int, dict[str, bool]]]:
    """Who could ever read each nonce, and who ever had each data key."""
    shown: dict[str, _Readers] = {}
    keys: dict[int, dict[str, bool]] = {}
    for version in versions:
        may = openers(version.facts)
        _add(keys.setdefault(version.key, {}), may)
        for value in version.facts.values:
            known = shown.setdefault(value.iv, may)
            if known is not may and known != may:
                # Values share what is known of them, until it differs.
                shown[value.iv] = {
                    **known,
                    **{who: alone or known.get(who, False) for who, alone in may.items()},
                }
    return shown, keys


def _add(known: dict[str, bool], more: _Readers) -> None:
    for who, alone in more.items():
        known[who] = known.get(who, False) or alone


def _of_file(
    timeline: Timeline,
    state: State,
    shown: Mapping[str, _Readers],
    keys: Mapping[int, _Readers],
    standing: Mapping[str, frozenset[str]],
) -> Iterator[Exposure]:
    facts = state.facts
    if facts is None:
        return
    may = openers(facts)
    nobody: _Readers = {}
    had_key = keys.get(state.key, nobody)
    had_older: dict[str, bool] = {}
    for key in state.older_keys:
        _add(had_older, keys.get(key, nobody))
    values: dict[str, dict[str, bool]] = {}  # who → key → certain
    alone: dict[str, bool] = {}
    for value in facts.values:
        if value.iv not in state.tracks:
            continue
        may_still = standing[value.iv]
        for iv in timeline.alike(value.iv):
            readers = shown.get(iv, nobody)
            if readers.keys() <= may_still:
                continue
            for who, enough in readers.items():
                if who in may_still:
                    continue
                certain = iv == value.iv
                mine = values.setdefault(who, {})
                mine[value.key] = mine.get(value.key, False) or certain
                alone[who] = alone.get(who, False) or enough
    for who in sorted({*values, *had_key, *had_older} - set(may)):
        has = DataKey.KEPT if who in had_key else DataKey.PERHAPS if who in had_older else DataKey.REPLACED
        told = tuple(Exposed(key, certain) for key, certain in values.get(who, {}).items())
        enough = alone.get(who, False) or had_key.get(who, False) or had_older.get(who, False)
        if told or has is not DataKey.REPLACED:
            since = state.former.get(who)
            moment = timeline.moments[since] if since is not None else None
            yield Exposure(state.path, who, moment, has, told, enough)


def reach(timeline: Timeline, identities: Iterable[str]) -> tuple[Known, ...]:
    """Every value that one of these recipients could ever read, by itself or with others, each value of
    each place once, in the order of paths and keys."""
    wanted = frozenset(identities)
    standing = {iv for state in timeline.states.values() for iv in state.tracks}
    found: dict[tuple[str, str, str], tuple[Value, int, int, bool]] = {}
    for version in timeline.versions:
        mine = {who: alone for who, alone in openers(version.facts).items() if who in wanted}
        if not mine:
            continue
        alone = any(mine.values())
        for value in version.facts.values:
            if counts(value):
                place = version.path, value.key, value.iv
                _, first, _, enough = found.get(place, (value, version.commit, 0, False))
                found[place] = value, first, version.commit, alone or enough
    return tuple(
        Known(
            path, key, value.type, value.length, timeline.moments[first], timeline.moments[last],
            iv in standing, alone, private_key(path, key, value.type, value.length),
        )
        for (path, key, iv), (value, first, last, alone) in sorted(found.items())
    )  # fmt: skip


# Kind → what the names around it say, and the lengths in bytes that such a key has as text, with or
# without a last line feed (an armored OpenSSH key ends in one; its comment varies).
_PRIVATE = (
    ("WireGuard key", re.compile(r"wireguard|wg[-_./0-9]|wg$", re.I), ((44, 45),)),
    ("age identity", re.compile(r"age|sops", re.I), ((74, 75), (150, 400), (2000, 2300))),
    ("SSH key", re.compile(r"ssh|host[-_]?key|id_(?:rsa|ed25519|ecdsa)|deploy[-_]?key", re.I),
     ((380, 460), (480, 620), (1600, 3500))),
    ("OpenPGP key", re.compile(r"pgp|gpg", re.I), ((600, 20000),)),
    ("TLS key", re.compile(r"tls|ssl|x509|cert|\.key$|[-_.]key$", re.I), ((220, 320), (1600, 3400))),
)  # fmt: skip
_PUBLIC = re.compile(r"\bpub(?:lic)?\b|pub(?:lic)?[-_]?key|\.pub$", re.I)


def private_key(path: str, key: str, type: str, length: int) -> str:
    """The kind of private key that a value seems to be by name, type and length in bytes; empty if none."""
    name = f"{path}/{key}"
    if type != "str":
        return ""
    for kind, words, lengths in _PRIVATE:
        # The lengths first: few values have any of them.
        if any(low <= length <= high for low, high in lengths) and words.search(name):
            return "" if _PUBLIC.search(key) else kind
    return ""
