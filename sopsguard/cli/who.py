"""`sopsguard who`: everything a host, a person or a key could ever read, through history."""

from typing import TYPE_CHECKING

from sopsguard.cli import OK
from sopsguard.cli.judging import history_of, policy_of, repository, today
from sopsguard.model import UserError, discreet, printable

if TYPE_CHECKING:
    import argparse

HELP = "everything a host, a person or a key could ever read: what to replace when it is lost"


def configure(parser: "argparse.ArgumentParser") -> None:
    """Its options."""
    parser.add_argument(
        "name", metavar="NAME", help="a host, a person, a service, a former name, or a recipient"
    )
    parser.add_argument("--format", choices=("text", "json"), default="text")


def run(options: "argparse.Namespace") -> int:
    """Print it."""
    from sopsguard import hooks
    from sopsguard.context import Context
    from sopsguard.history import Missing, reach
    from sopsguard.report import who
    from sopsguard.sops import masterkey

    repo = repository()
    target = hooks.everything(repo)
    ctx = Context(
        target.snapshot,
        tuple,
        policy=policy_of(target.snapshot),
        clock=lambda: today().isoformat(),
        history=lambda: history_of(target),
    )
    timeline, readers = ctx.timeline, ctx.past_readers
    if isinstance(timeline, Missing):
        raise UserError(timeline.reason, timeline.needed)
    if timeline is None or readers is None:
        raise UserError("there is no history to ask", "commit something first")
    found: dict[str, None] = {}
    key = masterkey.recipient(options.name)
    if key is not None:
        found[key.normal] = None
    else:
        for holder in ctx.inventory.named(options.name):
            for recipient in holder.recipients:
                known = masterkey.recipient(recipient.text)
                found[known.normal if known is not None else recipient.text.strip()] = None
        found |= dict.fromkeys(readers.called(options.name))
    # One key in several spellings: SSH and what ssh-to-age makes of it.
    wanted = {ctx.inventory.reader(recipient) for recipient in found}
    spelt = {recipient for version in timeline.versions for recipient, _ in version.facts.wraps}
    same = sorted(recipient for recipient in spelt if ctx.inventory.reader(recipient) in wanted)
    recipients = tuple(dict.fromkeys([*found, *same]))
    if not recipients:
        from sopsguard.policy import nearest

        names = [h.name for h in (*ctx.inventory, *ctx.inventory.former)]
        shown = printable(options.name)
        raise UserError(f"nobody here is or was called {shown}", nearest(options.name, names))
    told = reach(timeline, recipients)
    if options.format == "json":
        print(discreet(who.json(options.name, recipients, told)))
    else:
        for line in who.text(options.name, recipients, told):
            print(discreet(line))
        for missing in timeline.missing:
            print(f"unknown: {printable(missing.reason)}; needed: {printable(missing.needed)}")
    return OK
