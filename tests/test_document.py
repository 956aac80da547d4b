"""Documents are read as sops reads them, and every span slices back to its source."""

import json
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sopsguard.document import (
    Comment,
    Document,
    Item,
    Mapping,
    Node,
    Scalar,
    Sequence,
    Time,
    Unreadable,
    Value,
    format_of,
    read,
)
from sopsguard.document.dotenv import write_dotenv
from sopsguard.document.ini import write_ini
from sopsguard.document.json_writer import write_json
from sopsguard.document.scalars import display, fixed, general, plain, plain_bytes
from sopsguard.document.yaml_writer import write_yaml


def scalars(node: Node) -> Iterator[Scalar]:
    """All keys and values of a tree."""
    if isinstance(node, Scalar):
        yield node
    elif isinstance(node, Mapping):
        for item in node.items:
            if isinstance(item, Item):
                yield item.key
                yield from scalars(item.value)
    else:
        for element in node.entries():
            yield from scalars(element)


def shape(node: Node) -> object:
    """A tree as plain lists, comments as `#text`, with `#<` for inline ones."""
    if isinstance(node, Scalar):
        return node.value.text if isinstance(node.value, Time) else node.value
    if isinstance(node, Mapping):
        return {
            f"#{'<' if item.inline else ''}{item.text}" if isinstance(item, Comment) else item.name: (
                None if isinstance(item, Comment) else shape(item.value)
            )
            for item in node.items
        }
    return [
        f"#{'<' if item.inline else ''}{item.text}" if isinstance(item, Comment) else shape(item)
        for item in node.items
    ]


def yaml(text: str) -> Document:
    return read(text.encode(), "yaml")


# which store


@pytest.mark.parametrize(
    ("path", "format"),
    [
        ("a.yaml", "yaml"), ("a.yml", "yaml"), ("a.json", "json"), ("a.env", "dotenv"), (".env", "dotenv"),
        ("a.ini", "ini"), ("a.YAML", "binary"), (".env.production", "binary"), ("a", "binary"),
    ],
)  # fmt: skip
def test_the_store_is_chosen_by_the_end_of_the_name(path: str, format: str) -> None:
    assert format_of(path) == format


# YAML values


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True), ("TRUE", True), ("yes", "yes"), ("on", "on"), ("~", None), ("", None), ("Null", None),
        ("0x1F", 31), ("0777", 511), ("0o17", 15), ("0b11", 3), ("1_000", 1000), ("-0", 0), ("+5", 5),
        ("08", 8.0), ("0_8", 8.0), ("09.5", 9.5), ("1e400", "1e400"), (".5", 0.5), ("1e3", 1000.0),
        ("1.", 1.0),
        ("12:30:45", "12:30:45"), ("2024-02-30", "2024-02-30"), ("2001-12-14 21:59:43.10 -5",) * 2,
        ("2024-01-02", Time("2024-01-02T00:00:00Z")), ("2024-1-2", Time("2024-01-02T00:00:00Z")),
        ("2001-12-14t21:59:43.10-05:00", Time("2001-12-14T21:59:43.1-05:00")),
        ("2001-12-14 21:59:43.5", Time("2001-12-14T21:59:43.5Z")),
        ("2001-12-14T21:59:43,25+00:00", Time("2001-12-14T21:59:43.25Z")),
        ("9223372036854775807", 2**63 - 1), ("9223372036854775808", 2**63), ("1" * 30, float("1" * 30)),
        ("<<", "<<"), ("-", "-"), (".", "."), ("._1", "._1"), ("0x", "0x"), ("1__2", 12),
    ],
)  # fmt: skip
def test_a_plain_scalar_means_what_go_yaml_makes_of_it(text: str, value: Value) -> None:
    assert plain(text) == value
    assert type(plain(text)) is type(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("!!str 12", "12"), ("!!float 1", 1.0), ("!!int 0x1F", 31), ("!custom 12", "12"), ("'12'", "12"),
        ("!!binary /w==", "\udcff"), ("! 12", 12), ("!!int abc", None), ("!!binary a", None),
    ],
)  # fmt: skip
def test_explicit_tags_are_honoured(text: str, value: Value) -> None:
    assert shape(yaml(f"k: {text}\n").roots[0]) == {"k": value}


