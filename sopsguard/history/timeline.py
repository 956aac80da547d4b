"""The history of a repository of secrets: every value and every reader, from git alone, without a key."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from sopsguard.cache import Cache
from sopsguard.history.arrivals import Arrivals
from sopsguard.history.blobs import Known
from sopsguard.history.facts import Value
from sopsguard.history.following import FileVersion, Following
from sopsguard.history.lineage import Judged, Lineage, Walk
from sopsguard.history.stated import Keys, Rules
from sopsguard.history.values import Kind, State, Step, Track

_ALL = "the whole history: git fetch --unshallow (in CI: fetch-depth: 0)"
_OBJECTS = "the missing objects: git fetch --refetch (a partial clone leaves them out)"


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


class Timeline:
    """What history says. Commits have numbers here, parents first; `moments` tells which they are."""

    def __init__(
        self,
        walk: Walk,
        now: int,
        cache: Cache | None = None,
        judged: Judged | None = None,
        progress: Callable[[int, int], None] | None = None,
        known: dict[str, Known] | None = None,
    ) -> None:
        """Reads the history that `walk` tells. `now` is the clock, in seconds since 1970.

        `judged` is the state that is judged where that is no commit. `progress` hears how many contents of
        how many were read; `known` are facts that were made before, by name, and more are added. Raises
        `UserError` where git cannot tell the history.
        """
        self.now = now
        self._lineage = Lineage(walk, now, cache, judged, progress, known)
        self.moments: tuple[Moment, ...] = tuple(
            Moment(oid, span.not_before, span.not_after)
            for oid, span in zip(self._lineage.oids, self._lineage.spans, strict=True)
        )
        self._arrivals = Arrivals(self._lineage)
        self._following = Following(self._lineage, self._arrivals)

    # --- what it says -----------------------------------------------------------------------------

    @property
    def states(self) -> Mapping[str, State]:
        """Each SOPS file of the state that is judged."""
        return self._following.now

    @property
    def versions(self) -> Sequence[FileVersion]:
        """Every version of every SOPS file, in the order of history."""
        return self._following.versions

    @property
    def parents(self) -> Sequence[Sequence[int]]:
        """The parents of each commit."""
        return self._lineage.parents

    @property
    def stated(self) -> Sequence[Sequence[tuple[str, Rules | Keys | None]]]:
        """What each commit says of readers: path and statement, None where it was taken away."""
        return self._lineage.stated

    @property
    def cut(self) -> frozenset[int]:
        """The commits before which nothing is known."""
        return self._lineage.cut

    @cached_property
    def values(self) -> tuple[ValueLine, ...]:
        """Every value of the state that is judged."""
        return tuple(self.lines(lambda _path, _value: True))

    def lines(self, wanted: Callable[[str, Value], bool]) -> Iterator[ValueLine]:
        """The lives of those values of the state that is judged that are `wanted`, by path."""
        for path in sorted(self.states):
            yield from self._lines(self.states[path], wanted)

    @cached_property
    def removed(self) -> tuple[Removed, ...]:
        """Every value that a commit took away without a trace of it elsewhere, in the order of history."""
        return tuple(Removed(path, key, self.moments[n]) for path, key, n in self._following.removed)

    @cached_property
    def missing(self) -> tuple[Missing, ...]:
        """What of the history cannot be told, and what to fetch."""
        found = []
        if self.cut:
            opened = tuple(
                path
                for path, state in sorted(self.states.items())
                if any(t.open for t in state.tracks.values())
            )
            reason = "the clone is shallow: what was before its first commit is not known"
            found.append(Missing(opened, reason, _ALL))
        unread: dict[str, list[str]] = {}
        for path, reason in self._lineage.unread.items():
            unread.setdefault(reason, []).append(path)
        for reason, paths in unread.items():
            found.append(Missing(tuple(sorted(paths)), f"a version {reason}", _OBJECTS))
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
        return self._groups.get(self._following.alike.root(iv), (iv,))

    @cached_property
    def _groups(self) -> Mapping[str, list[str]]:
        return self._following.alike.groups()

    def seen(self, iv: str) -> int | None:
        """The number of the first commit in which a nonce stood."""
        brought = [arrival.commit for arrival in self._arrivals.of.get(iv, ())]
        return self._arrivals.earliest(brought)[0] if brought else None

    def _lines(self, state: State, wanted: Callable[[str, Value], bool]) -> Iterator[ValueLine]:
        for value in state.facts.values if state.facts is not None else ():
            track = state.tracks.get(value.iv)
            if track is None or not wanted(state.path, value):
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
