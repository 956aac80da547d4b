"""Every rule is shown by an example that breaks it and one that keeps it, in real repositories."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from sopsguard import checks, git, hooks, policy
from sopsguard.context import Context, Encrypted, Signed
from sopsguard.history import History
from sopsguard.judge import judge
from sopsguard.managed import Managed
from sopsguard.model import Finding, Level
from sopsguard.snapshot import Snapshot
from sopsguard.sops.editor import encrypt, update_keys
from sopsguard.sops.identity import Source, parse
from sopsguard.sops.masterkey import age_key
from tests.conftest import Peer
from tests.gitrepo import Repo
from tests.signatures.people import SSH, START, Draft
from tests.signatures.people import History as RawHistory
from tests.throwaway import age_identity, fill

FORMATS = {".yaml": "yaml", ".json": "json", ".env": "dotenv"}


def findings(where: Path, files: Mapping[str, str | Encrypted], rule: str) -> tuple[Finding, ...]:
    """Commit the files as sops made them, edit them by hand, commit again, and judge the result."""
    keys = {name: age_identity() for name in ("alice", "bob")}
    alice = parse(keys["alice"][0].encode(), Source("text", "the test"))
    people = {name: recipient for name, (_, recipient) in keys.items()}

    def filled(text: str) -> str:
        return fill(re.sub(r"\{(alice|bob)\}", lambda m: people[m[1]], text))

    def encrypted(path: str, content: Encrypted, to: tuple[str, ...]) -> bytes:
        groups = [[people[name] for name in to]]
        if content.copy_of:
            keys_of = [[age_key(recipient) for recipient in group] for group in groups]
            return update_keys(made[content.copy_of], path, keys_of, alice)
        format = FORMATS.get(Path(path).suffix, "binary")
        return encrypt(filled(content.plain).encode(), format, groups, "2026-01-02T03:04:05Z")

    made: dict[str, bytes] = {}
    for path, content in files.items():
        if isinstance(content, str):
            made[path] = filled(content).encode()
        else:
            made[path] = encrypted(path, content, content.to)
    repo = Repo.init(where)
    repo.commit({path: c for path, c in made.items() if isinstance(f := files[path], str) or f.seen})
    for path, content in files.items():
        for old, new in () if isinstance(content, str) else content.hand:
            text, count = re.subn(old, filled(new), made[path].decode(), count=1, flags=re.MULTILINE)
            assert count == 1, f"{path}: nothing there to edit by hand: {old}"
            made[path] = text.encode()
        if not isinstance(content, str) and content.later:
            later = [[age_key(people[name]) for name in content.later]]
            made[path] = update_keys(made[path], path, later, alice, rewrap=True)
    repo.commit(made)
    found = git.discover(str(where))
    target = hooks.revision(found, "HEAD")
    if any(not isinstance(content, str) and content.later for content in files.values()):
        target = target._replace(before=found.tree(found.resolve("HEAD~1")))
    ctx = Context(
        target.snapshot,
        target.contents,
        policy=policy_of(target.snapshot),
        clock=lambda: "2026-11-23",
        before=Managed(target.before, target.concerned) if target.before else None,
        identities=alice,
        history=lambda: History(target.past) if target.past else None,
    )
    # Most examples have one person only, to be short: what that means has an example of its own.
    rules = tuple(r for r in checks.RULES if r == rule or r != "single-recipient")
    return judge(ctx, rules, only_new=False, whole=True).findings


class Signers:
    """People with SSH keys that are made when they are first named."""

    def __init__(self, program: Path, folder: Path) -> None:
        self.program, self.folder = program, folder

    def key(self, name: str) -> SSH:
        path = self.folder / name
        return SSH(self.program, path) if path.exists() else SSH.make(self.program, path)

    def filled(self, text: str) -> str:
        return re.sub(r"\{ssh-(\w+)\}", lambda m: self.key(m[1]).public, text)


def findings_in_commits(
    where: Path, people: Signers, files: Mapping[str, str], commits: Sequence[Signed]
) -> tuple[Finding, ...]:
    """Store the files, then each commit on it as its person signs it, and judge these commits."""
    history = RawHistory(where)
    base = tip = history.store(history.draft({p: people.filled(c) for p, c in files.items()}).payload)
    for commit in commits:
        written = {path: people.filled(content) for path, content in commit.files.items()}
        draft = history.draft(written, [tip], email=f"{commit.by or 'alice'}@example.org", time=START + 60)
        if not commit.by:
            tip = history.store(draft.payload)
            continue
        signature = people.key(commit.by).sign(draft.payload)
        signed = Draft(draft.headers, b"another message\n") if commit.altered else draft
        tip = history.store(signed.signed(signature))
    target = hooks.between(git.discover(str(where)), base, tip)
    attested = target.attested
    assert attested is not None
    ctx = Context(
        target.snapshot, target.contents, policy=policy_of(target.snapshot), clock=lambda: "2026-11-23",
        attested=lambda: attested(START + 3600, None, None),
    )  # fmt: skip
    return judge(ctx, checks.RULES, only_new=False, whole=False).findings


@pytest.mark.peer("ssh-keygen")
@pytest.mark.parametrize("rule", [rule for rule in checks.RULES if checks.load(rule).example.then_bad])
def test_signed_commits_break_or_keep_the_rule(tmp_path: Path, peer: Peer, rule: str) -> None:
    example = checks.load(rule).example
    people = Signers(peer("ssh-keygen"), tmp_path)
    bad = findings_in_commits(tmp_path / "bad", people, texts(example.bad), example.then_bad)
    assert [(f.rule, f.level) for f in bad] == [(rule, Level.ERROR)]
    assert findings_in_commits(tmp_path / "good", people, texts(example.good), example.then_good) == ()


def texts(files: Mapping[str, str | Encrypted]) -> dict[str, str]:
    """The files of an example of which none is encrypted."""
    return {path: content for path, content in files.items() if isinstance(content, str)}


def policy_of(snapshot: Snapshot) -> policy.Policy:
    """The policy of the example, if it has one."""
    if policy.FILE not in snapshot:
        return policy.Policy()
    return policy.read(snapshot.read(policy.FILE), tuple(checks.RULES))


@pytest.mark.parametrize("rule", [rule for rule in checks.RULES if not checks.load(rule).example.then_bad])
def test_the_bad_example_breaks_its_rule_and_the_good_one_keeps_all(tmp_path: Path, rule: str) -> None:
    check = checks.load(rule)
    bad = findings(tmp_path / "bad", check.example.bad, rule)
    # An error may have lighter company, and information always has.
    light = [Level.INFO] if check.level is not Level.ERROR else [Level.INFO, Level.WARNING]
    heavy = [f for f in bad if f.level not in light or (f.rule == rule and f.level is check.level)]
    assert {f.rule for f in heavy} == {rule}, bad
    good = findings(tmp_path / "good", check.example.good, rule)
    assert [f for f in good if f.level is not Level.INFO or f.rule == rule] == []


@pytest.mark.parametrize("rule", checks.RULES)
def test_a_rule_says_what_is_good_why_and_what_to_do(rule: str) -> None:
    check = checks.load(rule)
    assert check.id == rule
    assert check.family is checks.RULES[rule]
    first, blank, *_ = check.doc.strip().split("\n")
    assert (first.endswith("."), blank) == (True, ""), "the first line is the title: one sentence"
    assert "\nRemedy: " in check.doc


def test_the_list_of_rules_is_the_folder() -> None:
    folder = Path(checks.__file__).parent
    modules = {
        path.stem.replace("_", "-")
        for path in folder.glob("*/*.py")
        if path.stem != "__init__" and "CHECK = Check(" in path.read_text()
    }
    assert modules == set(checks.RULES)
