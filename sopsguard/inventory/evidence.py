"""What of a tree bears on who there is: the Nix files about hosts, the public keys, the certificates.

Nothing is decided here but what a file is about; `derived` draws the conclusions.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sopsguard.inventory.holders import Kind, Source, Statement
from sopsguard.keys import Problem, ssh
from sopsguard.model import Location, Unknown
from sopsguard.nix.values import Attribute, Role, Unread
from sopsguard.nix.values import Kind as ValueKind

if TYPE_CHECKING:
    from sopsguard.keys.openpgp import Certificate
    from sopsguard.nix.stated import NixFacts
    from sopsguard.sops.config import Config

# Bounds that no real repository reaches; what lies beyond is told, not read.
MAX_NIX = 4000
MAX_NIX_BYTES = 32 << 20
MAX_PARSED = 1500
MAX_KEY_FILES = 20_000
MAX_KEY_FILE = 1 << 20
MAX_CERTIFICATES = 500
MAX_CERTIFICATE = 1 << 20
MAX_KEYS = 50_000

Reader = Callable[[Iterable[str]], Iterator[tuple[str, "bytes | None"]]]


@dataclass(frozen=True, slots=True)
class PublicKey:
    """An SSH public key (`line`: type and base64) and whom its place says it belongs to.

    `firm`: the place says so by its form, so the holder exists; otherwise it counts only for a holder that
    is known already (a line of known_hosts may be about any machine of the world).
    """

    line: str
    kind: Kind
    name: str
    firm: bool
    said: Statement


@dataclass(frozen=True, slots=True)
class CommittedCertificate:
    """An OpenPGP certificate of the tree. `kind` and `name` are what its place says of its owner, if it
    does; `words` are all words in its user ids and its file name, lower case."""

    certificate: "Certificate"
    kind: Kind
    name: str | None
    words: frozenset[str]
    path: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What `derived.derive` needs to know of a tree. Paths are those of all files."""

    paths: tuple[str, ...] = ()
    nix: "tuple[NixFacts, ...]" = ()
    configs: "Mapping[str, Config]" = field(default_factory=dict)
    keys: tuple[PublicKey, ...] = ()
    certificates: tuple[CommittedCertificate, ...] = ()
    unsure: tuple[Unknown, ...] = ()


def gather(
    paths: Iterable[str],
    read: Reader,
    configs: "Mapping[str, Config]",
    facts_of: "Callable[[bytes, str], NixFacts | Unread] | None" = None,
) -> Facts:
    """The facts of a tree. `read` yields the content of the files asked for, None where there is none that
    can be read; `facts_of` reads a Nix file (default: `nix.facts`, to be shared where another reads them)."""
    paths = tuple(paths)
    collected = _Collected(facts_of)
    nix = [p for p in paths if p.endswith(".nix")]
    keys = [p for p in paths if _is_key_file(p)]
    certificates = [p for p in paths if p.endswith((".asc", ".gpg", ".pgp"))]
    for what, found, most in (
        ("Nix files", nix, MAX_NIX),
        ("files of SSH keys", keys, MAX_KEY_FILES),
        ("files that may be OpenPGP certificates", certificates, MAX_CERTIFICATES),
    ):
        if len(found) > most:
            collected.doubt(found[most], f"{len(found)} {what}, of which {most} were read")
            del found[most:]
    for path, data in read(nix):
        collected.nix_file(path, data)
    for path, data in read(keys):
        collected.key_file(path, data)
    for path, data in read(certificates):
        collected.certificate(path, data)
    return Facts(
        paths,
        tuple(collected.nix),
        configs,
        tuple(collected.keys),
        tuple(collected.certificates),
        tuple(collected.unsure),
    )


_ABOUT_HOSTS = re.compile(rb"(?:nixos|darwin|home)Configurations|colmena|hostName\b|\bdeploy\b|publicKey\b")
_SSH_KEY = re.compile(rb"(?:ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp\d+) AAAA")


