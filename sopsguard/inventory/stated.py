"""`inventory.yaml`: who there is, in the words of the people who run the infrastructure; read strictly.

The same rules stand in `schemas/inventory.schema.json` for editors; a test holds the two together.
"""

import re
from collections.abc import Callable, Mapping
from typing import TypeVar

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
    folded,
)
from sopsguard.inventory.readers import reader
from sopsguard.keys import Problem, ssh, wireguard
from sopsguard.model import Location, UserError
from sopsguard.sops import masterkey
from sopsguard.strict import Node, flag, is_date, listed, load, mapping, mistake, named, nearest

FILE = "inventory.yaml"
ROLES = ("admin", "commit")
SECTIONS = {"hosts": Kind.HOST, "people": Kind.PERSON, "services": Kind.SERVICE}
_KINDS = {"host": Kind.HOST, "person": Kind.PERSON, "service": Kind.SERVICE}

_COMMON = ("aliases", "recipients", "offline", "roles", "emails", "signing_keys")
_FIELDS = {
    Kind.HOST: (*_COMMON, "host_keys", "wireguard"),
    Kind.PERSON: _COMMON,
    Kind.SERVICE: _COMMON,
}
_FORMER = ("kind", "left", "aliases", "recipients", "host_keys", "signing_keys", "emails")

# 10,000 hosts with all they can have fit.
_LIMIT = 8 << 20
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}")
_NAME_HINT = "letters of ASCII, digits and . _ - @ +, a letter or digit first, at most 100"
_EMAIL = re.compile(r"[^\s@]+@[^\s@]+")

_Item = TypeVar("_Item")


def is_ours(data: bytes, path: str = FILE) -> bool:
    """Whether the text has at least one section of ours at its top: other programs have files of this name
    too (Ansible). What cannot be read counts as ours, so that its mistake is told."""
    try:
        top = load(data, path, _LIMIT).value
    except UserError:
        return True
    return top is None or (isinstance(top, dict) and (not top or not top.keys().isdisjoint(_TOP)))


_TOP = ("version", *SECTIONS, "former")


def read(data: bytes, path: str = FILE) -> Inventory:
    """The inventory that the bytes state; nothing is proved yet (`derived.completed` does).

    Raises `UserError` with file, line and hint for the first mistake.
    """
    return _Reader(path).inventory(load(data, path, _LIMIT))


