"""The `sops` block of a file: who can open it, what of it is encrypted, its MAC; in every layout since 3.3.

Read as sops 3.13 reads it: field names in any case, weak typing, flat lists before `key_groups`. What an
older or newer sops would refuse is a `Problem` with its id in the list of keyless checks, never an exception.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from sopsguard.document import Item, Mapping, Node, Scalar, Sequence, Time
from sopsguard.document.scalars import fixed
from sopsguard.sops.masterkey import Key, metadata_key
from sopsguard.sops.rules import DEFAULT_SUFFIX, SELECTION_FIELDS, Scope

# In the order in which sops keeps the keys of a group in memory.
FAMILIES = ("kms", "gcp_kms", "hckms", "azure_kv", "hc_vault", "pgp", "age")
FIELDS = frozenset(
    {
        *FAMILIES,
        *SELECTION_FIELDS,
        "key_groups",
        "shamir_threshold",
        "lastmodified",
        "mac",
        "mac_only_encrypted",
    }
    | {"version"}
)
# What tells the block of sops from another use of the name.
SIGNS = frozenset({*FAMILIES, "key_groups", "lastmodified", "mac"})
_RFC3339 = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})T([0-9]{1,2}):([0-9]{2}):([0-9]{2})(?:[.,][0-9]+)?(Z|[-+][0-9]{2}:[0-9]{2})\Z"
)
_SEMVER = re.compile(
    r"(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)"
    r"(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?\Z"
)
_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False", ""})


class Problem(NamedTuple):
    """Something wrong with a file, seen without a key.

    `code` is the id in the list of keyless checks (M1 … M20, L1 … L21, R3 … R16; M0: the block is missing).
    `key` is the dotted path of the value. The message names kinds and places, never a value.
    """

    code: str
    message: str
    line: int | None = None
    column: int | None = None
    key: str | None = None
    document: int = 0


@dataclass(frozen=True, slots=True)
class Recipient:
    """One wrapped copy of the data key (or of a share of it) and for whom it says to be."""

    key: Key
    enc: str = field(repr=False)
    created_at: str
    group: int
    index: int
    line: int
    column: int
    path: str  # dotted, as in `sops.age.0`

    @property
    def family(self) -> str:
        """The list it stands in: `age`, `pgp`, `kms`, …"""
        return self.key.family


@dataclass(frozen=True, slots=True)
class Metadata:
    """What the block says, as sops takes it.

    `groups` are the key groups in effect, `hidden_groups` counts those that flat lists hide. `loads` is false
    if sops refuses the file for the block alone; `problems` say why, and what else is odd. `scope` is the one
    in effect, `explicit_scope` what is written. `mac_at` and `modified_at` are line and column.
    """

    groups: tuple[tuple[Recipient, ...], ...]
    hidden_groups: int
    shamir_threshold: int
    # What a hand put there may be anything.
    lastmodified: str = field(repr=False)
    mac: str = field(repr=False)
    version: str = field(repr=False)
    scope: Scope
    explicit_scope: Scope
    unknown: tuple[str, ...]
    problems: tuple[Problem, ...]
    loads: bool
    mac_at: tuple[int, int] = (1, 1)
    modified_at: tuple[int, int] = (1, 1)
    line: int = 1

    @property
    def recipients(self) -> tuple[Recipient, ...]:
        """Of all groups, in order."""
        return tuple(recipient for group in self.groups for recipient in group)

    @property
    def mac_aad(self) -> str | None:
        """What authenticates the MAC: `lastmodified` in RFC 3339, whole seconds; `None` if it is no time."""
        return rfc3339(self.lastmodified)


def rfc3339(text: str) -> str | None:
    """A time as Go's `time.RFC3339` reads and prints it, whole seconds; `None` if it refuses it."""
    found = _RFC3339.match(text)
    if found is None:
        return None
    from sopsguard.document.scalars import timestamp

    # the calendar and the clock are checked by the YAML timestamp, whose form contains this one
    moment = timestamp(text)
    return None if moment is None else moment.seconds()


def is_semver(version: str) -> bool:
    """What sops accepts: semantic version 2, a leading `v`, and anything that starts with `1.`."""
    return version.startswith("1.") or _SEMVER.match(version.lstrip("v")) is not None


