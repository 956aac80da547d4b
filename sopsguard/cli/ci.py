"""`sopsguard ci`: judge the change that a pipeline was started for, by what the trusted branch says."""

import os
from typing import TYPE_CHECKING, NamedTuple

from sopsguard.cli import NOT_JUDGED, OK, outputs
from sopsguard.cli.judging import (
    FORMATS,
    exit_code,
    judge,
    policy_of,
    repository,
    select,
    selection,
    trust_in,
    written,
)
from sopsguard.model import Family, Level, UserError, printable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from sopsguard.ci.checkout import Job
    from sopsguard.git import Repository
    from sopsguard.hooks import Target
    from sopsguard.judge import Verdict
    from sopsguard.policy import Policy
    from sopsguard.report.text import Judged

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
    parser.add_argument(
        "--require-signatures",
        action="store_true",
        help="where the trusted side has no policy of signatures nothing is judged",
    )
    parser.add_argument(
        "--allow-bootstrap",
        action="store_true",
        help="with --require-signatures: let the change pass that brings the first such policy",
    )
    selection(parser)
    parser.add_argument(
        "--format", choices=FORMATS, help="in GitHub github: log, annotations and job summary; else text"
    )
    for name, what in (("sarif", "SARIF"), ("summary", "the summary in Markdown")):
        said = f"besides, write {what} to a file outside the checkout"
        parser.add_argument(f"--{name}", metavar="FILE", help=said)


def run(options: "argparse.Namespace") -> int:
    """Judge and report; returns the exit code."""
    form = options.format or ("github" if os.environ.get("GITHUB_ACTIONS") == "true" else "text")
    if form == "github":
        return _for_github(options)
    repo = repository()
    job = _job(repo, options)
    if job.target is None:
        print(f"sopsguard: nothing to judge: {job.why}")
        return OK
    outcome = _judged(repo, job, job.target, options)
    for line in _report(job, outcome, form):
        print(line)
    return outcome.code


def _for_github(options: "argparse.Namespace") -> int:
    """The log between `stop-commands`, then annotations, and the summary of the job. What stops a judgement
    is told there too: names of the change stand in it, and the runner reads both streams."""
    from secrets import token_hex

    from sopsguard.report import github, markdown

    token = token_hex(16)
    print(github.stopped(token), flush=True)
    outcome = None
    after: list[str] = []
    try:
        repo = repository()
        try:
            job = _job(repo, options)
            if job.target is None:
                print(f"sopsguard: nothing to judge: {job.why}")
                code, summary = OK, markdown.nothing(job.why)
            else:
                outcome = _judged(repo, job, job.target, options)
                for line in _report(job, outcome, "text"):
                    print(line)
                code, summary = outcome.code, "\n".join(_report(job, outcome, "markdown"))
                after += github.annotations(outcome.verdict, outcome.judged)
        except UserError as e:
            code, summary = NOT_JUDGED, markdown.failure(e.message, e.hint)
            after.append(_complain(e))
        if path := os.environ.get("GITHUB_STEP_SUMMARY"):
            outputs.append(repo, path, summary)
        if path := os.environ.get("GITHUB_OUTPUT"):
            outputs.append(repo, path, _counted(outcome))
    except UserError as e:
        code = NOT_JUDGED
        after.append(_complain(e))
    finally:
        print(github.resumed(token), flush=True)
    for line in after:
        print(line)
    return code


def _counted(outcome: "_Outcome | None") -> str:
    """What other steps of the job may ask for: numbers only."""
    verdict = outcome.verdict if outcome is not None else None
    levels = [f.level for f in verdict.findings] if verdict is not None else []
    errors, warnings = (levels.count(level) for level in (Level.ERROR, Level.WARNING))
    return f"errors={errors}\nwarnings={warnings}\nunknown={len(verdict.unknown) if verdict else 0}\n"


def _complain(e: UserError) -> str:
    from sopsguard.report import github

    print(f"sopsguard: {printable(e.message)}")
    print(f"    {printable(e.hint)}")
    return github.failure(e.message, e.hint)


class _Outcome(NamedTuple):
    verdict: "Verdict"
    target: "Target"
    judged: "Judged"
    code: int


def _judged(repo: "Repository", job: "Job", target: "Target", options: "argparse.Namespace") -> _Outcome:
    rules = select(options.only, options.skip)
    trust = trust_in(repo, target, job.oid, options.policy)
    if trust is not None and job.trusted is not None:
        trust = trust._replace(rev=job.trusted)
    if options.require_signatures and (trust is None or trust.policy.signatures is None):
        begins = policy_of(target.snapshot).signatures is not None
        if not (begins and options.allow_bootstrap):
            hint = "`sopsguard fix signers` proposes one; it counts once the trusted branch has it"
            if begins:
                hint += "; this change brings one: --allow-bootstrap lets it pass"
            raise UserError("the trusted side has no policy that says who may sign", hint)
    verdict, judged, policy = judge(
        target,
        rules,
        only_new=not job.audit,
        trust=trust,
        cached=False,
        strict=options.strict or job.scheduled,
        placed=True,
    )
    judged = judged._replace(notes=(*job.notes, *judged.notes))
    code = exit_code(verdict, _demanding(policy))
    outcome = _Outcome(verdict, target, judged, code)
    for path, form in ((options.sarif, "sarif"), (options.summary, "markdown")):
        if path is not None:
            outputs.write(repo, path, "\n".join(_report(job, outcome, form)))
    return outcome


def _report(job: "Job", outcome: _Outcome, form: str) -> "Iterator[str]":
    """The report; in words it begins with the ids for which it holds, and for no others."""
    if form == "text":
        if job.oid is not None:
            yield f"base: {job.oid} {printable(job.trusted or '')}"
        yield f"head: {job.head}"
    verdict, target, judged, code = outcome
    yield from written(verdict, target, judged, form, undecided=code == NOT_JUDGED)


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
