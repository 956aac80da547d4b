"""Cold processes, side by side: wall time and peak memory of whole commands, and tables of them."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PEERS = Path(os.environ.get("SOPSGUARD_PEERS") or Path.home() / ".cache" / "sopsguard-peers")
PATIENCE = 90.0

# A process of its own starts and waits for the command: the kernel counts the memory of whoever started
# a process as that process's, and this one has held a whole corpus.
STOPWATCH = """
import os, sys, time
null = os.open(os.devnull, os.O_RDWR)
actions = [(os.POSIX_SPAWN_DUP2, null, fd) for fd in (0, 1, 2)]
start = time.perf_counter()
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=actions)
_, status, usage = os.wait4(pid, 0)
print(time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, status)
"""

OURS = str(Path(sys.executable).parent / "sopsguard")


class Run(NamedTuple):
    """One process with its children: seconds on the wall, seconds of processor time, the peak of resident
    memory (its own or a child's, whichever is larger) in bytes, and its exit code."""

    seconds: float
    processor: float
    memory: int
    code: int


class Row(NamedTuple):
    """The medians of one command."""

    seconds: float
    fastest: float
    processor: float
    memory: int
    codes: tuple[int, ...]


def peer(name: str) -> tuple[str, str] | None:
    """(path, version) of an installed peer, or nothing."""
    found = sorted(PEERS.glob(f"{name}-*/bin/{name}"))
    return (str(found[-1]), found[-1].parts[-3].rpartition("-")[2]) if found else None


def once(command: Sequence[str], cwd: Path) -> Run:
    """Run `command` in `cwd` with its output thrown away."""
    stopwatch = [sys.executable, "-I", "-S", "-c", STOPWATCH, *command]
    done = subprocess.run(stopwatch, cwd=cwd, capture_output=True, text=True, check=True)
    seconds, processor, memory, status = done.stdout.split()
    unit = 1 if sys.platform == "darwin" else 1024
    return Run(float(seconds), float(processor), int(memory) * unit, os.waitstatus_to_exitcode(int(status)))


def interleaved(commands: Mapping[str, Sequence[str]], cwd: Path, rounds: int) -> dict[str, Row]:
    """Every command once to warm disk and caches, then up to `rounds` times, in turns: a busy moment of
    the machine hits all of them. Long ones are stopped after `PATIENCE` seconds, but not below 2 rounds."""
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for command in commands.values():
        once(command, cwd)
    end = time.perf_counter() + PATIENCE
    for done in range(rounds):
        if done >= 2 and time.perf_counter() > end:
            break
        for name, command in commands.items():
            runs[name].append(once(command, cwd))
    return {
        name: Row(
            median(r.seconds for r in measured),
            min(r.seconds for r in measured),
            median(r.processor for r in measured),
            int(median(r.memory for r in measured)),
            tuple(sorted({r.code for r in measured})),
        )
        for name, measured in runs.items()
    }


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table; the first column is left-aligned."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    print(f"\n{title}\n")
    for row in (head, ["-" * w for w in widths], *rows):
        _, *rest = (cell.rjust(w) for cell, w in zip(row, widths, strict=True))
        print("  " + "  ".join([row[0].ljust(widths[0]), *rest]))
