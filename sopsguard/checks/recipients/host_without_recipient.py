"""Every host has a key that opens something.

A host that is no recipient anywhere gets no secrets from sops. That is as it should be for an installer image
or a machine without secrets, and an oversight for one that was added to the flake and forgotten in
`.sops.yaml`.

Remedy: `ssh-keyscan HOST | ssh-to-age` (or the host's own age key) into `.sops.yaml`, then `sops updatekeys`.
"""

from collections.abc import Iterator

from sopsguard.context import Check, Context, Encrypted, Example
from sopsguard.model import Family, Finding, Level, printable


def run(ctx: Context) -> Iterator[Finding]:
    """Hosts whose keys stand in no rule and no file; images hold no secrets."""
    view = ctx.access
    if not view.managed.whole or not view.managed.configs:
        return
    from sopsguard.inventory import Kind

    used = {use.who for use in (*view.in_rules, *view.in_files)}
    for host in (*view.inventory.hosts, *(h for h in view.inventory.undeclared if h.kind is Kind.HOST)):
        if host.exists and not host.image and not host.readers & used:
            known = "has a key, but" if host.readers else "has no key that is known here, and"
            yield Finding(
                host.where._replace(key=host.name),
                printable(f"host {host.name} {known} is no recipient of any file or rule"),
                "add its age key to .sops.yaml, if it is to have secrets",
                identity=host.name,
            )


CHECK = Check(
    "host-without-recipient",
    Family.RECIPIENTS,
    Level.INFO,
    __doc__,
    run,
    Example(
        bad={
            ".sops.yaml": "creation_rules:\n  - path_regex: ^secrets\\.yaml$\n    age: {alice},{bob}\n",
            "secrets.yaml": Encrypted("password: see the safe\n", to=("alice", "bob")),
            "inventory.yaml": "hosts:\n  turbine: {}\n"
            "people:\n  alice:\n    recipients: ['{alice}', '{bob}']\n",
        },
        good={
            ".sops.yaml": "creation_rules:\n  - path_regex: ^secrets\\.yaml$\n    age: {alice},{bob}\n",
            "secrets.yaml": Encrypted("password: see the safe\n", to=("alice", "bob")),
            "inventory.yaml": "hosts:\n  turbine:\n    recipients: ['{bob}']\n"
            "people:\n  alice:\n    recipients: ['{alice}']\n",
        },
    ),
)
