"""What `.nix` files say, read by a real parser and never evaluated: literal values, literal secrets.

On the way of a staged hook, so: no dataclasses, and tree-sitter is imported only when a file is parsed.
Ask `may_hold_secrets` first; it is a plain search and spares the import for most files.
"""

import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from sopsguard.model import Confidence

if TYPE_CHECKING:
    from tree_sitter import Node, Parser, Tree

# A file of a megabyte of nothing but braces costs the parser 200 MB and a second; real files stay far below.
MAX_SOURCE = 1 << 20
# Longer attribute paths keep their last components: the option name stands at the end.
MAX_PATH = 128
_VALUE_DEPTH = 6

Path = tuple[str | None, ...]


class Kind(StrEnum):
    """What stands on the right of `=`."""

    STRING = "string"
    NUMBER = "number"
    BOOL = "bool"
    NULL = "null"
    PATH = "path"
    LIST = "list"
    SET = "set"
    CALL = "call"
    REFERENCE = "reference"
    OTHER = "other"


class Form(StrEnum):
    """How a string is written."""

    QUOTED = "quoted"
    INDENTED = "indented"
    JOINED = "joined"
    URI = "uri"


class Value(NamedTuple):
    """The value of an attribute, as far as it is literal; `start` and `end` are byte offsets.

    `parts` belong to strings: decoded text, and `None` where something is interpolated or joined in.
    `name` is the text of a number, path or reference, or the dotted name of a called function;
    `items` are the elements of a list or the arguments of a call.
    """

    kind: Kind
    start: int
    end: int
    parts: tuple[bytes | None, ...] = ()
    name: str = ""
    items: tuple["Value", ...] = ()
    form: Form | None = None

    def __repr__(self) -> str:
        return f"Value({self.kind}, {self.start}, {self.end})"

    @property
    def text(self) -> bytes | None:
        """The whole string, or None when it is no string or parts of it are not literal."""
        if self.kind is not Kind.STRING or None in self.parts:
            return None
        return b"".join(part for part in self.parts if part is not None)

    @property
    def literal(self) -> bytes:
        """The literal parts of a string, joined."""
        return b"".join(part for part in self.parts if part is not None)


class Role(StrEnum):
    """Where a value is bound: an attribute of a set, a `let`, the default of a function argument."""

    SET = "set"
    LET = "let"
    ARGUMENT = "argument"


class Attribute(NamedTuple):
    """One bound value; a dynamic component of its path is None.

    `start` and `end` are the byte span of the value, `line` and `column` (in characters) its place,
    both from 1. `declared` says that it stands inside an option declaration (`mkOption`), which
    describes values and sets none.
    """

    path: Path
    value: Value
    start: int
    end: int
    line: int
    column: int
    role: Role = Role.SET
    declared: bool = False

    @property
    def option(self) -> str:
        """The path as one writes it: dots between, odd names quoted, `<dynamic>` where unknown."""
        return ".".join(_written(component) for component in self.path)


class Comment(NamedTuple):
    """A comment with its delimiters; `start` and `end` are byte offsets, `line` the first line, from 1."""

    text: str
    start: int
    end: int
    line: int
    end_line: int


class Span(NamedTuple):
    """A part of the file that the parser could not read, in bytes and lines (from 1)."""

    start: int
    end: int
    line: int
    end_line: int


class Unread(NamedTuple):
    """The file was not read at all: why, and what would be needed."""

    reason: str
    needed: str


