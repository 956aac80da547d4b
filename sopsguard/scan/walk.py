"""One walk through one piece of data: its text, what is encoded inside, and one answer for each secret."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from sopsguard.model import Confidence
from sopsguard.scan import decode
from sopsguard.scan.hit import PASSWORD, PRIVATE_KEY, TOKEN, Hit, Problem, Result

if TYPE_CHECKING:
    import re

    from sopsguard.scan.confirm import Confirm
    from sopsguard.scan.patterns import Pattern
    from sopsguard.scan.prefilter import Prefilter

Finder = Callable[[bytes, Sequence[int]], Iterator[Hit]]

# Decoding costs at most this many bytes, whatever is nested in what.
ALLOWANCE = 32 << 20

# Of two hits at the same place the more specific one stays.
_RANK = {PRIVATE_KEY: 0, TOKEN: 1, PASSWORD: 2}
_CONFIDENCE = {Confidence.PROVED: 0, Confidence.LIKELY: 1, Confidence.POSSIBLE: 2}


class Walk:
    """The state of one scan: what was found, what could not be judged, what may still be spent."""

    def __init__(
        self,
        prefilter: "Prefilter",
        confirm: "Confirm",
        finders: Sequence[tuple[int, Finder]],
        path: str,
        bulk: bool,
        depth: int,
    ) -> None:
        self._prefilter = prefilter
        self._confirm = confirm
        self._finders = finders
        self._path = path
        self._bulk = bulk
        self._depth = depth
        self._allowance = ALLOWANCE
        self._unknown: list[Problem] = []

    def run(self, data: bytes) -> Result:
        hits = list(self._data(data, 0))
        return Result(tuple(_distinct(hits)), tuple(dict.fromkeys(self._unknown)))

    def _data(self, data: bytes, depth: int) -> Iterator[Hit]:
        """Hits in bytes of any kind; their spans are offsets in `data`."""
        packed = decode.inflated(data)
        if packed is not None:
            yield from self._inside(data, packed, depth)
            return
        if b"\0" in data:
            text = decode.transcoded(data)
            if text is not None:
                for hit in self._text(text.text, depth, True):
                    yield hit._replace(
                        start=text.original(hit.start),
                        end=text.original(hit.end),
                        layers=(text.name, *hit.layers),
                    )
                return
        yield from self._material(data)
        yield from self._text(data, depth, b"\0" not in data)

    def _material(self, data: bytes) -> Iterator[Hit]:
        from sopsguard.scan import material

        found = material.binary(data)
        if found is not None:
            yield found.hit(0, len(data), data)

    def _inside(self, data: bytes, packed: tuple[str, bytes, bool], depth: int) -> Iterator[Hit]:
        name, content, whole = packed
        if not whole:
            self._unknown.append(
                Problem(
                    0, len(data), f"more than {decode.INFLATED >> 20} MiB of {name} data", "a smaller file"
                )
            )
        if self._may_go_deeper(depth, len(content), len(data)):
            for hit in self._data(content, depth + 1):
                yield hit._replace(start=0, end=len(data), layers=(name, *hit.layers))

    def _text(self, text: bytes, depth: int, generic: bool) -> Iterator[Hit]:
        """Hits in a text; without `generic` only kinds whose form alone proves them."""
        text = decode.without_ciphertext(text)
        found = self._prefilter.find(text, self._bulk)
        if found:
            for index, find in self._finders:
                if index in found:
                    yield from find(text, found[index])
            for pattern, match in self._confirm.matches(text, found):
                if generic or pattern.rule == TOKEN:
                    yield self._judged(pattern, match)
        spans = list(decode.words(text))
        if spans:
            for run in decode.runs(text, spans):
                if self._may_go_deeper(depth, len(run.data), len(text)):
                    for hit in self._data(run.data, depth + 1):
                        yield hit._replace(start=run.start, end=run.end, layers=(run.layer, *hit.layers))

    def _may_go_deeper(self, depth: int, size: int, at: int) -> bool:
        if depth >= self._depth:
            return False
        self._allowance -= size
        if self._allowance < 0:
            self._unknown.append(Problem(0, at, "too much encoded data", "a smaller file"))
            return False
        return True

    def _judged(self, pattern: "Pattern", match: "re.Match[bytes]") -> Hit:
        name = "s" if "s" in match.re.groupindex else 0
        start, end = match.span(name)
        confidence = Confidence(pattern.confidence)
        return Hit(pattern.rule, pattern.id, pattern.title, start, end, match[name], confidence)


def _distinct(hits: list[Hit]) -> list[Hit]:
    """One hit for each secret: of hits that overlap the most specific, surest, outermost, longest one."""
    ranked = sorted(
        hits,
        key=lambda h: (
            _RANK.get(h.rule, 3),
            _CONFIDENCE[h.confidence],
            len(h.layers),
            h.start - h.end,
            h.start,
            h.kind,
        ),
    )
    kept: list[Hit] = []
    for hit in ranked:
        if all(hit.end <= other.start or hit.start >= other.end for other in kept):
            kept.append(hit)
    return sorted(kept, key=lambda h: (h.start, h.end, h.kind))
