"""No value is one that somebody still has to write.

`sops NEWFILE` begins with sample keys. They are easily committed along with the first real secret,
or instead of it. They are recognised by the lengths that encryption leaves visible. So is `changeme` in the
place of a key: a text of at most 16 bytes where a schema or an unmistakable name asks for something longer.

Remedy: remove the sample keys, or write the real value, with `sops edit`.
"""

from collections.abc import Iterator

from sopsguard.checks.problems import Advice, of_files
from sopsguard.checks.structural import of_documents
from sopsguard.context import Check, Context, Encrypted, Example
from sopsguard.model import Family, Finding, Level

SAMPLE = (
    "hello: Welcome to SOPS! Edit this file as you please!\nexample_key: example_value\n"
    "example_number: 1234.56789\n"
)
CODES = {
    "L18": Advice("remove the sample keys with `sops edit`"),
}


def run(ctx: Context) -> Iterator[Finding]:
    """The sample keys of sops, by name and length, and texts far too short for their place."""
    yield from of_files(ctx, CODES)
    yield from of_documents(ctx, "placeholder-value", "write the real value with `sops edit`")


CHECK = Check(
    "placeholder-value",
    Family.SCHEMA,
    Level.WARNING,
    __doc__,
    run,
    Example(
        bad={"secrets.yaml": Encrypted(SAMPLE)},
        good={"secrets.yaml": Encrypted("password: see the safe\n")},
    ),
)
