"""No secret travels: not into an output, a file, the arguments of a program, a `repr` or an error.

A repository holds throw-away secrets of every kind wherever somebody may put one; every command runs over it,
also when it fails. Then everything that was said or written is searched for any twelve characters of any of
the secrets, also reversed and in other encodings. The public half of a key may show.
"""

import base64
import gzip
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import traceback
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from sopsguard.keys import bech32
from tests.gitrepo import Repo
from tests.throwaway import age_identity, github_token, password, wireguard_key

PIECE = 12


class Secrets(NamedTuple):
    """The secrets of one run, and where public halves stand that hold parts of private keys."""

    age: str
    plugin: str
    post_quantum: str
    openssh: str
    pem: str
    openpgp: str
    keyring: bytes
    wireguard: str
    preshared: str
    token: str
    header: str
    password: str
    connection: str
    option: str
    stated: str
    restic: str
    hashed: str
    manifest: str
    leaf: str
    name: str
    public: tuple[str, ...]

    def texts(self) -> Iterator[str]:
        """What must not show."""
        for value in self[:-1]:
            if isinstance(value, bytes):
                yield base64.b64encode(value).decode()
                continue
            text = str(value)
            if text.startswith("-----"):
                text = "".join(line for line in text.splitlines() if not re.search(r"^-|^=|:|^$", line))
            yield text.partition("-1")[2] if text.startswith("AGE-") else text.removeprefix("ghp_")


def made() -> Secrets:
    pysequoia = pytest.importorskip("pysequoia")
    from cryptography.hazmat.primitives import serialization as s
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    identity, recipient = age_identity()
    openssh = Ed25519PrivateKey.generate()
    line = openssh.public_key().public_bytes(s.Encoding.OpenSSH, s.PublicFormat.OpenSSH).decode()
    pem = ec.generate_private_key(ec.SECP256R1())
    ada, bob = (pysequoia.Tsk.generate(f"{name} <{name}@example.org>") for name in ("ada", "bob"))
    return Secrets(
        age=identity,
        plugin=bech32.encode("age-plugin-yubikey-", os.urandom(20)).upper(),
        post_quantum=bech32.encode("age-secret-key-pq-", os.urandom(32)).upper(),
        openssh=openssh.private_bytes(s.Encoding.PEM, s.PrivateFormat.OpenSSH, s.NoEncryption()).decode(),
        pem=pem.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()).decode(),
        openpgp=str(ada),
        keyring=bytes(bob),
        wireguard=wireguard_key(),
        preshared=base64.b64encode(os.urandom(32)).decode(),
        token=github_token(),
        header=password(40),
        password=password(),
        connection=password(),
        option=password(40),
        stated=password(40),
        restic=password(32),
        hashed="$6$" + password(12) + "$" + password(86),
        manifest=password(40),
        leaf=password(40),
        name=github_token(),
        public=(recipient, line),
    )


def windows(text: str) -> set[str]:
    """All pieces of a text that tell something."""
    pieces = {text[i : i + PIECE] for i in range(len(text) - PIECE + 1)}
    return {p for p in pieces if len(set(p)) > 4}


class Watch:
    """Looks for any piece of any secret."""

    def __init__(self, secrets: Iterable[tuple[str, str]], public: Iterable[str]) -> None:
        harmless: set[str] = set().union(*(windows(p.lower()) for p in public))
        self.pieces: dict[str, str] = {}
        for field, text in secrets:
            data = text.encode()
            forms = [text, text[::-1], data.hex(), "".join(f"%{byte:02x}" for byte in data)]
            for shift in range(3):
                forms.append(base64.b64encode(bytes(shift) + data).decode()[4:-4])
            if re.fullmatch(r"[A-Za-z0-9+/]{43}=", text):
                forms.append(base64.b64decode(text).hex())
            for piece in set().union(*(windows(form.lower()) for form in forms)) - harmless:
                self.pieces[piece] = field

    def finds(self, said: str | bytes, *, names: bool = True) -> list[str]:
        """The secrets of which a piece stands there, with what stands before it.

        Without `names` not the one that was only ever used as a name, of a key, an anchor, an option.
        """
        texts = (
            [said] if isinstance(said, str) else [said.decode("latin-1"), said.decode("utf-16", "replace")]
        )
        found: dict[str, str] = {}
        for text in texts:
            text = text.lower()
            for at in range(len(text) - PIECE + 1):
                field = self.pieces.get(text[at : at + PIECE])
                if field is not None and (names or field != "name"):
                    found.setdefault(field, f"{field}: …{text[max(0, at - 80) : at]}█")
        return list(found.values())


@pytest.fixture(scope="module")
def secrets() -> Secrets:
    return made()


@pytest.fixture(scope="module")
def watch(secrets: Secrets) -> Watch:
    return Watch(zip(secrets._fields, secrets.texts(), strict=False), secrets.public)


