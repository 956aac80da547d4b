"""Repairs. `RESOLVED` are the intents that `sopsguard fix` can carry out."""

import os

from sopsguard.model import (
    AddRule,
    Drop,
    DropRecipient,
    DropRule,
    Encrypt,
    Generate,
    Ignore,
    Mend,
    Pair,
    ReKey,
    Renew,
    ReScope,
    Rotate,
)

RESOLVED: tuple[type, ...] = (
    AddRule,
    Drop,
    DropRecipient,
    DropRule,
    Encrypt,
    Generate,
    Ignore,
    Mend,
    Pair,
    ReKey,
    ReScope,
    Renew,
    Rotate,
)


def is_pending(git_dir: str) -> bool:
    """Whether a change of several files was begun and not ended. Cheap: hooks ask at each run."""
    return os.path.exists(os.path.join(git_dir, "sopsguard", "journal", "plan"))
