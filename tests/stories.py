"""The life of one file in memory: versions made by a real sops or by hand, told to the judge as history."""

import hashlib
import os
import subprocess
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from sopsguard import checks
from sopsguard.cache import Cache
from sopsguard.contents import Content
from sopsguard.context import Context
from sopsguard.history import History
from sopsguard.hooks import Past
from sopsguard.judge import Verdict, judge
from sopsguard.managed import Managed
from sopsguard.snapshot import FILE, Change, Entry, Piece, Snapshot, Unreadable
from tests.throwaway import age_identity

TODAY = "2100-01-01"  # later than any clock that runs the tests
RULES = tuple(rule for rule, family in checks.RULES.items() if family in ("plaintext", "schema"))
Files = Mapping[str, bytes]


class RealSops:
    """One program, with a directory and throw-away keys. Each call gets bytes and returns bytes."""

    def __init__(self, program: Path, folder: Path) -> None:
        self.program, self.folder = program, folder
        keys = [age_identity() for _ in range(3)]
        self.recipients = [recipient for _, recipient in keys]
        (folder / "keys.txt").write_text("".join(f"{identity}\n" for identity, _ in keys))

    def __call__(self, data: bytes, *args: str, name: str = "s.yaml", editor: str = "true") -> bytes:
        """Run `sops ARGS FILE` (or with the file in place of `FILE`) and return what the file holds then."""
        path = self.folder / name
        path.write_bytes(data)
        words = [name if word == "FILE" else word for word in args]
        done = self._run(*words, *([] if "FILE" in args else [name]), editor=editor)
        assert done.returncode == 0, done.stderr.decode()
        return path.read_bytes()

    def encrypt(self, text: str, *options: str, name: str = "s.yaml") -> bytes:
        return self(text.encode(), "-e", "-i", "--age", self.recipients[0], *options, name=name)

    def set(self, data: bytes, path: str, value: str, name: str = "s.yaml") -> bytes:
        return self(data, "set", "FILE", path, value, name=name)

    def edit(self, data: bytes, script: str, *options: str, name: str = "s.yaml") -> bytes:
        """What an editor that runs this sed script leaves."""
        (self.folder / "script").write_text(script)
        editor = f"sed -i -f {self.folder / 'script'}"
        return self(data, *options, name=name, editor=editor)

    def rewrap(self, data: bytes, *recipients: str, name: str = "s.yaml") -> bytes:
        """`sops updatekeys` for other recipients."""
        config = self.folder / ".sops.yaml"
        config.write_text(f"creation_rules:\n  - age: {','.join(recipients)}\n")
        changed = self(data, "updatekeys", "-y", name=name)
        config.unlink()
        return changed

    def opens(self, data: bytes, name: str = "s.yaml") -> bool:
        (self.folder / name).write_bytes(data)
        return self._run("-d", name).returncode == 0

    def _run(self, *args: str, editor: str = "true") -> subprocess.CompletedProcess[bytes]:
        env = {**os.environ, "SOPS_AGE_KEY_FILE": str(self.folder / "keys.txt"), "EDITOR": editor}
        return subprocess.run(
            [self.program, *args],
            cwd=self.folder,
            env=env,
            stdin=subprocess.DEVNULL,  # it asks whether to edit again
            capture_output=True,
            timeout=60,
            check=False,
        )


def past(states: Iterable[Files], *, direct: bool = False, merging: bool = False, cut: bool = False) -> Past:
    """A history of these states, oldest first; with `cut` a shallow clone that begins with the first."""
    blobs: dict[str, bytes] = {}
    made: list[Change] = []
    before: Files = {}
    for number, files in enumerate(states):
        commit = f"{number:040x}"
        for path, data in files.items():
            if before.get(path) != data:
                made.append(Change(path, None, entry(path, data, blobs), commit))
        made += [Change(path, None, None, commit) for path in before if path not in files]
        before = files

    def changes(paths: Collection[str]) -> Iterator[Change]:
        return (change for change in made if change.path in paths)

    def pieces(entries: Iterable[Entry]) -> Iterator[tuple[Entry, Piece | Unreadable]]:
        for one in entries:
            data = blobs[one.oid]
            yield one, Piece(data, 0, 1, len(data), True)

    boundary = frozenset({f"{0:040x}"} if cut else ())
    return Past(changes, pieces, lambda: boundary, lambda: ["f" * 40] if merging else [], direct)


