"""A host is lost: who had it opens nothing any more, knows nothing that counts; people know what is left.

The whole story runs over both infrastructures with real sops: a preview away from home, the revocation, what
people do, a second run, and what every guard says afterwards.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from sopsguard.keys import wireguard
from sopsguard.sops.file import SopsFile, read
from sopsguard.sops.identity import Identities, Source, parse
from sopsguard.sops.opening import Opened, open_file
from tests.conftest import Peer
from tests.infrastructure.build import (
    Infrastructure,
    build_advised,
    build_literal,
    commit,
    sops_program,
)
from tests.sopsguard_command import Said, sopsguard

BUILD = {"advised": build_advised, "literal": build_literal}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Peer], Infrastructure]:
    made: dict[str, Infrastructure] = {}

    def build(name: str, peer: Peer) -> Infrastructure:
        if name not in made:
            made[name] = BUILD[name](tmp_path_factory.mktemp(name) / "house", sops_program(peer))
        return made[name]

    return build


class House:
    """An infrastructure of one's own, and the keys of its people in files outside of it."""

    def __init__(self, infra: Infrastructure, folder: Path) -> None:
        self.infra = infra.copy(folder / "house")
        self.folder = folder

    @property
    def root(self) -> Path:
        return self.infra.root

    def key(self, name: str) -> Path:
        """A file with the identity of a person or a host."""
        ring = self.infra.ring
        holder = ring.people[name] if name in ring.people else ring.hosts[name]
        file = self.folder / f"{name}.key"
        file.write_text(f"{holder.identity}\n")
        return file

    def revoke(self, name: str, *more: str, key: str | None = "ada") -> Said:
        given = () if key is None else ("--identity", str(self.key(key)))
        return sopsguard(self.root, "fix", "revoke", name, *given, *more)

    def secrets(self) -> list[str]:
        """Every SOPS file."""
        paths = self.infra.repo.git("ls-files").split()
        return [
            p for p in paths if (self.root / p).is_file() and b"ENC[AES256" in (self.root / p).read_bytes()
        ]

    def values(self, path: str, key: str = "ada") -> dict[str, object]:
        """A file in clear, by dotted keys; empty if the key does not open it."""
        file = read((self.root / path).read_bytes(), path)
        assert isinstance(file, SopsFile)
        opened = open_file(file, identities(self.key(key)))
        if not isinstance(opened, Opened):
            return {}
        return {".".join(map(str, leaf.path)): leaf.value for leaf in opened.leaves if not leaf.comment}

    def contents(self) -> Mapping[str, bytes]:
        paths = self.infra.repo.git("ls-files").split()
        return {p: (self.root / p).read_bytes() for p in paths if (self.root / p).is_file()}

    def errors(self) -> list[str]:
        said = sopsguard(
            self.root, "check", "--all", "--decrypt", "--identity", str(self.key("ada")), "--format", "json"
        )
        assert said.code in (0, 1), said.err
        return [
            f"{f['rule']} {f['path']} {f['message']}"
            for f in said.json()["findings"]
            if f["level"] == "error"
        ]

    def unfinished(self) -> dict[str, str]:
        """What `unfinished-revocation` says for certain, by file."""
        said = sopsguard(self.root, "check", "--all", "--only", "unfinished-revocation", "--format", "json")
        return {
            f["path"]: f["message"]
            for f in said.json()["findings"]
            if f["level"] != "info" and "turbine" in f["message"].partition(" may not")[0]
        }


def identities(file: Path) -> Identities:
    return parse(file.read_bytes(), Source("file", str(file)))


@pytest.fixture(params=["advised", "literal"])
def house(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    peer: Peer,
    built: Callable[[str, Peer], Infrastructure],
) -> House:
    return House(built(request.param, peer), tmp_path)


@pytest.fixture
def advised(tmp_path: Path, peer: Peer, built: Callable[[str, Peer], Infrastructure]) -> House:
    return House(built("advised", peer), tmp_path)


@pytest.fixture
def literal(tmp_path: Path, peer: Peer, built: Callable[[str, Peer], Infrastructure]) -> House:
    return House(built("literal", peer), tmp_path)


# --- away from home -----------------------------------------------------------------------------------


def test_without_any_key_the_plan_tells_what_would_happen_and_who_could_do_it(house: House) -> None:
    before = house.contents()
    said = house.revoke("turbine", key=None)
    assert said.code == 0, said.err
    assert "remove turbine" in said.out
    assert "-  - &host_turbine age1" in said.out
    assert re.search(r"cannot make a new preshared key of turbine: no identity at hand opens", said.out)
    assert re.search(
        r"cannot give secrets/\S+ a new data key without turbine: needs .* \(that of ada", said.out
    )
    assert "replace database.url in secrets/" in said.out
    assert house.contents() == before


