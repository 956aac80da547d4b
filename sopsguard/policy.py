"""`.sopsguard.yaml`: every setting with its default, and the waivers.

Read strictly (`strict`): an unknown key, a wrong type or a missing reason is an error with its line. The
same rules stand in `schemas/policy.schema.json` for editors; a test holds the two together.
"""

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from sopsguard import strict
from sopsguard.model import Family, Level, UserError
from sopsguard.strict import Node, flag, is_date, listed, mapping, mistake, named, nearest

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = [
    "FILE",
    "LEVELS",
    "Node",
    "Policy",
    "Waiver",
    "flag",
    "is_date",
    "listed",
    "mapping",
    "matches",
    "named",
    "nearest",
    "read",
    "wrong",
]

FILE = ".sopsguard.yaml"

SETTINGS = (
    "levels",
    "require",
    "inline_allow",
    "waivers",
    "signatures",
    "recipients",
    "rotation",
    "inventory",
    "schemas",
)

# What `schemas` may say besides a path: the tree of the guide, or no schema at all.
BUILT_IN = ("guide", "off")

# What `levels` may say of a rule; "off" is not a level of a finding, it is the absence of the rule.
LEVELS = ("error", "warning", "info", "off")


class Waiver(NamedTuple):
    """A finding that somebody has looked at and accepted, until a day.

    `path` is a glob as in `.gitignore` without negation (`*` stays inside a folder, `**` does not).
    `finding`, when given, is the fingerprint of the one finding that is meant.
    `until` is an ISO date, the last day on which the waiver counts. `outside`: it stands in a policy from
    outside the checkout, which others use too.
    """

    rule: str
    path: str
    reason: str
    until: str
    finding: str = ""
    line: int = 0
    outside: bool = False


class Policy(NamedTuple):
    """The settings of one repository; the defaults are those of a repository without the file."""

    levels: "Mapping[str, str]" = MappingProxyType({})
    require: tuple[Family, ...] = ()
    inline_allow: bool = True
    waivers: tuple[Waiver, ...] = ()
    signatures: "Node | None" = None  # the section as it stands; `signatures.rules` reads it
    recipients: "Node | None" = None  # the section as it stands; `access.demands` reads it
    rotation: "Node | None" = None  # the section as it stands; `rotation.schedule` reads it
    inventory: str = ""  # where inventory.yaml lies, if not at the top
    schemas: "Mapping[str, str]" = MappingProxyType({})  # glob → schema, `guide` or `off`; the first counts
    outer: "Policy | None" = None  # a policy from outside, which this one only tightens

    def schema(self, path: str) -> str | None:
        """The schema that a file is held to: the path of one in the repository, the name of a built-in one,
        or None. The first glob that covers the file decides, as the first rule of `.sops.yaml` does."""
        said = next((schema for glob, schema in self.schemas.items() if matches(glob, path)), "off")
        return None if said == "off" else said

    def level(self, rule: str, default: Level) -> Level | None:
        """The level of `rule` here, None when it is switched off."""
        said = self.levels.get(rule)
        floor = default if self.outer is None else self.outer.level(rule, default)
        if said is None:
            return floor
        if self.outer is not None:
            said = min(said, floor or "off", key=LEVELS.index)
        return None if said == "off" else Level(said)

    def tightening(self, outer: "Policy") -> "Policy":
        """`outer`, made stricter by this policy where it is: levels only rise, families are only added to
        those that must be decided, and nothing is waived that `outer` does not waive itself. A section for
        one family is that of `outer` if it has one."""
        return Policy(
            self.levels,
            tuple(dict.fromkeys((*outer.require, *self.require))),
            outer.inline_allow and self.inline_allow,
            tuple(w._replace(outside=True) for w in outer.waivers),
            outer.signatures or self.signatures,
            outer.recipients or self.recipients,
            outer.rotation or self.rotation,
            outer.inventory or self.inventory,
            {**outer.schemas, **{glob: s for glob, s in self.schemas.items() if glob not in outer.schemas}},
            outer,
        )


def read(data: bytes, rules: "Collection[str]", file: str = FILE) -> Policy:
    """The policy that the bytes of `.sopsguard.yaml` state.

    `rules` are the ids that `levels` and waivers may name, `file` is how mistakes name it. Raises
    `UserError` with the line of the first mistake.
    """
    return _Reader(rules).policy(strict.load(data, file))


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


