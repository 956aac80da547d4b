"""Whether what a pattern found is a secret: placeholders, references, words, public values and known samples are not.

Pure and fast: runs on every match of a pattern, sees the match and its line, and answers one of
`SECRET`, `WEAK` (may be one: a warning) and `REJECT`.
"""

import re
from binascii import Error, a2b_base64, crc32
from collections.abc import Callable
from math import log2
from typing import NamedTuple

from sopsguard.scan.patterns.pattern import Pattern

SECRET = "secret"  # noqa: S105  (a verdict)
WEAK = "weak"
REJECT = "reject"


class Found(NamedTuple):
    """A candidate in its line: what stands before it (up to 160 bytes) and behind it (up to 48)."""

    value: bytes
    before: bytes
    after: bytes
    path: str

    def __repr__(self) -> str:
        return f"Found({len(self.value)} bytes, {self.path!r})"


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
    if is_placeholder(text) or is_known(text):
        return REJECT
    check = CHECKS.get(pattern.check)
    return SECRET if check is None else check(found)


# What every kind of secret is measured with


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


def is_known(value: bytes) -> bool:
    """A sample that its provider documents or an emulator is shipped with; known by its SHA-256 only."""
    if not 20 <= len(value) <= 400:
        return False
    from hashlib import sha256

    return sha256(value).hexdigest()[:32] in _KNOWN


def is_sequence(value: bytes) -> bool:
    """Counts up (0123…, abcd…) for most of its length."""
    low = value.lower()
    steps = sum(1 for a, b in zip(low, low[1:], strict=False) if b - a == 1 or (a, b) == (57, 48))
    return steps * 5 >= (len(low) - 1) * 2 and len(low) >= 8


def entropy(value: bytes) -> float:
    """Shannon entropy in bits per byte, of the distribution of its bytes."""
    size = len(value)
    if not size:
        return 0.0
    return -sum(n / size * log2(n / size) for n in map(value.count, set(value)))


def looks_random(value: bytes) -> bool:
    """More like the output of a generator than like words, names, numbers or paths. For 8 bytes and more.

    Random letters rarely form the pairs that words are made of, and random characters change between
    capitals, small letters and digits every character or two; names and words do neither.
    """
    core = value.strip(b"=")
    size = len(core)
    if size < 8 or is_sequence(core):
        return False
    digits = sum(1 for c in core if 48 <= c <= 57)
    if _HEX.fullmatch(core):
        return size >= 16 and 0.2 * size <= digits <= 0.92 * size and len(set(core)) >= 7
    words = _RUNS.findall(core)
    count = sum(map(len, words))
    if not words or (count - digits) * 7 < size or count < 0.7 * size:
        return False
    mean = count / len(words)
    pairs, common = _pairs(core)
    if digits:
        if mean <= 2.4 or (mean <= 2.9 and size >= 20 and 0.15 * size <= digits <= 0.75 * size):
            return size >= 10 or len(set(core)) >= 7
        return size >= 10 and mean <= (4.0 if size < 20 else 6.0) and (pairs < 5 or common <= 0.62 * pairs)
    if (mean <= 2.2 and common <= 0.7 * pairs) or (mean <= 3.2 and common <= 0.62 * pairs):
        return size >= 12
    return size >= 16 and pairs >= 12 and common <= 0.58 * pairs


def _pairs(value: bytes) -> tuple[int, int]:
    """How many pairs of letters stand in `value`, and how many of them are common ones."""
    pairs = common = 0
    last = ""
    table = _table()
    for char in value.decode("latin-1").lower():
        if "a" <= char <= "z":
            if last:
                pairs += 1
                common += char in table[last]
            last = char
        else:
            last = ""
    return pairs, common


def _classes(value: bytes) -> int:
    """How many of small letters, capitals, digits and other characters occur."""
    return sum(1 for kind in _CLASSES if kind.search(value))


# The checks that patterns name


