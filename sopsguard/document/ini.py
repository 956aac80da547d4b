"""Reads and writes INI as go-ini 1.67 does with the options of sops: sections may repeat, `#` and `;` start a
comment anywhere in a value that is not in backticks or triple quotes.

The words of go-ini are kept: a section's comment is its first item, a key's comment the item after the key.
"""

from dataclasses import dataclass, field

from sopsguard.document.scalars import display
from sopsguard.document.tree import Comment, Document, Flaw, Item, Mapping, Scalar, Unreadable

DEFAULT = "DEFAULT"
MAX_BYTES = 16 * 1024 * 1024
MAX_LINES = 100_000
# Go's unicode.IsSpace, for text in which bytes that are not UTF-8 are surrogates
_SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007"
    "\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)


def read_ini(data: bytes) -> Document:
    """The sections in order, `DEFAULT` first even if empty. Raises `Unreadable`."""
    if len(data) > MAX_BYTES:
        raise Unreadable("too-large", f"larger than {MAX_BYTES >> 20} MiB")
    return _Reader(data).document()


@dataclass(slots=True)
class _Key:
    key: Scalar
    value: Scalar = field(repr=False)
    comment: Comment | None = field(repr=False)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.lines = data.split(b"\n")
        if len(self.lines) > MAX_LINES:
            raise Unreadable("too-large", f"more than {MAX_LINES} lines")
        self.last = len(self.lines) - 1
        self.offset = 0  # of the next line
        self.number = 0  # of the line just read
        self.comment: list[str] = []
        self.comment_place: tuple[int, int, int] | None = None
        self.flaws: list[Flaw] = []
        if data[:3] == b"\xef\xbb\xbf":
            # go-ini reads two of the three bytes of the mark, see `BOM` in its parser
            self.lines[0] = self.lines[0][2:]
            self.offset = 2
        elif data[:2] in (b"\xfe\xff", b"\xff\xfe"):
            self.lines[0] = self.lines[0][2:]
            self.offset = 2

    def next_line(self) -> tuple[str, int]:
        """The next line with its newline, and where it starts in bytes."""
        line, start = self.lines[self.number], self.offset
        if self.number < self.last:
            line += b"\n"
        self.number += 1
        self.offset += len(line)
        return line.decode("utf-8", "surrogateescape"), start

    @property
    def ended(self) -> bool:
        return self.number > self.last

    def document(self) -> Document:
        root = Mapping(0, self.offset + sum(map(len, self.lines)) + self.last, 1)
        section: dict[str, _Key] = {}
        sections = [(Scalar(DEFAULT, 0, 0, 1, 1), None, section)]
        count = 1
        while not self.ended:
            raw, start = self.next_line()
            line = raw.lstrip(_SPACE)
            if not line:
                continue
            start += _bytes(raw[: len(raw) - len(line)])
            if line[0] in "#;":
                self.note(line, start)
            elif line[0] == "[":
                close = line.rfind("]")
                if close < 0:
                    raise Unreadable("syntax", "a section is not closed", self.number)
                if close == 1:
                    raise Unreadable("syntax", "a section has no name", self.number)
                self.note_after(line[close + 1 :], start + _bytes(line[: close + 1]))
                section = {}
                name = Scalar(line[1:close], start + 1, start + _bytes(line[:close]), self.number, 2)
                sections.append((name, self.take_comment(), section))  # type: ignore[arg-type]
                count = 1
            else:
                name_text, offset = _key_name(line, self.number)
                if name_text == "-":
                    name_text, count = f"#{count}", count + 1
                if not name_text:
                    raise Unreadable("syntax", "a key has no name", self.number)
                key = Scalar(
                    name_text, start, start + _bytes(line[: offset - 1].rstrip(_SPACE)), self.number, 1
                )
                value = self.value(line[offset:], start + _bytes(line[:offset]))
                if name_text in section:
                    self.flaws.append(
                        Flaw("duplicate-key", "the key stands here a second time", start, start, self.number)
                    )
                    section[name_text].value = value
                    section[name_text].comment = self.take_comment()
                else:
                    section[name_text] = _Key(key, value, self.take_comment())
        for name, comment, keys in sections:
            root.add(Item(name, _section(name, comment, keys)))
        return Document("ini", [root], self.flaws)

    def note(self, text: str, start: int) -> None:
        self.comment.append(text)
        if self.comment_place is None:
            self.comment_place = (start, start + _bytes(text.rstrip("\r\n")), self.number)

    def note_after(self, text: str, start: int) -> None:
        """`cleanComment`: from the first `#` or `;` on."""
        at = _first(text, "#;")
        if at >= 0:
            self.note(text[at:], start + _bytes(text[:at]))

    def take_comment(self) -> Comment | None:
        text = "".join(self.comment).strip(_SPACE)
        place = self.comment_place
        self.comment, self.comment_place = [], None
        if not text or place is None:
            return None
        if text.startswith(";"):
            text = text.lstrip("; ")
        elif text.startswith("#"):
            text = text.lstrip("# ")
        return Comment(text, place[0], place[1], place[2], 1)

    def value(self, rest: str, start: int) -> Scalar:
        """`readValue`: quotes, continuation lines, comments."""
        line = rest.lstrip(_SPACE)
        start += _bytes(rest[: len(rest) - len(line)])
        number = self.number
        if not line:
            return Scalar("", start, start, number, 1)

        def scalar(text: str, end: int, style: str = "") -> Scalar:
            return Scalar(text, start, end, number, 1, style)

        quote = '"""' if len(line) > 3 and line[:3] == '"""' else "`" if line[0] == "`" else ""
        if quote:
            body = line[len(quote) :]
            close = body.rfind(quote)
            if close < 0:
                text = self.several_lines(body, quote)
                return scalar(text, self.offset, quote)
            return scalar(body[:close], start + _bytes(line[: close + 2 * len(quote)]), quote)
        line = line.strip(_SPACE)
        if line[-1] == "\\":
            text = self.continued(line[:-1])
            return scalar(text, self.offset, "\\")
        at = _first(line, "#;")
        if at >= 0:
            self.note(line[at:], start + _bytes(line[:at]))
            line = line[:at].strip(_SPACE)
        end = start + _bytes(line)
        for mark in "'\"":
            if len(line) >= 2 and line[0] == mark and line.find(mark, 1) == len(line) - 1:
                return scalar(line[1:-1], end, mark)
        return scalar(line, end)

    def several_lines(self, text: str, quote: str) -> str:
        parts = [text]
        while not self.ended:
            line, start = self.next_line()
            at = line.rfind(quote)
            if at < 0:
                parts.append(line)
                continue
            rest = line[at + len(quote) :].rstrip("\r\n")
            if rest.strip(_SPACE).endswith("\\"):
                parts.append(line)
                continue
            parts.append(line[:at])
            self.note_after(line[at:].strip(_SPACE), start + _bytes(line[:at]))
            return "".join(parts)
        raise Unreadable("syntax", "a quoted value is not closed", self.number)

    def continued(self, text: str) -> str:
        parts = [text]
        while not self.ended:
            line = self.next_line()[0].strip(_SPACE)
            if not line:
                break
            if line[-1] != "\\":
                parts.append(line)
                break
            parts.append(line[:-1])
        return "".join(parts)


