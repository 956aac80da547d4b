"""`.sopsguard.yaml`: every setting with its default, and the waivers.

Read strictly: an unknown key, a wrong type or a missing reason is an error with its line, because a
misspelt setting that silently does nothing is how guards get switched off. The same rules stand in
`schemas/policy.schema.json` for editors; a test holds the two together. `jsonschema` itself is not
used here: importing it costs three times what a whole hook may.
"""

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from sopsguard.model import Family, Level, UserError, discreet, printable

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

FILE = ".sopsguard.yaml"

# What `levels` may say of a rule; "off" is not a level of a finding, it is the absence of the rule.
LEVELS = ("error", "warning", "info", "off")


class Waiver(NamedTuple):
    """A finding that somebody has looked at and accepted, until a day.

    `path` is a glob as in `.gitignore` without negation (`*` stays inside a folder, `**` does not).
    `finding`, when given, is the fingerprint of the one finding that is meant.
    `until` is an ISO date, the last day on which the waiver counts.
    """

    rule: str
    path: str
    reason: str
    until: str
    finding: str = ""
    line: int = 0


class Policy(NamedTuple):
    """The settings of one repository; the defaults are those of a repository without the file."""

    levels: "Mapping[str, str]" = MappingProxyType({})
    require: tuple[Family, ...] = ()
    inline_allow: bool = True
    waivers: tuple[Waiver, ...] = ()
    signatures: "Node | None" = None  # the section as it stands; `signatures.rules` reads it

    def level(self, rule: str, default: Level) -> Level | None:
        """The level of `rule` here, None when it is switched off."""
        said = self.levels.get(rule)
        if said is None:
            return default
        return None if said == "off" else Level(said)


def read(data: bytes, rules: "Collection[str]") -> Policy:
    """The policy that the bytes of `.sopsguard.yaml` state.

    `rules` are the ids that `levels` and waivers may name. Raises `UserError` with the line of the
    first mistake.
    """
    return _Reader(rules).policy(_load(data))


def matches(pattern: str, path: str) -> bool:
    """Whether the glob of a waiver covers the path (both relative to the top of the repository)."""
    import re

    # Not fnmatch: its `*` crosses folders, so `docs/*` would waive `docs/deep/down/key`. And no regular
    # expression: a pattern of many stars would keep it busy for years. These are all places in the path
    # that the pattern may have come to.
    places, end = {0}, len(path)
    for piece in re.split(r"(\*\*/|\*\*|\*|\?)", pattern):
        if piece == "**/":
            places |= {at + 1 for at in range(min(places), end) if path[at] == "/"}
        elif piece == "**":
            places = set(range(min(places), end + 1))
        elif piece == "*":
            reached: set[int] = set()
            for place in places:
                while place not in reached:
                    reached.add(place)
                    if place < end and path[place] != "/":
                        place += 1
            places = reached
        elif piece == "?":
            places = {place + 1 for place in places if place < end and path[place] != "/"}
        else:
            places = {place + len(piece) for place in places if path.startswith(piece, place)}
        if not places:
            return False
    return end in places


def nearest(word: str, known: "Collection[str]") -> str:
    """A hint naming the known word that was probably meant, or listing what there is."""
    import difflib

    close = difflib.get_close_matches(word, list(known), 1, 0.6)
    return f"did you mean {close[0]!r}?" if close else "known here: " + ", ".join(sorted(known))


class Node(NamedTuple):
    """A YAML value with the line it starts on; mappings keep their keys as nodes, lists are tuples."""

    value: Any
    line: int


_DEPTH = 20


def _load(data: bytes) -> Node:
    """The document as plain values with lines. Anchors and tags are not needed in a policy and are
    refused, which also disposes of alias bombs."""
    import yaml

    if len(data) > 1 << 20:
        raise UserError(
            f"{FILE} is larger than 1 MiB", "a policy is a page of settings; is this the right file?"
        )
    # Bytes that are valid in no encoding reach PyYAML as an error of their own, without the content.
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        raise wrong(data.count(b"\n", 0, e.start) + 1, "not UTF-8", "save the file as UTF-8") from None
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    stack: list[tuple[Any, int, list[Node]]] = []
    done: list[Node] = []
    documents = 0
    try:
        for event in yaml.parse(text, Loader=loader):
            line = event.start_mark.line + 1 if event.start_mark else 0
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise wrong(line, "a second document", "keep one document, without `---` inside")
            elif isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                raise wrong(line, "anchors and aliases have no meaning here", "write the value out")
            elif isinstance(event, yaml.ScalarEvent):
                node = Node(_scalar(event.value, event.style, event.tag, line), line)
                (stack[-1][2] if stack else done).append(node)
            elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
                if len(stack) >= _DEPTH:
                    raise wrong(line, "nested too deeply", f"a policy needs no more than {_DEPTH} levels")
                stack.append((event, line, []))
            elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                start, at, items = stack.pop()
                value: Any = tuple(items)
                if isinstance(start, yaml.MappingStartEvent):
                    value = _mapping(items)
                (stack[-1][2] if stack else done).append(Node(value, at))
    except yaml.YAMLError as e:
        mark = getattr(e, "problem_mark", None)
        raise wrong(
            mark.line + 1 if mark else 1, "not valid YAML", str(getattr(e, "problem", "") or "")
        ) from None
    return done[0] if done else Node({}, 1)


