"""Revocation: somebody loses every access, what they knew loses its worth, and what people must do is listed.

All of it is read from the repository, so a second run does what the first could not, and nothing twice.
Knowledge is told without a key: what a recipient can open now, what it could before and that still stands.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from sopsguard.access.owners import owner as owner_of
from sopsguard.access.owners import subtrees
from sopsguard.context import Context
from sopsguard.fix import configuration, handover, program
from sopsguard.fix.members import retire_signer, to_former
from sopsguard.fix.plan import Draft
from sopsguard.fix.renew import Made, Renewable, Renewal, Spot, owner, renew, renewable
from sopsguard.history import DataKey, Timeline, exposures, openers, reach
from sopsguard.inventory import Holder, How, Inventory, Kind, folded
from sopsguard.inventory.naming import prefix
from sopsguard.model import UserError, printable
from sopsguard.policy import FILE as SETTINGS_FILE
from sopsguard.references import Target
from sopsguard.snapshot import Snapshot
from sopsguard.sops.config import CONFIG_NAME
from sopsguard.sops.editor import CannotEdit, Unset, edit, rotate
from sopsguard.sops.file import SopsFile
from sopsguard.sops.identity import Identities
from sopsguard.sops.masterkey import Key, abbreviated
from sopsguard.sops.masterkey import recipient as recipient_key

_PRIVATE_KEYS = ("age identity", "SSH key")


@dataclass(frozen=True, slots=True)
class Whom:
    """Whose access ends: `readers` are the canonical recipients, `texts` every spelling that is known of
    them, `holder` the entry in the inventory (None: only a name, or a key)."""

    name: str
    readers: frozenset[str]
    texts: tuple[str, ...]
    holder: Holder | None = None

    @property
    def is_host(self) -> bool:
        """Whether it is a machine."""
        return self.holder is not None and self.holder.kind is Kind.HOST


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
    return Whom(one.name if one else name, frozenset(readers), tuple(texts), one)


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


# --- what they know -----------------------------------------------------------------------------------


def known(ctx: Context, who: Whom, *, compromised: bool) -> Known:
    """What somebody knows of what stands now.

    With `compromised` also what they may know only, and what the keys of others open that they could read.
    """
    readers, others = set(who.readers), dict[str, str]()
    while compromised and (more := _found_keys(ctx, frozenset(readers))).keys() - readers:
        others |= {reader: where for reader, where in more.items() if reader not in readers}
        readers |= more.keys()
    values: dict[tuple[str, str], bool] = {}
    files: set[str] = set()
    for path, direct in ctx.access.reach.items():
        if readers & direct.everyone:
            files.add(path)
            for leaf in ctx.access.files[path].leaves:
                if leaf.envelope is not None and not leaf.is_comment:
                    values[path, leaf.key] = True
    timeline = ctx.timeline
    for one in exposures(timeline) if isinstance(timeline, Timeline) else ():
        if ctx.inventory.reader(one.reader) in readers:
            if one.data_key is DataKey.KEPT or (compromised and one.data_key is DataKey.PERHAPS):
                files.add(one.path)
            for value in one.values:
                if value.certain or compromised:
                    values[one.path, value.key] = values.get((one.path, value.key), False) or value.certain
    for cluster in ctx.access.clusters:
        if files & set(cluster):
            files |= set(cluster)
    return Known(values, frozenset(files), others)


def _found_keys(ctx: Context, readers: frozenset[str]) -> dict[str, str]:
    """The readers whose private keys these could ever read, and where."""
    timeline = ctx.timeline
    if not isinstance(timeline, Timeline):
        return {}
    everyone = {r for version in timeline.versions for r in openers(version.facts)}
    mine = [r for r in everyone if ctx.inventory.reader(r) in readers]
    found: dict[str, str] = {}
    for value in reach(timeline, mine):
        if value.private_key in _PRIVATE_KEYS:
            name = owner(value.path, tuple(value.key.split(".")))
            for holder in ctx.inventory.named(name):
                for recipient in holder.recipients:
                    found[ctx.inventory.reader(recipient.text)] = f"{value.path} ({value.key})"
    return found


# --- the plan -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Setting:
    """What a revocation is told from outside: the date, the commit up to which old signatures count, and how
    the result is judged."""

    today: str
    head: str | None
    judged: Callable[[Snapshot], Context]
    compromised: bool = False


def revoke(draft: Draft, ctx: Context, who: Whom, identities: Identities, setting: Setting) -> None:
    """Plan it all on the draft. `ctx` judges the state that the draft began with."""
    _Revocation(draft, ctx, who, identities, setting).plan()


class _Revocation:
    def __init__(
        self, draft: Draft, ctx: Context, who: Whom, identities: Identities, setting: Setting
    ) -> None:
        self.draft, self.ctx, self.who, self.identities = draft, ctx, who, identities
        self.setting = setting
        self.inventory: Inventory = ctx.inventory
        self.known = known(ctx, who, compromised=setting.compromised)
        self.before = _nonces(draft)

    def plan(self) -> None:
        self.shared_keys()
        self.configure()
        self.leave()
        things = [one for one in renewable(self.ctx.access.files) if self.concerns(one)]
        renewal = renew(self.draft, things, self.identities, self.bound)
        self.remove_own()
        self.rekey(renewal)
        self.steps(things, renewal)
        self.verify()

    # who

    def shared_keys(self) -> None:
        """A key that goes by two names belongs to two: both lose it."""
        mine = folded(self.who.name)
        for text in self.who.texts:
            others = {h.name for h in self.inventory.holders(text) if folded(h.name) != mine}
            if others:
                names = ", ".join(sorted(others))
                self.draft.ask(f"{abbreviated(text)} is also the key of {names}, who lose access with it")

    @property
    def bound(self) -> frozenset[str]:
        """The recipients that hosts have by their SSH host keys."""
        from sopsguard.keys.age import from_ssh_public

        made = (from_ssh_public(k.line) for h in self.inventory for k in h.host_keys)
        return frozenset(one for one in made if isinstance(one, str))

    def configure(self) -> None:
        for path, config in self.ctx.managed.configs.items():
            if path.rpartition("/")[2] != CONFIG_NAME:
                continue
            keys = [a.key for a in config.anchors if a.key is not None]
            keys += [key for rule in config.rules for key in (*rule.keys, *rule.flat)]
            texts = [k.text.strip() for k in keys if self.inventory.reader(k) in self.who.readers]
            for text in dict.fromkeys(texts):
                what = f"remove {self.who.name} ({abbreviated(text)}) from {path}"
                data = self.draft.read(path)
                try:
                    new = configuration.remove_recipient(data or b"", text)
                except UserError as e:
                    self.draft.refuse(what, f"{e.message}; {e.hint}" if e.hint else e.message)
                    continue
                if new != data:
                    self.draft.write(path, new)
                    self.draft.did(what, path)

    def leave(self) -> None:
        """The inventory and the policy of signatures know them as somebody who left."""
        holder = self.who.holder
        path = self.inventory.path
        if holder is not None and holder.left is None and path is not None and holder.stated:
            to_former(self.draft, path, holder, self.setting.today)
        if holder is not None and holder.kind is not Kind.HOST:
            retire_signer(self.draft, SETTINGS_FILE, holder, self.setting.head)

    # what can be made anew

    def concerns(self, one: Renewable) -> bool:
        """Whether they know it; their own keys are theirs for ever and no use to anybody else."""
        if self.is_own(one.name) and one.kind in (Made.HOST_KEY, Made.IDENTITY):
            return False
        return any((spot.path, spot.dotted) in self.known.values for spot in one.spots)

    def is_own(self, name: str) -> bool:
        holder = self.who.holder
        names = holder.names if holder is not None else (self.who.name,)
        return folded(name.partition(" ")[0]) in map(folded, names)

    # data keys

    def rekey(self, renewal: Renewal) -> None:
        """Every file that they can open, or of which they have the data key, gets another one, without them
        and with the new keys of those whose old ones they know."""
        swapped = {self.inventory.reader(old): new for old, new in renewal.swapped.items()}
        gone = self.who.readers
        for path, file in self.ctx.access.files.items():
            data = self.draft.read(path)
            readers = {self.inventory.reader(r.key) for r in file.metadata.recipients}
            if data is None or not (path in self.known.files or readers & (gone | swapped.keys())):
                continue
            what = f"give {path} a new data key"
            what += f" without {self.who.name}" if readers & gone else ""
            groups = [[r.key for r in group] for group in file.metadata.groups]
            left = [
                [self.changed(k, swapped) for k in g if self.inventory.reader(k) not in gone] for g in groups
            ]
            if not all(left):
                self.draft.refuse(what, "nobody else can open it: name somebody first (`sops updatekeys`)")
                continue
            try:
                new = rotate(data, path, self.identities, self.draft.modified, left)
            except CannotEdit as e:
                self.draft.refuse(what, self.lacking(e, file), map(program.shown, e.commands))
                continue
            self.draft.write(path, new)
            self.draft.did(what, path)

    def changed(self, key: Key, swapped: Mapping[str, str]) -> Key:
        new = recipient_key(swapped.get(self.inventory.reader(key), ""))
        return key if new is None else new

    def lacking(self, e: CannotEdit, file: SopsFile) -> str:
        """Why a file is not changed; where a key is missing, whose would do."""
        if not e.missing:
            return e.message
        names = {
            h.name: None
            for r in file.metadata.recipients
            if self.inventory.reader(r.key) not in self.who.readers
            for h in self.inventory.holders(r.key)
        }
        whose = f" (that of {', '.join(list(names)[:4])})" if names and "identity" in e.missing[0] else ""
        return f"needs {', '.join(e.missing)}{whose}"

    # what is theirs

    @property
    def mentioned(self) -> tuple[str, ...]:
        """Where Nix still speaks of the host: as a configuration, a node of the mesh, a reader of secrets."""
        if not self.who.is_host:
            return ()
        places: dict[str, None] = {}
        for path, facts in self.ctx.nix.said.items():
            for host in facts.hosts:
                if host.name is not None and self.is_own(host.name.static or ""):
                    places[f"{path}:{host.place.line}"] = None
            for node in facts.wireguard:
                if node.name is not None and self.is_own(node.name.static or ""):
                    places[f"{path}:{node.place.line}"] = None
        for found in self.ctx.references.all:
            target = found.outcome
            path = found.where.path
            hosts = {host for host, _ in self.ctx.references.graph.hosts_of(path)}
            mine = len(hosts) == 1 and self.is_own(next(iter(hosts)))
            if mine or (isinstance(target, Target) and any(map(self.is_own, target.key.split("/")[:-1]))):
                places[f"{path}:{found.where.line}"] = None
        return tuple(places)

    def remove_own(self) -> None:
        """Once nothing speaks of the host any more, its own secrets go: nobody needs them."""
        if not self.who.is_host or self.mentioned:
            return
        holder = self.who.holder
        assert holder is not None
        hosts = [*(h for h in self.inventory.hosts if h is not holder), replace(holder, left=None)]
        for path, file in self.ctx.access.files.items():
            mine = owner_of(path, hosts)
            if (
                mine is not None
                and mine.name == holder.name
                and all(self.is_own(tree.host.name) for tree in subtrees(file, hosts))
            ):
                self.draft.write(path, None)
                self.draft.did(f"remove {path}: it is for {holder.name} alone", path)
                self.drop_rule(path)
                continue
            tops = self.own_trees(file)
            data = self.draft.read(path)
            if data is None or not tops:
                continue
            what = f"remove what is for {holder.name} alone from {path}"
            try:
                changes = [Unset(key, document) for key, document in tops]
                new = edit(data, path, changes, self.identities, self.draft.modified)
            except CannotEdit as e:
                self.draft.refuse(what, self.lacking(e, file), map(program.shown, e.commands))
                continue
            self.draft.write(path, new)
            self.draft.did(f"{what}: {', '.join('.'.join(map(str, key)) for key, _ in tops)}", path)

    def own_trees(self, file: SopsFile) -> list[tuple[tuple[str | int, ...], int]]:
        """The subtrees and values under the name of the host (`wireguard.HOST`, `preshared_keys.HOST`)."""
        found: dict[tuple[tuple[str | int, ...], int], None] = {}
        for leaf in file.leaves:
            if not leaf.is_comment:
                at = next((n for n, part in enumerate(leaf.path) if n and self.is_own(str(part))), None)
                if at is not None:
                    found[leaf.path[: at + 1], leaf.document] = None
        return list(found)

    def drop_rule(self, path: str) -> None:
        """The creation rule that was for this file only."""
        match = self.ctx.managed.rule(path).match
        if match is None or match.rule is None:
            return
        config, rule = match.config, match.rule
        served = [p for p in self.ctx.access.files if self.ctx.managed.rule(p).rule is rule]
        data = self.draft.read(config.path)
        if served != [path] or data is None:
            return
        from sopsguard.sops.config import parse

        regex = [r.index for r in parse(data, config.path).rules if r.path_regex == rule.path_regex]
        try:
            new = configuration.remove_rule(data, regex[0]) if len(regex) == 1 else data
        except UserError:
            return  # it stays, and `dead-rule` tells
        if new != data:
            self.draft.write(config.path, new)
            self.draft.did(f"remove the rule for {path} from {config.path}", config.path)

    # what is left to people

    def steps(self, things: Iterable[Renewable], renewal: Renewal) -> None:
        done = {spot for one in renewal.done for spot in one.spots}
        left = [one for one in things if not any(spot in done for spot in one.spots)]
        open_ = {Spot(spot.path, spot.key) for one in left for spot in one.spots}
        theirs = [
            (path, key)
            for path, key in self.known.values
            if (path, key) not in {(s.path, s.dotted) for s in (*done, *open_)}
            and self.still(path, key)
            and not self.is_own_key(key)
        ]
        handover.ask(self.draft, self.ctx, self.who, renewal, theirs, self.known, self.mentioned)

    def is_own_key(self, key: str) -> bool:
        return self.who.is_host and any(map(self.is_own, key.split(".")[:-1]))

    def still(self, path: str, key: str) -> bool:
        """Whether the value that they know stands there yet."""
        old = self.before.get((path, key))
        return old is not None and _nonces_of(self.draft, path).get((path, key)) == old

    # the end

    def verify(self) -> None:
        """Judge the result: they have no data key any more, and know no value that nobody was told of."""
        timeline = self.setting.judged(self.draft.snapshot).timeline
        if not isinstance(timeline, Timeline):
            reason = timeline.needed if timeline is not None else "a repository with commits"
            self.draft.ask(f"the history could not be read, so older values may be known as well: {reason}")
            return
        told = {(path, key) for path, key in self.known.values}
        for one in exposures(timeline):
            if self.inventory.reader(one.reader) not in self.who.readers:
                continue
            what = f"finish with {one.path}"
            if one.data_key is DataKey.KEPT and not self.is_refused(one.path):
                self.draft.refuse(what, f"{self.who.name} still has its data key")
            missed = [v.key for v in one.values if v.certain and (one.path, v.key) not in told]
            if missed:
                self.draft.refuse(what, f"{self.who.name} still knows {', '.join(map(printable, missed))}")

    def is_refused(self, path: str) -> bool:
        return any(path in refusal.text for refusal in self.draft.plan().refusals)


def _nonces(draft: Draft) -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    for path in draft.managed.files:
        found |= _nonces_of(draft, path)
    return found


def _nonces_of(draft: Draft, path: str) -> dict[tuple[str, str], str]:
    file = draft.managed.files.get(path)
    if not isinstance(file, SopsFile):
        return {}
    return {(path, leaf.key): leaf.envelope.iv for leaf in file.leaves if leaf.envelope is not None}
