"""What the recipients in a YAML document are called: by anchors, by keys of mappings, by comments."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sopsguard.sops import masterkey
from sopsguard.sops.goyaml import Node, Places
from sopsguard.sops.masterkey import Key
from sopsguard.sops.rules import FLAT_KEY_FIELDS, Anchor, Name


@dataclass(frozen=True, slots=True)
class Naming:
    """The anchors of a document in file order, and the names of each recipient by `Key.normal`."""

    anchors: tuple[Anchor, ...] = ()
    names: Mapping[str, tuple[Name, ...]] = field(default_factory=dict)


_COMMENT = re.compile(r"[ \t]+#+[ \t]*([^\r\n]*)")
# Keys under which a recipient stands because of its kind; they name nobody.
_KINDS = frozenset((*FLAT_KEY_FIELDS, "hc_vault", "arn", "resource_id", "key_id"))


def naming(root: Node, places: Places) -> Naming:
    """Read all names off a composed document; a comment names the value before it on the same line."""
    anchors: list[Node] = []
    uses: dict[int, int] = {}
    keys: dict[int, Key | None] = {}
    found: dict[str, dict[str, Name]] = {}
    for node, label in _nodes(root):
        target = node.resolved
        if id(target) not in keys:
            keys[id(target)] = masterkey.recipient(target.text) if target.kind == "scalar" else None
        if node.kind == "alias":
            uses[id(target)] = uses.get(id(target), 0) + 1
        elif node.anchor is not None:
            anchors.append(node)
        key = keys[id(target)]
        if key is not None:
            names = found.setdefault(key.normal, {})
            for name in _names(node, label, places):
                names.setdefault(name.text, name)
    return Naming(
        tuple(
            Anchor(node.anchor or "", node.span, keys[id(node)], uses.get(id(node), 0)) for node in anchors
        ),
        {key: tuple(names.values()) for key, names in found.items() if names},
    )


def _names(node: Node, label: Node | None, places: Places) -> Iterator[Name]:
    if node.anchor is not None:
        yield Name(node.anchor, "anchor", node.span)
    if label is not None and label.text not in _KINDS:
        yield Name(masterkey.without_identities(label.text), "key", label.span)
    # Behind a block (`age: >-`) the node ends with its last line; the next one is about something else.
    is_block = places.text[node.span.end - 1 : node.span.end] in ("\n", "\r")
    comment = None if is_block else _COMMENT.match(places.text, node.span.end)
    if comment is not None and (text := comment[1].strip()):
        start = comment.start(1)
        yield Name(masterkey.without_identities(text), "comment", places.span(start, start + len(text)))


def _nodes(root: Node) -> Iterator[tuple[Node, Node | None]]:
    """Every node of the text in file order, each once, with the key it stands under."""
    pending: list[tuple[Node, Node | None]] = [(root, None)]
    while pending:
        node, label = pending.pop()
        yield node, label
        if node.kind == "mapping":
            for key, value in reversed(list(node.pairs())):
                pending += ((value, key), (key, None))
        else:
            pending += ((child, None) for child in reversed(node.children))
