"""The timeline of real repositories: whole, cut off, damaged, empty, rewritten, with every kind of merge."""

import sqlite3
import threading
from pathlib import Path

import pytest

from sopsguard import git, hooks
from sopsguard.cache import Cache
from sopsguard.history import FORM, Illegible, Judged, Readers, Timeline, ValueLine, facts_of
from sopsguard.history.exposure import DataKey, exposures, reach
from sopsguard.model import UserError
from sopsguard.snapshot import Entry
from tests.gitrepo import Repo
from tests.history.lives import Doc, Ours, people
from tests.sops.made import sops_file
from tests.throwaway import age_identity

NOW = 1_800_000_000
YEAR = 365 * 86400
ALICE, BOB, CAROL, *_ = people()[0]
sops = Ours()


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo.init(tmp_path / "repo")


class Secrets:
    """One file and what is in it."""

    def __init__(self, *readers: str, **doc: str) -> None:
        self.doc: Doc = dict(doc)
        self.data = sops.encrypt(self.doc, (readers or (ALICE,),))

    def set(self, **values: str) -> bytes:
        new = self.doc | values
        self.data = sops.write(self.data, self.doc, new)
        self.doc = new
        return self.data

    def rotate(self) -> bytes:
        self.data = sops.rotate(self.data)
        return self.data

    def readers(self, *readers: str) -> bytes:
        self.data = sops.updatekeys(self.data, (readers,))
        return self.data

    def anew(self, *readers: str) -> bytes:
        self.data = sops.encrypt(self.doc, (readers or (ALICE,),))
        return self.data


def secrets() -> Secrets:
    return Secrets(one="first value", two="second value")


def commit(repo: Repo, files: dict[str, bytes | str], time: int = NOW - YEAR) -> str:
    date = {"GIT_AUTHOR_DATE": f"@{time} +0000", "GIT_COMMITTER_DATE": f"@{time} +0000"}
    for path, data in files.items():
        repo.stage(path, data)
    repo.git("commit", "-q", "--allow-empty", "-m", "x", env=date)
    return repo.git("rev-parse", "HEAD")


def told(repo: Repo, cache: Cache | None = None, judged: Judged | None = None) -> Timeline:
    past = hooks.everything(git.discover(str(repo.root))).past
    assert past is not None
    return Timeline(past, NOW, cache, judged)


def line(timeline: Timeline, key: str = "one", path: str = "s.yaml") -> ValueLine:
    return next(one for one in timeline.values if (one.path, one.key) == (path, key))


def changed(repo: Repo, key: str = "one", path: str = "s.yaml") -> list[str]:
    return list(line(told(repo), key, path).changed.commits)


# --- the commands of sops ----------------------------------------------------------------------------


def test_only_a_change_of_the_value_itself_counts(repo: Repo) -> None:
    file = secrets()
    first = commit(repo, {"s.yaml": file.data})
    second = commit(repo, {"s.yaml": file.set(two="another one")})
    commit(repo, {"s.yaml": file.rotate()})
    commit(repo, {"s.yaml": file.readers(ALICE, BOB)})
    assert changed(repo, "one") == [first]
    assert changed(repo, "two") == [second]
    assert [event.kind for event in line(told(repo), "two").events] == ["created", "changed", "rotated"]


def test_encrypting_anew_widens_and_does_not_reset(repo: Repo) -> None:
    file = secrets()
    first = commit(repo, {"s.yaml": file.data}, NOW - 3 * YEAR)
    file.doc["two"] = "of another length"
    second = commit(repo, {"s.yaml": file.anew()})
    one, two = line(told(repo), "one"), line(told(repo), "two")
    assert one.changed.commits == (first, second)
    assert (one.changed.not_before, one.changed.not_after) == (NOW - 3 * YEAR, NOW - YEAR)
    assert two.changed.commits == (second,)
    assert two.changed.is_exact


def test_an_old_value_that_is_put_back_is_known_to_be_old(repo: Repo) -> None:
    file = secrets()
    old, first = file.data, commit(repo, {"s.yaml": file.data}, NOW - 3 * YEAR)
    commit(repo, {"s.yaml": file.set(one="other value")}, NOW - 2 * YEAR)
    third = commit(repo, {"s.yaml": old})
    found = line(told(repo))
    assert found.changed.commits == (third,)
    assert found.seen.commit == first


