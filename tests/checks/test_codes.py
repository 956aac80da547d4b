"""Every code that the reading of SOPS files and configurations can give belongs to exactly one rule."""

import re
from importlib import import_module
from pathlib import Path

import sopsguard.sops
from sopsguard import checks

# Told by rules of their own, which know more than the code says.
ELSEWHERE = {"C2", "C3", "C4", "shamir"}


def test_no_code_is_lost_and_none_is_told_twice() -> None:
    source = "".join(path.read_text() for path in Path(sopsguard.sops.__path__[0]).glob("*.py"))
    given = set(re.findall(r'"((?:[MLRC]\d+|C9-odd|shamir))"', source))
    assert len(given) > 40
    owners: dict[str, list[str]] = {}
    for rule, family in checks.RULES.items():
        module = import_module(f"sopsguard.checks.{family}.{rule.replace('-', '_')}")
        for code in getattr(module, "CODES", {}):
            owners.setdefault(code, []).append(rule)
    assert given - set(owners) - ELSEWHERE == set()
    assert set(owners) - given == set()
    assert {code: rules for code, rules in owners.items() if len(rules) > 1} == {}
