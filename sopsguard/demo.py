"""The main job on a throw-away repository: secrets blocked with names and remedies, then a clean commit."""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sopsguard import git
from sopsguard.keys import age, password, wireguard

HOSTS = ("capacitor", "powerhouse", "turbine", "battery")


def run() -> Iterator[str]:
    """Lines to show while it runs. Everything happens in a temporary folder that is removed again."""
    with tempfile.TemporaryDirectory(prefix="sopsguard-demo-") as folder:
        yield from _Demo(Path(folder)).story()


class _Demo:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        names = ("user_alice", *(f"host_{host}" for host in HOSTS))
        self.identities = {name: age.generate_identity() for name in names}

    def story(self) -> Iterator[str]:
        yield "A throw-away repository: four hosts, one person, a SOPS file, sopsguard as pre-commit hook."
        self._git("init", "--quiet", "--initial-branch=main")
        for key, value in (
            ("user.name", "Alice"),
            ("user.email", "alice@example.org"),
            ("commit.gpgsign", "false"),
        ):
            self._git("config", key, value)
        self._infrastructure()
        hook = self.folder / ".git" / "hooks" / "pre-commit"
        hook.write_text(f"#!/bin/sh\nexec '{sys.executable}' -P -m sopsguard hook\n")
        hook.chmod(0o755)
        yield from self._commit("Describe the infrastructure", passes=True)

        yield from self._say("1. An age identity, copied in for a moment")
        private = self.identities["host_powerhouse"].secret
        self._write("hosts/powerhouse/key.txt", f"# created: today\n{private}\n")
        yield from self._commit("Add the key of powerhouse", passes=False)

        yield from self._say("2. A WireGuard key in a Nix file")
        key = wireguard.generate().private
        self._write(
            "hosts/turbine/wireguard.nix",
            '{\n  networking.wireguard.interfaces.wg0 = {\n    ips = [ "10.0.0.3/24" ];\n'
            f'    privateKey = "{key}";\n  }};\n}}\n',
        )
        yield from self._commit("Set up the tunnel of turbine", passes=False)

        yield from self._say("3. A restic password")
        self._write("hosts/battery/backup.env", f"RESTIC_PASSWORD={password.generate()}\n")
        yield from self._commit("Add backups", passes=False)

        yield from self._say("4. The same three things as they should be")
        self._write(
            "hosts/turbine/wireguard.nix",
            '{ config, ... }:\n{\n  sops.secrets."wireguard/turbine/private_key" = { };\n'
            '  networking.wireguard.interfaces.wg0 = {\n    ips = [ "10.0.0.3/24" ];\n'
            '    privateKeyFile = config.sops.secrets."wireguard/turbine/private_key".path;\n  };\n}\n',
        )
        self._write("hosts/battery/backup.env", "RESTIC_PASSWORD_FILE=/run/secrets/restic/password\n")
        yield from self._commit("Set up tunnel and backups", passes=True)
        yield ""
        yield "Nothing of this is left: the folder was temporary, the keys were made for it."

    def _infrastructure(self) -> None:
        keys = "".join(f"  - &{name} {key.public}\n" for name, key in self.identities.items())
        readers = "".join(f"          - *{name}\n" for name in self.identities)
        self._write(
            ".sops.yaml",
            f"keys:\n{keys}creation_rules:\n  - path_regex: secrets/[^/]+\\.yaml$\n"
            f"    key_groups:\n      - age:\n{readers}",
        )
        for number, host in enumerate(HOSTS, 1):
            self._write(
                f"hosts/{host}/configuration.nix",
                f'{{ networking.hostName = "{host}"; }} # 10.0.0.{number}\n',
            )

    def _write(self, path: str, text: str) -> None:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def _git(self, *arguments: str) -> tuple[int, str]:
        return git.command(str(self.folder), *arguments)

    def _say(self, title: str) -> Iterator[str]:
        yield ""
        yield title

    def _commit(self, message: str, *, passes: bool) -> Iterator[str]:
        """Try to commit everything; what the hook says is shown, and must be what the story says."""
        self._git("add", "--all")
        code, said = self._git("commit", "--quiet", "-m", message)
        yield f"  $ git commit -m '{message}'"
        for line in said.rstrip("\n").split("\n"):
            if line:
                yield f"    {line}"
        yield "  committed" if code == 0 else "  blocked"
        self._git("reset", "--quiet")
        self._git("clean", "--quiet", "--force", "-d")
        if (code == 0) is not passes:
            raise AssertionError(f"the demo did not go as it should: {message}")
