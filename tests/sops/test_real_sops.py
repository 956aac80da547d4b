"""What real versions of sops write reads clean, and opens to what they print; what we write, they open."""

import os
import random
import re
import subprocess
from pathlib import Path

import pytest

from sopsguard.sops.editor import encrypt
from sopsguard.sops.file import SopsFile, read
from sopsguard.sops.identity import Identities, Source, parse
from sopsguard.sops.opening import Opened, open_file, plaintext
from sopsguard.sops.rules import Scope
from sopsguard.sops.soundness import problems
from tests.conftest import Peer
from tests.throwaway import age_identity

OLDEST, NEWEST = "3.7.3", "3.13.3"
VERSIONS = [OLDEST, "3.9.4", "3.12.2", "3.13.2", NEWEST]
NOW = "2026-11-23T20:00:00Z"
# true of good files too
INFORMATION = {"L12", "L14", "L17", "L18"}

YAML = """\
# about everything

# about a
a: x # beside
on: "yes"
multi: |
    one
      two
folded: "very long text {long}"
numbers: [1, -5, 0x1F, 1.5, 1e21, 0.000001, 1_000]
truth: [true, false]
none: null
empty: ""
emptymap: {{}}
emptylist: []
quoted: 'it''s: # fine'
unicode: "é 😀 \\u0007"
nested:
    deep:
        # about deeper
        deeper: secret
        # foot
    list:
        - one
        - k: two
          l: [three]
public_unencrypted:
    port: 8080
    ratio: 2.50
    flag: yes
""".format(long="word " * 40)
TEXTS = {
    "yaml": YAML,
    "two.yaml": "a: one\n---\n# c\nb: two\nc: [1, 2]\n",
    "json": '{"a": "é<&>", "b": [1, 2.5, true, null, "", {"c": "d"}], "z_unencrypted": {"n": 7}}',
    "env": "# about A\nA=b c\nB=\nC=x=y\nD='q'\nE=one\\ntwo\n",
    "ini": "top = 1\n\n; about s\n[s]\nk = v\n; about m\nm = two words\n\n[t]\nx = `a#b`\n",
    "bin": "line\n\x00\x01é",
}


def number(version: str) -> tuple[int, int, int]:
    major, minor, patch = map(int, version.split("."))
    return major, minor, patch


class Sops:
    """One version of sops, in a directory of its own with three throw-away keys."""

    def __init__(self, program: Path, version: str, folder: Path) -> None:
        self.program, self.version, self.folder = program, number(version), folder
        keys = [age_identity() for _ in range(3)]
        self.recipients = [recipient for _, recipient in keys]
        (folder / "keys.txt").write_text("".join(f"{identity}\n" for identity, _ in keys))
        self.identities: Identities = parse((folder / "keys.txt").read_bytes(), Source("file", "keys.txt"))

    def __call__(
        self, *args: str, editor: str = "true", check: bool = True
    ) -> subprocess.CompletedProcess[bytes]:
        env = {**os.environ, "SOPS_AGE_KEY_FILE": str(self.folder / "keys.txt"), "EDITOR": editor}
        done = subprocess.run(
            [self.program, *args], cwd=self.folder, env=env, capture_output=True, check=False
        )
        assert not check or done.returncode == 0, done.stderr.decode()
        return done

    def decrypt(self, name: str) -> bytes | None:
        """What it prints for a file, or nothing if it refuses."""
        done = self("-d", name, check=False)
        return done.stdout if done.returncode == 0 else None

    def encrypt(self, name: str, text: str | None = None, *options: str) -> None:
        (self.folder / name).write_bytes(
            TEXTS[name.partition(".")[2]].encode() if text is None else text.encode()
        )
        self("-e", "-i", "--age", ",".join(self.recipients[:2]), *options, name)

    def rules(self, text: str) -> None:
        (self.folder / ".sops.yaml").write_text(text)

    def judge(self, name: str) -> None:
        """The file is clean, and opens to what this sops prints."""
        data = (self.folder / name).read_bytes()
        file = read(data, name)
        assert isinstance(file, SopsFile), file
        assert {problem.code for problem in problems(file)} <= INFORMATION, list(problems(file))
        printed, result = self.decrypt(name), open_file(file, self.identities, self.version)
        assert printed is not None
        assert isinstance(result, Opened), result
        ours = plaintext(result)
        if name.endswith(".json") and self.version < (3, 10, 0):
            printed += b"\n"
        if name.endswith(".ini") and self.version < (3, 9, 0):
            printed = printed.removesuffix(b"\n")
        assert ours == printed


