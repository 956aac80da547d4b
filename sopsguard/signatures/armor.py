"""The text around a signature: which format it is, and the bytes of the one block that it may hold.

Sources: RFC 9580 6, OpenSSH's PROTOCOL.sshsig, git's gpg-interface.c (the first line tells the format).
"""

import binascii
import re
from typing import Literal

from sopsguard.signatures.reason import Reason, Refused

Format = Literal["openpgp", "ssh"]

_LABELS: dict[bytes, Format] = {b"PGP SIGNATURE": "openpgp", b"SSH SIGNATURE": "ssh"}
_HEADER = re.compile(rb"(?:Version|Comment|Hash|Charset|MessageID): [^\r\n]{0,400}")
_LINE = re.compile(rb"[A-Za-z0-9+/]{1,76}={0,2}")


def format_of(signature: bytes) -> Format:
    """The format by the first line. Raises `Refused` for X.509 and for anything else."""
    first = signature.partition(b"\n")[0].rstrip(b"\r")
    label = first.removeprefix(b"-----BEGIN ").removesuffix(b"-----")
    if first == b"-----BEGIN " + label + b"-----":
        if label in _LABELS:
            return _LABELS[label]
        if label in (b"SIGNED MESSAGE", b"PKCS7", b"CMS"):
            raise Refused(Reason.UNSUPPORTED_FORMAT, "an X.509 signature")
        if label == b"PGP MESSAGE":
            raise Refused(Reason.MALFORMED, "a signed message where a detached signature belongs")
    raise Refused(Reason.MALFORMED, "its signature does not begin as one")


def body(signature: bytes, format: Format) -> bytes:
    """What the one block holds. Raises `Refused` for text around it, a second block, or bad base64.

    Empty lines at the end are allowed: GitHub appends one.
    """
    label = b"PGP SIGNATURE" if format == "openpgp" else b"SSH SIGNATURE"
    begin, end = b"-----BEGIN " + label + b"-----", b"-----END " + label + b"-----"
    text = signature.replace(b"\r\n", b"\n")
    if b"\r" in text or b"\0" in text:
        raise _malformed("a control character in its signature")
    lines = [line.rstrip(b" \t") for line in text.split(b"\n")]
    while lines and not lines[-1]:
        lines.pop()
    if sum(line.startswith(b"-----BEGIN ") for line in lines) > 1:
        raise Refused(Reason.MULTIPLE_SIGNATURES, "two blocks in one signature")
    if len(lines) < 3 or lines[0] != begin or lines[-1] != end:
        raise _malformed("text before or after its signature, or no end")
    inside = lines[1:-1]
    if format == "openpgp":
        while inside and b":" in inside[0]:
            if not _HEADER.fullmatch(inside.pop(0)):
                raise _malformed("a line in the armor that is no header of it")
        if not inside or inside.pop(0):
            raise _malformed("no empty line after the head of the armor")
        if inside and inside[-1].startswith(b"="):
            inside.pop()  # a checksum against accidents, not to be relied on (RFC 9580 6.1)
    if not inside or not all(_LINE.fullmatch(line) for line in inside):
        raise _malformed("something other than base64 in its signature")
    try:
        return binascii.a2b_base64(b"".join(inside), strict_mode=True)
    except binascii.Error:
        raise _malformed("its signature is not base64") from None


def _malformed(detail: str) -> Refused:
    return Refused(Reason.MALFORMED, detail)
