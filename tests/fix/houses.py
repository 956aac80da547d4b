"""Infrastructures to plan changes in, and what is asked of them afterwards."""

import os
import subprocess
from pathlib import Path

from sopsguard.document import Mapping
from sopsguard.sops.file import SopsFile, read
from sopsguard.sops.identity import Source, parse
from sopsguard.sops.opening import Opened, Reason, Refused, open_file
from tests.infrastructure.build import Infrastructure
from tests.sopsguard_command import Said, sopsguard


def keyed(place: Infrastructure, tmp_path: Path) -> Path:
    """A file with Ada's identity, as sops looks for it."""
    file = tmp_path / "ada.txt"
    file.write_text(place.ring.people["ada"].identity + "\n")
    return file


def run(place: Path, key: Path | None, *words: str, home: Path | None = None) -> Said:
    """`sopsguard WORDS` with an identity at hand."""
    env = {} if key is None else {"SOPS_AGE_KEY_FILE": str(key)}
    if home is not None:
        env["HOME"] = str(home)
    return sopsguard(place, *words, env=env)


def applied(place: Path, key: Path | None, *words: str) -> Said:
    """The same with everything agreed to, which must be carried out."""
    said = run(place, key, *words, "--apply", "--confirm", "access", "--confirm", "secrets")
    assert said.code == 0, said.out + said.err
    return said


def values(place: Path, path: str, identity: str) -> dict[str, str] | None:
    """The values of a file by their dotted keys; None where this identity opens nothing."""
    file = read((place / path).read_bytes(), path)
    assert isinstance(file, SopsFile)
    opened = open_file(file, parse(identity.encode(), Source("text", "the test")))
    if isinstance(opened, Refused):
        assert opened.reason is Reason.NO_KEY, opened
        return None
    assert isinstance(opened, Opened)
    assert all(isinstance(root, Mapping) for root in opened.roots)
    return {".".join(map(str, leaf.path)): str(leaf.value) for leaf in opened.leaves}


def contents(place: Path, path: str, identity: str) -> dict[str, str]:
    """The values of a file that this identity opens."""
    found = values(place, path, identity)
    assert found is not None, path
    return found


def decrypted(program: Path, place: Path, path: str, identity: str) -> str | None:
    """What real sops makes of a file with an identity; None where it has none that fits."""
    done = subprocess.run(
        [program, "decrypt", path],
        cwd=place,
        env={**os.environ, "SOPS_AGE_KEY": identity, "HOME": str(place)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    if done.returncode:
        assert b"recipient" in done.stderr or b"no identity" in done.stderr, done.stderr
        return None
    return done.stdout.decode()
