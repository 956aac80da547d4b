"""YAML as go-yaml v3 hands it to a typed Go program such as sops, every value with its place.

Only what the program asks for is decoded: a duplicate key or an alias bomb below a field that sops does
not know harms nobody, and is not reported here either. Source: go-yaml v3.0.4, `decode.go`, `resolve.go`.
"""

import base64
import binascii
import datetime
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

MAX_BYTES = 1 << 20
MAX_NODES = 50_000
MAX_NESTING = 1000  # of the text; beyond it the scanner itself becomes slow
MAX_DEPTH = 100  # of what is decoded
MAX_DECODED = 200_000
MAX_ERRORS = 50


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of the text: lines and columns from 1, in characters, the end exclusive; `start` and `end`
    are character offsets."""

    line: int
    column: int
    end_line: int
    end_column: int
    start: int
    end: int


@dataclass(slots=True, eq=False)
class Node:
    """One node of the document; an alias keeps its own place and points at its target."""

    kind: Literal["scalar", "sequence", "mapping", "alias"]
    span: Span
    tag: str = ""
    text: str = field(default="", repr=False)
    quoted: bool = False
    anchor: str | None = None
    children: "list[Node]" = field(default_factory=list, repr=False)
    target: "Node | None" = field(default=None, repr=False)

    @property
    def resolved(self) -> "Node":
        """The node itself, or what the alias points at."""
        return self if self.target is None else self.target

    def pairs(self) -> "Iterator[tuple[Node, Node]]":
        """Key and value nodes of a mapping, in file order."""
        return zip(self.children[::2], self.children[1::2], strict=False)


class YamlError(Exception):
    """Why go-yaml refuses the document, in words, and where (lines and columns from 1)."""

    def __init__(self, message: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column


@dataclass(frozen=True, slots=True)
class Shape:
    """The Go type a value is decoded into."""

    kind: Literal["text", "number", "flag", "any", "list", "struct", "texts"]
    of: "Shape | None" = None
    fields: "Mapping[str, Shape]" = field(default_factory=dict, repr=False)
    name: str = ""


TEXT = Shape("text", name="a string")
NUMBER = Shape("number", name="a whole number")
FLAG = Shape("flag", name="true or false")
ANY = Shape("any")
TEXTS = Shape("texts", name="a mapping of strings")


@dataclass(slots=True, eq=False)
class Value:
    """What a node became. `site` is where it is used (an alias keeps its own place), `node` where it is
    written. `data` is None for null, else str, int, float, bool, a list or a dict of values;
    `type` names the resolved YAML type (`str`, `int`, `float`, `bool`, `null`, `time`, `list`, `map`)."""

    site: Node
    node: Node
    type: str
    data: Any = field(default=None, repr=False)
    keys: dict[str, Node] = field(default_factory=dict, repr=False)
    unknown: list[tuple[str, Node]] = field(default_factory=list, repr=False)


def text_of(data: bytes) -> str:
    """`data` as the reader of libyaml decodes it (UTF-8, or UTF-16 with a byte order mark), so that the
    offsets of the spans index into it; bytes that are not text become U+FFFD."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    return data.decode("utf-8-sig", "replace")


