"""Runs: attempts, retries and their delays, ends and what is learned from them."""

from dataclasses import replace

from jobd.core.effects import FinishRun, SaveRun
from jobd.core.events import AttemptEnded, RunSaid
from jobd.core.job import Retries
from jobd.core.outcome import Outcome, StopCause
from jobd.core.said import Said, StepTime
from tests.core.desk import Desk, span

ONCE_MORE = Retries(max=1, delay=span("30s"), jitter=0.0)


def test_a_run_that_ends_well_is_a_success_in_the_history(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pass_time("10m")
    desk.end("a")
    assert desk.outcomes("a") == [Outcome.SUCCESS]


def test_the_history_knows_when_the_attempt_was_executed(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pass_time("10m")
    started = desk.now
    desk.pass_time("1m")
    desk.end("a")
    assert desk.history("a")[0].started_at == started


def test_a_run_that_fails_is_not_tried_again_unless_the_job_says_so(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pass_time("10m")
    desk.end("a", exit_code=1)
    desk.pass_time("9m")
    assert desk.starts == ["a 12:10"]


def test_a_failed_attempt_is_followed_by_another_after_the_delay(desk: Desk) -> None:
    desk.job("a", every="10m", retries=ONCE_MORE)
    desk.pass_time("10m")
    desk.end("a", exit_code=1)
    desk.pass_time("30s")
    assert desk.starts == ["a 12:10", "a 12:10 #2"]


def test_the_next_attempt_does_not_come_before_its_delay(desk: Desk) -> None:
    desk.job("a", every="10m", retries=ONCE_MORE)
    desk.pass_time("10m")
    desk.end("a", exit_code=1)
    desk.pass_time("29s")
    assert desk.starts == ["a 12:10"]


def test_attempts_share_one_run_and_its_token(desk: Desk) -> None:
    desk.job("a", every="10m", retries=ONCE_MORE)
    desk.pass_time("10m")
    desk.end("a", exit_code=1)
    desk.pass_time("30s")
    desk.end("a")
    assert [(r.attempt, r.token, r.outcome) for r in desk.history("a")] == [(2, 1, Outcome.SUCCESS)]


def test_a_run_out_of_attempts_ends_with_the_last_ones_outcome(desk: Desk) -> None:
    desk.job("a", every="10m", retries=ONCE_MORE)
    desk.pass_time("10m")
    desk.end("a", exit_code=1)
    desk.pass_time("30s")
    desk.end("a", exit_code=2)
    assert [(r.outcome, r.exit_code) for r in desk.history("a")] == [(Outcome.FAILURE, 2)]


def test_an_outcome_that_the_retries_do_not_name_is_final(desk: Desk) -> None:
    only_oom = Retries(max=3, on=frozenset({Outcome.OOM}))
    desk.job("a", every="10m", retries=only_oom)
    desk.pass_time("10m")
    desk.end("a", exit_code=1)
    assert desk.outcomes("a") == [Outcome.FAILURE]


def test_a_timeout_is_tried_again_by_default(desk: Desk) -> None:
    desk.job("a", every="10m", retries=ONCE_MORE)
    desk.pass_time("10m")
    desk.end("a", stop_cause=StopCause.TIMEOUT)
    desk.pass_time("30s")
    assert desk.starts[-1] == "a 12:10 #2"


def test_a_job_counts_as_active_between_two_attempts(desk: Desk) -> None:
    desk.job("a", every="10m", retries=Retries(max=1, delay=span("15m"), max_delay=span("1h")))
    desk.pass_time("10m")
    desk.end("a", exit_code=1)
    desk.pass_time("10m")
    assert desk.ledger("a")[-1] == "12:20 overlap"


def test_a_run_between_two_attempts_holds_no_place(small_desk: Desk) -> None:
    small_desk.job("a", every="10m", retries=Retries(max=1, delay=span("5m")))
    small_desk.pass_time("10m")
    small_desk.end("a", exit_code=1)
    assert small_desk.node().running == 0


def test_a_retry_waits_for_room_like_anyone_else(small_desk: Desk) -> None:
    small_desk.job("a", every="1h", retries=ONCE_MORE)
    small_desk.job("b")
    small_desk.pass_time("1h")
    small_desk.end("a", exit_code=1)
    small_desk.trigger("b")
    small_desk.pass_time("1m")
    assert small_desk.running == ["b"]


def test_a_retry_that_waited_starts_once_there_is_room(small_desk: Desk) -> None:
    small_desk.job("a", every="1h", retries=ONCE_MORE)
    small_desk.job("b")
    small_desk.pass_time("1h")
    small_desk.end("a", exit_code=1)
    small_desk.trigger("b")
    small_desk.pass_time("1m")
    small_desk.end("b")
    assert small_desk.running == ["a"]


def test_a_retry_has_no_start_deadline(small_desk: Desk) -> None:
    """Its tick was started in time; giving it up for want of room would lose the run."""
    small_desk.job("a", every="1d", retries=ONCE_MORE)
    small_desk.job("b")
    small_desk.pass_time("12h")
    small_desk.end("a", exit_code=1)
    small_desk.trigger("b")
    small_desk.pass_time("10h")
    small_desk.end("b")
    assert small_desk.running == ["a"]


def test_an_attempt_that_could_not_be_executed_is_a_start_error(desk: Desk) -> None:
    desk.starts_are_confirmed = False
    desk.job("a", every="10m")
    desk.pass_time("10m")
    desk.fail_to_start("a", "no such file: /usr/bin/nothing")
    record = desk.history("a")[0]
    assert (record.outcome, record.reason) == (
        Outcome.START_ERROR,
        "no such file: /usr/bin/nothing",
    )


def test_a_success_that_no_pattern_could_doubt_says_so(desk: Desk) -> None:
    """An operator who relies on failure_pattern has to see where it was not asked."""
    desk.job("a", every="10m", failure_pattern="^(a+)+$")
    desk.pass_time("10m")
    run_id, exit_ = desk.process("a").run.run_id, desk.end_unseen("a")
    desk.handle(AttemptEnded(run_id, exit_, desk.now, search_trouble="it gave up after 5 s"))
    record = desk.history("a")[0]
    assert (record.outcome, record.reason) == (
        Outcome.SUCCESS,
        "judged without failure_pattern: it gave up after 5 s",
    )


def test_a_run_that_fell_silent_has_timed_out_and_says_by_what(desk: Desk) -> None:
    desk.job("a", every="10m", watchdog="30s")
    desk.pass_time("10m")
    run_id, exit_ = desk.process("a").run.run_id, desk.end_unseen("a")
    desk.handle(AttemptEnded(run_id, replace(exit_, stop_cause=StopCause.WATCHDOG), desk.now))
    record = desk.history("a")[0]
    assert (record.outcome, record.reason) == (
        Outcome.TIMEOUT,
        "stopped by jobd: watchdog, it did not send WATCHDOG=1 for 30 s",
    )


def test_what_a_run_says_is_shown_while_its_attempt_runs(desk: Desk) -> None:
    desk.job("a", every="10m", retries=ONCE_MORE)
    desk.pass_time("10m")
    said = Said("half way", 0.5, "load", desk.now)
    desk.handle(RunSaid(desk.process("a").run.run_id, said))
    assert desk.view("a").runs[0].said == said
    desk.end("a", 1)
    assert desk.view("a").runs[0].said is None, "that attempt is over"


def test_what_a_run_says_that_nobody_knows_is_passed_over(desk: Desk) -> None:
    """Its end may have been written down before its last words come."""
    desk.handle(RunSaid("gone", Said("half way")))
    assert desk.effects == []


def test_the_steps_of_an_attempt_are_in_its_record(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pass_time("10m")
    run_id, exit_ = desk.process("a").run.run_id, desk.end_unseen("a")
    steps = (StepTime("load", 3.0),)
    desk.handle(AttemptEnded(run_id, replace(exit_, steps=steps), desk.now))
    (effect,) = desk.of_kind(FinishRun)
    assert effect.finish.record.steps == steps


def test_a_success_whose_steps_could_not_be_found_says_so(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pass_time("10m")
    run_id, exit_ = desk.process("a").run.run_id, desk.end_unseen("a")
    desk.handle(AttemptEnded(run_id, replace(exit_, steps_trouble="it was too much"), desk.now))
    assert desk.history("a")[0].reason == "its steps are not known: it was too much"


def test_a_start_error_gives_its_place_back(desk: Desk) -> None:
    desk.starts_are_confirmed = False
    desk.job("a", every="10m")
    desk.pass_time("10m")
    desk.fail_to_start("a")
    assert desk.node().running == 0


def test_the_store_learns_of_the_next_attempt_before_it_is_due(desk: Desk) -> None:
    """A daemon killed in between must not forget that there is one to come."""
    desk.job("a", every="10m", retries=ONCE_MORE)
    desk.pass_time("10m")
    desk.end("a", exit_code=1)
    saved = desk.of_kind(SaveRun)
    assert [(save.run.attempt, save.run.retry_at) for save in saved] == [
        (1, desk.now + span("30s"))
    ]


def test_an_attempt_that_is_not_the_last_does_not_free_the_lease(desk: Desk) -> None:
    desk.job("a", every="10m", retries=ONCE_MORE)
    desk.pass_time("10m")
    desk.end("a", exit_code=1)
    assert [end.will_retry for end in desk.of_kind(FinishRun)] == [True]


def test_a_run_between_two_attempts_can_be_cancelled(desk: Desk) -> None:
    desk.job("a", every="10m", retries=ONCE_MORE)
    desk.pass_time("10m")
    desk.end("a", exit_code=1)
    desk.cancel("a")
    assert desk.outcomes("a") == [Outcome.CANCELED]


def test_a_run_cancelled_between_two_attempts_is_not_tried_again(desk: Desk) -> None:
    desk.job("a", every="10m", retries=ONCE_MORE)
    desk.pass_time("10m")
    desk.end("a", exit_code=1)
    desk.cancel("a")
    desk.pass_time("1m")
    assert desk.starts == ["a 12:10"]


def test_a_run_cancelled_while_its_retry_waits_for_room_is_over(small_desk: Desk) -> None:
    """It must leave the waiting room too, or the dead run is started when there is room."""
    small_desk.job("a", every="1h", retries=ONCE_MORE)
    small_desk.job("b")
    small_desk.pass_time("1h")
    small_desk.end("a", exit_code=1)
    small_desk.trigger("b")
    small_desk.pass_time("1m")
    small_desk.cancel("a")
    small_desk.end("b")
    assert small_desk.running == []


def test_a_cancelled_run_that_fails_on_the_signal_is_not_tried_again(desk: Desk) -> None:
    desk.job("a", every="10m", retries=ONCE_MORE)
    desk.pass_time("10m")
    desk.cancel("a")
    desk.end("a", exit_code=1, stop_cause=None)
    desk.pass_time("1m")
    assert desk.starts == ["a 12:10"]


def test_a_run_keeps_the_definition_that_it_started_with(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pass_time("10m")
    desk.change("a", success_exit_codes=frozenset({0, 7}))
    desk.end("a", exit_code=7)
    assert desk.outcomes("a") == [Outcome.FAILURE]


def test_a_success_moves_the_smoothed_duration(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pass_time("10m")
    desk.pass_time("1m")
    desk.end("a")
    memory = desk.view("a").memory
    assert (memory.smoothed_duration_s, memory.smoothed_lasted_s) == (60.0, 60.0)


def test_a_failure_leaves_the_smoothed_duration(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pass_time("10m")
    desk.end("a", exit_code=1)
    memory = desk.view("a").memory
    assert (memory.smoothed_duration_s, memory.smoothed_lasted_s) == (None, None)


def test_an_end_that_nobody_measured_leaves_the_rest_as_it_was(desk: Desk) -> None:
    desk.job("a", every="1m", max_duty=0.1)
    desk.pass_time("1m")
    desk.pass_time("30s")
    desk.end("a")
    rest_until = desk.view("a").memory.rest_until
    desk.trigger("a")
    desk.lose_supervisor()
    assert desk.view("a").memory.rest_until == rest_until


def test_a_repeated_end_changes_nothing(desk: Desk) -> None:
    """A supervisor hands over again what it was not told to forget."""
    desk.job("a", every="10m")
    desk.pass_time("10m")
    event = desk.end("a")
    desk.handle(event)
    assert desk.outcomes("a") == [Outcome.SUCCESS]


def test_a_cancelled_run_that_was_never_executed_is_never_executed(desk: Desk) -> None:
    """Granted while no supervisor was there; the operator was told that it is stopping."""
    desk.job("a")
    desk.hold_store()
    desk.trigger("a")
    desk.lose_supervisor()
    desk.let_store_work()
    desk.cancel("a")
    desk.connect()
    assert desk.running == []
