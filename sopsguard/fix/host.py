"""A new host, or what one lacks: keys, secrets, recipient, rules, inventory, the lines for its Nix code."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from sopsguard.context import Context
from sopsguard.fix import address, deliver, entries, layout
from sopsguard.fix.configuration import Member, add_anchor, add_recipient, add_rule
from sopsguard.fix.layout import Layout
from sopsguard.fix.plan import Draft
from sopsguard.fix.program import or_by_program
from sopsguard.fix.renew import is_passphrase
from sopsguard.fix.resolve import resolve
from sopsguard.fix.rules import exactly
from sopsguard.inventory import Holder, Inventory, stated
from sopsguard.model import ReKey, UserError
from sopsguard.sops.editor import CannotEdit, Set, edit, seal
from sopsguard.sops.file import SopsFile
from sopsguard.sops.identity import Identities
from sopsguard.sops.rules import Rule
from sopsguard.structure.hosts import stem
from sopsguard.structure.shadow import Known, Object, Shadow

if TYPE_CHECKING:
    from sopsguard.keys.age import Identity

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?")
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for. `from_ssh`: the age recipient is made of the SSH host key (None: as others here).
    `kinds`: only these of `layout.KINDS`."""

    name: str
    hub: bool = False
    rsa: bool = False
    from_ssh: bool | None = None
    kinds: tuple[str, ...] = layout.KINDS


@dataclass(slots=True)
class Made:
    """A host as it stands when all is done: the public halves of its keys, old and new."""

    name: str
    hub: bool
    from_ssh: bool
    recipient: str | None = None
    host_key: str | None = None
    public: str | None = None
    address: str | None = None
    new: list[str] = field(default_factory=list)


class Writes:
    """Values to put into files; nothing of them shows."""

    def __init__(self) -> None:
        self._values: dict[str, dict[Path, str]] = {}

    def __repr__(self) -> str:
        return f"Writes({sorted(self._values)})"

    def put(self, path: str, key: Path, value: str) -> None:
        """Plan one value."""
        self._values.setdefault(path, {})[key] = value

    def get(self, path: str, key: Path) -> str | None:
        """A value that was planned."""
        return self._values.get(path, {}).get(key)

    @property
    def paths(self) -> tuple[str, ...]:
        """The files that change."""
        return tuple(self._values)

    def named(self, path: str) -> str:
        """The keys that change in a file, for people."""
        return ", ".join(".".join(map(str, key)) for key in self._values[path])

    def edited(self, draft: Draft, identities: Identities) -> dict[str, bytes]:
        """The new content of those that are there. Raises `CannotEdit`."""
        found = {}
        for path, values in self._values.items():
            data = draft.read(path)
            if data is not None:
                changes = [Set(key, value) for key, value in values.items()]
                change = partial(edit, data, path, changes, identities, draft.modified)
                found[path] = or_by_program(draft, path, change, identities, changes=changes)
        return found

    def sealed(self, draft: Draft, path: str) -> bytes:
        """A new file, encrypted as its rule says. Raises `CannotEdit`, and `UserError` without a rule."""
        from json import dumps

        match = draft.managed.rule(path).match
        rule = match.rule if match is not None else None
        if rule is None or not rule.keys or rule.refusal is not None:
            raise UserError(f"no creation rule of .sops.yaml names recipients for {path}", "write one first")
        tree: dict[str, object] = {}
        for key, value in self._values[path].items():
            node = tree
            for part in key[:-1]:
                below = node.setdefault(str(part), {})
                assert isinstance(below, dict)
                node = below
            node[str(key[-1])] = value
        text = dumps(tree).encode()
        return seal(text, path, rule.groups, draft.modified, rule.scope, rule.shamir_threshold)


