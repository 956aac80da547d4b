"""Recipients and small configurations for the tests; nobody owns the keys."""

import hashlib

from sopsguard.keys import bech32
from sopsguard.sops import config
from sopsguard.sops.config import Config


def age(name: str) -> str:
    """A well-formed X25519 recipient, always the same for `name`."""
    return bech32.encode("age", hashlib.sha256(name.encode()).digest())


ALICE, BOB, CAROL, DAVE = map(age, ("alice", "bob", "carol", "dave"))


def rules(*expressions: str | None) -> str:
    """One rule per expression (as YAML), each with a recipient of its own; None is a rule without one."""
    text = "creation_rules:\n"
    for expression, key in zip(expressions, (ALICE, BOB, CAROL, DAVE), strict=False):
        text += f"  - age: {key}\n" + (f"    path_regex: {expression}\n" if expression is not None else "")
    return text


def quoted(expression: str) -> str:
    """An expression in single quotes, as YAML wants it."""
    return "'" + expression.replace("'", "''") + "'"


def read(text: str, path: str = ".sops.yaml") -> Config:
    """The configuration that `text` is."""
    return config.parse(text.encode("utf-8", "surrogatepass"), path)
