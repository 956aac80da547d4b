"""`sopsguard fix rotate`: new values with all that follows from them; keys of hosts in two phases."""

import os
import subprocess
from pathlib import Path

import pytest

from sopsguard.keys import age, ssh, wireguard
from sopsguard.sops.file import SopsFile, read
from tests.conftest import Peer
from tests.fix.houses import applied, contents, decrypted, keyed, run, values
from tests.gitrepo import Repo
from tests.infrastructure.build import Infrastructure, build_advised, build_literal, sops_program
from tests.sopsguard_command import sopsguard
from tests.throwaway import age_identity, password


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Infrastructure]:
    return {}


@pytest.fixture
def advised(
    built: dict[str, Infrastructure], tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, peer: Peer
) -> Infrastructure:
    if "advised" not in built:
        where = tmp_path_factory.mktemp("advised") / "house"
        built["advised"] = build_advised(where, sops_program(peer))
    return built["advised"].copy(tmp_path / "house")


@pytest.fixture
def literal(tmp_path: Path, peer: Peer) -> Infrastructure:
    return build_literal(tmp_path / "literal", sops_program(peer))


def commit(place: Infrastructure) -> None:
    place.repo.git("add", "-A")
    place.repo.git("commit", "-q", "-m", "a step")


def test_wireguard_keys_are_new_with_every_public_half_and_both_ends(
    advised: Infrastructure, tmp_path: Path
) -> None:
    key, ring = keyed(advised, tmp_path), advised.ring
    applied(advised.root, key, "fix", "rotate", "wireguard")
    nix = (advised.root / "modules/network.nix").read_text()
    hub = contents(advised.root, "secrets/hosts/capacitor.yaml", ring.people["ada"].identity)
    for name, host in ring.hosts.items():
        own = contents(advised.root, f"secrets/hosts/{name}.yaml", ring.people["ada"].identity)
        private = wireguard.key(own[f"wireguard.{name}.private_key"])
        assert isinstance(private, wireguard.Key)
        assert private.text != host.wireguard.private
        assert own[f"wireguard.{name}.public_key"] == private.public
        assert private.public in nix
        assert host.wireguard.public not in nix
        if not host.is_hub:
            assert own[f"wireguard.{name}.preshared_key"] == hub[f"wireguard.{name}.preshared_key"]
            assert own[f"wireguard.{name}.preshared_key"] != host.preshared
    assert run(advised.root, key, "check", "--decrypt", "--only", "schema").code == 0


def test_a_key_of_a_host_comes_beside_the_old_one_then_the_old_one_goes(
    advised: Infrastructure, tmp_path: Path, peer: Peer
) -> None:
    key, host = keyed(advised, tmp_path), advised.ring.hosts["turbine"]
    ada, path = advised.ring.people["ada"].identity, "secrets/hosts/turbine.yaml"
    config = (advised.root / ".sops.yaml").read_text()
    applied(advised.root, key, "fix", "rotate", "secrets/admin.yaml:ssh.turbine")
    stored = ssh.private_key(contents(advised.root, "secrets/admin.yaml", ada)["ssh.turbine.host_key"])
    assert isinstance(stored, ssh.PrivateKey)
    new = age.from_ssh_private(stored)
    assert isinstance(new, age.Identity)
    assert values(advised.root, path, host.identity) == values(advised.root, path, new.secret) != None  # noqa: E711
    assert values(advised.root, "secrets/shared.yaml", new.secret) is not None
    sound = run(advised.root, key, "check", "--decrypt", "--only", "schema", "--only", "recipients")
    assert sound.code == 0, sound.out

    early = run(advised.root, key, "fix", "rotate", "turbine", "--apply", "--confirm", "secrets")
    assert (early.code, "was not committed" in early.out) == (1, True)
    commit(advised)
    applied(advised.root, key, "fix", "rotate", "turbine")
    assert values(advised.root, path, host.identity) is None
    assert values(advised.root, path, new.secret) is not None
    assert values(advised.root, "secrets/shared.yaml", host.identity) is None
    assert (advised.root / ".sops.yaml").read_text() == config.replace(host.recipient, str(new.public))
    assert host.recipient not in (advised.root / "inventory.yaml").read_text()
    assert run(advised.root, key, "check", "--only", "schema", "--only", "recipients").code == 0
    program = sops_program(peer)
    if program is not None:
        assert decrypted(program, advised.root, path, new.secret)
        assert decrypted(program, advised.root, path, host.identity) is None


