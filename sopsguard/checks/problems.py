"""From the problems of SOPS files and configurations to findings: a rule names the codes it answers for."""

from typing import TYPE_CHECKING, NamedTuple

from sopsguard.model import Finding, Intent, Level, Location, Unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from sopsguard.context import Context


class Advice(NamedTuple):
    """What to do about a problem with this code; `level` where it weighs less than the rule. `once`
    where a file that has it has it everywhere: then only the first place is told."""

    hint: str
    level: Level | None = None
    once: bool = False


def of_files(
    ctx: "Context", codes: "Mapping[str, Advice]", intent: "Callable[[str], Intent] | None" = None
) -> "Iterator[Finding]":
    """The problems with these codes in the SOPS files under judgement."""
    for path, problems in ctx.file_problems.items():
        told: set[str] = set()
        for problem in problems:
            advice = codes.get(problem.code)
            if advice is not None and not (advice.once and problem.code in told):
                told.add(problem.code)
                yield Finding(
                    Location(path, problem.line, problem.column, key=problem.key),
                    problem.message,
                    advice.hint,
                    level=advice.level,
                    intent=intent(path) if intent else None,
                    identity=problem.code,
                )


def of_configs(ctx: "Context", codes: "Mapping[str, Advice]") -> "Iterator[Finding | Unknown]":
    """The problems with these codes in the configurations, if those are under judgement."""
    for path, problem in ctx.config_problems:
        if isinstance(problem, Unknown):
            yield problem
            continue
        advice = codes.get(problem.code)
        if advice is not None:
            rule = "" if problem.rule is None else f"creation_rules.{problem.rule}"
            yield Finding(
                Location(path, problem.line, problem.column, key=rule or None),
                problem.message,
                problem.hint or advice.hint,
                level=advice.level,
                identity=problem.code,
            )
