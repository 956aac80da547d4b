"""The tree tells who there is: four name spaces of hosts, proof from public keys, names that only name."""

import json
import random
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sopsguard.inventory import How, Inventory, Kind, Source, derived, evidence, naming, reader, stated
from sopsguard.keys import age
from sopsguard.sops.config import parse
from tests import throwaway


def facts(files: Mapping[str, str | bytes], more: Iterable[str] = ()) -> evidence.Facts:
    def read(paths: Iterable[str]) -> Iterator[tuple[str, bytes | None]]:
        for path in paths:
            text = files.get(path, b"")
            yield path, text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text

    paths = sorted({*files, *more})
    names = [p for p in paths if p.rpartition("/")[2] == ".sops.yaml"]
    configs = {p: parse(data, p) for p, data in read(names) if data is not None}
    return evidence.gather(paths, read, configs)


def derive(files: Mapping[str, str | bytes], more: Iterable[str] = ()) -> Inventory:
    return derived.derive(facts(files, more))


def sops(*anchors: str) -> str:
    return "keys:\n" + "".join(f"  - {a}\n" for a in anchors) + "creation_rules: []\n"


def recipient() -> str:
    return throwaway.age_identity()[1]


def host_key(comment: str = "root@nixos") -> tuple[str, str]:
    """A line of a `.pub` file, and the recipient made of it."""
    line = throwaway.openssh_public(comment)
    converted = age.from_ssh_public(line)
    assert isinstance(converted, str)
    return line, converted


def existing(inventory: Inventory) -> list[str]:
    return sorted(h.name for h in inventory.hosts if h.exists)


def known(inventory: Inventory, key: str) -> list[tuple[str, str]]:
    return [(k.holder.name, k.how.value) for k in inventory.who(key)]


CONFIGURATION = "{ ... }: { }\n"


def flake(*hosts: str) -> str:
    """A flake with these configurations (`name=path` or `name`)."""
    made = []
    for host in hosts:
        name, _, path = host.partition("=")
        modules = f"[ ./{path} ]" if path else "[ ]"
        made.append(f"    {name} = nixpkgs.lib.nixosSystem {{ modules = {modules}; }};\n")
    return "{ outputs = { self, nixpkgs }: {\n  nixosConfigurations = {\n" + "".join(made) + "  };\n}; }\n"


# --- names that only name --------------------------------------------------------------------------------


def test_an_anchor_names_and_proves_nothing() -> None:
    key = recipient()
    found = derive({".sops.yaml": sops(f"&host_oak {key}")})
    assert known(found, key) == [("oak", "named")]
    (oak,) = found.hosts
    assert not oak.exists
    assert oak.where.line == 2


@pytest.mark.parametrize(
    ("anchor", "kind", "name"),
    [
        ("host_oak", Kind.HOST, "oak"),
        ("server_oak", Kind.HOST, "oak"),
        ("user_ada", Kind.PERSON, "ada"),
        ("admin_ada", Kind.PERSON, "ada"),
        ("cluster_web", Kind.SERVICE, "web"),
        ("device_tab", Kind.UNKNOWN, "tab"),
        ("server-1", Kind.UNKNOWN, "server-1"),
        ("self", Kind.PERSON, "self"),
        ("oak", Kind.UNKNOWN, "oak"),
        ("oak_old", Kind.UNKNOWN, "oak_old"),
    ],
)
def test_a_prefix_says_what_is_meant(anchor: str, kind: Kind, name: str) -> None:
    (holder,) = derive({".sops.yaml": sops(f"&{anchor} {recipient()}")})
    assert (holder.kind, holder.name) == (kind, name)


