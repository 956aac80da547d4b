"""Raw commit objects and what each changes against each of its parents, as the objects themselves name "
"them."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from sopsguard.git.objects import AHEAD, Objects
from sopsguard.git.process import Git
from sopsguard.git.records import raw_changes
from sopsguard.git.repository import Repository
from sopsguard.model import UserError, printable
from sopsguard.snapshot import Change, Entry, Unreadable

# What one diff-tree is asked at once: so little that any pipe holds it before anything is answered.
_ASKED = 15 << 10
# Names that one ls-tree is given; more are looked for in the whole tree.
_FEW = 100


class Commits:
    """The history of a repository below what git makes of it: replacements, grafts and caches do not "
    "count."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._git = Git(None)
        self._git.environment["GIT_DIR"] = repository.git_dir
        self._bases: dict[tuple[str, str], tuple[str, ...]] = {}

    def raw(self, oids: Iterable[str], most: int) -> Iterator[tuple[str, bytes | None]]:
        """The bytes of each commit, its id proved; None for one of more than `most` bytes.

        Raises `UserError` where one is missing or damaged.
        """
        reader = Objects(self._git.run("cat-file", "--batch", stdin=True))
        try:
            source = iter(oids)
            while names := list(islice(source, AHEAD)):
                if reader.hung_up:
                    reader.stop()
                    reader = Objects(self._git.run("cat-file", "--batch", stdin=True))
                reader.ask(names)
                for name in names:
                    yield name, _content(reader, name, most)
        finally:
            reader.stop()

    def changes(
        self, commits: Sequence[tuple[str, tuple[str, ...]]]
    ) -> Mapping[str, tuple[tuple[Change, ...], ...]]:
        """What each commit changes against each of the parents that are given for it, in their order; against
        nothing where it has none."""
        found: dict[tuple[str, str], list[Change]] = {}
        lines = [f"{oid} {parent}\n" for oid, parents in commits for parent in parents]
        lines += [f"{oid}\n" for oid, parents in commits if not parents]
        while lines:
            portion, size = [], 0
            while lines and size + len(lines[-1]) <= _ASKED:
                portion.append(lines.pop())
                size += len(portion[-1])
            self._differences(portion, found)
        return {
            oid: tuple(tuple(found.get((oid, parent), ())) for parent in parents or ("",))
            for oid, parents in commits
        }

    def _differences(self, lines: Sequence[str], found: dict[tuple[str, str], list[Change]]) -> None:
        # A commit followed by ids is compared with these as its parents, whatever it names itself.
        process = self._git.run(
            *("diff-tree", "--stdin", "-m", "--root", "-r", "--raw", "-z", "--no-renames", "--no-relative"),
            *("--ignore-submodules=none", "--no-abbrev", "--format=%H %P"),
            stdin=True,
        )
        try:
            process.write("".join(lines).encode())
            os.close(process.stdin)
            process.stdin = -1
            said = process.read_all()
            self._git.check(process, "compare the commits")
        finally:
            process.stop()
        tokens = iter(said.split(b"\0")[:-1])
        at: list[Change] = []
        for token in tokens:
            if token.lstrip(b"\n").startswith(b":"):
                path = next(tokens, None)
                if path is None:
                    raise UserError(
                        "git ended in the middle of an answer", "`git fsck` shows what is damaged"
                    )
                at += [change for _, change in raw_changes(b"\0".join((token, path, b"")))]
            elif token.strip():
                oid, _, parent = token.strip().decode("ascii").partition(" ")
                at = found.setdefault((oid, parent), [])

    def entries(self, commit: str, paths: Sequence[str]) -> Mapping[str, Entry]:
        """Those of `paths` that the commit holds."""
        few = list(paths) if len(paths) <= _FEW else []
        said = self._git.output(
            *("--literal-pathspecs", "ls-tree", "-r", "-z", "--full-tree", commit, "--", *few),
            doing="list a tree",
        )
        wanted = frozenset(paths)
        found = {}
        for line in said.split(b"\0")[:-1]:
            about, _, name = line.partition(b"\t")
            path = os.fsdecode(name)
            if path in wanted:
                mode, _, oid = about.split(b" ")
                found[path] = Entry(path, int(mode, 8), oid.decode())
        return found

    def base(self, one: str, other: str) -> str | None:
        """The merge base of two commits; None unless there is exactly one."""
        if (one, other) not in self._bases:
            self._bases[one, other] = tuple(self._repository.merge_bases(one, other))
        found = self._bases[one, other]
        return found[0] if len(found) == 1 else None


def _content(reader: Objects, name: str, most: int) -> bytes | None:
    try:
        oid, kind, size = reader.header(name)
        parts = []
        for piece in reader.content(name, oid, kind, size):
            if size <= most:
                parts.append(piece.data)
        if kind != "commit":
            raise UserError(f"{printable(name)} is a {printable(kind)}, no commit", "name a commit")
    except KeyError:
        raise UserError(f"the commit {printable(name)} is missing", "fetch the whole history") from None
    except Unreadable as e:
        raise UserError(
            f"the commit {printable(e.path)} {e.reason}", f"needed: {e.needed}; `git fsck` says more"
        ) from None
    return b"".join(parts) if size <= most else None
