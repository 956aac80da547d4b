"""What the judging commands share: rules run over a target, the verdict reported, an exit code made of it."""

import os
import sys
from typing import TYPE_CHECKING

from sopsguard.cli import FOUND, NOT_JUDGED, OK
from sopsguard.model import Family, Level, UserError, printable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Sequence
    from datetime import date

    from sopsguard.attest import Attested
    from sopsguard.context import Context
    from sopsguard.git import Repository
    from sopsguard.history import History
    from sopsguard.hooks import Target
    from sopsguard.judge import Verdict
    from sopsguard.model import Addition
    from sopsguard.policy import Policy
    from sopsguard.report.access import Section
    from sopsguard.report.text import Judged, Style
    from sopsguard.snapshot import Snapshot
    from sopsguard.sops.identity import Identities
    from sopsguard.trust import Outer, Trust

# A waiver that the report proposes ends after this many days: long enough to repair, short enough to
# be asked again.
WAIVER_DAYS = 90

# How a report may be written; the first is the default.
FORMATS = ("text", "json", "sarif", "github", "markdown")

# The rule that --strict makes an error.
OVERDUE = "rotation-overdue"


def repository() -> "Repository":
    """The repository of the working directory, with an interrupted change of several files completed first:
    nobody is to judge or commit a mix. Raises `UserError` outside of one."""
    from sopsguard import git
    from sopsguard.fix import is_pending

    repo = git.discover()
    if repo.root is not None and is_pending(repo.git_dir):
        from sopsguard.fix import apply

        done = ", ".join(map(printable, apply.recover(repo.root, repo.git_dir)))
        print(f"sopsguard: an interrupted change was completed: {done}", file=sys.stderr)
    return repo


def judge(
    target: "Target",
    rules: "Sequence[str]",
    *,
    only_new: bool,
    identities: "Identities | None" = None,
    trust: "Trust | None" = None,
    cached: bool = True,
    strict: bool = False,
    placed: bool = False,
    as_of: str | None = None,
) -> "tuple[Verdict, Judged, Policy]":
    """Run the rules over the target; with the verdict comes what was judged, and by which policy. Without
    `trust` the target is believed itself, without `cached` nothing that an earlier run has left. `strict`:
    what is overdue is an error, unless the policy says how much it weighs. `placed`: it is also told where
    the judged state has what a commit brought. `as_of` is another day than today."""
    from sopsguard.context import Context
    from sopsguard.judge import judge
    from sopsguard.managed import Managed
    from sopsguard.report.text import Judged

    policy = policy_of(target.snapshot) if trust is None else trust.policy
    if strict:
        policy = policy._replace(levels={OVERDUE: Level.ERROR.value, **policy.levels})
    before = None
    if target.before is not None:
        before = Managed(target.before, target.concerned, inventory=policy.inventory)
    ctx = Context(
        target.snapshot,
        target.contents,
        old=target.old,
        policy=policy,
        clock=lambda: as_of or today().isoformat(),
        bulk=target.bulk,
        concerned=target.concerned,
        before=before,
        history=lambda: history_of(target, cached=cached),
        identities=identities,
        shares=target.shares,
        trust=trust,
        attested=attested_by(target, trust),
    )
    verdict = judge(ctx, rules, only_new=only_new and target.old is not None, whole=target.whole)
    notes = (*ctx.notes, *(trust.notes if trust is not None else ()), *_signatures(ctx, rules))
    judged = Judged(ctx.files, ctx.bytes, notes, _access(ctx, rules), trust)
    if placed:
        findings = [*verdict.findings, *(w.finding for w in verdict.waived)]
        places = {f.fingerprint: where for f in findings if (where := ctx.standing(f)) is not None}
        judged = judged._replace(places=places)
    return verdict, judged, policy


def attested_by(target: "Target", trust: "Trust | None") -> "Callable[[], Attested] | None":
    """How to judge the signatures of a target; None where it has no commits. They are judged by what the
    trusted revision says of who may sign, without one by the commit from which the range starts."""
    ask = target.attested
    if ask is None:
        return None
    outer = trust.policy.outer if trust is not None else None
    rev = trust.oid if trust is not None else None
    return lambda: ask(seconds(), rev, outer.signatures if outer is not None else None)


