"""Further attacks: on paths, merges, history, keys, identities, and on the repository itself."""

from pathlib import Path

import pytest

from sopsguard.git import discover
from sopsguard.model import UserError
from sopsguard.signatures import ssh
from sopsguard.signatures.reason import Refused
from sopsguard.signed import audited, judged, trusted
from tests.conftest import Peer
from tests.gitrepo import Repo
from tests.signatures.conftest import NOW, World
from tests.signatures.people import DAY, SSH, START, Draft, History, SecurityKey, armored, folded

pytestmark = [pytest.mark.peer("gpg"), pytest.mark.peer("ssh-keygen")]

SOPS = (
    '{"data": "ENC[AES256_GCM,data:cw==,iv:%s,tag:%s,type:str]", "sops": {"age": [], "mac": "ENC[AES256_GCM,'
    'data:cw==,iv:%s,tag:%s,type:str]", "lastmodified": "2026-01-01T00:00:00Z", "version": "3.9.0"}}'
    % (("A" * 43 + "=", "A" * 22 + "==") * 2)
)


@pytest.fixture
def engine() -> str:
    """These do not depend on the engine of OpenPGP."""
    return "sequoia"


# --- paths ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("Secrets/A.yaml", "unsigned"),  # macOS and Windows check it out over the real one
        ("secrets./a.yaml", "unsigned"),  # Windows
        ("sec\u200crets/a.yaml", "unsigned"),  # HFS+ does not see the character
        ("\u017fecrets/a.yaml", "unsigned"),  # long s folds to s
        (".SOPS.YAML", "unsigned"),
        ("deep/down/.sops.yaml", "unsigned"),
        (".sops.yml", "unsigned"),
        ("Keys/Alice.asc", "unsigned"),
        (".github/workflows/ci.yml", "unsigned"),
        (".github/CODEOWNERS", "unsigned"),
        ("inventory.yaml", "unsigned"),
        ("secretsfile", "not-needed"),
        ("docs/secrets/a.yaml", "not-needed"),
    ],
)
def test_names_that_are_the_same_somewhere(world: World, path: str, reason: str) -> None:
    assert world.verdict(world.unsigned(world.history.draft({path: "x\n"}, [world.base]))).reason == reason


def raw_tree(world: World, lines: str) -> str:
    return world.history.repo.git("mktree", input=lines.encode())


@pytest.mark.parametrize("mode", ["120000 blob", "160000 commit", "100644 blob"])
def test_something_in_the_place_of_a_protected_folder(world: World, mode: str) -> None:
    oid = world.base if "commit" in mode else world.history.repo.blob(b"elsewhere")
    readme = world.history.repo.git("rev-parse", f"{world.base}:README")
    tree = raw_tree(world, f"100644 blob {readme}\tREADME\n{mode} {oid}\tsecrets\n")
    tip = world.unsigned(world.history.draft(parents=[world.base], tree=tree))
    assert world.verdict(tip).reason == "unsigned"
    # And where there was no folder yet, only what leads somewhere else.
    empty = world.unsigned(
        world.history.draft(parents=[world.base], tree=raw_tree(world, f"100644 blob {readme}\tREADME\n"))
    )
    again = world.unsigned(world.history.draft(parents=[empty], tree=tree))
    assert world.reasons(again)[-1] == ("not-needed" if "100644" in mode else "unsigned")


def test_deletion_mode_and_renaming(world: World) -> None:
    repo = world.history.repo
    oid = repo.git("rev-parse", f"{world.base}:secrets/a.yaml")
    rest = "\n".join(
        line for line in repo.git("ls-tree", world.base).splitlines() if not line.endswith("secrets")
    )
    for name in (f"100755 blob {oid}\ta.yaml\n", "", f"100644 blob {oid}\tb.yaml\n"):
        inner = raw_tree(world, name)
        folder = f"\n040000 tree {inner}\tsecrets\n" if name else "\n"
        tip = world.unsigned(world.history.draft(parents=[world.base], tree=raw_tree(world, rest + folder)))
        assert world.verdict(tip).reason == "unsigned"


def test_a_submodule_is_put_where_secrets_lie(world: World) -> None:
    text = '[submodule "x"]\n\tpath = {}\n\turl = https://example.org/x\n'
    for path, reason in (("secrets", "unsigned"), ("secrets/x", "unsigned"), ("vendor", "not-needed")):
        draft = world.history.draft({".gitmodules": text.format(path)}, [world.base])
        assert world.verdict(world.unsigned(draft)).reason == reason


