"""The attacks that a signature check has to stand, on real repositories with real signatures."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from sopsguard.git import discover
from sopsguard.model import UserError
from sopsguard.signatures import armor
from sopsguard.signatures.rules import WEB_FLOW
from sopsguard.signed import judged, trusted
from tests.conftest import Peer
from tests.gitrepo import Repo
from tests.signatures.conftest import NOW, World
from tests.signatures.people import DAY, SSH, START, Draft, SecurityKey, armored, folded

pytestmark = [pytest.mark.peer("gpg"), pytest.mark.peer("ssh-keygen")]


def test_a_signed_change_of_a_secret_passes(world: World) -> None:
    tip = world.by_bob(world.secret([world.by_alice(world.secret())], "a: 3\n"))
    assert world.reasons(tip) == ["ok", "ok"]
    assert [v.signer for v in world.verdicts(tip)] == ["alice", "bob"]


def test_what_touches_nothing_protected_needs_no_signature(world: World) -> None:
    tip = world.unsigned(world.history.draft({"README": "new\n"}, [world.base]))
    assert world.reasons(tip) == ["not-needed"]


def test_1_an_unsigned_change_of_a_secret(world: World) -> None:
    verdict = world.verdict(world.unsigned(world.secret()))
    assert verdict.reason == "unsigned"
    assert verdict.paths == ("secrets/a.yaml",)
    assert "git commit --amend -S --no-edit" in verdict.remedy


def test_2_a_fresh_key_with_the_name_of_the_maintainer(world: World, mallory: str) -> None:
    assert world.verdict(world.by_alice(world.secret(), mallory)).reason == "unknown-key"


def test_4_a_change_brings_its_own_key(world: World, mallory: str) -> None:
    policy = world.policy() + (
        "    mallory:\n      roles: [admin]\n      emails: [ada@example.org]\n"
        f"      openpgp: {{fingerprint: {mallory}, file: keys/m.asc}}\n"
    )
    files: dict[str, str | bytes] = {".sopsguard.yaml": policy, "keys/m.asc": world.gpg.export(mallory)}
    for first, reason in ((world.by_alice, "not-authorised"), (world.by_bob, "role-missing")):
        draft = world.history.draft(files, [world.base])
        one = world.by_alice(draft, mallory) if first == world.by_alice else world.by_bob(draft)
        assert world.reasons(world.by_alice(world.secret([one]), mallory)) == [reason, "not-authorised"]


@pytest.mark.parametrize("change", ["unprotect", "delete", "scope"])
def test_5_a_change_removes_the_protection(world: World, change: str) -> None:
    text = {
        "unprotect": world.policy().replace("secrets/**", "none/**"),
        "delete": "# nothing\n",
        "scope": world.policy(scope="none"),
    }[change]
    one = world.by_bob(world.history.draft({".sopsguard.yaml": text}, [world.base]))
    assert world.reasons(world.unsigned(world.secret([one]))) == ["role-missing", "unsigned"]


def test_6_a_change_moves_the_baseline_past_its_bad_commit(world: World) -> None:
    bad = world.unsigned(world.secret())
    moved = world.history.draft({".sopsguard.yaml": world.policy(baseline=bad)}, [bad])
    assert world.reasons(world.by_bob(moved)) == ["unsigned", "role-missing"]
    assert world.reasons(world.by_alice(moved)) == ["unsigned", "ok"]


def test_6_a_baseline_moves_only_forward(world: World) -> None:
    old = world.base
    new = world.by_alice(world.secret())
    world.history.at("main", new)
    set_ = world.by_alice(world.history.draft({".sopsguard.yaml": world.policy(baseline=new)}, [new]))
    assert world.reasons(set_) == ["ok", "ok"]
    back = world.by_alice(world.history.draft({".sopsguard.yaml": world.policy(baseline=old)}, [set_]))
    assert world.verdicts(back, trust=world.trust(set_))[-1].reason == "not-authorised"


def test_7_a_lax_base_branch_of_the_attacker_has_no_say(world: World) -> None:
    lax = world.unsigned(world.history.draft({".sopsguard.yaml": "version: 1\n"}, [world.base]))
    tip = world.unsigned(world.secret([lax]))
    # What is trusted is named by the caller, never by the change; the range starts there too.
    assert world.reasons(tip) == ["unsigned", "unsigned"]


def test_9_trust_is_read_when_it_is_judged(world: World) -> None:
    tip = world.by_bob(world.secret())
    assert world.reasons(tip) == ["ok"]
    without = world.history.draft(
        {".sopsguard.yaml": world.policy().partition("    bob:")[0]}, [world.base], message=b"bob left\n"
    )
    assert [v.reason for v in world.verdicts(tip, trust=world.trust(world.by_alice(without)))] == [
        "unknown-key"
    ]


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_10_a_shallow_clone_is_not_decided(world: World, tmp_path: Path, depth: int) -> None:
    tip = world.base
    for number in range(3):
        tip = world.unsigned(world.secret([tip], f"a: {number}\n"))
    tip = world.by_alice(world.secret([tip], "a: last\n"))
    world.history.at("change", tip)
    clone = Repo(tmp_path / "clone")
    world.history.repo.git(
        "clone",
        "-q",
        f"--depth={depth}",
        "--no-single-branch",
        f"file://{world.history.repo.root}",
        str(clone.root),
    )
    repository = discover(str(clone.root))
    verdicts = list(judged(repository, trusted(repository, world.base), [world.base], [tip], NOW))
    assert any(v.reason == "shallow" and v.undecided for v in verdicts)


def test_11_a_side_branch_changes_and_restores(world: World) -> None:
    world.start({".sops.yaml": "creation_rules: []\n"})
    one = world.unsigned(world.history.draft({".sops.yaml": "creation_rules: [{age: x}]\n"}, [world.base]))
    two = world.unsigned(world.history.draft({".sops.yaml": "creation_rules: []\n"}, [one]))
    merge = world.unsigned(world.history.draft({}, [world.base, two]))
    assert world.reasons(merge) == ["unsigned", "unsigned", "not-needed"]


def sides(world: World) -> tuple[str, str]:
    """Two branches: one that rotated a secret, signed, and one that changed the readme."""
    ours = world.by_alice(world.secret(content="a: rotated\n"))
    theirs = world.unsigned(world.history.draft({"README": "theirs\n"}, [world.base]))
    return ours, theirs


def test_an_ordinary_merge_needs_no_signature(world: World) -> None:
    ours, theirs = sides(world)
    pure = world.history.draft({"README": "theirs\n"}, [ours, theirs])
    assert world.reasons(world.unsigned(pure))[-1] == "not-needed"
    other_way = world.history.draft({"secrets/a.yaml": "a: rotated\n"}, [theirs, ours])
    assert world.reasons(world.unsigned(other_way))[-1] == "not-needed"


@pytest.mark.parametrize("content", ["a: evil\n", "a: 1\n"], ids=["evil", "rollback"])
def test_12_a_merge_that_changes_a_secret_itself(world: World, mallory: str, content: str) -> None:
    ours, theirs = sides(world)
    draft = world.history.draft({"README": "theirs\n", "secrets/a.yaml": content}, [ours, theirs])
    assert world.reasons(world.unsigned(draft))[-1] == "impure-merge"
    assert world.reasons(world.by_alice(draft, mallory))[-1] == "impure-merge"
    assert world.reasons(world.by_alice(draft))[-1] == "ok"


@pytest.fixture
def web_flow(world: World, mallory: str) -> str:
    """A policy in which a key is that of the forge, and every commit is signed."""
    forge = f"{{fingerprint: {mallory}, file: keys/forge.asc}}"
    world.start({"keys/forge.asc": world.gpg.export(mallory)}, forge=forge, scope="all")
    return mallory


def test_12_an_evil_merge_signed_by_the_forge(world: World, web_flow: str) -> None:
    ours = world.by_alice(world.secret(content="a: rotated\n"))
    theirs = world.by_bob(world.history.draft({"README": "theirs\n"}, [world.base]))
    evil = world.history.draft({"README": "theirs\n", "secrets/a.yaml": "a: 6\n"}, [ours, theirs])
    assert world.reasons(world.by_alice(evil, web_flow))[-1] == "impure-merge"
    pure = world.history.draft({"README": "theirs\n"}, [ours, theirs])
    assert world.reasons(world.by_alice(pure, web_flow))[-1] == "ok-forge-merge"
    assert world.reasons(world.unsigned(pure))[-1] == "unsigned"


def test_15_and_16_the_forge_authorises_no_content(world: World, web_flow: str) -> None:
    verdict = world.verdict(world.by_alice(world.secret(), web_flow))
    assert verdict.reason == "not-authorised"
    assert "squash" in verdict.remedy
    readme = world.history.draft({"README": "in the browser\n"}, [world.base])
    assert world.verdict(world.by_alice(readme, web_flow)).reason == "not-authorised"


def test_15_web_flow_is_known_by_its_name_without_its_certificate(world: World) -> None:
    draft = world.secret()
    signature = armor.body(world.gpg.sign(draft.payload, world.alice), "openpgp")
    signer = world.gpg.fingerprints(world.alice)[1]
    forged = signature.replace(bytes.fromhex(signer), bytes.fromhex(WEB_FLOW[0]))
    forged = forged.replace(bytes.fromhex(signer[-16:]), bytes.fromhex(WEB_FLOW[0][-16:]))
    tip = world.history.store(draft.signed(armored(forged), world.history.header))
    assert world.verdict(tip).reason == "not-authorised"


def test_17_an_ssh_key_that_nobody_listed(world: World, stranger: SSH) -> None:
    assert world.verdict(world.by_bob(world.secret(), stranger)).reason == "unknown-key"


def test_18_a_signature_for_another_purpose(world: World) -> None:
    assert world.verdict(world.by_bob(world.secret(), namespace="file")).reason == "wrong-namespace"


def test_20_a_retired_key_counts_only_for_its_own_time(world: World, mallory: str) -> None:
    old = world.by_alice(world.secret(), mallory)
    world.start(
        {"keys/old.asc": world.gpg.export(mallory)},
        retired=f"[{{openpgp: {mallory}, file: keys/old.asc, last_commit: {old}}}]",
    )
    assert world.verdict(old).reason == "ok"
    forged = world.secret(content="a: 9\n", time=START - 3600)
    assert world.verdict(world.by_alice(forged, mallory, at=START - 3600)).reason == "retired-key"


@pytest.mark.parametrize(
    "time", ["0", "-1", "18446744073709551616", "soon", "1e9", "0123456789", "1099511627776"]
)
def test_21_impossible_dates(world: World, time: str) -> None:
    draft = world.secret()
    old = f"> {START} +0000".encode()
    headers = draft.headers.rpartition(old)[0] + f"> {time} +0000\n".encode()
    assert world.verdict(world.by_alice(Draft(headers))).reason == "malformed"


def test_23_from_the_future(world: World) -> None:
    later = NOW + 3600
    assert world.verdict(world.by_alice(world.secret(time=later), at=later)).reason == "signed-in-future"
    assert world.verdict(world.by_bob(world.secret(time=later))).reason == "signed-in-future"


def test_25_hashes_that_can_be_forged(world: World) -> None:
    weak = world.by_alice(world.secret(), None, "--digest-algo", "SHA1", "--allow-weak-digest-algos")
    assert world.verdict(weak).reason == "weak-hash"
    draft = world.secret()
    data = bytearray(armor.body(world.gpg.sign(draft.payload, world.alice), "openpgp"))
    data[data.index(b"\x04\x00\x16") + 3] = 1  # MD5
    tip = world.history.store(draft.signed(armored(bytes(data)), world.history.header))
    assert world.verdict(tip).reason == "weak-hash"


def test_25_a_certificate_that_rests_on_sha1(world: World) -> None:
    key = world.gpg.key(
        "Old <o@example.org>", options=["--cert-digest-algo", "SHA1", "--allow-weak-digest-algos"]
    )
    world.alice = key
    world.start()
    assert world.verdict(world.by_alice(world.secret())).reason == "weak-hash"


@pytest.mark.parametrize("algorithm", ["rsa1024", "dsa2048"])
def test_26_weak_openpgp_keys(world: World, algorithm: str) -> None:
    world.alice = world.gpg.key(
        f"Weak {algorithm} <w@example.org>", primary=algorithm, usage="sign,cert", subkeys=[]
    )
    world.start()
    assert world.verdict(world.by_alice(world.secret())).reason == "weak-key"


@pytest.mark.parametrize(("kind", "bits"), [("rsa", 1024), ("dsa", None)])
def test_26_weak_ssh_keys(world: World, tmp_path: Path, peer: Peer, kind: str, bits: int | None) -> None:
    weak = SSH.make(peer("ssh-keygen"), tmp_path / "weak", kind, bits)
    assert world.verdict(world.by_bob(world.secret(), weak)).reason == "weak-key"
    world.bob = weak
    world.start()
    with pytest.raises(UserError, match=r"DSA|1024"):
        world.trust()


def test_27_more_than_one_signature(world: World) -> None:
    draft = world.secret()
    good = world.gpg.sign(draft.payload, world.alice)
    name = world.history.header
    packets = armored(armor.body(good, "openpgp") * 2)
    twice = draft.headers + folded(name, good) * 2 + b"\n" + draft.message
    for raw, reason in (
        (draft.signed(packets, name), "multiple-signatures"),
        (twice, "multiple-signatures"),
        (draft.signed(good + good, name), "multiple-signatures"),
        (draft.signed(good + world.bob.sign(draft.payload), name), "multiple-signatures"),
        (draft.signed(b"good:\n" + good, name), "malformed"),
        (draft.signed(good + b"text\n", name), "malformed"),
    ):
        assert world.verdict(world.history.store(raw)).reason == reason


def test_27_github_appends_an_empty_line(world: World) -> None:
    draft = world.secret()
    good = world.gpg.sign(draft.payload, world.alice)
    raw = draft.headers + folded(world.history.header, good).rstrip(b"\n") + b"\n \n\n" + draft.message
    assert world.verdict(world.history.store(raw)).reason == "ok"


def test_29_a_signed_message_instead_of_a_signature(world: World) -> None:
    draft = world.secret()
    inline = world.gpg.run("--armor", "-u", world.alice, "--sign", input=draft.payload, at=START)
    for text in (inline, inline.replace(b"PGP MESSAGE", b"PGP SIGNATURE")):
        tip = world.history.store(draft.signed(text, world.history.header))
        assert world.verdict(tip).reason == "malformed"


@pytest.mark.parametrize("usage", ["auth", "encr"])
def test_31_a_subkey_that_does_not_sign(world: World, usage: str) -> None:
    algorithm = "rsa2048"
    key = world.gpg.key(f"Usage {usage} <u@example.org>", subkeys=[(algorithm, usage, "never")])
    before = world.gpg.export(key)
    letter = {"auth": "A", "encr": "E"}[usage]
    world.gpg.edit(key, "key 1", "change-usage", "S", letter, "Q", "save")
    draft = world.secret()
    signature = world.gpg.sign(draft.payload, world.gpg.fingerprints(key)[1] + "!")
    world.alice = key
    world.start({"keys/alice.asc": before})
    draft = world.secret()
    signature = world.gpg.sign(draft.payload, world.gpg.fingerprints(key)[1] + "!")
    tip = world.history.store(draft.signed(signature, world.history.header))
    assert [v.reason for v in world.verdicts(tip, trust=world.trust())] == ["wrong-usage"]


def test_32_another_format_than_the_policy_wants(world: World) -> None:
    world.start(formats="[ssh]")
    assert world.verdict(world.by_alice(world.secret())).reason == "unsupported-format"
    assert world.verdict(world.by_bob(world.secret())).reason == "ok"
    x509 = b"-----BEGIN SIGNED MESSAGE-----\nAAAA\n-----END SIGNED MESSAGE-----\n"
    tip = world.history.store(world.secret().signed(x509, world.history.header))
    assert world.verdict(tip).reason == "unsupported-format"


def test_33_replacements_and_grafts_have_no_effect(world: World) -> None:
    bad = world.unsigned(world.secret())
    good = world.by_alice(world.secret())
    repo = world.history.repo
    repo.git("replace", bad, good)
    repo.write(".git/info/grafts", f"{bad}\n{world.base}\n")
    repo.git("config", "gpg.program", "/bin/true")
    repo.git("config", "gpg.ssh.program", "/bin/true")
    assert world.reasons(bad) == ["unsigned"]


def test_33_a_poisoned_object_is_not_read(world: World) -> None:
    bad = world.unsigned(world.secret())
    good = world.by_alice(world.secret())
    repo = world.history.repo
    tip = world.by_alice(world.secret([bad], "a: 3\n"))
    repo.object_file(bad).chmod(0o644)
    repo.object_file(bad).write_bytes(repo.object_file(good).read_bytes())
    with pytest.raises(UserError, match=f"{bad}.*is damaged"):
        world.reasons(tip)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"committer ", b"author Eve <eve@example.org> 1767323045 +0000\ncommitter "),
        (b"\ncommitter ", b"\ncommitter Eve <eve@example.org> 1767323045 +0000\ncommitter "),
        (b"author Ada", b"author A\0da"),
        (b"+0000\n", b"+0000\r\n"),
        (b"tree ", b"tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\ntree "),
        (b"author Ada <", b"author Ada <<"),
        (b"author ", b"Author "),
        (b"+0000\ncommitter", b"+00000\ncommitter"),
    ],
)
def test_35_headers_that_could_be_read_in_two_ways(world: World, old: bytes, new: bytes) -> None:
    draft = world.secret()
    assert old in draft.headers
    broken = Draft(draft.headers.replace(old, new, 1), draft.message)
    assert world.verdict(world.by_alice(broken)).reason == "malformed"


def test_36_a_security_key_that_nobody_touched(world: World, peer: Peer, tmp_path: Path) -> None:
    token = SecurityKey.make()
    world.bob = token  # type: ignore[assignment] # it signs as an SSH key does
    for need, flags, reason in (
        ("touch", 0, "touch-missing"), ("touch", 1, "ok"), ("touch", 4, "touch-missing"),
        ("verify", 1, "verify-missing"), ("verify", 5, "ok"), ("touch, verify", 4, "touch-missing"),
    ):  # fmt: skip
        world.start(bob=f", require: [{need}]")
        draft = world.secret()
        signature = token.sign(draft.payload, flags=flags)
        tip = world.history.store(draft.signed(signature, world.history.header))
        assert world.verdict(tip).reason == reason
        # ssh-keygen takes all of them for good.
        (tmp_path / "s").write_bytes(signature)
        done = subprocess.run(
            [peer("ssh-keygen"), "-Y", "check-novalidate", "-n", "git", "-s", tmp_path / "s"],
            input=draft.payload, capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("hard", [True, False])
def test_37_a_revoked_key(world: World, hard: bool) -> None:
    world.alice = key = world.gpg.key("Revoked <r@example.org>")
    world.start()
    draft = world.secret()
    before = world.by_alice(draft)
    after = world.by_alice(world.secret(content="a: later\n", time=START + 3 * DAY), at=START + 3 * DAY)
    assert world.reasons(before) == ["ok"]
    world.gpg.revoke(key, hard, START + DAY)
    renewed = world.history.draft({"keys/alice.asc": world.gpg.export(key)}, [world.base])
    trust = world.trust(world.unsigned(renewed))
    now = START + 5 * DAY
    assert [v.reason for v in world.verdicts(before, trust=trust, base=world.base, now=now)] == [
        "key-revoked"
    ]
    # An audit lets stand what was signed before somebody retired a key, not what a thief may have signed.
    for tip, reason in ((before, "key-revoked" if hard else "ok"), (after, "key-revoked")):
        merged = world.unsigned(
            world.history.draft({}, [trust.revision, tip], tree=world.tree_of(trust.revision))
        )
        found = {v.oid: v.reason.value for v in world.audit(merged, now)}
        assert found[tip] == reason


def test_37_a_commit_can_be_accepted_by_its_id(world: World) -> None:
    bad = world.unsigned(world.secret())
    world.start(accept_commits=f"[{bad}]")
    assert world.reasons(bad)[-1] == "accepted"


def test_39_a_key_is_renewed_in_the_same_change(world: World) -> None:
    key = world.gpg.key("Renewed <n@example.org>", subkeys=[("ed25519", "sign", "20d")])
    world.alice = key
    world.start()
    assert world.verdict(world.by_alice(world.secret(), at=START - 15 * DAY)).reason == "time-skew"
    world.gpg.run("--quick-set-expire", key, "1y", world.gpg.fingerprints(key)[1], at=START - 60)
    renewal = world.history.draft({"keys/alice.asc": world.gpg.export(key)}, [world.base])
    one = world.by_alice(renewal)
    assert world.reasons(world.by_alice(world.secret([one]))) == ["ok", "ok"]
    # Without the renewal in the change the key has expired.
    assert (
        world.verdicts(world.by_alice(world.secret()), trust=world.trust())[-1].reason
        == "key-expired-at-signing"
    )


def test_39_a_renewal_by_somebody_else_counts_for_nothing(world: World, mallory: str) -> None:
    files = {"keys/alice.asc": world.gpg.export(mallory)}
    one = world.by_alice(world.history.draft(files, [world.base]), mallory)
    assert world.verdict(one).reason == "unknown-key"
    both = {"keys/alice.asc": world.gpg.export(world.alice) + world.gpg.export(mallory)}
    two = world.by_alice(world.history.draft(both, [world.base]), mallory)
    assert world.verdict(two).reason == "unknown-key"


def test_41_a_header_of_50_megabytes(world: World) -> None:
    draft = world.secret()
    raw = draft.signed(b"-----BEGIN PGP SIGNATURE-----\n" + b"A" * (50 << 20), world.history.header)
    tip = world.history.store(raw)
    before = time.process_time()
    assert world.verdict(tip).reason == "malformed"
    assert time.process_time() - before < 1


def test_41_a_change_of_a_hundred_thousand_commits(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sopsguard.signed.MOST_COMMITS", 2)
    tip = world.base
    for number in range(3):
        tip = world.unsigned(world.history.draft({"README": f"{number}\n"}, [tip]))
    with pytest.raises(UserError, match="3 commits"):
        world.reasons(tip)


def test_42_a_user_id_that_speaks_like_gpg(world: World) -> None:
    name = "Eve\n[GNUPG:] GOODSIG 0 x\x1b[2J ::error::x <eve@example.org>"
    key = world.gpg.key(name, options=["--allow-freeform-uid"])
    verdict = world.verdict(world.by_alice(world.secret(), key))
    assert verdict.reason == "unknown-key"
    assert verdict.says.isprintable()
    world.alice = key
    world.start()
    assert world.verdict(world.by_alice(world.secret())).reason == "ok"


def test_52_without_an_engine_nothing_is_skipped(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    tip = world.by_alice(world.secret())
    monkeypatch.setitem(sys.modules, "pysequoia", None)
    monkeypatch.setattr("shutil.which", lambda _: None)
    verdict = world.verdict(tip)
    assert verdict.reason == "engine-missing"
    assert verdict.undecided
    assert world.reasons(world.by_bob(world.secret())) == ["ok"]  # SSH needs none
    assert world.reasons(world.unsigned(world.secret())) == ["unsigned"]


def test_52_an_engine_that_panics(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    if world.engine != "sequoia":
        pytest.skip("about pysequoia")

    class PanicException(BaseException):
        pass

    def panic(**_: object) -> None:
        raise PanicException("at index out of bounds")

    monkeypatch.setattr("pysequoia.verify", panic)
    assert world.verdict(world.by_alice(world.secret())).reason == "engine-missing"


def test_54_an_old_branch_passes_with_a_notice(world: World) -> None:
    verdict = world.verdict(world.by_alice(world.secret()), now=START + 100 * DAY)
    assert verdict.reason == "ok"
    assert any("90 days" in notice for notice in verdict.notices)
