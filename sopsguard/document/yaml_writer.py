"""Writes YAML as go-yaml 3.0.4 writes the nodes that sops makes: block style, comments in their places.

Source: `emitterc.go`, `encode.go` and sops 3.13.2 `stores/yaml/store.go`. The emitter's state (`column`,
`whitespace`, `indention`, the comments that wait) is kept as it is there: its quirks show in the output.
"""

import base64
import re
from collections.abc import Sequence as Many

from sopsguard.document.scalars import WORDS, general, plain
from sopsguard.document.tree import Comment, Item, Mapping, Node, Scalar, Time, Value

INDENT = 4
_OLD_BOOL = frozenset(
    word for base in ("y", "n", "yes", "no", "on", "off") for word in {base, base.upper(), base.capitalize()}
)
_BASE60 = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?\Z")
_BREAKS = "\r\n\x85\u2028\u2029"
# what go-yaml writes without an escape
_PRINTABLE = re.compile("[\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd]*\\Z")
_ESCAPE = re.compile('[^\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd]|["\\\\]')
_ANY = re.compile("(?s:.)")
_NAMES = {
    0x00: "0", 0x07: "a", 0x08: "b", 0x09: "t", 0x0A: "n", 0x0B: "v", 0x0C: "f", 0x0D: "r", 0x1B: "e",
    0x22: '"', 0x5C: "\\", 0x85: "N", 0xA0: "_", 0x2028: "L", 0x2029: "P",
}  # fmt: skip


def write_yaml(roots: Many[Mapping], indent: int = INDENT) -> bytes:
    """The text of all documents."""
    emitter = _Emitter(indent)
    for number, root in enumerate(roots):
        emitter.document(_node(root), number > 0)
    return "".join(emitter.out).encode("utf-8", "surrogateescape")


def item_text(key: str | None, node: Node, column: int, indent: int = INDENT) -> bytes:
    """The lines of one item of a mapping (`key`) or of a list that is indented by `column`, but for the
    indentation of the first line."""
    emitter = _Emitter(indent)
    emitter.indent = emitter.column = column
    if key is None:
        emitter.element(_node(node))
    else:
        emitter.pair(_scalar(Scalar(key, 0, 0, 1, 1)), _node(node), "")
    emitter.indent = -1
    emitter.write_indent()
    return "".join(emitter.out).encode("utf-8", "surrogateescape")


def scalar_text(value: Value, style: str = "") -> str:
    """A single value on one line, a text in the quotes of `style` (empty: those it needs).

    A float keeps its point, which sops drops: so it is read back as what it is.
    """
    emitter = _Emitter(INDENT)
    node = _scalar(Scalar(value, 0, 0, 1, 1))
    if node.tag == "!!binary":  # white space in base64 means nothing
        node.text, node.style = node.text.replace("\n", ""), ""
    elif isinstance(value, str):
        multiline = "\n" in value or (style == "'" and _Analysis(value).multiline)
        node.text, node.style = value, '"' if multiline else node.style or style
    elif isinstance(value, float) and node.text.lstrip("-").isdigit():
        node.text += ".0"
    emitter.scalar(node, False)
    return "".join(emitter.out)


class _ENode:
    """A node to emit: its comments, each line with its `#`."""

    __slots__ = ("foot", "head", "items", "kind", "line", "style", "tag", "text")

    def __init__(self, kind: str) -> None:
        self.kind = kind  # map, seq, scalar
        self.items: list[_ENode] = []
        self.text, self.style, self.tag = "", "", ""
        self.head = self.line = self.foot = ""


def _node(node: Node) -> _ENode:
    if isinstance(node, Scalar):
        return _scalar(node)
    result = _ENode("map" if isinstance(node, Mapping) else "seq")
    heads: list[str] = []
    inlines: list[str] = []
    first = True
    for item in node.items:
        if isinstance(item, Comment):
            (inlines if item.inline else heads).append(item.text)
            continue
        if first:
            heads = _add(result, "head", heads)
            first = False
        if isinstance(item, Item):
            key = _scalar(item.key)
            heads = _add(key, "head", heads)
            value = _node(item.value)
            inlines = _add(value, "line", inlines)
            result.items += (key, value)
        else:
            value = _node(item)
            heads = _add(value, "head", heads)
            inlines = _add(value, "line", inlines)
            result.items.append(value)
    heads += inlines
    if heads and first:
        _add(result, "head", heads)
    elif heads:
        _add(result.items[-2 if result.kind == "map" else -1], "foot", heads)
    return result


