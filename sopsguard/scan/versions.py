"""What is new in a version of a file: the lines that the version seen before it did not have.

The hundred versions of a file in a history share nearly everything; this is what makes scanning them
cost about as much as scanning the changes, without asking git for a diff.
"""

from itertools import accumulate

# Contents kept for comparison, over all paths; the oldest go first.
KEPT = 48 << 20
# Small middles are cheaper to scan than to compare line by line.
SMALL = 2048
# Changed stretches nearer than this are one.
NEAR = 512

Regions = list[tuple[int, int]]


class Versions:
    """The last content of each path, within a budget."""

    def __init__(self) -> None:
        self._last: dict[str, bytes] = {}
        self._size = 0

    def new(self, path: str, data: bytes) -> Regions | None:
        """The stretches of whole lines of `data` that are new since the last call for `path`.

        `None`: nothing to compare with, everything is new.
        """
        old = self._last.pop(path, None)
        if old is not None:
            self._size -= len(old)
        if len(data) <= KEPT // 8:
            self._last[path] = data
            self._size += len(data)
            while self._size > KEPT:
                first = next(iter(self._last))
                self._size -= len(self._last.pop(first))
        return None if old is None else changed(old, data)


def changed(old: bytes, new: bytes) -> Regions:
    """The stretches of whole lines of `new` that are not in `old` at that place or between its neighbours."""
    if old == new:
        return []
    shorter = min(len(old), len(new))
    head = _shared(old[:shorter], new[:shorter])
    rest = shorter - head
    tail = _shared_end(old[len(old) - rest :], new[len(new) - rest :])
    start = new.rfind(b"\n", 0, head) + 1
    end = new.find(b"\n", len(new) - tail)
    end = len(new) if end < 0 else end + 1
    if end - start <= SMALL:
        return [(start, end)]
    known = set(old[old.rfind(b"\n", 0, head) + 1 : len(old) - tail + (end - (len(new) - tail))].split(b"\n"))
    known.add(b"")
    lines = new[start:end].split(b"\n")
    fresh = [index for index, line in enumerate(lines) if line not in known]
    # Where each line ends, counted in C, and only the gaps between new lines in Python: a loop over every
    # line would cost more than scanning the changes.
    ends = list(accumulate(map(len, lines)))
    gaps = [number for number in range(1, len(fresh)) if fresh[number] - fresh[number - 1] > 1]
    regions: Regions = []
    for first, last in zip([0, *gaps], [*gaps, len(fresh)], strict=True):
        if first == last:
            continue  # nothing is new
        low, high = fresh[first], fresh[last - 1]
        at = start + (ends[low - 1] + low if low else 0)
        stop = min(start + ends[high] + high + 1, end)
        if regions and at - regions[-1][1] < NEAR:
            regions[-1] = (regions[-1][0], stop)
        else:
            regions.append((at, stop))
    return regions


def _shared(a: bytes, b: bytes) -> int:
    """The length of the common beginning of two equally long strings."""
    low, high = 0, len(a)
    if a == b:
        return high
    while high - low > 1:
        middle = (low + high) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle
    return low


def _shared_end(a: bytes, b: bytes) -> int:
    """The length of the common end of two equally long strings."""
    low, high = 0, len(a)
    if a == b:
        return high
    size = len(a)
    while high - low > 1:
        middle = (low + high) // 2
        if a[size - middle : size - low] == b[size - middle : size - low]:
            low = middle
        else:
            high = middle
    return low
