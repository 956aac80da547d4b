"""Which paths are protected, whatever file system they are checked out on, and which of them need an "
"admin."""

import re
import unicodedata
from collections.abc import Iterable

from sopsguard.policy import FILE, matches
from sopsguard.signatures.rules import Role

SYMLINK, SUBMODULE = 0o120000, 0o160000

# Who and what is trusted, and what judges: only an admin changes these.
_ADMIN = (
    FILE,
    ".github/workflows/**",
    ".github/actions/**",
    ".github/CODEOWNERS",
    "CODEOWNERS",
    "docs/CODEOWNERS",
)
# Who can read what.
_BUILT_IN = (
    "**/.sops.yaml", "**/.sops.yml", ".sops.yaml", ".sops.yml", "inventory.yaml",
)  # fmt: skip

# What HFS+ does not see in a name (git's utf8.c, `next_hfs_char`).
_UNSEEN = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")
_MAPPED = re.compile(rb'^[ \t]*path[ \t]*=[ \t]*"?([^"\n]*?)"?[ \t]*$', re.M | re.I)


class Protection:
    """The protected paths of one policy. It can be added to, never shrunk."""

    def __init__(self, protect: Iterable[str] = (), admin: Iterable[str] = ()) -> None:
        self._admin = tuple(map(same, (*_ADMIN, *admin)))
        self._patterns = tuple(map(same, (*_BUILT_IN, *protect)))
        self._known: dict[tuple[str, bool], Role | None] = {}

    def role(self, path: str, modes: Iterable[int] = ()) -> Role | None:
        """The role that a change of `path` needs, None for none. `modes` are those before and after: a link
        or submodule in the place of a folder decides what lies below it."""
        way = any(mode in (SYMLINK, SUBMODULE) for mode in modes)
        key = (path, way)
        if key not in self._known:
            if len(self._known) > 100_000:
                self._known.clear()
            self._known[key] = self._role(same(path), way)
        return self._known[key]

    def _role(self, path: str, way: bool) -> Role | None:
        roles: tuple[tuple[Role, tuple[str, ...]], ...] = (("admin", self._admin), ("commit", self._patterns))
        for role, patterns in roles:
            if any(matches(pattern, path) or (way and _leads(path, pattern)) for pattern in patterns):
                return role
        return None

    def maps(self, gitmodules: bytes) -> bool:
        """Whether a `.gitmodules` puts a submodule into, or above, something protected."""
        return any(
            self.role(path, (SUBMODULE,)) or self.role(f"{path}/.")
            for path in (
                m[1].decode("utf-8", "surrogateescape").rstrip("/") for m in _MAPPED.finditer(gitmodules)
            )
        )


def same(path: str) -> str:
    """One spelling for all that a file system may take for the same path: case, composition, characters
    that macOS does not see, dots and spaces that Windows cuts off."""
    if path.isascii():
        plain = path.lower()
    else:
        plain = unicodedata.normalize("NFC", _UNSEEN.sub("", path))
        plain = unicodedata.normalize("NFC", plain.casefold())
    if ". " not in plain and "./" not in plain and " /" not in plain and not plain.endswith((".", " ")):
        return plain
    return "/".join(part.rstrip(". ") or part for part in plain.split("/"))


def _leads(path: str, pattern: str) -> bool:
    """Whether everything that the pattern matches lies, or can lie, below `path`."""
    fixed = re.split(r"[*?]", pattern, maxsplit=1)[0]
    return fixed.startswith(f"{path}/")
