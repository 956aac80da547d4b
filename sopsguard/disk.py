"""Files of the work tree, read without following links, waiting for pipes or trusting that nothing moves."""

import os
from collections.abc import Iterator
from stat import S_IFMT, S_ISDIR, S_ISLNK, S_ISREG

from sopsguard.snapshot import (
    EXECUTABLE,
    FILE,
    SUBMODULE,
    SYMLINK,
    Entry,
    Piece,
    Unreadable,
    pieces_of,
    windows,
)

# A link, FIFO or device put where a file stood must neither be followed nor waited for.
_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Disk:
    """The files below one folder. Every folder on the way to a file is opened by itself, so a link that
    replaces one leads nowhere."""

    __slots__ = ("_folder", "_names", "_root")

    def __init__(self, root: str) -> None:
        self._root = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._names = ""
        self._folder = self._root

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Give the open folders back."""
        for fd in {getattr(self, "_root", -1), getattr(self, "_folder", -1)} - {-1}:
            os.close(fd)
        self._root = self._folder = -1

    def _parent(self, path: str) -> tuple[int, str]:
        """The open folder that holds `path`, and the last part of the name."""
        names, _, name = path.rpartition("/")
        if names != self._names:
            # The old folder stays until the new one is there: a failure leaves all as it was.
            folder = self._root
            for part in names.split("/") if names else ():
                if part in ("", ".", ".."):
                    raise NotADirectoryError(path)
                try:
                    below = os.open(part, _FOLDER, dir_fd=folder)
                finally:
                    if folder != self._root:
                        os.close(folder)
                folder = below
            if self._folder != self._root:
                os.close(self._folder)
            self._names, self._folder = names, folder
        return self._folder, name

    def entry(self, path: str, tracked: int = FILE) -> Entry | None:
        """What stands at `path`, or None if nothing does. `tracked` is the mode that git knows: a folder
        is an entry only where that is a submodule."""
        try:
            folder, name = self._parent(path)
            mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as e:
            # A link in place of a folder: git too takes what stood below it for deleted.
            return None if _is_link(e) else Entry(path, tracked, "")
        if S_ISDIR(mode):
            return Entry(path, SUBMODULE, "") if tracked == SUBMODULE else None
        if S_ISLNK(mode):
            return Entry(path, SYMLINK, "")
        return Entry(path, EXECUTABLE if mode & 0o100 and S_ISREG(mode) else FILE, "")

    def pieces(self, entry: Entry) -> Iterator[Piece | Unreadable]:
        """The content of one file, a link's target, or why it could not be read."""
        path = entry.path
        try:
            folder, name = self._parent(path)
            if entry.mode == SYMLINK:
                target = os.readlink(os.fsencode(name), dir_fd=folder)
                yield from pieces_of(target)
                return
            fd = os.open(name, _OPEN, dir_fd=folder)
        except OSError as e:
            yield _unreadable(path, e)
            return
        try:
            before = os.fstat(fd)
            if not S_ISREG(before.st_mode):
                yield Unreadable(path, f"is {_kind(before.st_mode)}, not a file", "a regular file")
                return
            yield from windows(lambda count: os.read(fd, count), before.st_size)
            after = os.fstat(fd)
            if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
                yield _changed(path)
        except EOFError:
            yield _changed(path)
        except OSError as e:
            yield _unreadable(path, e)
        finally:
            os.close(fd)


def _is_link(error: OSError) -> bool:
    from errno import ELOOP, EMLINK  # FreeBSD says EMLINK

    return error.errno in (ELOOP, EMLINK)


def _changed(path: str) -> Unreadable:
    return Unreadable(path, "changed while it was read", "a file that stays as it is meanwhile")


def _unreadable(path: str, error: OSError) -> Unreadable:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return Unreadable(path, "vanished before it was read", "a file that stays where it is", vanished=True)
    if isinstance(error, PermissionError):
        return Unreadable(path, "may not be read by this user", "permission to read it")
    if _is_link(error):
        return Unreadable(path, "became a link before it was read", "a file that stays as it is meanwhile")
    return Unreadable(path, f"cannot be read ({os.strerror(error.errno or 0)})", "a readable file")


def _kind(mode: int) -> str:
    kinds = {0o010000: "a FIFO", 0o140000: "a socket", 0o020000: "a device", 0o060000: "a device"}
    return kinds.get(S_IFMT(mode), "a folder" if S_ISDIR(mode) else "something else")
