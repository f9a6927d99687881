"""Candidates: what a tick becomes that meets a prior run, or a job at rest."""

from jobd.core.job import Retries
from jobd.core.outcome import Outcome
from tests.core.desk import Desk, span

# -- overlap = "skip" ----------------------------------------------------------------


def test_a_tick_during_the_prior_run_is_skipped(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pass_time("20m")
    assert desk.ledger("a") == ["12:10 started", "12:20 overlap"]


def test_the_skip_names_the_run_that_was_in_the_way(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pass_time("20m")
    assert desk.rows("a")[-1].blocker == desk.process("a").run.run_id


def test_the_tick_after_the_prior_run_starts(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pass_time("25m")
    desk.end("a")
    desk.pass_time("5m")
    assert desk.starts == ["a 12:10", "a 12:30"]


def test_a_late_end_does_not_start_the_job_at_once(desk: Desk) -> None:
    """systemd starts an overdue job the moment it ends; that is what eats a server."""
    desk.job("a", every="10m")
    desk.pass_time("25m")
    desk.end("a")
    assert desk.running == []


# -- overlap = "queue" ---------------------------------------------------------------


def test_one_tick_waits_for_the_prior_run(desk: Desk) -> None:
    desk.job("a", every="10m", overlap="queue")
    desk.pass_time("22m")
    desk.end("a")
    assert desk.starts == ["a 12:10", "a 12:20"]


def test_of_several_ticks_the_first_waits_and_the_others_are_skipped(desk: Desk) -> None:
    desk.job("a", every="10m", overlap="queue", start_deadline="1h")
    desk.pass_time("45m")
    assert desk.ledger("a") == ["12:10 started", "12:30 overlap", "12:40 overlap"]


def test_a_queued_tick_is_skipped_at_its_deadline(desk: Desk) -> None:
    desk.job("a", every="10m", overlap="queue", start_deadline="2m")
    desk.pass_time("22m")
    assert desk.ledger("a") == ["12:10 started", "12:20 overlap"]


def test_a_queued_tick_waits_for_the_last_attempt(desk: Desk) -> None:
    desk.job("a", every="10m", overlap="queue", start_deadline="1h", retries=Retries(max=1))
    desk.pass_time("20m")
    desk.end("a", exit_code=1)
    assert desk.starts == ["a 12:10"]


def test_a_queued_tick_does_not_wait_for_a_run_that_is_over(desk: Desk) -> None:
    """The store's denial can be older than the end of the run that it names."""
    desk.job("a", every="10m", overlap="queue", start_deadline="1h")
    desk.hold_store()
    desk.pass_time("10m")
    desk.trigger("a")
    desk.let_store_work(1)
    denied = desk.decide_in_silence()
    desk.end("a")
    desk.handle(denied)
    desk.let_store_work()
    assert desk.running == ["a"]


# -- overlap = "replace" -------------------------------------------------------------


def test_a_tick_stops_the_prior_run(desk: Desk) -> None:
    desk.job("a", every="10m", overlap="replace")
    desk.pass_time("20m")
    assert desk.stops == ["a replace"]


def test_the_new_run_waits_until_the_prior_one_is_gone(desk: Desk) -> None:
    desk.job("a", every="10m", overlap="replace")
    desk.pass_time("20m")
    assert desk.starts == ["a 12:10"]


def test_the_new_run_starts_at_the_prior_ones_end(desk: Desk) -> None:
    desk.job("a", every="10m", overlap="replace")
    desk.pass_time("20m")
    desk.end("a")
    assert desk.starts == ["a 12:10", "a 12:20"]


def test_the_replaced_run_was_cancelled(desk: Desk) -> None:
    desk.job("a", every="10m", overlap="replace")
    desk.pass_time("20m")
    desk.end("a")
    assert desk.outcomes("a") == [Outcome.CANCELED, None]


def test_of_several_ticks_during_the_stop_the_newest_starts(desk: Desk) -> None:
    desk.job("a", every="1m", overlap="replace", start_deadline="1h")
    desk.pass_time("4m")
    desk.end("a")
    assert desk.starts == ["a 12:01", "a 12:04"]


def test_the_ticks_that_it_displaced_are_accounted_for(desk: Desk) -> None:
    desk.job("a", every="1m", overlap="replace", start_deadline="1h")
    desk.pass_time("4m")
    desk.end("a")
    assert desk.ledger("a")[1:3] == ["12:02 overlap", "12:03 overlap"]


def test_a_replaced_run_is_not_tried_again(desk: Desk) -> None:
    desk.job("a", every="10m", overlap="replace", retries=Retries(max=5))
    desk.pass_time("20m")
    desk.end("a", exit_code=1)
    assert desk.running == ["a"]


def test_a_run_between_two_attempts_is_replaced_at_once(desk: Desk) -> None:
    desk.job("a", every="1m", overlap="replace", retries=Retries(max=5))
    desk.pass_time("1m")
    desk.end("a", exit_code=1, duration_s=1.0)
    desk.trigger("a")
    assert desk.starts == ["a 12:01", "a by hand"]


def test_a_tick_that_was_decided_before_replaces_nothing(desk: Desk) -> None:
    """The clock was set back: the tick comes again, and must not kill the run that is newer."""
    desk.job("a", every="10m", overlap="replace")
    desk.pass_time("10m")
    desk.end("a")
    desk.pass_time("10m")
    desk.set_clock("-15m")
    desk.pass_time("6m")
    assert desk.stops == []


# -- overlap = "allow" ---------------------------------------------------------------


def test_runs_stand_beside_each_other_up_to_max_instances(desk: Desk) -> None:
    desk.job("a", every="1m", overlap="allow", max_instances=2)
    desk.pass_time("3m")
    assert desk.ledger("a") == ["12:01 started", "12:02 started", "12:03 overlap"]


# -- max_duty ------------------------------------------------------------------------


def test_a_tick_within_the_rest_is_skipped(desk: Desk) -> None:
    desk.job("a", every="10m", max_duty=0.5)
    desk.pass_time("18m")
    desk.end("a")
    desk.pass_time("2m")
    assert desk.ledger("a") == ["12:10 started", "12:20 duty"]


def test_the_tick_after_the_rest_runs(desk: Desk) -> None:
    desk.job("a", every="10m", max_duty=0.5)
    desk.pass_time("18m")
    desk.end("a")
    desk.pass_time("12m")
    assert desk.starts == ["a 12:10", "a 12:30"]


def test_a_retried_run_is_followed_by_the_rest_that_all_of_it_asks_for(desk: Desk) -> None:
    retries = Retries(max=1, delay=span("1m"), jitter=0.0)
    desk.job("a", every="10m", max_duty=0.5, retries=retries)
    desk.pass_time("17m")
    desk.end("a", exit_code=1)
    desk.pass_time("1m")
    desk.end("a")
    assert desk.view("a").memory.rest_until == desk.now + span("8m")


def test_the_rest_survives_a_restart(desk: Desk) -> None:
    desk.job("a", every="10m", max_duty=0.5)
    desk.pass_time("18m")
    desk.end("a")
    desk.restart()
    desk.pass_time("2m")
    assert desk.ledger("a")[-1] == "12:20 duty"


def test_a_person_may_disturb_the_rest(desk: Desk) -> None:
    desk.job("a", every="10m", max_duty=0.5)
    desk.pass_time("18m")
    desk.end("a")
    assert desk.trigger("a").is_accepted