def test_an_old_file_that_is_put_back_may_hold_what_was_typed_again_since(repo: Repo) -> None:
    file = secrets()
    old = file.data
    commit(repo, {"s.yaml": old})
    commit(repo, {"s.yaml": file.set(one="other value")})
    third = commit(repo, {"s.yaml": file.set(one="first value")})
    fourth = commit(repo, {"s.yaml": old})
    assert changed(repo) == [third, fourth]


def test_elements_of_a_list_keep_their_age_when_others_go(repo: Repo) -> None:
    doc: Doc = {"list": ["a first", "a second", "a third"]}
    data = sops.encrypt(doc, ((ALICE,),))
    first = commit(repo, {"s.yaml": data})
    fewer: Doc = {"list": ["a second", "a third"]}
    commit(repo, {"s.yaml": sops.write(data, doc, fewer)})
    assert changed(repo, "list.0") == changed(repo, "list.1") == [first]


def test_what_was_removed_is_told(repo: Repo) -> None:
    file = secrets()
    commit(repo, {"s.yaml": file.data, "t.yaml": secrets().data})
    gone = commit(repo, {"s.yaml": sops.write(file.data, file.doc, {"one": "first value"})})
    repo.git("rm", "-q", "t.yaml")
    later = commit(repo, {})
    found = [(one.path, one.key, one.moment.commit) for one in told(repo).removed]
    assert found == [("s.yaml", "two", gone), ("t.yaml", "one", later), ("t.yaml", "two", later)]


# --- renames, merges, picks --------------------------------------------------------------------------


def test_a_renamed_file_keeps_the_age_of_its_values(repo: Repo) -> None:
    file = secrets()
    first = commit(repo, {"s.yaml": file.data})
    repo.git("mv", "s.yaml", "t.yaml")
    second = commit(repo, {"t.yaml": file.set(two="a new one")})
    assert changed(repo, "one", "t.yaml") == [first]
    assert changed(repo, "two", "t.yaml") == [second]
    assert [event.kind for event in line(told(repo), "two", "t.yaml").events] == ["created", "changed"]
    assert told(repo).removed == ()


def test_a_renamed_key_may_be_the_old_value(repo: Repo) -> None:
    file = secrets()
    first = commit(repo, {"s.yaml": file.data})
    new = {"uno": file.doc["one"], "two": file.doc["two"]}
    second = commit(repo, {"s.yaml": sops.write(file.data, file.doc, new)})
    assert changed(repo, "uno") == [first, second]
    assert [(e.kind, e.certain) for e in line(told(repo), "uno").events][-1] == ("moved", False)


def test_a_real_merge_brings_both_sides(repo: Repo) -> None:
    one, other = secrets(), secrets()
    commit(repo, {"s.yaml": one.data, "t.yaml": other.data})
    repo.git("checkout", "-q", "-b", "side")
    theirs = commit(repo, {"s.yaml": one.set(one="their value")})
    repo.git("checkout", "-q", "main")
    ours = commit(repo, {"t.yaml": other.set(one="a value of ours")})
    repo.git("merge", "-q", "-m", "merge", "side")
    assert changed(repo, "one", "s.yaml") == [theirs]
    assert changed(repo, "one", "t.yaml") == [ours]


def test_a_file_that_one_side_renamed_keeps_what_the_other_changed(repo: Repo) -> None:
    file = secrets()
    commit(repo, {"s.yaml": file.data})
    repo.git("checkout", "-q", "-b", "side")
    repo.git("mv", "s.yaml", "t.yaml")
    commit(repo, {})
    repo.git("checkout", "-q", "main")
    ours = commit(repo, {"s.yaml": file.set(one="other value")})
    repo.git("merge", "-q", "-m", "merge", "side")
    assert changed(repo, "one", "t.yaml") == [ours]


