"""`sopsguard fix inventory` and `fix config`: settings begun from what is there, never overwritten."""

from pathlib import Path

import pytest
import yaml

from sopsguard.inventory import stated
from tests.conftest import Peer
from tests.gitrepo import Repo
from tests.infrastructure.build import Infrastructure, build_literal, sops_program
from tests.sopsguard_command import sopsguard
from tests.throwaway import age_identity


@pytest.fixture
def literal(tmp_path: Path, peer: Peer) -> Infrastructure:
    return build_literal(tmp_path / "house", sops_program(peer))


def test_the_inventory_that_is_written_says_what_the_tree_showed(literal: Infrastructure) -> None:
    assert sopsguard(literal.root, "fix", "inventory", "--apply").code == 0
    found = stated.read((literal.root / "inventory.yaml").read_bytes())
    ring = literal.ring
    assert {h.name: [r.text for r in h.recipients] for h in found.hosts} == {
        name: [host.recipient] for name, host in ring.hosts.items()
    }
    assert ring.people["ada"].recipient in [r.text for p in found.people for r in p.recipients]
    meshes = {h.name: h.wireguard for h in found.hosts}
    hub = meshes["capacitor"]
    assert hub is not None
    assert (hub.address, hub.server, hub.public_key) == ("10.0.0.1", True, None)
    assert "only named" in (literal.root / "inventory.yaml").read_text()
    assert sopsguard(literal.root, "fix", "inventory").out == "nothing to repair\n"


def test_an_inventory_of_another_program_is_not_touched(literal: Infrastructure) -> None:
    (literal.root / "inventory.yaml").write_text("all:\n  children: {}\n")
    said = sopsguard(literal.root, "fix", "inventory", "--apply")
    assert (said.code, "is not ours" in said.out) == (1, True)
    assert (literal.root / "inventory.yaml").read_text() == "all:\n  children: {}\n"


def test_settings_hooks_and_workflow_are_begun_once(literal: Infrastructure) -> None:
    literal.repo.write(".github/workflows/build.yml", "on: push\n")
    assert sopsguard(literal.root, "fix", "config", "--apply").code == 0
    policy = yaml.safe_load((literal.root / ".sopsguard.yaml").read_text())
    assert policy["schemas"] == {"secrets/**": "guide"}
    hooks = yaml.safe_load((literal.root / ".pre-commit-config.yaml").read_text())
    assert [hook["id"] for repo in hooks["repos"] for hook in repo["hooks"]] == ["sopsguard"]
    job = yaml.safe_load((literal.root / ".github/workflows/sopsguard.yml").read_text())
    assert job["permissions"] == {"contents": "read"}
    assert "*.dec.yaml" in (literal.root / ".gitignore").read_text().splitlines()
    assert sopsguard(literal.root, "fix", "config").out == "nothing to repair\n"


def test_what_is_there_stays_as_it_is(tmp_path: Path) -> None:
    repo = Repo.init(tmp_path / "house")
    there = {
        ".sopsguard.yaml": "version: 1  # ours\n",
        ".gitignore": "result",
        ".pre-commit-config.yaml": "repos:\n- repo: meta\n  hooks:\n  - id: identity  # look\n",
    }
    for path, text in there.items():
        repo.write(path, text)
    assert sopsguard(repo.root, "fix", "config", "--apply").code == 0
    assert (repo.root / ".sopsguard.yaml").read_text() == there[".sopsguard.yaml"]
    assert (repo.root / ".gitignore").read_text().startswith("result\n*.dec.yaml\n")
    hooks = (repo.root / ".pre-commit-config.yaml").read_text()
    assert hooks.startswith(there[".pre-commit-config.yaml"])
    assert [r["repo"] for r in yaml.safe_load(hooks)["repos"]] == ["meta", "local"]
    assert not (repo.root / ".github").exists()


def test_a_host_that_the_inventory_lacks_is_entered(tmp_path: Path) -> None:
    repo = Repo.init(tmp_path / "house")
    recipient = age_identity()[1]
    repo.write("inventory.yaml", f"hosts:\n  tower:\n    recipients: [{recipient}]  # ours\n")
    repo.write("hosts/attic/default.nix", '{ networking.hostName = "attic"; }\n')
    repo.write("hosts/tower/default.nix", '{ networking.hostName = "tower"; }\n')
    said = sopsguard(repo.root, "fix", "inventory", "--apply")
    assert said.code == 0, said.out + said.err
    text = (repo.root / "inventory.yaml").read_text()
    assert text.startswith(f"hosts:\n  tower:\n    recipients: [{recipient}]  # ours\n")
    assert [h.name for h in stated.read(text.encode()).hosts] == ["tower", "attic"]
