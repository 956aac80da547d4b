"""What a key means in a SOPS file to sops-nix: a leaf, the whole file, or nothing.

Source: sops-nix, `recurseSecretKey` and `decryptSecret` of pkgs/sops-install-secrets/main.go (2025).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from sopsguard.document import Item, Node, Sequence, Time
from sopsguard.document import Mapping as Branch
from sopsguard.sops.envelope import parse
from sopsguard.sops.file import BLOCK, SopsFile
from sopsguard.sops.flat import PREFIX

FORMATS = frozenset(("yaml", "json", "binary", "dotenv", "ini"))
# Formats whose files sops-nix hands over whole, whatever the key.
WHOLE = frozenset(("binary", "dotenv", "ini"))
_READABLE = {
    "yaml": frozenset(("yaml", "json", "binary")),  # JSON is YAML
    "json": frozenset(("json", "binary")),
    "binary": frozenset(("binary",)),
    "dotenv": frozenset(("dotenv",)),
    "ini": frozenset(("ini",)),
}
_SEARCHED = 2000
_SEARCHES = 40


class Fault(StrEnum):
    """Why sops-nix would not find a string."""

    MISSING = "missing"
    NOT_A_STRING = "not-a-string"
    WRONG_FORMAT = "wrong-format"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Leaf:
    """The key leads to a string. `path` are its keys; empty for the whole file."""

    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Nothing:
    """The key leads to no string: `what` stands there instead, or `what` is missing (dotted)."""

    fault: Fault
    what: str


class Contents:
    """The keys of one SOPS file, ready to be asked often."""

    def __init__(self, file: SopsFile) -> None:
        self.file = file
        self._children: dict[int, Mapping[str, Node]] = {}
        self._searches = 0

    def look(self, key: str, format: str) -> Leaf | Nothing:
        """What `key` (steps parted by slashes; empty: the whole file) is when read as `format`."""
        actual = self.file.format
        enveloped = actual == "json" and {i.name for i in self._root.entries()} <= {"data", BLOCK}
        if actual not in _READABLE[format] and not (format == "binary" and enveloped):
            return Nothing(Fault.WRONG_FORMAT, actual)
        if format in WHOLE or not key:
            return Leaf(())
        steps = key.split("/")
        node: Node = self._root
        for depth, step in enumerate(steps):
            if not isinstance(node, Branch):
                return Nothing(Fault.MISSING, ".".join(steps[: depth + 1]))
            children = self._of(node)
            if step not in children or (depth == 0 and step == BLOCK):
                if "<<" in children or self._is_odd:
                    return Nothing(Fault.UNDECIDED, "the file uses anchors or aliases")
                return Nothing(Fault.MISSING, ".".join(steps[: depth + 1]))
            node = children[step]
        kind = "" if format == "json" else self._kind(node)
        return Nothing(Fault.NOT_A_STRING, kind) if kind else Leaf(tuple(steps))

    @property
    def _root(self) -> Branch:
        return self.file.document.roots[0]

    @property
    def _is_odd(self) -> bool:
        return any(flaw.code == "alias" for flaw in self.file.document.flaws)

    def _of(self, branch: Branch) -> Mapping[str, Node]:
        known = self._children.get(id(branch))
        if known is None:
            known = {}
            for item in branch.items:
                if type(item) is Item and item.name is not None:
                    known.setdefault(item.name, item.value)
            self._children[id(branch)] = known
        return known

    @staticmethod
    def _kind(node: Node) -> str:
        """What a node is after decryption, unless it is a string."""
        if isinstance(node, Branch):
            return "a mapping"
        if isinstance(node, Sequence):
            return "a list"
        value: object = node.value
        if isinstance(value, str):
            envelope = parse(value)
            kind = "str" if envelope is None else envelope.type
            return {"int": "an integer", "float": "a number", "bool": "true or false"}.get(kind, "")
        if isinstance(value, Time):  # sops-nix's YAML library leaves these as text
            return ""
        if value is None:
            return "empty (null)"
        if isinstance(value, bool):
            return "true or false"
        return "an integer" if isinstance(value, int) else "a number"

    def keys(self) -> Iterator[tuple[str, ...]]:
        """The path of every value of the first document, lists counted as one, without the metadata."""
        stack: list[tuple[tuple[str, ...], Node]] = [((), self._root)]
        while stack:
            path, node = stack.pop()
            if not isinstance(node, Branch):
                yield path
                continue
            for name, below in reversed(list(self._of(node).items())):
                flat = self.file.format == "dotenv"
                if not path and (name.startswith(PREFIX) if flat else name == BLOCK):
                    continue
                stack.append(((*path, name), below))

    def nearest(self, key: str) -> tuple[str, ...] | None:
        """The key that was perhaps meant: the same but for case and punctuation, or nearly the same."""
        self._searches += 1
        if self._searches > _SEARCHES:  # a file full of wrong references needs no advice for each
            return None
        names: dict[str, tuple[str, ...]] = {}
        for path in self.keys():
            if len(names) >= _SEARCHED:
                break
            names.setdefault(_plain("".join(path)), path)
        wanted = _plain(key)
        if wanted in names:
            return names[wanted]
        from difflib import get_close_matches

        close = get_close_matches(wanted, names, 1, 0.75)
        return names[close[0]] if close else None


def _plain(text: str) -> str:
    return "".join(char for char in text.lower() if char.isalnum())[:200]