def sealed(text: str = "x") -> str:
    def part(size: int) -> str:
        return base64.b64encode(os.urandom(size)).decode()

    return f"ENC[AES256_GCM,data:{part(len(text))},iv:{part(32)},tag:{part(16)},type:str]"


def sops_file(s: Secrets, **change: str) -> str:
    """A SOPS file with something in clear, and with metadata that hold what they should not."""
    _, other = age_identity()
    fields = {
        "recipient": other,
        "lastmodified": '"2026-01-02T03:04:05Z"',
        "mac": sealed("x" * 128),
        "version": "3.13.2",
    } | change
    return f"""a: {sealed()}
password: {s.leaf}
{s.name}: {sealed()}
{s.name}: {s.leaf}
nested:
    {s.name}:
        - {s.leaf}
        - {sealed()}{s.leaf}
        - ENC[AES256_GCM,data:{s.leaf},iv:{s.leaf},tag:{s.leaf},type:{s.leaf}]
sops:
    age:
        - recipient: {fields["recipient"]}
          enc: |
            -----BEGIN AGE ENCRYPTED FILE-----
            {s.leaf}
            -----END AGE ENCRYPTED FILE-----
    {s.name}: {s.leaf}
    lastmodified: {fields["lastmodified"]}
    mac: {fields["mac"]}
    version: {fields["version"]}
"""


def files(s: Secrets) -> dict[str, str | bytes]:
    """A repository with a secret wherever one can stand, but for names of files."""
    block = (
        f"export RESTIC_PASSWORD={s.restic}\nDATABASE_URL=postgres://admin:{s.connection}@db.internal/app\n"
    )
    manifest = base64.b64encode(s.manifest.encode()).decode()
    return {
        "keys/age.txt": f"# public key: {s.public[0]}\n{s.age}\n{s.plugin}\n{s.post_quantum}\n",
        "keys/id_ed25519": s.openssh,
        "keys/tls.key": s.pem,
        "keys/ada.asc": s.openpgp,
        "keys/secring.gpg": s.keyring,
        "keys/id_ed25519.pub": s.public[1],
        "wg0.conf": f"[Interface]\nPrivateKey = {s.wireguard}\n[Peer]\nPresharedKey = {s.preshared}\n",
        ".env": f"GITHUB_TOKEN={s.token}\nPASSWORD={s.password}\n{block}",
        "curl.sh": f"curl -H 'Authorization: Bearer {s.header}' https://u:{s.connection}@example.net/\n",
        "hosts/a.nix": f"""{{ config, ... }}: {{
  users.users.root.initialPassword = "{s.option}";
  users.users.b.hashedPassword = "{s.hashed}";
  networking.wireguard.interfaces.wg0.privateKey = "{s.wireguard}";
  systemd.services.a.environment.API_TOKEN = "{s.stated[:8]}" + "{s.stated[8:]}";
  environment.etc."{s.name}".text = "password = {s.option}"; # sopsguard: allow[plaintext-password] {s.option}
  services.b.settings."{s.name}".password = "{s.option}";
  sops.secrets."{s.name}".sopsFile = ./{s.name}.yaml;
}}
""",
        "hosts/broken.nix": f'{{ a = "{s.option}"; password = {s.stated} {s.option}; }} }} "{s.token}\n',
        "k8s/secret.yaml": f"kind: Secret\ndata:\n  {s.name}: {manifest}\nstringData:\n  p: {s.manifest}\n",
        "k8s/list.json": json.dumps({"kind": "Secret", "stringData": {s.name: s.manifest}}),
        "layers/a.gz": gzip.compress(f"{s.age}\n{block}".encode()),
        "layers/b.txt": base64.b64encode(f"{s.age}\nGITHUB_TOKEN={s.token}\n".encode()),
        "layers/c.txt": f"GITHUB_TOKEN={s.token}\n{s.age}\n".encode("utf-16"),
        "layers/d.txt": f"x {s.age.encode().hex()} y\n",
        "layers/e.txt": "url=" + "".join(f"%{b:02x}" for b in s.token.encode()) + "\n",
        "layers/f.json": json.dumps({"key": s.openssh, "text": f"A={s.token}\nB={s.age}\n"}),
        "layers/g.gz": gzip.compress(f"{s.age}".encode())[:-12],
        "app.dec.yaml": f"password: {s.password}\n",
        "notes.md": f"the password is {s.password}, and {s.token} is the token\n",
        "deep/keys.yaml": f"{s.name}:\n  {s.name}: {{password: {s.password}, '{s.name}': [{s.age}]}}\n",
        "secrets/a.yaml": sops_file(s),
        "secrets/b.yaml": sops_file(s, recipient=s.age, lastmodified=s.leaf, mac=s.leaf, version=s.leaf),
        "secrets/c.yaml": sops_file(s) + f"  {s.leaf}: [\n",
        "secrets/d.json": '{"a": "' + s.leaf + f'", "sops": {{"mac": "{s.leaf}", "{s.leaf}": [{s.leaf}]}}}}',
        "secrets/e.env": f"A={s.leaf}\nsops_mac={s.leaf}\nsops_version={s.leaf}\n{s.leaf}\nsops_{s.leaf}=1\n",
        "secrets/f.ini": f"[{s.name}]\na = {sealed()}\n{s.leaf}\n[sops]\nmac = {s.leaf}\nversion = 3.9.4\n",
        "clear/g.yaml": f"password: {s.leaf}\n",
        ".sops.yaml": f"""keys:
  - &{s.name} {s.age}
  - &ok {s.public[0]}
creation_rules:
  - path_regex: ^secrets/({s.name}
    age: {s.age}
  - path_regex: ^{s.leaf}/.*$
    {s.name}: {s.leaf}
    age: [*ok, {s.leaf}, {s.token}]
    pgp: {s.leaf}
    hc_vault_transit_uri: https://{s.leaf}@vault.example.com/v1/{s.leaf}/keys/{s.token}
    kms: arn:aws:kms:{s.leaf}
    gcp_kms: {s.leaf}
    encrypted_regex: ({s.leaf}
    encrypted_suffix: {s.leaf}
  - path_regex: clear/.*
    age: {s.public[0]}
    key_groups:
      - age: [{s.leaf}]
        {s.name}: [{s.leaf}]
    shamir_threshold: {s.leaf}
destination_rules:
  - {s.name}: {s.leaf}
    path_regex: ({s.leaf}
""",
        "sub/.sops.yaml": f"creation_rules:\n  - age: {s.leaf}\n    {s.name}: [\n",
        "flow/.sops.yaml": f"creation_rules: {{{s.name}: {s.age}}}\n",
        "tags/.sops.yaml": f"creation_rules: !{s.name}\n  - age: *{s.name}\n",
    }


