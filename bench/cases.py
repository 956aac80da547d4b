"""Recall and noise on the reference cases, per category, beside the installed peers.

    .venv/bin/python bench/cases.py [--misses]

Every case is a file of its own in one repository; each tool judges it once, as its users would. For
us recall counts findings of any level and noise counts errors; for a peer any finding counts as both.
A negative means that the *rule of its source* must not fire: another rule may rightly do so, and no
tool gets to zero. `--misses` lists what we miss and flag by row, source and rule, never by content.
The exit code is 1 when a bound is missed. The cases stand beside the checkout and are never copied.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import corpus
from measure import OURS, ROOT, peer, table

SHARED = ROOT.parent / "shared"
CORE = frozenset(
    {
        "age",
        "private_key",
        "wireguard",
        "aws",
        "github",
        "gitlab",
        "slack",
        "stripe",
        "openai",
        "anthropic",
        "jwt",
    }
    | {"cloudflare", "digitalocean", "tailscale"}
)
INDEPENDENT = frozenset({"kingfisher", "noseyparker", "titus", "trufflehog"})


class Case(NamedTuple):
    """One row that counts. `number` is its line in the file; `name` the name of the file it becomes."""

    number: int
    source: str
    rule: str
    category: str
    positive: bool
    name: str
    text: str

    @property
    def path(self) -> str:
        return f"case{self.number:05}/{self.name}"


class Found(NamedTuple):
    """Which cases a tool found at all, and for which it would stop a commit."""

    tool: str
    any: frozenset[int]
    errors: frozenset[int]


def cases(path: Path) -> list[Case]:
    """The rows that count: ours to find, and not empty."""
    found = []
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            row = json.loads(line)
            if row.get("ours", True) and row["text"]:
                name = Path(row.get("path") or "file.txt").name
                found.append(
                    Case(
                        number,
                        row["source"],
                        row["rule"],
                        row["category"],
                        row["should_match"],
                        name,
                        row["text"],
                    )
                )
    return found


def _numbers(paths: Iterable[str]) -> frozenset[int]:
    return frozenset(int(part[4:9]) for path in paths for part in path.split("/") if part.startswith("case"))


def _output(command: Sequence[str], cwd: Path, codes: Iterable[int] = (0,)) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode not in codes:
        raise SystemExit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stderr[-2000:]}")
    return done.stdout


def ours(repository: Path) -> Found:
    report = json.loads(
        _output([OURS, "check", "--all", "--only", "plaintext", "--format", "json"], repository, (0, 1))
    )
    findings = report["findings"]
    return Found(
        "sopsguard",
        _numbers(f["path"] for f in findings),
        _numbers(f["path"] for f in findings if f["level"] == "error"),
    )


def _leaks(program: str, repository: Path) -> frozenset[int]:
    command = [program, "dir", ".", "--no-banner", "--redact", "--exit-code", "0", "-l", "error"]
    report = _output([*command, "-f", "json", "-r", "-"], repository)
    return _numbers(finding["File"] for finding in json.loads(report or "[]"))


def _kingfisher(program: str, repository: Path) -> frozenset[int]:
    command = [
        program,
        "scan",
        ".",
        "--git-history",
        "none",
        "--no-validate",
        "--no-update-check",
        "--no-dedup",
    ]
    report = _output([*command, "--redact", "--quiet", "--format", "json"], repository, (0, 200))
    return _numbers(row["finding"]["path"] for row in json.loads(report)["findings"])


def peers(repository: Path) -> Iterator[Found]:
    """What each installed peer finds there."""
    for name, ask in (("gitleaks", _leaks), ("betterleaks", _leaks), ("kingfisher", _kingfisher)):
        if installed := peer(name):
            found = ask(installed[0], repository)
            yield Found(f"{name} {installed[1]}", found, found)


def share(part: Iterable[int], whole: Sequence[int]) -> float:
    """How much of `whole` is in `part`, in per cent."""
    wanted = set(part)
    return 100 * sum(number in wanted for number in whole) / len(whole) if whole else 100.0


def slices(rows: Sequence[Case]) -> dict[str, list[Case]]:
    """Pooled first, then every category."""
    core = [c for c in rows if c.category in CORE]
    cut = {
        "everything": list(rows),
        "core": core,
        "independent core": [c for c in core if c.source in INDEPENDENT],
        "independent": [c for c in rows if c.source in INDEPENDENT],
    }
    for category in sorted({c.category for c in rows}, key=lambda name: (name not in CORE, name)):
        cut[f"  {category}"] = [c for c in rows if c.category == category]
    return cut


def verdicts(cut: Mapping[str, Sequence[Case]], found: Found) -> list[tuple[bool, str]]:
    """(kept, sentence) of every bound."""

    def recall(name: str) -> float:
        return share(found.any, [c.number for c in cut[name] if c.positive])

    noise = share(found.errors, [c.number for c in cut["independent core"] if not c.positive])
    keys = [c.number for c in cut["everything"] if c.positive and c.category in {"age", "private_key"}]
    return [
        (recall("core") >= 95, f"core recall {recall('core'):.1f} % (bound 95)"),
        (recall("everything") >= 90, f"recall {recall('everything'):.1f} % (bound 90)"),
        (
            recall("independent core") >= 80,
            f"independent core recall {recall('independent core'):.1f} % (bound 80)",
        ),
        (noise <= 15, f"independent core negatives flagged {noise:.1f} % (bound 15)"),
        (
            share(found.any, keys) == 100,
            f"age and private keys {share(found.any, keys):.1f} % (bound: all; --misses)",
        ),
    ]


def realworld() -> list[tuple[bool, str]]:
    """Real repositories of ciphertext, public keys and configuration, each made a repository: no error."""
    told = []
    for source in sorted(p for p in (SHARED / "realworld").iterdir() if p.is_dir()):
        with tempfile.TemporaryDirectory(prefix="sopsguard-bench-") as base:
            files = (
                (str(p.relative_to(source)), p.read_bytes()) for p in sorted(source.rglob("*")) if p.is_file()
            )
            repository = corpus.repository(Path(base) / "r", files)
            command = [OURS, "check", "--all", "--only", "plaintext", "--format", "json"]
            findings = json.loads(_output(command, repository, (0, 1)))["findings"]
            errors = sum(f["level"] == "error" for f in findings)
            told.append(
                (errors == 0, f"{source.name}: {errors} errors, {len(findings) - errors} warnings (bound 0)")
            )
    return told


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--misses", action="store_true", help="list our misses and our noise by row")
    options = parser.parse_args(arguments)
    if not SHARED.is_dir():
        print("no reference cases beside the checkout (../shared): nothing to count")
        return 0
    rows = cases(SHARED / "cases" / "plaintext.jsonl")
    with tempfile.TemporaryDirectory(prefix="sopsguard-bench-") as base:
        repository = corpus.repository(Path(base) / "cases", ((c.path, c.text.encode()) for c in rows))
        mine = ours(repository)
        results = [mine, *peers(repository)]

    cut = slices(rows)
    table(
        "Recall on positives / noise on negatives, per cent",
        ("slice", "n+", "n-", *(r.tool for r in results)),
        [
            (name, str(len(yes)), str(len(no)), *(_cell(r, yes, no) for r in results))
            for name, chosen in cut.items()
            for yes in [[c.number for c in chosen if c.positive]]
            for no in [[c.number for c in chosen if not c.positive]]
        ],
    )
    told = verdicts(cut, mine) + realworld()
    print()
    for kept, sentence in told:
        print(f"  {'kept' if kept else 'MISSED':6}  {sentence}")
    if options.misses:
        for title, chosen in (
            ("Missed", [c for c in rows if c.positive and c.number not in mine.any]),
            ("Flagged", [c for c in rows if not c.positive and c.number in mine.errors]),
        ):
            table(
                title,
                ("row", "source", "category", "rule"),
                [(str(c.number), c.source, c.category, c.rule) for c in chosen],
            )
    return 0 if all(kept for kept, _ in told) else 1


def _cell(found: Found, yes: Sequence[int], no: Sequence[int]) -> str:
    recall = f"{share(found.any, yes):.0f}" if yes else "-"
    noise = f"{share(found.errors, no):.0f}" if no else "-"
    return f"{recall} / {noise}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
