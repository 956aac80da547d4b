"""Entries of settings go and come; every other line stays as it was."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sopsguard.fix.entries import with_entry, without
from sopsguard.model import UserError

NAMES = st.sampled_from(["ada", "bob", "host-1", "x.y", "Z"])
SECTIONS = st.dictionaries(
    st.sampled_from(["hosts", "people", "former"]),
    st.dictionaries(NAMES, st.sampled_from(["flow", "block", "list", "none"]), max_size=4),
    max_size=3,
)
FORMS = {
    "flow": " {recipients: [a, b]}  # short",
    "block": "\n{i}{i}recipients: [a]\n{i}{i}# the roles\n{i}{i}roles: [admin]",
    "list": "\n{i}{i}recipients:\n{i}{i}{i}- a  # first\n{i}{i}{i}- b",
    "none": "",
}


def loaded(text: str) -> dict[str, dict[str, Any]]:
    import yaml

    found: dict[str, Any] = yaml.safe_load(text) or {}
    return {name: below or {} for name, below in found.items() if name != "version"}


@st.composite
def settings(draw: st.DrawFn) -> str:
    indent = " " * draw(st.sampled_from([1, 2, 4]))
    gap = draw(st.sampled_from(["", "\n", "\n# --- next\n"]))
    text = draw(st.sampled_from(["", "# all of them\n", "version: 1\n"]))
    for section, holders in draw(SECTIONS).items():
        text += f"{section}:\n"
        for name, form in holders.items():
            text += draw(st.sampled_from(["", f"{indent}# about {name}\n"]))
            text += f"{indent}{name}:{FORMS[form].replace('{i}', indent)}\n"
        text += gap
    if draw(st.booleans()):
        text = text.rstrip("\n")
    return text.replace("\n", draw(st.sampled_from(["\n", "\r\n"])))


@given(settings(), st.sampled_from(["hosts", "people", "former"]), NAMES)
def test_an_entry_that_goes_takes_nothing_else_with_it(text: str, section: str, name: str) -> None:
    before = loaded(text)
    wanted = {s: {n: v for n, v in below.items() if (s, n) != (section, name)} for s, below in before.items()}
    after = without(text, (section, name))
    assert loaded(after) == {s: b for s, b in wanted.items() if s != section or b or not before[s]}
    old = text.splitlines()
    left = after.splitlines()
    assert all(line in old for line in left)
    gone = [line for line in old if line not in left]
    assert name in before.get(section, {}) or not gone


@given(settings(), st.sampled_from(["hosts", "people", "former"]))
def test_a_new_entry_comes_last_in_its_section(text: str, section: str) -> None:
    before = loaded(text)
    after = with_entry(text, (section,), ["carol:", "  left: 2026-11-24", "  recipients:", "    - c"])
    found = loaded(after)
    assert list(found[section])[-1] == "carol"
    del found[section]["carol"]
    assert {s: b for s, b in found.items() if b} == {s: b for s, b in before.items() if b}
    kept = after.splitlines()
    for line in text.splitlines():
        assert line in kept
    assert ("\r\n" in after) == ("\r\n" in text) or "\n" not in text
    assert with_entry(without(after, (section, "carol")), (section,), ["dan:"])  # still what can be read


def test_a_list_grows_at_its_end_and_a_missing_one_is_made() -> None:
    text = "signatures:\n  retired:\n    - {ssh: a}  # old\n  signers: {}\n"
    new = with_entry(text, ("signatures", "retired"), ["- {ssh: b}"])
    assert new == "signatures:\n  retired:\n    - {ssh: a}  # old\n    - {ssh: b}\n  signers: {}\n"
    text = "signatures:\n  signers:\n    ada: {}\n"
    new = with_entry(text, ("signatures", "retired"), ["- {ssh: b}"])
    assert loaded(new) == {"signatures": {"signers": {"ada": {}}, "retired": [{"ssh": "b"}]}}


@pytest.mark.parametrize("text", ["{hosts: {a: 1}}", "hosts: {a: 1, b: 2}", "- a\n", "hosts: [\n"])
def test_what_is_written_in_braces_is_left_to_people(text: str) -> None:
    with pytest.raises(UserError):
        without(text, ("hosts", "a"))
