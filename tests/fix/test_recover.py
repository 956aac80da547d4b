"""A lost admin key is replaced with the key of a host, and nobody is locked out at any moment."""

import re
import stat
from pathlib import Path

import pytest

from sopsguard.fix.recover import beside, taken_out
from sopsguard.keys import age
from sopsguard.model import UserError
from sopsguard.sops.file import SopsFile, read
from sopsguard.sops.identity import Source, parse
from sopsguard.sops.opening import Opened, open_file
from tests.conftest import Peer
from tests.infrastructure.build import Infrastructure, build_advised, build_literal, commit, sops_program
from tests.sopsguard_command import Said, sopsguard

AGREED = ("--apply", "--confirm", "access", "--confirm", "secrets")


class House:
    def __init__(self, infra: Infrastructure, folder: Path) -> None:
        self.infra, self.root, self.folder = infra, infra.root, folder
        self.home = folder / "home"
        self.home.mkdir()
        self.place = self.home / ".config/sops/age/keys.txt"

    def key(self, name: str) -> str:
        ring = self.infra.ring
        file = self.folder / f"{name}.key"
        file.write_text((ring.people[name] if name in ring.people else ring.hosts[name]).identity + "\n")
        return str(file)

    def recover(self, *arguments: str) -> Said:
        env = {"HOME": str(self.home), "XDG_CONFIG_HOME": ""}
        return sopsguard(self.root, "fix", "recover", "ada", *arguments, env=env)

    def opens(self, path: str, identity: str) -> bool:
        file = read((self.root / path).read_bytes(), path)
        assert isinstance(file, SopsFile)
        return isinstance(open_file(file, parse(identity.encode(), Source("text", "it"))), Opened)

    @property
    def files(self) -> list[str]:
        paths = self.infra.repo.git("ls-files").split()
        return [p for p in paths if b"ENC[AES256" in (self.root / p).read_bytes()]


@pytest.fixture
def literal(tmp_path: Path, peer: Peer) -> House:
    return House(build_literal(tmp_path / "house", sops_program(peer)), tmp_path)


@pytest.fixture
def advised(tmp_path: Path, peer: Peer) -> House:
    return House(build_advised(tmp_path / "house", sops_program(peer)), tmp_path)


def test_a_new_key_comes_in_beside_the_lost_one_and_then_takes_its_place(literal: House) -> None:
    ada = literal.infra.ring.people["ada"]
    said = literal.recover("--identity", literal.key("powerhouse"), *AGREED)
    assert said.code == 0, said.out + said.err
    assert stat.S_IMODE(literal.place.stat().st_mode) == 0o600
    new = literal.place.read_text()
    for path in literal.files:
        assert literal.opens(path, new), path
        assert literal.opens(path, ada.identity), "the lost key stays until the new one is proved"
    commit(literal.infra.repo, "2026-11-25", "A new key for Ada")

    said = literal.recover("--destroyed", "--apply")
    assert said.code == 0, said.out + said.err
    assert literal.place.read_text() == new
    for path in literal.files:
        assert literal.opens(path, new), path
        assert not literal.opens(path, ada.identity), path
    assert ada.recipient not in (literal.root / ".sops.yaml").read_text()
    assert "make a new" not in said.out, "nobody has the key, so nobody knows the values"
    commit(literal.infra.repo, "2026-11-26", "Without the lost key")
    errors = sopsguard(literal.root, "check", "--all", "--only", "recipients", "--format", "json")
    assert [f for f in errors.json()["findings"] if f["level"] == "error"] == []


def test_a_key_that_somebody_may_find_costs_every_value_that_it_opens(literal: House) -> None:
    assert literal.recover("--identity", literal.key("powerhouse"), *AGREED).code == 0
    said = literal.recover(*AGREED)
    assert said.code == 0, said.out + said.err
    assert "make a new WireGuard key of battery" in said.out
    for path in literal.files:
        assert literal.opens(path, literal.place.read_text())
        assert not literal.opens(path, literal.infra.ring.people["ada"].identity)