def _signatures(ctx: "Context", rules: "Sequence[str]") -> "Sequence[str]":
    """What is to be told of the signatures besides findings."""
    from sopsguard.checks import RULES

    if not ctx.concerns_commits or all(RULES[rule] is not Family.SIGNATURES for rule in rules):
        return ()
    from sopsguard.report import signatures

    return tuple(signatures.notes(ctx.signatures)) if ctx.signatures is not None else ()


def _access(ctx: "Context", rules: "Sequence[str]") -> "Section | None":
    """Who gains and loses access; nothing is imported for it where nothing concerns sops."""
    from sopsguard.checks import RULES

    wanted = any(RULES[rule] is Family.RECIPIENTS for rule in rules)
    if not wanted or ctx.before is None or not ctx.concerns_sops:
        return None
    from sopsguard.report import access

    return access.section(ctx)


def trust_in(repo: "Repository", target: "Target", rev: str | None, file: str | None) -> "Trust | None":
    """Whom to believe by the options --trust and --policy; None where neither is given.

    Raises `UserError` for a revision that is none, and for a policy that cannot be read or that lies where
    the change itself could write it.
    """
    if rev is None and file is None:
        return None
    from sopsguard.trust import Outer, trust

    outer = None
    if file is not None:
        root = os.path.realpath(repo.root or repo.git_dir)
        if os.path.realpath(file) == root or os.path.realpath(file).startswith(root + os.sep):
            hint = "a change could edit it there; for a policy of the repository use --trust REV"
            raise UserError(f"--policy {file} lies inside the checkout", hint)
        try:
            with open(file, "rb") as opened:
                outer = Outer(opened.read((1 << 20) + 1), file)
        except OSError as e:
            raise UserError(f"--policy {file}: {e.strerror}", "a readable file is expected") from None
    if rev is None:
        return trust(target.snapshot, known_rules(), outer=outer)
    oid = repo.resolve(rev)
    return trust(
        target.snapshot,
        known_rules(),
        rev=rev,
        oid=oid,
        side=repo.tree(oid),
        outer=outer,
        vouched=_vouched(repo, target, oid, outer),
    )


def _vouched(
    repo: "Repository", target: "Target", trusted: str, outer: "Outer | None"
) -> "Callable[[Addition], bool]":
    """Who answers for what the change adds: whoever signed the commits from the trusted revision on."""
    from sopsguard import policy
    from sopsguard.attest import Voucher

    tip = repo.head if target.rev in (None, "index", "worktree") else target.rev
    if tip is None:
        return lambda _: False
    section = policy.read(outer.data, known_rules(), outer.name).signatures if outer is not None else None
    return Voucher(repo, trusted, tip, target.snapshot, seconds, section)


def history_of(target: "Target", *, cached: bool = True) -> "History | None":
    """The versions of single files before the target, with the user's cache of facts or without."""
    if target.past is None:
        return None
    if not cached:
        from sopsguard.history import History

        return History(target.past)
    from sopsguard.cache import Cache
    from sopsguard.history import FORM, History

    base = os.environ.get("XDG_CACHE_HOME") or ""
    if not os.path.isabs(base):
        base = os.path.expanduser("~/.cache")
    return History(target.past, Cache(os.path.join(base, "sopsguard"), FORM))


def policy_of(snapshot: "Snapshot") -> "Policy":
    """The policy of a snapshot, or the defaults. Raises `UserError` for one that cannot be read."""
    from sopsguard import policy

    if policy.FILE not in snapshot:
        return policy.Policy()
    found = policy.read(snapshot.read(policy.FILE), known_rules())
    if found.signatures is not None:
        from sopsguard.signatures import rules

        rules.read(found.signatures)  # a mistake there is told by every command, not only where it counts
    return found


def known_rules() -> "Sequence[str]":
    """Every rule that a policy may name."""
    from sopsguard.checks import RULES
    from sopsguard.judge import WAIVER_RULES

    return (*RULES, *WAIVER_RULES)


def select(only: "Iterable[str]", skip: "Iterable[str]") -> "Sequence[str]":
    """The ids of the rules to run. Raises `UserError` for a word that is neither a family nor a rule."""
    from sopsguard.checks import RULES

    def expand(words: "Iterable[str]") -> set[str]:
        chosen: set[str] = set()
        for word in (w.strip() for group in words for w in group.split(",")):
            rules = {rule for rule, family in RULES.items() if word in (rule, family)}
            if not rules:
                from sopsguard.policy import nearest

                raise UserError(
                    f"{word!r} is neither a family nor a rule",
                    nearest(word, [*dict.fromkeys(f.value for f in RULES.values()), *RULES]),
                )
            chosen |= rules
        return chosen

    only, skip = tuple(only), tuple(skip)
    wanted = expand(only) if only else set(RULES)
    selected = [rule for rule in RULES if rule in wanted - expand(skip)]
    if not selected:
        raise UserError("no rule is left to run", "loosen --only and --skip")
    return selected


