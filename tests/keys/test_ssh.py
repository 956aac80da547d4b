"""Private and public SSH keys, held against ssh-keygen."""

import base64
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization as ser
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa, x25519
from hypothesis import given, settings
from hypothesis import strategies as st

from sopsguard.keys import Problem, ssh
from tests.conftest import Peer

KINDS = {"ed25519": ("ed25519",), "ecdsa": ("ecdsa", "-b", "384"), "rsa": ("rsa", "-b", "2048")}
RSA = rsa.generate_private_key(65537, 2048)
ED25519 = ed25519.Ed25519PrivateKey.generate()


def private(candidate: str | bytes) -> ssh.PrivateKey:
    found = ssh.private_key(candidate)
    assert isinstance(found, ssh.PrivateKey)
    return found


def public(line: str) -> ssh.PublicKey:
    found = ssh.public_key(line)
    assert isinstance(found, ssh.PublicKey)
    return found


def dump(
    key: Any, form: ser.PrivateFormat, passphrase: bytes = b"", encoding: ser.Encoding = ser.Encoding.PEM
) -> bytes:
    how = ser.BestAvailableEncryption(passphrase) if passphrase else ser.NoEncryption()
    return bytes(key.private_bytes(encoding, form, how))


def body(pem: str) -> str:
    return "".join(line for line in pem.splitlines() if "-----" not in line and ":" not in line)


@pytest.mark.peer("ssh-keygen")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("passphrase", ["", "correct horse"])
def test_a_key_of_ssh_keygen_gives_its_public_half(
    peer: Peer, tmp_path: Path, kind: str, passphrase: str
) -> None:
    keygen, file = peer("ssh-keygen"), tmp_path / "key"
    made: list[str | Path] = [keygen, "-q", "-t", *KINDS[kind], "-N", passphrase, "-C", "me@host", "-f", file]
    subprocess.run(made, check=True)
    line = file.with_suffix(".pub").read_text()
    shown = subprocess.run([keygen, "-lf", file], capture_output=True, text=True, check=True).stdout.split()

    key = public(line)
    assert (key.comment, key.fingerprint, str(key.bits)) == ("me@host", shown[1], shown[0])
    assert f"{key.line} me@host\n" == line

    openssh = private(file.read_text())
    assert (openssh.format, openssh.kind, openssh.encrypted) == ("openssh", key.kind, bool(passphrase))
    assert openssh.public is not None
    assert openssh.public.line == key.line
    assert openssh.proved is not bool(passphrase)

    for form in ("PKCS8", "PEM") if kind != "ed25519" else ():
        again = (keygen, "-q", "-p", "-P", passphrase, "-N", passphrase, "-m", form, "-f", file)
        subprocess.run(again, check=True, capture_output=True)
        found = private(file.read_text())
        assert found.encrypted is bool(passphrase)
        assert found.format == {"PKCS8": "pkcs8", "PEM": {"rsa": "pkcs1", "ecdsa": "sec1"}[kind]}[form]
        assert (found.public.line if found.public else None) == (None if passphrase else key.line)
        assert found.spki == (None if passphrase else openssh.spki)


@pytest.mark.peer("ssh-keygen")
@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_ssh_keygen_reads_a_generated_host_key(peer: Peer, tmp_path: Path, kind: Any) -> None:
    pair = ssh.generate_host_key(kind, "root@host")
    file = tmp_path / "key"
    file.write_text(pair.private)
    file.chmod(0o600)
    shown = subprocess.run(
        [peer("ssh-keygen"), "-yf", file], capture_output=True, text=True, check=True
    ).stdout
    assert shown.split()[:2] == pair.public.split()[:2]
    assert pair.public.endswith(" root@host")
    assert pair.private not in repr(pair)


FORMS: dict[str, tuple[Any, ser.PrivateFormat, str]] = {
    "pkcs8 rsa": (RSA, ser.PrivateFormat.PKCS8, "pkcs8"),
    "pkcs1 rsa": (RSA, ser.PrivateFormat.TraditionalOpenSSL, "pkcs1"),
    "openssh rsa": (RSA, ser.PrivateFormat.OpenSSH, "openssh"),
    "pkcs8 ed25519": (ED25519, ser.PrivateFormat.PKCS8, "pkcs8"),
    "openssh ed25519": (ED25519, ser.PrivateFormat.OpenSSH, "openssh"),
    "sec1 p256": (ec.generate_private_key(ec.SECP256R1()), ser.PrivateFormat.TraditionalOpenSSL, "sec1"),
    "sec1 p521": (ec.generate_private_key(ec.SECP521R1()), ser.PrivateFormat.TraditionalOpenSSL, "sec1"),
    "dsa": (dsa.generate_private_key(2048), ser.PrivateFormat.TraditionalOpenSSL, "dsa"),
}


