"""Usage: which runs say how much the work takes, and what is usual."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from jobd.core.outcome import Outcome
from jobd.core.usage import LATELY, RunUse, durations, memory_peaks, recent

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def use(hour: float, took_s: float = 10.0, peak: int | None = 100, **facts: Outcome) -> RunUse:
    outcome = facts.get("outcome", Outcome.SUCCESS)
    return RunUse(NOON + hour * HOUR, outcome, took_s, peak)


def test_no_runs_are_no_measure() -> None:
    assert durations([]) is None
    assert memory_peaks([]) is None


def test_what_is_usual_lately_is_the_median_of_the_newest_runs() -> None:
    older = [use(hour, 10.0) for hour in range(100)]
    lately = [use(100 + hour, 30.0) for hour in range(LATELY)]
    measured = durations([*older, *lately])
    assert measured is not None
    assert (measured.lately, measured.runs, measured.span) == (30.0, 120, 119 * HOUR)


def test_two_slow_runs_of_the_newest_are_not_the_usual() -> None:
    measured = durations([*(use(hour, 10.0) for hour in range(20)), use(21, 999.0), use(22, 999.0)])
    assert measured is not None
    assert measured.lately == 10.0


def test_nineteen_of_twenty_recent_runs_stay_at_or_below_the_high_value() -> None:
    measured = durations([use(hour, float(hour)) for hour in range(1, 21)])
    assert measured is not None
    assert measured.high == 19.0


def test_how_high_it_went_long_ago_is_past() -> None:
    """What was mended must not be told for a month."""
    measured = durations([use(hour, 900.0 if hour < 600 else 10.0) for hour in range(1000)])
    assert measured is not None
    assert measured.high == 10.0


def test_the_high_value_of_few_runs_is_the_highest() -> None:
    measured = durations([use(1, 10.0), use(2, 20.0)])
    assert measured is not None
    assert measured.high == 20.0


def test_a_run_that_its_timeout_ended_took_at_least_that_long() -> None:
    """To leave it out would make a job look well when it is at its worst."""
    measured = durations([use(1, 600.0, outcome=Outcome.TIMEOUT)])
    assert measured is not None
    assert measured.lately == 600.0


def test_a_run_that_was_killed_for_memory_says_nothing_of_its_duration() -> None:
    killed = [use(1, 3.0, 512, outcome=Outcome.OOM)]
    assert durations(killed) is None
    peaks = memory_peaks(killed)
    assert peaks is not None
    assert peaks.lately == 512.0


def test_a_run_whose_memory_nothing_measured_is_left_out() -> None:
    peaks = memory_peaks([use(1, peak=None), use(2, peak=7)])
    assert peaks is not None
    assert (peaks.runs, peaks.high) == (1, 7.0)


def test_runs_count_in_the_order_in_which_they_ended() -> None:
    """Runs that overlap end in another order than that of their grants."""
    uses = [use(hour, float(hour)) for hour in range(50)]
    shuffled = Random(1).sample(uses, len(uses))
    assert durations(shuffled) == durations(uses)
    assert recent(shuffled) == uses[-LATELY:]


@pytest.mark.parametrize(("kept", "count"), [(5, 5), (50, 20), (300, 100)])
def test_recent_is_a_third_of_the_kept_runs_and_twenty_at_least(kept: int, count: int) -> None:
    assert len(recent([use(hour) for hour in range(kept)])) == count


def test_ten_runs_have_a_trend_and_fewer_none() -> None:
    ten, nine = (durations([use(hour, float(hour)) for hour in range(count)]) for count in (10, 9))
    assert ten is not None
    assert nine is not None
    assert ten.trend is not None
    assert nine.trend is None
