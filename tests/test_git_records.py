"""What plumbing prints is taken apart into exactly what it says, whatever the paths look like."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sopsguard.git import records
from sopsguard.model import UserError
from sopsguard.snapshot import Change, Entry

paths = st.binary(min_size=1, max_size=30).filter(lambda p: b"\0" not in p)
oids = st.integers(1, 2**160 - 1).map(lambda n: f"{n:040x}")
modes = st.sampled_from([0o100644, 0o100755, 0o120000, 0o160000])


@st.composite
def changes(draw: st.DrawFn) -> Change:
    path = os.fsdecode(draw(paths))
    side = st.builds(Entry, st.just(path), modes, oids)
    old = draw(st.none() | side)
    new = draw(side if old is None else st.none() | side)
    return Change(path, old, new)


def record(change: Change) -> bytes:
    """A change as git writes it."""
    old, new = (side or Entry("", 0, "0" * 40) for side in (change.old, change.new))
    status = "A" if not change.old else "D" if not change.new else "M"
    about = f":{old.mode:06o} {new.mode:06o} {old.oid} {new.oid} {status}\0"
    return about.encode() + os.fsencode(change.path) + b"\0"


@given(st.lists(changes(), max_size=6))
def test_raw_records_are_read_back(wanted: list[Change]) -> None:
    output = b"".join(map(record, wanted))
    assert [change for _, change in records.raw_changes(output)] == wanted


@given(
    st.lists(
        st.tuples(oids, st.lists(changes(), min_size=1, max_size=3)), max_size=4, unique_by=lambda c: c[0]
    )
)
def test_commits_are_told_from_their_changes(history: list[tuple[str, list[Change]]]) -> None:
    output = b"".join(
        f"{oid} {'1' * 40}\0\n".encode() + b"".join(map(record, found)) for oid, found in history
    )
    tokens = iter(output.split(b"\0")[:-1])
    wanted = [change._replace(commit=oid) for oid, found in history for change in found]
    assert list(records.by_commit(tokens)) == wanted


@given(st.lists(changes(), min_size=1, max_size=5, unique_by=lambda c: c.path), st.integers(2, 4), st.data())
def test_of_a_merge_only_what_no_parent_has_is_new(
    found: list[Change], parents: int, data: st.DataObject
) -> None:
    oid, names = "a" * 40, " ".join("b" * 40 for _ in range(parents))
    differs = [data.draw(st.sets(st.integers(0, parents - 1), min_size=1)) for _ in found]
    output = b""
    for parent in range(parents):
        section = b"".join(record(c) for c, where in zip(found, differs, strict=True) if parent in where)
        output += f"{oid} {names}\0\n".encode() + section if section else b""
    wanted = [
        c._replace(commit=oid) for c, where in zip(found, differs, strict=True) if len(where) == parents
    ]
    assert sorted(records.by_commit(iter(output.split(b"\0")[:-1]))) == sorted(wanted)


@given(modes, oids, st.integers(0, 3), paths)
def test_index_lines_are_read_back(mode: int, oid: str, stage: int, path: bytes) -> None:
    line = f"{mode:06o} {oid} {stage}\t".encode() + path
    assert records.indexed(line) == (stage, Entry(os.fsdecode(path), mode, oid))


@pytest.mark.parametrize("line", [b"000000 " + b"0" * 40 + b" 0\tx", b"100644 " + b"1" * 40 + b" 0\t"])
def test_entries_of_nothing_are_a_damaged_index(line: bytes) -> None:
    with pytest.raises(UserError, match="index is damaged"):
        records.indexed(line)


def test_output_that_was_cut_off_ends_the_changes() -> None:
    whole = record(Change("a", None, Entry("a", 0o100644, "1" * 40)))
    tokens = iter([f"{'a' * 40} ".encode(), *whole.split(b"\0")[:1]])
    assert list(records.by_commit(tokens)) == []


@given(st.binary(max_size=200))
def test_any_bytes_are_an_lfs_pointer_or_not(data: bytes) -> None:
    text = b"version https://git-lfs.github.com/spec/v1\n" + data
    for candidate in (data, text):
        found = records.lfs_pointer(candidate)
        assert found is None or (len(found[0]) == 64 and found[1] >= 0)


@given(st.binary(min_size=32, max_size=32), st.integers(0, 10**12))
def test_an_lfs_pointer_is_read_back(digest: bytes, size: int) -> None:
    text = f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest.hex()}\nsize {size}\n"
    assert records.lfs_pointer(text.encode()) == (digest.hex(), size)
