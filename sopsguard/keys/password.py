"""Passwords: how hard one is to guess at best, the formats of hashes, and new passphrases.

Source of the hash formats: crypt(5) of libxcrypt, PHC string format, htpasswd(1), RFC 2307.
"""

import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from math import log2
from string import ascii_letters, ascii_lowercase, ascii_uppercase, digits, punctuation

ALPHANUMERIC = ascii_letters + digits

_CLASSES = (ascii_lowercase, ascii_uppercase, digits, punctuation, " ")


@dataclass(frozen=True, slots=True)
class HashFormat:
    """The format of a password hash.

    `weak`: guessing is cheap on today's hardware, whatever the cost says, or the cost is below what
    the format's own default is. `cost` is the parameter as written (`rounds=5000`, `12`), if any.
    """

    name: str
    weak: bool
    cost: str | None = None


def entropy(text: str) -> float:
    """Bits of guessing work at most, not at least: length times what one character can hold.

    The smaller of what the character classes allow and what the frequencies in `text` show, so a
    repeated character counts nothing. A word is overrated; use it to rule secrets out, not in.
    """
    if not text:
        return 0.0
    size = sum(len(kind) for kind in _CLASSES if not set(kind).isdisjoint(text))
    if not text.isascii():
        size += 1000
    return len(text) * min(log2(size or 1), shannon(text))


def shannon(text: str) -> float:
    """Bits for each character by the frequencies in `text` itself; 0 for the empty text."""
    length = len(text)
    return sum(-count / length * log2(count / length) for count in Counter(text).values())


def hash_format(text: str, *, expected: bool = False) -> HashFormat | None:
    """Which password hash `text` is, from its prefix to its exact length; `None` if it is none.

    `expected` says that a hash belongs in this place (a shadow file, `hashedPassword`): only then
    are the old DES forms told, which any word of 13 letters has.
    """
    crypt = text.startswith("{CRYPT}")
    text = text.removeprefix("{CRYPT}")
    if len(text) > 512:
        return None
    for name, pattern, weakest in _formats():
        if (match := pattern.fullmatch(text)) and (expected or crypt or not name.endswith("des")):
            cost = match.groupdict().get("cost")
            return HashFormat(name, _is_weak(cost, weakest), cost)
    return None


def generate(length: int = 32, alphabet: str = ALPHANUMERIC) -> str:
    """`length` characters of `alphabet` from the random numbers of the operating system.

    Raises ValueError for a length below 1 or an alphabet that repeats itself or has one character.
    """
    from secrets import choice

    if length < 1 or len(alphabet) < 2 or len(set(alphabet)) != len(alphabet):
        raise ValueError("a password needs a length and an alphabet of different characters")
    return "".join(choice(alphabet) for _ in range(length))


def generate_passphrase() -> str:
    """A passphrase for a machine, such as a restic or borg repository: 256 bits, 43 characters that
    need no quoting in a shell, in YAML or in a URL."""
    from secrets import token_urlsafe

    text = token_urlsafe(32)
    # A leading dash would be read as an option, and as a list item in YAML.
    return text if text[0] not in "-_" and text[-1] not in "-_" else generate_passphrase()


def _is_weak(cost: str | None, weakest: int | None) -> bool:
    if weakest is None:
        return True
    number = re.search(r"\d+", cost) if cost else None
    return number is not None and int(number[0]) < weakest


# The alphabet of crypt(3), which is not that of base64.
_H = "[./0-9A-Za-z]"
_B64 = "[A-Za-z0-9+/]"


@cache
def _formats() -> tuple[tuple[str, re.Pattern[str], int | None], ...]:
    """Name, form, and the cost below which it is weak: 0 never, `None` always."""
    table: tuple[tuple[str, str, int | None], ...] = (
        ("yescrypt", rf"\$y\${_H}+\${_H}{{0,86}}\${_H}{{43}}", 0),
        ("gost-yescrypt", rf"\$gy\${_H}+\${_H}{{0,86}}\${_H}{{43}}", 0),
        ("scrypt", rf"\$7\${_H}{{11,97}}\${_H}{{43}}", 0),
        ("bcrypt", rf"\$2[abxy]\$(?P<cost>0[4-9]|[12][0-9]|3[01])\${_H}{{53}}", 10),
        ("sha512crypt", rf"\$6\$(?:(?P<cost>rounds=[1-9]\d{{0,8}})\$)?[^$:\n]{{1,16}}\${_H}{{86}}", 5000),
        ("sha256crypt", rf"\$5\$(?:(?P<cost>rounds=[1-9]\d{{0,8}})\$)?[^$:\n]{{1,16}}\${_H}{{43}}", 5000),
        (
            "argon2",
            rf"\$argon2(?:id|i|d)\$(?:v=\d+\$)?(?P<cost>m=\d{{1,10}},t=\d{{1,10}},p=\d{{1,5}})(?:,[a-z]+={_B64}+)*"
            rf"\${_B64}{{11,86}}\${_B64}{{16,172}}",
            4096,
        ),
        ("sm3crypt", rf"\$sm3\$(?:(?P<cost>rounds=\d+)\$)?[^$:\n]{{1,16}}\${_H}{{43}}", 5000),
        ("sha1crypt", rf"\$sha1\$(?P<cost>\d{{1,10}})\${_H}{{1,64}}\${_H}{{28}}", None),
        ("sunmd5", rf"\$md5(?:,(?P<cost>rounds=\d+))?\${_H}{{1,8}}\$\$?{_H}{{22}}", None),
        ("md5crypt", rf"\$1\$[^$:\n]{{0,8}}\${_H}{{22}}", None),
        ("apr1", rf"\$apr1\$[^$:\n]{{0,8}}\${_H}{{22}}", None),
        ("nt", r"\$3\$\$[0-9a-f]{32}", None),
        ("ssha", rf"\{{SSHA\}}{_B64}{{32,64}}={{0,2}}", None),
        ("sha1", rf"\{{SHA\}}{_B64}{{27}}=", None),
        ("ssha512", rf"\{{SSHA512\}}{_B64}{{90,128}}={{0,2}}", None),
        (
            "pbkdf2",
            r"(?:\{PBKDF2[^}]{0,16}\}|\$pbkdf2(?:-sha\d{1,3})?\$)(?P<cost>\d{1,9})"
            r"\$[./A-Za-z0-9+=]{8,90}\$[./A-Za-z0-9+=]{27,90}",
            100_000,
        ),
        ("pbkdf2", r"pbkdf2_sha(?:1|256)\$(?P<cost>\d{1,9})\$[^$\s]{1,64}\$[A-Za-z0-9+/]{27,43}=", 100_000),
        (
            "scram",
            rf"SCRAM-SHA-256\$(?P<cost>\d{{1,9}}):{_B64}{{12,90}}={{0,2}}\${_B64}{{43}}=:{_B64}{{43}}=",
            4096,
        ),
        ("postgres-md5", r"md5[0-9a-f]{32}", None),
        ("mysql-sha1", r"\*[0-9A-F]{40}", None),
        ("bsdi-des", rf"_{_H}{{19}}", None),
        ("des", rf"{_H}{{13}}", None),
    )
    return tuple((name, re.compile(pattern, re.ASCII), weakest) for name, pattern, weakest in table)
