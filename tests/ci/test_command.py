"""`sopsguard ci` in clones as runners have them: what is judged, whom it believes, when it refuses."""

from pathlib import Path

import pytest

from tests.ci.forge import ZERO, Forge, push_event, run
from tests.gitrepo import Repo
from tests.sopsguard_command import sopsguard
from tests.throwaway import age_identity, github_token

LAX = "levels: {plaintext-token: off}\n"
WAIVER = "waivers:\n  - {rule: plaintext-token, path: a.env, reason: a sample, until: 2099-01-01}\n"


@pytest.fixture
def forge(tmp_path: Path) -> Forge:
    return Forge(tmp_path)


def token() -> str:
    return f"TOKEN={github_token()}\n"


# --- pull requests ----------------------------------------------------------------------------------------


def test_a_pull_request_with_a_token_fails_and_a_clean_one_passes(forge: Forge) -> None:
    _, event = forge.pull_request(forge.branch("bad", {"a.env": token()}))
    said = run(forge.clone("refs/pull/7/merge"), "pull_request", event)
    assert (said.code, "a.env:1:7: error: " in said.out) == (1, True), said
    _, event = forge.pull_request(forge.branch("good", {"a.txt": "hello\n"}))
    said = run(forge.clone("refs/pull/7/merge"), "pull_request", event)
    assert (said.code, "nothing found in 1 commit" in said.out) == (0, True), said


def test_what_a_later_commit_of_the_pull_request_removes_is_found(forge: Forge) -> None:
    forge.branch("bad", {"a.env": token()})
    forge.work.git("rm", "-q", "a.env")
    head = forge.work.commit(message="clean up")
    forge.push("bad")
    _, event = forge.pull_request(head)
    assert run(forge.clone("refs/pull/7/merge"), "pull_request", event).code == 1


def test_levels_and_waivers_of_the_pull_request_count_for_nothing(forge: Forge) -> None:
    for policy in (LAX, WAIVER):
        _, event = forge.pull_request(forge.branch("bad", {"a.env": token(), ".sopsguard.yaml": policy}))
        said = run(forge.clone("refs/pull/7/merge"), "pull_request", event)
        assert said.code == 1, said
    forge.branch("main", {".sopsguard.yaml": WAIVER})
    _, event = forge.pull_request(forge.branch("fine", {"a.env": token()}))
    said = run(forge.clone("refs/pull/7/merge"), "pull_request", event)
    assert (said.code, "1 waived" in said.out) == (0, True), said


def test_the_policy_is_that_of_the_tip_not_of_the_frozen_base(forge: Forge) -> None:
    """`base.sha` is as old as the pull request; what was tightened since counts."""
    forge.branch("main", {".sopsguard.yaml": WAIVER})
    head = forge.branch("late", {"a.env": token()})
    _, event = forge.pull_request(head)
    forge.branch("main", {".sopsguard.yaml": "waivers: []\n"}, at="main")
    assert run(forge.clone("refs/pull/7/merge"), "pull_request", event).code == 1


def test_a_base_branch_of_the_attacker_gives_no_policy(forge: Forge) -> None:
    forge.branch("lax", {".sopsguard.yaml": LAX, "a.env": token()})
    head = forge.branch("feature", {"b.txt": "x\n"}, at="lax")
    _, event = forge.pull_request(head, base="lax")
    said = run(forge.clone("refs/pull/7/merge"), "pull_request", event)
    assert said.code == 1, said
    assert "lax is not a branch that is trusted" in said.out
    assert "2 commits" in said.out
    said = run(forge.clone("refs/pull/7/merge"), "pull_request", event, "--protected", "lax")
    assert said.code == 0, said


def test_a_branch_that_is_behind_does_not_seem_to_undo_what_main_did(forge: Forge) -> None:
    forge.branch("main", {"a.env": token()})
    head = forge.branch("feature", {"b.txt": "x\n"})
    forge.branch("main", {"a.env": "TOKEN=\n", "c.txt": "x\n"}, at="main")
    _, event = forge.pull_request(head)
    said = run(forge.clone("refs/pull/7/merge"), "pull_request", event, "--format", "json")
    assert said.code == 0, said
    assert (said.json()["findings"], said.json()["judged"]["older"]) == ([], 0)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_shallow_clone_is_refused(forge: Forge, depth: int) -> None:
    forge.branch("feature", {"a.env": token()})
    for number in range(4):
        head = forge.work.commit({"b.txt": f"{number}\n"})
    forge.push("feature")
    _, event = forge.pull_request(head)
    clone = forge.clone("refs/pull/7/merge", depth=depth)
    clone.git("fetch", "-q", f"--depth={depth}", "origin", "+refs/heads/main:refs/remotes/origin/main")
    said = run(clone, "pull_request", event)
    assert (said.code, "fetch-depth: 0" in said.err, said.out) == (2, True, ""), said


