"""The report as SARIF 2.1.0 (OASIS), for code scanning: an artefact, never the verdict.

Fingerprints are those of the text report: rule, path, key, never a line or a secret. What only an earlier
commit of a range has, or a message, has no place in the files that code scanning shows: it is in the job
summary, and counted as `elsewhere`.
"""

import json as _json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from sopsguard import __version__, checks
from sopsguard.hooks import Target
from sopsguard.judge import WAIVER_RULES, Verdict
from sopsguard.model import Finding, Level, Location, printable
from sopsguard.report.text import Judged
from sopsguard.snapshot import path_bytes

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
# What code scanning shows of one run (docs.github.com, SARIF support for code scanning).
_MOST = 5000
_LEVELS = {Level.ERROR: "error", Level.WARNING: "warning", Level.INFO: "note"}


def document(verdict: Verdict, target: Target, judged: Judged) -> str:
    """The log of one run as JSON text."""
    here = [f for f in verdict.findings if _is_shown(f, judged)]
    shown = here[:_MOST]
    rules = sorted({f.rule for f in shown} | {w.finding.rule for w in verdict.waived})
    index = {rule: number for number, rule in enumerate(rules)}
    results = [_result(f, judged.places[f.fingerprint], index) for f in shown]
    for waived in verdict.waived:
        if _is_shown(waived.finding, judged) and len(results) < _MOST:
            said = {"kind": "external", "status": "accepted", "justification": printable(waived.reason)}
            stands = judged.places[waived.finding.fingerprint]
            results.append({**_result(waived.finding, stands, index), "suppressions": [said]})
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "sopsguard",
                "version": __version__,
                "semanticVersion": __version__,
                "rules": [_rule(rule) for rule in rules],
            }
        },
        "automationDetails": {"id": "sopsguard/"},
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
            "base": target.base,
            "head": target.rev,
            "files": judged.files,
            "older": verdict.older,
            "elsewhere": len(verdict.findings) - len(here),
            "omitted": len(here) - len(shown),
        },
    }
    return _json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False)


def _is_shown(finding: Finding, judged: Judged) -> bool:
    return finding.fingerprint in judged.places


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
        "name": "".join(word.capitalize() for word in rule.split("-")),
        "shortDescription": {"text": title},
        "fullDescription": {"text": " ".join(body.split()) or title},
        "help": {"text": " ".join(remedy.split()) or title},
        "defaultConfiguration": {"level": _LEVELS[level]},
        "properties": {"tags": ["security"]},
    }


def _result(finding: Finding, where: Location, index: Mapping[str, int]) -> dict[str, Any]:
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
        # The second is what code scanning follows an alert by (a hash, and its number among equals).
        "partialFingerprints": {
            "sopsguard/v1": finding.fingerprint,
            "primaryLocationLineHash": f"{finding.fingerprint}:1",
        },
    }


def _location(path: str, region: Mapping[str, int]) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": {"uri": quote(path_bytes(path)), "uriBaseId": "%SRCROOT%"}}
    if region:
        place["region"] = dict(region)
    return {"physicalLocation": place}
