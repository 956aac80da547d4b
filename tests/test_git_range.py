"""A range is everything that any of its commits brings: also what the next one takes away again."""

from pathlib import Path

import pytest

from sopsguard import git
from sopsguard.git import Repository
from sopsguard.model import UserError
from sopsguard.snapshot import SYMLINK, Change, Piece
from tests.gitrepo import Repo


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    repo = Repo.init(tmp_path / "repo")
    repo.commit({"a": "base\n"}, "base")
    repo.git("tag", "base")
    return repo


def opened(repo: Repo) -> Repository:
    return git.discover(str(repo.root))


def brought(repo: Repo, base: str | None = "base", tip: str | None = "HEAD") -> list[tuple[str, bytes]]:
    """Path and content of everything that the range brings, sorted."""
    found = opened(repo)
    entries = [change.new for change in found.range_changes(base, tip) if change.new]
    pieces = found.pieces(entries)
    return sorted((entry.path, piece.data) for entry, piece in pieces if isinstance(piece, Piece))


def merge(repo: Repo, other: str, files: dict[str, str]) -> str:
    """Merge `other` and commit with these contents, conflicts or not."""
    repo.git("merge", "-q", "--no-commit", "--no-ff", other, check=False)
    for path, content in files.items():
        repo.stage(path, content)
    return repo.commit(message="merge")


def side(repo: Repo, files: dict[str, str], name: str = "side") -> str:
    """A branch from the base that changes these files; back on main afterwards."""
    repo.git("checkout", "-q", "-b", name, "base")
    oid = repo.commit(files, name)
    repo.git("checkout", "-q", "main")
    return oid


def test_what_was_added_and_removed_again_is_found(repo: Repo) -> None:
    added = repo.commit({"key": "secret\n"})
    repo.git("rm", "-q", "key")
    removed = repo.commit()
    assert brought(repo) == [("key", b"secret\n")]
    found = opened(repo)
    assert [(c.path, c.new is None, c.commit) for c in found.range_changes("base", "HEAD")] == [
        ("key", False, added),
        ("key", True, removed),
    ]
    assert found.changes_between("base", "HEAD") == []


def test_a_change_names_its_old_side(repo: Repo) -> None:
    repo.commit({"a": "new\n"})
    found = opened(repo)
    [change] = found.range_changes("base", "HEAD")
    assert change.old is not None
    assert change.old.oid == repo.git("rev-parse", "base:a")


def test_the_whole_history_begins_with_the_root(repo: Repo) -> None:
    repo.commit({"b": "2\n"})
    assert brought(repo, None) == [("a", b"base\n"), ("b", b"2\n")]


def test_two_roots_are_both_read(repo: Repo) -> None:
    repo.git("checkout", "-q", "--orphan", "other")
    repo.git("rm", "-rfq", ".")
    repo.commit({"z": "other root\n"})
    repo.git("checkout", "-q", "main")
    repo.git("merge", "-q", "--allow-unrelated-histories", "-m", "m", "other")
    assert brought(repo, None) == [("a", b"base\n"), ("z", b"other root\n")]


def test_everything_that_any_ref_reaches_is_the_history(repo: Repo) -> None:
    side(repo, {"b": "side\n"})
    repo.git("update-ref", "refs/odd/one", repo.blob(b"a blob with a ref"))
    repo.git("tag", "-am", "tag", "tagged", "side")
    repo.git("branch", "-qD", "side")
    repo.git("checkout", "-q", "--detach")
    repo.commit({"c": "detached\n"})
    assert brought(repo, None, None) == [("a", b"base\n"), ("b", b"side\n"), ("c", b"detached\n")]
    assert len(opened(repo).commits(None, None)) == 3
    assert opened(repo).commits(["tagged"], None) == [repo.git("rev-parse", "HEAD")]


def test_an_empty_repository_has_no_history(tmp_path: Path) -> None:
    repo = Repo.init(tmp_path / "empty")
    assert brought(repo, None, None) == []
    assert opened(repo).commits(None, None) == []


