"""What a change does to the values of SOPS files, by their keys: nothing here ever sees a value.

A value is recognised by its IV, which sops keeps while the value stays the same, `rotate` included
(sops-format, section 7.2).
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from sopsguard.document import Scalar, Value
from sopsguard.sops.file import Leaf, SopsFile

if TYPE_CHECKING:
    from sopsguard.managed import Managed


class What(StrEnum):
    """What happened to a value."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    MOVED = "moved"
    REENCRYPTED = "encrypted anew"  # every value of the file is: whether one of them changed cannot be told
    OPENED = "no longer encrypted"
    SEALED = "encrypted now"


class Edit(NamedTuple):
    """One value; `source` is where a moved one was, `path` and `key` where it is, or was if it is gone."""

    path: str
    key: str
    what: What
    source: str = ""


def edits(before: "Managed", now: "Managed") -> tuple[Edit, ...]:
    """Every value that is other than before, in the order of files and keys."""
    then = {p: f for p, f in before.files.items() if isinstance(f, SopsFile)}
    here = {p: f for p, f in now.files.items() if isinstance(f, SopsFile)}
    old_places, new_places = _places(then), _places(here)
    found: list[Edit] = []
    for path in sorted(then.keys() | here.keys()):
        found += _of_file(path, then.get(path), here.get(path), old_places, new_places)
    return tuple(found)


def _places(files: Mapping[str, SopsFile]) -> Mapping[str, tuple[tuple[str, str], ...]]:
    places: dict[str, tuple[tuple[str, str], ...]] = {}
    for path, file in files.items():
        for leaf in file.leaves:
            if leaf.envelope is not None:
                places[leaf.envelope.iv] = (*places.get(leaf.envelope.iv, ()), (path, leaf.key))
    return places


def _values(file: SopsFile | None) -> dict[tuple[int, str], Leaf]:
    """By the number of the document and the key."""
    if file is None:
        return {}
    return {(leaf.document, leaf.key): leaf for leaf in file.leaves if not leaf.is_comment}


def _of_file(
    path: str,
    then: SopsFile | None,
    now: SopsFile | None,
    old_places: Mapping[str, tuple[tuple[str, str], ...]],
    new_places: Mapping[str, tuple[tuple[str, str], ...]],
) -> Iterator[Edit]:
    old, new = _values(then), _values(now)
    both = [key for key in new if key in old and old[key].envelope and new[key].envelope]
    kept = [key for key in both if _iv(old[key]) == _iv(new[key])]
    # One value alone that is encrypted anew was changed; a file in which all are was encrypted again.
    wholesale = len(both) > 1 and not kept
    for place, leaf in new.items():
        was, key = old.get(place), leaf.key
        if was is None:
            source = next(iter(old_places.get(_iv(leaf), ())), None) if leaf.envelope else None
            if source is None:
                yield Edit(path, key, What.ADDED)
            else:
                name = source[1] if source[0] == path else f"{source[0]}: {source[1]}"
                yield Edit(path, key, What.MOVED, name)
        elif (was.envelope is None) != (leaf.envelope is None):
            if not was.is_empty and not leaf.is_empty:
                yield Edit(path, key, What.OPENED if leaf.envelope is None else What.SEALED)
            else:
                yield Edit(path, key, What.CHANGED)
        elif leaf.envelope is not None:
            if _iv(leaf) != _iv(was):
                yield Edit(path, key, What.REENCRYPTED if wholesale else What.CHANGED)
        elif _clear(leaf) != _clear(was):
            yield Edit(path, key, What.CHANGED)
    for place, leaf in old.items():
        if place not in new and not (leaf.envelope and new_places.get(_iv(leaf))):
            yield Edit(path, leaf.key, What.REMOVED)


def _clear(leaf: Leaf) -> Value:
    return leaf.node.value if isinstance(leaf.node, Scalar) else None


def _iv(leaf: Leaf) -> str:
    return leaf.envelope.iv if leaf.envelope is not None else ""
