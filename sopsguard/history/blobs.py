"""Facts about contents in git, made once and remembered by object id."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import NamedTuple

from sopsguard import crew
from sopsguard.cache import Cache
from sopsguard.document import format_of
from sopsguard.history.facts import Facts, NotFacts, Value, decoded, encoded, facts_of
from sopsguard.history.stated import (
    Keys,
    Rules,
    decoded_statement,
    encoded_statement,
    keys_of,
    kind_of,
    rules_of,
)
from sopsguard.snapshot import Entry, Piece, Unreadable
from sopsguard.sops.file import Broken, SopsFile, may_be_sops, read

_PORTION = 400  # contents that a process reads before they are written down
_ALONE = 60  # so few contents are read by this one
_BROKEN = b'"broken"'


class Unread(NamedTuple):
    """A content that could not be read, and why."""

    reason: str


class Illegible(NamedTuple):
    """A SOPS file that cannot be read as such: a merge conflict, a cut."""


Known = Facts | Rules | Keys | Unread | Illegible | None
Pieces = Callable[[Iterable[Entry]], Iterator[tuple[Entry, Piece | Unreadable]]]


def name_of(entry: Entry) -> str:
    """What facts depend on: the content, and what the name says of its kind."""
    return f"{entry.oid}/{kind_of(entry.path) or format_of(entry.path)}"


def facts_by_name(
    entries: Iterable[Entry],
    pieces: Pieces,
    cache: Cache | None,
    present: Mapping[str, Known] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Known]:
    """What is known of each content, by `name_of`; what is in `present` need not be read.

    `progress` hears how many contents of how many have been read.
    """
    wanted = {name_of(entry): entry for entry in entries}
    facts: dict[str, Known] = {name: one for name, one in (present or {}).items() if name in wanted}
    shared: dict[Value, Value] = {}
    if cache is not None:
        for name, data in cache.get(name for name in wanted if name not in facts).items():
            with suppress(NotFacts):
                facts[name] = _decoded(name, data, shared)
    missing = [entry for name, entry in wanted.items() if name not in facts]
    hands = crew.size()
    for start in range(0, len(missing), _PORTION * hands):
        portion = missing[start : start + _PORTION * hands]
        # What is read soon is not worth another process.
        shares = [portion[n::hands] for n in range(hands)] if len(portion) > _ALONE else [portion]
        with crew.Crew([partial(_read, share, pieces) for share in shares[1:]]) as others:
            told = [_read(shares[0], pieces)]
            for number, share in enumerate(shares[1:]):
                told.append(others.answer(number) or _read(share, pieces))
        for one in told:
            for name, said in one.items():
                facts[name] = said if isinstance(said, Unread) else _decoded(name, said, shared)
            if cache is not None:
                cache.put({name: said for name, said in one.items() if not isinstance(said, Unread)})
        if progress is not None:
            progress(start + len(portion), len(missing))
    return facts


def _read(entries: Iterable[Entry], pieces: Pieces) -> dict[str, bytes | Unread]:
    """What contents show, as it is written down; this may run in a process of its own."""
    told: dict[str, bytes | Unread] = {}
    for entry, piece in pieces(entries):
        if isinstance(piece, Unreadable):
            told[name_of(entry)] = Unread(piece.reason)
        elif piece.offset == 0:
            told[name_of(entry)] = _encoded(_made(entry.path, piece))
    return told


def _made(path: str, piece: Piece) -> Known:
    if not piece.last:
        return None
    kind = kind_of(path)
    if kind == "config":
        return rules_of(piece.data, path)
    if may_be_sops(piece.data):
        file = read(piece.data, path)
        if isinstance(file, SopsFile):
            return facts_of(file)
        if isinstance(file, Broken):
            return Illegible()
    return keys_of(piece.data) if kind == "keys" else None


def _encoded(known: Known) -> bytes:
    if isinstance(known, Rules | Keys):
        return encoded_statement(known)
    return (
        encoded(known) if isinstance(known, Facts) else _BROKEN if isinstance(known, Illegible) else b"null"
    )


def _decoded(name: str, data: bytes, shared: dict[Value, Value]) -> Known:
    if data == _BROKEN:
        return Illegible()
    kind = name.rpartition("/")[2]
    if kind == "config":
        return decoded_statement(data, kind)
    if kind == "keys":
        with suppress(NotFacts):
            return decoded_statement(data, kind)
    return decoded(data, shared)
