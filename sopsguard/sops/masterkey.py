"""Who may open a file, as sops names them: the kinds of master keys, their spellings and their identity.

A key that is not understood is kept as it stands. Identity is what `updatekeys` compares (the `ToString`
of each kind, sops 3.13.2): the string, not the key behind it.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Any

from sopsguard.sops.goyaml import Span


class KeyKind(StrEnum):
    """What kind of master key it is; the four kinds of age recipients are told apart."""

    X25519 = "x25519"
    HYBRID = "hybrid"
    PLUGIN = "plugin"
    SSH = "ssh"
    PGP = "pgp"
    KMS = "kms"
    GCP_KMS = "gcp_kms"
    AZURE = "azure_keyvault"
    VAULT = "hc_vault"
    HCKMS = "hckms"
    UNKNOWN = "unknown"


AGE_KINDS = frozenset((KeyKind.X25519, KeyKind.HYBRID, KeyKind.PLUGIN, KeyKind.SSH))


@dataclass(frozen=True, slots=True)
class Key:
    """One recipient.

    `text` is what stands in the file, `identity` what sops compares, `family` the list it belongs to in a
    file's metadata (`age`, `pgp`, `kms`, `gcp_kms`, `hckms`, `azure_kv`, `hc_vault`). `refused` says why
    sops would refuse it (see `problem`), `warning` what is wrong although sops takes it. `span` is where
    it is used, `anchor` the alias or anchor through which. `open_version`: an Azure key without version;
    sops asks the vault for the newest, so only the vault knows the identity.
    """

    kind: KeyKind
    family: str
    text: str
    identity: str
    span: Span | None = field(default=None, compare=False)
    anchor: str | None = field(default=None, compare=False)
    refused: str | None = field(default=None, compare=False)
    warning: str | None = field(default=None, compare=False)
    open_version: bool = field(default=False, compare=False)

    @property
    def problem(self) -> str | None:
        """Why sops refuses this key, and with it the whole rule; None if it takes it."""
        return _age_problem(self.identity) if self.family == "age" else self.refused

    @property
    def label(self) -> str:
        """`family:identity`, the short form in reports."""
        return f"{self.family}:{self.identity}"

    @property
    def normal(self) -> str:
        """The key itself whatever its spelling: a PGP fingerprint as plain upper-case hex, an SSH key
        without its comment, everything else its identity. For asking who it is, never for drift."""
        if self.kind is KeyKind.PGP:
            return fingerprint(self.text)
        if self.kind is KeyKind.SSH:
            return " ".join(self.text.split()[:2])
        return self.identity


def fingerprint(text: str) -> str:
    """A PGP key id or fingerprint without spaces, `0x` and the trailing `!` of gpg, in upper case."""
    plain = "".join(text.split()).removesuffix("!")
    return plain[2:].upper() if plain[:2] in ("0x", "0X") else plain.upper()


def age_key(text: str, span: Span | None = None, anchor: str | None = None) -> Key:
    """An age recipient as sops takes it: by its prefix, case-sensitive, trimmed."""
    text = without_identities(text)
    plain = text.strip()
    return Key(_age_kind(plain), "age", text, plain, span, anchor)


def _age_kind(plain: str) -> KeyKind:
    if plain.startswith("age1pq1"):
        return KeyKind.HYBRID
    if plain.startswith("age1"):
        return KeyKind.PLUGIN if plain.count("1") > 1 else KeyKind.X25519
    return KeyKind.SSH if plain.startswith("ssh-") else KeyKind.UNKNOWN


@lru_cache(maxsize=4096)
def _age_problem(plain: str) -> str | None:
    from sopsguard.keys import Problem, age  # late: most readers of a configuration never ask

    found = age.recipient(plain)
    if isinstance(found, Problem):
        return found.reason
    if found is not None:
        return None
    if plain.upper().startswith(("AGE-SECRET-KEY-", "AGE-PLUGIN-")):
        return "an identity (the private half) stands where a recipient belongs"
    return "not an age recipient" if plain else "an empty recipient; a comma too many?"


def pgp_key(text: str, span: Span | None = None, anchor: str | None = None) -> Key:
    """A PGP key; sops removes spaces and leaves the rest to gpg, whatever it is."""
    text = without_identities(text)
    identity = text.replace(" ", "")
    plain = fingerprint(text)
    warning = None
    if not re.fullmatch(r"[0-9A-F]+", plain):
        warning = "not a fingerprint; what gpg makes of it depends on the key ring"
    elif len(plain) == 8:
        warning = "a short key id, which anyone can imitate; write the whole fingerprint"
    elif len(plain) not in (16, 32, 40, 64):
        warning = f"a fingerprint has 40 digits, this one {len(plain)}"
    return Key(KeyKind.PGP, "pgp", text, identity, span, anchor, warning=warning)


def kms_key(
    text: str,
    role: str = "",
    context: Mapping[str, str] | None = None,
    profile: str = "",
    span: Span | None = None,
    anchor: str | None = None,
) -> Key:
    """An AWS KMS key with role, encryption context and profile."""
    text = without_identities(text)
    identity = f"{text}+{role}" if role else text
    pairs = ",".join(f"{name}:{value}" for name, value in sorted((context or {}).items()))
    if profile:
        identity += f"|{pairs}|{profile}"
    elif pairs:
        identity += f"|{pairs}"
    warning = (
        None if re.match(r"arn:aws[\w-]*:kms:[^:]+:\d+:(key|alias)/.", text) else "not the ARN of a KMS key"
    )
    return Key(KeyKind.KMS, "kms", text, identity, span, anchor, warning=warning)


def flat_kms_key(text: str, profile: str = "", span: Span | None = None, anchor: str | None = None) -> Key:
    """An entry of the rule's own `kms:` field: `ARN` or `ARN+ROLE`."""
    arn, plus, role = text.replace(" ", "").partition("+arn:")
    return kms_key(arn, f"arn:{role}" if plus else "", None, profile, span, anchor)


