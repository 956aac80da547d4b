"""What references of Nix to secrets mean, form by form: which file, which leaf, for which host."""

import csv
import json
import os
import pwd
import site
import time
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sopsguard.checks.schema import dangling_reference, non_string_reference
from sopsguard.context import Check, Context
from sopsguard.model import Finding, Level, Unknown
from sopsguard.nix.tree import Tree
from sopsguard.references import Failure, Open, References, Target
from sopsguard.references.graph import Graph
from sopsguard.snapshot import SUBMODULE, SYMLINK, Snapshot
from sopsguard.sops.editor import encrypt
from tests.throwaway import age_identity

FORMATS = {".json": "json", ".env": "dotenv", ".ini": "ini", ".yaml": "yaml"}
PLAIN = {
    "secrets/s.yaml": 'a: x\nb:\n  c: y\n  n: 1\nflag: true\nrate: 1.5\nnothing:\nlist: [p, q]\n"1": one\n',
    "secrets/o.yaml": "a: x\nonly: here\n",
    "secrets/j.json": '{"a": "x", "b": {"c": "y", "n": 1}}',
    "secrets/e.env": "A=x\n",
    "secrets/whole": "all of it\n",
    "hosts/web/secrets.yaml": "a: x\nwg: {web: k}\n",
    "hosts/db/secrets.yaml": "a: x\nwg: {db: k}\n",
}


@cache
def sealed(path: str, plain: str) -> bytes:
    """`plain` as a SOPS file; the same for every test, for making one takes time."""
    format = next((f for ending, f in FORMATS.items() if path.endswith(ending)), "binary")
    return encrypt(plain.encode(), format, [[RECIPIENT]], "2026-01-02T03:04:05Z")


RECIPIENT = age_identity()[1]
FLAKE = """{ outputs = { nixpkgs, ... }: { nixosConfigurations = {
  web = nixpkgs.lib.nixosSystem { modules = [ ./hosts/web ]; };
  db = nixpkgs.lib.nixosSystem { modules = [ ./hosts/db ]; };
  web-iso = nixpkgs.lib.nixosSystem { modules = [ ./hosts/iso.nix ]; };
}; }; }"""


def snapshot(files: Mapping[str, str], modes: Mapping[str, int] | None = None) -> Snapshot:
    """The tree with these files, and all of `PLAIN` encrypted."""
    made = {path: sealed(path, plain) for path, plain in PLAIN.items()}
    return Snapshot.of({**made, ".sops.yaml": "creation_rules: []\n", **files}, "given", modes)


def references(files: Mapping[str, str], modes: Mapping[str, int] | None = None) -> References:
    return Context(snapshot(files, modes), tuple).references


def said(files: Mapping[str, str]) -> list[str]:
    """What each reference means, in a line each."""
    lines = []
    for found in references(files).all:
        line = f"{found.name}" if found.host is None else f"{found.host}: {found.name}"
        line += "" if found.certain or found.host is None else " perhaps"
        line += " (home)" if found.home else ""
        outcome = found.outcome
        if isinstance(outcome, Open):
            line += f" ? {outcome.reason}"
        elif isinstance(outcome, Failure):
            line += f" ! {outcome.fault} {outcome.what}".rstrip() + f" in {outcome.target.file}"
        else:
            line += f" = {'.'.join(found.leaf) or '*'} of {outcome.file}"
        lines.append(line)
    return lines


def findings(check: Check, files: Mapping[str, str]) -> list[Finding | Unknown]:
    return list(check.run(Context(snapshot(files), tuple)))


