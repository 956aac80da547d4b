"""The versions of a file in real git histories, their facts, and what the commands make of them."""

import os
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sopsguard import git, hooks
from sopsguard.cache import Cache
from sopsguard.history import FORM, Facts, History, NotFacts, Present, Value, decoded, encoded, facts_of
from sopsguard.history import judged as judged_by_history
from sopsguard.model import UserError
from sopsguard.snapshot import Change
from sopsguard.sops.editor import encrypt
from tests.gitrepo import Repo
from tests.sops.made import RECIPIENT, sealed, sops_file
from tests.sopsguard_command import Said, sopsguard
from tests.stories import replaced, without
from tests.throwaway import age_identity

TEXT = """\
user: alice-the-admin
password: correct horse
other: something else
shown_unencrypted: for all to see
"""
RULES = f"creation_rules:\n  - age: {RECIPIENT}\n"


def new(text: str = TEXT) -> bytes:
    return sealed(text)


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    made = Repo.init(tmp_path / "repo")
    made.commit({".sops.yaml": RULES, "README.md": "# infrastructure\n"})
    return made


def history(repo: Repo, cache: Cache | None = None, rev: str = "HEAD") -> History:
    past = hooks.revision(git.discover(str(repo.root)), rev).past
    assert past is not None
    return History(past, cache)


def contents(repo: Repo, path: str = "s.yaml", rev: str = "HEAD") -> list[bytes]:
    """The versions of a path, as bytes."""
    versions = history(repo, rev=rev).versions([path])[path]
    return [repo.run("cat-file", "blob", version.entry.oid).stdout for version in versions]


def hooked(repo: Repo) -> list[str]:
    """The errors of the hook on what is staged."""
    return blocking(sopsguard(repo.root, "check", "--staged", "--format=json"))


def judged(repo: Repo, *arguments: str) -> list[str]:
    return blocking(sopsguard(repo.root, "check", "--format=json", *arguments))


def blocking(said: Said) -> list[str]:
    assert said.code in (0, 1), said.err
    return [f["rule"] for f in said.json()["findings"] if f["level"] == "error"]


# --- the versions -----------------------------------------------------------------------------------


def test_versions_come_in_the_order_in_which_they_first_appeared(repo: Repo) -> None:
    one, two = new(), new()
    commits = [repo.commit({"s.yaml": data}) for data in (one, two, one)]
    versions = history(repo).versions(["s.yaml"])["s.yaml"]
    assert [version.commit for version in versions] == commits[:2]
    assert contents(repo) == [one, two]


def test_versions_of_both_sides_of_a_merge_are_known_and_its_own_too(repo: Repo) -> None:
    base, ours, theirs, both = new(), new(), new(), new()
    repo.commit({"s.yaml": base})
    repo.git("checkout", "-q", "-b", "side")
    repo.commit({"s.yaml": theirs})
    repo.git("checkout", "-q", "main")
    repo.commit({"s.yaml": ours})
    repo.run("merge", "-q", "side", check=False)
    merge = repo.commit({"s.yaml": both})
    assert set(contents(repo)) == {base, ours, theirs, both}
    assert contents(repo)[0] == base
    assert history(repo).versions(["s.yaml"])["s.yaml"][-1].commit == merge
    assert contents(repo, rev="side") == [base, theirs]


def test_a_side_that_a_merge_threw_away_is_known_too(repo: Repo) -> None:
    base, ours, theirs = new(), new(), new()
    repo.commit({"s.yaml": base})
    repo.git("checkout", "-q", "-b", "side")
    repo.commit({"s.yaml": theirs})
    repo.git("checkout", "-q", "main")
    repo.commit({"s.yaml": ours})
    repo.git("merge", "-q", "-s", "ours", "side", "-m", "ours")
    assert set(contents(repo)) == {base, ours, theirs}


def test_odd_names_are_names_and_not_patterns(repo: Repo) -> None:
    names = [
        "a*.yaml",
        ":(glob)b.yaml",
        "ü b.yaml",
        "c\n.yaml",
        os.fsdecode(b"\xff.yaml"),
        "-d.yaml",
        "s.yaml",
    ]
    data = {name: new() for name in names}
    for name, content in data.items():
        repo.stage(os.fsencode(name), content)
    repo.commit()
    repo.commit({"ab.yaml": new()})
    for name in names:
        assert contents(repo, name) == [data[name]]
    assert {len(found) for found in history(repo).versions(names).values()} == {1}


def test_a_folder_of_that_name_is_something_else(repo: Repo) -> None:
    repo.commit({"s.yaml/inner": "x\n"})
    repo.git("rm", "-rq", "s.yaml")
    data = new()
    repo.commit({"s.yaml": data})
    assert contents(repo) == [data]


