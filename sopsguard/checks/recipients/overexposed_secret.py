"""What belongs to one host is readable by that host and by people, not by other hosts.

One file for everything, encrypted for every host, is how most infrastructures begin: then each machine can
read the WireGuard, SSH and age private keys of all the others, and whoever breaks into one has them all.
"Per-device revocation" holds only with a file (or a rule) per host.

Remedy: move the host's subtree into a file of its own, with a creation rule that names the host and the
people; then replace the keys, because the other hosts have read them.
"""

from collections.abc import Iterator

from sopsguard.context import Check, Context, Encrypted, Example
from sopsguard.model import Family, Finding, Level, Location, printable


def run(ctx: Context) -> Iterator[Finding]:
    """One finding for each file: whose secrets, and which other hosts read them."""
    from sopsguard.access import owners

    view = ctx.access
    for path, reach in view.reach.items():
        readers = {host.name for who in reach.everyone for host in view.hosts(who)}
        if (owner := owners.owner(path, view.own_hosts)) is not None:
            if strangers := sorted(readers - {owner.name}):
                yield _finding(Location(path, key="sops"), [owner.name], strangers)
            continue
        trees = owners.subtrees(view.files[path], view.own_hosts) if readers else ()
        whose = [tree.host.name for tree in trees]
        if strangers := sorted(name for name in readers if set(whose) - {name}):
            yield _finding(Location(path, trees[0].line, key=trees[0].key), whose, strangers)


def _finding(where: Location, whose: list[str], strangers: list[str]) -> Finding:
    mutual = len(whose) > 1 and set(strangers) <= set(whose)
    what = "each other's secrets" if mutual else f"secrets of {_listed(whose)}"
    return Finding(
        where,
        printable(f"{_listed(strangers)} can read {what} here"),
        "a file per host, encrypted for that host and for people",
        identity=",".join(whose),
    )


def _listed(names: list[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


CHECK = Check(
    "overexposed-secret",
    Family.RECIPIENTS,
    Level.INFO,
    __doc__,
    run,
    Example(
        bad={
            "inventory.yaml": "hosts:\n  turbine:\n    recipients: ['{alice}']\n"
            "  battery:\n    recipients: ['{bob}']\n",
            "secrets.yaml": Encrypted(
                "disk:\n  turbine:\n    passphrase: see the safe\n", to=("alice", "bob")
            ),
        },
        good={
            "inventory.yaml": "hosts:\n  turbine:\n    recipients: ['{alice}']\n"
            "people:\n  bob:\n    recipients: ['{bob}']\n",
            "secrets.yaml": Encrypted(
                "disk:\n  turbine:\n    passphrase: see the safe\n", to=("alice", "bob")
            ),
        },
    ),
)
