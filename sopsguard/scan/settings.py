"""Whether the value of a setting is a secret, by the name of the setting, the value and the place."""

# ruff: noqa: E501  (regular expressions)

from sopsguard.scan.candidate import HEX, REJECT, SECRET, UUID, WEAK, Found, Regex
from sopsguard.scan.randomness import classes, looks_random, words_only


def name_of(before: bytes) -> bytes:
    """The name of the setting that the value is given to."""
    match = _NAME.search(before[-96:])
    return match[1][-48:] if match else b""


def is_quoted(found: Found) -> bool:
    return found.before[-1:] in (b'"', b"'", b"`") or found.before[-1:] == b">"


def is_code(path: str) -> bool:
    return _CODE_FILE.search(_bytes(path)) is not None


def password(found: Found) -> str:
    """The value of a setting that is named like a password."""
    value, quoted = found.value, is_quoted(found)
    # What needs no name comes first: the expressions for names take milliseconds to compile.
    if value.lower() in DUMMIES or (not quoted and found.after[:1] in _OPENS) or _is_elsewhere(value):
        return REJECT
    if len(value) >= 300 and _SEALED.match(value):
        return REJECT
    name = name_of(found.before)
    if name and not _PASSWORD_NAME.search(name):
        return REJECT
    loose = _is_loose(found)
    if _is_about(found, name) or (loose and not _is_likely(found)):
        return REJECT
    strong = WEAK if loose and not _DECLARES.search(found.before) else SECRET
    low, size, kinds = value.lower(), len(value), classes(value)
    if _TYPE.fullmatch(value) or (UUID.fullmatch(value) and b"id" in name.lower()):
        return REJECT
    if b" " in value or b"\t" in value:
        return WEAK if quoted and kinds == 4 and len(value.split()) <= 2 else REJECT
    random = looks_random(value) and not (size < 32 and HEX.fullmatch(value))
    if not random and PATH.match(value):
        return REJECT
    told = any(word in low for word in (b"passw", b"pwd", b"passphrase", b"credential", b"token", b"secret"))
    mixed = kinds >= 3 and size >= 8 and not words_only(value)
    if quoted:
        if (random and size >= 8) or (mixed and not CHAIN.fullmatch(value)):
            return REJECT if told and not random else strong
        if told or size < 5 or not value.isascii() or (_CODE_WORD.fullmatch(value) and words_only(value)):
            return REJECT
        return WEAK
    if _HASHED.match(value) or (told and not random):
        return REJECT
    if _is_code_value(found):
        return WEAK if size >= 6 and _may_be_word(found) else REJECT
    digit = any(48 <= c <= 57 for c in value)
    if (random and size >= 10) or (mixed and digit):
        return strong
    if is_code(found.path):
        return REJECT
    if size >= 6 and kinds >= 2 and (digit or not IDENTIFIER.fullmatch(value)):
        return WEAK
    if size >= 12 and kinds >= 2 and not words_only(value):
        return WEAK
    return WEAK if size >= 4 and _SETTINGS_FILE.search(_bytes(found.path)) else REJECT


def _may_be_word(found: Found) -> bool:
    """A bare word that may be a name in a program, but stands where a file holds settings."""
    value = found.value
    if is_code(found.path) or found.after[:1] in _OPENS or not IDENTIFIER.fullmatch(value):
        return False
    if _PLAIN_FILE.search(_bytes(found.path)) and _alone(found):
        return True
    return len(value) >= 10 and not words_only(value)


def _bytes(path: str) -> bytes:
    return path.encode("utf-8", "replace")


