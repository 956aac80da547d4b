"""Public keys of one WireGuard node that do not agree: between Nix files, and with the secrets."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from sopsguard.keys import wireguard
from sopsguard.model import Location
from sopsguard.nix.stated import NixFacts, WireguardNode

if TYPE_CHECKING:
    from sopsguard.sops.opening import Opened, Refused

_PRIVATE = ("private_key", "privatekey", "private-key", "private")


class Mismatch(NamedTuple):
    """A place that states another public key for `node` than `other` does. `proved`: the other one was
    derived from the private key."""

    where: Location
    node: str
    public: str
    other: Location
    proved: bool


class _Stated(NamedTuple):
    path: str
    node: WireguardNode
    name: str
    public: str


def mismatches(facts: Mapping[str, NixFacts], opened: "Mapping[str, Opened | Refused]") -> Iterator[Mismatch]:
    """For every node: the places that differ from its private key, or else from what most places state.

    Two places speak of one node if the option is the same and no address says otherwise.
    """
    derived: dict[str, tuple[str, Location]] = {}
    several = set()
    for known, found_key in _derived(opened):
        if derived.setdefault(known, found_key)[0] != found_key[0]:
            several.add(known)  # a node of two meshes: which key is meant is not known
    groups: dict[tuple[str, str], list[_Stated]] = {}
    for path, found in facts.items():
        for node in found.wireguard if not found.errors else ():
            name = None if node.name is None else node.name.static
            public = node.public_key.static
            if name is None or public is None or not _is_public(public):
                continue
            option = node.option.removeprefix("config.")  # where a module has options of its own too
            groups.setdefault((name, option), []).append(_Stated(path, node, name, public))
    for (name, _), group in sorted(groups.items()):
        if name in several:
            continue
        if name in derived:
            public, place = derived[name]
            for stated in group:
                if stated.public != public:
                    yield Mismatch(_place(stated), name, stated.public, place, proved=True)
            continue
        yield from _disagreeing(name, group)


def _disagreeing(name: str, group: list[_Stated]) -> Iterator[Mismatch]:
    counts: dict[str, list[_Stated]] = {}
    for stated in group:
        counts.setdefault(stated.public, []).append(stated)
    if len(counts) < 2 or len({s.path for s in group}) < 2:
        return
    # What most places state is taken for right; of a tie, the first.
    right = max(counts.values(), key=len)[0]
    for stated in group:
        if stated.public != right.public and _may_be_one(stated.node, right.node):
            yield Mismatch(_place(stated), name, stated.public, _place(right), proved=False)


def _may_be_one(one: WireguardNode, other: WireguardNode) -> bool:
    addresses = [
        {a.static.partition("/")[0] for a in node.addresses if a.static is not None} for node in (one, other)
    ]
    return not all(addresses) or not addresses[0].isdisjoint(addresses[1])


def _place(stated: _Stated) -> Location:
    place = stated.node.place
    return Location(stated.path, place.line, place.column, key=stated.node.option)


def _is_public(text: str) -> bool:
    key = wireguard.key(text)
    return len(text) == 44 and isinstance(key, wireguard.Key) and key.on_field


def _derived(opened: "Mapping[str, Opened | Refused]") -> Iterator[tuple[str, tuple[str, Location]]]:
    """The public key of each node whose private key was opened: `wireguard.<node>.private_key`."""
    from sopsguard.sops.opening import Opened

    for path, found in sorted(opened.items()):
        for leaf in found.leaves if isinstance(found, Opened) else ():
            keys = [part.lower() if isinstance(part, str) else "" for part in leaf.path]
            if len(keys) < 3 or keys[-1] not in _PRIVATE or not {"wireguard", "wg"} & set(keys[:-2]):
                continue
            key = wireguard.key(leaf.value) if isinstance(leaf.value, str) and not leaf.comment else None
            if isinstance(key, wireguard.Key):
                name = str(leaf.path[-2])
                yield name, (key.public, Location(path, key=".".join(map(str, leaf.path))))
