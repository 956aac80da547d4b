"""What the type and the length of an encrypted value say about it, for each assertion of JSON Schema.

Lengths: sops writes integers in decimal, floats as Go's `FormatFloat(v, 'f', -1)` (never an exponent), and
a text of n bytes has between ceil(n/4) and n characters.
"""

from collections.abc import Iterable
from typing import Any

from sopsguard.document.scalars import fixed
from sopsguard.structure import formats
from sopsguard.structure.shadow import Hidden
from sopsguard.structure.sizes import byte_length
from sopsguard.structure.truth import Truth, certainly

OPEN = Truth.OPEN
NUMERIC = ("integer", "number")
# `NaN`, `+Inf` and what else Go reads as one.
_SPECIAL_LENGTHS = frozenset((3, 4, 8, 9))


def is_type(value: Hidden, types: Iterable[str]) -> Truth:
    """Whether it is of one of the types of JSON Schema."""
    types = tuple(types)
    if value.kind is None:
        return OPEN
    if value.kind in types or (value.kind == "integer" and "number" in types):
        return Truth.VALID
    if value.kind == "number" and "integer" in types:
        return Truth.VALID if value.length == 1 else OPEN  # 1.0 is an integer, and sops writes it `1`
    return Truth.INVALID


def equals(value: Hidden, other: Any) -> Truth:
    """Whether it is this JSON value; never certainly so."""
    if value.kind is None:
        return OPEN
    if isinstance(other, bool):
        return certainly(value.kind == "boolean") and OPEN
    if isinstance(other, str):
        return OPEN if value.kind == "string" and byte_length(other) == value.length else Truth.INVALID
    if isinstance(other, int | float) and value.kind in NUMERIC:
        return OPEN if number_length(other, value.kind) in (value.length, None) else Truth.INVALID
    return Truth.INVALID


def number_length(number: float, kind: str = "number") -> int | None:
    """How long sops writes a number; `None` if that cannot be said, -1 if no value of the kind equals it."""
    try:
        if kind == "integer":
            return len(str(int(number))) if number == int(number) else -1
        return len(fixed(float(number)))
    except (ValueError, OverflowError):  # not a number, infinite, or with too many digits
        return None


def is_at_least(value: Hidden, bound: float, *, exclusive: bool) -> Truth:
    """Whether a number is at or above (above) the bound; what is no number is not concerned."""
    if value.kind is None:
        return OPEN
    if value.kind not in NUMERIC:
        return Truth.VALID
    low, high = _interval(value)
    if low is None or high is None:
        return OPEN
    if low > bound or (low == bound and not exclusive):
        return Truth.VALID
    if high < bound or (high == bound and exclusive):
        return Truth.INVALID
    return OPEN


def is_at_most(value: Hidden, bound: float, *, exclusive: bool) -> Truth:
    """Whether a number is at or below (below) the bound; what is no number is not concerned."""
    if value.kind is None:
        return OPEN
    if value.kind not in NUMERIC:
        return Truth.VALID
    return is_at_least(value, bound, exclusive=not exclusive).negated


def is_between(value: Hidden, low: float, high: float) -> Truth:
    """Whether a number can be within both bounds: invalid if none of its length is, else open."""
    if value.kind != "integer" or value.length > 20:
        return OPEN
    digits = value.length
    least = 10 ** (digits - 1) if digits > 1 else 0
    ranges = [(least, 10**digits - 1)]
    if digits > 1:
        ranges.append((1 - 10 ** (digits - 1), -(10 ** (digits - 2)) if digits > 2 else 0))
    return OPEN if any(first <= high and last >= low for first, last in ranges) else Truth.INVALID


def _interval(value: Hidden) -> tuple[int | None, int | None]:
    """The least and greatest number that can be written with so many characters."""
    length = value.length
    if value.kind == "integer":
        if length > 20:
            return None, None
        return (0 if length == 1 else 1 - 10 ** (length - 1)), 10**length - 1
    if length in _SPECIAL_LENGTHS or length > 330:
        return None, None
    return (0 if length == 1 else -(10 ** (length - 1))), 10**length


def has_length(value: Hidden, least: float, most: float) -> Truth:
    """Whether a text has so many characters; what is no text is not concerned."""
    if value.kind is None:
        return OPEN
    if value.kind != "string":
        return Truth.VALID
    low, high = value.length if value.ascii else -(-value.length // 4), value.length
    if low >= least and high <= most:
        return Truth.VALID
    return Truth.INVALID if high < least or low > most else OPEN


def matches_anything(value: Hidden) -> Truth:
    """Whether a text matches an expression: open, but what is no text is not concerned."""
    return OPEN if value.kind in (None, "string") else Truth.VALID


def has_format(value: Hidden, name: str) -> Truth:
    """Whether a text can be of a format, by its size."""
    judged = formats.sizes(name)
    if judged is None or value.kind not in (None, "string"):
        return Truth.VALID
    if value.kind is None:
        return OPEN
    return OPEN if judged[1].allow(value.length) else Truth.INVALID


def is_multiple(value: Hidden, divisor: float) -> Truth:
    """Whether a number is a multiple; what is no number is not concerned."""
    if value.kind == "integer" and divisor == 1:
        return Truth.VALID
    return OPEN if value.kind is None or value.kind in NUMERIC else Truth.VALID