@pytest.mark.parametrize(
    "text",
    [
        "keys:\n  # Users\n  - &ada {a}\n  # the hosts\n  - &oak {b}\n",
        "keys:\n  users:\n    - &ada {a}\n  hosts:\n    - &oak {b}\n",
        "keys:\n  users:\n    ada: {a}\n  machines:\n    oak: {b}\n",
        "keys:\n  - &admins\n    - &ada {a}\n  - &servers\n    - &oak {b}\n",
    ],
)
def test_a_section_says_what_is_in_it(text: str) -> None:
    one, other = recipient(), recipient()
    found = derive({".sops.yaml": text.replace("{a}", one).replace("{b}", other)})
    assert [(h.name, h.kind) for h in found] == [("oak", Kind.HOST), ("ada", Kind.PERSON)]
    assert [known(found, k) for k in (one, other)] == [[("ada", "named")], [("oak", "named")]]


def test_a_user_of_the_name_of_a_host_is_not_the_host() -> None:
    one, other = recipient(), recipient()
    found = derive(
        {".sops.yaml": sops(f"&user_oak {one}", f"&oak {other}"), "flake.nix": flake("oak")},
    )
    assert [(k.holder.kind, k.holder.exists) for k in found.who(one)] == [(Kind.PERSON, False)]
    # `oak` may be either: neither is said to hold it
    assert [(k.holder.kind, k.holder.exists) for k in found.who(other)] == [(Kind.UNKNOWN, False)]
    assert "may be a host and a person" in " ".join(found.unknown[0].notes)


def test_several_keys_of_one_holder_belong_to_it() -> None:
    keys = [recipient() for _ in range(3)]
    text = sops(f"&ada {keys[0]}", f"&user_ada_yubikey {keys[1]}", f"&user_ada {keys[2]}")
    found = derive({".sops.yaml": text})
    assert {holder.name for key in keys for holder in found.holders(key)} == {"ada"}


def test_a_look_alike_is_another_and_is_told() -> None:
    key = recipient()
    text = f"keys:\n  hosts:\n    p\u043ewerhouse: {key}\n"
    found = derive({"flake.nix": flake("powerhouse"), ".sops.yaml": text})
    ((name, how),) = known(found, key)
    assert (name, how) == ("p\u043ewerhouse", "named")
    assert "looks like powerhouse" in " ".join(found.who(key)[0].holder.notes)
    assert found.host("powerhouse") is found.hosts[0]
    assert found.hosts[0].recipients == ()


def test_a_comment_counts_where_nothing_else_names() -> None:
    one, other = recipient(), recipient()
    text = f"creation_rules:\n  - age: >-\n      {one}\n  - key_groups:\n    - age:\n      - {other}  # oak\n"
    found = derive({".sops.yaml": text, "flake.nix": flake("oak")})
    assert known(found, one) == []
    assert known(found, other) == [("oak", "named")]


# --- the four name spaces --------------------------------------------------------------------------------


def test_attribute_folder_host_name_and_anchor_of_one_host_are_brought_together() -> None:
    key = recipient()
    found = derive(
        {
            "flake.nix": flake("ph=hosts/desk/default.nix", "oak=hosts/oak"),
            "hosts/desk/default.nix": '{ networking.hostName = "powerhouse"; }\n',
            "hosts/oak/default.nix": CONFIGURATION,
            ".sops.yaml": sops(f"&host_powerhouse {key}"),
        }
    )
    ((holder, how),) = [(k.holder, k.how) for k in found.who(key)]
    assert (holder.name, set(holder.aliases), how) == (
        "ph",
        {"desk", "powerhouse", "host_powerhouse"},
        How.NAMED,
    )
    assert [s.source for s in holder.said] == [
        Source.FLAKE,
        Source.DIRECTORY,
        Source.HOST_NAME,
        Source.ANCHOR,
    ]
    (note,) = holder.notes
    assert "ph: the flake's configuration nixosConfigurations.ph (flake.nix:3)" in note
    assert "desk: the folder hosts/desk" in note
    assert "powerhouse: networking.hostName is powerhouse (hosts/desk/default.nix:1)" in note
    assert existing(found) == ["oak", "ph"]