def wrong(place: Node | int, message: str, hint: str) -> UserError:
    """A mistake at a node, or on a line of the policy; words of others in it are masked where they look
    secret."""
    if isinstance(place, Node):
        return mistake(place, message, hint)
    return strict.wrong(FILE, place, message, hint)


class _Reader:
    """Turns nodes into a `Policy`, naming the line of the first mistake."""

    def __init__(self, rules: "Collection[str]") -> None:
        self.rules = rules

    def policy(self, node: Node) -> Policy:
        if node.value is None:
            return Policy()
        known = ("version", *SETTINGS)
        fields = named(node, known, "a setting")
        if "version" in fields and fields["version"].value != "1":
            raise wrong(
                fields["version"], "this sopsguard reads version 1 of the policy", "upgrade sopsguard"
            )
        settings: dict[str, Any] = {}
        if "levels" in fields:
            settings["levels"] = self._levels(fields["levels"])
        if "require" in fields:
            settings["require"] = self._families(fields["require"])
        if "signatures" in fields:
            settings["signatures"] = fields["signatures"]
        if "recipients" in fields:
            settings["recipients"] = fields["recipients"]
        if "rotation" in fields:
            settings["rotation"] = fields["rotation"]
        if "inventory" in fields:
            settings["inventory"] = _path(fields["inventory"])
        if "schemas" in fields:
            settings["schemas"] = {
                key.value: _schema(key, value) for key, value in mapping(fields["schemas"]).values()
            }
        if "inline_allow" in fields:
            settings["inline_allow"] = flag(fields["inline_allow"], "inline_allow")
        if "waivers" in fields:
            settings["waivers"] = tuple(self._waiver(item) for item in listed(fields["waivers"], "waivers"))
        return Policy(**settings)

    def _levels(self, node: Node) -> dict[str, str]:
        levels = {}
        for rule, value in named(node, self.rules, "a rule").items():
            if value.value not in LEVELS:
                raise wrong(value, f"{rule}: a level is one of {', '.join(LEVELS)}", "")
            levels[rule] = value.value
        return levels

    def _families(self, node: Node) -> tuple[Family, ...]:
        known = [f.value for f in Family]
        families = []
        for item in listed(node, "require"):
            if item.value not in known:
                raise wrong(item, f"{item.value!r} is not a family", nearest(str(item.value), known))
            families.append(Family(item.value))
        return tuple(families)

    def _waiver(self, node: Node) -> Waiver:
        fields = named(node, ("rule", "path", "reason", "until", "finding"), "a field of a waiver")
        texts: dict[str, str] = {}
        for name in ("rule", "path", "reason", "until"):
            if name not in fields:
                raise wrong(
                    node,
                    f"a waiver needs {name!r}",
                    "rule, path, reason and until; `sopsguard waive` writes it",
                )
        for name, value in fields.items():
            if not isinstance(value.value, str) or not value.value.strip():
                raise wrong(value, f"{name} must be text", "")
            texts[name] = value.value.strip()
        if texts["rule"] not in self.rules:
            raise wrong(
                fields["rule"], f"{texts['rule']!r} is not a rule", nearest(texts["rule"], self.rules)
            )
        if not is_date(texts["until"]):
            raise wrong(fields["until"], "until must be a date such as 2027-01-31", "the last day it counts")
        rule, path, reason, until = (texts[name] for name in ("rule", "path", "reason", "until"))
        return Waiver(rule, path, reason, until, texts.get("finding", ""), node.line)


def _schema(glob: Node, node: Node) -> str:
    text = node.value if isinstance(node.value, str) else ""
    if not glob.value.strip():
        raise wrong(glob, "schemas: a glob must not be empty", "such as secrets/**")
    if text not in BUILT_IN and not (text.endswith(".json") and _is_inside(text)):
        raise wrong(node, "a schema is a .json file in the repository, `guide` or `off`", "")
    return text


def _is_inside(path: str) -> bool:
    return not path.startswith("/") and {".", "..", ""}.isdisjoint(path.split("/"))


def _path(node: Node) -> str:
    text = node.value.strip() if isinstance(node.value, str) else ""
    if not text or text.startswith("/") or not {".", "..", ""}.isdisjoint(text.split("/")):
        raise wrong(node, "inventory must be a path in the repository", "such as infra/inventory.yaml")
    return text
