"""JSON Schema in three values agrees with `jsonschema` where all is known, and never contradicts it else."""

import json
from typing import Any

import jsonschema
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sopsguard.sops.editor import CannotEncrypt
from sopsguard.structure import judgement, schema
from sopsguard.structure.shadow import Array, Known, Object, Shadow
from sopsguard.structure.truth import Truth
from tests.structure.judging import CHECKER, both, known
from tests.structure.schemas import documents, schemas


def read_schema(contents: Any) -> schema.Schema:
    return schema.read(json.dumps(contents).encode(), "a.json")


def judged(contents: Any, document: Shadow) -> judgement.Verdict:
    return judgement.judge(read_schema(contents), document)


@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(documents, schemas())
def test_on_a_document_in_clear_it_agrees_with_jsonschema(document: Any, contents: dict[str, Any]) -> None:
    verdict = judged(contents, known(document))
    oracle = jsonschema.Draft202012Validator(contents, format_checker=CHECKER)
    assert verdict.unfinished == ""
    assert verdict.truth is (Truth.VALID if oracle.is_valid(document) else Truth.INVALID)
    assert bool(verdict.faults) == (verdict.truth is Truth.INVALID)


def plain(node: Shadow) -> Any:
    """A document that is wholly known, as a JSON value."""
    if isinstance(node, Object):
        return {name: plain(child) for name, child in node.entries.items()}
    if isinstance(node, Array):
        return [plain(child) for child in node.items]
    assert isinstance(node, Known)
    return node.value


@settings(max_examples=80, suppress_health_check=list(HealthCheck))
@given(documents, st.lists(schemas(), min_size=1, max_size=4), st.sampled_from(["yaml", "json"]))
def test_without_a_key_nothing_is_said_that_a_key_contradicts(
    document: Any, drawn: list[dict[str, Any]], format: str
) -> None:
    try:
        keyless, keyed = both(document, format)
    except CannotEncrypt:
        return
    for contents in drawn:
        mine = read_schema(contents)
        sure, full = judgement.judge(mine, keyless), judgement.judge(mine, keyed)
        oracle = jsonschema.Draft202012Validator(contents, format_checker=CHECKER)
        assert full.truth is (Truth.VALID if oracle.is_valid(plain(keyed)) else Truth.INVALID)
        assert sure.truth in (Truth.OPEN, full.truth)
        assert bool(sure.faults) == (sure.truth is Truth.INVALID)
