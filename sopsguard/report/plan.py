"""A plan of repairs as people read it before it is carried out: deeds, differences, what is left to them.

Files that are in clear on one side and encrypted on the other are never shown: that is where secrets stand.
"""

from collections.abc import Iterator
from difflib import unified_diff

from sopsguard.fix.apply import Write
from sopsguard.fix.plan import Plan, Weight
from sopsguard.managed import looks_like_sops
from sopsguard.model import discreet, printable
from sopsguard.report.text import Style

_WEIGHTS = {Weight.SAFE: "", Weight.ACCESS: "gives access: ", Weight.SECRETS: "changes secrets: "}
_COLOURS = {Weight.SAFE: "good", Weight.ACCESS: "error", Weight.SECRETS: "warning"}


def lines(plan: Plan, style: Style, applied: bool = False) -> Iterator[str]:
    """The plan, line by line; `applied` says that it was carried out."""
    for deed in plan.deeds:
        mark = style.paint("✓" if applied else "•", _COLOURS[deed.weight])
        yield f"{mark} {style.paint(_WEIGHTS[deed.weight], _COLOURS[deed.weight])}{deed.text}"
    if not applied:
        for write in plan.changes:
            yield from _difference(write, style)
    for refusal in plan.refusals:
        yield f"{style.paint('✗', 'error')} cannot {refusal.text}: {refusal.reason}"
        for command in refusal.commands:
            yield f"    this would: {command}"
    if plan.steps:
        yield style.paint("left to you:", "path")
    for number, step in enumerate(plan.steps, 1):
        yield f"  {number}. {step.text}"
        yield from (f"        {command}" for command in step.commands)


def _difference(write: Write, style: Style) -> Iterator[str]:
    old, new, path = write.judged or b"", write.new or b"", printable(write.path)
    encrypted = [looks_like_sops(side) for side in (old, new) if side]
    if any(encrypted):
        what = "encrypted" if not old or not encrypted[0] else "encrypted anew, in part or whole"
        yield f"    {style.paint(path, 'path')}: {what} ({_count(old, new)})"
        return
    before, after = (side.decode("utf-8", "replace").splitlines() for side in (old, new))
    for line in unified_diff(before, after, path if old else "/dev/null", path, lineterm="", n=2):
        shown = discreet(printable(line))
        kind = "good" if line.startswith("+") else "error" if line.startswith("-") else "dim"
        yield f"    {style.paint(shown, kind)}"


def _count(old: bytes, new: bytes) -> str:
    before, after = old.splitlines(), new.splitlines()
    kept = len(set(before) & set(after))
    return f"{max(len(after) - kept, 0)} lines differ, {kept} stay as they are"
