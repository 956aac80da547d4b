"""What is kept between runs: private, and worth nothing the moment anything is odd about it."""

import os
import sqlite3
import stat
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sopsguard.cache import FILE, Cache

FACTS = {f"{n:040x}": b"fact %d" % n for n in range(2000)}


def cache(folder: Path, kind: str = "k", limit: int = 1 << 30) -> Cache:
    return Cache(str(folder / "sopsguard"), kind, limit)


def test_what_was_put_is_there_in_the_next_run(tmp_path: Path) -> None:
    cache(tmp_path).put(FACTS)
    assert cache(tmp_path).get([*FACTS, "unknown"]) == FACTS


def test_facts_of_another_version_are_not_seen(tmp_path: Path) -> None:
    cache(tmp_path).put({"a": b"old"})
    assert cache(tmp_path, "other").get(["a"]) == {}
    cache(tmp_path, "other").put({"a": b"new"})
    assert (cache(tmp_path).get(["a"]), cache(tmp_path, "other").get(["a"])) == ({"a": b"old"}, {"a": b"new"})


def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        cache(tmp_path).put(FACTS)
    finally:
        os.umask(old)
    folder = tmp_path / "sopsguard"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()] == [0o600]
    folder.chmod(0o755)
    assert cache(tmp_path).get(["unknown"]) == {}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("size", [0, 3, 100, 5000])
def test_a_damaged_file_is_as_if_it_were_not_there(tmp_path: Path, size: int) -> None:
    cache(tmp_path).put(FACTS)
    path = tmp_path / "sopsguard" / FILE
    path.write_bytes(b"\xff" * size if size else b"")
    damaged = cache(tmp_path)
    assert damaged.get(FACTS) == {}
    damaged.put({"a": b"1"})
    again = cache(tmp_path)  # the one after a damaged one begins anew
    again.put({"b": b"2"})
    assert again.get(["b"]) == {"b": b"2"}


@given(st.data())
def test_flipped_bits_never_come_back_as_facts(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("flip")
    few = dict(list(FACTS.items())[:50])
    cache(folder).put(few)
    path = folder / "sopsguard" / FILE
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 20))):
        content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    damaged = cache(folder)
    found = damaged.get(few)
    assert found.items() <= few.items()
    damaged.put(few)


def test_a_foreign_table_is_as_if_it_were_not_there(tmp_path: Path) -> None:
    (tmp_path / "sopsguard").mkdir()
    connection = sqlite3.connect(tmp_path / "sopsguard" / FILE)
    connection.execute("CREATE TABLE facts (something TEXT)")
    connection.commit()
    connection.close()
    foreign = cache(tmp_path)
    foreign.put({"a": b"1"})
    assert foreign.get(["a"]) == {}
    again = cache(tmp_path)
    again.put({"a": b"1"})
    assert again.get(["a"]) == {"a": b"1"}


def test_a_fact_that_somebody_else_wrote_is_not_believed(tmp_path: Path) -> None:
    cache(tmp_path).put({"a": b"1", "b": b"2"})
    connection = sqlite3.connect(tmp_path / "sopsguard" / FILE)
    connection.execute("UPDATE facts SET value = ? WHERE id = 'a'", (b"7",))
    connection.execute("UPDATE facts SET id = 'c' WHERE id = 'b'")
    connection.execute("INSERT INTO facts VALUES ('k', 'd', NULL, NULL)")
    connection.commit()
    connection.close()
    assert cache(tmp_path).get(["a", "b", "c", "d"]) == {}


def test_where_nothing_can_be_kept_nothing_is(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no directory")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "link").symlink_to(elsewhere)
    for path in (
        str(tmp_path / "file"),
        str(tmp_path / "link"),
        "relative",
        "",
        "/proc/none/sopsguard",
        "a\0b",
    ):
        useless = Cache(path, "k")
        useless.put({"a": b"1"})
        assert useless.get(["a"]) == {}
    assert list(elsewhere.iterdir()) == []
    (tmp_path / "sopsguard").mkdir()
    (tmp_path / "sopsguard" / FILE).symlink_to(elsewhere / "target")
    cache(tmp_path).put({"a": b"1"})
    assert list(elsewhere.iterdir()) == []


def test_runs_side_by_side_do_not_disturb_each_other(tmp_path: Path) -> None:
    def work(number: int) -> None:
        for turn in range(20):
            one = cache(tmp_path)
            one.put({f"{number}/{turn}": b"%d" % number})
            found = one.get([f"{number}/{turn}"])
            assert found in ({f"{number}/{turn}": b"%d" % number}, {})
            one.close()

    workers = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(cache(tmp_path).get([f"{n}/{t}" for n in range(4) for t in range(20)])) > 40


def test_it_waits_for_nobody_long(tmp_path: Path) -> None:
    cache(tmp_path).put({"a": b"1"})
    other = sqlite3.connect(tmp_path / "sopsguard" / FILE)
    other.execute("BEGIN EXCLUSIVE")
    blocked = cache(tmp_path)
    assert blocked.get(["a"]) == {}
    blocked.put({"b": b"2"})
    other.rollback()
    other.close()
    assert cache(tmp_path).get(["a", "b"]) == {"a": b"1"}


def test_it_forgets_the_oldest_when_it_grows(tmp_path: Path) -> None:
    small = cache(tmp_path, limit=256 << 10)
    for turn in range(40):
        small.put({f"{turn}/{n}": bytes(1000) for n in range(50)})
    assert (tmp_path / "sopsguard" / FILE).stat().st_size < 1 << 20
    assert len(small.get([f"39/{n}" for n in range(50)])) == 50
    assert small.get([f"0/{n}" for n in range(50)]) == {}
    small.put({"huge": bytes(2 << 20)})
    assert small.get(["huge"]) == {}