def add(draft: Draft, ctx: Context, identities: Identities, wish: Wish) -> Made | None:
    """Plan a host on the draft; None, with a refusal there, where it cannot be. What it has already stays.

    `ctx` shows the draft's state, opened with `identities`. Raises `UserError` for a name that is none.
    """
    if not _NAME.fullmatch(wish.name):
        raise UserError(
            f"{wish.name!r} is no name for a host", "letters, digits, `-` and `_`, as in networking.hostName"
        )
    others = [h for h in ctx.inventory.named(wish.name) if h.left is not None]
    if others and ctx.inventory.host(wish.name) is None:
        raise UserError(f"{wish.name} left on {others[0].left}", "give the new machine another name")
    habits = layout.read(ctx)
    writes = Writes()
    made = generate(ctx, habits, wish, writes, draft.modified)
    what = f"make the secrets of {wish.name}"
    try:
        edited = writes.edited(draft, identities)
    except CannotEdit as e:
        draft.refuse(what, e.message)
        return None
    try:
        changed = _configure(draft, ctx, habits, made)
        new = {p: writes.sealed(draft, p) for p in writes.paths if draft.read(p) is None}
    except (UserError, CannotEdit) as e:
        hint = getattr(e, "hint", "")
        draft.refuse(what, f"{e.message}; {hint}" if hint else e.message)
        return None
    for path, data in {**edited, **new}.items():
        draft.write(path, data)
        draft.did(f"{'make' if path in new else 'put into'} {path}: {writes.named(path)}", path)
    enter(draft, ctx.inventory, made)
    _publish(draft, habits, made)
    resolve(draft, [ReKey(p) for p in sorted(changed)], identities, draft.inventory(ctx.policy.inventory))
    if made.new:
        deliver.steps(draft, ctx, habits, made.name, made.from_ssh, made.hub, made.public, made.address)
    return made


# --- what is generated -------------------------------------------------------------------------------------


def generate(
    ctx: Context, habits: Layout, wish: Wish, writes: Writes, modified: str, used: tuple[str, ...] = ()
) -> Made:
    """New keys where the host has none yet, as values to write; what is there is read. `used` are addresses
    that were given out besides those that `ctx` shows."""
    from sopsguard.keys import age, ssh, wireguard

    name, known = wish.name, ctx.inventory.host(wish.name)
    there = _there(ctx, name)
    mesh = known.wireguard if known is not None else None
    hub = wish.hub or bool(mesh is not None and mesh.server)
    from_ssh = habits.from_ssh if wish.from_ssh is None else wish.from_ssh
    made = Made(name, hub, from_ssh)
    readers = known.recipients if known is not None else ()
    made.recipient = readers[0].text.strip() if readers else None
    made.host_key = known.host_keys[0].line if known is not None and known.host_keys else None
    made.public = mesh.public_key if mesh is not None else None
    made.address = mesh.address if mesh is not None else None

    def put(kind: str, leaf: str, value: str) -> None:
        home = habits.homes[kind]
        writes.put(home.file(name), (*home.key(kind, name), leaf), value)

    if "ssh" in wish.kinds and ("ssh", "host_key") not in there and (made.host_key is None):
        key = ssh.generate_host_key("ed25519", f"root@{name}")
        put("ssh", "host_key", key.private)
        put("ssh", "host_key_pub", key.public)
        made.host_key = " ".join(key.public.split()[:2])
        made.new.append("SSH host key")
        private = ssh.private_key(key.private)
        if from_ssh and made.recipient is None and isinstance(private, ssh.PrivateKey):
            identity = age.from_ssh_private(private)
            assert isinstance(identity, age.Identity)
            made.recipient = identity.public
            made.new.append("age recipient of the SSH host key")
            if _keeps_identities(ctx):
                _put_identity(put, ctx, identity, modified)
    if wish.rsa and ("ssh", "rsa_host_key") not in there:
        key = ssh.generate_host_key("rsa", f"root@{name}")
        put("ssh", "rsa_host_key", key.private)
        put("ssh", "rsa_host_key_pub", key.public)
        made.new.append("RSA host key")
    if made.recipient is None and from_ssh and made.host_key is not None:
        converted = age.from_ssh_public(made.host_key)
        made.recipient = converted if isinstance(converted, str) else None
        made.new.append("age recipient of the SSH host key")
    if "age" in wish.kinds and ("age", "private") not in there and "age identity" not in made.new:
        stored = _of_host_key(ctx, name)
        known_as = {one.reader for one in readers}
        fits = stored is not None and ctx.inventory.reader(str(stored.public)) in known_as
        if stored is not None and fits and _keeps_identities(ctx):
            _put_identity(put, ctx, stored, modified)
    if "age" in wish.kinds and made.recipient is None and ("age", "private") not in there:
        identity = age.generate_identity()
        made.recipient = identity.public
        _put_identity(put, ctx, identity, modified)
        made.new.append("age identity")
    if "wireguard" in wish.kinds:
        if ("wireguard", "private_key") not in there and made.public is None:
            pair = wireguard.generate()
            put("wireguard", "private_key", pair.private)
            put("wireguard", "public_key", pair.public)
            made.public = pair.public
            made.new.append("WireGuard key")
            if made.address is None:
                made.address = address.next_free((*address.taken(ctx), *used), hub)
            for field_name in ("ip", "address"):
                if _usual(ctx, "wireguard", field_name):
                    put("wireguard", field_name, made.address)
        _tunnels(ctx, habits, made, there, writes)
    _applications(ctx, habits, name, writes)
    return made


