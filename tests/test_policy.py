"""`.sopsguard.yaml` is read strictly, and agrees with its published schema."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from sopsguard import policy
from sopsguard.fix.waive import with_waiver
from sopsguard.model import Family, Level, UserError

RULES = ("plaintext-token", "plaintext-password", "unused-waiver")
SCHEMA = json.loads((Path(__file__).parent.parent / "schemas" / "policy.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.FormatChecker())


def read(text: str) -> policy.Policy:
    return policy.read(text.encode(), RULES)


def mistake(text: str) -> str:
    with pytest.raises(UserError) as e:
        read(text)
    return f"{e.value.message} | {e.value.hint}"


def test_an_empty_file_has_the_defaults() -> None:
    assert read("") == read("# only a comment\n") == policy.Policy()


def test_every_setting_is_read() -> None:
    found = read(
        "version: 1\nlevels:\n  plaintext-token: warning\n  plaintext-password: off\n"
        "require: [plaintext, signatures]\ninline_allow: false\nwaivers:\n"
        "  - rule: plaintext-token\n    path: docs/**\n    finding: 0a1b2c\n"
        "    reason: a sample\n    until: 2027-01-31\n"
    )
    assert found.level("plaintext-token", Level.ERROR) is Level.WARNING
    assert found.level("plaintext-password", Level.ERROR) is None
    assert found.level("unused-waiver", Level.WARNING) is Level.WARNING
    assert found.require == (Family.PLAINTEXT, Family.SIGNATURES)
    assert found.inline_allow is False
    assert found.waivers == (
        policy.Waiver("plaintext-token", "docs/**", "a sample", "2027-01-31", "0a1b2c", line=8),
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("waivres: []", ".sopsguard.yaml:1: 'waivres' is not a setting | did you mean 'waivers'?"),
        (
            "levels:\n  plaintext-tokn: off",
            ":2: 'plaintext-tokn' is not a rule | did you mean 'plaintext-token'?",
        ),
        (
            "levels:\n  plaintext-token: loud",
            ":2: plaintext-token: a level is one of error, warning, info, off",
        ),
        ("require: [plain]", "'plain' is not a family | did you mean 'plaintext'?"),
        ("inline_allow: maybe", "inline_allow must be true or false"),
        ("waivers: 3", "waivers must be a list"),
        ("waivers:\n  - rule: plaintext-token", ":2: a waiver needs 'path'"),
        ("a: 1\na: 2", "'a' is given twice"),
        ("a: &x 1\nb: *x", "anchors and aliases have no meaning here"),
        ("- 1", "keys and values are expected here"),
        ("a: [", "not valid YAML"),
        ("--- {}\n--- {}", "a second document"),
        ("version: 2", "this sopsguard reads version 1"),
        ("a: !!python/object:os.system x", "tags have no meaning here"),
        ("[" * 500, "nested too deeply"),
        ("version: [1]", "reads version 1"),
        ("schemas:\n  a: gude", ":2: a schema is a .json file in the repository, `guide` or `off`"),
        ("schemas:\n  a: ../b.json", ":2: a schema is a .json file in the repository"),
        ("schemas: guide", "keys and values are expected here"),
    ],
)
def test_a_mistake_is_named_with_its_line(text: str, said: str) -> None:
    assert said in mistake(text)


@pytest.mark.parametrize("until", ["soon", "2027-02-30", "2027-1-1", "20270101", "2027-01-01T00:00:00"])
def test_the_end_of_a_waiver_is_a_day_of_the_calendar(until: str) -> None:
    text = f"waivers:\n  - {{rule: plaintext-token, path: a, reason: b, until: '{until}'}}"
    assert "until must be a date" in mistake(text)


@given(st.binary(max_size=300))
@example(b"\xff\xfe")
@example(b"a: \x00")
def test_no_bytes_make_it_fail_otherwise(data: bytes) -> None:
    refused = policy.FILE
    try:
        policy.read(data, RULES)
    except UserError as e:
        refused = e.message
    assert refused.startswith(policy.FILE)


WORDS = st.sampled_from(["plaintext-token", "nonsense", "", "docs/**", "2027-01-31", "2027-02-30", "why"])
VALUES = st.one_of(WORDS, st.booleans(), st.none(), st.lists(WORDS, max_size=2))
WAIVER = st.dictionaries(st.sampled_from(["rule", "path", "reason", "until", "finding", "x"]), VALUES)
GOOD = st.fixed_dictionaries(
    {
        "rule": st.just("plaintext-token"),
        "path": st.just("a"),
        "reason": st.just("b"),
        "until": st.just("2027-01-31"),
    }
)
LEVELS = st.dictionaries(
    st.sampled_from(RULES), st.one_of(st.sampled_from(policy.LEVELS), VALUES), max_size=2
)
FAMILIES = st.lists(st.one_of(st.sampled_from([f.value for f in Family]), VALUES), max_size=2)
SCHEMAS = st.dictionaries(
    st.sampled_from(["secrets/**", "*", " ", "a"]),
    st.one_of(
        st.sampled_from(["guide", "off", "a.json", "b/c.json", "/a.json", "../a.json", "b//a.json", "none"]),
        VALUES,
    ),
    max_size=3,
)
POLICIES = st.fixed_dictionaries(
    {},
    optional={
        "version": st.sampled_from([1, 2]),
        "levels": st.one_of(LEVELS, VALUES),
        "require": st.one_of(FAMILIES, VALUES),
        "inline_allow": VALUES,
        "schemas": st.one_of(SCHEMAS, VALUES),
        "waivers": st.one_of(st.lists(st.one_of(GOOD, WAIVER), max_size=2), VALUES),
        "other": VALUES,
    },
)


@given(POLICIES)
def test_the_reader_agrees_with_the_schema(document: dict[str, Any]) -> None:
    # The schema cannot know the ids of the rules; what it can know, both must judge alike.
    waivers = document.get("waivers")
    named = [w.get("rule") for w in waivers if isinstance(w, dict)] if isinstance(waivers, list) else []
    if any(isinstance(rule, str) and rule.strip() and rule not in RULES for rule in named):
        return
    text = yaml.safe_dump(document)
    try:
        read(text)
        strict = True
    except UserError:
        strict = False
    assert strict == VALIDATOR.is_valid(document), text


@pytest.mark.parametrize(
    ("pattern", "path", "covered"),
    [
        ("a/b", "a/b", True),
        ("a/*", "a/b", True),
        ("a/*", "a/b/c", False),
        ("a/**", "a/b/c", True),
        ("**/c", "a/b/c", True),
        ("**/c", "c", True),
        ("?.md", "a.md", True),
        ("?.md", "ab.md", False),
        ("a.b", "axb", False),
        ("*", "line\nbreak", True),
        ("[ab]", "a", False),
    ],
)
def test_the_glob_of_a_waiver(pattern: str, path: str, covered: bool) -> None:
    assert policy.matches(pattern, path) is covered


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20).filter(str.strip)
BEFORE = [
    "",
    "# settings\nversion: 1\n",
    "version: 1",
    "waivers: []\nversion: 1\n",
    "waivers:\nversion: 1\n",
    "waivers:\n- rule: plaintext-token\n  path: a\n  reason: b  # why\n  until: 2027-01-31\n\n"
    "# end\nversion: 1\n",
    "waivers:\n    - rule: plaintext-token\n      path: a\n      until: 2027-01-31\n      reason: |\n"
    "        long\n        text\n",
    "version: 1\r\nwaivers:\r\n  - {rule: plaintext-token, path: a, reason: b, until: 2027-01-31}\r\n",
]


@given(st.sampled_from(BEFORE), TEXTS, TEXTS)
def test_a_written_waiver_reads_back_and_nothing_else_changes(before: str, path: str, reason: str) -> None:
    waiver = policy.Waiver("plaintext-token", path.strip(), reason.strip(), "2027-01-31", "0123456789abcdef")
    after = with_waiver(before, waiver)
    old, new = read(before), read(after)
    assert [w._replace(line=0) for w in new.waivers] == [w._replace(line=0) for w in (*old.waivers, waiver)]
    assert new._replace(waivers=()) == old._replace(waivers=())
    kept = iter(after.splitlines())
    assert all(line.startswith("waivers:") or line in kept for line in before.splitlines())


def test_a_policy_in_flow_form_is_refused_instead_of_rewritten() -> None:
    waiver = policy.Waiver("plaintext-token", "a", "b", "2027-01-31")
    for text in ("{version: 1}", "waivers: [{rule: plaintext-token, path: a, reason: b, until: 2027-01-31}]"):
        with pytest.raises(UserError):
            with_waiver(text, waiver)


def test_the_first_glob_that_covers_a_file_names_its_schema() -> None:
    found = read(
        "schemas:\n  secrets/public/**: off\n  secrets/**: guide\n  '**/app.yaml': schemas/app.json\n"
    )
    said = [found.schema(path) for path in ("secrets/public/a", "secrets/app.yaml", "b/app.yaml", "c.yaml")]
    assert said == [None, "guide", "schemas/app.json", None]


def test_a_policy_from_outside_names_schemas_first() -> None:
    outer, inner = read("schemas:\n  secrets/**: guide\n"), read("schemas:\n  '**': off\n  a: b.json\n")
    joined = inner.tightening(outer)
    assert (joined.schema("secrets/a"), joined.schema("a")) == ("guide", None)
