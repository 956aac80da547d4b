"""Where flakes keep hosts and modules, and where sops-nix keeps settings and what it makes of them."""

from sopsguard.nix.stated import Owner, UseKind
from sopsguard.nix.values import Path

# Flake outputs whose attributes are hosts, and names in them that are none.
COLLECTIONS = {
    "nixosConfigurations": frozenset[str](),
    "darwinConfigurations": frozenset[str](),
    "homeConfigurations": frozenset[str](),
    "colmena": frozenset(("meta", "defaults", "network")),
    "colmenaHive": frozenset(("meta", "defaults", "network")),
    "nodes": frozenset[str](),
}
# Other things are called so too: these count only as outputs of a flake.
OUTPUTS_ONLY = frozenset(("colmena", "colmenaHive", "nodes"))
_OUTPUTS = frozenset(("outputs", "flake", "config"))
_SETTINGS = frozenset(
    ("secrets", "templates", "defaultSopsFile", "defaultSopsFormat", "defaultSopsKey", "age", "gnupg")
)
# Functions whose last argument counts only if the one before holds.
CONDITIONS = frozenset(("mkIf", "optional", "optionals", "optionalAttrs", "optionalString"))
USE_KINDS = {
    "secrets": UseKind.SECRET,
    "placeholder": UseKind.PLACEHOLDER,
    "templates": UseKind.TEMPLATE,
}
MODULES = frozenset(("nixosModules", "darwinModules"))
SELVES = frozenset((("self",), ("inputs", "self"), ("flake",), ("config", "flake")))


def sops_place(path: Path) -> int | None:
    """Where `sops` stands in the path of a setting of sops-nix."""
    for place, name in enumerate(path):
        if name == "sops" and "options" not in path[:place]:
            after = path[place + 1] if place + 1 < len(path) else None
            if after is None or after in _SETTINGS:
                return place
    return None


def collection_place(path: Path) -> int | None:
    """Where the name of a set of hosts stands in `path`."""
    for place, name in enumerate(path):
        if name in COLLECTIONS:
            before = path[:place]
            if name == "nodes":
                if before[-1:] != ("deploy",):
                    continue
                before = before[:-1]
            if "inputs" in before or (name in OUTPUTS_ONLY and not _OUTPUTS.issuperset(before)):
                continue
            return place
    return None


def reference_place(symbol: tuple[str, ...]) -> int | None:
    """Where `sops` stands in a reference to what sops-nix made of the configuration."""
    for place in range(1, len(symbol) - 1):
        if symbol[place] == "sops" and symbol[place + 1] in USE_KINDS:
            before = symbol[:place]
            if before[0].lower().endswith("config") or "config" in before:
                return place
    return None


def is_named(symbol: tuple[str, ...]) -> bool:
    """Whether a reference names one secret, not the whole set."""
    place = reference_place(symbol)
    return place is not None and len(symbol) > place + 2


def owner_of(path: Path) -> Owner:
    """Whose configuration a path or symbol leads into."""
    host = user = None
    for place, name in enumerate(path[:-1]):
        if name in COLLECTIONS and path[place + 1] not in COLLECTIONS[name]:
            host = path[place + 1]
        elif name == "users" and place and path[place - 1] == "home-manager":
            user = path[place + 1]
    return Owner(host, user)


def dotted(path: Path) -> str:
    """The path as one reads it."""
    return ".".join(component or "<dynamic>" for component in path)
