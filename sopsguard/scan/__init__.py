"""The plaintext scan: every secret in a piece of data, through the encodings it may hide in."""

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from sopsguard.scan.hit import Hit, Problem, Result

if TYPE_CHECKING:
    from sopsguard.scan.confirm import Confirm
    from sopsguard.scan.prefilter import Prefilter
    from sopsguard.scan.walk import Finder

__all__ = ["Hit", "Problem", "Result", "Scanner", "prepare"]


def prepare() -> None:
    """Much data will come: load what a scan needs, the engine in a thread of its own."""
    _parts()[0].prepare()


@cache
def _parts() -> "tuple[Prefilter, Confirm, Sequence[tuple[int, Finder]]]":
    """What all scanners share: it is data, and what was compiled of it."""
    from sopsguard.scan import material
    from sopsguard.scan.confirm import Confirm
    from sopsguard.scan.patterns import ALL
    from sopsguard.scan.prefilter import Prefilter

    keywords = list(material.FINDERS)
    keywords += sorted({k.encode() for pattern in ALL for k in pattern.keywords}.difference(keywords))
    numbers = {keyword: index for index, keyword in enumerate(keywords)}
    finders = [(numbers[keyword], find) for keyword, find in material.FINDERS.items()]
    return Prefilter(keywords), Confirm(ALL, numbers), finders


class Scanner:
    """Scans data piece by piece. Keeps compiled patterns, and with `history` the last versions of files."""

    def __init__(self, bulk: bool = False, decode_depth: int = 3, history: bool = False) -> None:
        """`bulk`: much data will come, so that loading the engine pays. `decode_depth`: encodings that
        may lie one in another. `history`: the versions of a file will come one after the other, and a
        secret is reported in the first of them, not again where it stands in unchanged lines."""
        from sopsguard.scan.walk import Walk

        prefilter, confirm, finders = _parts()
        self._prefilter = prefilter
        self._walk = Walk(prefilter, confirm, finders, bulk, decode_depth)
        self._versions = None
        if history:
            from sopsguard.scan.versions import Versions

            self._versions = Versions()

    def settle(self) -> None:
        """Finish what `prepare` has begun in a thread: before this process is forked."""
        if self._prefilter.is_preparing:
            self._prefilter.engine()

    def hits(self, data: bytes, path: str) -> list[Hit]:
        """The hits of `scan`."""
        return list(self.scan(data, path).hits)

    def scan(self, data: bytes, path: str) -> Result:
        """The secrets in `data`, which stands at `path`, and what of it could not be judged.

        Total for any bytes. The same secret is one hit, of the most specific kind, at its first layer.
        """
        regions = None if self._versions is None else self._versions.new(path, data)
        if regions is not None and _is_whole(data):
            regions = None
        return self._walk.run(data, path, regions)


def _is_whole(data: bytes) -> bool:
    """Whether a part of the data would not say what it is: a stream, another encoding, a manifest."""
    if b"\0" in data or data[:2] in (b"\x1f\x8b", b"BZ"):
        return True
    return b"kind" in data and (b": Secret" in data or b'"Secret"' in data)
