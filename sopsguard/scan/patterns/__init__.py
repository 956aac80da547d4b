"""The secrets the plaintext scan knows: data by theme, `ALL` in the order they are tried."""

from sopsguard.scan.patterns.pattern import Pattern

__all__ = ["ALL", "Pattern"]

ALL: tuple[Pattern, ...] = ()
