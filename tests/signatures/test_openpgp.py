"""Both OpenPGP engines lead to one decision, whatever the key or the signature is like."""

import base64
from pathlib import Path

import pytest

from sopsguard.signatures import armor, certificate, packet
from sopsguard.signatures.arithmetic import HASHES
from sopsguard.signatures.packet import framed
from sopsguard.signatures.reason import Refused
from tests.signatures import craft
from tests.signatures.conftest import NOW, World
from tests.signatures.craft import Key, flags, seconds, subpacket
from tests.signatures.people import DAY, START, Draft, armored

pytestmark = [pytest.mark.peer("gpg"), pytest.mark.peer("ssh-keygen")]

SIGNS, AUTHENTICATES = 2, 0x20


def of_carol(
    world: World, data: bytes, fingerprint: str, *, files: dict[str, bytes | str] | None = None
) -> Draft:
    """A change by the owner of a crafted certificate, whom the policy calls alice."""
    world.alice = fingerprint
    armored_key = b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n" + base64.encodebytes(data)
    world.start({"keys/alice.asc": armored_key + b"-----END PGP PUBLIC KEY BLOCK-----\n", **(files or {})})
    return world.secret()


def reason(world: World, draft: Draft, signature: bytes, **options: int) -> str:
    tip = world.history.store(draft.signed(signature, world.history.header))
    return world.verdict(tip, **options).reason.value


@pytest.fixture
def keys() -> tuple[Key, Key]:
    return Key(), Key()


def test_a_subkey_or_a_primary_that_may_sign(world: World, keys: tuple[Key, Key]) -> None:
    primary, sub = keys
    draft = of_carol(world, craft.certificate(primary, (sub, SIGNS, True)), primary.fingerprint)
    assert reason(world, draft, sub.armored(draft.payload)) == "ok"
    draft = of_carol(world, craft.certificate(primary, use=3), primary.fingerprint)
    assert reason(world, draft, primary.armored(draft.payload)) == "ok"


def test_a_primary_that_only_certifies(world: World, keys: tuple[Key, Key]) -> None:
    primary, sub = keys
    draft = of_carol(world, craft.certificate(primary, (sub, SIGNS, True)), primary.fingerprint)
    assert reason(world, draft, primary.armored(draft.payload)) == "wrong-usage"


@pytest.mark.parametrize(("use", "crossed"), [(AUTHENTICATES, False), (AUTHENTICATES, True), (SIGNS, False)])
def test_a_subkey_without_the_right_or_the_counter_signature(
    world: World, keys: tuple[Key, Key], use: int, crossed: bool
) -> None:
    primary, sub = keys
    draft = of_carol(world, craft.certificate(primary, (sub, use, crossed)), primary.fingerprint)
    assert reason(world, draft, sub.armored(draft.payload)) == "wrong-usage"


def test_a_subkey_that_somebody_else_has_adopted(world: World, keys: tuple[Key, Key]) -> None:
    primary, sub = keys
    thief = Key()
    adopted = craft.certificate(thief, (sub, SIGNS, False), user_id=b"Thief <t@example.org>")
    draft = of_carol(world, adopted, thief.fingerprint)
    assert reason(world, draft, sub.armored(draft.payload)) == "wrong-usage"
    # The adoption does not take the key from its owner either.
    more = "    carol:\n      emails: [ada@example.org]\n"
    more += f"      openpgp: {{fingerprint: {primary.fingerprint}, file: keys/c}}\n"
    own = craft.certificate(primary, (sub, SIGNS, True))
    draft = of_carol(
        world, adopted, thief.fingerprint, files={"keys/c": own, ".sopsguard.yaml": world.policy() + more}
    )
    tip = world.history.store(draft.signed(sub.armored(draft.payload), world.history.header))
    assert (world.verdict(tip).reason, world.verdict(tip).signer) == ("ok", "carol")


