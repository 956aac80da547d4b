"""Facts about git objects, kept by object id between runs, in a directory that only the user can read.

Nothing depends on it: what is damaged, foreign, locked or written by another version is as if it were not
there, and is made again. It holds what callers give it, which is never a verdict and never plaintext.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from hashlib import blake2b
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

FILE = "facts.sqlite"
# Larger than the history of any repository of secrets that we know, and small on any disk.
LIMIT = 64 << 20
_LARGEST = 1 << 20
_PORTION = 500  # how many ids one question names; SQLite takes 999 in old versions
# Result codes (sqlite.org/rescode.html) that say nothing against the file: busy, locked, no memory,
# read-only, interrupted, I/O error, full, cannot be opened. All others mean that it is not what we wrote.
_PASSING = frozenset({5, 6, 7, 8, 9, 10, 13, 14})
_PATIENCE = 0.3  # seconds to wait for another run that writes


class Cache:
    """What was written down about objects, by `kind` (what the facts are, and which code made them).

    `directory` is made with mode 0700 when it is needed; where that cannot be, or where somebody else may
    write into it, nothing is kept. `limit` is in bytes. Nothing here raises.
    """

    def __init__(self, directory: str, kind: str, limit: int = LIMIT) -> None:
        self._directory = directory
        self._kind = kind
        self._limit = limit
        self._connection: sqlite3.Connection | None = None
        self._off = False

    def get(self, ids: Iterable[str]) -> dict[str, bytes]:
        """What is known of these objects."""
        found: dict[str, bytes] = {}
        for portion in _portions(ids):
            marks = ",".join("?" * len(portion))
            question = f"SELECT id, proof, value FROM facts WHERE kind = ? AND id IN ({marks})"  # noqa: S608
            for oid, proof, value in self._ask(question, (self._kind, *portion)):
                if isinstance(oid, str) and isinstance(value, bytes) and proof == self._proof(oid, value):
                    found[oid] = value
        return found

    def put(self, facts: Mapping[str, bytes]) -> None:
        """Remember facts about objects; what is too large is not kept."""
        rows = [
            (self._kind, oid, self._proof(oid, value), value)
            for oid, value in facts.items()
            if len(value) <= _LARGEST
        ]
        connection = self._open() if rows else None
        if connection is None:
            return
        import sqlite3

        try:
            with connection:
                connection.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?, ?, ?)", rows)
                self._shrink(connection)
        except sqlite3.Error as failure:
            self._failed(failure)

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _ask(self, question: str, values: tuple[str, ...]) -> list[tuple[object, ...]]:
        connection = self._open()
        if connection is None:
            return []
        import sqlite3

        try:
            return connection.execute(question, values).fetchall()
        except sqlite3.Error as failure:
            self._failed(failure)
            return []

    def _shrink(self, connection: "sqlite3.Connection") -> None:
        """Forget what was written first when there is too much."""
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        (free,) = connection.execute("PRAGMA freelist_count").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        if (pages - free) * size > self._limit:
            connection.execute(
                "DELETE FROM facts WHERE rowid IN"
                " (SELECT rowid FROM facts ORDER BY rowid LIMIT (SELECT 1 + COUNT(*) / 2 FROM facts))"
            )

    def _open(self) -> "sqlite3.Connection | None":
        if self._connection is not None or self._off:
            return self._connection
        self._off = True  # until it is open
        if not _is_private(self._directory):
            return None
        try:
            import sqlite3
        except ImportError:  # a Python built without it
            return None
        path = os.path.join(self._directory, FILE)
        connection = None
        try:
            # Made by us first, so that it is never readable by others; a link is not followed.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
            connection = sqlite3.connect(path, timeout=_PATIENCE)
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS facts"
                " (kind TEXT, id TEXT, proof BLOB, value BLOB, PRIMARY KEY (kind, id))"
            )
            connection.commit()
        except (sqlite3.Error, OSError) as failure:
            if connection is not None:
                self._connection = connection
            self._failed(failure)
            return None
        self._off = False
        self._connection = connection
        return connection

    def _failed(self, failure: Exception) -> None:
        """Do without it from here on; what is damaged is thrown away, so that the next run begins anew."""
        import sqlite3

        self.close()
        self._off = True
        code = getattr(failure, "sqlite_errorcode", 1) & 0xFF
        if isinstance(failure, sqlite3.Error) and code not in _PASSING:
            for name in (FILE, f"{FILE}-journal"):
                with suppress(OSError):
                    os.unlink(os.path.join(self._directory, name))

    def _proof(self, oid: str, value: bytes) -> bytes:
        """A checksum: SQLite has none, and a disk can forget a bit."""
        return blake2b(value, digest_size=16, key=blake2b(f"{self._kind}\0{oid}".encode()).digest()).digest()


def _is_private(directory: str) -> bool:
    """Whether it is a directory of ours alone, now; made if it is not there."""
    if not os.path.isabs(directory):
        return False
    try:
        os.makedirs(os.path.dirname(directory), exist_ok=True)
        with suppress(FileExistsError):
            os.mkdir(directory, 0o700)
        about = os.lstat(directory)
        if about.st_mode & 0o170000 != 0o040000 or about.st_uid != os.geteuid():
            return False
        if about.st_mode & 0o077:
            os.chmod(directory, 0o700)
    except (OSError, ValueError):
        return False
    return True


def _portions(ids: Iterable[str]) -> Iterator[list[str]]:
    source = iter(ids)
    while portion := list(islice(source, _PORTION)):
        yield portion
