"""Leaks as they happen: a path, a text, and the throw-away secret that stands where `@S@` is.

In the texts `@P@` is a WireGuard public key, `@R@` an age recipient, `@W@` a harmless word of the same run.
"""

# ruff: noqa: E501  (files are as wide as they are)

import base64
import json
from collections.abc import Callable, Iterator
from typing import NamedTuple

from tests import throwaway


class Case(NamedTuple):
    """One file with one secret. `shown` is what of it stands in the text as it is, if anything."""

    kind: str
    path: str
    text: bytes
    shown: bytes


# --- WireGuard: `wg genkey` and `wg genpsk` -----------------------------------------------------------

WIREGUARD = [
    ("wg0.conf", "[Interface]\nAddress = 10.100.0.1/24\nListenPort = 51820\nPrivateKey = @S@\n\n[Peer]\nPublicKey = @P@\nAllowedIPs = 10.100.0.2/32\n"),
    ("etc/wireguard/wg-home.conf", "[Interface]\nPrivateKey=@S@\n[Peer]\nPublicKey=@P@\nEndpoint=vpn.example.org:51820\n"),
    ("peers/laptop.conf", "[Interface]\r\nPrivateKey = @S@\r\nDNS = 1.1.1.1\r\n\r\n[Peer]\r\nPublicKey = @P@\r\n"),
    ("wg1.conf", "[Interface]\nPrivateKey = @K@\n[Peer]\nPublicKey = @P@\nPresharedKey = @S@\nAllowedIPs = 0.0.0.0/0\n"),
    ("90-wg0.netdev", "[NetDev]\nName=wg0\nKind=wireguard\n\n[WireGuard]\nPrivateKey=@S@\nListenPort=51820\n\n[WireGuardPeer]\nPublicKey=@P@\n"),
    ("wg.netdev", "[WireGuardPeer]\nPublicKey=@P@\nPresharedKey=@S@\nAllowedIPs=10.0.0.0/8\n"),
    ("secrets/wg-private.key", "@S@\n"),
    ("private.key", "@S@"),
    ("wireguard-keys/privatekey", "@S@\n"),
    ("hosts/gate/wg.psk", "@S@\n"),
    ("hosts/a/wireguard.nix", '{\n  networking.wireguard.interfaces.wg0 = {\n    ips = [ "10.100.0.1/24" ];\n    listenPort = 51820;\n    privateKey = "@S@";\n    peers = [ { publicKey = "@P@"; allowedIPs = [ "10.100.0.2/32" ]; } ];\n  };\n}\n'),
    ("hosts/b/default.nix", '{ config, pkgs, ... }: {\n  networking.wg-quick.interfaces.wg0.privateKey = "@S@";\n}\n'),
    ("hosts/c/vpn.nix", '{ ... }: { networking.wireguard.interfaces = { wg0 = { peers = [{ publicKey = "@P@"; presharedKey = "@S@"; }]; }; }; }\n'),
    ("modules/netdev.nix", '{ systemd.network.netdevs."50-wg0" = { netdevConfig = { Kind = "wireguard"; Name = "wg0"; }; wireguardConfig = { PrivateKey = "@S@"; ListenPort = 51820; }; }; }\n'),
    ("modules/let.nix", 'let\n  wgPrivateKey = "@S@";\nin {\n  networking.wireguard.interfaces.wg0.privateKey = wgPrivateKey;\n}\n'),
    ("modules/file.nix", '{ pkgs, ... }: {\n  networking.wireguard.interfaces.wg0.privateKeyFile = "${pkgs.writeText "wg" "@S@"}";\n}\n'),
    ("modules/tofile.nix", '{ networking.wg-quick.interfaces.wg0.privateKeyFile = builtins.toFile "wg.key" "@S@"; }\n'),
    ("modules/etc.nix", "{\n  environment.etc.\"wireguard/wg0.conf\".text = ''\n    [Interface]\n    PrivateKey = @S@\n    Address = 10.0.0.1/32\n  '';\n}\n"),
    ("modules/psk.nix", '{ networking.wg-quick.interfaces.wg0.peers = [\n    { publicKey = "@P@";\n      presharedKeyFile = toString (pkgs.writeText "psk" "@S@"); } ]; }\n'),
    ("inventory/hosts.nix", '{\n  gate = { ip = "10.0.0.1"; wireguard = { publicKey = "@P@"; privateKey = "@S@"; }; };\n}\n'),
    ("secrets.yaml", "wireguard:\n    private_key: @S@\n"),
    ("group_vars/vpn.yml", "---\nwireguard_private_key: \"@S@\"\nwireguard_port: 51820\n"),
    ("host_vars/gate/vault.yml", "vault_wg_privkey: '@S@'\n"),
    ("values.yaml", "wireguard:\n  config:\n    wg0.conf: |\n      [Interface]\n      PrivateKey = @S@\n      Address = 10.8.0.1/24\n"),
    ("docker-compose.yml", "services:\n  gluetun:\n    image: qmcgaw/gluetun\n    environment:\n      - VPN_TYPE=wireguard\n      - WIREGUARD_PRIVATE_KEY=@S@\n"),
    ("compose.yaml", "services:\n  vpn:\n    environment:\n      WIREGUARD_PRESHARED_KEY: @S@\n"),
    (".env", "WIREGUARD_PRIVATE_KEY=@S@\nWIREGUARD_ADDRESSES=10.64.0.2/32\n"),
    ("vpn.env", 'export WG_PRIVKEY="@S@"\n'),
    ("terraform.tfvars", 'wireguard_private_key = "@S@"\n'),
    ("main.tf", 'locals {\n  wg_private_key = "@S@"\n}\n'),
    ("wg.json", '{"interface": {"privateKey": "@S@", "address": "10.0.0.1/24"}, "peers": [{"publicKey": "@P@"}]}\n'),
    ("peers.json", '[{"PublicKey": "@P@", "PresharedKey": "@S@"}]\n'),
    ("wg.toml", '[interface]\nprivate_key = "@S@"\n'),
    (".bash_history", "wg genkey\nwg set wg0 private-key <(echo @S@)\nip link set wg0 up\n"),
    ("setup.sh", "#!/bin/sh\necho '@S@' > /etc/wireguard/private.key\nchmod 600 /etc/wireguard/private.key\n"),
    ("setup2.sh", 'WG_PRIVATE="@S@"\nwg set wg0 listen-port 51820 private-key /dev/stdin <<< "$WG_PRIVATE"\n'),
    ("notes/vpn.md", "# VPN\n\nLaptop:\n\n```ini\n[Interface]\nPrivateKey = @S@\nAddress = 10.0.0.3/32\n```\n"),
    ("README.md", "The private key of the gate is `@S@`, the public key is `@P@`.\n"),
    ("k8s/wg-secret.yaml", "apiVersion: v1\nkind: Secret\nmetadata:\n  name: wg\nstringData:\n  privatekey: @S@\n"),
    ("k8s/wg-data.yaml", "apiVersion: v1\nkind: Secret\nmetadata:\n  name: wg\ntype: Opaque\ndata:\n  wg0.conf: @B:[Interface]\nPrivateKey = @S@\n@\n"),
    ("router/uci.conf", "config interface 'wg0'\n\toption proto 'wireguard'\n\toption private_key '@S@'\n"),
    ("system-connections/wg.nmconnection", "[connection]\nid=wg\ntype=wireguard\n\n[wireguard]\nprivate-key=@S@\n"),
    ("nm.nix", '{ networking.networkmanager.ensureProfiles.profiles.wg = { wireguard.private-key = "@S@"; connection.type = "wireguard"; }; }\n'),
    ("vyos.config", "set interfaces wireguard wg0 private-key '@S@'\n"),
    ("opnsense.xml", "<wireguard><server><privkey>@S@</privkey><pubkey>@P@</pubkey></server></wireguard>\n"),
    ("wg0.conf.bak", "# gate\n[Interface]\n# PrivateKey = @S@\nPrivateKey = file\n"),
]  # fmt: skip

