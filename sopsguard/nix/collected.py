"""What a walk over a Nix file has found so far, put together into facts at its end."""

from dataclasses import dataclass, field

from sopsguard.nix.conventions import COLLECTIONS, collection_place, dotted, owner_of
from sopsguard.nix.scope import Text, text_of
from sopsguard.nix.stated import (
    Default,
    Doubt,
    FileRef,
    Host,
    HostName,
    Import,
    KeySource,
    Module,
    ModuleUse,
    NixFacts,
    Owner,
    Place,
    Secret,
    Template,
    Use,
    WireguardNode,
)
from sopsguard.nix.values import Path, Span

ADDRESSES = ("ip", "ips", "address", "addresses", "allowedips")
WIREGUARD = frozenset((*ADDRESSES, "endpoint", "isserver", "name", "publickey"))


@dataclass(slots=True)
class Draft:
    """A secret while its fields are collected."""

    name: Text
    place: Place
    owner: Owner
    files: list[FileRef] = field(default_factory=list)
    fields: list[tuple[str, Text]] = field(default_factory=list)
    partial: bool = False
    within: str = ""
    conditional: bool = False


@dataclass(slots=True)
class HostDraft:
    """A host while its files are collected; `name` is None where several are computed."""

    name: Text | None
    kind: str
    place: Place
    files: list[FileRef] = field(default_factory=list)
    folder: FileRef | None = None
    modules: list[Text] = field(default_factory=list)


@dataclass(slots=True)
class Peer:
    """A set with a WireGuard public key, and the values beside it by lower-case name."""

    key: tuple[Text, Place, Path] | None = None
    beside: dict[str, list[Text]] = field(default_factory=dict)


class Collected:
    """Findings of one file, by what they are about."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.drafts: dict[tuple[Path, str], Draft] = {}
        self.hosts: dict[tuple[Path, str], HostDraft] = {}
        self.templates: dict[tuple[Path, str], Template] = {}
        self.uses: dict[tuple[int, int, str], Use] = {}
        self.defaults: list[Default] = []
        self.key_sources: list[KeySource] = []
        self.host_names: list[HostName] = []
        self.imports: dict[tuple[int, str], Import] = {}
        self.modules: dict[tuple[int, str], Module] = {}
        self.module_uses: dict[tuple[int, str], ModuleUse] = {}
        self.peers: dict[tuple[int, Path], Peer] = {}
        self.doubts: dict[tuple[int, str], Doubt] = {}

    def result(self, errors: tuple[Span, ...]) -> NixFacts:
        secrets = []
        for draft in self.drafts.values():
            fields = dict(draft.fields)
            secrets.append(
                Secret(
                    draft.name,
                    draft.place,
                    draft.owner,
                    in_order(draft.files),
                    fields.get("key"),
                    fields.get("format"),
                    tuple(draft.fields),
                    draft.partial,
                    draft.within,
                    draft.conditional,
                )
            )
        hosts = (
            Host(h.name, h.kind, h.place, in_order(h.files), h.folder, tuple(dict.fromkeys(h.modules)))
            for h in self._hosts()
        )
        return NixFacts(
            self.path,
            tuple(sorted(hosts, key=lambda host: host.place.start)),
            tuple(sorted(secrets, key=lambda secret: secret.place.start)),
            tuple(sorted(self.templates.values(), key=lambda template: template.place.start)),
            tuple(sorted(self.uses.values(), key=lambda use: use.place.start)),
            tuple(sorted(self.defaults, key=lambda default: default.place.start)),
            tuple(sorted(self.key_sources, key=lambda source: source.place.start)),
            tuple(sorted(self.host_names, key=lambda name: name.place.start)),
            tuple(sorted(self.imports.values(), key=lambda item: item.file.place.start)),
            tuple(sorted(self.modules.values(), key=lambda module: module.file.place.start)),
            tuple(sorted(self.module_uses.values(), key=lambda use: use.place.start)),
            tuple(self._wireguard()),
            tuple(sorted(self.doubts.values(), key=lambda doubt: doubt.place.start)),
            errors,
        )

    def _hosts(self) -> list[HostDraft]:
        """Hosts, where one that is read by two ways (a `let` and where it is used) counts once."""
        hosts: dict[tuple[str, int, Text | None], HostDraft] = {}
        for host in self.hosts.values():
            known = hosts.setdefault((host.kind, host.place.start, host.name), host)
            if known is not host:
                known.files += host.files
                known.modules += host.modules
        return list(hosts.values())

    def _wireguard(self) -> list[WireguardNode]:
        nodes = []
        for peer in self.peers.values():
            if peer.key is None:
                continue
            text, place, path = peer.key
            beside = peer.beside
            addresses = [t for name in ADDRESSES for t in beside.get(name, ())]
            server = [text.static == "true" for text in beside.get("isserver", ())]
            nodes.append(
                WireguardNode(
                    self.node_name(path, beside),
                    text,
                    dotted(path),
                    place,
                    tuple(addresses),
                    next(iter(beside.get("endpoint", ())), None),
                    server[0] if server else None,
                )
            )
        return sorted(nodes, key=lambda node: node.place.start)

    @staticmethod
    def node_name(path: Path, beside: dict[str, list[Text]]) -> Text | None:
        if beside.get("name"):
            return beside["name"][0]
        around = path[-2] if len(path) > 1 else None
        return None if around is None or around.lower().endswith(("peers", "config")) else text_of(around)

    def doubt(self, at: Place, reason: str) -> None:
        """Note what could not be read, once per place and reason."""
        self.doubts.setdefault((at.start, reason), Doubt(at, reason))

    def draft(self, path: Path, place: int, at: Place, conditional: bool) -> Draft:
        name = path[place + 2]
        key = (path[:place], name or "")
        draft = self.drafts.get(key)
        if draft is None:
            before = path[:place]
            draft = self.drafts[key] = Draft(text_of(name), at, owner_of(before), within=dotted(before))
            draft.conditional = conditional
            if draft.name.static is None:
                self.doubt(at, "the name of a secret is computed")
        draft.conditional = draft.conditional and conditional
        return draft

    def host(self, path: Path, at: Place) -> HostDraft | None:
        found = collection_place(path)
        if found is None or len(path) <= found + 1:
            return None
        kind, name = path[found] or "", path[found + 1]
        if name in COLLECTIONS[kind]:
            return None
        key = (path[: found + 1], name or "")
        host = self.hosts.get(key)
        if host is None:
            text = text_of(name)
            host = self.hosts[key] = HostDraft(text, kind, at)
            if text.static is None:
                self.doubt(at, "the name of a host is computed")
        return host

    def unnamed_hosts(self, path: Path, at: Place, folder: FileRef | None, reason: str) -> None:
        key = (path, f"\0{at.start}")
        self.hosts[key] = HostDraft(None, path[-1] or "", at, folder=folder)
        self.doubt(at, reason)


def in_order(files: list[FileRef]) -> tuple[FileRef, ...]:
    return tuple(sorted(dict.fromkeys(files), key=lambda file: (file.place.start, file.text.pattern)))
