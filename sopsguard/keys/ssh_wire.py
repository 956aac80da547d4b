"""The wire form of SSH keys: fields, public keys, and the arithmetic that joins the two halves.

Sources: RFC 4251 5 (fields), 4253 6.6, 5656 and 8709 (keys), OpenSSH's PROTOCOL.u2f.
"""

import base64
import binascii
from dataclasses import dataclass, field
from typing import Any

# OpenSSH reads no larger modulus; below it arithmetic takes less than a second.
MOST_BITS = 16384

_CURVES = {
    "nistp256": ("secp256r1", 32),
    "nistp384": ("secp384r1", 48),
    "nistp521": ("secp521r1", 66),
}
KINDS = frozenset(
    {
        "ssh-ed25519",
        "ssh-rsa",
        "ssh-dss",
        *(f"ecdsa-sha2-{curve}" for curve in _CURVES),
        "sk-ssh-ed25519@openssh.com",
        "sk-ecdsa-sha2-nistp256@openssh.com",
    }
)


class Malformed(Exception):
    """Why a key is not one; callers of `ssh` never see it."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key in the wire form of SSH. `kind` is the type that stands before it."""

    kind: str
    wire: bytes = field(repr=False)
    bits: int | None
    comment: str = ""
    options: str = ""

    @property
    def line(self) -> str:
        """The one spelling by which two keys are compared: type and base64, no comment."""
        return f"{self.kind} {base64.b64encode(self.wire).decode()}"

    @property
    def fingerprint(self) -> str:
        """As `ssh-keygen -l` prints it: `SHA256:` and unpadded base64."""
        from hashlib import sha256

        return "SHA256:" + base64.b64encode(sha256(self.wire).digest()).rstrip(b"=").decode()


