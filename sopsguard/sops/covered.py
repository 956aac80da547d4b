"""What the MAC of a file covers, and how two versions that carry the same MAC differ in it.

A `mac` decrypts to one hash over the values in the order of the file, so two versions with the same `mac`
hold the same values in the same order, or one of them was not written by sops. Keys, comments, nulls and
empty texts are not hashed. Source: sops 3.13.2 `sops.go`.
"""

from collections import Counter
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from sopsguard.document import Scalar
from sopsguard.document.scalars import plain_bytes
from sopsguard.sops.file import Leaf, SopsFile

# What tells an encrypted value from others (data, nonce, tag, type), or the bytes of a clear one.
_Material = tuple[str, ...] | bytes


class Kind(StrEnum):
    """How a value differs from the version that sops wrote."""

    CHANGED = "changed"
    ADDED = "added"
    REMOVED = "removed"
    MOVED = "moved"  # in the order of the file
    METHOD = "method"  # the MAC is said to be computed in another way
    TIME = "time"  # the MAC is authenticated by another time


class Difference(NamedTuple):
    """One value that is not what the MAC covers. `leaf` is where it stands now; none for what is gone.

    `certain` is false only where a value was replaced by another of the same length and type, which might
    hide the same bytes.
    """

    kind: Kind
    key: str
    leaf: Leaf | None
    certain: bool = True


class _Token(NamedTuple):
    leaf: Leaf
    material: _Material

    def __repr__(self) -> str:
        return f"_Token({self.leaf!r})"


def differences(good: SopsFile, now: SopsFile) -> tuple[Difference, ...]:
    """How `now` differs from `good`, the version in which its MAC was written; nothing where the MAC of
    `good` fits `now` too. The order: values, then metadata."""
    found: list[Difference] = []
    old, new = list(_tokens(good)), list(_tokens(now))
    if not _same(_stream(old), _stream(new)):
        found += _values(old, new)
    if good.metadata.scope.mac_only_encrypted != now.metadata.scope.mac_only_encrypted:
        found.append(Difference(Kind.METHOD, "sops.mac_only_encrypted", None))
    if not found and good.metadata.mac_aad != now.metadata.mac_aad:
        found.append(Difference(Kind.TIME, "sops.lastmodified", None))
    return tuple(found)


def _tokens(file: SopsFile) -> Iterator[_Token]:
    only_encrypted = file.metadata.scope.mac_only_encrypted
    for leaf in file.leaves:
        node, envelope = leaf.node, leaf.envelope
        if leaf.is_comment or not isinstance(node, Scalar) or leaf.is_empty:
            continue
        # Without an engine for the expressions an encrypted value counts, whatever the scope says.
        if only_encrypted and not (envelope is not None if leaf.selected is None else leaf.selected):
            continue
        if envelope is not None:
            yield _Token(leaf, (envelope.data, envelope.iv, envelope.tag, envelope.type))
        elif data := plain_bytes(node.value):
            yield _Token(leaf, data)


def _stream(tokens: list[_Token]) -> list[_Token]:
    """What is hashed: between two clear values that stand side by side nothing is."""
    stream: list[_Token] = []
    for token in tokens:
        last = stream[-1].material if stream else None
        if isinstance(token.material, bytes) and isinstance(last, bytes):
            stream[-1] = token._replace(material=last + token.material)
        else:
            stream.append(token)
    return stream


def _same(old: list[_Token], new: list[_Token]) -> bool:
    """Whether one hash may be that of both."""
    return len(old) == len(new) and all(map(_may_hash_alike, old, new))


def _may_hash_alike(old: _Token, new: _Token) -> bool:
    if old.material == new.material:
        return True
    one, other = old.leaf.envelope, new.leaf.envelope
    if one is None or other is None:
        return False
    # Whoever renames a key with sops, or turns "5" into 5, within the second in which the MAC was made gets
    # the very same MAC: keys and types are not hashed. What keeps path and type keeps its nonce.
    anew = one.iv != other.iv and (old.leaf.aad, one.type) != (new.leaf.aad, other.type)
    return anew and one.length == other.length


def _values(old: list[_Token], new: list[_Token]) -> Iterator[Difference]:
    """Which values were added, removed or changed; else, that their order was."""
    before = Counter((token.leaf.aad, token.material) for token in old)
    after = Counter((token.leaf.aad, token.material) for token in new)
    gone, come = before - after, after - before
    lost: dict[tuple[int, tuple[str | int, ...]], _Token] = {}
    for token in reversed(old):  # of equal ones the last are gone
        if gone[token.leaf.aad, token.material] > 0:
            gone[token.leaf.aad, token.material] -= 1
            lost[token.leaf.document, token.leaf.path] = token
    fresh: list[_Token] = []
    for token in reversed(new):
        if come[token.leaf.aad, token.material] > 0:
            come[token.leaf.aad, token.material] -= 1
            fresh.append(token)
    any_found = False
    for token in reversed(fresh):
        any_found = True
        other = lost.pop((token.leaf.document, token.leaf.path), None)
        if other is None:
            yield Difference(Kind.ADDED, token.leaf.key, token.leaf)
        else:
            yield Difference(Kind.CHANGED, token.leaf.key, token.leaf, _certain(other, token))
    for token in reversed(lost.values()):
        any_found = True
        yield Difference(Kind.REMOVED, token.leaf.key, None)
    if not any_found:
        first = next(
            (
                n
                for o, n in zip(old, new, strict=False)
                if (o.leaf.aad, o.material) != (n.leaf.aad, n.material)
            ),
            None,
        )
        if first is not None:
            yield Difference(Kind.MOVED, first.leaf.key, first.leaf)


def _certain(old: _Token, new: _Token) -> bool:
    one, other = old.leaf.envelope, new.leaf.envelope
    if one is None or other is None:
        return True
    return one.iv == other.iv or (one.length, one.type) != (other.length, other.type)