def test_a_sops_file_is_protected_wherever_it_lies(world: World) -> None:
    added = world.history.draft({"apps/db.json": SOPS}, [world.base])
    assert world.verdict(world.unsigned(added)).reason == "unsigned"
    signed = world.by_bob(added)
    removed = world.history.draft({"apps/db.json": "{}\n"}, [signed])
    assert world.reasons(world.unsigned(removed)) == ["ok", "unsigned"]
    world.start(protect_content="none")
    assert world.verdict(world.unsigned(world.history.draft({"apps/db.json": SOPS}, [world.base]))).passes


def test_a_file_that_a_creation_rule_means_is_protected(world: World) -> None:
    rule = "creation_rules:\n  - path_regex: ^apps/.*\\.env$\n    age: age1x\n"
    world.start({".sops.yaml": rule})
    for path, reason in (("apps/a.env", "unsigned"), ("apps/a.txt", "not-needed")):
        tip = world.unsigned(world.history.draft({path: "A=1\n"}, [world.base]))
        assert world.verdict(tip).reason == reason


def test_who_is_trusted_is_changed_by_admins_alone(world: World) -> None:
    for path in (".sopsguard.yaml", "keys/alice.asc", ".github/workflows/a.yml", ".GitHub/codeowners"):
        content = world.policy() + "version: 1\n" if path.startswith(".sops") else "x\n"
        draft = world.history.draft({path: content}, [world.base])
        assert world.verdict(world.by_bob(draft)).reason == "role-missing"
        assert world.verdict(world.by_alice(draft)).reason == "ok"


# --- merges and history --------------------------------------------------------------------------


def test_only_the_tip_is_signed(world: World) -> None:
    one = world.unsigned(world.secret())
    two = world.by_alice(world.secret([one], "a: 3\n"))
    assert world.reasons(two) == ["unsigned", "ok"]


def test_an_octopus_and_a_criss_cross_have_to_be_signed(world: World) -> None:
    one = world.by_alice(world.secret(content="a: one\n"))
    two = world.unsigned(world.history.draft({"README": "two\n"}, [world.base]))
    three = world.unsigned(world.history.draft({"other": "three\n"}, [world.base]))
    octopus = world.history.draft({"README": "two\n", "other": "three\n"}, [one, two, three])
    assert world.reasons(world.unsigned(octopus))[-1] == "impure-merge"
    assert world.reasons(world.by_alice(octopus))[-1] == "ok"
    left = world.unsigned(world.history.draft({"README": "two\n"}, [one, two]))
    right = world.unsigned(world.history.draft({"secrets/a.yaml": "a: one\n"}, [two, one]))
    # Two merge bases, `one` and `two`: what the secret was before is not decided.
    last = world.by_alice(world.secret([left], "a: last\n"))
    cross = world.history.draft({}, [last, right])
    assert world.reasons(world.unsigned(cross))[-1] == "impure-merge"
    assert world.reasons(world.by_alice(cross))[-1] == "ok"


def test_a_merge_of_unrelated_history(world: World) -> None:
    root = world.unsigned(world.history.draft({"secrets/a.yaml": "a: planted\n"}))
    merge = world.history.draft({"secrets/a.yaml": "a: planted\n"}, [world.base, root])
    assert world.reasons(world.unsigned(merge)) == ["unsigned", "impure-merge"]


def test_a_conflict_that_somebody_resolved(world: World) -> None:
    one = world.by_alice(world.secret(content="a: one\n"))
    two = world.by_bob(world.secret(content="a: two\n"))
    for content in ("a: one\n", "a: two\n", "a: both\n"):
        merge = world.history.draft({"secrets/a.yaml": content}, [one, two])
        assert world.reasons(world.unsigned(merge))[-1] == "impure-merge"
        assert world.reasons(world.by_bob(merge))[-1] == "ok"


def test_a_merge_that_lets_a_deletion_happen(world: World) -> None:
    repo = world.history.repo
    gone = raw_tree(
        world, "\n".join(x for x in repo.git("ls-tree", world.base).splitlines() if "secrets" not in x) + "\n"
    )
    removed = world.by_alice(world.history.draft(parents=[world.base], tree=gone))
    other = world.unsigned(world.history.draft({"README": "x\n"}, [world.base]))
    back = world.history.draft({}, [other, removed])  # the secret is there again
    assert world.reasons(world.unsigned(back))[-1] == "impure-merge"
    pure = world.history.draft({"README": "x\n"}, [removed, other])
    assert world.reasons(world.unsigned(pure))[-1] == "not-needed"


