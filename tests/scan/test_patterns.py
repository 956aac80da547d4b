"""The patterns as data: an example is a secret, what is harmless is none, and no regex can run away."""

import base64
import random
import re
import string
import zlib
from re import _constants, _parser  # type: ignore[attr-defined]

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sopsguard.scan import harmless
from sopsguard.scan.patterns import ALL, Pattern
from sopsguard.scan.randomness import looks_random

B62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
ALPHABETS = {
    "b62": B62,
    "b64": B62 + "+/",
    "b64u": B62 + "-_",
    "b58": "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz",
    "hex": "0123456789abcdef",
    "HEX": "0123456789ABCDEF",
    "digit": string.digits,
    "letters": string.ascii_letters,
    "low36": string.digits + string.ascii_lowercase,
    "low32": string.ascii_lowercase + "234567",
    "upper36": string.digits + string.ascii_uppercase,
    "upper32": string.ascii_uppercase + "234567",
    "rep": "x",
}


def expand(template: str, seed: int = 0) -> bytes:
    """A template with each `{class:count}` filled in; the same seed gives the same bytes."""
    rng = random.Random(f"{template}{seed}")

    def some(kind: str, count: int) -> str:
        return "".join(rng.choices(ALPHABETS[kind], k=count))

    def b64u(text: str) -> str:
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    def jwt() -> str:
        claims = f'{{"sub":"{some("low36", 12)}","iat":{some("digit", 10)}}}'
        header = b64u('{"alg":"HS256","typ":"JWT"}')
        return f"{header}.{b64u(claims)}.{some('b64u', 42)}A"

    def fill(match: re.Match[str]) -> str:
        kind, count = match[1], int(match[2] or 1)
        if kind in ALPHABETS:
            return some(kind, count)
        if kind == "crc":
            body = some("b62", count)
            number, tail = zlib.crc32(body.encode()), ""
            for _ in range(6):
                number, digit = divmod(number, 62)
                tail = B62[digit] + tail
            return body + tail
        if kind.lower() == "uuid":
            uuid = "-".join(some("hex", n) for n in (8, 4, 4, 4, 12))
            return uuid.upper() if kind == "UUID" else uuid
        if kind == "jwt":
            return jwt()
        if kind == "jwtb64":
            return base64.b64encode(jwt().encode()).decode()
        if kind == "basic":
            return base64.b64encode(f"robot:{some('b62', 20)}".encode()).decode()
        if kind == "discord":
            return f"{b64u('1' + some('digit', 17))}.{some('b62', 6)}.{some('b62', 27)}"
        raise AssertionError(f"unknown class in {template}")

    kinds = "|".join([*ALPHABETS, "crc", "uuid", "UUID", "jwtb64", "jwt", "basic", "discord"])
    return re.sub(rf"\{{({kinds})(?::(\d+))?\}}", fill, template).encode()


def verdicts(pattern: Pattern, data: bytes, path: str = "") -> list[str]:
    """What the pattern says to `data`, tried at its keywords and nowhere else, as the engine does."""
    regex = re.compile(pattern.regex.encode())
    lowered = data.lower()
    found = []
    for keyword in (k.encode() for k in pattern.keywords):
        for hit in re.finditer(re.escape(keyword), lowered):
            low, high = max(0, hit.start() - pattern.before), hit.end() + pattern.after + 1
            match = regex.search(data, low, high) if pattern.before else regex.match(data, low, high)
            if match is not None:
                secret = match["s"] if "s" in regex.groupindex else match[0]
                assert secret is not None, "the group s must be part of every match"
                found.append(harmless.judge(pattern, secret, data, path))
    return found


EXAMPLES = [pytest.param(p, e, id=f"{p.id}-{n}") for p in ALL for n, e in enumerate(p.examples)]
HARMLESS = [pytest.param(p, e, id=f"{p.id}-{n}") for p in ALL for n, e in enumerate(p.harmless)]


@pytest.mark.parametrize(("pattern", "template"), EXAMPLES)
def test_an_example_is_found_and_is_a_secret(pattern: Pattern, template: str) -> None:
    seeds = range(12)
    answers = [verdicts(pattern, b"x = 1\n" + expand(template, seed) + b"\n") for seed in seeds]
    assert all(set(a) & {harmless.SECRET, harmless.WEAK} for a in answers)
    assert sum(harmless.SECRET in a for a in answers) >= (0 if "uuid" in template.lower() else 9)


@pytest.mark.parametrize(("pattern", "template"), EXAMPLES)
def test_an_example_holds_a_keyword(pattern: Pattern, template: str) -> None:
    lowered = (b"\n" + expand(template)).lower()
    assert any(keyword.encode() in lowered for keyword in pattern.keywords)