@pytest.mark.parametrize(
    ("number", "in_mac", "in_yaml", "in_dotenv"),
    [
        (1.0, "1", "1", "1.0"), (0.5, "0.5", "0.5", "0.5"), (1e21, "1" + "0" * 21, "1e+21", "1E+21"),
        (1e-7, "0.0000001", "1e-07", "1E-07"), (-0.0, "-0", "-0", "-0.0"),
        (123456789.0, "123456789", "1.23456789e+08", "1.23456789E+08"),
        (float("inf"), "+Inf", "+Inf", "+Inf"), (1234.56789, "1234.56789", "1234.56789", "1234.56789"),
    ],
)  # fmt: skip
def test_floats_are_written_as_go_writes_them(
    number: float, in_mac: str, in_yaml: str, in_dotenv: str
) -> None:
    assert (fixed(number), general(number), display(number)) == (in_mac, in_yaml, in_dotenv)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_survives_its_own_digits(number: float) -> None:
    assert float(fixed(number)) == number
    assert float(general(number)) == number


# YAML structure


def test_comments_stand_where_go_yaml_puts_them() -> None:
    text = (
        "# head\n\n# of a\na: 1 # inline\n# foot of a\n\nb:\n  # of c\n  c: x\n  # after c\n"
        "list:\n  # of one\n  - one\n  - two # beside\n# last\n"
    )
    assert shape(yaml(text).roots[0]) == {
        "# head": None, "# of a": None, "#< inline": None, "a": 1, "# foot of a": None,
        "b": {"# of c": None, "c": "x", "# after c": None},
        "list": ["# of one", "one", "#< beside", "two"], "# last": None,
    }  # fmt: skip


def test_a_hash_inside_a_scalar_is_no_comment() -> None:
    text = "a: 'x # y'\nb: |\n  # not\nc: x#y\nd: \"#\"\n"
    assert shape(yaml(text).roots[0]) == {"a": "x # y", "b": "# not\n", "c": "x#y", "d": "#"}


def test_aliases_are_written_out_and_merge_keys_stay() -> None:
    document = yaml("a: &a {x: 1}\nb:\n  <<: *a\n  c: *a\n")
    assert shape(document.roots[0]) == {"a": {"x": 1}, "b": {"<<": {"x": 1}, "c": {"x": 1}}}
    assert [flaw.code for flaw in document.flaws] == ["alias", "alias"]


def test_both_ways_of_reading_yaml_agree() -> None:
    text = "a: &x [1, {b: 2}]\nc: *x\nd: {e: |\n    f}\n".replace("{e: |\n    f}", "'q'")
    with_comment = "#\n" + text
    plain_way, comment_way = yaml(text).roots[0], yaml(with_comment).roots[0]
    assert shape(plain_way) == {k: v for k, v in dict(shape(comment_way)).items() if k != "#"}  # type: ignore[call-overload]


def test_each_document_has_its_own_root() -> None:
    assert [shape(root) for root in yaml("---\na: 1\n---\n---\nb: 2\n").roots] == [{"a": 1}, {}, {"b": 2}]


@pytest.mark.parametrize("text", ["a: 1\na: 2\n", "# c\na: 1\nb: 1\na: 2\n"])
def test_a_duplicate_key_is_a_flaw_and_both_stay(text: str) -> None:
    document = yaml(text)
    assert [flaw.code for flaw in document.flaws] == ["duplicate-key"]
    assert document.flaws[0].line == text.count("\n")
    assert [item.name for item in document.roots[0].entries()].count("a") == 2


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("- a\n", "top-level"), ("x\n", "top-level"), ("", "empty"), ("# only\n", "empty"),
        ("a: [\n", "syntax"),
        ("a: *b\n", "syntax"), ("a: &a [*a]\n", "syntax"), ("a: b: c\n", "syntax"), ("a: \0\n", "syntax"),
        ("# x\na: &a [*a]\n", "syntax"), ("# x\na: *b\n", "syntax"), ("a: 1\n  b: 2 # x\n", "syntax"),
    ],
)  # fmt: skip
def test_what_is_no_yaml_mapping_is_refused_with_a_reason(text: str, code: str) -> None:
    with pytest.raises(Unreadable) as refused:
        yaml(text)
    assert refused.value.code == code


def test_the_place_of_a_syntax_error_is_told_and_nothing_quoted() -> None:
    with pytest.raises(Unreadable) as refused:
        yaml("a: 1\nsecret: 'hunter2\n")
    assert refused.value.line is not None
    assert "hunter2" not in str(refused.value)


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
documents = st.dictionaries(texts, values, min_size=1, max_size=5)


