"""From tokens with comments to the tree: go-yaml's parser and composer, then sops's order of comments.

Source: go-yaml 3.0.4 `parserc.go` and `decode.go`, sops 3.13.2 `stores/yaml/store.go`.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from sopsguard.document.scalars import TAG_PREFIX
from sopsguard.document.tree import MAX_DEPTH, Comment, Item, Mapping, Node, Scalar, Sequence, Unreadable
from sopsguard.document.yaml_comments import NO_COMMENTS, Comments, Line, Mark, Scanner, Token
from sopsguard.document.yaml_reader import Builder, complex_key, too_deep


class _Event(NamedTuple):
    kind: str  # scalar, alias, map, seq, end, document, document-end
    start: Mark
    end: Mark
    comments: Comments = NO_COMMENTS
    value: str = ""
    style: str = ""
    tag: str | None = None
    anchor: str | None = None
    flow: bool = False

    def __repr__(self) -> str:
        return f"_Event({self.kind}, line {self.start.line + 1})"


class _YNode:
    """A node of go-yaml, with the comments that stand at it."""

    __slots__ = ("alias", "content", "event", "foot", "head", "kind", "line", "name", "open", "scalar")

    def __init__(self, event: _Event, scalar: Scalar | None = None) -> None:
        self.kind, self.event, self.scalar = event.kind, event, scalar
        self.head, self.line, self.foot = event.comments
        self.content: list[_YNode] = []
        self.alias: _YNode | None = None
        self.open = False
        self.name: str = event.value


def build(scanner: Scanner, builder: Builder) -> None:
    """Fills `builder` with the documents of the token stream. Raises `Unreadable`."""
    events = _Parser(scanner).events()
    anchors: dict[str, _YNode] = {}
    for event in events:
        if event.kind == "document":
            document = _YNode(event)
            root, foot = _compose(events, builder, anchors)
            builder.root(_Converter(builder).document(document, root, foot))


def _compose(
    events: Iterator[_Event], builder: Builder, anchors: dict[str, _YNode]
) -> tuple[_YNode, list[Line]]:
    """`parser.parse` of decode.go up to the end of the document: the root and the foot of the document."""
    stack: list[_YNode] = []
    root: _YNode | None = None
    for event in events:
        kind = event.kind
        if kind == "document-end":
            assert root is not None
            return root, event.comments.foot
        if kind == "end":
            node = stack.pop()
            _end(node, event)
        elif kind == "scalar":
            builder.count(1, event.start.line + 1)
            scalar = builder.scalar(event.value, event.tag, event.style, event.start, event.end)
            node = _YNode(event, scalar)
        elif kind == "alias":
            node = _YNode(event)
            node.alias = _target(anchors, event)
            builder.flaw("alias", "an alias; its value is written out at the next change", event.start)
        else:
            node = _YNode(event)
            node.open = True
        if kind in ("scalar", "map", "seq") and event.anchor:
            anchors[event.anchor] = node
        if kind in ("map", "seq"):
            if len(stack) >= MAX_DEPTH:
                raise too_deep(event.start.line + 1)
            if stack:
                stack[-1].content.append(node)
                if stack[-1].kind == "map" and len(stack[-1].content) % 2:
                    _key_foot(stack[-1])
            stack.append(node)
            continue
        if kind != "end" and stack:
            stack[-1].content.append(node)
        if not stack:
            root = node
        elif stack[-1].kind == "map":
            parent = stack[-1]
            if len(parent.content) % 2 == 0:
                _value_foot(parent)
            elif kind != "end":
                _key_foot(parent)
    raise Unreadable("syntax", "the document ends early")


def _end(node: _YNode, event: _Event) -> None:
    node.open = False
    node.event = node.event._replace(end=event.end)
    node.line, node.foot = event.comments.line, event.comments.foot
    if node.kind == "map" and not node.event.flow and node.foot and len(node.content) > 1:
        node.content[-2].foot = node.foot
        node.foot = []


def _key_foot(parent: _YNode) -> None:
    """A foot at a key belongs to the value before it."""
    key = parent.content[-1]
    if not parent.event.flow and key.foot and len(parent.content) > 2:
        parent.content[-3].foot = key.foot
        key.foot = []


def _value_foot(parent: _YNode) -> None:
    key, value = parent.content[-2:]
    if not key.foot and value.foot:
        key.foot, value.foot = value.foot, []


def _target(anchors: dict[str, _YNode], event: _Event) -> _YNode:
    line, column = event.start.line + 1, event.start.column + 1
    node = anchors.get(event.value)
    if node is None:
        raise Unreadable("syntax", "an alias has no anchor before it", line, column)
    if node.open:
        raise Unreadable("syntax", "an anchor contains itself", line, column)
    return node


class _Converter:
    """`nodeToTreeValue` of sops: comments become items, aliases are written out."""

    def __init__(self, builder: Builder) -> None:
        self.builder, self.at = builder, builder.at

    def document(self, document: _YNode, root: _YNode, foot: list[Line]) -> Node:
        target = root.alias if root.kind == "alias" and root.alias is not None else root
        if target.kind != "map":
            if target.kind == "seq":
                return Sequence(line=target.event.start.line + 1)
            assert target.scalar is not None
            if target.scalar.value is not None:
                return target.scalar
            branch = Mapping(target.scalar.start, target.scalar.end, target.scalar.line)
            for comments in (document.head, root.head, root.line):
                self.comments(branch, comments)
        else:
            branch = self.container(target, Mapping)
            for comments in (document.head, *((root.head, root.line) if target is not root else ())):
                self.comments(branch, comments)
            self.mapping(target, branch, False, 0)
        if target is not root or target.kind != "map":
            self.comments(branch, root.foot)
        self.comments(branch, foot)
        return branch

    def container(self, node: _YNode, kind: Any) -> Any:
        event = node.event
        return kind(self.at(event.start.index), self.at(event.end.index), event.start.line + 1, event.tag)

    def comments(self, container: Mapping | Sequence, lines: list[Line], inline: bool = False) -> None:
        for line in lines:
            if line.text:
                start, mark = self.at(line.start.index), line.start
                end = self.at(mark.index + len(line.text))
                container.items.append(
                    Comment(line.text[1:], start, end, mark.line + 1, mark.column + 1, inline)
                )
        self.builder.count(len(lines), 1)

    def value(self, node: _YNode, handled: bool, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise too_deep(node.event.start.line + 1)
        if node.kind == "alias":
            assert node.alias is not None
            return self.value(node.alias, False, depth)
        self.builder.count(1, node.event.start.line + 1)
        if node.kind == "scalar":
            assert node.scalar is not None
            return node.scalar
        if node.kind == "map":
            branch: Mapping = self.container(node, Mapping)
            self.mapping(node, branch, handled, depth)
            return branch
        result: Sequence = self.container(node, Sequence)
        if not handled:
            self.comments(result, node.head)
            self.comments(result, node.line)
        for item in node.content:
            self.comments(result, item.head)
            self.comments(result, item.line, inline=True)
            result.add(self.value(item, True, depth + 1))
            self.comments(result, item.foot)
        if not handled:
            self.comments(result, node.foot)
        return result

    def mapping(self, node: _YNode, branch: Mapping, handled: bool, depth: int) -> None:
        if not handled:
            self.comments(branch, node.head)
            self.comments(branch, node.line)
        seen: set[str] = set()
        for key, value in zip(node.content[::2], node.content[1::2], strict=False):
            if key.kind == "scalar":
                if key.name in seen:
                    self.builder.duplicate(key.event.start)
                seen.add(key.name)
            self.comments(branch, key.head)
            self.comments(branch, key.line)
            direct = value.kind in ("scalar", "alias")
            if direct:
                self.comments(branch, value.head)
                self.comments(branch, value.line, inline=True)
            target = key.alias if key.alias is not None else key
            name = target.scalar
            if name is None:
                name = complex_key(self.value(key, True, depth + 1), self.builder, key.event.start)
            branch.add(Item(name, self.value(value, direct, depth + 1)))
            if direct:
                self.comments(branch, value.foot)
            self.comments(branch, key.foot)
        if not handled:
            self.comments(branch, node.foot)


class _Parser:
    """`parserc.go` as a state machine over the scanner's tokens."""

    def __init__(self, scanner: Scanner) -> None:
        self.scan = scanner
        self.states: list[Any] = []
        self.state: Any = None
        self.handles: dict[str, str] = {}

    def events(self) -> Iterator[_Event]:
        """The events from the first document on."""
        scan = self.scan
        scan.peek()
        scan.skip()
        implicit = True
        while True:
            token = scan.peek()
            while not implicit and token.kind == "<document end>":
                scan.skip()
                token = scan.peek()
            if token.kind == "<stream end>":
                return
            header = NO_COMMENTS
            start = token.start
            if implicit and token.kind not in ("<directive>", "<document start>"):
                self.directives(token)
                self.state = self.block_node
                header = scan.split_header()
                yield _Event("document", start, token.end, header)
            else:
                token = self.directives(token)
                if token.kind != "<document start>":
                    raise _error("a document start was expected", token)
                yield _Event("document", start, token.end)
                scan.skip()
                self.state = self.document_content
            self.states = [None]
            while self.state is not None:
                yield self.state()
            token = scan.peek()
            if token.kind == "<document end>":
                scan.skip()
            comments = scan.take()
            if comments.head and not comments.foot:
                comments = Comments([], comments.line, comments.head)
            yield _Event("document-end", token.start, token.start, comments)
            implicit = False

    def directives(self, token: Token) -> Token:
        self.handles = {"!": "!", "!!": TAG_PREFIX}
        given: set[str] = set()
        while token.kind == "<directive>":
            raw = token.raw
            if raw.name == "YAML":
                if tuple(raw.value) != (1, 1) or "%YAML" in given:
                    raise _error("a YAML directive that is not %YAML 1.1, or a second one", token)
                given.add("%YAML")
            elif raw.name == "TAG":
                handle, prefix = raw.value
                if handle in given:
                    raise _error("a second %TAG directive for one handle", token)
                given.add(handle)
                self.handles[handle] = prefix
            self.scan.skip()
            token = self.scan.peek()
        return token

    def document_content(self) -> _Event:
        token = self.scan.peek()
        if token.kind in ("<directive>", "<document start>", "<document end>", "<stream end>"):
            self.state = self.states.pop()
            return _empty(token.start)
        return self.node(True, False)

    def block_node(self) -> _Event:
        return self.node(True, False)

    def node(self, block: bool, indentless: bool) -> _Event:
        """`yaml_parser_parse_node`."""
        scan = self.scan
        token = scan.peek()
        if token.kind == "<alias>":
            self.state = self.states.pop()
            comments = scan.take()
            scan.skip()
            return _Event("alias", token.start, token.end, comments, token.raw.value)
        start = end = token.start
        tag: str | None = None
        anchor: str | None = None
        properties = ""
        while token.kind in ("<anchor>", "<tag>") and token.kind not in properties:
            if not properties:
                start = token.start
            properties += token.kind
            end = token.end
            if token.kind == "<anchor>":
                anchor = token.raw.value
            else:
                tag = self.tag(token)
            scan.skip()
            token = scan.peek()
        kind = token.kind
        if indentless and kind == "-":
            self.state = self.indentless_entry
            return _Event("seq", start, token.end, NO_COMMENTS, "", "", tag, anchor)
        if kind == "<scalar>":
            self.state = self.states.pop()
            comments = scan.take()
            scan.skip()
            raw = token.raw
            return _Event("scalar", start, token.end, comments, raw.value, raw.style or "", tag, anchor)
        if kind in ("[", "{"):
            first = self.flow_sequence_first if kind == "[" else self.flow_mapping_first
            self.state = first
            event = "seq" if kind == "[" else "map"
            return _Event(event, start, token.end, scan.take(), "", "", tag, anchor, True)
        if block and kind == "<block sequence start>":
            self.state = self.block_sequence_first
            return _Event("seq", start, token.end, scan.take_stem(), "", "", tag, anchor)
        if block and kind == "<block mapping start>":
            self.state = self.block_mapping_first
            return _Event("map", start, token.end, scan.take_stem(), "", "", tag, anchor)
        if properties:
            self.state = self.states.pop()
            return _Event("scalar", start, end, NO_COMMENTS, "", "", tag, anchor)
        raise _error("a value was expected", token)

    def tag(self, token: Token) -> str:
        handle, suffix = token.raw.value
        if not handle:
            return str(suffix)
        if handle not in self.handles:
            raise _error("a tag has an undefined handle", token)
        return f"{self.handles[handle]}{suffix or ''}"

    # block collections

    def block_sequence_first(self) -> _Event:
        self.scan.peek()
        self.scan.skip()
        return self.block_sequence_entry()

    def block_sequence_entry(self) -> _Event:
        scan = self.scan
        token = scan.peek()
        if token.kind == "-":
            mark = token.end
            self.dash()
            if scan.peek().kind not in ("-", "<block end>"):
                self.states.append(self.block_sequence_entry)
                return self.node(True, False)
            self.state = self.block_sequence_entry
            return _empty(mark)
        if token.kind == "<block end>":
            self.state = self.states.pop()
            scan.skip()
            return _Event("end", token.start, token.end)
        raise _error("a list entry was expected", token)

    def indentless_entry(self) -> _Event:
        scan = self.scan
        token = scan.peek()
        if token.kind == "-":
            mark = token.end
            self.dash()
            if scan.peek().kind not in ("-", "?", ":", "<block end>"):
                self.states.append(self.indentless_entry)
                return self.node(True, False)
            self.state = self.indentless_entry
            return _empty(mark)
        self.state = self.states.pop()
        return _Event("end", token.start, token.start)

    def dash(self) -> None:
        before = len(self.scan.heads)
        self.scan.skip()
        self.scan.split_stem(before)

    def block_mapping_first(self) -> _Event:
        self.scan.peek()
        self.scan.skip()
        return self.block_mapping_key()

    def block_mapping_key(self) -> _Event:
        scan = self.scan
        token = scan.peek()
        if token.kind == "?":
            mark = token.end
            scan.skip()
            if scan.peek().kind not in ("?", ":", "<block end>"):
                self.states.append(self.block_mapping_value)
                return self.node(True, True)
            self.state = self.block_mapping_value
            return _empty(mark)
        if token.kind == "<block end>":
            self.state = self.states.pop()
            comments = scan.take()
            scan.skip()
            return _Event("end", token.start, token.end, comments)
        raise _error("a key was expected", token)

    def block_mapping_value(self) -> _Event:
        scan = self.scan
        token = scan.peek()
        self.state = self.block_mapping_key
        if token.kind != ":":
            return _empty(token.start)
        scan.skip()
        if scan.peek().kind not in ("?", ":", "<block end>"):
            self.states.append(self.block_mapping_key)
            return self.node(True, True)
        return _empty(token.end)

    # flow collections

    def flow_sequence_first(self) -> _Event:
        self.scan.peek()
        self.scan.skip()
        return self.flow_sequence_entry(True)

    def flow_sequence_entry(self, first: bool = False) -> _Event:
        scan = self.scan
        token = scan.peek()
        if token.kind != "]":
            if not first:
                if token.kind != ",":
                    raise _error("a comma or `]` was expected", token)
                scan.skip()
                token = scan.peek()
            if token.kind == "?":
                self.state = self.flow_pair_key
                scan.skip()
                return _Event("map", token.start, token.end, flow=True)
            if token.kind != "]":
                self.states.append(self.flow_sequence_entry)
                return self.node(False, False)
        return self.flow_end(token)

    def flow_end(self, token: Token) -> _Event:
        self.state = self.states.pop()
        comments = self.scan.take()
        self.scan.skip()
        return _Event("end", token.start, token.end, comments)

    def flow_pair_key(self) -> _Event:
        token = self.scan.peek()
        if token.kind not in (":", ",", "]"):
            self.states.append(self.flow_pair_value)
            return self.node(False, False)
        self.scan.skip()
        self.state = self.flow_pair_value
        return _empty(token.end)

    def flow_pair_value(self) -> _Event:
        scan = self.scan
        token = scan.peek()
        if token.kind == ":":
            scan.skip()
            token = scan.peek()
            if token.kind not in (",", "]"):
                self.states.append(self.flow_pair_end)
                return self.node(False, False)
        self.state = self.flow_pair_end
        return _empty(token.start)

    def flow_pair_end(self) -> _Event:
        token = self.scan.peek()
        self.state = self.flow_sequence_entry
        return _Event("end", token.start, token.start)

    def flow_mapping_first(self) -> _Event:
        self.scan.peek()
        self.scan.skip()
        return self.flow_mapping_key(True)

    def flow_mapping_key(self, first: bool = False) -> _Event:
        scan = self.scan
        token = scan.peek()
        if token.kind != "}":
            if not first:
                if token.kind != ",":
                    raise _error("a comma or `}` was expected", token)
                scan.skip()
                token = scan.peek()
            if token.kind == "?":
                scan.skip()
                token = scan.peek()
                if token.kind not in (":", ",", "}"):
                    self.states.append(self.flow_mapping_value)
                    return self.node(False, False)
                self.state = self.flow_mapping_value
                return _empty(token.start)
            if token.kind != "}":
                self.states.append(self.flow_mapping_empty)
                return self.node(False, False)
        return self.flow_end(token)

    def flow_mapping_value(self) -> _Event:
        scan = self.scan
        token = scan.peek()
        if token.kind == ":":
            scan.skip()
            token = scan.peek()
            if token.kind not in (",", "}"):
                self.states.append(self.flow_mapping_key)
                return self.node(False, False)
        self.state = self.flow_mapping_key
        return _empty(token.start)

    def flow_mapping_empty(self) -> _Event:
        self.state = self.flow_mapping_key
        return _empty(self.scan.peek().start)


def _empty(mark: Mark) -> _Event:
    return _Event("scalar", mark, mark)


def _error(message: str, token: Token) -> Unreadable:
    return Unreadable("syntax", message, token.start.line + 1, token.start.column + 1)
