"""Literals that stand in a Nix file where a secret belongs."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

from sopsguard.model import Confidence
from sopsguard.nix.harmless import CHOICES, hash_strength, is_key_material, is_reference_or_placeholder
from sopsguard.nix.names import SecretKind, kind_of, kind_of_file, words_of
from sopsguard.nix.reading import STORE_WRITERS, Reading
from sopsguard.nix.values import Attribute, Kind, Role, Value


class LiteralSecret(NamedTuple):
    """A secret written into a Nix file in clear. `start` and `end` span the whole expression in bytes;
    `value` is the secret part of it and appears in no `repr`. `name` is the file, variable, flag or
    `let` name inside the option when it is not the option itself."""

    kind: SecretKind
    option: str
    start: int
    end: int
    line: int
    column: int
    confidence: Confidence
    form: str
    value: bytes
    name: str = ""

    def __repr__(self) -> str:
        return (
            f"LiteralSecret({self.kind}, {self.option!r}, {self.start}, {self.end}, {self.line}, "
            f"{self.column}, {self.confidence}, {self.form}, {len(self.value)} bytes)"
        )


_TELLING = (b"pass", b"psk", b"secret", b"token", b"masterauth", b"basicauth", b"stringdata", b"deployment")
_KEY_NAME = rb"(?:priv|private|shared|api|auth|setup|master|encryption|account)[\W_]*key|\bkey\b"
_URL_PASSWORD = rb"(?<=[a-zA-Z0-9])://([^\s/@:\"'\x00]{0,256}):([^\s/@\"']{1,1024})@"


def may_hold_secrets(source: bytes) -> bool:
    """False when no name of a secret option occurs, so that parsing could find nothing."""
    lower = source.lower()
    if b"\\" in lower:  # "pass\word" is a way to write the name
        lower = lower.replace(b"''\\", b"").replace(b"\\", b"")
    if any(word in lower for word in _TELLING):
        return True
    if b"key" in lower and re.search(_KEY_NAME, lower) is not None:
        return True
    return b"://" in lower and b"@" in lower


# Sets of these names set options of the system (NixOS, nix-darwin, home-manager) or of a service.
# fmt: off
_NAMESPACES = frozenset((
    "services", "users", "networking", "systemd", "virtualisation", "boot", "security", "environment",
    "home-manager", "containers", "sessionVariables", "environmentVariables", "stringData",
    "wireguardConfig", "accounts", "deployment", "serviceConfig", "terranix", "resource", "provider"
))
# fmt: on
# fmt: off
_OWN_NAMES = frozenset((
    "initialPassword", "initialHashedPassword", "hashedPassword", "adminpass", "initialRootPassword",
    "pskRaw", "presharedKey", "privateKey", "adminPassword", "rootPassword"
))
# fmt: on
# Below these, a name says what a key, a text or a colour is for, not that its value is secret.
# fmt: off
_OTHER_SUBTREES = frozenset((
    "shellAliases", "aliases", "shellAbbrs", "abbreviations", "keybindings", "keybinds", "bindings",
    "binds", "keymaps", "mappings", "descriptions", "labels", "icons", "colors", "secretKeyRef",
    "configMapKeyRef", "secretRef", "locale", "translations", "alias", "meta", "passthru"
))
# fmt: on
_PROSE = frozenset(
    ("description", "longDescription", "example", "help", "comment", "message", "title", "homepage", "doc")
)

_ASSIGNMENT = rb"(?m)^[ \t]*(?:export[ \t]+)?\"?([A-Za-z][A-Za-z0-9_]*)=(.+)$"
_FLAG = rb"(?<![\w-])--?([A-Za-z][\w-]*)(?:=|[ \t]+)(\"[^\"\n]*\"|'[^'\n]*'|[^\s\"']+)"
# fmt: off
_FLAG_OPTIONS = frozenset((
    "ExecStart", "ExecStartPre", "ExecStartPost", "extraFlags", "extraArgs", "extraOptions", "flags",
    "args", "cmd", "command", "arguments", "extraUpFlags", "extraArguments", "script", "preStart",
    "postStart", "entrypoint"
))
# fmt: on
_TEXTS = frozenset(("text", "content", "contents"))
_TEST_CALLS = frozenset(("nixosTest", "runNixOSTest", "makeTest", "runTest", "make-test-python", "testers"))


def secrets(reading: Reading, path: str = "") -> Iterator[LiteralSecret]:
    """The literals of `reading` that stand where a secret belongs, in the order of the text.

    `path` is the file's path in the repository; in test files (`tests/`, `nixosTest`, a `testScript`)
    confidence is only `POSSIBLE`. One literal is yielded once. Never holds for references, files,
    placeholders, option declarations, and names under `sops.secrets` or `age.secrets`.
    """
    judge = _Judge(reading, path)
    found: dict[tuple[int, int, bytes], LiteralSecret] = {}
    for attribute in reading.attributes:
        for secret in judge.attribute(attribute):
            place = (secret.start, secret.end, secret.value)
            known = found.get(place)
            if known is None or _RANK[secret.confidence] > _RANK[known.confidence]:
                found[place] = secret
    yield from sorted(found.values(), key=lambda secret: (secret.start, secret.end))


_RANK = {Confidence.POSSIBLE: 0, Confidence.LIKELY: 1, Confidence.PROVED: 2}


class _Judge:
    def __init__(self, reading: Reading, path: str) -> None:
        self.reading = reading
        folders = path.lower().split("/")
        self.test = bool(
            _TEST_CALLS & reading.calls
            or {"test", "tests", "checks", "nixos-tests", "fixtures", "examples"} & set(folders[:-1])
            or re.search(r"(?:^|[-_.])tests?\.nix$", folders[-1])
            or any(a.path and a.path[-1] == "testScript" for a in reading.attributes)
        )
        self.bound: dict[str, Attribute | None] = {}
        for attribute in reading.attributes:
            if attribute.role is not Role.SET and len(attribute.path) == 1 and attribute.path[0]:
                # Two bindings of one name: which one is meant would need scopes; neither is followed.
                name = attribute.path[0]
                self.bound[name] = None if name in self.bound else attribute

    def attribute(self, attribute: Attribute) -> Iterator[LiteralSecret]:
        path, value = attribute.path, attribute.value
        names = [component or "" for component in path]
        if not names or _is_elsewhere(names):
            return
        last = names[-1]
        kind = kind_of(words_of(last))
        if last == "key" and len(names) > 1 and value.text is not None and not _is_plain_name(value.text):
            kind = kind_of([*words_of(names[-2]), last])  # encryption.key
        if attribute.declared:
            yield from self.default(attribute, names)
            return
        if value.kind is Kind.CALL:
            yield from self.written(attribute, last, value)
            return
        if value.kind is Kind.REFERENCE and kind is not None:
            target = self.bound.get(value.name)
            if target is not None and target.value.kind is Kind.STRING:
                yield from self.string(attribute, kind, target.value, target, name=value.name)
            return
        if value.kind is Kind.NUMBER and kind is SecretKind.PASSWORD and re.fullmatch(r"\d{4,}", value.name):
            yield self.secret(attribute, kind, value.name.encode(), Confidence.POSSIBLE, value)
            return
        if value.kind is Kind.LIST:
            for item in value.items:
                if item.kind is not Kind.STRING:
                    continue
                if kind is not None:
                    yield from self.string(attribute, kind, item, None)
                else:
                    yield from self.inside(attribute, last, item)
            return
        if value.kind is not Kind.STRING:
            return
        if kind is None:
            kind = _kind_by_place(names, value.text)
        if kind is not None:
            yield from self.string(attribute, kind, value, None)
        else:
            yield from self.inside(attribute, last, value)

    def default(self, attribute: Attribute, names: list[str]) -> Iterator[LiteralSecret]:
        """The default of a declared secret option, when it looks random: nobody's example."""
        text = attribute.value.text
        if names[-1] != "default" or len(names) < 2 or text is None or len(text) < 12:
            return
        kind = kind_of(words_of(names[-2]))
        if kind is not None and not is_reference_or_placeholder(text) and _is_mixed(text):
            yield self.secret(attribute, kind, text, Confidence.POSSIBLE, attribute.value)

    def string(
        self, attribute: Attribute, kind: SecretKind, value: Value, target: Attribute | None, name: str = ""
    ) -> Iterator[LiteralSecret]:
        """A string in an option that holds a `kind`."""
        names = [component or "" for component in attribute.path]
        text = value.text
        if text is None:
            yield from self.inside(attribute, names[-1], value)
            if _mostly_literal(value):
                yield self.secret(attribute, kind, value.literal, Confidence.POSSIBLE, value, target, name)
            return
        if b"://" in text:
            yield from self.inside(attribute, names[-1], value)
        if is_reference_or_placeholder(text):
            return
        verdict = _verdict(names, kind, text.strip(), attribute.role)
        if verdict is not None:
            yield self.secret(attribute, verdict[0], text, verdict[1], value, target, name)

    def inside(self, attribute: Attribute, last: str, value: Value) -> Iterator[LiteralSecret]:
        """Secrets in the text of an option that is none itself: URLs, variables, flags."""
        if last in _PROSE:
            return
        text = b"\x00".join(part for part in _with_marks(value.parts))
        if b"://" in text:
            for match in re.finditer(_URL_PASSWORD, text):
                user, password = match[1], match[2]
                if b"\x00" in password or is_reference_or_placeholder(password):
                    continue
                plain = password.lower() in (b"password", b"pass", b"pw", b"pwd", b"secret", user.lower())
                confidence = Confidence.POSSIBLE if plain else Confidence.LIKELY
                yield self.secret(attribute, SecretKind.URL, password, confidence, value)
        if b"=" in text:
            for match in re.finditer(_ASSIGNMENT, text):
                yield from self.named(attribute, match[1], match[2], value)
        if last in _FLAG_OPTIONS and b"-" in text:
            for match in re.finditer(_FLAG, text):
                if match[1].isupper() or len(match[1]) > 3:
                    yield from self.named(attribute, match[1], match[2], value)

    def named(self, attribute: Attribute, name: bytes, text: bytes, value: Value) -> Iterator[LiteralSecret]:
        kind = kind_of(words_of(name.decode()))
        text = text.strip().rstrip(b";\\ ").strip(b"\"'")
        if re.match(rb"(?:id|src|source|name|type)=", text):  # docker's --secret id=…
            return
        if kind is None or b"\x00" in text or is_reference_or_placeholder(text):
            return
        if b"$" in text and hash_strength(text) is None:  # a shell would expand it
            return
        verdict = _verdict(["environment", name.decode()], kind, text, Role.SET)
        if verdict is not None and text.lower() != name.lower():
            yield self.secret(attribute, verdict[0], text, verdict[1], value, None, name.decode())

    def written(self, attribute: Attribute, last: str, call: Value) -> Iterator[LiteralSecret]:
        """A file written to the store, which every user of the machine can read."""
        if call.name.rpartition(".")[2] not in STORE_WRITERS or not call.items:
            return
        content = call.items[-1]
        named = call.items[0].literal if len(call.items) > 1 else b""
        if content.kind is Kind.SET:  # writeTextFile { name = …; text = …; }
            beside = self.within(attribute, call)
            if "text" not in beside:
                return
            content = beside["text"].value
            named = beside["name"].value.literal if "name" in beside else b""
        if content.kind is Kind.REFERENCE:
            target = self.bound.get(content.name)
            content = target.value if target is not None else content
        if content.kind is not Kind.STRING:
            return
        stored = named.decode(errors="replace")
        kind = kind_of_file(last) or kind_of_file(stored)
        text = content.text
        if kind is not None and text is not None and b"\n" not in text.strip():
            harmless = is_reference_or_placeholder(text)
            verdict = None if harmless else _verdict(["environment", last], kind, text.strip(), Role.SET)
            if verdict is not None:
                yield self.secret(attribute, verdict[0], text, verdict[1], call, None, stored)
                return
        yield from self.inside(attribute, "", content)

    def within(self, attribute: Attribute, call: Value) -> dict[str, Attribute]:
        """The attributes of the set that a call is given."""
        first = bisect_right(self.reading.attributes, call.start, key=lambda other: other.start)
        found: dict[str, Attribute] = {}
        for other in self.reading.attributes[first : first + 50]:
            if other.start >= call.end:
                break
            if other.path[:-1] == attribute.path and other.path[-1] is not None:
                found[other.path[-1]] = other
        return found

    def secret(
        self,
        attribute: Attribute,
        kind: SecretKind,
        text: bytes,
        confidence: Confidence,
        value: Value,
        target: Attribute | None = None,
        name: str = "",
    ) -> LiteralSecret:
        if self.test or "vmVariant" in attribute.path:
            confidence = Confidence.POSSIBLE
        if value.start == attribute.start:
            line, column = attribute.line, attribute.column
        elif target is not None:
            line, column = target.line, target.column
        else:
            line, column = self.reading.position(value.start)
        form = value.form or value.kind
        return LiteralSecret(
            kind, attribute.option, value.start, value.end, line, column, confidence, str(form), text, name
        )