class _Collected:
    """What was found so far, within bounds."""

    def __init__(self, facts_of: "Callable[[bytes, str], NixFacts | Unread] | None") -> None:
        self.facts_of = facts_of
        self.nix: list[NixFacts] = []
        self.keys: list[PublicKey] = []
        self.certificates: list[CommittedCertificate] = []
        self.unsure: list[Unknown] = []
        self.bytes = self.parsed = 0

    def doubt(self, path: str, reason: str, needed: str = "an inventory.yaml that says who there is") -> None:
        self.unsure.append(Unknown(Location(path), reason, needed))

    def add(self, key: PublicKey) -> None:
        if len(self.keys) < MAX_KEYS:
            self.keys.append(key)
        elif len(self.keys) == MAX_KEYS:
            self.doubt(key.said.where.path, f"more than {MAX_KEYS} public keys")

    def nix_file(self, path: str, data: bytes | None) -> None:
        if data is None or self.bytes > MAX_NIX_BYTES:
            self.doubt(path, "not read for hosts and keys" if data is None else "too much Nix to read")
            return
        self.bytes += len(data)
        hosts = _ABOUT_HOSTS.search(data) is not None or path.endswith("hive.nix")
        keys = _SSH_KEY.search(data) is not None
        if not hosts and not keys:
            return
        self.parsed += 1
        if self.parsed > MAX_PARSED:
            if self.parsed == MAX_PARSED + 1:
                self.doubt(path, f"more than {MAX_PARSED} Nix files about hosts or keys")
            return
        if hosts:
            if self.facts_of is None:
                from sopsguard.nix.facts import facts

                self.facts_of = facts
            read = self.facts_of(data, path)
            if isinstance(read, Unread):
                self.unsure.append(Unknown(Location(path), read.reason, read.needed))
            else:
                self.nix.append(read)
        if keys:
            self.nix_keys(path, data)

    def nix_keys(self, path: str, data: bytes) -> None:
        from sopsguard.nix import literals

        found = literals(data)
        if isinstance(found, Unread):
            self.unsure.append(Unknown(Location(path), found.reason, found.needed))
            return
        for attribute in found.attributes:
            filed = _in_nix(attribute, path)
            text = attribute.value.text
            if filed is None or text is None:
                continue
            name, kind, firm, sure = filed
            where = Location(path, attribute.line, attribute.column, key=attribute.option)
            said = Statement(Source.NIX_KEY, name, where)
            if (line := _key_line(text.decode("utf-8", "replace"), kind, sure)) is not None:
                self.add(PublicKey(line, kind, name, firm, said))

    def key_file(self, path: str, data: bytes | None) -> None:
        if data is None or len(data) > MAX_KEY_FILE:
            reason = "not read for public keys" if data is None else "too large for a file of public keys"
            self.doubt(path, reason)
            return
        text = data.decode("utf-8", "replace")
        if path.endswith(".pub"):
            filed = _filed(path)
            if filed is None:
                return
            name, kind, sure = filed
            for number, line in enumerate(text.split("\n"), 1):
                if (plain := _key_line(line, kind, sure)) is not None:
                    said = Statement(Source.SSH_KEY, name, Location(path, number))
                    self.add(PublicKey(plain, kind, name, True, said))
            return
        if _is_of_initrd(path):
            return
        for number, line in enumerate(text.split("\n"), 1):
            host = ssh.known_host(line) if line and not line.startswith("#") else None
            if host is None or isinstance(host, Problem) or host.marker:
                continue
            for name in _known_names(host.hosts):
                said = Statement(Source.KNOWN_HOSTS, name, Location(path, number))
                self.add(PublicKey(host.key.line, Kind.HOST, name, False, said))

    def certificate(self, path: str, data: bytes | None) -> None:
        from sopsguard.keys.openpgp import certificates

        if data is None or len(data) > MAX_CERTIFICATE:
            if data is None or b"BEGIN PGP PUBLIC KEY BLOCK" in data[:4096]:
                self.doubt(path, "not read for OpenPGP certificates")
            return
        found = certificates(data)
        if isinstance(found, Problem):
            if b"BEGIN PGP PUBLIC KEY BLOCK" in data[:4096]:
                self.doubt(
                    path, f"an OpenPGP certificate that cannot be read: {found.reason}", "a new export"
                )
            return
        filed = _owner_by_place(path)
        stem = path.rpartition("/")[2].rpartition(".")[0]
        for certificate in (found or ())[:100]:
            words = frozenset(_words(stem)) | {w for uid in certificate.user_ids[:20] for w in _words(uid)}
            kind, name = filed if filed is not None else (Kind.PERSON, None)
            self.certificates.append(CommittedCertificate(certificate, kind, name, words, path))


