"""Whether the next commit needs a signature that git would not make, and what a push says of the last."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from sopsguard.git import Repository
from sopsguard.keys import Problem
from sopsguard.keys.ssh import public_key
from sopsguard.managed import looks_like_sops
from sopsguard.model import UserError, printable
from sopsguard.signatures.authority import Authority
from sopsguard.signatures.decide import Verdict
from sopsguard.signatures.rules import Role, Signer
from sopsguard.signed import judged, trusted
from sopsguard.snapshot import EXECUTABLE, FILE, Change, Snapshot, Unreadable

_LEAST = 16  # hexadecimal digits of a key id that say something


class Signing(NamedTuple):
    """How git would sign here: `key` is `user.signingkey`, of an SSH key in a file its public half; empty
    where git or gpg choose by themselves. `email` is the committer's."""

    on: bool
    format: str = "openpgp"
    key: str = ""
    email: str = ""


class Warned(NamedTuple):
    """What would be refused later, and the command that avoids it."""

    text: str
    command: str


def needed(authority: Authority, changes: Iterable[Change], index: Snapshot) -> dict[str, Role]:
    """The protected paths that the next commit would touch, with the role that each needs."""
    found: dict[str, Role] = {}
    for change in changes:
        sides = [side for side in (change.old, change.new) if side is not None]
        role = authority.protection.role(change.path, [side.mode for side in sides])
        if role is None and authority.rules.protect_content and _is_sops(change, index):
            role = "commit"
        if role is not None:
            found[change.path] = role
    return found


def _is_sops(change: Change, index: Snapshot) -> bool:
    if change.new is None or change.new.mode not in (FILE, EXECUTABLE):
        return False
    try:
        return looks_like_sops(index.read(change.path))
    except (KeyError, Unreadable):
        return False


def warnings(authority: Authority, touched: dict[str, Role], signing: Signing) -> Iterator[Warned]:
    """What a push would refuse of the commit as it would be made now. What depends on gpg is not guessed."""
    if not touched:
        return
    shown = ", ".join(printable(path) for path in sorted(touched)[:3])
    more = f" and {len(touched) - 3} more" if len(touched) > 3 else ""
    if not signing.on:
        yield Warned(
            f"this commit touches {shown}{more}, which needs a signature, and git does not sign by itself",
            "git config commit.gpgsign true   (or sign this one: git commit -S)",
        )
    if signing.format not in authority.rules.formats:
        wanted = " or ".join(sorted(authority.rules.formats))
        yield Warned(
            f"git would sign in the format {printable(signing.format)}, the policy accepts {wanted}",
            f"git config gpg.format {min(authority.rules.formats)}",
        )
        return
    known, signer = _signer(authority, signing)
    if not known:
        yield Warned(
            f"the policy does not know the signing key {printable(signing.key[:80])}",
            f"git config user.signingkey {_keys(authority, signing.format) or 'KEY'}",
        )
    elif signer is not None:
        yield from _of_signer(authority, signer, touched, signing, shown + more)


def _of_signer(
    authority: Authority, signer: Signer, touched: dict[str, Role], signing: Signing, shown: str
) -> Iterator[Warned]:
    if "admin" in touched.values() and "admin" not in signer.roles:
        yield Warned(
            f"this commit touches {shown}; that needs the role admin, which {signer.name} does not have",
            "ask somebody who has it to make, or to sign, this change",
        )
    if authority.rules.identity != "off" and signing.email and signing.email not in signer.emails:
        yield Warned(
            f"{printable(signing.email)} is no address of {signer.name}, who signs",
            f"git config user.email {min(signer.emails, default='ADDRESS')}",
        )


def _signer(authority: Authority, signing: Signing) -> tuple[bool, Signer | None]:
    """Whether the key may be known, and whose it certainly is."""
    if signing.format == "ssh":
        key = public_key(signing.key.removeprefix("key::")) if signing.key else None
        if key is None or isinstance(key, Problem):
            return True, None
        holder = authority.ssh(key)
        return holder is not None and holder.retired is None, holder.signer if holder else None
    name = signing.key.removesuffix("!").removeprefix("0x").replace(" ", "").upper()
    if len(name) < _LEAST or not set(name) <= set("0123456789ABCDEF"):
        return True, None  # a name or an address: which key that is, gpg decides
    for holder, certificate in authority.certificates:
        prints = [component.key.fingerprint for component in certificate.components]
        named = any(print_.endswith(name) or print_.startswith(name) for print_ in prints)
        if named and holder.signer is not None:
            return True, holder.signer
    return False, None


def _keys(authority: Authority, form: str) -> str:
    """A key of the policy that could be meant, if there is only one."""
    if form == "ssh":
        return ""
    prints = [certificate.fingerprint for holder, certificate in authority.certificates if holder.signer]
    return prints[0] if len(prints) == 1 else ""


def authority_at(repo: Repository, revision: str) -> Authority | None:
    """What a revision says of who may sign; None where it says nothing, or nothing that can be read."""
    try:
        return trusted(repo, revision).authority
    except UserError:
        return None


def made(
    repo: Repository, oid: str, parents: Sequence[str], trust: str, now: int
) -> tuple[Verdict | None, bool]:
    """The verdict on one commit by what `trust` says, None where that says nothing, and whether a policy says
    it. `now` is in seconds since 1970. Raises `UserError` where it cannot be judged."""
    found = trusted(repo, trust, oid)
    if found.authority is None:
        return None, False
    verdicts = judged(repo, found, parents, [oid], now)
    return next((v for v in verdicts if v.oid == oid), None), found.has_policy