class Stage:
    """A repository, a home and a git that tells its arguments."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.repo = Repo.init(folder / "repo")
        for name in ("home", "cache", "tmp", "bin"):
            (folder / name).mkdir()
        self.log = folder / "argv.log"
        self.log.touch()
        git = shutil.which("git")
        shim = folder / "bin" / "git"
        shim.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >> "{self.log}"\nexec "{git}" "$@"\n')
        shim.chmod(0o755)
        self.env = {
            "HOME": str(folder / "home"),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "TMPDIR": str(folder / "tmp"),
            "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
        }

    def run(
        self, *arguments: str, program: Iterable[str] = ("-m", "sopsguard"), **more: str
    ) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-P", *program, *arguments],
            cwd=self.repo.root,
            env={**os.environ, **self.env, **more},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=120,
            check=False,
        )
        return done.returncode, (done.stdout + b"\n" + done.stderr).decode("utf-8", "replace")

    def written(self) -> Iterator[tuple[str, bytes]]:
        """What lies where programs write, but for the objects and the files under judgement."""
        yield "argv", self.log.read_bytes()
        for base in (
            self.folder / "home",
            self.folder / "cache",
            self.folder / "tmp",
            self.repo.root / ".git",
        ):
            for path in sorted(base.rglob("*")):
                if path.is_file() and "objects" not in path.parts:
                    yield str(path.relative_to(self.folder)), path.read_bytes()


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, secrets: Secrets) -> Stage:
    made = Stage(tmp_path_factory.mktemp("canary"))
    repo = made.repo
    repo.commit({"README.md": "# infrastructure\n", "old.env": f"A={secrets.password}\n"})
    repo.git("tag", "start")
    for path, content in files(secrets).items():
        repo.stage(path, content)
    oid = repo.blob(f"/run/{secrets.token}/{secrets.leaf}".encode())
    repo.index_entry("120000", oid, "link")
    repo.git(
        "commit", "-q", "--no-verify", "-F-", input=f"Add all\n\n{secrets.age} {secrets.token}\n".encode()
    )
    repo.git("rm", "-q", "--cached", "link")
    # The message stays where git put it for the editor; that is git's.
    (repo.root / ".git" / "COMMIT_EDITMSG").unlink(missing_ok=True)
    (repo.root / "link").symlink_to(f"/run/{secrets.token}/{secrets.leaf}")
    for path, content in files(secrets).items():
        if not path.startswith("layers/") and not isinstance(content, bytes):
            repo.stage(path, content + "\n")
    repo.git("add", "link")
    repo.write("untracked.env", f"GITHUB_TOKEN={secrets.token}\nPASSWORD={secrets.password}\n")
    made.log.write_text("")
    return made


COMMANDS = {
    "staged": ("check", "--staged"),
    "staged json": ("check", "--staged", "--format", "json"),
    "all": ("check",),
    "all json": ("check", "--all", "--format", "json"),
    "revision": ("check", "--rev", "HEAD", "--format", "json"),
    "range": ("check", "--range", "start..HEAD"),
    "range json": ("check", "--range", "start..HEAD", "--format", "json"),
    "since": ("check", "--since", "start"),
    "hook": ("hook",),
    "one family": ("check", "--only", "schema", "--skip", "plaintext"),
    "paths": ("check", "hosts", "secrets"),
}


@pytest.mark.parametrize("arguments", COMMANDS.values(), ids=COMMANDS)
def test_no_command_shows_a_secret(stage: Stage, watch: Watch, arguments: tuple[str, ...]) -> None:
    code, said = stage.run(*arguments)
    assert code == 1, said
    assert not watch.finds(said), "\n".join(watch.finds(said))
    # The cache tells the values of SOPS files apart by the keys, which sops leaves in clear.
    leaks = [w for name, data in stage.written() if (w := watch.finds(data, names="cache/" not in name))]
    assert not leaks, leaks


def test_the_way_to_a_rule_is_told_without_secrets(small: Stage, secrets: Secrets, watch: Watch) -> None:
    made = files(secrets)
    paths = ("secrets/a.yaml", "secrets/b.yaml", "secrets/c.yaml", "secrets/f.ini", "clear/g.yaml")
    for path in paths:
        small.repo.write(path, made[path])
    broken = str(made[".sops.yaml"])
    rule = f"""keys:
  - &{secrets.name} {secrets.public[0]}