def test_a_shallow_clone_that_shows_the_whole_range_is_judged(forge: Forge) -> None:
    for number in range(4):
        forge.branch("main", {"c.txt": f"{number}\n"})
    _, event = forge.pull_request(forge.branch("feature", {"a.env": token()}))
    clone = forge.clone("refs/pull/7/merge", depth=3)
    clone.git("fetch", "-q", "--depth=2", "origin", "+refs/heads/main:refs/remotes/origin/main")
    said = run(clone, "pull_request", event)
    assert (said.code, "a.env:1:7: error" in said.out) == (1, True), said


def test_a_clone_without_the_base_branch_is_refused(forge: Forge) -> None:
    _, event = forge.pull_request(forge.branch("feature", {"a.txt": "x\n"}))
    clone = forge.clone("refs/pull/7/merge")
    clone.git("update-ref", "-d", "refs/remotes/origin/main")
    said = run(clone, "pull_request", event)
    assert (said.code, "refs/remotes/origin/main is not in this clone" in said.err) == (2, True), said


def test_a_change_that_main_has_already_is_nothing_to_judge(forge: Forge) -> None:
    _, event = forge.pull_request(forge.tip())
    said = run(forge.clone("refs/pull/7/merge"), "pull_request", event)
    assert (said.code, said.out) == (
        0,
        "sopsguard: nothing to judge: the trusted side has every commit of it already\n",
    )


def test_pull_request_target_is_refused(forge: Forge) -> None:
    _, event = forge.pull_request(forge.branch("feature", {"a.txt": "x\n"}))
    said = run(forge.clone("refs/heads/main"), "pull_request_target", event)
    assert (said.code, "use pull_request" in said.err) == (2, True), said


# --- other events -----------------------------------------------------------------------------------------


def test_a_merge_group_is_judged_by_the_tip_of_its_branch(forge: Forge) -> None:
    head = forge.branch("queue", {"a.env": token(), ".sopsguard.yaml": LAX})
    group = {"head_sha": head, "base_sha": forge.tip("main"), "base_ref": "refs/heads/main"}
    event = {"merge_group": group, "repository": {"default_branch": "main"}}
    clone = forge.clone("refs/heads/queue")
    assert run(clone, "merge_group", event, env={"GITHUB_SHA": head}).code == 1
    # An entry of the queue that another one stands on, not merged yet, is judged with it.
    group["base_sha"], later = head, forge.branch("queue", {"b.txt": "x\n"}, at="queue")
    group["head_sha"] = later
    said = run(forge.clone("refs/heads/queue"), "merge_group", event, env={"GITHUB_SHA": later})
    assert (said.code, "2 commits" in said.out) == (1, True), said


def test_a_push_to_the_default_branch_is_judged_by_its_old_tip(forge: Forge) -> None:
    old = forge.tip()
    new = forge.branch("main", {"a.env": token(), ".sopsguard.yaml": LAX})
    event = push_event("refs/heads/main", old, new)
    assert run(forge.clone("refs/heads/main"), "push", event, env={"GITHUB_SHA": new}).code == 1
    later = forge.branch("main", {"b.txt": "x\n"})
    event = push_event("refs/heads/main", new, later)
    assert run(forge.clone("refs/heads/main"), "push", event).code == 0


def test_a_push_to_another_branch_is_judged_by_the_default_branch_from_where_it_left_it(
    forge: Forge,
) -> None:
    lax = forge.branch("topic", {"a.env": token(), ".sopsguard.yaml": LAX})
    new = forge.branch("topic", {"b.txt": "x\n"}, at="topic")
    for before in (lax, ZERO):
        said = run(forge.clone("refs/heads/topic"), "push", push_event("refs/heads/topic", before, new))
        assert (said.code, "2 commits" in said.out) == (1, True), said


def test_a_deleted_branch_is_nothing_to_judge(forge: Forge) -> None:
    said = run(forge.clone("refs/heads/main"), "push", push_event("refs/heads/x", forge.tip(), ZERO))
    assert (said.code, said.out) == (0, "sopsguard: nothing to judge: refs/heads/x was deleted\n")


