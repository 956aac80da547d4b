"""Encrypts a file in clear as its creation rule says, in the format that its name tells."""

from collections.abc import Sequence as Many

from sopsguard.document import format_of
from sopsguard.sops.editor.new import FORMATS, CannotEncrypt, encrypt
from sopsguard.sops.editor.opened import unchanged
from sopsguard.sops.editor.recipients import lack
from sopsguard.sops.editor.refusal import CannotEdit, Command, Why
from sopsguard.sops.masterkey import Key
from sopsguard.sops.rules import Scope
from sopsguard.sops.wrapping import CannotWrap


def seal(
    data: bytes,
    path: str,
    groups: Many[Many[Key]],
    modified: str,
    scope: Scope | None = None,
    threshold: int = 0,
    indent: int = 4,
    expected: str | None = None,
) -> bytes:
    """The file `data` at `path`, which is in clear, as a new SOPS file for `groups` (`Rule.groups`).

    `scope` and `threshold` are those of the rule, `modified` is now in RFC 3339. Raises `CannotEdit`.
    """
    unchanged(data, expected)
    format = format_of(path)
    shown = f"./{path}" if path.startswith("-") else path
    commands = (Command(("sops", "encrypt", "--in-place", shown)),)
    if format not in FORMATS:
        what = f"{format} files are written by the sops program only"
        raise CannotEdit(Why.FORMAT, what, ("the sops program",), commands)
    missing = [need for group in groups for key in group if (need := lack(key))]
    if missing:
        what = "the data key cannot be wrapped here for every recipient"
        raise CannotEdit(Why.RECIPIENT, f"{what}: needed is {', '.join(missing)}", missing, commands)
    texts = [[key.text for key in group] for group in groups]
    try:
        return encrypt(data, format, texts, modified, scope, threshold, indent)
    except CannotEncrypt as failure:
        raise CannotEdit(Why.VALUE, str(failure)) from None
    except CannotWrap as failure:
        raise CannotEdit(Why.RECIPIENT, str(failure)) from None
