"""The verdict on each commit: what it touches, who had to sign that, and whether they did.

Pure and streaming: commits come parents first, each with its raw bytes and what it changes against each of
its parents; lookups answer the rest. Everything but the arithmetic of OpenPGP is decided here, so that the
engine behind it can only refuse.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

from sopsguard.policy import FILE
from sopsguard.signatures import armor, commit, packet, ssh
from sopsguard.signatures.authority import Authority, Holder
from sopsguard.signatures.engine import Engine, EngineMissing, Question
from sopsguard.signatures.paths import same
from sopsguard.signatures.reason import MEANING, PASSING, UNDECIDED, Reason, Refused
from sopsguard.signatures.rules import WEB_FLOW, OpenPGPKey, Role, Rules, SSHKey

_OLD = 90 * 86400
_BATCH = 256

Version = tuple[int, str]  # mode, object id


class Touched(NamedTuple):
    """A path that differs from a parent; None where it does not exist."""

    path: str
    old: Version | None
    new: Version | None


class Subject(NamedTuple):
    """A commit to judge: what `commit.parse` made of it, and `changes`, which hold for each parent that the
    object names what differs from it, and for a root what differs from nothing."""

    oid: str
    parsed: commit.Commit | Refused
    changes: tuple[tuple[Touched, ...], ...]

    def __repr__(self) -> str:
        return f"Subject({self.oid!r})"


class Lookups(Protocol):
    """What the judgement of a commit may have to ask about the repository."""

    def is_secret(self, path: str, version: Version) -> bool:
        """Whether the blob is a SOPS file, or a creation rule is meant for its path."""
        ...

    def content(self, version: Version) -> bytes:
        """A small blob; empty where it cannot be read."""
        ...

    def base(self, parents: tuple[str, str], paths: Sequence[str]) -> Mapping[str, Version | None] | None:
        """The versions of `paths` in the merge base of two commits; None without exactly one base."""
        ...

    def is_ancestor(self, old: str, new: str) -> bool:
        """Whether `new` is, or builds on, `old`; False where either is missing."""
        ...

    def committed(self, oid: str) -> int | None:
        """The committer's time of a commit that is not judged itself."""
        ...

    def baseline(self, version: Version | None) -> str | None:
        """The baseline that this version of the policy file sets; None where there is none."""
        ...


class Verdict(NamedTuple):
    """What holds for one commit. `needed` is the role that its change required, `paths` are the protected
    ones that it touches (at most ten), `signer` is the name in the policy; `detail` and `notices` are for
    people and quote no content."""

    oid: str
    reason: Reason
    detail: str = ""
    signer: str = ""
    needed: Role | None = None
    paths: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()

    @property
    def passes(self) -> bool:
        """Whether the commit may stand."""
        return self.reason in PASSING

    @property
    def undecided(self) -> bool:
        """Whether nothing was found out about the commit: exit 2."""
        return self.reason in UNDECIDED

    @property
    def verified(self) -> bool:
        """Whether a signature was needed and is good."""
        return self.reason in (Reason.OK, Reason.OK_FORGE_MERGE)

    @property
    def says(self) -> str:
        """The verdict in a sentence about the commit."""
        meaning = MEANING[self.reason].says
        return f"{meaning}: {self.detail}" if self.detail else meaning

    @property
    def remedy(self) -> str:
        """What to do, in the user's words."""
        return MEANING[self.reason].remedy


class Moment(NamedTuple):
    """When and how it is judged. `now` is in seconds since 1970. `audit` judges old commits: then a key that
    has expired since is no fault, nor is one that was retired later. `proposed` answers with the authority
    that the change under judgement would set up, if it would: it counts for nothing, but explains."""

    now: int
    audit: bool = False
    proposed: Callable[[], Authority | None] = lambda: None


class _Pending(NamedTuple):
    verdict: Verdict
    questions: tuple[Question, ...]


