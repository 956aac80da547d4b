"""Throw-away secrets, made at run time and good for nothing else.

`fill` puts them into the examples of rules and patterns, where `{age-identity}` and the like stand.
"""

import base64
import binascii
import re
import secrets
import string
from collections.abc import Callable

import pyrage

from sopsguard.keys import age, bech32
from sopsguard.keys.ssh import generate_host_key

BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase


def age_identity() -> tuple[str, str]:
    """A fresh identity and its recipient."""
    identity = pyrage.x25519.Identity.generate()
    return str(identity), str(identity.to_public())


def wireguard_key() -> str:
    """A private key as `wg genkey` prints it: 32 random bytes, clamped, in base64."""
    raw = bytearray(secrets.token_bytes(32))
    raw[0] &= 248
    raw[31] = (raw[31] & 127) | 64
    return base64.b64encode(raw).decode()


def wireguard_public() -> str:
    """A public key as `wg pubkey` prints it."""
    from sopsguard.keys import wireguard

    return wireguard.generate().public


def openssh_key() -> str:
    """A private key as `ssh-keygen` writes it."""
    from cryptography.hazmat.primitives import serialization as s
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    return key.private_bytes(s.Encoding.PEM, s.PrivateFormat.OpenSSH, s.NoEncryption()).decode()


def openssh_public(comment: str = "") -> str:
    """A line as in `id_ed25519.pub`."""
    from cryptography.hazmat.primitives import serialization as s
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate().public_key()
    line = key.public_bytes(s.Encoding.OpenSSH, s.PublicFormat.OpenSSH).decode()
    return f"{line} {comment}".rstrip()


def pem_key() -> str:
    """A private key in PKCS#8."""
    from cryptography.hazmat.primitives import serialization as s
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()).decode()


def github_token(prefix: str = "ghp_") -> str:
    """A token with the checksum that GitHub documents: CRC-32 of the random part, in base 62."""
    body = "".join(secrets.choice(BASE62) for _ in range(30))
    crc, tail = binascii.crc32(body.encode()), ""
    while crc:
        crc, digit = divmod(crc, 62)
        tail = BASE62[digit] + tail
    return prefix + body + tail.rjust(6, "0")


def password(length: int = 24) -> str:
    """A password that no dictionary holds."""
    while True:
        word = "".join(secrets.choice(BASE62) for _ in range(length))
        if re.search(r"\d", word) and re.search(r"[a-z]", word) and re.search(r"[A-Z]", word):
            return word


def pq_recipient() -> str:
    """A fresh post-quantum recipient."""
    found = age.identity(bech32.encode("age-secret-key-pq-", secrets.token_bytes(32)).upper())
    assert isinstance(found, age.Identity)
    assert found.public is not None
    return found.public


def openpgp_certificate(days: int = 0) -> str:
    """An armored certificate made on 2026-01-02 that lives for so many days, or without an end."""
    import base64

    from sopsguard.signatures.packet import framed
    from tests.signatures.craft import Key, flags, seconds, subpacket

    key = Key(created=1767312000)
    user_id = b"Alice <alice@example.org>"
    about = key.hashed + b"\xb4" + seconds(len(user_id)) + user_id
    end = subpacket(9, seconds(days * 86400)) if days else b""
    own = key.signature(about, 0x13, at=key.created, more=flags(3) + end)
    data = framed(6, key.body) + framed(13, user_id) + framed(2, own)
    body = base64.encodebytes(data).decode()
    return f"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n{body}-----END PGP PUBLIC KEY BLOCK-----\n"


MAKERS: dict[str, Callable[[], str]] = {
    "age-identity": lambda: age_identity()[0],
    "age-recipient": lambda: age_identity()[1],
    "wireguard-key": wireguard_key,
    "wireguard-public": wireguard_public,
    "github-token": github_token,
    "password": password,
    "pq-recipient": pq_recipient,
    "openpgp-certificate": openpgp_certificate,
    "openpgp-certificate-expiring": lambda: openpgp_certificate(340),
    "ssh-public-key": lambda: generate_host_key("ed25519").public,
}


def fill(text: str) -> str:
    """The text with every `{name}` of `MAKERS` replaced by a fresh secret of that kind."""
    return re.sub(r"\{([a-z-]+)\}", lambda m: MAKERS[m[1]]() if m[1] in MAKERS else m[0], text)
