"""One value of a text changes, and no byte beside it."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sopsguard.document import Item, Mapping, Node, Sequence, read
from sopsguard.document.dotenv_patch import DotenvPatch
from sopsguard.document.json_patch import JsonPatch
from sopsguard.document.patch import CannotPatch, NoPlace, Patch, Splice, made, put, spliced, taken
from sopsguard.document.yaml_patch import YamlPatch


def patch_of(format: str, data: bytes) -> tuple[Patch, Mapping]:
    root = read(data, format).roots[0]
    if format == "json":
        return JsonPatch(data, root, "last"), root
    return (YamlPatch(data, "last") if format == "yaml" else DotenvPatch(data, "last")), root


def node(value: Any) -> Node:
    if isinstance(value, dict):
        mapping = Mapping()
        for name, below in value.items():
            mapping.add(Item(made(name), node(below)))
        return mapping
    if isinstance(value, list):
        sequence = Sequence()
        for below in value:
            sequence.add(node(below))
        return sequence
    return made(value)


def plain(found: Node) -> Any:
    if isinstance(found, Mapping):
        return {item.name: plain(item.value) for item in found.entries()}
    if isinstance(found, Sequence):
        return [plain(below) for below in found.entries()]
    return found.value


def set_to(format: str, text: str, path: tuple[str | int, ...], value: Any) -> str:
    patch, root = patch_of(format, text.encode())
    return spliced(text.encode(), put(patch, root, path, node(value))).decode()


def without(format: str, text: str, path: tuple[str | int, ...], comments: bool = False) -> str:
    patch, root = patch_of(format, text.encode())
    return spliced(text.encode(), taken(patch, root, path, comments)).decode()


ROWS: list[tuple[str, str, tuple[str | int, ...], Any, str]] = [
    ("yaml", "a: 1 # c\nb: 2\n", ("a",), 3, "a: 3 # c\nb: 2\n"),
    ("yaml", "a: '1'\n", ("a",), "it's", "a: 'it''s'\n"),
    ("yaml", "a:\nb: 2\n", ("a",), "x", "a: x\nb: 2\n"),
    ("yaml", "a: # c\nb: 2", ("a",), "x", "a: x # c\nb: 2"),
    ("yaml", "a: 1 # c\nb: 2\n", ("a",), {"x": [1]}, "a: # c\n    x:\n        - 1\nb: 2\n"),
    ("yaml", "a:\n  x: 1\n  # foot\nb: 2\n", ("a",), "v", "a: v\nb: 2\n"),
    ("yaml", "a: |\n  x\n\nb: 2\n", ("a",), "v", "a: v\n\nb: 2\n"),
    ("yaml", "a: 1\nlast: 2\n", ("b",), 3, "a: 1\nb: 3\nlast: 2\n"),
    ("yaml", "last: 2\n", ("b", 0, "c"), 3, "b:\n    - c: 3\nlast: 2\n"),
    ("yaml", "l:\n- 1\n- 2\nlast: 2\n", ("l", 2), 3, "l:\n- 1\n- 2\n- 3\nlast: 2\n"),
    ("yaml", "l:\n- - 1\n  - 2\nlast: 2\n", ("l", 0, 2), 3, "l:\n- - 1\n  - 2\n  - 3\nlast: 2\n"),
    ("yaml", "l:\n-\n  a: 1\n-\nlast: 2\n", ("l", 1), 3, "l:\n-\n  a: 1\n- 3\nlast: 2\n"),
    ("yaml", "a: [1, 2]\n", ("a", 1), "x: y", 'a: [1, "x: y"]\n'),
    ("yaml", "a: 1\r\nb:\r\n  c: 2\r\n", ("b", "d"), 3, "a: 1\r\nb:\r\n  c: 2\r\n  d: 3\r\n"),
    ("json", '{"a":1,"last":2}', ("b",), 3, '{"a":1, "b": 3,"last":2}'),
    ("json", '{\n  "last": 2\n}', ("b",), {"c": []}, '{\n  "b": {\n    "c": []\n  },\n  "last": 2\n}'),
    ("json", '{\n  "a": []\n}', ("a", 0), "é<", '{\n  "a": [\n    "é\\u003c"\n  ]\n}'),
    ("dotenv", "a=1\nlast_x=2\n", ("b",), "x\ny", "a=1\nb=x\\ny\nlast_x=2\n"),
    ("dotenv", "a=1", ("b",), "2", "a=1\nb=2\n"),
]


@pytest.mark.parametrize(("format", "before", "path", "value", "after"), ROWS)
def test_a_value_is_put_where_it_belongs(
    format: str, before: str, path: tuple[str | int, ...], value: Any, after: str
) -> None:
    assert set_to(format, before, path, value) == after


@pytest.mark.parametrize(
    ("format", "before", "path", "after"),
    [
        ("yaml", "# c\na: 1 # d\nb: 2\n", ("a",), "# c\nb: 2\n"),
        ("yaml", "a:\n  x: 1\n  # foot\nb: 2\n", ("a",), "b: 2\n"),
        ("yaml", "l:\n  - a: 1\n    b: 2\n  - c\n", ("l", 0, "a"), "l:\n  - b: 2\n  - c\n"),
        ("yaml", "l:\n  - - 1\n    - 2\n", ("l", 0, 0), "l:\n  - - 2\n"),
        ("yaml", "? a\n: 1\nb: 2\n", ("a",), "b: 2\n"),
        ("yaml", "m:\n  a: 1\nb: 2\n", ("m", "a"), "m: {}\nb: 2\n"),
        ("json", '{"a": 1, "b": 2}', ("a",), '{"b": 2}'),
        ("json", '{"a": 1, "b": 2}', ("b",), '{"a": 1}'),
        ("json", '{"a": [1]}', ("a", 0), '{"a": []}'),
        ("dotenv", "#c\na=1\nb=2\n", ("a",), "#c\nb=2\n"),
    ],
)
def test_a_value_is_taken_out(format: str, before: str, path: tuple[str | int, ...], after: str) -> None:
    assert without(format, before, path) == after


def test_comments_above_go_too_if_asked() -> None:
    assert without("yaml", "# h\nx: 0\n# c\n# d\na: 1\nb: 2\n", ("a",), True) == "# h\nx: 0\nb: 2\n"
    assert without("dotenv", "#c\na=1\nb=2\n", ("a",), True) == "b=2\n"


@pytest.mark.parametrize(
    ("format", "text", "path"),
    [
        ("yaml", "a: {b: 1}\n", ("a", "c")),
        ("yaml", "a: &x {b: 1}\nc: *x\n", ("c",)),
        ("yaml", "a: {b: 1}\n", ("a", "b", "c")),
        ("yaml", "a: [1]\n", ("a", 3)),
        ("yaml", "a: 1\na: 2\n", ("a",)),
        ("dotenv", "a=1\n", ("b=c",)),
    ],
)
def test_what_is_not_safe_is_refused(format: str, text: str, path: tuple[str | int, ...]) -> None:
    with pytest.raises(CannotPatch) as caught:
        set_to(format, text, path, "canary")
    assert "canary" not in str(caught.value)
    with pytest.raises(NoPlace):
        without(format, text, ("nothing",))


def test_overlapping_changes_are_refused_and_none_shows() -> None:
    with pytest.raises(CannotPatch):
        spliced(b"abcdef", [Splice(0, 3, b"canary"), Splice(2, 4, b"")])
    assert "canary" not in repr(Splice(0, 3, b"canary"))


_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_scalars = st.one_of(_texts, st.booleans(), st.integers(-(2**63), 2**63 - 1), st.none())
_values: Any = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
    max_leaves=5,
)
_trees = st.dictionaries(_texts, _values, min_size=1, max_size=4)


@settings(max_examples=200)
@given(st.sampled_from(["yaml", "json"]), _trees, _values, st.data())
def test_what_was_put_is_read_back_and_taken_out_again(
    format: str, tree: dict[str, Any], value: Any, data: st.DataObject
) -> None:
    from sopsguard.document.json_writer import write_json
    from sopsguard.document.yaml_writer import write_yaml

    def read_back(text: bytes) -> Any:
        return plain(read(text, format).roots[0])

    def written(tree: dict[str, Any]) -> bytes:
        whole: Any = node(tree)
        return write_yaml([whole]) if format == "yaml" else write_json(whole)

    before = written(tree)
    model = read_back(before)
    name = data.draw(st.sampled_from([*model, "new"]))
    patch, root = patch_of(format, before)
    after = spliced(before, put(patch, root, (name,), node(value)))
    # go-yaml cannot read all that it writes in lists (a text that begins with white space)
    value = read_back(written({name: value}))[name]
    assert read_back(after) == {**model, name: value}
    if len({**model, name: value}) > 1:
        patch, root = patch_of(format, after)
        back = spliced(after, taken(patch, root, (name,)))
        assert read_back(back) == {key: below for key, below in model.items() if key != name}
        assert name in model or back == before