S = "sops.defaultSopsFile = ./secrets/s.yaml;"
FORMS = [
    # where in the file
    (f"{{ {S} sops.secrets.a = {{ }}; }}", ["a = a of secrets/s.yaml"]),
    (f'{{ {S} sops.secrets."b/c" = {{ }}; }}', ["b/c = b.c of secrets/s.yaml"]),
    (f'{{ {S} sops.secrets.x.key = "b/c"; }}', ["x = b.c of secrets/s.yaml"]),
    (f'{{ {S} sops.secrets = {{ x = {{ key = "a"; owner = "o"; }}; a = {{ }}; }}; }}',
     ["x = a of secrets/s.yaml", "a = a of secrets/s.yaml"]),
    (f'{{ {S} sops.secrets.x = {{ key = "a"; name = "other"; path = "/etc/x"; }}; }}',
     ["x = a of secrets/s.yaml"]),
    (f'{{ {S} sops.secrets.a.name = "renamed"; }}', ["a = a of secrets/s.yaml"]),
    (f'{{ {S} sops.secrets."1" = {{ }}; }}', ["1 = 1 of secrets/s.yaml"]),
    (f'{{ {S} sops.secrets.x.key = ""; }}', ["x = * of secrets/s.yaml"]),
    (f'{{ {S} sops.defaultSopsKey = "a"; sops.secrets.x = {{ }}; }}', ["x = a of secrets/s.yaml"]),
    (f'{{ {S} sops.defaultSopsKey = ""; sops.secrets.x = {{ }}; }}', ["x = * of secrets/s.yaml"]),
    # what is not there
    (f"{{ {S} sops.secrets.z = {{ }}; }}", ["z ! missing z in secrets/s.yaml"]),
    (f'{{ {S} sops.secrets."b/z" = {{ }}; }}', ["b/z ! missing b.z in secrets/s.yaml"]),
    (f'{{ {S} sops.secrets."a/z" = {{ }}; }}', ["a/z ! missing a.z in secrets/s.yaml"]),
    (f'{{ {S} sops.secrets."z/y/x" = {{ }}; }}', ["z/y/x ! missing z in secrets/s.yaml"]),
    (f'{{ {S} sops.secrets.x.key = "z"; }}', ["x ! missing z in secrets/s.yaml"]),
    (f'{{ {S} sops.secrets."b.c" = {{ }}; }}', ["b.c ! missing b.c in secrets/s.yaml"]),
    (f'{{ {S} sops.secrets."sops/mac" = {{ }}; }}', ["sops/mac ! missing sops in secrets/s.yaml"]),
    (f'{{ {S} sops.secrets."/a" = {{ }}; }}', ["/a ! missing in secrets/s.yaml"]),
    # what is no string
    (f"{{ {S} sops.secrets.b = {{ }}; }}", ["b ! not-a-string a mapping in secrets/s.yaml"]),
    (f"{{ {S} sops.secrets.list = {{ }}; }}", ["list ! not-a-string a list in secrets/s.yaml"]),
    (f'{{ {S} sops.secrets."b/n" = {{ }}; }}', ["b/n ! not-a-string an integer in secrets/s.yaml"]),
    (f"{{ {S} sops.secrets.flag = {{ }}; }}", ["flag ! not-a-string true or false in secrets/s.yaml"]),
    (f"{{ {S} sops.secrets.rate = {{ }}; }}", ["rate ! not-a-string a number in secrets/s.yaml"]),
    (f"{{ {S} sops.secrets.nothing = {{ }}; }}", ["nothing ! not-a-string empty (null) in secrets/s.yaml"]),
    # which file
    ("{ sops.secrets.only.sopsFile = ./secrets/o.yaml; }", ["only = only of secrets/o.yaml"]),
    (f"{{ {S} sops.secrets.only.sopsFile = ./secrets/o.yaml; }}", ["only = only of secrets/o.yaml"]),
    ('{ self, ... }: { sops.secrets.only.sopsFile = "${self}/secrets/o.yaml"; }',
     ["only = only of secrets/o.yaml"]),
    ("{ sops.secrets.x.sopsFile = ./secrets/none.yaml; }", ["x ! absent in secrets/none.yaml"]),
    ("{ sops.secrets.x.sopsFile = ./.sops.yaml; }", ["x ! not-encrypted in .sops.yaml"]),
    ("{ sops.secrets.only.sopsFile = if c then ./secrets/s.yaml else ./secrets/o.yaml; }",
     ["only = only of secrets/o.yaml"]),
    ("{ sops.secrets.z.sopsFile = if c then ./secrets/s.yaml else ./secrets/o.yaml; }",
     ["z ! missing z in secrets/s.yaml"]),
    ("let f = n: { sopsFile = ./secrets/${n}.yaml; }; in { sops.secrets.only = f \"o\"; }",
     ["only = only of secrets/o.yaml"]),
    ('{ sops.secrets = lib.genAttrs [ "a" "only" ] (_: { sopsFile = ./secrets/o.yaml; }); }',
     ["a = a of secrets/o.yaml", "only = only of secrets/o.yaml"]),
    # formats
    ("{ sops.secrets.w = { sopsFile = ./secrets/whole; format = \"binary\"; }; }",
     ["w = * of secrets/whole"]),
    ("{ sops.secrets.w.sopsFile = ./secrets/whole; }", ["w ! missing w in secrets/whole"]),
    ("{ sops.secrets.data.sopsFile = ./secrets/whole; }", ["data = data of secrets/whole"]),
    ("{ sops.secrets.A = { sopsFile = ./secrets/e.env; format = \"dotenv\"; key = \"\"; }; }",
     ["A = * of secrets/e.env"]),
    ("{ sops.secrets.e = { sopsFile = ./secrets/e.env; format = \"dotenv\"; }; }",
     ["e = * of secrets/e.env"]),
    ("{ sops.secrets.A.sopsFile = ./secrets/e.env; }", ["A ! wrong-format dotenv in secrets/e.env"]),
    ("{ sops.secrets.\"b/n\" = { sopsFile = ./secrets/j.json; format = \"json\"; }; }",
     ["b/n = b.n of secrets/j.json"]),
    ("{ sops.secrets.b = { sopsFile = ./secrets/j.json; format = \"json\"; }; }",
     ["b = b of secrets/j.json"]),
    ("{ sops.secrets.\"b/c\".sopsFile = ./secrets/j.json; }", ["b/c = b.c of secrets/j.json"]),
    ("{ sops.secrets.\"b/n\".sopsFile = ./secrets/j.json; }",
     ["b/n ! not-a-string an integer in secrets/j.json"]),
    ("{ sops.secrets.a = { sopsFile = ./secrets/s.yaml; format = \"json\"; }; }",
     ["a ! wrong-format yaml in secrets/s.yaml"]),
    ("{ sops.secrets.a = { sopsFile = ./secrets/s.yaml; format = \"binary\"; }; }",
     ["a ! wrong-format yaml in secrets/s.yaml"]),
    ("{ sops.defaultSopsFormat = \"binary\"; sops.secrets.w.sopsFile = ./secrets/whole; }",
     ["w = * of secrets/whole"]),
    # not to be told
    ("{ sops.secrets.x.sopsFile = \"/var/secrets.yaml\"; }", ["x ? its file is not in this repository"]),
    ("{ inputs, ... }: { sops.secrets.x.sopsFile = \"${inputs.private}/s.yaml\"; }",
     ["x ? the path of its file is computed"]),
    ("{ f, ... }: { sops.secrets.x.sopsFile = f; }", ["x ? the path of its file is computed"]),
    (f"{{ {S} sops.secrets.${{n}} = {{ }}; }}", ["${n} ? its name is computed"]),
    (f"{{ {S} sops.secrets.x.key = f y; }}", ["x ? its `key` is computed"]),
    (f"{{ {S} sops.secrets.x.format = f y; }}", ["x ? its `format` is computed"]),
    (f"{{ {S} sops.secrets.x = f y; }}", ["x ? its fields are computed by a function"]),
    ("{ sops.secrets.x = { }; }", ["x ? no `sopsFile` and no `defaultSopsFile` is known for it"]),
    # no references at all
    (f"{{ {S} /* sops.secrets.z = {{ }}; */ # sops.secrets.z = {{ }};\n }}", []),
    (f"{{ {S} x = ''sops.secrets.z = {{ }};''; }}", []),
    (f"{{ {S} options.sops.secrets.z = mkOption {{ }}; }}", []),
    (f'{{ {S} x = mkOption {{ description = "sops.secrets.z"; example = "sops.secrets.z = 1"; }}; }}', []),
    (f"{{ {S} x = config.sops.secrets.z.path; }}", []),
]  # fmt: skip


