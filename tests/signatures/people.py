"""People with throw-away keys who sign commits with the real gpg and ssh-keygen, or against all rules."""

import base64
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256, sha512
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sopsguard.keys.ssh_wire import string
from tests.gitrepo import IDENTITY, Repo

START = 1767323045  # the date of tests/gitrepo.py: 2026-01-02T03:04:05Z
DAY = 86400


@dataclass(frozen=True)
class Gpg:
    """A GnuPG home of its own. Times are seconds since 1970."""

    program: Path
    home: Path

    def run(
        self, *arguments: str, at: int | None = START - 30 * DAY, input: bytes = b"", batch: bool = True
    ) -> bytes:
        """What gpg says, with its clock at `at`."""
        clock = [] if at is None else ["--faked-system-time", f"{at}!"]
        done = subprocess.run(
            [
                self.program, "--homedir", self.home, *(["--batch"] if batch else []), "--no-tty",
                "-q", "--yes", "--pinentry-mode", "loopback", "--passphrase", "", *clock, *arguments,
            ],
            input=input, capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
        return done.stdout

    def stop(self) -> None:
        """End its agent."""
        subprocess.run(["gpgconf", "--homedir", self.home, "--kill", "all"], check=False, capture_output=True)

    def key(
        self,
        user_id: str,
        *,
        primary: str = "ed25519",
        usage: str = "cert",
        subkeys: Iterable[tuple[str, str, str]] = (("ed25519", "sign", "never"),),
        at: int = START - 30 * DAY,
        options: Iterable[str] = (),
    ) -> str:
        """Make a key; its fingerprint. `subkeys` are (algorithm, usage, life)."""
        extra = [*options, "--allow-weak-key-signatures"]
        before = set(self.fingerprints())
        self.run(*extra, "--quick-gen-key", user_id, primary, usage, "never", at=at)
        (fingerprint,) = set(self.fingerprints()) - before
        for algorithm, use, life in subkeys:
            self.run(*extra, "--quick-add-key", fingerprint, algorithm, use, life, at=at)
        return fingerprint

    def edit(self, key: str, *commands: str, at: int = START - 29 * DAY) -> None:
        """Change a key by gpg's own menu."""
        self.run("--command-fd", "0", "--edit-key", key, at=at, input="\n".join((*commands, "")).encode())

    def revoke(self, key: str, hard: bool, at: int) -> None:
        """Revoke a key: as compromised, or as no longer used."""
        answers = f"y\n{1 if hard else 3}\n\ny\n".encode()
        made = self.run("--command-fd", "0", "--gen-revoke", key, at=at, input=answers, batch=False)
        self.run("--import", at=None, input=made)

    def fingerprints(self, of: str = "") -> list[str]:
        """The primary fingerprints, or all of one key, the primary first."""
        said = b""
        if (self.home / "pubring.kbx").exists():
            said = self.run("--with-colons", "--list-keys", *([of] if of else []), at=None)
        found, wanted = [], False
        for line in said.decode().splitlines():
            fields = line.split(":")
            if fields[0] in ("pub", "sub"):
                wanted = fields[0] == "pub" or bool(of)
            elif fields[0] == "fpr" and wanted:
                found.append(fields[9])
                wanted = False
        return found

    def export(self, fingerprint: str) -> bytes:
        """The armored certificate."""
        return self.run("--armor", "--export", fingerprint, at=None)

    def sign(self, payload: bytes, key: str, *options: str, at: int = START) -> bytes:
        """An armored detached signature; `key` with `!` means exactly that key."""
        return self.run(*options, "--armor", "-u", key, "--detach-sign", at=at, input=payload)


@dataclass(frozen=True)
class SSH:
    """An SSH key pair in files."""

    program: Path
    path: Path

    @classmethod
    def make(cls, program: Path, path: Path, kind: str = "ed25519", bits: int | None = None) -> "SSH":
        size = [] if bits is None else ["-b", str(bits)]
        subprocess.run(
            [program, "-q", "-t", kind, *size, "-N", "", "-C", "", "-f", path],
            check=True,
            capture_output=True,
        )
        return cls(program, path)

    @property
    def public(self) -> str:
        """The line of the .pub file."""
        return Path(f"{self.path}.pub").read_text().strip()

    def sign(self, payload: bytes, namespace: str = "git", *options: str) -> bytes:
        """An armored signature."""
        return subprocess.run(
            [self.program, "-Y", "sign", "-n", namespace, "-f", self.path, *options],
            input=payload, capture_output=True, check=True,
        ).stdout  # fmt: skip


@dataclass(frozen=True)
class SecurityKey:
    """A FIDO key in software, whose flags can be chosen: an Ed25519 key that signs as PROTOCOL.u2f says."""

    key: Ed25519PrivateKey

    @classmethod
    def make(cls) -> "SecurityKey":
        return cls(Ed25519PrivateKey.generate())

    @property
    def wire(self) -> bytes:
        kind = string(b"sk-ssh-ed25519@openssh.com")
        return kind + string(self.key.public_key().public_bytes_raw()) + string(b"ssh:")

    @property
    def public(self) -> str:
        return f"sk-ssh-ed25519@openssh.com {base64.b64encode(self.wire).decode()}"

    def sign(self, payload: bytes, namespace: str = "git", *, flags: int = 1) -> bytes:
        """An armored signature, made with these flags (1: touched, 4: PIN)."""
        frame = string(namespace.encode()) + string(b"") + string(b"sha512")
        signed = b"SSHSIG" + frame + string(sha512(payload).digest())
        tail = bytes([flags]) + (7).to_bytes(4, "big")
        raw = self.key.sign(sha256(b"ssh:").digest() + tail + sha256(signed).digest())
        blob = string(b"sk-ssh-ed25519@openssh.com") + string(raw) + tail
        data = b"SSHSIG" + (1).to_bytes(4, "big") + string(self.wire) + frame + string(blob)
        return armored(data, "SSH")


def armored(data: bytes, kind: str = "PGP") -> bytes:
    """The text form of a signature."""
    text = base64.b64encode(data).decode()
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    empty = [""] if kind == "PGP" else []
    body = "\n".join(
        [f"-----BEGIN {kind} SIGNATURE-----", *empty, *lines, f"-----END {kind} SIGNATURE-----", ""]
    )
    return body.encode()


def folded(name: str, signature: bytes) -> bytes:
    """A header of a commit that holds a signature."""
    return name.encode() + b" " + signature.rstrip(b"\n").replace(b"\n", b"\n ") + b"\n"


@dataclass(frozen=True)
class Draft:
    """A commit before it is signed: its headers and its message."""

    headers: bytes
    message: bytes = b"change\n"

    @property
    def payload(self) -> bytes:
        return self.headers + b"\n" + self.message

    def signed(self, signature: bytes, name: str = "gpgsig") -> bytes:
        """The raw object with this signature."""
        return self.headers + folded(name, signature) + b"\n" + self.message


class History:
    """A repository in which commits are written byte for byte."""

    def __init__(self, root: Path, object_format: str = "sha1") -> None:
        self.repo = Repo.init(root, object_format=object_format)
        self.header = "gpgsig" if object_format == "sha1" else "gpgsig-sha256"

    def tree(self, files: Mapping[str, bytes | str], base: str | None = None) -> str:
        """The id of a tree: that of `base` with these files added; None as content removes one."""
        index = {"GIT_INDEX_FILE": str(self.repo.root / ".git" / "scratch-index")}
        Path(index["GIT_INDEX_FILE"]).unlink(missing_ok=True)
        if base:
            self.repo.git("read-tree", base, env=index)
        for path, content in files.items():
            oid = self.repo.blob(content.encode() if isinstance(content, str) else content)
            self.repo.git("update-index", "--add", "--cacheinfo", f"100644,{oid},{path}", env=index)
        return self.repo.git("write-tree", env=index)

    def draft(
        self,
        files: Mapping[str, bytes | str] | None = None,
        parents: Iterable[str] = (),
        *,
        tree: str | None = None,
        time: int = START,
        email: str = "ada@example.org",
        message: bytes = b"change\n",
        extra: bytes = b"",
    ) -> Draft:
        """A commit on `parents` whose tree is the first one's with `files` added."""
        known = list(parents)
        tree = tree or self.tree(files or {}, known[0] if known else None)
        lines = [f"tree {tree}", *(f"parent {parent}" for parent in known)]
        lines += [f"author Ada <{email}> {time} +0000", f"committer Ada <{email}> {time} +0000"]
        return Draft("\n".join(lines).encode() + b"\n" + extra, message)

    def store(self, raw: bytes, kind: str = "commit") -> str:
        """Write an object as it is; its id."""
        return self.repo.git("hash-object", "-t", kind, "-w", "--literally", "--stdin", input=raw)

    def at(self, branch: str, oid: str) -> str:
        """Move a branch."""
        self.repo.git("update-ref", f"refs/heads/{branch}", oid)
        return oid


def identity(time: int = START, email: str = "ada@example.org") -> dict[str, str]:
    """The environment in which git commits as somebody, sometime."""
    return {
        **IDENTITY,
        "GIT_AUTHOR_EMAIL": email, "GIT_COMMITTER_EMAIL": email,
        "GIT_AUTHOR_DATE": f"@{time} +0000", "GIT_COMMITTER_DATE": f"@{time} +0000",
    }  # fmt: skip
