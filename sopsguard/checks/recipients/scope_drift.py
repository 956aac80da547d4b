"""Every file encrypts what its creation rule says.

Which values are encrypted is fixed when a file is made. A later change of the rule
(`encrypted_regex`, `unencrypted_suffix`, `mac_only_encrypted`, the Shamir threshold) does not reach
it: neither `updatekeys` nor `rotate` carries it over.

Remedy: decrypt the file and encrypt it again, both in memory or on a RAM disk; or set the rule
back.
"""

from collections.abc import Iterator

from sopsguard.context import Check, Context, Encrypted, Example
from sopsguard.model import Family, Finding, Level, Location, ReScope, printable


def run(ctx: Context) -> Iterator[Finding]:
    """Selection fields and threshold of the file against those of its rule."""
    from sopsguard.sops.expression import BadRegex, regex
    from sopsguard.sops.file import SopsFile

    for path, (drift, _) in ctx.drifts.items():
        file = ctx.managed.files[path]
        if isinstance(file, SopsFile) and any(p.code == "M7" for p in file.metadata.problems):
            continue
        said = [
            f"`{name}` is {_shown(have)} in the file and {_shown(want)} in the rule"
            for name, (have, want) in drift.scope.items()
            # An expression that selects nothing is told of the rule itself.
            if not (name.endswith("_regex") and isinstance(regex(want), BadRegex))
        ]
        if "risky-rule" in ctx.runs and _is_misspelt(ctx, path):
            continue
        if drift.threshold_by_rule:
            have, want = drift.threshold_by_rule
            said.append(f"{have} key groups must come together, the rule says {want}")
        if said:
            hint = "decrypt and encrypt it again (updatekeys and rotate do not change this)"
            yield Finding(
                Location(path, key="sops"),
                "; ".join(said),
                f"{hint}, or set the rule back",
                intent=ReScope(path) if drift.scope else None,
            )


def _is_misspelt(ctx: Context, path: str) -> bool:
    """Whether the rule says what is encrypted in a word that sops passes over."""
    from sopsguard.sops.lint import meant
    from sopsguard.sops.rules import SELECTION_FIELDS

    rule = ctx.managed.rule(path).rule
    return rule is not None and any(meant(field.name, SELECTION_FIELDS) for field in rule.unknown)


def _shown(value: str) -> str:
    return printable(value) or "not set"


CHECK = Check(
    "scope-drift",
    Family.RECIPIENTS,
    Level.WARNING,
    __doc__,
    run,
    Example(
        bad={
            ".sops.yaml": "creation_rules:\n  - path_regex: ^secrets\\.yaml$\n    age: {alice}\n"
            "    encrypted_regex: ^(password)$\n",
            "secrets.yaml": Encrypted("password: see the safe\n"),
        },
        good={
            ".sops.yaml": "creation_rules:\n  - path_regex: ^secrets\\.yaml$\n    age: {alice}\n",
            "secrets.yaml": Encrypted("password: see the safe\n"),
        },
    ),
)
