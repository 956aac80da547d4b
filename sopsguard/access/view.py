"""Everything that rules and reports ask about access in one snapshot: readers, who they are, what changed."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from sopsguard.access.change import EVERYONE, Change, between
from sopsguard.access.demands import Demands
from sopsguard.access.readers import Reach, clusters, reach
from sopsguard.inventory import Holder, How, Inventory, Kind, Known
from sopsguard.inventory.readers import shown
from sopsguard.managed import Managed
from sopsguard.model import Location
from sopsguard.sops.file import SopsFile
from sopsguard.sops.masterkey import Key, abbreviated

if TYPE_CHECKING:
    from sopsguard.sops.rules import Rule


NOTHING = Demands()


class Use(NamedTuple):
    """One place that names a recipient: in the metadata of a file, or in a creation rule (`rule`)."""

    who: str
    key: Key
    path: str
    line: int | None
    column: int | None
    group: int
    rule: "Rule | None" = None

    @property
    def where(self) -> Location:
        """The place, for a finding."""
        key = "sops" if self.rule is None else f"creation_rules.{self.rule.index}"
        return Location(self.path, self.line, self.column, key=key)


class View:
    """The access side of one judgement. `before` is the old side, None where there is none; `demands` is
    what the policy asks of recipients."""

    def __init__(
        self, managed: Managed, before: Managed | None, inventory: Inventory, demands: Demands = NOTHING
    ) -> None:
        self.managed = managed
        self.before = before
        self.inventory = inventory
        self.demands = demands

    @cached_property
    def files(self) -> Mapping[str, SopsFile]:
        """The SOPS files under judgement that can be read."""
        return {p: f for p, f in self.managed.files.items() if isinstance(f, SopsFile)}

    @cached_property
    def reach(self) -> Mapping[str, Reach]:
        """Who reads each of them."""
        return reach(self.files, self.inventory.reader)

    @cached_property
    def clusters(self) -> tuple[tuple[str, ...], ...]:
        """The sets of files that share a data key."""
        return clusters(self.files)

    @cached_property
    def in_files(self) -> tuple[Use, ...]:
        """Every recipient of every file under judgement."""
        return tuple(
            Use(self.inventory.reader(r.key), r.key, path, r.line, r.column, r.group)
            for path, file in self.files.items()
            for r in file.metadata.recipients
        )

    @cached_property
    def in_rules(self) -> tuple[Use, ...]:
        """Every recipient of every creation rule; none where only single files are judged."""
        return tuple(self._rules(self.managed)) if self.managed.whole else ()

    def _rules(self, managed: Managed) -> Iterator[Use]:
        for path, config in managed.configs.items():
            for rule in config.rules:
                for number, group in enumerate(rule.groups):
                    for key in group:
                        span = key.span or rule.span
                        who = self.inventory.reader(key)
                        yield Use(who, key, path, span.line, span.column, number, rule)

    @cached_property
    def change(self) -> Change | None:
        """What the change under judgement does to access; None where there is no old side.

        Most changes of values touch no reader: only where a file came, or has other recipients than before,
        or a configuration changed, is the rest of the repository looked at, because a copy or a shared data
        key may reach into it.
        """
        if self.before is None:
            return None
        before, now = self.before, self.managed
        if not now.whole and self._readers_changed:
            before, now = Managed(before.snapshot), Managed(now.snapshot)
        return between(before, now, self.inventory.reader)

    @property
    def _readers_changed(self) -> bool:
        assert self.before is not None
        for path, file in self.files.items():
            old = self.before.files.get(path)
            if not isinstance(old, SopsFile):
                return True
            if _recipients(old) != _recipients(file):
                return True
        return False

    @cached_property
    def gained(self) -> frozenset[str]:
        """The readers whom `access-gained` tells of as errors: nothing more need be said about them."""
        gains = self.change.gained if self.change is not None else ()
        return frozenset(g.who for g in gains if g.newcomer and not self.vouched(g.who))

    @cached_property
    def _named(self) -> dict[int, frozenset[str]]:
        return {}

    def named_by_rule(self, path: str) -> frozenset[str]:
        """The readers that the creation rule of a file names; none where no rule is under judgement."""
        rule = self.managed.rule(path).rule if self.managed.whole else None
        if rule is None:
            return frozenset()
        if id(rule) not in self._named:
            self._named[id(rule)] = frozenset(map(self.inventory.reader, rule.keys))
        return self._named[id(rule)]

    def is_vanished_host(self, holder: Holder) -> bool:
        """Whether it is a host by its name only, while other hosts of this repository can be seen."""
        return holder.kind is Kind.HOST and not holder.exists and any(h.exists for h in self.inventory.hosts)

    @staticmethod
    def is_offline(holder: Holder, who: str) -> bool:
        """Whether this key of the holder is kept off every network."""
        return any(r.reader == who and r.offline for r in holder.recipients)

    # --- words -----------------------------------------------------------------------------------------

    @staticmethod
    def shown(who: str) -> str:
        """A reader without any name, short enough for a message."""
        return shown(who)

    def known(self, who: "Key | str") -> Known | None:
        """The best answer to whose this is."""
        return next(iter(self.inventory.who(who)), None)

    def vouched(self, who: "Key | str") -> bool:
        """Whether the inventory states this reader, or a committed key proves it: more than a name, not
        brought by the change under judgement itself, and not somebody who left."""
        return any(k.how is not How.NAMED and not k.added and not k.former for k in self.inventory.who(who))

    def name(self, who: str, key: Key | None = None) -> str:
        """A reader as people call it, with the beginning of the key: `powerhouse (age1…)`."""
        if who == EVERYONE:
            return "everyone who can read the repository"
        text = abbreviated(key.text.strip() if key is not None else who)
        names = list(dict.fromkeys(h.name for h in self.inventory.holders(who)))
        return f"{' = '.join(names[:3])} ({text})" if names else text

    def short(self, who: str) -> str:
        """The same without the key where there is a name."""
        names = list(dict.fromkeys(h.name for h in self.inventory.holders(who)))
        return " = ".join(names[:3]) if names else self.name(who)

    def listed(self, whos: "tuple[str, ...] | list[str]", most: int = 4) -> str:
        """Several readers in one phrase."""
        shown = [self.short(who) for who in whos]
        return ", ".join(shown[:most]) + (f" and {len(shown) - most} more" if len(shown) > most else "")

    @cached_property
    def own_hosts(self) -> tuple[Holder, ...]:
        """The hosts that have secrets of their own: those that exist, without installer images."""
        return tuple(h for h in self.inventory.hosts if h.exists and not h.image)

    def hosts(self, who: str) -> tuple[Holder, ...]:
        """The hosts that this reader is, as far as more than a name says so."""
        return tuple(
            k.holder
            for k in self.inventory.who(who)
            if k.holder.kind is Kind.HOST and not k.former and (k.how is not How.NAMED or k.holder.exists)
        )


def _recipients(file: SopsFile) -> tuple[object, ...]:
    meta = file.metadata
    return meta.shamir_threshold, tuple(tuple(r.key.identity for r in group) for group in meta.groups)
