"""OpenPGP certificates: what their owner has said about each key, verified, and what follows for a moment.

Only what the primary key itself has signed counts; everything else is dropped before any engine sees it,
so that both engines read the same certificate. Source: RFC 9580 5.2.3, 10.1.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sopsguard.keys.packets import Malformed, Packet, blocks, packets
from sopsguard.signatures.arithmetic import HASHES, PublicKey, public_key
from sopsguard.signatures.packet import SIGNATURE, STRONG, Signature, framed, parse
from sopsguard.signatures.reason import Reason, Refused

# A certificate without the signatures of others has a few kilobytes.
MOST = 64 << 10
_MOST_PACKETS, _MOST_USER_IDS, _MOST_SUBKEYS = 256, 64, 64

_SECRET, _PUBLIC, _SECRET_SUBKEY, _MARKER, _TRUST, _USER_ID, _SUBKEY, _ATTRIBUTE, _PADDING = (
    5, 6, 7, 10, 12, 13, 14, 17, 21,
)  # fmt: skip
_BINDING, _CROSS, _DIRECT = 0x18, 0x19, 0x1F
_CERTIFICATIONS = (0x10, 0x11, 0x12, 0x13)
_KEY_REVOCATION, _SUBKEY_REVOCATION, _ID_REVOCATION = 0x20, 0x28, 0x30
# Reasons for revocation after which earlier signatures stay good: superseded, retired (RFC 9580 5.2.3.31).
_SOFT = frozenset({1, 3})
_SIGNS = 0x02
# Sums of certificates are as good as SHA-224 here; SHA-1 and MD5 are not.
_FINE = STRONG | {11}

_SECRET_ARMOR = re.compile(r"-----BEGIN PGP PRIVATE KEY BLOCK-----")


@dataclass(frozen=True, slots=True)
class Statement:
    """What the primary says of a key from `created` on: until when it counts (None: for ever), for what.

    `direct`: said of the primary key itself and not through a user id. `packets` are the signature, with
    the user id that it is about.
    """

    created: int
    ends: int | None
    expires: int | None
    flags: int | None
    crossed: bool
    direct: bool
    packets: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Revocation:
    """When a key was revoked, and whether everything ever signed with it falls (compromised, no reason)."""

    created: int
    hard: bool


@dataclass(frozen=True, slots=True)
class Component:
    """A key of a certificate with the verified statements about it. `weak`: some rest on SHA-1 or MD5 and
    were dropped."""

    key: PublicKey
    statements: tuple[Statement, ...]
    revocations: tuple[Revocation, ...]
    weak: bool

    def counting(self, when: int) -> tuple[tuple[Statement, ...], bool]:
        """The statements that count for a signature made at `when`: the newest one about the key itself and
        the newest one through a user id, or about a subkey; and whether they are younger than that: gpg
        replaces the old one when a key is renewed."""
        alive = [s for s in self.statements if s.created <= when]
        if alive:
            kinds = [[s for s in alive if s.direct is direct] for direct in (True, False)]
            return tuple(max(kind, key=lambda s: s.created) for kind in kinds if kind), False
        later = [s for s in self.statements if s.created > when]
        return (min(later, key=lambda s: s.created),) if later else (), bool(later)

    def expires(self, when: int) -> int | None:
        """When the key expires by what counts at `when`: the earliest, where two statements differ."""
        return min((s.expires for s in self.counting(when)[0] if s.expires is not None), default=None)

    def signs(self, when: int) -> bool:
        """Whether it may sign data, by everything that counts at `when` and speaks of it."""
        flags = [s.flags for s in self.counting(when)[0] if s.flags is not None]
        return bool(flags) and all(value & _SIGNS for value in flags)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate as far as its owner made it. `data` is its binary form without anything else."""

    fingerprint: str
    components: tuple[Component, ...]
    data: bytes = field(repr=False)

    @property
    def primary(self) -> Component:
        """The key that the fingerprint is of."""
        return self.components[0]

    def maker(self, signature: Signature) -> Component | None:
        """The key that the signature says it was made with."""
        return next((c for c in self.components if signature.claims(c.key)), None)

    def knows(self, issuers: frozenset[str]) -> bool:
        """Whether any of its keys goes by one of these fingerprints or key ids."""
        return any(issuers & {c.key.fingerprint, c.key.key_id} for c in self.components)

    def is_late(self, maker: Component, when: int) -> bool:
        """Whether what is known of the keys was all said after `when`."""
        return any(component.counting(when)[1] for component in (self.primary, maker))

    def reduced(self, maker: Component, when: int) -> bytes:
        """The certificate with nothing but `maker` and what counts at `when`, so that every engine reads the
        same where an owner has said several things."""
        said, _ = self.primary.counting(when)
        parts = [framed(_PUBLIC, self.primary.key.body), *(s.packets for s in said)]
        if maker is not self.primary:
            parts += [framed(_SUBKEY, maker.key.body), *(s.packets for s in maker.counting(when)[0])]
        return b"".join(parts)

    def check(self, maker: Component, when: int) -> None:
        """Raises `Refused` unless `maker` could sign data at `when` (seconds since 1970)."""
        primary = self.primary
        for component in (primary, maker):
            if component.key.weak:
                raise Refused(Reason.WEAK_KEY, component.key.weak)
        for component in (primary, maker):
            for revocation in component.revocations:
                if revocation.hard:
                    raise Refused(
                        Reason.KEY_REVOKED, "the key was revoked as compromised, or without a reason"
                    )
                if revocation.created <= when:
                    raise Refused(Reason.KEY_REVOKED, "the key had been revoked before")
        for component in (primary, maker):
            if when < component.key.created:
                raise Refused(Reason.BAD_SIGNATURE, "the signature is older than the key")
            said, _ = component.counting(when)
            if not said:
                if component.weak:
                    raise Refused(Reason.WEAK_HASH, "what binds the key to its owner rests on SHA-1 or MD5")
                raise Refused(Reason.WRONG_USAGE, "nothing that counted then binds the key to its owner")
            if any(s.ends is not None for s in said):
                # gpg asks whether it still counts today, Sequoia whether it did then.
                raise Refused(Reason.WRONG_USAGE, "what binds the key to its owner has an end of its own")
            expires = component.expires(when)
            if expires is not None and when >= expires:
                raise Refused(Reason.KEY_EXPIRED_AT_SIGNING, "the key had expired")
        if not maker.signs(when):
            raise Refused(Reason.WRONG_USAGE, "the key is not meant for signing")
        if maker is not primary and not all(s.crossed for s in maker.counting(when)[0]):
            if maker.weak:
                raise Refused(Reason.WEAK_HASH, "the subkey's own signature rests on SHA-1 or MD5")
            raise Refused(Reason.WRONG_USAGE, "the subkey has not signed that it belongs to this owner")

    def expired(self, maker: Component, now: int) -> int | None:
        """When the key, or its owner's, expired as known at `now`; None if it has not."""
        ends = [component.expires(now) for component in (self.primary, maker)]
        return min((end for end in ends if end is not None and end <= now), default=None)

    def revoked(self, maker: Component) -> bool:
        """Whether the key, or its owner's, is revoked at all."""
        return bool(self.primary.revocations or maker.revocations)


