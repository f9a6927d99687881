"""Periods: which stretch of time the timeline shows."""

from datetime import UTC, datetime, timedelta

import pytest

from jobd.web.pages.period import CELLS, SPANS, Period, nearer, period_in, span_for
from jobd.web.problem import Problem

NOW = datetime(2026, 11, 23, 10, 20, 7, tzinfo=UTC)


@pytest.mark.parametrize("span", SPANS)
def test_a_window_that_follows_the_clock_holds_the_present_and_what_comes_next(span: str) -> None:
    window = Period(span).window(NOW, None)
    assert window.end - window.start == SPANS[span]
    assert window.start < NOW < window.end
    assert (window.end - NOW) < SPANS[span] / 10


def test_it_stays_where_it_is_until_a_cell_has_gone_by() -> None:
    """A picture that slides with every second is drawn anew with every second."""
    cell = SPANS["1h"] / CELLS
    windows = {Period("1h").window(NOW + cell * n / 10, None).end for n in range(11)}
    assert len(windows) == 2


def test_the_windows_before_and_after_overlap_it() -> None:
    window = Period("1d").window(NOW, None)
    before = Period("1d").earlier(window)
    assert window.start < before < window.end
    earlier = Period("1d", before)
    back = earlier.later(earlier.window(NOW, None), NOW)
    assert back is None, "the one after it follows the clock again"


def test_an_end_is_an_instant_with_its_zone() -> None:
    period = period_in("1h", "2026-11-23T11:15:00+01:00", NOW)
    assert period.to == datetime(2026, 11, 23, 10, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("span", "to", "words"),
    [
        ("2h", "", "is none of 15m, 1h"),
        ("1h", "yesterday", "write an instant with its zone"),
        ("1h", "2026-11-23T11:15:00", "write an instant with its zone"),
        ("1h", "0001-01-01T00:00:00Z", "too far from now"),
        ("1h", "9999-12-31T23:59:59Z", "too far from now"),
    ],
)
def test_what_cannot_be_meant_is_told_with_the_mend(span: str, to: str, words: str) -> None:
    with pytest.raises(Problem, match=words):
        period_in(span, to, NOW)


def test_a_closer_look_is_as_long_as_it_has_to_be_around_the_middle() -> None:
    begun = NOW - timedelta(hours=5)
    period = nearer(begun, begun + timedelta(hours=2), "1w")
    assert period == Period("6h", begun + timedelta(hours=4))


def test_there_is_nothing_closer_than_the_closest() -> None:
    assert nearer(NOW, NOW, "15m") is None


@pytest.mark.parametrize(
    ("minutes", "span"),
    [([], "15m"), ([0.2, 0.5, 60], "15m"), ([5, 5, 1440], "6h"), ([15], "1d"), ([1440], "1w")],
)
def test_unasked_a_job_s_ticks_can_be_told_apart(minutes: list[float], span: str) -> None:
    """An example that ticks every ten seconds is a dot in a window of hours."""
    assert span_for(timedelta(minutes=each) for each in minutes) == span