def test_a_merge_resolution_that_nobody_had_is_found(repo: Repo) -> None:
    side(repo, {"a": "side\n"})
    ours = repo.commit({"a": "main\n"})
    merged = merge(repo, "side", {"a": "resolved with a secret\n"})
    found = opened(repo)
    assert [(c.commit, c.new) for c in found.range_changes(ours, "HEAD") if c.commit == merged] == [
        (merged, found.tree("HEAD").get("a"))
    ]
    assert brought(repo, ours) == [("a", b"resolved with a secret\n"), ("a", b"side\n")]


def test_a_file_that_only_the_merge_adds_is_found(repo: Repo) -> None:
    side(repo, {"b": "side\n"})
    repo.commit({"c": "main\n"})
    merge(repo, "side", {"evil": "in neither parent\n"})
    assert brought(repo) == [("b", b"side\n"), ("c", b"main\n"), ("evil", b"in neither parent\n")]


def test_a_merge_that_takes_a_side_brings_nothing_of_its_own(repo: Repo) -> None:
    side(repo, {"a": "side\n"})
    repo.commit({"a": "main\n"})
    merge(repo, "side", {"a": "main\n"})
    assert brought(repo) == [("a", b"main\n"), ("a", b"side\n")]


def test_a_merge_of_three_is_compared_with_each(repo: Repo) -> None:
    side(repo, {"x": "1\n"}, "one")
    side(repo, {"y": "2\n"}, "two")
    repo.commit({"z": "3\n"})
    repo.git("merge", "-q", "-m", "octopus", "one", "two")
    repo.stage("evil", "added\n")
    repo.git("commit", "-q", "--amend", "-m", "octopus")
    assert len(repo.git("rev-list", "--parents", "-1", "HEAD").split()) == 4
    assert brought(repo) == [("evil", b"added\n"), ("x", b"1\n"), ("y", b"2\n"), ("z", b"3\n")]


def test_a_merge_is_only_what_it_brings_to_the_base(repo: Repo) -> None:
    theirs = side(repo, {"b": "side\n"})
    repo.commit({"c": "main\n"})
    merge(repo, "side", {})
    assert brought(repo, theirs) == [("c", b"main\n")]


def test_a_change_of_type_is_found(repo: Repo) -> None:
    (repo.root / "a").unlink()
    (repo.root / "a").symlink_to("target")
    repo.add()
    repo.commit()
    (repo.root / "a").unlink()
    repo.commit({"a": "secret in a file that was a link\n"})
    found = opened(repo)
    modes = [(c.old and c.old.mode, c.new and c.new.mode) for c in found.range_changes("base", "HEAD")]
    assert modes == [(0o100644, SYMLINK), (SYMLINK, 0o100644)]
    assert brought(repo) == [("a", b"secret in a file that was a link\n"), ("a", b"target")]


@pytest.mark.parametrize("renames", ["true", "copies", "false"])
def test_a_rename_is_read_under_its_new_name(repo: Repo, renames: str) -> None:
    repo.git("config", "diff.renames", renames)
    text = "line\n" * 50
    start = repo.commit({"old": text})
    repo.git("mv", "old", "new")
    repo.commit({"new": text + "secret\n"})
    assert brought(repo, start) == [("new", (text + "secret\n").encode())]


def test_paths_that_look_like_records_confuse_nothing(repo: Repo) -> None:
    oid = repo.blob(b"x")
    names = [f":100644 100644 {oid} {oid} M", "\n:100644", repo.git("rev-parse", "HEAD"), "a\n\nb"]
    for name in names:
        repo.index_entry("100644", oid, name)
    repo.commit()
    assert sorted(path for path, _ in brought(repo)) == sorted(names)
    side(repo, {"side": "s\n"})
    repo.git("merge", "-q", "--no-commit", "-s", "ours", "side")
    for name in names:
        repo.index_entry("100644", repo.blob(b"y"), name)
    repo.commit()
    merged = [c.path for c in opened(repo).range_changes("HEAD^1", "HEAD") if c.path in names]
    assert sorted(merged) == sorted(names)


