"""One running git: how it is started, with which settings and environment, and what it says."""

import os
from collections.abc import Iterator
from contextlib import suppress

from sopsguard.model import UserError, printable

# 2.31 brought `rev-parse --path-format`, which older versions print back instead of obeying: so the
# version is checked without asking for it. Everything else that is used here is older.
MINIMUM = (2, 31)

# Settings of the user or of the repository that would start programs, use the network, or change what
# is listed. They follow git's own `-c` settings (GIT_CONFIG_PARAMETERS), so they win.
_SETTINGS = (
    "core.fsmonitor=false",
    "core.untrackedCache=false",
    "core.commitGraph=false",
    "core.hooksPath=/dev/null",
    "core.bigFileThreshold=16m",  # larger blobs are streamed by cat-file, not held in its memory
    "advice.graftFileDeprecated=false",
)

# Taken out of the environment: tracing would write contents where we do not control it, the others
# change the meaning of a command. GIT_DIR, GIT_INDEX_FILE, GIT_OBJECT_DIRECTORY, the alternates and
# the quarantine stay: they are how git tells a hook which index and objects are meant.
_UNWANTED = frozenset(
    {
        "GIT_CONFIG",
        "GIT_DIFF_OPTS",
        "GIT_EXTERNAL_DIFF",
        "GIT_LITERAL_PATHSPECS",
        "GIT_GLOB_PATHSPECS",
        "GIT_NOGLOB_PATHSPECS",
        "GIT_ICASE_PATHSPECS",
        "GIT_REPLACE_REF_BASE",
        "GIT_ATTR_SOURCE",
        "GIT_REDIRECT_STDIN",
        "GIT_REDIRECT_STDOUT",
        "GIT_REDIRECT_STDERR",
        "GIT_PAGER",
        "GIT_FLUSH",
        "GIT_NAMESPACE",
    }
)
_WANTED = {
    "LC_ALL": "C",
    "LANGUAGE": "",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_GRAFT_FILE": "/dev/null",
    "GIT_TERMINAL_PROMPT": "0",
    # A missing object of a partial clone is not fetched: git before 2.44 does not know the first.
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none",
}

_WANTED_VERSION = f"git {MINIMUM[0]}.{MINIMUM[1]} or newer"

_SILENCE = 1000  # milliseconds without a word before git is told that there are no more questions
_LONGEST_LINE = 1 << 16  # an answer's first line repeats the question, which may hold a path

LOST = -1000  # the exit code of a process that the system, told to ignore SIGCHLD, has buried itself

_SIGTERM = 15  # the module `signal` costs a millisecond to import


class Git:
    """How git is called here: for which directory, with which settings and environment."""

    __slots__ = ("_command", "environment")

    def __init__(self, directory: str | None) -> None:
        self._command = ["git"]
        if directory is not None:
            self._command += ["-C", directory]
        self._command += ["--no-pager", "--no-replace-objects"]
        for setting in _SETTINGS:
            self._command += ["-c", setting]
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if name not in _UNWANTED and not name.startswith(("GIT_TRACE", "GIT_TR2"))
        } | _WANTED

    def run(self, *arguments: str, stdin: "Process | bool" = False) -> "Process":
        """Start git and return at once. `stdin`: nothing, a pipe (True), or what another one says."""
        try:
            return Process([*self._command, *arguments], self.environment, stdin)
        except FileNotFoundError:
            raise UserError("git is not installed", f"install {_WANTED_VERSION}") from None
        except PermissionError:
            raise UserError("git may not be run by this user", "look at the PATH") from None

    def output(self, *arguments: str, doing: str = "", fine: tuple[int, ...] = (0,)) -> bytes:
        """What git says to the end. Raises `UserError` if its exit code is not `fine`."""
        process = self.run(*arguments)
        said = process.read_all()
        if process.finish() not in fine:
            raise self.failure(process, doing or f"run {arguments[0]}")
        return said

    def check(self, process: "Process", doing: str) -> None:
        """Wait for the end; `UserError` if it is a failure."""
        if process.finish() != 0:
            raise self.failure(process, doing)

    def failure(self, process: "Process", doing: str) -> UserError:
        """Why git failed, in its own first words, and what helps."""
        asked = Process(["git", "version"], self.environment, False)
        version = asked.read_all().decode("utf-8", "replace").removeprefix("git version ").strip()
        asked.finish()
        major, _, minor = version.partition(".")
        minor = minor.partition(".")[0]
        if major.isdigit() and minor.isdigit() and (int(major), int(minor)) < MINIMUM:
            return UserError(
                f"git {printable(version)} is too old",
                f"sopsguard needs {_WANTED_VERSION}",
            )
        if process.finish() == LOST:
            return UserError(
                f"git could not {doing}: its exit code was lost",
                "run this without SIGCHLD being ignored (trap - CHLD)",
            )
        first, advice = first_words(process.complaint())
        if advice:
            hint = f"if you trust it: {advice}"
        elif "not a git repository" in first:
            hint = "run this inside a git repository"
        elif "index" in first:
            hint = "the index may be damaged: move .git/index away and run `git reset`"
        else:
            hint = "`git fsck` shows what is damaged"
        return UserError(f"git could not {doing}: {printable(first[:300])}", printable(hint))