def version_tuple(version: str) -> tuple[int, int, int] | None:
    """Major, minor, patch; `None` for something else."""
    found = re.match(r"v?([0-9]{1,6})\.([0-9]{1,6})\.([0-9]{1,6})", version)
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def metadata(block: Mapping) -> Metadata:
    """Reads the mapping under `sops` (nested form; see `flat.unflatten` for dotenv and INI)."""
    return _Reader(block).read()


class _Reader:
    def __init__(self, block: Mapping) -> None:
        self.block = block
        self.problems: list[Problem] = []
        self.loads = True

    def problem(self, code: str, message: str, node: Node, key: str = "", fatal: bool = False) -> None:
        column = node.column if isinstance(node, Scalar) else 1
        self.problems.append(Problem(code, message, node.line, column, f"sops.{key}" if key else "sops"))
        self.loads = self.loads and not fatal

    def read(self) -> Metadata:
        fields = self.fields(self.block, "")
        flat = self.group(fields, 0, "")
        listed = self.groups(fields.get("key_groups"))
        hidden = len(listed) if flat else 0
        groups = [flat] if flat else listed
        if not any(groups) and not groups:
            self.problem("M8", "no master key at all: nobody can open the file", self.block, "", True)
        threshold = self.number(fields.get("shamir_threshold"), "shamir_threshold")
        modified = self.time(fields, "lastmodified", "")
        chosen = {name: self.text(fields.get(name), name) for name in SELECTION_FIELDS}
        only = self.boolean(fields.get("mac_only_encrypted"), "mac_only_encrypted")
        explicit = Scope(**chosen, mac_only_encrypted=only)
        if len(explicit.chosen()) > 1:
            names = ", ".join(explicit.chosen())
            self.problem(
                "M7", f"more than one selection field is set ({names}): sops refuses it", self.block, "", True
            )
        scope = explicit if explicit.chosen() else Scope(DEFAULT_SUFFIX, mac_only_encrypted=only)
        mac, version = self.text(fields.get("mac"), "mac"), self.text(fields.get("version"), "version")
        if not version:
            self.problem("M4", "`version` is missing", self.block, "version")
        elif not is_semver(version):
            self.problem(
                "M4", "`version` is not a version (three numbers with points)", fields["version"], "version"
            )
        written = [item.name for item in self.block.entries() if item.name is not None]
        unknown = tuple(name for name in written if name.lower() not in FIELDS)
        for name in unknown:
            node = self.block.get(name) or self.block
            self.problem(
                "M17", f"`sops.{name}` is unknown to sops, which drops it at its next write", node, name
            )
        return Metadata(
            tuple(tuple(group) for group in groups),
            hidden,
            threshold,
            modified,
            mac,
            version,
            scope,
            explicit,
            unknown,
            tuple(self.problems),
            self.loads,
            _place(fields.get("mac"), self.block),
            _place(fields.get("lastmodified"), self.block),
            self.block.line,
        )

    def fields(self, mapping: Mapping, path: str) -> dict[str, Node]:
        """Name → value; the exact name before one in other letter case, the last of several."""
        found: dict[str, Node] = {}
        loose: dict[str, Node] = {}
        for item in mapping.entries():
            if item.name is None:
                self.problem(
                    "M1", "a key in the block is not a string: sops refuses it", item.key, path, True
                )
                continue
            found[item.name] = item.value
            if item.name != item.name.lower():
                loose[item.name.lower()] = item.value
        return {**loose, **found}

    # values, weakly typed as by mapstructure

    def wrong(self, node: Node, name: str, wanted: str) -> None:
        self.problem("M1", f"`sops.{name}` is not {wanted}: sops refuses the file", node, name, True)

    def text(self, node: Node | None, name: str) -> str:
        if node is None:
            return ""
        if not isinstance(node, Scalar):
            if isinstance(node, Sequence) and not node.entries():
                return ""
            self.wrong(node, name, "a string")
            return ""
        value = node.value
        if isinstance(value, str):
            return value
        if isinstance(value, Time):
            if name.endswith(("lastmodified", "created_at")):
                what = "is not quoted, so YAML reads it as a time: sops 3.13 and later refuse the file"
                self.problem("M6", f"`sops.{name}` {what}", node, name)
            else:
                self.wrong(node, name, "a string")
            return value.text
        if value is None:
            return ""
        if isinstance(value, bool):
            return "1" if value else "0"
        return fixed(value) if isinstance(value, float) else str(value)

    def number(self, node: Node | None, name: str) -> int:
        value = node.value if isinstance(node, Scalar) else None
        if node is None or (isinstance(node, Scalar) and value is None):
            return 0
        if isinstance(value, str):
            if not value:
                return 0
            if re.match(r"[-+]?[0-9]{1,18}\Z", value):
                return int(value)
        elif isinstance(value, int | float) and abs(value) < 2**63:
            return int(value)
        self.wrong(node, name, "a number")
        return 0

    def boolean(self, node: Node | None, name: str) -> bool:
        value = node.value if isinstance(node, Scalar) else None
        if node is None or (isinstance(node, Scalar) and value is None):
            return False
        if isinstance(value, str) and value in _TRUE | _FALSE:
            return value in _TRUE
        if isinstance(value, int | float):
            return bool(value)
        self.wrong(node, name, "true or false")
        return False

    def time(self, fields: dict[str, Node], name: str, path: str, of: Node | None = None) -> str:
        node = fields.get(name)
        text = self.text(node, path + name)
        if rfc3339(text) is None:
            what = "is not a time in RFC 3339" if text else "is missing"
            place = node if node is not None else of if of is not None else self.block
            self.problem("M5", f"`sops.{path}{name}` {what}: sops refuses the file", place, path + name, True)
        return text

    # keys

    def groups(self, node: Node | None) -> list[list[Recipient]]:
        if node is None:
            return []
        if isinstance(node, Scalar):
            if node.value is not None:
                self.wrong(node, "key_groups", "a list of groups")
            return []
        entries = node.entries() if isinstance(node, Sequence) else [node]
        groups = []
        for number, entry in enumerate(entries):
            path = f"key_groups.{number}."
            if isinstance(entry, Mapping):
                groups.append(self.group(self.fields(entry, path), number, path))
            else:
                self.wrong(entry, path[:-1], "a mapping")
        return groups

    def group(self, fields: dict[str, Node], number: int, path: str) -> list[Recipient]:
        found: list[Recipient] = []
        for family in FAMILIES:
            node = fields.get(family)
            if node is None:
                continue
            for index, entry in enumerate(self.entries(node, path + family)):
                found.append(self.recipient(family, entry, number, index, f"{path}{family}.{index}."))
        return found

    def entries(self, node: Node, path: str) -> Iterator[Mapping]:
        if isinstance(node, Scalar):
            if node.value is not None and node.value != "":
                self.wrong(node, path, "a list")
            return
        if isinstance(node, Mapping):
            if node.entries():
                yield node
            return
        for index, entry in enumerate(node.entries()):
            if isinstance(entry, Mapping):
                yield entry
            else:
                self.wrong(entry, f"{path}.{index}", "a mapping")

    def recipient(self, family: str, entry: Mapping, group: int, index: int, path: str) -> Recipient:
        fields = self.fields(entry, path)
        values: dict[str, object] = {}
        for name, node in fields.items():
            if name == "context" and family == "kms" and isinstance(node, Mapping):
                values[name] = {
                    item.name: self.text(item.value, f"{path}context.{item.name}") for item in node.entries()
                }
            elif isinstance(node, Scalar) and not isinstance(node.value, Time):
                values[name] = self.text(node, path + name)
        enc = self.text(fields.get("enc"), path + "enc")
        created = "" if family == "age" else self.time(fields, "created_at", path, entry)
        key = metadata_key(family, values)
        assert key is not None
        line, column = _place(_first(fields), entry)
        return Recipient(key, enc, created, group, index, line, column, f"sops.{path[:-1]}")


def _first(fields: dict[str, Node]) -> Node | None:
    for name in ("recipient", "fp", "arn", "resource_id", "vault_url", "vault_address", "key_id"):
        if name in fields:
            return fields[name]
    return None


def _place(node: Node | None, instead: Node) -> tuple[int, int]:
    node = instead if node is None else node
    return (node.line, node.column) if isinstance(node, Scalar) else (node.line, 1)


def is_block(node: Node) -> bool:
    """Whether a mapping under `sops` is the block of sops and not another use of the name."""
    return isinstance(node, Mapping) and any(
        (item.name or "").lower() in SIGNS for item in node.items if isinstance(item, Item)
    )
