"""Forecast: the early warning before a job's runs outgrow its interval, or a ceiling."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.core.cycles import DAY_S, Point
from jobd.core.forecast import (
    HORIZON,
    WEIGHT,
    Confidence,
    Forecast,
    Prospect,
    course_of,
    forecast,
    smoothed,
    utilization,
)
from jobd.core.outcome import Outcome
from jobd.core.usage import Measured, RunUse, durations
from tests.core.histories import (
    HOUR_S,
    Shape,
    day_and_night,
    flat,
    growing,
    history,
    nightly_batch,
    quiet_weekend,
)

DAY = timedelta(days=1)
SEEDS = 100

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


def measured(points: Sequence[Point]) -> Measured:
    """Return what is known of a job whose runs took so long, the last of them just now."""
    uses = [
        RunUse(datetime.fromtimestamp(at_s, UTC), Outcome.SUCCESS, took_s, None)
        for at_s, took_s in points
    ]
    found = durations(uses)
    assert found is not None
    return found


def line(days: int, first: float, last: float, every_s: float = HOUR_S) -> Measured:
    """Return a job that took ``first`` seconds, and day by day more until it took ``last``."""
    count = int(days * DAY_S / every_s)
    rise = (last - first) / count
    return measured([(n * every_s, first + n * rise) for n in range(count + 1)])


def ahead(job: Measured, limit: float) -> Forecast:
    return forecast(job, limit, job.last)


def test_what_grows_is_foretold_to_the_day() -> None:
    job = line(30, 300.0, 600.0)
    found = ahead(job, 700.0)
    assert found.prospect is Prospect.REACHES
    assert found.at is not None
    assert (found.at - job.last) / DAY == pytest.approx(10.0, abs=0.1)
    assert found.earliest is not None
    assert found.latest is not None
    assert found.earliest <= found.at <= found.latest


def test_what_will_be_too_much_only_beyond_the_horizon_just_grows() -> None:
    """A straight line of thirty days says nothing about next year."""
    job = line(30, 300.0, 600.0)
    limit = 600.0 + 300.0 * HORIZON
    assert ahead(job, limit - 10).prospect is Prospect.REACHES
    assert ahead(job, limit + 10) == Forecast(Prospect.GROWS, Confidence.FAIRLY_SURE)


def test_what_is_usual_above_the_limit_is_over_already() -> None:
    assert ahead(line(30, 300.0, 600.0), 500.0) == Forecast(Prospect.OVER)


def test_what_shrinks_is_no_matter() -> None:
    assert ahead(line(30, 600.0, 300.0), 610.0).prospect is Prospect.SHRINKS


def test_what_changes_by_less_than_is_notable_is_steady() -> None:
    job = line(30, 600.0, 606.0)
    assert course_of(job) is Prospect.STEADY
    assert ahead(job, 610.0).prospect is Prospect.STEADY


@pytest.mark.parametrize(("runs", "prospect"), [(1, "unknown"), (2, "unknown"), (3, "over")])
def test_one_slow_run_is_not_the_usual(runs: int, prospect: str) -> None:
    assert ahead(measured([(n, 100.0) for n in range(runs)]), 50.0).prospect == prospect


def test_nothing_is_said_about_a_job_that_has_not_run() -> None:
    assert forecast(None, 50.0, datetime(2026, 1, 1, tzinfo=UTC)).prospect is Prospect.UNKNOWN


def test_of_too_few_runs_nothing_is_foretold() -> None:
    job = measured([(n * DAY_S, 10.0 + n) for n in range(9)])
    assert ahead(job, 50.0) == Forecast(Prospect.UNKNOWN)


def test_a_limit_that_the_line_has_passed_is_reached_now() -> None:
    """The newest runs were a little below the line."""
    points = [(n * HOUR_S, 100.0 + n) for n in range(200)]
    points[-15:] = [(at_s, 250.0) for at_s, _ in points[-15:]]
    job = measured(points)
    found = ahead(job, 255.0)
    assert found.prospect is Prospect.REACHES
    assert found.at is not None
    assert found.at >= job.last


@pytest.mark.parametrize(
    ("days", "every_s", "confidence"),
    [
        (30, HOUR_S, Confidence.FAIRLY_SURE),
        (10, HOUR_S, Confidence.LIKELY),
        (20, DAY_S, Confidence.LIKELY),  # too few runs
        (2, HOUR_S, Confidence.GUESS),  # it may be the time of day
    ],
)
def test_confidence_comes_with_the_history(
    days: int, every_s: float, confidence: Confidence
) -> None:
    assert ahead(line(days, 300.0, 600.0, every_s), 650.0).confidence is confidence


def test_nobody_is_fairly_sure_of_an_instant_that_may_be_far_off() -> None:
    points = history(4, every_s=HOUR_S, days=30, shape=growing(0.4), noise=0.35, wild=0.0)
    found = ahead(measured(points), 220.0)
    assert found.prospect is Prospect.REACHES
    assert found.earliest is not None
    assert found.latest is not None
    assert found.confidence is Confidence.LIKELY


def histories(shape: Shape, **how: float) -> list[Measured]:
    """Return random histories, each measured."""
    return [measured(history(seed, shape=shape, **how)) for seed in range(SEEDS)]


@pytest.mark.parametrize("shape", [flat, day_and_night, nightly_batch, quiet_weekend])
def test_no_wolf_is_cried(shape: Shape) -> None:
    """One alarm of fifty jobs that have cycles, and a fifth of whose runs are wild."""
    found = [ahead(job, 600.0) for job in histories(shape, every_s=HOUR_S, days=10)]
    alarms = sum(one.prospect in (Prospect.REACHES, Prospect.OVER) for one in found)
    assert alarms / SEEDS <= 0.02


@pytest.mark.parametrize(
    ("every_s", "days", "wild"),
    [(HOUR_S, 30, 0.0), (HOUR_S, 30, 0.2), (DAY_S, 30, 0.0), (600.0, 7, 0.2)],
)
def test_true_growth_is_foretold_in_time(every_s: float, days: float, wild: float) -> None:
    """It has doubled, and will be at the limit when a quarter of that time has gone by again:
    nine of ten are told so, and the range that they are told holds the day."""
    limit, lead = 200.0 * (1 + 0.25 / 2), days / 4 * DAY
    jobs = histories(growing(1.0), every_s=every_s, days=days, wild=wild)
    found = [(job.last + lead, ahead(job, limit)) for job in jobs]
    told = [(day, one) for day, one in found if one.at is not None and one.earliest is not None]
    assert len(told) / SEEDS >= 0.9
    inside = [one.earliest <= day <= (one.latest or day) for day, one in told if one.earliest]
    assert sum(inside) / len(told) >= 0.9


def test_most_forecasts_are_right_to_within_a_fifth_of_the_time_that_is_left() -> None:
    lead = 7.5 * DAY
    jobs = histories(growing(1.0), every_s=HOUR_S, days=30, wild=0.0)
    found = [(job.last + lead, ahead(job, 225.0).at) for job in jobs]
    close = sum(at is not None and abs(at - day) <= lead / 5 for day, at in found)
    assert close / SEEDS >= 0.8
