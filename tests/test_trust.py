"""Nothing that a change adds for itself counts; a policy from outside only gets stricter."""

import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sopsguard.context import Context
from sopsguard.inventory import Inventory, stated, trusting
from sopsguard.model import Addition, Level, UserError
from sopsguard.policy import LEVELS, Policy, read
from sopsguard.snapshot import Snapshot
from sopsguard.trust import Outer, Trust, trust
from tests import throwaway
from tests.gitrepo import Repo
from tests.sopsguard_command import Said, sopsguard

SCHEMA = json.loads((Path(__file__).parent.parent / "schemas" / "report.schema.json").read_text())
RULES = ("plaintext-private-key", "plaintext-token", "expired-waiver", "unused-waiver")
WAIVER = "waivers:\n  - {rule: plaintext-private-key, path: key.txt, reason: a sample, until: 2099-01-01}\n"
POLICY = ".sopsguard.yaml"


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """A repository whose branch `base` is trusted, with one harmless file."""
    repo = Repo.init(tmp_path / "repo")
    (repo.root / "readme.txt").write_text("hello\n")
    repo.git("add", ".")
    repo.git("commit", "-q", "-m", "begin")
    repo.git("branch", "base")
    return repo


def write(repo: Repo, **files: str) -> None:
    for name, text in files.items():
        (repo.root / (POLICY if name == "policy" else name.replace("_", "."))).write_text(text)
    repo.git("add", ".")


def commit(repo: Repo, **files: str) -> None:
    write(repo, **files)
    repo.git("commit", "-q", "-m", "change")


def judged(repo: Repo, *options: str) -> Said:
    said = sopsguard(repo.root, "check", "--format", "json", *options)
    if said.code != 2:
        jsonschema.validate(said.json(), SCHEMA)
    return said


def levels(said: Said) -> list[tuple[str, str]]:
    return [(f["path"], f["level"]) for f in said.json()["findings"]]


def identity() -> str:
    return throwaway.age_identity()[0] + "\n"


def allowed() -> str:
    return f"# sopsguard: allow[plaintext-private-key] a sample\n{identity()}"


# --- waivers, comments, levels ---------------------------------------------------------------------------


def test_a_waiver_that_the_change_brings_silences_nothing_and_is_told(repo: Repo) -> None:
    commit(repo, key_txt=identity(), policy=WAIVER)
    assert judged(repo).code == 0
    said = judged(repo, "--trust", "base")
    assert said.code == 1
    (finding,) = said.json()["findings"]
    assert "the waiver of it here counts for nothing" in finding["hint"]
    assert f"{POLICY}:2" in " ".join(said.json()["judged"]["notes"])
    assert said.json()["waived"] == []


def test_a_waiver_of_the_trusted_side_counts_and_may_not_be_stretched(repo: Repo) -> None:
    commit(repo, policy=WAIVER.replace("2099", "2025"))
    repo.git("branch", "-f", "base")
    commit(repo, key_txt=identity(), policy=WAIVER)
    assert judged(repo, "--trust", "base").code == 1
    repo.git("branch", "-f", "base")
    assert judged(repo, "--trust", "base").code == 0


def test_a_comment_that_the_change_brings_allows_nothing(repo: Repo) -> None:
    commit(repo, key_txt=allowed())
    assert judged(repo).code == 0
    said = judged(repo, "--trust", "base")
    assert said.code == 1
    assert "counts once the trusted side has it" in said.json()["findings"][0]["hint"]


def test_a_comment_of_the_trusted_side_counts_for_the_same_secret_only(repo: Repo) -> None:
    text = allowed()
    commit(repo, key_txt=text)
    repo.git("branch", "-f", "base")
    commit(repo, key_txt=f"moved down\n{text}")
    assert judged(repo, "--trust", "base").code == 0
    commit(repo, key_txt=f"{text}{allowed()}")
    assert judged(repo, "--trust", "base").code == 1
    commit(repo, key_txt="nothing\n", other_txt=text)  # the same at another place
    assert levels(judged(repo, "--trust", "base")) == [("other.txt", "error")]


def test_levels_come_from_the_trusted_side(repo: Repo) -> None:
    commit(repo, key_txt=identity(), policy="levels: {plaintext-private-key: off}\n")
    assert judged(repo).code == 0
    assert levels(judged(repo, "--trust", "base")) == [("key.txt", "error")]


