"""SSH and PEM keys: what a private key is, whether it is encrypted, its public half; public key lines.

Sources: OpenSSH's PROTOCOL.key, PROTOCOL.u2f and sshd(8), RFC 4253 6.6, RFC 5656, RFC 8709;
RFC 7468 (PEM), 8017 (PKCS#1), 5958 (PKCS#8), 5915 (SEC 1), 7292 (PKCS#12); PuTTY's manual, appendix C.
"""

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import Any, Literal

from sopsguard.keys import Problem

# OpenSSH reads no larger modulus, and no key file is longer; arithmetic stays below a second.
_MOST_BITS = 16384
_LONGEST = 1 << 16

_MAGIC = b"openssh-key-v1\0"
_BEGIN = re.compile(r"-----BEGIN ((?:OPENSSH |RSA |EC |DSA |ANY |ENCRYPTED )?PRIVATE KEY)-----")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9.@_+-]{2,63}")
_PUTTY = re.compile(r"PuTTY-User-Key-File-([23]): ")
_CURVES = {
    "nistp256": ("secp256r1", 32),
    "nistp384": ("secp384r1", 48),
    "nistp521": ("secp521r1", 66),
}
_KINDS = frozenset(
    {
        "ssh-ed25519",
        "ssh-rsa",
        "ssh-dss",
        *(f"ecdsa-sha2-{curve}" for curve in _CURVES),
        "sk-ssh-ed25519@openssh.com",
        "sk-ecdsa-sha2-nistp256@openssh.com",
    }
)
# cipher → block size, length of the tag that follows the private part
_CIPHERS = {
    "none": (8, 0),
    "3des-cbc": (8, 0),
    "aes128-cbc": (16, 0),
    "aes192-cbc": (16, 0),
    "aes256-cbc": (16, 0),
    "rijndael-cbc@lysator.liu.se": (16, 0),
    "aes128-ctr": (16, 0),
    "aes192-ctr": (16, 0),
    "aes256-ctr": (16, 0),
    "aes128-gcm@openssh.com": (16, 16),
    "aes256-gcm@openssh.com": (16, 16),
    "chacha20-poly1305@openssh.com": (8, 16),
}


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


@dataclass(frozen=True, slots=True)
class KnownHost:
    """A line of a known_hosts file: `marker` is `@cert-authority`, `@revoked` or empty."""

    marker: str
    hosts: tuple[str, ...]
    key: PublicKey


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


@dataclass(frozen=True, slots=True)
class HostKey:
    """A new key pair: the private half as an OpenSSH file, the public half as a line."""

    private: str = field(repr=False)
    public: str


class _Malformed(Exception):
    """Why a key is not one; never leaves this module."""


def private_key(candidate: str | bytes) -> PrivateKey | Problem | None:
    """The first private key in `candidate`: PEM (indented or with `\\n` escapes too), PuTTY, the bare
    base64 of either without header lines, or binary DER and openssh-key-v1.

    A missing end line is forgiven if the key itself is complete.
    """
    try:
        if isinstance(candidate, bytes):
            if candidate.startswith(_MAGIC):
                return _openssh(candidate)
            if candidate[:2] in (b"\x30\x81", b"\x30\x82", b"\x30\x2e") and _der(candidate, 0):
                return _der_key(candidate)
            candidate = candidate.decode("latin-1")
        if begin := _BEGIN.search(candidate):
            return _pem(begin[1], candidate[begin.end() : begin.end() + _LONGEST])
        if begin := _PUTTY.search(candidate):
            return _putty(candidate[begin.start() : begin.start() + _LONGEST])
        return _bare(candidate.strip()[:_LONGEST])
    except _Malformed as problem:
        return Problem("private-key", str(problem))