def test_without_a_key_that_opens_the_files_nothing_is_written(house: House) -> None:
    before = house.contents()
    for key in (None, "stranger"):
        said = house.revoke("turbine", "--apply", "--confirm", "secrets", key=key)
        assert said.code == 2
        assert "no identity at hand opens the files, so nothing is written" in said.err
    assert house.contents() == before


def test_new_values_are_agreed_to(house: House) -> None:
    before = house.contents()
    said = house.revoke("turbine", "--apply")
    assert said.code == 2
    assert "--confirm secrets" in said.err
    assert house.contents() == before


def test_nobody_is_revoked_by_a_name_that_nobody_has(advised: House) -> None:
    said = advised.revoke("turbin")
    assert said.code == 2
    assert "nobody is called 'turbin' here" in said.err
    assert "did you mean 'turbine'?" in said.err


# --- the revocation -----------------------------------------------------------------------------------


def test_afterwards_the_lost_host_opens_nothing_and_everybody_else_what_they_could(house: House) -> None:
    could = {
        (name, path)
        for name in ("ada", "capacitor", "powerhouse", "battery")
        for path in house.secrets()
        if house.values(path, name)
    }
    new_keys = "literal" if "secrets/secrets.yaml" in house.secrets() else "advised"
    assert house.revoke("turbine", "--apply", "--confirm", "secrets").code == 0
    assert [path for path in house.secrets() if house.values(path, "turbine")] == []
    for name, path in could:
        if new_keys == "literal" and name != "ada":  # they got new identities, for turbine could read the old
            assert not house.values(path, name)
        else:
            assert house.values(path, name), (name, path)


@pytest.mark.peer("sops")
def test_real_sops_opens_nothing_with_the_key_of_the_lost_host(house: House, peer: Peer) -> None:
    program = peer("sops")
    assert house.revoke("turbine", "--apply", "--confirm", "secrets").code == 0
    for path in house.secrets():
        assert run(program, house, path, "turbine") != 0
        assert run(program, house, path, "ada") == 0, path


def run(program: Path, house: House, path: str, key: str) -> int:
    env = {**os.environ, "SOPS_AGE_KEY_FILE": str(house.key(key))}
    return subprocess.run(
        [program, "decrypt", path], cwd=house.root, env=env, capture_output=True, timeout=60, check=False
    ).returncode


def test_every_value_that_can_be_made_is_new_and_both_ends_of_a_tunnel_agree(house: House) -> None:
    before = {path: house.values(path) for path in house.secrets()}
    known = {path: keys for path in before if (keys := house.values(path, "turbine"))}
    assert house.revoke("turbine", "--apply", "--confirm", "secrets").code == 0
    after = {path: house.values(path) for path in house.secrets()}
    made = re.compile(r"private_key|preshared_key|restic\.password|(?<!turbine\.)host_key$")
    for path, values in known.items():
        for key, value in values.items():
            if made.search(key) and not re.search(r"ssh\.turbine", key):
                assert after[path][key] != value, (path, key)
    for path, values in before.items():
        for key, value in values.items():
            if path not in known and ".turbine." not in key:
                assert after[path][key] == value, "who could not read it need not replace it"
    tunnels: dict[str, set[object]] = {}
    for values in after.values():
        for key, value in values.items():
            name, _, last = key.rpartition(".")
            if last == "private_key" and f"{name}.public_key" in values:
                pair = wireguard.key(str(value))
                assert isinstance(pair, wireguard.Key)
                assert values[f"{name}.public_key"] == pair.public
            if last == "preshared_key":
                tunnels.setdefault(name, set()).add(value)
    assert len(tunnels) == 3
    assert all(len(ends) == 1 for ends in tunnels.values())


def test_nix_states_the_new_public_keys(advised: House) -> None:
    assert advised.revoke("turbine", "--apply", "--confirm", "secrets").code == 0
    text = (advised.root / "modules/network.nix").read_text()
    for name in ("capacitor", "powerhouse", "turbine", "battery"):
        public = advised.values(f"secrets/hosts/{name}.yaml")[f"wireguard.{name}.public_key"]
        assert re.search(rf'{name} = {{\s+ip = "[^"]+";\s+publicKey = "{re.escape(str(public))}";', text)


def test_where_nix_has_no_key_yet_people_are_told_where_it_goes(literal: House) -> None:
    said = literal.revoke("turbine")
    assert re.search(
        r"hosts/capacitor/config.nix:\d+.*no WireGuard key stands there for powerhouse", said.out
    )