class Reading:
    """A parsed file: its attributes in the order of the text, the spans that could not be read, and
    (walked only when asked for) its comments."""

    __slots__ = ("_comments", "_tree", "attributes", "calls", "errors", "source")

    def __init__(
        self,
        source: bytes,
        tree: "Tree",
        attributes: tuple[Attribute, ...],
        errors: tuple[Span, ...],
        calls: frozenset[str],
    ) -> None:
        self.source = source
        self.attributes = attributes
        self.errors = errors
        self.calls = calls
        self._tree = tree
        self._comments: tuple[Comment, ...] | None = None

    def __repr__(self) -> str:
        return f"Reading({len(self.attributes)} attributes, {len(self.errors)} errors)"

    @property
    def comments(self) -> tuple[Comment, ...]:
        """Every comment of the file, in order."""
        if self._comments is None:
            self._comments = tuple(_comments(self._tree, self.source))
        return self._comments

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column (in characters) of a byte offset, both from 1."""
        before = self.source[:offset]
        line_start = before.rfind(b"\n") + 1
        return before.count(b"\n") + 1, len(before[line_start:].decode(errors="replace")) + 1


def _written(component: str | None) -> str:
    if component is None:
        return "<dynamic>"
    return component if re.fullmatch(r"[A-Za-z_][\w'-]*", component, re.ASCII) else f'"{component}"'


# --- the engine ---------------------------------------------------------------------------------

_parser: "Parser | None" = None


def _engine() -> "Parser":
    global _parser
    if _parser is None:
        from tree_sitter import Language, Parser

        _parser = Parser(Language(_grammar()))
    return _parser


def _grammar() -> Any:
    # The package's __init__ imports importlib.resources (10 ms, for query files we do not use);
    # its extension module alone is all we need.
    from importlib.machinery import PathFinder

    package = PathFinder.find_spec("tree_sitter_nix")
    if package is None or package.submodule_search_locations is None:
        raise ImportError("tree_sitter_nix")
    spec = PathFinder.find_spec("tree_sitter_nix._binding", list(package.submodule_search_locations))
    if spec is not None and spec.loader is not None:
        module = spec.loader.create_module(spec)
        if module is not None:
            spec.loader.exec_module(module)
            return module.language()
    import tree_sitter_nix

    return tree_sitter_nix.language()


def parse(source: bytes) -> "Tree | Unread":
    """The syntax tree of `source`, or why there is none. Pipe operators are read as operators."""
    if len(source) > MAX_SOURCE:
        return Unread(f"larger than {MAX_SOURCE >> 20} MiB", "a smaller file")
    try:
        parser = _engine()
    except ImportError:
        return Unread("the Nix parser is not installed", "tree-sitter and tree-sitter-nix")
    tree = parser.parse(source)
    if tree.root_node.has_error and (b"|>" in source or b"<|" in source):
        # The grammar does not know Nix's pipe operators. `++` has the same length and shape.
        patched = bytearray(source)
        for node in _broken(tree):
            for offset in range(max(0, node.start_byte - 1), min(node.end_byte + 1, len(source) - 1)):
                if source[offset : offset + 2] in (b"|>", b"<|"):
                    patched[offset : offset + 2] = b"++"
        again = parser.parse(bytes(patched))
        if not again.root_node.has_error:
            return again
    return tree


def _broken(tree: "Tree") -> Iterator["Node"]:
    """ERROR and MISSING nodes, outermost first."""
    stack = [tree.root_node]
    while stack:
        node = stack.pop()
        if node.is_error or node.is_missing:
            yield node
        elif node.has_error:
            stack.extend(reversed(node.children))


def _comments(tree: "Tree", source: bytes) -> Iterator[Comment]:
    if b"#" not in source and b"/*" not in source:
        return
    cursor = tree.walk()
    while True:
        node = cursor.node
        if node is not None and node.type == "comment":
            text = source[node.start_byte : node.end_byte].decode(errors="replace")
            start, end = node.start_point.row + 1, node.end_point.row + 1
            yield Comment(text, node.start_byte, node.end_byte, start, end)
        elif cursor.goto_first_child():
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return


# --- strings ------------------------------------------------------------------------------------

# The tokens of Nix's lexer (nix 2.24, src/libexpr/lexer.l) inside `''…''` that are not plain text.
_INDENTED_ESCAPE = re.compile(rb"''(?:\$|'|\\(?s:(.)))")
_QUOTED_ESCAPE = re.compile(rb"\\(?s:(.))|\r\n?")
_LETTERS = {b"n": b"\n", b"r": b"\r", b"t": b"\t"}


def _quoted(raw: bytes) -> bytes:
    if b"\\" not in raw and b"\r" not in raw:
        return raw

    def decoded(match: re.Match[bytes]) -> bytes:
        char = match[1]
        return b"\n" if char is None else _LETTERS.get(char, char)

    return _QUOTED_ESCAPE.sub(decoded, raw)


def _indented_tokens(raw: bytes) -> Iterator[tuple[bytes, bool]]:
    """Text and whether its spaces count as indentation (those of escapes do not)."""
    end = 0
    for match in _INDENTED_ESCAPE.finditer(raw):
        if match.start() > end:
            yield raw[end : match.start()], True
        end = match.end()
        char = match[1]
        if char is not None:
            yield _LETTERS.get(char, char), False
        else:
            yield (b"$" if match[0].endswith(b"$") else b"''"), False
    if end < len(raw):
        yield raw[end:], True


def _dedented(raws: list[bytes | None]) -> tuple[bytes | None, ...]:
    """The parts of an `''indented''` string without the common indentation, as Nix strips it
    (nix 2.24, `ParserState::stripIndentation`): only spaces count, lines of nothing but spaces do not,
    an interpolation or escape ends the indentation, a last line of spaces is dropped."""
    if raws and raws[0] is not None:
        raws[0] = re.sub(rb"\A *\n", b"", raws[0], count=1)
    tokens: list[tuple[bytes | None, bool]] = []
    for raw in raws:
        if raw is None:
            tokens.append((None, False))
        else:
            tokens.extend(_indented_tokens(raw))

    least, indent, fresh = 1_000_000, 0, True
    for text, indents in tokens:
        if text is None or not indents:
            if fresh:
                fresh, least = False, min(least, indent)
            continue
        for number, line in enumerate(text.split(b"\n")):
            if number:
                fresh, indent = True, 0
            if fresh:
                rest = line.lstrip(b" ")
                indent += len(line) - len(rest)
                if rest:
                    fresh, least = False, min(least, indent)

    parts: list[bytes | None] = []
    fresh, dropped = True, 0
    for text, _ in tokens:
        if text is None:
            fresh, dropped = False, 0
            parts.append(None)
            continue
        lines = text.split(b"\n")
        for number, line in enumerate(lines):
            if number:
                fresh, dropped = True, 0
            if fresh:
                rest = line.lstrip(b" ")
                spaces = len(line) - len(rest)
                kept = max(0, dropped + spaces - max(dropped, least))
                lines[number] = b" " * kept + rest
                dropped += spaces
                if rest:
                    fresh, dropped = False, 0
        parts.append(b"\n".join(lines))
    if parts and parts[-1] is not None:
        head, newline, tail = parts[-1].rpartition(b"\n")
        if newline and not tail.strip(b" "):
            parts[-1] = head + newline
    return _merged(parts)


def _merged(parts: Iterable[bytes | None]) -> tuple[bytes | None, ...]:
    """Neighbouring text joined, neighbouring holes kept as one."""
    merged: list[bytes | None] = []
    run: list[bytes] = []
    for part in parts:
        if part is not None:
            if part:
                run.append(part)
            continue
        if run:
            merged.append(b"".join(run))
            run = []
        if not merged or merged[-1] is not None:
            merged.append(None)
    if run:
        merged.append(b"".join(run))
    return tuple(merged)


# --- the walk -----------------------------------------------------------------------------------

# Functions that hand one argument on: name to the number of arguments; the last one is the value.
_WRAPPERS = {
    "mkDefault": 1,
    "mkForce": 1,
    "mkOptionDefault": 1,
    "mkVMOverride": 1,
    "mkImageMediaOverride": 1,
    "mkBefore": 1,
    "mkAfter": 1,
    "mkMerge": 1,
    "mkIf": 2,
    "mkOverride": 2,
    "mkOrder": 2,
    "mkAssert": 3,
    "optional": 2,
    "optionals": 2,
    "optionalString": 2,
    "optionalAttrs": 2,
    "toString": 1,
    "unsafeDiscardStringContext": 1,
    "trim": 1,
    "warn": 2,
    "warnIf": 3,
    "trace": 2,
    "seq": 2,
    "recursiveUpdate": 2,
}
# Functions that write their last argument to the world-readable store; the name comes first.
# fmt: off
_WRITERS = frozenset((
    "toFile", "writeText", "writeTextDir", "writeScript", "writeScriptBin", "writeShellScript",
    "writeShellScriptBin", "writeBash", "writeBashBin", "writeDash", "writeDashBin", "writeFish",
    "writePython3", "writePython3Bin", "writePerl", "writeJSON", "writeYAML", "writeTOML"
))
# fmt: on
_DECLARATIONS = frozenset(("mkOption", "literalExpression", "literalExample", "mdDoc", "literalMD"))
_STRINGS = frozenset(("string_expression", "indented_string_expression"))
_PATHS = frozenset(("path_expression", "hpath_expression", "spath_expression"))
_SETS = frozenset(("attrset_expression", "rec_attrset_expression", "let_attrset_expression"))
# Expressions whose value is that of one field; the other fields are only searched.
_BODIES = {
    "with_expression": "body",
    "assert_expression": "body",
    "parenthesized_expression": "expression",
    "source_code": "expression",
    "interpolation": "expression",
}


class _Task(NamedTuple):
    node: "Node"
    path: Path
    leaf: bool  # the expression is the value of `path`, not only something inside it
    role: Role
    declared: bool


class _Walk:
    """One pass over a tree with a stack of its own; collects attributes."""

    def __init__(self, source: bytes) -> None:
        self.source = source
        self.ascii = source.isascii()
        self.attributes: list[Attribute] = []
        self.calls: set[str] = set()
        self.stack: list[_Task] = []

    def run(self, root: "Node") -> None:
        self.stack.append(_Task(root, (), False, Role.SET, False))
        while self.stack:
            self.visit(self.stack.pop())
        self.attributes.sort(key=lambda attribute: attribute.start)

    def visit(self, task: _Task) -> None:
        node, path, leaf, role, declared = task
        kind = node.type
        if kind in _SETS:
            bound = False
            for child in node.named_children:
                if child.type == "binding_set":
                    self.bindings(child, path, Role.SET, declared)
                    bound = True
                elif child.is_error:
                    self.search(child, task)
            if leaf and not bound:
                self.emit(task, Value(Kind.SET, node.start_byte, node.end_byte))
        elif kind in _STRINGS:
            if leaf:
                self.emit(task, self.string(node))
            for child in node.named_children:
                if child.type == "interpolation":
                    self.search(child, task)
        elif kind == "apply_expression":
            self.apply(task)
        elif kind == "list_expression":
            if leaf:
                self.emit(task, self.value(node))
            for child in node.named_children:
                self.push(child, task, leaf=False)
        elif kind in _BODIES:
            body = _BODIES[kind]
            value = node.child_by_field_name(body)
            for child in node.named_children:
                self.push(child, task, leaf=leaf and child == value)
        elif kind == "let_expression":
            body_node = node.child_by_field_name("body")
            for child in node.named_children:
                if child.type == "binding_set":
                    self.bindings(child, (), Role.LET, declared)
                else:
                    self.push(child, task, leaf=leaf and child == body_node)
        elif kind == "if_expression":
            condition = node.child_by_field_name("condition")
            for child in node.named_children:
                self.push(child, task, leaf=leaf and child != condition)
        elif kind == "function_expression":
            for child in node.named_children:
                if child.type == "formals":
                    self.formals(child, task)
                elif child.type != "identifier":
                    self.push(child, task, leaf=leaf)
        elif kind == "binary_expression":
            self.binary(task)
        elif kind == "select_expression":
            if leaf:
                self.emit(task, self.value(node))
            default = node.child_by_field_name("default")
            for child in node.named_children:
                if child.type != "attrpath":
                    self.push(child, task, leaf=leaf and child == default)
        elif kind == "binding_set":
            self.bindings(node, path, role, declared)
        elif kind == "binding":
            self.binding(node, path, role, declared)
        elif kind in ("comment", "identifier", "attrpath", "inherit"):
            pass
        else:
            if leaf:
                self.emit(task, self.value(node))
            if node.named_child_count:
                self.search(node, task)

    def push(self, node: "Node", task: _Task, *, leaf: bool) -> None:
        self.stack.append(_Task(node, task.path, leaf, task.role, task.declared))

    def search(self, node: "Node", task: _Task) -> None:
        """Look for bindings and calls below `node`, which is not itself a value."""
        for child in node.named_children:
            self.push(child, task, leaf=False)

    def bindings(self, node: "Node", path: Path, role: Role, declared: bool) -> None:
        for child in node.named_children:
            kind = child.type
            if kind == "binding":
                self.binding(child, path, role, declared)
            elif kind != "comment":
                self.stack.append(_Task(child, path, False, role, declared))

    def binding(self, node: "Node", path: Path, role: Role, declared: bool) -> None:
        target = node.child_by_field_name("attrpath")
        value = node.child_by_field_name("expression")
        if target is None or value is None:
            return
        names = self.attrpath(target)
        full = (path + names)[-MAX_PATH:]
        if not path and names and names[0] == "options":
            declared = True
        self.stack.append(_Task(value, full, True, role, declared))
        for child in target.named_children:
            if child.type != "identifier":
                self.stack.append(_Task(child, path, False, role, declared))

    def attrpath(self, node: "Node") -> Path:
        names: list[str | None] = []
        for child in node.named_children:
            kind = child.type
            if kind == "identifier":
                names.append(self.written(child))
            elif kind == "string_expression":
                names.append(_name(self.string(child)))
            elif kind == "interpolation":
                inner = child.child_by_field_name("expression")
                if inner is not None and inner.type in _STRINGS:  # ${"name"} is a name
                    names.append(_name(self.string(inner)))
                else:
                    names.append(None)
        return tuple(names)

    def formals(self, node: "Node", task: _Task) -> None:
        for formal in node.named_children:
            if formal.type != "formal":
                continue
            name = formal.child_by_field_name("name")
            default = formal.child_by_field_name("default")
            if name is not None and default is not None:
                self.stack.append(_Task(default, (self.written(name),), True, Role.ARGUMENT, task.declared))

    def apply(self, task: _Task) -> None:
        node = task.node
        function, arguments = _application(node)
        name = self.dotted(function)
        short = name.rpartition(".")[2]
        if short:
            self.calls.add(short)
        else:
            self.push(function, task, leaf=False)
        declared = task.declared or short in _DECLARATIONS
        wraps = _WRAPPERS.get(short) == len(arguments)
        if (task.leaf and not wraps) or short in _WRITERS:
            self.emit(task, self.value(node))
        for argument in arguments:
            leaf = task.leaf and wraps and argument is arguments[-1]
            if leaf and argument.type == "list_expression" and short in ("mkMerge", "optionals"):
                for element in argument.named_children:
                    self.stack.append(_Task(element, task.path, True, task.role, declared))
            else:
                self.stack.append(_Task(argument, task.path, leaf, task.role, declared))

    def binary(self, task: _Task) -> None:
        node = task.node
        operator = _operator(node)
        if operator == "+":
            if task.leaf:
                self.emit(task, self.value(node))
            for operand in _operands(node):
                self.push(operand, task, leaf=False)
            return
        # `a // b` and `a ++ b`: both sides belong to the attribute.
        leaf = task.leaf and operator in ("//", "++")
        if task.leaf and not leaf:
            self.emit(task, Value(Kind.OTHER, node.start_byte, node.end_byte))
        for child in node.named_children:
            self.push(child, task, leaf=leaf)

    def emit(self, task: _Task, value: Value) -> None:
        point = task.node.start_point
        column = point.column
        if not self.ascii:
            start = value.start
            column = len(self.source[start - column : start].decode(errors="replace"))
        self.attributes.append(
            Attribute(
                task.path,
                value,
                value.start,
                value.end,
                point.row + 1,
                column + 1,
                task.role,
                task.declared,
            )
        )

    # values

    def written(self, node: "Node") -> str:
        return self.source[node.start_byte : node.end_byte].decode(errors="surrogateescape")

    def dotted(self, node: "Node") -> str:
        """`lib.mkIf` for a variable or a selection of plain names, else an empty string."""
        kind = node.type
        if kind == "variable_expression":
            return self.written(node)
        if kind == "select_expression":
            head = node.child_by_field_name("expression")
            path = node.child_by_field_name("attrpath")
            if head is not None and path is not None and head.type == "variable_expression":
                names = self.attrpath(path)
                return ".".join([self.written(head), *(name or "<dynamic>" for name in names)])
        return ""

    def string(self, node: "Node") -> Value:
        start, end = node.start_byte, node.end_byte
        indented = node.type == "indented_string_expression"
        quote = b"''" if indented else b'"'
        offset = start + len(quote)
        stop = end - len(quote) if self.source.endswith(quote, offset, end) else end
        raws: list[bytes | None] = []
        for child in node.named_children:
            if child.type in ("interpolation", "ERROR"):
                if child.start_byte > offset:
                    raws.append(self.source[offset : child.start_byte])
                raws.append(None)
                offset = child.end_byte
        if offset < stop:
            raws.append(self.source[offset:stop])
        if indented:
            return Value(Kind.STRING, start, end, _dedented(raws), form=Form.INDENTED)
        parts = _merged(None if raw is None else _quoted(raw) for raw in raws)
        return Value(Kind.STRING, start, end, parts, form=Form.QUOTED)

    def value(self, node: "Node", depth: int = 0) -> Value:
        """What `node` says, without looking deeper than a few levels of lists and calls."""
        while node.type == "parenthesized_expression":
            inner = node.child_by_field_name("expression")
            if inner is None:
                break
            node = inner
        kind, start, end = node.type, node.start_byte, node.end_byte
        if kind in _STRINGS:
            return self.string(node)
        if kind == "variable_expression":
            name = self.written(node)
            if name in ("true", "false"):
                return Value(Kind.BOOL, start, end, name=name)
            return Value(Kind.NULL if name == "null" else Kind.REFERENCE, start, end, name=name)
        if kind == "select_expression":
            return Value(Kind.REFERENCE, start, end, name=self.dotted(node))
        if kind in ("integer_expression", "float_expression", "unary_expression"):
            return Value(Kind.NUMBER, start, end, name=self.written(node))
        if kind in _PATHS:
            return Value(Kind.PATH, start, end, name=self.written(node))
        if kind == "uri_expression":
            return Value(Kind.STRING, start, end, (self.source[start:end],), form=Form.URI)
        if kind == "binary_expression" and _operator(node) == "+":
            return self.joined(node)
        if kind in _SETS:
            return Value(Kind.SET, start, end)
        if depth < _VALUE_DEPTH:
            if kind == "list_expression":
                children = [child for child in node.named_children if child.type != "comment"]
                items = tuple(self.value(child, depth + 1) for child in children)
                return Value(Kind.LIST, start, end, items=items)
            if kind == "apply_expression":
                function, arguments = _application(node)
                items = tuple(self.value(child, depth + 1) for child in arguments)
                return Value(Kind.CALL, start, end, name=self.dotted(function), items=items)
        return Value(Kind.OTHER, start, end)

    def joined(self, node: "Node") -> Value:
        """A chain of `+`: a string when one operand is, a path when it begins with one."""
        operands = _operands(node)
        if operands and operands[0].type in _PATHS:
            return Value(Kind.PATH, node.start_byte, node.end_byte, name=self.written(node))
        parts: list[bytes | None] = []
        strings = 0
        for operand in operands:
            if operand.type in _STRINGS:
                parts.extend(self.string(operand).parts)
                strings += 1
            else:
                parts.append(None)
        if not strings:
            return Value(Kind.OTHER, node.start_byte, node.end_byte)
        return Value(Kind.STRING, node.start_byte, node.end_byte, _merged(parts), form=Form.JOINED)


def _name(value: Value) -> str | None:
    text = value.text
    return None if text is None else text.decode(errors="surrogateescape")


def _operator(node: "Node") -> str:
    operator = node.child_by_field_name("operator")
    return "" if operator is None else operator.type


def _operands(node: "Node") -> list["Node"]:
    """The operands of a chain of `+`, from left to right, parentheses around strings opened."""
    operands = []
    stack = [node]
    while stack:
        current = stack.pop()
        while current.type == "parenthesized_expression":
            inner = current.child_by_field_name("expression")
            if inner is None:
                break
            current = inner
        if current.type == "binary_expression" and _operator(current) == "+":
            left, right = current.child_by_field_name("left"), current.child_by_field_name("right")
            stack.extend(side for side in (right, left) if side is not None)
        else:
            operands.append(current)
    return operands


def _application(node: "Node") -> tuple["Node", list["Node"]]:
    """The function of `f a b c` and its arguments."""
    arguments = []
    while node.type == "apply_expression":
        function = node.child_by_field_name("function")
        argument = node.child_by_field_name("argument")
        if function is None or argument is None:
            break
        arguments.append(argument)
        node = function
    return node, arguments[::-1]


def literals(source: bytes) -> Reading | Unread:
    """Every bound value of a Nix file with the attribute path it is bound to.

    Never raises on any bytes. Below a parse error what could still be recognised is read, and the
    span stands in `errors`. Nothing is evaluated: paths go through nested and merged sets, `with`,
    `let`, conditions, lists and the wrappers of the module system, as they are written.
    """
    tree = parse(source)
    if isinstance(tree, Unread):
        return tree
    walk = _Walk(source)
    walk.run(tree.root_node)
    errors = tuple(
        Span(node.start_byte, node.end_byte, node.start_point.row + 1, node.end_point.row + 1)
        for node in (_broken(tree) if tree.root_node.has_error else ())
    )
    return Reading(source, tree, tuple(walk.attributes), errors, frozenset(walk.calls))


# --- literal secrets ----------------------------------------------------------------------------


class SecretKind(StrEnum):
    """What a literal in a secret option is."""

    PASSWORD = "password"  # noqa: S105 - a kind, not a password
    HASHED_PASSWORD = "hashed-password"  # noqa: S105 - a kind
    WEAK_HASH = "weak-password-hash"
    PRIVATE_KEY = "private-key"
    PRESHARED_KEY = "preshared-key"
    WIFI_KEY = "wifi-psk"
    TOKEN = "token"  # noqa: S105 - a kind
    API_KEY = "api-key"
    SECRET = "secret"  # noqa: S105 - a kind
    URL = "url-credentials"


class LiteralSecret(NamedTuple):
    """A secret written into a Nix file in clear. `start` and `end` span the whole expression in bytes;
    `value` is the secret part of it and appears in no `repr`. `name` is the file, variable, flag or
    `let` name inside the option when it is not the option itself."""

    kind: SecretKind
    option: str
    start: int
    end: int
    line: int
    column: int
    confidence: Confidence
    form: str
    value: bytes
    name: str = ""

    def __repr__(self) -> str:
        return (
            f"LiteralSecret({self.kind}, {self.option!r}, {self.start}, {self.end}, {self.line}, "
            f"{self.column}, {self.confidence}, {self.form}, {len(self.value)} bytes)"
        )


_MAY_HOLD = re.compile(
    rb"(?i)pass|psk|secret|token|authpw|(?:priv|private|shared|api|auth|setup|master|encrypt|encryption|account)"
    rb"[-_.]?key|basicauth|stringdata|deployment|://[^\s/@]*:[^\s/@]+@"
)


def may_hold_secrets(source: bytes) -> bool:
    """False when no name of a secret option occurs, so that parsing could find nothing."""
    return _MAY_HOLD.search(source) is not None


# The last words of an option name, and what it holds; the longest ending that fits counts.
_ENDINGS: tuple[tuple[str, SecretKind], ...] = (
    ("hashed password", SecretKind.HASHED_PASSWORD),
    ("hashed passwd", SecretKind.HASHED_PASSWORD),
    ("password hash", SecretKind.HASHED_PASSWORD),
    ("password", SecretKind.PASSWORD),
    ("passwords", SecretKind.PASSWORD),
    ("passwd", SecretKind.PASSWORD),
    ("passphrase", SecretKind.PASSWORD),
    ("passcode", SecretKind.PASSWORD),
    ("pass", SecretKind.PASSWORD),
    ("adminpass", SecretKind.PASSWORD),
    ("rootpass", SecretKind.PASSWORD),
    ("dbpass", SecretKind.PASSWORD),
    ("userpass", SecretKind.PASSWORD),
    ("requirepass", SecretKind.PASSWORD),
    ("masterauth", SecretKind.PASSWORD),
    ("private key", SecretKind.PRIVATE_KEY),
    ("privatekey", SecretKind.PRIVATE_KEY),
    ("priv key", SecretKind.PRIVATE_KEY),
    ("preshared key", SecretKind.PRESHARED_KEY),
    ("presharedkey", SecretKind.PRESHARED_KEY),
    ("pre shared key", SecretKind.PRESHARED_KEY),
    ("psk", SecretKind.PRESHARED_KEY),
    ("psk raw", SecretKind.PRESHARED_KEY),
    ("auth key", SecretKind.TOKEN),
    ("authkey", SecretKind.TOKEN),
    ("setup key", SecretKind.TOKEN),
    ("token", SecretKind.TOKEN),
    ("tokens", SecretKind.TOKEN),
    ("authtoken", SecretKind.TOKEN),
    ("accesstoken", SecretKind.TOKEN),
    ("api key", SecretKind.API_KEY),
    ("api keys", SecretKind.API_KEY),
    ("apikey", SecretKind.API_KEY),
    ("secret", SecretKind.SECRET),
    ("secret key", SecretKind.SECRET),
    ("secretkey", SecretKind.SECRET),
    ("secret access key", SecretKind.SECRET),
    ("secret key base", SecretKind.SECRET),
    ("master key", SecretKind.SECRET),
    ("encryption key", SecretKind.SECRET),
    ("account key", SecretKind.SECRET),
)


def _by_last_word() -> dict[str, list[tuple[str, SecretKind]]]:
    table: dict[str, list[tuple[str, SecretKind]]] = {}
    for ending, kind in sorted(_ENDINGS, key=lambda pair: -len(pair[0])):
        table.setdefault(ending.rpartition(" ")[2], []).append((ending, kind))
    return table


_BY_LAST = _by_last_word()
_FILE_WORDS = frozenset(("file", "files", "path", "txt", "conf", "env", "key", "json", "text", "raw"))
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


def _words(name: str) -> list[str]:
    return [word.lower() for word in _WORDS.findall(name)]


def _kind_of(words: list[str]) -> SecretKind | None:
    """What an option with these words in its name holds."""
    if not words:
        return None
    candidates = _BY_LAST.get(words[-1])
    if candidates is None:
        return None
    joined = " " + " ".join(words)
    for ending, kind in candidates:
        if joined.endswith(" " + ending):
            before = joined[: -len(ending)].split()
            if before and before[-1] in ("public", "pub", "no", "without", "publishable", "max", "next"):
                return None
            return kind
    return None


def _kind_of_file(name: str) -> SecretKind | None:
    """What a file of this name holds: `passwordFile`, `restic-password.txt`, `wg.private_key`."""
    words = _words(name)
    kind = _kind_of(words)
    while kind is None and len(words) > 1 and words[-1] in _FILE_WORDS:
        words.pop()
        kind = _kind_of(words)
    return kind


# Sets of these names set options of the system (NixOS, nix-darwin, home-manager) or of a service.
# fmt: off
_NAMESPACES = frozenset((
    "services", "users", "networking", "systemd", "virtualisation", "boot", "security", "environment",
    "home-manager", "containers", "sessionVariables", "environmentVariables", "stringData",
    "wireguardConfig", "accounts", "deployment", "serviceConfig", "terranix", "resource", "provider"
))
# fmt: on
# fmt: off
_OWN_NAMES = frozenset((
    "initialPassword", "initialHashedPassword", "hashedPassword", "adminpass", "initialRootPassword",
    "pskRaw", "presharedKey", "privateKey", "adminPassword", "rootPassword"
))
# fmt: on
# Below these, a name says what a key, a text or a colour is for, not that its value is secret.
# fmt: off
_OTHER_SUBTREES = frozenset((
    "shellAliases", "aliases", "shellAbbrs", "abbreviations", "keybindings", "keybinds", "bindings",
    "binds", "keymaps", "mappings", "descriptions", "labels", "icons", "colors", "secretKeyRef",
    "configMapKeyRef", "secretRef", "locale", "translations", "alias", "meta", "passthru"
))
# fmt: on
_PROSE = frozenset(
    ("description", "longDescription", "example", "help", "comment", "message", "title", "homepage", "doc")
)

_REFERENCE = re.compile(
    rb"""\$\{?\w+(?:[:?-][^}]*)?\}?(?:/[^\s]*)? | \$\{[^}]*\} | \$\(.*\) | `.*` | \$__\w+\{.*\}
    | %\w+% | %\{\w+\} | %[a-zA-Z](?:/.*)? | @[\w.-]+@ | @/.* | ext:.* | ENC\[.*\]
    | \{\{.*\}\} | \{[$%]?[\w.:/ -]+\} | <[^<>]+> | \[[^\[\]]+\]
    | !(?:secret|env|env_var|include|file|vault|reference)\b.*
    | (?:env|file|vault|op|bw|keyring|sops|secrets?|credential|ref\+\w+|arn|gopass|doppler|k8s|fd):(?://)?[^\s]*
    | ssh-(?:rsa|ed25519|dss)\ .* | age1[0-9a-z]{20,} | [a-z][a-z0-9+.-]*://[^@\s]*""",
    re.VERBOSE | re.DOTALL,
)
_FILE_PATH = re.compile(
    rb"(?:~|\.|\.\.)/\S*"
    rb"|/(?:run|var|etc|nix|root|home|persist|persistent|secrets|dev|mnt|tmp|srv|opt|usr|boot|sys"
    rb"|proc|data|keys|state|config|bin|credentials)(?:/\S*)?"
    rb"|[\w.-]+(?:/[\w.-]+)*\.(?:age|ya?ml|json|txt|key|pem|env|gpg|asc|conf|nix|sops|crt|toml|ini)"
)
_PLACEHOLDER = re.compile(
    rb"""[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+ | x{3,} | X{3,} | \*+ | \.{2,} | -+ | _+ | \?+
    | (?:\xe2\x80\xa6)+ | (?:\xe2\x80\xa2)+
    | (?:CHANGE|REPLACE|SET|FILL)[- ]?(?:ME|THIS|IT|IN)(?:[- !].*)? | (?:TODO|FIXME)\b.*
    | PLACEHOLDER | DUMMY | REDACTED | SECRET | PASSWORD | TOKEN | KEY | EXAMPLE | UNSET | NONE | NULL
    | TBD | HIDDEN
    | (?i:(?:your|my|insert|enter|put|add|replace)[-_ ].*(?:here|password|passphrase|token|key|secret|hash))
    | (?i:.*[-_ ]here) | (?i:<.*)
    | (?i:.*(?:placeholder|redacted|replace[-_ ]?(?:me|this|with)|change[-_ ]this|not[-_ ]a[-_ ]real).*)""",
    re.VERBOSE | re.DOTALL,
)
_CHOICES = frozenset(
    (
        b"none null false true yes no on off required optional prompt ask auto default disabled enabled"
        b" never always external internal plain plaintext md5 sha1 sha256 sha512 bcrypt argon2 argon2id"
        b" scrypt peer trust login keyring keychain file env basic bearer header cookie session jwt oauth"
        b" oauth2 string str text hidden dummy unused empty unset n/a na -"
    ).split()
)
# crypt(5) of libxcrypt 4.4, and argon2 and the like as services store them.
_STRONG_HASH = re.compile(
    rb"\$(?:y|gy|7)\$[./A-Za-z0-9$]+|\$2[abxy]\$\d\d\$[./A-Za-z0-9]{53}|\$[56]\$(?:rounds=\d+\$)?[^$\s:]{0,16}\$[./A-Za-z0-9]{43,86}"
    rb"|\$argon2(?:id|i|d)\$\S+|\$s(?:crypt|0)\$\S+|\$pbkdf2-sha(?:256|512)\$\S+|SCRAM-SHA-256\$\S+|pbkdf2:sha\d+:\S+"
)
_WEAK_HASH = re.compile(
    rb"\$(?:1|apr1|md5|3|sha1)[$,]\S+|\{(?:SHA|SSHA|MD5|SMD5|CRYPT)\}\S+|\{[0-9a-f]{40}\S{8}|_[./A-Za-z0-9]{19}"
    rb"|[0-9a-f]{32}|[0-9a-f]{40}|md5[0-9a-f]{32}"
)
_SLOW_ROUNDS = re.compile(rb"\$[56]\$rounds=(\d+)\$")
_KEY_MATERIAL = re.compile(
    rb"[A-Za-z0-9+/]{42}[A-Za-z0-9+/=]{1,2}|AGE-(?:SECRET-KEY|PLUGIN)-.*|[0-9a-fA-F]{64}", re.DOTALL
)
_URL_PASSWORD = re.compile(rb"[a-zA-Z][a-zA-Z0-9+.-]*://([^\s/@:\"'\x00]*):([^\s/@\"']+)@")
_ASSIGNMENT = re.compile(rb"(?m)^[ \t]*(?:export[ \t]+)?\"?([A-Za-z][A-Za-z0-9_]*)=[ \t]*(.+?)[ \t]*$")
_FLAG = re.compile(rb"(?<![\w-])--?([A-Za-z][\w-]*)(?:=|[ \t]+)(\"[^\"\n]*\"|'[^'\n]*'|[^\s\"']+)")
# fmt: off
_FLAG_OPTIONS = frozenset((
    "ExecStart", "ExecStartPre", "ExecStartPost", "extraFlags", "extraArgs", "extraOptions", "flags",
    "args", "cmd", "command", "arguments", "extraUpFlags", "extraArguments", "script", "preStart",
    "postStart", "entrypoint"
))
# fmt: on
_TEXTS = frozenset(("text", "content", "contents"))
_TEST_CALLS = frozenset(("nixosTest", "runNixOSTest", "makeTest", "runTest", "make-test-python", "testers"))


