"""One walk through one piece of data: its text, what is encoded inside, and one answer for each secret."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from sopsguard.model import Confidence
from sopsguard.scan import decode
from sopsguard.scan.hit import (
    KUBERNETES,
    LEFTOVER,
    PASSWORD,
    PRIVATE_KEY,
    SAMPLE,
    TOKEN,
    Hit,
    Problem,
    Result,
)

if TYPE_CHECKING:
    import re

    from sopsguard.scan.confirm import Confirm
    from sopsguard.scan.patterns import Pattern
    from sopsguard.scan.prefilter import Positions, Prefilter
    from sopsguard.scan.versions import Regions

Finder = Callable[[bytes, Sequence[int]], Iterator[Hit]]

# Decoding costs at most this many bytes, whatever is nested in what.
ALLOWANCE = 32 << 20

# Bytes from which on much data is searched by the engine.
ENGINE = 100_000

# Verdicts remembered by the hash of their line: it stands in many files and in all versions of one.
VERDICTS = 50_000

# What stands around a change is read with it: the line that names a value, the lines above it.
AROUND = 384

# Of two hits at the same place the more specific one stays.
_RANK = {PRIVATE_KEY: 0.0, TOKEN: 1.0, KUBERNETES: 2.0, PASSWORD: 3.0, LEFTOVER: 9.0}
_CONFIDENCE = {Confidence.PROVED: 0, Confidence.LIKELY: 1, Confidence.POSSIBLE: 2}


class Walk:
    """Scans one piece after the other: what was found, what could not be judged, what may still be spent."""

    def __init__(
        self,
        prefilter: "Prefilter",
        confirm: "Confirm",
        finders: Sequence[tuple[int, Finder]],
        bulk: bool,
        depth: int,
    ) -> None:
        self._prefilter = prefilter
        self._confirm = confirm
        self._finders = finders
        self._bulk = bulk
        self._depth = depth
        self._seen = 0
        self._path = self._suffix = ""
        self._allowance = ALLOWANCE
        self._unknown: list[Problem] = []
        self._verdicts: dict[int, str] = {}
        self._judge: Callable[[Pattern, bytes, bytes, str, int], str] | None = None

    def run(self, data: bytes, path: str, regions: "Regions | None" = None) -> Result:
        """The hits of `data`, one for each secret, and the problems, both in order.

        With `regions` only what touches one of these stretches of lines.
        """
        self._path, self._allowance, self._unknown = path, ALLOWANCE, []
        name = path[path.rfind("/") + 1 :]
        self._suffix = name if name.startswith(".env") else name[name.rfind(".") :]
        hits = list(self._data(data, 0)) if regions is None else self._regions(data, regions)
        if path.endswith(".nix"):
            hits = self._as_nix(data, hits, regions)
        if regions is None and all(hit.confidence is Confidence.POSSIBLE for hit in hits):
            hits += self._leftover(data)
        kept = tuple(hit for hit in _distinct(hits) if hit.kind != SAMPLE)
        if kept and path.endswith((".yaml", ".yml")):
            from sopsguard.scan.yamlkey import keys_of

            keys = keys_of(data, [hit.start for hit in kept])
            kept = tuple(h if h.key else h._replace(key=key) for h, key in zip(kept, keys, strict=True))
        return Result(kept, tuple(dict.fromkeys(self._unknown)))

    def _regions(self, data: bytes, regions: "Regions") -> list[Hit]:
        """Hits that touch one of the regions. They are read in their place: what stands around is seen."""
        text = decode.without_ciphertext(data)
        hits: list[Hit] = []
        for start, end in regions:
            low = text.rfind(b"\n", 0, max(0, start - AROUND)) + 1
            high = text.find(b"\n", end + AROUND)
            hits += self._text(text, 0, True, (low, high if high >= 0 else len(text)), (start, end))
        return hits

    def _data(self, data: bytes, depth: int) -> Iterator[Hit]:
        """Hits in bytes of any kind; their spans are offsets in `data`."""
        packed = decode.inflated(data)
        if packed is not None:
            yield from self._inside(data, packed, depth)
            return
        binary = b"\0" in data
        if binary:
            text = decode.transcoded(data)
            if text is not None:
                for hit in self._text(text.text, depth, True):
                    yield hit._replace(
                        start=text.original(hit.start),
                        end=min(text.original(hit.end), len(data)),
                        layers=(text.name, *hit.layers),
                    )
                return
        if binary or not data[:64].isascii():
            from sopsguard.scan import material

            yield from material.binary_file(data)
        yield from self._text(data, depth, not binary)

    def _inside(self, data: bytes, packed: tuple[str, bytes, bool], depth: int) -> Iterator[Hit]:
        name, content, whole = packed
        if not whole:
            size = decode.INFLATED >> 20
            self._unknown.append(
                Problem(0, len(data), f"more than {size} MiB of {name} data", "a smaller file")
            )
        if self._may_go_deeper(depth, len(content)):
            for hit in self._data(content, depth + 1):
                yield hit._replace(start=0, end=len(data), layers=(name, *hit.layers))

    def _text(
        self,
        text: bytes,
        depth: int,
        generic: bool,
        window: tuple[int, int] | None = None,
        region: tuple[int, int] | None = None,
    ) -> Iterator[Hit]:
        """Hits in a text; without `generic` only kinds that are more than a name and a value.

        With a `window` keywords and words are looked for only there, and only hits that touch the
        `region` inside it count; `text` is free of ciphertext then.
        """
        if window is None:
            text = decode.without_ciphertext(text)
            found = self._keywords(text)
            spans = decode.words(text)
        else:
            low, high = window
            part = text[low:high]
            found = {
                index: [low + at for at in positions] for index, positions in self._keywords(part).items()
            }
            spans = [(low + start, low + end) for start, end in decode.words(part)]
        if found:
            yield from self._known(text, found, generic, region)
        if spans:
            yield from self._words(text, spans, depth, region)
        if depth < self._depth and text.count(b"%", *(region or ())) > 2:
            yield from self._percent(text, depth, region)

    def _keywords(self, text: bytes) -> "Positions":
        """Where the keywords stand. Loading the engine (45 ms) pays once some data has gone by."""
        self._seen += len(text)
        bulk = self._bulk and (self._seen > ENGINE or self._prefilter.is_ready)
        return self._prefilter.find(text, bulk)

    def _known(
        self, text: bytes, found: "Positions", generic: bool, region: tuple[int, int] | None
    ) -> Iterator[Hit]:
        for index, find in self._finders:
            if index in found:
                yield from _touching(find(text, found[index]), region)
        yield from self._confirmed(text, found, generic, region)
        low, high = region or (0, len(text))
        # One byte is looked for ten times as fast as two, and most texts have none.
        back = text.find(b"\\", max(0, low - 128), high)
        if back >= 0 and text.find(b"\\n", back, high) >= 0:
            near = {
                index: at
                for index, positions in found.items()
                if (at := [p for p in positions if text.find(b"\\n", max(0, p - 128), p + 256) >= 0])
            }
            if near:
                opened = decode.unescaped(text)
                for hit in self._confirmed(opened, near, generic, region):
                    yield hit._replace(layers=("escaped newlines",))

    def _confirmed(
        self, text: bytes, found: "Positions", generic: bool, region: tuple[int, int] | None
    ) -> Iterator[Hit]:
        for pattern, match, group in self._confirm.matches(text, found):
            if (generic or pattern.rule == TOKEN) and (region is None or _meets(match, region)):
                hit = self._judged(pattern, match, group, text)
                if hit is not None:
                    yield hit

    def _judged(self, pattern: "Pattern", match: "re.Match[bytes]", group: int, text: bytes) -> Hit | None:
        start, end = match.span(group)
        if end - start < pattern.least:
            return None
        first, last = match.span()
        begin = max(text.rfind(b"\n", 0, first) + 1, first - 512)
        stop = text.find(b"\n", last, last + 512)
        line = text[begin : stop if stop >= 0 else last + 512]
        # Of the path the general patterns ask only what kind of file it is.
        general = pattern.id.startswith("generic-")
        path = self._suffix if general else self._path
        mark = hash((pattern.id, start - begin, end - begin, line, path))
        verdict = self._verdicts.get(mark)
        if verdict is None:
            verdict = self._verdict(mark, pattern, text[start:end], line, start - begin)
        if verdict == "reject" or (general and _is_base64(text[max(0, first - 20) : first])):
            return None
        confidence = Confidence.POSSIBLE if verdict == "weak" else Confidence(pattern.confidence)
        return Hit(pattern.rule, pattern.id, pattern.title, start, end, text[start:end], confidence)

    def _verdict(self, mark: int, pattern: "Pattern", secret: bytes, line: bytes, at: int) -> str:
        if self._judge is None:
            from sopsguard.scan.harmless import judge

            self._judge = judge
        if len(self._verdicts) >= VERDICTS:
            self._verdicts.clear()
        verdict = self._verdicts[mark] = self._judge(pattern, secret, line, self._path, at)
        return verdict

    def _words(
        self, text: bytes, spans: list[tuple[int, int]], depth: int, region: tuple[int, int] | None
    ) -> Iterator[Hit]:
        """Hits among the long words of the base64 alphabet: bare keys, and what is encoded in them."""
        if any(end - start in (43, 44) for start, end in spans):
            from sopsguard.scan import wireguard

            yield from _touching(wireguard.keys(text, spans, self._path), region)
        if any(end - start == 86 for start, end in spans):
            from sopsguard.scan import material

            yield from _touching(material.signing_keys(text, spans), region)
        for run in decode.runs(text, spans):
            if region is not None and (run.start >= region[1] or run.end <= region[0]):
                continue
            if self._may_go_deeper(depth, len(run.data)):
                for hit in self._data(run.data, depth + 1):
                    yield hit._replace(start=run.start, end=run.end, layers=(run.layer, *hit.layers))

    def _percent(self, text: bytes, depth: int, region: tuple[int, int] | None) -> Iterator[Hit]:
        low, high = region or (0, len(text))
        found = decode.percent(text[low:high])
        if not self._may_go_deeper(depth, sum(len(word) for _, _, word in found)):
            return
        # Addresses are many and short: read as the lines of one text.
        lines = [(start, end, word) for start, end, word in found if word.isascii() and b"\n" not in word]
        at, starts = 0, []
        for _, _, word in lines:
            starts.append(at)
            at += len(word) + 1
        for hit in self._text(b"\n".join(word for _, _, word in lines), depth + 1, False):
            start, end, _ = lines[bisect_right(starts, hit.start) - 1]
            yield hit._replace(start=low + start, end=low + end, layers=("percent", *hit.layers))
        for start, end, word in found:
            if not word.isascii() or b"\n" in word:
                for hit in self._data(word, depth + 1):
                    yield hit._replace(start=low + start, end=low + end, layers=("percent", *hit.layers))

    def _may_go_deeper(self, depth: int, size: int) -> bool:
        if depth >= self._depth:
            return False
        self._allowance -= size
        if self._allowance < 0:
            self._unknown.append(Problem(0, 0, "too much encoded data", "smaller files"))
            return False
        return True

    def _as_nix(self, data: bytes, hits: list[Hit], regions: "Regions | None") -> list[Hit]:
        from sopsguard.scan import nixfile

        parts = [data] if regions is None else [data[start:end] for start, end in regions]
        if not hits and not any(map(nixfile.is_worth_parsing, parts)):
            return hits

        def rescan(text: bytes) -> Iterator[Hit]:
            return self._text(text, 1, False)

        hits, problems = nixfile.read(data, self._path, hits, rescan)
        self._unknown += problems
        return hits if regions is None else [hit for hit in hits if _touches(hit, regions)]

    def _leftover(self, data: bytes) -> list[Hit]:
        name = self._path.rpartition("/")[2].lower()
        marks = (
            "dec",
            "plain",
            "clear",
            "unenc",
            ".sw",
            "~",
            "#",
            ".orig",
            ".ba",
            ".old",
            ".save",
            ".tmp",
            ".rej",
        )
        if not any(mark in name for mark in marks):
            return []
        from sopsguard.scan.leftover import leftover

        hit = leftover(data, self._path)
        return [hit] if hit is not None else []


def _is_base64(before: bytes) -> bool:
    """Whether a setting's name would begin in the middle of an encoded word: "…k3Xpw=" names no password."""
    return (
        len(before) == 20
        and not before.translate(None, _BASE64)
        and not (before.isalpha() or before.islower() or before.isupper())
    )


