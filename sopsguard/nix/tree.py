"""The Nix files of one tree: which are worth parsing, and what they say, each parsed once and when asked."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from sopsguard.nix.values import Unread

if TYPE_CHECKING:
    from sopsguard.nix.stated import NixFacts

# A tree of ten thousand files is larger than any infrastructure; beyond it files are named as not read.
MAX_FILES = 10_000
MAX_BYTES = 32 << 20
MAX_PARSED = 12 << 20

_SOPS = re.compile(rb"\bsops\b")
# What only files say that name hosts, or lead from one file to the next.
_LEADS = re.compile(
    rb"\b(?:imports|modules|sharedModules|nixosModules|darwinModules|nixosConfigurations"
    rb"|darwinConfigurations|homeConfigurations|colmena|colmenaHive|hostName|home-manager)\b"
)


class Tree:
    """What the `.nix` files of a tree say.

    `paths` are all paths of the tree, `contents` yields path and content of those asked for. `memory` keeps
    what was parsed, by path and content: two trees that share it parse what they have in common once.
    """

    def __init__(
        self,
        paths: Iterable[str],
        contents: Callable[[Iterable[str]], Iterator[tuple[str, bytes]]],
        memory: "dict[tuple[str, bytes], NixFacts | Unread] | None" = None,
    ) -> None:
        self._paths = paths
        self._contents = contents
        self._memory = {} if memory is None else memory
        self.unread: dict[str, Unread] = {}

    @cached_property
    def sources(self) -> Mapping[str, bytes]:
        """The Nix files, by path. What is too much is in `unread`."""
        wanted = [path for path in self._paths if path.endswith(".nix")]
        limit = Unread("one of very many Nix files", f"a tree of at most {MAX_FILES} of them")
        self.unread.update(dict.fromkeys(wanted[MAX_FILES:], limit))
        found: dict[str, bytes] = {}
        size = 0
        for path, data in self._contents(wanted[:MAX_FILES]):
            size += len(data)
            if size > MAX_BYTES:
                self.unread[path] = Unread("one of very large Nix files", f"{MAX_BYTES >> 20} MiB of them")
            else:
                found[path] = data
        return found

    @cached_property
    def mention_sops(self) -> bool:
        """Whether any file speaks of sops at all."""
        return any(_SOPS.search(data) for data in self.sources.values())

    @cached_property
    def said(self) -> "Mapping[str, NixFacts]":
        """What the files say that speak of sops, name hosts or take in other files."""
        return self._said(lambda data: bool(_SOPS.search(data) or _LEADS.search(data)))

    @cached_property
    def peers(self) -> "Mapping[str, NixFacts]":
        """What the files say that state public keys of a mesh."""
        return self._said(lambda data: b"publicKey" in data)

    def _said(self, concerns: Callable[[bytes], bool]) -> "Mapping[str, NixFacts]":
        from sopsguard.nix.facts import facts

        found: dict[str, NixFacts] = {}
        size = 0
        for path, data in self.sources.items():
            if not concerns(data):
                continue
            size += len(data)
            if size > MAX_PARSED:
                self.unread[path] = Unread("one of very large Nix files", f"{MAX_PARSED >> 20} MiB of them")
                continue
            known = self._memory.get((path, data))
            if known is None:
                known = self._memory[path, data] = facts(data, path)
            if isinstance(known, Unread):
                self.unread[path] = known
            else:
                found[path] = known
        return found
