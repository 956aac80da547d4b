"""Which values of a file that Nix reads are named by no Nix file."""

from collections.abc import Iterator
from typing import NamedTuple

from sopsguard.document import Comment
from sopsguard.references.resolve import Open, References, Target
from sopsguard.sops.file import SopsFile


class Unused(NamedTuple):
    """Values that nothing refers to: their dotted keys, and the place of the first."""

    file: str
    keys: tuple[str, ...]
    line: int
    column: int


def unused(references: References) -> Iterator[Unused]:
    """For each file that some declaration reads by key: what no declaration can mean.

    Says nothing where a computed name may mean any of them.
    """
    files: dict[str, set[tuple[str, ...]]] = {}
    blurred: set[str] = set()
    named: set[tuple[str, ...]] = set()
    for reference in references.all:
        outcome = reference.outcome
        if isinstance(outcome, Target):
            if reference.leaf:
                files.setdefault(outcome.file, set()).add(reference.leaf)
            else:
                blurred.add(outcome.file)
        elif isinstance(outcome, Open) and not outcome.elsewhere:
            if outcome.files is None:
                return
            blurred.update(outcome.files)
    if not files or not _is_complete(references):
        return
    for path, used in sorted(files.items()):
        file = references.file(path)
        if file is None or path in blurred:
            continue
        rest = [leaf for leaf in _values(file) if not _is_named(leaf[0], used | named)]
        if rest:
            _, line, column = rest[0]
            yield Unused(path, tuple(".".join(keys) for keys, _, _ in rest), line, column)


def _is_complete(references: References) -> bool:
    """Whether every Nix file was read, and no set of names is computed."""
    return not (references.tree.unread or references.is_cut) and not any(
        facts.errors or any(doubt.reason.startswith(("the set", "the names")) for doubt in facts.doubts)
        for facts in references.facts.values()
    )


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
        if path not in seen:
            seen.add(path)
            yield path, leaf.node.line, leaf.node.column


def _is_named(path: tuple[str, ...], used: set[tuple[str, ...]]) -> bool:
    return any(path[:length] in used for length in range(1, len(path) + 1))