def _section(name: Scalar, comment: Comment | None, keys: dict[str, _Key]) -> Mapping:
    branch = Mapping(name.start, name.end, name.line)
    if comment is not None:
        branch.items.append(comment)
    for key in keys.values():
        branch.add(Item(key.key, key.value))
        if key.comment is not None:
            branch.items.append(key.comment)
    return branch


def _first(text: str, chars: str) -> int:
    found = [at for at in (text.find(char) for char in chars) if at >= 0]
    return min(found) if found else -1


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogateescape"))


def _key_name(line: str, number: int) -> tuple[str, int]:
    """`readKeyName`: the name and where the value begins."""
    quote = ""
    if line[0] == '"':
        quote = '"""' if len(line) > 6 and line[:3] == '"""' else '"'
    elif line[0] == "`":
        quote = "`"
    if not quote:
        at = _first(line, "=:")
        if at < 0:
            raise Unreadable("syntax", "a line is neither a section nor `key = value`", number)
        if at == 0:
            raise Unreadable("syntax", "a key has no name", number)
        return line[:at].strip(_SPACE), at + 1
    width = len(quote)
    close = line.find(quote, width)
    if close < 0:
        raise Unreadable("syntax", "a quoted key is not closed", number)
    delimiter = _first(line[close + width :], "=:")
    if delimiter < 0:
        raise Unreadable("syntax", "a line is neither a section nor `key = value`", number)
    return line[width:close].strip(_SPACE), close + delimiter + width + 1


def write_ini(root: Mapping) -> bytes:
    """The text of a mapping of sections, `=` aligned per section. Raises `ValueError` for any other shape."""
    sections = root.entries()
    out: list[str] = []
    for number, item in enumerate(sections):
        if not isinstance(item.value, Mapping):
            raise ValueError("an INI file consists of sections")
        comment, entries = _entries(item.value)
        out += _comment_lines(comment, strip=False)
        name = item.name or ""
        if number > 0 or name.upper() != DEFAULT:
            out.append(f"[{name}]")
        elif not entries:
            continue
        width = max((_written_length(key) for key in entries), default=0)
        for key, (value, note) in entries.items():
            out += _comment_lines(note, strip=True)
            written = _written_key(key)
            out.append(f"{written}{' ' * (width - _bytes(written))} = {_written_value(value)}")
        if number < len(sections) - 1:
            out.append("")
    return "".join(line + "\n" for line in out).encode("utf-8", "surrogateescape")


def _entries(section: Mapping) -> tuple[str, dict[str, tuple[str, str]]]:
    """The section's comment, and key → (value, comment); the last comment after a key wins."""
    head, last = "", ""
    found: dict[str, tuple[str, str]] = {}
    for number, item in enumerate(section.items):
        if isinstance(item, Comment):
            if number == 0:
                head = item.text
            elif last:
                found[last] = (found[last][0], item.text)
        elif isinstance(item.value, Scalar):
            last = item.name or ""
            note = found[last][1] if last in found else ""
            found[last] = (display(item.value.value), note)
        else:
            raise ValueError("an INI section holds neither lists nor mappings")
    return head, found


def _comment_lines(text: str, strip: bool) -> list[str]:
    lines = []
    for line in text.split("\n") if text else []:
        if not line:
            raise ValueError("an INI comment has an empty line")  # go-ini panics
        if line[0] not in "#;":
            lines.append("; " + (line.strip(_SPACE) if strip else line))
        else:
            lines.append(f"{line[0]} {line[1:].strip(_SPACE)}")
    return lines


def _written_key(name: str) -> str:
    if any(char in name for char in '"=:'):
        return f"`{name}`"
    return f'"""{name}"""' if "`" in name else name


def _written_length(name: str) -> int:
    return _bytes(_written_key(name))


def _written_value(value: str) -> str:
    if "\n" in value or "`" in value:
        return f'"""{value}"""'
    if "#" in value or ";" in value:
        return f"`{value}`"
    return f'"{value}"' if value.strip(_SPACE) != value else value