class _Reader:
    """Turns nodes into holders, naming the line of the first mistake."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.taken: dict[tuple[bool, str], tuple[str, int]] = {}

    def inventory(self, node: Node) -> Inventory:
        fields = named(node, _TOP, "a section of the inventory")
        if "version" in fields and fields["version"].value != "1":
            raise mistake(
                fields["version"], "this sopsguard reads version 1 of the inventory", "upgrade sopsguard"
            )
        found = {name: self.holders(fields.get(name), kind) for name, kind in SECTIONS.items()}
        former = tuple(
            self.former(key, value) for key, value in mapping(fields.get("former", _NOTHING)).values()
        )
        return Inventory(found["hosts"], found["people"], found["services"], (), former, path=self.path)

    def holders(self, node: Node | None, kind: Kind) -> tuple[Holder, ...]:
        return tuple(self.holder(key, value, kind) for key, value in mapping(node or _NOTHING).values())

    def holder(self, key: Node, node: Node, kind: Kind) -> Holder:
        fields = named(node, _FIELDS[kind], f"a field of a {kind}")
        name = self.name(key, f"a {kind}", former=False)
        section = next(s for s, k in SECTIONS.items() if k is kind)
        where = self.location(key, f"{section}.{name}")
        offline = "offline" in fields and flag(fields["offline"], "offline")
        return Holder(
            kind,
            name,
            aliases=self.aliases(fields, f"an alias of {name}", former=False),
            recipients=self.recipients(fields, where, offline),
            host_keys=self.host_keys(fields, where),
            signing_keys=self.signing_keys(fields, where),
            emails=self.emails(fields),
            roles=self.roles(fields),
            offline=offline,
            wireguard=self.wireguard(fields["wireguard"], where) if "wireguard" in fields else None,
            said=(Statement(Source.INVENTORY, name, where),),
        )

    def former(self, key: Node, node: Node) -> Holder:
        fields = named(node, _FORMER, "a field of a former holder")
        name = self.name(key, "a former holder", former=True)
        where = self.location(key, f"former.{name}")
        kind = Kind.PERSON
        if "kind" in fields:
            said = fields["kind"].value
            if not isinstance(said, str) or said not in _KINDS:
                raise mistake(fields["kind"], f"{said!r} is not a kind of holder", nearest(str(said), _KINDS))
            kind = _KINDS[said]
        if "left" not in fields:
            raise mistake(key, f"{name} needs 'left'", "the day on which access ended, as 2027-01-31")
        left = fields["left"].value
        if not isinstance(left, str) or not is_date(left):
            raise mistake(
                fields["left"], "left must be a date such as 2027-01-31", "the day on which access ended"
            )
        return Holder(
            kind,
            name,
            aliases=self.aliases(fields, f"an alias of {name}", former=True),
            recipients=self.recipients(fields, where, False),
            host_keys=self.host_keys(fields, where),
            signing_keys=self.signing_keys(fields, where),
            emails=self.emails(fields),
            left=left,
            said=(Statement(Source.INVENTORY, name, where),),
        )

    # names

    def location(self, node: Node, key: str) -> Location:
        return Location(self.path, node.line, key=key)

    def name(self, node: Node, what: str, *, former: bool) -> str:
        """A name that is free. A former holder may have left its name to another."""
        text = self.text(node, "a name")
        if text.upper().startswith(("AGE-SECRET-KEY-", "AGE-PLUGIN-")):
            raise mistake(node, *_not_a_recipient(text))
        if not _NAME.fullmatch(text):
            raise mistake(node, f"{text!r} is not a name", f"a name has {_NAME_HINT}")
        before = self.taken.setdefault((former, folded(text)), (what, node.line))
        if before != (what, node.line):
            raise mistake(
                node,
                f"{text!r} is already the name of {before[0]} (line {before[1]})",
                "one name, one holder: letter case and - _ . make no difference",
            )
        return text

    def aliases(self, fields: Mapping[str, Node], what: str, *, former: bool) -> tuple[str, ...]:
        return self.each(fields, "aliases", lambda item: self.name(item, what, former=former))

    def text(self, node: Node, what: str) -> str:
        if not isinstance(node.value, str) or not node.value.strip():
            raise mistake(node, f"{what} must be text", "")
        return node.value.strip()

    def each(
        self, fields: Mapping[str, Node], name: str, read: "Callable[[Node], _Item]"
    ) -> tuple[_Item, ...]:
        return tuple(map(read, listed(fields[name], name))) if name in fields else ()

    # keys

    def recipients(
        self, fields: Mapping[str, Node], holder: Location, offline: bool
    ) -> tuple[Recipient, ...]:
        known: dict[str, int] = {}

        def one(item: Node) -> Recipient:
            node, kept_off = item, offline
            if isinstance(item.value, dict):
                parts = named(item, ("key", "offline"), "a field of a recipient")
                if "key" not in parts:
                    raise mistake(item, "a recipient needs 'key'", "or write the recipient itself")
                node = parts["key"]
                kept_off = offline or ("offline" in parts and flag(parts["offline"], "offline"))
            text = self.text(node, "a recipient")
            key = masterkey.recipient(text)
            if key is None:
                raise mistake(node, *_not_a_recipient(text))
            if key.problem is not None:
                raise mistake(node, f"not a recipient that age takes: {key.problem}", "copy it once more")
            name = reader(key)
            if name in known:
                hint = "an SSH key and the age recipient made of it are the same"
                raise mistake(node, f"the same recipient as on line {known[name]}", hint)
            known[name] = node.line
            where = holder._replace(line=node.line, key=f"{holder.key}.recipients")
            return Recipient(
                text, name, How.INVENTORY, Statement(Source.INVENTORY, text, where), offline=kept_off
            )

        return self.each(fields, "recipients", one)

    def host_keys(self, fields: Mapping[str, Node], holder: Location) -> tuple[HostKey, ...]:
        def one(item: Node) -> HostKey:
            line = self.ssh_key(item, "a host key")
            where = holder._replace(line=item.line, key=f"{holder.key}.host_keys")
            return HostKey(line, Statement(Source.INVENTORY, line, where))

        return self.each(fields, "host_keys", one)

    def ssh_key(self, node: Node, what: str) -> str:
        """Type and base64 of a public key."""
        key = ssh.public_key(self.text(node, what))
        if key is None:
            raise mistake(node, f"{what} must be an SSH public key", "ssh-ed25519 AAAA…, as in a .pub file")
        if isinstance(key, Problem):
            raise mistake(node, f"not an SSH public key: {key.reason}", "copy it once more")
        return key.line

    def signing_keys(self, fields: Mapping[str, Node], holder: Location) -> tuple[SigningKey, ...]:
        def one(item: Node) -> SigningKey:
            where = holder._replace(line=item.line, key=f"{holder.key}.signing_keys")
            parts: dict[str, Node] = {}
            if isinstance(item.value, dict):
                parts = named(item, ("openpgp", "ssh", "file"), "a field of a signing key")
                if ("openpgp" in parts) == ("ssh" in parts):
                    raise mistake(item, "a signing key is either 'openpgp' or 'ssh'", "give one of them")
            elif self.text(item, "a signing key").startswith(("ssh-", "ecdsa-", "sk-")):
                parts = {"ssh": item}
            else:
                parts = {"openpgp": item}
            if "ssh" in parts:
                if "file" in parts:
                    raise mistake(parts["file"], "'file' belongs to an OpenPGP key", "remove it")
                line = self.ssh_key(parts["ssh"], "a signing key")
                return SigningKey("ssh", line, Statement(Source.INVENTORY, line, where))
            print_ = masterkey.fingerprint(self.text(parts["openpgp"], "a fingerprint"))
            if len(print_) not in (40, 64) or print_.strip("0123456789ABCDEF"):
                raise mistake(
                    parts["openpgp"],
                    "a signing key is a whole OpenPGP fingerprint (40 or 64 digits) or an SSH public key",
                    "gpg --list-keys shows it; a key id can be imitated",
                )
            file = self.path_of(parts["file"]) if "file" in parts else None
            return SigningKey("openpgp", print_, Statement(Source.INVENTORY, print_, where), file)

        return self.each(fields, "signing_keys", one)

    def path_of(self, node: Node) -> str:
        text = self.text(node, "file")
        if text.startswith("/") or not {".", "..", ""}.isdisjoint(text.split("/")):
            raise mistake(
                node, "file must be a path in the repository", "such as keys/alice.asc, without . and .."
            )
        return text

    # what else there is to say

    def emails(self, fields: Mapping[str, Node]) -> tuple[str, ...]:
        def one(item: Node) -> str:
            text = self.text(item, "an e-mail address")
            if not _EMAIL.fullmatch(text):
                raise mistake(item, "not an e-mail address", "as in the commits: alice@example.org")
            return text

        return self.each(fields, "emails", one)

    def roles(self, fields: Mapping[str, Node]) -> frozenset[str]:
        def one(item: Node) -> str:
            text = self.text(item, "a role")
            if text not in ROLES:
                raise mistake(item, f"{text!r} is not a role", nearest(text, ROLES))
            return text

        return frozenset(self.each(fields, "roles", one))

    def wireguard(self, node: Node, holder: Location) -> WireGuard:
        fields = named(node, ("address", "public_key", "server"), "a field of wireguard")
        address = public = server = None
        if "address" in fields:
            address = self.text(fields["address"], "address")
            if not _is_address(address):
                hint = "such as 10.0.0.2, 10.0.0.2/24 or fd00::2"
                raise mistake(fields["address"], "not an IP address", hint)
        if "public_key" in fields:
            key = wireguard.key(self.text(fields["public_key"], "public_key"))
            if key is None or isinstance(key, Problem):
                raise mistake(fields["public_key"], "not a WireGuard key", "44 characters, from `wg pubkey`")
            public = key.text
        if "server" in fields:
            server = flag(fields["server"], "server")
        where = holder._replace(line=node.line, key=f"{holder.key}.wireguard")
        return WireGuard(address, public, server, Statement(Source.INVENTORY, address or public or "", where))


_NOTHING = Node(None, 0)


def _is_address(text: str) -> bool:
    from ipaddress import ip_interface

    try:
        return "%" not in text and bool(ip_interface(text))
    except ValueError:
        return False


def _not_a_recipient(text: str) -> tuple[str, str]:
    """What is wrong and what to do; never the text itself, which may be the private half."""
    upper = text.upper()
    if upper.startswith(("AGE-SECRET-KEY-", "AGE-PLUGIN-")) or "PRIVATE KEY" in upper:
        return (
            "a private key stands where none belongs",
            "it has leaked once it is committed: replace it, and write its public half (age-keygen -y)",
        )
    return (
        "not a recipient",
        "age1…, ssh-ed25519 …, an OpenPGP fingerprint, or the name of a key of a cloud (arn:aws:kms:…)",
    )
