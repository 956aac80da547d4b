"""The document as far as it shows: keys and lists as they are, values in clear or only their type and length.

From a SOPS file without a key come hidden values; from an opened one every value is known. JSON Schema
judges both alike, as the JSON value that `sops decrypt --output-type json` would make of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from sopsguard.document import Comment, Item, Mapping, Node, Scalar, Time
from sopsguard.document import Sequence as Listing
from sopsguard.sops.file import BLOCK, Leaf, SopsFile
from sopsguard.sops.flat import PREFIX
from sopsguard.sops.opening import Opened

Path = tuple[str | int, ...]
Plain = str | int | float | bool | None

KINDS = {"str": "string", "comment": "string", "time": "string", "int": "integer", "float": "number"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands; `path` has keys and list indices."""

    path: Path
    line: int
    column: int | None = None

    @property
    def key(self) -> str:
        """The dotted path."""
        return ".".join(map(str, self.path))


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """A value in clear."""

    place: Place
    value: Plain = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class Hidden:
    """An encrypted value: `kind` is its type in JSON Schema, `None` if even that is unknown.

    `length` is that of its text in bytes, `ascii` whether a byte is surely a character. Two hidden values
    with the same `seal` in one file are equal.
    """

    place: Place
    kind: str | None
    length: int
    ascii: bool = False
    seal: tuple[str, str, str] = field(default=("", "", ""), repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class Object:
    """A mapping. `places` are those of its keys."""

    place: Place
    entries: dict[str, "Shadow"]
    places: dict[str, Place]


@dataclass(frozen=True, slots=True, eq=False)
class Array:
    """A list."""

    place: Place
    items: tuple["Shadow", ...]


Shadow = Known | Hidden | Object | Array


def of_file(file: SopsFile) -> tuple[Shadow, ...]:
    """The documents of a SOPS file without a key (one, except in YAML), the metadata left out.

    A binary file is one text.
    """
    walk = _Walk(file.format, iter(file.leaves))
    return tuple(walk.root(root) for root in file.document.roots)


def of_opened(opened: Opened) -> tuple[Shadow, ...]:
    """The documents of an opened file: everything in them is known."""
    walk = _Walk(opened.file.format, None)
    return tuple(walk.root(root) for root in opened.roots)


class _Walk:
    """Through the tree in the order of the leaves of a SOPS file; without leaves every value is known."""

    def __init__(self, format: str, leaves: Iterator[Leaf] | None) -> None:
        self.format = format
        self.leaves = leaves

    def root(self, root: Mapping) -> Shadow:
        shadow = self.mapping(root, Place((), root.line, 1), top=True)
        if self.format == "binary" and (data := shadow.entries.get("data")) is not None:
            return replace(data, place=Place((), data.place.line, data.place.column))
        return shadow

    def mapping(self, mapping: Mapping, place: Place, *, top: bool = False) -> Object:
        entries: dict[str, Shadow] = {}
        places: dict[str, Place] = {}
        for item in mapping.items:
            if isinstance(item, Comment):
                self.skip()
                continue
            name = item.name if item.name is not None else str(item.key.value)
            if top and item.name is not None and self.is_metadata(name):
                continue
            here = Place((*place.path, name), item.key.line, item.key.column)
            value = self.node(item, here)
            if value is not None:
                entries[name], places[name] = value, here
        return Object(place, entries, places)

    def is_metadata(self, name: str) -> bool:
        return name.startswith(PREFIX) if self.format == "dotenv" else name == BLOCK

    def node(self, item: Item, place: Place) -> "Shadow | None":
        return self.value(item.value, place, in_list=False)

    def listing(self, listing: Listing, place: Place) -> Array:
        items: list[Shadow] = []
        for element in listing.items:
            if isinstance(element, Comment):
                self.skip()
                continue
            line = element.line
            column = element.column if isinstance(element, Scalar) else None
            value = self.value(element, Place((*place.path, len(items)), line, column), in_list=True)
            if value is not None:
                items.append(value)
        return Array(place, tuple(items))

    def value(self, node: Node, place: Place, *, in_list: bool) -> "Shadow | None":
        """`None` for an encrypted comment among the elements of a list, which is no element."""
        if isinstance(node, Mapping):
            return self.mapping(node, place)
        if isinstance(node, Listing):
            return self.listing(node, place)
        leaf = next(self.leaves) if self.leaves is not None else None
        if leaf is not None and leaf.envelope is not None:
            return None if in_list and leaf.is_comment else _hidden(leaf, place)
        if leaf is not None and isinstance(node.value, str) and "ENC[AES256_GCM," in node.value:
            return Hidden(place, None, -1)  # damaged: nobody can say what it was
        return Known(place, node.value.text if isinstance(node.value, Time) else node.value)

    def skip(self) -> None:
        if self.leaves is not None:
            next(self.leaves)


def _hidden(leaf: Leaf, place: Place) -> Shadow:
    envelope = leaf.envelope
    assert envelope is not None
    length = envelope.length
    # Where sops leaves values in clear the text itself is the value, and whoever made it knows why.
    if leaf.selected is False or length <= 0 or not envelope.decodes:
        return Hidden(place, None, -1)
    if envelope.type == "bool":
        # Its text is `True` or `False`.
        return Known(place, length == 4) if length in (4, 5) else Hidden(place, "boolean", length)
    kind = KINDS.get(envelope.type)
    seal = (leaf.aad, envelope.iv, envelope.data)
    return Hidden(place, kind, length, envelope.type == "time", seal)
