"""What a pattern of the plaintext scan is: data only, nothing is compiled here."""

from typing import NamedTuple


class Pattern(NamedTuple):
    """One kind of secret: how to find it cheaply, how to confirm it, and where the format is documented.

    `keywords` are lower-case ASCII literals; every match contains at least one of them, in any case.
    `regex` is a Python `re` on bytes; the secret is the group `s`, else the whole match. A match may
    begin at most `before` bytes before a keyword hit and end at most `after` bytes behind it; the
    engine searches no more than that window, so every repeat is bounded. `check` names a validator
    of `harmless`, "" for none. `confidence` is "likely" (error) or "possible" (warning).
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
    confidence: str = "likely"
    source: str = ""
    examples: tuple[str, ...] = ()
    harmless: tuple[str, ...] = ()
