"""The encodings a secret may hide in: transcoding, decompression, and the encoded runs inside a text.

Every function is total and bounded: what can't be decoded is `None` or not yielded, never an exception.
"""

import re
from collections.abc import Iterator
from typing import Any

# No kind of secret fits into a shorter encoded run: 32 characters of base64 are 24 bytes.
SHORTEST = 32
# One decompressed stream; what is longer is cut here and said aloud by the caller.
INFLATED = 16 << 20
# One encoded run, wrapped or not.
LONGEST = 4 << 20

_WORD = bytes(65 if (chr(i).isalnum() and i < 128) or i in b"+/-_" else 32 for i in range(256))
_NEEDLE = b"A" * SHORTEST


class Text:
    """A text in UTF-8 that stood in another encoding, and how to find a place of it in the original."""

    __slots__ = ("_codec", "_skip", "name", "text")

    def __init__(self, text: bytes, name: str, codec: str, skip: int) -> None:
        """`skip`: bytes of the byte order mark."""
        self.text = text
        self.name = name
        self._codec = codec
        self._skip = skip

    def original(self, offset: int) -> int:
        """The byte offset in the original data of byte `offset` of the text."""
        text = self.text[:offset].decode("utf-8", "ignore")  # a span may end inside a character
        return self._skip + len(text.encode(self._codec))


class Run:
    """A stretch of base64 or hex in a text, perhaps wrapped over lines, and what stands in it."""

    __slots__ = ("data", "end", "layer", "start")

    def __init__(self, start: int, end: int, layer: str, data: bytes) -> None:
        self.start = start
        self.end = end
        self.layer = layer
        self.data = data


def transcoded(data: bytes) -> Text | None:
    """UTF-16 or UTF-32, by byte order mark or by the stride of its NUL bytes, as UTF-8."""
    for mark, name, codec in (
        (b"\xff\xfe\0\0", "utf-32", "utf-32-le"),
        (b"\0\0\xfe\xff", "utf-32", "utf-32-be"),
        (b"\xff\xfe", "utf-16", "utf-16-le"),
        (b"\xfe\xff", "utf-16", "utf-16-be"),
    ):
        if data.startswith(mark) and (name == "utf-16" or _is_utf32(data, codec)):
            return _text(data, name, codec, len(mark))
    head = data[:4096]
    zeros = head.count(0)
    if len(head) < 16 or zeros * 3 < len(head):
        return None
    quarter = len(head) // 4
    if zeros * 4 >= 11 * quarter:
        planes = [head[i::4].count(0) for i in range(4)]
        if planes[0] * 8 < quarter and min(planes[1:]) * 10 >= quarter * 9:
            return _text(data, "utf-32", "utf-32-le", 0)
        if planes[3] * 8 < quarter and min(planes[:3]) * 10 >= quarter * 9:
            return _text(data, "utf-32", "utf-32-be", 0)
    even, odd = head[::2].count(0), head[1::2].count(0)
    if odd * 10 >= len(head) * 4 and even * 20 < len(head):
        return _text(data, "utf-16", "utf-16-le", 0)
    if even * 10 >= len(head) * 4 and odd * 20 < len(head):
        return _text(data, "utf-16", "utf-16-be", 0)
    return None


def _is_utf32(data: bytes, codec: str) -> bool:
    """The mark of UTF-32 is also that of UTF-16 and a NUL."""
    try:
        data[: min(len(data), 4096) & ~3].decode(codec)
    except UnicodeDecodeError:
        return False
    return True


def _text(data: bytes, name: str, codec: str, skip: int) -> Text:
    # "replace" keeps one code unit for each undecodable one in these fixed-width codecs, so that
    # offsets stay right for everything before it and nearly right after it.
    return Text(data[skip:].decode(codec, "replace").encode(), name, codec, skip)


