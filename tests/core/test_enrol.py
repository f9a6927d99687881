"""Enrol: jobs come, change and go; what runs and what waits feels as little as can be."""

from dataclasses import replace

import pytest

from jobd.core import enrol, ticks
from jobd.core.job import Command, Retries
from jobd.core.outcome import Outcome
from jobd.core.state import JobTrack, SchedulerState
from tests.core.desk import Desk, span

ONCE_MORE = Retries(max=1, delay=span("30s"), jitter=0.0)


def test_a_job_added_by_a_reload_has_ticks(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pass_time("5m")
    desk.job("b", every="10m")
    desk.pass_time("5m")
    assert sorted(desk.starts) == ["a 12:10", "b 12:10"]


def test_an_unchanged_job_feels_nothing_of_a_reload(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pass_time("15m")
    desk.job("b")
    desk.pass_time("5m")
    assert desk.ledger("a") == ["12:10 started", "12:20 overlap"]


def test_a_reload_looks_for_the_ticks_of_changed_jobs_only(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of ten thousand jobs that did not change, each would cost some microseconds."""
    same = desk.job("a", every="10m")
    looked_for: list[str] = []

    def look_ahead(state: SchedulerState, track: JobTrack) -> None:
        looked_for.append(track.job.name)
        ticks.look_ahead(state, track)

    monkeypatch.setattr(enrol, "look_ahead", look_ahead)
    desk.job("b", every="10m")
    desk.reload(same, replace(desk.jobs["b"], jitter=span("1m")))
    desk.reload(same, replace(desk.jobs["b"], enabled=False))
    assert looked_for == ["b", "b", "b"]
    desk.pass_time("10m")
    assert desk.starts == ["a 12:10"]


def test_a_removed_job_has_no_more_ticks(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.remove("a")
    desk.pass_time("1h")
    assert desk.starts == []


def test_a_removed_job_s_run_goes_on_to_its_end(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pass_time("10m")
    desk.remove("a")
    desk.end("a")
    assert desk.outcomes("a") == [Outcome.SUCCESS]


def test_nothing_of_a_removed_job_stays_once_its_run_ended(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.pass_time("10m")
    desk.remove("a")
    desk.end("a")
    assert desk.node().jobs == len(desk.scheduler.state.tracks) == 0


def test_a_removed_job_s_run_is_tried_again_as_it_was_promised(desk: Desk) -> None:
    desk.job("a", every="10m", retries=ONCE_MORE)
    desk.pass_time("10m")
    desk.remove("a")
    desk.end("a", exit_code=1)
    desk.pass_time("30s")
    assert desk.running == ["a"]


def test_a_tick_that_waits_for_room_is_settled_when_its_job_is_removed(small_desk: Desk) -> None:
    small_desk.job("a", every="10m")
    small_desk.job("b", every="10m")
    small_desk.pass_time("10m")
    small_desk.remove("b")
    assert small_desk.ledger("b") == ["12:10 max_running"]


def test_a_claim_under_way_is_answered_though_its_job_was_removed(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.hold_store()
    desk.pass_time("10m")
    desk.remove("a")
    desk.let_store_work()
    desk.end("a")
    assert desk.outcomes("a") == [Outcome.SUCCESS]


def test_a_job_that_comes_back_finds_its_claim_under_way(desk: Desk) -> None:
    desk.job("a", every="10m")
    desk.hold_store()
    desk.pass_time("10m")
    job = desk.jobs["a"]
    desk.remove("a")
    desk.reload(job)
    desk.let_store_work()
    assert desk.running == ["a"]


def test_a_job_that_comes_back_does_not_run_beside_its_old_run(desk: Desk) -> None:
    job = desk.job("a", every="10m")
    desk.pass_time("10m")
    desk.remove("a")
    desk.reload(job)
    desk.pass_time("10m")
    assert desk.running == ["a"]


def test_a_job_that_comes_back_is_not_owed_the_time_between(desk: Desk) -> None:
    job = desk.job("a", every="10m")
    desk.remove("a")
    desk.pass_time("35m")
    desk.reload(job)
    desk.pass_time("5m")
    assert desk.ledger("a") == ["12:40 started"]


def test_a_job_that_comes_back_is_still_paused(desk: Desk) -> None:
    job = desk.job("a", every="10m")
    desk.pause("a")
    desk.remove("a")
    desk.reload(job)
    desk.pass_time("10m")
    assert desk.ledger("a") == ["12:10 paused"]


def test_a_job_that_comes_back_to_its_orphaned_run_is_still_paused(desk: Desk) -> None:
    """The daemon that found the orphan knew nothing of the job; the store does."""
    job = desk.job("a", every="10m")
    desk.pause("a")
    desk.trigger("a")
    desk.remove("a")
    desk.restart()
    desk.reload(job)
    desk.pass_time("10m")
    assert desk.view("a").pause is not None


def test_a_changed_schedule_starts_anew(desk: Desk) -> None:
    desk.job("a", every="1h")
    desk.pass_time("30m")
    desk.job("a", every="20m")
    desk.pass_time("10m")
    assert desk.starts == ["a 12:40"]


def test_a_tick_of_the_old_schedule_that_waits_for_room_is_settled(small_desk: Desk) -> None:
    small_desk.job("busy")
    small_desk.trigger("busy")
    small_desk.job("a", every="10m")
    small_desk.pass_time("10m")
    small_desk.job("a", every="15m")
    assert small_desk.ledger("a") == ["12:10 max_running"]


def test_a_waiting_tick_starts_with_the_definition_in_force(small_desk: Desk) -> None:
    """Running runs keep the definition that they started with; this one has not started."""
    small_desk.job("busy")
    small_desk.trigger("busy")
    small_desk.job("a", every="10m")
    small_desk.pass_time("10m")
    small_desk.change("a", command=Command(("new",)))
    small_desk.end("busy")
    assert small_desk.process("a").job.command == Command(("new",))


def test_a_backlog_is_settled_when_its_job_is_removed(desk: Desk) -> None:
    desk.job("a", every="10m", catchup="all")
    desk.oversleep("38m")
    desk.remove("a")
    desk.end("a")
    assert desk.ledger("a")[-1] == "12:20-12:30 misfire x2"


def test_a_run_that_ends_during_a_reload_is_not_taken_back(desk: Desk) -> None:
    """The store was asked for orphans before the end; nobody would ever end it again."""
    desk.job("a")
    desk.trigger("a")
    before, desk.jobs = desk.jobs, {}
    reload = desk.configured(before)
    desk.end("a")
    desk.handle(reload)
    assert desk.node().running == 0


def test_a_waiting_job_s_priority_may_change(small_desk: Desk) -> None:
    """Its place in the line was taken with the old one: nobody else may lose theirs for it."""
    small_desk.job("busy")
    small_desk.trigger("busy")
    small_desk.job("a", every="10m", start_deadline="2m")
    small_desk.job("b", every="10m", start_deadline="9m", priority=1)
    small_desk.pass_time("10m")
    small_desk.change("a", priority=9)
    small_desk.pass_time("3m")
    small_desk.end("busy")
    assert small_desk.running == ["b"]
