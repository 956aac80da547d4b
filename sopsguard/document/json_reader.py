"""Reads JSON as sops reads it (Go's streaming decoder), with duplicate keys and trailing text recorded.

Source: Go `encoding/json` (`Decoder.Token`), sops 3.13.2 `stores/json`.
"""

import re

from sopsguard.document.tree import (
    MAX_DEPTH,
    MAX_NODES,
    Document,
    Flaw,
    Item,
    Mapping,
    Node,
    Offsets,
    Scalar,
    Sequence,
    Unreadable,
    Value,
)

MAX_BYTES = 128 * 1024 * 1024
_SPACE = re.compile(r"[ \t\r\n]*")
_STRING = re.compile(r'"([^"\\\x00-\x1f]*)"')
_ESCAPED = re.compile(r'"((?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*)"')
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_WORD = re.compile(r"true|false|null")
_ESCAPE = re.compile(r'\\(?:u([0-9a-fA-F]{4})|(["\\/bfnrt]))')
_PLAIN_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_WORDS: dict[str, Value] = {"true": True, "false": False, "null": None}


def read_json(data: bytes) -> Document:
    """The object in a JSON text; what follows it is a flaw, not an error. Raises `Unreadable`."""
    if len(data) > MAX_BYTES:
        raise Unreadable("too-large", f"larger than {MAX_BYTES >> 20} MiB")
    return _Reader(data.decode("utf-8", "surrogateescape")).document()


