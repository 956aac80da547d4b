"""The age file format: armor, header and stanzas, read without any key, strictly as age 1.3 reads it."""

import base64
import binascii
from dataclasses import dataclass, field

from sopsguard.keys import Problem
from sopsguard.keys.age import Recipient

_INTRO = b"age-encryption.org/v1\n"
_HEADER = b"-----BEGIN AGE ENCRYPTED FILE-----"
_FOOTER = b"-----END AGE ENCRYPTED FILE-----"
_COLUMNS = 64
_WHITE_SPACE = 1024
_NONCE = 16
_TAG = 16
_CHUNK = 64 * 1024 + _TAG

# type → (size in bytes of each argument that is base64, size of the body); `None`: any size.
_SHAPES: dict[str, tuple[tuple[int | None, ...], int | None]] = {
    "X25519": ((32,), 32),
    "mlkem768x25519": ((1120,), 32),
    "ssh-ed25519": ((4, 32), 32),
    "ssh-rsa": ((4,), None),
    "piv-p256": ((4, 33), 32),
    "p256tag": ((4, 65), 32),
    "mlkem768p256tag": ((4, 1088 + 65), 32),
}


@dataclass(frozen=True, slots=True)
class Stanza:
    """The file key, wrapped for one recipient."""

    type: str
    args: tuple[str, ...]
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class AgeFile:
    """What the clear part of an age file says. Lengths are bytes."""

    stanzas: tuple[Stanza, ...]
    mac: bytes = field(repr=False)
    payload_length: int

    @property
    def plaintext_length(self) -> int:
        """How long the plaintext is: the payload is a nonce and chunks of 64 KiB with a tag each."""
        sealed = self.payload_length - _NONCE
        return sealed - _TAG * -(-sealed // _CHUNK)


def parse_armored(text: str | bytes) -> AgeFile | Problem:
    """The age file in an armor, as it stands in the `enc` of a sops file."""
    data = text.encode("utf-8", "replace") if isinstance(text, str) else text
    decoded = _unarmored(data)
    return decoded if isinstance(decoded, Problem) else _parse(decoded)


def parse(data: bytes) -> AgeFile | Problem | None:
    """An age file, binary or armored; `None` if it does not start as one."""
    if data.startswith(b"age-encryption.org/"):
        return _parse(data)
    return parse_armored(data) if data[: _WHITE_SPACE * 2].lstrip().startswith(_HEADER) else None


def stanza_problem(stanza: Stanza) -> str | None:
    """Why nobody can unwrap this stanza of a known type: arguments or body of a wrong size.

    `None` if nothing is wrong or the type is unknown (plugins and grease).
    """
    shape = _SHAPES.get(stanza.type)
    if shape is None:
        return None
    args, body = shape
    if len(stanza.args) != len(args):
        return f"{stanza.type} with {len(stanza.args)} arguments instead of {len(args)}"
    for arg, size in zip(stanza.args, args, strict=True):
        if (decoded := _base64(arg.encode(), b"")) is None or len(decoded) != size:
            return f"{stanza.type} with an argument that is not {size} bytes"
    if body is not None and len(stanza.body) != body:
        return f"{stanza.type} with a body of {len(stanza.body)} bytes instead of {body}"
    return None


def may_open(recipient: Recipient, stanza: Stanza) -> bool | None:
    """Whether the owner of `recipient` can unwrap `stanza`, as far as it shows without a key.

    `False` is proved (another type, another tag); `True` means that a tag of 32 bits matches;
    `None` that the stanza does not tell.
    """
    if recipient.stanza is None:
        return None
    if stanza.type != recipient.stanza:
        return False
    if stanza.type in ("X25519", "mlkem768x25519"):
        return None
    if stanza_problem(stanza):
        return False
    if (
        stanza.type == "ssh-rsa"
        and recipient.bits is not None
        and len(stanza.body) != -(-recipient.bits // 8)
    ):
        return False
    return _base64(stanza.args[0].encode(), b"") == _tag(recipient, stanza)


def ssh_tag(wire: bytes) -> str:
    """The tag by which an ssh stanza names its key: base64 of the first 4 bytes of SHA-256 of `wire`."""
    from hashlib import sha256

    return base64.b64encode(sha256(wire).digest()[:4]).rstrip(b"=").decode()


def _tag(recipient: Recipient, stanza: Stanza) -> bytes:
    from hashlib import sha256
    from hmac import digest

    point = recipient.point
    if point is None:
        return sha256(recipient.data).digest()[:4]
    if stanza.type == "piv-p256":
        return sha256(point).digest()[:4]
    encapsulated = _base64(stanza.args[1].encode(), b"") or b""
    label = b"age-encryption.org/" + stanza.type.encode()
    return digest(label, encapsulated + sha256(point).digest()[:4], "sha256")[:4]


def _unarmored(data: bytes) -> bytes | Problem:
    lines = data.split(b"\n")
    start = 0
    skipped = 0
    while start < len(lines) and not lines[start].strip():
        skipped += len(lines[start]) + 1
        start += 1
    if skipped > _WHITE_SPACE or start == len(lines) or _line(lines[start]) != _HEADER:
        return _problem("the armor does not start with its header")
    out = bytearray()
    at = start + 1
    size = _COLUMNS * 3 // 4
    while at < len(lines) and (line := _line(lines[at])) != _FOOTER:
        if size < _COLUMNS * 3 // 4:
            return _problem("a short line inside the armor")
        if not line:
            return _problem("an empty line inside the armor")
        if len(line) > _COLUMNS:
            return _problem("a line of the armor is longer than 64 columns")
        decoded = _base64(line, b"=")
        if decoded is None:
            return _problem("a line of the armor is not base64")
        out += decoded
        size = len(decoded)
        at += 1
    if at >= len(lines):
        return _problem("the armor does not end with its footer")
    rest = b"\n".join(lines[at + 1 :])
    if rest.strip():
        return _problem("something follows the armor")
    return _problem("too much white space follows the armor") if len(rest) >= _WHITE_SPACE else bytes(out)


def _line(line: bytes) -> bytes:
    return line.removesuffix(b"\r")


def _parse(data: bytes) -> AgeFile | Problem:
    if not data.startswith(_INTRO):
        return _problem("another version of the format" if data else "the file is empty")
    stanzas = []
    at = len(_INTRO)
    while not data.startswith(b"---", at):
        line, at = _next(data, at)
        if line is None or not line.startswith(b"-> "):
            return _problem("a stanza does not start with '-> '")
        words = line[3:].split(b" ")
        if not all(word and all(32 < code < 127 for code in word) for word in words):
            return _problem("the first line of a stanza is malformed")
        body = bytearray()
        size = _COLUMNS
        while size == _COLUMNS:
            line, at = _next(data, at)
            decoded = None if line is None or len(line) > _COLUMNS else _base64(line, b"")
            if line is None or decoded is None:
                return _problem("the body of a stanza is malformed")
            body += decoded
            size = len(line)
        kind, *args = (word.decode() for word in words)
        stanzas.append(Stanza(kind, tuple(args), bytes(body)))
    line, at = _next(data, at)
    mac = _base64(line[4:], b"") if line and line.startswith(b"--- ") else None
    if mac is None or len(mac) != 32:
        return _problem("the line of the header MAC is malformed")
    if not stanzas:
        return _problem("no stanza: nobody can open it")
    if len(stanzas) > 1 and any(stanza.type == "scrypt" for stanza in stanzas):
        return _problem("a passphrase beside other recipients, which age refuses")
    sealed = len(data) - at - _NONCE
    last = sealed % _CHUNK
    if sealed < _TAG or 0 < last < _TAG or (last == _TAG and sealed > _TAG):
        return _problem("the payload is cut off")
    return AgeFile(tuple(stanzas), mac, len(data) - at)


def _next(data: bytes, at: int) -> tuple[bytes | None, int]:
    end = data.find(b"\n", at)
    return (None, at) if end < 0 else (data[at:end], end + 1)


def _base64(text: bytes, padding: bytes) -> bytes | None:
    """Strict base64 (canonical, nothing but the alphabet), padded if `padding` is `=`, else not."""
    if not padding:
        if b"=" in text:
            return None
        text += b"=" * (-len(text) % 4)
    try:
        decoded = binascii.a2b_base64(text, strict_mode=True)
    except binascii.Error:
        return None
    return decoded if binascii.b2a_base64(decoded, newline=False) == text else None


def _problem(reason: str) -> Problem:
    return Problem("age-file", reason)
