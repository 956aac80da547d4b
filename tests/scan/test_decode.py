"""Encodings: what is opened is what was encoded, spans point back, damage and bombs are survived."""

import base64
import bz2
import gzip
import lzma
import os
import zlib
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sopsguard.keys import age
from sopsguard.scan import Scanner, decode

SECRET = age.generate_identity().secret.encode()
SCANNER = Scanner()

ENCODINGS: dict[str, Callable[[bytes], bytes]] = {
    "base64": base64.b64encode,
    "base64 for URLs": lambda data: base64.urlsafe_b64encode(data).rstrip(b"="),
    "base64 in lines": base64.encodebytes,
    "base64 in indented lines": lambda data: base64.encodebytes(data).replace(b"\n", b"\n    "),
    "base64 in a data URL": lambda data: b"data:text/plain;base64," + base64.b64encode(data),
    "base64 behind a path": lambda data: b"https://example.org/p/" + base64.b64encode(data),
    "base64 behind an escaped newline": lambda data: b'"\\n' + base64.b64encode(data) + b'\\n"',
    "hex": base64.b16encode,
    "hex in small letters": lambda data: data.hex().encode(),
    "percent": lambda data: "".join(f"%{byte:02X}" for byte in data).encode(),
    "percent where needed": lambda data: (
        b"https://example.org/?q=" + quote(b"// " + data + b" //", safe="").encode()
    ),
    "gzip": gzip.compress,
    "gzip in two members": lambda data: gzip.compress(b"first\n") + gzip.compress(data),
    "zlib": zlib.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "utf-16": lambda data: data.decode().encode("utf-16"),
    "utf-16 without a mark": lambda data: data.decode().encode("utf-16-le"),
    "utf-16 the other way round": lambda data: data.decode().encode("utf-16-be"),
    "utf-32": lambda data: data.decode().encode("utf-32"),
    "utf-32 without a mark": lambda data: data.decode().encode("utf-32-le"),
}


@pytest.mark.parametrize("name", ENCODINGS)
def test_a_secret_is_found_inside_every_encoding(name: str) -> None:
    data = ENCODINGS[name](b"key: " + SECRET + b"\n")
    (hit,) = SCANNER.hits(data, "x")
    assert hit.secret == SECRET
    assert hit.layers == () if name.startswith("percent where") else hit.layers
    assert 0 <= hit.start < hit.end <= len(data)


@pytest.mark.parametrize("outer", ["base64", "base64 in lines", "hex", "percent", "utf-16"])
@pytest.mark.parametrize("inner", ["base64", "hex", "gzip", "xz", "utf-16"])
def test_encodings_nest(outer: str, inner: str) -> None:
    data = ENCODINGS[inner](b"key: " + SECRET + b"\n")
    if inner in ("gzip", "xz", "utf-16") and outer == "utf-16":
        data = base64.b64encode(data)
    hits = SCANNER.hits(ENCODINGS[outer](data), "x")
    assert [hit.secret for hit in hits] == [SECRET]


@given(
    st.text(max_size=60),
    st.text(max_size=60),
    st.sampled_from(["utf-16", "utf-16-le", "utf-16-be", "utf-32"]),
)
def test_spans_in_utf_16_and_32_point_at_the_same_characters(before: str, behind: str, codec: str) -> None:
    before = before.encode(errors="ignore").decode()
    behind = behind.encode(errors="ignore").decode()
    text = f"{before}\nkey {SECRET.decode()} {behind}"
    data = ("\ufeff" if codec in ("utf-16-le", "utf-16-be") else "").encode(codec) + text.encode(codec)
    (hit,) = (hit for hit in SCANNER.hits(data, "x") if hit.kind == "age-identity")
    unit = codec.removesuffix("-le").removesuffix("-be")
    order = codec if codec.endswith("e") else f"{unit}-le"
    assert data[hit.start : hit.end].decode(order) == SECRET.decode()


