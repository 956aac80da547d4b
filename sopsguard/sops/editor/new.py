"""Writes SOPS files: encrypts a new one for age recipients, in the layout of sops 3.13."""

from collections.abc import Sequence as Many

from sopsguard.document import (
    Comment,
    Document,
    Item,
    Mapping,
    Node,
    Scalar,
    Sequence,
    Unreadable,
    Value,
    read,
)
from sopsguard.sops.cipher import KEY_BYTES, Cipher
from sopsguard.sops.file import BLOCK, SopsFile, leaves
from sopsguard.sops.file import read as read_sops
from sopsguard.sops.flat import PREFIX, flatten
from sopsguard.sops.mac import Mac
from sopsguard.sops.metadata import rfc3339
from sopsguard.sops.opening import Opened, Reason, Refused, decrypt
from sopsguard.sops.rules import Scope
from sopsguard.sops.scope import Selection
from sopsguard.sops.wrapping import wrap

SOPS_VERSION = "3.13.3"
FORMATS = ("yaml", "json", "dotenv", "binary")
_ENDINGS = {"yaml": ".yaml", "json": ".json", "dotenv": ".env", "binary": ""}


class CannotEncrypt(Exception):
    """The file cannot be encrypted, and sops would refuse it too unless the message says otherwise."""


def encrypt(
    data: bytes,
    format: str,
    groups: Many[Many[str]],
    modified: str,
    scope: Scope | None = None,
    threshold: int = 0,
    indent: int = 4,
) -> bytes:
    """A new SOPS file of `format` (one of `FORMATS`) with the content `data`.

    `groups` are the recipients of each key group, `modified` the time in RFC 3339 (UTC, whole seconds).
    `scope` chooses what is encrypted; binary files ignore it. Raises `CannotEncrypt`, or `CannotWrap` for a
    recipient.
    """
    from secrets import token_bytes

    if format not in FORMATS:
        raise CannotEncrypt(f"encrypting a new {format} file needs the sops program")
    if rfc3339(modified) != modified:
        raise ValueError("the time of modification must be RFC 3339 with whole seconds")
    document = _plain(data, format)
    scope = Scope() if scope is None else scope
    if format == "binary":
        scope = Scope(mac_only_encrypted=scope.mac_only_encrypted)
    chosen = {} if format == "binary" else scope.effective()
    if len(chosen) > 1:
        raise CannotEncrypt(f"more than one selection field is set ({', '.join(chosen)})")
    scope = Scope(**(chosen or scope.effective()), mac_only_encrypted=scope.mac_only_encrypted)
    key = token_bytes(KEY_BYTES)
    cipher = Cipher(key)
    sealing = _Sealing(document, Selection(scope), cipher, scope)
    roots = [sealing.mapping(root) for root in document.roots]
    mac = cipher.encrypt(sealing.mac.text(), modified)
    block: dict[str, object] = {
        **_keys(groups, wrap(key, groups, threshold), threshold),
        **chosen,
        "lastmodified": modified,
        "mac": mac,
        "version": SOPS_VERSION,
    }
    if scope.mac_only_encrypted:
        block["mac_only_encrypted"] = True
    written = _written(roots, format, _node(block), indent)
    _read_back(written, format, cipher, key)
    return written


def _read_back(written: bytes, format: str, cipher: Cipher, key: bytes) -> None:
    """Sops cannot always read what it writes (clear minus zero, some texts in lists): better not write it."""
    file = read_sops(written, f"x{_ENDINGS[format]}")
    refused = decrypt(file, cipher, key) if isinstance(file, SopsFile) else file
    if not isinstance(refused, Opened):
        place = (
            f" (`{refused.key}`)" if isinstance(refused, Refused) and refused.reason is Reason.VALUE else ""
        )
        raise CannotEncrypt(f"a value in clear is lost in the form in which sops writes it{place}")


def _plain(data: bytes, format: str) -> Document:
    """The document to encrypt. Raises `CannotEncrypt` where sops refuses it or would lose something."""
    if format == "binary":
        root = Mapping()
        root.add(Item(_scalar("data"), _scalar(data.decode("utf-8", "surrogateescape"))))
        return Document("binary", [root], [])
    try:
        document = read(data, format)
    except Unreadable as refused:
        where = f" (line {refused.line})" if refused.line else ""
        raise CannotEncrypt(f"it is not readable as {format}: {refused.message}{where}") from None
    for flaw in document.flaws:
        if flaw.code != "alias":
            raise CannotEncrypt(f"line {flaw.line}: {flaw.message}")
    for root in document.roots:
        for item in root.entries():
            name = item.name or ""
            if name.startswith(PREFIX) if format == "dotenv" else name == BLOCK:
                what = f"the key `{BLOCK}` is reserved, or the file is encrypted already"
                raise CannotEncrypt(f"line {item.key.line}: {what}")
    return document


