"""What a revocation leaves to people, in its order: deliver, deploy, replace, clean up.

Command lines name files and keys only; no value ever stands in one.
"""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from sopsguard.context import Context
from sopsguard.fix.plan import Draft
from sopsguard.fix.renew import Made, Renewal, Spot
from sopsguard.inventory import Kind, folded
from sopsguard.references import Target
from sopsguard.sops.editor.refusal import index_of
from sopsguard.sops.masterkey import abbreviated

if TYPE_CHECKING:
    from sopsguard.fix.knowledge import Known, Whom

# Names of values that are no secret; who could read them knows nothing by that.
_PUBLIC = frozenset(
    ("public", "public_key", "pubkey", "pub", "host_key_pub", "address", "ip", "endpoint", "port", "host",
     "listen_port", "username", "user", "url_public", "is_server", "recipient")
)  # fmt: skip


def ask(
    draft: Draft,
    ctx: Context,
    who: "Whom",
    renewal: Renewal,
    theirs: Sequence[tuple[str, str]],
    known: "Known",
    mentioned: tuple[str, ...],
    head: str | None,
) -> None:
    """Put the steps on the draft. `theirs` are the values (file, key) that only people can replace,
    `mentioned` the places where Nix still speaks of the host, `head` the commit before the change."""
    changed = {write.path for write in draft.plan().changes}
    if not changed and not draft.plan().refusals and not mentioned and not theirs:
        return
    _deliver(draft, renewal)
    _deploy(draft, ctx, who, changed)
    _public_keys(draft, ctx, renewal)
    _backups(draft, renewal, head or "HEAD")
    _replace(draft, ctx, theirs)
    _others(draft, known)
    _outside(draft, who)
    if mentioned:
        lines = ", ".join(mentioned[:6]) + (f" and {len(mentioned) - 6} more" if len(mentioned) > 6 else "")
        draft.ask(
            f"if {who.name} does not come back, take it out of Nix ({lines}), then run this again: it "
            "removes the secrets that were for it alone",
            f"sopsguard fix revoke {shlex.quote(who.name)} --apply",
        )
    if changed:
        draft.ask(
            "commit and push it all in one commit", f"git commit -am {shlex.quote(f'Revoke {who.name}')}"
        )


def _deliver(draft: Draft, renewal: Renewal) -> None:
    """New keys have to be on the hosts before what is encrypted for them is deployed."""
    hosts: dict[str, list[str]] = {}
    for one in renewal.done:
        name = one.name.partition(" ")[0]
        if one.kind is Made.IDENTITY:
            then = f"ssh root@{name} 'umask 077; cat >> /var/lib/sops-nix/key.txt'"
        elif one.kind is Made.HOST_KEY:
            file = "ssh_host_rsa_key" if "RSA" in one.name else "ssh_host_ed25519_key"
            then = f"ssh root@{name} 'umask 077; cat > /etc/ssh/{file}'"
        else:
            continue
        hosts.setdefault(name, []).append(_extract(one.spots[0], then))
    for name, commands in hosts.items():
        draft.ask(
            f"before {name} is deployed, give it its new keys, as far as Nix does not place them: the age "
            "identity behind the old one in `sops.age.keyFile`, the SSH host key in /etc/ssh; then mend "
            "known_hosts",
            *commands,
        )


def _extract(spot: Spot, then: str) -> str:
    index = shlex.quote(index_of(spot.key))
    return f"sops decrypt --extract {index} {shlex.quote(spot.path)} | {then}"


def _deploy(draft: Draft, ctx: Context, who: "Whom", changed: set[str]) -> None:
    hosts: dict[str, None] = {}
    for found in ctx.references.all:
        target = found.outcome
        if found.host is not None and isinstance(target, Target) and target.file in changed:
            hosts[found.host] = None
    for path in sorted(changed):
        if path.endswith(".nix"):
            hosts.update((host, None) for host, _ in ctx.references.graph.hosts_of(path))
        elif not hosts and path in ctx.access.reach:
            for reader in sorted(ctx.access.reach[path].everyone):
                hosts.update((h.name, None) for h in ctx.access.hosts(reader))
    names = [name for name in hosts if name not in who.names]
    hubs = {h.name for h in ctx.inventory.hosts if h.wireguard is not None and h.wireguard.server}
    names.sort(key=lambda name: (name in hubs, name))  # the tunnels end there
    if names:
        draft.ask(
            "build all of these first, then deploy one by one, not through the tunnels: a tunnel is down "
            "until both of its ends have the new keys",
            *(f"nixos-rebuild switch --flake .#{name} --target-host root@{name}" for name in names),
        )


