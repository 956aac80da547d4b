"""Recipients and rules come and go in `.sops.yaml`, and nothing else moves."""

import difflib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sopsguard.fix.configuration import (
    Member,
    add_anchor,
    add_recipient,
    add_rule,
    move_rule,
    remove_recipient,
    remove_rule,
)
from sopsguard.model import UserError
from sopsguard.sops import config
from sopsguard.sops.config import Config
from sopsguard.sops.rules import Scope
from tests.sops.configs import ALICE, BOB, CAROL, DAVE, age

EVE = age("eve")
BIG = f"""\
# who may read what

keys:
  # people
  - &user_alice {ALICE}
  - &user_bob {BOB}   # leaves in May
  # machines
  - &host_carol {CAROL}
  # the old dave, and a second line about host_dave
  - &host_dave {DAVE}

creation_rules:
  # everybody
  - path_regex: secrets/[^/]+\\.yaml$
    key_groups:
      - age:
          - *user_alice
          - *user_bob
          - *host_dave  # for now
        pgp:
          - {"A" * 40}
  # carol alone
  - path_regex: '^hosts/carol/'
    key_groups:
    - age: [*user_alice, *host_carol, *host_dave]
  - path_regex: ^flat/
    age: {ALICE},{DAVE},{CAROL}
    encrypted_regex: ^(data|stringData)$
  - path_regex: ^folded/
    age: >-
      {ALICE},
      {BOB},
      {DAVE}
  - path_regex: ^listed/
    age:
      - "{DAVE}"
      - "{ALICE}"
  - path_regex: .*
    age: {ALICE}
"""


def read(data: bytes) -> Config:
    found = config.parse(data)
    assert found.usable, found.problems
    return found


def readers(data: bytes) -> list[list[list[str]]]:
    names = {ALICE: "alice", BOB: "bob", CAROL: "carol", DAVE: "dave", EVE: "eve"}
    return [
        [[names.get(key.text, key.family) for key in group] for group in rule.groups]
        for rule in read(data).rules
    ]


def difference(before: bytes, after: bytes) -> list[str]:
    """The lines that went (`-`) and came (`+`), recipients by name."""
    lines = difflib.unified_diff(before.decode().split("\n"), after.decode().split("\n"), n=0, lineterm="")
    text = "\n".join(line for line in lines if line[:3] not in ("---", "+++", "@@ "))
    for key, name in ((ALICE, "ALICE"), (BOB, "BOB"), (CAROL, "CAROL"), (DAVE, "DAVE"), (EVE, "EVE")):
        text = text.replace(key, name)
    return text.split("\n")


DATA = BIG.encode()


def test_an_anchor_comes_behind_those_like_it() -> None:
    assert difference(DATA, add_anchor(DATA, "user_eve", EVE)) == ["+  - &user_eve EVE"]
    after = add_anchor(DATA, "user_eve", EVE)
    assert b"leaves in May\n  - &user_eve " in after
    assert f"&host_dave {DAVE}\n  - &host_eve {EVE} # new\n".encode() in add_anchor(
        DATA, "host_eve", EVE, comment="new"
    )
    assert f"{CAROL}\n  - &eve {EVE}\n".encode() in add_anchor(DATA, "eve", EVE, after="host_carol")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (f"creation_rules:\n  - age: {ALICE}\n", ["+keys:", "+  - &eve EVE"]),
        (f"# about\n\n# rules\ncreation_rules:\n  - age: {ALICE}\n", ["+keys:", "+  - &eve EVE"]),
        (f"keys:\ncreation_rules:\n  - age: {ALICE}\n", ["+  - &eve EVE"]),
        (f"keys:\n- {BOB}\ncreation_rules:\n- age: {ALICE}\n", ["+- &eve EVE"]),
        (f"keys:\n  a:\n    alice: &alice {ALICE}\ncreation_rules:\n- age: {ALICE}", ["+    eve: &eve EVE"]),
        (f'x:\n  - &alice "{ALICE}"\ncreation_rules:\n- age: {ALICE}', ['+  - &eve "EVE"']),
    ],
)
def test_an_anchor_is_written_as_the_file_is(text: str, wanted: list[str]) -> None:
    after = add_anchor(text.encode(), "eve", EVE)
    assert difference(text.encode(), after) == wanted
    assert remove_recipient(after, EVE) == text.encode() or "keys:\nc" in text


