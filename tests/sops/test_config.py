"""`.sops.yaml` means what sops makes of it."""

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sopsguard.sops import config, drift
from sopsguard.sops.config import Config, effective
from sopsguard.sops.masterkey import KeyKind
from sopsguard.sops.rules import Scope
from tests.conftest import Peer
from tests.sops.configs import ALICE, BOB, CAROL, DAVE, quoted, read, rules

# --- against real sops --------------------------------------------------------------------------------

_BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{new}: &{new} [{','.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdef", "bcdefg", strict=True)
)

# (configuration, file): which rule applies, or that sops refuses, is asked of sops itself.
ROWS: list[tuple[str, str]] = [
    (text, path)
    for text, paths in {
        rules("secrets.yaml", None): "secrets.yaml my-secrets.yaml.bak secretsxyaml a/secrets.yaml n.yaml",
        rules(
            quoted(r"^secrets/[^/]+\.yaml$"), "secrets/"
        ): "secrets/a.yaml secrets/b/a.yaml x/secrets/a.yaml",
        rules("./secrets/a.yaml", ".*"): "secrets/a.yaml x/secrets/a.yaml",
        rules("^/secrets/", quoted(r"\\"), "a"): "secrets/a.yaml",
        rules("(?i)SECRETS", "x(?i)Y"): "secrets/a.yaml xy.yaml Xy.yaml",
        rules("secrets/*.yaml", "secrets/*"): "secrets/a.yaml secrets.yaml secretsxyaml secret.yaml",
        rules(quoted(r"a\.yaml"), quoted("*.yaml"), None): "a.yaml b.yaml",
        rules(quoted("(?!x)"), None): "a.yaml",
        rules(quoted(r"(a)\1"), None): "aa.yaml",
        rules(quoted("a**"), None): "aa.yaml",
        rules(quoted("{a,b}.yaml"), None): "a.yaml {a,b}.yaml",
        rules(quoted("a{2}"), quoted("a{,2}")): "aa.yaml a{,2}.yaml a.yaml",
        rules(quoted("a{1001}"), None): "a.yaml",
        rules(quoted(r"\pL\pN"), quoted(r"\p{Greek}")): "é2.yaml Ω.yaml x.yaml",
        rules(quoted(r"\.yaml\z"), None): "a.yaml a.yaml.bak",
        rules(quoted(r"\Z"), None): "a.yaml",
        rules(quoted(r"\C"), None): "a.yaml",
        rules(quoted(r"\Qa.y\E"), None): "a.yaml axy.yaml",
        rules(quoted("^.{6}$"), None): "é.yaml ab.yaml",
        rules('""', "a"): "a.yaml",
        rules("~", "a"): "a.yaml",
        rules("123", "a"): "123.yaml a.yaml",
        rules("1_0", "a"): "1_0.yaml 10.yaml",
        rules("2024-01-01", None): "2024-01-01.yaml",
        rules("!!binary YS55", "x"): "a.yaml",
        rules("!!int a", None): "a.yaml",
        rules("!own a", "x"): "a.yaml",
        rules("[a]", None): "a.yaml",
        rules("{a: b}", None): "a.yaml",
        rules("|\n      a", None): "a.yaml",
        rules("a|", None): "b.yaml",
        rules(quoted(r"\bsecrets\b"), None): "my-secrets.yaml my_secrets.yaml",
        f"creation_rules:\n  - age: {ALICE}\n    age: {BOB}\n": "a.yaml",
        f"keys: {{a: 1, a: 2}}\ncreation_rules:\n  - age: {ALICE}\n": "a.yaml",
        "creation_rules: []\n": "a.yaml",
        f"- age: {ALICE}\n": "a.yaml",
        f"creation_rules:\n  -\n  - age: {ALICE}\n": "a.yaml",
        f"creation_rules:\n  age: {ALICE}\n": "a.yaml",
        f"creation_rules:\n  - path-regex: foo\n    age: {ALICE}\n": "a.yaml",
        f"creation_rules:\n  - key_groups: [~]\n    age: {ALICE}\n": "a.yaml",
        f"creation_rules:\n  - key_groups:\n    - age: [{BOB}]\n    age: {ALICE}\n": "a.yaml",
        f"creation_rules:\n  - key_groups:\n    - age: [{BOB}, {BOB}, '{CAROL},{ALICE}']\n": "a.yaml",
        f"creation_rules:\n  - key_groups:\n    - age: [{BOB}, '{CAROL},']\n": "a.yaml",
        f"creation_rules:\n  - key_groups:\n    - age: {BOB}\n": "a.yaml",
        "creation_rules:\n  - key_groups:\n"
        f"    - merge: [{{age: [{BOB}]}}, {{merge: [{{age: [{CAROL}]}}]}}]\n"
        f"      age: [{ALICE}, {BOB}]\n": "a.yaml",
        f"x: &g\n  age: {ALICE}\ncreation_rules:\n"
        f"  - <<: *g\n    path_regex: a\n  - <<: *g\n    age: {BOB}\n": "a.yaml b.yaml",
        f"x: &g {{age: {ALICE}}}\ny: &h {{age: {CAROL}, path_regex: a}}\n"
        f"creation_rules:\n  - <<: [*g, *h]\n  - age: {BOB}\n": "a.yaml b.yaml",
        f"x: &g [1]\ncreation_rules:\n  - <<: *g\n    age: {ALICE}\n": "a.yaml",
        f"creation_rules:\n  - '<<': {{age: {ALICE}}}\n    age: {BOB}\n": "a.yaml",
        "creation_rules:\n  - age: *nobody\n": "a.yaml",
        f"keys:\n  - &users:\n    - &alice {ALICE}\ncreation_rules:\n  - age: *alice\n": "a.yaml",
        f"creation_rules:\n  - age: {ALICE}\n---\n: ][\n": "a.yaml",
        f"%YAML 1.2\n---\ncreation_rules:\n  - age: {ALICE}\n": "a.yaml",
        f"creation_rules:\n  - age: >-\n      {ALICE},\n      {BOB}\n": "a.yaml",
        f"creation_rules:\n  - age: {{a: b}}\n    pgp: {ALICE}\n": "a.yaml",
        "creation_rules:\n  - age: 12\n": "a.yaml",
        f"creation_rules:\n  - age: {ALICE.upper()}\n": "a.yaml",
        f"creation_rules:\n  - age: {ALICE[:-1]}{'q' if ALICE[-1] != 'q' else 'p'}\n": "a.yaml",
        f"creation_rules:\n  - age: {ALICE}\n    shamir_threshold: two\n": "a.yaml",
        f"creation_rules:\n  - age: {ALICE}\n    shamir_threshold: 1.9\n": "a.yaml",
        f"creation_rules:\n  - age: {ALICE}\n    mac_only_encrypted: yes\n": "a.yaml",
        f"creation_rules:\n  - age: {ALICE}\n    mac_only_encrypted: 1\n": "a.yaml",
        f"creation_rules:\n  - age: {ALICE}\n    encrypted_regex: a\n    encrypted_suffix: b\n": "a.yaml",
        f"creation_rules:\n  - path_regex: a\n  - age: {ALICE}\n": "a.yaml b.yaml",
        f"stores: {{yaml: 3}}\ncreation_rules:\n  - age: {ALICE}\n": "a.yaml",
        f"creation_rules:\n  - key_groups: [&g {{age: [{ALICE}], merge: [*g]}}]\n": "a.yaml",
        f"{_BOMB}creation_rules:\n  - age: {ALICE}\n": "a.yaml",
        f"{_BOMB}creation_rules:\n  - age: *g\n": "a.yaml",
        f"\ufeffcreation_rules:\r\n  - age: {ALICE}\r\n": "a.yaml",
        f"creation_rules:\n\t- age: {ALICE}\n": "a.yaml",
        f"creation_rules:\n  - age: {ALICE}#c\n": "a.yaml",
        f"creation_rules:\n  - age: {ALICE}\n<<<<<<< HEAD\n": "a.yaml",
    }.items()
    for path in paths.split()
]
# What only sops 3.11 and later accept, or take otherwise.
NEW_ROWS: list[tuple[str, str]] = [
    (f"creation_rules:\n  - age: [{ALICE}, {BOB}]\n", "a.yaml"),
    (f"creation_rules:\n  - age: [{ALICE}, '']\n", "a.yaml"),
    ("creation_rules:\n  - age: ['']\n", "a.yaml"),
    (f"creation_rules:\n  - age: [{ALICE}, 12]\n", "a.yaml"),
    (f"creation_rules:\n  - age: '{ALICE}, , {BOB},'\n", "a.yaml"),
]


def ours(text: str, path: str) -> list[str] | str:
    """The recipients we expect, or the word for why there are none."""
    found = read(text).match(path)
    if found.error is not None:
        return "refused"
    if found.rule is None:
        return "no rule"
    if found.rule.refusal is not None:
        return "refused"
    return sorted(key.identity for key in found.rule.keys) or "nobody"


def theirs(sops: Path, text: str, path: str, where: Path) -> list[str] | str:
    """What that sops does with the file."""
    (where / ".sops.yaml").write_bytes(text.encode())
    file = where / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("k: v\n")
    run = subprocess.run([sops, "encrypt", path], cwd=where, capture_output=True, text=True, check=False)
    if run.returncode == 0:
        return sorted(re.findall(r"recipient\W+(age1[a-z0-9]+)", run.stdout))
    if "no matching creation rules" in run.stderr:
        return "no rule"
    return "nobody" if re.search("no keys provided|empty key group|not found", run.stderr) else "refused"


@pytest.mark.peer("sops")
@pytest.mark.parametrize("part", range(4))
def test_the_newest_sops_encrypts_for_the_recipients_we_expect(peer: Peer, tmp_path: Path, part: int) -> None:
    disagreeing = []
    for number, (text, path) in enumerate((*ROWS, *NEW_ROWS)[part::4]):
        where = tmp_path / str(number)
        where.mkdir()
        if ours(text, path) != (real := theirs(peer("sops"), text, path, where)):
            disagreeing.append((text, path, real))
    assert disagreeing == []


@pytest.mark.slow
@pytest.mark.peer("sops")
@pytest.mark.parametrize("version", ["3.9.4", "3.11.0", "3.12.2"])
def test_older_sops_agree(peer: Peer, tmp_path: Path, version: str) -> None:
    sops = peer("sops", version=version)
    disagreeing = []
    for number, (text, path) in enumerate(ROWS if version == "3.9.4" else (*ROWS, *NEW_ROWS)):
        where = tmp_path / str(number)
        where.mkdir()
        if ours(text, path) != (real := theirs(sops, text, path, where)):
            disagreeing.append((text, path, real))
    assert disagreeing == []


@pytest.mark.peer("sops")
def test_a_nested_configuration_counts_for_those_who_work_below_it(peer: Peer, tmp_path: Path) -> None:
    for path, key in ((".sops.yaml", ALICE), ("infra/.sops.yaml", BOB)):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(f"creation_rules:\n  - path_regex: ^a\\.yaml$|^infra/\n    age: {key}\n")
    (tmp_path / "infra/a.yaml").write_text("k: v\n")
    configs = {p: read((tmp_path / p).read_text(), p) for p in (".sops.yaml", "infra/.sops.yaml")}

    verdict = effective(configs, "infra/a.yaml")
    assert verdict.is_ambiguous
    assert [m.config.path for m in verdict.others] == ["infra/.sops.yaml"]
    for match, where, path in ((verdict.match, "", "infra/a.yaml"), (verdict.others[0], "infra", "a.yaml")):
        run = subprocess.run(
            [peer("sops"), "encrypt", path], cwd=tmp_path / where, capture_output=True, text=True, check=True
        )
        assert match is not None
        assert match.rule is not None
        assert match.rule.keys[0].identity in run.stdout


# --- the real world -----------------------------------------------------------------------------------

REPOSITORIES = (
    "CraightonH__home-cluster",
    "NickCao__flakes",
    "hyperparabolic__nix-config",
    "tiiuae__ghaf-infra",
    "truxnell__nix-config",
)


def _truth(shared: Path, name: str) -> tuple[Path, Config, dict[str, Any]]:
    root = shared / "realworld" / name
    found = config.parse((root / ".sops.yaml").read_bytes())
    return root, found, json.loads((root / "_truth.json").read_text())


@pytest.mark.shared
@pytest.mark.parametrize("name", REPOSITORIES)
def test_every_real_file_gets_the_rule_it_is_known_to_get(shared: Path, name: str) -> None:
    _, found, truth = _truth(shared, name)
    assert found.problems == ()
    for file in truth["files"]:
        match = effective({".sops.yaml": found}, file["path"]).match
        assert match is not None
        assert (match.rule.index if match.rule else "NONE") == file["rule"], file["path"]
        assert sorted(rule.index for rule in match.also) == file["also_matches"], file["path"]
    assert [f["path"] for f in truth["files"] if found.match(f["path"]).rule is None] == truth["no_rule"]
    for path, index, _ in truth["unencrypted_matching"]:
        rule = found.match(path).rule
        assert rule is not None
        assert rule.index == index


@pytest.mark.shared
@pytest.mark.parametrize("name", REPOSITORIES)
def test_real_drift_anchors_and_unused_rules_agree(shared: Path, name: str) -> None:
    root, found, truth = _truth(shared, name)
    used = set()
    for file in truth["files"]:
        rule = found.match(file["path"]).rule
        if rule is None:
            continue
        used.add(rule.index)
        difference = drift.drift(
            [[recipient.partition(":")[2] for recipient in file["recipients"]]],
            rule,
            threshold=file["shamir_threshold"] or 0,
            scope=Scope(**file["scope"]),
            binary=file["format"] == "binary",
        )
        assert sorted(difference.missing) == sorted(k.partition(":")[2] for k in file["missing"]), file[
            "path"
        ]
        assert sorted(difference.extra) == sorted(k.partition(":")[2] for k in file["extra"]), file["path"]
        assert bool(difference.scope) == bool(file["scope_drift"]), file["path"]
    assert [anchor.name for anchor in found.unused_anchors] == truth["unused_anchors"]
    assert [r.index for r in found.rules if r.index not in used] == [
        r[1] for r in truth["rules_without_files"]
    ]
    for line in (root / "_recipients.tsv").read_text().splitlines()[1:]:
        anchor, _, recipient = line.partition("\t")
        assert anchor in [name.text for name in found.names[recipient.partition(":")[2]]]


@pytest.mark.shared
def test_an_empty_catch_all_of_the_real_world_is_a_block(shared: Path) -> None:
    _, found, _ = _truth(shared, "NickCao__flakes")
    assert [rule.index for rule in found.rules if rule.is_block] == [12]


# --- recipients and names ------------------------------------------------------------------------------


def test_every_key_field_of_a_rule_is_read() -> None:
    found = read(
        f"""creation_rules:
  - age: {ALICE}
    pgp: 0xDEAD BEEF DEAD BEEF DEAD  BEEF DEAD BEEF DEAD BEEF!
    kms: arn:aws:kms:eu-west-1:1:key/a+arn:aws:iam::1:role/r
    aws_profile: prod
    gcp_kms: projects/p/locations/l/keyRings/r/cryptoKeys/k
    hckms: [eu:1234]
    azure_keyvault: https://v.vault.azure.net/keys/k/1, https://v.vault.azure.net/keys/k
    hc_vault_transit_uri: https://vault.example.org:8200/v1/transit/keys/k
"""
    )
    assert [key.identity for key in found.rules[0].keys] == [
        ALICE,
        "0xDEADBEEFDEADBEEFDEADBEEFDEADBEEFDEADBEEF!",
        "arn:aws:kms:eu-west-1:1:key/a+arn:aws:iam::1:role/r||prod",
        "projects/p/locations/l/keyRings/r/cryptoKeys/k",
        "eu:1234",
        "https://v.vault.azure.net/keys/k/1",
        "https://v.vault.azure.net/keys/k/",
        "https://vault.example.org:8200/v1/transit/keys/k",
    ]
    assert found.rules[0].keys[1].normal == "DEADBEEF" * 5
    assert found.rules[0].refusal is None


def test_every_key_field_of_a_group_is_read_in_the_order_of_sops() -> None:
    found = read(
        f"""creation_rules:
  - key_groups:
    - hc_vault: [https://vault.example.org/v1/transit/keys/k]
      azure_keyvault: [{{vaultUrl: https://v, key: k, version: "1"}}]
      hckms: [{{key_id: eu:1}}]
      gcp_kms: [{{resource_id: projects/p/locations/l/keyRings/r/cryptoKeys/k}}]
      kms: [{{arn: arn:aws:kms:eu:1:key/a, role: r, context: {{b: "2", a: "1"}}, aws_profile: p}}]
      pgp: [{"AB" * 20}, {"AB" * 20}]
      age: [{BOB}]
      merge: [{{age: [{ALICE}]}}]
"""
    )
    assert [(key.kind, key.identity) for key in found.rules[0].keys] == [
        (KeyKind.X25519, ALICE),
        (KeyKind.X25519, BOB),
        (KeyKind.PGP, "AB" * 20),
        (KeyKind.KMS, "arn:aws:kms:eu:1:key/a+r|a:1,b:2|p"),
        (KeyKind.GCP_KMS, "projects/p/locations/l/keyRings/r/cryptoKeys/k"),
        (KeyKind.HCKMS, "eu:1"),
        (KeyKind.AZURE, "https://v/keys/k/1"),
        (KeyKind.VAULT, "https://vault.example.org/v1/transit/keys/k"),
    ]


def test_key_groups_hide_the_keys_of_the_rule() -> None:
    rule = read(f"creation_rules:\n  - age: {ALICE}\n    key_groups: [{{age: [{BOB}]}}]\n").rules[0]
    assert [key.identity for key in rule.keys] == [BOB]
    assert [key.identity for key in rule.ignored] == [ALICE]


def test_recipients_have_names_from_anchors_keys_and_comments() -> None:
    found = read(
        f"""keys:
  - &host_web {ALICE} # Web server
  - people:
      bob: {BOB}
creation_rules:
  - key_groups:
      - age:
          - *host_web
          - {CAROL}   ## carol's laptop
          - {DAVE}
"""
    )
    assert {key: [(n.text, n.source) for n in names] for key, names in found.names.items()} == {
        ALICE: [("host_web", "anchor"), ("Web server", "comment")],
        BOB: [("bob", "key")],
        CAROL: [("carol's laptop", "comment")],
    }
    assert found.rules[0].keys[0].anchor == "host_web"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n"])
@pytest.mark.parametrize("style", [">-", ">", "|", "|-"])
def test_a_comment_below_a_block_names_nobody_in_it(style: str, end: str) -> None:
    text = f"creation_rules:\n  - age: {style}\n      {ALICE}\n    # only for CI\n    path_regex: a\n"
    found = read(text.replace("\n    #", f"{end}    #"))
    assert found.rules[0].keys[0].identity == ALICE
    assert found.names == {}


def test_an_anchor_with_a_colon_is_read_as_go_yaml_reads_it() -> None:
    found = read(f"keys:\n  - &users:\n    - &alice {ALICE}\ncreation_rules:\n  - age: *alice\n")
    assert [anchor.name for anchor in found.anchors] == ["users", "alice"]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_places_slice_back_to_what_stands_there(newline: str) -> None:
    text = f"""keys:
  - &bob {BOB}
creation_rules:
  - path_regex: é|secrets
    age: >-
      {ALICE},
      {CAROL}
  - key_groups: [{{age: [*bob, {DAVE}]}}]
""".replace("\n", newline)
    found = read(text)
    lines = text.splitlines()
    for rule in found.rules:
        for key in rule.keys:
            assert key.span is not None
            written = f"*{key.anchor}" if key.anchor else key.identity
            assert found.text[key.span.start : key.span.end] == written
            assert lines[key.span.line - 1][key.span.column - 1 : key.span.end_column - 1] == written
    assert found.rules[0].path_span is not None
    assert found.text[found.rules[0].path_span.start : found.rules[0].path_span.end] == "é|secrets"


def test_a_private_key_in_the_place_of_a_recipient_goes_no_further() -> None:
    secret = "AGE-SECRET-KEY-" + "1QQQQ" * 12
    found = read(
        f"creation_rules:\n  - age: {secret}\n    pgp: '{secret}'\n    {secret}: 1\n    key_groups:\n"
        f"    - age: [{ALICE}] # {secret}\n"
    )
    assert "1QQQQ" not in repr(found)
    assert "1QQQQ" not in str(found.rules[0].refusal) + "".join(map(repr, found.rules[0].ignored))


# --- matching -----------------------------------------------------------------------------------------


def test_the_answer_tells_what_was_tried_and_what_would_match_as_well() -> None:
    match = read(rules("^a$", "b", "c", None)).match("b.yaml")
    assert match.rule is not None
    assert match.rule.index == 1
    assert [(t.rule.index, t.reason) for t in match.tried] == [(0, "`^a$` is not found in `b.yaml`")]
    assert [rule.index for rule in match.also] == [3]


def test_an_invalid_expression_stops_the_search_only_when_it_is_reached() -> None:
    found = read(rules("^a", quoted("(?=x)"), None))
    assert found.match("a.yaml").rule is found.rules[0]
    stopped = found.match("b.yaml")
    assert stopped.rule is None
    assert stopped.error is not None
    assert (stopped.error.code, stopped.error.line) == ("C1", 5)


def test_a_nested_configuration_tests_the_path_from_its_own_directory_on() -> None:
    found = read(rules(quoted(r"^secrets/a\.yaml$")), "infra/prod/.sops.yaml")
    assert found.match("infra/prod/secrets/a.yaml").rule is found.rules[0]
    outside = found.match("secrets/a.yaml")
    assert outside.rule is None
    assert outside.unknown is not None


def test_without_the_engine_the_answer_is_unknown_and_never_no_match(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "re2", None)
    match = read(rules("never-compiled-before", None)).match("a.yaml")
    assert match.rule is None
    assert match.unknown is not None
    assert "google-re2" in match.unknown.needed


def test_a_name_that_is_not_utf8_is_matched_byte_by_byte() -> None:
    assert read(rules(quoted(r"^a..\.yaml$"))).match("a\udcff\udcfe.yaml").rule is not None


@pytest.mark.parametrize(
    ("text", "catch_all", "block"),
    [
        (rules(None), True, False),
        (rules(".*"), True, False),
        (rules(quoted(r".*\.yaml")), False, False),
        ("creation_rules:\n  - {}\n", True, True),
        ("creation_rules:\n  - key_groups:\n", True, True),
        ("creation_rules:\n  - path_regex: .*\n", True, True),
        ("creation_rules:\n  - path_regex: a\n", False, False),
    ],
)
def test_catch_alls_and_deliberate_blocks_are_recognised(text: str, catch_all: bool, block: bool) -> None:
    rule = read(text).rules[0]
    assert (rule.is_catch_all, rule.is_block) == (catch_all, block)


# --- several configurations ---------------------------------------------------------------------------


def test_the_nearest_configuration_is_the_usual_one_where_the_top_has_none() -> None:
    configs = {
        p: read(rules(None), p) for p in ("a/.sops.yaml", "a/b/.sops.yaml", "other/.sops.yaml", "a/.sops.yml")
    }
    verdict = effective(configs, "a/b/c.yaml")
    assert verdict.match is not None
    assert verdict.match.config.path == "a/b/.sops.yaml"
    assert not verdict.is_ambiguous  # a/.sops.yaml says the same
    assert verdict.ignored == ("a/.sops.yml",)


def test_without_a_configuration_above_it_a_file_has_no_verdict() -> None:
    assert effective({"a/.sops.yaml": read(rules(None), "a/.sops.yaml")}, "b/c.yaml").match is None


# --- bad input ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("creation_rules: [", 1, "cannot read"),
        ("creation_rules:\n  - age: *x\n", 2, "unknown anchor 'x'"),
        ("creation_rules:\n  - age: a\n    pgp: b\n    age: c\n", 4, "already defined at line 2"),
        ("creation_rules: yes\n", 1, "a string stands where a list is expected"),
        ("creation_rules:\n  - shamir_threshold: two\n", 2, "a whole number"),
        ("a: \x00\n", 1, "not text"),
        ("[" * 5000, 1, "cannot read"),
    ],
)
def test_what_go_yaml_refuses_is_a_problem_with_its_place(text: str, line: int, words: str) -> None:
    found = read(text)
    assert not found.usable
    problem = found.problems[0]
    assert (problem.code, problem.line) == ("C1", line)
    assert words in problem.message
    assert found.match("a.yaml").error == problem


