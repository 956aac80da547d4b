"""The report in a GitHub workflow: annotations within the limits of the runner, the text in the log.

Limits of the runner: ten annotations of a level per step, the rest is dropped silently; a message is cut
after 4096 characters; `%`, carriage returns and line feeds have to be escaped, in properties `:` and `,` too.
Whatever comes from the repository could be a command of its own, so the log stands between `stop-commands`.
"""

from collections.abc import Iterator

from sopsguard.judge import Verdict
from sopsguard.model import Finding, Level, Location, printable
from sopsguard.report.text import Judged, place

# One place of ten is kept for "and n more".
_MOST = 9
_LONGEST = 4000
_COMMANDS = {Level.ERROR: "error", Level.WARNING: "warning", Level.INFO: "notice"}


def stopped(token: str) -> str:
    """The line after which nothing is taken for a command, until `resumed`. `token` must not be guessable."""
    return f"::stop-commands::{token}"


def resumed(token: str) -> str:
    """The line that ends what `stopped` began."""
    return f"::{token}::"


def annotations(verdict: Verdict, judged: Judged) -> Iterator[str]:
    """A workflow command for each finding, the weightiest first, at most ten of each level. Those that a
    later commit has taken away again, and those of messages, name no file: the place is not there."""
    for level, command in _COMMANDS.items():
        found = [f for f in verdict.findings if (f.level or Level.INFO) is level]
        shown = found if len(found) <= _MOST + 1 else found[:_MOST]
        for finding in shown:
            yield _annotation(command, finding, judged.places.get(finding.fingerprint))
        if len(found) > len(shown):
            yield f"::{command} title=sopsguard::and {len(found) - len(shown)} more: see the log"


def failure(message: str, hint: str) -> str:
    """The annotation of a run that could not judge."""
    said = f"nothing was judged: {printable(message)}\n{printable(hint)}"
    return f"::error title=sopsguard::{_data(said[:_LONGEST])}"


def _annotation(command: str, finding: Finding, stands: Location | None) -> str:
    where = finding.location
    properties = {"title": f"sopsguard: {finding.rule}"}
    said = f"{printable(finding.message)}\nwhat to do: {printable(finding.hint)}"
    if stands is not None:
        properties["file"] = printable(stands.path)
        for name, value in (
            ("line", stands.line),
            ("endLine", stands.end_line),
            ("col", stands.column if stands.end_line in (None, stands.line) else None),
        ):
            if value is not None:
                properties[name] = str(value)
    else:
        said = f"{place(where)}: {said}"
    shown = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{command} {shown}::{_data(said[:_LONGEST])}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
