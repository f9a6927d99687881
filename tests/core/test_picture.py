"""Picture: what people are shown agrees with what is."""

import pytest

from jobd.core.job import Pool, Retries
from jobd.core.ledger import SkipReason
from jobd.core.schedule import Tick, due_time
from jobd.core.view import JobState
from tests.core.desk import Desk, span
from tests.core.surroundings import NOON


def test_a_scheduled_job_shows_its_next_tick(desk: Desk) -> None:
    desk.job("a", every="10m")
    view = desk.view("a")
    assert (view.state, view.next_fire) == (JobState.SCHEDULED, NOON + span("10m"))


def test_the_due_time_has_the_jitter(desk: Desk) -> None:
    job = desk.job("a", every="1h", jitter="30m")
    view = desk.view("a")
    assert view.next_due == due_time(Tick("a", NOON + span("1h")), job.jitter)


def test_a_running_job_shows_its_run_and_since_when(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pass_time("10m")
    view = desk.view("a")
    assert (view.state, view.runs[0].started_at) == (JobState.RUNNING, NOON + span("10m"))


def test_a_job_between_two_attempts_is_retrying(desk: Desk) -> None:
    desk.job("a", every="10m", retries=Retries(max=1))
    desk.pass_time("10m")
    desk.end("a", exit_code=1)
    assert desk.view("a").state is JobState.RETRYING


def test_a_job_whose_tick_waits_is_waiting(small_desk: Desk) -> None:
    small_desk.job("busy")
    small_desk.trigger("busy")
    small_desk.job("a", every="10m")
    small_desk.pass_time("10m")
    assert small_desk.view("a").state is JobState.WAITING


def test_what_waits_says_what_holds_it(small_desk: Desk) -> None:
    small_desk.job("busy")
    small_desk.trigger("busy")
    small_desk.job("a", every="10m")
    small_desk.pass_time("10m")
    waiting = small_desk.view("a").waiting[0]
    assert (waiting.fire_time, waiting.held_by) == (NOON + span("10m"), SkipReason.MAX_RUNNING)


def test_a_wish_that_the_store_is_asked_for_is_shown_as_such(desk: Desk) -> None:
    """It waits no longer and is not yet active: whoever looks for it then must not miss it."""
    desk.job("a")
    desk.trigger("a")
    asked = desk.trigger("a", queue=True)
    waits = desk.view("a")
    desk.hold_store()
    desk.end("a")
    desk.let_store_work(1)  # the end; what follows is the claim
    view = desk.view("a")
    assert [waiting.run_id for waiting in waits.waiting] == [asked.run_id]
    assert (view.claiming, view.waiting, waits.claiming) == ((asked.run_id,), (), ())
    desk.let_store_work()
    assert (desk.view("a").claiming, desk.running) == ((), ["a"])


def test_a_paused_job_is_paused(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pause("a")
    assert desk.view("a").state is JobState.PAUSED


def test_a_paused_job_that_runs_is_running(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.trigger("a")
    desk.pause("a")
    assert desk.view("a").state is JobState.RUNNING


def test_a_disabled_job_is_disabled(desk: Desk) -> None:
    desk.job("a", every="10m", enabled=False)
    assert desk.view("a").state is JobState.DISABLED


def test_a_job_without_schedule_is_manual(desk: Desk) -> None:
    desk.job("a")
    assert desk.view("a").state is JobState.MANUAL


def test_a_job_without_schedule_has_no_interval(desk: Desk) -> None:
    desk.job("a")
    view = desk.view("a")
    assert (view.interval, view.start_deadline, view.utilization) == (None, None, None)


@pytest.mark.parametrize(("every", "deadline"), [("2m", "2m"), ("1h", "5m")])
def test_the_effective_start_deadline_is_shown(desk: Desk, every: str, deadline: str) -> None:
    desk.job("a", every=every)
    assert desk.view("a").start_deadline == span(deadline)


def test_utilization_is_known_after_a_success(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pass_time("15m")
    desk.end("a")
    assert desk.view("a").utilization == pytest.approx(0.5)


def test_the_node_counts_what_runs_and_what_waits(small_desk: Desk) -> None:
    for name in "abc":
        small_desk.job(name, every="10m")
    small_desk.pass_time("10m")
    node = small_desk.node()
    assert (node.jobs, node.running, node.waiting) == (3, 1, 2)


def test_what_waits_for_a_pool_waits(desk: Desk) -> None:
    """The node said "nothing waits" beside a job that it showed as waiting."""
    for name in "ab":
        desk.job(name, every="10m", pool=Pool("db", 1))
    desk.pass_time("20m")
    assert [len(desk.view(name).waiting) for name in "ab"] in ([0, 1], [1, 0])
    assert desk.node().waiting == 1


def test_a_further_attempt_that_is_due_waits_for_room_like_any_other(small_desk: Desk) -> None:
    """The node counted it among those that wait, and no job showed it."""
    small_desk.job("a", every="1h", retries=Retries(max=1, delay=span("1m"), jitter=0.0))
    small_desk.job("b")
    small_desk.pass_time("1h")
    small_desk.end("a", exit_code=1)
    small_desk.trigger("b")
    small_desk.pass_time("2m")
    (waits,) = small_desk.view("a").waiting
    assert (waits.is_retry, waits.fire_time) == (True, None)
    assert (waits.held_by, waits.since) == ("max_running", small_desk.now - span("1m"))
    assert small_desk.view("a").state is JobState.RETRYING
    assert small_desk.node().waiting == 1
    small_desk.end("b")
    assert small_desk.view("a").waiting == ()


def test_a_job_that_left_promises_no_tick_while_its_run_goes_on(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pass_time("10m")
    desk.remove("a")
    view = desk.view("a")
    assert (view.state, view.next_fire, view.next_due) == (JobState.RUNNING, None, None)


def test_the_node_counts_paused_jobs(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.job("b", every="10m")
    desk.pause("a")
    assert desk.node().paused == 1


def test_the_node_shows_its_bounds(small_desk: Desk) -> None:
    node = small_desk.node()
    assert (node.max_running, node.max_waiting) == (1, 2)


def test_a_removed_job_that_runs_is_still_shown(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pass_time("10m")
    desk.remove("a")
    assert desk.view("a").state is JobState.RUNNING


def test_a_removed_job_is_not_counted(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pass_time("10m")
    desk.remove("a")
    assert desk.node().jobs == 0


def test_the_last_start_is_known_while_the_run_goes_on(desk: Desk) -> None:
    """jobd_last_run_timestamp_seconds must not be old for as long as a run hangs."""
    desk.job("a", every="10m")
    desk.pass_time("10m")
    assert desk.view("a").memory.last_started == NOON + span("10m")


def test_memory_after_an_end_is_what_the_store_remembers(desk: Desk) -> None:
    desk.job("a", every="10m", max_duty=0.5)
    desk.pass_time("15m")
    desk.end("a")
    mine = desk.view("a").memory
    desk.restart()
    assert desk.view("a").memory.rest_until == mine.rest_until
