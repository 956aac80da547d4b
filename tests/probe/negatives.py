"""Files that look dangerous and are not: random words, hashes and public keys of every run, no secret."""

# ruff: noqa: E501  (files are as wide as they are)

import base64
import hashlib
import json
import secrets
import uuid
from collections.abc import Iterator

from tests import throwaway


def b64(size: int) -> str:
    return base64.b64encode(secrets.token_bytes(size)).decode()


def sri(kind: str = "sha256") -> str:
    return f"{kind}-{b64({'sha256': 32, 'sha512': 64, 'sha384': 48, 'sha1': 20}[kind])}"


def nix32() -> str:
    """52 characters of the alphabet that Nix writes hashes in."""
    return "".join(secrets.choice("0123456789abcdfghijklmnpqrsvwxyz") for _ in range(52))


def sealed(kind: str = "str") -> str:
    """Ciphertext as sops writes it."""
    return f"ENC[AES256_GCM,data:{b64(secrets.randbelow(60) + 1)},iv:{b64(32)},tag:{b64(16)},type:{kind}]"


def age_file() -> str:
    body = "\n".join(base64.b64encode(secrets.token_bytes(48)).decode() for _ in range(5))
    return f"-----BEGIN AGE ENCRYPTED FILE-----\n{body}\n-----END AGE ENCRYPTED FILE-----"


def cases() -> Iterator[tuple[str, bytes]]:
    """Path and text of each."""
    for path, text in _files():
        yield path, text.encode()


def _files() -> Iterator[tuple[str, str]]:
    yield from _nix()
    yield from _sops()
    yield from _kubernetes()
    yield from _locks()
    yield from _texts()


