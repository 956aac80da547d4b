"""The layout of the guide to the letter: one `secrets/secrets.yaml` that every host reads, the `.sops.yaml`
of its quick start, a key of a virtual machine beside it, and Nix code with public keys still to be filled in.

What has to be found in it, and why, stands in `literal.toml`.
"""

from tests.infrastructure.advised import indented
from tests.infrastructure.keyring import HUB, Keyring

SECRETS = "secrets/secrets.yaml"


def sops_config(ring: Keyring) -> str:
    """`.sops.yaml` as the quick start writes it, with the hosts that the scripts add."""
    names = ["user_ada", *(f"host_{name}" for name in ring.hosts)]
    keys = [f"  - &user_ada {ring.people['ada'].recipient} # Your age public key"]
    keys += [f"  - &host_{host.name} {host.recipient}" for host in ring.hosts.values()]
    aliases = "".join(f"          - *{name}\n" for name in names)
    return (
        "keys:\n" + "\n".join(keys) + "\ncreation_rules:\n"
        "  - path_regex: secrets/[^/]+\\.(yaml|json)$\n    key_groups:\n      - age:\n" + aliases
    )


def secrets(ring: Keyring) -> str:
    """The documented tree."""
    parts = ["wireguard:\n"]
    for host in ring.hosts.values():
        parts += [f"  {host.name}:\n    private_key: {host.wireguard.private}\n"]
        parts += [f"    public_key: {host.wireguard.public}\n"]
        if not host.is_hub:
            parts += [f"    preshared_key: {host.preshared}\n"]
    parts += ["ssh:\n"]
    for host in ring.hosts.values():
        parts += [f"  {host.name}:\n    host_key: |\n{indented(host.ssh.private, 6)}"]
        parts += [f"    host_key_pub: {host.public_line}\n"]
    parts += ["age:\n"]
    for host in ring.hosts.values():
        parts += [f"  {host.name}:\n    private: {host.identity}\n    public: {host.recipient}\n"]
    parts += ["restic:\n  password: a-long-passphrase-of-the-backups\n"]
    parts += ["database:\n  url: postgres://metrics:words-for-the-database@db.example.org/metrics\n"]
    return "".join(parts)


HEAD = """\
{ config, ... }:
{
  imports = [ ../../modules/network ../../modules/security ]; # Bundle: wireguard, ssh available

  networking.wireguard-mesh = {
    enable = true;
    nodeName = "@name@";
    hubNodeName = "capacitor"; # @comment@

    nodes = {
      capacitor = {
        ip = "10.0.0.1";
        publicKey = "CAPACITOR_PUBLIC_KEY";
        isServer = true;
        endpoint = "capacitor.example.com:51820";
      };
      powerhouse = {
        ip = "10.0.0.2";
        publicKey = "POWERHOUSE_PUBLIC_KEY";
      };
      turbine = {
        ip = "10.0.0.3";
        publicKey = "TURBINE_PUBLIC_KEY";
      };
      battery = {
        ip = "10.0.0.4";
        publicKey = "BATTERY_PUBLIC_KEY";
      };
    };

    privateKeyFile = config.sops.secrets."wireguard/@name@/private_key".path;
@preshared@  };

  services.openssh.hostKeysDeclarative = {
    enable = true;
    ed25519 = {
      privateKeyFile = config.sops.secrets."ssh/@name@/host_key".path;
      publicKeyFile = config.sops.secrets."ssh/@name@/host_key_pub".path;
    };
    extraAuthorizedKeys = [
      "ssh-ed25519 AAAAC3... admin@turbine"
    ];
  };

  # Declare secrets
  sops.defaultSopsFile = ../../secrets/secrets.yaml;
  sops.secrets."wireguard/@name@/private_key" = {};
@declared@  sops.secrets."ssh/@name@/host_key" = {};
  sops.secrets."ssh/@name@/host_key_pub" = {};
}
"""
FLAKE = """\
{
  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";
  inputs.sops-nix = {
    url = "github:Mic92/sops-nix";
    inputs.nixpkgs.follows = "nixpkgs";
  };

  outputs = { nixpkgs, sops-nix, ... }: {
@hosts@  };
}
"""
ENTRY = """\
    nixosConfigurations.@name@ = nixpkgs.lib.nixosSystem {
      system = "x86_64-linux";
      modules = [ ./hosts/@name@/config.nix sops-nix.nixosModules.sops ];
    };
"""


def host_module(name: str) -> str:
    """`hosts/NAME/config.nix`."""
    hub = name == HUB
    path = 'config.sops.secrets."wireguard/@name@/preshared_key".path'
    return (
        HEAD.replace("@comment@", "This is the hub" if hub else "Connects to capacitor")
        .replace("@preshared@", "" if hub else f"    presharedKeyFile = {path};\n")
        .replace("@declared@", "" if hub else '  sops.secrets."wireguard/@name@/preshared_key" = {};\n')
        .replace("@name@", name)
    )


def plain_files(ring: Keyring) -> dict[str, str]:
    """Everything that is not encrypted, by path."""
    from sopsguard.keys import ssh

    files = {
        ".sops.yaml": sops_config(ring),
        "flake.nix": FLAKE.replace("@hosts@", "".join(ENTRY.replace("@name@", name) for name in ring.hosts)),
        "keys/ada-public.asc": ring.certificate,
        "modules/network/default.nix": "{ ... }: { imports = [ ./wireguard.nix ]; }\n",
        "modules/network/wireguard.nix": "{ lib, ... }: { options.networking.wireguard-mesh = { }; }\n",
        "modules/security/default.nix": "{ ... }: { security.sudo.enable = true; }\n",
        # The rule ends in (yaml|json), so the key of the development machine is under none, and in clear.
        "secrets/vm_host_key": ssh.generate_host_key("ed25519", "vm").private,
    }
    files |= {f"hosts/{name}/config.nix": host_module(name) for name in ring.hosts}
    return files