creation_rules:
  - age: [*{secrets.name}, {secrets.leaf}]
"""
    unknown = f"    {secrets.name}: {secrets.leaf}\n"
    for config in (broken, re.sub(r"path_regex: .*", "path_regex: .*", broken), rule, rule + unknown):
        small.repo.write(".sops.yaml", config)
        _, said = small.run("why", *paths)
        assert all(path in said for path in paths), said
        assert not watch.finds(said), "\n".join(watch.finds(said))
    assert [name for name, data in small.written() if watch.finds(data)] == []


@pytest.mark.parametrize("source", ["file", "option", "variable", "command"])
def test_an_opened_file_shows_neither_its_values_nor_the_key(
    small: Stage, secrets: Secrets, watch: Watch, source: str
) -> None:
    from sopsguard.sops.editor import encrypt

    text = f"""password: {secrets.leaf}
placeholder: changeme {secrets.token}
# {secrets.stated}
list: [{secrets.restic}, 1]
"""
    whole = encrypt(text.encode(), "yaml", [[secrets.public[0]]], "2026-01-02T03:04:05Z")
    small.repo.stage("secrets/a.yaml", whole)
    # One value stands in the place of another, and one file has a MAC of its own making.
    lines = whole.decode().split("\n")
    lines[0] = "password: " + lines[1].partition(": ")[2]
    small.repo.stage("secrets/b.yaml", "\n".join(lines))
    small.repo.stage("secrets/c.yaml", whole.decode() + f"# {secrets.hashed}\nmore: {secrets.manifest}\n")
    small.repo.stage(
        "secrets/d.json",
        encrypt(
            json.dumps({"a": secrets.leaf}).encode(), "json", [[secrets.public[0]]], "2026-01-02T03:04:05Z"
        ),
    )
    place = small.folder / "home" / "age.txt"
    place.write_text(f"{secrets.age}\n{secrets.leaf}\n" if source == "option" else f"{secrets.age}\n")
    env = {
        "file": {"SOPS_AGE_KEY_FILE": str(place)},
        "option": {},
        "variable": {"SOPS_AGE_KEY": f"{secrets.age}\n{secrets.plugin}"},
        "command": {"SOPS_AGE_KEY_CMD": f"cat {place}"},
    }[source]
    option = ("--identity", str(place)) if source == "option" else ()
    for form in ("text", "json"):
        _, said = small.run("check", "--decrypt", *option, "--format", form, **env)
        assert ("secrets/b.yaml" in said) == (source != "option"), said
        assert not watch.finds(said), "\n".join(watch.finds(said))
    place.unlink()
    assert [name for name, data in small.written() if watch.finds(data)] == []


def test_ending_an_access_shows_neither_old_values_nor_new_ones(
    small: Stage, secrets: Secrets, watch: Watch
) -> None:
    from sopsguard.sops.editor import encrypt
    from sopsguard.sops.file import SopsFile, read
    from sopsguard.sops.identity import Source, parse
    from sopsguard.sops.opening import Opened, open_file

    lost, turbine = age_identity()
    ada = secrets.public[0]
    body = "".join(f"      {line}\n" for line in secrets.openssh.splitlines())
    text = f"""wireguard:
  powerhouse:
    private_key: {secrets.wireguard}
    preshared_key: {secrets.preshared}
ssh:
  powerhouse:
    host_key: |
{body}age:
  powerhouse:
    private: {lost}
restic:
  password: {secrets.restic}
api:
  token: {secrets.leaf}
