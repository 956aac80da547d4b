"""Repairs. `RESOLVED` are the intents that `sopsguard fix` can carry out; there is no such command yet."""

RESOLVED: tuple[type, ...] = ()
