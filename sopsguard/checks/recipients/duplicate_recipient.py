"""Nobody is listed twice, and no key goes by two names.

The same recipient twice in a key group, or an SSH key beside the age key that ssh-to-age makes of it, is one
reader who looks like two: taking out one entry takes nothing away. One key under two names is worse: two
hosts that were installed with the same key, or a person who cannot be revoked without the other.

Remedy: keep one entry. Two holders with one key: give one of them a key of its own.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sopsguard.context import Check, Context, Encrypted, Example
from sopsguard.model import Family, Finding, Level, Location, printable

if TYPE_CHECKING:
    from sopsguard.access import Use, View
    from sopsguard.sops.rules import Anchor


def run(ctx: Context) -> Iterator[Finding]:
    """Twice in one group of a rule or of a file, then twice in the inventory."""
    view = ctx.access
    seen: dict[tuple[str, int, int], dict[str, Use]] = {}
    told: set[tuple[str, str]] = set()
    ruled = {use.who for use in view.in_rules}
    for use in (*view.in_rules, *view.in_files):
        number = use.rule.index if use.rule is not None else -1
        group = seen.setdefault((use.path, number, use.group), {})
        first = group.setdefault(use.who, use)
        # What the rule says twice the file has twice: told where it is to be mended.
        if first is use or (use.path, use.who) in told or (use.rule is None and use.who in ruled):
            continue
        told.add((use.path, use.who))
        yield _twice(view, first, use)
    if view.managed.whole:
        yield from _two_names(view)
        yield from _two_anchors(view)


def _twice(view: "View", first: "Use", again: "Use") -> Finding:
    same = first.key.normal == again.key.normal
    how = (
        "is listed twice in one group" if same else "is listed twice: as an SSH key and as the age key of it"
    )
    line = f" (also in line {first.line})" if first.line and first.line != again.line else ""
    return Finding(
        again.where,
        printable(f"{view.name(again.who, again.key)} {how}{line}"),
        "keep one entry" + ("; then `sops updatekeys` on the file" if again.rule is None else ""),
        identity=again.who,
    )


def _two_names(view: "View") -> Iterator[Finding]:
    """Holders that share a key."""
    for who in dict.fromkeys(use.who for use in (*view.in_rules, *view.in_files)):
        holders = [h for h in view.holders(who) if h.left is None and h.exists]
        if len(holders) < 2:
            continue
        where = next(s.where for h in holders[1:] for s in (*(r.said for r in h.recipients), *h.said))
        names = " and ".join(h.name for h in holders[:4])
        yield Finding(
            where._replace(key=holders[1].name),
            printable(f"{names} are one key ({view.shown(who)}): whoever has it is all of them"),
            "give each a key of its own; one that was never in use is taken out",
            identity=who,
        )


def _two_anchors(view: "View") -> Iterator[Finding]:
    """Anchors of one configuration that hold one key."""
    for path, config in view.managed.configs.items():
        first: dict[str, Anchor] = {}
        for anchor in config.anchors:
            if anchor.key is None:
                continue
            who = view.inventory.reader(anchor.key)
            other = first.setdefault(who, anchor)
            # Two hosts that exist are told of as hosts.
            if other is not anchor and len([h for h in view.holders(who) if h.exists]) < 2:
                yield Finding(
                    Location(path, anchor.span.line, anchor.span.column, key=anchor.name),
                    printable(f"&{anchor.name} and &{other.name} are one key ({view.shown(who)})"),
                    "keep one of the names; if they are two holders, each needs a key of its own",
                    identity=who,
                )


CHECK = Check(
    "duplicate-recipient",
    Family.RECIPIENTS,
    Level.WARNING,
    __doc__,
    run,
    Example(
        bad={
            ".sops.yaml": "creation_rules:\n  - path_regex: ^s\\.yaml$\n    age: {alice},{bob},{alice}\n",
            "s.yaml": Encrypted("password: see the safe\n", to=("alice", "bob")),
        },
        good={
            ".sops.yaml": "creation_rules:\n  - path_regex: ^s\\.yaml$\n    age: {alice},{bob}\n",
            "s.yaml": Encrypted("password: see the safe\n", to=("alice", "bob")),
        },
    ),
)
