"""Reads YAML as sops reads it: libyaml's events, go-yaml's values, aliases expanded, comments in order.

A text without `#` is composed straight from libyaml's events. Otherwise its comments are placed as go-yaml
places them (`yaml_comments`): the place decides the authenticated path of an encrypted comment.
"""

from typing import Any

from sopsguard.document.scalars import BadTag, plain, tagged
from sopsguard.document.tree import (
    MAX_DEPTH,
    MAX_NODES,
    Document,
    Flaw,
    Item,
    Mapping,
    Node,
    Offsets,
    Scalar,
    Sequence,
    Unreadable,
)

MAX_BYTES = 16 * 1024 * 1024


def read_yaml(data: bytes) -> Document:
    """All documents of a YAML text. Raises `Unreadable`."""
    text, shift = _decode(data)
    builder = Builder(Offsets(text, shift))
    if "#" in text:
        from sopsguard.document.yaml_comments import compose

        compose(text, builder)
    else:
        _compose(text, builder)
    if not builder.roots:
        raise Unreadable("empty", "there is no document in it")
    return Document("yaml", builder.roots, builder.flaws)


def _decode(data: bytes) -> tuple[str, int]:
    if len(data) > MAX_BYTES:
        raise Unreadable("too-large", f"larger than {MAX_BYTES >> 20} MiB")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Unreadable("encoding", "not UTF-8", line) from None
    # libyaml skips a byte order mark without counting it
    return (text[1:], 3) if text.startswith("\ufeff") else (text, 0)


