"""The main job on a throw-away repository: an infrastructure from nothing, found sound; then secrets blocked
with names and remedies, and a clean commit."""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sopsguard import git
from sopsguard.keys import age, password, ssh, wireguard

if TYPE_CHECKING:
    from sopsguard.sops.identity import Identities

INVENTORY = """\
hosts:
  capacitor:
    wireguard: {{address: 10.0.0.1/24, server: true}}
  powerhouse:
  turbine:
  battery:
people:
  alice:
    roles: [admin]
    emails: [alice@example.org]
    recipients:
      - {{key: {recovery}, offline: true}}  # printed, in the safe
"""


def run(now: str) -> Iterator[str]:
    """Lines to show while it runs, at the moment `now` (RFC 3339, UTC). Everything happens in a temporary
    folder that is removed again."""
    with tempfile.TemporaryDirectory(prefix="sopsguard-demo-") as folder:
        yield from _Demo(Path(folder), now).story()


class _Demo:
    def __init__(self, folder: Path, now: str) -> None:
        self.folder, self.now = folder, now

    def story(self) -> Iterator[str]:
        yield "A throw-away repository with an inventory: four hosts, one person, her recovery key in a safe."
        self._git("init", "--quiet", "--initial-branch=main")
        for key, value in (
            ("user.name", "Alice"),
            ("user.email", "alice@example.org"),
            ("commit.gpgsign", "false"),
        ):
            self._git("config", key, value)
        yield from self._say("Everything else from the inventory: sopsguard fix bootstrap --apply")
        yield from self._infrastructure()
        hook = self.folder / ".git" / "hooks" / "pre-commit"
        hook.write_text(f"#!/bin/sh\nexec '{sys.executable}' -P -m sopsguard hook\n")
        hook.chmod(0o755)
        yield from self._commit("Describe the infrastructure", passes=True)

        yield from self._say("1. An age identity, copied in for a moment")
        private = self._identity_of("powerhouse")
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
            "{ config, ... }:\n{\n  sops.defaultSopsFile = ../../secrets/hosts/turbine.yaml;\n"
            '  sops.secrets."wireguard/turbine/private_key" = { };\n'
            '  networking.wireguard.interfaces.wg0 = {\n    ips = [ "10.0.0.3/24" ];\n'
            '    privateKeyFile = config.sops.secrets."wireguard/turbine/private_key".path;\n  };\n}\n',
        )
        self._write("hosts/battery/backup.env", "RESTIC_PASSWORD_FILE=/run/secrets/restic/password\n")
        yield from self._commit("Set up tunnel and backups", passes=True)
        yield ""
        yield "Nothing of this is left: the folder was temporary, the keys were made for it."

    def _infrastructure(self) -> Iterator[str]:
        """Bootstrap, as `sopsguard fix bootstrap` does it; the identity of Alice stays in memory here."""
        from sopsguard.context import Context
        from sopsguard.fix import apply
        from sopsguard.fix.bootstrap import bootstrap
        from sopsguard.fix.plan import Draft

        self._write("inventory.yaml", INVENTORY.format(recovery=age.generate_identity().public))
        repo = git.discover(str(self.folder))
        worktree = repo.worktree()
        draft = Draft(worktree, self.now)
        alice = bootstrap(draft, Context(worktree, tuple), None)
        if alice is None or alice.text is None or repo.root is None:
            raise AssertionError("the demo did not go as it should: nothing to begin")
        self.alice = alice.text
        plan = draft.plan()
        apply.apply(repo.root, repo.git_dir, plan.changes)
        for deed in plan.deeds:
            yield f"    {deed.text}"
        yield from self._sound()

    def _sound(self) -> Iterator[str]:
        """Judge everything, opened with the key of Alice."""
        from sopsguard import checks, hooks
        from sopsguard.context import Context
        from sopsguard.judge import judge
        from sopsguard.model import Level
        from sopsguard.policy import FILE, read

        target = hooks.everything(git.discover(str(self.folder)))
        ctx = Context(
            target.snapshot,
            target.contents,
            policy=read(target.snapshot.read(FILE), tuple(checks.RULES)),
            clock=lambda: self.now[:10],
            identities=self._identities(),
        )
        found = judge(ctx, tuple(checks.RULES), only_new=False, whole=True)
        bad = [f for f in found.findings if f.level is not Level.INFO]
        if bad or any(unknown.blocking for unknown in found.unknown):
            raise AssertionError(f"the demo did not go as it should: {[f.rule for f in bad]}")
        yield f"  sopsguard check: nothing found, {len(ctx.opened)} SOPS files opened with the key of alice"

    def _identities(self) -> "Identities":
        from sopsguard.sops.identity import Source, parse

        return parse(self.alice.encode(), Source("text", "the demo"))

    def _identity_of(self, host: str) -> str:
        """The age identity that a host makes of its SSH host key, which Alice can read."""
        from sopsguard.sops.file import SopsFile, read
        from sopsguard.sops.opening import Opened, open_file

        path = "secrets/admin.yaml"
        file = read((self.folder / path).read_bytes(), path)
        opened = open_file(file, self._identities()) if isinstance(file, SopsFile) else None
        leaves = opened.leaves if isinstance(opened, Opened) else ()
        text = next(str(leaf.value) for leaf in leaves if leaf.path == ("ssh", host, "host_key"))
        key = ssh.private_key(text)
        identity = age.from_ssh_private(key) if isinstance(key, ssh.PrivateKey) else None
        if not isinstance(identity, age.Identity):
            raise AssertionError("the demo did not go as it should: no SSH host key")
        return identity.secret

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
