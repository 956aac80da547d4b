"""The `sops` program, for what is not written here."""

from sopsguard.sops.editor import Command


def shown(command: Command) -> str:
    """A command line as one types it; what it reads from standard input is left out."""
    import shlex

    return shlex.join(command.argv)
