"""From what the scan found to a finding: whose it is, where it hides, what to do."""

from typing import TYPE_CHECKING

from sopsguard.contents import COMMIT_MESSAGE
from sopsguard.model import Confidence, Finding, Ignore, Level

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sopsguard.contents import Found
    from sopsguard.context import Context


def findings(ctx: "Context", rule: str, remedy: str, *, ignore: bool = False) -> "Iterator[Finding]":
    """The findings of one plaintext rule. `remedy` says where such a thing belongs; `ignore` that git
    should not see the file at all."""
    for found in ctx.found:
        if found.rule != rule:
            continue
        yield Finding(
            location=found.location,
            message=_message(ctx, found),
            hint=remedy if ignore and found.location.commit is None else f"{_undo(found)}; {remedy}",
            confidence=found.confidence,
            # What merely looks like one, or is one that fails its own checksum, is said but does not block.
            level=Level.WARNING if found.confidence is Confidence.POSSIBLE else None,
            intent=Ignore(found.location.path) if ignore else None,
            identity=" ".join((found.kind, *found.public[:1])),
            mark=found.mark,
            allowed=found.allowed,
        )


def _message(ctx: "Context", found: "Found") -> str:
    text = f"{found.title} in clear"
    if found.layers:
        text += f", inside {' in '.join(reversed(found.layers))}"
    if found.public:
        text += f": {ctx.names.sentence(found.public)}"
    return text


def _undo(found: "Found") -> str:
    where = found.location
    if where.commit is None:
        return "take it out of the file, and stage the file again"
    if where.path == COMMIT_MESSAGE:
        return (
            "rewrite that message before it is published (`git rebase -i`); once pushed, replace the secret"
        )
    return "rewrite that commit before it is published (`git rebase -i`); once pushed it is burnt: replace it"
