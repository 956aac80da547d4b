"""Every parser against input that was made to hurt: an answer, soon, without an exception."""

import time
from collections.abc import Callable

import pytest

from sopsguard.keys import Problem, age, age_file, bech32, openpgp, password, ssh, wireguard

MEGABYTE = 1 << 20

PARSERS: dict[str, Callable[[str], object]] = {
    "bech32": bech32.decode,
    "identity": age.identity,
    "identity file": age.identity_file,
    "recipient": age.recipient,
    "converted": age.from_ssh_public,
    "armored": age_file.parse_armored,
    "age file": lambda text: age_file.parse(text.encode("latin-1")),
    "private key": ssh.private_key,
    "private bytes": lambda text: ssh.private_key(text.encode("latin-1")),
    "public key": ssh.public_key,
    "known host": ssh.known_host,
    "secret keys": openpgp.secret_keys,
    "secret bytes": lambda text: openpgp.secret_keys(text.encode("latin-1")),
    "certificates": openpgp.certificates,
    "certificate bytes": lambda text: openpgp.certificates(text.encode("latin-1")),
    "wireguard": wireguard.key,
    "hash": lambda text: password.hash_format(text, expected=True),
    "entropy": password.entropy,
}


def filled(start: str, unit: str, end: str = "") -> str:
    return start + unit * ((MEGABYTE - len(start) - len(end)) // len(unit)) + end


JUNK = {
    "zeros": filled("", "\0"),
    "letters": filled("", "A"),
    "lines": filled("", "\n"),
    "spaces": filled("", " "),
    "quotes": filled("ssh-rsa", '"\\'),
    "long identity": filled("AGE-SECRET-KEY-1", "Q"),
    "long recipient": filled("age1", "q"),
    "many separators": filled("age1", "1"),
    "many identities": filled("", "AGE-SECRET-KEY-1QQ\n"),
    "many begins": filled("", "-----BEGIN PRIVATE KEY-----\n"),
    "many pgp begins": filled("", "-----BEGIN PGP PRIVATE KEY BLOCK-----\n"),
    "one pgp begin": filled("-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n", "xcFNBF"),
    "one begin": filled("-----BEGIN RSA PRIVATE KEY-----\n", "MIIE\n"),
    "escapes": filled("-----BEGIN RSA PRIVATE KEY-----", "\\"),
    "headers": filled("-----BEGIN RSA PRIVATE KEY-----\n", "Proc-Type: 4,ENCRYPTED\n"),
    "nested der": filled("", "0\x84\0\x0f\xff\xff"),
    "flat der": filled("0\x84\0\x0f\xff\xfa", "\2\1\0"),
    "empty packets": filled("", "\xc5\0"),
    "partial packets": filled("\xc5", "\xe0x"),
    "old packets": filled("", "\x94\0"),
    "trust packets": filled("", "\xcc\0"),
    "armor": filled("-----BEGIN AGE ENCRYPTED FILE-----\n", "A" * 64 + "\n"),
    "stanzas": filled("age-encryption.org/v1\n", "-> X\n\n"),
    "arguments": filled("age-encryption.org/v1\n->", " a"),
    "body": filled("age-encryption.org/v1\n-> X\n", "A" * 64 + "\n"),
    "putty": filled("PuTTY-User-Key-File-2: ssh-rsa\n", "a: b\n"),
    "putty lines": filled("PuTTY-User-Key-File-2: ssh-rsa\n", "Public-Lines: 9999\n"),
    "hash": filled("$y$", "a$"),
}


@pytest.mark.parametrize("junk", JUNK)
def test_a_megabyte_of_junk_is_answered_soon(junk: str) -> None:
    for name, parse in PARSERS.items():
        started = time.process_time()
        found = parse(JUNK[junk])
        assert time.process_time() - started < 2, name
        if name not in ("entropy", "identity file"):
            assert found is None or isinstance(found, Problem), name


NUMBER = 1 << 65528  # a number of 8 KiB, which a careless parser would raise to a power


def der(tag: int, content: bytes) -> bytes:
    return bytes([tag, 0x83]) + len(content).to_bytes(3, "big") + content


def integer(number: int) -> bytes:
    return der(2, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def field(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def test_numbers_without_end_are_refused_unread() -> None:
    huge = NUMBER | 1
    dsa = der(0x30, integer(0) + integer(huge) * 5)
    rsa = der(0x30, integer(0) + integer(huge) * 8)
    wire = field(b"ssh-rsa") + field(b"\3") + field(huge.to_bytes(8192, "big"))
    packet = b"\4\x60\0\0\0\x11" + (65529).to_bytes(2, "big") + huge.to_bytes(8192, "big")
    started = time.process_time()
    for candidate in (dsa, rsa):
        assert isinstance(ssh.private_key(candidate), Problem)
    assert isinstance(ssh.public_key(ssh.PublicKey("ssh-rsa", wire, None).line), Problem)
    assert openpgp.secret_keys(b"\xc5\xff" + field(packet)) is None
    assert time.process_time() - started < 1


def test_a_power_that_would_take_minutes_is_not_raised() -> None:
    huge = 1 << 30_000 | 1
    group = der(
        0x30, bytes.fromhex("06072a8648ce380401") + der(0x30, integer(huge) + integer(huge) + integer(3))
    )
    started = time.process_time()
    assert isinstance(ssh.private_key(der(0x30, integer(0) + group + der(4, integer(huge)))), Problem)
    assert time.process_time() - started < 1


def test_an_ed25519_key_of_a_wrong_length_is_a_problem() -> None:
    # `cryptography` answers with its InternalError, which says that it should be reported.
    algorithm = der(0x30, bytes.fromhex("06032b6570"))
    assert isinstance(ssh.private_key(der(0x30, integer(0) + algorithm + der(4, b"\4\1{"))), Problem)


def test_text_that_no_encoding_holds_is_answered() -> None:
    for start in (
        "",
        "AGE-SECRET-KEY-1",
        "age1",
        "ssh-rsa ",
        "-----BEGIN PRIVATE KEY-----",
        "PuTTY-User-Key-File-2: ",
    ):
        for text in ("\ud800", "\udcff", "\u017f", "\u0130", "\x00", "\U0010ffff"):
            for name, parse in PARSERS.items():
                if name.endswith(("bytes", "age file")):
                    continue
                found = parse(start + text)
                assert name == "entropy" or found is None or isinstance(found, Problem | age.IdentityFile)
