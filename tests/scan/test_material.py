"""Key material of every kind, in every shape people paste it in, told apart and proved."""

import base64
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa, x25519
from cryptography.hazmat.primitives.serialization import pkcs12
from hypothesis import given
from hypothesis import strategies as st

from sopsguard.keys import age, bech32, ssh, wireguard
from sopsguard.model import Confidence
from sopsguard.scan import Hit, Scanner
from tests.conftest import Peer

SCANNER = Scanner()
PEM, DER = serialization.Encoding.PEM, serialization.Encoding.DER
PKCS8 = serialization.PrivateFormat.PKCS8
TRADITIONAL = serialization.PrivateFormat.TraditionalOpenSSL
BARE = serialization.NoEncryption()

ED25519 = ed25519.Ed25519PrivateKey.generate()
P256 = ec.generate_private_key(ec.SECP256R1())
RSA = rsa.generate_private_key(65537, 2048)


def found(data: str | bytes, path: str = "notes") -> list[Hit]:
    return SCANNER.hits(data.encode() if isinstance(data, str) else data, path)


def only(data: str | bytes, path: str = "notes") -> Hit:
    hits = found(data, path)
    assert len(hits) == 1, hits
    return hits[0]


# --- age


@pytest.mark.parametrize("case", [str.upper, str.lower])
def test_an_age_identity_is_one_in_either_letter_case(case: Callable[[str], str]) -> None:
    identity = age.generate_identity()
    hit = only(f"x {case(identity.secret)} y")
    assert (hit.kind, hit.confidence, hit.public) == ("age-identity", Confidence.PROVED, (identity.public,))


def test_a_post_quantum_identity_is_told_apart() -> None:
    hit = only(bech32.encode("AGE-SECRET-KEY-PQ-", os.urandom(32)))
    assert (hit.kind, hit.confidence) == ("age-pq-identity", Confidence.PROVED)


def test_a_plugin_identity_names_its_plugin_and_a_handle_to_hardware_does_not_block() -> None:
    hit = only(bech32.encode("AGE-PLUGIN-VAULT-", os.urandom(40)))
    assert (hit.title, hit.confidence) == ("age plugin identity (vault)", Confidence.PROVED)
    hit = only(bech32.encode("AGE-PLUGIN-YUBIKEY-", os.urandom(8)))
    assert "yubikey" in hit.title
    assert hit.confidence is Confidence.POSSIBLE


@given(st.binary(min_size=32, max_size=32))
def test_every_age_identity_is_found_and_proved(seed: bytes) -> None:
    text = bech32.encode("AGE-SECRET-KEY-", seed)
    assert only(f'key = "{text}";').confidence is Confidence.PROVED


# --- blocks

