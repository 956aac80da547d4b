"""A few hundred hostile inputs for every parser and decoder; `tests/fuzz/run.py` is the long version."""

import time

import pytest

from sopsguard.scan import Scanner
from tests.fuzz.run import fuzz
from tests.fuzz.targets import TARGETS, inputs


@pytest.mark.parametrize("name", TARGETS)
def test_hostile_input_gets_an_answer(name: str) -> None:
    done, failures = fuzz(name, seed=1, seconds=0.4, count=300)
    assert done
    assert not failures, "\n".join(failures)


@pytest.mark.parametrize("name", TARGETS)
def test_an_input_can_be_made_again(name: str) -> None:
    assert inputs(name, 3, 17) == inputs(name, 3, 17)


def test_a_mapping_that_says_often_that_it_is_a_secret_is_read_once() -> None:
    text = b"kind: Secret\ndata:\n  a: b\n" * 2500
    started = time.process_time()
    assert Scanner().scan(text, "a.yaml")
    assert time.process_time() - started < 3


def test_names_that_stand_for_ever_larger_expressions_are_not_followed_for_ever() -> None:
    from sopsguard.nix.facts import facts

    text = b"{ nixosConfigurations = " + b"let a=" * 3000 + b"{}" + b"; in a" * 3000 + b"; }"
    started = time.process_time()
    assert facts(text, "flake.nix")
    assert time.process_time() - started < 3