def test_a_conflict_that_was_committed_and_mended_later_may_have_brought_either_side(repo: Repo) -> None:
    one, two = secrets(), secrets()
    two.data = one.data
    commit(repo, {"s.yaml": one.data})
    repo.git("checkout", "-q", "-b", "side")
    theirs = commit(repo, {"s.yaml": one.set(one="the value of theirs")})
    repo.git("checkout", "-q", "main")
    commit(repo, {"s.yaml": two.set(two="our own value")})
    repo.run("merge", "-q", "side", check=False)
    broken = commit(repo, {"s.yaml": (repo.root / "s.yaml").read_bytes()})
    mended = commit(repo, {"s.yaml": two.set(one="the value of theirs")})
    assert changed(repo, "one") == [theirs, broken, mended]


def test_a_value_typed_again_while_merging_may_be_that_of_the_other_side(repo: Repo) -> None:
    one, two = secrets(), secrets()
    two.data = one.data
    commit(repo, {"s.yaml": one.data})
    repo.git("checkout", "-q", "-b", "side")
    theirs = commit(repo, {"s.yaml": one.set(one="the value of theirs")})
    repo.git("checkout", "-q", "main")
    commit(repo, {"s.yaml": two.set(two="our own value")})
    repo.run("merge", "-q", "side", check=False)
    merge = commit(repo, {"s.yaml": two.set(one="the value of theirs")})
    assert changed(repo, "one") == [theirs, merge]


def test_an_octopus_merge_is_a_merge(repo: Repo) -> None:
    files = {name: secrets() for name in ("a.yaml", "b.yaml", "c.yaml")}
    commit(repo, {name: file.data for name, file in files.items()})
    brought = {}
    for name, file in files.items():
        repo.git("checkout", "-q", "-b", f"side-{name}", "main")
        brought[name] = commit(repo, {name: file.set(one=f"changed in {name}")})
    repo.git("checkout", "-q", "main")
    repo.git("merge", "-q", "-m", "octopus", *(f"side-{name}" for name in files))
    for name, oid in brought.items():
        assert changed(repo, "one", name) == [oid]


def test_a_cherry_pick_that_comes_back_in_a_merge_happened_once(repo: Repo) -> None:
    file = secrets()
    commit(repo, {"s.yaml": file.data}, NOW - 3 * YEAR)
    repo.git("checkout", "-q", "-b", "side")
    original = commit(repo, {"s.yaml": file.set(one="their value")}, NOW - 2 * YEAR)
    repo.git("checkout", "-q", "main")
    commit(repo, {"README": "x"}, NOW - YEAR)
    repo.git("cherry-pick", original, env={"GIT_COMMITTER_DATE": f"@{NOW - YEAR} +0000"})
    picked = repo.git("rev-parse", "HEAD")
    assert changed(repo) == [picked]
    assert line(told(repo)).changed.not_before == NOW - 2 * YEAR  # as its author says
    repo.git("merge", "-q", "-m", "merge", "side")
    assert changed(repo) == [original]


def test_where_no_clock_tells_which_was_first_both_are_named(repo: Repo) -> None:
    file = secrets()
    commit(repo, {"s.yaml": file.data}, NOW - 3 * YEAR)
    repo.git("checkout", "-q", "-b", "side")
    original = commit(repo, {"s.yaml": file.set(one="their value")}, 0)
    repo.git("checkout", "-q", "main")
    commit(repo, {"README": "x"}, NOW - 2 * YEAR)
    repo.git("cherry-pick", original, env={"GIT_COMMITTER_DATE": f"@{NOW - YEAR} +0000"})
    picked = repo.git("rev-parse", "HEAD")
    repo.git("merge", "-q", "-m", "merge", "side", env={"GIT_COMMITTER_DATE": f"@{NOW - YEAR} +0000"})
    assert set(changed(repo)) == {original, picked}


def test_a_rewritten_history_is_told_as_it_is_now(repo: Repo) -> None:
    file = secrets()
    commit(repo, {"s.yaml": file.data})
    commit(repo, {"s.yaml": file.set(one="a new value")})
    repo.git("reset", "-q", "--soft", "HEAD~1")
    repo.git("commit", "-q", "--amend", "-m", "squashed")
    only = repo.git("rev-parse", "HEAD")
    assert changed(repo, "one") == changed(repo, "two") == [only]


# --- odd repositories ---------------------------------------------------------------------------------


