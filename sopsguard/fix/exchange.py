"""The key with which a host opens files, exchanged in two phases; which one it is shows in the repository."""

import re
import shlex
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from sopsguard.context import Context
from sopsguard.fix import configuration, layout
from sopsguard.fix.configuration import Member
from sopsguard.fix.deliver import extract
from sopsguard.fix.plan import Draft, Weight
from sopsguard.fix.program import or_by_program
from sopsguard.fix.resolve import resolve
from sopsguard.inventory import Holder, How, stated
from sopsguard.managed import Managed
from sopsguard.model import ReKey, UserError
from sopsguard.snapshot import Snapshot
from sopsguard.sops.editor import CannotEdit, Set, edit
from sopsguard.sops.file import SopsFile
from sopsguard.sops.identity import Identities
from sopsguard.structure.hosts import Entry, stem

if TYPE_CHECKING:
    from sopsguard.keys.age import Identity
    from sopsguard.keys.ssh import HostKey

_TARGETS = {True: "/etc/ssh/ssh_host_ed25519_key", False: "/var/lib/sops-nix/key.txt"}


def exchange(
    draft: Draft,
    ctx: Context,
    host: Holder,
    identities: Identities,
    committed: Callable[[], Snapshot | None],
) -> None:
    """Plan the next phase for a host, as the files stand."""
    what = f"exchange the key with which {host.name} opens files"
    used = _recipients(ctx, host)
    stored = _stored(ctx, host.name)
    if not used:
        draft.refuse(what, "no rule of .sops.yaml names a recipient of it")
        return
    public = next((p for p in stored.values() if p is not None), None)
    if len(used) > 1 and public in used:
        _second(draft, ctx, host, public, [t for t in used if t != public], identities, committed)
    elif len(used) > 1:
        draft.refuse(what, f"it has {len(used)} recipients, and none of them is that of a key stored here")
    elif stored and public is None:
        draft.refuse(what, "its stored key cannot be opened with the identities at hand")
    else:
        _first(draft, ctx, host, used[0], identities)


def is_under_way(ctx: Context, host: Holder) -> bool:
    """Whether a host has two keys, and one waits to go."""
    return len(_recipients(ctx, host)) > 1


def _recipients(ctx: Context, host: Holder) -> list[str]:
    """The keys of a host that rules name, each once: an SSH key and the recipient made of it are one."""
    sure = [r for r in host.recipients if r.how is not How.NAMED] or list(host.recipients)
    found = [text for r in sure if (text := _used(ctx, r.reader)) is not None]
    return list(dict.fromkeys(found))


def _used(ctx: Context, reader: str) -> str | None:
    """A recipient as the rules spell it; None where none names it."""
    for config in ctx.managed.configs.values():
        for rule in config.rules:
            for key in rule.keys:
                if ctx.inventory.reader(key) == reader:
                    return key.text.strip()
    return None


def _entries(ctx: Context, name: str, kind: str) -> Iterator[tuple[str, Entry]]:
    for path, entry in layout.own(ctx):
        if entry.kind == kind and (entry.host or stem(path)) == name:
            yield path, entry


def _stored(ctx: Context, name: str) -> dict[str, str | None]:
    """The recipients of the keys that are stored for a host, by kind; None for one that is not open."""
    from sopsguard.keys import age, ssh
    from sopsguard.structure import pairs

    found: dict[str, str | None] = {}
    for _, entry in _entries(ctx, name, "age"):
        found["age"] = pairs.identity(entry)
    for _, entry in _entries(ctx, name, "ssh"):
        text = entry.text("host_key")
        key = ssh.private_key(text[1]) if text is not None else None
        made = age.from_ssh_private(key) if isinstance(key, ssh.PrivateKey) else None
        found["ssh"] = made.public if isinstance(made, age.Identity) else None
    return found


# --- the first phase ---------------------------------------------------------------------------------------


