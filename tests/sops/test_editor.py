"""SOPS files are changed where they must be and nowhere else, or not at all."""

import json
import re
import traceback
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sopsguard.document import Comment, Item, Mapping, Node, Scalar, Sequence
from sopsguard.document.json_writer import write_json
from sopsguard.document.yaml_writer import write_yaml
from sopsguard.sops.editor import (
    CannotEdit,
    CannotEncrypt,
    Set,
    Unset,
    Why,
    edit,
    encrypt,
    mend,
    rescope,
    rotate,
    seal,
    update_keys,
)
from sopsguard.sops.masterkey import age_key, pgp_key
from sopsguard.sops.opening import Opened, open_file, plaintext
from sopsguard.sops.rules import Scope
from tests.sops.made import (
    IDENTITIES,
    NAMES,
    NOW,
    OTHER_RECIPIENT,
    OTHERS,
    RECIPIENT,
    THIRD_RECIPIENT,
    THIRDS,
    sealed,
    sops_file,
)

LATER = "2026-11-24T07:30:00Z"
US, OTHER, THIRD = map(age_key, (RECIPIENT, OTHER_RECIPIENT, THIRD_RECIPIENT))
CANARY = "correct-horse-battery-staple"


def opened(data: bytes, path: str = "a.yaml", identities: Any = IDENTITIES) -> Opened:
    found = open_file(sops_file(data, path), identities)
    assert isinstance(found, Opened), found
    return found


def clear(data: bytes, path: str = "a.yaml") -> str:
    return plaintext(opened(data, path)).decode("utf-8", "surrogateescape")


def refused(why: Why, deed: Any) -> CannotEdit:
    with pytest.raises(CannotEdit) as caught:
        deed()
    assert caught.value.why is why, caught.value
    return caught.value


def changed(before: bytes, after: bytes) -> list[str]:
    """The keys of the lines that are not in both."""
    old, new = before.split(b"\n"), after.split(b"\n")
    lines = [line for line in old if line not in new] + [line for line in new if line not in old]
    return sorted({line.decode().strip().split(":")[0].split("=")[0].strip('"') for line in lines})


# --- set and unset ------------------------------------------------------------------------------------


def test_a_new_value_changes_its_line_and_the_seal_only() -> None:
    data = sealed("a: x # beside\n# about\nb: [1, 2]\n")
    after = edit(data, "a.yaml", [Set(("a",), "v")], IDENTITIES, LATER)
    assert changed(data, after) == ["a", "lastmodified", "mac"]
    assert (
        clear(after).replace("# beside\na: v", "a: v # beside")
        == "a: v # beside\n# about\nb:\n    - 1\n    - 2\n"
    )
    assert sops_file(after).metadata.lastmodified == LATER
    assert sops_file(after).metadata.version == sops_file(data).metadata.version


@pytest.mark.parametrize("format", ["yaml", "json", "dotenv"])
def test_the_same_value_again_changes_nothing(format: str) -> None:
    text = {"yaml": "a: x\nb: 5\n", "json": '{"a": "x", "b": 5}', "dotenv": "a=x\nb=5\n"}[format]
    data, path = sealed(text, format), NAMES[format]
    number = "5" if format == "dotenv" else 5
    assert edit(data, path, [Set(("a",), "x"), Set(("b",), number)], IDENTITIES, LATER) == data


def test_a_container_set_again_keeps_the_ciphertext_of_what_stays() -> None:
    data = sealed("l:\n  - one\n  - two\n")
    after = edit(data, "a.yaml", [Set(("l",), ["zero", "one", "two"])], IDENTITIES, LATER)
    for leaf in sops_file(data).leaves:
        assert (leaf.text or "").encode() in after
    assert clear(after) == "l:\n    - zero\n    - one\n    - two\n"


def test_types_are_kept() -> None:
    values: dict[str, Any] = {"s": "5", "i": 5, "f": 1.0, "t": True, "n": None, "e": "", "m": {}, "l": []}
    data = edit(sealed("a: x\nk_unencrypted:\n    a: x\n"), "a.yaml", [
        Set(("v",), values), Set(("k_unencrypted", "v"), values)], IDENTITIES, LATER)  # fmt: skip
    roots = opened(data).roots[0]
    inner = roots.get("k_unencrypted")
    assert isinstance(inner, Mapping)
    for found in (roots.get("v"), inner.get("v")):
        assert isinstance(found, Mapping)
        for item in found.entries():
            if isinstance(item.value, Scalar):
                assert item.value.value == values[str(item.name)]
                assert type(item.value.value) is type(values[str(item.name)])


