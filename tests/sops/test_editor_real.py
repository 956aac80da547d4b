"""Real sops and our editor change files in turn, and agree about every one of them."""

import json
import os
import random
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sopsguard.document import Comment, Item, Mapping, Node, Scalar, Sequence, Time
from sopsguard.document import read as read_document
from sopsguard.document.yaml_writer import write_yaml
from sopsguard.sops.editor import (
    CannotEdit,
    Set,
    Unset,
    edit,
    encrypt,
    mend,
    rescope,
    rotate,
    seal,
    update_keys,
)
from sopsguard.sops.file import SopsFile, read
from sopsguard.sops.identity import Identities, Source, parse
from sopsguard.sops.masterkey import age_key
from sopsguard.sops.opening import Opened, open_file, plaintext
from sopsguard.sops.rules import Scope
from tests.conftest import Peer
from tests.throwaway import age_identity

VERSIONS = ["3.7.3", "3.9.4", "3.11.0", "3.12.2", "3.13.2", "3.13.3"]
NOW, LATER = "2026-11-23T20:00:00Z", "2026-11-24T07:30:00Z"
NAMES = {"yaml": "s.yaml", "two": "s.yaml", "json": "s.json", "env": "s.env", "bin": "s.bin"}
FORMATS = {"yaml": "yaml", "two": "yaml", "json": "json", "env": "dotenv", "bin": "binary"}
TEXTS = [
    "x", "", "two words", "yes", "n", "1", "0x1F", "1.5", "true", "~", "null", "2024-01-02", "12:30:45",
    "a: b", "a #b", "#", "- x", "é", "😀", "{}", "[a]", "'", '"', "\\", "\\n", "a\nb", "a\nb\n",
    "a\n\n", "*x", "&x", "!x", "%", "@", "`", "|", ">", "?", "? x", ":", "=", "<<", "  lead", "trail ",
    "x" * 300,
    "ENC[AES256_GCM,data:x]", "tab\tx", "\x07", "a=b", "$HOME", "<&>",
    "-----BEGIN X-----\nabc\n-----END X-----\n",
]  # fmt: skip
KEYS = ["a", "b", "on", "two words", "1", "é", "k:", "x_unencrypted", "secret", "n", "-", "#x", "last"]
SCOPES = {
    "everything": Scope(),
    "regex": Scope(encrypted_regex="^(a|secret|é|on)$"),
    "not": Scope(unencrypted_regex="^(b|n)$"),
    "suffix": Scope(encrypted_suffix="t"),
    "partial": Scope(encrypted_regex="^(a|secret)$", mac_only_encrypted=True),
    "comment": Scope(encrypted_comment_regex="enc"),
    "no-comment": Scope(unencrypted_comment_regex="plain"),
}

pytestmark = pytest.mark.peer("sops")