def secret(found: Found) -> str:
    """The value of a setting that is named like a secret, a token or a key with a purpose."""
    value, size = found.value, len(found.value)
    if size < 8 or b" " in value:
        return REJECT
    quoted, uuid = is_quoted(found), UUID.fullmatch(value) is not None
    # What needs no name comes first: the expressions for names take milliseconds to compile.
    if not uuid and ((not quoted and _is_code_value(found)) or _is_elsewhere(value)):
        return REJECT
    if _TYPE.fullmatch(value):
        return REJECT
    name = name_of(found.before)
    loose = _is_loose(found)
    if _is_about(found, name) or (loose and not _is_likely(found)):
        return REJECT
    if HEX.fullmatch(value) and _FILE_NAME.search(found.before):
        return REJECT  # a lock file: what it is named after is a file, and this its hash
    if uuid:
        return WEAK if _SECRET_END.search(name) else REJECT
    if PATH.match(value) and not looks_random(value[1:].replace(b"/", b"")):
        return REJECT
    if value.isdigit():
        return WEAK if size >= 16 and _SECRET_END.search(name) else REJECT
    if looks_random(value):
        if size >= 12:
            weak = loose and not _DECLARES.search(found.before)
            weak = weak or _other_form(value, name) or (size < 32 and HEX.fullmatch(value) is not None)
            return WEAK if weak else SECRET
        return WEAK if size >= 10 else REJECT
    digits = sum(1 for c in value if 48 <= c <= 57)
    if (
        quoted
        and size <= 64
        and _SPECIAL.search(value)
        and not is_code(found.path)
        and _SECRET_END.search(name)
    ):
        return WEAK
    if words_only(value) or not digits or is_code(found.path):
        return REJECT
    if size >= 16 and digits >= 2 and value.isalnum() and not HEX.fullmatch(value):
        return WEAK
    return WEAK if size >= 10 and classes(value) >= 3 and not CHAIN.fullmatch(value) else REJECT


def key(found: Found) -> str:
    """The value of a setting that is named like any key."""
    value = found.value
    if len(value) < 16 or (not looks_random(value) and not UUID.fullmatch(value)):
        return REJECT
    name = name_of(found.before)
    if _is_about(found, name) or _KEY_OF.search(name):
        return REJECT
    if name.lower() == b"key" and len(value) in (40, 64) and HEX.fullmatch(value):
        return REJECT  # more often the name of what it is the hash of
    if UUID.fullmatch(value):
        return WEAK if _KEY_WITH_UUID.search(name) else REJECT
    return REJECT if (not is_quoted(found) and _is_code_value(found)) or b" " in value else SECRET


def _other_form(value: bytes, name: bytes) -> bool:
    """The value, or the name of the setting, says whose secret this is; then its own pattern knows the form."""
    return bool(PREFIX.match(value) or (_AWS_SECRET.search(name) and len(value) != 40))


def _is_about(found: Found, name: bytes) -> bool:
    """The name says that the value is something about a secret, or the value that it stands elsewhere."""
    if _is_elsewhere(found.value) or tells_about(name) or PUBLIC_NAME.search(name) or HASH_NAME.search(name):
        return True
    if _COMMA.search(found.before) and CHAIN.fullmatch(found.value) and not looks_random(found.value):
        return True
    if found.value.startswith(b"@") and found.before.endswith(b">"):
        return True
    return _MEMBER_TYPE.search(found.before) is not None


def _is_elsewhere(value: bytes) -> bool:
    """The value says where another one stands, or is an address, a date, a number or escapes."""
    return b"://" in value or bool(
        ELSEWHERE.match(value) or _DATE_OR_HOST.match(value) or (b"\\" in value and _ESCAPES.search(value))
    )


# Words at the end of a name that is not the name of a secret: long ones also without a boundary before
# them, short ones only as words of their own. Compared without `re`, which takes three milliseconds to
# compile them: that is a tenth of a small commit.
_ENDS = tuple(
    b"file path directory folder endpoint name names type types length size count counter field fields label hint "
    b"placeholder prompt policy regex regexp pattern format algorithm expiry expires expiresin expires_in expiresat "
    b"expires_at expireson expires_on expiration lifetime timeout environment variable header headers prefix suffix "
    b"message error errors title description selector provider manager enabled disabled required version revision "
    b"strength confirmation confirm method methods scope scopes audience issuer usage status service command script "
    b"rotation reset changed updated created iterator stream parser handler factory validator permission permissions "
    b"template schema encoding encryption hashing charset samesite httponly modified lastused last_used last-used "
    b"url".split()
)
_LAST_WORDS = frozenset(
    b"dir uri host port len min max alg algo ttl env var msg text desc help class icon column index ref reference "
    b"enable rule rules list lists map id ids kind mode state store storage source backend cmd date time at by keys "
    b"role roles group groups owner mount volume action event bytes bits domain secure verb verify check "
    b"checks".split()
)
_LAST_CAPITALIZED = frozenset(
    b"Dir Uri Host Port Len Min Max Alg Ttl Env Var Msg Text Desc Help Class Icon Index Ref Rule Rules List Lists Map "
    b"Id Ids Kind Mode State Store Source Cmd Date Time At By Keys Role Roles Group Groups Owner Action Event Bytes "
    b"Bits Domain Check Checks".split()
)
_OF_TOKENS = tuple(
    b"next prev previous page pagination paging continuation change update sync import export verification "
    b"idempotency request resume lock cancel cancellation design syntax start end subject delimiter cursor parse eof "
    b"stop pad bos eos unk cls sep mask special input output max min total prompt completion".split()
)
_VERBS = tuple(
    b"is has no use with need needs require get set allow skip show hide disable enable ask".split()
)
_SMALL = b"abcdefghijklmnopqrstuvwxyz0123456789"
_BOUNDARIES = bytes.maketrans(b".-", b"__")


