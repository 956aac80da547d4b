"""The section that every report has: who gains and who loses access by the change under judgement."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from sopsguard.access import Change, Gain, View, Way
from sopsguard.access.change import EVERYONE
from sopsguard.model import discreet
from sopsguard.model import printable as _printable

if TYPE_CHECKING:
    from sopsguard.context import Context


def printable(text: str) -> str:
    """Words of the repository for a report: keys and names that are secrets are masked."""
    return _printable(discreet(text))


class Section(NamedTuple):
    """The section ready for every kind of report."""

    lines: tuple[str, ...]
    document: dict[str, Any]


def section(ctx: "Context") -> Section | None:
    """The section of one judgement; None where nothing is compared or nothing concerns sops."""
    if ctx.before is None or not ctx.concerns_sops:
        return None
    change, view, past = ctx.access.change, ctx.access, ctx.past.access
    if change is None:
        return None
    return Section(tuple(lines(change, view, past)), document(change, view, past))


def lines(change: Change, view: View, past: View) -> Iterator[str]:
    """In words: a heading and a line for each reader and file; nothing where access stays as it was.

    `view` names those who gain, `past` (the view of the old side) those who lose.
    """
    for title, gains, side in (("access gained", change.gained, view), ("access lost", change.lost, past)):
        if gains:
            yield f"{title}:"
            yield from (f"    {printable(_words(gain, side))}" for gain in gains)
    for path in change.undecided:
        yield printable(f"{path}: unknown: one side cannot be read, so who gains access cannot be told")


def _words(gain: Gain, view: View) -> str:
    who = view.name(gain.who, gain.key)
    if gain.way is Way.RULE:
        return f"{who}: {gain.path}, after `sops updatekeys` ({gain.source})"
    count = f"{len(gain.values)} value{'' if len(gain.values) == 1 else 's'}"
    source = f": {gain.source}" if gain.source else ""
    return f"{who}: {count} of {gain.path} ({gain.way}{source})"


def document(change: Change | None, view: View, past: View) -> dict[str, Any]:
    """The `access` part of a JSON report."""
    if change is None:
        return {"gained": [], "lost": []}
    return {
        "gained": [_entry(gain, view) for gain in change.gained],
        "lost": [_entry(loss, past) for loss in change.lost],
    }


def _entry(gain: Gain, view: View) -> dict[str, Any]:
    known = view.known(gain.who)
    return {
        "path": printable(gain.path),
        "reader": gain.who if gain.who != EVERYONE else None,
        "name": printable(view.short(gain.who)),
        "how": known.how.value if known else None,
        "through": gain.way.name.lower(),
        "source": printable(gain.source) or None,
        "values": [printable(value) for value in gain.values],
        "newcomer": gain.newcomer,
    }