def test_what_the_scope_leaves_in_clear_is_written_in_clear() -> None:
    data = sealed("a: x\nb: w\n", scope=Scope(encrypted_regex="^secret"))
    after = edit(data, "a.yaml", [Set(("b",), "li\nne"), Set(("c", "secret1"), "hidden")], IDENTITIES, LATER)
    assert b'b: "li\\nne"\n' in after
    assert b"hidden" not in after
    assert b"secret1: ENC[" in after


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        (("a",), "b:\n    c: w\n    d: z\nl:\n    - 1\n    - k: 2\n      m: 3\n"),
        (("b",), "a: x\nl:\n    - 1\n    - k: 2\n      m: 3\n"),
        (("b", "d"), "a: x\nb:\n    c: w\nl:\n    - 1\n    - k: 2\n      m: 3\n"),
        (("l", 0), "a: x\nb:\n    c: w\n    d: z\nl:\n    - k: 2\n      m: 3\n"),
        (("l", 1), "a: x\nb:\n    c: w\n    d: z\nl:\n    - 1\n"),
        (("l", 1, "k"), "a: x\nb:\n    c: w\n    d: z\nl:\n    - 1\n    - m: 3\n"),
        (("l", 1, "m"), "a: x\nb:\n    c: w\n    d: z\nl:\n    - 1\n    - k: 2\n"),
    ],
)
def test_values_and_containers_are_taken_out(path: tuple[str | int, ...], wanted: str) -> None:
    data = sealed("a: x\nb:\n    c: w\n    d: z\nl:\n    - 1\n    - k: 2\n      m: 3\n")
    assert clear(edit(data, "a.yaml", [Unset(path)], IDENTITIES, LATER)) == wanted


def test_taking_out_everything_leaves_empty_containers() -> None:
    data = sealed("b:\n    c: w\nl:\n    - - 1\n")
    after = edit(data, "a.yaml", [Unset(("b", "c")), Unset(("l", 0, 0))], IDENTITIES, LATER)
    assert clear(after) == "b: {}\nl:\n    - []\n"
    again = edit(after, "a.yaml", [Set(("b", "o"), 1), Set(("l", 0, 0), 2)], IDENTITIES, LATER)
    assert clear(again) == "b:\n    o: 1\nl:\n    - - 2\n"
    assert clear(edit(again, "a.yaml", [Unset(("b",)), Unset(("l",))], IDENTITIES, LATER)) == "{}\n"


def test_a_hand_formatted_file_keeps_its_form() -> None:
    data = sealed("a: x\nb:\n    c: w\nl:\n    - 1\n")
    text = data.decode().replace("\n    ", "\n  ").replace("a: ENC", "\n# note\n'a':   \"ENC", 1)
    text = re.sub(r"(?m)^(\'a\'.*)$", r'\1"  # beside', text).replace("\n", "\r\n")
    formatted = mend(text.encode(), "a.yaml", IDENTITIES, NOW)
    after = edit(
        formatted, "a.yaml", [Set(("a",), "z"), Set(("l", 1), 2), Set(("n", "m"), 3)], IDENTITIES, LATER
    )
    assert re.search(rb"\r\n#ENC\[[^\]]*\]\r\n'a':   \"ENC\[[^\]]*\]\"  #ENC\[[^\]]*\]\r\n", after)
    assert b"\n" not in after.replace(b"\r\n", b"")
    assert re.search(rb"n.?:\r\n  m: ENC", after)
    assert clear(after).endswith('b:\n    c: w\nl:\n    - 1\n    - 2\n"n":\n    m: 3\n')


def test_a_file_without_a_final_newline_keeps_it_so() -> None:
    data = sealed('{"a": "x"}', "json").rstrip(b"\n")
    after = edit(data, "a.json", [Set(("b",), "v")], IDENTITIES, LATER)
    assert not after.endswith(b"\n")
    assert json.loads(clear(after, "a.json")) == {"a": "x", "b": "v"}


