"""Whatever hands do to a file: it is found if and only if the file does not open any more."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sopsguard.sops.opening import Opened, open_file
from tests import stories
from tests.sops.made import IDENTITIES, sealed, sops_file

TEXT = """\
# about
user: alice-the-admin
password: correct horse
a_unencrypted: 12
b_unencrypted: 3
c_unencrypted: for all
db:
    # inside
    port: 5432
    user: bob-the-admin
    list:
        - first item
        - second item
        - name: third item
          kind: the last one
    empty: ""
    none: null
other: something else
"""
GOOD = sealed(TEXT)
NAME = "s.yaml"

number = st.integers(0, 40)
operation = st.one_of(
    st.tuples(st.just("delete"), number, number),
    st.tuples(st.just("swap"), number, number),
    st.tuples(st.just("move"), number, number),
    st.tuples(st.just("value"), number, number),
    st.tuples(st.just("rename"), number, number),
    st.tuples(st.just("shift"), number, number),
    st.tuples(st.just("comment"), number, number),
    st.tuples(st.just("null"), number, number),
    st.tuples(st.just("quote"), number, number),
    st.tuples(st.just("time"), number, number),
)


def done(lines: list[str], what: str, one: int, other: int) -> list[str]:
    """One thing that hands do, on the lines of the values."""
    one, other = one % len(lines), other % len(lines)
    lines = list(lines)
    name, colon, value = lines[one].partition(": ")
    if what == "delete":
        del lines[one]
    elif what == "swap":
        lines[one], lines[other] = lines[other], lines[one]
    elif what == "move":
        lines.insert(other, lines.pop(one))
    elif what == "value" and colon and ": " in lines[other]:
        lines[one] = name + colon + lines[other].partition(": ")[2]
    elif what == "rename" and ":" in lines[one]:
        lines[one] = lines[one].replace(":", "x:", 1) if "ENC" not in name else lines[one]
    elif what == "shift":
        return [
            {"a_unencrypted: 12": "a_unencrypted: 1", "b_unencrypted: 3": "b_unencrypted: 23"}.get(text, text)
            for text in lines
        ]
    elif what == "comment":
        lines.insert(one, " " * (len(lines[one]) - len(lines[one].lstrip())) + "# by hand")
    elif what == "null" and colon:
        lines.insert(one, re.sub(r"\S.*", f"new{other}: null", lines[one]))
    elif what == "quote" and colon and value.startswith("ENC"):
        lines[one] = f"{name}: '{value}'"
    return lines


@settings(max_examples=150)
@given(st.lists(operation, min_size=1, max_size=3))
def test_a_hand_edit_is_found_if_and_only_if_the_file_does_not_open(
    operations: list[tuple[str, int, int]],
) -> None:
    head, mark, block = GOOD.decode().partition("\nsops:\n")
    lines = head.split("\n")
    for what, one, other in operations:
        if what == "time":
            block = re.sub(r"lastmodified: \"20..", 'lastmodified: "2020'[:-2] + "19", block)
        elif lines:
            lines = done(lines, what, one, other)
    data = ("\n".join(lines) + mark + block).encode()
    if data == GOOD:
        return
    try:
        file = sops_file(data, NAME)
    except AssertionError:  # not even YAML any more
        opens = False
    else:
        opens = isinstance(open_file(file, IDENTITIES), Opened)
    for verdict in (
        stories.staged([{NAME: GOOD}, {NAME: data}]),
        stories.committed([{NAME: GOOD}, {NAME: data}]),
    ):
        assert (stories.errors(verdict) == []) == opens, (data.decode(), verdict.findings)


@pytest.mark.parametrize("text", ["a_unencrypted: 12\nb_unencrypted: 3\n", "b: x y z\na_unencrypted: 1\n"])
def test_a_boundary_between_clear_values_is_not_hashed(text: str) -> None:
    good = sealed(text)
    moved = good.replace(b": 12", b": 1").replace(b": 3", b": 23")
    assert isinstance(open_file(sops_file(moved), IDENTITIES), Opened)
    assert stories.errors(stories.staged([{NAME: good}, {NAME: moved}])) in ([], ["moved"])