# --- whose key a place says it is ------------------------------------------------------------------------

HOST_FOLDERS = frozenset(("hosts", "machines", "systems", "nodes", "servers"))
USER_FOLDERS = frozenset(("users", "people", "admins", "humans", "home", "homes", "members"))
# An initial RAM disk has a host key of its own, which is no key of the host: it lies open on the disk.
_INITRD = re.compile(r"initrd|initramfs|stage-?1|dropbear|luks|unlock|(?<![a-z])boot(?![a-z])", re.IGNORECASE)
_HOST_FILE = re.compile(r"(?:(?P<before>.+?)[._-])?ssh_host_(?:ed25519|rsa|ecdsa)_key(?:[._-](?P<after>.+))?")
_HOST_STEMS = frozenset(("host", "hostkey", "host_key", "host-key", "ssh_host", "ssh-host", "ssh_host_key"))
# Folders between that of a host and its keys.
_BETWEEN = frozenset(
    ("ssh", "etc", "keys", "key", "secrets", "files", "public", "pub", "persist", "facts", "openssh", "root")
)
_TOPS = frozenset(("secrets", "keys", "ssh", "pubkeys", "public-keys", "public", "sops", "certs"))


def _is_key_file(path: str) -> bool:
    return path.endswith(".pub") or path.rpartition("/")[2] in ("known_hosts", "ssh_known_hosts")


def _is_of_initrd(path: str) -> bool:
    return _INITRD.search(path) is not None


def _filed(path: str) -> tuple[str, Kind, bool] | None:
    """Whose a `.pub` file is by its place: name, kind, and whether that is sure whatever its comment says."""
    if _is_of_initrd(path):
        return None
    *folders, file = path.split("/")
    stem = file.removesuffix(".pub")
    match = _HOST_FILE.fullmatch(stem)
    if match is not None:
        name = match["before"] or match["after"] or _folder_name(folders)
        return (name, Kind.HOST, True) if name else None
    parent = folders[-1] if folders else ""
    above = folders[-2] if len(folders) > 1 else ""
    if above in HOST_FOLDERS and (stem in _HOST_STEMS or stem == parent):
        return parent, Kind.HOST, stem != parent
    if parent in HOST_FOLDERS or parent in ("host-keys", "hostkeys", "ssh-host-keys"):
        return stem, Kind.HOST, False
    if parent in USER_FOLDERS:
        return stem, Kind.PERSON, True
    if above in USER_FOLDERS:
        return parent, Kind.PERSON, True
    return None


def _folder_name(folders: list[str]) -> str | None:
    """The name of the host in whose folder a host key lies: the nearest folder that is not one of many."""
    rest = list(folders)
    while rest and rest[-1] in _BETWEEN:
        rest.pop()
    if not rest or rest[-1] in HOST_FOLDERS or rest[-1] in USER_FOLDERS or rest[-1] in _TOPS:
        return None
    return rest[-1]


def _owner_by_place(path: str) -> tuple[Kind, str] | None:
    *folders, file = path.split("/")
    stem = file.rpartition(".")[0]
    parent = folders[-1] if folders else ""
    above = folders[-2] if len(folders) > 1 else ""
    for kind, names in ((Kind.HOST, HOST_FOLDERS), (Kind.PERSON, USER_FOLDERS)):
        if parent in names:
            return kind, stem
        if above in names:
            return kind, parent
    return None