def _nix() -> Iterator[tuple[str, str]]:
    node = {
        "locked": {
            "lastModified": 1767323045,
            "narHash": sri(),
            "owner": "NixOS",
            "repo": "nixpkgs",
            "rev": secrets.token_hex(20),
            "type": "github",
        }
    }
    yield (
        "flake.lock",
        json.dumps(
            {
                "nodes": {"nixpkgs": node, "root": {"inputs": {"nixpkgs": "nixpkgs"}}},
                "root": "root",
                "version": 7,
            },
            indent=2,
        ),
    )
    yield (
        "pkg.nix",
        f'{{ fetchFromGitHub }}: fetchFromGitHub {{ owner = "a"; repo = "b"; rev = "{secrets.token_hex(20)}"; hash = "{sri()}"; }}\n',
    )
    yield (
        "old.nix",
        f'{{ src = fetchurl {{ url = "https://example.org/a.tar.gz"; sha256 = "{nix32()}"; }}; cargoSha256 = "{nix32()}"; vendorHash = "{sri()}"; npmDepsHash = "{sri()}"; }}\n',
    )
    yield "prefetch.txt", f"path is '/nix/store/{nix32()[:32]}-source'\n{nix32()}\n"
    yield (
        "prefetch.json",
        json.dumps(
            {"hash": sri(), "path": f"/nix/store/{nix32()[:32]}-source.drv", "rev": secrets.token_hex(20)}
        ),
    )
    yield (
        "cache.nix",
        f'{{ nix.settings.trusted-public-keys = [ "cache.nixos.org-1:{b64(32)}" "nix-community.cachix.org-1:{b64(32)}" ]; }}\n',
    )
    yield (
        "flake.nix",
        f'{{ nixConfig = {{ extra-substituters = [ "https://a.cachix.org" ]; extra-trusted-public-keys = [ "a.cachix.org-1:{b64(32)}" ]; }}; outputs = _: {{ }}; }}\n',
    )
    yield "nix.conf", f"trusted-public-keys = cache.nixos.org-1:{b64(32)} hydra.example.org-1:{b64(32)}\n"
    yield (
        "sources.json",
        json.dumps(
            {
                "nixpkgs": {
                    "branch": "nixos-unstable",
                    "rev": secrets.token_hex(20),
                    "sha256": nix32(),
                    "url_template": "https://github.com/<owner>/<repo>/archive/<rev>.tar.gz",
                }
            }
        ),
    )
    peers = "".join(
        f'{{ publicKey = "{throwaway.wireguard_public()}"; allowedIPs = [ "10.0.0.{n}/32" ]; endpoint = "h{n}.example.org:51820"; }}\n'
        for n in range(4)
    )
    yield (
        "wg.nix",
        f"{{ config, ... }}: {{ networking.wireguard.interfaces.wg0 = {{ privateKeyFile = config.sops.secrets.wg.path; peers = [\n{peers} ]; }}; }}\n",
    )
    yield (
        "wg-inventory.nix",
        f'{{\n  gate = {{ ip = "10.0.0.1"; wgPublicKey = "{throwaway.wireguard_public()}"; }};\n  web = {{ ip = "10.0.0.2"; pubkey = "{throwaway.wireguard_public()}"; }};\n}}\n',
    )
    yield (
        "keys.nix",
        f'{{ users.users.ada.openssh.authorizedKeys.keys = [ "{throwaway.openssh_public("ada@laptop")}" ]; }}\n',
    )
    yield (
        "hostkeys.nix",
        f'{{ programs.ssh.knownHosts."gate.example.org".publicKey = "{throwaway.openssh_public()}"; }}\n',
    )
    yield (
        "secrets.nix",
        f'let ada = "{throwaway.openssh_public()}"; gate = "{throwaway.age_identity()[1]}"; in {{ "secret1.age".publicKeys = [ ada gate ]; }}\n',
    )
    yield (
        "refs.nix",
        '{ config, ... }: { users.users.ada.hashedPasswordFile = config.sops.secrets."ada/password".path; services.restic.backups.a.passwordFile = config.sops.secrets.restic_password.path; services.k3s.tokenFile = "/run/secrets/k3s-token"; }\n',
    )
    yield (
        "agenix.nix",
        '{ config, ... }: { services.borgbackup.jobs.a.encryption.passCommand = "cat ${config.age.secrets.borg.path}"; age.secrets.borg.file = ../secrets/borg.age; }\n',
    )
    yield (
        "template.nix",
        "{ config, ... }: { sops.templates.\"app.env\".content = ''\n    DB_PASSWORD=${config.sops.placeholder.db_password}\n    API_TOKEN=${config.sops.placeholder.\"api/token\"}\n    DATABASE_URL=postgres://app:${config.sops.placeholder.db_password}@localhost/app\n  ''; }\n",
    )
    yield (
        "option.nix",
        '{ lib, ... }: { options.services.x = { password = lib.mkOption { type = lib.types.str; default = ""; description = "The password. Do not put it into the store."; }; tokenFile = lib.mkOption { type = lib.types.path; example = "/run/keys/token"; }; secretKey = lib.mkEnableOption "the secret key"; }; }\n',
    )
    yield (
        "mkoption2.nix",
        '{ lib, ... }: with lib; { options.a.passwordFile = mkOption { type = types.nullOr types.path; default = null; example = "/run/secrets/password"; }; options.a.keyType = mkOption { default = "ed25519"; }; }\n',
    )
    yield (
        "credentials.nix",
        '{ config, ... }: { systemd.services.a.serviceConfig.LoadCredential = [ "password:${config.sops.secrets.a.path}" "token:/run/secrets/token" ]; systemd.services.a.script = "export TOKEN=$(cat $CREDENTIALS_DIRECTORY/token)"; }\n',
    )
    yield (
        "locked.nix",
        '{ users.users.root.hashedPassword = "!"; users.users.guest.hashedPassword = "*"; users.mutableUsers = false; security.sudo.wheelNeedsPassword = true; services.openssh.settings.PasswordAuthentication = false; }\n',
    )
    yield (
        "sopsdecl.nix",
        '{ sops = { defaultSopsFile = ../secrets/gate.yaml; age.sshKeyPaths = [ "/etc/ssh/ssh_host_ed25519_key" ]; secrets."wireguard/private_key" = { owner = "systemd-network"; mode = "0400"; restartUnits = [ "systemd-networkd.service" ]; }; }; }\n',
    )
    yield (
        "fonts.nix",
        f'{{ environment.etc."machine-id".text = "{uuid.uuid4().hex}"; fileSystems."/" = {{ device = "/dev/disk/by-uuid/{uuid.uuid4()}"; fsType = "ext4"; }}; boot.initrd.luks.devices.root.device = "/dev/disk/by-uuid/{uuid.uuid4()}"; }}\n',
    )
    yield (
        "disko.nix",
        '{ disko.devices.disk.main.content.partitions.luks.content = { type = "luks"; passwordFile = "/tmp/secret.key"; settings.allowDiscards = true; }; }\n',
    )
    yield (
        "networkid.nix",
        '{ services.zerotierone.joinNetworks = [ "8056c2e21c000001" ]; networking.hostId = "deadbeef"; networking.wireless.networks."Home".pskRaw = "ext:home_psk"; networking.wireless.secretsFile = config.sops.secrets.wifi.path; }\n',
    )
    yield (
        "tests.nix",
        '{ testScript = "machine.wait_for_unit(\'multi-user.target\')"; nodes.machine.services.x.passwordFile = "/etc/pw"; }\n',
    )
    yield (
        "acme.nix",
        '{ security.acme = { acceptTerms = true; defaults = { email = "ada@example.org"; dnsProvider = "cloudflare"; environmentFile = "/run/secrets/cloudflare.env"; }; }; }\n',
    )
    yield (
        "placeholder.nix",
        '{ services.a.settings = { password = "@PASSWORD@"; token = "$TOKEN"; secret = "\\${SECRET}"; key = "%{KEY}"; }; }\n',
    )


