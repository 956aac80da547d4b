"""Repairs. `RESOLVED` are the intents that `sopsguard fix` can carry out."""

import os

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


def is_pending(git_dir: str) -> bool:
    """Whether a change of several files was begun and not ended. Cheap: hooks ask at each run."""
    return os.path.exists(os.path.join(git_dir, "sopsguard", "journal", "plan"))
