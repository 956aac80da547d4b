"""What real sops does to a file is never a hand edit; what hands do to it always is, told once."""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from sopsguard.model import Confidence
from tests import stories
from tests.conftest import Peer
from tests.stories import RealSops, given, line, replaced, swapped, value_of, without

NEWEST = "3.13.3"
HAND, MOVED = "hand-edited-file", "moved-ciphertext"
NAME = "s.yaml"
TEXT = """\
# about the database
db:
    user: alice-the-admin
    password: correct horse
    port: 5432
hosts:
    - first.example.org
    - second.example.org
other: something else
shown_unencrypted: for all to see
second_unencrypted: 7
empty: ""
none: null
"""

# A story gets sops and the first version, and returns the versions after it; the last one is judged.
Story = Callable[[RealSops, bytes], list[bytes]]


@pytest.fixture(scope="module")
def sops(peer: Peer, tmp_path_factory: pytest.TempPathFactory) -> RealSops:
    return RealSops(peer("sops", version=NEWEST), tmp_path_factory.mktemp("sops"))


@pytest.fixture(scope="module")
def first(sops: RealSops) -> bytes:
    return sops.encrypt(TEXT)


pytestmark = pytest.mark.peer("sops", version=NEWEST)


def by_hand(*edits: Callable[[bytes], bytes]) -> Story:
    def story(_: RealSops, data: bytes) -> list[bytes]:
        for edit in edits:
            changed = edit(data)
            assert changed != data
            data = changed
        return [data]

    return story


def with_sops(*steps: Callable[[RealSops, bytes], bytes]) -> Story:
    def story(sops: RealSops, data: bytes) -> list[bytes]:
        versions = []
        for step in steps:
            data = step(sops, data)
            versions.append(data)
        return versions

    return story


def set_(path: str, value: str) -> Callable[[RealSops, bytes], bytes]:
    return lambda sops, data: sops.set(data, path, value)


def edit(script: str, *options: str) -> Callable[[RealSops, bytes], bytes]:
    return lambda sops, data: sops.edit(data, script, *options)


def run(*args: str) -> Callable[[RealSops, bytes], bytes]:
    return lambda sops, data: sops(data, *args)


def hand(change: Callable[[bytes], bytes]) -> Callable[[RealSops, bytes], bytes]:
    return lambda _, data: change(data)


def rewrap(*numbers: int) -> Callable[[RealSops, bytes], bytes]:
    return lambda sops, data: sops.rewrap(data, *(sops.recipients[n] for n in numbers))


rotate = run("-r", "-i")


def encrypted_again(sops: RealSops, data: bytes) -> bytes:
    return sops(sops(data, "-d", "-i"), "-e", "-i", "--age", sops.recipients[0])


def group_added(sops: RealSops, data: bytes) -> bytes:
    return sops(data, "groups", "add", "-i", "--age", sops.recipients[1], "-f")


def group_deleted(sops: RealSops, data: bytes) -> bytes:
    return sops(data, "groups", "delete", "-i", "-f", "FILE", "1")


def redumped(data: bytes) -> bytes:
    import yaml

    return yaml.safe_dump(yaml.safe_load(data), sort_keys=False, indent=2, width=70).encode()


def metadata_first(data: bytes) -> bytes:
    head, mark, block = data.partition(b"\nsops:\n")
    return b"sops:\n" + block + head + b"\n" if mark else data


def without_comment(data: bytes) -> bytes:
    return re.sub(rb"(?m)^#ENC.*\n", b"", data)


def reverted(_: RealSops, data: bytes) -> list[bytes]:
    return [data]


def both_by_sops(sops: RealSops, data: bytes) -> list[bytes]:
    ours = sops.set(data, '["ours"]', '"from our side"')
    theirs = sops.set(data, '["theirs"]', '"from their side"')
    return [theirs, ours, sops.set(ours, '["theirs"]', '"from their side"')]


