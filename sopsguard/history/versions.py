"""The versions of single files in git, read once, each with its facts."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from sopsguard.cache import Cache
from sopsguard.git import Commit
from sopsguard.history.blobs import Known, Unread, facts_by_name, name_of
from sopsguard.history.facts import Facts
from sopsguard.history.lineage import Judged
from sopsguard.history.timeline import Timeline
from sopsguard.snapshot import SUBMODULE, SYMLINK, Change, Entry, Piece, Unreadable
from sopsguard.sops.file import SopsFile, may_be_sops, read


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
    def lineage(self) -> Callable[[], Iterable[Commit]]:
        """All commits up to what is judged, parents first."""

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
        self._known: dict[str, Known] = {}  # by `name_of`

    def know(self, file: SopsFile, facts: Facts) -> None:
        """A file that was read already; its version need not be read again."""
        self._present.append((file, facts))

    def versions(self, paths: Collection[str]) -> Mapping[str, tuple[Version, ...]]:
        """Each path with its distinct contents in the order in which they first appeared."""
        missing = {path for path in paths if path not in self._versions}
        if missing:
            self._versions |= self._walk(missing)
        return {path: self._versions[path] for path in paths}

    def timeline(self, now: int, judged: Judged | None = None) -> Timeline:
        """All values and readers up to what is judged; `now` in seconds since 1970. Raises `UserError`."""
        return Timeline(self.past, now, self._cache, judged, known=self._known)

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
            known = facts.get(name_of(entry))
            unread = known.reason if isinstance(known, Unread) else ""
            found[path].append(
                Version(rank, commit, entry, known if isinstance(known, Facts) else None, unread)
            )
        return {path: tuple(versions) for path, versions in found.items()}

    def _facts(self, entries: Iterable[Entry]) -> dict[str, Known]:
        wanted = list(entries)
        if wanted:
            like = wanted[0].oid
            for file, known in self._present:
                self._known[name_of(Entry(file.path, 0, object_id(file.data, like)))] = known
        self._known |= facts_by_name(wanted, self.past.pieces, self._cache, self._known)
        return self._known


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
