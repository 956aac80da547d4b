"""What the next commit holds is read from the index that git itself uses, whatever is on disk."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sopsguard import git
from sopsguard.git import Repository
from sopsguard.model import UserError
from sopsguard.snapshot import EXECUTABLE, FILE, SUBMODULE, SYMLINK, Change, Piece
from tests.conftest import ROOT
from tests.gitrepo import Repo

# What a hook runs: everything that the hook would judge, written where the test can read it.
DUMP = """
import json, os, sys
sys.path.insert(0, {package!r})
from sopsguard import git
from sopsguard.snapshot import Piece
repo = git.discover()
changes = repo.staged()
new = [c.new for c in changes if c.new]
contents = [[e.path, p.data.decode("latin-1") if isinstance(p, Piece) else None] for e, p in repo.pieces(new)]
about = {{"root": repo.root, "git_dir": repo.git_dir, "head": repo.head, "cwd": os.getcwd(),
         "env": {{k: v for k, v in os.environ.items() if k.startswith("GIT_")}}}}
index = {{path: repo.index().read(path).decode("latin-1") for path in repo.index().paths()}}
gone = [c.path for c in changes if c.new is None]
with open({out!r}, "w") as f:
    json.dump({{"staged": contents, "index": index, "about": about, "gone": gone}}, f)