def _scalar(text: str, style: str | None, tag: str | None, line: int) -> str | bool | None:
    """Only what the policy has a use for: text, booleans, and nothing. Dates stay text."""
    if tag not in (None, "!"):
        raise wrong(line, "tags have no meaning here", "write the plain value")
    plain = not style  # None from PyYAML's own parser, "" from libyaml's
    if plain and text in ("", "~", "null", "Null", "NULL"):
        return None
    if plain and text in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return text.lower() == "true"
    return text


def _mapping(items: list[Node]) -> dict[str, tuple[Node, Node]]:
    found: dict[str, tuple[Node, Node]] = {}
    for key, value in zip(items[::2], items[1::2], strict=True):
        if not isinstance(key.value, str):
            raise wrong(key.line, "a key must be text", "")
        if key.value in found:
            raise wrong(key.line, f"{key.value!r} is given twice", "keep one of them")
        found[key.value] = (key, value)
    return found


def wrong(line: int, message: str, hint: str) -> UserError:
    """A mistake on a line of the policy; words of others in it are masked where they look secret."""
    return UserError(f"{FILE}:{line}: {printable(discreet(message))}", printable(hint))


class _Reader:
    """Turns nodes into a `Policy`, naming the line of the first mistake."""

    def __init__(self, rules: "Collection[str]") -> None:
        self.rules = rules

    def policy(self, node: Node) -> Policy:
        if node.value is None:
            return Policy()
        known = ("version", "levels", "require", "inline_allow", "waivers", "signatures")
        fields = named(node, known, "a setting")
        if "version" in fields and fields["version"].value != "1":
            raise wrong(
                fields["version"].line, "this sopsguard reads version 1 of the policy", "upgrade sopsguard"
            )
        settings: dict[str, Any] = {}
        if "levels" in fields:
            settings["levels"] = self._levels(fields["levels"])
        if "require" in fields:
            settings["require"] = self._families(fields["require"])
        if "signatures" in fields:
            settings["signatures"] = fields["signatures"]
        if "inline_allow" in fields:
            settings["inline_allow"] = flag(fields["inline_allow"], "inline_allow")
        if "waivers" in fields:
            settings["waivers"] = tuple(self._waiver(item) for item in listed(fields["waivers"], "waivers"))
        return Policy(**settings)

    def _levels(self, node: Node) -> dict[str, str]:
        levels = {}
        for rule, value in named(node, self.rules, "a rule").items():
            if value.value not in LEVELS:
                raise wrong(value.line, f"{rule}: a level is one of {', '.join(LEVELS)}", "")
            levels[rule] = value.value
        return levels

    def _families(self, node: Node) -> tuple[Family, ...]:
        known = [f.value for f in Family]
        families = []
        for item in listed(node, "require"):
            if item.value not in known:
                raise wrong(item.line, f"{item.value!r} is not a family", nearest(str(item.value), known))
            families.append(Family(item.value))
        return tuple(families)

    def _waiver(self, node: Node) -> Waiver:
        fields = named(node, ("rule", "path", "reason", "until", "finding"), "a field of a waiver")
        texts: dict[str, str] = {}
        for name in ("rule", "path", "reason", "until"):
            if name not in fields:
                raise wrong(
                    node.line,
                    f"a waiver needs {name!r}",
                    "rule, path, reason and until; `sopsguard waive` writes it",
                )
        for name, value in fields.items():
            if not isinstance(value.value, str) or not value.value.strip():
                raise wrong(value.line, f"{name} must be text", "")
            texts[name] = value.value.strip()
        if texts["rule"] not in self.rules:
            line = fields["rule"].line
            raise wrong(line, f"{texts['rule']!r} is not a rule", nearest(texts["rule"], self.rules))
        if not is_date(texts["until"]):
            raise wrong(
                fields["until"].line, "until must be a date such as 2027-01-31", "the last day it counts"
            )
        return Waiver(**texts, line=node.line)


def flag(node: Node, name: str) -> bool:
    """The boolean that `node` is. Raises `UserError` with its line."""
    if not isinstance(node.value, bool):
        raise wrong(node.line, f"{name} must be true or false", "")
    return node.value


def listed(node: Node, name: str) -> tuple[Node, ...]:
    """The items of a list; of nothing, none. Raises `UserError` with its line."""
    if node.value is None:
        return ()
    if not isinstance(node.value, tuple):
        raise wrong(node.line, f"{name} must be a list", "")
    return node.value


def named(node: Node, known: "Collection[str]", what: str) -> dict[str, Node]:
    """The values of a mapping by key, each of which must be `known`. Raises `UserError` with its line."""
    fields = mapping(node)
    for name, (key, _) in fields.items():
        if name not in known:
            raise wrong(key.line, f"{name!r} is not {what}", nearest(name, known))
    return {name: value for name, (_, value) in fields.items()}


def mapping(node: Node) -> dict[str, tuple[Node, Node]]:
    """Key and value of every entry of a mapping with free keys. Raises `UserError` with its line."""
    if node.value is None:
        return {}
    if not isinstance(node.value, dict):
        raise wrong(node.line, "keys and values are expected here", "")
    return dict(node.value)


def is_date(text: str) -> bool:
    """Whether the text is a calendar date in the form YYYY-MM-DD."""
    from datetime import date

    try:
        return len(text) == 10 and date.fromisoformat(text) is not None
    except ValueError:
        return False
