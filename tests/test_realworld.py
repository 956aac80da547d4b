"""Five real repositories with ground truth: what the whole command says of them, and what it must not say."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.gitrepo import Repo
from tests.sopsguard_command import Said, sopsguard

NAMES = (
    "CraightonH__home-cluster",
    "NickCao__flakes",
    "hyperparabolic__nix-config",
    "tiiuae__ghaf-infra",
    "truxnell__nix-config",
)
DERIVED = ("_listing.txt", "_recipients.tsv", "_sops-refs.tsv", "_truth.json", "README.md")
pytestmark = pytest.mark.shared


@pytest.fixture(scope="module", params=NAMES)
def real(
    request: pytest.FixtureRequest, shared: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Any], Said]:
    """The truth of one repository, and the report on it. The derived files are left out."""
    source = shared / "realworld" / request.param
    root = tmp_path_factory.mktemp("real") / "repo"
    shutil.copytree(source, root, ignore=shutil.ignore_patterns(*DERIVED))
    for path in root.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    root.chmod(0o755)
    repo = Repo.init(root)
    repo.git("add", "-f", ".")
    repo.git("commit", "-q", "-m", "as it is")
    return json.loads((source / "_truth.json").read_text()), sopsguard(root, "check", "--format", "json")


def paths(said: Said, rule: str, *levels: str) -> set[str]:
    found = [f for f in said.json()["findings"] if f["rule"] == rule]
    return {f["path"] for f in found if not levels or f["level"] in levels}


def test_nothing_is_an_error_but_data_keys_that_the_truth_calls_shared(
    real: tuple[dict[str, Any], Said],
) -> None:
    truth, said = real
    assert truth["fake_metadata"] == []  # else an error might be right
    shared = [c["files"] for c in truth["data_key_clusters"] if not c["same_recipients"]]
    errors = [(f["rule"], f["path"]) for f in said.json()["findings"] if f["level"] == "error"]
    assert sorted(errors) == sorted(("shared-data-key", min(files)) for files in shared)
    assert said.code == (1 if shared else 0)


def test_files_without_rule_and_recipients_agree_with_the_truth(real: tuple[dict[str, Any], Said]) -> None:
    truth, said = real
    assert paths(said, "file-without-rule") == set(truth["no_rule"])
    drifted = {f["path"] for f in truth["files"] if f["missing"] or f["extra"]}
    assert paths(said, "recipient-drift") == drifted
    assert paths(said, "scope-drift") == {f["path"] for f in truth["files"] if f["scope_drift"]}


def test_rules_without_files_agree_with_the_truth(real: tuple[dict[str, Any], Said]) -> None:
    truth, said = real
    found = {f["key"] for f in said.json()["findings"] if f["rule"] == "dead-rule"}
    # A blocking catch-all without recipients is meant to catch nothing.
    dead = {
        f"creation_rules.{index}" for _, index, regex in truth["rules_without_files"] if regex is not None
    }
    assert found == dead


def test_clear_files_under_a_rule_are_said_but_are_no_leaks(real: tuple[dict[str, Any], Said]) -> None:
    truth, said = real
    templates = {path for path, _, kind in truth["unencrypted_matching"] if kind == "template-name"}
    listed = {path for path, _, _ in truth["unencrypted_matching"]}
    stored = {f["path"] for f in said.json()["findings"] if f["rule"] == "unencrypted-file"}
    # One configuration has holes such as ${NAME} and is a template by its content, not its name.
    assert templates & stored == paths(said, "unencrypted-file", "info") & templates
    assert stored <= listed
    assert paths(said, "unencrypted-value", "error", "warning") == {
        f["path"] for f in truth["files"] if f["plaintext_violations"]
    }


def test_every_file_of_the_truth_is_read_as_what_it_is(real: tuple[dict[str, Any], Said]) -> None:
    truth, said = real
    broken = {
        f["path"]
        for f in said.json()["findings"]
        if f["rule"] in ("broken-file", "moved-ciphertext", "reused-iv")
    }
    assert broken == set()
    assert said.json()["unknown"] == []
    assert said.json()["judged"]["files"] >= len(truth["files"])
