"""What stood in a file before: its versions in git, the facts of each, what the present one owes to them."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NamedTuple, Protocol

from sopsguard import __version__
from sopsguard.cache import Cache
from sopsguard.document import Comment, format_of
from sopsguard.snapshot import SUBMODULE, SYMLINK, Change, Entry, Piece, Unreadable
from sopsguard.sops.covered import Difference, Kind, differences
from sopsguard.sops.envelope import parse
from sopsguard.sops.file import SopsFile, may_be_sops, read
from sopsguard.sops.metadata import Recipient
from sopsguard.sops.soundness import MAC_BYTES

# What is written into the cache; another number makes it forget.
FORM = f"history/1/{__version__}"
HEAD = "HEAD"
_PORTION = 400  # versions read and written down at a time


class Past(Protocol):
    """How history is asked; git answers (see `hooks`)."""

    @property
    def changes(self) -> Callable[[Collection[str]], Iterable[Change]]:
        """Every change to these paths on the way to what is judged, parents first."""

    @property
    def pieces(self) -> Callable[[Iterable[Entry]], Iterator[tuple[Entry, Piece | Unreadable]]]:
        """The contents of entries."""

    @property
    def boundary(self) -> Callable[[], frozenset[str]]:
        """The commits before which a shallow clone shows nothing."""

    @property
    def under_way(self) -> Callable[[], Collection[str]]:
        """The commits that a merge or the like is bringing in."""

    @property
    def direct(self) -> bool:
        """Whether what is judged follows directly on the old side, with no commit between."""


@dataclass(frozen=True, slots=True)
class Value:
    """One encrypted value of a version. `iv` and `sealed` (data, tag) are digests, `length` is in bytes."""

    key: str
    aad: str
    iv: str
    sealed: str
    type: str
    length: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What a version shows without a key. `mac` is a digest, `modified` the time that authenticates it,
    `wraps` are (recipient, digest of the wrapped data key), `clear` says whether there are clear values,
    `only_encrypted` whether the MAC does not cover these."""

    mac: str
    modified: str
    wraps: tuple[tuple[str, str], ...]
    clear: bool
    only_encrypted: bool
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Version:
    """One content of a path, and the commit in which it first stood there; `facts` where it is a SOPS file.
    `unread` says why it could not be read, `rank` counts in the order of the walk."""

    rank: int
    commit: str
    entry: Entry
    facts: Facts | None
    unread: str = ""


class Breach(NamedTuple):
    """The present version of a file is not what sops wrote: how (H1 changed content, H2 changed time, H3
    values of two data keys, H-moved another path), and where. `keys` are all the values concerned, `source`
    is the revision that holds what sops wrote under this MAC, if any; `rewrapped` says that the file got
    other recipients since."""

    path: str
    code: str
    message: str
    line: int | None
    column: int | None
    key: str | None
    keys: tuple[str, ...]
    source: str = ""
    rewrapped: bool = False


class Unsettled(NamedTuple):
    """Whether files were edited by hand cannot be told: why, and what would be needed."""

    paths: tuple[str, ...]
    reason: str
    needed: str


@dataclass(frozen=True, slots=True)
class Present:
    """A file under judgement, and what stood at its path on the old side."""

    file: SopsFile = field(repr=False)
    old: bytes | None = field(default=None, repr=False)


