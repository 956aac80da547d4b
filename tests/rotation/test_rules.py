"""When something is due or overdue, and when a revocation is not finished, as people see it."""

from pathlib import Path
from typing import Any

import pytest

from sopsguard.sops.editor import Set, edit, encrypt, rotate, update_keys
from sopsguard.sops.identity import Source, parse
from sopsguard.sops.masterkey import age_key
from tests.gitrepo import Repo
from tests.sopsguard_command import sopsguard
from tests.throwaway import age_identity, wireguard_key

IDENTITY, ADA = age_identity()
_, BOB = age_identity()
OPEN = parse(IDENTITY.encode(), Source("text", "the test"))
NOW = "2026-01-02T03:04:05Z"
PATH = "secrets/a.yaml"


class Place:
    """A repository with one file, and commits on given days."""

    def __init__(self, root: Path) -> None:
        self.repo, self.root = Repo.init(root), root
        self.data = b""

    def commit(self, day: str, **files: str) -> None:
        if self.data:
            self.repo.stage(PATH, self.data)
        for path, text in files.items():
            self.repo.stage({"policy": ".sopsguard.yaml", "rules": ".sops.yaml"}.get(path, path), text)
        when = f"{day}T12:00:00Z"
        self.repo.git("commit", "-q", "-m", day, env={"GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when})

    def encrypt(self, *readers: str) -> None:
        text = f"wireguard:\n    private_key: {wireguard_key()}\npassword: a password\n"
        self.data = encrypt(text.encode(), "yaml", [readers], NOW)

    def set(self, key: str, value: str) -> None:
        self.data = edit(self.data, PATH, [Set(tuple(key.split(".")), value)], OPEN, NOW)

    def rewrap(self, *readers: str) -> None:
        keys = [[age_key(who) for who in readers]]
        self.data = update_keys(self.data, PATH, keys, OPEN, rewrap=True)

    def rotate(self) -> None:
        self.data = rotate(self.data, PATH, OPEN, NOW)

    def stage(self) -> None:
        self.repo.stage(PATH, self.data)

    def said(self, *arguments: str, day: str = "2026-06-01") -> list[tuple[str, str, str | None]]:
        return [(f["rule"], f["level"], f["key"]) for f in self.findings(*arguments, day=day)]

    def findings(self, *arguments: str, day: str = "2026-06-01") -> list[dict[str, Any]]:
        words = ("check", "--only", "rotation", "--format=json", "--as-of", day, *arguments)
        found: list[dict[str, Any]] = sopsguard(self.root, *words).json()["findings"]
        return found


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path / "repo")
    made.encrypt(ADA, BOB)
    made.commit("2026-01-02")
    return made


KEY = "wireguard.private_key"


def test_a_wireguard_key_becomes_due_and_then_overdue_and_a_password_does_not(place: Place) -> None:
    assert place.said(day="2026-07-01") == []
    assert place.said(day="2026-07-03") == [("rotation-due", "info", KEY)]
    assert place.said(day="2027-01-01") == [("rotation-due", "info", KEY)]
    assert place.said(day="2027-01-03") == [("rotation-overdue", "warning", KEY)]


def test_only_a_new_value_makes_it_young_again(place: Place) -> None:
    place.rotate()
    place.commit("2026-12-01")
    place.rewrap(ADA, BOB)
    place.commit("2026-12-02")
    assert place.said(day="2027-01-03") == [("rotation-overdue", "warning", KEY)]
    place.set(KEY, wireguard_key())
    place.commit("2026-12-20")
    assert place.said(day="2027-01-03") == []


def test_an_old_key_that_is_put_back_is_old(place: Place) -> None:
    old = place.data
    place.set(KEY, wireguard_key())
    place.commit("2026-12-01")
    assert place.said(day="2027-01-03") == []
    place.data = old
    place.commit("2026-12-02")
    assert place.said(day="2027-01-03") == [("rotation-overdue", "warning", KEY)]


def test_the_policy_sets_limits_and_states_what_git_does_not_show(place: Place) -> None:
    place.commit("2026-01-03", policy="rotation:\n  classes:\n    pw: {keys: [password], overdue: 1 month}\n")
    assert ("rotation-overdue", "warning", "password") in place.said()
    # What history proves to be older, nobody can talk young.
    place.commit(
        "2026-01-04",
        policy="rotation:\n  classes:\n    pw: {keys: [password], overdue: 1 month}\n"
        "  rotated: [{file: '**', key: password, on: 2026-05-20}]\n",
    )
    assert ("rotation-overdue", "warning", "password") in place.said()
    place.encrypt(ADA, BOB)
    place.commit("2026-05-25")
    assert place.said() == []
    place.commit(
        "2026-05-26",
        policy="rotation:\n  classes:\n    pw: {keys: [password], overdue: 1 month}\n"
        "  rotated: [{file: '**', key: password, on: 2025-01-20}]\n",
    )
    assert place.said() == [("rotation-overdue", "warning", "password")]


def test_a_policy_with_a_mistake_stops_every_run(place: Place) -> None:
    place.commit("2026-01-03", policy="rotation:\n  clases: {}\n")
    place.set("password", "a new password")
    place.stage()
    for arguments in (("check",), ("check", "--staged")):
        said = sopsguard(place.root, *arguments)
        assert said.code == 2
        assert ".sopsguard.yaml:2: 'clases' is not a setting of rotation" in said.err


def test_an_overdue_value_that_a_change_takes_along_is_an_error(place: Place) -> None:
    _, carol = age_identity()
    day = "2027-06-01"
    place.set("password", "a new password")
    place.stage()
    assert place.said("--staged", day=day) == []
    place.rewrap(ADA, BOB, carol)
    place.stage()
    (found,) = place.findings("--staged", day=day)
    assert (found["rule"], found["level"], found["key"]) == ("rotation-overdue", "error", KEY)
    assert "gives it to 1 more reader" in found["message"]
    place.set(KEY, wireguard_key())
    place.stage()
    assert place.said("--staged", day=day) == []


def test_the_change_that_removes_somebody_is_stopped_and_later_ones_are_not(place: Place) -> None:
    place.rewrap(ADA)
    place.stage()
    (found,) = place.findings("--staged")
    assert (found["rule"], found["level"]) == ("unfinished-revocation", "error")
    assert "has its data key and knows" in found["message"]
    assert "sops rotate -i" in found["hint"]
    place.commit("2026-02-01")
    (found,) = place.findings()
    assert (found["level"], "removed 2026-02-01" in found["message"]) == ("warning", True)
    place.set("password", "a new password")
    place.stage()
    assert place.said("--staged") == []


def test_a_revocation_that_is_finished_in_one_change_passes(place: Place) -> None:
    place.rewrap(ADA)
    place.rotate()
    place.set("password", "a new password")
    place.set(KEY, wireguard_key())
    place.stage()
    # With every value and the data key new at once nothing proves it, and nothing blocks.
    assert all(level != "error" for _, level, _ in place.said("--staged"))


def test_values_are_named_until_each_is_replaced(place: Place) -> None:
    place.rewrap(ADA)
    place.rotate()
    place.commit("2026-02-01")
    (found,) = place.findings()
    assert "data key" not in found["message"]
    assert "`wireguard.private_key` and `password`" in found["message"].replace(
        ", `password`", " and `password`"
    )
    place.set("password", "a new password")
    place.commit("2026-02-02")
    (found,) = place.findings()
    assert "`password`" not in found["message"]
    place.set(KEY, wireguard_key())
    place.commit("2026-02-03")
    assert place.said() == []


def test_after_everything_was_encrypted_anew_it_is_information(place: Place) -> None:
    text = "wireguard:\n    private_key: " + wireguard_key() + "\npassword: a password\n"
    place.data = encrypt(text.encode(), "yaml", [[ADA]], NOW)
    place.commit("2026-02-01")
    (found,) = place.findings()
    assert (found["rule"], found["level"]) == ("unfinished-revocation", "info")
    assert "may know" in found["message"]


def test_an_age_key_has_an_age_too(place: Place) -> None:
    rules = f"keys:\n  - &ada {ADA}\ncreation_rules:\n  - age: *ada\n"
    place.commit("2026-01-03", rules=rules)
    found = [f for f in place.findings(day="2029-02-01") if f["key"] != KEY]
    assert [(f["rule"], f["level"], f["path"]) for f in found] == [
        ("rotation-overdue", "warning", ".sops.yaml")
    ]
    assert "the age key of ada" in found[0]["message"]
