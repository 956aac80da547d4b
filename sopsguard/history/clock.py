"""When commits happened, as far as clocks that may lie show it: times in seconds since 1970, UTC."""

from collections.abc import Sequence
from typing import NamedTuple

FIRST = 1112911993  # the first commit of git itself, 2005-04-07: nothing is older
# Clocks of two machines, or a time zone taken for another, differ by less.
TOLERANCE = 86400
# So many commits with a wrong clock are told from the others; what then still contradicts is not trusted.
_LIARS = 64


class Span(NamedTuple):
    """Between which times a commit was made: `not_before` is None where nothing tells. `trusted` if that is
    what its own clock says, and not only its place among the others."""

    not_before: int | None
    not_after: int
    trusted: bool


class Times(NamedTuple):
    """What a commit says of itself: the places of its parents in the list, and its times (0: none)."""

    parents: tuple[int, ...]
    author: int
    committer: int


def spans(commits: Sequence[Times], now: int) -> list[Span]:
    """When each of these commits was made; parents come before their children.

    A clock in the future or before git is not believed. Where a child is older than an ancestor by more
    than `TOLERANCE`, the commit that contradicts most of the others is the one that is wrong.
    """
    said = [c.committer for c in commits]
    trusted = [FIRST <= c.committer <= now + TOLERANCE for c in commits]
    for _ in range(_LIARS):
        blamed = _blamed(commits, said, trusted)
        if not blamed:
            break
        most = max(blamed.values())
        for number, count in blamed.items():
            if count == most:
                trusted[number] = False
    else:
        for number in _blamed(commits, said, trusted):
            trusted[number] = False
    before, after = _before(commits, said, trusted), _after(commits, said, trusted)
    found = []
    for number, commit in enumerate(commits):
        earlier, later = before[number][0], after[number][0]
        if trusted[number]:
            # What was rebased or picked was made when its author says.
            author = commit.author if FIRST <= commit.author <= commit.committer else commit.committer
            found.append(Span(min(author, now), min(commit.committer, now), True))
        else:
            found.append(
                Span(min(earlier, now) if earlier else None, min(later, now) if later else now, False)
            )
    return found


_Witness = tuple[int, int]  # time and number of a commit; (0, -1) for none


def _before(commits: Sequence[Times], said: list[int], trusted: list[bool]) -> list[_Witness]:
    """Of each commit the latest time of a trusted ancestor."""
    found: list[_Witness] = []
    for commit in commits:
        latest = (0, -1)
        for parent in commit.parents:
            latest = max(latest, found[parent], (said[parent], parent) if trusted[parent] else (0, -1))
        found.append(latest)
    return found


def _after(commits: Sequence[Times], said: list[int], trusted: list[bool]) -> list[_Witness]:
    """Of each commit the earliest time of a trusted descendant."""
    found: list[_Witness] = [(0, -1)] * len(commits)
    for number in range(len(commits) - 1, -1, -1):
        mine = found[number]
        if trusted[number] and (not mine[0] or said[number] < mine[0]):
            mine = (said[number], number)
        if mine[0]:
            for parent in commits[number].parents:
                if not found[parent][0] or mine[0] < found[parent][0]:
                    found[parent] = mine
    return found


def _blamed(commits: Sequence[Times], said: list[int], trusted: list[bool]) -> dict[int, int]:
    """The commits that contradict each other, and how many each contradicts, as far as witnesses tell."""
    blamed: dict[int, int] = {}
    before, after = _before(commits, said, trusted), _after(commits, said, trusted)
    for number, ok in enumerate(trusted):
        if not ok:
            continue
        late, early = before[number], after[number]
        pairs = [late[1]] if late[0] > said[number] + TOLERANCE else []
        pairs += [early[1]] if early[0] and early[0] < said[number] - TOLERANCE else []
        for other in pairs:
            blamed[number] = blamed.get(number, 0) + 1
            blamed[other] = blamed.get(other, 0) + 1
    return blamed
