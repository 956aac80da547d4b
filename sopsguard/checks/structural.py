"""From the faults of documents to findings: a rule takes those it answers for."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sopsguard.model import Confidence, Finding, Location, Renew
from sopsguard.structure.files import rule_of

if TYPE_CHECKING:
    from sopsguard.context import Context
    from sopsguard.structure.shadow import Place


def located(path: str, place: "Place") -> Location:
    """The place of a value or key in a file."""
    return Location(path, place.line, place.column, key=place.key or None)


def of_documents(ctx: "Context", rule: str, hint: str) -> Iterator[Finding]:
    """The faults of all documents that belong to a rule, in words that begin with the name of the place."""
    for path, faults in ctx.structure.faults.items():
        for fault in faults:
            if rule_of(fault) == rule:
                yield Finding(
                    located(path, fault.place),
                    f"{fault.place.key or 'the file'} {fault.words}",
                    fault.hint or hint,
                    Confidence.PROVED,
                    identity=fault.keyword,
                    intent=Renew(path, fault.place.key) if rule == "placeholder-value" else None,
                )