def is_reference_or_placeholder(text: bytes) -> bool:
    """Whether `text` only points at a secret (`$VAR`, `@NAME@`, `/run/secrets/x`, `!secret x`) or stands
    in for one (`<password>`, `CHANGEME`, `HOST_PRIVATE_KEY`)."""
    text = text.strip()
    if not text:
        return True
    return bool(_REFERENCE.fullmatch(text) or _FILE_PATH.fullmatch(text) or _PLACEHOLDER.fullmatch(text))


def hash_strength(text: bytes) -> bool | None:
    """True for a strong crypt hash, False for a weak one, None when `text` is no password hash."""
    text = text.strip()
    if _STRONG_HASH.fullmatch(text):
        rounds = _SLOW_ROUNDS.match(text)
        return rounds is None or int(rounds[1][:9]) >= 5000
    return False if _WEAK_HASH.fullmatch(text) else None


def secrets(reading: Reading, path: str = "") -> Iterator[LiteralSecret]:
    """The literals of `reading` that stand where a secret belongs, in the order of the text.

    `path` is the file's path in the repository; in test files (`tests/`, `nixosTest`, a `testScript`)
    confidence is only `POSSIBLE`. One literal is yielded once. Never holds for references, files,
    placeholders, option declarations, and names under `sops.secrets` or `age.secrets`.
    """
    judge = _Judge(reading, path)
    found: dict[tuple[int, int], LiteralSecret] = {}
    for attribute in reading.attributes:
        for secret in judge.attribute(attribute):
            place = (secret.start, secret.end)
            known = found.get(place)
            if known is None or _RANK[secret.confidence] > _RANK[known.confidence]:
                found[place] = secret
    yield from sorted(found.values(), key=lambda secret: (secret.start, secret.end))


