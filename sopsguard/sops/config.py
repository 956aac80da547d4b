"""`.sops.yaml` as sops understands it: rules, who they name, which one a file gets.

Source: sops 3.13.2, `config/config.go`, with the differences to 3.9 where they matter. Nothing here raises
for bad input: what sops refuses is a `Problem`, what cannot be decided is an `Unknown`.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sopsguard.model import Location, Unknown
from sopsguard.sops import goyaml, masterkey
from sopsguard.sops.expression import BadRegex, NoEngine, Regex, regex
from sopsguard.sops.goyaml import ANY, FLAG, NUMBER, TEXT, TEXTS, Node, Shape, Span, Value, YamlError
from sopsguard.sops.masterkey import Key
from sopsguard.sops.rules import (
    FLAT_KEY_FIELDS,
    SELECTION_FIELDS,
    Anchor,
    Destination,
    Field,
    Group,
    Name,
    Problem,
    Rule,
    Scope,
)

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
    `unknown` says why it cannot be told. `also` are later rules that would match as well.
    """

    config: "Config"
    path: str
    rule: Rule | None
    tried: tuple[Tried, ...] = ()
    also: tuple[Rule, ...] = ()
    error: Problem | None = None
    unknown: Unknown | None = None


@dataclass(frozen=True, eq=False)
class Config:
    """One `.sops.yaml`.

    `path` is that of the file in the repository. `problems` are those that make sops refuse the whole
    file; `declares_rules` is False when `creation_rules` is missing or null, which sops takes as "no
    configuration". `unknown` are fields of the top level (`keys` and the like) that sops passes over.
    """

    path: str
    text: str = field(repr=False)
    rules: tuple[Rule, ...] = ()
    problems: tuple[Problem, ...] = ()
    declares_rules: bool = False
    destinations: tuple[Destination, ...] = ()
    stores: Mapping[str, int] = field(default_factory=dict)
    unknown: tuple[Field, ...] = ()
    nested_unknown: tuple[Field, ...] = ()
    anchors: tuple[Anchor, ...] = ()
    names: Mapping[str, tuple[Name, ...]] = field(default_factory=dict)

    @property
    def usable(self) -> bool:
        """False when sops refuses the whole file, and so nearly every command below it."""
        return not self.problems

    @property
    def directory(self) -> str:
        """The directory of the configuration, "" for the top of the repository."""
        return self.path.rpartition("/")[0]

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
        tried: list[Tried] = []
        for position, rule in enumerate(self.rules):
            if rule.ends_search:
                return Match(self, tested, rule, tuple(tried), self._also(tested, position + 1))
            expression = regex(rule.path_regex)
            line = rule.path_span.line if rule.path_span else rule.span.line
            if isinstance(expression, NoEngine):
                unknown = Unknown(Location(self.path, line), expression.reason, expression.needed)
                return Match(self, tested, None, tuple(tried), unknown=unknown)
            if isinstance(expression, BadRegex):
                return Match(self, tested, None, tuple(tried), error=bad_path_regex(rule, expression))
            if expression.found_in(tested):
                return Match(self, tested, rule, tuple(tried), self._also(tested, position + 1))
            tried.append(Tried(rule, f"`{rule.path_regex}` is not found in `{tested}`"))
        return Match(self, tested, None, tuple(tried))

    def _also(self, tested: str, start: int) -> tuple[Rule, ...]:
        found = []
        for rule in self.rules[start:]:
            expression = regex(rule.path_regex) if rule.path_regex else None
            if expression is None or (isinstance(expression, Regex) and expression.found_in(tested)):
                found.append(rule)
        return tuple(found)


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


def _struct(name: str, fields: Mapping[str, Shape]) -> Shape:
    return Shape("struct", fields=fields, name=name)


def _list(of: Shape) -> Shape:
    return Shape("list", of, name="a list")


_GROUP_FIELDS: dict[str, Shape] = {
    "age": _list(TEXT),
    "pgp": _list(TEXT),
    "hc_vault": _list(TEXT),
    "kms": _list(
        _struct("a KMS key", {"arn": TEXT, "role": TEXT, "context": TEXTS, "aws_profile": TEXT}),
    ),
    "gcp_kms": _list(_struct("a GCP key", {"resource_id": TEXT})),
    "hckms": _list(_struct("a Huawei key", {"key_id": TEXT})),
    "azure_keyvault": _list(_struct("an Azure key", {"vaultUrl": TEXT, "key": TEXT, "version": TEXT})),
}
_GROUP = _struct("a key group", _GROUP_FIELDS)
_GROUP_FIELDS["merge"] = _list(_GROUP)

