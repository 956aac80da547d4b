"""A schema of a user is checked before anything is judged by it: a mistake has its place, none takes long."""

import json
import subprocess
import sys
import time
from typing import Any

import pytest

from sopsguard.model import UserError
from sopsguard.structure import schema
from sopsguard.structure.judgement import Budget, judge
from sopsguard.structure.truth import Truth
from tests.conftest import ROOT
from tests.structure.judging import known


def mistake(text: str | dict[str, Any]) -> str:
    """What is said of a schema, or of an empty document judged by it."""
    data = (text if isinstance(text, str) else json.dumps(text)).encode()
    with pytest.raises(UserError) as e:
        judge(schema.read(data, "schemas/a.json"), known({}))
    return f"{e.value.message} | {e.value.hint}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{\n "properties": {\n  "a": {"type": "strng"}}}', "schemas/a.json:3: `type` is no type"),
        ('{\n "properties": {\n  "a": {"type": "strng"}}}', "at /properties/a/type"),
        ('{\n "minLength": -1}', "schemas/a.json:2: "),
        (
            '{"properties": {"a/b": {\n "format": "wiregard-key"}}}',
            "a.json:2: there is no format 'wiregard-key'",
        ),
        ('{"properties": {"a/b": {\n "format": "wiregard-key"}}}', "/properties/a~1b/format | did you mean"),
        (
            '{"$ref": "https://example.org/x.json"}',
            "leads to something outside this file at /$ref | nothing is",
        ),
        ('{"items": {"$ref": "b.json#/x"}}', "leads to something outside this file at /items/$ref"),
        ('{"items":\n {"$ref": "#/$defs/x"}}', "a.json:2: `$ref` leads to nothing at /items/$ref"),
        ('{"default": {"type": 3}, "$ref": "#/default"}', "leads to a place that holds no schema"),
        ('{"$ref": "#"}', "leads back to itself without going deeper"),
        (
            '{"$defs": {"a": {"allOf": [{"$ref": "#/$defs/a"}]}}, "not": {"$ref": "#/$defs/a"}}',
            "back to itself",
        ),
        ('{"pattern": "^(?!x)"}', "it looks ahead or behind"),
        ('{"patternProperties": {"(a)\\\\1": true}}', "it refers back to a group"),
        ('{"pattern": "("}', "the expression cannot be used"),
        ('{"pattern": "((a{100}){100}){100}"}', "the expression cannot be used"),
        (
            '{"$schema": "http://json-schema.org/draft-07/schema#"}',
            "this draft of JSON Schema is not judged here",
        ),
        ('{"dependencies": {}}', "`dependencies` means nothing in draft 2020-12"),
        ('{"$id": "x", "$defs": {"a": {"$id": "http://["}}}', "no address"),
        ('{"type": "string",\n "type": "object"}', "'type' is given twice"),
        ('{"maximum": NaN}', "NaN is no JSON"),
        ('{"type":\n}', "schemas/a.json:2: not valid JSON"),
        ("[]", "a schema is an object or a boolean"),
        ('{"not":' * 2000 + "true" + "}" * 2000, "nested too deeply"),
        ('{"not":' * 100 + "true" + "}" * 100, "more than is judged by it"),
        ('{"enum": [' + ",".join(['"value"'] * 40_000) + "]}", "larger than 256 KiB"),
        ('{"properties": {' + ",".join(f'"{n}": {{}}' for n in range(5000)) + "}}", "5,002 parts"),
        ('{"maximum": ' + "9" * 5000 + "}", "a number too long"),
    ],
)
def test_a_mistake_is_named_with_its_place(text: str, said: str) -> None:
    pytest.importorskip("re2")
    assert said in mistake(text)


def test_text_that_is_not_utf_8_is_said_to_be_none() -> None:
    with pytest.raises(UserError, match="not UTF-8"):
        schema.read(b'{"title": "\xff"}', "a.json")


def test_a_reference_to_the_meta_schema_needs_no_network() -> None:
    held = {"additionalProperties": {"$ref": "https://json-schema.org/draft/2020-12/schema"}}
    read = schema.read(json.dumps(held).encode(), "a.json")
    assert judge(read, known({"a": {"type": "string"}})).truth is Truth.VALID
    assert judge(read, known({"a": {"type": "strng"}})).truth is Truth.INVALID


def _explosion(levels: int) -> dict[str, Any]:
    """Alternatives of alternatives: three to the power of `levels` ways to be valid."""
    definitions: dict[str, Any] = {"a0": {"type": "object"}}
    for n in range(1, levels):
        below = {"$ref": f"#/$defs/a{n - 1}"}
        definitions[f"a{n}"] = {"anyOf": [below, {"allOf": [below]}, {"not": below}]}
    return {"$ref": f"#/$defs/a{levels - 1}", "$defs": definitions}


def _deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return value


HOSTILE = {
    "alternatives of alternatives": (_explosion(40), {"x": 1}),
    "a document as deep as it may be": ({"additionalProperties": {"$ref": "#"}}, _deep(195)),
    "an expression of many repetitions": (
        {"additionalProperties": {"pattern": "^(([a-z])+.)+[A-Z]([a-z])+$"}},
        {"a": "a" * 100_000},
    ),
    "many expressions for many keys": (
        {"patternProperties": {f"x{n}": True for n in range(300)}, "additionalProperties": True},
        {f"k{n}": 1 for n in range(3000)},
    ),
    "a large enumeration for many values": (
        {"additionalProperties": {"enum": [str(n) for n in range(20_000)]}},
        {str(n): "x" for n in range(500)},
    ),
    "many elements that must differ": ({"items": {"uniqueItems": True}}, [list(range(20_000))]),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_schema_is_bounded(name: str) -> None:
    contents, document = HOSTILE[name]
    begun = time.process_time()
    verdict = judge(schema.read(json.dumps(contents).encode(), "a.json"), known(document))
    assert time.process_time() - begun < 15
    assert not verdict.unfinished or verdict.truth is not Truth.VALID


def test_what_is_not_finished_is_open_and_says_so() -> None:
    held = schema.read(json.dumps({"additionalProperties": {"type": "integer"}}).encode(), "a.json")
    verdict = judge(held, known({str(n): n for n in range(100)}), Budget(20))
    assert (verdict.truth, verdict.unfinished) == (Truth.OPEN, "judging it takes too many steps")


def test_what_was_certainly_wrong_before_the_end_is_said() -> None:
    held = schema.read(json.dumps({"additionalProperties": {"type": "integer"}}).encode(), "a.json")
    verdict = judge(held, known({"a": "text", **{str(n): n for n in range(100)}}), Budget(150))
    assert [fault.place.key for fault in verdict.faults] == ["a"]
    assert verdict.unfinished


def test_jsonschema_loads_only_where_a_schema_is() -> None:
    code = (
        "import sys\nfrom sopsguard.structure import files, names, hosts, pairs\n"
        "files.Structure({}, {}, lambda path: None, lambda path: None).faults\n"
        "print({'jsonschema', 'referencing', 'cryptography', 'yaml'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "set()"
