"""`sopsguard status` and `sopsguard diff`, as people and programs read them."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from sopsguard.sops.editor import encrypt
from tests.gitrepo import Repo
from tests.sopsguard_command import sopsguard
from tests.throwaway import age_identity

SECRET = "canary-d41d8cd98f00b204"
PLAIN = f"database:\n    password: {SECRET}\ntoken: {SECRET}\n"
NOW = "2026-11-23T20:00:00Z"


class House:
    """A repository with an admin, a host that the inventory states, and one that only an anchor names."""

    def __init__(self, root: Path) -> None:
        self.repo = Repo.init(root)
        self.root = root
        self.ada, self.turbine, self.ghost = (age_identity()[1] for _ in range(3))

    def config(self, *names: str) -> str:
        anchors = (
            f"keys:\n  - &user_ada {self.ada}\n  - &host_turbine {self.turbine}\n  - &ghost {self.ghost}\n"
        )
        aliases = "".join(f"      - *{name}\n" for name in names)
        return f"{anchors}creation_rules:\n  - path_regex: ^secrets/\n    age:\n{aliases}"

    def inventory(self) -> str:
        ada = f"people:\n  ada:\n    recipients: [{self.ada}]\n"
        return f"{ada}hosts:\n  turbine:\n    recipients: [{self.turbine}]\n"

    def sealed(self, *readers: str, plain: str = PLAIN) -> bytes:
        return encrypt(plain.encode(), "yaml", [list(readers)], NOW)


@pytest.fixture
def house(tmp_path: Path) -> House:
    made = House(tmp_path / "house")
    made.repo.commit(
        {
            ".sops.yaml": made.config("user_ada", "host_turbine"),
            "inventory.yaml": made.inventory(),
            "secrets/a.yaml": made.sealed(made.ada, made.turbine),
            "secrets/b.yaml": made.sealed(made.ada, made.ghost),
        }
    )
    return made


def test_status_says_who_reads_what_and_how_we_know(house: House) -> None:
    said = sopsguard(house.root, "status")
    assert said.code == 0
    readers = said.out.partition("\n\n")[0].splitlines()
    blocks = {line.split()[1]: line for line in readers if not line.startswith(" ")}
    assert "inventory" in blocks["turbine"]
    assert blocks["ghost"].startswith("unknown ghost")
    assert "nobody says" in blocks["ghost"]
    assert "reads, not in the rule: secrets/b.yaml" in said.out
    assert "will read (after updatekeys): secrets/b.yaml" in said.out
    assert "all 2 files" in said.out


def test_status_as_json_and_csv_tells_the_same(house: House) -> None:
    document = json.loads(sopsguard(house.root, "status", "--format", "json").out)
    assert (document["version"], document["rev"]) == (1, "worktree")
    told = {(r["recipient"], f["path"], f["access"]) for r in document["readers"] for f in r["files"]}
    rows = list(csv.DictReader(io.StringIO(sopsguard(house.root, "status", "--format", "csv").out)))
    assert {(r["recipient"], r["file"], r["access"]) for r in rows if r["file"]} == told
    assert (house.turbine, "secrets/a.yaml", "reads") in told


def test_status_as_markdown_is_a_table_of_files_and_readers(house: House) -> None:
    lines = sopsguard(house.root, "status", "--format", "markdown").out.splitlines()
    assert lines[0].startswith("| file |")
    assert "turbine" in lines[0]
    assert [line.count("|") for line in lines[1:4]] == [lines[0].count("|")] * 3


def test_status_of_a_revision_is_that_of_its_time(house: House) -> None:
    house.repo.commit({"secrets/b.yaml": house.sealed(house.ada, house.turbine)})
    assert "not in the rule" not in sopsguard(house.root, "status").out
    assert "reads, not in the rule: secrets/b.yaml" in sopsguard(house.root, "status", "--rev", "HEAD~1").out


def test_names_of_the_repository_run_no_formula(house: House) -> None:
    house.repo.commit({"secrets/=cmd().yaml": house.sealed(house.ada, house.turbine)})
    rows = csv.reader(io.StringIO(sopsguard(house.root, "status", "--format", "csv").out))
    cells = [cell for row in rows for cell in row]
    assert "secrets/=cmd().yaml" in cells
    assert [cell for cell in cells if cell.startswith(("=", "+", "@"))] == []


def test_diff_tells_keys_and_access_and_no_value(house: House) -> None:
    house.repo.commit({"secrets/a.yaml": house.sealed(house.ada, house.turbine, house.ghost)})
    said = sopsguard(house.root, "diff", "HEAD~1..HEAD")
    assert said.code == 0
    head, _, rest = said.out.partition("secrets/a.yaml\n")
    assert head.startswith("access gained:\n    ")
    assert "2 values of secrets/a.yaml (the file's recipients)" in head
    assert "~ database.password: encrypted anew" in rest
    assert SECRET not in said.out


def test_diff_as_json_names_the_reader_and_the_way(house: House) -> None:
    house.repo.commit({"secrets/a.yaml": house.sealed(house.ada)})
    document = json.loads(sopsguard(house.root, "diff", "HEAD~1..HEAD", "--format", "json").out)
    (lost,) = document["access"]["lost"]
    assert (lost["name"], lost["through"], lost["how"]) == ("turbine", "file", "inventory")
    assert document["access"]["gained"] == []
    assert {v["what"] for v in document["values"]} == {"encrypted anew"}


def test_diff_compares_with_the_work_tree_when_no_end_is_given(house: House) -> None:
    (house.root / "secrets/a.yaml").write_bytes(house.sealed(house.ada, plain="other: x\n"))
    said = sopsguard(house.root, "diff", "HEAD..")
    assert "+ other: added" in said.out
    assert "- token: removed" in said.out


def test_diff_of_nothing_says_so(house: House) -> None:
    assert (
        sopsguard(house.root, "diff", "HEAD..HEAD").out == "no value and no reader of a SOPS file differs\n"
    )


@pytest.mark.parametrize(
    "words", [("diff", "HEAD"), ("diff", "A...B"), ("diff", "nope..HEAD"), ("status", "--rev", "nope")]
)
def test_mistakes_are_one_line_with_a_hint(house: House, words: tuple[str, ...]) -> None:
    said = sopsguard(house.root, *words)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("sopsguard: ")
    assert "Traceback" not in said.err


Change = Callable[[House], dict[str, bytes | str]]
CHANGES: dict[str, Change] = {
    "nothing new": lambda h: {"secrets/a.yaml": h.sealed(h.ada, h.turbine)},
    "a stranger": lambda h: {"secrets/a.yaml": h.sealed(h.ada, h.turbine, age_identity()[1])},
}


@pytest.mark.parametrize(("change", "gained"), [("nothing new", 0), ("a stranger", 1)])
def test_every_report_has_the_section_of_access(house: House, change: str, gained: int) -> None:
    for path, data in CHANGES[change](house).items():
        house.repo.stage(path, data)
    text = sopsguard(house.root, "hook")
    assert ("access gained:" in text.out) == bool(gained)
    document = sopsguard(house.root, "check", "--staged", "--format", "json").json()
    assert len(document["access"]["gained"]) == gained
