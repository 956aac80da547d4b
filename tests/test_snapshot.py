"""A snapshot is a lazy mapping; large content comes in windows that lose nothing."""

from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sopsguard import snapshot
from sopsguard.snapshot import (
    SUBMODULE,
    SYMLINK,
    Entry,
    Piece,
    Snapshot,
    TooLarge,
    Unreadable,
    pieces_of,
    windows,
)


@pytest.fixture
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "LIMIT", 64)
    monkeypatch.setattr(snapshot, "WINDOW", 32)
    monkeypatch.setattr(snapshot, "OVERLAP", 8)


def test_a_snapshot_of_given_files_is_a_mapping_in_the_order_of_bytes() -> None:
    snap = Snapshot.of({"b": "text", "a/z": b"\xff", "é": "", "Z": ""})
    assert snap.paths() == ("Z", "a/z", "b", "é")
    assert list(snap) == ["Z", "a/z", "b", "é"]
    assert len(snap) == 4
    assert snap.read("b") == b"text"
    assert snap.read("a/z") == b"\xff"
    assert "b" in snap
    assert "c" not in snap
    assert 7 not in snap
    assert snap.get("b") == Entry("b", 0o100644, "")
    assert snap.get("c") is None
    with pytest.raises(KeyError):
        snap.read("c")


def test_submodules_are_listed_but_have_no_content() -> None:
    snap = Snapshot.of({"sub": "", "link": "target"}, modes={"sub": SUBMODULE, "link": SYMLINK})
    assert snap.paths() == ("link", "sub")
    assert [(entry.path, entry.mode) for entry, _ in snap.pieces()] == [("link", SYMLINK)]


def test_content_is_read_once_while_it_fits_the_cache() -> None:
    reads: list[str] = []

    def pieces(entries: Iterable[Entry]) -> Iterator[tuple[Entry, Piece | Unreadable]]:
        for entry in entries:
            reads.append(entry.path)
            for piece in pieces_of(b"x" * 100):
                yield entry, piece

    snap = Snapshot("test", lambda: [Entry("a", 0o100644, ""), Entry("b", 0o100644, "")], pieces)
    assert [snap.read(p) for p in "aabab"] == [b"x" * 100] * 5
    assert reads == ["a", "b"]


def test_the_cache_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "CACHE", 250)
    reads: list[str] = []

    def find(path: str) -> bytes | None:
        reads.append(path)
        return b"x" * (1000 if path == "huge" else 100)

    snap = Snapshot("test", list, lambda _: iter(()), find)
    for path in ("a", "b", "c", "b", "c", "a", "huge", "huge"):
        snap.read(path)
    assert reads == ["a", "b", "c", "a", "huge", "huge"]


def test_single_paths_are_asked_for_without_listing_everything() -> None:
    def never() -> Iterable[Entry]:
        raise AssertionError("listed")

    snap = Snapshot("test", never, lambda _: iter(()), {"a": b"1"}.get)
    assert "a" in snap
    assert "b" not in snap
    assert snap.read("a") == b"1"
    with pytest.raises(KeyError):
        snap.read("b")


def test_whole_content_above_the_limit_is_refused(small_windows: None) -> None:
    snap = Snapshot.of({"a": b"x" * 65, "b": b"x" * 64})
    with pytest.raises(TooLarge) as error:
        snap.read("a")
    assert (error.value.path, error.value.size) == ("a", 65)
    assert len(snap.read("b")) == 64


def test_what_cannot_be_read_is_raised() -> None:
    broken = Unreadable("a", "is missing", "the object")
    entry = Entry("a", 0o100644, "")
    snap = Snapshot("test", lambda: [entry], lambda _: iter([(entry, broken)]))
    with pytest.raises(Unreadable, match="is missing"):
        snap.read("a")


def test_contents_do_not_show_in_the_repr() -> None:
    piece = next(pieces_of(b"canary-4711"))
    assert "canary" not in repr(piece)
    assert "canary" not in repr((Entry("a", 0, ""), piece))
    assert "canary" not in repr(Snapshot.of({"a": "canary-4711"}))


def test_content_that_ends_early_is_an_error() -> None:
    with pytest.raises(EOFError):
        list(windows(lambda _: b"", 5))


@given(st.binary(max_size=400), st.integers(1, 50))
def test_windows_cover_the_content_overlap_and_count_lines(data: bytes, chunk: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(snapshot, "LIMIT", 64)
        patch.setattr(snapshot, "WINDOW", 32)
        patch.setattr(snapshot, "OVERLAP", 8)
        position = 0

        def read(count: int) -> bytes:
            nonlocal position
            part = data[position : position + min(count, chunk)]
            position += len(part)
            return part

        pieces = list(windows(read, len(data)))
    assert [piece.last for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    end = 0
    for piece in pieces:
        assert piece.data == data[piece.offset : piece.offset + len(piece.data)]
        assert piece.line == 1 + data.count(b"\n", 0, piece.offset)
        assert piece.size == len(data)
        assert piece.offset == (end - 8 if end else 0)
        end = piece.offset + len(piece.data)
    assert end == len(data)
    assert len(pieces) == 1 or all(len(piece.data) <= 32 for piece in pieces)
