"""Makes SOPS files: with the real program where it is installed, else with the engine of sopsguard."""

import os
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from sopsguard.sops.config import parse
from sopsguard.sops.editor import encrypt
from sopsguard.sops.file import SopsFile, read
from sopsguard.sops.identity import Identities, Source
from sopsguard.sops.identity import parse as identities
from sopsguard.sops.opening import Opened, data_key, open_file
from sopsguard.sops.rules import Scope
from sopsguard.sops.wrapping import wrap

MODIFIED = "2026-01-02T03:04:05Z"


class Writer:
    """Encrypts in the work tree `root` as its `.sops.yaml` says; `identity` opens what is there."""

    def __init__(self, root: Path, program: Path | None, identity: str) -> None:
        self.root, self.program, self.identity = root, program, identity

    def at(self, root: Path) -> "Writer":
        """The same for another work tree."""
        return Writer(root, self.program, self.identity)

    def encrypt(self, path: str, plain: str) -> None:
        """Write `plain` encrypted, for those whom the creation rule names."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if self.program is not None:
            file.write_text(plain)
            self.sops("encrypt", "-i", path)
            return
        rule = parse((self.root / ".sops.yaml").read_bytes()).match(path).rule
        assert rule is not None, f"no rule for {path}"
        groups = [[key.text for key in group] for group in rule.groups]
        file.write_bytes(encrypt(plain.encode(), format_of(path), groups, MODIFIED, rule.scope))

    def encrypt_to(
        self, path: str, plain: str, groups: Sequence[Sequence[str]], scope: Scope | None = None
    ) -> None:
        """Write `plain` encrypted for these recipients, whatever the configuration says."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(encrypt(plain.encode(), format_of(path), groups, MODIFIED, scope))

    def rewrap(self, path: str, recipients: Iterable[str] | None = None) -> None:
        """What `sops updatekeys` does: the same data key wrapped for others, nothing else touched."""
        if recipients is None and self.program is not None:
            self.sops("updatekeys", "-y", path)
            return
        if recipients is None:
            rule = parse((self.root / ".sops.yaml").read_bytes()).match(path).rule
            assert rule is not None, f"no rule for {path}"
            recipients = [key.text for key in rule.keys]
        data = (self.root / path).read_bytes()
        file = read(data, path)
        assert isinstance(file, SopsFile)
        found = data_key(file, self.identities)
        assert isinstance(found, tuple), found
        (self.root / path).write_bytes(with_recipients(data.decode(), found[0], recipients).encode())

    @property
    def identities(self) -> Identities:
        """What opens the files."""
        return identities(self.identity.encode(), Source("text", "the test"))

    def opened(self, path: str) -> Opened:
        """The file in clear."""
        file = read((self.root / path).read_bytes(), path)
        assert isinstance(file, SopsFile)
        opened = open_file(file, self.identities)
        assert isinstance(opened, Opened), opened
        return opened

    def sops(self, *arguments: str, editor: str = "true") -> None:
        """Run the real program in the work tree; `editor` is what `sops edit` starts."""
        assert self.program is not None
        done = subprocess.run(
            [self.program, *arguments],
            cwd=self.root,
            env={**os.environ, "SOPS_AGE_KEY": self.identity, "EDITOR": editor},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"sops {arguments[0]}: {done.stderr.decode()}"


def format_of(path: str) -> str:
    """The store that sops takes by the name."""
    return {".yaml": "yaml", ".json": "json", ".env": "dotenv"}.get(Path(path).suffix, "binary")


def with_recipients(text: str, key: bytes, recipients: Iterable[str]) -> str:
    """The text of a YAML file whose data key is wrapped for these recipients and no others."""
    lines = text.splitlines(keepends=True)
    start = lines.index("    age:\n")
    end = next(n for n in range(start + 1, len(lines)) if not lines[n].startswith("     "))
    entries = []
    recipients = list(recipients)
    for recipient, enc in zip(recipients, wrap(key, [recipients])[0], strict=True):
        armored = "".join(f"            {line}\n" for line in enc.splitlines())
        entries.append(f"        - enc: |\n{armored}          recipient: {recipient}\n")
    return "".join([*lines[: start + 1], *entries, *lines[end:]])