def rotated_there_taken_whole(sops: RealSops, data: bytes) -> list[bytes]:
    theirs = rotate(sops, data)
    return [theirs, sops.set(data, '["ours"]', '"from our side"'), theirs]


def repaired_by_sops(sops: RealSops, data: bytes) -> list[bytes]:
    return [without("other:")(data), sops(data, "unset", "FILE", '["other"]')]


def repaired_with_ignored_mac(sops: RealSops, data: bytes) -> list[bytes]:
    broken = without("other:")(data)
    return [broken, sops.edit(broken, "s/5432/5433/", "edit", "--ignore-mac")]


def repaired_by_taking_it_back(_: RealSops, data: bytes) -> list[bytes]:
    return [without("other:")(data), swapped("user:", "password:")(data), data]


def edited_and_renamed_then_renamed_back(sops: RealSops, data: bytes) -> list[bytes]:
    good = sops.set(data, '["db"]["user"]', '"bob-the-admin"')
    return [replaced("other: ", "another: ")(good), good]


LEGITIMATE: dict[str, Story] = {
    "set a value": with_sops(set_('["db"]["password"]', '"battery staple"')),
    "set a new key": with_sops(set_('["db"]["new"]', '"a fresh value"')),
    "unset": with_sops(run("unset", "FILE", '["other"]')),
    "edit a value": with_sops(edit("s/correct horse/battery staple/")),
    "edit a key": with_sops(edit("s/^other:/another:/")),
    "edit a parent key": with_sops(edit("s/^db:/database:/")),
    "edit the order": with_sops(
        edit("/first.example/d\ns/\\(.*\\)second.example.org/&\\n\\1first.example.org/")
    ),
    "edit a list item away": with_sops(edit("/first.example/d")),
    "edit a comment": with_sops(edit("s/about the/all about the/")),
    "edit a clear value": with_sops(edit("s/for all to see/and to read/")),
    "rotate": with_sops(rotate),
    "rotate, then set": with_sops(rotate, set_('["other"]', '"something new"')),
    "set, then rotate": with_sops(set_('["other"]', '"something new"'), rotate),
    "set and rotate in one commit": with_sops(lambda s, d: rotate(s, s.set(d, '["other"]', '"new thing"'))),
    "rotate twice": with_sops(rotate, rotate),
    "updatekeys": with_sops(rewrap(0, 1)),
    "updatekeys, then set": with_sops(rewrap(0, 1), set_('["other"]', '"something new"')),
    "set, updatekeys, remove": with_sops(set_('["other"]', '"x y z"'), rewrap(0, 1, 2), rewrap(0, 2)),
    "groups add": with_sops(group_added),
    "groups add and delete": with_sops(group_added, group_added, group_deleted),
    "decrypt and encrypt": with_sops(encrypted_again),
    "set back to the old value": with_sops(
        set_('["other"]', '"something new"'), set_('["other"]', '"something else"')
    ),
    "revert": lambda s, d: [s.set(d, '["other"]', '"something new"'), d],
    "revert of a rotate": lambda s, d: [rotate(s, d), d],
    "dumped again in order": by_hand(redumped),
    "metadata first": by_hand(metadata_first),
    "line ends of Windows": by_hand(lambda d: d.replace(b"\n", b"\r\n")),
    "encrypted comment removed": by_hand(without_comment),
    "clear comment added": by_hand(replaced("other:", "# by hand\nother:")),
    "clear comment beside": by_hand(replaced('empty: ""', 'empty: "" # still')),
    "null added": by_hand(replaced("none:", "nothing: null\nnone:")),
    "null removed": by_hand(without("none:")),
    "empty text added": by_hand(replaced("none:", 'blank: ""\nnone:')),
    "empty text removed": by_hand(without("empty:")),
    "clear key renamed": by_hand(replaced("shown_unencrypted", "visible_unencrypted")),
    "clear value in other quotes": by_hand(replaced("for all to see", '"for all to see"')),
    "clear number written as text": by_hand(replaced("second_unencrypted: 7", 'second_unencrypted: "7"')),
    "the time in another spelling": by_hand(lambda d: re.sub(rb'(lastmodified: "[^"]*)Z"', rb'\1+00:00"', d)),
    "version raised": by_hand(replaced(f"version: {NEWEST}", "version: 3.14.0")),
    "unknown metadata": by_hand(replaced("    version:", "    by_hand: true\n    version:")),
    "both sides by sops": both_by_sops,
    "their rotated side taken whole": rotated_there_taken_whole,
    "repaired by sops": repaired_by_sops,
    "repaired with the MAC ignored": repaired_with_ignored_mac,
    "repaired by taking it back": repaired_by_taking_it_back,
    "renamed by hand beside a real edit, then back": edited_and_renamed_then_renamed_back,
}