def _add(node: _ENode, where: str, comments: list[str]) -> list[str]:
    if comments:
        text = "#" + "\n#".join(comments)
        old = getattr(node, where)
        if where == "head":
            node.head = f"{text}\n{old}" if old else text
        else:
            setattr(node, where, f"{old}\n{text}" if old else text)
    return []


def _scalar(scalar: Scalar) -> _ENode:
    node = _ENode("scalar")
    value = scalar.value
    if isinstance(value, str):
        _string(node, value)
    elif value is None:
        node.text = "null"
    elif isinstance(value, bool):
        node.text = "true" if value else "false"
    elif isinstance(value, float):
        node.text = {"+Inf": ".inf", "-Inf": "-.inf", "NaN": ".nan"}.get(text := general(value), text)
    elif isinstance(value, Time):
        node.text = value.text
    else:
        node.text = str(value)
    return node


def _string(node: _ENode, text: str) -> None:
    """`stringv` of encode.go, then what survives the way through a node."""
    try:
        text.encode()
    except UnicodeEncodeError:
        node.tag = "!!binary"
        raw = base64.b64encode(text.encode("utf-8", "surrogateescape")).decode()
        lines = [raw[at : at + 70] for at in range(0, len(raw), 70)]
        node.text = "\n".join(lines) + ("\n" if len(raw) >= 70 else "")
        node.style = "|" if "\n" in node.text else ""
        return
    node.text = text
    if "\n" in text:
        node.style = "|"
        if text[0] == "\t" and _Analysis(text).block:
            # go-yaml cannot parse the block it writes for such a string, and sops then prints null
            node.text, node.style = "null", ""
    elif not _plain_string(text):
        node.style = '"'
    if text == "<<" and not node.style:
        node.tag = "!!merge"


def _plain_string(text: str) -> bool:
    if not text or text in WORDS or text in _OLD_BOOL:
        return False
    return isinstance(plain(text), str) and not _BASE60.match(text)


class _Analysis:
    """`yaml_emitter_analyze_scalar`."""

    __slots__ = ("block", "multiline", "plain", "single")

    def __init__(self, text: str) -> None:
        self.multiline = any(char in text for char in _BREAKS)
        self.plain = self.single = True
        self.block = bool(text)
        if not text:
            return
        special = not _PRINTABLE.match(text)
        spaces = re.search(f"[{_BREAKS}] ", text)
        space_break = re.search(f" [{_BREAKS}]", text)
        ends = text[0] in " " + _BREAKS or text[-1] in " " + _BREAKS
        if ends or spaces or space_break or "\t" in text or special or self.multiline or _indicators(text):
            self.plain = False
        if spaces or space_break or "\t" in text or special:
            self.single = False
        if text[-1] == " " or space_break or special:
            self.block = False


def _indicators(text: str) -> bool:
    """Whether a character or a place means something to YAML in a block."""
    if text.startswith(("---", "...")) or text[0] in "#,[]{}&*!|>'\"%@`":
        return True
    if text[0] in "?:-" and (len(text) == 1 or text[1] in " \t"):
        return True
    return re.search(f":(?:[ \t]|\\Z)|[ \t{_BREAKS}]#", text[1:] if text[0] == ":" else text) is not None


