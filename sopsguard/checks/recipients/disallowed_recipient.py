"""Only kinds of keys that the policy allows, and none too weak, open files.

A team that keeps its keys on hardware tokens, or off the cloud, writes so into `.sopsguard.yaml`
(`recipients: kinds: [plugin, x25519]`); every other kind is an error then. Without that section only RSA keys
of less than 3072 bits are told, as a warning: they are broken first, and what they opened stays in git.

Remedy: give the holder a key of an allowed kind, exchange it in `.sops.yaml`, then `sops updatekeys` and
`sops rotate -i`.
"""

from collections.abc import Iterator

from sopsguard.context import Check, Context, Encrypted, Example
from sopsguard.model import Family, Finding, Level, printable

RSA_BITS = 3072


def run(ctx: Context) -> Iterator[Finding]:
    """Every recipient of every rule, and those of files that no rule names."""
    view = ctx.access
    told: set[tuple[str, str]] = set()
    ruled = {use.who for use in view.in_rules}
    for use in (*view.in_rules, *view.in_files):
        if (use.path, use.who) in told or (use.rule is None and use.who in ruled):
            continue
        kind = use.key.kind.value
        if view.demands.kinds and kind not in view.demands.kinds:
            allowed = ", ".join(sorted(view.demands.kinds))
            said, hint, level = f"is a key of kind {kind}", f"the policy allows {allowed}", None
        elif kind == "ssh" and (bits := _rsa_bits(use.key.text)) and bits < RSA_BITS:
            said, hint = (
                f"is an RSA key of {bits} bits",
                f"an Ed25519 key, or RSA of at least {RSA_BITS} bits",
            )
            level = Level.WARNING
        else:
            continue
        told.add((use.path, use.who))
        message = printable(f"{view.name(use.who, use.key)} {said}")
        yield Finding(use.where, message, hint, level=level, identity=use.who)


def _rsa_bits(text: str) -> int | None:
    from sopsguard.keys import Problem, ssh

    key = ssh.public_key(text.strip())
    return None if key is None or isinstance(key, Problem) else key.bits if key.kind == "ssh-rsa" else None


CHECK = Check(
    "disallowed-recipient",
    Family.RECIPIENTS,
    Level.ERROR,
    __doc__,
    run,
    Example(
        bad={
            ".sopsguard.yaml": "recipients:\n  kinds: [plugin]\n",
            "secrets.yaml": Encrypted("password: see the safe\n", to=("alice", "bob")),
        },
        good={
            ".sopsguard.yaml": "recipients:\n  kinds: [plugin, x25519]\n",
            "secrets.yaml": Encrypted("password: see the safe\n", to=("alice", "bob")),
        },
    ),
)