def test_the_first_push_of_the_default_branch_is_judged_from_its_first_commit(forge: Forge) -> None:
    forge.branch("main", {"a.env": token()})
    new = forge.branch("main", {"a.env": "TOKEN=\n"})
    said = run(forge.clone("refs/heads/main"), "push", push_event("refs/heads/main", ZERO, new))
    assert (said.code, "3 commits" in said.out, "whom to trust" in said.out) == (1, True, True), said


def test_a_forced_push_says_what_is_gone_and_needs_the_old_tip(forge: Forge) -> None:
    first = forge.tip()
    gone = forge.branch("main", {"a.txt": "x\n"})
    new = forge.branch("main", {"a.env": token()}, at=first)
    event = push_event("refs/heads/main", gone, new)
    said = run(forge.clone("refs/heads/main"), "push", event)
    assert (said.code, "is not in this clone" in said.err) == (2, True), said
    clone = forge.clone("refs/heads/main")
    clone.git("fetch", "-q", str(forge.work.root), gone)
    said = run(clone, "push", event)
    assert (said.code, "forced: 1 commit of main are gone" in said.out) == (1, True), said


def test_a_branch_that_is_put_back_is_judged_though_no_commit_is_new(forge: Forge) -> None:
    bad = forge.branch("main", {"a.env": token()})
    good = forge.branch("main", {"a.env": "TOKEN=\n"})
    forge.push(f"{bad}:refs/heads/main")
    clone = forge.clone("refs/heads/main")
    clone.git("fetch", "-q", str(forge.work.root), good)
    said = run(clone, "push", push_event("refs/heads/main", good, bad))
    assert (said.code, "a.env:1:7: error" in said.out) == (1, True), said


def test_a_tag_is_judged_with_its_message(forge: Forge) -> None:
    forge.work.git("tag", "-a", "v1", "-m", f"release\n\n{token()}")
    forge.work.git("tag", "v2")
    forge.push("v1", "v2")
    oid = forge.work.git("rev-parse", "v1")
    clone = forge.clone("refs/tags/v1")
    said = run(clone, "push", push_event("refs/tags/v1", ZERO, oid), env={"GITHUB_SHA": forge.tip()})
    assert (said.code, "commit message:3:7: error" in said.out) == (1, True), said
    said = run(clone, "push", push_event("refs/tags/v2", ZERO, forge.tip()))
    assert said.code == 0, said
    head = forge.branch("side", {"a.env": token()})
    forge.work.git("tag", "v3", head)
    forge.push("v3")
    said = run(forge.clone("refs/tags/v3"), "push", push_event("refs/tags/v3", ZERO, head))
    assert (said.code, "a.env:1:7: error" in said.out) == (1, True), said


def test_a_scheduled_run_judges_the_whole_tree(forge: Forge) -> None:
    tip = forge.branch("main", {"a.env": token()})
    env = {"GITHUB_SHA": tip, "GITHUB_REF": "refs/heads/main"}
    event = {"schedule": "17 3 * * *", "repository": {"default_branch": "main"}}
    clone = forge.clone("refs/heads/main")
    for name in ("schedule", "workflow_dispatch"):
        said = run(clone, name, event, env=env)
        assert (said.code, "a.env:1:7: error" in said.out) == (1, True), said
        assert run(clone, name, event).code == 2  # without the variables of the runner


def test_elsewhere_flags_say_what_is_judged(forge: Forge) -> None:
    forge.branch("feature", {"a.env": token(), ".sopsguard.yaml": LAX})
    clone = forge.clone("refs/heads/feature")
    said = sopsguard(clone.root, "ci", "--base", "origin/main")
    assert said.code == 1, said
    said = sopsguard(clone.root, "ci", "--base", "origin/main", "--trust", "HEAD")
    assert said.code == 0, said
    for arguments in (("--head", "HEAD"), ("--trust", "HEAD"), (), ("--base", "nowhere")):
        assert sopsguard(clone.root, "ci", *arguments).code == 2


def test_nothing_is_cached_and_nothing_is_written(forge: Forge, clean_environment: Path) -> None:
    _, recipient = age_identity()
    files = {".sops.yaml": f"creation_rules:\n  - age: {recipient}\n", "b.txt": "x\n"}
    _, event = forge.pull_request(forge.branch("feature", files))
    clone = forge.clone("refs/pull/7/merge")

    def state(repo: Repo) -> list[tuple[str, int]]:
        return [(str(p), p.stat().st_mtime_ns) for p in sorted(repo.root.rglob("*"))]

    before = state(clone)
    assert run(clone, "pull_request", event).code == 0
    assert state(clone) == before
    assert not (clean_environment / ".cache").exists()
