"""Halves that belong together, held against each other where a file was opened."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sopsguard.keys import age, ssh, wireguard
from sopsguard.structure.hosts import Entry, stem
from sopsguard.structure.shadow import Known, Object, Place

_SSH = (
    ("host_key", "host_key_pub"),
    ("rsa_host_key", "rsa_host_key_pub"),
    ("host_rsa_key", "host_rsa_key_pub"),
    ("host_key_rsa", "host_key_rsa_pub"),
    ("initrd_host_key", "initrd_host_key_pub"),
)


# For each kind the names of private and public halves, and what the public one is called.
_PAIRS = {
    "wireguard": (("private_key", "public_key", "WireGuard public key"),),
    "ssh": tuple((private, public, "SSH public key") for private, public in _SSH),
    "age": (("private", "public", "age recipient"),),
}


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A value that does not belong to another: where, and what is wrong after the name of the place."""

    path: str
    place: Place
    words: str


def mismatches(path: str, entry: Entry) -> Iterator[Mismatch]:
    """The public halves of one host that belong to other private ones."""
    for private, public, what in _PAIRS[entry.kind]:
        held, said = entry.text(private), entry.text(public)
        if held is not None and said is not None:
            derived, stated = _DERIVED[entry.kind](held[1], said[1])
            if derived and stated and derived != stated:
                words = f"is not the {what} that belongs to `{private}` beside it"
                yield Mismatch(path, said[0], words)


def _wireguard(private: str, public: str) -> tuple[str | None, str | None]:
    mine, said = wireguard.key(private), wireguard.key(public)
    if isinstance(mine, wireguard.Key) and isinstance(said, wireguard.Key):
        return mine.public, said.text
    return None, None


def _ssh(private: str, public: str) -> tuple[str | None, str | None]:
    held, line = ssh.private_key(private), ssh.public_key(public)
    mine = held.public if isinstance(held, ssh.PrivateKey) else None
    return mine.line if mine else None, line.line if isinstance(line, ssh.PublicKey) else None


def _age(private: str, public: str) -> tuple[str | None, str | None]:
    return _recipient(private), public.strip() or None


_DERIVED = {"wireguard": _wireguard, "ssh": _ssh, "age": _age}


def public_of(kind: str, private: str) -> str | None:
    """The public half of a private one (`wireguard`, `ssh`, `age`), as it is stored; None if it is none."""
    derive = _DERIVED.get(kind)
    return derive(private, private)[0] if derive is not None else None


def identity(entry: Entry) -> str | None:
    """The recipient that belongs to the age identity of a host; `None` if it is not one alone."""
    private = entry.text("private") if entry.kind == "age" else None
    return _recipient(private[1]) if private is not None else None


def _recipient(text: str) -> str | None:
    file = age.identity_file(text)
    return file.entries[0].identity.public if file is not None and len(file.entries) == 1 else None


@dataclass(frozen=True, slots=True)
class _Preshared:
    path: str
    place: Place
    data: bytes = field(repr=False)


def preshared(entries: Mapping[str, tuple[Entry, ...]]) -> Iterator[Mismatch]:
    """Tunnels whose ends hold different preshared keys; `entries` by path.

    A tunnel is named by its spoke. The key stands with the spoke (`wireguard.SPOKE.preshared_key`), and again
    where the hub keeps what it needs: under the same name in its own file, or in `preshared_keys`.
    """
    tunnels: dict[str, list[_Preshared]] = {}
    for path, found in entries.items():
        for entry in found:
            if entry.kind != "wireguard":
                continue
            spoke = entry.host or stem(path)
            if (key := entry.text("preshared_key")) is not None:
                _add(tunnels, spoke, path, *key)
            others = entry.node.entries.get("preshared_keys")
            if isinstance(others, Object):
                for name, node in others.entries.items():
                    if isinstance(node, Known) and isinstance(node.value, str):
                        _add(tunnels, name, path, others.places[name], node.value)
    for spoke, ends in tunnels.items():
        # The end of the spoke itself is where people look; the other is told with it.
        first, *rest = sorted(ends, key=lambda end: stem(end.path) == spoke)
        other = next((end for end in rest if end.data != first.data), None)
        if other is not None:
            where = f"{first.path}:{first.place.line}"
            words = (
                f"differs from the preshared key of the same tunnel ({spoke}) in {where}: it cannot come up"
            )
            yield Mismatch(other.path, other.place, words)


def _add(tunnels: dict[str, list[_Preshared]], spoke: str, path: str, place: Place, text: str) -> None:
    key = wireguard.key(text)
    if isinstance(key, wireguard.Key):
        tunnels.setdefault(spoke, []).append(_Preshared(path, place, key.data))
