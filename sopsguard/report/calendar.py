"""What is overdue, due, and comes due soon: the calendar of a repository, by day, class and host."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sopsguard.access import View
from sopsguard.access.owners import owner, subtrees
from sopsguard.model import printable
from sopsguard.rotation import Age

DAYS = 90
OVERDUE, DUE, SOON = "overdue", "due", "soon"


class Entry(NamedTuple):
    """One date: `state` is OVERDUE, DUE or SOON, `date` when it became or becomes so. `host` is whose it is,
    as far as file and key tell."""

    state: str
    date: str
    path: str
    key: str
    subject: str
    host: str
    since: str


def entries(ages: Sequence[Age], view: View, now: int, days: int = DAYS) -> tuple[Entry, ...]:
    """What is overdue, then what is due, then what gets one or the other within so many days; each by date.

    `now` is in seconds since 1970.
    """
    horizon = now + days * 86400
    found = []
    for age in ages:
        if age.overdue is not None and age.overdue <= now:
            state, moment = OVERDUE, age.overdue
        elif age.due is not None and age.due <= now:
            state, moment = DUE, age.due
        else:
            coming = [m for m in (age.due, age.overdue) if m is not None and m <= horizon]
            if not coming:
                continue
            state, moment = SOON, min(coming)
        subject = age.name if age.key or not age.holder else f"{age.name}: {_holder(view, age)}"
        date, since = _day(moment), _day(age.since)
        found.append(Entry(state, date, age.path, age.key, subject, _host(view, age), since))
    order = (OVERDUE, DUE, SOON)
    return tuple(sorted(found, key=lambda e: (order.index(e.state), e.date, e.path, e.key)))


def lines(found: Sequence[Entry], days: int = DAYS) -> Iterator[str]:
    """For a terminal: counts by class and by host, then a line for each."""
    if not found:
        yield f"calendar: nothing is due within {days} days"
        return
    counts = {state: sum(e.state == state for e in found) for state in (OVERDUE, DUE, SOON)}
    said = f"{counts[OVERDUE]} overdue, {counts[DUE]} due, {counts[SOON]} within {days} days"
    yield f"calendar: {said}"
    for title, names in (
        ("by class", [e.subject.partition(":")[0] for e in found]),
        ("by host", [e.host for e in found if e.host]),
    ):
        if names:
            tally = ", ".join(f"{name} {names.count(name)}" for name in sorted(set(names)))
            yield printable(f"    {title}: {tally}")
    for e in found:
        what = f"{e.path} {e.key}".strip()
        whose = f", {e.host}" if e.host else ""
        when = f"{e.state} since {e.date}" if e.state != SOON else f"on {e.date}"
        yield printable(f"    {when}: {what} ({e.subject}{whose}; unchanged since {e.since})")


def document(found: Sequence[Entry]) -> list[dict[str, Any]]:
    """For programs."""
    return [{name: printable(text) or None for name, text in e._asdict().items()} for e in found]


def _holder(view: View, age: Age) -> str:
    return view.short(view.inventory.reader(age.holder)) if age.name == "age" else age.holder[-16:]


def _host(view: View, age: Age) -> str:
    hosts = view.own_hosts
    found = owner(age.path, hosts)
    if found is not None:
        return found.name
    if age.path in view.files and age.key:
        from sopsguard.inventory import folded

        words = {folded(word) for word in age.key.split(".")}
        for tree in subtrees(view.files[age.path], hosts):
            if words & {folded(name) for name in tree.host.names}:
                return tree.host.name
    return ""


def _day(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).date().isoformat()