@pytest.fixture(params=VERSIONS)
def sops(request: pytest.FixtureRequest, peer: Peer, tmp_path: Path) -> Sops:
    return Sops(peer("sops", version=request.param), request.param, tmp_path)


@pytest.fixture
def newest(peer: Peer, tmp_path: Path) -> Sops:
    return Sops(peer("sops", version=NEWEST), NEWEST, tmp_path)


pytestmark = pytest.mark.peer("sops")


@pytest.mark.parametrize("kind", list(TEXTS))
def test_what_sops_encrypts_is_clean_and_opens(sops: Sops, kind: str) -> None:
    name = f"a.{kind}"
    sops.encrypt(name)
    sops.judge(name)


@pytest.mark.parametrize(
    "option",
    [["--unencrypted-suffix", "_x"], ["--encrypted-suffix", ""], ["--encrypted-regex", "^(a|A|deep|k|b)$"],
     ["--unencrypted-regex", "^(nested|b)$"]],
    ids=" ".join,
)  # fmt: skip
def test_every_selection_is_clean_and_opens(sops: Sops, option: list[str]) -> None:
    for kind in ("yaml", "json", "env"):
        suffix = {"yaml": "eeper", "json": "a", "env": "A"}[kind]
        sops.encrypt(f"a.{kind}", None, option[0], option[1] or suffix)
        sops.judge(f"a.{kind}")


def test_comment_selections_and_partial_macs_open(sops: Sops) -> None:
    if sops.version < (3, 9, 0):
        pytest.skip("since 3.9")
    for field in (
        "unencrypted_comment_regex: about",
        "encrypted_comment_regex: about",
        "encrypted_regex: ^(a|deep)$",
    ):
        sops.rules(f"creation_rules:\n- age: {sops.recipients[0]}\n  mac_only_encrypted: true\n  {field}\n")
        (sops.folder / "a.yaml").write_text(YAML)
        sops("-e", "-i", "a.yaml")
        sops.judge("a.yaml")


@pytest.mark.parametrize("kind", ["yaml", "json", "env", "ini"])
def test_changed_files_are_clean_and_open(sops: Sops, kind: str) -> None:
    name = f"a.{kind}"
    sops.encrypt(name)
    editor = sops.folder / "edit"
    edits = ("secret/changed", "b c/new", "two words/other", '"d"/"e"')
    editor.write_text("#!/bin/sh\n" + "".join(f"sed -i 's/{edit}/' \"$1\"\n" for edit in edits))
    editor.chmod(0o755)
    sops(name, editor=str(editor))
    sops.judge(name)
    sops("-r", "-i", name)
    sops.judge(name)
    if sops.version >= (3, 9, 0):
        path = {
            "yaml": '["nested"]["deep"]["deeper"]',
            "json": '["b"][5]["c"]',
            "env": '["A"]',
            "ini": '["s"]["k"]',
        }
        sops("set", name, path[kind], '"set"')
        sops.judge(name)
        sops("unset", name, path[kind])
        sops.judge(name)


def test_rewrapped_files_and_key_groups_are_clean_and_open(sops: Sops) -> None:
    one, two, three = sops.recipients
    for kind in ("yaml", "json", "env", "ini", "bin"):
        sops.encrypt(f"a.{kind}")
    sops.rules(f"creation_rules:\n- age: {one},{three}\n")
    sops("updatekeys", "-y", "a.yaml")
    sops.judge("a.yaml")
    groups = "".join(f"  - age: [{recipient}]\n" for recipient in (one, two, three))
    sops.rules(f"creation_rules:\n- shamir_threshold: 2\n  key_groups:\n{groups}")
    for kind in ("yaml", "json", "env", "ini", "bin"):
        if kind in ("env", "ini") and sops.version < (3, 10, 0):
            continue  # it crashes at the threshold
        (sops.folder / f"b.{kind}").write_bytes(TEXTS[kind].encode())
        sops("-e", "-i", f"b.{kind}")
        sops.judge(f"b.{kind}")
    sops("-r", "-i", "b.yaml")
    sops.judge("b.yaml")


def test_what_we_write_every_sops_opens(sops: Sops) -> None:
    for kind in ("yaml", "two.yaml", "json", "env", "bin"):
        name = f"w.{kind}"
        format = {"two.yaml": "yaml", "env": "dotenv", "bin": "binary"}.get(kind, kind)
        for scope in (Scope(), Scope(encrypted_regex="^(a|deep|c|A)$")):
            data = encrypt(TEXTS[kind].encode(), format, [sops.recipients[:2]], NOW, scope)
            (sops.folder / name).write_bytes(data)
            sops.judge(name)
        if kind == "env" and sops.version < (3, 10, 0):
            continue  # it does not read its own threshold
        groups = [[recipient] for recipient in sops.recipients]
        (sops.folder / name).write_bytes(encrypt(TEXTS[kind].encode(), format, groups, NOW, threshold=2))
        sops.judge(name)


