"""Where go-yaml puts the comments of a YAML text: tokens from libyaml, comments scanned between them.

A comment can belong to a mapping that its indentation does not show, and sops authenticates an encrypted
comment with the path of the mapping it belongs to. So the comment logic of go-yaml 3.0.4 (`scannerc.go`,
`parserc.go`) is followed step by step, with the lookahead of go-yaml: it decides which token gets a comment.
"""

import re
from typing import Any, NamedTuple

from sopsguard.document.tree import MAX_NODES, Unreadable
from sopsguard.document.yaml_reader import Builder, unreadable


class Mark:
    """A position as go-yaml counts it: characters, lines and columns from 0."""

    __slots__ = ("column", "index", "line")

    def __init__(self, index: int, line: int, column: int) -> None:
        self.index, self.line, self.column = index, line, column


class Token:
    """A token of libyaml; the end of a block may stand elsewhere than in libyaml, before comments."""

    __slots__ = ("end", "kind", "raw", "start", "step")

    def __init__(self, kind: str, start: Mark, end: Mark, raw: Any) -> None:
        self.kind, self.start, self.end, self.raw = kind, start, end, raw
        self.step = -1


class Line(NamedTuple):
    """One line of a comment with its `#` (empty for a blank line between two), and where it begins."""

    text: str
    start: Mark

    def __repr__(self) -> str:
        return f"Line({self.start})"


_ZERO = Mark(0, 0, 0)


class _Note:
    """A comment that waits for its token: `head`, `line` or `foot`. Its text may be a secret."""

    __slots__ = ("end", "kind", "scan", "start", "text", "token")

    def __init__(self, kind: str, text: list[Line], scan: Mark, token: Mark, start: Mark, end: Mark) -> None:
        self.kind, self.text = kind, text
        self.scan, self.token, self.start, self.end = scan, token, start, end


class Comments(NamedTuple):
    """The comments of one event of the parser."""

    head: list[Line]
    line: list[Line]
    foot: list[Line]


NO_COMMENTS = Comments([], [], [])


def compose(text: str, builder: Builder) -> None:
    """Reads `text` into `builder`, comments included. Raises `Unreadable`."""
    from sopsguard.document.yaml_nodes import build

    build(Scanner(text, _tokens(text)), builder)


def _tokens(text: str) -> list[Token]:
    import yaml
    from yaml.cyaml import CParser  # type: ignore[attr-defined]

    parser = CParser(text)
    tokens: list[Token] = []
    try:
        while (raw := parser.get_token()) is not None:
            start, end = raw.start_mark, raw.end_mark
            tokens.append(
                Token(
                    raw.id,  # type: ignore[attr-defined]
                    Mark(start.index, start.line, start.column),
                    Mark(end.index, end.line, end.column),
                    raw,
                )
            )
            if len(tokens) > 4 * MAX_NODES:
                raise Unreadable("too-large", f"more than {MAX_NODES} values", start.line + 1)
    except yaml.YAMLError as error:
        raise unreadable(error) from None
    finally:
        parser.dispose()
    return tokens


_BREAKS = "\r\n\x85\u2028\u2029"
_BREAK = re.compile(r"\r\n|[\r\n\x85\u2028\u2029]")
_BLANKS = re.compile(r"[ \t\r\n\x85\u2028\u2029]*")
_TO_BREAK = re.compile(r"[^\r\n\x85\u2028\u2029]*")
_HEADER = re.compile(r"[|>][-+0-9]*[ \t]*(?=#)")
_INSERTED = frozenset({"<block end>", "<block mapping start>", "<block sequence start>"})
_MAY_BE_KEY = frozenset({"<scalar>", "<alias>", "<anchor>", "<tag>", "[", "{"})
_PEEK = 512  # go-yaml's bound on the blanks before and between comments