@pytest.mark.parametrize("name", LEGITIMATE)
def test_what_sops_and_formatters_do_is_no_hand_edit(sops: RealSops, first: bytes, name: str) -> None:
    states = [{NAME: data} for data in [first, *LEGITIMATE[name](sops, first)]]
    assert sops.opens(states[-1][NAME])
    assert stories.errors(stories.staged(states)) == []
    assert stories.errors(stories.staged(states, merging=True)) == []
    assert stories.errors(stories.committed(states)) == []


def taken_from_both(sops: RealSops, data: bytes) -> list[bytes]:
    """A conflict resolved in the editor: the keys of both, the metadata of one."""
    ours = sops.set(data, '["ours"]', '"from our side"')
    theirs = sops.set(data, '["theirs"]', '"from their side"')
    return [theirs, ours, ours.replace(line(ours, "ours:"), line(ours, "ours:") + line(theirs, "theirs:"))]


def metadata_of_the_other(sops: RealSops, data: bytes) -> list[bytes]:
    ours = sops.set(data, '["ours"]', '"from our side"')
    theirs = sops.set(data, '["theirs"]', '"from their side"')
    head, block = ours.partition(b"\nsops:\n")[0], theirs.partition(b"\nsops:\n")[2]
    return [theirs, ours, head + b"\nsops:\n" + block]


def rotated_on_one_side(sops: RealSops, data: bytes) -> list[bytes]:
    ours = rotate(sops, data)
    theirs = sops.set(data, '["other"]', '"from their side"')
    return [theirs, ours, given("other:", value_of(theirs, "other:"))(ours)]


def of_an_older_version(sops: RealSops, data: bytes) -> list[bytes]:
    newer = sops.set(data, '["other"]', '"something new"')
    return [newer, given("other:", value_of(data, "other:"))(newer)]


def older_value_in_a_fresh_rotate(sops: RealSops, data: bytes) -> list[bytes]:
    return [given("other:", value_of(data, "other:"))(rotate(sops, data))]


def older_value_after_a_rotate(sops: RealSops, data: bytes) -> list[bytes]:
    rotated = rotate(sops, data)
    return [rotated, given("other:", value_of(data, "other:"))(rotated)]


def renamed_in_a_fresh_edit(sops: RealSops, data: bytes) -> list[bytes]:
    return [replaced("other: ", "another: ")(sops.set(data, '["db"]["user"]', '"bob-the-admin"'))]


def mac_alone_of_an_older_version(sops: RealSops, data: bytes) -> list[bytes]:
    newer = sops.set(data, '["other"]', '"something new"')
    return [newer, given("mac:", value_of(data, "mac:"))(newer)]


def another_value_of_that_length(sops: RealSops, data: bytes) -> list[bytes]:
    foreign = value_of(sops.encrypt("other: SOMETHING ELSE\n"), "other:")
    return [given("other:", foreign)(data)]


def edited_and_rewrapped(sops: RealSops, data: bytes) -> list[bytes]:
    broken = without("other:")(data)
    return [broken, sops.rewrap(broken, *sops.recipients[:2])]


