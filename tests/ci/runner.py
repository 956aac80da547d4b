"""A runner of GitHub for tests: the `run:` steps of action.yml in bash, with their environment and files."""

import json
import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from tests.conftest import ROOT
from tests.gitrepo import Repo

ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())

# Makes a venv as the module does, but with the libraries of this test run, and a pip that only checks how it
# is called: tests have no network.
_PYTHON = """\
#!/bin/sh
case "$*" in
  *"-m venv"*)
    for tool; do :; done
    "{python}" -I -m venv --clear --without-pip "$tool"
    site=$("$tool/bin/python" -I -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    echo "{libraries}" > "$site/libraries.pth"
    mkdir "$site/pip"
    echo "import sys; assert {{'--require-hashes', '--no-deps'}} < set(sys.argv)" > "$site/pip/__main__.py"
    ;;
  *) exec "{python}" "$@" ;;
esac
"""


class Ran(NamedTuple):
    """What a step of the action came to."""

    code: int
    log: str
    outputs: dict[str, str]
    summary: str


class Runner:
    """One job: `temp` is RUNNER_TEMP, the checkout is the workspace."""

    def __init__(self, folder: Path, checkout: Repo) -> None:
        self.checkout = checkout
        self.temp = folder / "_temp"
        self.temp.mkdir(parents=True)
        self.python = folder / "python3"
        self.python.write_text(_PYTHON.format(python=sys.executable, libraries=sysconfig.get_path("purelib")))
        self.python.chmod(0o755)

    def run(
        self,
        name: str,
        event: object,
        inputs: Mapping[str, str] | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Ran:
        """All steps of the action for an event; the last one's result."""
        files = {key: self.temp / key.lower() for key in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        for file in files.values():
            file.write_text("")
        (self.temp / "event.json").write_text(json.dumps(event))
        given = {
            **os.environ,
            "GITHUB_ACTIONS": "true",
            "GITHUB_WORKSPACE": str(self.checkout.root),
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_EVENT_NAME": name,
            "GITHUB_EVENT_PATH": str(self.temp / "event.json"),
            "RUNNER_TEMP": str(self.temp),
            **{key: str(file) for key, file in files.items()},
            **(env or {}),
        }
        values = {key: entry["default"] for key, entry in ACTION["inputs"].items()}
        values |= {"python": str(self.python), **(inputs or {})}
        log, code = "", 0
        for number, step in enumerate(ACTION["runs"]["steps"]):
            script = self.temp / f"step{number}.sh"
            script.write_text(step["run"])
            assert step["shell"] == "bash"
            done = subprocess.run(
                ["bash", "--noprofile", "--norc", "-eo", "pipefail", script],
                cwd=self.checkout.root,
                env={**given, **{k: _filled(v, values) for k, v in step["env"].items()}},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=120,
                check=False,
            )
            log += done.stdout.decode("utf-8", "replace")
            code = done.returncode
            if code:
                break
        outputs = dict(line.split("=", 1) for line in files["GITHUB_OUTPUT"].read_text().splitlines())
        return Ran(code, log, outputs, files["GITHUB_STEP_SUMMARY"].read_text())


def _filled(text: str, inputs: Mapping[str, str]) -> str:
    return re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda m: inputs[m[1]], text)
