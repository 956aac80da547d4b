"""Every node of the mesh has an address of its own.

Two WireGuard nodes with one address: packets go to the peer that was configured last, and the other host is
gone from the network without an error anywhere. Compared are the nodes of one set in a Nix file, and the
hosts of `inventory.yaml`.

Remedy: give one of them the next free address.
"""

from collections.abc import Iterator

from sopsguard.checks.mesh import meshes
from sopsguard.context import Check, Context, Encrypted, Example
from sopsguard.model import Family, Finding, Level, printable


def run(ctx: Context) -> Iterator[Finding]:
    """The second of two nodes with one address."""
    for mesh in meshes(ctx):
        first: dict[str, str] = {}
        for node in mesh.nodes:
            for address in dict.fromkeys(node.addresses):
                other = first.setdefault(address, node.name)
                if other != node.name:
                    yield Finding(
                        node.where,
                        printable(
                            f"{node.name} has the address {address} of {other}: one of them is unreachable"
                        ),
                        "give one of them the next free address",
                        identity=f"{node.name} {address}",
                    )


CONFIG = "creation_rules:\n  - path_regex: ^secrets\\.yaml$\n    age: '{alice}'\n"
NODES = (
    "{ networking.mesh.nodes = {\n"
    '    turbine = { ip = "10.0.0.2"; publicKey = "{wireguard-public}"; };\n'
    '    battery = { ip = "10.0.0.ADDRESS"; publicKey = "{wireguard-public}"; };\n  }; }\n'
)
CHECK = Check(
    "duplicate-address",
    Family.SCHEMA,
    Level.WARNING,
    __doc__,
    run,
    Example(
        bad={
            ".sops.yaml": CONFIG,
            "mesh.nix": NODES.replace("ADDRESS", "2"),
            "secrets.yaml": Encrypted("password: see the safe\n"),
        },
        good={
            ".sops.yaml": CONFIG,
            "mesh.nix": NODES.replace("ADDRESS", "3"),
            "secrets.yaml": Encrypted("password: see the safe\n"),
        },
    ),
)
