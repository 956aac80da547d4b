"""The layout that we advise: a file per host, a shared one, one that only the admin opens.

Who can read what follows from the path: a host opens its own file and the shared one, the cluster its
manifests, Ada and the key in the safe everything. Each host's age key is the one that ssh-to-age makes of its
SSH host key, whose public half stands beside its configuration. The private halves of the host keys are kept
for the day a machine is installed again, where no host can read them.
"""

from collections.abc import Iterable

from tests.infrastructure.keyring import HUB, Host, Keyring

ADMIN = "secrets/admin.yaml"
SHARED = "secrets/shared.yaml"
MANIFEST = "kubernetes/web/secret.yaml"


def host_file(name: str) -> str:
    """Where the secrets of a host are."""
    return f"secrets/hosts/{name}.yaml"


def sops_config(ring: Keyring, hosts: Iterable[Host]) -> str:
    """`.sops.yaml`."""
    hosts = sorted(hosts, key=lambda host: host.name)
    keys = [
        f"  - &user_ada {ring.people['ada'].recipient}",
        f"  - &offline_safe {ring.people['safe'].recipient}  # printed, in the safe",
        *(f"  - &host_{host.name} {host.recipient}" for host in hosts),
        f"  - &cluster_web {ring.people['cluster'].recipient}",
    ]
    rules = [
        rule(rf"^secrets/hosts/{host.name}\.yaml$", ("user_ada", "offline_safe", f"host_{host.name}"))
        for host in hosts
    ]
    everybody = ("user_ada", "offline_safe", *(f"host_{host.name}" for host in hosts))
    rules += [
        rule(r"^secrets/shared\.yaml$", everybody),
        rule(r"^secrets/admin\.yaml$", ("user_ada", "offline_safe")),
        rule(
            r"^kubernetes/[^/]+/secret\.yaml$",
            ("user_ada", "offline_safe", "cluster_web"),
            "    encrypted_regex: ^(data|stringData)$\n",
        ),
    ]
    return (
        "# Who can read what. After a change: sops updatekeys on what it concerns.\nkeys:\n"
        + "\n".join(keys)
        + "\ncreation_rules:\n"
        + "".join(rules)
    )


def rule(path_regex: str, names: Iterable[str], more: str = "") -> str:
    """One creation rule."""
    aliases = "".join(f"          - *{name}\n" for name in names)
    return f"  - path_regex: {path_regex}\n{more}    key_groups:\n      - age:\n{aliases}"


def inventory(ring: Keyring, hosts: Iterable[Host], retired: Host | None = None) -> str:
    """`inventory.yaml`."""
    lines = ["# The machines and people of this house.", "hosts:"]
    for host in hosts:
        lines += [
            f"  {host.name}:",
            f"    recipients: [{host.recipient}]",
            f"    host_keys: [{' '.join(host.public_line.split()[:2])}]",
            f"    wireguard: {{address: {host.address}{', server: true' if host.is_hub else ''}}}",
        ]
    lines += [
        "people:",
        "  ada:",
        "    roles: [admin]",
        "    recipients:",
        f"      - {ring.people['ada'].recipient}",
        f"      - {{key: {ring.people['safe'].recipient}, offline: true}}  # printed, in the safe",
        "services:",
        "  web:",
        f"    recipients: [{ring.people['cluster'].recipient}]",
    ]
    if retired is not None:
        lines += [
            "former:",
            f"  {retired.name}:",
            "    kind: host",
            "    left: 2026-03-02",
            f"    recipients: [{retired.recipient}]",
        ]
    return "\n".join(lines) + "\n"


def host_secrets(host: Host, spokes: Iterable[Host]) -> str:
    """What `secrets/hosts/NAME.yaml` holds. The hub has the preshared key of every tunnel, the spokes have
    the one of theirs."""
    text = (
        f"wireguard:\n  {host.name}:\n    private_key: {host.wireguard.private}\n"
        f"    public_key: {host.wireguard.public}\n"
    )
    if not host.is_hub:
        return f"{text}    preshared_key: {host.preshared}\n"
    return text + "".join(f"  {spoke.name}:\n    preshared_key: {spoke.preshared}\n" for spoke in spokes)


