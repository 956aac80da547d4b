"""A repository: what it is, its snapshots, its changes, its contents. Plumbing only."""

import os
from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from sopsguard.git.objects import AHEAD, Objects
from sopsguard.git.process import Git, Process
from sopsguard.git.records import (
    COMMIT_FORMAT,
    Commit,
    by_commit,
    commits,
    indexed,
    is_blob,
    is_id,
    lfs_pointer,
    preferred,
    raw_changes,
)
from sopsguard.model import UserError, printable
from sopsguard.snapshot import (
    LIMIT,
    SUBMODULE,
    Change,
    Entry,
    Piece,
    Snapshot,
    TooLarge,
    Unreadable,
    windows,
)

if TYPE_CHECKING:
    from sopsguard.disk import Disk

_T = TypeVar("_T")

_MARK = "--sopsguard-mark"  # rev-parse prints options that it does not know

_FEW_PATHS = 200

# After so many ends of git in one reading the rest is not tried: a lost disk must not cost an hour.
_FAILURES = 50

# Bytes that an entry of an index has at least, nearly: 62 and its path.
_INDEX_ENTRY = 72

_EMPTY_TREE = {
    "sha1": "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    "sha256": "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
}

_DIFF = ("-r", "--raw", "-z", "--no-renames", "--no-relative", "--ignore-submodules=none", "--no-abbrev")


def discover(directory: str | None = None) -> "Repository":
    """The repository around `directory` (default: where git's own variables say, else the working
    directory). Returns at once; git is already being asked. Raises `UserError` here where git is not
    installed, and at the first question where there is no repository, it may not be read or git is too old.
    """
    return Repository(directory)


class _Facts(NamedTuple):
    bare: bool
    shallow: bool
    object_format: str
    git_dir: str
    common_dir: str
    root: str | None
    head: str | None


