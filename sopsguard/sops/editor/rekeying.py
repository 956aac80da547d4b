"""Changes who can open a file, or its data key: like `sops updatekeys` and `sops rotate`.

Who stays keeps the wrapped key that stands there, unless the data key changes; so whoever we cannot wrap
for may stay, and must not be new.
"""

from collections.abc import Sequence as Many
from dataclasses import dataclass

from sopsguard.document import Item, Mapping, Node, Scalar, Sequence
from sopsguard.document.patch import CannotPatch, Patch, Splice, find, made, put, spliced, taken
from sopsguard.sops.cipher import KEY_BYTES, Cipher
from sopsguard.sops.editor.meaning import meaning
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
from sopsguard.sops.editor.recipients import lack
from sopsguard.sops.editor.refusal import Command, Why, sops_line
from sopsguard.sops.file import BLOCK, SopsFile
from sopsguard.sops.flat import PREFIX, flatten
from sopsguard.sops.identity import Identities
from sopsguard.sops.masterkey import Key, unique
from sopsguard.sops.metadata import FAMILIES, Recipient, rfc3339
from sopsguard.sops.wrapping import CannotWrap, recipient_problems, wrap

Groups = Many[Many[Key]]
_KEY_FIELDS = (*FAMILIES, "key_groups", "shamir_threshold")


def update_keys(
    data: bytes,
    path: str,
    groups: Groups,
    identities: Identities,
    threshold: int | None = None,
    expected: str | None = None,
    rewrap: bool = False,
) -> bytes:
    """The SOPS file `data` for the recipients `groups` (`Rule.groups`), its values as they are.

    `threshold` counts the key groups that must come together; None keeps the file's own, as sops does. The
    order of the recipients does not matter. Without a difference `data` is returned, unless `rewrap` asks
    for a new wrapped key for everybody. Raises `CannotEdit`.
    """
    unchanged(data, expected)
    file = readable(data, path)
    state = ready(file, identities, (sops_line(file, "updatekeys", "--yes"),))
    plan = _Plan(state, [unique(group) for group in groups], threshold, rewrap)
    try:
        written = plan.written(data, state.opened.data_key)
    except CannotPatch as failure:
        raise state.cannot(Why.FORMAT, str(failure)) from None
    if not plan.nothing:
        _verify(state, written, plan, state.cipher, state.opened.data_key)
    return written


def rotate(
    data: bytes,
    path: str,
    identities: Identities,
    modified: str,
    groups: Groups | None = None,
    threshold: int | None = None,
    expected: str | None = None,
) -> bytes:
    """The SOPS file `data` with a new data key: every value encrypted anew, each with the IV that it has.

    `groups` may name other recipients for it (None: the same). `modified` is now, in RFC 3339. Raises
    `CannotEdit`.
    """
    from secrets import token_bytes

    if rfc3339(modified) != modified:
        raise ValueError("the time of modification must be RFC 3339 with whole seconds")
    unchanged(data, expected)
    file = readable(data, path)
    commands: tuple[Command, ...] = (sops_line(file, "rotate", "--in-place"),)
    if groups is not None:
        commands = (sops_line(file, "updatekeys", "--yes"), *commands)
    state = ready(file, identities, commands)
    wanted = groups if groups is not None else [[r.key for r in group] for group in file.metadata.groups]
    plan = _Plan(state, [unique(group) for group in wanted], threshold, rewrap=True)
    key = token_bytes(KEY_BYTES)
    cipher = Cipher(key)
    try:
        resealed = spliced(data, _resealed(state, cipher))
        written = sealed_again(
            file, plan.written(resealed, key), cipher, modified, mac_of(file, state.cipher)
        )
    except CannotPatch as failure:
        raise state.cannot(Why.FORMAT, str(failure)) from None
    _verify(state, written, plan, cipher, key)
    return written


