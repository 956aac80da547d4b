"""The formats that a schema can name: the sizes that ciphertext shows, and the proof that plaintext allows.

Lengths: wireguard-tools (base64 of 32 bytes); age-keygen 1.x and bech32; ssh-keygen of OpenSSH 7.8 to 10 for
Ed25519, ECDSA and RSA of 1024 to 16384 bits, as OpenSSH, SEC1, PKCS#1 and PKCS#8; crypt(5) of libxcrypt.
One newline at the end is accepted by all of them, because files are often stored with it.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sopsguard.keys import age, openpgp, password, ssh, wireguard
from sopsguard.structure.sizes import Sizes, between, byte_length, exactly
from sopsguard.structure.truth import Truth, certainly


@dataclass(frozen=True, slots=True)
class Format:
    """A format: `noun` with its article, `sizes` in bytes, `fits` for a text without the final newline."""

    noun: str
    sizes: Sizes
    fits: Callable[[str], bool]

    def judge(self, text: str) -> Truth:
        """Whether a text in clear is of the format: of its size, as ciphertext shows it, and proved."""
        return certainly(self.sizes.allow(byte_length(text)) and self.fits(text.removesuffix("\n")))


def _wireguard(text: str) -> bool:
    return isinstance(wireguard.key(text), wireguard.Key) and len(text) == 44


def _wireguard_public(text: str) -> bool:
    key = wireguard.key(text)
    return isinstance(key, wireguard.Key) and key.on_field and len(text) == 44


def _age_identity(text: str) -> bool:
    file = age.identity_file(text)
    if file is None or file.problems:
        return False
    return all(entry.identity.kind in ("x25519", "pq") for entry in file.entries)


def _age_recipient(text: str) -> bool:
    recipient = age.recipient(text)
    return isinstance(recipient, age.Recipient) and recipient.kind in ("x25519", "pq") and text[:4] == "age1"


def _private_key(text: str) -> ssh.PrivateKey | None:
    """A private key as a file holds it: with its header line, and in no format of PuTTY."""
    if not text.lstrip().startswith("-----BEGIN "):
        return None
    key = ssh.private_key(text)
    return key if isinstance(key, ssh.PrivateKey) else None


def _ssh_private(text: str) -> bool:
    key = _private_key(text)
    return key is not None and not key.hardware and key.format != "pkcs12"


def _ssh_host(text: str) -> bool:
    key = _private_key(text)
    return key is not None and key.encrypted is False and key.public is not None and not key.hardware


def _ssh_ed25519(text: str) -> bool:
    key = _private_key(text)
    return _ssh_host(text) and key is not None and key.public is not None and key.public.kind == "ssh-ed25519"


def _ssh_public(text: str) -> bool:
    return "\n" not in text and isinstance(ssh.public_key(text), ssh.PublicKey)


def _tls_private(text: str) -> bool:
    key = _private_key(text)
    return key is not None and key.format in ("pkcs1", "pkcs8", "sec1")


def _certificate(text: str) -> bool:
    from cryptography import x509

    try:
        return bool(x509.load_pem_x509_certificates(text.encode("utf-8", "surrogateescape")))
    except ValueError:
        return False


def _openpgp_secret(text: str) -> bool:
    found = openpgp.secret_keys(text)
    return isinstance(found, openpgp.Keyring) and any(key.is_secret for key in found.keys)


def _hash(*names: str) -> Callable[[str], bool]:
    def fits(text: str) -> bool:
        found = password.hash_format(text)
        return found is not None and (not names or found.name in names)

    return fits


def _passphrase(text: str) -> bool:
    return len(text) >= 12 and "\n" not in text and len(set(text)) > 4


def _json(text: str) -> bool:
    import json

    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _base64(text: str) -> bool:
    import binascii

    try:
        binascii.a2b_base64(re.sub(r"\s", "", text).encode(), strict_mode=True)
    except (binascii.Error, UnicodeEncodeError):
        return False
    return True


def _address(text: str) -> bool:
    import ipaddress

    try:
        ipaddress.ip_interface(text)
    except ValueError:
        return False
    return True


_ANY = between(0, 1 << 62)

# A key in PEM: PKCS#8 of Ed25519, then the elliptic curves in SEC1 and PKCS#8 (with and without the block of
# parameters that openssl writes before it), then everything from the smallest openssh-key-v1 file on.
_PEM = (
    (118, 119),
    *((n - 1, n) for n in (227, 241, 288, 303, 306)),
    (356, 357),
    *((n - 1, n) for n in (360, 365, 384)),
)
_SSH_PRIVATE = Sizes((*_PEM[:-1], (382, 1 << 14)))
# openssh-key-v1 pads to 8 bytes; base64 in lines of 64, 70 or 76 characters or in one.
_ED25519 = Sizes(((118, 119), (382, 1 << 14)))

OURS: Mapping[str, Format] = {
    "wireguard-key": Format("a WireGuard key", exactly(44), _wireguard),
    "wireguard-public-key": Format("a WireGuard public key", exactly(44), _wireguard_public),
    "wireguard-psk": Format("a WireGuard preshared key", exactly(44), _wireguard),
    "age-identity": Format("an age identity", Sizes(((74, 74), (76, 1 << 14))), _age_identity),
    "age-recipient": Format("an age recipient", exactly(62, 1959), _age_recipient),
    "ssh-private-key": Format("an SSH private key", _SSH_PRIVATE, _ssh_private),
    "ssh-host-key": Format("an SSH host key", _SSH_PRIVATE, _ssh_host),
    "ssh-ed25519-host-key": Format("an Ed25519 host key", _ED25519, _ssh_ed25519),
    "ssh-public-key": Format("an SSH public key", between(80), _ssh_public),
    "openpgp-secret-key": Format("an OpenPGP secret key", between(120, 1 << 20), _openpgp_secret),
    "tls-private-key": Format("a private key in PEM", between(118), _tls_private),
    "tls-certificate": Format("a certificate in PEM", between(200, 1 << 20), _certificate),
    "password-hash": Format("a password hash", between(26, 512), _hash()),
    "bcrypt": Format("a bcrypt hash", exactly(60), _hash("bcrypt")),
    "sha512crypt": Format("a SHA-512 crypt hash", between(91, 123), _hash("sha512crypt")),
    "yescrypt": Format("a yescrypt hash", between(50, 512), _hash("yescrypt")),
    "passphrase": Format("a passphrase for a machine", between(12, 1 << 20), _passphrase),
    "ip-address": Format("an IP address", between(2, 100), _address),
    "base64": Format("base64", _ANY, _base64),
    "json": Format("JSON", between(1, 1 << 62), _json),
}

# Formats of JSON Schema that are judged too, and always alike: they need no other package.
STANDARD: Mapping[str, tuple[str, Sizes]] = {
    "date": ("a date", exactly(10)),
    "email": ("an e-mail address", between(1, 1 << 62)),
    "idn-email": ("an e-mail address", between(1, 1 << 62)),
    "ipv4": ("an IPv4 address", between(7, 15)),
    "ipv6": ("an IPv6 address", between(2, 45)),
    "uuid": ("a UUID", exactly(36)),
}
# Those that stay what the draft says they are: annotations.
ANNOTATIONS = frozenset(
    (
        *("date-time", "time", "duration", "hostname", "idn-hostname", "uri", "uri-reference", "iri"),
        *("iri-reference", "uri-template", "json-pointer", "relative-json-pointer", "regex"),
    )
)


def sizes(name: str) -> tuple[str, Sizes] | None:
    """Noun and sizes of a format; `None` if it is not judged."""
    if name in OURS:
        return OURS[name].noun, OURS[name].sizes
    return STANDARD.get(name)


def judge(name: str, text: str) -> Truth:
    """Whether a text in clear is of the format; formats that are annotations take everything."""
    if name in OURS:
        return OURS[name].judge(text)
    if name not in STANDARD:
        return Truth.VALID
    from jsonschema import FormatChecker

    return certainly(FormatChecker((name,)).conforms(text, name))
