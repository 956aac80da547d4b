"""Every fault of `faults.toml`, put into a sound infrastructure, yields exactly its findings.

The table was written from the papers, before the rules. What a fault says beyond its set is a failure as
much as what it leaves out. The infrastructure without a fault yields nothing at error or warning level.
"""

import tomllib
from collections import Counter
from collections.abc import Container, Iterable
from pathlib import Path

import pytest

from sopsguard import checks, git, hooks
from sopsguard.cli.judging import judge
from sopsguard.judge import Verdict
from sopsguard.model import Family, Finding, Level
from tests.conftest import Peer
from tests.infrastructure.build import Infrastructure, build_advised, build_literal, sops_program
from tests.infrastructure.faults import Expected, Fault, apply, read
from tests.sopsguard_command import sopsguard

HERE = Path(__file__).parent
FAULTS = {fault.name: fault for fault in read(HERE / "faults.toml")}
FAMILIES = (Family.PLAINTEXT, Family.SCHEMA, Family.RECIPIENTS)
RULES = tuple(rule for rule, family in checks.RULES.items() if family in FAMILIES)
Said = tuple[str, str, str | None]
# What is said of the sound infrastructure, as information: a list is kept that no host reads.
SOUND = frozenset[Said]({("unused-secret", "secrets/shared.yaml", "api.mirrors")})
# The command as users run it starts a process of its own; one fault in so many is enough of that.
SAMPLE = 12


def said(finding: Finding) -> Said:
    return finding.rule, finding.location.path, finding.location.key


def judged(place: Infrastructure, *, staged: bool = False, keyed: bool = False) -> Verdict:
    """What the hook says of the index, or `check --all` of everything, by the way the commands go."""
    repo = git.discover(str(place.root))
    target = hooks.staged(repo) if staged else hooks.everything(repo)
    identities = place.writer.identities if keyed else None
    verdict, *_ = judge(target, RULES, only_new=staged, identities=identities)
    return verdict


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Infrastructure]:
    return {}


@pytest.fixture
def place(
    built: dict[str, Infrastructure], tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, peer: Peer
) -> Infrastructure:
    """The advised infrastructure, a copy of one's own."""
    if "advised" not in built:  # here, where the environment is clean, and not in a fixture of the session
        built["advised"] = build_advised(tmp_path_factory.mktemp("advised") / "house", sops_program(peer))
    return built["advised"].copy(tmp_path / "house")


@pytest.mark.parametrize("keyed", [False, True], ids=["keyless", "keyed"])
@pytest.mark.parametrize("staged", [False, True], ids=["whole", "staged"])
def test_the_advised_infrastructure_is_found_sound(place: Infrastructure, keyed: bool, staged: bool) -> None:
    if staged:  # everything at once, as on the first day
        place.repo.git("update-ref", "-d", "HEAD")
    verdict = judged(place, staged=staged, keyed=keyed)
    assert {said(f) for f in verdict.findings} == SOUND
    assert {f.level for f in verdict.findings} == {Level.INFO}
    assert verdict.unknown == ()


@pytest.mark.parametrize("keyed", [False, True], ids=["keyless", "keyed"])
def test_the_guide_to_the_letter_has_exactly_the_findings_that_are_listed(
    tmp_path: Path, peer: Peer, keyed: bool
) -> None:
    place = build_literal(tmp_path / "house", sops_program(peer))
    rows = tomllib.loads((HERE / "infrastructure" / "literal.toml").read_text())["finding"]
    expected = [Expected(**{name: row[name] for name in row if name != "why"}) for row in rows]
    assert all(row["why"] for row in rows)
    check(judged(place, keyed=keyed).findings, expected)


def check(findings: Iterable[Finding], expected: Iterable[Expected], known: Container[Said] = ()) -> None:
    """Every expected finding was said, and nothing else but what is known."""
    fresh = [finding for finding in findings if said(finding) not in known]
    expected = list(expected)
    missing = [e for e in expected if not any(e.fits(finding) for finding in fresh)]
    beyond = [finding for finding in fresh if not any(e.fits(finding) for e in expected)]
    shown = [f"{f.level} {f.rule} {f.location.path} {f.location.key}: {f.message}" for f in beyond]
    assert (missing, shown) == ([], [])


def damaged(fault: Fault, place: Infrastructure, peer: Peer) -> None:
    """Make the fault, and stage or commit it."""
    if fault.needs_sops:
        peer("sops")
    apply(fault.do, place)
    place.repo.git("add", "-A")
    if not fault.staged:
        place.repo.git("commit", "-q", "-m", fault.name)


@pytest.mark.parametrize("fault", [pytest.param(fault, id=fault.name) for fault in FAULTS.values()])
def test_a_fault_yields_exactly_its_findings(fault: Fault, place: Infrastructure, peer: Peer) -> None:
    damaged(fault, place, peer)
    verdict = judged(place, staged=fault.staged, keyed=fault.keyed)
    check(verdict.findings, fault.expect, () if fault.staged else SOUND)


@pytest.mark.parametrize(
    "fault", [pytest.param(fault, id=fault.name) for fault in list(FAULTS.values())[::SAMPLE]]
)
def test_the_command_says_the_same(fault: Fault, place: Infrastructure, peer: Peer, tmp_path: Path) -> None:
    damaged(fault, place, peer)
    identity = tmp_path / "keys.txt"
    identity.write_text(f"{place.writer.identity}\n")
    what = ["check", "--staged" if fault.staged else "--all", "--only", ",".join(map(str, FAMILIES))]
    keyed = ["--decrypt", "--identity", str(identity)] if fault.keyed else []
    answer = sopsguard(place.root, *what, *keyed, "--format", "json")
    told = {(f["rule"], f["path"], f["level"], f.get("key")) for f in answer.json()["findings"]}
    expected = {(e.rule, e.path, e.level, e.key) for e in fault.expect}
    anyway = set() if fault.staged else {(rule, path, "info", key) for rule, path, key in SOUND}
    assert told - anyway == expected
    assert answer.code == any(e.level == "error" for e in fault.expect)


def test_the_table_tries_every_rule_at_least_twice() -> None:
    tried = Counter(rule for fault in FAULTS.values() for rule in fault.rules)
    assert [rule for rule in RULES if tried[rule] < 2] == []
    assert set(tried) <= set(RULES)


def test_the_table_is_as_long_as_it_was_meant_to_be() -> None:
    parts = Counter(fault.part for fault in FAULTS.values())
    assert len(FAULTS) == len(read(HERE / "faults.toml")), "two faults have one name"
    assert parts[3] >= 60
    assert parts[4] >= 45
    assert {fault.by for fault in FAULTS.values()} == {"sops", "hand", "merge", "nix", "config", "inventory"}
