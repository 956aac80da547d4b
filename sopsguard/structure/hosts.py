"""The subtrees of hosts in a document: `wireguard.HOST`, `ssh.HOST`, `age.HOST`, or `wireguard` alone in a
file for one host."""

from collections.abc import Iterator
from dataclasses import dataclass

from sopsguard.structure.shadow import Known, Object, Place, Shadow

# For each subtree the private half that makes it a host's own, and everything that shows what it is.
PRIVATE = {"wireguard": "private_key", "ssh": "host_key", "age": "private"}
MARKS = {
    "wireguard": frozenset(("private_key", "public_key", "preshared_key", "preshared_keys")),
    "ssh": frozenset(("host_key", "host_key_pub")),
    "age": frozenset(("private", "public")),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """What a document keeps of one kind for one host; `host` is None where the whole file is one host's."""

    kind: str
    host: str | None
    place: Place
    node: Object

    @property
    def is_own(self) -> bool:
        """Whether the private half is here, and not only what another host needs."""
        return PRIVATE[self.kind] in self.node.entries

    def text(self, name: str) -> tuple[Place, str] | None:
        """Place and text of a value in clear."""
        node = self.node.entries.get(name)
        if isinstance(node, Known) and isinstance(node.value, str):
            return self.node.places[name], node.value
        return None

    def place_of(self, name: str) -> Place:
        """The place of a key, or of the whole subtree without it."""
        return self.node.places.get(name, self.place)


def entries(document: Shadow) -> Iterator[Entry]:
    """Every subtree of a host in a document."""
    if not isinstance(document, Object):
        return
    for kind, marks in MARKS.items():
        tree = document.entries.get(kind)
        if not isinstance(tree, Object):
            continue
        if any(not isinstance(tree.entries[name], Object) for name in marks & tree.entries.keys()):
            yield Entry(kind, None, document.places[kind], tree)
            continue
        for host, node in tree.entries.items():
            if isinstance(node, Object) and marks & node.entries.keys():
                yield Entry(kind, host, tree.places[host], node)


def stem(path: str) -> str:
    """The name of a file without folders and endings: whose it is, where a file is one host's."""
    name = path.rpartition("/")[2]
    return name.partition(".")[0]
