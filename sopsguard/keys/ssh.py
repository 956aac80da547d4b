"""SSH keys: private keys of every container with their public half, public key lines, new host keys.

Sources: OpenSSH's PROTOCOL.key and sshd(8), PuTTY's manual, appendix C.
"""

import base64
import re
from dataclasses import dataclass, field
from typing import Literal

from sopsguard.keys import Problem, pem
from sopsguard.keys.pem import PrivateKey as PrivateKey
from sopsguard.keys.ssh_wire import (
    KINDS,
    Malformed,
    Reader,
    check_rsa,
    checked_key,
    dsa_key,
    ecdsa_key,
    ed25519_key,
    rsa_key,
    same,
    strict_base64,
    string,
)
from sopsguard.keys.ssh_wire import PublicKey as PublicKey

_MAGIC = b"openssh-key-v1\0"
# No key file is longer.
_LONGEST = 1 << 16
_BEGIN = re.compile(r"-----BEGIN ((?:OPENSSH |RSA |EC |DSA |ANY |ENCRYPTED )?PRIVATE KEY)-----")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9.@_+-]{2,63}")
_PUTTY = re.compile(r"PuTTY-User-Key-File-([23]): ")
# How the base64 of an OpenSSH key, and of every DER key of up to 64 KiB, starts.
_STARTS = ("b3BlbnNzaC1rZXktdjEA", "MII", "MIG", "MIH", "MIC", "MIB", "MC4C", "MHcC", "MFE", "MEc")
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
class KnownHost:
    """A line of a known_hosts file: `marker` is `@cert-authority`, `@revoked` or empty."""

    marker: str
    hosts: tuple[str, ...]
    key: PublicKey


@dataclass(frozen=True, slots=True)
class HostKey:
    """A new key pair: the private half as an OpenSSH file, the public half as a line."""

    private: str = field(repr=False)
    public: str


def private_key(candidate: str | bytes) -> PrivateKey | Problem | None:
    """The first private key in `candidate`: PEM (indented or with `\\n` escapes too), PuTTY, the bare
    base64 of either without header lines, or binary DER and openssh-key-v1.

    A missing end line is forgiven if the key itself is complete.
    """
    try:
        if isinstance(candidate, bytes):
            if candidate.startswith(_MAGIC):
                return _openssh(candidate)
            if candidate.startswith(b"\x30") and pem.is_der(candidate):
                return pem.der_key(candidate)
            candidate = candidate.decode("latin-1")
        if begin := _BEGIN.search(candidate):
            data, encrypted = pem.body(begin[1], candidate[begin.end() : begin.end() + _LONGEST])
            if encrypted:
                return pem.encrypted_key(begin[1])
            if data.startswith(_MAGIC) or begin[1].startswith("OPENSSH"):
                return _openssh(data)
            return pem.der_key(data)
        if begin := _PUTTY.search(candidate):
            return _putty(candidate[begin.start() : begin.start() + _LONGEST])
        candidate = candidate.strip()
        if not candidate.startswith(_STARTS):
            return None
        data = pem.bare(candidate[:_LONGEST])
        if data.startswith(_MAGIC):
            return _openssh(data)
        return pem.der_key(data) if pem.is_der(data) else None
    except Malformed as problem:
        return Problem("private-key", str(problem))


def public_key(line: str) -> PublicKey | Problem | None:
    """The key of a line of a `.pub` or `authorized_keys` file, with its options and comment."""
    line = line.strip()
    word, rest = _halves(line)
    options = ""
    if not _is_key(word, rest):
        end = _options_end(line)
        if end is None:
            return None
        options = line[:end]
        word, rest = _halves(line[end:])
        if not _is_key(word, rest):
            return None
    blob, comment = _halves(rest)
    try:
        return checked_key(word, strict_base64(blob), comment, options)
    except Malformed as problem:
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


