"""Kubernetes manifests of kind Secret whose values are in clear, read line by line.

No YAML parser: manifests with tabs, templates or damage are manifests too, and loading one would cost
more than the whole scan of a small file.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sopsguard.model import Confidence
from sopsguard.scan.hit import KUBERNETES, Hit

_KIND = r"(?m)^([ \t]*(?:- +)*)[\"']?kind[\"']?[ \t]*:[ \t]*[\"']?Secret[\"']?[ \t\r,]*(?:#[^\n]*)?$"
_JSON_KIND = r"\"kind\"\s{0,8}:\s{0,8}\"Secret\""
_LINE = r"([ \t]*(?:- +)*)(?:[\"']?([A-Za-z0-9_.-]{1,253})[\"']?[ \t]*:(?=[ \t\r]|$))?[ \t]*(.*)"
_JSON_DATA = r"\"(data|stringData)\"\s*:\s*\{"
_JSON_PAIR = r"\s*,?\s*\"((?:[^\"\\]|\\.){1,253})\"\s*:\s*(?:\"((?:[^\"\\]|\\.)*)\"|[^,}\"]*)"
_BRACE = r"[{}]|\"(?:[^\"\\\n]|\\.){0,100000}\""  # a brace in a string is none
_TEMPLATE = (
    r"\{\{|[$#]\{|\[\[|#%|\$\(|<%|\{%|<path:|<\w*(?:secret|vault|your|password|token|key|value|here|base64)[^>]*>"
    r"|^(?:ref\+|vault:|secretref:|op://|AVP|ENC\[|\$[A-Z_]+$|!)|^<[\w .-]+>$"
)
_MARKUP = r"\{\{|#\{|\{%|#%|<%"
_PUBLIC = r"(?:(?:\S+ )?(?:ssh-|ecdsa-|sk-)\S+ AAAA\S+[^\n]*\s*)+"
_PLACEHOLDER = (
    r"(?i)\A[\s*.x_-]*\Z|\A(?:change|replace|insert|fill|put|set|your|my|todo|tbd|example|dummy|placeholder|redacted"
    r"|none|null|nil|n/a|foo|bar|foobar|test|omitted|secret|password|value|true|false|empty)[\w .-]{0,40}\Z"
    r"|base64[- _]?encoded|\.\.\.|…|REPLACE|CHANGE_?ME|PLACEHOLDER|REDACTED"
)
_compiled: dict[str, re.Pattern[bytes]] = {}


def _re(pattern: str) -> re.Pattern[bytes]:
    """Compiled when first needed: most files never get here."""
    if pattern not in _compiled:
        _compiled[pattern] = re.compile(pattern.encode())
    return _compiled[pattern]


class _Line(NamedTuple):
    start: int  # of the value
    end: int
    indent: int
    key: bytes
    value: bytes
    blank: bool

    def __repr__(self) -> str:
        return f"_Line({self.start}, {self.end})"


def secrets(text: bytes, positions: Sequence[int]) -> Iterator[Hit]:
    """A hit for each clear value of the Secrets whose `kind` stands at `positions`."""
    done = -1
    objects: list[int] = []
    read: dict[int, int] = {}  # column of a mapping → where the last one read there ends
    for at in sorted(positions):
        if at < done:
            continue
        line_start = text.rfind(b"\n", 0, at) + 1
        match = _re(_KIND).match(text, line_start)
        if match is not None:
            done = match.end()
            column = len(match[1].expandtabs(2))
            if line_start >= read.get(column, 0):  # else a second `kind` of the same mapping
                lines = _mapping(text, line_start, column)
                read[column] = lines[-1].end
                yield from _yaml(text, lines, column)
            continue
        json = _re(_JSON_KIND).match(text, at)
        if json is not None:
            done = json.end()
            objects.append(at)
    if objects:
        yield from _json(text, objects)


def _yaml(text: bytes, lines: list[_Line], column: int) -> Iterator[Hit]:
    """Values of the mapping of these lines, whose keys stand at `column`."""
    # Beside placeholders of a template the plain values are mostly samples too.
    template = _re(_MARKUP).search(text, lines[0].start, lines[-1].end) is not None
    for number, line in enumerate(lines):
        if line.indent != column or line.key not in (b"data", b"stringData"):
            continue
        values = list(_children(lines[number + 1 :], column))
        if line.value.startswith(b"{"):
            yield from _json_values(text, line.key, line.start + 1, line.start + len(line.value))
        for key, value, start, end in values:
            for hit in _judged(line.key, key, value, start, end):
                yield hit._replace(confidence=Confidence.POSSIBLE) if template else hit


def _mapping(text: bytes, at: int, column: int) -> list[_Line]:
    """The lines of the mapping around `at`: as far as nothing stands left of `column`."""
    before: list[_Line] = []
    start = at
    first = _parsed(text, at)
    while start > 0 and len(before) < 5000 and not _begins_item(text, start, column):
        stop, start = start - 1, text.rfind(b"\n", 0, start - 1) + 1
        line = _parsed(text, start)
        if not line.blank and (line.indent < column or text[start:stop].rstrip() in (b"---", b"...")):
            break
        before.append(line)
    after: list[_Line] = []
    start = text.find(b"\n", at) + 1
    while 0 < start < len(text) and len(after) < 5000:
        line = _parsed(text, start)
        bare = text[start : start + 4].rstrip()
        if not line.blank and (
            line.indent < column or bare in (b"---", b"...") or _begins_item(text, start, column)
        ):
            break
        after.append(line)
        start = text.find(b"\n", start) + 1
    return [*reversed(before), first, *after]


def _begins_item(text: bytes, start: int, column: int) -> bool:
    """Whether the line at `start` begins the list item whose mapping stands at `column`."""
    dash = text[start : start + column].expandtabs(2)[:column]
    return b"-" in dash and not dash.strip(b" -")


def _parsed(text: bytes, start: int) -> _Line:
    end = text.find(b"\n", start)
    if end < 0:
        end = len(text)
    match = _re(_LINE).match(text, start, min(end, start + (1 << 20)))
    if match is None:  # it matches anything
        return _Line(start, end, 0, b"", b"", True)
    value = match[3].rstrip()
    blank = not match[2] and (not value or value.startswith(b"#"))
    indent = len(match[1].expandtabs(2))
    return _Line(match.start(3), match.start(3) + len(value), indent, match[2] or b"", value, blank)


def _children(lines: Sequence[_Line], column: int) -> Iterator[tuple[bytes, bytes, int, int]]:
    """(key, value, start, end) of the entries below a key at `column`, block scalars joined."""
    inner = next((line.indent for line in lines if not line.blank), 0)
    if inner <= column:
        return
    key, start, end = b"", 0, 0
    parts: list[bytes] = []
    for line in lines:
        if line.blank:
            continue
        if line.indent <= column:
            break
        if line.indent == inner and line.key:
            if parts:
                yield key, b"\n".join(parts), start, end
            key, start, end = line.key, line.start, line.end
            block = line.value[:1] in (b"|", b">") and len(line.value) < 6
            parts = [] if block or not line.value else [line.value]
        elif key:
            if not parts:
                start = line.start
            parts.append((line.key + b": " if line.key else b"") + line.value)
            end = line.end
    if parts:
        yield key, b"\n".join(parts), start, end


def _json(text: bytes, kinds: Sequence[int]) -> Iterator[Hit]:
    """Values of the objects whose `kind` stands at one of the places, in one pass over the braces."""
    sections = list(_re(_JSON_DATA).finditer(text))
    parents = _parents(text, sorted({*kinds, *(match.start() for match in sections)}))
    wanted = {parents[at] for at in kinds}
    read: dict[bytes, set[int]] = {}
    for match in sections:
        if parents[match.start()] in wanted:
            yield from _json_values(text, match[1], match.end(), len(text), read.setdefault(match[1], set()))


def _parents(text: bytes, places: Sequence[int]) -> dict[int, int]:
    """Of each place the brace that opens the object it stands in; -1 where there is none."""
    parents: dict[int, int] = {}
    opened: list[int] = []
    waiting = iter(places)
    place = next(waiting, None)
    for brace in _re(_BRACE).finditer(text):
        while place is not None and place < brace.start() + 1:
            parents[place] = opened[-1] if opened else -1
            place = next(waiting, None)
        if brace[0] == b"{":
            opened.append(brace.start())
        elif brace[0] == b"}" and opened:
            opened.pop()
    while place is not None:
        parents[place] = opened[-1] if opened else -1
        place = next(waiting, None)
    return parents


def _json_values(
    text: bytes, section: bytes, start: int, end: int, read: set[int] | None = None
) -> Iterator[Hit]:
    """The values from `start` on. `read`: places from which pairs were read already; without it what lies in
    one object in another in another would be read from each of their beginnings."""
    pair, read = _re(_JSON_PAIR), set() if read is None else read
    at = start
    while at not in read:
        read.add(at)
        match = pair.match(text, at, end)
        if match is None:
            return
        if match[2] is not None:
            value = match[2].replace(b"\\n", b"\n").replace(b'\\"', b'"').replace(b"\\\\", b"\\")
            yield from _judged(section, match[1], value, match.start(2), match.end(2))
        at = match.end()


def _judged(section: bytes, key: bytes, value: bytes, start: int, end: int) -> Iterator[Hit]:
    quote = value[:1]
    if quote in (b'"', b"'") and len(value) > 1:
        stop = value.find(quote, 1)
        value = value[1 : stop if stop > 0 else None]
        start, end = start + 1, min(end, start + 1 + len(value))
    elif b" #" in value:
        value = value[: value.find(b" #")].rstrip()
        end = min(end, start + len(value))
    if value in (b"", b"~", b"null", b"{}", b"[]", b"|", b">") or value[:1] in (b"*", b"&"):
        return
    content = value
    if section == b"data":
        decoded = _from_base64(value)
        content = value if decoded is None else decoded
    if not content or _is_harmless(value) or _is_harmless(content):
        return
    name = f"{section.decode()}.{key.decode('utf-8', 'replace')}"
    title = "value of a Kubernetes Secret"
    layers = ("base64",) if section == b"data" else ()
    yield Hit(
        KUBERNETES, "kubernetes-secret", title, start, end, content, Confidence.LIKELY, layers, (), name
    )


def _from_base64(value: bytes) -> bytes | None:
    import binascii

    packed = b"".join(value.split())
    if len(packed) % 4 or not _re(r"[A-Za-z0-9+/]+={0,2}").fullmatch(packed):
        return None
    try:
        return binascii.a2b_base64(packed)
    except ValueError:
        return None


def _is_harmless(value: bytes) -> bool:
    value = value.strip()
    if not value or _re(_TEMPLATE).search(value) or _re(_PLACEHOLDER).search(value):
        return True
    if _re(_PUBLIC).fullmatch(value):
        return True
    if value.startswith((b"ENC[", b"-----BEGIN CERTIFICATE", b"-----BEGIN PUBLIC KEY", b"age1", b"ssh-")):
        return b"PRIVATE" not in value
    return False
