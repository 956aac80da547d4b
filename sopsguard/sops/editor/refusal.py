"""Why a file is not changed here, and the command lines of `sops` that would change it."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from sopsguard.sops.file import SopsFile


class Why(StrEnum):
    """What stands in the way."""

    CHANGED = "changed"  # the bytes are not those that were judged
    NOT_SOPS = "not-sops"  # no SOPS file, or one that cannot be read
    NO_KEY = "no-key"  # no identity at hand opens it
    DAMAGED = "damaged"  # a value or the MAC does not fit, or sops refuses the metadata
    FORMAT = "format"  # a format, or a form of the text, that we do not write
    RECIPIENT = "recipient"  # a recipient for whom we cannot wrap the data key
    PLACE = "place"  # the path cannot lead anywhere
    VALUE = "value"  # the value cannot stand there
    ENGINE = "engine"  # what is encrypted cannot be decided without an RE2 engine


@dataclass(frozen=True, slots=True)
class Command:
    """A command line; what it reads from standard input may be a secret."""

    argv: tuple[str, ...]
    stdin: bytes | None = field(default=None, repr=False)


class CannotEdit(Exception):
    """Nothing was changed. `missing` names what would be needed, `commands` are what sops would do it with.

    `updatekeys` among them takes the recipients from `.sops.yaml`. The message quotes no value.
    """

    def __init__(
        self,
        why: Why,
        message: str,
        missing: Iterable[str] = (),
        commands: Iterable[Command] = (),
        line: int | None = None,
    ) -> None:
        super().__init__(message)
        self.why, self.message, self.line = why, message, line
        self.missing, self.commands = tuple(missing), tuple(commands)


def sops_line(file: SopsFile, *words: str, stdin: bytes | None = None, last: tuple[str, ...] = ()) -> Command:
    """`sops WORDS FILE LAST`, with the type of the file where its name does not tell it."""
    kind: tuple[str, ...] = ()
    if file.format != file.format_by_name:
        kind = ("--input-type", file.format)
        if words[0] != "updatekeys":
            kind += ("--output-type", file.format)
    path = f"./{file.path}" if file.path.startswith("-") else file.path
    return Command(("sops", *words, *kind, path, *last), stdin)


def index_of(path: tuple[str | int, ...]) -> str:
    """A path as `sops set` takes it: `["a"][0]`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f"[{json.dumps(part)}]" for part in path)
