"""What Nix files say about hosts and SOPS secrets, form by form."""

import random
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sopsguard.nix import Unread, syntax
from sopsguard.nix.facts import facts
from sopsguard.nix.scope import Base, Hole, Text
from sopsguard.nix.stated import FileRef, NixFacts, Place


def read(source: str | bytes, path: str = "hosts/a/default.nix") -> NixFacts:
    found = facts(source.encode() if isinstance(source, str) else source, path)
    assert isinstance(found, NixFacts)
    return found


def said(source: str, path: str = "hosts/a/default.nix") -> list[str]:
    """What the file says, in a line each, in the order of the text."""
    found = read(source, path)
    lines: list[tuple[int, str]] = []
    for secret in found.secrets:
        line = f"secret {secret.name.pattern}"
        line += "".join(f" in {file.path or file.text.pattern}" for file in secret.files)
        line += f" at {secret.key.pattern}" if secret.key else ""
        line += f" as {secret.format.pattern}" if secret.format else ""
        line += (
            f" for {secret.owner.host or secret.owner.user}" if secret.owner.host or secret.owner.user else ""
        )
        lines.append((secret.place.start, line + (" partial" if secret.partial else "")))
    lines += [(t.place.start, f"template {t.name.pattern}") for t in found.templates]
    for use in found.uses:
        name = "*" if use.name is None else use.name.pattern
        of = f" of {use.owner.host}" if use.owner.host else ""
        lines.append((use.place.start, f"use {use.kind} {name} {use.attribute}".rstrip() + of))
    for default in found.defaults:
        what = default.file.path or default.file.text.pattern if default.file else "?"
        lines.append((default.place.start, f"default {default.format.pattern if default.format else what}"))
    lines += [(k.place.start, f"key {k.option} {k.text.pattern}") for k in found.key_sources]
    for host in found.hosts:
        name = host.name.pattern if host.name else f"? in {host.folder.path if host.folder else '?'}"
        files = "".join(f" {file.path or file.text.pattern}" for file in host.files)
        lines.append((host.place.start, f"host {name}{files}"))
    lines += [(n.place.start, f"hostname {n.text.pattern}") for n in found.host_names]
    lines += [(d.place.start, f"doubt {d.reason}") for d in found.doubts]
    return [line for _, line in sorted(lines, key=lambda pair: pair[0])]


NAME = "doubt the name of a secret is computed"

