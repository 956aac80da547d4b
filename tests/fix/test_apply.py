"""Several files change together or not at all, whenever the process is killed and whatever goes wrong."""

import errno
import os
import signal
import stat
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pytest

from sopsguard.fix import is_pending
from sopsguard.fix.apply import Write, apply, recover
from sopsguard.model import UserError

OLD = {"a.yaml": b"old a\n", "deep/b.yaml": b"old b\n" * 400, "gone.txt": b"goes\n", ".sops.yaml": b"rules\n"}
NEW = {
    "a.yaml": b"new a\n",
    "deep/b.yaml": b"new b\n" * 500,
    ".sops.yaml": b"other rules\n",
    "fresh/er/c.env": b"new c\n",
    "d": b"",
}
WRITES = [Write(path, OLD.get(path), NEW.get(path), 0o600) for path in sorted({*OLD, *NEW})]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A work tree with its git directory."""
    return begin(tmp_path)


def begin(folder: Path) -> Path:
    root = folder / "repo"
    (root / ".git").mkdir(parents=True)
    for path, data in OLD.items():
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_bytes(data)
    (root / "a.yaml").chmod(0o640)
    return root


def state(root: Path) -> dict[str, bytes]:
    """Every file of the work tree, and of the journal if there is one."""
    files = [path for path in root.rglob("*") if path.is_file() and path.name != "lock"]
    return {str(path.relative_to(root)): path.read_bytes() for path in files}


def in_tree(root: Path) -> dict[str, bytes]:
    """The files that git would see, but for copies under way."""
    return {
        p: data for p, data in state(root).items() if not p.startswith(".git/") and ".sopsguard-" not in p
    }


def git(root: Path) -> str:
    return str(root / ".git")


def change(
    root: Path, step: Callable[[str], None] = lambda _: None, writes: Sequence[Write] = WRITES
) -> None:
    apply(str(root), git(root), writes, step)


def steps(root: Path) -> list[str]:
    found: list[str] = []
    change(root, found.append)
    return found


def test_all_files_change_and_nothing_is_left_over(tree: Path) -> None:
    change(tree)
    assert state(tree) == NEW
    assert stat.S_IMODE((tree / "a.yaml").stat().st_mode) == 0o640
    assert stat.S_IMODE((tree / "d").stat().st_mode) == 0o600
    assert not is_pending(git(tree))
    assert recover(str(tree), git(tree)) == ()
    change(tree, writes=[])
    change(tree, writes=[Write("a.yaml", b"x", b"x")])


def killed_at(root: Path, number: int, deed: Callable[[Callable[[str], None]], object]) -> bool:
    """Does `deed` in another process that is killed before its step `number`; whether it came so far."""

    def step(_: str) -> None:
        nonlocal number
        number -= 1
        if number < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if not child:  # pragma: no cover
        try:
            deed(step)
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


EVERY = [pytest.param(5, id="some steps"), pytest.param(1, id="all steps", marks=pytest.mark.slow)]


@pytest.mark.parametrize("every", EVERY)
def test_killed_at_any_step_the_next_command_completes_or_takes_back(tmp_path: Path, every: int) -> None:
    count = len(steps(begin(tmp_path / "count")))
    assert count > 40
    outcomes = []
    for number in range(0, count, every):
        root = begin(tmp_path / str(number))
        assert killed_at(root, number, partial(change, root))
        decided = is_pending(git(root))
        if not decided:  # or decided and ended
            assert in_tree(root) in (OLD, NEW)
        done = recover(str(root), git(root))
        assert bool(done) is decided
        assert state(root) in (OLD, NEW)
        assert not decided or state(root) == NEW
        assert list(root.rglob(".sopsguard-*")) == []
        assert not (root / ".git" / "sopsguard" / "journal").exists()
        if state(root) == OLD:
            assert sorted(path.name for path in root.iterdir() if path.is_dir()) == [".git", "deep"]
            change(root)
            assert state(root) == NEW
            outcomes.append("back")
        else:
            outcomes.append("on")
    assert outcomes == sorted(outcomes)  # first back, then on
    assert set(outcomes) == {"back", "on"}


@pytest.mark.slow
def test_killed_while_recovering_too(tmp_path: Path) -> None:
    count = len(steps(begin(tmp_path / "count")))
    runs = 0
    for first in range(0, count, 3):
        for second in range(60):
            root = begin(tmp_path / f"{first} {second}")
            killed_at(root, first, partial(change, root))
            again = killed_at(root, second, partial(recover, str(root), git(root)))
            recover(str(root), git(root))
            assert state(root) in (OLD, NEW)
            assert not (root / ".git" / "sopsguard" / "journal").exists()
            runs += 1
            if not again:
                break
    assert runs > 200


@pytest.mark.parametrize("lasting", [False, True])
@pytest.mark.parametrize("every", EVERY)
def test_a_full_disk_at_any_step_leaves_all_or_nothing(tmp_path: Path, lasting: bool, every: int) -> None:
    count = len(steps(begin(tmp_path / "count")))
    failures: list[str] = []
    for number in range(0, count, every):
        root = begin(tmp_path / f"{number}")
        left = number

        def step(_: str) -> None:
            nonlocal left
            left -= 1
            if left == -1 or (lasting and left < 0):
                raise OSError(errno.ENOSPC, "no space left on device")

        try:
            change(root, step)
        except UserError as failure:
            failures.append(str(failure))
            if not is_pending(git(root)):
                assert in_tree(root) in (OLD, NEW)
        else:
            assert state(root) == NEW
        recover(str(root), git(root))
        assert state(root) in (OLD, NEW)
        assert list(root.rglob(".sopsguard-*")) == []
    assert len(failures) > count / every - 3
    assert all("no space" in failure for failure in failures)


def test_a_file_that_is_not_as_judged_stops_everything(tree: Path) -> None:
    (tree / "deep/b.yaml").write_bytes(b"somebody else\n")
    before = state(tree)
    with pytest.raises(UserError, match="not what was judged"):
        change(tree)
    assert state(tree) == before


@pytest.mark.parametrize("every", EVERY)
def test_somebody_who_writes_meanwhile_loses_nothing(tmp_path: Path, every: int) -> None:
    count = len(steps(begin(tmp_path / "count")))
    for number in range(0, count, every):
        root = begin(tmp_path / str(number))
        left = number

        def step(_: str, root: Path = root) -> None:
            nonlocal left
            left -= 1
            if left == -1:
                (root / "deep/b.yaml").write_bytes(b"somebody else\n")

        try:
            change(root, step)
        except UserError:
            assert in_tree(root) == {**OLD, "deep/b.yaml": b"somebody else\n"}
            assert not is_pending(git(root))
        else:
            assert state(root)["a.yaml"] == NEW["a.yaml"]


def test_a_file_changed_after_the_interruption_is_never_overwritten(tree: Path) -> None:
    names = steps(begin(tree.parent / "count"))
    at = next(n for n, name in enumerate(names) if name.startswith("replace a.yaml"))
    killed_at(tree, at, lambda step: change(tree, step))
    assert is_pending(git(tree))
    with pytest.raises(UserError, match="interrupted"):
        change(tree)
    (tree / "a.yaml").write_bytes(b"somebody else\n")
    with pytest.raises(UserError, match=r"a\.yaml was changed after"):
        recover(str(tree), git(tree))
    assert (tree / "a.yaml").read_bytes() == b"somebody else\n"
    (tree / "a.yaml").write_bytes(NEW["a.yaml"])
    assert set(recover(str(tree), git(tree))) == {*OLD, *NEW}
    assert state(tree) == NEW


def test_links_and_ways_out_are_refused(tree: Path) -> None:
    outside = tree.parent / "outside"
    outside.mkdir()
    (outside / "f").write_bytes(b"x")
    (tree / "link").symlink_to(outside / "f")
    (tree / "linked").symlink_to(outside)
    (tree / "folder").mkdir()
    for path in ("link", "linked/f", "../outside/f", "/etc/hostname", ".git/config", "a//b", "folder"):
        with pytest.raises(UserError):
            change(tree, writes=[Write(path, b"x", b"y"), WRITES[0]])
        with pytest.raises(UserError):
            change(tree, writes=[Write(path, None, b"y")])
    assert (outside / "f").read_bytes() == b"x"
    assert {path: state(tree)[path] for path in OLD} == OLD


def test_two_at_once_do_not_mix(tree: Path) -> None:
    seen: list[str] = []

    def step(_: str) -> None:
        with pytest.raises(UserError, match="another sopsguard"):
            change(tree)
        with pytest.raises(UserError, match="another sopsguard"):
            recover(str(tree), git(tree))
        seen.append(_)

    change(tree, step)
    assert len(seen) > 40
    assert state(tree) == NEW


def test_the_journal_holds_nothing_of_the_old_content(tree: Path) -> None:
    secret = b"correct-horse-battery-staple\n"
    (tree / "a.yaml").write_bytes(secret)
    seen: list[str] = []

    def step(name: str) -> None:
        for path, data in state(tree).items():
            if path != "a.yaml":
                assert secret.strip() not in data
        seen.append(name)

    change(tree, step, [Write("a.yaml", secret, b"ENC[...]\n"), Write("d", None, b"x")])
    assert len(seen) > 20
    assert "correct" not in repr(Write("a.yaml", secret, secret))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_a_read_only_file_and_folder_are_refused(tree: Path) -> None:
    (tree / "a.yaml").chmod(0o440)
    with pytest.raises(UserError, match="read-only"):
        change(tree)
    (tree / "a.yaml").chmod(0o640)
    (tree / "deep").chmod(0o550)
    with pytest.raises(UserError):
        change(tree)
    (tree / "deep").chmod(0o750)
    assert state(tree) == OLD