class _Emitter:
    def __init__(self, indent: int) -> None:
        self.best = indent if 2 <= indent <= 9 else 2
        self.out: list[str] = []
        self.indent, self.column, self.foot_indent = -1, 0, -1
        self.whitespace = self.indention = True
        self.head = self.line = self.foot = self.tail = ""
        self.key_line = ""

    # output

    def put(self, text: str) -> None:
        self.out.append(text)
        self.column += len(text)

    def put_break(self, char: str = "\n") -> None:
        self.out.append(char)
        self.column = 0
        self.indention = True

    def write_indent(self) -> None:
        indent = max(self.indent, 0)
        if not self.indention or self.column > indent or (self.column == indent and not self.whitespace):
            self.put_break()
        if self.foot_indent == indent:
            self.put_break()
        if self.column < indent:
            self.put(" " * (indent - self.column))
        self.whitespace = True
        self.foot_indent = -1

    def indicator(self, text: str, spaced: bool, is_space: bool = False, is_indention: bool = False) -> None:
        if spaced and not self.whitespace:
            self.put(" ")
        self.put(text)
        self.whitespace = is_space
        self.indention = self.indention and is_indention

    # comments

    def write_comment(self, comment: str) -> None:
        breaks = pound = False
        for char in comment:
            if char in _BREAKS:
                self.put_break(char)
                breaks, pound = True, False
                continue
            if breaks:
                self.write_indent()
            if not pound:
                if char != "#":
                    self.put("# ")
                pound = True
            self.put(char)
            self.indention = breaks = False
        if not breaks:
            self.put_break()
        self.whitespace = True

    def process_head(self) -> None:
        if self.tail:
            self.write_indent()
            self.write_comment(self.tail)
            self.tail = ""
            self.foot_indent = max(self.indent, 0)
        if self.head:
            self.write_indent()
            self.write_comment(self.head)
            self.head = ""

    def process_line(self, line_break: bool = False) -> None:
        if not self.line:
            if line_break:
                self.put_break()
            return
        if not self.whitespace:
            self.put(" ")
        self.write_comment(self.line)
        self.line = ""

    def process_foot(self) -> None:
        if self.foot:
            self.write_indent()
            self.write_comment(self.foot)
            self.foot = ""
            self.foot_indent = max(self.indent, 0)

    def take(self, head: str = "", line: str = "", foot: str = "", tail: str = "") -> None:
        """The comments of the event that comes next."""
        self.head, self.line = head or self.head, line or self.line
        self.foot, self.tail = foot or self.foot, tail or self.tail

    # documents and nodes

    def document(self, root: _ENode, further: bool) -> None:
        if further:
            self.write_indent()
            self.indicator("---", True)
            self.write_indent()
        self.start(root)
        self.process_head()
        self.node(root, in_sequence=False)
        self.foot_indent = 0
        self.process_foot()
        self.foot_indent = -1
        self.write_indent()

    def start(self, node: _ENode) -> None:
        """Takes the comments of the event that starts a node; a collection has the others at its end."""
        if node.kind == "scalar":
            self.take(node.head, node.line, node.foot)
        else:
            self.take(node.head)

    def node(self, node: _ENode, in_sequence: bool) -> None:
        """A value, a list element or the root, then the comments that wait.

        At a collection they are written when it starts; what comes with its end waits for the next node.
        """
        if node.kind == "scalar":
            self.scalar(node, in_sequence)
        self.process_line()
        self.process_foot()
        if node.kind == "scalar":
            return
        if not node.items:
            self.empty(node, in_sequence)
        elif node.kind == "map":
            self.mapping(node, in_sequence)
        else:
            self.sequence(node, in_sequence)

    def increase(self, flow: bool, in_sequence: bool) -> int:
        """Sets the indentation of what is inside and returns the one before."""
        before = self.indent
        if before < 0:
            self.indent = self.best if flow else 0
        elif in_sequence:
            self.indent += 2
        else:
            self.indent = self.best * ((before + self.best) // self.best)
        return before

    def empty(self, node: _ENode, in_sequence: bool) -> None:
        self.take(line=node.line, foot=node.foot)
        self.indicator("{" if node.kind == "map" else "[", True, True)
        before = self.increase(True, in_sequence)
        if node.kind == "map":
            self.process_head()
            self.indent = before
        else:
            self.indent = before
            if self.column == 0:
                self.write_indent()
        self.indicator("}" if node.kind == "map" else "]", False)
        self.process_line()
        self.process_foot()

    def mapping(self, node: _ENode, in_sequence: bool) -> None:
        before = self.increase(False, in_sequence)
        tail = ""
        for key, value in zip(node.items[::2], node.items[1::2], strict=True):
            self.pair(key, value, tail)
            tail = key.foot
        self.take("", node.line, node.foot, tail)
        self.process_head()
        self.indent = before

    def pair(self, key: _ENode, value: _ENode, tail: str) -> None:
        """A key and its value; `tail` is the comment at the foot of the one before."""
        self.take(key.head, key.line, "", tail)
        self.process_head()
        self.write_indent()
        if self.line:
            self.key_line, self.line = self.line, ""
        simple = _is_simple(key)
        if not simple:
            self.indicator("?", True, False, True)
        self.scalar(key, False, simple)
        self.value(value, simple)

    def value(self, value: _ENode, simple: bool) -> None:
        self.start(value)
        if simple:
            self.indicator(":", False)
        else:
            self.write_indent()
            self.indicator(":", True, False, True)
        if self.key_line:
            if value.kind == "scalar":
                if not self.line:
                    self.line, self.key_line = self.key_line, ""
            else:
                self.line, self.key_line = self.key_line, self.line
                self.process_line()
                self.line, self.key_line = self.key_line, self.line
        self.node(value, in_sequence=False)

    def sequence(self, node: _ENode, in_sequence: bool) -> None:
        before = self.increase(False, in_sequence)
        for item in node.items:
            self.element(item)
        self.take(line=node.line, foot=node.foot)
        self.indent = before

    def element(self, item: _ENode) -> None:
        self.start(item)
        self.process_head()
        self.write_indent()
        self.indicator("-", True, False, True)
        self.node(item, in_sequence=True)

    # scalars

    def scalar(self, node: _ENode, in_sequence: bool, key: bool = False) -> None:
        text, analysis = node.text, _Analysis(node.text)
        style = node.style
        if key and analysis.multiline:
            style = '"'
        if not style and (not analysis.plain or (not text and key)):
            style = "'"
        if style == "'" and not analysis.single:
            style = '"'
        if style == "|" and (not analysis.block or key):
            style = '"'
        if node.tag:
            if not self.whitespace:
                self.put(" ")
            self.put(node.tag)
            self.whitespace = self.indention = False
        before = self.indent
        self.increase(True, in_sequence)
        if style == "":
            self.plain(text)
        elif style == "'":
            self.single(text)
        elif style == '"':
            self.double(text)
        else:
            self.literal(text)
        self.indent = before

    def plain(self, text: str) -> None:
        if text and not self.whitespace:
            self.put(" ")
        self.put(text)
        if text:
            self.whitespace = False
        self.indention = False

    def single(self, text: str) -> None:
        self.indicator("'", True)
        self.lines(text.replace("'", "''"))
        self.indicator("'", False)
        self.whitespace = self.indention = False

    def lines(self, text: str) -> None:
        """The inside of a single-quoted scalar, in which a break is written twice."""
        breaks = False
        for char in text:
            if char in _BREAKS:
                if not breaks and char == "\n":
                    self.put_break()
                self.put_break(char)
                breaks = True
            else:
                if breaks and char != " ":
                    self.write_indent()
                self.put(char)
                if char != " ":
                    self.indention = breaks = False

    def double(self, text: str) -> None:
        self.indicator('"', True)
        # go-yaml looks for a byte order mark at the start of the text whatever character it is at
        self.put((_ANY if text.startswith("\ufeff") else _ESCAPE).sub(_escaped, text))
        self.indicator('"', False)
        self.whitespace = self.indention = False

    def literal(self, text: str) -> None:
        self.indicator("|", True)
        if text[0] in " " + _BREAKS:
            self.indicator(str(self.best), False)
        if text[-1] not in _BREAKS:
            self.indicator("-", False)
        elif len(text) == 1 or text[-2] in _BREAKS:
            self.indicator("+", False)
        self.process_line(line_break=True)
        self.whitespace = True
        breaks = True
        for part in re.split(f"([{_BREAKS}])", text):
            if not part:
                continue
            if part in _BREAKS:
                self.put_break(part)
                breaks = True
                continue
            if breaks:
                self.write_indent()
            self.put(part)
            self.indention = breaks = False


def _is_simple(key: _ENode) -> bool:
    """Whether a key needs no `? `."""
    length = len(key.text.encode("utf-8", "surrogateescape")) + len(key.tag)
    return length <= 128 and not any(char in key.text for char in _BREAKS)


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    name = _NAMES.get(code)
    if name is not None:
        return "\\" + name
    if code <= 0xFF:
        return f"\\x{code:02X}"
    return f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"
