"""What a repair would do, before it does anything: changes of files, deeds in sentences, steps for people.

A draft collects changes over a snapshot that stays as it is; each repair reads what the ones before it wrote.
Nothing here touches the disk (`fix/apply`), and nothing here decides what is wrong (`checks`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

from sopsguard.fix.apply import Write
from sopsguard.inventory import Inventory
from sopsguard.managed import Managed
from sopsguard.model import printable
from sopsguard.snapshot import Snapshot, TooLarge, Unreadable

if TYPE_CHECKING:
    from sopsguard.fix.program import Program


class Weight(StrEnum):
    """What a deed means to others: `SAFE` neither opens anything to anybody nor changes a secret."""

    SAFE = "safe"
    ACCESS = "access"  # somebody can read something afterwards who could not before
    SECRETS = "secrets"  # a value is other than before: whoever uses it needs the new one


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing that the plan does, as a sentence; `paths` are the files it changes."""

    text: str
    weight: Weight
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """What only a person can do; `commands` are lines for a shell, without secrets."""

    text: str
    commands: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """What cannot be done here, why, and which command lines of other programs would do it."""

    text: str
    reason: str
    commands: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """All of it. `deeds` are in the order in which they were planned."""

    changes: tuple[Write, ...] = ()
    deeds: tuple[Deed, ...] = ()
    steps: tuple[Step, ...] = ()
    refusals: tuple[Refusal, ...] = ()

    @property
    def weights(self) -> frozenset[Weight]:
        """What has to be confirmed, besides what is safe."""
        return frozenset(deed.weight for deed in self.deeds) - {Weight.SAFE}


class Draft:
    """A plan that is being made. `modified` is now in RFC 3339 (UTC, whole seconds), `program` the `sops`
    program for what is not written here."""

    def __init__(self, snapshot: Snapshot, modified: str, program: "Program | None" = None) -> None:
        self.base = snapshot
        self.modified = modified
        self.program = program
        self._contents: dict[str, bytes | None] = {}
        self._deeds: list[Deed] = []
        self._steps: dict[str, Step] = {}
        self._refusals: list[Refusal] = []

    @property
    def snapshot(self) -> Snapshot:
        """The repository as it would be now."""
        return self.base.changed(self._contents) if self._contents else self.base

    @cached_property
    def managed(self) -> Managed:
        """What sops manages in it. Computed again after every change."""
        return Managed(self.snapshot)

    def inventory(self, named: str = "") -> Inventory:
        """Who there is by now; `named` is where the policy says that the inventory lies."""
        from sopsguard.trust import inventory_of

        return inventory_of(self.managed, named)

    def read(self, path: str) -> bytes | None:
        """The content of a file by now; None where there is none that can be changed."""
        if path in self._contents:
            return self._contents[path]
        try:
            return self.base.read(path)
        except (KeyError, TooLarge, Unreadable):
            return None

    def write(self, path: str, new: bytes | None) -> None:
        """Change, create or (None) remove a file."""
        self._contents[path] = new
        self.__dict__.pop("managed", None)

    def did(self, text: str, *paths: str, weight: Weight = Weight.SAFE) -> None:
        """Say what was done."""
        self._deeds.append(Deed(printable(text), weight, paths))

    def ask(self, text: str, *commands: str) -> None:
        """Leave a step to people; the same one is said once."""
        self._steps.setdefault(text, Step(printable(text), tuple(map(printable, commands))))

    def refuse(self, text: str, reason: str, commands: Iterable[str] = ()) -> None:
        """Say what cannot be done here."""
        self._refusals.append(Refusal(printable(text), printable(reason), tuple(map(printable, commands))))

    def plan(self) -> Plan:
        """The plan as it stands."""
        changes = []
        for path, new in sorted(self._contents.items()):
            try:
                old = self.base.read(path)
            except (KeyError, TooLarge, Unreadable):
                old = None
            if old != new:
                changes.append(Write(path, old, new))
        return Plan(tuple(changes), tuple(self._deeds), tuple(self._steps.values()), tuple(self._refusals))