def _entropy(found: Found) -> str:
    """A fixed form with a random body."""
    value = found.value
    if is_sequence(value):
        return WEAK
    least = 2.2 if len(value) < 24 or _HEX.fullmatch(value) else 3.0
    if entropy(value) < least or len(set(value)) < 7:
        return REJECT
    pairs, common = _pairs(value)
    if pairs >= 10 and common >= 0.8 * pairs and _words_only(value):
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
    if _words_only(value):
        return WEAK if any(48 <= c <= 57 for c in value[6:]) else REJECT
    pairs, common = _pairs(value)
    if len(value) < 48 and pairs >= 8 and common >= 0.78 * pairs:
        return WEAK
    return SECRET


def _vault(found: Found) -> str:
    """Service tokens have some 95 characters, batch tokens more; short ones are old or broken."""
    value = found.value
    if is_sequence(value[4:]) or _words_only(value):
        return REJECT
    return SECRET if len(value) >= 80 else WEAK


def _slack(found: Found) -> str:
    """As `prefixed`; legacy custom bots (`xoxb-` and two parts) were switched off in March 2025."""
    verdict = _prefixed(found)
    if verdict == SECRET and found.value.startswith(b"xoxb-") and found.value.count(b"-") == 2:
        return WEAK
    return verdict


def _random(found: Found) -> str:
    """Nothing but a body, so it must be random."""
    return SECRET if looks_random(found.value.removeprefix(b"s.")) else REJECT


def _aws_id(found: Found) -> str:
    """The public half of a credential; in a signed URL nothing but that."""
    return WEAK if b"credential=" in found.before[-24:].lower() else SECRET


def _aws_secret(found: Found) -> str:
    value = found.value
    if _HEX.fullmatch(value):
        return REJECT if _HASH_NAME.search(_name(found.before)) else WEAK
    return SECRET if looks_random(value) else REJECT


def _crc62(found: Found) -> str:
    """The last six characters are the CRC-32 of those between prefix and tail, in base 62 (GitHub, npm, NetBird)."""
    body = found.value.partition(b"_")[2]
    if _words_only(body):
        return REJECT
    number, tail = crc32(body[:-6]), b""
    for _ in range(6):
        number, digit = divmod(number, 62)
        tail = _BASE62[digit : digit + 1] + tail
    return SECRET if tail == body[-6:] else WEAK


def _hex_tail(found: Found) -> str:
    """A body and eight hexadecimal digits of check sum (Cloudflare)."""
    return SECRET if _HEX.fullmatch(found.value[-8:]) else WEAK


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
    return WEAK if password.lower() in _DUMMIES else SECRET


def _discord(found: Found) -> str:
    """The first part is the number of the bot's account."""
    number = _unbase64(found.value.split(b".")[0])
    return SECRET if number is not None and number.isdigit() and 15 <= len(number) <= 20 else WEAK


def _telegram(found: Found) -> str:
    number, _, body = found.value.partition(b":")
    if (is_sequence(number) and is_sequence(body)) or _words_only(body):
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
    return REJECT if _IDENTIFIER_NAME.search(_name(found.before)) else SECRET


def _named_token(found: Found) -> str:
    """A body of the right length under the name of its provider."""
    value = found.value
    name = _name(found.before)
    if _HASH_NAME.search(name) or _PUBLIC_NAME.search(name):
        return REJECT
    if value.isdigit():
        return REJECT if _IDENTIFIER_NAME.search(name) else WEAK
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
        or (low in _DUMMIES and low != b"secret")
        or _MASK.fullmatch(value)
    ):
        return REJECT
    if _CAPITALS.fullmatch(value):
        return REJECT
    if user in _FORMAL_USERS and low in _FORMAL:
        return REJECT
    host = found.after.lstrip(b"@").lower()
    if low == user or low in _FORMAL or (user in _FORMAL_USERS and len(value) <= 6):
        return WEAK
    if _words_only(value) and (len(value) <= 12 or _LOCAL.match(host)):
        return WEAK
    return SECRET


def _connection_string(found: Found) -> str:
    """`password=` among the other settings of a connection string."""
    if not _CONNECTION.search(found.before) and not _CONNECTION.search(found.after):
        return REJECT
    value = found.value
    if _MEMBER.fullmatch(value) and not looks_random(value):
        return REJECT
    return WEAK if value.lower() in _DUMMIES or _words_only(value) else SECRET


