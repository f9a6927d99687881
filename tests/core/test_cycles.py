"""Cycles: the usual difference of hours and weekdays is taken out, and nothing else."""

from statistics import pstdev

import pytest

from jobd.core.cycles import DAY_S, calmed, slopes
from tests.core.histories import (
    HOUR_S,
    Shape,
    day_and_night,
    growing,
    history,
    nightly_batch,
    quiet_weekend,
)


@pytest.mark.parametrize(
    ("shape", "every_s", "days"),
    [
        (day_and_night, HOUR_S, 4.0),
        (nightly_batch, HOUR_S, 4.0),
        (quiet_weekend, DAY_S, 28.0),
    ],
)
def test_what_is_left_is_calmer(shape: Shape, every_s: float, days: float) -> None:
    points = history(1, every_s=every_s, days=days, shape=shape, noise=0.02, wild=0.0)
    before, after = (pstdev(value for _, value in some) for some in (points, calmed(points)))
    assert after < before / 2


@pytest.mark.parametrize("days", [0.5, 2.9])
def test_a_cycle_that_was_not_seen_three_times_is_left_alone(days: float) -> None:
    """It may as well be growth."""
    points = history(1, every_s=HOUR_S, days=days, shape=day_and_night)
    assert calmed(points) == points


def test_growth_is_left_in() -> None:
    shape = growing(1.0, day_and_night)
    points = history(1, every_s=HOUR_S, days=10, shape=shape, noise=0.0, wild=0.0)
    calm = calmed(points)
    first, last = calm[: len(calm) // 3], calm[-len(calm) // 3 :]
    rise = sum(v for _, v in last) / len(last) - sum(v for _, v in first) / len(first)
    assert rise == pytest.approx(66, abs=10)


def test_nothing_stays_nothing() -> None:
    assert calmed([]) == []


def test_slopes_are_between_all_pairs_of_different_instants() -> None:
    assert slopes([(0.0, 0.0), (1.0, 3.0), (1.0, 9.0), (2.0, 0.0)]) == [-9.0, -3.0, 0.0, 3.0, 9.0]