def unreadable(error: Any) -> Unreadable:
    """What libyaml says, without the text that it quotes."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "cannot be parsed"
    if mark is None:
        return Unreadable("syntax", str(problem))
    return Unreadable("syntax", str(problem), mark.line + 1, mark.column + 1)


def too_deep(line: int) -> Unreadable:
    return Unreadable("too-deep", f"nested deeper than {MAX_DEPTH} levels", line)


class Builder:
    """What both ways of composing share: values, duplicate keys, anchors, the bounds."""

    def __init__(self, offsets: Offsets) -> None:
        self.at = offsets
        self.roots: list[Mapping] = []
        self.flaws: list[Flaw] = []
        self.nodes = 0

    def count(self, more: int, line: int) -> None:
        """Counts nodes against the bound: a bomb of aliases ends here."""
        self.nodes += more
        if self.nodes > MAX_NODES:
            raise Unreadable("too-large", f"more than {MAX_NODES} values (aliases expanded)", line)

    def scalar(self, text: str, tag: str | None, style: str, start: Any, end: Any) -> Scalar:
        """A scalar between two marks, resolved."""
        if tag is None or tag == "!":
            value = text if style else plain(text)
        else:
            try:
                value = tagged(tag, text)
            except BadTag as bad:
                # go-yaml leaves nil behind; in the first document it refuses the file
                value = None
                self.flaw("bad-tag", f"a value is tagged {bad} and is not one", start)
        at = self.at
        return Scalar(value, at(start.index), at(end.index), start.line + 1, start.column + 1, style, tag)

    def flaw(self, code: str, message: str, mark: Any) -> None:
        """Records what is odd at a mark of libyaml or of `yaml_comments`."""
        at = self.at(mark.index)
        self.flaws.append(Flaw(code, message, at, at, mark.line + 1, len(self.roots)))

    def duplicate(self, mark: Any) -> None:
        self.flaw("duplicate-key", "the key stands here a second time", mark)

    def root(self, node: Node) -> None:
        """Ends a document."""
        if isinstance(node, Scalar):
            if node.value is not None:
                raise Unreadable("top-level", "the document is a value, not a mapping", node.line)
            node = Mapping(node.start, node.end, node.line)
        if isinstance(node, Sequence):
            raise Unreadable("top-level", "the document is a list, not a mapping", node.line)
        self.roots.append(node)


def _compose(text: str, builder: Builder) -> None:
    import yaml
    from yaml.cyaml import CParser  # type: ignore[attr-defined]

    parser = CParser(text)
    try:
        _events(parser.get_event, yaml, builder)
    except (yaml.YAMLError, RecursionError) as error:
        raise unreadable(error) from None
    finally:
        parser.dispose()


def _events(get: Any, yaml: Any, builder: Builder) -> None:
    """One pass over the events with a stack of our own: depth is a number, not Python frames."""
    scalar_event, alias_event = yaml.ScalarEvent, yaml.AliasEvent
    map_start, map_end = yaml.MappingStartEvent, yaml.MappingEndEvent
    seq_start, seq_end = yaml.SequenceStartEvent, yaml.SequenceEndEvent
    document_start, document_end = yaml.DocumentStartEvent, yaml.DocumentEndEvent
    anchors: dict[str, Node | None] = {}
    stack: list[tuple[Any, Scalar | None, set[str] | None, str | None]] = []
    here: Mapping | Sequence | None = None
    key: Scalar | None = None
    seen: set[str] | None = None
    anchor: str | None = None
    top: Node | None = None
    at, scalar = builder.at, builder.scalar
    while (event := get()) is not None:
        kind = type(event)
        if kind is scalar_event:
            start = event.start_mark
            builder.nodes += 1
            if builder.nodes > MAX_NODES:
                builder.count(0, start.line + 1)
            node: Node = scalar(event.value, event.tag, event.style or "", start, event.end_mark)
            if event.anchor is not None:
                anchors[event.anchor] = node
            if seen is not None and key is None:  # a key
                name = event.value
                if name in seen:
                    builder.duplicate(start)
                seen.add(name)
                key = node  # type: ignore[assignment]
                continue
        elif kind is map_start or kind is seq_start:
            if len(stack) >= MAX_DEPTH:
                raise too_deep(event.start_mark.line + 1)
            if event.anchor is not None:
                anchors[event.anchor] = None
            stack.append((here, key, seen, anchor))
            mark = event.start_mark
            if kind is map_start:
                here = Mapping(at(mark.index), 0, mark.line + 1, event.tag)
                seen = set()
            else:
                here = Sequence(at(mark.index), 0, mark.line + 1, event.tag)
                seen = None
            key, anchor = None, event.anchor
            continue
        elif kind is map_end or kind is seq_end:
            assert here is not None
            here.end = at(event.end_mark.index)
            builder.count(1, here.line)
            node = here
            if anchor is not None:
                anchors[anchor] = node
            here, key, seen, anchor = stack.pop()
            start = event.start_mark
        elif kind is alias_event:
            start = event.start_mark
            node = _alias(anchors, event.anchor, start, builder)
            if len(stack) + getattr(node, "height", 0) >= MAX_DEPTH:
                raise too_deep(start.line + 1)
        elif kind is document_start:
            if event.version not in (None, (1, 1)):
                line = event.start_mark.line + 1
                raise Unreadable("syntax", "a YAML directive that is not %YAML 1.1", line)
            top = None
            continue
        elif kind is document_end:
            assert top is not None
            builder.root(top)
            builder.count(0, 1)
            continue
        else:
            continue
        if here is None:
            top = node
        elif seen is None:
            here.add(node)  # type: ignore[arg-type]
        elif key is None:
            key = complex_key(node, builder, start)
        else:
            here.add(Item(key, node))  # type: ignore[arg-type]
            key = None


def complex_key(node: Node, builder: Builder, mark: Any) -> Scalar:
    """The key for a mapping or list in the place of a key: nothing that sops accepts."""
    if isinstance(node, Scalar):  # an alias of a scalar
        return node
    builder.flaw("complex-key", "a mapping or list stands in the place of a key", mark)
    return Scalar(None, node.start, node.end, node.line, 1, "?")


def _alias(anchors: dict[str, Node | None], name: str, mark: Any, builder: Builder) -> Node:
    if name not in anchors:
        raise Unreadable("syntax", "an alias has no anchor before it", mark.line + 1, mark.column + 1)
    node = anchors[name]
    if node is None:
        raise Unreadable("syntax", "an anchor contains itself", mark.line + 1, mark.column + 1)
    builder.flaw("alias", "an alias; its value is written out at the next change", mark)
    builder.count(1 + getattr(node, "size", 0), mark.line + 1)
    return node