class Scanner:
    """Go-yaml's token queue over libyaml's tokens."""

    def __init__(self, text: str, tokens: list[Token]) -> None:
        self.text, self.tokens = text, tokens
        self.only_newlines = not any(char in text for char in _BREAKS if char != "\n")
        self.steps = _steps(tokens)
        self.step = 0  # the next to fetch
        self.head = 0  # the token the parser sees next
        self.available = 0
        self.notes: list[_Note] = []
        self.note_head = 0
        self.indent, self.flow = -1, 0
        self.indents: list[int] = []
        self.index = self.line = self.column = 0
        self.key_allowed = True
        self.keys: list[Token | None] = [None]
        self.last: Token | None = None
        self.before_last: Token | None = None
        self.heads: list[Line] = []
        self.lines: list[Line] = []
        self.feet: list[Line] = []
        self.stem: list[Line] = []

    # the comments that wait for an event

    def take(self) -> Comments:
        """`yaml_parser_set_event_comments`."""
        if not (self.heads or self.lines or self.feet or self.stem):
            return NO_COMMENTS
        taken = Comments(self.heads, self.lines, self.feet)
        self.heads, self.lines, self.feet, self.stem = [], [], [], []
        return taken

    def split_stem(self, before: int) -> None:
        """`yaml_parser_split_stem_comment`: what stands above a `- ` can belong to its block."""
        if before and self.peek().kind in ("<block sequence start>", "<block mapping start>"):
            self.stem = self.heads[:before]
            self.heads = self.heads[before:]

    def take_stem(self) -> Comments:
        """The comment above a block, for the event that starts it."""
        stem, self.stem = self.stem, []
        return Comments(stem, [], []) if stem else NO_COMMENTS

    def split_header(self) -> Comments:
        """The part of the first comment above its last empty line belongs to the document."""
        lines = self.heads
        for at in range(len(lines) - 1, 0, -1):
            if not lines[at].text:
                self.heads = lines[at + 1 :]
                return Comments(lines[:at], [], [])
        return NO_COMMENTS

    def _unfold(self, token: Token) -> None:
        """`yaml_parser_unfold_comments`."""
        notes, start = self.notes, token.start.index
        while self.note_head < len(notes) and start >= notes[self.note_head].token.index:
            note = notes[self.note_head]
            if note.kind == "head":
                if token.kind == "<block end>" and note.text:
                    break
                self.heads += note.text
            elif note.kind == "foot":
                self.feet += note.text
            else:
                self.lines += note.text
            note.text, note.scan, note.token, note.start, note.end = [], _ZERO, _ZERO, _ZERO, _ZERO
            self.note_head += 1

    # the queue

    def peek(self) -> Token:
        """The next token, after as many fetches as go-yaml makes before it looks at it."""
        while self.step < len(self.steps):
            if self.available - self.head >= 3:
                token = self.tokens[self.head]
                if token.step < self.step and not self._may_become_key(token):
                    break
            self._fetch()
        token = self.tokens[self.head]
        self._unfold(token)
        return token

    def skip(self) -> None:
        """Consumes the token that `peek` showed."""
        self.head += 1

    def _may_become_key(self, token: Token) -> bool:
        return token in self.keys and token.start.line == self.line and token.start.index + 1024 >= self.index

    # one fetch

    def _fetch(self) -> None:
        group = self.steps[self.step]
        self.step += 1
        self.available += len(group)
        token = group[-1]
        kind = token.kind
        if kind == "<stream start>":
            self._appended(token)
            return
        scan_mark = self._mark()
        self._to_token(token)
        ends = [end for end in group if end.kind == "<block end>"]
        self._unroll(ends, self.column, scan_mark)
        if kind in ("<stream end>", "<document start>", "<document end>", "<directive>"):
            if kind == "<stream end>" and self.column:
                self.column, self.line = 0, self.line + 1
            self._unroll(ends, -1, self._mark())
            self.keys[-1] = None
            self.key_allowed = False
            self._appended(token)
            self._move(token.end.index)
            return
        comment_mark = self._mark()
        if self.last is not None and ((kind == ":" and not self.flow) or (kind == "," and self.flow)):
            comment_mark = self.last.start
        for inserted in group[:-1]:
            if inserted.kind in ("<block mapping start>", "<block sequence start>"):
                self.indents.append(self.indent)
                self.indent = inserted.start.column
                if inserted.kind == "<block sequence start>":
                    self._appended(inserted)
        self._scanned(token, kind, any(t.kind == "?" for t in group[:-1]))
        self._appended(token)
        if kind != "-":
            self._line_comment(comment_mark)

    def _appended(self, token: Token) -> None:
        self.before_last, self.last = self.last, token

    def _scanned(self, token: Token, kind: str, simple: bool) -> None:
        """Moves behind the token and keeps the books about simple keys."""
        if kind in _MAY_BE_KEY:
            block = kind == "<scalar>" and token.raw.style in ("|", ">")
            if block:
                self.keys[-1] = None
                if header := _HEADER.match(self.text, token.start.index):
                    self._move(header.end())
                    self._line_comment(token.start)
            elif self.key_allowed:
                self.keys[-1] = token
            self.key_allowed = block
            if kind in ("[", "{"):
                self.flow += 1
                self.keys.append(None)
                self.key_allowed = True
            self._move(token.end.index)
            if (
                kind == "<scalar>" and not token.raw.style
            ):  # go-yaml stands behind the blanks after a plain scalar
                behind = _BLANKS.match(self.text, self.index)
                line = self.line
                self._move(behind.end() if behind else self.index)
                self.key_allowed = self.line > line
            return
        self.keys[-1] = None
        if kind in ("]", "}"):
            if self.flow:
                self.flow -= 1
                self.keys.pop()
            self.key_allowed = False
        elif kind in (",", "-"):
            self.key_allowed = True
        elif kind == "?":
            self.key_allowed = not self.flow
        else:  # ":"
            self.key_allowed = not simple and not self.flow
        self._move(token.end.index)

    def _unroll(self, ends: list[Token], column: int, scan_mark: Mark) -> None:
        """`yaml_parser_unroll_indent`: a block ends before the comments at its indentation."""
        if self.flow:
            return
        block = Mark(scan_mark.index - 1, scan_mark.line, scan_mark.column)
        while self.indent > column:
            stop = block.index
            for note in reversed(self.notes):
                if note.end.index < stop:
                    break
                if note.start.column == self.indent + 1:
                    block = note.start
                stop = note.scan.index
            self.indent = self.indents.pop()
            if ends:
                end = ends.pop(0)
                end.start = end.end = block
                self._appended(end)

    # positions

    def _mark(self) -> Mark:
        return Mark(self.index, self.line, self.column)

    def _move(self, index: int) -> None:
        if index <= self.index:
            return
        if self.only_newlines:
            count = self.text.count("\n", self.index, index)
            start = self.text.rfind("\n", self.index, index) + 1
        else:
            breaks = list(_BREAK.finditer(self.text, self.index, index))
            count, start = len(breaks), breaks[-1].end() if breaks else 0
        if count:
            self.line += count
            self.column = 0
        self.column += index - max(start, self.index)
        self.index = index

    def _newlines(self) -> int:
        """Line breaks since the last character that is not blank."""
        at, text = self.index, self.text
        while at > 0:
            piece = text[max(0, at - 4096) : at]
            kept = len(piece.rstrip(" \t" + _BREAKS))
            at -= len(piece) - kept
            if kept:
                break
        if self.only_newlines:
            return text.count("\n", at, self.index)
        return sum(1 for _ in _BREAK.finditer(text, at, self.index))

    def _to_token(self, token: Token) -> None:
        """`yaml_parser_scan_to_next_token`."""
        scan_mark = self._mark()
        text = self.text
        while True:
            blanks = _BLANKS.match(text, self.index)
            line = self.line
            self._move(blanks.end() if blanks else self.index)
            if self.line > line and not self.flow:
                self.key_allowed = True
            if self.notes and self.before_last is not None and self.last is not None:
                note = self.notes[-1]
                if (
                    self.before_last.kind == "<block sequence start>"
                    and self.last.kind == "-"
                    and note.kind == "line"
                    and note.text
                ):
                    note.kind = "head"
                    if note.start.line == self.line - 1:
                        note.token = self._mark()
            if text[self.index : self.index + 1] != "#":
                break
            self._comments(scan_mark)
        if self.index < token.start.index:  # a byte order mark inside, which libyaml skips
            self._move(token.start.index)

    # comments

    def _add(self, note: _Note) -> None:
        self.notes.append(note)
        if len(self.notes) > MAX_NODES:
            raise Unreadable("too-large", f"more than {MAX_NODES} comments", note.start.line + 1)

    def _line_comment(self, token_mark: Mark) -> None:
        """`yaml_parser_scan_line_comment`."""
        if self._newlines() > 0:
            return
        text = self.text
        at = self.index
        limit = at + _PEEK
        while at < limit and text[at : at + 1] in (" ", "\t"):
            at += 1
        if at >= limit or text[at : at + 1] != "#":
            return
        self._move(at)
        start = self._mark()
        end = _end(text, at)
        self._move(end)
        # go-yaml leaves the other two marks of a line comment at zero
        self._add(_Note("line", [Line(text[at:end], start)], _ZERO, token_mark, start, _ZERO))

    def _comments(self, scan_mark: Mark) -> None:
        """`yaml_parser_scan_comments`: which of the comments that follow are the foot of what was before."""
        assert self.last is not None
        text, size = self.text, len(self.text)
        token = self.last
        if token.kind == "," and self.before_last is not None:
            token = self.before_last
        token_mark = token.start
        start = Mark(0, 0, 0)
        next_indent = max(self.indent, 0)
        newlines = self._newlines()
        recent_empty, first_empty = False, newlines <= 1
        line, column = self.line, self.column
        lines: list[Line] = []
        foot_line = -1
        if scan_mark.line > 0:
            foot_line = self.line - newlines + 1
            if newlines == 0 and self.column > 1:
                foot_line += 1
        peek = 0
        while peek < _PEEK:
            at = self.index + peek
            column += 1
            char = text[at] if at < size else ""
            if char in (" ", "\t"):
                peek += 1
                continue
            closes = self.flow > 0 and char in ("]", "}") and char != ""
            if closes or char == "" or char in _BREAKS:
                if closes or not recent_empty:
                    of_before = (
                        start.line == foot_line and token.kind != ":"
                    ) or start.column - 1 < next_indent
                    if closes or (first_empty and of_before):
                        if lines:
                            if start.column - 1 < next_indent:
                                token_mark = start
                            end = Mark(at, line, column)
                            self._add(_Note("foot", lines, scan_mark, token_mark, start, end))
                            scan_mark = token_mark = end
                            lines = []
                    elif lines and char != "":
                        lines.append(Line("", start))
                if char == "" or char not in _BREAKS:
                    break
                first_empty = False
                recent_empty = True
                column = 0
                line += 1
                peek += 1
                continue
            if lines and (closes or (column - 1 < next_indent and column != start.column)):
                end = Mark(at, line, column)
                self._add(_Note("foot", lines, scan_mark, token_mark, start, end))
                scan_mark = token_mark = end
                lines = []
            if char != "#":
                break
            if not lines:
                start = Mark(at, line, column)
            recent_empty = False
            self._move(at)
            here = self._mark()
            end_at = _end(text, at)
            lines.append(Line(text[at:end_at], here))
            if len(lines) > MAX_NODES:
                raise Unreadable("too-large", f"more than {MAX_NODES} comments", here.line + 1)
            self._move(end_at)
            # 1: go-yaml never looks at the line break itself
            peek, column, line = 1, 0, self.line
            next_indent = max(self.indent, 0)
        if lines:
            end = Mark(self.index + peek - 1, line, column)
            self._add(_Note("head", lines, scan_mark, start, start, end))


def _end(text: str, at: int) -> int:
    found = _TO_BREAK.match(text, at)
    return found.end() if found else len(text)


def _steps(tokens: list[Token]) -> list[list[Token]]:
    """The tokens that each fetch of go-yaml's scanner makes, the scanned one last.

    The start of a block mapping and the key of a simple key are made when the colon behind the key is found.
    """
    steps: list[list[Token]] = []
    waiting: list[Token] = []
    keys: list[tuple[int, list[Token]]] = []
    flow = 0
    for token in tokens:
        kind = token.kind
        if kind in _INSERTED:
            waiting.append(token)
            continue
        if kind == "?" and token.start.index == token.end.index:
            made = [token]
            if waiting and waiting[-1].kind == "<block mapping start>":
                made.insert(0, waiting.pop())
            keys.append((flow, made))
            continue
        group = waiting
        waiting = []
        if kind == ":" and keys and keys[-1][0] == flow:
            group = group + keys.pop()[1]
        elif kind in ("[", "{"):
            flow += 1
        elif kind in ("]", "}"):
            flow -= 1
        group.append(token)
        for each in group:
            each.step = len(steps)
        steps.append(group)
    return steps
