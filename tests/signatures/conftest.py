"""A repository with a policy, and people who sign in it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from sopsguard.git import discover
from sopsguard.signatures.decide import Verdict
from sopsguard.signatures.engine import EngineName
from sopsguard.signed import Trusted, audited, judged, trusted
from tests.conftest import Peer
from tests.signatures.people import SSH, START, Draft, Gpg, History

NOW = START + 3600


@pytest.fixture(scope="session")
def gpg(peer: Peer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gpg]:
    """A GnuPG home for everybody; its agent ends with the tests."""
    home = tmp_path_factory.mktemp("gh")
    home.chmod(0o700)
    made = Gpg(peer("gpg"), home)
    yield made
    made.stop()


@pytest.fixture(scope="session")
def alice(gpg: Gpg) -> str:
    """An admin: an Ed25519 primary that certifies, and a subkey that signs."""
    return gpg.key("Alice <ada@example.org>")


@pytest.fixture(scope="session")
def mallory(gpg: Gpg) -> str:
    """Nobody, under the name of Alice."""
    return gpg.key("Alice <ada@example.org>", options=["--allow-freeform-uid"], at=START - 20 * 86400)


@pytest.fixture(scope="session")
def bob(peer: Peer, tmp_path_factory: pytest.TempPathFactory) -> SSH:
    """Someone with the role commit, who signs with SSH."""
    return SSH.make(peer("ssh-keygen"), tmp_path_factory.mktemp("ssh") / "bob")


@pytest.fixture(scope="session")
def stranger(peer: Peer, tmp_path_factory: pytest.TempPathFactory) -> SSH:
    """Nobody, with an SSH key."""
    return SSH.make(peer("ssh-keygen"), tmp_path_factory.mktemp("ssh") / "stranger")


@pytest.fixture(params=["sequoia", "gpg"])
def engine(request: pytest.FixtureRequest, peer: Peer) -> EngineName:
    """Each of the OpenPGP engines."""
    if request.param == "gpg":
        peer("gpg")
        return "gpg"
    pytest.importorskip("pysequoia")
    return "sequoia"


@dataclass
class World:
    """A repository whose `main` has a policy, a key file, a secret and a readme."""

    history: History
    gpg: Gpg
    alice: str
    bob: SSH
    engine: EngineName
    base: str = ""
    settings: dict[str, str] = field(default_factory=dict)

    def policy(self, *, bob: str = "", alice: str = "", **settings: str) -> str:
        """The policy, with lines added; `settings` are those of the section `signatures`."""
        lines = [f"  {name}: {value}" for name, value in ({**self.settings, **settings}).items()]
        key = f'{{key: "{self.bob.public}"{bob}}}'
        return "\n".join([
            "signatures:", *lines, '  protect: ["secrets/**"]', "  signers:",
            "    alice:", "      roles: [commit, admin]", "      emails: [ada@example.org]",
            f"      openpgp: {{fingerprint: {self.alice}, file: keys/alice.asc{alice}}}",
            "    bob:", "      roles: [commit]", "      emails: [ada@example.org]", f"      ssh: [{key}]", "",
        ])  # fmt: skip

    def start(self, files: Mapping[str, bytes | str] | None = None, **policy: str) -> str:
        """Make the base anew, unsigned: it is what is trusted."""
        content: dict[str, bytes | str] = {
            ".sopsguard.yaml": self.policy(**policy),
            "keys/alice.asc": self.gpg.export(self.alice),
            "secrets/a.yaml": "a: 1\n",
            "README": "read me\n",
            **(files or {}),
        }
        self.base = self.history.store(self.history.draft(content, time=START - 86400).payload)
        return self.history.at("main", self.base)

    def by_alice(self, draft: Draft, key: str | None = None, *options: str, at: int = START) -> str:
        """Signed with OpenPGP, by Alice or with another key."""
        signature = self.gpg.sign(draft.payload, key or self.alice, *options, at=at)
        return self.history.store(draft.signed(signature, self.history.header))

    def by_bob(self, draft: Draft, key: SSH | None = None, namespace: str = "git") -> str:
        """Signed with SSH, by Bob or with another key."""
        signature = (key or self.bob).sign(draft.payload, namespace)
        return self.history.store(draft.signed(signature, self.history.header))

    def unsigned(self, draft: Draft) -> str:
        return self.history.store(draft.payload)

    def secret(self, parents: Iterable[str] = (), content: str = "a: 2\n", **more: object) -> Draft:
        """A change of the secret on the base."""
        return self.history.draft({"secrets/a.yaml": content}, parents or [self.base], **more)  # type: ignore[arg-type]

    def trust(self, revision: str | None = None, head: str | None = None) -> Trusted:
        return trusted(discover(str(self.history.repo.root)), revision or self.base, head)

    def verdicts(
        self, tip: str, *, now: int = NOW, base: str | None = None, trust: Trusted | None = None
    ) -> list[Verdict]:
        """What holds for the commits of base..tip."""
        repository = discover(str(self.history.repo.root))
        trust = trust or self.trust(head=tip)
        return list(judged(repository, trust, [base or trust.revision], [tip], now, name=self.engine))

    def verdict(self, tip: str, **options: int) -> Verdict:
        """The verdict on the last commit."""
        return self.verdicts(tip, **options)[-1]  # type: ignore[arg-type]

    def tree_of(self, commit: str) -> str:
        return self.history.repo.git("rev-parse", f"{commit}^{{tree}}")

    def audit(self, tip: str, now: int = NOW) -> list[Verdict]:
        repository = discover(str(self.history.repo.root))
        return list(audited(repository, trusted(repository, tip), now, name=self.engine))

    def reasons(self, tip: str, **options: int) -> list[str]:
        return [verdict.reason.value for verdict in self.verdicts(tip, **options)]  # type: ignore[arg-type]


@pytest.fixture
def world(tmp_path: Path, gpg: Gpg, alice: str, bob: SSH, engine: EngineName) -> World:
    """The repository, judged by each engine."""
    made = World(History(tmp_path / "repo"), gpg, alice, bob, engine)
    made.start()
    return made
