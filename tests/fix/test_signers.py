"""`fix signers` writes a policy that holds from the next commit on, from what the repository shows."""

from pathlib import Path

import pytest

from sopsguard.signed import section
from tests.gitrepo import Repo
from tests.signatures.conftest import World
from tests.signatures.conftest import alice as alice
from tests.signatures.conftest import bob as bob
from tests.signatures.conftest import gpg as gpg
from tests.signatures.conftest import world as world
from tests.signatures.people import START
from tests.sopsguard_command import Said, sopsguard

pytestmark = [pytest.mark.peer("gpg"), pytest.mark.peer("ssh-keygen")]

POLICY = ".sopsguard.yaml"


@pytest.fixture
def engine() -> str:
    """The one that the command takes."""
    return "sequoia"


def fresh(world: World, files: dict[str, str | bytes], *, signed: bool = True) -> Repo:
    """A repository without a policy, with these files, checked out; its last commit signed by Alice."""
    draft = world.history.draft({"secrets/a.yaml": "a: 1\n", **files}, time=START)
    tip = world.by_alice(draft) if signed else world.unsigned(draft)
    world.history.at("main", tip)
    world.history.repo.git("reset", "-q", "--hard", tip)
    return world.history.repo


def fix(repo: Repo, *options: str) -> Said:
    return sopsguard(repo.root, "fix", "signers", *options)


def written(repo: Repo) -> str:
    assert fix(repo, "--apply").code == 0
    return (repo.root / POLICY).read_text()


def test_the_preview_writes_nothing_and_says_whom_and_why(world: World) -> None:
    repo = fresh(world, {"keys/alice-public.asc": world.gpg.export(world.alice)})
    said = fix(repo)
    assert said.code == 0, said.err
    assert "ada may sign, and change the policy as an admin" in said.out
    assert "1 good signatures in the history" in said.out
    assert 'git commit -S -m "Say who may sign"' in said.out
    assert not (repo.root / POLICY).exists()


def test_what_is_written_holds_from_the_next_commit_on(world: World) -> None:
    repo = fresh(
        world, {"keys/alice-public.asc": world.gpg.export(world.alice), POLICY: "# ours\nversion: 1\n"}
    )
    base = repo.git("rev-parse", "HEAD")
    text = written(repo)
    assert text.startswith("# ours\nversion: 1\nsignatures:\n  baseline: ")
    rules = section(text.encode())
    assert rules is not None
    assert (rules.baseline, rules.protect) == (base, ("secrets/**", "keys/**"))
    (signer,) = rules.signers
    assert (signer.name, sorted(signer.emails)) == ("ada", ["ada@example.org"])
    adopted = world.by_alice(world.history.draft({POLICY: text}, [base]))
    good = world.by_alice(world.history.draft({"secrets/a.yaml": "a: 2\n"}, [adopted]))
    assert [v.reason for v in world.audit(good)] == ["pre-baseline", "ok", "ok"]
    bad = world.unsigned(world.history.draft({"secrets/a.yaml": "a: 3\n"}, [good]))
    assert world.audit(bad)[-1].reason == "unsigned"
    repo.write(POLICY, text)
    assert "has a section `signatures` already" in fix(repo).out


def test_the_inventory_says_names_roles_and_ssh_keys(world: World) -> None:
    inventory = f"""\
people:
  ada:
    roles: [commit]
    emails: [ada@example.org]
    signing_keys:
      - {{openpgp: {world.alice}, file: keys/alice.asc}}
  bob:
    roles: [admin, commit]
    emails: [bob@example.org]
    signing_keys:
      - {{ssh: "{world.bob.public}"}}
"""
    repo = fresh(world, {"keys/alice.asc": world.gpg.export(world.alice), "inventory.yaml": inventory})
    rules = section(written(repo).encode())
    assert rules is not None
    assert {s.name: sorted(s.roles) for s in rules.signers} == {"ada": ["commit"], "bob": ["admin", "commit"]}
    assert [s.emails for s in rules.signers] == [{"ada@example.org"}, {"bob@example.org"}]


def test_without_a_key_nothing_is_written_and_it_is_said_how(world: World) -> None:
    repo = fresh(world, {"README": "x\n"}, signed=False)
    said = fix(repo, "--apply")
    assert said.code == 1
    assert "gpg --export --armor FINGERPRINT > keys/NAME-public.asc" in said.out
    assert not (repo.root / POLICY).exists()


def test_before_the_first_commit_there_is_no_baseline(tmp_path: Path) -> None:
    said = fix(Repo.init(tmp_path / "empty"))
    assert (said.code, "no commit yet" in said.err) == (2, True)


def test_names_that_yaml_would_change_are_quoted(world: World) -> None:
    inventory = (
        f"people:\n  'yes':\n    emails: [ada@example.org]\n    signing_keys: ['{world.bob.public}']\n"
    )
    rules = section(written(fresh(world, {"inventory.yaml": inventory})).encode())
    assert rules is not None
    assert [s.name for s in rules.signers] == ["yes"]


def test_the_key_of_a_forge_is_nobodys(world: World) -> None:
    """Whatever is made in a browser is signed with it."""
    from sopsguard.fix import signers

    repo = fresh(world, {"keys/alice.asc": world.gpg.export(world.alice)})
    monkey = pytest.MonkeyPatch()
    with monkey.context() as patch:
        patch.setattr(signers, "WEB_FLOW", (world.alice,))
        from sopsguard.fix.plan import Draft
        from sopsguard.git import discover
        from sopsguard.inventory import Inventory

        found = discover(str(repo.root))
        draft = Draft(found.worktree(), "2026-01-02T03:04:05Z")
        signers.propose(draft, Inventory((), (), (), (), ()), found, START + 60)
    plan = draft.plan()
    assert plan.changes == ()
    assert "is the key of GitHub" in plan.steps[0].text
