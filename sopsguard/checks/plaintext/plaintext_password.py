"""No password or connection string with a password stands in the repository in clear.

In Nix a literal password does not only stand in git: evaluation copies it into the world-readable Nix
store of every machine. Options that hold a password are read by their path, so that even a short or
common word counts there; anywhere else a value has to look like a secret.

Remedy: put the password into a SOPS file and use the variant of the option that takes a file
(`passwordFile`, `environmentFile`, `hashedPasswordFile`). Change a password that was ever pushed.
"""

from collections.abc import Iterator

from sopsguard.checks.plaintext.found import findings
from sopsguard.context import Check, Context, Example
from sopsguard.model import Family, Finding, Level

ID = "plaintext-password"


def run(ctx: Context) -> Iterator[Finding]:
    """Passwords, passphrases, pre-shared keys of Wi-Fi, connection strings, credential files."""
    remedy = "keep the password in a SOPS file and use the option that takes a file"
    return findings(ctx, ID, f"{remedy}, and change it if it was ever pushed")


CHECK = Check(
    ID,
    Family.PLAINTEXT,
    Level.ERROR,
    __doc__,
    run,
    Example(
        bad={"backup.nix": '{ systemd.services.backup.environment.RESTIC_PASSWORD = "{password}"; }\n'},
        good={"backup.nix": '{ services.restic.backups.home.passwordFile = "/run/secrets/restic"; }\n'},
    ),
)
