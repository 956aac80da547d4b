"""Identities and recipients, held against age-keygen, age and ssh-to-age."""

import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from sopsguard.keys import Problem, age, bech32, ssh
from tests.conftest import Peer

# age's own example of sops-format.md 13.3: a public key, no secret.
SSH = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHR2B612Botcwj7K4qql8djl19MVmtBV2gZbbB7JsbBe"
CONVERTED = "age1trvyk6nehxqp859pdumh65mzr3l467m5h24fpjeqsnunz9vk5y2quknrah"


def run(*command: str | Path, stdin: str = "") -> str:
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=True).stdout


def proved(text: str) -> age.Identity:
    found = age.identity(text)
    assert isinstance(found, age.Identity)
    return found


def accepted(text: str) -> age.Recipient:
    found = age.recipient(text)
    assert isinstance(found, age.Recipient)
    return found


@pytest.mark.peer("age-keygen")
@pytest.mark.parametrize(("option", "kind"), [((), "x25519"), (("-pq",), "pq")])
def test_the_file_of_age_keygen_gives_the_recipient_that_it_claims(
    peer: Peer, option: tuple[str, ...], kind: str
) -> None:
    text = run(peer("age-keygen"), *option)
    found = age.identity_file(text)
    assert found is not None
    assert found.problems == ()
    (entry,) = found.entries
    assert entry.line == 3
    assert entry.identity.kind == kind
    assert entry.identity.public == entry.claimed
    assert accepted(entry.claimed or "").kind == kind


@pytest.mark.peer("age-keygen")
def test_age_keygen_derives_the_same_recipient_from_a_generated_identity(peer: Peer, tmp_path: Path) -> None:
    key = age.generate_identity()
    file = tmp_path / "keys.txt"
    file.write_text(age.write_identity_file(key, "2026-01-01T00:00:00Z"))
    assert file.stat().st_size == 184  # 189 with a zone other than Z
    assert run(peer("age-keygen"), "-y", file).strip() == key.public


@given(st.binary(min_size=32, max_size=32))
def test_an_identity_survives_being_written(secret: bytes) -> None:
    key = proved(bech32.encode("AGE-SECRET-KEY-", secret))
    assert key.data == secret
    assert key.canonical
    assert key.public == bech32.encode(
        "age", X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()
    )


def test_a_lower_cased_identity_is_still_proved() -> None:
    key = age.generate_identity()
    lowered = proved(key.secret.lower())
    assert (lowered.public, lowered.canonical) == (key.public, False)


def test_an_identity_with_a_wrong_character_fails_its_checksum() -> None:
    text = age.generate_identity().secret
    wrong = text[:-1] + ("Q" if text[-1] != "Q" else "P")
    assert age.identity(wrong) == Problem("age-identity", "the checksum is wrong")
    assert age.identity(text[:-1]) == Problem("age-identity", "the checksum is wrong")


@pytest.mark.parametrize("text", ["", "hello", "age1qqqq", "AGE", "AGE-SECRET", "ssh-ed25519 AAAA", "\ud800"])
def test_what_is_no_identity_is_none(text: str) -> None:
    assert age.identity(text) is None


@pytest.mark.parametrize(
    "text", ["AGE-SECRET-KEY-1...", "AGE-SECRET-KEY-1…", "AGE-SECRET-KEY-1", "AGE-PLUGIN-X-1"]
)
def test_a_placeholder_is_a_problem_not_an_identity(text: str) -> None:
    assert isinstance(age.identity(text), Problem)


def test_an_identity_of_another_length_is_a_problem() -> None:
    assert age.identity(bech32.encode("AGE-SECRET-KEY-", bytes(31))) == Problem(
        "age-identity", "31 bytes instead of 32"
    )