DECLARATIONS = [
    ('{ sops.secrets."a/b" = { }; }', ["secret a/b"]),
    ("{ sops.secrets.a = { }; }", ["secret a"]),
    ("{ sops.secrets = { a = { }; b = { owner = config.users.users.x.name; }; }; }",
     ["secret a", "secret b"]),
    ('{ sops = { secrets."a/b".sopsFile = ./s.yaml; }; }', ["secret a/b in hosts/a/s.yaml"]),
    ("{ config = lib.mkIf c { sops.secrets.a = { }; }; }", ["secret a"]),
    ("{ sops.secrets = lib.mkMerge [ { a = { }; } (lib.mkIf c { b = { }; }) ]; }", ["secret a", "secret b"]),
    ('{ sops.secrets.a.key = "x/y"; sopsFile = ./no.yaml; }', ["secret a at x/y"]),
    ("{ sops.secrets.a = { sopsFile = ./.env; format = \"dotenv\"; key = \"\"; }; }",
     ["secret a in hosts/a/.env at  as dotenv"]),
    ('{ sops.secrets.a = { sopsFile = ../../secrets/x.yaml; }; }', ["secret a in secrets/x.yaml"]),
    ('{ self, ... }: { sops.secrets.a.sopsFile = "${self}/secrets/x.yaml"; }',
     ["secret a in secrets/x.yaml"]),
    ('{ inputs, ... }: { sops.secrets.a.sopsFile = inputs.self + "/secrets/x.yaml"; }',
     ["secret a in secrets/x.yaml"]),
    ('{ self, ... }: { sops.secrets.a.sopsFile = "${self.outPath}/x.yaml"; }', ["secret a in x.yaml"]),
    ('{ sops.secrets.a.sopsFile = ./. + "/x.yaml"; }', ["secret a in hosts/a/x.yaml"]),
    ('{ sops.secrets.a.sopsFile = lib.custom.relativeToRoot "secrets/x.yaml"; }',
     ["secret a in secrets/x.yaml"]),
    ('{ sops.secrets.a.sopsFile = "/etc/secrets.yaml"; }', ["secret a in /etc/secrets.yaml"]),
    ("{ sops.secrets.a.sopsFile = if c then ./x.yaml else ./y.yaml; }",
     ["secret a in hosts/a/x.yaml in hosts/a/y.yaml"]),
    ("{ sops.secrets.a.sopsFile = lib.mkDefault ./x.yaml; }", ["secret a in hosts/a/x.yaml"]),
    ("let sopsFile = ./x.yaml; in { sops.secrets.a = { inherit sopsFile; }; }",
     ["secret a in hosts/a/x.yaml"]),
    ("let f = ./x.yaml; in { sops.secrets = { a.sopsFile = f; }; }", ["secret a in hosts/a/x.yaml"]),
    ("let common = { sopsFile = ./x.yaml; }; in { sops.secrets.a = common // { key = \"k\"; }; }",
     ["secret a in hosts/a/x.yaml at k"]),
    ("let all = { a = { }; b = { }; }; in { sops.secrets = all; }", ["secret a", "secret b"]),
    ("let mk = n: { sopsFile = ./${n}.yaml; }; in { sops.secrets.a = mk \"q\"; }",
     ["secret a in hosts/a/q.yaml"]),
    ('let host = "web"; in { sops.secrets."wg/${host}/key" = { }; }', ["secret wg/web/key"]),
    ('{ sops.secrets."wg/${config.networking.hostName}/key" = { }; }',
     ["secret wg/${config.networking.hostName}/key", NAME]),
    ('let app = "cv"; kind = "services"; in { sops.secrets."${kind}/${app}/env" = { }; }',
     ["secret services/cv/env"]),
    ("{ sops.secrets.${name} = { }; }", ["secret ${name}", NAME]),
    ('{ sops.secrets.${"lit"} = { }; }', ["secret lit"]),
    ('{ sops.secrets = lib.genAttrs [ "a" "b" ] (n: { sopsFile = ./x.yaml; }); }',
     ["secret a in hosts/a/x.yaml", "secret b in hosts/a/x.yaml"]),
    ('let names = [ "a" ] ++ [ "b" ]; in { sops.secrets = lib.genAttrs names (_: { }); }',
     ["secret a", "secret b"]),
    ('{ sops.secrets = builtins.mapAttrs (n: v: v // { sopsFile = ./x.yaml; }) { a = { key = "k"; }; }; }',
     ["secret a in hosts/a/x.yaml at k"]),
    ('{ sops.secrets = builtins.listToAttrs (map (n: { name = "p/${n}"; value = { }; }) [ "a" "b" ]); }',
     ["secret p/a", "secret p/b"]),
    ('{ sops.secrets = lib.listToAttrs (map (n: lib.nameValuePair n { key = n; }) [ "a" ]); }',
     ["secret a at a"]),
    ("{ sops.secrets = lib.genAttrs [ x ] (n: { key = n; }); }", ["secret ${x} at ${x}", NAME]),
    ("{ f }: { sops.secrets.a = { inherit f; sopsFile = f; }; }",
     ["secret a in ${f}", "doubt the path of a SOPS file is computed"]),
    ("{ sops.secrets = lib.genAttrs (f x) (n: { }); }", ["doubt the names are computed by `genAttrs`"]),
    ("{ sops.secrets = mkSecrets { a = { }; }; }", ["doubt the names are computed by `mkSecrets`"]),
    ("{ sops.secrets = import ./secrets.nix; }", ["doubt the names are computed by `import`"]),
    ("{ sops.secrets.a = helper { }; }", ["secret a partial"]),
    ("{ sops.secrets = { inherit (other) a; }; }", ["secret a partial"]),
    ('{ home-manager.users.bob.sops.secrets.a = { }; }', ["secret a for bob"]),
    ("{ sops.defaultSopsFile = ./s.yaml; sops.defaultSopsFormat = \"json\"; }",
     ["default hosts/a/s.yaml", "default json"]),
    ('{ sops.age.sshKeyPaths = [ "/etc/ssh/k" ]; sops.age.keyFile = "/var/k"; }',
     ["key age.sshKeyPaths /etc/ssh/k", "key age.keyFile /var/k"]),
    ('{ sops.templates."a.env".content = "x"; }', ["template a.env"]),
    ("{ services.x = { }; } // { sops.secrets.a = { }; }", ["secret a"]),
    ("{ flake.nixosModules.m = { config, ... }: { sops.secrets.a = { }; }; }", ["secret a"]),
    ("{ ... }: let n = { }; in with lib; assert true; rec { sops.secrets.a = { }; }", ["secret a"]),
]  # fmt: skip

