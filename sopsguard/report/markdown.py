"""The report as Markdown, for the summary of a CI job: verdict, access, findings, what is unknown."""

from collections.abc import Sequence

from sopsguard.hooks import Target
from sopsguard.judge import Verdict
from sopsguard.model import Finding, Level, Unknown, printable
from sopsguard.report.text import Judged, place, summary

# GitHub drops a summary above 1 MiB as a whole; the rest of a report is in the log.
LIMIT = 900 << 10
_TITLES = {Level.ERROR: "Errors", Level.WARNING: "Warnings", Level.INFO: "For your information"}


def document(
    verdict: Verdict,
    target: Target,
    judged: Judged,
    until: str = "",
    limit: int = LIMIT,
) -> str:
    """The summary, at most `limit` bytes of UTF-8; what is left out is counted."""
    blocks = [_verdict(verdict, target, judged)]
    if judged.access is not None and judged.access.lines:
        blocks.append("### Access\n\n" + "\n".join(map(_access, judged.access.lines)))
    for level, title in _TITLES.items():
        found = [f for f in verdict.findings if (f.level or Level.INFO) is level]
        if found:
            blocks.append(f"### {title}")
            blocks += [_finding(f, until) for f in found]
    if verdict.unknown:
        blocks.append("### Not decided")
        blocks += [_unknown(u) for u in verdict.unknown]
    if verdict.waived:
        waived = [
            f"- {code(place(w.finding.location))} {w.finding.rule}: {text(w.reason)}" for w in verdict.waived
        ]
        blocks.append("### Waived\n\n" + "\n".join(waived))
    return _within(blocks, limit)


def _verdict(verdict: Verdict, target: Target, judged: Judged) -> str:
    head = "## ❌ sopsguard found errors" if verdict.blocks else "## ✅ sopsguard found no error"
    notes = "".join(f"\n- {text(note)}" for note in judged.notes)
    return f"{head}\n\n{text(summary(verdict, target, judged))}{notes}"


def _access(line: str) -> str:
    return f"- {text(line.strip())}" if line.startswith(" ") else f"\n**{text(line)}**\n"


def _finding(finding: Finding, until: str) -> str:
    what = f"**{finding.rule}** ({finding.confidence}): {text(finding.message)}"
    lines = [
        f"- {code(place(finding.location))} {what}",
        f"  - what to do: {text(finding.hint)}",
    ]
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
    return "".join(f"&#{ord(c)};" if c in "&<>[]()*_`~|\\#@!" else c for c in printable(said))


def code(said: str) -> str:
    """The same as code: a fence longer than any run of backticks inside."""
    plain = printable(said)
    longest = max((len(run) for run in plain.split("`") if not run), default=0)
    fence = "`" * (longest + 2 if "`" in plain else 1)
    pad = " " if "`" in plain else ""
    return f"{fence}{pad}{plain}{pad}{fence}"
