"""What about a job deserves a look, and what does not."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from jobd.core.claim import ActiveRun, JobMemory, Pause, Trigger
from jobd.core.job import Limits, Overlap
from jobd.core.run import RunState
from jobd.core.schedule import AfterSchedule
from jobd.core.view import JobState, JobView, RunView, WaitingView
from jobd.web.attention import Concern, Worry, worries
from jobd.web.remarks import Level
from tests.web.fake_node import NOW, job_named, view_of

MINUTE = timedelta(minutes=1)


def told(view: JobView, skips: Mapping[str, int] | None = None) -> list[Worry]:
    return list(worries(view, skips or {}, NOW))


def concerns(view: JobView, skips: Mapping[str, int] | None = None) -> list[Concern]:
    return [worry.concern for worry in told(view, skips)]


def remembering(**memory: Any) -> JobView:
    return view_of(job_named(), memory=JobMemory("backup", settled_until=NOW, **memory))


def running(since: timedelta, usually_s: float | None, **changes: Any) -> JobView:
    run = ActiveRun("r1", "backup", "app1", 1, NOW - since, Trigger.SCHEDULE, NOW - since)
    view = remembering(smoothed_duration_s=usually_s)
    job = replace(view.job, timeout=timedelta(days=1))
    return replace(view, job=job, runs=(RunView(run, RunState.RUNNING, NOW - since),), **changes)


def test_a_job_at_rest_is_no_worry() -> None:
    assert concerns(remembering(last_outcome="success", last_success=NOW)) == []


@pytest.mark.parametrize("outcome", ["failure", "timeout", "oom", "lost", "start_error"])
def test_a_last_run_that_went_wrong_is_told_with_the_last_that_went_well(outcome: str) -> None:
    view = remembering(last_outcome=outcome, last_success=NOW - timedelta(hours=2))
    assert [(w.concern, w.words) for w in told(view)] == [(Concern.FAILING, "last success 2 h ago")]


def test_a_run_that_a_person_ended_is_no_failure() -> None:
    """Who cancels a run knows it."""
    assert concerns(remembering(last_outcome="canceled")) == []


def test_a_run_is_too_long_beside_what_is_usual() -> None:
    assert [w.words for w in told(running(10 * MINUTE, usually_s=150))] == [
        "for 10 min, usually 2 min 30 s"
    ]


@pytest.mark.parametrize("usually_s", [None, 250.0])
def test_a_run_is_not_too_long_when_it_is_usual_or_nothing_is(usually_s: float | None) -> None:
    assert concerns(running(10 * MINUTE, usually_s)) == []


def test_a_short_run_is_not_too_long_however_unusual() -> None:
    """Ten milliseconds that take a second wake nobody."""
    assert concerns(running(MINUTE, usually_s=0.01)) == []


def test_of_a_retried_run_the_attempt_counts() -> None:
    """It may be retried for hours: that it waits is no sign that it hangs."""
    view = running(60 * MINUTE, usually_s=150)
    (shown,) = view.runs
    second = replace(shown, run=replace(shown.run, attempt=2))
    waits = replace(second, state=RunState.BACKOFF, run=replace(shown.run, retry_at=NOW))
    assert concerns(replace(view, runs=(waits,))) == []
    assert concerns(replace(view, runs=(), elsewhere=(waits.run, second.run))) == []
    assert concerns(replace(view, runs=(replace(second, started_at=NOW - MINUTE),))) == []
    assert [w.words for w in told(replace(view, runs=(second,)))] == ["for 1 h, usually 2 min 30 s"]


def test_a_run_on_another_node_may_be_too_long_too() -> None:
    view = running(10 * MINUTE, usually_s=1)
    afar = replace(view, runs=(), elsewhere=tuple(shown.run for shown in view.runs))
    assert concerns(afar) == [Concern.LONG]


def test_ticks_that_found_the_job_running_come_before_other_skips() -> None:
    found = told(view_of(job_named()), {"pool": 7, "overlap": 3})
    assert [(w.concern, w.words) for w in found] == [
        (Concern.OVERLAPPING, "3 ticks in 24 h"),
        (Concern.SKIPPED, "7 ticks in 24 h: pool"),
    ]


@pytest.mark.parametrize("reason", ["paused", "draining", "duty"])
def test_skips_that_a_person_wanted_are_no_worry(reason: str) -> None:
    assert concerns(view_of(job_named()), {reason: 1000}) == []


@pytest.mark.parametrize(
    ("use", "level"), [(0.79, None), (0.8, Level.WARN), (0.99, Level.WARN), (2.5, Level.BAD)]
)
def test_a_job_that_outgrows_its_interval_is_told_before_it_has(
    use: float, level: Level | None
) -> None:
    found = told(view_of(job_named(), utilization=use))
    assert [w.level for w in found] == ([level] if level else [])


@pytest.mark.parametrize(
    "changes", [{"overlap": Overlap.ALLOW}, {"schedule": AfterSchedule(MINUTE)}]
)
def test_a_job_that_cannot_outgrow_its_interval_does_not(changes: dict[str, Any]) -> None:
    assert concerns(view_of(job_named(**changes), utilization=3.0)) == []


def test_near_its_timeout_and_its_memory_are_told_each() -> None:
    view = remembering(smoothed_duration_s=270.0, memory_peak_bytes=500 << 20)
    assert [worry.words for worry in told(view)] == ["90 % of timeout", "98 % of memory_max"]


def test_without_ceilings_nothing_is_near_one() -> None:
    view = remembering(smoothed_duration_s=1e6, memory_peak_bytes=1 << 40)
    free = replace(view.job, timeout=None, limits=Limits())
    assert concerns(replace(view, job=free)) == []


def test_a_tick_that_waits_says_what_for() -> None:
    waits = WaitingView("backup", "r1", NOW, NOW - 3 * MINUTE, 0, "memory_budget")
    found = told(view_of(job_named(), state=JobState.WAITING, waiting=(waits,)))
    assert [w.words for w in found] == ["waits for 3 min: memory budget"]


def test_a_tick_that_waits_for_a_moment_is_not_late() -> None:
    waits = WaitingView("backup", "r1", NOW, NOW - timedelta(seconds=2), 0, "pool")
    assert concerns(view_of(job_named(), state=JobState.WAITING, waiting=(waits,))) == []


def test_a_tick_that_nobody_decides_is_late() -> None:
    assert concerns(view_of(job_named(), next_due=NOW - MINUTE)) == [Concern.LATE]


def test_a_tick_behind_the_run_before_it_is_not_late() -> None:
    """Its overlap policy decides it when its turn has come; what is slow is the run."""
    assert concerns(running(2 * MINUTE, None, next_due=NOW - MINUTE)) == []


def test_a_tick_of_this_moment_is_not_late() -> None:
    assert concerns(view_of(job_named(), next_due=NOW - timedelta(seconds=1))) == []


def test_a_pause_is_told_with_who_and_why_and_until_when() -> None:
    pause = Pause("uid 0 (root)", NOW - MINUTE, "moving house", NOW + timedelta(hours=2))
    (worry,) = told(view_of(job_named(), pause=pause))
    assert worry.level is Level.NOTE
    assert worry.words == 'by uid 0 (root) 1 min ago "moving house", ends in 2 h'


def test_a_job_that_no_store_decides_is_told() -> None:
    assert concerns(view_of(job_named(), state=JobState.STORE_DOWN)) == [Concern.UNDECIDED]
