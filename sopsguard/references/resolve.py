"""From declarations of sops-nix to the files and keys they mean, for each host that takes them in.

Options are those of sops-nix (modules/sops/default.nix, modules/home-manager/sops.nix): `sopsFile`, `key`,
`format`, and the defaults of each. What one module leaves open another may set, so all declarations of a name
that a host takes in count together, and only what no possible reading resolves is wrong.
"""

import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice, product

from sopsguard.model import Location
from sopsguard.nix.stated import Default, Doubt, FileRef, NixFacts, Place, Secret
from sopsguard.nix.tree import Tree
from sopsguard.references.graph import Graph, Reach
from sopsguard.references.meaning import FORMATS, WHOLE, Contents, Fault, Leaf
from sopsguard.snapshot import SUBMODULE, SYMLINK, Entry
from sopsguard.sops.file import Broken, NotSops, SopsFile

# Readings of one declaration, and resolved declarations in a tree; both far above anything real.
_READINGS = 64
_RESOLVED = 30_000
# Folders of files that nobody takes in.
# fmt: off
_UNUSED = frozenset((
    "archive", "archived", "old", "disabled", "unused", "deprecated", "template", "templates", "example",
    "examples", "test", "tests", "attic",
))
# fmt: on
_PLAIN = ("", "config")
_HOST_NAME = "config.networking.hostName"


@dataclass(frozen=True, slots=True)
class Target:
    """One reading of a declaration: `key` in `file`, read as `format`; an empty key is the whole file."""

    file: str
    key: str
    format: str

    @property
    def is_whole(self) -> bool:
        return not self.key or self.format in WHOLE


@dataclass(frozen=True, slots=True)
class Failure:
    """No reading leads to a string: `fault` and `what` are those of the first reading (see `Nothing`)."""

    target: Target
    fault: str
    what: str
    others: tuple[str, ...] = ()  # further files that have it no more than the first


@dataclass(frozen=True, slots=True)
class Open:
    """It cannot be said what is meant: why, and what would be needed. `files` are those that it can only be
    about, None where it may be about any; `elsewhere`: about none of this repository."""

    reason: str
    needed: str
    files: tuple[str, ...] | None = None
    elsewhere: bool = False


Outcome = Target | Failure | Open

ABSENT = "absent"
NOT_ENCRYPTED = "not-encrypted"


@dataclass(frozen=True, slots=True)
class Reference:
    """A declaration as one host takes it; `host` is None where none is known to.

    `certain`: whenever that host is deployed, this secret is read; `conditional`: it is declared only if
    something holds. `home`: it is read by a user's key, not the host's.
    `leaf` are the keys of the leaf that is meant when `outcome` is a target.
    """

    where: Location
    name: str
    host: str | None
    certain: bool
    conditional: bool
    home: bool
    outcome: Outcome
    leaf: tuple[str, ...] = ()

    @property
    def written(self) -> str:
        """The declaration as one writes it."""
        return f'sops.secrets."{self.name}"'


@dataclass(frozen=True, slots=True)
class _Declared:
    path: str
    secret: Secret
    contexts: tuple[tuple[str, Reach], ...]


