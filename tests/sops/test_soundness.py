"""What is wrong with a file is seen without a key; what sops writes is clean."""

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from sopsguard.sops.editor import encrypt
from sopsguard.sops.file import Broken, SopsFile, read
from sopsguard.sops.metadata import Problem
from sopsguard.sops.rules import Scope
from sopsguard.sops.soundness import problems
from tests.sops.made import NAMES, NOW, OTHER_RECIPIENT, RECIPIENT, THIRD_RECIPIENT, sealed, sops_file

BASE = (
    "password: long enough to be one\nuser: an ordinary name\n"
    "list:\n  - first of the elements\n  - second of them\n"
)


def found(data: bytes, path: str = "a.yaml") -> list[Problem]:
    file = read(data, path)
    assert isinstance(file, SopsFile | Broken), file
    return list(problems(file))


def codes(data: bytes, path: str = "a.yaml") -> list[str]:
    return sorted({problem.code for problem in found(data, path)})


def line(data: bytes, key: str) -> bytes:
    """The encrypted value under a key."""
    return next(
        row.split(b": ", 1)[1] for row in data.split(b"\n") if row.strip().startswith(f"{key}: ".encode())
    )


@pytest.mark.parametrize(
    ("format", "text"),
    [
        (
            "yaml",
            BASE + "# comment\nn: null\ne: ''\nm: {}\nt: 2024-01-02\nf: 1.5\nb_unencrypted: [1, -0.5]\n",
        ),
        ("yaml", "a: one of the documents\n---\nb: another of them\n"),
        ("json", '{"a": "long enough for one", "b": [1234567, null, "", {"c": "another long one"}]}'),
        ("dotenv", "# c\nA=long enough for one\nB=\n"),
        ("binary", "anything at all"),
        ("binary", ""),
    ],
)
def test_a_good_file_has_no_problem(format: str, text: str) -> None:
    assert codes(sealed(text, format), NAMES[format]) == []


@pytest.mark.parametrize(
    "scope",
    [
        Scope(encrypted_regex="^(password|list)$"),
        Scope(unencrypted_regex="^user$", mac_only_encrypted=True),
        Scope(encrypted_suffix="word"),
        Scope(unencrypted_comment_regex="clear"),
    ],
)
def test_a_good_file_of_any_scope_has_no_problem(scope: Scope) -> None:
    assert codes(sealed("# clear\n" + BASE, scope=scope)) == []


def test_good_key_groups_have_no_problem() -> None:
    groups = [[RECIPIENT, OTHER_RECIPIENT], [THIRD_RECIPIENT], [OTHER_RECIPIENT]]
    assert codes(encrypt(BASE.encode(), "yaml", groups, NOW, threshold=2)) == []


Damage = Callable[[bytes], bytes]


def replaced(old: str, new: str) -> Damage:
    def damage(data: bytes) -> bytes:
        assert old.encode() in data
        return data.replace(old.encode(), new.encode(), 1)

    return damage


def without(start: str) -> Damage:
    def damage(data: bytes) -> bytes:
        rows = data.split(b"\n")
        kept = [row for row in rows if not row.strip().startswith(start.encode())]
        assert len(kept) < len(rows)
        return b"\n".join(kept)

    return damage


def value(key: str, new: str) -> Damage:
    return lambda data: data.replace(line(data, key), new.encode(), 1)


def part(key: str, old: str, new: str) -> Damage:
    return lambda data: data.replace(line(data, key), line(data, key).replace(old.encode(), new.encode(), 1))


def changed(data: bytes) -> bytes:
    """The encrypted password with other data under the same nonce."""
    return line(data, "password").replace(b"data:", b"data:AAAA")


GROUPS = f"    key_groups:\n        - age:\n            - recipient: {RECIPIENT}\n              enc: x\n"