# --- age: `age-keygen` ------------------------------------------------------------------------------------

AGE = [
    ("keys.txt", "# created: 2026-01-02T03:04:05+01:00\n# public key: @R@\n@S@\n"),
    (".config/sops/age/keys.txt", "@S@\n"),
    ("key.txt", "@S@"),
    ("hosts/gate/age.key", "# public key: @R@\r\n@S@\r\n"),
    ("age.agekey", "# created: now\n@S@\n"),
    ("secrets/identity", "@S@\n"),
    (".env", "SOPS_AGE_KEY=@S@\n"),
    (".envrc", "export SOPS_AGE_KEY='@S@'\nuse flake\n"),
    ("justfile", 'export SOPS_AGE_KEY := "@S@"\n\ndeploy:\n  nixos-rebuild switch\n'),
    ("Makefile", "edit:\n\tSOPS_AGE_KEY=@S@ sops secrets.yaml\n"),
    (".bash_history", "nix-shell -p age\nSOPS_AGE_KEY=@S@ sops -d secrets.yaml\nexit\n"),
    (".zsh_history", ": 1767323045:0;echo @S@ > ~/.config/sops/age/keys.txt\n"),
    ("bootstrap.sh", "#!/usr/bin/env bash\nmkdir -p /var/lib/sops-nix\ncat > /var/lib/sops-nix/key.txt <<EOF\n@S@\nEOF\n"),
    ("cloud-init.yaml", "#cloud-config\nwrite_files:\n  - path: /var/lib/sops-nix/key.txt\n    permissions: '0600'\n    content: |\n      @S@\n"),
    ("hosts/a.nix", '{ environment.etc."sops/key.txt".text = "@S@"; }\n'),
    ("hosts/b.nix", '{ pkgs, ... }: { sops.age.keyFile = pkgs.writeText "key.txt" "@S@"; }\n'),
    ("hosts/c.nix", '{ sops.age.keyFile = builtins.toFile "k" \'\'\n    # public key: @R@\n    @S@\n  \'\'; }\n'),
    ("hosts/d.nix", "{\n  systemd.services.sops-install.environment.SOPS_AGE_KEY = \"@S@\";\n}\n"),
    ("hosts/e.nix", "# temporary, remove me: @S@\n{ }\n"),
    ("tests/vm.nix", "{\n  testScript = ''\n    machine.succeed(\"echo '@S@' > /key.txt\")\n  '';\n}\n"),
    ("flux/sops-age.yaml", "apiVersion: v1\nkind: Secret\nmetadata:\n  name: sops-age\n  namespace: flux-system\nstringData:\n  age.agekey: |\n    # public key: @R@\n    @S@\n"),
    ("flux/data.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: sops-age}\ndata:\n  age.agekey: @B:# created: now\n# public key: @R@\n@S@\n@\n"),
    ("argocd/values.yaml", "repoServer:\n  env:\n    - name: SOPS_AGE_KEY\n      value: @S@\n"),
    ("docker-compose.yml", "services:\n  ci:\n    environment:\n      SOPS_AGE_KEY: \"@S@\"\n"),
    (".github/workflows/deploy.yml", "jobs:\n  deploy:\n    env:\n      SOPS_AGE_KEY: @S@\n    steps: []\n"),
    (".gitlab-ci.yml", "variables:\n  SOPS_AGE_KEY: \"@S@\"\n"),
    ("terraform.tfvars", 'sops_age_key = "@S@"\n'),
    ("group_vars/all.yml", "age_identity: \"@S@\"\n"),
    ("config.json", '{"age": {"identity": "@S@", "recipient": "@R@"}}\n'),
    ("state.json", '{"content": "# public key: @R@\\n@S@\\n"}\n'),
    ("notes.md", "Keep this safe!\n\n    @S@\n\nIts public key is @R@.\n"),
    ("SETUP.org", "#+begin_src sh\nexport SOPS_AGE_KEY=@S@\n#+end_src\n"),
    ("chat.txt", "bob: what is the key?\nada: @S@, do not commit it\n"),
    (".sops.yaml", "keys:\n  - &admin @S@\ncreation_rules:\n  - age: [*admin]\n"),
    (".sops.yaml", "creation_rules:\n  - path_regex: .*\n    age: >-\n      @R@,@S@\n"),
    ("sops.service", "[Service]\nEnvironment=SOPS_AGE_KEY=@S@\nExecStart=/run/current-system/sw/bin/x\n"),
    ("override.conf", '[Service]\nEnvironment="SOPS_AGE_KEY=@S@"\n'),
    ("fish.config", "set -gx SOPS_AGE_KEY @S@\n"),
    ("home.nix", '{ home.sessionVariables = { SOPS_AGE_KEY = "@S@"; EDITOR = "vim"; }; }\n'),
    ("secrets.toml", 'age_key = "@S@"\n'),
    ("k.ini", "[age]\nidentity = @S@\n"),
    ("log.txt", "2026-01-02 03:04:05 DEBUG env={'SOPS_AGE_KEY': '@S@', 'HOME': '/root'}\n"),
    ("key.b64", "@B:# public key: @R@\n@S@\n@\n"),
    ("patch.diff", "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-x\n+@S@\n"),
]  # fmt: skip

