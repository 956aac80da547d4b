"""From the places of keywords to confirmed matches: each pattern is tried only where its keywords stand."""

import re
from collections.abc import Iterable, Iterator, Sequence

from sopsguard.scan.patterns import Pattern
from sopsguard.scan.prefilter import Positions

# (start, end) of hits of keywords.
_Hits = Iterable[tuple[int, int]]

# More hits than this are not put into a list: a hostile file may be nothing but keywords.
_MANY = 100_000


class Confirm:
    """Compiles a pattern when it is first needed; a file without secrets usually needs none."""

    def __init__(self, patterns: Sequence[Pattern], numbers: dict[bytes, int]) -> None:
        """`numbers`: keyword → its index in the prefilter."""
        self._patterns = patterns
        self._compiled: dict[int, tuple[re.Pattern[bytes], int]] = {}
        # Of the index of a keyword: its size, and the patterns that it begins.
        self._by_keyword: dict[int, tuple[int, list[int]]] = {}
        for at, pattern in enumerate(patterns):
            for keyword in pattern.keywords:
                self._by_keyword.setdefault(numbers[keyword.encode()], (len(keyword), []))[1].append(at)

    def matches(self, text: bytes, found: Positions) -> Iterator[tuple[Pattern, re.Match[bytes], int]]:
        """Every match of every pattern, pattern by pattern in their order, and the group of the secret.

        `found` may come from another text of the same shape (the same offsets), as of `unescaped`.
        """
        wanted: dict[int, list[tuple[int, Sequence[int]]]] = {}
        for index, positions in found.items():
            if index in self._by_keyword:
                size, patterns = self._by_keyword[index]
                for at in patterns:
                    if at in wanted:
                        wanted[at].append((size, positions))
                    else:
                        wanted[at] = [(size, positions)]
        for at in sorted(wanted):
            pattern = self._patterns[at]
            if at not in self._compiled:
                regex = re.compile(pattern.regex.encode())
                self._compiled[at] = (regex, regex.groupindex.get("s", 0))
            regex, group = self._compiled[at]
            search = _at if pattern.before == 0 else _around
            for match in search(regex, text, _in_order(wanted[at]), pattern):
                yield pattern, match, group


def _in_order(keywords: list[tuple[int, Sequence[int]]]) -> _Hits:
    """The hits of all keywords, of which come the size and the places, in the order of the text."""
    if sum(len(positions) for _, positions in keywords) > _MANY:
        from heapq import merge

        return merge(
            *(zip(positions, map(size.__add__, positions), strict=True) for size, positions in keywords)
        )
    hits = [(at, at + size) for size, positions in keywords for at in positions]
    if len(keywords) > 1:
        hits.sort()
    return hits


def _at(regex: re.Pattern[bytes], text: bytes, hits: _Hits, pattern: Pattern) -> Iterator[re.Match[bytes]]:
    """Matches that begin at a hit; one inside an earlier match is part of it."""
    done = -1
    after = pattern.after + 1  # a lookahead may look one byte further
    match_at = regex.match
    for start, end in hits:
        if start >= done:
            match = match_at(text, start, end + after)
            if match is not None:
                done = max(match.end(), start + 1)
                yield match


def _around(
    regex: re.Pattern[bytes], text: bytes, hits: _Hits, pattern: Pattern
) -> Iterator[re.Match[bytes]]:
    """Matches within reach of a hit; windows that touch are searched as one."""
    before, after = pattern.before, pattern.after + 1
    low, high = 0, -before - 1
    for start, end in hits:
        start, end = start - before, end + after
        if start <= high:
            if end > high:
                high = end
            continue
        if high >= 0:
            yield from regex.finditer(text, max(0, low), high)
        low, high = start, end
    if high >= 0:
        yield from regex.finditer(text, max(0, low), high)