def test_before_the_first_commit_there_is_nothing_to_tell(repo: Repo) -> None:
    repo.stage("s.yaml", secrets().data)
    timeline = told(repo)
    assert not timeline.values
    assert not timeline.removed
    assert not timeline.missing
    assert exposures(timeline) == ()


def test_what_is_staged_upon_nothing_is_new(repo: Repo) -> None:
    data = secrets().data
    repo.stage("s.yaml", data)
    found = line(told(repo, judged=Judged({"s.yaml": facts_of(sops_file(data))}, lambda _: True)))
    assert found.changed.commits == ("",)
    assert found.changed.not_after == NOW


def test_a_detached_head_has_its_own_history(repo: Repo) -> None:
    file = secrets()
    first = commit(repo, {"s.yaml": file.data})
    commit(repo, {"s.yaml": file.set(one="a new value")})
    repo.git("checkout", "-q", "--detach", first)
    assert changed(repo) == [first]


def test_dates_of_1970_and_of_the_future_are_bounded_by_their_neighbours(repo: Repo) -> None:
    file = secrets()
    commit(repo, {"s.yaml": file.data}, NOW - 3 * YEAR)
    commit(repo, {"s.yaml": file.set(one="a new value")}, 0)
    commit(repo, {"s.yaml": file.set(two="a new value")}, NOW + 20 * YEAR)
    commit(repo, {"README": "x"}, NOW - YEAR)
    for key in ("one", "two"):
        found = line(told(repo), key).changed
        assert (found.not_before, found.not_after) == (NOW - 3 * YEAR, NOW - YEAR)
        assert found.is_exact


def test_a_file_that_stood_in_clear_for_a_while(repo: Repo) -> None:
    file = secrets()
    first = commit(repo, {"s.yaml": file.data})
    clear = commit(repo, {"s.yaml": "one: first value\ntwo: second value\n"})
    again = commit(repo, {"s.yaml": file.anew()})
    assert changed(repo) == [first, clear, again]
    commit(repo, {"s.yaml": "one: first value\ntwo: second value\n"})
    assert told(repo).values == ()


def test_a_file_that_was_broken_for_a_while(repo: Repo) -> None:
    file = secrets()
    first = commit(repo, {"s.yaml": file.data})
    broken = commit(repo, {"s.yaml": file.data + b"<<<<<<< ours\n"})
    mended = commit(repo, {"s.yaml": file.set(one="a new value")})
    assert changed(repo, "one") == [broken, mended]
    assert changed(repo, "two") == [first]


def test_a_shallow_clone_says_what_it_does_not_know(repo: Repo, tmp_path: Path) -> None:
    file = secrets()
    for value in ("a new value", "a newer one", "the newest"):
        commit(repo, {"s.yaml": file.set(one=value)})
    repo.git("clone", "-q", "--depth=2", f"file://{repo.root}", str(tmp_path / "clone"))
    timeline = told(Repo(tmp_path / "clone"))
    one, two = line(timeline, "one"), line(timeline, "two")
    assert one.changed.is_exact
    assert two.changed.open
    assert two.changed.not_before is None
    assert not two.changed.is_exact
    (missing,) = timeline.missing
    assert missing.paths == ("s.yaml",)
    assert "--unshallow" in missing.needed


def test_a_partial_clone_says_which_versions_are_missing(repo: Repo, tmp_path: Path) -> None:
    file = secrets()
    first = commit(repo, {"s.yaml": file.data})
    gap = commit(repo, {"s.yaml": file.set(one="a new value")})
    blob = repo.git("rev-parse", "HEAD:s.yaml")
    last = commit(repo, {"s.yaml": file.set(one="a newer one")})
    path = repo.object_file(blob)
    path.unlink()
    timeline = told(repo)
    assert line(timeline, "one").changed.commits == (gap, last)
    assert line(timeline, "two").changed.commits == (first,)
    (missing,) = timeline.missing
    assert missing.paths == ("s.yaml",)
    assert "fetch" in missing.needed


def test_a_history_without_its_trees_cannot_be_told(repo: Repo) -> None:
    commit(repo, {"s.yaml": secrets().data})
    tree = repo.git("rev-parse", "HEAD^{tree}")
    commit(repo, {"s.yaml": secrets().data})
    repo.object_file(tree).unlink()
    with pytest.raises(UserError):
        told(repo)


