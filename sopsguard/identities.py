"""Fetches the identities that the user has at hand: files, the environment, the user's own key command.

The only module that reads private keys, and the only one besides git's that runs a program: the command that
the user names in `SOPS_AGE_KEY_CMD`, exactly as sops does. What it reads stays in memory.
"""

import os
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from sopsguard.model import UserError, printable

if TYPE_CHECKING:
    from sopsguard.sops.identity import Identities

# A key command that asks a hardware token needs somebody to touch it.
PATIENCE = 120


def find(environment: Mapping[str, str], given: Iterable[str] = ()) -> "Identities":
    """The identities of the `--identity` files and of every place where sops looks, and what of these
    cannot be used. Raises `UserError` for a file of `--identity` that yields none."""
    from sopsguard.sops.identity import gather, sources

    given = tuple(given)
    found = gather(
        sources(environment, sys.platform, given), _read, lambda command: _ask(command, environment)
    )
    for unusable in found.unusable:
        if unusable.where in given:
            shown = printable(unusable.where)
            raise UserError(
                f"the identity file {shown} cannot be used: {unusable.reason}", "is it the right one?"
            )
    return found


def _read(path: str) -> bytes | None:
    from sopsguard.sops.identity import MAX_BYTES

    try:
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            return file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return None


def _ask(command: str, environment: Mapping[str, str]) -> bytes | None:
    """What the command prints, or None. Neither its line nor its errors are shown: they may hold a secret."""
    import shlex
    import subprocess

    try:
        done = subprocess.run(
            shlex.split(command),
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=PATIENCE,
            check=True,
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return done.stdout
