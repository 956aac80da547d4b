"""Which host cannot open a file that it reads secrets from."""

from collections.abc import Iterator
from typing import NamedTuple

from sopsguard.inventory import Inventory, Kind
from sopsguard.model import Unknown
from sopsguard.references.resolve import Reference, References, Target
from sopsguard.sops.file import SopsFile


class Unreadable(NamedTuple):
    """A host that reads secrets from a file and is not among its recipients: all of these references fail."""

    host: str
    file: str
    references: tuple[Reference, ...]


def unreadable(references: References, inventory: Inventory) -> Iterator[Unreadable | Unknown]:
    """The files that hosts cannot open though they certainly read from them, each pair once; and, once for
    each reason, what cannot be decided.

    A file may have recipients of whom nobody knows whose they are: then one may be the host's.
    """
    groups: dict[tuple[str, str], list[Reference]] = {}
    for found in references.all:
        if found.host is not None and not found.home and isinstance(found.outcome, Target):
            groups.setdefault((found.host, found.outcome.file), []).append(found)
    open_: dict[tuple[str, str], list[Reference]] = {}
    for (name, path), group in groups.items():
        file = references.file(path)
        certain = tuple(found for found in group if found.certain)
        host = inventory.host(name)
        if file is None or (host is not None and host.image):
            continue
        if host is None and any(h.left is not None and h.kind is Kind.HOST for h in inventory.named(name)):
            continue  # it was revoked: what Nix still says of it is not deployed any more
        if host is None or not host.recipients:
            needed = "its recipient in inventory.yaml, or its SSH host key in the tree"
            open_.setdefault((f"no recipient of {name} is known", needed), []).append(group[0])
            continue
        readers = {inventory.same.get(reader, reader) for reader in host.readers}
        recipients = _recipients(file, inventory)
        if readers & recipients.keys():
            continue
        if not all(recipients.values()):
            reason = f"{path} has recipients of whom nobody is known, one of which may be {name}'s"
            open_.setdefault((reason, "an inventory.yaml that names them"), []).append(group[0])
        elif certain:
            yield Unreadable(name, path, certain)
        else:
            reason = "a host that cannot open the file takes this in only under a condition"
            open_.setdefault((reason, "an evaluation by Nix"), []).append(group[0])
    for (reason, needed), group in open_.items():
        more = f" (and {len(group) - 1} more like it)" if len(group) > 1 else ""
        yield Unknown(group[0].where, f"who reads {group[0].written} is open: {reason}{more}", needed)


def _recipients(file: SopsFile, inventory: Inventory) -> dict[str, bool]:
    """The readers of a file, and whether anybody is known for each."""
    return {inventory.reader(r.key): bool(inventory.who(r.key)) for r in file.metadata.recipients}
