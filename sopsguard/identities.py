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
    from sopsguard.sops.identity import Identities, Source

# A key command that asks a hardware token needs somebody to touch it.
PATIENCE = 120


def find(environment: Mapping[str, str], given: Iterable[str] = ()) -> "Identities":
    """The identities of `--identity` files and of every place where sops looks.

    Raises `UserError` when a file that was named cannot be read; a default place may be missing.
    """
    from sopsguard.sops.identity import Identities, parse, sources

    found = Identities()
    for source in sources(environment, sys.platform, given):
        data = _fetch(source, environment)
        if data is not None:
            found += parse(data, source)
    return found


def _fetch(source: "Source", environment: Mapping[str, str]) -> bytes | None:
    from sopsguard.sops.identity import MAX_BYTES

    if source.kind == "text":
        return source.text.encode()
    if source.kind == "command":
        return _ask(source.where, environment)
    try:
        with open(
            source.where, "rb", opener=lambda path, flags: os.open(path, flags | os.O_NONBLOCK)
        ) as file:
            return file.read(MAX_BYTES + 1)
    except OSError as e:
        if not source.needed:
            return None
        shown = printable(source.where)
        raise UserError(
            f"the identity file {shown} cannot be read: {e.strerror}", "is the path right?"
        ) from None


def _ask(command: str, environment: Mapping[str, str]) -> bytes:
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
    except (OSError, ValueError, subprocess.SubprocessError) as e:
        # Neither the command line nor what it printed is shown: either may hold a secret.
        raise UserError(f"the key command failed ({type(e).__name__})", "run it by hand to see why") from None
    return done.stdout