def gcp_key(text: str, span: Span | None = None, anchor: str | None = None) -> Key:
    """A Google Cloud KMS key, by resource id."""
    text = without_identities(text)
    identity = text.replace(" ", "")
    fits = re.fullmatch(r"projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+", identity)
    return Key(
        KeyKind.GCP_KMS,
        "gcp_kms",
        text,
        identity,
        span,
        anchor,
        warning=None if fits else "not a GCP KMS resource id",
    )


def azure_key(
    vault: str, name: str, version: str, span: Span | None = None, anchor: str | None = None
) -> Key:
    """An Azure Key Vault key; without a version sops asks the vault."""
    identity = f"{vault}/keys/{name}/{version}"
    return Key(KeyKind.AZURE, "azure_kv", identity, identity, span, anchor, open_version=not version)


def azure_url_key(text: str, span: Span | None = None, anchor: str | None = None) -> Key:
    """An entry of the rule's own `azure_keyvault:` field: `https://VAULT/keys/NAME[/VERSION]`."""
    text = without_identities(text)
    match = re.fullmatch(r"(https://[^/]+)/keys/([^/]+)(?:/([^/]*))?", text.strip())
    if match is None:
        return Key(KeyKind.AZURE, "azure_kv", text, text.strip(), span, anchor, "not the URL of an Azure key")
    return azure_key(match[1], match[2], match[3] or "", span, anchor)


def vault_key(text: str, span: Span | None = None, anchor: str | None = None) -> Key:
    """A HashiCorp Vault transit key: `https://HOST/v1/ENGINE/keys/NAME`."""
    from urllib.parse import urlsplit, urlunsplit  # dear to load, and few have such keys

    text = without_identities(text)

    def refused(problem: str) -> Key:
        return Key(KeyKind.VAULT, "hc_vault", text, text, span, anchor, problem)

    try:
        url = urlsplit(text)
    except ValueError:
        return refused("not a URL")
    if not url.scheme:
        return refused("the scheme is missing (https://…)")
    path = url.path + (f"?{url.query}" if url.query else "")
    if re.search(r"/[^/]+/v\d+/[^/]+/[^/]+/[^/]+", path):
        return refused("Vault behind a path prefix is not supported by sops")
    if not re.search(r"/v\d+/[^/]+/[^/]+/[^/]+", path):
        return refused("not a transit key (https://HOST/v1/ENGINE/keys/NAME)")
    parts = path.strip("/").split("/")
    address = urlunsplit((url.scheme, url.netloc, "", url.query, url.fragment))
    identity = f"{address}/v1/{'/'.join(parts[1:-2])}/keys/{parts[-1]}"
    return Key(KeyKind.VAULT, "hc_vault", text, identity, span, anchor)


