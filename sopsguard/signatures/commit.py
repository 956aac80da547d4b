"""Raw commit and tag objects, byte for byte: what they say, what was signed, and what signed it.

Sources: git's fsck.c (`verify_headers`, `fsck_commit`), commit.c (`parse_buffer_signed_by_header`),
gpg-interface.c. Stricter than git: what two programs could read differently is refused.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from sopsguard.signatures.reason import Reason, Refused

# Beyond this nothing is parsed. Real commits have some kilobytes; git's own largest is below 64 KiB.
MOST = 1 << 20
MOST_SIGNATURE = 64 << 10
_LARGE = f"larger than {MOST >> 20} MiB"
_MOST_PARENTS = 1024
_LATEST = 1 << 40

_PERSON = re.compile(rb"([^<>\n\0]*)<([^<>\n\0]*)> (0|[1-9][0-9]{0,12}) ([+-][0-9]{4})")
_KEY = re.compile(rb"[A-Za-z][A-Za-z0-9:._-]{0,63}")
_SIGNATURES = {40: b"gpgsig", 64: b"gpgsig-sha256"}
_ONCE = frozenset({b"tree", b"parent", b"author", b"committer", b"object", b"type", b"tag", b"tagger"})


class Person(NamedTuple):
    """A name and address as raw bytes, and when: `time` in seconds since 1970."""

    name: bytes
    email: bytes
    time: int


class Commit(NamedTuple):
    """A well-formed commit. `payload` is exactly what git hands to the signing program, `signature` what
    that answered, or None. Ids have the length of the repository's hash."""

    oid: str
    tree: str
    parents: tuple[str, ...]
    author: Person
    committer: Person
    payload: bytes
    signature: bytes | None

    def __repr__(self) -> str:
        return f"Commit({self.oid!r})"


class Tag(NamedTuple):
    """A well-formed annotated tag of an object of type `kind`; its signature stands after the text."""

    oid: str
    target: str
    kind: str
    name: bytes
    tagger: Person | None
    payload: bytes
    signature: bytes | None

    def __repr__(self) -> str:
        return f"Tag({self.oid!r})"


def object_id(kind: str, data: bytes, digits: int) -> str:
    """The id that git gives to an object; `digits` is 40 (SHA-1) or 64 (SHA-256).

    SHA-1 identifies here and proves nothing: git refuses the known collisions when it writes objects, and
    what a signature covers is the payload, hashed by the signature itself with SHA-2.
    """
    from hashlib import sha1, sha256

    header = b"%s %d\0" % (kind.encode(), len(data))
    if digits == 64:
        return sha256(header + data).hexdigest()
    return sha1(header + data, usedforsecurity=False).hexdigest()


def read(oid: str, data: bytes | None) -> Commit | Refused:
    """The same as `parse`, with the refusal as an answer; `data` is None above `MOST` bytes."""
    try:
        return Refused(Reason.MALFORMED, _LARGE) if data is None else parse(oid, data)
    except Refused as e:
        return e.with_traceback(None)


def parse(oid: str, data: bytes) -> Commit:
    """The commit with this id. Raises `Refused`: `malformed`, or `multiple-signatures`."""
    _check_size(data)
    if object_id("commit", data, len(oid)) != oid:
        raise _malformed("its content is not what its id says")
    headers, payload = _headers(data)
    fields = iter(headers)
    at = next(fields, None)
    tree, at = _id(at, b"tree", oid), next(fields, None)
    parents = []
    while at is not None and at.key == b"parent":
        parents.append(_id(at, b"parent", oid))
        at = next(fields, None)
    if len(parents) > _MOST_PARENTS:
        raise _malformed("more parents than git makes")
    if len(set(parents)) != len(parents):
        raise _malformed("one parent twice")
    author, at = _person(at, b"author"), next(fields, None)
    committer, at = _person(at, b"committer"), next(fields, None)
    if committer.time == 0:
        raise _malformed("a committer's time of zero, which makes git leave out the time when it verifies")
    return Commit(oid, tree, tuple(parents), author, committer, payload, _signature(at, fields, oid))


