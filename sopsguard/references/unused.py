"""Which values of a file that Nix reads are named by no Nix file."""

import re
from collections.abc import Iterator, Set
from typing import NamedTuple

from sopsguard.document import Comment
from sopsguard.nix.stated import UseKind
from sopsguard.references.meaning import Fault
from sopsguard.references.resolve import Failure, References, Target
from sopsguard.sops.file import SopsFile

_DECLARED = (UseKind.SECRET, UseKind.PLACEHOLDER)
_TOLD = 20
# Values that state what everybody may know: nobody need refer to them.
_PUBLIC = re.compile(
    r"(?:.*[_-])?(?:pub|public|pub[_-]?key|public[_-]?key|recipient|fingerprint)", re.IGNORECASE
)


class Unused(NamedTuple):
    """A value that nothing refers to: its dotted key and its place. The last one that is told of a file with
    very many has the number of `more`."""

    file: str
    key: str
    line: int
    column: int
    more: int = 0


def unused(references: References, apart: Set[str] = frozenset()) -> Iterator[Unused]:
    """For each file that some declaration reads by key, or that is a default: what no declaration can mean.

    Says nothing where a computed name may mean any of them, where a reference into the file fails (it may
    mean one), of public halves, and of the files `apart`.
    """
    files: dict[str, set[tuple[str, ...]]] = {}
    blurred: set[str] = set(apart)
    named: set[tuple[str, ...]] = set()
    for reference in references.all:
        outcome = reference.outcome
        if isinstance(outcome, Target):
            if reference.leaf:
                files.setdefault(outcome.file, set()).add(reference.leaf)
            else:
                blurred.add(outcome.file)
        elif isinstance(outcome, Failure):
            named.add(tuple(outcome.target.key.split("/")))
            if outcome.fault != Fault.NOT_A_STRING:
                blurred.update((outcome.target.file, *outcome.others))
        elif not outcome.elsewhere:
            if outcome.files is None:
                return
            blurred.update(outcome.files)
    if not _is_complete(references):
        return
    for facts in references.facts.values():
        for default in facts.defaults:
            if default.file is not None and default.file.path is not None:
                files.setdefault(default.file.path, set())
    for path, used in sorted(files.items()):
        file = references.file(path)
        if file is None or path in blurred:
            continue
        rest = [leaf for leaf in _values(file) if not _is_named(leaf[0], used | named)]
        for number, (keys, line, column) in enumerate(rest[:_TOLD]):
            more = len(rest) - _TOLD if number == _TOLD - 1 and len(rest) > _TOLD else 0
            yield Unused(path, ".".join(keys), line, column, more)


def _is_complete(references: References) -> bool:
    """Whether every declaration was seen: all files were read, no set of names is computed, and nothing is
    used that is declared elsewhere."""
    if references.tree.unread or references.is_cut or references.sets_are_computed:
        return False
    declared = {s.name.static for facts in references.facts.values() for s in facts.secrets}
    used = (use for facts in references.facts.values() for use in facts.uses if use.kind in _DECLARED)
    return None in declared or all(u.name is None or u.name.static in {*declared, None} for u in used)


def _values(file: SopsFile) -> Iterator[tuple[tuple[str, ...], int, int]]:
    """The encrypted values of the first document; those of a list count as one."""
    seen = set()
    for leaf in file.leaves:
        if leaf.document or leaf.envelope is None or leaf.is_comment or isinstance(leaf.node, Comment):
            continue
        keys = []
        for part in leaf.path:
            if not isinstance(part, str):
                break
            keys.append(part)
        path = tuple(keys)
        if path not in seen and keys and not _PUBLIC.fullmatch(keys[-1]):
            seen.add(path)
            yield path, leaf.node.line, leaf.node.column


def _is_named(path: tuple[str, ...], used: set[tuple[str, ...]]) -> bool:
    return any(path[:length] in used for length in range(1, len(path) + 1))
