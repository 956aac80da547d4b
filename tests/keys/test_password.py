"""Passwords, and the hashes that the system's own crypt(3) makes."""

import ctypes
import ctypes.util
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sopsguard.keys import password

PREFIXES = {
    "yescrypt": b"$y$",
    "gost-yescrypt": b"$gy$",
    "scrypt": b"$7$",
    "bcrypt": b"$2b$",
    "sha512crypt": b"$6$",
    "sha256crypt": b"$5$",
    "sha1crypt": b"$sha1",
    "sunmd5": b"$md5",
    "md5crypt": b"$1$",
    "nt": b"$3$",
    "bsdi-des": b"_",
    "des": b"",
}
WEAK = {"sha1crypt", "sunmd5", "md5crypt", "nt", "bsdi-des", "des"}


def crypt(prefix: bytes, cost: int = 0) -> str:
    """A hash of the system's libxcrypt."""
    name = ctypes.util.find_library("crypt")
    library = ctypes.CDLL(name) if name else None
    if library is None or not hasattr(library, "crypt_gensalt"):
        pytest.skip("libxcrypt is not installed")
    library.crypt.restype = library.crypt_gensalt.restype = ctypes.c_char_p
    salt = library.crypt_gensalt(prefix, ctypes.c_ulong(cost), None, 0)
    if salt is None:
        pytest.skip("this libxcrypt has no such format")
    hashed = library.crypt(b"correct horse", salt)
    assert isinstance(hashed, bytes)
    return hashed.decode()


@pytest.mark.parametrize("name", PREFIXES)
def test_a_hash_of_crypt_is_recognised(name: str) -> None:
    text = crypt(PREFIXES[name], 10 if name == "bcrypt" else 0)
    found = password.hash_format(text, expected=True)
    assert found is not None
    assert (found.name, found.weak) == (name, name in WEAK)
    assert password.hash_format(text[:-1], expected=True) is None
    assert (password.hash_format(text) is None) is name.endswith("des")
    assert password.hash_format("{CRYPT}" + text) == found


def test_a_low_cost_is_weak() -> None:
    assert (low := password.hash_format(crypt(b"$6$", 1000))) is not None
    assert (low.weak, low.cost) == (True, "rounds=1000")
    assert (low := password.hash_format(crypt(b"$2b$", 4))) is not None
    assert (low.weak, low.cost) == (True, "04")


SALTED = "A" * 40


@pytest.mark.parametrize(
    ("text", "name", "weak"),
    [
        ("$argon2id$v=19$m=65536,t=3,p=4$" + "c" * 22 + "$" + "d" * 43, "argon2", False),
        ("$argon2id$v=19$m=256,t=1,p=1$" + "c" * 22 + "$" + "d" * 43, "argon2", True),
        ("$apr1$salt$" + "a" * 22, "apr1", True),
        ("{SHA}" + "a" * 27 + "=", "sha1", True),
        ("{SSHA}" + SALTED, "ssha", True),
        ("pbkdf2_sha256$600000$salt$" + "a" * 43 + "=", "pbkdf2", False),
        ("pbkdf2_sha256$1000$salt$" + "a" * 43 + "=", "pbkdf2", True),
        ("SCRAM-SHA-256$4096:" + "a" * 22 + "==$" + "b" * 43 + "=:" + "c" * 43 + "=", "scram", False),
        ("md5" + "0" * 32, "postgres-md5", True),
        ("*" + "0" * 40, "mysql-sha1", True),
    ],
)
def test_a_hash_of_a_program_is_recognised(text: str, name: str, weak: bool) -> None:
    found = password.hash_format(text)
    assert found is not None
    assert (found.name, found.weak) == (name, weak)


@pytest.mark.parametrize(
    "text", ["", "password", "hello.world12", "!", "*", "$6$", "$y$j9T$...", "x" * 10_000]
)
def test_a_password_is_no_hash(text: str) -> None:
    assert password.hash_format(text) is None


@given(st.text())
def test_any_text_gets_an_answer(text: str) -> None:
    for start in ("", "$6$", "$y$", "$argon2id$", "{SHA}"):
        password.hash_format(start + text, expected=True)
    assert password.shannon(text) >= 0
    assert password.entropy(text) >= 0


@given(st.integers(1, 200), st.sampled_from([password.ALPHANUMERIC, string.hexdigits[:16], "ab"]))
def test_a_new_password_has_its_length_and_alphabet(length: int, alphabet: str) -> None:
    text = password.generate(length, alphabet)
    assert len(text) == length
    assert set(text) <= set(alphabet)


@pytest.mark.parametrize(("length", "alphabet"), [(0, "ab"), (-1, "ab"), (8, "a"), (8, ""), (8, "aab")])
def test_a_password_that_would_be_weaker_than_it_looks_is_refused(length: int, alphabet: str) -> None:
    with pytest.raises(ValueError, match="alphabet"):
        password.generate(length, alphabet)


def test_a_passphrase_needs_no_quoting_and_holds_256_bits() -> None:
    texts = {password.generate_passphrase() for _ in range(200)}
    assert len(texts) == 200
    for text in texts:
        assert len(text) == 43
        assert text[0].isalnum()
        assert set(text) <= set(password.ALPHANUMERIC + "-_")


def test_what_is_random_has_more_entropy_than_what_is_not() -> None:
    assert password.entropy("") == password.entropy("aaaaaaaaaaaa") == 0
    assert password.entropy("changeme") < 30 < 100 < password.entropy(password.generate(32))