def _key_line(text: str, kind: Kind, sure: bool) -> str | None:
    """The key of a line, if its comment does not say that it is somebody else's.

    A key of `alice@oak` in a place for host keys is her user key on that host, which opens nothing there:
    such a comment is believed unless the place is one that only host keys have.
    """
    text = text.strip()
    if not text or text.startswith("#"):
        return None
    key = ssh.public_key(text)
    if key is None or isinstance(key, Problem) or key.kind.startswith("sk-"):
        return None
    if kind is Kind.HOST and not sure:
        user, at, _ = key.comment.partition("@")
        if _is_of_initrd(key.comment) or (at and user != "root"):
            return None
    return key.line


def _known_names(hosts: Iterable[str]) -> Iterator[str]:
    """The names in a line of known_hosts; hashed ones, patterns, addresses and other ports tell nothing."""
    for host in hosts:
        if host.startswith("["):
            host, _, port = host[1:].partition("]:")
            if port != "22":
                continue
        if (
            host
            and not re.fullmatch(r"[0-9.]+", host)
            and not set(host) & set("|*?!:/")
            and not _is_of_initrd(host)
        ):
            yield host


_NIX_HOST_KEYS = frozenset(
    ("hostkey", "hostpublickey", "sshhostkey", "sshhostpublickey", "ssh_host_key", "ssh_host_ed25519_key")
)
_NIX_KEYS = frozenset(
    ("publickey", "sshkey", "sshpublickey", "pubkey", "publicsshkey", "ssh_public_key", "key")
)
_NIX_USERS = frozenset(
    ("users", "authorizedkeys", "extraauthorizedkeys", "user", "people", "admins", "signingkey", "git")
)


def _in_nix(attribute: Attribute, path: str) -> tuple[str, Kind, bool, bool] | None:
    """Whose an SSH key in Nix is: name, kind, firm (the holder exists), sure (whatever its comment says)."""
    parts = attribute.path
    if (
        attribute.value.kind is not ValueKind.STRING
        or attribute.declared
        or attribute.role is Role.ARGUMENT
        or not parts
        or None in parts[-4:]
    ):
        return None
    names = [part or "" for part in parts]
    lower = [name.lower() for name in names]
    if any(_INITRD.search(name) for name in lower) or _is_of_initrd(path):
        return None
    if "knownhosts" in lower[:-1]:
        # programs.ssh.knownHosts.<name>.publicKey
        return (names[-2], Kind.HOST, False, False) if lower[-1] == "publickey" else None
    if not _NIX_USERS.isdisjoint(lower):
        return None
    stem = path.rpartition("/")[2].removesuffix(".nix")
    folders = {*path.split("/")[:-1], stem}
    last = lower[-1]
    if last in _NIX_HOST_KEYS | _NIX_KEYS:
        sure = last in _NIX_HOST_KEYS
        if len(names) < 2:  # of the file as a whole
            around = path.split("/")[:-1]
            of_host = sure and len(around) > 1 and around[-2] in HOST_FOLDERS
            return (around[-1], Kind.HOST, True, True) if of_host else None
        if lower[-2] in HOST_FOLDERS:
            return None
        container = any(part in HOST_FOLDERS for part in lower[:-2]) or stem in HOST_FOLDERS
        if not container and not _NIX_USERS.isdisjoint(f.lower() for f in folders):
            return None
        return names[-2], Kind.HOST, container or sure, sure
    if len(names) > 1 and lower[-2] in HOST_FOLDERS:
        return names[-1], Kind.HOST, True, False  # hosts.oak = "ssh-ed25519 …"
    return None


def _words(text: str) -> Iterator[str]:
    for word in re.findall(r"[^\W_]+", text[:500].casefold()):
        if len(word) > 1:
            yield word
