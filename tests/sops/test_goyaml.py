"""YAML is read as go-yaml reads it, within bounds."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sopsguard.sops import goyaml
from sopsguard.sops.goyaml import ANY, FLAG, NUMBER, TEXT, Decoder, Shape, YamlError


def decoded(text: str, shape: Shape = ANY) -> tuple[str, object]:
    """Type and value that `text` becomes; a type error is raised."""
    root = goyaml.compose(text.encode())
    assert root is not None
    decoder = Decoder()
    value = decoder.decode(root, shape)
    if decoder.errors:
        raise decoder.errors[0]
    return ("zero", None) if value is None else (value.type, value.data)


@pytest.mark.parametrize(
    ("text", "type_", "value"),
    [
        ("~", "null", None),
        ("TRUE", "bool", True),
        ("yes", "str", "yes"),
        ("0x_1F", "int", 31),
        ("010", "int", 8),
        ("08", "float", 8.0),
        ("-0o17", "int", -15),
        ("1_000", "int", 1000),
        ("18446744073709551615", "int", 2**64 - 1),
        ("18446744073709551616", "float", 2.0**64),
        ("1e400", "str", "1e400"),
        (".5", "float", 0.5),
        (".5.", "str", ".5."),
        ("12345678E12345", "str", "12345678E12345"),
        ("12345678E12", "float", 12345678e12),
        ("2024-02-29", "time", "2024-02-29"),
        ("2024-02-30", "str", "2024-02-30"),
        ("'1'", "str", "1"),
        ("!!str 1", "str", "1"),
        ("!!float 1", "float", 1.0),
        ("!!binary YQ==", "str", "a"),
        ("!own 1", "str", "1"),
        ("1٣", "str", "1٣"),
    ],
)
def test_scalars_resolve_as_go_yaml_resolves_them(text: str, type_: str, value: object) -> None:
    assert decoded(text) == (type_, value)


@pytest.mark.parametrize(
    ("text", "shape", "value"),
    [
        ("010", TEXT, "010"),
        ("true", TEXT, "true"),
        ("2024-01-01", TEXT, "2024-01-01"),
        ("1.9", NUMBER, 1),
        ("on", FLAG, True),
        ("'off'", FLAG, False),
        ("~", TEXT, None),
    ],
)
def test_a_field_takes_what_go_takes_for_its_type(text: str, shape: Shape, value: object) -> None:
    assert decoded(text, shape)[1] == value


@pytest.mark.parametrize(
    ("text", "shape"),
    [("one", NUMBER), (".nan", NUMBER), ("1", FLAG), ("[a]", TEXT), ("!!int a", TEXT), ("!!binary ä", TEXT)],
)
def test_a_field_refuses_what_go_refuses_for_its_type(text: str, shape: Shape) -> None:
    with pytest.raises(YamlError):
        decoded(text, shape)


def test_aliases_are_followed_and_merged_as_fields_of_the_mapping() -> None:
    shape = Shape("struct", fields={"a": TEXT, "b": TEXT, "c": TEXT})
    root = goyaml.compose(b"x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\nz: {c: 3, <<: [*x, *y]}\n")
    assert root is not None
    value = Decoder().decode(root.children[-1], shape)
    assert value is not None
    assert {name: item.data for name, item in value.data.items()} == {"c": "3", "a": "1", "b": "1"}


def judge(data: bytes) -> None:
    root = goyaml.compose(data)
    assert root is not None
    Decoder().decode(root, ANY)


def _bomb(depth: int) -> bytes:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, depth)]
    return "\n".join(lines).encode()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (_bomb(12), "excessive aliasing"),
        (b"a: &a [*a]", "contains itself"),
        (b"a: &a {b: *a}", "contains itself"),
        (b"{a: " * 300 + b"1" + b"}" * 300, "levels deep"),
        (b"x" * (goyaml.MAX_BYTES + 1), "MiB"),
        (b"[" + b",".join([b"1"] * (goyaml.MAX_NODES + 1)) + b"]", "values"),
        (b"[" * 100_000, "levels deep"),
        (b"- " * 100_000, "levels deep"),
        (b"{a: [" * 100_000, "levels deep"),
        (b"a: \xff", "not text"),
        (b"a: \x00", "not text"),
        (b"%YAML 1.2\n---\na", "incompatible"),
    ],
)  # fmt: skip
def test_hostile_documents_are_refused_in_bounded_time(data: bytes, words: str) -> None:
    start = time.process_time()
    with pytest.raises(YamlError) as caught:
        judge(data)
    assert words in caught.value.message
    assert time.process_time() - start < 5


def test_what_the_program_does_not_ask_for_is_not_decoded() -> None:
    root = goyaml.compose(_bomb(12) + b"\ndup: {a: 1, a: 2}\nname: x\n")
    assert root is not None
    value = Decoder().decode(root, Shape("struct", fields={"name": TEXT}))
    assert value is not None
    assert value.data["name"].data == "x"


@given(st.text(max_size=60))
def test_spans_slice_back_to_their_scalars(text: str) -> None:
    try:
        root = goyaml.compose(text.encode("utf-8", "surrogatepass"))
    except YamlError:
        return
    whole = goyaml.text_of(text.encode("utf-8", "surrogatepass"))
    pending = [] if root is None else [root]
    while pending:
        node = pending.pop()
        pending += node.children
        written = whole[node.span.start : node.span.end]
        if node.kind == "scalar" and not node.quoted and "\n" not in written and not node.anchor:
            assert written.endswith(node.text) or not node.text or "\r" in written or "\x85" in written


@given(st.integers(-(2**70), 2**70), st.sampled_from(["{}", "+{}", "0x{:x}", "0o{:o}", "0b{:b}", "{:_}"]))
def test_whole_numbers_are_those_that_fit(number: int, form: str) -> None:
    text = form.format(number) if not form.startswith(("0", "+")) or number >= 0 else str(number)
    type_, value = decoded(text)
    if -(2**63) <= number < 2**63:
        assert (type_, value) == ("int", number)
    else:
        assert type_ in ("int", "float", "str")