def _public_keys(draft: Draft, ctx: Context, renewal: Renewal) -> None:
    """Where Nix has no key that could have been replaced: somebody still has to fill it in."""
    from sopsguard.keys import wireguard

    for one in renewal.done:
        if one.kind is not Made.PAIR:
            continue
        places = [
            f"{path}:{node.place.line}"
            for path, facts in ctx.nix.said.items()
            for node in facts.wireguard
            if node.name is not None
            and folded(node.name.static or "") == folded(one.name)
            and (text := node.public_key.static) is not None
            and not isinstance(wireguard.key(text), wireguard.Key)
        ]
        if places:
            spot = Spot(one.spots[0].path, (*one.spots[0].key[:-1], "public_key"))
            draft.ask(
                f"{', '.join(places)}: no WireGuard key stands there for {one.name}; write its public key",
                f"sops decrypt --extract {shlex.quote(index_of(spot.key))} {shlex.quote(spot.path)}",
            )


def _backups(draft: Draft, renewal: Renewal, head: str) -> None:
    for one in renewal.done:
        if one.kind is Made.PASSPHRASE:
            spot = one.spots[0]
            old = f"git show {head[:12]}:{shlex.quote(spot.path)}"
            draft.ask(
                f"give the repository of {one.name} its new password before it is deployed (restic: "
                "`restic key add`, then `restic key remove`); the old one is in git until then",
                f"{old} | sops decrypt --filename-override {shlex.quote(spot.path)} "
                f"--extract {shlex.quote(index_of(spot.key))} /dev/stdin",
            )


def _replace(draft: Draft, ctx: Context, theirs: Iterable[tuple[str, str]]) -> None:
    uses: dict[tuple[str, str], list[str]] = {}  # an empty key: the whole file
    for found in ctx.references.all:
        target = found.outcome
        if isinstance(target, Target):
            host = f"{found.host} " if found.host else ""
            leaf = ".".join(found.leaf) if found.leaf else target.key.replace("/", ".")
            leaf = "" if target.is_whole else leaf
            uses.setdefault((target.file, leaf), []).append(f"{host}({found.where.path}:{found.where.line})")
    for path, key in theirs:
        if key.rpartition(".")[2].lower() in _PUBLIC:
            continue
        places = list(dict.fromkeys((*uses.get((path, key), ()), *uses.get((path, ""), ()))))
        used = f"; used by {', '.join(places[:4])}" if places else ""
        draft.ask(
            f"replace {key} in {path} where it was issued, then write the new one{used}",
            f"sops set --value-stdin {shlex.quote(path)} {shlex.quote(_index(ctx, path, key))}",
        )


def _index(ctx: Context, path: str, key: str) -> str:
    file = ctx.access.files.get(path)
    for leaf in file.leaves if file is not None else ():
        if leaf.key == key:
            return index_of(leaf.path)
    return key


def _others(draft: Draft, known: "Known") -> None:
    by_place: Mapping[str, str] = {where: reader for reader, where in known.others.items()}
    for where, reader in by_place.items():
        draft.ask(
            f"{where} once showed the private key of {abbreviated(reader)}: make sure that it is replaced"
        )


def _outside(draft: Draft, who: "Whom") -> None:
    """Where else keys may open something; the repository cannot know."""
    holder = who.holder
    what = "host key, deploy keys and user keys" if who.is_host else "SSH keys, tokens and signing keys"
    named = []
    if holder is not None:
        named = [
            f"OpenPGP {k.key}" if k.kind == "openpgp" else abbreviated(k.key) for k in holder.signing_keys
        ]
    shown = f" ({', '.join(named)})" if named else ""
    draft.ask(
        f"remove the {what} of {who.name}{shown} wherever they open something: the forge, authorized_keys, "
        "known_hosts, backup servers, the VPN"
    )
    if (
        holder is not None
        and holder.kind is Kind.PERSON
        and any(k.kind == "openpgp" for k in holder.signing_keys)
    ):
        draft.ask(
            f"have {who.name} publish a revocation of the OpenPGP key, and remove its file from the tree"
        )
