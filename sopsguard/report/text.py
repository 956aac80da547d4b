"""The report for people: one block per finding, then one line that says what was judged."""

from collections.abc import Iterator
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from sopsguard.hooks import Target
from sopsguard.judge import Verdict
from sopsguard.model import Finding, Level, Location, Unknown, printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sopsguard.report.access import Section
    from sopsguard.trust import Trust

_COLOURS = {
    "error": "31;1",
    "warning": "33;1",
    "info": "36",
    "unknown": "35",
    "good": "32",
    "path": "1",
    "dim": "2",
}


# Information comes in hundreds where errors come in ones: of each rule so many are shown.
FEW = 10


class Style(NamedTuple):
    """How to write: with colours or without; `brief` leaves out what is information only."""

    colour: bool = False
    brief: bool = False

    def paint(self, text: str, kind: str) -> str:
        """`text` in the colour of its kind."""
        return f"\x1b[{_COLOURS[kind]}m{text}\x1b[0m" if self.colour else text


def lines(verdict: Verdict, target: Target, judged: "Judged", style: Style, until: str) -> Iterator[str]:
    """The report, line by line. `until` is the date that an example waiver line proposes."""
    if judged.trust is not None and judged.trust.sentence:
        yield f"sopsguard: {judged.trust.sentence}"
    told: dict[str, int] = {}
    for finding in verdict.findings:
        if finding.level is Level.INFO:
            told[finding.rule] = told.get(finding.rule, 0) + 1
            if style.brief or told[finding.rule] > FEW:
                continue
        yield from _finding(finding, style, until)
    for rule, number in told.items():
        if number > FEW and not style.brief:
            more = style.paint("info", "info")
            yield f"{more}: {number - FEW:,} more of {rule}; all of them: --only {rule} --format json"
    for unknown in verdict.unknown:
        yield from _unknown(unknown, style)
    for line in judged.access.lines if judged.access is not None else ():
        yield style.paint(line, "path") if not line.startswith(" ") else line
    for note in judged.notes:
        yield f"note: {printable(note)}"
    yield summary(verdict, target, judged, style)


class Judged(NamedTuple):
    """How much was looked at. `places` tells where in the judged state each finding is, by fingerprint: what
    a commit brings and a later one takes away is nowhere."""

    files: int
    bytes: int
    notes: tuple[str, ...] = ()
    access: "Section | None" = None
    trust: "Trust | None" = None
    places: "Mapping[str, Location]" = MappingProxyType({})


def _finding(finding: Finding, style: Style, until: str) -> Iterator[str]:
    level = finding.level or Level.INFO
    tail = style.paint(f"[{finding.rule}, {finding.confidence}]", "dim")
    where = style.paint(place(finding.location), "path")
    yield f"{where}: {style.paint(level, level)}: {printable(finding.message)} {tail}"
    yield f"    what to do: {printable(finding.hint)}"
    if level is Level.ERROR:
        yield f'    are we wrong? sopsguard waive {finding.fingerprint} --reason "…" --until {until}'


def _unknown(unknown: Unknown, style: Style) -> Iterator[str]:
    where, word = style.paint(place(unknown.location), "path"), style.paint("unknown", "unknown")
    yield f"{where}: {word}: {printable(unknown.reason)} [{unknown.rule}]"
    yield f"    needed: {printable(unknown.needed)}"


def place(where: Location) -> str:
    """`path:line:column`, with the commit in front when the content is not that of the tip."""
    text = printable(where.path.rstrip("/"))
    if text != text.strip():
        text = f'"{text}"'
    if where.line is not None:
        text += f":{where.line}"
        if where.column is not None:
            text += f":{where.column}"
    elif where.key:
        text += f" ({printable(where.key)})"
    return f"{where.commit[:12]}:{text}" if where.commit else text


def summary(verdict: Verdict, target: Target, judged: Judged, style: Style | None = None) -> str:
    """The last line: what was found, in what, how much of it was read."""
    style = style or Style()
    counts = {level: sum(f.level is level for f in verdict.findings) for level in Level}
    parts = [
        style.paint(_count(number, level), level)
        for level, number in counts.items()
        if number and level is not Level.INFO
    ]
    if counts[Level.INFO]:
        parts.append(f"{counts[Level.INFO]} for your information")
    if verdict.unknown:
        parts.append(style.paint(f"{len(verdict.unknown)} undecided", "unknown"))
    said = ", ".join(parts) or style.paint("nothing found", "good")
    text = f"sopsguard: {said} in {target.label}"
    if judged.files:
        text += f" ({_count(judged.files, 'file')} read, {_size(judged.bytes)})"
    extra = []
    if verdict.older:
        extra.append(f"{verdict.older} older not shown, see `sopsguard check --all`")
    if verdict.waived:
        extra.append(f"{len(verdict.waived)} waived")
    return f"{text}; {'; '.join(extra)}" if extra else text


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _size(size: int) -> str:
    if size < 10_000:
        return f"{size:,} bytes"
    return f"{size / 1024:,.0f} KiB" if size < 10 << 20 else f"{size / (1 << 20):,.0f} MiB"
