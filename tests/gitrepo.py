"""Real git repositories for tests."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

# The dates are fixed so that object ids repeat.
IDENTITY = {
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
    "GIT_AUTHOR_DATE": "2026-01-02T03:04:05Z",
    "GIT_COMMITTER_DATE": "2026-01-02T03:04:05Z",
}


class Repo:
    """A repository in `root`. `git` runs a command there and returns its output."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def init(cls, root: Path, *, object_format: str = "sha1", bare: bool = False) -> "Repo":
        root.mkdir(parents=True, exist_ok=True)
        repo = cls(root)
        kind = ["--bare"] if bare else []
        repo.git("init", "-q", "-b", "main", f"--object-format={object_format}", *kind)
        return repo

    def git(
        self,
        *arguments: str | bytes,
        input: bytes | None = None,
        env: Mapping[str, str] | None = None,
        check: bool = True,
    ) -> str:
        """The output of `git *arguments`, without the last line end."""
        return (
            self.run(*arguments, input=input, env=env, check=check)
            .stdout.decode("utf-8", "surrogateescape")
            .removesuffix("\n")
        )

    def run(
        self,
        *arguments: str | bytes,
        input: bytes | None = None,
        env: Mapping[str, str] | None = None,
        check: bool = True,
    ) -> "subprocess.CompletedProcess[bytes]":
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.root,
            input=input,
            stdin=subprocess.DEVNULL if input is None else None,
            env={**os.environ, **IDENTITY, **(env or {})},
            capture_output=True,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"git {arguments!r}: {done.stderr.decode('utf-8', 'replace')}")
        return done

    def write(self, path: str | bytes, content: bytes | str = b"") -> Path:
        """Write a file, making its folders. Returns where."""
        full = self.root / os.fsdecode(path)
        full.parent.mkdir(parents=True, exist_ok=True)
        full.write_bytes(content.encode() if isinstance(content, str) else content)
        return full

    def add(self, *paths: str | bytes) -> None:
        """Stage these paths, or everything."""
        self.git("add", "-A", *(["--", *paths] if paths else []))

    def stage(self, path: str | bytes, content: bytes | str = b"") -> None:
        """Write and stage one file."""
        self.write(path, content)
        self.git("--literal-pathspecs", "add", "-f", "--", path)

    def commit(self, files: Mapping[str, bytes | str] | None = None, message: str = "change") -> str:
        """Write and stage these files, commit what is staged, and return the commit id."""
        for path, content in (files or {}).items():
            self.stage(path, content)
        self.git("commit", "-q", "--allow-empty", "--no-verify", "-m", message)
        return self.git("rev-parse", "HEAD")

    def blob(self, content: bytes) -> str:
        """Store a blob and return its id."""
        return self.git("hash-object", "-w", "--stdin", input=content)

    def index_entry(self, mode: str, oid: str, path: str | bytes) -> None:
        """Put an entry straight into the index, whatever the file system can hold."""
        line = f"{mode} {oid} 0\t".encode() + os.fsencode(path) + b"\0"
        self.git("update-index", "-z", "--index-info", input=line)

    def hook(self, name: str, script: str) -> None:
        """Install an executable hook."""
        path = Path(self.git("rev-parse", "--path-format=absolute", "--git-path", "hooks")) / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(script)
        path.chmod(0o755)

    def object_file(self, oid: str) -> Path:
        """Where a loose object lies."""
        folder = Path(self.git("rev-parse", "--path-format=absolute", "--git-path", "objects"))
        return folder / oid[:2] / oid[2:]
