"""What a target reads of a repository: everything that counts, and nothing twice."""

from pathlib import Path

import pytest

from sopsguard import hooks
from sopsguard.context import Context
from sopsguard.git import discover
from sopsguard.snapshot import LIMIT, Piece
from tests.gitrepo import Repo


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo.init(tmp_path / "repo")


def read(repo: Repo) -> list[tuple[str, int, int]]:
    """(path, offset, size) of every piece that the check of everything reads."""
    opened = discover(str(repo.root))
    pieces = [
        (content.change.path, content.piece.offset, content.piece.size)
        for content in hooks.everything(opened).contents()
        if isinstance(content.piece, Piece)
    ]
    opened.close()
    return pieces


def test_what_the_disk_and_the_index_share_is_read_once(repo: Repo) -> None:
    repo.stage("small.txt", "a\n")
    repo.stage("large.txt", b"0123456789abcde\n" * (LIMIT // 16 + 5000))
    pieces = read(repo)
    assert len(pieces) == len(set(pieces)) > 3
    repo.write("small.txt", "b\n")
    repo.write("large.txt", b"other\n" * (LIMIT // 6 + 5000))
    assert [path for path, offset, _ in read(repo) if offset == 0] == ["large.txt", "small.txt"] * 2


def test_a_large_file_that_differs_on_disk_is_noted_once(repo: Repo) -> None:
    sealed = b"a: ENC[AES256_GCM,data:AAAA]\n"
    repo.stage("large.yaml", sealed + b"# nothing\n" * (LIMIT // 10 + 5000))
    repo.write("large.yaml", sealed + b"# no more\n" * (LIMIT // 10 + 5000))
    opened = discover(str(repo.root))
    target = hooks.everything(opened)
    ctx = Context(target.snapshot, target.contents, bulk=True)
    assert [u.reason for u in ctx.unread] == [
        "a SOPS file of 16 MiB is searched for secrets, but not judged as a document"
    ]
    assert ctx.notes == ["large.yaml: 16 MiB, judged window by window, not as one document"]
    opened.close()
