"""Edges of the rules on structure: schemas by path, words for people, placeholders, pairs, hosts, meshes."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from sopsguard import checks, policy
from sopsguard.checks.schema import (
    duplicate_address,
    forbidden_secret,
    guessable_value,
    impossible_length,
    incomplete_host,
    mesh_fault,
    mismatched_pair,
    orphaned_host,
    placeholder_value,
    schema_violation,
)
from sopsguard.context import Check, Context
from sopsguard.keys import age, ssh, wireguard
from sopsguard.managed import Managed
from sopsguard.model import Finding, UserError
from sopsguard.snapshot import Snapshot
from sopsguard.sops.editor import encrypt
from sopsguard.sops.file import SopsFile, read
from sopsguard.sops.identity import Source, parse
from sopsguard.structure import names, shadow
from tests.gitrepo import Repo
from tests.sopsguard_command import sopsguard
from tests.throwaway import age_identity

IDENTITY, RECIPIENT = age_identity()
ALL = (schema_violation, impossible_length, forbidden_secret, placeholder_value)
GUIDE = "schemas:\n  '**': guide\n"
ONE, OTHER = wireguard.generate(), wireguard.generate()
INVENTORY = f"hosts:\n  tower:\n    recipients: ['{RECIPIENT}']\n  attic: {{aliases: [loft]}}\n"


@cache
def sealed(plain: str, format: str = "yaml") -> str | bytes:
    return encrypt(plain.encode(), format, [[RECIPIENT]], "2026-01-02T03:04:05Z")


def context(
    files: Mapping[str, str | bytes], *, keyed: bool = False, concerned: frozenset[str] | None = None
) -> Context:
    made = Snapshot.of(files)
    settings = policy.read(Managed(made).read(policy.FILE) or b"", checks.RULES)
    identities = parse(IDENTITY.encode(), Source("text", "the test")) if keyed else None
    return Context(made, tuple, policy=settings, identities=identities, concerned=concerned)


def found(check: Check, files: Mapping[str, str | bytes], *, keyed: bool = False) -> list[Finding]:
    return [said for said in check.run(context(files, keyed=keyed)) if isinstance(said, Finding)]


def words(check: Check, files: Mapping[str, str | bytes], *, keyed: bool = False) -> list[str]:
    return [finding.message for finding in found(check, files, keyed=keyed)]


def test_a_key_cut_short_is_told_with_its_size_line_and_column() -> None:
    text = f"a: 1\nwireguard:\n  powerhouse:\n    private_key: {ONE.private[:-1]}\n"
    (said,) = found(impossible_length.CHECK, {"s.yaml": sealed(text)})
    assert said.message == "wireguard.powerhouse.private_key is 43 bytes; a WireGuard key has 44"
    assert (said.location.line, said.location.column) == (4, 9)
    assert said.location.key == "wireguard.powerhouse.private_key"


@pytest.mark.parametrize("keyed", [False, True])
def test_one_cause_has_one_finding_with_and_without_a_key(keyed: bool) -> None:
    tree = {
        ".sopsguard.yaml": GUIDE,
        "short.yaml": sealed(f"wireguard: {{tower: {{private_key: '{ONE.private[:-1]}'}}}}\n"),
        "todo.yaml": sealed("wireguard: {tower: {private_key: changeme}}\n"),
        "number.yaml": sealed("wireguard: {tower: {private_key: 12}}\n"),
        "gpg.yaml": sealed(f"gpg: {{secret_key: '{names.ARMOR} {'x' * 200}'}}\n"),
    }
    said = [(c.CHECK.id, f.location.path) for c in ALL for f in found(c.CHECK, tree, keyed=keyed)]
    assert sorted(said) == [
        ("forbidden-secret", "gpg.yaml"),
        ("impossible-length", "short.yaml"),
        ("placeholder-value", "todo.yaml"),
        ("schema-violation", "number.yaml"),
    ]


def test_what_has_the_right_size_only_a_key_can_tell() -> None:
    tree = {".sopsguard.yaml": GUIDE, "s.yaml": sealed(f"age: {{tower: {{private: '{'x' * 74}'}}}}\n")}
    assert words(schema_violation.CHECK, tree) == []
    assert words(schema_violation.CHECK, tree, keyed=True) == ["age.tower.private is not an age identity"]


def test_a_short_value_is_told_once() -> None:
    tree = {".sopsguard.yaml": GUIDE, "s.yaml": sealed("restic: {password: TODO}\nother: abc\n")}
    assert len(words(placeholder_value.CHECK, tree)) == 1
    assert [f.location.key for f in found(guessable_value.CHECK, tree)] == ["other"]


def test_a_misspelt_key_is_told_with_the_one_that_was_meant() -> None:
    tree = {
        ".sopsguard.yaml": GUIDE,
        "s.yaml": sealed(f"wireguard: {{tower: {{privat_key: '{ONE.private}'}}}}\n"),
    }
    (said,) = found(schema_violation.CHECK, tree)
    assert said.message == "wireguard.tower.privat_key is a key that the schema does not know"
    assert said.hint == "did you mean `private_key`?"


def test_flat_and_per_host_trees_are_told_apart() -> None:
    flat, hosts = f"private_key: '{ONE.private}'", f"tower: {{private_key: '{ONE.private}'}}"
    for inner in (flat, hosts):
        tree = {".sopsguard.yaml": GUIDE, "s.yaml": sealed(f"wireguard: {{{inner}}}\n")}
        assert [m for c in ALL for m in words(c.CHECK, tree)] == []
    mixed = {".sopsguard.yaml": GUIDE, "s.yaml": sealed(f"wireguard: {{{flat}, {hosts}}}\n")}
    assert words(schema_violation.CHECK, mixed) == ["wireguard.tower is a key that the schema does not know"]


def test_a_schema_in_the_repository_holds_what_the_policy_names() -> None:
    schema = (
        '{"properties": {"port": {"type": "integer", "minimum": 1, "maximum": 65535}}, "required": ["port"]}'
    )
    tree = {
        ".sopsguard.yaml": "schemas:\n  free/**: off\n  '**/app.yaml': schemas/app.json\n",
        "schemas/app.json": schema,
        "app.yaml": sealed("port: 123456\n"),
        "deep/app.yaml": sealed("prt: 80\n"),
        "free/app.yaml": sealed("port: no\n"),
        "other.yaml": sealed("port: no\n"),
    }
    assert words(schema_violation.CHECK, tree) == [
        "port must be at least 1 and at most 65535",
        "the file lacks `port`",
    ]


def test_a_binary_file_is_one_text() -> None:
    host = ssh.generate_host_key("ed25519")
    tree = {
        ".sopsguard.yaml": "schemas:\n  '*': key.json\n",
        "key.json": '{"format": "ssh-host-key"}',
        "good": sealed(host.private, "binary"),
        "bad": sealed(host.public, "binary"),
    }
    assert [(f.location.path, f.message) for f in found(impossible_length.CHECK, tree)] == [
        ("bad", f"the file is {len(host.public)} bytes; an SSH host key has at least 118")
    ]


def test_a_schema_that_is_not_there_is_a_mistake_of_the_settings() -> None:
    tree = {".sopsguard.yaml": "schemas:\n  '*': gone.json\n", "s.yaml": sealed("a: b\n")}
    with pytest.raises(UserError, match=r"the schema gone\.json is not in the repository"):
        words(schema_violation.CHECK, tree)


def test_where_the_schema_changes_every_file_is_judged_again() -> None:
    tree = {
        ".sopsguard.yaml": "schemas:\n  '*.yaml': a.json\n",
        "a.json": '{"required": ["b"]}',
        "s.yaml": sealed("a: b\n"),
    }
    for changed, expected in ((frozenset(("a.json",)), 1), (frozenset(("c.txt",)), 0)):
        ctx = context(tree, concerned=changed)
        assert ctx.concerns_sops is bool(expected)
        assert len(list(schema_violation.CHECK.run(ctx))) == expected


def test_the_places_that_need_a_key_are_counted() -> None:
    ctx = context(
        {".sopsguard.yaml": GUIDE, "s.yaml": sealed(f"wireguard: {{private_key: '{ONE.private}'}}\n")}
    )
    assert list(schema_violation.CHECK.run(ctx)) == []
    assert ctx.notes == ["1 value fits its schema as far as it shows without a key"]


def test_an_openpgp_secret_key_is_proved_by_its_text_and_likely_by_its_name() -> None:
    tree: dict[str, str | bytes] = {
        "named.yaml": sealed(f"openpgp: {{ada: {{private_key: '{'x' * 500}'}}}}\n"),
        "text.yaml": sealed(f"note: '{names.ARMOR} and so on'\n"),
        "public.yaml": sealed(f"gpg: {{public_key: '{'x' * 500}'}}\n"),
        "passphrase.yaml": sealed("gpg: {private_key: as-short-as-a-passphrase}\n"),
    }
    assert [f.location.path for f in found(forbidden_secret.CHECK, tree)] == ["named.yaml"]
    assert [f.location.path for f in found(forbidden_secret.CHECK, tree, keyed=True)] == ["text.yaml"]


def test_halves_that_do_not_belong_together() -> None:
    one, other = ssh.generate_host_key("ed25519"), ssh.generate_host_key("ed25519")
    mine, theirs = age.generate_identity(), age.generate_identity()
    indented = "".join(f"      {line}\n" for line in one.private.splitlines())
    wrong = (
        f"wireguard:\n  tower:\n    private_key: {ONE.private}\n    public_key: {OTHER.public}\n"
        f"ssh:\n  tower:\n    host_key: |\n{indented}    host_key_pub: {other.public}\n"
        f"age:\n  tower:\n    private: {mine.secret}\n    public: {theirs.public}\n"
    )
    right = wrong.replace(OTHER.public, ONE.public).replace(other.public, one.public)
    right = right.replace(str(theirs.public), str(mine.public))
    assert words(mismatched_pair.CHECK, {"s.yaml": sealed(wrong)}) == []
    said = found(mismatched_pair.CHECK, {"s.yaml": sealed(wrong)}, keyed=True)
    assert [f.location.key for f in said] == [
        "wireguard.tower.public_key",
        "ssh.tower.host_key_pub",
        "age.tower.public",
    ]
    assert found(mismatched_pair.CHECK, {"s.yaml": sealed(right)}, keyed=True) == []
    assert not any(key in str(said) for key in (ONE.private, mine.secret, OTHER.public))


def test_an_identity_that_nothing_is_encrypted_for_locks_its_host_out() -> None:
    mine = age.generate_identity()
    tree = {"inventory.yaml": INVENTORY, "s.yaml": sealed(f"age: {{tower: {{private: {mine.secret}}}}}\n")}
    assert len(words(mismatched_pair.CHECK, tree, keyed=True)) == 1
    tree["s.yaml"] = sealed(f"age: {{tower: {{private: {IDENTITY}}}}}\n")
    assert words(mismatched_pair.CHECK, tree, keyed=True) == []


@pytest.mark.parametrize(
    "hub", ["{attic: {preshared_key: KEY}}", "{tower: {private_key: OWN, preshared_keys: {attic: KEY}}}"]
)
def test_both_ends_of_a_tunnel_hold_one_key(hub: str) -> None:
    one, other = wireguard.generate_preshared(), wireguard.generate_preshared()
    hub = hub.replace("OWN", ONE.private)
    for kept, expected in ((one, 0), (other, 1)):
        tree = {
            "hosts/attic.yaml": sealed(
                f"wireguard: {{private_key: {OTHER.private}, preshared_key: {one}}}\n"
            ),
            "hosts/tower.yaml": sealed(f"wireguard: {hub.replace('KEY', kept)}\n"),
        }
        assert len(words(mismatched_pair.CHECK, tree, keyed=True)) == expected


def test_a_tree_that_names_no_known_host_is_no_tree_of_hosts() -> None:
    peers = f"wireguard: {{phone: {{private_key: {ONE.private}}}, pad: {{private_key: {OTHER.private}}}}}\n"
    tree = {"inventory.yaml": INVENTORY, "s.yaml": sealed(peers)}
    assert words(orphaned_host.CHECK, tree) == []
    tree["s.yaml"] = sealed(peers.replace("phone", "loft"))  # an alias is a name
    assert [f.location.key for f in found(orphaned_host.CHECK, tree)] == ["wireguard.pad"]


def test_a_host_in_a_file_of_its_own_is_known_by_the_file() -> None:
    one = {"private_key": ONE.private}
    tree = {
        "inventory.yaml": INVENTORY,
        "hosts/tower.yaml": sealed(f"wireguard: {one}\n"),
        "hosts/attic.yaml": sealed(f"wireguard: {one}\n"),
    }
    assert words(incomplete_host.CHECK, tree) == []


def nodes(*lines: str) -> str:
    return "{ networking.mesh.nodes = {\n" + "\n".join(lines) + "\n}; }\n"


def node(name: str, address: str, public: str, more: str = "") -> str:
    return f'{name} = {{ ip = "{address}"; publicKey = "{public}"; {more} }};'


def test_a_network_that_two_peers_route_is_no_address_twice() -> None:
    keys = [wireguard.generate().public for _ in range(3)]
    routed = [node(name, "10.0.0.0/24", key) for name, key in zip("abc", keys, strict=True)]
    assert words(duplicate_address.CHECK, {"m.nix": nodes(*routed)}) == []
    same = [node("a", "10.0.0.1/24", keys[0]), node("b", "10.0.0.1", keys[1])]
    assert words(duplicate_address.CHECK, {"m.nix": nodes(*same)}) == [
        "b has the address 10.0.0.1 of a: one of them is unreachable"
    ]


def test_a_mesh_has_one_hub_and_a_key_for_each_node() -> None:
    keys = [wireguard.generate().public for _ in range(3)]
    plain = [node(name, f"10.0.0.{n}", keys[n]) for n, name in enumerate("abc")]
    hub = node("a", "10.0.0.0", keys[0], "isServer = true;")
    assert words(mesh_fault.CHECK, {"m.nix": nodes(hub, *plain[1:])}) == []
    assert len(words(mesh_fault.CHECK, {"m.nix": nodes(*plain)})) == 1
    twice = node("c", "10.0.0.9", keys[1])
    assert words(mesh_fault.CHECK, {"m.nix": nodes(hub, plain[1], twice)}) == [
        "c has the public key of b: only one of them is ever reached"
    ]


@pytest.mark.shared
def test_names_alone_say_nothing_of_any_real_file(shared: Path) -> None:
    """Without a schema only what is unmistakable may be said."""
    judged = 0
    for path in sorted(shared.rglob("*")):
        file = read(path.read_bytes(), str(path)) if path.is_file() else None
        if isinstance(file, SopsFile):
            judged += 1
            for document in shadow.of_file(file):
                assert list(names.impossible(document)) == [], path
                assert list(names.forbidden(document)) == [], path
    assert judged > 100


@pytest.mark.peer("git")
def test_a_mistake_in_a_schema_ends_the_command_with_its_place(tmp_path: Path) -> None:
    repo = Repo.init(tmp_path)
    repo.commit(
        {
            ".sopsguard.yaml": b"schemas:\n  '*.yaml': schemas/a.json\n",
            "schemas/a.json": b'{\n  "type": "strng"\n}\n',
            "s.yaml": sealed("a: b\n"),
        }
    )
    done = sopsguard(tmp_path, "check", "--all")
    assert done.code == 2
    assert "schemas/a.json:2: `type` is no type" in done.err
