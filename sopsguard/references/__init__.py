"""What references in Nix mean: which host reads which leaf of which SOPS file, told without evaluating."""

from sopsguard.references.meaning import Contents, Fault
from sopsguard.references.resolve import (
    ABSENT,
    NOT_ENCRYPTED,
    Failure,
    Open,
    Outcome,
    Reference,
    References,
    Target,
    is_unused,
)

__all__ = [
    "ABSENT",
    "NOT_ENCRYPTED",
    "Contents",
    "Failure",
    "Fault",
    "Open",
    "Outcome",
    "Reference",
    "References",
    "Target",
    "is_unused",
]
