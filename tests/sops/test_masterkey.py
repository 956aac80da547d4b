"""Keys are what sops takes them for."""

import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sopsguard.sops import masterkey
from sopsguard.sops.masterkey import KeyKind, metadata_key
from tests.conftest import Peer
from tests.sops.configs import ALICE, BOB, read

SSH = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + "A" * 43
FLAT = f"""creation_rules:
  - age: "{BOB} ,{SSH} me@host"
    pgp: "0x DEAD BEEF!, {"ab" * 20}"
    kms: "arn:aws:kms:eu-west-1:1:key/a+arn:aws:iam::1:role/r, arn:aws:kms:eu-west-1:1:alias/b+c"
    aws_profile: prod
    gcp_kms: [projects/p/locations/l/keyRings/r/cryptoKeys/k, "projects / q"]
    hckms: ["eu:1234 , eu:5"]
    azure_keyvault: https://v.vault.azure.net/keys/k/1
    hc_vault_transit_uri: https://vault.example.org:8200/v1/a/b/keys/k, http://vault/v1/transit/keys/k?x=1
"""
GROUP = f"""creation_rules:
  - key_groups:
    - merge: [{{age: ["{BOB} , {SSH}"]}}]
      pgp: ["DE AD", "a,b"]
      kms:
        - {{arn: "arn:aws:kms:eu:1:key/a", role: r, context: {{b: "2", a: "1"}}, aws_profile: p}}
        - {{arn: "arn:aws:kms:eu:1:key/ b", context: {{a: 1}}}}
        - {{arn: x, aws_profile: p}}
      gcp_kms: [{{resource_id: "a b"}}]
      hckms: [{{key_id: "eu:1"}}]
      azure_keyvault: [{{vaultUrl: https://v, key: k, version: "01"}}]
      hc_vault: [https://vault.example.org/v1/transit/keys/k]
"""


@pytest.mark.peer("sops")
@pytest.mark.parametrize("text", [FLAT, GROUP], ids=["flat", "group"])
def test_identities_are_those_that_updatekeys_prints(peer: Peer, tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text('{"k": "v"}')
    subprocess.run([peer("sops"), "encrypt", "-i", "--age", ALICE, "a.json"], cwd=tmp_path, check=True)
    (tmp_path / ".sops.yaml").write_text(text)
    run = subprocess.run(
        [peer("sops"), "updatekeys", "a.json"],
        input="n\n",
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    plain = re.sub(r"\x1b\[[0-9;]*m", "", run.stdout)
    printed = re.findall(r"^\+\+\+ (.*)$", plain, re.MULTILINE)
    assert [key.identity for key in read(text).rules[0].keys] == printed


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("0xdead beef DEAD BEEF DEAD  BEEF DEAD BEEF DEAD BEEF!", "DEADBEEF" * 5),
        ("ABCDEF0123456789", "ABCDEF0123456789"),
        ("0Xab\n", "AB"),
    ],
)
def test_a_fingerprint_is_the_same_in_every_spelling(text: str, normal: str) -> None:
    assert masterkey.pgp_key(text).normal == normal


def test_an_ssh_key_is_the_same_with_every_comment() -> None:
    assert masterkey.age_key(f"{SSH} a").normal == masterkey.age_key(f"{SSH} b").normal
    assert masterkey.age_key(f"{SSH} a").identity != masterkey.age_key(f"{SSH} b").identity


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (ALICE, KeyKind.X25519),
        ("age1pq1" + "q" * 20, KeyKind.HYBRID),
        ("age1yubikey1" + "q" * 20, KeyKind.PLUGIN),
        ("age1tag1" + "q" * 20, KeyKind.PLUGIN),
        (SSH, KeyKind.SSH),
        (ALICE.upper(), KeyKind.UNKNOWN),
        ("something", KeyKind.UNKNOWN),
    ],
)
def test_age_recipients_are_told_apart_by_their_prefix(text: str, kind: KeyKind) -> None:
    key = masterkey.age_key(f" {text} ")
    assert (key.kind, key.identity) == (kind, text)
    assert (key.problem is None) == (text in (ALICE, SSH))


@pytest.mark.parametrize(
    ("family", "entry", "identity"),
    [
        ("age", {"recipient": ALICE}, ALICE),
        ("pgp", {"fp": "AB" * 20}, "AB" * 20),
        ("kms", {"arn": "a", "role": "r", "context": {"k": "v"}, "aws_profile": "p"}, "a+r|k:v|p"),
        ("kms", {"arn": "a", "role": "", "context": None, "aws_profile": ""}, "a"),
        ("gcp_kms", {"resource_id": "r"}, "r"),
        ("hckms", {"key_id": "eu:1"}, "eu:1"),
        ("azure_kv", {"vault_url": "https://v", "name": "k", "version": "1"}, "https://v/keys/k/1"),
        (
            "hc_vault",
            {"vault_address": "https://v", "engine_path": "t", "key_name": "k"},
            "https://v/v1/t/keys/k",
        ),
    ],
)
def test_an_entry_of_a_file_has_the_identity_that_a_rule_compares(
    family: str, entry: dict[str, object], identity: str
) -> None:
    key = metadata_key(family, entry)
    assert key is not None
    assert key.label == f"{family}:{identity}"


@pytest.mark.parametrize(
    ("text", "family"),
    [
        (ALICE, "age"),
        (SSH, "age"),
        ("AB" * 20, "pgp"),
        ("arn:aws:kms:eu:1:key/a", "kms"),
        ("projects/p/locations/l/keyRings/r/cryptoKeys/k", "gcp_kms"),
        ("https://v.vault.azure.net/keys/k/1", "azure_kv"),
        ("https://vault.example.org/v1/transit/keys/k", "hc_vault"),
        ("hello", None),
        ("deadbeef", None),
        ("secrets/.*", None),
    ],
)
def test_a_bare_string_names_a_recipient_or_none(text: str, family: str | None) -> None:
    key = masterkey.recipient(text)
    assert (key.family if key else None) == family


@given(st.text(max_size=80))
def test_any_text_is_kept_as_a_key_and_never_raises(text: str) -> None:
    for make in (
        masterkey.age_key,
        masterkey.pgp_key,
        masterkey.kms_key,
        masterkey.flat_kms_key,
        masterkey.gcp_key,
        masterkey.azure_url_key,
        masterkey.vault_key,
        masterkey.hckms_key,
    ):
        key = make(text)
        assert isinstance(key.identity + key.normal + key.label + str(key.problem), str)
    masterkey.recipient(text)
