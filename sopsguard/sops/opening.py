"""Opens a SOPS file in memory: the data key, every value, the MAC. Nothing of it shows or is stored.

The order and the strictness are those of `sops decrypt` 3.13: every value's tag must hold, then the MAC.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from sopsguard.document import Comment, Item, Mapping, Node, Scalar, Sequence, Value
from sopsguard.sops.cipher import CannotDecrypt, Cipher, CrashesSops, Plain
from sopsguard.sops.file import BLOCK, SopsFile
from sopsguard.sops.flat import PREFIX
from sopsguard.sops.identity import Identities, unwrap
from sopsguard.sops.mac import Mac
from sopsguard.sops.metadata import Recipient, is_semver
from sopsguard.sops.shamir import CannotCombine, combine

Version = tuple[int, int, int]
NEWEST: Version = (3, 13, 3)


class Reason(StrEnum):
    """Why a file does not open."""

    METADATA = "metadata"  # sops refuses the block, or the document, before it asks for a key
    NO_KEY = "no-key"  # no identity at hand fits; says nothing about the file
    DATA_KEY = "data-key"  # an identity fits and what it gives is no data key
    VALUE = "value"  # a value does not decrypt
    UNKNOWN = "unknown"  # the scope cannot be decided without an RE2 engine
    MAC = "mac"  # every value decrypts, and the whole was changed


@dataclass(frozen=True, slots=True)
class Refused:
    """The file does not open: why, and where."""

    reason: Reason
    message: str
    line: int | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class PlainLeaf:
    """One value in clear; `path` as in `Leaf`, `iv` the nonce it was encrypted with (base64), if it was."""

    path: tuple[str | int, ...]
    document: int
    aad: str
    value: Value = field(repr=False)
    comment: bool
    encrypted: bool
    iv: str | None


@dataclass(frozen=True, slots=True)
class Opened:
    """The file in clear, its MAC verified. `roots` are the documents without metadata."""

    file: SopsFile
    roots: tuple[Mapping, ...] = field(repr=False)
    leaves: tuple[PlainLeaf, ...] = field(repr=False)
    data_key: bytes = field(repr=False)
    used: tuple[str, ...] = ()  # the recipients whose copy of the data key (or share) was unwrapped


def open_file(file: SopsFile, identities: Identities, version: Version = NEWEST) -> Opened | Refused:
    """Opens `file` with age identities, as sops of `version` would. Never raises for what is in the file."""
    refused = _metadata(file, version)
    if refused is not None:
        return refused
    found = data_key(file, identities)
    if isinstance(found, Refused):
        return found
    key, used = found
    try:
        cipher = Cipher(key)
    except CannotDecrypt as failure:
        return Refused(Reason.DATA_KEY, str(failure))
    return decrypt(file, cipher, key, used, version)


def _metadata(file: SopsFile, version: Version) -> Refused | None:
    """What makes sops refuse a file before it asks for a key."""
    meta = file.metadata
    if not meta.loads:
        fatal = [problem for problem in meta.problems if problem.code in ("M1", "M5", "M7", "M8")]
        problem = fatal[0]
        return Refused(Reason.METADATA, problem.message, problem.line, problem.key)
    if not meta.version or not is_semver(meta.version):
        return Refused(Reason.METADATA, "`sops.version` is missing or no version", meta.line, "sops.version")
    unquoted = next((problem for problem in meta.problems if problem.code == "M6"), None)
    if unquoted is not None and version >= (3, 13, 0):
        return Refused(Reason.METADATA, unquoted.message, unquoted.line, unquoted.key)
    fatal_flaws = {"duplicate-key", "bad-tag", "complex-key"} if version >= (3, 10, 0) else {"complex-key"}
    for flaw in file.document.flaws:
        if file.format == "yaml" and flaw.document == 0 and flaw.code in fatal_flaws:
            return Refused(Reason.METADATA, flaw.message, flaw.line)
    if file.format in ("json", "binary", "ini"):
        blocks = [item for item in file.document.roots[0].entries() if item.name == BLOCK]
        if len(blocks) > 1:
            return Refused(Reason.METADATA, "the `sops` block stands there twice", blocks[1].key.line)
    if file.selection.missing is not None:
        return Refused(Reason.UNKNOWN, file.selection.missing.reason, meta.line)
    return None


def data_key(file: SopsFile, identities: Identities) -> tuple[bytes, tuple[str, ...]] | Refused:
    """The data key, from one recipient or from a share of each of enough groups, and through whom."""
    parts: list[bytes] = []
    used: list[str] = []
    others: set[str] = set()
    for group in file.metadata.groups:
        for recipient in _in_order(group):
            if recipient.family != "age":
                others.add(recipient.family)
                continue
            part = unwrap(recipient.enc, identities) if identities else None
            if part:
                parts.append(part)
                used.append(recipient.key.text)
                break
    groups, threshold = len(file.metadata.groups), file.metadata.shamir_threshold
    needed = threshold if groups > 1 else 1
    if len(parts) < max(needed, 1):
        return Refused(
            Reason.NO_KEY, _no_key(len(parts), needed, groups, others, identities), file.metadata.line
        )
    if groups == 1:
        return parts[0], tuple(used)
    try:
        return combine(parts), tuple(used)
    except CannotCombine as failure:
        return Refused(Reason.DATA_KEY, f"the shares of the data key do not combine: {failure}")


def _in_order(group: tuple[Recipient, ...]) -> list[Recipient]:
    return sorted(group, key=lambda recipient: recipient.family != "age")


def _no_key(found: int, needed: int, groups: int, others: set[str], identities: Identities) -> str:
    if groups > 1:
        return f"identities for {found} of its {groups} key groups are at hand, {needed} are needed"
    also = f" (it is also encrypted for {', '.join(sorted(others))})" if others else ""
    if not identities:
        return f"no age identity is at hand{also}"
    return f"none of the {len(identities.usable)} identities at hand opens it{also}"


def decrypt(
    file: SopsFile, cipher: Cipher, key: bytes, used: tuple[str, ...] = (), version: Version = NEWEST
) -> Opened | Refused:
    """Every value and the MAC with a known data key."""
    walk = _Decryption(file, cipher, version)
    try:
        roots = tuple(map(walk.root, file.document.roots))
    except _Failure as failure:
        return failure.refused
    meta = file.metadata
    line, name = meta.mac_at[0], "sops.mac"
    if not meta.mac:
        return Refused(Reason.MAC, "it has no MAC, so nothing shows whether it was changed", line, name)
    try:
        mac = cipher.decrypt(meta.mac, meta.mac_aad or "")
    except CannotDecrypt as failure:
        return Refused(Reason.MAC, f"the MAC does not decrypt: {failure}", line, name)
    if mac.comment or mac.value != walk.mac.text():
        return Refused(
            Reason.MAC, "the MAC does not fit: values were changed, added, removed or reordered", line, name
        )
    return Opened(file, roots, tuple(walk.leaves), key, used)


class _Failure(Exception):
    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.message)
        self.refused = refused


class _Decryption:
    """`Tree.Decrypt` of sops; the leaves of the file are in its order, so they are taken one by one."""

    def __init__(self, file: SopsFile, cipher: Cipher, version: Version) -> None:
        self.file, self.cipher = file, cipher
        self.hashes_list_comments = version == (3, 13, 2)
        self.keeps_inline = version >= (3, 13, 0)
        self.mac = Mac(file.metadata.scope.mac_only_encrypted)
        self.leaves: list[PlainLeaf] = []
        self.source = iter(file.leaves)
        self.flat = file.format == "dotenv"

    def root(self, root: Mapping) -> Mapping:
        result = Mapping(root.start, root.end, root.line)
        for item in root.items:
            if not (isinstance(item, Item) and self.is_metadata(item.name)):
                self.item(item, result)
        return result

    def is_metadata(self, name: str | None) -> bool:
        return name is not None and (name.startswith(PREFIX) if self.flat else name == BLOCK)

    def item(self, item: Item | Comment, result: Mapping) -> None:
        if isinstance(item, Comment):
            result.items.append(self.comment(item))
            return
        if item.name is None:
            message = "a key is not a string: sops refuses the file"
            raise _Failure(Refused(Reason.VALUE, message, item.key.line))
        value = self.node(item.value)
        if isinstance(value, Comment):  # an encrypted comment in the place of a value
            value = Scalar(value.text, value.start, value.end, value.line, value.column)
        result.add(Item(item.key, value))

    def node(self, node: Node) -> Node | Comment:
        if isinstance(node, Mapping):
            mapping = Mapping(node.start, node.end, node.line)
            for item in node.items:
                self.item(item, mapping)
            return mapping
        if isinstance(node, Sequence):
            sequence = Sequence(node.start, node.end, node.line)
            for element in node.items:
                if isinstance(element, Comment):
                    sequence.items.append(self.comment(element))
                    continue
                value = self.node(element)
                if isinstance(value, Comment):
                    sequence.items.append(value)
                else:
                    sequence.add(value)
            return sequence
        return self.scalar(node)

    def scalar(self, node: Scalar) -> Scalar | Comment:
        leaf = next(self.source)
        if node.value is None:
            self.leaves.append(PlainLeaf(leaf.path, leaf.document, leaf.aad, None, False, False, None))
            return node
        plain = Plain(node.value)
        if leaf.selected:
            if not isinstance(node.value, str):
                message = "the value is in clear and should be encrypted: sops refuses the file"
                raise _Failure(Refused(Reason.VALUE, message, node.line, leaf.key))
            try:
                plain = self.cipher.decrypt(node.value, leaf.aad)
            except CannotDecrypt as failure:
                message = f"the value does not decrypt: {failure}"
                raise _Failure(Refused(Reason.VALUE, message, node.line, leaf.key)) from None
        elif isinstance(node.value, int) and not -(2**63) <= node.value < 2**63:
            raise _Failure(Refused(Reason.VALUE, "a number has more than 64 bits", node.line, leaf.key))
        if not plain.comment or self.hashes_list_comments:
            self.mac.add(plain.value, bool(leaf.selected))
        iv = leaf.envelope.iv if leaf.envelope is not None and leaf.selected else None
        self.leaves.append(
            PlainLeaf(leaf.path, leaf.document, leaf.aad, plain.value, plain.comment, bool(leaf.selected), iv)
        )
        if plain.comment:
            return Comment(str(plain.value), node.start, node.end, node.line, node.column)
        return Scalar(plain.value, node.start, node.end, node.line, node.column)

    def comment(self, comment: Comment) -> Comment:
        leaf = next(self.source)
        text, iv = comment.text, None
        if leaf.selected and text:
            try:
                plain = self.cipher.decrypt(comment.text, leaf.aad)
            except CrashesSops as failure:
                refused = Refused(Reason.VALUE, f"a comment: {failure}", comment.line, leaf.key)
                raise _Failure(refused) from None
            except CannotDecrypt:
                pass  # sops takes it for a comment that was never encrypted
            else:
                if not isinstance(plain.value, str):
                    message = "a comment is encrypted as another type: sops refuses the file"
                    raise _Failure(Refused(Reason.VALUE, message, comment.line, leaf.key))
                if plain.comment:
                    comment = comment._replace(inline=False)  # as in sops, which forgets it here
                elif not self.hashes_list_comments:
                    self.mac.add(plain.value, True)
                text, iv = plain.value, leaf.envelope.iv if leaf.envelope else None
        self.leaves.append(PlainLeaf(leaf.path, leaf.document, leaf.aad, text, True, iv is not None, iv))
        return comment._replace(text=text, inline=comment.inline and self.keeps_inline)


def plaintext(opened: Opened) -> bytes:
    """What `sops decrypt` prints, byte for byte (3.13). Raises `ValueError` where sops cannot print it."""
    format, roots = opened.file.format, opened.roots
    if format == "yaml":
        from sopsguard.document.yaml_writer import write_yaml

        return write_yaml(roots)
    if format == "json":
        from sopsguard.document.json_writer import write_json

        return write_json(roots[0])
    if format == "dotenv":
        from sopsguard.document.dotenv import write_dotenv

        return write_dotenv(roots[0])
    if format == "ini":
        from sopsguard.document.ini import write_ini

        return write_ini(roots[0])
    for item in roots[0].entries():
        if item.name == "data" and isinstance(item.value, Scalar) and isinstance(item.value.value, str):
            return item.value.value.encode("utf-8", "surrogateescape")
    raise ValueError("there is no binary data in it")