def read(data: bytes, *more: bytes) -> Certificate:
    """The certificate in the bytes of a key file, armored or binary.

    `more` are other files that may hold the same one: what its owner has signed there is added, anything
    else is ignored. Raises `Refused` for `data` that is not one certificate.
    """
    try:
        first = _parts(data)
    except Malformed as problem:
        raise Refused(Reason.MALFORMED, f"not one OpenPGP certificate: {problem}") from None
    for other in more:
        try:
            added = _parts(other)
        except Malformed:
            continue
        if added.primary.fingerprint == first.primary.fingerprint:
            first.take(added)
    return first.certificate()


class _Part:
    """A user id or a subkey, and the signatures that follow it."""

    __slots__ = ("body", "signatures")

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.signatures: dict[bytes, Signature] = {}


class _Parts:
    """A certificate while it is read: only what claims to be made by its primary is kept."""

    def __init__(self, primary: PublicKey) -> None:
        self.primary = primary
        self.own = _Part(primary.body)
        self.ids: dict[bytes, _Part] = {}
        self.subkeys: dict[bytes, _Part] = {}

    def take(self, other: "_Parts") -> None:
        """Add what the same primary has said elsewhere."""
        self.own.signatures |= other.own.signatures
        for ours, theirs in ((self.ids, other.ids), (self.subkeys, other.subkeys)):
            for body, part in theirs.items():
                ours.setdefault(body, _Part(body)).signatures |= part.signatures

    def certificate(self) -> Certificate:
        """Verify everything, and drop what does not hold."""
        key = self.primary
        frame = key.hashed
        kept = [framed(_PUBLIC, key.body)]
        statements: list[Statement] = []
        weak = False

        direct, own_weak = self._good(self.own, (_DIRECT,), _FINE, frame)
        revoked, _ = self._good(self.own, (_KEY_REVOCATION,), frozenset(HASHES), frame)
        weak |= own_weak
        kept += [s.packet for s in (*revoked, *direct)]
        statements += [_statement(key, s, s.packet, direct=True) for s in direct]
        for body, part in self.ids.items():
            about = b"\xb4" + len(body).to_bytes(4, "big") + body
            good, id_weak = self._good(part, _CERTIFICATIONS, _FINE, frame, about)
            gone, _ = self._good(part, (_ID_REVOCATION,), frozenset(HASHES), frame, about)
            weak |= id_weak
            if good:
                kept += [framed(_USER_ID, body), *(s.packet for s in (*gone, *good))]
            # An identity that was taken back says nothing about the key any more.
            if not gone or max(s.created or 0 for s in gone) < max((s.created or 0 for s in good), default=0):
                statements += [_statement(key, s, framed(_USER_ID, body) + s.packet) for s in good]
        primary = Component(key, tuple(statements), _revocations(revoked), weak)

        components = [primary]
        for body, part in self.subkeys.items():
            try:
                subkey = public_key(body)
            except Malformed:
                continue  # of a kind that comes later; it signs nothing here
            good, sub_weak = self._good(part, (_BINDING,), _FINE, frame, subkey.hashed)
            gone, _ = self._good(part, (_SUBKEY_REVOCATION,), frozenset(HASHES), frame, subkey.hashed)
            said = []
            for signature in good:
                crossed, cross_weak = _crossed(signature, key, subkey)
                sub_weak |= cross_weak
                said.append(_statement(subkey, signature, signature.packet, crossed=crossed))
            if good:
                kept += [framed(_SUBKEY, body), *(s.packet for s in (*gone, *good))]
            if good or sub_weak:
                components.append(Component(subkey, tuple(said), _revocations(gone), sub_weak))
        return Certificate(key.fingerprint, tuple(components), b"".join(kept))

    def _good(
        self, part: _Part, kinds: Sequence[int], hashes: frozenset[int], *data: bytes
    ) -> tuple[list[Signature], bool]:
        """The signatures of these kinds that the primary made, oldest first, and whether others were left
        out because of their hash."""
        weak, good = False, []
        for signature in part.signatures.values():
            if signature.kind not in kinds or signature.created is None or signature.demands:
                continue
            if signature.hash not in hashes:
                weak = True
            elif signature.created >= self.primary.created and signature.made_by(self.primary, *data):
                good.append(signature)
        return sorted(good, key=lambda s: s.created or 0), weak


