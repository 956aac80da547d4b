"""WireGuard keys: 32 bytes as base64; private, public and preshared keys look the same.

Source: wireguard-tools (`key.c`, `genkey.c`); RFC 7748, section 5 for the clamping.
"""

import binascii
import re
from dataclasses import dataclass, field

from sopsguard.keys import Problem

_FORM = re.compile(r"[A-Za-z0-9+/]{43}=")
_FIELD = 2**255 - 19


@dataclass(frozen=True, slots=True)
class Key:
    """A key and what its bits say about its role, which alone decides nothing.

    `clamped`: every key that `wg genkey` writes is; of 32 random bytes one in 32, so 31 of 32 public
    keys and preshared keys are not. `on_field`: a coordinate below 2^255-19, as every public key is;
    a key that is not is no public key, and of preshared keys half are not.
    """

    data: bytes = field(repr=False)
    clamped: bool
    on_field: bool

    @property
    def text(self) -> str:
        """The one spelling of the key."""
        return _base64(self.data)

    @property
    def public(self) -> str:
        """The public key, if this is a private one (`wg pubkey`)."""
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

        return _base64(X25519PrivateKey.from_private_bytes(self.data).public_key().public_bytes_raw())


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A new key pair; both halves as base64."""

    private: str = field(repr=False)
    public: str


def key(text: str) -> Key | Problem | None:
    """The key that `text`, without surrounding white space, is; wg itself refuses what is a problem."""
    text = text.strip()
    if not _FORM.fullmatch(text):
        return None
    data = binascii.a2b_base64(text)
    if _base64(data) != text:
        return Problem("wireguard-key", "not the canonical base64 of 32 bytes")
    if not any(data):
        return Problem("wireguard-key", "all zero, which stands for no key")
    return Key(data, _clamped(data) == data, int.from_bytes(data, "little") < _FIELD)


def generate() -> KeyPair:
    """A new key pair as `wg genkey` makes it."""
    from secrets import token_bytes

    data = _clamped(token_bytes(32))
    return KeyPair(_base64(data), Key(data, True, True).public)


def generate_preshared() -> str:
    """A new preshared key as `wg genpsk` makes it."""
    from secrets import token_bytes

    return _base64(token_bytes(32))


def _clamped(data: bytes) -> bytes:
    return bytes([data[0] & 248, *data[1:31], data[31] & 127 | 64])


def _base64(data: bytes) -> str:
    return binascii.b2a_base64(data, newline=False).decode()
