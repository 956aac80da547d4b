"""Single values, Shamir's shares and wrapped keys, against known vectors and themselves."""

import base64
import re
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sopsguard.document import Time, Value
from sopsguard.sops.cipher import CannotDecrypt, Cipher, CrashesSops
from sopsguard.sops.envelope import parse
from sopsguard.sops.identity import Identities, Identity, Source, gather, sources, unwrap
from sopsguard.sops.identity import parse as parse_identities
from sopsguard.sops.shamir import CannotCombine, combine, split
from sopsguard.sops.wrapping import CannotWrap, wrap
from tests.conftest import Peer
from tests.sops.made import IDENTITIES, OTHERS, RECIPIENT

KEY, IV = bytes(range(32)), bytes(range(32, 64))
CIPHER = Cipher(KEY)


@pytest.mark.parametrize(
    ("value", "aad", "data", "tag", "kind"),
    [
        ("hello", "a:b:", "f6SdJOI=", "TEFu+ejkdT0ijPtelDWwfg==", "str"),
        (True, "l:", "Q7OELQ==", "GQc7BEMtfqJc7yNmuaTgRQ==", "bool"),
        (" c", ":", "N6I=", "Hex67WQX+1JM9G2RHNP62A==", "comment"),
        (1e21, "f:", "JvHBeL0/5hP2YVZH1rBRz7ehh5Rbxw==", "q+CH+AjRpZQsDxvU9rHvdA==", "float"),
    ],
)
def test_values_are_encrypted_as_sops_encrypts_them(
    value: Value, aad: str, data: str, tag: str, kind: str
) -> None:
    text = CIPHER.encrypt(value, aad, comment=kind == "comment", iv=IV)
    iv = base64.b64encode(IV).decode()
    assert text == f"ENC[AES256_GCM,data:{data},iv:{iv},tag:{tag},type:{kind}]"
    plain = CIPHER.decrypt(text, aad)
    assert (plain.value, plain.comment) == (value, kind == "comment")


typed = (
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.binary(min_size=1).map(lambda raw: raw.decode("utf-8", "surrogateescape"))
    | st.just(Time("2024-01-02T03:04:05.6+01:00"))
)


@given(typed, st.text(st.characters(exclude_categories=["Cs"]), max_size=8))
def test_a_value_comes_back_with_its_type_and_nowhere_else(value: Value, aad: str) -> None:
    text = CIPHER.encrypt(value, aad)
    plain = CIPHER.decrypt(text, aad)
    assert plain.value == value
    assert type(plain.value) is type(value)
    envelope = parse(text)
    assert envelope is not None
    assert envelope.exact
    assert envelope.decodes
    with pytest.raises(CannotDecrypt):
        CIPHER.decrypt(text, aad + ":")


def test_empty_texts_stay_empty_and_null_is_refused() -> None:
    assert CIPHER.encrypt("", "a:") == ""
    assert CIPHER.decrypt("", "a:").value == ""
    with pytest.raises(ValueError):
        CIPHER.encrypt(None, "a:")


def test_two_encryptions_of_a_value_share_no_nonce() -> None:
    assert len({CIPHER.encrypt("x", "a:") for _ in range(100)}) == 100


@pytest.mark.parametrize(
    ("change", "with_", "refused"),
    [("type:str", "type:int", True), ("type:str", "type:time", True), ("type:str]", "type:str] more", False),
     ("type:str", "type:comment", False), ("type:str", "type:x", True), ("data:", "data:A", True),
     ("ENC[", " ENC[", True), ("AES256_GCM", "AES128", True), ("tag:", "tag:=", True)],
)  # fmt: skip
def test_an_envelope_is_read_as_sops_reads_it(change: str, with_: str, refused: bool) -> None:
    text = CIPHER.encrypt("hello", "a:").replace(change, with_)
    if refused:
        with pytest.raises(CannotDecrypt):
            CIPHER.decrypt(text, "a:")
    else:
        assert CIPHER.decrypt(text, "a:").value == "hello"


def test_a_type_that_crashes_sops_is_told_apart() -> None:
    with pytest.raises(CrashesSops):
        CIPHER.decrypt(CIPHER.encrypt("x", "a:").replace("type:str", "type:bytes"), "a:")


