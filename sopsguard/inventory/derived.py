"""Who there is, drawn from the tree: the four name spaces of hosts brought together, keys proved.

Existence comes from the flake, from the folder of a host, or from a public key in the tree; the names in
`.sops.yaml` only name. Whatever cannot be decided is in `Inventory.unsure`, never guessed.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from sopsguard.inventory.evidence import HOST_FOLDERS, CommittedCertificate, Facts, PublicKey
from sopsguard.inventory.holders import (
    Holder,
    HostKey,
    How,
    Inventory,
    Kind,
    Recipient,
    SigningKey,
    Source,
    Statement,
    WireGuard,
    certificates_of,
    folded,
)
from sopsguard.inventory.naming import Spoken, looks_like, spoken
from sopsguard.inventory.readers import reader
from sopsguard.model import Location, Unknown, printable
from sopsguard.nix.scope import Hole, text_of
from sopsguard.nix.stated import FileRef, Host, NixFacts, Place

_MOST_NAMES = 20_000
_MOST_HOSTS = 20_000
_NEEDED = "an inventory.yaml that says who there is"

# fmt: off
# Folders beside those of hosts that hold what several share, and folders of what is no host yet.
_NO_HOST = frozenset((
    "common", "shared", "default", "defaults", "base", "global", "generic", "modules", "module", "templates",
    "template", "profiles", "profile", "lib", "libs", "overlays", "secrets", "optional", "optionals",
    "features", "mixins", "roles", "users", "example", "examples", "tests", "test", "config", "configs",
    "scripts", "assets", "files", "keys", "docs", "services", "hardware", "nixos", "darwin", "linux",
    "home", "pkgs",
))
# Images that somebody boots once; `Host.is_image` of the Nix reader knows the others.
_IMAGES = frozenset(("bootstrap", "minimal", "rescue"))
_OF_A_HOST = frozenset((
    "configuration.nix", "default.nix", "hardware-configuration.nix", "host.nix", "hardware.nix",
    "disk-config.nix", "disko.nix", "flake-module.nix", "system.nix", "disks.nix", "imports.nix",
))
# fmt: on
# Host names that installers set, which tell nobody apart.
_GENERIC = frozenset(("nixos", "localhost", "nixos-installer", "installer"))


def derive(facts: Facts) -> Inventory:
    """The inventory that a tree implies. Pure; takes any facts, however odd."""
    builder = _Builder(facts)
    builder.flake()
    builder.folders()
    builder.host_names()
    builder.public_keys()
    builder.names()
    builder.certificates()
    builder.wireguard()
    return builder.inventory()


@dataclass(slots=True, eq=False)
class _Draft:
    """A holder while it is put together. `names` are by folded name, in the order of their weight."""

    kind: Kind
    names: dict[str, str] = field(default_factory=dict)
    said: list[Statement] = field(default_factory=list)
    recipients: dict[tuple[str, How, Source], Recipient] = field(default_factory=dict)
    host_keys: dict[str, HostKey] = field(default_factory=dict)
    signing_keys: dict[str, SigningKey] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)
    folders: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    wireguard: WireGuard | None = None
    image: bool = False
    preferred: str | None = None

    def say(self, source: Source, text: str, where: Location) -> None:
        statement = Statement(source, text, where)
        if statement not in self.said[-50:]:
            self.said.append(statement)

    def has(self, source: Source) -> bool:
        return any(s.source is source for s in self.said)

    def add(self, recipient: Recipient) -> None:
        self.recipients.setdefault((recipient.reader, recipient.how, recipient.said.source), recipient)

    def holder(self) -> Holder:
        names = list(self.names.values())
        if self.preferred in names:
            names.remove(self.preferred or "")
            names.insert(0, self.preferred or "")
        order = list(Source)
        return Holder(
            self.kind,
            names[0],
            tuple(names[1:]),
            tuple(self.recipients.values()),
            tuple(self.host_keys.values()),
            tuple(self.signing_keys.values()),
            wireguard=self.wireguard,
            image=self.image,
            said=tuple(sorted(self.said, key=lambda s: order.index(s.source))),
            notes=tuple(self.notes),
        )


class _Builder:
    """Drafts of all holders, found by name."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.drafts: list[_Draft] = []
        self.by_name: dict[str, list[_Draft]] = {}
        self.unsure: list[Unknown] = list(facts.unsure)
        self.computed = False
        self.left_over: dict[str, str] = {}
        self.same: dict[str, str] = {}
        self.directories = _directories(facts.paths)
        self.heard = spoken(facts.configs, _MOST_NAMES)

    def doubt(self, where: Location, reason: str) -> None:
        self.unsure.append(Unknown(where, reason, _NEEDED))

    # drafts by name

    def find(self, name: str, kind: Kind) -> list[_Draft]:
        """The drafts of that name which may be of the kind."""
        return [
            d for d in self.by_name.get(folded(name), ()) if d.kind is kind or Kind.UNKNOWN in (d.kind, kind)
        ]

    def called(self, draft: _Draft, name: str) -> None:
        """Let the draft go by a name too."""
        if folded(name) not in draft.names:
            draft.names[folded(name)] = name
            self.by_name.setdefault(folded(name), []).append(draft)

    def draft(self, name: str, kind: Kind) -> _Draft:
        """The one draft of that name and kind, made if there is none."""
        found = [d for d in self.by_name.get(folded(name), ()) if d.kind is kind]
        if found:
            return found[0]
        draft = _Draft(kind)
        draft.image = kind is Kind.HOST and _is_image(name)
        self.drafts.append(draft)
        self.called(draft, name)
        return draft

    @property
    def hosts(self) -> list[_Draft]:
        return [d for d in self.drafts if d.kind is Kind.HOST]

    # the flake

    def flake(self) -> None:
        for nix in self.facts.nix:
            for host in nix.hosts:
                if len(self.drafts) >= _MOST_HOSTS:
                    self.doubt(Location(nix.path), f"more than {_MOST_HOSTS} hosts")
                    return
                self.configuration(nix, host)

    def configuration(self, nix: NixFacts, host: Host) -> None:
        where = Location(nix.path, host.place.line, host.place.column)
        name = None if host.name is None else host.name.static
        if host.kind == "homeConfigurations":
            user = (name or "").partition("@")[0]
            if user:
                self.draft(user, Kind.PERSON).say(Source.FLAKE, f"{host.kind}.{name}", where)
            return
        if name:
            draft = self.draft(name, Kind.HOST)
            draft.say(Source.FLAKE, f"{host.kind}.{name}", where)
            draft.image = draft.image or host.is_image
            for file in host.files:
                if (path := self.located(file, name)) is not None:
                    draft.files.add(path)
            return
        folder = None if host.folder is None else host.folder.path
        children = self.directories.get(folder, ()) if folder is not None else ()
        if not children:
            self.computed = True
            said = "" if host.name is None else f" ({printable(host.name.pattern[:80])})"
            self.doubt(where, f"the names of hosts in {host.kind} are computed{said}")
            return
        for child in sorted(children):
            path = f"{folder}/{child}"
            if path in self.directories and not _is_none(child):
                draft = self.draft(child, Kind.HOST)
                draft.say(Source.FLAKE, f"{host.kind}.{child}", where)
                draft.files.add(path)

    def located(self, file: FileRef, name: str) -> str | None:
        """The path that a configuration names; where the name of the host is a hole in it, that is tried."""
        path = file.path
        if path is None:
            holes = {part.symbol for part in file.text.parts if isinstance(part, Hole)}
            path = file.located(dict.fromkeys(holes, name)) if holes else None
        if path is None or (path not in self.directories and not self.is_file(path)):
            return None
        return path

    def is_file(self, path: str) -> bool:
        folder, _, name = path.rpartition("/")
        return name in self.directories.get(folder, ())

    # folders

    def folders(self) -> None:
        candidates = self.candidates()
        taken = self.linked(candidates)
        flaked = bool(self.hosts) and not self.computed
        elsewhere = {folded(n) for s in self.heard for n in (s.text, s.bare)}
        elsewhere |= {folded(k.name) for k in self.facts.keys}
        elsewhere |= {
            folded(h.text.static) for nix in self.facts.nix for h in nix.host_names if h.text.static
        }
        for path, names in sorted(candidates.items()):
            if path in taken:
                continue
            # In a group of hosts the longest name that somebody uses is meant.
            known = [d for name in reversed(names) if (d := self.exact(name, Kind.HOST)) is not None]
            used = [name for name in reversed(names) if folded(name) in elsewhere]
            if known:
                self.lies_in(known[0], path)
            elif flaked:
                for name in names:
                    self.left_over.setdefault(folded(name), path)
            elif len(names) > 1 and not used:
                self.doubt(Location(path), "it looks like the folder of a host whose name stands nowhere")
            elif len(self.drafts) < _MOST_HOSTS:
                self.lies_in(self.draft(used[0] if used else names[0], Kind.HOST), path)

    def lies_in(self, draft: _Draft, path: str) -> None:
        draft.folders.add(path)
        draft.say(Source.DIRECTORY, path, Location(path))

    def candidates(self) -> dict[str, tuple[str, ...]]:
        """Folders (and single files) that look like those of hosts, with the names they give: the folder's
        own, and below a group of hosts (`hosts/testagent/prod`) also that of the group and its own."""
        found: dict[str, tuple[str, ...]] = {}
        for path, children in self.directories.items():
            base = path.rpartition("/")[2]
            if base in HOST_FOLDERS and _is_of_ours(path):
                self.below(path, found)
            elif "hardware-configuration.nix" in children and path and not _is_none(base):
                found.setdefault(path, (base,))
        return found

    def below(self, top: str, found: dict[str, tuple[str, ...]]) -> None:
        pending: list[tuple[str, tuple[str, ...]]] = [(top, ())]
        alone = not any(
            not _OF_A_HOST.isdisjoint(self.directories.get(f"{top}/{c}", ())) for c in self.directories[top]
        )
        while pending:
            folder, groups = pending.pop()
            for child in self.directories[folder]:
                path = f"{folder}/{child}"
                if path not in self.directories:
                    # `hosts/oak.nix`, where hosts have no folders
                    name = child.removesuffix(".nix")
                    single = alone and folder == top and name != child and child not in _OF_A_HOST
                    if single and not _is_none(name) and name not in HOST_FOLDERS:
                        found.setdefault(path, (name,))
                    continue
                if child.startswith((".", "_")) or len(groups) > 2:
                    continue
                inside = self.directories[path]
                if not _OF_A_HOST.isdisjoint(inside) or f"{child}.nix" in inside:
                    if not _is_none(child):
                        joined = ("-".join((*groups, child)),) if groups else ()
                        close = (f"{groups[-1]}-{child}",) if groups else ()
                        found.setdefault(path, tuple(dict.fromkeys((child, *close, *joined))))
                elif child not in _NO_HOST or child in ("nixos", "darwin", "linux"):
                    group = () if child in _NO_HOST else (child,)
                    pending.append((path, (*groups, *group)))

    def linked(self, candidates: dict[str, tuple[str, ...]]) -> set[str]:
        """Give each configuration of the flake the folder that only it names."""
        users: dict[str, set[int]] = {}
        for number, draft in enumerate(self.drafts):
            for file in draft.files:
                for folder in _up(file):
                    if folder in candidates:
                        users.setdefault(folder, set()).add(number)
                        break
        taken = set()
        for folder, numbers in users.items():
            if len(numbers) == 1:
                draft = self.drafts[next(iter(numbers))]
                self.lies_in(draft, folder)
                taken.add(folder)
                names = candidates[folder]
                # The folder's name is an alias, unless it is one of a group or another host has it.
                if len(names) == 1 and not self.find(names[0], Kind.HOST):
                    self.called(draft, names[0])
        return taken

    # networking.hostName

    def host_names(self) -> None:
        claims: dict[str, list[tuple[_Draft, str, Location]]] = {}
        loose: list[tuple[str, Location]] = []
        by_folder = {folder: d for d in self.hosts for folder in d.folders}
        by_file: dict[str, list[_Draft]] = {}
        for draft in self.hosts:
            for file in draft.files:
                by_file.setdefault(file, []).append(draft)
        for nix in self.facts.nix:
            for host_name in nix.host_names:
                text = host_name.text.static
                where = Location(nix.path, host_name.place.line, host_name.place.column)
                if not text:
                    continue
                owner = self.owner(host_name.owner.host, nix.path, by_folder, by_file)
                if owner is not None:
                    claims.setdefault(folded(text), []).append((owner, text, where))
                else:
                    loose.append((text, where))
        for name, claim in claims.items():
            owners = {id(draft) for draft, _, _ in claim}
            for draft, text, where in claim:
                draft.say(Source.HOST_NAME, text, where)
                others = [d for d in self.find(name, Kind.HOST) if d is not draft]
                if len(owners) == 1 and name not in _GENERIC and not others:
                    self.called(draft, text)
                    if not draft.has(Source.FLAKE):
                        draft.preferred = draft.names[name]
                elif name not in draft.names:
                    why = "several hosts have" if len(owners) > 1 or others else "installers set"
                    note = f"its networking.hostName {printable(text)} names nobody: {why} it"
                    if note not in draft.notes:
                        draft.notes.append(note)
        for text, where in loose:
            found = [d for d in self.find(text, Kind.HOST) if d.kind is Kind.HOST]
            if found:
                found[0].say(Source.HOST_NAME, text, where)
        if not self.hosts:
            distinct = {folded(text) for text, _ in loose} - _GENERIC
            if len(distinct) == 1:  # one machine, whose configuration is the repository
                for text, where in loose:
                    if folded(text) in distinct:
                        self.draft(text, Kind.HOST).say(Source.HOST_NAME, text, where)

    def owner(
        self,
        host: str | None,
        path: str,
        by_folder: dict[str, _Draft],
        by_file: dict[str, list[_Draft]],
    ) -> _Draft | None:
        if host is not None:
            found = [d for d in self.find(host, Kind.HOST) if d.kind is Kind.HOST]
            return found[0] if len(found) == 1 else None
        for folder in _up(path):
            if folder in by_folder:
                return by_folder[folder]
        users = by_file.get(path, [])
        return users[0] if len(users) == 1 else None

    # SSH keys

    def public_keys(self) -> None:
        for key in self.facts.keys:
            if key.firm and not (key.kind is Kind.HOST and _is_none(key.name)):
                self.proved(self.exact(key.name, key.kind) or self.draft(key.name, key.kind), key)
        for key in self.facts.keys:
            if not key.firm:
                draft = self.exact(key.name, key.kind) or self.exact(key.name.partition(".")[0], key.kind)
                if draft is not None:
                    self.proved(draft, key)

    def exact(self, name: str, kind: Kind) -> _Draft | None:
        found = [d for d in self.by_name.get(folded(name), ()) if d.kind is kind]
        return found[0] if len(found) == 1 else None

    def proved(self, draft: _Draft, key: PublicKey) -> None:
        draft.say(key.said.source, key.said.text, key.said.where)
        if draft.kind is Kind.HOST:
            draft.host_keys.setdefault(key.line, HostKey(key.line, key.said))
        if key.line.startswith(("ssh-ed25519 ", "ssh-rsa ")):
            draft.add(Recipient(key.line, reader(key.line), How.PROVED, key.said))

    # names in .sops.yaml

    def names(self) -> None:
        if len(self.heard) == _MOST_NAMES:
            self.doubt(self.heard[-1].said.where, f"more than {_MOST_NAMES} names of recipients")
        real = {looks_like(n): n for d in self.drafts for n in d.names.values()}
        for name in self.heard:
            self.name(name, real)

    def name(self, name: Spoken, real: dict[str, str]) -> None:
        draft: _Draft | None = None
        note = ""
        for candidate in name.candidates:
            found = self.find(candidate, name.kind)
            if len(found) > 1 and name.kind is Kind.UNKNOWN:
                kinds = " and ".join(sorted({f"a {d.kind}" for d in found}))
                note = f"{printable(name.text)} may be {kinds}"
                break
            if found:
                draft = found[0]
                break
        if draft is None:
            draft = _Draft(name.kind)
            self.drafts.append(draft)
            self.called(draft, name.bare)
            leftover = self.left_over.get(folded(name.bare)) or self.left_over.get(folded(name.short))
            if leftover is not None:
                note = f"the folder {printable(leftover)} is there, but no configuration of the flake uses it"
            like = real.get(looks_like(name.bare))
            if like is not None and folded(like) != folded(name.bare):
                note = f"it looks like {printable(like)} and is another name"
            if note:
                draft.notes.append(note)
        elif draft.kind is Kind.UNKNOWN:
            draft.kind = name.kind
        if name.text not in draft.names.values() and folded(name.text) not in draft.names:
            self.called(draft, name.text)
        draft.say(name.said.source, name.said.text, name.said.where)
        draft.add(Recipient(name.recipient, name.reader, How.NAMED, name.said))

    # OpenPGP

    def certificates(self) -> None:
        keys = {
            c.certificate.primary.key.fingerprint: [s.key.fingerprint for s in c.certificate.subkeys[:100]]
            for c in self.facts.certificates
        }
        self.same = certificates_of(keys)
        named: dict[str, list[_Draft]] = {}
        for draft in self.drafts:
            for name in {self.same.get(r.reader, r.reader) for r in draft.recipients.values()}:
                named.setdefault(name, []).append(draft)
        for committed in self.facts.certificates:
            self.certificate(committed, named)

    def certificate(self, committed: CommittedCertificate, named: dict[str, list[_Draft]]) -> None:
        primary = committed.certificate.primary.key.fingerprint
        where = Location(committed.path)
        holders = named.get(primary, [])
        if committed.name is not None:
            owners = [
                self.exact(committed.name, committed.kind) or self.draft(committed.name, committed.kind)
            ]
        else:
            owners = [d for d in holders if _goes_by(d, committed.words)]
            if not owners:
                owners = [d for d in self.drafts if d.kind is Kind.PERSON and _goes_by(d, committed.words)][
                    :1
                ]
            if not owners and holders:
                for draft in holders:
                    draft.say(Source.CERTIFICATE, primary, where)
                    name = committed.certificate.user_ids[0] if committed.certificate.user_ids else primary
                    draft.notes.append(
                        f"the certificate in {printable(committed.path)} names its owner "
                        f"{printable(name[:100])}"
                    )
                    draft.signing_keys.setdefault(primary, self.signing(committed, primary, where))
                return
            if not owners:
                owners = [self.draft(_person(committed, primary), Kind.PERSON)]
        for draft in owners:
            draft.say(Source.CERTIFICATE, primary, where)
            said = Statement(Source.CERTIFICATE, primary, where)
            draft.add(Recipient(primary, primary, How.PROVED, said))
            draft.signing_keys.setdefault(primary, self.signing(committed, primary, where))

    def signing(self, committed: CommittedCertificate, primary: str, where: Location) -> SigningKey:
        return SigningKey("openpgp", primary, Statement(Source.CERTIFICATE, primary, where), committed.path)

    # WireGuard

    def wireguard(self) -> None:
        for nix in self.facts.nix:
            for node in nix.wireguard:
                name = None if node.name is None else node.name.static
                draft = self.exact(name, Kind.HOST) if name else None
                if draft is None or draft.wireguard is not None:
                    continue
                address = next((a.static for a in node.addresses if a.static), None)
                where = Location(nix.path, node.place.line, node.place.column)
                said = Statement(Source.NIX_KEY, name or "", where)
                draft.wireguard = WireGuard(address, node.public_key.static, node.is_server, said)

    # all together

    def inventory(self) -> Inventory:
        found: dict[Kind, list[Holder]] = {kind: [] for kind in Kind}
        for draft in self.drafts:
            if draft.kind is Kind.HOST and (note := _reconciled(draft)):
                draft.notes.insert(0, note)
            found[draft.kind].append(draft.holder())
        ordered = {kind: tuple(sorted(all_, key=lambda h: h.name)) for kind, all_ in found.items()}
        return Inventory(
            ordered[Kind.HOST],
            ordered[Kind.PERSON],
            ordered[Kind.SERVICE],
            ordered[Kind.UNKNOWN],
            same=self.same,
            unsure=tuple(self.unsure),
        )