class Places:
    """The text of a document, and the lines and columns of its offsets."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._lines = [match.end() for match in re.finditer(r"\r\n?|\n", text)]

    def span(self, start: int, end: int) -> Span:
        """The place of a piece that lies within one line."""
        line = bisect_right(self._lines, start) + 1
        column = start - (self._lines[line - 2] if line > 1 else 0) + 1
        return Span(line, column, line, column + end - start, start, end)


def compose(data: bytes) -> Node | None:
    """The root node of the first document, or None when there is none.

    Raises `YamlError` for what go-yaml refuses, and for what is too large or too deep to judge.
    """
    import yaml

    if len(data) > MAX_BYTES:
        raise YamlError(f"larger than {MAX_BYTES >> 20} MiB; not judged")
    try:
        return _compose(yaml.parse(data, Loader=yaml.CSafeLoader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        # the end of the text counts as a new line there
        last = data.count(b"\n") + 1
        where = (min(mark.line + 1, last), mark.column + 1) if mark is not None else (None, None)
        raise YamlError(_reason(error), *where) from None
    except yaml.reader.ReaderError as error:
        line = data.count(b"\n", 0, max(error.position, 0)) + 1
        raise YamlError(f"not text: {error.reason}", line) from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a character libyaml let pass
        raise YamlError(f"not YAML: {type(error).__name__}") from None


def _reason(error: Any) -> str:
    parts = [part for part in (error.context, error.problem) if part]
    return ", ".join(parts) or "not YAML"


def _compose(events: Any) -> Node | None:
    """The first document only, as `yaml.Unmarshal` reads it: what follows is not even scanned."""
    import yaml

    anchors: dict[str, Node] = {}
    stack: list[Node] = []
    root: Node | None = None
    count = 0
    for event in events:
        if isinstance(event, yaml.DocumentEndEvent):
            return root
        if isinstance(event, yaml.DocumentStartEvent) and event.version not in (None, (1, 1)):
            raise YamlError("found incompatible YAML document: sops reads %YAML 1.1 only", 1, 1)
        if isinstance(event, yaml.SequenceEndEvent | yaml.MappingEndEvent):
            opened = stack.pop()
            opened.span = _span(opened.span, event.end_mark)
            continue
        node = _node(event, anchors)
        if node is None:
            continue
        count += 1
        if count > MAX_NODES:
            raise YamlError(f"more than {MAX_NODES:,} values; not judged", node.span.line, node.span.column)
        if stack:
            stack[-1].children.append(node)
        else:
            root = node
        if node.kind in ("sequence", "mapping"):
            stack.append(node)
            if len(stack) > MAX_NESTING:
                raise YamlError(
                    f"nested more than {MAX_NESTING} levels deep; not judged",
                    node.span.line,
                    node.span.column,
                )
    return root


def _node(event: Any, anchors: dict[str, Node]) -> Node | None:
    import yaml

    kinds = (yaml.AliasEvent, yaml.ScalarEvent, yaml.SequenceStartEvent, yaml.MappingStartEvent)
    if type(event) not in kinds:
        return None
    start, end = event.start_mark, event.end_mark
    span = Span(start.line + 1, start.column + 1, end.line + 1, end.column + 1, start.index, end.index)
    if type(event) is yaml.AliasEvent:
        target = anchors.get(str(event.anchor))
        if target is None:
            raise YamlError(f"unknown anchor '{event.anchor}' referenced", span.line, span.column)
        return Node("alias", span, text=str(event.anchor), target=target)
    tag = _short(event.tag or "")
    if type(event) is yaml.ScalarEvent:
        node = Node("scalar", span, tag, event.value, event.style not in (None, "", " "))
        if tag in ("", "!"):
            node.tag = _default_tag(node)
    else:
        node = Node("sequence" if type(event) is yaml.SequenceStartEvent else "mapping", span, tag)
    if event.anchor is not None:
        node.anchor = event.anchor
        anchors[event.anchor] = node
    return node


def _span(opened: Span, mark: Any) -> Span:
    return Span(opened.line, opened.column, mark.line + 1, mark.column + 1, opened.start, mark.index)


def _short(tag: str) -> str:
    prefix = "tag:yaml.org,2002:"
    return "!!" + tag[len(prefix) :] if tag.startswith(prefix) else tag


def _default_tag(node: Node) -> str:
    if node.quoted:
        return "!!str"
    if node.text == "<<":
        return "!!merge"
    return _resolve_plain(node.text)[0]


_WORDS: dict[str, tuple[str, Any]] = {
    **dict.fromkeys(("true", "True", "TRUE"), ("!!bool", True)),
    **dict.fromkeys(("false", "False", "FALSE"), ("!!bool", False)),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), ("!!null", None)),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), ("!!float", float("nan"))),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), ("!!float", float("inf"))),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), ("!!float", float("-inf"))),
}
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_INTEGER = re.compile(
    r"([-+]?)(?:0[xX](?P<x>[0-9a-fA-F]+)|0[bB](?P<b>[01]+)|0[oO]?(?P<o>[0-7]+)|(?P<d>0|[1-9][0-9]*))",
    re.ASCII,
)
_TIME = re.compile(
    r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})"
    r"(?: ([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:[.,][0-9]+)?"
    r"|[Tt]([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:[.,][0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2}))?",
    re.ASCII,
)


def _resolve_plain(text: str) -> tuple[str, Any]:
    """Tag and value of an unquoted scalar (`resolve.go`; `yes` and `on` are strings there)."""
    if text in _WORDS:
        return _WORDS[text]
    if not text.isascii() or text[0] not in "0123456789+-.":
        return "!!str", text
    if text[0] == ".":  # here a single underscore may stand between two digits
        plain = re.sub(r"(?<=[0-9])_(?=[0-9])", "", text)
        return ("!!float", float(plain)) if _FLOAT.fullmatch(plain) and _finite(plain) else ("!!str", text)
    if _is_time(text):
        return "!!timestamp", text
    plain = text.replace("_", "")
    number = _integer(plain)
    if number is not None:
        return "!!int", number
    if _FLOAT.fullmatch(plain) and _finite(plain):
        return "!!float", float(plain)
    return "!!str", text


def _finite(text: str) -> bool:
    return abs(float(text)) != float("inf")


def _integer(text: str) -> int | None:
    match = _INTEGER.fullmatch(text)
    if match is None or len(text) > 80:
        return None
    digits, base = next((match[g], b) for g, b in (("x", 16), ("b", 2), ("o", 8), ("d", 10)) if match[g])
    number = int(digits, base) * (-1 if match[1] == "-" else 1)
    signed = bool(match[1])
    return number if -(1 << 63) <= number < (1 << 63 if signed else 1 << 64) else None


def _is_time(text: str) -> bool:
    match = _TIME.fullmatch(text)
    if match is None:
        return False
    year, month, day, *clock = (int(group) for group in match.groups() if group is not None)
    try:
        datetime.date(year or 4, month, day)  # Go knows a year 0; it was a leap year like 4
    except ValueError:
        return False
    return not clock or (clock[0] < 24 and clock[1] < 60 and clock[2] < 60)


_TYPES = {"!!null": "null", "!!bool": "bool", "!!int": "int", "!!float": "float", "!!timestamp": "time"}


class Decoder:
    """Decodes nodes into shapes as go-yaml does, and collects its type errors.

    `decode` raises `YamlError` where go-yaml gives up at once; `errors` holds the rest. Any error at all
    makes go-yaml, and so sops, refuse the whole file.
    """

    def __init__(self) -> None:
        self.errors: list[YamlError] = []
        self._decoded = 0
        self._aliased = 0
        self._alias_depth = 0
        self._depth = 0
        self._open: set[int] = set()

    def decode(self, node: Node, shape: Shape) -> Value | None:
        """The value, or None where go-yaml leaves the zero value (or drops the list element)."""
        return self._decode(node, node, shape, None, None)

    def _decode(
        self, site: Node, node: Node, shape: Shape, into: Value | None, merged: set[str] | None
    ) -> Value | None:
        self._count(node)
        if node.kind == "alias":
            return self._alias(site, node, shape, into, merged)
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise YamlError(
                f"nested more than {MAX_DEPTH} levels deep; not judged", node.span.line, node.span.column
            )
        try:
            if node.kind == "scalar":
                return self._scalar(site, node, shape)
            if node.kind == "sequence":
                return self._sequence(site, node, shape)
            return self._mapping(site, node, shape, into, merged)
        finally:
            self._depth -= 1

    def _count(self, node: Node) -> None:
        """go-yaml's own guard against alias bombs, and ours against anything else that large."""
        self._decoded += 1
        self._aliased += self._alias_depth > 0
        low, high = 400_000, 4_000_000
        share = 0.99 - 0.89 * min(max(self._decoded - low, 0) / (high - low), 1)
        if (
            self._aliased > 100 and self._decoded > 1000 and self._aliased / self._decoded > share
        ) or self._decoded > MAX_DECODED:
            raise YamlError("document contains excessive aliasing", node.span.line, node.span.column)

    def _alias(
        self, site: Node, node: Node, shape: Shape, into: Value | None, merged: set[str] | None
    ) -> Value | None:
        if id(node) in self._open:
            raise YamlError(f"anchor '{node.text}' value contains itself", node.span.line, node.span.column)
        self._open.add(id(node))
        self._alias_depth += 1
        try:
            return self._decode(site, node.resolved, shape, into, merged)
        finally:
            self._alias_depth -= 1
            self._open.discard(id(node))

    def _error(self, message: str, node: Node) -> None:
        if len(self.errors) < MAX_ERRORS:
            self.errors.append(YamlError(message, node.span.line, node.span.column))

    def _wrong_type(self, node: Node, shape: Shape) -> None:
        have = {"scalar": _words_for(node), "sequence": "a list", "mapping": "a mapping"}[node.kind]
        self._error(f"{have} stands where {shape.name} is expected", node)

    def _scalar(self, site: Node, node: Node, shape: Shape) -> Value | None:
        tag, data = _scalar_value(node)
        type_ = _TYPES.get(tag, "str")
        if data is None:
            # null is the zero value; in a list of strings or of mappings it vanishes
            return Value(site, node, "null") if shape.kind in ("any", "list", "texts") else None
        if shape.kind == "any":
            return Value(site, node, type_, data)
        if shape.kind == "text":
            return Value(site, node, "str", data if tag == "!!binary" else node.text)
        if shape.kind == "number" and type_ in ("int", "float"):
            # a float is truncated without a word, and has no lower limit
            if -(2**63) <= data < 2**63:
                return Value(site, node, "int", int(data))
            if type_ == "float" and data <= 2**63:
                return Value(site, node, "int", -(2**63))
        elif shape.kind == "flag":
            if type_ == "str" and data in _YES | _NO:
                return Value(site, node, "bool", data in _YES)
            if type_ == "bool":
                return Value(site, node, "bool", data)
        self._wrong_type(node, shape)
        return None

    def _sequence(self, site: Node, node: Node, shape: Shape) -> Value | None:
        if shape.kind not in ("list", "any"):
            self._wrong_type(node, shape)
            return None
        of = ANY if shape.of is None else shape.of
        items = [self._decode(child, child, of, None, None) for child in node.children]
        return Value(site, node, "list", [item for item in items if item is not None])

    def _mapping(
        self, site: Node, node: Node, shape: Shape, into: Value | None, merged: set[str] | None
    ) -> Value | None:
        if not self._unique(node):
            return None
        if shape.kind not in ("struct", "texts", "any"):
            self._wrong_type(node, shape)
            return None
        value = into if into is not None else Value(site, node, "map", {})
        merge: Node | None = None
        done: set[str] = set()
        for key, child in node.pairs():
            if key.kind == "scalar" and key.text == "<<" and key.tag in ("", "!", "!!merge"):
                merge = child
                continue
            name = self._key(key, shape)
            if name is None:
                continue
            if merged is not None:
                if name in merged:
                    continue
                merged.add(name)
            if shape.kind == "struct" and name not in shape.fields:
                value.unknown.append((name, key))
                continue
            if name in done:
                self._error(f"the field `{name}` is set twice", key)
                continue
            done.add(name)
            inner = shape.fields[name] if shape.kind == "struct" else TEXT if shape.kind == "texts" else ANY
            decoded = self._decode(child, child, inner, None, None)
            value.keys[name] = key
            value.data[name] = decoded or Value(child, child.resolved, "null")
        if merge is not None:
            self._merge(node, merge, shape, value, merged)
        return value

    def _key(self, key: Node, shape: Shape) -> str | None:
        """The name of a key. Where Go wants a string any scalar will do, null is passed over."""
        if shape.kind == "any" and key.resolved.kind != "scalar":
            raise YamlError("invalid map key", key.span.line, key.span.column)
        decoded = self._decode(key, key, TEXT, None, None)
        return None if decoded is None else str(decoded.data)

    def _unique(self, node: Node) -> bool:
        """No key may stand twice, compared by its text (of an alias: by its name)."""
        seen: dict[tuple[str, str], Node] = {}
        unique = True
        for key, _ in node.pairs():
            if key.kind not in ("scalar", "alias"):
                continue
            first = seen.setdefault((key.kind, key.text), key)
            if first is not key:
                unique = False
                self._error(f"mapping key `{key.text[:40]}` already defined at line {first.span.line}", key)
        return unique

    def _merge(self, parent: Node, merge: Node, shape: Shape, into: Value, merged: set[str] | None) -> None:
        """Fields of `<<`; what the mapping says itself, and what came first, wins."""
        if merged is None:
            merged = {key.resolved.text for key, _ in parent.pairs() if key.resolved.kind == "scalar"}
        sources = merge.children if merge.kind == "sequence" else [merge]
        for source in sources:
            if source.resolved.kind != "mapping":
                raise YamlError(
                    "map merge requires map or sequence of maps as the value",
                    source.span.line,
                    source.span.column,
                )
            self._decode(source, source, shape, into, merged)