def _first(draft: Draft, ctx: Context, host: Holder, old: str, identities: Identities) -> None:
    """The new key beside the old one: in the rules, the inventory, the files; stored to be delivered."""
    from sopsguard.keys import age, ssh

    what = f"begin to exchange the key of {host.name}"
    line = next((k.line for k in host.host_keys if age.from_ssh_public(k.line) == old), None)
    new_key: HostKey | None = None
    if line is not None:
        new_key = ssh.generate_host_key("ed25519", f"root@{host.name}")
        private = ssh.private_key(new_key.private)
        assert isinstance(private, ssh.PrivateKey)
        made = age.from_ssh_private(private)
        assert isinstance(made, age.Identity)
    else:
        made = age.generate_identity()
    new = made.public
    assert new is not None
    try:
        written = _values(draft, ctx, host, made, new_key, identities)
        configs = dict(_beside(draft, ctx, old, new))
        inventory = _stated(draft, ctx, host, [(old, new), *_lines(line, new_key)])
    except (UserError, CannotEdit) as e:
        hint = getattr(e, "hint", "")
        draft.refuse(what, f"{e.message}; {hint}" if hint else e.message)
        return
    for path, data in {**written, **configs, **inventory}.items():
        draft.write(path, data)
    if line is not None and new_key is not None:
        _public_files(draft, ctx, line, " ".join(new_key.public.split()[:2]), {*configs, *inventory})
    kind = "ssh" if new_key is not None else "age"
    draft.did(
        f"make a new key for {host.name}, stored in {', '.join(written)}; the old one still opens everything",
        *written,
        weight=Weight.SECRETS,
    )
    _rekey(draft, ctx, old, identities)
    home = layout.read(ctx).homes[kind]
    file, key = home.file(host.name), tuple(home.key(kind, host.name))
    for path, entry in _entries(ctx, host.name, kind):
        file, key = path, tuple(map(str, entry.place.path))
    leaf = "host_key" if kind == "ssh" else "private"
    target = _TARGETS[kind == "ssh"]
    name = host.name
    command = extract(file, *key, leaf)
    draft.ask(
        "commit and push this before anything else", f"git commit -am 'Begin to exchange the key of {name}'"
    )
    draft.ask(
        f"bring the new key to {name}, and deploy it",
        f"{command} | ssh root@{name} 'umask 077; cat {'>' if kind == 'ssh' else '>>'} {target}'",
        f"nixos-rebuild switch --flake .#{name} --target-host root@{name}",
    )
    check = "ssh-to-age < /etc/ssh/ssh_host_ed25519_key.pub" if kind == "ssh" else f"age-keygen -y {target}"
    draft.ask(f"verify that {name} has it: this must print {new}", f"ssh root@{name} '{check}'")
    draft.ask("then end the exchange: the old key goes", f"sopsguard fix rotate {shlex.quote(name)} --apply")


def _lines(line: str | None, key: "HostKey | None") -> list[tuple[str, str]]:
    return [(line, " ".join(key.public.split()[:2]))] if line is not None and key is not None else []


