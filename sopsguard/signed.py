"""From a repository and a range of commits to verdicts on their signatures; runs nothing but git.

Where trust comes from: a range is judged by the rules of the revision that is trusted, an audit judges each
commit by the rules of its parents, so that no change has a say in who may make it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import islice
from typing import NamedTuple

from sopsguard.git import Repository
from sopsguard.git.commits import Commits
from sopsguard.managed import PROSE, Managed, looks_like_sops
from sopsguard.model import UserError
from sopsguard.policy import FILE
from sopsguard.signatures import commit, rules
from sopsguard.signatures.authority import KEYS, Authority, authority, convention
from sopsguard.signatures.decide import Moment, Subject, Touched, Verdict, Version, verify
from sopsguard.signatures.engine import Engine, EngineName, engine
from sopsguard.signatures.paths import Protection
from sopsguard.signatures.reason import MEANING, Reason, Refused
from sopsguard.snapshot import EXECUTABLE, LIMIT, Change, Entry, Piece, Snapshot, Unreadable
from sopsguard.snapshot import FILE as REGULAR
from sopsguard.strict import load, mapping

_TOGETHER = 256  # commits that are read at once
# A change of more commits is none that anybody reviews; an audit has no limit.
MOST_COMMITS = 20_000


class Trusted(NamedTuple):
    """The revision from which trust comes, and what it says. `authority` is None where it neither has a
    policy nor public keys: then nothing can be judged."""

    revision: str
    authority: Authority | None

    @property
    def has_policy(self) -> bool:
        """Whether a policy says who may sign; else it is at most a convention."""
        return self.authority is not None and not self.authority.by_convention


def trusted(
    repository: Repository, revision: str, head: str | None = None, given: rules.Rules | None = None
) -> Trusted:
    """What a revision says of who may sign. `head` is a change that may carry renewed key files; `given` are
    rules from outside the repository, which then count instead of its own.

    Raises `UserError` where there is no such revision, or its policy cannot be read.
    """
    oid = repository.resolve(revision)
    tree = repository.tree(oid)
    fresh = repository.tree(repository.resolve(head)) if head is not None else None
    return Trusted(oid, _authority(tree, fresh, given))


def _authority(
    tree: Snapshot, fresh: Snapshot | None = None, given: rules.Rules | None = None
) -> Authority | None:
    data = _read(tree, FILE) if given is None else None
    found = section(data) if data is not None else given
    if found is not None:
        paths = found.files
        renewed = _files(fresh, paths) if fresh is not None else {}
        return authority(found, _files(tree, paths), renewed)
    folder, _, pattern = KEYS.rpartition("/*")
    paths = tuple(p for p in tree.paths() if p.startswith(f"{folder}/") and p.endswith(pattern))
    paths = tuple(p for p in paths if p.count("/") == 1)
    if not paths:
        return None
    made = convention(_files(tree, paths), _files(fresh, paths) if fresh is not None else {})
    return made if made.certificates else None


def section(data: bytes) -> rules.Rules | None:
    """The rules in the bytes of a policy file, whatever stands in its other sections; None without any.

    Raises `UserError`.
    """
    found = mapping(load(data, FILE)).get("signatures")
    return rules.read(found[1]) if found is not None else None


def _files(tree: Snapshot, paths: Sequence[str]) -> dict[str, bytes]:
    return {path: data for path in paths if (data := _read(tree, path)) is not None}


def _read(tree: Snapshot, path: str) -> bytes | None:
    """A regular file; None where there is none, or a link."""
    try:
        data = tree.read(path)
    except KeyError:
        return None
    except Unreadable as e:
        raise UserError(f"{e.path} {e.reason}", f"needed: {e.needed}") from None
    return data


def judged(
    repository: Repository,
    trust: Trusted,
    base: Sequence[str],
    tips: Sequence[str],
    now: int,
    *,
    name: EngineName | None = None,
) -> Iterator[Verdict]:
    """A verdict on each commit of `base`..`tips`, parents first, by the rules of the trusted revision.

    `now` is in seconds since 1970; `name` asks for one OpenPGP engine. Raises `UserError` where the history
    cannot be read, or the range has more than `MOST_COMMITS`.
    """
    source = _Source(repository, trust, name)
    if trust.authority is None:
        raise _nobody()
    listed = repository.commits(base, tips)
    if len(listed) > MOST_COMMITS:
        raise UserError(
            f"{len(listed)} commits are more than one change has",
            "set a baseline, or judge the range in parts",
        )
    exempt = source.exempt(trust.authority.rules)
    moment = Moment(now, proposed=lambda: source.proposed(base, tips))
    authorities = (trust.authority,)
    yield from source.verdicts(listed, exempt, lambda _: authorities, moment)


def audited(
    repository: Repository, trust: Trusted, now: int, *, name: EngineName | None = None
) -> Iterator[Verdict]:
    """A verdict on each commit from the baseline to the trusted revision, each by the rules of its parents;
    where these have none, by those of the trusted revision. Parameters and errors as in `judged`."""
    if trust.authority is None:
        raise _nobody()
    source = _Source(repository, trust, name)
    exempt = source.exempt(trust.authority.rules)
    listed = repository.commits(None, [trust.revision])
    yield from source.verdicts(listed, exempt, source.of_parents, Moment(now, audit=True))


def by_admins(repository: Repository, trust: Trusted, base: str, tip: str, now: int) -> Mapping[str, bool]:
    """Each path that a commit of `base`..`tip` sets, and whether admins of the trusted revision have signed
    all the commits that do. By a convention alone nobody is an admin: then it is empty.

    A merge sets what neither side explains (6.4 of the design). Errors as in `judged`.
    """
    if trust.authority is None or trust.authority.by_convention:
        return {}
    listed = repository.commits(base, tip)
    if len(listed) > MOST_COMMITS:
        raise UserError(f"{len(listed)} commits are more than one change has", "judge the range in parts")
    if not repository.boundary().isdisjoint(listed):
        raise UserError("this clone is shallow", MEANING[Reason.SHALLOW].remedy)
    source = _Source(repository, trust, None)
    # To everybody but an admin every path is closed.
    strict = replace(trust.authority, protection=Protection((), ("**",)))
    subjects = list(source.subjects(listed))
    verdicts = verify(subjects, lambda _: (strict,), source, Moment(now), source.engine)
    found: dict[str, bool] = {}
    for subject, verdict in zip(subjects, verdicts, strict=True):
        is_merge = len(_parents(subject)) > 1
        if is_merge and verdict.reason in (Reason.NOT_NEEDED, Reason.OK_FORGE_MERGE):
            continue  # both sides explain all of it
        signed = verdict.reason is Reason.OK
        for touched in (touched for changes in subject.changes for touched in changes):
            found[touched.path] = found.get(touched.path, True) and signed
    return found


class _Source:
    """The commits of one judgement, and the lookups that `verify` needs."""

    def __init__(self, repository: Repository, trust: Trusted, name: EngineName | None) -> None:
        self._repository = repository
        self._commits = Commits(repository)
        self._trust = trust
        self._name = name
        self._ancestors: dict[str, frozenset[str]] = {}
        self._by_parent: dict[str, Authority] = {}
        self._known: dict[tuple[str, ...], Authority] = {}

    def exempt(self, rules_: rules.Rules) -> frozenset[str]:
        """What the baseline frees from judgement. Raises `UserError` if it is no part of the history."""
        if rules_.baseline is None:
            return frozenset()
        rules.check_baseline(rules_, self.is_ancestor(rules_.baseline, self._trust.revision))
        return self._history(rules_.baseline)

    def verdicts(
        self,
        listed: Sequence[str],
        exempt: frozenset[str],
        authorities: Callable[[Subject], Sequence[Authority]],
        moment: Moment,
    ) -> Iterator[Verdict]:
        boundary = self._repository.boundary()
        judged = [oid for oid in listed if oid not in exempt and oid not in boundary]
        verdicts = verify(self.subjects(judged), authorities, self, moment, self.engine)
        for oid in listed:
            if oid in exempt:
                yield Verdict(oid, Reason.PRE_BASELINE)
            elif oid in boundary:
                yield Verdict(oid, Reason.SHALLOW)
            else:
                yield next(verdicts)

    def subjects(self, listed: Sequence[str]) -> Iterator[Subject]:
        """Each commit with what it changes."""
        raw = self._commits.raw(listed, commit.MOST)
        while portion := list(islice(raw, _TOGETHER)):
            read = [commit.read(oid, data) for oid, data in portion]
            known = [(one.oid, one.parents) for one in read if isinstance(one, commit.Commit)]
            changes = self._commits.changes(known)
            for (oid, _), parsed in zip(portion, read, strict=True):
                subject = Subject(oid, parsed, tuple(map(_touched, changes.get(oid, ()))))
                yield subject
                self._inherit(subject)

    def engine(self) -> Engine:
        """The OpenPGP engine, loaded when it is asked for."""
        return self._made

    @cached_property
    def _made(self) -> Engine:
        return engine(self._name)

    # --- by whose rules ------------------------------------------------------------------------------

    def of_parents(self, subject: Subject) -> Sequence[Authority]:
        """The rules of every parent that changed them; of the trusted revision where a parent has none."""
        parents = _parents(subject)
        found = {id(one): one for one in map(self._at, parents)}
        if len(found) > 1 and len(parents) == 2:
            # A side that left the rules as they were has no say against the one that changed them.
            base = self._commits.base(parents[0], parents[1])
            if base is not None:
                found.pop(id(self._at(base)), None)
        return tuple(found.values()) or (self._default,)

    @property
    def _default(self) -> Authority:
        assert self._trust.authority is not None  # `audited` asks before
        return self._trust.authority

    def _at(self, oid: str) -> Authority:
        if oid not in self._by_parent:
            self._by_parent[oid] = self._load(oid)
        return self._by_parent[oid]

    def _inherit(self, subject: Subject) -> None:
        """Note that a commit which leaves policy and keys alone says what its first parent says."""
        first = next(iter(_parents(subject)), None)
        known = self._by_parent.get(first or "")
        if known is not None:
            names = {FILE, *known.rules.files}
            if not any(touched.path in names for touched in subject.changes[0]):
                self._by_parent[subject.oid] = known

    def _load(self, oid: str) -> Authority:
        entries = self._commits.entries(oid, [FILE])
        if FILE not in entries:
            return self._default
        try:
            found = section(self.content((entries[FILE].mode, entries[FILE].oid)))
        except UserError:
            return self._default
        if found is None:
            return self._default
        files = self._commits.entries(oid, found.files)
        key = (entries[FILE].oid, *(f"{path}:{entry.oid}" for path, entry in sorted(files.items())))
        if key not in self._known:
            contents = {path: self.content((entry.mode, entry.oid)) for path, entry in files.items()}
            # What an owner has signed later about a key (a longer life, a revocation) counts for earlier
            # signatures too.
            self._known[key] = authority(found, contents, self._latest)
        return self._known[key]

    @cached_property
    def _latest(self) -> Mapping[str, bytes]:
        tree = self._repository.tree(self._trust.revision)
        return _files(tree, self._default.rules.files)

    def proposed(self, base: Sequence[str], tips: Sequence[str]) -> Authority | None:
        """What the tip says of who may sign, if it says something else than where it left the first base."""
        if not base or len(tips) != 1:
            return None
        tip = self._repository.resolve(tips[0])
        fork = self._commits.base(self._repository.resolve(base[0]), tip)
        try:
            made = _authority(self._repository.tree(tip))
        except UserError:
            return None  # for later judgements to refuse
        if made is None or fork is None:
            return made
        names = [FILE, *made.rules.files]
        there, then = self._commits.entries(tip, names), self._commits.entries(fork, names)
        return made if there != then else None

    # --- lookups -------------------------------------------------------------------------------------

    def is_secret(self, path: str, version: Version) -> bool:
        """Whether the blob is a SOPS file, or a creation rule is meant for its path."""
        mode, oid = version
        if mode not in (REGULAR, EXECUTABLE):
            return False
        return self._is_sops(path, oid) or self._has_rule(path)

    def _is_sops(self, path: str, oid: str) -> bool:
        whole = b""
        for _, piece in self._repository.pieces([Entry(path, REGULAR, oid)]):
            if isinstance(piece, Unreadable):
                raise UserError(f"{piece.path} {piece.reason}", f"needed: {piece.needed}")
            if not piece.last or piece.offset:
                if looks_like_sops(piece.data):
                    return True
                continue
            whole = piece.data
        if not looks_like_sops(whole):
            return False
        from sopsguard.sops.file import Broken, NotSops, read

        file = read(whole, path)
        return not isinstance(file, NotSops) and not (isinstance(file, Broken) and path.endswith(PROSE))

    def _has_rule(self, path: str) -> bool:
        if not self._managed.configs:
            return False
        match = self._managed.rule(path).match
        if match is None:
            return False
        if match.rule is None:
            return match.unknown is not None
        return not match.rule.is_catch_all and not match.rule.is_block

    @cached_property
    def _managed(self) -> Managed:
        return Managed(self._repository.tree(self._trust.revision))

    def content(self, version: Version) -> bytes:
        """A small blob; empty where it is none, or too large."""
        mode, oid = version
        if mode not in (REGULAR, EXECUTABLE):
            return b""
        for _, piece in self._repository.pieces([Entry("", REGULAR, oid)]):
            if isinstance(piece, Piece) and piece.last and piece.size <= LIMIT and not piece.offset:
                return piece.data
        return b""

    def base(self, parents: tuple[str, str], paths: Sequence[str]) -> Mapping[str, Version | None] | None:
        """The versions of `paths` in the merge base; None without exactly one."""
        base = self._commits.base(*parents)
        if base is None:
            return None
        found = self._commits.entries(base, paths)
        return {path: _version(found.get(path)) for path in paths}

    def is_ancestor(self, old: str, new: str) -> bool:
        """Whether `new` is, or builds on, `old`."""
        return old in self._history(new)

    def _history(self, tip: str) -> frozenset[str]:
        if tip not in self._ancestors:
            try:
                self._ancestors[tip] = frozenset(
                    self._repository.commits(None, [self._repository.resolve(tip)])
                )
            except UserError:
                self._ancestors[tip] = frozenset()
        return self._ancestors[tip]

    def committed(self, oid: str) -> int | None:
        """The committer's time of a commit outside of what is judged."""
        for _, data in self._commits.raw([oid], commit.MOST):
            try:
                return None if data is None else commit.parse(oid, data).committer.time
            except Refused:
                return None
        return None

    def baseline(self, version: Version | None) -> str | None:
        """The baseline that this version of the policy sets."""
        if version is None:
            return None
        try:
            found = section(self.content(version))
        except UserError:
            return None
        return None if found is None else found.baseline


def _parents(subject: Subject) -> tuple[str, ...]:
    """What the commit itself names; none if it cannot be read."""
    return subject.parsed.parents if isinstance(subject.parsed, commit.Commit) else ()


def _nobody() -> UserError:
    hint = f"put public keys into {KEYS}, or write `signatures:` in {FILE}"
    return UserError("nothing says who may sign", hint)


def _touched(changes: Sequence[Change]) -> tuple[Touched, ...]:
    return tuple(Touched(c.path, _version(c.old), _version(c.new)) for c in changes)


def _version(entry: Entry | None) -> Version | None:
    return None if entry is None else (entry.mode, entry.oid)
