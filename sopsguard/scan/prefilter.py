"""Where keywords stand in a blob: its four-letter pieces looked up for small inputs, hyperscan in bulk.

Both ways give the same positions, so that everything behind them gives the same answers.
"""

import sys
from collections.abc import Collection, Mapping, Sequence
from typing import Any

# From this size of one text on loading the engine (45 ms) is cheaper than to look up its pieces.
BULK = 400_000

# Index of a keyword → the offsets at which it stands, ascending.
Positions = Mapping[int, Sequence[int]]


class Prefilter:
    """Finds lower-case ASCII `keywords` in any case.

    Of a keyword that is one character many times only the beginning of each stretch of it is told: a file
    may be nothing else, and no pattern can want more than that.
    """

    def __init__(self, keywords: Sequence[bytes]) -> None:
        self.keywords = tuple(keywords)
        self._database: Any = None
        self._compiling: Any = None  # a lock that a thread holds while it compiles
        self._sizes = [len(k) for k in self.keywords]
        self._stretches = frozenset(i for i, k in enumerate(self.keywords) if len(set(k)) == 1 < len(k))
        # What a text must hold to hold the keyword: its first four bytes, as a number.
        self._heads: dict[int, list[int]] = {}
        self._short: list[int] = []
        for index, keyword in enumerate(self.keywords):
            if len(keyword) < 4:
                self._short.append(index)
            else:
                self._heads.setdefault(int.from_bytes(keyword[:4], sys.byteorder), []).append(index)

    def prepare(self) -> None:
        """Have the engine compiled in a thread, while git and the disk are waited for."""
        if self._database is not None or self._compiling is not None:
            return
        from _thread import allocate_lock, start_new_thread

        lock = allocate_lock()
        lock.acquire()

        def compiling() -> None:
            try:
                self._database = _compiled(self.keywords, self._stretches)
            except Exception:  # noqa: BLE001  it will be compiled again where the failure can be told
                self._database = None
            finally:
                lock.release()

        try:
            start_new_thread(compiling, ())
        except RuntimeError:  # the system has no thread left: it is compiled when it is needed
            return
        self._compiling = lock

    @property
    def is_preparing(self) -> bool:
        """Whether a thread compiles the engine, or has done so."""
        return self._compiling is not None

    @property
    def is_ready(self) -> bool:
        """Whether using the engine costs nothing more to begin with."""
        return bool(self._database)

    def engine(self) -> Any:
        """The engine, compiled and with no thread at work; False where there is none."""
        if self._compiling is not None:
            with self._compiling:
                self._compiling = None
        if self._database is None:
            self._database = _compiled(self.keywords, self._stretches)
        return self._database

    def find(self, data: bytes, bulk: bool = False) -> Positions:
        """Where each keyword stands in `data`; those that do not are left out.

        `bulk` takes the engine for small inputs too (its start is already paid for); large inputs use
        it anyway where it is installed.
        """
        if (bulk or len(data) >= BULK) and self.engine():
            return self._by_engine(data)
        return self._by_pass(data)

    def _by_pass(self, data: bytes) -> Positions:
        lowered = data.lower()
        pieces: set[int] = set()
        view = memoryview(lowered)
        for shift in range(4):
            pieces.update(view[shift : shift + (len(view) - shift & ~3)].cast("I").tolist())
        keywords, stretches = self.keywords, self._stretches
        likely = [index for head in self._heads.keys() & pieces for index in self._heads[head]]
        return {
            index: (_beginnings if index in stretches else _positions)(lowered, keywords[index])
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
        for index in self._stretches & found.keys():
            found[index] = array("Q", _beginnings(data.lower(), self.keywords[index]))
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


def _beginnings(lowered: bytes, keyword: bytes) -> Sequence[int]:
    """Where the stretches of the keyword's one character begin that are long enough for it."""
    import re

    positions = []
    other = re.compile(b"[^" + re.escape(keyword[:1]) + b"]")
    at = lowered.find(keyword)
    while at >= 0:
        positions.append(at)
        end = other.search(lowered, at + len(keyword))
        at = lowered.find(keyword, end.start()) if end is not None else -1
    return positions


def _compiled(keywords: Sequence[bytes], stretches: Collection[int]) -> Any:
    """A hyperscan database of the literals; False where there is no engine or nothing to look for. That there
    are `stretches` is told once, for then their beginnings are looked for."""
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
        flags=[
            hyperscan.HS_FLAG_CASELESS | (hyperscan.HS_FLAG_SINGLEMATCH if i in stretches else 0)
            for i in range(len(keywords))
        ],
        literal=True,
    )
    return database