def test_a_recipient_comes_last_in_its_group() -> None:
    data = add_anchor(DATA, "host_eve", EVE)
    eve = Member(EVE, "host_eve")
    wanted = [
        ["+          - *host_eve"],
        ["-    - age: [*user_alice, *host_carol, *host_dave]",
         "+    - age: [*user_alice, *host_carol, *host_dave, *host_eve]"],
        ["-    age: ALICE,DAVE,CAROL", "+    age: ALICE,DAVE,CAROL,EVE"],
        ["-      DAVE", "+      DAVE,", "+      EVE"],
        ["+      - *host_eve"],
        ["-    age: ALICE", "+    age: ALICE,EVE"],
    ]  # fmt: skip
    for number, lines in enumerate(wanted):
        after = add_recipient(data, number, eve)
        assert difference(data, after) == lines
        assert "eve" in readers(after)[number][0]
        assert add_recipient(after, number, eve) == after
    assert difference(DATA, add_recipient(DATA, 4, Member(EVE))) == ['+      - "EVE"']


def test_a_recipient_goes_everywhere_with_what_names_it() -> None:
    assert difference(DATA, remove_recipient(DATA, DAVE)) == [
        "-  # the old dave, and a second line about host_dave",
        "-  - &host_dave DAVE",
        "-          - *host_dave  # for now",
        "-    - age: [*user_alice, *host_carol, *host_dave]",
        "+    - age: [*user_alice, *host_carol]",
        "-    age: ALICE,DAVE,CAROL",
        "+    age: ALICE,CAROL",
        "-      BOB,",
        "-      DAVE",
        "+      BOB",
        '-      - "DAVE"',
    ]
    assert difference(DATA, remove_recipient(DATA, BOB)) == [
        "-  - &user_bob BOB   # leaves in May",
        "-          - *user_bob",
        "-      BOB,",
    ]
    assert difference(DATA, remove_recipient(DATA, "A" * 40)) == ["-        pgp:", f"-          - {'A' * 40}"]
    assert remove_recipient(DATA, EVE) == DATA
    with pytest.raises(UserError, match="nobody left"):
        remove_recipient(DATA, ALICE)


def test_a_comment_stays_with_whom_it_names() -> None:
    data = f"creation_rules:\n- age: [\n    {ALICE}, # alice\n    {BOB} # bob\n  ]\n".encode()
    assert difference(data, remove_recipient(data, BOB)) == ["-    BOB # bob"]
    assert difference(data, remove_recipient(data, ALICE)) == ["-    ALICE, # alice"]
    after = add_recipient(data, 0, Member(EVE))
    assert difference(data, after) == ["-    BOB # bob", "+    BOB, # bob", "+    EVE"]
    assert readers(add_recipient(after, 0, Member(DAVE))) == [[["alice", "bob", "eve", "dave"]]]
    ssh = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHR2B612Botcwj7K4qql8djl19MVmtBV2gZbbB7JsbBe"
    data = f"creation_rules:\n- age: {ssh} me@x,{BOB}\n".encode()
    assert difference(data, remove_recipient(data, ssh)) == [f"-- age: {ssh} me@x,BOB", "+- age: BOB"]


def test_a_new_rule_comes_before_the_catch_all_and_looks_like_the_others() -> None:
    assert difference(DATA, add_rule(DATA, "^hosts/eve/", [Member(ALICE, "user_alice"), Member(EVE)])) == [
        "+  - path_regex: ^hosts/eve/",
        "+    age:",
        "+      - *user_alice",
        '+      - "EVE"',
    ]
    grouped = remove_rule(remove_rule(remove_rule(DATA, 4), 3), 2)
    assert difference(grouped, add_rule(grouped, "^e$", [Member(EVE)], Scope(encrypted_regex="^x$"))) == [
        "+  - path_regex: '^e$'",
        "+    encrypted_regex: ^x$",
        "+    key_groups:",
        "+    - age: [EVE]",
    ]
    first = add_rule(remove_rule(grouped, 1), "^e$", [Member(ALICE, "user_alice")], before=0)
    rule = b"  - path_regex: ^e$\n    key_groups:\n      - age:\n          - *user_alice\n"
    assert b"\ncreation_rules:\n" + rule + b"  # everybody\n" in first