def test_the_same_parent_twice(world: World) -> None:
    draft = world.secret()
    twice = Draft(draft.headers.replace(b"\nauthor", b"\nparent " + world.base.encode() + b"\nauthor", 1))
    assert world.verdict(world.by_alice(twice)).reason == "malformed"


def test_a_change_cannot_accept_itself(world: World) -> None:
    bad = world.unsigned(world.secret())
    accept = world.history.draft({".sopsguard.yaml": world.policy(accept_commits=f"[{bad}]")}, [bad])
    assert world.reasons(world.by_bob(accept)) == ["unsigned", "role-missing"]


def test_a_baseline_that_is_elsewhere_is_a_mistake(world: World) -> None:
    world.start(baseline="1" * 40)
    with pytest.raises(UserError, match="no ancestor"):
        world.reasons(world.unsigned(world.secret()))


@pytest.mark.parametrize("what", ["tree", "blob", "missing"])
def test_a_tip_that_is_no_commit(world: World, what: str) -> None:
    tips = {"tree": world.tree_of(world.base), "blob": world.history.repo.blob(b"x"), "missing": "9" * 40}
    with pytest.raises(UserError):
        world.reasons(tips[what])


def test_a_parent_line_that_git_itself_refuses(world: World) -> None:
    draft = world.secret()
    broken = world.by_alice(Draft(draft.headers.replace(b"\nparent ", b"\nparent  ")))
    with pytest.raises(UserError):
        world.reasons(broken)


# --- signatures ----------------------------------------------------------------------------------


def test_a_signature_that_was_copied(world: World) -> None:
    one, two = world.secret(), world.secret(content="a: other\n")
    for signature in (world.gpg.sign(one.payload, world.alice), world.bob.sign(one.payload)):
        tip = world.history.store(two.signed(signature, world.history.header))
        assert world.verdict(tip).reason == "bad-signature"


@pytest.mark.parametrize(
    "header",
    [
        b"gpgsig\n", b"gpgsigs x\n", b"GPGSIG x\n", b" continued\n", b"gpgsig \n",
        b"encoding a\nencoding b\n",
    ],
)  # fmt: skip
def test_headers_that_look_like_signatures(world: World, header: bytes) -> None:
    draft = world.secret(extra=header)
    assert world.verdict(world.unsigned(draft)).reason in ("malformed", "multiple-signatures")
    assert not world.verdict(world.by_alice(draft)).passes


@pytest.mark.parametrize("header", [b"encoding ISO-8859-1\n", b"HG:rename a\n", b"x-note one\n two\n"])
def test_headers_that_others_write_are_signed_with_the_rest(world: World, header: bytes) -> None:
    draft = world.secret(extra=header, message=b"\xe4\n")
    assert world.verdict(world.by_alice(draft)).reason == "ok"
    assert world.verdict(world.by_bob(draft)).reason == "ok"


def test_git_signs_what_we_verify(world: World, peer: Peer) -> None:
    """Commits that git itself makes, in both formats, also amended and merged."""
    repo = world.history.repo
    repo.git("config", "user.email", "ada@example.org")
    when = {"GIT_COMMITTER_DATE": f"@{START} +0000", "GNUPGHOME": str(world.gpg.home)}
    repo.git("config", "gpg.format", "ssh")
    repo.git("config", "user.signingkey", str(world.bob.path))
    repo.git("reset", "-q", "--hard", world.base)
    repo.write("secrets/a.yaml", "a: by git\n")
    repo.git("commit", "-q", "-S", "-am", "one", env=when)
    repo.git("commit", "-q", "--amend", "-S", "--no-edit", env=when)
    one = repo.git("rev-parse", "HEAD")
    repo.git("checkout", "-q", "-b", "side", world.base)
    repo.write("other", "x\n")
    repo.git("add", "other")
    repo.git("commit", "-q", "-S", "-m", "two\n\nlong text", env=when)
    repo.git("merge", "-q", "-S", "--no-edit", one, env=when)
    assert set(world.reasons("side")) == {"ok", "not-needed"}


