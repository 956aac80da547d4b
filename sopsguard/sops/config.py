"""`.sops.yaml` as sops understands it: rules, who they name, which one a file gets.

Source: sops 3.13.2, `config/config.go`, with the differences to 3.9 where they matter. Nothing here raises
for bad input: what sops refuses is a `Problem`, what cannot be decided is an `Unknown`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from sopsguard.model import Location, Unknown
from sopsguard.sops import goyaml, reading
from sopsguard.sops.expression import BadRegex, NoEngine, regex
from sopsguard.sops.goyaml import Node, Places, Value, YamlError
from sopsguard.sops.names import Naming, naming
from sopsguard.sops.rules import Anchor, Destination, Field, Name, Problem, Rule

CONFIG_NAME = ".sops.yaml"
IGNORED_NAME = ".sops.yml"


@dataclass(frozen=True, slots=True)
class Tried:
    """A rule that came first and did not match, and why."""

    rule: Rule
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """Which rule a file gets.

    `path` is the text the expressions were tried on. `rule` is None when none matched, when `error` says
    why sops stops before (an expression that does not compile, an unreadable configuration), or when
    `unknown` says why it cannot be told. `reached` counts the rules that were tried before.
    """

    config: "Config"
    path: str
    rule: Rule | None
    reached: int = 0
    error: Problem | None = None
    unknown: Unknown | None = None

    @property
    def tried(self) -> tuple[Tried, ...]:
        """The rules that came first and did not match."""
        rules = self.config.rules[: self.reached]
        return tuple(Tried(rule, f"`{rule.path_regex}` is not found in `{self.path}`") for rule in rules)

    @property
    def also(self) -> tuple[Rule, ...]:
        """The later rules that would match as well."""
        later = self.config.rules[self.reached + 1 :] if self.rule is not None else ()
        return tuple(rule for rule in later if rule.matches(self.path))


@dataclass(frozen=True, eq=False)
class Config:
    """One `.sops.yaml`.

    `path` is that of the file in the repository. `problems` are those that make sops refuse the whole
    file; `declares_rules` is False when `creation_rules` is missing or null, which sops takes as "no
    configuration". `unknown` are fields of the top level (`keys` and the like) that sops passes over.
    """

    path: str
    places: Places = field(repr=False)
    rules: tuple[Rule, ...] = ()
    problems: tuple[Problem, ...] = ()
    declares_rules: bool = False
    destinations: tuple[Destination, ...] = ()
    stores: Mapping[str, int] = field(default_factory=dict)
    unknown: tuple[Field, ...] = ()
    nested_unknown: tuple[Field, ...] = ()
    root: Node | None = field(default=None, repr=False)

    @property
    def usable(self) -> bool:
        """False when sops refuses the whole file, and so nearly every command below it."""
        return not self.problems

    @property
    def directory(self) -> str:
        """The directory of the configuration, "" for the top of the repository."""
        return self.path.rpartition("/")[0]

    @property
    def text(self) -> str:
        """The text that the spans index into."""
        return self.places.text

    @cached_property
    def _naming(self) -> Naming:
        return naming(self.root, self.places) if self.root is not None else Naming()

    @property
    def anchors(self) -> tuple[Anchor, ...]:
        """Every anchor, in file order."""
        return self._naming.anchors

    @property
    def names(self) -> Mapping[str, tuple[Name, ...]]:
        """What each recipient (`Key.normal`) is called in this file."""
        return self._naming.names

    @cached_property
    def unused_anchors(self) -> tuple[Anchor, ...]:
        """Anchors that hold a recipient which no alias uses and no rule names."""
        used = {key.normal for rule in self.rules for key in (*rule.keys, *rule.flat)}
        return tuple(a for a in self.anchors if a.key is not None and not a.uses and a.key.normal not in used)

    def relative(self, path: str) -> str | None:
        """`path` as sops tests it: relative to the configuration; None if it lies elsewhere, where sops
        would test the absolute path."""
        if not self.directory:
            return path
        prefix = self.directory + "/"
        return path[len(prefix) :] if path.startswith(prefix) else None

    def match(self, path: str) -> Match:
        """The rule that sops, working below this configuration, gives to `path` (repository-relative)."""
        tested = self.relative(path)
        here = Location(self.path)
        if not self.usable:
            return Match(self, path if tested is None else tested, None, error=self.problems[0])
        if tested is None:
            reason = f"{path} lies outside {self.directory}/, so sops tests its absolute path there"
            return Match(self, path, None, unknown=Unknown(here, reason, "the place of the checkout"))
        for reached, rule in enumerate(self.rules):
            if rule.ends_search:
                return Match(self, tested, rule, reached)
            expression = regex(rule.path_regex)
            if isinstance(expression, NoEngine):
                line = (rule.path_span or rule.span).line
                unknown = Unknown(Location(self.path, line), expression.reason, expression.needed)
                return Match(self, tested, None, reached, unknown=unknown)
            if isinstance(expression, BadRegex):
                return Match(self, tested, None, reached, bad_path_regex(rule, expression))
            if expression.found_in(tested):
                return Match(self, tested, rule, reached)
        return Match(self, tested, None, len(self.rules))


def bad_path_regex(rule: Rule, expression: "BadRegex") -> Problem:
    """C1 for an expression that stops the search."""
    where = rule.path_span or rule.span
    return Problem(
        "C1",
        f"rule {rule.index + 1}: `{rule.path_regex}` is no valid expression ({expression.reason}); "
        "sops stops here, and every file that no earlier rule matches cannot be encrypted or updated",
        where.line,
        where.column,
        "sops uses RE2: no look-around, no back references, and `*` repeats what stands before it",
        rule.index,
    )


# --- reading ------------------------------------------------------------------------------------------


def parse(data: bytes, path: str = CONFIG_NAME) -> Config:
    """What sops makes of the bytes of a `.sops.yaml` that lies at `path` in the repository."""
    places = goyaml.Places(goyaml.text_of(data))
    try:
        root = goyaml.compose(data)
    except YamlError as error:
        return Config(path, places, problems=(_unreadable(error),))
    if root is None:
        return Config(path, places)
    decoder = goyaml.Decoder()
    value: Value | None = None
    try:
        value = decoder.decode(root, reading.CONFIG)
    except YamlError as error:
        decoder.errors.insert(0, error)
    if decoder.errors or value is None:
        return Config(path, places, problems=tuple(map(_unreadable, decoder.errors)), root=root)
    rules = value.data.get("creation_rules")
    reader = reading.Reader(places)
    return Config(
        path,
        places,
        tuple(reader.rule(index, rule) for index, rule in enumerate(reading.items(rules))),
        declares_rules=rules is not None and rules.data is not None,
        destinations=tuple(
            reader.destination(index, rule)
            for index, rule in enumerate(reading.items(value.data.get("destination_rules")))
        ),
        stores=reading.indents(value.data.get("stores")),
        unknown=reading.fields(value.unknown),
        nested_unknown=tuple(
            field for rule in reading.items(rules) for field in reading.key_entry_unknown(rule)
        ),
        root=root,
    )


def _unreadable(error: YamlError) -> Problem:
    return Problem(
        "C1",
        f"sops cannot read this configuration: {error.message}",
        error.line,
        error.column,
        "until this is mended nearly every sops command below it fails, decryption included",
    )


# --- several configurations ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Verdict:
    """What sops makes of one file, wherever it is started.

    `match` is the usual answer: sops started at the top of the repository, or, if no configuration is
    there, in the directory of the nearest one. `others` are the answers from further down that differ.
    `ignored` are `.sops.yml` files on the way, which sops never reads.
    """

    match: Match | None
    others: tuple[Match, ...] = ()
    ignored: tuple[str, ...] = ()

    @property
    def rule(self) -> Rule | None:
        """The rule of the usual answer."""
        return self.match.rule if self.match is not None else None

    @property
    def is_ambiguous(self) -> bool:
        """Whether the answer depends on the directory in which sops is started."""
        return bool(self.others)


def effective(configs: Mapping[str, Config], path: str) -> Verdict:
    """The rule for `path` under all the configurations of a repository (path → configuration; those
    named `.sops.yml` may be among them).

    sops searches upwards from the working directory and takes the first `.sops.yaml`, so a nested one
    counts only for people who work below it; both are reported where they disagree.
    """
    parents = _parents(path)
    chain = [configs[name] for name in (_join(p, CONFIG_NAME) for p in parents) if name in configs]
    ignored = tuple(name for name in (_join(p, IGNORED_NAME) for p in parents) if name in configs)
    if not chain:
        return Verdict(None, (), ignored)
    usual, *nested = chain if not chain[0].directory else reversed(chain)
    match = usual.match(path)
    others = tuple(other for other in (config.match(path) for config in nested) if not _same(match, other))
    return Verdict(match, others, ignored)


def _parents(path: str) -> list[str]:
    """The directories above `path`, from the top ("") downwards."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[:count]) for count in range(len(parts) + 1)]


def _join(directory: str, name: str) -> str:
    return f"{directory}/{name}" if directory else name


def _same(one: Match, other: Match) -> bool:
    """Whether two answers mean the same for the file."""
    if one.rule is None or other.rule is None:
        return one.rule is other.rule and (one.error is None) == (other.error is None)
    a, b = one.rule, other.rule
    return (
        [{key.identity for key in group} for group in a.groups]
        == [{key.identity for key in group} for group in b.groups]
        and a.scope == b.scope
        and a.threshold == b.threshold
    )
