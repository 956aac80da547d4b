"""The hooks around a commit and a push, as git, pre-commit and prek call them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT, Peer
from tests.gitrepo import Repo
from tests.signatures.conftest import World
from tests.signatures.people import SSH
from tests.sopsguard_command import sopsguard
from tests.throwaway import age_identity

pytestmark = [pytest.mark.peer("gpg"), pytest.mark.peer("ssh-keygen")]

MANIFEST = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
HOOKS = ("pre-commit", "pre-merge-commit", "pre-push", "post-commit", "post-merge")
POLICY = """\
signatures:
  protect: ["secrets/**"]
  signers:
    bob: {{roles: [commit, admin], emails: [ada@example.org], ssh: ["{key}"]}}
"""


@pytest.fixture
def engine() -> str:
    """SSH signs here."""
    return "sequoia"


class Desk:
    """A clone in which Bob works, its remote, and how git signs there."""

    def __init__(self, root: Path, bob: SSH) -> None:
        self.origin = Repo.init(root / "origin.git", bare=True)
        self.repo = Repo.init(root / "desk")
        self.bob = bob
        files = {".sopsguard.yaml": POLICY.format(key=bob.public), "secrets/note": "one\n", "README": "x\n"}
        self.base = self.repo.commit(files)
        self.repo.git("remote", "add", "origin", str(self.origin.root))
        self.repo.git("push", "-q", "origin", "main")
        self.sign("gpg.format", "ssh", "user.signingkey", f"{bob.path}.pub", "commit.gpgsign", "true")

    def sign(self, *settings: str) -> None:
        for name, value in zip(settings[::2], settings[1::2], strict=True):
            self.repo.git("config", name, value)

    def change(self, path: str = "secrets/note", text: str = "two\n", *, signed: bool = True) -> str:
        self.repo.stage(path, text)
        done = self.git("commit", "-q", "-m", "change", "--no-gpg-sign" if not signed else "--gpg-sign")
        assert done[0] == 0, done[1]
        return self.repo.git("rev-parse", "HEAD")

    def git(self, *arguments: str, **env: str) -> tuple[int, str]:
        done = self.repo.run(*arguments, env=env, check=False)
        return done.returncode, (done.stdout + done.stderr).decode("utf-8", "replace")

    def at(self, path: str) -> Path:
        return self.repo.root / ".git" / "hooks" / path


@pytest.fixture
def desk(tmp_path: Path, bob: SSH) -> Desk:
    return Desk(tmp_path, bob)


@pytest.fixture
def native(desk: Desk) -> Desk:
    said = sopsguard(desk.repo.root, "install-hooks")
    assert said.code == 0, said.err
    return desk


# --- native ----------------------------------------------------------------------------------------------


def test_a_signed_commit_is_made_and_pushed(native: Desk) -> None:
    native.change()
    code, said = native.git("push", "origin", "main")
    assert code == 0, said
    assert "1 needed a signature, 1 verified" in said


def test_an_unsigned_one_is_warned_of_told_and_stopped(native: Desk) -> None:
    native.sign("commit.gpgsign", "false")
    native.repo.stage("secrets/note", "two\n")
    code, said = native.git("commit", "-m", "change")
    assert code == 0, said
    assert "warning: this commit touches secrets/note, which needs a signature" in said
    assert "git config commit.gpgsign true" in said
    assert "a push would not accept the last commit" in said
    assert "git commit --amend -S --no-edit" in said
    code, said = native.git("push", "origin", "main")
    assert code != 0
    assert "[unsigned-commit, proved]" in said
    assert native.git("commit", "--amend", "-S", "--no-edit")[0] == 0
    assert native.git("push", "origin", "main")[0] == 0


def test_what_needs_no_signature_is_not_spoken_of(native: Desk) -> None:
    native.sign("commit.gpgsign", "false")
    native.repo.stage("README", "more\n")
    code, said = native.git("commit", "-m", "change")
    assert (code, "warning" in said, "push would" in said) == (0, False, False), said
    assert native.git("push", "origin", "main")[0] == 0


def test_a_key_that_the_policy_does_not_know_is_told_before(native: Desk, stranger: SSH) -> None:
    native.sign("user.signingkey", f"{stranger.path}.pub")
    native.repo.stage("secrets/note", "two\n")
    code, said = native.git("commit", "-m", "change")
    assert (code, "the policy does not know the signing key" in said) == (0, True), said
    native.sign("user.signingkey", str(native.bob.path), "user.email", "ada@example.org")
    native.repo.stage("secrets/note", "three\n")
    assert "policy does not know" not in native.git("commit", "--amend", "-m", "change")[1]
    native.repo.stage("secrets/note", "four\n")
    said = native.git("commit", "-m", "change", GIT_COMMITTER_EMAIL="other@example.org")[1]
    assert "other@example.org is no address of bob" in said


def test_49_every_pushed_ref_is_judged(native: Desk) -> None:
    native.repo.git("checkout", "-q", "-b", "good")
    native.change()
    native.repo.git("checkout", "-q", "-b", "bad", "main")
    native.change(signed=False)
    secret, _ = age_identity()
    native.repo.commit({"key.txt": secret})  # with --no-verify
    code, said = native.git("push", "origin", "good", "bad")
    assert code != 0
    assert ("[unsigned-commit, proved]" in said, "key.txt:1:1: error" in said, secret in said) == (
        True, True, False,
    )  # fmt: skip
    assert native.git("push", "origin", "good")[0] == 0
    assert native.git("push", "origin", ":good")[0] == 0  # a deletion publishes nothing


def test_the_first_push_of_a_repository_and_tags_are_judged(tmp_path: Path, native: Desk) -> None:
    empty = Repo.init(tmp_path / "empty.git", bare=True)
    native.repo.git("remote", "add", "empty", str(empty.root))
    code, said = native.git("push", "empty", "main")
    assert (code, "commit" in said) == (0, True), said
    bad = native.change(signed=False)
    native.repo.git("tag", "-a", "-m", "release", "v1")
    native.repo.git("reset", "-q", "--hard", native.base)
    code, said = native.git("push", "origin", "v1")
    assert (code != 0, bad[:12] in said) == (True, True), said


def test_a_branch_is_judged_by_the_default_branch_not_by_itself(native: Desk, stranger: SSH) -> None:
    """The remote's own branch of that name may have been won before."""
    lax = POLICY.format(key=stranger.public)
    native.repo.git("checkout", "-q", "-b", "mine")
    native.repo.commit({".sopsguard.yaml": lax})
    assert native.git("push", "--no-verify", "origin", "mine")[0] == 0
    native.sign("user.signingkey", f"{stranger.path}.pub")
    native.change()
    assert native.git("push", "origin", "mine")[0] != 0


