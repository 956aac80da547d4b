"""Which option, variable and file names hold secrets, and of which kind."""

import re
from enum import StrEnum


class SecretKind(StrEnum):
    """What a literal in a secret option is."""

    PASSWORD = "password"  # noqa: S105 - a kind, not a password
    HASHED_PASSWORD = "hashed-password"  # noqa: S105 - a kind
    WEAK_HASH = "weak-password-hash"
    PRIVATE_KEY = "private-key"
    PRESHARED_KEY = "preshared-key"
    WIFI_KEY = "wifi-psk"
    TOKEN = "token"  # noqa: S105 - a kind
    API_KEY = "api-key"
    SECRET = "secret"  # noqa: S105 - a kind
    URL = "url-credentials"


# The last words of an option name, and what it holds; the longest ending that fits counts.
_ENDINGS: tuple[tuple[str, SecretKind], ...] = (
    ("hashed password", SecretKind.HASHED_PASSWORD),
    ("hashed passwd", SecretKind.HASHED_PASSWORD),
    ("password hash", SecretKind.HASHED_PASSWORD),
    ("password", SecretKind.PASSWORD),
    ("passwords", SecretKind.PASSWORD),
    ("passwd", SecretKind.PASSWORD),
    ("passphrase", SecretKind.PASSWORD),
    ("passcode", SecretKind.PASSWORD),
    ("pass", SecretKind.PASSWORD),
    ("adminpass", SecretKind.PASSWORD),
    ("rootpass", SecretKind.PASSWORD),
    ("dbpass", SecretKind.PASSWORD),
    ("userpass", SecretKind.PASSWORD),
    ("requirepass", SecretKind.PASSWORD),
    ("masterauth", SecretKind.PASSWORD),
    ("private key", SecretKind.PRIVATE_KEY),
    ("privatekey", SecretKind.PRIVATE_KEY),
    ("priv key", SecretKind.PRIVATE_KEY),
    ("preshared key", SecretKind.PRESHARED_KEY),
    ("presharedkey", SecretKind.PRESHARED_KEY),
    ("pre shared key", SecretKind.PRESHARED_KEY),
    ("psk", SecretKind.PRESHARED_KEY),
    ("psk raw", SecretKind.PRESHARED_KEY),
    ("auth key", SecretKind.TOKEN),
    ("authkey", SecretKind.TOKEN),
    ("setup key", SecretKind.TOKEN),
    ("token", SecretKind.TOKEN),
    ("tokens", SecretKind.TOKEN),
    ("authtoken", SecretKind.TOKEN),
    ("accesstoken", SecretKind.TOKEN),
    ("api key", SecretKind.API_KEY),
    ("api keys", SecretKind.API_KEY),
    ("apikey", SecretKind.API_KEY),
    ("secret", SecretKind.SECRET),
    ("secret key", SecretKind.SECRET),
    ("secretkey", SecretKind.SECRET),
    ("secret access key", SecretKind.SECRET),
    ("secret key base", SecretKind.SECRET),
    ("master key", SecretKind.SECRET),
    ("encryption key", SecretKind.SECRET),
    ("account key", SecretKind.SECRET),
)


def _by_last_word() -> dict[str, list[tuple[str, SecretKind]]]:
    table: dict[str, list[tuple[str, SecretKind]]] = {}
    for ending, kind in sorted(_ENDINGS, key=lambda pair: -len(pair[0])):
        table.setdefault(ending.rpartition(" ")[2], []).append((ending, kind))
    return table


_BY_LAST = _by_last_word()
# `publicToken`, `existingSecret`, `--no-password`.
_NOT_AFTER = frozenset(("public", "pub", "no", "without", "publishable", "max", "next", "existing", "pull"))
# `proxyPass` and `lowPass` are no passwords; `smtpPass` is one.
# fmt: off
_LOGINS = frozenset((
    "db", "user", "smtp", "imap", "mail", "email", "admin", "root", "mysql", "postgres", "sql", "auth",
    "rpc", "http", "ftp", "ldap", "redis", "mqtt", "rtsp", "wifi", "login", "server", "client",
    "default", "bind", "access", "account", "app", "sasl", "vnc", "irc", "nick", "nickserv", "require",
    "web", "api", "basic",
))
# fmt: on
_FILE_WORDS = frozenset(("file", "files", "path", "txt", "conf", "env", "key", "json", "text", "raw"))
_WORDS = r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+"


def words_of(name: str) -> list[str]:
    """The words of a name in camelCase, snake_case or kebab-case, lower case; of its end if it is long."""
    return [word.lower() for word in re.findall(_WORDS, name[-200:])]


def kind_of(words: list[str]) -> SecretKind | None:
    """What an option with these words in its name holds."""
    if not words:
        return None
    candidates = _BY_LAST.get(words[-1])
    if candidates is None:
        return None
    joined = " " + " ".join(words[-5:])
    for ending, kind in candidates:
        if joined.endswith(" " + ending):
            before = joined[: -len(ending)].split()
            if before and (before[-1] in _NOT_AFTER or (ending == "pass" and before[-1] not in _LOGINS)):
                return None
            return kind
    return None


def kind_of_file(name: str) -> SecretKind | None:
    """What a file of this name holds: `passwordFile`, `restic-password.txt`, `wg.private_key`."""
    words = words_of(name)
    kind = kind_of(words)
    while kind is None and len(words) > 1 and words[-1] in _FILE_WORDS:
        words.pop()
        kind = kind_of(words)
    return kind