def verify(
    subjects: Iterable[Subject],
    authorities: Callable[[Subject], Sequence[Authority]],
    lookups: Lookups,
    moment: Moment,
    engine: Callable[[], Engine],
) -> Iterator[Verdict]:
    """One verdict for each commit, in their order.

    `authorities` tells by whose rules a commit is judged: all of them must agree. The engine is only asked
    for, and only loaded, if an OpenPGP signature could make a commit pass.
    """
    judge = _Judge(lookups, moment)
    waiting: list[_Pending] = []
    for subject in subjects:
        waiting.append(judge.subject(subject, authorities(subject)))
        if len(waiting) >= _BATCH:
            yield from _answered(waiting, engine)
            waiting = []
    yield from _answered(waiting, engine)


def _answered(waiting: Sequence[_Pending], engine: Callable[[], Engine]) -> Iterator[Verdict]:
    """The verdicts, each with what the engine says of the signatures on which it rests."""
    questions = [question for one in waiting for question in one.questions]
    answers: list[bool] = []
    missing = name = ""
    if questions:
        try:
            used = engine()
            name = used.name
            answers = used.answers(questions)
        except EngineMissing as e:
            missing = str(e)
    at = 0
    for verdict, asked in waiting:
        if asked and missing:
            yield verdict._replace(reason=Reason.ENGINE_MISSING, detail=missing)
        elif not all(answers[at : at + len(asked)]):
            made = all(q.signature.made_by(q.maker.key, q.payload) for q in asked)
            detail = f"{name} does not accept it" if made else ""
            yield verdict._replace(reason=Reason.BAD_SIGNATURE, detail=detail)
        else:
            yield verdict
        at += len(asked)


class _Good(NamedTuple):
    """A signature that holds, by whom, and what the engine must confirm of it."""

    holder: Holder
    question: Question | None
    signed: int | None  # when, where the format says it


class _Need(NamedTuple):
    role: Role | None
    paths: tuple[str, ...]
    impure: bool