def test_what_we_write_is_laid_out_as_sops_lays_it_out(newest: Sops) -> None:
    def layout(data: bytes) -> bytes:
        data = re.sub(rb"(?s)(BEGIN AGE ENCRYPTED FILE).*?(END AGE)", rb"\1\2", data)
        data = re.sub(rb"ENC\[[^\]]*(type:\w+)\]", rb"\1", data)
        return re.sub(rb"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", b"now", data)

    for kind in ("yaml", "two.yaml", "json", "env", "bin"):
        newest.encrypt(f"a.{kind}")
        format = {"two.yaml": "yaml", "env": "dotenv", "bin": "binary"}.get(kind, kind)
        ours = encrypt(TEXTS[kind].encode(), format, [newest.recipients[:2]], NOW)
        assert layout(ours) == layout((newest.folder / f"a.{kind}").read_bytes())


# damage: opens if and only if sops opens it


def mutated(data: bytes, other: bytes, chance: random.Random) -> tuple[str, bytes]:
    """One damage of one class, and the class."""
    rows, foreign = data.split(b"\n"), other.split(b"\n")
    values = list(re.finditer(rb"ENC\[[^\]\n]*\]", data))
    at, to = chance.randrange(len(rows)), chance.randrange(len(rows))
    kind = chance.choice(
        ["flip", "delete", "swap", "rename", "requote", "truncate", "splice", "exchange", "retype"]
    )
    if kind == "flip":
        spot = chance.randrange(len(data))
        return kind, data[:spot] + bytes([data[spot] ^ 1 << chance.randrange(7)]) + data[spot + 1 :]
    if kind == "truncate":
        return kind, data[: chance.randrange(len(data))]
    if kind in ("exchange", "requote", "retype") and len(values) > 1:
        one, two = sorted(chance.sample(values, 2), key=lambda found: found.start())
        if kind == "exchange":
            return kind, data[: one.start()] + two[0] + data[one.end() : two.start()] + one[0] + data[
                two.end() :
            ]
        new = b'"' + one[0] + b'"' if kind == "requote" else re.sub(rb"type:\w+", b"type:" + chance.choice(
            [b"str", b"int", b"bool", b"float", b"time", b"comment"]), one[0])  # fmt: skip
        return kind, data[: one.start()] + new + data[one.end() :]
    if kind == "delete":
        del rows[at]
    elif kind == "swap":
        rows[at], rows[to] = rows[to], rows[at]
    elif kind == "rename":
        rows[at] = re.sub(rb"([A-Za-z_]+)([\"']?\s*[:=])", rb"\1x\2", rows[at], count=1)
    else:
        start = chance.randrange(len(foreign))
        rows[at:at] = foreign[start : start + chance.randint(1, 3)]
    return kind, b"\n".join(rows)


def _agree(sops: Sops, kind: str, rounds: int, seed: int) -> None:
    chance = random.Random(seed)
    name = f"m.{kind}"
    for first in ("a", "b"):
        sops.encrypt(f"{first}.{kind}", "x: other\n" if first == "b" and kind == "yaml" else None)
    data, other = ((sops.folder / f"{first}.{kind}").read_bytes() for first in ("a", "b"))
    for _ in range(rounds):
        what, damaged = mutated(data, other, chance)
        (sops.folder / name).write_bytes(damaged)
        printed = sops.decrypt(name)
        file = read(damaged, name)
        result = open_file(file, sops.identities, sops.version) if isinstance(file, SopsFile) else None
        ours = plaintext(result) if isinstance(result, Opened) else None
        if isinstance(file, SopsFile) and file.format != file.format_by_name:
            ours = None  # sops must be told the type
        assert ours == printed, (what, result)


@pytest.mark.parametrize("kind", ["yaml", "json", "env", "ini", "bin"])
def test_a_damaged_file_opens_if_and_only_if_sops_opens_it(newest: Sops, kind: str) -> None:
    _agree(newest, kind, 12, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["yaml", "json", "env", "ini", "bin"])
def test_many_damaged_files_open_if_and_only_if_sops_opens_them(newest: Sops, kind: str) -> None:
    _agree(newest, kind, 250, seed=2)