class Reader:
    """Reads the fields of RFC 4251, section 5; raises where they are cut off."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, length: int) -> bytes:
        if length > len(self._data) - self._at:
            raise Malformed("cut off")
        self._at += length
        return self._data[self._at - length : self._at]

    def uint32(self) -> int:
        return int.from_bytes(self.take(4), "big")

    def string(self) -> bytes:
        return self.take(self.uint32())

    def mpint(self) -> int:
        data = self.string()
        if len(data) > MOST_BITS // 8 + 1 or (data and data[0] & 0x80):
            raise Malformed("a number that no key has")
        return int.from_bytes(data, "big")

    def rest(self) -> bytes:
        return self.take(len(self._data) - self._at)

    def end(self) -> None:
        if self._at != len(self._data):
            raise Malformed("something follows the key")


def string(data: bytes) -> bytes:
    """A field: its length, its bytes."""
    return len(data).to_bytes(4, "big") + data


def mpint(number: int) -> bytes:
    """A number that is not negative, as a field."""
    return string(number.to_bytes(number.bit_length() // 8 + 1, "big"))


def checked_key(kind: str, wire: bytes, comment: str = "", options: str = "") -> PublicKey:
    """The key in `wire`, which must be one of `kind`; raises Malformed."""
    reader = Reader(wire)
    if reader.string() != kind.encode():
        raise Malformed("the key is of another type than its line says")
    bits = None
    if kind in ("ssh-ed25519", "sk-ssh-ed25519@openssh.com"):
        if len(reader.string()) != 32:
            raise Malformed("an Ed25519 key that is not 32 bytes")
        bits = 256
    elif kind == "ssh-rsa":
        exponent, modulus = reader.mpint(), reader.mpint()
        bits = modulus.bit_length()
        if exponent < 3 or not exponent & 1 or not modulus & 1 or bits < 512:
            raise Malformed("not an RSA key")
    elif kind == "ssh-dss":
        bits = reader.mpint().bit_length()
        for _ in "qgy":
            reader.mpint()
    elif kind in KINDS:
        curve = kind.removesuffix("@openssh.com").rpartition("-")[2]
        bits = _point_bits(reader.string(), reader.string(), curve)
    else:  # a certificate, or a type of a later time: kept as it is
        return PublicKey(kind, wire, None, comment, options)
    if kind.startswith("sk-"):
        reader.string()
    reader.end()
    return PublicKey(kind, wire, bits, comment, options)


def _point_bits(name: bytes, point: bytes, curve: str) -> int:
    size = _CURVES[curve][1]
    if name != curve.encode() or len(point) != 1 + 2 * size or point[0] != 4:
        raise Malformed("not a point of the curve")
    return int(curve.removeprefix("nistp"))


def strict_base64(text: str) -> bytes:
    """Padded base64 without anything else; raises Malformed."""
    try:
        return binascii.a2b_base64(text.encode("ascii"), strict_mode=True)
    except (binascii.Error, UnicodeEncodeError):
        raise Malformed("not base64") from None


def same(key: Any, wire: bytes) -> str:
    """The `spki` of `key`; raises Malformed unless its public half is `wire`."""
    if wire_of(key) != wire:
        raise Malformed("the private part belongs to another public key")
    return spki(key)


def check_rsa(n: int, e: int, d: int, p: int, q: int) -> None:
    """Raises Malformed unless `d` undoes `e` modulo `n`, the product of `p` and `q`."""
    if min(p, q, d, e) < 3 or p * q != n or (e * d - 1) % (p - 1) or (e * d - 1) % (q - 1):
        raise Malformed("the numbers of the key do not belong together")


def rsa_key(n: int, e: int) -> Any:
    """The public key of `cryptography`; raises Malformed."""
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

    try:
        return RSAPublicNumbers(e, n).public_key()
    except ValueError:
        raise Malformed("not an RSA key") from None


def dsa_key(p: int, q: int, g: int, y: int, x: int) -> Any:
    """The public key of `cryptography`; raises Malformed unless `x` is the private half."""
    from cryptography.hazmat.primitives.asymmetric.dsa import DSAParameterNumbers, DSAPublicNumbers

    sized = 512 <= p.bit_length() <= 4096 and q.bit_length() <= 512 and 1 < g < p and 0 < x < q
    if not sized or (p - 1) % q or pow(g, q, p) != 1 or pow(g, x, p) != y:
        raise Malformed("the numbers of the key do not belong together")
    try:
        return DSAPublicNumbers(y, DSAParameterNumbers(p, q, g)).public_key()
    except ValueError:
        raise Malformed("not a DSA key") from None


def ecdsa_key(curve: str, scalar: int) -> Any:
    """The private key of `cryptography` on a curve by its SSH name; raises Malformed."""
    from cryptography.hazmat.primitives.asymmetric import ec

    if curve not in _CURVES:
        raise Malformed("an unknown curve")
    known = {"nistp256": ec.SECP256R1(), "nistp384": ec.SECP384R1(), "nistp521": ec.SECP521R1()}
    try:
        return ec.derive_private_key(scalar, known[curve])
    except ValueError:
        raise Malformed("not a key of the curve") from None


def ed25519_key(seed: bytes) -> Any:
    """The private key of `cryptography`."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(seed)


def wire_of(key: Any) -> bytes:
    """The public half of a key of `cryptography` in the wire form; empty for kinds SSH does not know."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa

    public = key.public_key() if hasattr(key, "public_key") else key
    if isinstance(public, ed25519.Ed25519PublicKey):
        return string(b"ssh-ed25519") + string(public.public_bytes_raw())
    if isinstance(public, rsa.RSAPublicKey):
        numbers = public.public_numbers()
        return string(b"ssh-rsa") + mpint(numbers.e) + mpint(numbers.n)
    if isinstance(public, dsa.DSAPublicKey):
        group = public.public_numbers().parameter_numbers
        parts = (group.p, group.q, group.g, public.public_numbers().y)
        return string(b"ssh-dss") + b"".join(map(mpint, parts))
    if isinstance(public, ec.EllipticCurvePublicKey):
        for name, (curve, _) in _CURVES.items():
            if public.curve.name == curve:
                point = public.public_bytes(
                    serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
                )
                return string(f"ecdsa-sha2-{name}".encode()) + string(name.encode()) + string(point)
    return b""


def spki(key: Any) -> str:
    """The hexadecimal SHA-256 of the SubjectPublicKeyInfo of a key of `cryptography`."""
    from hashlib import sha256

    from cryptography.hazmat.primitives import serialization

    public = key.public_key() if hasattr(key, "public_key") else key
    der: bytes = public.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return sha256(der).hexdigest()