@pytest.mark.parametrize("name", FORMS)
def test_a_key_is_found_in_every_dress(name: str) -> None:
    key, form, expected = FORMS[name]
    pem = dump(key, form).decode()
    plain = private(pem)
    assert (plain.format, plain.encrypted, plain.proved) == (expected, False, True)
    assert plain.public is not None
    wanted = key.public_key().public_bytes(ser.Encoding.DER, ser.PublicFormat.SubjectPublicKeyInfo)
    from hashlib import sha256

    assert plain.spki == sha256(wanted).hexdigest()
    assert private(pem.encode()) == plain
    assert private("key: |\n    " + pem.replace("\n", "\n    ") + "\nother: value\n") == plain
    assert private('{"key": "' + pem.replace("\n", "\\n") + '"}') == plain
    assert private('{"key": "' + pem.replace("\n", "\\\\r\\\\n") + '"}') == plain
    assert private(pem.replace("\n", "\r\n")) == plain
    assert private(body(pem)) == plain
    assert private(pem.rsplit("-----END", 1)[0]) == plain
    assert private(base64.b64decode(body(pem))) == plain


@pytest.mark.parametrize("name", ["pkcs8 rsa", "pkcs1 rsa", "sec1 p256"])
def test_an_encrypted_key_is_told_apart_without_its_passphrase(name: str) -> None:
    key, form, expected = FORMS[name]
    found = private(dump(key, form, b"secret"))
    assert (found.format, found.encrypted, found.proved) == (expected, True, False)
    assert found.public is None


@pytest.mark.parametrize(
    ("key", "kind"),
    [(x25519.X25519PrivateKey.generate(), "x25519"), (ed448.Ed448PrivateKey.generate(), "ed448")],
)
def test_a_key_that_ssh_does_not_know_has_the_fingerprint_of_its_spki(key: Any, kind: str) -> None:
    found = private(dump(key, ser.PrivateFormat.PKCS8))
    assert (found.kind, found.public, found.proved) == (kind, None, True)
    assert len(found.spki or "") == 64


@pytest.mark.parametrize("passphrase", [b"", b"secret"])
def test_a_pkcs12_container_is_recognised(passphrase: bytes) -> None:
    from cryptography.hazmat.primitives.serialization import pkcs12

    how = ser.BestAvailableEncryption(passphrase) if passphrase else ser.NoEncryption()
    data = pkcs12.serialize_key_and_certificates(b"name", RSA, None, None, how)
    found = private(data)
    assert (found.format, found.encrypted) == ("pkcs12", bool(passphrase))
    assert private(base64.b64encode(data)) == found


def openssh(kind: str, wire: bytes, fields: bytes, comment: bytes = b"c") -> bytes:
    """An unencrypted openssh-key-v1 of any content."""
    inner = b"\1\2\3\4" * 2 + string(kind.encode()) + fields + string(comment)
    inner += bytes(range(1, -len(inner) % 8 + 1))
    head = string(b"none") * 2 + string(b"") + (1).to_bytes(4, "big")
    return b"openssh-key-v1\0" + head + string(wire) + string(inner)


