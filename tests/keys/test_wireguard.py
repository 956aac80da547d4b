"""WireGuard keys, held against wg."""

import base64
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sopsguard.keys import Problem, wireguard
from tests.conftest import Peer


def parsed(text: str) -> wireguard.Key:
    found = wireguard.key(text)
    assert isinstance(found, wireguard.Key)
    return found


@pytest.mark.peer("wg")
def test_wg_derives_the_same_public_key(peer: Peer) -> None:
    pair = wireguard.generate()
    shown = subprocess.run(
        [peer("wg"), "pubkey"], input=pair.private, capture_output=True, text=True, check=True
    )
    assert shown.stdout.strip() == pair.public == parsed(pair.private).public


@pytest.mark.peer("wg")
def test_a_key_of_wg_genkey_is_clamped(peer: Peer) -> None:
    text = subprocess.run([peer("wg"), "genkey"], capture_output=True, text=True, check=True).stdout
    key = parsed(text)
    assert key.clamped
    assert key.text == text.strip()


def test_generated_private_keys_are_clamped_and_public_keys_are_on_the_field() -> None:
    for _ in range(20):
        pair = wireguard.generate()
        assert parsed(pair.private).clamped
        assert parsed(pair.public).on_field


def test_the_bits_of_random_keys_give_them_away() -> None:
    keys = [parsed(wireguard.generate_preshared()) for _ in range(500)]
    assert sum(key.clamped for key in keys) < 50  # one in 32 is expected
    assert 150 < sum(key.on_field for key in keys) < 350  # every second one


@given(st.binary(min_size=32, max_size=32).filter(any))
def test_a_key_has_one_spelling(data: bytes) -> None:
    text = base64.b64encode(data).decode()
    key = parsed(f" {text}\n")
    assert (key.data, key.text) == (data, text)


@pytest.mark.parametrize(
    "text", ["", "hello", "A" * 44, "A" * 43, "A" * 42 + "==", "A" * 47 + "=", "é" * 43 + "="]
)
def test_what_is_no_key_is_none(text: str) -> None:
    assert wireguard.key(text) is None


def test_a_second_spelling_is_a_problem() -> None:
    text = base64.b64encode(b"\1" * 32).decode()
    last = chr(ord(text[-2]) + 1)
    assert wireguard.key(text[:-2] + last + "=") == Problem(
        "wireguard-key", "not the canonical base64 of 32 bytes"
    )


def test_the_zero_key_stands_for_none() -> None:
    assert isinstance(wireguard.key("A" * 43 + "="), Problem)


def test_no_secret_in_any_repr() -> None:
    pair = wireguard.generate()
    assert pair.private not in repr(pair)
    assert repr(parsed(pair.private)) == "Key(clamped=True, on_field=True)"


@given(st.text())
def test_any_text_gets_an_answer(text: str) -> None:
    assert isinstance(wireguard.key(text), wireguard.Key | Problem | None)