class References:
    """Every declaration of a tree, resolved. `entries` are its paths, `read` gives contents (None: not to be
    had), `tree` its Nix files."""

    def __init__(self, entries: Iterable[Entry], read: Callable[[str], bytes | None], tree: Tree) -> None:
        self._entries = {entry.path: entry for entry in entries}
        self._read = read
        self.tree = tree
        self._contents: dict[str, Contents | Open | None] = {}
        self._merged: dict[tuple[str, str | None, bool], tuple[_Declared, ...]] = {}
        self._filled: dict[str | None, dict[str | None, list[_Declared]]] = {}
        self._outcomes: dict[tuple[object, ...], tuple[Outcome, tuple[str, ...]]] = {}
        self._host_defaults: dict[tuple[str | None, bool], tuple[Default, ...]] = {}
        self._same_defaults: dict[tuple[int, ...], tuple[Default, ...]] = {}
        self.is_cut = False

    @cached_property
    def facts(self) -> Mapping[str, NixFacts]:
        """What the Nix files say; nothing where no file speaks of sops, so that nothing is parsed."""
        return self.tree.said if self.tree.mention_sops else {}

    @cached_property
    def graph(self) -> Graph:
        return Graph(self.facts, frozenset(self._entries))

    @cached_property
    def all(self) -> tuple[Reference, ...]:
        """The declarations in the order of the files, each once for every host that takes it in."""
        found: list[Reference] = []
        for declared in self._declared:
            contexts = declared.contexts or ((None, Reach(False, False)),)
            for host, reach in contexts:
                if len(found) >= _RESOLVED:
                    self.is_cut = True
                    return tuple(found)
                found.append(self._reference(declared, host, reach))
        return tuple(found)

    @cached_property
    def computed_sets(self) -> tuple[tuple[str, Doubt], ...]:
        """Where the names of many secrets at once are computed: the file, and what is said of it."""
        return tuple(
            (path, doubt)
            for path, facts in self.facts.items()
            for doubt in facts.doubts
            if doubt.reason.startswith(("the set of secrets", "the names are computed", "the set `sops"))
            and all(host.place != doubt.place for host in facts.hosts)
        )

    @property
    def sets_are_computed(self) -> bool:
        """Whether declarations may have been missed: computed, or in a file that does not parse."""
        return bool(self.computed_sets) or any(facts.errors for facts in self.facts.values())

    # declarations and their contexts

    @cached_property
    def _declared(self) -> tuple[_Declared, ...]:
        return tuple(
            _Declared(path, secret, self._contexts(path, secret.owner.host, secret.owner.user, secret.within))
            for path, facts in self.facts.items()
            if not facts.errors
            for secret in facts.secrets
        )

    def _contexts(
        self, path: str, host: str | None, user: str | None, within: str
    ) -> tuple[tuple[str, Reach], ...]:
        """The hosts to whose configuration a statement belongs."""
        if host is not None:
            return ((host, Reach(True, user is not None)),) if host in self.graph.hosts else ()
        if user is not None and within in (f"home-manager.users.{user}", f"config.home-manager.users.{user}"):
            return tuple((name, Reach(reach.certain, True)) for name, reach in self.graph.hosts_of(path))
        return self.graph.hosts_of(path) if within in _PLAIN else ()

    @cached_property
    def _by_name(self) -> Mapping[str | None, tuple[_Declared, ...]]:
        """The declarations by name; those whose name has holes under None."""
        found: dict[str | None, list[_Declared]] = {}
        for declared in self._declared:
            found.setdefault(declared.secret.name.static, []).append(declared)
        return {name: tuple(declared) for name, declared in found.items()}

    def _called(self, name: str, host: str | None) -> Iterator[_Declared]:
        """The declarations of that name, with what a host makes of names that have holes."""
        yield from self._by_name.get(name, ())
        if self._by_name.get(None):
            if host not in self._filled:
                values = self._values(host)
                filled: dict[str | None, list[_Declared]] = {}
                for declared in self._by_name[None] if values else ():
                    filled.setdefault(declared.secret.name.filled(values).static, []).append(declared)
                self._filled[host] = filled
            yield from self._filled[host].get(name, ())

    @cached_property
    def _defaults(self) -> tuple[tuple[Default, tuple[tuple[str, Reach], ...]], ...]:
        return tuple(
            (default, self._contexts(path, default.owner.host, default.owner.user, default.within))
            for path, facts in self.facts.items()
            for default in facts.defaults
        )

    @cached_property
    def _defaults_of(self) -> Mapping[tuple[str | None, bool], tuple[Default, ...]]:
        """The defaults by host and whether they are home-manager's; those without a host under None."""
        found: dict[tuple[str | None, bool], list[Default]] = {}
        for default, contexts in self._defaults:
            for host, reach in contexts or ((None, Reach(False, False)),):
                found.setdefault((host, reach.home), []).append(default)
        return {key: tuple(defaults) for key, defaults in found.items()}

    # one declaration

    def _reference(self, declared: _Declared, host: str | None, reach: Reach) -> Reference:
        secret = declared.secret
        values = self._values(host)
        name = secret.name.static
        if name is None and values:
            name = secret.name.filled(values).static
        where = _location(declared.path, secret.place, name or secret.name.pattern)
        certain = reach.certain and not secret.conditional and host is not None

        def said(outcome: Outcome, leaf: tuple[str, ...] = ()) -> Reference:
            shown = name if name is not None else secret.name.pattern
            return Reference(where, shown, host, certain, secret.conditional, reach.home, outcome, leaf)

        if name is None:
            about = self._files_of(secret, host, reach.home, values)
            return said(Open("its name is computed", "a name that is written out", about))
        together = self._together(name, host, reach.home)
        if any(other.secret.partial for other in together):
            return said(Open("its fields are computed by a function", "fields that are written out"))
        defaults = self._defaults_for(host, reach.home)
        alike = (name, id(together), id(defaults), values.get(_HOST_NAME))
        if alike not in self._outcomes:  # the same for most hosts
            self._outcomes[alike] = self._outcome(together, name, defaults, values)
        return said(*self._outcomes[alike])

    def _outcome(
        self,
        together: tuple[_Declared, ...],
        name: str,
        defaults: tuple[Default, ...],
        values: Mapping[str, str],
    ) -> tuple[Outcome, tuple[str, ...]]:
        """What declarations that are merged mean, and the leaf."""
        readings = self._readings(together, name, defaults, values)
        if isinstance(readings, Open):
            return readings, ()
        failures: list[Failure] = []
        undecided: Open | None = None
        for target in readings:
            meaning = self._meaning(target)
            if isinstance(meaning, Leaf):
                return target, meaning.path
            if isinstance(meaning, Open):
                undecided = undecided or meaning
            else:
                failures.append(meaning)
        if undecided is not None or not failures:
            return undecided or Open("it has too many readings", "one file and one key"), ()
        # What stands there and is no string says more than a file without it.
        failures.sort(key=lambda failure: failure.fault != Fault.NOT_A_STRING)
        others = dict.fromkeys(f.target.file for f in failures if f.target.file != failures[0].target.file)
        first = failures[0]
        return Failure(first.target, first.fault, first.what, tuple(others)), ()

    def _files_of(
        self, secret: Secret, host: str | None, home: bool, values: Mapping[str, str]
    ) -> tuple[str, ...] | None:
        """The files that a secret without a name can be in, None where that is open too."""
        defaults = [d.file for d in self._defaults_for(host, home) if d.file is not None]
        paths = self._paths(secret.files or defaults, values)
        return None if secret.partial or isinstance(paths, Open) or not paths else tuple(paths)

    def _values(self, host: str | None) -> Mapping[str, str]:
        """The holes of names that a host closes."""
        name = None if host is None else self.graph.names.get(host)
        return {} if name is None else {_HOST_NAME: name}

    def _together(self, name: str, host: str | None, home: bool) -> tuple[_Declared, ...]:
        """The declarations of a name that Nix may merge for a host, as far as they say where it is."""
        known = self._merged.get((name, host, home))
        if known is None:
            found = []
            for other in self._called(name, host):
                # Where it is not known on one side who takes it in, it may be merged.
                here = host is None or not other.contexts
                if here or any(where == host and reach.home == home for where, reach in other.contexts):
                    found.append(other)
            known = self._merged[name, host, home] = tuple(d for d in found if _says_where(d.secret))
        return known

    def _readings(
        self,
        together: tuple[_Declared, ...],
        name: str,
        defaults: tuple[Default, ...],
        values: Mapping[str, str],
    ) -> tuple[Target, ...] | Open:
        secrets = [declared.secret for declared in together]
        stated = [file for secret in secrets for file in secret.files]
        files = stated or [d.file for d in defaults if d.file is not None]
        if not files:
            return Open("no `sopsFile` and no `defaultSopsFile` is known for it", "a default in this tree")
        paths = self._paths(files, values)
        if isinstance(paths, Open):
            return paths
        keys = [s.key for s in secrets if s.key is not None] or [d.key for d in defaults if d.key is not None]
        formats = [s.format for s in secrets if s.format is not None]
        formats = formats or [d.format for d in defaults if d.format is not None]
        wanted = [key.filled(values).static for key in keys] or [name]
        kinds = [format.filled(values).static for format in formats] or ["yaml"]
        if None in wanted:
            return Open("its `key` is computed", "a key that is written out")
        if not all(kind in FORMATS for kind in kinds):
            return Open("its `format` is computed", "a format that is written out")
        combined = product(dict.fromkeys(paths), dict.fromkeys(wanted), dict.fromkeys(kinds))
        readings = islice(combined, _READINGS + 1)
        found = tuple(Target(file, key or "", kind or "") for file, key, kind in readings)
        return found if len(found) <= _READINGS else Open("it has too many readings", "one file and one key")

    def _defaults_for(self, host: str | None, home: bool) -> tuple[Default, ...]:
        """The defaults that may hold: those the host takes in, else every one of the tree. The same object
        for hosts that have the same."""
        known = self._host_defaults.get((host, home))
        if known is None:
            found: list[Default] = []
            for wanted in ("file", "key", "format"):
                own = [d for d in self._defaults_of.get((host, home), ()) if getattr(d, wanted) is not None]
                every = [d for d, _ in self._defaults if getattr(d, wanted) is not None]
                found += own if host is not None and own else every
            same = tuple(found)
            known = self._same_defaults.setdefault(tuple(map(id, same)), same)
            self._host_defaults[host, home] = known
        return known

    def _paths(self, files: Iterable[FileRef], values: Mapping[str, str]) -> list[str] | Open:
        found = []
        for file in files:
            path = file.located(values)
            if path is None and file.text.filled(values).static is not None:
                return Open("its file is not in this repository", "the other repository", (), elsewhere=True)
            if path is None:
                return Open("the path of its file is computed", "a path that is written out")
            found.append(path)
        return found

    # files

    def _meaning(self, target: Target) -> Leaf | Failure | Open:
        path = self._followed(target.file)
        if isinstance(path, Open):
            return path
        if path is None:
            return Failure(target, ABSENT, "")
        contents = self.contents(path)
        if isinstance(contents, Open):
            return contents
        if contents is None:
            return Failure(target, NOT_ENCRYPTED, "")
        meaning = contents.look(target.key, target.format)
        if isinstance(meaning, Leaf):
            return meaning
        if meaning.fault is Fault.UNDECIDED:
            return Open(meaning.what, "keys that are written out")
        return Failure(target, meaning.fault, meaning.what)

    def _followed(self, path: str) -> str | Open | None:
        """The path of the regular file that a path leads to; None where there is none."""
        for _ in range(8):
            entry = self._entries.get(path)
            if entry is None:
                return self._inside_of_another(path)
            if entry.mode != SYMLINK:
                return path
            target = self._read(path)
            if target is None:
                break
            link = target.decode("utf-8", "surrogateescape")
            path = posixpath.normpath(posixpath.join(posixpath.dirname(path), link))
            if link.startswith("/") or path.startswith("../"):
                break
        return Open("its file is a link that leads out of the repository", "the file itself")

    def _inside_of_another(self, path: str) -> Open | None:
        """A path below a submodule or a linked folder is not absent, only elsewhere."""
        folder = posixpath.dirname(path)
        while folder:
            entry = self._entries.get(folder)
            if entry is not None and entry.mode in (SYMLINK, SUBMODULE):
                what = "a submodule" if entry.mode == SUBMODULE else "a linked folder"
                return Open(f"its file lies in {what}", "the files of it")
            folder = posixpath.dirname(folder)
        return None

    def contents(self, path: str) -> Contents | Open | None:
        """The SOPS file at `path`; None where it is no SOPS file."""
        if path not in self._contents:
            self._contents[path] = self._opened(path)
        return self._contents[path]

    def _opened(self, path: str) -> Contents | Open | None:
        from sopsguard.sops.file import read

        data = self._read(path)
        if data is None:
            return Open("its file cannot be read", "a file of at most 16 MiB")
        if data.startswith(b"version https://git-lfs.github.com/spec/"):
            return Open("its file is kept by Git LFS", "`git lfs pull`")
        file = read(data, path)
        if isinstance(file, NotSops):
            return None
        if isinstance(file, Broken):
            return Open("its file is broken", "a file that sops can read")
        return Contents(file)

    def file(self, path: str) -> SopsFile | None:
        """The SOPS file that a target names, through links."""
        followed = self._followed(path)
        contents = self.contents(followed) if isinstance(followed, str) else None
        return contents.file if isinstance(contents, Contents) else None


def _says_where(secret: Secret) -> bool:
    return bool(secret.files or secret.key is not None or secret.format is not None or secret.partial)


def _location(path: str, place: Place, name: str) -> Location:
    width = place.end - place.start
    return Location(
        path,
        place.line,
        place.column,
        place.line,
        place.column + width,
        key=f"sops.secrets.{name}",
    )


def is_unused(path: str) -> bool:
    """Whether a file lies where people keep what no host takes in."""
    folders = path.lower().split("/")[:-1]
    return any(folder.startswith("_") or folder in _UNUSED for folder in folders)