class History:
    """The versions of single paths, read once, with facts that a cache remembers."""

    def __init__(self, past: Past, cache: Cache | None = None) -> None:
        self.past = past
        self._cache = cache
        self._versions: dict[str, tuple[Version, ...]] = {}
        self._present: list[tuple[SopsFile, Facts]] = []

    def know(self, file: SopsFile, facts: Facts) -> None:
        """A file that was read already; its version need not be read again."""
        self._present.append((file, facts))

    def versions(self, paths: Collection[str]) -> Mapping[str, tuple[Version, ...]]:
        """Each path with its distinct contents in the order in which they first appeared."""
        missing = {path for path in paths if path not in self._versions}
        if missing:
            self._versions |= self._walk(missing)
        return {path: self._versions[path] for path in paths}

    def content(self, entry: Entry) -> SopsFile | None:
        """A version as a SOPS file; None if it is none, or cannot be read."""
        for _, piece in self.past.pieces([entry]):
            return _sops(piece, entry.path)
        return None

    def _walk(self, paths: Collection[str]) -> dict[str, tuple[Version, ...]]:
        first: dict[tuple[str, str], tuple[str, Entry]] = {}
        for change in self.past.changes(paths):
            new = change.new
            if new is not None and new.mode not in (SUBMODULE, SYMLINK):
                first.setdefault((new.path, new.oid), (change.commit or "", new))
        facts = self._facts([entry for _, entry in first.values()])
        found: dict[str, list[Version]] = {path: [] for path in paths}
        for rank, ((path, _), (commit, entry)) in enumerate(first.items()):
            known = facts[_id(entry)]
            unread = known if isinstance(known, str) else ""
            found[path].append(
                Version(rank, commit, entry, known if isinstance(known, Facts) else None, unread)
            )
        return {path: tuple(versions) for path, versions in found.items()}

    def _facts(self, entries: Iterable[Entry]) -> dict[str, Facts | str | None]:
        """By id; text says why a content cannot be read."""
        wanted = {_id(entry): entry for entry in entries}
        facts: dict[str, Facts | str | None] = {}
        if wanted:
            like = next(iter(wanted.values())).oid
            for present, known in self._present:
                facts[_id(Entry(present.path, 0, _oid(present.data, like)))] = known
        if self._cache is not None:
            for name, data in self._cache.get(name for name in wanted if name not in facts).items():
                with suppress(NotFacts):
                    facts[name] = decoded(data)
        missing = [entry for name, entry in wanted.items() if name not in facts]
        for start in range(0, len(missing), _PORTION):
            made: dict[str, Facts | None] = {}
            for entry, piece in self.past.pieces(missing[start : start + _PORTION]):
                if isinstance(piece, Unreadable):
                    facts[_id(entry)] = piece.reason
                elif piece.offset == 0:
                    file = _sops(piece, entry.path)
                    made[_id(entry)] = facts_of(file) if file is not None else None
            facts |= made
            if self._cache is not None:
                self._cache.put({name: encoded(one) for name, one in made.items()})
        return {name: facts.get(name) for name in wanted}


def _sops(piece: Piece | Unreadable, path: str) -> SopsFile | None:
    if isinstance(piece, Unreadable) or piece.offset or not piece.last or not may_be_sops(piece.data):
        return None
    file = read(piece.data, path)
    return file if isinstance(file, SopsFile) else None


def _id(entry: Entry) -> str:
    """What facts depend on: the content, and the format that the name says."""
    return f"{entry.oid}/{format_of(entry.path)}"


# --- facts ------------------------------------------------------------------------------------------


def facts_of(file: SopsFile) -> Facts:
    """What this version shows. No clear value goes into it, nor anything made from one."""
    values, clear = [], False
    for leaf in file.leaves:
        envelope = leaf.envelope
        if envelope is None:
            clear = clear or not (leaf.is_comment or leaf.is_empty)
        elif not isinstance(leaf.node, Comment):
            sealed = _digest(f"{envelope.data},{envelope.tag}")
            values.append(
                Value(leaf.key, leaf.aad, _digest(envelope.iv), sealed, envelope.type, envelope.length)
            )
    meta = file.metadata
    mac = parse(meta.mac.strip())
    genuine = meta.loads and mac is not None and mac.exact and mac.length == MAC_BYTES
    return Facts(
        _digest(meta.mac.strip()) if genuine else "",
        meta.mac_aad or "",
        tuple((_name(recipient), _digest(recipient.enc)) for recipient in meta.recipients),
        clear,
        meta.scope.mac_only_encrypted,
        tuple(values),
    )


