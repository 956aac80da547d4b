"""Whose access ends, and what they know: told by ciphertext and history, with an identity also by content."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from sopsguard.context import Context
from sopsguard.fix.renew import Made, owner, renewable
from sopsguard.history import DataKey, Exposure, Timeline, exposures, openers, reach
from sopsguard.inventory import Holder, How, Kind, folded
from sopsguard.inventory.naming import prefix
from sopsguard.model import UserError
from sopsguard.sops.file import SopsFile
from sopsguard.sops.identity import Identities
from sopsguard.sops.masterkey import recipient as recipient_key
from sopsguard.sops.opening import Opened, open_file

_PRIVATE_KEYS = ("age identity", "SSH key")


@dataclass(frozen=True, slots=True)
class Whom:
    """Whose access ends: `readers` are the canonical recipients, `texts` every spelling that is known of
    them, `holder` the entry in the inventory (None: only a name, or a key), `kind` what they are."""

    name: str
    readers: frozenset[str]
    texts: tuple[str, ...]
    holder: Holder | None = None
    kind: Kind = Kind.UNKNOWN

    @property
    def is_host(self) -> bool:
        """Whether it is a machine."""
        return self.kind is Kind.HOST

    @property
    def names(self) -> tuple[str, ...]:
        """The name and every alias."""
        return self.holder.names if self.holder is not None else (self.name,)


@dataclass(frozen=True, slots=True)
class Known:
    """What somebody knows: values by file and key (True: certainly the one that stands there now), files
    whose data key they have or may have, and others whose private keys they could read."""

    values: Mapping[tuple[str, str], bool] = field(default_factory=dict)
    files: frozenset[str] = frozenset()
    others: Mapping[str, str] = field(default_factory=dict)  # reader → where its private key stood


def whom(ctx: Context, name: str) -> Whom:
    """Whom a name means: a holder of the inventory, somebody who left, a name in the past of `.sops.yaml`,
    or a recipient itself. Raises `UserError` for nobody, and for more than one."""
    inventory = ctx.inventory
    found = [h for h in inventory.named(name) if h.recipients or h.left is None]
    active = [h for h in found if h.left is None]
    exact = [h for h in active if h.exists]
    chosen = exact or active or found
    if len(chosen) > 1:
        kinds = ", ".join(f"a {h.kind}" for h in chosen)
        raise UserError(f"{name!r} is {kinds}", "name the recipient instead (age1…)")
    readers: dict[str, str] = {}
    for holder in chosen:
        readers |= {inventory.reader(r.text): r.text for r in holder.recipients}
        for other in inventory.named(name):  # somebody of that name who left keeps the old keys
            if other.left is not None and other.kind is holder.kind:
                readers |= {inventory.reader(r.text): r.text for r in other.recipients}
    readers |= {inventory.reader(text): text for text in _called(ctx, name)}
    if not chosen and not readers:
        key = recipient_key(name)
        if key is None or inventory.reader(key) not in _everybody(ctx):
            from sopsguard.policy import nearest

            names = [h.name for h in (*inventory, *inventory.former)]
            raise UserError(f"nobody is called {name!r} here", nearest(name, names) if names else "")
        readers[inventory.reader(key)] = key.text.strip()
    texts = dict.fromkeys(readers.values())
    for text in _everybody(ctx).values():
        if inventory.reader(text) in readers:
            texts[text] = None
    one = chosen[0] if chosen else None
    kind = one.kind if one is not None else Kind.UNKNOWN
    if kind is Kind.UNKNOWN:
        kind = _kind(ctx, name, readers.values())
    return Whom(one.name if one else name, frozenset(readers), tuple(texts), one, kind)


def _kind(ctx: Context, name: str, texts: Iterable[str]) -> Kind:
    """What somebody was of whom nothing but names is left: by what these begin with, by what is theirs."""
    past = ctx.past_readers
    for text in texts if past is not None else ():
        for former in past.former_names(text) if past is not None else ():
            if (said := prefix(former.name)[0]) not in (None, Kind.UNKNOWN):
                return said or Kind.UNKNOWN
    theirs = (o for o in renewable(ctx.access.files) if folded(o.name.partition(" ")[0]) == folded(name))
    return Kind.HOST if any(one.kind is not Made.PASSPHRASE for one in theirs) else Kind.UNKNOWN


def _everybody(ctx: Context) -> dict[str, str]:
    """Every recipient that something names or ever named, by reader."""
    texts = [use.key.text.strip() for use in (*ctx.access.in_rules, *ctx.access.in_files)]
    if (past := ctx.past_readers) is not None:
        texts += [one.recipient for one in past.rules] + [one.recipient for one in past.files]
    return {ctx.inventory.reader(text): text for text in texts}


def _called(ctx: Context, name: str) -> Iterator[str]:
    """The recipients that a `.sops.yaml` called so once and that nothing names otherwise now."""
    past = ctx.past_readers
    for who in _everybody(ctx).values() if past is not None else ():
        known = [k for k in ctx.inventory.who(who) if k.how is not How.NAMED]
        if known and not any(folded(k.holder.name) == folded(name) for k in known):
            continue
        for former in past.former_names(who) if past is not None else ():
            if folded(name) in (folded(former.name), folded(prefix(former.name)[1])):
                yield who


def known(ctx: Context, who: Whom, identities: Identities, *, compromised: bool) -> Known:
    """What somebody knows of what stands now.

    Where everything was encrypted anew, git does not tell whether values are still the same; `identities`
    that open the old version and the new one do; without them they are taken to be with `compromised`. With
    that also counts what the private keys of others open that they could read.
    """
    readers = set(who.readers)
    others: dict[str, str] = {}
    values, files = _knowledge(ctx, readers, identities, compromised)
    while compromised:
        more = _found_keys(ctx, readers, values)
        if more.keys() <= readers:
            break
        others |= {reader: where for reader, where in more.items() if reader not in readers}
        readers |= more.keys()
        values, files = _knowledge(ctx, readers, identities, compromised)
    return Known(values, frozenset(files), others)


def _knowledge(
    ctx: Context, readers: Collection[str], identities: Identities, compromised: bool
) -> tuple[dict[tuple[str, str], bool], set[str]]:
    """The values that these readers know, and the files whose data key they have."""
    values: dict[tuple[str, str], bool] = {}
    files: set[str] = set()
    for path, direct in ctx.access.reach.items():
        if not direct.everyone.isdisjoint(readers):
            files.add(path)
            for leaf in ctx.access.files[path].leaves:
                if leaf.envelope is not None and not leaf.is_comment:
                    values[path, leaf.key] = True
    timeline = ctx.timeline
    for one in exposures(timeline) if isinstance(timeline, Timeline) else ():
        if ctx.inventory.reader(one.reader) in readers:
            same, kept = _settled(ctx, one, identities, compromised)
            if kept:
                files.add(one.path)
            for key, certain in same.items():
                values[one.path, key] = values.get((one.path, key), False) or certain
    for cluster in ctx.access.clusters:
        if not files.isdisjoint(cluster):
            files |= set(cluster)
    return values, files


def _found_keys(
    ctx: Context, readers: Collection[str], values: Collection[tuple[str, str]]
) -> dict[str, str]:
    """The readers whose private keys these know or ever could read, and where. Where the key that they knew
    is not there any more, those of its holder that are not either."""
    found: dict[str, str] = {}
    for one in renewable(ctx.access.files):
        spot = next((s for s in one.spots if (s.path, s.dotted) in values), None)
        if spot is not None and one.kind in (Made.IDENTITY, Made.HOST_KEY):
            for holder in ctx.inventory.named(one.name.partition(" ")[0]):
                for recipient in holder.recipients if holder.left is None else ():
                    found[ctx.inventory.reader(recipient.text)] = f"{spot.path} ({spot.dotted})"
    timeline = ctx.timeline
    if not isinstance(timeline, Timeline):
        return found
    everyone = {r for version in timeline.versions for r in openers(version.facts)}
    mine = [r for r in everyone if ctx.inventory.reader(r) in readers]
    for value in reach(timeline, mine):
        if value.private_key in _PRIVATE_KEYS and (value.path, value.key) not in values:
            name = owner(value.path, tuple(value.key.split(".")))
            now = {r for h in ctx.inventory.named(name) if h.left is None for r in h.readers}
            for text in _called(ctx, name):
                if (reader := ctx.inventory.reader(text)) not in now:
                    found.setdefault(reader, f"{value.path} ({value.key})")
    return found


def _settled(
    ctx: Context, one: Exposure, identities: Identities, otherwise: bool
) -> tuple[dict[str, bool], bool]:
    """The values that a removed reader still knows (True: certainly), and whether they have the data key.
    What git leaves open is seen by comparing the contents; where they do not open it is `otherwise`."""
    certain = {value.key: True for value in one.values if value.certain}
    perhaps = {value.key for value in one.values if not value.certain}
    kept = one.data_key is DataKey.KEPT
    if not perhaps and one.data_key is not DataKey.PERHAPS:
        return certain, kept
    assumed = (certain | dict.fromkeys(perhaps, False), kept or one.data_key is DataKey.PERHAPS)
    undecided = assumed if otherwise else (certain, kept)
    file = ctx.managed.files.get(one.path)
    now = open_file(file, identities) if isinstance(file, SopsFile) else None
    if not isinstance(now, Opened) or ctx.history is None:
        return undecided
    seen: set[tuple[str, object]] = set()
    for version in ctx.history.versions([one.path])[one.path]:
        if version.facts is None or one.reader not in openers(version.facts):
            continue
        content = ctx.history.content(version.entry)
        then = open_file(content, identities) if content is not None else None
        if not isinstance(then, Opened):
            return undecided
        kept = kept or then.data_key == now.data_key
        seen |= {(type(leaf.value).__name__, leaf.value) for leaf in then.leaves}
    for leaf in now.leaves:
        key = ".".join(map(str, leaf.path))
        if key in perhaps and (type(leaf.value).__name__, leaf.value) in seen:
            certain[key] = True
    return certain, kept
