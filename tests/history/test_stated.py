"""What configurations and public keys say comes back from the cache as it was, and nothing else does."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sopsguard.history.facts import NotFacts
from sopsguard.history.stated import (
    Keys,
    PublicKey,
    Rules,
    decoded_statement,
    encoded_statement,
    keys_of,
    kind_of,
    rules_of,
)
from tests.throwaway import age_identity, openssh_public

words = st.text(max_size=6)
rules = st.builds(
    Rules,
    st.lists(st.tuples(words, words), max_size=3).map(tuple),
    st.lists(st.tuples(words, st.lists(words, max_size=3).map(tuple)), max_size=3).map(tuple),
    st.booleans(),
)
keys = st.builds(
    Keys,
    st.lists(
        st.builds(
            PublicKey, words, words, st.integers(), st.integers(), st.booleans(), st.lists(words).map(tuple)
        ),
        max_size=3,
    ).map(tuple),
)


@given(rules, keys)
def test_statements_come_back_as_they_were(one: Rules, other: Keys) -> None:
    assert decoded_statement(encoded_statement(one), "config") == one
    assert decoded_statement(encoded_statement(other), "keys") == other
    assert decoded_statement(encoded_statement(None), "keys") is None


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | words, st.lists, max_leaves=25),
    st.sampled_from(["config", "keys"]),
)
def test_anything_else_is_no_statement(content: object, kind: str) -> None:
    try:
        found = decoded_statement(json.dumps(content).encode(), kind)
    except NotFacts:
        return
    assert found is None or decoded_statement(encoded_statement(found), kind) == found


@given(st.binary(), st.sampled_from(["config", "keys"]))
def test_noise_is_no_statement(data: bytes, kind: str) -> None:
    try:
        assert decoded_statement(data, kind) is None
    except NotFacts:
        return


@given(st.binary(max_size=200))
def test_any_bytes_can_be_asked(data: bytes) -> None:
    assert isinstance(rules_of(data, ".sops.yaml"), Rules)
    found = keys_of(data)
    assert found is None or found.keys


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        (".sops.yaml", "config"),
        ("a/.sops.yaml", "config"),
        (".sops.yml", ""),
        ("hosts/a/ssh_host_ed25519_key.pub", "keys"),
        ("keys/ada.asc", "keys"),
        ("sops.yaml", ""),
    ],
)
def test_the_name_tells_the_kind(path: str, kind: str) -> None:
    assert kind_of(path) == kind


def test_a_private_half_in_the_wrong_place_is_not_kept() -> None:
    identity, recipient = age_identity()
    text = f"keys:\n  - &ada {identity}\n  - &bob {recipient}\ncreation_rules:\n  - age: [*ada, *bob]\n"
    said = encoded_statement(rules_of(text.encode(), ".sops.yaml"))
    assert recipient.encode() in said
    assert identity.encode()[20:] not in said


def test_a_key_is_the_same_whatever_its_comment() -> None:
    line = openssh_public()
    one, other = keys_of(f"{line} root@a\n".encode()), keys_of(f"# of the host\n{line} root@b\n".encode())
    assert one is not None
    assert one == other