def test_a_broken_policy_of_the_change_is_unknown_and_hides_no_finding(repo: Repo) -> None:
    commit(repo, policy="levles: {}\n")
    said = judged(repo, "--trust", "base")
    assert said.code == 2
    assert "the policy of this change cannot be read" in said.out
    commit(repo, key_txt=identity())
    assert judged(repo, "--trust", "base").code == 1


def test_a_broken_policy_of_the_trusted_side_stops_everything(repo: Repo) -> None:
    commit(repo, policy="levles: {}\n")
    repo.git("branch", "-f", "base")
    commit(repo, policy="levels: {}\n")
    said = judged(repo, "--trust", "base")
    assert (said.code, said.out) == (2, "")
    assert "base:.sopsguard.yaml:1: 'levles' is not a setting" in said.err


def test_the_report_says_whom_it_believed(repo: Repo, tmp_path: Path) -> None:
    oid = repo.git("rev-parse", "base")
    assert judged(repo, "--trust", "base").json()["trust"] == {"rev": "base", "oid": oid, "policy": None}
    text = sopsguard(repo.root, "check", "--trust", "base").out
    assert text.splitlines()[0] == f"sopsguard: judged by base ({oid[:12]})"
    outer = tmp_path / "outer.yaml"
    outer.write_text("")
    text = sopsguard(repo.root, "check", "--policy", str(outer), "--trust", oid).out
    assert text.splitlines()[0] == f"sopsguard: judged by the policy {outer} and {oid[:12]}"
    assert judged(repo).json()["trust"] == {"rev": "worktree", "oid": None, "policy": None}


def test_what_is_no_revision_is_told(repo: Repo) -> None:
    said = judged(repo, "--trust", "nowhere")
    assert (said.code, said.out) == (2, "")
    assert "nowhere" in said.err


# --- a policy from outside -------------------------------------------------------------------------------


def test_a_policy_from_outside_wins_and_the_own_only_tightens_it(repo: Repo, tmp_path: Path) -> None:
    outer = tmp_path / "outer.yaml"
    outer.write_text("levels: {plaintext-private-key: warning}\n")
    commit(repo, key_txt=identity())
    with_policy = ("--policy", str(outer))
    assert levels(judged(repo, *with_policy)) == [("key.txt", "warning")]
    for own, level in (("off", "warning"), ("info", "warning"), ("error", "error")):
        commit(repo, policy=f"levels: {{plaintext-private-key: {own}}}\n")
        assert levels(judged(repo, *with_policy)) == [("key.txt", level)]
    commit(repo, policy=WAIVER)
    said = judged(repo, *with_policy)
    assert levels(said) == [("key.txt", "warning")]
    assert "a waiver of the repository counts for nothing" in " ".join(said.json()["judged"]["notes"])
    outer.write_text(WAIVER)
    assert levels(judged(repo, *with_policy)) == []


def test_a_waiver_from_outside_that_is_not_needed_here_is_no_finding(repo: Repo, tmp_path: Path) -> None:
    outer = tmp_path / "outer.yaml"
    outer.write_text(WAIVER)
    assert levels(judged(repo, "--all", "--policy", str(outer))) == []


@pytest.mark.parametrize("where", [POLICY, "sub/../.sopsguard.yaml", "link.yaml"])
def test_a_policy_inside_the_checkout_is_refused(repo: Repo, where: str) -> None:
    (repo.root / "sub").mkdir()
    (repo.root / "link.yaml").symlink_to(POLICY)
    write(repo, policy="levels: {}\n")
    said = judged(repo, "--policy", where)
    assert (said.code, said.out) == (2, "")
    assert "lies inside the checkout" in said.err


def test_a_link_from_outside_into_the_checkout_is_refused(repo: Repo, tmp_path: Path) -> None:
    write(repo, policy="levels: {}\n")
    (tmp_path / "outer.yaml").symlink_to(repo.root / POLICY)
    assert "lies inside the checkout" in judged(repo, "--policy", str(tmp_path / "outer.yaml")).err


def test_a_mistake_in_the_policy_from_outside_names_that_file(repo: Repo, tmp_path: Path) -> None:
    outer = tmp_path / "outer.yaml"
    assert "No such file" in judged(repo, "--policy", str(outer)).err
    outer.write_text("levles: {}\n")
    assert f"{outer}:1: 'levles' is not a setting" in judged(repo, "--policy", str(outer)).err


