"""`sopsguard check`: judge what the options name."""

from typing import TYPE_CHECKING

from sopsguard.cli import NOT_JUDGED
from sopsguard.cli.judging import (
    FORMATS,
    day,
    exit_code,
    identities_of,
    inside,
    judge,
    repository,
    select,
    selection,
    trust_in,
    written,
)
from sopsguard.model import UserError, printable

if TYPE_CHECKING:
    import argparse

    from sopsguard.git import Repository
    from sopsguard.hooks import Target
    from sopsguard.sops.identity import Identities


HELP = "judge the repository; without an option, everything in the work tree and the index"


def configure(parser: "argparse.ArgumentParser") -> None:
    """Its options."""
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--staged", action="store_true", help="what the next commit would change")
    what.add_argument(
        "--all", action="store_true", help="the work tree, untracked files too, and the index (the default)"
    )
    what.add_argument("--rev", metavar="REV", help="the tree of one commit")
    what.add_argument("--range", metavar="A..B", help="whatever any commit of the range brings, messages too")
    what.add_argument("--since", metavar="REV", help="what --all shows and REV did not have")
    selection(parser)
    parser.add_argument(
        "--decrypt", action="store_true", help="open every SOPS file in memory and verify its MAC"
    )
    parser.add_argument(
        "--identity",
        action="append",
        default=[],
        metavar="FILE",
        help="with --decrypt: a file of age identities",
    )
    parser.add_argument(
        "--trust",
        metavar="REV",
        help="read levels, waivers, schemas and the inventory at this revision, not in what is judged",
    )
    parser.add_argument(
        "--policy",
        metavar="FILE",
        help="a policy from outside the checkout; the repository's own can only tighten it",
    )
    parser.add_argument("--strict", action="store_true", help="what is overdue is an error")
    parser.add_argument(
        "--as-of", metavar="DATE", type=day, help="judge as on this day: what will be overdue by then?"
    )
    parser.add_argument("--format", choices=FORMATS, default=FORMATS[0])
    parser.add_argument("paths", nargs="*", metavar="PATH", help="only these files and folders")


def run(options: "argparse.Namespace") -> int:
    """Judge and report; returns the exit code."""
    repo = repository()
    if options.staged:
        repo.begin()
    if options.identity and not options.decrypt:
        raise UserError("--identity goes with --decrypt", "without it nothing is opened")
    rules = select(options.only, options.skip)
    target = _target(repo, options)
    keys = _identities(options) if options.decrypt else None
    trust = trust_in(repo, target, options.trust, options.policy)
    verdict, judged, policy = judge(
        target,
        rules,
        only_new=True,
        identities=keys,
        trust=trust,
        strict=options.strict,
        as_of=options.as_of,
        placed=options.format in ("sarif", "github", "markdown"),
    )
    code = exit_code(verdict, policy)
    for line in written(verdict, target, judged, options.format, undecided=code == NOT_JUDGED):
        print(line)
    return code


def _identities(options: "argparse.Namespace") -> "Identities":
    found = identities_of(options.identity)
    if not found:
        unusable = "; ".join(f"{printable(u.where)}: {printable(u.reason)}" for u in found.unusable)
        hint = "--identity FILE, SOPS_AGE_KEY_FILE or the default key file of sops"
        raise UserError("--decrypt found no identity", f"{unusable}; {hint}" if unusable else hint)
    return found


def _target(repo: "Repository", options: "argparse.Namespace") -> "Target":
    from sopsguard import hooks

    paths = [inside(repo, path) for path in options.paths]
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
