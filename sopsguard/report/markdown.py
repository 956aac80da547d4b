"""The report as Markdown, for the summary of a CI job: verdict, access, findings, what is unknown."""

from collections.abc import Sequence

from sopsguard.hooks import Target
from sopsguard.judge import Verdict
from sopsguard.model import Finding, Level, Unknown, printable
from sopsguard.report.text import Judged, place, summary

# GitHub drops a summary above 1 MiB as a whole; the rest of a report is in the log.
LIMIT = 900 << 10
# Dots and colons too: GitHub makes links of what looks like an address.
_SPECIAL = frozenset("&<>[]()*_`~|\\#@!$.:")
_TITLES = {Level.ERROR: "Errors", Level.WARNING: "Warnings", Level.INFO: "For your information"}


def document(
    verdict: Verdict,
    target: Target,
    judged: Judged,
    until: str = "",
    limit: int = LIMIT,
    *,
    undecided: bool = False,
) -> str:
    """The summary, at most `limit` bytes of UTF-8; what is left out is counted. `undecided`: what had to be
    decided could not be."""
    blocks = [_verdict(verdict, target, judged, undecided)]
    if judged.access is not None and judged.access.lines:
        blocks.append("### Access\n\n" + "\n".join(map(_access, judged.access.lines)))
    for level, title in _TITLES.items():
        found = [f for f in verdict.findings if (f.level or Level.INFO) is level]
        if found:
            blocks.append(f"### {title}")
            blocks += [
                _finding(f, until, f.location.commit is not None and f.fingerprint not in judged.places)
                for f in found
            ]
    if verdict.unknown:
        blocks.append("### Not decided")
        blocks += [_unknown(u) for u in verdict.unknown]
    if verdict.waived:
        waived = [
            f"- {code(place(w.finding.location))} {w.finding.rule}: {text(w.reason)}" for w in verdict.waived
        ]
        blocks.append("### Waived\n\n" + "\n".join(waived))
    return _within(blocks, limit)


def failure(message: str, hint: str) -> str:
    """The summary of a run that could not judge."""
    return f"## ⚠️ sopsguard could not judge\n\n{text(message)}\n\nWhat to do: {text(hint)}\n"


def nothing(why: str) -> str:
    """The summary of a run that had nothing to judge."""
    return f"## sopsguard had nothing to judge\n\n{text(why)}\n"


def _verdict(verdict: Verdict, target: Target, judged: Judged, undecided: bool) -> str:
    head = "## ✅ sopsguard found no error"
    if undecided:
        head = "## ⚠️ sopsguard could not decide what it has to"
    if verdict.blocks:
        head = "## ❌ sopsguard found errors"
    notes = "".join(f"\n- {text(note)}" for note in judged.notes)
    ids = ""
    if target.base is not None:
        ids = f"\n\nThis holds for base {code(target.base)} and head {code(target.rev or '')}, and no others."
    trust = judged.trust.sentence if judged.trust is not None else ""
    said = f"{text(summary(verdict, target, judged))}{f'; {text(trust)}' if trust else ''}"
    return f"{head}\n\n{said}{ids}{notes and chr(10)}{notes}"


def _access(line: str) -> str:
    return f"- {text(line.strip())}" if line.startswith(" ") else f"\n**{text(line)}**\n"


def _finding(finding: Finding, until: str, gone: bool) -> str:
    what = f"**{finding.rule}** ({finding.confidence}): {text(finding.message)}"
    lines = [
        f"- {code(place(finding.location))} {what}",
        f"  - what to do: {text(finding.hint)}",
    ]
    if gone:
        lines.append("  - it does not stand there any more, but git keeps it")
    if finding.level is Level.ERROR and until:
        command = f'sopsguard waive {finding.fingerprint} --reason "…" --until {until}'
        lines.append(f"  - are we wrong? {code(command)}")
    return "\n".join(lines)


def _unknown(unknown: Unknown) -> str:
    return (
        f"- {code(place(unknown.location))} {unknown.rule}: {text(unknown.reason)}\n"
        f"  - needed: {text(unknown.needed)}"
    )


def _within(blocks: Sequence[str], limit: int) -> str:
    size, kept = 0, []
    for number, block in enumerate(blocks):
        size += len(block.encode("utf-8", "replace")) + 2
        if size > limit - 100 and number:
            kept.append(f"_{len(blocks) - number} more entries are in the log of this job._")
            break
        kept.append(block)
    return "\n\n".join(kept) + "\n"


def text(said: str) -> str:
    """Words of the repository in which nothing is taken for Markdown or HTML, links and mentions included."""
    return "".join(f"&#{ord(c)};" if c in _SPECIAL else c for c in printable(said))


def code(said: str) -> str:
    """The same as code: a fence longer than any run of backticks inside."""
    plain = printable(said) or " "
    fence = "`"
    while fence in plain:
        fence += "`"
    pad = " " if "`" in plain else ""
    return f"{fence}{pad}{plain}{pad}{fence}"