def test_a_merge_is_told_of_too(native: Desk) -> None:
    native.repo.git("checkout", "-q", "-b", "side")
    native.change("secrets/note", "side\n")
    native.repo.git("checkout", "-q", "main")
    native.change("secrets/note", "main\n")
    native.sign("commit.gpgsign", "false")
    assert native.git("merge", "--no-ff", "side")[0] != 0
    native.repo.stage("secrets/note", "both\n")
    said = native.git("commit", "--no-edit", "-m", "merged")[1]
    assert "[impure-merge]" in said


def test_50_51_what_git_really_commits_is_judged(native: Desk) -> None:
    secret, _ = age_identity()
    native.repo.stage("a", secret)
    native.repo.write("a", "clean\n")
    assert native.git("commit", "-m", "change")[0] != 0
    native.repo.git("reset", "-q", "--hard")
    native.repo.commit({"a": "x\n"})
    native.repo.git("update-index", "--assume-unchanged", "a")
    native.repo.write("a", "y\n")
    native.repo.index_entry("100644", native.repo.blob(secret.encode()), "a")
    assert native.git("commit", "-m", "change")[0] != 0
    native.repo.git("reset", "-q", "--hard")
    native.repo.write("a", secret)
    native.repo.stage("b", "clean\n")
    assert native.git("commit", "-m", "change", "--", "a")[0] != 0
    assert native.git("commit", "-m", "change", "--", "b")[0] == 0


