"""Things that are, or may be, the same: joined two by two."""

from typing import Generic, TypeVar

_T = TypeVar("_T")


class Same(Generic[_T]):
    """Groups of things; what was never joined is alone."""

    __slots__ = ("_parents",)

    def __init__(self) -> None:
        self._parents: dict[_T, _T] = {}

    def root(self, thing: _T) -> _T:
        """What stands for the group of a thing."""
        parents = self._parents
        while (parent := parents.get(thing, thing)) != thing:
            parents[thing] = thing = parents.get(parent, parent)
        return thing

    def join(self, one: _T, other: _T) -> None:
        """From now on they are the same."""
        one, other = self.root(one), self.root(other)
        if one != other:
            self._parents[other] = one

    def groups(self) -> dict[_T, list[_T]]:
        """The groups of more than one, by what stands for them."""
        found: dict[_T, list[_T]] = {}
        for thing in self._parents:
            found.setdefault(self.root(thing), []).append(thing)
        for root, group in found.items():
            if root not in group:
                group.append(root)
        return found
