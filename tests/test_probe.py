"""How much is found of what people leak, and how much of what is harmless is blocked: our own probe.

The files are written from how these formats look in the wild, not from our patterns.
"""

from collections import Counter

import pytest

from sopsguard.model import Confidence
from sopsguard.scan import Scanner
from tests.probe import negatives, positives

# Confidence below which a finding is no more than a warning.
ERRORS = (Confidence.PROVED, Confidence.LIKELY)


@pytest.fixture(scope="module")
def leaks() -> list[positives.Case]:
    return list(positives.cases())


@pytest.fixture(scope="module")
def missed(leaks: list[positives.Case]) -> list[positives.Case]:
    scanner = Scanner()
    return [case for case in leaks if not found(scanner, case)]


def found(scanner: Scanner, case: positives.Case) -> bool:
    """Whether a hit touches the secret."""
    hits = scanner.hits(case.text, case.path)
    at = case.text.find(case.shown) if case.shown else -1
    if at < 0:
        return bool(hits)
    return any(hit.start < at + len(case.shown) and hit.end > at for hit in hits)


def test_the_probe_is_as_large_as_it_says(leaks: list[positives.Case]) -> None:
    counts = Counter(case.kind for case in leaks)
    assert len(leaks) >= 100
    assert min(counts["wireguard"], counts["age"], counts["restic and borg"]) >= 40
    assert len(list(negatives.cases())) >= 80


def test_95_percent_of_the_leaks_are_found(leaks: list[positives.Case], missed: list[positives.Case]) -> None:
    shown = [(case.kind, case.path, case.text.decode()) for case in missed]
    assert len(missed) <= 0.05 * len(leaks), shown


def test_no_kind_of_leak_is_neglected(leaks: list[positives.Case], missed: list[positives.Case]) -> None:
    counts, gone = Counter(case.kind for case in leaks), Counter(case.kind for case in missed)
    assert all(gone[kind] <= 0.1 * counts[kind] for kind in counts), gone


def test_nothing_harmless_is_blocked() -> None:
    scanner = Scanner()
    blocked = [
        (path, hit, text.decode("utf-8", "replace"))
        for path, text in negatives.cases()
        for hit in scanner.hits(text, path)
        if hit.confidence in ERRORS
    ]
    assert not blocked, blocked
