"""Whoever can open a file is somebody: a host, a person or a service that the inventory knows.

A key that nobody claims is most often that of a machine or a person that went: taken out of `.sops.yaml`,
but `sops updatekeys` was never run on the file. The history of `.sops.yaml` then still tells its name.
Sometimes it is the key of somebody who has no business here. Without `inventory.yaml` only those unknown
keys are errors that a file has beyond its rule or that went by a name once; others without any name are
information.

Remedy: state the holder in `inventory.yaml`, or take the key out: from the rule, then `sops updatekeys`,
`sops rotate -i`, and new values for what it could read.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sopsguard.context import Check, Context, Encrypted, Example
from sopsguard.model import DropRecipient, Family, Finding, Level, ReKey, Unknown, printable

if TYPE_CHECKING:
    from sopsguard.access import Use, View


def run(ctx: Context) -> Iterator[Finding | Unknown]:
    """Unknown keys in rules, then those in files which their rule does not name."""
    view = ctx.access
    gained = view.gained
    told: set[tuple[str, str]] = set()
    for use in (*view.in_rules, *view.in_files):
        if (use.path, use.who) in told or use.who in gained or view.known(use.who) is not None:
            continue
        if use.rule is None and use.who in view.named_by_rule(use.path):
            continue  # told at the rule
        told.add((use.path, use.who))
        yield _finding(ctx, view, use)


def _finding(ctx: Context, view: "View", use: "Use") -> Finding:
    from sopsguard.sops.masterkey import AGE_KINDS, KeyKind

    extra = use.rule is None and view.managed.rule(use.path).rule is not None
    said = f"{view.name(use.who, use.key)} is nobody whom the inventory knows"
    former = _former_name(ctx, use)
    if former:
        said = f"{view.name(use.who, use.key)} was {former}"
    elif not view.inventory.stated:
        said = f"nothing says whose key {view.name(use.who, use.key)} is"
    if use.rule is None:
        said += ", and can open this file" + (", although its rule does not name it" if extra else "")
    level = None
    if not former and not extra and not view.inventory.stated:
        level = Level.INFO
    elif use.key.kind not in (*AGE_KINDS, KeyKind.PGP):
        level = Level.WARNING  # a key in a cloud is guarded there, by accounts
    hint = "state its holder in inventory.yaml, or take it out of the rule"
    if use.rule is None:
        hint = (
            f"`sops updatekeys {printable(use.path)}`, `sops rotate -i`, new values: this key has read them"
            if extra or former
            else "state its holder in inventory.yaml, or encrypt the file without it"
        )
    return Finding(
        use.where,
        printable(said),
        hint,
        level=level,
        identity=use.who,
        intent=ReKey(use.path) if use.rule is None else DropRecipient(use.path, use.key.text),
    )


def _former_name(ctx: Context, use: "Use") -> str:
    """The last name that a configuration had for a key, until when, and the commit that took it away."""
    from datetime import UTC, datetime

    readers = ctx.past_readers
    for former in readers.former_names(use.key.normal) if readers is not None else ():
        if former.moment is not None:
            day = datetime.fromtimestamp(former.moment.not_after, UTC).date().isoformat()
            since = (
                f", taken out of {former.config} by {former.moment.commit[:10]}"
                if former.moment.commit
                else ""
            )
            return f"{former.name} until {day}{since}"
    return ""


CHECK = Check(
    "unknown-recipient",
    Family.RECIPIENTS,
    Level.ERROR,
    __doc__,
    run,
    Example(
        bad={
            "inventory.yaml": "people:\n  alice:\n    recipients: ['{alice}']\n",
            "secrets.yaml": Encrypted("password: see the safe\n", to=("alice", "bob")),
        },
        good={
            "inventory.yaml": "people:\n  alice:\n    recipients: ['{alice}', '{bob}']\n",
            "secrets.yaml": Encrypted("password: see the safe\n", to=("alice", "bob")),
        },
    ),
)