_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def _meets(match: "re.Match[bytes]", region: tuple[int, int]) -> bool:
    return match.start() < region[1] and match.end() > region[0]


def _touching(hits: Iterator[Hit], region: tuple[int, int] | None) -> Iterator[Hit]:
    return hits if region is None else (h for h in hits if h.start < region[1] and h.end > region[0])


def _touches(hit: Hit, regions: "Regions") -> bool:
    return any(hit.start < end and hit.end > start for start, end in regions)


def _rank(hit: Hit) -> tuple[float, int, int, int, int, str]:
    rank = _RANK[hit.rule]
    if hit.kind in ("nix-private-key", "nix-preshared-key"):
        rank = 1.6
    elif hit.confidence is Confidence.POSSIBLE and hit.kind.startswith("wireguard-"):
        rank = 1.7 if hit.title.startswith("possible") else 1.5
    elif hit.kind.startswith("generic-"):
        rank = 4.0
    return (rank, _CONFIDENCE[hit.confidence], len(hit.layers), hit.start - hit.end, hit.start, hit.kind)


def _distinct(hits: list[Hit]) -> list[Hit]:
    """One hit for each secret: of hits that overlap the most specific, surest, outermost, longest one."""
    kept: list[Hit] = []
    starts: list[int] = []
    for hit in sorted(hits, key=_rank):
        at = bisect_right(starts, hit.start)
        if at and kept[at - 1].end > hit.start:
            continue
        if at < len(kept) and kept[at].start < hit.end:
            continue
        starts.insert(at, hit.start)
        kept.insert(at, hit)
    return kept
