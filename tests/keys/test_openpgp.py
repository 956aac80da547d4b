"""Secret keys and certificates, held against GnuPG and Sequoia."""

import base64
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sopsguard.keys import Problem, openpgp
from sopsguard.keys.packets import Packet, packets
from tests.conftest import Peer

ALGORITHMS = {
    "ed25519": (("ed25519", "eddsa"), ("cv25519", "ecdh")),
    "rsa2048": (("rsa2048", "rsa"), ("rsa2048", "rsa")),
    "nistp256": (("nistp256", "ecdsa"), ("nistp256", "ecdh")),
    "brainpoolP256r1": (("brainpoolP256r1", "ecdsa"), ("brainpoolP256r1", "ecdh")),
}


class Gpg:
    """gpg with a home of its own."""

    def __init__(self, program: Path, home: Path) -> None:
        self.program, self.home = program, home

    def __call__(self, *arguments: str, stdin: bytes = b"") -> bytes:
        options = ("--batch", "--quiet", "--pinentry-mode", "loopback", *arguments)
        command: list[str | Path] = [self.program, "--homedir", self.home, *options]
        return subprocess.run(command, input=stdin, capture_output=True, check=True).stdout


@pytest.fixture(scope="module")
def gpg(peer: Peer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gpg]:
    """Its agent ends with the module."""
    home = tmp_path_factory.mktemp("g")
    home.chmod(0o700)
    # Else the agent spends seconds to find out how much work a passphrase is worth here.
    (home / "gpg-agent.conf").write_text("s2k-count 65536\n")
    yield Gpg(peer("gpg"), home)
    subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False, capture_output=True)


def made(gpg: Gpg, algorithm: str, passphrase: str, lifetime: str = "2y") -> str:
    """A new key with an encryption subkey; its user id."""
    (primary, _), (subkey, _) = ALGORITHMS[algorithm]
    name = f"{algorithm}-{passphrase or 'bare'}-{lifetime}@example.org"
    gpg("--passphrase", passphrase, "--quick-gen-key", name, primary, "default", lifetime)
    gpg("--passphrase", passphrase, "--quick-add-key", listed(gpg, name)[0][0], subkey, "encr", "1y")
    return name


def listed(gpg: Gpg, name: str) -> list[tuple[str, str, str, str]]:
    """(fingerprint, created, expires, capabilities) of every key, as gpg lists them."""
    out: list[tuple[str, str, str, str]] = []
    for line in gpg("--with-colons", "--list-keys", name).decode().splitlines():
        fields = line.split(":")
        if fields[0] in ("pub", "sub"):
            created, expires = fields[5], fields[6]
            letters = "".join(letter for letter in fields[11] if letter.islower())
        elif fields[0] == "fpr":
            out.append((fields[9], created, expires, letters))
    return out


def keyring(data: bytes | str) -> openpgp.Keyring:
    found = openpgp.secret_keys(data)
    assert isinstance(found, openpgp.Keyring)
    return found


def certificate(data: bytes | str) -> openpgp.Certificate:
    found = openpgp.certificates(data)
    assert isinstance(found, tuple)
    return found[0]


@pytest.mark.peer("gpg")
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_keys_of_gpg(gpg: Gpg, algorithm: str) -> None:
    name = made(gpg, algorithm, "")
    prints = [row[0] for row in listed(gpg, name)]
    for options in ((), ("--armor",)):
        found = keyring(gpg(*options, "--export-secret-keys", name))
        assert [key.fingerprint for key in found.keys] == prints
        assert [key.algorithm for key in found.keys] == [kind for _, kind in ALGORITHMS[algorithm]]
        assert {(key.protection, key.proved, key.version) for key in found.keys} == {("bare", True, 4)}
        assert [key.primary for key in found.keys] == [True, False]
        assert (found.crc, found.whole) == (True if options else None, True)


@pytest.mark.peer("gpg")
def test_a_passphrase_shows_without_being_known(gpg: Gpg) -> None:
    name = made(gpg, "ed25519", "correct horse", "1y")
    data = gpg("--passphrase", "correct horse", "--export-secret-keys", name)
    assert [(key.protection, key.is_secret, key.proved) for key in keyring(data).keys] == [
        ("passphrase", True, False)
    ] * 2

    # Cut out of its keyring it could be anything, unless an armor says what it is.
    alone = five(next(packets(data)))
    assert openpgp.secret_keys(alone) is None
    begin, end = (f"-----{word} PGP PRIVATE KEY BLOCK-----" for word in ("BEGIN", "END"))
    armored = f"{begin}\n\n{base64.b64encode(alone).decode()}\n{end}"
    assert keyring(armored).keys == keyring(data).keys[:1]