@given(st.binary(max_size=3000))
def test_what_is_compressed_comes_out_again(data: bytes) -> None:
    for name, pack in (
        ("gzip", gzip.compress),
        ("bzip2", bz2.compress),
        ("xz", lzma.compress),
        ("zlib", zlib.compress),
    ):
        assert decode.inflated(pack(data)) == ((name, data, True) if data else None)


def test_a_bomb_is_cut_at_the_bound_and_said_to_be() -> None:
    for pack in (gzip.compress, bz2.compress, lzma.compress):
        opened = decode.inflated(pack(bytes(1 << 20)), limit=1 << 16)
        assert opened is not None
        _, content, whole = opened
        assert (len(content), whole) == (1 << 16, False)


def test_of_a_damaged_stream_what_stands_before_the_damage_is_read() -> None:
    noise = base64.b16encode(os.urandom(20_000))
    data = bytearray(gzip.compress(SECRET + b"\n" + noise))
    data[-2000:-1990] = bytes(10)
    assert [hit.kind for hit in SCANNER.hits(bytes(data), "x.gz")] == ["age-identity"]
    assert [hit.kind for hit in SCANNER.hits(bytes(data[:-5000]), "x.gz")] == ["age-identity"]


@given(st.binary(max_size=300))
def test_no_header_makes_damaged_streams_raise(rest: bytes) -> None:
    for magic in (
        b"\x1f\x8b\x08",
        b"\x78\x9c",
        b"BZh9",
        b"\xfd7zXZ\0",
        b"\x28\xb5\x2f\xfd",
        b"\xff\xfe",
        b"\xff\xfe\0\0",
    ):
        SCANNER.scan(magic + rest, "x")


@given(st.binary(min_size=30, max_size=400).map(lambda data: b"a readable text " + data), st.integers(40, 90))
def test_wrapped_base64_is_read_as_one(data: bytes, width: int) -> None:
    width -= width % 4
    encoded = base64.b64encode(data)
    lines = [encoded[at : at + width] for at in range(0, len(encoded), width)]
    text = b"x:\n  " + b"\n  ".join(lines) + b"\n"
    first, *_ = decode.runs(text, decode.words(text))
    assert first.data == data


@given(st.binary(max_size=600))
def test_words_are_exactly_the_long_stretches_of_the_alphabet(data: bytes) -> None:
    import re

    data = data.replace(b"\0", b"A" * 40)
    expected = [m.span() for m in re.finditer(rb"[A-Za-z0-9+/_-]{32,}", data)]
    assert decode.words(data) == expected


@given(st.text(alphabet='abn\\rt"\n', max_size=80).map(str.encode))
def test_unescaping_keeps_every_place(text: bytes) -> None:
    opened = decode.unescaped(text)
    assert len(opened) == len(text)
    assert b"\\n" not in opened


def test_ciphertext_is_blanked_in_place_and_only_where_its_grammar_is_complete() -> None:
    iv, tag = base64.b64encode(bytes(32)), base64.b64encode(bytes(16))
    token = b"ENC[AES256_GCM,data:QUJD,iv:" + iv + b",tag:" + tag + b",type:str]"
    blanked = decode.without_ciphertext(b"a: " + token + b"\nb: c\n")
    assert blanked == b"a: ENC[" + b"*" * (len(token) - 5) + b"]\nb: c\n"
    for odd in (token.replace(b"type:str", b"type:word"), token.replace(b"iv:", b"vi:"), token[:-1]):
        assert decode.without_ciphertext(odd) == odd


def test_a_hash_is_not_opened() -> None:
    digest = os.urandom(64)
    texts = (digest.hex().encode(), b"sha512-" + base64.b64encode(b"\x80" + digest))
    for text in texts:
        assert list(decode.runs(text, decode.words(text))) == []


def test_the_work_inside_one_text_is_bounded() -> None:
    blob = base64.b64encode(gzip.compress(b"harmless text " * 1_100_000))
    result = SCANNER.scan(b"".join(b"%d: %s\n" % (number, blob) for number in range(4)), "x")
    assert "too much encoded data" in [problem.reason for problem in result.unknown]