def _header(found: Found) -> str:
    value = found.value
    low = found.before[-24:].lower()
    if re.search(rb"basic[ :=]{1,2}$", low):
        return _docker_auth(found)
    if value.startswith(b"AWS4-HMAC-"):
        return REJECT
    if _UUID.fullmatch(value):
        return SECRET
    if len(value) >= 16 and looks_random(value):
        return (
            WEAK
            if (len(value) < 32 and _HEX.fullmatch(value)) or _PREFIX.match(value) or value.startswith(b"eyJ")
            else SECRET
        )
    return WEAK if len(value) >= 8 and looks_random(value) else REJECT


def _curl_user(found: Found) -> str:
    value = found.value.strip(b"\"'{}")
    user = re.split(rb"[\s\"'=]", found.before.rstrip(b"\"':{}"))[-1].lower()
    if value.lower() in _DUMMIES | _FORMAL or (value.lower() == user and len(user) < 12):
        return REJECT
    if _CAPITALS.fullmatch(value):
        return REJECT
    return WEAK if _words_only(value) else SECRET


def _command_line(found: Found) -> str:
    value = found.value
    if value.startswith(b"-") or value.lower() in _DUMMIES or _PATH.match(value) or _words_only(value):
        return REJECT
    if looks_random(value) and len(value) >= 12:
        return SECRET
    if _quoted(found) and _classes(value) >= 3 and b" " not in value and len(value) >= 8:
        return SECRET
    return WEAK if _classes(value) >= 3 and len(value) >= 6 and not _CODE.fullmatch(value) else REJECT


def _password_word(found: Found) -> str:
    """The place says that it is a password; anything that is no reference counts."""
    value = found.value
    if value.lower() in _DUMMIES or _PATH.match(value) or _ELSEWHERE.match(value):
        return REJECT
    if (
        not _quoted(found)
        and not looks_random(value)
        and (found.after[:1] in (b"(", b"[") or _MEMBER.fullmatch(value))
    ):
        return REJECT
    return SECRET


def _generic_password(found: Found) -> str:
    value = found.value
    name = _name(found.before)
    if name and not _PASSWORD_NAME.search(name):
        return REJECT
    if _rejected_setting(found, name) or _loose(found):
        return REJECT
    low = value.lower()
    if low in _DUMMIES or _TYPE.fullmatch(value) or (_UUID.fullmatch(value) and b"id" in name.lower()):
        return REJECT
    size, classes = len(value), _classes(value)
    random = looks_random(value) and not (size < 32 and _HEX.fullmatch(value))
    quoted = _quoted(found)
    if b" " in value or b"\t" in value:
        return WEAK if quoted and classes == 4 and len(value.split()) <= 2 else REJECT
    if _PATH.match(value) and not random:
        return REJECT
    named = _PASSWORD_NAME.search(low) is not None or b"token" in low or b"secret" in low
    if quoted:
        if (random and size >= 8) or (
            classes >= 3 and size >= 8 and not _CHAIN.fullmatch(value) and not _words_only(value)
        ):
            return REJECT if named and not random else SECRET
        if named or size < 5 or not value.isascii() or (_CODE_WORD.fullmatch(value) and _words_only(value)):
            return REJECT
        return WEAK
    if _code_value(found):
        plain = (
            size >= 10
            and not named
            and not _is_code(found.path)
            and found.after[:1] not in (b"(", b"[", b"{")
        )
        return WEAK if plain and _IDENTIFIER.fullmatch(value) and not _words_only(value) else REJECT
    if _HASHED.match(value):
        return REJECT
    if (random and size >= 10) or (
        classes >= 3 and size >= 8 and any(48 <= c <= 57 for c in value) and not _words_only(value)
    ):
        return REJECT if named and not random else SECRET
    if (
        size >= 6
        and classes >= 2
        and not _IDENTIFIER.fullmatch(value)
        and not named
        and not _is_code(found.path)
    ):
        return WEAK
    if (
        size >= 6
        and classes >= 2
        and any(48 <= c <= 57 for c in value)
        and not named
        and not _is_code(found.path)
    ):
        return WEAK
    if size >= 12 and classes >= 2 and not named and not _is_code(found.path) and not _words_only(value):
        return WEAK
    return (
        WEAK
        if size >= 4 and not named and _SETTINGS_FILE.search(found.path.encode("utf-8", "replace"))
        else REJECT
    )