def test_links_and_submodules_are_no_versions(repo: Repo) -> None:
    data = new()
    repo.index_entry("120000", repo.blob(b"README.md"), "s.yaml")
    repo.commit()
    repo.index_entry("160000", "1" * 40, "s.yaml")
    repo.commit()
    repo.git("rm", "--cached", "-q", "s.yaml")
    repo.commit({"s.yaml": data})
    assert contents(repo) == [data]


def test_it_works_from_a_folder_and_for_many_files(repo: Repo) -> None:
    data = {f"deep/{number}.yaml": b"sops: %d\n" % number for number in range(250)}
    repo.commit(data)
    past = hooks.revision(git.discover(str(repo.root / "deep")), "HEAD").past
    assert past is not None
    for names in (list(data), list(data)[:3]):
        found = History(past).versions(names)
        assert {len(found[name]) for name in names} == {1}


def test_sha256_repositories_have_a_history_too(tmp_path: Path) -> None:
    repo = Repo.init(tmp_path / "repo", object_format="sha256")
    one = new()
    repo.commit({"s.yaml": one})
    repo.commit({"s.yaml": without("other:")(one)})
    assert len(contents(repo)) == 2
    assert judged(repo) == ["hand-edited-file"]


def test_bare_repositories_and_linked_work_trees_have_one(repo: Repo, tmp_path: Path) -> None:
    one = new()
    repo.commit({"s.yaml": one})
    repo.git("worktree", "add", "-q", "-b", "side", str(tmp_path / "linked"))
    linked = Repo(tmp_path / "linked")
    theirs = new()
    repo.commit({"s.yaml": theirs})
    linked.commit({"s.yaml": new()})
    linked.run("merge", "-q", "main", check=False)
    linked.stage("s.yaml", without("other:")(theirs))
    assert hooked(linked) == ["hand-edited-file"]
    linked.commit()
    repo.git("clone", "-q", "--bare", "-b", "side", str(repo.root), str(tmp_path / "bare"))
    assert judged(Repo(tmp_path / "bare"), "--rev", "side") == ["hand-edited-file"]
    assert judged(Repo(tmp_path / "bare"), "--rev", "main") == []


def test_before_the_first_commit_there_is_none(tmp_path: Path) -> None:
    repo = Repo.init(tmp_path / "repo")
    repo.stage("s.yaml", new())
    repo.stage(".sops.yaml", RULES)
    assert hooked(repo) == []
    assert judged(repo) == []


# --- the commands -----------------------------------------------------------------------------------


def test_every_way_to_judge_sees_a_hand_edit(repo: Repo) -> None:
    good = repo.commit({"s.yaml": new()})
    edited = without("other:")((repo.root / "s.yaml").read_bytes())
    repo.write("s.yaml", edited)
    assert judged(repo) == ["hand-edited-file"]  # not even staged
    repo.add()
    assert hooked(repo) == ["hand-edited-file"]
    assert sopsguard(repo.root, "hook").code == 1
    bad = repo.commit()
    for arguments in (("--rev", bad), ("--range", f"{good}..{bad}"), ("--since", good), ("s.yaml",)):
        assert judged(repo, *arguments) == ["hand-edited-file"], arguments
    assert judged(repo, "--since", bad) == []
    repo.commit({"README.md": "# more\n"})
    assert judged(repo) == ["hand-edited-file"]
    repo.git("revert", "--no-edit", bad)
    assert judged(repo) == []
    assert judged(repo, "--range", f"{good}..HEAD") == []


def test_a_hand_edit_behind_a_real_one_in_one_push_is_seen(repo: Repo) -> None:
    base = repo.commit({"s.yaml": new()})
    second = new()
    repo.commit({"s.yaml": second})
    repo.commit({"s.yaml": replaced("for all", "for most")(second)})
    assert judged(repo, "--range", f"{base}..HEAD") == ["hand-edited-file"]


def test_a_conflict_resolved_by_hand_does_not_get_committed(repo: Repo) -> None:
    base = new()
    repo.commit({"s.yaml": base})
    repo.git("checkout", "-q", "-b", "side")
    theirs = new(TEXT + "theirs: from their side\n")
    repo.commit({"s.yaml": theirs})
    repo.git("checkout", "-q", "main")
    repo.commit({"s.yaml": new(TEXT + "ours: from our side\n")})
    repo.run("merge", "-q", "side", check=False)
    # Their metadata, and one value less.
    repo.stage("s.yaml", without("other:")(theirs))
    assert hooked(repo) == ["hand-edited-file"]
    repo.stage("s.yaml", theirs)
    assert hooked(repo) == []
    repo.commit()
    assert judged(repo) == []


