"""From a git hook, or a command line, to what is judged: which snapshot, what of it is new, and its name."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from sopsguard.contents import COMMIT_MESSAGE, Content
from sopsguard.git import Commit, Repository
from sopsguard.model import UserError, printable
from sopsguard.snapshot import SUBMODULE, Change, Entry, Piece, Snapshot, Unreadable

if TYPE_CHECKING:
    from sopsguard.attest import Attested
    from sopsguard.policy import Node

# From this many contents on the engine is loaded for small ones too, and they are made ready to be shared by
# processes; so many paths that follow one another stay together, for the folders they lie in.
_MANY = 200
_TOGETHER = 4

# Tags may name tags; more in a row than this is no release.
_NESTED = 8

# A pointer file of Git LFS is smaller than this many bytes (git-lfs, docs/spec.md).
LFS_POINTER = 1024


class Past(NamedTuple):
    """How to ask for what came before the state that is judged.

    `changes` takes paths and tells every change to them, parents first; `boundary` are the commits before
    which a shallow clone shows nothing, `under_way` those that a merge is bringing in. `direct`: what is
    judged follows on the old side with no commit between. `lineage` are all commits up to there.
    """

    changes: Callable[[Collection[str]], Iterable[Change]]
    pieces: Callable[[Iterable[Entry]], Iterator[tuple[Entry, Piece | Unreadable]]]
    boundary: Callable[[], frozenset[str]]
    under_way: Callable[[], Collection[str]]
    direct: bool = False
    lineage: Callable[[], Iterable[Commit]] = tuple


class Target(NamedTuple):
    """What one command judges.

    `contents` is read once and may be long; `old` is what stood in the same places before, or None
    when everything counts as new. `label` is for people, `what` for programs. `shares`, where there are
    any, are the contents again in parts that several processes can read, all of one path in one of them.
    """

    what: str
    label: str
    snapshot: Snapshot
    contents: Callable[[], Iterable[Content]]
    old: Callable[[], Iterable[Content]] | None = None
    whole: bool = False
    bulk: bool = False
    commits: int = 0
    paths: int = 0
    concerned: frozenset[str] | None = None
    before: Snapshot | None = None
    base: str | None = None
    rev: str | None = None
    past: Past | None = None
    shares: tuple[Callable[[], Iterable[Content]], ...] = ()
    # (seconds since 1970, trusted revision, section of a policy from outside) → the signatures of a range
    attested: "Callable[[int, str | None, Node | None], Attested] | None" = None


def from_hook(repo: Repository, environment: Mapping[str, str]) -> Target:
    """What a hook has to judge: the pushed range, else what is staged, else the whole index."""
    tip = environment.get("PRE_COMMIT_TO_REF")
    if tip:
        base = environment.get("PRE_COMMIT_FROM_REF") or None
        return between(repo, base, tip)
    if repo.bare:
        raise UserError("a bare repository has no index", "judge a revision: sopsguard check --rev HEAD")
    changes = repo.staged()
    return _staged(repo, changes) if changes else whole_index(repo)


def staged(repo: Repository) -> Target:
    """What the next commit would change."""
    if repo.bare:
        raise UserError("a bare repository has no index", "judge a revision: sopsguard check --rev HEAD")
    changes = repo.staged()
    if not changes:
        raise UserError(
            "nothing is staged, so nothing was judged", "stage something with `git add`, or use --all"
        )
    return _staged(repo, changes)


def _staged(repo: Repository, changes: list[Change]) -> Target:
    return Target(
        "staged",
        f"{_count(len(changes), 'staged path')}",
        repo.index(),
        lambda: _new_contents(repo, changes),
        old=lambda: _old_contents(repo, changes),
        paths=len(changes),
        concerned=frozenset(c.path for c in changes),
        before=repo.tree(repo.head) if repo.head else None,
        rev="index",
        base=repo.head,
        past=past_of(repo, direct=True),
        # Start-up counts for a few files, throughput for many.
        bulk=len(changes) > 40,
        shares=_shares(lambda part: _new_contents(repo, part), changes),
    )


def whole_index(repo: Repository) -> Target:
    """Everything that is in the index."""
    _prepare(repo)
    index = repo.index()
    changes = _all_new(index)
    if not changes:
        raise UserError("the index is empty, so nothing was judged", "stage something with `git add`")
    return Target(
        "index",
        f"the whole index, {_count(len(changes), 'path')}",
        index,
        lambda: _new_contents(repo, changes),
        whole=True,
        paths=len(changes),
        rev="index",
        past=past_of(repo),
        bulk=len(changes) >= _MANY,
        shares=_shares(lambda part: _new_contents(repo, part), changes),
    )


def everything(repo: Repository, paths: Iterable[str] = ()) -> Target:
    """The work tree as it is on disk, untracked files too (ignored ones not), and what the index holds
    besides; in a bare repository the tip."""
    if repo.bare:
        return revision(repo, "HEAD", paths)
    if not paths:
        _prepare(repo)
    disk, index = repo.worktree(), repo.index()
    wanted = _within(paths)
    files = [c for c in _all_new(disk) if wanted(c.path)]
    stage = [c for c in _all_new(index) if wanted(c.path)]
    if not files and not stage:
        raise UserError("no file to judge", _paths_hint(paths, "the repository is empty"))
    return Target(
        "all",
        f"the work tree and the index, {_count(len({c.path for c in (*files, *stage)}), 'path')}",
        disk,
        lambda: _disk_and_index(repo, files, stage),
        whole=not list(paths),
        concerned=_concerned(paths, (*files, *stage)),
        paths=len({c.path for c in (*files, *stage)}),
        rev="worktree",
        past=past_of(repo),
        bulk=len(files) + len(stage) >= _MANY,
        shares=_shares(lambda files, stage: _disk_and_index(repo, files, stage), files, stage),
    )


def revision(repo: Repository, rev: str, paths: Iterable[str] = ()) -> Target:
    """The tree of one commit, and its message."""
    if not paths:
        _prepare(repo)
    commit = repo.resolve(rev)
    tree = repo.tree(commit)
    wanted = _within(paths)
    changes = [c for c in _all_new(tree) if wanted(c.path)]
    if not changes:
        raise UserError(f"no file to judge in {printable(rev)}", _paths_hint(paths, "its tree is empty"))
    return Target(
        "rev",
        f"{_count(len(changes), 'path')} of {_short(commit)}",
        tree,
        lambda: _new_contents(repo, changes),
        whole=not list(paths),
        concerned=_concerned(paths, changes),
        paths=len(changes),
        rev=commit,
        past=past_of(repo, commit),
        bulk=len(changes) >= _MANY,
        shares=_shares(lambda part: _new_contents(repo, part), changes),
    )


def since(repo: Repository, rev: str, paths: Iterable[str] = ()) -> Target:
    """The state that `everything` judges, less what the revision already had."""
    commit = repo.resolve(rev)
    now = everything(repo, paths)
    wanted = _within(paths)
    before = {path: entry for path, entry in _entries(repo.tree(commit)) if wanted(path)}
    same = {(path, entry.oid) for path, entry in before.items()}

    def fresh(contents: Callable[[], Iterable[Content]]) -> Iterator[Content]:
        for content in contents():
            new = content.change.new
            if new is None or (new.path, new.oid) not in same:
                yield content

    def old() -> Iterator[Content]:
        return _read(repo, [Change(path, None, entry) for path, entry in before.items()], new=True)

    return now._replace(
        what="since",
        label=f"what is new since {_short(commit)} in {now.label}",
        contents=partial(fresh, now.contents),
        shares=tuple(partial(fresh, share) for share in now.shares),
        old=old,
        whole=False,
        before=repo.tree(commit),
        base=commit,
    )


def between(
    repo: Repository,
    base: str | None,
    tip: str,
    paths: Iterable[str] = (),
    *,
    known: Sequence[str] = (),
) -> Target:
    """Every blob and message that any commit of base..tip brings, also what a later one removes; without
    what the commits `known` reach besides."""
    _prepare(repo)
    end = repo.resolve(tip)
    start = repo.resolve(base) if base else None
    without = [oid for oid in (start, *known) if oid]
    coming = repo.range_changes(without, end)
    commits = repo.commits(without, end)
    if not commits:
        raise UserError(
            f"no commit in {printable(base or '')}..{printable(tip)}, so nothing was judged",
            "is the range the right way round?",
        )
    wanted = _within(paths)
    changes = [c for c in coming if wanted(c.path)]
    brought = {c.new.oid for c in changes if c.new}
    before = [c for c in changes if c.old and c.old.oid not in brought]
    messages = not list(paths)

    def said() -> Iterator[Content]:
        if messages:
            for commit, text in repo.messages(commits):
                yield Content(Change(COMMIT_MESSAGE, None, None, commit), _whole(text))

    shares = _shares(lambda part: _new_contents(repo, part), changes)
    if shares:
        last = shares[-1]
        shares = (*shares[:-1], lambda: chain(last(), said()))
    return Target(
        "range",
        f"{_count(len(commits), 'commit')} ({_short(start) if start else 'the first commit'}..{_short(end)})",
        repo.tree(end),
        lambda: chain(_new_contents(repo, changes), said()),
        old=lambda: _old_contents(repo, before),
        commits=len(commits),
        concerned=frozenset(c.path for c in repo.changes_between(start, end) if wanted(c.path)),
        before=repo.tree(start) if start else None,
        paths=len({c.path for c in changes}),
        base=start,
        rev=end,
        past=past_of(repo, end),
        bulk=len(changes) > 40,
        shares=shares,
        attested=lambda now, trust, section: _attested(repo, without, end, now, trust, section),
    )


def step(repo: Repository, old: str, new: str) -> Target:
    """What one state has and another has not, whatever lies between: a branch that was put back."""
    changes = repo.changes_between(old, new)
    return Target(
        "range",
        f"the step from {_short(old)} to {_short(new)}",
        repo.tree(new),
        lambda: _new_contents(repo, changes),
        old=lambda: _old_contents(repo, changes),
        concerned=frozenset(c.path for c in changes),
        before=repo.tree(old),
        paths=len(changes),
        base=old,
        rev=new,
        past=past_of(repo, new),
        bulk=len(changes) > 40,
    )


def with_message(repo: Repository, target: Target, oid: str) -> Target:
    """The same, and the text of an annotated tag, and of the tags that it names in turn."""

    def said() -> Iterator[Content]:
        name = oid
        for _ in range(_NESTED):
            ((_, kind, data),) = repo.objects([name])
            if kind != "tag":
                return
            headers, _, text = data.partition(b"\n\n")
            yield Content(Change(COMMIT_MESSAGE, None, None, name), _whole(text))
            name = headers.partition(b"\n")[0].removeprefix(b"object ").decode("ascii", "replace")
        raise UserError(f"the tag {oid} names tags upon tags", "tag a commit")

    shares = target.shares
    if shares:
        last = shares[-1]
        shares = (*shares[:-1], lambda: chain(last(), said()))
    return target._replace(contents=lambda: chain(target.contents(), said()), shares=shares)


def _attested(
    repo: Repository, base: Sequence[str], tip: str, now: int, trust: str | None, section: "Node | None"
) -> "Attested":
    from sopsguard.attest import attested

    return attested(repo, base, tip, now, trust=trust, section=section)


def past_of(repo: Repository, *commits: str, direct: bool = False) -> Past:
    """What came before these commits; without any, before the work tree and the index."""

    def under_way() -> list[str]:
        return [] if commits else repo.under_way()

    def tips() -> list[str]:
        return list(commits) or [*([repo.head] if repo.head else []), *under_way()]

    def changes(paths: Collection[str]) -> Iterator[Change]:
        return repo.path_history(tips(), paths)

    return Past(changes, repo.pieces, repo.boundary, under_way, direct, lambda: repo.lineage(tips()))


def _prepare(repo: Repository) -> None:
    """Load the scan while git is asked, where much will come and another processor has the time."""
    from sopsguard import crew

    if repo.is_large(_MANY) and crew.size() > 1:
        from sopsguard import scan

        scan.prepare()


def _shares(
    read: Callable[..., Iterable[Content]], *lists: list[Change]
) -> tuple[Callable[[], Iterable[Content]], ...]:
    """The changes of the lists as parts, each read by `read` from lists like these; none for a few.

    All changes of one path are in one part, in their order: the versions of a file follow one another.
    """
    if max(map(len, lists)) < _MANY:
        return ()
    from sopsguard import crew

    size = crew.size()
    if size == 1:
        return ()
    parts: list[list[list[Change]]] = [[[] for _ in lists] for _ in range(size)]
    place: dict[str, int] = {}
    for number, changes in enumerate(lists):
        for change in changes:
            part = place.setdefault(change.path, len(place) // _TOGETHER % size)
            parts[part][number].append(change)
    return tuple(partial(read, *part) for part in parts)


def _new_contents(repo: Repository, changes: list[Change]) -> Iterator[Content]:
    return _read(repo, changes, new=True)


def _old_contents(repo: Repository, changes: list[Change]) -> Iterator[Content]:
    return _read(repo, changes, new=False)


def _read(repo: Repository, changes: list[Change], *, new: bool) -> Iterator[Content]:
    """Each distinct blob under each of its paths once, in the order of the changes."""
    by_entry: dict[Entry, Change] = {}
    for change in changes:
        entry = change.new if new else change.old
        if entry is not None and entry.mode != SUBMODULE:
            by_entry.setdefault(entry, change)
    for entry, piece in repo.pieces(by_entry):
        change = by_entry[entry]
        behind = repo.lfs(piece.data) if isinstance(piece, Piece) and piece.size < LFS_POINTER else None
        if behind is None:
            yield Content(change, piece)
            continue
        # What a pointer points to is what will be published; it is on this machine when it was added here.
        for part in behind:
            yield Content(change, part, blocking=False)


def _disk_and_index(repo: Repository, files: list[Change], stage: list[Change]) -> Iterator[Content]:
    """What is on disk, then those staged blobs that are not what is on disk."""
    from hashlib import new as new_hash

    on_disk: dict[str, str] = {}
    done = 0
    for content in _read(repo, files, new=True):
        piece = content.piece
        if isinstance(piece, Piece):
            if piece.offset == 0:
                digest = new_hash(repo.object_format, b"blob %d\0" % piece.size, usedforsecurity=False)
                done = 0
            # The windows of a large file repeat the end of the one before.
            digest.update(memoryview(piece.data)[done - piece.offset :])
            done = piece.offset + len(piece.data)
            if piece.last:
                oid = on_disk[content.change.path] = digest.hexdigest()
                entry = content.change.new
                content = content._replace(
                    change=content.change._replace(new=entry and entry._replace(oid=oid))
                )
        # A file that vanished while we looked is judged by what the index has of it.
        if not (isinstance(piece, Unreadable) and piece.vanished):
            yield content
    yield from _read(repo, [c for c in stage if c.new and on_disk.get(c.path) != c.new.oid], new=True)


def _whole(data: bytes) -> Piece:
    return Piece(data=data, offset=0, line=1, size=len(data), last=True)


def _all_new(snapshot: Snapshot) -> list[Change]:
    return [Change(path, None, entry) for path, entry in _entries(snapshot)]


def _entries(snapshot: Snapshot) -> Iterator[tuple[str, Entry]]:
    for path in snapshot.paths():
        entry = snapshot.get(path)
        if entry is not None:
            yield path, entry


def _within(paths: Iterable[str]) -> Callable[[str], bool]:
    wanted = tuple(path.rstrip("/") for path in paths)
    if not wanted or "" in wanted:
        return lambda _: True
    return lambda path: any(path == w or path.startswith(w + "/") for w in wanted)


def _concerned(paths: Iterable[str], changes: Iterable[Change]) -> frozenset[str] | None:
    return frozenset(c.path for c in changes) if list(paths) else None


def _paths_hint(paths: Iterable[str], otherwise: str) -> str:
    named = ", ".join(printable(p) for p in paths)
    return f"nothing there is tracked or untracked-but-not-ignored: {named}" if named else otherwise


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _short(commit: str) -> str:
    return commit[:12]