class Repository:
    """One repository, asked through git. Object ids are full, in lower-case hexadecimal."""

    def __init__(self, directory: str | None = None) -> None:
        self._git = Git(directory)
        self._idle: list[Objects] = []
        self._owner = os.getpid()
        self._diff: Process | None = None
        self._error: UserError | None = None
        self._asked = self._git.run(
            "rev-parse",
            *("--is-bare-repository", "--is-shallow-repository", "--show-object-format"),
            *("--path-format=absolute", "--git-dir", _MARK, "--git-common-dir", _MARK),
            *("--show-toplevel", _MARK, "--revs-only", "HEAD"),
        )

    # --- what it is ----------------------------------------------------------------------------------

    @cached_property
    def _facts(self) -> _Facts:
        if self._error is None:
            try:
                return self._answer()
            except UserError as e:
                self._error = e
        raise self._error

    def _answer(self) -> _Facts:
        said = self._asked.read_all()
        code = self._asked.finish()
        parts = said.split(b"\n%b\n" % _MARK.encode())
        head = parts[0].split(b"\n", 3)
        # A bare repository has no top level: git ends there, and the last two answers are missing.
        whole = len(head) == 4 and (len(parts) == 4 if code == 0 else len(parts) == 3)
        if not whole or head[3].startswith(b"--path-format"):
            raise self._git.failure(self._asked, "read the repository")
        if code == 0:
            root, tip = os.fsdecode(parts[2]), parts[3]
        else:
            root, tip = None, self._git.output("rev-parse", "--verify", "--quiet", "HEAD", fine=(0, 1))
        return _Facts(
            bare=head[0] == b"true",
            shallow=head[1] == b"true",
            object_format=head[2].decode("ascii"),
            git_dir=os.fsdecode(head[3]),
            common_dir=os.fsdecode(parts[1]),
            root=root,
            head=tip.strip().decode("ascii") or None,
        )

    @property
    def root(self) -> str | None:
        """The top of the work tree, absolute; None in a bare repository and inside the git directory."""
        return self._facts.root

    @property
    def git_dir(self) -> str:
        """The git directory of this work tree, absolute."""
        return self._facts.git_dir

    @property
    def common_dir(self) -> str:
        """The git directory that all linked work trees share, absolute."""
        return self._facts.common_dir

    @property
    def object_format(self) -> str:
        """`sha1` or `sha256`."""
        return self._facts.object_format

    @property
    def bare(self) -> bool:
        """Whether there is no work tree and no index."""
        return self._facts.bare

    @property
    def shallow(self) -> bool:
        """Whether history is cut off somewhere (see `boundary`)."""
        return self._facts.shallow

    @property
    def head(self) -> str | None:
        """The commit that HEAD means, or None before the first commit."""
        return self._facts.head

    @property
    def empty_tree(self) -> str:
        """The id of the tree without entries."""
        return _EMPTY_TREE[self.object_format]

    def boundary(self) -> frozenset[str]:
        """The commits whose parents a shallow clone hides. A range that holds one of them is not whole."""
        if not self.shallow:
            return frozenset()
        path = self._git.environment.get("GIT_SHALLOW_FILE") or f"{self.common_dir}/shallow"
        try:
            with os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC), "rb") as f:
                return frozenset(f.read().decode("ascii", "replace").split())
        except OSError as e:
            raise UserError(f"cannot read {printable(path)} ({e.strerror})", "repair the clone") from None

    def config(self, key: str) -> str | None:
        """The value of one setting (the last one counts), or None."""
        process = self._git.run("config", "-z", "--get", key)
        said = process.read_all()
        code = process.finish()
        if code == 1:
            return None
        if code != 0:
            raise self._git.failure(process, f"read the setting {key}")
        return os.fsdecode(said.removesuffix(b"\0"))

    def hooks_folder(self) -> str:
        """Where git looks for hooks here, absolute: `core.hooksPath`, else the usual place."""
        process = self._git.run("config", "-z", "--type=path", "--get-all", "core.hooksPath")
        said = process.read_all()
        if process.finish() not in (0, 1):
            raise self._git.failure(process, "read the setting core.hooksPath")
        # The last one is our own, which keeps git from running hooks for us.
        found = said.split(b"\0")[:-2]
        base = self.root or self.git_dir
        named = os.fsdecode(found[-1]) if found else f"{self.common_dir}/hooks"
        return os.path.normpath(os.path.join(base, named))

    def refs(self, prefix: str = "refs/") -> dict[str, str]:
        """Every ref below `prefix` and the object (not always a commit) that it names."""
        said = self._git.output("for-each-ref", "--format=%(objectname) %(refname)", prefix)
        pairs = (line.split(b" ", 1) for line in said.splitlines())
        return {os.fsdecode(name): oid.decode() for oid, name in pairs}

    # --- revisions -----------------------------------------------------------------------------------

    def resolve(self, rev: str) -> str:
        """The id of the commit that `rev` means, tags followed. Raises `UserError`."""
        said = ""
        # What no argument can hold names nothing either.
        with suppress(ValueError, OSError):
            if rev:
                process = self._git.run(
                    "rev-parse", "--verify", "--quiet", "--end-of-options", rev + "^{commit}"
                )
                said = process.read_all().strip().decode("ascii", "replace")
                said = said if process.finish() == 0 else ""
        if not is_id(said):
            shallow = self.shallow  # if there is no repository at all, that is what this says
            hint = "`git log --all` shows what there is"
            if shallow:
                hint += "; this clone is shallow: fetch the whole history (git fetch --unshallow)"
            raise UserError(f"{printable(rev)} names no commit here", hint)
        return said

    def commits(self, base: str | Sequence[str] | None, tip: str | Sequence[str] | None) -> list[str]:
        """The commits of `base`..`tip`, parents first. Several bases or tips may be given; no base means
        from the beginning, no tip all that any ref or HEAD reaches."""
        process = self._git.run(*self._walk(base, tip))
        said = process.read_all()
        self._git.check(process, "list the commits")
        return said.decode("ascii").split()

    def parents(self, commit: str) -> list[str]:
        """The parents of a commit (an id), in their order."""
        said = self._git.output("rev-list", "--no-walk", "--parents", commit)
        return said.decode("ascii").split()[1:]

    def merge_bases(self, one: str, other: str) -> list[str]:
        """The best common ancestors; none where the histories are unrelated."""
        said = self._git.output("merge-base", "--all", *self._ids([one, other]), fine=(0, 1))
        return said.decode("ascii").split()

    def _ids(self, revs: str | Sequence[str] | None) -> list[str]:
        given = [] if revs is None else [revs] if isinstance(revs, str) else revs
        return [rev if is_id(rev) else self.resolve(rev) for rev in given]

    def _walk(self, base: str | Sequence[str] | None, tip: str | Sequence[str] | None) -> list[str]:
        tips = self._ids(tip)
        if tip is None:
            tips = ["--all", *([self.head] if self.head else [])]
        return ["rev-list", "--topo-order", "--reverse", *tips, *(f"^{oid}" for oid in self._ids(base))]

    # --- snapshots -----------------------------------------------------------------------------------

    def is_large(self, paths: int) -> bool:
        """Whether the index is of a size as if it held that many paths or more; a guess before git is asked.
        Without an index to look at nobody knows, and it counts as large."""
        try:
            return os.stat(f"{self.git_dir}/index").st_size >= paths * _INDEX_ENTRY
        except OSError:
            return True

    def index(self) -> Snapshot:
        """What the next commit would hold. Of a path in conflict our side counts, else theirs."""

        def entries() -> Iterator[Entry]:
            listed = self._git.output("ls-files", "-s", "-z", "--full-name", "--", ":/")
            sides: dict[str, list[tuple[int, Entry]]] = {}
            for line in listed.split(b"\0")[:-1]:
                stage, entry = indexed(line)
                if stage:
                    sides.setdefault(entry.path, []).append((stage, entry))
                    continue
                yield from preferred(sides)
                yield entry
            yield from preferred(sides)

        return Snapshot(
            "the index", entries, self.pieces, lambda path: self._named((":0:", ":2:", ":3:", ":1:"), path)
        )

    def tree(self, rev: str) -> Snapshot:
        """What a commit holds."""
        commit = rev if is_id(rev) else self.resolve(rev)

        def entries() -> Iterator[Entry]:
            listed = self._git.output("ls-tree", "-r", "-z", "--full-tree", commit)
            for line in listed.split(b"\0")[:-1]:
                about, _, path = line.partition(b"\t")
                mode, _, oid = about.split(b" ")
                yield Entry(os.fsdecode(path), int(mode, 8), oid.decode())

        return Snapshot(commit, entries, self.pieces, lambda path: self._named((f"{commit}:",), path))

    def worktree(self) -> Snapshot:
        """Tracked files as they are on disk, and untracked ones that are not ignored. Links are not
        followed; submodules and nested repositories are entries without content."""
        if self.root is None:
            raise UserError("there is no work tree here", "judge a revision: sopsguard check --rev HEAD")

        def entries() -> Iterator[Entry]:
            listed = self._git.output(
                *("ls-files", "-t", "-s", "-o", "-z", "--exclude-standard", "--full-name", "--", ":/")
            )
            found: dict[str, Entry] = {}
            disk = self._disk()
            for line in listed.split(b"\0")[:-1]:
                # "?" is untracked; what is tracked has its mode in front, so no name can be mistaken.
                if line.startswith(b"? "):
                    path = os.fsdecode(line[2:])
                    tracked = SUBMODULE if path.endswith("/") else 0
                    path = path.removesuffix("/")
                else:
                    _, entry = indexed(line[2:])
                    path, tracked = entry.path, entry.mode
                if path not in found and (there := disk.entry(path, tracked)) is not None:
                    found[path] = there
            disk.close()
            return iter(sorted(found.values(), key=lambda entry: os.fsencode(entry.path)))

        return Snapshot("the work tree", entries, self.pieces)

    # --- changes -------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Start what `staged` and the reading of its blobs will ask of git; returns at once."""
        if self._diff is None:
            self._diff = self._staged_against("HEAD")
            self._idle.append(self._reader())

    def _staged_against(self, tree: str) -> Process:
        return self._git.run("diff-index", "--cached", *_DIFF, "--ita-invisible-in-index", tree, "--")

    def staged(self) -> list[Change]:
        """What the next commit changes against HEAD; before the first commit everything is added. The
        index is the one that git gave to this hook. A path in conflict comes once for each side."""
        process = self._diff or self._staged_against("HEAD")
        self._diff = None
        said = process.read_all()
        if self.bare:
            raise UserError("a bare repository has no index", "judge a revision: sopsguard check --rev HEAD")
        if process.finish() != 0 and self.head is None:
            process = self._staged_against(self.empty_tree)
            said = process.read_all()
        self._git.check(process, "read the index")
        changes = []
        unmerged: dict[str, Entry | None] = {}
        for status, change in raw_changes(said):
            if status == b"U":
                unmerged[change.path] = change.old
            else:
                changes.append(change)
        if unmerged:
            changes = [change for change in changes if change.path not in unmerged]
            listed = self._git.output("ls-files", "-u", "-z", "--full-name", "--", ":/")
            for line in listed.split(b"\0")[:-1]:
                stage, entry = indexed(line)
                old = unmerged.get(entry.path)
                if stage > 1 and entry != old:
                    changes.append(Change(entry.path, old, entry))
        return changes

    def changes_between(self, old: str | None, new: str) -> list[Change]:
        """What differs between two commits or trees; None is the empty tree."""
        before = self.empty_tree if old is None else self._ids([old])[0]
        said = self._git.output("diff-tree", *_DIFF, before, *self._ids([new]))
        return [change for _, change in raw_changes(said)]

    def range_changes(
        self, base: str | Sequence[str] | None, tip: str | Sequence[str] | None
    ) -> Iterator[Change]:
        """What each commit of `commits(base, tip)` changes: also what a later commit takes away again,
        and of a merge what none of its parents has (a resolution); its `old` is the first parent's.

        In a shallow clone the commits of `boundary` appear to add everything they hold.
        """
        return self._changes(self._walk(base, tip))

    def path_history(self, tips: Sequence[str], paths: Collection[str]) -> Iterator[Change]:
        """The same for a few files from the beginning to all of `tips`: parents first, so that what comes
        first is older or stands on another branch. Without a tip nothing; renames are not followed."""
        if not tips or not paths:
            return
        # Asked for too many, git would spend its time on comparing names.
        few = [f":(top,literal){path}" for path in sorted(paths)] if len(paths) <= _FEW_PATHS else []
        wanted = frozenset(paths)
        for change in self._changes(self._walk(None, tips), few):
            if change.path in wanted:
                yield change

    def lineage(self, tips: Sequence[str] | None) -> Iterator[Commit]:
        """All commits that `tips` (None: any ref or HEAD) reach, parents first, each with its changes
        against the first parent. The commits of `boundary` come without parents, adding all they hold."""
        if tips is not None and not tips:
            return
        walk = self._git.run(*self._walk(None, tips))
        process = self._git.run(
            *("diff-tree", "--stdin", "-m", "--always", "--root", *_DIFF, COMMIT_FORMAT, "--"), stdin=walk
        )
        try:
            yield from commits(process.tokens())
            self._git.check(process, "compare the commits")
            self._git.check(walk, "list the commits")
        finally:
            process.stop()
            walk.stop()

    def under_way(self) -> list[str]:
        """The commits whose content a merge, cherry-pick or rebase is bringing in right now."""
        found = []
        for name in ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REBASE_HEAD"):
            try:
                with os.fdopen(os.open(f"{self.git_dir}/{name}", os.O_RDONLY | os.O_CLOEXEC), "rb") as f:
                    names = f.read(1 << 16).decode("ascii", "replace").split()
            except OSError:
                continue
            for oid in filter(is_id, names):
                with suppress(UserError):  # a name left behind by something that ended long ago
                    found.append(self.resolve(oid))
        return found

    def _changes(self, walk: Sequence[str], paths: Sequence[str] = ()) -> Iterator[Change]:
        """Git begins at once; the changes come when they are asked for."""
        commits = self._git.run(*walk)
        # git's two halves talk to each other; the format only says how many parents a commit has.
        process = self._git.run(
            "diff-tree", "--stdin", "-m", "--root", *_DIFF, "--format=%H %P", "--", *paths, stdin=commits
        )
        return self._told(commits, process)

    def _told(self, commits: Process, process: Process) -> Iterator[Change]:
        try:
            yield from by_commit(process.tokens())
            self._git.check(process, "compare the commits")
            self._git.check(commits, "list the commits")
        finally:
            process.stop()
            commits.stop()

    def messages(self, commits: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """The message of each commit or annotated tag as raw bytes, in whatever encoding it claims, and
        after it the text of every tag that was merged."""
        for oid, _, data in self.objects(commits):
            headers, _, message = data.partition(b"\n\n")
            yield oid, message
            # A `mergetag` header holds a whole tag, continuation lines indented by a space.
            for header in headers.replace(b"\n ", b"\0").split(b"\n"):
                if header.startswith(b"mergetag "):
                    yield oid, header.replace(b"\0", b"\n").partition(b"\n\n")[2]

    # --- contents ------------------------------------------------------------------------------------

    def objects(self, oids: Iterable[str]) -> Iterator[tuple[str, str, bytes]]:
        """(id, type, raw bytes) of each object, its id proved. Raises `UserError` where one is missing,
        damaged or above `LIMIT` bytes: history that cannot be read cannot be judged."""
        reader = self._reader()
        try:
            for names in _portions(oids):
                if reader.hung_up:
                    reader.stop()
                    reader = self._reader()
                reader.ask(names)
                for name in names:
                    oid, kind, size = reader.header(name)
                    if size > LIMIT:
                        raise TooLarge(oid, size)
                    data = b"".join(piece.data for piece in reader.content(name, oid, kind, size))
                    yield oid, kind, data
        except KeyError as e:
            raise UserError(
                f"the object {printable(str(e.args[0]))} is missing", "fetch it, or fetch the whole history"
            ) from None
        except Unreadable as e:
            raise UserError(
                f"the object {printable(e.path)} {e.reason}", f"needed: {e.needed}; `git fsck` says more"
            ) from None
        finally:
            self._put_back(reader)

    def pieces(self, entries: Iterable[Entry]) -> Generator[tuple[Entry, Piece | Unreadable], None, None]:
        """The content of each entry, in order: whole up to `LIMIT` bytes, else in windows. What cannot be
        read comes as `Unreadable`, if need be after some windows; nothing is left out in silence."""
        reader: Objects | None = None
        disk: Disk | None = None
        failures = 0
        try:
            for portion in _portions(entries):
                asked = False
                for number, entry in enumerate(portion):
                    if entry.mode == SUBMODULE:
                        reason = "is a submodule"
                        yield entry, Unreadable(entry.path, reason, "a check of that repository itself")
                    elif not entry.oid:
                        disk = disk or self._disk()
                        for content in disk.pieces(entry):
                            yield entry, content
                    elif not is_id(entry.oid):
                        yield entry, Unreadable(entry.path, "has no valid object id", "a whole repository")
                    elif failures > _FAILURES:
                        yield (
                            entry,
                            Unreadable(
                                entry.path, "was not asked for: git kept failing", "a whole repository"
                            ),
                        )
                    else:
                        reader = reader or self._reader()
                        if not asked:
                            reader.ask([e.oid for e in portion[number:] if is_blob(e)])
                            asked = True
                        for content in reader.answer(entry):
                            yield entry, content
                        if reader.broken:
                            # git ended over this object; the others have a right to be read.
                            reader.stop()
                            reader, asked = None, False
                            failures += 1
                if reader is not None and reader.hung_up:
                    reader.stop()
                    reader = None
        finally:
            if disk is not None:
                disk.close()
            if reader is not None:
                self._put_back(reader)

    def lfs(self, pointer: bytes) -> Iterator[Piece | Unreadable] | None:
        """The content behind a Git LFS pointer, from the local store, after its SHA-256 was proved; None
        if `pointer` is not one (specification: git-lfs docs/spec.md)."""
        parsed = lfs_pointer(pointer)
        return None if parsed is None else self._lfs_pieces(*parsed)

    def _lfs_pieces(self, oid: str, size: int) -> Iterator[Piece | Unreadable]:
        from hashlib import sha256

        path = f"lfs/objects/{oid[:2]}/{oid[2:4]}/{oid}"
        try:
            fd = os.open(
                f"{self.common_dir}/{path}",
                os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC,
            )
        except OSError:
            yield Unreadable(path, "is not in the local LFS store", "the object: git lfs fetch")
            return
        try:
            digest = sha256()
            while data := os.read(fd, 1 << 20):
                digest.update(data)
            if digest.hexdigest() != oid or os.fstat(fd).st_size != size:
                yield Unreadable(path, "is not what its name says", "the object: git lfs fetch")
                return
            os.lseek(fd, 0, os.SEEK_SET)
            yield from windows(lambda count: os.read(fd, count), size)
        except (EOFError, OSError):
            yield Unreadable(path, "could not be read", "the object: git lfs fetch")
        finally:
            os.close(fd)

    def close(self) -> None:
        """End what still runs."""
        if "_facts" not in self.__dict__ and self._error is None:
            self._error = UserError("the repository was closed", "open it again")
        for process in (self._asked, self._diff, *self._idle):
            if process is not None:
                process.stop()
        self._diff = None
        self._idle.clear()

    # --- how -----------------------------------------------------------------------------------------

    def _disk(self) -> "Disk":
        from sopsguard.disk import Disk

        if self.root is None:
            raise UserError("there is no work tree here", "judge a revision: sopsguard check --rev HEAD")
        try:
            return Disk(self.root)
        except OSError as e:
            why = os.strerror(e.errno or 0)
            raise UserError(f"cannot read {printable(self.root)} ({why})", "look at the work tree") from None

    def _named(self, prefixes: Sequence[str], path: str) -> bytes | None:
        """The file at one path of the index (by stages, the first that there is) or of a commit, or None."""
        if not path or "\0" in path or path.startswith(("./", "../")):
            return None  # no name in a repository
        reader = self._reader()
        found = None
        try:
            reader.ask([prefix + path for prefix in prefixes])
            for prefix in prefixes:
                with suppress(KeyError):
                    oid, kind, size = reader.header(prefix + path)
                    if size > LIMIT:
                        raise TooLarge(path, size)
                    data = b"".join(piece.data for piece in reader.content(path, oid, kind, size))
                    if found is None and kind == "blob":
                        found = data
        finally:
            self._put_back(reader)
        return found

    def _reader(self) -> Objects:
        if self._owner != os.getpid():  # a fork of ours: what runs belongs to the parent
            self._owner = os.getpid()
            for reader in self._idle:
                reader.forget()
            self._idle.clear()
        return self._idle.pop() if self._idle else Objects(self._git.run("cat-file", "--batch", stdin=True))

    def _put_back(self, reader: Objects) -> None:
        if reader.open_questions or reader.broken or reader.hung_up:
            reader.stop()  # left in the middle of an answer
        else:
            self._idle.append(reader)


def _portions(items: Iterable[_T]) -> Iterator[list[_T]]:
    source = iter(items)
    while portion := list(islice(source, AHEAD)):
        yield portion
