"""Creation rules and what they hold: key groups, scope, names, problems."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sopsguard.sops.expression import Regex, regex
from sopsguard.sops.goyaml import Span
from sopsguard.sops.masterkey import Key, abbreviated

DEFAULT_SUFFIX = "_unencrypted"
SELECTION_FIELDS = (
    "unencrypted_suffix",
    "encrypted_suffix",
    "unencrypted_regex",
    "encrypted_regex",
    "unencrypted_comment_regex",
    "encrypted_comment_regex",
)
FLAT_KEY_FIELDS = ("age", "pgp", "kms", "gcp_kms", "hckms", "azure_keyvault", "hc_vault_transit_uri")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong in a configuration.

    `code` is one of those that `lint` and `usage` list (C1 … C14, `shamir`); `rule` the
    index of the creation rule, `path` the file of the repository that is concerned.
    """

    code: str
    message: str
    line: int | None = None
    column: int | None = None
    hint: str = ""
    rule: int | None = None
    path: str | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """What of a file is encrypted: the six selection fields and `mac_only_encrypted`."""

    unencrypted_suffix: str = ""
    encrypted_suffix: str = ""
    unencrypted_regex: str = ""
    encrypted_regex: str = ""
    unencrypted_comment_regex: str = ""
    encrypted_comment_regex: str = ""
    mac_only_encrypted: bool = False

    def chosen(self) -> dict[str, str]:
        """The selection fields that are set; sops accepts one."""
        return {name: value for name in SELECTION_FIELDS if (value := getattr(self, name))}

    def effective(self) -> dict[str, str]:
        """As sops writes it into a file: with nothing set, the suffix `_unencrypted`."""
        return self.chosen() or {"unencrypted_suffix": DEFAULT_SUFFIX}


@dataclass(frozen=True, slots=True)
class Field:
    """A field as written: its name, the place of the name and of the value."""

    name: str
    span: Span
    value_span: Span


@dataclass(frozen=True, slots=True)
class Group:
    """One key group: its keys in the order of sops, without repetitions, and its place."""

    keys: tuple[Key, ...]
    span: Span
    unknown: tuple[Field, ...] = ()
    merged: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """One creation rule.

    `groups` is what sops would use. `flat` are the keys of the rule's own fields; with `key_groups` they
    are `ignored`. `refusal` says why sops stops with an error when a file gets this rule.
    """

    index: int
    path_regex: str
    groups: tuple[tuple[Key, ...], ...]
    scope: Scope
    shamir_threshold: int
    span: Span
    path_span: Span | None = None
    flat: tuple[Key, ...] = ()
    has_key_groups: bool = False
    key_groups: tuple[Group, ...] = ()
    fields: Mapping[str, Field] = field(default_factory=dict)
    unknown: tuple[Field, ...] = ()
    listed: tuple[str, ...] = ()
    type_problems: tuple[Problem, ...] = ()

    @property
    def title(self) -> str:
        """`rule 3`, as people count."""
        return f"rule {self.index + 1}"

    def problem(self, code: str, message: str, hint: str = "", span: Span | None = None) -> Problem:
        """A problem of this rule; `message` goes on after `rule N`."""
        where = span or self.span
        return Problem(code, f"{self.title} {message}", where.line, where.column, hint, self.index)

    @property
    def ignored(self) -> tuple[Key, ...]:
        """The flat keys that `key_groups` hides."""
        return self.flat if self.has_key_groups else ()

    @property
    def keys(self) -> tuple[Key, ...]:
        """All keys of all groups."""
        return tuple(key for group in self.groups for key in group)

    @property
    def ends_search(self) -> bool:
        """No expression at all: every file that arrives here gets this rule."""
        return not self.path_regex

    def matches(self, tested: str) -> bool:
        """Whether the rule alone would match; False where that cannot be told (see `Config.match`)."""
        expression = regex(self.path_regex) if self.path_regex else None
        return expression is None or (isinstance(expression, Regex) and expression.found_in(tested))

    @property
    def is_catch_all(self) -> bool:
        """Matches whatever path there is, by an empty expression or one like `.*`."""
        if not self.path_regex:
            return True
        expression = regex(self.path_regex)
        return isinstance(expression, Regex) and all(map(expression.found_in, _ODD_PATHS))

    @property
    def is_block(self) -> bool:
        """A catch-all without keys: put there so that nothing is encrypted by accident."""
        return self.is_catch_all and not self.keys and not self.type_problems

    @property
    def threshold(self) -> int:
        """How many groups must come together: 1 unless there are several groups (0 means all)."""
        return 1 if len(self.groups) < 2 else self.shamir_threshold or len(self.groups)

    @property
    def is_accidental_shamir(self) -> bool:
        """Whether the key groups look like the work of a stray dash: no threshold was set, and each group
        has a single key, or its own kind of keys."""
        if len(self.groups) < 2 or self.shamir_threshold:
            return False
        if all(len(group) == 1 for group in self.groups):
            return True
        families = [{key.family for key in group} for group in self.groups]
        return all(len(family) == 1 for family in families) and len(set().union(*families)) == len(families)

    @property
    def refusal(self) -> str | None:
        """Why sops stops when a file gets this rule, or None."""
        if len(self.scope.chosen()) > 1:
            return f"more than one of {', '.join(self.scope.chosen())} is set"
        if not self.has_key_groups and self.type_problems:
            return self.type_problems[0].message
        for key in self.keys:
            if key.problem:
                return f"recipient `{abbreviated(key.text)}`: {key.problem}"
        return None


_ODD_PATHS = ("\x01", "~", "x/Y/z.q", "é", "0")


@dataclass(frozen=True, slots=True)
class Name:
    """What a recipient is called: by an anchor, a key of a mapping, or the comment behind it."""

    text: str
    source: str
    span: Span


@dataclass(frozen=True, slots=True)
class Anchor:
    """An anchor, what recipient it holds (if it holds one), and how often an alias uses it."""

    name: str
    span: Span
    key: Key | None
    uses: int


@dataclass(frozen=True, slots=True, eq=False)
class Destination:
    """A rule of `sops publish`; a bad expression there is passed over without a word."""

    index: int
    path_regex: str
    places: tuple[str, ...]
    span: Span
    path_span: Span | None
    unknown: tuple[Field, ...]
    recreation: Rule | None


def counted(number: int, noun: str) -> str:
    """`1 file`, `2 files`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
