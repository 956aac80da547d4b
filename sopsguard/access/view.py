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
from sopsguard.sops.config import CONFIG_NAME
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
            if path.rpartition("/")[2] != CONFIG_NAME:
                continue  # sops never reads it
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
        """The readers that the creation rule of a file names."""
        rule = self.managed.rule(path).rule
        if rule is None:
            return frozenset()
        if id(rule) not in self._named:
            self._named[id(rule)] = frozenset(map(self.inventory.reader, rule.keys))
        return self._named[id(rule)]

    def is_told(self, who: str) -> bool:
        """Whether a difference between rule and file is told by a rule that knows more of this reader:
        somebody who gains access, or whose name stands at another key."""
        return who in self.gained or who in self._contradicted

    def is_stranger(self, who: str) -> bool:
        """Whether a reader beyond the rule of a file left, or is nobody who is known."""
        known = self.known(who)
        return known is None or known.former

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
        """The best answer to whose this is; where there is an inventory.yaml a mere name is no answer."""
        known = self.inventory.who(who)
        if self.inventory.stated:
            known = tuple(k for k in known if k.how is not How.NAMED or _is_keyless(k.holder))
        return next(iter(known), None)

    def holders(self, who: str) -> tuple[Holder, ...]:
        """Whose this is, each holder once; names count only where nothing better is known."""
        known = self.inventory.who(who)
        strong = [k for k in known if k.how is not How.NAMED]
        return tuple({(k.holder.kind, k.holder.name): k.holder for k in strong or known}.values())

    @cached_property
    def contradictions(self) -> tuple[tuple[Known, Known], ...]:
        """Names that stand at somebody else's key: (what the name says, what is known)."""
        found: dict[Location, tuple[Known, Known]] = {}
        for who in dict.fromkeys(use.who for use in (*self.in_rules, *self.in_files)):
            known = self.inventory.who(who)
            strong = [k for k in known if k.how is not How.NAMED]
            owners = {(k.holder.kind, k.holder.name) for k in strong}
            for name in known:
                claimed = name.holder.kind, name.holder.name
                if strong and name.how is How.NAMED and name.holder.exists and claimed not in owners:
                    found[name.why.where] = (name, strong[0])
        return tuple(found.values())

    @cached_property
    def _contradicted(self) -> frozenset[str]:
        """The readers at a wrong name, and those whose name it is."""
        found: set[str] = set()
        for name, known in self.contradictions:
            found |= name.holder.readers | known.holder.readers
        return frozenset(found)

    def vouched(self, who: "Key | str") -> bool:
        """Whether the inventory states this reader, or a committed key proves it: more than a name, not
        brought by the change under judgement itself, and not somebody who left."""
        return any(k.how is not How.NAMED and not k.added and not k.former for k in self.inventory.who(who))

    def name(self, who: str, key: Key | None = None) -> str:
        """A reader as people call it, with the beginning of the key: `powerhouse (age1…)`."""
        if who == EVERYONE:
            return "everyone who can read the repository"
        text = abbreviated(key.text.strip() if key is not None else who)
        names = list(dict.fromkeys(h.name for h in self.holders(who)))
        return f"{' = '.join(names[:3])} ({text})" if names else text

    def short(self, who: str) -> str:
        """The same without the key where there is a name."""
        names = list(dict.fromkeys(h.name for h in self.holders(who)))
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
        """The hosts that this reader is, as far as they exist and have not left."""
        return tuple(h for h in self.holders(who) if h.kind is Kind.HOST and h.left is None and h.exists)


def _is_keyless(holder: Holder) -> bool:
    """Stated, but without any key: then a name is all there is to go by."""
    return holder.stated and all(r.how is How.NAMED for r in holder.recipients)


def _recipients(file: SopsFile) -> tuple[object, ...]:
    meta = file.metadata
    return meta.shamir_threshold, tuple(tuple(r.key.identity for r in group) for group in meta.groups)