def _of_host_key(ctx: Context, name: str) -> "Identity | None":
    """The age identity of the SSH host key that is stored for a host, where it can be opened."""
    from sopsguard.keys import age, ssh

    for path, entry in layout.own(ctx):
        text = entry.text("host_key") if entry.kind == "ssh" else None
        if text is not None and (entry.host or stem(path)) == name:
            key = ssh.private_key(text[1])
            made = age.from_ssh_private(key) if isinstance(key, ssh.PrivateKey) else None
            return made if isinstance(made, age.Identity) else None
    return None


def elsewhere(draft: Draft, ctx: Context, name: str, kind: str) -> None:
    """Ask for the key of a host (`ssh`, `age`, `wireguard`) that only the machine has: nothing was made,
    because a public half of it is known, and others count on it."""
    from shlex import quote

    leaf, place, noun = {
        "ssh": ("host_key", "/etc/ssh/ssh_host_ed25519_key", "SSH host key"),
        "age": ("private", "/var/lib/sops-nix/key.txt", "age identity"),
        "wireguard": ("private_key", f"/run/secrets/wireguard/{name}/private_key", "WireGuard key"),
    }[kind]
    home = layout.read(ctx).homes[kind]
    index = "".join(f'["{part}"]' for part in (*home.key(kind, name), leaf))
    draft.ask(
        f"store the {noun} of {name}: its public half is known, so {name} has one, and no copy is here. Or "
        "make a new one, if the machine is gone",
        f"ssh root@{name} cat {place} | jq -Rs . | "
        f"sops set --value-stdin {quote(home.file(name))} {quote(index)}",
        *((f"sopsguard fix rotate {name}",) if kind == "age" else ()),
    )


def _there(ctx: Context, name: str) -> dict[tuple[str, str], str]:
    """Kind and name of what a host has already, with the file."""
    found: dict[tuple[str, str], str] = {}
    for path, entries_ in ctx.structure.hosts.items():
        for entry in entries_:
            if (entry.host or stem(path)) == name:
                found |= {(entry.kind, leaf): path for leaf in entry.node.entries}
    return found


def _keeps_identities(ctx: Context) -> bool:
    return any(entry.kind == "age" for _, entry in layout.own(ctx))


def _put_identity(
    put: Callable[[str, str, str], None], ctx: Context, identity: "Identity", modified: str
) -> None:
    """The identity and its recipient, in the form in which the others stand here."""
    from sopsguard.keys import age

    assert identity.public is not None
    plain = any(
        isinstance(node := entry.node.entries.get("private"), Known) and "\n" not in str(node.value)
        for _, entry in layout.own(ctx)
        if entry.kind == "age"
    )
    put("age", "private", identity.secret if plain else age.write_identity_file(identity, modified))
    put("age", "public", identity.public)


def _usual(ctx: Context, kind: str, leaf: str) -> bool:
    """Whether most hosts have such a value."""
    having = [leaf in entry.node.entries for _, entry in layout.own(ctx) if entry.kind == kind]
    return bool(having) and 2 * sum(having) > len(having)


def hub_of(ctx: Context, without: str = "") -> str | None:
    """The hub of the mesh: what the inventory or Nix calls so."""
    for host in ctx.inventory.hosts:
        if host.name != without and host.wireguard is not None and host.wireguard.server:
            return host.name
    for facts in ctx.nix.peers.values():
        for node in facts.wireguard:
            name = node.name.static if node.name is not None else None
            if node.is_server and name and name != without:
                return name
    return None


