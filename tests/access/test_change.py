"""The access diff: every way in which somebody comes to read a value is seen, and nothing else."""

from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from sopsguard.access import Change, Way, between, clusters
from sopsguard.access.change import EVERYONE
from sopsguard.inventory import reader
from sopsguard.managed import Managed
from sopsguard.snapshot import Snapshot
from sopsguard.sops.editor import encrypt
from sopsguard.sops.rules import Scope
from tests.sops.made import NOW, OTHER_RECIPIENT, RECIPIENT, THIRD_RECIPIENT

A, B, C = RECIPIENT, OTHER_RECIPIENT, THIRD_RECIPIENT
PLAIN = "database:\n    password: one\n    user: two\ntoken: three\n"


def sealed(*readers: str, text: str = PLAIN, scope: Scope | None = None) -> bytes:
    return encrypt(text.encode(), "yaml", [list(readers)], NOW, scope)


def grouped(*groups: str, threshold: int) -> bytes:
    return encrypt(PLAIN.encode(), "yaml", [[g] for g in groups], NOW, threshold=threshold)


def config(*readers: str, regex: str = ".*") -> bytes:
    return f"creation_rules:\n  - path_regex: {regex}\n    age: {','.join(readers)}\n".encode()


def change(before: Mapping[str, bytes], now: Mapping[str, bytes]) -> Change:
    return between(Managed(Snapshot.of(before)), Managed(Snapshot.of(now)), reader)


def gains(before: Mapping[str, bytes], now: Mapping[str, bytes]) -> set[tuple[str, str, str]]:
    """(file, reader, way)"""
    return {(g.path, g.who, g.way.name) for g in change(before, now).gained}


def test_nothing_changes_nothing() -> None:
    data = {"s.yaml": sealed(A, B), ".sops.yaml": config(A, B)}
    assert change(data, data) == Change()


def test_a_recipient_added_to_a_file_gains_each_of_its_values() -> None:
    found = change({"s.yaml": sealed(A)}, {"s.yaml": sealed(A, B)})
    (gain,) = found.gained
    assert (gain.path, gain.who, gain.way, gain.newcomer) == ("s.yaml", B, Way.FILE, True)
    assert gain.values == ("database.password", "database.user", "token")
    assert gain.line is not None
    assert found.lost == ()


def test_a_recipient_taken_from_a_file_loses_it() -> None:
    found = change({"s.yaml": sealed(A, B)}, {"s.yaml": sealed(A)})
    assert found.gained == ()
    assert [(g.who, g.way) for g in found.lost] == [(B, Way.FILE)]


def test_a_reader_of_another_file_is_no_newcomer() -> None:
    before = {"s.yaml": sealed(A), "t.yaml": sealed(B, text="x: y\n")}
    (gain,) = change(before, {**before, "s.yaml": sealed(A, B)}).gained
    assert not gain.newcomer


def test_a_new_value_is_nobodys_gain() -> None:
    now = {"s.yaml": sealed(A, text=PLAIN + "more: four\n"), "new.yaml": sealed(B, text="x: y\n")}
    assert gains({"s.yaml": sealed(A)}, now) == set()


def test_a_file_moved_and_encrypted_for_more_is_followed() -> None:
    now = {"wide/s.yaml": sealed(A, B)}
    (gain,) = change({"s.yaml": sealed(A)}, now).gained
    assert (gain.path, gain.who, gain.way, gain.source) == ("wide/s.yaml", B, Way.MOVE, "s.yaml")


def test_a_value_copied_with_its_ciphertext_is_followed() -> None:
    data = sealed(A)
    copy = data.replace(A.encode(), B.encode())
    assert ("copy.yaml", B, "MOVE") in gains({"s.yaml": data}, {"s.yaml": data, "copy.yaml": copy})


def test_who_opens_the_copy_opens_the_original_too() -> None:
    data = sealed(A)
    copy = data.replace(A.encode(), B.encode())
    found = gains({"s.yaml": data}, {"s.yaml": data, "copy.yaml": copy})
    assert ("s.yaml", B, "KEY") in found


