"""The present version of a file against what sops wrote: hand edits and moved values that history proves."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from sopsguard.history.facts import Facts, Value, digest, facts_of
from sopsguard.history.record import Record
from sopsguard.history.versions import History, Version, object_id
from sopsguard.model import UserError
from sopsguard.snapshot import Entry
from sopsguard.sops.covered import Difference, Kind, differences
from sopsguard.sops.file import SopsFile, may_be_sops, read

HEAD = "HEAD"


class Breach(NamedTuple):
    """The present version of a file is not what sops wrote, and where that shows.

    `code`: H1 changed content, H2 another time, H3 values of two data keys, H-moved a value at another path.
    `keys` are all the values concerned. It is not `certain` where only values of one length and type were
    exchanged. `source` is the revision that holds what sops wrote under this MAC, if any; `rewrapped` says
    that the file got other recipients since.
    """

    path: str
    code: str
    message: str
    line: int | None
    column: int | None
    key: str | None
    keys: tuple[str, ...]
    certain: bool = True
    source: str = ""
    rewrapped: bool = False


class Unsettled(NamedTuple):
    """Whether files were edited by hand cannot be told: why, and what would be needed."""

    paths: tuple[str, ...]
    reason: str
    needed: str


@dataclass(frozen=True, slots=True)
class Present:
    """A file under judgement, what stood at its path on the old side, and its facts where they are known."""

    file: SopsFile = field(repr=False)
    old: bytes | None = field(default=None, repr=False)
    facts: Facts | None = None


def judged(
    presents: Mapping[str, Present], history: History | None, gone: Mapping[str, bytes]
) -> Iterator[Breach | Unsettled]:
    """What history says against the files under judgement, by path.

    `gone` are the files of the old side that are no longer there: a file may have been renamed and edited.
    """
    open_cases = {}
    direct = history is not None and history.past.direct and not history.past.under_way()
    for path, present in presents.items():
        facts = present.facts or facts_of(present.file)
        # Without a MAC that sops can have written there is nothing to hold a file to.
        if facts.mac and (case := _Case(present, facts)).is_open(direct):
            open_cases[path] = case
            if history is not None:
                history.know(present.file, facts)
    paths = set(open_cases) | ({path for path in gone if may_be_sops(gone[path])} if open_cases else set())
    versions: Mapping[str, tuple[Version, ...]] = {}
    boundary: frozenset[str] = frozenset()
    if history is not None and paths:
        try:
            versions, boundary = history.versions(paths), history.past.boundary()
        except UserError as e:
            # A treeless clone, or a damaged one: what the old side shows still counts.
            yield Unsettled(tuple(sorted(open_cases)), f"the history is not whole: {e.message}", e.hint)
    records = {path: Record(known) for path, known in versions.items()}
    everywhere: dict[str, Version] = {}
    for record in records.values():
        for mac, version in record.written.items():
            if mac not in everywhere or version.rank < everywhere[mac].rank:
                everywhere[mac] = version
    cut: list[str] = []
    for path, case in open_cases.items():
        record = records.get(path) or Record(case.before())
        good = record.written.get(case.facts.mac)
        other = everywhere.get(case.facts.mac)
        # A file that was copied or renamed is held to the one it comes from.
        if other is not None and (good is None or (other.rank < good.rank and other.commit != good.commit)):
            good = other
        unread = next((v.unread for v in versions.get(path, ()) if v.unread), "")
        said = _with_known_mac(case, record, good, history) if good else _with_new_mac(case, record)
        if isinstance(said, Breach):
            source = _source(case, good, history)
            yield said._replace(source=source, rewrapped=source != HEAD and case.rewrapped(good))
        elif said is not None:
            yield said
        elif unread:
            yield _unread(path, unread)
        elif good is not None and good.commit in boundary:
            cut.append(path)
    if cut:
        reason = "history is cut off here, so an edit by hand before that goes unseen"
        yield Unsettled(
            tuple(cut), reason, "the whole history: git fetch --unshallow (in CI: fetch-depth: 0)"
        )


def _unread(path: str, why: str) -> Unsettled:
    reason = f"an earlier version {why}, so an edit by hand may go unseen"
    return Unsettled((path,), reason, "the whole history: git fetch")


class _Case:
    """One file under judgement."""

    def __init__(self, present: Present, facts: Facts) -> None:
        self.file = present.file
        self.facts = facts
        self.old: SopsFile | None = None
        self.unchanged = present.old is not None and present.old == present.file.data
        if present.old is not None and not self.unchanged:
            old = read(present.old, present.file.path)
            self.old = old if isinstance(old, SopsFile) else None
        self.old_facts = facts_of(self.old) if self.old is not None else None

    def rewrapped(self, since: Version | None) -> bool:
        """Whether another version was wrapped otherwise."""
        return since is not None and since.facts is not None and since.facts.wraps != self.facts.wraps

    def before(self) -> list[Version]:
        """The old side as the only version that is known."""
        return [_lone(self.old_facts)] if self.old_facts is not None else []

    def is_open(self, direct: bool) -> bool:
        """Whether more than the old side must be asked. Where that comes directly before, most commits need
        not look further back."""
        if self.unchanged:
            return False
        if not direct:
            return True
        old = self.old_facts
        if self.old is None or old is None:
            return True
        if old.mac == self.facts.mac:
            return _moved_or_mixed(old, self.facts) or bool(differences(self.old, self.file))
        # A new MAC is of a later time. One that is not may come from further back.
        return _moved_or_mixed(old, self.facts) or self.facts.modified <= old.modified

    def value(self, wanted: Value) -> tuple[int | None, int | None]:
        """Line and column of a value."""
        for leaf in self.file.leaves:
            if leaf.key == wanted.key and leaf.envelope is not None and digest(leaf.envelope.iv) == wanted.iv:
                return leaf.node.line, leaf.node.column
        return None, None


def _moved_or_mixed(old: Facts, new: Facts) -> bool:
    record = Record([_lone(old)])
    return bool(record.moved(new.values)) or record.mixed(new.values) is not None


def _lone(facts: Facts) -> Version:
    return Version(0, "", Entry("", 0, ""), facts)


def _with_new_mac(case: _Case, record: Record) -> Breach | None:
    """A MAC that no sound version had: then the values must at least not contradict these."""
    if moved := record.moved(case.facts.values):
        return _moved(case, moved)
    return _mixed(case, record)


def _mixed(case: _Case, record: Record) -> Breach | None:
    mixed = record.mixed(case.facts.values)
    if mixed is None:
        return None
    kept, turned = mixed
    line, column = case.value(kept)
    what = (
        f"`{kept.key}` and `{turned.key}` have different data keys: one was taken over from before or after"
        " a `sops rotate`, and no key decrypts both"
    )
    return Breach(case.file.path, "H3", what, line, column, kept.key, (kept.key, turned.key))


def _with_known_mac(
    case: _Case, record: Record, good: Version, history: History | None
) -> Breach | Unsettled | None:
    """A MAC that a sound version had: then everything that it covers must be as it was there."""
    facts = good.facts
    if facts is None or object_id(case.file.data, good.entry.oid) == good.entry.oid:
        return None
    if moved := record.moved(case.facts.values) or Record([good]).moved(case.facts.values):
        return _moved(case, moved)
    # Where there are only encrypted values the facts are enough.
    if not case.facts.clear and _covered(facts) == _covered(case.facts):
        return None
    content = history.content(good.entry) if history is not None and good.commit else case.old
    since = f"commit {good.commit[:10]}" if good.commit else "the version before"
    if content is None:
        return _unread(case.file.path, "cannot be read")
    breach = _against(case, content, since)
    if breach is None or breach.code == "H2":
        return breach
    if (mixed := _mixed(case, record)) is not None:
        return mixed
    if _from_elsewhere(case.facts, facts, record):
        return breach._replace(
            message=f"{breach.message} (values of two versions: a merge resolved by hand?)"
        )
    return breach


def _from_elsewhere(now: Facts, good: Facts, record: Record) -> bool:
    """Whether a value comes from another version than the MAC."""
    own = {value.iv for value in good.values}
    return any(value.iv not in own and record.knows(value) for value in now.values)


def _source(case: _Case, good: Version | None, history: History | None) -> str:
    """The revision to go back to: the last commit, if what it has still is what sops wrote."""
    if good is None:
        return ""
    if history is None or not history.past.direct:
        return good.commit
    old, facts = case.old_facts, good.facts
    return HEAD if old and facts and _covered(old) == _covered(facts) else good.commit


def _covered(facts: Facts) -> tuple[object, ...]:
    values = [(value.iv, value.sealed, value.type) for value in facts.values]
    return facts.modified, facts.clear, facts.only_encrypted, values


def _moved(case: _Case, moved: list[tuple[Value, str]]) -> Breach:
    value, before = moved[0]
    line, column = case.value(value)
    more = f", like {len(moved) - 1} more" if len(moved) > 1 else ""
    what = (
        f"`{value.key}` was encrypted as `{before}`{more}: the path is part of what is authenticated,"
        " so it cannot be decrypted here"
    )
    return Breach(case.file.path, "H-moved", what, line, column, value.key, tuple(v.key for v, _ in moved))


def _against(case: _Case, good: SopsFile, since: str) -> Breach | None:
    found = differences(good, case.file)
    if not found:
        return None
    first = next((d for d in found if d.leaf is not None), found[0])
    meta = case.file.metadata
    if first.leaf is not None:
        line, column = first.leaf.node.line, first.leaf.node.column
    else:
        line, column = meta.modified_at if first.kind is Kind.TIME else meta.mac_at
    if found[0].kind is Kind.TIME:
        what = (
            f"`sops.lastmodified` is not the time with which the `mac` was written ({since}):"
            " sops cannot decrypt the `mac`"
        )
        return Breach(case.file.path, "H2", what, line, column, "sops.lastmodified", ())
    what = (
        f"edited by hand since sops wrote its `mac` ({since}): {_told(found)};"
        " sops refuses it with a MAC mismatch"
    )
    keys = tuple(one.key for one in found)
    certain = any(one.certain for one in found)
    return Breach(case.file.path, "H1", what, line, column, first.key or None, keys, certain)


_WORDS = {
    Kind.CHANGED: "changed",
    Kind.ADDED: "added",
    Kind.REMOVED: "removed",
    Kind.MOVED: "moved in the order of the values",
    Kind.METHOD: "changed",
    Kind.TIME: "changed",
}


def _told(found: Iterable[Difference]) -> str:
    told = [f"`{one.key or 'a value'}` {_WORDS[one.kind]}" for one in found]
    return ", ".join(told[:3]) + (f" and {len(told) - 3} more" if len(told) > 3 else "")
