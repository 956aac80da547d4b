"""A mesh with a hub has exactly one, and every node of it a key of its own.

With two hubs, or none, spokes do not find each other. Two nodes with one public key share one private key, or
one of the keys was copied to the wrong line: WireGuard knows a peer by its key alone, so only one of them is
ever reached. Read from the sets of nodes in Nix files that say which node is the server (`isServer`), and
from `inventory.yaml`.

Remedy: mark one node as the server, and give each node the public key of its own private key.
"""

from collections.abc import Iterator

from sopsguard.checks.mesh import Mesh, meshes
from sopsguard.context import Check, Context, Encrypted, Example
from sopsguard.keys import wireguard
from sopsguard.model import Family, Finding, Level, printable


def run(ctx: Context) -> Iterator[Finding]:
    """Meshes without one hub, and public keys given twice."""
    for mesh in meshes(ctx):
        yield from _hubs(mesh)
        yield from _keys(mesh)


def _hubs(mesh: Mesh) -> Iterator[Finding]:
    servers = [node for node in mesh.nodes if node.server]
    said = any(node.server is not None for node in mesh.nodes) or "mesh" in mesh.option.lower()
    if len(servers) > 1:
        names = ", ".join(node.name for node in servers)
        yield Finding(
            servers[1].where,
            printable(f"{len(servers)} nodes of the mesh are its server ({names}); spokes connect to one"),
            "take `isServer` from all but the hub",
            identity="hubs",
        )
    elif not servers and said and mesh.option and len(mesh.nodes) > 2:
        yield Finding(
            mesh.nodes[0].where,
            f"none of the {len(mesh.nodes)} nodes of the mesh is its server: a spoke has nothing to reach",
            "mark the hub with `isServer = true`",
            identity="no hub",
        )


def _keys(mesh: Mesh) -> Iterator[Finding]:
    first: dict[str, str] = {}
    for node in mesh.nodes:
        if not isinstance(wireguard.key(node.public or ""), wireguard.Key) or node.public is None:
            continue
        other = first.setdefault(node.public, node.name)
        if other != node.name:
            yield Finding(
                node.where,
                printable(f"{node.name} has the public key of {other}: only one of them is ever reached"),
                "give each node the public key of its own private key",
                identity=f"{node.name} {node.public}",
            )


CONFIG = "creation_rules:\n  - path_regex: ^secrets\\.yaml$\n    age: '{alice}'\n"
NODES = (
    "{ networking.mesh.nodes = {\n"
    '    tower = { ip = "10.0.0.1"; publicKey = "{wireguard-public}"; isServer = true; };\n'
    '    attic = { ip = "10.0.0.2"; publicKey = "{wireguard-public}"; MORE };\n'
    '    cellar = { ip = "10.0.0.3"; publicKey = "{wireguard-public}"; };\n  }; }\n'
)
CHECK = Check(
    "mesh-fault",
    Family.SCHEMA,
    Level.WARNING,
    __doc__,
    run,
    Example(
        bad={
            ".sops.yaml": CONFIG,
            "mesh.nix": NODES.replace("MORE", "isServer = true;"),
            "secrets.yaml": Encrypted("password: see the safe\n"),
        },
        good={
            ".sops.yaml": CONFIG,
            "mesh.nix": NODES.replace("MORE ", ""),
            "secrets.yaml": Encrypted("password: see the safe\n"),
        },
    ),
)
