"""Valid samples of every format that is fuzzed, made from a seed: throw-away keys, nothing real."""

# ruff: noqa: E501  (sample texts are as wide as they are)

import base64
import gzip
import json
from random import Random

from sopsguard.keys import bech32

# Pieces that mean something to one parser or another; a mutation puts them where they do not belong.
_WORDS = r"""
AGE-SECRET-KEY-1 AGE-SECRET-KEY-PQ-1 AGE-PLUGIN-X-1 age1 age1pq1 ssh-rsa ssh-ed25519 -----BEGIN -----END
PRIVATE KEY----- PGP OPENSSH RSA EC ENCRYPTED DEK-Info: Proc-Type: PuTTY-User-Key-File-3: BEGIN AGE
ENC[AES256_GCM,data:,iv:,tag:,type:str] type:comment sops: sops mac: lastmodified: version: 3.9.4 age:
pgp: kms: unencrypted_suffix encrypted_regex shamir_threshold key_groups creation_rules path_regex
!!binary !!null <<: *a &a --- ... ? | > |+9 >-1 %YAML %TAG {} [] ${ } '' ''${ ''\ " \u0000 \ud800 \x00
\n \ // /* */ let in with rec inherit import builtins.toFile + ++ // kind: Secret stringData: data:
apiVersion: List password= token: PrivateKey= presharedKey psk= Authorization: Bearer ghp_ AKIA xoxb-
eyJ ://a:b@ ? & = : version https://git-lfs.github.com/spec/v1 oid sha256: size 100644 120000 160000
000000 M A D U sopsguard: allow[] 1e999 -0 NaN 0x 0o 1_000 2001-01-01 -> --- X25519 scrypt
age-encryption.org/v1
"""
TOKENS = (
    *(word.encode() for word in _WORDS.split()),
    b"\0", b"\xff", b"\xfe\xff", b"\xff\xfe", b"\xef\xbb\xbf", b"\x1f\x8b\x08", b"BZh9", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd",
    b"\r\n", b"\r", b"\xe2\x80\xa8", b"\xc2\x85", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff",
    b"\x80\x00\x00\x00", b"\xc5\xff", b"\x95\x01", b"\x30\x84", b"\x30\x80", b"openssh-key-v1\0", b"\t", b"%25%00%ff",
)  # fmt: skip


