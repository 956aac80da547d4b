"""Fuzz every parser and decoder that reads what others wrote.

    python -m tests.fuzz.run --minutes 60            every target, one hour of processor time
    python -m tests.fuzz.run --target nix --seed 7 --only 1234     the same input again

Each target runs in a process of its own, with bounded memory; an input has bounded time. Whatever escapes is
a failure: an exception that the parser does not declare, a hang, memory without end. The seed is printed.
"""

import argparse
import faulthandler
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path
from types import FrameType

from tests.fuzz.targets import TARGETS, inputs, where

MEMORY = 3 << 30  # address space: the engines map much that they never touch
GROWTH = 400 << 20  # resident, over what a target has after its first inputs
SECONDS = 5


class TooLong(Exception):
    """One input took more than `SECONDS` of processor time."""


def _alarm(signum: int, frame: FrameType | None) -> None:
    raise TooLong


def _resident() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def fuzz(
    name: str, seed: int, seconds: float, first: int = 0, count: int | None = None, keep: Path | None = None
) -> tuple[int, list[str]]:
    """Runs a target for so many seconds of processor time (and at most `count` inputs); the number of inputs
    and what failed, each failure once by its place."""
    signal.signal(signal.SIGPROF, _alarm)
    target, failures, places = TARGETS[name], [], set()
    ending, number, usual = time.process_time() + seconds, first, 0
    while time.process_time() < ending and (count is None or number < first + count):
        data = inputs(name, seed, number)
        signal.setitimer(signal.ITIMER_PROF, SECONDS * 2)
        if keep is not None:  # C code hears no signal handler: then this ends the process, and says where
            faulthandler.dump_traceback_later(SECONDS * 60, exit=True)
            where(keep, name, seed, -1).write_text(f"{number}\n")
        started = time.process_time()
        try:
            target.run(data)
            if time.process_time() - started > SECONDS:
                raise TooLong
            if number == first + 50:
                usual = _resident()
            elif usual and _resident() > usual + GROWTH:
                usual = _resident()
                raise MemoryError(f"{usual >> 20} MiB")
        except BaseException as e:
            if isinstance(e, KeyboardInterrupt):
                raise
            signal.setitimer(signal.ITIMER_PROF, 0)
            frames = traceback.extract_tb(e.__traceback__)
            place = f"{type(e).__name__} {frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}"
            if place not in places:
                places.add(place)
                stack = " < ".join(
                    f"{f.filename.rpartition('/')[2]}:{f.lineno}" for f in reversed(frames[-5:])
                )
                failures.append(
                    f"{name} --seed {seed} --only {number}: {type(e).__name__}: {str(e)[:120]} ({stack})"
                )
                if keep is not None:
                    where(keep, name, seed, number).write_bytes(data)
                    print(f"FAIL {failures[-1]}", flush=True)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            if keep is not None:
                faulthandler.cancel_dump_traceback_later()
        number += 1
    return number - first, failures


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=5, help="processor time for all targets together")
    parser.add_argument(
        "--target", action="append", choices=TARGETS, help="only this one; may be given several times"
    )
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    parser.add_argument("--only", type=int, help="run input number ONLY and nothing else")
    parser.add_argument(
        "--keep",
        type=Path,
        default=Path(tempfile.gettempdir()) / "sopsguard-fuzz",
        help="folder for inputs that failed",
    )
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    names = options.target or list(TARGETS)
    if options.only is not None:
        done, failures = fuzz(names[0], options.seed, 600, options.only, 1)
        print("\n".join(failures) or "fine")
        return bool(failures)
    if options.child:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        done, failures = fuzz(names[0], options.seed, options.minutes * 60, keep=options.keep)
        minutes, size = time.process_time() / 60, _resident() >> 20
        print(
            f"{names[0]}: {done:,} inputs in {minutes:.1f} minutes, {len(failures)} failures, {size} MiB",
            flush=True,
        )
        return bool(failures)
    print(f"seed {options.seed}", flush=True)
    worst = 0
    for name in names:
        share = str(options.minutes / len(names))
        command = [sys.executable, "-m", "tests.fuzz.run", "--child", "--target", name, "--minutes", share]
        code = subprocess.run(
            [*command, "--seed", str(options.seed), "--keep", str(options.keep)], check=False
        ).returncode
        if code not in (0, 1):
            last = where(options.keep, name, options.seed, -1).read_text().strip()
            print(
                f"FAIL {name} --seed {options.seed} --only {last}: the process ended with {code}", flush=True
            )
        worst = max(worst, abs(code))
    return min(worst, 1)


if __name__ == "__main__":
    os.environ.setdefault("PYTHONHASHSEED", "0")
    sys.exit(main())
