"""Decrypted left-overs: files that by name and content are a clear copy of an encrypted one."""

import re

from sopsguard.model import Confidence
from sopsguard.scan.hit import LEFTOVER, Hit

# What people and scripts call the output of `sops decrypt`.
_DECRYPTED = re.compile(
    r"[._-](?:dec|decrypted|decoded|plain|plaintext|unencrypted|cleartext)(?:\.[\w-]{1,10})?$"
)
_DATA = (
    ".yaml",
    ".yml",
    ".json",
    ".env",
    ".ini",
    ".toml",
    ".conf",
    ".txt",
    ".properties",
    ".key",
    ".pem",
    ".cfg",
)
_COPY = re.compile(
    r"^(?:\.(.+)\.sw[a-p]|#(.+)#|\.#(.+)|(.+)(?:~|\.(?:orig|bak|backup|old|save|rej|tmp|swp|swo)))$"
)
_SECRET = re.compile(r"secret|sops|\.enc\b|encrypted|credential|vault")
_PAIR = rb"(?m)^[ \t\"'-]*[\w.-]{1,80}[\"']?[ \t]*[:=][ \t]*[^\s{}\[\],]|\"[ \t]*:[ \t]*\"[^\"]"


def leftover(data: bytes, path: str) -> Hit | None:
    """The hit for a file whose name says that it is a decrypted or stray copy, if it holds clear values."""
    directory, _, name = path.lower().rpartition("/")
    if not name or len(data) > 4 << 20:
        return None
    decrypted = _DECRYPTED.search(name)
    if decrypted:
        extension = name[name.rfind(".") :]
        if extension not in _DATA and extension.strip(".") not in decrypted[0]:
            return None
        what = "decrypted copy"
    else:
        copy = _COPY.match(name)
        original = next((part for part in copy.groups() if part), "") if copy else ""
        if not original.endswith(_DATA) or not _SECRET.search(f"{directory}/{original}"):
            return None
        what = "editor's copy or backup of a secrets file"
    if b"ENC[AES256_GCM," in data or b"BEGIN AGE ENCRYPTED" in data or data[:21] == b"age-encryption.org/v1":
        return None
    if not data.strip() or (b"\0" not in data and not re.search(_PAIR, data) and not decrypted):
        return None
    line = data.find(b"\n")
    end = len(data) if line < 0 else line
    return Hit(LEFTOVER, "decrypted-leftover", what, 0, min(end, 200), data, Confidence.LIKELY)
