"""Who there is: hosts, people, services, former members; what opens files for each, and how we know."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property

from sopsguard.inventory.readers import is_fingerprint, reader
from sopsguard.model import Addition, Location, Unknown
from sopsguard.sops.masterkey import Key


class Kind(StrEnum):
    """What a holder is. `UNKNOWN`: a name alone does not tell."""

    HOST = "host"
    PERSON = "person"
    SERVICE = "service"
    UNKNOWN = "unknown"


class How(StrEnum):
    """How it is known that a key is somebody's, the strongest first."""

    PROVED = "proved"  # the public half stands in the tree as theirs, and is this recipient
    INVENTORY = "inventory"  # inventory.yaml says so
    NAMED = "named"  # an anchor, a key or a comment calls it so, which proves nothing


class Source(StrEnum):
    """What says it."""

    INVENTORY = "inventory"
    FLAKE = "flake"
    DIRECTORY = "directory"
    HOST_NAME = "hostName"
    NIX_KEY = "nix-key"
    SSH_KEY = "ssh-key"
    KNOWN_HOSTS = "known_hosts"
    CERTIFICATE = "certificate"
    ANCHOR = "anchor"
    KEY = "key"
    COMMENT = "comment"


# What only names; everything else shows that the holder exists.
NAMING = frozenset((Source.ANCHOR, Source.KEY, Source.COMMENT))


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing said of a holder: the words (a name, a key) as they stand at the place."""

    source: Source
    text: str
    where: Location

    @property
    def reason(self) -> str:
        """Why this is believed, in words for a report."""
        place = self.where.path + (f":{self.where.line}" if self.where.line else "")
        return f"{_REASONS[self.source].format(self.text)} ({place})"


_REASONS = {
    Source.INVENTORY: "stated in the inventory",
    Source.FLAKE: "the flake's configuration {}",
    Source.DIRECTORY: "the folder {}",
    Source.HOST_NAME: "networking.hostName is {}",
    Source.NIX_KEY: "the public key of {} in Nix",
    Source.SSH_KEY: "the SSH public key of {}",
    Source.KNOWN_HOSTS: "the host key of {} in known_hosts",
    Source.CERTIFICATE: "the OpenPGP certificate of {}",
    Source.ANCHOR: "the anchor &{}",
    Source.KEY: "the key {}",
    Source.COMMENT: "the comment {}",
}


@dataclass(frozen=True, slots=True)
class Recipient:
    """A key that opens files for its holder: `text` as it stands, `reader` the one name of it (`reader`).

    `added`: the change under judgement says so for itself. `offline`: the key is kept off every network.
    """

    text: str
    reader: str
    how: How
    said: Statement
    offline: bool = False
    added: bool = False


@dataclass(frozen=True, slots=True)
class HostKey:
    """An SSH host key of a host: `line` is type and base64, without a comment."""

    line: str
    said: Statement
    added: bool = False


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key that signs commits: `kind` is `openpgp` (`key`: the primary fingerprint in upper-case hex,
    `file`: where its certificate is committed, or None) or `ssh` (`key`: type and base64)."""

    kind: str
    key: str
    said: Statement
    file: str | None = None
    added: bool = False


@dataclass(frozen=True, slots=True)
class WireGuard:
    """The place of a host in the mesh. `address` is an IP address, perhaps with a prefix length; `server`:
    whether it is the hub, None where nothing says."""

    address: str | None
    public_key: str | None
    server: bool | None
    said: Statement


@dataclass(frozen=True, slots=True)
class Holder:
    """A host, a person or a service. `name` is unique among its kind.

    `said` is every statement that it exists or is called so: the four name spaces and how they were brought
    together. `notes` are sentences about that where it is not plain. `left`: the ISO date on which a former
    member left. `image`: an installer or live image, which holds no secrets of its own. `added`: the change
    under judgement brings it for itself.
    """

    kind: Kind
    name: str
    aliases: tuple[str, ...] = ()
    recipients: tuple[Recipient, ...] = ()
    host_keys: tuple[HostKey, ...] = ()
    signing_keys: tuple[SigningKey, ...] = ()
    emails: tuple[str, ...] = ()
    roles: frozenset[str] = frozenset()
    offline: bool = False
    wireguard: WireGuard | None = None
    left: str | None = None
    image: bool = False
    said: tuple[Statement, ...] = ()
    notes: tuple[str, ...] = ()
    added: bool = False

    @property
    def exists(self) -> bool:
        """Whether more than a name speaks for it: the inventory, the flake, a folder, a public key."""
        return any(s.source not in NAMING for s in self.said)

    @property
    def stated(self) -> bool:
        """Whether inventory.yaml says so; otherwise it was derived."""
        return any(s.source is Source.INVENTORY for s in self.said)

    @property
    def names(self) -> tuple[str, ...]:
        """The name and every alias."""
        return (self.name, *self.aliases)

    @property
    def where(self) -> Location:
        """Where it is first spoken of."""
        return self.said[0].where

    @property
    def readers(self) -> frozenset[str]:
        """The reader of each recipient, however it is known."""
        return frozenset(r.reader for r in self.recipients)