@pytest.mark.parametrize(
    "data",
    [b"", b"\n", b"# only a comment\n", b"---\n", b"creation_rules:\n", b"keys: []\n", b"--- ~\n--- x\n"],
)
def test_without_creation_rules_there_is_nothing_to_match(data: bytes) -> None:
    found = config.parse(data)
    assert (found.usable, found.declares_rules, found.rules) == (True, False, ())


def test_the_indents_of_the_stores_are_read() -> None:
    found = read("stores: {yaml: {indent: 2}, json: {indent: -1}, json_binary: }\n")
    assert found.stores == {"yaml": 2, "json": -1}


def test_a_large_file_is_refused_and_not_read() -> None:
    assert "MiB" in config.parse(b"a: b\n" * 1_000_000).problems[0].message


_PIECES = [
    "creation_rules:\n",
    "  - path_regex: a\n",
    "    age: ",
    "x",
    "- ",
    "&a ",
    "*a",
    "*b",
    " ",
    "\n",
    "<<: ",
    "[",
    "]",
    "{",
    "}",
    ":",
    "age1",
    "~",
    "'\"'",
    "\t",
    "#",
    "|\n",
    ">-",
    "!!binary ",
    "!!int ",
    "key_groups:",
    "merge:",
    "kms:",
    "context:",
    "shamir_threshold: ",
    "%YAML 1.2\n",
    "---\n",
    "...\n",
    "? ",
    "stores:",
    "\x00",
    "�",
    "é",
    "\x85",
    "1",
    "destination_rules:",
    "hckms:",
    "azure_keyvault:",
    "recreation_rule:",
    "vaultUrl:",
    "hc_vault: [http://[]",
]


