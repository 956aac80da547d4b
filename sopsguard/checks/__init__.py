"""The rules: one module each, by family. The explicit list; a test compares it with the folder.

Rules are imported when their family is asked for: importing all of them would cost a hook more than
what it has to do.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from sopsguard.model import Family

if TYPE_CHECKING:
    from sopsguard.context import Check

RULES: dict[str, Family] = {
    "plaintext-private-key": Family.PLAINTEXT,
    "plaintext-token": Family.PLAINTEXT,
    "plaintext-password": Family.PLAINTEXT,
    "plain-kubernetes-secret": Family.PLAINTEXT,
    "decrypted-leftover": Family.PLAINTEXT,
}


def load(rule: str) -> "Check":
    """The check of that id."""
    module = import_module(f"sopsguard.checks.{RULES[rule]}.{rule.replace('-', '_')}")
    check: Check = module.CHECK
    return check
