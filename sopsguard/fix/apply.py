"""The only module that writes into the repository: one file, or several as a whole.

Several files change through a journal in the git directory. Once it is complete the change happens, if not
now then at the next command; until then nothing has happened. It holds new contents only, so that no secret
in clear gets there: of the old ones it knows the size, the time and the number of the file.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import NamedTuple

from sopsguard.model import UserError, printable

_MARK = ".sopsguard-"
_DISK = "check the permissions of the folder and the disk"


class Write(NamedTuple):
    """What becomes of one file: `judged` is its content now (None: there is none), `new` the one to come
    (None: none). A file that is there keeps its mode, a new one gets `mode`."""

    path: str
    judged: bytes | None
    new: bytes | None
    mode: int = 0o644

    def __repr__(self) -> str:
        return f"Write({self.path!r})"


Step = Callable[[str], None]


def _nothing(_: str) -> None:
    """Nobody listens to the steps."""


def apply(root: str, git_dir: str, writes: Sequence[Write], step: Step = _nothing) -> None:
    """Change all files or none. `git_dir` is that of the work tree `root`.

    Raises `UserError` if something is not as it was judged, cannot be written, or if another change is
    under way. `step` is told every step before it is done.
    """
    writes = [write for write in writes if write.judged != write.new]
    if not writes:
        return
    with _locked(git_dir):
        journal = _Journal(root, git_dir, step)
        if journal.is_committed():
            what = "a change of several files was interrupted"
            raise UserError(what, "run any other sopsguard command to complete it")
        try:
            journal.discard()
            for write in writes:
                _must_be(root, write)
            journal.prepare(writes)
        except (OSError, UserError) as failure:
            if not journal.is_committed():
                with suppress(OSError):  # the next command does it then
                    journal.discard()
                if isinstance(failure, UserError):
                    raise
                raise UserError(f"nothing was written: {failure.strerror}", _DISK) from None
        journal.carry_out(writes)


def recover(root: str, git_dir: str, step: Step = _nothing) -> tuple[str, ...]:
    """End what was interrupted: complete a change that was decided, take back one that was not.

    Returns the paths of a completed change. Raises `UserError` if somebody changed one of its files since.
    """
    if not os.path.isdir(os.path.join(git_dir, "sopsguard", "journal")):
        return ()
    with _locked(git_dir):
        journal = _Journal(root, git_dir, step)
        try:
            if not journal.is_committed():
                journal.discard()
                return ()
            return journal.complete()
        except OSError as e:
            raise UserError(f"the interrupted change cannot be completed: {e.strerror}", _DISK) from None


@contextmanager
def _locked(git_dir: str) -> Iterator[None]:
    """Alone, as long as this process lives."""
    import fcntl

    folder = os.path.join(git_dir, "sopsguard")
    try:
        os.makedirs(folder, 0o700, exist_ok=True)
        lock = os.open(os.path.join(folder, "lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as e:
        raise UserError(f"the git directory cannot be written: {e.strerror}", _DISK) from None
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UserError("another sopsguard changes this repository", "wait until it is done") from None
        yield
    finally:
        os.close(lock)


def _must_be(root: str, write: Write) -> None:
    """Raises `UserError` unless the file is what was judged, and no link leads elsewhere."""
    shown = printable(write.path)
    parts = write.path.split("/")
    if write.path.startswith("/") or not {"", ".", ".."}.isdisjoint(parts) or ".git" in parts:
        raise UserError(f"{shown} lies outside the work tree")
    for depth in range(1, len(parts) + 1):
        if os.path.islink(os.path.join(root, *parts[:depth])):
            raise UserError(f"{shown} is, or lies behind, a symbolic link", "name the file it points to")
    target = os.path.join(root, *parts)
    if not os.path.lexists(target):
        current = None
    elif not os.path.isfile(target):
        raise UserError(f"{shown} is no file")
    else:
        try:
            with open(target, "rb") as file:
                current = file.read()
        except OSError as e:
            raise UserError(f"{shown} cannot be read: {e.strerror}", _DISK) from None
        if not os.access(target, os.W_OK):
            raise UserError(f"{shown} is read-only", "make it writable, if it may be changed")
    if current != write.judged:
        raise UserError(
            f"{shown} is not what was judged", "somebody changed it meanwhile: look, and try again"
        )


def _identity(target: str) -> list[int] | None:
    """What tells a file from another one without a look inside."""
    try:
        found = os.lstat(target)
    except FileNotFoundError:
        return None
    return [found.st_ino, found.st_size, found.st_mtime_ns]


def _sha256(data: bytes) -> str:
    from hashlib import sha256

    return sha256(data).hexdigest()


def _digest(target: str) -> str | None:
    try:
        with open(target, "rb") as file:
            return _sha256(file.read())
    except FileNotFoundError:
        return None


def replace(root: str, path: str, judged: bytes | None, new: bytes) -> None:
    """Write `new` in place of what was judged, or create the file when `judged` is None.

    The file appears whole or not at all and keeps its mode. Raises `UserError` when the file is not
    what was judged any more, is a symbolic link, or cannot be written.
    """
    import tempfile
    from pathlib import Path

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


def deliver(path: str, content: bytes) -> None:
    """Create a file that only its owner reads, with its folders; it is never overwritten. For a private key
    that belongs outside of every repository. Raises `UserError`."""
    shown = printable(path)
    try:
        os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise UserError(
            f"{shown} is there already", "it is not overwritten: move it away, or use it"
        ) from None
    except OSError as e:
        raise UserError(f"{shown} cannot be written: {e.strerror}", _DISK) from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as e:
        with suppress(OSError):
            os.unlink(path)
        raise UserError(f"{shown} cannot be written: {e.strerror}", _DISK) from None


class _Entry(NamedTuple):
    """One file of the change, as the journal keeps it."""

    path: str
    old: list[int] | None
    new: str | None
    mode: int
    beside: str


class _Journal:
    """The change of several files: prepared, decided, carried out, ended."""

    def __init__(self, root: str, git_dir: str, step: Step) -> None:
        self.root, self.step = root, step
        self.folder = os.path.join(git_dir, "sopsguard", "journal")
        self.plan = os.path.join(self.folder, "plan")
        self.draft = os.path.join(self.folder, "draft")

    def is_committed(self) -> bool:
        return os.path.exists(self.plan)

    def target(self, path: str) -> str:
        return os.path.join(self.root, *path.split("/"))

    def beside(self, entry: _Entry) -> str:
        return os.path.join(os.path.dirname(self.target(entry.path)), entry.beside)

    def read(self, plan: str) -> tuple[list[_Entry], list[str]]:
        """The files and the folders to make. Raises `ValueError` for a plan that is not whole."""
        import json

        with open(plan, "rb") as file:
            found = json.loads(file.read())
        entries = [_Entry(os.fsdecode(bytes.fromhex(path)), *rest) for path, *rest in found["entries"]]
        return entries, [os.fsdecode(bytes.fromhex(name)) for name in found["folders"]]

    def write(self, target: str, data: bytes, mode: int) -> None:
        """A new file, whole on the disk when this returns."""
        self.step(f"create {os.path.basename(target)}")
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as file:
            half = len(data) // 2
            file.write(data[:half])
            file.flush()
            self.step("write on")
            file.write(data[half:])
            file.flush()
            self.step("sync")
            os.fsync(file.fileno())
            os.fchmod(file.fileno(), mode)

    def sync(self, folder: str) -> None:
        self.step("sync the folder")
        handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    # before it is decided

    def prepare(self, writes: Sequence[Write]) -> None:
        """Everything that can fail: the draft, the new contents, and a copy of each beside its target."""
        import json
        from secrets import token_hex

        os.makedirs(self.folder, 0o700, exist_ok=True)
        entries: list[_Entry] = []
        folders: list[str] = []
        for write in writes:
            target = self.target(write.path)
            parent = os.path.dirname(target)
            while not os.path.isdir(parent):
                name = os.path.relpath(parent, self.root)
                if name not in folders:
                    folders.append(name)
                parent = os.path.dirname(parent)
            mode = os.stat(target).st_mode & 0o7777 if write.judged is not None else write.mode
            new = _sha256(write.new) if write.new is not None else None
            entries.append(_Entry(write.path, _identity(target), new, mode, _MARK + token_hex(8)))
        folders.sort()
        plan = {
            "entries": [(os.fsencode(entry.path).hex(), *entry[1:]) for entry in entries],
            "folders": [os.fsencode(name).hex() for name in folders],
        }
        self.write(self.draft, json.dumps(plan).encode(), 0o600)
        for name in folders:
            self.step(f"make the folder {name}")
            os.mkdir(os.path.join(self.root, name))
        for number, (write, entry) in enumerate(zip(writes, entries, strict=True)):
            if write.new is not None:
                self.write(os.path.join(self.folder, f"new-{number}"), write.new, 0o600)
                self.write(self.beside(entry), write.new, entry.mode)
        self.sync(self.folder)
        for write in writes:  # the last look before the change is decided
            _must_be(self.root, write)
        self.step("decide")
        os.rename(self.draft, self.plan)
        self.sync(self.folder)

    def discard(self) -> None:
        """Takes back what was prepared and not decided."""
        try:
            entries, folders = self.read(self.draft)
        except (FileNotFoundError, ValueError):
            entries, folders = [], []  # killed before anything was prepared
        for entry in entries:
            self.remove(self.beside(entry))
        for name in reversed(folders):
            self.step("remove a folder")
            with suppress(OSError):  # something else is in it, or it was never made
                os.rmdir(os.path.join(self.root, name))
        self.clear()

    def remove(self, target: str) -> None:
        self.step(f"remove {os.path.basename(target)}")
        with suppress(FileNotFoundError):
            os.unlink(target)

    def clear(self) -> None:
        """The end: what is left of the journal goes, the draft last."""
        if not os.path.isdir(self.folder):
            return
        for name in sorted(os.listdir(self.folder), key=lambda name: name == "draft"):
            self.remove(os.path.join(self.folder, name))
        self.step("remove the journal")
        os.rmdir(self.folder)

    # when it is decided

    def carry_out(self, writes: Sequence[Write]) -> None:
        """All files, or, where one cannot be written after all, those before it back again."""
        entries, _ = self.read(self.plan)
        done: list[tuple[Write, _Entry]] = []
        try:
            for write, entry in zip(writes, entries, strict=True):
                _must_be(self.root, write)
                done.append((write, entry))  # it may fail after it was done
                self.place(entry)
        except (OSError, UserError) as failure:
            why = failure.message if isinstance(failure, UserError) else str(failure.strerror)
            hint = failure.hint if isinstance(failure, UserError) else _DISK
            try:
                for write, entry in reversed(done):
                    self.put_back(write, entry)
                for entry in entries:
                    self.remove(self.beside(entry))
                self.end()
            except OSError:
                raise UserError(
                    f"{why}; the change is half done", "run any sopsguard command again to complete it"
                ) from None
            raise UserError(f"{why}; nothing was changed", hint) from None
        try:
            self.end()
        except OSError as e:
            raise UserError(
                f"everything was written, the journal not ended: {e.strerror}",
                "run any sopsguard command again",
            ) from None

    def place(self, entry: _Entry) -> None:
        """One file as it shall be; its new content stands beside it."""
        target = self.target(entry.path)
        if entry.new is None:
            self.remove(target)
        elif entry.old is None:
            self.step(f"link {entry.path}")
            try:
                os.link(self.beside(entry), target)  # unlike a renaming it never replaces a file
            except FileExistsError:
                raise UserError(f"{printable(entry.path)} is there now", "look, and try again") from None
            self.remove(self.beside(entry))
        else:
            self.step(f"replace {entry.path}")
            os.rename(self.beside(entry), target)
        self.sync(os.path.dirname(target))

    def put_back(self, write: Write, entry: _Entry) -> None:
        target = self.target(entry.path)
        if _digest(target) != entry.new:
            return  # somebody was quicker; what they wrote stays
        if write.judged is None:
            self.remove(target)
            return
        self.remove(self.beside(entry))
        self.write(self.beside(entry), write.judged, entry.mode)
        self.step(f"put {entry.path} back")
        os.rename(self.beside(entry), target)

    def complete(self) -> tuple[str, ...]:
        """What was decided before this process."""
        try:
            entries, _ = self.read(self.plan)
        except ValueError:
            raise UserError("the journal of a change is damaged", f"look at {self.folder}") from None
        waiting = []
        for number, entry in enumerate(entries):
            target = self.target(entry.path)
            if _digest(target) == entry.new:
                continue
            if _identity(target) != entry.old:
                what = f"{printable(entry.path)} was changed after a change of several files was interrupted"
                keep = f"to keep all files as they are now, remove {self.folder}"
                raise UserError(what, f"put it back (git checkout -- FILE), and run this again; or, {keep}")
            waiting.append((number, entry))
        for number, entry in waiting:
            if entry.new is not None:
                with open(os.path.join(self.folder, f"new-{number}"), "rb") as file:
                    data = file.read()
                self.remove(self.beside(entry))
                self.write(self.beside(entry), data, entry.mode)
            self.place(entry)
        for entry in entries:
            self.remove(self.beside(entry))
        self.end()
        return tuple(entry.path for entry in entries)

    def end(self) -> None:
        self.step("end")
        os.unlink(self.plan)
        self.sync(self.folder)
        self.clear()
