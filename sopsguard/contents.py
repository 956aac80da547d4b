"""Contents on their way through the search: what is kept of each is places, never the content."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from os import urandom
from typing import TYPE_CHECKING, Any, NamedTuple

from sopsguard.managed import looks_like_sops
from sopsguard.model import Confidence, Family, Location, Unknown
from sopsguard.snapshot import LIMIT, Change, Piece, Unreadable

if TYPE_CHECKING:
    from sopsguard.scan import Hit, Scanner

_RUN_KEY = urandom(32)

# After so many bytes of a share the others are read by processes of their own: the engine is loaded by
# then and most patterns are compiled.
_ALONE = 256 << 10


# The path under which text of a commit itself is judged; no file can have it, for it ends in a slash.
COMMIT_MESSAGE = "commit message/"


class Content(NamedTuple):
    """One piece of something that can be read, and the change that brought it.

    `blocking` says that it must be readable for a judgement to count (a staged blob; not a file that
    only Git LFS has).
    """

    change: Change
    piece: Piece | Unreadable
    blocking: bool = True


class Found(NamedTuple):
    """A candidate secret at its place. Holds no secret: `mark` is a keyed hash whose key dies with the
    process, good only for asking whether two findings hold the same thing."""

    location: Location
    rule: str
    kind: str
    title: str
    confidence: Confidence
    layers: tuple[str, ...]
    public: tuple[str, ...]
    mark: bytes
    allowed: tuple[str, ...]


def read_together(reader: "Reader", shares: "Sequence[Callable[[], Iterable[Content]]]") -> None:
    """Read all shares, each in a process of its own once the first shows that they are large."""
    first, *others = shares
    contents = iter(first())
    for content in contents:
        reader.add(content)
        if reader.bytes > _ALONE:
            break
    else:
        for share in others:
            reader.read(share())
        return
    from sopsguard.crew import Crew

    reader.settle()
    with Crew([partial(reader.told, share) for share in others]) as crew:
        reader.read(contents)
        for number, share in enumerate(others):
            told = crew.answer(number)
            if told is None:
                reader.read(share())
            else:
                reader.take(told)


class Reader:
    """Scans contents piece by piece and keeps places, never contents."""

    def __init__(self, bulk: bool) -> None:
        self._bulk = bulk
        self._scanner: Scanner | None = None
        self._windows: dict[str, set[tuple[str, bytes, int]]] = {}
        self.sops: dict[str, bool] = {}
        self.found: list[Found] = []
        self.unknown: list[Unknown] = []
        self.notes: list[str] = []
        self.files = 0
        self.bytes = 0

    def read(self, contents: Iterable[Content]) -> None:
        for content in contents:
            self.add(content)

    def settle(self) -> None:
        if self._scanner is not None:
            self._scanner.settle()

    def told(self, share: Callable[[], Iterable[Content]]) -> tuple[Any, ...]:
        """What a reader finds that begins with the scanner of this one, and reads a share."""
        other = Reader(self._bulk)
        other._scanner = self._scanner
        other.read(share())
        return other.found, other.unknown, other.notes, other.sops, other.files, other.bytes

    def take(self, told: tuple[Any, ...]) -> None:
        """Add what another one has told. A share has all of a path, so no path comes from two."""
        found, unknown, notes, sops, files, size = told
        self.found += found
        self.unknown += unknown
        self.notes += notes
        self.sops |= sops
        self.files += files
        self.bytes += size

    def add(self, content: Content) -> None:
        change, piece, blocking = content
        if isinstance(piece, Unreadable):
            where = Location(change.path, commit=change.commit)
            self.unknown.append(Unknown(where, piece.reason, piece.needed, blocking))
            return
        if piece.offset == 0:
            self.files += 1
            self.bytes += piece.size
            if not piece.last:
                note = f"{change.path}: {piece.size >> 20} MiB, judged window by window, not as one document"
                if note not in self.notes:  # the disk and the index may each have their own
                    self.notes.append(note)
                self._too_large(change, piece)
            # A version of a range says nothing against what the path holds at the end.
            if piece.last and looks_like_sops(piece.data):
                self.sops[change.path] = True
            elif change.commit is None:
                self.sops.setdefault(change.path, False)
        if self._scanner is None:
            from sopsguard.scan import Scanner

            # Along a range the versions of a file follow one another: a secret is told in the first.
            self._scanner = Scanner(bulk=self._bulk, history=change.commit is not None)
        result = self._scanner.scan(piece.data, change.path)
        for problem in result.unknown:
            line = piece.line + piece.data.count(b"\n", 0, problem.start)
            where = Location(change.path, line, commit=change.commit)
            self.unknown.append(Unknown(where, problem.reason, problem.needed))
        for hit in result.hits:
            if not (piece.last and piece.offset == 0) and self._seen(
                change.path, hit.kind, piece.offset + hit.start, hit.secret
            ):
                continue
            self.found.append(_found(change, piece, hit))

    def _too_large(self, change: Change, piece: Piece) -> None:
        if b"ENC[AES256_GCM," in piece.data:
            where = Location(change.path, commit=change.commit)
            reason = (
                f"a SOPS file of {piece.size >> 20} MiB is searched for secrets, but not judged as a document"
            )
            needed = f"a file of at most {LIMIT >> 20} MiB"
            unknown = Unknown(where, reason, needed, rule="broken-file", family=Family.SCHEMA)
            if unknown not in self.unknown:
                self.unknown.append(unknown)

    def _seen(self, path: str, kind: str, start: int, secret: bytes) -> bool:
        """Windows of a large file overlap; what lies in the overlap is met twice."""
        seen = self._windows.setdefault(path, set())
        key = (kind, _mark(secret), start)
        if key in seen:
            return True
        seen.add(key)
        return False


def _found(change: Change, piece: Piece, hit: "Hit") -> Found:
    line, column = position(piece.data, hit.start)
    end_line, end_column = position(piece.data, hit.end)
    first = piece.line - 1
    where = Location(
        change.path,
        first + line,
        column,
        first + end_line,
        end_column,
        key=hit.key or None,
        commit=change.commit,
    )
    return Found(
        where,
        hit.rule,
        hit.kind,
        hit.title,
        hit.confidence,
        hit.layers,
        hit.public,
        _mark(hit.secret),
        allowed(piece.data, hit.start, change.path),
    )


def _mark(secret: bytes) -> bytes:
    from hashlib import blake2b

    return blake2b(secret, digest_size=16, key=_RUN_KEY).digest()


def position(data: bytes, offset: int) -> tuple[int, int]:
    """Line and column of a byte offset, both counted from 1; columns count characters."""
    start = data.rfind(b"\n", 0, offset) + 1
    return data.count(b"\n", 0, start) + 1, len(data[start:offset].decode("utf-8", "replace")) + 1


def allowed(data: bytes, offset: int, path: str) -> tuple[str, ...]:
    """The rules that a comment allows for what stands at the offset: `sopsguard: allow[rule] reason`.

    The comment stands at the end of the same line, or alone on the line above. One without a reason
    allows nothing, and neither does one in a format that has no comments.
    """
    start = data.rfind(b"\n", 0, offset) + 1
    above = data.rfind(b"\n", 0, max(0, start - 1)) + 1
    stop = data.find(b"\n", offset)
    context = data[max(above, start - 2000) : stop if 0 <= stop < offset + 2000 else offset + 2000]
    if b"sopsguard:" not in context or path.endswith((".json", ".lock")):
        return ()
    import re

    here = data[start : stop if stop >= 0 else len(data)]
    marker = rb"(?:#|//|;|--|/\*|<!--|\(\*|%%)[^\n]*?\bsopsguard:\s*allow\[([a-z0-9, -]+)\][ \t]+([^\n]*\w)"
    match = re.search(marker, here) or re.match(rb"\s*" + marker, data[above:start])
    if match is None:
        return ()
    return tuple(rule.strip() for rule in match[1].decode("ascii").split(","))
