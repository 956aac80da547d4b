"""The dotted keys under which places of a YAML text stand, read from the indentation alone."""

from collections.abc import Sequence

# No text beyond this is read for keys, and no line beyond its first characters.
_FARTHEST = 4 << 20
_LONGEST = 200


def keys_of(text: bytes, offsets: Sequence[int]) -> list[str]:
    """The keys above each of the ascending `offsets`, joined by dots, outermost first; empty where none is.

    No parser: a file that is no valid YAML, or a template, has keys too. List items have no number.
    """
    keys: list[str] = []
    above: list[tuple[int, bytes]] = []  # indentation and name, each deeper than the one before
    start = 0
    for offset in offsets:
        if offset > _FARTHEST:
            keys.append("")
            continue
        while True:
            stop = text.find(b"\n", start)
            stop = len(text) if stop < 0 else stop
            line = text[start : min(stop, start + _LONGEST)]
            bare = line.lstrip(b" -")
            depth = len(line) - len(bare)
            if start <= offset <= stop:
                names = [name for indent, name in above if indent < depth]
                own = b"" if bare.startswith(b"#") else _name(bare)
                keys.append(b".".join([*names, own] if own else names).decode("utf-8", "replace"))
                break
            if line.startswith(b"---"):
                above = []
            elif bare and not bare.startswith(b"#"):
                name = _name(bare)
                if name:
                    while above and above[-1][0] >= depth:
                        above.pop()
                    above.append((depth, name))
            start = stop + 1
    return keys


def _name(line: bytes) -> bytes:
    """The key that a line begins with."""
    quote = line[:1]
    if quote in (b'"', b"'"):
        name, closed, rest = line[1:].partition(quote)
        return name if closed and rest.lstrip().startswith(b":") else b""
    name, colon, rest = line.partition(b":")
    if not colon or rest[:1] not in (b"", b" ", b"\t", b"\r") or len(name) > 100:
        return b""
    return b"" if b" #" in name or b'"' in name or b"{" in name else name.strip()
