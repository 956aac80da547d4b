"""Key material: where it begins in a text, what it is, whether its structure holds, its public half.

The libraries that parse keys are imported only when a candidate stands before us.
"""

import re
from collections.abc import Iterator, Sequence

from sopsguard.model import Confidence
from sopsguard.scan.hit import PRIVATE_KEY, PUBLISHED, SAMPLE, Hit

PROVED, LIKELY, POSSIBLE = Confidence.PROVED, Confidence.LIKELY, Confidence.POSSIBLE


class Material:
    """A piece of key material, told apart: what it is and how sure that is."""

    __slots__ = ("confidence", "kind", "public", "title")

    def __init__(self, kind: str, title: str, confidence: Confidence, public: tuple[str, ...] = ()) -> None:
        self.kind = kind
        self.title = title
        self.confidence = confidence
        self.public = public

    def hit(self, start: int, end: int, secret: bytes) -> Hit:
        """The hit for it at a place."""
        if self.public and self.public[0] in PUBLISHED:
            return Hit(PRIVATE_KEY, SAMPLE, SAMPLE, start, end, secret, Confidence.PROVED)
        return Hit(PRIVATE_KEY, self.kind, self.title, start, end, secret, self.confidence, (), self.public)


_BECH32 = r"[02-9ac-hj-np-z]"
_AGE = (
    rf"(?i:age-secret-key-(?:pq-)?1{_BECH32}{{32,200}}|age-plugin-[a-z0-9+._-]{{1,64}}-1{_BECH32}{{6,2000}})"
)
_compiled: dict[str, re.Pattern[bytes]] = {}


def _re(pattern: str) -> re.Pattern[bytes]:
    """Compiled when first needed: most files never get here."""
    if pattern not in _compiled:
        _compiled[pattern] = re.compile(pattern.encode())
    return _compiled[pattern]


def age(text: bytes, positions: Sequence[int]) -> Iterator[Hit]:
    """age identities (X25519, post-quantum, plugin) that begin at `positions`."""
    regex = _re(_AGE)
    for at in positions:
        match = regex.match(text, at, at + 2200)
        if match is None:
            continue
        found = _age(match[0])
        if found is not None:
            yield found.hit(match.start(), match.end(), match[0])


_HARDWARE = ("yubikey", "tpm", "se", "fido2-hmac", "ledger", "trezor", "openpgp-card", "picohsm")


def _age(text: bytes) -> Material | None:
    from sopsguard.keys import Problem
    from sopsguard.keys import age as keys

    name = text.lower()
    if name.startswith(b"age-plugin-"):
        plugin = name[11:].rpartition(b"-1")[0].decode()
        kind, title = "age-plugin-identity", f"age plugin identity ({plugin})"
    elif name.startswith(b"age-secret-key-pq-"):
        kind, title = "age-pq-identity", "age identity (post-quantum)"
    else:
        kind, title = "age-identity", "age identity (X25519)"
    identity = keys.identity(text.decode())
    if isinstance(identity, keys.Identity):
        if identity.kind == "plugin" and identity.plugin in _HARDWARE:
            return Material(kind, f"{title}, a handle to hardware", POSSIBLE)
        return Material(kind, title, PROVED, (identity.public,) if identity.public else ())
    if isinstance(identity, Problem) and name.rpartition(b"1")[2].strip(b"x"):
        return Material(kind, f"{title} whose checksum is wrong", POSSIBLE)
    return None


def pem(text: bytes, positions: Sequence[int]) -> Iterator[Hit]:
    """Private key blocks with BEGIN lines, the words PRIVATE KEY at `positions`."""
    from sopsguard.scan.pem import blocks

    for block in blocks(text, positions):
        openpgp = "PGP" in block.label
        if not block.data:
            continue
        if openpgp:
            found = _openpgp(block.data) or _damaged("OpenPGP secret key", "openpgp-secret-key")
        elif "TSS2" in block.label:
            found = Material("private-key", "private key that only its TPM opens", POSSIBLE)
        elif block.locked:
            what = f"{block.label.removeprefix('ENCRYPTED').strip().title()} private key".strip()
            found = Material("private-key", f"{what[:1].upper()}{what[1:]} (passphrase-protected)", POSSIBLE)
        else:
            found = binary(block.data) or _damaged(f"{block.label} private key".strip(), "private-key")
        if block.doubtful and found.title.endswith(_DAMAGED):
            continue
        yield found.hit(block.start, block.end, text[block.start : block.end])


_DAMAGED = " whose structure is damaged"


def _damaged(what: str, kind: str) -> Material:
    return Material(kind, f"{what}{_DAMAGED}", POSSIBLE)


