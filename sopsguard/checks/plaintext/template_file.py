"""A `sops` block that sops has not written is known to be a template.

Repositories that generate others carry files with placeholders where SOPS files have metadata. They are
neither encrypted nor broken. They are told so that nobody takes them for encrypted: what stands in them is in
clear, and is searched for secrets like any other file.

Remedy: none is needed; a name that ends in `.tmpl` or `.j2` says it to everybody.
"""

from collections.abc import Iterator

from sopsguard.context import Check, Context, Example
from sopsguard.model import Family, Finding, Level, Location


def run(ctx: Context) -> Iterator[Finding]:
    """Files with the fields of SOPS metadata and none of its substance."""
    for path in ctx.managed.fakes:
        text = ctx.managed.read(path) or b""
        if sum(field in text for field in (b"mac", b"lastmodified", b"version", b"age", b"pgp", b"kms")) >= 3:
            yield Finding(
                Location(path, key="sops"),
                "a `sops` block that sops has not written: a template or a sample, not encrypted",
                "nothing to do, if it is meant as one",
            )


CHECK = Check(
    "template-file",
    Family.PLAINTEXT,
    Level.INFO,
    __doc__,
    run,
    Example(
        bad={
            "secrets.yaml": "password: {{ password }}\nsops:\n    mac: {{ mac }}\n"
            "    lastmodified: {{ now }}\n    version: 3.13.3\n"
        },
        good={"secrets.yaml": "password: {{ password }}\n"},
    ),
)
