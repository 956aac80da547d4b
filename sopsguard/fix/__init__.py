"""Repairs of what the checks find, planned as a whole and written as a whole."""

import os


def is_pending(git_dir: str) -> bool:
    """Whether a change of several files was begun and not ended. Cheap: hooks ask at each run."""
    return os.path.exists(os.path.join(git_dir, "sopsguard", "journal", "plan"))