_YES = frozenset(("y", "Y", "yes", "Yes", "YES", "on", "On", "ON"))
_NO = frozenset(("n", "N", "no", "No", "NO", "off", "Off", "OFF"))


def _words_for(node: Node) -> str:
    tag = node.tag
    return {"!!int": "a number", "!!float": "a number", "!!bool": "true or false", "!!null": "nothing"}.get(
        tag, "a string"
    )


def _scalar_value(node: Node) -> tuple[str, Any]:
    """Tag and value; an explicit tag that the text does not fit makes go-yaml give up."""
    tag = node.tag
    if tag == "!!binary":
        try:
            raw = base64.b64decode(re.sub(r"[\r\n]", "", node.text), validate=True)
        except (binascii.Error, ValueError):
            raise YamlError(
                "!!binary value contains invalid base64 data", node.span.line, node.span.column
            ) from None
        return tag, raw.decode("utf-8", "surrogateescape")
    if node.quoted and tag in ("", "!", "!!str"):
        return "!!str", node.text
    if tag not in ("!!bool", "!!int", "!!float", "!!null", "!!timestamp"):
        return tag, node.text
    found, value = _resolve_plain(node.text)
    if tag == "!!float" and found == "!!int":
        return tag, float(value)
    if found != tag:
        raise YamlError(f"a value is tagged {tag} and is not", node.span.line, node.span.column)
    return tag, value
