"""Every host that has secrets exists.

Keys of a machine that is gone are keys that somebody may still hold, and nobody looks after. Held against the
inventory: `inventory.yaml`, or the hosts that the flake, `hosts/` and public keys show. Said only where other
hosts of the same tree are known, so that a tree of something else is not taken for one of hosts.

Remedy: remove what is left with `sops edit`; if the machine exists, add it to `inventory.yaml`.
"""

from collections.abc import Iterator

from sopsguard.checks.structural import located
from sopsguard.context import Check, Context, Encrypted, Example
from sopsguard.model import Confidence, Drop, Family, Finding, Level


def run(ctx: Context) -> Iterator[Finding]:
    """The subtrees of hosts that nobody knows."""
    found = [(path, e) for path, entries in ctx.structure.hosts.items() for e in entries if e.host]
    if not found:
        return
    inventory = ctx.inventory
    if not inventory.hosts:
        return
    known = {entry.kind for _, entry in found if entry.host and inventory.host(entry.host) is not None}
    for path, entry in found:
        holders = inventory.named(entry.host or "")
        if entry.kind not in known or any(holder.left is None for holder in holders):
            continue
        left = f" left on {holders[0].left}" if holders else " is no host that anything else shows"
        yield Finding(
            located(path, entry.place),
            f"{entry.place.key}: {entry.host}{left}",
            "remove it with `sops edit`, or add the host to `inventory.yaml`",
            Confidence.PROVED if holders or inventory.stated else Confidence.LIKELY,
            identity=entry.kind,
            intent=Drop(path, entry.place.path),
        )


INVENTORY = "hosts:\n  tower:\n    recipients: ['{alice}']\n"
CHECK = Check(
    "orphaned-host",
    Family.SCHEMA,
    Level.WARNING,
    __doc__,
    run,
    Example(
        bad={
            "inventory.yaml": INVENTORY,
            "secrets.yaml": Encrypted(
                "wireguard:\n  tower:\n    private_key: {wireguard-key}\n  attic:\n"
                "    private_key: {wireguard-key}\n"
            ),
        },
        good={
            "inventory.yaml": INVENTORY,
            "secrets.yaml": Encrypted("wireguard:\n  tower:\n    private_key: {wireguard-key}\n"),
        },
    ),
)
