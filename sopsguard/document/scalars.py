"""What a plain YAML scalar means to sops, and how Go writes values as text.

Source: go-yaml 3.0.4 `resolve.go`, Go's `strconv` and `time`, as used by sops 3.13.
"""

import math
import re

from sopsguard.document.tree import Time, Value

WORDS: dict[str, Value] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_HINTED = frozenset("yYnNtTfFoO~.+-0123456789")
_INT = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_TIME = re.compile(
    r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})"
    r"(?:(?P<sep>[Tt ])([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:[.,](?P<fraction>[0-9]+))?"
    r"(?P<zone>Z|[-+][0-9]{2}:[0-9]{2})?)?\Z"
)
_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
TAG_PREFIX = "tag:yaml.org,2002:"
_RESOLVABLE = frozenset({"!!str", "!!bool", "!!int", "!!float", "!!null", "!!timestamp"})


class BadTag(ValueError):
    """An explicit tag that its value does not fit (`!!int abc`)."""


def plain(text: str) -> Value:
    """The value of an untagged, unquoted scalar."""
    if not text:
        return None
    if text[0] not in _HINTED:
        return text
    return _hinted(text)


def _hinted(text: str, times: bool = True) -> Value:
    if text in WORDS:
        return WORDS[text]
    first = text[0]
    if first not in "+-.0123456789":
        return text
    if first == ".":
        return _float(text)
    if times and (moment := timestamp(text)) is not None:
        return moment
    digits = text.replace("_", "")
    if _INT.match(digits):
        number = _int(digits)
        if -(2**63) <= number < 2**63 or (number < 2**64 and number > 0 and digits[0] != "+"):
            return number
    value = _float(digits)
    return text if isinstance(value, str) else value


def _int(digits: str) -> int:
    sign, body = (-1, digits[1:]) if digits[0] == "-" else (1, digits.lstrip("+"))
    if len(body) > 1 and body[0] == "0":
        kind = body[1].lower()
        if kind in "xbo":
            return sign * int(body[2:], {"x": 16, "b": 2, "o": 8}[kind])
        return sign * int(body, 8)
    # 20 digits are beyond 64 bits already; a longer text is never parsed (Python refuses huge ones)
    return sign * (int(body) if len(body) <= 20 else 2**70)


def _float(text: str) -> Value:
    if not _FLOAT.match(text):
        return text
    number = float(text)
    return text if math.isinf(number) else number


def tagged(tag: str, text: str) -> Value:
    """The value of a scalar with an explicit tag. Raises `BadTag` where go-yaml refuses to decode."""
    short = "!!" + tag[len(TAG_PREFIX) :] if tag.startswith(TAG_PREFIX) else tag
    if short == "!!binary":
        return _binary(text)
    if short not in _RESOLVABLE or short == "!!str":
        return text
    if not text:
        value: Value = None
    elif text[0] in _HINTED:
        value = _hinted(text, times=short == "!!timestamp")
    else:
        value = text
    found = _kind(value)
    if found == short:
        return value
    if short == "!!float" and isinstance(value, int) and not isinstance(value, bool) and value < 2**63:
        return float(value)
    raise BadTag(short)


def _kind(value: Value) -> str:
    if value is None:
        return "!!null"
    names = {bool: "!!bool", int: "!!int", float: "!!float", Time: "!!timestamp", str: "!!str"}
    return names[type(value)]


def _binary(text: str) -> str:
    import base64
    import binascii

    try:
        raw = base64.b64decode(text.replace("\n", "").replace("\r", ""), validate=True)
    except (binascii.Error, ValueError):
        raise BadTag("!!binary") from None
    return raw.decode("utf-8", "surrogateescape")


