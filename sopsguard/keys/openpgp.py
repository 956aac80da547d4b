"""OpenPGP keys: the secret keys that data hold and how they are protected; what certificates say.

Source: RFC 9580, LibrePGP for version 5, GnuPG's doc/DETAILS for its stubs without a secret.
Random bytes do not pass: every field of a key packet is checked, in the clear also the arithmetic.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from sopsguard.keys import Problem
from sopsguard.keys.packets import LONGEST, Block, Malformed, Packet, Reader, blocks, packets

Protection = Literal["bare", "passphrase", "absent", "card"]
Capability = Literal["certify", "sign", "encrypt", "authenticate"]

_SIGNATURE, _SECRET, _PUBLIC, _SECRET_SUBKEY, _USER_ID, _PUBLIC_SUBKEY = 2, 5, 6, 7, 13, 14
_KEYS = (_SECRET, _PUBLIC, _SECRET_SUBKEY, _PUBLIC_SUBKEY)
# What else may stand in a keyring: marker, trust, user attribute, padding.
_IN_KEYRINGS = frozenset({*_KEYS, _SIGNATURE, 10, 12, _USER_ID, 17, 21})
_SECRET_TAGS = (_SECRET, _SECRET_SUBKEY)

_RSA, _ELGAMAL, _DSA, _ECDH, _ECDSA, _EDDSA = (1, 2, 3), (16, 20), 17, 18, 19, 22
# Version 6: fixed sizes of the public and the private half.
_FIXED = {25: ("x25519", 32), 26: ("x448", 56), 27: ("ed25519", 32), 28: ("ed448", 57)}
_NAMES = {
    1: "rsa", 2: "rsa", 3: "rsa", 16: "elgamal", 17: "dsa", 18: "ecdh", 19: "ecdsa", 20: "elgamal",
    22: "eddsa", 25: "x25519", 26: "x448", 27: "ed25519", 28: "ed448",
}  # fmt: skip
# object identifier → name (of `cryptography` where it has the curve), bits
_CURVES = {
    bytes.fromhex("2a8648ce3d030107"): ("secp256r1", 256),
    bytes.fromhex("2b81040022"): ("secp384r1", 384),
    bytes.fromhex("2b81040023"): ("secp521r1", 521),
    bytes.fromhex("2b8104000a"): ("secp256k1", 256),
    bytes.fromhex("2b2403030208010107"): ("brainpoolP256r1", 256),
    bytes.fromhex("2b240303020801010b"): ("brainpoolP384r1", 384),
    bytes.fromhex("2b240303020801010d"): ("brainpoolP512r1", 512),
    bytes.fromhex("2b06010401da470f01"): ("ed25519", 255),
    bytes.fromhex("2b060104019755010501"): ("cv25519", 255),
    bytes.fromhex("2b6571"): ("ed448", 448),
    bytes.fromhex("2b656f"): ("x448", 448),
}
# symmetric cipher → block size in bytes; mode → size of its nonce
_BLOCKS = {1: 8, 2: 8, 3: 8, 4: 8, 7: 16, 8: 16, 9: 16, 10: 16, 11: 16, 12: 16, 13: 16}
_NONCES = {1: 16, 2: 15, 3: 12}
_HASHES = frozenset({1, 2, 3, 8, 9, 10, 11, 12, 14})
_MOST_BITS = 16384  # of any number, as `packets` reads it
# Bits of a modulus and of an exponent: beyond them a power takes long; all real keys are below.
_MOST_ARITHMETIC, _MOST_EXPONENT = 4096, 512
_MOST_KEYS = 100  # in one input

_FIRST_KEY = 694224000  # 1992: PGP 2.0


@dataclass(frozen=True, slots=True)
class Key:
    """A key packet. `fingerprint` is upper-case hexadecimal, `created` seconds since 1970.

    `protection` is `None` for a public key; `bare` has its secret in the clear, `absent` and `card`
    are GnuPG's stubs, which hold none. `proved`: the secret was held against the public half.
    """

    fingerprint: str
    key_id: str
    version: int
    algorithm: str
    bits: int | None
    created: int
    primary: bool
    protection: Protection | None = None
    proved: bool = False

    @property
    def is_secret(self) -> bool:
        """Whether there is secret material, readable or under a passphrase."""
        return self.protection in ("bare", "passphrase")


@dataclass(frozen=True, slots=True)
class Keyring:
    """The secret key packets of some data, in their order.

    `crc`: whether the checksum of the armor is right, `None` without one. `whole`: nothing after
    the keys is malformed.
    """

    keys: tuple[Key, ...]
    crc: bool | None
    whole: bool


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """What the self-signatures say about a key. They are read, not verified: whoever can change the
    file can change this. `expires` is seconds since 1970, `None` for never."""

    key: Key
    capabilities: frozenset[Capability]
    expires: int | None
    revoked: bool


@dataclass(frozen=True, slots=True)
class Certificate:
    """A public key with its subkeys and the texts of its user ids."""

    primary: KeyFacts
    subkeys: tuple[KeyFacts, ...]
    user_ids: tuple[str, ...]


def secret_keys(data: bytes | str) -> Keyring | Problem | None:
    """The secret key packets of a keyring, binary or armored, GnuPG's stubs included.

    An armor or packets without any secret key are `None`, as are bytes that do not start a
    keyring. A block that calls itself private and does not parse is a `Problem`.
    """
    found: list[Key] = []
    crcs: list[bool] = []
    whole = True
    problem: Problem | None = None
    for block in _blocks(data):
        keys, error = _secrets(block)
        found += keys
        crcs += [] if block.crc is None else [block.crc]
        if error is not None:
            whole = False
            if block.private:
                problem = problem or Problem("openpgp-key", str(error))
        if len(found) >= _MOST_KEYS:
            break
    if found:
        return Keyring(tuple(found), all(crcs) if crcs else None, whole)
    return problem


def certificates(data: bytes | str) -> tuple[Certificate, ...] | Problem | None:
    """The certificates of a keyring, binary or armored; secret keys count as their public half.

    `None` if there is none at all; a `Problem` if any part is malformed, since the facts of half a
    certificate mislead.
    """
    out: list[Certificate] = []
    seen = False
    for block in _blocks(data):
        seen = seen or _starts_with_key(block.data)
        try:
            out += _certificates(packets(block.data))
        except Malformed as problem:
            return Problem("openpgp-certificate", str(problem)) if seen else None
        if block.crc is False:
            return Problem("openpgp-certificate", "the checksum of the armor is wrong")
    return tuple(out) or None


def _blocks(data: bytes | str) -> Iterable[Block]:
    if len(data) > LONGEST:
        return
    if isinstance(data, bytes):
        if data[:1] >= b"\x80":
            yield Block(False, data, None, armored=False)
            return
        data = data.decode("latin-1")
    yield from blocks(data)


def _starts_with_key(data: bytes) -> bool:
    return bool(data) and (data[0] & 0x3F if data[0] & 0x40 else data[0] >> 2 & 15) in _KEYS


def _secrets(block: Block) -> tuple[list[Key], Malformed | None]:
    """The secret keys up to the first malformed packet, and what is wrong with that.

    A bare key that was proved counts whatever follows. Without the armor that says so, everything
    else counts only in a keyring that is whole and has more than a key: one in a million places of
    a binary looks like a lone packet.
    """
    keys: list[Key] = []
    error: Malformed | None = None
    at = 0
    try:
        for at, packet in enumerate(packets(block.data)):
            if packet.tag not in _IN_KEYRINGS or (at == 0 and packet.tag not in _KEYS):
                raise Malformed("not a keyring")
            if len(keys) == _MOST_KEYS:
                raise Malformed("more secret keys than anybody has")
            if packet.tag in _SECRET_TAGS:
                keys.append(_key(packet))
            elif packet.tag == _SIGNATURE:
                _signature(packet.body)
        if not keys and block.private:
            raise Malformed("no secret key in it")
    except Malformed as problem:
        error = problem
    if not block.armored and (error is not None or at == 0):
        keys = [key for key in keys if key.proved]
    return keys, error


# --- the key packet --------------------------------------------------------------------------


def _key(packet: Packet, *, half: bool = False) -> Key:
    """The key of a packet; with `half` only its public half, whatever else it holds."""
    reader = Reader(packet.body)
    version = reader.number(1)
    if version not in (2, 3, 4, 5, 6):
        raise Malformed("a key of an unknown version")
    created = reader.number(4)
    if version < 4:
        reader.take(2)  # days of validity
    algorithm = reader.number(1)
    size = reader.number(4) if version >= 5 else None
    # Version 6 says how long its parameters are: a key of a later algorithm can be told apart too.
    known = algorithm in _NAMES or (version == 6 and 29 < algorithm < 100)
    if not known or (version < 4 and algorithm not in _RSA):
        raise Malformed("an unknown algorithm")
    if created < _FIRST_KEY:
        raise Malformed("older than OpenPGP")
    start = reader.at
    public = _public(reader, algorithm, size or 0)
    if size is not None and reader.at - start != size:
        raise Malformed("the length of the key is wrong")
    fingerprint, key_id = _fingerprint(version, packet.body[: reader.at], public)
    protection: Protection | None = None
    proved = False
    if packet.tag in _SECRET_TAGS and not half:
        protection, proved = _protection(reader, version, algorithm, public)
    if reader.left and not (half and packet.tag in _SECRET_TAGS):
        raise Malformed("something follows the key")
    primary = packet.tag in (_SECRET, _PUBLIC)
    name = _NAMES.get(algorithm, f"algorithm {algorithm}")
    return Key(fingerprint, key_id, version, name, _bits(public), created, primary, protection, proved)


@dataclass(frozen=True, slots=True)
class _Half:
    """The public parameters: numbers of RSA, DSA and ElGamal, or a curve and a point."""

    numbers: tuple[int, ...] = ()
    curve: str = ""
    bits: int = 0
    point: bytes = b""


def _bits(public: _Half) -> int | None:
    return public.numbers[0].bit_length() if public.numbers else public.bits or None


def _public(reader: Reader, algorithm: int, size: int) -> _Half:
    """The public parameters; `size` bytes of an algorithm that is not known here."""
    if algorithm not in _NAMES:
        return _Half((), "", 0, reader.take(size))
    if algorithm in _RSA:
        n, e = reader.mpi(), reader.mpi()
        if n.bit_length() < 512 or e < 3 or not n & e & 1:
            raise Malformed("not an RSA key")
        return _Half((n, e))
    if algorithm == _DSA or algorithm in _ELGAMAL:
        numbers = tuple(reader.mpi() for _ in range(4 if algorithm == _DSA else 3))
        p, g, y = numbers[0], numbers[-2], numbers[-1]
        if p.bit_length() < 512 or not p & 1 or not 1 < g < p or not 1 < y < p or numbers[1] < 2:
            raise Malformed("not a key of this algorithm")
        return _Half(numbers)
    if algorithm in _FIXED:
        name, size = _FIXED[algorithm]
        return _Half((), name, 448 if size > 32 else 255, reader.take(size))
    known = _CURVES.get(reader.take(reader.number(1)))
    if known is None:
        raise Malformed("an unknown curve")
    name, bits = known
    value = reader.mpi()
    point = value.to_bytes((value.bit_length() + 7) // 8, "big")
    size = (bits + 7) // 8
    if name in ("ed25519", "cv25519"):
        right = len(point) == 33 and point[0] == 0x40
    elif name in ("ed448", "x448"):  # GnuPG writes these without a prefix
        right = size <= len(point) <= size + 2
    else:
        right = len(point) == 1 + 2 * size and point[0] == 4
    if not right:
        raise Malformed("not a point of the curve")
    if algorithm == _ECDH:
        kdf = reader.take(reader.number(1))
        if len(kdf) != 3 or kdf[0] != 1 or kdf[1] not in _HASHES or kdf[2] not in _BLOCKS:
            raise Malformed("unknown parameters of the key derivation")
    return _Half((), name, bits, point)


def _fingerprint(version: int, body: bytes, public: _Half) -> tuple[str, str]:
    from hashlib import md5, sha1, sha256

    if version < 4:
        n, e = public.numbers
        data = n.to_bytes((n.bit_length() + 7) // 8, "big") + e.to_bytes((e.bit_length() + 7) // 8, "big")
        return md5(data, usedforsecurity=False).hexdigest().upper(), f"{n & (1 << 64) - 1:016X}"
    if version == 4:
        text = sha1(b"\x99" + len(body).to_bytes(2, "big") + body, usedforsecurity=False).hexdigest().upper()
        return text, text[-16:]
    head = b"\x9a" if version == 5 else b"\x9b"
    text = sha256(head + len(body).to_bytes(4, "big") + body).hexdigest().upper()
    return text, text[:16]


def _protection(reader: Reader, version: int, algorithm: int, public: _Half) -> tuple[Protection, bool]:
    usage = reader.number(1)
    if version == 5 or (version == 6 and usage):
        described = reader.number(1)
        end = reader.at + described
    else:
        end = None
    if usage == 0:
        if version == 5:
            reader.take(4)
        return "bare", _secret(reader, version, algorithm, public)
    if usage in (253, 254, 255):
        cipher = reader.number(1)
        mode = reader.number(1) if usage == 253 else None
        if version == 6:
            reader.take(1)  # the length of the string-to-key specifier
        stub = _string_to_key(reader)
        if stub is not None:
            return stub, False
    else:
        cipher, mode = usage, None
    if cipher not in _BLOCKS or (mode is not None and mode not in _NONCES):
        raise Malformed("an unknown cipher")
    reader.take(_BLOCKS[cipher] if mode is None else _NONCES[mode])
    if end is not None and reader.at != end:
        raise Malformed("the length of the protection is wrong")
    if version == 5:
        reader.take(4)
    # SHA-1, the tag of the mode, or a sum of two bytes stands behind what is sealed.
    if not _fits(algorithm, public, reader.left - {254: 20, 253: 16}.get(usage, 2)):
        raise Malformed("the encrypted part has the wrong length")
    reader.take(reader.left)
    return "passphrase", False


def _fits(algorithm: int, public: _Half, size: int) -> bool:
    """Whether `size` bytes can be the secret half that belongs to this public one."""
    if algorithm in _FIXED:
        return size == _FIXED[algorithm][1]
    if algorithm not in _NAMES:
        return size >= 32
    bits = _bits(public) or 0
    if algorithm in _RSA:  # d, p, q and u, each with its length
        return bits // 8 < size <= 3 * bits // 8 + 16
    return 2 < size <= 2 + bits // 8 + 2


def _string_to_key(reader: Reader) -> Protection | None:
    """Skip the specifier; which stub it is, if it is one of GnuPG's."""
    kind = reader.number(1)
    if kind == 4:  # Argon2: salt, passes, lanes, memory
        reader.take(19)
        return None
    hash_id = reader.number(1)
    if kind == 101:
        if reader.take(3) != b"GNU":
            raise Malformed("an unknown protection")
        mode = reader.number(1)
        if mode == 2:
            reader.take(min(reader.number(1), 16))  # the serial number of the card
        elif mode != 1:
            raise Malformed("an unknown protection")
        return "card" if mode == 2 else "absent"
    if kind not in (0, 1, 3) or hash_id not in _HASHES:
        raise Malformed("an unknown protection")
    reader.take({0: 0, 1: 8, 3: 9}[kind])
    return None


