"""Restart: a new daemon takes back what runs; a dead supervisor's runs are lost."""

import pytest

from jobd.core.claim import ActiveRun, Trigger
from jobd.core.events import HeldRun, Recovered
from jobd.core.job import Retries
from jobd.core.ledger import SkipReason
from jobd.core.outcome import Exit, Outcome
from jobd.core.run import RunState
from tests.core.desk import Desk, span
from tests.core.surroundings import NOON

ONCE_MORE = Retries(max=1, delay=span("30s"), jitter=0.0)


# -- restart -------------------------------------------------------------------------


def test_a_restarted_daemon_takes_its_runs_back(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pass_time("10m")
    desk.restart()
    assert [view.state for view in desk.view("a").runs] == [RunState.RUNNING]


def test_a_run_taken_back_is_not_started_again(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pass_time("10m")
    desk.restart()
    assert desk.starts == ["a 12:10"]


def test_a_run_taken_back_is_in_the_way_like_any_other(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pass_time("10m")
    desk.restart()
    desk.pass_time("10m")
    assert desk.ledger("a")[-1] == "12:20 overlap"


def test_a_run_that_ended_while_no_daemon_was_there_ends_as_it_did(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pass_time("10m")
    desk.end_unseen("a", exit_code=3)
    desk.restart(down="5m")
    record = desk.history("a")[0]
    assert (record.outcome, record.exit_code, record.ended_at) == (
        Outcome.FAILURE,
        3,
        NOON + span("10m"),
    )


def test_an_attempt_that_failed_while_no_daemon_was_there_is_followed_by_another(
    desk: Desk,
) -> None:
    desk.job("a", every="1h", retries=ONCE_MORE)
    desk.pass_time("1h")
    desk.end_unseen("a", exit_code=1)
    desk.restart(down="1m")
    desk.pass_time("30s")
    assert desk.starts == ["a 13:00", "a 13:00 #2"]


def test_a_run_that_nobody_holds_is_lost(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pass_time("10m")
    desk.processes.clear()
    desk.restart()
    assert desk.outcomes("a") == [Outcome.LOST]


def test_an_end_that_nobody_heard_of_keeps_the_words_about_its_pattern(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pass_time("10m")
    run, exit_ = desk.process("a").run, desk.end_unseen("a")
    desk.restart(is_connected=False)
    held = HeldRun(run, desk.now, exit_, search_trouble="it gave up after 5 s")
    desk.handle(Recovered((held,)))
    assert desk.history("a")[0].reason == "judged without failure_pattern: it gave up after 5 s"


def test_a_start_error_that_nobody_heard_of_ends_the_run(desk: Desk) -> None:
    desk.starts_are_confirmed = False
    desk.job("a", every="10m")
    desk.pass_time("10m")
    run = desk.process("a").run
    desk.restart(is_connected=False)
    desk.handle(Recovered((HeldRun(run, None, None, start_error="no such file"),)))
    assert desk.outcomes("a") == [Outcome.START_ERROR]


def test_a_run_between_two_attempts_keeps_its_next_one(desk: Desk) -> None:
    desk.job("a", every="1h", retries=ONCE_MORE)
    desk.pass_time("1h")
    desk.end("a", exit_code=1)
    desk.restart(down="10s")
    desk.pass_time("20s")
    assert desk.starts == ["a 13:00", "a 13:00 #2"]


def test_an_attempt_due_while_no_daemon_was_there_starts_at_once(desk: Desk) -> None:
    desk.job("a", every="1h", retries=ONCE_MORE)
    desk.pass_time("1h")
    desk.end("a", exit_code=1)
    desk.restart(down="10m")
    assert desk.starts[-1] == "a 13:00 #2"


def test_an_attempt_that_the_store_was_not_told_of_is_not_started_beside_itself(
    desk: Desk,
) -> None:
    """Killed between the supervisor's start of attempt 2 and the store's note of it."""
    desk.job("a", every="1h", retries=ONCE_MORE)
    desk.pass_time("1h")
    desk.end("a", exit_code=1)
    desk.hold_store()
    desk.pass_time("30s")
    desk.restart()
    desk.let_store_work()
    desk.pass_time("1m")
    assert desk.running == ["a"]


def test_an_end_heard_of_twice_is_no_end_of_the_next_attempt(desk: Desk) -> None:
    """Killed after the store's note of attempt 2 and before the supervisor heard of it."""
    desk.job("a", every="1h", retries=ONCE_MORE)
    desk.pass_time("1h")
    first = desk.process("a")
    desk.end("a", exit_code=1)
    desk.pass_time("30s")
    desk.processes = {first.run.run_id: first}
    desk.restart()
    assert desk.running == ["a"]


def test_a_run_of_a_job_that_is_gone_is_taken_back_too(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pass_time("10m")
    desk.jobs = {}
    desk.restart()
    desk.end("a")
    assert desk.outcomes("a") == [Outcome.SUCCESS]


def test_a_run_that_the_store_lost_is_held_to_its_end(desk: Desk) -> None:
    """Its processes are real: to run the job beside them would be an overlap."""
    desk.job("a", every="10m")
    lost = ActiveRun("r1", "a", "node", 7, NOON, Trigger.SCHEDULE, NOON)
    desk.handle(Recovered((HeldRun(lost, NOON, None),)))
    desk.pass_time("10m")
    assert desk.ledger("a") == ["12:10 overlap"]


@pytest.mark.parametrize("start_error", ["", "no such file"])
def test_an_unknown_run_that_has_ended_is_not_executed_again(desk: Desk, start_error: str) -> None:
    """It may have been over for hours, by its last attempt or because somebody canceled it."""
    on = frozenset({Outcome.FAILURE, Outcome.START_ERROR})
    desk.job("a", every="10m", retries=Retries(max=3, delay=span("1s"), on=on))
    over = ActiveRun("r1", "a", "node", 7, NOON, Trigger.SCHEDULE, NOON)
    exit_ = None if start_error else Exit(1, None, None, False, 1.0, 0.0, None)
    desk.handle(Recovered((HeldRun(over, NOON, exit_, start_error, ended_at=NOON),)))
    desk.pass_time("5m")
    assert (desk.starts, desk.view("a").runs) == ([], ())


def test_an_unknown_run_of_an_unknown_job_gives_its_place_back(desk: Desk) -> None:
    unknown = ActiveRun("r1", "who", "node", 7, NOON, Trigger.SCHEDULE, NOON)
    exit_ = Exit(0, None, None, False, 1.0, 0.0, None)
    desk.handle(Recovered((HeldRun(unknown, NOON, exit_, ended_at=NOON),)))
    assert desk.node().running == 0


def test_nothing_starts_before_the_supervisor_s_word(desk: Desk) -> None:
    """A run that the store does not know of may be running there."""
    desk.job("a", every="10m")
    desk.restart(is_connected=False)
    desk.pass_time("10m")
    assert desk.starts == []


def test_what_waited_for_the_supervisor_starts_at_its_word(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.restart(is_connected=False)
    desk.pass_time("10m")
    desk.connect()
    assert desk.starts == ["a 12:10"]


def test_a_restart_neither_repeats_nor_loses_a_tick(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pass_time("10m")
    desk.end("a")
    desk.restart(down="12m")
    assert desk.ledger("a") == ["12:10 started", "12:20 started"]


def test_run_ids_differ_from_one_daemon_to_the_next(desk: Desk) -> None:
    """The same tick asked for again is another wish, unless it is the very same one."""
    desk.job("a", every="10m")
    desk.pass_time("10m")
    desk.end("a")
    desk.restart()
    desk.set_clock("-5m")
    desk.pass_time("10m")
    assert len({record.run_id for record in desk.history("a")}) == len(desk.history("a"))


# -- the supervisor dies -------------------------------------------------------------


def test_a_dead_supervisor_s_runs_are_lost(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pass_time("10m")
    desk.lose_supervisor()
    assert desk.outcomes("a") == [Outcome.LOST]


def test_an_order_that_is_late_for_a_lost_run_is_for_nobody(desk: Desk) -> None:
    """The next supervisor would execute what the history has as ended."""
    desk.starts_are_confirmed = False
    desk.job("a", retries=ONCE_MORE)
    desk.trigger("a")
    first = desk.process("a").run
    was_wanted = desk.scheduler.state.is_starting(first)
    desk.lose_supervisor()
    desk.connect()
    desk.pass_time("10m")
    second = desk.process("a").run
    orders = [(run.attempt, desk.scheduler.state.is_starting(run)) for run in (first, second)]
    assert (was_wanted, orders) == (True, [(1, False), (2, True)])


def test_a_lost_run_is_tried_again_where_the_job_says_so(desk: Desk) -> None:
    desk.job("a", every="1h", retries=ONCE_MORE)
    desk.pass_time("1h")
    desk.lose_supervisor()
    desk.connect()
    desk.pass_time("30s")
    assert desk.running == ["a"]


def test_a_dead_supervisor_does_not_end_a_run_between_two_attempts(desk: Desk) -> None:
    desk.job("a", every="1h", retries=ONCE_MORE)
    desk.pass_time("1h")
    desk.end("a", exit_code=1)
    desk.lose_supervisor()
    assert desk.outcomes("a") == [None]


def test_an_attempt_due_without_supervisor_starts_with_the_next_one(desk: Desk) -> None:
    desk.job("a", every="1h", retries=ONCE_MORE)
    desk.pass_time("1h")
    desk.end("a", exit_code=1)
    desk.lose_supervisor()
    desk.pass_time("5m")
    desk.connect()
    assert desk.starts == ["a 13:00", "a 13:00 #2"]


def test_nothing_starts_without_a_supervisor(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.lose_supervisor()
    desk.pass_time("10m")
    assert desk.starts == []


def test_a_claim_granted_without_supervisor_starts_with_the_next_one(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.hold_store()
    desk.pass_time("10m")
    desk.lose_supervisor()
    desk.let_store_work()
    desk.connect()
    assert desk.starts == ["a 12:10"]


def test_a_tick_that_no_supervisor_could_start_is_skipped_at_its_deadline(desk: Desk) -> None:
    desk.job("a", every="1h", start_deadline="2m")
    desk.lose_supervisor()
    desk.pass_time("1h2m")
    assert desk.rows("a")[0].reason is SkipReason.DEADLINE


def test_losing_the_supervisor_twice_does_no_harm(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pass_time("10m")
    desk.lose_supervisor()
    desk.lose_supervisor()
    assert desk.node().running == 0


def test_a_job_removed_before_the_supervisor_s_word_leaves_its_orphan_in_mind(desk: Desk) -> None:
    """The store still thinks a run active whose end is on its way there, and another wish for
    the job waits: what is dropped of the job must not take the orphan's place with it."""
    desk.job("a")
    desk.trigger("a")
    desk.restart(is_connected=False)
    desk.hold_store()
    desk.lose_supervisor()
    desk.trigger("a")
    desk.remove("a")
    desk.let_store_work()
    desk.connect()
    assert desk.node().running == 0


def test_a_run_whose_start_was_never_ordered_is_started_by_the_next_daemon(desk: Desk) -> None:
    """The daemon died between the store's grant and its word to the supervisor."""
    desk.job("a", every="10m")
    desk.pass_time("10m")
    desk.processes.clear()
    desk.restart(is_connected=False)
    desk.handle(Recovered((), since=NOON))
    assert desk.starts == ["a 12:10", "a 12:10"]


def test_a_run_of_a_supervisor_that_is_gone_is_not_started_again(desk: Desk) -> None:
    """It may have done half of its work; only retries may repeat that."""
    desk.job("a", every="10m")
    desk.pass_time("10m")
    desk.processes.clear()
    desk.restart(is_connected=False)
    desk.handle(Recovered((), since=desk.now + span("1s")))
    assert desk.outcomes("a") == ["lost"]


# -- the node has another name than before ------------------------------------------------


def test_under_another_name_a_run_that_nobody_holds_is_lost(desk: Desk) -> None:
    """The node's own store has no other's runs. As another's it would stand for ever."""
    desk.job("a", every="10m")
    desk.pass_time("10m")
    desk.processes.clear()
    desk.node_name = "renamed"
    desk.restart()
    assert (desk.outcomes("a"), desk.view("a").elsewhere) == ([Outcome.LOST], ())


def test_under_another_name_a_run_is_taken_back(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pass_time("10m")
    desk.node_name = "renamed"
    desk.restart()
    view = desk.view("a")
    assert ([one.state for one in view.runs], view.elsewhere) == ([RunState.RUNNING], ())


def test_a_run_keeps_the_name_under_which_it_ran(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pass_time("10m")
    desk.node_name = "renamed"
    desk.restart()
    desk.end("a")
    assert desk.history("a")[0].node == "node"


def test_the_next_attempt_runs_under_the_new_name(desk: Desk) -> None:
    desk.job("a", every="1h", retries=ONCE_MORE)
    desk.pass_time("1h")
    desk.end("a", exit_code=1)
    desk.node_name = "renamed"
    desk.restart(down="10s")
    desk.pass_time("20s")
    assert (desk.process("a").run.node, desk.history("a")[0].node) == ("renamed", "renamed")


def test_a_start_that_was_never_ordered_is_under_the_new_name(desk: Desk) -> None:
    """Killed between the store's grant and the order to the supervisor."""
    desk.job("a", every="10m")
    desk.pass_time("10m")
    desk.processes.clear()
    desk.node_name = "renamed"
    desk.restart(is_connected=False)
    desk.handle(Recovered((), NOON))
    assert (desk.process("a").run.node, desk.history("a")[0].node) == ("renamed", "renamed")