def _resealed(state: Ready, cipher: Cipher) -> list[Splice]:
    """Every ciphertext under the new key."""
    splices = []
    patches = [patch_of(state.file, root) for root in state.file.document.roots]
    for leaf, plain in zip(state.file.leaves, state.opened.leaves, strict=True):
        if not plain.encrypted or leaf.is_empty or leaf.envelope is None:
            continue
        iv = _decoded(leaf.envelope.iv)
        text = cipher.encrypt(plain.value, leaf.aad, comment=plain.comment, iv=iv)
        if isinstance(leaf.node, Scalar):
            splices.append(patches[leaf.document].fill(leaf.node, text))
        else:
            start = leaf.node.start + 1
            old = (leaf.text or "").encode("utf-8", "surrogateescape")
            if state.file.data[start : start + len(old)] != old:
                raise CannotPatch(f"line {leaf.node.line}: a comment in an unusual form")
            splices.append(Splice(start, start + len(old), text.encode()))
    return splices


def _decoded(text: str) -> bytes:
    import base64

    return base64.b64decode(text)


@dataclass(frozen=True, slots=True)
class _Entry:
    """A recipient of the new file.

    `at` is the entry of the file that becomes this one, `keeps` whether with its wrapped key.
    """

    key: Key
    at: Recipient | None = None
    keeps: bool = False


_Wrapped = list[list[tuple[_Entry, str]]]