def age_key(rng: Random) -> tuple[str, str]:
    """An identity and its recipient."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    seed = rng.randbytes(32)
    public = X25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    return bech32.encode("age-secret-key-", seed).upper(), bech32.encode("age", public)


def wireguard(rng: Random) -> str:
    raw = bytearray(rng.randbytes(32))
    raw[0] &= 248
    raw[31] = raw[31] & 127 | 64
    return base64.b64encode(raw).decode()


def private_keys(rng: Random) -> list[bytes]:
    """PEM, OpenSSH and DER private keys with their public lines."""
    from cryptography.hazmat.primitives import serialization as s
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    made: list[bytes] = []
    keys = (
        Ed25519PrivateKey.from_private_bytes(rng.randbytes(32)),
        ec.derive_private_key(rng.getrandbits(255) + 1, ec.SECP256R1()),
    )
    for key in keys:
        for form in (s.PrivateFormat.PKCS8, s.PrivateFormat.OpenSSH):
            made.append(key.private_bytes(s.Encoding.PEM, form, s.NoEncryption()))
        made.append(key.private_bytes(s.Encoding.DER, s.PrivateFormat.PKCS8, s.NoEncryption()))
        made.append(key.public_key().public_bytes(s.Encoding.OpenSSH, s.PublicFormat.OpenSSH) + b" a@b\n")
    return made


def openpgp(rng: Random) -> list[bytes]:
    """Binary and armored keyrings: a secret key packet of version 4, a user id, a subkey, loose packets."""
    seed = rng.randbytes(32)
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    oid = bytes.fromhex("092b06010401da470f01")
    body = b"\4" + rng.randbytes(4) + b"\x16" + oid + b"\x01\x07\x40" + public
    secret = (256 - (8 - seed[0].bit_length()) if seed[0] else 248).to_bytes(2, "big") + seed
    sealed = body + b"\0" + secret + (sum(secret) & 0xFFFF).to_bytes(2, "big")
    six = b"\6" + rng.randbytes(4) + b"\x1b\0\0\0\x20" + public + b"\0" + seed

    def packet(tag: int, content: bytes) -> bytes:
        return bytes([0xC0 | tag, 255]) + len(content).to_bytes(4, "big") + content

    ring = (
        packet(5, sealed)
        + packet(13, b"Ada <ada@example.org>")
        + packet(7, sealed)
        + packet(2, rng.randbytes(60))
    )
    rings = [ring, packet(6, body) + packet(13, b"Ada"), packet(5, six), b"\x95\0\x40" + sealed[:64]]
    armor = "-----BEGIN PGP {} KEY BLOCK-----\nVersion: x\n\n{}\n=AAAA\n-----END PGP {} KEY BLOCK-----\n"
    text = base64.encodebytes(ring).decode()
    return [
        *rings,
        armor.format("PRIVATE", text, "PRIVATE").encode(),
        armor.format("PUBLIC", text, "PUBLIC").encode(),
    ]


def age_file(rng: Random) -> bytes:
    """A file of one X25519 stanza whose payload no key opens."""

    def b64(data: bytes) -> str:
        return base64.b64encode(data).decode().rstrip("=")

    head = f"age-encryption.org/v1\n-> X25519 {b64(rng.randbytes(32))}\n{b64(rng.randbytes(32))}\n--- {b64(rng.randbytes(32))}\n"
    return head.encode() + rng.randbytes(60)


def armored(data: bytes) -> str:
    body = base64.b64encode(data).decode()
    lines = "\n".join(body[i : i + 64] for i in range(0, len(body), 64))
    return f"-----BEGIN AGE ENCRYPTED FILE-----\n{lines}\n-----END AGE ENCRYPTED FILE-----\n"


def enc(rng: Random, size: int | None = None, kind: str = "str") -> str:
    """Ciphertext in the form of sops."""

    def part(n: int) -> str:
        return base64.b64encode(rng.randbytes(n)).decode()

    return f"ENC[AES256_GCM,data:{part(rng.randrange(1, 40) if size is None else size)},iv:{part(32)},tag:{part(16)},type:{kind}]"


def sops(rng: Random) -> dict[str, bytes]:
    """One encrypted file of each format, by a name that tells the format."""
    recipient = age_key(rng)[1]
    sealed = armored(age_file(rng))
    block = {
        "age": [{"recipient": recipient, "enc": sealed}],
        "lastmodified": "2026-01-02T03:04:05Z",
        "mac": enc(rng, 128),
        "unencrypted_suffix": "_unencrypted",
        "version": "3.13.2",
    }
    tree = {
        "a": enc(rng),
        "b_unencrypted": "clear",
        "c": {"d": [enc(rng, kind="int"), enc(rng, kind="bool")], "e": ""},
    }
    as_json = json.dumps({**tree, "sops": block}, indent=2).encode()
    indented = sealed.replace("\n", "\n            ")
    yaml = (
        f"a: {enc(rng)}\n#{enc(rng, kind='comment')}\nb_unencrypted: clear\nc:\n    d:\n        - {enc(rng, kind='int')}\n"
        f'        - {enc(rng, kind="float")}\n    e: ""\nsops:\n    age:\n        - recipient: {recipient}\n'
        f'          enc: |\n            {indented}\n    lastmodified: "2026-01-02T03:04:05Z"\n    mac: {enc(rng, 128)}\n'
        f"    encrypted_regex: ^(a|c)$\n    shamir_threshold: 1\n    key_groups:\n        - hc_vault: []\n    version: 3.9.4\n"
    ).encode()
    flat = sealed.replace("\n", "\\n")
    dotenv = (
        f"#{enc(rng, kind='comment')}\nUSER={enc(rng)}\nEMPTY=\nsops_age__list_0__map_enc={flat}\n"
        f"sops_age__list_0__map_recipient={recipient}\nsops_lastmodified=2026-01-02T03:04:05Z\nsops_mac={enc(rng, 128)}\n"
        "sops_unencrypted_suffix=_unencrypted\nsops_version=3.13.2\n"
    ).encode()
    ini = (
        f"top = {enc(rng)}\n\n; {enc(rng, kind='comment')}\n[db]\nuser = {enc(rng)}\n\n[sops]\nage__list_0__map_enc = {flat}\n"
        f"age__list_0__map_recipient = {recipient}\nlastmodified = 2026-01-02T03:04:05Z\nmac = {enc(rng, 128)}\nversion = 3.13.2\n"
    ).encode()
    binary = json.dumps({"data": enc(rng, 90), "sops": block}).encode()
    return {"a.yaml": yaml, "a.json": as_json, "a.env": dotenv, "a.ini": ini, "a.bin": binary}


def config(rng: Random) -> list[bytes]:
    """Configurations of sops."""
    one, two = age_key(rng)[1], age_key(rng)[1]
    fingerprint = rng.randbytes(20).hex().upper()
    return [
        f"""keys:
  - &admin {one}
  - &host_a {two}
  - &pgp {fingerprint}
