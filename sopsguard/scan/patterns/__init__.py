"""The secrets the plaintext scan knows: data by theme, `ALL` in the order they are tried."""

from sopsguard.scan.patterns import ai, chat, cloud, forge, generic, infra, payment, services
from sopsguard.scan.patterns.pattern import Pattern

__all__ = ["ALL", "Pattern"]

# Special kinds before general ones.
ALL: tuple[Pattern, ...] = (
    *cloud.PATTERNS,
    *forge.PATTERNS,
    *chat.PATTERNS,
    *payment.PATTERNS,
    *ai.PATTERNS,
    *infra.PATTERNS,
    *services.PATTERNS,
    *generic.PATTERNS,
)
