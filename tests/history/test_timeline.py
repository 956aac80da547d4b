"""In every random life of a repository the engine's answers hold the truth."""

import pytest

from sopsguard.history.exposure import DataKey, exposures
from sopsguard.history.timeline import Timeline, ValueLine
from tests.history.lives import DAY, START, Engine, Life, Ours, oid

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
                if since:
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


@pytest.mark.parametrize("plain", [True, False])
def test_every_answer_holds_the_truth(plain: bool) -> None:
    engine, score = Ours(), Score()
    for seed in range(60):
        life = lived(seed, engine, plain=plain)
        timeline = Timeline(life.walk(), NOW)
        check_values(life, timeline, score)
        check_exposure(life, timeline)
    print(f"exact: {score.exact} of {score.all}")
    if plain:
        assert score.exact == score.all
