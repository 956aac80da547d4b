"""`sopsguard audit`: who signed what touches secrets, keys and policy, and whether they were allowed to."""

from typing import TYPE_CHECKING

from sopsguard.cli import FOUND, NOT_JUDGED, OK

if TYPE_CHECKING:
    import argparse

HELP = "whether every commit since the baseline that had to be signed was, by somebody who was allowed to"


def configure(parser: "argparse.ArgumentParser") -> None:
    """Its options."""
    parser.add_argument("--rev", metavar="REV", default="HEAD", help="the history of this commit")
    parser.add_argument(
        "--since",
        metavar="REV",
        help="only what came after REV, judged by what REV says; else each commit is judged by its parents",
    )
    parser.add_argument("--engine", choices=("sequoia", "gpg"), help="verify OpenPGP with this one")


def run(options: "argparse.Namespace") -> int:
    """Judge the commits and print what does not pass."""
    import time

    from sopsguard import git
    from sopsguard.model import Level, UserError
    from sopsguard.report import signatures as report
    from sopsguard.signed import audited, judged, trusted

    repo = git.discover()
    now = int(time.time())
    trust = trusted(repo, options.since or options.rev, options.rev if options.since else None)
    if trust.authority is None:
        raise UserError(
            f"nothing at {options.since or options.rev} says who may sign",
            "put the public keys of those who may into keys/*.asc, or write `signatures:` in .sopsguard.yaml",
        )
    if options.since:
        verdicts = judged(
            repo, trust, [trust.revision], [repo.resolve(options.rev)], now, name=options.engine
        )
    else:
        verdicts = audited(repo, trust, now, name=options.engine)
    # By convention alone nobody was ever asked to sign: that is told, and does not fail.
    level = Level.WARNING if trust.authority.by_convention else Level.ERROR
    for line in report.problems(trust.authority):
        print(line)
    seen, helped = [], set()
    for verdict in verdicts:
        seen.append(verdict)
        for line in report.lines(verdict, level, remedy=verdict.remedy not in helped):
            print(line)
        helped.add(verdict.remedy)
    print(report.summary(seen, trust.authority))
    if level is Level.ERROR and any(not v.passes and not v.undecided for v in seen):
        return FOUND
    return NOT_JUDGED if any(v.undecided for v in seen) else OK
