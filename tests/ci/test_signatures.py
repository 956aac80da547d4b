"""Signatures in pipelines: by the tip of the trusted branch, merged or not, nightly from the baseline."""

from pathlib import Path

import pytest

from tests.ci.forge import Forge, push_event, run
from tests.conftest import Peer
from tests.gitrepo import Repo
from tests.signatures.people import SSH
from tests.throwaway import age_identity

pytestmark = pytest.mark.peer("ssh-keygen")

NOTE = "secrets/note"


@pytest.fixture
def bob(peer: Peer, tmp_path: Path) -> SSH:
    return SSH.make(peer("ssh-keygen"), tmp_path / "bob")


@pytest.fixture
def carol(peer: Peer, tmp_path: Path) -> SSH:
    return SSH.make(peer("ssh-keygen"), tmp_path / "carol")


def policy(bob: SSH, carol: SSH, **settings: str) -> str:
    lines = [f"  {name}: {value}" for name, value in settings.items()]
    return "\n".join([
        "signatures:", *lines, '  protect: ["secrets/**"]', "  signers:",
        f'    bob: {{roles: [admin], emails: [ada@example.org], ssh: ["{bob.public}"]}}',
        f'    carol: {{emails: [ada@example.org], ssh: ["{carol.public}"]}}', "",
    ])  # fmt: skip


@pytest.fixture
def forge(tmp_path: Path, bob: SSH, carol: SSH) -> Forge:
    """Its main branch says that Bob is an admin and Carol may sign; Bob signed what is there."""
    made = Forge(tmp_path, {NOTE: "one\n", ".sopsguard.yaml": "version: 1\n"})
    signs(made.work, bob)
    made.branch("main", {".sopsguard.yaml": policy(bob, carol, baseline=made.tip("main"))})
    return made


def signs(work: Repo, who: SSH | None) -> None:
    """From now on this one signs, or nobody."""
    work.git("config", "commit.gpgsign", "true" if who else "false")
    if who:
        work.git("config", "gpg.format", "ssh")
        work.git("config", "user.signingkey", f"{who.path}.pub")


def proposed(forge: Forge, head: str, *options: str) -> tuple[int, str]:
    _, event = forge.pull_request(head)
    said = run(forge.clone("refs/pull/7/merge"), "pull_request", event, *options)
    return said.code, said.out + said.err


def test_a_signed_change_passes_and_an_unsigned_one_does_not(forge: Forge, carol: SSH) -> None:
    signs(forge.work, carol)
    code, said = proposed(forge, forge.branch("good", {NOTE: "two\n"}))
    assert (code, "1 needed a signature, 1 verified" in said) == (0, True), said
    signs(forge.work, None)
    code, said = proposed(forge, forge.branch("bad", {NOTE: "two\n"}))
    assert (code, "[unsigned-commit, proved]" in said) == (1, True), said


def test_4_a_change_that_brings_its_own_signer_fails(
    forge: Forge, bob: SSH, peer: Peer, tmp_path: Path
) -> None:
    evil = SSH.make(peer("ssh-keygen"), tmp_path / "evil")
    signs(forge.work, evil)
    forge.branch("evil", {".sopsguard.yaml": policy(evil, bob)})
    code, said = proposed(forge, forge.branch("evil", {NOTE: "two\n"}, at="evil"))
    assert (code, said.count("(not-authorised)")) == (1, 2), said


def test_a_revoked_signer_counts_no_more_though_the_pull_request_is_older(
    forge: Forge, bob: SSH, carol: SSH
) -> None:
    signs(forge.work, carol)
    head = forge.branch("late", {NOTE: "two\n"})
    assert proposed(forge, head)[0] == 0
    signs(forge.work, bob)
    forge.branch("main", {".sopsguard.yaml": policy(bob, bob).split("    carol")[0]})
    code, said = proposed(forge, head)
    assert (code, "(unknown-key)" in said) == (1, True), said


