"""From what an event asks for, and a clone, to what is judged and whom to trust; or a refusal.

Nothing is fetched and nothing checked out. What the clone does not hold is not judged and not skipped: the
run ends with exit 2 and says what to fetch.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sopsguard import attest, hooks
from sopsguard.ci.event import Audit, Founded, Nothing, Order, Proposed, Pushed
from sopsguard.ci.merged import merged
from sopsguard.git import Repository
from sopsguard.hooks import Target
from sopsguard.model import UserError, printable

_WHOLE = "fetch the whole history: `fetch-depth: 0` of actions/checkout, `GIT_DEPTH: 0` in GitLab"


class Job(NamedTuple):
    """What one run judges. `trusted` names the revision whose policy counts and `oid` is its commit; None
    where what is judged has to be believed itself. The commits of the range are those that `head` reaches and
    `without` do not. `target` is None where there is nothing to judge: `why`. `audit`: the state counts, not
    what is new; `scheduled`: nobody asked for it.
    """

    target: Target | None
    head: str
    trusted: str | None = None
    oid: str | None = None
    without: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    why: str = ""
    audit: bool = False
    scheduled: bool = False


def job(repo: Repository, order: Order, remote: str = "origin") -> Job:
    """The job of an event. Raises `UserError` where the clone cannot show all that has to be judged."""
    match order:
        case Nothing():
            return Job(None, "", why=order.why)
        case Proposed():
            return _proposed(repo, order, remote)
        case Pushed():
            return _pushed(repo, order)
        case Founded():
            head = _commit(repo, order.head)
            note = f"{printable(order.branch)} is new: nothing before it says whom to trust"
            return _ranged(repo, Job(None, head, notes=(note,)), None)
        case Audit():
            head, tip = _commit(repo, order.head), _tip(repo, remote, order.onto)
            whole = hooks.revision(repo, head)._replace(
                attested=lambda now, trust, section: attest.history(
                    repo, trust or tip, head, now, section=section
                )
            )
            return Job(whole, head, f"{remote}/{order.onto}", tip, audit=True, scheduled=order.scheduled)


def stated(repo: Repository, base: str, head: str, trust: str | None) -> Job:
    """The job that --base, --head and --trust state, for pipelines elsewhere: what `head` has and `base` has
    not, by what `trust` (else `base`) says."""
    onto, tip = repo.resolve(base), repo.resolve(head)
    believed = repo.resolve(trust) if trust is not None else onto
    return _ranged(repo, Job(None, tip, trust if trust is not None else base, believed, (onto,)), onto)


def _proposed(repo: Repository, order: Proposed, remote: str) -> Job:
    head, onto = _commit(repo, order.head), _tip(repo, remote, order.onto)
    _agree(repo, order.merge, head)
    refs = repo.refs(f"refs/remotes/{remote}/")
    known = [refs[name] for b in order.known if (name := f"refs/remotes/{remote}/{b}") in refs]
    notes = []
    if order.asked:
        notes.append(
            f"{printable(order.asked)} is not a branch that is trusted: judged is everything that"
            f" {printable(order.onto)} does not have"
        )
    without = tuple(dict.fromkeys((onto, *known)))
    made = Job(None, head, f"{remote}/{order.onto}", onto, without, tuple(notes))
    return _ranged(repo, made, onto, tag=order.head if order.tag else "")


def _agree(repo: Repository, merge: str, head: str) -> None:
    """Refuse a head that the forge did not merge for this run, where the clone has that merge."""
    if not merge or merge == head:
        return
    try:
        ((_, _, data),) = repo.objects([merge])
    except UserError:
        return  # a clone of the head alone
    headers = data.partition(b"\n\n")[0].split(b"\n")
    parents = [line.removeprefix(b"parent ").decode() for line in headers if line.startswith(b"parent ")]
    if head not in parents[1:]:
        raise UserError(
            f"the event file names {head} as head, but GITHUB_SHA is no merge of it",
            "was it written by GitHub for this run? run sopsguard in a job of its own",
        )


def _pushed(repo: Repository, order: Pushed) -> Job:
    new = _commit(repo, order.new)
    try:
        old = _commit(repo, order.old)
    except UserError:
        raise UserError(
            f"the old tip of {printable(order.branch)}, {order.old}, is not in this clone, so what this push"
            " changes cannot be told",
            "was it forced? look at what is gone, then run `sopsguard check` and `sopsguard audit`",
        ) from None
    made = Job(None, new, f"the old tip of {order.branch}", old, (old,))
    gone = repo.commits(new, old)
    if not gone:
        return _ranged(repo, made, None if old == new else old, plain=True)
    count = f"{len(gone)} commit{'' if len(gone) == 1 else 's'}"
    note = f"this push was forced: {count} of {printable(order.branch)} are gone"
    return _ranged(repo, made._replace(notes=(note,)), old, plain=True)


def _ranged(repo: Repository, made: Job, base: str | None, *, tag: str = "", plain: bool = False) -> Job:
    """The job with the commits of its range as target. `plain`: `head` takes the place of `base`, else it
    would be merged into it."""
    commits = repo.commits(made.without, made.head)
    _complete(repo, commits)
    result = None
    if base is not None and not plain:
        result = merged(repo, base, made.head)
        if result.both:
            named = ", ".join(printable(path) for path in result.both[:5])
            more = f" and {len(result.both) - 5} more" if len(result.both) > 5 else ""
            note = f"changed on both sides, judged as the change has it: {named}{more}"
            made = made._replace(notes=(*made.notes, note))
    if not commits:
        if tag or (base is not None and plain):
            return made._replace(target=_without_commits(repo, base, made.head, tag))
        return made._replace(why="the trusted side has every commit of it already")
    target = hooks.between(repo, base, made.head, known=made.without)
    if result is not None and base is not None:
        past = hooks.past_of(repo, made.head, base)
        concerned = frozenset(c.path for c in result.changes)
        target = target._replace(snapshot=result.state, concerned=concerned, past=past)
    if tag:
        target = hooks.with_message(repo, target, tag)
    return made._replace(target=target)


def _complete(repo: Repository, commits: Sequence[str]) -> None:
    """Refuse a range from whose commits a shallow clone hides the parents."""
    cut = repo.boundary().intersection(commits)
    if cut:
        raise UserError(
            f"this clone is shallow, and hides what came before {min(cut)[:12]}: not all commits of the"
            " change can be seen",
            _WHOLE,
        )


def _commit(repo: Repository, oid: str) -> str:
    """The commit with that id, or that the tag with that id names."""
    try:
        return repo.resolve(oid)
    except UserError:
        raise UserError(f"the commit {oid} is not in this clone", _WHOLE) from None


def _tip(repo: Repository, remote: str, branch: str) -> str:
    """The tip of a branch of the remote repository, as far as this clone knows it."""
    name = f"refs/remotes/{remote}/{branch}"
    found = repo.refs(f"refs/remotes/{remote}/").get(name)
    if found is None:
        raise UserError(f"{printable(name)} is not in this clone, so nothing says whom to trust", _WHOLE)
    return _commit(repo, found)


def _without_commits(repo: Repository, base: str | None, head: str, tag: str) -> Target:
    """A forced push to what was there before, or a tag on what is there already."""
    old = base if base is not None and not tag else head
    target = hooks.step(repo, old, head)
    return hooks.with_message(repo, target, tag) if tag else target
