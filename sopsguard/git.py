"""The only module that runs git: plumbing, object ids, raw bytes; never diff text, attributes, textconv."""

import os
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple, TypeVar, cast

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
    import hashlib

    from sopsguard.disk import Disk

_T = TypeVar("_T")

# 2.31 brought `rev-parse --path-format`, which older versions print back instead of obeying: so the
# version is checked without asking for it. Everything else that is used here is older.
MINIMUM = (2, 31)

# Settings of the user or of the repository that would start programs, use the network, or change what
# is listed. They follow git's own `-c` settings (GIT_CONFIG_PARAMETERS), so they win.
_SETTINGS = (
    "core.fsmonitor=false",
    "core.untrackedCache=false",
    "core.commitGraph=false",
    "core.hooksPath=/dev/null",
    "core.bigFileThreshold=16m",  # larger blobs are streamed by cat-file, not held in its memory
    "advice.graftFileDeprecated=false",
)

# Taken out of the environment: tracing would write contents where we do not control it, the others
# change the meaning of a command. GIT_DIR, GIT_INDEX_FILE, GIT_OBJECT_DIRECTORY, the alternates and
# the quarantine stay: they are how git tells a hook which index and objects are meant.
_UNWANTED = frozenset(
    {
        "GIT_DIFF_OPTS",
        "GIT_EXTERNAL_DIFF",
        "GIT_LITERAL_PATHSPECS",
        "GIT_GLOB_PATHSPECS",
        "GIT_NOGLOB_PATHSPECS",
        "GIT_ICASE_PATHSPECS",
        "GIT_REPLACE_REF_BASE",
        "GIT_ATTR_SOURCE",
        "GIT_REDIRECT_STDIN",
        "GIT_REDIRECT_STDOUT",
        "GIT_REDIRECT_STDERR",
        "GIT_PAGER",
        "GIT_FLUSH",
        "GIT_NAMESPACE",
    }
)
_WANTED = {
    "LC_ALL": "C",
    "LANGUAGE": "",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_GRAFT_FILE": "/dev/null",
    "GIT_TERMINAL_PROMPT": "0",
    # A missing object of a partial clone is not fetched: git before 2.44 does not know the first.
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none",
}

_MARK = "--sopsguard-mark"  # rev-parse prints options that it does not know

# Requests on the way to one cat-file: few enough to fit any pipe, so that writing never waits.
_AHEAD = 96

# After so many ends of git in one reading the rest is not tried: a lost disk must not cost an hour.
_FAILURES = 50

_SILENCE = 1000  # milliseconds without a word before git is told that there are no more questions
_LONGEST_LINE = 1 << 16  # an answer's first line repeats the question, which may hold a path

_EMPTY_TREE = {
    "sha1": "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    "sha256": "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
}

_DIFF = ("-r", "--raw", "-z", "--no-renames", "--no-relative", "--ignore-submodules=none", "--no-abbrev")