LEVEL_MAPS = st.dictionaries(st.sampled_from(RULES), st.sampled_from(LEVELS))
WAIVERS = st.sampled_from(("", WAIVER))


def strictness(level: Level | None) -> int:
    return LEVELS.index(level or "off")


@given(LEVEL_MAPS, LEVEL_MAPS, st.booleans(), st.booleans(), st.sampled_from(RULES), st.sampled_from(Level))
def test_tightening_never_loosens(
    outer: dict[str, str], own: dict[str, str], one: bool, other: bool, rule: str, default: Level
) -> None:
    outside, inside = Policy(outer, inline_allow=one), Policy(own, inline_allow=other)
    both = inside.tightening(outside)
    assert strictness(both.level(rule, default)) <= strictness(outside.level(rule, default))
    if rule not in own:
        assert both.level(rule, default) == outside.level(rule, default)
    assert both.inline_allow == (one and other)


@given(LEVEL_MAPS, LEVEL_MAPS, WAIVERS, WAIVERS)
def test_the_judged_side_has_no_say(side: dict[str, str], own: dict[str, str], one: str, other: str) -> None:
    def snapshot(levels: dict[str, str], waivers: str) -> Snapshot:
        return Snapshot.of(
            {POLICY: json.dumps({"levels": levels})[:-1] + "}\n"} if not waivers else {POLICY: waivers}
        )

    base, change = snapshot(side, one), snapshot(own, other)
    found = trust(change, RULES, rev="base", oid="0" * 40, side=base)
    assert found.policy == read(base.read(POLICY), RULES)
    assert bool(found.refused) == (bool(other) and not one)


def test_whoever_vouches_makes_a_waiver_count() -> None:
    asked: list[Addition] = []

    def vouched(addition: Addition) -> bool:
        asked.append(addition)
        return True

    found = trust(
        Snapshot.of({POLICY: WAIVER}), RULES, rev="b", oid="0" * 40, side=Snapshot.of({}), vouched=vouched
    )
    assert found.refused == ()
    assert [w.path for w in found.policy.waivers] == ["key.txt"]
    assert [(a.what, a.name, a.text, a.where.path, a.where.line) for a in asked] == [
        ("waiver", "plaintext-private-key", "key.txt", POLICY, 2)
    ]


# --- the inventory ---------------------------------------------------------------------------------------

OLD, NEW = throwaway.age_identity()[1], throwaway.age_identity()[1]


def inventory(text: str) -> Inventory:
    return stated.read(text.encode())


def said(found: Inventory) -> list[tuple[str, str]]:
    return [(a.what, a.name) for a in found.additions]


def test_what_both_sides_know_is_not_added() -> None:
    text = f"hosts: {{oak: {{recipients: [{OLD}]}}}}\n"
    found = trusting(inventory(text), inventory(text))
    assert found.additions == ()
    assert [k.added for k in found.who(OLD)] == [False]


def test_a_new_host_and_a_new_recipient_are_added_by_this_change() -> None:
    base = inventory(f"hosts: {{oak: {{recipients: [{OLD}]}}}}")
    change = inventory(f"hosts:\n  oak: {{recipients: [{OLD}]}}\n  elm:\n    recipients: [{NEW}]\n")
    found = trusting(change, base)
    assert [(h.name, h.added) for h in found.hosts] == [("oak", False), ("elm", True)]
    assert [(k.holder.name, k.added) for k in found.who(NEW)] == [("elm", True)]
    assert said(found) == [("holder", "elm"), ("recipient", "elm")]
    assert [a.where.line for a in found.additions] == [3, 4]
    moved = trusting(inventory(f"hosts: {{oak: {{recipients: [{NEW}]}}}}"), base)
    assert [(k.holder.name, k.holder.added, k.added) for k in moved.who(NEW)] == [("oak", False, True)]


def test_roles_aliases_emails_and_offline_count_for_nothing_until_trusted() -> None:
    base = inventory(f"people: {{ada: {{recipients: [{OLD}]}}}}")
    change = inventory(
        f"people: {{ada: {{recipients: [{OLD}], roles: [admin], aliases: [root], emails: [a@b.c], "
        "offline: true}}"
    )
    found = trusting(change, base)
    (ada,) = found.people
    assert (ada.roles, ada.aliases, ada.emails, ada.offline) == (frozenset(), (), (), False)
    assert [r.offline for r in ada.recipients] == [False]
    assert sorted({what for what, _ in said(found)}) == ["alias", "email", "offline", "role"]
    trusted = trusting(change, change)
    assert trusted.people == change.people


