"""The regular expressions of schemas: matched by RE2 in linear time, whatever the expression and the text.

JSON Schema means those of ECMA-262. What RE2 lacks (looking around, back references) is refused when the
schema is read, so that no expression of a repository can keep a check busy.
"""

import re

from sopsguard.sops.expression import BadRegex, NoEngine, regex

# Written differently in RE2: one code unit in hexadecimal.
_UNIT = re.compile(r"(?<!\\)((?:\\\\)*)\\u([0-9A-Fa-f]{4})")


def _translated(pattern: str) -> str:
    return _UNIT.sub(r"\1\\x{\2}", pattern)


def refused(pattern: str) -> str | None:
    """Why the expression cannot be used, or `None`."""
    compiled = regex(_translated(pattern))
    if isinstance(compiled, NoEngine):
        # Without the engine everything stays open; only what no engine takes is a mistake of the schema.
        return None if "google-re2" in compiled.needed else compiled.reason
    if isinstance(compiled, BadRegex):
        if re.search(r"\(\?<?[=!]", pattern):
            return "it looks ahead or behind, which is not matched here: it could take for ever"
        if re.search(r"\\[1-9k]", pattern):
            return "it refers back to a group, which is not matched here: it could take for ever"
        return compiled.reason
    return None


def found(pattern: str, text: str) -> bool | None:
    """Whether it matches anywhere in the text; `None` where nobody here can say."""
    compiled = regex(_translated(pattern))
    return None if isinstance(compiled, NoEngine | BadRegex) else compiled.found_in(text)