@pytest.mark.parametrize(
    ("code", "damage"),
    [
        ("M2", without("mac:")),
        ("M2", value("mac", "x")),
        ("M3", lambda data: data.replace(line(data, "mac"), line(data, "user"))),
        ("M4", without("version:")),
        ("M4", replaced("3.13.3", "3.13")),
        ("M5", without("lastmodified:")),
        ("M5", replaced(f'"{NOW}"', "yesterday")),
        ("M6", replaced(f'"{NOW}"', NOW)),
        ("M7", replaced("    unencrypted_suffix", "    encrypted_regex: x\n    unencrypted_suffix")),
        ("M8", replaced("    age:", "    egg:")),
        ("M9", replaced("    lastmodified", GROUPS + "    lastmodified")),
        ("M12", lambda data: data + b"---\nb: 1\n"),
        ("M15", replaced("3.13.3", "3.8.1")),
        ("M16", replaced("3.13.3", "3.5.0")),
        ("M17", replaced("    lastmodified", "    comment: mine\n    lastmodified")),
        ("M19", replaced("user:", "password:")),
        ("L1", value("user", "somebody")),
        ("L1", value("user", "12")),
        ("L1", value("user", "[a, b]")),
        ("L3", replaced("unencrypted_suffix: _unencrypted", "unencrypted_regex: ^(?!x)")),
        ("L5", value("user", "'x ENC[AES256_GCM,data:AA==,iv:AA==,tag:AA==,type:str]'")),
        ("L5", part("user", "type:str]", "type:str")),
        ("L5", part("user", ",iv:", "=,iv:")),
        ("L6", part("user", ",tag:", ",tag:AAAA")),
        ("L7", part("user", "type:str", "type:bytes")),
        ("L7", part("user", "type:str", "type:comment")),
        ("L8", part("user", "type:str]", "type:str] more")),
        ("L9", part("user", "type:str", "type:bool")),
        ("L9", part("password", "type:str", "type:int")),
        ("L10", lambda data: data.replace(line(data, "user"), line(data, "password"))),
        ("L11", lambda data: data.replace(b"user:", b"password: " + changed(data)
         + b"\nuser:", 1)),
        ("L16", replaced("user:", "# in clear\nuser:")),
        ("L20", replaced("unencrypted_suffix: _unencrypted", "encrypted_regex: ^(password|list)$")),
        ("L21", replaced("user:", "1:")),
        ("R3", replaced("-----BEGIN AGE", "-----BEGUN AGE")),
        ("R3", replaced("AGE ENCRYPTED FILE-----\n", "AGE ENCRYPTED FILE-----\n            AAAA\n")),
        ("R9", replaced(RECIPIENT, RECIPIENT[:-1] + ("q" if RECIPIENT[-1] != "q" else "p"))),
        ("R9", replaced(RECIPIENT, RECIPIENT.upper())),
    ],
)  # fmt: skip
def test_each_damage_is_told(code: str, damage: Damage) -> None:
    scope = Scope(unencrypted_regex="x", mac_only_encrypted=True) if code == "M15" else None
    data = damage(sealed(BASE, scope=scope))
    assert code in codes(data)
    for problem in found(data):
        assert problem.message
        assert problem.line is None or 1 <= problem.line <= data.count(b"\n") + 1