def test_a_host_name_that_several_have_names_nobody() -> None:
    key = recipient()
    hosts = {f"hosts/{n}/default.nix": '{ networking.hostName = "nixos"; }\n' for n in ("a", "b", "c")}
    found = derive(
        {
            "flake.nix": flake("a=hosts/a", "b=hosts/b", "c=hosts/c"),
            ".sops.yaml": sops(f"&nixos {key}"),
            **hosts,
        }
    )
    assert known(found, key) == [("nixos", "named")]
    assert not found.who(key)[0].holder.exists
    assert all("nixos names nobody" in " ".join(h.notes) for h in found.hosts)


def test_a_folder_that_the_flake_does_not_use_is_no_host() -> None:
    key = recipient()
    found = derive(
        {
            "flake.nix": flake("oak=hosts/oak"),
            "hosts/oak/default.nix": CONFIGURATION,
            "hosts/elm/default.nix": CONFIGURATION,
            ".sops.yaml": sops(f"&host_elm {key}"),
        }
    )
    assert existing(found) == ["oak"]
    (elm,) = found.holders(key)
    assert not elm.exists
    assert "the folder hosts/elm is there, but no configuration of the flake uses it" in elm.notes


TRAPS = ("common", "templates", "default", "shared", "modules", "_off", ".git", "profiles", "lib")


def test_without_a_flake_folders_are_hosts_and_traps_are_none() -> None:
    files = [f"hosts/{name}/default.nix" for name in (*TRAPS, "oak", "iso")]
    found = derive({}, [*files, "hosts/default.nix", "hosts/README.md", "hosts/empty/notes.txt"])
    assert existing(found) == ["iso", "oak"]
    assert [h.name for h in found.hosts if h.image] == ["iso"]


@pytest.mark.parametrize("top", ["hosts", "machines", "nixos/hosts", "modules/hosts", "systems"])
def test_hosts_are_found_where_people_keep_them(top: str) -> None:
    assert existing(derive({}, [f"{top}/oak/configuration.nix", f"{top}/elm/default.nix"])) == ["elm", "oak"]


def test_folders_of_tests_and_examples_hold_no_hosts() -> None:
    assert existing(derive({}, ["tests/hosts/oak/default.nix", "examples/hosts/elm/default.nix"])) == []


def test_a_folder_in_a_group_goes_by_the_name_that_is_used() -> None:
    one, other = recipient(), recipient()
    files = ["hosts/agent/prod/configuration.nix", "hosts/build/prod/configuration.nix"]
    files += ["hosts/nixos/oak/configuration.nix", "hosts/agent/dev/configuration.nix"]
    found = derive({".sops.yaml": sops(f"&agent-prod {one}", f"&build-prod {other}")}, files)
    assert existing(found) == ["agent-prod", "build-prod", "oak"]
    assert [known(found, k) for k in (one, other)] == [[("agent-prod", "named")], [("build-prod", "named")]]
    assert [u.location.path for u in found.unsure] == ["hosts/agent/dev"]


def test_computed_names_are_said_to_be_unknown() -> None:
    text = "{ outputs = { ... }: { nixosConfigurations = builtins.mapAttrs f (fetch ./x.json); }; }\n"
    found = derive({"flake.nix": text, "hosts/oak/default.nix": CONFIGURATION})
    assert any("computed" in u.reason for u in found.unsure)
    assert existing(found) == ["oak"]


def test_hosts_read_from_a_folder_are_the_folder_s() -> None:
    text = (
        "{ outputs = { nixpkgs, ... }: { nixosConfigurations = nixpkgs.lib.genAttrs\n"
        "  (builtins.attrNames (builtins.readDir ./hosts)) (name: f name); }; }\n"
    )
    found = derive({"flake.nix": text}, ["hosts/oak/x.nix", "hosts/elm/x.nix", "hosts/common/x.nix"])
    assert existing(found) == ["elm", "oak"]