@dataclass(frozen=True, slots=True)
class Known:
    """An answer to whose a key is: the holder, how that is known, and the statement that says it."""

    holder: Holder
    how: How
    why: Statement
    added: bool = False

    @property
    def former(self) -> bool:
        """Whether the holder has left."""
        return self.holder.left is not None


_STRENGTH = {How.PROVED: 0, How.INVENTORY: 1, How.NAMED: 2}


@dataclass(frozen=True)
class Inventory:
    """Everybody. Built by `stated.read` or `derived.derive`, then by `trusting` where a side is trusted.

    `unknown` are those of whom only a name is heard and not even what they are. `undeclared` are those whom
    the tree shows and inventory.yaml does not list. `path` is that of inventory.yaml, None where all was
    derived. `same` maps the fingerprint of an
    encryption subkey, or a key id, to the primary fingerprint of a committed certificate. `unsure` says what
    could not be decided on the way (computed host names, files too many to read). `additions` is what the
    change under judgement adds for itself and nobody of the trusted side vouches for.
    """

    hosts: tuple[Holder, ...] = ()
    people: tuple[Holder, ...] = ()
    services: tuple[Holder, ...] = ()
    unknown: tuple[Holder, ...] = ()
    former: tuple[Holder, ...] = ()
    undeclared: tuple[Holder, ...] = ()
    path: str | None = None
    same: Mapping[str, str] = field(default_factory=dict)
    unsure: tuple[Unknown, ...] = ()
    additions: tuple[Addition, ...] = ()

    def __iter__(self) -> Iterator[Holder]:
        """Every holder that has not left: hosts, people, services, then mere names."""
        yield from self.hosts
        yield from self.people
        yield from self.services
        yield from self.unknown

    @property
    def stated(self) -> bool:
        """Whether there is an inventory.yaml; without one absence from the inventory says little."""
        return self.path is not None

    def reader(self, recipient: "Key | str") -> str:
        """The one name of a recipient, with what committed certificates say of subkeys and key ids."""
        plain = reader(recipient)
        return self.same.get(plain, plain)

    def who(self, recipient: "Key | str") -> tuple[Known, ...]:
        """Whose key it is: every statement that says so, the strongest first, those who left last.

        Takes a recipient as it stands anywhere, in any spelling, or a `Key` of the sops engine.
        """
        return self._by_reader.get(self.reader(recipient), ())

    def holders(self, recipient: "Key | str") -> tuple[Holder, ...]:
        """The holders of `who`, each once: more than one where a key goes by two names."""
        found: dict[tuple[Kind, str, str | None], Holder] = {}
        for known in self.who(recipient):
            found.setdefault((known.holder.kind, known.holder.name, known.holder.left), known.holder)
        return tuple(found.values())

    def named(self, name: str) -> tuple[Holder, ...]:
        """The holders that go by this name or alias, letter case and `-`/`_` aside; former ones too."""
        return self._by_name.get(folded(name), ())

    def host(self, name: str) -> Holder | None:
        """The one host that goes by this name or alias; None if there is none, or more than one."""
        found = [h for h in self.named(name) if h.kind is Kind.HOST and h.left is None]
        return found[0] if len(found) == 1 else None

    @cached_property
    def _by_reader(self) -> Mapping[str, tuple[Known, ...]]:
        found: dict[str, list[Known]] = {}
        for holder in (*self, *self.undeclared, *self.former):
            for r in holder.recipients:
                known = Known(holder, r.how, r.said, r.added or holder.added)
                found.setdefault(self.same.get(r.reader, r.reader), []).append(known)
        return {
            name: tuple(sorted(known, key=lambda k: (k.former, _STRENGTH[k.how])))
            for name, known in found.items()
        }

    @cached_property
    def _by_name(self) -> Mapping[str, tuple[Holder, ...]]:
        found: dict[str, dict[int, Holder]] = {}
        for holder in (*self, *self.undeclared, *self.former):
            for name in holder.names:
                found.setdefault(folded(name), {})[id(holder)] = holder
        return {name: tuple(holders.values()) for name, holders in found.items()}