def edited_and_dumped_again(_: RealSops, data: bytes) -> list[bytes]:
    return [redumped(without("other:")(data))]


def exchanged(data: bytes) -> bytes:
    renamed = data.replace(b"user:", b"\1").replace(b"password:", b"user:").replace(b"\1", b"password:")
    return swapped("user:", "password:")(renamed)


def moved_out(data: bytes) -> bytes:
    return without("port:")(data).replace(b"\nother:", b"\n" + line(data, "port:").strip() + b"\nother:")


def copied(data: bytes) -> bytes:
    return data.replace(b"\nother:", b"\ncopy: " + value_of(data, "other:") + b"\nother:")


def items_exchanged(data: bytes) -> bytes:
    one, other = [item for item in data.splitlines(keepends=True) if item.startswith(b"    - ENC")]
    return data.replace(one + other, other + one)


HAND_EDITED: dict[str, tuple[str, Story]] = {
    "key renamed": (MOVED, by_hand(replaced("other: ", "another: "))),
    "parent key renamed": (MOVED, by_hand(replaced("db:", "database:"))),
    "list renamed": (MOVED, by_hand(replaced("hosts:", "machines:"))),
    "key renamed and another deleted": (MOVED, by_hand(replaced("other: ", "another: "), without("port:"))),
    "two values exchanged": (MOVED, by_hand(exchanged)),
    "moved out of its mapping": (MOVED, by_hand(moved_out)),
    "copied to another key": (MOVED, by_hand(copied)),
    "renamed beside a real edit": (MOVED, renamed_in_a_fresh_edit),
    "list item copied": (HAND, by_hand(lambda d: d.replace(line(d, "- "), line(d, "- ") * 2))),
    "value deleted": (HAND, by_hand(without("other:"))),
    "list item deleted": (HAND, by_hand(without("- "))),
    "clear value deleted": (HAND, by_hand(without("shown_unencrypted:"))),
    "clear value changed": (HAND, by_hand(replaced("for all to see", "for none to see"))),
    "clear value added": (HAND, by_hand(replaced("empty:", "more_unencrypted: more\nempty:"))),
    "clear number changed": (HAND, by_hand(replaced("second_unencrypted: 7", "second_unencrypted: 8"))),
    "values in another order": (HAND, by_hand(swapped("user:", "password:"))),
    "clear values in another order": (HAND, by_hand(swapped("shown_", "second_"))),
    "list items in another order": (HAND, by_hand(items_exchanged)),
    "value of an older version": (HAND, of_an_older_version),
    "value of another file": (HAND, another_value_of_that_length),
    "conflict: values of both": (HAND, taken_from_both),
    "conflict: metadata of the other": (HAND, metadata_of_the_other),
    "conflict: rotated on one side": (HAND, rotated_on_one_side),
    "older value after a rotate": (HAND, older_value_after_a_rotate),
    "older value in a fresh rotate": (HAND, older_value_in_a_fresh_rotate),
    "MAC of an older version": (HAND, mac_alone_of_an_older_version),
    "time changed": (HAND, by_hand(lambda d: re.sub(rb'lastmodified: "....', b'lastmodified: "2020', d))),
    "partial MAC claimed": (HAND, by_hand(replaced("    mac:", "    mac_only_encrypted: true\n    mac:"))),
    "deleted, then rewrapped": (HAND, edited_and_rewrapped),
    "deleted and dumped again": (HAND, edited_and_dumped_again),
}  # fmt: skip


@pytest.mark.parametrize("name", HAND_EDITED)
def test_a_hand_edit_is_found_once_and_before_the_commit(sops: RealSops, first: bytes, name: str) -> None:
    rule, story = HAND_EDITED[name]
    states = [{NAME: data} for data in [first, *story(sops, first)]]
    assert not sops.opens(states[-1][NAME])
    merging = name.startswith("conflict") or name.startswith("MAC of")
    whole = stories.committed(states)
    assert stories.errors(whole) == [rule], whole.findings
    if not name.startswith("deleted, then"):  # that was broken before, and the hook says only what is new
        assert stories.errors(stories.staged(states, merging=merging)) == [rule]
    for finding in whole.findings:
        if finding.rule == rule:
            assert finding.location.line is not None
            assert finding.location.column is not None