def public_key(line: str) -> PublicKey | Problem | None:
    """The key of a line of a `.pub` or `authorized_keys` file, with its options and comment."""
    line = line.strip()
    word, _, rest = line.partition(" ")
    options = ""
    if not _is_key(word, rest):
        end = _options_end(line)
        if end is None:
            return None
        options, line = line[:end], line[end:].strip()
        word, _, rest = line.partition(" ")
        if not _is_key(word, rest):
            return None
    blob, _, comment = rest.strip().partition(" ")
    try:
        return _public(word, _strict_base64(blob), comment.strip(), options)
    except _Malformed as problem:
        return Problem("ssh-public-key", str(problem))


def known_host(line: str) -> KnownHost | Problem | None:
    """A line of a known_hosts file; hashed host names stay as they are."""
    words = line.split(None, 2)
    marker = words[0] if words and words[0] in ("@cert-authority", "@revoked") else ""
    if marker:
        words = line.split(None, 3)[1:]
    if len(words) < 3 or not _is_key(words[1], words[2]):
        return None
    key = public_key(f"{words[1]} {words[2]}")
    if key is None or isinstance(key, Problem):
        return key
    return KnownHost(marker, tuple(words[0].split(",")), key)


def generate_host_key(kind: Literal["ed25519", "rsa", "ecdsa"] = "ed25519", comment: str = "") -> HostKey:
    """A new key without passphrase, as `ssh-keygen -t kind` makes it (RSA 4096 bits, ECDSA P-256)."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    key: ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    if kind == "ed25519":
        key = ed25519.Ed25519PrivateKey.generate()
    elif kind == "rsa":
        key = rsa.generate_private_key(65537, 4096)
    else:
        key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return HostKey(private.decode(), f"{public.decode()} {comment}".rstrip())


# --- public keys -----------------------------------------------------------------------------


def _is_key(word: str, rest: str) -> bool:
    """Whether `word` is the type of the key whose base64 starts `rest`: it is repeated in there."""
    if word in _KINDS:
        return bool(rest.strip())
    if not _NAME.fullmatch(word):
        return False
    start = _string(word.encode())
    return rest.lstrip().startswith(base64.b64encode(start[: len(start) // 3 * 3]).decode())


def _options_end(line: str) -> int | None:
    quoted = False
    at = 0
    while at < len(line):
        if quoted and line[at] == "\\":
            at += 1
        elif line[at] == '"':
            quoted = not quoted
        elif line[at] in " \t" and not quoted:
            return at
        at += 1
    return None


def _public(kind: str, wire: bytes, comment: str = "", options: str = "") -> PublicKey:
    reader = _Reader(wire)
    if reader.string() != kind.encode():
        raise _Malformed("the key is of another type than its line says")
    bits = None
    if kind in ("ssh-ed25519", "sk-ssh-ed25519@openssh.com"):
        if len(reader.string()) != 32:
            raise _Malformed("an Ed25519 key that is not 32 bytes")
        bits = 256
    elif kind == "ssh-rsa":
        exponent, modulus = reader.mpint(), reader.mpint()
        bits = modulus.bit_length()
        if exponent < 3 or not exponent & 1 or not modulus & 1 or bits < 512:
            raise _Malformed("not an RSA key")
    elif kind == "ssh-dss":
        bits = reader.mpint().bit_length()
        for _ in "qgy":
            reader.mpint()
    elif kind in _KINDS:
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
        raise _Malformed("not a point of the curve")
    return int(curve.removeprefix("nistp"))


# --- openssh-key-v1 --------------------------------------------------------------------------


def _openssh(data: bytes) -> PrivateKey:
    reader = _Reader(data)
    if reader.take(len(_MAGIC)) != _MAGIC:
        raise _Malformed("not an OpenSSH key")
    cipher, kdf = _text(reader.string()), _text(reader.string())
    reader.string()  # salt and rounds
    if reader.uint32() != 1:
        raise _Malformed("an OpenSSH file of several keys, which OpenSSH itself refuses")
    wire, sealed = reader.string(), reader.string()
    if cipher not in _CIPHERS:
        raise _Malformed("an unknown cipher")
    block, tag = _CIPHERS[cipher]
    if (cipher == "none") != (kdf == "none"):
        raise _Malformed("cipher and key derivation contradict each other")
    if not sealed or len(sealed) % block or len(reader.take(tag)) != tag:
        raise _Malformed("the private part is cut off")
    kind = _text(_Reader(wire).string())
    if not _NAME.fullmatch(kind):
        raise _Malformed("a malformed type")
    public = _public(kind, wire)
    hardware = kind.startswith("sk-")
    if cipher != "none":
        return PrivateKey("openssh", kind, True, hardware, public)
    private = _Reader(sealed)
    if private.uint32() != private.uint32():
        raise _Malformed("the check numbers differ")
    if private.string() != kind.encode():
        raise _Malformed("the private part is of another type")
    seed, spki = _openssh_private(private, kind, wire)
    private.string()  # the comment
    padding = private.rest()
    if len(padding) >= block + 16 or padding != bytes(range(1, len(padding) + 1)):
        raise _Malformed("the padding is wrong")
    return PrivateKey("openssh", kind, False, hardware, public, spki, seed)


def _openssh_private(reader: "_Reader", kind: str, wire: bytes) -> tuple[bytes | None, str | None]:
    """Read the private fields up to the comment and hold them against the public half."""
    name = _string(kind.encode())
    seed: bytes | None = None
    if kind == "ssh-ed25519":
        public, both = reader.string(), reader.string()
        if len(both) != 64 or both[32:] != public or wire != name + _string(public):
            raise _Malformed("the private part belongs to another public key")
        seed = both[:32]
        return seed, _same(_ed25519(seed), wire)
    if kind == "ssh-rsa":
        n, e, d, iqmp, p, q = (reader.mpint() for _ in range(6))
        _check_rsa(n, e, d, p, q)
        if iqmp * q % p != 1:
            raise _Malformed("the numbers of the key do not belong together")
        return None, _same(_rsa(n, e), wire)
    if kind == "ssh-dss":
        p, q, g, y, x = (reader.mpint() for _ in range(5))
        return None, _same(_dsa(p, q, g, y, x), wire)
    if kind.startswith("ecdsa-sha2-") and kind in _KINDS:
        curve = kind.rpartition("-")[2]
        reader.string(), reader.string()
        return None, _same(_ecdsa(curve, reader.mpint()), wire)
    if kind.startswith("sk-") and kind in _KINDS:
        fields = [reader.string() for _ in range(2 if "ed25519" in kind else 3)]
        reader.take(1)  # flags
        reader.string(), reader.string()  # the handle, reserved
        if wire != name + b"".join(_string(part) for part in fields):
            raise _Malformed("the private part belongs to another public key")
        return None, None
    raise _Malformed("an unknown type of key")


def _same(key: Any, wire: bytes) -> str:
    if _wire(key) != wire:
        raise _Malformed("the private part belongs to another public key")
    return _spki(key)


# --- PEM and DER -----------------------------------------------------------------------------


def _pem(label: str, text: str) -> PrivateKey:
    """`text` is what follows the BEGIN line; it may be indented, escaped, and lack its end."""
    text = re.sub(r"\\+[rnt]", "\n", text)
    end = text.find("-----END ")
    lines = [line.strip(" \t\r\"',") for line in text[: end if end >= 0 else None].split("\n")]
    headers = [line for line in lines if ":" in line]
    body = re.match(r"[A-Za-z0-9+/]*", "".join(line for line in lines if ":" not in line).replace(" ", ""))
    data = _lenient_base64(body[0] if body else "")
    if not data:
        raise _Malformed("nothing between the header lines")
    if any("ENCRYPTED" in header for header in headers):
        if len(data) % 8:
            raise _Malformed("the encrypted part is cut off")
        formats: dict[str, Literal["pkcs1", "sec1", "dsa"]] = {
            "RSA PRIVATE KEY": "pkcs1", "EC PRIVATE KEY": "sec1", "DSA PRIVATE KEY": "dsa",
        }  # fmt: skip
        if label not in formats:
            raise _Malformed("this kind of key has no such encryption")
        return PrivateKey(formats[label], None, True)
    if data.startswith(_MAGIC):
        return _openssh(data)
    if label == "OPENSSH PRIVATE KEY":
        raise _Malformed("not an OpenSSH key")
    return _der_key(data)


def _bare(text: str) -> PrivateKey | Problem | None:
    """Base64 without header lines, by the first characters that every such key has."""
    if not text.startswith(
        ("b3BlbnNzaC1rZXktdjEA", "MII", "MIG", "MIH", "MIC", "MIB", "MC4C", "MHcC", "MFE", "MEc")
    ):
        return None
    body = re.match(r"(?:[A-Za-z0-9+/]|\s|\\+[rnt])+={0,2}", text)
    data = _lenient_base64(re.sub(r"\s|\\+[rnt]|=", "", body[0])) if body else b""
    if data.startswith(_MAGIC):
        return _openssh(data)
    try:
        shape = _shape(data)
    except _Malformed:
        return None  # all DER starts like this
    return None if shape is None else _der_key(data)


_Format = Literal["pkcs1", "pkcs8", "sec1", "dsa", "pkcs12", "encrypted"]
_INTEGER, _OCTETS, _OID, _SEQUENCE = 2, 4, 6, 0x30
_PKCS5 = bytes.fromhex("2a864886f70d0105")
_PKCS12_PBE = bytes.fromhex("2a864886f70d010c01")
_PKCS7 = bytes.fromhex("2a864886f70d0107")
_DIFFIE_HELLMAN = (bytes.fromhex("2a864886f70d0103"), bytes.fromhex("2a8648ce3e02"))
_KEY_BAG = bytes.fromhex("060b2a864886f70d010c0a0101")
_SHROUDED_BAG = bytes.fromhex("060b2a864886f70d010c0a0102")


def _shape(der: bytes) -> _Format | None:
    """Which private key format the outermost structure is; raises where it is cut off."""
    top = _der(der, 0)
    if top is None or top[0] != _SEQUENCE:
        raise _Malformed("not DER, or cut off")
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


def _der_key(der: bytes) -> PrivateKey:
    shape = _shape(der)
    top = _der(der, 0)
    if shape is None or top is None:
        raise _Malformed("DER, but not a private key")
    der = der[: top[2]]
    if shape == "encrypted":
        return PrivateKey("pkcs8", None, True)
    if shape == "pkcs12":
        return PrivateKey(
            "pkcs12", None, False if _KEY_BAG in der else True if _SHROUDED_BAG in der else None
        )
    if shape == "pkcs8" and _algorithm(der).startswith(_DIFFIE_HELLMAN):
        return PrivateKey("pkcs8", "dh", False)  # deprecated in the library, and costly
    if len(der) > _MOST_BITS:  # bytes: several times what the largest key needs
        raise _Malformed("larger than any key")
    key = _loaded(der)
    if key is None:
        return PrivateKey(shape, None, False)
    wire = _wire(key)
    kind = _text(_Reader(wire).string()) if wire else type(key).__name__.removesuffix("PrivateKey").lower()
    seed = key.private_bytes_raw() if kind == "ssh-ed25519" else None
    return PrivateKey(shape, kind, False, False, _public(kind, wire) if wire else None, _spki(key), seed)


def _algorithm(der: bytes) -> bytes:
    """The object identifier, without its tag, of the algorithm of a PKCS#8 key."""
    _, start, end = _children(der, *(_der(der, 0) or (0, 0, 0))[1:])[1]
    parts = _children(der, start, end)
    return der[parts[0][1] : parts[0][2]] if parts else b""


