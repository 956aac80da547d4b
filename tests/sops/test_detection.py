"""What is seen of damage without a key, per class of damage: the table in `docs/detection.md`.

`python -m tests.sops.test_detection` writes it anew.
"""

import random
import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import NamedTuple

import pytest

from sopsguard.history import Breach, Present, judged
from sopsguard.sops.file import NotSops, SopsFile, read
from sopsguard.sops.opening import Opened, open_file, plaintext
from sopsguard.sops.soundness import problems
from tests.conftest import ROOT
from tests.sops.made import IDENTITIES, NAMES, NOW, sealed

DOCUMENT = ROOT / "docs" / "detection.md"
ROUNDS = 24
TEXTS = {
    "yaml": "a: first value\nb:\n    c: second value\n    d: third one\n"
    "list:\n    - one of them\n    - another\nport_unencrypted: 80\n",
    "json": '{"a": "first value", "b": {"c": "second value", "d": "third"}, "port_unencrypted": 80}',
    "dotenv": "A=first value\nB=second value\nC=third value\nPORT_unencrypted=80\n",
}
VALUE = re.compile(rb"ENC\[[^\]\n]*\]")
# facts that are true of good files too
INFORMATION = {"L12", "L14", "L17"}


class Damage(NamedTuple):
    """A class of damage, always seen; `history`: only beside the version before."""

    name: str
    apply: Callable[[bytes, random.Random], bytes]
    history: bool = False


def values(data: bytes) -> list[re.Match[bytes]]:
    """The encrypted values before the metadata."""
    end = re.search(rb"\n?\"?sops[_\":]", data)
    assert end is not None
    return [found for found in VALUE.finditer(data) if found.start() < end.start()]


def at_value(change: Callable[[bytes, random.Random], bytes]) -> Callable[[bytes, random.Random], bytes]:
    def apply(data: bytes, chance: random.Random) -> bytes:
        found = chance.choice(values(data))
        return data[: found.start()] + change(found[0], chance) + data[found.end() :]

    return apply


def copied(data: bytes, chance: random.Random) -> bytes:
    one, two = chance.sample(values(data)[:3], 2)
    return data[: one.start()] + two[0] + data[one.end() :]


def exchanged(data: bytes, chance: random.Random) -> bytes:
    one, two = sorted(chance.sample(values(data)[:3], 2), key=lambda found: found.start())
    return data[: one.start()] + two[0] + data[one.end() : two.start()] + one[0] + data[two.end() :]


def renamed(data: bytes, chance: random.Random) -> bytes:
    found = chance.choice(values(data)[:3])
    start = data.rfind(b"\n", 0, found.start()) + 1
    return data[:start] + re.sub(rb"([A-Za-z])([\"']?\s*[:=])", rb"\1x\2", data[start:], count=1)


def deleted(data: bytes, chance: random.Random) -> bytes:
    found = chance.choice(values(data)[:2])
    start, end = data.rfind(b"\n", 0, found.start()) + 1, data.index(b"\n", found.end()) + 1
    return data[:start] + data[end:]


def without_block(data: bytes, _: random.Random) -> bytes:
    if data.startswith(b"{"):
        return re.sub(rb",\s*\"sops\": \{.*\}\s*\}\s*\Z", b"\n}\n", data, flags=re.DOTALL)
    return re.sub(rb"(?m)^sops_.*\n|^sops:\n(?:[ \t].*\n)*", b"", data)


def field(name: str) -> Callable[[bytes, random.Random], bytes]:
    def apply(data: bytes, _: random.Random) -> bytes:
        return re.sub(rb"(?m)^[ \t]*\"?(?:sops_)?" + name.encode() + rb"\"?[:=].*\n", b"", data)

    return apply


def blob(data: bytes, chance: random.Random) -> bytes:
    start = data.index(b"YWdlLWVuY3J5cHRpb24") + chance.randrange(20, 200)
    return data[:start] + b"!" + data[start + 1 :]


def flipped(text: bytes, chance: random.Random) -> bytes:
    at = text.index(b"data:") + 5 + chance.randrange(6)
    return text[:at] + (b"A" if text[at : at + 1] != b"A" else b"B") + text[at + 1 :]