@pytest.mark.parametrize(("source", "expected"), FORMS)
def test_a_declaration_means_a_leaf_of_a_file(source: str, expected: list[str]) -> None:
    assert said({"module.nix": source}) == expected


TREES = [
    # a module that two hosts take in is judged for each
    ({"hosts/web/default.nix": "{ imports = [ ../../m.nix ]; sops.defaultSopsFile = ./secrets.yaml; }",
      "hosts/db/default.nix": "{ imports = [ ../../m.nix ]; sops.defaultSopsFile = ./secrets.yaml; }",
      "m.nix": '{ sops.secrets.a = { }; sops.secrets."wg/web" = { }; }'},
     ["db: a = a of hosts/db/secrets.yaml", "web: a = a of hosts/web/secrets.yaml",
      "db: wg/web ! missing wg.web in hosts/db/secrets.yaml",
      "web: wg/web = wg.web of hosts/web/secrets.yaml"]),
    # the host's name closes a hole
    ({"hosts/web/default.nix": '{ imports = [ ../../m.nix ]; networking.hostName = "web"; }',
      "hosts/db/default.nix": '{ imports = [ ../../m.nix ]; networking.hostName = "db"; }',
      "m.nix": '{ config, ... }: { sops.secrets."wg/${config.networking.hostName}".sopsFile =\n'
               "  ./hosts/${config.networking.hostName}/secrets.yaml; }"},
     ["db: wg/db = wg.db of hosts/db/secrets.yaml", "web: wg/web = wg.web of hosts/web/secrets.yaml"]),
    # one module names the file, another the secret
    ({"hosts/web/default.nix": "{ imports = [ ../../m.nix ];\n"
                               "  sops.secrets.only.sopsFile = ../../secrets/o.yaml; }",
      "m.nix": '{ sops.defaultSopsFile = ./secrets/s.yaml; sops.secrets.only.owner = "x"; }'},
     ["web: only = only of secrets/o.yaml", "web: only = only of secrets/o.yaml"]),
    # conditions
    ({"hosts/web/default.nix": "{ imports = lib.optional c ../../m.nix; }",
      "m.nix": f"{{ {S} sops.secrets.a = {{ }}; }}"},
     ["web: a perhaps = a of secrets/s.yaml"]),
    ({"hosts/web/default.nix": "{ imports = [ ../../m.nix ]; }",
      "m.nix": f"{{ {S} config = lib.mkIf c {{ sops.secrets.a = {{ }}; }}; }}"},
     ["web: a perhaps = a of secrets/s.yaml"]),
    # through folders and import circles
    ({"hosts/web/default.nix": "{ imports = [ ../../modules ]; }",
      "modules/default.nix": "{ imports = [ ./a.nix ./default.nix ]; }",
      "modules/a.nix": "{ imports = [ ./. ]; sops.secrets.a.sopsFile = ../secrets/s.yaml; }"},
     ["web: a = a of secrets/s.yaml"]),
    # home-manager has defaults of its own
    ({"hosts/web/default.nix": "{ home-manager.users.bob = import ../../bob.nix;\n"
                               "  imports = [ ../../d.nix ]; }",
      "d.nix": f"{{ {S} }}",
      "bob.nix": "{ sops.defaultSopsFile = ./secrets/o.yaml; sops.secrets.only = { }; }"},
     ["web: only (home) = only of secrets/o.yaml"]),
    # a machine inside of the machine, and a module that nobody is known to take in
    ({"hosts/web/default.nix": "{ containers.x.config = {\n"
                               "  sops.defaultSopsFile = ../../secrets/s.yaml; sops.secrets.a = { }; }; }"},
     ["a = a of secrets/s.yaml"]),
    ({"lib.nix": "{ flake.nixosModules.m = { sops.secrets.only.sopsFile = ./secrets/o.yaml; }; }"},
     ["only = only of secrets/o.yaml"]),
    # written into the flake itself
    ({"flake.nix": f"{{ nixosConfigurations.web = f {{ modules = [ {{ "
                   f"{S} sops.secrets.z = {{ }}; }} ]; }}; }}"},
     ["web: z ! missing z in secrets/s.yaml"]),
    # an image is no host
    ({"hosts/iso.nix": "{ sops.secrets.a.sopsFile = ../secrets/s.yaml; }"}, ["a = a of secrets/s.yaml"]),
    # what cannot be parsed is not judged
    ({"hosts/web/default.nix": f"{{ {S} sops.secrets.z = {{ }}; b = = 1; }}"}, []),
]  # fmt: skip