"""
    when = "2026-01-02T03:04:05Z"
    small.repo.commit(
        {
            ".sops.yaml": f"""keys:
  - &user_ada {ada}
  - &host_turbine {turbine}
creation_rules:
  - path_regex: secrets/.*
    key_groups:
      - age: [*user_ada, *host_turbine]
""",
            "secrets/secrets.yaml": encrypt(text.encode(), "yaml", [[ada, turbine]], when).decode(),
            "secrets/app.env": encrypt(
                f"TOKEN={secrets.token}\n".encode(), "dotenv", [[ada, turbine]], when
            ).decode(),
        }
    )
    shim = small.folder / "bin" / "sops"
    shim.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >> "{small.log}"\nexit 1\n')
    shim.chmod(0o755)
    place = small.folder / "home" / "age.txt"
    place.write_text(f"{secrets.age}\n")
    said = ""
    for arguments, own in (
        (("revoke", "turbine"), False),
        (("revoke", "turbine", "--compromised"), True),
        (("recover", "ada", "--to", str(small.folder / "new.txt")), True),
        (("revoke", "turbine", "--compromised", "--apply", "--confirm", "secrets"), True),
        (("revoke", "turbine"), True),
    ):
        said += small.run("fix", *arguments, **({"SOPS_AGE_KEY_FILE": str(place)} if own else {}))[1]
    assert "written: .sops.yaml, secrets/app.env, secrets/secrets.yaml" in said, said
    assert not watch.finds(said), "\n".join(watch.finds(said))
    place.unlink()
    written = [*small.written(), ("output", said.encode())]
    assert [name for name, data in written if watch.finds(data)] == []
    file = read((small.repo.root / "secrets/secrets.yaml").read_bytes(), "secrets/secrets.yaml")
    assert isinstance(file, SopsFile)
    opened = open_file(file, parse(secrets.age.encode(), Source("text", "ada")))
    assert isinstance(opened, Opened)
    new = {".".join(map(str, leaf.path)): str(leaf.value) for leaf in opened.leaves if not leaf.comment}
    assert new["restic.password"] != secrets.restic
    for key, value in new.items():
        for piece in windows("".join(line for line in value.splitlines() if not line.startswith("-"))):
            assert not any(piece.encode() in data for _, data in written), key


KEPT = """
import os, sys
kept, argv = os.environ["KEPT"], os.environ["ARGV"]
busy = False
def keep(event, args):
    # What is removed or renamed was there for a while, and what a program is started with shows in `ps`.
    global busy
    if busy or event not in ("os.remove", "os.rename", "subprocess.Popen"):
        return
    busy = True
    try:
        if event == "subprocess.Popen":
            with open(argv, "a") as log:
                log.write(repr(args[1]) + "\\n")
            return
        folder = args[1] if event == "os.remove" else args[2]
        path = os.fsdecode(args[0])
        if folder >= 0:
            path = os.path.join(os.readlink(f"/proc/self/fd/{folder}"), path)
        with open(path, "rb") as old, open(os.path.join(kept, str(len(os.listdir(kept)))), "wb") as new:
            new.write(os.fsencode(path) + b"\\n" + old.read())
    except OSError:
        pass
    finally:
        busy = False
sys.addaudithook(keep)
import sopsguard.cli
{more}
sopsguard.cli.main()
"""
BREAKS = """
import sopsguard.fix.renew, sopsguard.fix.host
def broken(*arguments, **named):
    raise RuntimeError(repr([getattr(one, "value", one) for one in arguments[2]]))
sopsguard.fix.renew.edit = sopsguard.fix.host.edit = broken
"""
PUBLIC = frozenset(("public_key", "public", "host_key_pub", "rsa_host_key_pub", "address", "ip"))


class Known:
    """All values that the files of a repository ever held, learnt with the administrator's identity."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.secrets: dict[str, str] = {}
        self.public: set[str] = set()

    def learn(self) -> None:
        """What is in the files now."""
        from sopsguard.sops.file import SopsFile, read
        from sopsguard.sops.identity import Source, parse
        from sopsguard.sops.opening import Opened, open_file

        text = (self.stage.folder / "home/.config/sops/age/keys.txt").read_bytes()
        keys = parse(text, Source("text", "ada"))
        self.add("the identity", text.decode())
        for path in (self.stage.repo.root / "secrets").rglob("*.*"):
            file = read(path.read_bytes(), str(path.relative_to(self.stage.repo.root)))
            assert isinstance(file, SopsFile)
            opened = open_file(file, keys)
            assert isinstance(opened, Opened), path
            for leaf in opened.leaves:
                if str(leaf.path[-1]) in PUBLIC:
                    self.public.add(str(leaf.value))
                else:
                    self.add(".".join(map(str, leaf.path)), str(leaf.value))

    def add(self, name: str, text: str) -> None:
        lines = [line for line in text.splitlines() if not line.startswith(("-", "#"))]
        self.public |= {line for line in text.splitlines() if line.startswith("#")}
        secret = "".join(lines)
        self.secrets[secret] = name

    def watch(self) -> Watch:
        forms = [(name, text.removeprefix("AGE-SECRET-KEY-")) for text, name in self.secrets.items()]
        return Watch(forms, self.public)


