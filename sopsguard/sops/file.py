"""One SOPS file, read without a key: format, metadata, and each value with path, AAD, place and envelope."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from sopsguard.document import (
    Comment,
    Document,
    Item,
    Mapping,
    Node,
    Scalar,
    Sequence,
    Unreadable,
    format_of,
)
from sopsguard.document import read as read_document
from sopsguard.sops import may_be_sops as may_be_sops
from sopsguard.sops.envelope import Envelope, looks_encrypted, parse
from sopsguard.sops.flat import PREFIX, CannotUnflatten, unflatten
from sopsguard.sops.metadata import Metadata, Problem, is_block, metadata
from sopsguard.sops.scope import Selection

BLOCK = "sops"


class Leaf(NamedTuple):
    """One value or comment of the document, without the metadata.

    `path` has keys and list indices; `keys` are the mapping keys alone, `aad` what authenticates the value.
    `envelope` is there if the text has the form of an encrypted value. `selected`: whether sops expects it to
    be encrypted; `None` without an RE2 engine.
    """

    path: tuple[str | int, ...]
    aad: str
    document: int
    node: Scalar | Comment
    envelope: Envelope | None
    selected: bool | None
    in_list: bool
    string_key: bool = True

    @property
    def is_comment(self) -> bool:
        """Whether it is a comment: in the text, or an encrypted one among the elements of a list."""
        envelope = self.envelope
        return isinstance(self.node, Comment) or (envelope is not None and envelope.type == "comment")

    @property
    def text(self) -> str | None:
        """The text of a string or comment as it stands there, else `None`. May be a secret."""
        if isinstance(self.node, Comment):
            return self.node.text
        return self.node.value if isinstance(self.node.value, str) else None

    @property
    def is_empty(self) -> bool:
        """Null, an empty string or an empty comment: never encrypted."""
        if isinstance(self.node, Comment):
            return not self.node.text
        return self.node.value is None or self.node.value == ""

    @property
    def key(self) -> str:
        """The dotted path."""
        return ".".join(map(str, self.path))

    def __repr__(self) -> str:
        return f"Leaf({self.key!r}, line {self.node.line}, selected={self.selected})"


@dataclass(frozen=True)
class SopsFile:
    """A file that sops would read as its own, or nearly (see `problems` of the metadata)."""

    path: str
    format: str
    document: Document = field(repr=False)
    metadata: Metadata
    selection: Selection = field(repr=False)
    data: bytes = field(repr=False)

    @cached_property
    def leaves(self) -> tuple[Leaf, ...]:
        """All values and comments in the order of the file, the metadata left out."""
        return tuple(leaves(self.document, self.selection))

    @property
    def format_by_name(self) -> str:
        """The store that sops picks by the name; differs from `format` if it must be told the type."""
        return format_of(self.path)


@dataclass(frozen=True, slots=True)
class NotSops:
    """No SOPS file: `reason` says why in a few words."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Broken:
    """A SOPS file that cannot be read, or whose metadata are gone."""

    path: str
    format: str
    problems: tuple[Problem, ...]


_SIGNATURES = (
    ("json", re.compile(rb"\A(?:\xef\xbb\xbf)?\s*\{")),
    ("dotenv", re.compile(rb"^sops_(?:mac|version|lastmodified)=", re.MULTILINE)),
    ("ini", re.compile(rb"^\[sops\]", re.MULTILINE)),
    ("yaml", re.compile(rb"^[\"']?sops[\"']?[ \t]*:", re.MULTILINE)),
)
CONFLICT = re.compile(rb"^(?:<{7}|>{7})(?: .*)?\r?$", re.MULTILINE)
_ANY_VALUE = re.compile(rb"ENC\[AES256_GCM,data:[A-Za-z0-9+/=]{4}")
_WHOLE_VALUE = re.compile(
    rb"ENC\[AES256_GCM,data:[A-Za-z0-9+/=]+,iv:[A-Za-z0-9+/=]{44},tag:[A-Za-z0-9+/=]{24},"
)
# Another use of the name `sops` in these is likelier than a damaged SOPS file.
_BLOCK_SIGN = re.compile(rb"sops[^\n]{0,3}[\r\n]|sops_(?:mac|version)|\"sops\"\s*:|\bsops:\s*\{")


