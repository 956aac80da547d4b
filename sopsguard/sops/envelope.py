"""The text of one encrypted value: `ENC[AES256_GCM,data:…,iv:…,tag:…,type:…]`.

Source: sops 3.13.2 `aes/cipher.go`. The pattern of sops is anchored at the start only and takes
anything for the parts; `Envelope.exact` tells what sops writes from what it merely reads.
"""

import re
from typing import NamedTuple

TYPES = frozenset({"str", "int", "float", "bool", "time", "comment"})
IV_BYTES = 32
TAG_BYTES = 16
_EXACT = re.compile(
    r"ENC\[AES256_GCM,data:([A-Za-z0-9+/]+={0,2}),iv:([A-Za-z0-9+/]{43}=),tag:([A-Za-z0-9+/]{22}==),"
    r"type:(str|int|float|bool|time|comment)\]\Z"
)
_START = "ENC[AES256_GCM,data:"
_VALID = re.compile(r"[A-Za-z0-9+/]*={0,2}\Z")


class Envelope(NamedTuple):
    """The parts, still in base64. `exact`: as sops writes it; `trailing`: text stands after the bracket."""

    data: str
    iv: str
    tag: str
    type: str
    exact: bool
    trailing: bool = False

    @property
    def length(self) -> int:
        """Bytes of the ciphertext, which are those of the plaintext; -1 if the base64 is broken."""
        return decoded_length(self.data)

    @property
    def decodes(self) -> bool:
        """Whether all three parts are base64 that sops decodes."""
        return min(decoded_length(self.data), decoded_length(self.iv), decoded_length(self.tag)) >= 0


def decoded_length(text: str) -> int:
    """How many bytes padded base64 holds; -1 if it is none."""
    if "\r" in text or "\n" in text:  # Go skips these
        text = text.replace("\r", "").replace("\n", "")
    if len(text) % 4 or not _VALID.match(text):
        return -1
    return len(text) // 4 * 3 - (2 if text.endswith("==") else 1 if text.endswith("=") else 0)


def parse(text: str) -> Envelope | None:
    """The envelope that sops would decrypt; `None` if sops says that it does not match its format."""
    found = _EXACT.match(text)
    if found and len(found[1]) % 4 == 0:
        return Envelope(found[1], found[2], found[3], found[4], True)
    return _lenient(text) if text.startswith(_START) else None


def _lenient(text: str) -> Envelope | None:
    """`ENC\\[AES256_GCM,data:(.+),iv:(.+),tag:(.+),type:(.+)\\]` with greedy parts, in linear time."""
    line = text.partition("\n")[0]
    end = line.rfind("]")
    kind = line.rfind(",type:", 0, max(end - 1, 0))
    tag = line.rfind(",tag:", 0, max(kind - 1, 0))
    iv = line.rfind(",iv:", 0, max(tag - 1, 0))
    if iv <= len(_START):
        return None
    parts = line[len(_START) : iv], line[iv + 4 : tag], line[tag + 5 : kind], line[kind + 6 : end]
    return Envelope(*parts, False, end + 1 < len(text))


def looks_encrypted(text: str) -> bool:
    """Whether a text was meant to be an encrypted value: whole, damaged, or with something around it."""
    return "ENC[AES256_GCM," in text