def binary(data: bytes) -> Material | None:
    """The key material that `data` begins with: DER, openssh-key-v1, PKCS#12, OpenPGP packets, minisign…"""
    if data.startswith(b"openssh-key-v1\0"):
        return _ssh(data) or _damaged("OpenSSH private key", "ssh-private-key")
    if data.startswith(b"0"):
        return _ssh(data) if _may_be_private(data) else None
    if (data[:1] and data[0] & 0xBC == 0x94) or data[:1] == b"\xc5":
        return _openpgp(data)
    if data.startswith((b"\xfe\xed\xfe\xed", b"\xce\xce\xce\xce")):
        return Material("java-keystore", "Java key store (passphrase-protected)", POSSIBLE)
    return None


def _may_be_private(data: bytes) -> bool:
    """Whether a DER sequence begins as PKCS#1, SEC 1, PKCS#8 (clear or encrypted) or PKCS#12 do."""
    size = data[1] if len(data) > 1 else 0
    at = 2 + (size & 0x7F if size & 0x80 else 0)
    if data[at : at + 2] == b"\x02\x01":
        return data[at + 2 : at + 3] in (b"\0", b"\1", b"\3")
    # EncryptedPrivateKeyInfo: the algorithm is one of PKCS#5 or PKCS#12
    return (
        data[at : at + 1] == b"0"
        and b"\x2a\x86\x48\x86\xf7\x0d\x01" in data[at : at + 16]
        and (b"\x0d\x01\x05" in data[at : at + 16] or b"\x0d\x01\x0c" in data[at : at + 16])
    )


def _ssh(data: bytes | str) -> Material | None:
    from sopsguard.keys import Problem, ssh

    key = ssh.private_key(data)
    if key is None:
        return None
    if isinstance(key, Problem):
        return _damaged("private key", "private-key")
    kind = {"openssh": "ssh-private-key", "pkcs12": "pkcs12", "putty": "putty-private-key"}.get(
        key.format, "private-key"
    )
    name = {
        "openssh": "OpenSSH private key",
        "putty": "PuTTY private key",
        "pkcs12": "PKCS#12 bundle",
        "pkcs1": "private key (PKCS#1)",
        "pkcs8": "private key (PKCS#8)",
        "sec1": "private key (SEC 1)",
        "dsa": "private key (DSA)",
    }[key.format]
    public = (key.public.line, key.public.fingerprint) if key.public else ()
    if key.hardware:
        return Material(kind, f"{name}, a handle to hardware", POSSIBLE, public)
    if key.encrypted or key.encrypted is None:
        return Material(kind, f"{name} (passphrase-protected)", POSSIBLE, public)
    if key.kind:
        name = f"{name}, {key.kind}"
    return Material(kind, name, PROVED if key.proved else LIKELY, (*public, *_recipient(key)))


def _recipient(key: object) -> tuple[str, ...]:
    """The age recipient that ssh-to-age makes of an Ed25519 key: what it opens where sops-nix uses it."""
    from sopsguard.keys import age as keys
    from sopsguard.keys import ssh

    if not isinstance(key, ssh.PrivateKey) or key.seed is None:
        return ()
    identity = keys.from_ssh_private(key)
    return (identity.public,) if isinstance(identity, keys.Identity) and identity.public else ()


def _openpgp(data: bytes) -> Material | None:
    from sopsguard.keys import Problem, openpgp

    keyring = openpgp.secret_keys(data)
    if keyring is None:
        return None
    kind, name = "openpgp-secret-key", "OpenPGP secret key"
    if isinstance(keyring, Problem):
        return _damaged(name, kind)
    secret = [key for key in keyring.keys if key.is_secret]
    if not secret:
        return Material(kind, f"{name} without its secret part", POSSIBLE) if keyring.keys else None
    public = tuple(key.fingerprint for key in keyring.keys)
    bare = [key for key in secret if key.protection == "bare"]
    if not bare:
        return Material(kind, f"{name} (passphrase-protected)", POSSIBLE, public)
    return Material(kind, name, PROVED if any(key.proved for key in bare) else LIKELY, public)


# RFC 9580: the secret key packet that a keyring begins with, in the old and the new format, of a version 4
# key: its time of creation, a known algorithm. One set of bytes in front is what `re` skips to fast.
_PACKET = (
    rb"(?s)[\x94\x95\xc5](?:(?<=\x94).|(?<=\x95)..|(?<=\xc5)(?:[\x28-\xbf]|[\xc0-\xdf].))"
    rb"\x04[\x30-\x80]...[\x01\x02\x03\x10-\x13\x16\x19-\x1c]"
)


