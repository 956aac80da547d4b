"""A scan shared by processes: everything judged once, a lost process made good, none left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from sopsguard import contents as reading
from sopsguard import crew, hooks
from sopsguard.contents import Content
from sopsguard.context import Context
from sopsguard.crew import Crew
from sopsguard.git import discover
from sopsguard.model import Unknown
from sopsguard.snapshot import Change, Piece, Snapshot, Unreadable
from tests import throwaway
from tests.gitrepo import Repo

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")


def processes(crew: Crew) -> list[int]:
    return [process for process, _ in crew._members]


def are_gone(processes: list[int]) -> bool:
    """Whether none of them runs, and none waits to be buried."""
    for process in processes:
        with pytest.raises(ChildProcessError):
            os.waitpid(process, os.WNOHANG)
    return True


def test_every_task_is_done_in_a_process_of_its_own() -> None:
    with Crew([os.getpid, os.getpid]) as both:
        forks = processes(both)
        assert [both.answer(0), both.answer(1)] == forks
    assert len({*forks, os.getpid()}) == 3
    assert are_gone(forks)


def test_an_answer_larger_than_a_pipe_comes_whole() -> None:
    with Crew([lambda: bytes(3 << 20)]) as one:
        assert one.answer(0) == bytes(3 << 20)


def test_a_task_that_fails_has_no_answer_and_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise ValueError("hunter2")

    with Crew([fail]) as one:
        forks = processes(one)
        assert one.answer(0) is None
    assert capfd.readouterr() == ("", "")
    assert are_gone(forks)


def test_a_killed_process_has_no_answer() -> None:
    with Crew([lambda: os.kill(os.getpid(), signal.SIGKILL), lambda: "fine"]) as two:
        assert (two.answer(0), two.answer(1)) == (None, "fine")


def test_an_answer_cut_off_is_none() -> None:
    def half() -> bytes:
        signal.setitimer(signal.ITIMER_REAL, 0.3)  # the default of SIGALRM is to end the process
        return bytes(1 << 20)  # more than the pipe takes while nobody reads

    with Crew([half]) as one:
        os.waitid(os.P_PID, processes(one)[0], os.WEXITED | os.WNOWAIT)
        assert one.answer(0) is None


def test_processes_that_are_still_at_work_are_ended_with_the_crew() -> None:
    started = time.monotonic()
    one = Crew([lambda: time.sleep(600)])
    forks = processes(one)
    with pytest.raises(KeyError), one:
        raise KeyError
    assert time.monotonic() - started < 60
    assert are_gone(forks)


def test_without_processes_to_be_had_there_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> int:
        raise BlockingIOError(11, "no process")

    monkeypatch.setattr(os, "fork", none)
    with Crew([os.getpid]) as one:
        assert one.answer(0) is None


def test_a_pipe_of_the_parent_is_not_held_open() -> None:
    command = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE) as program,
        Crew([lambda: time.sleep(600)]),
    ):
        assert program.stdin is not None
        program.stdin.close()
        assert program.wait(timeout=60) == 0


def test_where_nothing_can_be_forked_one_process_is_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "fork")
    assert crew.size() == 1


# --- shares of a judgement -----------------------------------------------------------------------------


def content(path: str, data: bytes) -> Content:
    return Content(Change(path, None, None), Piece(data, 0, 1, len(data), True))


def files() -> list[Content]:
    key = throwaway.age_identity()[0]
    all_files = [content(f"a{n}.txt", b"nothing here\n" * 400) for n in range(90)]
    all_files[3] = content("a3.txt", f"key: {key}\n".encode())
    all_files[70] = content("a70.txt", f"key: {key}\n".encode())
    all_files[80] = Content(Change("a80.txt", None, None), Unreadable("a80.txt", "is gone", "it"))
    return all_files


Shares = list[Callable[[], Iterator[Content]]]


def shares(contents: list[Content]) -> Shares:
    return [partial(iter, part) for part in (contents[:30], contents[30:60], contents[60:])]


def judged(contents: list[Content], parts: Shares) -> tuple[object, ...]:
    ctx = Context(Snapshot.of({}), lambda: contents, bulk=True, shares=parts)
    found = sorted((f.location.path, f.rule, f.kind, f.mark) for f in ctx.found)
    return found, sorted(ctx.unread, key=lambda u: u.location.path), ctx.files, ctx.bytes, sorted(ctx.notes)


@pytest.mark.parametrize("alone", [0, 100_000, 1 << 30])
def test_shares_come_to_what_one_process_finds(alone: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_ALONE", alone)
    contents = files()
    together = judged(contents, shares(contents))
    assert together == judged(contents, [])
    assert len(together[0]) == 2  # type: ignore[arg-type]  # a list of findings
    assert isinstance(together[1], list)
    assert isinstance(together[1][0], Unknown)


def test_what_a_killed_process_should_have_read_is_read_by_the_parent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reading, "_ALONE", 0)
    contents, parent = files(), os.getpid()

    def deadly() -> Iterator[Content]:
        yield from contents[60:75]
        if os.getpid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)
        yield from contents[75:]

    parts = [*shares(contents)[:2], deadly]
    assert judged(contents, parts) == judged(contents, [])


def test_what_crosses_the_pipe_holds_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_ALONE", 0)
    contents = files()
    key = throwaway.age_identity()[0].encode()
    contents[61] = content("a61.txt", b"key: " + key + b"\n")
    crossed: list[bytes] = []
    read = os.read

    def listening(fd: int, count: int) -> bytes:
        crossed.append(read(fd, count))
        return crossed[-1]

    monkeypatch.setattr(os, "read", listening)
    judged(contents, shares(contents))
    said = b"".join(crossed)
    assert b"a61.txt" in said
    assert key not in said
    assert key[20:40] not in said


# --- in a real repository ------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["everything", "whole_index", "revision", "between", "staged", "since"])
def test_every_target_finds_the_same_in_shares(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo = Repo.init(tmp_path / "repo")
    first = repo.commit({"start.txt": "start\n"})
    key = throwaway.age_identity()[0]
    filler = "the quick brown fox jumps over the lazy dog\n" * 20
    several = {f"d{n % 7}/f{n}.txt": f"{n} {filler}" for n in range(90)}
    several["d1/leak.txt"] = f"{key}\n"
    several["z/leak.txt"] = f"x\n{key}\n"
    if what == "staged":
        for path, text in several.items():
            repo.stage(path, text)
    else:
        repo.commit(several)
        repo.commit({"z/leak.txt": f"y\n{key}\n"})
    monkeypatch.setattr(hooks, "_MANY", 20)
    monkeypatch.setattr(crew, "size", lambda: 3)
    monkeypatch.setattr(reading, "_ALONE", 0)
    opened = discover(str(repo.root))
    targets = {
        "everything": lambda: hooks.everything(opened),
        "whole_index": lambda: hooks.whole_index(opened),
        "revision": lambda: hooks.revision(opened, "HEAD"),
        "between": lambda: hooks.between(opened, first, "HEAD"),
        "staged": lambda: hooks.staged(opened),
        "since": lambda: hooks.since(opened, first),
    }
    target = targets[what]()
    assert len(target.shares) == 3
    results = []
    for parts in (target.shares, ()):
        ctx = Context(target.snapshot, target.contents, bulk=True, shares=parts)
        results.append(([(f.location, f.kind, f.mark) for f in sorted(ctx.found)], ctx.files, ctx.bytes))
    assert results[0] == results[1]
    assert {f[0].path for f in results[0][0]} == {"d1/leak.txt", "z/leak.txt"}
    opened.close()


def test_a_few_changes_are_not_shared(tmp_path: Path) -> None:
    repo = Repo.init(tmp_path / "repo")
    repo.write("a.txt", "a\n")
    opened = discover(str(repo.root))
    assert hooks.everything(opened).shares == ()
    opened.close()