def test_the_second_phase_makes_a_new_data_key(advised: Infrastructure, tmp_path: Path) -> None:
    key, path = keyed(advised, tmp_path), "secrets/hosts/turbine.yaml"
    old = advised.writer.opened(path).data_key
    applied(advised.root, key, "fix", "rotate", "secrets/admin.yaml:age.turbine")
    assert advised.writer.opened(path).data_key == old
    commit(advised)
    applied(advised.root, key, "fix", "rotate", "turbine")
    assert advised.writer.opened(path).data_key != old


def test_an_age_identity_in_the_one_file_of_the_guide(literal: Infrastructure, tmp_path: Path) -> None:
    key, host = keyed(literal, tmp_path), literal.ring.hosts["battery"]
    ada, path = literal.ring.people["ada"].identity, "secrets/secrets.yaml"
    applied(literal.root, key, "fix", "rotate", f"{path}:age.battery")
    now = contents(literal.root, path, ada)
    assert now["age.battery.private"] != host.identity
    new = age.identity(now["age.battery.private"])
    assert isinstance(new, age.Identity)
    assert now["age.battery.public"] == new.public
    assert values(literal.root, path, new.secret) == values(literal.root, path, host.identity)
    commit(literal)
    applied(literal.root, key, "fix", "rotate", "battery")
    file = read((literal.root / path).read_bytes(), path)
    assert isinstance(file, SopsFile)
    recipients = {r.key.text for r in file.metadata.recipients}
    assert new.public in recipients
    assert host.recipient not in recipients


def test_what_cannot_be_made_is_a_step_with_its_uses(advised: Infrastructure, tmp_path: Path) -> None:
    said = run(advised.root, keyed(advised, tmp_path), "fix", "rotate", "secrets/shared.yaml:api.weather")
    assert said.code == 0
    assert "used in hosts/powerhouse/default.nix:" in said.out
    assert 'sops set --value-stdin secrets/shared.yaml \'["api"]["weather"]\'' in said.out


def test_a_passphrase_is_new_and_nothing_else(advised: Infrastructure, tmp_path: Path) -> None:
    key, ada = keyed(advised, tmp_path), advised.ring.people["ada"].identity
    old = contents(advised.root, "secrets/shared.yaml", ada)
    applied(advised.root, key, "fix", "rotate", "passwords")
    new = contents(advised.root, "secrets/shared.yaml", ada)
    assert {name for name in old if old[name] != new[name]} == {"restic.password"}


def test_openpgp_keys_are_never_made(advised: Infrastructure, tmp_path: Path) -> None:
    said = run(advised.root, keyed(advised, tmp_path), "fix", "rotate", "openpgp", "--apply")
    assert (said.code, "keytocard" in said.out) == (0, True)
    assert advised.repo.git("status", "--porcelain") == ""


@pytest.mark.parametrize("word", ["nobody", "ada", "secrets/shared.yaml:nothing"])
def test_a_word_without_something_to_make_is_refused(
    advised: Infrastructure, tmp_path: Path, word: str
) -> None:
    said = run(advised.root, keyed(advised, tmp_path), "fix", "rotate", word)
    assert said.code == 2
    assert said.err.count("\n") == 2


@pytest.mark.peer("sops")
def test_what_is_not_written_here_is_rotated_by_the_program(tmp_path: Path, peer: Peer) -> None:
    """As `fix` and `revoke` do: an ini file, and `sops` on the PATH."""
    sops, repo = peer("sops"), Repo.init(tmp_path / "house")
    (identity, recipient), old = age_identity(), password(30)
    repo.write(".sops.yaml", f"creation_rules:\n  - age: {recipient}\n")
    repo.write("app.ini", f"[restic]\npassword = {old}\nuser = ada\n")
    subprocess.run([sops, "encrypt", "-i", "app.ini"], cwd=repo.root, check=True, timeout=60)
    repo.add()
    repo.git("commit", "-q", "-m", "begin")
    key = tmp_path / "ada.txt"
    key.write_text(f"{identity}\n")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/sops").symlink_to(sops)
    path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    words = ("fix", "rotate", "app.ini:restic", "--apply", "--confirm", "secrets", "--identity", str(key))
    said = sopsguard(repo.root, *words, env={"PATH": path})
    assert said.code == 0, said.out + said.err
    new = contents(repo.root, "app.ini", identity)
    assert new["restic.user"] == "ada"
    assert new["restic.password"] != old
    assert new["restic.password"] not in said.out