@pytest.mark.peer("gpg")
def test_a_stub_of_gpg_is_no_secret(gpg: Gpg) -> None:
    name = made(gpg, "ed25519", "", "3y")
    data = gpg("--export-secret-subkeys", name)
    assert [(key.protection, key.is_secret) for key in keyring(data).keys] == [
        ("absent", False),
        ("bare", True),
    ]


@pytest.mark.peer("gpg")
def test_the_facts_of_a_certificate_are_those_that_gpg_lists(gpg: Gpg) -> None:
    name = made(gpg, "rsa2048", "", "4y")
    for data in (gpg("--export", name), gpg("--armor", "--export", name), gpg("--export-secret-keys", name)):
        found = certificate(data)
        assert found.user_ids == (name,)
        for facts, (fingerprint, created, expires, letters) in zip(
            (found.primary, *found.subkeys), listed(gpg, name), strict=True
        ):
            assert facts.key.fingerprint == fingerprint
            assert fingerprint.endswith(facts.key.key_id)
            assert (str(facts.key.created), str(facts.expires)) == (created, expires)
            assert sorted(word[0] for word in facts.capabilities) == sorted(letters)
            assert not facts.revoked
    assert openpgp.secret_keys(gpg("--export", name)) is None
    assert openpgp.secret_keys(gpg("--armor", "--export", name)) is None


@pytest.mark.peer("gpg")
def test_what_was_said_last_about_a_key_counts(gpg: Gpg) -> None:
    name = made(gpg, "ed25519", "", "5y")
    (primary, *_), (subkey, *_) = listed(gpg, name)
    gpg("--faked-system-time", "20280101T000000!", "--quick-set-expire", primary, "20400101T000000")
    gpg("--faked-system-time", "20290101T000000!", "--quick-set-expire", primary, "0", subkey)
    found = certificate(gpg("--export", name))
    assert (found.primary.expires, found.subkeys[0].expires) == (2208988800, None)
    assert not found.primary.revoked

    # gpg makes a revocation certificate with every key; a colon keeps it from being imported by accident.
    text = (gpg.home / "openpgp-revocs.d" / f"{primary}.rev").read_bytes()
    gpg("--import", stdin=text.replace(b":-----BEGIN", b"-----BEGIN"))
    assert certificate(gpg("--export", name)).primary.revoked


SUITES = ("Cv25519", "Cv448", "RSA2k", "P256", "P384", "P521")


def sequoia(suite: str = "Cv25519", profile: str = "RFC9580") -> Any:
    pysequoia = pytest.importorskip("pysequoia")
    return pysequoia.Tsk.generate(
        "me <me@example.org>",
        profile=getattr(pysequoia.Profile, profile),
        cipher_suite=getattr(pysequoia.CipherSuite, suite),
        validity_seconds=86400,
    )


@pytest.mark.parametrize("profile", ["RFC4880", "RFC9580"])
@pytest.mark.parametrize("suite", SUITES)
def test_the_keys_of_sequoia(suite: str, profile: str) -> None:
    key = sequoia(suite, profile)
    cert = key.extract_certificate()
    for data in (bytes(key), str(key)):
        found = keyring(data)
        assert len(found.keys) == 3
        assert {item.protection for item in found.keys} == {"bare"}
        assert all(item.proved for item in found.keys)
        assert {item.version for item in found.keys} == {4 if profile == "RFC4880" else 6}
        assert found.whole
    facts = certificate(bytes(cert))
    assert facts.primary.key.fingerprint == cert.fingerprint.upper()
    assert facts.primary.expires == int(cert.expiration.timestamp())
    assert facts.primary.capabilities == {"certify"}
    assert {frozenset(subkey.capabilities) for subkey in facts.subkeys} == {
        frozenset({"sign"}),
        frozenset({"encrypt"}),
    }
    assert openpgp.secret_keys(bytes(cert)) is None


def test_a_key_of_a_later_algorithm_is_a_secret_all_the_same() -> None:
    found = keyring(bytes(sequoia("MLDSA65_Ed25519")))
    assert {(key.protection, key.proved, key.bits) for key in found.keys} == {("bare", False, None)}


