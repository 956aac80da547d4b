"""Who can open each SOPS file: by its metadata, and through files that share its data key.

The recipients in a file's metadata are those for whom its data key is wrapped, so they and nobody else
can open it. A copied file keeps the data key: whoever opens one copy can open every other (sops-format,
section 6).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from sopsguard.sops.file import Broken, SopsFile
from sopsguard.sops.masterkey import Key


class Reader(NamedTuple):
    """Somebody for whom a data key is wrapped. `who` is the key whatever its spelling, `key` as it stands
    in the file. `alone`: needs nobody from another key group."""

    who: str
    key: Key
    alone: bool = True


Readers = Mapping[str, Reader]


@dataclass(frozen=True, slots=True)
class Reach:
    """The readers of one file: `direct` by its own metadata, `through` by those of files that share its
    data key (reader → path of such a file)."""

    direct: Readers
    through: Mapping[str, str] = field(default_factory=dict)

    @property
    def everyone(self) -> frozenset[str]:
        """All of them."""
        return frozenset(self.direct) | frozenset(self.through)


def readers(file: SopsFile, canonical: Callable[[Key], str]) -> Readers:
    """The readers of a file by its own metadata; `canonical` brings two spellings of a key together."""
    meta = file.metadata
    groups = [group for group in meta.groups if group]
    needed = 1 if len(groups) < 2 else meta.shamir_threshold or len(groups)
    memberships: dict[str, int] = {}
    for group in groups:
        for who in {canonical(r.key) for r in group}:
            memberships[who] = memberships.get(who, 0) + 1
    found: dict[str, Reader] = {}
    for group in groups:
        for r in group:
            who = canonical(r.key)
            found.setdefault(who, Reader(who, r.key, memberships[who] >= needed))
    return found


def clusters(files: Mapping[str, SopsFile | Broken]) -> tuple[tuple[str, ...], ...]:
    """The sets of two or more files that share a data key, as far as it shows without a key.

    Two signs, both certain: the data key wrapped for a recipient is the same text in both (every wrap is
    fresh), or the same value stands encrypted in both with the same IV (random, 256 bits; a copy).
    """
    parent: dict[str, str] = {path: path for path, file in files.items() if isinstance(file, SopsFile)}

    def root(path: str) -> str:
        while parent[path] != path:
            parent[path] = path = parent[parent[path]]
        return path

    first: dict[tuple[str, ...], str] = {}
    for path in parent:
        file = files[path]
        assert isinstance(file, SopsFile)
        for sign in _signs(file):
            other = first.setdefault(sign, path)
            if other != path:
                parent[root(path)] = root(other)
    sets: dict[str, list[str]] = {}
    for path in parent:
        sets.setdefault(root(path), []).append(path)
    return tuple(tuple(sorted(members)) for members in sets.values() if len(members) > 1)


def _signs(file: SopsFile) -> Iterable[tuple[str, ...]]:
    for recipient in file.metadata.recipients:
        text = "".join(recipient.enc.split())
        if text:
            yield ("enc", recipient.family, text)
    for leaf in file.leaves:
        envelope = leaf.envelope
        if envelope is not None and envelope.exact:
            # Same IV and text but another tag would be the same value under another key or place.
            yield ("value", envelope.iv, envelope.data, envelope.tag)


def reach(files: Mapping[str, SopsFile | Broken], canonical: Callable[[Key], str]) -> Mapping[str, Reach]:
    """The readers of every file that can be read as one."""
    direct = {path: readers(file, canonical) for path, file in files.items() if isinstance(file, SopsFile)}
    through: dict[str, dict[str, str]] = {path: {} for path in direct}
    for members in clusters(files):
        for path in members:
            for other in members:
                for who, reader in direct[other].items():
                    if who not in direct[path] and reader.alone:
                        through[path].setdefault(who, other)
    return {path: Reach(direct[path], through[path]) for path in direct}