# --- restic and borg: passphrases and repositories --------------------------------------------------------

BACKUP = [
    (".env", "RESTIC_PASSWORD=@S@\nRESTIC_REPOSITORY=/backup\n"),
    ("restic.env", "export RESTIC_PASSWORD='@S@'\n"),
    ("backup.sh", '#!/bin/sh\nexport RESTIC_PASSWORD="@S@"\nrestic -r sftp:nas:/backup backup /home\n'),
    ("borg.sh", "#!/bin/sh\nexport BORG_REPO=ssh://u123@u123.your-storagebox.de:23/./backup\nexport BORG_PASSPHRASE='@S@'\nborg create ::{now} /etc\n"),
    ("borg.env", "BORG_PASSPHRASE=@S@\n"),
    (".bash_history", "RESTIC_PASSWORD=@S@ restic snapshots\n"),
    (".bash_history", "BORG_PASSPHRASE='@S@' borg list\n"),
    ("hosts/a/backup.nix", '{ systemd.services.restic-backup.environment.RESTIC_PASSWORD = "@S@"; }\n'),
    ("hosts/b/backup.nix", '{ services.borgbackup.jobs.home = { repo = "/mnt/b"; encryption = { mode = "repokey"; passphrase = "@S@"; }; }; }\n'),
    ("hosts/c/backup.nix", '{ services.borgbackup.jobs.home.encryption.passphrase = "@S@"; }\n'),
    ("hosts/d/backup.nix", '{ services.borgbackup.jobs.home.encryption.passCommand = "echo @S@"; }\n'),
    ("hosts/e/backup.nix", '{ pkgs, ... }: { services.restic.backups.home.passwordFile = "${pkgs.writeText "restic-password" "@S@"}"; }\n'),
    ("hosts/f/backup.nix", '{ services.restic.backups.home = { passwordFile = builtins.toFile "pw" "@S@"; paths = [ "/home" ]; }; }\n'),
    ("hosts/g/backup.nix", '{ services.restic.backups.home.repository = "rest:https://gate:@S@@backup.example.net/gate"; }\n'),
    ("hosts/h/backup.nix", '{ environment.etc."restic-password".text = "@S@"; }\n'),
    ("hosts/i/backup.nix", "{ services.restic.backups.x.environmentFile = pkgs.writeText \"env\" ''\n    RESTIC_PASSWORD=@S@\n  ''; }\n"),
    ("hosts/j/backup.nix", 'let resticPassword = "@S@"; in { }\n'),
    ("hosts/k/backup.nix", '{ programs.borgmatic.backups.home.storage.encryptionPassphrase = "@S@"; }\n'),
    ("restic-rest.txt", "restic -r rest:https://user:@S@@backup.example.net:8000/repo init\n"),
    ("restic.conf", "RESTIC_REPOSITORY=rest:https://gate:@S@@10.0.0.3:8000/gate\n"),
    ("compose.yml", "services:\n  backup:\n    image: mazzolino/restic\n    environment:\n      RESTIC_PASSWORD: @S@\n      RESTIC_REPOSITORY: s3:https://s3.example.net/b\n"),
    ("docker-compose.yaml", "services:\n  borg:\n    environment:\n      - BORG_PASSPHRASE=@S@\n"),
    ("borgmatic/config.yaml", "repositories:\n  - path: ssh://u@h/./b\nencryption_passphrase: \"@S@\"\n"),
    ("borgmatic.yaml", "storage:\n    encryption_passphrase: @S@\n    compression: zstd\n"),
    ("secrets.yaml", "restic_password: @S@\n"),
    ("secrets.yaml", "restic:\n    password: @S@\n    repository: /b\n"),
    ("secrets.yml", "backup:\n  borg:\n    passphrase: '@S@'\n"),
    ("k8s/volsync.yaml", "apiVersion: v1\nkind: Secret\nmetadata:\n  name: restic-config\ntype: Opaque\nstringData:\n  RESTIC_REPOSITORY: s3:http://minio:9000/b\n  RESTIC_PASSWORD: @S@\n"),
    ("k8s/volsync-data.yaml", "apiVersion: v1\nkind: Secret\nmetadata:\n  name: restic-config\ndata:\n  RESTIC_PASSWORD: @B:@S@@\n"),
    ("k8s/list.json", '{"apiVersion": "v1", "kind": "Secret", "stringData": {"RESTIC_PASSWORD": "@S@"}}\n'),
    ("k8s/cron.yaml", "kind: CronJob\nspec:\n  jobTemplate:\n    spec:\n      template:\n        spec:\n          containers:\n            - name: restic\n              env:\n                - name: RESTIC_PASSWORD\n                  value: \"@S@\"\n"),
    ("helm/values.yaml", "backup:\n  restic:\n    password: \"@S@\"\n    schedule: daily\n"),
    ("group_vars/backup.yml", "restic_repos:\n  - name: nas\n    password: \"@S@\"\n"),
    ("host_vars/nas.yml", "borg_passphrase: @S@\n"),
    ("terraform.tfvars", 'restic_password = "@S@"\n'),
    ("prod.auto.tfvars", 'borg_passphrase="@S@"\n'),
    ("restic-backup.service", "[Service]\nType=oneshot\nEnvironment=RESTIC_PASSWORD=@S@\nExecStart=/usr/bin/restic backup /srv\n"),
    ("borg.service", '[Service]\nEnvironment="BORG_PASSPHRASE=@S@" "BORG_REPO=/b"\n'),
    ("crontab", "0 3 * * * RESTIC_PASSWORD=@S@ restic -r /mnt/b backup /home\n"),
    ("resticprofile.toml", '[default]\nrepository = "local:/backup"\n[default.env]\nRESTIC_PASSWORD = "@S@"\n'),
    ("autorestic.yml", "version: 2\nbackends:\n  nas:\n    type: local\n    path: /b\n    key: @S@\n"),
    ("kopia.sh", "kopia repository connect filesystem --path=/b --password=@S@\n"),
    ("notes/backup.md", "## Restore\n\n```sh\nexport RESTIC_PASSWORD=@S@\nrestic restore latest --target /\n```\n"),
    ("backup.fish", "set -x BORG_PASSPHRASE '@S@'\n"),
    ("backup.py", 'import os\nos.environ["RESTIC_PASSWORD"] = "@S@"\n'),
    ("config.json", '{"restic": {"password": "@S@", "repo": "/b"}}\n'),
]  # fmt: skip

