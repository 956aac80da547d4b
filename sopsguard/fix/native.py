"""The git hooks that call sopsguard without a framework: what they say, and how they get beside others.

A hook that was there before is kept beside ours, called first, and put back when ours goes. Nothing that is
not ours is replaced.
"""

import os
import shlex
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sopsguard.fix.apply import Write, apply, recover
from sopsguard.model import UserError, printable

# Which hook calls what; those that begin with `pre-` can stop git.
HOOKS = {
    "pre-commit": ("hook",),
    "pre-merge-commit": ("hook",),
    "pre-push": ("hook", "--refs"),
    "post-commit": ("hook", "--made"),
    "post-merge": ("hook", "--made"),
}
ASIDE = ".before-sopsguard"
# What pre-commit and prek call a hook that was there before theirs.
LEGACY = ".legacy"

_MARK = b"# Written by `sopsguard install-hooks`"
_EXECUTABLE = 0o755


class Done(NamedTuple):
    """What became of one hook, in words; `refused`: it is not as it was asked for."""

    hook: str
    text: str
    refused: bool = False


def script(hook: str, program: Sequence[str]) -> bytes:
    """The text of a hook. `program` are the words that start sopsguard on this machine; should they be gone,
    the one in the PATH is taken, and without any, what can be stopped is stopped."""
    stops = hook.startswith("pre-")
    refs = hook == "pre-push"
    given = "refs | " if refs else ""
    lines = [
        "#!/bin/sh",
        f"{_MARK.decode()}; `sopsguard install-hooks --uninstall` takes it out again.",
        f"# A hook that was here before lies beside this one, as {hook}{ASIDE}, and runs first.",
    ]
    if refs:  # both of them read the refs that git names
        lines += ["refs=$(cat)", """refs() { [ -z "$refs" ] || printf '%s\\n' "$refs"; }"""]
    lines += [
        f'before="$(dirname "$0")/{hook}{ASIDE}"',
        # Where a framework has taken our place, it also calls what it took before us.
        'if [ -x "$before" ] && [ -z "$PRE_COMMIT_RUNNING_LEGACY" ]; then',
        f'    {given}"$before" "$@" || exit $?',
        "fi",
        "guard() {",
        f'    if [ -x {shlex.quote(program[0])} ]; then {shlex.join(program)} "$@"',
        '    elif command -v sopsguard >/dev/null; then sopsguard "$@"',
        "    else",
        '        echo "sopsguard is not installed here any more, so nothing was judged" >&2',
        f"        return {1 if stops else 0}",
        "    fi",
        "}",
        f"{given}guard {shlex.join(HOOKS[hook])}" + (' "$1"' if refs else ""),
        "",
    ]
    return "\n".join(lines).encode()


class Folder:
    """The folder in which git looks for hooks. `git_dir` is the one that all work trees share, where a change
    of several files keeps its journal."""

    def __init__(self, path: str, git_dir: str) -> None:
        self._path = path
        self._root, self._name = os.path.split(path)
        self._journal = os.path.join(git_dir, "sopsguard-hooks")

    def install(self, program: Sequence[str]) -> Iterator[Done]:
        """Put every hook in its place. Raises `UserError` where the folder cannot be written."""
        recover(self._root, self._journal)
        for hook in HOOKS:
            yield self._installed(hook, script(hook, program))

    def uninstall(self) -> Iterator[Done]:
        """Take ours out, and put back what was there before. Raises `UserError` as `install` does."""
        recover(self._root, self._journal)
        for hook in HOOKS:
            yield self._removed(hook)

    def _installed(self, hook: str, text: bytes) -> Done:
        for name in (hook, hook + LEGACY):
            there = self._read(name)
            if there is not None and _is_ours(there):
                if there != text:
                    self._write(Write(self._at(name), there, text))
                return Done(hook, "is installed" if there == text else "was brought up to date")
        there = self._read(hook)
        if there is None and os.path.lexists(self._full(hook)):
            return Done(hook, "is a link or no file, and was left alone: call sopsguard from it", True)
        if there is None:
            self._write(Write(self._at(hook), None, text, _EXECUTABLE))
            return Done(hook, "was installed")
        if os.path.lexists(self._full(hook + ASIDE)):
            what = f"{hook}{ASIDE} is there already, and so is a hook of somebody else: nothing was written"
            return Done(hook, what, True)
        mode = os.stat(self._full(hook)).st_mode & 0o7777
        # Two steps, so that ours does not inherit the mode of what is switched off.
        self._write(Write(self._at(hook + ASIDE), None, there, mode), Write(self._at(hook), there, None))
        self._write(Write(self._at(hook), None, text, _EXECUTABLE))
        return Done(hook, f"was installed; what was there runs first, from {hook}{ASIDE}")

    def _removed(self, hook: str) -> Done:
        for name in (hook, hook + LEGACY):
            there = self._read(name)
            if there is None or not _is_ours(there):
                continue
            self._write(Write(self._at(name), there, None))
            before = self._read(hook + ASIDE)
            if before is None or name != hook:
                return Done(hook, "was removed")
            mode = os.stat(self._full(hook + ASIDE)).st_mode & 0o7777
            self._write(
                Write(self._at(hook), None, before, mode), Write(self._at(hook + ASIDE), before, None)
            )
            return Done(hook, "was removed; what was there before is back")
        return Done(hook, "is none of ours")

    def _write(self, *writes: Write) -> None:
        apply(self._root, self._journal, writes)

    def _at(self, name: str) -> str:
        return f"{self._name}/{name}"

    def _full(self, name: str) -> str:
        return os.path.join(self._path, name)

    def _read(self, name: str) -> bytes | None:
        """The hook of that name; None for none, and for what is no plain file."""
        full = self._full(name)
        if os.path.islink(full) or not os.path.isfile(full):
            return None
        try:
            with open(full, "rb") as file:
                return file.read()
        except OSError as e:
            raise UserError(f"{printable(full)} cannot be read: {e.strerror}", "look at its owner") from None


def _is_ours(data: bytes) -> bool:
    return _MARK in data[:500]