class _Plan:
    """Who is in the file, who shall be, and whose wrapped key must be made."""

    def __init__(
        self, state: Ready, groups: list[tuple[Key, ...]], threshold: int | None, rewrap: bool
    ) -> None:
        self.state, self.groups, self.file = state, groups, state.file
        meta = state.file.metadata
        if not groups or not all(groups):
            raise state.cannot(Why.RECIPIENT, "a key group without recipients: nobody could open the file")
        wanted = meta.shamir_threshold if threshold is None else threshold
        self.threshold = min(wanted or len(groups), len(groups)) if len(groups) > 1 else 0
        if len(groups) > 1 and self.threshold < 2:
            raise state.cannot(Why.RECIPIENT, f"a threshold of {wanted} for {len(groups)} key groups")
        listed = any(recipient.path.startswith("sops.key_groups") for recipient in meta.recipients)
        # Shares are made together, so with several groups everything is new.
        self.whole = len(groups) > 1 or listed
        damaged = {problem.key for problem in recipient_problems(meta) if problem.code != "R9"}
        self.nothing = not rewrap and not damaged and not meta.hidden_groups and self.is_so()
        there = {_identity(recipient.key): recipient for recipient in reversed(meta.recipients)}
        self.entries = [[self.entry(key, there, damaged, rewrap) for key in group] for group in groups]
        if not self.nothing:
            self.may_wrap()

    def is_so(self) -> bool:
        """Whether the file is for these recipients already, in whatever order."""
        meta = self.file.metadata
        have = [sorted(_identity(recipient.key) for recipient in group) for group in meta.groups]
        want = [sorted(_identity(key) for key in group) for group in self.groups]
        return have == want and (
            len(want) < 2 or self.threshold == (meta.shamir_threshold or len(meta.groups))
        )

    def entry(
        self, key: Key, there: dict[tuple[str, str], Recipient], damaged: set[str | None], rewrap: bool
    ) -> _Entry:
        at = None if self.whole else there.get(_identity(key))
        return _Entry(key, at, at is not None and not rewrap and at.path not in damaged)

    def may_wrap(self) -> None:
        """Raises `CannotEdit` unless a key can be wrapped for everybody who needs one."""
        missing = []
        for group in self.entries:
            for entry in group:
                if not entry.keeps and (need := lack(entry.key)):
                    missing.append(need)
        if missing:
            what = "the data key cannot be wrapped here for every recipient"
            raise self.state.cannot(Why.RECIPIENT, f"{what}: needed is {', '.join(missing)}", *missing)

    def wrapped(self, key: bytes) -> _Wrapped:
        """The wrapped key of every recipient."""
        try:
            if len(self.entries) > 1:
                texts = [[entry.key.text for entry in group] for group in self.entries]
                encs = wrap(key, texts, self.threshold)
                return [list(zip(*both, strict=True)) for both in zip(self.entries, encs, strict=True)]
            return [[(entry, _enc(entry, key)) for entry in self.entries[0]]]
        except CannotWrap as failure:
            raise self.state.cannot(Why.RECIPIENT, str(failure)) from None

    # text

    def written(self, data: bytes, key: bytes) -> bytes:
        """`data`, which is the file or one with other ciphertexts, for the new recipients."""
        if self.nothing:
            return data
        wrapped = self.wrapped(key)
        for number in range(len(self.file.document.roots)):
            file = again(data, self.file.path)
            root = file.document.roots[number]
            if file.format == "dotenv":
                data = _dotenv(file, root, self.block(wrapped))
            elif isinstance(root.get(BLOCK), Mapping):
                data = self.nested(data, number, wrapped)
        return data

    def block(self, wrapped: _Wrapped) -> Mapping:
        """The fields of the metadata that say who can open the file, as sops 3.13 lays them out."""
        block = Mapping()
        if len(wrapped) == 1:
            block.add(Item(made("age"), _age(wrapped[0], self.order())))
            return block
        groups = Sequence()
        for group in wrapped:
            fields = Mapping()
            fields.add(Item(made("age"), _age(group, self.order())))
            fields.add(Item(made("hc_vault"), Sequence()))
            groups.add(fields)
        block.add(Item(made("key_groups"), groups))
        block.add(Item(made("shamir_threshold"), made(self.threshold)))
        return block

    def order(self) -> tuple[str, str]:
        """In which order an entry has its fields: sops changed it with 3.13."""
        block = self.file.document.roots[0].get(BLOCK)
        entries = block.get("age") if isinstance(block, Mapping) else None
        if isinstance(entries, Sequence):
            for entry in entries.entries():
                if isinstance(entry, Mapping) and entry.entries()[0].name == "recipient":
                    return ("recipient", "enc")
        return ("enc", "recipient")

    def nested(self, data: bytes, number: int, wrapped: _Wrapped) -> bytes:
        """One copy of the block in YAML or JSON."""
        text = _Block(data, self.file.path, number)
        if self.whole:
            new = self.block(wrapped)
            for name in _KEY_FIELDS:
                value = new.get(name)
                if value is not None:
                    text.put_field(name, value)
                elif text.has(name):
                    text.take((name,))
            return text.data
        if text.has("key_groups"):  # hidden by the flat lists, and of no use to anybody
            text.take(("key_groups",))
        (group,) = wrapped
        stays = {entry.at.path: enc for entry, enc in group if entry.at is not None}
        recipients = self.file.metadata.recipients
        text.put_all(
            {
                (*_place(recipient)[1:], "enc"): made(stays[recipient.path])
                for recipient in recipients
                if stays.get(recipient.path, recipient.enc) != recipient.enc
            }
        )
        for entry, enc in group:
            if entry.at is None:
                text.append_age(_entry(entry.key, enc, self.order()))
        for recipient in reversed(recipients):
            if recipient.path not in stays:
                place = _place(recipient)[1:]
                text.take(place if text.count(recipient.family) > 1 else place[:1])
        return text.data


class _Block:
    """The metadata in one document of a text, changed step by step."""

    def __init__(self, data: bytes, path: str, number: int) -> None:
        self.data, self.path, self.number = data, path, number

    def now(self) -> tuple[Patch, Mapping, Mapping]:
        file = again(self.data, self.path)
        root = file.document.roots[self.number]
        block = root.get(BLOCK)
        assert isinstance(block, Mapping)
        return patch_of(file, root), root, block

    def has(self, name: str) -> bool:
        return self.now()[2].get(name) is not None

    def count(self, name: str) -> int:
        listed = self.now()[2].get(name)
        return len(listed.entries()) if isinstance(listed, Sequence) else 0

    def put_all(self, nodes: dict[tuple[str | int, ...], Node]) -> None:
        if nodes:
            patch, root, _ = self.now()
            changes = (put(patch, root, (BLOCK, *path), node) for path, node in nodes.items())
            self.data = spliced(self.data, (splice for change in changes for splice in change))

    def take(self, path: tuple[str | int, ...]) -> None:
        patch, root, _ = self.now()
        self.data = spliced(self.data, taken(patch, root, (BLOCK, *path)))

    def append_age(self, entry: Node) -> None:
        if self.count("age"):
            self.put_all({("age", self.count("age")): entry})
            return
        several = Sequence()
        several.add(entry)
        self.put_field("age", several)

    def put_field(self, name: str, value: Node) -> None:
        """A field of the block, a new one where the alphabet wants it."""
        patch, root, block = self.now()
        found = find(root, (BLOCK, name))
        if not found.rest:
            self.data = spliced(self.data, patch.replace(found, value))
            return
        after = -1
        for position, item in enumerate(block.items):
            if isinstance(item, Item) and (item.name or "") < name:
                after = position
        self.data = spliced(self.data, patch.insert(found, name, value, after))