def _tunnels(
    ctx: Context, habits: Layout, made: Made, there: Mapping[tuple[str, str], str], writes: Writes
) -> None:
    """The preshared key of a spoke, for it and for the hub; for a hub those of all spokes."""
    from sopsguard.keys.wireguard import generate_preshared

    home = habits.homes["wireguard"]
    hub = made.name if made.hub else hub_of(ctx, made.name)
    if not made.hub:
        if ("wireguard", "preshared_key") in there or "WireGuard key" not in made.new:
            return
        key = generate_preshared()
        writes.put(home.file(made.name), (*home.key("wireguard", made.name), "preshared_key"), key)
        made.new.append("preshared key")
        if hub is not None:
            share(ctx, habits, hub, made.name, key, writes)
        return
    if not home.is_own:
        return  # one file for all: each tunnel's key stands there once, with its spoke
    for path, entry in layout.own(ctx):
        spoke = entry.host or stem(path)
        found = entry.text("preshared_key") if entry.kind == "wireguard" else None
        if found is not None and spoke != made.name and path != home.file(made.name):
            share(ctx, habits, made.name, spoke, found[1], writes)


def tunnel(draft: Draft, ctx: Context, name: str, identities: Identities) -> None:
    """A preshared key for a spoke without one, for it and for the hub."""
    from sopsguard.keys.wireguard import generate_preshared

    habits, writes, key = layout.read(ctx), Writes(), generate_preshared()
    home = habits.homes["wireguard"]
    writes.put(home.file(name), (*home.key("wireguard", name), "preshared_key"), key)
    if (hub := hub_of(ctx, name)) is not None:
        share(ctx, habits, hub, name, key, writes)
    try:
        edited = writes.edited(draft, identities)
    except CannotEdit as e:
        draft.refuse(f"make a preshared key for {name}", e.message)
        return
    for path, data in edited.items():
        draft.write(path, data)
        draft.did(f"put into {path}: {writes.named(path)}", path)


def share(ctx: Context, habits: Layout, hub: str, spoke: str, key: str, writes: Writes) -> None:
    """The key of a tunnel where the hub finds it, if that is another file than the spoke's."""
    home = habits.homes["wireguard"]
    if home.file(hub) == home.file(spoke):
        return
    place: Path = ("wireguard", spoke, "preshared_key")
    for entry in ctx.structure.hosts.get(home.file(hub), ()):
        if entry.kind == "wireguard" and "preshared_keys" in entry.node.entries:
            place = (*entry.place.path, "preshared_keys", spoke)
        elif entry.host is None and entry.is_own:
            place = ("wireguard", "preshared_keys", spoke)
    if not home.keyed:
        place = ("wireguard", "preshared_keys", spoke)
    writes.put(home.file(hub), place, key)


def _applications(ctx: Context, habits: Layout, name: str, writes: Writes) -> None:
    """Passwords that each host has of its own: in its file, or under its name in one for all."""
    from sopsguard.keys.password import generate_passphrase

    names = {h.name for h in layout.hosts(ctx, name)}
    home = habits.homes["wireguard"]
    for path, documents in ctx.structure.documents.items():
        for document in documents:
            if not isinstance(document, Object):
                continue
            sibling = next((n for n in names if home.is_own and home.file(n) == path), None)
            if sibling is not None:
                wanted = [key for key in _leaves(document) if is_passphrase(key)]
                for key in wanted:
                    mine = tuple(name if part == sibling else part for part in key)
                    target = home.file(name)
                    if not _has(ctx, target, mine) and writes.get(target, mine) is None:
                        writes.put(target, mine, generate_passphrase())
                continue
            for tree, node in document.entries.items():
                if tree in layout.KINDS or not isinstance(node, Object):
                    continue
                having = names & node.entries.keys()
                if len(having) < 2 or name in node.entries:
                    continue
                below = [node.entries[n] for n in having]
                keys = set.intersection(*(set(_leaves(one)) for one in below))
                for key in sorted(keys, key=str):
                    if is_passphrase((tree, *key)):
                        writes.put(path, (tree, name, *key), generate_passphrase())