def _sops() -> Iterator[tuple[str, str]]:
    recipient = throwaway.age_identity()[1]
    block = (
        f"sops:\n    age:\n        - recipient: {recipient}\n          enc: |\n            "
        + age_file().replace("\n", "\n            ")
    )
    block += f'\n    lastmodified: "2026-01-02T03:04:05Z"\n    mac: {sealed()}\n    unencrypted_suffix: _unencrypted\n    version: 3.13.2\n'
    yield (
        "secrets/gate.yaml",
        f"password: {sealed()}\nwireguard:\n    private_key: {sealed()}\n    psk: {sealed()}\n#{sealed('comment')}\nnumber: {sealed('int')}\n{block}",
    )
    yield (
        "k8s/a.sops.yaml",
        f"apiVersion: v1\nkind: Secret\nmetadata:\n    name: a\nstringData:\n    password: {sealed()}\n    token: {sealed()}\n{block.replace('unencrypted_suffix: _unencrypted', 'encrypted_regex: ^(data|stringData)$')}",
    )
    meta = {
        "age": [{"recipient": recipient, "enc": age_file() + "\n"}],
        "lastmodified": "2026-01-02T03:04:05Z",
        "mac": sealed(),
        "version": "3.9.4",
    }
    yield "secrets/a.json", json.dumps({"api_token": sealed(), "sops": meta}, indent="\t")
    yield "secrets/id_ed25519.bin", json.dumps({"data": sealed(), "sops": meta}, indent="\t")
    flat = age_file().replace("\n", "\\n")
    yield (
        "secrets/a.env",
        f"DB_PASSWORD={sealed()}\nsops_age__list_0__map_enc={flat}\nsops_age__list_0__map_recipient={recipient}\nsops_mac={sealed()}\nsops_version=3.13.2\n",
    )
    yield (
        "secrets/a.ini",
        f"[db]\npassword = {sealed()}\n\n[sops]\nage__list_0__map_enc = {flat}\nage__list_0__map_recipient = {recipient}\nmac = {sealed()}\n",
    )
    fingerprint = secrets.token_hex(20).upper()
    yield (
        ".sops.yaml",
        f"keys:\n  - &ada {recipient}\n  - &gate {throwaway.age_identity()[1]}\n  - &bob {fingerprint}\ncreation_rules:\n  - path_regex: secrets/[^/]+\\.yaml$\n    key_groups:\n      - age: [*ada, *gate]\n        pgp: [*bob]\n",
    )
    yield (
        "pgp.yaml",
        f'a: {sealed()}\nsops:\n    pgp:\n        - created_at: "2026-01-02T03:04:05Z"\n          enc: |\n            -----BEGIN PGP MESSAGE-----\n\n            {b64(48)}\n            {b64(48)}\n            =x3Fq\n            -----END PGP MESSAGE-----\n          fp: {fingerprint}\n    mac: {sealed()}\n    version: 3.9.4\n',
    )
    yield (
        "kms.yaml",
        f'a: {sealed()}\nsops:\n    kms:\n        - arn: arn:aws:kms:eu-central-1:123456789012:key/{uuid.uuid4()}\n          created_at: "2026-01-02T03:04:05Z"\n          enc: {b64(184)}\n    mac: {sealed()}\n    version: 3.9.4\n',
    )
    yield "secret1.age", age_file() + "\n"
    yield "recipients.txt", f"# ada\n{recipient}\n# gate\n{throwaway.openssh_public('gate')}\n"
    yield "keys.pub", f"# created: 2026-01-02\n# public key: {recipient}\n{recipient}\n"
    yield (
        "README.md",
        f"Add your recipient (`{recipient}`) to `.sops.yaml`. The identity begins with `AGE-SECRET-KEY-1...` and stays in `~/.config/sops/age/keys.txt`.\n",
    )
    yield (
        "docs/setup.md",
        "```\n# public key: age1...\nAGE-SECRET-KEY-1XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX\n```\n",
    )


