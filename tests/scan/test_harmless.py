"""What is a secret and what only looks like one: placeholders, references, words, names, samples."""

import base64
import hashlib
import hmac
import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sopsguard.scan.harmless import REJECT, SECRET, WEAK, is_made_up, is_placeholder, judge
from sopsguard.scan.patterns import ALL, Pattern
from sopsguard.scan.randomness import entropy, is_sequence, looks_random, words_only
from sopsguard.scan.settings import tells_about

PATTERNS = {pattern.id: pattern for pattern in ALL}
B62 = string.ascii_letters + string.digits


def some(alphabet: str, count: int, seed: int = 1) -> bytes:
    return "".join(random.Random(seed).choices(alphabet, k=count)).encode()


def verdict(kind: str, line: bytes, secret: bytes, path: str = "") -> str:
    return judge(PATTERNS[kind], secret, line, path, line.rindex(secret))


def setting(line: str, secret: bytes, path: str = "", kind: str = "generic-secret") -> str:
    return verdict(kind, line.encode().replace(b"@", secret), secret, path)


@pytest.mark.parametrize(
    "text",
    [
        "${DB_PASSWORD}",
        "$(cat /run/secrets/x)",
        "$PASSWORD",
        "{{ .Values.password }}",
        "{{ vault_password }}",
        "<your-token>",
        "%(password)s",
        "%DB_PASSWORD%",
        "@DB_PASSWORD@",
        "#{ENV['X']}",
        "xxxxxxxxxxxx",
        "****************",
        "aaaaaaaaaaaaaaaa",
        "changeme-please",
        "your_api_key_here",
        "AKIAIOSFODNN7EXAMPLE",
        "[REDACTED]",
        "sk-ant-api03-...",
        "ENC[AES256_GCM,data:abc]",
        "{b62:14}",
    ],
)
def test_a_placeholder_or_a_reference_is_no_secret(text: str) -> None:
    assert is_placeholder(text.encode())


def test_what_a_generator_made_is_no_placeholder() -> None:
    for seed in range(300):
        assert not is_placeholder(some(B62, 40, seed))
        assert not is_placeholder(some("0123456789abcdef", 32, seed))


def test_what_a_person_made_up_is_weak_at_most() -> None:
    assert is_made_up(b"1234567890abcdef1234567890abcdef")
    assert is_made_up(b"ghp_abcdefghijklmnopqrstuvwxyz0123456789")
    assert not is_made_up(some(B62, 40))
    token = b"dop_v1_" + b"1234567890abcdef" * 4
    assert verdict("digitalocean-token", token, token) == WEAK


@pytest.mark.parametrize(
    ("alphabet", "count"),
    [(B62, 16), (B62 + "+/", 40), ("0123456789abcdef", 32), (string.ascii_lowercase + string.digits, 24)],
)
def test_random_bytes_look_random(alphabet: str, count: int) -> None:
    assert sum(looks_random(some(alphabet, count, seed)) for seed in range(200)) >= 190


@pytest.mark.parametrize(
    "text",
    [
        "some-kubernetes-secret-name",
        "authenticationTokenProvider",
        "DATABASE_CONNECTION_STRING",
        "org.springframework.boot.autoconfigure",
        "github.com/getsops/sops/v3",
        "users/passwords/reset/confirm",
        "1234567890123456",
        "2026-11-23T20:48:50Z",
        "192.168.100.200",
        "deadbeefcafebabe",
    ],
)
def test_words_names_numbers_and_paths_do_not_look_random(text: str) -> None:
    assert not looks_random(text.encode())


def test_words_are_told_from_passwords() -> None:
    assert words_only(b"some-name")
    assert words_only(b"SomeName2")
    assert not words_only(b"dT5kPq9x")


@given(st.binary(max_size=200))
def test_the_measures_are_total(value: bytes) -> None:
    assert 0 <= entropy(value) <= 8
    assert isinstance(looks_random(value), bool)
    assert isinstance(is_sequence(value), bool)
    assert isinstance(words_only(value), bool)
    assert isinstance(is_placeholder(value), bool)


def test_a_token_whose_check_sum_fails_is_weak() -> None:
    token = b"ghp_" + some(B62, 36)
    assert verdict("github-token", token, token) == WEAK


def test_a_bot_token_of_a_kind_that_was_switched_off_is_weak() -> None:
    body = some(B62, 24)
    old = b"xoxb-159279836768-" + body
    new = b"xoxb-159279836768-537092655923-" + body
    assert verdict("slack-token", old, old) == WEAK
    assert verdict("slack-token", new, new) == SECRET


def jwt(header: str, claims: str, key: bytes) -> bytes:
    def part(data: bytes) -> bytes:
        return base64.urlsafe_b64encode(data).rstrip(b"=")

    signed = part(header.encode()) + b"." + part(claims.encode())
    return signed + b"." + part(hmac.digest(key, signed, hashlib.sha256))


def test_a_web_token_is_judged_by_what_it_says() -> None:
    header = '{"alg":"HS256","typ":"JWT"}'
    good = jwt(header, '{"sub":"robot","exp":1900000000}', b"k")
    idle = jwt(header, '{"hello":"world"}', b"k")
    unsigned = jwt('{"alg":"none"}', '{"sub":"robot"}', b"k")
    other = base64.urlsafe_b64encode(b"no json at all").rstrip(b"=") + b".e30.c2lnbmF0dXJl"
    assert verdict("jwt", good, good) == SECRET
    assert verdict("jwt", idle, idle) == WEAK
    assert verdict("jwt", unsigned, unsigned) == WEAK
    assert verdict("jwt", other, other) == REJECT