@pytest.mark.parametrize(("files", "expected"), TREES)
def test_a_host_takes_in_what_its_imports_lead_to(files: dict[str, str], expected: list[str]) -> None:
    assert said({"flake.nix": FLAKE, **files}) == expected


def test_what_is_wrong_is_said_at_its_place_with_the_nearest_name() -> None:
    source = f'{{\n  {S}\n  sops.secrets."wire_guard/web" = {{ }};\n}}\n'
    files = {
        "flake.nix": FLAKE,
        "hosts/web/default.nix": source.replace("./secrets/s.yaml", "./secrets.yaml"),
    }
    (found,) = findings(dangling_reference.CHECK, files)
    assert isinstance(found, Finding)
    assert (found.location.path, found.location.line, found.location.column) == (
        "hosts/web/default.nix",
        3,
        3,
    )
    assert found.level is Level.ERROR
    assert found.message == (
        'sops.secrets."wire_guard/web" is not in hosts/web/secrets.yaml; '
        "web would fail at activation and lose all its secrets"
    )


@pytest.mark.parametrize(
    ("key", "advice"),
    [
        ("b/C", "nearest is b.c: "),
        ("b/cc", "nearest is b.c: "),
        ("BC", "nearest is b.c: "),
        ("zzz", "add it to the file"),
    ],
)
def test_the_nearest_name_is_proposed(key: str, advice: str) -> None:
    (found,) = findings(dangling_reference.CHECK, {"m.nix": f'{{ {S} sops.secrets."{key}" = {{ }}; }}'})
    assert isinstance(found, Finding)
    assert found.hint.startswith(advice)


