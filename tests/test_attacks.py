"""Attempts to slip a reader in: each is caught by the staged hook, over a range, since a revision.

Caught means: a finding says so in the change that does it, with the file or rule that it concerns; where a
stranger gets in, one that blocks.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from sopsguard import checks, git, hooks
from sopsguard.cli.judging import judge, trust_in
from sopsguard.hooks import Target
from sopsguard.model import Finding, Level
from tests.conftest import Peer
from tests.infrastructure import advised
from tests.infrastructure.build import Infrastructure, build_advised, sops_program
from tests.infrastructure.faults import apply
from tests.sopsguard_command import sopsguard
from tests.throwaway import age_identity

ADMIN, SHARED, MANIFEST = advised.ADMIN, advised.SHARED, advised.MANIFEST
IN_ADMIN = r"(?s)(\^secrets/admin.*?          - \*user_ada\n)"
Step = Mapping[str, Any]


class Attack(NamedTuple):
    """`before`: what was harmless and came earlier. `do`: the change. `told`: rules of which one has to tell,
    `where` at one of these paths. `blocks`: a stranger gets in, so it must not pass."""

    name: str
    do: Sequence[Step]
    told: tuple[str, ...]
    where: tuple[str, ...]
    before: Sequence[Step] = ()
    blocks: bool = True


def sub(path: str, find: str, to: str) -> Step:
    return {"op": "sub", "path": path, "find": find, "with": to}


def updatekeys(path: str) -> Step:
    return {"op": "updatekeys", "path": path}


def anchored(name: str, key: str = "@recipient.mallory@") -> Step:
    return sub(".sops.yaml", "^creation_rules:", f"  - &{name} {key}\ncreation_rules:")


def aliased(name: str) -> Step:
    return sub(".sops.yaml", IN_ADMIN, rf"\1          - *{name}\n")


WIDE = (
    "  - path_regex: ^secrets/.*\\\\.yaml$\n    key_groups:\n      - age:\n"
    "          - *user_ada\n          - *offline_safe\n          - *host_battery\n          - *host_turbine\n"
)
GAINED = ("access-gained",)
ATTACKS = (
    Attack(
        "a recipient is exchanged under a comment that stays",
        (
            sub(".sops.yaml", "(&offline_safe )@recipient.safe@", r"\1@recipient.mallory@"),
            updatekeys(ADMIN),
        ),
        GAINED,
        (".sops.yaml", ADMIN),
    ),
    Attack(
        "an anchor is renamed and another takes its name",
        (
            sub(".sops.yaml", "&host_turbine ", "&host_turbine_old "),
            anchored("host_turbine"),
            updatekeys(SHARED),
        ),
        (*GAINED, "mislabelled-recipient"),
        (".sops.yaml", SHARED),
    ),
    Attack(
        "an anchor vouches for itself",
        (anchored("host_solar"), aliased("host_solar"), updatekeys(ADMIN)),
        GAINED,
        (".sops.yaml", ADMIN),
    ),
    Attack(
        "a key looks like a known one, and its name too",
        (
            anchored("user-ada", "@lookalike@"),
            aliased("user-ada"),
            updatekeys(ADMIN),
        ),
        GAINED,
        (".sops.yaml", ADMIN),
    ),
    Attack(
        "a recipient is added in the metadata of the file alone",
        ({"op": "rewrap", "path": ADMIN, "to": ["ada", "safe", "mallory"]},),
        GAINED,
        (ADMIN,),
    ),
    Attack(
        "a second configuration further down lets somebody in",
        (
            {
                "op": "write",
                "path": "secrets/.sops.yaml",
                "text": "creation_rules:\n  - path_regex: ^admin\\.yaml$\n"
                "    age: @recipient.ada@,@recipient.safe@,@recipient.mallory@\n",
            },
        ),
        (*GAINED, "unknown-recipient"),
        ("secrets/.sops.yaml",),
    ),
    Attack(
        "a second configuration further down lets somebody in, and its updatekeys has run",
        (
            {
                "op": "write",
                "path": "secrets/.sops.yaml",
                "text": "creation_rules:\n  - path_regex: ^admin\\.yaml$\n"
                "    age: @recipient.ada@,@recipient.safe@,@recipient.mallory@\n",
            },
            {"op": "rewrap", "path": ADMIN, "to": ["ada", "safe", "mallory"]},
        ),
        GAINED,
        (ADMIN, "secrets/.sops.yaml"),
    ),
    Attack(
        "a wider rule is put before the one that applied",
        (sub(".sops.yaml", "^creation_rules:\n", f"creation_rules:\n{WIDE}"), updatekeys(ADMIN)),
        GAINED,
        (ADMIN,),
        blocks=False,  # the hosts are known; who reads it now is told
    ),
    Attack(
        "a wider rule is put before the one that applied, and updatekeys is left to others",
        (sub(".sops.yaml", "^creation_rules:\n", f"creation_rules:\n{WIDE}"),),
        GAINED,
        (".sops.yaml", ADMIN),
        blocks=False,
    ),
    Attack(
        "a file is moved under a wider rule",
        (
            {"op": "move", "path": ADMIN, "to": "secrets/common/admin.yaml"},
            updatekeys("secrets/common/admin.yaml"),
        ),
        GAINED,
        ("secrets/common/admin.yaml",),
        before=({"op": "append", "path": ".sops.yaml", "text": WIDE.replace("\\\\", "\\")},),
        blocks=False,
    ),
    Attack(
        "a key group is added, and one group is enough with another",
        (
            sub(
                ".sops.yaml",
                rf"{IN_ADMIN[:-1]}          - \*offline_safe\n)",
                r"\1      - age:\n          - @recipient.mallory@\n",
            ),
            {"op": "regroup", "path": ADMIN, "to": [["ada", "safe"], ["mallory"]]},
        ),
        (*GAINED, "unknown-recipient", "accidental-shamir"),
        (".sops.yaml", ADMIN),
    ),
    Attack(
        "an extra stanza hides behind a label",
        ({"op": "second-stanza", "path": ADMIN, "label": "ada", "hidden": "mallory"},),
        ("mislabelled-recipient",),
        (ADMIN,),
    ),
    Attack(
        "a plugin recipient has a familiar name",
        (anchored("user_ada_yubikey", "@recipient.yubikey@"), aliased("user_ada_yubikey")),
        GAINED,
        (".sops.yaml",),
    ),
    Attack(
        "a plugin recipient has a familiar name, and another key behind it",
        (
            anchored("user_ada_yubikey", "@recipient.yubikey@"),
            aliased("user_ada_yubikey"),
            {"op": "rewrap", "path": ADMIN, "to": ["ada", "safe", "mallory"]},
            sub(ADMIN, "@recipient.mallory@", "@recipient.yubikey@"),
        ),
        (*GAINED, "mislabelled-recipient"),
        (".sops.yaml", ADMIN),
    ),
)


def lookalike(key: str) -> str:
    """A fresh recipient that begins like another."""
    while True:
        _, found = age_identity()
        if found.startswith(key[:6]):
            return found


@pytest.fixture(scope="session")
def built() -> dict[str, Infrastructure]:
    return {}


@pytest.fixture
def place(
    built: dict[str, Infrastructure], tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, peer: Peer
) -> Infrastructure:
    if not built:
        built["advised"] = build_advised(tmp_path_factory.mktemp("attacked") / "house", sops_program(peer))
    return built["advised"].copy(tmp_path / "house")


def prepared(attack: Attack, place: Infrastructure) -> str:
    """Do what comes before and the attack itself; return the revision before it."""
    if attack.before:
        apply(attack.before, place)
        place.repo.git("add", "-A")
        place.repo.git("commit", "-q", "-m", "a harmless change")
    steps = [dict(step) for step in attack.do]
    for step in steps:
        for name, value in step.items():
            if isinstance(value, str) and "@lookalike@" in value:
                step[name] = value.replace("@lookalike@", lookalike(place.ring.recipients["ada"]))
    apply(steps, place)
    place.repo.git("add", "-A")
    return place.repo.git("rev-parse", "HEAD")


def findings(place: Infrastructure, target: Target, trust: str | None = None) -> tuple[Finding, ...]:
    trusted = trust_in(git.discover(str(place.root)), target, trust, None) if trust else None
    verdict, *_ = judge(target, tuple(checks.RULES), only_new=True, trust=trusted)
    return verdict.findings


def assert_caught(attack: Attack, found: Sequence[Finding]) -> None:
    told = [f for f in found if f.rule in attack.told and f.location.path in attack.where]
    shown = [f"{f.level} {f.rule} {f.location.path}: {f.message}" for f in found]
    assert told, shown
    assert not attack.blocks or any(f.level is Level.ERROR for f in told), shown


By = Callable[[Infrastructure, str], Target]
BETWEEN: Mapping[str, By] = {
    "range": lambda place, base: hooks.between(git.discover(str(place.root)), base, "HEAD"),
    "since": lambda place, base: hooks.since(git.discover(str(place.root)), base),
}


@pytest.mark.parametrize("attack", [pytest.param(a, id=a.name) for a in ATTACKS])
def test_the_hook_catches_it(attack: Attack, place: Infrastructure) -> None:
    prepared(attack, place)
    assert_caught(attack, findings(place, hooks.staged(git.discover(str(place.root)))))


@pytest.mark.parametrize("by", BETWEEN)
@pytest.mark.parametrize("attack", [pytest.param(a, id=a.name) for a in ATTACKS])
def test_it_is_caught_between_revisions(attack: Attack, by: str, place: Infrastructure) -> None:
    base = prepared(attack, place)
    place.repo.git("commit", "-q", "-m", "tidy up")
    assert_caught(attack, findings(place, BETWEEN[by](place, base)))


def test_over_several_commits_it_is_caught_as_well(place: Infrastructure) -> None:
    attack = next(a for a in ATTACKS if a.name == "an anchor vouches for itself")
    base = place.repo.git("rev-parse", "HEAD")
    for number, step in enumerate(attack.do):  # each commit alone looks harmless
        apply([step], place)
        place.repo.git("add", "-A")
        place.repo.git("commit", "-q", "-m", f"step {number}")
    assert_caught(attack, findings(place, BETWEEN["range"](place, base)))


def test_who_states_himself_in_the_inventory_is_not_believed_by_the_base(place: Infrastructure) -> None:
    base = place.repo.git("rev-parse", "HEAD")
    steps = (
        sub("inventory.yaml", "^services:", "  mallory:\n    recipients: [@recipient.mallory@]\nservices:"),
        anchored("user_mallory"),
        aliased("user_mallory"),
        updatekeys(ADMIN),
    )
    apply(steps, place)
    place.repo.git("add", "-A")
    place.repo.git("commit", "-q", "-m", "Welcome Mallory")
    attack = Attack("self-made", (), GAINED, (".sops.yaml", ADMIN))
    assert_caught(attack, findings(place, BETWEEN["range"](place, base), trust=base))


def test_the_command_names_who_gets_in(place: Infrastructure) -> None:
    attack = next(a for a in ATTACKS if a.name == "a recipient is exchanged under a comment that stays")
    prepared(attack, place)
    said = sopsguard(place.root, "hook")
    assert (said.code, said.err) == (1, "")
    assert "access-gained" in said.out
    assert "offline_safe" in said.out
