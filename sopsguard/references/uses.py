"""Secrets that Nix uses and nobody declares: the configuration does not even evaluate."""

import re
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from sopsguard.model import Level, Location, Unknown
from sopsguard.nix.scope import Text
from sopsguard.nix.stated import Use, UseKind
from sopsguard.references.resolve import References, is_unused

_KINDS = {UseKind.SECRET: "secrets", UseKind.PLACEHOLDER: "placeholder"}
_SEARCHED = 5000
_SEARCHES = 200
_DIGITS = re.compile(r"\d+")


class Undeclared(NamedTuple):
    """A use of a secret that is declared nowhere, and the declared name that was perhaps meant."""

    where: Location
    written: str
    nearest: str
    level: Level


def undeclared(references: References) -> Iterator[Undeclared | Unknown]:
    """Uses of names that no declaration in the tree can have, each place once. Only one that is nearly the
    name of a declared secret is surely a slip, and only where everything else that is used is declared:
    otherwise modules from elsewhere declare secrets, and it is unknown. Says nothing where names are computed
    that may be the one used."""
    facts = references.facts
    if references.tree.unread or references.sets_are_computed:
        return
    declared: set[str] = set()
    patterns: list[re.Pattern[str]] = []
    for found in facts.values():
        for secret in found.secrets:
            name = secret.name.static
            if name is not None:
                declared.add(name)
            elif len(patterns) < _SEARCHES:
                patterns.append(_pattern(secret.name))
            else:
                return
    slips: list[Undeclared] = []
    foreign: list[tuple[Location, str]] = []
    searches = 0
    for path, found in facts.items():
        asked = {use.name.static for use in found.uses if use.attribute == "?" and use.name is not None}
        for use in found.uses:
            name = None if use.name is None else use.name.static
            if name is None or name in declared or name in asked or not _counts(use):
                continue
            if any(pattern.fullmatch(name) for pattern in patterns):
                continue
            searches += 1
            nearest = _nearest(name, declared) if searches <= _SEARCHES else None
            written = f'config.sops.{_KINDS[use.kind]}."{name}"'
            where = Location(path, use.place.line, use.place.column, key=f"sops.{_KINDS[use.kind]}.{name}")
            if nearest is None:
                foreign.append((where, written))
            else:
                level = Level.WARNING if is_unused(path) else Level.ERROR
                slips.append(Undeclared(where, written, nearest, level))
    if not foreign:
        yield from slips
    else:
        foreign += [(slip.where, slip.written) for slip in slips]
        where, written = foreign[0]
        more = f" (and {len(foreign) - 1} more like it)" if len(foreign) > 1 else ""
        reason = f"{written} is declared nowhere in this repository{more}"
        yield Unknown(where, reason, "the modules from elsewhere that declare it")


def _counts(use: Use) -> bool:
    return use.kind in _KINDS and use.attribute != "?" and not use.optional


def _pattern(text: Text) -> re.Pattern[str]:
    parts = (re.escape(part) if isinstance(part, str) else ".*" for part in text.parts[:20])
    return re.compile("".join(parts) + (".*" if len(text.parts) > 20 else ""), re.DOTALL)


def _nearest(name: str, declared: set[str]) -> str | None:
    """The one declared name that differs by a letter or two, not only by digits."""
    alike = [
        other
        for other in islice(declared, _SEARCHED)
        if abs(len(other) - len(name)) <= 2 and len(name) > 4 and _differ(name, other) <= 2
    ]
    return alike[0] if len(alike) == 1 and _DIGITS.sub("", alike[0]) != _DIGITS.sub("", name) else None


def _differ(one: str, other: str) -> int:
    """In how many letters two names differ (Levenshtein); more than two are not counted further."""
    start = _alike(one, other)
    one, other = one[start:], other[start:]
    end = _alike(one[::-1], other[::-1])
    one, other = one[: len(one) - end], other[: len(other) - end]
    if min(len(one), len(other)) > 4:
        return 3
    row = list(range(len(other) + 1))
    for number, letter in enumerate(one, 1):
        before, row = row, [number]
        for place, wanted in enumerate(other):
            row.append(min(before[place] + (letter != wanted), before[place + 1] + 1, row[place] + 1))
    return row[-1]


def _alike(one: str, other: str) -> int:
    """How many letters two names have in common at their beginning."""
    return next(
        (n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
