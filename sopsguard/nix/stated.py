"""The facts that Nix files state: hosts, secrets, references, keys, and what could not be read."""

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sopsguard.nix.scope import Base, Text
from sopsguard.nix.values import Span

_IMAGES = frozenset(("iso", "installer", "live", "livecd", "liveusb", "netboot", "kexec", "sdimage"))


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands: byte offsets, and line and column (in characters) from 1."""

    start: int
    end: int
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class FileRef:
    """A file that a Nix file names; `folder` is the folder of the Nix file in the repository.
    `conditional`: it counts only if something holds (`mkIf`, `optional`, `if`)."""

    text: Text
    folder: str
    place: Place
    conditional: bool = False

    @property
    def path(self) -> str | None:
        """The path in the repository; None while unknown or outside of it."""
        return self.located({})

    def located(self, values: Mapping[str, str]) -> str | None:
        """The path in the repository with the holes that `values` knows closed."""
        text = self.text.filled(values)
        static = text.static
        if static is None or text.base in (Base.OUTSIDE, Base.STRING):
            return None
        path = posixpath.join(self.folder, static) if text.base is Base.FILE else static.lstrip("/")
        path = posixpath.normpath(path)
        return None if path.startswith(("../", "/")) or path in ("..", ".") else path

    @property
    def outside(self) -> bool:
        """Whether it names a file that is not part of the repository."""
        return self.text.static is not None and self.path is None


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose configuration a statement belongs to, when its path says so: a host, a home-manager user."""

    host: str | None = None
    user: str | None = None


@dataclass(frozen=True, slots=True)
class Secret:
    """A declaration `sops.secrets.<name>`. `files` are its `sopsFile`s (several where conditions choose);
    `key` is where in the file it stands (default: the name). `partial`: fields are computed by a function
    that was not read, so what is missing here may be set there. `within` is the path before `sops`,
    `conditional` says that it is declared only if something holds."""

    name: Text
    place: Place
    owner: Owner
    files: tuple[FileRef, ...] = ()
    key: Text | None = None
    format: Text | None = None
    fields: tuple[tuple[str, Text], ...] = ()
    partial: bool = False
    within: str = ""
    conditional: bool = False


@dataclass(frozen=True, slots=True)
class Template:
    """A declaration `sops.templates.<name>`."""

    name: Text
    place: Place
    owner: Owner


class UseKind(StrEnum):
    """What a reference refers to."""

    SECRET = "secret"  # noqa: S105 - a kind
    PLACEHOLDER = "placeholder"
    TEMPLATE = "template"


@dataclass(frozen=True, slots=True)
class Use:
    """A reference such as `config.sops.secrets."a/b".path`. Without a name the whole set is used.
    `attribute` is what is taken of it (`path`); `?` where its existence is only asked for. `optional`: with
    `or`, so that it need not be there."""

    kind: UseKind
    name: Text | None
    attribute: str
    option: str
    place: Place
    owner: Owner
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Default:
    """A `sops.defaultSopsFile`, `sops.defaultSopsFormat` or `sops.defaultSopsKey`; `within` is the path
    before `sops`."""

    place: Place
    owner: Owner
    file: FileRef | None = None
    format: Text | None = None
    key: Text | None = None
    within: str = ""


@dataclass(frozen=True, slots=True)
class KeySource:
    """Where a host finds the key that opens its secrets: `sops.age.keyFile`, `sops.age.sshKeyPaths`, …"""

    option: str
    text: Text
    place: Place
    owner: Owner


@dataclass(frozen=True, slots=True)
class Host:
    """A configuration that can be deployed. `kind` is the flake output it stands in. Without a name the
    names are computed: from the entries of `folder`, or in a way that was not read. `files` are the files
    and `modules` the flake's own modules that its expression names."""

    name: Text | None
    kind: str
    place: Place
    files: tuple[FileRef, ...] = ()
    folder: FileRef | None = None
    modules: tuple[Text, ...] = ()

    @property
    def is_image(self) -> bool:
        """Whether it is named like an installer or live image, which holds no secrets of its own."""
        name = "" if self.name is None else self.name.pattern.lower()
        return not _IMAGES.isdisjoint(name.replace("_", "-").split("-"))


@dataclass(frozen=True, slots=True)
class HostName:
    """A `networking.hostName`."""

    text: Text
    place: Place
    owner: Owner


@dataclass(frozen=True, slots=True)
class Import:
    """A file taken in by `imports`, `modules` or `import`."""

    file: FileRef
    option: str


@dataclass(frozen=True, slots=True)
class Module:
    """A flake output `nixosModules.<name>` (or `darwinModules`) that is a file."""

    name: Text
    file: FileRef


@dataclass(frozen=True, slots=True)
class ModuleUse:
    """A reference to a module of the flake itself, `self.nixosModules.<name>`."""

    name: Text
    option: str
    place: Place


@dataclass(frozen=True, slots=True)
class WireguardNode:
    """A WireGuard public key with what stands beside it in the same set. It is named by the attribute
    that holds the set or by a `name` in it; peers in a list may have none."""

    name: Text | None
    public_key: Text
    option: str
    place: Place
    addresses: tuple[Text, ...] = ()
    endpoint: Text | None = None
    is_server: bool | None = None


@dataclass(frozen=True, slots=True)
class Doubt:
    """Something that could not be read, and why."""

    place: Place
    reason: str


@dataclass(frozen=True, slots=True)
class NixFacts:
    """What one file says."""

    path: str
    hosts: tuple[Host, ...] = ()
    secrets: tuple[Secret, ...] = ()
    templates: tuple[Template, ...] = ()
    uses: tuple[Use, ...] = ()
    defaults: tuple[Default, ...] = ()
    key_sources: tuple[KeySource, ...] = ()
    host_names: tuple[HostName, ...] = ()
    imports: tuple[Import, ...] = ()
    modules: tuple[Module, ...] = ()
    module_uses: tuple[ModuleUse, ...] = ()
    wireguard: tuple[WireguardNode, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    errors: tuple[Span, ...] = ()
