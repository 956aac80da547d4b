"""Builds an infrastructure as a real repository with a history, once for a run, and copies it for a test."""

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.conftest import Peer
from tests.gitrepo import Repo
from tests.infrastructure import advised, literal
from tests.infrastructure.keyring import Host, Keyring
from tests.infrastructure.writer import Writer


@dataclass(frozen=True, slots=True)
class Infrastructure:
    """A repository, the keys of everybody in it, and what makes SOPS files there."""

    repo: Repo
    ring: Keyring = field(repr=False)
    writer: Writer = field(repr=False)

    @property
    def root(self) -> Path:
        return self.repo.root

    def copy(self, where: Path) -> "Infrastructure":
        """The same, to be damaged."""
        shutil.copytree(self.root, where, symlinks=True)
        return Infrastructure(Repo(where), self.ring, self.writer.at(where))


def sops_program(peer: Peer) -> Path | None:
    """The newest real sops, or None where none is installed (in CI that fails)."""
    try:
        return peer("sops")
    except pytest.skip.Exception:
        return None


def commit(repo: Repo, day: str, message: str) -> None:
    """Commit the work tree as it is, on a fixed day."""
    date = f"{day}T12:00:00Z"
    repo.git("add", "-A")
    repo.git("commit", "-q", "-m", message, env={"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date})


def write(repo: Repo, files: Mapping[str, str]) -> None:
    """Write these files."""
    for path, text in files.items():
        repo.write(path, text)


def build_advised(root: Path, program: Path | None) -> Infrastructure:
    """The advised layout. Its past: three hosts and one that retired later; the fourth came; the retired one
    left, the shared files were encrypted anew with other values."""
    ring = Keyring()
    repo = Repo.init(root)
    writer = Writer(root, program, ring.people["ada"].identity)
    old = [host for host in ring.hosts.values() if host.name != "battery"] + [ring.retired]

    def encrypt(hosts: Iterable[Host], generation: str, only: Iterable[str] = ()) -> None:
        wanted = tuple(only)
        for path, plain in advised.secret_files(hosts, generation).items():
            if not wanted or path in wanted:
                writer.encrypt(path, plain)

    write(repo, advised.plain_files(ring, old, None))
    encrypt(old, "first")
    commit(repo, "2026-01-02", "Begin with three machines and an inverter")
    everybody = [*old, ring.hosts["battery"]]
    write(repo, advised.plain_files(ring, everybody, None))
    encrypt(everybody, "first", (advised.host_file("battery"), advised.host_file("capacitor"), advised.ADMIN))
    writer.rewrap(advised.SHARED)
    commit(repo, "2026-02-02", "Add battery")
    hosts = list(ring.hosts.values())
    write(repo, advised.plain_files(ring, hosts, ring.retired))
    for path in (advised.host_file(ring.retired.name), f"hosts/{ring.retired.name}"):
        repo.git("rm", "-rq", "--", path)
    encrypt(hosts, "second", (advised.host_file("capacitor"), advised.SHARED, advised.ADMIN))
    commit(repo, "2026-03-02", "Retire the inverter; replace what it knew")
    repo.git("repack", "-adq")
    return Infrastructure(repo, ring, writer)


def build_literal(root: Path, program: Path | None) -> Infrastructure:
    """The layout of the guide to the letter: one file for everything, everybody reads it."""
    ring = Keyring()
    repo = Repo.init(root)
    writer = Writer(root, program, ring.people["ada"].identity)
    write(repo, literal.plain_files(ring))
    writer.encrypt(literal.SECRETS, literal.secrets(ring))
    commit(repo, "2026-01-02", "feat: generate all infrastructure secrets")
    repo.git("repack", "-adq")
    return Infrastructure(repo, ring, writer)