_SIGTERM = 15  # the module `signal` costs a millisecond to import


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
        self._git = ["git"]
        if directory is not None:
            self._git += ["-C", directory]
        self._git += ["--no-pager", "--no-replace-objects"]
        for setting in _SETTINGS:
            self._git += ["-c", setting]
        self._environment = {
            name: value
            for name, value in os.environ.items()
            if name not in _UNWANTED and not name.startswith(("GIT_TRACE", "GIT_TR2"))
        } | _WANTED
        self._idle: list[_Objects] = []
        self._diff: _Process | None = None
        self._asked: _Process | None = self._run(
            "rev-parse",
            *("--is-bare-repository", "--is-shallow-repository", "--show-object-format"),
            *("--path-format=absolute", "--git-dir", _MARK, "--git-common-dir", _MARK),
            *("--show-toplevel", _MARK, "--revs-only", "HEAD"),
        )

    # --- what it is ----------------------------------------------------------------------------------

    @cached_property
    def _facts(self) -> _Facts:
        process, self._asked = self._asked, None
        if process is None:
            raise UserError("git did not answer", "try again")
        said = process.read_all()
        code = process.finish()
        parts = said.split(b"\n%b\n" % _MARK.encode())
        head = parts[0].split(b"\n", 3)
        # A bare repository has no top level; that is the last thing asked, and git ends there.
        if len(head) < 4 or len(parts) < 3 or (code != 0 and len(parts) > 3):
            raise self._failure(process, "read the repository")
        if head[3].startswith(b"--path-format"):
            raise self._failure(process, "read the repository")
        git_dir, common_dir = head[3], parts[1]
        bare = head[0] == b"true"
        if len(parts) > 3:
            root: str | None = os.fsdecode(parts[2])
            tip = parts[3].strip().decode() or None
        else:
            root = None
            tip = self._maybe("rev-parse", "--verify", "--quiet", "HEAD").strip().decode() or None
        return _Facts(
            bare,
            head[1] == b"true",
            head[2].decode(),
            os.fsdecode(git_dir),
            os.fsdecode(common_dir),
            root,
            tip,
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
        path = self._environment.get("GIT_SHALLOW_FILE") or f"{self.common_dir}/shallow"
        try:
            with os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC), "rb") as f:
                return frozenset(f.read().decode("ascii", "replace").split())
        except OSError as e:
            raise UserError(f"cannot read {printable(path)} ({e.strerror})", "repair the clone") from None

    def config(self, key: str) -> str | None:
        """The value of one setting (the last one counts), or None."""
        process = self._run("config", "-z", "--get", key)
        said = process.read_all()
        code = process.finish()
        if code == 1:
            return None
        if code != 0:
            raise self._failure(process, f"read the setting {key}")
        return os.fsdecode(said.removesuffix(b"\0"))

    def refs(self, prefix: str = "refs/") -> dict[str, str]:
        """Every ref below `prefix` and the object (not always a commit) that it names."""
        said = self._output("for-each-ref", "--format=%(objectname) %(refname)", prefix)
        pairs = (line.split(b" ", 1) for line in said.splitlines())
        return {os.fsdecode(name): oid.decode() for oid, name in pairs}

    # --- revisions -----------------------------------------------------------------------------------

    def resolve(self, rev: str) -> str:
        """The id of the commit that `rev` means, tags followed. Raises `UserError`."""
        said = ""
        # What no argument can hold names nothing either.
        with suppress(ValueError, OSError):
            if rev:
                process = self._run("rev-parse", "--verify", "--quiet", "--end-of-options", rev + "^{commit}")
                said = process.read_all().strip().decode("ascii", "replace")
                said = said if process.finish() == 0 else ""
        if not _is_id(said):
            shallow = self.shallow  # if there is no repository at all, that is what this says
            hint = "`git log --all` shows what there is"
            if shallow:
                hint += "; this clone is shallow: fetch the whole history (git fetch --unshallow)"
            raise UserError(f"{printable(rev)} names no commit here", hint)
        return said

    def commits(self, base: str | Sequence[str] | None, tip: str | Sequence[str] | None) -> list[str]:
        """The commits of `base`..`tip`, parents first. Several bases or tips may be given; no base means
        from the beginning, no tip all that any ref or HEAD reaches."""
        process = self._run(*self._walk(base, tip))
        said = process.read_all()
        self._check(process, "list the commits")
        return said.decode("ascii").split()

    def merge_bases(self, one: str, other: str) -> list[str]:
        """The best common ancestors; none where the histories are unrelated."""
        return self._maybe("merge-base", "--all", *self._ids([one, other])).decode("ascii").split()

    def _ids(self, revs: str | Sequence[str] | None) -> list[str]:
        given = [] if revs is None else [revs] if isinstance(revs, str) else revs
        return [rev if _is_id(rev) else self.resolve(rev) for rev in given]

    def _walk(self, base: str | Sequence[str] | None, tip: str | Sequence[str] | None) -> list[str]:
        tips = self._ids(tip)
        if tip is None:
            tips = ["--all", *([self.head] if self.head else [])]
        return ["rev-list", "--topo-order", "--reverse", *tips, *(f"^{oid}" for oid in self._ids(base))]

    # --- snapshots -----------------------------------------------------------------------------------

    def index(self) -> Snapshot:
        """What the next commit would hold. Of a path in conflict our side counts, else theirs."""

        def entries() -> Iterator[Entry]:
            listed = self._output("ls-files", "-s", "-z", "--full-name", "--", ":/")
            sides: dict[str, list[tuple[int, Entry]]] = {}
            for line in listed.split(b"\0")[:-1]:
                stage, entry = _indexed(line)
                if stage:
                    sides.setdefault(entry.path, []).append((stage, entry))
                    continue
                yield from _preferred(sides)
                yield entry
            yield from _preferred(sides)

        return Snapshot(
            "the index", entries, self.pieces, lambda path: self._named((":0:", ":2:", ":3:", ":1:"), path)
        )

    def tree(self, rev: str) -> Snapshot:
        """What a commit holds."""
        commit = rev if _is_id(rev) else self.resolve(rev)

        def entries() -> Iterator[Entry]:
            listed = self._output("ls-tree", "-r", "-z", "--full-tree", commit)
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
            listed = self._output(
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
                    _, entry = _indexed(line[2:])
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
            self._diff = self._run("diff-index", "--cached", *_DIFF, "--ita-invisible-in-index", "HEAD", "--")
            self._idle.append(self._reader())

    def staged(self) -> list[Change]:
        """What the next commit changes against HEAD; before the first commit everything is added. The
        index is the one that git gave to this hook. A path in conflict comes once for each side."""
        self.begin()
        process, self._diff = self._diff, None
        if process is None:  # unreachable: begin() has started it
            raise UserError("git did not answer", "try again")
        said = process.read_all()
        code = process.finish()
        if self.bare:
            raise UserError("a bare repository has no index", "judge a revision: sopsguard check --rev HEAD")
        if code != 0:
            if self.head is not None:
                raise self._failure(process, "read the index")
            said = self._output(
                *("diff-index", "--cached", *_DIFF, "--ita-invisible-in-index", self.empty_tree, "--")
            )
        changes = []
        unmerged: dict[str, Entry | None] = {}
        for status, change in _raw(said):
            if status == b"U":
                unmerged[change.path] = change.old
            else:
                changes.append(change)
        if unmerged:
            changes = [change for change in changes if change.path not in unmerged]
            listed = self._output("ls-files", "-u", "-z", "--full-name", "--", ":/")
            for line in listed.split(b"\0")[:-1]:
                stage, entry = _indexed(line)
                old = unmerged.get(entry.path)
                if stage > 1 and entry != old:
                    changes.append(Change(entry.path, old, entry))
        return changes

    def changes_between(self, old: str | None, new: str) -> list[Change]:
        """What differs between two commits or trees; None is the empty tree."""
        before = self.empty_tree if old is None else self._ids([old])[0]
        said = self._output("diff-tree", *_DIFF, before, *self._ids([new]))
        return [change for _, change in _raw(said)]

    def range_changes(
        self, base: str | Sequence[str] | None, tip: str | Sequence[str] | None
    ) -> Iterator[Change]:
        """What each commit of `commits(base, tip)` changes: also what a later commit takes away again,
        and of a merge what none of its parents has (a resolution); its `old` is the first parent's.

        In a shallow clone the commits of `boundary` appear to add everything they hold.
        """
        commits = self._run(*self._walk(base, tip))
        # git's two halves talk to each other; the format only says how many parents a commit has.
        process = self._run("diff-tree", "--stdin", "-m", "--root", *_DIFF, "--format=%H %P", stdin=commits)
        try:
            yield from _by_commit(process.tokens())
            self._check(process, "compare the commits")
            self._check(commits, "list the commits")
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
        reader: _Objects | None = None
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
                    elif not _is_id(entry.oid):
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
                            reader.ask([e.oid for e in portion[number:] if _is_blob(e)])
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
        parsed = _lfs_pointer(pointer)
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
        for process in (self._asked, self._diff, *self._idle):
            if process is not None:
                process.stop()
        self._asked = self._diff = None
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

    def _reader(self) -> "_Objects":
        return self._idle.pop() if self._idle else _Objects(self._run("cat-file", "--batch", stdin=True))

    def _put_back(self, reader: "_Objects") -> None:
        if reader.open_questions or reader.broken or reader.hung_up:
            reader.stop()  # left in the middle of an answer
        else:
            self._idle.append(reader)

    def _run(self, *arguments: str, stdin: "_Process | bool" = False) -> "_Process":
        try:
            return _Process([*self._git, *arguments], self._environment, stdin)
        except FileNotFoundError:
            raise UserError(
                "git is not installed", f"install git {MINIMUM[0]}.{MINIMUM[1]} or newer"
            ) from None
        except PermissionError:
            raise UserError("git may not be run by this user", "look at the PATH") from None

    def _output(self, *arguments: str) -> bytes:
        process = self._run(*arguments)
        said = process.read_all()
        self._check(process, f"run {arguments[0]}")
        return said

    def _maybe(self, *arguments: str) -> bytes:
        """What a command says that answers no with exit code 1."""
        process = self._run(*arguments)
        said = process.read_all()
        if process.finish() not in (0, 1):
            raise self._failure(process, f"run {arguments[0]}")
        return said

    def _check(self, process: "_Process", doing: str) -> None:
        if process.finish() != 0:
            raise self._failure(process, doing)

    def _failure(self, process: "_Process", doing: str) -> UserError:
        """Why git failed, in its own first words, and what helps."""
        asked = _Process(["git", "version"], self._environment, False)
        version = asked.read_all().decode("utf-8", "replace").removeprefix("git version ").strip()
        asked.finish()
        major, _, minor = version.partition(".")
        minor = minor.partition(".")[0]
        if major.isdigit() and minor.isdigit() and (int(major), int(minor)) < MINIMUM:
            return UserError(
                f"git {printable(version)} is too old",
                f"sopsguard needs git {MINIMUM[0]}.{MINIMUM[1]} or newer",
            )
        first, advice = _why(process.complaint())
        if advice:
            hint = f"if you trust it: {advice}"
        elif "not a git repository" in first:
            hint = "run this inside a git repository"
        elif "index" in first:
            hint = "the index may be damaged: move .git/index away and run `git reset`"
        else:
            hint = "`git fsck` shows what is damaged"
        return UserError(f"git could not {doing}: {printable(first[:300])}", printable(hint))


class _Process:
    """One running git. `posix_spawn` instead of `subprocess`, whose import alone takes as long as git."""

    __slots__ = ("_at", "_buffer", "_code", "_errors", "_out", "pid", "stdin")

    def __init__(self, argv: list[str], environment: dict[str, str], stdin: "_Process | bool") -> None:
        self._code: int | None = None
        self._buffer, self._at = b"", 0
        self._errors = _scratch()
        self._out, theirs = _pipe()
        self.stdin = self.pid = -1
        close = [theirs]
        actions: list[tuple[object, ...]]
        if stdin is True:
            source, self.stdin = _pipe()
            close.append(source)
            actions = [(os.POSIX_SPAWN_DUP2, source, 0)]
        elif isinstance(stdin, _Process):
            actions = [(os.POSIX_SPAWN_DUP2, stdin._out, 0)]
        else:
            actions = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)]
        actions += [(os.POSIX_SPAWN_DUP2, theirs, 1), (os.POSIX_SPAWN_DUP2, self._errors, 2)]
        try:
            self.pid = os.posix_spawnp(argv[0], argv, environment, file_actions=actions)
        finally:
            for fd in close:
                os.close(fd)
        if isinstance(stdin, _Process):
            os.close(stdin._out)  # the other half reads it now
            stdin._out = -1

    def read(self, count: int) -> bytes:
        """The next `count` bytes; fewer where the output ends."""
        end = self._at + count
        data = self._buffer[self._at : end]
        self._at += len(data)
        if len(data) == count:
            return data
        parts = [data]
        missing = count - len(data)
        while missing and self._more():
            data = self._buffer[:missing]
            self._at = len(data)
            parts.append(data)
            missing -= len(data)
        return b"".join(parts)

    def read_all(self) -> bytes:
        """Everything to the end."""
        parts = [self._buffer[self._at :]]
        while self._more():
            parts.append(self._buffer)
        return b"".join(parts)

    def line(self) -> bytes:
        """The next line with its end; without one where the output ends or the line is absurdly long."""
        while (end := self._buffer.find(b"\n", self._at)) < 0:
            rest = self._buffer[self._at :]
            if len(rest) > _LONGEST_LINE or not self._more():
                self._buffer, self._at = b"", 0
                return rest
            self._buffer = rest + self._buffer
        line = self._buffer[self._at : end + 1]
        self._at = end + 1
        return line

    def tokens(self) -> Iterator[bytes]:
        """What is between the NUL bytes; a last one without NUL counts too."""
        rest = b""
        while self._more():
            *whole, rest = (rest + self._buffer).split(b"\0")
            yield from whole
        if rest:
            yield rest

    def _more(self) -> bool:
        """Replace the buffer, which is used up, by what git says next; False at the end."""
        if self.stdin >= 0 and not self._speaks():
            # Of a damaged object git announces more bytes than it sends, and then waits for the next
            # question while we wait for the rest (measured with 2.39). Told that there are no more
            # questions it answers the open ones, however slow the disk, and ends.
            os.close(self.stdin)
            self.stdin = -1
        self._buffer, self._at = os.read(self._out, 1 << 16), 0
        return bool(self._buffer)

    def _speaks(self) -> bool:
        from select import POLLIN, poll

        waiting = poll()
        waiting.register(self._out, POLLIN)
        return bool(waiting.poll(_SILENCE))

    def write(self, data: bytes) -> None:
        """Raises `BrokenPipeError` if git has ended."""
        if self.stdin < 0:
            raise BrokenPipeError
        view = memoryview(data)
        while view:
            view = view[os.write(self.stdin, view) :]

    def finish(self) -> int:
        """Wait for the end and return the exit code; a negative one is a signal."""
        if self._code is None:
            self._hang_up()
            try:
                self._code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
            except ChildProcessError:
                self._code = -1  # somebody else took it: then success is not certain
        return self._code

    def end(self) -> None:
        """End it, finished or not; what it has complained about stays."""
        if self._code is None and self.pid > 0:
            with suppress(ProcessLookupError):
                os.kill(self.pid, _SIGTERM)
            self.finish()

    def stop(self) -> None:
        """End it and forget it."""
        self.end()
        self._hang_up()
        if self._errors >= 0:
            os.close(self._errors)
            self._errors = -1

    def complaint(self) -> str:
        """What it wrote to standard error, the first 4 KiB."""
        if self._errors < 0:
            return ""
        return os.pread(self._errors, 4096, 0).decode("utf-8", "surrogateescape")

    def _hang_up(self) -> None:
        for fd in (self.stdin, self._out):
            if fd >= 0:
                os.close(fd)
        self.stdin = self._out = -1

    def __del__(self) -> None:
        if hasattr(self, "pid"):
            self.stop()


