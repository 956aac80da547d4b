"""From candidates to a verdict: levels, waivers, what is new, fingerprints. On plain dictionaries."""

from collections.abc import Iterator, Mapping

from sopsguard import checks
from sopsguard.contents import Content, allowed, position
from sopsguard.context import Context
from sopsguard.judge import EXPIRED, UNUSED, WAIVER_RULES, Verdict, judge
from sopsguard.model import Level
from sopsguard.policy import Policy, Waiver
from sopsguard.snapshot import Change, Entry, Snapshot
from tests.throwaway import age_identity, github_token

TODAY = "2026-11-23"
Files = Mapping[str, str]


def contents(snapshot: Snapshot) -> Iterator[Content]:
    for entry, piece in snapshot.pieces():
        yield Content(Change(entry.path, None, entry), piece)


def verdict(
    files: Files,
    *,
    old: Files | None = None,
    policy: Policy | None = None,
    rules: tuple[str, ...] = tuple(checks.RULES),
    whole: bool = False,
) -> Verdict:
    now = Snapshot.of(files)
    before = Snapshot.of(old) if old is not None else None
    ctx = Context(
        now,
        lambda: contents(now),
        old=(lambda: contents(before)) if before is not None else None,
        policy=policy,
        clock=lambda: TODAY,
    )
    return judge(ctx, rules, only_new=old is not None, whole=whole)


def test_a_secret_that_stood_there_before_is_counted_and_does_not_block() -> None:
    token = github_token()
    before = {"a.env": f"TOKEN={token}\n"}
    moved = verdict({"a.env": f"# moved down\n\nTOKEN={token}\n"}, old=before)
    assert (moved.findings, moved.older) == ((), 1)
    renamed = verdict({"b.env": f"TOKEN={token}\n"}, old=before)
    assert (renamed.findings, renamed.older) == ((), 1)
    replaced = verdict({"a.env": f"TOKEN={github_token()}\n"}, old=before)
    assert (len(replaced.findings), replaced.older) == (1, 0)


def test_a_waiver_silences_its_finding_until_its_day() -> None:
    files = {"docs/a.env": f"TOKEN={github_token()}\n"}
    good = Waiver("plaintext-token", "docs/*", "a sample", TODAY)
    assert verdict(files, policy=Policy(waivers=(good,))).findings == ()
    late = verdict(files, policy=Policy(waivers=(good._replace(until="2026-11-22"),)))
    assert sorted(f.rule for f in late.findings) == [EXPIRED, "plaintext-token"]
    elsewhere = verdict(files, policy=Policy(waivers=(good._replace(path="src/*"),)), whole=True)
    assert sorted(f.rule for f in elsewhere.findings) == ["plaintext-token", UNUSED]
    assert [w.reason for w in verdict(files, policy=Policy(waivers=(good,))).waived] == ["a sample"]


def test_a_waiver_of_one_finding_does_not_cover_the_next() -> None:
    files = {"a.env": f"A_TOKEN={github_token()}\nB_TOKEN={github_token()}\n"}
    first, second = verdict(files).findings
    assert first.fingerprint != second.fingerprint
    one = Waiver("plaintext-token", "a.env", "a sample", TODAY, first.fingerprint)
    left = verdict(files, policy=Policy(waivers=(one,)))
    assert [f.fingerprint for f in left.findings] == [second.fingerprint]


def test_an_unused_waiver_is_said_only_where_the_whole_repository_is_judged() -> None:
    policy = Policy(waivers=(Waiver("plaintext-token", "gone.env", "a sample", "2027-01-01"),))
    assert verdict({"a": "x\n"}, policy=policy).findings == ()
    assert [f.rule for f in verdict({"a": "x\n"}, policy=policy, whole=True).findings] == [UNUSED]
    assert verdict({"a": "x\n"}, policy=policy, whole=True, rules=("plaintext-password",)).findings == ()


