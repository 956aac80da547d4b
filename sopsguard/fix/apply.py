"""The only module that writes into the repository."""

import os
import tempfile
from pathlib import Path

from sopsguard.model import UserError, printable


def replace(root: str, path: str, judged: bytes | None, new: bytes) -> None:
    """Write `new` in place of what was judged, or create the file when `judged` is None.

    The file appears whole or not at all and keeps its mode. Raises `UserError` when the file is not
    what was judged any more, is a symbolic link, or cannot be written.
    """
    target = Path(root, path)
    shown = printable(path)
    try:
        current = target.read_bytes() if target.is_file() and not target.is_symlink() else None
        if target.is_symlink() or current != judged or (judged is None and os.path.lexists(target)):
            raise UserError(
                f"{shown} is not what was judged",
                "somebody changed it meanwhile, or it is a link: look, and try again",
            )
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(new)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).chmod(target.stat().st_mode & 0o7777 if judged is not None else 0o644)
            Path(temporary).replace(target)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as e:
        raise UserError(
            f"{shown} cannot be written: {e.strerror}", "check the permissions of the folder and the disk"
        ) from None
