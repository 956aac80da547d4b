"""Contents come whole and proved, in bounded memory, and what cannot be read is said."""

import hashlib
import os
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from sopsguard import git
from sopsguard.git import Repository, process
from sopsguard.model import UserError
from sopsguard.snapshot import FILE, LIMIT, OVERLAP, SUBMODULE, WINDOW, Entry, Piece, TooLarge, Unreadable
from tests.conftest import ROOT
from tests.gitrepo import Repo


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo.init(tmp_path / "repo")


@pytest.fixture
def found(repo: Repo) -> Iterator[Repository]:
    found = git.discover(str(repo.root))
    yield found
    found.close()


def entry(oid: str, path: str = "f") -> Entry:
    return Entry(path, FILE, oid)


def answers(found: Repository, *entries: Entry) -> list[bytes | str]:
    """Content, or the reason why there is none, in order."""
    return [p.data if isinstance(p, Piece) else p.reason for _, p in found.pieces(entries)]


def test_many_blobs_are_answered_in_order(repo: Repo, found: Repository) -> None:
    texts = [f"blob {n}\n".encode() * (n % 7) for n in range(300)]
    # One fast-import instead of 300 hash-object.
    stream = b"".join(b"blob\nmark :%d\ndata %d\n%b\n" % (n + 1, len(t), t) for n, t in enumerate(texts))
    repo.git("fast-import", "--quiet", "--export-marks=marks", input=stream)
    marks = dict(line.split() for line in (repo.root / "marks").read_text().splitlines())
    entries = [entry(marks[f":{n + 1}"], f"path {n}") for n in range(300)]
    result = list(found.pieces(entries))
    assert [e for e, _ in result] == entries
    assert [p.data for _, p in result if isinstance(p, Piece)] == texts


def test_entries_are_read_while_others_are_being_read(repo: Repo, found: Repository) -> None:
    oids = [repo.blob(f"{n}".encode()) for n in range(5)]
    outer = found.pieces(entry(oid, str(n)) for n, oid in enumerate(oids))
    seen = []
    for e, piece in outer:
        assert isinstance(piece, Piece)
        seen.append(piece.data)
        assert answers(found, entry(oids[0])) == [b"0"]
        assert found.config("core.bare") == "false"
        assert e.oid
    assert seen == [b"0", b"1", b"2", b"3", b"4"]


def test_reading_may_end_early_and_begin_again(repo: Repo, found: Repository) -> None:
    oids = [repo.blob(f"{n}".encode()) for n in range(5)]
    for _ in range(3):
        stream = found.pieces(entry(oid) for oid in oids)
        next(stream)
        stream.close()
    assert answers(found, *(entry(oid) for oid in oids)) == [b"0", b"1", b"2", b"3", b"4"]


def test_a_missing_blob_is_said_and_the_others_are_read(repo: Repo, found: Repository) -> None:
    one, two = repo.blob(b"one"), repo.blob(b"two")
    gone = "1" * 40
    assert answers(found, entry(one), entry(gone), entry(two)) == [
        b"one",
        "is missing from the object store (111111111111)",
        b"two",
    ]


def test_a_staged_blob_that_is_gone_is_said(repo: Repo, found: Repository) -> None:
    repo.commit({"a": "base\n"})
    repo.stage("a", "secret\n")
    repo.stage("b", "fine\n")
    repo.object_file(hashlib.sha1(b"blob 7\0secret\n", usedforsecurity=False).hexdigest()).unlink()
    changes = found.staged()
    assert answers(found, *(c.new for c in changes if c.new)) == [
        "is missing from the object store (d97c5eada5d8)",
        b"fine\n",
    ]
    index = found.index()
    assert index.paths() == ("a", "b")
    with pytest.raises(Unreadable, match="is missing"):
        index.read("a")


@pytest.mark.parametrize("damage", [b"", b"garbage", zlib.compress(b"blob 7\0sec")])
def test_a_damaged_object_is_said_and_the_others_are_read(
    repo: Repo, found: Repository, damage: bytes
) -> None:
    good, bad = repo.blob(b"good"), repo.blob(b"secret\n")
    path = repo.object_file(bad)
    path.chmod(0o644)
    path.write_bytes(damage)
    first, broken, last = answers(found, entry(good), entry(bad), entry(good))
    assert (first, last) == (b"good", b"good")
    assert isinstance(broken, str)