def test_a_cherry_pick_resolved_by_hand_is_seen(repo: Repo) -> None:
    repo.commit({"s.yaml": new()})
    repo.git("checkout", "-q", "-b", "side")
    theirs = new(TEXT + "theirs: from their side\n")
    repo.commit({"s.yaml": theirs})
    repo.git("checkout", "-q", "main")
    repo.commit({"s.yaml": new()})
    repo.run("cherry-pick", "side", check=False)
    repo.stage("s.yaml", without("other:")(theirs))
    assert hooked(repo) == ["hand-edited-file"]


def test_a_shallow_clone_says_what_to_fetch(repo: Repo, tmp_path: Path) -> None:
    repo.commit({"s.yaml": new()})
    repo.commit({"README.md": "# more\n"})
    repo.git("clone", "-q", "--depth=1", f"file://{repo.root}", str(tmp_path / "shallow"))
    said = sopsguard(tmp_path / "shallow", "check", "--format=json")
    assert said.code == 0
    (unknown,) = [u for u in said.json()["unknown"] if u["rule"] == "hand-edited-file"]
    assert "fetch-depth: 0" in unknown["needed"]
    assert sopsguard(repo.root, "check", "--format=json").json()["unknown"] == []


def test_a_version_that_is_missing_is_said(repo: Repo) -> None:
    one = new()
    repo.commit({"s.yaml": one})
    repo.commit({"s.yaml": without("other:")(one)})
    assert judged(repo) == ["hand-edited-file"]
    repo.object_file(repo.git("rev-parse", "HEAD~1:s.yaml")).unlink()
    for cache in ("known", "empty"):
        env = {"XDG_CACHE_HOME": str(repo.root.parent / "empty")} if cache == "empty" else {}
        said = sopsguard(repo.root, "check", "--format=json", env=env)
        assert "hand-edited-file" in [u["rule"] for u in said.json()["unknown"]]


def test_a_name_that_a_finished_rebase_left_behind_harms_nothing(repo: Repo) -> None:
    repo.commit({"s.yaml": new()})
    (repo.root / ".git" / "REBASE_HEAD").write_text("1" * 40 + "\n")
    (repo.root / ".git" / "CHERRY_PICK_HEAD").write_text("nonsense\n")
    repo.stage("s.yaml", new())
    assert hooked(repo) == []


def test_a_commit_without_sops_loads_nothing_of_this(repo: Repo, clean_environment: Path) -> None:
    repo.commit({"s.yaml": new()})
    repo.stage("notes.txt", "nothing to see\n")
    said = sopsguard(repo.root, "hook", env={"PYTHONPROFILEIMPORTTIME": "1"})
    assert said.code == 0
    loaded = {text.rpartition("|")[2].strip() for text in said.err.splitlines() if "|" in text}
    assert "sopsguard.hooks" in loaded
    assert loaded & {"sopsguard.history", "sopsguard.cache", "sopsguard.sops.file", "sqlite3"} == set()
    assert not (clean_environment / ".cache").exists()


def test_the_cache_holds_neither_values_nor_hashes_of_clear_ones(repo: Repo, tmp_path: Path) -> None:
    repo.commit({"s.yaml": new()})
    repo.commit({"s.yaml": new(TEXT.replace("for all to see", "canary-in-clear"))})
    home = tmp_path / "cache"
    assert sopsguard(repo.root, "check", env={"XDG_CACHE_HOME": str(home)}).code == 0
    (kept,) = (home / "sopsguard").iterdir()
    data = kept.read_bytes()
    assert b"password" in data  # key names and digests of ciphertext are what it is for
    for secret in (b"canary", b"correct horse", b"alice", b"for all to see"):
        assert secret not in data
    # The clear value leaves no trace at all: two files that differ in it alone give the same facts.
    one = new()
    assert facts_of(sops_file(one)) == facts_of(sops_file(replaced("for all", "for some")(one)))


def test_most_commits_ask_only_the_version_before(repo: Repo) -> None:
    """No walk through history where the old side alone shows that sops was at work."""
    repo.commit({"s.yaml": new()})
    later = encrypt(TEXT.encode(), "yaml", [[RECIPIENT]], "2026-11-23T21:00:00Z")
    staged = (later, replaced("    version:", "    note: x\n    version:")(new()))
    assert judged_walks(repo, later) == 0
    repo.commit({"s.yaml": later})
    assert judged_walks(repo, replaced("user:", "# by hand\nuser:")(later)) == 0
    assert judged_walks(repo, without("other:")(later)) == 1
    assert judged_walks(repo, staged[1]) == 1  # an older time: from where?