def test_a_name_with_slashes_is_told_from_levels() -> None:
    files = {"m.nix": '{ sops.secrets."x/y".sopsFile = ./flat.yaml; }'}
    made = Snapshot.of({**files, "flat.yaml": sealed("flat.yaml", "x/y: z\n")})
    (found,) = dangling_reference.CHECK.run(Context(made, tuple))
    assert isinstance(found, Finding)
    assert "takes each / for a level" in found.hint


LEVELS = [
    ({"hosts/web/default.nix": "{ sops.secrets.z.sopsFile = ./secrets.yaml; }"}, Level.ERROR),
    ({"hosts/web/default.nix": "{ sops.secrets.z = lib.mkIf c { sopsFile = ./secrets.yaml; }; }"},
     Level.WARNING),
    ({"hosts/web/default.nix": "{ imports = lib.optional c ../../m.nix; }",
      "m.nix": "{ sops.secrets.z.sopsFile = ./secrets/s.yaml; }"}, Level.WARNING),
    ({"m.nix": "{ sops.secrets.z.sopsFile = ./secrets/s.yaml; }"}, Level.ERROR),
    ({"modules/_archive/m.nix": "{ sops.secrets.z.sopsFile = ../../secrets/s.yaml; }"}, Level.WARNING),
    ({"m.nix": "{ config = lib.mkIf c { sops.secrets.z.sopsFile = ./secrets/s.yaml; }; }"}, Level.WARNING),
]  # fmt: skip