def house_with_secrets(stage: Stage) -> Known:
    """What `fix bootstrap --apply` makes, and a sops that tells its arguments and does nothing."""
    (stage.folder / "kept").mkdir()
    shim = stage.folder / "bin" / "sops"
    shim.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >> "{stage.log}"\nexit 1\n')
    shim.chmod(0o755)
    stage.repo.write(
        "inventory.yaml",
        "hosts:\n  capacitor:\n    wireguard: {server: true}\n  turbine:\n  battery:\n"
        "people:\n  ada:\n    roles: [admin]\n",
    )
    stage.repo.git("rm", "-q", "--cached", "-r", ".")
    for name in ("a.env", "a.nix", "README.md"):
        (stage.repo.root / name).unlink()
    return Known(stage)


def repaired(stage: Stage, *arguments: str, more: str = "") -> tuple[int, str]:
    """`sopsguard fix` with everything agreed to, under the eyes of an audit hook."""
    agreed = ("--apply", "--confirm", "access", "--confirm", "secrets")
    env = {"KEPT": str(stage.folder / "kept"), "ARGV": str(stage.log)}
    return stage.run("fix", *arguments, *agreed, program=("-c", KEPT.replace("{more}", more)), **env)


@pytest.mark.slow
def test_new_keys_and_values_show_nowhere(small: Stage) -> None:
    """Of a whole new house, of a new host, of every rotation, and of what a bare `fix` repairs."""
    from sopsguard.rotation.schedule import Schedule
    from sopsguard.sops.editor import Set, edit
    from sopsguard.sops.identity import Source, parse

    known = house_with_secrets(small)
    repo = small.repo
    said: dict[str, str] = {}

    def do(*arguments: str, more: str = "", code: int | None = 0) -> str:
        name = " ".join(arguments) + (" (broken)" if more else "")
        done, text = repaired(small, *arguments, more=more)
        assert code in (None, done), f"{name}: {text}"
        said[name] = said.get(name, "") + text
        known.learn()
        return text

    def commit() -> None:
        repo.add()
        repo.git("commit", "-q", "--no-verify", "--allow-empty", "-m", "a step")

    do("bootstrap")
    commit()
    do("host", "inductor")
    assert any("inductor" in name for name in known.secrets.values())
    commit()
    assert "a bug of ours" in do("rotate", "wireguard", more=BREAKS, code=3)
    assert "a bug of ours" in do("host", "resistor", more=BREAKS, code=3)
    before = len(known.secrets)
    schedule = Schedule()
    classes = [one.name for one in (*schedule.classes, schedule.other)]
    for word in (*classes, "passwords", "turbine", "turbine", "secrets/shared.yaml", "capacitor"):
        do("rotate", word, code=None)
        commit()
    assert len(known.secrets) > before + 12, "all that can be made was made"

    path = "secrets/hosts/battery.yaml"
    keys = parse((small.folder / "home/.config/sops/age/keys.txt").read_bytes(), Source("text", "ada"))
    data = (repo.root / path).read_bytes()
    new = [Set(("wireguard", "battery", "preshared_key"), "changeme")]
    (repo.root / path).write_bytes(edit(data, path, new, keys, "2026-11-24T01:02:03Z"))
    commit()
    shared = repo.root / "secrets/shared.yaml"
    shared.write_text(f"api:\n  token: {password(40)}\n{shared.read_text()}")
    repairs = do()
    assert "wireguard.battery.preshared_key" in repairs, repairs
    assert "write a MAC for secrets/shared.yaml" in repairs, repairs

    watch = known.watch()
    assert all(watch.finds(f"x {text} x") for text in known.secrets if len(text) > 30)
    for name, text in said.items():
        assert not watch.finds(text), f"{name}: {watch.finds(text)}"
    leaks = []
    places = [*small.written(), *((p.name, p.read_bytes()) for p in (small.folder / "kept").iterdir())]
    for file in repo.root.rglob("*"):
        if file.is_file() and ".git" not in file.parts:
            places.append((str(file.relative_to(repo.root)), file.read_bytes()))
    for file in (repo.root / ".git/objects").rglob("??/*"):
        places.append((str(file), zlib.decompress(file.read_bytes())))
    assert any(b"sopsguard/journal/new-" in data and b"ENC[AES256_GCM" in data for _, data in places)
    assert any(b"cat-file" in data for name, data in places if name == "argv")
    for name, data in places:
        if name != "home/.config/sops/age/keys.txt" and (found := watch.finds(data)):
            leaks.append(f"{name}: {found}")
    assert not leaks, leaks


