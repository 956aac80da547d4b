"""Encrypts and decrypts single values: AES-256-GCM, a nonce of 32 bytes, the path as authenticated data.

Source: sops 3.13.2 `aes/cipher.go`.
"""

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import Any

from sopsguard.document import Time, Value
from sopsguard.document.scalars import plain_bytes, timestamp
from sopsguard.sops.envelope import IV_BYTES, TAG_BYTES, parse

KEY_BYTES = 32
_INT = re.compile(r"[-+]?[0-9]{1,19}\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_SPECIAL = re.compile(r"([-+]?)(inf|infinity|nan)\Z", re.IGNORECASE)
_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})


class CannotDecrypt(Exception):
    """A value does not decrypt; the message says why and quotes nothing."""


class CrashesSops(CannotDecrypt):
    """It decrypts, and its type makes sops panic."""


@dataclass(frozen=True, slots=True)
class Plain:
    """A decrypted value; `comment` if it is a comment (its text is the value)."""

    value: Value = field(repr=False)
    comment: bool = False


class Cipher:
    """The data key of one file, which never shows."""

    __slots__ = ("_gcm",)

    def __init__(self, key: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        if len(key) != KEY_BYTES:
            raise CannotDecrypt(f"the data key is not {KEY_BYTES} bytes long")
        self._gcm: Any = AESGCM(key)

    def __repr__(self) -> str:
        return "Cipher(…)"

    def decrypt(self, text: str, aad: str) -> Plain:
        """The value in an envelope; an empty text is an empty string. Raises `CannotDecrypt`."""
        if not text:
            return Plain("")
        envelope = parse(text)
        if envelope is None:
            raise CannotDecrypt("it is not in the format of an encrypted value")
        try:
            data, iv, tag = (_decode(part) for part in envelope[:3])
        except binascii.Error:
            raise CannotDecrypt("its base64 is broken") from None
        from cryptography.exceptions import InvalidTag

        try:
            plain = self._gcm.decrypt(iv, data + tag, aad.encode("utf-8", "surrogateescape"))
        except (InvalidTag, ValueError):
            raise CannotDecrypt(
                "it was changed, moved here from another key, or has another data key"
            ) from None
        return _typed(plain, envelope.type)

    def encrypt(self, value: Value, aad: str, comment: bool = False, iv: bytes | None = None) -> str:
        """The envelope of a value; an empty text stays empty. Raises `ValueError` for null.

        `iv` is the nonce to use again for a value that did not change; never give it for another value.
        """
        kind = "comment" if comment else _kind(value)
        plain = plain_bytes(value)
        if not plain:
            return ""
        if iv is None:
            from secrets import token_bytes

            iv = token_bytes(IV_BYTES)
        sealed = self._gcm.encrypt(iv, plain, aad.encode("utf-8", "surrogateescape"))
        data, tag = sealed[:-TAG_BYTES], sealed[-TAG_BYTES:]
        return f"ENC[AES256_GCM,data:{_encode(data)},iv:{_encode(iv)},tag:{_encode(tag)},type:{kind}]"


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _decode(text: str) -> bytes:
    raw = text.encode("utf-8", "surrogateescape").replace(b"\r", b"").replace(b"\n", b"")
    if len(raw) % 4 or b"=" in raw[:-2] or (raw[-2:-1] == b"=" and raw[-1:] != b"="):
        raise binascii.Error
    return base64.b64decode(raw, validate=True)


def _kind(value: Value) -> str:
    if value is None:
        raise ValueError("null is never encrypted")
    names = {str: "str", int: "int", float: "float", bool: "bool", Time: "time"}
    return names[type(value)]


def _typed(plain: bytes, kind: str) -> Plain:
    """The value of decrypted bytes, as Go's `strconv` and `time` read them."""
    text = plain.decode("utf-8", "surrogateescape")
    if kind == "str":
        return Plain(text)
    if kind == "comment":
        return Plain(text, comment=True)
    if kind == "int" and _INT.match(text) and -(2**63) <= int(text) < 2**63:
        return Plain(int(text))
    if kind == "bool" and text in _TRUE | _FALSE:
        return Plain(text in _TRUE)
    if kind == "float" and (_FLOAT.match(text) or _SPECIAL.match(text)):
        number = float(text)
        if _SPECIAL.match(text) or number not in (float("inf"), float("-inf")):
            return Plain(number)
    if kind == "time":
        moment = timestamp(text)
        if moment is not None and "T" in text and "," not in text and text[12:13] != ":":
            return Plain(moment)
    if kind == "bytes":
        raise CrashesSops("its type is `bytes`, at which sops crashes")
    if kind not in ("int", "bool", "float", "time"):
        raise CannotDecrypt("its type is none that sops knows")
    raise CannotDecrypt(f"what is inside is no {kind}")
