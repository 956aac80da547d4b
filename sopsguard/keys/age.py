"""age identities and recipients: parse them, derive the public half, generate, convert from SSH keys.

The source for every format is filippo.io/age 1.3.1, for the conversion Mic92/ssh-to-age 1.3.0.
"""

from dataclasses import dataclass, field
from typing import Literal

from sopsguard.keys import Problem, bech32, ssh

_IDENTITY = "AGE-SECRET-KEY-"
_HYBRID_IDENTITY = "AGE-SECRET-KEY-PQ-"
_PLUGIN_IDENTITY = "AGE-PLUGIN-"
_PLUGIN_NAME = frozenset("abcdefghijklmnopqrstuvwxyz0123456789+-._")

_MLKEM768_KEY = 1184  # bytes: 384 for each of three polynomials, and 32 of seed (FIPS 203)

_FIELD = 2**255 - 19
_EDWARDS_D = -121665 * pow(121666, -1, _FIELD) % _FIELD
# The coordinates from which X25519 gives zero whatever the scalar: nobody owns them, age refuses
# to encrypt to them (RFC 7748, 6.1; the list is that of cr.yp.to/ecdh.html).
_SMALL_ORDER = frozenset(
    {
        0,
        1,
        325606250916557431795983626356110631294008115727848805560023387167927233504,
        39382357235489614581723060781553021112529911719440698176882885853963445705823,
        _FIELD - 1,
    }
)

_P256 = 2**256 - 2**224 + 2**192 + 2**96 - 1
_P256_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B


