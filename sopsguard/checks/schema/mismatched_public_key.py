"""Everybody states the same public key for a node of the mesh.

The public key of a WireGuard node stands in the configuration of every other node. Where one states another
key, that tunnel is dead, and WireGuard says nothing of it. Compared are public keys in Nix that stand under
the same option for the same name, and with an identity the key that belongs to `wireguard.<node>.private_key`
of an opened file.

Remedy: put the public key that belongs to the private one in every place.
"""

from collections.abc import Iterator

from sopsguard.context import Check, Context, Encrypted, Example
from sopsguard.model import Confidence, Family, Finding, Level, printable


def run(ctx: Context) -> Iterator[Finding]:
    """Each place that differs."""
    from sopsguard.references.mesh import mismatches

    for found in mismatches(ctx.nix.peers, ctx.opened):
        other = found.other.path + (f":{found.other.line}" if found.other.line else "")
        right = f"the private key in {other}" if found.proved else f"what {other} states"
        yield Finding(
            found.where,
            printable(
                f"the public key of {found.node} is not {'that of ' if found.proved else ''}{right}: "
                f"this tunnel is dead"
            ),
            "put the public key that belongs to the private one in every place",
            Confidence.PROVED if found.proved else Confidence.LIKELY,
            identity=found.public,
        )


CONFIG = "creation_rules:\n  - path_regex: ^secrets\\.yaml$\n    age: '{alice}'\n"
MESH = '{ networking.mesh.nodes.turbine = { ip = "10.0.0.2"; publicKey = "{wireguard-public}"; }; }\n'
KEYLESS = '{ networking.mesh.nodes.turbine = { ip = "10.0.0.2"; publicKey = ""; }; }\n'
CHECK = Check(
    "mismatched-public-key",
    Family.SCHEMA,
    Level.ERROR,
    __doc__,
    run,
    Example(
        bad={
            ".sops.yaml": CONFIG,
            "hub.nix": MESH,
            "spoke.nix": MESH,
            "secrets.yaml": Encrypted("password: see the safe\n"),
        },
        good={
            ".sops.yaml": CONFIG,
            "hub.nix": MESH,
            "spoke.nix": KEYLESS,
            "secrets.yaml": Encrypted("password: see the safe\n"),
        },
    ),
)