def _generic_secret(found: Found) -> str:
    value = found.value
    name = _name(found.before)
    if _rejected_setting(found, name) or _loose(found):
        return REJECT
    size = len(value)
    if size < 8 or b" " in value or _TYPE.fullmatch(value):
        return REJECT
    if _UUID.fullmatch(value):
        return WEAK if _SECRET_END.search(name) else REJECT
    quoted = _quoted(found)
    if not quoted and _code_value(found):
        return REJECT
    if _PATH.match(value) and not looks_random(value[1:].replace(b"/", b"")):
        return REJECT
    if value.isdigit():
        return WEAK if size >= 16 and _SECRET_END.search(name) else REJECT
    if looks_random(value):
        if size >= 16:
            return WEAK if _other_form(value, name) or (size < 32 and _HEX.fullmatch(value)) else SECRET
        return WEAK if size >= 10 else REJECT
    digits = sum(1 for c in value if 48 <= c <= 57)
    if _words_only(value) or not digits or _is_code(found.path):
        return REJECT
    if size >= 16 and digits >= 2 and value.isalnum() and not _HEX.fullmatch(value):
        return WEAK
    return WEAK if size >= 10 and _classes(value) >= 3 and not _CHAIN.fullmatch(value) else REJECT


def _other_form(value: bytes, name: bytes) -> bool:
    """The value, or the name of the setting, says whose secret this is; then its own pattern knows the form."""
    return bool(_PREFIX.match(value) or (_AWS_SECRET.search(name) and len(value) != 40))


def _generic_key(found: Found) -> str:
    value = found.value
    name = _name(found.before)
    if len(value) < 16 or _rejected_setting(found, name) or _KEY_OF.search(name):
        return REJECT
    if (not _quoted(found) and _code_value(found)) or _UUID.fullmatch(value) or b" " in value:
        return REJECT
    return SECRET if looks_random(value) else REJECT


def _rejected_setting(found: Found, name: bytes) -> bool:
    """The name says that the value is something about a secret, or the value that it stands elsewhere."""
    if _NOT_SECRET_NAME.search(name) or _PUBLIC_NAME.search(name) or _HASH_NAME.search(name):
        return True
    if _COMMA.search(found.before) and _CHAIN.fullmatch(found.value) and not looks_random(found.value):
        return True
    if found.value.startswith(b"@") and found.before.endswith(b">"):
        return True
    if _MEMBER_TYPE.search(found.before):
        return True
    return (
        bool(
            _ELSEWHERE.match(found.value) or _DATE_OR_HOST.match(found.value) or _ESCAPES.search(found.value)
        )
        or b"://" in found.value
    )


def _loose(found: Found) -> bool:
    """Nothing but a space, a bar or "is" between name and value, and the value is a word like any other."""
    separator = found.before.rstrip(b"\"'`")[-1:]
    if separator not in (b" ", b"\t", b"|") or _ASSIGNS.search(found.before):
        return False
    return not (
        looks_random(found.value) or _quoted(found) and _classes(found.value) >= 3 and b" " not in found.value
    )


def _code_value(found: Found) -> bool:
    """A bare word that programs read as a name: a call, an index, a member, an operator's operand."""
    value = found.value
    if found.after[:1] in (b"(", b"[", b"{") or (value[:1] in b"&*!~^@" and _IDENTIFIER.fullmatch(value[1:])):
        return True
    if looks_random(value):
        return False
    return bool(_CHAIN.fullmatch(value) or (_is_code(found.path) and _CODE.fullmatch(value)))


def _quoted(found: Found) -> bool:
    return found.before[-1:] in (b'"', b"'", b"`") or found.before[-1:] == b">"


def _is_code(path: str) -> bool:
    return _CODE_FILE.search(path.encode("utf-8", "replace")) is not None


