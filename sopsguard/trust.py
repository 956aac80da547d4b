"""Whom a judgement believes: where its inventory and policy come from, and what a change adds for itself."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from sopsguard.model import Location, Unknown, UserError, printable
from sopsguard.snapshot import EXECUTABLE, FILE, Piece

if TYPE_CHECKING:
    from sopsguard.inventory import Inventory
    from sopsguard.managed import Managed


def inventory_of(managed: "Managed", named: str = "") -> "Inventory":
    """The inventory of a snapshot: its inventory.yaml with what the tree proves, else what the tree implies.

    `named` is where the policy says it lies (empty: at the top, where a file of that name that has no
    section of ours is somebody else's). Raises `UserError` for one that cannot be read.
    """
    from sopsguard.inventory import derived, evidence, stated

    snapshot = managed.snapshot
    regular = [e.path for e in snapshot.entries() if e.mode in (FILE, EXECUTABLE)]
    paths = frozenset(regular)

    def read(wanted: Iterable[str]) -> Iterator[tuple[str, bytes | None]]:
        for entry, piece in snapshot.pieces([path for path in wanted if path in paths]):
            whole = isinstance(piece, Piece) and piece.last and piece.offset == 0
            if whole or not isinstance(piece, Piece) or piece.offset == 0:
                yield entry.path, piece.data if whole and isinstance(piece, Piece) else None

    path = named or stated.FILE
    data = managed.read(path) if path in paths else None
    said: Inventory | None = None
    foreign = False
    if data is not None and (named or stated.is_ours(data, path)):
        said = stated.read(data, path)
    elif data is not None:
        foreign = True
    elif named or path in snapshot:
        reason = "is not there" if path not in snapshot else "cannot be read"
        raise UserError(
            f"the inventory {printable(path)} {reason}",
            "mend the setting `inventory` of the policy" if named else "a regular file is expected there",
        )
    implied = derived.derive(evidence.gather(regular, read, managed.configs))
    if said is not None:
        return derived.completed(said, implied)
    if foreign:
        from dataclasses import replace

        reason = "it has no section of an inventory of ours, so the inventory is derived from the tree"
        about = Unknown(Location(path), reason, "hosts, people, services or former at its top")
        return replace(implied, unsure=(about, *implied.unsure))
    return implied
