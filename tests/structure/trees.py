"""Trees of secrets as the guide documents them, with throw-away keys, and the faults that people make."""

import random
from collections.abc import Callable
from typing import Any

from sopsguard.keys import age, ssh, wireguard

HOSTS = ("capacitor", "powerhouse", "turbine", "battery")
Document = dict[str, Any]
Spoil = Callable[[Document, random.Random], bool]


def host(*, hub: bool = False) -> dict[str, Any]:
    """The three subtrees of one host."""
    pair, key, identity = wireguard.generate(), ssh.generate_host_key("ed25519"), age.generate_identity()
    file = age.write_identity_file(identity, "2026-01-02T03:04:05Z")
    wire = {"private_key": pair.private, "public_key": pair.public}
    if not hub:
        wire["preshared_key"] = wireguard.generate_preshared()
    return {
        "wireguard": wire,
        "ssh": {"host_key": key.private, "host_key_pub": key.public},
        "age": {"private": file, "public": identity.public},
    }


def tree(generator: random.Random, *, flat: bool = False) -> Document:
    """A whole tree, of all hosts or (`flat`) of one, with the secrets of some applications."""
    applications: Document = {
        "restic": {"password": "a-long-passphrase-of-the-backups"},
        "database": {"url": "postgres://metrics:words@db.example.org/metrics", "port": 5432},
        "api": {"weather": "token-of-the-weather", "mirrors": ["one-token", "another-token"]},
    }
    names = generator.sample(HOSTS, 3)
    if flat:
        return {**host(), **applications}
    hosts = {name: host(hub=name == "capacitor") for name in names}
    kinds = {kind: {name: hosts[name][kind] for name in names} for kind in ("wireguard", "ssh", "age")}
    return {**kinds, **applications}


def _subtree(document: Document, generator: random.Random, kind: str) -> dict[str, Any]:
    held: dict[str, Any] = document[kind]
    if all(isinstance(value, dict) for value in held.values()):
        chosen: dict[str, Any] = held[generator.choice(sorted(held))]
        return chosen
    return held


def _value(kind: str, name: str, change: Callable[[str], Any]) -> Spoil:
    def spoil(document: Document, generator: random.Random) -> bool:
        held = _subtree(document, generator, kind)
        if name not in held:
            return False
        held[name] = change(held[name])
        return True

    return spoil


def _renamed(kind: str, old: str, new: str) -> Spoil:
    def spoil(document: Document, generator: random.Random) -> bool:
        held = _subtree(document, generator, kind)
        if old not in held:
            return False
        held[new] = held.pop(old)
        return True

    return spoil


def _whole(kind: str, value: Any) -> Spoil:
    def spoil(document: Document, _: random.Random) -> bool:
        document[kind] = value
        return True

    return spoil


def _swapped(document: Document, generator: random.Random) -> bool:
    held = _subtree(document, generator, "ssh")
    held["host_key"], held["host_key_pub"] = held["host_key_pub"], held["host_key"]
    return True


def _one_letter(text: str) -> str:
    return f"{text[:10]}{'-' if text[10] != '-' else '_'}{text[11:]}"


FAULTS: tuple[tuple[str, Spoil], ...] = (
    ("a key cut short", _value("wireguard", "private_key", lambda t: t[:-1])),
    ("a key with a space before it", _value("wireguard", "private_key", lambda t: f"  {t}")),
    ("a key in hex", _value("wireguard", "preshared_key", lambda _: "0f" * 32)),
    ("a key still to be written", _value("wireguard", "private_key", lambda _: "changeme")),
    ("a number", _value("wireguard", "public_key", lambda _: 1234567890)),
    ("nothing", _value("wireguard", "private_key", lambda _: None)),
    ("a misspelt key", _renamed("wireguard", "public_key", "pubilc_key")),
    ("another spelling", _renamed("ssh", "host_key_pub", "host_key.pub")),
    ("another language", _renamed("age", "private", "geheim")),
    (
        "the public half for the private one",
        _value("age", "private", lambda _: age.generate_identity().public),
    ),
    ("an identity cut short", _value("age", "private", lambda t: t[-60:])),
    ("the identity for the recipient", _value("age", "public", lambda t: t * 2)),
    ("the halves swapped", _swapped),
    ("only the first line", _value("ssh", "host_key", lambda t: t.splitlines()[0])),
    ("a path for the key", _value("ssh", "host_key", lambda _: "/etc/ssh/ssh_host_ed25519_key")),
    ("a fingerprint for the key", _value("ssh", "host_key_pub", lambda _: "SHA256:" + "x" * 43)),
    ("a list", _whole("age", ["one", "two"])),
    ("a text for a subtree", _whole("wireguard", "to be done")),
    ("an empty subtree", _whole("ssh", {})),
    ("a secret key of OpenPGP", _whole("gpg", {"secret_key": "x" * 700})),
    ("one letter of a key that is none", _value("wireguard", "private_key", _one_letter)),
)
