"""Every host has all the secrets that hosts have here.

Where most hosts keep a WireGuard key, an SSH host key or an age identity in a SOPS file, one without it was
perhaps forgotten, and cannot be installed again. Where spokes have a preshared key, one without it has a
weaker tunnel than the others. Information only: laptops, images and machines in the making often have less.
Said when the whole repository is judged.

Remedy: generate what is missing and store it with `sops edit`.
"""

from collections import Counter
from collections.abc import Iterator

from sopsguard.checks.structural import located
from sopsguard.context import Check, Context, Encrypted, Example
from sopsguard.model import Confidence, Family, Finding, Generate, Level, Location
from sopsguard.structure.hosts import stem

NOUNS = {"wireguard": "WireGuard private key", "ssh": "SSH host key", "age": "age identity"}


def run(ctx: Context) -> Iterator[Finding]:
    """The hosts that lack what at least half of them have."""
    if not ctx.managed.whole or not ctx.structure.hosts:
        return
    inventory = ctx.inventory
    hosts = [host for host in inventory.hosts if host.exists and not host.image]
    has: dict[str, dict[str, str]] = {}
    preshared: set[str] = set()
    nodes = []
    for path, entries in ctx.structure.hosts.items():
        for entry in entries:
            host = inventory.host(entry.host or stem(path))
            if host is None:
                continue
            if entry.is_own:
                has.setdefault(entry.kind, {})[host.name] = path
                nodes += [(path, entry, host)] if entry.kind == "wireguard" else []
            if entry.kind == "wireguard" and "preshared_key" in entry.node.entries:
                preshared.add(host.name)
    for kind, paths in has.items():
        if len(paths) < 2 or 2 * len(paths) < len(hosts):
            continue
        usual = Counter(paths.values()).most_common(1)[0]
        for host in hosts:
            # Of a host with nothing at all others say that it reads nothing.
            if host.name not in paths and any(host.name in others for others in has.values()):
                yield Finding(
                    Location(usual[0], key=f"{kind}.{host.name}") if usual[1] > 1 else host.where,
                    f"{host.name} has no {NOUNS[kind]} in a SOPS file, as {len(paths)} other hosts have",
                    "generate it and store it with `sops edit`, if the host should have one",
                    Confidence.POSSIBLE,
                    identity=f"{kind} {host.name}",
                    intent=Generate(host.name, kind),
                )
    without = [(path, entry, host) for path, entry, host in nodes if host.name not in preshared]
    # One without is the hub, which has none of its own.
    spokes = [n for n in without if n[2].wireguard is not None and n[2].wireguard.server is False]
    if len(without) > 1 and 2 * len(preshared) >= len(nodes):
        for path, entry, host in spokes or without:
            yield Finding(
                located(path, entry.place),
                f"{host.name} has no preshared key for its tunnel, as {len(preshared)} other hosts have",
                "`wg genpsk`, and the same key for it and the hub",
                Confidence.POSSIBLE,
                identity=f"preshared {host.name}",
                intent=Generate(host.name, "preshared"),
            )


INVENTORY = (
    "hosts:\n  tower:\n    recipients: ['{alice}']\n"
    "  attic:\n    aliases: [loft]\n  cellar:\n    aliases: [vault]\n"
)
KEYS = "wireguard:\n  tower:\n    private_key: {wireguard-key}\n  attic:\n    private_key: {wireguard-key}\n"
OTHER = "age:\n  cellar:\n    private: {age-identity}\n"
CHECK = Check(
    "incomplete-host",
    Family.SCHEMA,
    Level.INFO,
    __doc__,
    run,
    Example(
        bad={"inventory.yaml": INVENTORY, "secrets.yaml": Encrypted(f"{OTHER}{KEYS}")},
        good={
            "inventory.yaml": INVENTORY,
            "secrets.yaml": Encrypted(f"{OTHER}{KEYS}  cellar:\n    private_key: {{wireguard-key}}\n"),
        },
    ),
)
