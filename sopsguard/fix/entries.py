"""Entries of settings in YAML (`inventory.yaml`, `.sopsguard.yaml`), taken out and put in; all else stays.

Settings have no anchors and no tags (`sopsguard.strict`). Lists and mappings in flow form (`[…]`, `{…}`) are
changed only as a whole. Whoever calls reads the result again and compares what it means.
"""

from collections.abc import Sequence
from typing import Any

from sopsguard.model import UserError

_HINT = "change it by hand, and run `sopsguard check`"


def without(text: str, path: Sequence[str]) -> str:
    """The text without the entry at `path`, nor the comment lines right above it; unchanged where there is
    none. A section that would be empty goes with its last entry. Raises `UserError`."""
    parents, node = [], _root(text)
    for name in path:
        pair = _pair(node, name)
        if pair is None:
            return text
        parents.append((node, pair))
        node = pair[1]
    while len(parents) > 1 and len(parents[-1][0].value) == 1:
        parents.pop()
    mapping, (key, value) = parents[-1]
    if mapping.flow_style:
        raise UserError(f"`{path[-1]}` stands in a list in braces", _HINT)
    lines = text.splitlines(keepends=True)
    start, column = key.start_mark.line, key.start_mark.column
    if lines[start][:column].strip():
        raise UserError(f"`{path[-1]}` does not stand on a line of its own", _HINT)
    end = _last_line(value, key) + 1
    while start and _is_comment(lines[start - 1], column):
        start -= 1
    return "".join((*lines[:start], *lines[end:]))


def with_entry(text: str, path: Sequence[str], lines: Sequence[str]) -> str:
    """The text with one more entry in the section at `path`: `lines` are its lines without indentation. It
    comes last there; a section that is not there is made. Raises `UserError`."""
    newline = "\r\n" if "\r\n" in text else "\n"
    node, known = _root(text), list[tuple[Any, Any]]()
    for name in path:
        pair = _pair(node, name)
        if pair is None:
            break
        known.append(pair)
        node = pair[1]
    missing = list(path[len(known) :])
    if known and _is_nothing(node):
        after, column = known[-1][0].start_mark.line, known[-1][0].start_mark.column + 2
    elif _is_nothing(node) or not node.value:
        if node is not None and getattr(node, "flow_style", False):
            raise UserError("the file is written in braces", _HINT)
        after, column = len(text.splitlines()) - 1, 0
    else:
        if getattr(node, "flow_style", False):
            raise UserError(f"`{'.'.join(path)}` is written in brackets", _HINT)
        is_list = _is_list(node)
        last = node.value[-1] if is_list else node.value[-1][1]
        first = node.value[0] if is_list else node.value[0][0]
        after = _last_line(last, last if is_list else node.value[-1][0])
        column = first.start_mark.column - (2 if is_list else 0)
    made = []
    for depth, name in enumerate(missing):
        made.append(" " * (column + 2 * depth) + f"{name}:")
    column += 2 * len(missing)
    made += [" " * column + line for line in lines]
    old = text.splitlines(keepends=True)
    if old and after >= 0 and not old[after].endswith("\n"):
        old[after] += newline
    return "".join((*old[: after + 1], *(line + newline for line in made), *old[after + 1 :]))


def _root(text: str) -> Any:
    import yaml

    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader) if text.strip() else None
    except yaml.YAMLError:
        raise UserError("the file has a form that cannot be changed safely", _HINT) from None
    if root is not None and not isinstance(root, yaml.MappingNode) and not _is_nothing(root):
        raise UserError("the file has a form that cannot be changed safely", _HINT)
    return root


def _is_nothing(node: Any) -> bool:
    return node is None or (node.id == "scalar" and node.tag == "tag:yaml.org,2002:null")


def _is_list(node: Any) -> bool:
    return bool(node.id == "sequence")


def _pair(node: Any, name: str) -> Any:
    if node is None or node.id != "mapping":
        return None
    return next((pair for pair in node.value if pair[0].value == name), None)


def _last_line(value: Any, key: Any) -> int:
    """The line on which an entry ends, from 0; PyYAML's end of a collection in block form lies behind it."""
    while value.id != "scalar" and not value.flow_style and value.value:
        last = value.value[-1]
        key, value = (last, last) if value.id == "sequence" else last
    if _is_nothing(value) and value.start_mark.index == value.end_mark.index:
        return int(key.end_mark.line)
    end = value.end_mark
    return int(end.line - 1 if end.column == 0 and end.line > value.start_mark.line else end.line)


def _is_comment(line: str, column: int) -> bool:
    return line[:column].strip() == "" and line[column:].startswith("#")
