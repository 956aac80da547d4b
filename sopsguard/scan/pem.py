"""Private key blocks between BEGIN and END lines: however quoted, escaped, indented or commented out."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

# A 16 384-bit RSA key takes 13 KB; a transferable OpenPGP key with photo and signatures more.
LONGEST = 1 << 18

_BEGIN = rb"-{4,5} ?BEGIN ((?:[A-Z0-9]{1,16} ){0,4})PRIVATE KEY( BLOCK)? ?-{4,5}"
_EDGE = rb"-{4,5} ?(?:END|BEGIN) "
_ESCAPE = rb"\\+[nrtf]|\\u000[aAdD]|&#(?:10|13|x0?[aAdD]);|%0[aAdD]|<br ?/?>"
_HEADER = (
    rb"(?:Proc-Type: ?\d,[A-Z]+|DEK-Info: ?[A-Za-z0-9-]+(?:, ?[0-9A-Fa-f]+)?"
    rb"|(?:Version|Comment|Hash|Charset|MessageID|Subject|X-[\w-]+): [^\n]*)"
)
_CHUNK = rb"[A-Za-z0-9+/]+={0,3}|={1,2}"
_CHECKSUM = rb"=[A-Za-z0-9+/]{4}[^A-Za-z0-9+/]*$"
# What people write where a key would stand.
_ELLIPSIS = (
    rb"\.\.\.|\xe2\x80\xa6|\*\*\*|<[\w -]{2,40}>|\$\{|\{\{|\[[\w .-]{3,40}\]"
    rb"|(?i:redacted|snip|your[ _-]|omitted|xxxx)"
)


class Block(NamedTuple):
    """A block whose body holds enough to be more than a mention of one.

    `label` is what stands before PRIVATE KEY; `data` the decoded body; `locked` that its header says
    it is encrypted; `doubtful` that the body looks like an abridged example.
    """

    label: str
    start: int
    end: int
    data: bytes
    locked: bool
    doubtful: bool

    def __repr__(self) -> str:
        return f"Block({self.label!r}, {self.start}, {self.end}, {len(self.data)} bytes)"


_compiled: dict[bytes, re.Pattern[bytes]] = {}


def _re(pattern: bytes) -> re.Pattern[bytes]:
    """Compiled when first needed: most files never get here."""
    if pattern not in _compiled:
        _compiled[pattern] = re.compile(pattern)
    return _compiled[pattern]


def blocks(text: bytes, positions: Sequence[int]) -> Iterator[Block]:
    """The blocks whose BEGIN line has its words PRIVATE KEY at one of `positions`."""
    begin, edge = _re(_BEGIN), _re(_EDGE)
    done = 0
    for at in positions:
        if at < done:
            continue
        match = begin.search(text, max(0, at - 80), at + 24)
        if match is None or match.end() <= at:
            continue
        stop = edge.search(text, match.end(), match.end() + LONGEST)
        if stop is not None:
            body = text[match.end() : stop.start()]
            line = re.compile(rb"[^\r\n]*?-{4,5}").match(text, stop.end(), stop.end() + 64)
            is_end = b"END" in stop[0]
            end = line.end() if line is not None and is_end else stop.start()
        else:
            body = _unfinished(text[match.end() : match.end() + LONGEST])
            end = match.end() + len(body)
        block = _block(match[1].decode().strip(), bool(match[2]), match.start(), end, body)
        if block is not None:
            done = end
            yield block


def _unfinished(body: bytes) -> bytes:
    """The lines after a BEGIN without END that can belong to the block."""
    size = 0
    for number, line in enumerate(body.splitlines(keepends=True)):
        bare = _re(_ESCAPE).sub(b" ", line).strip(b" \t\r\n\"'`+,;#*>|\\")
        if (
            number
            and bare
            and not _re(rb"[A-Za-z0-9+/ ]{16,}=*$|[A-Za-z0-9+/]{1,76}={0,3}$|[\w-]+: .*$").match(bare)
        ):
            break
        size += len(line)
    return body[:size]


def _block(label: str, openpgp: bool, start: int, end: int, body: bytes) -> Block | None:
    raw = body
    body = _re(_ESCAPE).sub(b"\n", body).replace(b"\\/", b"/")
    if b"\\u00" in body:  # as .NET writes JSON
        body = _re(rb"\\u00(2[bBfF]|3[dD])").sub(lambda m: bytes([int(m[1], 16)]), body)
    lines = body.split(b"\n")[1:]
    if len(lines) > 2 and all(line[:1] in (b"+", b"-") for line in lines[:-1]) and lines[0][1:2] != b" ":
        body = b"\n".join(line[1:] for line in lines)  # a patch
    locked = b"ENCRYPTED" in body[:256] and b"Proc-Type" in body[:256]
    body = _re(_HEADER).sub(b"", body)
    if openpgp:
        body = _re(_CHECKSUM).sub(b"", body.rstrip(b" \t\r\n\"'\\"))
    chunks = [
        match[0]
        for match in _re(_CHUNK).finditer(body)
        # a concatenation, a comment sign, the prefix of a string
        if not (len(match[0]) <= 3 and not match[0].strip(b"+/"))
        and not (len(match[0]) <= 2 and body[match.end() : match.end() + 1] in (b'"', b"'"))
    ]
    encoded = b"".join(chunks)
    if len(encoded) < 24:
        return None
    # Code between two mentions of the words is mostly short words and signs.
    solid = sum(len(chunk) for chunk in chunks if len(chunk) >= 16)
    signs = (
        len(body)
        - len(encoded)
        - sum(body.count(c) for c in (b" ", b"\t", b"\n", b"\r", b'"', b"'", b"+", b"\\"))
    )
    if solid * 2 < len(encoded) or signs > solid:
        return None
    return Block(
        label,
        start,
        end,
        decoded(encoded),
        locked or "ENCRYPTED" in label,
        _re(_ELLIPSIS).search(raw) is not None,
    )


def decoded(encoded: bytes) -> bytes:
    """Base64 read as far as it goes: padding in the middle and at the end forgiven."""
    import binascii

    encoded = encoded.replace(b"=", b"")
    rest = len(encoded) % 4
    if rest == 1:
        encoded = encoded[:-1]
        rest = 0
    return binascii.a2b_base64(encoded + b"=" * (-rest % 4))
