"""What a change does to values: told by keys and nonces, never by a value."""

from collections.abc import Mapping

from sopsguard.access.edits import What, edits
from sopsguard.managed import Managed
from sopsguard.snapshot import Snapshot
from sopsguard.sops.editor import Set, Unset, edit, encrypt, rotate
from sopsguard.sops.rules import Scope
from tests.sops.made import IDENTITIES, NOW, RECIPIENT

PLAIN = "database:\n    password: one\n    user: two\ntoken: three\n"
LATER = "2026-11-23T21:00:00Z"


def sealed(text: str = PLAIN, scope: Scope | None = None) -> bytes:
    return encrypt(text.encode(), "yaml", [[RECIPIENT]], NOW, scope)


def changed(before: Mapping[str, bytes], now: Mapping[str, bytes]) -> list[tuple[str, str, What, str]]:
    return [tuple(e) for e in edits(Managed(Snapshot.of(before)), Managed(Snapshot.of(now)))]  # type: ignore[misc]


def edited(data: bytes, *changes: Set | Unset) -> bytes:
    return edit(data, "s.yaml", changes, IDENTITIES, LATER)


def test_nothing_changed_is_nothing() -> None:
    data = {"s.yaml": sealed()}
    assert changed(data, data) == []


def test_one_value_set_is_one_change() -> None:
    data = sealed()
    now = edited(data, Set(("token",), "four"))
    assert changed({"s.yaml": data}, {"s.yaml": now}) == [("s.yaml", "token", What.CHANGED, "")]


def test_values_come_and_go() -> None:
    data = sealed()
    now = edited(data, Set(("extra",), "x"), Unset(("database", "user")))
    assert changed({"s.yaml": data}, {"s.yaml": now}) == [
        ("s.yaml", "extra", What.ADDED, ""),
        ("s.yaml", "database.user", What.REMOVED, ""),
    ]


def test_a_new_data_key_changes_no_value() -> None:
    data = sealed()
    assert changed({"s.yaml": data}, {"s.yaml": rotate(data, "s.yaml", IDENTITIES, LATER)}) == []


def test_a_file_encrypted_again_leaves_open_what_changed() -> None:
    found = changed({"s.yaml": sealed()}, {"s.yaml": sealed()})
    assert {what for _, _, what, _ in found} == {What.REENCRYPTED}
    assert len(found) == 3


def test_a_moved_file_is_a_move_of_its_values() -> None:
    data = sealed()
    found = changed({"old.yaml": data}, {"new.yaml": data})
    assert found[0] == ("new.yaml", "database.password", What.MOVED, "old.yaml: database.password")
    assert {what for _, _, what, _ in found} == {What.MOVED}


def test_what_loses_its_encryption_is_told() -> None:
    now = sealed(scope=Scope(encrypted_regex="^token$"))
    found = changed({"s.yaml": sealed()}, {"s.yaml": now})
    assert ("s.yaml", "database.password", What.OPENED, "") in found
    assert changed({"s.yaml": now}, {"s.yaml": sealed()})[0][2] is What.SEALED


def test_a_clear_value_that_changes_is_a_change() -> None:
    scope = Scope(encrypted_regex="^token$")
    data = sealed(scope=scope)
    now = data.replace(b"user: two", b"user: three")
    assert changed({"s.yaml": data}, {"s.yaml": now}) == [("s.yaml", "database.user", What.CHANGED, "")]
