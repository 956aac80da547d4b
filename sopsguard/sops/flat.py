"""The flattened metadata of dotenv and INI files, from and to mappings and lists.

Source: sops 3.13.2 `stores/flatten.go`. Separators are `__map_` and `__list_`; nothing can be escaped.
"""

import re

from sopsguard.document import MAX_DEPTH, Item, Mapping, Node, Scalar, Sequence, Value

PREFIX = "sops_"
_SEPARATOR = re.compile(r"__(map|list)_")


class CannotUnflatten(Exception):
    """Sops refuses the file; the message says why."""


class _Node:
    __slots__ = ("indices", "key", "subkeys", "value")

    def __init__(self) -> None:
        self.value: Scalar | None = None
        self.key: Scalar | None = None
        self.subkeys: dict[str, _Node] = {}
        self.indices: dict[int, _Node] = {}


def unflatten(entries: list[tuple[str, Scalar, Scalar]], escaped: bool) -> Mapping:
    """The nested form of `(flat name, key, value)`. `escaped`: a backslash and an n mean a newline (INI).

    Raises `CannotUnflatten` where sops does.
    """
    root = _Node()
    for name, key, value in entries:
        here = root
        components = _components(name)
        if len(components) > MAX_DEPTH:
            raise CannotUnflatten("a metadata key is nested too deep")
        for kind, part in components:
            if kind == "list":
                here = here.indices.setdefault(_index(part), _Node())
            else:
                here = here.subkeys.setdefault(part, _Node())
            here.key = here.key or key
        if here.value is not None:
            raise CannotUnflatten("a metadata key stands there twice")
        if escaped and isinstance(value.value, str):
            value = value._replace(value=value.value.replace("\\n", "\n"))
        here.value = value
    result = _convert(root, entries[0][1])
    return result if isinstance(result, Mapping) else Mapping()


def flatten(block: Node, prefix: str = "") -> list[tuple[str, Value]]:
    """`(flat name, value)` in the order of the tree; empty lists and mappings vanish."""
    if isinstance(block, Scalar):
        return [(prefix, block.value)]
    found: list[tuple[str, Value]] = []
    if isinstance(block, Mapping):
        for item in block.entries():
            found += flatten(item.value, f"{prefix}__map_{item.name}" if prefix else str(item.name))
    else:
        for number, element in enumerate(block.entries()):
            found += flatten(element, f"{prefix}__list_{number}")
    return found


def _components(name: str) -> list[tuple[str, str]]:
    parts = _SEPARATOR.split(name)
    return [("map", parts[0]), *zip(parts[1::2], parts[2::2], strict=True)]


def _index(text: str) -> int:
    # Go's Atoi, its error ignored
    return int(text) if re.match(r"[-+]?[0-9]{1,9}\Z", text) else 0


def _convert(node: _Node, key: Scalar) -> Node:
    if (node.value is not None) + bool(node.subkeys) + bool(node.indices) > 1:
        raise CannotUnflatten("a metadata key is both a value and a container")
    if node.value is not None:
        return node.value
    key = node.key or key
    if node.indices:
        if sorted(node.indices) != list(range(len(node.indices))):
            raise CannotUnflatten("a list in the metadata has a gap")
        sequence = Sequence(key.start, key.end, key.line)
        for number in range(len(node.indices)):
            sequence.add(_convert(node.indices[number], key))
        return sequence
    mapping = Mapping(key.start, key.end, key.line)
    for name, child in sorted(node.subkeys.items()):
        mapping.add(Item(key._replace(value=name), _convert(child, child.key or key)))
    return mapping
