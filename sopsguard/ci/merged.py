"""What merging a change would make, path by path, computed and never written.

For each path take the merge base O, the trusted tip A and the head B: where A = B that; where A = O what the
change has; where B = O what the trusted side has; else both changed it, and the change's version counts.
Without it a branch that is behind would seem to undo what the trusted branch did since.
"""

from collections.abc import Iterator
from typing import NamedTuple

from sopsguard.git import Repository
from sopsguard.snapshot import Change, Entry, Snapshot, path_bytes


class Merged(NamedTuple):
    """The state after a merge, what it changes of the trusted side, and the paths that both sides changed."""

    state: Snapshot
    changes: tuple[Change, ...]
    both: tuple[str, ...] = ()


def merged(repo: Repository, base: str, head: str) -> Merged:
    """What comes of merging `head` into `base` (both ids). Without exactly one merge base: what head has."""
    fork = repo.merge_bases(base, head)
    if len(fork) != 1 or fork[0] == base:
        return Merged(repo.tree(head), tuple(repo.changes_between(base, head)))
    theirs = {c.path: c for c in repo.changes_between(fork[0], head)}
    ours = {c.path: c.new for c in repo.changes_between(fork[0], base)}
    changes: list[Change] = []
    both: list[str] = []
    for path, change in theirs.items():
        if path not in ours:
            changes.append(change)
        elif not _same(ours[path], change.new):
            both.append(path)
            # Taken away here and changed there: what stays is what the other side has of it.
            if change.new is not None:
                changes.append(Change(path, ours[path], change.new))
    result = {change.path: change.new for change in changes}

    def entries() -> Iterator[Entry]:
        there: dict[str, Entry | None] = {entry.path: entry for entry in repo.tree(base).entries()}
        made = [entry for entry in (there | result).values() if entry is not None]
        return iter(sorted(made, key=lambda entry: path_bytes(entry.path)))

    return Merged(Snapshot(head, entries, repo.pieces), tuple(changes), tuple(both))


def _same(one: Entry | None, other: Entry | None) -> bool:
    if one is None or other is None:
        return one is other
    return (one.mode, one.oid) == (other.mode, other.oid)
