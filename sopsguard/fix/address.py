"""The next free address in the mesh."""

from collections.abc import Iterator
from ipaddress import IPv4Interface, IPv6Interface, ip_interface

from sopsguard.context import Context
from sopsguard.model import UserError

DEFAULT = "10.0.0.0/24"
_SEARCHED = 1 << 16


def taken(ctx: Context) -> tuple[str, ...]:
    """Every address that the inventory, Nix and the secrets in clear or opened state for a node."""
    return tuple(dict.fromkeys(_stated(ctx)))


def _stated(ctx: Context) -> Iterator[str]:
    for host in ctx.inventory.hosts:
        if host.wireguard is not None and host.wireguard.address:
            yield host.wireguard.address.strip()
    for facts in ctx.nix.peers.values():
        for node in facts.wireguard:
            yield from (a.static.strip() for a in node.addresses if a.static)
    for entries in ctx.structure.hosts.values():
        for entry in entries:
            for name in ("ip", "address") if entry.kind == "wireguard" else ():
                if (stated := entry.text(name)) is not None:
                    yield stated[1].strip()


def next_free(used: tuple[str, ...], hub: bool) -> str:
    """The lowest address that nobody has, in the network of the others (without a prefix: a /24, or /64).

    Without others it is the network 10.0.0.0/24, of which the first address is left to the hub. Raises
    `UserError` for a network without room.
    """
    own = [found for text in used if (found := _interface(text)) is not None]
    if own:
        first = own[0]
        wide = next((i for i in own if i.network.num_addresses > 1 and first.ip in i.network), None)
        size = 24 if first.version == 4 else 64
        network = wide.network if wide else ip_interface(f"{first.ip}/{size}").network
    else:
        network = ip_interface(DEFAULT).network
    have = {int(i.ip) for i in own}
    start = int(network.network_address) + (1 if own or hub else 2)
    end = int(network.broadcast_address) - (1 if network.version == 4 else 0)
    for number in range(start, min(end, start + _SEARCHED) + 1):
        if number not in have:
            return str(network.network_address + (number - int(network.network_address)))
    raise UserError(f"no address is free in {network}", "state one in the inventory: wireguard: {address: …}")


def _interface(text: str) -> IPv4Interface | IPv6Interface | None:
    try:
        return ip_interface(text)
    except ValueError:
        return None
