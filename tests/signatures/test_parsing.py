"""Whatever the bytes are: an answer or a refusal with a reason, never another exception; and what is read
is what was written."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sopsguard.model import UserError
from sopsguard.signatures import armor, certificate, commit, packet, rules, ssh
from sopsguard.signatures.paths import Protection, same
from sopsguard.signatures.reason import MEANING, Reason, Refused
from sopsguard.signed import section
from tests.gitrepo import Repo
from tests.signatures.craft import Key
from tests.signatures.craft import certificate as made_certificate
from tests.signatures.people import START, SecurityKey, armored, folded

TREE, PARENT = "4b825dc642cb6eb9a060e54bf8d69288fbee4904", "1" * 40
HEAD = f"tree {TREE}\nparent {PARENT}\nauthor A <a@b> 1 +0000\ncommitter C <c@d> 2 -0130\n".encode()


def test_every_reason_is_explained() -> None:
    assert set(MEANING) == set(Reason)
    for reason, meaning in MEANING.items():
        assert meaning.says
        assert "{" not in meaning.says + meaning.remedy
        assert meaning.remedy or reason in (
            "ok", "ok-forge-merge", "not-needed", "pre-baseline", "accepted",
        )  # fmt: skip


# --- commits -------------------------------------------------------------------------------------


def read(data: bytes) -> commit.Commit:
    return commit.parse(commit.object_id("commit", data, 40), data)


def test_a_commit_says_what_it_says() -> None:
    found = read(HEAD + folded("gpgsig", b"one\ntwo\n") + b"encoding x\n\nmessage")
    assert (found.tree, found.parents, found.author.email, found.committer) == (
        TREE, (PARENT,), b"a@b", commit.Person(b"C", b"c@d", 2),
    )  # fmt: skip
    assert found.signature == b"one\ntwo\n"
    assert found.payload == HEAD + b"encoding x\n\nmessage"


@given(st.binary(max_size=400))
def test_no_bytes_make_the_reading_of_a_commit_fail_otherwise(data: bytes) -> None:
    for raw in (data, HEAD + data, HEAD + b"\n" + data, HEAD + folded("gpgsig", data) + b"\nx"):
        for kind, parse in (("commit", commit.parse), ("tag", commit.parse_tag)):
            said, size = "refused", 0
            try:
                size = len(parse(commit.object_id(kind, raw, 40), raw).payload)
            except Refused as e:
                said = e.detail
            assert said.isprintable()
            assert size <= len(raw)


NAMES = st.text(st.characters(blacklist_characters="<>\n\r\0", blacklist_categories=["Cs"]), max_size=20)
SIGNED = st.lists(st.text("abcABC+/=- ", min_size=1, max_size=20), min_size=1, max_size=5)


@given(NAMES, NAMES, st.integers(1, 2**39), st.binary(max_size=60), SIGNED)
def test_what_was_signed_is_found_again(
    name: str, email: str, time: int, message: bytes, lines: list[str]
) -> None:
    person = f"{name} <{email}> {time} +0200".encode()
    head = b"tree " + TREE.encode() + b"\nauthor " + person + b"\ncommitter " + person + b"\n"
    signature = "\n".join(lines).encode() + b"\n"
    raw = head + b"gpgsig " + signature.removesuffix(b"\n").replace(b"\n", b"\n ") + b"\n\n" + message
    found = read(raw)
    assert found.payload == head + b"\n" + message
    assert found.signature == signature
    assert found.committer.time == time


def test_an_id_that_is_not_the_content(tmp_path: Path) -> None:
    raw = HEAD + b"\nx"
    with pytest.raises(Refused, match="malformed"):
        commit.parse("2" * 40, raw)
    repo = Repo.init(tmp_path / "r")
    assert commit.object_id("commit", raw, 40) == repo.git(
        "hash-object", "-t", "commit", "--literally", "--stdin", input=raw
    )
    sha256 = Repo.init(tmp_path / "s", object_format="sha256")
    assert commit.object_id("commit", raw, 64) == sha256.git(
        "hash-object", "-t", "commit", "--literally", "--stdin", input=raw
    )


def test_tags() -> None:
    head = f"object {TREE}\ntype commit\ntag v1\ntagger A <a@b> 5 +0000\n\ntext\n".encode()
    signature = armored(b"x")

    def tag(data: bytes) -> commit.Tag:
        return commit.parse_tag(commit.object_id("tag", data, 40), data)

    found = tag(head + signature)
    assert (found.name, found.kind, found.payload, found.signature) == (b"v1", "commit", head, signature)
    assert tag(head).signature is None
    for wrong in (head + signature + signature, head.replace(b"type commit", b"type x"), head[:-20]):
        with pytest.raises(Refused):
            tag(wrong)


# --- signatures ----------------------------------------------------------------------------------


@given(st.binary(min_size=1, max_size=300), st.sampled_from(["PGP", "SSH"]))
def test_armor_gives_back_what_it_holds(data: bytes, kind: str) -> None:
    text = armored(data, kind)
    assert armor.body(text, armor.format_of(text)) == data


@given(st.binary(max_size=300))
def test_no_bytes_make_armor_or_packets_fail_otherwise(data: bytes) -> None:
    for parse in (
        armor.format_of, lambda d: armor.body(d, "openpgp"), lambda d: armor.body(d, "ssh"), packet.of_commit,
        lambda d: packet.of_commit(packet.framed(2, b"\x04\x00\x16\x0a" + d)),
        ssh.parse, lambda d: ssh.parse(b"SSHSIG\0\0\0\1" + d), certificate.read,
    ):  # fmt: skip
        said = "read"
        try:
            parse(data)
        except Refused as e:
            said = e.detail
        assert said.isprintable()


KEY, SUBKEY, TOKEN = Key(), Key(), SecurityKey.make()
CERTIFICATE = made_certificate(KEY, (SUBKEY, 2, True), use=3)


@given(st.data())
def test_a_damaged_certificate_never_says_more(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(CERTIFICATE) - 1))
    byte = data.draw(st.integers(0, 255))
    changed = CERTIFICATE[:at] + bytes([byte]) + CERTIFICATE[at + 1 :]
    whole = {c.key.fingerprint for c in certificate.read(CERTIFICATE).components}
    try:
        found = certificate.read(changed)
    except Refused:
        return
    # A key that nobody vouches for has no statements.
    for component in found.components:
        assert component.key.fingerprint in whole or not component.statements


@given(st.data())
def test_a_damaged_signature_is_good_only_where_it_does_not_matter(data: st.DataObject) -> None:
    body = KEY.signature(b"payload")
    at, byte = data.draw(st.integers(0, len(body) - 1)), data.draw(st.integers(0, 255))
    changed = body[:at] + bytes([byte]) + body[at + 1 :]
    component = certificate.read(CERTIFICATE).primary
    try:
        found = packet.of_commit(packet.framed(2, changed))
    except Refused:
        return
    if found.made_by(component.key, b"payload"):
        assert (found.created, found.kind, found.hash) == (START, 0, 10)
        assert found.values == packet.parse(body).values


def test_signatures_in_signatures_in_signatures() -> None:
    inner = KEY.signature(b"x")
    depth = 0
    while len(inner) < 60_000:
        area = b"\xff" + (len(inner) + 1).to_bytes(4, "big") + b"\x20" + inner
        inner = b"\x04\x00\x16\x0a\0\0" + len(area).to_bytes(2, "big") + area + b"ab" + b"\0\1\1\0\1\1"
        depth += 1
    assert depth > 1000
    assert packet.parse(inner).embedded is not None
    found = certificate.read(CERTIFICATE + packet.framed(2, inner))
    assert found.components == certificate.read(CERTIFICATE).components


def test_a_security_key_signs_what_ssh_says() -> None:
    found = ssh.parse(armor.body(TOKEN.sign(b"payload", flags=5), "ssh"))
    assert (found.touched, found.verified) == (True, True)
    assert ssh.is_good(found, b"payload")
    assert not ssh.is_good(found, b"other")


def test_keys_whose_arithmetic_takes_for_ever_are_not_tried() -> None:
    from sopsguard.keys.ssh_wire import mpint, string

    n, e = (1 << 8191) | 1, (1 << 8190) | 1
    wire = string(b"ssh-rsa") + mpint(e) + mpint(n)
    blob = string(b"rsa-sha2-512") + string(b"\1" * 1024)
    data = b"SSHSIG\0\0\0\1" + string(wire) + string(b"git") + string(b"") + string(b"sha512") + string(blob)
    assert not ssh.is_good(ssh.parse(data), b"payload")
    numbers = b"".join(x.bit_length().to_bytes(2, "big") + x.to_bytes(1024, "big") for x in (n, e))
    packet_ = packet.framed(6, b"\x04\x60\0\0\0\x01" + numbers)
    one = packet.framed(13, b"x") + packet.framed(2, KEY.signature(b"x", 0x13))
    found = certificate.read(packet_ + one * 60)
    assert "nobody uses" in found.primary.key.weak


# --- paths ---------------------------------------------------------------------------------------


@given(st.text(max_size=40))
def test_one_spelling_for_every_path(path: str) -> None:
    assert same(same(path)) == same(path)
    assert same(path.upper()) == same(path.upper().lower().upper())


@pytest.mark.parametrize(
    ("path", "role"),
    [
        (".sopsguard.yaml", "admin"), (".SopsGuard.YAML", "admin"), ("keys/a.asc", "admin"),
        ("secrets/x/y", "commit"), ("a/.sops.yaml", "commit"), ("secrets", None), ("x/secrets/y", None),
    ],
)  # fmt: skip
def test_roles_of_paths(path: str, role: str | None) -> None:
    assert Protection(["secrets/**"], ["keys/a.asc"]).role(path) == role


# --- the policy ----------------------------------------------------------------------------------

SCHEMA = json.loads((Path(__file__).parents[2] / "schemas" / "policy.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
FINGERPRINT = "0A8C406B92CEFC33A51EC4933D9E0666449B886D"
ALICE: dict[str, Any] = {
    "roles": ["commit", "admin"],
    "emails": ["alice@example.org"],
    "openpgp": {"fingerprint": FINGERPRINT, "file": "keys/alice.asc"},
}


def settings(**more: Any) -> bytes:
    return json.dumps({"signatures": {"signers": {"alice": ALICE}, **more}}).encode()


def test_a_policy_in_full() -> None:
    found = section(
        settings(
            baseline="1" * 40, protect=["x/**"], protect_content="none", forge_merges="deny",
            forge=[{"fingerprint": "2" * 40, "file": "keys/forge.asc"}], identity="off",
            retired=[
                {"openpgp": "3" * 64, "last_commit": "4" * 64},
                {"ssh": TOKEN.public, "last_commit": "5" * 40},
            ],
            expired_key_grace_days=1, max_clock_skew_seconds=2, formats=["ssh"], scope="all",
            accept_commits=["6" * 40],
        )
    )  # fmt: skip
    assert found is not None
    assert (found.baseline, found.grace, found.skew, found.scope) == ("1" * 40, 86400, 2, "all")
    assert (found.protect_content, found.forge_merges, found.identity) == (False, "deny", "off")
    assert found.files == ("keys/alice.asc", "keys/forge.asc")
    assert section(b"version: 1\n") is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"signer": {}}, "'signer' is not a setting of signatures"),
        ({"signers": {}}, "there is no signer"),
        ({"signers": {"bob": {**ALICE, "roles": ["commit"]}}}, "no signer has the role admin"),
        ({"signers": {"bob": {**ALICE, "openpgp": None}}}, "bob has no key"),
        ({"signers": {"bob": {**ALICE, "roles": ["root"]}}}, "'root' is not a role"),
        ({"signers": {"bob": {**ALICE, "emails": []}}}, "bob has no address"),
        ({"signers": {"a": ALICE, "b": ALICE}}, "one key of a and of b"),
        ({"retired": [{"openpgp": FINGERPRINT, "last_commit": "1" * 40}]}, "one key of alice and of retired"),
        ({"retired": [{"openpgp": "1" * 40}]}, "a retired key needs last_commit"),
        ({"baseline": "main"}, "not a whole commit id"),
        ({"protect": ["!secrets/**"]}, "not a pattern of paths"),
        ({"protect_content": "all"}, "protect_content is sops or none"),
        ({"identity": "author"}, "identity is one of"),
        ({"formats": ["x509"]}, "'x509' is not a format"),
        ({"formats": []}, "no format is accepted"),
        ({"expired_key_grace_days": -1}, "must be a number from 0"),
        ({"scope": "none"}, "scope is one of"),
        ({"forge": {"fingerprint": FINGERPRINT[-16:], "file": "a"}}, "whole fingerprint"),
        ({"forge": {"fingerprint": "1" * 40, "file": "../a"}}, "not a path inside"),
        ({"signers": {"a": {**ALICE, "ssh": "ssh-rsa AAAA"}}}, "not an SSH public key"),
    ],
)  # fmt: skip
def test_mistakes_in_a_policy_are_named(change: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError) as e:
        section(settings(**change))
    assert said in e.value.message
    assert e.value.message.startswith(".sopsguard.yaml:")


IDS = st.sampled_from(["1" * 40, "2" * 64, "main", "", "A" * 40, "1" * 39])
TEXTS = st.sampled_from(["x", "secrets/**", "/x", "any"])
WORDS = st.one_of(st.none(), st.booleans(), st.integers(-1, 4000), TEXTS)
POLICIES = st.fixed_dictionaries(
    {},
    optional={
        "baseline": IDS,
        "protect": st.one_of(WORDS, st.lists(WORDS, max_size=2)),
        "protect_content": st.one_of(WORDS, st.sampled_from(["sops", "none"])),
        "forge_merges": st.one_of(WORDS, st.sampled_from(["pure", "deny"])),
        "identity": st.one_of(WORDS, st.sampled_from(["off", "committer-email", "committer-and-author"])),
        "expired_key_grace_days": WORDS,
        "max_clock_skew_seconds": WORDS,
        "formats": st.lists(st.sampled_from(["ssh", "openpgp", "x509"]), max_size=2),
        "scope": st.one_of(WORDS, st.sampled_from(["all", "protected"])),
        "accept_commits": st.one_of(WORDS, st.lists(IDS, max_size=2)),
        "more": WORDS,
    },
)  # fmt: skip


@given(POLICIES)
def test_the_reader_agrees_with_the_schema(change: dict[str, Any]) -> None:
    data = settings(**change)
    try:
        section(data)
        strict = True
    except UserError:
        strict = False
    assert strict == VALIDATOR.is_valid(yaml.safe_load(data)), data


@given(st.binary(max_size=200))
def test_no_bytes_make_the_reading_of_a_policy_fail_otherwise(data: bytes) -> None:
    for text in (data, b"signatures:\n  " + data, settings() + data):
        said = ".sopsguard.yaml"
        found = None
        try:
            found = section(text)
        except UserError as e:
            said = e.message
        assert said.startswith(".sopsguard.yaml")
        assert found is None or isinstance(found, rules.Rules)