def _loaded(der: bytes) -> Any:
    """The key as `cryptography` reads it, its two halves held against each other; `None` for a kind
    that it does not know."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import dsa, rsa

    try:
        # Without the library's own test: it would look for primes in hostile numbers of any size.
        key = serialization.load_der_private_key(der, None, unsafe_skip_rsa_key_validation=True)
    except UnsupportedAlgorithm:
        return None
    except (ValueError, TypeError):
        raise _Malformed("the structure of a private key without its content") from None
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = key.private_numbers()
        public = numbers.public_numbers
        _check_rsa(public.n, public.e, numbers.d, numbers.p, numbers.q)
    elif isinstance(key, dsa.DSAPrivateKey):
        secret = key.private_numbers()
        group = secret.public_numbers.parameter_numbers
        _dsa(group.p, group.q, group.g, secret.public_numbers.y, secret.x)
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
    out = []
    while start < end:
        element = _der(data, start)
        if element is None or element[2] > end:
            raise _Malformed("not DER, or cut off")
        out.append(element)
        start = element[2]
    return out


# --- PuTTY -----------------------------------------------------------------------------------


def _putty(text: str) -> PrivateKey:
    """A PuTTY key of version 2 or 3: header lines, then counted lines of base64."""
    lines = [line.strip() for line in re.sub(r"\\+r?\\*n", "\n", text).split("\n")]
    values: dict[str, str] = {}
    blobs: dict[str, bytes] = {}
    at = 0
    while at < len(lines) and "Private" not in blobs:
        name, colon, value = lines[at].partition(": ")
        at += 1
        if not colon:
            raise _Malformed("a PuTTY key that is cut off")
        if name.endswith("-Lines"):
            count = int(value) if re.fullmatch(r"[0-9]{1,4}", value) else 0
            blobs[name.removesuffix("-Lines")] = _strict_base64("".join(lines[at : at + count]))
            at += count
        else:
            values[name] = value
    if "Public" not in blobs or "Private" not in blobs:
        raise _Malformed("a PuTTY key that is cut off")
    kind = next((values[name] for name in values if name.startswith("PuTTY-User-Key-File-")), "")
    public = _public(kind, blobs["Public"])
    if values.get("Encryption") != "none":
        return PrivateKey("putty", kind, True, False, public)
    wire, reader = blobs["Public"], _Reader(blobs["Private"])
    fields = _Reader(wire)
    fields.string()
    seed: bytes | None = None
    if kind == "ssh-ed25519":
        # An integer in the byte order of Ed25519, stored as a string of up to 33 bytes.
        seed = reader.string()[:32].ljust(32, b"\0")
        spki = _same(_ed25519(seed), wire)
    elif kind == "ssh-rsa":
        e, n = fields.mpint(), fields.mpint()
        d, p, q = (reader.mpint() for _ in range(3))
        _check_rsa(n, e, d, p, q)
        spki = _same(_rsa(n, e), wire)
    elif kind == "ssh-dss":
        p, q, g, y = (fields.mpint() for _ in range(4))
        spki = _same(_dsa(p, q, g, y, reader.mpint()), wire)
    elif kind.startswith("ecdsa-sha2-"):
        spki = _same(_ecdsa(kind.rpartition("-")[2], reader.mpint()), wire)
    else:
        raise _Malformed("an unknown type of key")
    return PrivateKey("putty", kind, False, False, public, spki, seed)


# --- arithmetic ------------------------------------------------------------------------------


def _check_rsa(n: int, e: int, d: int, p: int, q: int) -> None:
    if min(p, q, d, e) < 3 or p * q != n or (e * d - 1) % (p - 1) or (e * d - 1) % (q - 1):
        raise _Malformed("the numbers of the key do not belong together")


def _rsa(n: int, e: int) -> Any:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

    try:
        return RSAPublicNumbers(e, n).public_key()
    except ValueError:
        raise _Malformed("not an RSA key") from None


def _dsa(p: int, q: int, g: int, y: int, x: int) -> Any:
    from cryptography.hazmat.primitives.asymmetric.dsa import DSAParameterNumbers, DSAPublicNumbers

    if not 512 <= p.bit_length() <= 8192 or not 1 < g < p or not 0 < x < q < p or pow(g, x, p) != y:
        raise _Malformed("the numbers of the key do not belong together")
    try:
        return DSAPublicNumbers(y, DSAParameterNumbers(p, q, g)).public_key()
    except ValueError:
        raise _Malformed("not a DSA key") from None


def _ecdsa(curve: str, scalar: int) -> Any:
    from cryptography.hazmat.primitives.asymmetric import ec

    if curve not in _CURVES:
        raise _Malformed("an unknown curve")
    known = {"nistp256": ec.SECP256R1(), "nistp384": ec.SECP384R1(), "nistp521": ec.SECP521R1()}
    try:
        return ec.derive_private_key(scalar, known[curve])
    except ValueError:
        raise _Malformed("not a key of the curve") from None


def _ed25519(seed: bytes) -> Any:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(seed)


def _wire(key: Any) -> bytes:
    """The public half of a key of `cryptography` in the wire form; empty for kinds SSH does not know."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa

    public = key.public_key() if hasattr(key, "public_key") else key
    if isinstance(public, ed25519.Ed25519PublicKey):
        return _string(b"ssh-ed25519") + _string(public.public_bytes_raw())
    if isinstance(public, rsa.RSAPublicKey):
        numbers = public.public_numbers()
        return _string(b"ssh-rsa") + _mpint(numbers.e) + _mpint(numbers.n)
    if isinstance(public, dsa.DSAPublicKey):
        group = public.public_numbers().parameter_numbers
        parts = (group.p, group.q, group.g, public.public_numbers().y)
        return _string(b"ssh-dss") + b"".join(map(_mpint, parts))
    if isinstance(public, ec.EllipticCurvePublicKey):
        for name, (curve, _) in _CURVES.items():
            if public.curve.name == curve:
                point = public.public_bytes(
                    serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
                )
                return _string(f"ecdsa-sha2-{name}".encode()) + _string(name.encode()) + _string(point)
    return b""