creation_rules:
  - path_regex: ^secrets/[^/]+\\.(yaml|json|env|ini)$
    key_groups:
      - age: [*admin, *host_a]
        pgp: [*pgp]
      - hc_vault: ["https://vault.example.com:8200/v1/transit/keys/k"]
        kms: [{{arn: "arn:aws:kms:eu-central-1:123456789012:key/x", context: {{a: b}}, role: r}}]
        azure_keyvault: [{{vaultUrl: "https://v.vault.azure.net", key: k, version: ""}}]
        gcp_kms: [{{resource_id: projects/p/locations/l/keyRings/r/cryptoKeys/k}}]
    shamir_threshold: 2
  - path_regex: 'k8s/.*\\.ya?ml'
    encrypted_regex: '^(data|stringData)$'
    age: >-
      {one},
      {two}
  - unencrypted_suffix: _clear
    mac_only_encrypted: true
    pgp: {fingerprint}
destination_rules:
  - s3_bucket: b
    path_regex: x/*
stores:
  yaml: {{indent: 2}}
""".encode(),
        f'{{"creation_rules": [{{"age": "{one}", "merge": [[{{"age": "{two}"}}]], "pathRegex": "("}}]}}'.encode(),
    ]


POLICY = b"""version: 1
levels:
  decrypted-leftover: error
require: [plaintext]
inline_allow: false
waivers:
  - rule: plaintext-token
    path: docs/**/exa?ple.md
    finding: 75df9a24c4002884
    reason: the sample of a manual
    until: 2027-02-21
"""


def nix(rng: Random) -> list[bytes]:
    """NixOS modules and flakes."""
    word = base64.b64encode(rng.randbytes(15)).decode()
    return [
        f"""{{ config, lib, pkgs, inputs, ... }}:
let
  secret = "{word}";
  hosts = {{ a = {{ ip = "10.0.0.1"; key = "{wireguard(rng)}"; }}; }};
