"""The commands. The only module that prints, reads the clock or the environment, or exits."""

import os
import sys
from typing import TYPE_CHECKING, NoReturn

from sopsguard import __version__
from sopsguard.model import Family, UserError, discreet, printable

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

OK, FOUND, NOT_JUDGED, BUG, INTERRUPTED = 0, 1, 2, 3, 130

# A waiver that the report proposes ends after this many days: long enough to repair, short enough to
# be asked again.
WAIVER_DAYS = 90


def main() -> NoReturn:
    """The `sopsguard` command."""
    # The cycle collector finds next to nothing to free here, and costs a hook milliseconds.
    import gc

    gc.set_threshold(100_000, 50, 50)
    _safe_streams()
    try:
        code = run(sys.argv[1:])
        sys.stdout.flush()
    except UserError as e:
        _complain(e)
        code = NOT_JUDGED
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BrokenPipeError:
        # The reader of our output went away (`| head`): no verdict can be told any more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = NOT_JUDGED
    except Exception as e:  # noqa: BLE001  whatever it is, it is told as our bug and without content
        _report_bug(e)
        code = BUG
    # Plain exit would spend milliseconds on tearing down modules.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def run(arguments: "Sequence[str]") -> int:
    """Run one command; returns its exit code. Raises `UserError` for what the user can mend."""
    command, rest = (arguments[0], arguments[1:]) if arguments else ("help", ())
    if command == "hook" and not any(a in ("-h", "--help") for a in rest):
        return _hook(rest)  # argparse costs a hook a tenth of its time
    options = _parser().parse_args(list(arguments) or ["--help"])
    result: int = options.run(options)
    return result


def _safe_streams() -> None:
    for stream in (sys.stdout, sys.stderr):
        # A terminal in an ASCII locale must not turn a finding into a traceback.
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _complain(e: UserError) -> None:
    print(f"sopsguard: {printable(e.message)}", file=sys.stderr)
    if e.hint:
        print(f"    {printable(e.hint)}", file=sys.stderr)


def _report_bug(e: Exception) -> None:
    """Where it happened, never what was being looked at: messages and values may hold a secret."""
    trace = e.__traceback__
    places = []
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append(f"{code.co_filename.rpartition('sopsguard/')[2]}:{trace.tb_lineno} in {code.co_name}")
        trace = trace.tb_next
    print(
        f"sopsguard {__version__}: a bug of ours ({type(e).__name__}); nothing was decided", file=sys.stderr
    )
    for place in places[-6:]:
        print(f"    {printable(place)}", file=sys.stderr)
    print("    please report these lines; they hold nothing of your files", file=sys.stderr)


# --- judging ---------------------------------------------------------------------------------------


def _judge(
    target: "Target", rules: "Sequence[str]", *, only_new: bool, identities: "Identities | None" = None
) -> "tuple[Verdict, Judged, Policy]":
    from sopsguard.context import Context
    from sopsguard.judge import judge
    from sopsguard.managed import Managed
    from sopsguard.report.text import Judged

    policy = _policy(target)
    ctx = Context(
        target.snapshot,
        target.contents,
        old=target.old,
        policy=policy,
        clock=lambda: _today().isoformat(),
        bulk=target.bulk,
        concerned=target.concerned,
        before=Managed(target.before, target.concerned) if target.before else None,
        history=lambda: _history(target),
        identities=identities,
    )
    verdict = judge(ctx, rules, only_new=only_new and target.old is not None, whole=target.whole)
    return verdict, Judged(ctx.files, ctx.bytes, tuple(ctx.notes)), policy


def _history(target: "Target") -> "History | None":
    if target.past is None:
        return None
    from sopsguard.cache import Cache
    from sopsguard.history import FORM, History

    base = os.environ.get("XDG_CACHE_HOME") or ""
    if not os.path.isabs(base):
        base = os.path.expanduser("~/.cache")
    return History(target.past, Cache(os.path.join(base, "sopsguard"), FORM))