def tells_about(name: bytes) -> bool:
    """Whether the name of a setting says that its value is something about a secret: where it is, how long,
    of what kind, whether there is one."""
    low = name.lower()
    if low.endswith(_ENDS) or low.translate(_BOUNDARIES).rpartition(b"_")[2] in _LAST_WORDS:
        return True
    for size in range(2, min(7, len(name))):
        if name[-size:] in _LAST_CAPITALIZED and name[-size - 1] in _SMALL:
            return True
    if low.endswith((b"token", b"tokens")):
        whose = low.removesuffix(b"s").removesuffix(b"token")
        if whose.endswith(_OF_TOKENS) or (whose[-1:] in (b"_", b"-") and whose[:-1].endswith(_OF_TOKENS)):
            return True
    return low.startswith(_VERBS) and any(
        low.startswith(verb)
        and (name[len(verb) : len(verb) + 1] in (b"_", b"-") or name[len(verb) : len(verb) + 1].isupper())
        for verb in _VERBS
    )


def _is_loose(found: Found) -> bool:
    """Nothing but a space, a bar or "is" stands between name and value."""
    separator = found.before.rstrip(b"\"'`")[-1:]
    return separator in _LOOSE and not _ASSIGNS.search(found.before)


def _is_likely(found: Found) -> bool:
    """Behind a loose separator: the value is no word like any other."""
    value = found.value
    if _VERSION.match(value) or PATH.match(value) or b" " in value:
        return False
    if looks_random(value):
        return True
    mixed = classes(value) >= 3 and not words_only(value)
    return mixed and (
        is_quoted(found) or (len(value) <= 24 and not is_code(found.path) and not CODE_LIKE.search(value))
    )


def _is_code_value(found: Found) -> bool:
    """A bare word that programs read as a name: a call, an index, a member, an operator's operand."""
    value = found.value
    if found.after[:1] in _OPENS or (value[:1] in b"&*!~^@" and IDENTIFIER.fullmatch(value[1:])):
        return True
    if looks_random(value):
        return False
    return bool(CHAIN.fullmatch(value) or (is_code(found.path) and CODE.fullmatch(value)))


def _alone(found: Found) -> bool:
    """The setting has its line for itself, as in configuration."""
    return bool(_LINE.fullmatch(found.before)) and not found.after.strip(b" \t\r,;")


# Words that stand for a password where none is.
DUMMIES = frozenset(
    b"password passwd pass pwd passphrase passw0rd secret token string str text none null nil true false "
    b"yes no undefined required optional hidden prompt plain bytes int bool object char varchar input "
    b"default value key user username login admin_password mypassword my_password mypass userpass "
    b"user_password dbpassword db_password yourpassword your_password your-password the_password "
    b"thepassword somepassword some_password newpassword new_password oldpassword old_password changeme "
    b"change-me change_me empty unset disabled enabled anonymous anoncvs ask pw psk *** **** ***** xxx "
    b"xxxx xxxxx off on env file password1 access_token api_key apikey confirm repeat current forgot "
    b"reset invalid valid wrong incorrect correct missing unknown any all other ".split()
)

CAPITALS = Regex(rb"[A-Z]+(?:_[A-Z]+)*")

IDENTIFIER = Regex(rb"[A-Za-z_][A-Za-z0-9_]*")

