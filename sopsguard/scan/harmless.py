"""Whether what a pattern found is a secret; placeholders, words, public values and known samples are not.

Pure and fast: runs on every match of a pattern, sees the match and its line, and answers one of
`SECRET`, `WEAK` (may be one: a warning) and `REJECT`.
"""

# ruff: noqa: E501  (regular expressions)

import re
from binascii import Error, a2b_base64, crc32
from collections.abc import Callable

from sopsguard.scan import settings
from sopsguard.scan.candidate import HEX, REJECT, SECRET, UUID, WEAK, Found, Regex
from sopsguard.scan.patterns.pattern import Pattern
from sopsguard.scan.randomness import classes, entropy, is_sequence, letter_pairs, looks_random, words_only
from sopsguard.scan.settings import (
    CAPITALS,
    CODE,
    DUMMIES,
    ELSEWHERE,
    HASH_NAME,
    IDENTIFIER_NAME,
    MEMBER,
    PATH,
    PREFIX,
    PUBLIC_NAME,
    is_quoted,
    name_of,
)

__all__ = ["CHECKS", "REJECT", "SECRET", "WEAK", "judge"]


def judge(pattern: Pattern, text: bytes, line: bytes, path: str, at: int | None = None) -> str:
    """SECRET, WEAK or REJECT for `text`, the secret part of a match of `pattern`.

    `line` is the line (or lines) of the whole match, or at least what stands around it; a piece of a
    very long line is enough. `at` is where `text` stands in it (its last place, if not said). `path`
    tells code from configuration by its suffix.
    """
    if at is None:
        at = line.rfind(text)
    if at < 0:
        found = Found(text, b"", b"", path)
    else:
        end = at + len(text)
        found = Found(text, line[max(0, at - 160) : at], line[end : end + 48], path)
    check = CHECKS.get(pattern.check)
    verdict = SECRET if check is None else check(found)
    # Most candidates fail their own check, so that comes first.
    if verdict == REJECT or is_placeholder(text) or is_known(text):
        return REJECT
    return WEAK if verdict == SECRET and is_made_up(text) else verdict


def is_placeholder(value: bytes) -> bool:
    """Stands for a secret without being one: a reference, a template, dots, a repeated character, an instruction."""
    if _REFERENCE.search(value):
        return True
    if len(value) >= 8:
        if len(set(value)) <= 3 or value.count(value[-1:]) * 2 > len(value) > 16:
            return True
        if _RUN.search(value) or _WORDS.search(value):
            return True
    return False


def is_made_up(value: bytes) -> bool:
    """Typed by a person who needed something that looks like a secret: it counts up, or jokes."""
    return len(value) >= 12 and (is_sequence(value) or _MADE_UP.search(value) is not None)


def is_known(value: bytes) -> bool:
    """A sample that its provider documents or an emulator is shipped with; known by its SHA-256 only."""
    if not 20 <= len(value) <= 400:
        return False
    from hashlib import sha256

    return sha256(value).hexdigest()[:32] in _KNOWN


def _entropy(found: Found) -> str:
    """A fixed form with a random body."""
    value = found.value
    least = 2.2 if len(value) < 24 or HEX.fullmatch(value) else 3.0
    if entropy(value) < least or len(set(value)) < 7:
        return REJECT
    pairs, common = letter_pairs(value)
    if pairs >= 10 and common >= 0.8 * pairs and words_only(value):
        return REJECT
    return SECRET


def _numbered(found: Found) -> str:
    """As `entropy`, for forms that a word may have: no digit, no token."""
    return _entropy(found) if any(48 <= c <= 57 for c in found.value) else REJECT


def _prefixed(found: Found) -> str:
    """The prefix of a provider and a body: a body of words is hardly a secret."""
    value = found.value
    if is_sequence(value[4:]) or entropy(value) < 2.6:
        return WEAK
    if words_only(value):
        return WEAK if any(48 <= c <= 57 for c in value[6:]) else REJECT
    pairs, common = letter_pairs(value)
    if len(value) < 48 and pairs >= 8 and common >= 0.78 * pairs:
        return WEAK
    return SECRET


def _vault(found: Found) -> str:
    """Service tokens have some 95 characters, batch tokens more, root tokens 28; others are old or broken."""
    value = found.value
    if is_sequence(value[4:]) or words_only(value):
        return REJECT
    root = value.startswith(b"hvs.") and len(value) == 28
    return SECRET if root or len(value) >= 80 else WEAK


def _slack(found: Found) -> str:
    """As `prefixed`; legacy custom bots (`xoxb-` and two parts) were switched off in March 2025."""
    verdict = _prefixed(found)
    if verdict == SECRET and found.value.startswith(b"xoxb-") and found.value.count(b"-") == 2:
        return WEAK
    return verdict