def test_by_convention_only_the_hook_of_its_own_speaks(native: Desk, world: World) -> None:
    repo = native.repo
    repo.git("rm", "-q", ".sopsguard.yaml")
    repo.commit({"keys/alice.asc": world.gpg.export(world.alice)})
    repo.git("push", "-q", "--no-verify", "origin", "main")
    native.sign("commit.gpgsign", "false", "gpg.format", "openpgp")
    repo.stage("secrets/note", "two\n")
    assert "warning" not in sopsguard(repo.root, "hook").out
    assert "needs a signature" in sopsguard(repo.root, "hook", "--only", "signatures").out
    said = native.git("commit", "-m", "change")[1]
    assert "no policy demands it" in said
    assert native.git("push", "origin", "main")[0] == 0


def test_a_remote_may_have_a_slash_in_its_name_or_none_at_all(native: Desk) -> None:
    native.repo.git("remote", "rename", "origin", "team/origin")
    native.change(signed=False)
    code, said = native.git("push", "team/origin", "main")
    assert (code, "1 commit" in said) == (1, True), said
    assert native.git("push", str(native.origin.root), "main")[0] == 1


# --- installing ------------------------------------------------------------------------------------------


def test_installing_twice_changes_nothing_and_uninstalling_leaves_nothing(desk: Desk) -> None:
    before = sorted(p.name for p in desk.at("").iterdir())
    sopsguard(desk.repo.root, "install-hooks")
    first = {hook: desk.at(hook).read_bytes() for hook in HOOKS}
    said = sopsguard(desk.repo.root, "install-hooks")
    assert said.out.count("is installed") == len(HOOKS)
    assert {hook: desk.at(hook).read_bytes() for hook in HOOKS} == first
    assert all(os.access(desk.at(hook), os.X_OK) for hook in HOOKS)
    assert sopsguard(desk.repo.root, "install-hooks", "--uninstall").code == 0
    assert sorted(p.name for p in desk.at("").iterdir()) == before
    assert sopsguard(desk.repo.root, "install-hooks", "--uninstall").out.count("none of ours") == len(HOOKS)


def test_somebodys_hooks_run_first_can_refuse_and_come_back(desk: Desk) -> None:
    log = desk.repo.root.parent / "log"
    desk.repo.hook("pre-commit", f"#!/bin/sh\necho commit >> '{log}'\n")
    desk.repo.hook("pre-push", f"#!/bin/sh\ncat >> '{log}'\necho $1 >> '{log}'\n")
    desk.repo.hook("post-merge", "#!/bin/sh\nexit 1\n")
    desk.at("post-commit").write_text("switched off\n")
    theirs = {hook: desk.at(hook).read_bytes() for hook in ("pre-commit", "pre-push", "post-merge")}
    assert sopsguard(desk.repo.root, "install-hooks").code == 0
    tip = desk.change()
    assert desk.git("push", "origin", "main")[0] == 0
    assert log.read_text().splitlines() == [
        "commit", f"refs/heads/main {tip} refs/heads/main {desk.base}", "origin",
    ]  # fmt: skip
    sopsguard(desk.repo.root, "install-hooks", "--uninstall")
    assert {hook: desk.at(hook).read_bytes() for hook in theirs} == theirs
    assert os.access(desk.at("pre-push"), os.X_OK)
    assert not os.access(desk.at("post-commit"), os.X_OK)
    desk.repo.hook("pre-commit", "#!/bin/sh\nexit 1\n")
    sopsguard(desk.repo.root, "install-hooks")
    desk.repo.stage("README", "y\n")
    assert desk.git("commit", "-m", "change")[0] != 0


def test_what_is_no_plain_file_or_would_be_lost_is_left_alone(desk: Desk) -> None:
    elsewhere = desk.repo.root.parent / "hook"
    elsewhere.write_text("#!/bin/sh\n")
    desk.at("pre-commit").symlink_to(elsewhere)
    desk.repo.hook("pre-push", "#!/bin/sh\n# one\n")
    desk.at("pre-push.before-sopsguard").write_text("#!/bin/sh\n# other\n")
    said = sopsguard(desk.repo.root, "install-hooks")
    assert said.code == 1
    assert "pre-commit: is a link" in said.out
    assert desk.at("pre-push").read_text().endswith("# one\n")
    assert elsewhere.read_text() == "#!/bin/sh\n"