class Process:
    """One running git. `posix_spawn` instead of `subprocess`, whose import alone takes as long as git."""

    __slots__ = ("_at", "_buffer", "_code", "_errors", "_out", "pid", "stdin")

    def __init__(self, argv: list[str], environment: dict[str, str], stdin: "Process | bool") -> None:
        self._code: int | None = None
        self._buffer, self._at = b"", 0
        self._errors = _scratch()
        self._out, theirs = _pipe()
        self.stdin = self.pid = -1
        close = [theirs]
        actions: list[tuple[object, ...]]
        if stdin is True:
            source, self.stdin = _pipe()
            close.append(source)
            actions = [(os.POSIX_SPAWN_DUP2, source, 0)]
        elif isinstance(stdin, Process):
            actions = [(os.POSIX_SPAWN_DUP2, stdin._out, 0)]
        else:
            actions = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)]
        actions += [(os.POSIX_SPAWN_DUP2, theirs, 1), (os.POSIX_SPAWN_DUP2, self._errors, 2)]
        try:
            self.pid = os.posix_spawnp(argv[0], argv, environment, file_actions=actions)
        finally:
            for fd in close:
                os.close(fd)
        if isinstance(stdin, Process):
            os.close(stdin._out)  # the other half reads it now
            stdin._out = -1

    def read(self, count: int) -> bytes:
        """The next `count` bytes; fewer where the output ends."""
        end = self._at + count
        data = self._buffer[self._at : end]
        self._at += len(data)
        if len(data) == count:
            return data
        parts = [data]
        missing = count - len(data)
        while missing and self._more():
            data = self._buffer[:missing]
            self._at = len(data)
            parts.append(data)
            missing -= len(data)
        return b"".join(parts)

    def read_all(self) -> bytes:
        """Everything to the end."""
        parts = [self._buffer[self._at :]]
        while self._more():
            parts.append(self._buffer)
        return b"".join(parts)

    def line(self) -> bytes:
        """The next line with its end; without one where the output ends or the line is absurdly long."""
        while (end := self._buffer.find(b"\n", self._at)) < 0:
            rest = self._buffer[self._at :]
            if len(rest) > _LONGEST_LINE or not self._more():
                self._buffer, self._at = b"", 0
                return rest
            self._buffer = rest + self._buffer
        line = self._buffer[self._at : end + 1]
        self._at = end + 1
        return line

    def tokens(self) -> Iterator[bytes]:
        """What ends in a NUL byte; a last one that does not was cut off."""
        rest = b""
        while self._more():
            *whole, rest = (rest + self._buffer).split(b"\0")
            yield from whole

    def _more(self) -> bool:
        """Replace the buffer, which is used up, by what git says next; False at the end."""
        if self.stdin >= 0 and not self._speaks():
            # Of a damaged object git announces more bytes than it sends, and then waits for the next
            # question while we wait for the rest (measured with 2.39). Told that there are no more
            # questions it answers the open ones, however slow the disk, and ends.
            os.close(self.stdin)
            self.stdin = -1
        self._buffer, self._at = os.read(self._out, 1 << 16), 0
        return bool(self._buffer)

    def _speaks(self) -> bool:
        from select import POLLIN, poll

        waiting = poll()
        waiting.register(self._out, POLLIN)
        return bool(waiting.poll(_SILENCE))

    def write(self, data: bytes) -> None:
        """Raises `BrokenPipeError` if git has ended."""
        if self.stdin < 0:
            raise BrokenPipeError
        view = memoryview(data)
        while view:
            view = view[os.write(self.stdin, view) :]

    def finish(self) -> int:
        """Wait for the end and return the exit code; a negative one is a signal."""
        if self._code is None:
            self._hang_up()
            try:
                self._code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
            except ChildProcessError:
                self._code = LOST  # somebody else took it: then success is not certain
        return self._code

    def end(self) -> None:
        """End it, finished or not; what it has complained about stays."""
        if self._code is None and self.pid > 0:
            with suppress(ProcessLookupError):
                os.kill(self.pid, _SIGTERM)
            self.finish()

    def stop(self) -> None:
        """End it and forget it."""
        self.end()
        self._hang_up()
        if self._errors >= 0:
            os.close(self._errors)
            self._errors = -1

    def forget(self) -> None:
        """Know nothing of it any more: in a fork, where its pipes are closed, and it is not ours to end."""
        self._code, self.pid = LOST, -1
        self.stdin = self._out = self._errors = -1

    def complaint(self) -> str:
        """What it wrote to standard error, the first 4 KiB."""
        if self._errors < 0:
            return ""
        return os.pread(self._errors, 4096, 0).decode("utf-8", "surrogateescape")

    def _hang_up(self) -> None:
        for fd in (self.stdin, self._out):
            if fd >= 0:
                os.close(fd)
        self.stdin = self._out = -1

    def __del__(self) -> None:
        if hasattr(self, "pid"):
            self.stop()


