"""`sopsguard install-hooks`: git hooks without a framework, beside those that are there."""

import os
import sys
from typing import TYPE_CHECKING

from sopsguard.cli import FOUND, OK
from sopsguard.cli.judging import repository
from sopsguard.model import UserError, printable

if TYPE_CHECKING:
    import argparse

HELP = "install git hooks that need no framework; the one before a push sees every ref"


def configure(parser: "argparse.ArgumentParser") -> None:
    """Its options."""
    parser.add_argument("--uninstall", action="store_true", help="take them out, and put back what was there")


def run(options: "argparse.Namespace") -> int:
    """Install or remove the hooks; says what became of each."""
    from sopsguard.fix.native import Folder

    repo = repository()
    path = repo.hooks_folder()
    real = os.path.realpath(path)
    places = [os.path.realpath(place) for place in (repo.common_dir, repo.root) if place is not None]
    if not any(real.startswith(place + os.sep) for place in places):
        raise UserError(
            f"core.hooksPath is {printable(path)}, outside of this repository, where others use it too",
            "call `sopsguard hook` from the hooks there, or `git config --local core.hooksPath .git/hooks`",
        )
    folder = Folder(real, os.path.realpath(repo.common_dir))
    refused = False
    for done in folder.uninstall() if options.uninstall else folder.install(_program()):
        print(f"{done.hook}: {printable(done.text)}")
        refused = refused or done.refused
    if not options.uninstall:
        print(f"the hooks lie in {printable(real)}; `git commit --no-verify` passes them by, CI does not")
    return FOUND if refused else OK


def _program() -> list[str]:
    """How to start this very program again."""
    name = os.path.abspath(sys.argv[0])
    if os.path.basename(name) == "sopsguard" and os.access(name, os.X_OK) and os.path.isfile(name):
        return [name]
    return [sys.executable, "-P", "-m", "sopsguard"]