def test_the_secrets_were_found(stage: Stage) -> None:
    """Or the tests here would prove nothing."""
    _, said = stage.run("check", "--format", "json")
    found = {f["path"] for f in json.loads(said)["findings"]}
    expected = {
        p
        for p in files(made())
        if not p.startswith(("keys/id_ed25519.pub", "layers/g", "secrets/d", "secrets/e"))
    }
    assert not expected - found, expected - found


def test_no_mistake_on_the_command_line_shows_more_than_was_typed(stage: Stage, watch: Watch) -> None:
    for arguments in (
        ("check", "--rev", "nowhere"),
        ("check", "--range", "HEAD..HEAD"),
        ("check", "--only", "nothing"),
        ("check", "none"),
        ("explain",),
        ("explain", "plaintext-token"),
        ("explain", "nothing"),
        ("waive", "00000000", "--reason", "x", "--until", "2099-01-01"),
        ("--version",),
        ("--help",),
    ):
        _, said = stage.run(*arguments)
        assert said.strip(), arguments
        assert not watch.finds(said), arguments


@pytest.fixture
def small(tmp_path: Path, secrets: Secrets) -> Stage:
    made = Stage(tmp_path)
    made.repo.commit({"README.md": "x\n"})
    made.repo.stage("a.env", f"GITHUB_TOKEN={secrets.token}\nPASSWORD={secrets.password}\n")
    made.repo.stage("a.nix", f'{{ users.users.a.password = "{secrets.option}"; }}\n')
    made.log.write_text("")
    (made.repo.root / ".git" / "COMMIT_EDITMSG").unlink(missing_ok=True)
    return made


POLICIES: dict[str, Callable[[Secrets], str]] = {
    "unknown setting": lambda s: f"{s.token}: 1\n",
    "bad level": lambda s: f"levels:\n  plaintext-token: {s.leaf}\n",
    "unknown rule": lambda s: f"levels:\n  {s.leaf}: error\n",
    "unknown family": lambda s: f"require: [{s.leaf}]\n",
    "not a list": lambda s: f"waivers: {s.leaf}\n",
    "not a waiver": lambda s: f"waivers: [{s.leaf}]\n",
    "bad rule": lambda s: f"waivers:\n- {{rule: {s.leaf}, path: a, reason: b, until: 2099-01-01}}\n",
    "bad date": lambda s: f"waivers:\n- {{rule: plaintext-token, path: a, reason: b, until: {s.leaf}}}\n",
    "unknown field": lambda s: f"waivers:\n- {{rule: plaintext-token, {s.leaf}: a}}\n",
    "twice": lambda s: f"{s.leaf}: 1\n{s.leaf}: 2\n",
    "version": lambda s: f"version: {s.leaf}\n",
    "allow": lambda s: f"inline_allow: {s.leaf}\n",
    "anchor": lambda s: f"a: &{s.leaf} 1\nb: *{s.leaf}\n",
    "undefined": lambda s: f"a: *{s.leaf}\n",
    "tag": lambda s: f"a: !{s.leaf} 1\n",
    "tag handle": lambda s: f"a: !{s.leaf}!x 1\n",
    "directive": lambda s: f"%TAG !{s.leaf} x\n--- a\n",
    "not YAML": lambda s: f"a: [{s.leaf}\n{s.leaf}: }}\n",
    "escape": lambda s: f'a: "\\{s.leaf}"\n',
    "only a word": lambda s: f"{s.leaf}\n",
    "not UTF-8": lambda s: f"a: {s.leaf}\udcff\n",
}  # fmt: skip


@pytest.mark.parametrize("broken", POLICIES)
def test_a_broken_policy_is_told_without_its_content(
    tmp_path: Path, secrets: Secrets, watch: Watch, broken: str
) -> None:
    from sopsguard import policy
    from sopsguard.checks import RULES
    from sopsguard.model import UserError

    data = POLICIES[broken](secrets).encode("utf-8", "surrogateescape")
    with pytest.raises(UserError) as raised:
        policy.read(data, tuple(RULES))
    said = "".join(traceback.format_exception(raised.value)) + repr(raised.value) + raised.value.hint
    assert not watch.finds(said), said


def test_a_broken_policy_stops_a_command_in_silence(small: Stage, secrets: Secrets, watch: Watch) -> None:
    small.repo.stage(".sopsguard.yaml", f"{secrets.token}: {secrets.password}\n")
    for arguments in (("hook",), ("check", "--format", "json")):
        code, said = small.run(*arguments)
        assert (code, watch.finds(said)) == (2, []), said