def _reconciled(draft: _Draft) -> str:
    """How the names of one host were found to mean the same, where they differ."""
    texts: dict[str, tuple[str, Statement]] = {}
    for statement in draft.said:
        name = statement.text.rpartition("/")[2] if statement.source is Source.DIRECTORY else statement.text
        if statement.source is Source.FLAKE:
            name = name.partition(".")[2]
        texts.setdefault(folded(name), (name, statement))
    if len({f for f in texts if f in draft.names}) < 2:
        return ""
    parts = [f"{printable(n)}: {printable(s.reason)}" for f, (n, s) in texts.items() if f in draft.names]
    return "one host by several names: " + "; ".join(parts[:6])


def _goes_by(draft: _Draft, words: frozenset[str]) -> bool:
    """Whether one of the names of a draft stands among the words, whole or as one of its words."""
    for name in draft.names.values():
        parts = [p for p in re.split(r"[^a-z0-9]+", name.casefold()) if len(p) > 2]
        if name.casefold() in words or not words.isdisjoint(parts):
            return True
    return False


def _person(committed: CommittedCertificate, primary: str) -> str:
    """What to call the owner of a certificate whom nothing else names: the part of an e-mail before the @."""
    for user_id in committed.certificate.user_ids[:20]:
        match = re.search(r"<([A-Za-z0-9][\w.+-]{1,60})@", user_id)
        if match:
            return match[1]
    return committed.path.rpartition("/")[2].rpartition(".")[0] or primary


