"""From decoded YAML to creation rules: the fields that sops knows, and what stands in them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sopsguard.sops import masterkey
from sopsguard.sops.goyaml import ANY, FLAG, NUMBER, TEXT, TEXTS, Node, Places, Shape, Span, Value
from sopsguard.sops.masterkey import Key
from sopsguard.sops.rules import (
    FLAT_KEY_FIELDS,
    SELECTION_FIELDS,
    Destination,
    Field,
    Group,
    Problem,
    Rule,
    Scope,
)


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
CONFIG = _struct(
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
    "top": tuple(CONFIG.fields),
    "rule": tuple(_RULE.fields),
    "group": tuple(_GROUP_FIELDS),
    "destination": tuple(_DESTINATION.fields),
}


def items(value: Value | None) -> list[Value]:
    return value.data if value is not None and isinstance(value.data, list) else []


def indents(stores: Value | None) -> dict[str, int]:
    found: dict[str, int] = {}
    for name, store in (stores.data or {}).items() if stores is not None else ():
        indent = (store.data or {}).get("indent")
        if indent is not None and indent.data is not None:
            found[name] = indent.data
    return found


def fields(unknown: Iterable[tuple[str, Node]]) -> tuple[Field, ...]:
    return tuple(Field(masterkey.without_identities(name), key.span, key.span) for name, key in unknown)


def key_entry_unknown(rule: Value) -> Iterator[Field]:
    """Unknown fields of the mappings inside key groups (`arn`, `resource_id` …)."""
    for group in _walk_groups(rule):
        for entries in group.data.values():
            for entry in items(entries):
                if entry.type == "map" and "age" not in entry.data:
                    yield from fields(entry.unknown)


def _walk_groups(rule: Value) -> Iterator[Value]:
    pending = list(items(rule.data.get("key_groups")))
    while pending:
        group = pending.pop()
        yield group
        pending += items(group.data.get("merge"))


class Reader:
    """Turns decoded values into rules; `places` are those of the text they come from."""

    def __init__(self, places: Places) -> None:
        self._places = places

    def rule(self, index: int, value: Value) -> Rule:
        data: Mapping[str, Value] = value.data
        problems: list[Problem] = []
        flat, listed = self._flat_keys(index, data, problems)
        groups = tuple(self._group(group) for group in items(data.get("key_groups")))
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
            fields(value.unknown),
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
            fields(value.unknown),
            self.rule(index, recreation) if recreation is not None and recreation.type == "map" else None,
        )

    def _group(self, value: Value) -> Group:
        keys = masterkey.unique(self._group_keys(value))
        return Group(keys, value.site.span, fields(value.unknown), bool(items(value.data.get("merge"))))

    def _group_keys(self, value: Value) -> Iterator[Key]:
        """In the order of sops: merged groups first, then kind by kind."""
        data: Mapping[str, Value] = value.data
        for merged in items(data.get("merge")):
            yield from self._group_keys(merged)
        for item in items(data.get("age")):
            # a string of an age list may hold several, but an empty piece is refused
            for piece, span in self._pieces(item, keep_empty=bool(item.data)):
                yield masterkey.age_key(piece, span, _anchor(item))
        for item in items(data.get("pgp")):
            yield masterkey.pgp_key(item.data, item.site.span, _anchor(item))
        for item in items(data.get("kms")):
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
        for item in items(data.get("gcp_kms")):
            yield masterkey.gcp_key(_string(item.data.get("resource_id")), item.site.span, _anchor(item))
        for item in items(data.get("hckms")):
            yield masterkey.hckms_key(_string(item.data.get("key_id")), item.site.span, _anchor(item))
        for item in items(data.get("azure_keyvault")):
            vault, name, version = (_string(item.data.get(part)) for part in ("vaultUrl", "key", "version"))
            yield masterkey.azure_key(vault, name, version, item.site.span, _anchor(item))
        for item in items(data.get("hc_vault")):
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
            strings = items(value) if value.type == "list" else [value]
            wrong = next((item for item in strings if item.type != "str"), None)
            if wrong is not None:
                problems.append(_not_a_string(index, name, wrong))
                continue
            for item in strings:
                keep_empty = (
                    value.type == "list" and name != "hckms" and not (len(strings) == 1 and not item.data)
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
            found = self._places.text.find(plain, position, item.node.span.end) if plain else -1
            if found < 0 or item.site.kind == "alias":
                span = item.site.span
            else:
                span = self._places.span(found, found + len(plain))
                position = found + len(plain)
            if plain or keep_empty:
                yield plain, span


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