def entry(path: str, data: bytes, blobs: dict[str, bytes] | None = None) -> Entry:
    oid = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
    if blobs is not None:
        blobs[oid] = data
    return Entry(path, FILE, oid)


def staged(states: Sequence[Files], *, merging: bool = False, cut: bool = False) -> Verdict:
    """What the hook says when the last state is staged on top of the one before."""
    *known, now = states
    changed = frozenset(p for p in {*now, *known[-1]} if now.get(p) != known[-1].get(p))
    snapshot, before = Snapshot.of(now), Snapshot.of(known[-1])
    ctx = Context(
        snapshot,
        lambda: (c for c in _contents(snapshot) if c.change.path in changed),
        old=lambda: _contents(before),
        clock=lambda: TODAY,
        concerned=changed,
        before=Managed(before, changed),
        history=lambda: History(past(known, direct=True, merging=merging, cut=cut)),
    )
    return judge(ctx, RULES, only_new=True, whole=False)


def committed(states: Sequence[Files], *, cut: bool = False, cache: Cache | None = None) -> Verdict:
    """What `check --rev` says of the last state."""
    snapshot = Snapshot.of(states[-1])
    ctx = Context(
        snapshot,
        lambda: _contents(snapshot),
        clock=lambda: TODAY,
        history=lambda: History(past(states, cut=cut), cache),
    )
    return judge(ctx, RULES, only_new=False, whole=True)


def _contents(snapshot: Snapshot) -> Iterator[Content]:
    for one, piece in snapshot.pieces():
        yield Content(Change(one.path, None, one), piece)


def errors(verdict: Verdict) -> list[str]:
    """The rules that block."""
    return [finding.rule for finding in verdict.findings if finding.blocks]


By = Callable[[bytes], bytes]


def line(text: bytes, start: str) -> bytes:
    """The line that begins so, with its end."""
    return next(one for one in text.splitlines(keepends=True) if one.lstrip().startswith(start.encode()))


def without(start: str) -> By:
    return lambda data: data.replace(line(data, start), b"", 1)


def replaced(old: str, new: str) -> By:
    def replace(data: bytes) -> bytes:
        assert old.encode() in data, old
        return data.replace(old.encode(), new.encode(), 1)

    return replace


def swapped(one: str, other: str) -> By:
    """Two whole lines change places."""

    def swap(data: bytes) -> bytes:
        first, second = line(data, one), line(data, other)
        return data.replace(first, b"\0").replace(second, first).replace(b"\0", second)

    return swap


def value_of(data: bytes, start: str) -> bytes:
    """What stands behind the key (or dash) of a line."""
    return line(data, start).strip().removeprefix(start.encode()).strip()


def given(start: str, value: bytes) -> By:
    """The line keeps its beginning and gets another value."""

    def give(data: bytes) -> bytes:
        return data.replace(value_of(data, start), value, 1)

    return give


def judged_without_history(before: Files, now: Files) -> Verdict:
    """What is said where only the state before is known."""
    snapshot, old = Snapshot.of(now), Snapshot.of(before)
    ctx = Context(
        snapshot,
        lambda: _contents(snapshot),
        old=lambda: _contents(old),
        clock=lambda: TODAY,
        concerned=frozenset(now),
        before=Managed(old, frozenset(now)),
    )
    return judge(ctx, RULES, only_new=True, whole=False)