def judged_walks(repo: Repo, data: bytes) -> int:
    """How often the history is walked to judge what is staged."""
    repo.stage("s.yaml", data)
    target = hooks.staged(git.discover(str(repo.root)))
    past, walks = target.past, 0
    assert past is not None
    assert target.before is not None

    def changes(paths: Collection[str]) -> Iterable[Change]:
        nonlocal walks
        walks += 1
        return past.changes(paths)

    counted = History(past._replace(changes=changes))
    present = Present(sops_file(data, "s.yaml"), target.before.read("s.yaml"))
    list(judged_by_history({"s.yaml": present}, counted, {}))
    return walks


# --- facts ------------------------------------------------------------------------------------------

names = st.text(max_size=6)
number = st.integers(0, 9)


def wrapped(facts: Facts, wraps: list[tuple[str, str, int]]) -> Facts:
    return replace(
        facts, wraps=tuple((who, seal) for who, seal, _ in wraps), groups=tuple(group for *_, group in wraps)
    )


facts = st.builds(
    wrapped,
    st.builds(
        Facts,
        mac=names,
        modified=names,
        wraps=st.just(()),
        clear=st.booleans(),
        only_encrypted=st.booleans(),
        values=st.lists(st.builds(Value, *[names] * 5, st.integers(-1, 99)), max_size=4).map(tuple),
        threshold=number,
        scope=names,
    ),
    st.lists(st.tuples(names, names, number), max_size=3),
)


@given(facts)
def test_facts_come_back_from_the_cache_as_they_were(one: Facts) -> None:
    assert decoded(encoded(one)) == one
    assert decoded(encoded(None)) is None


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=30))
def test_anything_else_is_no_fact(content: object) -> None:
    import json

    try:
        known = decoded(json.dumps(content).encode())
    except NotFacts:
        return
    assert known is None or encoded(known)


@given(st.binary())
def test_noise_is_no_fact(data: bytes) -> None:
    try:
        assert decoded(data) is None
    except NotFacts:
        return


def test_a_second_run_reads_no_version_again(repo: Repo, tmp_path: Path) -> None:
    for _ in range(3):
        repo.commit({"s.yaml": new()})
    cache = str(tmp_path / "cache")
    first = history(repo, Cache(cache, FORM)).versions(["s.yaml"])
    second = history(repo, Cache(cache, FORM))

    def nothing(_: object) -> Iterator[object]:
        raise AssertionError("read again")

    object.__setattr__(second, "past", second.past._replace(pieces=nothing))  # type: ignore[attr-defined]
    assert second.versions(["s.yaml"]) == first


def test_a_file_that_was_no_sops_file_before_has_no_facts_there(repo: Repo) -> None:
    repo.commit({"s.yaml": "a: plain\n"})
    repo.commit({"s.yaml": new()})
    repo.commit({"s.yaml": new() + b"<<<<<<< ours\n"})
    versions = history(repo).versions(["s.yaml"])["s.yaml"]
    assert [version.facts is not None for version in versions] == [False, True, False]


def test_what_is_no_recipient_is_not_written_down(repo: Repo) -> None:
    one, (identity, _) = new(), age_identity()
    data = one.replace(RECIPIENT.encode(), identity.encode())
    assert identity.encode() not in encoded(facts_of(sops_file(data)))
    assert RECIPIENT.encode() in encoded(facts_of(sops_file(one)))


def test_a_history_that_cannot_be_walked_is_said_and_the_rest_is_judged(repo: Repo) -> None:
    one = new()
    first = repo.commit({"s.yaml": one})
    repo.commit({"s.yaml": new(), "t.yaml": one})
    repo.object_file(first).unlink()
    with pytest.raises(UserError):
        history(repo).versions(["s.yaml"])
    said = sopsguard(repo.root, "check", "--format=json")
    assert said.code == 0
    (unknown,) = [u for u in said.json()["unknown"] if u["rule"] == "hand-edited-file"]
    assert "1 other file" in unknown["reason"]
    repo.stage("t.yaml", without("other:")(one))
    assert hooked(repo) == ["hand-edited-file"]


def test_a_treeless_clone_is_judged_as_far_as_it_goes(repo: Repo, tmp_path: Path) -> None:
    one = new()
    repo.commit({"s.yaml": new()})
    repo.commit({"s.yaml": one})
    repo.git("config", "uploadpack.allowFilter", "true")
    repo.git("clone", "-q", "--filter=tree:0", f"file://{repo.root}", str(tmp_path / "clone"))
    clone = Repo(tmp_path / "clone")
    said = sopsguard(clone.root, "check", "--format=json")
    rules = [u["rule"] for u in said.json()["unknown"]]
    assert (said.code, rules) == (0, ["rotation-due", "hand-edited-file"])
    clone.stage("s.yaml", without("other:")(one))
    assert hooked(clone) == ["hand-edited-file"]