def _with_marks(parts: tuple[bytes | None, ...]) -> Iterator[bytes]:
    """Parts to be joined by NUL so that a hole shows as NULs."""
    for part in parts:
        yield b"" if part is None else part


def _is_elsewhere(names: list[str]) -> bool:
    for place, name in enumerate(names[:-1]):
        if name in ("sops", "age", "agenix", "vaultix") and names[place + 1] in ("secrets", "templates"):
            return True
    return not _OTHER_SUBTREES.isdisjoint(names[:-1])


def _kind_by_place(names: list[str], text: bytes | None) -> SecretKind | None:
    """Options whose secret shows in the path and not in the last name."""
    last = names[-1]
    if len(names) < 2:
        return None
    if last in _TEXTS:
        # deployment.keys.db.text, environment.etc."restic-password".text
        if len(names) > 2 and names[-3] == "keys" and "deployment" in names:
            return SecretKind.SECRET
        one_line = text is not None and b"\n" not in text.strip()
        if one_line and not {"etc", "file", "files", "configFile", "dataFile"}.isdisjoint(names):
            return kind_of_file(names[-2].rpartition("/")[2])
        return None
    if names[-2] == "stringData":
        return SecretKind.SECRET
    if names[-2] == "basicAuth" and "virtualHosts" in names:
        return SecretKind.PASSWORD
    return None


