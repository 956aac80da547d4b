"""The hooks as users have them: the manifest's own entries through real git, pre-commit and prek."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from sopsguard.sops.editor import encrypt
from tests.conftest import ROOT, Peer
from tests.gitrepo import Repo
from tests.throwaway import age_identity, github_token, wireguard_key

MANIFEST: list[dict[str, Any]] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
IDS = [hook["id"] for hook in MANIFEST]
# Those that judge what is staged; the others have tests of their own in tests/signatures.
STAGED = ["sopsguard", "sopsguard-plaintext"]
RUNNERS = ("pre-commit", "prek")


@pytest.fixture(params=RUNNERS)
def runner(request: pytest.FixtureRequest, peer: Peer) -> str:
    return str(peer(request.param))


@pytest.fixture
def bin_folder(tmp_path: Path) -> Path:
    """A folder that holds a `sopsguard`, to stand first in the PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "sopsguard"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P -m sopsguard "$@"\n')
    program.chmod(0o755)
    return folder


class Guarded:
    """A repository whose hooks are run by a framework."""

    def __init__(self, repo: Repo, runner: str, path: str) -> None:
        self.repo = repo
        self.runner = runner
        self.env = {"PATH": path}

    def commit(self, *arguments: str) -> tuple[int, str]:
        done = self.repo.run("commit", "-m", "change", *arguments, env=self.env, check=False)
        return done.returncode, (done.stdout + done.stderr).decode("utf-8", "replace")

    def run(self, *arguments: str) -> tuple[int, str]:
        done = subprocess.run(
            [self.runner, "run", *arguments],
            cwd=self.repo.root,
            env={**os.environ, **self.env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        return done.returncode, (done.stdout + done.stderr).decode("utf-8", "replace")


def guarded(tmp_path: Path, bin_folder: Path, runner: str, hook: str) -> Guarded:
    """A repository with one hook of the manifest, its entry unchanged, found in the PATH."""
    repo = Repo.init(tmp_path / "repo")
    entry = dict(next(h for h in MANIFEST if h["id"] == hook), language="system")
    repo.commit(
        {
            ".pre-commit-config.yaml": yaml.safe_dump({"repos": [{"repo": "local", "hooks": [entry]}]}),
            "a": "x\n",
        }
    )
    path = f"{bin_folder}{os.pathsep}{Path(runner).parent}{os.pathsep}{os.environ['PATH']}"
    made = Guarded(repo, runner, path)
    installed = subprocess.run(
        [runner, "install"], cwd=repo.root, env={**os.environ, "PATH": path}, capture_output=True, check=False
    )
    assert installed.returncode == 0, installed.stderr
    return made


@pytest.mark.parametrize("hook", STAGED)
def test_a_commit_with_a_key_is_stopped_and_a_clean_one_passes(
    tmp_path: Path, bin_folder: Path, runner: str, hook: str
) -> None:
    it = guarded(tmp_path, bin_folder, runner, hook)
    secret, _ = age_identity()
    it.repo.stage("key.txt", secret)
    code, said = it.commit()
    assert (code != 0, "key.txt:1:1: error: " in said, secret in said) == (True, True, False), said
    it.repo.stage("key.txt", "moved to the safe\n")
    code, said = it.commit()
    assert code == 0, said


def test_what_is_staged_counts_not_what_lies_on_disk(tmp_path: Path, bin_folder: Path, runner: str) -> None:
    it = guarded(tmp_path, bin_folder, runner, "sopsguard-plaintext")
    it.repo.stage("a", f"TOKEN={github_token()}\n")
    it.repo.write("a", "clean again\n")
    assert it.commit()[0] != 0
    it.repo.stage("a", "clean\n")
    it.repo.write("a", f"TOKEN={github_token()}\n")
    code, said = it.commit()
    assert code == 0, said
    assert "TOKEN" in (it.repo.root / "a").read_text()


def test_commit_all_and_commit_path_judge_what_they_commit(
    tmp_path: Path, bin_folder: Path, runner: str
) -> None:
    it = guarded(tmp_path, bin_folder, runner, "sopsguard-plaintext")
    it.repo.commit({"b": "y\n"})
    it.repo.write("a", f"TOKEN={github_token()}\n")
    assert it.commit("-a")[0] != 0
    assert it.commit("--", "a")[0] != 0
    it.repo.write("b", "z\n")
    code, said = it.commit("--", "b")
    assert code == 0, said


def test_all_files_judges_the_whole_index(tmp_path: Path, bin_folder: Path, runner: str) -> None:
    it = guarded(tmp_path, bin_folder, runner, "sopsguard-plaintext")
    assert it.run("--all-files")[0] == 0
    it.repo.commit({"wg0.conf": f"[Interface]\nPrivateKey = {wireguard_key()}\n"})
    code, said = it.run("--all-files")
    assert (code != 0, "wg0.conf:2:" in said) == (True, True), said


def test_hostile_names_go_through_the_framework(tmp_path: Path, bin_folder: Path, runner: str) -> None:
    it = guarded(tmp_path, bin_folder, runner, "sopsguard-plaintext")
    it.repo.stage(b"new\nline.env", f"TOKEN={github_token()}\n")
    it.repo.stage(b"-dash.env", f"TOKEN={github_token()}\n")
    # Not bytes outside UTF-8: pre-commit itself ends with an error on those, whatever the hook does.
    it.repo.stage("cafe\u0301 'x'.env", f"TOKEN={github_token()}\n")
    code, said = it.commit()
    assert code != 0
    assert said.count(": error: ") == 3, said


def test_amend_merge_and_worktree_are_judged(tmp_path: Path, bin_folder: Path, runner: str) -> None:
    it = guarded(tmp_path, bin_folder, runner, "sopsguard-plaintext")
    it.repo.stage("c.env", f"TOKEN={github_token()}\n")
    assert it.commit("--amend")[0] != 0
    it.repo.git("rm", "-q", "--cached", "c.env")
    linked = Repo(tmp_path / "linked")
    it.repo.git("worktree", "add", "-q", str(linked.root))
    linked.stage("c.env", f"TOKEN={github_token()}\n")
    assert Guarded(linked, it.runner, it.env["PATH"]).commit()[0] != 0


@pytest.mark.parametrize("hook", IDS)
def test_the_manifest_says_what_whole_repository_hooks_need(hook: str) -> None:
    entry = next(h for h in MANIFEST if h["id"] == hook)
    assert (entry["always_run"], entry["pass_filenames"], entry["require_serial"]) == (True, False, True)
    assert entry["language"] == "python"
    stages = {"sopsguard-push": "pre-push", "sopsguard-rotation": "manual"}
    assert stages.get(hook, "pre-commit") in entry["stages"]
    said = "check" if hook == "sopsguard-rotation" else "hook"
    assert entry["entry"].split()[:2] == ["sopsguard", said]


def test_the_hook_for_one_family_judges_that_family_alone(
    tmp_path: Path, bin_folder: Path, runner: str
) -> None:
    _, alice = age_identity()
    _, stranger = age_identity()
    config = f"keys:\n  - &alice {alice}\ncreation_rules:\n  - path_regex: ^s\\.yaml$\n    age: *alice\n"
    whole = encrypt(b"password: see the safe\n", "yaml", [[stranger]], "2026-01-02T03:04:05Z")
    broken = whole.replace(b"    version: ", b"<<<<<<< ours\n    version: ")
    for hook, bad in (("sopsguard-schema", broken), ("sopsguard-recipients", whole)):
        it = guarded(tmp_path / hook, bin_folder, runner, hook)
        it.repo.stage("a.env", f"TOKEN={github_token()}\n")
        it.repo.stage(".sops.yaml", config)
        code, said = it.commit()
        assert code == 0, said
        it.repo.stage("s.yaml", bad)
        code, said = it.commit()
        assert (code != 0, "s.yaml" in said, ": error: " in said) == (True, True, True), said


def test_ages_are_told_when_somebody_asks(tmp_path: Path, bin_folder: Path, runner: str) -> None:
    it = guarded(tmp_path, bin_folder, runner, "sopsguard-rotation")
    _, alice = age_identity()
    old = encrypt(b"token: something old\n", "yaml", [[alice]], "2020-01-02T03:04:05Z")
    policy = "rotation:\n  classes:\n    tokens: {keys: [token], overdue: 1 day}\n"
    it.repo.commit({"s.yaml": old, ".sopsguard.yaml": policy})
    it.repo.stage("a.env", f"TOKEN={github_token()}\n")
    assert it.commit()[0] == 0  # at a commit it has nothing to say
    code, said = it.run("--hook-stage", "manual", "sopsguard-rotation")
    assert (code, "warning: " in said, "rotation-overdue" in said) == (0, True, True), said


def test_the_documented_configuration_installs_every_hook_type(tmp_path: Path, runner: str) -> None:
    text = (ROOT / "docs" / "hooks.md").read_text()
    config = re.findall("(?s)```yaml\n(.*?)```", text)[0]
    types = yaml.safe_load(config)["default_install_hook_types"]
    assert set(types) == {stage for hook in MANIFEST for stage in hook["stages"]} - {"manual"}
    repo = Repo.init(tmp_path / "repo")
    repo.commit(
        {".pre-commit-config.yaml": yaml.safe_dump({"repos": [], "default_install_hook_types": types})}
    )
    subprocess.run([runner, "install"], cwd=repo.root, check=True, capture_output=True)
    for kind in types:
        assert (repo.root / ".git" / "hooks" / kind).exists(), kind


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project as it stands, as a repository that a framework can clone."""
    root = tmp_path_factory.mktemp("project")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in listed.stdout.decode().split("\0")[:-1]:
        if (ROOT / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, root / name)
    Repo.init(root).add()
    Repo(root).git("commit", "-q", "-m", "the project as it stands")
    return root


@pytest.mark.slow
@pytest.mark.peer("pre-commit")
@pytest.mark.peer("prek")
@pytest.mark.parametrize("name", RUNNERS)
def test_the_framework_installs_the_hook_from_the_project_and_runs_it(
    tmp_path: Path, project: Path, peer: Peer, name: str
) -> None:
    runner = str(peer(name))
    repo = Repo.init(tmp_path / "repo")
    rev = Repo(project).git("rev-parse", "HEAD")
    config = {"repos": [{"repo": str(project), "rev": rev, "hooks": [{"id": hook} for hook in IDS]}]}
    repo.commit({".pre-commit-config.yaml": yaml.safe_dump(config)})
    env = {"PRE_COMMIT_HOME": str(tmp_path / "cache"), "PREK_HOME": str(tmp_path / "cache")}
    subprocess.run(
        [runner, "install"], cwd=repo.root, env={**os.environ, **env}, check=True, capture_output=True
    )
    secret, _ = age_identity()
    repo.stage("key.txt", secret)
    blocked = repo.run("commit", "-m", "change", env=env, check=False)
    said = (blocked.stdout + blocked.stderr).decode()
    assert (blocked.returncode != 0, said.count("key.txt:1:1: error: ")) == (True, len(STAGED)), said
    repo.stage("key.txt", "moved to the safe\n")
    passed = repo.run("commit", "-m", "change", env=env, check=False)
    assert passed.returncode == 0, passed.stdout + passed.stderr
