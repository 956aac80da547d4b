"""Bech32 as age uses it: BIP-173 with checksum constant 1 and without the limit of 90 characters."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from sopsguard.keys import Problem

# The longest real string, a tagged post-quantum recipient, has about 2 000 characters; a megabyte
# would cost half a second, so what is far beyond any key is refused unread.
LONGEST = 1 << 16

_CHARSET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_VALUES = {char: value for value, char in enumerate(_CHARSET)}
_GENERATORS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)


def _folded(top: int) -> int:
    """What the five bits that leave the checksum register change in it."""
    folded = 0
    for bit, generator in enumerate(_GENERATORS):
        folded ^= generator if top >> bit & 1 else 0
    return folded


_FOLDED = tuple(map(_folded, range(32)))


@dataclass(frozen=True, slots=True)
class Decoded:
    """The human-readable part, in the case it was written in, and the bytes, which may be a secret."""

    prefix: str
    data: bytes = field(repr=False)


def decode(text: str) -> Decoded | Problem:
    """Decode as `filippo.io/age/internal/bech32` does; every refusal has its reason."""
    if len(text) > LONGEST:
        return _problem("longer than any key")
    if not text.isascii() or not text.isprintable() or " " in text:
        return _problem("a character that bech32 does not have")
    if text != text.lower() and text != text.upper():
        return _problem("upper and lower case mixed")
    prefix, separator, rest = text.rpartition("1")
    if not separator or not prefix or len(rest) < 6:
        return _problem("no separator with a checksum after it")
    try:
        values = [_VALUES[char] for char in rest.lower()]
    except KeyError:
        return _problem("a character that bech32 does not have")
    if _polymod([*_expanded(prefix.lower()), *values]) != 1:
        return _problem("the checksum is wrong")
    data, left, bits = _regroup(values[:-6], 5, 8)
    if left or bits >= 5:
        return _problem("the padding is not zero")
    return Decoded(prefix, bytes(data))


def encode(prefix: str, data: bytes) -> str:
    """The bech32 string of `data`; upper case if `prefix` is.

    Raises ValueError for a prefix that is empty, of mixed case or not printable ASCII.
    """
    if not prefix or not prefix.isascii() or not prefix.isprintable() or " " in prefix:
        raise ValueError("not a bech32 prefix")
    lower = prefix.lower()
    if prefix not in (lower, prefix.upper()):
        raise ValueError("a bech32 prefix of mixed case")
    values, pending, bits = _regroup(data, 8, 5)
    if bits:
        values.append(pending << (5 - bits))
    checksum = _polymod([*_expanded(lower), *values, *bytes(6)]) ^ 1
    values += [(checksum >> shift) & 31 for shift in range(25, -1, -5)]
    text = f"{lower}1{''.join(_CHARSET[value] for value in values)}"
    return text if prefix == lower else text.upper()


def _polymod(values: Iterable[int]) -> int:
    register = 1
    for value in values:
        register = (register & 0x1FFFFFF) << 5 ^ value ^ _FOLDED[register >> 25]
    return register


def _expanded(prefix: str) -> list[int]:
    codes = prefix.encode("ascii")
    return [code >> 5 for code in codes] + [0] + [code & 31 for code in codes]


def _regroup(values: Iterable[int], size: int, wanted: int) -> tuple[list[int], int, int]:
    """Groups of `size` bits as groups of `wanted` bits, and what is left: its value, its bits."""
    out = []
    pending = bits = 0
    for value in values:
        pending = pending << size | value
        bits += size
        while bits >= wanted:
            bits -= wanted
            out.append(pending >> bits)
            pending &= (1 << bits) - 1
    return out, pending, bits


def _problem(reason: str) -> Problem:
    return Problem("bech32", reason)
