"""Faults of `faults.toml` that `sopsguard fix` repairs: with --apply their findings are gone, nothing else
is said than before, and nothing else is changed."""

import difflib
from pathlib import Path

import pytest

from sopsguard.keys import wireguard
from sopsguard.model import Finding, Level
from sopsguard.sops.editor import Set, edit
from sopsguard.sops.file import SopsFile
from sopsguard.sops.file import read as read_sops
from sopsguard.sops.identity import Source, parse
from sopsguard.sops.opening import Opened, Reason, open_file
from tests.conftest import Peer
from tests.fix.houses import applied, contents, keyed, run
from tests.infrastructure.build import Infrastructure, build_advised, sops_program
from tests.infrastructure.faults import Fault, apply, read
from tests.sopsguard_command import Said
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
    "a file is decrypted into a copy beside it": "taking it out of the index is a step for people",
    "an editor leaves the decrypted text behind, staged": "the same",
    "a new age key of a host is stored and never put into .sops.yaml": "who is let in is decided by people",
    "a host has no SSH host key in the safe": "the key is on the host, and only there",
    "a host is taken out of a rule, and updatekeys is forgotten": "the rule locks a configured host out",
    "a host is taken out of a rule, and updatekeys is forgotten, staged": "the same",
    "a file has two key groups where its rule has one": "it takes the identities of both groups",
    "a file lacks the offline key that the policy demands": "whose key is added is decided by people",
    "a recipient stands twice in a flat list": "no intent yet: both entries would go with the recipient",
    "one key goes by two names": "which of the names is right is known by people",
    "an SSH key stands beside the age key made of it": "which of the forms stays is decided by people",
    "the sample of sops is left in a file": "a real value may have been written over one of the samples",
    "the sample of sops is left in a file, staged": "the same",
    "a selection that RE2 does not know is put into a rule": "what it was to select is known by people",
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


def tree(place: Infrastructure) -> dict[str, bytes]:
    """All files of the work tree."""
    found = (path for path in place.root.rglob("*") if path.is_file() and ".git" not in path.parts)
    return {str(path.relative_to(place.root)): path.read_bytes() for path in found}


def written(said: Said) -> list[str]:
    """What the command says that it wrote."""
    line = next(line for line in said.out.splitlines() if line.startswith("written: "))
    return line.removeprefix("written: ").split(", ")


def only_what_was_told(path: str, old: bytes, new: bytes, said: Said, identity: str) -> list[str]:
    """What differs in a file beyond what the plan told: lines of a text, values and ciphertexts of a SOPS
    file."""
    before, after = read_sops(old, path), read_sops(new, path)
    if not isinstance(before, SopsFile) or not isinstance(after, SopsFile):
        if isinstance(after, SopsFile):
            return []  # it stood in clear
        told = {line.strip()[1:] for line in said.out.splitlines() if line.strip()[:1] in ("+", "-")}
        lines = difflib.ndiff(old.decode().splitlines(), new.decode().splitlines())
        return [line for line in lines if line[0] in "+-" and line[2:].rstrip() not in told]
    keys = parse(identity.encode(), Source("text", "the test"))
    was, now = open_file(before, keys), open_file(after, keys)
    assert isinstance(now, Opened), path
    if not isinstance(was, Opened):
        assert was.reason is not Reason.NO_KEY, path
        clear = {leaf.path for leaf in before.leaves if leaf.envelope is None}
        cipher = {leaf.path: leaf.text for leaf in after.leaves}
        return [
            leaf.key
            for leaf in before.leaves
            if not leaf.is_comment and leaf.path not in clear and cipher.get(leaf.path) != leaf.text
        ]
    strange = []
    values = {leaf.path: leaf.value for leaf in now.leaves if not leaf.comment}
    for leaf in was.leaves:
        key = ".".join(map(str, leaf.path))
        parts = [".".join(map(str, leaf.path[: n + 1])) for n in range(len(leaf.path))]
        named = any(part in said.out for part in parts[1:] or parts)
        if not leaf.comment and not named and values.get(leaf.path) != leaf.value:
            strange.append(f"value {key}")
    if was.data_key == now.data_key:
        texts = {leaf.path: leaf.text for leaf in after.leaves if leaf.envelope is not None}
        for one in before.leaves:
            same = one.path in values and values[one.path] == {x.path: x.value for x in was.leaves}[one.path]
            if one.envelope is not None and same and texts.get(one.path, one.text) != one.text:
                strange.append(f"ciphertext {one.key}")
    return strange


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
    before, files = judged(place, keyed=True).findings, tree(place)
    fresh = [f for f in before if said(f) not in sound and f.rule in fault.rules]
    mendable = [f for f in fresh if f.intent is not None]
    assert mendable, "no intent: it belongs into LEFT, with a reason"
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
    now = tree(place)
    place.repo.git("add", "-A")  # what the index has of before is judged, too
    after = grave(judged(place, keyed=True).findings, fault.rules)
    assert not {said(f) for f in mendable} & after, done.out
    assert after - sound - {said(f) for f in before} == set(), done.out
    assert sound - after == set(), "what was there before the fault stays"
    assert {path for path in files | now if files.get(path) != now.get(path)} == set(written(done))
    for path in written(done):
        if path in files and path in now:
            identity = place.ring.people["ada"].identity
            assert not only_what_was_told(path, files[path], now[path], done, identity), done.out


