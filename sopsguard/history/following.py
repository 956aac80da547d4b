"""The files of each commit, followed from the first to what is judged."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from sopsguard.history.arrivals import Arrivals
from sopsguard.history.blobs import Illegible, Known, Unread
from sopsguard.history.facts import Facts
from sopsguard.history.lineage import Lineage, along
from sopsguard.history.same import Same
from sopsguard.history.values import Around, State, Track, followed, interrupted, is_edited


class FileVersion(NamedTuple):
    """A version of a SOPS file: the commit (by number) that brought it, its facts and its data key."""

    path: str
    commit: int
    facts: Facts
    key: int


class Following:
    """`now` are the SOPS files of what is judged, `versions` all their versions, `removed` the values that
    were taken away (path, key, commit); `alike` joins nonces whose values may be the same."""

    def __init__(self, lineage: Lineage, arrivals: Arrivals) -> None:
        self._lineage, self._arrivals = lineage, arrivals
        self._keys = _data_keys(lineage.facts)
        self._unequal: set[frozenset[str]] = set()
        self._memory: dict[str, Track] = {}
        self.removed: list[tuple[str, str, int]] = []
        self.versions: list[FileVersion] = []
        self.alike: Same[str] = Same()
        self.now: dict[str, State] = {}
        for tree in along(lineage.parents, self._tree):
            for path, state in tree.items():
                if state.facts is not None and not state.bare and not state.gaps:
                    self.now.setdefault(path, state)

    def _tree(self, number: int, befores: Sequence[dict[str, State]]) -> dict[str, State]:
        mine = dict(self._lineage.changes[number])
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
        continued: dict[str, str] = {}
        for path in mine:
            tree.pop(path, None)
        at = self._around(number, befores, mine)
        for path, name in mine.items():
            if name is None:
                continue
            states = list({id(s): s for before in befores if (s := before.get(path)) is not None}.values())
            known = first[path].facts if name == "" else self._lineage.facts.get(name)
            if isinstance(known, Facts) and not states:
                states = self._renamed(known, befores, mine)
                continued.update({state.path: path for state in states})
            new = self._state(number, path, known, states, at)
            tree[path] = new
            if isinstance(known, Facts):
                if name:
                    self.versions.append(FileVersion(path, number, known, new.key))
                for iv, track in new.tracks.items():
                    self._memory.setdefault(iv, track)
        if len(befores) == 1:
            self._note_removed(number, first, tree, {path: continued.get(path, path) for path in mine})
        return tree

    def _state(self, number: int, path: str, known: Known, befores: list[State], at: Around) -> State:
        if isinstance(known, Facts):
            return followed(known, befores, path, at, self._keys.get(known, -1))
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
            commit=number,
            merging=len(befores) > 1,
            cut=number in self._lineage.cut,
            elsewhere=elsewhere,
            lost=taken,
            memory=self._memory,
            arrivals=self._arrivals.of,
            is_first=self._arrivals.is_first,
            unequal=self._unequal,
            earliest=self._arrivals.earliest,
            alike=self.alike.join,
        )

    def _lost(self, befores: Sequence[dict[str, State]], mine: Mapping[str, str | None]) -> Iterator[Track]:
        """The values that stand at their place no more."""
        for path, name in mine.items():
            known = self._lineage.facts.get(name or "")
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
        paths: Mapping[str, str],
    ) -> None:
        """Values that the commit took away; `paths` are those it changed, and their names after it."""
        standing: set[str] | None = None
        for path, later in paths.items():
            old, new = before.get(path), after.get(later)
            if old is None or (new is not None and new.tracks is old.tracks):
                continue
            places = {track.value.aad for track in new.tracks.values()} if new is not None else set()
            for iv, track in old.tracks.items():
                if track.value.aad in places:
                    continue
                if standing is None:
                    standing = {iv for state in after.values() for iv in state.tracks}
                if iv not in standing:
                    self.removed.append((path, track.value.key, number))


def _is_another_way(one: State, other: State) -> bool:
    """Whether two branches came to the same version of a file on different ways."""
    readable = not (one.bare or one.gaps or other.bare or other.gaps)
    return readable and one is not other and one.facts == other.facts


def _data_keys(facts: Mapping[str, Known]) -> dict[Facts, int]:
    """A number for the data key of each version: the same for those that show that they have one key, by
    a MAC, a wrapped key or a value with its tag in common."""
    same: Same[int] = Same()
    versions: dict[Facts, int] = {}
    last: dict[str | tuple[str, str], int] = {}  # the version before that shows a sign of its data key
    for known in facts.values():
        if isinstance(known, Facts) and known not in versions:
            number = versions[known] = len(versions)
            signs: list[str | tuple[str, str]] = [(value.iv, value.sealed) for value in known.values]
            signs += [seal for _, seal in known.wraps]
            signs += [known.mac] if known.mac else []
            for other in {last.get(sign, number) for sign in signs}:
                same.join(number, other)
            last.update(dict.fromkeys(signs, number))
    numbers: dict[int, int] = {}
    return {known: numbers.setdefault(same.root(number), len(numbers)) for known, number in versions.items()}