def test_a_file_that_was_broken_before_does_not_block_again(sops: RealSops, first: bytes) -> None:
    broken = without("other:")(first)
    states = [{NAME: first}, {NAME: broken}, {NAME: without_comment(broken)}]
    assert stories.errors(stories.staged(states)) == []
    assert stories.errors(stories.committed(states)) == [HAND]
    # Broken further is new.
    assert stories.errors(stories.staged([*states[:2], {NAME: without("port:")(broken)}])) == [HAND]


def test_a_message_names_the_old_and_the_new_key(sops: RealSops, first: bytes) -> None:
    verdict = stories.staged([{NAME: first}, {NAME: replaced("db:", "database:")(first)}])
    (found,) = [f for f in verdict.findings if f.rule == MOVED]
    assert "`database.user` was encrypted as `db.user`, like 2 more" in found.message
    assert found.location.key == "database.user"
    assert found.location.line == 3


def test_a_message_names_what_was_edited_and_the_good_version(sops: RealSops, first: bytes) -> None:
    broken = without("other:")(replaced("for all", "for most")(first))
    verdict = stories.committed([{NAME: first}, {NAME: broken}])
    (found,) = [f for f in verdict.findings if f.rule == HAND]
    assert "`shown_unencrypted` changed, `other` removed" in found.message
    assert "commit 0000000000" in found.message
    assert "git restore --source=000000000000 -- s.yaml`; make the change with `sops edit`" in found.hint
    (hooked,) = [f for f in stories.staged([{NAME: first}, {NAME: broken}]).findings if f.rule == HAND]
    assert "--source=HEAD -- s.yaml`;" in hooked.hint


def test_a_message_tells_a_merge_and_two_data_keys(sops: RealSops, first: bytes) -> None:
    def message(story: Story) -> str:
        states = [{NAME: data} for data in [first, *story(sops, first)]]
        (found,) = [f for f in stories.committed(states).findings if f.blocks]
        return found.message

    assert "a merge resolved by hand?" in message(taken_from_both)
    assert "a merge" not in message(another_value_of_that_length)
    rotated = message(older_value_after_a_rotate)
    assert re.search("`other` and `[a-z.0-9]+` have different data keys", rotated)


def test_only_values_of_the_same_length_leave_a_doubt(sops: RealSops, first: bytes) -> None:
    (found,) = [
        f
        for f in stories.committed(
            [{NAME: first}, *named(another_value_of_that_length(sops, first))]
        ).findings
        if f.rule == HAND
    ]
    assert found.confidence is Confidence.LIKELY
    (found,) = [
        f for f in stories.committed([{NAME: first}, {NAME: without("other:")(first)}]).findings if f.blocks
    ]
    assert found.confidence is Confidence.PROVED


def named(versions: list[bytes]) -> list[dict[str, bytes]]:
    return [{NAME: data} for data in versions]


def test_a_remedy_does_not_undo_what_happened_to_the_recipients(sops: RealSops, first: bytes) -> None:
    rewrapped = sops.rewrap(first, *sops.recipients)
    states = [{NAME: first}, {NAME: rewrapped}, {NAME: without("other:")(rewrapped)}]
    (whole,) = [f for f in stories.committed(states).findings if f.rule == HAND]
    assert "then `sops updatekeys s.yaml`" in whole.hint
    (hooked,) = [f for f in stories.staged(states).findings if f.rule == HAND]
    assert "--source=HEAD" in hooked.hint
    assert "updatekeys" not in hooked.hint