@pytest.mark.parametrize(("files", "level"), LEVELS)
def test_what_may_never_be_deployed_is_a_warning(files: dict[str, str], level: Level) -> None:
    (found,) = findings(dangling_reference.CHECK, {"flake.nix": FLAKE, **files})
    assert isinstance(found, Finding)
    assert found.level is level


def test_a_secret_declared_in_two_modules_fails_once_for_a_host() -> None:
    files = {
        "hosts/web/default.nix": '{ imports = [ ./more.nix ]; sops.secrets.z = { owner = "x"; }; }',
        "hosts/web/more.nix": "{ sops.secrets.z.sopsFile = ./secrets.yaml; }",
    }
    assert len(findings(dangling_reference.CHECK, {"flake.nix": FLAKE, **files})) == 1


def test_what_cannot_be_resolved_is_said_once_for_each_reason() -> None:
    source = "{ f }: { " + "".join(f"sops.secrets.s{n}.sopsFile = f; " for n in range(50)) + "}"
    found = findings(
        dangling_reference.CHECK,
        {"m.nix": source, "n.nix": "{ sops.secrets = f x; }", "o.nix": "{ sops = ; }"},
    )
    assert [type(u) for u in found] == [Unknown] * 3
    assert [u.reason.partition(":")[2].strip() for u in found if isinstance(u, Unknown)] == [
        "the path of its file is computed (and 49 more like it)",
        "these references are not resolved",
        "its references are not resolved",
    ]


def test_without_a_word_of_sops_nothing_is_parsed() -> None:
    def refuse(paths: object) -> Iterator[tuple[str, bytes]]:
        yield "a.nix", b"{ imports = [ ./b.nix ]; }"

    tree = Tree(["a.nix"], refuse)
    assert References((), lambda _: None, tree).all == ()
    assert "said" not in vars(tree)


def test_links_and_submodules_are_followed_or_open() -> None:
    files = {
        "m.nix": "{ sops.secrets.a.sopsFile = ./link.yaml; sops.secrets.b.sopsFile = ./sub/s.yaml;\n"
        "  sops.secrets.c.sopsFile = ./out.yaml; sops.secrets.d.sopsFile = ./folder/s.yaml; }",
        "link.yaml": "secrets/s.yaml",
        "out.yaml": "../elsewhere.yaml",
        "folder": "secrets",
        "sub": "",
    }
    modes = {"link.yaml": SYMLINK, "out.yaml": SYMLINK, "folder": SYMLINK, "sub": SUBMODULE}
    outcomes = [r.outcome for r in references(files, modes).all]
    assert [getattr(o, "reason", None) for o in outcomes] == [
        None,
        "its file lies in a submodule",
        "its file is a link that leads out of the repository",
        "its file lies in a linked folder",
    ]


def test_two_sides_parse_what_they_share_once() -> None:
    ctx = Context(snapshot({"m.nix": "{ sops.secrets.a.sopsFile = ./secrets/s.yaml; }"}), tuple)
    first = ctx.nix.said["m.nix"]
    assert ctx.past.nix.said["m.nix"] is first


GRAPHS = [
    ("{ nixosConfigurations = lib.genAttrs (lib.attrNames (builtins.readDir ./hosts)) mk; }", ["db", "web"]),
    ("{ nixosConfigurations = computed; }", ["db", "web"]),
    ('{ nixosConfigurations = { web = mkHost "web"; }; }', ["web"]),
    ("{ darwinConfigurations.web = mkHost { }; colmena.db.imports = [ ./hosts/db ]; }", ["db", "web"]),
    ("{ }", ["db", "web"]),
]


@pytest.mark.parametrize(("flake", "hosts"), GRAPHS)
def test_hosts_and_where_they_begin(flake: str, hosts: list[str]) -> None:
    files = {"flake.nix": flake, "hosts/web/default.nix": "{ }", "hosts/db/configuration.nix": "{ }"}
    files["hosts/common/default.nix"] = "{ }"
    made = snapshot({**files, "hosts/db/default.nix": "{ }"} if "colmena" in flake else files)
    tree = Tree(made.paths(), lambda paths: ((p, made.read(p)) for p in paths))
    graph = Graph(tree.said, frozenset(made.paths()))
    assert list(graph.hosts) == hosts
    assert all(roots for roots in graph.hosts.values())


