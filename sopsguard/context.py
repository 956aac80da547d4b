"""What a check may look at: the typed, cached view of one judgement, and what a check is.

A context does no I/O of its own: contents, the old side and the date are handed in. It is built once
per command and asked lazily; what nobody asks for is never computed.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from sopsguard.contents import Content, Found, Reader, read_together
from sopsguard.managed import Managed, is_config, looks_like_sops
from sopsguard.model import Addition, Family, Finding, Level, Location, Unknown
from sopsguard.policy import FILE as SETTINGS_FILE
from sopsguard.policy import Policy
from sopsguard.snapshot import EXECUTABLE, FILE, Change, Entry, Piece, Snapshot, TooLarge

if TYPE_CHECKING:
    from sopsguard.access import View
    from sopsguard.attest import Attested
    from sopsguard.history import Breach, Facts, History, Missing, Readers, Timeline, Unsettled
    from sopsguard.inventory import Inventory
    from sopsguard.nix.stated import NixFacts
    from sopsguard.nix.tree import Tree
    from sopsguard.nix.values import Unread
    from sopsguard.references import References
    from sopsguard.references.kubernetes import Manifests
    from sopsguard.rotation import Age
    from sopsguard.scan.proof import Names
    from sopsguard.sops.config import Config
    from sopsguard.sops.drift import Drift
    from sopsguard.sops.identity import Identities
    from sopsguard.sops.metadata import Problem as FileProblem
    from sopsguard.sops.opening import Opened, Refused
    from sopsguard.sops.rules import Problem as ConfigProblem
    from sopsguard.structure.files import Structure
    from sopsguard.trust import Trust

# What a file says that may refer to a secret, by the end of its name.
_MANIFEST = (b"secretGenerator", b"secretKeyRef", b"secretName", b"imagePullSecrets")
_REFERRING = {".nix": (b"sops", b"publicKey"), ".yaml": _MANIFEST, ".yml": _MANIFEST}


class Encrypted(NamedTuple):
    """A SOPS file in an example: `plain` encrypted for people by name, committed, and then edited by
    hand: each of `hand` is a regular expression (multi-line, first match) and what takes its place.
    Without `seen` git only knows it as edited. With `later` its data key is then wrapped for these people,
    and that last change is what is judged. `copy_of` names another file of the example that this one is a
    copy of, its data key wrapped for `to`."""

    plain: str
    to: tuple[str, ...] = ("alice",)
    hand: tuple[tuple[str, str], ...] = ()
    seen: bool = True
    later: tuple[str, ...] = ()
    copy_of: str = ""


class Signed(NamedTuple):
    """A commit of an example: the files that it writes, and whose SSH key signs it (nobody's: empty).
    `altered`: its message was changed after that."""

    files: Mapping[str, str]
    by: str = ""
    altered: bool = False


class Example(NamedTuple):
    """A repository that breaks the rule and one that keeps it, as path → content.

    Where a secret has to stand, `{age-identity}` and the like name a throw-away one that the tests
    make at run time; `{alice}` and `{bob}` are the recipients of two people, `{ssh-alice}` and the like
    SSH public keys. With `then_bad` and `then_good` the files are trusted, and these commits on them are
    what is judged.
    """

    bad: Mapping[str, str | Encrypted]
    good: Mapping[str, str | Encrypted]
    then_bad: tuple[Signed, ...] = ()
    then_good: tuple[Signed, ...] = ()


class Check(NamedTuple):
    """A rule: its id names the bad state, its docstring is its documentation."""

    id: str
    family: Family
    level: Level
    doc: str
    run: "Callable[[Context], Iterator[Finding | Unknown]]"
    example: Example

    @property
    def title(self) -> str:
        """The rule as a fact about a good repository: the first line of its docstring."""
        return self.doc.strip().partition("\n")[0].rstrip(".")


class Context:
    """The view of one judgement.

    `snapshot` is the whole state that is judged, `contents` iterates over what of it is new (or over
    all of it), `old` over what stood in the same places before. `clock` tells today's ISO date.
    `concerned` are the paths that count (None: all), `before` is what sops managed on the old side,
    `identities`, when given, open the SOPS files in memory.
    `history` opens the versions in git; without it only the old side tells of earlier ones.
    `shares`, when given, are the contents in parts, for several processes. `trust` says whom this judgement
    believes; without it the judged state is believed itself. `attested` judges the signatures of the commits
    under judgement, where there are any.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        contents: Callable[[], Iterable[Content]],
        *,
        old: Callable[[], Iterable[Content]] | None = None,
        policy: Policy | None = None,
        clock: Callable[[], str] = str,
        bulk: bool = False,
        concerned: frozenset[str] | None = None,
        before: "Managed | None" = None,
        identities: "Identities | None" = None,
        history: "Callable[[], History | None] | None" = None,
        shares: "Sequence[Callable[[], Iterable[Content]]]" = (),
        trust: "Trust | None" = None,
        attested: "Callable[[], Attested] | None" = None,
    ) -> None:
        self.snapshot = snapshot
        self.trust = trust
        self.policy = policy or (trust.policy if trust is not None else Policy())
        self._clock = clock
        self._contents = contents
        self._old = old
        self._bulk = bulk
        self._identities = identities
        self.before = before
        self._history = history
        self._shares = shares
        self._attested = attested
        self.managed = Managed(snapshot, concerned, lambda: self._scanned[2], self.policy.inventory)
        # The rules that this judgement runs: what a more special one of them tells, another need not.
        self.runs: frozenset[str] = frozenset()
        self._parsed: dict[tuple[str, bytes], NixFacts | Unread] = {}
        self._allowed_there: dict[str, frozenset[tuple[str, bytes]]] = {}
        self._standing: dict[str, dict[tuple[str, bytes], Location]] = {}
        self._is_past = False
        self.files = 0
        self.bytes = 0
        self.notes: list[str] = []

    @cached_property
    def today(self) -> str:
        """The date on which this is judged, as YYYY-MM-DD."""
        return self._clock()

    @property
    def concerns_commits(self) -> bool:
        """Whether commits are under judgement, and not only contents."""
        return self._attested is not None

    @cached_property
    def signatures(self) -> "Attested | None":
        """Who signed the commits under judgement; None where there are none."""
        return self._attested() if self._attested is not None else None

    @cached_property
    def _scanned(self) -> tuple[tuple[Found, ...], tuple[Unknown, ...], Mapping[str, bool]]:
        reader = Reader(self._bulk)
        if self._shares:
            read_together(reader, self._shares)
        else:
            reader.read(self._contents())
        self.files, self.bytes = reader.files, reader.bytes
        self.notes.extend(reader.notes)
        return tuple(reader.found), tuple(reader.unknown), reader.sops

    @cached_property
    def concerns_sops(self) -> bool:
        """Whether anything under judgement has to do with sops: a commit that has not costs nothing more."""
        concerned = self.managed.concerned or ()
        if any(self._scanned[2].values()) or any(map(is_config, concerned)):
            return True
        if self.managed.inventory in concerned:
            return True
        if self.managed.concerned is None:
            return any(map(is_config, self.snapshot.paths()))
        return self._decrypted or self._schemas_touched or self._under_a_rule

    @cached_property
    def concerns_references(self) -> bool:
        """Whether a Nix file or a manifest under judgement speaks of secrets, or did before, where sops is
        in use at all."""
        paths = [path for path in self.managed.concerned or () if path.endswith(tuple(_REFERRING))]
        if not paths or not any(map(is_config, self.snapshot.paths())):
            return False
        sides = [self.managed] if self.before is None else [self.managed, self.before]
        return any(
            word in text
            for path in paths
            for side in sides
            if (text := side.read(path))
            for word in _REFERRING[path[path.rindex(".") :]]
        )

    @cached_property
    def _decrypted(self) -> bool:
        """Whether something that is no SOPS file now was one before."""
        if self.before is None:
            return False
        return any(looks_like_sops(self.before.read(p) or b"") for p in self.managed.concerned or ())

    @cached_property
    def _under_a_rule(self) -> bool:
        """Whether a creation rule may match something under judgement, by a look at the text of the
        configuration. Too many is no harm: then the configuration is read as sops reads it."""
        paths = self.managed.concerned or ()
        folders = {p.rpartition("/")[0] for p in paths}
        while deeper := {f.rpartition("/")[0] for f in folders} - folders:
            folders |= deeper
        for folder in folders:
            name = f"{folder}/.sops.yaml" if folder else ".sops.yaml"
            text = self.managed.read(name) if name in self.snapshot else None
            if text and _may_match(text.decode("utf-8", "replace"), folder, paths):
                return True
        return False

    @cached_property
    def file_problems(self) -> "Mapping[str, tuple[FileProblem, ...]]":
        """What is wrong with each SOPS file under judgement, as far as it shows without a key."""
        from datetime import UTC, datetime

        from sopsguard.sops.soundness import problems

        now = datetime.fromisoformat(self.today).replace(tzinfo=UTC) if self.today else None
        return {path: tuple(problems(file, now)) for path, file in self.managed.files.items()}

    @cached_property
    def config_problems(self) -> "tuple[tuple[str, ConfigProblem | Unknown], ...]":
        """What is wrong with the configurations (path of the configuration, problem); nothing where only
        single files are judged."""
        from sopsguard.sops import lint, usage
        from sopsguard.sops.config import CONFIG_NAME
        from sopsguard.sops.file import SopsFile

        if not self.managed.whole:
            return ()
        managed = self.managed
        found: list[tuple[str, ConfigProblem | Unknown]] = []
        versions = [f.metadata.version for f in managed.files.values() if isinstance(f, SopsFile)]
        for path, config in managed.configs.items():
            if path.rpartition("/")[2] != CONFIG_NAME:
                continue
            inside = [p for p in managed.files if config.relative(p) is not None]
            clear = [p for p in managed.clear if config.relative(p) is not None]
            found += [(path, p) for p in lint.problems(config)]
            found += [(path, p) for p in lint.requirements(config, versions)]
            found += [(path, p) for p in usage.problems(config, inside, clear)]
        found += [(p.path or CONFIG_NAME, p) for p in usage.layout(managed.configs, managed.files)]
        return tuple(found)

    @cached_property
    def opened(self) -> "Mapping[str, Opened | Refused]":
        """Each SOPS file under judgement opened in memory; empty without identities."""
        from sopsguard.sops.file import SopsFile
        from sopsguard.sops.opening import open_file

        if self._identities is None:
            return {}
        files = self.managed.files.items()
        return {path: open_file(f, self._identities) for path, f in files if isinstance(f, SopsFile)}

    @cached_property
    def drifts(self) -> "Mapping[str, tuple[Drift, Config]]":
        """How each SOPS file under judgement differs from its rule, with the configuration of the rule;
        files without a usable rule are left out."""
        from sopsguard.sops.drift import drift
        from sopsguard.sops.file import SopsFile

        found = {}
        for path, file in self.managed.files.items():
            match = self.managed.rule(path).match
            if not isinstance(file, SopsFile) or match is None or match.rule is None or match.rule.is_block:
                continue
            meta = file.metadata
            groups = [[r.key.identity for r in group] for group in meta.groups]
            binary = file.format == "binary"
            difference = drift(
                groups, match.rule, threshold=meta.shamir_threshold, scope=meta.scope, binary=binary
            )
            found[path] = (difference, match.config)
        return found

    @cached_property
    def nix(self) -> "Tree":
        """What the Nix files of the whole snapshot say; parsed when asked, each once."""
        from sopsguard.nix.tree import Tree

        return Tree(self.snapshot.paths(), self._texts, self._parsed)

    @cached_property
    def references(self) -> "References":
        """What every declaration of sops-nix in the snapshot means."""
        from sopsguard.references import References

        return References(self.snapshot.entries(), self.managed.read, self.nix)

    @cached_property
    def structure(self) -> "Structure":
        """The SOPS files under judgement as documents, and what their schemas say of them."""
        from sopsguard.structure.files import Structure

        # With another policy or schema every file may be judged otherwise than before.
        files = (Managed(self.snapshot) if self._schemas_touched else self.managed).files
        side = Managed(self.trusted)

        def schema(path: str) -> bytes | None:
            where = Addition("schema", path, path, Location(path))
            vouched = self.trust is not None and self.trust.vouched(where)
            return (self.managed if vouched else side).read(path)

        structure = Structure(files, self.opened, self.policy.schema, schema)
        if self.policy.schemas and (places := structure.open):
            fit = "1 value fits its schema" if places == 1 else f"{places:,} values fit their schemas"
            self.notes.append(f"{fit} as far as it shows without a key")
        return structure

    @property
    def _schemas_touched(self) -> bool:
        deciding = {SETTINGS_FILE, *self.policy.schemas.values()} if self.policy.schemas else set()
        return not deciding.isdisjoint(self.managed.concerned or ())

    @cached_property
    def manifests(self) -> "Manifests":
        """What the manifests of Kubernetes in the snapshot need of encrypted Secrets."""
        from sopsguard.references.kubernetes import Manifests

        read = self.managed.read
        return Manifests(self.snapshot.entries(), read, lambda path: looks_like_sops(read(path) or b""))

    def _texts(self, paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """The contents of regular files, as far as they can be read whole."""
        plain = (p for p in paths if (e := self.snapshot.get(p)) is not None and e.mode in (FILE, EXECUTABLE))
        for entry, piece in self.snapshot.pieces(plain):
            if isinstance(piece, Piece) and piece.last and not piece.offset:
                yield entry.path, piece.data

    @cached_property
    def inventory(self) -> "Inventory":
        """Who there is: hosts, people, services, their keys, and how each is known."""
        from sopsguard.trust import inventory_of

        named = self.policy.inventory
        judged = inventory_of(self.managed, named, self._parsed, forgiving=self._is_past)
        if self.trust is None or self.trust.side is None or self._is_past:
            return judged
        from sopsguard.inventory import trusting

        side = inventory_of(Managed(self.trust.side), named, self._parsed, forgiving=True)
        return trusting(judged, side, self.trust.vouched)

    @property
    def trusted(self) -> Snapshot:
        """Where schemas, signers and whatever else decides are read: the trusted side if there is one."""
        side = self.trust.side if self.trust is not None else None
        return self.snapshot if side is None else side

    def counts(self, finding: Finding) -> bool:
        """Whether the comment that allows a finding counts: the trusted side has it at the same secret."""
        side = self.trust.side if self.trust is not None else None
        if side is None:
            return True
        where = finding.location
        if where.path not in self._allowed_there:
            reader = Reader(self._bulk)
            if where.path in side:
                for entry, piece in side.pieces([where.path]):
                    reader.add(Content(Change(entry.path, None, entry), piece))
            there = frozenset((f.rule, f.mark) for f in reader.found if f.rule in f.allowed)
            self._allowed_there[where.path] = there
        if finding.mark and (finding.rule, finding.mark) in self._allowed_there[where.path]:
            return True
        said = Addition("allow", finding.rule, where.path, where)
        return self.trust is not None and self.trust.vouched(said)

    def standing(self, finding: Finding) -> Location | None:
        """Where in the judged state that is what a finding met in a commit; None where it is gone."""
        where = finding.location
        if where.commit is None or where.path not in self.snapshot:
            return None if where.path.endswith("/") or where.commit is not None else where
        if not finding.mark:
            return Location(where.path)
        if where.path not in self._standing:
            reader = Reader(self._bulk)
            for entry, piece in self.snapshot.pieces([where.path]):
                reader.add(Content(Change(entry.path, None, entry), piece))
            self._standing[where.path] = {(f.rule, f.mark): f.location for f in reversed(reader.found)}
        return self._standing[where.path].get((finding.rule, finding.mark))

    @cached_property
    def access(self) -> "View":
        """Who reads what, and what the change under judgement does to that."""
        from sopsguard.access import View
        from sopsguard.access.demands import demands

        return View(self.managed, self.before, self.inventory, demands(self.policy.recipients))

    @cached_property
    def past_readers(self) -> "Readers | None":
        """Readers and their names through history; None where history does not tell."""
        from sopsguard.history import Readers, Timeline

        timeline = self.timeline
        return Readers(timeline) if isinstance(timeline, Timeline) else None

    @property
    def now(self) -> int:
        """The end of the day on which this is judged, in seconds since 1970, UTC."""
        from datetime import UTC, datetime

        return int(datetime.fromisoformat(self.today).replace(tzinfo=UTC).timestamp()) + 86399

    @cached_property
    def ages(self) -> "tuple[Age, ...]":
        """How old everything is to which the schedule gives a limit, as far as history tells. Raises
        `UserError` for a schedule that cannot be read."""
        from sopsguard.history import Timeline
        from sopsguard.rotation import ages, schedule

        limits = schedule(self.policy.rotation)
        if not isinstance(self.timeline, Timeline) or self.past_readers is None:
            return ()
        return ages(self.timeline, self.past_readers, limits)

    @cached_property
    def history(self) -> "History | None":
        """The versions of single files in git, or None where nothing is known of them."""
        return self._history() if self._history is not None else None

    @cached_property
    def _facts(self) -> "Mapping[str, Facts]":
        """What history compares of each SOPS file under judgement."""
        from sopsguard.history import facts_of
        from sopsguard.sops.file import SopsFile

        return {path: facts_of(f) for path, f in self.managed.files.items() if isinstance(f, SopsFile)}

    @cached_property
    def timeline(self) -> "Timeline | Missing | None":
        """The life of every value and reader up to the state that is judged; None where nothing is known of
        history, `Missing` where git cannot tell it."""

        from sopsguard.history import Illegible, Judged, Missing
        from sopsguard.model import UserError

        if self.history is None or not self.today:
            return None
        facts = {path: self._facts.get(path) or Illegible() for path in self.managed.files}
        judged = Judged({**dict.fromkeys(self.managed.clear), **facts}, self.snapshot.__contains__)
        try:
            return self.history.timeline(self.now, judged)
        except UserError as e:
            return Missing((), f"the history is not whole: {e.message}", e.hint)

    @cached_property
    def breaches(self) -> "tuple[Breach | Unsettled, ...]":
        """The SOPS files under judgement that history proves to be not what sops wrote."""
        from sopsguard.history import Present, judged
        from sopsguard.sops.file import SopsFile

        presents = {
            path: Present(file, self.before.read(path) if self.before else None, self._facts[path])
            for path, file in self.managed.files.items()
            if isinstance(file, SopsFile) and not self._is_as_before(path)
        }
        gone = {}
        if self.before is not None and presents:
            for path in self.managed.concerned or ():
                if path not in self.snapshot and (data := self.before.read(path)) is not None:
                    gone[path] = data
        return tuple(judged(presents, self.history, gone))

    def _is_as_before(self, path: str) -> bool:
        if self.before is None:
            return False
        now, then = self.snapshot.get(path), self.before.snapshot.get(path)
        return now is not None and then is not None and bool(now.oid) and now.oid == then.oid

    @cached_property
    def past(self) -> "Context":
        """The same view of the old side, for rules that judge files as wholes."""
        past = Context(self.snapshot, tuple, policy=self.policy, clock=self._clock)
        if (history := self.history) is not None:
            past._history = lambda: history
        past._parsed, past._is_past = self._parsed, True
        if self.before is not None:
            past.snapshot, past.managed = self.before.snapshot, self.before
        return past

    @property
    def found(self) -> tuple[Found, ...]:
        """Every candidate secret in the contents under judgement."""
        return self._scanned[0]

    @property
    def unread(self) -> tuple[Unknown, ...]:
        """What could not be read or understood on the way."""
        return self._scanned[1]

    @cached_property
    def old_marks(self) -> frozenset[tuple[str, bytes]]:
        """(rule, mark) of every secret that stood in the touched files before the change."""
        if self._old is None:
            return frozenset()
        reader = Reader(self._bulk)
        reader.read(self._old())
        return frozenset((f.rule, f.mark) for f in reader.found)

    @cached_property
    def names(self) -> "Names":
        """Whose public halves stand where in the repository. Asked only when a private key was found."""
        from sopsguard.scan import proof

        return proof.names(_public_files(self.snapshot))


def _may_match(config: str, folder: str, paths: Iterable[str]) -> bool:
    import re

    stated = re.findall(r"path_regex[\"']?\s*:\s*(.*)", config)
    for expression in stated:
        text = expression.strip().strip("'\"").replace("\\\\", "\\")
        if not text or text[0] in "|>&*{!":
            return True  # written over several lines, or by reference
        try:
            compiled = re.compile(text)
        except re.error:
            return True  # RE2 and Python differ: let the real engine decide
        if any(compiled.search(path[len(folder) + 1 :] if folder else path) for path in paths):
            return True
    # A configuration in a form that this look does not know (flow mappings, merge keys).
    return "<<" in config or len(stated) != config.count("path_regex")


def _public_files(snapshot: Snapshot) -> Iterator[tuple[str, bytes]]:
    """The files in which public halves of keys are written down: small text of the usual kinds."""
    budget = 64 << 20  # a whole infrastructure fits many times; a hostile tree does not cost a minute
    for path in snapshot.paths():
        entry = snapshot.get(path)
        if entry is None or not _may_name_keys(path, entry):
            continue
        try:
            data = snapshot.read(path)
        except (TooLarge, KeyError, OSError):
            continue
        if len(data) > 1 << 20:
            continue
        budget -= len(data)
        if budget < 0:
            return
        yield path, data


def _may_name_keys(path: str, entry: Entry) -> bool:
    if entry.mode not in (0o100644, 0o100755):
        return False
    name = path.rpartition("/")[2]
    if name.endswith(
        (".yaml", ".yml", ".json", ".nix", ".pub", ".asc", ".txt", ".toml", ".conf", ".env", ".ini", ".sops")
    ):
        return True
    return "." not in name or name in ("authorized_keys", "known_hosts")