class _Objects:
    """One `cat-file --batch`: any number of objects, answered in the order they were asked for."""

    __slots__ = ("_hashed", "_process", "broken", "open_questions")

    def __init__(self, process: _Process) -> None:
        self._process = process
        self._hashed = 0
        self.broken = False  # in the middle of an answer: what follows means nothing
        self.open_questions = 0

    def stop(self) -> None:
        self._process.stop()

    @property
    def hung_up(self) -> bool:
        """Whether it takes no more questions."""
        return self._process.stdin < 0

    def ask(self, names: Sequence[str]) -> None:
        """Ask for objects, at most `_AHEAD`; the answers must be read in the same order."""
        self.open_questions += len(names)
        with suppress(BrokenPipeError):  # git has ended: there will be no answer, and that will be said
            self._process.write(os.fsencode("\n".join(names) + "\n"))

    def answer(self, entry: Entry) -> Iterator[Piece | Unreadable]:
        """The content of the blob whose turn it is, or why not."""
        try:
            oid, kind, size = self.header(entry.oid)
            if kind == "blob":
                yield from self.content(entry.path, oid, kind, size)
                return
            for _ in self.content(entry.path, oid, kind, size):
                pass
            yield Unreadable(entry.path, f"is a {kind} where a file should be", "a whole repository")
        except KeyError:
            reason = f"is missing from the object store ({entry.oid[:12]})"
            yield Unreadable(entry.path, reason, "the object: git fetch")
        except Unreadable as e:
            yield e

    def header(self, name: str) -> tuple[str, str, int]:
        """(id, type, size) of the object whose turn it is; `KeyError` if there is none."""
        line = self._process.line()
        words = line.split()
        if len(words) == 3 and words[2].isdigit() and line.endswith(b"\n"):
            oid = words[0].decode("latin-1")
            if _is_id(oid) and (oid == name or not _is_id(name)):
                return oid, words[1].decode("latin-1"), int(words[2])
        if line.endswith((b" missing\n", b" submodule\n", b" ambiguous\n")):
            self.open_questions -= 1
            raise KeyError(name)
        raise self._broke(name)

    def content(self, path: str, oid: str, kind: str, size: int) -> Iterator[Piece]:
        """What follows the header. The last piece comes only if all of it is what the id says."""
        digest = self._digest(oid, size)
        digest.update(b"%b %d\0" % (kind.encode("latin-1"), size))
        done = 0
        try:
            for piece in windows(self._process.read, size):
                digest.update(memoryview(piece.data)[done - piece.offset :])
                done = piece.offset + len(piece.data)
                if not piece.last:
                    yield piece
            if self._process.read(1) != b"\n":
                raise EOFError
        except EOFError:
            raise self._broke(path) from None
        self.open_questions -= 1
        if digest.hexdigest() != oid:
            raise Unreadable(
                path, f"is damaged: not what its object id says ({oid[:12]})", "a whole repository"
            )
        yield piece

    def _broke(self, path: str) -> Unreadable:
        self.broken = True
        self._process.end()
        said = printable(_why(self._process.complaint())[0][:300])
        return Unreadable(
            path, f"cannot be read: git says {said}", "a whole repository; `git fsck` says more"
        )

    def _digest(self, oid: str, size: int) -> "hashlib._Hash":
        self._hashed += size
        if len(oid) == 64:
            from hashlib import sha256

            return sha256(usedforsecurity=False)
        if self._hashed < 256 << 10:
            # Loading OpenSSL costs 4 ms, which pays from some hundred KiB on.
            try:
                from _sha1 import sha1 as small  # type: ignore[import-not-found] # no stub
            except ImportError:
                pass
            else:
                return cast("hashlib._Hash", small())
        from hashlib import sha1

        return sha1(usedforsecurity=False)