def test_a_committer_that_the_signer_is_not(world: World) -> None:
    draft = world.secret(email="eve@example.org")
    assert world.verdict(world.by_alice(draft)).reason == "identity-mismatch"
    world.start(identity="off")
    assert world.verdict(world.by_alice(world.secret(email="eve@example.org"))).reason == "ok"
    world.start(identity="committer-and-author")
    draft = world.secret()
    other = Draft(draft.headers.replace(b"author Ada <ada@", b"author Ada <bob@"))
    assert world.verdict(world.by_alice(other)).reason == "identity-mismatch"
    world.start()
    draft = world.secret()
    other = Draft(draft.headers.replace(b"author Ada <ada@", b"author B <b@"))
    verdict = world.verdict(world.by_alice(other))
    assert verdict.reason == "ok"
    assert verdict.notices


def test_clocks(world: World) -> None:
    one = world.by_bob(world.secret())
    early = world.history.draft({"secrets/a.yaml": "a: 3\n"}, [one], time=START - 2000)
    assert world.reasons(world.by_bob(early)) == ["ok", "time-backwards"]
    assert world.reasons(world.by_alice(early, at=START - 2000)) == ["ok", "time-backwards"]
    assert world.verdict(world.by_alice(world.secret(), at=START + 601)).reason == "time-skew"
    assert world.verdict(world.by_alice(world.secret(), at=START - 599)).reason == "ok"
    before_base = world.secret(time=START - 3 * DAY)
    assert world.verdict(world.by_bob(before_base)).reason == "time-backwards"


def test_a_retired_key_is_never_an_admin(world: World, mallory: str) -> None:
    old = world.by_alice(world.history.draft({"keys/alice.asc": "x\n"}, [world.base]), mallory)
    retired = f"[{{openpgp: {mallory}, file: keys/old.asc, last_commit: {old}}}]"
    world.start({"keys/old.asc": world.gpg.export(mallory)}, retired=retired)
    assert world.verdict(old).reason == "role-missing"
    world.start(retired=f"[{{openpgp: {mallory}, last_commit: {old}}}]")
    assert not world.verdict(old).passes  # nothing to verify it with


# --- SSH -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "bits"),
    [("ed25519", None), ("rsa", 2048), ("rsa", 4096), ("ecdsa", 256), ("ecdsa", 384), ("ecdsa", 521)],
)
def test_every_kind_of_ssh_key(world: World, tmp_path: Path, peer: Peer, kind: str, bits: int | None) -> None:
    world.bob = SSH.make(peer("ssh-keygen"), tmp_path / "key", kind, bits)
    world.start()
    draft = world.secret()
    for options in ((), ("-O", "hashalg=sha256")):
        signature = world.bob.sign(draft.payload, "git", *options)
        tip = world.history.store(draft.signed(signature, world.history.header))
        assert world.verdict(tip).reason == "ok"


def test_ssh_signatures_that_were_tampered_with(world: World) -> None:
    from sopsguard.signatures import armor

    draft = world.secret()
    data = armor.body(world.bob.sign(draft.payload), "ssh")
    assert ssh.is_good(ssh.parse(data), draft.payload)
    for at in range(len(data)):
        changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        try:
            signature = ssh.parse(changed)
        except Refused:
            continue
        assert signature.key.wire != ssh.parse(data).key.wire or not ssh.is_good(signature, draft.payload)
    for changed in (data + b"\0", data[:-1], b"", data * 2):
        with pytest.raises(Refused):
            ssh.parse(changed)


def test_a_certificate_is_no_key(world: World, tmp_path: Path, peer: Peer) -> None:
    import subprocess

    authority = SSH.make(peer("ssh-keygen"), tmp_path / "ca")
    key = SSH.make(peer("ssh-keygen"), tmp_path / "user")
    names = ["-I", "x", "-n", "ada@example.org"]
    keygen = peer("ssh-keygen")
    subprocess.run([keygen, "-q", "-s", authority.path, *names, f"{key.path}.pub"], check=True)
    draft = world.secret()
    with_certificate = subprocess.run(
        [peer("ssh-keygen"), "-Y", "sign", "-n", "git", "-f", f"{key.path}-cert.pub"],
        input=draft.payload, capture_output=True, check=False,
    )  # fmt: skip
    tip = world.history.store(draft.signed(with_certificate.stdout, world.history.header))
    assert world.verdict(tip).reason == "unsupported-format"


