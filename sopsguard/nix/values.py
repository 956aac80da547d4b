"""What a Nix file binds to what, and where: the vocabulary of `sopsguard.nix`."""

import re
from enum import StrEnum
from typing import NamedTuple

# Longer attribute paths keep their last components: the option name stands at the end.
MAX_PATH = 128

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


def _written(component: str | None) -> str:
    if component is None:
        return "<dynamic>"
    if len(component) > 100:
        component = component[:99] + "…"
    return component if re.fullmatch(r"[A-Za-z_][\w'-]*", component, re.ASCII) else f'"{component}"'
