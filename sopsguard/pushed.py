"""From the refs that a push would publish to what is judged, and whom to believe about signatures."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import NamedTuple

from sopsguard import hooks
from sopsguard.git import Repository
from sopsguard.hooks import Target
from sopsguard.model import UserError, printable

# What a framework that reads standard input itself cannot tell.
ONE_REF = (
    "only the first ref of a push is visible to a hook of this framework; `sopsguard install-hooks` sees all"
)


class Ref(NamedTuple):
    """One line that git gives to a pre-push hook: names and object ids; an id of zeros is nothing."""

    local: str
    oid: str
    remote: str = ""
    there: str = ""

    @property
    def is_deletion(self) -> bool:
        """Whether nothing is published."""
        return not self.oid.strip("0")


def read(lines: bytes) -> tuple[Ref, ...]:
    """What git says to a pre-push hook on standard input. Raises `UserError` for anything else."""
    found = []
    for line in lines.decode("utf-8", "surrogateescape").splitlines():
        # A name of a ref has no space, but what git pushes may be named by any expression.
        words = line.rsplit(" ", 3)
        if len(words) != 4 or not all(set(oid) <= set("0123456789abcdef") for oid in (words[1], words[3])):
            raise UserError("standard input is not what git tells a pre-push hook", "install it as pre-push")
        found.append(Ref(*words))
    return tuple(found)


def of_framework(environment: Mapping[str, str]) -> Ref:
    """The one ref that pre-commit or prek tells of; HEAD where they tell of none. Pushes of a whole history
    come without a range, and in pre-commit without a tip."""
    name = environment.get("PRE_COMMIT_LOCAL_BRANCH") or "HEAD"
    tip = environment.get("PRE_COMMIT_TO_REF") or name
    there = environment.get("PRE_COMMIT_FROM_REF") or ""
    return Ref(name, tip, environment.get("PRE_COMMIT_REMOTE_BRANCH") or "", there)


def targets(repo: Repository, refs: Iterable[Ref], remote: str) -> Iterator[Target]:
    """What each ref would publish that no branch of `remote` has, as far as this clone knows them.

    Signatures are judged by what the default branch of the remote says, else by where the range starts.
    Raises `UserError` for a tip that is no commit here.
    """
    heads = repo.refs(f"refs/remotes/{remote}/") if remote else {}
    known = [oid for name, oid in heads.items()]
    trunk = default_branch(repo, remote)
    for ref in refs:
        if ref.is_deletion:
            continue
        tip = repo.resolve(ref.oid)
        old = _here(repo, ref.there)
        without = list(dict.fromkeys([*known, *([old] if old else [])]))
        commits = repo.commits(without, tip)
        known.append(tip)  # what two refs share is judged once
        if not commits:
            continue
        base = old or _fork(repo, trunk, tip) or _before(repo, commits[0])
        target = hooks.between(repo, base, tip, known=without)
        target = target._replace(label=f"{target.label} of {printable(ref.local)}")
        yield believing(target, trunk)


def believing(target: Target, revision: str | None) -> Target:
    """The target, its signatures judged by what this revision says, unless the judgement trusts another."""
    ask = target.attested
    if ask is None or revision is None:
        return target
    return target._replace(attested=lambda now, trust, section: ask(now, trust or revision, section))


def default_branch(repo: Repository, remote: str) -> str | None:
    """The commit of the default branch of a remote, as far as this clone knows it."""
    if not remote:
        return None
    for name in ("HEAD", "main", "master"):
        with suppress(UserError):
            return repo.resolve(f"refs/remotes/{remote}/{name}")
    return None


def _here(repo: Repository, oid: str) -> str | None:
    """The commit with that id; None for none, and for one that this clone does not have."""
    if not oid.strip("0"):
        return None
    with suppress(UserError):
        return repo.resolve(oid)
    return None


def _fork(repo: Repository, trunk: str | None, tip: str) -> str | None:
    if trunk is None:
        return None
    bases = repo.merge_bases(trunk, tip)
    return bases[0] if len(bases) == 1 else None


def _before(repo: Repository, first: str) -> str | None:
    """The commit before the first one of a range; None before the first of all."""
    with suppress(UserError):
        return repo.resolve(f"{first}^")
    return None
