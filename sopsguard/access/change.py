"""The access diff of a change: per file and value, who can read it now who could not before, and the reverse.

Pure and keyless. Where a value was before is told by its ciphertext (the same IV is the same value), else by
its place (same file, same key), else, for a file that went away while another came, by its whole shape.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from sopsguard.access.readers import Reach, Reader, reach
from sopsguard.sops.file import Broken, Leaf, SopsFile
from sopsguard.sops.masterkey import Key

if TYPE_CHECKING:
    from sopsguard.managed import Managed

# The reader of what stands in clear.
EVERYONE = "everyone"


class Way(StrEnum):
    """How access came or went."""

    FILE = "the file's recipients"
    MOVE = "a move or copy"
    KEY = "a shared data key"
    SCOPE = "encryption taken away"
    THRESHOLD = "fewer key groups needed"
    RULE = "the creation rule"


@dataclass(frozen=True, slots=True)
class Gain:
    """One reader that gained, or lost, values of one file.

    `who` is the canonical recipient (or EVERYONE), `key` as it stands in the file or rule. `values` are the
    dotted paths of the values; empty with `Way.RULE`, where nothing changes before the next `updatekeys`.
    `source` is where the values were before (`Way.MOVE`), the file that shares the data key (`Way.KEY`), or
    the configuration (`Way.RULE`). `line` is that of the recipient in its file. `newcomer`: nothing in the
    repository named this reader before.
    """

    path: str
    who: str
    way: Way
    values: tuple[str, ...]
    key: Key | None = None
    source: str = ""
    line: int | None = None
    newcomer: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """What a change did to access. `undecided` are files whose one side cannot be read as a SOPS file."""

    gained: tuple[Gain, ...] = ()
    lost: tuple[Gain, ...] = ()
    undecided: tuple[str, ...] = ()


def between(before: "Managed", now: "Managed", canonical: Callable[[Key], str]) -> Change:
    """What became readable, and for whom, from `before` to `now`.

    Both sides must be limited to the same paths, or to none. Values that did not exist before are nobody's
    gain: who may read a new value is what its creation rule says, and other rules judge that.
    """
    then, here = _Side.of(before.files, canonical), _Side.of(now.files, canonical)
    moves = dict(_moves(then.files, here.files))
    back = {old: new for new, old in moves.items()}
    known = _named(then, before, canonical)
    gains = _Gains(then, here, moves, known, canonical)
    losses = _Gains(here, then, back, _named(here, now, canonical), canonical)
    gained = [gain for path in here.files for gain in gains.of(path)]
    gained += _by_rule(before, now, known, canonical)
    # A file that went away for good is no loss that anybody need be told of.
    lost = [loss for path in then.files if path in here.files or path in back for loss in losses.of(path)]
    lost += _by_rule(now, before, known, canonical)
    undecided = (then.broken & now.sops_paths) | (here.broken & before.sops_paths)
    return Change(_sorted(gained), _sorted(lost), tuple(sorted(undecided)))


@dataclass(frozen=True, slots=True)
class _Side:
    """One side of the change: its files, who reads them, where each value is by its IV."""

    files: Mapping[str, SopsFile]
    broken: frozenset[str]
    reach: Mapping[str, Reach]
    places: Mapping[str, tuple[tuple[str, str], ...]] = field(repr=False)

    @classmethod
    def of(cls, files: Mapping[str, SopsFile | Broken], canonical: Callable[[Key], str]) -> "_Side":
        sound = {path: file for path, file in files.items() if isinstance(file, SopsFile)}
        places: dict[str, list[tuple[str, str]]] = {}
        for path, file in sound.items():
            for leaf in file.leaves:
                if leaf.envelope is not None:
                    places.setdefault(leaf.envelope.iv, []).append((path, leaf.key))
        return cls(
            sound,
            frozenset(files) - frozenset(sound),
            reach(sound, canonical),
            {iv: tuple(where) for iv, where in places.items()},
        )


class _Gains:
    """What the readers of one side can read that they could not on the other."""

    def __init__(
        self,
        then: _Side,
        now: _Side,
        moves: Mapping[str, str],
        known: frozenset[str],
        canonical: Callable[[Key], str],
    ) -> None:
        self.then, self.now, self.moves, self.known, self.canonical = then, now, moves, known, canonical
        self._old_keys: dict[str, Mapping[str, bool]] = {}

    def of(self, path: str) -> Iterator[Gain]:
        """The gains in one file of this side."""
        by_reader: dict[tuple[str, Way, str], dict[str, None]] = {}
        for leaf in self.now.files[path].leaves:
            if not leaf.is_comment and not leaf.is_empty and (earlier := self._earlier(path, leaf)):
                for gain in self._of_leaf(path, leaf, earlier):
                    by_reader.setdefault(gain, {})[leaf.key] = None
        for (who, way, source), values in by_reader.items():
            reader = self._reader(path, who) or self._reader(source, who)
            newcomer = who not in self.known and who != EVERYONE
            line = self._line(path, who)
            yield Gain(path, who, way, tuple(values), reader.key if reader else None, source, line, newcomer)

    def _of_leaf(
        self, path: str, leaf: Leaf, earlier: tuple[tuple[str, str], ...]
    ) -> Iterator[tuple[str, Way, str]]:
        """(reader, way, source) of everybody who gains this value."""
        if any(not self._encrypted(*place) for place in earlier):
            return  # it stood in clear somewhere: everybody could read it
        if leaf.envelope is None:
            yield EVERYONE, Way.SCOPE, ""
            return
        had: set[str] = set()
        alone: set[str] = set()
        for source, _ in earlier:
            old = self.then.reach[source]
            had |= old.everyone
            alone |= {who for who, r in old.direct.items() if r.alone} | set(old.through)
        moved_from = "" if any(s == path for s, _ in earlier) else earlier[0][0]
        mine = self.now.reach[path]
        for who, reader in mine.direct.items():
            if who not in had:
                yield who, Way.MOVE if moved_from else Way.FILE, moved_from
            elif reader.alone and who not in alone:
                yield who, Way.THRESHOLD, ""
        for who, other in mine.through.items():
            if who not in had:
                yield who, Way.KEY, other

    def _earlier(self, path: str, leaf: Leaf) -> tuple[tuple[str, str], ...]:
        """Where the value, or the one it took the place of, was on the other side."""
        places: dict[tuple[str, str], None] = {}
        if leaf.envelope is not None:
            places.update(dict.fromkeys(self.then.places.get(leaf.envelope.iv, ())))
        for source in (path, self.moves.get(path, path)):
            if source in self.then.files and leaf.key in self._keys(source):
                places[source, leaf.key] = None
        return tuple(places)

    def _encrypted(self, path: str, key: str) -> bool:
        return self._keys(path).get(key, False)

    def _keys(self, path: str) -> Mapping[str, bool]:
        """The keys of a file on the other side, and whether the value there is encrypted."""
        if path not in self._old_keys:
            self._old_keys[path] = {
                leaf.key: leaf.envelope is not None
                for leaf in self.then.files[path].leaves
                if not leaf.is_comment and not leaf.is_empty
            }
        return self._old_keys[path]

    def _reader(self, path: str, who: str) -> Reader | None:
        return self.now.reach[path].direct.get(who) if path in self.now.reach else None

    def _line(self, path: str, who: str) -> int | None:
        entries = self.now.files[path].metadata.recipients
        return next((r.line for r in entries if self.canonical(r.key) == who), None)


def _by_rule(
    old: "Managed", new: "Managed", known: frozenset[str], canonical: Callable[[Key], str]
) -> Iterator[Gain]:
    """Whom the creation rule of a file names now and did not before, and who does not read it yet."""
    for path, file in new.files.items():
        after, before = new.rule(path).match, old.rule(path).match
        if not isinstance(file, SopsFile) or after is None or after.rule is None:
            continue
        if before is None or before.rule is None:
            continue
        done = {canonical(key) for key in before.rule.keys}
        done |= {canonical(r.key) for r in file.metadata.recipients}
        for key in after.rule.keys:
            if (who := canonical(key)) not in done:
                done.add(who)
                line = key.span.line if key.span else None
                yield Gain(path, who, Way.RULE, (), key, after.config.path, line, who not in known)


def _named(side: _Side, managed: "Managed", canonical: Callable[[Key], str]) -> frozenset[str]:
    """Every reader that something on this side names."""
    named = {who for r in side.reach.values() for who in r.direct}
    for config in managed.configs.values():
        named |= {canonical(key) for rule in config.rules for key in rule.keys}
    return frozenset(named)


def _moves(old: Mapping[str, SopsFile], new: Mapping[str, SopsFile]) -> Iterator[tuple[str, str]]:
    """(new path, old path) of files that went and came with the same keys and lengths, though every
    ciphertext is another: decrypted, moved and encrypted again."""
    gone: dict[tuple[object, ...], list[str]] = {}
    for path in old.keys() - new.keys():
        if shape := _shape(old[path]):
            gone.setdefault(shape, []).append(path)
    for path in sorted(new.keys() - old.keys()):
        candidates = gone.get(_shape(new[path]), ())
        if len(candidates) == 1:
            yield path, candidates[0]


def _shape(file: SopsFile) -> tuple[object, ...]:
    return tuple(
        (leaf.key, leaf.envelope.length if leaf.envelope else leaf.text)
        for leaf in file.leaves
        if not leaf.is_comment
    )


def _sorted(gains: Iterable[Gain]) -> tuple[Gain, ...]:
    return tuple(sorted(gains, key=lambda g: (g.path, g.way, g.who, g.source)))
