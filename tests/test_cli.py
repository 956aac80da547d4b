"""The commands, in real repositories: what is judged, what is said, how it ends."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from sopsguard.sops.editor import encrypt
from tests.gitrepo import Repo
from tests.sopsguard_command import Said, sopsguard
from tests.throwaway import age_identity, github_token

SCHEMA = json.loads((Path(__file__).parent.parent / "schemas" / "report.schema.json").read_text())


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    made = Repo.init(tmp_path / "repo")
    made.commit({"README.md": "# infrastructure\n"})
    return made


def report(said: Said) -> Said:
    jsonschema.Draft202012Validator(SCHEMA).validate(said.json())
    return said


def test_a_staged_identity_is_named_with_the_files_it_opens(repo: Repo) -> None:
    secret, recipient = age_identity()
    repo.commit({".sops.yaml": f"keys:\n  - &host_powerhouse {recipient}\n"})
    repo.stage("keys/me.txt", f"# note\n{secret}\n")
    said = sopsguard(repo.root, "check", "--staged")
    assert said.code == 1
    assert said.out.startswith("keys/me.txt:2:1: error: ")
    assert "host_powerhouse (.sops.yaml:2)" in said.out
    assert "[plaintext-private-key, proved]" in said.out
    assert secret not in said.out + said.err


def test_the_line_that_the_report_offers_waives_the_finding(repo: Repo) -> None:
    repo.stage("docs/a.env", f"TOKEN={github_token()}\n")
    said = sopsguard(repo.root, "check", "--staged")
    line = next(line for line in said.out.splitlines() if "sopsguard waive" in line)
    arguments = shlex.split(line.partition("sopsguard ")[2].replace("…", "a sample"))
    waived = sopsguard(repo.root, *arguments)
    assert waived.code == 0, waived
    repo.add(".sopsguard.yaml")
    again = sopsguard(repo.root, "check", "--staged")
    assert (again.code, "1 waived" in again.out) == (0, True), again
    assert (
        report(sopsguard(repo.root, "check", "--staged", "--format", "json")).json()["waived"][0]["reason"]
        == "a sample"
    )


def test_a_waiver_needs_a_finding_a_reason_and_a_day_to_come(repo: Repo) -> None:
    repo.stage("a.env", f"TOKEN={github_token()}\n")
    finding = report(sopsguard(repo.root, "check", "--staged", "--format=json")).json()["findings"][0][
        "fingerprint"
    ]
    for number, reason, until in (
        ("0" * 16, "why", "2099-01-01"),
        (finding, " ", "2099-01-01"),
        (finding, "why", "2001-01-01"),
        (finding, "why", "tomorrow"),
        (finding[:3], "why", "2099-01-01"),
    ):
        said = sopsguard(repo.root, "waive", number, "--reason", reason, "--until", until)
        assert (said.code, said.out) == (2, ""), (number, reason, until)
    assert not (repo.root / ".sopsguard.yaml").exists()


def test_all_judges_disk_and_index_and_leaves_ignored_files_out(repo: Repo) -> None:
    repo.stage("staged.env", f"TOKEN={github_token()}\n")
    repo.write("staged.env", "TOKEN=\n")
    repo.write("untracked.env", f"TOKEN={github_token()}\n")
    repo.write("ignored.env", f"TOKEN={github_token()}\n")
    repo.stage(".gitignore", "ignored.env\n")
    said = report(sopsguard(repo.root, "check", "--all", "--format", "json"))
    assert sorted(f["path"] for f in said.json()["findings"]) == ["staged.env", "untracked.env"]
    assert said.code == 1


def test_paths_narrow_what_is_judged_and_are_relative_to_where_one_stands(repo: Repo) -> None:
    repo.stage("a/x.env", f"TOKEN={github_token()}\n")
    repo.stage("b/y.env", f"TOKEN={github_token()}\n")
    said = report(sopsguard(repo.root / "a", "check", "--format", "json", "."))
    assert [f["path"] for f in said.json()["findings"]] == ["a/x.env"]
    said = report(sopsguard(repo.root / "a", "check", "--format", "json", "../b/y.env"))
    assert [f["path"] for f in said.json()["findings"]] == ["b/y.env"]
    assert sopsguard(repo.root, "check", "nowhere").code == 2
    assert "outside the repository" in sopsguard(repo.root, "check", "/etc").err


def test_a_revision_is_judged_by_its_tree(repo: Repo) -> None:
    bad = repo.commit({"a.env": f"TOKEN={github_token()}\n"})
    repo.git("rm", "-q", "a.env")
    good = repo.commit()
    assert report(sopsguard(repo.root, "check", "--rev", bad, "--format", "json")).rules() == [
        "plaintext-token"
    ]
    assert sopsguard(repo.root, "check", "--rev", good).code == 0


def test_a_range_shows_what_was_added_and_taken_away_again(repo: Repo) -> None:
    start = repo.git("rev-parse", "HEAD")
    bad = repo.commit({"a.env": f"TOKEN={github_token()}\n"})
    repo.git("rm", "-q", "a.env")
    repo.commit()
    said = report(sopsguard(repo.root, "check", "--range", f"{start}..HEAD", "--format", "json"))
    assert [(f["path"], f["commit"]) for f in said.json()["findings"]] == [("a.env", bad)]
    assert said.json()["judged"]["commits"] == 2
    text = sopsguard(repo.root, "check", "--range", f"{start}..HEAD")
    assert text.out.startswith(f"{bad[:12]}:a.env:1:")


def test_a_range_names_the_commit_that_began_it_and_leaves_out_what_was_there_before(repo: Repo) -> None:
    old = github_token()
    start = repo.commit({"a.env": f"OLD={old}\n"})
    new = github_token()
    bad = repo.commit({"a.env": f"OLD={old}\nNEW={new}\n"})
    repo.commit({"a.env": f"OLD={old}\nNEW={new}\n# more\n"})
    said = report(sopsguard(repo.root, "check", "--range", f"{start}..HEAD", "--format", "json"))
    assert [(f["line"], f["commit"]) for f in said.json()["findings"]] == [(2, bad)]


def test_a_commit_message_is_judged_too(repo: Repo) -> None:
    start = repo.git("rev-parse", "HEAD")
    bad = repo.commit({"b": "x\n"}, message=f"Add b\n\nwith {github_token()}\n")
    said = report(sopsguard(repo.root, "check", "--range", f"{start}..HEAD", "--format", "json"))
    assert [(f["path"], f["line"], f["commit"]) for f in said.json()["findings"]] == [
        ("commit message", 3, bad)
    ]


def test_since_shows_only_what_the_revision_had_not(repo: Repo) -> None:
    repo.commit({"old.env": f"TOKEN={github_token()}\n"})
    repo.write("new.env", f"TOKEN={github_token()}\n")
    said = report(sopsguard(repo.root, "check", "--since", "HEAD", "--format", "json"))
    assert [f["path"] for f in said.json()["findings"]] == ["new.env"]
    repo.write("new.env", "TOKEN=\n")
    assert sopsguard(repo.root, "check", "--since", "HEAD").code == 0


def test_families_and_rules_are_chosen_and_a_wrong_word_is_answered(repo: Repo) -> None:
    repo.stage("a.env", f"TOKEN={github_token()}\n")
    assert sopsguard(repo.root, "check", "--staged", "--only", "plaintext").code == 1
    assert sopsguard(repo.root, "check", "--staged", "--only", "plaintext-token").code == 1
    assert sopsguard(repo.root, "check", "--staged", "--skip", "plaintext-token").code == 0
    said = sopsguard(repo.root, "check", "--staged", "--only", "plaintxt")
    assert (said.code, "did you mean 'plaintext'?" in said.err) == (2, True)
    assert sopsguard(repo.root, "check", "--staged", "--only", "plaintext", "--skip", "plaintext").code == 2


def test_what_cannot_be_judged_is_two_and_says_what_helps(tmp_path: Path, repo: Repo) -> None:
    for where, arguments, hint in (
        (tmp_path, ("check",), "inside a git repository"),
        (repo.root, ("check", "--staged"), "git add"),
        (repo.root, ("check", "--rev", "nowhere"), "names no commit"),
        (repo.root, ("check", "--range", "HEAD"), "A..B"),
        (repo.root, ("check", "--range", "HEAD..HEAD"), "nothing was judged"),
        (repo.root, ("check", "--rev", "--help"), "expected one argument"),
        (repo.root, ("chekc",), "--help"),
        (repo.root, ("check", "--format", "xml"), "--help"),
        (repo.root, ("explain", "plaintext-tokn"), "plaintext-token"),
        (repo.root, ("hook", "--quiet"), "not an option"),
    ):
        said = sopsguard(where, *arguments)
        assert (said.code, said.out) == (2, ""), arguments
        assert hint in said.err, (arguments, said.err)
        assert len(said.err.splitlines()) <= 2
        assert "Traceback" not in said.err


def test_a_mistake_in_the_policy_stops_everything(repo: Repo) -> None:
    repo.commit({".sopsguard.yaml": "version: 1\nlevles: {}\n"})
    repo.stage("a", "x\n")
    said = sopsguard(repo.root, "check", "--staged")
    assert (said.code, said.out) == (2, "")
    assert said.err == "sopsguard: .sopsguard.yaml:2: 'levles' is not a setting\n    did you mean 'levels'?\n"


def test_a_required_family_may_not_stay_undecided(repo: Repo) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "ab" * 32 + "\nsize 12\n"
    repo.stage("big.bin", pointer)
    said = report(sopsguard(repo.root, "check", "--staged", "--format", "json"))
    assert (said.code, len(said.json()["unknown"])) == (0, 1)
    assert "1 undecided" in sopsguard(repo.root, "check", "--staged").out
    repo.stage(".sopsguard.yaml", "require: [plaintext]\n")
    assert sopsguard(repo.root, "check", "--staged").code == 2


def test_content_that_cannot_be_read_is_never_passed(repo: Repo) -> None:
    repo.stage("a", "nothing special\n")
    repo.object_file(repo.git("rev-parse", ":a")).unlink()
    said = sopsguard(repo.root, "check", "--staged")
    assert said.code == 2
    assert "a: unknown: " in said.out + said.err


def test_explain_tells_every_rule(repo: Repo) -> None:
    listed = sopsguard(repo.root, "explain")
    assert listed.code == 0
    for line in listed.out.splitlines():
        rule = line.split()[0]
        said = sopsguard(repo.root, "explain", rule)
        assert said.code == 0
        assert said.out.startswith(f"{rule} · ")
        assert "Remedy: " in said.out


def test_the_hook_judges_the_push_that_the_framework_names(repo: Repo) -> None:
    start = repo.git("rev-parse", "HEAD")
    repo.commit({"a.env": f"TOKEN={github_token()}\n"})
    tip = repo.git("rev-parse", "HEAD")
    said = sopsguard(repo.root, "hook", env={"PRE_COMMIT_FROM_REF": start, "PRE_COMMIT_TO_REF": tip})
    assert said.code == 1
    assert "1 commit" in said.out
    whole = sopsguard(repo.root, "hook")
    assert "the whole index" in whole.out


def test_old_findings_are_counted_in_one_line_and_do_not_block(repo: Repo) -> None:
    repo.commit({"a.env": f"TOKEN={github_token()}\n"})
    repo.write("a.env", (repo.root / "a.env").read_text() + "# more\n")
    repo.add("a.env")
    said = sopsguard(repo.root, "hook")
    assert said.code == 0
    assert "1 older not shown" in said.out
    assert len(said.out.splitlines()) == 1


def test_hostile_names_neither_break_nor_forge_the_report(repo: Repo) -> None:
    token = github_token()
    names = [
        b"a\nb.env",
        b"-rf.env",
        b'q"uote.env',
        b"\xff\xfe.env",
        b"\x1b[31mred.env",
        "u\u202egpj.env".encode(),
        b" .env",
    ]
    blob = repo.blob(f"TOKEN={token}\n".encode())
    for name in names:
        repo.index_entry("100644", blob, name)
    said = sopsguard(repo.root, "check", "--staged")
    assert said.code == 1
    assert len(re.findall(r"(?m)^[^ ].*: error: ", said.out)) == len(names)
    assert "\x1b" not in said.out
    assert "\u202e" not in said.out
    listed = report(sopsguard(repo.root, "check", "--staged", "--format", "json"))
    assert len(listed.json()["findings"]) == len(names)


def test_output_that_nobody_reads_is_no_bug(repo: Repo) -> None:
    repo.stage("a.env", f"TOKEN={github_token()}\n")
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "sopsguard", "check", "--staged"],
        cwd=repo.root,
        stdout=write,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(write)
    assert done.returncode in (1, 2)
    assert b"Traceback" not in done.stderr
    assert b"bug" not in done.stderr


def test_a_bug_of_ours_is_told_without_what_was_looked_at(repo: Repo) -> None:
    secret, _ = age_identity()
    code = (
        "import sys; from sopsguard import cli, context\n"
        "def fail(*a): raise RuntimeError(open('a').read())\n"
        "context.Context.found = property(fail)\n"
        "sys.argv = ['sopsguard', 'check', '--staged']; cli.main()\n"
    )
    repo.stage("a", secret)
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=repo.root,
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
    )
    assert done.returncode == 3
    assert b"a bug of ours (RuntimeError)" in done.stderr
    assert secret.encode() not in done.stdout + done.stderr


def test_colours_are_for_terminals(repo: Repo) -> None:
    repo.stage("a.env", f"TOKEN={github_token()}\n")
    assert "\x1b" not in sopsguard(repo.root, "hook").out
    assert "\x1b[31;1m" in sopsguard(repo.root, "hook", env={"PRE_COMMIT_COLOR": "always"}).out
    assert "\x1b" not in sopsguard(repo.root, "hook", env={"PRE_COMMIT_COLOR": "always", "NO_COLOR": "1"}).out


SECRETS = b"db: d1\npassword: see the safe\nnote_unencrypted: hello\n"


def encrypted(*recipients: str) -> bytes:
    return encrypt(SECRETS, "yaml", [list(recipients)], "2026-01-02T03:04:05Z")


def test_why_names_rule_readers_and_what_is_in_clear(repo: Repo) -> None:
    _, alice = age_identity()
    _, bob = age_identity()
    repo.write(
        ".sops.yaml",
        f"keys:\n  - &alice {alice}\n  - &bob {bob}\n"
        "creation_rules:\n  - path_regex: ^hosts/\n    age: *bob\n"
        "  - path_regex: ^secrets/.*\\.yaml$\n    key_groups:\n      - age: [*alice, *bob]\n",
    )
    repo.write("secrets/a.yaml", encrypted(alice))
    said = sopsguard(repo.root, "why", "secrets/a.yaml", "nowhere.yaml")
    assert said.code == 0
    for line in (
        "    rule 1, line 5: `^hosts/` is not found in `secrets/a.yaml`",
        "    rule 2, line 7: matches (`^secrets/.*\\.yaml$`)",
        "  the file: yaml, sops 3.13.3; 2 encrypted, 1 in clear",
        "  in clear: note_unencrypted: its path matches unencrypted_suffix _unencrypted",
        "    no rule matches; sops refuses to encrypt it and to update its keys",
    ):
        assert line in said.out.splitlines(), said.out
    assert re.search(r"differs: age1\S+ is named by the rule and cannot open it", said.out)
    assert re.search(r"    alice  age1", said.out)
    assert "see the safe" not in said.out


def test_decrypt_proves_that_each_file_opens_and_shows_nothing_of_it(repo: Repo, tmp_path: Path) -> None:
    secret, alice = age_identity()
    other, _ = age_identity()
    (tmp_path / "alice.txt").write_text(f"# a comment\n{secret}\n")
    (tmp_path / "other.txt").write_text(other)
    repo.commit({"secrets.yaml": encrypted(alice)})
    good = sopsguard(repo.root, "check", "--decrypt", "--identity", str(tmp_path / "alice.txt"))
    assert (good.code, "undecided" in good.out) == (0, False), good
    wrong = sopsguard(repo.root, "check", "--decrypt", "--identity", str(tmp_path / "other.txt"))
    assert (wrong.code, "1 undecided" in wrong.out) == (0, True), wrong
    repo.commit({"new.yaml": encrypted(alice).replace(b"hello", b"hullo")})
    assert sopsguard(repo.root, "check").code == 0
    for env, more in ({"SOPS_AGE_KEY": secret}, ()), ({"SOPS_AGE_KEY_CMD": f"cat {tmp_path}/alice.txt"}, ()):
        bad = sopsguard(repo.root, "check", "--decrypt", *more, env=env)
        assert (bad.code, "[unopenable-file, proved]" in bad.out) == (1, True), bad
        assert "hullo" not in bad.out
        assert "see the safe" not in bad.out


def test_decrypt_without_an_identity_is_answered(repo: Repo, tmp_path: Path) -> None:
    none = sopsguard(repo.root, "check", "--decrypt")
    assert (none.code, "found no identity" in none.err) == (2, True)
    gone = sopsguard(repo.root, "check", "--decrypt", "--identity", str(tmp_path / "gone"))
    assert (gone.code, "there is no such file" in gone.err) == (2, True)
    assert sopsguard(repo.root, "check", "--identity", "x").code == 2
    failing = sopsguard(repo.root, "check", "--decrypt", env={"SOPS_AGE_KEY_CMD": "false hush"})
    assert (failing.code, "hush" in failing.err) == (2, False)


def test_a_broken_file_is_found_before_the_commit(repo: Repo) -> None:
    _, alice = age_identity()
    made = encrypted(alice)
    repo.commit({"secrets.yaml": made})
    repo.stage("secrets.yaml", re.sub(rb"(?m)^db: .*\n", b"", made))
    said = sopsguard(repo.root, "hook")
    assert (said.code, "[hand-edited-file, " in said.out) == (1, True), said
    repo.stage("secrets.yaml", SECRETS)
    said = sopsguard(repo.root, "hook")
    assert (said.code, "encrypted before, in clear now [unencrypted-file" in said.out) == (1, True), said


def test_an_old_structural_finding_does_not_block_another_change_of_the_file(repo: Repo) -> None:
    _, alice = age_identity()
    _, bob = age_identity()
    rule = f"creation_rules:\n  - path_regex: ^secrets\\.yaml$\n    age: {alice},{bob}\n"
    repo.commit({".sops.yaml": rule, "secrets.yaml": encrypted(alice)})
    assert sopsguard(repo.root, "check").code == 1
    repo.stage("secrets.yaml", encrypted(alice))
    said = sopsguard(repo.root, "hook")
    assert (said.code, "older not shown" in said.out) == (0, True), said
    repo.stage("secrets.yaml", encrypted(bob))
    said = sopsguard(repo.root, "hook")
    assert (said.code, "[recipient-drift" in said.out) == (1, True), said