def test_a_large_infrastructure_takes_little_time() -> None:
    body = "  services.x.y = { enable = true; port = 80; };\n" * 20
    files = {
        f"modules/m{n}.nix": f"{{ ... }}:\n{{ sops.secrets.a.sopsFile = ../secrets/s.yaml;\n{body} }}\n"
        for n in range(300)
    }
    files["hosts/web/default.nix"] = "{ imports = [ " + " ".join(f"../../{p}" for p in files) + " ]; }"
    start = time.process_time()
    assert len(references({"flake.nix": FLAKE, **files}).all) == 300
    assert time.process_time() - start < 5  # half a second where nothing else runs


def many(count: int, text: str) -> str:
    """`text` so many times in a set, with `#` counting."""
    return "{ " + "".join(text.replace("#", str(n)) for n in range(count)) + " }"


CIRCLES = {
    f"m{n}.nix": f"{{ imports = [ ./m{(n + 1) % 400}.nix ./m{n * 7 % 400}.nix ]; }}" for n in range(400)
}
HOSTILE = [
    {"m.nix": many(10_000, "sops.secrets.s#.sopsFile = ./secrets/s.yaml; ")},
    {**CIRCLES, "flake.nix": FLAKE, "hosts/web/default.nix": "{ sops = { }; imports = [ ../../m1.nix ]; }"},
    {
        "flake.nix": f"{{ nixosConfigurations = {many(2000, 'h# = f [ ./m.nix ];')}; }}",
        "m.nix": "{ imports = [ ./n.nix ]; }",
        "n.nix": f"{{ {S} sops.secrets = {many(200, 's# = { };')}; }}",
    },
    {"m.nix": many(5000, 'sops.secrets."${config.networking.hostName}#" = { }; ')},
    {"m.nix": f"{{ sops.secrets.a = {many(2000, 'sopsFile = ./f#; key = f #; ')}; }}"},
    {"m.nix": '{ sops.secrets."' + "a/" * 2000 + '".sopsFile = ./secrets/s.yaml; }'},
    {"m.nix": "{ sops=" * 5000},
    {"m.nix": "{ x = 1; # sops\n" + "a = 1;\n" * 700_000 + "}"},
]


@pytest.mark.slow
@pytest.mark.parametrize("files", HOSTILE, ids=lambda files: next(iter(files.values()))[:20])
def test_hostile_trees_take_bounded_time(files: dict[str, str]) -> None:
    start = time.process_time()
    for check in (dangling_reference.CHECK, non_string_reference.CHECK):
        for _ in check.run(Context(snapshot(files), tuple)):
            pass
    assert time.process_time() - start < 15


KEYS = st.text(st.sampled_from("ab/._-é"), min_size=1, max_size=6)


@given(st.dictionaries(KEYS, st.none(), min_size=1, max_size=4), KEYS)
@settings(max_examples=60, deadline=None)
def test_a_key_is_found_exactly_if_it_leads_there(names: dict[str, None], asked: str) -> None:
    """Compared with the lookup of sops-nix on the plain document."""
    plain: dict[str, object] = {}
    for number, name in enumerate(names):
        plain[name] = f"v{number}" if number % 2 else {"a": "x", "b": {"": "y"}}
    wanted: object = plain
    for step in asked.split("/"):
        wanted = wanted.get(step) if isinstance(wanted, dict) else None
    made = Snapshot.of(
        {
            "s.json": encrypt(json.dumps(plain).encode(), "json", [[RECIPIENT]], "2026-01-02T03:04:05Z"),
            "m.nix": f'{{ sops.secrets.x = {{ sopsFile = ./s.json; format = "json"; key = "{asked}"; }}; }}',
        }
    )
    (found,) = Context(made, tuple).references.all
    assert isinstance(found.outcome, Failure) == (wanted is None)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_damaged_nix_never_raises(data: st.DataObject) -> None:
    pieces = [source for source, _ in FORMS] + [text for files, _ in TREES for text in files.values()]
    files = {}
    for path in ("flake.nix", "hosts/web/default.nix", "m.nix"):
        source = data.draw(st.sampled_from(pieces))
        cut = data.draw(st.integers(0, len(source)))
        stop = data.draw(st.integers(cut, min(len(source), cut + 5)))
        files[path] = (
            source[:cut]
            + data.draw(st.sampled_from(["", "{", "}", '"', "''", "${", ";", "="]))
            + source[stop:]
        )
    for check in (dangling_reference.CHECK, non_string_reference.CHECK):
        for said_of in findings(check, files):
            assert isinstance(said_of, Finding | Unknown)


