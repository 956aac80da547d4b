"""Nobody who left, and no host that is gone, can open a file.

Somebody stated under `former` in the inventory, or a host of which only an anchor in `.sops.yaml` is left
while other hosts exist in the tree, still stands in a creation rule or can still open a file. It is an
error where the rule of the file does not name the key any more, else a warning: then nothing was begun yet.

Remedy: take the key out of the rule, `sops updatekeys` and `sops rotate -i` on each of its files, and replace
the values that it could read: taking out a key does not make anybody forget.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sopsguard.context import Check, Context, Encrypted, Example
from sopsguard.model import DropRecipient, Family, Finding, Level, ReKey, printable

if TYPE_CHECKING:
    from sopsguard.access import Use, View


def run(ctx: Context) -> Iterator[Finding]:
    """Those who left, in rules first, then in files whose rule does not name them any more."""
    view = ctx.access
    told: set[tuple[str, str]] = set()
    for use in (*view.in_rules, *view.in_files):
        if (use.path, use.who) in told or (use.rule is None and use.who in view.named_by_rule(use.path)):
            continue
        if gone := _gone(view, use):
            told.add((use.path, use.who))
            what = "can open this file" if use.rule is None else f"is still named by {use.rule.title}"
            yield Finding(
                use.where,
                printable(f"{view.name(use.who, use.key)} {gone}, and {what}"),
                "take it out, `sops updatekeys`, `sops rotate -i`, and new values for what it could read",
                level=None if use.rule is None and view.managed.rule(use.path).rule else Level.WARNING,
                identity=use.who,
                intent=ReKey(use.path) if use.rule is None else DropRecipient(use.path, use.key.text),
            )


def _gone(view: "View", use: "Use") -> str | None:
    known = view.inventory.who(use.who)
    if not known or any(not k.former and k.holder.exists for k in known):
        return None
    if (left := next((k.holder.left for k in known if k.former), None)) is not None:
        return f"left on {left}"
    if any(view.is_vanished_host(k.holder) for k in known):
        return "is a host that exists nowhere else in this repository"
    return None


CHECK = Check(
    "former-recipient",
    Family.RECIPIENTS,
    Level.ERROR,
    __doc__,
    run,
    Example(
        bad={
            "inventory.yaml": "people:\n  alice:\n    recipients: ['{alice}']\n"
            "former:\n  bob:\n    left: 2026-01-31\n    recipients: ['{bob}']\n",
            ".sops.yaml": "creation_rules:\n  - path_regex: ^secrets\\.yaml$\n    age: {alice}\n",
            "secrets.yaml": Encrypted("password: see the safe\n", to=("alice", "bob")),
        },
        good={
            "inventory.yaml": "people:\n  alice:\n    recipients: ['{alice}', '{bob}']\n",
            "secrets.yaml": Encrypted("password: see the safe\n", to=("alice", "bob")),
        },
    ),
)
