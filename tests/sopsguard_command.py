"""The command as users run it: a process of its own, in a repository."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple


class Said(NamedTuple):
    """What a run said."""

    code: int
    out: str
    err: str

    def json(self) -> dict[str, Any]:
        """The JSON report."""
        document: dict[str, Any] = json.loads(self.out)
        return document

    def rules(self) -> list[str]:
        """The rules of the findings in the JSON report."""
        return [f["rule"] for f in self.json()["findings"]]


def sopsguard(where: Path, *arguments: str, env: Mapping[str, str] | None = None) -> Said:
    """Run `sopsguard` in a folder."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "sopsguard", *arguments],
        cwd=where,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=120,
        check=False,
    )
    return Said(done.returncode, done.stdout.decode(), done.stderr.decode())
