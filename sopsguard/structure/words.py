"""What is wrong with a value, said to people; follows the name of the place. Never quotes the document."""

import difflib
from collections.abc import Iterable, Sequence
from typing import Any

from sopsguard.structure.sizes import Sizes

FORBIDDEN = "must not be here"
UNKNOWN_KEY = "is a key that the schema does not know"
SEVERAL = "fits several of the forms of which it may have only one"
REPEATED = "has two equal elements"
NO_MATCH = "does not have the form that the schema asks for (`pattern`)"

_TYPES = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "empty",
    "object": "a mapping",
    "array": "a list",
    "unknown": "unreadable",
}


def kind_of(value: object) -> str:
    """The type of a known scalar."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "string"
    return "integer" if isinstance(value, int) else "number"


def wrong_type(kind: str, types: Iterable[str]) -> str:
    """It is of another type than it must be."""
    wanted = [_TYPES.get(t, t) for t in types]
    return f"is {_TYPES[kind]}; it must be {_or(wanted)}"


def _or(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _plural(number: float, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def lacks(name: str, beside: str = "") -> str:
    """A key is missing."""
    return f"lacks `{name}`{f', which belongs beside `{beside}`' if beside else ''}"


def count(number: int, noun: str, least: bool, bound: float) -> str:
    """Too many or too few of something."""
    return f"has {_plural(number, noun)}; {_bound(least)} {bound} are wanted"


def contains(too_few: bool, least: float, most: float) -> str:
    """Too few or too many elements of a list are of some form."""
    wanted = f"at least {least}" if too_few else f"at most {most}"
    return f"has too {'few' if too_few else 'many'} elements of the form that the schema asks for: {wanted}"


def not_among(values: Sequence[Any], length: int | None) -> str:
    """It is none of the values of `enum` or `const`."""
    plain = [
        str(v) for v in values if isinstance(v, str | int) and not isinstance(v, bool) and len(str(v)) < 30
    ]
    listed = f": {_or(plain)}" if 0 < len(plain) == len(values) <= 6 else " of the schema"
    if length is not None and length >= 0:
        return f"is {_plural(length, 'byte')}, as none of the allowed values is{listed}"
    return f"is none of the allowed values{listed}"


_BOUNDS = {
    "minimum": "at least",
    "exclusiveMinimum": "more than",
    "maximum": "at most",
    "exclusiveMaximum": "less than",
}


def out_of_bounds(schema: dict[str, Any]) -> str:
    """A number is too small or too large."""
    return "must be " + " and ".join(f"{word} {schema[k]}" for k, word in _BOUNDS.items() if k in schema)


def size(length: int, least: bool, bound: float, schema: dict[str, Any]) -> str:
    """A text is too short or too long."""
    title = schema.get("title")
    subject = title if isinstance(title, str) and len(title) < 60 else "it"
    return f"is {_plural(length, 'byte')}; {subject} must have {_bound(least)} {bound} characters"


def _bound(least: bool) -> str:
    return "at least" if least else "at most"


def no_format(noun: str, sizes: Sizes, length: int | None) -> str:
    """It is not of a format: by its length, or (`None`) by what it holds."""
    if length is None:
        return f"is not {noun}"
    return f"is {_plural(length, 'byte')}; {noun} has {sizes.words}"


def bad_name(schema: Any) -> str:
    """A key has not the form that keys must have."""
    title = schema.get("title") if isinstance(schema, dict) else None
    return (
        f"is not {title}" if isinstance(title, str) else "is a key of a form that the schema does not allow"
    )


def unwanted(schema: dict[str, Any], inner: Any) -> str:
    """`not`: it is what it must not be."""
    for holder in (inner, schema):
        if isinstance(holder, dict) and isinstance(holder.get("title"), str):
            return f"must not be {holder['title']}"
    return "is what the schema forbids (`not`)"


def meant(name: str, listed: Iterable[str]) -> str:
    """The key that was probably meant, as a hint."""
    near = difflib.get_close_matches(name, list(listed), 1, 0.7)
    return f"did you mean `{near[0]}`?" if near else ""


def either(parts: Sequence[str]) -> str:
    """None of several forms fits: what each of them says."""
    unique = list(dict.fromkeys(parts))
    if len(unique) == 1:
        return unique[0]
    return "fits none of the allowed forms: " + "; or it ".join(unique[:3])