def _touch(found: Config) -> Mapping[str, object]:
    """Ask everything there is to ask."""
    return {
        "match": [found.match(path) for path in ("a", "x/y.yaml", "\udcff")],
        "rules": [
            (r.refusal, r.is_block, r.threshold, r.ignored, r.is_accidental_shamir) for r in found.rules
        ],
        "keys": [(key.normal, key.label, key.problem) for rule in found.rules for key in rule.keys],
        "anchors": found.unused_anchors,
        "drift": [drift.drift([["a"], []], rule, threshold=2, scope=Scope()) for rule in found.rules],
        "repr": repr(found),
    }


@given(st.binary(max_size=200))
def test_no_bytes_raise(data: bytes) -> None:
    assert _touch(config.parse(data))


@given(st.lists(st.sampled_from(_PIECES), max_size=25).map("".join))
def test_no_yaml_raises(text: str) -> None:
    assert _touch(read(text))


def as_yaml(expression: str) -> str:
    """A double-quoted scalar; JSON's are YAML's but for pairs of surrogates."""
    return json.dumps(expression, ensure_ascii=False)


@given(st.lists(st.text(st.characters(categories=["Ll", "Po", "Sm"]), max_size=8), min_size=1, max_size=3))
def test_the_first_rule_that_would_match_alone_is_the_one(expressions: list[str]) -> None:
    together = read(rules(*map(as_yaml, expressions)))
    alone = [read(rules(as_yaml(expression))) for expression in expressions]
    verdicts = [one.match("a.b+c") for one in alone]
    stop = next((i for i, verdict in enumerate(verdicts) if verdict.rule or verdict.error), None)
    found = together.match("a.b+c")
    assert (found.rule.index if found.rule else None) == (
        stop if stop is not None and verdicts[stop].rule else None
    )
    assert (found.error is not None) == (stop is not None and verdicts[stop].error is not None)
