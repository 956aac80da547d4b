"""Random documents and random schemas of every keyword, for tests that compare two judgements."""

from typing import Any

from hypothesis import strategies as st

NAMES = ["a", "b", "ab", "host_1", "öl"]
TEXTS = ["", "a", "ab", "abc", "wörter", "2026-01-02", "10.0.0.1", "x" * 44, "€€", "true", "x\n"]
NUMBERS = [0, 1, 2, 7, 10, 42, 99, 100, 65535, -1, -10, 0.5, 1.5, 2.0, 10.0, 1e3, -0.25]
PATTERNS = ["^a", "b$", ".", "^[a-z]+$", r"\d", "^(a|b)*$", "ö", "x{3}"]
FORMATS = ["date", "ipv4", "uuid", "wireguard-key", "passphrase", "email", "hostname", "json"]

scalars = st.one_of(
    st.sampled_from(TEXTS), st.sampled_from(NUMBERS), st.booleans(), st.none(), st.text("aö€", max_size=5)
)


def _deeper(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.lists(children, max_size=4), st.dictionaries(st.sampled_from(NAMES), children, max_size=4)
    )


values = st.recursive(scalars, _deeper, max_leaves=10)
documents = st.dictionaries(st.sampled_from(NAMES), values, min_size=1, max_size=5)

_TYPES = ["string", "integer", "number", "boolean", "null", "object", "array"]
_COUNT = st.integers(0, 4)
_NUMBER = st.sampled_from([-10, -1, 0, 1, 5, 10, 99.5, 100, 1e6, 70000])
_NAME = st.sampled_from(NAMES)
_REFS = st.sampled_from(["#/$defs/one", "#/$defs/two", "#three", "other#/$defs/inner"])


def _composed(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    many = st.lists(children, min_size=1, max_size=3)
    named = st.dictionaries(_NAME, children, max_size=3)
    keywords = {
        "type": st.one_of(
            st.sampled_from(_TYPES), st.lists(st.sampled_from(_TYPES), min_size=1, unique=True)
        ),
        "const": values,
        "enum": st.lists(values, min_size=1, max_size=4),
        "minimum": _NUMBER,
        "maximum": _NUMBER,
        "exclusiveMinimum": _NUMBER,
        "exclusiveMaximum": _NUMBER,
        "multipleOf": st.sampled_from([1, 2, 0.5, 10, 3]),
        "minLength": st.integers(0, 50),
        "maxLength": st.integers(0, 50),
        "pattern": st.sampled_from(PATTERNS),
        "format": st.sampled_from(FORMATS),
        "required": st.lists(_NAME, unique=True, max_size=3),
        "dependentRequired": st.dictionaries(_NAME, st.lists(_NAME, unique=True, max_size=2), max_size=2),
        "minProperties": _COUNT,
        "maxProperties": _COUNT,
        "minItems": _COUNT,
        "maxItems": _COUNT,
        "uniqueItems": st.booleans(),
        "propertyNames": children,
        "properties": named,
        "patternProperties": st.dictionaries(st.sampled_from(PATTERNS), children, max_size=2),
        "additionalProperties": children,
        "prefixItems": many,
        "items": children,
        "contains": children,
        "minContains": _COUNT,
        "maxContains": _COUNT,
        "dependentSchemas": named,
        "allOf": many,
        "anyOf": many,
        "oneOf": many,
        "not": children,
        "if": children,
        "then": children,
        "else": children,
        "unevaluatedProperties": children,
        "unevaluatedItems": children,
    }
    return st.lists(st.sampled_from(sorted(keywords)), max_size=5, unique=True).flatmap(
        lambda chosen: st.fixed_dictionaries({name: keywords[name] for name in chosen})
    )


_simple = st.one_of(
    st.booleans(), _composed(st.booleans()), st.fixed_dictionaries({"$ref": _REFS}),
    st.just({"$dynamicRef": "#node"}),
)  # fmt: skip
_plain = st.one_of(st.booleans(), _composed(st.booleans()))


@st.composite
def schemas(draw: st.DrawFn) -> dict[str, Any]:
    """A schema whose references all lead somewhere, and never in a circle at one value."""
    root = draw(st.recursive(_simple, _composed, max_leaves=12).filter(lambda s: isinstance(s, dict)))
    deeper = draw(st.fixed_dictionaries({"additionalProperties": st.one_of(_simple, _plain)}))
    definitions = {
        "one": draw(_plain),
        "two": deeper,
        "three": {"$anchor": "three", "items": {"$ref": "#/$defs/one"}, **_dict(draw(_plain))},
        "other": {
            "$id": "other",
            "$dynamicAnchor": "node",
            "$defs": {"inner": {"properties": {"a": {"$dynamicRef": "#node"}}, "type": "object"}},
            **_dict(draw(_plain)),
        },
        "mine": {"$dynamicAnchor": "node", "items": draw(_simple)},
    }
    return {**_dict(root), "$defs": definitions}


def _dict(schema: Any) -> dict[str, Any]:
    return schema if isinstance(schema, dict) else {}