def test_messages_are_raw(repo: Repo) -> None:
    latin = "schlüssel".encode("latin-1")
    repo.git("-c", "i18n.commitEncoding=latin1", "commit", "-q", "--allow-empty", "-F", "-", input=latin)
    repo.git("commit", "-q", "--allow-empty", "--cleanup=verbatim", "-m", "# not a comment\n\nbody\n\n\n")
    repo.git("commit", "-q", "--allow-empty", "--allow-empty-message", "-m", "")
    found = opened(repo)
    commits = found.commits("base", "HEAD")
    assert list(found.messages(commits)) == [
        (commits[0], latin + b"\n"),
        (commits[1], b"# not a comment\n\nbody\n\n\n"),
        (commits[2], b""),
    ]


def test_the_text_of_a_merged_tag_is_a_message(repo: Repo) -> None:
    repo.git("tag", "-am", "tag text\n\nwith a secret", "tagged")
    tag = repo.git("rev-parse", "tagged")
    found = opened(repo)
    assert list(found.messages([tag])) == [(tag, b"tag text\n\nwith a secret\n")]
    # git writes this header when it merges a signed tag.
    text = repo.git("cat-file", "tag", tag).replace("\n", "\n ")
    raw = repo.git("cat-file", "commit", "HEAD").replace("\n\n", f"\nmergetag {text}\nother x\n\n", 1)
    merged = repo.git("hash-object", "-t", "commit", "-w", "--stdin", input=raw.encode())
    assert list(found.messages([merged])) == [
        (merged, b"base"),
        (merged, b"tag text\n\nwith a secret"),
    ]


def test_commits_come_parents_first(repo: Repo) -> None:
    theirs = side(repo, {"b": "side\n"})
    ours = repo.commit({"c": "main\n"})
    merged = merge(repo, "side", {})
    found = opened(repo)
    commits = found.commits("base", "HEAD")
    assert commits[-1] == merged
    assert set(commits) == {theirs, ours, merged}
    assert found.commits([ours, theirs], "HEAD") == [merged]
    assert found.commits(None, ["side", "main"])[0] == repo.git("rev-parse", "base")
    assert found.commits("HEAD", "HEAD") == []
    assert found.merge_bases(ours, theirs) == [repo.git("rev-parse", "base")]


def test_grafts_and_replacements_hide_no_commit(repo: Repo) -> None:
    repo.commit({"b": "secret\n"})
    tip = repo.commit({"c": "tip\n"})
    whole = [("b", b"secret\n"), ("c", b"tip\n")]
    (repo.root / ".git/info").mkdir(exist_ok=True)
    (repo.root / ".git/info/grafts").write_text(f"{tip} {repo.git('rev-parse', 'base')}\n")
    assert brought(repo) == whole
    (repo.root / ".git/info/grafts").unlink()
    repo.git("replace", "--graft", tip, "base")
    assert repo.git("rev-list", "--count", "base..HEAD") == "1"
    assert brought(repo) == whole


def test_trees_are_compared_whole(repo: Repo) -> None:
    repo.git("rm", "-q", "a")
    repo.commit({"sub/b": "2\n"})
    found = opened(repo)
    assert [(c.path, c.old is None, c.new is None) for c in found.changes_between("base", "HEAD")] == [
        ("a", False, True),
        ("sub/b", True, False),
    ]
    assert [c.path for c in found.changes_between(None, "HEAD")] == ["sub/b"]
    assert found.changes_between("HEAD", "HEAD") == []


