"""Whom a judgement believes: where its inventory and policy come from, and what a change adds for itself."""

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from sopsguard import policy as _policy
from sopsguard.model import Addition, Location, Unknown, UserError, printable
from sopsguard.policy import Policy, Waiver
from sopsguard.snapshot import EXECUTABLE, FILE, Piece, Snapshot

if TYPE_CHECKING:
    from sopsguard.inventory import Inventory
    from sopsguard.managed import Managed
    from sopsguard.nix.stated import NixFacts
    from sopsguard.nix.values import Unread


class Outer(NamedTuple):
    """A policy from outside the checkout: its content, and how people name it."""

    data: bytes
    name: str


class Trust(NamedTuple):
    """Whom a judgement believes.

    `policy` is the one in force. `rev` and `oid` name the trusted revision and `side` is its tree; None where
    the judged state is believed itself. `outer` names a policy from outside the checkout. `refused` are
    waivers that do not count, because the change brings them or because the outer policy allows none.
    `vouched` says of an addition that somebody of the trusted side made it. `unknown` is what of the judged
    side could not be read.
    """

    policy: Policy
    rev: str | None = None
    oid: str | None = None
    side: Snapshot | None = None
    outer: str | None = None
    refused: tuple[Waiver, ...] = ()
    vouched: Callable[[Addition], bool] = lambda _: False
    unknown: tuple[Unknown, ...] = ()

    @property
    def sentence(self) -> str:
        """Whom is believed, for the head of a report; empty where it is the judged state alone."""
        parts = []
        if self.outer is not None:
            parts.append(f"the policy {printable(self.outer)}")
        if self.rev is not None:
            oid = (self.oid or "")[:12]
            parts.append(oid if (self.oid or "").startswith(self.rev) else f"{printable(self.rev)} ({oid})")
        return "judged by " + " and ".join(parts) if parts else ""

    @property
    def notes(self) -> tuple[str, ...]:
        """What of the judged side does not count, in sentences."""
        whose = "that this change adds" if self.outer is None else "of the repository"
        return tuple(
            f"a waiver {whose} counts for nothing: {w.rule} for {w.path} ({_policy.FILE}:{w.line})"
            for w in self.refused
        )


def trust(
    judged: Snapshot,
    rules: Collection[str],
    *,
    rev: str | None = None,
    oid: str | None = None,
    side: Snapshot | None = None,
    outer: Outer | None = None,
    vouched: Callable[[Addition], bool] = lambda _: False,
) -> Trust:
    """Which policy is in force over `judged`, and what of its own does not count.

    With a trusted `side` (the tree of `oid`, given as `rev`) the policy is that of the side; the waivers that
    the change adds count only where `vouched` says so of their `Addition`. `outer` wins over either, which
    can then only tighten it. `rules` are the ids that policies may name. Raises `UserError` where a
    policy that counts cannot be read; one of the judged side that does not count is `unknown` then.
    """
    name = f"{rev}:{_policy.FILE}" if side is not None else _policy.FILE
    base = _read(side if side is not None else judged, rules, name)
    refused: list[Waiver] = []
    unknown: list[Unknown] = []
    if side is not None:
        own = Policy()
        try:
            own = _read(judged, rules, _policy.FILE)
        except UserError as e:
            reason = f"the policy of this change cannot be read: {e.message}"
            unknown.append(Unknown(Location(_policy.FILE), reason, e.hint or "a valid policy", blocking=True))
        known = {w._replace(line=0) for w in base.waivers}
        added = [w for w in own.waivers if w._replace(line=0) not in known]
        by_admin = tuple(w for w in added if vouched(_addition(w)))
        refused = [w for w in added if w not in by_admin]
        base = base._replace(waivers=(*base.waivers, *by_admin))
    if outer is not None:
        refused = [*base.waivers, *refused]
        base = base.tightening(_policy.read(outer.data, rules, outer.name))
    whose = outer.name if outer is not None else None
    return Trust(base, rev, oid, side, whose, tuple(refused), vouched, tuple(unknown))


def _read(snapshot: Snapshot, rules: Collection[str], name: str) -> Policy:
    if _policy.FILE not in snapshot:
        return Policy()
    return _policy.read(snapshot.read(_policy.FILE), rules, name)


def _addition(waiver: Waiver) -> Addition:
    where = Location(_policy.FILE, waiver.line, key="waivers")
    return Addition("waiver", waiver.rule, waiver.path, where)


def inventory_of(
    managed: "Managed",
    named: str = "",
    memory: "dict[tuple[str, bytes], NixFacts | Unread] | None" = None,
    *,
    forgiving: bool = False,
) -> "Inventory":
    """The inventory of a snapshot: its inventory.yaml with what the tree proves, else what the tree implies.

    `named` is where the policy says it lies (empty: at the top, where a file of that name that has no
    section of ours is somebody else's). `memory` keeps Nix files that were parsed, by path and content.
    Raises `UserError` for one that cannot be read; `forgiving` (for an old side, which the change may be
    about to mend) does without it instead.
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
        try:
            said = stated.read(data, path)
        except UserError:
            if not forgiving:
                raise
    elif data is not None:
        foreign = True
    elif (named or path in snapshot) and not forgiving:
        reason = "is not there" if path not in snapshot else "cannot be read"
        raise UserError(
            f"the inventory {printable(path)} {reason}",
            "mend the setting `inventory` of the policy" if named else "a regular file is expected there",
        )
    parsed = {} if memory is None else memory

    def facts_of(data: bytes, path: str) -> "NixFacts | Unread":
        from sopsguard.nix.facts import facts

        known = parsed.get((path, data))
        if known is None:
            known = parsed[path, data] = facts(data, path)
        return known

    implied = derived.derive(evidence.gather(regular, read, managed.configs, facts_of))
    if said is not None:
        return derived.completed(said, implied)
    if foreign:
        from dataclasses import replace

        reason = "it has no section of an inventory of ours, so the inventory is derived from the tree"
        about = Unknown(Location(path), reason, "hosts, people, services or former at its top")
        return replace(implied, unsure=(about, *implied.unsure))
    return implied
