"""The report for programs: one JSON document, described by `schemas/report.schema.json`."""

import json as _json
from typing import Any

from sopsguard.hooks import Target
from sopsguard.judge import Verdict
from sopsguard.model import Finding, Unknown, printable
from sopsguard.report.text import Judged

VERSION = 1


def document(verdict: Verdict, target: Target, judged: Judged) -> str:
    """The report as JSON text. Undecodable bytes of paths are written as backslash escapes."""
    return _json.dumps(
        {
            "version": VERSION,
            "judged": {
                "what": target.what,
                "label": target.label,
                "rev": target.rev,
                "base": target.base,
                "commits": target.commits,
                "paths": target.paths,
                "files": judged.files,
                "bytes": judged.bytes,
                "older": verdict.older,
                "notes": [_text(n) for n in judged.notes],
            },
            "trust": _trust(target, judged),
            "findings": [finding(f) for f in verdict.findings],
            "unknown": [_unknown(u) for u in verdict.unknown],
            "waived": [
                {**finding(w.finding), "reason": w.reason, "until": w.until or None} for w in verdict.waived
            ],
            "access": judged.access.document if judged.access else {"gained": [], "lost": []},
        },
        indent=2,
        ensure_ascii=False,
    )


def _trust(target: Target, judged: Judged) -> dict[str, str | None]:
    """Whom the judgement believed: a revision, a policy from outside, else what is judged itself."""
    trust = judged.trust
    outer = _text(trust.outer) if trust is not None and trust.outer is not None else None
    if trust is not None and trust.oid is not None:
        return {"rev": _text(trust.rev or trust.oid), "oid": trust.oid, "policy": outer}
    oid = target.rev if target.rev not in ("index", "worktree") else None
    return {"rev": target.rev, "oid": oid, "policy": outer}


def finding(f: Finding) -> dict[str, Any]:
    """One finding as the schema names its fields."""
    where = f.location
    return {
        "rule": f.rule,
        "family": f.family.value,
        "level": f.level.value if f.level else None,
        "confidence": f.confidence.value,
        "path": _text(where.path.rstrip("/")),
        "line": where.line,
        "column": where.column,
        "end_line": where.end_line,
        "end_column": where.end_column,
        "key": _text(where.key) if where.key else None,
        "commit": where.commit,
        "message": _text(f.message),
        "hint": _text(f.hint),
        "fixable": f.intent is not None,
        "fingerprint": f.fingerprint,
    }


def _unknown(u: Unknown) -> dict[str, Any]:
    where = u.location
    return {
        "rule": u.rule,
        "family": u.family.value,
        "path": _text(where.path.rstrip("/")),
        "line": where.line,
        "key": _text(where.key) if where.key else None,
        "commit": where.commit,
        "reason": _text(u.reason),
        "needed": _text(u.needed),
    }


def _text(text: str) -> str:
    """Text that any JSON reader takes: lone surrogates (undecodable bytes of a path) become escapes."""
    return printable(text) if any("\ud800" <= c <= "\udfff" for c in text) else text
