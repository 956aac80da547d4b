"""Every wrapped data key belongs to the recipient it is labelled with.

Nothing authenticates the label. For SSH and hardware keys the wrapped key carries a tag that must
fit; for all kinds the type must. A label that lies hides a reader, or locks one out. So does a name: an
anchor of one host at a key that is another's, as a committed public key proves or the inventory states.

Remedy: `sops updatekeys` with the right `.sops.yaml`; if you did not write the entry, treat the
file as read by a stranger and replace its values.
"""

from collections.abc import Iterator

from sopsguard.checks.problems import Advice, of_files
from sopsguard.context import Check, Context, Encrypted, Example
from sopsguard.model import Family, Finding, Level, printable

CODES = {
    "R4": Advice("`sops updatekeys`; who wrote this entry?"),
    "R5": Advice("`sops updatekeys`; who wrote this entry?"),
    "R16": Advice("`sops updatekeys`; who wrote this entry?"),
    "R6": Advice("`sops updatekeys`", Level.WARNING),
    # sops writes one stanza; age authenticates them together, so whoever wrapped the key put the other in.
    "R14": Advice("`sops updatekeys`; a second stanza is a second reader that the label does not show"),
}


def run(ctx: Context) -> Iterator[Finding]:
    """Stanza types, tags, sizes and counts against the label; names against known keys."""
    yield from of_files(ctx, CODES)
    view = ctx.access
    for name, known in view.contradictions if view.managed.whole else ():
        said, owner = name.why, known.holder.name
        yield Finding(
            said.where._replace(key=said.text),
            printable(f"the key at {said.text} is that of {owner}: {known.why.reason}"),
            f"exchange the key or the name; which of them is right, {printable(owner)} can tell",
            identity=f"{name.holder.name} {owner}",
        )


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