def test_a_waiver_and_its_reason_show_no_secret(small: Stage, secrets: Secrets, watch: Watch) -> None:
    _, said = small.run("check", "--staged", "--format", "json")
    for number, finding in enumerate(json.loads(said)["findings"][:2]):
        reason = (f"it is {secrets.token}", f"AGE {secrets.age}")[number]
        code, said = small.run("waive", finding["fingerprint"], "--reason", reason, "--until", "2099-01-01")
        assert (code, watch.finds(said)) == (0, []), said
    small.repo.add(".sopsguard.yaml")
    for more in ((), ("--format", "json")):
        _, said = small.run("check", "--staged", *more)
        assert not watch.finds(said), "\n".join(watch.finds(said))


BUG = """
import sopsguard.scan.walk, sopsguard.cli
def broken(self, data, *rest):
    raise {error}(data.decode(), data)
sopsguard.scan.walk.Walk.run = broken
sopsguard.cli.main()
"""


@pytest.mark.parametrize("error", ["RuntimeError", "KeyError", "ValueError", "AssertionError", "OSError"])
def test_a_bug_of_ours_shows_no_secret(small: Stage, watch: Watch, error: str) -> None:
    code, said = small.run("check", "--staged", program=("-c", BUG.format(error=error)))
    assert code == 3, said
    assert "a bug of ours" in said
    assert not watch.finds(said), said


def test_an_interrupted_run_shows_no_secret(small: Stage, watch: Watch) -> None:
    git = small.folder / "bin" / "git"
    git.write_text(
        git.read_text().replace("exec ", 'case "$*" in *cat-file*) kill -INT $PPID; sleep 1;; esac\nexec ')
    )
    code, said = small.run("check", "--staged")
    assert code in (130, -signal.SIGINT), said
    assert not watch.finds(said), said
    assert [name for name, data in small.written() if watch.finds(data)] == []


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_closed_pipe_shows_no_secret(small: Stage, watch: Watch, form: str) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "sopsguard", "check", "--staged", "--format", form],
        cwd=small.repo.root,
        env={**os.environ, **small.env},
        stdout=write,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    os.close(write)
    assert done.returncode in (1, 2), done
    assert not watch.finds(done.stderr), done.stderr


def test_no_repr_shows_a_secret(stage: Stage, secrets: Secrets, watch: Watch) -> None:
    """Of what the package hands around, and of what a log or a failing test of others would print."""
    from sopsguard import document, git, hooks, nix
    from sopsguard.checks import RULES
    from sopsguard.context import Context
    from sopsguard.judge import judge
    from sopsguard.keys import age, openpgp, ssh, wireguard
    from sopsguard.scan import Scanner
    from sopsguard.sops import config, file, soundness

    shown: dict[str, object] = {}
    target = hooks.staged(git.discover(str(stage.repo.root)))
    shown["target"] = target
    ctx = Context(
        target.snapshot,
        target.contents,
        old=target.old,
        clock=lambda: "2026-01-01",
        concerned=target.concerned,
    )
    shown["found"] = ctx.found
    shown["unread"] = ctx.unread
    shown["contents"] = list(target.contents())
    verdict = judge(ctx, RULES, only_new=False, whole=False)
    shown["verdict"] = verdict
    shown["managed"] = ctx.managed.files, ctx.managed.configs, ctx.managed.clear
    shown["problems"] = ctx.file_problems, ctx.config_problems
    scanner = Scanner()
    for path, content in files(secrets).items():
        data = content if isinstance(content, bytes) else content.encode()
        shown[f"hits {path}"] = scanner.scan(data, path)
        reading = nix.literals(data)
        shown[f"nix {path}"] = reading
        if isinstance(reading, nix.Reading):
            shown[f"secrets {path}"] = list(nix.secrets(reading))
            shown[f"attributes {path}"] = reading.attributes
        read = file.read(data, path)
        shown[f"sops {path}"] = read
        if isinstance(read, file.SopsFile):
            shown[f"leaves {path}"] = read.leaves, read.metadata, list(soundness.problems(read))
        if path.endswith(".sops.yaml"):
            parsed = config.parse(data, path)
            shown[f"config {path}"] = parsed, parsed.rules, parsed.anchors, parsed.names
        for format in document.FORMATS:
            try:
                shown[f"document {format} {path}"] = document.read(data, format)
            except document.Unreadable as e:
                shown[f"unreadable {format} {path}"] = "".join(traceback.format_exception(e))
    for parse in (
        age.identity,
        age.identity_file,
        age.recipient,
        ssh.private_key,
        ssh.public_key,
        ssh.known_host,
        openpgp.secret_keys,
        openpgp.certificates,
        wireguard.key,
    ):
        for field, value in zip(secrets._fields, secrets[:-1], strict=False):
            text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
            for number, candidate in enumerate(
                (text, text[:-1], f"{text}x", f"ssh-rsa {text}", f"# {text}\n{text}\n")
            ):
                shown[f"{parse.__module__}.{parse.__name__} {field} {number}"] = parse(candidate)
    leaks = [
        f"{name}: {leak}" for name, thing in shown.items() for leak in watch.finds(repr(thing), names=False)
    ]
    assert not leaks, "\n".join(leaks)