_RULE = _struct(
    "a creation rule",
    {
        "path_regex": TEXT,
        "aws_profile": TEXT,
        "hckms": _list(TEXT),
        **dict.fromkeys((name for name in FLAT_KEY_FIELDS if name != "hckms"), ANY),
        "key_groups": _list(_GROUP),
        "shamir_threshold": NUMBER,
        **dict.fromkeys(SELECTION_FIELDS, TEXT),
        "mac_only_encrypted": FLAG,
    },
)
_DESTINATION = _struct(
    "a destination rule",
    {
        **dict.fromkeys(
            (
                "path_regex",
                "s3_bucket",
                "s3_prefix",
                "gcs_bucket",
                "gcs_prefix",
                "vault_path",
                "vault_address",
            ),
            TEXT,
        ),
        "vault_kv_mount_name": TEXT,
        "vault_kv_version": NUMBER,
        "recreation_rule": _RULE,
        "omit_extensions": FLAG,
    },
)
_INDENT = _struct("a mapping", {"indent": NUMBER})
_EMPTY = _struct("a mapping", {})
_CONFIG = _struct(
    "a mapping",
    {
        "creation_rules": _list(_RULE),
        "destination_rules": _list(_DESTINATION),
        "stores": _struct(
            "a mapping",
            {"yaml": _INDENT, "json": _INDENT, "json_binary": _INDENT, "dotenv": _EMPTY, "ini": _EMPTY},
        ),
    },
)

# The names sops knows at each level, for telling misspelt ones.
KNOWN_FIELDS: Mapping[str, tuple[str, ...]] = {
    "top": tuple(_CONFIG.fields),
    "rule": tuple(_RULE.fields),
    "group": tuple(_GROUP_FIELDS),
    "destination": tuple(_DESTINATION.fields),
}


def parse(data: bytes, path: str = CONFIG_NAME) -> Config:
    """What sops makes of the bytes of a `.sops.yaml` that lies at `path` in the repository."""
    text = goyaml.text_of(data)
    try:
        root = goyaml.compose(data)
    except YamlError as error:
        return Config(path, text, problems=(_unreadable(error),))
    if root is None:
        return Config(path, text)
    decoder = goyaml.Decoder()
    problems: list[Problem] = []
    value: Value | None = None
    try:
        value = decoder.decode(root, _CONFIG)
    except YamlError as error:
        problems.append(_unreadable(error))
    problems += map(_unreadable, decoder.errors)
    reader = _Reader(text)
    anchors, names = reader.names(root)
    top: Mapping[str, Value] = value.data if value is not None and not problems else {}
    return Config(
        path,
        text,
        tuple(reader.rule(i, item) for i, item in enumerate(_items(top.get("creation_rules")))),
        tuple(problems),
        (rules := top.get("creation_rules")) is not None and rules.data is not None,
        tuple(reader.destination(i, item) for i, item in enumerate(_items(top.get("destination_rules")))),
        _indents(top.get("stores")),
        _fields(value.unknown) if value is not None else (),
        tuple(f for item in _items(top.get("creation_rules")) for f in _key_entry_unknown(item)),
        anchors,
        names,
    )


def _unreadable(error: YamlError) -> Problem:
    return Problem(
        "C1",
        f"sops cannot read this configuration: {error.message}",
        error.line,
        error.column,
        "until this is mended nearly every sops command below it fails, decryption included",
    )


def _items(value: Value | None) -> list[Value]:
    return value.data if value is not None and isinstance(value.data, list) else []


def _indents(stores: Value | None) -> dict[str, int]:
    found: dict[str, int] = {}
    for name, store in (stores.data or {}).items() if stores is not None else ():
        indent = (store.data or {}).get("indent")
        if indent is not None and indent.data is not None:
            found[name] = indent.data
    return found


def _fields(unknown: Iterable[tuple[str, Node]]) -> tuple[Field, ...]:
    return tuple(Field(masterkey.without_identities(name), key.span, key.span) for name, key in unknown)


def _key_entry_unknown(rule: Value) -> Iterator[Field]:
    """Unknown fields of the mappings inside key groups (`arn`, `resource_id` …)."""
    for group in _walk_groups(rule):
        for entries in group.data.values():
            for entry in _items(entries):
                if entry.type == "map" and "age" not in entry.data:
                    yield from _fields(entry.unknown)


def _walk_groups(rule: Value) -> Iterator[Value]:
    pending = list(_items(rule.data.get("key_groups")))
    while pending:
        group = pending.pop()
        yield group
        pending += _items(group.data.get("merge"))


