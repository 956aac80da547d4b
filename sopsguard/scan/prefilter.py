"""Where keywords stand in a blob: its four-letter pieces looked up for small inputs, hyperscan in bulk.

Both ways give the same positions, so that everything behind them gives the same answers.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

# From this size of one text on loading the engine (45 ms) is cheaper than to look up its pieces.
BULK = 400_000

# Index of a keyword → the offsets at which it stands, ascending.
Positions = Mapping[int, Sequence[int]]


class Prefilter:
    """Finds lower-case ASCII `keywords` in any case."""

    def __init__(self, keywords: Sequence[bytes]) -> None:
        self.keywords = tuple(keywords)
        self._database: Any = None
        self._sizes = [len(k) for k in self.keywords]
        # What a text must hold to hold the keyword: its first four bytes, as a number.
        self._heads: dict[int, list[int]] = {}
        self._short: list[int] = []
        for index, keyword in enumerate(self.keywords):
            if len(keyword) < 4:
                self._short.append(index)
            else:
                self._heads.setdefault(int.from_bytes(keyword[:4], sys.byteorder), []).append(index)

    def find(self, data: bytes, bulk: bool = False) -> Positions:
        """Where each keyword stands in `data`; those that do not are left out.

        `bulk` takes the engine for small inputs too (its start is already paid for); large inputs use
        it anyway where it is installed.
        """
        if bulk or len(data) >= BULK:
            if self._database is None:
                self._database = _compiled(self.keywords)
            if self._database:
                return self._by_engine(data)
        return self._by_pass(data)

    def _by_pass(self, data: bytes) -> Positions:
        lowered = data.lower()
        pieces: set[int] = set()
        view = memoryview(lowered)
        for shift in range(4):
            pieces.update(view[shift : shift + (len(view) - shift & ~3)].cast("I").tolist())
        keywords = self.keywords
        likely = [index for head in self._heads.keys() & pieces for index in self._heads[head]]
        return {
            index: _positions(lowered, keywords[index])
            for index in sorted(likely + self._short)
            if keywords[index] in lowered
        }

    def _by_engine(self, data: bytes) -> Positions:
        from array import array  # eight bytes a position: a hostile file may be nothing but keywords

        found: dict[int, array[int]] = {}
        sizes = self._sizes

        def on_match(index: int, _start: int, end: int, _flags: int, _context: object) -> None:
            if index in found:
                found[index].append(end - sizes[index])
            else:
                found[index] = array("Q", (end - sizes[index],))

        self._database.scan(data, match_event_handler=on_match)
        return found


def _positions(lowered: bytes, keyword: bytes) -> Sequence[int]:
    positions: Any = []
    if lowered.count(keyword) > 10_000:
        from array import array

        positions = array("Q")
    at = lowered.find(keyword)
    while at >= 0:
        positions.append(at)
        at = lowered.find(keyword, at + 1)
    result: Sequence[int] = positions
    return result


def _compiled(keywords: Sequence[bytes]) -> Any:
    """A hyperscan database of the literals; False where there is no engine or nothing to look for."""
    try:
        import hyperscan
    except ImportError:
        return False
    if not keywords:
        return False
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(
        expressions=list(keywords),
        ids=list(range(len(keywords))),
        elements=len(keywords),
        flags=[hyperscan.HS_FLAG_CASELESS] * len(keywords),
        literal=True,
    )
    return database
