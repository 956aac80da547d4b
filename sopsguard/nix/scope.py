"""Names of a Nix file followed to what they stand for, as far as that can be read without evaluating.

`let`, `rec`, `inherit`, `with` and function arguments are followed; the rest stays a hole with a name.
Every walk is bounded in depth and in steps, so that no file can make it run away.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from sopsguard.nix.strings import dedented, quoted
from sopsguard.nix.syntax import PATHS, STRINGS, application, operands, operator_of

if TYPE_CHECKING:
    from tree_sitter import Node

_DEPTH = 24
_STEPS = 50_000
_LENGTH = 4096
_SELECTED = 64
# Names of the global scope; `with` does not shadow them (Nix manual, "With-expressions").
# fmt: off
_GLOBALS = frozenset((
    "true", "false", "null", "builtins", "import", "map", "toString", "throw", "abort", "removeAttrs",
    "baseNameOf", "dirOf", "isNull", "derivation", "placeholder", "fetchTarball", "fetchGit", "fromTOML",
))
# fmt: on
_ROOTS = frozenset((("self",), ("inputs", "self"), ("self", "outPath"), ("inputs", "self", "outPath")))


class Base(StrEnum):
    """What a text is relative to: nothing, the file's folder, the top of the repository, the machine."""

    STRING = "string"
    FILE = "file"
    ROOT = "root"
    OUTSIDE = "outside"


class Hole(NamedTuple):
    """An interpolated value that is not known here; `symbol` says which: `config.networking.hostName`."""

    symbol: str


@dataclass(frozen=True, slots=True)
class Text:
    """A string or path as far as it is literal."""

    parts: tuple[str | Hole, ...]
    base: Base = Base.STRING

    @property
    def static(self) -> str | None:
        """The whole text, or None while a part of it is unknown."""
        return None if any(isinstance(part, Hole) for part in self.parts) else "".join(map(str, self.parts))

    @property
    def pattern(self) -> str:
        """The text with `${symbol}` where a part is unknown."""
        return "".join(f"${{{p.symbol}}}" if isinstance(p, Hole) else p for p in self.parts)

    def filled(self, values: Mapping[str, str]) -> "Text":
        """The text with the holes whose symbol `values` knows closed."""
        parts = tuple(
            values.get(part.symbol, part) if isinstance(part, Hole) else part for part in self.parts
        )
        return Text(parts, self.base)


UNKNOWN = Text((Hole("…"),))


class Dynamic(str):
    """A component of an attribute path that is not wholly literal; reads as its pattern."""

    __slots__ = ("text",)
    text: Text

    def __new__(cls, text: Text) -> "Dynamic":
        new = super().__new__(cls, text.pattern)
        new.text = text
        return new


def text_of(component: str | None) -> Text:
    """A path component as text."""
    if isinstance(component, Dynamic):
        return component.text
    return UNKNOWN if component is None else Text((component,))


class Bound(NamedTuple):
    """What a name stands for: an expression in its scope (or a `member` of it), a known string, or, with
    nothing set, an argument that the caller chooses."""

    node: "Node | None" = None
    scope: "Scope | None" = None
    member: str = ""
    constant: str | None = None


class Scope:
    """Names visible at a place: one `let`, set, function or `with`, and the scopes around it."""

    __slots__ = ("names", "parent", "subject", "subject_scope")

    def __init__(
        self,
        parent: "Scope | None",
        names: dict[str, Bound] | None = None,
        subject: "Node | None" = None,
        subject_scope: "Scope | None" = None,
    ) -> None:
        self.parent = parent
        self.names = names or {}
        self.subject = subject
        self.subject_scope = subject_scope

    def around(self) -> Iterator["Scope"]:
        scope: Scope | None = self
        for _ in range(1000):
            if scope is None:
                return
            yield scope
            scope = scope.parent


