"""New values for what can be made without asking anybody, each with all that states it: the public half in
other files, the other end of a tunnel, the recipient in rules and inventory.

What may be renewed shows in ciphertext, by name and length; what it is is seen once it is open.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Literal

from sopsguard.fix import program
from sopsguard.fix.plan import Draft, Weight
from sopsguard.history.exposure import private_key
from sopsguard.managed import looks_like_sops
from sopsguard.snapshot import EXECUTABLE, FILE, Piece
from sopsguard.sops.editor import CannotEdit, Set, edit
from sopsguard.sops.file import Broken, Leaf, SopsFile
from sopsguard.sops.identity import Identities
from sopsguard.sops.opening import Opened, open_file

if TYPE_CHECKING:
    from sopsguard.keys.age import Identity

Path = tuple[str | int, ...]

# Files that state public keys are small.
_LIMIT = 1 << 20


class Made(StrEnum):
    """What can be made, in the order in which it is: an age identity may follow from an SSH host key."""

    PAIR = "WireGuard key"
    PRESHARED = "preshared key"
    HOST_KEY = "SSH host key"
    IDENTITY = "age identity"
    PASSPHRASE = "passphrase"  # noqa: S105  the name of a kind


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a value stands; `document` counts from 0."""

    path: str
    key: Path
    document: int = 0

    @property
    def dotted(self) -> str:
        """The key as reports name it."""
        return ".".join(map(str, self.key))


@dataclass(frozen=True, slots=True)
class Renewable:
    """Something of which a new one can be made: whose it is (`name`: a host, the spoke of a tunnel, or the
    key of a passphrase), and everywhere it stands."""

    kind: Made
    name: str
    spots: tuple[Spot, ...]

    @property
    def paths(self) -> tuple[str, ...]:
        """The files in which it stands."""
        return tuple(dict.fromkeys(spot.path for spot in self.spots))

    def __str__(self) -> str:
        return (
            f"{self.kind} of {self.name}" if self.kind is not Made.PASSPHRASE else f"passphrase {self.name}"
        )


@dataclass(frozen=True, slots=True)
class Renewal:
    """What was renewed; `swapped` maps each recipient that has another key now to the new one."""

    done: tuple[Renewable, ...]
    swapped: Mapping[str, str]


_HOST_KEY = re.compile(r"host[-_]?(?:\w+[-_])?key|ssh_host", re.I)
_PRESHARED = re.compile(r"pre-?shared|psk", re.I)
_PASSWORD = frozenset(("password", "passphrase"))
_BACKUPS = frozenset(("restic", "borg", "borgbackup", "borgmatic", "kopia", "duplicity"))
_TREES = frozenset(("wireguard", "wg", "ssh", "age", "sops"))


def is_passphrase(key: Path) -> bool:
    """Whether names say that a value is a password that only machines use: that of a backup repository."""
    names = [str(part).lower() for part in key]
    return bool(names) and names[-1] in _PASSWORD and not _BACKUPS.isdisjoint(names[:-1])


def renewable(
    files: Mapping[str, SopsFile | Broken], is_password: Callable[[Path], bool] = is_passphrase
) -> tuple[Renewable, ...]:
    """All that can be made anew in these files, as far as it shows without a key: the same name is the same
    thing, wherever it stands."""
    found: dict[tuple[Made, str], list[Spot]] = {}
    for path, file in files.items():
        for leaf in file.leaves if isinstance(file, SopsFile) else ():
            if (what := _what(path, leaf, is_password)) is not None:
                found.setdefault(what, []).append(Spot(path, leaf.path, leaf.document))
    order = list(Made)
    return tuple(
        Renewable(kind, name, tuple(spots))
        for (kind, name), spots in sorted(found.items(), key=lambda one: (order.index(one[0][0]), one[0][1]))
    )


def _what(path: str, leaf: Leaf, is_password: Callable[[Path], bool]) -> tuple[Made, str] | None:
    envelope = leaf.envelope
    if envelope is None or leaf.is_comment or envelope.type != "str":
        return None
    last = str(leaf.path[-1])
    match private_key(path, leaf.key, envelope.type, envelope.length):
        case "WireGuard key":
            above = str(leaf.path[-2]) if len(leaf.path) > 1 else ""
            if above.lower() in ("preshared_keys", "psks"):
                return Made.PRESHARED, last
            kind = Made.PRESHARED if _PRESHARED.search(last) else Made.PAIR
            return kind, owner(path, leaf.path)
        case "age identity":
            return Made.IDENTITY, owner(path, leaf.path)
        case "SSH key" if _HOST_KEY.search(f"{path}/{last}"):
            rsa = " (RSA)" if "rsa" in last.lower() else " (initrd)" if "initrd" in last.lower() else ""
            return Made.HOST_KEY, owner(path, leaf.path) + rsa
    return (Made.PASSPHRASE, f"{leaf.key} in {path}") if is_password(leaf.path) else None


