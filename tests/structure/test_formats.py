"""Our formats: what real programs make is of the right size and is proved; what is something else is not."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sopsguard.keys import age, password, ssh, wireguard
from sopsguard.structure import formats
from sopsguard.structure.sizes import byte_length
from sopsguard.structure.truth import Truth
from tests.conftest import Peer
from tests.throwaway import pem_key, pq_recipient

IDENTITY = age.generate_identity()
HOST = ssh.generate_host_key("ed25519", comment="root@tower")
WG = wireguard.generate()
SAMPLES = {
    "wireguard-key": WG.private,
    "wireguard-public-key": WG.public,
    "wireguard-psk": wireguard.generate_preshared(),
    "age-identity": IDENTITY.secret,
    "age-recipient": IDENTITY.public or "",
    "ssh-private-key": HOST.private,
    "ssh-host-key": HOST.private,
    "ssh-ed25519-host-key": HOST.private,
    "ssh-public-key": HOST.public,
    "tls-private-key": pem_key(),
    "bcrypt": "$2b$12$" + "a" * 53,
    "sha512crypt": "$6$saltsalt$" + "a" * 86,
    "yescrypt": "$y$j9T$" + "a" * 22 + "$" + "b" * 43,
    "password-hash": "$2b$12$" + "a" * 53,
    "passphrase": password.generate_passphrase(),
    "ip-address": "10.0.0.2/24",
    "base64": "Zm9v",
    "json": '{"a": 1}',
}
KEYS = [name for name in SAMPLES if name not in ("json", "base64", "passphrase", "ip-address")]


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("end", ["", "\n"])
def test_the_real_thing_is_of_its_format(name: str, end: str) -> None:
    text = SAMPLES[name] + end
    assert formats.judge(name, text) is Truth.VALID
    assert formats.OURS[name].sizes.allow(byte_length(text))


@pytest.mark.parametrize("name", KEYS)
@pytest.mark.parametrize(
    "other", ["", "changeme", "x" * 44, "x" * 74, "x" * 400, "-----BEGIN OPENSSH PRIVATE KEY-----"]
)
def test_something_else_is_not(name: str, other: str) -> None:
    assert formats.judge(name, other) is Truth.INVALID


def test_a_whole_file_of_age_keygen_is_an_identity_and_189_bytes_long() -> None:
    text = age.write_identity_file(IDENTITY, "2026-01-02T03:04:05+01:00")
    assert byte_length(text) == 189
    assert formats.OURS["age-identity"].sizes.allow(184)  # where the clock shows UTC
    assert formats.judge("age-identity", text) is Truth.VALID


def test_a_post_quantum_recipient_is_one() -> None:
    assert formats.judge("age-recipient", pq_recipient()) is Truth.VALID


def test_the_right_key_in_the_wrong_place_is_wrong() -> None:
    assert formats.judge("wireguard-key", IDENTITY.public or "") is Truth.INVALID
    assert formats.judge("age-identity", IDENTITY.public or "") is Truth.INVALID
    assert formats.judge("ssh-host-key", HOST.public) is Truth.INVALID
    assert formats.judge("ssh-public-key", HOST.private) is Truth.INVALID
    assert formats.judge("ssh-ed25519-host-key", pem_key()) is Truth.INVALID


@given(st.sampled_from(sorted(SAMPLES)), st.data())
def test_what_is_of_a_format_has_a_size_that_the_format_allows(name: str, data: st.DataObject) -> None:
    """Else a key would contradict what is said without one."""
    sample = SAMPLES[data.draw(st.sampled_from(sorted(SAMPLES)))]
    cut = data.draw(st.integers(0, len(sample)))
    text = (
        sample[:cut]
        + data.draw(st.sampled_from(["", "\n", " ", "\r\n", "# a comment\n", "ö"]))
        + sample[cut:]
    )
    if formats.judge(name, text) is Truth.VALID:
        assert formats.OURS[name].sizes.allow(byte_length(text))


@pytest.mark.peer("ssh-keygen")
@pytest.mark.parametrize("kind", ["ed25519", "rsa 2048", "rsa 4096", "ecdsa 256", "ecdsa 384", "ecdsa 521"])
@pytest.mark.parametrize("form", ["", "PEM", "PKCS8"])
@pytest.mark.parametrize("comment", ["", "a-rather-long-comment@of-a-machine.example.org"])
def test_what_ssh_keygen_writes_is_a_host_key(
    tmp_path: Path, peer: Peer, kind: str, form: str, comment: str
) -> None:
    name, _, bits = kind.partition(" ")
    options = [*(["-b", bits] if bits else []), *(["-m", form] if form else [])]
    subprocess.run(
        [peer("ssh-keygen"), "-q", "-t", name, *options, "-N", "", "-C", comment, "-f", tmp_path / "key"],
        check=True,
    )
    for made, format in ((tmp_path / "key", "ssh-host-key"), (tmp_path / "key.pub", "ssh-public-key")):
        text = made.read_text()
        assert formats.OURS[format].sizes.allow(byte_length(text)), byte_length(text)
        assert formats.judge(format, text) is Truth.VALID
        assert formats.OURS[format].sizes.allow(byte_length(text.rstrip()))


@pytest.mark.peer("openssl")
@pytest.mark.parametrize("curve", ["prime256v1", "secp384r1", "secp521r1"])
def test_what_openssl_writes_is_a_host_key(peer: Peer, curve: str) -> None:
    done = subprocess.run(
        [peer("openssl"), "ecparam", "-name", curve, "-genkey"], check=True, capture_output=True, text=True
    )
    text = done.stdout
    assert formats.OURS["ssh-host-key"].sizes.allow(byte_length(text))


def test_sizes_are_told_in_words() -> None:
    said = [
        formats.OURS[name].sizes.words
        for name in ("wireguard-key", "age-recipient", "sha512crypt", "ssh-public-key")
    ]
    assert said == ["44", "62 or 1959", "between 91 and 123", "at least 80"]