def folded(name: str) -> str:
    """A name as names are compared: ASCII letter case and `-`, `_`, `.` make no difference. Other letters
    stay: a name with a look-alike from another alphabet is another name."""
    plain = name.lower() if name.isascii() else "".join(c.lower() if c.isascii() else c for c in name)
    return plain.replace("_", "-").replace(".", "-")


# --- what a change adds for itself -----------------------------------------------------------------------


def trusting(
    judged: Inventory,
    trusted: Inventory,
    vouched: "Callable[[Addition], bool]" = lambda _: False,
) -> Inventory:
    """`judged`, with everything marked that `trusted` does not know and nobody vouches for.

    New holders, recipients, host keys and signing keys stay in it as `added`, for rules to treat as access
    gained; new roles, aliases, e-mails and the word that a key is offline count for nothing. What the change
    takes away is gone: less is known, so more is found. Whatever nobody vouches for is in `additions`.
    """
    before = {(h.kind, folded(h.name)): h for h in (*trusted, *trusted.undeclared)}
    refused: list[Addition] = []

    def adds(what: str, holder: Holder, text: str, where: Location) -> bool:
        addition = Addition(what, holder.name, text, where)
        if vouched(addition):
            return False
        refused.append(addition)
        return True

    def marked(holder: Holder) -> Holder:
        was = before.get((holder.kind, folded(holder.name)))
        if was is None and not holder.exists:
            return holder  # a mere name vouches for nothing, so there is nothing to refuse
        # Whoever vouches for a new holder need not have said what else the tree says of it.
        new = (was is None or not was.exists) and adds("holder", holder, holder.name, holder.where)
        was = was if was is not None and was.exists else Holder(holder.kind, holder.name)
        where = holder.where
        readers = {trusted.same.get(r.reader, r.reader) for r in was.recipients if r.how is not How.NAMED}

        def fresh(r: Recipient) -> bool:
            known = trusted.same.get(r.reader, r.reader) in readers
            return r.how is not How.NAMED and not known and adds("recipient", holder, r.text, r.said.where)

        host_keys, signing = {k.line for k in was.host_keys}, {(k.kind, k.key) for k in was.signing_keys}
        offline = {r.reader for r in was.recipients if r.offline}
        names = {folded(name) for name in (*was.names, holder.name)}
        return replace(
            holder,
            added=new,
            aliases=tuple(
                a for a in holder.aliases if folded(a) in names or not adds("alias", holder, a, where)
            ),
            roles=frozenset(
                r for r in sorted(holder.roles) if r in was.roles or not adds("role", holder, r, where)
            ),
            offline=holder.offline and (was.offline or not adds("offline", holder, holder.name, where)),
            emails=tuple(e for e in holder.emails if e in was.emails or not adds("email", holder, e, where)),
            recipients=tuple(
                replace(
                    r,
                    added=fresh(r),
                    offline=r.offline
                    and (r.reader in offline or not adds("offline", holder, r.text, r.said.where)),
                )
                for r in holder.recipients
            ),
            host_keys=tuple(
                replace(k, added=k.line not in host_keys and adds("host-key", holder, k.line, k.said.where))
                for k in holder.host_keys
            ),
            signing_keys=tuple(
                replace(
                    k,
                    added=(k.kind, k.key) not in signing and adds("signing-key", holder, k.key, k.said.where),
                )
                for k in holder.signing_keys
            ),
        )

    def all_marked(holders: Iterable[Holder]) -> tuple[Holder, ...]:
        return tuple(map(marked, holders))

    return replace(
        judged,
        hosts=all_marked(judged.hosts),
        people=all_marked(judged.people),
        services=all_marked(judged.services),
        unknown=all_marked(judged.unknown),
        undeclared=all_marked(judged.undeclared),
        additions=tuple(refused),
    )


def certificates_of(primaries: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """What `Inventory.same` needs: from primary fingerprint → fingerprints of its subkeys to each subkey
    and key id → primary. A key id that two certificates share names neither."""
    same: dict[str, str] = {}
    shared: set[str] = set()
    for primary, subkeys in primaries.items():
        for print_ in (primary, *subkeys):
            for name in {print_, _key_id(print_)} - {primary}:
                if same.setdefault(name, primary) != primary:
                    shared.add(name)
    return {name: primary for name, primary in same.items() if name not in shared}


def _key_id(fingerprint: str) -> str:
    """The key id within a fingerprint: its end (version 4), or its beginning (5 and 6)."""
    if not is_fingerprint(fingerprint):
        return fingerprint
    return fingerprint[:16] if len(fingerprint) == 64 else fingerprint[-16:]
