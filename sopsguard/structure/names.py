"""What names alone say of a value: paths that mean one format and no other, whatever the tree is."""

from collections.abc import Iterator
from typing import NamedTuple

from sopsguard.sops.file import SopsFile
from sopsguard.structure import formats, words
from sopsguard.structure.judgement import Fault
from sopsguard.structure.shadow import Array, Hidden, Known, Object, Path, Place, Shadow
from sopsguard.structure.sizes import byte_length

# Below one of these names, under one of those: the format.
_MEANT: tuple[tuple[frozenset[str], frozenset[str], str], ...] = (
    (frozenset(("wireguard", "wg")), frozenset(("private_key", "preshared_key")), "wireguard-key"),
    (frozenset(("wireguard", "wg")), frozenset(("public_key",)), "wireguard-public-key"),
    (frozenset(("ssh",)), frozenset(("host_key",)), "ssh-host-key"),
    (frozenset(("ssh",)), frozenset(("host_key_pub",)), "ssh-public-key"),
    (frozenset(("age",)), frozenset(("private",)), "age-identity"),
    (frozenset(("age",)), frozenset(("public",)), "age-recipient"),
)
_OPENPGP = frozenset(("gpg", "pgp", "gnupg", "openpgp"))
_SECRET = frozenset(("private_key", "secret_key", "private", "secret", "privatekey", "secretkey"))
# The smallest armored secret key, of Ed25519 without a user id, has more.
SHORTEST_SECRET = 100
ARMOR = "-----BEGIN PGP PRIVATE KEY BLOCK-----"


_SAYING = _OPENPGP | {word for above, _, _ in _MEANT for word in above}


class Value(NamedTuple):
    """A scalar of a document."""

    place: Place
    node: Known | Hidden


def values(node: Shadow) -> Iterator[Value]:
    """Every scalar of a document, in its order."""
    stack: list[Shadow] = [node]
    while stack:
        node = stack.pop()
        if isinstance(node, Object):
            stack.extend(reversed(node.entries.values()))
        elif isinstance(node, Array):
            stack.extend(reversed(node.items))
        else:
            yield Value(node.place, node)


def may_say(file: SopsFile) -> bool:
    """Whether anything here, or about hosts, can be said of a file without a key; most have no such name."""
    parts = {part for leaf in file.leaves for part in leaf.path[:-1]}
    parts.update(item.name or "" for root in file.document.roots for item in root.entries())
    if not _SAYING.isdisjoint(_folded(tuple(parts))):
        return True
    return any(leaf.envelope is None and ARMOR in (leaf.text or "") for leaf in file.leaves)


def _folded(path: Path) -> list[str]:
    return [str(part).lower().replace("-", "_") for part in path]


def impossible(document: Shadow) -> Iterator[Fault]:
    """The values that cannot be what their names say, by their length."""
    for place, node in values(document):
        named = _folded(place.path)
        for above, last, format in _MEANT:
            if len(named) > 1 and named[-1] in last and above & set(named[:-1]):
                length = _length(node)
                noun, sizes = formats.OURS[format].noun, formats.OURS[format].sizes
                if length is not None and length > 0 and not sizes.allow(length):
                    yield Fault(place, words.no_format(noun, sizes, length), "format", length)
                break


def _length(node: Known | Hidden) -> int | None:
    """The bytes of a text that is or was encrypted; `None` for all else."""
    if isinstance(node, Hidden):
        return node.length if node.kind == "string" and not node.ascii else None
    return byte_length(node.value) if isinstance(node.value, str) else None


class Forbidden(NamedTuple):
    """A secret that belongs into no file. `proved`: seen for what it is, not only by name and size."""

    place: Place
    proved: bool


def forbidden(document: Shadow) -> Iterator[Forbidden]:
    """OpenPGP secret keys: by their text where it is known, else by name and length."""
    for place, node in values(document):
        if isinstance(node, Known):
            if isinstance(node.value, str) and ARMOR in node.value:
                yield Forbidden(place, True)
            continue
        named = _folded(place.path)
        length = _length(node)
        if length is None or length < SHORTEST_SECRET or len(named) < 2 or not _OPENPGP & set(named[:-1]):
            continue
        if named[-1] in _SECRET:
            yield Forbidden(place, False)
