"""The history of a repository of secrets: every value and every reader, from git alone, without a key."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple, Protocol

from sopsguard.cache import Cache
from sopsguard.git.records import Commit
from sopsguard.history.blobs import Illegible, Known, Pieces, Unread, facts_by_name, name_of
from sopsguard.history.clock import Span, Times, spans
from sopsguard.history.facts import Facts
from sopsguard.history.same import Same
from sopsguard.history.stated import Keys, Rules
from sopsguard.history.values import (
    Around,
    Arrival,
    Kind,
    State,
    Step,
    Track,
    counts,
    followed,
    interrupted,
    is_edited,
)
from sopsguard.snapshot import SUBMODULE, SYMLINK, Entry

_ALL = "the whole history: git fetch --unshallow (in CI: fetch-depth: 0)"
_OBJECTS = "the missing objects: git fetch --refetch (a partial clone leaves them out)"


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


class Moment(NamedTuple):
    """A commit (empty: what is judged and not committed yet) and when it was made, in seconds since 1970.
    `not_before` is None where no clock tells."""

    commit: str
    not_before: int | None
    not_after: int


class Event(NamedTuple):
    """Something that happened to a value. What is not `certain` may as well have been a real change."""

    kind: Kind
    moment: Moment
    certain: bool


class Interval(NamedTuple):
    """When a value last really changed: in one of `commits`, in the order of history; with `between` in any
    commit from the first to the last. With `open` perhaps before what is known. Times in seconds."""

    commits: tuple[str, ...]
    not_before: int | None
    not_after: int
    between: bool
    open: bool

    @property
    def is_exact(self) -> bool:
        """Whether it is a single commit."""
        return len(self.commits) == 1 and not self.open


class ValueLine(NamedTuple):
    """The life of one value that stands now.

    `changed` is its last real change, `seen` the first moment at which this very value is known to have
    existed anywhere (older than `changed` where an old value was put back). `length` is in bytes.
    """

    path: str
    key: str
    type: str
    length: int
    created: Moment
    changed: Interval
    seen: Moment
    events: tuple[Event, ...]


class Removed(NamedTuple):
    """A value that no longer stands there."""

    path: str
    key: str
    moment: Moment


class Missing(NamedTuple):
    """Part of the history that cannot be told: where, why, and what would be needed."""

    paths: tuple[str, ...]
    reason: str
    needed: str


class Judged(NamedTuple):
    """The state that is judged, where that is no commit: `facts` of the files that were looked at (None: no
    SOPS file), and whether there is a file at a path at all. The rest is as it was committed."""

    facts: Mapping[str, Facts | Illegible | None]
    stands: Callable[[str], bool]


class FileVersion(NamedTuple):
    """A version of a SOPS file: the commit (by number) that brought it, its facts and its data key."""

    path: str
    commit: int
    facts: Facts
    key: int


class Timeline:
    """What history says. Commits have numbers here, parents first; `moments` tells which they are."""

    def __init__(
        self,
        walk: Walk,
        now: int,
        cache: Cache | None = None,
        judged: Judged | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        """Reads the history that `walk` tells. `now` is the clock, in seconds since 1970.

        `judged` is the state that is judged where that is no commit. `progress` hears how many contents of
        how many were read. Raises `UserError` where git cannot tell the history.
        """
        self.now = now
        self._read(walk, cache, judged, progress)
        self.moments: tuple[Moment, ...] = tuple(
            Moment(oid, span.not_before, span.not_after)
            for oid, span in zip(self._oids, self._spans, strict=True)
        )
        self._follow()

    # --- what it says -----------------------------------------------------------------------------

    @property
    def states(self) -> Mapping[str, State]:
        """Each SOPS file of the state that is judged."""
        return self._now

    @cached_property
    def values(self) -> tuple[ValueLine, ...]:
        """Every value of the state that is judged."""
        return tuple(line for path in sorted(self._now) for line in self._lines(self._now[path]))

    @cached_property
    def removed(self) -> tuple[Removed, ...]:
        """Every value that a commit took away without a trace of it elsewhere, in the order of history."""
        return tuple(Removed(path, key, self.moments[n]) for path, key, n in self._removed)

    @cached_property
    def missing(self) -> tuple[Missing, ...]:
        """What of the history cannot be told, and what to fetch."""
        found = []
        if self.cut:
            opened = tuple(
                path
                for path, state in sorted(self._now.items())
                if any(t.open for t in state.tracks.values())
            )
            reason = "the clone is shallow: what was before its first commit is not known"
            found.append(Missing(opened, reason, _ALL))
        unread: dict[str, list[str]] = {}
        for path, reason in self._unread.items():
            unread.setdefault(reason, []).append(path)
        for reason, paths in unread.items():
            found.append(Missing(tuple(sorted(paths)), f"an earlier version {reason}", _OBJECTS))
        return tuple(found)

    def interval(self, track: Track) -> Interval:
        """When a value last really changed."""
        moments = [self.moments[n] for n in track.candidates]
        starts = [moment.not_before for moment in moments]
        known = [start for start in starts if start is not None]
        return Interval(
            tuple(moment.commit for moment in moments),
            None if track.open or len(known) < len(starts) else min(known),
            max(moment.not_after for moment in moments),
            track.between,
            track.open,
        )

    def alike(self, iv: str) -> Collection[str]:
        """The nonces under which a value may have stood, its own included."""
        return self._groups.get(self._alike.root(iv), (iv,))

    @cached_property
    def _groups(self) -> Mapping[str, list[str]]:
        return self._alike.groups()

    def seen(self, iv: str) -> int | None:
        """The number of the first commit in which a nonce stood."""
        brought = [arrival.commit for arrival in self._arrivals.get(iv, ())]
        return self._earliest(brought)[0] if brought else None

    def _lines(self, state: State) -> Iterator[ValueLine]:
        for value in state.facts.values if state.facts is not None else ():
            track = state.tracks.get(value.iv)
            if track is None:
                continue
            first = self.seen(value.iv)
            events: list[Event] = []
            step: Step | None = track.last
            while step is not None:
                events.append(Event(step.kind, self.moments[step.commit], step.certain))
                step = step.before
            yield ValueLine(
                state.path,
                value.key,
                value.type,
                value.length,
                self.moments[track.created],
                self.interval(track),
                self.moments[track.created if first is None else first],
                tuple(reversed(events)),
            )

    # --- how it is read ---------------------------------------------------------------------------

    def _read(
        self,
        walk: Walk,
        cache: Cache | None,
        judged: Judged | None,
        progress: Callable[[int, int], None] | None,
    ) -> None:
        times: list[Times] = []
        changes: list[list[tuple[str, str | None]]] = []
        numbers: dict[str, int] = {}
        entries: dict[str, tuple[str, Entry]] = {}
        for commit in walk.lineage():
            parents = tuple(numbers[oid] for oid in commit.parents if oid in numbers)
            numbers[commit.oid] = len(times)
            times.append(Times(parents, commit.author, commit.committer))
            mine: list[tuple[str, str | None]] = []
            for change in commit.changes:
                new = change.new
                if new is None or new.mode in (SUBMODULE, SYMLINK):
                    mine.append((change.path, None))
                    continue
                name = name_of(new)
                name = entries.setdefault(name, (name, new))[0]
                mine.append((change.path, name))
            changes.append(mine)
        facts = facts_by_name((entry for _, entry in entries.values()), walk.pieces, cache, None, progress)
        self._oids = list(numbers)
        boundary = walk.boundary() if numbers else frozenset()
        self.cut = frozenset(numbers[oid] for oid in boundary if oid in numbers)
        if judged is not None:
            self._add_judged(judged, times, changes, facts)
        self.parents = [time.parents for time in times]
        self._spans: list[Span] = spans(times, self.now)
        self._facts = facts
        kept = {path for mine in changes for path, name in mine if _is_sops(facts.get(name or ""))}
        stated = {
            path for mine in changes for path, name in mine if isinstance(facts.get(name or ""), Rules | Keys)
        }
        self._changes = [[(path, name) for path, name in mine if path in kept] for mine in changes]
        self.stated = [_statements(mine, stated, facts) for mine in changes]
        self._unread = {
            path: known.reason
            for mine in self._changes
            for path, name in mine
            if isinstance(known := facts.get(name or ""), Unread)
        }
        self._keys = _data_keys(facts)

    def _add_judged(
        self,
        judged: Judged,
        times: list[Times],
        changes: list[list[tuple[str, str | None]]],
        facts: dict[str, Known],
    ) -> None:
        """What is judged as the last commit, upon all that have no children."""
        inner = {parent for time in times for parent in time.parents}
        tips = tuple(n for n in range(len(times)) if n not in inner)
        paths = {path for mine in changes for path, name in mine if _is_sops(facts.get(name or ""))}
        paths |= {path for path, known in judged.facts.items() if isinstance(known, Facts)}
        mine: list[tuple[str, str | None]] = []
        for path in sorted(paths):
            if path in judged.facts:
                name = f"judged:{path}"
                facts[name] = judged.facts[path]
                mine.append((path, name))
            elif not judged.stands(path):
                mine.append((path, None))
        self._oids.append("")
        times.append(Times(tips, self.now, self.now))
        changes.append(mine)

    # --- how it is followed -----------------------------------------------------------------------

    def _follow(self) -> None:
        self._find_arrivals()
        self._removed: list[tuple[str, str, int]] = []
        self.versions: list[FileVersion] = []
        self._unequal: set[frozenset[str]] = set()
        self._memory: dict[str, Track] = {}
        self._alike: Same[str] = Same()
        self._ancestry: dict[tuple[int, int], bool] = {}
        trees: dict[int, dict[str, State]] = {}
        left = self._children()
        for number, parents in enumerate(self.parents):
            trees[number] = self._tree(number, [trees[parent] for parent in parents])
            for parent in parents:
                left[parent] -= 1
                if not left[parent]:
                    del trees[parent]
        tips = [trees[n] for n in sorted(trees, reverse=True)]
        self._now: dict[str, State] = {}
        for tree in tips:
            for path, state in tree.items():
                if state.facts is not None and not state.bare and not state.gaps:
                    self._now.setdefault(path, state)

    def _children(self) -> list[int]:
        count = [0] * len(self.parents)
        for parents in self.parents:
            for parent in parents:
                count[parent] += 1
        return count

    def _find_arrivals(self) -> None:
        """Where each nonce first came to stand, as opposed to being handed on."""
        self._arrivals: dict[str, list[Arrival]] = {}
        self._standing: dict[str, list[str]] = {}  # nonce → the names of the versions that have it
        by_name: dict[str, dict[str, str]] = {}  # name → nonce → its aad
        for name, known in self._facts.items():
            if isinstance(known, Facts):
                by_name[name] = {value.iv: value.aad for value in known.values}
                for iv in by_name[name]:
                    self._standing.setdefault(iv, []).append(name)
        trees: dict[int, dict[str, str]] = {}
        left = self._children()
        nothing: dict[str, str] = {}
        for number, parents in enumerate(self.parents):
            befores = [trees[parent] for parent in parents]
            tree = befores[0] if befores else {}
            mine = self._changes[number]
            if mine:
                tree = dict(tree)
            held: set[str] | None = None
            for path, brought in mine:
                if brought is None:
                    tree.pop(path, None)
                    continue
                name = brought
                ivs = by_name.get(name, nothing)
                olds = [by_name.get(before.get(path, ""), nothing) for before in befores]
                for iv, aad in ivs.items():
                    if any(iv in old for old in olds):
                        continue
                    if held is None:
                        held = {one for before in befores for one in before.values()}
                    if any(one in held for one in self._standing[iv]):
                        continue
                    instead = {
                        one for old in olds for one, its in old.items() if its == aad and one not in ivs
                    }
                    self._arrivals.setdefault(iv, []).append(Arrival(number, path, frozenset(instead)))
                # An unreadable version says nothing against the one before.
                if name in by_name or not isinstance(self._facts.get(name), Unread | Illegible):
                    tree[path] = name
            trees[number] = tree
            for parent in parents:
                left[parent] -= 1
                if not left[parent]:
                    del trees[parent]

    def _tree(self, number: int, befores: Sequence[dict[str, State]]) -> dict[str, State]:
        mine = dict(self._changes[number])
        first = befores[0] if befores else {}
        if len(befores) > 1:
            for path in first:
                # What the first parent has may have come to another on another way.
                if path not in mine and any(
                    (other := tree.get(path)) is not None and _is_another_way(first[path], other)
                    for tree in befores[1:]
                ):
                    mine[path] = ""
        if not mine:
            return first
        tree = dict(first)
        for path in mine:
            tree.pop(path, None)
        at = self._around(number, befores, mine)
        for path, name in mine.items():
            if name is None:
                continue
            states = list({id(s): s for before in befores if (s := before.get(path)) is not None}.values())
            known = first[path].facts if name == "" else self._facts.get(name)
            new = self._state(number, path, known, states, befores, mine, at)
            tree[path] = new
            if isinstance(known, Facts):
                if name:
                    self.versions.append(FileVersion(path, number, known, new.key))
                for iv, track in new.tracks.items():
                    self._memory.setdefault(iv, track)
        if len(befores) == 1:
            self._note_removed(number, first, tree, mine)
        return tree

    def _state(
        self,
        number: int,
        path: str,
        known: Known,
        befores: list[State],
        trees: Sequence[dict[str, State]],
        mine: Mapping[str, str | None],
        at: Around,
    ) -> State:
        if isinstance(known, Facts):
            if not befores:
                befores = self._renamed(known, trees, mine)
            key = self._keys.get(known, -1)
            return followed(known, befores, path, at, key)
        return interrupted(path, number, befores, clear=not isinstance(known, Unread | Illegible))

    def _renamed(
        self, facts: Facts, trees: Sequence[dict[str, State]], mine: Mapping[str, str | None]
    ) -> list[State]:
        """The files that the commit took away and of which this one is the continuation, by content."""
        ivs = {value.iv for value in facts.values}
        gone = [path for path, name in mine.items() if name is None]
        states = {id(s): s for tree in trees for path in gone if (s := tree.get(path)) is not None}
        return [state for state in states.values() if is_edited(state, facts, ivs)]

    def _around(
        self, number: int, befores: Sequence[dict[str, State]], mine: Mapping[str, str | None]
    ) -> Around:
        lost: list[Track] | None = None

        def elsewhere(iv: str) -> list[Track]:
            if len(self._standing.get(iv, ())) < 1:
                return []
            found = {}
            for tree in befores:
                for state in tree.values():
                    track = state.tracks.get(iv)
                    if track is not None:
                        found[id(track)] = track
            return list(found.values())

        def taken() -> list[Track]:
            nonlocal lost
            if lost is None:
                lost = list(self._lost(befores, mine))
            return lost

        return Around(
            number, len(befores) > 1, number in self.cut, elsewhere, taken, self._memory, self._arrivals,
            self._is_first, self._unequal, self._earliest, self._alike.join,
        )  # fmt: skip

    def _lost(self, befores: Sequence[dict[str, State]], mine: Mapping[str, str | None]) -> Iterator[Track]:
        """The values that stand at their place no more."""
        for path, name in mine.items():
            known = self._facts.get(name or "")
            if isinstance(known, Unread | Illegible):
                continue
            places = {value.aad for value in known.values} if isinstance(known, Facts) else set()
            for tree in befores:
                if (state := tree.get(path)) is not None:
                    yield from (track for track in state.tracks.values() if track.value.aad not in places)

    def _note_removed(
        self,
        number: int,
        before: Mapping[str, State],
        after: Mapping[str, State],
        mine: Mapping[str, str | None],
    ) -> None:
        standing: set[str] | None = None
        for path in mine:
            old, new = before.get(path), after.get(path)
            if old is None or (new is not None and new.tracks is old.tracks):
                continue
            places = {track.value.aad for track in new.tracks.values()} if new is not None else set()
            for iv, track in old.tracks.items():
                if track.value.aad in places:
                    continue
                if standing is None:
                    standing = {iv for state in after.values() for iv in state.tracks}
                if iv not in standing:
                    self._removed.append((path, track.value.key, number))

    # --- where nonces came from -------------------------------------------------------------------

    def _is_first(self, number: int, path: str, iv: str) -> bool:
        """Whether sops was at work on the nonce's value in just this place, or what it replaced there is the
        same wherever it came to stand."""
        arrivals = self._arrivals.get(iv, [])
        mine = next((one for one in arrivals if one.commit == number and one.path == path), None)
        if mine is None:
            return False
        if all(one.instead == mine.instead for one in arrivals):
            return True
        return arrivals[0] is mine and all(
            one.commit != number and self._is_ancestor(number, one.commit) for one in arrivals[1:]
        )

    def _is_ancestor(self, old: int, young: int) -> bool:
        if (old, young) not in self._ancestry:
            pending, seen = [young], {young}
            while pending and old not in seen:
                for parent in self.parents[pending.pop()]:
                    if parent >= old and parent not in seen:
                        seen.add(parent)
                        pending.append(parent)
            self._ancestry[old, young] = old in seen
        return self._ancestry[old, young]

    def _earliest(self, numbers: Sequence[int]) -> Sequence[int]:
        """Of commits that brought the same, the one that did so first; all where no clock tells."""
        numbers = sorted(set(numbers))
        first = numbers[0]
        if all(self._is_ancestor(first, other) for other in numbers[1:]):
            return [first]
        if not all(self._spans[n].trusted for n in numbers):
            return numbers
        return [min(numbers, key=lambda n: self._spans[n].not_after)]


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


def _is_another_way(one: State, other: State) -> bool:
    """Whether two branches came to the same version of a file on different ways."""
    readable = not (one.bare or one.gaps or other.bare or other.gaps)
    return readable and one is not other and one.facts == other.facts


def _is_sops(known: Known) -> bool:
    return isinstance(known, Facts)


def _data_keys(facts: Mapping[str, Known]) -> dict[Facts, int]:
    """A number for the data key of each version: the same for those that show that they have one key, by
    a MAC, a wrapped key or a value with its tag in common."""
    same: Same[object] = Same()
    versions: dict[Facts, int] = {}
    for known in facts.values():
        if isinstance(known, Facts) and known not in versions:
            number = versions[known] = len(versions)
            for _, seal in known.wraps:
                same.join(number, seal)
            if known.mac:
                same.join(number, known.mac)
            for value in known.values:
                same.join(number, (value.iv, value.sealed))
    numbers: dict[object, int] = {}
    return {known: numbers.setdefault(same.root(number), len(numbers)) for known, number in versions.items()}


__all__ = [
    "Event",
    "FileVersion",
    "Interval",
    "Kind",
    "Missing",
    "Moment",
    "Removed",
    "Timeline",
    "ValueLine",
    "Walk",
    "counts",
]
