"""Small changes of a text: which bytes must be replaced so that one value is put, replaced or taken out."""

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from sopsguard.document.tree import Comment, Item, Mapping, Node, Scalar, Sequence, Value

Path = tuple[str | int, ...]


class CannotPatch(Exception):
    """The text has a form in which the change is not safe; quotes no value."""


class NoPlace(CannotPatch):
    """The path leads nowhere: something else stands in its way, or nothing is there."""


class Splice(NamedTuple):
    """The bytes `start` to `end` give way to `new`, which may be a secret."""

    start: int
    end: int
    new: bytes

    def __repr__(self) -> str:
        return f"Splice({self.start}:{self.end})"


def spliced(data: bytes, splices: Iterable[Splice]) -> bytes:
    """The text with all changes made. Raises `CannotPatch` where two overlap."""
    parts: list[bytes] = []
    at = 0
    for splice in sorted(splices, key=lambda one: (one.start, one.end)):
        if splice.start < at:
            raise CannotPatch("two changes concern the same place")
        parts += (data[at : splice.start], splice.new)
        at = splice.end
    return b"".join((*parts, data[at:]))


class Found(NamedTuple):
    """How far a path leads: `trail` are the containers with the position in their `items`, `node` what stands
    there, `rest` the part of the path that leads nowhere."""

    trail: tuple[tuple[Mapping | Sequence, int], ...]
    node: Node
    rest: Path


def find(root: Mapping, path: Path) -> Found:
    """Follows a path of keys and indices (comments not counted). Raises `CannotPatch` for a wrong kind."""
    trail: list[tuple[Mapping | Sequence, int]] = []
    node: Node = root
    for depth, part in enumerate(path):
        if isinstance(node, Scalar):
            if node.value is None:
                return Found(tuple(trail), node, path[depth:])
            raise NoPlace(f"`{dotted(path[:depth])}` is a single value, nothing can stand below it")
        if isinstance(node, Mapping) != isinstance(part, str):
            kind = "a mapping" if isinstance(node, Mapping) else "a list"
            raise NoPlace(f"`{dotted(path[:depth])}` is {kind}, `{part}` cannot stand in it")
        positions = [
            position
            for position, item in enumerate(node.items)
            if not isinstance(item, Comment) and (not isinstance(item, Item) or item.name == part)
        ]
        if isinstance(part, int):
            if part < 0 or part > len(positions):
                raise NoPlace(f"the list `{dotted(path[:depth])}` has no place {part}")
            positions = positions[part : part + 1]
        if len(positions) > 1:
            raise NoPlace(f"the key `{dotted(path[: depth + 1])}` stands there twice")
        if not positions:
            return Found(tuple(trail), node, path[depth:])
        trail.append((node, positions[0]))
        node = value_at(node, positions[0])
    return Found(tuple(trail), node, ())


def value_at(container: Mapping | Sequence, position: int) -> Node:
    """The value at a position of `items` that is no comment."""
    item = container.items[position]
    assert not isinstance(item, Comment)
    return item.value if isinstance(item, Item) else item


def dotted(path: Path) -> str:
    """A path for people."""
    return ".".join(map(str, path))


def made(value: Value, style: str = "") -> Scalar:
    """A scalar that stands in no text yet."""
    return Scalar(value, 0, 0, 1, 1, style)


def nested(path: Path, node: Node) -> Node:
    """`node` inside the containers that `path` asks for. Raises `CannotPatch` for an index other than 0."""
    for part in reversed(path):
        if isinstance(part, str):
            mapping = Mapping()
            mapping.add(Item(made(part), node))
            node = mapping
        else:
            if part:
                raise NoPlace(f"a new list has no place {part}")
            sequence = Sequence()
            sequence.add(node)
            node = sequence
    return node


class Patch(Protocol):
    """The changes of one text that was read into a tree; each method gives the splices of one change."""

    def replace(self, found: Found, node: Node) -> list[Splice]:
        """Another value in the place of the one at the end of the trail."""

    def insert(self, found: Found, key: str | None, node: Node, after: int | None = None, /) -> list[Splice]:
        """A new item in the container that was found, behind the position `after` (-1: first) or the last."""

    def remove(self, found: Found, comments: bool = False, /) -> list[Splice]:
        """Takes out the item at the end of the trail, with the `comments` right above it if asked."""

    def fill(self, node: Scalar, value: Value) -> Splice:
        """Another single value in the place of one, on one line, in the quotes that stand there."""


def put(patch: Patch, root: Mapping, path: Path, node: Node) -> list[Splice]:
    """The value at `path`, whether something is there or not. Raises `CannotPatch`."""
    found = find(root, path)
    if not found.rest:
        return patch.replace(found, node)
    if isinstance(found.node, Scalar):
        return patch.replace(found._replace(rest=()), nested(found.rest, node))
    part, below = found.rest[0], nested(found.rest[1:], node)
    return patch.insert(found, part if isinstance(part, str) else None, below)


def taken(patch: Patch, root: Mapping, path: Path, comments: bool = False) -> list[Splice]:
    """The text without the item at `path`. Raises `CannotPatch` if there is none."""
    found = find(root, path)
    if found.rest or not found.trail:
        raise NoPlace(f"there is no `{dotted(path)}`")
    return patch.remove(found, comments)