class _Reader:
    """Turns decoded values into rules; holds the text for the places inside scalars."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._lines = [match.end() for match in re.finditer(r"\r\n?|\n", text)]

    def rule(self, index: int, value: Value) -> Rule:
        data: Mapping[str, Value] = value.data
        problems: list[Problem] = []
        flat, listed = self._flat_keys(index, data, problems)
        groups = tuple(self._group(group) for group in _items(data.get("key_groups")))
        used = tuple(group.keys for group in groups) if groups else (flat,)
        regex_value = data.get("path_regex")
        return Rule(
            index,
            _string(regex_value),
            used,
            _scope(data),
            _plain(data, "shamir_threshold") or 0,
            value.site.span if value.site.kind == "alias" else value.node.span,
            regex_value.site.span if regex_value is not None else None,
            flat,
            bool(groups),
            groups,
            {name: Field(name, value.keys[name].span, item.site.span) for name, item in data.items()},
            _fields(value.unknown),
            listed,
            tuple(problems),
        )

    def destination(self, index: int, value: Value) -> Destination:
        data: Mapping[str, Value] = value.data
        recreation = data.get("recreation_rule")
        regex_value = data.get("path_regex")
        return Destination(
            index,
            _string(regex_value),
            tuple(name for name in ("s3_bucket", "gcs_bucket", "vault_path") if _string(data.get(name))),
            value.node.span,
            regex_value.site.span if regex_value is not None else None,
            _fields(value.unknown),
            self.rule(index, recreation) if recreation is not None and recreation.type == "map" else None,
        )

    def _group(self, value: Value) -> Group:
        keys = masterkey.unique(self._group_keys(value))
        return Group(keys, value.site.span, _fields(value.unknown), bool(_items(value.data.get("merge"))))

    def _group_keys(self, value: Value) -> Iterator[Key]:
        """In the order of sops: merged groups first, then kind by kind."""
        data: Mapping[str, Value] = value.data
        for merged in _items(data.get("merge")):
            yield from self._group_keys(merged)
        for item in _items(data.get("age")):
            # a string of an age list may hold several, but an empty piece is refused
            for piece, span in self._pieces(item, keep_empty=bool(item.data)):
                yield masterkey.age_key(piece, span, _anchor(item))
        for item in _items(data.get("pgp")):
            yield masterkey.pgp_key(item.data, item.site.span, _anchor(item))
        for item in _items(data.get("kms")):
            entry: Mapping[str, Value] = item.data
            context = {k: _string(v) for k, v in (_plain(entry, "context") or {}).items()}
            yield masterkey.kms_key(
                _string(entry.get("arn")),
                _string(entry.get("role")),
                context,
                _string(entry.get("aws_profile")),
                item.site.span,
                _anchor(item),
            )
        for item in _items(data.get("gcp_kms")):
            yield masterkey.gcp_key(_string(item.data.get("resource_id")), item.site.span, _anchor(item))
        for item in _items(data.get("hckms")):
            yield masterkey.hckms_key(_string(item.data.get("key_id")), item.site.span, _anchor(item))
        for item in _items(data.get("azure_keyvault")):
            vault, name, version = (_string(item.data.get(part)) for part in ("vaultUrl", "key", "version"))
            yield masterkey.azure_key(vault, name, version, item.site.span, _anchor(item))
        for item in _items(data.get("hc_vault")):
            yield masterkey.vault_key(item.data, item.site.span, _anchor(item))

    def _flat_keys(
        self, index: int, data: Mapping[str, Value], problems: list[Problem]
    ) -> tuple[tuple[Key, ...], tuple[str, ...]]:
        """The keys of the rule's own fields, with repetitions as sops keeps them; and which were lists."""
        profile = _string(data.get("aws_profile"))
        listed = []
        keys: list[Key] = []
        for name in FLAT_KEY_FIELDS:
            value = data.get(name)
            if value is None or value.data is None:
                continue
            if value.type == "list" and name != "hckms":
                listed.append(name)
            items = _items(value) if value.type == "list" else [value]
            wrong = next((item for item in items if item.type != "str"), None)
            if wrong is not None:
                problems.append(_not_a_string(index, name, wrong))
                continue
            for item in items:
                keep_empty = (
                    value.type == "list" and name != "hckms" and not (len(items) == 1 and not item.data)
                )
                for piece, span in self._pieces(item, keep_empty):
                    keys.append(_flat_key(name, piece, profile, span, _anchor(item)))
        return tuple(keys), tuple(listed)

    def _pieces(self, item: Value, keep_empty: bool) -> Iterator[tuple[str, Span]]:
        """The comma-separated parts of a string, trimmed, each with its place in the file."""
        text: str = item.data
        if "," not in text:
            if text.strip() or keep_empty:
                yield text.strip(), item.site.span
            return
        position = item.node.span.start
        for piece in text.split(","):
            plain = piece.strip()
            found = self._text.find(plain, position, item.node.span.end) if plain else -1
            if found < 0 or item.site.kind == "alias":
                span = item.site.span
            else:
                span = self._place(found, found + len(plain))
                position = found + len(plain)
            if plain or keep_empty:
                yield plain, span

    def _place(self, start: int, end: int) -> Span:
        line = bisect_right(self._lines, start) + 1
        column = start - (self._lines[line - 2] if line > 1 else 0) + 1
        return Span(line, column, line, column + end - start, start, end)

    def names(self, root: Node) -> tuple[tuple[Anchor, ...], dict[str, tuple[Name, ...]]]:
        """Every anchor, and what each recipient of the file is called."""
        anchors: list[Node] = []
        uses: dict[int, int] = {}
        found: dict[str, list[Name]] = {}
        keys: dict[int, Key | None] = {}

        def key_of(node: Node) -> Key | None:
            if id(node) not in keys:
                keys[id(node)] = masterkey.recipient(node.text) if node.kind == "scalar" else None
            return keys[id(node)]

        def add(key: Key, text: str, source: str, span: Span) -> None:
            names = found.setdefault(key.normal, [])
            if (
                text
                and text == masterkey.without_identities(text)
                and all(name.text != text for name in names)
            ):
                names.append(Name(text, source, span))

        for node, label in _scalars(root):
            if node.anchor is not None:
                anchors.append(node)
            if node.kind == "alias":
                uses[id(node.resolved)] = uses.get(id(node.resolved), 0) + 1
            key = key_of(node.resolved)
            if key is None:
                continue
            if node.anchor is not None:
                add(key, node.anchor, "anchor", node.span)
            if label is not None and label.text not in _KNOWN_NAMES:
                add(key, label.text, "key", label.span)
            comment = self._comment(node)
            if comment is not None:
                add(key, *comment)
        return (
            tuple(Anchor(n.anchor or "", n.span, key_of(n), uses.get(id(n), 0)) for n in anchors),
            {key: tuple(names) for key, names in found.items()},
        )

    def _comment(self, node: Node) -> tuple[str, str, Span] | None:
        """The comment behind a value on the same line."""
        match = _COMMENT.match(self._text, node.span.end)
        if match is None or not match[1].strip():
            return None
        return match[1].strip(), "comment", self._place(match.start(1), match.end(1))