def _values(
    draft: Draft,
    ctx: Context,
    host: Holder,
    made: "Identity",
    key: "HostKey | None",
    identities: Identities,
) -> dict[str, bytes]:
    """The files with the new private halves. Raises `CannotEdit`."""
    from sopsguard.keys import age

    changes: dict[str, list[Set]] = {}

    def put(path: str, place: tuple[str | int, ...], value: str) -> None:
        changes.setdefault(path, []).append(Set(place, value))

    homes = layout.read(ctx).homes
    if key is not None:
        for path, entry in _entries(ctx, host.name, "ssh"):
            put(path, (*entry.place.path, "host_key"), key.private)
            put(path, (*entry.place.path, "host_key_pub"), key.public)
        if not changes:
            home = homes["ssh"]
            put(home.file(host.name), (*home.key("ssh", host.name), "host_key"), key.private)
            put(home.file(host.name), (*home.key("ssh", host.name), "host_key_pub"), key.public)
    known = list(_entries(ctx, host.name, "age"))
    for path, entry in known:
        old = entry.text("private")
        is_file = old is None or "\n" in old[1]
        text = age.write_identity_file(made, draft.modified) if is_file else made.secret
        put(path, (*entry.place.path, "private"), text)
        put(path, (*entry.place.path, "public"), str(made.public))
    if key is None and not known:
        home = homes["age"]
        place = home.key("age", host.name)
        put(home.file(host.name), (*place, "private"), age.write_identity_file(made, draft.modified))
        put(home.file(host.name), (*place, "public"), str(made.public))
    found = {}
    for path, wanted in changes.items():
        data = draft.read(path)
        if data is None:
            raise UserError(f"{path} is not there to store the new key in", "make it with `sops edit`")
        change = partial(edit, data, path, wanted, identities, draft.modified)
        found[path] = or_by_program(draft, path, change, identities, changes=wanted)
    return found


def _beside(draft: Draft, ctx: Context, old: str, new: str) -> Iterator[tuple[str, bytes]]:
    """The configurations with the new recipient wherever the old one stands. Raises `UserError`."""
    reader = ctx.inventory.reader
    for path, config in draft.managed.configs.items():
        data = draft.read(path)
        rules = [r for r in config.rules if any(reader(k) == reader(old) for k in r.keys)]
        if data is None or not rules:
            continue
        anchor = next((a.name for a in config.anchors if a.key and reader(a.key) == reader(old)), None)
        member = Member(new)
        if anchor is not None:
            names = {a.name for a in config.anchors}
            free = next(n for end in ("age", "key", "ssh", "pub") if (n := f"{anchor}_{end}") not in names)
            data = configuration.add_anchor(data, free, new, after=anchor)
            member = Member(new, free)
        for rule in rules:
            group = next(
                n for n, keys in enumerate(rule.groups) if any(reader(k) == reader(old) for k in keys)
            )
            data = configuration.add_recipient(data, rule.index, member, group)
        yield path, data


def _stated(draft: Draft, ctx: Context, host: Holder, pairs: Iterable[tuple[str, str]]) -> dict[str, bytes]:
    """The inventory with the new keys beside the old ones. Raises `UserError`."""
    path = ctx.inventory.path
    data = draft.read(path) if path is not None else None
    if path is None or data is None:
        return {}
    text = data.decode()
    pairs = list(pairs)
    for old, new in pairs:
        lines = text.splitlines(keepends=True)
        at = next((n for n, line in enumerate(lines) if old in line), None)
        if at is None:
            continue
        item = re.match(r"(\s*-\s+)(?=[^\s{\[])", lines[at])
        if item is not None:
            end = "\n" if lines[at].endswith("\n") else ""
            lines[at] = f"{lines[at]}{'' if end else chr(10)}{item[1]}{new}{chr(10)}"
        else:
            lines[at] = lines[at].replace(old, f"{old}, {new}")
        text = "".join(lines)
    if text == data.decode():
        return {}
    after = next((h for h in stated.read(text.encode(), path).hosts if h.name == host.name), None)
    said = {*(r.text for r in after.recipients), *(k.line for k in after.host_keys)} if after else set()
    if not all(new in said or old not in data.decode() for old, new in pairs):
        raise UserError(f"{path} has a form in which this cannot be changed safely", "do it by hand")
    return {path: text.encode()}


def _public_files(draft: Draft, ctx: Context, old: str, new: str, but: set[str]) -> None:
    """The committed public halves of an SSH host key."""
    for key in (k for h in ctx.inventory.hosts for k in h.host_keys if k.line == old):
        path = key.said.where.path
        data = draft.read(path)
        if path in but or data is None or old.encode() not in data:
            continue
        draft.write(path, data.replace(old.encode(), new.encode()))
        draft.did(f"write the new SSH public key into {path}", path)
    for path, data in ctx.nix.sources.items():
        if old.encode() in data and path not in but:
            draft.write(path, data.replace(old.encode(), new.encode()))
            draft.did(f"write the new SSH public key into {path}", path)


