"""Every secret that Nix names is in the file it names.

sops-nix looks a secret up by its name, or its `key`, when a host is activated; slashes in it are levels of
the file. One name that is not there, or a file that is not there or has another format, and the
activation fails: the host has none of its secrets. Names are resolved as Nix would merge them (`sopsFile`,
`key`, `format`, `defaultSopsFile`), for each host whose imports lead to them; what is computed, or kept in
another repository, is named as unknown. A use of a secret that nobody declares is told where the name is
nearly that of one that is declared. A declaration that stands under a condition, or in a module that
nobody is known to take in for certain, is a warning.

The same holds in a kustomization: the files of a `secretGenerator` are in the repository, and an encrypted
Secret beside a workload has the keys that the workload names.

Remedy: correct the name or `key` in Nix, or add the value with `sops set` or `sops edit`.
"""

from collections.abc import Iterator

from sopsguard.context import Check, Context, Encrypted, Example
from sopsguard.model import Family, Finding, Level, Unknown, printable
from sopsguard.references import ABSENT, NOT_ENCRYPTED, Fault
from sopsguard.references.uses import undeclared
from sopsguard.references.wording import advice, undecided, wrong


def run(ctx: Context) -> Iterator[Finding | Unknown]:
    """References that lead nowhere, and those that could not be followed."""
    references = ctx.references
    for found in wrong(references, (ABSENT, NOT_ENCRYPTED, Fault.MISSING, Fault.WRONG_FORMAT)):
        file = found.failure.target.file
        if found.failure.fault == NOT_ENCRYPTED and _is_told(ctx, file):
            continue
        identity = f"{file} {found.failure.target.key}"
        yield Finding(
            found.where, found.what, advice(references, found), level=found.level, identity=identity
        )
    for slip in undeclared(references):
        if isinstance(slip, Unknown):
            yield slip
        else:
            yield Finding(
                slip.where,
                printable(
                    f"{slip.written} is used and declared nowhere; the configuration does not evaluate"
                ),
                printable(f'nearest is "{slip.nearest}": correct the name, or declare it'),
                level=slip.level,
            )
    for absent in ctx.manifests.absent():
        yield Finding(absent.where, printable(absent.what), absent.hint)
    yield from undecided(references)


def _is_told(ctx: Context, file: str) -> bool:
    """Whether `unencrypted-file` says of a file in clear that a rule means it."""
    if "unencrypted-file" not in ctx.runs or file not in ctx.managed.clear:
        return False
    rule = ctx.managed.rule(file).rule
    return rule is not None and not rule.is_catch_all and not rule.is_block


CONFIG = "creation_rules:\n  - path_regex: ^secrets\\.yaml$\n    age: {alice}\n"
SECRETS = Encrypted("restic:\n  password: see the safe\n")
CHECK = Check(
    "dangling-reference",
    Family.SCHEMA,
    Level.ERROR,
    __doc__,
    run,
    Example(
        bad={
            ".sops.yaml": CONFIG,
            "secrets.yaml": SECRETS,
            "host.nix": '{ sops.defaultSopsFile = ./secrets.yaml; sops.secrets."restic/pasword" = { }; }\n',
        },
        good={
            ".sops.yaml": CONFIG,
            "secrets.yaml": SECRETS,
            "host.nix": '{ sops.defaultSopsFile = ./secrets.yaml; sops.secrets."restic/password" = { }; }\n',
        },
    ),
)
