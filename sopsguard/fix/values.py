"""Repairs inside of files: what is orphaned goes, what is missing is made, halves are joined."""

from functools import partial

from sopsguard.context import Context
from sopsguard.fix.plan import Draft, Weight
from sopsguard.fix.program import or_by_program, shown
from sopsguard.model import Drop, Generate, Pair, Renew
from sopsguard.sops.editor import CannotEdit, Set, Unset, edit
from sopsguard.sops.file import SopsFile
from sopsguard.sops.identity import Identities
from sopsguard.sops.opening import Opened

Path = tuple[str | int, ...]
_PAIRS = {"public_key": "private_key", "public": "private"}
_PRESHARED = frozenset(("preshared_key", "preshared_keys"))


def resolve(draft: Draft, intent: Drop | Renew | Pair | Generate, identities: Identities) -> None:
    """Carry one out on the draft."""
    match intent:
        case Drop(path, key):
            what = f"take {_dotted(key)} out of {path}"
            if _edit(draft, path, [Unset(key)], identities, what):
                draft.did(what, path, weight=Weight.SECRETS)
        case Renew(path, key):
            _renew(draft, path, key, identities)
        case Pair(path, key):
            _pair(draft, path, key, identities)
        case Generate(host, kind):
            _generate(draft, host, kind, identities)


def view(draft: Draft, identities: Identities) -> Context:
    """The draft as it stands, opened as far as the identities do."""
    from sopsguard import policy
    from sopsguard.checks import RULES
    from sopsguard.judge import WAIVER_RULES

    data = draft.read(policy.FILE)
    settings = policy.read(data, (*RULES, *WAIVER_RULES)) if data is not None else policy.Policy()
    return Context(draft.snapshot, tuple, policy=settings, identities=identities or None)


def _dotted(key: Path) -> str:
    return ".".join(map(str, key))


def _edit(draft: Draft, path: str, changes: list[Set | Unset], identities: Identities, what: str) -> bool:
    data = draft.read(path)
    if data is None:
        return False
    try:
        change = partial(edit, data, path, changes, identities, draft.modified)
        new = or_by_program(draft, path, change, identities, changes=changes)
    except CannotEdit as e:
        draft.refuse(what, e.message, map(shown, e.commands))
        return False
    draft.write(path, new)
    return new != data


def _renew(draft: Draft, path: str, key: str, identities: Identities) -> None:
    from sopsguard.fix.renew import Made, renew, renewable
    from sopsguard.inventory import Kind

    files = draft.managed.files
    things = [t for t in renewable(files) if any(s.path == path and s.dotted == key for s in t.spots)]
    if not things:
        _written(draft, path, key, identities)
        return
    thing = things[0]
    opens = [h for h in draft.inventory().named(thing.name.partition(" ")[0]) if h.kind is Kind.HOST]
    if thing.kind in (Made.IDENTITY, Made.HOST_KEY) and opens:
        draft.ask(
            f"exchange the {thing} in two phases: it opens files",
            f"sopsguard fix rotate {path}:{key}",
        )
        return
    renew(draft, [thing], identities)


def _written(draft: Draft, path: str, key: str, identities: Identities) -> None:
    """A value in the place of a placeholder, by its name."""
    from sopsguard.fix.renew import is_passphrase, owner
    from sopsguard.keys import password, ssh

    file = draft.managed.files.get(path)
    leaves = file.leaves if isinstance(file, SopsFile) else ()
    place = next((leaf.path for leaf in leaves if leaf.key == key), None)
    if place is None:
        return
    what = f"make a value for {key} in {path}"
    names = [str(part).lower() for part in place]
    changes: list[Set | Unset] = []
    if "wireguard" in names[:-1] and names[-1] == "private_key":
        _pair_of_wireguard(draft, path, place, identities, what)
        return
    if "wireguard" in names[:-1] and not _PRESHARED.isdisjoint(names[-2:]):
        _preshared(draft, path, place, identities, what)
        return
    if "ssh" in names[:-1] and names[-1] == "host_key":
        host_key = ssh.generate_host_key("ed25519", f"root@{owner(path, place)}")
        changes = [Set(place, host_key.private), Set((*place[:-1], "host_key_pub"), host_key.public)]
    elif is_passphrase(place):
        changes = [Set(place, password.generate_passphrase())]
    if not changes:
        draft.ask(f"{key} in {path} cannot be made here: get a new value, and store it", f"sops edit {path}")
    elif _edit(draft, path, changes, identities, what):
        draft.did(what, path, weight=Weight.SECRETS)


def _pair_of_wireguard(draft: Draft, path: str, place: Path, identities: Identities, what: str) -> None:
    """Both halves in the place of a placeholder, and the new public one wherever the old one is stated."""
    from sopsguard.fix.renew import owner, restate
    from sopsguard.keys import wireguard

    ctx = view(draft, identities)
    opened, public = ctx.opened.get(path), (*place[:-1], "public_key")
    held = {leaf.path: leaf.value for leaf in opened.leaves} if isinstance(opened, Opened) else {}
    host = ctx.inventory.host(owner(path, place))
    mesh = host.wireguard if host is not None else None
    stated = {str(held.get(public, "")).strip(), (mesh.public_key if mesh is not None else None) or ""}
    new = wireguard.generate()
    if not _edit(draft, path, [Set(place, new.private), Set(public, new.public)], identities, what):
        return
    draft.did(f"{what}, and {_dotted(public)} with it", path, weight=Weight.SECRETS)
    old = {text: new.public for text in stated if isinstance(wireguard.key(text), wireguard.Key)}
    for where in restate(draft, old, identities):
        draft.did(f"state the new WireGuard public key in {where}", where)


