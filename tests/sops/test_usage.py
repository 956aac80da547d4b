"""How files and rules fit together."""

import pytest

from sopsguard.sops import nearmiss, usage
from tests.sops.configs import ALICE, BOB, quoted, read, rules

BLOCK = "  - {}\n"


def found(text: str, encrypted: str = "", clear: str = "") -> list[tuple[str, str | None, str]]:
    """(code, path, message) of every problem."""
    return [
        (problem.code, problem.path, problem.message)
        for problem in usage.problems(read(text), encrypted.split(), clear.split())
    ]


def test_files_that_fit_their_rules_are_no_problem() -> None:
    assert found(rules(r"^a/.*\.yaml$", "b/"), "a/x.yaml b/y", "README.md") == []


def test_a_rule_that_is_always_forestalled_is_told_with_the_rule_that_does_it() -> None:
    text = rules("secrets/", "secrets/web/")
    [(code, _, message)] = found(text, "secrets/web/a.yaml secrets/b.yaml")
    assert code == "C2"
    assert message == (
        "rule 2 never applies: all it matches (1 file, such as secrets/web/a.yaml) is taken by earlier rules "
        "such as rule 1 in line 2"
    )


def test_a_rule_without_files_is_told_but_no_catch_all_is() -> None:
    assert found(rules("^a$", "^b$", ".*") + BLOCK, "a") == [("C3", None, "rule 2 `^b$` matches no file")]


def test_a_file_without_rule_is_told_with_the_nearest_rule() -> None:
    [(code, path, message)] = found(rules("^x$", r"config.yaml|kubeconfig"), "config.sops.yaml x config.yaml")
    assert (code, path) == ("C3", "config.sops.yaml")
    assert "nearest is rule 2: it would match `config.yaml`" in message


def test_files_in_clear_are_told_but_not_below_a_block() -> None:
    assert found(rules("^a", None), "a.yaml", "a.txt b.txt") == [
        ("C4", "a.txt", "a.txt is not encrypted, although rule 1 (line 2) matches it"),
        ("C4", "b.txt", "b.txt is not encrypted, although the catch-all (line 4) matches it"),
    ]
    assert found(rules("^a") + BLOCK, "a.yaml", "b.txt") == []


def test_an_expression_that_catches_too_much_is_told_with_a_stricter_one() -> None:
    found = [
        problem
        for problem in usage.problems(
            read(rules("config.yaml")), ["config.yaml", "k8s/config.yaml"], ["kustomizeconfig.yaml.j2"]
        )
        if problem.code == "C10"
    ]
    assert [(problem.message, problem.hint) for problem in found] == [
        (
            "rule 1 `config.yaml` does not end at the end of the name and may start in the middle of a name: "
            "it also matches 1 file such as kustomizeconfig.yaml.j2",
            "`(^|/)config.yaml$`",
        )
    ]


def test_a_loose_expression_that_catches_nothing_more_is_no_problem() -> None:
    assert found(rules("secrets.yaml"), "a/secrets.yaml secrets.yaml") == []


@pytest.mark.parametrize(
    ("path", "told"),
    [
        (".env.prod", True),
        ("app/config.json.enc", True),
        ("a.yaml.j2", False),
        (".env.example", False),
        ("prod.env", False),
        ("kubeconfig.sops", False),
    ],
)
def test_a_name_that_makes_a_binary_file_of_it_is_told(path: str, told: bool) -> None:
    assert ("C14" in [code for code, _, _ in found(rules(quoted(r"[a-z]")), path)]) is told


def test_a_configuration_that_sops_never_reads_is_told() -> None:
    configs = {"a/.sops.yml": read(rules(None), "a/.sops.yml")}
    assert [(problem.code, problem.path) for problem in usage.layout(configs)] == [("C11", "a/.sops.yml")]


def test_nested_configurations_are_told_where_they_disagree() -> None:
    def layout(inner: str, path: str) -> list[str | None]:
        configs = {
            ".sops.yaml": read(f"creation_rules:\n  - age: {ALICE}\n"),
            "a/.sops.yaml": read(inner, "a/.sops.yaml"),
        }
        return [problem.path for problem in usage.layout(configs, [path])]

    assert layout(f"creation_rules:\n  - age: {BOB}\n", "a/x.yaml") == ["a/.sops.yaml"]
    assert layout(f"creation_rules:\n  - path_regex: ^x\n    age: {ALICE}\n", "a/x.yaml") == []
    assert layout(f"creation_rules:\n  - age: {BOB}\n", "b/x.yaml") == []


GLOB = r"as a shell pattern it would match; as an expression that is `^secrets/[^/]*\.yaml$`"
LETTERS = r"it stands in the path letter by letter; its signs need a backslash: `c\[x\]/a`"


@pytest.mark.parametrize(
    ("pattern", "path", "reason"),
    [
        (
            "config.yaml",
            "config.sops.yaml",
            "`config.yaml`: the expression leaves no room for `.sops`",
        ),
        (r"secrets\.yaml$", "secrets.yml", "would match with the extension `.yaml` instead of `.yml`"),
        (r"secrets\.yaml$", "secrets.yaml.j2", "would match without the ending `.j2`"),
        ("^Secrets/", "secrets/a.yaml", "only upper and lower case differ"),
        ("./secrets/a", "secrets/a.yaml", "without the leading `./`: sops tests `secrets/a.yaml`"),
        (r"secrets\\a", "secrets/a.yaml", "it has backslashes where the path has slashes"),
        ("secrets/*.yaml", "secrets/a.yaml", GLOB),
        ("c[x]/a", "c[x]/a.yaml", LETTERS),
        ("^hosts/web/", "nixos/hosts/web/a.yaml", "match `hosts/web/a.yaml`, without the `nixos/` before it"),
        (r"^hosts/[^/]+\.yaml$", "hosts/old/web.yaml", "it would match without the directory `old/`"),
    ],
)
def test_near_misses_say_what_would_have_to_be_otherwise(pattern: str, path: str, reason: str) -> None:
    [miss] = nearmiss.near_misses(read(rules(quoted(pattern))), path)
    assert miss.reason.endswith(reason)


@pytest.mark.parametrize(("pattern", "path"), [("^a$", "something/else.yaml"), ("a", "a.yaml"), ("c**", "c")])
def test_what_matches_or_is_far_off_is_no_near_miss(pattern: str, path: str) -> None:
    assert nearmiss.near_misses(read(rules(quoted(pattern))), path) == ()


def test_a_file_of_the_same_name_elsewhere_shows_that_a_directory_moved() -> None:
    config = read(rules(r"^old/place/secrets\.yaml$"))
    [miss] = nearmiss.near_misses(config, "new/secrets.yaml", ["old/place/secrets.yaml"])
    assert (
        miss.reason
        == "it matches `old/place/secrets.yaml`, a file of the same name in another directory; moved?"
    )


def test_the_path_from_the_top_is_recognised_in_a_nested_configuration() -> None:
    [miss] = nearmiss.near_misses(read(rules("^infra/secrets/"), "infra/.sops.yaml"), "infra/secrets/a.yaml")
    assert "sops tests `secrets/a.yaml`, the path from infra/ on" in miss.reason


def test_the_nearest_miss_comes_first() -> None:
    config = read(rules(r"^x/hosts/a\.yaml$", r"^hosts/a\.json$"))
    assert [m.rule.index for m in nearmiss.near_misses(config, "hosts/a.yaml", ["x/hosts/a.yaml"])] == [1, 0]
