"""OpenPGP below the key: armor with its CRC, the framing of packets, and the fields of their bodies.

Source: RFC 9580 (and 4880 for what it replaced), LibrePGP for version 5. Nothing is decompressed
and nothing nested is entered, so time and memory are linear in the input.
"""

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

# Far more than the keyring of an organisation.
LONGEST = 1 << 24
_MOST_BITS = 16384

_BEGIN = re.compile(r"-----BEGIN PGP (PRIVATE|PUBLIC) KEY BLOCK-----")
_ESCAPES = re.compile(r"\\{1,4}[rnt]")


class Malformed(Exception):
    """Why a packet is not one. Callers of `openpgp` never see it."""


@dataclass(frozen=True, slots=True)
class Block:
    """The bytes of a keyring. `private`: its armor says that it holds secret keys; `crc`: whether the
    checksum of the armor is right, `None` if it has none."""

    private: bool
    data: bytes = field(repr=False)
    crc: bool | None
    armored: bool = True


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet: its type, its body, where it starts in the data."""

    tag: int
    body: bytes = field(repr=False)
    start: int


def blocks(text: str) -> Iterator[Block]:
    """The armored key blocks of `text`; they may be indented, escaped (`\\n`), and lack their end."""
    at = 0
    while begin := _BEGIN.search(text, at):
        at = text.find("-----", begin.end())
        body = text[begin.end() : at if at >= 0 else None]
        if "\\" in body:
            body = _ESCAPES.sub("\n", body)
        lines = [line.strip(" \t\r\"',") for line in body.split("\n")]
        lines = [
            line for line in lines if line and ":" not in line
        ]  # neither armor headers nor the blank line
        crc = next((line[1:] for line in lines if line.startswith("=") and len(line) == 5), None)
        encoded = "".join(line for line in lines if not line.startswith("=")).replace(" ", "")
        encoded = (re.match(r"[A-Za-z0-9+/]*", encoded) or [""])[0]
        encoded = encoded[:-1] if len(encoded) % 4 == 1 else encoded
        data = binascii.a2b_base64(encoded + "=" * (-len(encoded) % 4))
        yield Block(begin[1] == "PRIVATE", data, None if crc is None else _is_crc(crc, data))
        if at < 0:
            return


def packets(data: bytes) -> Iterator[Packet]:
    """The packets of `data`, in old and new format, partial lengths joined; raises Malformed at the
    first byte that starts none or at a length that points beyond the end."""
    at = 0
    while at < len(data):
        start, head = at, data[at]
        at += 1
        if not head & 0x80:
            raise Malformed("no packet starts here")
        if head & 0x40:
            tag = head & 0x3F
            body, at = _new_format(data, at)
        else:
            tag = head >> 2 & 15
            size = (1, 2, 4, 0)[head & 3]
            length = int.from_bytes(data[at : at + size], "big") if size else len(data) - at
            at += size
            body, at = _slice(data, at, length), at + length
        if tag == 0:
            raise Malformed("no packet has type 0")
        yield Packet(tag, body, start)


class Reader:
    """Reads the fields of a body; raises Malformed where they are cut off."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def at(self) -> int:
        return self._at

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def since(self, at: int) -> bytes:
        """What was read from offset `at` on."""
        return self._data[at : self._at]

    def take(self, length: int) -> bytes:
        part = _slice(self._data, self._at, length)
        self._at += length
        return part

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def mpi(self, *, exact: bool = True) -> int:
        """A multiprecision integer. `exact`: the first bit that its length counts must be set, as
        it is wherever it is a number and not, as GnuPG writes some secrets, opaque bytes."""
        bits = self.number(2)
        if bits > _MOST_BITS:
            raise Malformed("a number that no key has")
        value = self.number((bits + 7) // 8)
        if value.bit_length() > bits or (exact and value.bit_length() != bits):
            raise Malformed("a number whose length is wrong")
        return value


def _new_format(data: bytes, at: int) -> tuple[bytes, int]:
    parts = []
    while True:
        head = int.from_bytes(_slice(data, at, 1), "big")
        at += 1
        partial = 224 <= head < 255
        if partial:
            length = 1 << (head & 31)
        elif head < 192:
            length = head
        elif head < 224:
            length = (head - 192 << 8) + int.from_bytes(_slice(data, at, 1), "big") + 192
            at += 1
        else:
            length = int.from_bytes(_slice(data, at, 4), "big")
            at += 4
        parts.append(_slice(data, at, length))
        at += length
        if not partial:
            return b"".join(parts), at


def _slice(data: bytes, at: int, length: int) -> bytes:
    if length > len(data) - at:
        raise Malformed("cut off")
    return data[at : at + length]


def _is_crc(text: str, data: bytes) -> bool:
    try:
        wanted = int.from_bytes(binascii.a2b_base64(text, strict_mode=True), "big")
    except (binascii.Error, ValueError):
        return False
    register = 0xB704CE
    table = _crc_table()
    for byte in data:
        register = (register << 8 & 0xFFFFFF) ^ table[register >> 16 ^ byte]
    return register == wanted


@cache
def _crc_table() -> tuple[int, ...]:
    out = []
    for byte in range(256):
        register = byte << 16
        for _ in range(8):
            register = register << 1 ^ (0x1864CFB if register & 0x800000 else 0)
        out.append(register & 0xFFFFFF)
    return tuple(out)
