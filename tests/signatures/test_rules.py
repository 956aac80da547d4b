"""Signatures in `check --range` and in the hook of a push: findings, unknowns, levels, whom they believe."""

from pathlib import Path

import pytest

from sopsguard import checks
from sopsguard.checks.signatures.told import TOLD_BY
from sopsguard.model import Family
from sopsguard.signatures.reason import PASSING, UNDECIDED, Reason
from tests.conftest import Peer
from tests.signatures.conftest import World
from tests.sopsguard_command import Said, sopsguard

pytestmark = [pytest.mark.peer("gpg"), pytest.mark.peer("ssh-keygen")]


@pytest.fixture
def engine() -> str:
    """One is enough: the commands take the one that is there."""
    return "sequoia"


def judged(world: World, tip: str, *options: str, base: str = "") -> Said:
    world.history.at("main", tip)
    return sopsguard(
        world.history.repo.root, "check", "--format=json", f"--range={base or world.base}..{tip}", *options
    )


def pushed(world: World, tip: str, base: str = "", **env: str) -> Said:
    env = {"PRE_COMMIT_FROM_REF": base or world.base, "PRE_COMMIT_TO_REF": tip, **env}
    return sopsguard(world.history.repo.root, "hook", env=env)


def test_each_reason_is_told_by_one_rule_of_the_family() -> None:
    assert set(TOLD_BY) == set(Reason) - PASSING - UNDECIDED
    assert {checks.RULES[rule] for rule in TOLD_BY.values()} == {Family.SIGNATURES}
    assert {r for r, family in checks.RULES.items() if family is Family.SIGNATURES} == set(TOLD_BY.values())


def test_an_unsigned_commit_of_the_range_is_an_error_with_its_remedy(world: World) -> None:
    bad = world.unsigned(world.secret())
    said = judged(world, world.by_alice(world.secret([bad], "a: 3\n")))
    assert said.code == 1
    (finding,) = [f for f in said.json()["findings"] if f["family"] == "signatures"]
    assert (finding["rule"], finding["level"], finding["path"]) == (
        "unsigned-commit", "error", "secrets/a.yaml",
    )  # fmt: skip
    assert finding["commit"] == bad
    assert "git commit --amend -S --no-edit" in finding["hint"]
    assert any("2 needed a signature, 1 verified, 1 refused" in n for n in said.json()["judged"]["notes"])


def test_by_convention_it_is_a_warning_and_a_policy_is_offered(world: World) -> None:
    world.start({".sopsguard.yaml": "version: 1\n"})
    said = judged(world, world.unsigned(world.secret()), "--only", "signatures")
    assert (said.code, [f["level"] for f in said.json()["findings"]]) == (0, ["warning"])
    assert "sopsguard fix signers" in str(said.json()["judged"]["notes"])


def test_without_anybody_to_trust_it_is_said_and_undecided_where_required(world: World) -> None:
    world.start({".sopsguard.yaml": "version: 1\n", "keys/alice.asc": "nothing\n"})
    tip = world.unsigned(world.secret())
    said = judged(world, tip, "--only", "signatures")
    assert (said.code, said.json()["findings"], said.json()["unknown"]) == (0, [], [])
    assert "says who may sign" in str(said.json()["judged"]["notes"])
    world.start({".sopsguard.yaml": "require: [signatures]\n", "keys/alice.asc": "nothing\n"})
    said = judged(world, world.unsigned(world.secret()), "--only", "signatures")
    assert (said.code, len(said.json()["unknown"])) == (2, 1)


def test_what_cannot_be_decided_is_unknown_and_not_fine(world: World, tmp_path: Path) -> None:
    tip = world.by_alice(world.secret())
    for number in range(3):
        tip = world.by_alice(world.secret([tip], f"a: {number + 3}\n"))
    world.history.at("main", tip)
    world.history.at("base", world.base)
    clone = tmp_path / "clone"
    world.history.repo.git(
        "clone", "-q", "--depth=2", "--no-single-branch", f"file://{world.history.repo.root}", str(clone)
    )
    said = sopsguard(clone, "check", "--range", "origin/base..origin/main", "--only", "signatures")
    assert said.code == 2, said.out
    assert "(shallow)" in said.out
    assert "fetch-depth: 0" in said.out


def test_a_missing_engine_is_unknown_and_blocks_where_there_is_a_policy(
    world: World, tmp_path: Path, peer: Peer
) -> None:
    """52: nothing on this machine can verify OpenPGP."""
    tip = world.by_alice(world.secret())
    world.history.at("main", tip)
    hidden = tmp_path / "pysequoia.py"
    hidden.write_text("raise ImportError('not here')\n")
    only = tmp_path / "bin"
    only.mkdir()
    (only / "git").symlink_to(peer("git"))
    env = {"PYTHONPATH": str(tmp_path), "PATH": str(only)}
    said = sopsguard(
        world.history.repo.root, "check", "--only=signatures", f"--range={world.base}..{tip}", env=env
    )
    assert (said.code, "(engine-missing)" in said.out) == (2, True), said.out + said.err


def test_what_is_trusted_is_never_the_change(world: World) -> None:
    lax = world.by_bob(
        world.history.draft({".sopsguard.yaml": "levels: {unsigned-commit: off}\n"}, [world.base])
    )
    tip = world.unsigned(world.secret([lax]))
    said = judged(world, tip, "--trust", world.base)
    assert said.code == 1
    assert sorted(f["rule"] for f in said.json()["findings"] if f["family"] == "signatures") == [
        "unauthorised-change", "unsigned-commit",
    ]  # fmt: skip


def test_a_policy_from_outside_says_who_may_sign(world: World, tmp_path: Path, mallory: str) -> None:
    world.start({".sopsguard.yaml": "version: 1\n", "keys/alice.asc": world.gpg.export(world.alice)})
    outer = tmp_path / "outer.yaml"
    outer.write_text(world.policy())
    good, bad = world.by_alice(world.secret()), world.by_alice(world.secret(), mallory)
    for trust in ([], ["--trust", world.base]):
        assert judged(world, good, "--policy", str(outer), *trust, "--only=signatures").code == 0
        assert judged(world, bad, "--policy", str(outer), *trust, "--only=signatures").code == 1


def test_a_push_is_blocked(world: World) -> None:
    said = pushed(world, world.unsigned(world.secret()))
    assert said.code == 1
    assert "[unsigned-commit, proved]" in said.out
    assert pushed(world, world.by_bob(world.secret())).code == 0


def test_a_commit_on_its_own_costs_nothing_for_signatures(world: World) -> None:
    world.history.repo.git("reset", "-q", "--hard", "main")
    world.history.repo.stage("secrets/a.yaml", "a: 9\n")
    said = sopsguard(world.history.repo.root, "hook", "--only", "unsigned-commit")
    assert said.code == 0


def test_55_nobody_overlooks_the_last_of_many_commits(world: World) -> None:
    tip = world.base
    for number in range(40):
        draft = world.secret([tip], f"a: {number + 2}\n")
        tip = world.unsigned(draft) if number == 2 else world.by_bob(draft)
    said = judged(world, tip, "--only", "signatures")
    assert (said.code, len(said.json()["findings"])) == (1, 1)
