"""In every random life of a repository the engine's answers hold the truth."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from sopsguard import git, hooks
from sopsguard.history.exposure import DataKey, exposures
from sopsguard.history.timeline import Timeline, ValueLine
from tests.conftest import Peer
from tests.gitrepo import Repo
from tests.history.lives import DAY, START, Engine, Life, Ours, RealSops, oid

NOW = START + 1000 * DAY


class Score:
    """How many answers are exact."""

    def __init__(self) -> None:
        self.exact = self.all = 0

    def add(self, exact: bool) -> None:
        self.all += 1
        self.exact += exact


def lived(seed: int, engine: Engine, steps: int = 14, *, plain: bool = False, skew: bool = False) -> Life:
    life = Life(seed, engine, plain=plain, skew=skew)
    life.grow(steps)
    return life


def answered(life: Life, timeline: Timeline, line: ValueLine) -> set[int]:
    """The commits of which one is said to have brought the last change."""
    numbers = {oid(n): n for n in life.ancestors(life.tip)}
    answers = {numbers[commit] for commit in line.changed.commits}
    return set(range(min(answers), max(answers) + 1)) if line.changed.between else answers


def check_values(life: Life, timeline: Timeline, score: Score) -> None:
    told = {(line.path, line.key): line for line in timeline.values}
    standing = {
        place: value
        for place, value in life.values(life.tip).items()
        if life.nodes[life.tip].tree[place[0]].kind == "sops"
    }
    assert set(told) == set(standing), life_story(life)
    for place, line in told.items():
        truth = life.last_change(place)
        answers = answered(life, timeline, line)
        assert answers & truth, (place, sorted(answers), sorted(truth), life_story(life))
        times = [life.nodes[n].time for n in answers & truth]
        start = line.changed.not_before
        if not life.skew:
            assert start is not None
        assert any((start is None or start <= time) and time <= line.changed.not_after for time in times), (
            place
        )
        if life.is_plain:
            assert line.changed.is_exact, (place, sorted(answers), sorted(truth), life_story(life))
        score.add(line.changed.is_exact)


def check_exposure(life: Life, timeline: Timeline) -> None:
    tree = life.nodes[life.tip].tree
    changes = {(line.path, line.key): answered(life, timeline, line) for line in timeline.values}
    told = {(one.path, one.reader): one for one in exposures(timeline)}
    for path, file in tree.items():
        if file.kind != "sops":
            continue
        everybody = {
            who for n in life.ancestors(life.tip) for f in life.nodes[n].tree.values() for who in f.openers
        }
        for who in everybody - file.readers:
            one = told.get((path, who))
            has_key = who in life.had_key(file.key)
            if one is None or one.data_key is DataKey.REPLACED:
                assert not has_key, (path, who, life_story(life))
            elif one.data_key is DataKey.KEPT and one.alone:
                assert has_key or not one.alone or _shares(life, who), (path, who, life_story(life))
            if life.is_plain:
                assert (one is not None and one.data_key is DataKey.KEPT) >= has_key
            certain = {v.key for v in one.values if v.certain} if one else set()
            perhaps = {v.key for v in one.values if not v.certain} if one else set()
            for place, value in life.values(life.tip).items():
                if place[0] != path:
                    continue
                may = {w for f in tree.values() if value in dict(_texts(f)) for w in f.readers}
                if who in may:
                    continue
                since = who in life.could_open(value, life.last_change(place) & changes[place])
                ever = who in life.could_open(value) or _shares(life, who)
                if since and (life.is_plain or not life.backs):
                    assert place[1] in certain | perhaps, (place, who, life_story(life))
                if place[1] in certain:
                    assert ever, (place, who, life_story(life))
                if life.is_plain and since:
                    assert place[1] in certain, (place, who, life_story(life))


def _shares(life: Life, who: str) -> bool:
    """Whether somebody ever held a share only: then the file was theirs together with others."""
    return any(
        len(f.groups) > 1 and who in f.readers
        for n in life.ancestors(life.tip)
        for f in life.nodes[n].tree.values()
    )


def _texts(file: object) -> list[tuple[str, None]]:
    from tests.history.lives import File, leaves

    assert isinstance(file, File)
    return [(value, None) for _, value in leaves(file.doc)] if file.kind == "sops" else []


def life_story(life: Life) -> str:
    return "; ".join(
        f"{n} {life.nodes[n].what} {list(life.nodes[n].parents)}" for n in sorted(life.ancestors(life.tip))
    )


def judged(lives: Iterable[Life]) -> Score:
    """Hold the engine against these lives."""
    score = Score()
    for life in lives:
        timeline = Timeline(life.walk(), NOW)
        check_values(life, timeline, score)
        check_exposure(life, timeline)
    print(f"exact: {score.exact} of {score.all}")
    return score


def test_without_reencryption_and_moves_every_answer_is_one_commit_and_the_truth() -> None:
    engine = Ours()
    score = judged(lived(seed, engine, plain=True) for seed in range(15))
    assert score.exact == score.all > 60


def test_every_answer_holds_the_truth_whatever_happens() -> None:
    engine = Ours()
    score = judged(lived(seed, engine) for seed in range(15))
    assert score.exact * 4 > score.all > 60


def test_clocks_that_lie_do_not_make_an_answer_wrong() -> None:
    engine = Ours()
    judged(lived(seed, engine, skew=True, plain=seed % 2 == 0) for seed in range(15))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1000, 9000, 1000))
def test_hundreds_of_lives(seed: int) -> None:
    engine = Ours()
    kinds = [(plain, skew) for plain in (True, False) for skew in (True, False)]
    judged(
        lived(seed + 100 * number + n, engine, 18, plain=plain, skew=skew)
        for number, (plain, skew) in enumerate(kinds)
        for n in range(15)
    )


@pytest.mark.peer("sops")
def test_real_sops_leads_to_the_same_answers(peer: Peer, tmp_path: Path) -> None:
    engine = RealSops(peer("sops"), tmp_path)
    score = judged(lived(seed, engine, 8, plain=seed % 2 == 0) for seed in range(5))
    assert score.exact


@pytest.mark.slow
@pytest.mark.peer("sops")
@pytest.mark.parametrize("version", ["3.9.4", "3.11.0", "3.12.2", "3.13.3"])
def test_many_lives_with_every_sops(peer: Peer, tmp_path: Path, version: str) -> None:
    engine = RealSops(peer("sops", version=version), tmp_path)
    for plain in (True, False):
        score = judged(lived(7000 + n, engine, 12, plain=plain, skew=n % 3 == 0) for n in range(15))
        if plain:
            assert score.exact == score.all


def test_git_tells_the_same_as_the_life_itself(tmp_path: Path) -> None:
    engine = Ours()
    for seed in range(8):
        life = lived(seed, engine, skew=seed % 2 == 0)
        repo = Repo.init(tmp_path / str(seed))
        repo.git("fast-import", "--quiet", input=life.fast_import())
        past = hooks.revision(git.discover(str(repo.root)), "HEAD").past
        assert past is not None
        told, same = Timeline(past, NOW), Timeline(life.walk(), NOW)
        names = dict(zip(repo.git("rev-list", "--all", "--topo-order").split(), range(10**6), strict=False))
        assert len(names) == len(same.moments)
        assert set(map(without_commits, told.values)) == set(map(without_commits, same.values))
        assert len(exposures(told)) == len(exposures(same))


def without_commits(line: ValueLine) -> tuple[object, ...]:
    changed = line.changed
    return line.path, line.key, len(changed.commits), changed.not_before, changed.not_after, changed.between
