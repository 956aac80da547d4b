"""One name for each reader: spellings of a recipient that the same key opens are the same reader."""

from functools import lru_cache

from sopsguard.sops import masterkey
from sopsguard.sops.masterkey import AGE_KINDS, Key, KeyKind


def reader(recipient: "Key | str") -> str:
    """The canonical name of whoever opens what is encrypted to this recipient.

    An Ed25519 key of SSH is the age recipient that ssh-to-age makes of it; an SSH key has no comment; the
    two spellings of a P-256 hardware key (`age1yubikey1…`, `age1tag1…`) are one; a PGP key is its fingerprint
    (or key id) in upper-case hex; an AWS key is its ARN without role and context; an Azure key has no
    version. Text that is no recipient is itself, trimmed. Only who it is, never what `updatekeys` compares.
    """
    key = masterkey.recipient(recipient) if isinstance(recipient, str) else recipient
    if key is None:
        return recipient.strip() if isinstance(recipient, str) else ""
    if key.kind in AGE_KINDS:
        return _age_reader(key.identity)
    if key.kind is KeyKind.KMS:
        return key.text.strip()
    if key.kind is KeyKind.AZURE:
        return key.identity.rpartition("/")[0]
    return key.normal


@lru_cache(maxsize=16384)
def _age_reader(text: str) -> str:
    from sopsguard.keys import age, bech32

    found = age.recipient(text)
    if not isinstance(found, age.Recipient):
        return text
    if found.kind == "ssh-ed25519":
        converted = age.from_ssh_public(found.key)
        return converted if isinstance(converted, str) else found.key
    if found.plugin == "yubikey":
        return bech32.encode("age1tag", found.data)
    return found.key


def is_fingerprint(name: str) -> bool:
    """Whether a reader is an OpenPGP key: hex of a key id (16) or a fingerprint (40, 64; long ago 32)."""
    return len(name) in (16, 32, 40, 64) and not name.strip("0123456789ABCDEF")


def shown(name: str) -> str:
    """A reader short enough for a message."""
    return masterkey.abbreviated(name)
