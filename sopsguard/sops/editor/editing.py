"""Sets and takes out values: like `sops set` and `sops unset`, but for the bytes that need not change."""

from collections.abc import Sequence as Many
from dataclasses import dataclass, field
from json import dumps
from secrets import token_hex
from typing import Any

from sopsguard.document import Item, Mapping, Node, Scalar, Sequence, Time, Value
from sopsguard.document.patch import (
    CannotPatch,
    Found,
    NoPlace,
    Splice,
    dotted,
    find,
    made,
    put,
    spliced,
    taken,
)
from sopsguard.document.scalars import display, plain_bytes
from sopsguard.sops.cipher import CannotDecrypt
from sopsguard.sops.editor import meaning
from sopsguard.sops.editor.meaning import Content, content
from sopsguard.sops.editor.opened import (
    UNSAFE,
    Ready,
    again,
    checked,
    mac_of,
    patch_of,
    readable,
    ready,
    sealed_again,
    unchanged,
)
from sopsguard.sops.editor.refusal import CannotEdit, Command, Why, index_of, sops_line
from sopsguard.sops.envelope import parse
from sopsguard.sops.file import BLOCK, SopsFile
from sopsguard.sops.flat import PREFIX
from sopsguard.sops.identity import Identities
from sopsguard.sops.metadata import rfc3339

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Set:
    """Put `value` (a single one, or mappings and lists of them) at `path`, replacing what is there.

    Indices count the elements as they stand in the file, where an encrypted comment is one; the index
    behind the last one appends. `document` counts from 0.
    """

    path: Path
    value: Content = field(repr=False)
    document: int = 0


@dataclass(frozen=True, slots=True)
class Unset:
    """Take out what is at `path`, a value or everything below it."""

    path: Path
    document: int = 0


Change = Set | Unset


def edit(
    data: bytes,
    path: str,
    changes: Many[Change],
    identities: Identities,
    modified: str,
    expected: str | None = None,
) -> bytes:
    """The SOPS file `data` that lies at `path`, with all `changes` made one after the other.

    One usable identity is enough, whoever else the file is for. `modified` is now, in RFC 3339 (UTC, whole
    seconds); `expected` the SHA-256 of the file that was judged, if it must be that. A value that stays the
    same keeps its ciphertext, and if all do, `data` is returned. Raises `CannotEdit`.
    """
    if rfc3339(modified) != modified:
        raise ValueError("the time of modification must be RFC 3339 with whole seconds")
    unchanged(data, expected)
    file = readable(data, path)
    changes = [_plain(file, change) for change in changes]
    commands = [_command(file, change) for change in changes if change.document == 0]
    # Of several documents sops changes the first one only.
    state = ready(file, identities, tuple(commands) if len(commands) == len(changes) else ())
    making = _Edit(state)
    try:
        filled = making.changed(changes)
        if filled == data:
            return data
        mac = mac_of(again(filled, path), state.cipher)
        written = sealed_again(file, filled, state.cipher, modified, mac)
    except NoPlace as failure:
        raise state.cannot(Why.PLACE, str(failure)) from None
    except (CannotPatch, CannotDecrypt) as failure:
        what = str(failure) if isinstance(failure, CannotPatch) else UNSAFE
        raise state.cannot(Why.FORMAT, what) from None
    _verify(state, written, changes, making.loses_comments)
    return written


def _plain(file: SopsFile, change: Change) -> Change:
    """The change as the format can hold it. Raises `CannotEdit`."""
    name = change.path[0] if change.path else None
    if name is None or isinstance(name, int):
        raise CannotEdit(Why.PLACE, "a path begins with a key")
    if name.startswith(PREFIX) if file.format == "dotenv" else name == BLOCK:
        raise CannotEdit(Why.PLACE, f"`{name}` belongs to sops")
    if not 0 <= change.document < len(file.document.roots):
        raise CannotEdit(Why.PLACE, f"the file has no document {change.document}")
    if file.format == "binary" and (change.path != ("data",) or isinstance(change, Unset)):
        raise CannotEdit(Why.PLACE, "a binary file has one value only, `data`")
    if isinstance(change, Unset):
        return change
    try:
        content(change.value)
        values = list(_values(change.value))
    except TypeError as failure:
        raise CannotEdit(Why.VALUE, str(failure)) from None
    for value in values:
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise CannotEdit(Why.VALUE, "a number has more than 64 bits")
        if file.format in ("json", "binary") and (
            isinstance(value, Time) or (isinstance(value, float) and value - value != 0)
        ):
            raise CannotEdit(Why.VALUE, "JSON has no times, and no numbers without end")
    if file.format == "binary" and not isinstance(change.value, str):
        raise CannotEdit(Why.VALUE, "a binary file holds a text")
    if file.format != "dotenv":
        return change
    if change.value is None or not isinstance(change.value, str | int | float | Time):
        raise CannotEdit(Why.VALUE, "dotenv holds single values only")
    return Set(change.path, change.value if isinstance(change.value, str) else display(change.value))


def _values(value: Content) -> Any:
    if isinstance(value, dict):
        for below in value.values():
            yield from _values(below)
    elif isinstance(value, list):
        for below in value:
            yield from _values(below)
    else:
        yield value