def test_a_plugin_identity_keeps_its_name() -> None:
    key = proved(bech32.encode("AGE-PLUGIN-YUBIKEY-", b"\1\2\3\4\x82tag!"))
    assert (key.kind, key.plugin, key.public) == ("plugin", "yubikey", None)
    assert isinstance(age.identity(bech32.encode("AGE-PLUGIN--", b"x")), Problem)
    assert isinstance(age.identity(bech32.encode("AGE-PLUGIN-A/B-", b"x")), Problem)


def test_an_identity_of_a_later_kind_is_kept() -> None:
    assert proved(bech32.encode("AGE-SECRET-KEY-XX-", bytes(40))).kind == "unknown"


def test_no_secret_in_any_repr() -> None:
    key = age.generate_identity()
    file = age.identity_file(age.write_identity_file(key, "2026-01-01T00:00:00Z"))
    for shown in (repr(key), repr(file), str(file)):
        assert key.secret not in shown
        assert key.secret.lower() not in shown
        assert repr(key.data) not in shown


def test_an_identity_file_names_the_line_that_age_would_refuse() -> None:
    one, two = age.generate_identity(), age.generate_identity()
    text = f"# a comment\r\n{one.secret}\r\n\n {two.secret}\nhello\n"
    found = age.identity_file(text)
    assert found is not None
    assert [entry.identity.public for entry in found.entries] == [one.public, two.public]
    assert [line for line, _ in found.problems] == [4, 5]
    assert age.identity_file("# only comments\n\nhello: world\n") is None


def test_a_recipient_keeps_its_kind_and_the_stanza_that_age_writes_for_it() -> None:
    key = accepted(f" {age.generate_identity().public}\n")
    assert (key.kind, key.stanza, key.plugin) == ("x25519", "X25519", None)
    assert accepted(bech32.encode("age1foo", b"whatever")).plugin == "foo"
    assert accepted(f"{SSH} me@host").key == SSH
    assert accepted(SSH).stanza == "ssh-ed25519"


def test_a_hardware_recipient_must_be_a_point() -> None:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    point = public.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    for name, kind, stanza in (("yubikey", "plugin", "piv-p256"), ("tag", "tag", "p256tag")):
        key = accepted(bech32.encode(f"age1{name}", point))
        assert (key.kind, key.plugin, key.stanza, key.point) == (kind, name, stanza, point)
        assert isinstance(age.recipient(bech32.encode(f"age1{name}", point[:-1])), Problem)
        assert isinstance(age.recipient(bech32.encode(f"age1{name}", b"\4" + point[1:])), Problem)
        assert isinstance(age.recipient(bech32.encode(f"age1{name}", b"\2" + b"\xff" * 32)), Problem)


def test_a_tagged_post_quantum_recipient_must_be_both_keys() -> None:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    mlkem = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.mlkem", exc_type=ImportError)
    lattice = mlkem.MLKEM768PrivateKey.generate().public_key().public_bytes_raw()
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    point = public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    key = accepted(bech32.encode("age1tagpq", lattice + point))
    assert (key.kind, key.point, key.stanza) == ("tagpq", point, "mlkem768p256tag")
    wrong = point[:-1] + bytes([point[-1] ^ 1])
    assert isinstance(age.recipient(bech32.encode("age1tagpq", lattice + wrong)), Problem)
    assert isinstance(age.recipient(bech32.encode("age1tagpq", b"\xff" * 1184 + point)), Problem)


@pytest.mark.parametrize("text", ["", "age", "agent1", "AGE-SECRET-KEY-1QQ", "hello", "FINGERPRINT"])
def test_what_is_no_recipient_is_none(text: str) -> None:
    assert age.recipient(text) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (CONVERTED.upper(), "age reads no recipient in upper case"),
        (CONVERTED[:-1] + "H", "upper and lower case mixed"),
        (CONVERTED[:-1] + "q", "the checksum is wrong"),
        (bech32.encode("age", bytes(31)), "31 bytes instead of 32"),
        (bech32.encode("age", bytes(32)), "a point of small order, which has no owner"),
        (bech32.encode("age1pq", b"\xff" * 1216), "not a post-quantum key"),
        (bech32.encode("age1a/b", b""), "the name of the plugin is not valid"),
    ],
)
def test_a_wrong_recipient_says_why(text: str, reason: str) -> None:
    assert age.recipient(text) == Problem("age-recipient", reason)


