"""`sopsguard audit` says which commit is wrong, why, and what helps; its exit code says whether."""

from pathlib import Path

import pytest

from tests.signatures.conftest import World
from tests.sopsguard_command import sopsguard

pytestmark = [pytest.mark.peer("gpg"), pytest.mark.peer("ssh-keygen")]


@pytest.fixture
def engine() -> str:
    """One is enough: the command passes its name on."""
    return "sequoia"


def test_it_names_the_commit_the_reason_and_the_remedy(world: World) -> None:
    adopted = world.by_alice(
        world.history.draft({".sopsguard.yaml": world.policy(baseline=world.base)}, [world.base])
    )
    bad = world.unsigned(world.secret([adopted]))
    world.history.at("main", world.by_alice(world.secret([bad], "a: 3\n")))
    said = sopsguard(world.history.repo.root, "audit")
    assert said.code == 1
    first, remedy, summary = said.out.splitlines()
    assert first == f"{bad[:12]}: error: is not signed (secrets/a.yaml) [unsigned]"
    assert "git commit --amend -S --no-edit" in remedy
    assert summary == (
        "signatures: 4 commits, 3 needed a signature, 2 verified, 1 refused, 1 older than the baseline"
    )
    assert sopsguard(world.history.repo.root, "audit", "--since", bad).code == 0
    assert sopsguard(world.history.repo.root, "audit", "--since", bad, "--engine", "gpg").code == 0


def test_a_convention_only_warns(world: World) -> None:
    world.start({".sopsguard.yaml": "version: 1\n"})
    world.history.at("main", world.unsigned(world.secret()))
    said = sopsguard(world.history.repo.root, "audit")
    assert said.code == 0
    assert "warning: is not signed" in said.out
    assert "no policy" in said.out


def test_without_anybody_to_trust_nothing_is_judged(world: World) -> None:
    world.history.at("main", world.unsigned(world.history.draft({"README": "x\n"})))
    said = sopsguard(world.history.repo.root, "audit")
    assert said.code == 2
    assert "nothing at HEAD says who may sign" in said.err


def test_a_key_file_that_cannot_be_used_is_told(world: World) -> None:
    world.start({"keys/alice.asc": "not a key\n"})
    world.history.at("main", world.by_bob(world.secret()))
    said = sopsguard(world.history.repo.root, "audit", "--since", world.base)
    assert said.code == 0
    assert "keys/alice.asc: warning: the key" in said.out


def test_every_command_refuses_a_mistake_in_the_section(world: World) -> None:
    for text, code in ((world.policy(), 0), (world.policy(basline="x"), 2)):
        world.start({".sopsguard.yaml": text, "secrets/a.yaml": "note\n"})
        said = sopsguard(world.history.repo.root, "check", "--rev", world.base)
        assert said.code == code
        assert ("did you mean 'baseline'?" in said.err) == (code == 2)


def test_a_shallow_clone_is_not_decided(world: World, tmp_path: Path) -> None:
    world.history.at("main", world.by_bob(world.secret([world.by_alice(world.secret())], "a: 3\n")))
    clone = tmp_path / "clone"
    world.history.repo.git("clone", "-q", "--depth=1", f"file://{world.history.repo.root}", str(clone))
    said = sopsguard(clone, "audit")
    assert said.code == 2
    assert "fetch-depth: 0" in said.out


def test_names_of_others_cannot_write_lines(world: World) -> None:
    evil = "secrets/a\n::error::x\x1b[2J.yaml"
    oid = world.history.repo.blob(b"x")
    inner = world.history.repo.git("mktree", "-z", input=f"100644 blob {oid}\t{evil[8:]}\0".encode())
    rest = world.history.repo.git("ls-tree", world.base).replace("secrets", "old")
    tree = world.history.repo.git("mktree", input=f"{rest}\n040000 tree {inner}\tsecrets\n".encode())
    world.history.at("main", world.unsigned(world.history.draft(parents=[world.base], tree=tree)))
    said = sopsguard(world.history.repo.root, "audit", "--since", world.base)
    assert said.code == 1
    assert not any(line.startswith("::") for line in said.out.splitlines())
    assert "\x1b" not in said.out