def _command(file: SopsFile, change: Change) -> Command:
    index = index_of(change.path)
    if isinstance(change, Unset):
        return sops_line(file, "unset", last=(index,))
    value = dumps(change.value, default=lambda time: time.text).encode()
    return sops_line(file, "set", "--value-stdin", stdin=value, last=(index,))


class _Edit:
    """Puts marks where the new values go, so that the text says which of them sops encrypts; then those."""

    def __init__(self, state: Ready) -> None:
        self.state, self.file = state, state.file
        self.data = state.file.data
        self.marks: dict[str, Value] = {}
        self.loses_comments = False
        self.scoped = state.file.selection.needs_comments

    def changed(self, changes: Many[Change]) -> bytes:
        """The text with all changes made and every new value in it, but with the old seal."""
        rest = list(changes)
        while rest:
            file = again(self.data, self.file.path) if len(rest) < len(changes) else self.file
            splices: list[Splice] = []
            places: set[int] = set()
            # Single values that stand there already are changed together, all else one by one.
            while rest:
                change = rest[0]
                root = file.document.roots[change.document]
                found = find(root, change.path)
                simple = (
                    isinstance(change, Set)
                    and not found.rest
                    and isinstance(found.node, Scalar)
                    and not isinstance(change.value, dict | list)
                )
                if splices and not (simple and found.node.start not in places):
                    break
                splices += self.change(file, root, rest.pop(0), found)
                places.add(found.node.start)
                if not simple:
                    break
            self.data = spliced(self.data, splices)
        return self.filled()

    def change(self, file: SopsFile, root: Mapping, change: Change, found: Found) -> list[Splice]:
        patch = patch_of(file, root)
        if isinstance(change, Unset):
            # A comment that decides what is encrypted must not pass on to the next key.
            self.loses_comments = True
            return taken(patch, root, change.path, self.scoped)
        self.look_at(file, found, change.path)
        return put(patch, root, change.path, self.marked(change.value))

    def look_at(self, file: SopsFile, found: Found, path: Path) -> None:
        if found.rest:
            return
        if not isinstance(found.node, Scalar):
            self.loses_comments = True
            return
        text = found.node.value
        envelope = parse(text) if isinstance(text, str) else None
        if envelope is None or envelope.type != "comment":
            return
        if any(leaf.node is found.node and leaf.selected for leaf in file.leaves):
            raise self.state.cannot(Why.PLACE, f"`{dotted(path)}` is an encrypted comment")

    def marked(self, value: Content) -> Node:
        if isinstance(value, dict):
            mapping = Mapping()
            for name, below in value.items():
                mapping.add(Item(made(name), self.marked(below)))
            return mapping
        if isinstance(value, list):
            sequence = Sequence()
            for below in value:
                sequence.add(self.marked(below))
            return sequence
        mark = f"mark{token_hex(16)}"
        self.marks[mark] = value
        return made(mark)

    def filled(self) -> bytes:
        file = again(self.data, self.file.path)
        kept = self.kept({leaf.text for leaf in file.leaves})
        patches = [patch_of(file, root) for root in file.document.roots]
        splices = []
        for leaf in file.leaves:
            mark = leaf.text or ""
            if mark not in self.marks:
                continue
            value = self.marks.pop(mark)
            if leaf.selected is None:
                raise self.state.cannot(Why.ENGINE, "what sops encrypts cannot be decided here")
            assert isinstance(leaf.node, Scalar)
            if leaf.selected and value is not None:
                known = kept.get((leaf.aad, type(value), plain_bytes(value)), [])
                value = known.pop() if known else self.state.cipher.encrypt(value, leaf.aad)
            splices.append(patches[leaf.document].fill(leaf.node, value))
        if any(mark.encode() in self.data for mark in self.marks):
            raise CannotPatch("the text has a form in which the value cannot be put there")
        return spliced(self.data, splices)

    def kept(self, there: set[str | None]) -> dict[tuple[str, type, bytes], list[str]]:
        """The ciphertexts that went, by what they say: sops takes the same one for the same value again."""
        found: dict[tuple[str, type, bytes], list[str]] = {}
        for leaf, plain in zip(self.file.leaves, self.state.opened.leaves, strict=True):
            text = leaf.text
            if plain.encrypted and not plain.comment and text and text not in there:
                key = (leaf.aad, type(plain.value), plain_bytes(plain.value))
                found.setdefault(key, []).insert(0, text)
        return found


def _verify(state: Ready, written: bytes, changes: Many[Change], loses_comments: bool) -> None:
    """The new file says what the old one said, but for the changes, and every comment is where it was."""
    file, leaves = checked(state.file, written, state.cipher, state.opened.data_key, state.commands)
    wanted = meaning.meaning(state.file, state.opened.leaves)
    for change in changes:
        if isinstance(change, Set):
            meaning.put(wanted[change.document], change.path, content(change.value))
        else:
            meaning.take(wanted[change.document], change.path)
    before = [leaf.value for leaf in state.opened.leaves if leaf.comment]
    after = [leaf.value for leaf in leaves if leaf.comment]
    kept = _within(after, before) if loses_comments else after == before
    if meaning.meaning(file, leaves) != wanted or not kept:
        raise state.cannot(Why.FORMAT, UNSAFE)


def _within(some: list[Any], every: list[Any]) -> bool:
    """Whether `some` are among `every`, in their order."""
    rest = iter(every)
    return all(any(one == other for other in rest) for one in some)