def test_who_left_does_not_come_back_by_its_own_word() -> None:
    base = inventory(f"former: {{bob: {{left: 2026-01-01, recipients: [{OLD}]}}}}")
    found = trusting(inventory(f"people: {{bob: {{recipients: [{OLD}]}}}}"), base)
    assert [(k.holder.name, k.added) for k in found.who(OLD)] == [("bob", True)]


def test_the_word_of_an_admin_makes_an_addition_count() -> None:
    change = inventory(f"hosts: {{elm: {{recipients: [{NEW}]}}}}\n")
    found = trusting(change, inventory(""), lambda a: a.name == "elm" and a.where.path == "inventory.yaml")
    assert found.additions == ()
    assert [k.added for k in found.who(NEW)] == [False]


def context(change: dict[str, str], base: dict[str, str]) -> Context:
    side = Snapshot.of(base)
    return Context(Snapshot.of(change), tuple, trust=Trust(Policy(), "base", "0" * 40, side))


def test_a_host_key_that_the_change_swaps_proves_an_addition() -> None:
    from sopsguard.inventory import reader

    one, other = throwaway.openssh_public("root@oak"), throwaway.openssh_public("root@oak")
    path = "hosts/oak/ssh_host_ed25519_key.pub"
    ctx = context({path: other}, {path: one})
    assert [(k.holder.name, k.how.value, k.added) for k in ctx.inventory.who(reader(other))] == [
        ("oak", "proved", True)
    ]
    assert ctx.trusted.read(path).decode() == one
    assert [(a.what, a.name) for a in ctx.inventory.additions] == [("recipient", "oak"), ("host-key", "oak")]


def test_without_a_trusted_side_the_judged_one_is_believed() -> None:
    ctx = Context(Snapshot.of({"inventory.yaml": "hosts: {oak: {}}"}), tuple)
    assert [(h.name, h.added) for h in ctx.inventory.hosts] == [("oak", False)]
    assert ctx.trusted is ctx.snapshot


def test_a_broken_inventory_is_told_with_its_place() -> None:
    with pytest.raises(UserError) as e:
        _ = Context(Snapshot.of({"inventory.yaml": "hosts: [\n"}), tuple).inventory
    assert e.value.message.startswith("inventory.yaml:")


def test_a_broken_inventory_of_the_old_or_trusted_side_can_be_mended() -> None:
    ctx = context({"inventory.yaml": "hosts: {oak: {}}"}, {"inventory.yaml": "hosts: ["})
    assert [(h.name, h.added) for h in ctx.inventory.hosts] == [("oak", True)]


def test_the_policy_says_where_the_inventory_lies() -> None:
    files = {"infra/inventory.yaml": "hosts: {oak: {}}", "inventory.yaml": "all: {hosts: {web: {}}}"}
    ctx = Context(Snapshot.of(files), tuple, policy=Policy(inventory="infra/inventory.yaml"))
    assert [h.name for h in ctx.inventory.hosts] == ["oak"]
    foreign = Context(Snapshot.of(files), tuple).inventory
    assert not foreign.stated
    assert "no section of an inventory of ours" in foreign.unsure[0].reason
    with pytest.raises(UserError, match="is not there"):
        _ = Context(Snapshot.of(files), tuple, policy=Policy(inventory="x.yaml")).inventory


def test_an_outer_policy_is_read_strictly() -> None:
    with pytest.raises(UserError, match=r"^house.yaml:1:"):
        trust(Snapshot.of({}), RULES, outer=Outer(b"levles: {}", "house.yaml"))


def test_a_change_of_the_inventory_alone_is_judged(repo: Repo) -> None:
    commit(repo, inventory_yaml="hosts: {oak: {}}\n")
    repo.git("branch", "-f", "base")
    write(repo, inventory_yaml="hosts: {oak: {recipient: []}}\n")
    said = judged(repo, "--staged")
    assert said.code == 2
    assert "inventory.yaml:1: 'recipient' is not a field of a host" in said.err
