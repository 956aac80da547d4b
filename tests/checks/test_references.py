"""Edges of the rules on references: who can read, what nobody names, keys in circles, meshes, Kubernetes."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sopsguard.checks.schema import (
    dangling_reference,
    host_key_circle,
    mismatched_public_key,
    unreadable_reference,
    unused_secret,
)
from sopsguard.context import Check, Context
from sopsguard.keys import age, ssh, wireguard
from sopsguard.managed import Managed
from sopsguard.model import Finding, Level, Unknown
from sopsguard.snapshot import Snapshot
from sopsguard.sops.editor import encrypt
from sopsguard.sops.identity import Source, parse
from sopsguard.sops.rules import Scope
from tests.gitrepo import Repo
from tests.sopsguard_command import sopsguard
from tests.throwaway import age_identity

KEYS = {name: age_identity() for name in ("alice", "web", "db", "nobody")}
FLAKE = """{ outputs = { nixpkgs, ... }: { nixosConfigurations = {
  web = nixpkgs.lib.nixosSystem { modules = [ ./web.nix ]; };
  db = nixpkgs.lib.nixosSystem { modules = [ ./db.nix ]; };
}; }; }"""
INVENTORY = "hosts:\n" + "".join(
    f"  {name}:\n    recipients: ['{KEYS[name][1]}']\n" for name in ("web", "db")
)
INVENTORY += f"people:\n  alice:\n    recipients: ['{KEYS['alice'][1]}']\n"
Files = dict[str, str | bytes]
READS = "{ sops.secrets.a.sopsFile = ./s.yaml; }"


@cache
def sealed(plain: str, *to: str, format: str = "yaml") -> bytes:
    return encrypt(plain.encode(), format, [[KEYS[name][1] for name in to]], "2026-01-02T03:04:05Z")


def said(check: Check, files: Mapping[str, str | bytes], *, keyed: bool = False) -> list[Finding | Unknown]:
    """What the check says of a tree with a flake and an inventory of two hosts."""
    made = Snapshot.of({"flake.nix": FLAKE, "inventory.yaml": INVENTORY, ".sops.yaml": "{}\n", **files})
    identities = parse(KEYS["alice"][0].encode(), Source("text", "the test")) if keyed else None
    return list(check.run(Context(made, tuple, identities=identities)))


def words(check: Check, files: Mapping[str, str | bytes], *, keyed: bool = False) -> list[str]:
    return [
        f"{s.location.path}: {s.message}" if isinstance(s, Finding) else f"? {s.location.path}: {s.reason}"
        for s in said(check, files, keyed=keyed)
    ]


# --- who can read --------------------------------------------------------------------------------------


def test_a_host_that_is_no_recipient_would_fail() -> None:
    files: Files = {"web.nix": READS, "s.yaml": sealed("a: x\n", "alice", "db")}
    assert words(unreadable_reference.CHECK, files) == [
        "web.nix: web reads secrets from s.yaml and is not a recipient of it; "
        "web would fail at activation and lose all its secrets"
    ]


def test_each_host_and_file_is_told_once() -> None:
    more = "{ sops.secrets.a.sopsFile = ./s.yaml; sops.secrets.b.sopsFile = ./s.yaml; }"
    files: Files = {"web.nix": more, "db.nix": more, "s.yaml": sealed("a: x\nb: y\n", "alice")}
    found = said(unreadable_reference.CHECK, files)
    assert [s.identity for s in found if isinstance(s, Finding)] == ["db s.yaml", "web s.yaml"]


READABLE: list[tuple[str, Files, list[str]]] = [
    ("a recipient", {"web.nix": READS, "s.yaml": sealed("a: x\n", "web")}, []),
    ("a module of nobody", {"m.nix": READS, "s.yaml": sealed("a: x\n", "db")}, []),
    (
        "an unknown recipient may be the host's",
        {"web.nix": READS, "s.yaml": sealed("a: x\n", "alice", "nobody")},
        ["s.yaml has recipients of whom nobody is known, one of which may be web's"],
    ),
    (
        "a condition",
        {"web.nix": "{ imports = [ ./m.nix ]; }", "m.nix": f"{{ config = lib.mkIf c {READS}; }}",
         "s.yaml": sealed("a: x\n", "db")},
        ["a host that cannot open the file takes this in only under a condition"],
    ),
    (
        "a host without a key",
        {"web.nix": READS, "s.yaml": sealed("a: x\n", "db"), "inventory.yaml": "hosts: {web: {}}\n"},
        ["no recipient of web is known"],
    ),
    (
        "a user's own key",
        {"web.nix": "{ home-manager.users.bob = ./m.nix; imports = [ ]; }", "m.nix": READS,
         "s.yaml": sealed("a: x\n", "alice")},
        [],
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("files", "reasons"), [row[1:] for row in READABLE], ids=[row[0] for row in READABLE]
)
def test_what_is_not_certain_is_no_finding(files: Files, reasons: list[str]) -> None:
    found = said(unreadable_reference.CHECK, files)
    assert [type(s) for s in found] == [Unknown] * len(reasons)
    for unknown, reason in zip(found, reasons, strict=True):
        assert isinstance(unknown, Unknown)
        assert reason in unknown.reason


# --- what nobody names ---------------------------------------------------------------------------------


def test_values_that_nothing_names_are_told() -> None:
    files: Files = {
        "web.nix": READS,
        "s.yaml": sealed("a: x\nold:\n  b: y\n  list: [p, q]\npublic_key: z\n", "web"),
    }
    found = said(unused_secret.CHECK, files)
    assert [s.location.key for s in found] == ["old.b", "old.list"]


@pytest.mark.parametrize(
    "more",
    [
        "{ sops.secrets.${x}.sopsFile = ./s.yaml; }",
        "{ sops.secrets = f x; }",
        "{ sops = ; }",
        '{ sops.secrets.whole = { sopsFile = ./s.yaml; key = ""; }; }',
        "{ sops.secrets.misspelt.sopsFile = ./s.yaml; }",
    ],
)
def test_what_may_be_named_is_not_called_unused(more: str) -> None:
    assert (
        said(unused_secret.CHECK, {"web.nix": READS, "m.nix": more, "s.yaml": sealed("a: x\nb: y\n", "web")})
        == []
    )


def test_very_many_unused_values_are_counted() -> None:
    plain = "a: x\n" + "".join(f"b{n}: y\n" for n in range(50))
    found = words(unused_secret.CHECK, {"web.nix": READS, "s.yaml": sealed(plain, "web")})
    assert len(found) == 20
    assert found[-1].endswith("and 30 more values of this file")


# --- uses that nobody declares -------------------------------------------------------------------------

USES = [
    ("config.sops.secrets.passwort.path", [Finding]),
    ("config.sops.placeholder.passwort", [Finding]),
    ("config.sops.secrets.password.path", []),
    ("config.sops.secrets.passwort.path or null", []),
    ("config.sops.secrets ? passwort", []),
    ("if config.sops.secrets ? passwort then config.sops.secrets.passwort.path else 1", []),
    ("config.sops.secrets.elsewhere.path", [Unknown]),
    ("config.sops.secrets.${n}.path", []),
    ("options.sops.secrets.passwort", []),
]


@pytest.mark.parametrize(("use", "kinds"), USES)
def test_a_use_of_what_nobody_declares(use: str, kinds: list[type]) -> None:
    source = f"{{ config, ... }}: {{ sops.secrets.password.sopsFile = ./s.yaml; x = {use}; }}"
    found = said(dangling_reference.CHECK, {"web.nix": source, "s.yaml": sealed("password: x\n", "web")})
    assert [type(s) for s in found] == kinds


@pytest.mark.parametrize(
    "declared", ["{ sops.secrets = f x; }", '{ sops.secrets."pass${x}".sopsFile = ./s.yaml; }']
)
def test_a_name_that_may_be_declared_is_no_slip(declared: str) -> None:
    source = (
        "{ config, ... }: { sops.secrets.password.sopsFile = ./s.yaml; x = config.sops.secrets.passwort; }"
    )
    files: Files = {"web.nix": source, "m.nix": declared, "s.yaml": sealed("password: x\n", "web")}
    assert [s for s in said(dangling_reference.CHECK, files) if isinstance(s, Finding)] == []


# --- circles -------------------------------------------------------------------------------------------


def test_an_opened_key_of_the_file_itself_is_a_circle_whatever_its_name() -> None:
    made = ssh.generate_host_key("ed25519")
    recipient = age.from_ssh_public(made.public)
    assert isinstance(recipient, str)
    indented = "".join(f"  {line}\n" for line in made.private.splitlines())
    data = encrypt(
        f"x: |\n{indented}y: {age_identity()[0]}\n".encode(),
        "yaml", [[KEYS["alice"][1], recipient]], "2026-01-02T03:04:05Z",
    )  # fmt: skip
    assert said(host_key_circle.CHECK, {"s.yaml": data}) == []
    (found,) = said(host_key_circle.CHECK, {"s.yaml": data}, keyed=True)
    assert isinstance(found, Finding)
    assert (found.location.key, made.private in repr(found)) == ("x", False)


@pytest.mark.parametrize(
    ("module", "count"),
    [
        ("{ sops.age.sshKeyPaths = [ config.sops.secrets.a.path ]; sops.secrets.a.sopsFile = ./s.yaml; }", 1),
        ('{ sops.age.keyFile = "/run/secrets/a"; sops.secrets.a.sopsFile = ./s.yaml; }', 1),
        ("{ services.openssh.hostKeys = [ { path = config.sops.secrets.a.path; } ];\n"
         "  sops.secrets.a.sopsFile = ./s.yaml; }", 1),
        ("{ services.openssh.hostKeys = [ { path = config.sops.secrets.a.path; } ];\n"
         '  sops.age.keyFile = "/var/k"; sops.secrets.a.sopsFile = ./s.yaml; }', 0),
        ("{ services.openssh.x.hostKeyPub = config.sops.secrets.a.path;\n"
         "  sops.secrets.a.sopsFile = ./s.yaml; }", 0),
        ('{ sops.age.keyFile = "/var/k"; sops.secrets.a.sopsFile = ./s.yaml; }', 0),
    ],
)  # fmt: skip
def test_a_host_key_that_nix_takes_from_the_file_is_a_circle(module: str, count: int) -> None:
    found = said(host_key_circle.CHECK, {"web.nix": module, "s.yaml": sealed("a: x\n", "web")})
    assert len(found) == count


# --- the mesh ------------------------------------------------------------------------------------------

ONE, OTHER = wireguard.generate(), wireguard.generate()


def node(public: str, address: str = "10.0.0.2", name: str = "web") -> str:
    return f'{{ networking.mesh.nodes.{name} = {{ ip = "{address}"; publicKey = "{public}"; }}; }}'


MESHES = [
    ([node(ONE.public), node(ONE.public)], 0),
    ([node(ONE.public), node(OTHER.public)], 1),
    ([node(ONE.public), node(OTHER.public, "10.9.9.9")], 0),
    ([node(ONE.public), node(OTHER.public, name="db")], 0),
    ([node(ONE.public), node("WEB_PUBLIC_KEY")], 0),
    ([node(ONE.public), f"# {node(OTHER.public)}\n{{ }}"], 0),
    ([node(ONE.public), f"{{ x = ''{node(OTHER.public)}''; }}"], 0),
    ([node(OTHER.public), node(ONE.public), node(ONE.public)], 1),
]


@pytest.mark.parametrize(("modules", "count"), MESHES)
def test_places_that_state_another_key_for_a_node(modules: list[str], count: int) -> None:
    files = {f"m{n}.nix": source for n, source in enumerate(modules)}
    found = said(mismatched_public_key.CHECK, files)
    assert len(found) == count


def test_the_private_key_says_which_place_is_wrong() -> None:
    files: Files = {
        "m.nix": node(OTHER.public),
        "n.nix": node(ONE.public),
        "s.yaml": sealed(f"wireguard:\n  web:\n    private_key: {ONE.private}\n", "alice"),
    }
    (found,) = said(mismatched_public_key.CHECK, files, keyed=True)
    assert isinstance(found, Finding)
    assert found.location.path == "m.nix"
    assert "is not that of the private key in s.yaml" in found.message
    assert ONE.private not in repr(found)


# --- Kubernetes ----------------------------------------------------------------------------------------

SECRET = encrypt(
    b"kind: Secret\nmetadata: {name: s}\nstringData: {A: x}\n", "yaml", [[KEYS["alice"][1]]],
    "2026-01-02T03:04:05Z", Scope(encrypted_regex="^(data|stringData)$"),
)  # fmt: skip
POD = "kind: Pod\nmetadata: {name: p}\nspec:\n  env: [{valueFrom: {secretKeyRef: {name: s, key: #}}}]\n"
POD_B = POD.replace("#", "B")
K = "kustomization.yaml"
FLUX = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nsecretGenerator: [{envs: [g]}]\n"
BOTH = "resources: [pod.yaml, secret.yaml]\n"
TREES: list[tuple[Files, list[str]]] = [
    ({K: "secretGenerator: [{name: g, envs: [g.env]}]\n"}, ["g.env"]),
    ({K: "secretGenerator: [{name: g, files: [x=g.key, here]}]\n", "here": ""}, ["g.key"]),
    ({K: "secretGenerator: [{name: g, envs: [g.env]}]\n", "g.enc.env": "x"}, []),
    ({K: "secretGenerator: [{name: g, envs: [g.env]}]\n", ".gitignore": "*.env\n"}, []),
    ({K: "secretGenerator: [{name: g, envs: ['${X}.env', 'https://x/y']}]\n"}, []),
    ({K: FLUX}, []),
    ({K: BOTH, "pod.yaml": POD.replace("#", "A"), "secret.yaml": SECRET}, []),
    ({K: BOTH, "pod.yaml": POD_B, "secret.yaml": SECRET}, ["no B"]),
    ({K: BOTH + "patches: []\n", "pod.yaml": POD_B, "secret.yaml": SECRET}, []),
    ({K: BOTH, "pod.yaml": POD.replace("#", "B, optional: true"), "secret.yaml": SECRET}, []),
    ({K: BOTH, "pod.yaml": POD_B.replace("name: s", "name: t"),
      "secret.yaml": SECRET}, []),
    ({K: "resources: [pod.yaml]\n", "pod.yaml": POD_B, "secret.yaml": SECRET}, []),
    ({K: BOTH, "pod.yaml": POD_B.replace("{name: p}", "{name: p, namespace: n}"),
      "secret.yaml": SECRET}, []),
    ({K: BOTH, "secret.yaml": SECRET,
      "pod.yaml": "kind: Pod\nspec:\n  imagePullSecrets: [{name: s}]\n"}, ["no .dockerconfigjson"]),
    ({K: BOTH, "secret.yaml": SECRET,
      "pod.yaml": "kind: Pod\nspec:\n  volumes: [{secret: {secretName: s, items: [{key: C, path: c}]}}]\n"},
     ["no C"]),
    ({K: BOTH, "secret.yaml": SECRET,
      "pod.yaml": "kind: Pod\nspec:\n  containers: [{envFrom: [{secretRef: {name: z}}]}]\n"}, []),
    ({"a/kustomization.yaml": "resources: [../b, pod.yaml]\n",
      "b/kustomization.yaml": "resources: [../a, secret.yaml]\n", "a/pod.yaml": POD_B,
      "b/secret.yaml": SECRET}, ["no B"]),
]  # fmt: skip


@pytest.mark.parametrize(("files", "expected"), TREES)
def test_manifests_that_need_what_is_not_there(files: Files, expected: list[str]) -> None:
    found = words(dangling_reference.CHECK, files)
    assert len(found) == len(expected)
    assert all(part in message for message, part in zip(found, expected, strict=True))


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_damaged_manifests_never_raise(data: st.DataObject) -> None:
    files = dict(data.draw(st.sampled_from([files for files, _ in TREES])))
    for path, text in files.items():
        raw = text if isinstance(text, bytes) else text.encode()
        cut = data.draw(st.integers(0, len(raw)))
        files[path] = raw[:cut] + data.draw(st.binary(max_size=3)) + raw[cut + data.draw(st.integers(0, 3)) :]
    for found in said(dangling_reference.CHECK, files):
        assert isinstance(found, Finding | Unknown)


# --- what is new ---------------------------------------------------------------------------------------


def test_the_same_fault_has_the_same_words_on_both_sides() -> None:
    """Also where something else of the file changes that the advice depends on."""
    base: Files = {"flake.nix": FLAKE, "inventory.yaml": INVENTORY, ".sops.yaml": "{}\n"}
    source = "{ sops.secrets.passwort.sopsFile = ./s.yaml; }"
    old: Files = {**base, "web.nix": source, "s.yaml": sealed("password: x\n", "web")}
    new: Files = {**base, "web.nix": "\n\n" + source, "s.yaml": sealed("password: x\npasswor: y\n", "web")}
    before = Managed(Snapshot.of(old), frozenset(new))
    ctx = Context(Snapshot.of(new), tuple, concerned=frozenset(new), before=before)
    (now,), (then,) = (list(dangling_reference.CHECK.run(side)) for side in (ctx, ctx.past))
    assert isinstance(now, Finding)
    assert isinstance(then, Finding)
    assert (now.message, now.identity, now.location.key) == (then.message, then.identity, then.location.key)


def test_the_hook_blocks_a_reference_that_a_commit_breaks_and_no_older_one(tmp_path: Path) -> None:
    repo = Repo.init(tmp_path)
    config = f"creation_rules:\n  - path_regex: ^s\\.yaml$\n    age: '{KEYS['alice'][1]}'\n"
    source = "{ sops.secrets.a.sopsFile = ./s.yaml; sops.secrets.older.sopsFile = ./s.yaml; }\n"
    repo.commit({".sops.yaml": config, "m.nix": source, "s.yaml": sealed("a: x\n", "alice")})
    (tmp_path / "m.nix").write_text("# moved\n" + source)
    repo.git("add", ".")
    assert sopsguard(tmp_path, "hook").code == 0
    (tmp_path / "m.nix").write_text(source.replace("secrets.a.", "secrets.b."))
    repo.git("add", ".")
    hook = sopsguard(tmp_path, "hook")
    assert hook.code == 1
    assert 'sops.secrets."b" is not in s.yaml' in hook.out
    assert "sops.secrets.older" not in hook.out
    assert "1 older not shown" in hook.out


def test_an_unused_module_is_a_warning_even_where_a_use_slips() -> None:
    source = (
        "{ config, ... }: { sops.secrets.password.sopsFile = ../s.yaml; x = config.sops.secrets.passwort; }"
    )
    files: Files = {"archive/m.nix": source, "s.yaml": sealed("password: x\n", "web")}
    (found,) = said(dangling_reference.CHECK, files)
    assert isinstance(found, Finding)
    assert found.level is Level.WARNING