def _statement(
    key: PublicKey, signature: Signature, packets: bytes, *, crossed: bool = True, direct: bool = False
) -> Statement:
    created = signature.created or 0
    ends = created + signature.lifetime if signature.lifetime else None
    expires = key.created + signature.key_lifetime if signature.key_lifetime else None
    return Statement(created, ends, expires, signature.flags, crossed, direct, packets)


def _revocations(signatures: Iterable[Signature]) -> tuple[Revocation, ...]:
    return tuple(Revocation(s.created or 0, s.revocation not in _SOFT) for s in signatures)


def _crossed(binding: Signature, primary: PublicKey, subkey: PublicKey) -> tuple[bool, bool]:
    """Whether the subkey has signed the primary in turn, and whether its hash is why it has not."""
    if binding.embedded is None:
        return False, False
    try:
        cross = parse(binding.embedded, inner=True)
    except Malformed:
        return False, False
    if cross.kind != _CROSS or cross.demands:
        return False, False
    if cross.hash not in _FINE:
        return False, True
    return cross.made_by(subkey, primary.hashed, subkey.hashed), False


def _parts(data: bytes) -> _Parts:
    parts: _Parts | None = None
    at: _Part | None = None
    for number, packet in enumerate(packets(_binary(data))):
        if number == _MOST_PACKETS:
            raise Malformed(f"more than {_MOST_PACKETS} packets (gpg --export-options export-minimal)")
        if packet.tag in (_SECRET, _SECRET_SUBKEY):
            raise Malformed("it holds a secret key")
        if packet.tag == _PUBLIC:
            if parts is not None:
                raise Malformed("a second certificate in one file")
            parts = _Parts(public_key(packet.body))
            at = parts.own
        elif parts is None:
            if packet.tag != _MARKER:
                raise Malformed("it does not start with a public key")
        else:
            at = _placed(parts, at, packet)
    if parts is None:
        raise Malformed("there is no public key in it")
    return parts


def _placed(parts: _Parts, at: _Part | None, packet: Packet) -> _Part | None:
    """Take in one packet; the part that signatures after it are about."""
    if packet.tag == SIGNATURE and at is not None:
        try:
            signature = parse(packet.body)
        except Malformed:
            return at  # of an old version or an unknown algorithm: it binds nothing
        if signature.issuers and signature.issuers <= {parts.primary.fingerprint, parts.primary.key_id}:
            at.signatures[signature.body] = signature
    elif packet.tag == _USER_ID:
        at = parts.ids.setdefault(packet.body, _Part(packet.body))
        if len(parts.ids) > _MOST_USER_IDS:
            raise Malformed(f"more than {_MOST_USER_IDS} user ids")
    elif packet.tag == _SUBKEY:
        at = parts.subkeys.setdefault(packet.body, _Part(packet.body))
        if len(parts.subkeys) > _MOST_SUBKEYS:
            raise Malformed(f"more than {_MOST_SUBKEYS} subkeys")
    elif packet.tag == _ATTRIBUTE:
        at = None
    elif packet.tag not in (SIGNATURE, _MARKER, _TRUST, _PADDING):
        raise Malformed("something that is no part of a certificate")
    return at


def _binary(data: bytes) -> bytes:
    if len(data) > MOST:
        raise Malformed(f"larger than {MOST >> 10} KiB (gpg --export-options export-minimal)")
    if data[:1] >= b"\x80":
        return data
    text = data.decode("latin-1")
    if _SECRET_ARMOR.search(text):
        raise Malformed("it holds a secret key")
    found = list(blocks(text))
    if len(found) != 1:
        raise Malformed("no public key block" if not found else "more than one public key block")
    return found[0].data
