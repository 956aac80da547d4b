"""Where sops itself gives an unchanged value another nonce, the answer must not be "changed"."""

from pathlib import Path

import pytest

from sopsguard.git import Commit
from sopsguard.history import Timeline, ValueLine
from tests.conftest import Peer
from tests.history.lives import DAY, START
from tests.stories import RealSops, past

NOW = START + 1000 * DAY


def lines(versions: list[bytes], name: str = "s.yaml") -> dict[str, ValueLine]:
    """The values of a file after these versions."""
    timeline = Timeline(Told([{name: data} for data in versions]), NOW)
    return {line.key: line for line in timeline.values}


class Told:
    """A history of these states, one commit each."""

    direct = False

    def __init__(self, states: list[dict[str, bytes]]) -> None:
        self._past = past(states)
        self.pieces = self._past.pieces
        self.boundary = self._past.boundary
        self._states = states

    def lineage(self) -> list[Commit]:
        commits: list[Commit] = []
        paths = {path for state in self._states for path in state}
        for change in self._past.changes(paths):
            number = int(change.commit or "0", 16)
            while len(commits) <= number:
                here = len(commits)
                parents = (f"{here - 1:040x}",) if here else ()
                time = START + here * DAY
                commits.append(Commit(f"{here:040x}", parents, time, time, ()))
            commits[number] = commits[number]._replace(changes=(*commits[number].changes, change))
        return commits


FIRST, SECOND = f"{0:040x}", f"{1:040x}"

TEXT = """\
whole: 1.0
nothing: .nan
half: 2.25
odd: 2024-01-02T03:04:05+05:30
even: 2024-01-02
text: the same
number: 7
other: something
"""


@pytest.mark.peer("sops")
@pytest.mark.parametrize("version", ["3.12.2", "3.13.3"])
def test_numbers_and_times_that_an_edit_does_not_read_back(peer: Peer, tmp_path: Path, version: str) -> None:
    sops = RealSops(peer("sops", version=version), tmp_path)
    first = sops.encrypt(TEXT)
    second = sops.edit(first, "s/something/another thing/")
    found = lines([first, second])
    for key in ("whole", "nothing", "half", "odd", "even", "text", "number"):
        assert found[key].changed.commits[0] == FIRST, key
    for key in ("half", "even", "text", "number"):
        assert found[key].changed.is_exact, key
    assert found["other"].changed.commits == (SECOND,)


@pytest.mark.peer("sops")
def test_numbers_of_json_that_a_newer_sops_takes_for_others(peer: Peer, tmp_path: Path) -> None:
    old = RealSops(peer("sops", version="3.12.2"), tmp_path)
    first = old.encrypt('{"port": 8080, "other": "something"}', name="s.json")
    old.program = peer("sops", version="3.13.3")
    second = old.edit(first, "s/something/another thing/", name="s.json")
    found = lines([first, second], "s.json")
    assert found["port"].changed.commits[0] == FIRST
    assert found["other"].changed.commits == (SECOND,)


@pytest.mark.peer("sops")
def test_equal_elements_of_a_list_that_become_one(peer: Peer, tmp_path: Path) -> None:
    sops = RealSops(peer("sops"), tmp_path)
    first = sops.encrypt("list:\n  - twin\n  - twin\n  - single\nother: something\n")
    second = sops.set(first, '["other"]', '"another thing"')
    found = lines([first, second])
    for key in ("list.0", "list.1", "list.2"):
        assert found[key].changed.commits == (FIRST,), key


@pytest.mark.peer("sops")
def test_every_format_has_a_history(peer: Peer, tmp_path: Path) -> None:
    sops = RealSops(peer("sops"), tmp_path)
    for name, text in (
        ("s.env", "ONE=first\nTWO=second\n"),
        ("s.ini", "[db]\none = first\ntwo = second\n"),
        ("s.json", '{"one": "first", "two": "second"}'),
    ):
        first = sops.encrypt(text, name=name)
        second = sops.edit(first, "s/second/other/", name=name)
        third = sops(second, "rotate", "-i", name=name)
        changed = {
            key.lower().split(".")[-1]: one for key, one in lines([first, second, third], name).items()
        }
        assert changed["one"].changed.commits == (FIRST,), name
        assert changed["two"].changed.commits == (SECOND,), name
    first = sops.encrypt("some bytes\n", name="blob")
    second = sops.edit(first, "s/bytes/other bytes/", name="blob")
    (only,) = lines([first, second, sops(second, "rotate", "-i", name="blob")], "blob").values()
    assert only.changed.commits == (SECOND,)


@pytest.mark.peer("sops")
def test_several_documents_in_one_file(peer: Peer, tmp_path: Path) -> None:
    sops = RealSops(peer("sops"), tmp_path)
    first = sops.encrypt("one: first\n---\none: other\n")
    second = sops(first, "rotate", "-i")
    assert {line.changed.commits for line in lines([first, second]).values()} == {(FIRST,)}