SSH = ssh.generate_host_key().private
BLOCKS = {
    "openssh": (SSH, "ssh-private-key"),
    "pkcs8": (ED25519.private_bytes(PEM, PKCS8, BARE).decode(), "private-key"),
    "sec1": (P256.private_bytes(PEM, TRADITIONAL, BARE).decode(), "private-key"),
    "pkcs1": (RSA.private_bytes(PEM, TRADITIONAL, BARE).decode(), "private-key"),
    "x25519": (x25519.X25519PrivateKey.generate().private_bytes(PEM, PKCS8, BARE).decode(), "private-key"),
    "dsa": (dsa.generate_private_key(2048).private_bytes(PEM, TRADITIONAL, BARE).decode(), "private-key"),
}
SHAPES: dict[str, Callable[[str], str]] = {
    "as it is": lambda text: text,
    "crlf": lambda text: text.replace("\n", "\r\n"),
    "indented": lambda text: "key: |\n" + "".join(f"      {line}\n" for line in text.splitlines()),
    "tabs": lambda text: "".join(f"\t{line}\n" for line in text.splitlines()),
    "commented out": lambda text: "".join(f"# {line}\n" for line in text.splitlines()),
    "commented out in C": lambda text: "".join(f"// {line}\n" for line in text.splitlines()),
    "quoted in mail": lambda text: "".join(f"> {line}\n" for line in text.splitlines()),
    "on one line": lambda text: text.replace("\n", " "),
    "escaped": lambda text: 'key = "' + text.replace("\n", "\\n") + '"',
    "escaped twice": lambda text: '{"k": "{\\"k\\": \\"' + text.replace("\n", "\\\\n") + '\\"}"}',
    "escaped crlf": lambda text: '"' + text.replace("\n", "\\r\\n") + '"',
    "joined strings": lambda text: " +\n".join(f'  "{line}\\n"' for line in text.splitlines()) + ";",
    "a list of lines": lambda text: ",\n".join(f'    "{line}"' for line in text.splitlines()),
    "PHP escapes": lambda text: '"' + text.replace("/", "\\/").replace("\n", "\\n") + '"',
    "cut off": lambda text: "\n".join(text.splitlines()[:-1]) + "\n",
    "a patch": lambda text: "".join(f"+{line}\n" for line in text.splitlines()),
    "JSON of .NET": lambda text: '"' + text.replace("+", "\\u002B").replace("\n", "\\u000a") + '"',
    "XML": lambda text: f"<key>{text.replace(chr(10), '&#10;')}</key>",
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("block", BLOCKS)
def test_a_private_key_block_is_proved_in_every_shape(block: str, shape: str) -> None:
    text, kind = BLOCKS[block]
    hit = only(SHAPES[shape](text))
    assert (hit.kind, hit.confidence, hit.rule) == (kind, Confidence.PROVED, "plaintext-private-key")


@pytest.mark.parametrize(
    "shape", ["as it is", "crlf", "indented", "commented out", "joined strings", "a list of lines"]
)
@pytest.mark.parametrize("block", BLOCKS)
def test_a_body_without_its_header_lines_is_proved(block: str, shape: str) -> None:
    text, kind = BLOCKS[block]
    body = "\n".join(text.splitlines()[1:-1]) + "\n"
    hit = only("some text\n" + SHAPES[shape](body) + "more text\n")
    assert (hit.kind, hit.confidence) == (kind, Confidence.PROVED)


def test_an_ssh_key_has_its_public_line_fingerprint_and_age_recipient() -> None:
    key = ssh.generate_host_key()
    hit = only(key.private)
    line, fingerprint, recipient = hit.public
    assert key.public.startswith(line)
    assert fingerprint.startswith("SHA256:")
    assert recipient == age.from_ssh_public(key.public)


def test_a_key_under_a_passphrase_is_told_apart_and_does_not_block() -> None:
    locked = serialization.BestAvailableEncryption(b"correct horse")
    for text in (
        ED25519.private_bytes(PEM, PKCS8, locked),
        RSA.private_bytes(PEM, TRADITIONAL, locked),
        ED25519.private_bytes(DER, PKCS8, locked),
        pkcs12.serialize_key_and_certificates(b"name", P256, None, None, locked),
    ):
        hit = only(text)
        assert hit.confidence is Confidence.POSSIBLE
        assert "passphrase-protected" in hit.title


@pytest.mark.parametrize("block", BLOCKS)
def test_public_keys_are_no_hits(block: str) -> None:
    for key in (ED25519, P256, RSA):
        public = key.public_key()
        text = public.public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        assert found(text) == []
        assert found(b"\n".join(text.splitlines()[1:-1])) == []


def test_a_damaged_body_is_a_warning_and_an_abridged_one_is_nothing() -> None:
    lines = BLOCKS["pkcs1"][0].splitlines()
    damaged = "\n".join([lines[0], *lines[1:8], lines[-1]])
    assert only(damaged).confidence is Confidence.POSSIBLE
    abridged = "\n".join([lines[0], lines[1], "...", lines[-1]])
    assert found(abridged) == []


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN PRIVATE KEY-----\n***\n-----END PRIVATE KEY-----\n",
        "grep -q 'BEGIN RSA PRIVATE KEY' file && echo 'that is a key'",
        'if "-----BEGIN PRIVATE KEY-----" in text:\n    return parse(text, strict=True)\n'
        'elif "-----BEGIN EC PRIVATE KEY-----" in text:\n    return other\n',
        "-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----",
        "-----BEGIN RSA PRIVATE KEY-----\n<paste the private key here>\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_a_mention_of_a_block_is_no_key(text: str) -> None:
    assert found(text) == []


def test_binary_keys_are_found_in_files_and_inside_base64() -> None:
    der = P256.private_bytes(DER, PKCS8, BARE)
    assert only(der, "key.der").kind == "private-key"
    assert only(base64.b64encode(der)).layers == ("base64",)
    bundle = pkcs12.serialize_key_and_certificates(b"name", P256, None, None, BARE)
    assert only(bundle, "a.p12").kind == "pkcs12"


# --- WireGuard

PAIR = wireguard.generate()
SHARED = wireguard.generate_preshared()


def test_private_public_and_preshared_keys_are_told_apart_by_their_names() -> None:
    peer = wireguard.generate().public
    text = f"[Interface]\nPrivateKey = {PAIR.private}\n[Peer]\nPublicKey = {peer}\nPresharedKey = {SHARED}\n"
    private, preshared = found(text, "wg0.conf")
    assert (private.kind, private.confidence) == ("wireguard-private-key", Confidence.LIKELY)
    assert private.public == (PAIR.public,)
    assert (preshared.kind, preshared.confidence) == ("wireguard-preshared-key", Confidence.LIKELY)


def test_a_private_key_beside_its_public_half_is_proved() -> None:
    text = f"wireguard:\n  a:\n    private_key: {PAIR.private}\n    public_key: {PAIR.public}\n"
    assert only(text, "s.yaml").confidence is Confidence.PROVED
    text = f"wg:\n  first: {PAIR.private}\n  second: {PAIR.public}\n"
    assert only(text, "s.yaml").secret.decode() == PAIR.private


@pytest.mark.parametrize(
    "text",
    [
        "wireguard:\n  private:\n    host: {}\n",
        'networking.wg-quick.interfaces.wg0.privateKey = "{}";\n',
        'privateKey =\n  "{}";\n',
        '{{"wg": "[Interface]\\nPrivateKey = {}\\n"}}',
        "WG_PRIVATE_KEY={}\n",
        "wg set wg0 private-key <(echo {})\n",
        "echo {} | wg pubkey\n",
        "wg0.privateKey={} # mine",
    ],
)
def test_a_private_key_is_known_by_what_stands_around_it(text: str) -> None:
    hit = only(text.format(PAIR.private), "notes.txt")
    assert hit.kind == "wireguard-private-key"
    assert hit.confidence is not Confidence.POSSIBLE


def test_a_file_of_nothing_but_a_key_is_one_unless_its_name_says_public() -> None:
    assert only(PAIR.private + "\n", "wireguard/host.key").kind == "wireguard-private-key"
    assert only(PAIR.private, "secrets/host").kind == "wireguard-private-key"
    assert only(SHARED, "secrets/wg.psk").kind == "wireguard-preshared-key"
    assert found(PAIR.public + "\n", "wireguard/host.pub") == []
    assert found(PAIR.private + "\n", "wireguard/host.sha256") == []


def test_bits_that_no_private_key_has_lower_confidence() -> None:
    unclamped = base64.b64encode(b"\xff" * 16 + os.urandom(16)).decode()
    assert only(f"[Interface]\nPrivateKey = {unclamped}\n", "wg0.conf").confidence is Confidence.POSSIBLE


def test_hashes_and_lists_of_public_keys_are_left_alone() -> None:
    keys = [wireguard.generate().public for _ in range(12)]
    listed = "".join(f"  host{n} = {key}\n" for n, key in enumerate(keys))
    assert [h for h in found(f"wireguard peers\n{listed}", "hosts.txt") if h.confidence != "possible"] == []
    assert found(f'sha256 = "{PAIR.private}";\nhash: {PAIR.private}\n', "a.nix") == []


def test_letters_at_the_end_of_a_key_name_no_password() -> None:
    key = wireguard.generate().public[:-3] + "pw="
    assert found(f"peer={key} allowed-address=0.0.0.0/0\n", "peers.rsc") == []


def test_the_key_printed_in_the_manual_of_wg_is_left_alone() -> None:
    assert found("[Interface]\nPrivateKey = yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=\n", "wg0.conf") == []


# --- signing keys


def test_a_binary_cache_key_is_proved_by_its_own_public_half() -> None:
    seed, public = ED25519.private_bytes_raw(), ED25519.public_key().public_bytes_raw()
    hit = only(f"cache.example.org-1:{base64.b64encode(seed + public).decode()}\n", "cache.key")
    assert (hit.kind, hit.confidence) == ("nix-signing-key", Confidence.PROVED)
    assert hit.public == (f"cache.example.org-1:{base64.b64encode(public).decode()}",)
    assert found(f"cache.example.org-1:{base64.b64encode(os.urandom(64)).decode()}\n") == []


def test_minisign_and_signify_keys_are_told_apart_by_their_lock() -> None:
    def key(head: bytes, size: int) -> str:
        return f"untrusted comment: a key\n{base64.b64encode(head + os.urandom(size - len(head))).decode()}\n"

    assert only(key(b"EdScB2", 158)).confidence is Confidence.POSSIBLE
    assert only(key(b"Ed\0\0B2", 158)).confidence is Confidence.LIKELY
    assert only(key(b"EdBK\0\0\0\0", 104)).kind == "signify-secret-key"
    assert found(key(b"Ed", 42)) == []  # a public key


def test_the_key_files_of_gpg_agent_are_keys() -> None:
    assert (
        only("Created: 20240101T000000\nKey: (private-key (ecc (curve Ed25519)\n").confidence
        is Confidence.LIKELY
    )
    assert only(b"(21:protected-private-key(3:rsa(1:n5:abcde").confidence is Confidence.POSSIBLE
    assert found("the (private-key option of the program") == []


# --- OpenPGP, by the real program


def gpg(home: Path, *arguments: str, passphrase: str = "") -> bytes:
    command = [
        "gpg",
        "--homedir",
        str(home),
        "--batch",
        "--pinentry-mode",
        "loopback",
        "--passphrase",
        passphrase,
    ]
    return subprocess.run([*command, *arguments], check=True, capture_output=True).stdout


@pytest.mark.peer("gpg")
def test_secret_keys_of_openpgp_are_found_armored_and_binary(peer: Peer, tmp_path: Path) -> None:
    peer("gpg")
    home = tmp_path / "h"
    home.mkdir(mode=0o700)
    try:
        gpg(home, "--quick-generate-key", "a <a@example.org>", "ed25519", "default", "never")
        armored = gpg(home, "--armor", "--export-secret-keys")
        binary = gpg(home, "--export-secret-keys")
        public = gpg(home, "--armor", "--export")
    finally:
        subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False)
    hit = only(armored)
    assert (hit.kind, hit.confidence) == ("openpgp-secret-key", Confidence.PROVED)
    fingerprint = hit.public[0]
    assert len(fingerprint) == 40
    shapes = (
        binary,
        b"tar\0header\0" * 40 + binary + bytes(500),
        base64.b64encode(binary),
        base64.encodebytes(binary),
    )
    for data in shapes:
        assert fingerprint in only(data, "ring.gpg").public
    assert (
        only("\n".join(f"    {line}" for line in armored.decode().splitlines())).kind == "openpgp-secret-key"
    )
    assert found(public) == []