USES = [
    ("{ config, ... }: { x = config.sops.secrets.a.path; }", ["use secret a path"]),
    ('{ x = config.sops.secrets."a/b".path; }', ["use secret a/b path"]),
    ('{ x = "cat ${config.sops.secrets.a.path} | y"; }', ["use secret a path"]),
    ("{ x = ''\n  ${config.sops.secrets.\"a/b\".path}\n''; }", ["use secret a/b path"]),
    ('{ x = [ config.sops.secrets.a.path "y" ]; }', ["use secret a path"]),
    ("{ x = f config.sops.secrets.a.path; }", ["use secret a path"]),
    ("{ x = config.sops.secrets.a.path or null; }", ["use secret a path"]),
    ("{ x = (config.sops.secrets).a.path; }", ["use secret a path"]),
    ("{ x = { inherit (config.sops.secrets.a) path; }; }", ["use secret a path"]),
    ("let inherit (config.sops.secrets) a; in { x = a.path; }", ["use secret a", "use secret a path"]),
    ("{ x = { inherit (config.sops.secrets) a b; }; }", ["use secret a", "use secret b"]),
    ("{ x = with config.sops.secrets; [ a.path b.path ]; }", ["use secret a path", "use secret b path"]),
    ("{ x = with config.sops; secrets.a.path; }", ["use secret a path"]),
    ("let s = config.sops.secrets; in { x = s.a.path; }", ["use secret a path"]),
    ("let inherit (config.sops) secrets placeholder; in { x = secrets.a.path; y = placeholder.b; }",
     ["use secret a path", "use placeholder b"]),
    ("let inherit (config) sops; in { x = sops.secrets.a.path; }", ["use secret a path"]),
    ("let p = n: config.sops.secrets.${n}.path; in { x = p \"a\"; }",
     ["use secret ${n} path", NAME, "use secret a path"]),
    ('let p = n: config.sops.secrets."s/${n}".path; in { x = [ (p "a") "${p "b"}" ]; }',
     ["use secret s/${n} path", NAME, "use secret s/a path", "use secret s/b path"]),
    ("{ x = builtins.getAttr \"a\" config.sops.secrets; }", ["use secret a"]),
    ('{ x = (builtins.getAttr "a" config.sops.secrets).path; }', ["use secret a path"]),
    ('{ x = lib.attrByPath [ "sops" "secrets" "a" "path" ] null config; }', ["use secret a path"]),
    ("{ x = config.sops.secrets.${name}.path; }", ["use secret ${name} path", NAME]),
    ('{ x = config.sops.secrets."a/${config.y}".path; }', ["use secret a/${config.y} path", NAME]),
    ('let h = "web"; in { x = config.sops.secrets."wg/${h}".path; }', ["use secret wg/web path"]),
    ("{ x = lib.attrNames config.sops.secrets; }", ["use secret *"]),
    ("{ x = lib.mapAttrs (n: v: v.path) config.sops.secrets; }", ["use secret *"]),
    ("{ x = lib.mkIf (config.sops.secrets ? a) 1; }", ["use secret a ?"]),
    ("{ x = config ? sops; }", []),
    ('{ x = lib.mkIf (builtins.hasAttr "a" config.sops.secrets) 1; }', ["use secret a ?"]),
    ("{ specialArgs = { inherit (config.sops) secrets; }; }", ["use secret *"]),
    ("{ x = osConfig.sops.secrets.a.path; }", ["use secret a path"]),
    ("{ x = nodes.web.config.sops.secrets.a.path; }", ["use secret a path of web"]),
    ("{ x = self.nixosConfigurations.web.config.sops.secrets.a.path; }", ["use secret a path of web"]),
    ('{ sops.templates.t.content = "${config.sops.placeholder."a/b"}"; }',
     ["template t", "use placeholder a/b"]),
    ("{ x = config.sops.templates.t.path; }", ["use template t path"]),
    ("{ services.x.${config.sops.secrets.a.name} = 1; }", ["use secret a name"]),
    ("{ a ? config.sops.secrets.a.path }: { }", ["use secret a path"]),
    ("{ x = if c then config.sops.secrets.a.path else config.sops.secrets.b.path; }",
     ["use secret a path", "use secret b path"]),
    ("{ x = map (s: s.path) (with config.sops.secrets; [ a ]); }", ["use secret a"]),
    ("{ x = mkOption { default = config.sops.secrets.a.path; }; }", ["use secret a path"]),
]  # fmt: skip