def _name(recipient: Recipient) -> str:
    # What is no recipient may be the private half, put there by mistake.
    key = recipient.key
    return key.normal if key.problem is None else _digest(key.normal)


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogateescape"), digest_size=12).hexdigest()


def encoded(facts: Facts | None) -> bytes:
    """Facts as text for the cache: lists by column, which are read fastest."""
    import json

    if facts is None:
        return b"null"
    columns = [list(column) for column in zip(*map(_row, facts.values), strict=True)] or [[]] * 6
    return json.dumps(
        [facts.mac, facts.modified, facts.wraps, facts.clear, facts.only_encrypted, *columns],
        separators=(",", ":"),
    ).encode()


def _row(value: Value) -> tuple[str, str, str, str, str, int]:
    return value.key, value.aad, value.iv, value.sealed, value.type, value.length


class NotFacts(Exception):
    """What the cache holds was not made by `encoded`."""


def decoded(data: bytes) -> Facts | None:
    """What `encoded` made. Raises `NotFacts` for anything else."""
    import json

    try:
        said = json.loads(data)
        if said is None:
            return None
        mac, modified, wraps, clear, only_encrypted, *columns = said
        rows = list(zip(*columns, strict=True))
        pairs = tuple((who, digest) for who, digest in wraps)
        values = tuple(Value(*row) for row in rows)
    except (ValueError, TypeError, RecursionError):
        raise NotFacts from None
    texts = [mac, modified, *(text for pair in pairs for text in pair)]
    texts += [text for row in rows for text in row[:5]]
    sound = (
        len(columns) == 6
        and all(type(text) is str for text in texts)
        and all(type(row[5]) is int for row in rows)
        and type(clear) is type(only_encrypted) is bool
    )
    if not sound:
        raise NotFacts
    return Facts(mac, modified, pairs, clear, only_encrypted, values)


# --- what the present version owes to the past -------------------------------------------------------


class _Record:
    """What sops wrote at one path, as far as history shows: each MAC with the version that first had it,
    and where each nonce stood. Versions that contradict what came before were not written by sops alone
    and are no witness of anything."""

    def __init__(self, versions: Iterable[Version]) -> None:
        self.written: dict[str, Version] = {}
        self._count = 0
        self._places: dict[str, dict[str, tuple[str, int]]] = {}  # iv → aad → (key, versions as bits)
        self._seals: dict[tuple[str, str], dict[str, int]] = {}  # (aad, iv) → sealed → versions as bits
        for version in versions:
            self._add(version)

    def _add(self, version: Version) -> None:
        facts = version.facts
        if facts is None or not facts.mac:
            return
        if facts.mac in self.written or self.moved(facts.values) or self.mixed(facts.values):
            return
        self.written[facts.mac] = version
        bit = 1 << self._count
        self._count += 1
        for value in facts.values:
            aads = self._places.setdefault(value.iv, {})
            key, bits = aads.get(value.aad, (value.key, 0))
            aads[value.aad] = key, bits | bit
            seals = self._seals.setdefault((value.aad, value.iv), {})
            seals[value.sealed] = seals.get(value.sealed, 0) | bit

    def moved(self, values: Iterable[Value]) -> list[tuple[Value, str]]:
        """The values whose nonce stood only at other paths before, each with one of these: sops gives a
        nonce again only to the same value at the same path."""
        found = []
        for value in values:
            places = self._places.get(value.iv)
            if places and value.aad not in places:
                found.append((value, next(iter(places.values()))[0]))
        return found

    def mixed(self, values: Iterable[Value]) -> tuple[Value, Value] | None:
        """A value that has the data key of an earlier version beside one that was encrypted with another
        since: they do not decrypt with one key."""
        same: dict[int, Value] = {}
        other: dict[int, Value] = {}
        same_bits = other_bits = 0
        for value in values:
            for sealed, bits in self._seals.get((value.aad, value.iv), {}).items():
                if sealed == value.sealed:
                    same_bits |= bits
                    same[bits] = value
                else:
                    other_bits |= bits
                    other[bits] = value
        both = same_bits & other_bits
        if not both:
            return None
        kept = next(v for bits, v in same.items() if bits & both)
        turned = next(v for bits, v in other.items() if bits & both)
        return kept, turned