def _is_key(word: str, rest: str) -> bool:
    """Whether `word` is the type of the key whose base64 starts `rest`: it is repeated in there."""
    if word in KINDS:
        return bool(rest)
    if not _NAME.fullmatch(word):
        return False
    start = string(word.encode())
    return rest.startswith(base64.b64encode(start[: len(start) // 3 * 3]).decode())


def _halves(line: str) -> tuple[str, str]:
    """The first word and what follows it."""
    words = line.split(None, 1)
    return words[0] if words else "", words[1].strip() if len(words) > 1 else ""


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


def _openssh(data: bytes) -> PrivateKey:
    reader = Reader(data)
    if reader.take(len(_MAGIC)) != _MAGIC:
        raise Malformed("not an OpenSSH key")
    cipher, kdf = reader.string().decode("latin-1"), reader.string().decode("latin-1")
    reader.string()  # salt and rounds
    if reader.uint32() != 1:
        raise Malformed("an OpenSSH file of several keys, which OpenSSH itself refuses")
    wire, sealed = reader.string(), reader.string()
    if cipher not in _CIPHERS:
        raise Malformed("an unknown cipher")
    block, tag = _CIPHERS[cipher]
    if (cipher == "none") != (kdf == "none"):
        raise Malformed("cipher and key derivation contradict each other")
    if not sealed or len(sealed) % block or len(reader.take(tag)) != tag:
        raise Malformed("the private part is cut off")
    kind = Reader(wire).string().decode("latin-1")
    if not _NAME.fullmatch(kind):
        raise Malformed("a malformed type")
    public = checked_key(kind, wire)
    hardware = kind.startswith("sk-")
    if cipher != "none":
        return PrivateKey("openssh", kind, True, hardware, public)
    private = Reader(sealed)
    if private.uint32() != private.uint32():
        raise Malformed("the check numbers differ")
    if private.string() != kind.encode():
        raise Malformed("the private part is of another type")
    seed, spki = _openssh_private(private, kind, wire)
    private.string()  # the comment
    padding = private.rest()
    if len(padding) >= block + 16 or padding != bytes(range(1, len(padding) + 1)):
        raise Malformed("the padding is wrong")
    return PrivateKey("openssh", kind, False, hardware, public, spki, seed)


def _openssh_private(reader: Reader, kind: str, wire: bytes) -> tuple[bytes | None, str | None]:
    """Read the private fields up to the comment and hold them against the public half."""
    name = string(kind.encode())
    seed: bytes | None = None
    if kind == "ssh-ed25519":
        public, both = reader.string(), reader.string()
        if len(both) != 64 or both[32:] != public or wire != name + string(public):
            raise Malformed("the private part belongs to another public key")
        seed = both[:32]
        return seed, same(ed25519_key(seed), wire)
    if kind == "ssh-rsa":
        n, e, d, iqmp, p, q = (reader.mpint() for _ in range(6))
        check_rsa(n, e, d, p, q)
        if iqmp * q % p != 1:
            raise Malformed("the numbers of the key do not belong together")
        return None, same(rsa_key(n, e), wire)
    if kind == "ssh-dss":
        p, q, g, y, x = (reader.mpint() for _ in range(5))
        return None, same(dsa_key(p, q, g, y, x), wire)
    if kind.startswith("ecdsa-sha2-") and kind in KINDS:
        curve = kind.rpartition("-")[2]
        reader.string(), reader.string()
        return None, same(ecdsa_key(curve, reader.mpint()), wire)
    if kind.startswith("sk-") and kind in KINDS:
        fields = [reader.string() for _ in range(2 if "ed25519" in kind else 3)]
        reader.take(1)  # flags
        reader.string(), reader.string()  # the handle, reserved
        if wire != name + b"".join(string(part) for part in fields):
            raise Malformed("the private part belongs to another public key")
        return None, None
    raise Malformed("an unknown type of key")


def _putty(text: str) -> PrivateKey:
    """A PuTTY key of version 2 or 3: header lines, then counted lines of base64."""
    lines = [line.strip() for line in re.sub(r"\\{1,4}r?\\{0,4}n", "\n", text).split("\n")]
    values: dict[str, str] = {}
    blobs: dict[str, bytes] = {}
    at = 0
    while at < len(lines) and "Private" not in blobs:
        name, colon, value = lines[at].partition(": ")
        at += 1
        if not colon:
            raise Malformed("a PuTTY key that is cut off")
        if name.endswith("-Lines"):
            count = int(value) if re.fullmatch(r"[0-9]{1,4}", value) else 0
            blobs[name.removesuffix("-Lines")] = strict_base64("".join(lines[at : at + count]))
            at += count
        else:
            values[name] = value
    if "Public" not in blobs or "Private" not in blobs:
        raise Malformed("a PuTTY key that is cut off")
    kind = next((values[name] for name in values if name.startswith("PuTTY-User-Key-File-")), "")
    if not _NAME.fullmatch(kind) or values.get("Encryption") not in ("none", "aes256-cbc"):
        raise Malformed("an unknown type or encryption")
    public = checked_key(kind, blobs["Public"])
    if values["Encryption"] != "none":
        return PrivateKey("putty", kind, True, False, public)
    wire, reader = blobs["Public"], Reader(blobs["Private"])
    fields = Reader(wire)
    fields.string()
    seed: bytes | None = None
    if kind == "ssh-ed25519":
        # An integer in the byte order of Ed25519, stored as a string of up to 33 bytes.
        seed = reader.string()[:32].ljust(32, b"\0")
        spki = same(ed25519_key(seed), wire)
    elif kind == "ssh-rsa":
        e, n = fields.mpint(), fields.mpint()
        d, p, q = (reader.mpint() for _ in range(3))
        check_rsa(n, e, d, p, q)
        spki = same(rsa_key(n, e), wire)
    elif kind == "ssh-dss":
        p, q, g, y = (fields.mpint() for _ in range(4))
        spki = same(dsa_key(p, q, g, y, reader.mpint()), wire)
    elif kind.startswith("ecdsa-sha2-"):
        spki = same(ecdsa_key(kind.rpartition("-")[2], reader.mpint()), wire)
    else:
        raise Malformed("an unknown type of key")
    return PrivateKey("putty", kind, False, False, public, spki, seed)
