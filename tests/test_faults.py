"""Every fault of `faults.toml`, put into a sound infrastructure, yields exactly its findings.

The table was written from the papers, before the rules. What a fault says beyond its set is a failure as
much as what it leaves out. The infrastructure without a fault yields nothing at error or warning level.
"""

import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from sopsguard import checks, git, hooks
from sopsguard.cli.judging import judge
from sopsguard.judge import Verdict
from sopsguard.model import Family, Finding, Level
from tests.conftest import Peer
from tests.infrastructure.build import Infrastructure, build_advised, build_literal, sops_program
from tests.infrastructure.faults import Expected, Fault, apply, read

HERE = Path(__file__).parent
FAULTS = {fault.name: fault for fault in read(HERE / "faults.toml")}
# Rules that the table speaks of and that do not exist yet. Must end up empty.
AWAITED = frozenset[str]()
RULES = tuple(
    rule
    for rule, family in checks.RULES.items()
    if family in (Family.PLAINTEXT, Family.SCHEMA, Family.RECIPIENTS)
)
Said = tuple[str, str, str | None]
KNOWN: dict[bool, frozenset[Said]] = {}


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
    assert [f for f in verdict.findings if f.level is not Level.INFO] == []
    assert [u for u in verdict.unknown if u.blocking] == []


def test_the_guide_to_the_letter_has_exactly_the_findings_that_are_listed(tmp_path: Path, peer: Peer) -> None:
    place = build_literal(tmp_path / "house", sops_program(peer))
    rows = tomllib.loads((HERE / "infrastructure" / "literal.toml").read_text())["finding"]
    expected = [Expected(**{name: row[name] for name in row if name != "why"}) for row in rows]
    check(judged(place).findings, [e for e in expected if e.rule not in AWAITED], known=())


@pytest.fixture
def known(place: Infrastructure, built: dict[str, Infrastructure]) -> Callable[[bool], frozenset[Said]]:
    """What is said of the sound infrastructure anyway, as information."""

    def of(keyed: bool) -> frozenset[Said]:
        if keyed not in KNOWN:
            KNOWN[keyed] = frozenset(said(f) for f in judged(built["advised"], keyed=keyed).findings)
        return KNOWN[keyed]

    return of


def check(findings: Iterable[Finding], expected: Iterable[Expected], known: Iterable[Said]) -> None:
    """Every expected finding was said, and nothing else."""
    known = frozenset(known)
    fresh = [finding for finding in findings if said(finding) not in known]
    expected = list(expected)
    missing = [e for e in expected if not any(e.fits(finding) for finding in fresh)]
    beyond = [finding for finding in fresh if not any(e.fits(finding) for e in expected)]
    shown = [f"{f.level} {f.rule} {f.location.path} {f.location.key}: {f.message}" for f in beyond]
    assert (missing, shown) == ([], [])


def marked(fault: Fault) -> object:
    awaited = sorted(fault.rules & AWAITED)
    marks = [pytest.mark.xfail(strict=False, reason=f"awaited: {', '.join(awaited)}")] if awaited else []
    return pytest.param(fault, marks=marks, id=fault.name)


@pytest.mark.parametrize("fault", [marked(fault) for fault in FAULTS.values()])
def test_a_fault_yields_exactly_its_findings(
    fault: Fault, place: Infrastructure, known: Callable[[bool], frozenset[Said]], peer: Peer
) -> None:
    if fault.needs_sops:
        peer("sops")
    before = frozenset[Said]() if fault.staged else known(fault.keyed)
    apply(fault.do, place)
    place.repo.git("add", "-A")
    if not fault.staged:
        place.repo.git("commit", "-q", "-m", fault.name)
    check(judged(place, staged=fault.staged, keyed=fault.keyed).findings, fault.expect, before)