def test_an_untouched_key_is_fine_where_no_touch_is_asked_for(world: World) -> None:
    token = SecurityKey.make()
    world.bob = token  # type: ignore[assignment] # it signs as an SSH key does
    world.start()
    draft = world.secret()
    tip = world.history.store(draft.signed(token.sign(draft.payload, flags=0), world.history.header))
    assert world.verdict(tip).reason == "ok"
    other = SecurityKey.make()
    tip = world.history.store(draft.signed(other.sign(draft.payload), world.history.header))
    assert world.verdict(tip).reason == "unknown-key"


# --- repositories --------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["sequoia", "gpg"])
def test_a_sha256_repository(world: World, tmp_path: Path) -> None:
    world.history = History(tmp_path / "sha256", "sha256")
    world.start()
    good = world.by_bob(world.secret([world.by_alice(world.secret())], "a: 3\n"))
    assert world.reasons(good) == ["ok", "ok"]
    assert world.verdict(world.unsigned(world.secret())).reason == "unsigned"
    draft = world.secret()
    other = draft.signed(world.gpg.sign(draft.payload, world.alice), "gpgsig")
    assert world.verdict(world.history.store(other)).reason == "unsigned"
    both = folded("gpgsig", b"anything") + folded("gpgsig-sha256", world.gpg.sign(draft.payload, world.alice))
    assert world.verdict(world.history.store(draft.headers + both + b"\n" + draft.message)).reason == "ok"


@pytest.mark.parametrize("what", ["blob:none", "tree:0"])
def test_a_partial_clone_is_right_or_refused(world: World, tmp_path: Path, what: str) -> None:
    world.history.at("main", world.base)
    world.history.at("change", world.unsigned(world.history.draft({"apps/db.json": SOPS}, [world.base])))
    world.history.repo.git("config", "uploadpack.allowFilter", "true")
    clone = Repo(tmp_path / "clone")
    where = f"file://{world.history.repo.root}"
    world.history.repo.git("clone", "-q", "--no-checkout", f"--filter={what}", where, str(clone.root))
    repository = discover(str(clone.root))
    with pytest.raises(UserError):
        list(judged(repository, trusted(repository, "origin/main"), ["origin/main"], ["origin/change"], NOW))


def test_a_commit_graph_that_lies_is_not_read(world: World) -> None:
    repo = world.history.repo
    bad = world.unsigned(world.secret())
    tip = world.by_alice(world.secret([bad], "a: 3\n"))
    world.history.at("main", tip)
    repo.git("commit-graph", "write", "--reachable")
    graph = repo.root / ".git/objects/info/commit-graph"
    graph.chmod(0o644)
    data = graph.read_bytes()
    order = sorted([world.base, bad, tip])
    # The graph names parents by their place in the order; here the tip gets the base as its parent.
    at = data.index(bytes.fromhex(world.tree_of(tip)))
    place = order.index(world.base).to_bytes(4, "big")
    graph.write_bytes(data[: at + 20] + place + data[at + 24 :])
    assert repo.git("rev-list", "--count", tip) == "2"  # git believes it
    assert world.reasons(tip) == ["unsigned", "ok"]


def test_a_policy_that_cannot_be_read_stops_everything(world: World) -> None:
    for text in ("signatures: {signers: {}}\n", "signatures:\n  signer: {}\n", "signatures: ["):
        world.start({".sopsguard.yaml": text})
        with pytest.raises(UserError, match=r"\.sopsguard\.yaml"):
            world.trust()


def test_keys_alone_are_a_convention(world: World, mallory: str) -> None:
    world.start({".sopsguard.yaml": "version: 1\n"})
    trust = world.trust()
    assert not trust.has_policy
    assert world.verdict(world.by_alice(world.secret())).reason == "ok"
    assert world.verdict(world.by_alice(world.secret(), mallory)).reason == "unknown-key"
    assert world.verdict(world.unsigned(world.secret())).reason == "unsigned"
    brings = world.history.draft({"keys/m.asc": world.gpg.export(mallory)}, [world.base])
    assert world.verdict(world.by_alice(brings, mallory)).reason == "not-authorised"


def test_nothing_at_all_is_said_so(world: World) -> None:
    base = world.unsigned(world.history.draft({"README": "x\n"}))
    trust = world.trust(base)
    assert trust.authority is None
    with pytest.raises(UserError, match="nothing says who may sign"):
        world.verdicts(base, trust=trust)


# --- audits --------------------------------------------------------------------------------------


