"""How long whole commands take, and how much memory, beside the installed peers.

    .venv/bin/python bench/speed.py [--rounds N] [--only staged-text,staged-nix,tree,history,…]

Cold processes on a warm disk, medians, the tools in turns; on a busy machine the processor time tells
more than the clock. The peers come from tests/peers/install;
what is absent is left out, and the table says so. The exit code is 1 when a bound is missed.
"""

import argparse
import compileall
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import ciphertext
import corpus
from measure import OURS, ROOT, Row, interleaved, peer, table

MB = 1 << 20


class Bound(NamedTuple):
    """Our command `ours` takes at most `factor` times what `other` takes, and `more` seconds."""

    ours: str
    factor: float
    other: str
    more: float = 0.0


def peers(kind: str) -> dict[str, list[str]]:
    """The peers' own commands for "staged", "tree" or "history"."""
    commands: dict[str, list[str]] = {}
    quiet = ["--no-banner", "--redact", "--exit-code", "0"]
    go = {"staged": ["git", "--pre-commit", "--staged"], "tree": ["dir"], "history": ["git"]}[kind]
    if found := peer("gitleaks"):
        commands[f"gitleaks {found[1]}"] = [found[0], *go, *quiet, "."]
    if found := peer("betterleaks"):
        commands[f"betterleaks {found[1]} re2"] = [found[0], *go, *quiet, "."]
        if kind != "tree":
            commands[f"betterleaks {found[1]} stdlib"] = [
                found[0],
                *go,
                *quiet,
                "--regex-engine",
                "stdlib",
                ".",
            ]
    if found := peer("kingfisher"):
        scope = {"staged": ["--staged"], "tree": ["--git-history", "none"], "history": []}[kind]
        quick = ["--turbo", "--no-validate", "--no-update-check", "--redact", "--quiet"]
        commands[f"kingfisher {found[1]} --turbo"] = [found[0], "scan", ".", *quick, *scope]
    return commands


def staged(path: Path, name: str, content: bytes) -> Path:
    return corpus.repository(path, [(name, content)])


def committed(path: Path) -> Path:
    corpus.git(path, "commit", "-q", "-m", "all")
    return path


def staged_commands(_: Path) -> dict[str, list[str]]:
    return {
        "sopsguard hook": [OURS, "hook"],
        "sopsguard check --staged": [OURS, "check", "--staged"],
        **peers("staged"),
    }


def tree_commands(_: Path) -> dict[str, list[str]]:
    return {"sopsguard check --all": [OURS, "check", "--all"], **peers("tree")}


def house(path: Path) -> Path:
    """The infrastructure that the tests put faults into, with one text file staged."""
    sys.path.insert(0, str(ROOT))
    from tests.infrastructure.build import build_advised

    sops = peer("sops")
    built = build_advised(path, Path(sops[0]) if sops else None)
    built.repo.stage("notes/readme.txt", corpus.staged_text())
    return path


def house_commands(_: Path) -> dict[str, list[str]]:
    # Nothing of an earlier run is remembered: where no cache can be kept each run reads everything.
    cold = ["/usr/bin/env", "XDG_CACHE_HOME=/dev/null", OURS]
    return {
        "sopsguard check --all": [*cold, "check", "--all"],
        "sopsguard hook --only plaintext": [*cold, "hook", "--only", "plaintext"],
    }


def history_commands(path: Path) -> dict[str, list[str]]:
    root = corpus.git(path, "rev-list", "--max-parents=0", "HEAD")
    return {"sopsguard check --range": [OURS, "check", "--range", f"{root}..HEAD"], **peers("history")}


def files_commands(_: Path) -> dict[str, list[str]]:
    return {
        "sopsguard check --all": [OURS, "check", "--all"],
        "python -c pass": [sys.executable, "-c", "pass"],
    }


def rotation_commands(path: Path) -> dict[str, list[str]]:
    kept, thrown = path / ".git" / "kept", path / ".git" / "thrown"
    anew = f'rm -rf "{thrown}"; XDG_CACHE_HOME="{thrown}" exec "{OURS}" status'
    return {
        "sopsguard status, first": ["/bin/sh", "-c", anew],
        "sopsguard status, again": ["/bin/sh", "-c", f'XDG_CACHE_HOME="{kept}" exec "{OURS}" status'],
        "sopsguard check --all, again": [
            *("/bin/sh", "-c", f'XDG_CACHE_HOME="{kept}" exec "{OURS}" check --all'),
        ],
        "start-up (sopsguard --version)": [OURS, "--version"],
        "git rev-list": ["/bin/sh", "-c", "exec git rev-list --objects --all"],
    }


class Case(NamedTuple):
    title: str
    build: Callable[[Path], Path]
    commands: Callable[[Path], dict[str, list[str]]]
    rounds: int
    memory: int
    bounds: tuple[Bound, ...]


