"""No key groups were made by a stray dash.

Two items under `key_groups` are two groups, and with two groups keys of both must come together to
open a file (Shamir). `- age:` and `- pgp:` as two items, meant as one group, lock everybody out who
holds one key.

Remedy: put all recipients into one group, then `sops updatekeys`; for a real split set
`shamir_threshold`.
"""

from collections.abc import Iterator

from sopsguard.context import Check, Context, Example
from sopsguard.model import Family, Finding, Level, Location, Unknown


def run(ctx: Context) -> Iterator[Finding]:
    """Rules with several key groups that look like one; a deliberate split is told as information."""
    for path, problem in ctx.config_problems:
        if isinstance(problem, Unknown) or problem.code != "shamir" or problem.rule is None:
            continue
        rule = ctx.managed.configs[path].rules[problem.rule]
        yield Finding(
            Location(path, problem.line, problem.column, key=f"creation_rules.{problem.rule}"),
            problem.message,
            problem.hint or "nothing to do, if that is meant",
            level=None if rule.is_accidental_shamir else Level.INFO,
        )


CHECK = Check(
    "accidental-shamir",
    Family.RECIPIENTS,
    Level.ERROR,
    __doc__,
    run,
    Example(
        bad={
            ".sops.yaml": "creation_rules:\n  - path_regex: ^secrets\\.yaml$\n    key_groups:\n"
            "      - age: [{alice}]\n      - age: [{bob}]\n"
        },
        good={
            ".sops.yaml": "creation_rules:\n  - path_regex: ^secrets\\.yaml$\n    key_groups:\n"
            "      - age: [{alice}, {bob}]\n"
        },
    ),
)