def test_a_range_is_the_same_from_a_subfolder(repo: Repo) -> None:
    repo.commit({"sub/b": "2\n", "c": "3\n"})
    below = Repo(repo.root / "sub")
    assert brought(below) == [("c", b"3\n"), ("sub/b", b"2\n")]
    assert opened(below).tree("HEAD").paths() == ("a", "c", "sub/b")
    assert opened(below).tree("HEAD").read("c") == b"3\n"


# --- revisions ----------------------------------------------------------------------------------------


def test_revisions_are_resolved_to_commits(repo: Repo) -> None:
    tip = repo.commit({"b": "2\n"})
    repo.git("tag", "-am", "annotated", "v1")
    repo.git("branch", "feature/x")
    found = opened(repo)
    for rev in ("HEAD", "main", "refs/heads/main", "v1", "feature/x", tip, tip[:10], "base~0^{commit}"):
        expected = repo.git("rev-parse", f"{rev}^{{commit}}")
        assert found.resolve(rev) == expected


def test_a_branch_that_looks_like_an_option_is_a_name(repo: Repo) -> None:
    tip = repo.git("rev-parse", "HEAD")
    repo.git("update-ref", "refs/heads/--all", tip)
    repo.git("update-ref", "refs/heads/-x", tip)
    found = opened(repo)
    assert found.resolve("--all") == tip
    assert found.resolve("-x") == tip


@pytest.mark.parametrize(
    "rev",
    ["nope", "", "HEAD~50", "--output=/tmp/x", "HEAD:a", "a\0b", "HEAD..base", "^HEAD", "\ud800", "-" * 5000],
)
def test_what_names_no_commit_is_a_users_error(repo: Repo, rev: str) -> None:
    with pytest.raises(UserError) as error:
        opened(repo).resolve(rev)
    assert error.value.hint


def test_refs_are_listed(repo: Repo) -> None:
    repo.git("branch", "two")
    tip = repo.git("rev-parse", "HEAD")
    assert opened(repo).refs("refs/heads/") == {"refs/heads/main": tip, "refs/heads/two": tip}


# --- shallow and broken history --------------------------------------------------------------------------


def test_a_shallow_clone_says_where_it_ends(repo: Repo, tmp_path: Path) -> None:
    repo.commit({"b": "2\n"})
    last = repo.commit({"c": "3\n"})
    clone = Repo(tmp_path / "clone")
    repo.git("clone", "-q", "--depth=1", f"file://{repo.root}", str(clone.root))
    found = opened(clone)
    assert found.shallow
    assert found.boundary() == {last}
    assert found.commits(None, "HEAD") == [last]
    assert [c.path for c in found.range_changes(None, "HEAD")] == ["a", "b", "c"]
    with pytest.raises(UserError) as error:
        found.resolve("HEAD~1")
    assert "--unshallow" in error.value.hint
    whole = opened(repo)
    assert not whole.shallow
    assert whole.boundary() == frozenset()


def test_a_missing_commit_ends_the_range_in_an_error(repo: Repo) -> None:
    middle = repo.commit({"b": "2\n"})
    repo.commit({"c": "3\n"})
    repo.object_file(middle).unlink()
    found = opened(repo)
    with pytest.raises(UserError):
        list(found.range_changes("base", "HEAD"))
    with pytest.raises(UserError):
        found.commits("base", "HEAD")


def test_a_missing_tree_ends_the_range_in_an_error(repo: Repo) -> None:
    repo.commit({"sub/b": "2\n"})
    repo.object_file(repo.git("rev-parse", "HEAD:sub")).unlink()
    with pytest.raises(UserError, match="compare the commits"):
        list(opened(repo).range_changes("base", "HEAD"))
    with pytest.raises(UserError):
        opened(repo).tree("HEAD").paths()
    with pytest.raises(UserError):
        opened(repo).changes_between("base", "HEAD")


def test_a_range_may_be_left_early(repo: Repo) -> None:
    for n in range(20):
        repo.commit({"a": f"{n}\n"})
    found = opened(repo)
    first: Change = next(iter(found.range_changes("base", "HEAD")))
    assert first.path == "a"
    found.close()
