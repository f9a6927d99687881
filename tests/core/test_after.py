"""After: the next tick counts from the end of a run, or from what came instead of one."""

from jobd.core.job import Retries
from tests.core.desk import Desk, span
from tests.core.surroundings import NOON


def test_a_job_that_never_ran_is_due_at_once(desk: Desk) -> None:
    desk.job("a", after="10m")
    desk.wake()
    assert desk.starts == ["a 12:00"]


def test_the_delay_counts_from_the_end_of_the_run(desk: Desk) -> None:
    desk.job("a", after="10m")
    desk.pass_time("3m")
    desk.end("a")
    desk.pass_time("10m")
    assert desk.starts == ["a 12:00", "a 12:13"]


def test_while_it_runs_no_tick_is_due(desk: Desk) -> None:
    desk.job("a", after="10m")
    desk.pass_time("5h")
    assert desk.ledger("a") == ["12:00 started"]


def test_the_delay_counts_from_the_end_of_a_manual_run_too(desk: Desk) -> None:
    desk.job("a", after="10m")
    desk.wake()
    desk.end("a")
    desk.pass_time("5m")
    desk.trigger("a")
    desk.end("a")
    desk.pass_time("10m")
    assert desk.starts == ["a 12:00", "a by hand", "a 12:15"]


def test_a_paused_tick_is_followed_by_another_delay(desk: Desk) -> None:
    desk.job("a", after="10m")
    desk.wake()
    desk.end("a")
    desk.pause("a")
    desk.pass_time("20m")
    assert desk.ledger("a") == ["12:00 started", "12:10 paused", "12:20 paused"]


def test_after_a_pause_it_goes_on(desk: Desk) -> None:
    desk.job("a", after="10m")
    desk.wake()
    desk.end("a")
    desk.pause("a")
    desk.pass_time("15m")
    desk.resume("a")
    desk.pass_time("5m")
    assert desk.starts == ["a 12:00", "a 12:20"]


def test_skip_next_costs_one_delay(desk: Desk) -> None:
    desk.job("a", after="10m")
    desk.wake()
    desk.end("a")
    desk.skip_next("a")
    desk.pass_time("20m")
    assert desk.ledger("a") == ["12:00 started", "12:10 paused", "12:20 started"]


def test_a_reload_does_not_move_the_tick(desk: Desk) -> None:
    desk.job("a", after="10m")
    desk.wake()
    desk.end("a")
    desk.pass_time("5m")
    desk.job("b", every="1h")
    desk.pass_time("5m")
    assert desk.starts == ["a 12:00", "a 12:10"]


def test_a_restart_does_not_move_the_tick(desk: Desk) -> None:
    desk.job("a", after="10m")
    desk.wake()
    desk.end("a")
    desk.pass_time("5m")
    desk.restart()
    desk.pass_time("5m")
    assert desk.starts == ["a 12:00", "a 12:10"]


def test_a_tick_that_came_while_nobody_was_there_is_never_too_late(desk: Desk) -> None:
    desk.job("a", after="10m")
    desk.wake()
    desk.end("a")
    desk.restart(down="2d")
    assert desk.starts == ["a 12:00", "a 12:10"]


def test_between_two_attempts_no_tick_is_due(desk: Desk) -> None:
    desk.job("a", after="1m", retries=Retries(max=1, delay=span("10m")))
    desk.wake()
    desk.end("a", exit_code=1)
    desk.pass_time("5m")
    assert desk.ledger("a") == ["12:00 started"]


def test_a_trigger_that_was_refused_does_not_move_the_tick(new_desk: type[Desk]) -> None:
    """A script that triggers every minute on a busy node would put the tick off for ever."""
    desk = new_desk(max_running=1, max_waiting=0)
    desk.job("busy", every="1d")
    desk.job("a", after="10m")
    desk.wake()
    desk.end("a")
    desk.trigger("busy")
    desk.pass_time("5m")
    refused = desk.trigger("a")
    assert refused.code == "busy"
    assert desk.view("a").next_fire == NOON + span("10m")


def test_a_clock_set_back_does_not_silence_it(desk: Desk) -> None:
    """Its last end lies a year ahead now; it must not wait until then."""
    desk.job("a", after="10m")
    desk.set_clock("365d")
    desk.wake()
    desk.end("a")
    desk.set_clock("-365d")
    desk.pass_time("1h")
    assert len(desk.starts) == 2
