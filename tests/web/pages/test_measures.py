"""Measures: what runs took over time, beside the limits, and where it leads."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from jobd.core.ceilings import usage_of
from jobd.core.outcome import Outcome
from jobd.web.pages.measures import Chart, charts_of
from tests.web.fake_node import NOW, hourly, job_named

ZONE = ZoneInfo("UTC")


def charts(uses: Any, **changes: Any) -> list[Chart]:
    """Return the charts of a job with an interval of 15 and a timeout of 5 minutes, 512M."""
    usage = usage_of(job_named(**changes), timedelta(minutes=15), uses, NOW)
    return charts_of(usage, uses, NOW, ZONE)


def test_each_run_is_a_dot_that_says_what_it_took() -> None:
    duration, memory = charts(hourly(100, 100, days=2))
    assert len(duration.dots) == len(memory.dots) == 49
    assert duration.dots[-1].title == "1m 40s, success, ended 2026-11-23 10:20:00"
    assert memory.dots[-1].title == "100M, success, ended 2026-11-23 10:20:00"
    assert all(0 <= dot.x <= 100 and 0 <= dot.y <= 100 for dot in duration.dots)


def test_a_limit_is_drawn_where_it_is() -> None:
    (duration, _) = charts(hourly(250, 250, days=2))
    lines = {line.label: line.y for line in duration.lines}
    assert lines["timeout 5m"] == pytest.approx(7.41)
    assert duration.dots[0].y > lines["timeout 5m"]


def test_a_timeout_stands_beside_attempts_and_the_interval_beside_whole_runs() -> None:
    """Runs of three attempts, each well within it, seemed to pass it all the time."""
    retried = [replace(use, earlier_s=600.0) for use in hourly(100, 100, days=2)]
    whole, last, _ = charts(retried)
    assert (whole.title, last.title) == ("Duration, all attempts", "Duration of the last attempt")
    assert [line.label for line in whole.lines] == ["interval 15m"]
    assert [line.label for line in last.lines] == ["timeout 5m"]
    assert whole.dots[0].title.startswith("11m 40s")
    assert last.dots[0].title.startswith("1m 40s")


def test_a_limit_far_away_is_told_and_does_not_flatten_the_rest() -> None:
    (duration, _) = charts(hourly(100, 100, days=2))
    assert {line.label: line.y for line in duration.lines}["interval 15m"] is None
    assert duration.dots[0].y < 10


def test_a_trend_is_drawn_until_it_reaches_the_limit() -> None:
    (duration, _) = charts(hourly(100, 200, days=30))
    assert duration.foresight is not None
    _, from_y, _, to_y = duration.foresight.line
    limit = next(line.y for line in duration.lines if line.label == "timeout 5m")
    assert limit is not None
    assert from_y > to_y
    assert duration.now < 75, "a month ahead is seen"
    assert len(duration.foresight.fan.split()) == 4


def test_what_is_steady_has_no_trend_to_draw() -> None:
    assert [chart.foresight for chart in charts(hourly(100, 100))] == [None, None]


def test_of_what_nobody_measured_there_is_no_chart() -> None:
    (only,) = charts(hourly(100, 100, peak=None))
    assert only.title == "Duration"
    assert charts([]) == []


def test_a_run_that_met_its_ceiling_looks_different() -> None:
    (duration, _) = charts(hourly(300, 300, days=2, outcome=Outcome.TIMEOUT))
    assert {dot.outcome for dot in duration.dots} == {"timeout"}
