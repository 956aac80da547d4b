"""Files of settings that people write for us, read strictly: every mistake is an error with its line.

A misspelt setting that silently does nothing is how guards get switched off. `jsonschema` is not used here:
importing it costs three times what a whole hook may; the schemas are for editors, and tests hold the two
together.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

from sopsguard.model import UserError, discreet, printable

if TYPE_CHECKING:
    from collections.abc import Collection

_DEPTH = 20


class Node(NamedTuple):
    """A YAML value with its file and the line it starts on; mappings keep their keys as nodes, lists are
    tuples. Scalars are text, booleans or None: dates and numbers stay text."""

    value: Any
    line: int
    file: str = ""


def load(data: bytes, file: str, limit: int = 1 << 20) -> Node:
    """The document as plain values with lines; `file` is how mistakes name it, `limit` its size in bytes.

    Anchors and tags have no use in settings and are refused, which also disposes of alias bombs. Raises
    `UserError` with the line of the first mistake.
    """
    import yaml

    if len(data) > limit:
        raise UserError(
            f"{printable(file)} is larger than {limit >> 20} MiB",
            "settings are short; is this the right file?",
        )
    # Bytes that are valid in no encoding reach PyYAML as an error of their own, without the content.
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        raise wrong(file, data.count(b"\n", 0, e.start) + 1, "not UTF-8", "save the file as UTF-8") from None
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    stack: list[tuple[Any, int, list[Node]]] = []
    done: list[Node] = []
    documents = 0
    try:
        for event in yaml.parse(text, Loader=loader):
            line = event.start_mark.line + 1 if event.start_mark else 0
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise wrong(file, line, "a second document", "keep one document, without `---` inside")
            elif isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                raise wrong(file, line, "anchors and aliases have no meaning here", "write the value out")
            elif isinstance(event, yaml.ScalarEvent):
                node = Node(_scalar(event.value, event.style, event.tag, file, line), line, file)
                (stack[-1][2] if stack else done).append(node)
            elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
                if len(stack) >= _DEPTH:
                    hint = f"these settings need no more than {_DEPTH} levels"
                    raise wrong(file, line, "nested too deeply", hint)
                stack.append((event, line, []))
            elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                start, at, items = stack.pop()
                value: Any = tuple(items)
                if isinstance(start, yaml.MappingStartEvent):
                    value = _mapping(items)
                (stack[-1][2] if stack else done).append(Node(value, at, file))
    except yaml.YAMLError as e:
        mark = getattr(e, "problem_mark", None)
        problem = str(getattr(e, "problem", "") or "")
        raise wrong(file, mark.line + 1 if mark else 1, "not valid YAML", problem) from None
    return done[0] if done else Node({}, 1, file)


def _scalar(text: str, style: str | None, tag: str | None, file: str, line: int) -> str | bool | None:
    """Only what settings have a use for: text, booleans, and nothing. Dates stay text."""
    if tag not in (None, "!"):
        raise wrong(file, line, "tags have no meaning here", "write the plain value")
    plain = not style  # None from PyYAML's own parser, "" from libyaml's
    if plain and text in ("", "~", "null", "Null", "NULL"):
        return None
    if plain and text in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return text.lower() == "true"
    return text


def _mapping(items: list[Node]) -> dict[str, tuple[Node, Node]]:
    found: dict[str, tuple[Node, Node]] = {}
    for key, value in zip(items[::2], items[1::2], strict=True):
        if not isinstance(key.value, str):
            raise mistake(key, "a key must be text", "")
        if key.value in found:
            raise mistake(key, f"{key.value!r} is given twice", "keep one of them")
        found[key.value] = (key, value)
    return found


def wrong(file: str, line: int, message: str, hint: str) -> UserError:
    """A mistake on a line; words of others in it are masked where they look secret."""
    return UserError(f"{printable(file)}:{line}: {printable(discreet(message))}", printable(hint))


def mistake(node: Node, message: str, hint: str) -> UserError:
    """A mistake at a node."""
    return wrong(node.file, node.line, message, hint)


def nearest(word: str, known: "Collection[str]") -> str:
    """A hint naming the known word that was probably meant, or listing what there is."""
    import difflib

    close = difflib.get_close_matches(word, list(known), 1, 0.6)
    return f"did you mean {close[0]!r}?" if close else "known here: " + ", ".join(sorted(known))


def flag(node: Node, name: str) -> bool:
    """The boolean that `node` is. Raises `UserError` with its line."""
    if not isinstance(node.value, bool):
        raise mistake(node, f"{name} must be true or false", "")
    return node.value


def listed(node: Node, name: str) -> tuple[Node, ...]:
    """The items of a list; of nothing, none. Raises `UserError` with its line."""
    if node.value is None:
        return ()
    if not isinstance(node.value, tuple):
        raise mistake(node, f"{name} must be a list", "")
    return node.value


def named(node: Node, known: "Collection[str]", what: str) -> dict[str, Node]:
    """The values of a mapping by key, each of which must be `known`. Raises `UserError` with its line."""
    fields = mapping(node)
    for name, (key, _) in fields.items():
        if name not in known:
            raise mistake(key, f"{name!r} is not {what}", nearest(name, known))
    return {name: value for name, (_, value) in fields.items()}


def mapping(node: Node) -> dict[str, tuple[Node, Node]]:
    """Key and value of every entry of a mapping with free keys. Raises `UserError` with its line."""
    if node.value is None:
        return {}
    if not isinstance(node.value, dict):
        raise mistake(node, "keys and values are expected here", "")
    return dict(node.value)


def is_date(text: str) -> bool:
    """Whether the text is a calendar date in the form YYYY-MM-DD."""
    from datetime import date

    try:
        return len(text) == 10 and date.fromisoformat(text) is not None
    except ValueError:
        return False
