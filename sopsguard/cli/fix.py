"""`sopsguard fix`: repairs what the checks find; shows what it would do, and does it with --apply."""

import os
import sys
from typing import TYPE_CHECKING

from sopsguard.cli import FOUND, OK
from sopsguard.cli.judging import identities_of, inside, judge, now, repository, select, style_of
from sopsguard.model import Generate, Level, Renew, UserError, printable

if TYPE_CHECKING:
    import argparse

    from sopsguard.fix.plan import Plan
    from sopsguard.git import Repository

HELP = "repair what the checks find: shows a plan, and carries it out with --apply"


def configure(parser: "argparse.ArgumentParser") -> None:
    """Its options."""
    carrying_out(parser)
    parser.add_argument(
        "words", nargs="*", metavar="RULE", help="a rule or a family; none: whatever can be repaired"
    )
    parser.add_argument(
        "--path", action="append", default=[], metavar="PATH", help="only findings in this file or folder"
    )


def carrying_out(parser: "argparse.ArgumentParser") -> None:
    """The options of every command that ends in `carried_out`."""
    parser.add_argument("--apply", action="store_true", help="carry the plan out: everything, or nothing")
    parser.add_argument(
        "--confirm",
        action="append",
        default=[],
        choices=("access", "secrets"),
        help="agree to what gives access, or changes secrets, without being asked",
    )
    parser.add_argument(
        "--identity", action="append", default=[], metavar="FILE", help="a file of age identities"
    )


def run(options: "argparse.Namespace") -> int:
    """Plan, show, and with --apply carry out; returns the exit code."""
    from sopsguard import hooks
    from sopsguard.fix import program
    from sopsguard.fix.plan import Draft
    from sopsguard.fix.resolve import resolve

    repo = repository()
    if repo.root is None:
        raise UserError("a bare repository has no files to repair", "run this in a clone")
    rules = select(options.words, ())
    target = hooks.everything(repo, [inside(repo, path) for path in options.path])
    keys = identities_of(options.identity)
    verdict, _, policy = judge(target, rules, only_new=False, identities=keys or None)
    # What is only due, or only missing, is made anew when somebody asks for it by name.
    able = [f for f in verdict.findings if f.intent is not None]
    asked = {
        f: bool(options.words) or f.level is not Level.INFO or not isinstance(f.intent, Renew | Generate)
        for f in able
    }
    found, unasked = [f for f in able if asked[f]], [f for f in able if not asked[f]]
    draft = Draft(repo.worktree(), now(), program.find(os.environ, options.identity))
    resolve(draft, [f.intent for f in found if f.intent is not None], keys, draft.inventory(policy.inventory))
    plan = draft.plan()
    rest = [f for f in verdict.findings if f.blocks and f.intent is None]
    for finding in rest:
        where = printable(finding.location.path)
        print(f"not repaired here: {where}: {finding.rule}: {printable(finding.hint)}")
    code = carried_out(repo, plan, options)
    if unasked:
        names = " ".join(sorted({f.rule for f in unasked}))
        count = "one more is" if len(unasked) == 1 else f"{len(unasked)} more are"
        print(f"{count} due or missing, and made anew only when you name the rule: sopsguard fix {names}")
    return code


def carried_out(repo: "Repository", plan: "Plan", options: "argparse.Namespace") -> int:
    """Show a plan, and with --apply do it; what gives access or changes secrets is agreed to."""
    from sopsguard.fix import apply
    from sopsguard.report import plan as report

    style = style_of()
    for line in report.lines(plan, style):
        print(line)
    if not plan.changes:
        print("nothing to write" if plan.refusals or plan.steps else "nothing to repair")
        return FOUND if plan.refusals else OK
    if not options.apply:
        print("nothing is written yet: the same command with --apply does it")
        return OK
    for weight in sorted(plan.weights):
        if weight not in options.confirm:
            _agree(weight, [deed.text for deed in plan.deeds if deed.weight is weight])
    assert repo.root is not None
    apply.apply(repo.root, repo.git_dir, plan.changes)
    print(f"written: {', '.join(printable(write.path) for write in plan.changes)}")
    return FOUND if plan.refusals else OK


def _agree(weight: str, deeds: list[str]) -> None:
    """Ask at the terminal; without one, refuse."""
    what = {"access": "gives access", "secrets": "changes secrets"}[weight]
    if not sys.stdin.isatty():
        raise UserError(f"the plan {what}: {'; '.join(deeds[:3])}", f"agree with --confirm {weight}")
    print(f"the plan {what}:")
    for deed in deeds:
        print(f"    {deed}")
    if input("type yes to go on: ").strip() != "yes":
        raise UserError("nothing was written", "it was not agreed to")