def removed(text: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(5, len(text))
    return text[:at] + text[at + 1 :]


def retyped(text: bytes, _: random.Random) -> bytes:
    return text.replace(b"type:str", b"type:bool")


def clear_changed(data: bytes, _: random.Random) -> bytes:
    return re.sub(rb"(unencrypted\W+)80", rb"\g<1>81", data)


def time_changed(data: bytes, _: random.Random) -> bytes:
    return data.replace(NOW.encode(), b"2026-11-23T21:00:00Z")


def cut(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(40, len(data) - 3)]


DAMAGES = (
    Damage("a value in clear", at_value(lambda _text, _chance: b"hunter2")),
    Damage("a value copied to another key", copied),
    Damage("two values exchanged", exchanged, history=True),
    Damage("a key renamed", renamed, history=True),
    Damage("a value deleted", deleted, history=True),
    Damage("a character of a value lost", at_value(removed)),
    Damage("a character of a value changed", at_value(flipped), history=True),
    Damage("the type of a value changed", at_value(retyped), history=True),
    Damage("a clear value changed", clear_changed, history=True),
    Damage("the metadata missing", without_block),
    Damage("the MAC missing", field("mac")),
    Damage("the version missing", field("version")),
    Damage("the time missing", field("lastmodified")),
    Damage("the time changed", time_changed, history=True),
    Damage("a wrapped data key damaged", blob),
    Damage("the file cut off", cut),
)


def cases(damage: Damage) -> Iterator[tuple[str, bytes, bytes]]:
    """Path, file, damaged file."""
    chance = random.Random(damage.name)
    for format, text in TEXTS.items():
        whole = sealed(text, format)
        for _ in range(ROUNDS):
            yield NAMES[format], whole, damage.apply(whole, chance)


def harmless(path: str, damaged: bytes, whole: bytes) -> bool:
    """Whether it opens to the same as before."""
    printed = []
    for data in (damaged, whole):
        file = read(data, path)
        result = open_file(file, IDENTITIES) if isinstance(file, SopsFile) else None
        printed.append(plaintext(result) if isinstance(result, Opened) else None)
    return printed[0] is not None and printed[0] == printed[1]


def seen_alone(path: str, damaged: bytes) -> bool:
    file = read(damaged, path)
    if isinstance(file, NotSops):
        return False
    return any(problem.code not in INFORMATION for problem in problems(file))


def seen_beside(path: str, damaged: bytes, whole: bytes) -> bool:
    file = read(damaged, path)
    if not isinstance(file, SopsFile):
        return False
    return any(isinstance(said, Breach) for said in judged({path: Present(file, whole)}, None, {}))


@cache
def detection(damage: Damage) -> tuple[int, int, int]:
    """How many harmful cases, how many are seen in the file alone, how many beside the one before."""
    harmful = alone = together = 0
    for path, whole, damaged in cases(damage):
        if damaged == whole or harmless(path, damaged, whole):
            continue
        harmful += 1
        by_itself = seen_alone(path, damaged)
        alone += by_itself
        together += by_itself or seen_beside(path, damaged, whole)
    return harmful, alone, together


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.name)
def test_damage_is_always_seen(damage: Damage) -> None:
    harmful, alone, together = detection(damage)
    assert harmful >= ROUNDS
    assert together == harmful
    assert damage.history or alone == harmful


def table() -> str:
    rows = [
        "# What is seen without a key",
        "",
        "In how many damaged files something is found: in the file alone, and beside the version before it",
        "(as the hook sees it). Damage that changes nothing for the reader is not counted. Written by",
        "`python -m tests.sops.test_detection`; a test compares it.",
        "",
        "| damage | alone | with history |",
        "|---|---|---|",
    ]
    for damage in DAMAGES:
        harmful, alone, together = detection(damage)
        rows.append(f"| {damage.name} | {_share(alone, harmful)} | {_share(together, harmful)} |")
    rows += ["", "A file without a finding is not proved sound; only a key proves that.", ""]
    return "\n".join(rows)


def _share(part: int, whole: int) -> str:
    """In steps that do not depend on the random keys."""
    if part in (0, whole):
        return "never" if part == 0 else "always"
    return "mostly" if 2 * part > whole else "sometimes"


def test_the_table_in_the_documentation_is_true() -> None:
    assert DOCUMENT.read_text() == table()


if __name__ == "__main__":
    DOCUMENT.parent.mkdir(exist_ok=True)
    DOCUMENT.write_text(table())