def test_16_a_squash_on_the_branch_is_found_by_the_push(forge: Forge, carol: SSH) -> None:
    signs(forge.work, carol)
    head = forge.branch("good", {NOTE: "two\n"})
    assert proposed(forge, head)[0] == 0
    before = forge.tip("main")
    signs(forge.work, None)
    after = forge.branch("main", {NOTE: "two\n"})  # as the forge's button writes it: a new, unsigned commit
    clone = forge.clone("refs/heads/main")
    said = run(clone, "push", push_event("refs/heads/main", before, after))
    assert (said.code, "(unsigned)" in said.out) == (1, True), said


def test_46_a_change_of_the_workflow_needs_an_admin(forge: Forge, carol: SSH, bob: SSH) -> None:
    """What drops the check itself cannot be stopped from inside; the push and the nightly run tell it."""
    before = forge.tip("main")
    signs(forge.work, carol)
    after = forge.branch("main", {".github/workflows/check.yml": "on: push\n"})
    clone = forge.clone("refs/heads/main")
    said = run(clone, "push", push_event("refs/heads/main", before, after))
    assert (said.code, "(role-missing)" in said.out) == (1, True), said
    nightly = {"repository": {"full_name": "acme/infra", "default_branch": "main"}, "schedule": "17 3 * * *"}
    env = {"GITHUB_SHA": after, "GITHUB_REF": "refs/heads/main"}
    said = run(clone, "schedule", nightly, env=env)
    assert (said.code, "(role-missing)" in said.out) == (1, True), said


def test_the_nightly_run_judges_from_the_baseline(forge: Forge, carol: SSH) -> None:
    signs(forge.work, carol)
    after = forge.branch("main", {NOTE: "two\n"})
    nightly = {"repository": {"full_name": "acme/infra", "default_branch": "main"}, "schedule": "17 3 * * *"}
    env = {"GITHUB_SHA": after, "GITHUB_REF": "refs/heads/main"}
    said = run(forge.clone("refs/heads/main"), "schedule", nightly, "--only=signatures", env=env)
    assert said.code == 0, said
    assert "3 commits, 2 needed a signature, 2 verified, 1 older than the baseline" in said.out


def test_45_nothing_of_the_change_is_loaded(forge: Forge, carol: SSH) -> None:
    signs(forge.work, carol)
    trap = "import os; os._exit(0)\n"
    names = ("yaml.py", "pysequoia.py", "sitecustomize.py", "cryptography.py", "json.py", "sopsguard.py")
    head = forge.branch("trap", {**dict.fromkeys(names, trap), "key.txt": age_identity()[0]})
    code, said = proposed(forge, head)
    assert (code, "key.txt:1:1: error" in said) == (1, True), said


def test_what_an_admin_signs_counts_for_the_change_itself(forge: Forge, bob: SSH, carol: SSH) -> None:
    text = f"# sopsguard: allow[plaintext-private-key] a sample\n{age_identity()[0]}\n"
    for who, code in ((bob, 0), (carol, 1)):
        signs(forge.work, who)
        assert proposed(forge, forge.branch("sample", {"key.txt": text}))[0] == code


def test_a_pipeline_may_require_that_there_is_a_policy(tmp_path: Path, bob: SSH, carol: SSH) -> None:
    forge = Forge(tmp_path / "new", {NOTE: "one\n"})
    signs(forge.work, bob)
    code, said = proposed(forge, forge.branch("a", {NOTE: "two\n"}), "--require-signatures")
    assert (code, "no policy that says who may sign" in said) == (2, True), said
    begins = forge.branch("b", {".sopsguard.yaml": policy(bob, carol)})
    code, said = proposed(forge, begins, "--require-signatures")
    assert (code, "--allow-bootstrap lets it pass" in said) == (2, True), said
    code, said = proposed(forge, begins, "--require-signatures", "--allow-bootstrap")
    assert code == 0, said
    code, said = proposed(forge, forge.tip("a"), "--require-signatures", "--allow-bootstrap")
    assert code == 2, said


def test_10_a_shallow_checkout_is_refused(forge: Forge, carol: SSH) -> None:
    signs(forge.work, None)
    forge.branch("deep", {NOTE: "two\n"})
    signs(forge.work, carol)
    _, event = forge.pull_request(forge.branch("deep", {NOTE: "three\n"}, at="deep"))
    for depth in (1, 2, 3):
        assert run(forge.clone("refs/pull/7/merge", depth=depth), "pull_request", event).code == 2