def _pipe() -> tuple[int, int]:
    """A pipe away from 0, 1 and 2, which are free if the caller closed them."""
    ends = os.pipe()
    if min(ends) > 2:
        return ends
    higher = _pipe()
    for fd in ends:
        os.close(fd)
    return higher


def _scratch() -> int:
    """A nameless file for standard error: unlike a pipe it never fills, so nothing waits for a reader."""
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("git-stderr")
        if fd > 2:
            return fd
        higher = _scratch()
        os.close(fd)
        return higher
    from tempfile import TemporaryFile

    with TemporaryFile() as f:
        return _above(f.fileno())


def _above(fd: int) -> int:
    """A copy of `fd` above 2, not inherited."""
    from fcntl import F_DUPFD_CLOEXEC, fcntl

    return fcntl(fd, F_DUPFD_CLOEXEC, 3)


def _why(complaint: str) -> tuple[str, str]:
    """The line of git's standard error that says why, and the command that git itself advises."""
    lines = [line for line in complaint.split("\n") if line.strip()]
    why = next((line for line in lines if line.startswith(("fatal: ", "error: "))), "")
    why = why or (lines[0] if lines else "nothing")
    advice = next((line.strip() for line in lines if line.lstrip().startswith("git config ")), "")
    return why.removeprefix("fatal: ").removeprefix("error: "), advice