class _Sealing:
    """`Tree.Encrypt` of sops: the leaves come in the order of the file."""

    def __init__(self, document: Document, selection: Selection, cipher: Cipher, scope: Scope) -> None:
        if selection.missing is not None:
            raise CannotEncrypt(selection.missing.reason)
        for name in selection.invalid:
            raise CannotEncrypt(f"`{name}` is no regular expression for sops; it would not say so")
        self.selection, self.cipher = selection, cipher
        self.mac = Mac(scope.mac_only_encrypted)
        self.source = iter(leaves(document, selection))

    def mapping(self, mapping: Mapping) -> Mapping:
        result = Mapping()
        for item in mapping.items:
            if isinstance(item, Comment):
                result.items.append(item._replace(text=self.comment(item)))
                continue
            if item.name is None:
                raise CannotEncrypt(f"line {item.key.line}: a key is not a string")
            result.add(Item(item.key, self.node(item.value)))
        return result

    def node(self, node: Node) -> Node:
        if isinstance(node, Mapping):
            return self.mapping(node)
        if isinstance(node, Scalar):
            return self.scalar(node)
        result = Sequence()
        for item in node.items:
            if not isinstance(item, Comment):
                result.add(self.node(item))
                continue
            text = self.comment(item)
            if text == item.text:
                result.items.append(item)
            else:  # in a list an encrypted comment becomes an element
                result.add(_scalar(text))
        return result

    def scalar(self, node: Scalar) -> Scalar:
        leaf = next(self.source)
        value = node.value
        if value is None:
            return node
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise CannotEncrypt(f"line {node.line}: a number has more than 64 bits")
        self.mac.add(value, bool(leaf.selected))
        return _scalar(self.cipher.encrypt(value, leaf.aad)) if leaf.selected else _scalar(value)

    def comment(self, comment: Comment) -> str:
        leaf = next(self.source)
        if not leaf.selected:
            return comment.text
        text = self.cipher.encrypt(comment.text, leaf.aad, comment=True)
        if self.selection.scope.unencrypted_comment_regex and self.selection.decide(0, [[text]]) is False:
            what = "the encrypted comment would match `unencrypted_comment_regex`"
            raise CannotEncrypt(f"line {comment.line}: {what}")
        return text


def _keys(groups: Many[Many[str]], wrapped: list[list[str]], threshold: int) -> dict[str, object]:
    entries = [
        [{"enc": enc, "recipient": text.strip()} for text, enc in zip(group, encs, strict=True)]
        for group, encs in zip(groups, wrapped, strict=True)
    ]
    if len(entries) == 1:
        return {"age": entries[0]}
    return {
        "key_groups": [{"age": entry, "hc_vault": []} for entry in entries],
        "shamir_threshold": threshold or len(entries),
    }


def _written(roots: list[Mapping], format: str, block: Node, indent: int) -> bytes:
    if format == "dotenv":
        from sopsguard.document.dotenv import write_dotenv

        for name, value in flatten(block):
            roots[0].add(Item(_scalar(PREFIX + name), _scalar(value)))
        return write_dotenv(roots[0])
    for root in roots:
        root.add(Item(_scalar(BLOCK), block))
    if format == "yaml":
        from sopsguard.document.yaml_writer import write_yaml

        return write_yaml(roots, indent)
    from sopsguard.document.json_writer import write_json

    try:
        return write_json(roots[0])
    except ValueError as failure:
        raise CannotEncrypt(str(failure)) from None


def _scalar(value: Value) -> Scalar:
    return Scalar(value, 0, 0, 1, 1)


def _node(value: object) -> Node:
    """A tree of plain values, mappings in alphabetical order."""
    if isinstance(value, dict):
        mapping = Mapping()
        for name in sorted(value):
            mapping.add(Item(_scalar(name), _node(value[name])))
        return mapping
    if isinstance(value, list):
        sequence = Sequence()
        for element in value:
            sequence.add(_node(element))
        return sequence
    assert isinstance(value, str | int)
    return _scalar(value)