def _short_prefix(found: Found) -> str:
    """As `prefixed`, for a prefix that words end in: the body must be random."""
    body = found.value.partition(b"-")[2]
    longest = max(body.split(b"-"), key=len)
    return _prefixed(found) if looks_random(body) or looks_random(longest) else REJECT


def _random(found: Found) -> str:
    """Nothing but a body, so it must be random."""
    return SECRET if looks_random(found.value.removeprefix(b"s.")) else REJECT


def _aws_id(found: Found) -> str:
    """The public half of a credential; in a signed URL nothing but that."""
    return WEAK if b"credential=" in found.before[-24:].lower() else SECRET


def _aws_secret(found: Found) -> str:
    value = found.value
    if HEX.fullmatch(value):
        return REJECT if HASH_NAME.search(name_of(found.before)) else WEAK
    return SECRET if looks_random(value) else REJECT


def _crc62(found: Found) -> str:
    """The last six characters are the CRC-32 of those between prefix and tail, in base 62 (GitHub, npm, NetBird)."""
    body = found.value.partition(b"_")[2]
    if words_only(body):
        return REJECT
    number, tail = crc32(body[:-6]), b""
    for _ in range(6):
        number, digit = divmod(number, 62)
        tail = _BASE62[digit : digit + 1] + tail
    return SECRET if tail == body[-6:] else WEAK


def _hex_tail(found: Found) -> str:
    """A body and eight hexadecimal digits of check sum (Cloudflare)."""
    return SECRET if HEX.fullmatch(found.value[-8:]) else WEAK


def _jwt(found: Found) -> str:
    """A header that says how it is signed, and for a signed one the signature."""
    parts = found.value.split(b".")
    header = _unbase64(parts[0])
    if header is None or not header.lstrip().startswith(b"{"):
        return REJECT
    if b'"alg"' not in header or b'"none"' in header.lower():
        return WEAK if header.count(b'"') >= 2 else REJECT
    if len(parts) == 3:
        claims = _unbase64(parts[1]) or b""
        if not _CLAIMS.search(claims) or (b"1234567890" in claims and b"John Doe" in claims):
            return WEAK  # the page everybody tries tokens on, with a signature of one's own
        if len(parts[2]) < 20:
            return WEAK
    return SECRET


def _jwt_base64(found: Found) -> str:
    inner = _unbase64(found.value)
    if inner is None or inner.count(b".") < 2:
        return REJECT
    return _jwt(Found(inner.split()[0] if inner.split() else b"", b"", b"", found.path))


def _docker_auth(found: Found) -> str:
    """`user:password` in base64."""
    inner = _unbase64(found.value)
    if inner is None or b":" not in inner or not inner.isascii() or not inner.decode().isprintable():
        return REJECT
    password = inner.split(b":", 1)[1]
    if len(password) < 3 or is_placeholder(password):
        return REJECT
    return WEAK if password.lower() in DUMMIES else SECRET


def _discord(found: Found) -> str:
    """The first part is the number of the bot's account."""
    number = _unbase64(found.value.split(b".")[0])
    return SECRET if number is not None and number.isdigit() and 15 <= len(number) <= 20 else WEAK


def _jwk(found: Found) -> str:
    """A private exponent or scalar, or a symmetric key."""
    return SECRET if looks_random(found.value) else REJECT


def _telegram(found: Found) -> str:
    number, _, body = found.value.partition(b":")
    if (is_sequence(number) and is_sequence(body)) or words_only(body):
        return REJECT
    return (
        SECRET
        if body.startswith(b"AA") or b"elegram" in found.before + found.path.encode("utf-8", "replace")
        else WEAK
    )


def _azure_sas(found: Found) -> str:
    """A signature beside what it signs."""
    return SECRET if _SAS.search(found.before) or _SAS.search(found.after) else REJECT


def _named_uuid(found: Found) -> str:
    """A value in the form of a UUID, under the name of its provider."""
    return REJECT if IDENTIFIER_NAME.search(name_of(found.before)) else SECRET


def _named_token(found: Found) -> str:
    """A body of the right length under the name of its provider."""
    value = found.value
    name = name_of(found.before)
    if HASH_NAME.search(name) or PUBLIC_NAME.search(name):
        return REJECT
    if value.isdigit():
        return REJECT if IDENTIFIER_NAME.search(name) else WEAK
    return SECRET if looks_random(value) else REJECT


