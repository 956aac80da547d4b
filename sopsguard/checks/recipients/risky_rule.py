"""Every creation rule does what it seems to say.

`path_regex` is a regular expression that may match anywhere in the path: `secrets.yaml` also
matches `my-secrets-yaml.bak`. Fields that sops does not know are passed over in silence; a misspelt
`path_regex` makes a rule match everything. Flat recipients beside `key_groups` have no effect.
`.sops.yml` is never read, and a second `.sops.yaml` further down counts only for those who work
there.

Remedy: write what is meant; `sopsguard why PATH` shows which rule a file gets.
"""

from collections.abc import Iterator

from sopsguard.checks.problems import Advice, of_configs
from sopsguard.context import Check, Context, Encrypted, Example
from sopsguard.model import Family, Finding, Level, Unknown

CODES = {
    "C5": Advice("move the recipients into the key group"),
    "C7": Advice("correct the name, or remove the field"),
    "C10": Advice("anchor and escape it: `^secrets/[^/]+\\\\.yaml$`"),
    "C11": Advice("keep one configuration at the top"),
    "C14": Advice("let the name end in .yaml, .json, .env or .ini"),
}


def run(ctx: Context) -> Iterator[Finding | Unknown]:
    """Rules that say something else than they seem to."""
    yield from of_configs(ctx, CODES)


RULES = "creation_rules:\n"
SECRETS = "  - path_regex: ^secrets\\.yaml$\n    age: {alice}\n"
CHECK = Check(
    "risky-rule",
    Family.RECIPIENTS,
    Level.WARNING,
    __doc__,
    run,
    Example(
        bad={
            ".sops.yaml": f"{RULES}{SECRETS}    encrypted-regex: ^(password)$\n",
            "secrets.yaml": Encrypted("password: see the safe\n"),
        },
        good={
            ".sops.yaml": f"{RULES}{SECRETS}",
            "secrets.yaml": Encrypted("password: see the safe\n"),
        },
    ),
)