TRAPS = [
    "# sops.secrets.a = { }; config.sops.secrets.a.path\n{ /* sops.secrets.b = { }; */ }",
    '{ x = "config.sops.secrets.a.path"; y = \'\'sops.secrets.a = { };\'\'; }',
    "{ x = \"\\${config.sops.secrets.a.path} $${config.sops.secrets.b.path}\"; }",
    "{ y = ''''${config.sops.secrets.a.path}''; }",
    '{ x = mkOption { description = "set config.sops.secrets.a.path"; }; }',
    "{ x = mkOption { example = config.sops.secrets.a.path; }; }",
    "{ options.sops.secrets = mkOption { type = types.attrs; }; }",
    "{ options.services.x.sops.secrets = mkOption { default = { }; }; }",
    "{ x = options.sops.secrets.a; inputs.sops-nix.url = \"x\"; }",
    "{ imports = [ inputs.sops-nix.nixosModules.sops ]; home.packages = [ pkgs.sops ]; }",
    "final: prev: { sops = prev.sops.override { }; colmena = prev.colmena; }",
    "{ age.secrets.a.file = ./a.age; x = config.age.secrets.a.path; }",
    "{ x = cfg.sops.secrets.a.path; y = sops.secrets.b.path; }",
    "{ inputs.colmena.url = \"x\"; inputs.nixosConfigurations.url = \"x\"; }",
    "{ nodes.machine = { }; testScript = \"\"; }",
]  # fmt: skip

HOSTS = [
    ("{ nixosConfigurations.web = nixosSystem { modules = [ ./hosts/web ]; }; }", ["host web hosts/web"]),
    ('{ outputs = { self }: { nixosConfigurations."web" = x; nixosConfigurations.db = y; }; }',
     ["host web", "host db"]),
    ("{ outputs = _: { nixosConfigurations = { web = mk ./w.nix; db = mk ./d.nix; }; }; }",
     ["host web w.nix", "host db d.nix"]),
    ("{ outputs = _: { darwinConfigurations.mac = x; }; }", ["host mac"]),
    ("{ flake.nixosConfigurations.web = x; }", ["host web"]),
    ('{ outputs = _: let mkHost = n: nixosSystem { modules = [ ./hosts/${n} ]; }; in\n'
     '{ nixosConfigurations.web = mkHost "web"; }; }', ["host web hosts/web"]),
    ('let mkHost = { name, extra ? [ ] }: nixosSystem { modules = [ ./hosts/${name} ]; }; in\n'
     '{ nixosConfigurations.web = mkHost { name = "web"; }; }', ["host web hosts/web"]),
    ('let mkHost = { name, base ? [ ./base.nix ./hosts/${name} ], more ? [ ] }:\n'
     "nixosSystem { modules = base ++ more; }; in\n"
     '{ nixosConfigurations.web = mkHost { name = "web"; more = [ ./m.nix ]; }; }',
     ["host web base.nix hosts/web m.nix"]),
    ('let mkHost = { name, base ? [ ./base.nix ] }: nixosSystem { modules = base; }; in\n'
     '{ nixosConfigurations.web = mkHost { name = "web"; base = [ ./own.nix ]; }; }', ["host web own.nix"]),
    ('{ nixosConfigurations = lib.genAttrs [ "web" "db" ] mkHost; }', ["host web", "host db"]),
    ('let hosts = [ "web" ]; in { nixosConfigurations = lib.genAttrs hosts (h: sys [ ./hosts/${h} ]); }',
     ["host web hosts/web"]),
    ("{ nixosConfigurations = lib.mapAttrs mk { web = { }; db = { }; }; }", ["host web", "host db"]),
    ("let hosts = { web.x = 1; }; in { nixosConfigurations = lib.mapAttrs mk hosts; }",
     ["host web"]),
    ("{ nixosConfigurations = lib.genAttrs (lib.attrNames (builtins.readDir ./hosts)) mk; }",
     ["doubt the names are computed by `genAttrs`", "host ? in hosts"]),
    ('{ nixosConfigurations = builtins.listToAttrs (map (n: { name = n; value = mk n; }) [ "web" ]); }',
     ["host web"]),
    ('let mk = { name }: sys { modules = [ ./${name}.nix ]; }; in { flake.nixosConfigurations =\n'
     'listToAttrs (builtins.map (name: { inherit name; value = mk { inherit name; }; }) [ "web" ]); }',
     ["host web web.nix"]),
    ("{ nixosConfigurations = { web = x; } // { db = y; }; }", ["host web", "host db"]),
    ("{ outputs = _: let nixosConfigurations.web = sys ./w.nix; in { inherit nixosConfigurations; }; }",
     ["host web w.nix"]),
    ("let mk = a: sys a; in { nixosConfigurations.web = mk { modules = [ ./w.nix ]; }; }",
     ["host web w.nix"]),
    ("{ nixosConfigurations = { inherit (hosts) web db; }; }", ["host web", "host db"]),
    ("{ nixosConfigurations = { ${name} = x; }; }", ["doubt the name of a host is computed", "host ${name}"]),
    ("{ outputs = _: { colmena = { meta = { }; defaults = { }; web = { imports = [ ./w.nix ]; }; }; }; }",
     ["host web w.nix"]),
    ("{ outputs = _: { colmenaHive = makeHive { meta = { }; web = { }; }; }; }", ["host web"]),
    ('{ deploy.nodes.web = { hostname = "x"; }; }', ["host web"]),
    ("# nixosConfigurations.old = x;\n{ nixosConfigurations = { /* gone = y; */ web = x; }; }", ["host web"]),
    ("{ nixosConfigurations.web = sys [ { networking.hostName = \"w\"; sops.secrets.a = { }; } ]; }",
     ["host web", "hostname w", "secret a for web"]),
    ('{ networking.hostName = "web"; }', ["hostname web"]),
    ('{ networking = { hostName = lib.mkDefault "web"; }; }', ["hostname web"]),
    ('let hostName = "web"; in { networking = { inherit hostName; }; }', ["hostname web"]),
    ("{ networking.hostName = name; }", ["doubt the host name is computed", "hostname ${name}"]),
]  # fmt: skip