def _url_password(found: Found) -> str:
    value = found.value
    low = value.lower()
    user = re.split(rb"[:/]", found.before.rstrip(b":"))[-1].lower()
    if (
        len(value) < 3
        or _PORT.match(value)
        or b"://" in value
        or (b"," in value and b":" in value)
        or low.endswith(b"anoncvs")
        or (low in DUMMIES and low != b"secret")
        or _MASK.fullmatch(value)
    ):
        return REJECT
    if CAPITALS.fullmatch(value):
        return REJECT
    if user in _FORMAL_USERS and low in _FORMAL:
        return REJECT
    host = found.after.lstrip(b"@").lower()
    if _DOCUMENTED.match(host):
        return WEAK
    if low == user or low in _FORMAL or (user in _FORMAL_USERS and len(value) <= 6):
        return WEAK
    named = any(word in low for word in (b"pass", b"pwd", b"secret", b"token"))
    if (words_only(value) and (len(value) <= 12 or _LOCAL.match(host))) or (named and _LOCAL.match(host)):
        return WEAK
    return SECRET


def _connection_string(found: Found) -> str:
    """`password=` among the other settings of a connection string."""
    if not _CONNECTION.search(found.before) and not _CONNECTION.search(found.after):
        return REJECT
    value = found.value
    if MEMBER.fullmatch(value) and not looks_random(value):
        return REJECT
    return WEAK if value.lower() in DUMMIES or words_only(value) else SECRET


def _header(found: Found) -> str:
    value = found.value
    low = found.before[-24:].lower()
    if re.search(rb"basic[ :=]{1,2}$", low):
        return _docker_auth(found)
    if value.startswith(b"AWS4-HMAC-"):
        return REJECT
    if UUID.fullmatch(value):
        return SECRET
    if len(value) >= 16 and looks_random(value):
        return (
            WEAK
            if (len(value) < 32 and HEX.fullmatch(value)) or PREFIX.match(value) or value.startswith(b"eyJ")
            else SECRET
        )
    return WEAK if len(value) >= 8 and looks_random(value) else REJECT


def _curl_user(found: Found) -> str:
    value = found.value.strip(b"\"'{}")
    user = re.split(rb"[\s\"'=]", found.before.rstrip(b"\"':{}"))[-1].lower()
    if value.lower() in DUMMIES | _FORMAL or (value.lower() == user and len(user) < 12):
        return REJECT
    if CAPITALS.fullmatch(value):
        return REJECT
    return WEAK if words_only(value) else SECRET


def _command_line(found: Found) -> str:
    value = found.value
    if value.startswith(b"-") or value.lower() in DUMMIES or PATH.match(value) or words_only(value):
        return REJECT
    if looks_random(value) and len(value) >= 12:
        return SECRET
    if is_quoted(found) and classes(value) >= 3 and b" " not in value and len(value) >= 8:
        return SECRET
    return WEAK if classes(value) >= 3 and len(value) >= 6 and not CODE.fullmatch(value) else REJECT


def _quoted_password(found: Found) -> str:
    value = found.value
    if value.lower() in DUMMIES or b" " in value or words_only(value):
        return REJECT
    return SECRET if classes(value) >= 3 or looks_random(value) else WEAK


def _password_word(found: Found) -> str:
    """The place says that it is a password; anything that is no reference counts."""
    value = found.value
    if value.lower() in DUMMIES or PATH.match(value) or ELSEWHERE.match(value):
        return REJECT
    if (
        not is_quoted(found)
        and not looks_random(value)
        and (found.after[:1] in (b"(", b"[") or MEMBER.fullmatch(value))
    ):
        return REJECT
    return SECRET


def _unbase64(value: bytes) -> bytes | None:
    """`value` decoded from base64 of either alphabet, with or without padding; None if it is none."""
    plain = value.rstrip(b"=").translate(_URLSAFE)
    try:
        return a2b_base64(plain + b"=" * (-len(plain) % 4))
    except Error:
        return None


_URLSAFE = bytes.maketrans(b"-_", b"+/")

_BASE62 = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

CHECKS: dict[str, Callable[[Found], str]] = {
    "aws-id": _aws_id,
    "aws-secret": _aws_secret,
    "azure-sas": _azure_sas,
    "command-line": _command_line,
    "connection-string": _connection_string,
    "crc62": _crc62,
    "curl-user": _curl_user,
    "discord": _discord,
    "docker-auth": _docker_auth,
    "entropy": _entropy,
    "generic-key": settings.key,
    "generic-password": settings.password,
    "generic-secret": settings.secret,
    "header": _header,
    "hex-tail": _hex_tail,
    "jwk": _jwk,
    "jwt": _jwt,
    "jwt-base64": _jwt_base64,
    "named-token": _named_token,
    "named-uuid": _named_uuid,
    "numbered": _numbered,
    "password-word": _password_word,
    "prefixed": _prefixed,
    "quoted-password": _quoted_password,
    "random": _random,
    "short-prefix": _short_prefix,
    "slack": _slack,
    "telegram": _telegram,
    "url-password": _url_password,
    "vault": _vault,
}

