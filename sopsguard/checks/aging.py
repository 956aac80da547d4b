"""What the rules about age and revocation share: places, days, and what cannot be told."""

from collections.abc import Iterator
from datetime import UTC, datetime

from sopsguard.context import Context
from sopsguard.history import Missing
from sopsguard.model import Location, Unknown, printable
from sopsguard.rotation import Age
from sopsguard.sops.file import SopsFile
from sopsguard.sops.masterkey import abbreviated


def day(moment: int) -> str:
    """The date of a moment in seconds since 1970, UTC."""
    return datetime.fromtimestamp(moment, UTC).date().isoformat()


def unknowns(ctx: Context) -> Iterator[Unknown]:
    """What of the history cannot be told."""
    timeline = ctx.timeline
    for missing in (
        () if timeline is None else (timeline,) if isinstance(timeline, Missing) else timeline.missing
    ):
        path = missing.paths[0] if missing.paths else ""
        more = f" (and {len(missing.paths) - 1} more files)" if len(missing.paths) > 1 else ""
        yield Unknown(Location(path), missing.reason + more, missing.needed)


def place(ctx: Context, path: str, key: str = "") -> Location:
    """Where a value, or the block of sops, stands in a file."""
    file = ctx.managed.files.get(path)
    if not isinstance(file, SopsFile):
        return Location(path, key=key or None)
    if not key:
        return Location(path, file.metadata.line, key="sops")
    for leaf in file.leaves:
        if leaf.key == key:
            return Location(path, leaf.node.line, leaf.node.column, key=key)
    return Location(path, key=key)


def readers(file: object) -> frozenset[str]:
    """The recipients of a SOPS file (`Key.normal`)."""
    if not isinstance(file, SopsFile):
        return frozenset()
    return frozenset(recipient.key.normal for recipient in file.metadata.recipients)


def called(ctx: Context, recipient: str) -> str:
    """The name of a recipient, the present one or the last it had, or the recipient itself."""
    past = ctx.past_readers
    names = past.former_names(recipient) if past is not None else ()
    return printable(names[0].name if names else abbreviated(recipient))


def subject(ctx: Context, age: Age) -> str:
    """What grows old, for a message."""
    if age.key:
        return f"`{printable(age.key)}`"
    if age.name == "age":
        return f"the age key of {called(ctx, age.holder)}"
    return f"the OpenPGP subkey {age.holder[-16:]}"


def remedy(age: Age) -> str:
    """What to do about something old."""
    if age.key:
        return "put a new value there and deploy it; encrypting the old one anew makes nothing younger"
    if age.name == "age":
        return "add a new key, `sops updatekeys`, deliver it; then take the old one out, and `sops rotate -i`"
    return "make a new subkey and publish the certificate, then revoke this one or let it expire"