def test_a_time_in_the_future_is_told() -> None:
    file = sops_file(sealed(BASE))
    later, earlier = datetime(2027, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
    assert [problem.code for problem in problems(file, earlier)] == ["M14"]
    assert list(problems(file, later)) == []


def test_an_impossible_threshold_is_told() -> None:
    data = encrypt(BASE.encode(), "yaml", [[RECIPIENT], [OTHER_RECIPIENT]], NOW)
    assert codes(data.replace(b"shamir_threshold: 2", b"shamir_threshold: 3")) == ["M10"]
    assert codes(data.replace(b"shamir_threshold: 2", b"shamir_threshold: 1")) == ["M10"]


def test_an_empty_group_is_told() -> None:
    data = encrypt(b'{"a": "long enough to be one"}', "json", [[RECIPIENT], [OTHER_RECIPIENT]], NOW)
    content = json.loads(data)
    content["sops"]["key_groups"][1]["age"] = []
    assert codes(json.dumps(content).encode(), "a.json") == ["M11"]


def test_lost_json_is_told() -> None:
    data = sealed('{"a": "long enough to be one"}', "json")
    assert codes(data + b"{}", "a.json") == ["M18"]
    assert codes(data.replace(b'{\n\t"a"', b'{\n\t"a": "",\n\t"a"'), "a.json") == ["M18"]


def test_two_blocks_in_one_file_are_told() -> None:
    one, other = sealed("a: long enough to be one\n"), sealed("b: long enough to be one\n")
    assert "M12" in codes(one + b"---\n" + other)


@pytest.mark.parametrize(
    ("scope", "code"),
    [
        (Scope(encrypted_regex=r"^db\.password$"), "L2"),
        (Scope(encrypted_suffix="_secret"), "L2"),
        (Scope(unencrypted_regex="."), "L2"),
        (Scope(unencrypted_regex=r"^a\.b$"), "L4"),
    ],
)
def test_a_rule_that_protects_nothing_is_told(scope: Scope, code: str) -> None:
    assert codes(sealed("db: {password: long enough to be one}\n", scope=scope)) == [code]


def test_an_expression_that_sops_silently_ignores_is_told() -> None:
    data = sealed(BASE, scope=Scope(encrypted_regex="^none$")).replace(b"^none$", b"^(?!user)")
    [problem] = found(data)
    assert (problem.code, problem.key) == ("L3", "sops.encrypted_regex")
    assert "nothing is encrypted" in problem.message


def test_an_encrypted_comment_in_a_list_is_told() -> None:
    assert codes(sealed("l:\n  # in the list\n  - long enough to be one\n")) == ["L17"]


def test_the_example_of_sops_is_told() -> None:
    text = (
        "hello: Welcome to SOPS! Edit this file as you please!\nexample_key: example_value\n"
        "example_array: [example_value1, example_value2]\nexample_number: 1234.56789\n"
        "example_booleans: [true, false]\n"
    )
    assert "L18" in codes(sealed(text))


def test_clear_minus_zero_is_told() -> None:
    data = sealed("a: long enough to be one\nz_unencrypted: 7\n").replace(
        b"z_unencrypted: 7", b"z_unencrypted: -0"
    )
    assert codes(data) == ["L19"]


def test_short_values_and_booleans_show() -> None:
    data = sealed("a: short\nb: true\nl: [same as the other one, same as the other one]\n")
    assert {problem.code for problem in found(data)} == {"L14"}
    assert len(found(data)) == 2


def test_the_same_ciphertext_twice_shows_that_values_are_equal() -> None:
    data = sealed("l: [same as the other one, same as the other one]\n")
    rows = data.split(b"\n")
    rows[2] = rows[1]
    assert codes(b"\n".join(rows)) == ["L12"]


# wrapped keys


def _two() -> dict[str, object]:
    data = encrypt(b'{"a": "long enough to be one"}', "json", [[RECIPIENT, OTHER_RECIPIENT]], NOW)
    return json.loads(data)  # type: ignore[no-any-return]


def _codes_with(change: Callable[[list[dict[str, str]]], None]) -> list[str]:
    content = _two()
    change(content["sops"]["age"])  # type: ignore[index]
    return codes(json.dumps(content).encode(), "a.json")


def test_one_blob_for_two_recipients_is_told() -> None:
    assert _codes_with(lambda age: age[1].update(enc=age[0]["enc"])) == ["R7"]


def test_a_missing_blob_is_told() -> None:
    assert _codes_with(lambda age: age[1].update(enc="")) == ["R3"]


def test_a_blob_for_another_kind_of_recipient_is_told() -> None:
    ssh = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHR2B612Botcwj7K4qql8djl19MVmtBV2gZbbB7JsbBe"
    assert _codes_with(lambda age: age[1].update(recipient=ssh)) == ["R4"]


def test_a_blob_for_another_ssh_key_is_told() -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    def ssh() -> str:
        public = Ed25519PrivateKey.generate().public_key()
        return public.public_bytes(
            serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
        ).decode()

    mine = ssh()
    data = encrypt(BASE.encode(), "yaml", [[mine]], NOW)
    assert codes(data) == []
    assert codes(data.replace(mine.encode(), ssh().encode())) == ["R5"]


def test_a_hidden_second_reader_is_told() -> None:
    import pyrage

    recipients = [pyrage.x25519.Recipient.from_str(text) for text in (RECIPIENT, OTHER_RECIPIENT)]
    enc = pyrage.encrypt(b"k" * 32, recipients, armored=True).decode()
    assert _codes_with(lambda age: age[1].update(enc=enc)) == ["R14"]


def test_a_share_in_the_place_of_a_key_is_told() -> None:
    import pyrage

    enc = pyrage.encrypt(
        b"k" * 33, [pyrage.x25519.Recipient.from_str(OTHER_RECIPIENT)], armored=True
    ).decode()
    assert _codes_with(lambda age: age[1].update(enc=enc)) == ["R6"]


def test_no_message_quotes_a_value() -> None:
    data = sealed(BASE)
    for damage in (value("user", "hunter2"), value("mac", "hunter2"), replaced("3.13.3", "hunter2")):
        assert not any("hunter2" in problem.message for problem in found(damage(data)))
    assert not any(
        "hunter2" in problem.message for problem in found(data.replace(b"type:str", b"type:hunter2"))
    )
