"""References of Kubernetes manifests to encrypted Secrets, inside one kustomization, as far as static.

A Secret may come from anywhere in a cluster, so only two things are wrong for certain: a generator whose file
is not in the repository (`kustomize build` fails), and a key that an encrypted Secret of the same
kustomization has not (the container, or the release, does not start).
"""

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from fnmatch import fnmatchcase
from functools import cached_property
from typing import NamedTuple

from sopsguard.document import Item, Node, Scalar, Sequence, Unreadable
from sopsguard.document import Mapping as Branch
from sopsguard.model import Location
from sopsguard.snapshot import EXECUTABLE, FILE, SUBMODULE, SYMLINK, Entry

_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_POINTS = re.compile(rb"secretKeyRef|secretName|imagePullSecrets|valuesFrom")
_KIND = re.compile(rb"^\s*[\"']?kind[\"']?\s*:\s*[\"']?Secret\b", re.MULTILINE)
# With anything else in a kustomization, what comes out of it may differ from what goes in.
# fmt: off
_PLAIN = frozenset((
    "apiVersion", "kind", "metadata", "namespace", "resources", "bases", "labels", "commonLabels",
    "commonAnnotations", "secretGenerator", "configMapGenerator", "generatorOptions", "images", "replicas",
    "sortOptions", "buildMetadata",
))
# fmt: on
_SEALED = re.compile(r"[._-](?:enc|sops|encrypted|secret|age|gpg)\b")
_MAX_FILES = 3000
_MAX_SIZE = 1 << 20
_HOLES = ("${", "{{", "<%", "://")


class Absent(NamedTuple):
    """What a manifest refers to and what is not there: the `what` of a sentence, and what to do."""

    where: Location
    what: str
    hint: str


class _Secret(NamedTuple):
    path: str
    keys: frozenset[str]


class _Use(NamedTuple):
    name: str
    key: str
    node: Scalar