def test_worktrees_and_hooks_paths_are_where_git_looks(desk: Desk) -> None:
    linked = desk.repo.root.parent / "linked"
    desk.repo.git("worktree", "add", "-q", str(linked))
    assert sopsguard(linked, "install-hooks").code == 0
    assert desk.at("pre-push").exists()
    sopsguard(linked, "install-hooks", "--uninstall")
    desk.repo.git("config", "core.hooksPath", ".githooks")
    assert sopsguard(desk.repo.root, "install-hooks").code == 0
    desk.change(signed=False)
    assert desk.git("push", "origin", "main")[0] != 0
    desk.repo.git("config", "core.hooksPath", str(desk.repo.root.parent / "shared"))
    said = sopsguard(desk.repo.root, "install-hooks")
    assert (said.code, "outside of this repository" in said.err) == (2, True)


def test_a_sopsguard_that_is_gone_stops_what_can_be_stopped(native: Desk) -> None:
    for hook in HOOKS:
        text = native.at(hook).read_text().replace(sys.executable, "/nowhere/python")
        native.at(hook).write_text(text)
    native.repo.stage("README", "y\n")
    code, said = native.git("commit", "-m", "change", PATH="/usr/bin:/bin")
    assert (code != 0, "nothing was judged" in said) == (True, True), said


def test_standard_input_that_is_not_gits_is_refused(desk: Desk) -> None:
    for lines, code in ((b"", 0), (b"a b\n", 2), (b"refs/heads/x nothex y 00\n", 2)):
        done = subprocess.run(
            [sys.executable, "-P", "-m", "sopsguard", "hook", "--refs", "origin"],
            cwd=desk.repo.root, input=lines, capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stderr


# --- frameworks ------------------------------------------------------------------------------------------


@pytest.fixture(params=["pre-commit", "prek"])
def framed(request: pytest.FixtureRequest, peer: Peer, desk: Desk, tmp_path: Path) -> Desk:
    """The desk with both hooks of ours, their entries unchanged, run by a framework."""
    runner = peer(request.param)
    ids = ("sopsguard-signatures", "sopsguard-push")
    entries = [dict(h, language="system") for h in MANIFEST if h["id"] in ids]
    types = ["pre-commit", "pre-push", "post-commit", "post-merge"]
    config = {"default_install_hook_types": types, "repos": [{"repo": "local", "hooks": entries}]}
    desk.repo.commit({".pre-commit-config.yaml": yaml.safe_dump(config)})
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "sopsguard"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P -m sopsguard "$@"\n')
    program.chmod(0o755)
    os.environ["PATH"] = f"{folder}{os.pathsep}{runner.parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run([runner, "install"], cwd=desk.repo.root, check=True, capture_output=True)
    return desk


@pytest.fixture(autouse=True)
def _path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.environ["PATH"])  # `framed` changes it


def test_the_framework_warns_tells_and_blocks(framed: Desk) -> None:
    framed.sign("commit.gpgsign", "false")
    framed.repo.stage("secrets/note", "two\n")
    code, said = framed.git("commit", "-m", "change")
    assert code == 0, said
    assert "needs a signature, and git does not sign by itself" in said
    assert "a push would not accept the last commit" in said
    code, said = framed.git("push", "origin", "main")
    assert (code != 0, "[unsigned-commit, proved]" in said) == (True, True), said
    assert "only the first ref of a push is visible" in said
    assert framed.git("commit", "--amend", "-S", "--no-edit")[0] == 0
    code, said = framed.git("push", "origin", "main")
    assert code == 0, said


def test_the_framework_judges_a_whole_history(framed: Desk, tmp_path: Path) -> None:
    """A push of the first commit comes without a range: pre-commit tells no tip either."""
    secret, _ = age_identity()
    framed.repo.commit({"key.txt": secret})
    framed.repo.commit({"key.txt": "gone\n"})
    empty = Repo.init(tmp_path / "empty.git", bare=True)
    framed.repo.git("remote", "add", "empty", str(empty.root))
    code, said = framed.git("push", "empty", "main")
    assert (code != 0, "key.txt:1:1: error" in said) == (True, True), said


def test_the_framework_and_native_hooks_stand_each_other(framed: Desk) -> None:
    assert sopsguard(framed.repo.root, "install-hooks").code == 0
    framed.change(signed=False)
    assert framed.git("push", "origin", "main")[0] != 0
    assert framed.git("commit", "--amend", "-S", "--no-edit")[0] == 0
    code, said = framed.git("push", "origin", "main")
    assert code == 0, said
