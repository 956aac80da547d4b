"""What is wrong with a `.sops.yaml` by itself, in people's words."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sopsguard.model import Unknown
from sopsguard.sops import lint
from sopsguard.sops.rules import Problem
from tests.sops.configs import ALICE, BOB, CAROL, quoted, read, rules


def found(text: str) -> list[tuple[str, int | None, str]]:
    """(code, line, message) of every problem."""
    return [
        (problem.code, problem.line, problem.message)
        for problem in lint.problems(read(text))
        if isinstance(problem, Problem)
    ]


def codes(text: str) -> list[str]:
    return [code for code, _, _ in found(text)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "keys:\n  - &a age1\n",
        rules(quoted(r"^secrets/[^/]+\.yaml$"), None),
        rules(quoted(r"^hosts/(a|b)/.*\.ya?ml$"), quoted(r"secrets\.yaml"), quoted("secrets/")),
        rules("^a$") + "  - {}\n",  # a block behind everything
        rules("^a$") + "  - key_groups:\n",
        f"creation_rules:\n  - key_groups: [{{age: [{ALICE}, {BOB}], pgp: [{'AB' * 20}]}}]\n",
        rules(quoted(r"[/\\]secrets[/\\]")),
        rules("a{1,2}"),
        f"x-own: 1\ncreation_rules:\n  - age: {ALICE}\n    encrypted_regex: ^(data|stringData)$\n",
        f"creation_rules:\n  - age: {ALICE}\n    shamir_threshold: 1\n",  # common, and without effect
    ],
)
def test_a_good_configuration_has_no_problem(text: str) -> None:
    assert found(text) == []


def test_a_rule_behind_a_catch_all_can_never_apply() -> None:
    assert found(rules("a", ".*", "b")) == [
        ("C2", 6, "rule 3 can never apply: rule 2 in line 4 matches every file"),
    ]


def test_an_invalid_expression_is_told_with_what_it_stops() -> None:
    [(code, line, message)] = found(rules("a", quoted("(?!x)")))
    assert (code, line) == ("C1", 5)
    assert "every file that no earlier rule matches" in message


def test_keys_beside_key_groups_are_counted() -> None:
    text = f"creation_rules:\n  - age: {ALICE}, {BOB}\n    key_groups: [{{age: [{BOB}]}}]\n"
    assert found(text) == [
        (
            "C5",
            2,
            "rule 1 `age` beside `key_groups` has no effect; "
            "1 recipient named only there cannot open anything",
        )
    ]


@pytest.mark.parametrize(
    ("rest", "code", "line", "words"),
    [
        ("    encrypted_regex: a\n    unencrypted_suffix: b\n", "C6", 4, "sops accepts one"),
        ("    shamir_threshold: 2\n", "C5", 3, "has no effect: there is one key group"),
    ],
)
def test_contradictions_within_a_rule(rest: str, code: str, line: int, words: str) -> None:
    [problem] = found(f"creation_rules:\n  - age: {ALICE}\n{rest}")
    assert problem[:2] == (code, line)
    assert words in problem[2]


@pytest.mark.parametrize("threshold", [1, 3, -1])
def test_a_threshold_that_no_split_can_have(threshold: int) -> None:
    text = (
        f"creation_rules:\n  - shamir_threshold: {threshold}\n"
        f"    key_groups:\n    - age: [{ALICE}, {BOB}]\n    - age: [{CAROL}]\n"
    )
    assert codes(text) == ["C6", "shamir"]


def test_a_rule_that_names_nobody_is_wrong_unless_it_is_a_block() -> None:
    assert codes("creation_rules:\n  - path_regex: a\n") == ["C6"]
    assert codes("creation_rules:\n  - path_regex: .*\n") == []
    assert codes(f"creation_rules:\n  - key_groups: [{{age: [{ALICE}]}}, {{}}]\n") == ["C6", "shamir"]


@pytest.mark.parametrize(
    ("text", "line", "hint"),
    [
        (f"creation_rules:\n  - path-regex: a\n    age: {ALICE}\n", 2, "`path_regex`?"),
        (f"creation_rules:\n  - age: {ALICE}\n    encrypted-regex: a\n", 3, "`encrypted_regex`?"),
        (f"creation_rules:\n  - age: {ALICE}\n    encryptedRegex: a\n", 3, "`encrypted_regex`?"),
        (f"creation_rules:\n  - age: {ALICE}\n    gpg: a\n", 3, "`pgp`?"),
        (f"creation_rules:\n  - age: {ALICE}\n    merge: []\n", 3, "it belongs into a key group"),
        (f"creation_rules:\n  - age: {ALICE}\n    comment: x\n", 3, "remove it"),
        (f"creation_rule:\n  - age: {ALICE}\n", 1, "`creation_rules`?"),
        (
            f"creation_rules:\n  - key_groups:\n    - age: [{ALICE}]\n      path_regex: a\n",
            4,
            "it belongs into the creation rule itself",
        ),
        ("destination_rules:\n  - s3-bucket: a\n", 2, "`s3_bucket`?"),
    ],
)
def test_fields_that_sops_passes_over_are_told_with_what_was_meant(text: str, line: int, hint: str) -> None:
    [problem] = lint.problems(read(text))
    assert isinstance(problem, Problem)
    assert (problem.code, problem.line, problem.hint) == ("C7", line, hint)


def test_a_misspelt_path_regex_is_told_to_match_everything() -> None:
    [(_, _, message)] = found(f"creation_rules:\n  - path-regex: a\n    age: {ALICE}\n")
    assert message.endswith("the rule now matches every file")


def test_an_unknown_field_of_a_kms_key_is_told() -> None:
    text = "creation_rules:\n  - key_groups: [{kms: [{arn: 'arn:aws:kms:eu:1:key/a', rule: x}]}]\n"
    assert codes(text) == ["C7"]


@pytest.mark.parametrize(
    ("name", "effect"),
    [
        ("encrypted_regex", "nothing is encrypted"),
        ("encrypted_comment_regex", "nothing is encrypted"),
        ("unencrypted_regex", "every value is encrypted"),
    ],
)
def test_a_selection_that_is_no_expression_is_told_with_its_effect(name: str, effect: str) -> None:
    [(code, line, message)] = found(f"creation_rules:\n  - age: {ALICE}\n    {name}: '^(?!user)'\n")
    assert (code, line) == ("C8", 3)
    assert effect in message


@pytest.mark.parametrize(
    ("field", "words"),
    [
        (f"age: {ALICE.upper()}", "upper case"),
        (f"age: {ALICE[:-2]}", "checksum"),
        (f"age: {ALICE} {BOB}", "bech32"),
        ("age: nobody", "not an age recipient"),
        ("age: [12]", "a number stands where a recipient belongs"),
        ("pgp: 1234567890123456789012345678901234567890", "a number stands where"),
        ("azure_keyvault: nobody", "not the URL"),
        ("hc_vault_transit_uri: vault.example.org/v1/transit/keys/k", "scheme is missing"),
        ("hckms: [nobody]", "REGION:KEY-UUID"),
    ],
)
def test_recipients_that_are_none_are_told(field: str, words: str) -> None:
    [(code, line, message)] = found(f"creation_rules:\n  - path_regex: a\n    {field}\n")
    assert (code, line) == ("C9", 3)
    assert words in message


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("pgp: '0xDEADBEEF'", "short key id"),
        ("pgp: 'alice@example.org'", "not a fingerprint"),
        ("kms: nobody", "not the ARN"),
        ("gcp_kms: nobody", "not a GCP KMS resource id"),
    ],
)
def test_recipients_that_sops_takes_although_they_are_odd_are_told_apart(field: str, words: str) -> None:
    [(code, line, message)] = found(f"creation_rules:\n  - path_regex: a\n    {field}\n")
    assert (code, line) == ("C9-odd", 3)
    assert words in message


def test_a_malformed_recipient_is_named_by_its_anchor() -> None:
    text = f"keys:\n  - &alice {ALICE[:-2]}\ncreation_rules:\n  - age: *alice\n"
    assert "(alice)" in found(text)[0][2]


def test_a_private_key_among_the_recipients_is_not_repeated() -> None:
    secret = "AGE-SECRET-KEY-" + "1QQQQ" * 12
    [(code, _, message)] = found(f"creation_rules:\n  - age: {secret}\n")
    assert code == "C9"
    assert "private half" in message
    assert "1QQQQ" not in message


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("./secrets/a", "starts with `./`"),
        ("^/secrets/a", "absolute"),
        ("/home/me/repo/secrets", "absolute"),
        (r"secrets\\a", "backslashes"),
        ("secrets/*.yaml", "any number of slashes"),
        ("secrets.{yaml,json}", "braces stand for themselves"),
    ],
)
def test_paths_that_do_not_mean_what_they_seem_to(pattern: str, words: str) -> None:
    [(code, line, message)] = found(rules(quoted(pattern)))
    assert (code, line) == ("C10", 3)
    assert words in message


def test_a_shell_pattern_that_is_no_expression_gets_its_expression() -> None:
    [problem] = lint.problems(read(rules(quoted("**/secrets.yaml"))))
    assert isinstance(problem, Problem)
    assert (problem.code, problem.hint) == (
        "C1",
        r"a shell pattern? As an expression: `^(.*/)?secrets\.yaml$`",
    )


@pytest.mark.parametrize(
    ("groups", "accidental"),
    [
        (f"[{{age: [{ALICE}]}}, {{pgp: [{'AB' * 20}]}}]", True),
        (f"[{{age: [{ALICE}]}}, {{age: [{BOB}]}}]", True),
        (f"[{{age: [{ALICE}, {BOB}]}}, {{pgp: [{'AB' * 20}, {'CD' * 20}]}}]", True),
        (f"[{{age: [{ALICE}, {BOB}]}}, {{age: [{CAROL}]}}]", False),
        (f"[{{age: [{ALICE}]}}, {{age: [{BOB}]}}]\n    shamir_threshold: 2", False),
    ],
)
def test_several_groups_are_told_and_a_stray_dash_is_recognised(groups: str, accidental: bool) -> None:
    [(code, _, message)] = found(f"creation_rules:\n  - key_groups: {groups}\n")
    assert code == "shamir"
    assert "has 2 key groups, threshold 2" in message
    assert ("stray" in message) is accidental


def test_newer_syntax_is_told_only_where_an_older_sops_is_in_use() -> None:
    config = read(f"creation_rules:\n  - age: [{ALICE}]\n    mac_only_encrypted: true\n")
    assert list(lint.requirements(config, ["3.11.0", "3.13.2"])) == []
    assert [problem.message for problem in lint.requirements(config, ["3.13.2", "3.8.1", "odd"])] == [
        "rule 1: a list in `age` needs sops 3.11, but there are files written by 3.8",
        "rule 1: `mac_only_encrypted` needs sops 3.9, but there are files written by 3.8",
    ]


def test_without_the_engine_each_expression_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    config = read(rules("nobody-compiled-this") + "    encrypted_regex: nor-this\n")
    monkeypatch.setitem(sys.modules, "re2", None)
    assert [type(problem) for problem in lint.problems(config)] == [Unknown, Unknown]


@given(st.lists(st.sampled_from([*rules("a", "*.y", None).splitlines(keepends=True), "    a: &b {c: [}\n"])))
def test_whatever_stands_there_nothing_raises(lines: list[str]) -> None:
    for problem in lint.problems(read("".join(lines))):
        assert isinstance(problem, Unknown) or problem.message