def _is_image(name: str) -> bool:
    words = set(folded(name).split("-"))
    return not words.isdisjoint(_IMAGES) or Host(text_of(name), "", Place(0, 0, 0, 0)).is_image


def _is_none(name: str) -> bool:
    """Whether a folder among those of hosts is none by its name."""
    return not name or name.startswith((".", "_")) or folded(name) in _NO_HOST


def _is_of_ours(path: str) -> bool:
    """Whether hosts may be configured there: not in tests, examples and documents, not deep down."""
    parts = path.split("/")
    return len(parts) <= 4 and not {"tests", "test", "docs", "doc", "examples", "example"} & set(parts)


def _directories(paths: Iterable[str]) -> dict[str, set[str]]:
    """Each folder with what is directly in it, from the paths of files; ten deep and more is left out."""
    found: dict[str, set[str]] = {"": set()}
    for path in paths:
        folder, _, name = path.rpartition("/")
        if folder.count("/") > 9:
            continue
        while name not in found.setdefault(folder, set()):
            found[folder].add(name)
            folder, _, name = folder.rpartition("/")
            if not name:
                break
    return found


def _up(path: str) -> Iterator[str]:
    """The path itself and every folder above it."""
    while path:
        yield path
        path = path.rpartition("/")[0]


# --- beside an inventory.yaml ----------------------------------------------------------------------------