def _preshared(draft: Draft, path: str, place: Path, identities: Identities, what: str) -> None:
    """The key of a tunnel in the place of a placeholder: that of the other end, or a new one for both."""
    from sopsguard.fix.renew import owner
    from sopsguard.keys import wireguard

    ctx = view(draft, identities)
    spoke = str(place[-1]) if str(place[-2]) == "preshared_keys" else owner(path, place)
    ends = dict.fromkeys([(path, place), *_ends(ctx, spoke)])
    known = None
    for where, key in ends:
        opened = ctx.opened.get(where)
        for leaf in opened.leaves if isinstance(opened, Opened) else ():
            if leaf.path == key and isinstance(wireguard.key(str(leaf.value)), wireguard.Key):
                known = str(leaf.value).strip()
    if known is not None:
        if _edit(draft, path, [Set(place, known)], identities, what):
            draft.did(f"{what}: that of the other end of the tunnel", path, weight=Weight.SECRETS)
        return
    new = wireguard.generate_preshared()
    for where, key in ends:
        if not _edit(draft, where, [Set(key, new)], identities, what):
            return
        draft.did(f"make a value for {_dotted(key)} in {where}", where, weight=Weight.SECRETS)


def _pair(draft: Draft, path: str, key: Path, identities: Identities) -> None:
    from sopsguard.structure.hosts import stem
    from sopsguard.structure.pairs import public_of

    what = f"make {_dotted(key)} in {path} belong to its other half"
    ctx = view(draft, identities)
    opened = ctx.opened.get(path)
    if not isinstance(opened, Opened):
        draft.refuse(what, "no identity at hand opens it")
        return
    held = {leaf.path: leaf.value for leaf in opened.leaves if not leaf.comment}
    last = str(key[-1])
    private = _PAIRS.get(last) or last.removesuffix("_pub")
    value = held.get((*key[:-1], private)) if private != last else None
    if isinstance(value, str):
        made = public_of(str(key[0]), value)
        if made and held.get(key) == made:
            _opens_nothing(draft, path, key, made)
        elif made and _edit(draft, path, [Set(key, made)], identities, what):
            draft.did(what, path)
        return
    # The end of a tunnel: what stands with the spoke itself counts, in its own file.
    spoke = str(key[-1]) if "preshared_keys" in key else str(key[-2]) if len(key) > 2 else stem(path)
    for other, entries in ctx.structure.hosts.items():
        for entry in entries:
            found = entry.text("preshared_key") if entry.kind == "wireguard" and entry.is_own else None
            if found is None or (entry.host or stem(other)) != spoke:
                continue
            for where, place in _ends(ctx, spoke):
                if (where, place) != (other, found[0].path) and _edit(
                    draft, where, [Set(place, found[1])], identities, what
                ):
                    draft.did(
                        f"give {_dotted(place)} in {where} the key of {spoke}", where, weight=Weight.SECRETS
                    )
            return
    draft.refuse(what, "which of the halves is right cannot be told: store both again")


def _opens_nothing(draft: Draft, path: str, key: Path, recipient: str) -> None:
    """An identity whose halves belong together and that no rule lets in: people know whether it is meant."""
    from shlex import quote

    from sopsguard.fix.renew import owner

    name = owner(path, key)
    draft.ask(
        f"decide about the age identity of {name} in {path}: it opens nothing, as no rule names {recipient}. "
        f"If {name} is to have a new one, exchange it in order, beside the old one; if it was stored by "
        "mistake, put the former one back",
        f"sopsguard fix rotate {quote(name)}",
        f"git log -p -- {quote(path)}",
    )


def _ends(ctx: Context, spoke: str) -> list[tuple[str, Path]]:
    """Everywhere the preshared key of a tunnel stands."""
    found: list[tuple[str, Path]] = []
    for path, opened in ctx.opened.items():
        for leaf in opened.leaves if isinstance(opened, Opened) else ():
            names = tuple(map(str, leaf.path))
            if names[-2:] == (spoke, "preshared_key") or names[-2:] == ("preshared_keys", spoke):
                found.append((path, leaf.path))
    return found


def _generate(draft: Draft, name: str, kind: str, identities: Identities) -> None:
    from sopsguard.fix.host import Wish, add, elsewhere, tunnel

    ctx = view(draft, identities)
    if kind == "preshared":
        tunnel(draft, ctx, name, identities)
        return
    before = draft.plan()
    made = add(draft, ctx, identities, Wish(name, kinds=(kind,)))
    after = draft.plan()
    if made is not None and (before.changes, before.refusals) == (after.changes, after.refusals):
        elsewhere(draft, ctx, name, kind)
