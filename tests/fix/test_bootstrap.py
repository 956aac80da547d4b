"""`sopsguard fix bootstrap`: from an inventory to an infrastructure that everybody's programs take."""

import os
import subprocess
from pathlib import Path

import pytest

from sopsguard.keys import age, ssh
from tests.conftest import Peer
from tests.fix.houses import contents, decrypted, run
from tests.gitrepo import Repo
from tests.sopsguard_command import sopsguard
from tests.throwaway import age_identity

HOSTS = ("capacitor", "powerhouse", "turbine", "battery")
INVENTORY = """\
# the machines
hosts:
  capacitor:
    wireguard: {server: true}
  powerhouse:
  turbine: {}  # in the attic
  battery:
    aliases: [akku]
people:
  ada:
    roles: [admin]
    recipients:
      - {key: @safe@, offline: true}
"""


@pytest.fixture
def house(tmp_path: Path) -> Repo:
    repo = Repo.init(tmp_path / "house")
    repo.write("inventory.yaml", INVENTORY.replace("@safe@", age_identity()[1]))
    return repo


def identity_of(house: Repo, home: Path) -> str:
    return (home / ".config/sops/age/keys.txt").read_text()


def host_identity(admin: dict[str, str], host: str) -> str:
    key = ssh.private_key(admin[f"ssh.{host}.host_key"])
    assert isinstance(key, ssh.PrivateKey)
    identity = age.from_ssh_private(key)
    assert isinstance(identity, age.Identity)
    return identity.secret


def test_the_preview_writes_nothing(house: Repo, clean_environment: Path) -> None:
    said = sopsguard(house.root, "fix", "bootstrap")
    assert said.code == 0
    assert not (clean_environment / ".config/sops").exists()
    assert house.git("status", "--porcelain") == "?? inventory.yaml"


def test_what_is_begun_is_sound_and_a_second_run_has_nothing_to_do(
    house: Repo, clean_environment: Path
) -> None:
    assert sopsguard(house.root, "fix", "bootstrap", "--apply").code == 0
    file = clean_environment / ".config/sops/age/keys.txt"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    house.add()
    said = sopsguard(house.root, "check", "--decrypt", "--format", "json")
    assert (said.code, said.rules()) == (0, [])
    house.git("commit", "-q", "-m", "begin")
    assert sopsguard(house.root, "fix", "bootstrap", "--apply").out == "nothing to repair\n"
    assert sopsguard(house.root, "fix").out.splitlines()[0] == "nothing to repair"


@pytest.mark.peer("sops")
def test_each_host_decrypts_with_real_sops_exactly_what_it_may_read(
    house: Repo, clean_environment: Path, peer: Peer
) -> None:
    sopsguard(house.root, "fix", "bootstrap", "--apply")
    ada, program = identity_of(house, clean_environment), peer("sops")
    admin = contents(house.root, "secrets/admin.yaml", ada)
    files = {str(p.relative_to(house.root)) for p in (house.root / "secrets").rglob("*.yaml")}
    assert files == {"secrets/admin.yaml", "secrets/shared.yaml", *(f"secrets/hosts/{h}.yaml" for h in HOSTS)}
    assert all(decrypted(program, house.root, path, ada) for path in files)
    for host in HOSTS:
        mine = host_identity(admin, host)
        opened = {path for path in files if decrypted(program, house.root, path, mine) is not None}
        assert opened == {f"secrets/hosts/{host}.yaml", "secrets/shared.yaml"}


def output(*argv: str | Path, given: str = "") -> str:
    done = subprocess.run(
        [*argv], input=given.encode(), capture_output=True, timeout=30, check=True, env=os.environ
    )
    return done.stdout.decode().strip()


@pytest.mark.peer("wg")
@pytest.mark.peer("ssh-keygen")
def test_wg_and_ssh_take_every_key_and_public_halves_belong(
    house: Repo, clean_environment: Path, peer: Peer, tmp_path: Path
) -> None:
    sopsguard(house.root, "fix", "bootstrap", "--apply")
    ada = identity_of(house, clean_environment)
    admin = contents(house.root, "secrets/admin.yaml", ada)
    hub = contents(house.root, "secrets/hosts/capacitor.yaml", ada)
    for host in HOSTS:
        own = contents(house.root, f"secrets/hosts/{host}.yaml", ada)
        private = own[f"wireguard.{host}.private_key"]
        assert output(peer("wg"), "pubkey", given=private) == own[f"wireguard.{host}.public_key"]
        if host != "capacitor":
            assert own[f"wireguard.{host}.preshared_key"] == hub[f"wireguard.{host}.preshared_key"]
        file = tmp_path / host
        file.touch(0o600)
        file.write_text(admin[f"ssh.{host}.host_key"])
        line = output(peer("ssh-keygen"), "-y", "-P", "", "-f", file)
        committed = (house.root / f"hosts/{host}/ssh_host_ed25519_key.pub").read_text()
        assert line.split()[:2] == committed.split()[:2] == admin[f"ssh.{host}.host_key_pub"].split()[:2]


def test_an_identity_that_is_there_is_used_and_never_overwritten(house: Repo, tmp_path: Path) -> None:
    identity, recipient = age_identity()
    file = tmp_path / "mine.txt"
    file.write_text(identity + "\n")
    assert run(house.root, file, "fix", "bootstrap", "--apply").code == 0
    assert file.read_text() == identity + "\n"
    assert f"&user_ada {recipient}" in (house.root / ".sops.yaml").read_text()


def test_a_file_in_the_way_of_the_identity_stops_everything(house: Repo, tmp_path: Path) -> None:
    file = tmp_path / "mine.txt"
    file.write_text("something else\n")
    said = run(house.root, file, "fix", "bootstrap", "--apply")
    assert (said.code, "is there already" in said.err) == (2, True)
    assert file.read_text() == "something else\n"
    assert house.git("status", "--porcelain") == "?? inventory.yaml"


def test_no_identity_is_written_into_the_repository(house: Repo) -> None:
    said = run(house.root, house.root / "keys.txt", "fix", "bootstrap", "--apply")
    assert (said.code, "lies in the repository" in said.err) == (2, True)
    assert house.git("status", "--porcelain") == "?? inventory.yaml"


def test_secrets_that_are_there_are_not_replaced(house: Repo, clean_environment: Path) -> None:
    house.write("secrets/shared.yaml", "restic: {}\n")
    said = sopsguard(house.root, "fix", "bootstrap", "--apply")
    assert (said.code, "is there already" in said.err) == (2, True)
    assert not (clean_environment / ".config/sops").exists()
    assert (house.root / "secrets/shared.yaml").read_text() == "restic: {}\n"


def test_without_an_inventory_it_says_how_to_begin(tmp_path: Path) -> None:
    repo = Repo.init(tmp_path / "house")
    said = sopsguard(repo.root, "fix", "bootstrap")
    assert (said.code, "inventory.yaml" in said.err) == (2, True)


def test_the_demo_tells_its_story() -> None:
    said = sopsguard(Path.cwd(), "demo")
    assert said.code == 0, said.err
    assert "nothing found, 6 SOPS files opened" in said.out
    assert [line.strip() for line in said.out.splitlines() if line.strip() in ("committed", "blocked")] == [
        "committed",
        *["blocked"] * 3,
        "committed",
    ]