def read(data: bytes, path: str) -> SopsFile | NotSops | Broken:
    """What `data` at `path` is to sops. Never raises; hostile input ends in `Broken` or `NotSops`."""
    if not may_be_sops(data):
        return NotSops(path, "no sign of sops")
    by_name = format_of(path)
    failure: Unreadable | None = None
    for format in _candidates(data, by_name):
        try:
            document = read_document(data, format)
        except Unreadable as unreadable:
            failure = failure or unreadable
            continue
        if format in ("json", "binary"):
            format = _json_kind(document, by_name)
        return _file(path, format, document, data, by_name)
    return _unreadable(data, path, by_name, failure)


def _candidates(data: bytes, by_name: str) -> Iterator[str]:
    """The formats to try: the one of the name, then the one that the content shows."""
    if by_name != "binary":
        yield by_name
    for format, signature in _SIGNATURES:
        if format != by_name and signature.search(data):
            yield format
            return


def _json_kind(document: Document, by_name: str) -> str:
    if by_name == "binary":
        names = {item.name for item in document.roots[0].entries()}
        return "binary" if names <= {"data", BLOCK} else "json"
    return "json"


def _unreadable(data: bytes, path: str, format: str, failure: Unreadable | None) -> NotSops | Broken:
    # A name that sops knows makes the beginning of a value enough; in any other file it may be an example.
    value = _ANY_VALUE if format != "binary" else _WHOLE_VALUE
    encrypted = value.search(data) or (b"ENC[AES256_GCM," in data and _BLOCK_SIGN.search(data))
    if failure is None or not encrypted:
        return NotSops(path, "not readable as a file of sops, and without an encrypted value")
    problems = []
    if conflict := CONFLICT.search(data):
        line = data.count(b"\n", 0, conflict.start()) + 1
        problems.append(Problem("M13", "an unresolved merge conflict: sops cannot read the file", line))
    elif format == "yaml" and (indented := _indent_digit(data, failure.line)):
        what = "a text that begins with a space, in a list: sops writes it so that nothing can read it again"
        problems.append(Problem("M20", what, indented))
    problems.append(_failure(failure, format))
    return Broken(path, format, tuple(problems))


_DIGIT = re.compile(rb"^[ \t]*- (?:.*: )?[|>][-+]?[1-9]", re.MULTILINE)


def _indent_digit(data: bytes, line: int | None) -> int | None:
    """The line of the last block scalar with an indentation digit in a list before the failure, if near."""
    starts = [data.count(b"\n", 0, found.start()) + 1 for found in _DIGIT.finditer(data)]
    before = [start for start in starts if line is not None and start <= line <= start + 200]
    return before[-1] if before else None


def _failure(failure: Unreadable, format: str) -> Problem:
    return Problem("M0", f"sops cannot read it as {format}: {failure.message}", failure.line, failure.column)


def _file(
    path: str, format: str, document: Document, data: bytes, by_name: str
) -> SopsFile | NotSops | Broken:
    try:
        block = _block(document, format)
    except CannotUnflatten as refused:
        return Broken(path, format, (Problem("M1", f"the metadata cannot be read: {refused}"),))
    if isinstance(block, Mapping) and is_block(block):
        meta = metadata(block)
        return SopsFile(path, format, document, meta, Selection(meta.scope), data)
    encrypted = _encrypted_line(document)
    if block is not None and encrypted is not None:
        what = "is not a mapping" if not isinstance(block, Mapping) else "has none of the fields of sops"
        return Broken(path, format, (Problem("M1", f"`sops` {what}, but values are encrypted", block.line),))
    if encrypted is not None and (by_name != "binary" or format == "binary"):
        what = "values are encrypted, but the `sops` block is missing: nobody can decrypt them"
        if any(_find(root) is not None for root in document.roots[1:]):
            what = "the `sops` block is missing in the first document, the only one that counts"
            return Broken(path, format, (Problem("M12", what, encrypted),))
        return Broken(path, format, (Problem("M0", what, encrypted),))
    return NotSops(path, "no `sops` block" if block is None else "its `sops` is not the block of sops")


def _find(root: Mapping) -> Node | None:
    return root.get(BLOCK)


def _block(document: Document, format: str) -> Node | None:
    """The metadata of the first document, nested."""
    root = document.roots[0]
    if format == "dotenv":
        entries = [
            (item.name[len(PREFIX) :], item.key, item.value)
            for item in root.entries()
            if item.name is not None and item.name.startswith(PREFIX) and isinstance(item.value, Scalar)
        ]
        return unflatten(entries, escaped=False) if entries else None
    block = _find(root)
    if format == "ini" and isinstance(block, Mapping):
        entries = [
            (item.name, item.key, item.value)
            for item in block.entries()
            if item.name is not None and isinstance(item.value, Scalar)
        ]
        return unflatten(entries, escaped=True) if entries else None
    return block


