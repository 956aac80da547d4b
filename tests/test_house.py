"""The house keeps its order: who may import whom, who may act on the world, what a hook may load."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conftest import ROOT, Peer

PACKAGE = ROOT / "sopsguard"

# Top-level modules and packages; each imports only from those before it.
HOUSE = (
    "model",
    "strict",
    "document",
    "keys",
    "sops",
    "structure",
    "nix",
    "scan",
    "inventory",
    "policy",
    "signatures",
    "snapshot",
    "disk",
    "git",
    "identities",
    "cache",
    "crew",
    "history",
    "rotation",
    "managed",
    "signed",
    "attest",
    "trust",
    "references",
    "access",
    "contents",
    "context",
    "checks",
    "judge",
    "fix",
    "hooks",
    "preflight",
    "pushed",
    "ci",
    "report",
    "demo",
    "cli",
    "__main__",
)

# What a module may not mention, with everything below it; `os.exec*` stands for its whole family.
SPAWNING = [
    "subprocess",
    "multiprocessing",
    "concurrent",
    "asyncio",
    "pty",
    "os.system",
    "os.popen",
    "os.fork*",
    "os.exec*",
    "os.spawn*",
    "os.posix_spawn*",
]
SPEAKING = [
    "print",
    "input",
    "logging",
    "sys.stdout",
    "sys.stderr",
    "sys.stdin",
    "sys.__stdout__",
    "sys.__stderr__",
]
EXITING = ["sys.exit", "os._exit", "os.abort", "exit", "quit", "SystemExit"]
ENVIRONMENT = [
    "os.environ",
    "os.environb",
    "os.getenv",
    "os.getenvb",
    "os.path.expanduser",
    "os.path.expandvars",
]
CLOCK = [
    "time.time",
    "time.time_ns",
    "time.localtime",
    "time.gmtime",
    "time.ctime",
    "time.strftime",
    "datetime.datetime.now",
    "datetime.datetime.utcnow",
    "datetime.datetime.today",
    "datetime.date.today",
]
WRITING = [
    "os.replace",
    "os.rename",
    "os.renames",
    "os.unlink",
    "os.remove",
    "os.rmdir",
    "os.mkdir",
    "os.makedirs",
    "os.chmod",
    "os.link",
    "os.symlink",
    "os.truncate",
    "shutil",
]
WRITING_METHODS = ["write_text", "write_bytes", "unlink", "mkdir", "symlink_to", "hardlink_to", "touch"]

# What no hook may load while it finds nothing: each costs more than scanning a file.
HEAVY = [
    "argparse",
    "asyncio",
    "click",
    "cryptography",
    "dataclasses",
    "email",
    "git",
    "hyperscan",
    "importlib.metadata",
    "inspect",
    "json",
    "jsonschema",
    "logging",
    "pathlib",
    "pyrage",
    "pysequoia",
    "re2",
    "rich",
    "ruamel",
    "tempfile",
    "tree_sitter",
    "tree_sitter_nix",
    "typing_extensions",
    "urllib.request",
    "yaml",
]


class Module(NamedTuple):
    name: str
    tree: ast.Module

    @property
    def unit(self) -> str:
        """The top-level module or package it belongs to; empty for the package itself."""
        return self.name.removeprefix("sopsguard").removeprefix(".").partition(".")[0]

    @property
    def is_check(self) -> bool:
        return any(
            isinstance(target, ast.Name) and target.id == "CHECK"
            for node in self.tree.body
            for target in (node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)])
        )


@cache
def modules() -> tuple[Module, ...]:
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found.append(Module(name, ast.parse(path.read_text(encoding="utf-8"))))
    return tuple(found)


def imports(module: Module) -> Iterator[tuple[str, str]]:
    """(module, name or "") of every import anywhere in `module`, also late and type-only ones."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module.name}:{node.lineno} imports relatively"
            yield from ((node.module or "", alias.name) for alias in node.names)


def imported_modules(module: Module) -> Iterator[str]:
    """The modules of ours that `module` imports, by full name."""
    known = {m.name for m in modules()}
    for source, name in imports(module):
        if source.partition(".")[0] == "sopsguard":
            full = f"{source}.{name}"
            yield full if full in known else source