def timestamp(text: str) -> Time | None:
    """A YAML timestamp as go-yaml takes it: a date, or `T`, time and zone after it, or a space and a time."""
    if len(text) < 8 or text[4] != "-":
        return None
    found = _TIME.match(text)
    if found is None or not text.isascii():
        return None
    year, month, day = int(found[1]), int(found[2]), int(found[3])
    if not 1 <= month <= 12 or not 1 <= day <= _days(year, month):
        return None
    separator, zone = found["sep"], found["zone"]
    if separator is None:
        return Time(f"{year:04}-{month:02}-{day:02}T00:00:00Z")
    if (separator == " ") == (zone is not None):  # a space goes without a zone, a `T` with one
        return None
    hour, minute, second = int(found[5]), int(found[6]), int(found[7])
    if hour > 23 or minute > 59 or second > 59:
        return None
    if zone and zone != "Z":
        hours, minutes = int(zone[1:3]), int(zone[4:6])
        if hours > 24 or minutes > 60:  # Go's own bounds
            return None
        hours, minutes = divmod(60 * hours + minutes, 60)
        zone = f"{zone[0]}{hours:02}:{minutes:02}"
    fraction = (found["fraction"] or "")[:9].rstrip("0")
    if zone is None or zone[1:] == "00:00":
        zone = "Z"
    dot = "." if fraction else ""
    return Time(f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{dot}{fraction}{zone}")


def _days(year: int, month: int) -> int:
    leap = month == 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return 29 if leap else _DAYS[month - 1]


def _digits(number: float) -> tuple[str, str, int]:
    """Sign, shortest digits that round-trip, and the position of the point (0.d1d2… times 10^point)."""
    sign = "-" if math.copysign(1.0, number) < 0 else ""
    mantissa, _, exponent = f"{abs(number)!r}".partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = whole + fraction
    point = len(whole) + int(exponent or 0)
    stripped = digits.lstrip("0")
    point -= len(digits) - len(stripped)
    stripped = stripped.rstrip("0")
    return (sign, stripped, point) if stripped else (sign, "0", 1)


def _special(number: float) -> str | None:
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "+Inf" if number > 0 else "-Inf"
    return None


def fixed(number: float) -> str:
    """`strconv.FormatFloat(number, 'f', -1, 64)`: never an exponent, no trailing `.0`."""
    if special := _special(number):
        return special
    sign, digits, point = _digits(number)
    if digits == "0":
        return sign + "0"
    if point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    if point >= len(digits):
        return sign + digits + "0" * (point - len(digits))
    return f"{sign}{digits[:point]}.{digits[point:]}"


def general(number: float, letter: str = "e") -> str:
    """`strconv.FormatFloat(number, 'g', -1, 64)`; `letter` "E" for the format 'G'."""
    if special := _special(number):
        return special
    sign, digits, point = _digits(number)
    exponent = point - 1
    if digits == "0" or -4 <= exponent < 6:
        return fixed(number)
    return _exponential(sign, digits, exponent, letter)


def exponential(number: float) -> str:
    """`strconv.FormatFloat(number, 'e', -1, 64)` of a finite number."""
    sign, digits, point = _digits(number)
    return _exponential(sign, digits, point - 1, "e")


def _exponential(sign: str, digits: str, exponent: int, letter: str) -> str:
    tail = "." + digits[1:] if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{tail}{letter}{'-' if exponent < 0 else '+'}{abs(exponent):02}"


def plain_bytes(value: Value) -> bytes:
    """The bytes that sops encrypts and hashes for a value (`ToBytes`). `None` has none."""
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    if value is True:
        return b"True"
    if value is False:
        return b"False"
    if isinstance(value, int):
        return b"%d" % value
    if isinstance(value, float):
        return fixed(value).encode()
    return value.text.encode() if value is not None else b""


def display(value: Value) -> str:
    """A value as dotenv and INI write it (`stores.ValToString`)."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        text = general(value, "E")
        if "." not in text and "E" not in text and _special(value) is None:
            return fixed(value) + ".0"
        return text
    if isinstance(value, Time):
        return value.seconds()
    return "<nil>" if value is None else str(value)
