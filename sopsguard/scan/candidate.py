"""A candidate: what a pattern found, where it stands in its line, and the verdicts on it."""

import re
from typing import NamedTuple

SECRET = "secret"  # noqa: S105  (a verdict)
WEAK = "weak"
REJECT = "reject"


class Found(NamedTuple):
    """A candidate in its line: what stands before it (up to 160 bytes) and behind it (up to 48)."""

    value: bytes
    before: bytes
    after: bytes
    path: str

    def __repr__(self) -> str:
        return f"Found({len(self.value)} bytes, {self.path!r})"


class Regex:
    """A regular expression, compiled when first used: most runs need few of them."""

    __slots__ = ("_compiled", "_source")

    def __init__(self, source: bytes) -> None:
        self._source = source
        self._compiled: re.Pattern[bytes] | None = None

    def _get(self) -> re.Pattern[bytes]:
        if self._compiled is None:
            self._compiled = re.compile(self._source)
        return self._compiled

    def search(self, value: bytes) -> re.Match[bytes] | None:
        return self._get().search(value)

    def match(self, value: bytes) -> re.Match[bytes] | None:
        return self._get().match(value)

    def fullmatch(self, value: bytes) -> re.Match[bytes] | None:
        return self._get().fullmatch(value)

    def findall(self, value: bytes) -> list[bytes]:
        return self._get().findall(value)


HEX = Regex(rb"[0-9a-f]+|[0-9A-F]+")
UUID = Regex(rb"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
