"""The vectors are those of BIP-173."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sopsguard.keys import Problem, bech32

VALID = (
    "A12UEL5L",
    "a12uel5l",
    "an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1tt5tgs",
    "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw",
    "11" + "q" * 82 + "c8247j",
    "?1ezyfcl",
)
CHARSET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


@pytest.mark.parametrize("text", VALID)
def test_a_valid_string_is_read_and_written_again(text: str) -> None:
    decoded = bech32.decode(text)
    if isinstance(decoded, Problem):
        # The data of some vectors are not whole bytes, which BIP-173 allows and age does not.
        assert decoded.reason == "the padding is not zero"
    else:
        assert bech32.encode(decoded.prefix, decoded.data) == text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no separator with a checksum after it"),
        ("pzry9x0s0muk", "no separator with a checksum after it"),
        ("1pzry9x0s0muk", "no separator with a checksum after it"),
        ("10a06t8", "no separator with a checksum after it"),
        ("li1dgmt3", "no separator with a checksum after it"),
        ("x1b4n0q5v", "a character that bech32 does not have"),
        ("\x201nwldj5", "a character that bech32 does not have"),
        ("\x7f1axkwrx", "a character that bech32 does not have"),
        ("\x801eym55h", "a character that bech32 does not have"),
        ("A1G7SGD8", "the checksum is wrong"),
        ("a12uel5L", "upper and lower case mixed"),
        ("a1" + "q" * 100_000, "longer than any key"),
    ],
)
def test_an_invalid_string_says_why(text: str, reason: str) -> None:
    assert bech32.decode(text) == Problem("bech32", reason)


@given(
    st.text(string.ascii_lowercase + string.digits + "-+._", min_size=1, max_size=30), st.binary(max_size=80)
)
def test_what_is_written_is_read_back(prefix: str, data: bytes) -> None:
    text = bech32.encode(prefix, data)
    assert bech32.decode(text) == bech32.Decoded(prefix, data)
    assert bech32.decode(text.upper()) == bech32.Decoded(prefix.upper(), data)


@given(st.binary(min_size=32, max_size=32), st.data())
def test_one_wrong_character_is_always_noticed(data: bytes, draw: st.DataObject) -> None:
    text = bech32.encode("age", data)
    at = draw.draw(st.integers(4, len(text) - 1))
    other = draw.draw(st.sampled_from(CHARSET.replace(text[at], "")))
    assert bech32.decode(text[:at] + other + text[at + 1 :]) == Problem("bech32", "the checksum is wrong")


@given(st.text())
def test_any_text_gets_an_answer(text: str) -> None:
    assert isinstance(bech32.decode(text), bech32.Decoded | Problem)


@pytest.mark.parametrize("prefix", ["", "aB", "a b", "ä", "a\n"])
def test_a_prefix_that_cannot_be_read_back_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="prefix"):
        bech32.encode(prefix, b"data")


def test_decoded_bytes_stay_out_of_the_repr() -> None:
    assert (
        repr(bech32.decode(bech32.encode("age-secret-key-", b"\x41" * 32)))
        == "Decoded(prefix='age-secret-key-')"
    )
