"""Revocation: somebody loses every access, what they knew loses its worth, and what people must do is listed.

All of it is read from the repository, so a second run does what the first could not, and nothing twice.
Knowledge is told without a key: what a recipient can open now, what it could before and that still stands.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from sopsguard.access.owners import owner as owner_of
from sopsguard.access.owners import subtrees
from sopsguard.context import Context
from sopsguard.fix import configuration, handover, program
from sopsguard.fix.knowledge import Whom, known
from sopsguard.fix.members import retire_signer, to_former
from sopsguard.fix.plan import Draft
from sopsguard.fix.renew import Made, Renewable, Renewal, Spot, renew, renewable
from sopsguard.history import DataKey, Timeline, exposures
from sopsguard.inventory import Holder, Inventory, Kind, folded
from sopsguard.model import UserError, printable
from sopsguard.policy import FILE as SETTINGS_FILE
from sopsguard.references import Target
from sopsguard.snapshot import Snapshot
from sopsguard.sops.config import CONFIG_NAME
from sopsguard.sops.editor import CannotEdit, Unset, Why, edit, rotate
from sopsguard.sops.file import SopsFile
from sopsguard.sops.identity import Identities
from sopsguard.sops.masterkey import Key, abbreviated
from sopsguard.sops.masterkey import recipient as recipient_key


@dataclass(frozen=True, slots=True)
class Setting:
    """What a revocation is told from outside: the date, the commit up to which old signatures count, and how
    the result is judged. With `keeps_values` nobody else can have the key, so that no value need be new."""

    today: str
    head: str | None
    judged: Callable[[Snapshot], Context]
    compromised: bool = False
    keeps_values: bool = False


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
        self.known = known(ctx, who, identities, compromised=setting.compromised)
        self.before = _nonces(draft)

    def plan(self) -> None:
        self.shared_keys()
        self.configure()
        self.leave()
        things = [one for one in renewable(self.ctx.access.files) if self.concerns(one)]
        things = [] if self.setting.keeps_values else self.worth_making(things)
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
        return folded(name.partition(" ")[0]) in map(folded, self.who.names)

    # data keys

    def worth_making(self, things: Iterable[Renewable]) -> list[Renewable]:
        """What they would not read again at once: a file that cannot be closed to them gets no new values."""
        closed: dict[str, bool] = {}
        found = []
        for one in things:
            still = [path for path in one.paths if not closed.setdefault(path, self.closes(path))]
            if still:
                self.draft.refuse(f"make a new {one}", f"{self.who.name} would read it in {', '.join(still)}")
            else:
                found.append(one)
        return found

    def closes(self, path: str) -> bool:
        """Whether a file can get a data key without them, as far as it can be opened at all."""
        file = self.ctx.access.files[path]
        groups = [[r.key for r in group] for group in file.metadata.groups]
        left = [[k for k in g if self.inventory.reader(k) not in self.who.readers] for g in groups]
        if left == groups:
            return True
        if not all(left):
            return False
        change = partial(rotate, file.data, path, self.identities, self.draft.modified, left)
        try:
            program.or_by_program(self.draft, path, change, self.identities, groups=left)
        except CannotEdit as e:
            return e.why is Why.NO_KEY
        return True

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
                change = partial(rotate, data, path, self.identities, self.draft.modified, left)
                new = program.or_by_program(self.draft, path, change, self.identities, groups=left)
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
        holder = Holder(Kind.HOST, self.who.name, self.who.names[1:])
        hosts = [*(h for h in self.inventory.hosts if not self.is_own(h.name)), holder]
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
                change = partial(edit, data, path, changes, self.identities, self.draft.modified)
                new = program.or_by_program(self.draft, path, change, self.identities, changes=changes)
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
            for path, key in (() if self.setting.keeps_values else self.known.values)
            if (path, key) not in {(s.path, s.dotted) for s in (*done, *open_)}
            and self.still(path, key)
            and not self.is_own_key(key)
        ]
        handover.ask(
            self.draft, self.ctx, self.who, renewal, theirs, self.known, self.mentioned, self.setting.head
        )

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