@given(documents)
def test_json_is_read_back_and_its_spans_slice_back(content: dict[str, object]) -> None:
    data = json.dumps(content, ensure_ascii=False).encode()
    root = read(data, "json").roots[0]
    assert shape(root) == content
    for scalar in scalars(root):
        assert json.loads(data[scalar.start : scalar.end]) == scalar.value
        line = data.decode().split("\n")[scalar.line - 1]
        assert line[scalar.column - 1 :].encode().startswith(data[scalar.start : scalar.end].split(b"\n")[0])


# in YAML JSON's pairs of surrogate escapes mean nothing
basic = st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]), max_size=12)


@given(st.dictionaries(basic, basic | st.lists(st.integers() | basic) | st.none(), min_size=1), st.booleans())
def test_yaml_spans_slice_back(content: dict[str, object], commented: bool) -> None:
    # JSON with escapes is YAML; a comment takes the other way of reading
    data = ("# é\n" if commented else "").encode() + json.dumps(content, indent=1).encode()
    root = read(data, "yaml").roots[0]
    for scalar in scalars(root):
        piece = data[scalar.start : scalar.end].decode()
        if isinstance(scalar.value, str):
            assert shape(yaml(f"k: {piece}\n").roots[0]) == {"k": scalar.value}
        else:
            assert plain(piece) == scalar.value


safe = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\u2028\u2029\ufeff"), max_size=12
)
safe_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | safe,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(safe, inner, max_size=4),
    max_leaves=12,
)


def node(value: object) -> Node:
    """A tree from plain values."""
    if isinstance(value, dict):
        mapping = Mapping()
        for key, inner in value.items():
            mapping.add(Item(Scalar(key, 0, 0, 1, 1), node(inner)))
        return mapping
    if isinstance(value, list):
        sequence = Sequence()
        for inner in value:
            sequence.add(node(inner))
        return sequence
    assert value is None or isinstance(value, str | bool | int | float)
    return Scalar(value, 0, 0, 1, 1)


@given(st.dictionaries(safe, safe_values, min_size=1, max_size=5))
def test_what_is_written_as_yaml_is_read_back(content: dict[str, object]) -> None:
    root = node(content)
    assert isinstance(root, Mapping)
    again = shape(read(write_yaml([root]), "yaml").roots[0])
    assert json.dumps(again) == json.dumps(_floats(content))


