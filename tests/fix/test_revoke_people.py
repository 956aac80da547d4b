"""People leave too; copies, chains of keys and names that only history knows are followed."""

import re
from pathlib import Path

import pytest

from sopsguard.policy import read as read_policy
from sopsguard.signatures.rules import read as read_rules
from sopsguard.sops.editor import encrypt, rotate
from sopsguard.sops.file import SopsFile, read
from sopsguard.sops.identity import Identities, Source, parse
from sopsguard.sops.opening import Opened, open_file
from tests.gitrepo import Repo
from tests.sopsguard_command import Said, sopsguard
from tests.throwaway import age_identity, openssh_public, wireguard_key

WHEN = "2026-01-02T03:04:05Z"
AGREED = ("--apply", "--confirm", "secrets")


class Team:
    """A repository of Ada and Bob, with whatever a test adds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.repo = Repo.init(folder / "house")
        self.keys = {name: age_identity() for name in ("ada", "bob", "web", "db")}

    def public(self, name: str) -> str:
        return self.keys[name][1]

    def config(self, **rules: tuple[str, ...]) -> str:
        text = "keys:\n" + "".join(f"  - &{self.anchor(n)} {self.public(n)}\n" for n in self.keys)
        text += "creation_rules:\n"
        for path, names in rules.items():
            text += f"  - path_regex: ^secrets/{path}\\.\n    key_groups:\n      - age:\n"
            text += "".join(f"          - *{self.anchor(n)}\n" for n in names)
        return text

    @staticmethod
    def anchor(name: str) -> str:
        return f"user_{name}" if name in ("ada", "bob") else f"host_{name}"

    def sealed(self, text: str, *names: str) -> str:
        return encrypt(text.encode(), "yaml", [[self.public(n) for n in names]], WHEN).decode()

    def identities(self, name: str) -> Identities:
        return parse(self.keys[name][0].encode(), Source("text", name))

    def revoke(self, name: str, *more: str, key: str = "ada") -> Said:
        file = self.folder / "key"
        file.write_text(self.keys[key][0] + "\n")
        return sopsguard(self.repo.root, "fix", "revoke", name, "--identity", str(file), *more)

    def text(self, path: str) -> str:
        return (self.repo.root / path).read_text()

    def opened(self, path: str, name: str) -> Opened | None:
        file = read((self.repo.root / path).read_bytes(), path)
        assert isinstance(file, SopsFile)
        found = open_file(file, self.identities(name))
        return found if isinstance(found, Opened) else None

    def value(self, path: str, key: str) -> object:
        found = self.opened(path, "ada")
        assert found is not None
        return next(leaf.value for leaf in found.leaves if ".".join(map(str, leaf.path)) == key)


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path)


def test_a_person_leaves_with_roles_and_signing_keys(team: Team) -> None:
    ada, bob = openssh_public(), openssh_public()
    team.repo.commit(
        {
            ".sops.yaml": team.config(a=("ada", "bob")),
            "secrets/a.yaml": team.sealed("token: from-the-forge\n", "ada", "bob"),
            "inventory.yaml": f"""people:
  ada: {{recipients: [{team.public("ada")}], roles: [admin]}}
  # knows the old servers
  bob:
    recipients: [{team.public("bob")}]
    emails: [bob@example.org]
    signing_keys: [{bob}]
    roles: [commit]
hosts:
  web: {{recipients: [{team.public("web")}]}}
  db: {{recipients: [{team.public("db")}]}}
""",
            ".sopsguard.yaml": f"""# our settings
signatures:
  identity: off
  signers:
    ada: {{roles: [commit, admin], ssh: ["{ada}"]}}
    bob: {{ssh: ["{bob}"]}}  # until spring
  protect: ["secrets/**"]
