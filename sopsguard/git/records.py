"""What plumbing prints, taken apart: index entries, raw diff records, LFS pointers."""

import os
from collections.abc import Iterator
from typing import NamedTuple

from sopsguard.model import UserError
from sopsguard.snapshot import SUBMODULE, Change, Entry


class Commit(NamedTuple):
    """A commit as a step of history: times in seconds since 1970 as its author and committer had them (0
    where there is none that can be read), and what it changes against its first parent."""

    oid: str
    parents: tuple[str, ...]
    author: int
    committer: int
    changes: tuple[Change, ...]


def is_id(text: str) -> bool:
    """Whether this is a full object id, SHA-1 or SHA-256, in lower case."""
    return len(text) in (40, 64) and not text.strip("0123456789abcdef")


def is_blob(entry: Entry) -> bool:
    """Whether the object store can be asked for the content of this entry."""
    return entry.mode != SUBMODULE and is_id(entry.oid)


def indexed(line: bytes) -> tuple[int, Entry]:
    """Stage and entry of one line of `ls-files -s`: mode, id and stage, a tab, the path."""
    about, _, path = line.partition(b"\t")
    mode, oid, stage = about.split(b" ")
    entry = Entry(os.fsdecode(path), int(mode, 8), oid.decode())
    if not entry.mode or not path:
        raise _damaged_index()
    return int(stage), entry


def preferred(sides: dict[str, list[tuple[int, Entry]]]) -> Iterator[Entry]:
    """Of each path in conflict our side (stage 2), else theirs (3), else the common ancestor (1)."""
    for entries in sides.values():
        yield min(entries, key=lambda side: (2, 3, 1).index(side[0]))[1]
    sides.clear()


def _change(about: bytes, path: bytes, commit: str | None = None) -> tuple[bytes, Change]:
    """Status and change of one raw diff record (`git help diff-format`)."""
    old_mode, new_mode, old_oid, new_oid, status = about.lstrip(b"\n:").split(b" ")
    name = os.fsdecode(path)
    old = Entry(name, int(old_mode, 8), old_oid.decode()) if old_mode != b"000000" else None
    new = Entry(name, int(new_mode, 8), new_oid.decode()) if new_mode != b"000000" else None
    if not path or (old is None and new is None and status != b"U"):
        raise _damaged_index()
    return status, Change(name, old, new, commit)


def _damaged_index() -> UserError:
    # git does not check the checksum of its index: one that was cut short reads as entries of nothing
    # (measured with 2.39), and what was staged behind the cut would be missed in silence.
    return UserError("the index is damaged", "move .git/index away, run `git reset` and stage again")


def raw_changes(output: bytes) -> Iterator[tuple[bytes, Change]]:
    """Status and change of each record of `diff-index` or `diff-tree`, `--raw -z --no-renames`."""
    tokens = iter(output.split(b"\0")[:-1])
    return (_change(about, path) for about, path in zip(tokens, tokens, strict=True))


def by_commit(tokens: Iterator[bytes]) -> Iterator[Change]:
    """Changes from `diff-tree --stdin -m --format=%H %P`: a merge comes once for each parent it differs
    from, and what it differs in from all of them is its own."""
    commit, parents = "", 1
    seen: dict[str, tuple[int, Change]] = {}
    for token in tokens:
        if not token.lstrip(b"\n").startswith(b":"):
            names = token.decode("ascii").split()
            if names and names[0] != commit:
                yield from (change for count, change in seen.values() if count == parents)
                seen.clear()
                commit, parents = names[0], max(1, len(names) - 1)
            continue
        path = next(tokens, None)
        if path is None:
            return  # git ended in the middle, and its exit code says so
        _, change = _change(token, path, commit)
        if parents == 1:
            yield change
        else:
            count, first = seen.get(change.path, (0, change))
            seen[change.path] = (count + 1, first)
    yield from (change for count, change in seen.values() if count == parents)


# For `commits`: the header of a commit comes once for each parent, in their order, with `--always` also
# where nothing differs.
COMMIT_FORMAT = "--format=%H %at %ct %P"


def commits(tokens: Iterator[bytes]) -> Iterator[Commit]:
    """Commits from `diff-tree --stdin -m --always` with `COMMIT_FORMAT`."""
    oid, section = "", 0
    head: tuple[tuple[str, ...], int, int] = ((), 0, 0)
    changes: list[Change] = []
    for token in tokens:
        if not token.lstrip(b"\n").startswith(b":"):
            name, *rest = token.decode("ascii", "replace").strip("\n").split(" ")
            if name == oid:
                section += 1
                continue
            if oid:
                yield Commit(oid, *head, tuple(changes))
            if not is_id(name) or len(rest) < 2:
                return  # git ended in the middle, and its exit code says so
            oid, section, changes = name, 0, []
            head = (tuple(filter(None, rest[2:])), _seconds(rest[0]), _seconds(rest[1]))
            continue
        path = next(tokens, None)
        if path is None:
            return
        if section == 0:
            changes.append(_change(token, path, oid)[1])
    if oid:
        yield Commit(oid, *head, tuple(changes))


def _seconds(text: str) -> int:
    # git counts in 64 bits without a sign; what no calendar holds is no time.
    return int(text) if text.isdigit() and len(text) <= 11 else 0


def lfs_pointer(data: bytes) -> tuple[str, int] | None:
    """(SHA-256, size) of a Git LFS pointer, at most 1024 bytes of `key value` lines."""
    if len(data) > 1024 or not data.startswith(b"version https://git-lfs.github.com/spec/"):
        return None
    fields = dict(line.split(b" ", 1) for line in data.splitlines() if b" " in line)
    kind, _, oid = fields.get(b"oid", b"").decode("latin-1").partition(":")
    size = fields.get(b"size", b"")
    if kind != "sha256" or len(oid) != 64 or not is_id(oid) or not size.isdigit() or len(size) > 15:
        return None
    return oid, int(size)