@pytest.mark.parametrize("profile", ["RFC4880", "RFC9580"])
def test_an_armor_may_be_indented_escaped_or_cut_off(profile: str) -> None:
    text = str(sequoia(profile=profile))
    keys = keyring(text).keys
    assert keyring("key: |\n  " + text.replace("\n", "\n  ") + "\nother: x").keys == keys
    assert keyring('{"key": "' + text.replace("\n", "\\n") + '"}').keys == keys
    assert keyring(text.replace("\n", "\r\n")).keys == keys
    assert keyring("text\n" + text + "text\n" + str(sequoia())).keys[:3] == keys
    assert keyring(text.partition("-----END")[0]).keys == keys
    half = keyring(text[: len(text) // 2])
    assert 0 < len(half.keys) < len(keys)
    assert half.keys == keys[: len(half.keys)]


def test_a_wrong_checksum_of_the_armor_shows_and_hides_nothing() -> None:
    text = str(sequoia(profile="RFC4880"))
    at = text.index("\n=") + 2
    wrong = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]
    assert keyring(wrong).crc is False
    assert keyring(wrong).keys == keyring(text).keys


def test_a_private_block_without_a_key_is_a_problem() -> None:
    begin, end = "-----BEGIN PGP PRIVATE KEY BLOCK-----", "-----END PGP PRIVATE KEY BLOCK-----"
    for text in ("", "\n\n...\n", "\n\nAAAA\n", "\n\nxsBNBF\n=AAAA\n"):
        assert isinstance(openpgp.secret_keys(f"{begin}{text}{end}"), Problem)
    assert openpgp.secret_keys("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n") is None


def reframed(data: bytes, frame: Callable[[Packet], bytes]) -> bytes:
    return b"".join(frame(packet) for packet in packets(data))


def old(packet: Packet) -> bytes:
    return bytes([0x80 | packet.tag << 2 | 2]) + len(packet.body).to_bytes(4, "big") + packet.body


def five(packet: Packet) -> bytes:
    return bytes([0xC0 | packet.tag, 255]) + len(packet.body).to_bytes(4, "big") + packet.body


def partial(packet: Packet) -> bytes:
    out, rest = bytearray([0xC0 | packet.tag]), packet.body
    while len(rest) > 16:
        out += bytes([224 + 4]) + rest[:16]
        rest = rest[16:]
    return bytes(out) + bytes([len(rest)]) + rest


@pytest.mark.parametrize("frame", [old, five, partial])
def test_the_framing_of_packets_changes_nothing(frame: Callable[[Packet], bytes]) -> None:
    data = bytes(sequoia(profile="RFC4880"))
    assert keyring(reframed(data, frame)) == keyring(data)
    assert openpgp.certificates(reframed(data, frame)) == openpgp.certificates(data)


def test_an_old_packet_of_indeterminate_length_reaches_to_the_end() -> None:
    first = next(packets(bytes(sequoia())))
    assert keyring(bytes([0x80 | first.tag << 2 | 3]) + first.body).keys[0].proved


def test_a_secret_of_another_key_is_not_proved() -> None:
    one, two = (next(packets(bytes(sequoia()))).body for _ in range(2))
    swapped = one[:-32] + two[-32:]
    assert openpgp.secret_keys(five(Packet(5, swapped, 0))) is None


def test_a_proved_key_counts_even_before_garbage() -> None:
    data = five(next(packets(bytes(sequoia())))) + b"\0garbage"
    found = keyring(data)
    assert (len(found.keys), found.whole) == (1, False)
    assert openpgp.secret_keys(b"\0" + data) is None


def test_certificates_that_are_damaged_are_a_problem() -> None:
    data = bytes(sequoia().extract_certificate())
    assert isinstance(openpgp.certificates(data[:-1]), Problem)
    assert isinstance(openpgp.certificates(data + b"\0"), Problem)
    for nothing in (b"", b"hello", b"\xff\xff", "hello"):
        assert openpgp.certificates(nothing) is None


@settings(max_examples=200)
@given(st.data())
def test_a_changed_key_is_never_proved_to_be_another(draw: st.DataObject) -> None:
    data = bytearray(sample())
    for _ in range(draw.draw(st.integers(1, 3))):
        data[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    found = openpgp.secret_keys(bytes(data))
    if isinstance(found, openpgp.Keyring):
        # The fingerprint covers the time and the algorithm, which the secret does not bind.
        assert {key.algorithm for key in found.keys if key.proved} <= {"ed25519", "x25519"}
    openpgp.certificates(bytes(data))


@cache
def sample() -> bytes:
    return bytes(sequoia())


@given(
    st.binary(), st.sampled_from([b"", b"\xc5", b"\x95", b"\x97", b"\xc5\xff", b"\xc7\xe4", b"\xc6\x10\4"])
)
def test_random_bytes_are_no_secret_key(data: bytes, start: bytes) -> None:
    assert openpgp.secret_keys(start + data) is None
    assert isinstance(openpgp.certificates(start + data), Problem | None)


@given(st.text())
def test_any_text_gets_an_answer(text: str) -> None:
    begin = "-----BEGIN PGP PRIVATE KEY BLOCK-----"
    assert openpgp.secret_keys(text) is None
    assert isinstance(openpgp.secret_keys(begin + text), Problem)
    assert isinstance(openpgp.certificates(begin + text), Problem | None)
