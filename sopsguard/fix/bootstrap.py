"""A whole new infrastructure from its inventory: keys, rules, secrets and settings, without any network."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from sopsguard.context import Context
from sopsguard.fix import begin, deliver
from sopsguard.fix.host import Made, Wish, Writes, enter, generate
from sopsguard.fix.layout import Home, Layout
from sopsguard.fix.plan import Draft
from sopsguard.fix.rules import exactly
from sopsguard.inventory import Holder, stated
from sopsguard.model import UserError
from sopsguard.sops.config import CONFIG_NAME
from sopsguard.sops.editor import CannotEdit

OWN = "secrets/hosts/{}.yaml"
SHARED = "secrets/shared.yaml"
ADMIN = "secrets/admin.yaml"
PUBLIC = "hosts/{}/ssh_host_ed25519_key.pub"


@dataclass(frozen=True, slots=True)
class Identity:
    """The administrator's own: whose, the public half, the text of the file (None: it is there)."""

    owner: str
    recipient: str
    text: str | None = field(repr=False, default=None)


def bootstrap(draft: Draft, ctx: Context, at_hand: str | None) -> Identity | None:
    """Plan everything on the draft; `at_hand` is the recipient of an age identity that lies where sops looks.

    Returns the identity of the administrator, to be stored outside the repository before anything else is
    written; None where there is nothing to begin. Raises `UserError` where the inventory lacks somebody, and
    where a file stands in the way.
    """
    inventory = ctx.inventory
    if inventory.path is None or not inventory.hosts or not inventory.people:
        raise UserError(
            "there is no inventory to begin from",
            f"write {stated.FILE} with `hosts` (names, perhaps `wireguard: {{server: true}}`) and `people`",
        )
    if draft.read(CONFIG_NAME) is not None:
        for host in inventory.hosts:
            if not host.recipients:
                draft.ask(f"{host.name} has no key yet", f"sopsguard fix host {host.name}")
        return None
    admin = _admin(inventory.people)
    identity = _identity(draft, admin, at_hand)
    layout = Layout(
        {"wireguard": Home(OWN), "ssh": Home(ADMIN), "age": Home(ADMIN)}, public=PUBLIC, from_ssh=True
    )
    writes = Writes()
    made: list[Made] = []
    for host in inventory.hosts:
        used = tuple(m.address for m in made if m.address)
        made.append(generate(ctx, layout, Wish(host.name), writes, draft.modified, used))
    _applications(writes)
    draft.write(CONFIG_NAME, _config(inventory.people, identity, made).encode())
    draft.did(f"name {len(made)} hosts and whoever looks after them in {CONFIG_NAME}", CONFIG_NAME)
    for path in writes.paths:
        if path in draft.base:
            raise UserError(f"{path} is there already", "move it away first; nothing was written")
        try:
            draft.write(path, writes.sealed(draft, path))
        except CannotEdit as e:
            raise UserError(
                f"{path} cannot be made: {e.message}", "mend the recipients in the inventory"
            ) from None
        draft.did(f"make {path}: {writes.named(path)}", path)
    _people(draft, identity)
    for one in made:
        enter(draft, inventory, one)
        _publish(draft, one)
    begin.policy(draft, ("plaintext", "schema", "recipients"), ("secrets/**",))
    begin.hooks(draft)
    begin.ignored(draft)
    _steps(draft, layout, identity, made, inventory.people)
    return identity


def _admin(people: tuple[Holder, ...]) -> Holder:
    return next((p for p in people if "admin" in p.roles), people[0])


def _identity(draft: Draft, admin: Holder, at_hand: str | None) -> Identity:
    """The administrator's key: stated, at hand, or new."""
    from sopsguard.keys import age

    stated_ = [r.text for r in admin.recipients if not r.offline]
    if stated_:
        return Identity(admin.name, stated_[0])
    if at_hand is not None:
        return Identity(admin.name, at_hand)
    new = age.generate_identity()
    assert new.public is not None
    return Identity(admin.name, new.public, age.write_identity_file(new, draft.modified))


def _applications(writes: Writes) -> None:
    from sopsguard.keys.password import generate_passphrase

    writes.put(SHARED, ("restic", "password"), generate_passphrase())