repo.close()
"""


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo.init(tmp_path / "repo")


def opened(repo: Repo) -> Repository:
    return git.discover(str(repo.root))


def contents(found: Repository, changes: list[Change]) -> dict[str, bytes]:
    """Path and new content of each change, all of it readable and whole."""
    result = {}
    for entry, piece in found.pieces([change.new for change in changes if change.new]):
        assert isinstance(piece, Piece), (entry, piece)
        assert piece.last
        result[entry.path] = piece.data
    return result


def staged(repo: Repo) -> dict[str, bytes]:
    found = opened(repo)
    return contents(found, found.staged())


def with_hook(repo: Repo, tmp_path: Path, name: str = "pre-commit") -> Path:
    """Install a hook that writes down what it sees; returns where."""
    out = tmp_path / f"{name}.json"
    script = tmp_path / f"{name}.py"
    script.write_text(DUMP.format(package=str(ROOT), out=str(out)))
    repo.hook(name, f"#!/bin/sh\nexec '{sys.executable}' -S '{script}'\n")
    return out


def seen(out: Path) -> dict[str, str]:
    return dict(json.loads(out.read_text())["staged"])


# --- where the bytes come from ---------------------------------------------------------------------


def test_the_first_commit_adds_everything(repo: Repo) -> None:
    repo.stage("a", b"one\n")
    found = opened(repo)
    [change] = found.staged()
    assert found.head is None
    assert change.old is None
    assert change.new is not None
    assert change.new.mode == FILE
    assert contents(found, [change]) == {"a": b"one\n"}


def test_a_repository_without_anything_has_nothing_staged(repo: Repo) -> None:
    found = opened(repo)
    assert found.staged() == []
    assert found.index().paths() == ()


def test_what_is_staged_counts_and_not_what_is_on_disk(repo: Repo) -> None:
    repo.commit({"a": "base\n"})
    repo.stage("a", "secret\n")
    repo.write("a", "cleaned\n")
    assert staged(repo) == {"a": b"secret\n"}


def test_what_is_only_on_disk_is_not_staged(repo: Repo) -> None:
    repo.commit({"a": "base\n"})
    repo.stage("b", "clean\n")
    repo.write("a", "secret\n")
    repo.write("untracked", "secret\n")
    assert staged(repo) == {"b": b"clean\n"}


def test_a_staged_file_that_is_gone_from_disk_is_read(repo: Repo) -> None:
    repo.commit()
    repo.stage("a", "secret\n")
    (repo.root / "a").unlink()
    assert staged(repo) == {"a": b"secret\n"}


def test_a_partly_staged_file_is_read_as_staged(repo: Repo) -> None:
    repo.commit({"a": "1\n2\n3\n"})
    whole = "1 staged\n2\n3\n"
    repo.index_entry("100644", repo.blob(whole.encode()), "a")
    repo.write("a", "1 staged\n2\n3 not staged\n")
    assert staged(repo) == {"a": whole.encode()}


def test_a_whole_file_is_read_where_only_the_middle_changed(repo: Repo) -> None:
    # A key pasted between lines that are committed already is nowhere in the diff text.
    repo.commit({"key": "-----BEGIN X-----\n-----END X-----\n"})
    repo.stage("key", "-----BEGIN X-----\nbody\n-----END X-----\n")
    found = opened(repo)
    [change] = found.staged()
    assert contents(found, [change]) == {"key": b"-----BEGIN X-----\nbody\n-----END X-----\n"}
    assert change.old is not None
    [(_, before)] = found.pieces([change.old])
    assert isinstance(before, Piece)
    assert before.data == b"-----BEGIN X-----\n-----END X-----\n"


def test_a_binary_attribute_hides_nothing(repo: Repo) -> None:
    repo.commit({".gitattributes": "secrets/* -diff binary\n"})
    repo.stage("secrets/x", "plain\n")
    assert staged(repo) == {"secrets/x": b"plain\n"}
    repo.commit()
    found = opened(repo)
    assert contents(found, list(found.range_changes("HEAD~1", "HEAD"))) == {"secrets/x": b"plain\n"}


def test_a_utf16_file_is_read_as_its_bytes(repo: Repo) -> None:
    repo.commit()
    repo.stage("a", "geheim\n".encode("utf-16"))
    assert staged(repo) == {"a": "geheim\n".encode("utf-16")}


@pytest.mark.parametrize("scope", ["--local", "--global"])
def test_a_textconv_driver_is_not_run(repo: Repo, tmp_path: Path, scope: str) -> None:
    ran = tmp_path / "ran"
    repo.git("config", scope, "diff.sopsdiffer.textconv", f"touch {ran}; cat")
    repo.git("config", scope, "diff.sopsdiffer.command", f"touch {ran}; cat")
    repo.commit({".gitattributes": "*.yaml diff=sopsdiffer\n", "a.yaml": "ENC[old]\n"})
    repo.stage("a.yaml", "ENC[new]\n")
    assert staged(repo) == {"a.yaml": b"ENC[new]\n"}
    repo.commit()
    found = opened(repo)
    assert contents(found, list(found.range_changes("HEAD~1", "HEAD"))) == {"a.yaml": b"ENC[new]\n"}
    assert not ran.exists()


def test_line_end_and_filter_settings_change_nothing(repo: Repo) -> None:
    repo.git("config", "core.autocrlf", "true")
    repo.git("config", "filter.shout.smudge", "tr a-z A-Z")
    repo.git("config", "filter.shout.clean", "tr A-Z a-z")
    repo.commit({".gitattributes": "a filter=shout\n"})
    repo.stage("a", "HELLO\r\n")
    assert staged(repo) == {"a": b"hello\n"}


# --- the ways to commit, through a real hook --------------------------------------------------------


def test_commit_all_is_judged_by_its_own_index(repo: Repo, tmp_path: Path) -> None:
    repo.commit({"a": "base\n", "b": "base\n"})
    out = with_hook(repo, tmp_path)
    repo.write("a", "changed\n")
    repo.git("commit", "-qam", "all")
    assert seen(out) == {"a": "changed\n"}
    about = json.loads(out.read_text())["about"]
    assert about["env"]["GIT_INDEX_FILE"].endswith(".lock")
    assert json.loads(out.read_text())["index"] == {"a": "changed\n", "b": "base\n"}


def test_commit_of_a_path_is_judged_by_its_own_index(repo: Repo, tmp_path: Path) -> None:
    repo.commit({"a": "base\n", "b": "base\n"})
    out = with_hook(repo, tmp_path)
    repo.stage("b", "staged, but not part of this commit\n")
    repo.write("a", "changed\n")
    repo.git("commit", "-qm", "path", "a")
    assert seen(out) == {"a": "changed\n"}


def test_amend_is_compared_with_the_commit_it_replaces(repo: Repo, tmp_path: Path) -> None:
    repo.commit({"a": "base\n"})
    out = with_hook(repo, tmp_path)
    repo.stage("a", "more\n")
    repo.git("commit", "-q", "--amend", "-m", "again")
    assert seen(out) == {"a": "more\n"}


def test_a_merge_brings_the_other_side_and_the_resolution(repo: Repo, tmp_path: Path) -> None:
    repo.commit({"a": "base\n"})
    repo.git("checkout", "-qb", "side")
    repo.commit({"a": "side\n", "side": "side\n"})
    repo.git("checkout", "-q", "main")
    repo.commit({"a": "main\n"})
    out = with_hook(repo, tmp_path)
    repo.git("merge", "-q", "side", check=False)
    repo.stage("a", "resolved\n")
    repo.git("commit", "-qm", "merge")
    assert seen(out) == {"a": "resolved\n", "side": "side\n"}


def test_an_automatic_merge_is_seen_by_its_hook(repo: Repo, tmp_path: Path) -> None:
    repo.commit({"a": "base\n"})
    repo.git("checkout", "-qb", "side")
    repo.commit({"side": "side\n"})
    repo.git("checkout", "-q", "main")
    repo.commit({"a": "main\n"})
    out = with_hook(repo, tmp_path, "pre-merge-commit")
    repo.git("merge", "-q", "--no-ff", "-m", "merge", "side")
    assert seen(out) == {"side": "side\n"}


def test_the_first_commit_runs_the_hook_without_head(repo: Repo, tmp_path: Path) -> None:
    out = with_hook(repo, tmp_path)
    repo.stage("a", "first\n")
    repo.git("commit", "-qm", "first")
    assert seen(out) == {"a": "first\n"}
    assert json.loads(out.read_text())["about"]["head"] is None


def test_a_hook_in_a_linked_work_tree_sees_that_one(repo: Repo, tmp_path: Path) -> None:
    repo.commit({"a": "base\n"})
    repo.stage("a", "staged in the main one\n")
    linked = Repo(tmp_path / "linked")
    repo.git("worktree", "add", "-q", str(linked.root))
    out = with_hook(repo, tmp_path)
    linked.stage("b", "linked\n")
    linked.git("commit", "-qm", "linked")
    assert seen(out) == {"b": "linked\n"}
    about = json.loads(out.read_text())["about"]
    assert about["root"] == str(linked.root)
    assert about["git_dir"] == str(repo.root / ".git/worktrees/linked")


def test_a_hook_in_a_submodule_sees_the_submodule(repo: Repo, tmp_path: Path) -> None:
    inner = Repo.init(tmp_path / "inner")
    inner.commit({"x": "1\n"})
    repo.git("submodule", "--quiet", "add", str(inner.root), "sub")
    sub = Repo(repo.root / "sub")
    out = with_hook(sub, tmp_path)
    sub.write("x", "2\n")
    sub.git("commit", "-qam", "inside")
    assert seen(out) == {"x": "2\n"}
    assert json.loads(out.read_text())["about"]["root"] == str(sub.root)


def test_a_commit_made_in_a_subfolder_is_whole(repo: Repo, tmp_path: Path) -> None:
    repo.commit({"top": "base\n", "sub/a": "base\n"})
    out = with_hook(repo, tmp_path)
    repo.write("top", "changed\n")
    repo.write("sub/a", "changed\n")
    Repo(repo.root / "sub").git("commit", "-qam", "from below")
    assert seen(out) == {"sub/a": "changed\n", "top": "changed\n"}
    assert set(json.loads(out.read_text())["index"]) == {"sub/a", "top"}


def test_a_deletion_is_a_change_without_new_content(repo: Repo, tmp_path: Path) -> None:
    repo.commit({"a": "base\n", "b": "base\n"})
    out = with_hook(repo, tmp_path)
    repo.git("rm", "-q", "a")
    repo.git("commit", "-qm", "delete")
    assert json.loads(out.read_text())["gone"] == ["a"]
    assert seen(out) == {}


def test_relative_git_variables_are_understood_as_git_does(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.commit({"a": "base\n"})
    repo.git("read-tree", "HEAD", env={"GIT_INDEX_FILE": ".git/other"})
    line = f"100644 {repo.blob(b'other')} 0\tb\n".encode()
    repo.git("update-index", "--index-info", input=line, env={"GIT_INDEX_FILE": ".git/other"})
    repo.stage("c", "in the usual index\n")
    monkeypatch.chdir(repo.root)
    monkeypatch.setenv("GIT_DIR", ".git")
    monkeypatch.setenv("GIT_INDEX_FILE", ".git/other")
    found = git.discover()
    assert contents(found, found.staged()) == {"b": b"other"}
    assert found.index().paths() == ("a", "b")
    assert found.index().read("b") == b"other"
    assert found.root == str(repo.root)
    found.close()


def test_quarantined_objects_are_read(repo: Repo, tmp_path: Path) -> None:
    # What a pre-receive hook is asked to judge lies outside the repository until it is accepted.
    server = Repo.init(tmp_path / "server.git", bare=True)
    out = tmp_path / "received"
    script = tmp_path / "receive.py"
    script.write_text(
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from sopsguard import git\n"
        "_, new, _ = sys.stdin.read().split()\n"
        "repo = git.discover()\n"
        "data = [p.data for _, p in repo.pieces(c.new for c in repo.range_changes(None, new))]\n"
        f"open({str(out)!r}, 'wb').write(b''.join(data)); repo.close()\n"
    )
    server.hook("pre-receive", f"#!/bin/sh\nexec '{sys.executable}' -S '{script}'\n")
    repo.commit({"a": "pushed\n"})
    repo.git("push", "-q", str(server.root), "main")
    assert out.read_bytes() == b"pushed\n"


# --- kinds of index and repository -------------------------------------------------------------------


@pytest.mark.parametrize("version", ["2", "3", "4"])
def test_every_index_version_is_read(repo: Repo, version: str) -> None:
    repo.commit({"dir/a": "base\n"})
    repo.git("update-index", "--index-version", version)
    repo.stage("dir/b", "new\n")
    assert staged(repo) == {"dir/b": b"new\n"}
    assert opened(repo).index().paths() == ("dir/a", "dir/b")


def test_a_sha256_repository_is_read(tmp_path: Path) -> None:
    repo = Repo.init(tmp_path / "new", object_format="sha256")
    repo.stage("a", "first\n")
    assert staged(repo) == {"a": b"first\n"}
    base = repo.commit()
    repo.stage("a", "second\n")
    assert staged(repo) == {"a": b"second\n"}
    repo.commit()
    found = opened(repo)
    assert found.object_format == "sha256"
    assert len(base) == 64
    assert found.tree("HEAD").read("a") == b"second\n"
    assert contents(found, list(found.range_changes(base, "HEAD"))) == {"a": b"second\n"}
    assert contents(found, found.changes_between(None, "HEAD")) == {"a": b"second\n"}


def test_a_split_index_is_read(repo: Repo) -> None:
    repo.commit({"a": "base\n", "b": "base\n"})
    repo.git("update-index", "--split-index")
    repo.stage("c", "new\n")
    assert list((repo.root / ".git").glob("sharedindex.*"))
    assert staged(repo) == {"c": b"new\n"}
    assert opened(repo).index().paths() == ("a", "b", "c")


@pytest.mark.parametrize("flag", ["--skip-worktree", "--assume-unchanged"])
def test_a_file_that_git_does_not_look_at_is_read_as_staged(repo: Repo, flag: str) -> None:
    repo.commit({"a": "base\n"})
    repo.stage("a", "staged\n")
    repo.git("update-index", flag, "a")
    repo.write("a", "hidden\n")
    assert staged(repo) == {"a": b"staged\n"}
    assert opened(repo).index().read("a") == b"staged\n"


@pytest.mark.parametrize("sparse_index", ["--no-sparse-index", "--sparse-index"])
def test_a_sparse_checkout_is_read_whole_from_the_index(repo: Repo, sparse_index: str) -> None:
    repo.commit({"in/a": "a\n", "out/b": "b\n", "out/deep/c": "c\n"})
    repo.git("sparse-checkout", "init", "--cone", sparse_index)
    repo.git("sparse-checkout", "set", "in")
    assert not (repo.root / "out").exists()
    repo.stage("in/a", "changed\n")
    assert staged(repo) == {"in/a": b"changed\n"}
    found = opened(repo)
    assert found.index().paths() == ("in/a", "out/b", "out/deep/c")
    assert found.index().read("out/deep/c") == b"c\n"
    assert "out/b" in opened(repo).index()


def test_an_entry_outside_the_sparse_cone_is_seen_when_staged(repo: Repo) -> None:
    repo.commit({"in/a": "a\n", "out/b": "b\n"})
    repo.git("sparse-checkout", "init", "--cone", "--sparse-index")
    repo.git("sparse-checkout", "set", "in")
    repo.index_entry("100644", repo.blob(b"secret\n"), "out/b")
    assert staged(repo) == {"out/b": b"secret\n"}


def test_what_is_only_intended_to_be_added_is_not_staged(repo: Repo) -> None:
    repo.commit({"a": "base\n"})
    repo.write("b", "not yet\n")
    repo.git("add", "-N", "b")
    assert staged(repo) == {}
    repo.git("rm", "-q", "--cached", "a")
    repo.git("add", "-N", "a")
    [change] = opened(repo).staged()
    assert change.path == "a"
    assert change.new is None


def test_both_sides_of_a_conflict_are_read(repo: Repo) -> None:
    repo.commit({"a": "base\n", "gone": "base\n"})
    repo.git("checkout", "-qb", "side")
    repo.commit({"a": "theirs\n", "gone": "theirs\n"})
    repo.git("checkout", "-q", "main")
    repo.git("rm", "-q", "gone")
    repo.commit({"a": "ours\n"})
    repo.git("merge", "-q", "side", check=False)
    found = opened(repo)
    changes = found.staged()
    assert [change.path for change in changes] == ["a", "gone"]
    assert contents(found, changes) == {"a": b"theirs\n", "gone": b"theirs\n"}
    assert found.index().read("a") == b"ours\n"
    listed = opened(repo).index()
    assert listed.paths() == ("a", "gone")
    assert listed.read("a") == b"ours\n"
    assert listed.read("gone") == b"theirs\n"


def test_a_resolution_that_is_neither_side_shows_in_the_index_only_when_staged(repo: Repo) -> None:
    repo.commit({"a": "base\n"})
    repo.stage("a", "ours\n")
    ours, theirs = repo.blob(b"ours\n"), repo.blob(b"theirs\n")
    lines = f"0 {'0' * 40}\ta\n100644 {ours} 2\ta\n100644 {theirs} 3\ta\n"
    repo.git("update-index", "--index-info", input=lines.encode())
    found = opened(repo)
    oids = [change.new.oid for change in found.staged() if change.new]
    assert oids == [ours, theirs]


def test_a_bare_repository_has_no_index_and_no_work_tree(tmp_path: Path, repo: Repo) -> None:
    repo.commit({"a": "base\n"})
    bare = Repo(tmp_path / "bare.git")
    repo.git("clone", "-q", "--bare", ".", str(bare.root))
    found = opened(bare)
    assert found.bare
    assert found.root is None
    assert found.head == repo.git("rev-parse", "HEAD")
    assert found.git_dir == str(bare.root)
    assert found.tree("HEAD").read("a") == b"base\n"
    with pytest.raises(UserError, match="bare repository has no index"):
        found.staged()
    with pytest.raises(UserError, match="no work tree"):
        found.worktree()


def test_a_detached_head_is_head(repo: Repo) -> None:
    first = repo.commit({"a": "1\n"})
    repo.commit({"a": "2\n"})
    repo.git("checkout", "-q", first)
    repo.stage("a", "3\n")
    found = opened(repo)
    assert found.head == first
    assert contents(found, found.staged()) == {"a": b"3\n"}


def test_an_orphan_branch_is_compared_with_nothing(repo: Repo) -> None:
    repo.commit({"a": "1\n"})
    repo.git("checkout", "-q", "--orphan", "other")
    assert staged(repo) == {"a": b"1\n"}


@pytest.mark.parametrize("name", ["with space", "line\nfeed", "-dash", "ünï", "quo'te\""])
def test_the_repository_may_be_called_anything(tmp_path: Path, name: str) -> None:
    repo = Repo.init(tmp_path / name)
    repo.commit({"a": "1\n"})
    repo.stage("a", "2\n")
    found = opened(repo)
    assert found.root == str(repo.root)
    assert found.git_dir == str(repo.root / ".git")
    assert found.common_dir == str(repo.root / ".git")
    assert contents(found, found.staged()) == {"a": b"2\n"}
    assert found.worktree().read("a") == b"2\n"


def test_without_an_identity_everything_is_read(repo: Repo, clean_environment: Path) -> None:
    repo.commit({"a": "1\n"})
    (clean_environment / ".gitconfig").write_text("[user]\n\tuseConfigOnly = true\n")
    repo.stage("a", "2\n")
    found = opened(repo)
    assert contents(found, found.staged()) == {"a": b"2\n"}
    assert contents(found, list(found.range_changes(None, "HEAD"))) == {"a": b"1\n"}


# --- what changes can be ------------------------------------------------------------------------------


@pytest.mark.parametrize("setting", ["true", "copies"])
def test_a_rename_is_an_addition_and_a_deletion(repo: Repo, setting: str) -> None:
    repo.git("config", "diff.renames", setting)
    text = "".join(f"line {n}\n" for n in range(50))
    repo.commit({"old": text})
    repo.git("mv", "old", "new")
    repo.stage("new", text + "secret\n")
    found = opened(repo)
    changes = {change.path: change for change in found.staged()}
    assert set(changes) == {"old", "new"}
    assert changes["new"].old is None
    assert changes["old"].new is None
    assert contents(found, list(changes.values())) == {"new": (text + "secret\n").encode()}


def test_a_change_of_type_is_one_change(repo: Repo) -> None:
    base = repo.commit({"a": "text\n", "b": "text\n", "c": "text\n"})
    (repo.root / "a").unlink()
    (repo.root / "a").symlink_to("the-target")
    repo.git("add", "a")
    repo.git("update-index", "--cacheinfo", f"160000,{base},b")
    repo.git("update-index", "--chmod=+x", "c")
    found = opened(repo)
    changes = found.staged()
    assert [(c.path, c.old and c.old.mode, c.new and c.new.mode) for c in changes] == [
        ("a", FILE, SYMLINK),
        ("b", FILE, SUBMODULE),
        ("c", FILE, EXECUTABLE),
    ]
    assert contents(found, [changes[0], changes[2]]) == {"a": b"the-target", "c": b"text\n"}
    repo.git("commit", "-qm", "types")
    repo.stage("c", "x\n")
    (repo.root / "a").unlink()
    repo.stage("a", "a file again\n")
    assert staged(repo) == {"a": b"a file again\n", "c": b"x\n"}


def test_a_link_is_its_target_and_not_what_it_points_to(repo: Repo, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("not ours\n")
    (repo.root / "link").symlink_to(outside)
    repo.add()
    assert staged(repo) == {"link": str(outside).encode()}
    assert opened(repo).worktree().read("link") == str(outside).encode()


def test_a_submodule_is_an_entry_without_content(repo: Repo, tmp_path: Path) -> None:
    inner = Repo.init(tmp_path / "inner")
    tip = inner.commit({"x": "1\n"})
    repo.git("submodule", "--quiet", "add", str(inner.root), "sub")
    found = opened(repo)
    changes = {change.path: change.new for change in found.staged()}
    assert set(changes) == {".gitmodules", "sub"}
    sub = changes["sub"]
    assert sub is not None
    assert (sub.mode, sub.oid) == (SUBMODULE, tip)
    [(_, answer)] = found.pieces([sub])
    assert str(answer) == "('sub', 'is a submodule')"
    assert found.index().paths() == (".gitmodules", "sub")
    assert "sub" not in opened(repo).index() or opened(repo).index().get("sub") == sub


def test_a_new_tip_of_a_submodule_is_seen_whatever_its_settings(repo: Repo, tmp_path: Path) -> None:
    inner = Repo.init(tmp_path / "inner")
    inner.commit({"x": "1\n"})
    repo.git("submodule", "--quiet", "add", str(inner.root), "sub")
    repo.git("config", "-f", ".gitmodules", "submodule.sub.ignore", "all")
    repo.git("config", "diff.ignoreSubmodules", "all")
    repo.add()
    repo.commit()
    other = repo.commit()
    repo.git("update-index", "--cacheinfo", f"160000,{other},sub")
    assert [change.path for change in opened(repo).staged()] == ["sub"]


ODD_NAMES = [
    b"line\nfeed",
    b"quote'\"",
    b"tab\there",
    b"back\\slash",
    b"-leading",
    b"--help",
    b" space ",
    b"\xff\xfe not utf-8",
    "e\u0301 decomposed".encode(),
    "\u00e9 composed".encode(),
    b"Case",
    b"case",
    b":(top)magic",
    b":0:stage",
    b"*star?[x]",
    b"#hash",
    b"!bang",
    b"a missing",
    b"dir/../x"[:3] + b"/x",
    b"\x1b[31mred",
    "\u202eetxt".encode(),
    b"100644 0000000000000000000000000000000000000000 0",
]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_any_name_is_read(repo: Repo, name: bytes) -> None:
    # Straight into the index: not every file system can hold every name.
    repo.commit({"other": "x\n"})
    repo.index_entry("100644", repo.blob(b"content of " + name), name)
    path = os.fsdecode(name)
    assert staged(repo) == {path: b"content of " + name}
    assert path in opened(repo).index()
    assert opened(repo).index().read(path) == b"content of " + name
    repo.git("commit", "-qm", "odd")
    found = opened(repo)
    assert found.tree("HEAD").read(path) == b"content of " + name
    assert contents(found, list(found.range_changes("HEAD~1", "HEAD"))) == {path: b"content of " + name}
    assert set(opened(repo).tree("HEAD").paths()) == {"other", path}


def test_names_that_differ_only_in_case_or_form_are_two(repo: Repo) -> None:
    for name in ("Case", "case", "\u00e9", "e\u0301"):
        repo.index_entry("100644", repo.blob(name.encode()), name)
    assert staged(repo) == {name: name.encode() for name in ("Case", "case", "\u00e9", "e\u0301")}


def test_a_file_of_no_bytes_is_read(repo: Repo) -> None:
    repo.stage("empty", b"")
    assert staged(repo) == {"empty": b""}
    assert "empty" in opened(repo).index()


# --- settings and variables that must change nothing ---------------------------------------------------


def test_nobodys_settings_change_what_is_listed(repo: Repo, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch '{ran}'\ncat\n")
    program.chmod(0o755)
    repo.commit({"sub/a": "1\n", "b": "1\n"})
    repo.stage("sub/a", "2\n")
    repo.stage("b", "2\n")
    for key, value in {
        "core.fsmonitor": str(program),
        "core.pager": str(program),
        "diff.external": str(program),
        "diff.relative": "true",
        "diff.orderFile": "/nonexistent",
        "diff.renames": "copies",
        "diff.noprefix": "true",
        "diff.algorithm": "patience",
        "core.quotePath": "true",
        "core.abbrev": "5",
        "diff.ignoreSubmodules": "all",
        "color.ui": "always",
        "alias.diff-index": f"!{program}",
        "alias.cat-file": f"!{program}",
        "log.showSignature": "true",
    }.items():
        repo.git("config", key, value)
    assert staged(repo) == {"b": b"2\n", "sub/a": b"2\n"}
    assert staged(Repo(repo.root / "sub")) == {"b": b"2\n", "sub/a": b"2\n"}
    assert opened(Repo(repo.root / "sub")).worktree().paths() == ("b", "sub/a")
    assert not ran.exists()


def test_nobodys_variables_change_what_is_listed(
    repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = tmp_path / "trace"
    repo.commit({"a": "1\n"})
    repo.stage("a", "2\n")
    for name, value in {
        "GIT_TRACE": str(trace),
        "GIT_TRACE_PACKET": str(trace),
        "GIT_TRACE2_EVENT": str(trace),
        "GIT_TRACE_SETUP": "1",
        "GIT_DIFF_OPTS": "-u0",
        "GIT_EXTERNAL_DIFF": "false",
        "GIT_CONFIG": "/nonexistent",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_ICASE_PATHSPECS": "1",
        "GIT_PAGER": "false",
        "LC_ALL": "xx_XX",
        "LANGUAGE": "de",
    }.items():
        monkeypatch.setenv(name, value)
    found = opened(repo)
    assert contents(found, found.staged()) == {"a": b"2\n"}
    assert found.index().paths() == ("a",)
    assert found.config("core.bare") == "false"
    assert not trace.exists()


def test_git_settings_given_to_the_outer_git_do_not_win(
    repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = tmp_path / "ran"
    repo.commit({"a": "1\n"})
    repo.stage("a", "2\n")
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", f"'core.fsmonitor=touch {ran}; false'")
    assert staged(repo) == {"a": b"2\n"}
    assert opened(repo).worktree().paths() == ("a",)
    assert not ran.exists()


def test_the_index_is_not_written(repo: Repo) -> None:
    repo.commit({"a": "1\n"})
    repo.stage("b", "2\n")
    index = repo.root / ".git/index"
    os.utime(repo.root / "a", (1, 1))
    before = (index.read_bytes(), index.stat().st_mtime_ns)
    found = opened(repo)
    found.staged()
    found.index().paths()
    found.worktree().paths()
    assert (index.read_bytes(), index.stat().st_mtime_ns) == before


def test_three_processes_answer_a_hook(repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.commit({"a": "1\n"})
    repo.stage("a", "2\n")
    log = tmp_path / "log"
    bin_dir = tmp_path / "bin"
    bin_dir.mkdir()
    real = subprocess.run(["which", "git"], capture_output=True, text=True, check=True).stdout.strip()
    wrapper = bin_dir / "git"
    wrapper.write_text(f'#!/bin/sh\necho x >> "{log}"\nexec "{real}" "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{bin_dir}:{os.environ['PATH']}")
    found = opened(repo)
    found.begin()
    assert contents(found, found.staged()) == {"a": b"2\n"}
    assert found.head
    assert found.root
    assert ".sopsguard.yaml" not in found.index()
    found.close()
    assert log.read_text().count("x") == 3


# --- what goes wrong ---------------------------------------------------------------------------------


def test_outside_a_repository_is_a_users_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a git repository") as error:
        git.discover(str(tmp_path)).staged()
    assert error.value.hint == "run this inside a git repository"
    with pytest.raises(UserError, match="not a git repository"):
        git.discover(str(tmp_path)).resolve("HEAD")


def test_a_folder_that_does_not_exist_is_a_users_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot change to"):
        git.discover(str(tmp_path / "none")).staged()


def test_no_git_is_a_users_error(repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="git is not installed") as error:
        opened(repo)
    assert "2.31" in error.value.hint


def test_an_old_git_is_a_users_error(repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Before 2.31 rev-parse printed --path-format back, as it does with every option it does not know.
    fake = tmp_path / "git"
    fake.write_text(
        "#!/bin/sh\n"
        'case "$*" in\n'
        "*rev-parse*) printf 'false\\nfalse\\nsha1\\n--path-format=absolute\\n.git\\n"
        "--sopsguard-mark\\n.git\\n--sopsguard-mark\\n/x\\n--sopsguard-mark\\n' ;;\n"
        "*version*) echo git version 2.30.2 ;;\n"
        "*cat-file*) cat ;;\n"
        "esac\n"
    )
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(UserError, match=r"^git 2\.30\.2 is too old$") as error:
        opened(repo).staged()
    assert error.value.hint == "sopsguard needs git 2.31 or newer"


def test_a_damaged_index_is_a_users_error(repo: Repo) -> None:
    repo.commit({"a": "1\n"})
    repo.stage("a", "2\n")
    index = repo.root / ".git/index"
    index.write_bytes(b"DIRC" + b"\0" * 40)
    with pytest.raises(UserError, match="could not read the index") as error:
        opened(repo).staged()
    assert "index" in error.value.hint
    with pytest.raises(UserError, match="ls-files"):
        opened(repo).index().paths()
    with pytest.raises(UserError, match="ls-files"):
        opened(repo).worktree().paths()


def test_an_index_cut_short_is_a_users_error(repo: Repo) -> None:
    repo.commit({f"file-{n}": "1\n" for n in range(9)})
    index = repo.root / ".git/index"
    whole = index.read_bytes()
    # git itself reads on where the file has ended, finds entries of nothing, and says that all is well.
    for end in (12, 84, 200, 600):
        index.write_bytes(whole[:end])
        with pytest.raises(UserError):
            opened(repo).staged()
        with pytest.raises(UserError):
            opened(repo).index().paths()
        with pytest.raises(UserError):
            opened(repo).worktree().paths()


def test_a_lost_head_commit_is_a_users_error(repo: Repo) -> None:
    oid = repo.commit({"a": "1\n"})
    repo.stage("a", "2\n")
    repo.object_file(oid).unlink()
    with pytest.raises(UserError):
        opened(repo).staged()


def test_a_lost_head_tree_is_a_users_error(repo: Repo) -> None:
    repo.commit({"a": "1\n"})
    repo.stage("a", "2\n")
    repo.object_file(repo.git("rev-parse", "HEAD^{tree}")).unlink()
    with pytest.raises(UserError):
        opened(repo).staged()


def test_a_repository_of_another_user_is_refused_with_gits_own_advice(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(UserError, match="dubious ownership") as error:
        opened(repo).staged()
    assert error.value.hint == f"if you trust it: git config --global --add safe.directory {repo.root}"


def test_a_lost_exit_code_is_not_success(repo: Repo) -> None:
    repo.stage("a", "1\n")
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        found = opened(repo)
        with pytest.raises(UserError, match="exit code was lost"):
            found.staged()
        found.close()
    finally:
        signal.signal(signal.SIGCHLD, before)


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_standard_streams_confuse_nothing(repo: Repo, tmp_path: Path, closed: str) -> None:
    out = with_hook(repo, tmp_path)
    hook = repo.root / ".git/hooks/pre-commit"
    hook.write_text(hook.read_text().rstrip() + f" {closed}\n")
    repo.stage("a", "first\n")
    repo.git("commit", "-qm", "first")
    assert seen(out) == {"a": "first\n"}


def test_standard_error_needs_no_special_file_system(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "memfd_create")
    repo.stage("a", "1\n")
    assert staged(repo) == {"a": b"1\n"}
    with pytest.raises(UserError, match="names no commit"):
        opened(repo).resolve("nope")
    with pytest.raises(UserError, match="not a git repository"):
        git.discover("/").staged()


def test_only_one_line_of_gits_complaint_is_shown(tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        git.discover(str(tmp_path / "no\nsuch\x1b[31m")).staged()
    assert "\n" not in error.value.message
    assert "\x1b" not in error.value.message


# --- small questions -----------------------------------------------------------------------------------


def test_settings_are_read(repo: Repo) -> None:
    repo.git("config", "my.key", "a value\nof two lines")
    found = opened(repo)
    assert found.config("my.key") == "a value\nof two lines"
    assert found.config("my.other") is None


def test_nothing_is_left_running(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[int] = []
    spawn = os.posix_spawnp

    def recorded(*args: object, **kwargs: object) -> int:
        started.append(spawn(*args, **kwargs))  # type: ignore[arg-type]
        return started[-1]

    monkeypatch.setattr(os, "posix_spawnp", recorded)
    repo.commit({"a": "1\n"})
    repo.stage("a", "2\n")
    repo.stage("b", "3\n")
    found = opened(repo)
    found.begin()
    stream = found.pieces([change.new for change in found.staged() if change.new])
    next(stream)
    stream.close()
    next(found.range_changes(None, "HEAD"))
    found.close()
    found.close()
    forgotten = opened(repo)
    forgotten.begin()
    del forgotten
    assert len(started) > 6
    for pid in started:
        with pytest.raises(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
