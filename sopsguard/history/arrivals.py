"""Where each nonce first came to stand, as opposed to being handed on from commit to commit."""

from collections.abc import Sequence

from sopsguard.history.blobs import Illegible, Unread
from sopsguard.history.facts import Facts
from sopsguard.history.lineage import Lineage, along
from sopsguard.history.values import Arrival


class Arrivals:
    """The arrivals of every nonce, in the order of history. Sops made it in one of them; the others brought
    it from there: a cherry-pick, a revert, a file of another branch."""

    def __init__(self, lineage: Lineage) -> None:
        self._lineage = lineage
        self.of: dict[str, list[Arrival]] = {}
        self._versions: dict[str, dict[str, str]] = {}  # name of a version → nonce → its aad
        self._standing: dict[str, list[str]] = {}  # nonce → the names of the versions that have it
        for name, known in lineage.facts.items():
            if isinstance(known, Facts):
                self._versions[name] = {value.iv: value.aad for value in known.values}
                for iv in self._versions[name]:
                    self._standing.setdefault(iv, []).append(name)
        along(lineage.parents, self._tree)

    def _tree(self, number: int, befores: list[dict[str, str]]) -> dict[str, str]:
        tree = befores[0] if befores else {}
        mine = self._lineage.changes[number]
        if mine:
            tree = dict(tree)
        held: set[str] | None = None
        for path, name in mine:
            if name is None:
                tree.pop(path, None)
                continue
            ivs = self._versions.get(name, {})
            olds = [self._versions.get(before.get(path, ""), {}) for before in befores]
            fresh = list(ivs)
            for old in olds:
                fresh = [iv for iv in fresh if iv not in old]
            for iv in fresh:
                if held is None:
                    held = {one for before in befores for one in before.values()}
                if any(one in held for one in self._standing[iv]):
                    continue
                places = [pair for old in olds for pair in old.items()]
                instead = frozenset(one for one, its in places if its == ivs[iv] and one not in ivs)
                self.of.setdefault(iv, []).append(Arrival(number, path, instead))
            # An unreadable version says nothing against the one before.
            if not isinstance(self._lineage.facts.get(name), Unread | Illegible):
                tree[path] = name
        return tree

    def is_first(self, number: int, path: str, iv: str) -> bool:
        """Whether sops was at work on the nonce's value in just this place, or what it replaced there is the
        same wherever it came to stand."""
        arrivals = self.of.get(iv, [])
        mine = next((one for one in arrivals if one.commit == number and one.path == path), None)
        if mine is None:
            return False
        if all(one.instead == mine.instead for one in arrivals):
            return True
        return arrivals[0] is mine and all(
            one.commit != number and self._lineage.is_ancestor(number, one.commit) for one in arrivals[1:]
        )

    def earliest(self, numbers: Sequence[int]) -> Sequence[int]:
        """Of commits that brought the same, the one that did so first; all where no clock tells."""
        numbers = sorted(set(numbers))
        first = numbers[0]
        if len(numbers) == 1 or all(self._lineage.is_ancestor(first, other) for other in numbers[1:]):
            return [first]
        if not all(self._lineage.spans[n].trusted for n in numbers):
            return numbers
        return [min(numbers, key=lambda n: self._lineage.spans[n].not_after)]