# --- the state that is judged --------------------------------------------------------------------------


def test_what_is_judged_is_the_newest_commit_of_all(repo: Repo) -> None:
    file, other = secrets(), secrets()
    first = commit(repo, {"s.yaml": file.data, "t.yaml": other.data, "u.yaml": secrets().data})
    facts = facts_of(sops_file(file.set(one="a new value")))
    judged = Judged({"s.yaml": facts, "u.yaml": Illegible()}, lambda path: path != "t.yaml")
    timeline = told(repo, judged=judged)
    assert {one.path for one in timeline.values} == {"s.yaml"}
    assert line(timeline, "one").changed.commits == ("",)
    assert line(timeline, "two").changed.commits == (first,)
    assert {(one.path, one.moment.commit) for one in timeline.removed} == {("t.yaml", "")}


# --- exposure -------------------------------------------------------------------------------------------


def test_a_removed_reader_has_the_data_key_until_it_is_rotated_and_the_values_for_ever(repo: Repo) -> None:
    file = Secrets(ALICE, BOB, one="first value", two="second value")
    commit(repo, {"s.yaml": file.data})
    assert exposures(told(repo)) == ()
    removed = commit(repo, {"s.yaml": file.readers(ALICE)})
    (found,) = exposures(told(repo))
    assert (found.reader, found.data_key) == (BOB, DataKey.KEPT)
    assert found.removed is not None
    assert found.removed.commit == removed
    assert [(value.key, value.certain) for value in found.values] == [("one", True), ("two", True)]
    commit(repo, {"s.yaml": file.rotate()})
    (found,) = exposures(told(repo))
    assert found.data_key is DataKey.REPLACED
    commit(repo, {"s.yaml": file.set(one="a new value")})
    (found,) = exposures(told(repo))
    assert [value.key for value in found.values] == ["two"]
    commit(repo, {"s.yaml": file.set(two="a new value, too")})
    assert exposures(told(repo)) == ()


def test_after_encrypting_anew_they_perhaps_know_the_values(repo: Repo) -> None:
    file = Secrets(ALICE, BOB, one="first value")
    commit(repo, {"s.yaml": file.data})
    commit(repo, {"s.yaml": file.anew(ALICE)})
    (found,) = exposures(told(repo))
    assert found.data_key is DataKey.PERHAPS
    assert [(value.key, value.certain) for value in found.values] == [("one", False)]


def test_a_copied_file_shares_its_data_key_and_its_readers(repo: Repo) -> None:
    file = Secrets(ALICE, BOB, one="first value")
    commit(repo, {"s.yaml": file.data, "copy.yaml": file.data})
    commit(repo, {"s.yaml": file.readers(ALICE)})
    (found,) = exposures(told(repo))
    assert (found.path, found.data_key, found.values) == (
        "s.yaml",
        DataKey.KEPT,
        (),
    )  # still read in the copy
    repo.git("rm", "-q", "copy.yaml")
    commit(repo, {})
    (found,) = exposures(told(repo))
    assert [value.key for value in found.values] == ["one"]


def test_who_read_a_side_branch_knows_what_came_from_it(repo: Repo) -> None:
    file = Secrets(ALICE, one="first value")
    commit(repo, {"s.yaml": file.data})
    repo.git("checkout", "-q", "-b", "side")
    commit(repo, {"s.yaml": file.readers(ALICE, BOB)})
    repo.git("checkout", "-q", "main")
    repo.git("merge", "-q", "-s", "ours", "-m", "without bob", "side")
    (found,) = exposures(told(repo))
    assert found.reader == BOB
    assert found.values


def test_who_held_a_share_needed_others(repo: Repo) -> None:
    doc: Doc = {"one": "first value"}
    data = sops.updatekeys(sops.encrypt(doc, ((ALICE,),)), ((ALICE,), (BOB,)))
    commit(repo, {"s.yaml": data})
    commit(repo, {"s.yaml": sops.updatekeys(data, ((ALICE,),))})
    (found,) = exposures(told(repo))
    assert (found.reader, found.alone) == (BOB, False)