def test_an_old_copy_passes_a_new_reader_on() -> None:
    data = sealed(A)
    before = {"s.yaml": data, "copy.yaml": data}
    now = {"s.yaml": data, "copy.yaml": data.replace(A.encode(), B.encode())}
    assert gains(before, now) == {("copy.yaml", B, "FILE"), ("s.yaml", B, "KEY")}


def test_what_is_no_longer_encrypted_is_everybodys() -> None:
    before = {"s.yaml": sealed(A)}
    now = {"s.yaml": sealed(A, scope=Scope(encrypted_regex="^token$"))}
    (gain,) = change(before, now).gained
    assert (gain.who, gain.way) == (EVERYONE, Way.SCOPE)
    assert gain.values == ("database.password", "database.user")


def test_what_stood_in_clear_is_nobodys_gain() -> None:
    before = {"s.yaml": sealed(A, scope=Scope(encrypted_regex="^token$"))}
    (gain,) = change(before, {"s.yaml": sealed(A, B)}).gained
    assert gain.values == ("token",)


def test_a_rule_that_names_one_more_is_told_for_each_file() -> None:
    before = {"s.yaml": sealed(A), ".sops.yaml": config(A)}
    (gain,) = change(before, {**before, ".sops.yaml": config(A, B)}).gained
    assert (gain.path, gain.who, gain.way, gain.source) == ("s.yaml", B, Way.RULE, ".sops.yaml")
    assert gain.values == ()


def test_rule_and_file_together_are_told_once() -> None:
    before = {"s.yaml": sealed(A), ".sops.yaml": config(A)}
    now = {"s.yaml": sealed(A, B), ".sops.yaml": config(A, B)}
    assert gains(before, now) == {("s.yaml", B, "FILE")}


def test_a_lower_threshold_gives_each_member_what_needed_two() -> None:
    before = {"s.yaml": grouped(A, B, threshold=2)}
    assert gains(before, {"s.yaml": sealed(A, B)}) == {("s.yaml", A, "THRESHOLD"), ("s.yaml", B, "THRESHOLD")}


def test_a_new_key_group_is_a_new_reader() -> None:
    before = {"s.yaml": grouped(A, B, threshold=2)}
    assert gains(before, {"s.yaml": grouped(A, B, C, threshold=2)}) == {("s.yaml", C, "FILE")}


def test_an_ssh_key_and_its_age_form_are_one_reader() -> None:
    from sopsguard.keys import age, ssh

    line = ssh.generate_host_key("ed25519").public
    converted = age.from_ssh_public(line)
    assert isinstance(converted, str)
    assert gains({"s.yaml": sealed(line)}, {"s.yaml": sealed(converted)}) == set()


def test_a_side_that_cannot_be_read_is_undecided() -> None:
    data = sealed(A)
    torn = data.replace(b"sops:", b"<<<<<<< ours\nsops:")
    assert change({"s.yaml": data}, {"s.yaml": torn}).undecided == ("s.yaml",)


def test_files_of_one_data_key_are_a_cluster() -> None:
    data, other = sealed(A), sealed(A)
    files = Managed(Snapshot.of({"a.yaml": data, "b.yaml": data, "c.yaml": other})).files
    assert clusters(files) == (("a.yaml", "b.yaml"),)


RECIPIENTS = st.sets(st.sampled_from((A, B, C)), min_size=1)


@given(RECIPIENTS, RECIPIENTS)
@settings(max_examples=20, deadline=None)
def test_gained_and_lost_are_the_difference_of_the_readers(old: set[str], new: set[str]) -> None:
    found = change({"s.yaml": sealed(*sorted(old))}, {"s.yaml": sealed(*sorted(new))})
    assert {g.who for g in found.gained} == new - old
    assert {g.who for g in found.lost} == old - new
