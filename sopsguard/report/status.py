"""Who reads what, as a table of holders and files: for people, and as JSON, CSV and Markdown."""

import csv as _csv
import io
import json as _json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sopsguard.access import View
from sopsguard.model import printable

# How a reader opens a file.
DIRECT, SHARED, AWAITED, STALE = (
    "reads",
    "reads (shared data key)",
    "will read (after updatekeys)",
    "reads, not in the rule",
)
_MARKS = {DIRECT: "x", SHARED: "s", AWAITED: "+", STALE: "-"}
LEGEND = "x reads · s by a shared data key · + after the next updatekeys · - although no rule names it"


class Row(NamedTuple):
    """One reader: who it is, how that is known, and path → how it opens the file."""

    kind: str
    name: str
    recipient: str
    how: str
    why: str
    left: str | None
    files: dict[str, str]


def rows(view: View) -> tuple[Row, ...]:
    """The readers of everything under judgement, hosts first, those whom nobody knows last."""
    opens: dict[str, dict[str, str]] = {}
    shown: dict[str, str] = {}
    for use in (*view.in_files, *view.in_rules):
        shown.setdefault(use.who, use.key.text.strip())
        opens.setdefault(use.who, {})
    for path, reach in view.reach.items():
        verdict = view.managed.rule(path)
        named = {view.inventory.reader(key) for key in verdict.rule.keys} if verdict.rule else None
        for who in reach.direct:
            opens[who][path] = DIRECT if named is None or who in named else STALE
        for who in reach.through:
            opens[who][path] = SHARED
        for who in named or ():
            opens[who].setdefault(path, AWAITED)
    found = []
    for who, files in opens.items():
        known = view.known(who)
        holder = known.holder if known else None
        found.append(
            Row(
                holder.kind.value if holder else "unknown",
                " = ".join(dict.fromkeys(h.name for h in view.inventory.holders(who))) or "?",
                shown.get(who, who),
                ("named only" if known.how.value == "named" else known.how.value) if known else "nobody says",
                known.why.reason if known else "",
                holder.left if holder else None,
                dict(sorted(files.items())),
            )
        )
    return tuple(sorted(found, key=_order))


def _order(row: Row) -> tuple[int, str, str]:
    kinds = ("host", "person", "service", "unknown")
    return kinds.index(row.kind), row.name, row.recipient


def text(found: Sequence[Row], files: int) -> Iterator[str]:
    """For a terminal: a block for each reader."""
    for row in found:
        left = f", left on {row.left}" if row.left else ""
        why = f": {row.why}" if row.why else ""
        yield printable(f"{row.kind} {row.name}  {_short(row.recipient)}  ({row.how}{why}{left})")
        by_way: dict[str, list[str]] = {}
        for path, way in row.files.items():
            by_way.setdefault(way, []).append(path)
        if not row.files:
            yield "    reads nothing"
        for way, paths in by_way.items():
            what = f"all {files} files" if len(paths) == files > 1 else ", ".join(map(printable, paths))
            yield f"    {way}: {what}"


def csv(found: Sequence[Row]) -> str:
    """For a spreadsheet: a line for each reader and file."""
    out = io.StringIO()
    writer = _csv.writer(out, lineterminator="\n")
    writer.writerow(("kind", "name", "recipient", "how", "why", "left", "file", "access"))
    for row in found:
        head = (row.kind, row.name, row.recipient, row.how, row.why, row.left or "")
        for path, way in row.files.items() or [("", "")]:
            writer.writerow([_cell(c) for c in (*head, path, way)])
    return out.getvalue()


def _cell(text: str) -> str:
    """Without what a spreadsheet would run as a formula."""
    plain = printable(text)
    return "'" + plain if plain[:1] in ("=", "+", "-", "@") else plain


def markdown(found: Sequence[Row], paths: Sequence[str]) -> Iterator[str]:
    """A table for a wiki: files down, readers across."""
    yield (
        "| file | "
        + " | ".join(_md(row.name if row.name != "?" else _short(row.recipient)) for row in found)
        + " |"
    )
    yield "|---|" + "---|" * len(found)
    for path in paths:
        marks = (_MARKS.get(row.files.get(path, ""), "") for row in found)
        yield f"| {_md(path)} | " + " | ".join(marks) + " |"
    yield ""
    yield LEGEND


def _md(text: str) -> str:
    plain = printable(text)
    return "".join("\\" + c if c in "|*_`<>[]\\" else c for c in plain)


def json(found: Sequence[Row], rev: str, calendar: Sequence[object] = ()) -> str:
    """For programs; `calendar` is what comes due (see `report.calendar`)."""
    readers = [
        {**row._asdict(), "files": [{"path": printable(p), "access": w} for p, w in row.files.items()]}
        for row in found
    ]
    document = {"version": 1, "rev": rev, "readers": readers, "calendar": list(calendar)}
    return _json.dumps(document, indent=2, ensure_ascii=False)


def _short(recipient: str) -> str:
    return recipient if len(recipient) <= 24 else f"{recipient[:12]}…{recipient[-4:]}"
