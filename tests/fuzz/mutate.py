"""Inputs that were made to hurt: valid samples changed, spliced and nested, and structures out of nothing."""

# ruff: noqa: E501  (tables of pieces)

import base64
import bz2
import gzip
import lzma
from collections.abc import Sequence
from random import Random

from tests.fuzz.samples import TOKENS, enc

LONGEST = 1 << 16


def mutated(rng: Random, samples: Sequence[bytes]) -> bytes:
    """A sample with a few changes, or rarely something that no sample resembles."""
    kind = rng.random()
    if kind < 0.08:
        return structure(rng)
    if kind < 0.11:
        return rng.randbytes(rng.randrange(300))
    if kind < 0.14:
        return b"".join(
            rng.choice(TOKENS) + rng.choice((b"", b" ", b"\n")) for _ in range(rng.randrange(200))
        )
    data = rng.choice(samples)
    for _ in range(rng.choice((1, 1, 2, 3, 5, 10, 30))):
        data = _change(rng, data, samples)
        if len(data) > LONGEST:
            data = data[:LONGEST]
    return data


def _span(rng: Random, data: bytes) -> tuple[int, int]:
    start = rng.randrange(len(data) + 1)
    return start, min(len(data), start + rng.choice((1, 1, 2, 4, 8, 16, 60, 300, 2000)))