@pytest.mark.parametrize(("pattern", "template"), HARMLESS)
def test_what_is_harmless_is_not_a_secret(pattern: Pattern, template: str) -> None:
    for seed in range(5):
        assert set(verdicts(pattern, b"x = 1\n" + expand(template, seed) + b"\n")) <= {harmless.REJECT}


def test_ids_are_unique_and_every_pattern_is_documented() -> None:
    assert len({p.id for p in ALL}) == len(ALL)
    for pattern in ALL:
        assert re.fullmatch(r"[a-z0-9]+(?:-[a-z0-9]+)*", pattern.id)
        assert pattern.title
        assert pattern.source
        assert pattern.examples
        assert pattern.keywords
        assert pattern.rule in {"plaintext-token", "plaintext-password", "plaintext-private-key"}
        assert pattern.confidence in {"likely", "possible"}
        assert pattern.check in {"", *harmless.CHECKS}
        for keyword in pattern.keywords:
            assert keyword.isascii()
            assert keyword == keyword.lower()


def test_no_example_holds_a_literal_token() -> None:
    for pattern in ALL:
        for template in pattern.examples:
            rest = re.sub(r"\{\w+(?::\d+)?\}", " ", template)
            words = (w for w in re.split(r"[^A-Za-z0-9+/]+", rest) if w not in pattern.regex)
            assert not any(looks_random(w.encode()) for w in words if len(w) > 24), template


def repeats(tree: object, depth: int = 0) -> list[tuple[int, int]]:
    """(nesting, largest count) of every repeat in a parsed regex."""
    found: list[tuple[int, int]] = []
    for op, argument in tree:  # type: ignore[attr-defined]
        if op in (_constants.MAX_REPEAT, _constants.MIN_REPEAT, _constants.POSSESSIVE_REPEAT):
            _low, high, inner = argument
            deeper = depth + (high > 1)
            found.append((deeper, int(high)))
            found += repeats(inner, deeper)
        elif op is _constants.SUBPATTERN:
            found += repeats(argument[3], depth)
        elif op is _constants.BRANCH:
            for branch in argument[1]:
                found += repeats(branch, depth)
        elif op in (_constants.ASSERT, _constants.ASSERT_NOT):
            found += repeats(argument[1], depth)
        elif op is _constants.ATOMIC_GROUP:
            found += repeats(argument, depth)
        elif op is _constants.GROUPREF_EXISTS:
            found += repeats(argument[1], depth) + (repeats(argument[2], depth) if argument[2] else [])
    return found


@pytest.mark.parametrize("pattern", ALL, ids=lambda p: p.id)
def test_no_regex_has_an_unbounded_or_deeply_nested_repeat(pattern: Pattern) -> None:
    for nesting, most in repeats(_parser.parse(pattern.regex.encode())):
        assert most <= 9000, "a repeat without a bound"
        assert nesting <= 2, "repeats nested too deeply"


@pytest.mark.parametrize("pattern", ALL, ids=lambda p: p.id)
def test_the_longest_match_fits_the_window(pattern: Pattern) -> None:
    if pattern.before == 0:
        longest = _parser.parse(pattern.regex.encode()).getwidth()[1]
        shortest = min(map(len, pattern.keywords))
        assert int(longest) <= (pattern.after + shortest) * 3


@given(
    st.binary(max_size=300),
    st.sampled_from(ALL),
    st.binary(max_size=40),
    st.sampled_from(["", "a.py", "b.env"]),
)
@settings(max_examples=300, deadline=None)
def test_the_judge_is_total(value: bytes, pattern: Pattern, around: bytes, path: str) -> None:
    answer = harmless.judge(pattern, value or b"x", around + value + around, path)
    assert answer in {harmless.SECRET, harmless.WEAK, harmless.REJECT}


def always_takes_part(tree: object, group: int) -> bool:
    """Whether every match of a parsed regex sets the group."""
    for op, argument in tree:  # type: ignore[attr-defined]
        if op is _constants.SUBPATTERN and (argument[0] == group or always_takes_part(argument[3], group)):
            return True
        if op is _constants.BRANCH and all(always_takes_part(branch, group) for branch in argument[1]):
            return True
        repeated = op in (_constants.MAX_REPEAT, _constants.MIN_REPEAT, _constants.POSSESSIVE_REPEAT)
        if repeated and argument[0] > 0 and always_takes_part(argument[2], group):
            return True
    return False


@pytest.mark.parametrize("pattern", ALL, ids=lambda p: p.id)
def test_every_match_has_a_secret(pattern: Pattern) -> None:
    group = re.compile(pattern.regex.encode()).groupindex.get("s")
    assert group is None or always_takes_part(_parser.parse(pattern.regex.encode()), group)
