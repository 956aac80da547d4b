"""What every test shares: a clean environment, the real programs, the reference data, the markers.

Real programs come from the cache that `tests/peers/install` fills (`SOPSGUARD_PEERS`, or
`~/.cache/sopsguard-peers`), laid out as `PROGRAM-VERSION/bin/NAME`; without a wanted version also
from `PATH`. Where one is absent the test is skipped with the reason, but in CI, or with
`SOPSGUARD_REQUIRE_PEERS=1`, it fails: a green run there means that it ran.
"""

import os
import re
import shutil
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Protocol

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"

# Read before any test changes the environment: the cache belongs to the real user.
PEERS = Path(os.environ.get("SOPSGUARD_PEERS") or Path.home() / ".cache" / "sopsguard-peers")
IN_CI = os.environ.get("CI", "").lower() in {"true", "1"}
PEERS_REQUIRED = IN_CI or os.environ.get("SOPSGUARD_REQUIRE_PEERS") == "1"

# Whatever the caller's shell, CI or a surrounding git hook set must not decide a test.
FOREIGN = re.compile(
    r"(GIT|GITHUB|SOPS|SOPSGUARD|AGE|PRE_COMMIT|PREK|XDG|GNUPG|SSH|GPG|PYTEST_ADDOPTS)(_|$|HOME$).*"
    r"|PRE_COMMIT|CI|NO_COLOR|FORCE_COLOR|CLICOLOR(_FORCE)?|COLUMNS|LANG|LANGUAGE|LC_.*|TZ|EDITOR|VISUAL|PAGER"
)

# No deadline: the machine that runs the tests may be busy, and time has tests of its own.
settings.register_profile("sopsguard", deadline=None)
settings.load_profile("sopsguard")


class Peer(Protocol):
    """`peer(name, version=None)`: the path of a real program, or the test is skipped (CI: fails)."""

    def __call__(self, name: str, version: str | None = None) -> Path: ...


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="run the tests that take more than a few seconds")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if IN_CI or config.getoption("--slow"):
        return
    slow = pytest.mark.skip(reason="slow: runs in CI and with --slow")
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(slow)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Long texts are named by their parameter: a key made for this run must not name a test, or the
    workers of pytest-xdist disagree about which tests there are."""
    return argname if isinstance(val, str | bytes) and len(val) > 40 else None


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("peer"):
        for name in marker.args:
            _peer(name, marker.kwargs.get("version"))
    if item.get_closest_marker("shared"):
        _shared()


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text))


def _peer(name: str, version: str | None = None) -> Path:
    cached = {path.parts[-3].rpartition("-")[2]: path for path in PEERS.glob(f"*-*/bin/{name}")}
    if version is not None:
        found = cached.get(version)
    elif cached:
        found = cached[max(cached, key=_version)]
    else:
        # The programs that come from PyPI stand beside the interpreter that runs the tests.
        where = os.pathsep.join([str(Path(sys.prefix) / "bin"), os.environ.get("PATH", os.defpath)])
        which = shutil.which(name, path=where)
        found = Path(which) if which else None
    if found is not None:
        return found
    reason = f"{name}{f' {version}' if version else ''} is not installed: run tests/peers/install"
    if PEERS_REQUIRED:
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def _shared() -> Path:
    if not SHARED.is_dir():
        pytest.skip("the reference data do not stand beside the checkout (../shared)")
    return SHARED


@pytest.fixture(scope="session")
def peer() -> Peer:
    """Find a real program: `peer("sops", version="3.13.2")`, `peer("gpg")`."""
    return _peer


@pytest.fixture(scope="session")
def shared() -> Path:
    """The reference data beside the checkout, read-only."""
    return _shared()


@pytest.fixture(scope="session")
def _homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    base = tmp_path_factory.mktemp("homes")

    def homes() -> Iterator[Path]:
        for number in count():
            home = base / str(number)
            home.mkdir(mode=0o700)
            yield home

    return homes()


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, _homes: Iterator[Path]) -> Path:
    """An empty home with a git identity, and nothing inherited that changes what programs do.

    Returns the home directory. Short on purpose: the sockets of gpg-agent live below it.
    """
    for name in list(os.environ):
        if FOREIGN.fullmatch(name):
            monkeypatch.delenv(name)
    home = next(_homes)
    config = home / ".gitconfig"
    config.write_text(
        "[user]\n\tname = Test Person\n\temail = test@example.org\n"
        "[init]\n\tdefaultBranch = main\n[commit]\n\tgpgSign = false\n"
        "[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n[core]\n\tfsync = none\n"
        '[protocol "file"]\n\tallow = always\n[advice]\n\tdefaultBranchName = false\n'
    )
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_TERMINAL_PROMPT", "0")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("TZ", "UTC")
    return home