def parse_tag(oid: str, data: bytes) -> Tag:
    """The tag with this id. Raises `Refused`."""
    _check_size(data)
    if object_id("tag", data, len(oid)) != oid:
        raise _malformed("its content is not what its id says")
    headers, stripped = _headers(data)
    fields = iter(headers)
    target = _id(next(fields, None), b"object", oid)
    kind, name = _plain(next(fields, None), b"type"), _plain(next(fields, None), b"tag")
    if kind not in (b"commit", b"tree", b"blob", b"tag"):
        raise _malformed("a tag of something that git does not have")
    at = next(fields, None)
    tagger = None
    if at is not None and at.key == b"tagger":
        tagger, at = _person(at, b"tagger"), next(fields, None)
    # In the header stands only what signs the form in the other hash; ours stands at the end (git's
    # parse_signature: from the last line that begins a block on).
    if _signature(at, fields, oid) is not None:
        raise _malformed("a signature in the header of a tag")
    starts = [m.start() for m in re.finditer(rb"^-----BEGIN (?:PGP|SSH|SIGNED) ", stripped, re.M)]
    if not starts:
        return Tag(oid, target, kind.decode(), name, tagger, stripped, None)
    if len(starts) > 1:
        raise Refused(
            Reason.MULTIPLE_SIGNATURES, "two blocks that look like signatures at the end of the tag"
        )
    signature = stripped[starts[0] :]
    if len(signature) > MOST_SIGNATURE:
        raise _malformed("a signature of more than 64 KiB")
    return Tag(oid, target, kind.decode(), name, tagger, stripped[: starts[0]], signature)


class _Header(NamedTuple):
    key: bytes
    value: bytes  # continuation lines joined by line feeds, without the space that marks them
    text: bytes  # as it stands, with its line ends


def _check_size(data: bytes) -> None:
    if len(data) > MOST:
        raise _malformed(_LARGE)


def _headers(data: bytes) -> tuple[list[_Header], bytes]:
    """The headers, and the object without those that hold signatures of commits."""
    end = data.find(b"\n\n")
    if end < 0:
        # git writes an empty line even before an empty message
        raise _malformed("its header does not end")
    head = data[: end + 1]
    if b"\0" in head or b"\r" in head:
        raise _malformed("a NUL or a carriage return in its header")
    found: list[_Header] = []
    lines: list[bytes] = []
    kept: list[bytes] = []
    for line in [*head.split(b"\n")[:-1], b"end"]:
        if line.startswith(b" "):
            if not lines:
                raise _malformed("a continuation line that continues nothing")
            lines.append(line)
            continue
        if lines:
            key, space, first = lines[0].partition(b" ")
            if not space or not _KEY.fullmatch(key):
                raise _malformed("a header without a name or without a value")
            value = b"\n".join([first, *(rest[1:] for rest in lines[1:])])
            text = b"\n".join(lines) + b"\n"
            found.append(_Header(key, value, text))
            if not key.lower().startswith(b"gpgsig"):
                kept.append(text)
        lines = [line]
    return found, b"".join(kept) + data[end + 1 :]


def _signature(at: _Header | None, rest: Iterator[_Header], oid: str) -> bytes | None:
    """The one signature among the headers after the committer."""
    found: list[bytes] = []
    seen: set[bytes] = set()
    while at is not None:
        if at.key in _ONCE:
            raise _malformed(f"a header {at.key.decode()!r} too many, or in the wrong place")
        if at.key.lower().startswith(b"gpgsig"):
            if at.key not in _SIGNATURES.values():
                raise _malformed("a header that looks like a signature and is none")
            if at.key in seen:
                raise Refused(Reason.MULTIPLE_SIGNATURES, f"two headers {at.key.decode()!r}")
            if len(at.value) > MOST_SIGNATURE:
                raise _malformed("a signature of more than 64 KiB")
            if at.key == _SIGNATURES[len(oid)]:
                found.append(at.value + b"\n")
        elif at.key == b"encoding" and at.key in seen:
            raise _malformed("two headers 'encoding'")
        seen.add(at.key)
        at = next(rest, None)
    return found[0] if found else None


def _id(header: _Header | None, key: bytes, like: str) -> str:
    value = _plain(header, key).decode("latin-1")
    if len(value) != len(like) or value.strip("0123456789abcdef"):
        raise _malformed(f"a {key.decode()} that is no object id")
    return value


def _plain(header: _Header | None, key: bytes) -> bytes:
    if header is None or header.key != key or b"\n" in header.value:
        raise _malformed(f"no header {key.decode()!r} where it has to stand")
    return header.value


def _person(header: _Header | None, key: bytes) -> Person:
    match = _PERSON.fullmatch(_plain(header, key))
    if match is None:
        raise _malformed(f"the {key.decode()} is not a name, an address in <>, and a time")
    time = int(match[3])
    if time >= _LATEST:
        raise _malformed(f"the time of the {key.decode()} is beyond all calendars")
    return Person(match[1].rstrip(b" "), match[2], time)


def _malformed(detail: str) -> Refused:
    return Refused(Reason.MALFORMED, detail)
