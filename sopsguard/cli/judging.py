"""What the judging commands share: rules run over a target, the verdict reported, an exit code made of it."""

import os
import sys
from typing import TYPE_CHECKING

from sopsguard.cli import FOUND, NOT_JUDGED, OK
from sopsguard.model import Family, UserError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence
    from datetime import date

    from sopsguard.git import Repository
    from sopsguard.history import History
    from sopsguard.hooks import Target
    from sopsguard.judge import Verdict
    from sopsguard.policy import Policy
    from sopsguard.report.text import Judged
    from sopsguard.sops.identity import Identities

# A waiver that the report proposes ends after this many days: long enough to repair, short enough to
# be asked again.
WAIVER_DAYS = 90


def judge(
    target: "Target", rules: "Sequence[str]", *, only_new: bool, identities: "Identities | None" = None
) -> "tuple[Verdict, Judged, Policy]":
    """Run the rules over the target; with the verdict comes what was judged, and by which policy."""
    from sopsguard.context import Context
    from sopsguard.judge import judge
    from sopsguard.managed import Managed
    from sopsguard.report.text import Judged

    policy = policy_of(target)
    ctx = Context(
        target.snapshot,
        target.contents,
        old=target.old,
        policy=policy,
        clock=lambda: today().isoformat(),
        bulk=target.bulk,
        concerned=target.concerned,
        before=Managed(target.before, target.concerned) if target.before is not None else None,
        history=lambda: history_of(target),
        identities=identities,
        shares=target.shares,
    )
    verdict = judge(ctx, rules, only_new=only_new and target.old is not None, whole=target.whole)
    return verdict, Judged(ctx.files, ctx.bytes, tuple(ctx.notes)), policy


def history_of(target: "Target") -> "History | None":
    """The versions of single files before the target, with the user's cache of facts."""
    if target.past is None:
        return None
    from sopsguard.cache import Cache
    from sopsguard.history import FORM, History

    base = os.environ.get("XDG_CACHE_HOME") or ""
    if not os.path.isabs(base):
        base = os.path.expanduser("~/.cache")
    return History(target.past, Cache(os.path.join(base, "sopsguard"), FORM))


def policy_of(target: "Target") -> "Policy":
    """The policy of the target, or the defaults. Raises `UserError` for one that cannot be read."""
    from sopsguard import policy

    if policy.FILE not in target.snapshot:
        return policy.Policy()
    return policy.read(target.snapshot.read(policy.FILE), known_rules())


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
    if form == "json":
        from sopsguard.report import json

        print(json.document(verdict, target, judged))
        return
    from sopsguard.report import text

    style = text.Style(colour=_coloured(), brief=brief)
    until = ""
    if verdict.blocks:
        from datetime import timedelta

        until = (today() + timedelta(days=WAIVER_DAYS)).isoformat()
    for line in text.lines(verdict, target, judged, style, until):
        print(line)


def _coloured() -> bool:
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return sys.stdout.isatty() or os.environ.get("PRE_COMMIT_COLOR") == "always"


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
