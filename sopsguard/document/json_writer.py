"""Writes JSON as Go and sops do: one tab a level, HTML characters escaped, comments left out."""

import re

from sopsguard.document.scalars import exponential, fixed
from sopsguard.document.tree import Comment, Item, Mapping, Node, Scalar, Time

_UNSAFE = re.compile('[\x00-\x1f"\\\\<>&\u2028\u2029\ud800-\udfff]')
_SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def write_json(root: Mapping) -> bytes:
    """The text of a document with a final newline. Raises `ValueError` for NaN and infinities."""
    return (json_text(root, "\n", "\t") + "\n").encode()


def json_text(node: Node, newline: str | None, unit: str) -> str:
    """A value for a place whose lines begin with `newline` (a break and white space), one `unit` a level.

    On one line without `newline`. Raises `ValueError` for NaN and infinities.
    """
    out: list[str] = []
    _node(node, newline, unit, out)
    return "".join(out)


def quoted(text: str) -> str:
    """A JSON string; bytes that are not UTF-8 become U+FFFD, as in Go."""
    return f'"{_UNSAFE.sub(_escape, text)}"' if _UNSAFE.search(text) else f'"{text}"'


def _escape(found: re.Match[str]) -> str:
    char = found[0]
    if "\ud800" <= char <= "\udfff":
        return "\\ufffd"
    return _SHORT.get(char) or f"\\u{ord(char):04x}"


def _node(node: Node, newline: str | None, unit: str, out: list[str]) -> None:
    if isinstance(node, Scalar):
        out.append(_scalar(node))
        return
    opening, closing = ("{", "}") if isinstance(node, Mapping) else ("[", "]")
    items = [item for item in node.items if not isinstance(item, Comment)]
    if not items:
        out.append(opening + closing)
        return
    inner = None if newline is None else newline + unit
    for number, item in enumerate(items):
        out.append(opening if number == 0 else ",")
        out.append(" " * (number > 0) if inner is None else inner)
        if isinstance(item, Item):
            out.append(quoted(str(item.key.value)) + ": ")
            _node(item.value, inner, unit, out)
        else:
            _node(item, inner, unit, out)
    out.append((newline or "") + closing)


def _scalar(node: Scalar) -> str:
    value = node.value
    if isinstance(value, str):
        return quoted(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Time):
        return quoted(value.text)
    if isinstance(value, float):
        return _float(value)
    return str(value)


def _float(number: float) -> str:
    if number != number or number in (float("inf"), float("-inf")):
        raise ValueError("JSON has no such number")
    if number and not 1e-6 <= abs(number) < 1e21:
        return re.sub(r"e-0([0-9])\Z", r"e-\1", exponential(number))
    return fixed(number)
