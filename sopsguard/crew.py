"""Work shared with forks of this process: each begins with all that is compiled, and tells what it found.

Nothing is written anywhere: answers come back over pipes. A fork that cannot be had, fails or is killed
costs time only, for its caller then does its share.
"""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NoReturn

# More processes than this wait for the disk, or for one of them.
MOST = 4

_SIGKILL = 9  # the module `signal` costs a millisecond to import
_FILES = 1024  # pipes and folders have the lowest free numbers


def size() -> int:
    """How many processes pay, this one too: one for each processor, at most `MOST`; 1 without fork."""
    if not hasattr(os, "fork"):
        return 1
    affinity = getattr(os, "sched_getaffinity", None)
    return min(MOST, len(affinity(0)) if affinity is not None else os.cpu_count() or 1)


class Crew:
    """One fork for each of the `tasks`, at work from now on. Answers have to be picklable.

    Used as a context manager: what still runs at its end is killed, and no process is left behind.
    """

    def __init__(self, tasks: Sequence[Callable[[], object]]) -> None:
        self._members: list[tuple[int, int]] = []
        for task in tasks:
            self._members.append(_hired(task))

    def __enter__(self) -> "Crew":
        return self

    def __exit__(self, *_: object) -> None:
        for process, answer in self._members:
            if process > 0:
                with suppress(ProcessLookupError):
                    os.kill(process, _SIGKILL)
                _buried(process, answer)
        self._members.clear()

    def answer(self, number: int) -> Any:
        """What the task came to, or None where its process has failed. To be asked once for each."""
        process, source = self._members[number]
        if process <= 0:
            return None
        import pickle

        parts = []
        while part := os.read(source, 1 << 16):
            parts.append(part)
        self._members[number] = (0, -1)
        _buried(process, source)
        try:
            return pickle.loads(b"".join(parts))  # noqa: S301  our own fork wrote it
        except (pickle.UnpicklingError, EOFError, AttributeError, ImportError, IndexError):
            return None


def _hired(task: Callable[[], object]) -> tuple[int, int]:
    """(process, where its answer comes from); (0, -1) where the system has no process left."""
    try:
        source, sink = os.pipe()
    except OSError:
        return 0, -1
    try:
        process = os.fork()
    except OSError:
        os.close(source)
        os.close(sink)
        return 0, -1
    if process == 0:
        _work(task, sink)
    os.close(sink)
    return process, source


def _work(task: Callable[[], object], sink: int) -> NoReturn:
    """The life of a fork. It returns into no code of its parent, whatever happens, and says nothing."""
    try:
        # Pipes of the parent that stayed open here would keep its git from hearing the end.
        os.closerange(3, sink)
        os.closerange(sink + 1, max(sink + 2, _FILES))
        import pickle

        view = memoryview(pickle.dumps(task(), pickle.HIGHEST_PROTOCOL))
        while view:
            view = view[os.write(sink, view) :]
    finally:
        os._exit(0)


def _buried(process: int, source: int) -> None:
    os.close(source)
    with suppress(ChildProcessError):  # the system was told to bury them itself
        os.waitpid(process, 0)
