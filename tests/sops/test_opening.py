"""Files open exactly if sops opens them, and print exactly what sops prints."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sopsguard.document import Mapping, read
from sopsguard.sops.editor import CannotEncrypt, encrypt
from sopsguard.sops.identity import Identities, Source, parse
from sopsguard.sops.opening import Opened, Reason, Refused, open_file, plaintext
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
from tests.test_document import node, safe, safe_values

TEXT = (
    '# note\na: x\nb:\n    c: 1\n    l:\n        - s\n        - k: t\n# foot\n"n": null\ne: ""\n'
    "z_unencrypted: 5\n"
)


def opened(data: bytes, path: str = "a.yaml", identities: Identities = IDENTITIES) -> Opened:
    result = open_file(sops_file(data, path), identities)
    assert isinstance(result, Opened), result
    return result


def refused(data: bytes, path: str = "a.yaml", identities: Identities = IDENTITIES) -> Refused:
    result = open_file(sops_file(data, path), identities)
    assert isinstance(result, Refused)
    return result


@pytest.mark.shared
def test_files_of_three_versions_open_to_what_sops_prints(shared: Path) -> None:
    keys = parse((shared / "sops-made" / "keys.txt").read_bytes(), Source("file", "keys.txt"))
    files = sorted(shared.glob("sops-made/sops-*/*.*"))
    assert len(files) == 39
    for path in files:
        printed = (path.parent / "decrypted" / path.name).read_bytes()
        if path.name == "doc.json" and path.parent.name == "sops-3.9.4":
            printed += b"\n"  # sops before 3.10 ends JSON without a newline
        assert plaintext(opened(path.read_bytes(), path.name, keys)) == printed, path


@pytest.mark.parametrize(
    ("format", "text"),
    [
        ("yaml", TEXT),
        ("yaml", "a: x\n---\nb: z\n"),
        (
            "json",
            '{\n\t"a": "é<\\u0026",\n\t"b": [\n\t\t1,\n\t\t2.5,\n\t\tnull,\n\t\t""\n\t]\n}\n'.replace(
                "<", "\\u003c"
            ),
        ),
        ("dotenv", "# c\nA=b\nE=\nM=x\\ny\n"),
        ("binary", "any\n thing"),
        ("binary", ""),
    ],
)
def test_what_was_encrypted_comes_back_byte_for_byte(format: str, text: str) -> None:
    data = sealed(text, format)
    assert plaintext(opened(data, NAMES[format])) == text.encode()


@given(st.binary(max_size=64))
def test_any_bytes_survive_in_a_binary_file(content: bytes) -> None:
    data = encrypt(content, "binary", [[RECIPIENT]], NOW)
    assert plaintext(opened(data, "a")) == content


@settings(max_examples=30)
@given(
    st.dictionaries(safe.filter(lambda name: name != "sops"), safe_values, min_size=1, max_size=4),
    st.booleans(),
)
def test_any_tree_survives_encryption(content: dict[str, object], only: bool) -> None:
    from sopsguard.document.json_writer import write_json

    root = node(content)
    assert isinstance(root, Mapping)
    try:
        source = write_json(read(write_json(root), "json").roots[0])  # -0 is read as 0
    except ValueError:  # infinities
        return
    try:
        data = encrypt(
            source, "json", [[RECIPIENT]], NOW, Scope(encrypted_regex="[a-m]", mac_only_encrypted=only)
        )
    except CannotEncrypt as failure:
        assert "lost" in str(failure)  # noqa: PT017 - clear minus zero
        return
    assert plaintext(opened(data, "a.json")) == source


@pytest.mark.parametrize(
    "scope",
    [
        Scope(),
        Scope(encrypted_suffix="_e", mac_only_encrypted=True),
        Scope(encrypted_regex="^(a|l)$"),
        Scope(unencrypted_regex="^b$"),
        Scope(unencrypted_comment_regex="note"),
        Scope(encrypted_comment_regex="note"),
    ],
)
def test_every_selection_opens(scope: Scope) -> None:
    assert plaintext(opened(sealed(TEXT, scope=scope))) == TEXT.encode()


def test_the_plain_leaves_know_their_place() -> None:
    leaves = {leaf.path: leaf for leaf in opened(sealed(TEXT)).leaves}
    assert leaves[("b", "l", 1, "k")].value == "t"
    assert leaves[("b", "c")].value == 1
    assert (leaves[("z_unencrypted",)].encrypted, leaves[("a",)].encrypted) == (False, True)
    assert leaves[("a",)].iv is not None
    assert leaves[("n",)].value is None


# who can open it


def test_nobody_else_opens_it() -> None:
    data = sealed(TEXT)
    assert refused(data, identities=OTHERS).reason is Reason.NO_KEY
    assert refused(data, identities=Identities()).reason is Reason.NO_KEY


def test_enough_groups_open_it_together() -> None:
    groups = [[RECIPIENT], [OTHER_RECIPIENT], [THIRD_RECIPIENT]]
    data = encrypt(TEXT.encode(), "yaml", groups, NOW, threshold=2)
    assert refused(data, identities=IDENTITIES).reason is Reason.NO_KEY
    for pair in (IDENTITIES + OTHERS, OTHERS + THIRDS, IDENTITIES + OTHERS + THIRDS):
        assert plaintext(opened(data, identities=pair)) == TEXT.encode()
    assert len(opened(data, identities=IDENTITIES + OTHERS).used) == 2


# damage


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('c: ENC', 'd: ENC', Reason.VALUE),
        ("type:int", "type:bool", Reason.MAC),
        ("type:int", "type:str", None),
        ("z_unencrypted: 5", "z_unencrypted: 6", Reason.MAC),
        ("z_unencrypted: 5", "y_unencrypted: 5", None),
        ("z_unencrypted: 5", "z_unencrypted: 0x5", None),
        ('e: ""', 'e: ""\nf: ""', None),
        ('e: ""', 'e: ""\nf: null', None),
        ('e: ""', "e: x", Reason.VALUE),
        ('e: ""', "e: 1", Reason.VALUE),
        (NOW, "2026-11-23T20:00:01Z", Reason.MAC),
        (NOW, "2026-11-23T20:00:00.5+00:00", None),
        (NOW, "2026-11-23", Reason.METADATA),
        (f'"{NOW}"', NOW, Reason.METADATA),
        ("version: 3.13.3", "version: 3", Reason.METADATA),
        ("version: 3.13.3", "version: v3.13.3", None),
        ("unencrypted_suffix", "encrypted_suffix", Reason.VALUE),
        ("z_unencrypted: 5", "z_unencrypted: 5\na: 1", Reason.METADATA),
    ],
)  # fmt: skip
def test_damage_is_seen_where_sops_sees_it(old: str, new: str, reason: Reason | None) -> None:
    data = sealed(TEXT)
    assert old.encode() in data
    data = data.replace(old.encode(), new.encode())
    result = open_file(sops_file(data), IDENTITIES)
    assert (result.reason if isinstance(result, Refused) else None) == reason, result


def test_a_removed_and_a_moved_value_break_the_mac() -> None:
    rows = sealed("l: [one, two]\nk: v\n").split(b"\n")
    assert refused(b"\n".join([*rows[:1], *rows[2:]])).reason is Reason.MAC
    assert refused(b"\n".join([rows[0], rows[2], rows[1], *rows[3:]])).reason is Reason.MAC
    assert refused(b"\n".join([*rows[:3], *rows[4:]])).reason is Reason.MAC


def test_a_file_without_mac_does_not_open() -> None:
    data = re.sub(rb"    mac: .*\n", b"", sealed(TEXT))
    assert refused(data).reason is Reason.MAC


def test_versions_differ_as_the_versions_of_sops_do() -> None:
    file = sops_file(sealed("l:\n  # comment\n  - x\n"))
    assert isinstance(open_file(file, IDENTITIES), Opened)
    assert isinstance(open_file(file, IDENTITIES, (3, 13, 2)), Refused)
    unquoted = sops_file(sealed("a: x\n").replace(f'"{NOW}"'.encode(), NOW.encode()))
    assert isinstance(open_file(unquoted, IDENTITIES), Refused)
    assert isinstance(open_file(unquoted, IDENTITIES, (3, 12, 2)), Opened)


@pytest.mark.parametrize(
    ("text", "format"),
    [
        ("a: 1\na: 2\n", "yaml"), ("1: x\n", "yaml"), ("a: 18446744073709551615\n", "yaml"),
        ("- x\n", "yaml"),
        ("sops: x\n", "yaml"), ("", "yaml"), ("a: !!int x\n", "yaml"), ("? {a: b}\n: c\n", "yaml"),
        ("a_unencrypted: -0.0\n", "yaml"), ('a_unencrypted:\n  - k: " x\\ny"\n', "yaml"), ("[1]", "json"),
        ('{"a": 1} x', "json"), ("sops_a=1\n", "dotenv"), ("nothing\n", "dotenv"), ("[s]\na=b\n", "ini"),
    ],
)  # fmt: skip
def test_what_sops_refuses_or_would_lose_is_not_encrypted(text: str, format: str) -> None:
    with pytest.raises(CannotEncrypt):
        encrypt(text.encode(), format, [[RECIPIENT]], NOW)


def test_a_rule_that_sops_would_silently_ignore_is_refused() -> None:
    for scope in (Scope(encrypted_regex="(?!x)"), Scope(encrypted_regex="x", encrypted_suffix="y")):
        with pytest.raises(CannotEncrypt):
            encrypt(b"a: x\n", "yaml", [[RECIPIENT]], NOW, scope)


def test_nothing_secret_shows() -> None:
    data = sealed("a: hunter2\n# hunter3\nb: x\n")
    result = opened(data)
    shown = repr(
        [result, result.leaves, result.file, result.roots, refused(data.replace(b"a: ENC", b"c: ENC"))]
    )
    assert "hunter" not in shown
    assert result.data_key.hex() not in shown
    assert repr(result.data_key)[2:-1] not in shown
