"""The age file format, held against age itself."""

import base64
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sopsguard.keys import Problem, age, age_file, bech32, ssh
from tests.conftest import Peer

KEY = age.generate_identity()


def encrypted(*recipients: str, plaintext: bytes = b"x" * 32, armored: bool = True) -> bytes:
    """A real age file, made by pyrage."""
    import pyrage

    wanted = [
        pyrage.ssh.Recipient.from_str(text)
        if text.startswith("ssh-")
        else pyrage.x25519.Recipient.from_str(text)
        for text in recipients or (KEY.public or "",)
    ]
    return bytes(pyrage.encrypt(plaintext, wanted, armored=armored))


def parsed(data: bytes | str) -> age_file.AgeFile:
    found = age_file.parse_armored(data)
    assert isinstance(found, age_file.AgeFile)
    return found


def recipient(text: str) -> age.Recipient:
    found = age.recipient(text)
    assert isinstance(found, age.Recipient)
    return found


def own(file: age_file.AgeFile) -> tuple[age_file.Stanza, ...]:
    """The stanzas without the grease that keeps parsers honest."""
    return tuple(stanza for stanza in file.stanzas if not stanza.type.endswith("-grease"))


def test_a_file_shows_its_stanzas_and_lengths() -> None:
    file = parsed(encrypted())
    (stanza,) = own(file)
    assert (stanza.type, len(stanza.args), len(stanza.body)) == ("X25519", 1, 32)
    assert (file.payload_length, file.plaintext_length) == (64, 32)
    assert age_file.stanza_problem(stanza) is None
    assert age_file.may_open(recipient(KEY.public or ""), stanza) is None


@pytest.mark.parametrize("length", [0, 1, 65535, 65536, 65537, 131072, 131073])
def test_the_length_of_the_plaintext_shows(length: int) -> None:
    file = age_file.parse(encrypted(plaintext=bytes(length), armored=False))
    assert isinstance(file, age_file.AgeFile)
    assert file.plaintext_length == length


def test_an_ssh_stanza_names_its_key() -> None:
    mine, other = (ssh.generate_host_key("ed25519").public for _ in range(2))
    file = parsed(encrypted(mine))
    (stanza,) = own(file)
    assert stanza.args[0] == age_file.ssh_tag(recipient(mine).data)
    assert age_file.may_open(recipient(mine), stanza) is True
    assert age_file.may_open(recipient(other), stanza) is False
    assert age_file.may_open(recipient(KEY.public or ""), stanza) is False


def test_the_known_tag_of_an_ssh_key() -> None:
    key = recipient("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHR2B612Botcwj7K4qql8djl19MVmtBV2gZbbB7JsbBe")
    assert age_file.ssh_tag(key.data) == "HICrsQ"


def test_an_rsa_stanza_is_as_long_as_the_modulus() -> None:
    mine = recipient(ssh.generate_host_key("rsa").public)
    (stanza,) = own(parsed(encrypted(mine.key)))
    assert (stanza.type, len(stanza.body)) == ("ssh-rsa", 512)
    assert age_file.may_open(mine, stanza) is True
    assert age_file.may_open(mine, age_file.Stanza(stanza.type, stanza.args, stanza.body[:-1])) is False


@pytest.mark.peer("age")
@pytest.mark.peer("age-keygen")
def test_a_post_quantum_file_of_age(peer: Peer) -> None:
    text = subprocess.run([peer("age-keygen"), "-pq"], capture_output=True, text=True, check=True).stdout
    keys = age.identity_file(text)
    assert keys is not None
    public = keys.entries[0].identity.public or ""
    made = subprocess.run([peer("age"), "-a", "-r", public], input=b"hello", capture_output=True, check=True)
    file = parsed(made.stdout)
    assert [stanza.type for stanza in file.stanzas] == ["mlkem768x25519"]
    assert age_file.stanza_problem(file.stanzas[0]) is None
    assert file.plaintext_length == 5


