"""`sopsguard ci`: judge the change that a pipeline was started for, by what the trusted branch says."""

import os
from typing import TYPE_CHECKING

from sopsguard.cli import OK
from sopsguard.cli.judging import exit_code, judge, report, repository, select, selection, trust_in
from sopsguard.model import Family, UserError, printable

if TYPE_CHECKING:
    import argparse

    from sopsguard.ci.checkout import Job
    from sopsguard.git import Repository
    from sopsguard.policy import Policy

HELP = (
    "what a pipeline calls: judges the pull request or push of this run by the policy of the trusted branch"
)

# The payload of a webhook has at most 25 MiB.
_EVENT = 32 << 20


def configure(parser: "argparse.ArgumentParser") -> None:
    """Its options."""
    elsewhere = parser.add_argument_group(
        "elsewhere than in GitHub, Gitea or Forgejo", "the range, instead of the event of the run"
    )
    elsewhere.add_argument("--base", metavar="REV", help="the tip of the branch that the change goes to")
    elsewhere.add_argument("--head", metavar="REV", help="the last commit of the change (HEAD)")
    elsewhere.add_argument("--trust", metavar="REV", help="whose policy and inventory count (--base)")
    parser.add_argument(
        "--protected",
        action="append",
        default=[],
        metavar="BRANCH",
        help="a branch that is trusted besides the default branch, because it is protected;"
        " may be given several times",
    )
    parser.add_argument(
        "--remote", default="origin", metavar="NAME", help="where the trusted branches are (origin)"
    )
    parser.add_argument(
        "--policy",
        metavar="FILE",
        help="a policy from outside the checkout; the repository's own can only tighten it",
    )
    parser.add_argument("--strict", action="store_true", help="what is overdue is an error")
    selection(parser)
    parser.add_argument("--format", choices=("text", "json"), default="text")


def run(options: "argparse.Namespace") -> int:
    """Judge and report; returns the exit code."""
    repo = repository()
    rules = select(options.only, options.skip)
    job = _job(repo, options)
    if job.target is None:
        print(f"sopsguard: nothing to judge: {job.why}")
        return OK
    target = job.target
    trust = trust_in(repo, target, job.oid, options.policy)
    strict = options.strict or job.scheduled
    verdict, judged, policy = judge(
        target, rules, only_new=not job.audit, trust=trust, cached=False, strict=strict
    )
    judged = judged._replace(notes=(*job.notes, *judged.notes))
    report(verdict, target, judged, options.format)
    return exit_code(verdict, _demanding(policy))


def _job(repo: "Repository", options: "argparse.Namespace") -> "Job":
    from sopsguard.ci import checkout, event

    if options.base is not None:
        return checkout.stated(repo, options.base, options.head or "HEAD", options.trust)
    if options.head is not None or options.trust is not None:
        raise UserError(
            "--head and --trust go with --base", "give the tip of the branch that the change goes to"
        )
    name, path = os.environ.get("GITHUB_EVENT_NAME"), os.environ.get("GITHUB_EVENT_PATH")
    if not name or not path:
        raise UserError(
            "no event: GITHUB_EVENT_NAME and GITHUB_EVENT_PATH are not set",
            "elsewhere than in GitHub, Gitea or Forgejo give --base and --head",
        )
    order = event.order(name, _read(path), os.environ, options.protected)
    return checkout.job(repo, order, options.remote)


def _read(path: str) -> object:
    import json

    try:
        with open(path, "rb") as file:
            data = file.read(_EVENT + 1)
    except OSError as e:
        raise UserError(f"cannot read the event file {printable(path)} ({e.strerror})") from None
    try:
        if len(data) <= _EVENT:
            return json.loads(data)
    except (ValueError, RecursionError):
        pass
    raise UserError(
        "the event file is no JSON document", "GITHUB_EVENT_PATH has to name what the runner wrote"
    )


def _demanding(policy: "Policy") -> "Policy":
    """The policy with what a pipeline must have decided, unless it says that itself."""
    if policy.require:
        return policy
    signed = (Family.SIGNATURES,) if policy.signatures is not None else ()
    return policy._replace(require=(Family.PLAINTEXT, *signed))