def test_hosts_whose_own_keys_were_readable_get_new_ones_before_they_are_deployed(literal: House) -> None:
    said = literal.revoke("turbine", "--apply", "--confirm", "secrets")
    values = literal.values("secrets/secrets.yaml")
    config = (literal.root / ".sops.yaml").read_text()
    for name in ("capacitor", "powerhouse", "battery"):
        old = literal.infra.ring.hosts[name]
        assert old.recipient not in config
        assert str(values[f"age.{name}.public"]) in config
        new = parse(str(values[f"age.{name}.private"]).encode(), Source("text", "the test"))
        file = read((literal.root / "secrets/secrets.yaml").read_bytes(), "secrets/secrets.yaml")
        assert isinstance(file, SopsFile)
        assert isinstance(open_file(file, new), Opened)
        assert values[f"ssh.{name}.host_key_pub"] != old.public_line
    assert said.out.index("before battery is deployed") < said.out.index(
        "nixos-rebuild switch --flake .#battery"
    )


def test_the_hub_is_deployed_last(advised: House) -> None:
    said = advised.revoke("turbine")
    assert said.out.index(".#powerhouse") < said.out.index(".#capacitor")


def test_the_inventory_knows_them_as_somebody_who_left_and_keeps_its_comments(advised: House) -> None:
    old = (advised.root / "inventory.yaml").read_text()
    assert advised.revoke("turbine", "--apply", "--confirm", "secrets").code == 0
    text = (advised.root / "inventory.yaml").read_text()
    former = text[text.index("former:") :]
    assert re.search(
        r"\n  turbine:\n    kind: host\n    left: \d{4}-\d\d-\d\d\n    recipients:\n      - age1", former
    )
    assert "turbine" not in text[: text.index("former:")]
    kept = [line for line in old.splitlines() if "turbine" not in line]
    gone = [line.split(":")[0].strip() for line in kept if line not in text.splitlines()]
    assert gone == ["recipients", "host_keys", "wireguard"]


# --- what is left, and the second run -----------------------------------------------------------------


def out_of_nix(house: House) -> None:
    """What the plan asks of people: the host goes out of every Nix file."""
    shutil.rmtree(house.root / "hosts/turbine")
    for path in house.root.rglob("*.nix"):
        text = path.read_text()
        text = re.sub(r"\n +turbine = \{[^{}]*\};", "", text)
        text = "".join(
            line for line in text.splitlines(keepends=True) if "turbine" not in line or "@turbine" in line
        )
        path.write_text(text)


def new_by_people(house: House, *, only: str) -> None:
    """New values for what only people can replace, written by the program that the plan names."""
    for path in house.secrets():
        for key in house.values(path):
            if re.match(only, key):
                index = "".join(f"[{p}]" if p.isdigit() else f'["{p}"]' for p in key.split("."))
                house.infra.writer.sops("set", path, index, f'"another-value-of-{key}"')


@pytest.mark.peer("sops")
def test_the_story_ends_with_nothing_left(house: House, peer: Peer) -> None:
    repo = house.infra.repo
    said = house.revoke("turbine", "--apply", "--confirm", "secrets")
    assert said.code == 0, said.out
    assert [e for e in house.errors() if "vm_host_key" not in e] == []
    commit(repo, "2026-11-25", "Revoke turbine")
    for message in house.unfinished().values():  # only what people have to do, and the host's own
        assert re.search(r"database|api|turbine\.(host_key|private)", message)

    out_of_nix(house)
    said = house.revoke("turbine", "--apply", "--confirm", "secrets")
    assert said.code == 0, said.out
    assert "make a new" not in said.out, "what was made is not made again"
    assert not any("turbine" in key for path in house.secrets() for key in house.values(path))
    assert not (house.root / "secrets/hosts/turbine.yaml").exists()
    commit(repo, "2026-11-26", "Remove what was for turbine alone")
    assert [e for e in house.errors() if "vm_host_key" not in e] == []

    said = house.revoke("turbine")
    assert "replace database.url" in said.out
    new_by_people(house, only=r"(database|api)\.")
    commit(repo, "2026-11-27", "Replace what turbine knew")
    assert house.unfinished() == {}
    said = house.revoke("turbine")
    assert (said.code, said.out) == (0, "nothing to repair\n")


@pytest.mark.slow
def test_a_second_run_at_once_changes_nothing_more(house: House) -> None:
    assert house.revoke("turbine", "--apply", "--confirm", "secrets").code == 0
    after = house.contents()
    said = house.revoke("turbine", "--apply", "--confirm", "secrets")
    assert said.code == 0, said.out + said.err
    assert house.contents() == after


@pytest.mark.slow
def test_a_compromised_host_is_not_renewed_again_and_again(house: House) -> None:
    assert house.revoke("turbine", "--apply", "--confirm", "secrets", "--compromised").code == 0
    commit(house.infra.repo, "2026-11-25", "Revoke turbine")
    after = house.contents()
    assert house.revoke("turbine", "--apply", "--confirm", "secrets", "--compromised").code == 0
    assert house.contents() == after
