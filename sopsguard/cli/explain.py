"""`sopsguard explain`: what a rule means, why it matters, how to repair it."""

from typing import TYPE_CHECKING

from sopsguard.cli import OK
from sopsguard.cli.judging import known_rules
from sopsguard.model import UserError, printable

if TYPE_CHECKING:
    import argparse


HELP = "what a rule, or a reason code of a signature, means, why it matters, how to repair it"


def configure(parser: "argparse.ArgumentParser") -> None:
    """Its options."""
    parser.add_argument("rule", nargs="?", metavar="RULE")


def run(options: "argparse.Namespace") -> int:
    """Print one rule, or a line of each."""
    from sopsguard import checks
    from sopsguard.judge import WAIVER_RULES

    if options.rule is None:
        for rule in checks.RULES:
            check = checks.load(rule)
            print(f"{rule:24} {check.level:8} {check.title}")
        for rule, doc in WAIVER_RULES.items():
            print(f"{rule:24} {'warning':8} {doc.partition(chr(10))[0].rstrip('.')}")
        return OK
    if options.rule in WAIVER_RULES:
        print(f"{options.rule} · warning\n\n{WAIVER_RULES[options.rule].strip()}")
        return OK
    if options.rule not in checks.RULES:
        from sopsguard.report.signatures import meaning

        try:
            print("\n".join(meaning(options.rule)))
        except ValueError:
            pass
        else:
            return OK
        from sopsguard.policy import nearest

        raise UserError(f"{options.rule!r} is not a rule", nearest(options.rule, known_rules()))
    check = checks.load(options.rule)
    print(f"{check.id} · {check.family} · {check.level}\n\n{check.doc.strip()}")
    example = check.example
    for title, files, commits in (
        ("Found here", example.bad, example.then_bad),
        ("Not here", example.good, example.then_good),
    ):
        for path, text in files.items():
            shown = text if isinstance(text, str) else text.plain
            kind = "" if isinstance(text, str) else f", encrypted for {' and '.join(text.to)}"
            print(f"\n{title}: {path}{kind}\n")
            print("\n".join(f"    {line}" for line in shown.rstrip().split("\n")))
            for old, new in () if isinstance(text, str) else text.hand:
                print(f"\n  and then edited by hand: {printable(old)} becomes {printable(new) or 'nothing'}")
        for commit in commits:
            signed = f"signed by {commit.by}" if commit.by else "not signed"
            altered = " and altered afterwards" if commit.altered else ""
            print(f"\n{title}: a commit that changes {', '.join(commit.files)}, {signed}{altered}")
    return OK