@pytest.mark.peer("age")
@pytest.mark.parametrize("kind", ["tag", "tagpq"])
def test_a_tagged_file_of_age_names_its_recipient(peer: Peer, kind: str) -> None:
    mine, other = hardware(kind), hardware(kind)
    made = subprocess.run(
        [peer("age"), "-a", "-r", mine.key], input=b"hello", capture_output=True, check=True
    )
    (stanza,) = parsed(made.stdout).stanzas
    assert stanza.type == mine.stanza
    assert age_file.stanza_problem(stanza) is None
    assert age_file.may_open(mine, stanza) is True
    assert age_file.may_open(other, stanza) is False


def hardware(kind: str) -> age.Recipient:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    if kind == "tagpq":
        mlkem = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.mlkem", exc_type=ImportError)
        data = mlkem.MLKEM768PrivateKey.generate().public_key().public_bytes_raw()
        data += public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    else:
        data = public.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    return recipient(bech32.encode(f"age1{kind}", data))


def test_a_yubikey_stanza_names_its_key() -> None:
    from hashlib import sha256

    mine, other = hardware("yubikey"), hardware("yubikey")
    tag = base64.b64encode(sha256(mine.data).digest()[:4]).decode().rstrip("=")
    stanza = age_file.Stanza("piv-p256", (tag, base64.b64encode(mine.data).decode()), bytes(32))
    assert age_file.may_open(mine, stanza) is True
    assert age_file.may_open(other, stanza) is False


def test_what_an_unknown_plugin_writes_is_not_judged() -> None:
    stanza = age_file.Stanza("foo", (), b"")
    assert age_file.stanza_problem(stanza) is None
    assert age_file.may_open(recipient(bech32.encode("age1foo", b"x")), stanza) is None


@pytest.mark.parametrize(
    ("stanza", "problem"),
    [
        (age_file.Stanza("X25519", (), bytes(32)), "X25519 with 0 arguments instead of 1"),
        (age_file.Stanza("X25519", ("AAAA",), bytes(32)), "X25519 with an argument that is not 32 bytes"),
        (age_file.Stanza("X25519", ("A" * 43,), bytes(31)), "X25519 with a body of 31 bytes instead of 32"),
        (
            age_file.Stanza("X25519", ("A" * 42 + "B",), bytes(32)),
            "X25519 with an argument that is not 32 bytes",
        ),
    ],
)
def test_a_stanza_of_wrong_sizes_opens_nothing(stanza: age_file.Stanza, problem: str) -> None:
    assert age_file.stanza_problem(stanza) == problem


# Each takes the lines of an armored file.
CHANGES: dict[str, Callable[[list[str]], str]] = {
    "untouched": lambda lines: "\n".join(lines) + "\n",
    "no final newline": "\n".join,
    "carriage returns": lambda lines: "\r\n".join(lines) + "\r\n",
    "white space around": lambda lines: " \n\t\n" + "\n".join(lines) + "\n \n\n",
    "much white space before": lambda lines: "\n" * 1024 + "\n".join(lines),
    "too much white space before": lambda lines: "\n" * 1025 + "\n".join(lines),
    "much white space after": lambda lines: "\n".join(lines) + "\n" * 1024,
    "too much white space after": lambda lines: "\n".join(lines) + "\n" * 1025,
    "indented header": lambda lines: " " + "\n".join(lines),
    "trailing space": lambda lines: "\n".join([lines[0], lines[1] + " ", *lines[2:]]),
    "empty line inside": lambda lines: "\n".join([*lines[:2], "", *lines[2:]]),
    "two lines joined": lambda lines: "\n".join([lines[0], lines[1] + lines[2], *lines[3:]]),
    "short line inside": lambda lines: "\n".join(
        [lines[0], lines[1][:60], lines[1][60:] + lines[2], *lines[3:]]
    ),
    "no footer": lambda lines: "\n".join(lines[:-1]),
    "no header": lambda lines: "\n".join(lines[1:]),
    "another footer": lambda lines: "\n".join([*lines[:-1], lines[-1].replace("END", "DNE")]),
    "text after": lambda lines: "\n".join([*lines, "hello"]),
    "text before": lambda lines: "\n".join(["hello", *lines]),
    "wrong padding": lambda lines: "\n".join([*lines[:-2], lines[-2].rstrip("=") + "=", lines[-1]]),
    "header only": lambda lines: lines[0],
    "header and footer": lambda lines: "\n".join([lines[0], lines[-1]]),
    "line missing": lambda lines: "\n".join([*lines[:2], *lines[3:]]),
    "cut off": lambda lines: "\n".join([*lines[:3], lines[-1]]),
}


