"""Clock set: forwards is catch-up, backwards runs no tick twice and silences nobody."""

from dataclasses import replace
from datetime import timedelta

from jobd.core.job import Retries
from jobd.core.outcome import Outcome
from tests.core.desk import Desk, span

ONCE_MORE = Retries(max=1, delay=span("30s"), jitter=0.0)


def test_what_a_clock_set_forwards_jumps_over_is_late(desk: Desk) -> None:
    desk.job("a", every="1h")
    desk.set_clock("3h30m")
    desk.wake()
    assert desk.ledger("a") == ["13:00-14:00 misfire x2", "15:00 started"]


def test_a_clock_set_back_runs_no_tick_twice(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pass_time("10m")
    desk.end("a")
    desk.set_clock("-5m")
    desk.pass_time("6m")
    assert desk.starts == ["a 12:10"]


def test_a_clock_set_back_counts_no_skip_twice(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pass_time("25m")
    desk.set_clock("-10m")
    desk.pass_time("10m")
    assert desk.ledger("a") == ["12:10 started", "12:20 overlap"]


def test_a_clock_set_back_goes_on_with_the_first_tick_that_is_new(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pass_time("10m")
    desk.end("a")
    desk.set_clock("-9m")
    desk.pass_time("19m")
    assert desk.starts == ["a 12:10", "a 12:20"]


def test_a_clock_set_back_ends_no_run(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pass_time("10m")
    desk.set_clock("-1d")
    assert desk.running == ["a"]


def test_a_clock_set_back_does_not_put_off_the_next_attempt(desk: Desk) -> None:
    """The job counts as active meanwhile: every tick of a day would be skipped."""
    desk.job("a", every="1h", retries=ONCE_MORE)
    desk.pass_time("1h")
    desk.end("a", exit_code=1)
    desk.set_clock("-1d")
    desk.pass_time("1m")
    assert desk.running == ["a"]


def test_a_backlog_is_planned_anew_when_the_clock_is_set_back(desk: Desk) -> None:
    """Ticks that are to come again must not run ahead of their time."""
    desk.job("a", every="10m", catchup="all", catchup_window="1d")
    desk.set_clock("12h35m")
    desk.wake()
    desk.set_clock("-12h35m")
    desk.end("a", duration_s=1.0)
    assert desk.running == []


def test_a_waiting_tick_survives_a_clock_set_back(small_desk: Desk) -> None:
    """It has still to come by the right clock, and then it does."""
    small_desk.job("busy")
    small_desk.trigger("busy")
    small_desk.job("a", every="10m")
    small_desk.pass_time("10m")
    small_desk.set_clock("-5m")
    small_desk.end("busy")
    small_desk.pass_time("5m")
    assert small_desk.starts[-1] == "a 12:10"


def test_a_tick_that_waits_through_a_clock_set_back_waits_once(small_desk: Desk) -> None:
    small_desk.job("busy")
    small_desk.trigger("busy")
    small_desk.job("a", every="10m")
    small_desk.pass_time("10m")
    small_desk.set_clock("-5m")
    small_desk.pass_time("5m")
    assert len(small_desk.view("a").waiting) == 1


def test_a_clock_ahead_for_a_moment_does_not_silence_the_node(desk: Desk) -> None:
    """A machine without a battery, or a typing error: a year ahead, then right again."""
    desk.job("a", every="10m")
    desk.set_clock("365d")
    desk.wake()
    desk.end("a")
    desk.set_clock("-365d")
    desk.pass_time("1h")
    assert len(desk.starts) >= 2


def test_a_clock_set_back_ends_the_rest_of_a_job(desk: Desk) -> None:
    """It was counted by a clock that was ahead; the store must not go by it either."""
    desk.job("a", every="1d", max_duty=0.5)
    desk.set_clock("11h")
    desk.trigger("a")
    desk.pass_time("50m")
    desk.end("a")
    desk.set_clock("-11h30m")
    desk.pass_time("12h")
    assert desk.starts == ["a by hand", "a 00:00"]


def test_a_start_on_a_clock_that_is_behind_does_not_owe_the_past(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pass_time("10m")
    desk.end("a")
    desk.now -= timedelta(days=365)
    desk.restart()
    desk.set_clock("365d")
    desk.wake()
    assert desk.starts == ["a 12:10"]


def test_a_definition_may_change_while_its_run_is_taken_back(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pass_time("10m")
    desk.jobs["a"] = replace(desk.jobs["a"], success_exit_codes=frozenset({7}))
    desk.restart()
    desk.end("a", exit_code=7)
    assert desk.outcomes("a") == [Outcome.SUCCESS]
