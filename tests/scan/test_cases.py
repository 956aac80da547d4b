"""How much of the test material of other scanners is found, and how much of what is harmless is not."""

import json
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

from sopsguard.model import Confidence
from sopsguard.scan import Scanner

CORE = frozenset(
    {"age", "private_key", "wireguard", "aws", "github", "gitlab", "slack", "stripe"}
    | {"openai", "anthropic", "jwt", "cloudflare", "digitalocean", "tailscale"}
)
INDEPENDENT = frozenset({"kingfisher", "noseyparker", "titus", "trufflehog"})


class Case(NamedTuple):
    source: str
    category: str
    should_match: bool
    found: bool
    error: bool


@pytest.fixture(scope="module")
def cases(shared: Path) -> list[Case]:
    """Every row that counts: ours, with a text. Recall counts findings of any level, noise counts errors."""
    scanner = Scanner()
    judged = []
    for line in (shared / "cases" / "plaintext.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        if row.get("ours") is False or not row["text"].strip():
            continue
        hits = scanner.hits(row["text"].encode("utf-8", "surrogateescape"), row.get("path") or "case.txt")
        error = any(hit.confidence is not Confidence.POSSIBLE for hit in hits)
        judged.append(Case(row["source"], row["category"], row["should_match"], bool(hits), error))
    return judged


def recall(cases: list[Case]) -> float:
    positives = [case for case in cases if case.should_match]
    return sum(case.found for case in positives) / len(positives)


@pytest.mark.shared
def test_95_percent_of_the_core_categories_are_found(cases: list[Case]) -> None:
    assert recall([case for case in cases if case.category in CORE]) >= 0.95


@pytest.mark.shared
def test_90_percent_of_everything_is_found(cases: list[Case]) -> None:
    assert recall(cases) >= 0.90


@pytest.mark.shared
def test_no_category_is_neglected(cases: list[Case]) -> None:
    positives = Counter(case.category for case in cases if case.should_match)
    poor = {
        category: round(recall([case for case in cases if case.category == category]), 2)
        for category, count in positives.items()
        if count >= 10 and recall([case for case in cases if case.category == category]) < 0.85
    }
    assert poor == {}


@pytest.mark.shared
def test_80_percent_of_the_core_of_independent_sources_are_found(cases: list[Case]) -> None:
    assert recall([c for c in cases if c.category in CORE and c.source in INDEPENDENT]) >= 0.80


@pytest.mark.shared
def test_at_most_15_percent_of_what_independent_sources_call_harmless_is_an_error(cases: list[Case]) -> None:
    for core in (True, False):
        harmless = [
            case
            for case in cases
            if not case.should_match and case.source in INDEPENDENT and (case.category in CORE or not core)
        ]
        assert sum(case.error for case in harmless) <= 0.15 * len(harmless)


@pytest.mark.shared
def test_the_real_repositories_hold_no_secret_in_clear(shared: Path) -> None:
    scanner = Scanner()
    errors = []
    for path in sorted((shared / "realworld").rglob("*")):
        if not path.is_file() or path.is_symlink():
            continue
        name = path.relative_to(shared / "realworld").as_posix()
        errors += [
            (name, hit.kind)
            for hit in scanner.hits(path.read_bytes(), name)
            if hit.confidence is not Confidence.POSSIBLE
        ]
    assert errors == []
