"""The SOPS format. Here only the test of bytes that tells whether the rest is worth importing."""

import re


def may_be_sops(data: bytes) -> bool:
    """Whether `data` may be a SOPS file, cheap enough for every file of a hook: `False` is certain.

    Metadata has a key `mac` or `lastmodified`; a Nix file about `sops.secrets` of a `machine` has neither.
    """
    if b"ENC[AES256_GCM," in data:
        return True
    if b"sops" not in data:
        return False
    # The letters first: an expression that begins with a look behind tries every place.
    return b"lastmodified" in data or (
        b"mac" in data and re.search(rb"mac(?<![A-Za-z]mac)(?![A-Za-z])", data) is not None
    )