def test_rules_go_and_move_with_their_comments() -> None:
    assert difference(DATA, remove_rule(DATA, 1)) == [
        "-  # carol alone",
        "-  - path_regex: '^hosts/carol/'",
        "-    key_groups:",
        "-    - age: [*user_alice, *host_carol, *host_dave]",
    ]
    for start in range(6):
        for to in range(6):
            moved = move_rule(DATA, start, to)
            order = list(range(6))
            order.insert(to, order.pop(start))
            expressions = [rule.path_regex for rule in read(DATA).rules]
            assert [rule.path_regex for rule in read(moved).rules] == [expressions[n] for n in order]
            assert sorted(moved.split(b"\n")) == sorted(DATA.split(b"\n"))
            assert move_rule(moved, to, start) == DATA
    with pytest.raises(UserError, match="only rule"):
        remove_rule(f"creation_rules:\n- age: {ALICE}\n".encode(), 0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a: [",
        f"creation_rules: [{{age: {ALICE}}}]\n",
        f"{{creation_rules: [{{age: {ALICE}}}]}}\n",
        f"x: &all [{ALICE}, {BOB}]\ncreation_rules:\n- age: *all\n- path_regex: a\n  age: *all\n",
        f"x: &rule\n  age: {ALICE},{BOB}\ncreation_rules:\n- *rule\n- path_regex: a\n  <<: *rule\n",
    ],
)  # fmt: skip
def test_what_is_not_safe_is_refused(text: str) -> None:
    data = text.encode()
    deeds: list[Callable[[], bytes]] = [
        lambda: add_recipient(data, 0, Member(EVE)),
        lambda: add_rule(data, "x", [Member(EVE)]),
    ]
    for deed in deeds:
        try:
            after = deed()
        except UserError:
            continue
        assert [name for groups in readers(after) for keys in groups for name in keys].count("eve") == 1


def test_nonsense_is_refused() -> None:
    deeds: list[Callable[[], bytes]] = [
        lambda: add_anchor(DATA, "user_bob", EVE),
        lambda: add_anchor(DATA, "a b", EVE),
        lambda: add_anchor(DATA, "x", "age1nonsense"),
        lambda: add_anchor(DATA, "x", "AGE-SECRET-KEY-1"),
        lambda: add_anchor(DATA, "x", EVE, comment="a\n- b"),
        lambda: add_anchor(DATA, "x", EVE, after="nobody"),
        lambda: add_recipient(DATA, 9, Member(EVE)),
        lambda: add_recipient(DATA, 0, Member(EVE), 3),
        lambda: add_recipient(DATA, 0, Member("A" * 40)),
        lambda: add_rule(DATA, "", [Member(EVE)]),
        lambda: add_rule(DATA, "x", []),
        lambda: remove_rule(DATA, 7),
        lambda: move_rule(DATA, 0, 7),
        lambda: add_anchor(b"\xff\xfe", "x", EVE),
    ]
    for deed in deeds:
        with pytest.raises(UserError):
            deed()


# --- properties ---------------------------------------------------------------------------------------

KEYS = {"alice": ALICE, "bob": BOB, "carol": CAROL, "dave": DAVE}


STYLES = ["text", "folded", "list", "lines", "flow", "groups", "grouped flow", "two"]


@st.composite
def configurations(draw: st.DrawFn) -> str:
    """Configurations in many styles."""
    eol = draw(st.sampled_from(["\n", "\r\n"]))
    step = draw(st.sampled_from([0, 2, 4]))
    anchored = draw(st.lists(st.sampled_from(sorted(KEYS)), unique=True))
    lines = ["# head", ""] if draw(st.booleans()) else []
    if anchored:
        lines.append("keys:")
        for name in anchored:
            if draw(st.booleans()):
                lines.append(" " * step + f"# about {name}")
            note = draw(st.sampled_from(["", " # note", "  #  é"]))
            lines.append(" " * step + f"- &{name} {KEYS[name]}{note}")
        if draw(st.booleans()):
            lines.append("")
    lines.append("creation_rules:")
    for number in range(draw(st.integers(1, 4))):
        if draw(st.booleans()):
            lines.append(" " * step + f"# rule {number}")
        members = draw(st.lists(st.sampled_from(sorted(KEYS)), min_size=1, unique=True))
        shown = [f"*{m}" if m in anchored and draw(st.booleans()) else KEYS[m] for m in members]
        inner = " " * (step + 2)
        expression = draw(st.sampled_from(["^a/", "'^b$'", "c.yaml"]))
        lines.append(" " * step + f"- path_regex: {expression}")
        style = draw(
            st.sampled_from(["text", "folded", "list", "lines", "flow", "groups", "grouped flow", "two"])
        )
        if style == "text":
            quote = draw(st.sampled_from(["", "'", '"']))
            joined = draw(st.sampled_from([",", ", "])).join(KEYS[m] for m in members)
            lines.append(f"{inner}age: {quote}{joined}{quote}")
        elif style == "folded":
            lines.append(f"{inner}age: >-")
            lines += [f"{inner}  {KEYS[m]}{',' if m != members[-1] else ''}" for m in members]
        elif style == "list":
            lines.append(f"{inner}age:")
            lines += [f"{inner}{' ' * (step // 2)}- {text}" for text in shown]
        elif style == "lines":
            ends = draw(st.lists(st.sampled_from(["", "  # c", " # d"]), min_size=4, max_size=4))
            lines.append(f"{inner}age: [")
            lines += [f"{inner}  {text},{end}" for text, end in zip(shown, ends, strict=False)]
            lines.append(f"{inner}]")
        elif style == "flow":
            lines.append(f"{inner}age: [{', '.join(shown)}]")
        elif style == "grouped flow":
            lines += [f"{inner}key_groups:", f"{inner}- age: [{','.join(shown)}] # c"]
        else:
            lines.append(f"{inner}key_groups:")
            for _ in range(2 if style == "two" else 1):
                lines.append(f"{inner}{' ' * (step // 2)}- age:")
                for text in shown:
                    if draw(st.integers(0, 4)) == 0:
                        lines.append(f"{inner}{' ' * (step // 2)}    # c")
                    lines.append(f"{inner}{' ' * (step // 2)}    - {text}")
        if draw(st.booleans()):
            lines.append(f"{inner}encrypted_regex: ^x$")
        if draw(st.integers(0, 2)) == 0:
            lines.append("")
    return eol.join(lines) + draw(st.sampled_from(["", eol]))


