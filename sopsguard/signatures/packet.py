"""OpenPGP signature packets: every field that decides, and the one spelling that every engine reads.

Source: RFC 9580 5.2. GitHub writes the length of RSA numbers as 4096 bits even where the first bit is not
set, which Sequoia refuses; the lengths lie outside of what is signed, so they are written anew.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from sopsguard.keys.packets import Malformed, Packet, Reader, packets
from sopsguard.signatures.arithmetic import ECDSA, ED448, ED25519, EDDSA, HASHES, RSA, PublicKey
from sopsguard.signatures.reason import Reason, Refused

SIGNATURE = 2
BINARY = 0x00
STRONG = frozenset({8, 9, 10})  # SHA-256, SHA-384, SHA-512
_SALTS = {8: 16, 9: 24, 10: 32, 11: 16}
_KNOWN = frozenset(
    {2, 3, 4, 5, 6, 7, 9, 11, 12, 16, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 39}
)
_MOST_SUBPACKETS = 128


@dataclass(frozen=True, slots=True)
class Signature:
    """The fields of one packet, not verified. Times are seconds since 1970, spans are seconds; `issuers`
    are fingerprints and key ids in upper-case hexadecimal. `demands`: a critical part is not understood."""

    version: int
    kind: int
    algorithm: int
    hash: int
    created: int | None
    lifetime: int | None
    key_lifetime: int | None
    flags: int | None
    revocation: int | None
    is_primary_id: bool
    issuers: frozenset[str]
    demands: bool
    embedded: bytes | None = field(repr=False)
    values: tuple[int, ...] | bytes = field(repr=False)
    body: bytes = field(repr=False)  # with canonical numbers
    _prefix: bytes = field(repr=False)
    _trailer: bytes = field(repr=False)
    _left: bytes = field(repr=False)

    @property
    def packet(self) -> bytes:
        """The whole packet, in the new format."""
        return framed(SIGNATURE, self.body)

    def claims(self, key: PublicKey) -> bool:
        """Whether every issuer that it names is this key."""
        return bool(self.issuers) and self.issuers <= {key.fingerprint, key.key_id}

    def made_by(self, key: PublicKey, *data: bytes) -> bool:
        """Whether `key` made it over `data`. Says nothing about whether it may."""
        import hashlib

        if self.hash not in HASHES or self.algorithm != key.algorithm or self.version != key.version:
            return False
        digest = hashlib.new(HASHES[self.hash], self._prefix, usedforsecurity=False)
        for part in (*data, self._trailer):
            digest.update(part)
        value = digest.digest()
        return value[:2] == self._left and key.signed(self.hash, value, self.values)


def framed(tag: int, body: bytes) -> bytes:
    """A packet in the new format."""
    size = len(body)
    if size < 192:
        length = bytes([size])
    elif size < 8384:
        length = bytes([(size - 192 >> 8) + 192, (size - 192) & 0xFF])
    else:
        length = b"\xff" + size.to_bytes(4, "big")
    return bytes([0xC0 | tag]) + length + body


def of_commit(data: bytes) -> Signature:
    """The one signature over binary data in an armor's body. Raises `Refused`."""
    try:
        found: list[Packet] = []
        for one in packets(data):
            found.append(one)
            if len(found) > 1:
                break
        if len(found) > 1 and all(one.tag == SIGNATURE for one in found):
            raise Refused(Reason.MULTIPLE_SIGNATURES, "two signature packets")
        if len(found) != 1 or found[0].tag != SIGNATURE:
            raise Malformed("not one signature packet")
        signature = parse(found[0].body)
    except Malformed as problem:
        raise Refused(Reason.MALFORMED, f"its OpenPGP signature is malformed: {problem}") from None
    if signature.kind != BINARY:
        raise Refused(Reason.MALFORMED, "its OpenPGP signature is not one over binary data")
    if signature.hash not in STRONG:
        raise Refused(Reason.WEAK_HASH, "its OpenPGP signature rests on another hash than SHA-2")
    if signature.created is None:
        raise Refused(Reason.MALFORMED, "its OpenPGP signature does not say when it was made")
    if not signature.issuers:
        raise Refused(Reason.MALFORMED, "its OpenPGP signature does not say which key made it")
    if signature.demands:
        raise Refused(Reason.BAD_SIGNATURE, "its OpenPGP signature demands something that is not known here")
    return signature


