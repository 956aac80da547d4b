"""What the names in `.sops.yaml` say: prefixes, sections, and names that only look like another.

Nothing here shows that somebody exists; a name is a claim of whoever wrote it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sopsguard.inventory.holders import Kind, Source, Statement, folded
from sopsguard.inventory.readers import reader
from sopsguard.model import Location

if TYPE_CHECKING:
    from sopsguard.sops.config import Config
    from sopsguard.sops.goyaml import Node

# fmt: off
_PREFIXES = {
    **dict.fromkeys(("host", "hosts", "server", "machine", "node", "vm", "nixos", "darwin"), Kind.HOST),
    **dict.fromkeys(("user", "users", "admin", "admins", "person", "people", "human", "dev"), Kind.PERSON),
    **dict.fromkeys(("service", "svc", "ci", "cluster", "bot", "robot"), Kind.SERVICE),
    "device": Kind.UNKNOWN, "key": Kind.UNKNOWN, "age": Kind.UNKNOWN, "ssh": Kind.UNKNOWN,
    "pgp": Kind.UNKNOWN, "gpg": Kind.UNKNOWN, "yubikey": Kind.UNKNOWN, "nitrokey": Kind.UNKNOWN,
}
# What people add to say which of a holder's keys it is.
_SUFFIXES = frozenset((
    "age", "ssh", "pgp", "gpg", "key", "pub", "host", "server", "user", "admin", "machine", "device",
    "yubikey", "nitrokey", "ed25519", "rsa",
))
_SECTIONS = {
    **dict.fromkeys((
        "host", "hosts", "server", "servers", "machine", "machines", "node", "nodes", "system", "systems",
    ), Kind.HOST),
    **dict.fromkeys((
        "user", "users", "admin", "admins", "person", "people", "human", "humans", "member", "members",
        "developer", "developers", "operator", "operators", "team", "maintainers",
    ), Kind.PERSON),
    **dict.fromkeys(("service", "services", "cluster", "clusters", "ci", "bots", "robots"), Kind.SERVICE),
}
# The owner of the repository, as people call themselves.
_OWNER = frozenset(("me", "self", "myself", "owner", "admin"))
# fmt: on
_WORD = re.compile(r"[\w.@+-]{1,100}")
# Words that say what stands there, not whose it is.
_KINDS_OF_KEY = frozenset(("age", "pgp", "ssh", "key", "keys", "recipients", "recipient", "public", "pub"))


@dataclass(frozen=True, slots=True)
class Spoken:
    """A name for a recipient as it stands in a `.sops.yaml`. `kind` is what its prefix or section says;
    `bare` is the name without the prefix, `short` also without what says which key it is."""

    text: str
    recipient: str
    reader: str
    kind: Kind
    bare: str
    short: str
    said: Statement

    @property
    def candidates(self) -> tuple[str, ...]:
        """The names to look for, the most literal first."""
        return tuple(dict.fromkeys((self.text, self.bare, self.short)))


def spoken(configs: "Mapping[str, Config]", most: int = 20_000) -> tuple[Spoken, ...]:
    """Every name of a recipient in these configurations (path → configuration), at most `most`.

    A comment counts only where it is one word and nothing else names the recipient.
    """
    found: list[Spoken] = []
    for path in sorted(configs):
        config = configs[path]
        if config.root is None:
            continue
        sections = _sections(config)
        keys = {anchor.key.normal: anchor.key for anchor in config.anchors if anchor.key is not None}
        for normal, names in config.names.items():
            recipient = keys[normal].text.strip() if normal in keys else normal
            usable = [
                n for n in names if n.source != "comment" and n.text.casefold() not in _KINDS_OF_KEY
            ] or [n for n in names if n.source == "comment" and _WORD.fullmatch(n.text)]
            for name in usable:
                if len(found) == most:
                    return tuple(found)
                where = Location(path, name.span.line, name.span.column)
                said = Statement(Source(name.source), name.text, where)
                prefixed, bare = prefix(name.text)
                section = sections.get(name.span.start, Kind.UNKNOWN)
                kind = prefixed if prefixed not in (None, Kind.UNKNOWN) else section
                if kind is Kind.UNKNOWN and bare.casefold() in _OWNER:
                    kind = Kind.PERSON
                found.append(
                    Spoken(name.text, recipient, reader(recipient), kind, bare, _without_suffix(bare), said)
                )
    return tuple(found)


def prefix(name: str) -> tuple[Kind | None, str]:
    """What the prefix of a name says (None where it has none), and the name without it.

    Only `_` and `.` surely end a prefix: `server-1` may be the name of a server.
    """
    for separator in "_.":
        head, found, rest = name.partition(separator)
        if found and rest and head.casefold() in _PREFIXES:
            return _PREFIXES[head.casefold()], rest
    head, found, rest = name.partition("-")
    if found and head.casefold() in ("host", "user", "device", "admin") and rest[:1].isalpha():
        return _PREFIXES[head.casefold()], rest
    return None, name


def _without_suffix(name: str) -> str:
    head, found, last = re.sub(r"[_.-]", "_", name).rpartition("_")
    return name[: len(head)] if found and head and last.casefold() in _SUFFIXES else name


def _sections(config: "Config") -> dict[int, Kind]:
    """What the sections of a configuration say of the names in them, by where the name starts: the keys and
    anchors above (`hosts:`, `- &users`), and comments that stand alone (`# users`) down to the next one."""
    above: dict[int, Kind] = {}
    for node, kind in _nodes(config):
        if kind is not Kind.UNKNOWN:
            above[node.span.start] = kind
    comments = _comments(config)
    found: dict[int, Kind] = {}
    for names in config.names.values():
        for name in names:
            kind = above.get(name.span.start, Kind.UNKNOWN)
            if kind is Kind.UNKNOWN and comments:
                kind = _said_above(comments, name.span.line)
            found[name.span.start] = kind
    return found


def _nodes(config: "Config") -> "Iterator[tuple[Node, Kind]]":
    """Every node of the text once, with the kind of the innermost section it is in."""
    pending: list[tuple[Node, Kind]] = [(config.root, Kind.UNKNOWN)] if config.root is not None else []
    while pending:
        node, kind = pending.pop()
        yield node, kind
        if node.kind == "mapping":
            for key, value in node.pairs():
                inner = kind
                if value.resolved.kind != "scalar":
                    inner = _SECTIONS.get(key.text.strip().casefold(), kind)
                pending += ((value, inner), (key, inner))
        elif node.kind == "sequence":
            inner = _SECTIONS.get((node.anchor or "").strip(":").casefold(), kind)
            pending += ((child, inner) for child in node.children)


_COMMENT = re.compile(r"(?m)^[ \t]*#+[ \t]*([^\n]*)")


def _comments(config: "Config") -> list[tuple[int, Kind]]:
    """Line and meaning of the comments that stand alone and head a section in at most four words."""
    found = []
    text = config.places.text
    line, at = 1, 0
    for match in _COMMENT.finditer(text):
        line += text.count("\n", at, match.start())
        at = match.start()
        words = re.findall(r"\w+", match[1].casefold())
        if words and len(words) <= 4:
            kinds = {_SECTIONS[word] for word in words if word in _SECTIONS}
            found.append((line, kinds.pop() if len(kinds) == 1 else Kind.UNKNOWN))
    return found


def _said_above(comments: list[tuple[int, Kind]], line: int) -> Kind:
    from bisect import bisect_left

    at = bisect_left(comments, (line, ""))
    return comments[at - 1][1] if at else Kind.UNKNOWN


# Letters of other alphabets that are drawn like a letter of ASCII; accents are handled by decomposition.
_LIKE = str.maketrans(
    "аеіјорсухѕԁԛԝһбαβγικνορτυχωΑΒΕΖΗΙΚΜΝΟΡΤΥΧАВЕКМНОРСТУХıɡℓ",
    "aeijopcyxsdqwh6abyiknoptuxwabezhikmnoptyxabekmhopctyxigl",
)


def looks_like(name: str) -> str:
    """The name as the eye reads it: letters that imitate ASCII become it, digits that imitate letters too.

    Two different names of the same look are a reason to look twice, and proof of nothing.
    """
    from unicodedata import normalize

    plain = normalize("NFKD", name).translate(_LIKE)
    return folded("".join(c for c in plain if c.isalnum() or c in "-_.")).replace("0", "o").replace("1", "l")