def _kubernetes() -> Iterator[tuple[str, str]]:
    yield (
        "sealed.yaml",
        f"apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata:\n  name: db\nspec:\n  encryptedData:\n    password: AgB{b64(540)}\n    username: AgA{b64(540)}\n",
    )
    yield (
        "external.yaml",
        'apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata:\n  name: db\nspec:\n  secretStoreRef: {name: vault, kind: ClusterSecretStore}\n  target:\n    name: db-secret\n    template:\n      data:\n        password: "{{ .password }}"\n  dataFrom:\n    - extract: {key: secret/data/db}\n',
    )
    yield (
        "templates/secret.yaml",
        'apiVersion: v1\nkind: Secret\nmetadata:\n  name: {{ include "app.fullname" . }}\ntype: Opaque\ndata:\n  password: {{ .Values.auth.password | b64enc | quote }}\n  token: {{ randAlphaNum 32 | b64enc }}\n',
    )
    yield (
        "templates/deploy.yaml",
        "env:\n  - name: DB_PASSWORD\n    valueFrom:\n      secretKeyRef:\n        name: {{ .Values.existingSecret }}\n        key: postgres-password\n",
    )
    yield (
        "deploy.yaml",
        "apiVersion: apps/v1\nkind: Deployment\nspec:\n  template:\n    spec:\n      imagePullSecrets: [{name: regcred}]\n      containers:\n        - name: a\n          image: ghcr.io/a/b@sha256:"
        + secrets.token_hex(32)
        + "\n          envFrom:\n            - secretRef: {name: app-secrets}\n",
    )
    yield (
        "values.yaml",
        'auth:\n  existingSecret: db-secret\n  secretKeys:\n    adminPasswordKey: postgres-password\n    userPasswordKey: password\n  password: ""\n',
    )
    yield (
        "flux-kustomization.yaml",
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nspec:\n  decryption:\n    provider: sops\n    secretRef:\n      name: sops-age\n  postBuild:\n    substituteFrom:\n      - kind: Secret\n        name: cluster-secrets\n",
    )
    yield (
        "helmrelease.yaml",
        "kind: HelmRelease\nspec:\n  values:\n    adminPassword: ${GRAFANA_PASSWORD}\n    oidc:\n      clientSecret: ${OIDC_SECRET}\n  valuesFrom:\n    - kind: Secret\n      name: values\n      valuesKey: token\n",
    )
    yield (
        "empty.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: filled-later\ntype: Opaque\ndata: {}\n",
    )
    yield (
        "sa.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: build-robot\n  annotations:\n    kubernetes.io/service-account.name: build-robot\ntype: kubernetes.io/service-account-token\n",
    )
    cert = "\n".join(b64(48) for _ in range(10))
    yield (
        "ca.yaml",
        f"kind: ConfigMap\ndata:\n  ca.crt: |\n    -----BEGIN CERTIFICATE-----\n    {cert}\n    -----END CERTIFICATE-----\n".replace(
            "\n" + cert[:4], "\n    " + cert[:4]
        ),
    )
    yield (
        "kubeconfig-public.yaml",
        f"clusters:\n- cluster:\n    certificate-authority-data: {base64.b64encode(b'-----BEGIN CERTIFICATE-----' + secrets.token_bytes(300)).decode()}\n    server: https://10.0.0.1:6443\nusers:\n- name: ada\n  user:\n    exec: {{command: kubelogin}}\n",
    )
    yield (
        "certmanager.yaml",
        "kind: ClusterIssuer\nspec:\n  acme:\n    privateKeySecretRef: {name: letsencrypt-key}\n    solvers:\n      - dns01:\n          cloudflare:\n            apiTokenSecretRef: {name: cloudflare, key: api-token}\n",
    )
    yield (
        "gitops/vault.yaml",
        "password: <path:secret/data/db#password>\ntoken: ref+vault://secret/db#token\n",
    )
    yield (
        "crd.yaml",
        "kind: CustomResourceDefinition\nspec:\n  versions:\n    - schema:\n        openAPIV3Schema:\n          properties:\n            password: {type: string, description: 'The password of the user'}\n            secretName: {type: string}\n",
    )
    yield (
        "kustomization.yaml",
        "secretGenerator:\n  - name: db\n    envs: [secrets.env]\n    files:\n      - password=db-password.txt\n",
    )


