"""Regular expressions as sops understands them: Go's, which are RE2, matched anywhere in a text."""

import re
from dataclasses import dataclass, field
from typing import Any

# Longer ones are nobody's work, and take minutes.
LONGEST = 10_000


@dataclass(frozen=True, slots=True)
class Regex:
    """A compiled RE2 expression."""

    _compiled: Any = field(repr=False)

    def found_in(self, text: str) -> bool:
        """Whether it matches anywhere in `text`; Go sees each byte that is not UTF-8 as U+FFFD."""
        return self._compiled.search(_utf8(text)) is not None


@dataclass(frozen=True, slots=True)
class BadRegex:
    """RE2 cannot compile it."""

    reason: str


@dataclass(frozen=True, slots=True)
class NoEngine:
    """Nobody here can say what it matches."""

    reason: str
    needed: str


_compiled: dict[str, Regex | BadRegex | NoEngine] = {}
_SURROGATE = re.compile("[\ud800-\udfff]")
# Go refuses \C (any byte), C++ RE2 does not
_ANY_BYTE = re.compile(r"(?<!\\)(?:\\\\)*\\C")


def _utf8(text: str) -> str:
    return text if text.isascii() else _SURROGATE.sub("�", text)


def regex(pattern: str) -> Regex | BadRegex | NoEngine:
    """`pattern` compiled as Go's `regexp` does it."""
    known = _compiled.get(pattern)
    if known is not None:
        return known
    if len(pattern) > LONGEST:
        return NoEngine(f"an expression of {len(pattern):,} characters is not tried", "a shorter expression")
    try:
        import re2
    except ImportError:
        return NoEngine(
            "expressions of sops are RE2, and that engine is missing here", "the package google-re2"
        )
    if _SURROGATE.search(pattern):
        return BadRegex("not UTF-8")
    options = re2.Options()
    options.log_errors = False
    result: Regex | BadRegex | NoEngine
    try:
        result = Regex(re2.compile(pattern, options=options))
    except re2.error as error:
        reason = error.args[0] if error.args else ""
        words = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        if "too large" in words:
            result = NoEngine(f"an expression too large for this engine: {pattern[:60]}", "a smaller one")
        else:
            result = BadRegex(words)
    else:
        if _ANY_BYTE.search(re.sub(r"\\Q.*?(?:\\E|$)", "", pattern, flags=re.DOTALL)):
            result = BadRegex(r"invalid escape sequence: \C")
    if len(_compiled) > 20_000:
        _compiled.clear()
    _compiled[pattern] = result
    return result