def test_json_under_the_name_of_yaml_stays_json() -> None:
    data = sealed('{"a": "x", "m": {"k": "v"}}', "json")
    after = edit(data, "a.yaml", [Set(("m", "n"), ["w"]), Unset(("a",))], IDENTITIES, LATER)
    assert clear(after, "a.json") == '{\n\t"m": {\n\t\t"k": "v",\n\t\t"n": [\n\t\t\t"w"\n\t\t]\n\t}\n}\n'
    turned = rotate(after, "a.yaml", IDENTITIES, LATER, [[US, THIRD]])
    assert plaintext(opened(turned, "a.json", THIRDS)) == clear(after, "a.json").encode()


def test_comments_in_lists_stay_where_they_are() -> None:
    data = sealed("l:\n  # one\n  - q: w # two\n  - r: v\n", scope=Scope(encrypted_regex="^q$"))
    after = edit(data, "a.yaml", [Unset(("l", 0, "q")), Set(("l", 2), "n")], IDENTITIES, LATER)
    assert after.startswith(b'l:\n    # one\n    - {}\n    - r: v\n    - "n"\nsops:\n')


def test_several_documents_are_sealed_alike() -> None:
    data = sealed("a: x\n---\nb: w\n")
    after = edit(data, "a.yaml", [Set(("b",), "z", 1), Set(("c",), "o", 1)], IDENTITIES, LATER)
    assert clear(after) == "a: x\n---\nb: z\nc: o\n"
    blocks = [part.partition("\nsops:")[2] for part in after.decode().split("\n---\n")]
    assert blocks[0] + "\n" == blocks[1] != "\n"


def test_one_identity_is_enough_whoever_else_the_file_is_for() -> None:
    data = sealed("a: x\n").replace(
        b"    lastmodified", b'    pgp:\n        - created_at: "2026-01-01T00:00:00Z"\n          enc: w\n'
        b"          fp: " + b"A" * 40 + b"\n    lastmodified"
    )  # fmt: skip
    after = edit(data, "a.yaml", [Set(("a",), "v")], IDENTITIES, LATER)
    assert changed(data, after) == ["a", "lastmodified", "mac"]


def test_a_comment_that_decides_goes_with_its_key() -> None:
    data = sealed("# enc\na: x\nb: w\n", scope=Scope(encrypted_comment_regex="enc"))
    after = edit(data, "a.yaml", [Unset(("a",))], IDENTITIES, LATER)
    assert clear(after) == "b: w\n"
    assert b"b: w\n" in after


# --- refusals -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (Set((), "x"), Why.PLACE),
        (Set((0,), "x"), Why.PLACE),
        (Set(("sops", "age"), "x"), Why.PLACE),
        (Set(("a", "b"), "x"), Why.PLACE),
        (Set(("l", "b"), "x"), Why.PLACE),
        (Set(("l", 5), "x"), Why.PLACE),
        (Set(("l", -1), "x"), Why.PLACE),
        (Set(("m", 0), "x"), Why.PLACE),
        (Set(("new", 1), "x"), Why.PLACE),
        (Set(("a",), 2**63), Why.VALUE),
        (Set(("a",), object()), Why.VALUE),  # type: ignore[arg-type]  # it is what is tested
        (Set(("a",), {1: 2}), Why.VALUE),  # type: ignore[dict-item]
        (Set(("a",), "x", 1), Why.PLACE),
        (Unset(("nothing",)), Why.PLACE),
        (Unset(("l", 1)), Why.PLACE),
        (Set(("x_unencrypted",), -0.0), Why.FORMAT),
    ],
)
def test_what_cannot_be_is_refused(change: Set | Unset, why: Why) -> None:
    data = sealed("a: x\nl: [1]\nm: {k: v}\nx_unencrypted: 1\n")
    if isinstance(change, Set) and change.value == 0.0 and isinstance(change.value, float):
        # sops reads minus zero back as zero; written with a point it stays what it is
        after = edit(data, "a.yaml", [change], IDENTITIES, LATER)
        assert b"x_unencrypted: -0.0\n" in after
        return
    refused(why, lambda: edit(data, "a.yaml", [change], IDENTITIES, LATER))