def admin_secrets(hosts: Iterable[Host]) -> str:
    """What `secrets/admin.yaml` holds: what a machine needs on the day it is installed again."""
    hosts = list(hosts)
    parts = ["ssh:\n"]
    for host in hosts:
        parts += [
            f"  {host.name}:\n    host_key: |\n{indented(host.ssh.private, 6)}"
            f"    host_key_pub: {host.public_line}\n"
        ]
    parts += ["age:\n"]
    for host in hosts:
        parts += [
            f"  {host.name}:\n    private: |\n{indented(host.identity_file, 6)}    public: {host.recipient}\n"
        ]
    return "".join(parts)


def indented(text: str, columns: int) -> str:
    """The lines of a block."""
    return "".join(f"{' ' * columns}{line}\n" for line in text.splitlines())


def shared_secrets(generation: str) -> str:
    """What `secrets/shared.yaml` holds; another generation holds other values."""
    return (
        f"restic:\n  password: the-long-{generation}-passphrase-of-the-backups\n"
        f"database:\n  url: postgres://metrics:{generation}-words-for-the-database@db.example.org/metrics\n"
        f"api:\n  weather: {generation}-token-of-the-weather-service\n"
        f"  mirrors:\n    - {generation}-token-of-one-mirror\n    - {generation}-token-of-the-other-mirror\n"
    )


def manifest(generation: str) -> str:
    """The Kubernetes Secret."""
    return (
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: web-database\n  namespace: web\nstringData:\n"
        f"  DATABASE_URL: postgres://web:{generation}-words-for-the-web@db.example.org/web\n"
    )


FLAKE = """\
{
  description = "The machines of this house";

  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";
    sops-nix = {
      url = "github:Mic92/sops-nix";
      inputs.nixpkgs.follows = "nixpkgs";
    };
  };

  outputs = { nixpkgs, sops-nix, ... }:
    let
      mkHost = name: nixpkgs.lib.nixosSystem {
        system = "x86_64-linux";
        modules = [ ./hosts/${name} sops-nix.nixosModules.sops ];
      };
    in
    {
      nixosConfigurations = {
@hosts@        installer-iso = nixpkgs.lib.nixosSystem {
          system = "x86_64-linux";
          modules = [ ./hosts/installer.nix ];
        };
        # generator = mkHost "generator"; one day
      };
    };
}
"""


def flake(hosts: Iterable[Host]) -> str:
    """`flake.nix`."""
    return FLAKE.replace("@hosts@", "".join(f'        {h.name} = mkHost "{h.name}";\n' for h in hosts))


NETWORK = """\
{ config, lib, ... }:
let
  cfg = config.networking.wireguard-mesh;
in
{
  options.networking.wireguard-mesh = {
    enable = lib.mkEnableOption "the mesh of this house";
    nodeName = lib.mkOption {
      type = lib.types.str;
      description = ''
        The name of this machine, for example "powerhouse"; its key comes from
        config.sops.secrets."wireguard/example/private_key".path.
      '';
    };
    privateKeyFile = lib.mkOption { type = lib.types.path; };
    presharedKeyFile = lib.mkOption { type = lib.types.nullOr lib.types.path; default = null; };
    nodes = lib.mkOption { type = lib.types.attrs; default = { }; };
  };

  config = lib.mkIf cfg.enable {
    networking.wireguard-mesh.nodes = {
@nodes@    };
  };
}
"""


def network(hosts: Iterable[Host]) -> str:
    """The module that knows every node of the mesh."""
    nodes = []
    for host in hosts:
        hub = ""
        if host.is_hub:
            hub = f'        isServer = true;\n        endpoint = "{host.name}.example.org:51820";\n'
        nodes.append(
            f'      {host.name} = {{\n        ip = "{host.address}";\n'
            f'        publicKey = "{host.wireguard.public}";\n{hub}      }};\n'
        )
    return NETWORK.replace("@nodes@", "".join(nodes))


BACKUP = """\
{ config, ... }:
{
  sops.secrets."restic/password" = {
    sopsFile = ../secrets/shared.yaml;
  };
  services.restic.backups.home = {
    paths = [ "/home" ];
    repository = "sftp:backup.example.org:/home";
    passwordFile = config.sops.secrets."restic/password".path;
  };
}
"""

HOST = """\
{ config, ... }:
{
  imports = [ @imports@ ];

  networking.hostName = "@name@";
  sops.defaultSopsFile = ../../secrets/hosts/@name@.yaml;
  sops.age.sshKeyPaths = [ "/etc/ssh/ssh_host_ed25519_key" ];

  networking.wireguard-mesh = {
    enable = true;
    nodeName = "@name@";
    privateKeyFile = config.sops.secrets."wireguard/@name@/private_key".path;
@preshared@  };

  sops.secrets."wireguard/@name@/private_key" = { };
@secrets@}
"""

