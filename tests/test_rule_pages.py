"""A page for each rule in `docs/rules`, written from its docstring and example: a test compares them.

`python -m tests.test_rule_pages` writes them anew.
"""

import re
from pathlib import Path

from sopsguard import checks
from sopsguard.context import Encrypted
from sopsguard.judge import WAIVER_RULES
from tests.conftest import ROOT

FOLDER = ROOT / "docs" / "rules"


def page(rule: str) -> str:
    """What stands in the file of a rule."""
    check = checks.load(rule)
    title, _, rest = check.doc.strip().partition("\n")
    parts = [
        f"# {rule}",
        f"*{check.family.value} · {check.level.value} by default*",
        f"**{title}**",
        rest.strip(),
    ]
    body, _, remedy = parts.pop().partition("Remedy: ")
    parts += [body.strip(), "## What to do" if remedy else "", remedy[:1].upper() + remedy[1:].strip()]
    example = check.example
    for heading, files, later in (
        ("Found here", example.bad, example.then_bad),
        ("Not here", example.good, example.then_good),
    ):
        parts.append(f"## {heading}")
        for path, content in files.items():
            text, how = content, ""
            if isinstance(content, Encrypted):
                text, how = content.plain, f", encrypted for {' and '.join(content.to)}"
                if content.later:
                    how += f", then for {' and '.join(content.later)}"
                how += "".join(
                    f"; by hand `{old.strip()}` becomes {f'`{new.strip()}`' if new.strip() else 'nothing'}"
                    for old, new in content.hand
                )
            assert isinstance(text, str)
            fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
            parts.append(f"`{path}`{how}:\n\n{fence}\n{text.rstrip()}\n{fence}")
        for commit in later:
            who = f"signed by {commit.by}" if commit.by else "not signed"
            who += ", its message changed after that" if commit.altered else ""
            parts.append(
                f"Then a commit that is {who}, of {', '.join(f'`{path}`' for path in commit.files)}."
            )
    return "\n\n".join(part for part in parts if part) + "\n"


def index() -> str:
    """The list of all rules."""
    lines = ["# Rules", "", "Written from the rules themselves; `sopsguard explain RULE` prints the same."]
    family = ""
    for rule in checks.RULES:
        check = checks.load(rule)
        if check.family.value != family:
            family = check.family.value
            lines += ["", f"## {family}", "", "| rule | level | a good repository |", "|---|---|---|"]
        lines.append(f"| [{rule}]({rule}.md) | {check.level.value} | {check.title.replace('|', '&#124;')} |")
    lines += ["", "## about waivers", "", "| rule | level | a good repository |", "|---|---|---|"]
    for rule, doc in WAIVER_RULES.items():
        lines.append(f"| {rule} | warning | {doc.partition(chr(10))[0].rstrip('.')} |")
    return "\n".join(lines) + "\n"


def pages() -> dict[Path, str]:
    made = {FOLDER / f"{rule}.md": page(rule) for rule in checks.RULES}
    return {FOLDER / "README.md": index(), **made}


def test_there_is_a_current_page_for_every_rule_and_for_nothing_else() -> None:
    wanted = pages()
    assert {path.name for path in FOLDER.iterdir()} == {path.name for path in wanted}
    stale = [path.name for path, text in wanted.items() if path.read_text() != text]
    assert stale == [], "python -m tests.test_rule_pages writes them anew"


def test_every_page_says_what_to_do() -> None:
    assert [rule for rule in checks.RULES if "\n## What to do\n" not in page(rule)] == []


def test_no_page_holds_a_key() -> None:
    for text in pages().values():
        assert not re.search(
            "AGE-SECRET-KEY-1[A-Z0-9]{20}|BEGIN [A-Z ]*PRIVATE KEY-----\n[A-Za-z0-9+/=]{20}", text
        )


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in set(FOLDER.iterdir()) - set(pages()):
        old.unlink()
    for path, text in pages().items():
        path.write_text(text)