def _spki(key: Any) -> str:
    from hashlib import sha256

    from cryptography.hazmat.primitives import serialization

    public = key.public_key() if hasattr(key, "public_key") else key
    der: bytes = public.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return sha256(der).hexdigest()


# --- bytes -----------------------------------------------------------------------------------


class _Reader:
    """Reads the fields of RFC 4251, section 5; raises where they are cut off."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, length: int) -> bytes:
        if length > len(self._data) - self._at:
            raise _Malformed("cut off")
        self._at += length
        return self._data[self._at - length : self._at]

    def uint32(self) -> int:
        return int.from_bytes(self.take(4), "big")

    def string(self) -> bytes:
        return self.take(self.uint32())

    def mpint(self) -> int:
        data = self.string()
        if len(data) > _MOST_BITS // 8 + 1 or (data and data[0] & 0x80):
            raise _Malformed("a number that no key has")
        return int.from_bytes(data, "big")

    def rest(self) -> bytes:
        return self.take(len(self._data) - self._at)

    def end(self) -> None:
        if self._at != len(self._data):
            raise _Malformed("something follows the key")


def _string(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def _mpint(number: int) -> bytes:
    return _string(number.to_bytes(number.bit_length() // 8 + 1, "big"))


def _text(data: bytes) -> str:
    return data.decode("latin-1")


def _strict_base64(text: str) -> bytes:
    try:
        return binascii.a2b_base64(text.encode("ascii"), strict_mode=True)
    except (binascii.Error, UnicodeEncodeError):
        raise _Malformed("not base64") from None


def _lenient_base64(text: str) -> bytes:
    """What can be decoded of unpadded base64; a lone last character is dropped."""
    text = text[: len(text) - 1] if len(text) % 4 == 1 else text
    return binascii.a2b_base64(text + "=" * (-len(text) % 4))