# What only one of the hosts does.
EXTRA = {
    "capacitor": """
  sops.secrets."wireguard/powerhouse/preshared_key" = { };
  sops.secrets."wireguard/turbine/preshared_key" = { };
  sops.secrets."wireguard/battery/preshared_key" = { };
  networking.wireguard-mesh.presharedKeyFiles = {
    powerhouse = config.sops.secrets."wireguard/powerhouse/preshared_key".path;
    turbine = config.sops.secrets."wireguard/turbine/preshared_key".path;
    battery = config.sops.secrets."wireguard/battery/preshared_key".path;
  };
""",
    "powerhouse": """
  sops.secrets = {
    "database/url".sopsFile = ../../secrets/shared.yaml;
    weather = {
      sopsFile = ../../secrets/shared.yaml;
      key = "api/weather";
    };
  };
  sops.templates."metrics.env".content = ''
    DATABASE_URL=${config.sops.placeholder."database/url"}
    WEATHER_TOKEN=${config.sops.placeholder.weather}
  '';
""",
}


def host_module(host: Host) -> str:
    """`hosts/NAME/default.nix`."""
    path = f'config.sops.secrets."wireguard/{host.name}/preshared_key".path'
    preshared = "" if host.is_hub else f"    presharedKeyFile = {path};\n"
    declared = "" if host.is_hub else f'  sops.secrets."wireguard/{host.name}/preshared_key" = {{ }};\n'
    imports = "../../modules/network.nix ../../modules/backup.nix"
    return (
        HOST.replace("@imports@", imports)
        .replace("@preshared@", preshared)
        .replace("@secrets@", declared + EXTRA.get(host.name, ""))
        .replace("@name@", host.name)
    )


INSTALLER = """\
{ modulesPath, ... }:
{
  imports = [ "${modulesPath}/installer/cd-dvd/installation-cd-minimal.nix" ];
  # Holds no secret: sops.secrets."wireguard/powerhouse/private_key" = { }; belongs to machines.
}
"""

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: web
spec:
  replicas: 1
  selector:
    matchLabels:
      app: web
  template:
    metadata:
      labels:
        app: web
    spec:
      containers:
        - name: web
          image: web:1.2.3
          envFrom:
            - secretRef:
                name: web-database
"""

KUSTOMIZATION = """\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: web
resources:
  - deployment.yaml
  - secret.yaml
"""

POLICY = """\
version: 1
require: [plaintext, schema, recipients]
schemas:
  secrets/**: guide
"""

README = """\
# The machines of this house

Secrets are in `secrets/`, encrypted; `.sops.yaml` says who can read them. `nix develop` brings the tools.
"""


def plain_files(ring: Keyring, hosts: Iterable[Host], retired: Host | None) -> dict[str, str]:
    """Everything that is not encrypted, by path."""
    hosts = list(hosts)
    files = {
        ".gitignore": "result\n*.dec.yaml\n",
        ".sops.yaml": sops_config(ring, hosts),
        ".sopsguard.yaml": POLICY,
        "README.md": README,
        "flake.nix": flake(hosts),
        "inventory.yaml": inventory(ring, hosts, retired),
        "keys/ada.asc": ring.certificate,
        "hosts/installer.nix": INSTALLER,
        "modules/network.nix": network(hosts),
        "modules/backup.nix": BACKUP,
        "kubernetes/web/deployment.yaml": DEPLOYMENT,
        "kubernetes/web/kustomization.yaml": KUSTOMIZATION,
    }
    for host in hosts:
        files[f"hosts/{host.name}/default.nix"] = host_module(host)
        files[f"hosts/{host.name}/ssh_host_ed25519_key.pub"] = f"{host.public_line}\n"
    return files


def secret_files(hosts: Iterable[Host], generation: str) -> dict[str, str]:
    """What is encrypted, in clear, by path."""
    hosts = list(hosts)
    spokes = [host for host in hosts if host.name != HUB]
    return {
        **{host_file(host.name): host_secrets(host, spokes) for host in hosts},
        SHARED: shared_secrets(generation),
        ADMIN: admin_secrets(hosts),
        MANIFEST: manifest(generation),
    }
