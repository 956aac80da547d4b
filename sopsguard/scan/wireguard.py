"""WireGuard keys among the base64 values of a text: private, preshared or public by what stands around."""

import re
from collections.abc import Iterator, Sequence

from sopsguard.model import Confidence
from sopsguard.scan.hit import PRIVATE_KEY, PUBLISHED, SAMPLE, Hit

_LAST = b"AEIMQUYcgkosw048"  # 32 bytes leave four bits: two are zero

_PUBLIC, _PRIVATE, _PRESHARED, _SECRET, _OTHER = "public", "private", "preshared", "secret", "other"
_ROLES = (
    (
        _OTHER,
        r"sha-?\d{1,3}|hash|checksum|digest|integrity|fingerprint|\bh1:|\bsig(?:nature)?\b|\b(?:iv|nonce|salt|tag|mac|hmac)\b"
        r"|cookie|session|certificate|\bcert\b|\bsum\b|etag|md5|spki|\bpins?\b|ciphertext|encrypted",
    ),
    (_PUBLIC, r"pub|\bpk\b|allowed|trusted|recipient|peer[\"'.:= ]*$"),
    (_PRESHARED, r"pre-?_?shared|\bpsk|psk\b|_psk|psk_"),
    (_PRIVATE, r"priv|\bsk\b|secret_?-?key|genkey|\bwg\d?[._-]?key"),
    (_SECRET, r"secret"),
)
_WORD = "|".join(f"(?P<{role}>{words})" for role, words in _ROLES)
_CONTEXT = r"wireguard|\bwg|[_/.-]wg|\[interface\]|\[peer\]|amnezia|presharedkey|allowed_?-?ips|netdev"
_compiled: dict[str, re.Pattern[bytes]] = {}

# Nothing is derived for more candidates than this in one text; a file of hashes is no mesh.
_PAIRS = 64


def _re(pattern: str) -> re.Pattern[bytes]:
    """Compiled when first needed: most files never get here."""
    if pattern not in _compiled:
        _compiled[pattern] = re.compile(pattern.encode())
    return _compiled[pattern]


def keys(text: bytes, spans: Sequence[tuple[int, int]], path: str) -> Iterator[Hit]:
    """Private and preshared keys among the base64 words at `spans`.

    A public key looks the same. What the name of the value, the keys above it and the file say
    decides; where they are silent the clamped bits of a private key do, and a public half that
    stands in the same text proves it.
    """
    candidates = list(_candidates(text, spans))
    if not candidates:
        return
    values = {text[start:end] for start, end in candidates}
    neutral = []
    for start, end in candidates:
        role = _role(text, start, end)
        if role is None and text.strip() == text[start:end]:
            role = _role_of_file(path)
        if role in (_PUBLIC, _OTHER):
            continue
        if role is None:
            neutral.append((start, end))
            continue
        hit = _judged(text, start, end, role, path, values)
        if hit is not None:
            yield hit
    clamped = [span for span in neutral if _is_clamped(text[slice(*span)])]
    # In a list of public keys one in sixteen looks like a private one.
    if clamped and len(clamped) * 2 >= len(neutral):
        for start, end in clamped[:_PAIRS]:
            hit = _judged(text, start, end, "", path, values)
            if hit is not None:
                yield hit


def _candidates(text: bytes, spans: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    for start, end in spans:
        size = end - start
        if not 43 <= size <= 44 or text[end : end + 1] != b"=" or text[end - 1] not in _LAST:
            continue
        if size == 44:  # "…\nKEY=": the n belongs to an escaped newline
            if not start or text[start - 1] != 0x5C or text[start] not in b"nrt":
                continue
            start += 1
        value = text[start : end + 1]
        if text[end + 1 : end + 2] == b"=" or b"-" in value or b"_" in value or len(set(value)) < 12:
            continue
        yield start, end + 1


def _role(text: bytes, start: int, end: int) -> str | None:
    """What the line before the value says of it, or else the lines above it with less indentation."""
    begin = max(text.rfind(b"\n", 0, start) + 1, start - 300)
    line = text[begin:start]
    line = line[line.rfind(b"\\n") + 2 if b"\\n" in line else 0 :]
    behind = text[end : end + 40].lower()
    if b"wg pubkey" in behind:
        return _PRIVATE
    if _re(r"[\"']? *= *\{").match(behind):
        return _PUBLIC  # the name of a peer's attribute set
    role = _last_word(line)
    if role is not None:
        return role
    indent = _indent(line)
    for _ in range(24):
        if begin <= 0 or start - begin > 4000:
            break
        stop, begin = begin - 1, text.rfind(b"\n", 0, begin - 1) + 1
        line = text[begin : min(stop, begin + 300)]
        depth = _indent(line)
        if not line.strip() or depth >= indent:
            continue
        indent = depth
        role = _last_word(line)
        if role is not None:
            return role
    return None


def _indent(line: bytes) -> int:
    return len(line) - len(line.lstrip(b" \t-"))


def _last_word(line: bytes) -> str | None:
    role = None
    for match in _re(_WORD).finditer(line.lower()):
        role = match.lastgroup
    return role


def _role_of_file(path: str) -> str | None:
    name = "/".join(path.lower().split("/")[-2:]).encode("utf-8", "surrogateescape")
    role = _last_word(name.replace(b"_", b" ").replace(b".", b" "))
    if role is not None:
        return role
    return _PRIVATE if name.endswith(b".key") else _SECRET


def _judged(text: bytes, start: int, end: int, role: str, path: str, values: set[bytes]) -> Hit | None:
    from sopsguard.keys import wireguard

    value = text[start:end]
    key = wireguard.key(value.decode())
    if not isinstance(key, wireguard.Key):
        return None
    around = text[max(0, start - 1500) : end + 500].lower() + path.lower().encode("utf-8", "surrogateescape")
    at_home = _re(_CONTEXT).search(around) is not None
    confidence, kind, title, public = Confidence.LIKELY, "wireguard-private-key", "WireGuard private key", ""
    if key.clamped and role != _PRESHARED:
        public = key.public
        if public in PUBLISHED:
            return Hit(PRIVATE_KEY, SAMPLE, SAMPLE, start, end, value, Confidence.PROVED)
        if public.encode() in values:
            confidence = Confidence.PROVED
    if confidence is not Confidence.PROVED:
        if role == _PRESHARED:
            kind, title = (
                "wireguard-preshared-key",
                "WireGuard preshared key" if at_home else "pre-shared key",
            )
        elif role == _PRIVATE and not at_home and not key.clamped:
            kind, title = "private-key-32", "private key (32 bytes in base64)"
        elif role == _PRIVATE:
            if not key.clamped:
                confidence, title = Confidence.POSSIBLE, f"{title} whose bits are not those of one"
        elif role == _SECRET and text.strip() == value:
            if not key.clamped:
                confidence, kind, title = (
                    Confidence.POSSIBLE,
                    "wireguard-preshared-key",
                    "32 secret bytes in base64",
                )
        elif role == _SECRET:
            if not at_home:
                return None
            if not key.clamped:
                confidence, kind, title = Confidence.POSSIBLE, "wireguard-preshared-key", "WireGuard secret"
        elif at_home:
            confidence, title = Confidence.POSSIBLE, "possible WireGuard private key"
        else:
            return None
    publics = (public,) if public else ()
    return Hit(PRIVATE_KEY, kind, title, start, end, value, confidence, (), publics)


def _is_clamped(value: bytes) -> bool:
    import binascii

    data = binascii.a2b_base64(value)
    return data[0] & 7 == 0 and data[31] & 0xC0 == 0x40