def test_home_configurations_are_people() -> None:
    text = '{ outputs = { ... }: { homeConfigurations."ada@oak" = f { }; }; }\n'
    found = derive({"flake.nix": text})
    assert [(h.name, h.kind, h.exists) for h in found] == [("ada", Kind.PERSON, True)]


def test_a_repository_of_one_machine_is_that_machine() -> None:
    found = derive({"configuration.nix": '{ networking.hostName = "oak"; }\n'})
    assert existing(found) == ["oak"]


# --- proof -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "secrets/oak/ssh_host_ed25519_key.pub",
        "hosts/oak/ssh_host_ed25519_key.pub",
        "hosts/oak/etc/ssh/ssh_host_ed25519_key.pub",
        "hosts/oak/secrets/ssh_host_ed25519_key.pub",
        "keys/oak_ssh_host_ed25519_key.pub",
        "keys/ssh_host_ed25519_key_oak.pub",
        "keys/hosts/oak.pub",
        "hosts/oak/host.pub",
        "hosts/oak/oak.pub",
    ],
)
def test_a_host_key_in_the_tree_proves_the_recipient(path: str) -> None:
    line, key = host_key("root@somewhere")
    found = derive({path: f"{line}\n", ".sops.yaml": sops(f"&host_oak {key}")})
    assert known(found, key) == [("oak", "proved"), ("oak", "named")]
    assert known(found, line) == known(found, key)
    assert existing(found) == ["oak"]
    assert [k.line for k in found.hosts[0].host_keys] == [" ".join(line.split()[:2])]


@pytest.mark.parametrize(
    ("path", "comment"),
    [
        ("hosts/oak/initrd/ssh_host_ed25519_key.pub", "root@oak"),
        ("hosts/oak/initrd_ssh_host_ed25519_key.pub", "root@oak"),
        ("hosts/oak/boot/ssh_host_ed25519_key.pub", "root@oak"),
        ("hosts/oak/id_ed25519.pub", "root@oak"),
        ("hosts/oak/ada.pub", "ada@oak"),
        ("hosts/oak/oak.pub", "ada@oak"),
        ("keys/hosts/oak.pub", "ada@laptop"),
        ("keys/hosts/oak.pub", "root@oak-initrd"),
        ("keys/oak.pub", "ada@oak"),
        ("secrets/ssh_host_ed25519_key.pub", "root@oak"),
        ("ssh_host_ed25519_key.pub", "root@oak"),
        ("hosts/common/ssh_host_ed25519_key.pub", "root@oak"),
    ],
)
def test_keys_of_users_and_of_the_initrd_prove_no_host(path: str, comment: str) -> None:
    line, key = host_key(comment)
    found = derive({path: line, "flake.nix": flake("oak"), ".sops.yaml": sops(f"&oak {key}")})
    assert known(found, key) == [("oak", "named")]


def test_a_key_filed_under_a_person_proves_the_person() -> None:
    line, key = host_key("ada@laptop")
    found = derive({"users/ada/id_ed25519.pub": line, ".sops.yaml": sops(f"&user_ada {key}")})
    assert known(found, key) == [("ada", "proved"), ("ada", "named")]
    assert found.people[0].exists


def test_a_swapped_anchor_is_contradicted_by_the_proof() -> None:
    (line, key), (_, other) = host_key(), host_key()
    text = sops(f"&host_elm {key}", f"&host_oak {other}")
    found = derive(
        {"hosts/oak/ssh_host_ed25519_key.pub": line, "flake.nix": flake("oak", "elm"), ".sops.yaml": text}
    )
    assert known(found, key) == [("oak", "proved"), ("elm", "named")]