def test_a_file_that_is_not_as_judged_is_refused() -> None:
    data = sealed("a: x\n")
    change = [Set(("a",), "y")]
    digest = sha256(data).hexdigest()
    assert edit(data, "a.yaml", change, IDENTITIES, LATER, digest) != data
    refused(Why.CHANGED, lambda: edit(data + b"\n", "a.yaml", change, IDENTITIES, LATER, digest))
    refused(Why.CHANGED, lambda: update_keys(data + b"\n", "a.yaml", [[US]], IDENTITIES, expected=digest))
    refused(Why.CHANGED, lambda: rotate(data + b"\n", "a.yaml", IDENTITIES, LATER, expected=digest))


def deeds(data: bytes, path: str, identities: Any) -> list[Any]:
    """Every kind of change."""
    key = "data" if path == "a" else "a"
    return [
        lambda: edit(data, path, [Set((key,), "v")], identities, LATER),
        lambda: update_keys(data, path, [[US, THIRD]], identities),
        lambda: rotate(data, path, identities, LATER),
    ]


@pytest.mark.parametrize("format", ["yaml", "json", "dotenv", "binary"])
def test_a_broken_file_and_a_wrong_identity_are_refused(format: str) -> None:
    text = {"yaml": "a: x\nb: y\n", "json": '{"a": "x", "b": "y"}', "dotenv": "a=x\nb=y\n"}.get(format, "x")
    data, path = sealed(text, format), NAMES[format]
    for deed in deeds(data, path, OTHERS):
        assert refused(Why.NO_KEY, deed).missing == ("an age identity that opens it",)
    moved = data.replace(NOW.encode(), b"2026-11-23T20:00:01Z")
    for deed in deeds(moved, path, IDENTITIES):
        refused(Why.DAMAGED, deed)
    for deed in deeds(text.encode(), path, IDENTITIES):
        refused(Why.NOT_SOPS, deed)


def test_who_cannot_be_served_is_named_with_what_sops_would_do() -> None:
    data = sealed("a: x\n")
    pgp = pgp_key("A" * 40)
    failure = refused(Why.RECIPIENT, lambda: update_keys(data, "a.yaml", [[US, pgp]], IDENTITIES))
    assert failure.missing == (f"gpg (OpenPGP recipient {'A' * 40})",)
    assert [command.argv for command in failure.commands] == [("sops", "updatekeys", "--yes", "a.yaml")]
    plugin = age_key("age1yubikey1qwerty")
    failure = refused(Why.RECIPIENT, lambda: rotate(data, "a.yaml", IDENTITIES, LATER, [[US, plugin]]))
    assert [command.argv[1] for command in failure.commands] == ["updatekeys", "rotate"]
    failure = refused(Why.RECIPIENT, lambda: seal(b"a: x\n", "-a.yaml", [[pgp]], NOW))
    assert failure.commands[0].argv == ("sops", "encrypt", "--in-place", "./-a.yaml")
    refused(Why.FORMAT, lambda: seal(b"a=x\n", "a.ini", [[US]], NOW))
    refused(Why.RECIPIENT, lambda: update_keys(data, "a.yaml", [], IDENTITIES))
    refused(Why.RECIPIENT, lambda: update_keys(data, "a.yaml", [[]], IDENTITIES))


def test_a_value_shows_nowhere() -> None:
    data = sealed("a: x\nl: {k: v}\n")
    change = Set(("a", "b"), {"deep": [CANARY]})
    flow = data.replace(b"l:\n    k: ", b"l: {k: '").replace(b"type:str]\nsops", b"type:str]'}\nsops")
    failures = [
        refused(Why.PLACE, lambda: edit(data, "a.yaml", [change], IDENTITIES, LATER)),
        refused(Why.FORMAT, lambda: edit(flow, "a.yaml", [Set(("l", "n"), CANARY)], IDENTITIES, LATER)),
        refused(Why.NO_KEY, lambda: edit(data, "a.yaml", [Set(("a",), CANARY)], OTHERS, LATER)),
    ]
    for failure in failures:
        (command,) = failure.commands
        assert command.argv[:3] == ("sops", "set", "--value-stdin")
        assert CANARY.encode() in (command.stdin or b"")
        shown = [repr(change), repr(failure), str(failure), repr(command), " ".join(command.argv)]
        shown += traceback.format_exception(failure)
        assert not [text for text in shown if CANARY in text]


