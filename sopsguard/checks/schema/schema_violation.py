"""Every SOPS file has the structure that its schema documents.

A key that is misspelt, a list where a mapping belongs, a number where a key should be: the file decrypts,
and the machine that needs the value fails. `.sopsguard.yaml` says which JSON Schema (draft 2020-12) a file
is held to, the first glob that covers it:

    schemas:
      secrets/hosts/**: guide
      secrets/**: schemas/secrets.json

`guide` is the tree of the guide, built in: wireguard, ssh and age for each host, and what applications keep.
A schema describes the decrypted document. Without a key it is judged by what ciphertext shows: keys, lists,
types and lengths; only what is certainly wrong is said. With a key (`sopsguard check --decrypt`) it is
judged fully. Formats of ours are, among others, wireguard-key, age-identity, age-recipient, ssh-host-key,
ssh-public-key, password-hash and passphrase. No schema is ever fetched from elsewhere.

For editors, name the schema in a first line of the file, `# yaml-language-server: $schema=…`, or in JSON
with `"$schema"`; what counts here is the policy alone.

Remedy: mend the value or the key with `sops edit`, or the schema.
"""

from collections.abc import Iterator

from sopsguard.checks.structural import of_documents
from sopsguard.context import Check, Context, Encrypted, Example
from sopsguard.model import Family, Finding, Level, Location, Unknown

HINT = "mend it with `sops edit`, or the schema if that is wrong"
POLICY = "schemas:\n  secrets/**: guide\n"


def run(ctx: Context) -> Iterator[Finding | Unknown]:
    """What is certainly against the schemas, and what was not finished."""
    yield from of_documents(ctx, "schema-violation", HINT)
    for path, judged in ctx.structure.judged.items():
        for verdict in judged.verdicts:
            if verdict.unfinished:
                reason = f"not wholly held to its schema: {verdict.unfinished}"
                yield Unknown(Location(path), reason, "a simpler schema or a smaller file")
                break


CHECK = Check(
    "schema-violation",
    Family.SCHEMA,
    Level.ERROR,
    __doc__,
    run,
    Example(
        bad={
            ".sopsguard.yaml": POLICY,
            "secrets/a.yaml": Encrypted("wireguard:\n  tower:\n    privat_key: {wireguard-key}\n"),
        },
        good={
            ".sopsguard.yaml": POLICY,
            "secrets/a.yaml": Encrypted("wireguard:\n  tower:\n    private_key: {wireguard-key}\n"),
        },
    ),
)
