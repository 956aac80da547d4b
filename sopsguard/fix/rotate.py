"""Rotation by choice: new values for what a file, a class of the schedule or a host names.

Keys that open files change in two phases, because a host that does not have its new key yet must still open
what is deployed: first the new one comes beside the old, then the old one goes. The phase shows in the
repository: a host with two recipients, one that of the private key stored, waits for the second.
"""

import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sopsguard.context import Context
from sopsguard.fix import exchange
from sopsguard.fix.plan import Draft
from sopsguard.fix.renew import Made, Renewable, renew, renewable
from sopsguard.history.exposure import private_key
from sopsguard.inventory import Holder, Kind
from sopsguard.model import UserError, printable
from sopsguard.references import Target
from sopsguard.rotation import schedule
from sopsguard.sops.editor.refusal import index_of
from sopsguard.sops.file import Leaf, SopsFile

if TYPE_CHECKING:
    from sopsguard.snapshot import Snapshot
    from sopsguard.sops.identity import Identities

# Names of values that are no secret.
_PUBLIC = re.compile(r"(?:^|_)(?:pub|public|public_key|address|ip|port|endpoint|user|username)$|_pub$", re.I)


@dataclass(frozen=True, slots=True)
class _Chosen:
    """What words mean: things that can be made, values that cannot, and hosts whose age key is meant."""

    things: tuple[Renewable, ...] = ()
    values: tuple[tuple[str, Leaf], ...] = ()
    hosts: tuple[Holder, ...] = ()
    openpgp: bool = False


def rotate(
    draft: Draft,
    ctx: Context,
    words: Sequence[str],
    identities: "Identities",
    committed: "Callable[[], Snapshot | None]",
) -> None:
    """Plan the rotation of what the words name. `committed` gives the tree of the last commit.

    Raises `UserError` for a word that names nothing.
    """
    chosen = [_chosen(ctx, word) for word in words]
    if any(one.openpgp for one in chosen):
        _openpgp(draft)
    hosts = {h.name: h for one in chosen for h in one.hosts}
    things = {str(t): t for one in chosen for t in one.things}
    by_keys = _by_host_keys(ctx)
    ready: list[Renewable] = []
    for thing in things.values():
        host = ctx.inventory.host(thing.name.partition(" ")[0])
        by_key = host is not None and host.name in by_keys and "(" not in thing.name
        if host is not None and (thing.kind is Made.IDENTITY or (thing.kind is Made.HOST_KEY and by_key)):
            hosts[host.name] = host
        else:
            ready.append(thing)
    renewal = renew(draft, ready, identities, frozenset(by_keys.values()))
    for host in hosts.values():
        exchange.exchange(draft, ctx, host, identities, committed)
    _steps(draft, ctx, renewal.done)
    values = {(path, leaf.key): leaf for one in chosen for path, leaf in one.values}
    _by_hand(draft, ctx, values)


def _by_host_keys(ctx: Context) -> dict[str, str]:
    """The hosts whose recipient is made of their SSH host key, with it."""
    from sopsguard.keys import age

    found: dict[str, str] = {}
    for host in ctx.inventory.hosts:
        made = {age.from_ssh_public(key.line) for key in host.host_keys}
        for recipient in host.recipients:
            if recipient.text.strip() in made:
                found[host.name] = recipient.text.strip()
    return found


# --- what words mean ---------------------------------------------------------------------------------------


def _chosen(ctx: Context, word: str) -> _Chosen:
    files = {path: f for path, f in ctx.managed.files.items() if isinstance(f, SopsFile)}
    path, colon, key = word.partition(":")
    if path in files:
        return _in_files(ctx, lambda p, leaf: p == path and (not colon or _below(leaf.key, key)), word)
    holders = [h for h in ctx.inventory.named(word) if h.left is None]
    if holders:
        return _of_holder(ctx, holders[0])
    limits = schedule(ctx.policy.rotation)
    if word == "openpgp":
        return _Chosen(openpgp=True)
    if word in ("password", "passwords", "passphrases"):
        things = [t for t in renewable(files) if t.kind is Made.PASSPHRASE]
        if things:
            return _Chosen(tuple(things))
    if word in {c.name for c in (*limits.classes, limits.other)}:

        def is_in_class(file: str, leaf: Leaf) -> bool:
            return limits.of(file, leaf.key, _form(file, leaf)).name == word

        return _in_files(ctx, is_in_class, word)
    from sopsguard.policy import nearest

    names = [*files, *(h.name for h in ctx.inventory), *(c.name for c in limits.classes), "passwords"]
    raise UserError(f"{word!r} is no SOPS file, class or host", nearest(word, names))


def _below(key: str, named: str) -> bool:
    return key == named or key.startswith(f"{named}.")


def _form(path: str, leaf: Leaf) -> str:
    envelope = leaf.envelope
    return private_key(path, leaf.key, envelope.type, envelope.length) or "" if envelope is not None else ""