def _policy(target: "Target") -> "Policy":
    from sopsguard import policy

    if policy.FILE not in target.snapshot:
        return policy.Policy()
    return policy.read(target.snapshot.read(policy.FILE), _known_rules())


def _known_rules() -> "Sequence[str]":
    from sopsguard.checks import RULES
    from sopsguard.judge import WAIVER_RULES

    return (*RULES, *WAIVER_RULES)


def _select(only: "Iterable[str]", skip: "Iterable[str]") -> "Sequence[str]":
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


def _exit_code(verdict: "Verdict", policy: "Policy") -> int:
    if verdict.blocks:
        return FOUND
    if any(u.blocking or u.family in policy.require for u in verdict.unknown):
        return NOT_JUDGED
    return OK


def _report(
    verdict: "Verdict", target: "Target", judged: "Judged", form: str, *, brief: bool = False
) -> None:
    if form == "json":
        from sopsguard.report import json

        print(json.document(verdict, target, judged))
        return
    from sopsguard.report import text

    style = text.Style(colour=_coloured(), brief=brief)
    until = ""
    if verdict.blocks:
        from datetime import timedelta

        until = (_today() + timedelta(days=WAIVER_DAYS)).isoformat()
    for line in text.lines(verdict, target, judged, style, until):
        print(line)


def _coloured() -> bool:
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return sys.stdout.isatty() or os.environ.get("PRE_COMMIT_COLOR") == "always"


def _today() -> "date":
    from datetime import UTC, datetime

    return datetime.now(UTC).date()


# --- commands --------------------------------------------------------------------------------------


def _hook(arguments: "Sequence[str]") -> int:
    """`sopsguard hook`: judge what this hook has to, show and block only what is new."""
    from sopsguard import git

    repo = git.discover()
    if not os.environ.get("PRE_COMMIT_TO_REF"):
        repo.begin()  # git looks while we are still importing
    from sopsguard import hooks

    only: list[str] = []
    skip: list[str] = []
    words = iter(arguments)
    for word in words:
        name, equals, value = word.partition("=")
        if name not in ("--only", "--skip"):
            raise UserError(
                f"hook: {word!r} is not an option", "sopsguard hook [--only FAMILY|RULE] [--skip FAMILY|RULE]"
            )
        given = value if equals else next(words, "")
        (only if name == "--only" else skip).append(given)
    rules = _select(only, skip)
    target = hooks.from_hook(repo, os.environ)
    verdict, judged, policy = _judge(target, rules, only_new=True)
    _report(verdict, target, judged, "text", brief=True)
    return _exit_code(verdict, policy)


def _check(options: "argparse.Namespace") -> int:
    from sopsguard import git

    repo = git.discover()
    if options.staged:
        repo.begin()
    if options.identity and not options.decrypt:
        raise UserError("--identity goes with --decrypt", "without it nothing is opened")
    rules = _select(options.only, options.skip)
    target = _target(repo, options)
    keys = _identities(options) if options.decrypt else None
    verdict, judged, policy = _judge(target, rules, only_new=True, identities=keys)
    _report(verdict, target, judged, options.format)
    return _exit_code(verdict, policy)


def _identities(options: "argparse.Namespace") -> "Identities":
    from sopsguard import identities

    found = identities.find(os.environ, options.identity)
    if not found:
        unusable = "; ".join(f"{printable(u.where)}: {printable(u.reason)}" for u in found.unusable)
        hint = "--identity FILE, SOPS_AGE_KEY_FILE or the default key file of sops"
        raise UserError("--decrypt found no identity", f"{unusable}; {hint}" if unusable else hint)
    return found


def _target(repo: "Repository", options: "argparse.Namespace") -> "Target":
    from sopsguard import hooks

    paths = [_inside(repo, path) for path in options.paths]
    if options.staged:
        if paths:
            raise UserError("--staged takes no paths", "it judges what the next commit would change")
        return hooks.staged(repo)
    if options.rev is not None:
        return hooks.revision(repo, options.rev, paths)
    if options.range is not None:
        base, dots, tip = options.range.partition("..")
        if not dots or tip.startswith("."):
            raise UserError(f"{options.range!r} is not a range", "write it as A..B: what B has and A has not")
        return hooks.between(repo, base or "HEAD", tip or "HEAD", paths)
    if options.since is not None:
        return hooks.since(repo, options.since, paths)
    return hooks.everything(repo, paths)


