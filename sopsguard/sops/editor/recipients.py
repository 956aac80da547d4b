"""For whom a data key cannot be wrapped here, and what it would take."""

from sopsguard.sops.masterkey import Key, abbreviated
from sopsguard.sops.wrapping import parsed_recipient

_PROGRAMS = {
    "pgp": "gpg (OpenPGP recipient {})",
    "kms": "AWS KMS ({})",
    "gcp_kms": "Google Cloud KMS ({})",
    "azure_kv": "Azure Key Vault ({})",
    "hc_vault": "HashiCorp Vault ({})",
    "hckms": "Huawei Cloud KMS ({})",
}


def lack(key: Key) -> str | None:
    """What it would take to wrap a key for somebody; None if we can."""
    if key.family != "age":
        return _PROGRAMS[key.family].format(abbreviated(key.text))
    parsed = parsed_recipient(key.text)
    if isinstance(parsed, str):
        return f"another recipient than `{abbreviated(key.text)}` ({parsed})"
    if parsed.kind == "pq":
        return f"sops 3.12 or newer (post-quantum recipient {abbreviated(key.text)})"
    if parsed.kind == "plugin":
        return f"age-plugin-{parsed.plugin} ({abbreviated(key.text)})"
    return None