def parse(body: bytes, *, inner: bool = False) -> Signature:
    """The signature in the body of a packet, of version 4 or 6; `inner` for one that stands in another,
    which holds no third. Raises `Malformed`."""
    reader = Reader(body)
    version = reader.number(1)
    if version not in (4, 6):
        raise Malformed(f"a signature of version {version}")
    kind, algorithm, hash_id = reader.number(1), reader.number(1), reader.number(1)
    wide = 4 if version == 6 else 2
    hashed = _subpackets(reader.take(reader.number(wide)))
    signed = body[: reader.at]
    unhashed = _subpackets(reader.take(reader.number(wide)))
    after = reader.at
    left = reader.take(2)
    salt = b""
    if version == 6:
        salt = reader.take(reader.number(1))
        if len(salt) != _SALTS.get(hash_id):
            raise Malformed("a salt of a wrong length")
    before = reader.at
    values, numbers = _values(reader, algorithm)
    if reader.left:
        raise Malformed("something follows the signature")
    trailer = signed + bytes([version, 0xFF]) + (len(signed) & 0xFFFFFFFF).to_bytes(4, "big")
    number = _number(hashed)
    first_flags = next((value[:1] for kind_, _, value in hashed if kind_ == 27), None)
    embedded = [value for kind_, _, value in (*hashed, *unhashed) if kind_ == 32]
    issuers = _issuers(hashed, unhashed)
    held = [] if inner else [value for kind_, _, value in unhashed if kind_ == 32]
    loose = _loose(version, issuers, held[:1])
    return Signature(
        version, kind, algorithm, hash_id,
        created=number(2), lifetime=number(3) or None, key_lifetime=number(9) or None,
        flags=None if first_flags is None else int.from_bytes(first_flags, "big"),
        revocation=next((value[0] if value else 0 for kind_, _, value in hashed if kind_ == 29), None),
        is_primary_id=any(kind_ == 25 and value != b"\0" for kind_, _, value in hashed),
        issuers=issuers,
        # No notation is known here, so none may be critical.
        demands=any(critical and (kind_ not in _KNOWN or kind_ == 20) for kind_, critical, _ in hashed),
        embedded=embedded[0] if len(embedded) == 1 else None,
        values=values, body=signed + len(loose).to_bytes(wide, "big") + loose + body[after:before] + numbers,
        _prefix=salt, _trailer=trailer, _left=left,
    )  # fmt: skip


_Subpackets = list[tuple[int, bool, bytes]]


def _subpackets(area: bytes) -> _Subpackets:
    """(type, critical, content) of each."""
    reader = Reader(area)
    found: _Subpackets = []
    while reader.left:
        length = reader.number(1)
        if 192 <= length < 255:
            length = (length - 192 << 8) + reader.number(1) + 192
        elif length == 255:
            length = reader.number(4)
        if length < 1 or len(found) == _MOST_SUBPACKETS:
            raise Malformed("an empty subpacket, or too many")
        body = reader.take(length)
        found.append((body[0] & 0x7F, bool(body[0] & 0x80), body[1:]))
    return found


def _number(hashed: _Subpackets) -> Callable[[int], int | None]:
    def number(kind: int) -> int | None:
        values = [value for kind_, _, value in hashed if kind_ == kind]
        if len(values) > 1:
            # One program takes the first, another the last.
            raise Malformed("a field twice")
        if values and len(values[0]) != 4:
            raise Malformed("a time of a wrong length")
        return int.from_bytes(values[0], "big") if values else None

    return number


def _issuers(hashed: _Subpackets, unhashed: _Subpackets) -> frozenset[str]:
    found = set()
    for kind, _, value in (*hashed, *unhashed):
        if kind == 16:
            if len(value) != 8:
                raise Malformed("a key id of a wrong length")
            found.add(value.hex().upper())
        elif kind == 33:
            if len(value) != {4: 21, 6: 33}.get(value[0] if value else 0):
                raise Malformed("a fingerprint of a wrong length")
            found.add(value[1:].hex().upper())
    return frozenset(found)


def _loose(version: int, issuers: frozenset[str], embedded: list[bytes]) -> bytes:
    """What is kept of the part that is not signed: the key id, without which gpg before 2.4 refuses a
    signature of version 4, and the one in which a subkey answers."""
    found = b""
    if version == 4 and issuers:
        found += b"\x09\x10" + bytes.fromhex(min(issuers, key=len)[-16:])
    for value in embedded:
        try:
            value = parse(value, inner=True).body
        except Malformed:
            continue
        size = len(value) + 1
        found += (bytes([size]) if size < 192 else b"\xff" + size.to_bytes(4, "big")) + b"\x20" + value
    return found


def _values(reader: Reader, algorithm: int) -> tuple[tuple[int, ...] | bytes, bytes]:
    """The numbers of a signature, and the same as the standard wants them written."""
    if algorithm in (ED25519, ED448):
        raw = reader.take(64 if algorithm == ED25519 else 114)
        return raw, raw
    count = 1 if algorithm in RSA else 2 if algorithm in (17, ECDSA, EDDSA) else 0
    if not count:
        raise Malformed("a signature of an unknown algorithm")
    values = tuple(_padded(reader) for _ in range(count))
    return values, b"".join(
        value.bit_length().to_bytes(2, "big") + value.to_bytes((value.bit_length() + 7) // 8, "big")
        for value in values
    )


def _padded(reader: Reader) -> int:
    """A number whose length may count bits that are not set."""
    return reader.mpi(exact=False)