def _locks() -> Iterator[tuple[str, str]]:
    yield (
        "package-lock.json",
        json.dumps(
            {
                "packages": {
                    "node_modules/a": {
                        "version": "1.2.3",
                        "resolved": "https://registry.example.org/a/-/a-1.2.3.tgz",
                        "integrity": sri("sha512"),
                    },
                    "node_modules/token-types": {"integrity": sri("sha512")},
                }
            },
            indent=2,
        ),
    )
    yield (
        "yarn.lock",
        f'token-types@^4.1.1:\n  version "4.1.1"\n  resolved "https://npm.example.org/token-types/-/token-types-4.1.1.tgz#{secrets.token_hex(20)}"\n  integrity {sri("sha512")}\n',
    )
    yield (
        "pnpm-lock.yaml",
        f"packages:\n  /password-prompt@1.1.3:\n    resolution: {{integrity: {sri('sha512')}}}\n",
    )
    yield (
        "go.sum",
        "".join(
            f"github.com/a/token v1.{n}.0 h1:{b64(32)}\ngithub.com/a/token v1.{n}.0/go.mod h1:{b64(32)}\n"
            for n in range(6)
        ),
    )
    yield (
        "Cargo.lock",
        "".join(
            f'[[package]]\nname = "secrecy"\nversion = "0.{n}.0"\nchecksum = "{secrets.token_hex(32)}"\n'
            for n in range(4)
        ),
    )
    yield (
        "poetry.lock",
        f'[[package]]\nname = "keyring"\nfiles = [\n    {{file = "keyring-25.whl", hash = "sha256:{secrets.token_hex(32)}"}},\n]\n',
    )
    yield (
        "requirements.txt",
        f"cryptography==43.0.0 \\\n    --hash=sha256:{secrets.token_hex(32)} \\\n    --hash=sha256:{secrets.token_hex(32)}\n",
    )
    yield (
        ".terraform.lock.hcl",
        f'provider "registry.terraform.io/hashicorp/random" {{\n  version = "3.6.0"\n  hashes = [\n    "h1:{b64(32)}",\n    "zh:{secrets.token_hex(32)}",\n  ]\n}}\n',
    )
    yield "Gemfile.lock", f"CHECKSUMS\n  bcrypt_pbkdf (1.1.1) sha256={secrets.token_hex(32)}\n"
    yield (
        "composer.lock",
        json.dumps(
            {
                "content-hash": secrets.token_hex(16),
                "packages": [
                    {
                        "name": "a/auth",
                        "dist": {"shasum": secrets.token_hex(20), "reference": secrets.token_hex(20)},
                    }
                ],
            }
        ),
    )
    yield (
        "deps.nix",
        "".join(
            f'{{ name = "a{n}"; url = "https://example.org/{n}"; sha256 = "{nix32()}"; }}\n' for n in range(5)
        ),
    )
    yield (
        "SHA256SUMS",
        "".join(
            f"{hashlib.sha256(secrets.token_bytes(4)).hexdigest()}  release-{n}.tar.gz\n" for n in range(5)
        ),
    )
    yield (
        "uv.lock",
        f'wheels = [ {{ url = "https://files.example.org/packages/{secrets.token_hex(1)}/{secrets.token_hex(1)}/{secrets.token_hex(30)}/passlib-1.7.4.whl", hash = "sha256:{secrets.token_hex(32)}", size = 525554 }} ]\n',
    )
    yield "deno.lock", json.dumps({"remote": {"https://deno.land/std/token.ts": secrets.token_hex(32)}})