@pytest.mark.parametrize(("source", "expected"), DECLARATIONS)
def test_declared_secrets(source: str, expected: list[str]) -> None:
    assert sorted(said(source)) == sorted(expected)


@pytest.mark.parametrize(("source", "expected"), USES)
def test_references(source: str, expected: list[str]) -> None:
    assert sorted(said(source)) == sorted(expected)


@pytest.mark.parametrize("source", TRAPS)
def test_comments_texts_and_other_options_are_no_references(source: str) -> None:
    found = read(source, "flake.nix")
    assert (found.secrets, found.uses, found.hosts, found.doubts) == ((), (), (), ())
    assert found.errors == ()


@pytest.mark.parametrize(("source", "expected"), HOSTS)
def test_hosts(source: str, expected: list[str]) -> None:
    assert sorted(said(source, "flake.nix")) == sorted(expected)


CONDITIONS = [
    ("{ sops.secrets.a = { }; }", False),
    ("{ config = lib.mkIf c { sops.secrets.a = { }; }; }", True),
    ("{ sops.secrets.a = lib.mkIf c { }; }", True),
    ("{ sops.secrets.a.sopsFile = lib.mkIf c ./x.yaml; }", False),
    ("{ sops.secrets = lib.optionalAttrs c { a = { }; }; }", True),
    ("{ sops.secrets = lib.mkMerge [ { a = { }; } ]; }", False),
    ("{ sops.secrets = lib.mkMerge [ (lib.mkIf c { a = { }; }) ]; }", True),
    ("{ sops.secrets = if c then { a = { }; } else { }; }", True),
    ("let more = { a = { }; }; in { sops.secrets = lib.mkIf c more; }", True),
    (
        "{ config = lib.mkMerge [ (lib.mkIf c { sops.secrets.a.owner = x; }) { sops.secrets.a = { }; } ]; }",
        False,
    ),
]