class Sops:
    """One version of sops in a directory of its own."""

    def __init__(self, program: Path, version: str, folder: Path) -> None:
        self.program, self.folder = program, folder
        self.version = tuple(int(part) for part in version.split("."))
        keys = [age_identity() for _ in range(4)]
        self.recipients = [recipient for _, recipient in keys]
        self.identities = [parse(identity.encode(), Source("text", "key")) for identity, _ in keys]
        self.secrets = [identity for identity, _ in keys]

    @property
    def all(self) -> Identities:
        return sum(self.identities, Identities())

    def run(self, *args: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        env = {**os.environ, "SOPS_AGE_KEY": "\n".join(self.secrets)}
        return subprocess.run(
            [self.program, *args], cwd=self.folder, env=env, input=stdin, capture_output=True, check=False
        )

    def __call__(self, *args: str) -> bytes:
        done = self.run(*args)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def rule(self, recipients: list[str], scope: Scope) -> None:
        fields = "".join(f"    {name}: {json.dumps(text)}\n" for name, text in scope.chosen().items())
        only = "    mac_only_encrypted: true\n" if scope.mac_only_encrypted else ""
        text = f"creation_rules:\n  - age: {','.join(recipients)}\n{fields}{only}"
        (self.folder / ".sops.yaml").write_text(text)


@pytest.fixture(params=VERSIONS)
def sops(request: pytest.FixtureRequest, peer: Peer, tmp_path: Path) -> Sops:
    return Sops(peer("sops", version=request.param), request.param, tmp_path)


# documents


def scalar(value: Any) -> Scalar:
    return Scalar(value, 0, 0, 1, 1)


class Documents:
    """Random documents, and the plain values in them."""

    def __init__(self, chance: random.Random, kind: str, comments: bool, lists: bool) -> None:
        self.chance, self.kind, self.comments, self.list_comments = chance, kind, comments, lists

    def value(self) -> Any:
        pick = self.chance.random()
        if self.kind in ("env", "bin") or pick < 0.7:
            text = self.chance.choice(TEXTS)
            return text.replace("\\n", "") if self.kind == "env" else text
        if pick < 0.8:
            return self.chance.choice([True, False])
        return self.chance.choice([7, -3, 0, 1.5, -2.25, None, 2**53])

    def name(self, taken: Any) -> str:
        names = [key for key in KEYS if key not in taken]
        if self.kind == "env":
            names = [key for key in names if key[0] != "#"]
        return self.chance.choice(names)

    def tree(self, depth: int = 0) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for _ in range(self.chance.randint(1, 4)):
            result[self.name(result)] = self.node(depth + 1)
        return result

    def node(self, depth: int) -> Any:
        pick = self.chance.random()
        if self.kind == "env" or depth > 3 or pick < 0.6:
            return self.value()
        if pick < 0.85:
            return self.tree(depth)
        # texts that begin with a space come back broken from a list (a defect of go-yaml)
        found = [self.node(depth + 1) for _ in range(self.chance.randint(0, 3))]
        return [value if not isinstance(value, str) or value[:1] not in " \n" else "x" for value in found]

    def written(self, tree: dict[str, Any]) -> bytes:
        if self.kind == "bin":
            return str(tree["data"]).encode()
        if self.kind == "json":
            return json.dumps(tree, ensure_ascii=False, indent=self.chance.choice([None, 2])).encode()
        if self.kind == "env":
            lines = [f"{key}={value}".replace("\n", "\\n") + "\n" for key, value in tree.items()]
            return "".join(("#enc me\n" if self.comments else "") + line for line in lines).encode()
        return write_yaml([self.mapping(tree)])

    def comment(self) -> Comment:
        text = self.chance.choice([" enc", " plain", " about", "é"])
        return Comment(text, 0, 0, 1, 1)

    def mapping(self, tree: dict[str, Any]) -> Mapping:
        mapping = Mapping()
        for key, value in tree.items():
            if self.comments and self.chance.random() < 0.3:
                mapping.items.append(self.comment())
            mapping.add(Item(scalar(key), self.yaml(value)))
        if self.comments and self.chance.random() < 0.1:
            mapping.items.append(self.comment())
        return mapping

    def yaml(self, value: Any) -> Node:
        if isinstance(value, dict):
            return self.mapping(value)
        if isinstance(value, list):
            sequence = Sequence()
            comments, self.comments = self.comments, self.comments and self.list_comments
            for one in value:
                if self.list_comments and self.chance.random() < 0.2:
                    sequence.items.append(self.comment())
                sequence.add(self.yaml(one))
            self.comments = comments
            return sequence
        return scalar(value)


def values(data: bytes, format: str) -> list[Any]:
    """What a file in clear says."""
    if format == "binary":
        return [{"data": data.decode("utf-8", "surrogateescape")}]

    def plain(node: Node) -> Any:
        if isinstance(node, Mapping):
            return {item.name: plain(item.value) for item in node.entries()}
        if isinstance(node, Sequence):
            return [plain(one) for one in node.entries()]
        if isinstance(node.value, Time):
            return node.value.text
        # sops prints 1.0 as 1
        return float(node.value) if type(node.value) is int else node.value

    return [plain(root) for root in read_document(data, format).roots]


def normal(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: normal(below) for key, below in value.items()}
    if isinstance(value, list):
        return [normal(below) for below in value]
    return float(value) if type(value) is int else value


def places(tree: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every path in a tree."""
    found = [path] if path else []
    pairs = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else []
    for key, below in pairs:
        found += places(below, (*path, key))
    return found


def at(tree: Any, path: tuple[str | int, ...]) -> Any:
    for part in path:
        tree = tree[part]
    return tree


def expression(path: tuple[str | int, ...]) -> str:
    return "".join(
        f"[{part}]" if isinstance(part, int) else f"[{json.dumps(part, ensure_ascii=False)}]" for part in path
    )


class Story:
    """One file that is changed again and again, by us and by sops."""

    def __init__(self, sops: Sops, kind: str, scope: Scope, chance: random.Random, comments: bool) -> None:
        self.sops, self.kind, self.chance, self.scope = sops, kind, chance, scope
        self.name, self.format = NAMES[kind], FORMATS[kind]
        self.file = sops.folder / self.name
        lists = comments and sops.version != (3, 13, 2) and sops.version >= (3, 10, 0)
        self.documents = Documents(chance, kind, comments, lists)
        trees = [self.documents.tree() for _ in range(2 if kind == "two" else 1)]
        if kind == "bin":
            trees = [{"data": self.documents.value() or "x"}]
        self.models: list[Any] = trees
        self.readers = sops.recipients[:2]
        self.counted = 0
        text = b"---\n".join(map(self.documents.written, trees))
        old = sops.version < (3, 9, 0) and scope.mac_only_encrypted
        if chance.random() < 0.5 or old or chance.random() < 0.2:
            data = encrypt(text, self.format, [self.readers], NOW, scope)
            self.file.write_bytes(data)
        else:
            self.file.write_bytes(text)
            sops.rule(self.readers, scope)
            sops("-e", "-i", self.name)
        self.judge("encrypted")

    def judge(self, what: str) -> None:
        """Real sops opens it to what it should be, and we open it."""
        self.counted += 1
        printed = self.sops.run("-d", self.name)
        assert printed.returncode == 0, (what, printed.stderr.decode())
        found = values(printed.stdout, self.format)
        assert found == [normal(model) for model in self.models], what
        file = read(self.file.read_bytes(), self.name)
        assert isinstance(file, SopsFile)
        opened = open_file(file, self.sops.all, self.sops.version)  # type: ignore[arg-type]
        assert isinstance(opened, Opened), (what, opened)
        readers = [sorted(r.key.text for r in group) for group in file.metadata.groups]
        assert readers == [sorted(self.readers)], what

    def change(self) -> tuple[int, tuple[str | int, ...], Any]:
        """A place and a new value, or `...` to take out what is there."""
        number = self.chance.randrange(len(self.models))
        model = self.models[number]
        if self.kind == "bin":
            return number, ("data",), self.chance.choice(["new", "a\nb", "é", "x" * 1000])
        paths = places(model)
        pick = self.chance.random()
        if paths and pick < 0.4:  # a value that is there
            return number, self.chance.choice(paths), self.new()
        if len(paths) > 1 and pick < 0.6:
            return number, self.chance.choice(paths), ...
        containers = [(), *(path for path in paths if isinstance(at(model, path), dict | list))]
        path = self.chance.choice(containers)
        here = at(model, path)
        if isinstance(here, list):
            return number, (*path, len(here)), self.new()
        if len(here) > 10:
            return number, (*path, next(iter(here))), self.new()
        name = self.documents.name(here)
        return number, (*path, name), self.new()

    def new(self) -> Any:
        if self.kind == "env":
            return self.documents.value()
        found = self.documents.node(2)
        return "x" if isinstance(found, str) and found[:1] in (" ", "\n") else found

    def made(self, number: int, path: tuple[str | int, ...], value: Any) -> None:
        """The change in the model."""
        here = at(self.models[number], path[:-1])
        if value is ...:
            del here[path[-1]]
        elif isinstance(here, list) and path[-1] == len(here):
            here.append(value)
        else:
            here[path[-1]] = value

    def edit(self) -> None:
        before = self.file.read_bytes()
        changes = []
        lines: set[int] = set()
        for _ in range(self.chance.choice([1, 1, 1, 2, 4])):
            number, path, value = self.change()
            if self.documents.list_comments and any(isinstance(part, int) for part in path):
                continue  # encrypted comments are elements of a list
            changes.append(Set(path, value, number) if value is not ... else Unset(path, number))
            lines = lines if len(changes) > 1 else self.lines(before, number, path)
            self.made(number, path, json.loads(json.dumps(value)) if value is not ... else value)
        after = edit(before, self.name, changes, self.one(), LATER)
        self.file.write_bytes(after)
        self.judge(f"we edit {[(c.path, c.document) for c in changes]}")
        governed = bool(self.scope.encrypted_comment_regex or self.scope.unencrypted_comment_regex)
        if len(changes) == 1 and not (governed and isinstance(changes[0], Unset)):
            self.untouched(before, after, lines)

    def one(self) -> Identities:
        """The identity of one reader."""
        return self.sops.identities[self.sops.recipients.index(self.chance.choice(self.readers))]

    def lines(self, data: bytes, number: int, path: tuple[str | int, ...]) -> set[int]:
        """The lines in which something at or below `path` stands, or the place where it goes."""
        file = read(data, self.name)
        assert isinstance(file, SopsFile)
        node: Node = file.document.roots[number]
        found: set[int] = set()
        for part in path:
            if isinstance(node, Mapping):
                item = next((i for i in node.entries() if i.name == part), None)
                node = item.value if item else scalar(None)
                line = item.key.line if item else 0
            elif isinstance(node, Sequence):
                entries = node.entries()
                assert isinstance(part, int)
                node = entries[part] if part < len(entries) else scalar(None)
                line = node.line
            found = {line}
        last = max([*found, *self.below(node)])
        return set(range(min(found), last + 2))

    def below(self, node: Node) -> list[int]:
        if isinstance(node, Scalar):
            text = node.value if isinstance(node.value, str) else ""
            return [node.line + (text.count("\n") + 1 if node.style in ("|", "'") else 0)]
        children = [item.value if isinstance(item, Item) else item for item in node.items]
        lines = [n for child in children if not isinstance(child, Comment) for n in self.below(child)]
        return [node.line, *lines, *(c.line for c in children if isinstance(c, Comment))]

    def untouched(self, before: bytes, after: bytes, touched: set[int]) -> None:
        """Whatever line is gone was touched, or is `mac`, `lastmodified`, or a container that was empty."""
        rest = iter(after.split(b"\n"))
        for number, line in enumerate(before.split(b"\n"), 1):
            is_seal = b"lastmodified" in line or b"mac" in line
            opened = line.rstrip(b" ,").endswith((b"{}", b"[]", b":", b"[", b"{", b"}", b"]", b"-"))
            opened = opened and b"ENC[" not in line
            if not (is_seal or number in touched or opened):
                commas = {line, line + b",", line.removesuffix(b",")} if self.kind == "json" else {line}
                assert any(other in commas for other in rest), (number, line[:40])

    def sops_edits(self) -> None:
        number, path, value = self.change()
        if number or self.sops.version < (3, 9, 0) or self.is_odd(path):
            return
        if value is ...:
            arguments = ["unset", self.name, expression(path)]
        else:
            arguments = ["set", self.name, expression(path), json.dumps(value, ensure_ascii=False)]
        done = self.sops.run(*arguments)
        if done.returncode:
            return  # what this version cannot do
        self.made(number, path, value)
        self.judge(f"sops does {arguments[0]} {path}")

    def is_odd(self, path: tuple[str | int, ...]) -> bool:
        """Where sops counts the comments of a list, or cannot say the key."""
        listed = any(isinstance(part, int) for part in path)
        return (self.documents.list_comments and listed) or any("[" in str(part) for part in path)

    def sops_rotates(self) -> None:
        self.sops("-r", "-i", self.name)
        self.judge("sops rotates")

    def rotate(self) -> None:
        before = self.file.read_bytes()
        groups = None
        if self.chance.random() < 0.3:
            self.readers = self.chance.sample(self.sops.recipients, self.chance.randint(1, 4))
            groups = [[age_key(text) for text in self.readers]]
        self.file.write_bytes(rotate(before, self.name, self.sops.all, LATER, groups))
        self.judge("we rotate")

    def update(self) -> None:
        self.readers = self.chance.sample(self.sops.recipients, self.chance.randint(1, 4))
        before = self.file.read_bytes()
        groups = [[age_key(text) for text in self.readers]]
        after = update_keys(before, self.name, groups, self.sops.all)
        self.file.write_bytes(after)
        self.judge("we update the keys")
        self.sops.rule(self.readers, self.scope)
        if self.sops.version >= (3, 10, 0) or not self.scope.mac_only_encrypted:
            self.sops("updatekeys", "-y", self.name)
            assert self.file.read_bytes() == after  # sops finds nothing to do

    def rescope(self) -> None:
        """Another scope: what sops opens stays the same, and so it does after it writes the file anew."""
        if self.kind == "bin" or self.scope.encrypted_comment_regex or self.scope.unencrypted_comment_regex:
            return
        plain = [scope for scope in SCOPES.values() if not any("comment" in name for name in scope.chosen())]
        scope = self.chance.choice(plain)
        if scope.mac_only_encrypted and self.sops.version < (3, 9, 0):
            return
        before = self.file.read_bytes()
        try:
            after = rescope(before, self.name, scope, self.one(), LATER)
        except CannotEdit as refusal:
            if "comment in a list" in str(refusal):
                return
            raise
        self.file.write_bytes(after)
        self.scope = scope
        self.judge(f"we give it the scope {scope.effective()}")

    def mend(self) -> None:
        """A hand puts values in clear into the file; then it is whole again."""
        if self.kind == "bin" or "by hand" in self.models[0]:
            return
        before = self.file.read_bytes()
        if self.kind == "json":
            by_hand = before.replace(b'"sops": {', b'"by hand": "v",\n"sops": {', 1)
        else:
            first = re.search(rb"(?m)^(sops:|sops_)", before)
            assert first
            line = b"by hand=v\n" if self.kind == "env" else b"by hand: v\n"
            by_hand = before[: first.start()] + line + before[first.start() :]
        self.file.write_bytes(mend(by_hand, self.name, self.one(), LATER))
        self.models[0]["by hand"] = "v"
        self.judge("we mend it")

    def sops_updates(self) -> None:
        self.readers = self.chance.sample(self.sops.recipients, self.chance.randint(1, 4))
        self.sops.rule(self.readers, self.scope)
        self.sops("updatekeys", "-y", self.name)
        self.judge("sops updates the keys")

    def go_on(self, steps: int) -> None:
        deeds: list[Callable[[], None]] = [
            self.edit, self.edit, self.edit, self.rotate, self.update, self.rescope, self.mend,
        ]  # fmt: skip
        if self.sops.version >= (3, 9, 0) or self.kind != "env":
            deeds += [self.sops_edits, self.sops_edits, self.sops_rotates, self.sops_updates]
        for _ in range(steps):
            self.chance.choice(deeds)()


def tell(sops: Sops, kind: str, seed: int, steps: int) -> int:
    chance = random.Random(f"{kind} {seed} {sops.version}")
    scopes = [
        scope
        for scope in SCOPES.values()
        if sops.version >= (3, 9, 0) or not (scope.mac_only_encrypted or "comment" in str(scope.chosen()))
    ]
    if kind == "bin":
        scopes = [Scope()]
    story = Story(sops, kind, chance.choice(scopes), chance, comments=kind != "json" and seed % 2 == 1)
    story.go_on(steps)
    return story.counted


@pytest.mark.parametrize("kind", list(NAMES))
def test_we_and_sops_take_turns_on_a_file(sops: Sops, kind: str) -> None:
    assert tell(sops, kind, 0, 4) > 1


@pytest.mark.slow
@pytest.mark.parametrize("kind", list(NAMES))
@pytest.mark.parametrize("seed", range(1, 9))
def test_we_and_sops_take_many_turns_on_many_files(sops: Sops, kind: str, seed: int) -> None:
    assert tell(sops, kind, seed, 8) > 2


# what we refuse


def obeyed(sops: Sops, refusal: CannotEdit) -> None:
    """Sops does what the refusal says."""
    assert refusal.commands
    for command in refusal.commands:
        done = sops.run(*command.argv[1:], stdin=command.stdin or b"")
        assert done.returncode == 0, (command.argv, done.stderr.decode())


@pytest.mark.parametrize("version", ["3.11.0", "3.13.3"])
def test_sops_does_what_a_refusal_says(peer: Peer, tmp_path: Path, version: str) -> None:
    sops = Sops(peer("sops", version=version), version, tmp_path)
    one, two = (age_key(text) for text in sops.recipients[:2])
    sops.rule([one.text], Scope())
    ini = tmp_path / "s.ini"
    ini.write_text("[s]\nk = v\n")
    with pytest.raises(CannotEdit) as caught:
        seal(ini.read_bytes(), "s.ini", [[one]], NOW)
    obeyed(sops, caught.value)
    deeds: list[Callable[[], bytes]] = [
        lambda: edit(
            ini.read_bytes(), "s.ini", [Set(("s", "k"), "w"), Set(("s", "n"), "x\ny")], sops.all, NOW
        ),
        lambda: edit(ini.read_bytes(), "s.ini", [Unset(("s", "k"))], sops.all, NOW),
        lambda: rotate(ini.read_bytes(), "s.ini", sops.all, NOW),
    ]
    printed = []
    for deed in deeds:
        with pytest.raises(CannotEdit) as caught:
            deed()
        assert caught.value.missing == ("the sops program",)
        obeyed(sops, caught.value)
        printed.append(sops("-d", "s.ini").split())
    assert printed[0] == [b"[s]", b"k", b"=", b"w", b"n", b"=", b'"""x', b'y"""']
    assert printed[1] == printed[2] == printed[0][:1] + printed[0][4:]
    sops.rule([one.text, two.text], Scope())
    with pytest.raises(CannotEdit) as caught:
        update_keys(ini.read_bytes(), "s.ini", [[one, two]], sops.all)
    obeyed(sops, caught.value)
    file = read(ini.read_bytes(), "s.ini")
    assert isinstance(file, SopsFile)
    assert [r.key.text for r in file.metadata.recipients] == [one.text, two.text]


def test_a_sealed_file_is_what_sops_makes_of_it(sops: Sops) -> None:
    for kind, name in (("yaml", "s.yaml"), ("json", "s.json"), ("env", "s.env"), ("bin", "s.env.prod")):
        text = {"yaml": "a: é # c\nb: [1]\n", "json": '{"a": [true]}', "env": "A=b\n#c\n"}.get(kind, "x\n")
        data = seal(text.encode(), name, [[age_key(r) for r in sops.recipients[:2]]], NOW)
        (sops.folder / name).write_bytes(data)
        (sops.folder / f"plain.{kind}").write_text(text)
        opened = open_file(read(data, name), sops.all)  # type: ignore[arg-type]
        assert isinstance(opened, Opened)
        assert sops("-d", name).strip() == plaintext(opened).strip()
