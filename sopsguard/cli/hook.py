"""`sopsguard hook`: judge what this git hook has to, show and block only what is new."""

import os
from typing import TYPE_CHECKING

from sopsguard.cli.judging import exit_code, judge, report, select, selection
from sopsguard.model import UserError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


HELP = "what a git hook calls: judges the pushed range, else what is staged, else the index"


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
    rules = select(only, skip)
    target = hooks.from_hook(repo, os.environ)
    verdict, judged, policy = judge(target, rules, only_new=True)
    report(verdict, target, judged, "text", brief=True)
    return exit_code(verdict, policy)


def configure(parser: "argparse.ArgumentParser") -> None:
    """Its options, for `--help`."""
    selection(parser)


def run(options: "argparse.Namespace") -> int:
    """The same from parsed options."""
    return judged([f"--only={w}" for w in options.only] + [f"--skip={w}" for w in options.skip])
