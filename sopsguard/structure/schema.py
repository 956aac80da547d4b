"""One JSON Schema, read and checked before anything is judged by it; mistakes are errors with their place.

Draft 2020-12. `jsonschema` checks it against the meta-schema, `referencing` resolves its references; nothing
is ever fetched.
"""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from sopsguard.document import Item, Mapping, Node, Scalar, Unreadable
from sopsguard.document import Sequence as Listing
from sopsguard.document import read as read_document
from sopsguard.model import UserError, discreet, printable
from sopsguard.structure import formats
from sopsguard.structure.regexes import refused

DIALECT = "https://json-schema.org/draft/2020-12/schema"
# Real schemas of secrets are a few pages; checking them against the meta-schema is not fast.
LONGEST = 256 << 10
MOST_PARTS = 4_000
DEEPEST = 60

# Where the subschemas of a schema stand.
SINGLE = frozenset(
    (
        *("additionalProperties", "contains", "else", "if", "items", "not", "propertyNames", "then"),
        *("unevaluatedItems", "unevaluatedProperties", "contentSchema"),
    )
)
MANY = frozenset(("allOf", "anyOf", "oneOf", "prefixItems"))
NAMED = frozenset(("$defs", "definitions", "dependentSchemas", "patternProperties", "properties"))

Pointer = tuple[str | int, ...]


class Schema:
    """A checked schema: `contents`, how to resolve its references, what kinds of keywords it has."""

    def __init__(self, name: str, contents: Any, data: bytes, resolver: Any, uses: frozenset[str]) -> None:
        self.name = name
        self.contents = contents
        self.resolver = resolver
        self.uses = uses
        self._data = data

    def mistake(self, schema: Any, what: str, hint: str = "") -> UserError:
        """The error about one part of it, which must be the very object."""
        for pointer, part in _parts(self.contents):
            if part is schema:
                return _wrong(self.name, self._data, pointer, what, hint)
        return _wrong(self.name, self._data, (), what, hint)

    def __repr__(self) -> str:
        return f"Schema({self.name!r})"


def read(data: bytes, name: str, *, checked: bool = False) -> Schema:
    """The schema in the bytes of a JSON file; `name` is how mistakes name it. Raises `UserError`.

    `checked`: it is known to be valid against the meta-schema.
    """
    contents = _load(data, name)
    if not checked:
        _check(contents, data, name)
    uses: set[str] = set()
    for pointer, schema in _parts(contents):
        if isinstance(schema, dict):
            uses.update(schema)
            if _is_published(str(schema.get("$ref"))):
                uses.add("$dynamicRef")  # the meta-schemas refer to themselves so
        for keyword, what, hint in _own_mistakes(schema):
            raise _wrong(name, data, (*pointer, *keyword), what, hint)
    resolver = _resolver(contents, data, name)
    return Schema(name, contents, data, resolver, frozenset(uses))


def _load(data: bytes, name: str) -> Any:
    if len(data) > LONGEST:
        raise UserError(
            f"{printable(name)} is larger than {LONGEST >> 10} KiB",
            "a schema is a few pages; split it by files",
        )
    try:
        contents = json.loads(data.decode("utf-8-sig"), object_pairs_hook=_pairs, parse_constant=_constant)
    except _Mistake as mistake:
        raise UserError(
            f"{printable(name)}: {printable(discreet(str(mistake)))}", "keep one of them"
        ) from None
    except UnicodeDecodeError as e:
        raise UserError(
            f"{printable(name)}:{data.count(10, 0, e.start) + 1}: not UTF-8", "save the file as UTF-8"
        ) from None
    except json.JSONDecodeError as e:
        raise UserError(
            f"{printable(name)}:{e.lineno}: not valid JSON: {e.msg}", "a schema is JSON"
        ) from None
    except (ValueError, RecursionError):
        raise UserError(f"{printable(name)} is nested too deeply or has a number too long") from None
    if not isinstance(contents, dict | bool):
        raise UserError(f"{printable(name)}:1: a schema is an object or a boolean")
    count, depth = _extent(contents)
    if count > MOST_PARTS or depth > DEEPEST:
        what = f"has {count:,} parts, {depth} deep"
        raise UserError(
            f"{printable(name)} {what}: more than is judged by it",
            f"keep it below {MOST_PARTS:,} parts and {DEEPEST} levels",
        )
    return contents


class _Mistake(ValueError):
    pass


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _Mistake(f"{twice!r} is given twice in one object")
    return found


