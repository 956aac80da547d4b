"""The MAC of a file: SHA-512 over the plaintext of its values in file order. Source: sops 3.13.2 `sops.go`.

Keys, structure, comments and nulls are not hashed; with `mac_only_encrypted` clear values are not either.
"""

from hashlib import sha256, sha512

from sopsguard.document import Value
from sopsguard.document.scalars import plain_bytes


class Mac:
    """The running hash over all documents of a file."""

    __slots__ = ("_hash", "_only_encrypted")

    def __init__(self, only_encrypted: bool) -> None:
        self._only_encrypted = only_encrypted
        # so that the two kinds of MAC never agree
        self._hash = sha512(sha256(b"sops").digest() if only_encrypted else b"")

    def add(self, value: Value, encrypted: bool) -> None:
        """The next value; `encrypted`: whether the scope selects it. Comments are never added."""
        if value is not None and (encrypted or not self._only_encrypted):
            self._hash.update(plain_bytes(value))

    def text(self) -> str:
        """What is encrypted as `mac`: 128 hexadecimal digits in upper case."""
        return self._hash.hexdigest().upper()