_RANK = {Confidence.POSSIBLE: 0, Confidence.LIKELY: 1, Confidence.PROVED: 2}


class _Judge:
    def __init__(self, reading: Reading, path: str) -> None:
        self.reading = reading
        folders = path.lower().split("/")
        self.test = bool(
            _TEST_CALLS & reading.calls
            or {"test", "tests", "checks", "nixos-tests", "fixtures", "examples"} & set(folders[:-1])
            or re.search(r"(?:^|[-_.])tests?\.nix$", folders[-1])
            or any(a.path and a.path[-1] == "testScript" for a in reading.attributes)
        )
        self.bound: dict[str, Attribute | None] = {}
        for attribute in reading.attributes:
            if attribute.role is not Role.SET and len(attribute.path) == 1 and attribute.path[0]:
                # Two bindings of one name: which one is meant would need scopes; neither is followed.
                name = attribute.path[0]
                self.bound[name] = None if name in self.bound else attribute

    def attribute(self, attribute: Attribute) -> Iterator[LiteralSecret]:
        path, value = attribute.path, attribute.value
        names = [component or "" for component in path]
        if not names or _is_elsewhere(names):
            return
        last = names[-1]
        kind = _kind_of(_words(last))
        if attribute.declared:
            return
        if value.kind is Kind.CALL:
            yield from self.written(attribute, last, value)
            return
        if value.kind is Kind.REFERENCE and kind is not None:
            target = self.bound.get(value.name)
            if target is not None and target.value.kind is Kind.STRING:
                yield from self.string(attribute, kind, target.value, target, name=value.name)
            return
        if value.kind is Kind.NUMBER and kind is SecretKind.PASSWORD and re.fullmatch(r"\d{4,}", value.name):
            yield self.secret(attribute, kind, value.name.encode(), Confidence.POSSIBLE, value)
            return
        if value.kind is Kind.LIST:
            for item in value.items:
                if item.kind is not Kind.STRING:
                    continue
                if kind is not None:
                    yield from self.string(attribute, kind, item, None)
                else:
                    yield from self.inside(attribute, last, item)
            return
        if value.kind is not Kind.STRING:
            return
        if kind is None:
            kind = _kind_by_place(names)
        if kind is not None:
            yield from self.string(attribute, kind, value, None)
        else:
            yield from self.inside(attribute, last, value)

    def string(
        self, attribute: Attribute, kind: SecretKind, value: Value, target: Attribute | None, name: str = ""
    ) -> Iterator[LiteralSecret]:
        """A string in an option that holds a `kind`."""
        names = [component or "" for component in attribute.path]
        text = value.text
        if text is None:
            yield from self.inside(attribute, names[-1], value)
            if _mostly_literal(value):
                yield self.secret(attribute, kind, value.literal, Confidence.POSSIBLE, value, target, name)
            return
        if b"://" in text:
            yield from self.inside(attribute, names[-1], value)
        if is_reference_or_placeholder(text):
            return
        verdict = _verdict(names, kind, text.strip(), attribute.role)
        if verdict is not None:
            yield self.secret(attribute, verdict[0], text, verdict[1], value, target, name)

    def inside(self, attribute: Attribute, last: str, value: Value) -> Iterator[LiteralSecret]:
        """Secrets in the text of an option that is none itself: URLs, variables, flags."""
        if last in _PROSE:
            return
        text = b"\x00".join(part for part in _with_marks(value.parts))
        if b"://" in text:
            for match in _URL_PASSWORD.finditer(text):
                user, password = match[1], match[2]
                if b"\x00" in password or is_reference_or_placeholder(password):
                    continue
                plain = password.lower() in (b"password", b"pass", b"pw", b"pwd", b"secret", user.lower())
                confidence = Confidence.POSSIBLE if plain else Confidence.LIKELY
                yield self.secret(attribute, SecretKind.URL, password, confidence, value)
        if b"=" in text:
            for match in _ASSIGNMENT.finditer(text):
                yield from self.named(attribute, match[1], match[2], value)
        if last in _FLAG_OPTIONS and b"-" in text:
            for match in _FLAG.finditer(text):
                if match[1].isupper() or len(match[1]) > 3:
                    yield from self.named(attribute, match[1], match[2], value)

    def named(self, attribute: Attribute, name: bytes, text: bytes, value: Value) -> Iterator[LiteralSecret]:
        kind = _kind_of(_words(name.decode()))
        text = text.strip().rstrip(b";\\ ").strip(b"\"'")
        if kind is None or b"\x00" in text or is_reference_or_placeholder(text):
            return
        if b"$" in text and hash_strength(text) is None:  # a shell would expand it
            return
        verdict = _verdict(["environment", name.decode()], kind, text, Role.SET)
        if verdict is not None and text.lower() != name.lower():
            yield self.secret(attribute, verdict[0], text, verdict[1], value, None, name.decode())

    def written(self, attribute: Attribute, last: str, call: Value) -> Iterator[LiteralSecret]:
        """A file written to the store, which every user of the machine can read."""
        if call.name.rpartition(".")[2] not in _WRITERS or not call.items:
            return
        content = call.items[-1]
        if content.kind is Kind.REFERENCE:
            target = self.bound.get(content.name)
            content = target.value if target is not None else content
        if content.kind is not Kind.STRING:
            return
        stored = call.items[0].literal.decode(errors="replace") if len(call.items) > 1 else ""
        kind = _kind_of_file(last) or _kind_of_file(stored)
        text = content.text
        if kind is not None and text is not None and b"\n" not in text.strip():
            harmless = is_reference_or_placeholder(text)
            verdict = None if harmless else _verdict(["environment", last], kind, text.strip(), Role.SET)
            if verdict is not None:
                yield self.secret(attribute, verdict[0], text, verdict[1], call, None, stored)
                return
        yield from self.inside(attribute, "", content)

    def secret(
        self,
        attribute: Attribute,
        kind: SecretKind,
        text: bytes,
        confidence: Confidence,
        value: Value,
        target: Attribute | None = None,
        name: str = "",
    ) -> LiteralSecret:
        if self.test or "vmVariant" in attribute.path:
            confidence = Confidence.POSSIBLE
        if value.start == attribute.start:
            line, column = attribute.line, attribute.column
        elif target is not None:
            line, column = target.line, target.column
        else:
            line, column = self.reading.position(value.start)
        form = value.form or value.kind
        return LiteralSecret(
            kind, attribute.option, value.start, value.end, line, column, confidence, str(form), text, name
        )