def _verdict(
    names: list[str], kind: SecretKind, text: bytes, role: Role
) -> tuple[SecretKind, Confidence] | None:
    """Kind and confidence for a whole literal that is neither reference nor placeholder."""
    last = names[-1]
    words = words_of(last) or [last.lower()]
    if kind is SecretKind.PRESHARED_KEY and words[-1] in ("psk", "raw"):
        return SecretKind.WIFI_KEY, Confidence.LIKELY if len(text) >= 8 else Confidence.POSSIBLE
    if kind in (SecretKind.PRIVATE_KEY, SecretKind.PRESHARED_KEY):
        if is_key_material(text) or b"PRIVATE KEY-----" in text:
            return kind, Confidence.LIKELY
        return (kind, Confidence.POSSIBLE) if len(text) >= 16 and b" " not in text else None
    user_option = kind in (SecretKind.PASSWORD, SecretKind.HASHED_PASSWORD) and (
        last in _OWN_NAMES or (len(names) > 2 and names[-3] in ("users", "extraUsers"))
    )
    hashed = _hash_verdict(kind, text, user_option)
    if hashed is not None or kind is SecretKind.HASHED_PASSWORD:
        return hashed
    if user_option:
        return None if text in (b"!", b"!!", b"*") else (kind, Confidence.PROVED)
    if text.lower() in CHOICES or not re.search(rb"[^\W_]|[^\x00-\x7f]", text):
        return None
    if text.endswith((b":", "…".encode())) or re.fullmatch(rb"\d{1,2}", text):  # a label, a switch
        return None
    known = not _NAMESPACES.isdisjoint(names[:-1]) or _is_variable(last)
    is_own_name = text.decode(errors="replace").lower() in (last.lower(), words[-1])
    if _names_a_secret(text) or (is_own_name and not known):
        return kind, Confidence.POSSIBLE
    if kind is SecretKind.PASSWORD:
        is_path = b"/" in text and _is_plain_name(text)
        is_doubtful = is_path or (words == ["pass"] and not known)
        return kind, Confidence.POSSIBLE if is_doubtful else Confidence.LIKELY
    if re.fullmatch(rb"\d{1,9}[a-zA-Z%]{0,3}", text):  # a number, a duration
        return None
    if b" " in text or b"\n" in text:
        return None if kind is not SecretKind.SECRET or role is not Role.SET else (kind, Confidence.POSSIBLE)
    if _is_plain_name(text) and not _is_variable(last) and "deployment" not in names:
        return kind, Confidence.POSSIBLE  # `secret = "grafana-admin"` names one
    if len(text) < 8 and kind is not SecretKind.SECRET:
        return kind, Confidence.POSSIBLE
    return kind, Confidence.LIKELY


