"""Whose secrets stand where: files and subtrees that belong to one host by their names."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sopsguard.inventory import Holder, folded
from sopsguard.sops.file import SopsFile

# Values that state a public fact of a host: anybody may read them.
_PUBLIC = frozenset(
    (
        "public",
        "pub",
        "public_key",
        "pubkey",
        "address",
        "ip",
        "host_key_pub",
        "recipient",
        "endpoint",
        "port",
    )
)


class Subtree(NamedTuple):
    """The private values of one host inside a file: the first of them, its line, and how many."""

    host: Holder
    key: str
    line: int
    number: int


def owner(path: str, hosts: Iterable[Holder]) -> Holder | None:
    """The host whose own file this is, by a folder or the name of the file; None if none or several."""
    folders, _, name = path.rpartition("/")
    words = {folded(part) for part in folders.split("/")} | {folded(name.partition(".")[0])}
    found = [host for host in hosts if words & {folded(name) for name in host.names}]
    return found[0] if len(found) == 1 else None


def subtrees(file: SopsFile, hosts: Iterable[Holder]) -> tuple[Subtree, ...]:
    """The hosts that have private values in a tree of this file, under a key that is their name."""
    by_name: Mapping[str, Holder] = {folded(name): host for host in hosts for name in host.names}
    found: dict[str, Subtree] = {}
    for leaf in file.leaves:
        if leaf.envelope is None or leaf.is_comment or str(leaf.path[-1]).lower() in _PUBLIC:
            continue
        host = next((by_name[w] for w in map(folded, map(str, leaf.path[:-1])) if w in by_name), None)
        if host is not None:
            first = found.get(host.name, Subtree(host, leaf.key, leaf.node.line, 0))
            found[host.name] = first._replace(number=first.number + 1)
    return tuple(found.values())