_Open = tuple[Mapping | Sequence, set[str] | None]  # a container and, for an object, its keys so far


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = Offsets(text)
        self.flaws: list[Flaw] = []
        self.nodes = 0
        self._seen, self._line_start, self._line = 0, 0, 1

    def document(self) -> Document:
        start = self._space(0)
        if start >= len(self.text):
            raise Unreadable("empty", "there is nothing in it")
        if self.text[start] != "{":
            raise Unreadable("top-level", "the document is not an object", *self._where(start))
        root, end = self._object(start)
        rest = self._space(end)
        if rest < len(self.text):
            self._flaw("trailing-data", "text after the closing brace is dropped at the next change", rest)
        return Document("json", [root], self.flaws)

    def _object(self, start: int) -> tuple[Mapping, int]:
        """The whole tree, with a stack of our own."""
        text = self.text
        root = Mapping(self.at(start), 0, self._where(start)[0])
        stack: list[_Open] = []
        here: Mapping | Sequence = root
        seen: set[str] | None = set()
        position, first = start + 1, True
        while True:
            position = self._space(position)
            char = text[position : position + 1]
            if not char:
                return self._ended(root, stack, here, item=seen is None)
            closing = "}" if seen is not None else "]"
            if char == closing:
                position += 1
                here.end = self.at(position)
                if not stack:
                    return root, position
                size, height = here.size, here.height
                here, seen = stack.pop()
                here.size += size
                here.height = max(here.height, height + 1)
                first = False
                continue
            if not first:
                if char != ",":
                    raise self._error("expected a comma or the end", position)
                position = self._space(position + 1)
                if position >= len(text):
                    return self._ended(root, stack, here, item=seen is None)
            first = False
            key: Scalar | None = None
            if seen is not None:
                key, position = self._key(position, seen)
                if position >= len(text):
                    return self._ended(root, stack, here, item=True)
            node, position = self._value(position)
            self.nodes += 1
            if self.nodes > MAX_NODES:
                raise Unreadable("too-large", f"more than {MAX_NODES} values", *self._where(position))
            here.size += 1
            if isinstance(here, Mapping):
                assert key is not None
                here.items.append(Item(key, node))
            else:
                here.items.append(node)
            if not isinstance(node, Scalar):
                if len(stack) >= MAX_DEPTH:
                    raise Unreadable("too-deep", f"nested deeper than {MAX_DEPTH} levels", node.line)
                stack.append((here, seen))
                here, first = node, True
                seen = set() if isinstance(node, Mapping) else None

    def _ended(
        self, root: Mapping, stack: list[_Open], here: Mapping | Sequence, item: bool
    ) -> tuple[Mapping, int]:
        """Sops takes the end of the text inside an item for the end of the object, and loses the item.

        Where an object waits for its next key (`item` is false) the end is an error, also when the object is
        the value of another one.
        """
        end = len(self.text)
        if not item:
            raise self._error("the text ends in the middle of an object", end)
        while True:
            while isinstance(here, Sequence):  # a list that is not closed is lost with the item it is in
                here = stack.pop()[0]
                here.items.pop()
            if not stack:
                self._flaw("truncated", "the text ends in the middle of the object", end)
                root.end = self.at(end)
                return root, end
            here = stack.pop()[0]
            if isinstance(here, Mapping):
                raise self._error("the text ends in the middle of an object", end)

    def _key(self, position: int, seen: set[str]) -> tuple[Scalar, int]:
        if self.text[position : position + 1] != '"':
            raise self._error("expected a key", position)
        key, position = self._string(position)
        assert isinstance(key.value, str)
        if key.value in seen:
            self.flaws.append(
                Flaw("duplicate-key", "the key stands here a second time", key.start, key.end, key.line)
            )
        seen.add(key.value)
        position = self._space(position)
        if position >= len(self.text):
            return key, position
        if self.text[position : position + 1] != ":":
            raise self._error("expected a colon", position)
        return key, self._space(position + 1)

    def _value(self, position: int) -> tuple[Node, int]:
        char = self.text[position : position + 1]
        if char == '"':
            return self._string(position)
        if char == "{":
            return Mapping(self.at(position), 0, self._where(position)[0]), position + 1
        if char == "[":
            return Sequence(self.at(position), 0, self._where(position)[0]), position + 1
        if word := _WORD.match(self.text, position):
            return self._scalar(_WORDS[word[0]], position, word.end()), word.end()
        if number := _NUMBER.match(self.text, position):
            return self._scalar(self._number(number), position, number.end()), number.end()
        raise self._error("expected a value", position)

    def _number(self, found: re.Match[str]) -> Value:
        if found[1] is None and found[2] is None and len(found[0]) <= 20:
            whole = int(found[0])
            if -(2**63) <= whole < 2**63:
                return whole
        number = float(found[0])
        if number in (float("inf"), float("-inf")):
            raise self._error("a number is out of range", found.start())
        return number

    def _string(self, position: int) -> tuple[Scalar, int]:
        found = _STRING.match(self.text, position)
        if found:
            value = found[1]
        else:
            found = _ESCAPED.match(self.text, position)
            if not found:
                raise self._error("a string is not closed or has a forbidden character", position)
            value = _unescape(found[1])
        if not value.isascii():
            value = _valid(value)
        return self._scalar(value, position, found.end(), '"'), found.end()

    def _scalar(self, value: Value, start: int, end: int, style: str = "") -> Scalar:
        line, column = self._where(start)
        return Scalar(value, self.at(start), self.at(end), line, column, style)

    def _space(self, position: int) -> int:
        found = _SPACE.match(self.text, position)
        return found.end() if found else position

    def _where(self, position: int) -> tuple[int, int]:
        """Line and column; positions hardly ever go back, so each line is counted once."""
        if position > self._seen:
            newlines = self.text.count("\n", self._seen, position)
            if newlines:
                self._line += newlines
                self._line_start = self.text.rfind("\n", self._seen, position) + 1
            self._seen = position
        return self._line, max(position - self._line_start, 0) + 1

    def _error(self, message: str, position: int) -> Unreadable:
        return Unreadable("syntax", message, *self._where(position))

    def _flaw(self, code: str, message: str, position: int) -> None:
        at = self.at(position)
        self.flaws.append(Flaw(code, message, at, at, self._where(position)[0]))


def _unescape(text: str) -> str:
    def one(found: re.Match[str]) -> str:
        return chr(int(found[1], 16)) if found[1] else _PLAIN_ESCAPES[found[2]]

    if "\\" not in text:
        return text
    # A raw byte that is not UTF-8 is a lone surrogate here and must not pair with an escape.
    out = _ESCAPE.sub(one, _valid(text))
    try:
        return out.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    except UnicodeDecodeError:
        return _valid(out)


_SURROGATE = re.compile(r"[\ud800-\udfff]")


def _valid(text: str) -> str:
    """Go's decoder puts U+FFFD for every byte that is not UTF-8 and every lone surrogate."""
    return _SURROGATE.sub("\ufffd", text)
