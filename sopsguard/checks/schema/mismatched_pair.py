"""Every public key stands beside the private key it belongs to, and both ends of a tunnel hold one key.

A public half that belongs to another private one is handed out to all the others: the tunnel does not come
up, the host is taken for an impostor, files are encrypted for nobody. Judged only with a key
(`sopsguard check --decrypt`): for `wireguard`, `ssh` and `age` of each host the public half is derived from
the private one; the recipient of a host's age identity must be one that the inventory or `.sops.yaml` knows
for the host, or it is locked out at the next deployment; the preshared key of a spoke must be the one that
the hub keeps for it.

Remedy: store the two halves again from one key pair; after a change of an age key, put the new recipient into
`.sops.yaml` and run `sops updatekeys`.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sopsguard.checks.structural import located
from sopsguard.context import Check, Context, Encrypted, Example
from sopsguard.model import Family, Finding, Level, Pair

if TYPE_CHECKING:
    from sopsguard.structure.pairs import Mismatch


def run(ctx: Context) -> Iterator[Finding]:
    """The pairs of every opened file, and the tunnels between files."""
    from sopsguard.structure import pairs

    hosts = ctx.structure.hosts.items()
    opened = {path: entries for path, entries in hosts if path in ctx.structure.opened}
    for path, entries in opened.items():
        for entry in entries:
            wrong = list(pairs.mismatches(path, entry))
            for found in wrong:
                yield _finding(found, "store both halves again from one key pair with `sops edit`")
            recipient = pairs.identity(entry)
            host = ctx.inventory.host(entry.host) if entry.host else None
            if wrong or recipient is None or host is None or not host.recipients:
                continue
            if ctx.inventory.reader(recipient) not in host.readers:
                place = entry.place_of("public")
                words = f"is no recipient that is known for {host.name}: with this identity it opens nothing"
                hint = "put the recipient of the new identity into `.sops.yaml`, then `sops updatekeys`"
                yield _finding(pairs.Mismatch(path, place, words), hint)
    for found in pairs.preshared(opened):
        yield _finding(found, "give both ends the same preshared key with `sops edit`")


def _finding(found: "Mismatch", hint: str) -> Finding:
    intent = Pair(found.path, found.place.path)
    return Finding(located(found.path, found.place), f"{found.place.key} {found.words}", hint, intent=intent)


CHECK = Check(
    "mismatched-pair",
    Family.SCHEMA,
    Level.ERROR,
    __doc__,
    run,
    Example(
        bad={
            "secrets.yaml": Encrypted(
                "wireguard:\n  tower:\n    private_key: {wireguard-key}\n    public_key: {wireguard-public}\n"
            )
        },
        good={"secrets.yaml": Encrypted("wireguard:\n  tower:\n    private_key: {wireguard-key}\n")},
    ),
)
