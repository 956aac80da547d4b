"""What users install is what stands in the checkout: every module, the schemas, the command, the hooks."""

import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path
from typing import Any

import pytest

import sopsguard
from tests.conftest import ROOT

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())


def files_of_the_checkout() -> set[str]:
    """Every file of ours that an installation must have, relative to the checkout."""
    code = set((ROOT / "sopsguard").rglob("*.py"))
    schemas = {ROOT / "sopsguard" / "schemas" / path.name for path in (ROOT / "schemas").glob("*.json")}
    return {path.relative_to(ROOT).as_posix() for path in code | schemas} | {"sopsguard/py.typed"}


def pinned(name: str) -> dict[str, str]:
    """Package → version of `requirements/NAME.txt`."""
    lines = (ROOT / "requirements" / f"{name}.txt").read_text().splitlines()
    pairs = (line.split(";")[0].rstrip(" \\").split("==") for line in lines if "==" in line.split("#")[0])
    return {package.strip(): version.strip() for package, version in pairs if not package.startswith(" ")}


def normal(requirement: str) -> str:
    """The name in a requirement, as indexes spell it."""
    name = requirement.partition(";")[0].split(">")[0].split("=")[0].strip()
    return name.lower().replace(".", "-").replace("_", "-")


def test_every_requirement_is_pinned_with_a_hash_and_names_no_index() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        text = path.read_text()
        entries = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
        assert entries
        assert all("==" in entry and entry.endswith("\\") for entry in entries)
        assert text.count("--hash=sha256:") >= len(entries)
        assert "http" not in text


def test_the_pinned_runtime_covers_what_the_project_asks_for() -> None:
    assert {normal(r) for r in PROJECT["project"]["dependencies"]} <= set(pinned("runtime"))


def test_runtime_and_development_pin_the_same_versions() -> None:
    runtime, dev = pinned("runtime"), pinned("dev")
    assert {name: dev[name] for name in runtime.keys() & dev.keys()} == {
        name: runtime[name] for name in runtime.keys() & dev.keys()
    }


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the sdist, and the wheel that is built from it."""
    base = tmp_path_factory.mktemp("build")
    source = base / "source"
    source.mkdir()
    # A copy: building leaves traces in the tree it builds.
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split("\0")  # fmt: skip
    for name in filter(None, listed):
        if (ROOT / name).is_file() or (ROOT / name).is_symlink():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, source / name, follow_symlinks=False)
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", base / "dist", source],
        check=True, capture_output=True,
    )  # fmt: skip
    return base / "dist"


@pytest.mark.slow
def test_sdist_and_wheel_hold_every_module_and_schema(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    (sdist,) = built.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as archive:
        in_wheel = set(archive.namelist())
    with tarfile.open(sdist) as archive_:
        in_sdist = {name.partition("/")[2] for name in archive_.getnames()}
    assert files_of_the_checkout() <= in_wheel
    assert files_of_the_checkout() <= in_sdist
    assert not [name for name in in_wheel if name.startswith(("tests", "bench"))]


@pytest.mark.slow
def test_the_installed_command_starts_and_is_this_version(built: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=False, system_site_packages=False)
    python = tmp_path / "venv" / "bin" / "python"
    site = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip
    (wheel,) = built.glob("*.whl")
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check", "install"]
    subprocess.run([*pip, "--no-deps", "--no-index", str(wheel)], check=True, capture_output=True)
    # Its dependencies are the ones that run this test.
    Path(site, "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    command = tmp_path / "venv" / "bin" / "sopsguard"
    done = subprocess.run([command, "--version"], check=True, capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.strip() == f"sopsguard {sopsguard.__version__}"
    where = "import sopsguard; print(sopsguard.__file__)"
    done = subprocess.run([python, "-c", where], check=True, capture_output=True, text=True, cwd=tmp_path)
    assert Path(done.stdout.strip()).is_relative_to(site)