@pytest.mark.parametrize(
    ("name", "rule", "step", "command"),
    [
        (
            "a host has no SSH host key in the safe",
            "incomplete-host",
            "store the SSH host key of battery",
            "sops set --value-stdin secrets/admin.yaml",
        ),
        (
            "a new age key of a host is stored and never put into .sops.yaml",
            "mismatched-pair",
            "decide about the age identity of powerhouse",
            "sopsguard fix rotate powerhouse",
        ),
    ],
)
def test_what_only_people_can_do_is_a_step(
    place: Infrastructure, tmp_path: Path, peer: Peer, name: str, rule: str, step: str, command: str
) -> None:
    fault = next(fault for fault in TABLE if fault.name == name)
    if fault.needs_sops:
        peer("sops")
    apply(fault.do, place)
    place.repo.git("add", "-A")
    place.repo.git("commit", "-q", "-m", name)
    done = run(place.root, keyed(place, tmp_path), "fix", rule, "--apply")
    assert step in done.out, done.out + done.err
    assert command in done.out, done.out
    assert "nothing to write" in done.out, done.out
    assert place.repo.git("status", "--porcelain") == ""


def test_both_halves_are_new_in_the_place_of_a_placeholder(place: Infrastructure, tmp_path: Path) -> None:
    """And the public one wherever the old one was stated."""
    path, ada = "secrets/hosts/battery.yaml", place.ring.people["ada"].identity
    old = place.ring.hosts["battery"].wireguard.public
    nix = {p for p, data in tree(place).items() if old.encode() in data}
    changes = [Set(("wireguard", "battery", "private_key"), "changeme")]
    keys = parse(ada.encode(), Source("text", "the test"))
    data = edit((place.root / path).read_bytes(), path, changes, keys, "2026-11-24T01:02:03Z")
    (place.root / path).write_bytes(data)
    place.repo.git("add", "-A")
    place.repo.git("commit", "-q", "-m", "a placeholder")
    applied(place.root, keyed(place, tmp_path), "fix", "placeholder-value")
    new = contents(place.root, path, ada)
    made = wireguard.key(new["wireguard.battery.private_key"])
    assert isinstance(made, wireguard.Key)
    assert new["wireguard.battery.public_key"] == made.public
    assert nix
    assert all(str(made.public) in (place.root / p).read_text() for p in nix)
    assert not any(old.encode() in data for data in tree(place).values())
