"""What the real parser of Nix adds to the scan of a `.nix` file: literals by their option, and context."""

from bisect import bisect_right
from collections.abc import Callable, Iterator

from sopsguard.model import Confidence
from sopsguard.scan.hit import PASSWORD, PRIVATE_KEY, TOKEN, Hit, Problem

_TITLES = {
    "password": (PASSWORD, "password"),
    "hashed-password": (PASSWORD, "hashed password"),
    "weak-password-hash": (PASSWORD, "weak password hash"),
    "private-key": (PRIVATE_KEY, "private key"),
    "preshared-key": (PRIVATE_KEY, "pre-shared key"),
    "wifi-psk": (PASSWORD, "Wi-Fi password"),
    "token": (TOKEN, "token"),
    "api-key": (TOKEN, "API key"),
    "secret": (PASSWORD, "secret"),
    "url-credentials": (PASSWORD, "password in a URL"),
}


def read(
    source: bytes, path: str, hits: list[Hit], rescan: Callable[[bytes], Iterator[Hit]]
) -> tuple[list[Hit], list[Problem]]:
    """`hits` of a Nix file as the parser sees them, with the secrets that only it can see.

    `rescan` finds what stands in a literal that is joined from pieces. What a generic pattern found is
    dropped where the parser knows the whole literal and does not hold it for a secret; in a comment
    it is only possible.
    """
    from sopsguard import nix

    reading = nix.literals(source)
    if isinstance(reading, nix.Unread):
        return hits, [Problem(0, len(source), reading.reason, reading.needed)]
    problems = [
        Problem(
            span.start,
            span.end,
            f"Nix parse error: lines {span.line} to {span.end_line} were not read as Nix",
            "a file that parses",
        )
        for span in reading.errors
    ]
    found = [_hit(secret) for secret in nix.secrets(reading, path)]
    if b"+" in source:
        found += _joined(source, reading, rescan)
    strings = sorted(
        (a for a in reading.attributes if a.value.kind is nix.Kind.STRING), key=lambda a: a.value.start
    )
    literals = [(a.value.start, a.value.end) for a in strings]
    comments = [(comment.start, comment.end) for comment in reading.comments] if hits else []
    known = sorted((hit.start, hit.end) for hit in found)
    for hit in hits:
        at = _at(hit, literals)
        if hit.rule == PASSWORD and not hit.layers:
            if at is not None and _at(hit, known) is None and _is_whole(hit, literals[at]):
                continue
            if _at(hit, comments) is not None:
                hit = hit._replace(confidence=Confidence.POSSIBLE)
        if not hit.key and at is not None:
            hit = hit._replace(key=strings[at].option)
        found.append(hit)
    return found, problems


def _hit(secret: object) -> Hit:
    from sopsguard.nix import LiteralSecret

    assert isinstance(secret, LiteralSecret)
    rule, title = _TITLES[secret.kind]
    name = f"{secret.option} {secret.name}".strip() if secret.name else secret.option
    return Hit(
        rule,
        f"nix-{secret.kind}",
        f"{title} in a Nix option",
        secret.start,
        secret.end,
        secret.value,
        secret.confidence,
        key=name,
    )


def _joined(source: bytes, reading: object, rescan: Callable[[bytes], Iterator[Hit]]) -> Iterator[Hit]:
    """What stands in literals that `+` joins, where no piece holds it whole."""
    from sopsguard.nix import Reading

    assert isinstance(reading, Reading)
    seen: set[tuple[int, int]] = set()
    for attribute in reading.attributes:
        value = attribute.value
        text = value.literal
        if len(text) < 16 or (value.start, value.end) in seen or text in source:
            continue
        seen.add((value.start, value.end))
        for hit in rescan(text):
            yield hit._replace(
                start=value.start,
                end=value.end,
                layers=("joined literals", *hit.layers),
                key=attribute.option,
            )


def _at(hit: Hit, spans: list[tuple[int, int]]) -> int | None:
    """The index of the last of the sorted `spans` that begins before the hit, if it holds it whole."""
    at = bisect_right(spans, hit.start, key=lambda span: span[0]) - 1
    return at if at >= 0 and hit.end <= spans[at][1] else None


def _is_whole(hit: Hit, span: tuple[int, int]) -> bool:
    """Whether the hit is all of the literal but its quotes."""
    start, end = span
    return start <= hit.start <= start + 3 and end - 3 <= hit.end <= end
