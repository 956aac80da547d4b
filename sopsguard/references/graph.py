"""Which host takes in which Nix file, by the imports that can be followed without evaluating."""

import posixpath
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from sopsguard.nix.stated import FileRef, Host, NixFacts

# Folders in which people keep one folder per host, and names in them that are none.
_PLACES = frozenset(("hosts", "machines", "systems", "nodes", "servers", "host", "machine", "configurations"))
# fmt: off
_NO_HOSTS = frozenset((
    "common", "shared", "default", "global", "modules", "profiles", "template", "templates", "iso", "base",
    "lib", "optional", "core", "features", "users", "secrets", "example", "minimal",
))
# fmt: on
_ENTRIES = ("default.nix", "configuration.nix", "config.nix")
_VISITS = 200_000


@dataclass(frozen=True, slots=True)
class Reach:
    """How a host takes in a file: `certain` on a way without conditions, `home` for home-manager."""

    certain: bool
    home: bool


@dataclass(frozen=True)
class Graph:
    """The hosts and what they import. `paths` are all paths of the tree."""

    facts: Mapping[str, NixFacts]
    paths: frozenset[str]
    is_cut: list[bool] = field(default_factory=list)

    @cached_property
    def hosts(self) -> Mapping[str, tuple[tuple[str, Reach], ...]]:
        """Each host with the files it begins with."""
        found: dict[str, dict[str, Reach]] = {}
        folders: list[str] = []
        computed = False
        for facts in self.facts.values():
            for host in facts.hosts:
                name = None if host.name is None else host.name.static
                if name is None:
                    computed = True
                    folder = None if host.folder is None else host.folder.path
                    folders += [] if folder is None else [folder]
                elif not host.is_image:
                    roots = found.setdefault(name, {})
                    for path, reach in self._roots(host):
                        roots[path] = _wider(roots.get(path), reach)
        for folder in folders:
            for name, path in self._entries_of(folder):
                found.setdefault(name, {}).setdefault(path, Reach(True, False))
        for name, roots in found.items():
            if not roots:
                roots.update((path, Reach(True, False)) for path in self._folder_of(name))
        if computed or not found:
            for name, path in self._by_convention():
                found.setdefault(name, {}).setdefault(path, Reach(True, False))
        return {name: tuple(roots.items()) for name, roots in sorted(found.items())}

    @cached_property
    def reached(self) -> Mapping[str, Mapping[str, Reach]]:
        """For each host the files it takes in."""
        visits = 0
        found: dict[str, Mapping[str, Reach]] = {}
        for name, roots in self.hosts.items():
            known: dict[str, Reach] = {}
            queue = deque(roots)
            while queue:
                visits += 1
                if visits > _VISITS:
                    self.is_cut.append(True)
                    break
                path, reach = queue.popleft()
                wider = _wider(known.get(path), reach)
                if wider == known.get(path):
                    continue
                known[path] = wider
                for target, certain, home in self._edges.get(path, ()):
                    queue.append((target, Reach(wider.certain and certain, wider.home or home)))
            found[name] = known
        return found

    @cached_property
    def _by_file(self) -> Mapping[str, tuple[tuple[str, Reach], ...]]:
        found: dict[str, list[tuple[str, Reach]]] = {}
        for name, known in self.reached.items():
            for path, reach in known.items():
                found.setdefault(path, []).append((name, reach))
        return {path: tuple(hosts) for path, hosts in found.items()}

    def hosts_of(self, path: str) -> tuple[tuple[str, Reach], ...]:
        """The hosts that take in the file; nothing where none is known to."""
        return self._by_file.get(path, ())

    @cached_property
    def names(self) -> Mapping[str, str]:
        """`networking.hostName` of the hosts that state one, and only one."""
        found = {}
        for host, known in self.reached.items():
            stated = {
                name.text.static
                for path in known
                for name in (self.facts[path].host_names if path in self.facts else ())
                if name.owner.host in (None, host)
            }
            only = stated.pop() if len(stated) == 1 else None
            if only:
                found[host] = only
        return found

    # from names to files

    def module(self, path: str | None) -> str | None:
        """The file that Nix reads for an imported path."""
        if path is None:
            return None
        if path in self.paths:
            return path if path.endswith(".nix") else None
        inside = f"{path}/default.nix"
        return inside if inside in self.paths else None

    @cached_property
    def _modules(self) -> Mapping[str, str]:
        """The flake's own modules by name; a name that stands for two files stands for none."""
        found: dict[str, set[str]] = {}
        for facts in self.facts.values():
            for module in facts.modules:
                name, path = module.name.static, self.module(module.file.path)
                if name is not None and path is not None:
                    found.setdefault(name, set()).add(path)
        return {name: next(iter(files)) for name, files in found.items() if len(files) == 1}

    def _roots(self, host: Host) -> Iterator[tuple[str, Reach]]:
        home = host.kind == "homeConfigurations"
        values = {} if host.name is None else {"name": host.name.pattern, "hostname": host.name.pattern}
        for file in host.files:
            path = self.module(file.located(values))
            if path is not None:
                yield path, Reach(not file.conditional, home)
        for module in host.modules:
            path = self._modules.get(module.static or "")
            if path is not None:
                yield path, Reach(True, home)

    @cached_property
    def _edges(self) -> Mapping[str, tuple[tuple[str, bool, bool], ...]]:
        """From each file to those it imports: the file, whether always, whether as a home-manager module."""
        found = {}
        for path, facts in self.facts.items():
            edges: list[tuple[str, bool, bool]] = []
            for item in facts.imports:
                edges += self._edge(self.module(item.file.path), item.option, item.file)
            for use in facts.module_uses:
                edges += self._edge(self._modules.get(use.name.static or ""), use.option, None)
            found[path] = tuple(edges)
        return found

    @staticmethod
    def _edge(target: str | None, option: str, file: FileRef | None) -> Iterable[tuple[str, bool, bool]]:
        names = option.removeprefix("config.").split(".")
        home = names[0] == "home-manager"
        if target is None or not (home or names == ["imports"]):
            return ()
        return ((target, file is None or not file.conditional, home),)

    # conventions

    @cached_property
    def _folders(self) -> Mapping[str, tuple[str, ...]]:
        """Folders with an entry file, by name."""
        found: dict[str, list[str]] = {}
        for path in sorted(self.paths):
            folder, name = posixpath.split(path)
            if name in _ENTRIES and folder:
                found.setdefault(posixpath.basename(folder), []).append(folder)
        return {name: tuple(dict.fromkeys(folders)) for name, folders in found.items()}

    def _entry(self, folder: str) -> str | None:
        return next((p for e in _ENTRIES if (p := f"{folder}/{e}") in self.paths), None)

    def _entries_of(self, folder: str) -> Iterator[tuple[str, str]]:
        """The hosts of a folder that holds one folder or file for each."""
        prefix = f"{folder}/"
        names = {path[len(prefix) :].partition("/")[0] for path in self.paths if path.startswith(prefix)}
        for name in sorted(names):
            path = self._entry(prefix + name) if not name.endswith(".nix") else prefix + name
            plain = name.removesuffix(".nix")
            if path is not None and path in self.paths and plain not in _NO_HOSTS:
                yield plain, path

    def _folder_of(self, name: str) -> Iterator[str]:
        """The entry of the one folder that is called like a host and stands where hosts do."""
        folders = [f for f in self._folders.get(name, ()) if not _PLACES.isdisjoint(f.split("/")[:-1])]
        if len(folders) == 1 and (entry := self._entry(folders[0])) is not None:
            yield entry

    def _by_convention(self) -> Iterator[tuple[str, str]]:
        for name, folders in self._folders.items():
            for folder in folders:
                parent = posixpath.basename(posixpath.dirname(folder))
                if parent in _PLACES and name not in _NO_HOSTS and (entry := self._entry(folder)) is not None:
                    yield name, entry


def _wider(known: Reach | None, other: Reach) -> Reach:
    """Both ways together: certain if either is, a home-manager module only if both say so."""
    if known is None:
        return other
    return Reach(known.certain or other.certain, known.home and other.home)
