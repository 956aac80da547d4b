"""What one version of a SOPS file shows without a key, to be kept: no clear value, nor a trace of one."""

from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

from sopsguard import __version__
from sopsguard.document import Comment
from sopsguard.sops.envelope import TYPES, Envelope, parse
from sopsguard.sops.file import SopsFile
from sopsguard.sops.metadata import Recipient
from sopsguard.sops.rules import Scope
from sopsguard.sops.soundness import MAC_BYTES

# What is written into the cache; another number makes it forget.
FORM = f"history/2/{__version__}"


class Value(NamedTuple):
    """One encrypted value of a version. `iv` and `sealed` (data, tag) are digests, `length` is in bytes."""

    key: str
    aad: str
    iv: str
    sealed: str
    type: str
    length: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What a version shows without a key. `mac` is a digest, `modified` the time that authenticates it,
    `wraps` are (recipient, digest of the wrapped data key), `clear` says whether there are clear values,
    `only_encrypted` whether the MAC does not cover these. `groups` are the key groups of `wraps`, of which
    `threshold` must come together (1: any recipient opens it alone); `scope` stands for what is selected
    for encryption, and is empty where comments decide it."""

    mac: str
    modified: str
    wraps: tuple[tuple[str, str], ...]
    clear: bool
    only_encrypted: bool
    values: tuple[Value, ...]
    groups: tuple[int, ...] = ()
    threshold: int = 1
    scope: str = ""


def facts_of(file: SopsFile, shared: dict[Value, Value] | None = None) -> Facts:
    """What this version shows. No clear value goes into it, nor anything made from one. `shared`: see
    `decoded`."""
    values, clear = [], False
    for leaf in file.leaves:
        envelope = leaf.envelope
        if envelope is None:
            clear = clear or not (leaf.is_comment or leaf.is_empty)
        elif not isinstance(leaf.node, Comment):
            values.append(Value(leaf.key, leaf.aad, *_shown(envelope)))
    meta = file.metadata
    mac = parse(meta.mac.strip())
    genuine = meta.loads and mac is not None and mac.exact and mac.length == MAC_BYTES
    return Facts(
        digest(meta.mac.strip()) if genuine else "",
        meta.mac_aad or "",
        tuple((_name(recipient), digest(recipient.enc)) for recipient in meta.recipients),
        clear,
        meta.scope.mac_only_encrypted,
        tuple(values) if shared is None else tuple(shared.setdefault(value, value) for value in values),
        tuple(recipient.group for recipient in meta.recipients),
        1 if len(meta.groups) < 2 else max(1, meta.shamir_threshold or len(meta.groups)),
        _scope(meta.scope),
    )


@lru_cache(maxsize=4096)  # most values of a version are those of the version before
def _shown(envelope: Envelope) -> tuple[str, str, str, int]:
    sealed = digest(f"{envelope.data},{envelope.tag}")
    # A hand may have put anything there; what sops wrote is one of a few words.
    kind = envelope.type if envelope.type in TYPES or envelope.type == "bytes" else digest(envelope.type)
    return digest(envelope.iv), sealed, kind, envelope.length


def _scope(scope: Scope) -> str:
    chosen = scope.effective()
    if any("comment" in name for name in chosen):
        return ""
    return digest("\0".join(f"{name}={text}" for name, text in sorted(chosen.items())))


def _name(recipient: Recipient) -> str:
    # What is no recipient may be the private half, put there by mistake.
    key = recipient.key
    return key.normal if key.problem is None else digest(key.normal)


def digest(text: str) -> str:
    """What stands for a text that is compared and never shown."""
    return blake2b(text.encode("utf-8", "surrogateescape"), digest_size=12).hexdigest()


def encoded(facts: Facts | None) -> bytes:
    """Facts as text for the cache: lists by column, which are read fastest."""
    import json

    if facts is None:
        return b"null"
    columns = list(zip(*facts.values, strict=True)) or [()] * 6
    return json.dumps(
        [
            *(facts.mac, facts.modified, facts.wraps, facts.clear, facts.only_encrypted),
            *(facts.groups, facts.threshold, facts.scope),
            *columns,
        ],
        separators=(",", ":"),
    ).encode()


class NotFacts(Exception):
    """What the cache holds was not made by `encoded`."""


def decoded(data: bytes, shared: dict[Value, Value] | None = None) -> Facts | None:
    """What `encoded` made. Raises `NotFacts` for anything else.

    Most values are in many versions: those in `shared` are taken from there, so that each is held once.
    """
    import json

    try:
        said = json.loads(data)
        if said is None:
            return None
        mac, modified, wraps, clear, only_encrypted, groups, threshold, scope, *columns = said
        rows = list(zip(*columns, strict=True))
        pairs = tuple((who, digest) for who, digest in wraps)
        values = tuple(map(Value._make, rows))
        groups = tuple(groups)
    except (ValueError, TypeError, RecursionError):
        raise NotFacts from None
    texts = [mac, modified, scope, *(text for pair in pairs for text in pair)]
    texts += [text for row in rows for text in row[:5]]
    sound = (
        len(columns) == 6
        and all(type(text) is str for text in texts)
        and all(type(row[5]) is int for row in rows)
        and type(clear) is type(only_encrypted) is bool
        and all(type(number) is int for number in (threshold, *groups))
        and len(groups) == len(pairs)
    )
    if not sound:
        raise NotFacts
    if shared is not None:
        values = tuple(shared.setdefault(value, value) for value in values)
    return Facts(mac, modified, pairs, clear, only_encrypted, values, groups, threshold, scope)