# `${X}`, `$(x)`, `$X`, `{{ x }}`, `<x>`, `%(x)s`, `%X%`, `@X@`, `#{x}`, `((x))`, `[x]`, `!vault`, three dots or
# stars, sops ciphertext
_REFERENCE = Regex(
    rb"\$\{[\w.:?!@/ \"'-]{1,120}\}|\$\(\(?[\w.:/ \"'-]{1,120}|\$\[|^\$[{(]|^\$[A-Za-z_][\w:.]*$|^\$[A-Z_]{3,}|\{\{[^{}]{0,120}\}\}|^\{\{|^\\?<[^>]*>?$|^<"
    rb"|%\(\w|%\{|^%[A-Za-z_]\w+%|^%[sdrv]$|^@@?[A-Za-z_][\w.-]*@@?$|#\{|^\(\(|^\[[^\]]*\]?$|^!\w+$|\.\.\.|\xe2\x80\xa6|\*\*\*|\xe2\x80\xa2{2}"
    # format fields and pieces of regular expressions
    rb"|\{\w{0,24}:\d{1,3}\}|\(\?[:P<=!i]|\[\^|\{\d{1,4},\d{0,4}\}|\\[sdwbSDWB][{+*)]"
    rb"|^ENC\[|<%|%>|^\{[A-Za-z_. -]+\d?\}$|^__\w+__$|\\\(|&lt;|^\$[0-9]$"
)

_RUN = Regex(rb"[xX]{4}|\*{3}|0{12}|-{4}|_{4}|#{4}|\.{3}|~{4}|={4}|/{4}|(?:xX){3}")

_MADE_UP = Regex(rb"(?i)1234567890|0123456789|abcdefgh|abc123|deadbeef|foobar|dummy|fake|test_?token|a1b2c3")

_WORDS = Regex(
    rb"(?i)example|placeholder|change[_-]?(?:me|this|it)|replace[_-]?(?:me|this|with)|(?:^|[^a-z])your[_-]?[a-z]|insert[_-]|redacted"
    rb"|to-?do|fixme|(?:^|[_-])here$|removed|sanitized|obfuscated|notasecret|not[_-]a[_-]|not[_-]real|lorem"
    rb"|^(?:my|the|some|a)[_-](?:[a-z]+[_-])*(?:secret|token|key|password|pass)"
)

# User and password of an address that shows its form only.
_FORMAL_USERS = frozenset(
    b"user username usr login u name me you foo bar user1 myuser userid someuser your_username alice bob "
    b"admin ".split()
)

_FORMAL = frozenset(
    b"password pass passwd pwd pw p passphrase token key foo bar baz test x mypassword mypass "
    b"password123 1234 12345 123456 pass123 pass1 ".split()
)

_PORT = Regex(rb"\d{1,5}(?:[/?#]|$)")

_MASK = Regex(rb"[xX*.\-_?]+")

# RFC 2606
_DOCUMENTED = Regex(rb"(?:[\w-]+\.)*(?:example(?:\.(?:com|net|org))?|invalid|test)(?![\w-])(?!\.\w)")
_LOCAL = Regex(
    rb"(?:localhost|127\.|0\.0\.0\.0|\[?::1|(?:[\w-]+\.)*example\b|host\b|hostname|server\b|db\b|postgres\b|mysql\b|redis\b|mongo\b|database\b)"
)

# What a token says about itself when it is used: RFC 7519 section 4.1, and what providers add
_CLAIMS = Regex(
    rb'"(?:exp|iat|nbf|sub|iss|aud|jti|scope|scopes?|scp|role|roles|user|user_?id|userId|uid|email|name|id|client_?id|azp|permissions|session|sid|key|token)"|^[^{]'
)

_SAS = Regex(rb"[?&\"' ;=](?:se|sv|sr|sp|st|ss|srt|spr)=")

_CONNECTION = Regex(
    rb"(?i)(?:server|data source|host|hostname|uid|user id|userid|user|username|database|initial catalog|driver|dbq|dsn|port)\s?=|jdbc:|://"
)

# The first half of the SHA-256 of documented samples: AWS, Azurite, Cosmos DB emulator, kubeadm, Stripe, jwt.io,
# Telegram.
_KNOWN = frozenset(
    (
        "78314b11be2e581549ac1c4f616563fa",
        "0011cc25eb4320717494d2703e8cba85",
        "aa6547439583c3a275d4542a0df6c1ad",
        "a4b8b245ab28bc4f72dcaa0d9ba9f73d",
        "1a5d44a2dca19669d72edf4c4f1c27c4",
        "2cafc0970149a84f3b9e62eaf169f36f",
        "f2d6ca16515033e5dce14eba840b979d",
        "7f75367e7881255134e1375e723d1dea",
        "da816f9f2c16e6c5390e7636cadc40c4",
        "c4bbcb1fbec99d65bf59d85c8cb62ee2",
        "731fa294d036e54f19df879bfcd4fe72",
    )
)