def test_known_hosts_prove_only_hosts_that_exist() -> None:
    lines = {n: host_key("") for n in ("oak", "forge", "initrd", "port", "both")}
    text = (
        f"oak,10.0.0.1 {lines['oak'][0]}\n"
        f"github.com {lines['forge'][0]}\n"
        f"[oak]:2222 {lines['port'][0]}\n"
        f"oak-initrd {lines['initrd'][0]}\n"
        f"@cert-authority * {lines['both'][0]}\n"
        f"elm.example.org {lines['both'][0]}\n"
        "|1|abc=|def= ssh-ed25519 broken\n"
    )
    found = derive({"modules/known_hosts": text, "flake.nix": flake("oak", "elm")})
    assert known(found, lines["oak"][1]) == [("oak", "proved")]
    assert known(found, lines["both"][1]) == [("elm", "proved")]
    assert [known(found, lines[n][1]) for n in ("forge", "port", "initrd")] == [[], [], []]
    assert existing(found) == ["elm", "oak"]


def test_host_keys_in_nix_prove_hosts_and_keys_of_users_do_not() -> None:
    keys = {n: host_key("") for n in ("machine", "known", "ada", "git", "boot", "user", "plain", "laptop")}
    text = (
        "{ config, ... }: {\n"
        + "".join(
            f"  {path} = {value};\n"
            for path, value in {
                "machines.oak.publicKey": f'"{keys["machine"][0]}"',
                "programs.ssh.knownHosts.elm.publicKey": f'"{keys["known"][0]}"',
                "users.users.oak.openssh.authorizedKeys.keys": f'[ "{keys["ada"][0]}" ]',
                "programs.git.signing.oak.publicKey": f'"{keys["git"][0]}"',
                "boot.initrd.network.ssh.oak.hostKey": f'"{keys["boot"][0]}"',
                "users.oak.publicKey": f'"{keys["user"][0]}"',
                "sshKeys.oak": f'"{keys["plain"][0]}"',
                "hosts.oak.sshKey": f'"{keys["laptop"][0]} ada@oak"',
            }.items()
        )
        + "}\n"
    )
    found = derive({"keys.nix": text, "flake.nix": flake("elm")})
    assert known(found, keys["machine"][1]) == [("oak", "proved")]
    assert known(found, keys["known"][1]) == [("elm", "proved")]
    for name in ("ada", "git", "boot", "user", "plain", "laptop"):
        assert known(found, keys[name][1]) == [], name
    assert existing(found) == ["elm", "oak"]


def test_an_inventory_in_nix_is_read_as_one() -> None:
    keys = {n: host_key("root@x") for n in ("oak", "elm")}
    text = (
        "{\n"
        + "".join(f'  {n} = {{ ip = "10.0.0.1"; publicKey = "{k[0]}"; }};\n' for n, k in keys.items())
        + "}\n"
    )
    found = derive({"hosts/machines.nix": text})
    assert {n: known(found, k[1]) for n, k in keys.items()} == {n: [(n, "proved")] for n in keys}


def test_wireguard_facts_come_with_the_host() -> None:
    key = throwaway.wireguard_public()
    text = (
        "{ networking.wireguard-mesh.nodes.oak = {\n"
        f'  ip = "10.0.0.1"; publicKey = "{key}"; isServer = true; }}; }}\n'
    )
    found = derive({"flake.nix": flake("oak"), "mesh.nix": text})
    mesh = found.hosts[0].wireguard
    assert mesh is not None
    assert (mesh.address, mesh.public_key, mesh.server) == ("10.0.0.1", key, True)


# --- beside an inventory.yaml ----------------------------------------------------------------------------


def completed(text: str, files: Mapping[str, str]) -> Inventory:
    return derived.completed(stated.read(text.encode()), derive(files))


def test_an_inventory_is_proved_and_named_by_the_tree() -> None:
    line, key = host_key()
    found = completed(
        f"hosts:\n  oak:\n    recipients: [{key}]\n",
        {"hosts/oak/ssh_host_ed25519_key.pub": line, ".sops.yaml": sops(f"&host_oak {key}")},
    )
    assert known(found, key) == [("oak", "proved"), ("oak", "inventory"), ("oak", "named")]
    assert found.hosts[0].stated
    assert found.undeclared == found.unknown == ()