def _pipe() -> tuple[int, int]:
    """A pipe away from 0, 1 and 2, which are free if the caller closed them."""
    ends = os.pipe()
    if min(ends) > 2:
        return ends
    higher = _pipe()
    for fd in ends:
        os.close(fd)
    return higher


def _scratch() -> int:
    """A nameless file for standard error: unlike a pipe it never fills, so nothing waits for a reader."""
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("git-stderr")
        if fd > 2:
            return fd
        higher = _scratch()
        os.close(fd)
        return higher
    from tempfile import TemporaryFile

    with TemporaryFile() as f:
        return _above(f.fileno())


def _above(fd: int) -> int:
    """A copy of `fd` above 2, not inherited."""
    from fcntl import F_DUPFD_CLOEXEC, fcntl

    return fcntl(fd, F_DUPFD_CLOEXEC, 3)


def first_words(complaint: str) -> tuple[str, str]:
    """The line of git's standard error that says why, and the command that git itself advises."""
    lines = [line for line in complaint.split("\n") if line.strip()]
    why = next((line for line in lines if line.startswith(("fatal: ", "error: "))), "")
    why = why or (lines[0] if lines else "nothing")
    advice = next((line.strip() for line in lines if line.lstrip().startswith("git config ")), "")
    return why.removeprefix("fatal: ").removeprefix("error: "), advice


def command(directory: str, *arguments: str) -> tuple[int, str]:
    """Run git as a user would, with hooks, in `directory`: exit code and all it said. For the demo only;
    nothing is judged through it."""
    import subprocess

    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(
        ["git", "-C", directory, *arguments],
        env=environment | {"LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    return done.returncode, done.stdout.decode("utf-8", "replace")
