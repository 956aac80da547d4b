"""Every key of the infrastructures, made for one run and good for nothing else."""

from dataclasses import dataclass, field
from functools import cached_property

from sopsguard.keys import age, bech32, ssh, wireguard
from sopsguard.keys.pem import PrivateKey
from sopsguard.keys.ssh import HostKey
from sopsguard.keys.wireguard import KeyPair
from tests.throwaway import age_identity, pq_recipient

HOSTS = {
    "capacitor": "10.0.0.1",
    "powerhouse": "10.0.0.2",
    "turbine": "10.0.0.3",
    "battery": "10.0.0.4",
}
HUB = "capacitor"
RETIRED = "inverter"


@dataclass(frozen=True, slots=True)
class Host:
    """One machine: its SSH host key, the age key that ssh-to-age makes of it, its WireGuard keys."""

    name: str
    address: str
    ssh: HostKey = field(repr=False)
    identity: str = field(repr=False)
    recipient: str
    wireguard: KeyPair = field(repr=False)
    preshared: str = field(repr=False)

    @property
    def is_hub(self) -> bool:
        return self.name == HUB

    @property
    def public_line(self) -> str:
        """The line in `ssh_host_ed25519_key.pub`."""
        return self.ssh.public

    @property
    def identity_file(self) -> str:
        """The age identity as age-keygen writes it."""
        return f"# created: 2026-01-02T03:04:05Z\n# public key: {self.recipient}\n{self.identity}\n"


@dataclass(frozen=True, slots=True)
class Person:
    """An age key pair of somebody, or of something that is no host."""

    identity: str = field(repr=False)
    recipient: str


def host(name: str, address: str) -> Host:
    """A host with fresh keys."""
    key = ssh.generate_host_key("ed25519", f"root@{name}")
    private = ssh.private_key(key.private)
    assert isinstance(private, PrivateKey)
    identity = age.from_ssh_private(private)
    assert isinstance(identity, age.Identity)
    assert identity.public is not None
    return Host(
        name,
        address,
        key,
        identity.secret,
        identity.public,
        wireguard.generate(),
        wireguard.generate_preshared(),
    )


class Keyring:
    """The hosts, Ada who looks after them, her key in the safe, the cluster, and some strangers."""

    def __init__(self) -> None:
        self.hosts = {name: host(name, address) for name, address in HOSTS.items()}
        self.retired = host(RETIRED, "10.0.0.5")
        names = ("ada", "safe", "cluster", "stranger", "mallory", "spare", "bob")
        self.people = {name: Person(*age_identity()) for name in names}

    @cached_property
    def certificate(self) -> str:
        """Ada's public OpenPGP certificate."""
        import pysequoia

        return str(pysequoia.Tsk.generate("Ada <ada@example.org>").extract_certificate())

    @cached_property
    def recipients(self) -> dict[str, str]:
        """What texts may name as `@recipient.NAME@`."""
        found = {name: one.recipient for name, one in self.people.items()}
        found |= {name: one.recipient for name, one in self.hosts.items()}
        found[RETIRED] = self.retired.recipient
        found["yubikey"] = yubikey_recipient()
        found["pq"] = pq_recipient()
        found |= {f"ssh.{name}": one.public_line for name, one in self.hosts.items()}
        return found


def yubikey_recipient() -> str:
    """A recipient as age-plugin-yubikey prints it: a compressed point of P-256."""
    from cryptography.hazmat.primitives import serialization as s
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    return bech32.encode("age1yubikey", key.public_bytes(s.Encoding.X962, s.PublicFormat.CompressedPoint))
