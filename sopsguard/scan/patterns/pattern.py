"""What a pattern of the plaintext scan is, and the words the patterns share: data, nothing is compiled."""

from typing import NamedTuple

TOKEN = "plaintext-token"  # noqa: S105  (the id of a rule)
PASSWORD = "plaintext-password"  # noqa: S105  (the id of a rule)


class Pattern(NamedTuple):
    """One kind of secret: how to find it cheaply, how to confirm it, and where the format is documented.

    `keywords` are lower-case ASCII literals; every match contains at least one of them, in any case.
    `regex` is a Python `re` on bytes; the secret is the group `s`, else the whole match. A match may
    begin at most `before` bytes before a keyword hit and end at most `after` bytes behind it; the
    engine searches no more than that window, so every repeat is bounded. With `before` 0 a match
    begins exactly at a keyword hit, so `regex.match(data, hit)` finds it. Lookarounds may look one
    byte outside the match. `check` names a validator of `harmless`, "" for none; of a secret shorter
    than `least` bytes it would say no. `confidence` is "likely" (error) or "possible" (warning).
    `source` says where the provider documents the format. `examples` must match and `harmless` must
    not; both are templates (`ghp_{b62:36}`) that the tests fill in at run time, never literal tokens.
    """

    id: str
    title: str
    rule: str
    keywords: tuple[str, ...]
    regex: str
    before: int = 128
    after: int = 512
    check: str = ""
    least: int = 0
    confidence: str = "likely"
    source: str = ""
    examples: tuple[str, ...] = ()
    harmless: tuple[str, ...] = ()


# What may stand between the name of a setting and its value, in the languages people write settings
# in: `=`, `:`, `:=`, `::=`, `?=`, `.=`, `=>`, `->`, a call's comma, an XML tag or attribute, a flag's
# space is not among them. Every repeat is bounded.
TAIL = r"[\w.\-]{0,24}"
SEP = (
    r"(?:[\"'`\])\\]{0,4}\s{0,8}(?:(?:string|str|char)\b\s{0,4})?(?:[:?.+|]{0,3}=[>=]{0,2}|:|,|>|->)"
    r"|[\"']?,?\s{1,40}[\"']?value[\"']?\s{0,4}[:=])"
    r"\s{0,24}[\"'`\\({\[<]{0,4}"
)


def assigned(name: str, value: str, tail: str = TAIL) -> str:
    """The regex of `value` (not followed by more of itself) given to a setting whose name contains `name`."""
    return rf"(?i:{name}){tail}{SEP}(?P<s>{value})(?![\w+/=-])"