_COMMENT = re.compile(r"[ \t]+#+[ \t]*([^\r\n]*)")
_KNOWN_NAMES = frozenset(
    ("age", "pgp", "kms", "gcp_kms", "hckms", "azure_keyvault", "hc_vault", *_RULE.fields, "arn")
)


def _scalars(root: Node) -> Iterator[tuple[Node, Node | None]]:
    """Every node of the text in file order, each once, with the key it stands under."""
    pending: list[tuple[Node, Node | None]] = [(root, None)]
    while pending:
        node, label = pending.pop()
        yield node, label
        if node.kind == "mapping":
            for key, value in reversed(list(node.pairs())):
                pending += ((value, key), (key, None))
        else:
            pending += ((child, None) for child in reversed(node.children))


def _anchor(item: Value) -> str | None:
    return item.site.text if item.site.kind == "alias" else item.node.anchor


def _string(value: Value | None) -> str:
    return value.data if value is not None and isinstance(value.data, str) else ""


def _scope(data: Mapping[str, Value]) -> Scope:
    chosen = {name: _string(data.get(name)) for name in SELECTION_FIELDS}
    return Scope(**chosen, mac_only_encrypted=bool(_plain(data, "mac_only_encrypted")))


def _plain(data: Mapping[str, Value], name: str) -> Any:
    value = data.get(name)
    return None if value is None else value.data


def _flat_key(name: str, piece: str, profile: str, span: Span, anchor: str | None) -> Key:
    if name == "age":
        return masterkey.age_key(piece, span, anchor)
    if name == "pgp":
        return masterkey.pgp_key(piece, span, anchor)
    if name == "kms":
        return masterkey.flat_kms_key(piece, profile, span, anchor)
    if name == "gcp_kms":
        return masterkey.gcp_key(piece, span, anchor)
    if name == "hckms":
        return masterkey.hckms_key(piece, span, anchor)
    if name == "azure_keyvault":
        return masterkey.azure_url_key(piece, span, anchor)
    return masterkey.vault_key(piece, span, anchor)


_TYPE_WORDS = {
    "int": "a number",
    "float": "a number",
    "bool": "true or false",
    "null": "nothing",
    "time": "a date",
}


def _not_a_string(index: int, name: str, value: Value) -> Problem:
    words = _TYPE_WORDS.get(value.type, "a mapping" if value.type == "map" else "a list")
    return Problem(
        "C9",
        f"rule {index + 1}: in `{name}` {words} stands where a recipient belongs; sops refuses the rule",
        value.site.span.line,
        value.site.span.column,
        "put it in quotes"
        if value.type in ("int", "float", "time")
        else "write one string, or a list of strings",
        index,
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