class _Judge:
    def __init__(self, lookups: Lookups, moment: Moment) -> None:
        self._lookups = lookups
        self._moment = moment
        self._times: dict[str, int] = {}
        self._secret: dict[tuple[str, Version], bool] = {}

    def subject(self, subject: Subject, authorities: Sequence[Authority]) -> _Pending:
        parsed = subject.parsed
        if isinstance(parsed, commit.Commit):
            self._times[parsed.oid] = parsed.committer.time
        if all(subject.oid in authority.rules.accepted for authority in authorities):
            return _Pending(Verdict(subject.oid, Reason.ACCEPTED), ())
        if isinstance(parsed, Refused):
            return _Pending(Verdict(subject.oid, parsed.reason, parsed.detail), ())
        passed = _Pending(Verdict(subject.oid, Reason.NOT_NEEDED), ())
        questions: list[Question] = []
        for authority in authorities:
            pending = self._one(subject, parsed, authority)
            if not pending.verdict.passes:
                return pending
            questions += pending.questions
            if passed.verdict.reason is Reason.NOT_NEEDED:
                passed = pending
        return _Pending(passed.verdict, tuple(questions))

    def _one(self, subject: Subject, parsed: commit.Commit, authority: Authority) -> _Pending:
        need = self._needs(subject, parsed, authority)
        rules = authority.rules
        shown = tuple(need.paths[:10])
        verdict = Verdict(subject.oid, Reason.OK, needed=need.role, paths=shown)
        if need.role is None and rules.scope != "all":
            return _Pending(verdict._replace(reason=Reason.NOT_NEEDED), ())
        try:
            good = self._signature(parsed, authority)
            if good.holder.is_forge:
                pure = len(parsed.parents) > 1 and need.role is None and rules.forge_merges == "pure"
                if not pure:
                    raise Refused(Reason.NOT_AUTHORISED, "the key of a forge authorises no content")
                verdict = verdict._replace(reason=Reason.OK_FORGE_MERGE, signer="the forge")
            else:
                verdict = verdict._replace(signer=_name(good.holder))
                verdict = verdict._replace(notices=self._allowed(parsed, good, need, rules))
                self._forward(subject, parsed, rules, verdict)
        except Refused as e:
            reason, detail = e.reason, e.detail
            weak = (Reason.UNSIGNED, Reason.UNKNOWN_KEY, Reason.NOT_AUTHORISED)
            if need.impure and reason in weak:
                reason, detail = Reason.IMPURE_MERGE, f"and it {MEANING[reason].says}"
            return _Pending(verdict._replace(reason=reason, detail=detail), ())
        return _Pending(verdict, () if good.question is None else (good.question,))

    # --- what is touched -----------------------------------------------------------------------------

    def _needs(self, subject: Subject, parsed: commit.Commit, authority: Authority) -> _Need:
        """The role that the change of this commit needs by itself, and the protected paths in it."""
        protected: dict[str, Role] = {}
        by_path: list[dict[str, Touched]] = []
        for changes in subject.changes:
            by_path.append({touched.path: touched for touched in changes})
            for touched in changes:
                if touched.path not in protected and (role := self._role(touched, authority)):
                    protected[touched.path] = role
        if len(parsed.parents) < 2:
            return _Need(_strongest(protected.values()), tuple(sorted(protected)), False)
        own = self._own(parsed, by_path, protected)
        return _Need(_strongest(protected[path] for path in own), tuple(own), bool(own))

    def _own(
        self, parsed: commit.Commit, by_path: Sequence[Mapping[str, Touched]], protected: Mapping[str, Role]
    ) -> list[str]:
        """The protected paths that a merge decides by itself: neither side alone explains what it holds."""
        if not protected:
            return []
        if len(by_path) != 2:
            return sorted(protected)
        own, open_ = [], []
        for path in sorted(protected):
            one, other = by_path[0].get(path), by_path[1].get(path)
            if one is not None and other is not None and one.old == other.old:
                own.append(path)  # both sides agreed, and the merge holds something else
            elif one is not None or other is not None:
                open_.append(path)
        if open_:
            bases = self._lookups.base((parsed.parents[0], parsed.parents[1]), open_)
            for path in open_:
                one, other = by_path[0].get(path), by_path[1].get(path)
                merged = one.new if one is not None else other.new if other is not None else None
                left = one.old if one is not None else merged
                right = other.old if other is not None else merged
                if bases is None or not _explained(bases.get(path), left, right, merged):
                    own.append(path)
        return sorted(own)

    def _role(self, touched: Touched, authority: Authority) -> Role | None:
        sides = [side for side in (touched.old, touched.new) if side is not None]
        role = authority.protection.role(touched.path, [mode for mode, _ in sides])
        if role is not None:
            return role
        if same(touched.path) == ".gitmodules":
            texts = [self._lookups.content(side) for side in sides]
            return "commit" if any(map(authority.protection.maps, texts)) else None
        if authority.rules.protect_content and any(self._is_secret(touched.path, side) for side in sides):
            return "commit"
        return None

    def _is_secret(self, path: str, side: Version) -> bool:
        key = (path, side)
        if key not in self._secret:
            if len(self._secret) > 100_000:
                self._secret.clear()
            self._secret[key] = self._lookups.is_secret(path, side)
        return self._secret[key]

    def _forward(self, subject: Subject, parsed: commit.Commit, rules: Rules, verdict: Verdict) -> None:
        """Raises `Refused` if the commit takes the baseline somewhere else than forward, to its own "
        "history."""
        policy = next((t for changes in subject.changes for t in changes if t.path == FILE), None)
        if policy is None or verdict.needed != "admin":
            return
        moved = self._lookups.baseline(policy.new)
        if moved is None or moved == rules.baseline:
            return
        own = any(self._lookups.is_ancestor(moved, parent) for parent in parsed.parents)
        if not own or (rules.baseline is not None and not self._lookups.is_ancestor(rules.baseline, moved)):
            raise Refused(Reason.NOT_AUTHORISED, "the baseline may only move forward, within its own history")

    # --- who signed ----------------------------------------------------------------------------------

    def _signature(self, parsed: commit.Commit, authority: Authority) -> _Good:
        """The signature of the commit, if it holds. Raises `Refused`."""
        if parsed.signature is None:
            raise Refused(Reason.UNSIGNED, "")
        form = armor.format_of(parsed.signature)
        data = armor.body(parsed.signature, form)
        if form not in authority.rules.formats:
            raise Refused(Reason.UNSUPPORTED_FORMAT, f"a signature in the format {form}")
        if form == "ssh":
            return self._by_ssh(parsed, ssh.parse(data), authority)
        return self._by_openpgp(parsed, packet.of_commit(data), authority)

    def _by_ssh(self, parsed: commit.Commit, signature: ssh.SSHSignature, authority: Authority) -> _Good:
        holder = authority.ssh(signature.key)
        if holder is None:
            proposed = self._moment.proposed()
            raise _unknown(
                proposed is not None and proposed.ssh(signature.key) is not None, signature.key.fingerprint
            )
        if not ssh.is_good(signature, parsed.payload):
            raise Refused(Reason.BAD_SIGNATURE, "")
        needs = holder.key.require if isinstance(holder.key, SSHKey) else frozenset()
        if "touch" in needs and not signature.touched:
            raise Refused(Reason.TOUCH_MISSING, "")
        if "verify" in needs and not signature.verified:
            raise Refused(Reason.VERIFY_MISSING, "")
        return _Good(holder, None, None)

    def _by_openpgp(self, parsed: commit.Commit, signature: packet.Signature, authority: Authority) -> _Good:
        refused: Refused | None = None
        for holder, certificate in authority.certificates:
            maker = certificate.maker(signature)
            if maker is None:
                continue
            question = Question(parsed.payload, signature, certificate, maker)
            try:
                self._check(question, holder)
            except Refused as e:
                if e.reason is not Reason.WEAK_KEY and not signature.made_by(maker.key, parsed.payload):
                    e = Refused(Reason.BAD_SIGNATURE, "")
                # A key that somebody else has taken into their certificate must not hide its owner.
                refused = refused or e
            else:
                return _Good(holder, question, signature.created)
        if refused is not None:
            raise refused
        issuers = signature.issuers
        if authority.knows(issuers):
            raise Refused(Reason.MALFORMED, "its fields name different keys as the one that made it")
        longest = max(issuers, key=len)
        if issuers & {*WEB_FLOW, *(print_[-16:] for print_ in WEB_FLOW)}:
            raise Refused(
                Reason.NOT_AUTHORISED, "it names the key of GitHub, with which it signs what is made there"
            )
        for retired in authority.rules.retired:
            if isinstance(retired.key, OpenPGPKey) and issuers & {
                retired.key.fingerprint, retired.key.fingerprint[-16:],
            }:  # fmt: skip
                raise Refused(
                    Reason.RETIRED_KEY, f"{longest}, and the policy names no file to verify it with"
                )
        proposed = self._moment.proposed()
        raise _unknown(proposed is not None and proposed.knows(issuers), longest)

    def _check(self, question: Question, holder: Holder) -> None:
        """Raises `Refused` unless the key could make such a signature; whether it did, the engine says."""
        signature, certificate, maker = question.signature, question.certificate, question.maker
        when = signature.created or 0
        key = holder.key
        if (
            isinstance(key, OpenPGPKey)
            and key.subkeys is not None
            and maker.key.fingerprint not in key.subkeys
        ):
            raise Refused(
                Reason.NOT_AUTHORISED, f"the policy does not list the subkey {maker.key.fingerprint}"
            )
        certificate.check(maker, when)
        now = self._moment.now
        if signature.lifetime and now >= when + signature.lifetime:
            raise Refused(Reason.SIGNATURE_EXPIRED, "")
        if not self._moment.audit and certificate.revoked(maker):
            raise Refused(Reason.KEY_REVOKED, "and this commit is new")

    # --- whether they were allowed to ----------------------------------------------------------------

    def _allowed(self, parsed: commit.Commit, good: _Good, need: _Need, rules: Rules) -> tuple[str, ...]:
        """What people should know of a signature that is allowed. Raises `Refused` for one that is not."""
        holder, now = good.holder, self._moment.now
        if holder.retired is not None:
            if not self._lookups.is_ancestor(parsed.oid, holder.retired.last_commit):
                raise Refused(Reason.RETIRED_KEY, "")
            if need.role == "admin":
                raise Refused(Reason.ROLE_MISSING, "a retired key has no role but commit")
        elif holder.signer is not None and (need.role or "commit") not in holder.signer.roles:
            raise Refused(Reason.ROLE_MISSING, f"{holder.signer.name} is not an admin")
        self._in_time(parsed, good.signed, rules)
        question = good.question
        if question is not None and not self._moment.audit:
            expired = question.certificate.expired(question.maker, now)
            if expired is not None and now > expired + rules.grace:
                raise Refused(Reason.KEY_EXPIRED, "")
        notices = []
        if holder.signer is not None and rules.identity != "off":
            emails = {email.encode() for email in holder.signer.emails}
            if parsed.committer.email not in emails:
                raise Refused(Reason.IDENTITY_MISMATCH, f"the address is none of {holder.signer.name}'s")
            if parsed.author.email not in emails:
                if rules.identity == "committer-and-author":
                    raise Refused(Reason.IDENTITY_MISMATCH, f"the author is not {holder.signer.name}")
                notices.append(f"written by somebody else than {holder.signer.name}, who signed it")
        if not self._moment.audit and now - (good.signed or parsed.committer.time) > _OLD:
            notices.append("signed more than 90 days ago: is it still meant to be merged?")
        return tuple(notices)

    def _in_time(self, parsed: commit.Commit, signed: int | None, rules: Rules) -> None:
        latest = self._moment.now + rules.skew
        if parsed.committer.time > latest or (signed is not None and signed > latest):
            raise Refused(Reason.SIGNED_IN_FUTURE, "")
        if signed is not None and abs(signed - parsed.committer.time) > rules.skew:
            apart = abs(signed - parsed.committer.time)
            raise Refused(Reason.TIME_SKEW, f"{_span(apart)} apart; {_span(rules.skew)} are allowed")
        when = parsed.committer.time if signed is None else signed
        for parent in parsed.parents:
            before = self._times.get(parent)
            if before is None:
                before = self._lookups.committed(parent)
            if before is not None and when < before - rules.skew:
                raise Refused(Reason.TIME_BACKWARDS, f"by {_span(before - when)}")


def _explained(
    base: Version | None, left: Version | None, right: Version | None, merged: Version | None
) -> bool:
    """Whether a three-way merge without any conflict gives what the merge holds."""
    if left == right:
        return merged == left
    if left == base:
        return merged == right
    return right == base and merged == left


def _strongest(roles: Iterable[Role]) -> Role | None:
    found = set(roles)
    strongest: Literal["admin", "commit"] | None = (
        "admin" if "admin" in found else "commit" if found else None
    )
    return strongest


def _unknown(proposed: bool, name: str) -> Refused:
    if proposed:
        return Refused(Reason.NOT_AUTHORISED, f"{name} is a key that only this change brings in")
    return Refused(Reason.UNKNOWN_KEY, name)


def _name(holder: Holder) -> str:
    return holder.signer.name if holder.signer is not None else "a retired key"


def _span(seconds: int) -> str:
    for size, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} seconds"