def exit_code(verdict: "Verdict", policy: "Policy") -> int:
    """1 for an error, 2 where too little could be judged, else 0."""
    if verdict.blocks:
        return FOUND
    if any(u.blocking or u.family in policy.require for u in verdict.unknown):
        return NOT_JUDGED
    return OK


def report(verdict: "Verdict", target: "Target", judged: "Judged", form: str, *, brief: bool = False) -> None:
    """Print the verdict as text or JSON; `brief` is the form of a hook."""
    for line in written(verdict, target, judged, form, brief=brief):
        print(line)


def written(
    verdict: "Verdict",
    target: "Target",
    judged: "Judged",
    form: str,
    *,
    brief: bool = False,
    undecided: bool = False,
) -> "Iterable[str]":
    """The report in one of `FORMATS`, in lines. `undecided`: the run ends with exit 2."""
    if form == "json":
        from sopsguard.report import json

        return (json.document(verdict, target, judged),)
    if form == "sarif":
        from sopsguard.report import sarif

        return (sarif.document(verdict, target, judged),)
    until = ""
    if verdict.blocks:
        from datetime import timedelta

        until = (today() + timedelta(days=WAIVER_DAYS)).isoformat()
    if form == "markdown":
        from sopsguard.report import markdown

        return (markdown.document(verdict, target, judged, until, undecided=undecided),)
    from sopsguard.report import text

    lines = text.lines(verdict, target, judged, style_of(brief=brief), until)
    return _for_github(lines, verdict, judged) if form == "github" else lines


def _for_github(lines: "Iterable[str]", verdict: "Verdict", judged: "Judged") -> "Iterable[str]":
    from secrets import token_hex

    from sopsguard.report import github

    token = token_hex(16)
    yield github.stopped(token)
    yield from lines
    yield github.resumed(token)
    yield from github.annotations(verdict, judged)


def style_of(*, brief: bool = False) -> "Style":
    """How to write to this terminal or file."""
    from sopsguard.report.text import Style

    return Style(colour=_coloured(), brief=brief)


def _coloured() -> bool:
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return sys.stdout.isatty() or os.environ.get("PRE_COMMIT_COLOR") == "always"


def identities_of(files: "Sequence[str]") -> "Identities":
    """The identities at hand, those of these files first; perhaps none."""
    from sopsguard import identities

    return identities.find(os.environ, files)


def day(text: str) -> str:
    """The date of --as-of. Raises `UserError` where it is none."""
    from sopsguard.policy import is_date

    if not is_date(text):
        raise UserError(f"--as-of {text!r} is not a date", "write it as YYYY-MM-DD")
    return text


def now() -> str:
    """This moment in RFC 3339, UTC, whole seconds."""
    from datetime import UTC, datetime

    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds() -> int:
    """This moment in seconds since 1970."""
    import time

    return int(time.time())


def today() -> "date":
    """The date in UTC."""
    from datetime import UTC, datetime

    return datetime.now(UTC).date()


def inside(repo: "Repository", path: str) -> str:
    """A path of the command line as the repository names it."""
    if repo.root is None:
        return os.path.normpath(path)
    # The folder is resolved, the last part is not: a symbolic link is judged as the link it is.
    folder, name = os.path.split(path.rstrip("/") or "/")
    full = (
        os.path.join(os.path.realpath(folder), name)
        if name not in ("", ".", "..")
        else os.path.realpath(path)
    )
    relative = os.path.relpath(full, os.path.realpath(repo.root))
    if relative == ".." or relative.startswith("../"):
        raise UserError(f"{path} is outside the repository", f"the repository is {repo.root}")
    return "" if relative == "." else relative


def selection(parser: "argparse.ArgumentParser") -> None:
    """The options --only and --skip."""
    families = ", ".join(Family)
    text = f"a rule, or a family ({families}); may be given several times"
    parser.add_argument("--only", action="append", default=[], metavar="WHAT", help=f"run only {text}")
    parser.add_argument("--skip", action="append", default=[], metavar="WHAT", help=f"leave out {text}")
