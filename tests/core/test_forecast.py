"""Forecast: the early warning before a job's runs outgrow its interval."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.core.forecast import WEIGHT, smoothed, utilization

seconds = st.floats(0.0, 1e7)


def test_the_first_run_speaks_for_itself() -> None:
    assert smoothed(None, 12.5) == 12.5


def test_a_run_moves_the_smoothed_duration_by_the_stated_weight() -> None:
    assert smoothed(10.0, 20.0) == pytest.approx(10.0 + WEIGHT * 10.0)


@given(seconds, seconds)
def test_the_smoothed_duration_never_overshoots(previous: float, duration: float) -> None:
    low, high = sorted((previous, duration))
    assert low <= smoothed(previous, duration) <= high or smoothed(
        previous, duration
    ) == pytest.approx(duration)


def test_one_slow_run_does_not_raise_the_alarm_and_five_do() -> None:
    """An alert at 80 % of a ten-minute interval, for a job that took one minute so far."""
    interval, duration = timedelta(minutes=10), 60.0
    used = []
    for _ in range(10):
        duration = smoothed(duration, 600.0)
        used.append(utilization(duration, interval))
    assert used[0] < 0.3
    assert used[-1] > 0.8


def test_utilization_is_the_share_of_the_interval() -> None:
    assert utilization(16 * 60.0, timedelta(minutes=15)) == pytest.approx(16 / 15)


def test_an_interval_of_nothing_is_a_defect_of_ours() -> None:
    with pytest.raises(AssertionError):
        utilization(1.0, timedelta(0))
