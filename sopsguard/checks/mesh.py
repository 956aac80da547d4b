"""The nodes of a WireGuard mesh as Nix files and the inventory state them, those of one set together."""

from typing import TYPE_CHECKING, NamedTuple

from sopsguard.model import Location

if TYPE_CHECKING:
    from sopsguard.context import Context


class Node(NamedTuple):
    """One node. `addresses` are its own, without those it merely routes; `server` as far as anything says."""

    name: str
    where: Location
    addresses: tuple[str, ...]
    public: str | None
    server: bool | None


class Mesh(NamedTuple):
    """Nodes that stand in one set; `option` is that of the set, empty for the inventory."""

    option: str
    nodes: tuple[Node, ...]


def meshes(ctx: "Context") -> list[Mesh]:
    """Every set with two named nodes or more; sets in which a name is computed are left out."""
    found: dict[tuple[str, str], list[Node]] = {}
    for path, facts in ctx.nix.peers.items():
        for node in facts.wireguard if not facts.errors else ():
            parts = node.option.split(".")
            name = node.name.static if node.name is not None else None
            if name is None or len(parts) < 3:
                continue
            where = Location(path, node.place.line, node.place.column, key=node.option)
            own = tuple(filter(None, (single(a.static) for a in node.addresses)))
            stated = Node(name, where, own, node.public_key.static, node.is_server)
            found.setdefault((path, ".".join(parts[:-2])), []).append(stated)
    inventory = []
    for host in ctx.inventory.hosts:
        said = host.wireguard
        if said is not None and said.said.where.path == ctx.inventory.path:
            own = tuple(filter(None, (single(said.address),)))
            inventory.append(Node(host.name, said.said.where, own, said.public_key, said.server))
    sets = [Mesh(option, tuple(nodes)) for (_, option), nodes in found.items()]
    return [mesh for mesh in (*sets, Mesh("", tuple(inventory))) if len(mesh.nodes) > 1]


def single(text: str | None) -> str | None:
    """The address that belongs to one node alone: a plain one, or one in a network with its prefix."""
    import ipaddress

    try:
        interface = ipaddress.ip_interface((text or "").strip())
    except ValueError:
        return None
    network = interface.network
    if network.num_addresses > 1 and interface.ip == network.network_address:
        return None  # a network, which several may route
    return str(interface.ip)
