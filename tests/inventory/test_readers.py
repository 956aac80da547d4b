"""The spellings that one key opens are one reader; different keys are different readers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sopsguard.inventory import reader
from sopsguard.keys import age, bech32
from sopsguard.sops import masterkey
from tests import throwaway

# The generator of P-256, compressed: a point that is surely on the curve.
POINT = bytes.fromhex("036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296")
PRINT = st.text("0123456789abcdef", min_size=40, max_size=40)


def test_an_ssh_key_and_the_age_recipient_made_of_it_are_one() -> None:
    line = throwaway.openssh_public("root@oak")
    recipient = age.from_ssh_public(line)
    assert isinstance(recipient, str)
    assert reader(line) == reader(recipient) == recipient
    assert reader(line.rsplit(" ", 1)[0] + " another comment") == recipient
    assert reader(f"  {recipient}\n") == recipient
    assert reader(masterkey.age_key(line)) == recipient


def test_the_two_spellings_of_a_hardware_key_are_one() -> None:
    yubikey, tag = bech32.encode("age1yubikey", POINT), bech32.encode("age1tag", POINT)
    assert reader(yubikey) == reader(tag) == tag


@given(PRINT)
def test_every_spelling_of_a_fingerprint_is_one(text: str) -> None:
    plain = text.upper()
    spaced = " ".join(text[i : i + 4] for i in range(0, 40, 4))
    spellings = [text, plain, spaced, f"0x{text}", f"0X{plain}", f"{text}!"]
    assert {reader(s) for s in spellings} == {plain}


@given(PRINT, PRINT)
def test_two_fingerprints_are_two(one: str, other: str) -> None:
    assert (reader(one) == reader(other)) == (one == other)


def test_role_context_and_version_do_not_make_another_key_of_a_cloud() -> None:
    arn = "arn:aws:kms:eu-central-1:123456789012:key/abc"
    role = "arn:aws:iam::123456789012:role/ci"
    assert reader(arn) == reader(f"{arn}+{role}") == reader(masterkey.kms_key(arn, role, {"a": "b"})) == arn
    vault = "https://house.vault.azure.net"
    one, other = masterkey.azure_key(vault, "k", "1"), masterkey.azure_key(vault, "k", "2")
    assert reader(one) == reader(other) != reader(masterkey.azure_key(vault, "another", "1"))


def test_two_ssh_keys_are_two() -> None:
    assert reader(throwaway.openssh_public()) != reader(throwaway.openssh_public())


@given(st.text(max_size=200))
def test_any_text_has_a_reader(text: str) -> None:
    assert reader(reader(text)) == reader(text)


@pytest.mark.parametrize("text", ["", "hello", "age1", "age1qqqq", "ssh-ed25519", "ssh-ed25519 AAAA"])
def test_what_is_no_recipient_is_itself(text: str) -> None:
    assert reader(text) == text
