"""Readers through history: what they were called, which rules and files named them, their public keys."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import NamedTuple

from sopsguard.history.lineage import along
from sopsguard.history.stated import Keys, PublicKey, Rules
from sopsguard.history.timeline import Moment, Timeline


class Former(NamedTuple):
    """A name of a recipient in a `.sops.yaml`. `moment` is the commit that took it away (an anchor, a key or
    a comment that names it), None while it stands."""

    name: str
    config: str
    moment: Moment | None


class RuleReader(NamedTuple):
    """A recipient of the rule with that expression. With `open` it may have been one before what is known."""

    config: str
    expression: str
    recipient: str
    added: Moment
    removed: Moment | None
    open: bool


class FileReader(NamedTuple):
    """A recipient of a file that stands now, also under its former paths; `added` is None for one that was
    removed. With `open` it may have been one before what is known."""

    path: str
    recipient: str
    added: Moment | None
    removed: Moment | None
    open: bool


class KeyLife(NamedTuple):
    """A public key in a file that stands now: since when it stands there."""

    path: str
    key: PublicKey
    added: Moment
    open: bool


_Token = tuple[str, ...]
_Standing = dict[_Token, int]


class Readers:
    """What a history says of readers."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        # Tokens of a configuration: ("name", recipient, name) and ("rule", expression, recipient); of a
        # file of keys: ("key", kind, name).
        self._standing: dict[str, _Standing] = {}
        self._gone: dict[tuple[str, _Token], tuple[int, int]] = {}  # → added, removed
        self._keys: dict[str, Keys] = {}
        self._follow()

    def former_names(self, recipient: str) -> tuple[Former, ...]:
        """Every name that a `.sops.yaml` ever had for a recipient (`Key.normal`): those that stand first,
        then the last removed. The moment is that of the removal."""
        lives = [
            (path, token, times) for path, token, times in self._lives if token[:2] == ("name", recipient)
        ]
        lives.sort(key=lambda life: -(len(self._timeline.moments) if life[2][1] is None else life[2][1]))
        return tuple(Former(token[2], path, self._moment(times[1])) for path, token, times in lives)

    def called(self, name: str) -> tuple[str, ...]:
        """The recipients (`Key.normal`) that a `.sops.yaml` ever called so, prefixes (`host_`) aside."""
        from sopsguard.inventory import folded
        from sopsguard.inventory.naming import prefix

        wanted = folded(name)
        found = {
            token[1]: None
            for _, token, _ in self._lives
            if token[0] == "name" and wanted in (folded(token[2]), folded(prefix(token[2])[1]))
        }
        return tuple(found)

    @cached_property
    def rules(self) -> tuple[RuleReader, ...]:
        """Every recipient that a rule names or named, by configuration, expression and recipient."""
        return tuple(
            RuleReader(
                path,
                token[1],
                token[2],
                self._timeline.moments[added],
                self._moment(removed),
                self._open(added),
            )
            for path, token, (added, removed) in sorted(self._lives, key=lambda life: life[:2])
            if token[0] == "rule"
        )

    @cached_property
    def files(self) -> tuple[FileReader, ...]:
        """Every recipient that a file that stands now has or had, by path and recipient."""
        moments = self._timeline.moments
        found = []
        for path, state in sorted(self._timeline.states.items()):
            for who, when in sorted(state.readers.items()):
                found.append(FileReader(path, who, moments[when], None, self._open(when)))
            for who, when in sorted(state.former.items()):
                found.append(FileReader(path, who, None, moments[when], False))
        return tuple(found)

    @cached_property
    def keys(self) -> tuple[KeyLife, ...]:
        """Every public key in the files that stand now, in their order: OpenPGP keys with their subkeys as
        they are there now, SSH keys."""
        found = []
        for path, keys in sorted(self._keys.items()):
            for key in keys.keys:
                added = self._standing[path]["key", key.kind, key.name]
                found.append(KeyLife(path, key, self._timeline.moments[added], self._open(added)))
        return tuple(found)

    @cached_property
    def ssh_recipients(self) -> frozenset[str]:
        """The age recipients that SSH keys in the tree are converted to (ssh-to-age)."""
        from sopsguard.keys.age import from_ssh_public

        made = (from_ssh_public(life.key.name) for life in self.keys if life.key.kind == "ssh")
        return frozenset(one for one in made if isinstance(one, str))

    # --- how ----------------------------------------------------------------------------------------

    @cached_property
    def _lives(self) -> list[tuple[str, _Token, tuple[int, int | None]]]:
        lives: list[tuple[str, _Token, tuple[int, int | None]]] = []
        for path, tokens in self._standing.items():
            lives += [(path, token, (added, None)) for token, added in tokens.items()]
        for (path, token), times in self._gone.items():
            if token not in self._standing.get(path, {}):
                lives.append((path, token, times))
        return lives

    def _moment(self, number: int | None) -> Moment | None:
        return None if number is None else self._timeline.moments[number]

    def _open(self, number: int) -> bool:
        return number in self._timeline.cut

    def _follow(self) -> None:
        for tree, shown in along(self._timeline.parents, self._step):
            for path, tokens in tree.items():
                self._standing.setdefault(path, tokens)
            for path, one in shown.items():
                self._keys.setdefault(path, one)

    def _step(
        self, number: int, befores: list[tuple[dict[str, _Standing], dict[str, Keys]]]
    ) -> tuple[dict[str, _Standing], dict[str, Keys]]:
        changes = self._timeline.stated[number]
        shown = befores[0][1] if befores else {}
        changed = {path: said for path, said in changes if not isinstance(said, Rules)}
        if changed:
            shown = {path: one for path, one in shown.items() if path not in changed}
            shown |= {path: said for path, said in changed.items() if said is not None}
        return self._tree(number, [tree for tree, _ in befores], changes), shown

    def _tree(
        self,
        number: int,
        befores: Sequence[dict[str, _Standing]],
        changes: Iterable[tuple[str, Rules | Keys | None]],
    ) -> dict[str, _Standing]:
        first = befores[0] if befores else {}
        tree = first
        for path, said in changes:
            if tree is first:
                tree = dict(first)
            olds = [before[path] for before in befores if path in before]
            new: _Standing = {}
            for token in _tokens(said):
                new[token] = min((old[token] for old in olds if token in old), default=number)
            for old in olds:
                for token, added in old.items():
                    # A side of a merge that took something away did so before.
                    if token not in new and (
                        (path, token) not in self._gone or all(token in one for one in olds)
                    ):
                        self._gone[path, token] = added, number
            if said is None:
                tree.pop(path, None)
            else:
                tree[path] = new
        return tree


def _tokens(said: Rules | Keys | None) -> Iterable[_Token]:
    if isinstance(said, Rules):
        yield from (("name", who, name) for who, name in said.names)
        yield from (("rule", expression, who) for expression, whose in said.rules for who in whose)
    elif said is not None:
        yield from (("key", key.kind, key.name) for key in said.keys)
