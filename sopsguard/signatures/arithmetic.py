"""The public-key arithmetic of OpenPGP signatures: which key made a digest's signature, nothing about trust.

Source: RFC 9580 5.2.3 and 9; the numbers are checked by `cryptography`.
"""

from dataclasses import dataclass, field
from typing import Any

from sopsguard.keys.packets import Malformed, Reader

RSA, EDDSA, ECDSA, ED25519, ED448 = (1, 3), 22, 19, 27, 28
_LEAST_RSA = 2048
# Beyond these a single signature can take seconds to verify; nobody has such keys.
_MOST_RSA, _MOST_EXPONENT = 8192, 64
HASHES = {2: "sha1", 8: "sha256", 9: "sha384", 10: "sha512", 11: "sha224"}
# Not Brainpool: Sequoia does not know it, and what counts must not depend on the engine.
_CURVES = {
    bytes.fromhex("2a8648ce3d030107"): "SECP256R1",
    bytes.fromhex("2b81040022"): "SECP384R1",
    bytes.fromhex("2b81040023"): "SECP521R1",
}
_ED25519_CURVE = bytes.fromhex("2b06010401da470f01")


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key packet. `fingerprint` and `key_id` are upper-case hexadecimal, `created` seconds since
    1970. `weak` says in words why nothing signed with it counts, or is empty."""

    version: int
    algorithm: int
    created: int
    fingerprint: str
    key_id: str
    weak: str
    body: bytes = field(repr=False)
    _key: Any = field(repr=False)

    @property
    def hashed(self) -> bytes:
        """How a signature about this key takes it in (RFC 9580 5.2.4)."""
        if self.version == 4:
            return b"\x99" + len(self.body).to_bytes(2, "big") + self.body
        return b"\x9b" + len(self.body).to_bytes(4, "big") + self.body

    def signed(self, hash_id: int, digest: bytes, values: tuple[int, ...] | bytes) -> bool:
        """Whether `values` (the numbers of a signature, or its bytes) are this key's over `digest`."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec, padding, utils

        if self._key is None or hash_id not in HASHES:
            return False
        prehashed = utils.Prehashed(getattr(hashes, HASHES[hash_id].upper())())
        try:
            if isinstance(values, bytes):
                self._key.verify(values, digest)
            elif self.algorithm in RSA:
                size = (self._key.key_size + 7) // 8
                self._key.verify(values[0].to_bytes(size, "big"), digest, padding.PKCS1v15(), prehashed)
            elif self.algorithm == ECDSA:
                self._key.verify(utils.encode_dss_signature(*values), digest, ec.ECDSA(prehashed))
            elif self.algorithm == EDDSA:
                self._key.verify(b"".join(value.to_bytes(32, "big") for value in values), digest)
            else:
                return False
        except (InvalidSignature, ValueError, OverflowError, TypeError):
            return False
        return True


def public_key(body: bytes) -> PublicKey:
    """The key in the body of a public key or subkey packet. Raises `Malformed`."""
    from hashlib import sha1, sha256

    reader = Reader(body)
    version, created, algorithm = reader.number(1), reader.number(4), reader.number(1)
    if version not in (4, 6):
        raise Malformed(f"a key of version {version}")
    if version == 6 and reader.number(4) != reader.left:
        raise Malformed("the length of the key is wrong")
    key, weak = _material(reader, algorithm)
    if version == 4:
        data = b"\x99" + len(body).to_bytes(2, "big") + body
        fingerprint = sha1(data, usedforsecurity=False).hexdigest().upper()
        key_id = fingerprint[-16:]
    else:
        fingerprint = sha256(b"\x9b" + len(body).to_bytes(4, "big") + body).hexdigest().upper()
        key_id = fingerprint[:16]
    return PublicKey(version, algorithm, created, fingerprint, key_id, weak, body, key)


def _material(reader: Reader, algorithm: int) -> tuple[Any, str]:
    """The key of `cryptography`, None for kinds that do not sign here, and why it is weak."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

    try:
        if algorithm in (1, 2, 3):
            n, e = _number(reader), _number(reader)
            weak = f"an RSA key of {n.bit_length()} bits" if n.bit_length() < _LEAST_RSA else ""
            if n.bit_length() > _MOST_RSA or e.bit_length() > _MOST_EXPONENT:
                return None, "an RSA key with numbers that nobody uses"
            return (rsa.RSAPublicNumbers(e, n).public_key() if algorithm in RSA else None), weak
        if algorithm == ECDSA:
            curve = _CURVES.get(reader.take(reader.number(1)))
            value = _number(reader)
            if curve is None:
                return None, "a key on a curve that not everybody knows"
            point = value.to_bytes((value.bit_length() + 7) // 8, "big")
            return ec.EllipticCurvePublicKey.from_encoded_point(getattr(ec, curve)(), point), ""
        if algorithm == EDDSA:
            oid, value = reader.take(reader.number(1)), _number(reader)
            point = value.to_bytes((value.bit_length() + 7) // 8, "big")
            if oid != _ED25519_CURVE:
                return None, "a key on a curve that not everybody knows"
            if len(point) != 33 or point[0] != 0x40:
                raise Malformed("not a point of the curve")
            return ed25519.Ed25519PublicKey.from_public_bytes(point[1:]), ""
        if algorithm == ED25519:
            return ed25519.Ed25519PublicKey.from_public_bytes(reader.take(32)), ""
        if algorithm == ED448:
            return ed448.Ed448PublicKey.from_public_bytes(reader.take(57)), ""
    except (ValueError, OverflowError):
        raise Malformed("not a key of its algorithm") from None
    if algorithm == 17:
        return None, "a DSA key"
    return None, "a key whose algorithm does not sign, or is not known here"


def _number(reader: Reader) -> int:
    return reader.mpi(exact=False)