def test_a_signature_that_names_a_key_it_was_not_made_with(world: World, keys: tuple[Key, Key]) -> None:
    primary, sub = keys
    draft = of_carol(world, craft.certificate(primary, (sub, SIGNS, True)), primary.fingerprint)
    assert reason(world, draft, Key().armored(draft.payload, issuer=sub.fingerprint)) == "bad-signature"
    other = Draft(draft.headers, b"another message\n")
    assert reason(world, other, sub.armored(draft.payload)) == "bad-signature"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"at": START - 31 * DAY}, "bad-signature"),  # older than the key
        ({"at": START - 7 * DAY}, "time-skew"),  # dated back
        ({"at": None}, "malformed"),
        ({"kind": 1}, "malformed"),  # text
        ({"kind": 2}, "malformed"),  # about nothing
        ({"issuer": ""}, "malformed"),
        ({"hash_id": 2}, "weak-hash"),
        ({"more": subpacket(3, seconds(60))}, "signature-expired"),
        ({"more": subpacket(20, b"\0" * 4 + b"\0\1\0\1ab", critical=True)}, "bad-signature"),
        ({"more": subpacket(20, b"\x80\0\0\0\0\1\0\1ab")}, "ok"),  # a notation that is no demand
        ({"more": subpacket(99, b"x", critical=True)}, "bad-signature"),
        ({"more": subpacket(2, seconds(START))}, "malformed"),  # two dates
        ({"unhashed": subpacket(16, bytes(8))}, "malformed"),  # two makers
    ],
)
def test_signatures_that_say_more_or_less_than_usual(
    world: World, keys: tuple[Key, Key], options: dict[str, object], expected: str
) -> None:
    primary, sub = keys
    draft = of_carol(world, craft.certificate(primary, (sub, SIGNS, True)), primary.fingerprint)
    assert reason(world, draft, sub.armored(draft.payload, **options)) == expected


def test_a_certificate_bound_by_sha1(world: World, keys: tuple[Key, Key]) -> None:
    primary, _ = keys
    draft = of_carol(world, craft.certificate(primary, use=3, hash_id=2), primary.fingerprint)
    assert reason(world, draft, primary.armored(draft.payload)) == "weak-hash"


@pytest.mark.parametrize(
    ("code", "at", "expected"),
    [
        (2, START + DAY, "key-revoked"),  # compromised
        (0, START + DAY, "key-revoked"),  # no reason
        (3, START - DAY, "key-revoked"),  # retired before
        (1, START + DAY, "key-revoked"),  # superseded later: this commit is new
    ],
)
def test_revocations(world: World, keys: tuple[Key, Key], code: int, at: int, expected: str) -> None:
    primary, _ = keys
    gone = primary.signature(primary.hashed, 0x20, at=at, more=subpacket(29, bytes([code]) + b"why"))
    draft = of_carol(world, craft.certificate(primary, use=3, extra=framed(2, gone)), primary.fingerprint)
    assert reason(world, draft, primary.armored(draft.payload), now=START + 2 * DAY) == expected


def test_a_revocation_by_somebody_else_is_none(world: World, keys: tuple[Key, Key]) -> None:
    primary, other = keys
    code = subpacket(29, b"\x02why")
    for issuer in (primary.fingerprint, other.fingerprint, ""):
        forged = framed(2, other.signature(primary.hashed, 0x20, more=code, issuer=issuer))
        draft = of_carol(world, craft.certificate(primary, use=3, extra=forged), primary.fingerprint)
        assert reason(world, draft, primary.armored(draft.payload)) == "ok"


def test_messages_without_an_end_or_with_nuls(world: World, keys: tuple[Key, Key]) -> None:
    primary, _ = keys
    draft = of_carol(world, craft.certificate(primary, use=3), primary.fingerprint)
    for message in (b"no end", b"", b"a\0b\n", b"\xff\xfe\n", b"-----BEGIN PGP SIGNATURE-----\n"):
        other = Draft(draft.headers, message)
        assert reason(world, other, primary.armored(other.payload)) == "ok"


