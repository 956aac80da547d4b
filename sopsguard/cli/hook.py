"""`sopsguard hook`: judge what this git hook has to, show and block only what is new."""

import os
import sys
from typing import TYPE_CHECKING

from sopsguard.cli import FOUND, NOT_JUDGED, OK
from sopsguard.cli.judging import exit_code, judge, report, seconds, select, selection
from sopsguard.model import Family, UserError, printable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence

    from sopsguard.git import Repository
    from sopsguard.hooks import Target
    from sopsguard.preflight import Signing


HELP = "what a git hook calls: judges the pushed range, else what is staged, else the index"
_USAGE = "sopsguard hook [--push | --refs REMOTE | --made] [--only FAMILY|RULE] [--skip FAMILY|RULE]"


def judged(arguments: "Sequence[str]") -> int:
    """Judge what this hook has to; the words are its options, read without argparse, which costs a hook
    a tenth of its time."""
    from sopsguard import git
    from sopsguard.fix import is_pending

    repo = git.discover()
    if repo.root is not None and is_pending(repo.git_dir):
        from sopsguard.fix import apply

        done = ", ".join(apply.recover(repo.root, repo.git_dir))
        raise UserError(
            f"a change of several files was interrupted, and is complete now: {done}",
            "look at it, stage it, and commit again",
        )
    given: dict[str, list[str]] = {"--only": [], "--skip": [], "--refs": []}
    flags: set[str] = set()
    words = iter(arguments)
    for word in words:
        name, equals, value = word.partition("=")
        if name in ("--push", "--made") and not equals:
            flags.add(name)
        elif name in given:
            given[name].append(value if equals else next(words, ""))
        else:
            raise UserError(f"hook: {word!r} is not an option", _USAGE)
    rules = select(given["--only"], given["--skip"])
    if "--made" in flags:
        return _made(repo)
    pushing = os.environ.get("PRE_COMMIT_REMOTE_NAME")
    if given["--refs"]:
        return _pushed(repo, given["--refs"][-1], rules, sys.stdin.buffer.read())
    if "--push" in flags or pushing:
        return _pushed(repo, pushing or "origin", rules, None)
    return _committed(repo, rules)


def _committed(repo: "Repository", rules: "Sequence[str]") -> int:
    """What is staged, else the index, or the range that a framework names."""
    if not os.environ.get("PRE_COMMIT_TO_REF"):
        repo.begin()  # git looks while we are still importing
    from sopsguard import hooks
    from sopsguard.checks import RULES

    target = hooks.from_hook(repo, os.environ)
    signing = any(RULES[rule] is Family.SIGNATURES for rule in rules)
    if target.commits == 0 and all(RULES[rule] is Family.SIGNATURES for rule in rules):
        # Contents have no signature yet: this is the hook that warns before, and tells after.
        if target.what == "staged":
            _preflight(repo, target)
        return _made(repo)
    verdict, judged, policy = judge(target, rules, only_new=True)
    report(verdict, target, judged, "text", brief=True)
    code = exit_code(verdict, policy)
    # By convention alone only the hook of its own speaks: keys may lie there for other reasons.
    if signing and target.what == "staged" and code == OK and policy.signatures is not None:
        _preflight(repo, target)
    return code


def _pushed(repo: "Repository", remote: str, rules: "Sequence[str]", lines: bytes | None) -> int:
    """Each ref that is pushed; all of them from standard input, or the one that a framework tells of."""
    from sopsguard import pushed

    refs: Iterable[pushed.Ref]
    if lines is None:
        refs = [pushed.of_framework(os.environ)]
        print(f"note: {pushed.ONE_REF}")
    else:
        refs = pushed.read(lines)
    codes = []
    for target in pushed.targets(repo, refs, remote):
        verdict, judged, policy = judge(target, rules, only_new=True)
        report(verdict, target, judged, "text", brief=True)
        codes.append(exit_code(verdict, policy))
    if not codes:
        print("sopsguard: nothing is published that the remote does not have")
    return FOUND if FOUND in codes else NOT_JUDGED if NOT_JUDGED in codes else OK


# --- signatures before and after a commit ----------------------------------------------------------------


def _preflight(repo: "Repository", target: "Target") -> None:
    """Warn of a signature that this commit will need and not have; nothing here blocks."""
    if repo.head is None:
        return
    from sopsguard import preflight

    authority = preflight.authority_at(repo, repo.head)
    if authority is None:
        return
    needed = preflight.needed(authority, repo.staged(), target.snapshot)
    for warned in preflight.warnings(authority, needed, _signing(repo)):
        print(f"sopsguard: warning: {warned.text}")
        print(f"    what to do: {warned.command}")


def _signing(repo: "Repository") -> "Signing":
    from sopsguard.preflight import Signing

    on = (repo.config("commit.gpgsign") or "").lower() in ("true", "yes", "on", "1")
    form = repo.config("gpg.format") or "openpgp"
    key = repo.config("user.signingkey") or ""
    email = os.environ.get("GIT_COMMITTER_EMAIL") or repo.config("user.email") or ""
    if form == "ssh" and key and not key.startswith(("key::", "ssh-", "ecdsa-", "sk-")):
        key = _public(os.path.expanduser(key))
    return Signing(on, form, key, email)


def _public(path: str) -> str:
    """The public half beside an SSH key; empty where there is none."""
    try:
        name = path if path.endswith(".pub") else f"{path}.pub"
        with open(name, encoding="utf-8", errors="replace") as file:
            return file.read(1 << 14).strip()
    except OSError:
        return ""


def _made(repo: "Repository") -> int:
    """Tell what a push would say of the last commit; nothing to undo is blocked any more."""
    if repo.head is None:
        return OK
    from sopsguard import preflight, pushed
    from sopsguard.report.signatures import lines

    parents = repo.parents(repo.head)
    trust = pushed.default_branch(repo, "origin") or next(iter(parents), repo.head)
    if repo.head in repo.refs("refs/remotes/").values():
        return OK  # it is published
    try:
        verdict, has_policy = preflight.made(repo, repo.head, parents, trust, seconds())
    except UserError as e:
        print(f"sopsguard: the signature of this commit could not be judged: {printable(e.message)}")
        return OK
    if verdict is not None and not verdict.passes:
        from sopsguard.model import Level

        if has_policy:
            print("sopsguard: a push would not accept the last commit as it is:")
        else:
            print("sopsguard: the last commit is not signed as it could be; no policy demands it:")
        for line in lines(verdict, Level.WARNING):
            print(line)
    return OK


def configure(parser: "argparse.ArgumentParser") -> None:
    """Its options, for `--help`."""
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--push", action="store_true", help="what pre-commit or prek says is pushed")
    where.add_argument("--refs", metavar="REMOTE", help="what git names on standard input: each pushed ref")
    where.add_argument(
        "--made", action="store_true", help="tell whether the last commit is signed as it has to be"
    )
    selection(parser)


def run(options: "argparse.Namespace") -> int:
    """The same from parsed options."""
    words = [f"--only={w}" for w in options.only] + [f"--skip={w}" for w in options.skip]
    words += [f"--refs={options.refs}"] if options.refs is not None else []
    return judged(words + ["--push"] * options.push + ["--made"] * options.made)