@pytest.mark.parametrize(
    ("kind", "plain", "value"),
    [("int", "007", 7), ("int", "+5", 5), ("bool", "1", True), ("bool", "f", False), ("float", "1", 1.0),
     ("float", "+Inf", float("inf")), ("time", "2024-01-02T03:04:05Z", Time("2024-01-02T03:04:05Z"))],
)  # fmt: skip
def test_other_spellings_inside_are_taken_as_go_takes_them(kind: str, plain: str, value: Value) -> None:
    text = CIPHER.encrypt(plain, "a:").replace("type:str", f"type:{kind}")
    assert CIPHER.decrypt(text, "a:").value == value


GO = re.compile(r"ENC\[AES256_GCM,data:(.+),iv:(.+),tag:(.+),type:(.+)\]")


@given(
    st.lists(st.sampled_from(["a", ",iv:", ",tag:", ",type:", "]", "\n", "str", "=", "data:"]), max_size=14)
)
def test_the_lenient_reading_is_that_of_the_pattern_of_sops(parts: list[str]) -> None:
    text = "ENC[AES256_GCM,data:" + "".join(parts)
    found, envelope = GO.match(text), parse(text)
    assert (envelope and tuple(envelope[:4])) == (found and found.groups())


def test_no_secret_shows_in_a_repr() -> None:
    shown = repr([CIPHER, CIPHER.decrypt(CIPHER.encrypt("hunter2", "a:"), "a:"), IDENTITIES])
    assert "hunter2" not in shown
    assert "AGE-SECRET" not in shown


def test_a_huge_value_is_parsed_in_bounded_time() -> None:
    started = time.process_time()
    hostile = "ENC[AES256_GCM,data:" + "A" * 5_000_000 + ",iv:" * 1000 + ",tag:" * 1000
    assert parse(hostile) is None
    assert parse("ENC[AES256_GCM,data:" + ",iv:a,tag:a,type:a" * 100_000) is None
    assert time.process_time() - started < 5


# shares


def test_the_vector_of_hashicorp_vault_combines() -> None:
    shares = [bytes.fromhex(text) for text in ("3d017f01", "bc02e402", "c3036403")]
    assert combine([shares[0], shares[2]]) == bytes.fromhex("4200ff")
    assert combine(shares) == bytes.fromhex("4200ff")


@given(st.binary(min_size=1, max_size=40), st.integers(2, 5), st.data())
def test_any_threshold_of_the_shares_gives_the_secret(secret: bytes, parts: int, data: st.DataObject) -> None:
    threshold = data.draw(st.integers(2, parts))
    shares = split(secret, parts, threshold)
    some = data.draw(st.permutations(shares))[:threshold]
    assert combine(some) == secret
    assert all(len(share) == len(secret) + 1 for share in shares)


def test_shares_that_do_not_fit_are_refused() -> None:
    for shares in ([b"ab"], [b"ab", b"abc"], [b"a1", b"b1"], [b"a", b"b"]):
        with pytest.raises(CannotCombine):
            combine(shares)


# wrapped keys and identities


def test_a_wrapped_key_opens_for_its_recipient_alone() -> None:
    [[enc]] = wrap(KEY, [[RECIPIENT]])
    assert enc.endswith("-----END AGE ENCRYPTED FILE-----\n")
    assert unwrap(enc, IDENTITIES) == KEY
    assert unwrap(enc, OTHERS) is None
    assert unwrap("\n" + enc, IDENTITIES) == KEY
    assert unwrap(enc.replace("BEGIN", "BEGUN"), IDENTITIES) is None
    assert unwrap(enc[:200], IDENTITIES) is None


@pytest.mark.parametrize(
    "recipient",
    [
        "age1nonsense",
        "AGE1" + RECIPIENT[4:].upper(),
        "",
        "ssh-ed25519 AAAA",
        "age1yubikey1qqqq",
        "age1pq1qqqq",
    ],
)
def test_recipients_that_cannot_be_served_are_refused_before_anything_is_wrapped(recipient: str) -> None:
    with pytest.raises(CannotWrap):
        wrap(KEY, [[RECIPIENT, recipient]])


