"""No host key lies only in the file that it opens.

A host that opens a file with a key which is itself a value of that file cannot be set up anew: whoever lost
the key on the disk cannot decrypt the file that holds it. The copy is of use only to people who open the file
with a key of theirs, and whoever opens the file has the host's key as well.

Remedy: keep host keys in a file for people only, put the key on the host at installation, and let
`sops.age.sshKeyPaths` or `sops.age.keyFile` name a path outside of `/run/secrets`.
"""

from collections.abc import Iterator

from sopsguard.context import Check, Context, Encrypted, Example
from sopsguard.model import Family, Finding, Level, printable


def run(ctx: Context) -> Iterator[Finding]:
    """What Nix says of it, and with an identity what the files hold."""
    from sopsguard.references.circles import circles

    for found in circles(ctx.references, ctx.inventory, ctx.managed.files, ctx.opened):
        who = "its own recipient" if found.host is None else found.host
        what = f"{who} opens {found.file} with a key that lies in it: {found.key}"
        if found.host is None:
            what = f"{found.key} is a key that opens this very file"
        yield Finding(
            found.where,
            printable(f"{what}; without a copy elsewhere nothing can be decrypted on a new machine"),
            "keep the key in a file for people only, and put it on the host at installation",
            identity=f"{found.host} {found.file}",
        )


CONFIG = "creation_rules:\n  - path_regex: ^secrets\\.yaml$\n    age: '{alice}'\n"
FLAKE = "{ outputs = { nixpkgs, ... }: { nixosConfigurations.turbine = nixpkgs.lib.nixosSystem {\n"
FLAKE += "  modules = [ ./turbine.nix ]; }; }; }\n"
HOST = "{{ config, ... }}: {{\n  sops.secrets.key.sopsFile = ./secrets.yaml;\n"
HOST += "  sops.age.sshKeyPaths = [ {} ];\n}}\n"
CHECK = Check(
    "host-key-circle",
    Family.SCHEMA,
    Level.INFO,
    __doc__,
    run,
    Example(
        bad={
            ".sops.yaml": CONFIG,
            "flake.nix": FLAKE,
            "turbine.nix": HOST.format("config.sops.secrets.key.path"),
            "secrets.yaml": Encrypted("key: see the safe\n"),
        },
        good={
            ".sops.yaml": CONFIG,
            "flake.nix": FLAKE,
            "turbine.nix": HOST.format('"/etc/ssh/ssh_host_ed25519_key"'),
            "secrets.yaml": Encrypted("key: see the safe\n"),
        },
    ),
)