# --- the secret half -------------------------------------------------------------------------


def _secret(reader: Reader, version: int, algorithm: int, public: _Half) -> bool:
    """Read the secret in the clear, check its checksum and hold it against the public half.

    Whether it was held; raises if it does not belong to it.
    """
    start = reader.at
    if algorithm not in _NAMES:
        reader.take(reader.left)
        return False
    if algorithm in _FIXED:
        raw = reader.take(_FIXED[algorithm][1])
        numbers: list[int] = []
    else:
        numbers = [reader.mpi(exact=False) for _ in range(4 if algorithm in _RSA else 1)]
        raw = numbers[0].to_bytes(_MOST_BITS // 8, "big")
    total = sum(reader.since(start)) & 0xFFFF
    if version < 6 and reader.number(2) != total:
        raise Malformed("the checksum of the secret is wrong")
    if not public.curve:
        return _belongs(algorithm, public.numbers, numbers)
    derived = _derived(public, raw)
    if derived is None:
        return False
    if derived not in (public.point, public.point[1:]):
        raise Malformed("the secret belongs to another public key")
    return True


def _belongs(algorithm: int, public: tuple[int, ...], secret: list[int]) -> bool:
    if algorithm in _RSA:
        (n, e), (d, p, q, _) = public, secret
        right = p > 2 and q > 2 and p * q == n and not (e * d - 1) % (p - 1) and not (e * d - 1) % (q - 1)
    elif public[0].bit_length() > _MOST_ARITHMETIC or secret[0].bit_length() > _MOST_EXPONENT:
        return False
    else:
        p, g, y = public[0], public[-2], public[-1]
        right = pow(g, secret[0], p) == y and (algorithm != _DSA or not (p - 1) % public[1])
    if not right:
        raise Malformed("the secret belongs to another public key")
    return True


def _derived(public: _Half, raw: bytes) -> bytes | None:
    """The public half of a secret scalar: bytes of a fixed size (version 6), or a number at the end
    of `raw`. `None` where it cannot be computed."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, x448, x25519

    key: Any
    try:
        match public.curve:
            case "ed25519":
                key = ed25519.Ed25519PrivateKey.from_private_bytes(raw[-32:])
            case "x25519":
                key = x25519.X25519PrivateKey.from_private_bytes(raw)
            case "cv25519":  # a number, and so in the other byte order
                key = x25519.X25519PrivateKey.from_private_bytes(raw[:-33:-1])
            case "ed448" if len(raw) == 57:
                key = ed448.Ed448PrivateKey.from_private_bytes(raw)
            case "x448" if len(raw) == 56:
                key = x448.X448PrivateKey.from_private_bytes(raw)
            case "ed448" | "x448":
                return None
            case curve:
                key = ec.derive_private_key(int.from_bytes(raw, "big"), _curve(curve))
                return bytes(
                    key.public_key().public_bytes(
                        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
                    )
                )
    except UnsupportedAlgorithm:
        return None
    except ValueError:
        raise Malformed("not a key of the curve") from None
    return bytes(key.public_key().public_bytes_raw())


def _curve(name: str) -> Any:
    from cryptography.hazmat.primitives.asymmetric import ec

    known = (
        ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1(), ec.SECP256K1(),
        ec.BrainpoolP256R1(), ec.BrainpoolP384R1(), ec.BrainpoolP512R1(),
    )  # fmt: skip
    return next(curve for curve in known if curve.name == name)


# --- certificates ----------------------------------------------------------------------------


class _Component:
    """A key and the self-signatures that are about it, while a certificate is read."""

    __slots__ = ("key", "revoked", "signatures")

    def __init__(self, key: Key) -> None:
        self.key = key
        self.revoked = False
        self.signatures: list[_Signature] = []

    def facts(self) -> KeyFacts:
        """What the newest self-signature says, or, where it has no flags, what the algorithm can."""
        newest = max(self.signatures, key=lambda signature: signature.created, default=None)
        flags = newest.flags if newest else None
        lifetime = newest.lifetime if newest else None
        capabilities = _capabilities(self.key) if flags is None else _flagged(flags)
        expires = self.key.created + lifetime if lifetime else None
        return KeyFacts(self.key, capabilities, expires, self.revoked)


@dataclass(frozen=True, slots=True)
class _Signature:
    kind: int
    created: int
    issuer: str
    flags: int | None
    lifetime: int | None


_CERTIFICATIONS, _DIRECT, _BINDING = (0x10, 0x11, 0x12, 0x13), 0x1F, 0x18
_KEY_REVOCATION, _SUBKEY_REVOCATION = 0x20, 0x28


def _certificates(stream: Iterable[Packet]) -> Iterable[Certificate]:
    components: list[_Component] = []
    user_ids: list[str] = []
    for packet in stream:
        if packet.tag not in _IN_KEYRINGS or (
            not components and packet.tag in (_USER_ID, _SECRET_SUBKEY, _PUBLIC_SUBKEY)
        ):
            raise Malformed("not a keyring")
        if packet.tag in (_PUBLIC, _SECRET):
            if components:
                yield _certificate(components, user_ids)
            components, user_ids = [_Component(_key(packet, half=True))], []
        elif packet.tag in (_PUBLIC_SUBKEY, _SECRET_SUBKEY):
            components.append(_Component(_key(packet, half=True)))
        elif packet.tag == _USER_ID:
            user_ids.append(packet.body.decode("utf-8", "replace"))
        elif packet.tag == _SIGNATURE and components:
            _apply(_signature(packet.body), components)
    if components:
        yield _certificate(components, user_ids)


def _certificate(components: list[_Component], user_ids: list[str]) -> Certificate:
    primary, *subkeys = (component.facts() for component in components)
    return Certificate(primary, tuple(subkeys), tuple(user_ids))


def _apply(signature: "_Signature | None", components: list[_Component]) -> None:
    primary, last = components[0], components[-1]
    if signature is None or signature.issuer not in ("", primary.key.key_id):
        return
    if signature.kind in (*_CERTIFICATIONS, _DIRECT) and last is primary:
        primary.signatures.append(signature)
    elif signature.kind == _KEY_REVOCATION:
        primary.revoked = True
    elif signature.kind == _BINDING and last is not primary:
        last.signatures.append(signature)
    elif signature.kind == _SUBKEY_REVOCATION and last is not primary:
        last.revoked = True


def _signature(body: bytes) -> _Signature | None:
    """The facts of a signature of version 4 to 6; older ones have none."""
    reader = Reader(body)
    version = reader.number(1)
    if version not in (4, 5, 6):
        if version not in (2, 3):
            raise Malformed("a signature of an unknown version")
        return None
    kind = reader.number(1)
    reader.take(2)
    size = 4 if version == 6 else 2
    hashed = dict(_subpackets(reader.take(reader.number(size))))
    unhashed = dict(_subpackets(reader.take(reader.number(size))))
    issuer = (unhashed | hashed).get(16, b"").hex().upper()
    if print_ := hashed.get(33) or unhashed.get(33):
        issuer = (print_[-8:] if print_[0] == 4 else print_[1:9]).hex().upper()
    flags, lifetime = hashed.get(27), hashed.get(9)
    return _Signature(
        kind,
        int.from_bytes(hashed.get(2, b"")[:4], "big"),
        issuer,
        None if flags is None else int.from_bytes(flags[:1], "big"),
        None if lifetime is None else int.from_bytes(lifetime[:4], "big"),
    )


def _subpackets(area: bytes) -> Iterable[tuple[int, bytes]]:
    reader = Reader(area)
    while reader.left:
        length = reader.number(1)
        if 192 <= length < 255:
            length = (length - 192 << 8) + reader.number(1) + 192
        elif length == 255:
            length = reader.number(4)
        if length < 1:
            raise Malformed("an empty subpacket")
        body = reader.take(length)
        yield body[0] & 0x7F, body[1:]


def _flagged(flags: int) -> frozenset[Capability]:
    names: tuple[tuple[int, Capability], ...] = (
        (0x01, "certify"), (0x02, "sign"), (0x0C, "encrypt"), (0x20, "authenticate"),
    )  # fmt: skip
    return frozenset(name for bits, name in names if flags & bits)


def _capabilities(key: Key) -> frozenset[Capability]:
    """What a key without flags may do, as GnuPG assumes it: all that its algorithm can."""
    if key.algorithm in ("ecdh", "elgamal", "x25519", "x448"):
        return frozenset({"encrypt"})
    signs: frozenset[Capability] = frozenset({"certify", "sign", "authenticate"})
    return signs | {"encrypt"} if key.algorithm == "rsa" else signs