@pytest.mark.slow
def test_every_nix_file_of_this_machine_can_be_read() -> None:
    """Packages bring some; where there is none, the made ones above must do."""
    roots = {*site.getsitepackages(), pwd.getpwuid(os.getuid()).pw_dir + "/go/pkg/mod", "/nix/store"}
    found = [
        Path(folder, name)
        for root in sorted(roots)
        for folder, _, names in islice(os.walk(root), 20_000)
        for name in names
        if name.endswith(".nix")
    ]
    files = {}
    for number, path in enumerate(found[:500]):
        if path.is_file():
            files[f"n{number}/{path.name}"] = path.read_bytes().decode("utf-8", "surrogateescape")
    made = Snapshot.of({path: text.encode("utf-8", "surrogateescape") for path, text in files.items()})
    ctx = Context(made, tuple)
    assert not ctx.nix.unread
    for check in (dangling_reference.CHECK, non_string_reference.CHECK):
        assert [said_of for said_of in check.run(ctx) if isinstance(said_of, Finding)] == []
    assert set(ctx.nix.said) <= set(files)


REAL = ("NickCao__flakes", "hyperparabolic__nix-config", "tiiuae__ghaf-infra", "truxnell__nix-config")


def declarations(rows: list[dict[str, str]]) -> Iterator[str]:
    """The declarations of one Nix file, rebuilt from the listing of its lines."""
    live = [row for row in rows if row["state"] == "live"]
    has_default = False
    for row, after in zip(live, [*live[1:], None], strict=False):
        if row["kind"] == "defaultSopsFile":
            has_default = True
            yield f"sops.defaultSopsFile = {row['name'].rstrip(';')};"
        near = after is not None and after["kind"] == "sopsFile" and int(after["line"]) - int(row["line"]) < 5
        if row["kind"] == "declare" and after is not None and near:
            yield f'sops.secrets."{row["name"]}".sopsFile = {after["name"].rstrip(";")};'
    declared = {row["name"] for row in live if row["kind"] == "declare"}
    for name in sorted({row["name"] for row in live if row["kind"] == "use"} - declared):
        if has_default:
            yield f'sops.secrets."{name}" = {{ }};'


@pytest.mark.shared
@pytest.mark.parametrize("repository", REAL)
def test_real_declarations_mean_real_values(repository: str, shared: Path) -> None:
    """The Nix code itself is not stored: what the listing tells of it is written anew."""
    root = shared / "realworld" / repository
    with (root / "_sops-refs.tsv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    files = {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}
    for path in dict.fromkeys(row["path"] for row in rows):
        body = "\n  ".join(declarations([row for row in rows if row["path"] == path]))
        files[path] = f"{{ config, ... }}: {{\n  {body}\n}}\n".encode()
    ctx = Context(Snapshot.of(files), tuple)
    outcomes = [found.outcome for found in ctx.references.all]
    assert sum(isinstance(outcome, Target) for outcome in outcomes) >= 7
    for check in (dangling_reference.CHECK, non_string_reference.CHECK):
        assert [found for found in check.run(ctx) if isinstance(found, Finding)] == []
