"""Trend: it finds growth, and cries wolf neither at outliers nor at cycles nor at steps."""

from math import inf
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.core.cycles import DAY_S
from jobd.core.trend import FEWEST, SLICES, Trend, sliced, trend_of
from tests.core.histories import (
    HOUR_S,
    Shape,
    day_and_night,
    doubling,
    flat,
    growing,
    history,
    nightly_batch,
    quiet_weekend,
    step,
)

SEEDS = 100
HOURLY = {"every_s": HOUR_S, "days": 30}
DAILY = {"every_s": DAY_S, "days": 30}
OFTEN = {"every_s": 600.0, "days": 7}

values = st.floats(0.0, 1e9)
histories = st.lists(st.tuples(st.floats(0.0, 1e8), values), max_size=120)


def share_rising(shape: Shape, **how: float) -> float:
    """Return the share of random histories that are said to rise."""
    trends = (trend_of(history(seed, shape=shape, **how)) for seed in range(SEEDS))
    return sum(trend is not None and trend.is_rising for trend in trends) / SEEDS


@pytest.mark.parametrize("wild", [0.0, 0.2])
@pytest.mark.parametrize("how", [HOURLY, DAILY, OFTEN, {"every_s": DAY_S, "days": 12}])
def test_noise_is_no_growth_though_a_fifth_of_it_is_wild(
    how: dict[str, float], wild: float
) -> None:
    assert share_rising(flat, wild=wild, **how) <= 0.03


@pytest.mark.parametrize("wild", [0.0, 0.2])
@pytest.mark.parametrize("shape", [day_and_night, nightly_batch])
@pytest.mark.parametrize("days", [1.2, 2.1, 2.6, 3.1, 7.0])
def test_the_time_of_day_is_no_growth(shape: Shape, days: float, wild: float) -> None:
    assert share_rising(shape, every_s=600.0, days=days, wild=wild) <= 0.03


@pytest.mark.parametrize("wild", [0.0, 0.2])
@pytest.mark.parametrize(
    ("every_s", "days"),
    [(HOUR_S, 9.5), (HOUR_S, 16), (HOUR_S, 22), (DAY_S, 12), (DAY_S, 18), (DAY_S, 22), (DAY_S, 30)],
)
def test_the_day_of_the_week_is_no_growth(every_s: float, days: float, wild: float) -> None:
    assert share_rising(quiet_weekend, every_s=every_s, days=days, wild=wild) <= 0.05


@pytest.mark.parametrize("at", [0.2, 0.4, 0.5])
def test_what_stepped_up_and_stayed_there_seldom_grows(at: float) -> None:
    """A deployment that made a job slower will not do so again each fortnight."""
    assert share_rising(step(at), wild=0.0, **HOURLY) <= 0.2


@pytest.mark.parametrize(
    ("shape", "how", "wild", "found"),
    [
        (growing(0.5), HOURLY, 0.0, 0.99),
        (growing(0.5), HOURLY, 0.2, 0.9),
        (growing(1.0), DAILY, 0.0, 0.9),
        (growing(1.0), OFTEN, 0.2, 0.9),
        (doubling(3), DAILY, 0.0, 0.99),
        (doubling(3), HOURLY, 0.2, 0.9),
        (growing(1.0, quiet_weekend), DAILY, 0.0, 0.9),
        (growing(1.0, day_and_night), OFTEN, 0.0, 0.9),
    ],
)
def test_growth_is_found(shape: Shape, how: dict[str, float], wild: float, found: float) -> None:
    """Under noise, outliers and cycles, and whatever its shape."""
    assert share_rising(shape, wild=wild, **how) >= found


def test_the_slope_is_that_of_the_growth() -> None:
    slopes = [trend_of(history(seed, shape=growing(1.0), **HOURLY)) for seed in range(SEEDS)]
    per_month = sorted(trend.slope * 30 * DAY_S for trend in slopes if trend is not None)
    assert per_month[SEEDS // 10] > 80
    assert per_month[-SEEDS // 10] < 120


def test_the_range_of_the_slope_holds_the_true_one() -> None:
    found = [trend_of(history(seed, shape=growing(1.0), **HOURLY)) for seed in range(SEEDS)]
    true = 100 / (30 * DAY_S)
    inside = sum(one is not None and one.slope_low <= true <= one.slope_high for one in found)
    assert inside / SEEDS >= 0.95


def test_what_shrinks_falls() -> None:
    points = [(at, -value) for at, value in history(1, shape=growing(1.0), wild=0.0, **HOURLY)]
    trend = trend_of(points)
    assert trend is not None
    assert (trend.is_falling, trend.is_rising) == (True, False)


def test_a_straight_line_is_known_exactly() -> None:
    trend = trend_of([(float(n), 5.0 + 2.0 * n) for n in range(30)])
    assert trend is not None
    assert (trend.slope, trend.slope_low, trend.slope_high) == (2.0, 2.0, 2.0)
    assert trend.level == 5.0 + 2.0 * trend.at_s


def test_what_never_changes_has_no_slope() -> None:
    trend = trend_of([(float(n), 7.0) for n in range(30)])
    assert trend == Trend(24.5, 7.0, 7.0, 7.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize("count", range(FEWEST))
def test_few_runs_have_no_trend(count: int) -> None:
    assert trend_of([(float(n), float(n)) for n in range(count)]) is None


def test_runs_of_one_instant_have_no_trend() -> None:
    assert trend_of([(1.0, float(n)) for n in range(200)]) is None


def test_the_order_in_which_runs_are_told_is_nothing() -> None:
    points = history(3, shape=growing(0.5), **HOURLY)
    shuffled = Random(1).sample(points, len(points))
    assert trend_of(shuffled) == trend_of(points)


def test_however_long_the_history_it_is_as_many_slices() -> None:
    points = [(float(n), 1.0) for n in range(10_000)]
    slices = sliced(points)
    assert len(slices) == SLICES
    assert [at for at, _ in slices] == sorted(at for at, _ in slices)


def test_a_gap_in_the_history_is_no_slice() -> None:
    points = [(float(n), 1.0) for n in (*range(100), *range(900, 1000))]
    assert 2 < len(sliced(points)) < SLICES / 4


@given(histories)
def test_any_history_has_a_range_around_its_slope_or_no_trend(
    points: list[tuple[float, float]],
) -> None:
    trend = trend_of(points)
    if trend is not None:
        assert -inf <= trend.slope_low <= trend.slope <= trend.slope_high <= inf
        assert trend.level_low <= trend.level <= trend.level_high
        assert not (trend.is_rising and trend.is_falling)


@given(st.integers(FEWEST, 60), st.data(), values)
def test_one_outlier_turns_no_steady_job_into_one_that_grows(
    runs: int, data: st.DataObject, wild: float
) -> None:
    """However wild it is, and wherever."""
    steady = [(n * HOUR_S, 100.0) for n in range(runs)]
    place = data.draw(st.integers(0, runs - 1))
    steady[place] = (place * HOUR_S, wild)
    trend = trend_of(steady)
    assert trend is not None
    assert (trend.is_rising, trend.is_falling) == (False, False)