def _texts() -> Iterator[tuple[str, str]]:
    yield (
        ".github/workflows/ci.yml",
        "jobs:\n  a:\n    steps:\n      - uses: actions/checkout@"
        + secrets.token_hex(20)
        + "\n      - run: deploy\n        env:\n          GITHUB_TOKEN: ${{ secrets.GITHUB_TOKEN }}\n          SOPS_AGE_KEY: ${{ secrets.SOPS_AGE_KEY }}\n          PASSWORD: ${{ secrets.PASSWORD }}\n",
    )
    yield (
        ".gitlab-ci.yml",
        'deploy:\n  script:\n    - curl -H "PRIVATE-TOKEN: $DEPLOY_TOKEN" https://gitlab.example.com/api\n    - docker login -u $CI_REGISTRY_USER -p $CI_REGISTRY_PASSWORD $CI_REGISTRY\n',
    )
    yield (
        "main.tf",
        'provider "cloudflare" {\n  api_token = var.cloudflare_api_token\n}\nresource "random_password" "db" { length = 32 }\nresource "x" "y" { password = random_password.db.result\n  secret_key = data.sops_file.s.data["key"] }\n',
    )
    yield (
        "variables.tf",
        'variable "db_password" {\n  type = string\n  sensitive = true\n  description = "password of the database"\n}\n',
    )
    yield (
        "docker-compose.yml",
        "services:\n  db:\n    environment:\n      POSTGRES_PASSWORD_FILE: /run/secrets/db_password\n      MYSQL_PASSWORD: ${MYSQL_PASSWORD:?missing}\n    secrets: [db_password]\nsecrets:\n  db_password:\n    file: ./db_password.txt\n",
    )
    yield (
        ".env.example",
        "DB_PASSWORD=changeme\nAPI_TOKEN=your-token-here\nSECRET_KEY=<generate with openssl rand -hex 32>\nRESTIC_PASSWORD=\nAWS_SECRET_ACCESS_KEY=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n",
    )
    yield (
        "docs/urls.md",
        "Use `postgres://user:password@localhost:5432/db` or `https://user:pass@example.com/`; mongodb://<user>:<password>@host.\n",
    )
    yield (
        "docs/dots.md",
        "    PrivateKey = ........\n    password: ********\n    token: ghp_...\n    -----BEGIN OPENSSH PRIVATE KEY-----\n    ...\n    -----END OPENSSH PRIVATE KEY-----\n",
    )
    yield (
        "docs/wg.md",
        f"```\n[Interface]\nPrivateKey = <your private key>\n\n[Peer]\nPublicKey = {throwaway.wireguard_public()}\nPresharedKey = (hidden)\n```\n",
    )
    yield (
        "wg-show.txt",
        f"interface: wg0\n  public key: {throwaway.wireguard_public()}\n  private key: (hidden)\n  listening port: 51820\n\npeer: {throwaway.wireguard_public()}\n  preshared key: (hidden)\n  endpoint: 192.0.2.1:51820\n",
    )
    yield (
        "peers.yaml",
        "".join(
            f"- name: h{n}\n  public_key: {throwaway.wireguard_public()}\n  ip: 10.0.0.{n}\n"
            for n in range(5)
        ),
    )
    yield (
        "peers.conf",
        "".join(
            f"[Peer]\n# h{n}\nPublicKey = {throwaway.wireguard_public()}\nAllowedIPs = 10.0.0.{n}/32\n"
            for n in range(5)
        ),
    )
    yield (
        "netbird.json",
        json.dumps({"peers": [{"pubKey": throwaway.wireguard_public(), "ip": "100.64.0.1"}]}),
    )
    yield (
        "known_hosts",
        f"gate.example.org {throwaway.openssh_public()}\n|1|{b64(20)}|{b64(20)} {throwaway.openssh_public()}\n",
    )
    yield "id_ed25519.pub", throwaway.openssh_public("ada@laptop") + "\n"
    yield "allowed_signers", f'ada@example.org namespaces="git" {throwaway.openssh_public()}\n'
    yield (
        "fingerprints.txt",
        f"256 SHA256:{b64(32)[:43]} gate (ED25519)\npub   ed25519 2026-01-02 [SC]\n      {secrets.token_hex(20).upper()}\n",
    )
    yield (
        "ada.asc",
        f"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n{b64(48)}\n{b64(48)}\n=aB3d\n-----END PGP PUBLIC KEY BLOCK-----\n",
    )
    yield (
        "sig.asc",
        f"-----BEGIN PGP SIGNATURE-----\n\n{b64(48)}\n{b64(40)}\n=aB3d\n-----END PGP SIGNATURE-----\n",
    )
    yield "cert.pem", f"-----BEGIN CERTIFICATE-----\n{b64(48)}\n{b64(48)}\n-----END CERTIFICATE-----\n"
    yield "pub.pem", f"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA{b64(32)}\n-----END PUBLIC KEY-----\n"
    yield (
        "minisign.pub",
        f"untrusted comment: minisign public key {secrets.token_hex(8).upper()}\nRW{b64(40)[2:]}\n",
    )
    yield (
        "page.html",
        f'<script src="https://cdn.example.org/a.js" integrity="{sri("sha384")}" crossorigin="anonymous"></script>\n<input type="password" name="password" placeholder="Password">\n',
    )
    yield "logo.svg", f'<svg><image href="data:image/png;base64,iVBORw0KGgo{b64(90)}"/></svg>\n'
    yield (
        "app.service",
        "[Service]\nLoadCredential=password:/run/secrets/password\nEnvironmentFile=/run/secrets/app.env\nExecStart=/bin/app --password-file ${CREDENTIALS_DIRECTORY}/password\n",
    )
    yield (
        "playbook.yml",
        "- hosts: all\n  vars:\n    db_password: \"{{ vault_db_password }}\"\n    api_token: \"{{ lookup('env', 'API_TOKEN') }}\"\n  tasks:\n    - user: {name: ada, password: \"{{ pw | password_hash('sha512') }}\"}\n      no_log: true\n",
    )
    vault = "\n".join(secrets.token_hex(40) for _ in range(5))
    yield "vault.yml", f"$ANSIBLE_VAULT;1.1;AES256\n{vault}\n"
    yield (
        "app.py",
        'password = os.environ["DB_PASSWORD"]\ntoken = get_token(user)\nsecret = settings.SECRET_KEY\nif password == "":\n    raise ValueError("password missing")\napi_key = config.get("api_key")\n',
    )
    yield (
        "app.go",
        'func login(password string) (token string, err error) {\n\treturn client.Login(ctx, os.Getenv("PASSWORD"))\n}\n',
    )
    yield (
        "app.rs",
        'let secret_key: SecretKey = SecretKey::generate();\nlet password = rpassword::prompt_password("Password: ")?;\n',
    )
    yield (
        "deploy.sh",
        'PASSWORD="$(sops -d --extract \'["password"]\' secrets.yaml)"\nTOKEN=$(cat /run/secrets/token)\nexport RESTIC_PASSWORD_COMMAND="pass show restic"\nread -rs -p "Password: " PW\n',
    )
    yield (
        "backup.sh",
        "export RESTIC_PASSWORD_FILE=/run/secrets/restic\nexport BORG_PASSCOMMAND='cat /run/secrets/borg'\nrestic -r rest:http://nas:8000/gate backup /srv\n",
    )
    yield (
        "zone.txt",
        f'_dmarc IN TXT "v=DMARC1; p=none"\nmail._domainkey IN TXT "v=DKIM1; k=rsa; p={b64(162)}"\n_acme-challenge IN TXT "{b64(32)[:43]}"\nh IN TLSA 3 1 1 {secrets.token_hex(32)}\nh IN SSHFP 4 2 {secrets.token_hex(32)}\n',
    )
    yield (
        "uuids.json",
        json.dumps(
            {
                "id": str(uuid.uuid4()),
                "key": str(uuid.uuid4()),
                "client_id": str(uuid.uuid4()),
                "etag": secrets.token_hex(16),
            }
        ),
    )
    yield (
        "git.log",
        "".join(
            f"commit {secrets.token_hex(20)}\nAuthor: Ada <ada@example.org>\n\n    Rotate the password of the database\n\n"
            for _ in range(3)
        ),
    )
    yield (
        "patch.diff",
        f"diff --git a/x b/x\nindex {secrets.token_hex(4)[:7]}..{secrets.token_hex(4)[:7]} 100644\n-password: {sealed()}\n+password: {sealed()}\n",
    )
    yield (
        "i18n.json",
        json.dumps(
            {
                "password": "Passwort",
                "confirm_password": "Passwort bestätigen",
                "token": "Zugangsschlüssel",
                "forgot_password": "Passwort vergessen?",
            },
            ensure_ascii=False,
        ),
    )
    yield (
        "schema.json",
        json.dumps(
            {
                "properties": {
                    "password": {"type": "string", "minLength": 12},
                    "privateKey": {"type": "string", "pattern": "^[A-Za-z0-9+/]{43}=$"},
                }
            }
        ),
    )
    yield (
        "homeassistant.yaml",
        "mqtt:\n  username: !secret mqtt_user\n  password: !secret mqtt_password\nhttp:\n  ssl_key: /ssl/privkey.pem\n",
    )
    yield (
        "renovate.json",
        json.dumps({"extends": ["config:recommended"], "hostRules": [{"token": "{{ secrets.TOKEN }}"}]}),
    )
    yield (
        "prometheus.yml",
        "basic_auth:\n  username: u\n  password_file: /run/secrets/prometheus\nauthorization:\n  credentials_file: /run/secrets/token\n",
    )
    yield (
        "argo-token.md",
        "Run `kubectl -n argocd get secret argocd-initial-admin-secret -o jsonpath='{.data.password}' | base64 -d`.\n",
    )
