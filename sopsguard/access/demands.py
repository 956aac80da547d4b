"""What the policy demands of recipients: the section `recipients` of `.sopsguard.yaml`.

recipients:
  kinds: [x25519, ssh, plugin]    # which kinds of keys may open files; all, if it is not said
  people: 1                       # how many people must be able to open each file
  offline: 1                      # how many offline recovery keys
"""

from dataclasses import dataclass

from sopsguard.sops.masterkey import KeyKind
from sopsguard.strict import Node, listed, mistake, named, nearest

KINDS = tuple(kind.value for kind in KeyKind if kind is not KeyKind.UNKNOWN)
# More than this many people per file is a slip of the finger.
_MOST = 99


@dataclass(frozen=True, slots=True)
class Demands:
    """`kinds`: the allowed kinds of recipients, empty for all; `people` and `offline`: how many of them have
    to be able to open each file."""

    kinds: frozenset[str] = frozenset()
    people: int = 0
    offline: int = 0


def demands(section: Node | None) -> Demands:
    """What the section says. Raises `UserError` with the line of the first mistake."""
    if section is None:
        return Demands()
    fields = named(section, ("kinds", "people", "offline"), "a setting of recipients")
    kinds = set()
    for item in listed(fields["kinds"], "kinds") if "kinds" in fields else ():
        if item.value not in KINDS:
            raise mistake(item, f"{item.value!r} is not a kind of recipient", nearest(str(item.value), KINDS))
        kinds.add(item.value)
    return Demands(frozenset(kinds), _count(fields, "people"), _count(fields, "offline"))


def _count(fields: dict[str, Node], name: str) -> int:
    node = fields.get(name)
    if node is None:
        return 0
    text = node.value
    if not isinstance(text, str) or not text.isascii() or not text.isdigit() or not 0 <= int(text) <= _MOST:
        raise mistake(node, f"{name} must be a number from 0 to {_MOST}", "how many of them each file needs")
    return int(text)