def test_identities_are_looked_for_where_sops_looks() -> None:
    env = {
        "HOME": "/h",
        "SOPS_AGE_KEY": "one two",
        "SOPS_AGE_KEY_FILE": "/k",
        "SOPS_AGE_KEY_CMD": "pass show k",
        "SOPS_AGE_SSH_PRIVATE_KEY_FILE": "/s",
    }
    found = [
        (source.kind, source.where, source.ssh, source.needed) for source in sources(env, "linux", ["/given"])
    ]
    assert found == [
        ("file", "/given", False, True),
        ("file", "/s", True, True),
        ("file", "/h/.ssh/id_ed25519", True, False),
        ("file", "/h/.ssh/id_rsa", True, False),
        ("text", "SOPS_AGE_KEY", False, True),
        ("file", "/k", False, True),
        ("command", "pass show k", False, True),
        ("file", "/h/.config/sops/age/keys.txt", False, False),
    ]
    assert sources({"HOME": "/h", "XDG_CONFIG_HOME": "/x"}, "darwin")[-1].where == "/x/sops/age/keys.txt"
    assert sources({"HOME": "/h"}, "darwin")[-1].where == "/h/Library/Application Support/sops/age/keys.txt"
    assert sources({}, "linux") == []


def test_identities_are_gathered_from_what_the_caller_may_read() -> None:
    import pyrage

    secrets = [str(pyrage.x25519.Identity.generate()) for _ in range(3)]
    env = {
        "HOME": "/h",
        "SOPS_AGE_KEY": secrets[0],
        "SOPS_AGE_KEY_FILE": "/gone",
        "SOPS_AGE_KEY_CMD": "show key",
    }
    files = {"/h/.config/sops/age/keys.txt": secrets[1].encode()}

    def read(path: str) -> bytes | None:
        if path == "/h/.ssh/id_rsa":
            raise PermissionError(13, "Permission denied")
        return files.get(path)

    without = gather(sources(env, "linux"), read)
    assert len(without.usable) == 2
    assert [(one.where, one.reason) for one in without.unusable] == [
        ("/h/.ssh/id_rsa", "Permission denied"),
        ("/gone", "there is no such file"),
        ("a command of the environment", "no command is run here"),
    ]
    assert len(gather(sources(env, "linux"), read, lambda _: secrets[2].encode()).usable) == 3
    assert not any(secret in repr(without) for secret in secrets)


def test_an_identity_file_is_read_line_by_line() -> None:
    import pyrage

    secret = str(pyrage.x25519.Identity.generate())
    text = f"# created: now\n\n{secret}\r\nAGE-SECRET-KEY-PQ-1QQ\nAGE-PLUGIN-YUBIKEY-1QQ\nwrong\n {secret}\n"
    found = parse_identities(text.encode(), Source("file", "keys.txt"))
    assert len(found.usable) == 1
    assert [re.sub(r":.*", "", one.reason) for one in found.unusable] == [
        "line 4",
        "line 5",
        "line 6",
        "line 7",
    ]
    assert secret not in repr(found)
    assert len(parse_identities(f"{secret} {secret}".encode(), Source("text", "X", words=True)).usable) == 2


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xfe", b"x" * 2_000_000, b"-----BEGIN AGE ENCRYPTED FILE-----\n",
             b"age-encryption.org/v1\n",
             b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n"]
)  # fmt: skip
def test_what_is_no_identity_is_told_and_not_raised(data: bytes) -> None:
    assert parse_identities(data, Source("file", "keys.txt")).usable == ()


def test_an_ssh_key_opens_what_is_wrapped_for_it() -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = Ed25519PrivateKey.generate()
    formats = serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH
    pem = private.private_bytes(*formats, serialization.NoEncryption())
    public = private.public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    )
    identities = parse_identities(pem, Source("file", "id_ed25519", ssh=True))
    [[enc]] = wrap(KEY, [[public.decode() + " someone@host"]])
    assert unwrap(enc, identities) == KEY


@pytest.mark.peer("ssh-keygen")
def test_an_ssh_key_with_a_passphrase_is_told(peer: Peer, tmp_path: Path) -> None:
    path = tmp_path / "id"
    subprocess.run([peer("ssh-keygen"), "-q", "-t", "ed25519", "-N", "secret", "-f", path], check=True)
    found = parse_identities(path.read_bytes(), Source("file", "id_ed25519", ssh=True))
    assert found.usable == ()
    assert "passphrase" in found.unusable[0].reason


def test_identities_add_up() -> None:
    assert isinstance(IDENTITIES.usable[0], Identity)
    assert len((IDENTITIES + OTHERS).usable) == 2
    assert not Identities()
