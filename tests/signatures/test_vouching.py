"""What a change adds for itself counts only when admins of the trusted side have signed it."""

from collections.abc import Mapping

import pytest

from sopsguard.attest import Voucher
from sopsguard.git import discover
from sopsguard.model import Addition, Location
from tests import throwaway
from tests.signatures.conftest import NOW, World
from tests.sopsguard_command import Said, sopsguard

pytestmark = [pytest.mark.peer("gpg"), pytest.mark.peer("ssh-keygen")]

INVENTORY = "inventory.yaml"
PLAIN = "version: 1\n"


@pytest.fixture
def engine() -> str:
    """One is enough: the voucher takes the one that is there."""
    return "sequoia"


def vouched(world: World, tip: str, path: str = INVENTORY, *, trust: str = "", judged: str = "") -> bool:
    repository = discover(str(world.history.repo.root))
    voucher = Voucher(repository, trust or world.base, tip, repository.tree(judged or tip), lambda: NOW)
    return voucher(Addition("holder", "tower", "tower", Location(path, 1)))


def adds(
    world: World, parents: list[str] | None = None, text: str = "hosts: {tower: {}}\n", **more: str
) -> str:
    files = {INVENTORY: text, **more}
    return world.by_alice(world.history.draft(files, parents or [world.base]))


def merge(world: World, one: str, other: str, files: Mapping[str, str], by: str = "") -> str:
    draft = world.history.draft(files, [one, other])
    return world.by_alice(draft) if by == "alice" else world.unsigned(draft)


def test_an_admin_who_signs_the_commit_vouches_for_it(world: World) -> None:
    tip = adds(world)
    assert vouched(world, tip)
    assert vouched(world, world.unsigned(world.history.draft({"README": "more\n"}, [tip])))


def test_nobody_else_does(world: World, mallory: str) -> None:
    draft = world.history.draft({INVENTORY: "hosts: {tower: {}}\n"}, [world.base])
    for tip in (world.unsigned(draft), world.by_bob(draft), world.by_alice(draft, mallory)):
        assert not vouched(world, tip)


def test_an_addition_of_an_admin_that_somebody_else_alters_or_restores_is_nobodys(world: World) -> None:
    first = adds(world)
    altered = world.by_bob(world.history.draft({INVENTORY: "hosts: {evil: {}}\n"}, [first]))
    assert not vouched(world, altered)
    restored = world.unsigned(world.history.draft({INVENTORY: "hosts: {tower: {}}\n"}, [altered]))
    assert not vouched(world, restored)
    assert not vouched(
        world, adds(world, [world.by_bob(world.history.draft({INVENTORY: "#\n"}, [world.base]))])
    )


def test_what_the_range_does_not_touch_it_does_not_add(world: World) -> None:
    assert not vouched(world, adds(world), "hosts/other.pub")
    assert not vouched(world, world.by_alice(world.secret()))


def test_what_is_judged_has_to_be_what_was_signed(world: World) -> None:
    tip = adds(world)
    altered = world.unsigned(world.history.draft({INVENTORY: "hosts: {evil: {}}\n"}, [tip]))
    assert not vouched(world, tip, judged=altered)


def test_a_pure_merge_takes_nothing_away_and_an_evil_one_all(world: World) -> None:
    added = adds(world)
    side = world.unsigned(world.history.draft({"README": "side\n"}, [world.base]))
    text = "hosts: {tower: {}}\n"
    assert vouched(world, merge(world, side, added, {INVENTORY: text}))
    assert vouched(world, merge(world, added, side, {"README": "side\n"}))
    assert not vouched(
        world, merge(world, added, side, {INVENTORY: "hosts: {evil: {}}\n", "README": "side\n"})
    )
    assert vouched(
        world, merge(world, added, side, {INVENTORY: "hosts: {x: {}}\n", "README": "side\n"}, by="alice")
    )


def test_a_merge_that_brings_an_older_version_back_is_a_change_of_its_own(world: World) -> None:
    old = adds(world, text="hosts: {left: {}}\n")
    new = adds(world, [old], "hosts: {tower: {}}\n")
    side = world.unsigned(world.history.draft({"README": "side\n"}, [old]))
    assert not vouched(world, merge(world, new, side, {INVENTORY: "hosts: {left: {}}\n", "README": "side\n"}))


def test_what_the_trusted_side_took_back_since_does_not_return(world: World) -> None:
    start = world.start({INVENTORY: "hosts: {left: {}}\n"})
    gone = world.by_alice(world.history.draft({INVENTORY: "hosts: {}\n"}, [start]))
    behind = adds(world, [start], "hosts: {left: {}, tower: {}}\n")
    assert vouched(world, behind)
    assert not vouched(world, behind, trust=gone)
    # A branch that is up to date, by a merge that the admin signs, may.
    assert vouched(
        world, merge(world, behind, gone, {INVENTORY: "hosts: {tower: {}}\n"}, by="alice"), trust=gone
    )


def test_a_renamed_file_is_judged_under_its_new_name(world: World) -> None:
    moved = world.by_bob(world.history.draft({"infra/inventory.yaml": "hosts: {tower: {}}\n"}, [adds(world)]))
    assert not vouched(world, moved, "infra/inventory.yaml")
    assert vouched(world, moved)


def test_unrelated_histories_and_side_roots_vouch_for_nothing(world: World) -> None:
    files = {INVENTORY: "hosts: {tower: {}}\n"}
    root = world.by_alice(world.history.draft(files, []))
    assert not vouched(world, root)
    unsigned = world.unsigned(world.history.draft(files, []))
    assert not vouched(world, merge(world, world.base, unsigned, files))


