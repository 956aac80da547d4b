"""Host keys that lie in the very file which they open."""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from sopsguard.inventory import Inventory
from sopsguard.model import Location
from sopsguard.nix.stated import KeySource, Place, UseKind
from sopsguard.references.resolve import Reference, References, Target

if TYPE_CHECKING:
    from sopsguard.sops.file import Broken, SopsFile
    from sopsguard.sops.opening import Opened, Refused

_SECRET = re.compile(r"(?:^|[^\w.])(?:config\.)?sops\.secrets\.(.+?)\.path\}?$")
_RUN = re.compile(r"^/run/secrets(?:-for-users)?/(.+)$")
_HOST_KEY = re.compile(r"openssh.*host_?key", re.IGNORECASE)
_PUBLIC = re.compile(r"pub(?:lic)?(?:_?key)?(?:_?file)?$", re.IGNORECASE)


# Lengths of an age identity alone and as a file, and of SSH private keys from Ed25519 to RSA of 4096 bits.
_LENGTHS = {"age": ((74, 76), (150, 400)), "ssh": ((380, 3500),)}
_PRIVATE = re.compile(
    r"(?:.*[_-])?(?:private|private_?key|key|identity|host_?key|ed25519(?:_key)?|rsa(?:_key)?)"
)


class Circle(NamedTuple):
    """`host` opens `file` with a key that is `key` (dotted) in it. `proved`: the key was opened and is one of
    the file's recipients."""

    where: Location
    host: str | None
    file: str
    key: str
    proved: bool


def circles(
    references: References,
    inventory: Inventory,
    files: "Mapping[str, SopsFile | Broken]",
    opened: "Mapping[str, Opened | Refused]",
) -> Iterator[Circle]:
    """What opened files prove, what the names and lengths of values show, and what Nix says of it; each host
    and file once."""
    said = set()
    for circle in (*_proved(inventory, opened), *_shown(inventory, files), *_stated(references)):
        # The same file is told once for each host, and once for a key of nobody known.
        if (circle.host, circle.file) not in said:
            said.add((circle.host, circle.file))
            yield circle


def _proved(inventory: Inventory, opened: "Mapping[str, Opened | Refused]") -> Iterator[Circle]:
    from sopsguard.sops.opening import Opened

    for path, found in sorted(opened.items()):
        if not isinstance(found, Opened):
            continue
        readers = {inventory.reader(r.key): r.key for r in found.file.metadata.recipients}
        places = {(leaf.document, leaf.path): leaf.node for leaf in found.file.leaves if not leaf.is_comment}
        for leaf in found.leaves:
            if leaf.comment or not isinstance(leaf.value, str) or len(leaf.value) > 20_000:
                continue
            for public in _publics(leaf.value):
                reader = inventory.reader(public)
                node = places.get((leaf.document, leaf.path))
                if reader in readers and node is not None:
                    hosts = [h for h in inventory.holders(readers[reader]) if h in inventory.hosts]
                    name = hosts[0].name if hosts else None
                    where = Location(path, node.line, node.column, key=".".join(map(str, leaf.path)))
                    yield Circle(where, name, path, ".".join(map(str, leaf.path)), proved=True)


def _shown(inventory: Inventory, files: "Mapping[str, SopsFile | Broken]") -> Iterator[Circle]:
    """Values called `age.<host>.private` or `ssh.<host>.host_key`, of the length of one, where that host is
    a recipient."""
    from sopsguard.sops.file import SopsFile

    for path, file in sorted(files.items()):
        if not isinstance(file, SopsFile):
            continue
        readers = {inventory.reader(r.key) for r in file.metadata.recipients}
        for leaf in file.leaves:
            keys = [str(part) for part in leaf.path]
            if leaf.envelope is None or leaf.is_comment or len(keys) < 2 or not _is_private(keys[-1]):
                continue
            kind = next((part.lower() for part in keys if part.lower() in _LENGTHS), None)
            length = leaf.envelope.length
            if kind is None or not any(least <= length <= most for least, most in _LENGTHS[kind]):
                continue
            for host in filter(None, map(inventory.host, keys[:-1])):
                if readers & {inventory.same.get(reader, reader) for reader in host.readers}:
                    where = Location(path, leaf.node.line, leaf.node.column, key=leaf.key)
                    yield Circle(where, host.name, path, leaf.key, proved=False)


def _is_private(name: str) -> bool:
    return bool(_PRIVATE.fullmatch(name.lower())) and not _PUBLIC.search(name)


def _publics(text: str) -> Iterator[str]:
    """The recipients that a value opens files for, if it holds identities."""
    from sopsguard.keys import age, ssh

    if "AGE-SECRET-KEY-" in text:
        for word in re.findall(r"AGE-SECRET-KEY-(?:PQ-)?1[0-9A-Z]+", text)[:20]:
            identity = age.identity(word)
            if isinstance(identity, age.Identity) and identity.public is not None:
                yield identity.public
    elif "PRIVATE KEY" in text:
        key = ssh.private_key(text)
        if isinstance(key, ssh.PrivateKey):
            identity = age.from_ssh_private(key)
            if isinstance(identity, age.Identity) and identity.public is not None:
                yield identity.public


def _stated(references: References) -> Iterator[Circle]:
    by_name: dict[tuple[str, str], Reference] = {}
    for found in references.all:
        if found.host is not None and not found.home:
            by_name.setdefault((found.host, found.name), found)
    for host, known in references.graph.reached.items():
        sources: list[tuple[str, KeySource]] = []
        keys: list[tuple[str, Place, str]] = []
        for path in sorted(known):
            facts = references.facts.get(path)
            if facts is None or known[path].home:
                continue
            sources += [(path, source) for source in facts.key_sources if source.owner.user is None]
            for use in facts.uses:
                name = None if use.name is None else use.name.static
                is_key = _HOST_KEY.search(use.option) and not _PUBLIC.search(use.option)
                if use.kind is UseKind.SECRET and use.attribute == "path" and name is not None and is_key:
                    keys.append((path, use.place, name))
        stated = [(path, s.place, name) for path, s in sources if (name := _named(s)) is not None]
        # Without a source of its own sops-nix takes the host keys of OpenSSH.
        explicit = [s for _, s in sources if s.option in ("age.keyFile", "age.sshKeyPaths", "gnupg.home")]
        for path, place, name in stated or ([] if explicit else keys):
            declared = by_name.get((host, name))
            if declared is not None and isinstance(declared.outcome, Target):
                where = Location(path, place.line, place.column, key=f"sops.secrets.{name}")
                key = ".".join(declared.leaf) or "the whole of it"
                yield Circle(where, host, declared.outcome.file, key, proved=False)


def _named(source: KeySource) -> str | None:
    """The secret that a source of keys names, by its declaration or by its path."""
    static = source.text.static
    found = _RUN.match(static) if static is not None else _SECRET.search(source.text.pattern)
    return None if found is None else found[1].strip('"')
