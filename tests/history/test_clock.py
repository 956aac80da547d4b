"""When commits happened, as far as their clocks can be believed."""

from hypothesis import given
from hypothesis import strategies as st

from sopsguard.history.clock import FIRST, TOLERANCE, Times, spans

NOW = 1_800_000_000
DAY = 86400
YEAR = 365 * DAY


def line(*times: int) -> list[Times]:
    """Commits one after the other."""
    return [Times((n - 1,) if n else (), time, time) for n, time in enumerate(times)]


def test_a_commit_was_made_between_its_author_s_and_its_committer_s_time() -> None:
    (span,) = spans([Times((), NOW - 2 * YEAR, NOW - YEAR)], NOW)
    assert span == (NOW - 2 * YEAR, NOW - YEAR, True)


def test_an_author_s_time_after_the_committer_s_says_nothing() -> None:
    for author in (NOW, 0, 1, FIRST - 1):
        (span,) = spans([Times((), author, NOW - YEAR)], NOW)
        assert span == (NOW - YEAR, NOW - YEAR, True)


def test_a_clock_before_git_or_in_the_future_is_not_believed() -> None:
    for lie in (0, 1, FIRST - 1, NOW + 2 * DAY, 4_000_000_000):
        before, wrong, after = spans(line(NOW - 3 * YEAR, lie, NOW - YEAR), NOW)
        assert before.trusted
        assert after.trusted
        assert wrong == (NOW - 3 * YEAR, NOW - YEAR, False)


def test_where_no_neighbour_tells_it_was_some_time_before_now() -> None:
    assert spans(line(0), NOW) == [(None, NOW, False)]
    assert spans(line(NOW + YEAR), NOW) == [(None, NOW, False)]


def test_a_clock_that_is_a_little_ahead_is_now() -> None:
    assert spans(line(NOW + 60), NOW) == [(NOW, NOW, True)]


def test_one_commit_ahead_of_all_that_follow_it_is_the_wrong_one() -> None:
    times = [NOW - (20 - n) * 30 * DAY for n in range(20)]
    lie = times.copy()
    lie[5] = NOW - DAY
    found = spans(line(*lie), NOW)
    assert [span.trusted for span in found] == [n != 5 for n in range(20)]
    assert found[5] == (times[4], times[6], False)


def test_one_commit_behind_all_before_it_is_the_wrong_one() -> None:
    times = [NOW - (20 - n) * 30 * DAY for n in range(20)]
    lie = times.copy()
    lie[15] = FIRST + 1
    found = spans(line(*lie), NOW)
    assert [n for n, span in enumerate(found) if not span.trusted] == [15]
    assert found[15] == (times[14], times[16], False)


def test_several_commits_with_a_wrong_clock_are_told_from_the_others() -> None:
    times = [NOW - (30 - n) * 30 * DAY for n in range(30)]
    lie = times.copy()
    wrong = {4: 900 * DAY, 9: -700 * DAY, 14: 300 * DAY, 20: -500 * DAY}
    for number, by in wrong.items():
        lie[number] = max(FIRST, min(NOW, lie[number] + by))
    found = spans(line(*lie), NOW)
    assert {number for number, span in enumerate(found) if not span.trusted} == set(wrong)


def test_of_two_that_contradict_each_other_none_is_believed() -> None:
    one, other = spans(line(NOW - YEAR, NOW - 2 * YEAR), NOW)
    assert not one.trusted
    assert not other.trusted


def test_branches_do_not_contradict_each_other() -> None:
    commits = [
        Times((), NOW - 9 * YEAR, NOW - 9 * YEAR),
        Times((0,), NOW - 2 * YEAR, NOW - 2 * YEAR),
        Times((0,), NOW - 5 * YEAR, NOW - 5 * YEAR),
        Times((1, 2), NOW - YEAR, NOW - YEAR),
    ]
    assert all(span.trusted for span in spans(commits, NOW))


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[Times], list[int], list[int]]:
    """Commits, their true times, and which of them lie."""
    count = draw(st.integers(1, 25))
    commits, true = [], []
    lies = draw(st.lists(st.integers(0, count - 1), max_size=4))
    for n in range(count):
        parents = draw(st.lists(st.integers(0, n - 1), max_size=3, unique=True)) if n else []
        time = NOW - YEAR + n * DAY
        said = draw(st.sampled_from([0, 1, NOW + YEAR, 2**40])) if n in lies else time
        commits.append(Times(tuple(parents), said, said))
        true.append(time)
    return commits, true, lies


@given(graphs())
def test_whatever_impossible_clocks_say_the_span_holds_the_truth(
    made: tuple[list[Times], list[int], list[int]],
) -> None:
    commits, true, lies = made
    for number, span in enumerate(spans(commits, NOW)):
        assert span.trusted == (number not in lies)
        assert (span.not_before or 0) <= true[number] <= span.not_after <= NOW


@given(st.lists(st.tuples(st.lists(st.integers(0, 30), max_size=3), st.integers(0, 2**40)), max_size=30))
def test_any_clocks_give_some_answer(made: list[tuple[list[int], int]]) -> None:
    commits = [
        Times(tuple(p for p in parents if p < n), time, time) for n, (parents, time) in enumerate(made)
    ]
    for span in spans(commits, NOW):
        assert span.not_before is None or 0 <= span.not_before <= span.not_after + TOLERANCE
        assert span.not_after <= NOW