def _words_only(value: bytes) -> bool:
    """Words, perhaps joined and numbered: `some-name`, `SomeName`, `name_2`."""
    words = _RUNS.findall(value)
    letters = [w for w in words if not w.isdigit()]
    if not letters or looks_random(value):
        return False
    if sum(map(len, words)) < 0.75 * len(value):
        return False
    digits = sum(len(w) for w in words if w.isdigit())
    pairs, common = _pairs(value)
    mean = sum(map(len, letters)) / len(letters)
    return mean >= 2.6 and digits <= 0.25 * len(value) and (pairs < 4 or common >= 0.7 * pairs)


def _name(before: bytes) -> bytes:
    """The name of the setting that the value is given to."""
    match = _NAME.search(before)
    return match[1] if match else b""


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
    "generic-key": _generic_key,
    "generic-password": _generic_password,
    "generic-secret": _generic_secret,
    "header": _header,
    "hex-tail": _hex_tail,
    "jwt": _jwt,
    "jwt-base64": _jwt_base64,
    "named-token": _named_token,
    "named-uuid": _named_uuid,
    "numbered": _numbered,
    "password-word": _password_word,
    "prefixed": _prefixed,
    "random": _random,
    "slack": _slack,
    "telegram": _telegram,
    "url-password": _url_password,
    "vault": _vault,
}


# Regular expressions are compiled when first used: most runs need few of them.
class _Regex:
    __slots__ = ("_compiled", "_source")

    def __init__(self, source: bytes) -> None:
        self._source = source
        self._compiled: re.Pattern[bytes] | None = None

    def _get(self) -> re.Pattern[bytes]:
        if self._compiled is None:
            self._compiled = re.compile(self._source)
        return self._compiled

    def search(self, value: bytes) -> re.Match[bytes] | None:
        return self._get().search(value)

    def match(self, value: bytes) -> re.Match[bytes] | None:
        return self._get().match(value)

    def fullmatch(self, value: bytes) -> re.Match[bytes] | None:
        return self._get().fullmatch(value)

    def findall(self, value: bytes) -> list[bytes]:
        return self._get().findall(value)