def test_where_the_other_key_does_not_open_everything_the_lost_one_stays(advised: House) -> None:
    said = advised.recover("--identity", advised.key("powerhouse"), *AGREED)
    assert said.code == 1
    assert "cannot let the new key of ada open secrets/admin.yaml: needs an age identity" in said.out
    new = advised.place.read_text()
    assert advised.opens("secrets/shared.yaml", new)
    said = advised.recover(*AGREED)  # the new key alone cannot open the rest either
    assert said.code == 1
    assert advised.opens("secrets/admin.yaml", advised.infra.ring.people["ada"].identity)

    said = advised.recover("--identity", advised.key("safe"), *AGREED)
    assert said.code == 0, said.out + said.err
    assert advised.place.read_text() == new
    assert all(advised.opens(path, new) for path in advised.files)
    assert "# printed, in the safe" in (advised.root / "inventory.yaml").read_text()
    commit(advised.infra.repo, "2026-11-24", "A new key for Ada beside the lost one")
    assert errors(advised) == []

    said = advised.recover("--destroyed", "--apply")
    assert said.code == 0, said.out + said.err
    ada = advised.infra.ring.people["ada"]
    assert not any(advised.opens(path, ada.identity) for path in advised.files)
    inventory = (advised.root / "inventory.yaml").read_text()
    assert ada.recipient not in inventory[: inventory.index("former:")]
    assert "&user_ada age1" in (advised.root / ".sops.yaml").read_text()
    assert re.search(
        rf"ada-lost-[\d-]+:\n    kind: person\n    left: [\d-]+\n    recipients: \[{ada.recipient}", inventory
    )
    commit(advised.infra.repo, "2026-11-25", "A new key for Ada")
    assert errors(advised) == []


def errors(house: House) -> list[str]:
    found = sopsguard(house.root, "check", "--all", "--format", "json").json()["findings"]
    return [f["message"] for f in found if f["level"] == "error"]


def test_nothing_is_shown_or_written_of_the_new_key_in_a_preview(literal: House) -> None:
    said = literal.recover("--identity", literal.key("powerhouse"))
    assert said.code == 0
    assert not literal.place.exists()
    assert "AGE-SECRET-KEY" not in said.out + said.err


def test_a_file_of_identities_is_never_overwritten(literal: House) -> None:
    literal.place.parent.mkdir(parents=True)
    literal.place.write_text(literal.infra.ring.hosts["powerhouse"].identity + "\n")
    before = literal.place.read_bytes()
    said = literal.recover(*AGREED)
    assert said.code == 2
    assert "the key of powerhouse stands where the new key belongs" in said.err
    assert literal.place.read_bytes() == before


def test_a_key_is_not_written_into_the_repository(literal: House) -> None:
    said = literal.recover("--to", str(literal.root / "keys.txt"), *AGREED)
    assert said.code == 2
    assert "lies in the repository" in said.err


def test_without_any_identity_no_key_is_made(literal: House) -> None:
    said = literal.recover(*AGREED)
    assert said.code == 2
    assert not literal.place.exists()


OLD, NEW, OTHER = (age.generate_identity().public or "" for _ in range(3))


@pytest.mark.parametrize(
    "written",
    [
        "[{}]",
        "[{}, {other}]",
        "[{other}, {}]",
        "['{}']",
        "\n      - {}\n      - {other}",
        "\n      - {other}\n      - {}  # the laptop",
        "\n      - {{key: {}, offline: true}}\n      - {other}",
    ],
)
def test_an_inventory_names_a_key_beside_another_and_loses_it_again(written: str) -> None:
    stated = written.replace("{other}", OTHER).replace("{}", OLD).replace("{{", "{").replace("}}", "}")
    text = f"# all\npeople:\n  ada:\n    recipients: {stated}\n    roles: [admin]\n"
    both = beside(text, OLD, NEW)
    assert {OLD, NEW} <= set(re.findall(r"age1[0-9a-z]+", both))
    left = taken_out(both, OLD)
    assert set(re.findall(r"age1[0-9a-z]+", left)) == set(re.findall(r"age1[0-9a-z]+", text)) - {OLD} | {NEW}
    assert left.startswith("# all\n")
    assert left.endswith("    roles: [admin]\n")


def test_a_key_that_an_inventory_names_twice_is_left_to_people() -> None:
    with pytest.raises(UserError, match="does not name the key once"):
        beside(f"a: {OLD}\nb: {OLD}\n", OLD, NEW)
