"""The action as a runner runs it: the same steps, on clones with what an attacker would put into them."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.ci.forge import ZERO, Forge, push_event
from tests.ci.runner import ACTION, Ran, Runner
from tests.conftest import ROOT, Peer
from tests.throwaway import age_identity, github_token

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.fixture
def forge(tmp_path: Path) -> Forge:
    return Forge(tmp_path / "forge")


def pull_request(forge: Forge, tmp_path: Path, head: str, **inputs: str) -> Ran:
    _, event = forge.pull_request(head)
    return Runner(tmp_path / "runner", forge.clone("refs/pull/7/merge")).run("pull_request", event, inputs)


def token() -> str:
    return f"TOKEN={github_token()}\n"


def test_a_bad_pull_request_is_told_everywhere(forge: Forge, tmp_path: Path) -> None:
    said = pull_request(forge, tmp_path, forge.branch("bad", {"a.env": token()}))
    assert (said.code, said.outputs["code"], said.outputs["errors"]) == (1, "1", "1"), said
    assert "::error title=sopsguard%3A plaintext-token,file=a.env,line=1" in said.log
    assert said.summary.startswith("## ❌")
    results = json.loads(Path(said.outputs["sarif"]).read_text())["runs"][0]["results"]
    assert [r["ruleId"] for r in results] == ["plaintext-token"]
    assert Path(said.outputs["summary"]).read_text() == said.summary


def test_a_good_pull_request_passes(forge: Forge, tmp_path: Path) -> None:
    said = pull_request(forge, tmp_path, forge.branch("good", {"a": "x\n"}))
    assert (said.code, said.outputs["code"], said.summary[:4]) == (0, "0", "## ✅"), said


def test_a_pull_request_from_a_fork_needs_no_secret(forge: Forge, tmp_path: Path) -> None:
    """The commits are only in the refs of the pull request, in no branch."""
    forge.work.git("checkout", "-q", "-B", "fork")
    head = forge.work.commit({"a.env": token()})
    forge.work.git("push", "-q", "origin", f"{head}:refs/pull/7/head")
    assert pull_request(forge, tmp_path, head).code == 1


def test_code_in_the_checkout_is_not_run(forge: Forge, tmp_path: Path) -> None:
    mark = tmp_path / "was-run"
    code = f"open({str(mark)!r}, 'w').write(__name__)\n"
    names = (
        "sopsguard",
        "yaml",
        "sitecustomize",
        "usercustomize",
        "argparse",
        "json",
        "pyrage",
        "pip",
        "venv",
    )
    files: dict[str, str | bytes] = {f"{name}.py": code for name in names}
    files |= {
        "sopsguard/__init__.py": code,
        "pyvenv.cfg": "home = .\ninclude-system-site-packages = true\n",
        "pip.conf": "[global]\nindex-url = https://evil.example/\n",
        "setup.py": code,
        ".gitattributes": "* diff=evil filter=evil\n",
        "a.env": token(),
    }
    said = pull_request(forge, tmp_path, forge.branch("evil", files))
    assert (said.code, "a.env:1:7: error" in said.log) == (1, True), said
    assert not mark.exists()


def test_what_a_pull_request_says_of_its_own_judgement_counts_for_nothing(
    forge: Forge, tmp_path: Path
) -> None:
    """Policy, inventory, waivers, schema, workflow and keys, all changed by the pull request itself."""
    _, reader = age_identity()
    forge.branch("main", {".sopsguard.yaml": "levels: {decrypted-leftover: error}\n"})
    files: dict[str, str | bytes] = {
        "a.env": token(),
        ".sopsguard.yaml": "levels: {plaintext-token: off}\ninline_allow: true\nschemas: {'**': off}\n"
        "waivers:\n  - {rule: plaintext-token, path: '**', reason: mine, until: 2099-01-01}\n",
        "inventory.yaml": f"hosts:\n  evil:\n    recipients: [{reader}]\n",
        ".github/workflows/sopsguard.yml": "on: push\njobs: {}\n",
        "keys/evil.asc": "no key\n",
    }
    said = pull_request(forge, tmp_path, forge.branch("evil", files))
    assert said.code == 1, said
    assert "a waiver that this change adds counts for nothing" in said.log
    comment = {"b.env": f"{token().strip()} # sopsguard: allow[plaintext-token] a sample\n"}
    forge.work.git("checkout", "-q", "main")
    _, event = forge.pull_request(forge.branch("other", {**comment}))
    again = Runner(tmp_path / "again", forge.clone("refs/pull/7/merge")).run("pull_request", event)
    assert again.code == 1, again


def test_inputs_are_data(forge: Forge, tmp_path: Path) -> None:
    mark = tmp_path / "was-run"
    evil = f"$(touch {mark}) `touch {mark}`; touch {mark} #\n--trust=HEAD\n-x"
    head = forge.branch("bad", {"a.env": token()})
    said = pull_request(forge, tmp_path, head, protected=evil, only="", strict=evil)
    assert (said.code, mark.exists()) == (1, False), said
    for name in ("policy", "only", "skip", "path"):
        runner = Runner(tmp_path / name, forge.clone("refs/pull/7/merge"))
        _, event = forge.pull_request(head)
        said = runner.run("pull_request", event, {name: evil})
        assert (said.code != 0, mark.exists()) == (True, False), (name, said)


EVENTS: list[tuple[str, Any]] = [
    ("pull_request", {}),
    ("pull_request", []),
    ("pull_request", "text"),
    ("push", {"ref": "refs/heads/main"}),
    ("merge_group", {"merge_group": None}),
    ("issue_comment", {}),
    ("workflow_run", {}),
    ("pull_request_target", {}),
    ("", {}),
]


@pytest.mark.parametrize(("name", "event"), EVENTS)
def test_a_forged_event_is_refused(forge: Forge, tmp_path: Path, name: str, event: object) -> None:
    said = Runner(tmp_path / "runner", forge.clone("refs/heads/main")).run(name, event)
    assert (said.code, said.outputs["code"]) == (2, "2"), said
    assert said.log.count("\n::error ") == 1, said


def test_what_contradicts_the_runner_is_refused(forge: Forge, tmp_path: Path) -> None:
    """A step before this one can write the event file, but not the variables of the runner."""
    bad = forge.branch("bad", {"a.env": token()})
    _, event = forge.pull_request(bad)
    good = forge.tip("main")
    clone = forge.clone("refs/pull/7/merge")
    runner = Runner(tmp_path / "runner", clone)
    env = {"GITHUB_BASE_REF": "main", "GITHUB_REF": "refs/pull/7/merge"}
    assert runner.run("pull_request", event, env=env).code == 1
    for change in ({"GITHUB_BASE_REF": "lax"}, {"GITHUB_REF": "refs/pull/8/merge"}):
        assert runner.run("pull_request", event, env={**env, **change}).code == 2
    merge = forge.origin.git("rev-parse", "refs/pull/7/merge")
    event["pull_request"]["head"]["sha"] = good
    assert runner.run("pull_request", event, env={**env, "GITHUB_SHA": merge}).code == 2
    env = {"GITHUB_SHA": bad, "GITHUB_REF": "refs/heads/bad"}
    assert runner.run("push", push_event("refs/heads/bad", ZERO, good), env=env).code == 2
    assert runner.run("push", push_event("refs/heads/other", ZERO, bad), env=env).code == 2


# --- the files themselves ---------------------------------------------------------------------------------


def test_steps_take_inputs_by_the_environment_alone() -> None:
    for step in ACTION["runs"]["steps"]:
        assert "${{" not in step["run"]
    for path in WORKFLOWS:
        for job in yaml.safe_load(path.read_text())["jobs"].values():
            for step in job["steps"]:
                assert "${{" not in step.get("run", ""), path


def test_workflows_are_pinned_and_have_no_more_rights_than_they_need() -> None:
    rights = {"contents": "read", "issues": "write", "id-token": "write"}
    for path in WORKFLOWS:
        document = yaml.safe_load(path.read_text())
        assert document["permissions"] == {}
        assert "pull_request_target" not in document[True]
        for job in document["jobs"].values():
            assert set(job["permissions"].items()) <= set(rights.items()), path
            assert "if" not in job
            for step in job["steps"]:
                uses = step.get("uses", "$/")
                assert uses == "$/" or re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", uses), path
                if uses.startswith("actions/checkout@"):
                    assert step["with"]["persist-credentials"] is False


def test_the_documented_workflow_is_pinned_like_ours_and_gives_no_more_rights() -> None:
    text = (ROOT / "docs" / "ci.md").read_text()
    workflow, *others = (yaml.safe_load(block) for block in re.findall("(?s)```yaml\n(.*?)```", text))
    assert workflow["permissions"] == {"contents": "read"}
    (job,) = workflow["jobs"].values()
    assert "if" not in job
    checkout, guard = job["steps"]
    ours = yaml.safe_load(WORKFLOWS[0].read_text())["jobs"]["test"]["steps"][0]["uses"]
    assert checkout["uses"] == ours
    assert checkout["with"] == {"fetch-depth": 0, "persist-credentials": False}
    assert guard == {"uses": "OWNER/sopsguard@COMMIT"}
    assert {"edited", "synchronize"} < set(workflow[True]["pull_request"]["types"])
    assert len(others) == 3  # code scanning, Forgejo, GitLab


@pytest.mark.peer("zizmor")
def test_zizmor_finds_nothing_as_an_auditor(peer: Peer) -> None:
    files = [str(ROOT / "action.yml"), *map(str, WORKFLOWS)]
    done = _said(peer("zizmor"), "--offline", "--no-progress", "--persona=auditor", *files)
    assert done == (0, True), done


@pytest.mark.peer("actionlint")
def test_actionlint_finds_nothing(peer: Peer) -> None:
    assert _said(peer("actionlint"), "-oneline")[0] == 0


@pytest.mark.peer("check-jsonschema")
def test_workflows_and_action_are_valid_by_their_schemas(peer: Peer) -> None:
    for kind, files in (("workflows", WORKFLOWS), ("actions", [ROOT / "action.yml"])):
        schema = f"vendor.github-{kind}"
        assert _said(peer("check-jsonschema"), "--builtin-schema", schema, *map(str, files))[0] == 0


def _said(program: Path, *arguments: str) -> tuple[int, bool]:
    import subprocess

    done = subprocess.run(
        [program, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    return done.returncode, "No findings" in done.stdout + done.stderr
