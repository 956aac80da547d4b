"""What the real parser of Nix adds to the scan of a `.nix` file: literals by their option, and context."""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator

from sopsguard.model import Confidence
from sopsguard.scan.hit import PASSWORD, PRIVATE_KEY, TOKEN, Hit, Problem

# Words in the names of what holds a secret, as `nix.may_hold_secrets` knows them, in lower case; a key only
# behind one of the words of the second row.
_TELLING = (b"pass", b"psk", b"secret", b"token", b"masterauth", b"basicauth", b"stringdata", b"deployment")
_OF_KEY = (b"priv", b"private", b"shared", b"api", b"auth", b"setup", b"master", b"encryption", b"account")
_REST = rb"[\w'\"./-]{0,120}"
_SIGN = rb"\s{0,40}(?:=(?!=)|\?)\s{0,200}"
# Right-hand sides that are no literal: references, paths, nothing, declarations, sets without a text.
_NO_LITERAL = (
    rb"(?:null|true|false)\s*;|[A-Za-z_][\w'-]*(?:\.(?:[\w'-]+|\"[^\"\n]*\"|\$\{[^}\n]*\}))+\s*;"
    rb"|\"\s*\"|\"\$\{[^}\"\n]*\}(?:/[\w./-]*)?\"|\"<"
    rb"|\"/(?:run|var|etc|nix|root|home|persist|persistent|secrets|mnt|srv|opt|usr|keys|state)/"
    rb"|[.~]{0,2}/[\w./+-]+\s*;|(?:lib\.)?mk(?:Enable|Package|Null)?\w{0,12}Option\b(?![^}]{0,2000}?\bdefault\s*=\s*[\"'])"
    rb"|\{(?![^}]{0,2000}?\btext\s*=)"
)
_URL = rb"://[^\s/@:\"'\x00]*:[^\s/@\"']+@"
_PLUS = rb"[\"']\s{0,200}\+\s{0,200}[\"']"
_WRITTEN = (b"Text", b"Script", b"Shell", b"Bash", b"JSON", b"YAML")  # as in `writeText`
_OPEN = (b"basicauth", b"stringdata", b"deployment")

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


def is_worth_parsing(source: bytes) -> bool:
    """Whether a secret's name is given anything but a reference, or there is a joined literal or a URL with
    a password. Parsing costs more than scanning, and nearly all files only refer to secrets."""
    if (b"://" in source and re.search(_URL, source)) or (b"+" in source and re.search(_PLUS, source)):
        return True
    rest, sign, no_literal = re.compile(_REST), re.compile(_SIGN), re.compile(_NO_LITERAL)
    lowered = source.lower()
    named = False
    for start, end in _names(lowered):
        named = True
        name = rest.match(source, end)
        given = sign.match(source, name.end() if name is not None else end)
        if given is None:
            # an option of a program: `--password x`
            word = max(source.rfind(mark, max(0, start - 64), start) for mark in (b" ", b"\n", b'"', b"'"))
            if source[word + 1 : word + 2] == b"-":
                return True
        elif lowered[start:end] in _OPEN or no_literal.match(source, given.end()) is None:
            return True
    if not named:
        return False
    at = source.find(b"write")
    while at >= 0:
        if source.startswith(_WRITTEN, at + 5):
            return True
        at = source.find(b"write", at + 5)
    return b"toFile" in source


def _names(lowered: bytes) -> Iterator[tuple[int, int]]:
    """The places of the telling words."""
    for word in _TELLING:
        at = lowered.find(word)
        while at >= 0:
            yield at, at + len(word)
            at = lowered.find(word, at + 1)
    at = lowered.find(b"key")
    while at >= 0:
        before = lowered[max(0, at - 13) : at].rstrip(b"_")
        if before.endswith(_OF_KEY) or before[:-1].endswith(_OF_KEY):
            yield at, at + 3
        at = lowered.find(b"key", at + 1)


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
    problems = []
    if reading.errors:
        lines = ", ".join(f"{span.line}-{span.end_line}" for span in reading.errors[:5])
        more = ", …" if len(reading.errors) > 5 else ""
        reason = f"Nix parse error: lines {lines}{more} were not read as Nix"
        start, end = reading.errors[0].start, max(span.end for span in reading.errors)
        problems = [Problem(start, end, reason, "a file that parses")]
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
