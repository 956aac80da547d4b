"""The report in a GitHub workflow: annotations within the limits of the runner, the text in the log.

Limits of the runner: ten annotations of a level per step, the rest is dropped silently; a message is cut
after 4096 characters; `%`, carriage returns and line feeds have to be escaped, in properties `:` and `,` too.
Whatever comes from the repository could be a command of its own, so the log stands between `stop-commands`.
"""

from collections.abc import Iterable, Iterator

from sopsguard.judge import Verdict
from sopsguard.model import Finding, Level, printable

# One place of ten is kept for "and n more".
_MOST = 9
_LONGEST = 4000
_COMMANDS = {Level.ERROR: "error", Level.WARNING: "warning", Level.INFO: "notice"}


def annotations(verdict: Verdict) -> Iterator[str]:
    """A workflow command for each finding, the weightiest first, at most ten of each level."""
    for level, command in _COMMANDS.items():
        found = [f for f in verdict.findings if (f.level or Level.INFO) is level]
        for finding in found[:_MOST]:
            yield _annotation(command, finding)
        if len(found) > _MOST:
            yield f"::{command} title=sopsguard::and {len(found) - _MOST} more, see the summary"


def _annotation(command: str, finding: Finding) -> str:
    where = finding.location
    properties = {"title": f"sopsguard: {finding.rule}"}
    if not where.path.endswith("/"):  # the message of a commit is in no file
        properties["file"] = printable(where.path)
        for name, value in (
            ("line", where.line),
            ("endLine", where.end_line),
            ("col", where.column if where.end_line in (None, where.line) else None),
        ):
            if value is not None:
                properties[name] = str(value)
    said = f"{printable(finding.message)}\nwhat to do: {printable(finding.hint)}"
    if where.commit:
        said = f"in commit {where.commit[:12]}: {said}"
    shown = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{command} {shown}::{_data(said[:_LONGEST])}"


def log(lines: Iterable[str], token: str) -> Iterator[str]:
    """The text report, in which nothing is taken for a command. `token` must not be guessable."""
    yield f"::stop-commands::{token}"
    yield from lines
    yield f"::{token}::"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
