"""The published schemas are valid, say what sops and we accept, and judge most of a tree without a key."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from sopsguard.structure import judgement, schema
from sopsguard.structure.truth import Truth
from tests.conftest import ROOT
from tests.structure.judging import CHECKER, both
from tests.structure.trees import FAULTS, tree

PUBLISHED = sorted((ROOT / "schemas").glob("*.schema.json"))
GUIDE = (ROOT / "schemas" / "secrets.schema.json").read_bytes()


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.name)
def test_a_published_schema_is_valid_and_explains_itself(path: Path) -> None:
    contents = json.loads(path.read_text())
    jsonschema.Draft202012Validator.check_schema(contents)
    assert contents["$schema"] == schema.DIALECT
    assert contents["title"]


def test_what_is_published_is_what_was_promised() -> None:
    names = {path.name.partition(".")[0] for path in PUBLISHED}
    assert {"policy", "report", "inventory", "secrets", "sops-config"} <= names


def test_the_built_in_schema_has_no_mistake_of_those_that_we_refuse_in_others() -> None:
    assert schema.read(GUIDE, "secrets.schema.json").contents["title"]


@pytest.mark.shared
def test_every_real_configuration_of_sops_is_valid(shared: Path) -> None:
    validator = jsonschema.Draft202012Validator(
        json.loads((ROOT / "schemas" / "sops-config.schema.json").read_text())
    )
    found = [
        path for path in shared.rglob("*sops.yaml") if "creation_rules" in path.read_text(errors="replace")
    ]
    for path in found:
        try:
            document = yaml.safe_load(path.read_text())
        except yaml.YAMLError:  # the sample of a template
            continue
        assert [e.message for e in validator.iter_errors(document)] == [], path.name
    assert len(found) >= 5


@pytest.mark.parametrize(
    "text",
    [
        "creation_rules: text",
        "creation_rules: [{age: {a: b}}]",
        "creation_rules: [{encrypted_regex: a, unencrypted_regex: b}]",
        "creation_rules: [{key_groups: [{age: age1}]}]",
        "stores: {yaml: {indent: two}}",
    ],
)
def test_what_sops_refuses_the_schema_refuses(text: str) -> None:
    contents = json.loads((ROOT / "schemas" / "sops-config.schema.json").read_text())
    assert not jsonschema.Draft202012Validator(contents).is_valid(yaml.safe_load(text))


def verdicts(document: Any) -> tuple[judgement.Verdict, judgement.Verdict]:
    """What the built-in schema says without a key and with one."""
    held = schema.read(GUIDE, "secrets.schema.json", checked=True)
    keyless, keyed = both(document, "yaml")
    return judgement.judge(held, keyless), judgement.judge(held, keyed)


@pytest.mark.parametrize("layout", ["shared", "one host"])
def test_a_whole_tree_has_no_fault(layout: str) -> None:
    document = tree(random.Random(1), flat=layout == "one host")
    keyless, keyed = verdicts(document)
    assert keyless.faults == keyed.faults == ()
    assert keyless.truth is Truth.OPEN  # that 44 bytes are a key only a key can tell
    assert keyed.truth is Truth.VALID
    assert keyed.open == 0
    oracle = jsonschema.Draft202012Validator(json.loads(GUIDE), format_checker=CHECKER)
    assert oracle.is_valid(document)


def faulty() -> Iterator[tuple[str, Any]]:
    """Trees with one fault each, as people and scripts make them."""
    generator = random.Random(2)
    for number in range(120):
        document = tree(generator, flat=number % 4 == 0)
        name, spoil = FAULTS[number % len(FAULTS)]
        if spoil(document, generator):
            yield name, document


def test_most_faults_are_found_without_a_key(capsys: pytest.CaptureFixture[str]) -> None:
    """Of the faults that a key shows, nine of ten show without one, and none that a key does not show."""
    found, all_ = 0, 0
    decided, open_ = 0, 0
    for name, document in faulty():
        keyless, keyed = verdicts(document)
        assert keyed.truth is Truth.INVALID, name
        assert keyless.truth is not Truth.VALID, name
        found += keyless.truth is Truth.INVALID
        all_ += 1
        decided, open_ = decided + keyless.decided, open_ + keyless.open
    with capsys.disabled():
        print(f"\n{found}/{all_} faulty trees decided; {decided}/{decided + open_} single answers")
    assert found >= 0.9 * all_