def _is_id(text: str) -> bool:
    return len(text) in (40, 64) and not text.strip("0123456789abcdef")


def _is_blob(entry: Entry) -> bool:
    return entry.mode != SUBMODULE and _is_id(entry.oid)


def _portions(items: Iterable[_T]) -> Iterator[list[_T]]:
    source = iter(items)
    while portion := list(islice(source, _AHEAD)):
        yield portion


def _indexed(line: bytes) -> tuple[int, Entry]:
    """Stage and entry of one line of `ls-files -s`: mode, id and stage, a tab, the path."""
    about, _, path = line.partition(b"\t")
    mode, oid, stage = about.split(b" ")
    entry = Entry(os.fsdecode(path), int(mode, 8), oid.decode())
    if not entry.mode or not path:
        raise _damaged_index()
    return int(stage), entry


def _preferred(sides: dict[str, list[tuple[int, Entry]]]) -> Iterator[Entry]:
    """Of each path in conflict our side (stage 2), else theirs (3), else the common ancestor (1)."""
    for entries in sides.values():
        yield min(entries, key=lambda side: (2, 3, 1).index(side[0]))[1]
    sides.clear()


def _change(about: bytes, path: bytes, commit: str | None = None) -> tuple[bytes, Change]:
    """Status and change of one raw diff record (`git help diff-format`)."""
    old_mode, new_mode, old_oid, new_oid, status = about.lstrip(b"\n:").split(b" ")
    name = os.fsdecode(path)
    old = Entry(name, int(old_mode, 8), old_oid.decode()) if old_mode != b"000000" else None
    new = Entry(name, int(new_mode, 8), new_oid.decode()) if new_mode != b"000000" else None
    if not path or (old is None and new is None and status != b"U"):
        raise _damaged_index()
    return status, Change(name, old, new, commit)