@pytest.mark.parametrize(("source", "conditional"), CONDITIONS)
def test_a_declaration_may_depend_on_a_condition(source: str, conditional: bool) -> None:
    assert [secret.conditional for secret in read(source).secrets] == [conditional]


def test_imports_may_depend_on_a_condition() -> None:
    found = read("{ imports = [ ./a.nix ] ++ lib.optional c ./b.nix ++ (if d then [ ./c.nix ] else [ ]); }")
    assert [item.file.conditional for item in found.imports] == [False, True, True]


def test_the_path_before_a_setting_is_kept() -> None:
    found = read('{ containers.x.config = { sops.secrets.a = { }; sops.defaultSopsKey = "k"; }; }')
    assert [secret.within for secret in found.secrets] == ["containers.x.config"]
    assert [(d.within, d.key and d.key.static) for d in found.defaults] == [("containers.x.config", "k")]


def test_a_hive_is_its_hosts() -> None:
    assert said("{ meta = { }; web = { }; db = x: { }; }", "hive.nix") == ["host web", "host db"]


def test_images_are_told_from_hosts() -> None:
    hosts = read("{ nixosConfigurations = { web = x; web-iso = x; installer = x; isolde = x; }; }").hosts
    assert [host.is_image for host in hosts] == [False, True, True, False]


def test_imports_are_paths_in_the_repository() -> None:
    found = read(
        """{ imports = [ ./hardware.nix ../../modules/net (import ./more.nix { }) inputs.x.y ];
            home-manager.users.bob = import ./bob.nix; }"""
    )
    assert [item.file.path for item in found.imports] == [
        "hosts/a/hardware.nix",
        "modules/net",
        "hosts/a/more.nix",
        "hosts/a/bob.nix",
    ]


def test_modules_of_the_flake_lead_from_hosts_to_files() -> None:
    found = read(
        """{ self, inputs, ... }: {
             flake.nixosModules = { common = import ./common.nix; web-host = ./web/default.nix; };
             flake.nixosConfigurations.web = sys {
               modules = [ self.nixosModules.web-host inputs.disko.nixosModules.disko ]
                 ++ (with self.nixosModules; [ common ]); }; }""",
        "flake.nix",
    )
    assert [(module.name.static, module.file.path) for module in found.modules] == [
        ("common", "common.nix"),
        ("web-host", "web/default.nix"),
    ]
    assert [name.static for host in found.hosts for name in sorted(host.modules, key=str)] == [
        "common",
        "web-host",
    ]
    assert [use.name.static for use in found.module_uses] == ["web-host", "common"]


def test_wireguard_nodes_keep_what_stands_beside_the_key() -> None:
    found = read(
        """{ nodes = { hub = { ip = "10.0.0.1"; publicKey = "K1"; isServer = true; endpoint = "h:1"; };
                       web = { ip = "10.0.0.2"; publicKey = "K2"; }; };
             peers = [ { publicKey = "K3"; allowedIPs = [ "10.0.0.3/32" ]; }
                       { name = "db"; publicKey = "K4"; } ];
             privateKeyFile = "x"; }"""
    )
    summary = [
        (
            node.name.static if node.name else None,
            node.public_key.static,
            [address.static for address in node.addresses],
            node.endpoint.static if node.endpoint else None,
            node.is_server,
        )
        for node in found.wireguard
    ]
    assert summary == [
        ("hub", "K1", ["10.0.0.1"], "h:1", True),
        ("web", "K2", ["10.0.0.2"], None, None),
        (None, "K3", ["10.0.0.3/32"], None, None),
        ("db", "K4", [], None, None),
    ]


def test_a_computed_name_can_be_filled_in_for_a_host() -> None:
    (secret,) = read('{ sops.secrets."wg/${config.me}/key".sopsFile = ./${config.me}.yaml; }').secrets
    known = {"config.me": "web"}
    assert secret.name.static is None
    assert secret.name.filled(known).static == "wg/web/key"
    assert secret.files[0].path is None
    assert secret.files[0].located(known) == "hosts/a/web.yaml"


@pytest.mark.parametrize("written", ["../../../../x.yaml", "../..", "/etc/x.yaml"])
def test_a_path_outside_of_the_repository_is_none_in_it(written: str) -> None:
    base = Base.OUTSIDE if written.startswith("/") else Base.FILE
    file = FileRef(Text((written,), base), "hosts/a", Place(0, 0, 1, 1))
    assert file.path is None
    assert file.outside