def _identity(key: Key) -> tuple[str, str]:
    return key.family, key.identity


def _place(recipient: Recipient) -> tuple[str | int, ...]:
    """Where the entry stands, from the root."""
    return tuple(int(part) if part.isdigit() else part for part in recipient.path.split("."))


def _enc(entry: _Entry, key: bytes) -> str:
    if entry.at is not None and entry.keeps:
        return entry.at.enc
    return wrap(key, [[entry.key.text]])[0][0]


def _position(one: tuple[_Entry, str]) -> int:
    """Who stays comes first, in the order of the file."""
    return one[0].at.index if one[0].at is not None else 1 << 30


def _age(group: list[tuple[_Entry, str]], order: tuple[str, str]) -> Sequence:
    entries = Sequence()
    for entry, enc in sorted(group, key=_position):
        if entry.key.family == "age":
            entries.add(_entry(entry.key, enc, order))
    return entries


def _entry(key: Key, enc: str, order: tuple[str, str]) -> Mapping:
    fields = {"enc": enc, "recipient": key.text.strip()}
    mapping = Mapping()
    for name in order:
        mapping.add(Item(made(name), made(fields[name])))
    return mapping


def _dotenv(file: SopsFile, root: Mapping, block: Mapping) -> bytes:
    """The lines of the recipients, all new, where the first one was; those of other kinds stay."""
    gone = {"age", "key_groups"} | (set(_KEY_FIELDS) if block.get("key_groups") is not None else set())
    if file.metadata.groups and len(file.metadata.groups) > 1:
        gone.add("shamir_threshold")
    old = [
        item
        for item in root.entries()
        if (name := item.name or "").startswith(PREFIX)
        and name.removeprefix(PREFIX).partition("__")[0] in gone
    ]
    text = b""
    for name, value in flatten(block):
        shown = str(value).replace("\n", "\\n")
        text += f"{PREFIX}{name}={shown}\n".encode("utf-8", "surrogateescape")
    first = old[0].key.start if old else _first_line(root)
    patch = patch_of(file, root)
    splices = [splice for item in old for splice in taken(patch, root, (item.name or "",))]
    return spliced(file.data, [Splice(first, first, text), *splices])


def _first_line(root: Mapping) -> int:
    return next(item.key.start for item in root.entries() if (item.name or "").startswith(PREFIX))


def _verify(state: Ready, written: bytes, plan: _Plan, cipher: Cipher, key: bytes) -> None:
    """The new file opens, says what the old one said, and names whom it should."""
    file, leaves = checked(state.file, written, cipher, key, state.commands)
    named = [[_identity(recipient.key) for recipient in group] for group in file.metadata.groups]
    wanted = [[_identity(k) for k in group] for group in plan.groups]
    comments = [leaf.value for leaf in leaves if leaf.comment]
    if (
        [sorted(group) for group in named] != [sorted(group) for group in wanted]
        or meaning(file, leaves) != meaning(state.file, state.opened.leaves)
        or comments != [leaf.value for leaf in state.opened.leaves if leaf.comment]
        or file.metadata.scope != state.file.metadata.scope
        or file.metadata.version != state.file.metadata.version
    ):
        raise state.cannot(Why.FORMAT, UNSAFE)