def _constant(text: str) -> None:
    raise _Mistake(f"{text} is no JSON")


def _extent(contents: Any) -> tuple[int, int]:
    """How many objects, lists and values there are, and how deep they are nested."""
    count, deepest = 0, 0
    stack = [(contents, 1)]
    while stack:
        value, depth = stack.pop()
        count += isinstance(value, dict | list)
        deepest = max(deepest, depth)
        if isinstance(value, dict):
            stack += [(child, depth + 1) for child in value.values()]
        elif isinstance(value, list):
            stack += [(child, depth + 1) for child in value]
    return count, deepest


def _check(contents: Any, data: bytes, name: str) -> None:
    """Against the meta-schema, with the deepest mistake named."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    said = contents.get("$schema", DIALECT) if isinstance(contents, dict) else DIALECT
    if not isinstance(said, str) or said.rstrip("#") != DIALECT:
        hint = f'write it for draft 2020-12: "$schema": "{DIALECT}"'
        raise _wrong(name, data, ("$schema",), "this draft of JSON Schema is not judged here", hint)
    validator = Draft202012Validator(Draft202012Validator.META_SCHEMA)
    error = best_match(validator.iter_errors(contents))
    if error is not None:
        keyword = "type" if error.validator == "type" else str(error.validator)
        what = {
            "type": f"must be of type {error.validator_value}",
            "enum": "is none of the allowed words",
            "anyOf": "is no type, and no list of types, of JSON Schema",
            "minItems": "must not be empty",
            "uniqueItems": "names something twice",
        }.get(keyword, "is not what JSON Schema allows here")
        place = tuple(error.absolute_path)
        label = f"`{place[-1]}` {what}" if place else f"the schema {what}"
        raise _wrong(name, data, place, label, "the meta-schema of draft 2020-12 refuses it")


def _parts(contents: Any) -> Iterator[tuple[Pointer, Any]]:
    """Every schema in a schema, itself first, with its pointer."""
    stack: list[tuple[Pointer, Any]] = [((), contents)]
    while stack:
        pointer, schema = stack.pop()
        yield pointer, schema
        if not isinstance(schema, dict):
            continue
        for keyword, value in schema.items():
            if keyword in SINGLE:
                stack.append(((*pointer, keyword), value))
            elif keyword in MANY and isinstance(value, list):
                stack += [((*pointer, keyword, n), child) for n, child in enumerate(value)]
            elif keyword in NAMED and isinstance(value, dict):
                stack += [((*pointer, keyword, n), child) for n, child in value.items()]


def _own_mistakes(schema: Any) -> Iterator[tuple[Pointer, str, str]]:
    """What the meta-schema cannot say: expressions, formats with a slip, keywords of other drafts."""
    if not isinstance(schema, dict):
        return
    expressions: list[tuple[Pointer, Any]] = [(("pattern",), schema.get("pattern"))]
    expressions += [(("patternProperties", p), p) for p in schema.get("patternProperties", ())]
    for pointer, pattern in expressions:
        if isinstance(pattern, str) and (reason := refused(pattern)) is not None:
            yield (
                pointer,
                f"the expression cannot be used: {discreet(reason)}",
                "expressions are those of RE2",
            )
    word = schema.get("format")
    if isinstance(word, str) and word not in formats.OURS and word not in formats.STANDARD:
        import difflib

        known = [*formats.OURS, *formats.STANDARD, *formats.ANNOTATIONS]
        near = difflib.get_close_matches(word, known, 1, 0.8)
        if near and word not in formats.ANNOTATIONS:
            yield ("format",), f"there is no format {word!r}", f"did you mean {near[0]!r}?"
    for old, new in (("dependencies", "dependentRequired or dependentSchemas"), ("additionalItems", "items")):
        if old in schema:
            yield (old,), f"`{old}` means nothing in draft 2020-12", f"use {new}"
    if schema.get("$schema", DIALECT).rstrip("#") != DIALECT:
        yield ("$schema",), "this draft of JSON Schema is not judged here", "write it for draft 2020-12"


def _resolver(contents: Any, data: bytes, name: str) -> Any:
    """The resolver at the root; every reference is tried, so that none fails later."""
    if (own := _Own(contents)).is_enough:
        return own
    from jsonschema_specifications import REGISTRY
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import DRAFT202012

    resource = DRAFT202012.create_resource(contents)
    try:
        registry = REGISTRY.with_resource(resource.id() or "", resource).crawl()
    except ValueError:
        raise _wrong(name, data, (), "an `$id` in it is no address", "an `$id` is not needed") from None
    root = registry.resolver_with_root(resource)
    known = {id(schema) for _, schema in _parts(contents)}
    stack: list[tuple[Pointer, Any, Any]] = [((), contents, root)]
    while stack:
        pointer, schema, resolver = stack.pop()
        if not isinstance(schema, dict):
            continue
        if "$id" in schema and pointer:
            try:
                resolver = resolver.in_subresource(DRAFT202012.create_resource(schema))
            except ValueError:
                raise _wrong(name, data, (*pointer, "$id"), "`$id` is no address") from None
        for keyword in ("$ref", "$dynamicRef"):
            reference = schema.get(keyword)
            if not isinstance(reference, str):
                continue
            try:
                target = resolver.lookup(reference).contents
            except (Unresolvable, ValueError):
                far = "://" in reference or not reference.startswith("#")
                what = f"`{keyword}` leads to {'something outside this file' if far else 'nothing'}"
                hint = "nothing is ever fetched: copy it under `$defs`" if far else "mend the pointer"
                raise _wrong(name, data, (*pointer, keyword), what, hint) from None
            if id(target) not in known and not _is_published(reference):
                what = f"`{keyword}` leads to a place that holds no schema"
                hint = "put what it means under `$defs`"
                raise _wrong(name, data, (*pointer, keyword), what, hint)
        for keyword, value in schema.items():
            if keyword in SINGLE:
                stack.append(((*pointer, keyword), value, resolver))
            elif keyword in MANY:
                stack += [((*pointer, keyword, n), child, resolver) for n, child in enumerate(value)]
            elif keyword in NAMED:
                stack += [((*pointer, keyword, n), child, resolver) for n, child in value.items()]
    return root


class _Own:
    """Follows references that are pointers inside one schema, which are all that most schemas have: then the
    registry of `referencing`, and the meta-schemas that come with it, need not be loaded."""

    def __init__(self, contents: Any) -> None:
        self._contents = contents

    @property
    def is_enough(self) -> bool:
        """Whether every reference is such a pointer and leads to a schema."""
        parts = list(_parts(self._contents))
        known = {id(schema) for _, schema in parts}
        for _, schema in parts:
            if not isinstance(schema, dict):
                continue
            if not _NAMING.isdisjoint(schema):
                return False
            reference = schema.get("$ref", "#")
            try:
                if id(self.lookup(reference).contents) not in known:
                    return False
            except LookupError:
                return False
        return True

    def lookup(self, reference: Any) -> "_Target":
        """What a reference leads to. Raises `LookupError` for one that is no pointer, or leads nowhere."""
        if not isinstance(reference, str) or (reference != "#" and not reference.startswith("#/")):
            raise LookupError
        found = self._contents
        for step in reference.split("/")[1:]:
            # Other ways to write a name, and places in lists, are left to the library.
            if not isinstance(found, dict) or "%" in step or "~" in step:
                raise LookupError
            found = found[step]
        return _Target(found, self)


class _Target(NamedTuple):
    contents: Any
    resolver: _Own


# What makes a reference more than a pointer.
_NAMING = frozenset(("$id", "$anchor", "$dynamicAnchor", "$dynamicRef"))


def _is_published(reference: str) -> bool:
    """Whether a reference leads into the meta-schemas, which come with `jsonschema`."""
    return reference.startswith("https://json-schema.org/draft/2020-12/")


def _wrong(name: str, data: bytes, pointer: Pointer, what: str, hint: str = "") -> UserError:
    line = _line(data, pointer)
    steps = "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in pointer)
    where = f"{printable(name)}{f':{line}' if line else ''}"
    at = f" at {printable(discreet(steps))}" if steps else ""
    return UserError(f"{where}: {printable(discreet(what))}{at}", printable(hint))


def _line(data: bytes, pointer: Pointer) -> int | None:
    """The line of what a pointer leads to, as far as it leads."""
    try:
        node: Node = read_document(data, "json").roots[0]
    except Unreadable:
        return None
    line = 1
    for step in pointer:
        if isinstance(node, Mapping) and isinstance(step, str):
            item = next((i for i in node.items if isinstance(i, Item) and i.name == step), None)
            if item is None:
                return line
            line, node = item.key.line, item.value
        elif isinstance(node, Listing) and isinstance(step, int) and step < len(node.entries()):
            node = node.entries()[step]
            line = node.line
        elif isinstance(node, Scalar):
            return line
    return line