def inflated(data: bytes, limit: int = INFLATED) -> tuple[str, bytes, bool] | None:
    """(name, content, whole) of a gzip, zlib, bzip2 or xz stream; at most `limit` bytes of content.

    A damaged stream gives what stands before the damage. Zstandard is read where Python has it (3.14).
    """
    if data[:3] == b"\x1f\x8b\x08":
        return _zlib("gzip", data, 31, limit)
    if data[:2] in (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda"):
        return _zlib("zlib", data, 15, limit)
    if data[:3] == b"BZh":
        import bz2

        return _stream("bzip2", bz2.BZ2Decompressor(), OSError, data, limit)
    if data[:6] == b"\xfd7zXZ\0":
        import lzma

        # A hostile header may ask for a dictionary of gigabytes.
        return _stream("xz", lzma.LZMADecompressor(memlimit=128 << 20), lzma.LZMAError, data, limit)
    if data[:4] == b"\x28\xb5\x2f\xfd":
        try:
            from compression import zstd  # type: ignore[import-not-found,unused-ignore]
        except ImportError:
            return None
        return _stream("zstd", zstd.ZstdDecompressor(), zstd.ZstdError, data, limit)
    return None


def _zlib(name: str, data: bytes, bits: int, limit: int) -> tuple[str, bytes, bool] | None:
    import zlib

    out, rest = b"", data
    # A gzip file may have several members, one after the other.
    for _ in range(64):
        stream = zlib.decompressobj(bits)
        try:
            out += stream.decompress(rest, limit - len(out) + 1)
        except zlib.error:
            # The call gives nothing back when damage comes late: read again in small steps.
            out += _undamaged(rest, bits, limit - len(out))
            break
        rest = stream.unused_data
        if len(out) > limit or not rest.startswith(b"\x1f\x8b\x08"):
            break
    return (name, out[:limit], len(out) <= limit) if out else None


def _undamaged(data: bytes, bits: int, limit: int) -> bytes:
    import zlib

    stream, out = zlib.decompressobj(bits), b""
    try:
        for at in range(0, len(data), 1024):
            out += stream.decompress(data[at : at + 1024], 1 << 20)
            if len(out) >= limit:
                break
    except zlib.error:
        pass
    return out


def _stream(
    name: str, stream: Any, error: type[Exception], data: bytes, limit: int
) -> tuple[str, bytes, bool] | None:
    decompress = stream.decompress
    parts: list[bytes] = []
    size = 0
    try:
        chunk = decompress(data, 1 << 20)
        while chunk:
            parts.append(chunk)
            size += len(chunk)
            if size > limit or stream.eof:
                break
            chunk = decompress(b"", 1 << 20)
    except (error, EOFError, MemoryError):
        pass
    out = b"".join(parts)
    return (name, out[:limit], size <= limit) if out else None


def unescaped(text: bytes) -> bytes:
    """`text` with the escapes `\\n`, `\\r`, `\\t`, `\\"` and `\\/` opened, byte for byte in the same place.

    What an escape leaves over is a blank in front, so that offsets stay; a slash keeps its backslash.
    """
    for escape, plain in (
        (b"\\\\n", b"  \n"),
        (b"\\n", b" \n"),
        (b"\\r", b"  "),
        (b"\\t", b"  "),
        (b'\\"', b' "'),
    ):
        text = text.replace(escape, plain)
    return text


_PLAIN_GAP = r"""=*\r?\n[ \t]*"""
# A plus between strings and the slashes of a comment, not those that begin a line of base64.
_QUOTED_GAP = r"""=*(?:\\+[nrt]|[\s"'`,;#*>|.()\\]|\+(?=[\s"'])|//(?=[ \t])){1,64}"""
_CHUNK = r"[A-Za-z0-9+/]+"
_PERCENT = r"%[0-9A-Fa-f]{2}"
_compiled: dict[str, re.Pattern[bytes]] = {}


def _re(pattern: str) -> re.Pattern[bytes]:
    """Compiled when first needed: most files never get here."""
    if pattern not in _compiled:
        _compiled[pattern] = re.compile(pattern.encode())
    return _compiled[pattern]


def words(text: bytes) -> list[tuple[int, int]]:
    """The spans of the stretches of at least `SHORTEST` base64 characters, without padding."""
    flat = text.translate(_WORD)
    spans = []
    at = flat.find(_NEEDLE)
    while at >= 0:
        end = flat.find(b" ", at + SHORTEST)
        if end < 0:
            end = len(flat)
        spans.append((at, end))
        at = flat.find(_NEEDLE, end)
    return spans


def runs(text: bytes, spans: list[tuple[int, int]]) -> Iterator[Run]:
    """What the `words` at `spans` hold, where it can be a text, a key or a compressed stream.

    Lines of one width are read as one wrapped run. Hex comes first, since its digits are base64 too.
    """
    done = 0
    for start, end in spans:
        if start < done:
            continue
        # "…\\nMIIE…": the n belongs to an escaped newline
        if start and text[start - 1] == 0x5C and text[start] in b"nrt":
            start += 1
        if text.startswith((b"sha256-", b"sha384-", b"sha512-"), start) or _is_name(text[start:end]):
            continue
        # Nearly all are hashes: told from the first bytes, before anything is joined or decoded.
        layer = _layer(text[start : min(end, start + 48)])
        if layer is None and not text[start:end].isalnum():
            start, layer = _after_separator(text, start, end)
        if layer is None:
            continue
        for run, run_end in _readings(text, start, end):
            data = _decoded(run, layer)
            if data:
                done = run_end
                yield Run(start, run_end, layer, data)
                break


def _readings(text: bytes, start: int, end: int) -> Iterator[tuple[bytes, int]]:
    """The run with the lines that continue it, and the run alone."""
    run, wrapped_end = _joined(text, start, end)
    yield run, wrapped_end
    if wrapped_end > end:
        yield text[start:end], end


def _is_name(word: bytes) -> bool:
    """snake_case and CONSTANT_CASE: base64 of that length has letters of both cases, and hex has no dash."""
    return (b"_" in word or b"-" in word) and (word.islower() or word.isupper())


def _joined(text: bytes, start: int, end: int) -> tuple[bytes, int]:
    """The run at `start`, with the lines that continue it, and where it ends."""
    width = end - start
    if width < 40 or end - start > LONGEST:
        return text[start : min(end, start + LONGEST)], end
    chunk, plain, quoted = _re(_CHUNK), _re(_PLAIN_GAP), _re(_QUOTED_GAP)
    parts, size = [text[start:end]], width
    while size < LONGEST:
        following = None
        for gap in (plain.match(text, end, end + 256), quoted.match(text, end, end + 256)):
            if gap is not None and b"=" not in gap[0]:
                following = chunk.match(text, gap.end(), gap.end() + width + 1)
                if following is not None:
                    break
        if following is None or len(following[0]) > width:
            break
        parts.append(following[0])
        size += len(following[0])
        end = following.end()
        if len(following[0]) < width:
            break
    return b"".join(parts), end


def _layer(head: bytes) -> str | None:
    """How a run is encoded whose first characters these are, if they can begin something worth reading."""
    import binascii

    try:
        return "hex" if plausible(binascii.unhexlify(head[: len(head) & ~1])) else None
    except ValueError:
        pass
    try:
        return "base64" if plausible(binascii.a2b_base64(head[:32].translate(_STANDARD))) else None
    except ValueError:
        return None


def _decoded(run: bytes, layer: str) -> bytes:
    import binascii

    try:
        if layer == "hex":
            return binascii.unhexlify(run[: len(run) & ~1])
        run = run.translate(_STANDARD)
        return binascii.a2b_base64(run[: len(run) & ~3] + _tail(run))
    except ValueError:
        return b""


def _tail(run: bytes) -> bytes:
    rest = run[len(run) & ~3 :]
    return rest + b"=" * (4 - len(rest)) if len(rest) > 1 else b""


def _after_separator(text: bytes, start: int, end: int) -> tuple[int, str | None]:
    """A run may begin behind a slash, a dash or an underscore that only looks like part of it."""
    for _ in range(4):
        cuts = [at for at in (text.find(c, start, end) for c in _SEPARATORS) if at >= 0]
        if not cuts or end - min(cuts) <= SHORTEST:
            break
        start = min(cuts) + 1
        layer = _layer(text[start : min(end, start + 48)])
        if layer is not None:
            return start, layer
    return start, None


_SEPARATORS = (b"/", b"-", b"_", b"+")
_STANDARD = bytes.maketrans(b"-_", b"+/")


def plausible(head: bytes) -> bool:
    """Whether the first bytes of a decoded run can begin a text, a key or a compressed stream.

    Eighteen random bytes are all ASCII once in 260 000 times.
    """
    if head.isascii():
        return head.count(0) * 2 <= len(head)
    if head[:2] in _MAGIC:
        return True
    if head[:1] == b"0":  # DER: a sequence that is longer than what stands here
        return head[1:2] in (b"\x81", b"\x82") or (head[1] < 0x80 and head[2:3] == b"\x02")
    # UTF-16; or a text with characters of another language, or binary data behind a while
    return not any(head[1:16:2]) or not head[:12].translate(None, _PRINTABLE)


_PRINTABLE = bytes([9, 10, 13, *range(32, 127)])
# The first two bytes of compressed streams, byte order marks, key stores, OpenPGP secret keys.
_MAGIC = frozenset(
    (
        *(b"\x1f\x8b", b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda", b"BZ", b"\xfd7", b"\x28\xb5"),
        *(b"\xff\xfe", b"\xfe\xff", b"\xef\xbb", b"\xfe\xed"),
        *(bytes([tag, size]) for tag in (0x95, 0x97) for size in range(16)),
        *(bytes([0x94, size]) for size in range(40, 256)),
        *(bytes([0xC5, size]) for size in range(40, 225)),
    )
)


def percent(text: bytes) -> list[tuple[int, int, bytes]]:
    """(start, end, content) of the percent-encoded words of `text`."""
    code, found, at, size = _re(_PERCENT), [], 0, 0
    while size < LONGEST:
        first = code.search(text, at)
        if first is None:
            break
        start = first.start()
        while start > max(at, first.start() - 512) and text[start - 1] not in b" \t\r\n\"'<>`":
            start -= 1
        ending = _re(r"[\s\"'<>`]").search(text, first.end(), start + LONGEST)
        at = ending.start() if ending is not None else min(len(text), start + LONGEST)
        if at - start >= SHORTEST:
            found.append((start, at, code.sub(lambda m: bytes([int(m[0][1:], 16)]), text[start:at])))
            size += at - start
    return found


_ENC = (
    r"ENC\[AES256_GCM,data:(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"
    r",iv:[A-Za-z0-9+/]{42,43}={1,2},tag:[A-Za-z0-9+/]{22}==,type:(?:str|int|float|bytes|bool|comment)\]"
)


_ARMOR = b"-----BEGIN AGE ENCRYPTED FILE-----"
# The body begins with `age-encryption.org` in base64; whatever else stands between the lines is read.
_AGE_FILE = (
    r"(-----BEGIN AGE ENCRYPTED FILE-----(?:\s|\\n){1,64})"
    r"(YWdlLWVuY3J5cHRpb24ub3Jn(?:[A-Za-z0-9+/=\s]++|\\n){1,5000}+-----END AGE ENCRYPTED FILE-----)"
)


def without_ciphertext(text: bytes) -> bytes:
    """`text` with the ciphertext of SOPS values, where their grammar is complete, and of armored age files
    turned to stars."""
    if b"ENC[AES256_GCM," in text:
        text = _re(_ENC).sub(lambda m: b"ENC[" + b"*" * (len(m[0]) - 5) + b"]", text)
    if _ARMOR in text:
        text = _re(_AGE_FILE).sub(lambda m: m[1] + re.sub(rb"[^\r\n]", b"*", m[2]), text)
    return text
