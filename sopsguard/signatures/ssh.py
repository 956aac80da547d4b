"""SSH signatures (SSHSIG), verified in process: who made one, over what, with a touch or a PIN or without.

Sources: OpenSSH's PROTOCOL.sshsig and PROTOCOL.u2f, RFC 5656 3.1.2, 8332, 8709. ssh-keygen accepts a
signature by a security key that nobody touched; the flags are signed, and here they count.
"""

from dataclasses import dataclass, field
from typing import Any

from sopsguard.keys.ssh import PublicKey
from sopsguard.keys.ssh_wire import Malformed, Reader, checked_key, rsa_key, string
from sopsguard.signatures.reason import Reason, Refused

NAMESPACE = b"git"
_MAGIC = b"SSHSIG"
_TOUCHED, _VERIFIED = 0x01, 0x04
# Beyond the upper bounds a single signature can take seconds to verify.
_LEAST_RSA, _MOST_RSA, _MOST_EXPONENT = 2048, 8192, 64
_CURVES = {
    "nistp256": ("SECP256R1", "SHA256"),
    "nistp384": ("SECP384R1", "SHA384"),
    "nistp521": ("SECP521R1", "SHA512"),
}


@dataclass(frozen=True, slots=True)
class SSHSignature:
    """The fields of a signature, not verified yet. `touched` and `verified` (PIN, fingerprint) are None
    for keys that are no security keys."""

    key: PublicKey
    hash: str
    touched: bool | None
    verified: bool | None
    _signed_with: str = field(repr=False)
    _raw: bytes = field(repr=False)
    _tail: bytes = field(repr=False)  # of a security key: flags and counter


def parse(data: bytes) -> SSHSignature:
    """The signature in an armor's body. Raises `Refused` with the reason by which it can never count."""
    try:
        return _parse(data)
    except Malformed as problem:
        raise Refused(Reason.MALFORMED, f"its SSH signature is malformed: {problem}") from None


def _parse(data: bytes) -> SSHSignature:
    reader = Reader(data)
    if reader.take(6) != _MAGIC or reader.uint32() != 1:
        raise Malformed("not version 1 of SSHSIG")
    wire = reader.string()
    namespace, reserved, hashed = reader.string(), reader.string(), reader.string()
    blob = reader.string()
    reader.end()
    if reserved:
        raise Malformed("a reserved field that is not empty")
    try:
        kind = Reader(wire).string().decode("ascii")
    except UnicodeDecodeError:
        raise Malformed("a key of no kind") from None
    if "-cert-" in kind:
        raise Refused(Reason.UNSUPPORTED_FORMAT, "an SSH certificate")
    key = checked_key(kind, wire)
    if namespace != NAMESPACE:
        raise Refused(Reason.WRONG_NAMESPACE, "the signature was made for another namespace than git")
    check_strength(key)
    if hashed not in (b"sha256", b"sha512"):
        raise Refused(Reason.WEAK_HASH, "an SSH signature over another hash than SHA-256 or SHA-512")
    inner = Reader(blob)
    signed_with = inner.string()
    expected = (b"rsa-sha2-256", b"rsa-sha2-512") if kind == "ssh-rsa" else (kind.encode(),)
    if signed_with == b"ssh-rsa" and kind == "ssh-rsa":
        raise Refused(Reason.WEAK_HASH, "an RSA signature over SHA-1")
    if signed_with not in expected:
        raise Malformed("the signature is of another kind than its key")
    raw = inner.string()
    tail, touched, verified = b"", None, None
    if kind.startswith("sk-"):
        tail = inner.take(5)
        touched, verified = bool(tail[0] & _TOUCHED), bool(tail[0] & _VERIFIED)
    inner.end()
    return SSHSignature(key, hashed.decode(), touched, verified, signed_with.decode(), raw, tail)


def check_strength(key: PublicKey) -> None:
    """Raises `Refused` (`weak-key`, `unsupported-format`) for a key that no policy may list."""
    if key.kind == "ssh-dss":
        raise Refused(Reason.WEAK_KEY, "a DSA key")
    if key.kind == "ssh-rsa" and not _LEAST_RSA <= (key.bits or 0) <= _MOST_RSA:
        raise Refused(Reason.WEAK_KEY, f"an RSA key of {key.bits} bits; from {_LEAST_RSA} on they count")
    if key.bits is None:
        raise Refused(Reason.UNSUPPORTED_FORMAT, "an SSH key of a kind that is not known here")


def is_good(signature: SSHSignature, payload: bytes) -> bool:
    """Whether the key made this signature over the payload."""
    import hashlib

    from cryptography.exceptions import InvalidSignature

    digest = hashlib.new(signature.hash, payload).digest()
    # PROTOCOL.sshsig 3: what is signed is a frame around the hash, so that it can mean nothing else.
    signed = _MAGIC + string(NAMESPACE) + string(b"") + string(signature.hash.encode()) + string(digest)
    kind = signature.key.kind
    if kind.startswith("sk-"):
        # PROTOCOL.u2f: the application stands last in the key, flags and counter beside the signature.
        application = _application(signature.key)
        signed = hashlib.sha256(application).digest() + signature._tail + hashlib.sha256(signed).digest()
    try:
        _verify(kind, signature.key.wire, signature._signed_with, signature._raw, signed)
    except (InvalidSignature, Malformed, ValueError):
        return False
    return True


def _application(key: PublicKey) -> bytes:
    reader = Reader(key.wire)
    fields = [reader.string() for _ in range(3 if "ed25519" in key.kind else 4)]
    return fields[-1]


def _verify(kind: str, wire: bytes, signed_with: str, raw: bytes, signed: bytes) -> None:
    """Raises InvalidSignature, ValueError or Malformed unless the signature holds."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    reader = Reader(wire)
    reader.string()
    if "ed25519" in kind:
        if len(raw) != 64:
            raise Malformed("an Ed25519 signature that is not 64 bytes")
        Ed25519PublicKey.from_public_bytes(reader.string()).verify(raw, signed)
    elif kind == "ssh-rsa":
        exponent, modulus = reader.mpint(), reader.mpint()
        if exponent.bit_length() > _MOST_EXPONENT:
            raise Malformed("an RSA exponent that nobody uses")
        key: Any = rsa_key(modulus, exponent)
        # OpenSSH writes the signature without leading zeros in rare cases; the library wants them.
        size = (modulus.bit_length() + 7) // 8
        if len(raw) > size:
            raise Malformed("an RSA signature longer than its key")
        hash_ = hashes.SHA512() if signed_with == "rsa-sha2-512" else hashes.SHA256()
        key.verify(raw.rjust(size, b"\0"), signed, padding.PKCS1v15(), hash_)
    else:
        curve, hash_name = _CURVES[reader.string().decode("ascii")]
        point = reader.string()
        numbers = Reader(raw)
        r, s = numbers.mpint(), numbers.mpint()
        numbers.end()
        public = ec.EllipticCurvePublicKey.from_encoded_point(getattr(ec, curve)(), point)
        public.verify(encode_dss_signature(r, s), signed, ec.ECDSA(getattr(hashes, hash_name)()))
