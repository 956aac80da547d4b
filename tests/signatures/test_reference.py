"""The documentation says of each reason code what the program says, and its example is a policy."""

import re
from pathlib import Path

from sopsguard.report.signatures import meaning, reference
from sopsguard.signatures.reason import MEANING, PASSING, Reason
from sopsguard.signed import section
from tests.conftest import ROOT
from tests.signatures.people import SecurityKey
from tests.sopsguard_command import sopsguard

PAGE = ROOT / "docs" / "signatures.md"
BETWEEN = re.compile(r"(<!-- reason codes: .* -->\n)(.*)(<!-- end -->\n)", re.S)


def current(page: str) -> str:
    """The page with its list as it should be: write this to bring it up to date."""
    listed = "\n".join(reference())
    return BETWEEN.sub(lambda m: f"{m[1]}{listed}\n{m[3]}", page)


def test_the_page_lists_every_code_as_the_program_tells_it() -> None:
    page = PAGE.read_text()
    assert page == current(page)
    for reason in Reason:
        assert f"**`{reason.value}`**" in page


def test_the_example_is_a_policy() -> None:
    example = re.search(r"```yaml\n(.*?)```", PAGE.read_text(), re.S)
    assert example is not None
    text = example[1].replace("sk-ssh-ed25519@openssh.com AAAA…", SecurityKey.make().public)
    rules = section(text.encode())
    assert rules is not None
    assert [(s.name, sorted(s.roles)) for s in rules.signers] == [
        ("alice", ["admin", "commit"]), ("bob", ["commit"]),
    ]  # fmt: skip


def test_each_code_that_does_not_pass_has_a_remedy() -> None:
    assert {reason for reason in Reason if not MEANING[reason].remedy} == PASSING


def test_explain_tells_a_code(tmp_path: Path) -> None:
    said = sopsguard(tmp_path, "explain", "impure-merge")
    assert said.code == 0
    assert said.out.splitlines() == list(meaning("impure-merge"))
    assert sopsguard(tmp_path, "explain", "nonsense").code == 2
