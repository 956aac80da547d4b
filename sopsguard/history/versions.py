"""The versions of single files in git, read once, each with its facts."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from sopsguard.cache import Cache
from sopsguard.document import format_of
from sopsguard.history.facts import Facts, NotFacts, Value, decoded, encoded, facts_of
from sopsguard.snapshot import SUBMODULE, SYMLINK, Change, Entry, Piece, Unreadable
from sopsguard.sops.file import SopsFile, may_be_sops, read

_PORTION = 400  # versions read and written down at a time


class Past(Protocol):
    """How history is asked; git answers (see `hooks`)."""

    @property
    def changes(self) -> Callable[[Collection[str]], Iterable[Change]]:
        """Every change to these paths on the way to what is judged, parents first."""

    @property
    def pieces(self) -> Callable[[Iterable[Entry]], Iterator[tuple[Entry, Piece | Unreadable]]]:
        """The contents of entries."""

    @property
    def boundary(self) -> Callable[[], frozenset[str]]:
        """The commits before which a shallow clone shows nothing."""

    @property
    def under_way(self) -> Callable[[], Collection[str]]:
        """The commits that a merge or the like is bringing in."""

    @property
    def direct(self) -> bool:
        """Whether what is judged follows directly on the old side, with no commit between."""


@dataclass(frozen=True, slots=True)
class Version:
    """One content of a path, and the commit in which it first stood there; `facts` where it is a SOPS file.
    `unread` says why it could not be read, `rank` counts in the order of the walk."""

    rank: int
    commit: str
    entry: Entry
    facts: Facts | None
    unread: str = ""


class History:
    """The versions of single paths, read once, with facts that a cache remembers."""

    def __init__(self, past: Past, cache: Cache | None = None) -> None:
        self.past = past
        self._cache = cache
        self._versions: dict[str, tuple[Version, ...]] = {}
        self._present: list[tuple[SopsFile, Facts]] = []

    def know(self, file: SopsFile, facts: Facts) -> None:
        """A file that was read already; its version need not be read again."""
        self._present.append((file, facts))

    def versions(self, paths: Collection[str]) -> Mapping[str, tuple[Version, ...]]:
        """Each path with its distinct contents in the order in which they first appeared."""
        missing = {path for path in paths if path not in self._versions}
        if missing:
            self._versions |= self._walk(missing)
        return {path: self._versions[path] for path in paths}

    def content(self, entry: Entry) -> SopsFile | None:
        """A version as a SOPS file; None if it is none, or cannot be read."""
        for _, piece in self.past.pieces([entry]):
            return _sops(piece, entry.path)
        return None

    def _walk(self, paths: Collection[str]) -> dict[str, tuple[Version, ...]]:
        first: dict[tuple[str, str], tuple[str, Entry]] = {}
        for change in self.past.changes(paths):
            new = change.new
            if new is not None and new.mode not in (SUBMODULE, SYMLINK):
                first.setdefault((new.path, new.oid), (change.commit or "", new))
        facts = self._facts([entry for _, entry in first.values()])
        found: dict[str, list[Version]] = {path: [] for path in paths}
        for rank, ((path, _), (commit, entry)) in enumerate(first.items()):
            known = facts[_id(entry)]
            unread = known if isinstance(known, str) else ""
            found[path].append(
                Version(rank, commit, entry, known if isinstance(known, Facts) else None, unread)
            )
        return {path: tuple(versions) for path, versions in found.items()}

    def _facts(self, entries: Iterable[Entry]) -> dict[str, Facts | str | None]:
        """By id; text says why a content cannot be read."""
        wanted = {_id(entry): entry for entry in entries}
        facts: dict[str, Facts | str | None] = {}
        shared: dict[Value, Value] = {}
        if wanted:
            like = next(iter(wanted.values())).oid
            for present, known in self._present:
                facts[_id(Entry(present.path, 0, object_id(present.data, like)))] = known
        if self._cache is not None:
            for name, data in self._cache.get(name for name in wanted if name not in facts).items():
                with suppress(NotFacts):
                    facts[name] = decoded(data, shared)
        missing = [entry for name, entry in wanted.items() if name not in facts]
        for start in range(0, len(missing), _PORTION):
            made: dict[str, Facts | None] = {}
            for entry, piece in self.past.pieces(missing[start : start + _PORTION]):
                if isinstance(piece, Unreadable):
                    facts[_id(entry)] = piece.reason
                elif piece.offset == 0:
                    file = _sops(piece, entry.path)
                    made[_id(entry)] = facts_of(file, shared) if file is not None else None
            facts |= made
            if self._cache is not None:
                self._cache.put({name: encoded(one) for name, one in made.items()})
        return {name: facts.get(name) for name in wanted}


def object_id(data: bytes, like: str) -> str:
    """The object id of a content, by the algorithm of another one."""
    from hashlib import new

    digest = new("sha256" if len(like) == 64 else "sha1", b"blob %d\0" % len(data), usedforsecurity=False)
    digest.update(data)
    return digest.hexdigest()


def _sops(piece: Piece | Unreadable, path: str) -> SopsFile | None:
    if isinstance(piece, Unreadable) or piece.offset or not piece.last or not may_be_sops(piece.data):
        return None
    file = read(piece.data, path)
    return file if isinstance(file, SopsFile) else None


def _id(entry: Entry) -> str:
    """What facts depend on: the content, and the format that the name says."""
    return f"{entry.oid}/{format_of(entry.path)}"
