"""The plaintext scan: every secret in a piece of data, through the encodings it may hide in."""

from sopsguard.scan.hit import Hit, Problem, Result

__all__ = ["Hit", "Problem", "Result", "Scanner"]

# Work inside encodings is bounded by the size of what is scanned, plus this.
ALLOWANCE = 32 << 20


class Scanner:
    """Scans data piece by piece. Keeps compiled patterns, never contents."""

    def __init__(self, bulk: bool = False, decode_depth: int = 3) -> None:
        """`bulk`: much data will come, so that loading the engine pays. `decode_depth`: encodings that
        may lie one in another."""
        from sopsguard.scan import material
        from sopsguard.scan.confirm import Confirm
        from sopsguard.scan.patterns import ALL
        from sopsguard.scan.prefilter import Prefilter

        keywords = list(material.FINDERS)
        keywords += sorted({k.encode() for pattern in ALL for k in pattern.keywords}.difference(keywords))
        numbers = {keyword: index for index, keyword in enumerate(keywords)}
        self._bulk = bulk
        self._depth = decode_depth
        self._prefilter = Prefilter(keywords)
        self._confirm = Confirm(ALL, numbers)
        self._finders = [(numbers[keyword], find) for keyword, find in material.FINDERS.items()]

    def hits(self, data: bytes, path: str) -> list[Hit]:
        """The hits of `scan`."""
        return list(self.scan(data, path).hits)

    def scan(self, data: bytes, path: str) -> Result:
        """The secrets in `data`, which stands at `path`, and what of it could not be judged.

        Total for any bytes. The same secret is one hit, of the most specific kind, at its first layer.
        """
        from sopsguard.scan.walk import Walk

        return Walk(self._prefilter, self._confirm, self._finders, path, self._bulk, self._depth).run(data)