def test_a_value_that_another_rule_names_is_not_named_twice(sops: RealSops, first: bytes) -> None:
    clear = by_hand(lambda d: given("other:", b"typed in here")(d))(sops, first)[0]
    assert stories.errors(stories.staged([{NAME: first}, {NAME: clear}])) == ["unencrypted-value"]
    cut = by_hand(lambda d: given("other:", value_of(d, "other:")[:40])(d))(sops, first)[0]
    assert stories.errors(stories.staged([{NAME: first}, {NAME: cut}])) == ["broken-file"]


def test_a_renamed_file_is_held_to_what_it_was(sops: RealSops, first: bytes) -> None:
    assert stories.errors(stories.staged([{NAME: first}, {"t.yaml": first}])) == []
    edited = without("other:")(first)
    assert stories.errors(stories.staged([{NAME: first}, {"t.yaml": edited}])) == [HAND]


def test_a_copy_is_held_to_what_it_was_copied_from(sops: RealSops, first: bytes) -> None:
    both = {NAME: first, "t.yaml": first}
    assert stories.errors(stories.committed([{NAME: first}, both])) == []
    both["t.yaml"] = without("other:")(first)
    verdict = stories.committed([{NAME: first}, both])
    assert [(f.rule, f.location.path) for f in verdict.findings if f.blocks] == [(HAND, "t.yaml")]


def test_a_shallow_clone_says_what_it_does_not_know(sops: RealSops, first: bytes) -> None:
    two = {NAME: first, "t.yaml": first}
    verdict = stories.committed([two], cut=True)
    assert stories.errors(verdict) == []
    (unknown,) = [u for u in verdict.unknown if u.rule == HAND]
    assert "1 other file" in unknown.reason
    assert "--unshallow" in unknown.needed
    # What sops wrote since is known again, and what hands did since is seen.
    newer = {NAME: sops.set(first, '["other"]', '"something new"'), "t.yaml": first}
    assert [u.location.path for u in stories.committed([two, newer], cut=True).unknown] == ["t.yaml"]
    edited = {NAME: without("other:")(first), "t.yaml": first}
    assert stories.errors(stories.committed([two, edited], cut=True)) == [HAND]


def test_with_partial_macs_clear_values_are_free(sops: RealSops) -> None:
    data = sops.encrypt(TEXT, "--mac-only-encrypted")
    free = replaced("for all to see", "for none to see")(without("second_unencrypted:")(data))
    assert sops.opens(free)
    assert stories.errors(stories.staged([{NAME: data}, {NAME: free}])) == []
    assert stories.errors(stories.committed([{NAME: data}, {NAME: without("other:")(data)}])) == [HAND]


def test_a_key_that_sops_renames_within_a_second_keeps_the_mac(sops: RealSops) -> None:
    """What is hashed stays the same, and so does the time: only then is the MAC the very same text."""
    for _ in range(20):
        before = sops.encrypt(TEXT)
        after = sops.edit(before, 's/^other:/another:/\ns/^db:/database:/\ns/5432/"5432"/')
        if value_of(before, "mac:") == value_of(after, "mac:"):
            break
    assert stories.errors(stories.staged([{NAME: before}, {NAME: after}])) == []
    assert stories.errors(stories.committed([{NAME: before}, {NAME: after}])) == []


def test_a_template_with_an_invented_block_is_held_to_nothing(sops: RealSops, first: bytes) -> None:
    invented = re.sub(rb"mac: .*", b"mac: ENC[AES256_GCM,data:aGVsbG8=,iv:...,tag:...,type:str]", first)
    for template in (invented, re.sub(rb"    mac: .*\n", b"", first), b"sops:\n    mac: x\na: 1\n"):
        changed = template.replace(b"other: ", b"another: ").replace(b"a: 1", b"a: 2")
        verdict = stories.committed([{NAME: template}, {NAME: changed}])
        assert {HAND, MOVED} & set(stories.errors(verdict)) == set()


