"""Bars: runs of a lane as they are drawn."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jobd.ports import RunCell, Window
from jobd.ports.window import ACTIVE
from jobd.web.pages.bars import MOST_ROWS, NARROWEST, Bar, bars_of, place_of, span_of

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
WINDOW = Window(NOON, NOON + timedelta(hours=4), 240)  # a cell is a minute


def cell(minute: float, took: float = 0.5, outcome: str = "success", **more: Any) -> RunCell:
    """Return runs that began in a minute of the window; ``took`` minutes each."""
    runs, begun = more.get("runs", 1), NOON + minute * MINUTE
    number = WINDOW.cell_of(begun)
    ended = None if outcome == ACTIVE else begun + took * MINUTE
    took_s = 0.0 if ended is None else took * 60
    run_id = more.get("run_id", f"r{minute:g}")
    return RunCell("a", number, outcome, runs, begun, ended, took_s * runs, took_s, run_id)


def bars(*cells: RunCell, now: float = 240, interval: float | None = None) -> list[Bar]:
    limit = None if interval is None else interval * MINUTE
    drawn = bars_of(cells, WINDOW, NOON + now * MINUTE, limit)
    return sorted(drawn, key=lambda bar: bar.begun)


def test_a_run_that_has_room_is_a_bar_of_its_own() -> None:
    (bar,) = bars(cell(10, 5, run_id="a1"))
    assert (bar.runs, bar.level, bar.worst, bar.run_id) == (1, 0, "success", "a1")
    assert (bar.begun, bar.ended) == (NOON + 10 * MINUTE, NOON + 15 * MINUTE)


def test_runs_that_began_in_one_cell_are_one_bar() -> None:
    (bar,) = bars(cell(10, runs=3), cell(10.5, outcome="failure"))
    assert (bar.runs, bar.worst, bar.commonest) == (4, "failure", "success")


@pytest.mark.parametrize(("took", "level"), [(0.1, 1), (0.3, 2), (0.6, 3), (1.0, 4)])
def test_a_bar_of_many_is_the_higher_the_busier_its_time_was(took: float, level: int) -> None:
    """Or a job that runs for a second each minute would look like one that always runs."""
    busy = RunCell("a", 5, "success", 10, NOON, NOON + MINUTE, took * 60, 6.0, "x")
    (bar,) = bars(busy)
    assert bar.level == level


def test_a_week_of_a_busy_job_is_a_few_bars() -> None:
    drawn = bars(*(cell(minute, 0.02, runs=20) for minute in range(240)))
    assert len(drawn) == 1
    assert drawn[0].runs == 240 * 20


def test_a_gap_parts_bars_of_many() -> None:
    drawn = bars(*(cell(minute, 0.02, runs=20) for minute in (*range(50), *range(60, 100))))
    assert [bar.runs for bar in drawn] == [1000, 800]


def test_a_failure_stays_where_it_was_among_many() -> None:
    minutes = [cell(minute, 0.02, runs=20) for minute in range(20)]
    drawn = bars(*minutes, cell(10, 0.02, "oom"))
    assert [bar.worst for bar in drawn] == ["success", "oom", "success"]


def test_an_active_run_lasts_until_now() -> None:
    (bar,) = bars(cell(10, outcome=ACTIVE), now=42)
    assert bar.ended == NOON + 42 * MINUTE
    assert bar.longest_s == 32 * 60


def test_an_active_run_is_judged_by_its_own_begin() -> None:
    """Not by that of a run which ended, however long ago, and began in the same cell."""
    (bar,) = bars(cell(10, 0.2), cell(10.5, outcome=ACTIVE), now=12, interval=1.75)
    assert (bar.longest_s, bar.is_late) == (90, False)
    assert bar.busy_s == 12 + 90


@pytest.mark.parametrize(("took", "is_late"), [(4, False), (5, False), (6, True)])
def test_a_run_that_took_longer_than_the_interval_is_told_apart(took: int, is_late: bool) -> None:
    (bar,) = bars(cell(10, took), interval=5)
    assert bar.is_late is is_late


def test_runs_beside_one_another_have_rows_of_their_own() -> None:
    drawn = bars(cell(10, 30), cell(20, 30), cell(41, 5))
    assert [bar.row for bar in drawn] == [0, 1, 0]


def test_there_are_no_more_rows_than_fit_and_no_run_is_lost() -> None:
    drawn = bars(*(cell(minute, 200) for minute in range(20)))
    assert {bar.row for bar in drawn} == set(range(MOST_ROWS))
    assert sum(bar.runs for bar in drawn) == 20


def test_where_runs_share_the_last_row_one_that_is_late_is_told() -> None:
    shared = (cell(MOST_ROWS - 1, 100), cell(MOST_ROWS, 200))
    drawn = bars(*(cell(minute, 200) for minute in range(MOST_ROWS - 1)), *shared, interval=150)
    assert (drawn[-1].runs, drawn[-1].is_late) == (2, True)


def test_what_is_outside_of_the_window_is_at_its_edge() -> None:
    assert place_of(NOON - MINUTE, WINDOW) == 0
    assert place_of(NOON + timedelta(hours=2), WINDOW) == 50
    assert place_of(NOON + timedelta(hours=9), WINDOW) == 100


@pytest.mark.parametrize("minute", [0, 100, 240])
def test_the_shortest_run_can_be_seen(minute: int) -> None:
    left, width = span_of(NOON + minute * MINUTE, NOON + minute * MINUTE, WINDOW)
    assert width >= NARROWEST
    assert left + width <= 100.01