def _hash_verdict(kind: SecretKind, text: bytes, user_option: bool) -> tuple[SecretKind, Confidence] | None:
    """The verdict on a password hash, and on anything in an option for hashes: clear text there is a
    password, a locked account nothing."""
    expected = kind is SecretKind.HASHED_PASSWORD
    if expected and (text[:1] in b"!*" or text == b"x"):
        return None
    strong = hash_strength(text, expected=expected)
    if strong is True:
        return SecretKind.HASHED_PASSWORD, Confidence.POSSIBLE
    if strong is False:
        return SecretKind.WEAK_HASH, Confidence.PROVED if user_option else Confidence.LIKELY
    if not expected:
        return None
    if user_option and not re.match(rb"\$\w+\$|\{", text):
        return SecretKind.PASSWORD, Confidence.PROVED
    return SecretKind.HASHED_PASSWORD, Confidence.POSSIBLE


def _is_variable(name: str) -> bool:
    return "_" in name and name.isupper()


def _is_plain_name(text: bytes) -> bool:
    """Words of letters with dashes, dots or slashes: a name rather than a value."""
    return re.fullmatch(rb"[A-Za-z]{1,14}(?:[-_./][A-Za-z]{1,14})*\d{0,2}", text) is not None


def _names_a_secret(text: bytes) -> bool:
    """`db-password`, `wifi/home/psk`: where the secret is kept, more likely than the secret."""
    words = words_of(text.decode(errors="replace"))
    return len(words) > 1 and _is_plain_name(text) and kind_of(words) is not None


def _mostly_literal(value: Value) -> bool:
    """A string with holes whose literal part is itself long and mixed enough to be a secret."""
    longest = max((part for part in value.parts if part), key=len, default=b"")
    return len(longest) >= 8 and b"/" not in longest and _is_mixed(longest)


def _is_mixed(text: bytes) -> bool:
    """One word with digits and letters."""
    return not re.search(rb"\s", text) and bool(re.search(rb"\d", text) and re.search(rb"[A-Za-z]", text))
