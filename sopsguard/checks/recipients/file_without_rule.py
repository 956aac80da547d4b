"""Every SOPS file has a creation rule.

Without one `sops updatekeys` fails on the file, so nobody can be added or removed, and nothing says
who should be able to read it. Usual after a folder was moved.

Remedy: widen a rule or add one; `sopsguard why PATH` shows what was tried.
"""

from collections.abc import Iterator

from sopsguard.context import Check, Context, Encrypted, Example
from sopsguard.model import AddRule, Family, Finding, Level, Location, Unknown, printable


def run(ctx: Context) -> Iterator[Finding | Unknown]:
    """SOPS files that no rule of the configuration matches."""
    from sopsguard.sops.nearmiss import near_misses

    for path in ctx.managed.files:
        match = ctx.managed.rule(path).match
        # Without a configuration nothing can be compared; a broken one is the matter of another rule.
        if match is None or match.rule is not None or match.error is not None:
            continue
        if not match.config.declares_rules:
            continue
        if match.unknown is not None:
            yield match.unknown
            continue
        misses = near_misses(match.config, path, ctx.managed.paths)
        nearest = f"; nearest is {misses[0].rule.title}: {misses[0].reason}" if misses else ""
        yield Finding(
            Location(path),
            f"no rule of {printable(match.config.path)} matches it{printable(nearest)}",
            "widen a rule or add one; `sops updatekeys` fails until then",
            intent=AddRule(path),
        )


CHECK = Check(
    "file-without-rule",
    Family.RECIPIENTS,
    Level.WARNING,
    __doc__,
    run,
    Example(
        bad={
            ".sops.yaml": "creation_rules:\n  - path_regex: ^hosts/.*\\.yaml$\n    age: {alice}\n",
            "secrets/a.yaml": Encrypted("password: see the safe\n"),
        },
        good={
            ".sops.yaml": "creation_rules:\n  - path_regex: ^secrets/.*\\.yaml$\n    age: {alice}\n",
            "secrets/a.yaml": Encrypted("password: see the safe\n"),
        },
    ),
)
