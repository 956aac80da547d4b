"""Every SOPS file opens with its keys, and its MAC holds.

Judged only with an identity (`sopsguard check --decrypt`): each file is opened in memory as sops would,
the tag of every value and the MAC over all of them are verified, and nothing of it is written or shown.
This is the only proof that a file is sound; what is found without a key is told by the more specific
rules, and then not again here.

Remedy: take the last version that opens from git, and make the change again with `sops edit`.
"""

from collections.abc import Iterator

from sopsguard.context import Check, Context, Encrypted, Example
from sopsguard.model import Family, Finding, Level, Location, Unknown


def run(ctx: Context) -> Iterator[Finding | Unknown]:
    """The files that do not open, and those for which no identity is at hand."""
    from sopsguard.sops.opening import Reason, Refused

    for path, opened in ctx.opened.items():
        if not isinstance(opened, Refused):
            continue
        where = Location(path, opened.line, key=opened.key)
        if opened.reason in (Reason.NO_KEY, Reason.UNKNOWN):
            needed = (
                "an identity of one of its recipients" if opened.reason is Reason.NO_KEY else "google-re2"
            )
            yield Unknown(where, opened.message, needed)
        else:
            yield Finding(
                where,
                f"does not open: {opened.message}",
                "take the last version that opens from git, and make the change again with `sops edit`",
                identity=opened.reason,
            )


CHECK = Check(
    "unopenable-file",
    Family.SCHEMA,
    Level.ERROR,
    __doc__,
    run,
    Example(
        bad={
            "secrets.yaml": Encrypted(
                "url_unencrypted: https://example.org\npassword: see the safe\n",
                hand=((r"example\.org", "example.net"),),
                seen=False,
            )
        },
        good={"secrets.yaml": Encrypted("url_unencrypted: https://example.org\npassword: see the safe\n")},
    ),
)