def _inside(repo: "Repository", path: str) -> str:
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


def _why(options: "argparse.Namespace") -> int:
    from sopsguard import git
    from sopsguard.managed import Managed
    from sopsguard.report import why

    repo = git.discover()
    snapshot = repo.tree(repo.resolve(options.rev)) if options.rev else repo.worktree()
    for path in options.paths:
        for line in why.lines(Managed(snapshot), _inside(repo, path)):
            print(discreet(line))
    return OK


def _explain(options: "argparse.Namespace") -> int:
    from sopsguard import checks
    from sopsguard.judge import WAIVER_RULES

    if options.rule is None:
        for rule in checks.RULES:
            check = checks.load(rule)
            print(f"{rule:24} {check.level:8} {check.title}")
        for rule, doc in WAIVER_RULES.items():
            print(f"{rule:24} {'warning':8} {doc.partition(chr(10))[0].rstrip('.')}")
        return OK
    if options.rule in WAIVER_RULES:
        print(f"{options.rule} · warning\n\n{WAIVER_RULES[options.rule].strip()}")
        return OK
    if options.rule not in checks.RULES:
        from sopsguard.policy import nearest

        raise UserError(f"{options.rule!r} is not a rule", nearest(options.rule, _known_rules()))
    check = checks.load(options.rule)
    print(f"{check.id} · {check.family} · {check.level}\n\n{check.doc.strip()}")
    for title, files in (("Found here", check.example.bad), ("Not here", check.example.good)):
        for path, text in files.items():
            shown = text if isinstance(text, str) else text.plain
            kind = "" if isinstance(text, str) else f", encrypted for {' and '.join(text.to)}"
            print(f"\n{title}: {path}{kind}\n")
            print("\n".join(f"    {line}" for line in shown.rstrip().split("\n")))
            for old, new in () if isinstance(text, str) else text.hand:
                print(f"\n  and then edited by hand: {printable(old)} becomes {printable(new) or 'nothing'}")
    return OK


def _waive(options: "argparse.Namespace") -> int:
    from sopsguard import git, hooks, policy
    from sopsguard.fix import apply, waive

    if not policy.is_date(options.until):
        raise UserError(
            f"--until {options.until!r} is not a date",
            "write it as YYYY-MM-DD, the last day the waiver counts",
        )
    if options.until < _today().isoformat():
        raise UserError(f"--until {options.until} is in the past", "a waiver ends on a day to come")
    if not options.reason.strip():
        raise UserError("--reason is empty", "say why the finding is acceptable; a reviewer will read it")
    repo = git.discover()
    if repo.root is None:
        raise UserError("a bare repository has no file to write the waiver into", "run this in a clone")
    found = []
    for target in (hooks.staged, hooks.everything):
        try:
            verdict, _, _ = _judge(target(repo), _select((), ()), only_new=False)
        except UserError:
            if target is hooks.everything:
                raise
            continue
        found = [f for f in verdict.findings if f.fingerprint.startswith(options.finding)]
        if found:
            break
    if not found or len(options.finding) < 6:
        raise UserError(
            f"no finding {options.finding!r} here", "the number stands behind `waive` in the report"
        )
    if len({f.fingerprint for f in found}) > 1:
        raise UserError(f"{options.finding!r} means {len(found)} findings", "give more of the number")
    finding = found[0]
    path = finding.location.path
    if any(c in path for c in "*?"):
        path = "".join("?" if c in "*?" else c for c in path)
    try:
        path.encode()
    except UnicodeEncodeError:
        raise UserError(
            "the name of that file is not UTF-8, which a policy cannot hold", "rename the file"
        ) from None
    waiver = policy.Waiver(finding.rule, path, options.reason.strip(), options.until, finding.fingerprint)
    disk = repo.worktree()
    old = disk.read(policy.FILE) if policy.FILE in disk else None
    new = waive.with_waiver((old or b"").decode(), waiver).encode()
    before = policy.read(old, _known_rules()) if old is not None else policy.Policy()
    after = policy.read(new, _known_rules())
    if [w._replace(line=0) for w in after.waivers] != [w._replace(line=0) for w in (*before.waivers, waiver)]:
        raise UserError(f"{policy.FILE} has a form that cannot be extended safely", "add the waiver by hand")
    apply.replace(repo.root, policy.FILE, old, new)
    shown = f"{finding.rule} in {printable(path)} waived until {options.until}"
    print(f"{policy.FILE}: {shown}; stage and commit it")
    return OK