def _leaves(node: Shadow, above: tuple[str, ...] = ()) -> Iterable[tuple[str, ...]]:
    if isinstance(node, Object):
        for name, below in node.entries.items():
            yield from _leaves(below, (*above, name))
    else:
        yield above


def _has(ctx: Context, path: str, key: tuple[str, ...]) -> bool:
    return any(key in set(_leaves(document)) for document in ctx.structure.documents.get(path, ()))


# --- who reads what ----------------------------------------------------------------------------------------


def _configure(draft: Draft, ctx: Context, habits: Layout, made: Made) -> set[str]:
    """Name the host in `.sops.yaml`; returns the files whose rule names somebody more now. Raises
    `UserError`."""
    if made.recipient is None:
        return set()
    own = habits.homes["wireguard"]
    match = draft.managed.rule(own.file(made.name)).match
    if match is None:
        if made.new:
            raise UserError("there is no .sops.yaml", "`sopsguard fix bootstrap` begins with one")
        return set()
    config = match.config
    data = old = draft.read(config.path)
    assert data is not None
    inventory = ctx.inventory
    others = [h for h in layout.hosts(ctx, made.name) if h.readers]
    member = Member(made.recipient)
    names = {a.name for a in config.anchors if a.key is not None}
    by_key = {inventory.reader(a.key): a.name for a in config.anchors if a.key is not None}
    reader = inventory.reader(made.recipient)
    if reader in by_key:
        member = Member(made.recipient, by_key[reader])
    elif names:
        anchor = _prefix(others, by_key) + re.sub(r"[^A-Za-z0-9_-]", "_", made.name)
        data = add_anchor(data, anchor, made.recipient)
        member = Member(made.recipient, anchor)
    joined: list[int] = []
    sibling = next((h for h in others if own.is_own and own.file(h.name) in ctx.managed.files), None)
    like = draft.managed.rule(own.file(sibling.name)).rule if sibling is not None else None
    special = like is not None and sibling is not None and _means(like, sibling.name)
    for rule in config.rules:
        readers = {inventory.reader(k) for k in rule.keys}
        if reader in readers or not rule.keys or (rule is like and special):
            continue
        everybody = bool(others) and all(h.readers & readers for h in others)
        alone = len(others) == 1 and _means(rule, others[0].name)
        mine = match.rule is rule and not special and (not own.is_own or not others)
        if (everybody and not alone) or mine:
            data = add_recipient(data, rule.index, member)
            joined.append(rule.index)
    mine_now = match.rule
    needs = mine_now is None or (special and not _means(mine_now, made.name))
    if own.is_own and needs:
        path = config.relative(own.file(made.name)) or ""
        if like is not None and sibling is not None and special:
            kept = [k for k in like.keys if inventory.reader(k) not in sibling.readers]
            members = [Member(k.text, by_key.get(inventory.reader(k))) for k in kept]
            last = max(r.index for r in config.rules if any(_means(r, h.name) for h in others))
            data = add_rule(data, exactly(path), [*members, member], like.scope, before=last + 1)
        else:
            people = [r for p in inventory.people for r in p.recipients]
            members = [Member(r.text, by_key.get(r.reader)) for r in people]
            data = add_rule(data, exactly(path), [*members, member])
    if data != old:
        draft.write(config.path, data)
        draft.did(f"name {made.name} as a recipient in {config.path}", config.path)
    found = set()
    for path, file in draft.managed.files.items():
        now = draft.managed.rule(path).match
        if (
            isinstance(file, SopsFile)
            and now is not None
            and now.rule is not None
            and now.config.path == config.path
        ):
            keys = {inventory.reader(k) for k in now.rule.keys}
            have = {inventory.reader(r.key) for r in file.metadata.recipients}
            if reader in keys - have:
                found.add(path)
    return found


def _means(rule: Rule, name: str) -> bool:
    """Whether the expression of a rule names a host."""
    written = rule.path_regex.replace("\\", "")
    return re.search(rf"(?<![A-Za-z0-9_-]){re.escape(name)}(?![A-Za-z0-9_-])", written) is not None


def _prefix(others: Iterable[Holder], by_key: Mapping[str, str]) -> str:
    """How anchors of hosts begin here."""
    for host in others:
        for reader in host.readers:
            anchor = by_key.get(reader, "")
            if anchor.endswith(host.name):
                return anchor.removesuffix(host.name)
    return "host_"


