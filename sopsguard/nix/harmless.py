"""Texts that only point at a secret or stand in for one; password hashes and keys by their form."""

import re

# Patterns are kept as bytes: `re` compiles and caches them at first use, and most runs never need them.
_REFERENCE = rb"""(?xs)
      \$\{?\w+(?:[:?-][^}]*)?\}?(?:/[^\s]*)? | \$\{[^}]*\} | \$\{\{.*\}\}
    | \$\(.*\) | `.*` | \$__\w+\{.*\}
    | %\w+% | %\{\w+\} | %[a-zA-Z](?:/.*)? | @[\w.-]+@ | @/.* | ext:.* | ENC\[.*\]
    | \{\{.*\}\} | \{[$%]?[\w.:/ -]+\} | <[^<>]+> | \[[^\[\]]+\]
    | (?:\#|%%|__|<<|\[\[|~)[A-Z][A-Z0-9_]*(?:\#|%%|__|>>|\]\]|~) | ENV\[.*\] | (?:process\.)?env\.[A-Z_]+
    | !(?:secret|env|env_var|include|file|vault|reference)\b.*
    | (?:env|file|vault|op|bw|keyring|sops|secrets?|credential|ref\+\w+|arn|gopass|doppler|k8s|fd):(?://)?[^\s]*
    | ssh-(?:rsa|ed25519|dss)\ .* | age1[0-9a-z]{20,} | [a-z][a-z0-9+.-]*://[^@\s]*"""
_FILE_PATH = (
    rb"(?:~|\.|\.\.)/\S*"
    rb"|/(?:run|var|etc|nix|root|home|persist|persistent|secrets|dev|mnt|tmp|srv|opt|usr|boot|sys"
    rb"|proc|data|keys|state|config|bin|credentials)(?:/\S*)?"
    rb"|[\w.-]+(?:/[\w.-]+)*\.(?:age|ya?ml|json|txt|key|pem|env|gpg|asc|conf|nix|sops|crt|toml|ini)"
)
_PLACEHOLDER = rb"""(?xs)
      [A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+ | x{3,} | X{3,} | \*+ | \.{2,} | -+ | _+ | \?+
    | (?:\xe2\x80\xa6)+ | (?:\xe2\x80\xa2)+
    | (?:CHANGE|REPLACE|SET|FILL)[- ]?(?:ME|THIS|IT|IN)(?:[- !].*)? | (?:TODO|FIXME)\b.*
    | PLACEHOLDER | DUMMY | REDACTED | SECRET | PASSWORD | TOKEN | KEY | EXAMPLE | UNSET | NONE | NULL
    | TBD | HIDDEN
    | (?i:(?:your|my|insert|enter|put|add|replace)[-_ ].*(?:here|password|passphrase|token|key|secret|hash))
    | (?i:.*[-_ ]here) | (?i:<.*)
    | (?i:.*(?:placeholder|redacted|replace[-_ ]?(?:me|this|with)|change[-_ ]this|not[-_ ]a[-_ ]real).*)"""
CHOICES = frozenset(
    (
        b"none null false true yes no on off required optional prompt ask auto default disabled enabled"
        b" never always external internal plain plaintext md5 sha1 sha256 sha512 bcrypt argon2 argon2id"
        b" scrypt peer trust login keyring keychain file env basic bearer header cookie session jwt oauth"
        b" oauth2 string str text hidden dummy unused empty unset n/a na -"
    ).split()
)
# Hashes that crypt(5) does not know: of transmission, and bare MD5 and SHA-1.
_BARE_HASH = rb"\{[0-9a-f]{40}\S{8}|[0-9a-f]{32}|[0-9a-f]{40}"
_KEY_MATERIAL = rb"(?s)[A-Za-z0-9+/]{42}[A-Za-z0-9+/=]{1,2}|AGE-(?:SECRET-KEY|PLUGIN)-.*|[0-9a-fA-F]{64}"


def is_reference_or_placeholder(text: bytes) -> bool:
    """Whether `text` only points at a secret (`$VAR`, `@NAME@`, `/run/secrets/x`, `!secret x`) or stands
    in for one (`<password>`, `CHANGEME`, `HOST_PRIVATE_KEY`)."""
    text = text.strip()
    if not text:
        return True
    return bool(
        re.fullmatch(_REFERENCE, text) or re.fullmatch(_FILE_PATH, text) or re.fullmatch(_PLACEHOLDER, text)
    )


def hash_strength(text: bytes, *, expected: bool = False) -> bool | None:
    """True for a strong password hash, False for a weak one, None when `text` is none.

    `expected` says that the option is one for hashes: what any word or number may look like counts
    only there.
    """
    text = text.strip()
    if re.fullmatch(_BARE_HASH, text):
        return False if expected or text[:1] == b"{" else None
    if not expected and re.match(rb"[$_{]|md5|SCRAM|pbkdf2|\*[0-9A-F]{40}", text) is None:
        return None
    from sopsguard.keys.password import hash_format  # late: only something like a hash needs it

    known = hash_format(text.decode("latin-1"), expected=expected)
    return None if known is None else not known.weak


def is_key_material(text: bytes) -> bool:
    """Whether `text` has the form of a WireGuard key (base64 or hex) or of an age identity."""
    return re.fullmatch(_KEY_MATERIAL, text) is not None
