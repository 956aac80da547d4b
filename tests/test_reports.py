"""Reports in the forms of forges: nothing that stands in a repository is taken for more than text."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sopsguard.hooks import Target
from sopsguard.judge import Verdict, Waived
from sopsguard.model import Family, Finding, Level, Location, Unknown
from sopsguard.report import github, markdown, sarif
from sopsguard.report.text import Judged
from sopsguard.snapshot import Snapshot
from tests.ci.forge import Forge, run
from tests.gitrepo import Repo
from tests.sopsguard_command import sopsguard
from tests.throwaway import github_token

TARGET = Target("range", "1 commit (a..b)", Snapshot.of({}), tuple, base="a" * 40, rev="b" * 40)
JUDGED = Judged(1, 10)  # without places: nothing of what was found stands there

# What ends a line or means something to a runner, to Markdown, to HTML or to a terminal, and bytes that are
# not UTF-8.
PIECES = [*"ab1 \n\r\t%:,;#`*_[]()<>&|!\\@~$\x1b\x85\u2028\u202e\udcff", "::error::", "##[error]"]
HOSTILE = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)


def finding(**fields: Any) -> Finding:
    made = Finding(
        Location("a.env", 1, 7), "a token in clear", "take it out", level=Level.ERROR, rule="plaintext-token",
        fingerprint="0123456789abcdef",
    )  # fmt: skip
    return made._replace(**fields)


def judged(*stand: Finding) -> Judged:
    """Where these findings stand in the judged state."""
    return Judged(1, 10, places={f.fingerprint: f.location for f in stand})


def verdict(
    *findings: Finding, unknown: tuple[Unknown, ...] = (), waived: tuple[Waived, ...] = ()
) -> Verdict:
    return Verdict(findings, 0, unknown, waived)


def findings() -> st.SearchStrategy[Finding]:
    where = st.builds(
        Location,
        path=HOSTILE.filter(bool),
        line=st.none() | st.integers(1, 99),
        column=st.none() | st.integers(1, 99),
        end_line=st.none(),
        end_column=st.none(),
        key=st.none() | HOSTILE,
        commit=st.none() | st.just("c" * 40),
    )
    return st.builds(
        finding, location=where, message=HOSTILE, hint=HOSTILE, level=st.sampled_from(list(Level))
    )


# --- GitHub -----------------------------------------------------------------------------------------------


@given(st.lists(findings(), max_size=4))
def test_an_annotation_is_one_line_and_one_command(found: list[Finding]) -> None:
    for line in github.annotations(verdict(*found), judged(*found[1:])):
        assert not re.search("[\r\n\x1b\x85\u2028\u202e]", line)
        # The properties end at the first `::` after the first one, so none of them may hold it.
        match = re.fullmatch(r"::(error|warning|notice) ([^:]*)::(.*)", line)
        assert match, line
        for part in match[2].split(","):
            assert re.fullmatch(r"(title|file|line|endLine|col)=[^,:]*", part), line


def test_at_most_ten_annotations_of_a_level_and_the_rest_is_counted() -> None:
    for number, expected in ((10, 10), (11, 10), (30, 10)):
        lines = list(github.annotations(verdict(*[finding()] * number), JUDGED))
        assert len(lines) == expected
        assert ("more" in lines[-1]) == (number > 10)
    assert lines[-1] == "::error title=sopsguard::and 21 more: see the log"


def test_a_message_stays_below_what_the_runner_cuts() -> None:
    (line,) = github.annotations(verdict(finding(message="x" * 9000)), JUDGED)
    assert len(line.partition("::error ")[2].partition("::")[2]) <= 4096


def test_what_does_not_stand_there_any_more_names_no_file() -> None:
    one = finding(location=Location("a.env", 1, 7, commit="c" * 40))
    (there,) = github.annotations(verdict(one), judged(one))
    (gone,) = github.annotations(verdict(one), JUDGED)
    assert ("file=a.env" in there, "file=" in gone, "a.env:1" in gone) == (True, False, True)


# --- Markdown ---------------------------------------------------------------------------------------------


@given(HOSTILE)
def test_text_in_markdown_is_text(said: str) -> None:
    plain = re.sub(r"&#\d+;", "", markdown.text(said))
    assert not re.search(r"[&<>\[\]()*_`~|\\#@!$.:\n\r\x1b]", plain)


@given(HOSTILE)
def test_code_in_markdown_ends_where_it_ends(said: str) -> None:
    code = markdown.code(said)
    fence = re.match("`+", code)
    assert fence
    inside = code[len(fence[0]) : -len(fence[0])]
    assert code == f"{fence[0]}{inside}{fence[0]}"
    assert fence[0] not in inside
    assert not inside.startswith("`")
    assert not inside.endswith("`")
    assert "\n" not in code


@given(st.lists(findings(), max_size=3))
def test_each_finding_is_one_item_of_the_summary(found: list[Finding]) -> None:
    text = markdown.document(verdict(*found), TARGET, JUDGED)
    assert len(re.findall("(?m)^- ", text)) == len(found)
    assert len(re.findall("(?m)^#", text)) == 1 + len({f.level for f in found})


def test_a_summary_stays_below_its_limit_and_counts_the_rest() -> None:
    many = verdict(*(finding(message=f"{n} " + "é" * 500) for n in range(3000)))
    text = markdown.document(many, TARGET, JUDGED)
    assert len(text.encode()) < 900 << 10
    assert re.search(r"_\d+ more entries are in the log", text)


def test_the_summary_begins_with_the_verdict_and_the_ids() -> None:
    assert markdown.document(verdict(), TARGET, JUDGED).startswith("## ✅")
    assert markdown.document(verdict(), TARGET, JUDGED, undecided=True).startswith("## ⚠️")
    bad = markdown.document(verdict(finding()), TARGET, JUDGED, "2099-01-01", undecided=True)
    assert bad.startswith("## ❌")
    assert "a" * 40 in bad
    assert "sopsguard waive 0123456789abcdef" in bad


# --- SARIF ------------------------------------------------------------------------------------------------


def check_sarif(document: dict[str, Any]) -> None:
    """What SARIF 2.1.0 (OASIS, sections 3.13 to 3.58) demands of the parts that we write; the official
    schema is not at hand here."""
    assert document["version"] == "2.1.0"
    assert document["$schema"].endswith("sarif-schema-2.1.0.json")
    assert set(document) <= {"$schema", "version", "runs"}
    for one in document["runs"]:
        assert set(one) == {
            "tool", "automationDetails", "columnKind", "results", "invocations", "properties",
        }  # fmt: skip
        assert one["columnKind"] in ("utf16CodeUnits", "unicodeCodePoints")
        driver = one["tool"]["driver"]
        assert driver["name"]
        rules = driver["rules"]
        assert len({rule["id"] for rule in rules}) == len(rules)
        for rule in rules:
            assert {"id", "name", "help", "defaultConfiguration"} <= set(rule)
            for part in ("shortDescription", "fullDescription", "help"):
                assert set(rule[part]) == {"text"}
                assert rule[part]["text"].strip()
            assert rule["defaultConfiguration"]["level"] in ("none", "note", "warning", "error")
            assert len(set(rule["properties"]["tags"])) == len(rule["properties"]["tags"])
        for result in one["results"]:
            assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
            assert result["level"] in ("none", "note", "warning", "error")
            assert result["message"]["text"]
            assert all(isinstance(v, str) for v in result["partialFingerprints"].values())
            for suppression in result.get("suppressions", ()):
                assert suppression["kind"] in ("inSource", "external")
                assert suppression["status"] in ("accepted", "underReview", "rejected")
            for location in result["locations"]:
                check_location(location)
        for invocation in one["invocations"]:
            assert isinstance(invocation["executionSuccessful"], bool)
            for notification in invocation["toolExecutionNotifications"]:
                assert notification["level"] in ("none", "note", "warning", "error")
                assert notification["message"]["text"]
                for location in notification["locations"]:
                    check_location(location)


def check_location(location: dict[str, Any]) -> None:
    assert set(location) <= {"physicalLocation", "logicalLocations"}
    place = location["physicalLocation"]
    # A relative reference (RFC 3986, 4.2): ASCII, nothing that a scheme or an authority could be.
    assert re.fullmatch(r"(?:[A-Za-z0-9._~/-]|%[0-9A-F]{2})+", place["artifactLocation"]["uri"])
    region = place.get("region", {})
    assert all(isinstance(v, int) and v >= 1 for v in region.values())
    assert "startLine" in region or not region
    assert set(region) <= {"startLine", "startColumn", "endLine", "endColumn"}


@given(st.lists(findings(), max_size=4))
def test_sarif_is_as_the_standard_wants_it_and_any_reader_takes_it(found: list[Finding]) -> None:
    waived = tuple(Waived(f, "a sample", "2099-01-01") for f in found[:1])
    unknown = (Unknown(Location("b\udcff"), "cannot be read", "a key", family=Family.SCHEMA),)
    text = sarif.document(verdict(*found[1:], unknown=unknown, waived=waived), TARGET, judged(*found))
    text.encode("utf-8")
    check_sarif(json.loads(text))


def test_sarif_leaves_out_what_does_not_stand_there_and_counts_it() -> None:
    here, away = finding(), finding(fingerprint="f" * 16)
    message = finding(location=Location("commit message/", 1, commit="c" * 40), fingerprint="e" * 16)
    text = sarif.document(verdict(here, away, message), TARGET, judged(here))
    (made,) = json.loads(text)["runs"]
    assert [r["partialFingerprints"]["sopsguard/v1"] for r in made["results"]] == [here.fingerprint]
    assert made["properties"]["elsewhere"] == 2


# --- the command ------------------------------------------------------------------------------------------

EVIL = (
    "::error file=x::boo\n.env",
    "##[add-matcher]x.env",
    "a%0A::set-output name=x::y.env",
    "<img src=x>`.env",
)


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    made = Repo.init(tmp_path / "repo")
    made.commit({"README.md": "# infrastructure\n"})
    return made


def commands(out: str) -> list[str]:
    """The lines of a log that a runner takes for commands: also `##[` anywhere in a line."""
    found: list[str] = []
    token = None
    for line in re.split("[\r\n]", out):
        stop = re.fullmatch("::stop-commands::(.*)", line.strip())
        if token is not None:
            token = None if line.strip() == f"::{token}::" else token
        elif stop:
            token = stop[1]
        elif line.lstrip().startswith("::") or "##[" in line:
            found.append(line)
    assert token is None, "commands are still stopped"
    return found


def test_names_from_the_repository_make_no_commands(repo: Repo) -> None:
    for name in EVIL:
        repo.stage(name, f"TOKEN={github_token()}\n")
    said = sopsguard(repo.root, "check", "--staged", "--format", "github")
    made = commands(said.out)
    assert (said.code, len(made)) == (1, len(EVIL)), said
    assert all(line.startswith("::error title=sopsguard%3A plaintext-token,file=") for line in made)


def test_every_format_says_the_same(repo: Repo) -> None:
    repo.stage("a.env", f"TOKEN={(secret := github_token())}\n")
    levels = '"level": "error"'
    signs = {"text": "error", "json": levels, "sarif": levels, "github": "::error ", "markdown": "### Errors"}
    for form, sign in signs.items():
        said = sopsguard(repo.root, "check", "--staged", "--format", form)
        assert (said.code, sign in said.out, secret in said.out) == (1, True, False), said
    check_sarif(sopsguard(repo.root, "check", "--staged", "--format", "sarif").json())


def test_sarif_of_a_range_points_only_at_what_still_stands(repo: Repo) -> None:
    base = repo.git("rev-parse", "HEAD")
    stays = f"TOKEN={github_token()}\n"
    repo.commit({"stays.env": stays, "goes.env": f"TOKEN={github_token()}\n"})
    repo.commit({"goes.env": "TOKEN=\n", "stays.env": f"# moved down\n{stays}"})
    said = sopsguard(repo.root, "check", "--range", f"{base}..HEAD", "--format", "sarif")
    (place,) = [r["locations"][0]["physicalLocation"] for r in said.json()["runs"][0]["results"]]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("stays.env", 2)


def test_a_job_gets_log_annotations_summary_and_sarif(tmp_path: Path) -> None:
    forge = Forge(tmp_path)
    branch = "##$(id)`x`"
    head = forge.branch(branch, {EVIL[0]: f"TOKEN={github_token()}\n"}, at="main")
    forge.work.git("commit", "-q", "--allow-empty", "--amend", "-m", f"::error::x\n\n{github_token()}")
    head = forge.tip()
    forge.push(branch)
    _, event = forge.pull_request(head)
    event["pull_request"]["head"]["ref"] = branch
    summary, log = tmp_path / "summary.md", tmp_path / "out.sarif"
    summary.write_text("before\n")
    clone = forge.clone("refs/pull/7/merge")
    env = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)}
    said = run(clone, "pull_request", event, "--sarif", str(log), env=env)
    assert (said.code, said.err) == (1, "")
    made = commands(said.out)
    assert len(made) == 2
    assert f"base: {forge.tip('main')} origin/main" in said.out
    assert f"head: {head}" in said.out
    assert summary.read_text().startswith("before\n## ❌ sopsguard found errors")
    document = json.loads(log.read_text())
    check_sarif(document)
    assert document["runs"][0]["properties"]["elsewhere"] == 1  # the message


def test_a_job_that_cannot_judge_says_so_where_people_look(tmp_path: Path) -> None:
    forge = Forge(tmp_path)
    _, event = forge.pull_request(forge.branch("feature", {"a": "x\n"}))
    event["pull_request"]["base"]["ref"] = "::error::\n##[error]x"
    event["repository"]["default_branch"] = "##[add-mask]x"
    summary = tmp_path / "summary.md"
    env = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)}
    said = run(forge.clone("refs/pull/7/merge"), "pull_request", event, env=env)
    assert (said.code, said.err) == (2, "")
    assert len(commands(said.out)) == 1
    assert commands(said.out)[0].startswith("::error title=sopsguard::nothing was judged: ")
    assert summary.read_text().startswith("## ⚠️ sopsguard could not judge")


def test_reports_are_written_outside_the_checkout_and_through_no_link(tmp_path: Path) -> None:
    forge = Forge(tmp_path)
    victim = tmp_path / "victim"
    victim.write_text("precious\n")
    work = forge.work
    work.git("checkout", "-q", "-b", "evil")
    (work.root / "out.sarif").symlink_to(victim)
    (work.root / "folder").symlink_to(tmp_path)
    work.add()
    head = work.commit()
    forge.push("evil")
    _, event = forge.pull_request(head)
    clone = forge.clone("refs/pull/7/merge")
    outside = tmp_path / "link.sarif"
    outside.symlink_to(victim)
    for path in ("out.sarif", ".git/config", "./x.sarif", str(outside), str(tmp_path / "no" / "x")):
        said = run(clone, "pull_request", event, "--sarif", path)
        assert said.code == 2, (path, said)
    assert victim.read_text() == "precious\n"
    assert run(clone, "pull_request", event, "--sarif", "folder/fine.sarif").code == 0
    assert (tmp_path / "fine.sarif").exists()