def test_everything_somebody_ever_could_read(repo: Repo) -> None:
    identity, _ = age_identity()
    file = Secrets(ALICE, BOB, one="first value", host_age_key=identity)
    first = commit(repo, {"s.yaml": file.data, "t.yaml": Secrets(ALICE, two="second value").data})
    commit(repo, {"s.yaml": file.readers(ALICE)})
    commit(repo, {"s.yaml": file.set(one="a new value")})
    known = reach(told(repo), [BOB])
    assert [(one.path, one.key, one.stands, one.private_key) for one in known] == [
        ("s.yaml", "host_age_key", True, "age identity"),
        ("s.yaml", "one", False, ""),
    ]
    assert {one.first.commit for one in known} == {first}
    assert {one.key for one in reach(told(repo), [ALICE])} == {"host_age_key", "one", "two"}
    assert reach(told(repo), [CAROL]) == ()


# --- names and keys --------------------------------------------------------------------------------------


def rules(**people: str) -> str:
    anchors = "".join(f"  - &{name} {recipient}\n" for name, recipient in people.items())
    aliases = "".join(f"      - *{name}\n" for name in people)
    return (
        f"keys:\n{anchors}creation_rules:\n  - path_regex: \\.yaml$\n    key_groups:\n    - age:\n{aliases}"
    )


def test_a_recipient_keeps_the_name_it_had(repo: Repo) -> None:
    first = commit(repo, {".sops.yaml": rules(host_alpha=ALICE, admin=BOB)})
    commit(repo, {".sops.yaml": "creation_rules: [[["})
    gone = commit(repo, {".sops.yaml": rules(admin=BOB)})
    readers = Readers(told(repo))
    (former,) = readers.former_names(ALICE)
    assert (former.name, former.config) == ("host_alpha", ".sops.yaml")
    assert former.moment is not None
    assert former.moment.commit == gone
    (name,) = readers.former_names(BOB)
    assert (name.name, name.moment) == ("admin", None)
    assert readers.former_names(CAROL) == ()
    found = [(one.recipient, one.added.commit, one.removed and one.removed.commit) for one in readers.rules]
    assert sorted(found, key=str) == sorted([(ALICE, first, gone), (BOB, first, None)], key=str)


def test_names_come_through_merges_and_removed_configurations(repo: Repo) -> None:
    commit(repo, {".sops.yaml": rules(admin=ALICE)})
    repo.git("checkout", "-q", "-b", "side")
    commit(repo, {".sops.yaml": rules(admin=ALICE, laptop=BOB)})
    repo.git("checkout", "-q", "main")
    commit(repo, {"README": "x"})
    repo.git("merge", "-q", "-m", "merge", "side")
    assert [name.moment for name in Readers(told(repo)).former_names(BOB)] == [None]
    repo.git("rm", "-q", ".sops.yaml")
    gone = commit(repo, {})
    (former,) = Readers(told(repo)).former_names(BOB)
    assert former.moment is not None
    assert former.moment.commit == gone


def test_the_readers_of_a_file_are_followed_through_a_rename(repo: Repo) -> None:
    file = Secrets(ALICE, BOB, one="first value")
    first = commit(repo, {"s.yaml": file.data})
    repo.git("mv", "s.yaml", "t.yaml")
    second = commit(repo, {"t.yaml": file.readers(ALICE, CAROL)})
    found = {
        one.recipient: (one.path, one.added and one.added.commit, one.removed and one.removed.commit)
        for one in Readers(told(repo)).files
    }
    assert found == {
        ALICE: ("t.yaml", first, None),
        BOB: ("t.yaml", None, second),
        CAROL: ("t.yaml", second, None),
    }