def completed(stated: Inventory, derived: Inventory) -> Inventory:
    """What inventory.yaml states, with what the tree proves and names added to its holders.

    Whoever the tree implies and the file does not list is in `undeclared` (existing) or `unknown` (a mere
    name); neither becomes a holder of the inventory by that.
    """
    holders: list[Holder] = [*stated, *stated.former]
    by_name: dict[str, list[int]] = {}
    for number, holder in enumerate(holders):
        for name in holder.names:
            by_name.setdefault(folded(name), []).append(number)
    by_reader: dict[str, set[int]] = {}
    for number, holder in enumerate(holders):
        for name in holder.readers:
            by_reader.setdefault(name, set()).add(number)

    def owned(found: Holder) -> int | None:
        """Whose all keys are that a name stands for which claims to be nobody in particular."""
        owners = {n for name in found.readers for n in by_reader.get(derived.same.get(name, name), {-1})}
        return next(iter(owners - {-1}), None) if found.kind is Kind.UNKNOWN and len(owners) == 1 else None

    more: dict[int, list[Holder]] = {}
    undeclared: list[Holder] = []
    unknown: list[Holder] = []
    for found in derived:
        numbers = {n for name in found.names for n in by_name.get(folded(name), ())}
        fitting = [n for n in numbers if found.kind in (holders[n].kind, Kind.UNKNOWN)]
        active = [n for n in fitting if holders[n].left is None]
        match = active if len(active) == 1 else fitting
        if len(match) == 1:
            more.setdefault(match[0], []).append(found)
        elif found.exists:
            undeclared.append(found)
        elif (owner := owned(found)) is not None:
            more.setdefault(owner, []).append(replace(found, notes=()))
        else:
            unknown.append(found)

    def whole(number: int) -> Holder:
        holder = holders[number]
        added = more.get(number, [])
        if not added:
            return holder
        host_keys = {k.line: k for k in (*holder.host_keys, *(k for f in added for k in f.host_keys))}
        return replace(
            holder,
            recipients=(*holder.recipients, *(r for f in added for r in f.recipients)),
            host_keys=tuple(host_keys.values()),
            wireguard=holder.wireguard or next((f.wireguard for f in added if f.wireguard), None),
            image=any(f.image for f in added),
            said=(*holder.said, *(s for f in added for s in f.said)),
            notes=(*holder.notes, *(n for f in added for n in f.notes)),
        )

    place = {id(h): n for n, h in enumerate(holders)}

    def each(group: Iterable[Holder]) -> tuple[Holder, ...]:
        return tuple(whole(place[id(h)]) for h in group)

    return replace(
        stated,
        hosts=each(stated.hosts),
        people=each(stated.people),
        services=each(stated.services),
        unknown=tuple(unknown),
        former=each(stated.former),
        undeclared=tuple(undeclared),
        same=derived.same,
        unsure=derived.unsure,
    )