def test_an_audit_judges_each_commit_by_its_parents(world: World, stranger: SSH) -> None:
    first = world.base
    line = f'{{key: "{world.bob.public}"}}'
    policy = world.policy(baseline=first).replace(line, f'{{key: "{stranger.public}"}}')
    by_bob = world.by_bob(world.secret())
    swapped = world.by_alice(world.history.draft({".sopsguard.yaml": policy}, [by_bob]))
    by_stranger = world.by_bob(world.secret([swapped], "a: 4\n"), stranger)
    by_bob_again = world.by_bob(world.secret([by_stranger], "a: 5\n"))
    early = world.by_bob(world.secret(content="a: early\n"), stranger)
    merged = world.by_alice(world.secret([by_bob_again, early], "a: 6\n"))
    found = {v.oid: v.reason.value for v in world.audit(merged)}
    assert [found[oid] for oid in (by_bob, swapped, by_stranger, by_bob_again, early, merged)] == [
        "ok", "ok", "ok", "unknown-key", "unknown-key", "ok",
    ]  # fmt: skip


def test_an_audit_passes_over_what_the_baseline_reaches(world: World) -> None:
    old = world.unsigned(world.secret())
    adopted = world.history.draft({".sopsguard.yaml": world.policy(baseline=old)}, [old])
    tip = world.by_alice(world.secret([world.by_alice(adopted)], "a: 3\n"))
    assert [v.reason for v in world.audit(tip)] == ["pre-baseline", "pre-baseline", "ok", "ok"]


def test_a_merge_needs_a_signer_whom_both_sides_allow(world: World) -> None:
    without = world.policy(baseline=world.base).partition("    bob:")[0]
    left = world.by_alice(world.history.draft({".sopsguard.yaml": without}, [world.base]))
    right = world.by_bob(world.secret())
    evil = world.history.draft({".sopsguard.yaml": without, "secrets/a.yaml": "a: evil\n"}, [left, right])
    for merge, reason in ((world.by_bob(evil), "impure-merge"), (world.by_alice(evil), "ok")):
        repository = discover(str(world.history.repo.root))
        assert list(audited(repository, trusted(repository, merge), NOW))[-1].reason == reason


def test_an_old_branch_is_merged_by_somebody_who_came_later(world: World, stranger: SSH) -> None:
    more = f'    carol:\n      emails: [ada@example.org]\n      ssh: "{stranger.public}"\n'
    joined = world.by_alice(world.history.draft({".sopsguard.yaml": world.policy() + more}, [world.base]))
    ours = world.by_bob(world.secret([joined], "a: ours\n"))
    theirs = world.by_bob(world.secret(content="a: theirs\n"))
    files = {".sopsguard.yaml": world.policy() + more, "secrets/a.yaml": "a: both\n"}
    merge = world.by_bob(world.history.draft(files, [ours, theirs]), stranger)
    assert world.audit(merge)[-1].reason == "ok"
    other_way = world.by_bob(world.history.draft(files, [theirs, ours]), stranger)
    assert world.audit(other_way)[-1].reason == "ok"


def test_armor_is_written_back_as_it_was(world: World) -> None:
    from sopsguard.signatures import armor

    draft = world.secret()
    data = armor.body(world.gpg.sign(draft.payload, world.alice), "openpgp")
    assert armor.body(armored(data), "openpgp") == data


@pytest.mark.parametrize(
    "name", [b"secrets/\xff\xfe", b"secrets/a\nb", b'secrets/"x"', b"secrets/\xed\xa0\x80", b":(top)x"]
)
def test_names_that_are_no_text(world: World, name: bytes) -> None:
    repo = world.history.repo
    index = {"GIT_INDEX_FILE": str(repo.root / ".git" / "odd-index")}
    repo.git("read-tree", world.base, env=index)
    entry = f"100644 {repo.blob(b'odd')}\t".encode() + name + b"\0"
    repo.git("update-index", "-z", "--index-info", input=entry, env=index)
    tree = repo.git("write-tree", env=index)
    tip = world.unsigned(world.history.draft(parents=[world.base], tree=tree))
    assert world.verdict(tip).reason == ("unsigned" if name.startswith(b"secrets/") else "not-needed")
    other = world.unsigned(world.history.draft({"README": "x\n"}, [world.base]))
    # The merge brings in what one side has, and takes back the readme, which nobody protects.
    merge = world.unsigned(world.history.draft(parents=[other, tip], tree=tree))
    assert world.reasons(merge)[-1] == "not-needed"