def test_a_signature_elsewhere_is_none(world: World, keys: tuple[Key, Key]) -> None:
    primary, _ = keys
    draft = of_carol(world, craft.certificate(primary, use=3), primary.fingerprint)
    signature = primary.armored(draft.payload)
    in_body = Draft(draft.headers, draft.message + signature)
    assert world.verdict(world.unsigned(in_body)).reason == "unsigned"
    other = {"gpgsig": "gpgsig-sha256", "gpgsig-sha256": "gpgsig"}[world.history.header]
    tip = world.history.store(draft.signed(signature, other))
    assert world.verdict(tip).reason == "unsigned"
    tag = (
        b"object "
        + world.base.encode()
        + b"\ntype commit\ntag v\ntagger A <a@b> 1 +0000\n\ntext\n"
        + signature
    )
    merged = Draft(draft.headers + b"mergetag " + tag.rstrip().replace(b"\n", b"\n ") + b"\n")
    assert world.verdict(world.unsigned(merged)).reason == "unsigned"
    # A tag that was merged is part of what is signed.
    assert reason(world, merged, primary.armored(merged.payload)) == "ok"


def test_a_renewed_key_keeps_what_it_signed_before(world: World) -> None:
    """gpg replaces the old statement about a subkey: all that is left is younger than the signature."""
    key = world.gpg.key("Renewed <rn@example.org>", subkeys=[("ed25519", "sign", "1y")])
    world.alice = key
    sub = world.gpg.fingerprints(key)[1]
    world.gpg.run("--quick-set-expire", key, "2y", sub, at=START + DAY)
    world.start()
    assert world.verdict(world.by_alice(world.secret()), now=START + 2 * DAY).reason == "ok"


def test_an_expired_key_has_some_grace_in_a_change_and_all_time_in_an_audit(world: World) -> None:
    key = world.gpg.key("Expiring <ex@example.org>", subkeys=[("ed25519", "sign", "40d")])
    world.alice = key
    world.start()
    tip = world.by_alice(world.secret())
    assert [world.verdict(tip, now=START + days * DAY).reason for days in (20, 100)] == ["ok", "key-expired"]
    assert world.audit(tip, START + 100 * DAY)[-1].reason == "ok"
    late = START + 20 * DAY
    draft = world.secret(time=late)
    signature = world.gpg.sign(draft.payload, key, at=START)
    dated = packet.of_commit(armor.body(signature, "openpgp"))
    assert dated.created == START  # gpg itself refuses to sign with an expired key
    tip = world.history.store(draft.signed(signature, world.history.header))
    assert world.verdict(tip, now=late).reason == "time-skew"


def test_numbers_with_a_wrong_length_as_github_writes_them(world: World) -> None:
    key = world.gpg.key("Web <web@example.org>", primary="rsa2048", usage="sign,cert", subkeys=[])
    world.alice = key
    world.start()
    for number in range(40):
        draft = world.history.draft({"secrets/a.yaml": f"{number}\n"}, [world.base])
        data = armor.body(world.gpg.sign(draft.payload, key), "openpgp")
        at = data.rindex(packet.of_commit(data).body[-258:][-256:]) - 2 if len(data) else 0
        bits = int.from_bytes(data[at : at + 2], "big")
        if bits < 2048 and bits > 2040:
            break
    odd = data[:at] + (2048).to_bytes(2, "big") + data[at + 2 :]
    assert odd != data
    assert reason(world, draft, armored(odd)) == "ok"


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        ("rsa2048", "ok"), ("nistp256", "ok"), ("nistp384", "ok"), ("nistp521", "ok"), ("ed25519", "ok"),
        ("brainpoolP256r1", "weak-key"),  # known to gpg alone
    ],
)  # fmt: skip
def test_every_algorithm_that_people_have(world: World, algorithm: str, expected: str) -> None:
    key = world.gpg.key(f"{algorithm} <x@example.org>", primary=algorithm, usage="sign,cert", subkeys=[])
    world.alice = key
    world.start()
    assert world.verdict(world.by_alice(world.secret())).reason == expected