def owner(path: str, key: Path) -> str:
    """Whose a key is: the name above it, or of the file where there is none."""
    from sopsguard.structure.hosts import stem

    above = [str(part) for part in key[:-1] if isinstance(part, str)]
    return above[-1] if above and above[-1].lower() not in _TREES else stem(path)


def renew(
    draft: Draft, wanted: Iterable[Renewable], identities: Identities, bound: frozenset[str] = frozenset()
) -> Renewal:
    """Make a new value for each, and write it and all that follows from it on the draft; what cannot be
    made is refused there, and then nothing of it is changed.

    `bound` are recipients that follow from SSH host keys in the tree: their identities are not made without
    the host key. Recipients in files' metadata are the caller's to change (`Renewal.swapped`).
    """
    left = list(wanted)
    while left:
        work = _Work(draft, identities, bound)
        done = [one for one in left if work.make(one)]
        written = work.written()
        if isinstance(written, str):  # a file that cannot be written: nothing of what stands in it
            left = [one for one in done if written not in one.paths]
            for one in done:
                if written in one.paths:
                    draft.refuse(f"make a new {one}", *work.failures[written])
            continue
        for path, data in written.items():
            draft.write(path, data)
        for one in done:
            where = ", ".join(f"{spot.path} ({spot.dotted})" for spot in one.spots)
            draft.did(f"make a new {one}: {where}", *one.paths, weight=Weight.SECRETS)
        for text in work.notes:
            draft.ask(text)
        return Renewal(tuple(done), work.swapped)
    return Renewal((), {})


def restate(draft: Draft, public: Mapping[str, str], identities: Identities) -> tuple[str, ...]:
    """Replace public halves wherever they are stated, in clear or in files that open; the files it wrote."""
    if not public:
        return ()
    work = _Work(draft, identities, frozenset())
    work.public |= public
    written = work.written()
    if isinstance(written, str):
        draft.refuse(f"state the new public key in {written}", *work.failures[written])
        return ()
    for path, data in written.items():
        draft.write(path, data)
    for text in work.notes:
        draft.ask(text)
    return tuple(written)


