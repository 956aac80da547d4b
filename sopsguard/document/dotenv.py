"""Reads and writes dotenv as sops does (`stores/dotenv`): no quoting, no trimming, `\\n` for a newline."""

from sopsguard.document.scalars import display
from sopsguard.document.tree import Comment, Document, Item, Mapping, Scalar, Unreadable

MAX_LINES = 100_000


def read_dotenv(data: bytes) -> Document:
    """One flat mapping. Raises `Unreadable` for a line without `=`."""
    root = Mapping(0, len(data), 1)
    start = 0
    for number, line in enumerate(data.split(b"\n"), 1):
        if number > MAX_LINES:
            raise Unreadable("too-large", f"more than {MAX_LINES} lines")
        end = start + len(line)
        if line[:1] == b"#":
            root.items.append(Comment(_text(line[1:]), start, end, number, 1))
        elif line:
            split = line.find(b"=")
            if split < 0:
                raise Unreadable("syntax", "a line has no `=`", number, 1)
            name = _text(line[:split])
            value = _text(line[split + 1 :]).replace("\\n", "\n")
            key = Scalar(name, start, start + split, number, 1)
            root.add(Item(key, Scalar(value, start + split + 1, end, number, len(name) + 2)))
        start = end + 1
    return Document("dotenv", [root], [])


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def write_dotenv(root: Mapping) -> bytes:
    """The text of a flat mapping. Raises `ValueError` for a list or a mapping among the values."""
    lines = []
    for item in root.items:
        if isinstance(item, Comment):
            lines.append(f"#{item.text}\n")
        elif isinstance(item.value, Scalar):
            value = item.value.value
            text = value.replace("\n", "\\n") if isinstance(value, str) else display(value)
            lines.append(f"{item.name}={text}\n")
        else:
            raise ValueError("dotenv holds neither lists nor mappings")
    return "".join(lines).encode("utf-8", "surrogateescape")
