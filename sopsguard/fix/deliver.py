"""What people do after keys of a host were made: bring them to the machine, and use them in Nix."""

from collections.abc import Iterable, Iterator

from sopsguard.context import Context
from sopsguard.fix.layout import Layout
from sopsguard.fix.plan import Draft


def extract(path: str, *key: str) -> str:
    """The command that prints one value of a file."""
    import shlex

    index = "".join(f'["{part}"]' for part in key)
    return f"sops decrypt --extract {shlex.quote(index)} {shlex.quote(path)}"


def steps(
    draft: Draft,
    ctx: Context,
    habits: Layout,
    name: str,
    from_ssh: bool,
    hub: bool,
    public: str | None,
    address: str | None,
) -> None:
    """The steps for a host whose secrets are on the draft."""
    kind, leaf, target = ("ssh", "host_key", "etc/ssh/ssh_host_ed25519_key")
    if not from_ssh:
        kind, leaf, target = ("age", "private", "var/lib/sops-nix/key.txt")
    home = habits.homes[kind]
    draft.ask(
        f"bring the key that opens the secrets to {name}, before or while it is installed: "
        "it is the one thing that sops-nix cannot bring itself",
        "dir=$(mktemp -d)",
        f'install -d -m 755 "$dir/{target.rpartition("/")[0]}"',
        f'(umask 077; {extract(home.file(name), *home.key(kind, name), leaf)} > "$dir/{target}")',
        f'nixos-anywhere --extra-files "$dir" --flake .#{name} root@{name}',
        'rm -r "$dir"',
    )
    draft.ask(f"put into the configuration of {name}", *snippet(habits, name, from_ssh, hub))
    if public is not None and address is not None:
        places = sorted(
            path for path, facts in ctx.nix.peers.items() if any(n.name is not None for n in facts.wireguard)
        )
        where = ", ".join(places) if places else "the nodes of the mesh, for all hosts"
        draft.ask(f"put into {where}, and deploy the hub", *node(name, address, public, hub))
    draft.ask("look at the changes, and commit them together", "git diff --stat", "sopsguard check")


def all_hosts(draft: Draft, habits: Layout, names: Iterable[str]) -> None:
    """The step that brings their SSH host keys to several new machines."""
    home = habits.homes["ssh"]
    draft.ask(
        "bring each machine its SSH host key while it is installed: it opens the secrets of the machine",
        f"for host in {' '.join(names)}; do",
        "  dir=$(mktemp -d)",
        '  install -d -m 755 "$dir/etc/ssh"',
        f'  (umask 077; sops decrypt --extract "[\\"ssh\\"][\\"$host\\"][\\"host_key\\"]" '
        f'{home.file("$host")} > "$dir/etc/ssh/ssh_host_ed25519_key")',
        '  nixos-anywhere --extra-files "$dir" --flake ".#$host" "root@$host"',
        '  rm -r "$dir"',
        "done",
    )


def node(name: str, address: str, public: str, hub: bool) -> Iterator[str]:
    """The node of a mesh, in Nix."""
    yield f"{name} = {{"
    yield f'  ip = "{address.partition("/")[0]}";'
    yield f'  publicKey = "{public}";'
    if hub:
        yield "  isServer = true;"
        yield f'  endpoint = "{name}.example.org:51820";  # its name in the internet'
    yield "};"


def snippet(habits: Layout, name: str, from_ssh: bool, hub: bool) -> Iterator[str]:
    """The part of a host's configuration that concerns its secrets, in Nix."""
    home = habits.homes["wireguard"]
    keys = ["private_key"] if hub else ["private_key", "preshared_key"]
    tree = "/".join(home.key("wireguard", name))
    yield f"sops.defaultSopsFile = ../../{home.file(name)};"
    if from_ssh:
        yield 'sops.age.sshKeyPaths = [ "/etc/ssh/ssh_host_ed25519_key" ];'
    else:
        yield 'sops.age.keyFile = "/var/lib/sops-nix/key.txt";'
    for key in keys:
        yield f'sops.secrets."{tree}/{key}" = {{ }};'
    yield "networking.wireguard-mesh = {"
    yield "  enable = true;"
    yield f'  nodeName = "{name}";'
    yield f'  privateKeyFile = config.sops.secrets."{tree}/private_key".path;'
    if not hub:
        yield f'  presharedKeyFile = config.sops.secrets."{tree}/preshared_key".path;'
    yield "};"