def binary_file(data: bytes) -> Iterator[Hit]:
    """Key material in binary data: what it begins with, and secret key packets anywhere in it."""
    found = binary(data)
    if found is not None:
        yield found.hit(0, len(data), data)
        return
    end = 0
    for number, match in enumerate(re.finditer(_PACKET, data)):
        if number > 1000:
            break
        if match.start() < end:
            continue
        packet = data[match.start() : match.start() + (1 << 16)]
        found = _openpgp(packet)
        if found is not None and found.public:
            end = min(len(data), match.start() + 1024)
            yield found.hit(match.start(), end, packet[:1024])


def signing_keys(text: bytes, spans: Sequence[tuple[int, int]]) -> Iterator[Hit]:
    """Ed25519 secret keys of 64 bytes, the seed and then the public half, as nix-store signs with."""
    import binascii

    for start, end in spans:
        if (
            end - start != 86
            or text[end : end + 2] != b"=="
            or b"-" in text[start:end]
            or b"_" in text[start:end]
        ):
            continue
        data = binascii.a2b_base64(text[start : end + 2])
        if len(data) != 64 or _ed25519_public(data[:32]) != data[32:]:
            continue
        public = binascii.b2a_base64(data[32:], newline=False).decode()
        name = _re(r"([\w.-]{1,100}):\Z").search(text, max(0, start - 101), start)
        if name is not None:
            found = Material(
                "nix-signing-key",
                "Nix binary cache signing key",
                PROVED,
                (f"{name[1].decode('ascii', 'replace')}:{public}",),
            )
        else:
            found = Material("ed25519-secret-key", "Ed25519 secret key (64 bytes)", PROVED, (public,))
        yield found.hit(start, end + 2, text[start : end + 2])


def _ed25519_public(seed: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def putty(text: bytes, positions: Sequence[int]) -> Iterator[Hit]:
    """PuTTY key files."""
    for at in positions:
        end = text.find(b"Private-MAC:", at, at + (1 << 16))
        if end < 0:
            continue
        stop = text.find(b"\n", end)
        stop = len(text) if stop < 0 else stop
        found = _ssh(text[at:stop])
        if found is not None:
            yield found.hit(at, stop, text[at:stop])


_AGENT = r"(\(|11:|21:)?(protected-)?private-key ?\((?:\d+:)?(?:rsa|dsa|elg|ecc|ecdsa|eddsa|ecdh)"


def gpg_agent(text: bytes, positions: Sequence[int]) -> Iterator[Hit]:
    """Key files of gpg-agent (private-keys-v1.d): canonical S-expressions and the extended format."""
    for at in positions:
        match = _re(_AGENT).match(text, at, at + 80)
        if match is None:
            continue
        end = min(len(text), at + 4096)
        if match[2]:
            found = Material("gpg-agent-key", "gpg-agent key (passphrase-protected)", POSSIBLE)
        else:
            found = Material("gpg-agent-key", "gpg-agent key", LIKELY)
        yield found.hit(at, end, text[at:end])


def minisign(text: bytes, positions: Sequence[int]) -> Iterator[Hit]:
    """Secret keys of minisign and signify: a comment line and one line of base64."""
    regex = _re(r"untrusted comment:[^\n]{0,1024}\n(RW[A-Za-z0-9+/]{100,240}={0,2})\s")
    from sopsguard.scan.pem import decoded

    for at in positions:
        match = regex.match(text + b"\n" if at + 1400 > len(text) else text, at)
        if match is None:
            continue
        data = decoded(match[1])
        if len(data) == 158 and data[:2] == b"Ed" and data[4:6] == b"B2":
            locked, name, kind = data[2:4] == b"Sc", "minisign secret key", "minisign-secret-key"
        elif len(data) == 104 and data[:4] == b"EdBK":
            locked, name, kind = data[4:8] != b"\0\0\0\0", "signify secret key", "signify-secret-key"
        else:
            continue
        found = Material(
            kind, f"{name} (passphrase-protected)" if locked else name, POSSIBLE if locked else LIKELY
        )
        yield found.hit(match.start(1), match.end(1), match[1])


def kubernetes(text: bytes, positions: Sequence[int]) -> Iterator[Hit]:
    """Clear values of Kubernetes Secrets."""
    from sopsguard.scan.kubernetes import secrets

    return secrets(text, positions)


KUBERNETES_KEYWORDS = (
    b"kind: secret",
    b'kind: "secret',
    b"kind: 'secret",
    b'"kind": "secret',
    b'"kind":"secret',
)

# What is found where one of these lower-case keywords stands.
FINDERS = {
    b"age-secret-key-": age,
    b"age-plugin-": age,
    b"private key": pem,
    b"putty-user-key-file-": putty,
    b"(private-key": gpg_agent,
    b"11:private-key": gpg_agent,
    b"protected-private-key": gpg_agent,
    b"untrusted comment:": minisign,
    **dict.fromkeys(KUBERNETES_KEYWORDS, kubernetes),
}
