"""The repository at one moment: which paths there are and what they hold, read when asked; runs nothing."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple, Self

FILE = 0o100644
EXECUTABLE = 0o100755
SYMLINK = 0o120000
SUBMODULE = 0o160000

# Content up to LIMIT bytes comes whole; what is larger comes in windows of WINDOW bytes, each
# repeating the last OVERLAP bytes of the one before, so that nothing is cut in two and no blob,
# however large, costs more memory than a few windows.
LIMIT = 16 << 20
WINDOW = 8 << 20
OVERLAP = 64 << 10

# What one snapshot remembers of the files it has read, in bytes.
CACHE = 32 << 20


class Entry(NamedTuple):
    """One path of a snapshot. `mode` is git's (`FILE`, `EXECUTABLE`, `SYMLINK`, `SUBMODULE`); `oid` is
    the object id in lower-case hexadecimal, or empty for a file of the work tree."""

    path: str
    mode: int
    oid: str


class Change(NamedTuple):
    """What happened to one path between two trees; `old` is None for an addition, `new` for a deletion.

    `commit` is the commit that made the change where a range is read.
    """

    path: str
    old: Entry | None
    new: Entry | None
    commit: str | None = None


class Piece(NamedTuple):
    """The content of one file or, of a large one, one window of it.

    `offset` is the position of `data` in the content and `size` the size of the whole, both in bytes;
    `line` is the number, from 1, of the line (ended by LF) in which `data` begins; `last` says that
    `data` reaches the end. `data` may hold secrets and is not part of the `repr`.
    """

    data: bytes
    offset: int
    line: int
    size: int
    last: bool

    def __repr__(self) -> str:
        return f"Piece(<{len(self.data)} bytes>, {self.offset}, {self.line}, {self.size}, {self.last})"


class Unreadable(Exception):
    """Content that could not be had: where, why, and what would be needed.

    `vanished` says that the path was there when the paths were listed and was gone when it was read.
    """

    def __init__(self, path: str, reason: str, needed: str, *, vanished: bool = False) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason
        self.needed = needed
        self.vanished = vanished


class TooLarge(Unreadable):
    """Content of more than `LIMIT` bytes where only whole content will do; `size` is in bytes."""

    def __init__(self, path: str, size: int) -> None:
        super().__init__(path, f"is too large ({size >> 20} MiB)", f"a file of at most {LIMIT >> 20} MiB")
        self.size = size


class Snapshot:
    """A mapping from path to content, in the order of the paths' bytes, read lazily.

    `name` is for people ("the index", "the work tree", a commit id). Symbolic links hold their target.
    `read` and `in` ask for single paths without listing everything first where the source can.
    """

    __slots__ = ("_cache", "_cached", "_entries", "_find", "_list", "_pieces", "name")

    def __init__(
        self,
        name: str,
        list_entries: Callable[[], Iterable[Entry]],
        pieces: Callable[[Iterable[Entry]], Iterator[tuple[Entry, Piece | Unreadable]]],
        find: Callable[[str], bytes | None] | None = None,
    ) -> None:
        self.name = name
        self._list = list_entries
        self._pieces = pieces
        self._find = find
        self._entries: dict[str, Entry] | None = None
        self._cache: dict[str, bytes] = {}
        self._cached = 0

    @classmethod
    def of(
        cls, files: Mapping[str, bytes | str], name: str = "given", modes: Mapping[str, int] | None = None
    ) -> Self:
        """A snapshot of what is given, for tests; text is UTF-8."""
        contents = {p: c.encode() if isinstance(c, str) else c for p, c in files.items()}
        modes = modes or {}

        def list_entries() -> Iterator[Entry]:
            return (Entry(path, modes.get(path, FILE), "") for path in sorted(contents, key=path_bytes))

        def pieces(entries: Iterable[Entry]) -> Iterator[tuple[Entry, Piece | Unreadable]]:
            for entry in entries:
                for piece in pieces_of(contents[entry.path]):
                    yield entry, piece

        return cls(name, list_entries, pieces)

    def changed(self, changes: Mapping[str, bytes | None], name: str = "") -> "Snapshot":
        """The same with other contents in some places; None takes a path away. Modes stay."""

        def list_entries() -> Iterator[Entry]:
            for entry in self.entries():
                if changes.get(entry.path, b"") is not None:
                    yield entry._replace(oid="") if entry.path in changes else entry
            for path, content in changes.items():
                if content is not None and path not in self._index():
                    yield Entry(path, FILE, "")

        def pieces(entries: Iterable[Entry]) -> Iterator[tuple[Entry, Piece | Unreadable]]:
            rest = []
            for entry in entries:
                content = changes.get(entry.path)
                if content is None:
                    rest.append(self._index()[entry.path])
                    continue
                for piece in pieces_of(content):
                    yield entry, piece
            yield from self._pieces(rest)

        return Snapshot(name or self.name, list_entries, pieces)

    def __repr__(self) -> str:
        return f"Snapshot({self.name!r})"

    def _index(self) -> dict[str, Entry]:
        if self._entries is None:
            entries: dict[str, Entry] = {}
            for entry in self._list():
                entries.setdefault(entry.path, entry)
            self._entries = entries
        return self._entries

    def paths(self) -> tuple[str, ...]:
        """Every path, submodules too."""
        return tuple(self._index())

    def entries(self) -> tuple[Entry, ...]:
        """Every path with its mode and object id."""
        return tuple(self._index().values())

    def get(self, path: str) -> Entry | None:
        """The entry of a path, or None."""
        return self._index().get(path)

    def __contains__(self, path: object) -> bool:
        if not isinstance(path, str):
            return False
        if self._is_direct(path):
            return path in self._cache or self._found(path) is not None
        return path in self._index()

    def __iter__(self) -> Iterator[str]:
        return iter(self._index())

    def __len__(self) -> int:
        return len(self._index())

    def read(self, path: str) -> bytes:
        """The whole content of one file. Raises `KeyError` where there is none, `TooLarge` above `LIMIT`
        bytes, and `Unreadable` where it could not be read."""
        kept = self._cache.get(path)
        if kept is not None:
            return kept
        if self._is_direct(path):
            found = self._found(path)
            if found is None:
                raise KeyError(path)
            return found
        for _, piece in self._pieces([self._index()[path]]):
            if isinstance(piece, Unreadable):
                raise piece
            if not piece.last:
                raise TooLarge(path, piece.size)
            return self._keep(path, piece.data)
        raise KeyError(path)

    def pieces(self, paths: Iterable[str] | None = None) -> Iterator[tuple[Entry, Piece | Unreadable]]:
        """The contents of these paths (default: all but submodules), large ones in windows."""
        entries = self._index()
        wanted = entries if paths is None else paths
        return self._pieces(entries[path] for path in wanted if entries[path].mode != SUBMODULE)

    def _is_direct(self, path: str) -> bool:
        # A name with a line feed cannot be asked of cat-file, whose questions are lines.
        return self._entries is None and self._find is not None and "\n" not in path

    def _found(self, path: str) -> bytes | None:
        found = self._find(path) if self._find is not None else None
        return None if found is None else self._keep(path, found)

    def _keep(self, path: str, data: bytes) -> bytes:
        self._cached += len(data)
        while self._cached > CACHE and self._cache:
            self._cached -= len(self._cache.pop(next(iter(self._cache))))
        if self._cached > CACHE:
            self._cached -= len(data)
        else:
            self._cache[path] = data
        return data


def path_bytes(path: str) -> bytes:
    """The bytes of a path as git stores and sorts them."""
    return path.encode("utf-8", "surrogateescape")


def windows(read: Callable[[int], bytes], size: int) -> Iterator[Piece]:
    """`size` bytes from `read(n)` (at most n bytes; b"" at the end) as pieces; `EOFError` if fewer come."""
    if size <= LIMIT:
        yield Piece(_exactly(read, size), 0, 1, size, True)
        return
    offset, line, kept = 0, 1, b""
    while True:
        data = kept + _exactly(read, min(WINDOW - len(kept), size - offset - len(kept)))
        last = offset + len(data) == size
        yield Piece(data, offset, line, size, last)
        if last:
            return
        step = len(data) - OVERLAP
        line += data.count(b"\n", 0, step)
        offset += step
        kept = data[step:]


def pieces_of(data: bytes) -> Iterator[Piece]:
    """Content that is in memory already as pieces."""
    position = 0

    def read(count: int) -> bytes:
        nonlocal position
        position += count
        return data[position - count : position]

    return windows(read, len(data))


def _exactly(read: Callable[[int], bytes], count: int) -> bytes:
    data = read(count)
    if len(data) == count:
        return data
    parts = [data]
    missing = count - len(data)
    while missing:
        data = read(missing)
        if not data:
            raise EOFError
        parts.append(data)
        missing -= len(data)
    return b"".join(parts)
