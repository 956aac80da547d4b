"""What is wrong with references, told once for each cause and in words for a person."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sopsguard.model import Level, Location, Unknown, printable
from sopsguard.references.meaning import Contents, Fault
from sopsguard.references.resolve import (
    ABSENT,
    NOT_ENCRYPTED,
    Failure,
    Open,
    Reference,
    References,
    is_unused,
)

_HOSTS = 3


class Wrong(NamedTuple):
    """References with one cause: `hosts` are those known to fail, `level` how sure it is that any does."""

    where: Location
    written: str
    failure: Failure
    hosts: tuple[str, ...]
    level: Level

    @property
    def what(self) -> str:
        """What is wrong, in one sentence; the same for as long as the fault is the same."""
        target = self.failure.target
        name = self.written
        if self.written != f'sops.secrets."{target.key}"' and not target.is_whole:
            name += f' (key "{target.key}")'
        file = target.file
        fault = self.failure.fault
        if fault == ABSENT:
            what = f"reads {file}, which is not in the repository"
        elif fault == NOT_ENCRYPTED:
            what = f"reads {file}, which is not encrypted with sops"
        elif fault == Fault.WRONG_FORMAT:
            what = f"reads {file} as {target.format}, but it is a {self.failure.what} file"
        elif fault == Fault.NOT_A_STRING:
            what = f"is {self.failure.what} in {file}, and sops-nix takes only strings"
        else:
            what = f"is not in {', nor in '.join((file, *self.failure.others[:_HOSTS]))}"
        return printable(f"{name} {what}; {self._consequence}")

    @property
    def _consequence(self) -> str:
        if self.hosts:
            whose = "its" if len(self.hosts) == 1 else "their"
            return f"{listed(self.hosts)} would fail at activation and lose all {whose} secrets"
        return "a host that takes it in would fail at activation and lose all its secrets"


def listed(names: Iterable[str]) -> str:
    """Names in a sentence, many of them counted."""
    names = list(names)
    if len(names) > _HOSTS + 1:
        return f"{', '.join(names[:_HOSTS])} and {len(names) - _HOSTS} more"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def wrong(references: References, faults: Iterable[str]) -> Iterator[Wrong]:
    """The references that fail for one of these faults, each cause once, in the order of the files."""
    faults = frozenset(faults)
    groups: dict[tuple[Location, Failure], list[Reference]] = {}
    said: set[tuple[str, Failure, str | None]] = set()
    for reference in references.all:
        outcome = reference.outcome
        if isinstance(outcome, Failure) and outcome.fault in faults:
            cause = (reference.name, outcome, reference.host)
            if cause not in said:  # declared in two modules, it fails once
                said.add(cause)
                groups.setdefault((reference.where, outcome), []).append(reference)
    for (where, failure), group in groups.items():
        first = group[0]
        hosts = tuple(dict.fromkeys(r.host for r in group if r.host is not None and r.certain))
        nobody = first.host is None and not first.conditional and not is_unused(where.path)
        level = Level.ERROR if hosts or nobody else Level.WARNING
        yield Wrong(where, first.written, failure, hosts, level)


def advice(references: References, found: Wrong) -> str:
    """What to do about it."""
    target, fault = found.failure.target, found.failure.fault
    if fault == ABSENT:
        return "add the file, or correct `sopsFile`"
    if fault == NOT_ENCRYPTED:
        return "encrypt it, or name the file that is"
    if fault == Fault.WRONG_FORMAT:
        return f'set `format = "{found.failure.what}"`, or name another file'
    if fault == Fault.NOT_A_STRING:
        if "mapping" in found.failure.what:
            return 'name one of the values below it, or read the whole file with `key = ""`'
        return "set it again as a quoted string"
    contents = references.contents(target.file)
    if not isinstance(contents, Contents):
        return "add it, or correct the name"
    if contents.file.format == "binary":
        return 'the file is encrypted whole: set `format = "binary"`'
    nearest = contents.nearest(target.key)
    if nearest is None:
        return "add it to the file, or correct the name or `key`"
    if any("/" in part for part in nearest):
        return (
            f'the file has "{".".join(nearest)}" as one name, but sops-nix takes each / for a level: nest it'
        )
    return f"nearest is {'.'.join(nearest)}: correct the name or `key`, or add it to the file"


def undecided(references: References) -> Iterator[Unknown]:
    """What could not be resolved: each reason once, at its first place, with how often."""
    counts: dict[tuple[str, str], list[Reference]] = {}
    seen: set[tuple[Location, str]] = set()
    for reference in references.all:
        outcome = reference.outcome
        if isinstance(outcome, Open) and (reference.where, outcome.reason) not in seen:
            seen.add((reference.where, outcome.reason))
            counts.setdefault((outcome.reason, outcome.needed), []).append(reference)
    for (reason, needed), group in counts.items():
        more = f" (and {len(group) - 1} more like it)" if len(group) > 1 else ""
        first = group[0]
        yield Unknown(first.where, f"{first.written} is not resolved: {reason}{more}", needed)
    computed = references.computed_sets
    if computed:
        path, doubt = computed[0]
        more = f" (and {len(computed) - 1} more like it)" if len(computed) > 1 else ""
        where = Location(path, doubt.place.line, doubt.place.column)
        yield Unknown(where, f"{doubt.reason}{more}: these references are not resolved", "written-out names")
    broken = [(path, facts.errors[0]) for path, facts in references.facts.items() if facts.errors]
    if broken:
        path, span = broken[0]
        more = f" (and {len(broken) - 1} more files)" if len(broken) > 1 else ""
        reason = f"the file cannot be read as Nix from here{more}: its references are not resolved"
        yield Unknown(Location(path, span.line), reason, "Nix that parses")
    unread = sorted(references.tree.unread.items()) if references.facts or references.tree.unread else []
    if unread:
        path, why = unread[0]
        more = f" (and {len(unread) - 1} more)" if len(unread) > 1 else ""
        yield Unknown(Location(path), f"{why.reason}{more}: references in it are not resolved", why.needed)
    if references.is_cut or references.graph.is_cut:
        where = next((r.where for r in references.all), Location("flake.nix"))
        yield Unknown(where, "more references than can be followed", "fewer hosts or declarations")
