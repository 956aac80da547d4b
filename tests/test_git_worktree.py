"""The work tree is read as it is on disk: no link is followed, no pipe waited for, nothing believed twice."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from sopsguard import git
from sopsguard.disk import Disk
from sopsguard.git import Repository
from sopsguard.snapshot import EXECUTABLE, FILE, LIMIT, SUBMODULE, SYMLINK, Entry, Piece, Unreadable
from tests.gitrepo import Repo


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo.init(tmp_path / "repo")


@pytest.fixture
def found(repo: Repo) -> Iterator[Repository]:
    found = git.discover(str(repo.root))
    yield found
    found.close()


def reading(found: Repository, *entries: Entry) -> list[bytes | str]:
    """Content of each entry, or the reason why there is none."""
    return [p.data if isinstance(p, Piece) else p.reason for _, p in found.pieces(entries)]


def listed(repo: Repo) -> dict[str, int]:
    return {e.path: e.mode for e in git.discover(str(repo.root)).worktree().entries()}


def test_tracked_and_untracked_files_are_read_as_on_disk(repo: Repo, found: Repository) -> None:
    repo.commit({"a": "committed\n", ".gitignore": "*.tmp\n/ignored/\n"})
    repo.stage("a", "staged\n")
    repo.write("a", "on disk\n")
    repo.write("new/file", "untracked\n")
    repo.write("x.tmp", "ignored\n")
    repo.write("ignored/y", "ignored\n")
    tree = found.worktree()
    assert tree.paths() == (".gitignore", "a", "new/file")
    assert tree.read("a") == b"on disk\n"
    assert tree.read("new/file") == b"untracked\n"
    assert {e.oid for e in tree.entries()} == {""}


def test_an_ignored_file_that_is_tracked_is_read(repo: Repo) -> None:
    repo.commit({".gitignore": "secret\n", "secret": "x\n"})
    assert "secret" in listed(repo)


def test_what_is_deleted_on_disk_is_not_there(repo: Repo) -> None:
    repo.commit({"a": "1\n", "b/c": "2\n"})
    (repo.root / "a").unlink()
    (repo.root / "b/c").unlink()
    (repo.root / "b").rmdir()
    assert listed(repo) == {}


def test_a_file_is_taken_with_its_mode(repo: Repo) -> None:
    repo.write("plain", "x")
    repo.write("run", "x").chmod(0o755)
    (repo.root / "link").symlink_to("nowhere")
    repo.add("plain")
    assert listed(repo) == {"plain": FILE, "run": EXECUTABLE, "link": SYMLINK}


def test_a_file_in_place_of_a_folder_and_the_other_way_round(repo: Repo, found: Repository) -> None:
    repo.commit({"a": "file\n", "b/c": "in a folder\n"})
    (repo.root / "a").unlink()
    repo.write("a/now", "a folder\n")
    (repo.root / "b/c").unlink()
    (repo.root / "b").rmdir()
    repo.write("b", "a file\n")
    tree = found.worktree()
    assert tree.paths() == ("a/now", "b")
    assert [tree.read(p) for p in tree.paths()] == [b"a folder\n", b"a file\n"]


def test_a_folder_that_became_a_link_leads_nowhere(repo: Repo, found: Repository, tmp_path: Path) -> None:
    repo.commit({"dir/a": "ours\n", "dir/sub/b": "ours\n"})
    (tmp_path / "elsewhere/sub").mkdir(parents=True)
    (tmp_path / "elsewhere/a").write_text("not ours\n")
    (tmp_path / "elsewhere/sub/b").write_text("not ours\n")
    before = found.worktree().entries()
    repo.git("rm", "-rq", "--cached", "dir")
    (repo.root / "dir").rename(tmp_path / "moved")
    (repo.root / "dir").symlink_to(tmp_path / "elsewhere")
    assert listed(repo) == {"dir": SYMLINK}
    assert reading(found, *before) == ["vanished before it was read"] * 2
    repo.git("reset", "-q")
    assert listed(repo) == {"dir": SYMLINK}


def test_a_link_is_its_target_even_if_that_is_not_text(repo: Repo, found: Repository) -> None:
    (repo.root / "link").symlink_to(os.fsdecode(b"\xff\xfe/target"))
    assert found.worktree().read("link") == b"\xff\xfe/target"


def test_a_link_to_itself_is_its_target(repo: Repo, found: Repository) -> None:
    (repo.root / "loop").symlink_to("loop")
    assert found.worktree().read("loop") == b"loop"


@pytest.mark.parametrize(
    "name", [b"line\nfeed", b"-dash", b"? question", b"\xff", b"quo'\"te", b"a\\b", b" "]
)
def test_any_name_on_disk_is_read(repo: Repo, name: bytes) -> None:
    full = os.fsencode(repo.root) + b"/" + name
    try:
        fd = os.open(full, os.O_WRONLY | os.O_CREAT)
    except OSError:
        pytest.skip("this file system does not hold such names")
    os.write(fd, b"content")
    os.close(fd)
    for _ in range(2):
        found = git.discover(str(repo.root))
        tree = found.worktree()
        assert tree.paths() == (os.fsdecode(name),)
        assert tree.read(os.fsdecode(name)) == b"content"
        found.close()
        repo.add()


def test_pipes_sockets_and_devices_are_said_and_not_waited_for(
    repo: Repo, found: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.commit({"fifo": "1\n", "socket": "2\n", "z": "after\n"})
    for name in ("fifo", "socket"):
        (repo.root / name).unlink()
    os.mkfifo(repo.root / "fifo")
    os.mkfifo(repo.root / "untracked")
    monkeypatch.chdir(repo.root)
    with socket.socket(socket.AF_UNIX) as s:
        s.bind("socket")
        tree = found.worktree()
        assert tree.paths() == ("fifo", "socket", "z")
        fifo, sock, after = reading(found, *tree.entries())
    assert fifo == "is a FIFO, not a file"
    assert isinstance(sock, str)
    assert after == b"after\n"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_said(repo: Repo, found: Repository) -> None:
    repo.write("a", "x").chmod(0)
    assert reading(found, *found.worktree().entries()) == ["may not be read by this user"]


def test_a_refused_file_is_said(repo: Repo, found: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.write("a", "x")
    [entry] = found.worktree().entries()

    really = os.open

    def refuse(path: str, *args: int, **kwargs: int) -> int:
        if path == "a":
            raise PermissionError(13, "Permission denied")
        return really(path, *args, **kwargs)

    monkeypatch.setattr(os, "open", refuse)
    assert reading(found, entry) == ["may not be read by this user"]


def test_a_file_that_vanishes_is_said_and_marked(repo: Repo, found: Repository) -> None:
    repo.write("a", "x")
    repo.write("b/c", "x")
    entries = found.worktree().entries()
    (repo.root / "a").unlink()
    (repo.root / "b/c").unlink()
    (repo.root / "b").rmdir()
    pieces = [piece for _, piece in found.pieces(entries)]
    assert all(isinstance(piece, Unreadable) and piece.vanished for piece in pieces)
    assert len(pieces) == 2


def test_a_file_that_becomes_a_link_is_not_followed(repo: Repo, found: Repository, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("not ours\n")
    repo.write("a", "x")
    [entry] = found.worktree().entries()
    (repo.root / "a").unlink()
    (repo.root / "a").symlink_to(tmp_path / "outside")
    assert reading(found, entry) == ["became a link before it was read"]


def test_a_link_that_becomes_a_file_is_said(repo: Repo, found: Repository) -> None:
    (repo.root / "a").symlink_to("b")
    [entry] = found.worktree().entries()
    (repo.root / "a").unlink()
    repo.write("a", "x")
    [reason] = reading(found, entry)
    assert isinstance(reason, str)


@pytest.mark.parametrize("change", ["grow", "shrink", "rewrite"])
def test_a_file_that_changes_while_it_is_read_is_said(repo: Repo, found: Repository, change: str) -> None:
    path = repo.write("a", bytes(LIMIT + 1))
    os.utime(path, ns=(1, 1))
    stream = found.pieces(found.worktree().entries())
    _, first = next(stream)
    assert isinstance(first, Piece)
    if change == "grow":
        with path.open("ab") as f:
            f.write(b"more")
    elif change == "shrink":
        os.truncate(path, 10)
    else:
        with path.open("r+b") as f:
            f.write(b"other")
    *_, (_, last) = stream
    assert isinstance(last, Unreadable)
    assert last.reason == "changed while it was read"


def test_submodules_and_nested_repositories_have_no_content(
    repo: Repo, found: Repository, tmp_path: Path
) -> None:
    inner = Repo.init(tmp_path / "inner")
    inner.commit({"x": "1\n"})
    repo.git("submodule", "--quiet", "add", str(inner.root), "sub")
    Repo.init(repo.root / "nested").commit({"y": "2\n"})
    tree = found.worktree()
    assert listed(repo) == {".gitmodules": FILE, "nested": SUBMODULE, "sub": SUBMODULE}
    assert [entry.path for entry, _ in tree.pieces()] == [".gitmodules"]
    (repo.root / "sub/x").unlink()
    (repo.root / "sub/.git").unlink()
    (repo.root / "sub").rmdir()
    assert "sub" not in listed(repo)


def test_sparse_files_are_absent_until_they_are_on_disk(repo: Repo) -> None:
    repo.commit({"in/a": "a\n", "out/b": "b\n"})
    repo.git("sparse-checkout", "init", "--cone", "--sparse-index")
    repo.git("sparse-checkout", "set", "in")
    assert listed(repo) == {"in/a": FILE}
    repo.write("out/b", "hidden\n")
    assert listed(repo) == {"in/a": FILE, "out/b": FILE}


def test_a_hidden_change_is_read(repo: Repo, found: Repository) -> None:
    repo.commit({"a": "committed\n"})
    repo.git("update-index", "--assume-unchanged", "a")
    repo.write("a", "hidden\n")
    assert found.worktree().read("a") == b"hidden\n"


def test_intended_additions_and_conflicts_are_listed_once(repo: Repo, found: Repository) -> None:
    repo.commit({"a": "base\n"})
    repo.git("checkout", "-qb", "side")
    repo.commit({"a": "theirs\n"})
    repo.git("checkout", "-q", "main")
    repo.commit({"a": "ours\n"})
    repo.git("merge", "-q", "side", check=False)
    repo.write("b", "intended\n")
    repo.git("add", "-N", "b")
    tree = found.worktree()
    assert tree.paths() == ("a", "b")
    assert b"<<<<<<<" in tree.read("a")
    assert tree.read("b") == b"intended\n"


def test_a_work_tree_elsewhere_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bare = Repo.init(tmp_path / "dotfiles.git", bare=True)
    bare.git("config", "core.bare", "false")
    home = tmp_path / "home"
    home.mkdir()
    (home / "a").write_text("in the home\n")
    monkeypatch.chdir(home)
    monkeypatch.setenv("GIT_DIR", str(bare.root))
    monkeypatch.setenv("GIT_WORK_TREE", str(home))
    found = git.discover()
    assert found.root == str(home)
    assert found.worktree().read("a") == b"in the home\n"
    found.close()


@pytest.mark.parametrize("path", ["../outside", "a/../../outside", "./a", "a//b", "/etc/passwd"])
def test_no_path_leads_out_of_the_work_tree(tmp_path: Path, path: str) -> None:
    root = tmp_path / "root"
    (root / "a").mkdir(parents=True)
    (tmp_path / "outside").write_text("not ours\n")
    files = Disk(str(root))
    assert files.entry(path) is None
    [answer] = files.pieces(Entry(path, FILE, ""))
    assert isinstance(answer, Unreadable)
    files.close()
