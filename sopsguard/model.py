"""The vocabulary: findings, unknowns, locations, levels, intents. Imports nothing of ours.

Everything here is a `NamedTuple`, not a dataclass: this module is on the start-up path of every
hook, and importing `dataclasses` alone costs a quarter of the time a hook may take.
"""

from enum import StrEnum
from typing import NamedTuple


class Family(StrEnum):
    """The five questions; each has a folder in `checks/`."""

    PLAINTEXT = "plaintext"
    SCHEMA = "schema"
    RECIPIENTS = "recipients"
    ROTATION = "rotation"
    SIGNATURES = "signatures"


class Level(StrEnum):
    """How much a finding weighs; only `ERROR` blocks."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Confidence(StrEnum):
    """How the finding is known: proved by structure or mathematics, likely by form, or possible."""

    PROVED = "proved"
    LIKELY = "likely"
    POSSIBLE = "possible"


class Location(NamedTuple):
    """A place in the repository.

    `path` uses forward slashes, relative to the top of the repository; bytes that are not UTF-8 are
    kept as lone surrogates (`os.fsdecode`), so that the path can be opened again. Lines and columns
    count from 1, columns in characters; `end_column` is exclusive. `key` is the dotted key path.
    `commit` is set when the content comes from one commit of a range and not from the tip.
    """

    path: str
    line: int | None = None
    column: int | None = None
    end_line: int | None = None
    end_column: int | None = None
    key: str | None = None
    commit: str | None = None


class Encrypt(NamedTuple):
    """Intent: encrypt the file, or the value, in place and treat what stood there as leaked."""

    path: str
    key: str | None = None


class Ignore(NamedTuple):
    """Intent: keep the file out of git (a `.gitignore` line)."""

    path: str


class ReKey(NamedTuple):
    """Intent: wrap the data key of the file for the recipients its creation rule names."""

    path: str


class Rotate(NamedTuple):
    """Intent: give the file a data key of its own, everything in it encrypted again."""

    path: str


class ReScope(NamedTuple):
    """Intent: encrypt of the file what its creation rule says, no more and no less."""

    path: str


class Mend(NamedTuple):
    """Intent: make a file whole that was changed by hand; what changed is shown first."""

    path: str


class DropRule(NamedTuple):
    """Intent: take the creation rule (counted from 0) out of the configuration."""

    config: str
    rule: int


class DropRecipient(NamedTuple):
    """Intent: take a recipient out of the configuration, wherever it names it."""

    config: str
    recipient: str


class AddRule(NamedTuple):
    """Intent: write a creation rule for the file, for those who read it now."""

    path: str


class Drop(NamedTuple):
    """Intent: take out of the file what is at the key path, and everything below it."""

    path: str
    key: tuple[str | int, ...]


class Renew(NamedTuple):
    """Intent: put a new value at the key path, with all that follows from it."""

    path: str
    key: str


class Pair(NamedTuple):
    """Intent: make the public half at the key path that of the private one beside it, or both ends of a
    tunnel one key."""

    path: str
    key: tuple[str | int, ...]


class Generate(NamedTuple):
    """Intent: make the key of a kind (`wireguard`, `ssh`, `age`, `preshared`) that a host lacks."""

    host: str
    kind: str


# What `fix/plan` can resolve. A check names an intent and knows neither identities nor randomness.
Intent = (
    Encrypt
    | Ignore
    | ReKey
    | Rotate
    | ReScope
    | Mend
    | DropRule
    | DropRecipient
    | AddRule
    | Drop
    | Renew
    | Pair
    | Generate
)


class Finding(NamedTuple):
    """Something wrong, where, and what to do. Never holds a secret.

    A check leaves `rule`, `family`, `level` and `fingerprint` empty; the engine fills them from the
    check that yielded it. `level` may be set to weaken or strengthen one finding of a rule.
    `identity` tells findings of the same rule at the same path and key apart without their position,
    and stays the same when lines move (a kind, a public half; never anything derived from a secret).
    `mark` tells within one run whether two findings are about the same secret: a keyed hash whose key
    dies with the process, never written anywhere. `allowed` are rules a comment beside it allows.
    """

    location: Location
    message: str
    hint: str
    confidence: Confidence = Confidence.PROVED
    level: Level | None = None
    intent: Intent | None = None
    identity: str = ""
    mark: bytes = b""
    allowed: tuple[str, ...] = ()
    rule: str = ""
    family: Family = Family.PLAINTEXT
    fingerprint: str = ""

    @property
    def blocks(self) -> bool:
        """Whether this finding alone makes a hook fail."""
        return self.level is Level.ERROR


class Unknown(NamedTuple):
    """Something that could not be decided: what, why, and what would be needed to decide it.

    `blocking` when the content itself could not be read: then nothing at all was judged there, and a
    run without other errors ends with exit 2.
    """

    location: Location
    reason: str
    needed: str
    blocking: bool = False
    rule: str = ""
    family: Family = Family.PLAINTEXT


class Addition(NamedTuple):
    """Something that a change under judgement adds to what it is judged by: to the inventory (`what` is
    `holder`, `recipient`, `alias`, `role`, `host-key`, `signing-key`, `email`, `offline`) or to the policy
    (`waiver`, `allow`, `level`, `schema`). `name` is whom it is for (a holder, a rule), `text` what is
    added, `where` the place in the judged state, from which whoever vouches finds the commits that brought
    it."""

    what: str
    name: str
    text: str
    where: Location


class UserError(Exception):
    """Nothing could be judged, and the user can mend it: exit 2, one line, one hint."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def printable(text: str) -> str:
    """`text` fit for a terminal, a log or a report: control and format characters and undecodable
    bytes become backslash escapes, so that no file name can move the cursor, start a line of its
    own or look like another name."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escape(c) for c in text)


def _escape(char: str) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is not UTF-8 (PEP 383)
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x100:
        return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(char, f"\\x{code:02x}")
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def discreet(text: str) -> str:
    """`text` that repeats words of others (the name of a key, of an anchor, a reason), where a word that
    looks like a secret put in the wrong place is masked. Public halves of keys and digests stay."""
    if len(text) < 16:
        return text
    import re

    return re.sub(
        r"(?<!SHA256:)(?<![A-Za-z0-9+/=_~-])[A-Za-z0-9+/=_~-]{16,}",
        lambda m: "…" if _looks_secret(m[0]) else m[0],
        text,
    )


def _looks_secret(word: str) -> bool:
    """Whether a word jumps between capitals, small letters and digits as only random ones do."""
    if word.startswith(("age1", "AAAA")) or (len(word) == 44 and word[-1] == "="):
        return False
    if word.startswith(("AGE-SECRET-KEY-", "AGE-PLUGIN-")):
        return True
    if not word.strip("0123456789abcdefABCDEF-"):
        return False
    from itertools import pairwise

    kinds = ["A" if c.isupper() else "a" if c.islower() else "0" if c.isdigit() else "-" for c in word]
    jumps = sum(a != b for a, b in pairwise(kinds))
    return len(set(kinds) - {"-"}) > 2 and jumps * 10 >= len(word) * 3
