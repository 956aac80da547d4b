"""Where a repository keeps what belongs to hosts: read from what is there, for a host that is to come."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from sopsguard.context import Context
from sopsguard.inventory import Holder, Source
from sopsguard.sops.file import SopsFile
from sopsguard.structure.hosts import Entry, stem

KINDS = ("wireguard", "ssh", "age")
_HOST = "{}"


@dataclass(frozen=True, slots=True)
class Home:
    """Where one kind of key stands: `path` has `{}` in the place of the host where each has its file; `keyed`
    says whether the name of the host stands between the kind and the key."""

    path: str
    keyed: bool = True

    @property
    def is_own(self) -> bool:
        """Whether each host has a file of its own."""
        return _HOST in self.path

    def file(self, host: str) -> str:
        """The file for a host."""
        return self.path.replace(_HOST, host)

    def key(self, kind: str, host: str) -> tuple[str, ...]:
        """The path of its subtree."""
        return (kind, host) if self.keyed else (kind,)


@dataclass(frozen=True, slots=True)
class Layout:
    """The habits of a repository. `homes` by kind; `public` is the template of the paths at which SSH public
    keys of hosts are committed; `from_ssh`: age recipients are made of SSH host keys."""

    homes: Mapping[str, Home]
    public: str | None = None
    from_ssh: bool = False


def template(path: str, host: str) -> str | None:
    """The path with `{}` where a folder or the name of the file is that of the host; None without such."""
    parts = path.split("/")
    if _HOST in path:
        return None
    found = False
    for number, part in enumerate(parts):
        name, dot, rest = part.partition(".")
        last = number == len(parts) - 1
        if part == host or (last and name == host):
            parts[number] = _HOST if part == host else f"{_HOST}{dot}{rest}"
            found = True
    return "/".join(parts) if found else None


def hosts(ctx: Context, without: str = "") -> tuple[Holder, ...]:
    """The hosts that hold keys and are no images."""
    return tuple(h for h in ctx.inventory.hosts if h.exists and not h.image and h.name != without)


def read(ctx: Context) -> Layout:
    """How this repository does it; what it does not show is as in the layout that we advise."""
    seen: dict[str, Counter[Home]] = {kind: Counter() for kind in KINDS}
    for path, entry in own(ctx):
        name = entry.host or stem(path)
        where = template(path, name)
        if where is not None or entry.host is not None:
            seen[entry.kind][Home(where or path, entry.host is not None)] += 1
    homes = {kind: counts.most_common(1)[0][0] for kind, counts in seen.items() if counts}
    main = homes.get("wireguard") or _any_own(ctx) or next(iter(homes.values()), None) or _main(ctx)
    homes.setdefault("wireguard", main)
    kept = homes.get("ssh") or homes.get("age") or _kept_from_hosts(ctx) or main
    homes.setdefault("ssh", kept)
    homes.setdefault("age", kept)
    public: Counter[str] = Counter()
    proved = plain = 0
    for host in hosts(ctx):
        lines = {key.line for key in host.host_keys}
        for key in host.host_keys:
            if key.said.source is Source.SSH_KEY and (t := template(key.said.where.path, host.name)):
                public[t] += 1
        made = {recipient for line in lines if (recipient := _converted(line))}
        for one in host.recipients:
            if one.text.strip() in made:
                proved += 1
            else:
                plain += 1
    return Layout(homes, public.most_common(1)[0][0] if public else None, proved > plain)


def own(ctx: Context) -> Iterator[tuple[str, Entry]]:
    """Every subtree of a host that holds its private half, with its file."""
    for path, entries in ctx.structure.hosts.items():
        yield from ((path, entry) for entry in entries if entry.is_own)


def _converted(line: str) -> str | None:
    from sopsguard.keys import age

    made = age.from_ssh_public(line)
    return made if isinstance(made, str) else None


def _any_own(ctx: Context) -> Home | None:
    """A file for each host, of whatever content."""
    found: Counter[str] = Counter()
    for path in ctx.managed.files:
        found.update(t for host in hosts(ctx) if (t := template(path, host.name)))
    return Home(found.most_common(1)[0][0]) if found else None


def _main(ctx: Context) -> Home:
    """The one file of the guide, if a rule means it, else one for each host."""
    for path in ("secrets/secrets.yaml", "secrets.yaml"):
        if path in ctx.managed.files or ((match := ctx.managed.rule(path).match) and match.rule):
            return Home(path)
    return Home("secrets/hosts/{}.yaml")


def _kept_from_hosts(ctx: Context) -> Home | None:
    """A file in YAML that no host reads."""
    readers = _readers(hosts(ctx))
    if not readers:
        return None
    for path, file in ctx.managed.files.items():
        if not isinstance(file, SopsFile) or file.format != "yaml" or not _is_about_machines(path):
            continue
        if not readers & {ctx.inventory.reader(r.key) for r in file.metadata.recipients}:
            return Home(path)
    return None


def _is_about_machines(path: str) -> bool:
    return stem(path) in ("admin", "admins", "hosts", "keys", "recovery", "machines")


def _readers(holders: Iterable[Holder]) -> frozenset[str]:
    return frozenset(reader for holder in holders for reader in holder.readers)
