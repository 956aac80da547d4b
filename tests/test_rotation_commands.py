"""The calendar, the clock that can be moved, and who could ever read what, as people ask for them."""

import json
from pathlib import Path

import pytest

from sopsguard.sops.editor import Set, Unset, edit, encrypt, update_keys
from sopsguard.sops.identity import Source, parse
from sopsguard.sops.masterkey import age_key
from tests.gitrepo import Repo
from tests.sopsguard_command import sopsguard
from tests.throwaway import age_identity, openpgp_certificate, wireguard_key

SECRET = "canary-9f86d081884c7d65"


class House:
    """An admin, a host, and a host that was retired; commits on given days."""

    def __init__(self, root: Path) -> None:
        self.repo, self.root = Repo.init(root), root
        identity, self.ada = age_identity()
        self.identities = parse(identity.encode(), Source("text", "the test"))
        self.turbine, self.inverter = (age_identity()[1] for _ in range(2))
        self.plain = f"wireguard:\n    turbine:\n        private_key: {wireguard_key()}\ntoken: {SECRET}\n"

    def config(self, *names: str) -> str:
        keys = {"user_ada": self.ada, "host_turbine": self.turbine, "host_inverter": self.inverter}
        anchors = "".join(f"  - &{name} {keys[name]}\n" for name in names)
        aliases = "".join(f"      - *{name}\n" for name in names)
        return f"keys:\n{anchors}creation_rules:\n  - path_regex: ^secrets/\n    age:\n{aliases}"

    def commit(self, day: str, files: dict[str, bytes | str]) -> None:
        for path, data in files.items():
            self.repo.stage(path, data)
        when = f"{day}T12:00:00Z"
        self.repo.git("commit", "-q", "-m", day, env={"GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when})


@pytest.fixture
def house(tmp_path: Path) -> House:
    made = House(tmp_path / "house")
    everyone = [made.ada, made.turbine, made.inverter]
    first = encrypt(made.plain.encode(), "yaml", [everyone], "2026-01-02T03:04:05Z")
    made.commit(
        "2026-01-02",
        {
            ".sops.yaml": made.config("user_ada", "host_turbine", "host_inverter"),
            "inventory.yaml": f"hosts:\n  turbine:\n    recipients: [{made.turbine}]\n",
            "secrets/a.yaml": first,
        },
    )
    groups = [[age_key(made.ada), age_key(made.turbine)]]
    second = update_keys(first, "secrets/a.yaml", groups, made.identities)
    third = edit(
        second,
        "secrets/a.yaml",
        [Unset(("token",)), Set(("fresh",), SECRET)],
        made.identities,
        "2026-03-02T00:00:00Z",
    )
    made.commit(
        "2026-03-02", {".sops.yaml": made.config("user_ada", "host_turbine"), "secrets/a.yaml": third}
    )
    return made


def overdue(house: House, day: str, *more: str) -> list[tuple[str, str | None]]:
    said = sopsguard(house.root, "check", "--only", "rotation", "--as-of", day, "--format", "json", *more)
    return [(f["level"], f["key"]) for f in said.json()["findings"] if f["rule"] == "rotation-overdue"]


def test_the_clock_can_be_moved_and_nothing_else_moves(house: House) -> None:
    key = "wireguard.turbine.private_key"
    assert overdue(house, "2026-12-31") == []
    assert overdue(house, "2027-01-03") == [("warning", key)]
    assert overdue(house, "2027-01-03", "--strict") == [("error", key)]


@pytest.mark.parametrize("command", ["check", "status"])
def test_a_day_that_is_none_is_refused(house: House, command: str) -> None:
    said = sopsguard(house.root, command, "--as-of", "tomorrow")
    assert (said.code, said.out) == (2, "")
    assert "YYYY-MM-DD" in said.err


def test_the_calendar_tells_what_comes_by_class_and_host(house: House) -> None:
    lines = sopsguard(house.root, "status", "--as-of", "2026-12-01").out.splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith("calendar: "))
    assert lines[at] == "calendar: 0 overdue, 1 due, 0 within 90 days"
    assert lines[at + 1 : at + 3] == ["    by class: wireguard 1", "    by host: turbine 1"]
    assert lines[at + 3].startswith(
        "    due since 2026-07-02: secrets/a.yaml wireguard.turbine.private_key ("
    )
    early = sopsguard(house.root, "status", "--as-of", "2026-05-01").out
    assert "on 2026-07-02: secrets/a.yaml wireguard.turbine.private_key" in early
    assert "nothing is due within 90 days" in sopsguard(house.root, "status", "--as-of", "2026-03-03").out


def test_the_calendar_stands_in_json_too(house: House) -> None:
    document = json.loads(sopsguard(house.root, "status", "--as-of", "2027-02-01", "--format", "json").out)
    (entry,) = document["calendar"]
    assert (entry["state"], entry["date"], entry["host"]) == ("overdue", "2027-01-02", "turbine")


def test_who_tells_all_that_a_retired_host_could_read(house: House) -> None:
    said = sopsguard(house.root, "who", "inverter")
    assert said.code == 0
    head, _, rest = said.out.partition("still in use")
    assert "2 values of 1 file, 1 of them private keys" in head
    using, _, gone = rest.partition("replaced or gone since:")
    assert "wireguard.turbine.private_key, by name and length a WireGuard key" in using
    assert "token" in gone
    assert "fresh" not in said.out
    assert SECRET not in said.out


def test_who_takes_a_recipient_and_tells_programs(house: House) -> None:
    document = json.loads(sopsguard(house.root, "who", house.turbine, "--format", "json").out)
    assert document["recipients"] == [house.turbine]
    assert {(v["key"], v["stands"]) for v in document["values"]} == {
        ("wireguard.turbine.private_key", True),
        ("token", False),
        ("fresh", True),
    }


def test_nobody_of_that_name_is_an_error_with_a_hint(house: House) -> None:
    said = sopsguard(house.root, "who", "turbin")
    assert (said.code, said.out) == (2, "")
    assert "did you mean 'turbine'?" in said.err


def test_a_shallow_clone_says_what_it_cannot_tell(house: House, tmp_path: Path) -> None:
    shallow = tmp_path / "shallow"
    house.repo.git("clone", "-q", "--depth", "1", house.root.as_uri(), str(shallow))
    for words in (("status",), ("who", "turbine")):
        said = sopsguard(shallow, *words)
        assert "unknown: " in said.out or said.code == 2
        assert "fetch --unshallow" in said.out + said.err


def test_a_certificate_that_ends_soon_is_told_unless_a_later_key_takes_over(house: House) -> None:
    house.commit("2026-03-03", {"keys/ada.asc": openpgp_certificate(300)})

    def expiring(day: str) -> list[str]:
        said = sopsguard(house.root, "check", "--only", "rotation", "--as-of", day, "--format", "json")
        return [f["message"] for f in said.json()["findings"] if f["rule"] == "openpgp-key-expiring"]

    assert expiring("2026-08-01") == []
    assert ["expires on 2026-10-29" in m for m in expiring("2026-09-15")] == [True]
    assert ["expired on 2026-10-29" in m for m in expiring("2026-11-15")] == [True]
    house.commit("2026-03-04", {"keys/ada.asc": openpgp_certificate()})
    assert expiring("2026-11-15") == []