def test_an_object_that_is_not_what_its_id_says_is_refused(repo: Repo, found: Repository) -> None:
    bad = repo.blob(b"secret\n")
    path = repo.object_file(bad)
    path.chmod(0o644)
    path.write_bytes(zlib.compress(b"blob 7\0public\n"))
    good = repo.blob(b"good")
    assert answers(found, entry(bad), entry(good)) == [
        f"is damaged: not what its object id says ({bad[:12]})",
        b"good",
    ]


@pytest.mark.parametrize("content", [b"", b"sec", b"secret\nand more"])
def test_an_object_of_another_size_than_it_says_ends_the_reading_of_it(
    repo: Repo, found: Repository, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    # git announces 7 bytes, sends fewer, and waits for the next question.
    monkeypatch.setattr(process, "_SILENCE", 100)
    bad, good = repo.blob(b"secret\n"), repo.blob(b"good")
    path = repo.object_file(bad)
    path.chmod(0o644)
    path.write_bytes(zlib.compress(b"blob 7\0" + content))
    [reason] = answers(found, entry(bad))
    assert isinstance(reason, str)
    first, second, last = answers(found, entry(good), entry(bad), entry(good))
    assert (first, last) == (b"good", b"good")
    assert isinstance(second, str)


def test_a_replaced_object_is_read_as_it_was(repo: Repo, found: Repository) -> None:
    real, fake = repo.blob(b"secret"), repo.blob(b"harmless")
    repo.git("replace", real, fake)
    assert answers(found, entry(real)) == [b"secret"]
    assert repo.git("cat-file", "blob", real) == "harmless"


def test_an_object_of_another_kind_is_refused(repo: Repo, found: Repository) -> None:
    repo.commit({"a": "1"})
    tree = repo.git("rev-parse", "HEAD^{tree}")
    good = repo.blob(b"good")
    assert answers(found, entry(tree), entry(good)) == ["is a tree where a file should be", b"good"]


@pytest.mark.parametrize("oid", ["HEAD", "--batch-check", "x" * 40, "1" * 39, "a\n" + "1" * 40])
def test_what_is_no_object_id_is_not_asked(found: Repository, oid: str) -> None:
    assert answers(found, entry(oid)) == ["has no valid object id"]


def test_a_store_that_is_gone_answers_for_every_entry(repo: Repo, found: Repository) -> None:
    assert found.root
    (repo.root / ".git/HEAD").unlink()
    result = answers(found, *[entry("1" * 40)] * 200)
    assert len(result) == 200
    assert all(isinstance(reason, str) for reason in result)
    assert result[-1] == "was not asked for: git kept failing"


def test_a_blob_of_a_partial_clone_is_not_fetched(repo: Repo, tmp_path: Path) -> None:
    repo.commit({"a": "on the server\n"})
    repo.git("config", "uploadpack.allowFilter", "true")
    clone = tmp_path / "clone"
    repo.git("clone", "-q", "--no-checkout", "--filter=blob:none", f"file://{repo.root}", str(clone))
    found = git.discover(str(clone))
    listed = found.tree("HEAD").get("a")
    assert listed is not None
    [reason] = answers(found, listed)
    assert reason in (
        f"is missing from the object store ({listed.oid[:12]})",
        f"cannot be read: git says could not fetch {listed.oid} from promisor remote",  # before 2.44
    )
    [change] = found.range_changes(None, "HEAD")
    assert change.new == listed
    found.close()


def test_packed_objects_are_read(repo: Repo, found: Repository) -> None:
    text = "".join(f"line {n}\n" for n in range(500))
    repo.commit({"a": text})
    repo.commit({"a": text + "more\n"})
    repo.git("gc", "-q")
    changes = list(found.range_changes(None, "HEAD"))
    assert answers(found, *(c.new for c in changes if c.new)) == [text.encode(), f"{text}more\n".encode()]


def test_alternates_are_read(repo: Repo, tmp_path: Path) -> None:
    repo.commit({"a": "1\n"})
    clone = Repo(tmp_path / "clone")
    repo.git("clone", "-q", "--shared", ".", str(clone.root))
    found = git.discover(str(clone.root))
    assert found.tree("HEAD").read("a") == b"1\n"
    found.close()


def test_objects_of_another_folder_are_read(
    repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "objects"
    other.mkdir()
    oid = repo.git("hash-object", "-w", "--stdin", input=b"x", env={"GIT_OBJECT_DIRECTORY": str(other)})
    monkeypatch.setenv("GIT_ALTERNATE_OBJECT_DIRECTORIES", str(other))
    with_alternate = git.discover(str(repo.root))
    assert answers(with_alternate, entry(oid)) == [b"x"]
    with_alternate.close()


# --- large content ------------------------------------------------------------------------------------


def test_a_large_blob_comes_in_windows_that_overlap(repo: Repo, found: Repository) -> None:
    line = b"0123456789abcde\n"
    data = line * (LIMIT // 16) + b"tail" * 1000
    oid = repo.blob(data)
    pieces = [p for _, p in found.pieces([entry(oid), entry(repo.blob(b"next"))]) if isinstance(p, Piece)]
    *windows, after = pieces
    assert after.data == b"next"
    assert [p.offset for p in windows] == [0, WINDOW - OVERLAP, 2 * (WINDOW - OVERLAP)]
    assert [p.line for p in windows] == [1 + p.offset // 16 for p in windows]
    assert [p.last for p in windows] == [False, False, True]
    assert all(p.size == len(data) for p in windows)
    assert all(p.data == data[p.offset : p.offset + len(p.data)] for p in windows)
    assert windows[-1].offset + len(windows[-1].data) == len(data)


def test_a_large_file_is_not_read_whole(repo: Repo, found: Repository) -> None:
    repo.index_entry("100644", repo.blob(bytes(LIMIT + 1)), "a")
    for listed in (False, True):
        index = found.index()
        if listed:
            index.paths()
        with pytest.raises(TooLarge) as error:
            index.read("a")
        assert (error.value.path, error.value.size) == ("a", LIMIT + 1)
    assert found.index().paths() == ("a",)


def test_a_large_blob_that_is_damaged_does_not_pass_for_whole(repo: Repo, found: Repository) -> None:
    oid = repo.blob(bytes(LIMIT + 1000))
    path = repo.object_file(oid)
    path.chmod(0o644)
    for content in (bytes(LIMIT + 999) + b"x", bytes(LIMIT - 5)):
        path.write_bytes(zlib.compress(b"blob %d\0" % (LIMIT + 1000) + content))
        *pieces, end = [p for _, p in found.pieces([entry(oid)])]
        assert isinstance(end, Unreadable)
        assert not any(p.last for p in pieces if isinstance(p, Piece))
    assert answers(found, entry(repo.blob(b"good"))) == [b"good"]


@pytest.mark.slow
@pytest.mark.parametrize("where", ["loose", "packed", "disk"])
def test_a_blob_of_500_mb_needs_little_memory(repo: Repo, where: str) -> None:
    size = 500 << 20
    path = repo.root / "huge"
    with path.open("wb") as f:
        f.truncate(size - 7)
        f.seek(0, os.SEEK_END)
        f.write(b"secret\n")
    if where != "disk":
        repo.git("-c", f"core.bigFileThreshold={'1m' if where == 'packed' else '2g'}", "add", "huge")
        assert bool(list((repo.root / ".git/objects/pack").glob("*.pack"))) == (where == "packed")
        path.unlink()
    code = (
        f"import sys, resource; sys.path.insert(0, {str(ROOT)!r})\n"
        "from sopsguard import git\n"
        f"repo = git.discover({str(repo.root)!r})\n"
        f"snap = repo.worktree() if {where == 'disk'} else repo.index()\n"
        "count = end = 0\n"
        "for _, piece in snap.pieces():\n"
        "    count += 1; assert piece.offset <= end\n"
        "    end = piece.offset + len(piece.data); tail = piece.data[-7:]\n"
        "assert tail == b'secret\\n' and piece.last\n"
        "print(count, end, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,\n"
        "      (repo.close(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)[1])\n"
    )
    # The kernel counts the memory of whoever starts a process as that process's, and this one may hold much.
    small = [sys.executable, "-S", "-c", "import subprocess, sys; subprocess.run(sys.argv[1:], check=True)"]
    command = [*small, sys.executable, "-S", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    count, end, ours, gits = map(int, done.stdout.split())
    assert count > 60
    assert end == size
    per_mib = 1024 if sys.platform != "darwin" else 1 << 20
    assert ours / per_mib < 80
    assert gits / per_mib < 80


# --- Git LFS ------------------------------------------------------------------------------------------


def lfs_object(repo: Repo, content: bytes, name: str | None = None) -> bytes:
    """Put an object where git-lfs would, and return its pointer."""
    oid = name or hashlib.sha256(content).hexdigest()
    path = repo.root / ".git/lfs/objects" / oid[:2] / oid[2:4] / oid
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(content)}\n".encode()


def lfs(found: Repository, pointer: bytes) -> list[bytes | str]:
    pieces = found.lfs(pointer)
    assert pieces is not None
    return [p.data if isinstance(p, Piece) else p.reason for p in pieces]


def test_the_content_behind_an_lfs_pointer_is_read(repo: Repo, found: Repository) -> None:
    pointer = lfs_object(repo, b"secret\n")
    repo.stage("big.bin", pointer)
    [change] = found.staged()
    assert change.new
    assert answers(found, change.new) == [pointer]
    assert lfs(found, pointer) == [b"secret\n"]


def test_an_lfs_object_in_a_linked_work_tree_is_found(repo: Repo, tmp_path: Path) -> None:
    repo.commit()
    pointer = lfs_object(repo, b"secret\n")
    repo.git("worktree", "add", "-q", str(tmp_path / "linked"))
    linked = git.discover(str(tmp_path / "linked"))
    assert lfs(linked, pointer) == [b"secret\n"]
    linked.close()


def test_an_lfs_object_that_is_absent_or_another_is_said(repo: Repo, found: Repository) -> None:
    pointer = lfs_object(repo, b"secret\n", name="ab" * 32)
    assert lfs(found, pointer) == ["is not what its name says"]
    absent = pointer.replace(b"ab", b"cd")
    assert lfs(found, absent) == ["is not in the local LFS store"]
    wrong_size = lfs_object(repo, b"secret\n").replace(b"size 7", b"size 8")
    assert lfs(found, wrong_size) == ["is not what its name says"]


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"hello",
        b"version https://git-lfs.github.com/spec/v1\n",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:../../../etc/passwd\nsize 1\n",
        b"version https://git-lfs.github.com/spec/v1\noid md5:" + b"a" * 64 + b"\nsize 1\n",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize x\n",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 40 + b"\nsize 1\n",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 1\n" + b"x" * 1024,
    ],
)
def test_what_is_no_lfs_pointer_is_none(found: Repository, text: bytes) -> None:
    assert found.lfs(text) is None


# --- raw objects ----------------------------------------------------------------------------------------


def test_raw_objects_are_proved(repo: Repo, found: Repository) -> None:
    oid = repo.commit({"a": "1\n"}, "the message")
    [(name, kind, data)] = found.objects([oid])
    assert (name, kind) == (oid, "commit")
    assert hashlib.sha1(b"commit %d\0" % len(data) + data, usedforsecurity=False).hexdigest() == oid
    assert data.endswith(b"\n\nthe message\n")


def test_a_damaged_commit_is_a_users_error(repo: Repo, found: Repository) -> None:
    oid = repo.commit({"a": "1\n"}, "the message")
    path = repo.object_file(oid)
    raw = zlib.decompress(path.read_bytes())
    path.chmod(0o644)
    path.write_bytes(zlib.compress(raw.replace(b"message", b"massage")))
    with pytest.raises(UserError, match="damaged"):
        list(found.objects([oid]))
    with pytest.raises(UserError, match="is missing"):
        list(found.objects(["1" * 40]))


def test_submodules_have_no_content(found: Repository) -> None:
    [(_, piece)] = found.pieces([Entry("sub", SUBMODULE, "1" * 40)])
    assert isinstance(piece, Unreadable)
    assert (piece.reason, piece.vanished) == ("is a submodule", False)


def test_a_slow_disk_only_costs_another_process(
    repo: Repo, found: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    # git was told that there are no more questions because it was silent for long; more are asked.
    monkeypatch.setattr(process, "_SILENCE", 0)
    commits = [repo.commit({"a": f"{n}\n"}) for n in range(3)] * 70
    assert [oid for oid, _, _ in found.objects(commits)] == commits
    blobs = [entry(repo.blob(b"x"))] * 200
    assert answers(found, *blobs) == [b"x"] * 200
    assert found.index().read("a") == b"2\n"
    assert "b" not in found.index()
