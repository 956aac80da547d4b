"""Secrets that Nix uses and nobody declares: the configuration does not even evaluate."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from sopsguard.model import Level, Location, Unknown
from sopsguard.nix.scope import Text
from sopsguard.nix.stated import Use, UseKind
from sopsguard.references.resolve import References, is_unused

_KINDS = {UseKind.SECRET: "secrets", UseKind.PLACEHOLDER: "placeholder"}
_SEARCHED = 5000
_SEARCHES = 200


class Undeclared(NamedTuple):
    """A use of a secret that is declared nowhere, and the declared name that was perhaps meant."""

    where: Location
    written: str
    nearest: str
    level: Level


def undeclared(references: References) -> Iterator[Undeclared | Unknown]:
    """Uses of names that no declaration in the tree can have, each place once. Only one that is nearly the
    name of a declared secret is surely a slip: others may be declared by a module from elsewhere, so they are
    unknown. Says nothing where names are computed that may be the one used."""
    facts = references.facts
    if references.tree.unread or any(
        found.errors or any(doubt.reason.startswith(("the set", "the names")) for doubt in found.doubts)
        for found in facts.values()
    ):
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
                yield Undeclared(where, written, nearest, level)
    if foreign:
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
    from difflib import get_close_matches

    folder = name.rpartition("/")[0]
    alike = [other for other in declared if other.rpartition("/")[0] == folder] or sorted(declared)
    if len(alike) > _SEARCHED:
        return None
    close = get_close_matches(name, sorted(alike), 1, 0.85)
    return close[0] if close else None