def test_the_sample_everybody_knows_is_not_reported() -> None:
    claims = '{"sub":"1234567890","name":"John Doe","iat":1516239022}'
    sample = jwt('{"alg":"HS256","typ":"JWT"}', claims, b"your-256-bit-secret")
    assert verdict("jwt", sample, sample) == REJECT


@pytest.mark.parametrize(
    "line",
    [
        'next_token = "@"',
        '"NextToken": "@"',
        'publicToken = "@"',
        "token_hash: @",
        "secretKeyRef: @",
        "csrf_token: @",
        "access_token_id = @",
        'tokenFile = "@"',
        '"AWS::IAM::AccessKey": "@"',
        "use_token: @",
    ],
)
def test_a_name_about_a_secret_holds_none(line: str) -> None:
    assert setting(line, some(B62, 32)) == REJECT


@pytest.mark.parametrize(
    "line",
    [
        'token = "@"',
        "API_KEY=@",
        "client-secret: @",
        "<apiToken>\n  @\n</apiToken>",
        "x_pat := `@`",
        'let token: string = "@"',
        "<key>token</key>\n<string>@</string>",
        "ENV API_TOKEN @",
    ],
)
def test_a_random_value_of_a_secret_setting_is_a_secret(line: str) -> None:
    assert setting(line, some(B62, 32)) == SECRET


def test_a_value_that_another_pattern_knows_better_is_left_to_it() -> None:
    assert setting("token = @", b"hvs." + some(B62, 40)) == WEAK
    assert setting("aws_secret_access_key = @", some("0123456789abcdef", 42)) == WEAK


def test_a_value_that_stands_elsewhere_is_no_secret() -> None:
    for value in (
        b"/run/secrets/token",
        b"config.sops.placeholder.token",
        b"op://vault/item/field",
        b"sha256-abcdef0123",
    ):
        assert setting("token: @", value) == REJECT


def test_a_uuid_may_be_a_secret_where_the_name_says_so() -> None:
    uuid = b"6f9619ff-8b86-4d11-b42d-00cf4fc964ff"
    assert setting("client_secret: @", uuid) == WEAK
    assert setting("secret_group: @", uuid) == REJECT


def test_a_password_may_be_weak_and_still_one() -> None:
    def password(line: str, value: bytes, path: str = "") -> str:
        return setting(line, value, path, "generic-password")

    assert password('password = "@"', b"Tr0ub4dor&3") == SECRET
    assert password("password: @", b"dT5kPq9x!") == SECRET
    assert password('password = "@"', b"cackle!") == WEAK
    assert password("DB_PASSWORD=@", b"hunter2", "app/.env") == WEAK
    assert password("password = @", b"open_sesame", "notes.txt") == WEAK
    assert password("password = @", b"open_sesame", "main.py") == REJECT
    assert password("password = @", b"self.password", "main.py") == REJECT
    assert password('password = "@"', b"password") == REJECT
    assert password("bypass: @", b"dT5kPq9x!") == REJECT


def test_a_documented_host_or_a_formal_user_weakens_a_url() -> None:
    strong = b"dT5kPq9xWz"
    assert verdict("url-password", b"postgres://app:" + strong + b"@db.acme.io/x", strong) == SECRET
    assert verdict("url-password", b"postgres://app:" + strong + b"@db.example.com/x", strong) == WEAK
    assert verdict("url-password", b"postgres://user:pass@db.acme.io/x", b"pass") == REJECT
    assert verdict("url-password", b"http://h:8080/a@b", b"8080/a") == REJECT


@given(
    st.sampled_from(ALL), st.binary(min_size=1, max_size=300), st.binary(max_size=60), st.integers(-5, 400)
)
def test_a_wrong_place_in_the_line_does_no_harm(pattern: Pattern, value: bytes, line: bytes, at: int) -> None:
    assert judge(pattern, value, line, "x", at) in {SECRET, WEAK, REJECT}


@pytest.mark.parametrize(
    "name",
    [
        *("secret_path", "tokenFile", "TOKEN-URL", "api.secret.name", "password_expires_in", "lastUsed"),
        *("key_id", "token.ttl", "secret-env", "secretId", "tokenTtl", "secretRoles"),
        *("next_token", "eosTokens", "pagination-tokens", "max_tokens", "prompttoken"),
        *("is_secret", "hasToken", "use-password", "needsToken", "GET_TOKEN"),
    ],
)
def test_a_name_that_is_about_a_secret_is_known(name: str) -> None:
    assert tells_about(name.encode())


@pytest.mark.parametrize(
    "name",
    [
        *("", "x", "secret", "token", "api_key", "DB_PASSWORD", "client_secret", "isolated", "gettext_token"),
        *("valid", "secretmap2", "TOKENID9", "issuetoken", "hastoken", "xkeys", "secretAT", "_token"),
    ],
)
def test_a_name_of_a_secret_is_not_taken_for_one_about_it(name: str) -> None:
    assert not tells_about(name.encode())


def test_a_secret_shorter_than_its_pattern_says_is_none() -> None:
    """What the walk does not ask the validator about, the validator would have denied."""
    for pattern in (p for p in ALL if p.least):
        for size in range(pattern.least):
            value = string.ascii_letters.encode()[:size]
            assert judge(pattern, value, b'token = "' + value + b'"', "x.env") == REJECT
