"""From the places of keywords to confirmed matches: each pattern is tried only where its keywords stand."""

import re
from collections.abc import Iterator, Sequence

from sopsguard.scan.patterns import Pattern
from sopsguard.scan.prefilter import Positions


class Confirm:
    """Compiles a pattern when it is first needed; a file without secrets usually needs none."""

    def __init__(self, patterns: Sequence[Pattern], numbers: dict[bytes, int]) -> None:
        """`numbers`: keyword → its index in the prefilter."""
        self._patterns = patterns
        self._keywords = tuple(tuple(numbers[k.encode()] for k in pattern.keywords) for pattern in patterns)
        self._compiled: dict[int, tuple[re.Pattern[bytes], int]] = {}
        self._by_keyword: dict[int, list[int]] = {}
        for at, indexes in enumerate(self._keywords):
            for index in indexes:
                self._by_keyword.setdefault(index, []).append(at)

    def matches(self, text: bytes, found: Positions) -> Iterator[tuple[Pattern, re.Match[bytes], int]]:
        """Every match of every pattern, pattern by pattern in their order, and the group of the secret.

        `found` may come from another text of the same shape (the same offsets), as of `unescaped`.
        """
        wanted = {at for index in found for at in self._by_keyword.get(index, ())}
        for at in sorted(wanted):
            pattern = self._patterns[at]
            if at not in self._compiled:
                regex = re.compile(pattern.regex.encode())
                self._compiled[at] = (regex, regex.groupindex.get("s", 0))
            regex, group = self._compiled[at]
            hits = _hits(found, self._keywords[at], pattern.keywords)
            search = _at if pattern.before == 0 else _around
            for match in search(regex, text, hits, pattern):
                yield pattern, match, group


def _hits(found: Positions, indexes: Sequence[int], keywords: Sequence[str]) -> Sequence[tuple[int, int]]:
    """(start, end) of every hit of the keywords, in the order of the text."""
    hits = [
        (at, at + len(k)) for index, k in zip(indexes, keywords, strict=True) for at in found.get(index, ())
    ]
    hits.sort()
    return hits


def _at(
    regex: re.Pattern[bytes], text: bytes, hits: Sequence[tuple[int, int]], pattern: Pattern
) -> Iterator[re.Match[bytes]]:
    """Matches that begin at a hit; one inside an earlier match is part of it."""
    done = -1
    after = pattern.after + 1  # a lookahead may look one byte further
    for start, end in hits:
        if start >= done:
            match = regex.match(text, start, end + after)
            if match is not None:
                done = max(match.end(), start + 1)
                yield match


def _around(
    regex: re.Pattern[bytes], text: bytes, hits: Sequence[tuple[int, int]], pattern: Pattern
) -> Iterator[re.Match[bytes]]:
    """Matches within reach of a hit; windows that touch are searched as one."""
    low, high = -1, -1
    for start, end in hits:
        start, end = max(0, start - pattern.before), end + pattern.after + 1
        if start <= high:
            high = max(high, end)
            continue
        if high >= 0:
            yield from regex.finditer(text, low, high)
        low, high = start, end
    if high >= 0:
        yield from regex.finditer(text, low, high)