# Names joined by dots, arrows or colons, as programs write members
# The ciphertext of a SealedSecret: the length of the wrapped key (512 bytes, as a rule) comes first.
_SEALED = Regex(rb"Ag[A-D][A-Za-z0-9+/]{200,}")
_FILE_NAME = Regex(rb"/[\w.@-]*\.[a-z]{1,4}[\"']?[ \t]*[:=][ \t]*[\"']?$")
CHAIN = Regex(rb"\$?[A-Za-z_][\w]*(?:(?:\??\.|->|::|-)[A-Za-z_][\w]*)*")

MEMBER = Regex(rb"\$?[A-Za-z_]\w*(?:(?:\??\.|->|::)[A-Za-z_]\w*)+")

CODE = Regex(rb"[\w$.\->:!?*&+%/|~^@=]*")

_CODE_WORD = Regex(rb"[a-z]+(?:[_-][a-z]+)+|[a-z]+(?:[A-Z][a-z]+)+|[A-Z]+(?:_[A-Z]+)+|[a-z.]+\.[a-z.]+")

PATH = Regex(rb"(?:[A-Za-z]:)?\\{1,2}|\.{0,2}/|~/|https?:|file:|[\w.-]+/[\w.-]+/")

ELSEWHERE = Regex(
    rb"(?i)(?:/(?:run|etc|var|home|root|opt|usr|tmp|nix|mnt|srv|proc|dev|secrets?|data|app|config|path)/|\.{1,2}/|~/|[\w./-]*\.(?:pem|key|crt|cer|json|ya?ml|txt|py|js|ts|"
    rb"php|go|rs|rb|sh|nix|toml|conf|cfg|ini|html?|xml|age|gpg|pub|env|java|cs|md|log|db|sql|p12|pfx|jks)$|config\.|os\.|env\.|process\.env|getenv|ENV\[|sops|vault:|"
    rb"op://|ref\+|secretref|aws:|arn:|ssm:|ext:|file:|env:|cmd:|var\.|local\.|data\.|module\.|self\.|this\.|settings\.|secrets\.|sha\d{1,3}[-:]|sha256-|md5[-:]|ssh-|age1|"
    rb"-----|data:|urn:|bearer$)"
)

_COMMA = Regex(rb",\s*[\"'`\\]+$")

_OPENS = (b"(", b"[", b"{")

_LOOSE = frozenset(bytes((c,)) for c in b" \t|-([")

CODE_LIKE = Regex(rb"[(){}\[\]<>=,:]|\.\w+$|^\d+[.%,)]|^[\d.-]+$")

_ASSIGNS = Regex(rb"(?:[:=>,]|->|\xef\xbc\x9a|:\s*[|>][+-]?|!!str)\s*(?:[@$brufBRUF]|%22)?[\"'`\\({\[<]*$")

# Statements that set something without a sign in between: Dockerfile, cmd, csh, C, Groovy
_DECLARES = Regex(
    rb"(?i)(?:^|\s)(?:ENV|setx?|setenv|#define|arg|define|--?[\w-]+|(?:key|store)?password|secret)\s+(?:[\w.-]+\s+)?[\"'`]?$"
)

_VERSION = Regex(rb"v?\d{1,4}\.\d")

_MEMBER_TYPE = Regex(rb"\w::\w+[\"'` ]*[:=][\"'` ]*$")

_SPECIAL = Regex(rb"\w[#!@$%^&*?]\w")

_DATE_OR_HOST = Regex(
    rb"-?0x[0-9a-fA-F]{1,16}$|\d{4}-\d\d-\d\d(?:[T ]\d\d:|$)|(?:[a-z0-9-]+\.)+(?:com|org|net|io|local|de|dev|internal)(?::\d{1,5})?(?:/\S*)?$"
)

_ESCAPES = Regex(rb"\\(?:x1b|033|e)\[|\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|[0-7]{3}).{0,40}\\")

_TYPE = Regex(
    rb"(?i)(?:[a-z_]+\.)*(?:string|str|int|integer|bool|boolean|bytes|char|varchar\S*|text|object|array|list|dict|map|optional|any|none|null)(?:[\[<(|?].*)?"
)

_HASHED = Regex(rb"\$[\w-]{1,12}\$|\{(?:SHA|SSHA|PBKDF2|CRYPT)")

_CODE_FILE = Regex(
    rb"\.(?:py|pyi|js|jsx|ts|tsx|mjs|cjs|go|rs|java|kt|scala|c|cc|cpp|cxx|h|hpp|cs|rb|php|pl|pm|swift|m|lua|nix|el|ex|exs|erl|hs|ml|clj|dart|r|vue|"
    rb"sql|tf|groovy|gradle|md|rst|adoc|html?|css|scss|svg|po|pot|tex|diff|patch)$"
)

