"""The commands. The only module that prints, reads the clock or the environment, or exits."""

import os
import sys
from typing import TYPE_CHECKING, NoReturn

from sopsguard import __version__
from sopsguard.model import UserError, printable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

OK, FOUND, NOT_JUDGED, BUG, INTERRUPTED = 0, 1, 2, 3, 130

# One module each in this package, with HELP, configure and run; in the order of `--help`.
COMMANDS = (
    "check",
    "hook",
    "ci",
    "status",
    "who",
    "diff",
    "fix",
    "why",
    "explain",
    "waive",
    "audit",
    "install-hooks",
    "demo",
)

# What `fix` does besides repairing findings: a word behind it, and a module here, too.
FIXES = ("host", "bootstrap", "rotate", "inventory", "config", "revoke", "recover", "signers")


def main() -> NoReturn:
    """The `sopsguard` command."""
    # The cycle collector finds next to nothing to free here, and costs a hook milliseconds.
    import gc

    gc.set_threshold(100_000, 50, 50)
    _safe_streams()
    try:
        code = run(sys.argv[1:])
        sys.stdout.flush()
    except UserError as e:
        _complain(e)
        code = NOT_JUDGED
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BrokenPipeError:
        # The reader of our output went away (`| head`): no verdict can be told any more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = NOT_JUDGED
    except Exception as e:  # noqa: BLE001  whatever it is, it is told as our bug and without content
        _report_bug(e)
        code = BUG
    # Plain exit would spend milliseconds on tearing down modules.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def run(arguments: "Sequence[str]") -> int:
    """Run one command; returns its exit code. Raises `UserError` for what the user can mend."""
    command, rest = (arguments[0], arguments[1:]) if arguments else ("help", ())
    if command == "hook" and not any(a in ("-h", "--help") for a in rest):
        from sopsguard.cli.hook import judged

        return judged(rest)
    if command == "fix" and rest and rest[0] in FIXES:
        arguments = [f"fix {rest[0]}", *rest[1:]]
    options = _parser().parse_args(list(arguments) or ["--help"])
    result: int = options.run(options)
    return result


def _parser() -> "argparse.ArgumentParser":
    import argparse
    from importlib import import_module

    class Parser(argparse.ArgumentParser):
        def error(self, message: str) -> NoReturn:
            raise UserError(message, f"{self.prog} --help lists what there is")

    parser = Parser(
        prog="sopsguard",
        description="The guard of a repository whose secrets live in SOPS files.",
        epilog="exit codes: 0 nothing found · 1 an error was found · 2 nothing was judged · 3 a bug of ours",
    )
    parser.add_argument("--version", action="version", version=f"sopsguard {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=Parser)
    for name in (*COMMANDS, *(f"fix {word}" for word in FIXES)):
        module = import_module(f"sopsguard.cli.{name.rpartition(' ')[2].replace('-', '_')}")
        made: argparse.ArgumentParser = commands.add_parser(name, help=module.HELP, description=module.HELP)
        made.set_defaults(run=module.run)
        module.configure(made)
    return parser


def _safe_streams() -> None:
    for stream in (sys.stdout, sys.stderr):
        # A terminal in an ASCII locale must not turn a finding into a traceback.
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _complain(e: UserError) -> None:
    print(f"sopsguard: {printable(e.message)}", file=sys.stderr)
    if e.hint:
        print(f"    {printable(e.hint)}", file=sys.stderr)


def _report_bug(e: Exception) -> None:
    """Where it happened, never what was being looked at: messages and values may hold a secret."""
    trace = e.__traceback__
    places = []
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append(f"{code.co_filename.rpartition('sopsguard/')[2]}:{trace.tb_lineno} in {code.co_name}")
        trace = trace.tb_next
    print(
        f"sopsguard {__version__}: a bug of ours ({type(e).__name__}); nothing was decided", file=sys.stderr
    )
    for place in places[-6:]:
        print(f"    {printable(place)}", file=sys.stderr)
    print("    please report these lines; they hold nothing of your files", file=sys.stderr)
