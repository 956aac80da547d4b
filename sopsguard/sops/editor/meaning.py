"""What a file says in clear, as plain lists, to compare before and after: a second way to make a change."""

from collections.abc import Iterator
from typing import Any

from sopsguard.document import Comment, Item, Mapping, Node, Scalar, Value
from sopsguard.document.scalars import plain_bytes
from sopsguard.sops.file import BLOCK, SopsFile
from sopsguard.sops.flat import PREFIX
from sopsguard.sops.opening import PlainLeaf

Content = Value | dict[str, "Content"] | list["Content"]


class Leaf:
    """One value; equal to another of the same type and bytes. Nothing of it shows."""

    __slots__ = ("_is",)

    def __init__(self, value: Value, comment: bool = False) -> None:
        self._is = (type(value).__name__, plain_bytes(value), comment)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Leaf) and self._is == other._is

    __hash__ = None  # type: ignore[assignment]  # it is compared only

    def __repr__(self) -> str:
        return "Leaf(…)"


class Table:
    """A mapping: its items in order."""

    __slots__ = ("items",)

    def __init__(self, items: list[tuple[str, Any]]) -> None:
        self.items = items

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Table) and self.items == other.items

    __hash__ = None  # type: ignore[assignment]  # it changes

    def find(self, name: str) -> int | None:
        """Where an item stands, if it is there."""
        return next((n for n, item in enumerate(self.items) if item[0] == name), None)

    def at(self, name: object) -> int:
        """Where an item stands."""
        return next(n for n, item in enumerate(self.items) if item[0] == name)


def meaning(file: SopsFile, leaves: tuple[PlainLeaf, ...]) -> list[Table]:
    """The documents without metadata; lists are lists, comments are left out."""
    source = iter(leaves)
    flat = file.format == "dotenv"

    def is_metadata(item: Item) -> bool:
        name = item.name or ""
        return name.startswith(PREFIX) if flat else name == BLOCK

    return [
        _table([i for i in root.items if isinstance(i, Comment) or not is_metadata(i)], source)
        for root in file.document.roots
    ]


def _table(items: list[Item | Comment], source: Iterator[PlainLeaf]) -> Table:
    table = Table([])
    for item in items:
        if isinstance(item, Comment):
            next(source)
        else:
            table.items.append((item.name or "", _node(item.value, source)))
    return table


def _node(node: Node, source: Iterator[PlainLeaf]) -> Any:
    if isinstance(node, Scalar):
        leaf = next(source)
        return Leaf(leaf.value, leaf.comment)
    if isinstance(node, Mapping):
        return _table(node.items, source)
    found = []
    for item in node.items:
        if isinstance(item, Comment):
            next(source)
        else:
            found.append(_node(item, source))
    return found


def content(value: Content) -> Any:
    """The same for a value that somebody hands in. Raises `TypeError` for what no file can hold."""
    if isinstance(value, dict):
        return Table([(_name(name), content(below)) for name, below in value.items()])
    if isinstance(value, list):
        return [content(below) for below in value]
    return Leaf(_value(value))


def _name(name: object) -> str:
    if not isinstance(name, str):
        raise TypeError("a key is not a string")
    return name


def _value(value: Any) -> Value:
    from sopsguard.document import Time

    if value is None or isinstance(value, str | int | float | Time):
        return value
    raise TypeError("a value is neither text, number, truth, time, list nor mapping")


def put(table: Table, path: tuple[str | int, ...], new: Any) -> None:
    """Sets what is at `path`."""
    here: Any = table
    for depth, part in enumerate(path):
        last = depth + 1 == len(path)
        below = new if last else ([] if isinstance(path[depth + 1], int) else Table([]))
        if isinstance(here, Table):
            at = here.find(str(part))
            if at is None:
                here.items.append((str(part), below))
            elif last or _is_nothing(here.items[at][1]):
                here.items[at] = (str(part), below)
            here = here.items[-1 if at is None else at][1]
        else:
            assert isinstance(part, int)
            if part == len(here):
                here.append(below)
            elif last or _is_nothing(here[part]):
                here[part] = below
            here = here[part]


def take(table: Table, path: tuple[str | int, ...]) -> None:
    """Takes out what is at `path`."""
    here: Any = table
    for part in path[:-1]:
        here = here.items[here.at(part)][1] if isinstance(here, Table) else here[part]
    if isinstance(here, Table):
        del here.items[here.at(path[-1])]
    else:
        del here[path[-1]]


def _is_nothing(node: Any) -> bool:
    return isinstance(node, Leaf) and node == Leaf(None)