def test_a_rule_about_waivers_has_a_level_too() -> None:
    policy = Policy(
        levels={UNUSED: "off"}, waivers=(Waiver("plaintext-token", "gone.env", "a sample", "2027-01-01"),)
    )
    assert verdict({"a": "x\n"}, policy=policy, whole=True).findings == ()
    assert all(text.strip().partition("\n")[0].endswith(".") for text in WAIVER_RULES.values())


def test_levels_come_from_the_policy() -> None:
    files = {"a.env": f"TOKEN={github_token()}\n"}
    quiet = verdict(files, policy=Policy(levels={"plaintext-token": "info"}))
    assert [f.level for f in quiet.findings] == [Level.INFO]
    assert not quiet.blocks
    assert verdict(files, policy=Policy(levels={"plaintext-token": "off"})).findings == ()


def test_a_fingerprint_follows_neither_the_line_nor_the_secret() -> None:
    (one,) = verdict({"a.env": f"TOKEN={github_token()}\n"}).findings
    (two,) = verdict({"a.env": f"# above\n\nTOKEN={github_token()}\n"}).findings
    assert one.fingerprint == two.fingerprint
    (other,) = verdict({"b.env": f"TOKEN={github_token()}\n"}).findings
    assert other.fingerprint != one.fingerprint


def test_a_comment_beside_the_secret_allows_it() -> None:
    token = github_token()
    for text in (
        f"TOKEN={token}  # sopsguard: allow[plaintext-token] a sample of the manual\n",
        f"# sopsguard: allow[plaintext-token] a sample of the manual\nTOKEN={token}\n",
        f"TOKEN={token} // sopsguard: allow[plaintext-password, plaintext-token] sample\n",
    ):
        result = verdict({"a.env": text})
        assert (result.findings, len(result.waived)) == ((), 1), text
    for text in (
        f"TOKEN={token}  # sopsguard: allow[plaintext-token]\n",
        f"TOKEN={token}  # sopsguard: allow[plaintext-password] wrong rule\n",
        f"TOKEN={token}  sopsguard: allow[plaintext-token] not a comment\n",
        f"# sopsguard: allow[plaintext-token] too far away\n\nTOKEN={token}\n",
        f"x = 1 # sopsguard: allow[plaintext-token] about that line\nTOKEN={token}\n",
    ):
        assert [f.rule for f in verdict({"a.env": text}).findings] == ["plaintext-token"], text
    forbidden = Policy(inline_allow=False)
    text = f"TOKEN={token}  # sopsguard: allow[plaintext-token] a sample of the manual\n"
    assert len(verdict({"a.env": text}, policy=forbidden).findings) == 1


def test_a_format_without_comments_has_no_inline_allow() -> None:
    text = b'{"a": "b # sopsguard: allow[plaintext-token] no comment in JSON"}'
    assert allowed(text, 3, "a.json") == ()


def test_positions_count_characters_from_one() -> None:
    data = "a\nüä x".encode()
    assert position(data, data.index(b"x")) == (2, 4)
    assert position(data, 0) == (1, 1)


def test_the_same_secret_along_a_history_is_one_finding() -> None:
    identity, _ = age_identity()
    now = Snapshot.of({"key": identity})
    entry = Entry("key", 0o100644, "")

    def commits() -> Iterator[Content]:
        for commit in ("a" * 40, "b" * 40):
            for _, piece in now.pieces():
                yield Content(Change("key", None, entry, commit), piece)

    result = judge(Context(now, commits), tuple(checks.RULES), only_new=False, whole=False)
    assert [f.location.commit for f in result.findings] == ["a" * 40]


def test_a_huge_sops_file_is_undecided_not_fine() -> None:
    line = "k: ENC[AES256_GCM,data:AAAA,iv:AAAA,tag:AAAA,type:str]\n"
    huge = "sops:\n" + line * ((17 << 20) // len(line))
    result = verdict({"huge.yaml": huge})
    assert [(u.rule, u.family, u.blocking) for u in result.unknown] == [("broken-file", "schema", False)]
