"""The wrapped copies of the data key: one armored age file for each recipient, shares for several groups.

Making them, and judging them without a key: armor, stanzas, lengths, copies of copies (codes R3 … R16).
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from sopsguard.keys import Problem as BadKey
from sopsguard.keys import age, age_file
from sopsguard.sops.metadata import Metadata, Problem, Recipient
from sopsguard.sops.shamir import split

KEY_BYTES, SHARE_BYTES = 32, 33
_HARDWARE = frozenset({"piv-p256", "p256tag", "mlkem768p256tag"})


def recipient_problems(meta: Metadata) -> Iterator[Problem]:
    """What is wrong with the recipients and their blobs. Every recipient is looked at."""
    expected = SHARE_BYTES if len(meta.groups) > 1 else KEY_BYTES
    blobs: dict[str, Recipient] = {}
    shares: dict[str, Recipient] = {}
    for recipient in meta.recipients:
        if recipient.family == "age" and isinstance(parsed := parsed_recipient(recipient.key.text), str):
            yield _at("R9", f"sops refuses this recipient at the next wrap: {parsed}", recipient)
        if not recipient.enc:
            yield _at("R3", "the wrapped data key of a recipient is missing", recipient)
            continue
        twin = blobs.setdefault(recipient.enc, recipient)
        if twin is not recipient:
            what = f"its wrapped data key is the one of `{twin.path}`: only one of the two can open it"
            yield _at("R7", what, recipient)
        elif recipient.family == "age":
            yield from _age(recipient, expected, shares)


def _at(code: str, message: str, recipient: Recipient) -> Problem:
    return Problem(code, message, recipient.line, recipient.column, recipient.path)


@lru_cache(4096)
def parsed_recipient(text: str) -> age.Recipient | str:
    """An age recipient, or why it is none. Recipients repeat in every file of a repository."""
    found = age.recipient(text)
    if found is None:
        return "neither an age recipient nor an SSH key"
    return found.reason if isinstance(found, BadKey) else found


def _age(recipient: Recipient, expected: int, shares: dict[str, Recipient]) -> Iterator[Problem]:
    file = age_file.parse_armored(recipient.enc)
    if isinstance(file, BadKey):
        yield _at("R3", f"the wrapped data key cannot be read: {file.reason}", recipient)
        return
    if file.plaintext_length != expected:
        what = f"{file.plaintext_length} bytes are wrapped instead of {expected}"
        yield _at("R6", f"{what}: it is no data key of a file with these key groups", recipient)
    stanzas = [stanza for stanza in file.stanzas if not stanza.type.endswith("-grease")]
    parsed = parsed_recipient(recipient.key.text)
    native = not isinstance(parsed, str) and parsed.kind != "plugin"
    if native and len(stanzas) != 1:
        what = f"{len(stanzas)} stanzas instead of one: somebody whom the file does not name can open it too"
        yield _at("R14", what if stanzas else "no stanza at all: nobody can open it", recipient)
    for stanza in stanzas:
        if problem := age_file.stanza_problem(stanza):
            yield _at("R3", f"nobody can unwrap the data key: {problem}", recipient)
            return
    if not isinstance(parsed, str) and stanzas:
        verdicts = [age_file.may_open(parsed, stanza) for stanza in stanzas]
        if all(verdict is False for verdict in verdicts):
            yield _mismatch(recipient, parsed, stanzas[0])
    for stanza in stanzas:
        if stanza.type in ("X25519", "mlkem768x25519", "ssh-ed25519"):
            twin = shares.setdefault(stanza.args[-1], recipient)
            if twin is not recipient:
                what = f"its ephemeral key is the one of `{twin.path}`: only one of the two can open it"
                yield _at("R7", what, recipient)


def _mismatch(recipient: Recipient, parsed: age.Recipient, stanza: age_file.Stanza) -> Problem:
    if stanza.type != parsed.stanza:
        kind = stanza.type if stanza.type.isascii() and len(stanza.type) <= 40 else "another kind"
        what = f"the data key is wrapped for {kind}, the recipient is {parsed.kind}: it cannot open the file"
        return _at("R4", what, recipient)
    code = "R16" if stanza.type in _HARDWARE else "R5"
    return _at(
        code, "the data key is wrapped for another key than the recipient: it cannot open the file", recipient
    )


class CannotWrap(Exception):
    """A data key cannot be wrapped here for everyone it is meant for; the message says for whom and why."""


def wrap(key: bytes, groups: Sequence[Sequence[str]], threshold: int = 0) -> list[list[str]]:
    """The `enc` of every recipient of every group, armored.

    With several groups each wraps its own share; `threshold` 0 means that all groups are needed. Raises
    `CannotWrap` before anything is wrapped if one of the recipients cannot be served.
    """
    if not groups or not all(groups):
        raise CannotWrap("a key group without recipients")
    parsed = [[_recipient(text) for text in group] for group in groups]
    if len(groups) == 1:
        shares = [key]
    else:
        threshold = threshold or len(groups)
        if not 2 <= threshold <= len(groups) <= 255:
            raise CannotWrap(f"a threshold of {threshold} for {len(groups)} key groups")
        shares = split(key, len(groups), threshold)
    return [[_wrapped(share, one) for one in group] for share, group in zip(shares, parsed, strict=True)]


def _recipient(text: str) -> Any:
    """The recipient as pyrage takes it."""
    import pyrage

    recipient = parsed_recipient(text)
    if isinstance(recipient, str):
        raise CannotWrap(f"a recipient that sops refuses: {recipient}")
    makers = {
        "x25519": pyrage.x25519.Recipient,
        "ssh-ed25519": pyrage.ssh.Recipient,
        "ssh-rsa": pyrage.ssh.Recipient,
        "tag": pyrage.tag.Recipient,
        "tagpq": pyrage.tagpq.Recipient,
    }
    if recipient.kind not in makers:
        what = (
            "post-quantum recipients"
            if recipient.kind == "pq"
            else f"recipients of age-plugin-{recipient.plugin}"
        )
        raise CannotWrap(f"{what} need the sops program")
    try:
        return makers[recipient.kind].from_str(recipient.text)
    except (pyrage.RecipientError, ValueError):
        raise CannotWrap("a recipient that age refuses") from None


def _wrapped(plaintext: bytes, recipient: Any) -> str:
    import pyrage

    armored = bytes(pyrage.encrypt(plaintext, [recipient], armored=True)).decode()
    return armored.replace("\r\n", "\n").rstrip("\n") + "\n"
