"""Nix string literals decoded exactly as Nix does: escapes, and the indentation of `''…''`."""

import re
from collections.abc import Iterable, Iterator

# The tokens of Nix's lexer (nix 2.24, src/libexpr/lexer.l) inside `''…''` that are not plain text.
_INDENTED_ESCAPE = rb"''(?:\$|'|\\(?s:(.)))"
_QUOTED_ESCAPE = rb"\\(?s:(.))|\r\n?"
_LETTERS = {b"n": b"\n", b"r": b"\r", b"t": b"\t"}


def quoted(raw: bytes) -> bytes:
    if b"\\" not in raw and b"\r" not in raw:
        return raw

    def decoded(match: re.Match[bytes]) -> bytes:
        char = match[1]
        return b"\n" if char is None else _LETTERS.get(char, char)

    return re.sub(_QUOTED_ESCAPE, decoded, raw)


def _indented_tokens(raw: bytes) -> Iterator[tuple[bytes, bool]]:
    """Text and whether its spaces count as indentation (those of escapes do not)."""
    end = 0
    for match in re.finditer(_INDENTED_ESCAPE, raw):
        if match.start() > end:
            yield raw[end : match.start()], True
        end = match.end()
        char = match[1]
        if char is not None:
            yield _LETTERS.get(char, char), False
        else:
            yield (b"$" if match[0].endswith(b"$") else b"''"), False
    if end < len(raw):
        yield raw[end:], True


def dedented(raws: list[bytes | None]) -> tuple[bytes | None, ...]:
    """The parts of an `''indented''` string without the common indentation, as Nix strips it
    (nix 2.24, `ParserState::stripIndentation`): only spaces count, lines of nothing but spaces do not,
    an interpolation or escape ends the indentation, a last line of spaces is dropped."""
    if raws and raws[0] is not None:
        raws[0] = re.sub(rb"\A *\n", b"", raws[0], count=1)
    tokens: list[tuple[bytes | None, bool]] = []
    for raw in raws:
        if raw is None:
            tokens.append((None, False))
        else:
            tokens.extend(_indented_tokens(raw))

    least, indent, fresh = 1_000_000, 0, True
    for text, indents in tokens:
        if text is None or not indents:
            if fresh:
                fresh, least = False, min(least, indent)
            continue
        for number, line in enumerate(text.split(b"\n")):
            if number:
                fresh, indent = True, 0
            if fresh:
                rest = line.lstrip(b" ")
                indent += len(line) - len(rest)
                if rest:
                    fresh, least = False, min(least, indent)

    parts: list[bytes | None] = []
    fresh, dropped = True, 0
    for text, _ in tokens:
        if text is None:
            fresh, dropped = False, 0
            parts.append(None)
            continue
        lines = text.split(b"\n")
        for number, line in enumerate(lines):
            if number:
                fresh, dropped = True, 0
            if fresh:
                rest = line.lstrip(b" ")
                spaces = len(line) - len(rest)
                kept = max(0, dropped + spaces - max(dropped, least))
                lines[number] = b" " * kept + rest
                dropped += spaces
                if rest:
                    fresh, dropped = False, 0
        parts.append(b"\n".join(lines))
    if parts and parts[-1] is not None:
        head, newline, tail = parts[-1].rpartition(b"\n")
        if newline and not tail.strip(b" "):
            parts[-1] = head + newline
    return merged(parts)


def merged(parts: Iterable[bytes | None]) -> tuple[bytes | None, ...]:
    """Neighbouring text joined, neighbouring holes kept as one."""
    merged: list[bytes | None] = []
    run: list[bytes] = []
    for part in parts:
        if part is not None:
            if part:
                run.append(part)
            continue
        if run:
            merged.append(b"".join(run))
            run = []
        if not merged or merged[-1] is not None:
            merged.append(None)
    if run:
        merged.append(b"".join(run))
    return tuple(merged)
