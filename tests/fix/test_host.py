"""`sopsguard fix host`: a new machine gets everything that the others have, and nobody else anything."""

import re
from pathlib import Path

import pytest

from sopsguard.fix.address import next_free
from sopsguard.keys import age, ssh, wireguard
from sopsguard.model import UserError
from sopsguard.sops.editor import encrypt
from tests.conftest import Peer
from tests.fix.houses import applied, contents, keyed, run, values
from tests.gitrepo import Repo
from tests.infrastructure.build import Infrastructure, build_advised, build_literal, sops_program
from tests.throwaway import age_identity, wireguard_key


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Infrastructure]:
    return {}


@pytest.fixture
def advised(
    built: dict[str, Infrastructure], tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, peer: Peer
) -> Infrastructure:
    if "advised" not in built:
        where = tmp_path_factory.mktemp("advised") / "house"
        built["advised"] = build_advised(where, sops_program(peer))
    return built["advised"].copy(tmp_path / "house")


def test_a_new_host_gets_what_the_others_have(advised: Infrastructure, tmp_path: Path) -> None:
    key, ada = keyed(advised, tmp_path), advised.ring.people["ada"].identity
    before = run(advised.root, key, "check", "--decrypt", "--format", "json")
    applied(advised.root, key, "fix", "host", "inductor")
    kept = contents(advised.root, "secrets/admin.yaml", ada)
    own = contents(advised.root, "secrets/hosts/inductor.yaml", ada)
    hub = contents(advised.root, "secrets/hosts/capacitor.yaml", ada)
    host_key = ssh.private_key(kept["ssh.inductor.host_key"])
    assert isinstance(host_key, ssh.PrivateKey)
    assert host_key.public is not None
    identity = age.from_ssh_private(host_key)
    assert isinstance(identity, age.Identity)
    assert kept["age.inductor.public"] == identity.public
    assert identity.secret in kept["age.inductor.private"]
    committed = (advised.root / "hosts/inductor/ssh_host_ed25519_key.pub").read_text()
    assert committed == f"{host_key.public.line} root@inductor\n"
    private = wireguard.key(own["wireguard.inductor.private_key"])
    assert isinstance(private, wireguard.Key)
    assert own["wireguard.inductor.public_key"] == private.public
    assert hub["wireguard.inductor.preshared_key"] == own["wireguard.inductor.preshared_key"]
    # Exactly its own file and the shared one are open to it.
    readable = [
        str(path.relative_to(advised.root))
        for path in sorted((advised.root / "secrets").rglob("*.yaml"))
        if values(advised.root, str(path.relative_to(advised.root)), identity.secret) is not None
    ]
    assert readable == ["secrets/hosts/inductor.yaml", "secrets/shared.yaml"]
    inventory = (advised.root / "inventory.yaml").read_text()
    assert "wireguard: {address: 10.0.0.5}" in inventory
    assert "# printed, in the safe" in inventory
    after = run(advised.root, key, "check", "--decrypt", "--format", "json")
    fresh = {r for r in after.rules() if r not in before.rules()}
    assert fresh <= {"unused-secret"}  # the hub's configuration does not use the new tunnel yet
    assert run(advised.root, key, "fix", "host", "inductor").out == "nothing to repair\n"


def test_other_lines_of_the_configuration_stay(advised: Infrastructure, tmp_path: Path) -> None:
    old = (advised.root / ".sops.yaml").read_text().splitlines()
    applied(advised.root, keyed(advised, tmp_path), "fix", "host", "inductor")
    new = (advised.root / ".sops.yaml").read_text().splitlines()
    rest = iter(new)
    assert all(line in rest for line in old)
    assert [line for line in new if "inductor" in line] == [
        next(line for line in new if line.startswith("  - &host_inductor age1")),
        r"  - path_regex: ^secrets/hosts/inductor\.yaml$",
        "          - *host_inductor",
        "          - *host_inductor",
    ]


def test_a_hub_gets_the_preshared_keys_of_the_spokes(advised: Infrastructure, tmp_path: Path) -> None:
    key, ada = keyed(advised, tmp_path), advised.ring.people["ada"].identity
    applied(advised.root, key, "fix", "host", "inductor", "--hub", "--rsa")
    own = contents(advised.root, "secrets/hosts/inductor.yaml", ada)
    kept = contents(advised.root, "secrets/admin.yaml", ada)
    spokes = {name: host.preshared for name, host in advised.ring.hosts.items() if not host.is_hub}
    assert {n: own[f"wireguard.{n}.preshared_key"] for n in spokes} == spokes
    assert "wireguard.inductor.preshared_key" not in own
    rsa = ssh.private_key(kept["ssh.inductor.rsa_host_key"])
    assert isinstance(rsa, ssh.PrivateKey)
    assert rsa.public is not None
    assert kept["ssh.inductor.rsa_host_key_pub"].startswith(rsa.public.line)


