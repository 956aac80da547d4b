"""How the values of one file came out of those of the versions before: kept, changed, moved, re-encrypted.

The clock of a value is its nonce. Sops gives a nonce again only to the same value at the same path, even
when the data key is new; so the same nonce is the same value, wherever it stands. Another nonce is another
value, unless the whole file was encrypted anew, the value was moved, or one of the exceptions holds by
which sops itself loses a nonce (numbers and times that it does not read back as it wrote them). There the
answer is several commits, of which one is the right one.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from sopsguard.history.facts import Facts, Value

# More commits than this are told as "one between the first and the last".
_MOST = 64


class Kind(StrEnum):
    """What happened to a value."""

    CREATED = "created"
    CHANGED = "changed"
    MOVED = "moved"
    REENCRYPTED = "re-encrypted"
    ROTATED = "rotated"
    RESTORED = "restored"
    REMOVED = "removed"


class Step(NamedTuple):
    """Something that happened to a value, in the commit of that number. What is not `certain` may as well
    have been a change. `before` is what happened before."""

    kind: Kind
    commit: int
    certain: bool
    before: "Step | None"


@dataclass(frozen=True, slots=True)
class Track:
    """Where a value comes from. `candidates` are the numbers of the commits of which one brought the last
    real change, in ascending order; with `between` any commit from the first to the last may have. With
    `open` it may also have been before what is known."""

    value: Value
    candidates: tuple[int, ...]
    between: bool
    open: bool
    created: int
    last: Step

    def then(self, kind: Kind, commit: int, value: Value, *, certain: bool = True) -> "Track":
        """The same value after something that did not change it."""
        step = Step(kind, commit, certain, self.last)
        return Track(value, self.candidates, self.between, self.open, self.created, step)


@dataclass(frozen=True, slots=True)
class State:
    """A file in one commit. `facts` are those of its last version that could be read as a SOPS file.

    `tracks` are by nonce. `readers` and `former` are recipients and the commit since which they are, or are
    no more. `bare` and `gaps` are the commits since that version in which the file stood in clear, or could
    not be read. `key` is the number of its data key, `older_keys` are others that may be the same one.
    `opened` is the first commit of the file; `mixed` says that its tracks are those of several branches.
    """

    path: str
    facts: Facts | None
    tracks: Mapping[str, Track] = field(default_factory=dict)
    readers: Mapping[str, int] = field(default_factory=dict)
    former: Mapping[str, int] = field(default_factory=dict)
    bare: tuple[int, ...] = ()
    gaps: tuple[int, ...] = ()
    key: int = -1
    older_keys: tuple[int, ...] = ()
    opened: int = 0
    mixed: bool = False

    @property
    def is_clear(self) -> bool:
        """Whether it is no SOPS file in this commit."""
        return bool(self.bare) and (not self.gaps or self.bare[-1] > self.gaps[-1])


class Arrival(NamedTuple):
    """A file of a commit in which a nonce stands that none of the parents has; `instead` of which others."""

    commit: int
    path: str
    instead: frozenset[str]


class Around(NamedTuple):
    """What one commit is, beside the file that is looked at.

    `elsewhere` finds the tracks of a nonce in the other files of the parents, `lost` are the values that
    the commit took away, `memory` the tracks of nonces that stood anywhere before. `arrivals` and `is_first`
    (commit, path, nonce) tell where nonces came from. `unequal` are pairs of nonces whose values are known to
    differ; new ones are added. `earliest` chooses from commits that brought the same; `alike` is told of two
    nonces whose values may be the same.
    """

    commit: int
    merging: bool
    cut: bool
    elsewhere: Callable[[str], Sequence[Track]]
    lost: Callable[[], Sequence[Track]]
    memory: Mapping[str, Track]
    arrivals: Mapping[str, Sequence[Arrival]]
    is_first: Callable[[int, str, str], bool]
    unequal: set[frozenset[str]]
    earliest: Callable[[Sequence[int]], Sequence[int]]
    alike: Callable[[str, str], None]


def counts(value: Value) -> bool:
    """Whether it is a value and no comment of a list."""
    return value.type != "comment"


def differ(one: Value, other: Value) -> bool:
    """Whether two values are certainly not the same. Numbers change their type without changing."""
    return one.length != other.length or (
        one.type != other.type and {one.type, other.type} != {"int", "float"}
    )


def _unstable(one: Value, other: Value) -> bool:
    """Whether sops may have given the same value another nonce, because it does not read it back from the
    text of an edit as the same: 1.0 as 1, NaN never, times with odd offsets (7.3 of the format's reference,
    tried with 3.13)."""
    return (
        one.type != other.type
        or (one.type == "float" and one.length == 3)
        or (one.type == "time" and one.length > 20)
    )


def followed(facts: Facts, befores: Sequence[State], path: str, at: Around, key: int) -> State:
    """The state of a file in a commit whose version has these facts; `befores` are those of the parents."""
    ivs = {value.iv for value in facts.values}
    between_versions = sorted({n for before in befores for n in (*before.bare, *before.gaps)})
    tracks: dict[str, Track] = {}
    related = [before for before in befores if before.facts is not None]
    in_place = {id(before): is_edited(before, facts, ivs) for before in related}
    only = related[0].tracks if len(related) == 1 else {}
    for value in facts.values:
        if value.iv in tracks or not counts(value):
            continue
        was = only.get(value.iv)
        if was is not None and was.value == value:  # nearly all of them, nearly always
            tracks[value.iv] = was
            continue
        tracks[value.iv] = _track(value, path, ivs, related, in_place, between_versions, facts, at)
    readers, former = _readers(facts, related, at.commit)
    older = _older_keys(facts, related, key)
    opened = min((before.opened for before in befores), default=at.commit)
    return State(path, facts, tracks, readers, former, (), (), key, older, opened)


def interrupted(path: str, commit: int, befores: Sequence[State], *, clear: bool) -> State:
    """The state of a file in a commit in which it is no SOPS file, or cannot be read: what was before, for
    what comes after."""
    readable = [before for before in befores if before.facts is not None]
    last = max(
        readable or befores, key=lambda before: before.opened, default=State(path, None, opened=commit)
    )
    bare = sorted({n for before in befores for n in before.bare} | ({commit} if clear else set()))
    gaps = sorted({n for before in befores for n in before.gaps} | (set() if clear else {commit}))
    tracks = {iv: track for before in readable for iv, track in before.tracks.items()}
    return State(
        path,
        last.facts,
        tracks,
        {} if clear else last.readers,
        {**last.former, **dict.fromkeys(last.readers, commit)} if clear else last.former,
        tuple(bare),
        tuple(gaps),
        last.key,
        last.older_keys,
        last.opened,
        len(readable) > 1 or last.mixed,
    )


def is_edited(before: State, facts: Facts, ivs: Collection[str]) -> bool:
    """Whether a version came from the one before by sops alone, and not by encrypting it all anew: then it
    has a nonce or a wrapped data key of it."""
    if before.facts is None or before.is_clear or before.mixed:
        return False
    if any(iv in ivs for iv in before.tracks):
        return True
    wraps = {seal for _, seal in before.facts.wraps}
    return any(seal in wraps for _, seal in facts.wraps)


def _track(
    value: Value,
    path: str,
    ivs: Collection[str],
    befores: Sequence[State],
    in_place: Mapping[int, bool],
    between_versions: Sequence[int],
    facts: Facts,
    at: Around,
) -> Track:
    kept = [before.tracks[value.iv] for before in befores if value.iv in before.tracks]
    if kept:
        track = joined(kept, at.earliest, at.arrivals)
        was = kept[0].value
        if was.aad != value.aad:
            return track.then(Kind.MOVED, at.commit, value)
        if all(one.value.sealed != value.sealed for one in kept):
            return track.then(Kind.ROTATED, at.commit, value)
        return track
    moved = at.elsewhere(value.iv)
    predecessors = [
        (before, track)
        for before in befores
        for iv, track in before.tracks.items()
        if track.value.aad == value.aad and iv not in ivs
    ]
    if moved and (at.merging or not predecessors):
        return joined(moved, at.earliest, at.arrivals).then(Kind.MOVED, at.commit, value)
    here = {at.commit, *between_versions}
    if predecessors:
        maybe = [
            track
            for before, track in predecessors
            if not _is_changed(track.value, value, path, in_place[id(before)] and not moved, at)
        ]
        if moved and sum(one.aad == value.aad for one in facts.values) > 1:
            maybe += moved  # elements of lists have no place of their own, so it may have replaced none
        if maybe:
            return _widened(value, here, maybe, Kind.REENCRYPTED, at)
        for _, track in predecessors:
            at.unequal.add(frozenset((track.value.iv, value.iv)))
        return _new(value, here, Kind.CHANGED, at, _oldest(track for _, track in predecessors))
    if value.iv in at.memory:  # removed before, and put back
        again = at.memory[value.iv]
        return joined([again, _new(value, {at.commit}, Kind.CREATED, at)], at.earliest, at.arrivals).then(
            Kind.RESTORED, at.commit, value
        )
    sources = [track for track in at.lost() if not differ(track.value, value)]
    if sources:
        return _widened(value, here, sources, Kind.MOVED, at)
    for before in befores:
        then = before.facts
        if then is not None and then.clear and (not facts.scope or then.scope != facts.scope):
            # It may have stood here in clear, where versions tell nothing of it.
            made = _new(value, {before.opened, *here}, Kind.CREATED, at)
            return Track(value, made.candidates, True, made.open, before.opened, made.last)
    return _new(value, here, Kind.CREATED, at)


def _is_changed(old: Value, new: Value, path: str, in_place: bool, at: Around) -> bool:
    """Whether a value with another nonce is certainly another value."""
    if differ(old, new) or frozenset((old.iv, new.iv)) in at.unequal:
        return True
    # After a merge nobody knows on which side sops was at work: the value of one may have been typed
    # again into the file of the other.
    if not in_place or at.merging or _unstable(old, new):
        return False
    return at.is_first(at.commit, path, new.iv)


def _new(value: Value, here: Collection[int], kind: Kind, at: Around, old: Track | None = None) -> Track:
    candidates, between = _few(here)
    step = Step(kind, at.commit, len(here) == 1, old.last if old is not None else None)
    created = old.created if old is not None else candidates[0]
    # What a cut-off history begins with may be of any age.
    return Track(value, candidates, between, at.cut and kind is Kind.CREATED, created, step)


def _widened(value: Value, here: Collection[int], olds: Sequence[Track], kind: Kind, at: Around) -> Track:
    """A value that may be an older one, or was changed here."""
    candidates, between = _few({*here, *(n for old in olds for n in old.candidates)})
    between = between or any(old.between for old in olds)
    for old in olds:
        at.alike(value.iv, old.value.iv)
    oldest = _oldest(olds)
    step = Step(kind, at.commit, False, oldest.last if oldest is not None else None)
    created = min(old.created for old in olds)
    return Track(value, candidates, between, any(old.open for old in olds), created, step)


def _oldest(tracks: Iterable[Track]) -> Track | None:
    return min(tracks, key=lambda track: track.created, default=None)


def _few(commits: Collection[int]) -> tuple[tuple[int, ...], bool]:
    ordered = tuple(sorted(commits))
    return (ordered, False) if len(ordered) <= _MOST else ((ordered[0], ordered[-1]), True)


def joined(
    tracks: Sequence[Track],
    earliest: Callable[[Sequence[int]], Sequence[int]],
    arrivals: Mapping[str, Sequence[Arrival]],
) -> Track:
    """One value that came on several ways. Sops made its nonce once: of the commits that brought it the
    earliest counts."""
    first = tracks[0]
    if all(track is first or track.candidates == first.candidates for track in tracks):
        return first
    candidates = {n for track in tracks for n in track.candidates}
    brought = [arrival.commit for arrival in arrivals.get(first.value.iv, ()) if arrival.commit in candidates]
    if len(brought) > 1:
        candidates -= set(brought) - set(earliest(brought))
    few, between = _few(candidates)
    oldest = min(tracks, key=lambda track: track.created)
    between = between or any(track.between for track in tracks)
    is_open = any(track.open for track in tracks)
    return Track(first.value, few, between, is_open, oldest.created, oldest.last)


def _readers(facts: Facts, befores: Sequence[State], commit: int) -> tuple[dict[str, int], dict[str, int]]:
    readers: dict[str, int] = {}
    former: dict[str, int] = {}
    for who, _ in facts.wraps:
        readers[who] = min((b.readers[who] for b in befores if who in b.readers), default=commit)
    for before in befores:
        for who, when in before.former.items():
            if who not in readers:
                former[who] = max(when, former.get(who, when))
    for before in befores:
        for who in before.readers:
            # A side of a merge that removed somebody did so before.
            if who not in readers and (who not in former or all(who in b.readers for b in befores)):
                former[who] = commit
    return readers, former


def _older_keys(facts: Facts, befores: Sequence[State], key: int) -> tuple[int, ...]:
    """The data keys that may be this one although nothing shows it."""
    older: set[int] = set()
    ivs = {value.iv for value in facts.values}
    for before in befores:
        if before.key != key and any(iv in ivs for iv in before.tracks):
            continue  # a nonce under two data keys: it was rotated
        older.update(before.older_keys, (before.key,))
    return tuple(sorted(older - {key, -1}))