def test_nobody_vouches_by_the_convention_or_by_an_accepted_id(world: World) -> None:
    bad = world.unsigned(world.history.draft({INVENTORY: "hosts: {tower: {}}\n"}, [world.base]))
    trusting = world.by_alice(
        world.history.draft({".sopsguard.yaml": world.policy(accept_commits=f"[{bad}]")}, [world.base])
    )
    assert not vouched(world, bad, trust=trusting)
    world.start({".sopsguard.yaml": PLAIN})
    assert not vouched(world, adds(world))


def test_an_admin_of_the_change_is_none(world: World, mallory: str) -> None:
    policy = world.policy() + (
        "    mallory:\n      roles: [admin]\n      emails: [ada@example.org]\n"
        f"      openpgp: {{fingerprint: {mallory}, file: keys/m.asc}}\n"
    )
    files = {".sopsguard.yaml": policy, "keys/m.asc": world.gpg.export(mallory).decode()}
    first = world.by_bob(world.history.draft(files, [world.base]))
    tip = world.by_alice(world.history.draft({INVENTORY: "hosts: {tower: {}}\n"}, [first]), mallory)
    assert not vouched(world, tip)


def test_a_revision_that_cannot_be_read_vouches_for_nothing(world: World) -> None:
    broken = world.start({".sopsguard.yaml": "signatures: {}\n"})
    assert not vouched(world, adds(world), trust=broken)


# --- through the command ---------------------------------------------------------------------------------

WAIVER = "waivers:\n  - {rule: plaintext-private-key, path: key.txt, reason: a sample, until: 2099-01-01}\n"


def check(world: World, tip: str, *options: str) -> Said:
    world.history.at("main", tip)
    return sopsguard(
        world.history.repo.root, "check", "--format=json", f"--range={world.base}..{tip}",
        "--only=plaintext", f"--trust={world.base}", *options,
    )  # fmt: skip


@pytest.mark.parametrize(("by", "code"), [("alice", 0), ("bob", 1), ("nobody", 1)])
def test_a_waiver_counts_when_an_admin_signed_it(world: World, by: str, code: int) -> None:
    files = {".sopsguard.yaml": world.policy() + WAIVER, "key.txt": throwaway.age_identity()[0] + "\n"}
    draft = world.history.draft(files, [world.base])
    tip = world.unsigned(draft) if by == "nobody" else world.by_bob(draft)
    if by == "alice":
        tip = world.by_alice(draft)
    said = check(world, tip)
    assert (said.code, bool(said.json()["waived"])) == (code, code == 0)


@pytest.mark.parametrize(("by", "code"), [("alice", 0), ("bob", 1)])
def test_a_comment_that_allows_counts_when_an_admin_signed_it(world: World, by: str, code: int) -> None:
    text = f"# sopsguard: allow[plaintext-private-key] a sample\n{throwaway.age_identity()[0]}\n"
    draft = world.history.draft({"key.txt": text}, [world.base])
    assert check(world, world.by_alice(draft) if by == "alice" else world.by_bob(draft)).code == code


def test_a_policy_from_outside_says_who_is_an_admin(
    world: World, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outer = tmp_path_factory.mktemp("outer") / "policy.yaml"
    text = f"# sopsguard: allow[plaintext-private-key] a sample\n{throwaway.age_identity()[0]}\n"
    outer.write_text(world.policy())
    world.start({".sopsguard.yaml": PLAIN})
    tip = world.by_alice(world.history.draft({"key.txt": text}, [world.base]))
    assert check(world, tip).code == 1
    assert check(world, tip, f"--policy={outer}").code == 0
    outer.write_text(world.policy().replace("[commit, admin]", "[commit]").replace("[commit]", "[admin]"))
    mallory = world.unsigned(world.history.draft({"key.txt": text}, [world.base]))
    assert check(world, mallory, f"--policy={outer}").code == 1


def test_a_dirty_file_is_nobodys(world: World) -> None:
    text = f"# sopsguard: allow[plaintext-private-key] a sample\n{throwaway.age_identity()[0]}\n"
    tip = world.by_alice(world.history.draft({"key.txt": text}, [world.base]))
    world.history.at("main", tip)
    world.history.repo.git("reset", "-q", "--hard", tip)
    where = world.history.repo.root
    options = ("check", f"--since={world.base}", f"--trust={world.base}", "--only=plaintext")
    assert sopsguard(where, *options).code == 0
    (where / "key.txt").write_text(text + text)
    assert sopsguard(where, *options).code == 1


@pytest.mark.parametrize("by", ["alice", "bob"])
def test_a_host_and_its_key_in_two_commits_are_two_additions(world: World, by: str) -> None:
    """Whoever may add a host has not vouched for a key that somebody else puts beside it."""
    from sopsguard.inventory import Inventory, stated, trusting
    from sopsguard.inventory.holders import Holder

    text = f"hosts:\n  tower:\n    recipients: ['{throwaway.age_identity()[1]}']\n"
    said = stated.read(text.encode())
    path = "hosts/tower/key.pub"
    (host,) = said.hosts
    (mine,) = host.recipients
    where = mine.said.where._replace(path=path)
    beside = type(mine)(
        throwaway.age_identity()[1], "other", mine.how, mine.said.__class__(mine.said.source, "x", where)
    )
    tower = Holder(host.kind, host.name, recipients=(mine, beside), said=host.said)
    first = adds(world)
    draft = world.history.draft({path: "x\n"}, [first])
    tip = world.by_alice(draft) if by == "alice" else world.by_bob(draft)
    repository = discover(str(world.history.repo.root))
    voucher = Voucher(repository, world.base, tip, repository.tree(tip), lambda: NOW)
    made = trusting(Inventory((tower,), (), (), (), ()), Inventory((), (), (), (), ()), voucher)
    assert [r.added for r in made.hosts[0].recipients] == [False, by == "bob"]
    assert not made.hosts[0].added