CASES = {
    "staged-text": Case(
        "One staged text file of 4 KB",
        lambda path: staged(path, "notes/readme.txt", corpus.staged_text()),
        staged_commands, 21, 60 * MB, (Bound("hook", 1.0, "betterleaks"), Bound("hook", 0.5, "gitleaks")),
    ),
    "staged-nix": Case(
        "One staged Nix file of 4 KB",
        lambda path: staged(path, "hosts/web/default.nix", corpus.staged_nix()),
        staged_commands, 21, 60 * MB, (),
    ),
    "tree": Case(
        "2,000 files, 50 MB",
        lambda path: corpus.repository(path, corpus.tree()),
        tree_commands, 5, 150 * MB,
        (Bound("check --all", 0.6, "kingfisher"), Bound("check --all", 0.35, "betterleaks")),
    ),
    "house": Case(
        "Four hosts and an admin: Nix, Kubernetes, seven SOPS files",
        house, house_commands, 21, 60 * MB,
        (Bound("check --all", 5.0, "sopsguard hook --only plaintext"),),
    ),
    "history": Case(
        "History of 330 commits", corpus.history, history_commands, 9, 150 * MB,
        (Bound("check --range", 0.6, "betterleaks"),),
    ),
    "dense": Case(
        "Keyword-dense history, 30 MB of patches",
        lambda path: corpus.history(path, commits=330, dense=True),
        history_commands, 5, 150 * MB, (Bound("check --range", 1.0, "betterleaks"),),
    ),
    "files": Case(
        "200 SOPS files of 25 values",
        lambda path: committed(corpus.repository(path, ciphertext.tree())),
        files_commands, 9, 150 * MB, (Bound("check --all", 40, "python"),),
    ),
    "rotation": Case(
        "2,000 commits on 40 SOPS files", ciphertext.history, rotation_commands, 5, 200 * MB,
        (
            Bound("status, first", 60, "git rev-list"),
            Bound("status, again", 1.0, "start-up", 1.0),
            Bound("check --all, again", 1.0, "start-up", 1.0),
        ),
    ),
}  # fmt: skip


def verdicts(case: Case, rows: Mapping[str, Row]) -> list[tuple[bool, str]]:
    """(kept, sentence) of every bound of the case; a peer's best engine counts."""
    told = []
    for bound in case.bounds:
        ours = rows[f"sopsguard {bound.ours}"].seconds
        rivals = {name: row.seconds for name, row in rows.items() if name.startswith(bound.other)}
        if not rivals:
            told.append((True, f"not compared: {bound.other} is not installed"))
            continue
        best = min(rivals, key=lambda name: rivals[name])
        ratio = ours / rivals[best]
        if bound.more:
            over = ours - bound.factor * rivals[best]
            told.append((over <= bound.more, f"{bound.ours}: {over:.2f} s over {best} (bound {bound.more})"))
        else:
            told.append((ratio <= bound.factor, f"{ratio:.2f} x {best} (bound {bound.factor})"))
    for name, row in rows.items():
        if name.startswith("sopsguard"):
            told.append(
                (row.memory <= case.memory, f"{name}: {row.memory // MB} MB (bound {case.memory // MB})")
            )
            told.append(
                (row.codes == (0,), f"{name}: exit code {', '.join(map(str, row.codes))} (expected 0)")
            )
    return told


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=0, help="runs of each command (default: by case)")
    parser.add_argument("--only", default=",".join(CASES), help="cases, separated by commas")
    options = parser.parse_args(arguments)
    missing = [name for name in ("gitleaks", "betterleaks", "kingfisher") if not peer(name)]
    if missing:
        print(f"not installed, so not compared: {', '.join(missing)} (tests/peers/install)")
    if peer("betterleaks"):
        print(
            "betterleaks: built with the upstream of its own fork of go-re2, which cannot be had everywhere;"
        )
        print("the same engine (RE2 in WebAssembly), not the same build. `stdlib` is exactly its own.")
    # What an installation has; an environment may forbid Python to write it by itself.
    compileall.compile_dir(ROOT / "sopsguard", quiet=1)
    good = True
    medians: dict[str, float] = {}
    base = Path(tempfile.mkdtemp(prefix="sopsguard-bench-"))
    try:
        for name in options.only.split(","):
            case = CASES[name]
            path = case.build(base / name)
            rows = interleaved(case.commands(path), path, options.rounds or case.rounds)
            first = next(iter(rows.values())).seconds
            medians[name] = first
            shutil.rmtree(path)
            table(
                case.title,
                ("command", "median ms", "fastest ms", "processor ms", "peak MB", "ours is"),
                [
                    (
                        tool,
                        *(f"{seconds * 1000:.0f}" for seconds in (r.seconds, r.fastest, r.processor)),
                        f"{r.memory / MB:.0f}",
                        f"{first / r.seconds:.2f} x",
                    )
                    for tool, r in rows.items()
                ],
            )
            told = verdicts(case, rows)
            if name == "staged-nix" and "staged-text" in medians:
                ratio = first / medians["staged-text"]
                told.insert(0, (ratio <= 1.4, f"{ratio:.2f} x the text file (bound 1.4)"))
            print()
            for kept, sentence in told:
                print(f"  {'kept' if kept else 'MISSED':6}  {sentence}")
                good = good and kept
    finally:
        shutil.rmtree(base, ignore_errors=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