# --- everything else that such repositories hold -----------------------------------------------------------

OTHERS = [
    ("users.nix", '{ users.users.ada.password = "@S@"; }\n'),
    ("users2.nix", '{ users.users.root.initialPassword = "changeme-@S@"; }\n'),
    ("wifi.nix", '{ networking.wireless.networks."Home".psk = "@S@"; }\n'),
    ("wpa_supplicant.conf", 'network={\n  ssid="Home"\n  psk="@S@"\n}\n'),
    ("db.env", "DATABASE_URL=postgresql://app:@S@@db.internal:5432/app\n"),
    ("nextcloud.nix", '{ services.nextcloud.config.adminpassFile = "${pkgs.writeText "p" "@S@"}"; }\n'),
    ("netrc", "machine git.example.net login ada password @S@\n"),
    ("pgpass", "db.internal:5432:app:ada:@S@\n"),
    ("k3s.nix", '{ services.k3s.token = "@S@"; }\n'),
    ("msmtprc", "account default\nhost smtp.example.net\nuser ada\npassword @S@\n"),
    ("helm/redis.yaml", "auth:\n  enabled: true\n  password: @S@\n"),
    ("grafana.ini", "[security]\nadmin_user = admin\nadmin_password = @S@\n"),
    ("ldap.yaml", "bind_dn: cn=admin\nbind_password: '@S@'\n"),
    ("mqtt.yaml", "mqtt:\n  user: zigbee\n  password: @S@\n"),
    ("prometheus.yml", "scrape_configs:\n  - job_name: x\n    basic_auth:\n      username: u\n      password: @S@\n"),
    ("secret.yaml", "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\ndata:\n  password: @B:@S@@\n"),
]  # fmt: skip

