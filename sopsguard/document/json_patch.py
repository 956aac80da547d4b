"""Small changes of a JSON text, in the layout that it has."""

import re

from sopsguard.document.json_writer import json_text, quoted
from sopsguard.document.patch import CannotPatch, Found, Splice
from sopsguard.document.tree import Comment, Item, Mapping, Node, Scalar, Sequence, Value

_SPACE = re.compile(rb"[ \t\r\n]*")


class JsonPatch:
    """Changes of one JSON text; a new key of the root comes before the key `last`."""

    def __init__(self, data: bytes, root: Mapping, last: str) -> None:
        self.data, self.root, self.last = data, root, last
        self.eol = "\r\n" if b"\r\n" in data else "\n"
        first = root.items[0] if root.items else None
        inner = self.indent(first) if isinstance(first, Item) else None
        # A text on one line stays on one line.
        self.compact = first is not None and inner is None
        self.unit = inner or "\t"

    def indent(self, item: Item | Node) -> str | None:
        """The white space before an item that begins its line."""
        start = _start(item)
        head = self.data[self.data.rfind(b"\n", 0, start) + 1 : start]
        return head.decode() if not head.strip(b" \t") and start > len(head) else None

    def text(self, node: Node, indent: str) -> str:
        newline = None if self.compact else self.eol + indent
        try:
            return json_text(node, newline, self.unit)
        except ValueError as failure:
            raise CannotPatch(str(failure)) from None

    def replace(self, found: Found, node: Node) -> list[Splice]:
        start, end = _span(found.node)
        return [Splice(start, end, self.text(node, self.line_indent(start)).encode())]

    def line_indent(self, at: int) -> str:
        """The white space at the beginning of the line of a place."""
        line = self.data[self.data.rfind(b"\n", 0, at) + 1 : at]
        return line[: len(line) - len(line.lstrip(b" \t"))].decode()

    def insert(self, found: Found, key: str | None, node: Node, after: int | None = None, /) -> list[Splice]:
        container = found.node
        assert not isinstance(container, Scalar)
        items = [item for item in container.items if not isinstance(item, Comment)]  # JSON has none
        if not items:
            whole: Mapping | Sequence = Sequence() if key is None else Mapping()
            if isinstance(whole, Mapping):
                assert key is not None
                whole.add(Item(Scalar(key, 0, 0, 1, 1), node))
            else:
                whole.add(node)
            return self.replace(found, whole)
        first = items[0]
        indent = self.indent(first)
        inner = self.line_indent(_start(first)) if indent is None else indent
        text = (f"{quoted(key)}: " if key is not None else "") + self.text(node, inner)
        gap = " " if indent is None else self.eol + indent
        if after is None:
            after = len(items) - 1
            if container is self.root:
                others = [n for n, item in enumerate(items) if not self.is_last(item)]
                after = others[-1] if others else -1
        if after < 0:
            at = _start(first)
            return [Splice(at, at, f"{text},{gap}".encode())]
        at = _end(items[after])
        return [Splice(at, at, f",{gap}{text}".encode())]

    def is_last(self, item: object) -> bool:
        return isinstance(item, Item) and item.name == self.last

    def remove(self, found: Found, _comments: bool = False, /) -> list[Splice]:
        container, position = found.trail[-1]
        items = [item for item in container.items if not isinstance(item, Comment)]
        if len(items) == 1:
            return [
                Splice(container.start, container.end, b"{}" if isinstance(container, Mapping) else b"[]")
            ]
        if position + 1 < len(items):
            return [Splice(_start(items[position]), _start(items[position + 1]), b"")]
        return [Splice(_end(items[position - 1]), _end(items[position]), b"")]

    def fill(self, node: Scalar, value: Value) -> Splice:
        text = self.text(Scalar(value, 0, 0, 1, 1), "")
        if isinstance(value, float) and text.lstrip("-").isdigit():
            text += ".0"  # so that it is read back as what it is
        return Splice(node.start, node.end, text.encode())


def _start(item: Item | Node) -> int:
    return item.key.start if isinstance(item, Item) else _span(item)[0]


def _end(item: Item | Node) -> int:
    return _span(item.value if isinstance(item, Item) else item)[1]


def _span(node: Node) -> tuple[int, int]:
    return node.start, node.end
