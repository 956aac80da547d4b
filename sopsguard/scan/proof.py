"""Whose key a found private key is: its public half looked up among those that stand in the repository."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from sopsguard.model import printable

_AGE = (
    r"(?<![A-Za-z0-9])(?:age1[a-z0-9]{58}"
    r"|age1(?:pq|tag|tagpq|[a-z0-9+._-]{1,40})1[a-z0-9]{50,4000})(?![a-z0-9])"
)
_SSH = (
    r"(?:ssh-(?:ed25519|rsa|dss)|ecdsa-sha2-nistp(?:256|384|521)"
    r"|sk-(?:ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com) AAAA[A-Za-z0-9+/]{40,4000}={0,2}"
)
_FINGERPRINT = r"SHA256:[A-Za-z0-9+/]{43}"
_WIREGUARD = r"(?<![A-Za-z0-9+/=:_-])[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=(?![A-Za-z0-9+/=])"
_OPENPGP = r"(?<![A-Za-z0-9])(?:0x)?(?:[0-9A-Fa-f]{40}|[0-9A-Fa-f]{64})(?![A-Za-z0-9])"
_ANY = f"(?P<age>{_AGE})|(?P<ssh>{_SSH})|(?P<sha256>{_FINGERPRINT})|(?P<wg>{_WIREGUARD})|(?P<pgp>{_OPENPGP})"

# A word that names the line rather than the holder of the key.
_COMMON = (
    " public publickey public_key pub pubkey key keys age ssh wireguard wg wg0 recipient recipients peers "
    "peer value fingerprint id user users data ed25519 rsa hostkey host hosts pgp sops creation_rules "
    "key_groups openssh authorizedkeys authorized_keys ssh_host_ed25519_key ssh_host_rsa_key id_ed25519 "
    "id_rsa interfaces networking network services programs config nodes secrets private_key privatekey "
)

_any: re.Pattern[str] | None = None


class Place(NamedTuple):
    """Where a public half stands: `name` is what the place calls its holder, or empty."""

    path: str
    line: int
    name: str


class Names(NamedTuple):
    """The public halves of a repository: where each stands, and which SOPS files it is a recipient of."""

    places: Mapping[str, tuple[Place, ...]]
    opens: Mapping[str, tuple[str, ...]]

    def sentence(self, public: Iterable[str]) -> str:
        """What is known of the key with these public halves: whose it is, which files it opens."""
        public = tuple(public)
        places = sorted({place for half in public for place in self.places.get(half, ())}, key=_order)
        opens = sorted({path for half in public for path in self.opens.get(half, ())})
        if not places and not opens:
            return (
                f"its public half {_short(public[0])} stands nowhere else in the repository" if public else ""
            )
        parts = []
        named = [place for place in places if place.name]
        if named:
            first = named[0]
            parts.append(f"it belongs to {printable(first.name)} ({printable(first.path)}:{first.line})")
        elif places:
            parts.append(f"its public half stands in {printable(places[0].path)}:{places[0].line}")
        if opens:
            listed = ", ".join(printable(path) for path in opens[:3])
            more = f" and {len(opens) - 3} more" if len(opens) > 3 else ""
            parts.append(f"it opens {len(opens)} {'file' if len(opens) == 1 else 'files'}: {listed}{more}")
        return "; ".join(parts)


def _order(place: Place) -> tuple[int, str, int]:
    """Places that name a holder first, and among them those whose purpose it is."""
    base = place.path.rpartition("/")[2]
    rank = 0 if base.startswith(("inventory.", ".sops.")) else 1 if base.endswith(".pub") else 2
    return (rank, place.path, place.line)


def _short(half: str) -> str:
    return half if len(half) <= 80 else f"{half[:40]}…{half[-12:]}"


def public_halves(data: bytes) -> set[str]:
    """The public halves in a text, each in its one spelling: age recipients, SSH keys as `type base64` with
    their fingerprint and the age recipient they convert to, WireGuard keys, OpenPGP fingerprints in
    upper case. What has the form of one counts; nothing is proved here."""
    return {half for half, _ in _found(data.decode("utf-8", "replace"))}


def names(files: Iterable[tuple[str, bytes]]) -> Names:
    """The public halves in the contents of `files` (path, content)."""
    places: dict[str, list[Place]] = {}
    opens: dict[str, list[str]] = {}
    for path, data in files:
        text = data.decode("utf-8", "replace")
        metadata = -1
        for half, at in _found(text):
            if metadata < 0:
                metadata = _metadata(text)
            if at >= metadata:
                if path not in opens.setdefault(half, []):
                    opens[half].append(path)
                continue
            known = places.setdefault(half, [])
            if len(known) < 50:
                known.append(Place(path, text.count("\n", 0, at) + 1, _name(text, at, path)))
    return Names({h: tuple(p) for h, p in places.items()}, {h: tuple(p) for h, p in opens.items()})


def _metadata(text: str) -> int:
    """Where the metadata of a SOPS file begins; the end of the text if it is none."""
    if "ENC[AES256_GCM" not in text:
        return len(text)
    match = re.search(r"""(?m)^\s*["']?sops["']?:|^sops_\w+ ?=|^\[sops\]""", text)
    return match.start() if match else len(text)


def _found(text: str) -> Iterator[tuple[str, int]]:
    global _any
    if _any is None:
        _any = re.compile(_ANY)
    for match in _any.finditer(text):
        half, at = match[0], match.start()
        if match["pgp"]:
            yield half.removeprefix("0x").upper(), at
            continue
        yield half, at
        if match["ssh"]:
            for other in _also(half):
                yield other, at


def _also(line: str) -> Iterator[str]:
    """The fingerprint of an SSH key, and the age recipient that it converts to."""
    from sopsguard.keys import age, ssh

    key = ssh.public_key(line)
    if isinstance(key, ssh.PublicKey):
        yield key.fingerprint
        recipient = age.from_ssh_public(key.line)
        if isinstance(recipient, str):
            yield recipient


def _name(text: str, at: int, path: str) -> str:
    """What the place calls the holder of the key: an anchor, a comment, a key above it, or the file."""
    start = text.rfind("\n", 0, at) + 1
    stop = text.find("\n", at)
    before, behind = text[start:at], text[at : stop if stop >= 0 else len(text)]
    anchor = re.search(r"&([\w.@-]+)\s*[\"']?$", before)
    if anchor:
        return anchor[1]
    if re.match(r"(?:ssh-|ecdsa-|sk-)", behind):
        comment = re.match(r"\S+ \S+ ([\w.@+-]{1,80})", behind)
        if comment:
            return comment[1]
    remark = re.search(r"(?:#|//)\s*([\w.@ -]{1,60}?)\s*$", behind)
    if remark:
        return remark[1]
    indent = len(before) - len(before.lstrip())
    for _ in range(12):
        for word in reversed(re.findall(r"([\w.@-]{1,60})[\"']?\s*[:={]", before)):
            for name in reversed(word.split(".")):
                if name and _names(name):
                    return str(name)
        while start > 0:
            stop, start = start - 1, text.rfind("\n", 0, start - 1) + 1
            before = text[start:stop]
            if before.strip() and len(before) - len(before.lstrip()) < indent:
                indent = len(before) - len(before.lstrip())
                break
        else:
            break
    if path.endswith((".pub", ".asc")):
        for part in reversed(path.split("/")):
            name = part.partition(".")[0]
            if name and _names(name):
                return name
    return ""


def _names(word: str) -> bool:
    return f" {word.lower()} " not in _COMMON
