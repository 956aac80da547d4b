"""Events are data: whatever they hold, there is an order, or a refusal in words."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sopsguard.ci import event
from sopsguard.ci.event import Audit, Founded, Nothing, Order, Proposed, Pushed
from sopsguard.ci.merged import merged
from sopsguard.git import discover
from sopsguard.model import UserError
from tests.ci.forge import ZERO, Forge, push_event, run
from tests.gitrepo import Repo
from tests.throwaway import github_token

OLD, NEW = "a" * 40, "b" * 64
NAMES = ["pull_request", "merge_group", "push", "schedule", "workflow_dispatch"]
WORDS = st.sampled_from(
    [
        OLD,
        NEW,
        ZERO,
        "main",
        "refs/heads/main",
        "refs/tags/v1",
        "$(id)",
        "--upload-pack=x",
        "",
        "\n::error::",
        "A" * 40,
    ]
)
JSON = st.recursive(
    WORDS | st.none() | st.booleans() | st.integers(),
    lambda inner: st.dictionaries(
        st.sampled_from(
            ["pull_request", "head", "base", "sha", "ref", "number", "merge_group", "head_sha", "base_sha",
             "base_ref", "before", "after", "repository", "default_branch"]
        ),
        inner,
    )
    | st.lists(inner, max_size=2),
    max_leaves=20,
)  # fmt: skip


@given(
    st.sampled_from([*NAMES, "pull_request_target", ""]),
    JSON,
    st.dictionaries(st.sampled_from(["GITHUB_SHA", "GITHUB_REF", "GITHUB_BASE_REF"]), WORDS),
    st.lists(WORDS, max_size=2),
)
def test_any_event_is_an_order_or_a_refusal(
    name: str, said: object, environment: dict[str, str], protected: list[str]
) -> None:
    try:
        order = event.order(name, said, environment, protected)
    except UserError:
        return
    for oid in (getattr(order, field, "") for field in ("head", "old", "new", "merge")):
        assert oid == "" or set(oid) <= set("0123456789abcdef")
    trusted = {*protected, said["repository"]["default_branch"] if isinstance(said, dict) else ""}
    assert isinstance(order, Nothing) or {getattr(order, "onto", ""), getattr(order, "branch", "")} <= {
        *trusted,
        "",
    }


CASES: list[tuple[str, str, Order]] = [
    ("refs/heads/main", OLD, Pushed(OLD, "c" * 40, "main")),
    ("refs/heads/main", ZERO, Founded("c" * 40, "main")),
    ("refs/heads/release", OLD, Pushed(OLD, "c" * 40, "release")),
    ("refs/heads/release", ZERO, Proposed("c" * 40, "main", asked="release", known=("main",))),
    ("refs/heads/x", OLD, Proposed("c" * 40, "main", asked="x", known=("main", "release"))),
    (
        "refs/heads/refs/heads/main", OLD,
        Proposed("c" * 40, "main", asked="refs/heads/main", known=("main", "release")),
    ),
    ("refs/tags/main", ZERO, Proposed("c" * 40, "main", tag="main", known=("main", "release"))),
]  # fmt: skip


@pytest.mark.parametrize(("ref", "before", "expected"), CASES)
def test_a_push_is_judged_by_what_was_there_before(ref: str, before: str, expected: Order) -> None:
    assert event.order("push", push_event(ref, before, "c" * 40), {}, ["release"]) == expected


def test_an_audit_believes_a_trusted_branch_alone() -> None:
    said = {"repository": {"default_branch": "main"}}
    for ref, onto in (
        ("refs/heads/main", "main"),
        ("refs/heads/x", "main"),
        ("refs/heads/release", "release"),
    ):
        env = {"GITHUB_SHA": OLD, "GITHUB_REF": ref}
        assert event.order("schedule", said, env, ["release"]) == Audit(OLD, onto, scheduled=True)


def test_deep_and_large_event_files_are_refused(tmp_path: Path) -> None:
    forge = Forge(tmp_path)
    clone = forge.clone("refs/heads/main")
    for text in ("[" * 100_000, "{", '{"a": NaN', " " * (33 << 20), "\x00", ""):
        said = run(clone, "push", text)
        assert (said.code, "no JSON document" in said.err) == (2, True), said


# --- what merging would make ------------------------------------------------------------------------------

CHANGES = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from([None, "1", "2", "3"]), max_size=4)


def _commit(repo: Repo, files: dict[str, str | None]) -> str:
    for name, text in files.items():
        full = repo.root / name
        if text is not None:
            full.write_text(text * 50)
        elif full.exists():
            full.unlink()
    repo.add()
    return repo.commit()


@settings(max_examples=20)
@given(st.data())
def test_it_is_what_git_makes_of_it(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    repo = Repo.init(tmp_path_factory.mktemp("merge") / "repo")
    fork = _commit(repo, {"keep": "x", **data.draw(CHANGES)})
    ours = _commit(repo, data.draw(CHANGES))
    repo.git("checkout", "-q", "--detach", fork)
    theirs = _commit(repo, data.draw(CHANGES))
    made = merged(discover(str(repo.root)), ours, theirs)
    done = repo.run("-c", "merge.renames=false", "merge-tree", "--write-tree", ours, theirs, check=False)
    if done.returncode == 0:
        tree = done.stdout.decode().split("\n")[0]
        listed = repo.git("ls-tree", "-r", tree).splitlines()
        assert [f"{e.mode:o} blob {e.oid}\t{e.path}" for e in made.state.entries()] == listed
        assert made.both == ()
    else:
        assert made.both
    there = {e.path: e.oid for e in discover(str(repo.root)).tree(ours).entries()}
    for change in made.changes:
        assert (change.new.oid if change.new else None) != there.get(change.path)


# --- clones -----------------------------------------------------------------------------------------------


def test_a_partial_clone_is_refused_where_a_blob_is_missing(tmp_path: Path) -> None:
    forge = Forge(tmp_path)
    forge.origin.git("config", "uploadpack.allowFilter", "true")
    _, said = forge.pull_request(forge.branch("feature", {"a.env": f"TOKEN={github_token()}\n"}))
    clone = Repo(tmp_path / "partial")
    forge.work.git(
        *(
            "clone",
            "-q",
            "--no-checkout",
            "--filter=blob:none",
            f"file://{forge.origin.root}",
            str(clone.root),
        )
    )
    clone.git("fetch", "-q", "--filter=blob:none", "origin", "refs/pull/7/head")
    before = sorted((clone.root / ".git" / "objects").rglob("*"))
    told = run(clone, "pull_request", said)
    assert told.code == 2, told
    assert "nothing found" not in told.out
    assert sorted((clone.root / ".git" / "objects").rglob("*")) == before, "something was fetched"


def test_repositories_with_sha256_are_judged_too(tmp_path: Path) -> None:
    origin = Repo.init(tmp_path / "origin", object_format="sha256")
    base = origin.commit({"a": "x\n"})
    origin.git("checkout", "-q", "-b", "feature")
    head = origin.commit({"a.env": f"TOKEN={github_token()}\n"})
    clone = Repo(tmp_path / "clone")
    origin.git("clone", "-q", str(origin.root), str(clone.root))
    said: dict[str, Any] = {
        "number": 1,
        "pull_request": {"head": {"sha": head}, "base": {"ref": "main", "sha": base}},
        "repository": {"default_branch": "main"},
    }
    told = run(clone, "pull_request", json.dumps(said), "--format", "json")
    assert (told.code, told.rules()) == (1, ["plaintext-token"]), told