@dataclass(frozen=True, slots=True)
class Identity:
    """A proved identity: its checksum is right.

    `public` is its recipient; `None` where only a plugin knows it, where the kind is unknown, or
    where the installed `cryptography` has no ML-KEM. A plugin identity is often a mere handle to
    hardware. `canonical` is false for a spelling that age refuses (lower case) though the secret is
    whole.
    """

    kind: Literal["x25519", "pq", "plugin", "unknown"]
    public: str | None
    plugin: str | None
    canonical: bool
    secret: str = field(repr=False)
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One identity of an identity file: its line, counted from 1, and the recipient that the
    comment above it claims (`# public key: age1…`)."""

    line: int
    identity: Identity
    claimed: str | None


@dataclass(frozen=True, slots=True)
class IdentityFile:
    """What an identity file holds. age reads the file only if there are no `problems` (line, what)."""

    entries: tuple[FileEntry, ...]
    problems: tuple[tuple[int, Problem], ...]


@dataclass(frozen=True, slots=True)
class Recipient:
    """A recipient that age can encrypt to, or leaves to a plugin.

    `text` is the recipient as written, trimmed; `key` is its one canonical spelling, by which two
    recipients are compared (an SSH key without options and comment). `data` are the bytes it
    encodes: the key, the SSH wire key, or what the plugin understands.
    """

    kind: Literal["x25519", "pq", "tag", "tagpq", "plugin", "ssh-ed25519", "ssh-rsa"]
    text: str = field(repr=False)
    key: str
    plugin: str | None
    data: bytes = field(repr=False)
    bits: int | None = None  # of the modulus, for ssh-rsa

    @property
    def stanza(self) -> str | None:
        """The type of the stanza that age writes for it; `None` where only the plugin knows."""
        if self.kind == "plugin":
            return "piv-p256" if self.plugin == "yubikey" else None
        return _STANZAS[self.kind]

    @property
    def point(self) -> bytes | None:
        """The P-256 point of a hardware recipient, in the form that its tag is made from."""
        if self.kind == "tag" or self.plugin == "yubikey":
            return self.data
        return self.data[_MLKEM768_KEY:] if self.kind == "tagpq" else None


_STANZAS = {
    "x25519": "X25519",
    "pq": "mlkem768x25519",
    "tag": "p256tag",
    "tagpq": "mlkem768p256tag",
    "ssh-ed25519": "ssh-ed25519",
    "ssh-rsa": "ssh-rsa",
}


def identity(text: str) -> Identity | Problem | None:
    """The identity that `text`, without surrounding white space, is.

    Letter case is forgiven, unlike in age: a lower-cased identity is as secret as it was.
    """
    text = text.strip()
    upper = text.upper()
    if not upper.startswith((_IDENTITY, _PLUGIN_IDENTITY)):
        return None
    decoded = bech32.decode(upper)
    if isinstance(decoded, Problem):
        return Problem("age-identity", decoded.reason)
    prefix, data = decoded.prefix, decoded.data
    canonical = text == upper
    if prefix in (_IDENTITY, _HYBRID_IDENTITY):
        if len(data) != 32:
            return Problem("age-identity", f"{len(data)} bytes instead of 32")
        if prefix == _IDENTITY:
            return Identity("x25519", _x25519_recipient(data), None, canonical, upper, data)
        return Identity("pq", _hybrid_recipient(data), None, canonical, upper, data)
    if prefix.startswith(_PLUGIN_IDENTITY):
        name = prefix.removeprefix(_PLUGIN_IDENTITY).removesuffix("-").lower()
        if not prefix.endswith("-") or not name or not _PLUGIN_NAME.issuperset(name):
            return Problem("age-identity", "the name of the plugin is not valid")
        return Identity("plugin", None, name, canonical, upper, data)
    return Identity("unknown", None, None, canonical, upper, data)


def identity_file(text: str) -> IdentityFile | None:
    """The identities of a file in the format of age-keygen; `None` if no line is one or resembles one.

    As in age a line is an identity from its first column to its last, or a comment, or empty;
    everything else is a problem. Text that is encrypted (`age_file`) or an SSH key is not such a file.
    """
    entries, problems = [], []
    seen = False
    claimed = None
    for number, line in enumerate(text.split("\n"), 1):
        line = line.removesuffix("\r")
        if line.startswith("#"):
            if line.startswith("# public key: "):
                claimed = line.removeprefix("# public key: ").strip()
            continue
        if not line:
            continue
        found = identity(line)
        seen = seen or found is not None
        match found:
            case Identity():
                entries.append(FileEntry(number, found, claimed))
                if not found.canonical or line != found.secret:
                    problems.append((number, Problem("age-identity", "age reads no such spelling")))
            case Problem():
                problems.append((number, found))
            case None if len(problems) < 100:
                problems.append((number, Problem("age-identity-file", "not an identity")))
        claimed = None
    return IdentityFile(tuple(entries), tuple(problems)) if seen else None


def recipient(text: str) -> Recipient | Problem | None:
    """The recipient that `text` is, judged as sops and age judge it when they encrypt.

    White space around it is ignored. A plugin recipient is checked as far as age itself can, that
    of age-plugin-yubikey also for its point.
    """
    text = text.strip()
    if text[:4].lower() == "age1":
        return _age_recipient(text)
    if text.startswith(("ssh-", "ecdsa-", "sk-")):
        return _ssh_recipient(text)
    return None


def _age_recipient(text: str) -> Recipient | Problem:
    decoded = bech32.decode(text)
    if isinstance(decoded, Problem):
        return Problem("age-recipient", decoded.reason)
    prefix, data = decoded.prefix, decoded.data
    if prefix != prefix.lower():
        return Problem("age-recipient", "age reads no recipient in upper case")
    if prefix == "age":
        if len(data) != 32:
            return Problem("age-recipient", f"{len(data)} bytes instead of 32")
        if _is_small_order(data):
            return Problem("age-recipient", "a point of small order, which has no owner")
        return Recipient("x25519", text, text, None, data)
    if prefix == "age1pq":
        if len(data) != _MLKEM768_KEY + 32 or not _is_mlkem768_key(data):
            return Problem("age-recipient", "not a post-quantum key")
        return Recipient("pq", text, text, None, data)
    name = prefix.removeprefix("age1")
    if not prefix.startswith("age1") or not name or not _PLUGIN_NAME.issuperset(name):
        return Problem("age-recipient", "the name of the plugin is not valid")
    if name in ("tag", "yubikey") and not (len(data) == 33 and _is_p256_point(data)):
        return Problem("age-recipient", "not a compressed point of P-256")
    if name == "tagpq":
        point = data[_MLKEM768_KEY:]
        if len(point) != 65 or not _is_p256_point(point) or not _is_mlkem768_key(data):
            return Problem("age-recipient", "not a post-quantum key")
        return Recipient("tagpq", text, text, "tagpq", data)
    return Recipient("tag" if name == "tag" else "plugin", text, text, name, data)


def _ssh_recipient(text: str) -> Recipient | Problem | None:
    key = ssh.public_key(text)
    if key is None or isinstance(key, Problem):
        return key
    if key.kind == "ssh-ed25519":
        if _montgomery(key.wire[-32:]) is None:
            return Problem("ssh-public-key", "not a point of the curve")
        return Recipient("ssh-ed25519", text, key.line, None, key.wire)
    if key.kind == "ssh-rsa":
        if (key.bits or 0) < 2048:
            return Problem("ssh-public-key", "age refuses RSA keys below 2048 bits")
        return Recipient("ssh-rsa", text, key.line, None, key.wire, key.bits)
    return Problem("ssh-public-key", f"age cannot encrypt to {key.kind}")


def from_ssh_public(line: str) -> str | Problem | None:
    """The recipient `age1…` that ssh-to-age makes of an ssh-ed25519 public key line."""
    key = ssh.public_key(line)
    if key is None or isinstance(key, Problem):
        return key
    if key.kind != "ssh-ed25519":
        return Problem("ssh-public-key", f"{key.kind} cannot be converted, only ssh-ed25519")
    u = _montgomery(key.wire[-32:])
    if u is None:
        return Problem("ssh-public-key", "not a point of the curve")
    if u in _SMALL_ORDER:
        return Problem("ssh-public-key", "a point of small order, which has no owner")
    return bech32.encode("age", u.to_bytes(32, "little"))


def from_ssh_private(key: ssh.PrivateKey) -> Identity | Problem:
    """The identity that ssh-to-age makes of an Ed25519 private key without passphrase."""
    from hashlib import sha512

    if key.kind != "ssh-ed25519":
        return Problem("ssh-private-key", "only ssh-ed25519 can be converted")
    if key.seed is None:
        return Problem("ssh-private-key", "it has a passphrase")
    return _x25519_identity(sha512(key.seed).digest()[:32])


def generate_identity() -> Identity:
    """A new X25519 identity from the random numbers of the operating system."""
    from secrets import token_bytes

    return _x25519_identity(token_bytes(32))


def write_identity_file(key: Identity, created: str) -> str:
    """The text of an identity file as age-keygen writes it; `created` is RFC 3339 with a zone."""
    claim = f"# public key: {key.public}\n" if key.public else ""
    return f"# created: {created}\n{claim}{key.secret}\n"


def _x25519_identity(scalar: bytes) -> Identity:
    text = bech32.encode(_IDENTITY, scalar)
    return Identity("x25519", _x25519_recipient(scalar), None, True, text, scalar)


def _x25519_recipient(scalar: bytes) -> str:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    return bech32.encode("age", X25519PrivateKey.from_private_bytes(scalar).public_key().public_bytes_raw())


def _hybrid_recipient(seed: bytes) -> str | None:
    """MLKEM768-X25519 of draft-ietf-hpke-pq: SHAKE-256 of the seed gives both private keys."""
    from hashlib import shake_256

    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    try:
        from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
    except ImportError:
        return None
    expanded = shake_256(seed).digest(96)
    try:
        lattice = MLKEM768PrivateKey.from_seed_bytes(expanded[:64]).public_key().public_bytes_raw()
    except UnsupportedAlgorithm:
        return None
    curve = X25519PrivateKey.from_private_bytes(expanded[64:]).public_key().public_bytes_raw()
    return bech32.encode("age1pq", lattice + curve)


def _is_small_order(coordinate: bytes) -> bool:
    return (int.from_bytes(coordinate, "little") & (1 << 255) - 1) % _FIELD in _SMALL_ORDER


def _montgomery(point: bytes) -> int | None:
    """The u coordinate of an Edwards point (RFC 7748, 4.1); `None` if it is none of the curve or has no u."""
    y = (int.from_bytes(point, "little") & (1 << 255) - 1) % _FIELD
    x2 = (y * y - 1) * pow(_EDWARDS_D * y * y + 1, -1, _FIELD) % _FIELD
    if y == 1 or pow(x2, (_FIELD - 1) // 2, _FIELD) > 1:  # not a square: no x belongs to this y
        return None
    return (1 + y) * pow(1 - y, -1, _FIELD) % _FIELD


def _is_mlkem768_key(data: bytes) -> bool:
    """The modulus check of FIPS 203, 7.2: every coefficient of twelve bits is below 3329."""
    pairs = (int.from_bytes(data[at : at + 3], "little") for at in range(0, _MLKEM768_KEY - 32, 3))
    return all(pair & 0xFFF < 3329 and pair >> 12 < 3329 for pair in pairs)


def _is_p256_point(data: bytes) -> bool:
    x = int.from_bytes(data[1:33], "big")
    square = (x * x * x - 3 * x + _P256_B) % _P256
    if x >= _P256:
        return False
    if len(data) == 33 and data[0] in (2, 3):
        return pow(square, (_P256 - 1) // 2, _P256) <= 1
    if len(data) == 65 and data[0] == 4:
        y = int.from_bytes(data[33:], "big")
        return y < _P256 and y * y % _P256 == square
    return False