""",
        }
    )
    head = team.repo.git("rev-parse", "HEAD").strip()
    said = team.revoke("bob", *AGREED)
    assert said.code == 0, said.out + said.err
    assert team.opened("secrets/a.yaml", "bob") is None
    inventory = team.text("inventory.yaml")
    assert re.search(r"former:\n  bob:\n    kind: person\n    left: 20", inventory)
    assert "knows the old servers" not in inventory
    assert "bob@example.org" in inventory[inventory.index("former:") :]
    policy = read_policy(team.text(".sopsguard.yaml").encode(), ())
    assert policy.signatures is not None
    rules = read_rules(policy.signatures)
    assert [signer.name for signer in rules.signers] == ["ada"]
    assert [one.last_commit for one in rules.retired] == [head]
    assert team.text(".sopsguard.yaml").startswith("# our settings\n")
    assert "sign the commit that changes .sopsguard.yaml as an admin who stays" in said.out
    assert "replace token in secrets/a.yaml" in said.out


def test_the_last_admin_of_the_signers_is_left_to_people(team: Team) -> None:
    ada = openssh_public()
    settings = f'signatures:\n  identity: off\n  signers:\n    ada: {{roles: [admin], ssh: ["{ada}"]}}\n'
    team.repo.commit(
        {
            ".sops.yaml": team.config(a=("ada", "bob")),
            "secrets/a.yaml": team.sealed("a: b\n", "ada", "bob"),
            ".sopsguard.yaml": settings,
        }
    )
    said = team.revoke("ada", *AGREED, key="bob")
    assert said.code == 1
    assert "cannot retire the signing keys of ada" in said.out
    assert team.text(".sopsguard.yaml") == settings
    assert team.opened("secrets/a.yaml", "ada") is None


def test_a_file_that_nobody_else_opens_is_not_locked_for_ever(team: Team) -> None:
    team.repo.commit(
        {
            ".sops.yaml": team.config(a=("ada", "bob"), b=("bob",)),
            "secrets/a.yaml": team.sealed("a: b\n", "ada", "bob"),
            "secrets/b.yaml": team.sealed(f"wireguard:\n  web:\n    private_key: {wireguard_key()}\n", "bob"),
        }
    )
    before = team.text("secrets/b.yaml")
    said = team.revoke("bob", *AGREED, key="bob")
    assert said.code == 1
    assert "cannot give secrets/b.yaml a new data key without bob: nobody else can open it" in said.out
    assert "cannot make a new WireGuard key of web: bob would read it in secrets/b.yaml" in said.out
    assert team.text("secrets/b.yaml") == before
    assert team.opened("secrets/a.yaml", "bob") is None


def test_a_copy_that_shares_the_data_key_gets_one_of_its_own(team: Team) -> None:
    whole = team.sealed("token: from-the-forge\n", "ada", "bob")
    file = read(whole.encode(), "secrets/b.yaml")
    assert isinstance(file, SopsFile)
    ada_only = re.sub(
        rf"        - enc: \|\n(?:            .*\n)+          recipient: {team.public('bob')}\n", "", whole
    )
    assert team.public("bob") not in ada_only
    team.repo.commit(
        {
            ".sops.yaml": team.config(a=("ada", "bob"), b=("ada",)),
            "secrets/a.yaml": whole,
            "secrets/b.yaml": ada_only,
        }
    )
    old = team.opened("secrets/b.yaml", "ada")
    assert team.revoke("bob", *AGREED).code == 0
    new = team.opened("secrets/b.yaml", "ada")
    assert old is not None
    assert new is not None
    assert new.data_key != old.data_key


def test_with_a_key_of_somebody_else_one_reads_what_they_read(team: Team) -> None:
    """bob → the key of web → the key of db → what db reads."""
    team.repo.commit(
        {
            ".sops.yaml": team.config(bob=("ada", "bob"), web=("ada", "web"), db=("ada", "db")),
            "secrets/bob.yaml": team.sealed(
                f"age:\n  web:\n    private: {team.keys['web'][0]}\n", "ada", "bob"
            ),
            "secrets/web.yaml": team.sealed(
                f"age:\n  db:\n    private: {team.keys['db'][0]}\n", "ada", "web"
            ),
            "secrets/db.yaml": team.sealed(
                f"wireguard:\n  db:\n    private_key: {wireguard_key()}\nunrelated: x\n", "ada", "db"
            ),
        }
    )
    before = team.value("secrets/db.yaml", "wireguard.db.private_key")
    left = team.revoke("bob")
    assert "make a new age identity of web" in left.out
    assert "wireguard.db" not in left.out, "somebody who left is trusted not to have used the key of another"
    said = team.revoke("bob", *AGREED, "--compromised")
    assert said.code == 0, said.out + said.err
    assert team.value("secrets/db.yaml", "wireguard.db.private_key") != before
    assert "replace unrelated in secrets/db.yaml" in said.out
    for path in ("secrets/bob.yaml", "secrets/web.yaml", "secrets/db.yaml"):
        assert [team.opened(path, name) for name in ("bob", "web", "db")] == [None] * 3, path
    team.repo.git("commit", "-qam", "Revoke bob")
    again = team.revoke("bob", *AGREED, "--compromised")
    assert "make a new" not in again.out


def test_who_was_taken_out_by_hand_is_finished_with_by_a_name_that_only_history_knows(team: Team) -> None:
    both = team.sealed(f"wireguard:\n  web:\n    private_key: {wireguard_key()}\n", "ada", "bob")
    team.repo.commit({".sops.yaml": team.config(a=("ada", "bob")), "secrets/a.yaml": both})
    before = team.value("secrets/a.yaml", "wireguard.web.private_key")
    opened = team.opened("secrets/a.yaml", "ada")
    assert opened is not None
    del team.keys["bob"]
    groups = [[r.key for r in opened.file.metadata.recipients if r.key.text == team.public("ada")]]
    rotated = rotate(both.encode(), "secrets/a.yaml", team.identities("ada"), WHEN, groups).decode()
    team.repo.commit({".sops.yaml": team.config(a=("ada",)), "secrets/a.yaml": rotated})
    assert team.value("secrets/a.yaml", "wireguard.web.private_key") == before
    said = team.revoke("bob", *AGREED)
    assert said.code == 0, said.out + said.err
    assert team.value("secrets/a.yaml", "wireguard.web.private_key") != before


def test_what_was_only_encrypted_anew_is_seen_to_be_known_still(team: Team) -> None:
    text = f"wireguard:\n  web:\n    private_key: {wireguard_key()}\n"
    team.repo.commit(
        {".sops.yaml": team.config(a=("ada", "bob")), "secrets/a.yaml": team.sealed(text, "ada", "bob")}
    )
    before = team.value("secrets/a.yaml", "wireguard.web.private_key")
    team.repo.commit({".sops.yaml": team.config(a=("ada",)), "secrets/a.yaml": team.sealed(text, "ada")})
    assert team.revoke("bob", *AGREED).code == 0
    after = team.value("secrets/a.yaml", "wireguard.web.private_key")
    assert after != before
    team.repo.git("commit", "-qam", "New keys")
    assert team.revoke("bob", *AGREED).code == 0
    assert team.value("secrets/a.yaml", "wireguard.web.private_key") == after