def test_the_points_of_small_order_are_those_that_x25519_refuses() -> None:
    scalar = X25519PrivateKey.generate()
    for u in age._SMALL_ORDER:
        with pytest.raises(ValueError, match="shared key"):
            scalar.exchange(X25519PublicKey.from_public_bytes(u.to_bytes(32, "little")))


def test_age_encrypts_only_to_two_kinds_of_ssh_key() -> None:
    ecdsa = ssh.generate_host_key("ecdsa").public
    assert age.recipient(ecdsa) == Problem("ssh-public-key", "age cannot encrypt to ecdsa-sha2-nistp256")


def test_the_known_conversion_of_a_public_key() -> None:
    assert age.from_ssh_public(SSH + " comment") == CONVERTED


def test_both_halves_of_an_ssh_key_convert_to_one_pair() -> None:
    pair = ssh.generate_host_key("ed25519")
    private = ssh.private_key(pair.private)
    assert isinstance(private, ssh.PrivateKey)
    converted = age.from_ssh_private(private)
    assert isinstance(converted, age.Identity)
    assert converted.public == age.from_ssh_public(pair.public)


@pytest.mark.peer("ssh-to-age")
def test_ssh_to_age_converts_the_same(peer: Peer, tmp_path: Path) -> None:
    pair = ssh.generate_host_key("ed25519", "root@host")
    key = ssh.private_key(pair.private)
    assert isinstance(key, ssh.PrivateKey)
    converted = age.from_ssh_private(key)
    assert isinstance(converted, age.Identity)
    file = tmp_path / "key"
    file.write_text(pair.private)
    assert run(peer("ssh-to-age"), "-private-key", "-i", file).strip() == converted.secret
    assert run(peer("ssh-to-age"), stdin=pair.public).strip() == converted.public


@pytest.mark.parametrize(
    ("y", "reason"),
    [
        (1, "not a point of the curve"),  # the neutral element: it has no u
        (2, "not a point of the curve"),
        (2**255 - 20, "a point of small order, which has no owner"),
    ],
)
def test_a_key_that_is_no_usable_point_is_not_converted(y: int, reason: str) -> None:
    wire = b"\0\0\0\x0bssh-ed25519\0\0\0 " + y.to_bytes(32, "little")
    line = ssh.PublicKey("ssh-ed25519", wire, 256).line
    assert age.from_ssh_public(line) == Problem("ssh-public-key", reason)


def test_only_ed25519_is_converted() -> None:
    pair = ssh.generate_host_key("ecdsa")
    private = ssh.private_key(pair.private)
    assert isinstance(private, ssh.PrivateKey)
    assert age.from_ssh_private(private) == Problem("ssh-private-key", "only ssh-ed25519 can be converted")
    assert isinstance(age.from_ssh_public(pair.public), Problem)
    assert age.from_ssh_public("hello") is None


@given(st.text())
def test_any_text_gets_an_answer(text: str) -> None:
    for candidate in (text, "AGE-SECRET-KEY-1" + text, "age1" + text, "ssh-ed25519 " + text):
        assert not isinstance(age.identity(candidate), age.Identity)
        assert not isinstance(age.recipient(candidate), age.Recipient)
        assert not isinstance(age.from_ssh_public(candidate), str)
        age.identity_file(candidate)


@given(st.binary(min_size=32, max_size=32))
def test_every_ed25519_key_converts_to_a_recipient_that_age_accepts(seed: bytes) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    line = ssh.PublicKey("ssh-ed25519", b"\0\0\0\x0bssh-ed25519\0\0\0 " + public, 256).line
    converted = age.from_ssh_public(line)
    assert isinstance(converted, str)
    assert accepted(converted).kind == "x25519"
