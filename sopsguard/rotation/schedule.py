"""How long which secrets may live: the section `rotation` of `.sopsguard.yaml`.

rotation:
  classes:
    wireguard: {due: 3 months, overdue: 6 months}       # a built-in class: other limits
    tokens: {files: ["apps/**"], keys: ["*.token"], due: 90 days, overdue: 1 year}
    passwords: {keys: ["*.password"], overdue: never}
  rotated:                                              # where a team knows more than git shows
    - {file: hosts/a.yaml, key: "wireguard.*", on: 2026-01-31}

The first class whose globs cover a value counts; without globs a built-in class means values of its form.
"""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime

from sopsguard.policy import matches
from sopsguard.strict import Node, is_date, listed, mapping, mistake, named

_DURATION = re.compile(r"([1-9][0-9]{0,3}) *(day|week|month|year)s?")
# The calendar of Python ends there, and before it all that anybody keeps.
_LAST_YEAR, _FAR = 9000, 221_845_392_000


@dataclass(frozen=True, slots=True)
class Limit:
    """A time to live, in months and days of the calendar."""

    months: int
    days: int

    def after(self, moment: int) -> int:
        """When it is over for what began at `moment`; both in seconds since 1970, UTC."""
        start = datetime.fromtimestamp(moment, UTC)
        month = start.month - 1 + self.months
        year, month = start.year + month // 12, month % 12 + 1
        if year > _LAST_YEAR:
            return _FAR
        # The 31st of a month without one is its last day.
        day = min(start.day, monthrange(year, month)[1])
        return int(start.replace(year=year, month=month, day=day).timestamp()) + 86400 * self.days


NEVER: Limit | None = None


def _months(count: int) -> Limit:
    return Limit(count, 0)


@dataclass(frozen=True, slots=True)
class Class:
    """Values that live equally long: `due` is when to think of it, `overdue` when it is too late. `files` and
    `keys` are globs; without any, values whose `form` is that of the class."""

    name: str
    due: Limit | None
    overdue: Limit | None
    files: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    form: str = ""

    def covers(self, file: str, key: str, form: str) -> bool:
        """Whether a value belongs here."""
        if not self.files and not self.keys:
            return bool(self.form) and form == self.form
        by_file = not self.files or any(matches(glob, file) for glob in self.files)
        by_key = not self.keys or any(matches(glob, key) for glob in self.keys)
        return by_file and by_key


@dataclass(frozen=True, slots=True)
class Fact:
    """The team says that a value was replaced on a day (seconds since 1970, its end)."""

    file: str
    key: str
    on: int


# What the guide says; passwords of applications are replaced when there is a reason, and SSH host keys when
# the host is.
BUILT_IN = (
    Class("wireguard", _months(6), _months(12), form="WireGuard key"),
    Class("age", _months(24), _months(36), form="age identity"),
    Class("openpgp", _months(12), _months(24), form="OpenPGP key"),
    Class("ssh", NEVER, NEVER, form="SSH key"),
)
_OTHER = Class("other", NEVER, NEVER)


@dataclass(frozen=True, slots=True)
class Schedule:
    """The classes in the order in which they are asked, and what the team knows."""

    classes: tuple[Class, ...] = BUILT_IN
    other: Class = _OTHER
    facts: tuple[Fact, ...] = ()

    def of(self, file: str, key: str, form: str) -> Class:
        """The class of a value, by its file, its dotted key and what it seems to be."""
        return next((one for one in self.classes if one.covers(file, key, form)), self.other)

    def named(self, name: str) -> Class:
        """The class of that name, for what is no value of a file."""
        return next((one for one in self.classes if one.name == name), self.other)

    def rotated(self, file: str, key: str) -> int | None:
        """The last day on which a value was replaced, as the team says."""
        days = [one.on for one in self.facts if matches(one.file, file) and matches(one.key, key)]
        return max(days, default=None)


def schedule(section: Node | None) -> Schedule:
    """What the section says. Raises `UserError` with the line of the first mistake."""
    if section is None:
        return Schedule()
    fields = named(section, ("classes", "rotated"), "a setting of rotation")
    known = {one.name: one for one in (*BUILT_IN, _OTHER)}
    stated: list[Class] = []
    for name, (_, node) in (mapping(fields["classes"]) if "classes" in fields else {}).items():
        stated.append(_class(name, node, known.get(name)))
    names = {one.name for one in stated}
    classes = [one for one in stated if one.name != "other"]
    classes += [one for one in BUILT_IN if one.name not in names]
    other = next((one for one in stated if one.name == "other"), _OTHER)
    facts = [_fact(node) for node in (listed(fields["rotated"], "rotated") if "rotated" in fields else ())]
    return Schedule(tuple(classes), other, tuple(facts))


def _class(name: str, node: Node, built_in: Class | None) -> Class:
    fields = named(node, ("files", "keys", "due", "overdue"), "a field of a class")
    files, keys = _globs(fields, "files"), _globs(fields, "keys")
    if built_in is None and not files and not keys:
        raise mistake(node, f"the class {name!r} means no values", "name `files` or `keys`, as globs")
    if name == "other" and (files or keys):
        raise mistake(node, "the class 'other' is for all that no class means", "give the class another name")
    due = _limit(fields["due"]) if "due" in fields else built_in.due if built_in else NEVER
    overdue = _limit(fields["overdue"]) if "overdue" in fields else built_in.overdue if built_in else NEVER
    if due is not None and overdue is not None and overdue.after(0) < due.after(0):
        raise mistake(node, f"{name}: what is overdue was due before", "let `due` come before `overdue`")
    return Class(name, due, overdue, files, keys, built_in.form if built_in else "")


def _globs(fields: dict[str, Node], name: str) -> tuple[str, ...]:
    globs = []
    for item in listed(fields[name], name) if name in fields else ():
        if not isinstance(item.value, str) or not item.value.strip():
            raise mistake(item, f"{name} are globs", "for example `hosts/*.yaml` or `*.password`")
        globs.append(item.value.strip())
    return tuple(globs)


def _limit(node: Node) -> Limit | None:
    text = node.value.strip() if isinstance(node.value, str) else ""
    if text == "never":
        return None
    found = _DURATION.fullmatch(text)
    if found is None:
        raise mistake(node, "a limit is a time such as `90 days`, `6 months`, `2 years`, or `never`", "")
    count = int(found[1])
    match found[2]:
        case "day":
            return Limit(0, count)
        case "week":
            return Limit(0, 7 * count)
        case "month":
            return Limit(count, 0)
        case _:
            return Limit(12 * count, 0)


def _fact(node: Node) -> Fact:
    fields = named(node, ("file", "key", "on"), "a field of `rotated`")
    texts = {}
    for name in ("file", "key", "on"):
        value = fields[name].value if name in fields else None
        if not isinstance(value, str) or not value.strip():
            raise mistake(
                node, f"`rotated` needs {name!r}", "file, key and on: which value was replaced when"
            )
        texts[name] = value.strip()
    if not is_date(texts["on"]):
        raise mistake(fields["on"], "on must be a date such as 2026-01-31", "the day of the replacement")
    day = datetime.fromisoformat(texts["on"]).replace(tzinfo=UTC)
    return Fact(texts["file"], texts["key"], int(day.timestamp()) + 86399)