class Manifests:
    """The kustomizations of a tree. `read` gives contents, `is_encrypted` tells the SOPS files."""

    def __init__(
        self,
        entries: Iterable[Entry],
        read: Callable[[str], bytes | None],
        is_encrypted: Callable[[str], bool],
    ) -> None:
        self._entries = {entry.path: entry for entry in entries}
        self._read = read
        self._is_encrypted = is_encrypted
        self._documents: dict[str, tuple[Branch, ...]] = {}

    def absent(self) -> Iterator[Absent]:
        """What is missing, each place once."""
        said: set[tuple[Location, str]] = set()
        for path in sorted(self._entries):
            if path.rpartition("/")[2] not in _NAMES:
                continue
            for found in (*self._generated(path), *self._keys(path)):
                if (found.where, found.what) not in said:
                    said.add((found.where, found.what))
                    yield found

    # reading

    def _parsed(self, path: str) -> tuple[Branch, ...]:
        """The documents of a manifest; nothing where it is a template, or too much."""
        from sopsguard.document import read

        if path not in self._documents:
            self._documents[path] = ()
            entry = self._entries.get(path)
            plain = entry is not None and entry.mode in (FILE, EXECUTABLE)
            data = self._read(path) if plain and len(self._documents) < _MAX_FILES else None
            if data is not None and len(data) <= _MAX_SIZE:
                with suppress(Unreadable):
                    self._documents[path] = tuple(read(data, "yaml").roots)
        return self._documents[path]

    def _kustomization(self, path: str) -> Branch | None:
        roots = self._parsed(path)
        if len(roots) != 1 or (_text(roots[0].get("apiVersion")) or "").startswith("kustomize.toolkit"):
            return None
        return roots[0]

    # generators

    def _generated(self, path: str) -> Iterator[Absent]:
        root = self._kustomization(path)
        generators = None if root is None else root.get("secretGenerator")
        for generator in _branches(generators):
            name = _text(generator.get("name")) or "?"
            for field in ("envs", "files"):
                for node in _scalars(generator.get(field)):
                    yield from self._file(path, name, field, node)
            env = generator.get("env")
            if isinstance(env, Scalar):
                yield from self._file(path, name, "env", env)

    def _file(self, path: str, name: str, field: str, node: Scalar) -> Iterator[Absent]:
        text = node.value if isinstance(node.value, str) else ""
        if field == "files":
            text = text.rpartition("=")[2]
        if not text or text.startswith("/") or any(hole in text for hole in _HOLES):
            return
        file = posixpath.normpath(posixpath.join(posixpath.dirname(path), text))
        if file.startswith("../") or self._is_there(file) or self._is_made(file):
            return
        where = Location(path, node.line, node.column, key=f"secretGenerator.{name}.{text}")
        what = f"the generator of Secret {name} reads {file}, which is not in the repository; the build fails"
        yield Absent(where, what, "add the file (encrypted), or correct its name")

    def _is_there(self, file: str) -> bool:
        """Whether the path exists, or lies where this tree does not show it."""
        if file in self._folders or file in self._entries:
            return True
        folder = posixpath.dirname(file)
        while folder:
            entry = self._entries.get(folder)
            if entry is not None and entry.mode in (SYMLINK, SUBMODULE):
                return True
            folder = posixpath.dirname(folder)
        return False

    def _is_made(self, file: str) -> bool:
        """Whether the file is made on the spot: an encrypted twin lies beside it, or git ignores it."""
        folder, _, name = file.rpartition("/")
        stem = name.partition(".")[0]
        beside = self._beside.get(folder, ())
        if any(other.partition(".")[0] == stem and _SEALED.search(other) for other in beside):
            return True
        return any(
            fnmatchcase(name, pattern) or fnmatchcase(file, pattern) or file.endswith(f"/{pattern}")
            for pattern in self._ignored
        )

    @cached_property
    def _folders(self) -> frozenset[str]:
        found: set[str] = set()
        for path in self._entries:
            folder = posixpath.dirname(path)
            while folder and folder not in found:
                found.add(folder)
                folder = posixpath.dirname(folder)
        return frozenset(found)

    @cached_property
    def _beside(self) -> Mapping[str, tuple[str, ...]]:
        found: dict[str, list[str]] = {}
        for path in self._entries:
            folder, _, name = path.rpartition("/")
            found.setdefault(folder, []).append(name)
        return {folder: tuple(names) for folder, names in found.items()}

    @cached_property
    def _ignored(self) -> tuple[str, ...]:
        """The patterns of all `.gitignore` files, whatever their folder: too many is no harm here."""
        found = []
        for path in self._entries:
            if path.rpartition("/")[2] == ".gitignore":
                text = (self._read(path) or b"")[:100_000].decode("utf-8", "replace")
                found += [line.strip().strip("/") for line in text.splitlines()[:1000]]
        return tuple(line for line in found if line and line[0] not in "#!")

    # keys

    def _keys(self, path: str) -> Iterator[Absent]:
        closure = self._closure(path)
        if closure is None:
            return
        namespace, manifests = closure
        secrets: dict[tuple[str, str], list[_Secret]] = {}
        users: list[tuple[str, str, Branch]] = []
        for manifest in manifests:
            data = self._read(manifest) or b""
            is_secret = bool(_KIND.search(data)) and self._is_encrypted(manifest)
            if not is_secret and not _POINTS.search(data):
                continue
            for root in self._parsed(manifest):
                metadata = root.get("metadata")
                meta = metadata if isinstance(metadata, Branch) else Branch()
                where = namespace or _text(meta.get("namespace")) or ""
                name = _text(meta.get("name"))
                if _text(root.get("kind")) == "Secret":
                    if is_secret and name is not None:
                        secret = _Secret(manifest, _keys_of(root))
                        secrets.setdefault((where, name), []).append(secret)
                else:
                    users.append((manifest, where, root))
        for manifest, where, root in users if secrets else ():
            for use in _uses(root):
                found = secrets.get((where, use.name), ())
                if len(found) == 1 and use.key not in found[0].keys:
                    place = Location(manifest, use.node.line, use.node.column, key=f"{use.name}.{use.key}")
                    what = (
                        f"Secret {use.name} has no {use.key} in {found[0].path}; what needs it does not start"
                    )
                    yield Absent(place, what, "add the key to the Secret, or correct the name")

    def _closure(self, path: str) -> tuple[str, tuple[str, ...]] | None:
        """The namespace of a kustomization and the manifests it takes in; None where it changes them."""
        found: list[str] = []
        namespace = ""
        seen = {path}
        queue = [path]
        while queue:
            current = queue.pop()
            root = self._kustomization(current)
            if root is None or any(item.name not in _PLAIN for item in root.entries()):
                return None
            own = _text(root.get("namespace")) or ""
            if current == path:
                namespace = own
            elif own and not namespace:
                return None  # a part with a namespace of its own
            if any(_text(g.get("behavior")) for g in _branches(root.get("secretGenerator"))):
                return None
            folder = posixpath.dirname(current)
            for field in ("resources", "bases"):
                for node in _scalars(root.get(field)):
                    text = node.value if isinstance(node.value, str) else ""
                    target = posixpath.normpath(posixpath.join(folder, text))
                    if target in self._entries:
                        found.append(target)
                        continue
                    below = next((p for n in _NAMES if (p := f"{target}/{n}") in self._entries), None)
                    if below is not None and below not in seen:
                        seen.add(below)
                        queue.append(below)
            if len(seen) > _MAX_FILES or len(found) > _MAX_FILES:
                return None
        return namespace, tuple(dict.fromkeys(found))


