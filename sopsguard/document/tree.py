"""The shape that every file format is read into: documents of ordered items, lists, scalars and comments.

It mirrors the model of sops (its `TreeBranch`): comments are items among the others and order counts, because
the MAC of a file is computed in this order.
"""

from typing import NamedTuple

MAX_DEPTH = 200  # nested levels; real files have a dozen. Everything that walks a tree may rely on it.
MAX_NODES = 100_000  # values after aliases are expanded; above it a file is "too large", never slow


class Time(NamedTuple):
    """A moment as Go prints it: `text` is RFC 3339 with up to nanoseconds, offset kept, `Z` for zero."""

    text: str

    def seconds(self) -> str:
        """RFC 3339 without the fraction."""
        date, dot, rest = self.text.partition(".")
        return date + rest.lstrip("0123456789") if dot else date

    def __repr__(self) -> str:
        return "Time(…)"


# Text is `str`; bytes that are not UTF-8 are kept as lone surrogates (`surrogateescape`).
Value = str | int | float | bool | Time | None


class Scalar(NamedTuple):
    """One value (or key) as written; `value` may be a secret.

    `start` and `end` are offsets in bytes, quotes included; `line` and `column` count from 1, columns
    in characters. `style` is the quote it was written with: empty for a plain scalar; in YAML also `|`, `>`.
    """

    value: Value
    start: int
    end: int
    line: int
    column: int
    style: str = ""
    tag: str | None = None

    def __repr__(self) -> str:
        return f"Scalar({type(self.value).__name__}, line {self.line}, bytes {self.start}:{self.end})"


class Comment(NamedTuple):
    """One line of comment without its `#` (INI: nor the spaces after it). May be a secret."""

    text: str
    start: int
    end: int
    line: int
    column: int
    inline: bool = False

    def __repr__(self) -> str:
        return f"Comment(line {self.line}, bytes {self.start}:{self.end})"


class Item(NamedTuple):
    """A key and its value in a mapping. The key is a string in everything that sops accepts."""

    key: Scalar
    value: "Node"

    @property
    def name(self) -> str | None:
        """The key if it is a string, as sops demands."""
        return self.key.value if isinstance(self.key.value, str) else None


class Mapping:
    """A mapping; `size` counts the values below it and `height` the levels, with aliases expanded."""

    __slots__ = ("end", "height", "items", "line", "size", "start", "tag")

    def __init__(self, start: int = 0, end: int = 0, line: int = 1, tag: str | None = None) -> None:
        self.items: list[Item | Comment] = []
        self.start, self.end, self.line, self.tag = start, end, line, tag
        self.size = self.height = 0

    def __repr__(self) -> str:
        return f"Mapping({len(self.items)} items, line {self.line})"

    def get(self, name: str) -> "Node | None":
        """The value of the first item with this key; `None` if there is none."""
        for item in self.items:
            if type(item) is Item and item.key.value == name:
                return item.value
        return None

    def add(self, item: Item) -> None:
        """Appends an item and keeps the counts."""
        self.items.append(item)
        _count(self, item.value)

    def entries(self) -> list[Item]:
        """The items without the comments."""
        return [item for item in self.items if type(item) is Item]


class Sequence:
    """A list; `size` counts the values below it and `height` the levels, with aliases expanded."""

    __slots__ = ("end", "height", "items", "line", "size", "start", "tag")

    def __init__(self, start: int = 0, end: int = 0, line: int = 1, tag: str | None = None) -> None:
        self.items: list[Node | Comment] = []
        self.start, self.end, self.line, self.tag = start, end, line, tag
        self.size = self.height = 0

    def __repr__(self) -> str:
        return f"Sequence({len(self.items)} items, line {self.line})"

    def add(self, node: "Node") -> None:
        """Appends an element and keeps the counts."""
        self.items.append(node)
        _count(self, node)

    def entries(self) -> "list[Node]":
        """The elements without the comments."""
        return [item for item in self.items if not isinstance(item, Comment)]


Node = Scalar | Mapping | Sequence


def _count(container: Mapping | Sequence, node: Node) -> None:
    if type(node) is Scalar:
        container.size += 1
    else:
        container.size += 1 + node.size  # type: ignore[union-attr]
        container.height = max(container.height, node.height + 1)  # type: ignore[union-attr]


class Flaw(NamedTuple):
    """Something odd about a text that could be read all the same.

    `code` is `duplicate-key`, `bad-tag`, `complex-key`, `alias`, `trailing-data` or `truncated`.
    """

    code: str
    message: str
    start: int
    end: int
    line: int
    document: int = 0


class Document:
    """A whole text: its documents (one, except in YAML) and what is odd about it."""

    __slots__ = ("flaws", "format", "roots")

    def __init__(self, format: str, roots: list[Mapping], flaws: list[Flaw]) -> None:
        self.format, self.roots, self.flaws = format, roots, flaws

    def __repr__(self) -> str:
        return f"Document({self.format}, {len(self.roots)} roots, {len(self.flaws)} flaws)"


class Unreadable(Exception):
    """The text is not in the format.

    `code` is `encoding`, `syntax`, `top-level`, `empty`, `too-deep` or `too-large`.

    The message names the trouble and the place and quotes nothing of the text.
    """

    def __init__(self, code: str, message: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.line, self.column = code, message, line, column


class Offsets:
    """From positions in a text, in characters, to positions in its bytes (UTF-8, surrogateescape)."""

    __slots__ = ("_ends", "_extra", "_shift", "_starts", "_text")

    def __init__(self, text: str, shift: int = 0) -> None:
        self._shift = shift
        self._text: str | None = None if text.isascii() else text
        if self._text is None:
            return
        import re
        from array import array

        # A position behind the n-th run of non-ASCII characters is `_extra[n]` bytes further on.
        self._starts, self._ends, self._extra = array("L"), array("L"), array("L", [0])
        for run in re.finditer(r"[^\x00-\x7f]+", text):
            more = len(run[0].encode("utf-8", "surrogateescape")) - len(run[0])
            self._starts.append(run.start())
            self._ends.append(run.end())
            self._extra.append(self._extra[-1] + more)

    def __call__(self, index: int) -> int:
        if self._text is None:
            return index + self._shift
        from bisect import bisect_right

        n = bisect_right(self._ends, index)
        at = index + self._extra[n] + self._shift
        if n < len(self._starts) and self._starts[n] < index:  # inside a run
            part = self._text[self._starts[n] : index]
            at += len(part.encode("utf-8", "surrogateescape")) - len(part)
        return at