def test_keys_in_the_tree_have_an_age_and_certificates_say_when_they_end(
    repo: Repo, certificate: bytes
) -> None:
    from tests.throwaway import openssh_public

    old = openssh_public()
    commit(repo, {"hosts/a/ssh_host_ed25519_key.pub": old, "keys/ada.asc": certificate})
    new = openssh_public("root@a")
    second = commit(repo, {"hosts/a/ssh_host_ed25519_key.pub": new})
    commit(repo, {"hosts/a/ssh_host_ed25519_key.pub": new.replace("root@a", "root@b")})
    host, primary, subkey = Readers(told(repo)).keys
    assert (host.path, host.key.kind, host.added.commit) == (
        "hosts/a/ssh_host_ed25519_key.pub",
        "ssh",
        second,
    )
    assert (primary.key.kind, primary.key.expires) == ("openpgp", 0)
    assert subkey.key.kind == "openpgp-subkey"
    assert subkey.key.expires == subkey.key.created + YEAR
    assert subkey.key.uses == ("encrypt",)
    assert not subkey.key.revoked


@pytest.fixture
def certificate(clean_environment: Path) -> bytes:
    """A certificate with an encryption subkey that ends after a year."""
    import os
    import subprocess

    home = clean_environment / "gpg"
    home.mkdir(mode=0o700)
    env = os.environ | {"GNUPGHOME": str(home)}

    def gpg(*arguments: str) -> bytes:
        command = ["gpg", "--batch", "--pinentry-mode=loopback", "--passphrase=", *arguments]
        done = subprocess.run(command, env=env, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    gpg("--quick-gen-key", "Ada <ada@example.org>", "ed25519", "cert", "never")
    listed = gpg("--list-keys", "--with-colons").decode().splitlines()
    fingerprint = next(text for text in listed if text.startswith("fpr")).split(":")[9]
    gpg("--quick-add-key", fingerprint, "cv25519", "encr", "1y")
    return gpg("--armor", "--export")


# --- the cache --------------------------------------------------------------------------------------------


def cache(tmp_path: Path) -> Cache:
    return Cache(str(tmp_path / "cache"), FORM)


def test_a_second_run_reads_nothing_again(repo: Repo, tmp_path: Path) -> None:
    file = secrets()
    commit(repo, {"s.yaml": file.data, ".sops.yaml": rules(a=ALICE), "k.pub": "none\n", "README": "x"})
    commit(repo, {"s.yaml": file.set(one="a new value"), "broken.yaml": file.data + b"<<<<<<< ours\n"})
    heard: list[tuple[int, int]] = []
    past = hooks.everything(git.discover(str(repo.root))).past
    assert past is not None
    first = Timeline(past, NOW, cache(tmp_path), progress=lambda *done: heard.append(done))
    assert heard == [(6, 6)]
    heard.clear()

    def nothing(entries: list[Entry]) -> list[object]:
        assert list(entries) == []
        return []

    second = Timeline(past._replace(pieces=nothing), NOW, cache(tmp_path))  # type: ignore[arg-type]
    assert second.values == first.values
    assert Readers(second).rules == Readers(first).rules
    assert heard == []


def test_a_damaged_cache_changes_nothing(repo: Repo, tmp_path: Path) -> None:
    file = secrets()
    commit(repo, {"s.yaml": file.data, ".sops.yaml": rules(a=ALICE)})
    commit(repo, {"s.yaml": file.set(one="a new value")})
    good = told(repo, cache(tmp_path)).values
    path = tmp_path / "cache" / "facts.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE facts SET value = ?", (b'["x"]',))
    assert told(repo, cache(tmp_path)).values == good
    path.write_bytes(b"no data base at all")
    assert told(repo, cache(tmp_path)).values == good


def test_runs_at_the_same_time_do_not_disturb_each_other(repo: Repo, tmp_path: Path) -> None:
    file = secrets()
    for n in range(10):
        commit(repo, {"s.yaml": file.set(one=f"value {n}")})
    good, found = told(repo).values, []

    def run() -> None:
        found.append(told(repo, cache(tmp_path)).values)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [good] * 4


def test_nothing_that_is_secret_goes_into_what_is_remembered(repo: Repo, tmp_path: Path) -> None:
    identity, _ = age_identity()
    file = Secrets(one="a canary in the mine", clear_unencrypted="a second canary")
    commit(repo, {"s.yaml": file.data, "k.pub": identity, ".sops.yaml": rules(a=ALICE) + f"# {identity}\n"})
    told(repo, cache(tmp_path))
    kept = (tmp_path / "cache" / "facts.sqlite").read_bytes()
    for canary in (b"canary", identity.encode(), identity.encode()[20:]):
        assert canary not in kept