def test_an_unknown_path_is_not_said_to_be_outside() -> None:
    file = FileRef(Text(("./", Hole("x")), Base.FILE), "", Place(0, 0, 1, 1))
    assert (file.path, file.outside) == (None, False)


def test_places_are_lines_and_characters() -> None:
    (use,) = read('{\n  "ü" = "é ${config.sops.secrets.a.path}";\n}').uses
    assert (use.place.line, use.place.column, use.option) == (2, 14, "ü")


def test_below_a_parse_error_the_rest_is_read() -> None:
    found = read("{ sops.secrets.a = { }; b = = 1; c = config.sops.secrets.a.path; }")
    assert found.errors
    assert [secret.name.static for secret in found.secrets] == ["a"]


def test_names_that_stand_for_each_other_end() -> None:
    assert read("let a = b; b = a; in { sops.secrets = a; networking.hostName = b; }").secrets == ()
    assert [s.name.static for s in read("rec { x = { y = x; }; sops.secrets = x; }").secrets] == ["y"]
    doubling = "".join(f'a{n} = "${{a{n + 1}}}${{a{n + 1}}}"; ' for n in range(60))
    start = time.process_time()
    read("let " + doubling + 'a60 = "x"; in { networking.hostName = a0; }')
    assert time.process_time() - start < 5


def test_without_the_engine_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syntax, "_parser", None)
    monkeypatch.setitem(sys.modules, "tree_sitter", None)
    assert isinstance(facts(b"{ }", "a.nix"), Unread)


PIECES = [s for s, _ in DECLARATIONS + USES + HOSTS] + TRAPS
CUTS = [
    b"",
    b"{",
    b"}",
    b'"',
    b"''",
    b"${",
    b"(",
    b";",
    b"=",
    b"[",
    b"]",
    b":",
    b"#",
    b"\xff",
    b"\x00",
    b"with x;",
]


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_damaged_nix_never_raises(data: st.DataObject) -> None:
    source = bytearray(data.draw(st.sampled_from(PIECES)).encode())
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(source)))
        source[place : place + data.draw(st.integers(0, 5))] = data.draw(st.sampled_from(CUTS))
    found = read(bytes(source), data.draw(st.sampled_from(["flake.nix", "hive.nix", "a/b.nix", "x"])))
    for use in found.uses:
        assert 0 <= use.place.start <= use.place.end <= len(source)


@given(st.binary(max_size=300))
@settings(max_examples=100, deadline=None)
def test_no_bytes_raise(source: bytes) -> None:
    read(source)


@pytest.mark.parametrize(
    "source",
    [
        b"(" * 10_000 + b"1" + b")" * 10_000,
        b"{sops=" * 10_000 + b"1" + b";}" * 10_000,
        b"{sops.secrets=" * 5_000 + b"1" + b";}" * 5_000,
        b'"${' * 10_000 + b"1" + b'}"' * 10_000,
        b"let a=1; in " * 5_000 + b"{ x = b; }",
        b"with a; " * 5_000 + b"x.y",
        b"x: " * 10_000 + b"x",
        b"rec{a=" * 5_000 + b"b" + b";}" * 5_000,
        b"{ x = [ " + b"config.sops.secrets.a.path " * 20_000 + b"]; }",
        b"let f = x: f (f x); in { sops.secrets.a = f 1; nixosConfigurations = f 2; }",
        b"let f = x: { a = f x; b = f x; }; in { sops.secrets = { a = f 1; }; }",
        b"{ sops.secrets = { " + b"a = { }; " * 20_000 + b"}; }",
        b"let f = x: { "
        + b"a = 1; " * 20_000
        + b"}; in { nixosConfigurations = {"
        + b"h = f 1;" * 900
        + b"}; }",
        b"let f = x: { "
        + b"a = 1; " * 20_000
        + b"}; in { sops.secrets = genAttrs ["
        + b' "h"' * 900
        + b"] f; }",
        b"config" + b".sops.secrets" * 60,
        b"config" + b".sops.secrets" * 20_000,
        random.Random(2).randbytes(100_000),
    ],
    ids=lambda source: repr(source[:14]),
)
def test_deep_and_long_input_takes_bounded_time(source: bytes) -> None:
    start = time.process_time()
    assert isinstance(facts(source, "flake.nix"), NixFacts | Unread)
    assert time.process_time() - start < 10
