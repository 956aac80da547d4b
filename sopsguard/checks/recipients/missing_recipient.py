"""Whoever has to read a file can read it.

A file that is a host's own by its place (`hosts/turbine/secrets.yaml`, `secrets/turbine.yaml`) and is
encrypted for other hosts, but not for that one, is of no use to it: the host fails at activation. And where
the policy demands people or offline recovery keys (`recipients: people: 1, offline: 1`), every file needs
them: a file that only machines can open is lost with the machines.

Remedy: name the missing recipient in the creation rule, then `sops updatekeys`.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sopsguard.context import Check, Context, Encrypted, Example
from sopsguard.model import Family, Finding, Level, Location, printable

if TYPE_CHECKING:
    from sopsguard.access import Reach, View


def run(ctx: Context) -> Iterator[Finding]:
    """The host of the place, then what the policy counts."""
    from sopsguard.access import owners

    view = ctx.access
    for path, reach in view.reach.items():
        line = next((use.line for use in view.in_files if use.path == path), None)
        where = Location(path, line, key="sops")
        owner = owners.owner(path, view.own_hosts)
        drift = ctx.drifts.get(path)
        if owner is not None and owner.readers and not owner.readers & reach.everyone:
            others = [h for who in reach.everyone for h in view.hosts(who)]
            # What its rule names already, recipient-drift tells; a file for people only may be meant so.
            drifted = (
                drift is not None and {view.inventory.reader(i) for i in drift[0].missing} & owner.readers
            )
            if others and not drifted:
                name = printable(owner.name)
                yield Finding(
                    where,
                    f"{name} cannot read this file, its own by its place; {printable(others[0].name)} can",
                    f"name {name} in the creation rule, then `sops updatekeys {printable(path)}`",
                    identity=owner.name,
                )
        yield from _counted(view, path, reach, where)


def _counted(view: "View", path: str, reach: "Reach", where: Location) -> Iterator[Finding]:
    from sopsguard.inventory import Kind

    demands = view.demands
    holders = {
        (h.kind, h.name): h for who in reach.direct for h in view.inventory.holders(who) if h.left is None
    }
    people = sum(kind is Kind.PERSON for kind, _ in holders)
    offline = sum(
        any(k.holder.offline or view.is_offline(k.holder, who) for k in view.inventory.who(who))
        for who in reach.direct
    )
    for have, wanted, one, many in (
        (people, demands.people, "person", "people"),
        (offline, demands.offline, "offline recovery key", "offline recovery keys"),
    ):
        if have < wanted:
            need = f"{wanted} {one if wanted == 1 else many}"
            yield Finding(
                where,
                f"{have or 'no'} {one if have == 1 else many} can open this file; the policy demands {need}",
                f"add one to the creation rule, then `sops updatekeys {printable(path)}`",
                identity=one,
            )


CHECK = Check(
    "missing-recipient",
    Family.RECIPIENTS,
    Level.ERROR,
    __doc__,
    run,
    Example(
        bad={
            ".sopsguard.yaml": "recipients:\n  people: 1\n",
            "inventory.yaml": "hosts:\n  turbine:\n    recipients: ['{alice}']\n"
            "  battery:\n    recipients: ['{bob}']\n",
            "secrets.yaml": Encrypted("password: see the safe\n", to=("alice", "bob")),
        },
        good={
            ".sopsguard.yaml": "recipients:\n  people: 1\n",
            "inventory.yaml": "hosts:\n  turbine:\n    recipients: ['{alice}']\n"
            "people:\n  bob:\n    recipients: ['{bob}']\n",
            "secrets.yaml": Encrypted("password: see the safe\n", to=("alice", "bob")),
        },
    ),
)
