"""OpenPGP packets written by hand, for what gpg refuses to make. Source: RFC 9580 5.2."""

from dataclasses import dataclass, field
from hashlib import new, sha1

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sopsguard.signatures.packet import framed
from tests.signatures.people import START, armored

HASHES = {2: "sha1", 8: "sha256", 10: "sha512"}
MADE = START - 30 * 86400


def subpacket(kind: int, body: bytes, *, critical: bool = False) -> bytes:
    return bytes([len(body) + 1, kind | (0x80 if critical else 0)]) + body


def seconds(value: int) -> bytes:
    return value.to_bytes(4, "big")


@dataclass(frozen=True)
class Key:
    """An Ed25519 key of version 4."""

    secret: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    created: int = MADE

    @property
    def body(self) -> bytes:
        point = b"\x40" + self.secret.public_key().public_bytes_raw()
        oid = bytes.fromhex("2b06010401da470f01")
        number = (263).to_bytes(2, "big") + point
        return b"\x04" + seconds(self.created) + b"\x16" + bytes([len(oid)]) + oid + number

    @property
    def hashed(self) -> bytes:
        return b"\x99" + len(self.body).to_bytes(2, "big") + self.body

    @property
    def fingerprint(self) -> str:
        return sha1(self.hashed, usedforsecurity=False).hexdigest().upper()

    def signature(
        self,
        data: bytes,
        kind: int = 0,
        *,
        at: int | None = START,
        more: bytes = b"",
        unhashed: bytes = b"",
        hash_id: int = 10,
        issuer: str | None = None,
    ) -> bytes:
        """The body of a signature packet. `issuer` is the fingerprint that it names, "" for none."""
        name = self.fingerprint if issuer is None else issuer
        area = subpacket(33, b"\x04" + bytes.fromhex(name)) if name else b""
        area += (subpacket(2, seconds(at)) if at is not None else b"") + more
        head = bytes([4, kind, 22, hash_id]) + len(area).to_bytes(2, "big") + area
        digest = new(
            HASHES[hash_id], data + head + b"\x04\xff" + seconds(len(head)), usedforsecurity=False
        ).digest()
        raw = self.secret.sign(digest)
        numbers = b""
        for part in (raw[:32], raw[32:]):
            value = int.from_bytes(part, "big")
            numbers += value.bit_length().to_bytes(2, "big") + value.to_bytes(
                (value.bit_length() + 7) // 8, "big"
            )
        return head + len(unhashed).to_bytes(2, "big") + unhashed + digest[:2] + numbers

    def armored(self, data: bytes, **options: object) -> bytes:
        """A detached signature as a commit carries it."""
        return armored(framed(2, self.signature(data, **options)))  # type: ignore[arg-type]


def flags(value: int) -> bytes:
    return subpacket(27, bytes([value]))


def certificate(
    primary: Key,
    *subkeys: tuple[Key, int, bool],
    use: int = 1,
    user_id: bytes = b"Carol <carol@example.org>",
    hash_id: int = 10,
    extra: bytes = b"",
) -> bytes:
    """A binary certificate. Each subkey comes with its flags and whether it signs back; `extra` is put
    after the primary key."""
    about = b"\xb4" + seconds(len(user_id)) + user_id
    own = primary.signature(
        primary.hashed + about, 0x13, at=primary.created, more=flags(use), hash_id=hash_id
    )
    out = framed(6, primary.body) + extra + framed(13, user_id) + framed(2, own)
    for key, value, crossed in subkeys:
        both = primary.hashed + key.hashed
        back = subpacket(32, key.signature(both, 0x19, at=MADE)) if crossed else b""
        binding = primary.signature(both, 0x18, at=MADE, more=flags(value), unhashed=back)
        out += framed(14, key.body) + framed(2, binding)
    return out