def _rekey(draft: Draft, ctx: Context, about: str, identities: Identities) -> None:
    """Bring the files to whose rules the change matters to what the rules say."""
    reader = ctx.inventory.reader
    paths = [
        path
        for path, file in ctx.managed.files.items()
        if isinstance(file, SopsFile)
        and any(reader(r.key) == reader(about) for r in file.metadata.recipients)
    ]
    now = draft.inventory(ctx.policy.inventory)
    resolve(draft, [ReKey(path) for path in paths], identities, now)


# --- the second phase --------------------------------------------------------------------------------------


def _second(
    draft: Draft,
    ctx: Context,
    host: Holder,
    new: str,
    old: list[str],
    identities: Identities,
    committed: Callable[[], Snapshot | None],
) -> None:
    """The old keys go, and the data keys with them; only when the new one was committed, so that it can have
    been delivered."""
    what = f"end the exchange of the key of {host.name}"
    reader = ctx.inventory.reader
    tree = committed()
    before = Managed(tree).files if tree is not None else {}
    for path, file in ctx.managed.files.items():
        keys = {reader(r.key) for r in file.metadata.recipients} if isinstance(file, SopsFile) else set()
        if not keys & {reader(o) for o in old}:
            continue
        was = before.get(path)
        had = {reader(r.key) for r in was.metadata.recipients} if isinstance(was, SopsFile) else set()
        if reader(new) not in keys or reader(new) not in had:
            draft.refuse(
                what,
                f"the new key was not committed for {path} yet: commit, deliver the key, deploy, verify, "
                "then run this again",
            )
            return
    texts = {**dict.fromkeys(ctx.managed.configs), **dict.fromkeys([ctx.inventory.path or ""])}
    try:
        written = {}
        for path in texts:
            data = draft.read(path) if path else None
            if data is not None:
                for gone in old:
                    data = _without(data, path, gone, new, path in ctx.managed.configs, host)
                written[path] = data
    except UserError as e:
        draft.refuse(what, f"{e.message}; {e.hint}" if e.hint else e.message)
        return
    for path, data in written.items():
        if data != draft.read(path):
            draft.write(path, data)
            draft.did(f"take the old key of {host.name} out of {path}", path)
    for gone in old:
        _rekey(draft, ctx, gone, identities)
    draft.ask(
        f"deploy {host.name}; then remove the old key from it",
        f"nixos-rebuild switch --flake .#{host.name} --target-host root@{host.name}",
    )


def _without(data: bytes, path: str, old: str, new: str, is_config: bool, host: Holder) -> bytes:
    """A configuration or inventory in which the new key stands alone, where the old one stood."""
    from sopsguard.keys import age

    if is_config:
        if old.encode() not in data:
            return data
        return configuration.remove_recipient(data, new).replace(old.encode(), new.encode())
    text = data.decode()
    gone = [old, *(k.line for k in host.host_keys if age.from_ssh_public(k.line) == old)]
    for one in gone:
        quoted = re.escape(one)
        text = re.sub(rf"(?m)^[ \t]*-[ \t]+{quoted}[ \t]*(?:#.*)?\n", "", text)
        text = re.sub(rf"{quoted},[ \t]*|,[ \t]*{quoted}(?=\s*\])", "", text)
    after = next((h for h in stated.read(text.encode(), path).hosts if h.name == host.name), None)
    if after is None or [r.text for r in after.recipients] != [
        r.text for r in host.recipients if r.text.strip() not in gone and r.how is How.INVENTORY
    ]:
        raise UserError(f"{path} has a form in which this cannot be changed safely", "do it by hand")
    return text.encode()