@pytest.mark.parametrize("format", ["yaml", "json", "dotenv"])
def test_no_mutilated_file_is_changed(format: str) -> None:
    text = {"yaml": "a: x\nb: y\n", "json": '{"a": "x", "b": "y"}', "dotenv": "a=x\nb=y\n"}[format]
    data, path = sealed(text, format), NAMES[format]
    lines = data.split(b"\n")
    whole = clear(data, path)
    for at in range(len(data) * 3 // 4, len(data), 97):
        damaged = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        for deed in deeds(damaged, path, IDENTITIES):
            try:
                after = deed()
            except CannotEdit:
                continue
            assert clear(after, path) in (whole, whole.replace("x", "v", 1))
    for gone in range(2):
        cut = b"\n".join(lines[: gone + (format == "json")] + lines[gone + 1 + (format == "json") :])
        for deed in deeds(cut, path, IDENTITIES):
            with pytest.raises(CannotEdit):
                deed()


# --- who can open it, and the data key ----------------------------------------------------------------

TEXTS = {
    "yaml": "a: x\n---\nl: [1, {k: v}] # c\n",
    "json": '{"a": "x", "l": [1, {"k": "v"}]}',
    "dotenv": "# c\na=x\nb=\n",
    "binary": "bytes\n",
}


@pytest.mark.parametrize("format", list(TEXTS))
def test_readers_come_and_go_and_the_rest_stays(format: str) -> None:
    data, path = encrypt(TEXTS[format].encode(), format, [[RECIPIENT, OTHER_RECIPIENT]], NOW), NAMES[format]
    whole = plaintext(opened(data, path))
    assert update_keys(data, path, [[OTHER, US]], IDENTITIES) == data
    for target in ([US, OTHER, THIRD], [THIRD, US], [US], [THIRD]):
        after = update_keys(data, path, [target], IDENTITIES)
        file = sops_file(after, path)
        assert {r.key.text for r in file.metadata.recipients} == {key.text for key in target}
        for key, identities in ((US, IDENTITIES), (OTHER, OTHERS), (THIRD, THIRDS)):
            assert isinstance(open_file(file, identities), Opened) is (key in target)
        assert plaintext(opened(after, path, IDENTITIES + THIRDS)) == whole
        old = sops_file(data, path)
        assert file.metadata.mac == old.metadata.mac
        assert [leaf.text for leaf in file.leaves] == [leaf.text for leaf in old.leaves]
        stay = {r.enc for r in old.metadata.recipients if r.key in target}
        assert stay <= {r.enc for r in file.metadata.recipients}
        assert update_keys(after, path, [target], IDENTITIES + THIRDS) == after
        anew = sops_file(update_keys(after, path, [target], IDENTITIES + THIRDS, rewrap=True), path)
        assert not {r.enc for r in file.metadata.recipients} & {r.enc for r in anew.metadata.recipients}


@pytest.mark.parametrize("format", list(TEXTS))
def test_a_new_data_key_keeps_the_nonces_and_nothing_else(format: str) -> None:
    data, path = sealed(TEXTS[format], format), NAMES[format]
    after = rotate(data, path, IDENTITIES, LATER)
    old, new = sops_file(data, path), sops_file(after, path)
    assert plaintext(opened(after, path)) == plaintext(opened(data, path))
    assert opened(after, path).data_key != opened(data, path).data_key
    for before, now in zip(old.leaves, new.leaves, strict=True):
        if before.envelope and now.envelope:
            assert before.envelope.iv == now.envelope.iv
            assert before.envelope.data != now.envelope.data
    assert new.metadata.lastmodified == LATER
    assert not {r.enc for r in old.metadata.recipients} & {r.enc for r in new.metadata.recipients}
    assert len(data.split(b"\n")) == len(after.split(b"\n")) or format == "yaml"


@pytest.mark.parametrize("format", list(TEXTS))
def test_key_groups_come_and_go(format: str) -> None:
    data, path = sealed(TEXTS[format], format), NAMES[format]
    whole = plaintext(opened(data, path))
    grouped = update_keys(data, path, [[US], [OTHER], [THIRD]], IDENTITIES, threshold=2)
    meta = sops_file(grouped, path).metadata
    assert (len(meta.groups), meta.shamir_threshold) == (3, 2)
    assert not isinstance(open_file(sops_file(grouped, path), IDENTITIES), Opened)
    assert plaintext(opened(grouped, path, OTHERS + THIRDS)) == whole
    assert update_keys(grouped, path, [[US], [OTHER], [THIRD]], IDENTITIES + OTHERS) == grouped
    turned = rotate(grouped, path, IDENTITIES + OTHERS, LATER)
    assert plaintext(opened(turned, path, IDENTITIES + THIRDS)) == whole
    alone = update_keys(turned, path, [[OTHER]], IDENTITIES + THIRDS)
    assert plaintext(opened(alone, path, OTHERS)) == whole
    assert sops_file(alone, path).metadata.recipients[0].path == "sops.age.0"


def test_a_damaged_or_double_wrapped_key_is_made_again() -> None:
    data = encrypt(b"a: x\n", "yaml", [[RECIPIENT, OTHER_RECIPIENT]], NOW)
    recipients = sops_file(data).metadata.recipients
    twice = data.replace(OTHER_RECIPIENT.encode(), RECIPIENT.encode())
    after = update_keys(twice, "a.yaml", [[US, OTHER]], IDENTITIES)
    assert [r.key.text for r in sops_file(after).metadata.recipients] == [RECIPIENT, OTHER_RECIPIENT]
    assert isinstance(open_file(sops_file(after), OTHERS), Opened)
    lines = recipients[1].enc.split("\n")[1]
    broken = data.replace(lines.encode(), b"AAAA" + lines.encode()[4:])
    after = update_keys(broken, "a.yaml", [[US, OTHER]], IDENTITIES)
    assert isinstance(open_file(sops_file(after), OTHERS), Opened)


def test_a_pgp_recipient_may_stay_and_may_go() -> None:
    pgp = (
        b'    pgp:\n        - created_at: "2026-01-01T00:00:00Z"\n          enc: y\n          fp: '
        + b"A" * 40 + b"\n"
    )  # fmt: skip
    data = sealed("a: x\n").replace(b"    lastmodified", pgp + b"    lastmodified")
    key = pgp_key("A" * 40)
    after = update_keys(data, "a.yaml", [[US, key, THIRD]], IDENTITIES)
    assert pgp in after
    assert isinstance(open_file(sops_file(after), THIRDS), Opened)
    assert pgp not in update_keys(data, "a.yaml", [[US]], IDENTITIES)
    assert update_keys(data, "a.yaml", [[US]], IDENTITIES) == sealed_like(data, pgp)
    refused(Why.RECIPIENT, lambda: rotate(data, "a.yaml", IDENTITIES, LATER))


def sealed_like(data: bytes, without: bytes) -> bytes:
    return data.replace(without, b"")


# --- whole again --------------------------------------------------------------------------------------


def test_values_that_a_hand_put_there_are_encrypted_and_sealed() -> None:
    data = sealed("a: x\nb: w\n")
    by_hand = data.replace(b"\nb: ", b"\nc: 5 # new\nb: ", 1)
    after = mend(by_hand, "a.yaml", IDENTITIES, LATER)
    assert clear(after).replace("# new\nc: 5", "c: 5 # new") == "a: x\nc: 5 # new\nb: w\n"
    assert re.search(rb"c: ENC\[.*type:int\] #ENC\[", after)
    foreign = sealed("b: other\n").split(b"\n")[0]
    merged = data.replace(b"\nb: ", b"\nb: " + foreign[3:] + b"\nc: ", 1)
    assert "`b`" in str(refused(Why.DAMAGED, lambda: mend(merged, "a.yaml", IDENTITIES, LATER)))
    refused(Why.NO_KEY, lambda: mend(by_hand, "a.yaml", OTHERS, LATER))


@pytest.mark.parametrize("format", ["yaml", "json", "dotenv"])
def test_another_scope_changes_what_it_must(format: str) -> None:
    text = {"yaml": "a: x\nb: 5\nc: z\n", "json": '{"a": "x", "b": 5, "c": "z"}', "dotenv": "a=x\nb=5\nc=z\n"}
    data, path = sealed(text[format], format, Scope(encrypted_regex="^[ac]$")), NAMES[format]
    wanted = Scope(unencrypted_regex="^c$", mac_only_encrypted=True)
    after = rescope(data, path, wanted, IDENTITIES, LATER)
    assert plaintext(opened(after, path)) == plaintext(opened(data, path))
    file, old = sops_file(after, path), sops_file(data, path)
    assert [leaf.envelope is not None for leaf in file.leaves] == [True, True, False]
    assert file.leaves[0].text == old.leaves[0].text
    assert (file.metadata.explicit_scope, file.metadata.version) == (wanted, old.metadata.version)
    assert rescope(after, path, wanted, IDENTITIES, LATER) == after
    assert rescope(after, path, Scope(encrypted_regex="^[ac]$"), IDENTITIES, LATER) != data


# --- properties ---------------------------------------------------------------------------------------

_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8).filter(
    lambda t: t != "sops"
)
_scalars = st.one_of(
    _text,
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.none(),
)
_values: Any = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names, inner, max_size=3),
    max_leaves=6,
)
_trees = st.dictionaries(_names, _values, min_size=1, max_size=4)