def string(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def test_a_handle_to_a_security_key_is_no_secret() -> None:
    kind, point = "sk-ssh-ed25519@openssh.com", ED25519.public_key().public_bytes_raw()
    half = string(point) + string(b"ssh:")
    fields = half + b"\1" + string(b"handle") + string(b"")
    found = private(openssh(kind, string(kind.encode()) + half, fields))
    assert (found.hardware, found.encrypted, found.proved) == (True, False, False)
    assert found.public is not None
    assert found.public.kind == kind


def test_a_private_part_of_another_key_is_a_problem() -> None:
    mine, other = ED25519, ed25519.Ed25519PrivateKey.generate()
    kind = b"ssh-ed25519"
    wire = string(kind) + string(other.public_key().public_bytes_raw())
    for claimed in (mine, other):
        point = claimed.public_key().public_bytes_raw()
        fields = string(point) + string(mine.private_bytes_raw() + point)
        found = ssh.private_key(openssh("ssh-ed25519", wire, fields))
        assert found == Problem("private-key", "the private part belongs to another public key")


@pytest.mark.parametrize(
    "at",
    ["-----BEGIN OPENSSH PRIVATE KEY-----", "-----BEGIN RSA PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----"],
)
@pytest.mark.parametrize("text", ["", "\n...\n-----END", "\nAAAA\n-----END", "\n" + "A" * 1000])
def test_a_header_without_a_key_is_a_problem(at: str, text: str) -> None:
    assert isinstance(ssh.private_key(at + text), Problem)


@pytest.mark.parametrize("name", FORMS)
def test_a_key_that_is_cut_off_is_a_problem(name: str) -> None:
    key, form, _ = FORMS[name]
    pem = dump(key, form).decode()
    assert isinstance(ssh.private_key(pem[: len(pem) // 2]), Problem)


def test_rsa_numbers_that_do_not_belong_together_are_a_problem() -> None:
    der = bytearray(dump(RSA, ser.PrivateFormat.TraditionalOpenSSL, encoding=ser.Encoding.DER))
    secret = RSA.private_numbers().d.to_bytes(256, "big").lstrip(b"\0")
    der[der.index(secret) + len(secret) - 1] ^= 2
    assert ssh.private_key(bytes(der)) == Problem(
        "private-key", "the numbers of the key do not belong together"
    )


def test_a_public_key_in_pem_or_der_is_no_private_key() -> None:
    for encoding in (ser.Encoding.PEM, ser.Encoding.DER):
        data = RSA.public_key().public_bytes(encoding, ser.PublicFormat.SubjectPublicKeyInfo)
        assert ssh.private_key(data) is None
        assert ssh.private_key(base64.b64encode(data)) is None


def putty(key: Any, encryption: str = "none") -> str:
    """A PuTTY key of version 3, as the manual describes it."""
    line = public(key.public_key().public_bytes(ser.Encoding.OpenSSH, ser.PublicFormat.OpenSSH).decode())
    if isinstance(key, ed25519.Ed25519PrivateKey):
        secret = string(key.private_bytes_raw())
    elif isinstance(key, rsa.RSAPrivateKey):
        numbers = key.private_numbers()
        parts = (numbers.d, numbers.p, numbers.q, numbers.iqmp)
        secret = b"".join(string(part.to_bytes(part.bit_length() // 8 + 1, "big")) for part in parts)
    else:
        scalar = key.private_numbers().private_value
        secret = string(scalar.to_bytes(scalar.bit_length() // 8 + 1, "big"))
    blocks = []
    for name, data in (("Public", line.wire), ("Private", secret)):
        rows = base64.encodebytes(data).decode().replace("\n", "")
        rows = "\n".join(rows[at : at + 64] for at in range(0, len(rows), 64))
        blocks.append(f"{name}-Lines: {rows.count(chr(10)) + 1}\n{rows}\n")
    head = f"PuTTY-User-Key-File-3: {line.kind}\nEncryption: {encryption}\nComment: a: comment\n"
    return head + "".join(blocks) + "Private-MAC: " + "0" * 64 + "\n"


@pytest.mark.parametrize(
    "key", [ED25519, RSA, ec.generate_private_key(ec.SECP256R1())], ids=["ed25519", "rsa", "ecdsa"]
)
def test_a_putty_key_gives_its_public_half(key: Any) -> None:
    line = key.public_key().public_bytes(ser.Encoding.OpenSSH, ser.PublicFormat.OpenSSH).decode()
    found = private(putty(key))
    assert (found.format, found.encrypted, found.proved) == ("putty", False, True)
    assert found.public is not None
    assert found.public.line == line
    locked = private(putty(key, "aes256-cbc"))
    assert (locked.encrypted, locked.public, locked.proved) == (True, found.public, False)
    assert isinstance(
        ssh.private_key(putty(key).replace("Private-Lines: 1", "Private-Lines: 0")[:300]), Problem
    )


def test_no_secret_in_any_repr() -> None:
    found = private(dump(ED25519, ser.PrivateFormat.OpenSSH))
    assert found.seed == ED25519.private_bytes_raw()
    assert repr(found.seed) not in repr(found)


LINE = ED25519.public_key().public_bytes(ser.Encoding.OpenSSH, ser.PublicFormat.OpenSSH).decode()


@pytest.mark.parametrize(
    ("line", "options", "comment"),
    [
        (LINE, "", ""),
        (f"  {LINE}  me@host \n", "", "me@host"),
        (LINE.replace(" ", "\t") + "\ta b", "", "a b"),
        (f"no-pty {LINE} me", "no-pty", "me"),
        (f'command="echo \\"hi there\\"",no-pty {LINE} me', 'command="echo \\"hi there\\"",no-pty', "me"),
        (f"cert-authority {LINE}", "cert-authority", ""),
    ],
)
def test_a_public_key_line_has_options_and_a_comment(line: str, options: str, comment: str) -> None:
    found = public(line)
    assert (found.options, found.comment, found.line) == (options, comment, LINE)


@pytest.mark.parametrize(
    "line", ["", "# comment", "hello world", 'x="', LINE.split()[1], "ssh-ed25519", "a " * 50]
)
def test_a_line_without_a_key_is_none(line: str) -> None:
    assert ssh.public_key(line) is None


def test_a_type_of_a_later_time_is_kept() -> None:
    wire = string(b"ssh-new@example.org") + b"anything"
    found = public(f"ssh-new@example.org {base64.b64encode(wire).decode()} me")
    assert (found.kind, found.bits, found.comment) == ("ssh-new@example.org", None, "me")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (LINE.replace("ssh-ed25519 ", "ssh-rsa "), "the key is of another type than its line says"),
        (LINE[:-4], "cut off"),
        (LINE[:-1], "not base64"),
        (LINE + "AAAA", "something follows the key"),
        ("ssh-ed25519 " + base64.b64encode(string(b"ssh-ed25519") + string(b"x" * 31)).decode(),
         "an Ed25519 key that is not 32 bytes"),
        ("ssh-rsa " + base64.b64encode(string(b"ssh-rsa") + string(b"\1") + string(b"\7")).decode(),
         "not an RSA key"),
        ("ecdsa-sha2-nistp256 " + base64.b64encode(
            string(b"ecdsa-sha2-nistp256") + string(b"nistp256") + string(b"\4" * 64)).decode(),
         "not a point of the curve"),
    ],
)  # fmt: skip
def test_a_wrong_public_key_says_why(line: str, reason: str) -> None:
    assert ssh.public_key(line) == Problem("ssh-public-key", reason)


@pytest.mark.parametrize(
    ("line", "marker", "hosts"),
    [
        (f"host,10.0.0.1 {LINE}", "", ("host", "10.0.0.1")),
        (f"|1|c2FsdA==|aGFzaA== {LINE} me", "", ("|1|c2FsdA==|aGFzaA==",)),
        (f"@cert-authority *.example.org {LINE}", "@cert-authority", ("*.example.org",)),
    ],
)
def test_a_known_hosts_line_names_its_hosts(line: str, marker: str, hosts: tuple[str, ...]) -> None:
    found = ssh.known_host(line)
    assert isinstance(found, ssh.KnownHost)
    assert (found.marker, found.hosts, found.key.line) == (marker, hosts, LINE)


@pytest.mark.parametrize("line", ["", "# host", "@revoked", "host", f"{LINE} me", "host ssh-rsa"])
def test_a_line_without_a_known_host_is_none(line: str) -> None:
    assert ssh.known_host(line) is None


@settings(max_examples=200)
@given(st.sampled_from(sorted(FORMS)), st.data())
def test_a_changed_key_is_never_proved_to_be_another(name: str, draw: st.DataObject) -> None:
    key, form, _ = FORMS[name]
    der = bytearray(base64.b64decode(body(dump(key, form).decode())))
    expected = private(bytes(der))
    for _ in range(draw.draw(st.integers(1, 3))):
        der[draw.draw(st.integers(0, len(der) - 1))] = draw.draw(st.integers(0, 255))
    found = ssh.private_key(bytes(der))
    if isinstance(found, ssh.PrivateKey) and found.proved and form is not ser.PrivateFormat.PKCS8:
        # Its optional parts (a comment, the public half of SEC 1) may have changed, the key has not.
        assert found.public == expected.public


@given(st.binary())
def test_any_bytes_get_an_answer(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    encoded = base64.b64encode(data).decode()
    for start in (
        "",
        "-----BEGIN PRIVATE KEY-----",
        "-----BEGIN OPENSSH PRIVATE KEY-----\n",
        "PuTTY-User-Key-File-2: ",
    ):
        assert isinstance(ssh.private_key(start + text), ssh.PrivateKey | Problem | None)
        assert isinstance(ssh.private_key(start + encoded), ssh.PrivateKey | Problem | None)
    for start in ("", "ssh-rsa ", "a ssh-ed25519 "):
        assert not isinstance(ssh.public_key(start + text), ssh.PublicKey)
        assert not isinstance(ssh.known_host(start + text), ssh.KnownHost)
    for magic in (b"", b"openssh-key-v1\0", b"\x30\x82", b"\x30\x2e\2\1\0"):
        assert isinstance(ssh.private_key(magic + data), ssh.PrivateKey | Problem | None)
