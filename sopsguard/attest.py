"""What signatures mean to the judgement of a range: verdicts for the rules, and vouching for additions."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from sopsguard.git import Repository
from sopsguard.model import Addition, UserError
from sopsguard.policy import Node
from sopsguard.signatures import rules
from sopsguard.signatures.decide import Verdict
from sopsguard.signed import Trusted, audited, by_admins, judged, trusted
from sopsguard.snapshot import Snapshot, Unreadable


class Attested(NamedTuple):
    """The signatures of a range. `trust` is None where nothing came before it, or where `problem` says why
    nobody could be asked; `verdicts` stand in the order of the commits."""

    trust: Trusted | None
    verdicts: tuple[Verdict, ...] = ()
    problem: UserError | None = None

    @property
    def has_policy(self) -> bool:
        """Whether a policy says who may sign."""
        return self.trust is not None and self.trust.has_policy


def attested(
    repository: Repository,
    base: Sequence[str],
    tip: str,
    now: int,
    *,
    trust: str | None = None,
    section: Node | None = None,
) -> Attested:
    """The verdicts on the commits of `tip` that no `base` has, by what the revision `trust` (else the first
    base) says of who may sign.

    `section` is the section `signatures` of a policy from outside the checkout, which counts instead of the
    repository's own. `now` is in seconds since 1970. What could not be read is the `problem`.
    """
    revision = trust or next(iter(base), None)
    if revision is None:
        return Attested(None)
    found: Trusted | None = None
    try:
        given = rules.read(section) if section is not None else None
        found = trusted(repository, revision, tip, given)
        if found.authority is None:
            return Attested(found)
        return Attested(found, tuple(judged(repository, found, base or [found.revision], [tip], now)))
    except UserError as problem:
        return Attested(found, (), problem)


def history(
    repository: Repository, trust: str, tip: str, now: int, *, section: Node | None = None
) -> Attested:
    """The verdicts on all commits since the baseline: those of the trusted revision each by the rules of its
    parents, what `tip` has besides by those of the trusted revision. Without a policy there are none: nobody
    was ever asked to sign. Parameters as in `attested`."""
    found: Trusted | None = None
    try:
        given = rules.read(section) if section is not None else None
        found = trusted(repository, trust, tip, given)
        if not found.has_policy:
            return Attested(found)
        old = audited(repository, found, now)
        new = judged(repository, found, [found.revision], [tip], now)
        return Attested(found, (*old, *new))
    except UserError as problem:
        return Attested(found, (), problem)


class Voucher:
    """Answers whether somebody of the trusted side made an addition of `trust`..`tip`.

    It counts when every commit of the range that sets the file in which it stands is signed by an admin of
    the trusted revision, when that file has not changed there since the range began, and when what is judged
    is what the tip holds. Nobody vouches by the convention alone, or where something cannot be read.
    Parameters as in `attested`; `snapshot` is what is judged.
    """

    def __init__(
        self,
        repository: Repository,
        trust: str,
        tip: str,
        snapshot: Snapshot,
        now: Callable[[], int],
        section: Node | None = None,
    ) -> None:
        self._repository = repository
        self._trust, self._tip = trust, tip
        self._snapshot = snapshot
        self._now, self._section = now, section
        self._known: dict[str, bool] = {}

    def __call__(self, addition: Addition) -> bool:
        path = addition.where.path
        if path not in self._known:
            self._known[path] = self._paths.get(path, False) and self._stands(path)
        return self._known[path]

    @cached_property
    def _paths(self) -> Mapping[str, bool]:
        try:
            given = rules.read(self._section) if self._section is not None else None
            found = trusted(self._repository, self._trust, self._tip, given)
            return by_admins(self._repository, found, found.revision, self._tip, self._now())
        except UserError:
            return {}

    def _stands(self, path: str) -> bool:
        try:
            forks = self._repository.merge_bases(self._trust, self._tip)
            if len(forks) != 1:
                return False
            # What the trusted side has taken back since must not return as if it were new.
            before, then = (_content(self._repository.tree(rev), path) for rev in (forks[0], self._trust))
            tip = _content(self._repository.tree(self._tip), path)
        except UserError:
            return False
        return before == then and tip is not None and tip == _content(self._snapshot, path)


def _content(tree: Snapshot, path: str) -> bytes | None:
    """A file; None where there is none. Raises `UserError` for one that cannot be read."""
    try:
        return tree.read(path)
    except KeyError:
        return None
    except Unreadable as e:
        raise UserError(f"{e.path} cannot be read", "") from None
