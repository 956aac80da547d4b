"""No token of a service stands in the repository in clear.

Whoever reads the repository can act as the owner of the token: API tokens, deploy keys, webhooks,
session tokens, service-account files. Tokens of known services are recognised by their documented
format, and by their checksum where they carry one.

Remedy: put the token into a SOPS file and hand it over as a file or an environment variable at run
time. Revoke a token that was ever pushed at its provider and create a new one.
"""

from collections.abc import Iterator

from sopsguard.checks.plaintext.found import findings
from sopsguard.context import Check, Context, Example
from sopsguard.model import Family, Finding, Level

ID = "plaintext-token"


def run(ctx: Context) -> Iterator[Finding]:
    """Tokens of known services, JSON web tokens, authorization headers."""
    return findings(
        ctx, ID, "keep the token in a SOPS file, and revoke it at its provider if it was ever pushed"
    )


CHECK = Check(
    ID,
    Family.PLAINTEXT,
    Level.ERROR,
    __doc__,
    run,
    Example(
        bad={"ci.env": "GITHUB_TOKEN={github-token}\n"},
        good={"ci.env": "GITHUB_TOKEN_FILE=/run/secrets/github\n"},
    ),
)
