"""The pages for the night name commands that there are, with options that these have."""

import re
import shlex
from collections.abc import Iterator

import pytest

from sopsguard.cli import FIXES, run
from tests.conftest import ROOT

PAGES = ("compromised-host", "recipes")


def commands() -> Iterator[str]:
    """Every command line of ours on the pages."""
    for page in PAGES:
        text = (ROOT / "docs" / f"{page}.md").read_text()
        for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL):
            yield from re.findall(r"(?m)^\s*sopsguard ([^#\n]+)", block)
        yield from re.findall(r"`sopsguard ([^`\n]+)`", text)


@pytest.mark.parametrize("line", sorted(set(map(str.strip, commands()))))
def test_a_command_of_the_pages_is_one(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = shlex.split(line.partition(" | ")[0])
    named = words[:2] if words[0] == "fix" and words[1:2] and words[1] in FIXES else words[:1]
    with pytest.raises(SystemExit) as ended:
        run([*named, "--help"])
    assert ended.value.code == 0
    told = set(re.findall(r"--[a-z-]+", capsys.readouterr().out))
    assert {word for word in words if word.startswith("--")} <= told


def test_what_fix_repairs_by_name_on_the_pages_is_a_rule_or_a_family() -> None:
    from sopsguard.cli.judging import select

    names = {m[1] for line in commands() if (m := re.match(r"fix (\w[\w-]*)", line)) and m[1] not in FIXES}
    assert names
    for name in names:
        assert select([name], ())