def _with_marks(parts: tuple[bytes | None, ...]) -> Iterator[bytes]:
    """Parts to be joined by NUL so that a hole shows as NULs."""
    for part in parts:
        yield b"" if part is None else part


def _is_elsewhere(names: list[str]) -> bool:
    for place, name in enumerate(names[:-1]):
        if name in ("sops", "age", "agenix", "vaultix") and names[place + 1] in ("secrets", "templates"):
            return True
    return not _OTHER_SUBTREES.isdisjoint(names[:-1])


def _kind_by_place(names: list[str]) -> SecretKind | None:
    """Options whose secret shows in the path and not in the last name."""
    last = names[-1]
    if len(names) < 2:
        return None
    if last in _TEXTS or last == "default":
        # environment.etc."restic-password".text, deployment.keys.db.text
        if len(names) > 2 and names[-3] == "keys" and "deployment" in names:
            return SecretKind.SECRET
        if last != "default" and ("etc" in names or "file" in names or "xdg" in names or "files" in names):
            return _kind_of_file(names[-2].rpartition("/")[2])
        return None
    if names[-2] == "stringData":
        return SecretKind.SECRET
    if names[-2] == "basicAuth" and "virtualHosts" in names:
        return SecretKind.PASSWORD
    if last in ("psk", "pskRaw"):
        return SecretKind.WIFI_KEY
    return None


