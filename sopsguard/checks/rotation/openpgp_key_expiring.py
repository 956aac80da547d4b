"""Every OpenPGP key that is committed can be used for a while yet.

The certificates in the tree (`keys/*.asc` and the like) say when their keys and subkeys expire. An
expired encryption subkey stops `sops updatekeys` for everybody, an expired signing subkey every signed
commit; with the secret keys on a hardware token a new one takes an evening with the offline master key,
so it is told two months ahead. Revoked keys are not meant to live.

Remedy: prolong the subkey or make a new one with the offline master key, move it to the tokens, export
the public certificate (`gpg --export --armor`) into the tree.
"""

from collections.abc import Iterator

from sopsguard.checks.aging import day, unknowns
from sopsguard.context import Check, Context, Encrypted, Example
from sopsguard.model import Family, Finding, Level, Location, Unknown

AHEAD = 60 * 86400


def run(ctx: Context) -> Iterator[Finding | Unknown]:
    """Keys with an end that is near or past, by the certificates that stand now; nothing for a change."""
    if ctx.before is not None or ctx.managed.concerned is not None:
        return
    yield from unknowns(ctx)
    readers = ctx.past_readers
    lives = [life for life in (readers.keys if readers is not None else ()) if life.key.kind != "ssh"]
    # A subkey that was replaced in time may expire in peace.
    last: dict[tuple[str, str], int] = {}
    for life in lives:
        for use in life.key.uses:
            if not life.key.revoked:
                end = life.key.expires or 1 << 62
                last[life.path, use] = max(last.get((life.path, use), 0), end)
    for life in lives:
        key = life.key
        if not key.expires or key.revoked or key.expires > ctx.now + AHEAD:
            continue
        if key.uses and all(last[life.path, use] > ctx.now + AHEAD for use in key.uses):
            continue
        what = "the OpenPGP key" if key.kind == "openpgp" else "the OpenPGP subkey"
        when = f"{'expired' if key.expires <= ctx.now else 'expires'} on {day(key.expires)}"
        uses = f" ({', '.join(key.uses)})" if key.uses else ""
        yield Finding(
            Location(life.path, key=key.name),
            f"{what} {key.name[-16:]}{uses} {when}",
            "prolong or replace it with the offline master key, and export the certificate into the tree",
            identity=key.name,
        )


CHECK = Check(
    "openpgp-key-expiring",
    Family.ROTATION,
    Level.WARNING,
    __doc__,
    run,
    Example(
        bad={
            "keys/alice.asc": "{openpgp-certificate-expiring}",
            "secrets.yaml": Encrypted("password: see the safe\n"),
        },
        good={
            "keys/alice.asc": "{openpgp-certificate}",
            "secrets.yaml": Encrypted("password: see the safe\n"),
        },
    ),
)
