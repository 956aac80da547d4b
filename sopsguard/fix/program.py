"""The `sops` program, for what is not written here: ini, key groups of others, OpenPGP, clouds, plugins.

It runs in a private temporary directory that holds one encrypted file and the `.sops.yaml` files; a new value
reaches it through standard input. What it makes is read again and compared before anybody gets to see it.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sopsguard.fix.plan import Draft
from sopsguard.sops.editor import CannotEdit, Change, Command, Set, Why
from sopsguard.sops.file import SopsFile, read
from sopsguard.sops.identity import Identities
from sopsguard.sops.masterkey import Key
from sopsguard.sops.opening import Opened, open_file

Groups = Sequence[Sequence[Key]]

# A hardware token asks somebody to touch it.
PATIENCE = 120
_NAME = "sops"


@dataclass(frozen=True, slots=True)
class Program:
    """Where it is, and the environment that it gets."""

    path: str
    environment: Mapping[str, str] = field(repr=False)


def find(environment: Mapping[str, str], identities: Sequence[str] = ()) -> Program | None:
    """The program on the PATH of this environment; None if there is none. Of `identities`, the files that the
    user names, sops takes one."""
    import shutil

    path = shutil.which(_NAME, path=environment.get("PATH", ""))
    if path is None:
        return None
    mine = {name: value for name, value in environment.items() if name != "SOPS_CONFIG"}
    if identities:
        mine["SOPS_AGE_KEY_FILE"] = os.path.abspath(identities[0])
    return Program(path, mine)


def shown(command: Command) -> str:
    """A command line as one types it; what it reads from standard input is left out."""
    import shlex

    return shlex.join(command.argv)


def or_by_program(
    draft: Draft,
    path: str,
    change: Callable[[], bytes],
    identities: Identities,
    *,
    groups: Groups | None = None,
    changes: Sequence[Change] = (),
) -> bytes:
    """What `change` makes of the file at `path`; where it cannot, what the `sops` program does.

    `groups` are the recipients that the result must have (None: the same), `changes` those of its values.
    Raises `CannotEdit` where neither can, with what is missing.
    """
    try:
        return change()
    except CannotEdit as e:
        data = draft.read(path)
        file = read(data, path) if data is not None else None
        foreign = isinstance(file, SopsFile) and any(r.family != "age" for r in file.metadata.recipients)
        helps = e.why in (Why.FORMAT, Why.RECIPIENT) or (e.why is Why.NO_KEY and foreign)
        if not e.commands or not helps or not isinstance(file, SopsFile):
            raise
        if draft.program is None:
            missing = dict.fromkeys((*e.missing, "the sops program on the PATH"))
            raise CannotEdit(e.why, e.message, missing, e.commands, e.line) from None
        configs = {name: text for name in draft.managed.configs if (text := draft.read(name)) is not None}
        try:
            written = _run(draft.program, file, e.commands, configs)
            _compare(file, written, identities, groups, changes)
        except _Failed as failure:
            missing = dict.fromkeys((*e.missing, *failure.missing))
            message = f"{e.message}; {failure.reason}"
            raise CannotEdit(e.why, message, missing, e.commands, e.line) from None
        return written


class _Failed(Exception):
    """Why the program did not do it; never in its own words, which may quote a value."""

    def __init__(self, reason: str, *missing: str) -> None:
        super().__init__(reason)
        self.reason, self.missing = reason, missing


def _run(
    program: Program, file: SopsFile, commands: Sequence[Command], configs: Mapping[str, bytes]
) -> bytes:
    """What is left of the file when all commands were run on it, one after the other."""
    import shutil
    import subprocess
    import tempfile

    folder = tempfile.mkdtemp(prefix="sopsguard-")  # 0700
    try:
        for path, data in {**configs, file.path: file.data}.items():
            target = os.path.join(folder, *path.split("/"))
            os.makedirs(os.path.dirname(target), 0o700, exist_ok=True)
            with open(target, "xb") as new:
                new.write(data)
        for command in commands:
            try:
                done = subprocess.run(
                    [program.path, *command.argv[1:]],
                    cwd=folder,
                    env={**program.environment, "TMPDIR": folder},
                    input=command.stdin or b"",
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    timeout=PATIENCE,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                raise _Failed(f"`sops {command.argv[1]}` did not end in {PATIENCE} seconds") from None
            except OSError as e:
                raise _Failed(f"the sops program cannot be started: {e.strerror}") from None
            if done.returncode:
                raise _failed(command, done.returncode, done.stderr)
        target = os.path.join(folder, *file.path.split("/"))
        with open(target, "rb") as made:
            return made.read()
    except OSError as e:
        raise _Failed(f"the private directory cannot be used: {e.strerror}") from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _failed(command: Command, code: int, said: bytes) -> _Failed:
    what = f"`sops {command.argv[1]}` refuses it, too (exit code {code})"
    if b"flag provided but not defined" in said or b"No help topic" in said:
        return _Failed(what, "sops 3.11 or newer")
    if b"data key" in said or b"identity" in said or b"decrypt" in said:
        return _Failed(what, "a key with which the sops program opens it")
    return _Failed(what)


def _compare(
    old: SopsFile, written: bytes, identities: Identities, groups: Groups | None, changes: Sequence[Change]
) -> None:
    """Raises `_Failed` unless the new file is the old one with these changes, for these recipients."""
    new = read(written, old.path)
    if not isinstance(new, SopsFile) or not new.metadata.loads or new.format != old.format:
        raise _Failed("what the sops program wrote cannot be read")
    wanted = groups if groups is not None else [[r.key for r in g] for g in old.metadata.groups]
    named = [[r.key for r in group] for group in new.metadata.groups]
    if [_names(group) for group in named] != [_names(group) for group in wanted]:
        raise _Failed("its creation rule names other recipients than it should have")
    before, after = _values(old, identities), _values(new, identities)
    if (before is None) != (after is None):
        raise _Failed("what the sops program wrote does not open")
    if before is None or after is None:  # nobody here can look inside: the same value keeps its nonce
        if changes or _nonces(old) != _nonces(new):
            raise _Failed("what the sops program wrote has other values")
        return
    for change in changes:
        gone = [key for key in before if key[: len(change.path)] == change.path]
        for key in gone:
            del before[key]
        if isinstance(change, Set):
            if isinstance(change.value, dict | list):
                raise _Failed("only single values are written through the sops program")
            before[change.path] = change.value
    if before != after:
        raise _Failed("what the sops program wrote has other values")


def _names(group: Sequence[Key]) -> list[tuple[str, str]]:
    return sorted((key.family, key.identity) for key in group)


def _values(file: SopsFile, identities: Identities) -> dict[tuple[str | int, ...], object] | None:
    found = open_file(file, identities)
    if not isinstance(found, Opened):
        return None
    return {leaf.path: leaf.value for leaf in found.leaves if not leaf.comment}


def _nonces(file: SopsFile) -> list[tuple[str, str]]:
    return [
        (leaf.key, leaf.envelope.iv if leaf.envelope is not None else leaf.text or "")
        for leaf in file.leaves
        if not leaf.is_comment
    ]