# --- who there is ------------------------------------------------------------------------------------------


def enter(draft: Draft, inventory: Inventory, made: Made) -> None:
    """Write the host into the inventory, where there is one."""
    path = inventory.path
    data = draft.read(path) if path is not None else None
    if path is None or data is None:
        return
    what = f"enter {made.name} in {path}"
    known = next((h for h in stated.read(data, path).hosts if h.name == made.name), None)
    lines = list(_fields(made, known, inventory))
    if not lines:
        return
    try:
        new = _entered(data.decode(), made.name, lines, known)
        after = next((h for h in stated.read(new.encode(), path).hosts if h.name == made.name), None)
        if after is None or (made.recipient and not after.recipients):
            raise UserError("the file has a form in which this cannot be changed safely", "do it by hand")
    except UserError as e:
        draft.refuse(what, f"{e.message}; {e.hint}" if e.hint else e.message)
        return
    draft.write(path, new.encode())
    draft.did(what, path)


def _fields(made: Made, known: Holder | None, inventory: Inventory) -> Iterator[str]:
    """The lines that the entry of a host lacks."""
    if made.recipient and not (known and known.recipients):
        yield f"recipients: [{made.recipient}]"
    if made.host_key and not (known and known.host_keys):
        yield f"host_keys: [{made.host_key}]"
    mesh = known.wireguard if known is not None else None
    lacks_address = made.address is not None and (mesh is None or mesh.address is None)
    if made.public is not None and lacks_address:
        parts = [f'address: "{made.address}"' if ":" in str(made.address) else f"address: {made.address}"]
        if (mesh is not None and mesh.public_key) or _states_public(inventory):
            parts.append(f"public_key: {mesh.public_key if mesh and mesh.public_key else made.public}")
        if made.hub:
            parts.append("server: true")
        yield f"wireguard: {{{', '.join(parts)}}}"


def _entered(text: str, name: str, lines: list[str], known: Holder | None) -> str:
    """The inventory with these lines in the entry of a host."""
    mesh = next((line for line in lines if line.startswith("wireguard:")), None)
    if known is None:
        return entries.with_entry(text, ("hosts",), [f"{name}:", *(f"  {line}" for line in lines)])
    if mesh is not None and known.wireguard is not None:
        text = entries.without(text, ("hosts", name, "wireguard"))
    try:
        return entries.with_entry(text, ("hosts", name), lines)
    except UserError:  # it is written in braces: then the entry is written anew
        stays = [
            *([f"aliases: [{', '.join(known.aliases)}]"] if known.aliases else ()),
            *([f"roles: [{', '.join(sorted(known.roles))}]"] if known.roles else ()),
            *([f"recipients: [{', '.join(r.text for r in known.recipients)}]"] if known.recipients else ()),
            *([f"host_keys: [{', '.join(k.line for k in known.host_keys)}]"] if known.host_keys else ()),
        ]
        if known.wireguard is not None and mesh is None:
            of = known.wireguard
            parts = [f'address: "{of.address}"'] if of.address else []
            parts += [f"public_key: {of.public_key}"] if of.public_key else []
            parts += ["server: true"] if of.server else []
            stays.append(f"wireguard: {{{', '.join(parts)}}}")
        lone = len(stated.read(text.encode()).hosts) == 1
        text = entries.without(text, ("hosts", name))
        entry = [f"{name}:", *(f"  {line}" for line in (*stays, *lines))]
        if lone:  # the section went with its last entry
            return "".join(f"{line}\n" for line in ("hosts:", *(f"  {line}" for line in entry))) + text
        return entries.with_entry(text, ("hosts",), entry)


def _states_public(inventory: Inventory) -> bool:
    return any(h.wireguard is not None and h.wireguard.public_key for h in inventory.hosts)


def _publish(draft: Draft, habits: Layout, made: Made) -> None:
    """The SSH public key as a file, where the others have theirs."""
    if habits.public is None or made.host_key is None:
        return
    path = habits.public.replace("{}", made.name)
    if draft.read(path) is None:
        draft.write(path, f"{made.host_key} root@{made.name}\n".encode())
        draft.did(f"write the SSH public key of {made.name}: {path}", path)
