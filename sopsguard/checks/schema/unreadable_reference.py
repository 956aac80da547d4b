"""Every host can open the files it reads secrets from.

A host that names a secret of a file, and is not a recipient of that file, fails at activation and has none
of its secrets. Judged are declarations that a host certainly takes in, through imports that can be followed;
whose a recipient is comes from the inventory. Where a file has a recipient of whom nobody is known, that
may be the host, and nothing is said but that it is unknown.

Remedy: name the host in the creation rule of the file, then `sops updatekeys`.
"""

from collections.abc import Iterator

from sopsguard.context import Check, Context, Encrypted, Example
from sopsguard.model import Family, Finding, Level, ReKey, Unknown, printable


def run(ctx: Context) -> Iterator[Finding | Unknown]:
    """Each host and file once, at the first reference."""
    from sopsguard.references.readable import unreadable

    if not any(reference.host for reference in ctx.references.all):
        return  # nothing to ask the inventory
    for found in unreadable(ctx.references, ctx.inventory):
        if isinstance(found, Unknown):
            yield found
            continue
        first, file = found.references[0], printable(found.file)
        host = printable(found.host)
        more = f" and {len(found.references) - 1} more" if len(found.references) > 1 else ""
        yield Finding(
            first.where._replace(key="sops.secrets"),
            f"{host} reads secrets from {file} and is not a recipient of it; "
            f"{host} would fail at activation and lose all its secrets",
            f"it reads {printable(first.written)}{more}: name {host} in the creation rule of {file}, "
            f"then `sops updatekeys {file}`",
            intent=ReKey(found.file),
            identity=f"{found.host} {found.file}",
        )


FLAKE = "{ outputs = { nixpkgs, ... }: { nixosConfigurations.turbine = nixpkgs.lib.nixosSystem {\n"
FLAKE += "  modules = [ ./hosts/turbine.nix ]; }; }; }\n"
HOST = "{ sops.secrets.password.sopsFile = ../secrets.yaml; }\n"
INVENTORY = "hosts:\n  turbine:\n    recipients: ['{bob}']\npeople:\n  alice:\n    recipients: ['{alice}']\n"
CONFIG = "creation_rules:\n  - path_regex: ^secrets\\.yaml$\n    age: "
CHECK = Check(
    "unreadable-reference",
    Family.SCHEMA,
    Level.ERROR,
    __doc__,
    run,
    Example(
        bad={
            ".sops.yaml": f"{CONFIG}'{{alice}}'\n",
            "inventory.yaml": INVENTORY,
            "flake.nix": FLAKE,
            "hosts/turbine.nix": HOST,
            "secrets.yaml": Encrypted("password: see the safe\n"),
        },
        good={
            ".sops.yaml": f"{CONFIG}'{{alice}},{{bob}}'\n",
            "inventory.yaml": INVENTORY,
            "flake.nix": FLAKE,
            "hosts/turbine.nix": HOST,
            "secrets.yaml": Encrypted("password: see the safe\n", to=("alice", "bob")),
        },
    ),
)