def _floats(value: object) -> object:
    """A float that prints like an integer is read as one."""
    if isinstance(value, dict):
        return {key: _floats(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_floats(inner) for inner in value]
    if isinstance(value, float):
        return plain(general(value).replace("+Inf", ".inf").replace("-Inf", "-.inf"))
    return value


def test_yaml_is_written_in_the_style_of_go_yaml() -> None:
    document = yaml(
        "s: x # beside\n# foot\n\nb: yes\nn: ~\nt: 'true'\nd: 2024-01-02\nc: 'a: b'\nm: |\n  1\n  2\n"
        "l: [a, {k: v}, []]\n"
        "e: {}\n'on': 1.0\nq: \"tab\\t\"\nu: !!binary /w==\nw: ' x'\nz: '12:30:45'\n"
    )
    assert write_yaml(document.roots).decode() == (
        's: x # beside\n# foot\nb: "yes"\n"n": null\nt: "true"\nd: 2024-01-02T00:00:00Z\nc: \'a: b\'\n'
        "m: |\n    1\n    2\nl:\n    - a\n    - k: v\n    - []\n"
        'e: {}\n"on": 1\nq: "tab\\t"\nu: !!binary /w==\n'
        "w: ' x'\nz: \"12:30:45\"\n"
    )


def test_a_text_that_begins_with_a_tab_is_lost_as_in_sops() -> None:
    assert write_yaml([yaml('k: "\\ta\\nb"\n').roots[0]]) == b"k: null\n"


# JSON


def test_duplicate_keys_and_trailing_text_are_flaws_of_json() -> None:
    document = read(b'{"a": 1, "a": 2} x', "json")
    assert [flaw.code for flaw in document.flaws] == ["duplicate-key", "trailing-data"]
    assert [shape(item.value) for item in document.roots[0].entries()] == [1, 2]


@pytest.mark.parametrize(
    "text", ['{"a": 1, "b":', '{"a": 1, "b"', '{"a": 1, "b": [1, 2', '{"a": 1, "b": [{"c":']
)
def test_a_truncated_object_is_taken_without_its_last_item_as_sops_does(text: str) -> None:
    document = read(text.encode(), "json")
    assert shape(document.roots[0]) == {"a": 1}
    assert [flaw.code for flaw in document.flaws] == ["truncated"]


@pytest.mark.parametrize(
    "text",
    ["", "[1]", '"x"', '{"a": 1', '{"a": 1,', '{"a": {"b":', '{"a": tru', '{"a": 01}', '{"a": 1,}',
     '{a: 1}', '{"a" 1}',
     '{"a": "\t"}', '{"a": "x', '{"a": 1e999}', '{"a": .5}', '{"a": "\\x"}'],
)  # fmt: skip
def test_what_go_refuses_as_json_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        read(text.encode(), "json")


def test_json_numbers_are_integers_where_they_fit() -> None:
    numbers = b'{"a": [9223372036854775807, 9223372036854775808, 1.0, -0, 1e2]}'
    assert repr(shape(read(numbers, "json").roots[0])) == repr(
        {"a": [2**63 - 1, float(2**63), 1.0, 0, 100.0]}
    )


def test_json_is_written_as_go_writes_it() -> None:
    text = '{"a":"<é&>\\u2028\\n","b":[],"c":[1,2.5,1e21,1e-7,null,true],"d":{"e":{}}}'
    assert write_json(read(text.encode(), "json").roots[0]).decode() == (
        '{\n\t"a": "\\u003cé\\u0026\\u003e\\u2028\\n",\n\t"b": [],\n'
        '\t"c": [\n\t\t1,\n\t\t2.5,\n\t\t1e+21,\n\t\t1e-7,\n'
        '\t\tnull,\n\t\ttrue\n\t],\n\t"d": {\n\t\t"e": {}\n\t}\n}\n'
    )


# dotenv


def test_dotenv_trims_nothing_and_quotes_nothing() -> None:
    data = b"# c\nexport A=b\n\n K = 'v' \nM=x\\ny\nE=\nF=a=b\r\n"
    root = read(data, "dotenv").roots[0]
    assert shape(root) == {"# c": None, "export A": "b", " K ": " 'v' ", "M": "x\ny", "E": "", "F": "a=b\r"}
    assert write_dotenv(root) == data.replace(b"\n\n", b"\n")
    with pytest.raises(Unreadable):
        read(b"A=b\nnothing\n", "dotenv")


@given(
    st.dictionaries(st.from_regex(r"[A-Za-z_ é]{1,8}", fullmatch=True), st.binary(max_size=12), max_size=5)
)
def test_dotenv_spans_slice_back(content: dict[str, bytes]) -> None:
    pairs = {key: value.replace(b"\n", b" ").replace(b"\\", b"/") for key, value in content.items()}
    data = b"".join(key.encode() + b"=" + value + b"\n" for key, value in pairs.items())
    for item in read(data, "dotenv").roots[0].entries():
        assert isinstance(item.value, Scalar)
        assert (
            data[item.value.start : item.value.end] == pairs[str(item.name)] == plain_bytes(item.value.value)
        )
        assert data[item.key.start : item.key.end] == str(item.name).encode()


# INI


def test_ini_is_read_with_the_quirks_of_go_ini() -> None:
    data = (
        b'top = 1\n; about s\n[s] # beside\n; about k\nk = pa#ss\nq = "quoted"\n'
        b'e = `a#b;c`\nm = """one\ntwo"""\n'
        b"c = a \\\n  b\n: = 2\n"
    )
    with pytest.raises(Unreadable):
        read(data, "ini")
    root = read(data.replace(b": = 2\n", b""), "ini").roots[0]
    assert shape(root) == {
        "DEFAULT": {"top": "1"},
        "s": {
            "#about s\n# beside": None, "k": "pa", "#about k\n#ss": None, "q": "quoted",
            "e": "a#b;c", "m": "one\ntwo",
            "c": "a b",
        },
    }  # fmt: skip


def test_ini_is_written_as_go_ini_writes_it() -> None:
    data = b't = 1\n\n; head\n[s]\n; note\nkey = v\nlonger = a;b\nm = """x\ny"""\nsp = " z "\n'
    assert write_ini(read(data, "ini").roots[0]) == (
        b't = 1\n\n; head\n[s]\n; note\nkey    = v\n; b\nlonger = a\nm      = """x\ny"""\nsp     = " z "\n'
    )


@given(
    st.dictionaries(
        st.from_regex(r"[a-z]{1,6}", fullmatch=True), st.from_regex(r"[A-Za-z0-9+/=é]{1,9}", fullmatch=True)
    )
)
def test_ini_spans_slice_back(content: dict[str, str]) -> None:
    data = b"[s]\n" + b"".join(f"  {key} =  {value}\n".encode() for key, value in content.items())
    section = read(data, "ini").roots[0].get("s")
    assert isinstance(section, Mapping)
    for item in section.entries():
        assert isinstance(item.value, Scalar)
        assert data[item.value.start : item.value.end].decode() == content[str(item.name)] == item.value.value
        assert data[item.key.start : item.key.end].decode() == item.name


# hostile input


def _bomb(commented: bool) -> bytes:
    lines = ["# c"] if commented else []
    lines.append("a0: &a0 [x, x, x, x, x, x, x, x, x]")
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    return "\n".join(lines).encode()


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("a bomb of aliases", _bomb(False), "too-large"),
        ("a bomb with a comment", _bomb(True), "too-large"),
        ("a thousand flow levels", b"a: " + b"[" * 1000 + b"]" * 1000, "too-deep"),
        ("a thousand levels and a comment", b"# c\na: " + b"[" * 1000 + b"]" * 1000, "too-deep"),
        ("a thousand block levels", b"\n".join(b" " * n + b"a:" for n in range(1000)), "too-deep"),
        (
            "levels through aliases",
            b"\n".join(
                b"a%d: &a%d [[[[[[[[[[%s]]]]]]]]]]" % (n, n, b"*a%d" % (n - 1) if n else b"")
                for n in range(60)
            ),
            "too-deep",
        ),
        ("not UTF-8", b"a: \xff\n", "encoding"),
        ("a NUL", b"a: x\0y\n", "syntax"),
        ("many values", b"".join(b"k%d: x\n" % n for n in range(300_000)), "too-large"),
        ("many comments", b"#\n" * 600_000 + b"a: 1\n", "too-large"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_hostile_yaml_ends_in_a_clear_refusal(name: str, data: bytes, code: str) -> None:
    started = time.process_time()
    with pytest.raises(Unreadable) as refused:
        read(data, "yaml")
    assert refused.value.code == code, name
    assert time.process_time() - started < 10


@pytest.mark.parametrize("format", ["json", "yaml"])
def test_a_thousand_levels_of_json_are_too_deep(format: str) -> None:
    with pytest.raises(Unreadable) as refused:
        read(b'{"a":' * 1000 + b"1" + b"}" * 1000, format)
    assert refused.value.code == "too-deep"


def test_a_huge_value_is_read_in_bounded_time() -> None:
    value = b"A" * 10_000_000
    started = time.process_time()
    assert read(b'{"a": "' + value + b'"}', "json").roots[0].size == 1
    assert read(b"a: " + value + b"\n", "yaml").roots[0].size == 1
    assert read(b"A=" + value + b"\n", "dotenv").roots[0].size == 1
    assert time.process_time() - started < 10


@given(st.binary(max_size=200), st.sampled_from(["yaml", "json", "dotenv", "ini", "binary"]))
def test_any_bytes_are_read_or_refused(data: bytes, format: str) -> None:
    try:
        document = read(data, format)
    except Unreadable as refused:
        codes = {"encoding", "syntax", "top-level", "empty", "too-deep", "too-large"}
        assert refused.code in codes  # noqa: PT017
    else:
        assert document.roots


pieces = st.sampled_from(
    ["a", "b", ": ", ":", "\n", "\n  ", "\n    ", "- ", "# c", " # d", "'", '"', "|\n", ">", "[", "]", "{",
     "}", ", ", "&x ", "*x", "!!int ", "---\n", "...\n", "? ", "<<", "1", "\t", "\r\n", "é", "\u2028",
     "%YAML 1.1\n"]
)  # fmt: skip


@given(st.lists(pieces, max_size=40).map("".join))
def test_any_yaml_like_text_is_read_or_refused(text: str) -> None:
    try:
        document = yaml(text)
    except Unreadable:
        return
    for root in document.roots:
        for scalar in scalars(root):
            assert 0 <= scalar.start <= scalar.end <= len(text.encode())


def test_no_value_shows_in_a_repr() -> None:
    root = yaml("# hunter1\nkey: hunter2\nl: [hunter3]\nd: 2024-01-02\n").roots[0]
    shown = repr([root, root.items, list(scalars(root))])
    assert not any(secret in shown for secret in ("hunter", "2024"))
