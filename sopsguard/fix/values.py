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
    from sopsguard.keys import password, ssh, wireguard

    file = draft.managed.files.get(path)
    leaves = file.leaves if isinstance(file, SopsFile) else ()
    place = next((leaf.path for leaf in leaves if leaf.key == key), None)
    if place is None:
        return
    what = f"make a value for {key} in {path}"
    names = [str(part).lower() for part in place]
    changes: list[Set | Unset] = []
    if "wireguard" in names[:-1] and names[-1] == "private_key":
        pair = wireguard.generate()
        changes = [Set(place, pair.private), Set((*place[:-1], "public_key"), pair.public)]
    elif "wireguard" in names[:-1] and names[-1] == "preshared_key":
        key_of_both = wireguard.generate_preshared()
        changes = [Set(place, key_of_both)]
    elif "ssh" in names[:-1] and names[-1] == "host_key":
        host_key = ssh.generate_host_key("ed25519", f"root@{owner(path, place)}")
        changes = [Set(place, host_key.private), Set((*place[:-1], "host_key_pub"), host_key.public)]
    elif is_passphrase(place):
        changes = [Set(place, password.generate_passphrase())]
    if not changes:
        draft.ask(f"{key} in {path} cannot be made here: get a new value, and store it", f"sops edit {path}")
    elif _edit(draft, path, changes, identities, what):
        draft.did(what, path, weight=Weight.SECRETS)


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
        if made and _edit(draft, path, [Set(key, made)], identities, what):
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
    from sopsguard.fix.host import Wish, add, tunnel

    ctx = view(draft, identities)
    if kind == "preshared":
        tunnel(draft, ctx, name, identities)
        return
    add(draft, ctx, identities, Wish(name, kinds=(kind,)))