# --- Kubernetes

SECRET = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\n"


def values(text: str, path: str = "secret.yaml") -> list[tuple[str, bytes]]:
    return [(hit.key, hit.secret) for hit in found(text, path) if hit.kind == "kubernetes-secret"]


def test_clear_values_of_a_kubernetes_secret_are_hits_with_their_keys() -> None:
    assert values(f"{SECRET}stringData:\n  user: alice\n  pin: 'hunter2'\n") == [
        ("stringData.user", b"alice"),
        ("stringData.pin", b"hunter2"),
    ]
    assert values(f"{SECRET}data:\n  pin: {base64.b64encode(b'hunter2').decode()}\n") == [
        ("data.pin", b"hunter2")
    ]


def test_order_lists_documents_blocks_and_json_do_not_matter() -> None:
    pin = base64.b64encode(b"hunter2").decode()
    assert values(f"data:\n  pin: {pin}\nkind: Secret\n") == [("data.pin", b"hunter2")]
    assert values(f"kind: ConfigMap\ndata:\n  a: b\n---\n{SECRET}data:\n  pin: {pin}\n") == [
        ("data.pin", b"hunter2")
    ]
    listed = (
        "kind: List\nitems:\n- kind: Secret\n  data:\n    pin: {}\n- kind: ConfigMap\n  data:\n    a: b\n"
    )
    assert values(listed.format(pin)) == [("data.pin", b"hunter2")]
    assert values(f"{SECRET}stringData:\n  conf: |\n    user=a\n    pin=b\n") == [
        ("stringData.conf", b"user=a\npin=b")
    ]
    text = '{"items": [{"kind": "Secret", "data": {"pin": "%s"}}, {"kind": "Other", "data": {"a": "b"}}]}'
    assert values(text.replace("%s", pin), "a.json") == [("data.pin", b"hunter2")]