def test_a_pinned_subkey(world: World) -> None:
    sub = world.gpg.fingerprints(world.alice)[1]
    tip = world.secret()
    world.start(alice=f", subkeys: [{sub}]")
    assert world.verdict(world.by_alice(world.secret())).reason == "ok"
    world.start(alice=f", subkeys: [{'0' * 40}]")
    assert world.verdict(world.by_alice(world.secret())).reason == "not-authorised"
    assert tip.payload


@pytest.mark.parametrize(
    "kind", ["two", "two blocks", "secret", "garbage", "compressed", "large", "many", "other"]
)
def test_key_files_that_are_not_one_certificate(world: World, mallory: str, kind: str) -> None:
    good, other = world.gpg.export(world.alice), world.gpg.export(mallory)
    binary = certificate.read(good).data
    files = {
        "two": binary + certificate.read(other).data,
        "two blocks": good + other,
        "secret": world.gpg.run("--armor", "--export-secret-keys", world.alice, at=None),
        "garbage": b"\xc6\xff\xff\xff\xff\xff",
        "compressed": framed(8, b"\x01" + binary),
        "large": binary + framed(13, b"x" * (64 << 10)),
        "many": binary + b"".join(framed(13, b"%d" % number) for number in range(300)),
        "other": other,
    }
    world.start({"keys/alice.asc": files[kind]})
    assert world.trust().authority is not None
    (problem,) = world.trust().authority.problems  # type: ignore[union-attr] # it is not None
    assert problem.fingerprint == world.alice
    assert problem.why.isprintable()
    assert world.verdict(world.by_alice(world.secret())).reason == "unknown-key"


def test_the_signatures_of_others_are_dropped(world: World, mallory: str) -> None:
    key = world.gpg.key("Popular <p@example.org>")
    world.gpg.run("--default-key", mallory, "--quick-sign-key", key, at=START - 20 * DAY)
    exported = world.gpg.export(key)
    found = certificate.read(exported)
    assert len(found.data) < len(certificate.read(exported).data) + 1
    assert bytes.fromhex(mallory) not in found.data
    world.alice = key
    world.start()
    assert world.verdict(world.by_alice(world.secret())).reason == "ok"


def test_nothing_is_left_behind(
    world: World, clean_environment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No keyring of the user, no directory, no daemon."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    before = sorted(clean_environment.iterdir())
    assert world.verdict(world.by_alice(world.secret())).reason == "ok"
    assert sorted(clean_environment.iterdir()) == before
    assert list(scratch.iterdir()) == []
    daemons = [p.read_bytes() for p in Path("/proc").glob("[0-9]*/cmdline") if _readable(p)]
    assert not [line for line in daemons if b"gpg-agent" in line and str(scratch).encode() in line]


def _readable(path: Path) -> bool:
    try:
        return bool(path.read_bytes())
    except OSError:
        return False


def test_gpg_alone_or_gpgv_alone_answer_alike(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from shutil import which

    if world.engine != "gpg":
        pytest.skip("about gpg")
    if which("gpgv") is None:
        pytest.skip("gpgv is not installed")
    tip = world.by_alice(world.secret([world.by_alice(world.secret())], "a: 3\n"))
    for only in ("gpg", "gpgv"):
        monkeypatch.setattr("shutil.which", lambda name, only=only: which(name) if name == only else None)
        assert world.reasons(tip) == ["ok", "ok"]


def test_bytes_that_are_no_certificate_are_refused() -> None:
    for data in (b"", b"x", b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n=\n", b"\x99", bytes(100)):
        with pytest.raises(Refused):
            certificate.read(data)
    assert set(HASHES) >= {8, 9, 10}
    assert flags(1)
    assert NOW > START