def test_hosts_that_the_inventory_does_not_list_are_told_apart() -> None:
    line, key = host_key()
    files = {"flake.nix": flake("oak", "elm"), "hosts/elm/ssh_host_ed25519_key.pub": line}
    found = completed("hosts: {oak: {}}", {**files, ".sops.yaml": sops(f"&host_ash {recipient()}")})
    assert [h.name for h in found.hosts] == ["oak"]
    assert [h.name for h in found.undeclared] == ["elm"]
    assert [h.name for h in found.unknown] == ["ash"]
    assert known(found, key) == [("elm", "proved")]


def test_what_the_inventory_knows_an_anchor_may_call_as_it_likes() -> None:
    key, other = recipient(), recipient()
    text = f"people:\n  ada:\n    recipients: [{key}, {other}]\n"
    found = completed(text, {".sops.yaml": sops(f"&offline_safe {key}", f"&host_oak {other}")})
    assert known(found, key) == [("ada", "inventory"), ("ada", "named")]
    # but one that claims to be a host is not ada
    assert known(found, other) == [("ada", "inventory"), ("oak", "named")]


def test_an_alias_joins_an_anchor_to_the_holder() -> None:
    key = recipient()
    found = completed("hosts: {oak: {aliases: [big-one]}}", {".sops.yaml": sops(f"&host_big_one {key}")})
    assert known(found, key) == [("oak", "named")]


def test_a_former_holder_is_known_as_such() -> None:
    key = recipient()
    found = completed("former: {bob: {left: 2026-01-01}}", {".sops.yaml": sops(f"&user_bob {key}")})
    assert [(k.holder.name, k.former, k.how) for k in found.who(key)] == [("bob", True, How.NAMED)]


# --- hostile trees ---------------------------------------------------------------------------------------

ODD = st.sampled_from(
    (
        "__proto__",
        "--help",
        "oak",
        "OAK",
        "o\u0430k",
        "..",
        "hosts",
        "common",
        "a b",
        "\udcff",
        "x" * 300,
        "\n",
    )
)
PATHS = st.builds(
    "/".join,
    st.lists(st.one_of(ODD, st.text(max_size=8).filter(lambda t: "/" not in t)), min_size=1, max_size=6),
)
FILES = st.sampled_from(
    (
        "default.nix",
        "configuration.nix",
        "flake.nix",
        "ssh_host_ed25519_key.pub",
        "known_hosts",
        ".sops.yaml",
        "x.asc",
    )
)
CONTENTS = st.one_of(
    st.binary(max_size=80),
    st.sampled_from(
        (
            b'{ networking.hostName = "oak"; nixosConfigurations.a = f ./hosts/oak; }',
            b"keys:\n  - &host_oak age1x\n  - &users [ &a b ]\n",
            b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nx\n-----END PGP PUBLIC KEY BLOCK-----\n",
            throwaway.openssh_public("root@oak").encode(),
            b"oak,[oak]:22,|1|x " + throwaway.openssh_public().encode(),
            b'{ hosts.oak = "' + throwaway.openssh_public().encode() + b'"; }',
        )
    ),
)


@given(st.dictionaries(st.builds("{}/{}".format, PATHS, FILES), CONTENTS, max_size=6))
def test_no_tree_makes_it_fail(files: dict[str, bytes]) -> None:
    found = derive(files)
    for holder in found:
        assert holder.name
        assert all(reader(r.text) == r.reader for r in holder.recipients)
        assert holder in found.named(holder.name)
        assert all(s.reason for s in holder.said)


NAMES = st.text("abz019_-", min_size=1, max_size=8).filter(lambda t: t[0].isalpha() and t[-1].isalnum())


