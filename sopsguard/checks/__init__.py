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
    "unencrypted-file": Family.PLAINTEXT,
    "unencrypted-value": Family.PLAINTEXT,
    "template-file": Family.PLAINTEXT,
    "broken-file": Family.SCHEMA,
    "unopenable-file": Family.SCHEMA,
    "hand-edited-file": Family.SCHEMA,
    "moved-ciphertext": Family.SCHEMA,
    "reused-iv": Family.SCHEMA,
    "formatter-damage": Family.SCHEMA,
    "schema-violation": Family.SCHEMA,
    "impossible-length": Family.SCHEMA,
    "forbidden-secret": Family.SCHEMA,
    "placeholder-value": Family.SCHEMA,
    "mismatched-pair": Family.SCHEMA,
    "incomplete-host": Family.SCHEMA,
    "orphaned-host": Family.SCHEMA,
    "duplicate-address": Family.SCHEMA,
    "mesh-fault": Family.SCHEMA,
    "version-mismatch": Family.SCHEMA,
    "guessable-value": Family.SCHEMA,
    "dangling-reference": Family.SCHEMA,
    "non-string-reference": Family.SCHEMA,
    "unreadable-reference": Family.SCHEMA,
    "mismatched-public-key": Family.SCHEMA,
    "unused-secret": Family.SCHEMA,
    "host-key-circle": Family.SCHEMA,
    "access-gained": Family.RECIPIENTS,
    "unknown-recipient": Family.RECIPIENTS,
    "former-recipient": Family.RECIPIENTS,
    "missing-recipient": Family.RECIPIENTS,
    "recipient-drift": Family.RECIPIENTS,
    "shared-data-key": Family.RECIPIENTS,
    "disallowed-recipient": Family.RECIPIENTS,
    "duplicate-recipient": Family.RECIPIENTS,
    "single-recipient": Family.RECIPIENTS,
    "overexposed-secret": Family.RECIPIENTS,
    "host-without-recipient": Family.RECIPIENTS,
    "unused-anchor": Family.RECIPIENTS,
    "mislabelled-recipient": Family.RECIPIENTS,
    "accidental-shamir": Family.RECIPIENTS,
    "file-without-rule": Family.RECIPIENTS,
    "scope-drift": Family.RECIPIENTS,
    "dead-rule": Family.RECIPIENTS,
    "risky-rule": Family.RECIPIENTS,
    "mixed-quantum-safety": Family.RECIPIENTS,
    "rotation-due": Family.ROTATION,
    "rotation-overdue": Family.ROTATION,
    "unfinished-revocation": Family.ROTATION,
    "openpgp-key-expiring": Family.ROTATION,
    "unsigned-commit": Family.SIGNATURES,
    "unauthorised-change": Family.SIGNATURES,
    "untrusted-signature": Family.SIGNATURES,
    "broken-signature": Family.SIGNATURES,
}

# Rules that the scan answers alone: without a candidate they need not even be imported.
SCANNED = frozenset(
    (
        "plaintext-private-key",
        "plaintext-token",
        "plaintext-password",
        "plain-kubernetes-secret",
        "decrypted-leftover",
    )
)

# Rules about what Nix says of secrets: asked also when only a Nix file was touched.
REFERRING = frozenset(
    (
        "dangling-reference",
        "non-string-reference",
        "unreadable-reference",
        "mismatched-public-key",
        "duplicate-address",
        "mesh-fault",
        "unused-secret",
        "host-key-circle",
    )
)


def load(rule: str) -> "Check":
    """The check of that id."""
    module = import_module(f"sopsguard.checks.{RULES[rule]}.{rule.replace('-', '_')}")
    check: Check = module.CHECK
    return check