def _change(rng: Random, data: bytes, samples: Sequence[bytes]) -> bytes:
    start, end = _span(rng, data)
    part = data[start:end]
    match rng.randrange(16):
        case 0:  # flip a bit
            if start == len(data):
                return data
            return data[:start] + bytes([data[start] ^ 1 << rng.randrange(8)]) + data[start + 1 :]
        case 1:
            return (
                data[:start]
                + bytes([rng.choice((0, 9, 10, 13, 32, 34, 39, 92, 127, 128, 255))])
                + data[start + 1 :]
            )
        case 2:
            return data[:start] + data[end:]
        case 3:
            return data[:start] + part + data[start:]
        case 4 | 5:
            return data[:start] + rng.choice(TOKENS) + data[start:]
        case 6:
            return data[:start] + rng.choice(TOKENS) + data[end:]
        case 7:  # splice
            other = rng.choice(samples)
            cut = rng.randrange(len(other) + 1)
            return data[:start] + other[cut:]
        case 8:
            return data[:start]
        case 9:  # many times the same
            times = rng.choice((3, 10, 100, 1000, 20000))
            return data[:start] + (part or b"a") * min(times, LONGEST // max(1, len(part))) + data[end:]
        case 10:  # deep
            opening, closing = rng.choice(((b"[", b"]"), (b"{", b"}"), (b"(", b")"), (b"{a:", b"}"), (b"- ", b""), (b'{"a":', b"}"),
                                           (b"a = {", b"};"), (b"${", b"}"), (b"let a=", b"; in a"), (b"x: ", b""), (b"0\x80", b"\0\0")))  # fmt: skip
            depth = rng.choice((5, 60, 500, 5000))
            return data[:start] + opening * depth + part + closing * rng.choice((0, depth)) + data[end:]
        case 11:
            lines = data.split(b"\n")
            at, to = rng.randrange(len(lines)), rng.randrange(len(lines))
            lines[at], lines[to] = lines[to], lines[at]
            if rng.random() < 0.5:
                lines.insert(at, lines[to])
            return b"\n".join(lines)
        case 12:
            indent = rng.choice((b" ", b"  ", b"\t", b"#", b"- ", b"> ", b"+"))
            return data[:start] + part.replace(b"\n", b"\n" + indent) + data[end:]
        case 13:
            return data[:start] + _wrapped(rng, part) + data[end:]
        case 14:
            return _wrapped(rng, data)
        case _:
            return (
                data[:start]
                + rng.choice((part.upper(), part.lower(), part[::-1], part.replace(b"\n", b"\r\n")))
                + data[end:]
            )


def _wrapped(rng: Random, data: bytes) -> bytes:
    match rng.randrange(10):
        case 0:
            return base64.b64encode(data)
        case 1:
            return base64.encodebytes(data)
        case 2:
            return base64.urlsafe_b64encode(data).rstrip(b"=")
        case 3:
            return data.hex().encode()
        case 4:
            return gzip.compress(data, mtime=0)
        case 5:
            return data.decode("latin-1").encode(
                rng.choice(("utf-16", "utf-16-be", "utf-32", "utf-32-be", "utf-8-sig"))
            )
        case 6:
            return "".join(f"%{b:02X}" for b in data[:3000]).encode()
        case 7:
            return data.replace(b"\n", b"\\n").replace(b'"', b'\\"')
        case 8:
            return bz2.compress(data[:2000])
        case _:
            return lzma.compress(data[:2000], preset=0)


def structure(rng: Random) -> bytes:
    """A document of random structure in YAML, JSON, Nix, DER or OpenPGP packets."""
    match rng.randrange(5):
        case 0:
            return _yaml(rng, 0, [60]).encode("utf-8", "surrogateescape")
        case 1:
            return _json(rng, 0, [80]).encode("utf-8", "surrogateescape")
        case 2:
            return _nix(rng, 0, [80]).encode("utf-8", "surrogateescape")
        case 3:
            return _der(rng, 0, [40])
        case _:
            return b"".join(_packet(rng) for _ in range(rng.randrange(1, 12)))


_NAMES = ("a", "data", "stringData", "sops", "age", "enc", "recipient", "mac", "version", "kind", "password", "privateKey",
          "token", "creation_rules", "path_regex", "key_groups", "keys", "lastmodified", "waivers", "levels", "rule", "until",
          "users", "hashedPassword", "environment", "secrets", "<<", "", "é", "sops.secrets", "__proto__", "1", "null")  # fmt: skip


def _word(rng: Random) -> str:
    match rng.randrange(8):
        case 0:
            return enc(rng, kind=rng.choice(("str", "int", "float", "bytes", "bool", "comment", "time", "x")))
        case 1:
            return str(
                rng.choice(
                    (
                        0,
                        -1,
                        1 << 64,
                        1e308,
                        "1e999",
                        "0x1f",
                        "0b2",
                        "1_0",
                        ".inf",
                        ".nan",
                        "12:30:45",
                        "2026-13-40",
                    )
                )
            )
        case 2:
            return rng.choice(
                ("true", "null", "~", "", "Secret", "List", "3.9.4", "yes", "Ünï", "\u2028", "\ufeff", "\x85")
            )
        case 3:
            return base64.b64encode(rng.randbytes(rng.randrange(60))).decode()
        case 4:
            return rng.choice(TOKENS).decode("utf-8", "surrogateescape")
        case _:
            return rng.choice(_NAMES)


def _yaml(rng: Random, depth: int, left: list[int]) -> str:
    pad = " " * (depth * rng.choice((1, 2, 2, 4)))
    left[0] -= 1
    if depth > 8 or left[0] < 0 or rng.random() < 0.2:
        mark = rng.choice(
            ("", "", "", "&x ", "*x ", "!!str ", "!!binary ", "!t ", "? ", "|\n" + pad, ">2-\n" + pad)
        )
        quote = rng.choice(("", "", "'", '"'))
        return f" {mark}{quote}{_word(rng)}{quote}{rng.choice(('', '', ' # c', ' #' + enc(rng, kind='comment')))}\n"
    lines = ["\n"]
    for _ in range(rng.randrange(1, 5)):
        start = rng.choice(
            (
                f"{_word(rng)}:",
                f"{rng.choice(_NAMES)}:",
                f"{rng.choice(_NAMES)}:",
                "-",
                "- -",
                f"? {_word(rng)}\n{pad}:",
            )
        )
        lines.append(f"{pad}{start}{_yaml(rng, depth + 1, left)}")
    if rng.random() < 0.05:
        lines.append("---\n")
    return "".join(lines)


def _json(rng: Random, depth: int, left: list[int]) -> str:
    left[0] -= 1
    if depth > 10 or left[0] < 0 or rng.random() < 0.25:
        word = _word(rng)
        return rng.choice(
            (
                f'"{word}"',
                f'"{word}"',
                word,
                "null",
                "-0.0e-5",
                '"\\ud83d"',
                '"\\u00zz"',
                "1" * rng.choice((3, 400)),
            )
        )
    count = rng.randrange(5)
    if rng.random() < 0.6:
        return (
            "{"
            + ",".join(f'"{rng.choice(_NAMES)}":{_json(rng, depth + 1, left)}' for _ in range(count))
            + "}"
        )
    return (
        "["
        + ", ".join(_json(rng, depth + 1, left) for _ in range(count))
        + rng.choice(("]", "]", "]", ",]", ""))
    )


def _nix(rng: Random, depth: int, left: list[int]) -> str:
    left[0] -= 1
    name = rng.choice(
        (
            "a",
            "config",
            "password",
            "privateKey",
            "users",
            "sops",
            "secrets",
            '"x.y"',
            "${b}",
            "lib",
            "builtins",
        )
    )
    if depth > 12 or left[0] < 0:
        return rng.choice(
            (
                name,
                f'"{_word(rng)}"',
                f"''{_word(rng)}''",
                "./a.nix",
                "<nixpkgs>",
                "1",
                "null",
                "''${",
                "a.b or c",
            )
        )

    def more() -> str:
        return _nix(rng, depth + 1, left)

    match rng.randrange(14):
        case 0:
            bindings = "".join(
                f"{name}.{rng.choice(_NAMES) or 'z'} = {more()};" for _ in range(rng.randrange(5))
            )
            return (
                rng.choice(("", "rec "))
                + "{"
                + bindings
                + rng.choice(("", "inherit a;", "inherit (b) a;"))
                + "}"
            )
        case 1:
            return f"let {name} = {more()}; in {more()}"
        case 2:
            return f"({more()} {rng.choice(('+', '++', '//', '==', '->', '?', '|>'))} {more()})"
        case 3:
            return f"({{ a, b ? {more()}, ... }}@args: {more()})"
        case 4:
            return f"(x: {more()})"
        case 5:
            return f"[ {more()} {more()} ]"
        case 6:
            return f'"${{{more()}}}{_word(rng)}"'
        case 7:
            return f"''\n  ${{{more()}}}\n {_word(rng)}''"
        case 8:
            return f"with {more()}; {more()}"
        case 9:
            return f"if {more()} then {more()} else {more()}"
        case 10:
            return f"({rng.choice(('import', 'map', 'lib.mkIf', 'lib.genAttrs', 'builtins.toFile', 'builtins.mapAttrs', 'a'))} {more()} {more()})"
        case 11:
            return f"{{ {name} = {name}; }}.{name}"
        case 12:
            return f"let a = b; b = a; in a.{name}"
        case _:
            return f"assert {more()}; {more()}"


def _der(rng: Random, depth: int, left: list[int]) -> bytes:
    left[0] -= 1
    if depth > 12 or left[0] < 0 or rng.random() < 0.3:
        tag, body = rng.choice((2, 3, 4, 5, 6, 0x0C)), rng.randbytes(rng.choice((0, 1, 3, 32, 65, 300)))
    else:
        tag = rng.choice((0x30, 0x30, 0x31, 0xA0, 0xA1, 4))
        body = b"".join(_der(rng, depth + 1, left) for _ in range(rng.randrange(5)))
    return bytes([tag]) + _length(rng, len(body)) + body


def _length(rng: Random, size: int) -> bytes:
    size += rng.choice((0,) * 12 + (1, -1, 1 << 20))
    size = max(0, size)
    if size < 0x80 and rng.random() < 0.9:
        return bytes([size])
    if rng.random() < 0.03:
        return rng.choice((b"\x80", b"\x8f" + b"\xff" * 15, b"\xff"))
    wide = max(1, (size.bit_length() + 7) // 8)
    return bytes([0x80 | wide]) + size.to_bytes(wide, "big")


def _packet(rng: Random) -> bytes:
    tag = rng.choice((2, 5, 5, 6, 7, 7, 13, 14, 17, 18, 21, 63, rng.randrange(64)))
    algorithm = rng.choice((1, 16, 17, 18, 19, 22, 25, 26, 27, 28, 99))
    body = bytes([rng.choice((2, 3, 4, 5, 6))]) + rng.randbytes(4) + bytes([algorithm])
    for _ in range(rng.randrange(6)):
        body += rng.choice((
            rng.randrange(70000).to_bytes(3, "big")[1:] + rng.randbytes(rng.choice((0, 20, 32))),
            bytes.fromhex("092b06010401da470f01"), bytes.fromhex("0a2b060104019755010501"), b"\0", b"\xfe\x09\x03\x08", b"\xff",
        ))  # fmt: skip
    match rng.randrange(4):
        case 0:
            return bytes([0x80 | (tag & 15) << 2 | 1]) + len(body).to_bytes(2, "big") + body
        case 1:
            return (
                bytes([0xC0 | tag & 63, 255])
                + (len(body) + rng.choice((0, 0, 5, 1 << 31))).to_bytes(4, "big")
                + body
            )
        case 2:
            return bytes([0xC0 | tag & 63, 0xE0 | rng.randrange(31)]) + body
        case _:
            return bytes([0xC0 | tag & 63, min(191, len(body))]) + body
