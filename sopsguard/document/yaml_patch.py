"""Small changes of a YAML text: lines come and go, single values change in their place, the rest stays.

Containers in block form are changed line by line. Those in flow form (`{…}`, `[…]`) only lend their single
values; sops writes none but empty ones.
"""

import re

from sopsguard.document.patch import CannotPatch, Found, Splice, made, value_at
from sopsguard.document.tree import Comment, Item, Mapping, Node, Scalar, Sequence, Value
from sopsguard.document.yaml_writer import INDENT, item_text, scalar_text

# The value of a key in the form `? key` begins on a line of its own.
_COLON = re.compile(rb"[ \t]*(?:\r?\n[ \t]*)?:(?=[ \t\r\n]|\Z)")
_CONTENT = re.compile(rb"[ \t\r\n]*")
_BLANK_LINES = re.compile(rb"(?:[ \t]*\r?\n)+\Z")
_Trail = tuple[tuple[Mapping | Sequence, int], ...]


class YamlPatch:
    """Changes of one YAML text; a new key of a `root` comes before the key `last`."""

    def __init__(self, data: bytes, last: str, indent: int = INDENT) -> None:
        self.data, self.last, self.indent = data, last, indent
        self.eol = b"\r\n" if b"\r\n" in data else b"\n"

    # places

    def line_start(self, at: int) -> int:
        start = self.data.rfind(b"\n", 0, at) + 1
        return 3 if start == 0 and self.data.startswith(b"\xef\xbb\xbf") else start

    def line_end(self, at: int) -> int:
        found = self.data.find(b"\n", at)
        return len(self.data) if found < 0 else found + 1

    def is_flow(self, node: Node) -> bool:
        return not isinstance(node, Scalar) and self.data[node.start : node.start + 1] in (b"{", b"[")

    def floor(self, container: Mapping | Sequence, position: int) -> int:
        """Where the value may begin: behind the colon or the dash."""
        item = container.items[position]
        if self.is_flow(container):
            return value_at(container, position).start
        if isinstance(item, Item):
            found = _COLON.match(self.data, item.key.end)
            if found is None:
                raise CannotPatch(f"line {item.key.line}: a key in an unusual form")
            floor = found.end()
        else:
            assert isinstance(container, Sequence)
            floor = self.dash(container, position) + 1
        value = value_at(container, position)
        if value.start < floor and not (isinstance(value, Scalar) and value.start == value.end):
            raise CannotPatch(f"line {value.line}: an alias (`*name`) stands for the value")
        return floor

    def dash(self, sequence: Sequence, position: int) -> int:
        """The dash of an element."""
        first = next(n for n, item in enumerate(sequence.items) if not isinstance(item, Comment))
        if position == first:
            at = sequence.start
        else:
            column = sequence.start - self.line_start(sequence.start)
            line = self.line_start(value_at(sequence, position).start)
            while line > sequence.start and self.data[line : line + column + 1].strip(b" ") != b"-":
                line = self.line_start(line - 1)
            at = line + column
        if self.data[at : at + 1] != b"-" or at < sequence.start:
            raise CannotPatch(f"line {sequence.line}: a list in an unusual form")
        return at

    def end(self, container: Mapping | Sequence, position: int, comments: bool = False) -> int:
        """The end of the last line of an item; of a container with the `comments` at its end, if asked."""
        floor = self.floor(container, position)
        value = value_at(container, position)
        if isinstance(value, Scalar):
            if value.start == value.end:
                return self.line_end(floor)
            if value.style not in ("|", ">"):
                return self.line_end(value.end)
            end = value.end if self.data[value.end - 1 : value.end] == b"\n" else self.line_end(value.end)
            header = self.data[value.start : self.line_end(value.start)]
            blank = _BLANK_LINES.search(self.data, 0, end) if b"+" not in header else None
            last = self.line_end(blank.start()) if blank and blank.start() > value.start else end
            return min(last, end)
        if self.is_flow(value):
            return self.line_end(value.end)
        end = floor
        for number in range(len(value.items) - 1, -1, -1):
            item = value.items[number]
            if not isinstance(item, Comment):
                return max(end, self.end(value, number, comments))
            if comments and item.end > end:
                end = self.line_end(item.end)
        return end

    def is_in_flow(self, trail: _Trail) -> bool:
        return any(self.is_flow(container) for container, _ in trail)

    def column(self, container: Mapping | Sequence, position: int) -> int:
        """How far the items of a container in block form are indented."""
        at = self.start(container, position)
        return at - self.line_start(at)

    def start(self, container: Mapping | Sequence, position: int) -> int:
        """The first character of an item: of its key, of the question mark before it, or the dash."""
        item = container.items[position]
        if not isinstance(item, Item):
            assert isinstance(container, Sequence)
            return self.dash(container, position)
        at = item.key.start
        before = self.data[self.line_start(at) : at]
        return at - len(before) + before.rindex(b"?") if before.rstrip(b" ").endswith(b"?") else at

    # new text

    def written(self, key: str | None, node: Node, column: int) -> bytes:
        """The lines of an item as sops writes them, all but the first indented."""
        return item_text(key, node, column, self.indent).replace(b"\n", self.eol)

    # changes

    def replace(self, found: Found, node: Node) -> list[Splice]:
        if not found.trail:
            raise CannotPatch("the whole document cannot be replaced")
        container, position = found.trail[-1]
        old = found.node
        floor = self.floor(container, position)
        in_flow = self.is_in_flow(found.trail)
        one_line = (
            old.style not in ("|", ">") if isinstance(old, Scalar) else self.is_flow(old)
        ) and b"\n" not in self.data[floor : max(old.end, floor)]
        if one_line and (_is_short(node) or (in_flow and isinstance(node, Scalar))):
            if isinstance(node, Scalar):
                style = old.style if isinstance(old, Scalar) else ""
                text = self.scalar(node.value, '"' if in_flow and not style else style)
            else:
                text = b"{}" if isinstance(node, Mapping) else b"[]"
            return [self.at(old, floor, text)]
        if in_flow:
            raise CannotPatch(f"line {old.line}: it is written in flow form (`{{…}}`)")
        key = None if isinstance(container, Sequence) else "k"
        text = self.written(key, node, self.column(container, position))[1 if key is None else 2 :]
        if not one_line:
            end = self.end(container, position, comments=True)
            return [Splice(floor, end, self.ended(text, end))]
        head, _, body = text.partition(self.eol)
        first = Splice(floor, max(old.end, floor), head)
        end = self.line_end(first.end)
        return [first, Splice(end, end, self.begun(self.ended(body, end), end))] if body else [first]

    def ended(self, text: bytes, end: int) -> bytes:
        """Without the last line break where the text before had none either."""
        return text.removesuffix(self.eol) if self.data[end - 1 : end] != b"\n" else text

    def begun(self, text: bytes, at: int) -> bytes:
        """With a line break before, where the last line has none."""
        return self.eol + text if at and self.data[at - 1 : at] != b"\n" else text

    def at(self, old: Node, floor: int, text: bytes) -> Splice:
        if old.start == old.end:  # nothing stands there
            return Splice(floor, floor, b" " + text)
        return Splice(old.start, old.end, text)

    def scalar(self, value: Value, style: str = "") -> bytes:
        quotes = style if isinstance(value, str) and style in ("'", '"') else ""
        return scalar_text(value, quotes).encode("utf-8", "surrogateescape")

    def fill(self, node: Scalar, value: Value) -> Splice:
        if node.style in ("|", ">"):
            end = node.end
            blank = _BLANK_LINES.search(self.data, node.start, end)
            return Splice(node.start, blank.start() if blank else end, self.scalar(value))
        return Splice(node.start, node.end, self.scalar(value, node.style))

    def insert(self, found: Found, key: str | None, node: Node, after: int | None = None, /) -> list[Splice]:
        container = found.node
        assert not isinstance(container, Scalar)
        numbers = [n for n, item in enumerate(container.items) if not isinstance(item, Comment)]
        if not numbers:
            whole: Mapping | Sequence = Sequence() if key is None else Mapping()
            if isinstance(whole, Mapping):
                assert key is not None
                whole.add(Item(made(key), node))
            else:
                whole.add(node)
            return self.replace(found, whole)
        if self.is_flow(container) or self.is_in_flow(found.trail):
            raise CannotPatch(f"line {container.line}: it is written in flow form (`{{…}}`)")
        if after is None:
            after = numbers[-1]
            if not found.trail:
                others = [n for n in numbers if not self.is_last(container.items[n])]
                after = others[-1] if others else -1
        column = self.column(container, numbers[0])
        text = b" " * column + self.written(key, node, column)
        if after >= 0:
            at = self.end(container, after, comments=True)
            return [Splice(at, at, self.begun(self.ended(text, at), at))]
        at = self.start(container, numbers[0])
        line = self.line_start(at)
        if self.data[line:at].strip(b" "):
            raise CannotPatch(f"line {container.line}: nothing can be put before the first key of a list")
        return [Splice(line, line, text)]

    def is_last(self, item: object) -> bool:
        return isinstance(item, Item) and item.name == self.last

    def remove(self, found: Found, comments: bool = False, /) -> list[Splice]:
        container, position = found.trail[-1]
        if self.is_in_flow(found.trail):
            raise CannotPatch(f"line {container.line}: it is written in flow form (`{{…}}`)")
        entries = [n for n, item in enumerate(container.items) if not isinstance(item, Comment)]
        if len(entries) == 1:
            empty = Mapping() if isinstance(container, Mapping) else Sequence()
            return self.replace(Found(found.trail[:-1], container, ()), empty)
        start = self.start(container, position)
        end = self.end(container, position, comments=True)
        line = self.line_start(start)
        if self.data[line:start].strip(b" "):  # the first one of a container that begins behind a dash
            content = _CONTENT.match(self.data, end)
            return [Splice(start, content.end() if content else end, b"")]
        splices = [Splice(line, end, b"")]
        while comments and position and isinstance(above := container.items[position - 1], Comment):
            begin = self.line_start(above.start)
            if above.end <= line and not self.data[begin : above.start].strip(b" "):
                splices.append(Splice(begin, self.line_end(above.end), b""))
            position -= 1
        return splices


def _is_short(node: Node) -> bool:
    """Whether it fits into the line it replaces something in."""
    if isinstance(node, Scalar):
        return not (isinstance(node.value, str) and "\n" in node.value)
    return not node.items
