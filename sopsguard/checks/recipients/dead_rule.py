"""Every creation rule applies to some file.

sops takes the first rule that matches. A rule behind a catch-all, or behind one that takes all its
files, never applies: whoever is named only there reads nothing, and whoever edits it changes
nothing.

Remedy: put the more special rule first, or remove the dead one.
"""

from collections.abc import Iterator

from sopsguard.context import Check, Context, Encrypted, Example
from sopsguard.model import DropRule, Family, Finding, Level, Location, Unknown


def run(ctx: Context) -> Iterator[Finding]:
    """Rules that can never apply, and rules that match no file."""
    for path, problem in ctx.config_problems:
        if isinstance(problem, Unknown) or problem.code not in ("C2", "C3") or problem.path is not None:
            continue
        if problem.code == "C3" and _told_otherwise(ctx, path, problem.rule):
            continue
        key = None if problem.rule is None else f"creation_rules.{problem.rule}"
        yield Finding(
            Location(path, problem.line, problem.column, key=key),
            problem.message,
            problem.hint or "put the more special rule first, or remove the dead one",
            # No file yet is common in a new repository, and harmless.
            level=Level.INFO if problem.code == "C3" else None,
            identity=problem.code,
            intent=DropRule(path, problem.rule) if problem.rule is not None else None,
        )


def _told_otherwise(ctx: Context, path: str, rule: int | None) -> bool:
    """Whether it is known why the rule matches no file: it is misread, or its file was moved."""
    from sopsguard.sops.nearmiss import near_misses

    if "risky-rule" in ctx.runs and any(
        where == path and not isinstance(p, Unknown) and p.code == "C10" and p.rule == rule
        for where, p in ctx.config_problems
    ):
        return True
    for file in ctx.managed.files if "file-without-rule" in ctx.runs else ():
        match = ctx.managed.rule(file).match
        if match is None or match.rule is not None or match.config.path != path:
            continue
        misses = near_misses(match.config, file, ctx.managed.paths)
        if misses and misses[0].rule.index == rule:
            return True
    return False


RULES = "creation_rules:\n"
SECRETS = "  - path_regex: ^secrets\\.yaml$\n    age: {alice}\n"
CHECK = Check(
    "dead-rule",
    Family.RECIPIENTS,
    Level.WARNING,
    __doc__,
    run,
    Example(
        bad={
            ".sops.yaml": f"{RULES}  - age: {{bob}}\n{SECRETS}",
            "secrets.yaml": Encrypted("password: see the safe\n", to=("bob",)),
        },
        good={
            ".sops.yaml": f"{RULES}{SECRETS}  - age: {{bob}}\n",
            "secrets.yaml": Encrypted("password: see the safe\n"),
        },
    ),
)
