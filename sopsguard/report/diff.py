"""What a change does to secrets and to access, in words and as JSON; keys and names only, never a value."""

import json as _json
from collections.abc import Iterator, Sequence

from sopsguard.access import Change, View
from sopsguard.access.edits import Edit, What
from sopsguard.model import printable
from sopsguard.report import access

_SIGNS = {What.ADDED: "+", What.REMOVED: "-", What.OPENED: "!"}


def text(found: Sequence[Edit], change: Change, view: View, past: View) -> Iterator[str]:
    """Access first: it is what a reviewer must not miss."""
    yield from access.lines(change, view, past)
    path = None
    for edit in found:
        if edit.path != path:
            path = edit.path
            yield printable(path)
        source = f" from {edit.source}" if edit.source else ""
        yield printable(f"    {_SIGNS.get(edit.what, '~')} {edit.key}: {edit.what}{source}")
    if not found and not change.gained and not change.lost and not change.undecided:
        yield "no value and no reader of a SOPS file differs"


def json(found: Sequence[Edit], change: Change, view: View, past: View) -> str:
    """For programs."""
    document = {
        "version": 1,
        "values": [
            {
                "path": printable(e.path),
                "key": printable(e.key),
                "what": e.what,
                "source": printable(e.source) or None,
            }
            for e in found
        ],
        "access": access.document(change, view, past),
        "undecided": [printable(path) for path in change.undecided],
    }
    return _json.dumps(document, indent=2, ensure_ascii=False)
