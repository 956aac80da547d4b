"""Every wrapped data key belongs to the recipient it is labelled with.

Nothing authenticates the label. For SSH and hardware keys the wrapped key carries a tag that must
fit; for all kinds the type must. A label that lies hides a reader, or locks one out.

Remedy: `sops updatekeys` with the right `.sops.yaml`; if you did not write the entry, treat the
file as read by a stranger and replace its values.
"""

from collections.abc import Iterator

from sopsguard.checks.problems import Advice, of_files
from sopsguard.context import Check, Context, Encrypted, Example
from sopsguard.model import Family, Finding, Level

CODES = {
    "R4": Advice("`sops updatekeys`; who wrote this entry?"),
    "R5": Advice("`sops updatekeys`; who wrote this entry?"),
    "R16": Advice("`sops updatekeys`; who wrote this entry?"),
    "R6": Advice("`sops updatekeys`", Level.WARNING),
    "R14": Advice(
        "`sops updatekeys`; a second stanza is a second reader that the label does not show", Level.WARNING
    ),
}


def run(ctx: Context) -> Iterator[Finding]:
    """Stanza types, tags, sizes and counts against the label."""
    yield from of_files(ctx, CODES)


CHECK = Check(
    "mislabelled-recipient",
    Family.RECIPIENTS,
    Level.ERROR,
    __doc__,
    run,
    Example(
        bad={
            "secrets.yaml": Encrypted(
                "password: see the safe\n", hand=((r"recipient: .*$", "recipient: {ssh-public-key}"),)
            )
        },
        good={"secrets.yaml": Encrypted("password: see the safe\n")},
    ),
)