def _config(people: tuple[Holder, ...], identity: Identity, made: list[Made]) -> str:
    """`.sops.yaml`: a rule for each host, one for all, one that no host is in."""
    keys = [(f"user_{_anchor(identity.owner)}", identity.recipient, "")]
    for person in people:
        for number, one in enumerate(r for r in person.recipients if r.text.strip() != identity.recipient):
            name = f"{'offline' if one.offline else 'user'}_{_anchor(person.name)}{number or ''}"
            keys.append((name, one.text.strip(), "  # kept offline" if one.offline else ""))
    everybody = [name for name, *_ in keys]
    hosts = [(f"host_{_anchor(m.name)}", m) for m in made if m.recipient]
    lines = ["# Who can read what. After a change: sopsguard fix", "keys:"]
    lines += [f"  - &{name} {text}{comment}" for name, text, comment in keys]
    lines += [f"  - &{name} {m.recipient}" for name, m in hosts]
    lines.append("creation_rules:")
    for name, m in hosts:
        lines += _rule(OWN.replace("{}", m.name), [*everybody, name])
    lines += _rule(SHARED, [*everybody, *(name for name, _ in hosts)])
    lines += _rule(ADMIN, everybody)
    return "\n".join(lines) + "\n"


def _rule(path: str, names: list[str]) -> Iterator[str]:
    yield f"  - path_regex: {exactly(path)}"
    yield "    key_groups:"
    yield "      - age:"
    yield from (f"          - *{name}" for name in names)


def _anchor(name: str) -> str:
    import re

    return re.sub(r"[^A-Za-z0-9_-]", "_", name)


def _people(draft: Draft, identity: Identity) -> None:
    """The administrator's recipient in the inventory, where it is not stated yet."""
    from sopsguard.fix import entries

    path = draft.inventory().path or stated.FILE
    data = draft.read(path)
    assert data is not None
    person = next(p for p in stated.read(data, path).people if p.name == identity.owner)
    readers = {r.text.strip() for r in person.recipients}
    if identity.recipient in readers:
        return
    what = f"enter the key of {identity.owner} in {path}"
    try:
        where: tuple[str, ...] = ("people", identity.owner)
        lines = [f"recipients: [{identity.recipient}]"]
        if person.recipients:
            where, lines = (*where, "recipients"), [f"- {identity.recipient}"]
        text = entries.with_entry(data.decode(), where, lines)
        stated.read(text.encode(), path)
    except UserError as e:
        draft.refuse(what, f"{e.message}; {e.hint}" if e.hint else e.message)
        return
    draft.write(path, text.encode())
    draft.did(what, path)


def _publish(draft: Draft, made: Made) -> None:
    path = PUBLIC.replace("{}", made.name)
    if made.host_key is not None and draft.read(path) is None:
        draft.write(path, f"{made.host_key} root@{made.name}\n".encode())
        draft.did(f"write the SSH public key of {made.name}: {path}", path)


def _steps(
    draft: Draft, layout: Layout, identity: Identity, made: list[Made], people: tuple[Holder, ...]
) -> None:
    """What remains for people."""
    if not any(r.offline for p in people for r in p.recipients):
        draft.ask(
            "make a recovery key on a machine without a network, print it, put it into a safe; then state "
            f"its public half in {stated.FILE} as `{{key: age1…, offline: true}}` and in {CONFIG_NAME}",
            "age-keygen",
        )
    for person in people:
        if person.name != identity.owner and not person.recipients:
            draft.ask(
                f"ask {person.name} for the public half of a key of their own, and state it", "age-keygen"
            )
    fresh = [m for m in made if "SSH host key" in m.new]
    if fresh:
        deliver.all_hosts(draft, layout, [m.name for m in fresh])
    nodes = [
        line
        for m in made
        if m.address and m.public
        for line in deliver.node(m.name, m.address, m.public, m.hub)
    ]
    draft.ask("put the nodes of the mesh into a Nix module that every host imports", *nodes)
    for one in made:
        draft.ask(
            f"put into the configuration of {one.name}", *deliver.snippet(layout, one.name, True, one.hub)
        )
    draft.ask("commit everything together", "git add --all", "git commit")