in {{
  imports = [ ./hardware.nix inputs.sops-nix.nixosModules.sops (import ../x.nix {{ inherit lib; }}) ];
  sops.defaultSopsFile = ./secrets.yaml;
  sops.secrets."db/password" = {{ owner = config.users.users.db.name; sopsFile = ../a + "/b.yaml"; }};
  sops.secrets = lib.genAttrs [ "a" "b" ] (name: {{ neededForUsers = true; }});
  sops.templates."env".content = ''TOKEN=${{config.sops.placeholder."db/password"}}'';
  users.users.root = {{ initialPassword = "{word}"; hashedPasswordFile = config.sops.secrets.a.path; }};
  networking.wireguard.interfaces.wg0 = {{
    privateKey = "{wireguard(rng)}";
    peers = lib.mapAttrsToList (n: h: {{ publicKey = h.key; allowedIPs = [ "${{h.ip}}/32" ]; }}) hosts;
  }};
  environment.etc."x".text = ''
    password = ${{secret}}
      ''${{escaped}} '''quoted'''
  '';
  systemd.services.x.environment.TOKEN = "a" + "b" + secret;
  services.y = lib.mkIf (a ? b.c or d) (with pkgs; rec {{ inherit (config) z; settings = builtins.toFile "a" "k=${{word}}"; }});
}}
""".encode(),
        b"""{
  inputs = { nixpkgs.url = "github:NixOS/nixpkgs"; };
  outputs = { self, nixpkgs, ... }@inputs: {
    nixosConfigurations = builtins.mapAttrs (n: v: nixpkgs.lib.nixosSystem { modules = [ ./hosts/${n} ]; }) (builtins.readDir ./hosts);
    nixosConfigurations.web = nixpkgs.lib.nixosSystem { system = "x86_64-linux"; specialArgs = { inherit inputs; }; modules = [ ./web.nix ]; };
    deploy.nodes.web.hostname = "web"; colmena.web = { deployment.keys."k".text = "v"; };
  };
}
""",
    ]


def texts(rng: Random) -> list[bytes]:
    """Files of many kinds with a secret in each."""
    identity, recipient = age_key(rng)
    word = base64.b64encode(rng.randbytes(18)).decode()
    key = wireguard(rng)
    hexed = rng.randbytes(20).hex()
    manifest = (
        f"apiVersion: v1\nkind: Secret\nmetadata: {{name: a}}\ndata:\n  k: {base64.b64encode(identity.encode()).decode()}\n"
        f"stringData:\n  password: {word}\n---\nkind: List\nitems:\n- kind: Secret\n  data: {{a: b}}\n"
    )
    plain = [
        f"# created: now\n# public key: {recipient}\n{identity}\n",
        f"[Interface]\nPrivateKey = {key}\n[Peer]\nPublicKey = {wireguard(rng)}\nPresharedKey = {wireguard(rng)}\n",
        f"export DB_PASSWORD='{word}'\nDATABASE_URL=postgres://u:{word}@h/d?x=%41%42%20\nTOKEN=ghp_{hexed}\n",
        manifest,
        json.dumps({"auths": {"r": {"auth": base64.b64encode(f"u:{word}".encode()).decode()}}, "kind": "Secret", "data": {"a": word}}),
        f'machine h login u password {word}\nh:5432:d:u:{word}\npsk="{word}"\nAuthorization: Bearer {hexed}\n',
        "\n".join(f"{i} {rng.randbytes(32).hex()}" for i in range(40)),
    ]  # fmt: skip
    made = [t.encode() for t in plain]
    made += private_keys(rng) + openpgp(rng) + nix(rng)
    for text in (plain[0], plain[3]):
        made += [
            gzip.compress(text.encode(), mtime=0),
            text.encode("utf-16"),
            text.encode("utf-32-le"),
            base64.b64encode(text.encode()),
        ]
        made.append("".join(f"%{b:02x}" for b in text.encode()).encode())
        made.append(text.replace("\n", "\\n").encode())
    return made


def records(rng: Random) -> list[bytes]:
    """What git prints for plumbing commands."""
    ids = [rng.randbytes(20).hex() for _ in range(4)]
    none = "0" * 40
    return [
        f":100644 100755 {ids[0]} {ids[1]} M\0a b\0:000000 120000 {none} {ids[2]} A\0-x\0:100644 000000 {ids[0]} {none} D\0é\0".encode(),
        f"{ids[3]} {ids[0]} {ids[1]}\0\n:100644 100644 {ids[0]} {ids[1]} M\0a\0{ids[3]} {ids[0]} {ids[1]}\0\n:100644 100644 {ids[2]} {ids[1]} M\0a\0".encode(),
        f"100644 {ids[0]} 0\tpath with\ttab".encode(),
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{rng.randbytes(32).hex()}\nsize 12345\n".encode(),
    ]  # fmt: skip
