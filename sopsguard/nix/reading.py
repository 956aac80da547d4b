"""Every literal value of a Nix file with the attribute path it is bound to; nothing is evaluated."""

import re
from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

from sopsguard.nix.strings import dedented, merged, quoted
from sopsguard.nix.syntax import (
    PATHS,
    SETS,
    STRINGS,
    application,
    comments,
    errors,
    operands,
    operator_of,
    parse,
)
from sopsguard.nix.values import MAX_PATH, Attribute, Comment, Form, Kind, Path, Role, Span, Unread, Value

if TYPE_CHECKING:
    from tree_sitter import Node, Tree

    from sopsguard.nix.scope import Scope

_VALUE_DEPTH = 6

# Functions that hand one argument on: name to the number of arguments; the last one is the value.
WRAPPERS = {
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
STORE_WRITERS = frozenset((
    "toFile", "writeText", "writeTextDir", "writeScript", "writeScriptBin", "writeShellScript",
    "writeShellScriptBin", "writeBash", "writeBashBin", "writeDash", "writeDashBin", "writeFish",
    "writeTextFile", "writePython3", "writePython3Bin", "writePerl", "writeJSON", "writeYAML", "writeTOML"
))
# fmt: on
_DECLARATIONS = frozenset(("mkOption", "literalExpression", "literalExample", "mdDoc", "literalMD"))
# Expressions whose value is that of one field; the other fields are only searched.
_BODIES = {
    "with_expression": "body",
    "assert_expression": "body",
    "parenthesized_expression": "expression",
    "source_code": "expression",
    "interpolation": "expression",
}


class Task(NamedTuple):
    """An expression still to be visited. `leaf` says that it is the value of `path`, not only something
    inside it; `scope` and `conditional` belong to walks that resolve names."""

    node: "Node"
    path: Path
    leaf: bool
    role: Role = Role.SET
    declared: bool = False
    scope: "Scope | None" = None
    conditional: bool = False


class Walk:
    """One pass over a tree with a stack of its own; calls `emit` for every bound value."""

    def __init__(self, source: bytes) -> None:
        self.source = source
        self.ascii = source.isascii()
        self.attributes: list[Attribute] = []
        self.calls: set[str] = set()
        self.stack: list[Task] = []

    def run(self, root: "Node") -> None:
        self.stack.append(Task(root, (), leaf=False))
        while self.stack:
            self.visit(self.stack.pop())
        self.attributes.sort(key=lambda attribute: attribute.start)

    def opened(self, task: Task) -> "Scope | None":
        """The scope inside a `let`, `rec`, `with` or function, for walks that need one."""
        return task.scope

    def visit(self, task: Task) -> None:
        node, leaf = task.node, task.leaf
        kind = node.type
        if kind in SETS:
            scope = task.scope if kind == "attrset_expression" else self.opened(task)
            bound = False
            for child in node.named_children:
                if child.type == "binding_set":
                    self.bindings(child, Task(node, task.path, False, Role.SET, task.declared, scope))
                    bound = True
                elif child.is_error:
                    self.search(child, task)
            if leaf and not bound:
                self.emit(task, Value(Kind.SET, node.start_byte, node.end_byte))
        elif kind in STRINGS:
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
            scope = self.opened(task) if kind == "with_expression" else task.scope
            for child in node.named_children:
                inner = child == value
                self.push(child, task, leaf=leaf and inner, scope=scope if inner else task.scope)
        elif kind == "let_expression":
            scope = self.opened(task)
            body_node = node.child_by_field_name("body")
            for child in node.named_children:
                if child.type == "binding_set":
                    self.bindings(child, Task(node, (), False, Role.LET, task.declared, scope))
                else:
                    self.push(child, task, leaf=leaf and child == body_node, scope=scope)
        elif kind == "if_expression":
            condition = node.child_by_field_name("condition")
            for child in node.named_children:
                self.push(child, task, leaf=leaf and child != condition)
        elif kind == "function_expression":
            scope = self.opened(task)
            for child in node.named_children:
                if child.type == "formals":
                    self.formals(child, task, scope)
                elif child.type != "identifier":
                    self.push(child, task, leaf=leaf, scope=scope)
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
            self.bindings(node, task)
        elif kind == "binding":
            self.binding(node, task)
        elif kind not in ("comment", "identifier", "attrpath", "inherit"):
            if leaf:
                self.emit(task, self.value(node))
            if node.named_child_count:
                self.search(node, task)

    def push(self, node: "Node", task: Task, *, leaf: bool, scope: "Scope | None" = None) -> None:
        scope = scope or task.scope
        self.stack.append(Task(node, task.path, leaf, task.role, task.declared, scope))

    def search(self, node: "Node", task: Task) -> None:
        """Look for bindings and calls below `node`, which is not itself a value."""
        for child in node.named_children:
            self.push(child, task, leaf=False)

    def bindings(self, node: "Node", task: Task) -> None:
        """The bindings of a set or `let`; path, role and scope are those of `task`."""
        for child in node.named_children:
            kind = child.type
            if kind == "binding":
                self.binding(child, task)
            elif kind != "comment":
                self.push(child, task, leaf=False)

    def binding(self, node: "Node", task: Task) -> None:
        target = node.child_by_field_name("attrpath")
        value = node.child_by_field_name("expression")
        if target is None or value is None:
            return
        names = self.attrpath(target, task.scope)
        full = (task.path + names)[-MAX_PATH:]
        declared = task.declared or (not task.path and names[:1] == ("options",))
        self.stack.append(Task(value, full, True, task.role, declared, task.scope))
        for child in target.named_children:
            if child.type != "identifier":
                self.push(child, task, leaf=False)

    def attrpath(self, node: "Node", scope: "Scope | None" = None) -> Path:  # noqa: ARG002 - for walks with scopes
        names: list[str | None] = []
        for child in node.named_children:
            kind = child.type
            if kind == "identifier":
                names.append(self.written(child))
            elif kind == "string_expression":
                names.append(_name(self.string(child)))
            elif kind == "interpolation":
                inner = child.child_by_field_name("expression")
                if inner is not None and inner.type in STRINGS:  # ${"name"} is a name
                    names.append(_name(self.string(inner)))
                else:
                    names.append(None)
        return tuple(names)

    def formals(self, node: "Node", task: Task, scope: "Scope | None") -> None:
        for formal in node.named_children:
            if formal.type != "formal":
                continue
            name = formal.child_by_field_name("name")
            default = formal.child_by_field_name("default")
            if name is not None and default is not None:
                path = (self.written(name),)
                self.stack.append(Task(default, path, True, Role.ARGUMENT, task.declared, scope))

    def apply(self, task: Task) -> None:
        node = task.node
        function, arguments = application(node)
        name = self.dotted(function)
        short = name.rpartition(".")[2]
        if short:
            self.calls.add(short)
        else:
            self.push(function, task, leaf=False)
        declared = task.declared or short in _DECLARATIONS
        wraps = WRAPPERS.get(short) == len(arguments)
        if (task.leaf and not wraps) or short in STORE_WRITERS:
            self.emit(task, self.value(node))
        for argument in arguments:
            leaf = task.leaf and wraps and argument is arguments[-1]
            if leaf and argument.type == "list_expression" and short in ("mkMerge", "optionals"):
                for element in argument.named_children:
                    self.stack.append(Task(element, task.path, True, task.role, declared, task.scope))
            else:
                self.stack.append(Task(argument, task.path, leaf, task.role, declared, task.scope))

    def binary(self, task: Task) -> None:
        node = task.node
        operator = operator_of(node)
        if operator == "+":
            if task.leaf:
                self.emit(task, self.value(node))
            for operand in operands(node):
                self.push(operand, task, leaf=False)
            return
        # `a // b` and `a ++ b`: both sides belong to the attribute.
        leaf = task.leaf and operator in ("//", "++")
        if task.leaf and not leaf:
            self.emit(task, Value(Kind.OTHER, node.start_byte, node.end_byte))
        for child in node.named_children:
            self.push(child, task, leaf=leaf)

    def emit(self, task: Task, value: Value) -> None:
        point = task.node.start_point
        column = self.column(value.start, point.column)
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

    def column(self, offset: int, column: int) -> int:
        """The column in characters of an offset whose column in bytes is `column`, both from 0."""
        return column if self.ascii else characters(self.source, offset - column, offset)

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
            return Value(Kind.STRING, start, end, dedented(raws), form=Form.INDENTED)
        parts = merged(None if raw is None else quoted(raw) for raw in raws)
        return Value(Kind.STRING, start, end, parts, form=Form.QUOTED)

    def value(self, node: "Node", depth: int = 0) -> Value:
        """What `node` says, without looking deeper than a few levels of lists and calls."""
        while node.type == "parenthesized_expression":
            inner = node.child_by_field_name("expression")
            if inner is None:
                break
            node = inner
        kind, start, end = node.type, node.start_byte, node.end_byte
        if kind in STRINGS:
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
        if kind in PATHS:
            return Value(Kind.PATH, start, end, name=self.written(node))
        if kind == "uri_expression":
            return Value(Kind.STRING, start, end, (self.source[start:end],), form=Form.URI)
        if kind == "binary_expression" and operator_of(node) == "+":
            return self.joined(node)
        if kind in SETS:
            return Value(Kind.SET, start, end)
        if depth < _VALUE_DEPTH:
            if kind == "list_expression":
                children = [child for child in node.named_children if child.type != "comment"]
                items = tuple(self.value(child, depth + 1) for child in children)
                return Value(Kind.LIST, start, end, items=items)
            if kind == "apply_expression":
                function, arguments = application(node)
                items = tuple(self.value(child, depth + 1) for child in arguments)
                return Value(Kind.CALL, start, end, name=self.dotted(function), items=items)
        return Value(Kind.OTHER, start, end)

    def joined(self, node: "Node") -> Value:
        """A chain of `+`: a string when one operand is, a path when it begins with one."""
        chain = operands(node)
        if chain and chain[0].type in PATHS:
            return Value(Kind.PATH, node.start_byte, node.end_byte, name=self.written(node))
        parts: list[bytes | None] = []
        strings = 0
        for operand in chain:
            if operand.type in STRINGS:
                parts.extend(self.string(operand).parts)
                strings += 1
            else:
                parts.append(None)
        if not strings:
            return Value(Kind.OTHER, node.start_byte, node.end_byte)
        return Value(Kind.STRING, node.start_byte, node.end_byte, merged(parts), form=Form.JOINED)


def _name(value: Value) -> str | None:
    text = value.text
    return None if text is None else text.decode(errors="surrogateescape")


class Reading:
    """A parsed file: its attributes in the order of the text, the spans that could not be read, and
    (walked only when asked for) its comments."""

    __slots__ = ("_comments", "_lines", "_tree", "attributes", "calls", "errors", "source")

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
        self._lines: list[int] | None = None

    def __repr__(self) -> str:
        return f"Reading({len(self.attributes)} attributes, {len(self.errors)} errors)"

    @property
    def comments(self) -> tuple[Comment, ...]:
        """Every comment of the file, in order."""
        if self._comments is None:
            self._comments = tuple(comments(self._tree, self.source))
        return self._comments

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column (in characters) of a byte offset, both from 1."""
        if self._lines is None:
            self._lines = [0, *(match.end() for match in re.finditer(rb"\n", self.source))]
        line = bisect_right(self._lines, offset)
        return line, characters(self.source, self._lines[line - 1], offset) + 1


def characters(source: bytes, start: int, end: int) -> int:
    """How many characters stand between two offsets; bytes where a line is so long that nobody counts."""
    if end - start > 2000:
        return end - start
    return len(source[start:end].decode(errors="replace"))


def literals(source: bytes) -> Reading | Unread:
    """Every bound value of a Nix file with the attribute path it is bound to.

    Never raises on any bytes. Below a parse error what could still be recognised is read, and the
    span stands in `errors`. Nothing is evaluated: paths go through nested and merged sets, `with`,
    `let`, conditions, lists and the wrappers of the module system, as they are written.
    """
    tree = parse(source)
    if isinstance(tree, Unread):
        return tree
    walk = Walk(source)
    walk.run(tree.root_node)
    return Reading(source, tree, tuple(walk.attributes), errors(tree), frozenset(walk.calls))