TOKENS = [
    ("flake.nix", '{ nix.settings.access-tokens = "github.com=@S@"; }\n'),
    ("nix.conf", "access-tokens = github.com=@S@\n"),
    (".git-credentials", "https://ada:@S@@github.com\n"),
    ("renovate.json", '{"hostRules": [{"token": "@S@"}]}\n'),
    ("hosts.yml", "github.com:\n    user: ada\n    oauth_token: @S@\n"),
    ("ci.sh", "curl -H 'Authorization: token @S@' https://api.github.com/user\n"),
    ("flux.sh", "GITHUB_TOKEN=@S@ flux bootstrap github --owner=ada\n"),
    ("data.yaml", "apiVersion: v1\nkind: Secret\nmetadata:\n  name: gh\ndata:\n  token: @B:@S@@\n"),
]  # fmt: skip

SECRETS: dict[str, tuple[list[tuple[str, str]], Callable[[], str]]] = {
    "wireguard": (WIREGUARD, throwaway.wireguard_key),
    "age": (AGE, lambda: throwaway.age_identity()[0]),
    "restic and borg": (BACKUP, throwaway.password),
    "others": (OTHERS, throwaway.password),
    "tokens": (TOKENS, throwaway.github_token),
}


def cases() -> Iterator[Case]:
    """Every leak, with fresh secrets."""
    for kind, (files, make) in SECRETS.items():
        for path, template in files:
            secret = make()
            text = template.replace("@K@", throwaway.wireguard_key()).replace(
                "@P@", throwaway.wireguard_public()
            )
            text = text.replace("@R@", throwaway.age_identity()[1]).replace("@S@", secret)
            shown = secret
            if "@B:" in text:
                before, _, rest = text.partition("@B:")
                inside, _, after = rest.rpartition("@")
                shown = base64.b64encode(inside.encode()).decode()
                text = before + shown + after
            yield Case(kind, path, text.encode(), shown.encode())
    yield from keys()


def keys() -> Iterator[Case]:
    """Private keys in the files that hold them."""
    pem, openssh = throwaway.pem_key(), throwaway.openssh_key()
    nested = json.dumps({"key": openssh})
    manifest = (
        "apiVersion: v1\nkind: Secret\ntype: kubernetes.io/tls\nmetadata: {name: t}\ndata:\n  tls.key: {}\n"
    )
    encoded = base64.b64encode(pem.encode()).decode()
    indented = openssh.replace("\n", "\n      ")
    for path, text in (
        ("hosts/gate/ssh_host_ed25519_key", openssh),
        ("tls/privkey.pem", pem),
        ("deploy.nix", f"{{ environment.etc.\"ssh/key\".text = ''\n      {indented}''; }}\n"),
        ("vars.yml", f"deploy_key: |\n      {indented}\n"),
        ("state.json", nested),
        ("tls.yaml", manifest.replace("{}", encoded)),
    ):
        yield Case("keys", path, text.encode(), b"")