_LINE = Regex(rb"[+\s-]*(?:export\s+)?[\"']?[\w.-]{1,60}[\"']?\s*[:=]\s*")

_PLAIN_FILE = Regex(
    rb"(?:^|/)[^/.]*$|(?:^|/)\.env[\w.-]*$|\.(?:txt|ya?ml|toml|tfvars|env|ini|cfg|conf|properties|netrc|cnf)$"
)

_SETTINGS_FILE = Regex(rb"(?:^|/)\.env[\w.-]*$|\.(?:env|ini|cfg|conf|properties|netrc|cnf)$")

_NAME = Regex(
    rb"(?<![\w.$/-])([\w.$/-]+(?: for \w+)?)[\"'`\])\\*]{0,5}\s*(?:(?:string|str|char)\b\s*)?(?:[\"']?,?\s*[\"']?(?:value|default)[\"']?\s*)?"
    rb"(?:[:?.+|!]{0,3}=[>=]{0,2}|:\s*[A-Za-z][\w.<>\[\]|?]*\s*=|:\s*(?:!!str|[|>][+-]?)|:|->|,|(?:\s[\w:.-]+=[\"'][^\"'<>]*[\"'])>|</key>\s*<string>|>|=|%3[Dd]|\xef\xbc\x9a|[-|(\[/;]| (?:is|was)[ :]|\s)\s*(?:[@$brufBRUF]|%22)?[\"'`\\({\[<]*$"
)

_PASSWORD_NAME = Regex(
    rb"(?i:passw|passphrase|passcode|passkey|pwd|pswd|paswrd|pass_?wrd|psw(?![a-z])|credential)|(?<![A-Za-z])(?i:pw|pass)(?![a-z])|[a-z](?:Pass|PW|Pw)(?![a-z])|[A-Z]pw(?![a-z])"
    rb"|(?i:user|db|my|root|admin|mail|smtp|ftp|sql|pg|redis|mongo|ldap|key|any)_?pass(?![a-z])"
)

PUBLIC_NAME = Regex(
    rb"(?i)public|publish|pub_?key|(?:^|[_.-])pub(?:[_.-]|$)|csrf|xsrf|sitekey|site_key|anon|authenticity|nonce|captcha|trusted|recipient|accessor|pubkey"
)

HASH_NAME = Regex(
    rb"(?i)hash|sha_?\d|sha$|digest|checksum|integrity|(?:^|[_.-])rev(?:ision)?s?(?:$|[_.-])|(?<!not_)commit|fingerprint|thumbprint|etag|version|md5|crc|signature$|(?:^|[_.-])sum$|srcrev|cache_?key|uuid|guid"
)

IDENTIFIER_NAME = Regex(
    rb"(?i)(?:project|organi[sz]ation|org|account|zone|region|tenant|subscription|channel|guild|server|user|app|application|team|workspace|cluster|node)[_-]?id|[_-]region|[a-z]Id$"
)

_SECRET_END = Regex(
    rb"(?i)(?:secret|token|password|passwd|pass|api_?key|access_?key|auth_?key|private_?key|license_?key|setup_?key|secret_?key|credential)s?\d?$"
)

PREFIX = Regex(
    rb"(?:gh[pousr]|github_pat|gl[a-z]{2,5}|xox[a-z]|xapp|sk|hv[sbr]|SG|npm|pypi|do[opr]_v1|cf(?:ut|at|k)|sntry[a-z]|hf|AKIA|ASIA|AIza|dckr_pat|glsa|glc|tskey|ops|pul)[._-]"
)

_AWS_SECRET = Regex(rb"(?i)aws_?secret")

_KEY_WITH_UUID = Regex(
    rb"(?i)(?:setup|activation|license|subscription|api|auth|access|function|enroll(?:ment)?|join)[_-]?key$"
)

_KEY_OF = Regex(
    rb"(?i)(?:object|cache|map|primary|foreign|sort|partition|index|group|row|item|storage_class|i18n|translation|host|sign|artifact|registry|ssh|gpg|pgp|rsa|armor|authorized|known|build|data|lock|store)[_-]?key"
)
