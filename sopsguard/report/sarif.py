"""The report as SARIF 2.1.0 (OASIS), for code scanning: an artefact, never the verdict.

Fingerprints are those of the text report: rule, path, key, never a line or a secret. What stands only in an
earlier commit of a range has no place in the files that code scanning shows: it is in the job summary.
"""

import json as _json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from sopsguard import __version__, checks
from sopsguard.hooks import Target
from sopsguard.judge import WAIVER_RULES, Verdict
from sopsguard.model import Finding, Level, printable
from sopsguard.report.text import Judged
from sopsguard.snapshot import path_bytes

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {Level.ERROR: "error", Level.WARNING: "warning", Level.INFO: "note"}


def document(verdict: Verdict, target: Target, judged: Judged) -> str:
    """The log of one run as JSON text."""
    shown = [f for f in verdict.findings if _is_shown(f, target)]
    rules = sorted({f.rule for f in shown} | {w.finding.rule for w in verdict.waived})
    index = {rule: number for number, rule in enumerate(rules)}
    results = [_result(f, index) for f in shown]
    for waived in verdict.waived:
        if _is_shown(waived.finding, target):
            said = {"kind": "external", "status": "accepted", "justification": printable(waived.reason)}
            results.append({**_result(waived.finding, index), "suppressions": [said]})
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "sopsguard",
                "version": __version__,
                "semanticVersion": __version__,
                "rules": [_rule(rule) for rule in rules],
            }
        },
        "columnKind": "unicodeCodePoints",
        "results": results,
        "invocations": [
            {
                "executionSuccessful": True,
                "toolExecutionNotifications": [
                    {
                        "level": "warning",
                        "message": {"text": f"{printable(u.reason)}; needed: {printable(u.needed)}"},
                        "locations": [_location(u.location.path, {})],
                    }
                    for u in verdict.unknown
                    if not u.location.path.endswith("/")
                ],
            }
        ],
        "properties": {
            "judged": printable(target.label),
            "files": judged.files,
            "older": verdict.older,
            "elsewhere": len(verdict.findings) - len(shown),
        },
    }
    return _json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False)


def _is_shown(finding: Finding, target: Target) -> bool:
    where = finding.location
    if where.path.endswith("/"):
        return False
    return where.commit is None or where.commit == target.rev


def _rule(rule: str) -> Mapping[str, Any]:
    if rule in WAIVER_RULES:
        doc, level = WAIVER_RULES[rule], Level.WARNING
    else:
        check = checks.load(rule)
        doc, level = check.doc, check.level
    title, _, rest = doc.strip().partition("\n")
    body, _, remedy = rest.strip().partition("Remedy: ")
    return {
        "id": rule,
        "shortDescription": {"text": title},
        "fullDescription": {"text": " ".join(body.split()) or title},
        "help": {"text": " ".join(remedy.split()), "markdown": " ".join(remedy.split())},
        "defaultConfiguration": {"level": _LEVELS[level]},
        "properties": {"tags": ["security"]},
    }


def _result(finding: Finding, index: Mapping[str, int]) -> dict[str, Any]:
    where = finding.location
    region = {
        name: value
        for name, value in (
            ("startLine", where.line),
            ("startColumn", where.column if where.line else None),
            ("endLine", where.end_line if where.line else None),
            ("endColumn", where.end_column if where.line and where.column else None),
        )
        if value is not None
    }
    location = _location(where.path, region)
    if where.key:
        location["logicalLocations"] = [{"fullyQualifiedName": printable(where.key)}]
    return {
        "ruleId": finding.rule,
        "ruleIndex": index[finding.rule],
        "level": _LEVELS[finding.level or Level.INFO],
        "message": {"text": f"{printable(finding.message)}. What to do: {printable(finding.hint)}"},
        "locations": [location],
        "partialFingerprints": {"sopsguard/v1": finding.fingerprint},
    }


def _location(path: str, region: Mapping[str, int]) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": {"uri": quote(path_bytes(path)), "uriBaseId": "%SRCROOT%"}}
    if region:
        place["region"] = dict(region)
    return {"physicalLocation": place}
