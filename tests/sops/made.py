"""SOPS files for the tests, made at run time with throw-away keys."""

import pyrage

from sopsguard.sops.editor import encrypt
from sopsguard.sops.file import Broken, NotSops, SopsFile, read
from sopsguard.sops.identity import Identities, Identity
from sopsguard.sops.rules import Scope

NAMES = {"yaml": "a.yaml", "json": "a.json", "dotenv": "a.env", "ini": "a.ini", "binary": "a"}
NOW = "2026-11-23T20:00:00Z"


def key() -> tuple[Identities, str]:
    """A new identity and its recipient."""
    identity = pyrage.x25519.Identity.generate()
    return Identities((Identity("test", identity),)), str(identity.to_public())


IDENTITIES, RECIPIENT = key()
OTHERS, OTHER_RECIPIENT = key()
THIRDS, THIRD_RECIPIENT = key()


def sealed(text: str, format: str = "yaml", scope: Scope | None = None) -> bytes:
    """A file for `RECIPIENT`."""
    return encrypt(text.encode(), format, [[RECIPIENT]], NOW, scope)


def sops_file(data: bytes, path: str = "a.yaml") -> SopsFile:
    """What is read, if it is a SOPS file."""
    file = read(data, path)
    assert isinstance(file, SopsFile), file
    return file


def broken(data: bytes, path: str = "a.yaml") -> Broken:
    """What is read, if it is broken."""
    file = read(data, path)
    assert isinstance(file, Broken), file
    return file


def is_foreign(data: bytes, path: str = "a.yaml") -> bool:
    """Whether it is no SOPS file."""
    return isinstance(read(data, path), NotSops)
