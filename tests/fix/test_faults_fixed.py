"""Faults of `faults.toml` that `sopsguard fix` repairs: with --apply their findings are gone, and nothing
else is said than before."""

from pathlib import Path

import pytest

from sopsguard import fix
from sopsguard.model import Finding, Level
from tests.conftest import Peer
from tests.fix.houses import keyed, run
from tests.infrastructure.build import Infrastructure, build_advised, sops_program
from tests.infrastructure.faults import Fault, apply, read
from tests.test_faults import judged, said

TABLE = read(Path(__file__).parent.parent / "faults.toml")
# What the issue lists, as far as the table has it.
RULES = frozenset(
    (
        *("unencrypted-file", "unencrypted-value", "missing-recipient", "recipient-drift"),
        *("unknown-recipient", "duplicate-recipient", "shared-data-key", "scope-drift", "dead-rule"),
        *("file-without-rule", "incomplete-host", "orphaned-host", "mismatched-pair", "placeholder-value"),
        *("hand-edited-file", "decrypted-leftover"),
    )
)
# What the command does not bring to an end alone, and why.
LEFT = {
    "a value is pasted from another file": "nobody has the key of the pasted value",
    "a value is added in clear by hand": "one repair at a time: encrypting it needs a MAC that holds",
    "a file is decrypted into a copy beside it": "taking it out of the index is a step for people",
    "a WireGuard key is still to be written": "not settled yet",
    "a new age key of a host is stored and never put into .sops.yaml": "who is let in is decided by people",
    "a host has no SSH host key in the safe": "the key is on the host, and only there",
    "a host has no age key in the safe": "not settled yet",
    "a host is taken out of a rule, and updatekeys is forgotten": "the rule locks a configured host out",
    "a host is taken out of a rule, and updatekeys is forgotten, staged": "the same",
    "a file has two key groups where its rule has one": "it takes the identities of both groups",
}
FAULTS = [fault for fault in TABLE if fault.rules and fault.rules <= RULES and fault.name not in LEFT]


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Infrastructure]:
    return {}


@pytest.fixture
def place(
    built: dict[str, Infrastructure], tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, peer: Peer
) -> Infrastructure:
    if "advised" not in built:
        built["advised"] = build_advised(tmp_path_factory.mktemp("advised") / "house", sops_program(peer))
    return built["advised"].copy(tmp_path / "house")


def grave(findings: tuple[Finding, ...], wanted: frozenset[str]) -> set[tuple[str, str, str | None]]:
    return {said(f) for f in findings if f.level is not Level.INFO or f.rule in wanted}


@pytest.mark.slow
@pytest.mark.parametrize("fault", [pytest.param(f, id=f.name) for f in FAULTS])
def test_a_fault_that_can_be_repaired_is_gone_and_nothing_else_is_new(
    fault: Fault, place: Infrastructure, tmp_path: Path, peer: Peer
) -> None:
    if fault.needs_sops:
        peer("sops")
    sound = grave(judged(place, keyed=True).findings, fault.rules)
    apply(fault.do, place)
    place.repo.git("add", "-A")
    place.repo.git("commit", "-q", "-m", fault.name)
    before = judged(place, keyed=True).findings
    fresh = [f for f in before if said(f) not in sound and f.rule in fault.rules]
    mendable = [f for f in fresh if isinstance(f.intent, fix.RESOLVED)]
    if not mendable:
        pytest.skip("no intent: " + ", ".join(sorted({f.rule for f in fresh}) or fault.rules))
    rules = sorted({f.rule for f in mendable})
    done = run(
        place.root,
        keyed(place, tmp_path),
        "fix",
        *rules,
        "--apply",
        "--confirm",
        "access",
        "--confirm",
        "secrets",
    )
    assert "bug of ours" not in done.err
    assert "written: " in done.out, done.out + done.err
    after = grave(judged(place, keyed=True).findings, fault.rules)
    assert not {said(f) for f in mendable} & after, done.out
    assert after - sound - {said(f) for f in before} == set(), done.out