def tree(value: Any, comments: Any = None) -> Node:
    if isinstance(value, dict):
        mapping = Mapping()
        for name, below in value.items():
            if comments and (text := comments()):
                mapping.items.append(Comment(text, 0, 0, 1, 1))
            mapping.add(Item(Scalar(name, 0, 0, 1, 1), tree(below, comments)))
        return mapping
    if isinstance(value, list):
        sequence = Sequence()
        for below in value:
            if comments and (text := comments()):
                sequence.items.append(Comment(text, 0, 0, 1, 1))
            sequence.add(tree(below, comments))
        return sequence
    return Scalar(value, 0, 0, 1, 1)


def plain(node: Node) -> Any:
    if isinstance(node, Mapping):
        return {item.name: plain(item.value) for item in node.entries()}
    if isinstance(node, Sequence):
        return [plain(below) for below in node.entries()]
    return node.value


def places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else []
    return [here for key, below in pairs for here in [(*path, key), *places(below, (*path, key))]]


@settings(max_examples=150)
@given(_trees, _values, st.data())
def test_any_value_goes_anywhere(given_tree: dict[str, Any], value: Any, data: st.DataObject) -> None:
    format = data.draw(st.sampled_from(["yaml", "json"]))
    path = NAMES[format]
    notes = st.sampled_from(["", "", " about", " é"])
    written = (
        write_yaml([tree(given_tree, lambda: data.draw(notes))])  # type: ignore[list-item]
        if format == "yaml"
        else write_json(tree(given_tree))  # type: ignore[arg-type]
    )
    suffix = data.draw(st.sampled_from(["", "a"]))
    try:
        before = encrypt(written, format, [[RECIPIENT]], NOW, Scope(encrypted_suffix=suffix))
    except CannotEncrypt:
        return
    model: Any = plain(opened(before, path).roots[0])
    place = data.draw(st.sampled_from([*places(model), ("new",), ("new", "deep"), ("new", 0)]))
    target: Any = model
    has_list_comments = any(leaf.in_list and leaf.is_comment for leaf in sops_file(before, path).leaves)
    if has_list_comments and any(isinstance(part, int) for part in place):
        return
    after = edit(before, path, [Set(place, value)], IDENTITIES, LATER)
    for part in place[:-1]:
        if isinstance(target, dict) and part not in target:
            below: Any = [] if isinstance(place[-1], int) else {}
            target[part] = below
        target = target[part]
    if isinstance(target, list) and place[-1] == len(target):
        target.append(value)
    else:
        target[place[-1]] = value
    assert repr(plain(opened(after, path).roots[0])) == repr(model)
    kept = [
        leaf.text
        for leaf in sops_file(before, path).leaves
        if leaf.envelope and leaf.path[: len(place)] != place
    ]
    assert all(text.encode() in after for text in kept if text)
    turned = rotate(after, path, IDENTITIES, LATER, [[THIRD]])
    assert repr(plain(opened(turned, path, THIRDS).roots[0])) == repr(model)


@settings(max_examples=60)
@given(_trees, st.data())
def test_anything_is_taken_out(given_tree: dict[str, Any], data: st.DataObject) -> None:
    format = data.draw(st.sampled_from(["yaml", "json"]))
    path = NAMES[format]
    node: Any = tree(given_tree)
    try:
        before = encrypt(
            write_yaml([node]) if format == "yaml" else write_json(node), format, [[RECIPIENT]], NOW
        )
    except CannotEncrypt:
        return
    model = plain(opened(before, path).roots[0])
    place = data.draw(st.sampled_from(places(model)))
    after = edit(before, path, [Unset(place)], IDENTITIES, LATER)
    target = model
    for part in place[:-1]:
        target = target[part]
    del target[place[-1]]
    assert repr(plain(opened(after, path).roots[0])) == repr(model)
