"""The dotted key under which a place of a YAML text stands, read from the indentation alone."""

_LONGEST = 200


def key_of(text: bytes, offset: int) -> str:
    """The keys above `offset`, outermost first, joined by dots; empty where there is none.

    No parser: a file that is no valid YAML, or a template, has keys too. List items have no number.
    """
    names: list[str] = []
    start = text.rfind(b"\n", 0, offset) + 1
    line, indent = text[start : min(offset, start + _LONGEST)], 1 << 30
    for _ in range(20_000):
        bare = line.lstrip(b" -")
        depth = len(line) - len(bare)
        if bare and depth < indent and not bare.startswith(b"#"):
            name = _name(bare)
            if name:
                names.append(name)
                indent = depth
            elif not names:
                indent = min(indent, depth + 1)
        if start <= 0 or indent == 0 or line.startswith(b"---"):
            break
        stop, start = start - 1, text.rfind(b"\n", 0, start - 1) + 1
        line = text[start : min(stop, start + _LONGEST)]
    return ".".join(reversed(names))


def _name(line: bytes) -> str:
    """The key that a line begins with."""
    quote = line[:1]
    if quote in (b'"', b"'"):
        name, colon, _ = line[1:].partition(quote)
        rest = line[len(name) + 2 :].lstrip()
        return name.decode("utf-8", "replace") if colon and rest.startswith(b":") else ""
    name, colon, rest = line.partition(b":")
    if (
        not colon
        or rest[:1] not in (b"", b" ", b"\t", b"\r")
        or not name.strip()
        or b" #" in name
        or b'"' in name
    ):
        return ""
    return name.strip().decode("utf-8", "replace") if len(name) < 100 and b"{" not in name else ""
