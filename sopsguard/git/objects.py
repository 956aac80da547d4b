"""Contents of the object store: any number of objects from one process, each proved by its id."""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from sopsguard.git.process import Process, first_words
from sopsguard.git.records import is_id
from sopsguard.model import printable
from sopsguard.snapshot import Entry, Piece, Unreadable, windows

if TYPE_CHECKING:
    import hashlib

# Requests on the way to one cat-file: few enough to fit any pipe, so that writing never waits.
AHEAD = 96


class Objects:
    """One `cat-file --batch`: any number of objects, answered in the order they were asked for."""

    __slots__ = ("_hashed", "_process", "broken", "open_questions")

    def __init__(self, process: Process) -> None:
        self._process = process
        self._hashed = 0
        self.broken = False  # in the middle of an answer: what follows means nothing
        self.open_questions = 0

    def stop(self) -> None:
        self._process.stop()

    def forget(self) -> None:
        """Leave it to the process that this one was forked from."""
        self._process.forget()

    @property
    def hung_up(self) -> bool:
        """Whether it takes no more questions."""
        return self._process.stdin < 0

    def ask(self, names: Sequence[str]) -> None:
        """Ask for objects, at most `AHEAD`; the answers must be read in the same order."""
        self.open_questions += len(names)
        with suppress(BrokenPipeError):  # git has ended: there will be no answer, and that will be said
            self._process.write(os.fsencode("\n".join(names) + "\n"))

    def answer(self, entry: Entry) -> Iterator[Piece | Unreadable]:
        """The content of the blob whose turn it is, or why not."""
        try:
            oid, kind, size = self.header(entry.oid)
            if kind == "blob":
                yield from self.content(entry.path, oid, kind, size)
                return
            for _ in self.content(entry.path, oid, kind, size):
                pass
            yield Unreadable(entry.path, f"is a {kind} where a file should be", "a whole repository")
        except KeyError:
            reason = f"is missing from the object store ({entry.oid[:12]})"
            yield Unreadable(entry.path, reason, "the object: git fetch")
        except Unreadable as e:
            yield e

    def header(self, name: str) -> tuple[str, str, int]:
        """(id, type, size) of the object whose turn it is; `KeyError` if there is none."""
        line = self._process.line()
        words = line.split()
        if len(words) == 3 and words[2].isdigit() and line.endswith(b"\n"):
            oid = words[0].decode("latin-1")
            if is_id(oid) and (oid == name or not is_id(name)):
                return oid, words[1].decode("latin-1"), int(words[2])
        if line.endswith((b" missing\n", b" submodule\n", b" ambiguous\n")):
            self.open_questions -= 1
            raise KeyError(name)
        raise self._broke(name)

    def content(self, path: str, oid: str, kind: str, size: int) -> Iterator[Piece]:
        """What follows the header. The last piece comes only if all of it is what the id says."""
        digest = self._digest(oid, size)
        digest.update(b"%b %d\0" % (kind.encode("latin-1"), size))
        done = 0
        try:
            for piece in windows(self._process.read, size):
                digest.update(memoryview(piece.data)[done - piece.offset :])
                done = piece.offset + len(piece.data)
                if not piece.last:
                    yield piece
            if self._process.read(1) != b"\n":
                raise EOFError
        except EOFError:
            raise self._broke(path) from None
        self.open_questions -= 1
        if digest.hexdigest() != oid:
            raise Unreadable(
                path, f"is damaged: not what its object id says ({oid[:12]})", "a whole repository"
            )
        yield piece

    def _broke(self, path: str) -> Unreadable:
        self.broken = True
        self._process.end()
        said = printable(first_words(self._process.complaint())[0][:300])
        return Unreadable(
            path, f"cannot be read: git says {said}", "a whole repository; `git fsck` says more"
        )

    def _digest(self, oid: str, size: int) -> "hashlib._Hash":
        self._hashed += size
        if len(oid) == 64:
            from hashlib import sha256

            return sha256(usedforsecurity=False)
        if self._hashed < 256 << 10:
            # Loading OpenSSL costs 4 ms, which pays from some hundred KiB on.
            try:
                from _sha1 import sha1 as small  # type: ignore[import-not-found] # no stub
            except ImportError:
                pass
            else:
                return cast("hashlib._Hash", small())
        from hashlib import sha1

        return sha1(usedforsecurity=False)