@settings(max_examples=200)
@given(configurations(), st.data())
def test_every_change_means_what_it_should_and_moves_nothing_else(text: str, data: st.DataObject) -> None:
    before = text.encode()
    old = readers(before)
    after = add_anchor(before, "eve", EVE, comment="hello")
    assert only_lines_came(before, after, 2 if b"keys:" not in before else 1)
    number = data.draw(st.integers(0, len(old) - 1))
    group = data.draw(st.integers(0, len(old[number]) - 1))
    named = add_recipient(after, number, Member(EVE, "eve"), group)
    wanted = [[list(keys) for keys in groups] for groups in old]
    wanted[number][group].append("eve")
    assert readers(named) == wanted
    assert remove_recipient(named, EVE) == before or b"keys:" not in before
    assert readers(remove_recipient(named, EVE)) == old
    rule = add_rule(after, "^new/", [Member(EVE, "eve"), Member(ALICE)], before=number)
    assert readers(rule) == [*old[:number], [["eve", "alice"]], *old[number:]]
    assert readers(remove_rule(rule, number)) == old
    name = data.draw(st.sampled_from(sorted(KEYS)))
    alone = any(keys == [name] for groups in old for keys in groups)
    try:
        gone = remove_recipient(before, KEYS[name])
    except UserError:
        assert alone
    else:
        assert readers(gone) == [[[k for k in keys if k != name] for keys in groups] for groups in old]
        assert KEYS[name].encode() not in gone
        assert f"*{name}".encode() not in gone


def only_lines_came(before: bytes, after: bytes, count: int) -> bool:
    changes = difference(before, after)
    ends = not before.endswith(b"\n")
    return len(changes) <= count + 2 * ends and (ends or all(line.startswith("+") for line in changes))


@pytest.mark.shared
def test_configurations_of_real_people_are_changed_line_by_line(shared: Path) -> None:
    found = sorted((shared / "realworld").glob("*/.sops.yaml"))
    assert found
    for path in found:
        data = path.read_bytes()
        rules = read(data).rules
        added = add_anchor(data, "sopsguard_new", EVE)
        assert all(line.startswith("+") for line in difference(data, added))
        for number in range(len(rules)):
            if not rules[number].keys:  # a block rule
                continue
            named = add_recipient(added, number, Member(EVE, "sopsguard_new"))
            assert len(difference(added, named)) <= 2
            assert remove_recipient(named, EVE) == data or "keys" not in {u.name for u in read(data).unknown}
        new = add_rule(added, "^sopsguard-new/", [Member(EVE, "sopsguard_new")])
        assert all(line.startswith("+") for line in difference(added, new))
        for anchor in read(data).anchors:
            if anchor.key is None:
                continue
            normal = anchor.key.normal
            if any({key.normal for key in group} == {normal} for rule in rules for group in rule.groups):
                with pytest.raises(UserError, match="nobody left"):
                    remove_recipient(data, anchor.key.text)
                continue
            gone = remove_recipient(data, anchor.key.text)
            lines = difference(data, gone)
            # the next key of a group comes behind the dash
            went = {line[1:].strip(" -") for line in lines if line.startswith("-")}
            assert {line[1:].strip(" -") for line in lines if line.startswith("+")} <= went