def _verdict(
    names: list[str], kind: SecretKind, text: bytes, role: Role
) -> tuple[SecretKind, Confidence] | None:
    """Kind and confidence for a whole literal that is neither reference nor placeholder."""
    last = names[-1]
    user_option = kind in (SecretKind.PASSWORD, SecretKind.HASHED_PASSWORD) and (
        last in _OWN_NAMES or (len(names) > 2 and names[-3] in ("users", "extraUsers"))
    )
    if kind is SecretKind.HASHED_PASSWORD and (text[:1] in b"!*" or text == b"x"):
        return None
    if kind not in (SecretKind.PRIVATE_KEY, SecretKind.PRESHARED_KEY, SecretKind.WIFI_KEY):
        strong = hash_strength(text)
        looks_hashed = kind is SecretKind.HASHED_PASSWORD or not re.fullmatch(rb"[0-9a-f_./A-Za-z]+", text)
        if strong is True:
            return SecretKind.HASHED_PASSWORD, Confidence.POSSIBLE
        if strong is False and looks_hashed:
            return SecretKind.WEAK_HASH, Confidence.PROVED if user_option else Confidence.LIKELY
    if kind is SecretKind.HASHED_PASSWORD:
        if user_option and not re.match(rb"\$\w+\$|\{", text):
            return SecretKind.PASSWORD, Confidence.PROVED
        return SecretKind.HASHED_PASSWORD, Confidence.POSSIBLE
    if kind is SecretKind.PRESHARED_KEY and _words(last)[-1] in ("psk", "raw"):
        kind = SecretKind.WIFI_KEY
        return kind, Confidence.LIKELY if len(text) >= 8 else Confidence.POSSIBLE
    if kind in (SecretKind.PRIVATE_KEY, SecretKind.PRESHARED_KEY):
        if _KEY_MATERIAL.fullmatch(text) or b"PRIVATE KEY-----" in text:
            return kind, Confidence.LIKELY
        return (kind, Confidence.POSSIBLE) if len(text) >= 16 and b" " not in text else None
    if user_option:
        return kind, Confidence.PROVED
    if text.lower() in _CHOICES:
        return None
    known = not _NAMESPACES.isdisjoint(names[:-1]) or _is_variable(last)
    if text.decode(errors="replace").lower() in (last.lower(), _words(last)[-1]) and not known:
        return kind, Confidence.POSSIBLE
    if kind is SecretKind.PASSWORD:
        weak_name = _words(last)[-1] == "pass" and len(_words(last)) == 1
        return kind, Confidence.POSSIBLE if weak_name and not known else Confidence.LIKELY
    if b" " in text or b"\n" in text:
        return None if kind is not SecretKind.SECRET or role is not Role.SET else (kind, Confidence.POSSIBLE)
    if _is_plain_name(text) and not _is_variable(last) and "deployment" not in names:
        # `secret = "grafana-admin"` names one
        return kind, Confidence.POSSIBLE
    return kind, Confidence.LIKELY


def _is_variable(name: str) -> bool:
    return "_" in name and name.isupper()


def _is_plain_name(text: bytes) -> bool:
    """Words of letters with dashes, dots or slashes: a name rather than a value."""
    return re.fullmatch(rb"[A-Za-z]{1,14}(?:[-_./][A-Za-z]{1,14})*\d{0,2}", text) is not None


def _mostly_literal(value: Value) -> bool:
    """A string with holes whose literal part is itself long and mixed enough to be a secret."""
    longest = max((part for part in value.parts if part), key=len, default=b"")
    if len(longest) < 8 or b"/" in longest or b" " in longest or b"\n" in longest or b"://" in longest:
        return False
    return bool(re.search(rb"\d", longest) and re.search(rb"[A-Za-z]", longest))