def _demo(_: "argparse.Namespace") -> int:
    from sopsguard import demo

    for line in demo.run():
        print(line, flush=True)
    return OK


def _parser() -> "argparse.ArgumentParser":
    import argparse

    class Parser(argparse.ArgumentParser):
        def error(self, message: str) -> NoReturn:
            raise UserError(message, f"{self.prog} --help lists what there is")

    parser = Parser(
        prog="sopsguard",
        description="The guard of a repository whose secrets live in SOPS files.",
        epilog="exit codes: 0 nothing found · 1 an error was found · 2 nothing was judged · 3 a bug of ours",
    )
    parser.add_argument("--version", action="version", version=f"sopsguard {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=Parser)

    def command(name: str, run: object, text: str) -> "argparse.ArgumentParser":
        made: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
        made.set_defaults(run=run)
        return made

    families = ", ".join(Family)
    check = command(
        "check", _check, "judge the repository; without an option, everything in the work tree and the index"
    )
    what = check.add_mutually_exclusive_group()
    what.add_argument("--staged", action="store_true", help="what the next commit would change")
    what.add_argument(
        "--all", action="store_true", help="the work tree, untracked files too, and the index (the default)"
    )
    what.add_argument("--rev", metavar="REV", help="the tree of one commit")
    what.add_argument("--range", metavar="A..B", help="whatever any commit of the range brings, messages too")
    what.add_argument("--since", metavar="REV", help="what --all shows and REV did not have")
    _selection(check, families)
    check.add_argument(
        "--decrypt", action="store_true", help="open every SOPS file in memory and verify its MAC"
    )
    check.add_argument(
        "--identity",
        action="append",
        default=[],
        metavar="FILE",
        help="with --decrypt: a file of age identities",
    )
    check.add_argument("--format", choices=("text", "json"), default="text")
    check.add_argument("paths", nargs="*", metavar="PATH", help="only these files and folders")

    hook = command(
        "hook",
        _hook_help,
        "what a git hook calls: judges the pushed range, else what is staged, else the index",
    )
    _selection(hook, families)

    why = command("why", _why, "which creation rule a path gets and why, who can read it, what is in clear")
    why.add_argument("--rev", metavar="REV", help="at this commit instead of in the work tree")
    why.add_argument("paths", nargs="+", metavar="PATH", help="a file; it need not exist")

    explain = command("explain", _explain, "what a rule means, why it matters, how to repair it")
    explain.add_argument("rule", nargs="?", metavar="RULE")

    waive = command("waive", _waive, "accept a finding until a day: writes a waiver into .sopsguard.yaml")
    waive.add_argument("finding", metavar="FINDING", help="its number, from the report")
    waive.add_argument("--reason", required=True, help="why it is acceptable")
    waive.add_argument("--until", required=True, metavar="YYYY-MM-DD", help="the last day it counts")

    command("demo", _demo, "show it at work on a throw-away repository")
    return parser


def _selection(parser: "argparse.ArgumentParser", families: str) -> None:
    text = f"a rule, or a family ({families}); may be given several times"
    parser.add_argument("--only", action="append", default=[], metavar="WHAT", help=f"run only {text}")
    parser.add_argument("--skip", action="append", default=[], metavar="WHAT", help=f"leave out {text}")


def _hook_help(options: "argparse.Namespace") -> int:
    return _hook([f"--only={w}" for w in options.only] + [f"--skip={w}" for w in options.skip])
