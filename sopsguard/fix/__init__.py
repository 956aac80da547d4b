"""Repairs. `RESOLVED` are the intents that `sopsguard fix` can carry out."""

from sopsguard.model import (
    AddRule,
    DropRecipient,
    DropRule,
    Encrypt,
    Ignore,
    Mend,
    ReKey,
    ReScope,
    Rotate,
)

RESOLVED: tuple[type, ...] = (
    AddRule,
    DropRecipient,
    DropRule,
    Encrypt,
    Ignore,
    Mend,
    ReKey,
    ReScope,
    Rotate,
)
