"""The commits up to what is judged, parents first, with what each changes of secrets and of their readers."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeVar

from sopsguard.cache import Cache
from sopsguard.git import Commit
from sopsguard.history.blobs import Illegible, Known, Pieces, Unread, facts_by_name, name_of
from sopsguard.history.clock import Span, Times, spans
from sopsguard.history.facts import Facts
from sopsguard.history.stated import Keys, Rules
from sopsguard.snapshot import SUBMODULE, SYMLINK, Entry

_T = TypeVar("_T")


class Walk(Protocol):
    """How the history is asked; git answers (see `hooks`)."""

    @property
    def lineage(self) -> Callable[[], Iterable[Commit]]:
        """All commits up to what is judged, parents first."""

    @property
    def pieces(self) -> Pieces:
        """The contents of entries."""

    @property
    def boundary(self) -> Callable[[], frozenset[str]]:
        """The commits before which a shallow clone shows nothing."""


class Judged(NamedTuple):
    """The state that is judged, where that is no commit: `facts` of the files that were looked at (None: no
    SOPS file), and whether there is a file at a path at all. The rest is as it was committed."""

    facts: Mapping[str, Facts | Illegible | None]
    stands: Callable[[str], bool]


_Changes = list[tuple[str, str | None]]  # paths, and the names of the facts of their new contents


class Lineage:
    """Numbered commits: `oids` (empty for what is judged and not committed), `parents`, `spans` of time.

    `changes` are those of paths that were SOPS files at some time, with the name under which `facts` has the
    new content (None: taken away); `stated` what configurations and files of public keys say. `cut` are the
    commits before which nothing is known, `unread` paths of which a version could not be read, and why.
    """

    def __init__(
        self,
        walk: Walk,
        now: int,
        cache: Cache | None,
        judged: Judged | None,
        progress: Callable[[int, int], None] | None,
        read: dict[str, Known] | None = None,
    ) -> None:
        """`read` are facts that were made before; those that are made now are added."""
        times: list[Times] = []
        changes: list[_Changes] = []
        numbers: dict[str, int] = {}
        entries: dict[str, tuple[str, Entry]] = {}
        for commit in walk.lineage():
            parents = tuple(numbers[oid] for oid in commit.parents if oid in numbers)
            numbers[commit.oid] = len(times)
            times.append(Times(parents, commit.author, commit.committer))
            mine: _Changes = []
            for change in commit.changes:
                new = change.new
                if new is None or new.mode in (SUBMODULE, SYMLINK):
                    mine.append((change.path, None))
                    continue
                name = name_of(new)
                name = entries.setdefault(name, (name, new))[0]
                mine.append((change.path, name))
            changes.append(mine)
        facts = facts_by_name((entry for _, entry in entries.values()), walk.pieces, cache, read, progress)
        if read is not None:
            read.update(facts)
        self.oids = list(numbers)
        boundary = walk.boundary() if numbers else frozenset()
        self.cut = frozenset(numbers[oid] for oid in boundary if oid in numbers)
        if judged is not None:
            self._add_judged(judged, now, times, changes, facts)
        self.parents = [time.parents for time in times]
        self.spans: list[Span] = spans(times, now)
        self.facts = facts
        kept = {path for mine in changes for path, name in mine if isinstance(facts.get(name or ""), Facts)}
        stated = {
            path for mine in changes for path, name in mine if isinstance(facts.get(name or ""), Rules | Keys)
        }
        self.changes = [[(path, name) for path, name in mine if path in kept] for mine in changes]
        self.stated = [_statements(mine, stated, facts) for mine in changes]
        self.unread = {
            path: known.reason.partition(" (")[0]
            for mine in changes
            for path, name in mine
            if isinstance(known := facts.get(name or ""), Unread)
        }
        self._ancestry: dict[tuple[int, int], bool] = {}

    def _add_judged(
        self,
        judged: Judged,
        now: int,
        times: list[Times],
        changes: list[_Changes],
        facts: dict[str, Known],
    ) -> None:
        """What is judged as the last commit, upon all that have no children."""
        inner = {parent for time in times for parent in time.parents}
        tips = tuple(n for n in range(len(times)) if n not in inner)
        paths = {path for mine in changes for path, name in mine if isinstance(facts.get(name or ""), Facts)}
        paths |= {path for path, known in judged.facts.items() if isinstance(known, Facts)}
        mine: _Changes = []
        for path in sorted(paths):
            if path in judged.facts:
                name = f"judged:{path}"
                facts[name] = judged.facts[path]
                mine.append((path, name))
            elif not judged.stands(path):
                mine.append((path, None))
        self.oids.append("")
        times.append(Times(tips, now, now))
        changes.append(mine)

    def is_ancestor(self, old: int, young: int) -> bool:
        """Whether a commit came before another, or is it."""
        if (old, young) not in self._ancestry:
            pending, seen = [young], {young}
            while pending and old not in seen:
                for parent in self.parents[pending.pop()]:
                    if parent >= old and parent not in seen:
                        seen.add(parent)
                        pending.append(parent)
            self._ancestry[old, young] = old in seen
        return self._ancestry[old, young]


def along(parents: Sequence[Sequence[int]], step: Callable[[int, list[_T]], _T]) -> list[_T]:
    """Make something of each commit, out of what was made of its parents; what the youngest commits came to,
    the last first. What no child needs any more is forgotten."""
    left = [0] * len(parents)
    for mine in parents:
        for parent in mine:
            left[parent] += 1
    made: dict[int, _T] = {}
    for number, mine in enumerate(parents):
        made[number] = step(number, [made[parent] for parent in mine])
        for parent in mine:
            left[parent] -= 1
            if not left[parent]:
                del made[parent]
    return [made[number] for number in sorted(made, reverse=True)]


def _statements(
    changes: Iterable[tuple[str, str | None]], stated: Collection[str], facts: Mapping[str, Known]
) -> list[tuple[str, Rules | Keys | None]]:
    """What a commit says of readers. A configuration that sops cannot read says nothing new."""
    found: list[tuple[str, Rules | Keys | None]] = []
    for path, name in changes:
        known = facts.get(name or "")
        readable = known.usable if isinstance(known, Rules) else not isinstance(known, Unread | Illegible)
        if path in stated and readable:
            found.append((path, known if isinstance(known, Rules | Keys) else None))
    return found
