"""Stopping: nothing more starts, and nothing is lost."""

from jobd.core.job import Retries
from jobd.core.outcome import Outcome
from jobd.core.view import JobState
from tests.core.desk import Desk, span
from tests.core.surroundings import NOON


def test_a_stopping_daemon_starts_no_tick(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.shut_down()
    desk.oversleep("10m")
    assert desk.starts == []


def test_a_stopping_daemon_lets_its_runs_go_on(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pass_time("10m")
    desk.shut_down()
    assert desk.stops == []


def test_a_stopping_daemon_whose_grace_is_over_stops_them(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pass_time("10m")
    desk.shut_down(stop_runs=True)
    assert desk.stops == ["a shutdown"]


def test_asking_for_the_stop_twice_does_no_harm(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pass_time("10m")
    desk.shut_down(stop_runs=True)
    desk.shut_down(stop_runs=True)
    desk.end("a")
    assert desk.outcomes("a") == [Outcome.CANCELED]


def test_a_stopping_daemon_is_not_quiet_while_something_runs(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pass_time("10m")
    desk.shut_down()
    assert desk.scheduler.is_quiet() is False


def test_a_stopping_daemon_is_quiet_once_everything_ended(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pass_time("10m")
    desk.shut_down()
    desk.end("a")
    assert desk.scheduler.is_quiet() is True


def test_a_tick_left_open_by_a_stop_is_caught_up_by_the_next_daemon(small_desk: Desk) -> None:
    small_desk.job("busy")
    small_desk.trigger("busy")
    small_desk.job("a", every="10m")
    small_desk.pass_time("10m")
    small_desk.shut_down()
    small_desk.end("busy")
    small_desk.restart()
    assert small_desk.starts[-1] == "a 12:10"


def test_a_retry_due_while_stopping_is_left_to_the_next_daemon(desk: Desk) -> None:
    desk.job("a", every="1h", retries=Retries(max=1, delay=span("30s"), jitter=0.0))
    desk.pass_time("1h")
    desk.end("a", exit_code=1)
    desk.shut_down()
    desk.oversleep("1m")
    desk.restart()
    assert desk.starts == ["a 13:00", "a 13:00 #2"]


def test_a_run_granted_after_the_grace_is_over_does_not_run_on(desk: Desk) -> None:
    """Nobody would stop it any more."""
    desk.job("a", every="10m")
    desk.hold_store()
    desk.pass_time("10m")
    desk.shut_down(stop_runs=True)
    desk.let_store_work()
    assert desk.running == [] or desk.stops == ["a shutdown"]


def test_a_stopping_daemon_says_so(desk: Desk) -> None:
    desk.shut_down()
    assert desk.node().is_stopping is True


def test_a_paused_job_is_shown_as_paused(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pause("a")
    view = desk.view("a")
    assert (view.state, view.next_fire) == (JobState.PAUSED, NOON + span("10m"))