TWO = "a: the first one\nb: the second one\n---\nc: the third one\nd: the fourth one\n"
OTHERS: dict[str, tuple[str, str]] = {
    "s.json": ('{"a": "the first one", "b": {"c": "the second", "d": ["x one", "y two"]}, "n": 5}', '["a"]'),
    "s.env": ("A=the first one\n# about\nB=the second one\nC=the third\n", '["A"]'),
    "s.ini": ("[s]\na = the first one\nb = the second one\n[t]\nc = the third\n", '["s"]["a"]'),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_formats_know_the_difference_too(sops: RealSops, name: str) -> None:
    text, path = OTHERS[name]
    data = sops.encrypt(text, name=name)
    for good in (
        sops.set(data, path, '"another value"', name=name),
        sops(data, "-r", "-i", name=name),
        sops.rewrap(data, *sops.recipients, name=name),
    ):
        assert stories.errors(stories.staged([{name: data}, {name: good}])) == []
    if name == "s.json":
        renamed = data.replace(b'"b":', b'"bb":')
        deleted = data.replace(line(data, '"a"'), b"")
    elif name == "s.env":
        renamed, deleted = data.replace(b"\nB=", b"\nBB="), without("C=")(data)
    else:
        renamed, deleted = data.replace(b"[s]", b"[ss]"), without("b")(data)
    for rule, bad in ((MOVED, renamed), (HAND, deleted)):
        assert not sops.opens(bad, name)
        assert stories.errors(stories.staged([{name: data}, {name: bad}])) == [rule]


def test_documents_are_told_apart(sops: RealSops) -> None:
    data = sops.encrypt(TWO)
    assert stories.errors(stories.staged([{NAME: data}, {NAME: sops.edit(data, "s/third/last/")}])) == []
    assert stories.errors(stories.staged([{NAME: data}, {NAME: without("d:")(data)}])) == [HAND]
    assert stories.errors(stories.staged([{NAME: data}, {NAME: replaced("\nd:", "\ne:")(data)}])) == [MOVED]


def test_a_binary_file_is_held_to_its_mac(sops: RealSops) -> None:
    one, other = (sops.encrypt(text, name="key.bin") for text in ("the first content", "other content"))
    mixed = given('"data":', value_of(other, '"data":'))(one)
    assert not sops.opens(mixed, "key.bin")
    assert stories.errors(stories.staged([{"key.bin": one}, {"key.bin": mixed}])) == [HAND]
    rotated = sops(one, "-r", "-i", name="key.bin")
    assert stories.errors(stories.committed([{"key.bin": one}, {"key.bin": rotated}])) == []


@pytest.mark.slow
@pytest.mark.parametrize("version", ["3.9.4", "3.11.0", "3.12.2", "3.13.2"])
def test_other_versions_of_sops_do_not_edit_by_hand_either(peer: Peer, tmp_path: Path, version: str) -> None:
    sops = RealSops(peer("sops", version=version), tmp_path)
    data = sops.encrypt(TEXT)
    story = with_sops(
        set_('["db"]["password"]', '"battery staple"'), rotate, rewrap(0, 1), edit("s/something/anything/"),
        rotate, encrypted_again, group_added, set_('["other"]', '"and so on"'),
    )  # fmt: skip
    states = [{NAME: one} for one in [data, *story(sops, data)]]
    for end in range(2, len(states) + 1):
        assert stories.errors(stories.staged(states[:end])) == []
        assert stories.errors(stories.committed(states[:end])) == []
    broken = {NAME: without("other:")(states[-1][NAME])}
    assert stories.errors(stories.committed([*states, broken])) == [HAND]


def test_without_history_the_old_side_still_tells(sops: RealSops, first: bytes) -> None:
    """A story told without git: nothing but the state before is known."""
    judged = partial(stories.judged_without_history, {NAME: first})
    assert stories.errors(judged({NAME: sops.set(first, '["other"]', '"new thing"')})) == []
    assert stories.errors(judged({NAME: without("other:")(first)})) == [HAND]
    assert stories.errors(judged({NAME: replaced("other: ", "another: ")(first)})) == [MOVED]