def judged(
    presents: Mapping[str, Present], history: History | None, gone: Mapping[str, bytes]
) -> Iterator[Breach | Unsettled]:
    """What history says against the files under judgement, by path.

    `gone` are the files of the old side that are no longer there: a file may have been renamed and edited.
    """
    open_cases = {}
    direct = history is not None and history.past.direct and not history.past.under_way()
    for path, present in presents.items():
        facts = facts_of(present.file)
        # Without a MAC that sops can have written there is nothing to hold a file to.
        if facts.mac and (case := _Case(present, facts)).is_open(direct):
            open_cases[path] = case
            if history is not None:
                history.know(present.file, facts)
    paths = set(open_cases) | ({path for path in gone if may_be_sops(gone[path])} if open_cases else set())
    versions = history.versions(paths) if history is not None and paths else {}
    boundary = history.past.boundary() if history is not None and paths else frozenset[str]()
    records = {path: _Record(known) for path, known in versions.items()}
    everywhere: dict[str, Version] = {}
    for record in records.values():
        for mac, version in record.written.items():
            if mac not in everywhere or version.rank < everywhere[mac].rank:
                everywhere[mac] = version
    cut: list[str] = []
    for path, case in open_cases.items():
        record = records.get(path) or _Record(case.before())
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
            if (
                leaf.key == wanted.key
                and leaf.envelope is not None
                and _digest(leaf.envelope.iv) == wanted.iv
            ):
                return leaf.node.line, leaf.node.column
        return None, None


def _moved_or_mixed(old: Facts, new: Facts) -> bool:
    record = _Record([_lone(old)])
    return bool(record.moved(new.values)) or record.mixed(new.values) is not None


def _lone(facts: Facts) -> Version:
    return Version(0, "", Entry("", 0, ""), facts)


def _with_new_mac(case: _Case, record: _Record) -> Breach | None:
    """A MAC that no sound version had: then the values must at least not contradict these."""
    if moved := record.moved(case.facts.values):
        return _moved(case, moved)
    if mixed := record.mixed(case.facts.values):
        kept, turned = mixed
        line, column = case.value(kept)
        what = (
            f"`{kept.key}` is from before the data key was changed, `{turned.key}` from after it:"
            " no key decrypts both"
        )
        return Breach(case.file.path, "H3", what, line, column, kept.key, (kept.key,))
    return None


def _with_known_mac(
    case: _Case, record: _Record, good: Version, history: History | None
) -> Breach | Unsettled | None:
    """A MAC that a sound version had: then everything that it covers must be as it was there."""
    facts = good.facts
    if facts is None or _oid(case.file.data, good.entry.oid) == good.entry.oid:
        return None
    if moved := record.moved(case.facts.values) or _Record([good]).moved(case.facts.values):
        return _moved(case, moved)
    # Where there are only encrypted values the facts are enough.
    if not case.facts.clear and _covered(facts) == _covered(case.facts):
        return None
    content = history.content(good.entry) if history is not None else case.old
    since = f"commit {good.commit[:10]}" if good.commit else "the version before"
    if content is None:
        return _unread(case.file.path, "cannot be read")
    return _against(case, content, since)


def _oid(data: bytes, like: str) -> str:
    """The object id of a content, by the algorithm of another one."""
    from hashlib import new

    digest = new("sha256" if len(like) == 64 else "sha1", b"blob %d\0" % len(data), usedforsecurity=False)
    digest.update(data)
    return digest.hexdigest()


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
    return Breach(case.file.path, "H1", what, line, column, first.key or None, tuple(d.key for d in found))


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