_HEX = _Regex(rb"[0-9a-f]+|[0-9A-F]+")
_UUID = _Regex(rb"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
_RUNS = _Regex(rb"[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
_CLASSES = (_Regex(rb"[a-z]"), _Regex(rb"[A-Z]"), _Regex(rb"[0-9]"), _Regex(rb"[^A-Za-z0-9]"))

# `${X}`, `$(x)`, `$X`, `{{ x }}`, `<x>`, `%(x)s`, `%X%`, `@X@`, `#{x}`, `((x))`, `[x]`, `!vault`, three dots or
# stars, sops ciphertext
_REFERENCE = _Regex(
    rb"\$[{(\[]|^\$[A-Za-z_][\w:.]*$|^\$[A-Z_]{3,}|\{\{|\}\}|^\\?<[^>]*>?$|^<|%\(\w|%\{|^%[A-Za-z_]\w+%|^%[sdrv]$|^@@?[A-Za-z_][\w.-]*@@?$|#\{"
    rb"|^\(\(|^\[[^\]]*\]?$|^!\w+$|\.\.\.|\xe2\x80\xa6|\*\*\*|\xe2\x80\xa2{2}|^ENC\[|<%|%>|^\{[A-Za-z_. -]+\d?\}$|^__\w+__$|\$\$\{|\\\(|&lt;|^\$[0-9]$"
)
_RUN = _Regex(rb"[xX]{4}|\*{3}|0{12}|-{4}|_{4}|#{4}|\.{3}|~{4}|={4}|/{4}|(?:xX){3}|(?:1234567890){3}")
_WORDS = _Regex(
    rb"(?i)example|placeholder|change[_-]?(?:me|this|it)|replace[_-]?(?:me|this|with)|(?:^|[^a-z])your[_-]?[a-z]|insert[_-]|redacted|dummy"
    rb"|to-?do|fixme|(?:^|[_-])here$|removed|sanitized|obfuscated|(?:^|[_-])fake|notasecret|not[_-]a[_-]|not[_-]real|foobar|lorem|"
    rb"deadbeef|abc123|^(?:my|the|some|a)[_-](?:[a-z]+[_-])*(?:secret|token|key|password|pass)"
)

# Words that stand for a password where none is.
_DUMMIES = frozenset(
    b"password passwd pass pwd passphrase passw0rd secret token string str text none null nil true false yes no undefined required"
    b" optional hidden prompt plain bytes int bool object char varchar input default value key user username login admin_password"
    b" mypassword my_password mypass userpass user_password dbpassword db_password yourpassword your_password your-password "
    b" the_password thepassword somepassword some_password newpassword new_password oldpassword old_password changeme change-me"
    b" change_me empty unset disabled enabled anonymous anoncvs ask pw psk *** **** ***** xxx xxxx xxxxx off on env file password1 access_token"
    b" api_key apikey confirm repeat current forgot reset invalid valid wrong incorrect correct missing unknown any all other".split()
)
# User and password of an address that shows its form only.
_FORMAL_USERS = frozenset(
    b"user username usr login u name me you foo bar user1 myuser userid someuser your_username alice bob admin".split()
)
_FORMAL = frozenset(
    b"password pass passwd pwd pw p passphrase token key foo bar baz test x mypassword mypass password123 1234 12345 123456 pass123 pass1".split()
)

_PORT = _Regex(rb"\d{1,5}(?:[/?#]|$)")
_MASK = _Regex(rb"[xX*.\-_?]+")
_LOCAL = _Regex(
    rb"(?:localhost|127\.|0\.0\.0\.0|\[?::1|(?:[\w-]+\.)*example\b|host\b|hostname|server\b|db\b|postgres\b|mysql\b|redis\b|mongo\b|database\b)"
)
_CAPITALS = _Regex(rb"[A-Z]+(?:_[A-Z]+)*")
_IDENTIFIER = _Regex(rb"[A-Za-z_][A-Za-z0-9_]*")
# Names joined by dots, arrows or colons, as programs write members
_CHAIN = _Regex(rb"\$?[A-Za-z_][\w]*(?:(?:\??\.|->|::|-)[A-Za-z_][\w]*)*")
_MEMBER = _Regex(rb"\$?[A-Za-z_]\w*(?:(?:\??\.|->|::)[A-Za-z_]\w*)+")
_CODE = _Regex(rb"[\w$.\->:!?*&+%/|~^@=]*")
_CODE_WORD = _Regex(rb"[a-z]+(?:[_-][a-z]+)+|[a-z]+(?:[A-Z][a-z]+)+|[A-Z]+(?:_[A-Z]+)+|[a-z.]+\.[a-z.]+")
_PATH = _Regex(rb"(?:[A-Za-z]:)?\\{1,2}|\.{0,2}/|~/|https?:|file:|[\w.-]+/[\w.-]+/")
_ELSEWHERE = _Regex(
    rb"(?i)(?:/(?:run|etc|var|home|root|opt|usr|tmp|nix|mnt|srv|proc|dev|secrets?|data|app|config|path)/|\.{1,2}/|~/|[\w./-]*\.(?:pem|key|crt|cer|json|ya?ml|txt|py|js|ts|"
    rb"php|go|rs|rb|sh|nix|toml|conf|cfg|ini|html?|xml|age|gpg|pub|env|java|cs|md|log|db|sql|p12|pfx|jks)$|config\.|os\.|env\.|process\.env|getenv|ENV\[|sops|vault:|"
    rb"op://|ref\+|secretref|aws:|arn:|ssm:|ext:|file:|env:|cmd:|var\.|local\.|data\.|module\.|self\.|this\.|settings\.|secrets\.|sha\d{1,3}[-:]|sha256-|md5[-:]|ssh-|age1|"
    rb"-----|data:|urn:|bearer$)"
)
_COMMA = _Regex(rb",\s*[\"'`\\]+$")
_ASSIGNS = _Regex(rb"[:=>,-]\s*(?:[@$brufBRUF]|%22)?[\"'`\\({\[<]*$")
_MEMBER_TYPE = _Regex(rb"\w::\w+[\"'` ]*[:=][\"'` ]*$")
_DATE_OR_HOST = _Regex(
    rb"\d{4}-\d\d-\d\d(?:[T ]\d\d:|$)|(?:[a-z0-9-]+\.)+(?:com|org|net|io|local|de|dev|internal)(?::\d{1,5})?(?:/\S*)?$"
)
_ESCAPES = _Regex(rb"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|[0-7]{3}).{0,40}\\")
_TYPE = _Regex(
    rb"(?i)(?:[a-z_]+\.)*(?:string|str|int|integer|bool|boolean|bytes|char|varchar\S*|text|object|array|list|dict|map|optional|any|none|null)(?:[\[<(|?].*)?"
)
_HASHED = _Regex(rb"\$[\w-]{1,12}\$|\{(?:SHA|SSHA|PBKDF2|CRYPT)")
_CODE_FILE = _Regex(
    rb"\.(?:py|pyi|js|jsx|ts|tsx|mjs|cjs|go|rs|java|kt|scala|c|cc|cpp|cxx|h|hpp|cs|rb|php|pl|pm|swift|m|lua|nix|el|ex|exs|erl|hs|ml|clj|dart|r|vue|"
    rb"sql|tf|groovy|gradle|md|rst|adoc|html?|css|scss|svg|po|pot|tex|diff|patch)$"
)
_SETTINGS_FILE = _Regex(rb"(?:^|/)\.env[\w.-]*$|\.(?:env|ini|cfg|conf|properties|netrc|cnf)$")

_NAME = _Regex(
    rb"([\w.$-]+(?: for \w+)?)[\"'`\])\\]{0,5}\s*(?:(?:string|str|char)\b\s*)?(?:[\"']?,?\s*[\"']?(?:value|default)[\"']?\s*)?"
    rb"(?:[:?.+|!]{0,3}=[>=]{0,2}|:\s*[A-Za-z][\w.<>\[\]|?]*\s*=|:|->|,|</key>\s*<string>|>|=|%3[Dd]|\|| is[ :]|\s)\s*(?:[@$brufBRUF]|%22)?[\"'`\\({\[<]*$"
)
_PASSWORD_NAME = _Regex(
    rb"(?i:passw|passphrase|passcode|passkey|pwd|pswd|paswrd|pass_?wrd|psw(?![a-z])|credential)|(?<![A-Za-z])(?i:pw|pass)(?![a-z])|[a-z](?:Pass|PW|Pw)(?![a-z])"
    rb"|(?i:user|db|my|root|admin|mail|smtp|ftp|sql|pg|redis|mongo|ldap|key|any)_?pass(?![a-z])"
)
_NOT_SECRET_NAME = _Regex(
    # long words also without a boundary before them
    rb"(?i)(?:file|path|directory|folder|endpoint|name|names|types?|length|size|count|counter|fields?|label|hint|placeholder|prompt|policy"
    rb"|regexp?|pattern|format|algorithm|expiry|expires|expires_?(?:in|at|on)|expiration|lifetime|timeout|environment|variable|headers?"
    rb"|prefix|suffix|message|errors?|title|description|selector|provider|manager|enabled|disabled|required|version|revision|strength"
    rb"|confirmation|confirm|method|methods|scopes?|audience|issuer|usage|status|service|command|script|rotation|reset|changed|updated"
    rb"|created|iterator|stream|parser|handler|factory|validator|permissions?|template|schema|encoding|charset|samesite|httponly"
    rb"|modified|[-_]?last[_-]?used|manager|url)$"
    # short ones only as words of their own
    rb"|(?:^|[_.\-])(?:dir|uri|host|port|len|min|max|algo?|ttl|env|var|msg|text|desc|help|class|icon|column|index|ref|reference|enable"
    rb"|rules?|lists?|map|ids?|kind|mode|state|store|storage|source|backend|cmd|date|time|at|by|keys|roles?|groups?|owner|mount|volume"
    rb"|action|event|bytes|bits|domain|secure|verb|verify|checks?)$"
    rb"|(?-i:[a-z0-9](?:Dir|Uri|Host|Port|Len|Min|Max|Alg|Ttl|Env|Var|Msg|Text|Desc|Help|Class|Icon|Index|Ref|Rules?|Lists?|Map|Ids?|Kind"
    rb"|Mode|State|Store|Source|Cmd|Date|Time|At|By|Keys|Roles?|Groups?|Owner|Action|Event|Bytes|Bits|Domain|Checks?))$"
    rb"|(?:next|prev|previous|page|pagination|paging|continuation|change|update|sync|import|export|verification|idempotency|request|resume"
    rb"|lock|cancel|cancellation|design|syntax|start|end|subject|delimiter|cursor|parse|eof|stop|pad|bos|eos|unk|cls|sep|mask|special"
    rb"|input|output|max|min|total|prompt|completion)[_-]?tokens?$"
    rb"|^(?:is|has|no|use|with|need|needs|require|get|set|allow|skip|show|hide|disable|enable|ask)(?:[_-]|(?-i:[A-Z]))"
)
_PUBLIC_NAME = _Regex(
    rb"(?i)public|publish|pub_?key|(?:^|[_.-])pub(?:[_.-]|$)|csrf|xsrf|sitekey|site_key|anon|authenticity|nonce|captcha|trusted|recipient|accessor|pubkey"
)
_HASH_NAME = _Regex(
    rb"(?i)hash|sha_?\d|sha$|digest|checksum|integrity|(?:^|[_.-])rev(?:ision)?s?(?:$|[_.-])|(?<!not_)commit|fingerprint|thumbprint|etag|version|md5|crc|signature$|(?:^|[_.-])sum$|srcrev|cache_?key|uuid|guid"
)
_IDENTIFIER_NAME = _Regex(
    rb"(?i)(?:project|organi[sz]ation|org|account|zone|region|tenant|subscription|channel|guild|server|user|app|application|team|workspace|cluster|node)[_-]?id|[_-]region|[a-z]Id$"
)
_SECRET_END = _Regex(
    rb"(?i)(?:secret|token|password|passwd|pass|api_?key|access_?key|auth_?key|private_?key|license_?key|setup_?key|secret_?key|credential)s?\d?$"
)
_PREFIX = _Regex(
    rb"(?:gh[pousr]|github_pat|gl[a-z]{2,5}|xox[a-z]|xapp|sk|hv[sbr]|SG|npm|pypi|do[opr]_v1|cf(?:ut|at|k)|sntry[a-z]|hf|AKIA|ASIA|AIza|dckr_pat|glsa|glc|tskey|ops|pul)[._-]"
)
_AWS_SECRET = _Regex(rb"(?i)aws_?secret")
_KEY_OF = _Regex(
    rb"(?i)(?:object|cache|map|primary|foreign|sort|partition|index|group|row|item|storage_class|i18n|translation|host|sign|artifact|registry|ssh|gpg|pgp|rsa|armor|authorized|known|build|data|lock|store)[_-]?key"
)
# What a token says about itself when it is used: RFC 7519 section 4.1, and what providers add
_CLAIMS = _Regex(
    rb'"(?:exp|iat|nbf|sub|iss|aud|jti|scope|scopes?|scp|role|roles|user|user_?id|userId|uid|email|name|id|client_?id|azp|permissions|session|sid|key|token)"|^[^{]'
)
_SAS = _Regex(rb"[?&\"' ;=](?:se|sv|sr|sp|st|ss|srt|spr)=")
_CONNECTION = _Regex(
    rb"(?i)(?:server|data source|host|hostname|uid|user id|userid|user|username|database|initial catalog|driver|dbq|dsn|port)\s?=|jdbc:|://"
)


def _table() -> dict[str, str]:
    """Letters that often follow a letter."""
    if not _FOLLOWERS:
        _FOLLOWERS.update({group[0]: group[1:] for group in _PAIRS.split()})
        _FOLLOWERS.setdefault("j", "")
    return _FOLLOWERS


# Pairs of letters that are common in English words and in names in programs (230 of 676 pairs: 91 % of such
# text, 34 % of random letters): the first letter of each group with each of the others.
_PAIRS = (
    "abcdgiklmnprstuy baeilorsu cacehiklorstu dadeilosu eacdefgilmnprstvwxy faefiloru gehilnrs "
    "haeiot iabcdefglmnoprstvxz kei ladeilostuy maeilmops nacdefgilnostuv oabcdfgiklmnoprstuvw "
    "paeiloprstuy qu racdegiklmnorstuy sacehilopstuy tacehiloprstuy uabceilmnprst vaei waeio "
    "xept yps ze "
)
_FOLLOWERS: dict[str, str] = {}

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
