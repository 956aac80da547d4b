"""The SOPS files and `.sops.yaml` of one snapshot, as far as a judgement concerns them."""

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

from sopsguard.snapshot import EXECUTABLE, FILE, Snapshot, TooLarge, Unreadable
from sopsguard.sops import may_be_sops

if TYPE_CHECKING:
    from sopsguard.sops.config import Config, Verdict
    from sopsguard.sops.file import Broken, SopsFile

# Text about SOPS files rather than such a file.
PROSE = (
    *(
        ".md",
        ".rst",
        ".adoc",
        ".txt",
        ".html",
        ".nix",
        ".py",
        ".go",
        ".rs",
        ".sh",
        ".js",
        ".ts",
        ".rb",
        ".tf",
    ),
    *(".lua", ".pl", ".java", ".c", ".h", ".tex", ".org", ".patch", ".diff"),
)
CONFIG_NAMES = (".sops.yaml", ".sops.yml")
INVENTORY = "inventory.yaml"


def is_config(path: str) -> bool:
    """Whether the path is that of a configuration of sops, or of a file that people take for one."""
    return path.rpartition("/")[2] in CONFIG_NAMES


def looks_like_sops(data: bytes) -> bool:
    """A test of the bytes alone, for the path on which nothing may be imported: no is certain."""
    return may_be_sops(data)


class Managed:
    """What sops manages in a snapshot.

    `concerned` limits what single files are judged (None: every file); `hinted`, when given, tells of paths
    that were read already whether they look like SOPS, so that they need not be read again to find out.
    `inventory` is where the inventory lies, if not at the top.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        concerned: frozenset[str] | None = None,
        hinted: Callable[[], Mapping[str, bool]] | None = None,
        inventory: str = "",
    ) -> None:
        self.inventory = inventory or INVENTORY
        self.snapshot = snapshot
        self.concerned = concerned
        self._hinted = hinted
        self._rules: dict[str, Verdict] = {}

    @cached_property
    def whole(self) -> bool:
        """Whether every file is judged: always when a configuration or the inventory is among what changed,
        because then any file may have another rule than before, and any recipient another holder."""
        return self.concerned is None or any(p == self.inventory or is_config(p) for p in self.concerned)

    @cached_property
    def configs(self) -> "Mapping[str, Config]":
        """Every `.sops.yaml` (and `.sops.yml`, which sops never reads), by path."""
        from sopsguard.sops.config import parse

        found = {}
        for path in filter(is_config, self.snapshot.paths()):
            data = self.read(path)
            if data is not None:
                found[path] = parse(data, path)
        return found

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """The regular files under judgement."""
        if self.whole:
            return tuple(e.path for e in self.snapshot.entries() if e.mode in (FILE, EXECUTABLE))
        found = []
        for path in sorted(self.concerned or ()):
            entry = self.snapshot.get(path)
            if entry is not None and entry.mode in (FILE, EXECUTABLE):
                found.append(path)
        return tuple(found)

    @cached_property
    def _read(self) -> "tuple[Mapping[str, SopsFile | Broken], tuple[str, ...]]":
        candidates = self._candidates()
        first = next(candidates, None)
        if first is None:  # the usual commit: the format need not even be imported
            return {}, ()
        from sopsguard.sops.file import Broken, NotSops, read
        from sopsguard.sops.soundness import is_fake

        found: dict[str, SopsFile | Broken] = {}
        fakes = []
        for path, data in chain((first,), candidates):
            if isinstance(file := read(data, path), NotSops):
                continue
            if isinstance(file, Broken):
                # A sample in a manual cannot be parsed as a file either, and is none.
                if not path.endswith(PROSE):
                    found[path] = file
            elif is_fake(file):
                fakes.append(path)
            else:
                found[path] = file
        return found, tuple(fakes)

    @property
    def files(self) -> "Mapping[str, SopsFile | Broken]":
        """The SOPS files among `paths`."""
        return self._read[0]

    @property
    def fakes(self) -> tuple[str, ...]:
        """The files among `paths` with a `sops` block that sops has never written: templates, samples,
        settings of another program."""
        return self._read[1]

    def _candidates(self) -> Iterator[tuple[str, bytes]]:
        hints = self._hinted() if self._hinted is not None else {}
        for path in self.paths:
            if hints.get(path) and (data := self.read(path)) is not None:
                yield path, data
        rest = [path for path in self.paths if path not in hints]
        for entry, piece in self.snapshot.pieces(rest):
            if isinstance(piece, Unreadable) or piece.offset or not piece.last:
                continue
            if looks_like_sops(piece.data):
                yield entry.path, piece.data

    @cached_property
    def clear(self) -> tuple[str, ...]:
        """The files among `paths` that are not SOPS files."""
        return tuple(path for path in self.paths if path not in self.files)

    @cached_property
    def sops_paths(self) -> frozenset[str]:
        """The paths of `files`."""
        return frozenset(self.files)

    def rule(self, path: str) -> "Verdict":
        """The creation rule of a path, from the configuration that sops would use at the top of the
        repository, with what another working directory would change."""
        from sopsguard.sops.config import effective

        found = self._rules.get(path)
        if found is None:
            found = self._rules[path] = effective(self.configs, path)
        return found

    def read(self, path: str) -> bytes | None:
        """The content, or None where there is none that can be judged as a document."""
        try:
            return self.snapshot.read(path)
        except (KeyError, TooLarge, Unreadable):
            return None
