"""The section `rotation` of the policy is read strictly, and means what it says."""

import json
from datetime import UTC, datetime
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sopsguard import policy
from sopsguard.model import UserError
from sopsguard.rotation import Limit, Schedule, schedule
from tests.conftest import ROOT

SCHEMA = json.loads((ROOT / "schemas" / "policy.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.FormatChecker())


def read(text: str) -> Schedule:
    indented = "".join(f"  {line}\n" for line in text.splitlines())
    return schedule(policy.read(f"rotation:\n{indented}".encode(), ()).rotation)


def after(limit: Limit | None, day: str) -> str:
    assert limit is not None
    moment = int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp())
    return datetime.fromtimestamp(limit.after(moment), UTC).date().isoformat()


def test_without_a_word_the_guide_s_limits_hold() -> None:
    found = Schedule()
    wireguard = found.of("a.yaml", "key", "WireGuard key")
    assert (after(wireguard.due, "2026-01-02"), after(wireguard.overdue, "2026-01-02")) == (
        "2026-07-02",
        "2027-01-02",
    )
    assert after(found.named("age").overdue, "2026-01-02") == "2029-01-02"
    assert after(found.named("openpgp").due, "2026-01-02") == "2027-01-02"
    for form in ("SSH key", "TLS key", ""):
        assert found.of("a.yaml", "password", form).overdue is None


@pytest.mark.parametrize(
    ("limit", "day", "end"),
    [
        (Limit(1, 0), "2026-01-31", "2026-02-28"),
        (Limit(1, 0), "2028-01-31", "2028-02-29"),
        (Limit(12, 0), "2028-02-29", "2029-02-28"),
        (Limit(6, 0), "2026-08-31", "2027-02-28"),
        (Limit(0, 90), "2026-01-01", "2026-04-01"),
        (Limit(11, 0), "2026-01-15", "2026-12-15"),
    ],
)
def test_months_are_those_of_the_calendar(limit: Limit, day: str, end: str) -> None:
    assert after(limit, day) == end


@given(st.integers(0, 2**33), st.integers(0, 200), st.integers(0, 4000))
def test_a_limit_ends_about_when_it_should(moment: int, months: int, days: int) -> None:
    end = Limit(months, days).after(moment)
    assert abs(end - moment - (months * 30.44 + days) * 86400) < 4 * 86400


def test_a_limit_beyond_the_calendar_never_ends() -> None:
    far = Limit(12 * 9999, 0)
    assert far.after(1_800_000_000) > 200_000_000_000


def test_classes_are_asked_in_their_order_and_built_in_ones_last() -> None:
    found = read(
        "classes:\n"
        "  quick: {files: ['apps/**'], keys: ['*.token'], overdue: 2 weeks}\n"
        "  wireguard: {due: 1 month, overdue: 2 months}\n"
        "  other: {overdue: 5 years}\n"
    )
    assert found.of("apps/x/s.yaml", "a.token", "WireGuard key").name == "quick"
    assert found.of("apps/x/s.yaml", "a.password", "WireGuard key").name == "wireguard"
    assert found.of("hosts/s.yaml", "a.token", "").name == "other"
    assert found.named("wireguard").due == Limit(1, 0)
    assert found.other.overdue == Limit(60, 0)
    assert found.named("age").overdue == Limit(36, 0)


def test_a_built_in_class_keeps_what_is_not_said_and_may_be_switched_off() -> None:
    found = read("classes:\n  wireguard: {due: 3 months}\n  age: {due: never, overdue: never}\n")
    assert found.named("wireguard").overdue == Limit(12, 0)
    assert found.named("age").due is None


def test_what_the_team_knows_counts_by_day_and_place() -> None:
    found = read("rotated:\n  - {file: 'hosts/*.yaml', key: 'wg.*', on: 2026-01-31}\n")
    assert (
        found.rotated("hosts/a.yaml", "wg.key") == datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC).timestamp()
    )
    assert found.rotated("hosts/a.yaml", "ssh.key") is None
    assert found.rotated("other/a.yaml", "wg.key") is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("clases: {}", "'clases' is not a setting of rotation"),
        ("classes: {mine: {due: 3 days}}", "'mine' means no values"),
        ("classes: {mine: {keys: [a], due: 3}}", "a limit is a time"),
        ("classes: {mine: {keys: [a], due: 0 days}}", "a limit is a time"),
        ("classes: {mine: {keys: [a], due: 3 moons}}", "a limit is a time"),
        ("classes: {mine: {keys: a, due: 3 days}}", "keys must be a list"),
        ("classes: {mine: {keys: [''], due: 3 days}}", "keys are globs"),
        ("classes: {other: {keys: [a]}}", "'other' is for all that no class means"),
        ("classes: {wireguard: {due: 2 years}}", "overdue was due before"),
        ("rotated: [{file: a, key: b}]", "needs 'on'"),
        ("rotated: [{file: a, key: b, on: 2026-02-30}]", "must be a date"),
        ("rotated: {}", "must be a list"),
    ],
)
def test_a_mistake_is_named_with_its_line(text: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        read(text)
    assert caught.value.message.startswith(".sopsguard.yaml:2: ")
    assert said in caught.value.message


WORDS = st.sampled_from(["never", "3 days", "1 year", "0 days", "", "2026-01-31", "2026-02-30", "a", "x/**"])
VALUES = st.one_of(WORDS, st.booleans(), st.none(), st.lists(WORDS, max_size=2))
CLASS = st.dictionaries(st.sampled_from(["files", "keys", "due", "overdue", "x"]), VALUES, max_size=3)
SECTIONS = st.fixed_dictionaries(
    {},
    optional={
        "classes": st.one_of(
            st.dictionaries(st.sampled_from(["wireguard", "other", "mine"]), st.one_of(CLASS, VALUES)), VALUES
        ),
        "rotated": st.one_of(
            st.lists(
                st.one_of(
                    st.fixed_dictionaries({"file": WORDS, "key": WORDS, "on": WORDS}),
                    st.dictionaries(st.sampled_from(["file", "key", "on", "x"]), VALUES),
                ),
                max_size=2,
            ),
            VALUES,
        ),
        "other": VALUES,
    },
)


@given(SECTIONS)
def test_the_reader_takes_nothing_that_the_schema_refuses(section: dict[str, Any]) -> None:
    text = json.dumps({"rotation": section})
    try:
        schedule(policy.read(text.encode(), ()).rotation)
    except UserError as refused:
        # What needs more than a look at one value the schema cannot know.
        if (
            "means no values" in refused.message
            or "due before" in refused.message
            or "'other'" in refused.message
        ):
            return
        taken = False
    else:
        taken = True
    assert VALIDATOR.is_valid({"rotation": section}) == taken, section