def _in_files(ctx: Context, wanted: Callable[[str, Leaf], bool], word: str) -> _Chosen:
    """The encrypted values that are wanted, as things where they can be made."""
    files = ctx.managed.files
    made = {(spot.path, spot.dotted): thing for thing in renewable(files) for spot in thing.spots}
    things: dict[str, Renewable] = {}
    values: list[tuple[str, Leaf]] = []
    for path, file in files.items():
        for leaf in file.leaves if isinstance(file, SopsFile) else ():
            if leaf.envelope is None or leaf.is_comment or not wanted(path, leaf):
                continue
            thing = made.get((path, leaf.key))
            if thing is not None:
                things[str(thing)] = thing
            elif not _PUBLIC.search(str(leaf.path[-1])):
                values.append((path, leaf))
    if not things and not values:
        raise UserError(
            f"nothing that {printable(word)} names is encrypted here", "sopsguard status lists all"
        )
    return _Chosen(tuple(things.values()), tuple(values))


def _of_holder(ctx: Context, holder: Holder) -> _Chosen:
    if holder.kind is not Kind.HOST:
        raise UserError(
            f"the key of {holder.name} is not stored here",
            "its owner makes a new one (age-keygen), states it in the inventory and in .sops.yaml beside the "
            "old one, and takes the old one out later; `sopsguard fix` re-keys the files",
        )
    name = holder.name
    if exchange.is_under_way(ctx, holder):  # to be ended first, and nothing made anew a second time
        return _Chosen(hosts=(holder,))
    things = [t for t in renewable(ctx.managed.files) if t.name.partition(" ")[0] == name]
    if holder.wireguard is not None and holder.wireguard.server:  # its tunnels are named by their spokes
        mine = {spot.path for t in things for spot in t.spots if t.kind is Made.PAIR}
        things += [
            t for t in renewable(ctx.managed.files) if t.kind is Made.PRESHARED and mine & set(t.paths)
        ]
    return _Chosen(tuple(things), hosts=(holder,) if holder.recipients else ())


# --- what is left to people --------------------------------------------------------------------------------


def _steps(draft: Draft, ctx: Context, done: Iterable[Renewable]) -> None:
    done = list(done)
    paths = {path for one in done for path in one.paths}
    hosts = list(dict.fromkeys(_users(ctx, paths)))
    kinds = {one.kind for one in done}
    if kinds & {Made.PAIR, Made.PRESHARED}:
        names = " ".join(dict.fromkeys(one.name for one in done if one.kind in (Made.PAIR, Made.PRESHARED)))
        draft.ask(
            f"deploy both ends of every tunnel together ({names}): with one new end alone it is down. Keep "
            "another way to the machines open",
            *(f"nixos-rebuild switch --flake .#{host} --target-host root@{host}" for host in hosts),
        )
    elif hosts:
        draft.ask(
            "deploy the hosts that use the new values",
            *(f"nixos-rebuild switch --flake .#{host} --target-host root@{host}" for host in hosts),
        )
    if Made.HOST_KEY in kinds:
        draft.ask("tell clients of the new host keys: known_hosts, deploy keys")
    for one in done:
        if one.kind is Made.PASSPHRASE:
            spot = one.spots[0]
            what = f"sops decrypt --extract {shlex.quote(index_of(spot.key))} {shlex.quote(spot.path)}"
            draft.ask(
                f"before the deployment, tell the backup repository its new password ({spot.dotted}); the "
                "old one is in the last commit",
                f"{what}  # for `restic key add`, then `restic key remove` of the old one",
            )


def _users(ctx: Context, paths: set[str]) -> Iterator[str]:
    for found in ctx.references.all:
        target = found.outcome
        if found.host is not None and isinstance(target, Target) and target.file in paths:
            yield found.host


def _by_hand(draft: Draft, ctx: Context, values: dict[tuple[str, str], Leaf]) -> None:
    """Values that somebody else gives out: where each is used."""
    uses: dict[tuple[str, str], list[str]] = {}
    for found in ctx.references.all:
        target = found.outcome
        if isinstance(target, Target):
            place = f"{found.where.path}:{found.where.line}"
            uses.setdefault((target.file, target.key.replace("/", ".")), []).append(place)
    for (path, key), leaf in values.items():
        where = uses.get((path, key), [])
        used = f" (used in {', '.join(where)})" if where else ""
        draft.ask(
            f"{key} in {path} comes from somebody else, or is not known here for what it is: get a new value "
            f"there, store it, deploy it, then withdraw the old one{used}",
            f"sops set --value-stdin {shlex.quote(path)} {shlex.quote(index_of(leaf.path))}",
        )


def _openpgp(draft: Draft) -> None:
    draft.ask(
        "OpenPGP keys are on hardware tokens and are never made or stored here. On a machine without a "
        "network, with the backup of the primary key:",
        "gpg --quick-add-key FINGERPRINT ed25519 sign 2y  # a new subkey; also `cv25519 encr`",
        "gpg --edit-key FINGERPRINT  # key N, keytocard; then the same for the spare token",
        "gpg --export --armor FINGERPRINT > keys/NAME.asc  # commit the certificate, publish it",
        "gpg --edit-key FINGERPRINT  # key N, revkey: when nobody uses the old one any more",
    )