@pytest.mark.peer("age")
@pytest.mark.parametrize("change", CHANGES)
def test_the_armor_is_judged_as_age_judges_it(peer: Peer, tmp_path: Path, change: str) -> None:
    lines = encrypted(plaintext=b"y" * 31).decode().strip().split("\n")
    text = CHANGES[change](lines)
    keys = tmp_path / "keys.txt"
    keys.write_text(f"{KEY.secret}\n")
    opened = subprocess.run(
        [peer("age"), "-d", "-i", keys], input=text.encode(), capture_output=True, check=False
    )
    found = age_file.parse_armored(text)
    accepted = isinstance(found, age_file.AgeFile)
    assert accepted == (opened.returncode == 0) or change == "line missing"  # which no key-less reader sees


HEADER = b"age-encryption.org/v1\n"
STANZA = b"-> X25519 " + b"A" * 43 + b"\n" + b"A" * 43 + b"\n"
SCRYPT = b"-> scrypt AAAA 18\n\n"
MAC = b"--- " + b"A" * 43 + b"\n"
PAYLOAD = bytes(64)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"age-encryption.org/v2\n", "another version of the format"),
        (HEADER, "a stanza does not start with '-> '"),
        (HEADER + MAC + PAYLOAD, "no stanza: nobody can open it"),
        (HEADER + b"->X25519\n\n" + MAC + PAYLOAD, "a stanza does not start with '-> '"),
        (HEADER + b"-> X25519  A\n\n" + MAC + PAYLOAD, "the first line of a stanza is malformed"),
        (HEADER + b"-> X\xc3\xa4\n\n" + MAC + PAYLOAD, "the first line of a stanza is malformed"),
        (HEADER + b"-> X\n" + b"A" * 64 + b"\n" + MAC + PAYLOAD, "the body of a stanza is malformed"),
        (HEADER + b"-> X\n" + b"A" * 68 + b"\n\n" + MAC + PAYLOAD, "the body of a stanza is malformed"),
        (HEADER + b"-> X\nAAAA==\n" + MAC + PAYLOAD, "the body of a stanza is malformed"),
        (HEADER + STANZA + b"---\n" + PAYLOAD, "the line of the header MAC is malformed"),
        (HEADER + STANZA + b"--- AAAA\n" + PAYLOAD, "the line of the header MAC is malformed"),
        (HEADER + STANZA + MAC + bytes(31), "the payload is cut off"),
        (HEADER + STANZA + MAC + bytes(16 + 65552 + 16), "the payload is cut off"),
        (HEADER + STANZA + SCRYPT + MAC + PAYLOAD, "a passphrase beside other recipients, which age refuses"),
    ],
)  # fmt: skip
def test_a_malformed_file_says_why(data: bytes, reason: str) -> None:
    assert age_file.parse(data) == Problem("age-file", reason)


def test_a_handmade_file_is_read() -> None:
    file = age_file.parse(HEADER + STANZA + b"-> X\n" + b"A" * 64 + b"\n\n" + MAC + PAYLOAD)
    assert isinstance(file, age_file.AgeFile)
    assert [(stanza.type, len(stanza.body)) for stanza in file.stanzas] == [("X25519", 32), ("X", 48)]


@pytest.mark.parametrize("data", [b"", b"hello", b"-----BEGIN PGP MESSAGE-----", b"\xff" * 100])
def test_what_does_not_start_as_an_age_file_is_none(data: bytes) -> None:
    assert age_file.parse(data) is None


@given(st.binary())
def test_any_bytes_get_an_answer(data: bytes) -> None:
    for candidate in (data, HEADER + data, HEADER + STANZA + data, HEADER + STANZA + MAC + data):
        assert isinstance(age_file.parse(candidate), age_file.AgeFile | Problem | None)
        armored = b"-----BEGIN AGE ENCRYPTED FILE-----\n" + base64.encodebytes(candidate)
        assert isinstance(age_file.parse_armored(armored), Problem)
        assert isinstance(age_file.parse_armored(data.decode("utf-8", "surrogateescape")), Problem)