def hckms_key(text: str, span: Span | None = None, anchor: str | None = None) -> Key:
    """A Huawei Cloud KMS key: `REGION:UUID`."""
    text = without_identities(text)
    region, _, uuid = text.strip().partition(":")
    problem = None if region.strip() and uuid.strip() else "expected REGION:KEY-UUID"
    return Key(KeyKind.HCKMS, "hckms", text, text, span, anchor, problem)


def recipient(text: str) -> Key | None:
    """The key that a bare string names, as people write it under an anchor; None if it names none."""
    plain = text.strip()
    if plain.startswith(("age1", "ssh-", "AGE1")):
        return age_key(text)
    if re.fullmatch(
        r"(?:0[xX])?(?:[0-9A-Fa-f]{16}|[0-9A-Fa-f]{32}|[0-9A-Fa-f]{40}|[0-9A-Fa-f]{64})!?",
        re.sub(r"\s", "", plain),
    ):
        return pgp_key(text)
    if plain.startswith("arn:aws"):
        return flat_kms_key(plain)
    if plain.startswith("projects/") and "/cryptoKeys/" in plain:
        return gcp_key(text)
    if "/keys/" in plain and plain.startswith("https://"):
        return (
            azure_url_key(text)
            if ".vault." in plain.split("/keys/")[0] and "/v1/" not in plain
            else vault_key(text)
        )
    return None


def metadata_key(family: str, entry: Mapping[str, Any]) -> Key | None:
    """The key of one entry in a file's metadata, so that it compares with those of a rule.

    `family` is the name of the list (`age`, `pgp`, `kms`, `gcp_kms`, `hckms`, `azure_kv`, `hc_vault`).
    None for an unknown list or an entry without its fields.
    """

    def text(name: str) -> str:
        value = entry.get(name)
        return value if isinstance(value, str) else ""

    if family == "age":
        return age_key(text("recipient"))
    if family == "pgp":
        return pgp_key(text("fp"))
    if family == "kms":
        context = entry.get("context")
        pairs = {str(k): str(v) for k, v in context.items()} if isinstance(context, Mapping) else None
        return kms_key(text("arn"), text("role"), pairs, text("aws_profile"))
    if family == "gcp_kms":
        return gcp_key(text("resource_id"))
    if family == "hckms":
        return hckms_key(text("key_id"))
    if family == "azure_kv":
        return azure_key(text("vault_url") or text("vaultUrl"), text("name") or text("key"), text("version"))
    if family == "hc_vault":
        identity = f"{text('vault_address')}/v1/{text('engine_path')}/keys/{text('key_name')}"
        return Key(KeyKind.VAULT, "hc_vault", identity, identity)
    return None


def unique(keys: Iterable[Key]) -> tuple[Key, ...]:
    """Without repetitions, as sops does inside a key group (by type and identity)."""
    first: dict[tuple[str, str], Key] = {}
    for key in keys:
        first.setdefault((key.family, key.identity), key)
    return tuple(first.values())


def abbreviated(text: str) -> str:
    """A recipient or an expression short enough for a message."""
    return text if len(text) <= 60 else f"{text[:24]}…{text[-8:]}"


def without_identities(text: str) -> str:
    """`text` with every age identity in it cut down to its prefix: people do paste the wrong half, and a
    private key must not travel further."""
    return _IDENTITY.sub(r"\1…", text)


_IDENTITY = re.compile(r"(AGE-(?:SECRET-KEY|PLUGIN)-)[0-9A-Z-]*", re.IGNORECASE)
