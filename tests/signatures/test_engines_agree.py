"""Whatever the owner of a key has said about it, in whatever order: what our facts allow, both engines "
"accept."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sopsguard.signatures import certificate, packet
from sopsguard.signatures.engine import Question, engine
from sopsguard.signatures.reason import Refused
from tests.signatures.craft import MADE, Key, flags, seconds, subpacket
from tests.signatures.people import START

pytestmark = [pytest.mark.peer("gpg")]

PRIMARY, SUBKEY = Key(), Key()
LIVES = (86400, 30 * 86400 + 5, 999 * 86400)
DATES = (MADE, MADE + 5, START - 9, START + 50)


def said(chance: random.Random, use: tuple[int, ...]) -> bytes:
    """What one statement says."""
    more = flags(chance.choice(use)) if chance.random() < 0.9 else b""
    if chance.random() < 0.4:
        more += subpacket(9, seconds(chance.choice(LIVES)))
    if chance.random() < 0.1:
        more += subpacket(3, seconds(86400))
    if chance.random() < 0.3:
        more += subpacket(25, b"\1")
    return more


def any_certificate(chance: random.Random) -> bytes:
    """Several statements about every part, which may contradict each other."""
    out = packet.framed(6, PRIMARY.body)
    for kind in (0x20, 0x1F):
        if chance.random() < 0.3:
            code = subpacket(29, bytes([chance.choice((0, 1, 2, 3))])) if kind == 0x20 else b""
            own = PRIMARY.signature(
                PRIMARY.hashed, kind, at=chance.choice(DATES), more=code or said(chance, (1, 2, 3))
            )
            out += packet.framed(2, own)
    for name in (b"one <a@b>", b"two <c@d>")[: chance.choice((0, 1, 1, 2))]:
        about = PRIMARY.hashed + b"\xb4" + seconds(len(name)) + name
        out += packet.framed(13, name)
        for _ in range(chance.choice((1, 2))):
            one = PRIMARY.signature(
                about, chance.choice((0x10, 0x13)), at=chance.choice(DATES),
                more=said(chance, (1, 3, 2, 0x23)), hash_id=chance.choice((8, 10, 10, 2)),
            )  # fmt: skip
            out += packet.framed(2, one)
    both = PRIMARY.hashed + SUBKEY.hashed
    out += packet.framed(14, SUBKEY.body)
    for _ in range(chance.choice((0, 1, 1, 2))):
        back = SUBKEY.signature(both, 0x19, at=MADE, hash_id=chance.choice((8, 10, 10, 2)))
        binding = PRIMARY.signature(
            both, 0x18, at=chance.choice(DATES), more=said(chance, (2, 2, 2, 0x20, 0x22)),
            unhashed=subpacket(32, back) if chance.random() < 0.85 else b"",
            hash_id=chance.choice((8, 10, 10, 2)),
        )  # fmt: skip
        out += packet.framed(2, binding)
    if chance.random() < 0.15:
        code = subpacket(29, bytes([chance.choice((0, 1, 3))]))
        gone = PRIMARY.signature(both, 0x28, at=chance.choice(DATES), more=code)
        out += packet.framed(2, gone)
    return out


@settings(max_examples=40, deadline=None)
@given(st.randoms(use_true_random=False))
def test_what_the_facts_allow_both_engines_accept(chance: random.Random) -> None:
    found = certificate.read(any_certificate(chance))
    questions = []
    for key in (PRIMARY, SUBKEY):
        signature = packet.of_commit(packet.framed(2, key.signature(b"payload")))
        maker = found.maker(signature)
        if maker is None:
            continue
        try:
            found.check(maker, START)
        except Refused:
            continue
        questions.append(Question(b"payload", signature, found, maker))
        questions.append(Question(b"another payload", signature, found, maker))
    expected = [True, False] * (len(questions) // 2)
    assert engine("sequoia").answers(questions) == expected
    assert engine("gpg").answers(questions) == expected