def _damaged_index() -> UserError:
    # git does not check the checksum of its index: one that was cut short reads as entries of nothing
    # (measured with 2.39), and what was staged behind the cut would be missed in silence.
    return UserError("the index is damaged", "move .git/index away, run `git reset` and stage again")


def _raw(output: bytes) -> Iterator[tuple[bytes, Change]]:
    tokens = iter(output.split(b"\0")[:-1])
    return (_change(about, path) for about, path in zip(tokens, tokens, strict=True))


def _by_commit(tokens: Iterator[bytes]) -> Iterator[Change]:
    """Changes from `diff-tree --stdin -m --format=%H %P`: a merge comes once for each parent it differs
    from, and what it differs in from all of them is its own."""
    commit, parents = "", 1
    seen: dict[str, tuple[int, Change]] = {}
    for token in tokens:
        if not token.lstrip(b"\n").startswith(b":"):
            names = token.decode("ascii").split()
            if names and names[0] != commit:
                yield from (change for count, change in seen.values() if count == parents)
                seen.clear()
                commit, parents = names[0], max(1, len(names) - 1)
            continue
        _, change = _change(token, next(tokens), commit)
        if parents == 1:
            yield change
        else:
            count, first = seen.get(change.path, (0, change))
            seen[change.path] = (count + 1, first)
    yield from (change for count, change in seen.values() if count == parents)


def _lfs_pointer(data: bytes) -> tuple[str, int] | None:
    """(SHA-256, size) of a Git LFS pointer, at most 1024 bytes of `key value` lines."""
    if len(data) > 1024 or not data.startswith(b"version https://git-lfs.github.com/spec/"):
        return None
    fields = dict(line.split(b" ", 1) for line in data.splitlines() if b" " in line)
    kind, _, oid = fields.get(b"oid", b"").decode("latin-1").partition(":")
    size = fields.get(b"size", b"")
    if kind != "sha256" or len(oid) != 64 or not _is_id(oid) or not size.isdigit() or len(size) > 15:
        return None
    return oid, int(size)


def command(directory: str, *arguments: str) -> tuple[int, str]:
    """Run git as a user would, with hooks, in `directory`: exit code and all it said. For the demo only;
    nothing is judged through it."""
    import subprocess

    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(
        ["git", "-C", directory, *arguments],
        env=environment | {"LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    return done.returncode, done.stdout.decode("utf-8", "replace")