def _text(node: Node | None) -> str | None:
    """A string without holes."""
    if isinstance(node, Scalar) and isinstance(node.value, str):
        return None if any(hole in node.value for hole in _HOLES) else node.value
    return None


def _branches(node: Node | None) -> Iterator[Branch]:
    for item in node.entries() if isinstance(node, Sequence) else ():
        if isinstance(item, Branch):
            yield item


def _scalars(node: Node | None) -> Iterator[Scalar]:
    for item in node.entries() if isinstance(node, Sequence) else ():
        if isinstance(item, Scalar):
            yield item


def _keys_of(secret: Branch) -> frozenset[str]:
    found: set[str] = set()
    for field in ("data", "stringData"):
        values = secret.get(field)
        if isinstance(values, Branch):
            found.update(item.name for item in values.entries() if item.name is not None)
    if ".dockercfg" in found:  # the older form of the same
        found.add(".dockerconfigjson")
    return frozenset(found)


def _uses(root: Branch) -> Iterator[_Use]:
    """The keys of Secrets that a manifest needs."""
    stack: list[Node] = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, Sequence):
            stack.extend(node.entries())
        if not isinstance(node, Branch):
            continue
        for item in node.items:
            if type(item) is not Item:
                continue
            value = item.value
            if item.name == "secretKeyRef" and isinstance(value, Branch):
                yield from _use(value, "name", "key")
            elif item.name == "secret" and isinstance(value, Branch) and value.get("secretName") is not None:
                for entry in _branches(value.get("items")) if not _is_optional(value) else ():
                    key, name = entry.get("key"), _text(value.get("secretName"))
                    if isinstance(key, Scalar) and isinstance(key.value, str) and name is not None:
                        yield _Use(name, key.value, key)
            elif item.name == "valuesFrom":
                for entry in _branches(value):
                    if _text(entry.get("kind")) == "Secret":
                        yield from _use(entry, "name", "valuesKey", "values.yaml")
            elif item.name == "imagePullSecrets":
                for entry in _branches(value):
                    yield from _use(entry, "name", "", ".dockerconfigjson")
            stack.append(value)


def _use(node: Branch, name: str, key: str, default: str = "") -> Iterator[_Use]:
    called, asked = _text(node.get(name)), node.get(key) if key else None
    if called is None or _is_optional(node):
        return
    if asked is None and default:
        place = node.get(name)
        if isinstance(place, Scalar):
            yield _Use(called, default, place)
    elif isinstance(asked, Scalar) and _text(asked):
        yield _Use(called, str(asked.value), asked)


def _is_optional(node: Branch) -> bool:
    optional = node.get("optional")
    return isinstance(optional, Scalar) and optional.value is not False
