"""Private keys in PEM, PKCS#1, PKCS#8, SEC 1 and PKCS#12: which one it is, whether it is encrypted.

Sources: RFC 7468 (PEM), 1421 (its encryption), 8017, 5958, 5915, 7292.
"""

import binascii
import re
from dataclasses import dataclass, field
from typing import Any, Literal

from sopsguard.keys.ssh_wire import (
    MOST_BITS,
    Malformed,
    PublicKey,
    Reader,
    check_rsa,
    checked_key,
    dsa_key,
    spki,
    wire_of,
)

_LEGACY: dict[str, Literal["pkcs1", "sec1", "dsa"]] = {
    "RSA PRIVATE KEY": "pkcs1",
    "EC PRIVATE KEY": "sec1",
    "DSA PRIVATE KEY": "dsa",
}
_ESCAPES = re.compile(r"\\{1,4}[rnt]")
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]|\s|\\{1,4}[rnt])*")
_Shape = Literal["pkcs1", "pkcs8", "sec1", "dsa", "pkcs12", "encrypted"]
_INTEGER, _OCTETS, _OID, _SEQUENCE = 2, 4, 6, 0x30
_PKCS5 = bytes.fromhex("2a864886f70d0105")
_PKCS12_PBE = bytes.fromhex("2a864886f70d010c01")
_PKCS7 = bytes.fromhex("2a864886f70d0107")
_DIFFIE_HELLMAN = (bytes.fromhex("2a864886f70d0103"), bytes.fromhex("2a8648ce3e02"))
_DSA = bytes.fromhex("2a8648ce380401")
_KEY_BAG = bytes.fromhex("060b2a864886f70d010c0a0101")
_SHROUDED_BAG = bytes.fromhex("060b2a864886f70d010c0a0102")


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A private key whose structure holds.

    `encrypted` needs a passphrase (`None`: a PKCS#12 container that does not tell). `hardware` is a
    handle to a security key: no secret. `public` is the public half of a kind that SSH knows,
    `spki` the hexadecimal SHA-256 of the SubjectPublicKeyInfo for every kind in the clear; where
    both are `None` the format hides the public half or the kind is unknown. `seed` is the private
    half of an unencrypted Ed25519 key.
    """

    format: Literal["openssh", "pkcs1", "pkcs8", "sec1", "dsa", "pkcs12", "putty"]
    kind: str | None
    encrypted: bool | None
    hardware: bool = False
    public: PublicKey | None = None
    spki: str | None = None
    seed: bytes | None = field(default=None, repr=False)

    @property
    def proved(self) -> bool:
        """Whether the private half was found to belong to the public half."""
        return self.encrypted is False and not self.hardware and bool(self.public or self.spki)


def body(label: str, text: str) -> tuple[bytes, bool]:
    """What a PEM block holds, and whether its header lines say that it is encrypted (RFC 1421).

    `text` is what follows the BEGIN line; it may be indented, escaped (`\\n`), and lack its end.
    Raises Malformed for an empty block.
    """
    text = _ESCAPES.sub("\n", text)
    end = text.find("-----END ")
    lines = [line.strip(" \t\r\"',") for line in text[: end if end >= 0 else None].split("\n")]
    joined = "".join(line for line in lines if ":" not in line).replace(" ", "")
    data = bare(joined)
    if not data:
        raise Malformed("nothing between the header lines")
    encrypted = any("ENCRYPTED" in line for line in lines if ":" in line)
    if encrypted and (label not in _LEGACY or len(data) % 8):
        raise Malformed("the encrypted part is cut off, or its kind has no such encryption")
    return data, encrypted


def bare(text: str) -> bytes:
    """The bytes of the base64, with white space and escapes, that `text` starts with; padding is not
    needed, and a lone last character is dropped."""
    found = _BASE64.match(text)
    encoded = _ESCAPES.sub("", found[0]) if found else ""
    encoded = "".join(encoded.split())
    encoded = encoded[:-1] if len(encoded) % 4 == 1 else encoded
    return binascii.a2b_base64(encoded + "=" * (-len(encoded) % 4))


def encrypted_key(label: str) -> PrivateKey:
    """What is known of a key encrypted as in RFC 1421: nothing but its kind."""
    return PrivateKey(_LEGACY[label], None, True)


def is_der(data: bytes) -> bool:
    """Whether `data` starts with a whole structure that is a private key."""
    try:
        return _shape(data) is not None
    except Malformed:
        return False


def _shape(der: bytes) -> _Shape | None:
    """Which private key format the outermost structure is; raises where it is cut off."""
    top = _der(der, 0)
    if top is None or top[0] != _SEQUENCE:
        raise Malformed("not DER, or cut off")
    parts = _children(der, top[1], top[2])
    tags = [tag for tag, _, _ in parts]
    value = [der[start:end] for _, start, end in parts]
    if tags[:2] == [_SEQUENCE, _OCTETS] and len(tags) == 2:
        inner = _children(der, parts[0][1], parts[0][2])
        if inner and inner[0][0] == _OID and der[inner[0][1] :].startswith((_PKCS5, _PKCS12_PBE)):
            return "encrypted"
    if not tags or tags[0] != _INTEGER:
        return None
    if tags[1:3] == [_SEQUENCE, _OCTETS] and value[0] in (b"\0", b"\1"):
        return "pkcs8"
    if tags[1:2] == [_OCTETS] and value[0] == b"\1":
        return "sec1"
    if tags[:9] == [_INTEGER] * 9 and value[0] in (b"\0", b"\1"):
        return "pkcs1"
    if tags == [_INTEGER] * 6 and value[0] == b"\0":
        return "dsa"
    if tags[1:2] == [_SEQUENCE] and value[0] == b"\3":
        inner = _children(der, parts[1][1], parts[1][2])
        if inner and inner[0][0] == _OID and der[inner[0][1] :].startswith(_PKCS7):
            return "pkcs12"
    return None


def der_key(der: bytes) -> PrivateKey:
    """The private key that `der` starts with, in the clear held against its public half; raises Malformed."""
    shape = _shape(der)
    top = _der(der, 0)
    if shape is None or top is None:
        raise Malformed("DER, but not a private key")
    der = der[: top[2]]
    if shape == "encrypted":
        return PrivateKey("pkcs8", None, True)
    if shape == "pkcs12":
        return PrivateKey(
            "pkcs12", None, False if _KEY_BAG in der else True if _SHROUDED_BAG in der else None
        )
    if shape == "pkcs8" and _algorithm(der).startswith(_DIFFIE_HELLMAN):
        return PrivateKey("pkcs8", "dh", False)  # deprecated in the library, and costly
    # In bytes; the library raises numbers of DSA to a power before it looks at their size.
    if len(der) > (2048 if shape == "pkcs8" and _algorithm(der) == _DSA else MOST_BITS):
        raise Malformed("larger than any key")
    key = _loaded(der)
    if key is None:
        return PrivateKey(shape, None, False)
    wire = wire_of(key)
    kind = (
        Reader(wire).string().decode("latin-1")
        if wire
        else type(key).__name__.removesuffix("PrivateKey").lower()
    )
    seed = key.private_bytes_raw() if kind == "ssh-ed25519" else None
    return PrivateKey(shape, kind, False, False, checked_key(kind, wire) if wire else None, spki(key), seed)


def _algorithm(der: bytes) -> bytes:
    """The object identifier, without its tag, of the algorithm of a PKCS#8 key."""
    _, start, end = _children(der, *(_der(der, 0) or (0, 0, 0))[1:])[1]
    parts = _children(der, start, end)
    return der[parts[0][1] : parts[0][2]] if parts else b""


def _loaded(der: bytes) -> Any:
    """The key as `cryptography` reads it, its two halves held against each other; `None` for a kind
    that it does not know."""
    from cryptography.exceptions import InternalError, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import dsa, rsa

    try:
        # Without the library's own test: it would look for primes in hostile numbers of any size.
        key = serialization.load_der_private_key(der, None, unsafe_skip_rsa_key_validation=True)
    except UnsupportedAlgorithm:
        return None
    except (ValueError, TypeError, InternalError):  # the last for an Ed25519 key of a wrong length
        raise Malformed("the structure of a private key without its content") from None
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = key.private_numbers()
        public = numbers.public_numbers
        check_rsa(public.n, public.e, numbers.d, numbers.p, numbers.q)
    elif isinstance(key, dsa.DSAPrivateKey):
        secret = key.private_numbers()
        group = secret.public_numbers.parameter_numbers
        dsa_key(group.p, group.q, group.g, secret.public_numbers.y, secret.x)
    return key


def _der(data: bytes, at: int) -> tuple[int, int, int] | None:
    """The element at `at`: its tag, where its content starts and ends; `None` if it is cut off."""
    if at + 2 > len(data):
        return None
    length = data[at + 1]
    start = at + 2
    if length >= 0x80:
        size = length & 0x7F
        if not 1 <= size <= 4 or start + size > len(data):
            return None
        length = int.from_bytes(data[start : start + size], "big")
        start += size
    return (data[at], start, start + length) if start + length <= len(data) else None


def _children(data: bytes, start: int, end: int) -> list[tuple[int, int, int]]:
    out: list[tuple[int, int, int]] = []
    while start < end:
        element = _der(data, start)
        if element is None or element[2] > end or len(out) == 64:
            raise Malformed("not DER, or cut off")
        out.append(element)
        start = element[2]
    return out