_STARTED = re.compile(r"ENC\[AES256_GCM,data:[A-Za-z0-9+/=]{4}")


def _encrypted_line(document: Document) -> int | None:
    """The line of the first encrypted value, whole or cut off."""
    stack: list[Node] = list(reversed(document.roots))
    while stack:
        node = stack.pop()
        if isinstance(node, Scalar):
            if isinstance(node.value, str) and _STARTED.match(node.value):
                return node.line
        elif isinstance(node, Mapping):
            stack.extend(item.value for item in reversed(node.items) if isinstance(item, Item))
        else:
            stack.extend(item for item in reversed(node.items) if not isinstance(item, Comment))
    return None


def leaves(document: Document, selection: Selection) -> list[Leaf]:
    """All values and comments of a document in its order, the metadata left out."""
    return _Walk(document, selection).leaves


class _Walk:
    """`walkBranch` of sops: paths, active comments, what is selected."""

    def __init__(self, document: Document, selection: Selection) -> None:
        self.selection = selection
        self.flat = document.format == "dotenv"
        self.leaves: list[Leaf] = []
        self.comments: list[list[str]] = []
        self.constant: dict[int, bool | None] = {}
        for number, root in enumerate(document.roots):
            self.document = number
            self.mapping(root, (), "", 0, False)

    def decide(self, bits: int, is_comment: bool) -> bool | None:
        if self.selection.needs_comments:
            return self.selection.decide(bits, self.comments, is_comment)
        if bits not in self.constant:
            self.constant[bits] = self.selection.decide(bits)
        return self.constant[bits]

    def mapping(
        self, mapping: Mapping, path: tuple[str | int, ...], prefix: str, bits: int, in_list: bool
    ) -> None:
        top = not path
        own: list[str] = []
        self.comments.append(own)
        aad = prefix or ":"
        component, leaves = self.selection.component, self.leaves
        for item in mapping.items:
            if type(item) is Comment:
                own.append(item.text)
                selected = self.decide(bits, True)
                leaves.append(Leaf(path, aad, self.document, item, parse(item.text), selected, False))
                continue
            assert type(item) is Item
            key, value = item
            name = key.value
            if top and isinstance(name, str) and (name.startswith(PREFIX) if self.flat else name == BLOCK):
                continue
            string_key = type(name) is str
            name = name if type(name) is str else str(name)
            below = bits | component(name)
            if type(value) is Scalar:
                text = value.value
                envelope = parse(text) if type(text) is str and text[:4] == "ENC[" else None
                selected = self.decide(below, False)
                leaves.append(
                    Leaf(
                        (*path, name),
                        f"{prefix}{name}:",
                        self.document,
                        value,
                        envelope,
                        selected,
                        in_list,
                        string_key,
                    )
                )
            elif type(value) is Mapping:
                self.mapping(value, (*path, name), f"{prefix}{name}:", below, False)
            elif type(value) is Sequence:
                self.sequence(value, (*path, name), f"{prefix}{name}:", below)
            own.clear()
        self.comments.pop()

    def sequence(self, sequence: Sequence, path: tuple[str | int, ...], prefix: str, bits: int) -> None:
        own: list[str] = []
        self.comments.append(own)
        number = 0
        for item in sequence.items:
            if type(item) is Comment:
                own.append(item.text)
                selected = self.decide(bits, True)
                self.leaves.append(Leaf(path, prefix, self.document, item, parse(item.text), selected, True))
                continue
            here = (*path, number)
            number += 1
            if type(item) is Scalar:
                text = item.value
                envelope = parse(text) if type(text) is str and text[:4] == "ENC[" else None
                selected = self.decide(bits, False)
                self.leaves.append(Leaf(here, prefix, self.document, item, envelope, selected, True))
            elif type(item) is Mapping:
                self.mapping(item, here, prefix, bits, True)
            elif type(item) is Sequence:
                self.sequence(item, here, prefix, bits)
            own.clear()
        self.comments.pop()


def is_damaged(leaf: Leaf) -> bool:
    """Whether a value was encrypted once and its text no longer is what sops decrypts."""
    text = leaf.text
    return leaf.envelope is None and text is not None and looks_encrypted(text)