class _Work:
    """New values for several things at once; nothing is written on the draft yet."""

    def __init__(self, draft: Draft, identities: Identities, bound: frozenset[str]) -> None:
        self.draft, self.identities, self.bound = draft, identities, bound
        self.files = {p: f for p, f in draft.managed.files.items() if isinstance(f, SopsFile)}
        self.opened: dict[str, Opened] = {}
        self.values: dict[Spot, str] = {}
        for path, file in self.files.items():
            opened = open_file(file, identities)
            if isinstance(opened, Opened):
                self.opened[path] = opened
                for leaf in opened.leaves:
                    if isinstance(leaf.value, str) and not leaf.comment:
                        self.values[Spot(path, leaf.path, leaf.document)] = leaf.value
        self.new: dict[Spot, str] = {}
        self.public: dict[str, str] = {}
        self.swapped: dict[str, str] = {}
        self.derived: dict[str, Identity] = {}
        self.failures: dict[str, tuple[str, tuple[str, ...]]] = {}
        self.notes: list[str] = []

    def make(self, one: Renewable) -> bool:
        """New values for its spots; says what stands in the way."""
        what = f"make a new {one}"
        shut = [path for path in one.paths if path not in self.opened]
        if shut:
            self.draft.refuse(what, f"no identity at hand opens {', '.join(shut)}")
            return False
        groups: dict[str, list[Spot]] = {}
        for spot in one.spots:
            text = self.values.get(spot, "")
            # Both ends of a tunnel get the same key even if they had different ones.
            groups.setdefault("" if one.kind is Made.PRESHARED else text.strip(), []).append(spot)
        new: dict[Spot, str] = {}
        for text, spots in groups.items():
            made = self.value(one, text)
            if made is None:
                where = f"{spots[0].dotted} in {spots[0].path}"
                self.draft.refuse(what, f"{where} is not one that can be made here: replace it by hand")
                return False
            for spot in spots:
                end = "\n" if self.values.get(spot, "").endswith("\n") else ""
                new[spot] = made.rstrip("\n") + end
        self.new |= new
        return True

    def value(self, one: Renewable, old: str) -> str | None:
        """A new value for an old one; None where the old one is not what its name says."""
        match one.kind:
            case Made.PAIR:
                return self.pair(old)
            case Made.PRESHARED:
                from sopsguard.keys.wireguard import generate_preshared

                return generate_preshared()
            case Made.HOST_KEY:
                return self.host_key(one.name, old)
            case Made.IDENTITY:
                return self.identity(old)
            case Made.PASSPHRASE:
                from sopsguard.keys.password import generate_passphrase, hash_format

                return None if hash_format(old, expected=True) is not None else generate_passphrase()

    def pair(self, old: str) -> str | None:
        from sopsguard.keys import wireguard

        key = wireguard.key(old)
        if not isinstance(key, wireguard.Key):
            return None
        new = wireguard.generate()
        self.public[key.public] = new.public
        return new.private

    def host_key(self, name: str, old: str) -> str | None:
        from sopsguard.keys import age, ssh

        key = ssh.private_key(old)
        if not isinstance(key, ssh.PrivateKey) or key.public is None or key.encrypted is not False:
            return None
        kinds: dict[str, Literal["ed25519", "rsa"]] = {"ssh-ed25519": "ed25519", "ssh-rsa": "rsa"}
        if key.public.kind not in kinds:
            return None
        new = ssh.generate_host_key(kinds[key.public.kind], f"root@{name.partition(' ')[0]}")
        line = " ".join(new.public.split()[:2])
        self.public[key.public.line] = line
        self.swapped[key.public.line] = line
        before, after = age.from_ssh_public(key.public.line), ssh.private_key(new.private)
        if isinstance(before, str) and isinstance(after, ssh.PrivateKey):
            identity = age.from_ssh_private(after)
            if isinstance(identity, age.Identity):
                self.swap(before, identity)
        return new.private

    def identity(self, old: str) -> str | None:
        from sopsguard.keys import age

        file = age.identity_file(old)
        if file is None or file.problems or len(file.entries) != 1:
            return None
        entry = file.entries[0].identity
        if entry.kind != "x25519" or entry.public is None:
            return None
        if entry.public not in self.derived:
            if entry.public in self.bound:  # the host makes it of its SSH host key, which stays
                return None
            self.swap(entry.public, age.generate_identity())
        new = self.derived[entry.public]
        return new.secret if "\n" not in old else age.write_identity_file(new, self.draft.modified)

    def swap(self, old: str, new: "Identity") -> None:
        assert new.public is not None
        self.derived[old] = new
        self.public[old] = self.swapped[old] = new.public

    # --- what follows ----------------------------------------------------------------------------------

    def written(self) -> dict[str, bytes] | str:
        """The new content of every file that changes, or the path of the first that cannot be written."""
        found: dict[str, bytes] = {}
        for path in self.files:
            changes = list(self.changes(path)) if path in self.opened else []
            data = self.draft.read(path)
            if data is None or not changes:
                continue
            when = self.draft.modified
            try:
                change = partial(edit, data, path, changes, self.identities, when)
                found[path] = program.or_by_program(
                    self.draft, path, change, self.identities, changes=changes
                )
            except CannotEdit as e:
                self.failures[path] = (e.message, tuple(program.shown(c) for c in e.commands))
                return path
        found |= self.texts()
        return found

    def changes(self, path: str) -> Iterator[Set]:
        for leaf in self.opened[path].leaves:
            spot = Spot(path, leaf.path, leaf.document)
            if spot in self.new:
                yield Set(leaf.path, self.new[spot], leaf.document)
            elif isinstance(leaf.value, str) and not leaf.comment:
                text = self.renamed(leaf.value)
                if text != leaf.value:
                    yield Set(leaf.path, text, leaf.document)

    def renamed(self, text: str) -> str:
        """The text with every old public half replaced."""
        for old, new in self.public.items():
            if old in text:
                text = text.replace(old, new)
        return text

    def texts(self) -> Iterator[tuple[str, bytes]]:
        """The files in clear that state a public half."""
        if not self.public:
            return
        snapshot = self.draft.snapshot
        paths = [e.path for e in snapshot.entries() if e.mode in (FILE, EXECUTABLE)]
        for entry, piece in snapshot.pieces(paths):
            if not isinstance(piece, Piece) or piece.offset or not piece.last or len(piece.data) > _LIMIT:
                continue
            data = piece.data
            if not any(old.encode() in data for old in self.public):
                continue
            if entry.path in self.files or looks_like_sops(data):
                if entry.path not in self.opened:
                    self.notes.append(f"{entry.path} states an old public key, and cannot be opened here")
                continue
            for old, new in self.public.items():
                data = data.replace(old.encode(), new.encode())
            yield entry.path, data
