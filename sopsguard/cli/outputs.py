"""The files that a pipeline names for reports: outside of the checkout, never through a link.

Inside the checkout every name may be one that the change under judgement has made a link of, and only
`fix/apply` writes into a repository.
"""

import os
from typing import TYPE_CHECKING

from sopsguard.model import UserError, printable

if TYPE_CHECKING:
    from sopsguard.git import Repository


def write(repo: "Repository", path: str, text: str) -> None:
    """Make or replace a file, 0644. Raises `UserError`."""
    _open(repo, path, text, os.O_TRUNC)


def append(repo: "Repository", path: str, text: str) -> None:
    """Add to a file. Raises `UserError`."""
    _open(repo, path, text, os.O_APPEND)


def _open(repo: "Repository", path: str, text: str, flags: int) -> None:
    folder, name = os.path.split(path)
    full = os.path.join(os.path.realpath(folder or "."), name)
    for top in filter(None, (repo.root, repo.git_dir, repo.common_dir)):
        inside = os.path.realpath(top)
        if full == inside or full.startswith(inside + os.sep):
            raise UserError(
                f"{printable(path)} lies inside the repository",
                "write reports elsewhere, for example into $RUNNER_TEMP",
            )
    try:
        fd = os.open(full, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | flags, 0o644)
        with os.fdopen(fd, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
    except OSError as e:
        raise UserError(f"cannot write {printable(path)} ({e.strerror})", "name a file in a folder") from None
