"""Every Kubernetes Secret in the repository is encrypted, sealed, or fetched from elsewhere.

`data` of a Secret is base64, which is an encoding and not a protection. Manifests that only point to a
secret (ExternalSecret, SealedSecret, SopsSecret), templates, and Secrets without values are not meant.

Remedy: encrypt the manifest with `sops encrypt --encrypted-regex '^(data|stringData)$'` and let Flux or
Argo decrypt it. Replace values that were ever pushed.
"""

from collections.abc import Iterator

from sopsguard.checks.plaintext.found import findings
from sopsguard.context import Check, Context, Example
from sopsguard.model import Family, Finding, Level

ID = "plain-kubernetes-secret"
MANIFEST = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\n"


def run(ctx: Context) -> Iterator[Finding]:
    """Manifests of kind Secret whose `data` or `stringData` is in clear."""
    encrypt = "encrypt the manifest (`sops encrypt -i --encrypted-regex '^(data|stringData)$'`)"
    return findings(ctx, ID, f"{encrypt}, and replace values that were ever pushed")


CHECK = Check(
    ID,
    Family.PLAINTEXT,
    Level.ERROR,
    __doc__,
    run,
    Example(
        bad={"secret.yaml": f"{MANIFEST}stringData:\n  password: {{password}}\n"},
        good={"secret.yaml": f"{MANIFEST}stringData: {{}}\n"},
    ),
)
