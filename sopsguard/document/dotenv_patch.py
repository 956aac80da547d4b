"""Small changes of a dotenv text, line by line."""

import re

from sopsguard.document.patch import Found, NoPlace, Splice
from sopsguard.document.scalars import display
from sopsguard.document.tree import Comment, Item, Mapping, Node, Scalar, Value


class DotenvPatch:
    """Changes of one dotenv text; new lines come before those whose key begins with `last`."""

    def __init__(self, data: bytes, last: str) -> None:
        self.data, self.last = data, last

    def replace(self, found: Found, node: Node) -> list[Splice]:
        container, position = found.trail[-1]
        item = container.items[position]
        if not isinstance(item, Item) or not isinstance(item.value, Scalar) or not isinstance(node, Scalar):
            raise NoPlace("dotenv holds neither lists nor mappings")
        return [self.fill(item.value, node.value)]

    def insert(self, found: Found, key: str | None, node: Node, _after: int | None = None, /) -> list[Splice]:
        if key is None or not isinstance(node, Scalar):
            raise NoPlace("dotenv holds neither lists nor mappings")
        if not key or key[0] == "#" or re.search(r"[=\n]", key):
            raise NoPlace("this key cannot stand in a dotenv file")
        at = len(self.data)
        for item in found.node.items if isinstance(found.node, Mapping) else []:
            if isinstance(item, Item) and (item.name or "").startswith(self.last):
                at = item.key.start
                break
        line = key.encode("utf-8", "surrogateescape") + b"=" + _text(node.value) + b"\n"
        before = b"\n" if at and self.data[at - 1 : at] != b"\n" else b""
        return [Splice(at, at, before + line)]

    def remove(self, found: Found, comments: bool = False, /) -> list[Splice]:
        container, position = found.trail[-1]
        item = container.items[position]
        assert isinstance(item, Item)
        start, end = item.key.start, _line_end(self.data, item.key.end)
        splices = [Splice(start, end, b"")]
        while comments and position and isinstance(above := container.items[position - 1], Comment):
            splices.append(Splice(above.start, _line_end(self.data, above.end), b""))
            position -= 1
        return splices

    def fill(self, node: Scalar, value: Value) -> Splice:
        return Splice(node.start, node.end, _text(value))


def _line_end(data: bytes, at: int) -> int:
    found = data.find(b"\n", at)
    return len(data) if found < 0 else found + 1


def _text(value: Value) -> bytes:
    text = value if isinstance(value, str) else display(value)
    return text.replace("\n", "\\n").encode("utf-8", "surrogateescape")