@cache
def used(module: Module) -> frozenset[tuple[str, int]]:
    """(full dotted name, line) of everything that `module` mentions from outside: `os.environ`, `print`."""
    names: set[tuple[str, int]] = set()
    known: dict[str, str] = {}
    nodes = list(ast.walk(module.tree))
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                names.add((alias.name, node.lineno))
                top = alias.name.partition(".")[0]
                known[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                names.add((f"{node.module}.{alias.name}", node.lineno))
                known[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    for node in nodes:
        if isinstance(node, ast.Attribute | ast.Name):
            parts: list[str] = []
            inner: ast.expr = node
            while isinstance(inner, ast.Attribute):
                parts.append(inner.attr)
                inner = inner.value
            if isinstance(inner, ast.Name):
                names.add((".".join([known.get(inner.id, inner.id), *reversed(parts)]), node.lineno))
    return frozenset(names)


@cache
def _anything_in(roots: tuple[str, ...]) -> re.Pattern[str]:
    either = "|".join(re.escape(root).replace(r"\*", "[^.]*") for root in roots)
    return re.compile(f"({either})([.].*)?")


def below(name: str, roots: Iterable[str]) -> bool:
    """Whether `name` is one of `roots` or something in it."""
    return _anything_in(tuple(roots)).fullmatch(name) is not None


def offenders(names: Sequence[str], allowed: set[str]) -> list[str]:
    """Where modules outside `allowed` (modules, whole packages) mention one of `names` or something in it."""
    return sorted(
        f"{module.name}:{line} {name}"
        for module in modules()
        if not {module.name.removeprefix("sopsguard."), module.unit} & allowed
        for name, line in used(module)
        if below(name, names)
    )


def test_every_module_has_its_place_in_the_house() -> None:
    assert {m.unit for m in modules()} - {""} <= set(HOUSE)


def test_a_module_imports_only_from_those_above_it() -> None:
    place = {unit: number for number, unit in enumerate(HOUSE)}
    wrong = [
        f"{module.name} imports {name}"
        for module in modules()
        for name in imported_modules(module)
        if (unit := name.removeprefix("sopsguard").removeprefix(".").partition(".")[0])
        and place.get(unit, len(HOUSE)) > place.get(module.unit, -1)
    ]
    assert wrong == []


def test_modules_of_one_package_do_not_import_each_other_in_a_circle() -> None:
    """Counted are imports at module level: a late one cannot fail for want of order."""
    known = {m.name: m for m in modules()}

    def needs(module: Module) -> set[str]:
        top: list[ast.stmt] = [
            node for node in module.tree.body if isinstance(node, ast.Import | ast.ImportFrom)
        ]
        return set(imported_modules(Module(module.name, ast.Module(top, [])))) & set(known) - {module.name}

    state: dict[str, bool] = {}

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " → ".join((*path, name))
        if not state.get(name):
            for other in sorted(needs(known[name])):
                # Importing from the package one lives in is no circle by itself.
                if not name.startswith(f"{other}."):
                    visit(other, (*path, name))
            state[name] = True

    for name in known:
        visit(name, ())


def test_a_check_imports_no_other_check() -> None:
    checks = {m.name for m in modules() if m.unit == "checks" and m.is_check}
    assert [
        f"{m.name} imports {name}"
        for m in modules()
        if m.name in checks
        for name in imported_modules(m)
        if name in checks
    ] == []


def test_private_names_stay_in_their_module() -> None:
    assert [
        f"{module.name} imports {source}.{name}"
        for module in modules()
        for source, name in imports(module)
        if source.startswith("sopsguard") and name.startswith("_") and not name.startswith("__")
    ] == []


def test_only_git_starts_programs() -> None:
    # identities.py runs the key command that the user names, as sops does; signatures/gnupg.py runs gpg,
    # in a directory of its own, where pysequoia is missing.
    # crew.py forks this very program, which then only scans.
    # fix/program.py runs sops on ciphertext that we cannot write, in a private directory of its own.
    assert offenders(SPAWNING, {"git.process", "identities", "crew", "signatures.gnupg", "fix.program"}) == []


def test_only_the_command_line_speaks_and_exits() -> None:
    assert offenders(SPEAKING, {"cli"}) == []
    # A fork must not return into the code of its parent: it ends where its work does.
    assert offenders(EXITING, {"cli", "crew"}) == []


def test_only_the_command_line_reads_environment_and_clock() -> None:
    # git/process.py cleans the environment that it hands to git.
    assert offenders(ENVIRONMENT, {"cli", "git.process"}) == []
    assert offenders(CLOCK, {"cli"}) == []


def test_only_apply_writes_into_the_repository() -> None:
    # The cache lies in the user's; the demo's, gpg's and sops' in a throw-away directory; cli/outputs.py
    # writes the reports that a pipeline names, and refuses names inside the repository.
    allowed = {"fix.apply", "fix.program", "cache", "demo", "signatures.gnupg", "cli.outputs"}
    writes = [
        f"{module.name}:{node.lineno} {ast.unparse(node.func)}"
        for module in modules()
        if module.name.removeprefix("sopsguard.") not in allowed
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call)
        and (_opens_to_write(node) or getattr(node.func, "attr", "") in WRITING_METHODS)
    ]
    assert writes + offenders(WRITING, allowed) == []
    # Standard error of git goes into a nameless file, so that no full pipe stops it.
    assert offenders(["tempfile"], {*allowed, "git.process"}) == []


def _opens_to_write(call: ast.Call) -> bool:
    if not (getattr(call.func, "id", "") == "open" or getattr(call.func, "attr", "") in {"open", "fdopen"}):
        return False
    values = [*call.args, *(keyword.value for keyword in call.keywords if keyword.arg == "mode")]
    modes = [v.value for v in values if isinstance(v, ast.Constant) and isinstance(v.value, str)]
    return any(re.fullmatch("[rwaxbt+]{1,3}", mode) and re.search("[wax+]", mode) for mode in modes)


def test_every_module_says_what_it_answers_for() -> None:
    assert [m.name for m in modules() if m.tree.body and not ast.get_docstring(m.tree)] == []


def test_the_rules_above_catch_what_they_should() -> None:
    """A guard that never fires guards nothing."""
    source = """
import subprocess as s, os
from time import time
from os import execvp
os.environ['A']
s.run([])
print(1)
"""
    names = {name for name, _ in used(Module("sopsguard.x", ast.parse(source)))}
    assert {"subprocess.run", "time.time", "os.execvp", "os.environ", "print"} <= names
    assert below("os.execvp", SPAWNING)
    assert not below("os.executable", ["os.exec"])
    writes, reads = (ast.parse(code, mode="eval").body for code in ("open('a', mode='wb')", "open('a.w')"))
    assert isinstance(writes, ast.Call)
    assert _opens_to_write(writes)
    assert isinstance(reads, ast.Call)
    assert not _opens_to_write(reads)


def loaded(code: str, cwd: Path) -> set[str]:
    """Every module that Python imports for `code`, beyond what an empty program imports."""

    def run(code: str) -> set[str]:
        code = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{code}"
        done = subprocess.run(
            [sys.executable, "-X", "importtime", "-c", code],
            cwd=cwd, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr[-2000:]
        lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
        return {line.rpartition("|")[2].strip() for line in lines[1:]}

    return run(code) - run("pass")


def heavy(names: set[str]) -> set[str]:
    return {name for name in names if below(name, HEAVY)}


@pytest.fixture
def repository(tmp_path: Path, peer: Peer) -> Path:
    """A repository with a harmless text file and a harmless Nix file staged."""
    git = peer("git")
    subprocess.run([git, "init", "-q", "."], cwd=tmp_path, check=True)
    (tmp_path / "notes.txt").write_text("The quick brown fox jumps over the lazy dog.\n" * 90)
    nix = "{ config, ... }: { machine.passwordFile = config.sops.secrets.a.path; }\n"
    (tmp_path / "host.nix").write_text(nix)
    subprocess.run([git, "add", "."], cwd=tmp_path, check=True)
    return tmp_path


def test_importing_the_command_line_is_light(tmp_path: Path) -> None:
    assert heavy(loaded("import sopsguard.cli", tmp_path)) == set()


def test_a_hook_that_finds_nothing_loads_nothing_heavy(repository: Path) -> None:
    names = loaded("sys.argv = ['sopsguard', 'hook']\nfrom sopsguard.cli import main\nmain()", repository)
    assert "sopsguard.scan" in names  # it did its work
    assert heavy(names) == set()