def test_in_the_one_file_of_the_guide_a_host_gets_its_subtrees(tmp_path: Path, peer: Peer) -> None:
    place = build_literal(tmp_path / "house", sops_program(peer))
    key, ada = keyed(place, tmp_path), place.ring.people["ada"].identity
    old = contents(place.root, "secrets/secrets.yaml", ada)
    applied(place.root, key, "fix", "host", "inductor")
    new = contents(place.root, "secrets/secrets.yaml", ada)
    assert new.keys() - old.keys() == {
        *(f"wireguard.inductor.{name}" for name in ("private_key", "public_key", "preshared_key")),
        *(f"ssh.inductor.{name}" for name in ("host_key", "host_key_pub")),
        *(f"age.inductor.{name}" for name in ("private", "public")),
    }
    assert {name: new[name] for name in old} == old
    assert values(place.root, "secrets/secrets.yaml", new["age.inductor.private"]) == new
    assert run(place.root, key, "fix", "host", "inductor").out == "nothing to repair\n"


def test_without_an_identity_nothing_is_written(advised: Infrastructure) -> None:
    said = run(advised.root, None, "fix", "host", "inductor", "--apply", "--confirm", "access")
    assert said.code == 1
    assert "no age identity is at hand" in said.out
    assert advised.repo.git("status", "--porcelain") == ""


def test_a_name_that_is_none_and_one_who_left_are_refused(advised: Infrastructure, tmp_path: Path) -> None:
    key = keyed(advised, tmp_path)
    assert run(advised.root, key, "fix", "host", "a/b").code == 2
    said = run(advised.root, key, "fix", "host", "inverter")
    assert (said.code, "left on 2026-03-02" in said.err) == (2, True)


def test_what_is_shown_are_public_halves_and_steps(advised: Infrastructure, tmp_path: Path) -> None:
    said = run(advised.root, keyed(advised, tmp_path), "fix", "host", "inductor")
    assert 'publicKey = "' in said.out
    assert "nixos-anywhere --extra-files" in said.out
    assert not re.search(r"PRIVATE KEY|AGE-SECRET", said.out + said.err)


@pytest.mark.parametrize(
    ("used", "hub", "free"),
    [
        ((), False, "10.0.0.2"),
        ((), True, "10.0.0.1"),
        (("10.0.0.1/24", "10.0.0.2"), False, "10.0.0.3"),
        (("10.7.0.1", "10.7.0.3"), False, "10.7.0.2"),
        (("192.168.1.129/25",), False, "192.168.1.130"),
        (("fd00::1/64",), False, "fd00::2"),
        (("no address",), False, "10.0.0.2"),
    ],
)
def test_the_next_free_address(used: tuple[str, ...], hub: bool, free: str) -> None:
    assert next_free(used, hub) == free


def test_a_full_network_is_told() -> None:
    with pytest.raises(UserError, match="no address is free"):
        next_free(("10.0.0.1/30", "10.0.0.2/30"), hub=False)


def test_what_is_only_missing_is_made_when_its_rule_is_named(tmp_path: Path) -> None:
    """And without the name it says which one to give."""
    identity, recipient = age_identity()
    house = Repo.init(tmp_path / "house")
    text = "age:\n  cellar:\n    private: " + age_identity()[0] + "\nwireguard:\n"
    text += "".join(f"  {name}:\n    private_key: {wireguard_key()}\n" for name in ("tower", "attic"))
    people = f"people: {{ada: {{recipients: [{recipient}]}}}}\n"
    house.write("inventory.yaml", "hosts:\n  tower: {}\n  attic: {}\n  cellar: {}\n" + people)
    house.write(".sops.yaml", f"creation_rules:\n  - age: {recipient}\n")
    sealed = encrypt(text.encode(), "yaml", [[recipient]], "2026-01-02T03:04:05Z")
    house.write("secrets.yaml", sealed.decode())
    house.add()
    house.git("commit", "-q", "-m", "begin")
    key = tmp_path / "ada.txt"
    key.write_text(f"{identity}\n")
    bare = run(house.root, key, "fix")
    nothing, more = bare.out.splitlines()
    assert nothing == "nothing to repair"
    assert "made anew only when you name the rule: sopsguard fix incomplete-host" in more
    applied(house.root, key, "fix", "incomplete-host")
    new = contents(house.root, "secrets.yaml", identity)
    made = wireguard.key(new["wireguard.cellar.private_key"])
    assert isinstance(made, wireguard.Key)
    assert new["wireguard.cellar.public_key"] == made.public