class Resolver:
    """Follows names in one source."""

    def __init__(self, source: bytes) -> None:
        self.source = source
        self.steps = 0

    @property
    def exhausted(self) -> bool:
        """Whether names were left unresolved because there were too many."""
        return self.steps > _STEPS

    def written(self, node: "Node") -> str:
        return self.source[node.start_byte : node.end_byte].decode(errors="surrogateescape")

    def _stop(self, depth: int) -> bool:
        self.steps += 1
        return depth > _DEPTH or self.steps > _STEPS

    # scopes

    def inside(self, node: "Node", outer: Scope | None) -> Scope:
        """The scope that `node` (a `let`, recursive set, function or `with`) opens."""
        kind = node.type
        if kind == "with_expression":
            return Scope(outer, None, node.child_by_field_name("environment"), outer)
        scope = Scope(outer)
        if kind == "function_expression":
            for name in self.parameters(node):
                scope.names[name] = Bound()
            return scope
        for child in node.named_children:
            if child.type == "binding_set":
                for binding in child.named_children:
                    self._bind(binding, scope)
        return scope

    def _bind(self, binding: "Node", scope: Scope) -> None:
        if binding.type == "binding":
            path = binding.child_by_field_name("attrpath")
            names = [] if path is None else path.named_children
            if not names or names[0].type != "identifier":
                return
            first = self.written(names[0])
            if len(names) == 1:
                scope.names[first] = Bound(binding.child_by_field_name("expression"), scope)
            else:
                scope.names.setdefault(first, Bound())
        elif binding.type == "inherit_from":
            source = binding.child_by_field_name("expression")
            for name in self.inherited(binding):
                scope.names[name] = Bound(source, scope, name)

    def inherited(self, node: "Node") -> list[str]:
        """The names of an `inherit`."""
        attrs = node.child_by_field_name("attrs")
        if attrs is None:
            return []
        texts = (self.component(child, None) for child in attrs.named_children if child.type != "comment")
        return [text for text in texts if not isinstance(text, Dynamic)]

    def parameters(self, function: "Node") -> list[str]:
        """The names that a function binds."""
        names = []
        for child in function.named_children:
            if child.type == "identifier":
                names.append(self.written(child))
            elif child.type == "formals":
                for formal in child.named_children:
                    name = formal.child_by_field_name("name") if formal.type == "formal" else None
                    if name is not None:
                        names.append(self.written(name))
        return names

    @staticmethod
    def lookup(name: str, scope: Scope | None) -> Bound | None:
        """What `name` is bound to by a `let`, set or function around."""
        if scope is not None:
            for around in scope.around():
                bound = around.names.get(name)
                if bound is not None:
                    return bound
        return None

    # values

    def symbol(self, node: "Node", scope: Scope | None, depth: int = 0) -> tuple[str, ...] | None:
        """`("config", "sops", "secrets")` for an expression that selects from an argument, through any
        aliases; None for anything else."""
        if self._stop(depth):
            return None
        kind = node.type
        if kind == "parenthesized_expression":
            inner = node.child_by_field_name("expression")
            return None if inner is None else self.symbol(inner, scope, depth + 1)
        if kind == "variable_expression":
            return self._variable(self.written(node), scope, depth)
        if kind == "select_expression":
            head = node.child_by_field_name("expression")
            path = node.child_by_field_name("attrpath")
            base = None if head is None else self.symbol(head, scope, depth + 1)
            if base is None or path is None or len(base) + path.named_child_count > _SELECTED:
                return None
            return base + self.attrpath(path, scope)
        if kind == "apply_expression":
            function, arguments = application(node)
            if len(arguments) == 2 and self.written(function).rpartition(".")[2] == "getAttr":
                base = self.symbol(arguments[1], scope, depth + 1)
                return None if base is None else (*base, component_of(self.text(arguments[0], scope)))
        return None

    def _variable(self, name: str, scope: Scope | None, depth: int) -> tuple[str, ...] | None:
        bound = self.lookup(name, scope)
        if bound is None:
            if scope is not None and name not in _GLOBALS:
                for around in scope.around():
                    if around.subject is None:
                        continue
                    subject = self.symbol(around.subject, around.subject_scope, depth + 1)
                    if subject is not None and (
                        "sops" in subject or subject[-1] in ("config", "nixosModules", "darwinModules")
                    ):
                        return (*subject, name)
            return (name,)
        if bound.constant is not None:
            return None
        if bound.node is None:
            return (name,)
        base = self.symbol(bound.node, bound.scope, depth + 1)
        if base is None or not bound.member:
            return base
        return (*base, bound.member)

    def attrpath(self, path: "Node", scope: Scope | None) -> tuple[str, ...]:
        return tuple(self.component(child, scope) for child in path.named_children if child.type != "comment")

    def component(self, node: "Node", scope: Scope | None) -> str:
        if node.type == "identifier":
            return self.written(node)
        if node.type == "interpolation":
            inner = node.child_by_field_name("expression")
            return Dynamic(UNKNOWN) if inner is None else component_of(self.text(inner, scope))
        return component_of(self.text(node, scope))

    def followed(self, node: "Node", scope: Scope | None) -> tuple["Node", Scope | None]:
        """The expression that a chain of plain names ends in; the last name where it ends in an argument."""
        for depth in range(_DEPTH):
            if self._stop(depth):
                break
            if node.type == "parenthesized_expression":
                inner = node.child_by_field_name("expression")
                if inner is None:
                    break
                node = inner
                continue
            if node.type != "variable_expression":
                break
            bound = self.lookup(self.written(node), scope)
            if bound is None or bound.node is None or bound.member:
                break
            node, scope = bound.node, bound.scope
        return node, scope

    def text(self, node: "Node", scope: Scope | None, depth: int = 0) -> Text:
        """A string or path with every part that is known."""
        if self._stop(depth):
            return UNKNOWN
        kind = node.type
        if kind in STRINGS:
            return self._string(node, scope, depth)
        if kind == "path_expression":
            return Text(self._path(node, scope, depth).parts, Base.FILE)
        if kind in PATHS:
            return Text((self.written(node),), Base.OUTSIDE)
        if kind in ("uri_expression", "integer_expression"):
            return Text((self.written(node),))
        if kind == "parenthesized_expression":
            inner = node.child_by_field_name("expression")
            return UNKNOWN if inner is None else self.text(inner, scope, depth + 1)
        if kind == "binary_expression" and operator_of(node) == "+":
            return _joined(self.text(operand, scope, depth + 1) for operand in operands(node))
        if kind == "apply_expression":
            return self._applied(node, scope, depth)
        if kind == "variable_expression":
            bound = self.lookup(self.written(node), scope)
            if bound is not None and bound.constant is not None:
                return Text((bound.constant,))
            if bound is not None and bound.node is not None and not bound.member:
                text = self.text(bound.node, bound.scope, depth + 1)
                return text if text != UNKNOWN else Text((Hole(self.written(node)),))
        symbol = self.symbol(node, scope, depth + 1)
        if symbol is None:
            return UNKNOWN
        return Text((), Base.ROOT) if symbol in _ROOTS else Text((Hole(".".join(symbol)),))

    def _applied(self, node: "Node", scope: Scope | None, depth: int) -> Text:
        function, arguments = application(node)
        short = self.written(function).rpartition(".")[2]
        if len(arguments) == 1 and short in ("toString", "mkDefault", "mkForce"):
            return self.text(arguments[0], scope, depth + 1)
        if len(arguments) == 1 and short == "relativeToRoot":
            return Text(self.text(arguments[0], scope, depth + 1).parts, Base.ROOT)
        return UNKNOWN

    def _string(self, node: "Node", scope: Scope | None, depth: int) -> Text:
        indented = node.type == "indented_string_expression"
        width = 2 if indented else 1
        offset, stop = node.start_byte + width, node.end_byte - width
        texts: list[Text] = []
        holes = [child for child in node.named_children if child.type in ("interpolation", "ERROR")]
        if indented:
            if holes:
                return UNKNOWN
            parts = dedented([self.source[offset:stop]])
            return _limited(tuple(_decoded(part) for part in parts if part is not None), Base.STRING)
        for child in holes:
            if child.start_byte > offset:
                texts.append(Text((_decoded(quoted(self.source[offset : child.start_byte])),)))
            inner = child.child_by_field_name("expression") if child.type == "interpolation" else None
            texts.append(UNKNOWN if inner is None else self.text(inner, scope, depth + 1))
            offset = child.end_byte
        if offset < stop:
            texts.append(Text((_decoded(quoted(self.source[offset:stop])),)))
        return _joined(iter(texts))

    def _path(self, node: "Node", scope: Scope | None, depth: int) -> Text:
        texts = []
        for child in node.named_children:
            if child.type == "interpolation":
                inner = child.child_by_field_name("expression")
                texts.append(UNKNOWN if inner is None else self.text(inner, scope, depth + 1))
            else:
                texts.append(Text((self.written(child),)))
        return _joined(iter(texts))

    def items(
        self, node: "Node", scope: Scope | None, depth: int = 0
    ) -> list[tuple["Node", Scope | None]] | None:
        """The elements of a list, through names and `++`; None where it is computed."""
        if self._stop(depth):
            return None
        node, scope = self.followed(node, scope)
        if node.type == "list_expression":
            return [(child, scope) for child in node.named_children if child.type != "comment"]
        if node.type == "binary_expression" and operator_of(node) == "++":
            left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
            if left is not None and right is not None:
                first, second = self.items(left, scope, depth + 1), self.items(right, scope, depth + 1)
                return None if first is None or second is None else first + second
        return None

    def applied(
        self, function: "Node", scope: Scope | None, arguments: list[tuple["Node | str", Scope | None]]
    ) -> tuple["Node", Scope | None] | None:
        """The body of `function` (a lambda, or the name of one) with its arguments bound; None where the
        function is not known or wants more of its arguments than can be read."""
        function, scope = self.followed(function, scope)
        for argument, origin in arguments:
            while function.type in ("parenthesized_expression",):
                inner = function.child_by_field_name("expression")
                if inner is None:
                    return None
                function = inner
            if function.type != "function_expression":
                return None
            inside = self.inside(function, scope)
            for child in function.named_children:
                if child.type == "identifier":
                    name = self.written(child)
                    constant = argument if isinstance(argument, str) else None
                    node = None if isinstance(argument, str) else argument
                    inside.names[name] = Bound(node, origin, constant=constant)
            if not isinstance(argument, str):
                self._open(function, argument, origin, inside)
            body = function.child_by_field_name("body")
            if body is None:
                return None
            function, scope = body, inside
        return function, scope

    def _open(self, function: "Node", argument: "Node", origin: Scope | None, inside: Scope) -> None:
        """Bind `{ a, b }:` from an argument that is a literal set."""
        argument, origin = self.followed(argument, origin)
        if not any(child.type == "formals" for child in function.named_children):
            return
        if argument.type not in ("attrset_expression", "rec_attrset_expression"):
            return
        given = Scope(origin)
        for child in argument.named_children:
            for binding in child.named_children if child.type == "binding_set" else ():
                self._bind(binding, given)
                if binding.type == "inherit":
                    for name in self.inherited(binding):
                        given.names[name] = self.lookup(name, origin) or Bound()
        plain = argument.type == "attrset_expression"
        for name in self.parameters(function):
            bound = given.names.get(name)
            if bound is not None:
                inside.names[name] = bound._replace(scope=origin) if plain and bound.scope is given else bound
        for name, default in self._defaults(function):
            if name not in given.names:  # a default sees the other arguments
                inside.names[name] = Bound(default, inside)

    def _defaults(self, function: "Node") -> Iterator[tuple[str, "Node"]]:
        """The arguments of a function that need not be given, and what they are then."""
        for child in function.named_children:
            for formal in child.named_children if child.type == "formals" else ():
                name, default = formal.child_by_field_name("name"), formal.child_by_field_name("default")
                if formal.type == "formal" and name is not None and default is not None:
                    yield self.written(name), default


def component_of(text: Text) -> str:
    """`text` as a component of an attribute path."""
    static = text.static
    return Dynamic(text) if static is None else static


def _decoded(raw: bytes) -> str:
    return raw.decode(errors="surrogateescape")


def _joined(texts: Iterator[Text]) -> Text:
    """Texts after each other; the first says what the whole is relative to."""
    parts: list[str | Hole] = []
    base = Base.STRING
    for number, text in enumerate(texts):
        if number == 0:
            base = text.base
        elif text.base is not Base.STRING:  # a path in the middle of a string becomes a store path
            parts.append(Hole("…"))
            continue
        parts.extend(text.parts)
    return _limited(tuple(parts), base)


def _limited(parts: tuple[str | Hole, ...], base: Base) -> Text:
    if sum(len(part) for part in parts if isinstance(part, str)) > _LENGTH or len(parts) > 100:
        return UNKNOWN
    merged: list[str | Hole] = []
    for part in parts:
        if isinstance(part, str) and merged and isinstance(merged[-1], str):
            merged[-1] += part
        else:
            merged.append(part)
    return Text(tuple(merged), base)