@pytest.mark.parametrize(
    "body",
    [
        "data: {}\n",
        "data:\n  pin:\n",
        'stringData:\n  pin: ""\n',
        "stringData:\n  pin: ${PIN}\n",
        "stringData:\n  pin: {{ .Values.pin }}\n",
        "stringData:\n  pin: '#{ pin }#'\n",
        "stringData:\n  pin: <path:secret/data/db#pin>\n",
        "stringData:\n  pin: CHANGE_ME\n",
        "stringData:\n  pin: ENC[AES256_GCM,data:QUJD,iv:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=,"
        "tag:MDEyMzQ1Njc4OTAxMjM0NQ==,type:str]\n",
        "stringData:\n  known_hosts: |\n    h ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMq\n",
    ],
)
def test_a_secret_without_clear_values_is_left_alone(body: str) -> None:
    assert values(SECRET + body) == []


@pytest.mark.parametrize("kind", ["ExternalSecret", "SealedSecret", "SopsSecret", "SecretStore", "ConfigMap"])
def test_other_kinds_that_point_to_secrets_are_left_alone(kind: str) -> None:
    assert values(f"kind: {kind}\nspec:\n  data:\n    pin: hunter2\ndata:\n  pin: hunter2\n") == []


def test_a_key_inside_a_kubernetes_secret_is_named_as_what_it_is() -> None:
    identity = age.generate_identity()
    text = f"{SECRET}data:\n  age.agekey: {base64.b64encode(identity.secret.encode()).decode()}\n"
    hit = only(text, "secret.yaml")
    assert (hit.kind, hit.layers, hit.public) == ("age-identity", ("base64",), (identity.public,))