@given(
    st.lists(NAMES, unique_by=lambda n: naming.looks_like(n), max_size=6), st.randoms(use_true_random=False)
)
def test_every_anchor_leads_to_its_recipient_and_no_other(names: list[str], order: random.Random) -> None:
    keys = {name: KEYS[number] for number, name in enumerate(names)}
    anchors = [f"&host_{name} {key}" for name, key in keys.items()]
    order.shuffle(anchors)
    found = derive({".sops.yaml": sops(*anchors)})
    for name, key in keys.items():
        # only what says which key it is may be taken off a name, and only where that leads to another
        assert name in {n.removeprefix("host_") for h in found.holders(key) for n in h.names}
    assert {r.reader for h in found for r in h.recipients} == set(keys.values())


KEYS = [throwaway.age_identity()[1] for _ in range(6)]


def test_ten_thousand_hosts_and_files_are_no_burden() -> None:
    import time

    paths = [f"hosts/host{n}/default.nix" for n in range(10_000)]
    began = time.process_time()
    found = derive({}, paths)
    assert len(found.hosts) == 10_000
    assert found.host("host77") is not None
    assert time.process_time() - began < 5


def test_too_many_certificates_and_keys_are_told() -> None:
    found = facts({}, [f"keys/{n}.asc" for n in range(evidence.MAX_CERTIFICATES + 5)])
    assert ["of which" in u.reason for u in found.unsure] == [True]


def test_what_is_too_large_to_read_is_told() -> None:
    line = throwaway.openssh_public()
    large = f"oak {line}\n" * (evidence.MAX_KEY_FILE // len(line))
    found = derive({"known_hosts": large, "flake.nix": flake("oak")})
    assert [(u.location.path, u.reason) for u in found.unsure] == [
        ("known_hosts", "too large for a file of public keys")
    ]


# --- real repositories -----------------------------------------------------------------------------------

REAL = ("NickCao__flakes", "hyperparabolic__nix-config", "tiiuae__ghaf-infra", "truxnell__nix-config")


def real(shared: Path, name: str) -> tuple[dict[str, Any], Inventory]:
    """The truth of a repository, and the inventory derived from its listing without its Nix code."""
    root = shared / "realworld" / name
    listing = [p for p in (root / "_listing.txt").read_text().split("\n") if p]
    files = {p: (root / p).read_bytes() for p in listing if (root / p).is_file()}
    return json.loads((root / "_truth.json").read_text()), derive(files, listing)


@pytest.mark.shared
@pytest.mark.parametrize("name", REAL)
def test_real_hosts_are_found_and_no_other(shared: Path, name: str) -> None:
    truth, found = real(shared, name)
    assert {h.name for h in found.hosts if h.exists and not h.image} <= set(truth["hosts"])
    named = {h.name for h in found}
    anchored = {h for h in truth["hosts"] if h not in (truth["hosts_without_recipient"] or ())}
    assert anchored <= named


@pytest.mark.shared
@pytest.mark.parametrize("name", REAL)
def test_every_real_recipient_has_the_name_of_its_anchor_and_no_other(shared: Path, name: str) -> None:
    _, found = real(shared, name)
    rows = (shared / "realworld" / name / "_recipients.tsv").read_text().splitlines()[1:]
    assert rows
    for row in rows:
        anchor, text = row.split("\t")
        assert {h.name for h in found.holders(text.partition(":")[2])} == {anchor}


@pytest.mark.shared
def test_all_four_hosts_are_proved_and_the_person_by_a_subkey(shared: Path) -> None:
    truth, found = real(shared, "hyperparabolic__nix-config")
    recipients = {r for f in truth["files"] for r in f["recipients"]}
    proved = {
        h.holder.name for r in recipients for h in found.who(r.partition(":")[2]) if h.how is How.PROVED
    }
    assert proved == {"magnolia", "oak", "redbud", "warden", "spencer"}


@pytest.mark.shared
def test_hosts_that_vanished_are_mere_names(shared: Path) -> None:
    truth, found = real(shared, "truxnell__nix-config")
    assert {h.name for h in found if not h.exists} == set(truth["recipients_without_host_or_user"])
