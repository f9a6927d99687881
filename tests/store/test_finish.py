"""Ends of runs, and what is saved while they are active."""

from dataclasses import replace
from datetime import timedelta

import pytest

from jobd.core.attempt import EndedAttempt
from jobd.core.claim import ClaimGranted
from jobd.core.job import Overlap
from jobd.core.outcome import Outcome
from jobd.core.said import StepTime
from jobd.ports import RunFilter
from tests.store.conftest import SINGLE

ALLOW = {"overlap": Overlap.ALLOW, "max_instances": 2}


async def test_a_finished_run_is_no_longer_active(scene) -> None:
    await scene.enrol("backup")
    assert await scene.finish(await scene.claim("backup", 1), 2)
    assert (await scene.memory("backup")).active == ()


async def test_the_steps_of_a_run_are_remembered(scene) -> None:
    await scene.enrol("backup")
    run = await scene.claim("backup", 1)
    steps = (StepTime("load", 0.5), StepTime("pretix.base:send", 1e-06))
    await scene.finish(run, 2, steps=steps)
    other = await scene.pass_through("backup", 3)
    found = [await scene.store.run(one.request.run_id) for one in (run, other)]
    assert [record.steps for record in found] == [steps, ()]


async def test_ends_with_and_without_steps_come_in_one_call(scene) -> None:
    await scene.enrol("one", "two")
    with_steps = scene.end(await scene.claim("one", 1), 2, steps=(StepTime("load", 2.0),))
    without = scene.end(await scene.claim("two", 1), 2)
    assert list(await scene.store.finish([without, with_steps])) == [True, True]
    found = [await scene.store.run(end.record.run_id) for end in (with_steps, without)]
    assert [record.steps for record in found] == [(StepTime("load", 2.0),), ()]


async def test_finishing_twice_is_true_both_times(scene) -> None:
    await scene.enrol("backup")
    run = await scene.claim("backup", 1)
    assert [await scene.finish(run, 2), await scene.finish(run, 2)] == [True, True]


async def test_finishing_twice_in_one_call_is_true_both_times(scene) -> None:
    await scene.enrol("backup")
    end = scene.end(await scene.claim("backup", 1), 2)
    assert list(await scene.store.finish([end, end])) == [True, True]


async def test_a_second_end_changes_nothing(scene) -> None:
    await scene.enrol("backup")
    run = await scene.claim("backup", 1)
    await scene.finish(run, 2)
    await scene.finish(run, 3, outcome=Outcome.FAILURE)
    assert (await scene.store.run(run.request.run_id)).outcome is Outcome.SUCCESS


async def test_a_stale_token_is_refused(scene) -> None:
    await scene.enrol("backup")
    run = await scene.claim("backup", 1)
    assert not await scene.finish(replace(run, token=run.token + 1), 2)
    assert len((await scene.memory("backup")).active) == 1


async def test_a_stale_token_is_refused_after_the_end_too(scene) -> None:
    await scene.enrol("backup")
    run = await scene.pass_through("backup", 1)
    assert not await scene.finish(replace(run, token=run.token + 1), 2)


async def test_the_end_of_an_unknown_run_is_refused(scene) -> None:
    await scene.enrol("backup", "other")
    run = await scene.claim("backup", 1)
    stranger = replace(run, request=replace(run.request, run_id="nobody"))
    no_job = replace(run, request=replace(run.request, run_id="nobody", job="never-heard-of"))
    assert [await scene.finish(stranger, 2), await scene.finish(no_job, 2)] == [False, False]


async def test_one_stale_end_does_not_spoil_the_others(scene) -> None:
    await scene.enrol("a", "b", "c")
    runs = [await scene.claim(job, 1) for job in ("a", "b", "c")]
    runs[1] = replace(runs[1], token=9)
    ends = [scene.end(run, 2) for run in runs]
    assert list(await scene.store.finish(ends)) == [True, False, True]


async def test_the_history_keeps_the_record_whole(scene) -> None:
    await scene.enrol("backup")
    run = await scene.claim("backup", None, now=1, params=(("SINCE", "2026"),))
    facts = {"signal": None, "reason": "because", "output_dropped_bytes": 5, "attempt": 3}
    end = scene.end(run, 2, outcome=Outcome.FAILURE, **facts)
    await scene.store.finish([end])
    assert await scene.store.run(run.request.run_id) == end.record


async def test_a_lost_run_keeps_the_start_that_was_saved(scene) -> None:
    await scene.enrol("backup")
    run = await scene.claim("backup", 1)
    await scene.store.save_run(scene.active_run(run), scene.at(1.5))
    await scene.finish(run, 2, outcome=Outcome.LOST, started_at=None, duration_s=None)
    assert (await scene.store.run(run.request.run_id)).started_at == scene.at(1.5)


async def test_a_success_is_remembered(scene) -> None:
    await scene.enrol("backup")
    await scene.finish(await scene.claim("backup", 1), 2, smoothed=31.5, rest=4)
    memory = await scene.memory("backup")
    assert (memory.last_started, memory.last_ended) == (scene.at(1), scene.at(2))
    assert (memory.last_outcome, memory.last_success) == ("success", scene.at(2))
    assert memory.last_duration == timedelta(seconds=30)
    assert (memory.smoothed_duration_s, memory.memory_peak_bytes) == (31.5, 1 << 20)
    assert (memory.rest_until, memory.token) == (scene.at(4), 1)
    assert (memory.expected_memory_bytes, memory.smoothed_lasted_s) == (2 << 20, 90.0)


async def test_who_tells_of_attempts_alone_is_believed_for_the_whole_run(scene) -> None:
    """An older daemon, or an end that it left in the outbox: better than nothing."""
    await scene.enrol("backup")
    await scene.finish(await scene.claim("backup", 1), 2, smoothed=31.5, smoothed_whole=None)
    assert (await scene.memory("backup")).smoothed_lasted_s == 31.5
    await scene.finish(await scene.claim("backup", 3), 4, smoothed=40.0, smoothed_whole=None)
    assert (await scene.memory("backup")).smoothed_lasted_s == 31.5


async def test_a_failure_leaves_the_last_success(scene) -> None:
    await scene.enrol("backup")
    await scene.pass_through("backup", 1)
    await scene.finish(await scene.claim("backup", 3), 4, outcome=Outcome.FAILURE)
    memory = await scene.memory("backup")
    assert (memory.last_outcome, memory.last_success) == ("failure", scene.at(1.5))


async def test_what_was_not_measured_leaves_what_is_known(scene) -> None:
    """A run that could not start says nothing about how long the job takes."""
    await scene.enrol("backup")
    await scene.pass_through("backup", 1)
    before = await scene.memory("backup")
    unmeasured = {"duration_s": None, "memory_peak_bytes": None, "started_at": None}
    run = await scene.claim("backup", 3)
    unknown = {"smoothed": None, "smoothed_whole": None, "expected": None}
    await scene.finish(run, 4, outcome=Outcome.START_ERROR, **unknown, **unmeasured)
    after = await scene.memory("backup")
    assert after.last_started == before.last_started
    assert after.last_duration == before.last_duration
    assert after.smoothed_duration_s == before.smoothed_duration_s == 30.0
    assert after.smoothed_lasted_s == before.smoothed_lasted_s == 90.0
    assert after.memory_peak_bytes == before.memory_peak_bytes
    assert after.expected_memory_bytes == before.expected_memory_bytes == 2 << 20


async def test_of_a_retried_run_all_attempts_are_what_it_took(scene) -> None:
    await scene.enrol("backup")
    run, last = await scene.claim("backup", 1), {"attempt": 3, "started_at": scene.at(20.9)}
    await scene.finish(run, 21, duration_s=6.0, **last)
    assert (await scene.memory("backup")).last_duration == timedelta(minutes=20)


async def test_an_older_run_that_ends_later_does_not_set_the_last_start_back(scene) -> None:
    await scene.enrol("poll")
    older = await scene.claim("poll", 1, **ALLOW)
    younger = await scene.claim("poll", 2, **ALLOW)
    await scene.finish(younger, 3)
    await scene.finish(older, 4)
    assert (await scene.memory("poll")).last_started == scene.at(2)


async def test_a_rest_is_over_when_a_run_ends_without_one(scene) -> None:
    await scene.enrol("sync")
    await scene.finish(await scene.claim("sync", 1), 2, rest=10)
    await scene.finish(await scene.claim("sync", None, now=3, ignores_duty=True), 4)
    assert isinstance(await scene.claim("sync", 5), ClaimGranted)


async def test_a_saved_attempt_is_remembered(scene) -> None:
    await scene.enrol("backup")
    run = await scene.claim("backup", 1)
    saved = scene.active_run(run, attempt=2, retry_at=scene.at(9))
    await scene.store.save_run(saved)
    assert (await scene.memory("backup")).active == (saved,)
    assert (await scene.store.run(run.request.run_id)).attempt == 2


async def test_how_the_attempts_before_went_is_remembered(scene) -> None:
    await scene.enrol("backup")
    run = await scene.claim("backup", 1)
    retried = (
        EndedAttempt(1, "a", scene.at(1), scene.at(2), Outcome.TIMEOUT, "stopped", None, 15, 7),
        EndedAttempt(2, "b", None, scene.at(3), Outcome.LOST, "it is \ud800 gone"),
    )
    saved = scene.active_run(run, attempt=2, retry_at=scene.at(9), retried=retried)
    await scene.store.save_run(saved)
    (active,) = (await scene.memory("backup")).active
    record = await scene.store.run(run.request.run_id)
    for kept in (active.retried, record.retried):
        assert [one.outcome for one in kept] == [Outcome.TIMEOUT, Outcome.LOST]
        assert kept[0] == retried[0]
    # Who ends it may know of more, and if of none, what is known stays.
    await scene.finish(run, 10, attempt=3, retried=())
    assert (await scene.store.run(run.request.run_id)).retried == record.retried
    assert (await scene.store.runs(RunFilter("backup")))[0].retried == record.retried


async def test_who_ends_a_run_tells_of_the_attempts_before(scene) -> None:
    """The store may have been away when they ended."""
    await scene.enrol("backup")
    run = await scene.claim("backup", 1)
    retried = (EndedAttempt(1, "a", scene.at(1), scene.at(2), Outcome.FAILURE, exit_code=3),)
    other = scene.end(await scene.claim("backup", None, now=1, **ALLOW), 3)
    await scene.store.finish([scene.end(run, 3, attempt=2, retried=retried), other])
    assert (await scene.store.run(run.request.run_id)).retried == retried
    assert (await scene.store.run(other.record.run_id)).retried == ()


@pytest.mark.parametrize("store", SINGLE, indirect=True)
async def test_an_attempt_under_a_new_name_of_its_node_is_remembered(scene) -> None:
    """A node on its own goes on with its runs under any name."""
    await scene.enrol("backup")
    run = await scene.claim("backup", 1)
    await scene.store.save_run(replace(scene.active_run(run, attempt=2), node="renamed"))
    assert (await scene.memory("backup")).active[0].node == "renamed"
    assert (await scene.store.run(run.request.run_id)).node == "renamed"


async def test_a_start_is_remembered_with_run_and_job(scene) -> None:
    await scene.enrol("backup")
    run = await scene.claim("backup", 1)
    await scene.store.save_run(scene.active_run(run), scene.at(1.5))
    assert (await scene.store.run(run.request.run_id)).started_at == scene.at(1.5)
    assert (await scene.memory("backup")).last_started == scene.at(1.5)


async def test_saving_a_run_that_has_ended_changes_nothing(scene) -> None:
    await scene.enrol("backup")
    run = await scene.pass_through("backup", 1)
    await scene.store.save_run(scene.active_run(run, attempt=7), scene.at(9))
    assert (await scene.store.run(run.request.run_id)).attempt == 1
    assert (await scene.memory("backup")).active == ()


async def test_saving_under_a_stale_token_changes_nothing(scene) -> None:
    await scene.enrol("backup")
    run = await scene.claim("backup", 1)
    await scene.store.save_run(replace(scene.active_run(run), token=9, attempt=7))
    assert (await scene.memory("backup")).active[0].attempt == 1


async def test_a_run_of_a_job_that_left_the_roll_can_end(scene) -> None:
    await scene.enrol("backup", "poll")
    run = await scene.claim("backup", 1)
    await scene.enrol("poll", minute=2)
    assert await scene.finish(run, 3)
    assert list(await scene.store.orphans()) == []
    (record,) = await scene.store.runs(RunFilter(job="backup"))
    assert record.outcome is Outcome.SUCCESS


async def test_no_ends_get_no_answers(scene) -> None:
    assert list(await scene.store.finish([])) == []
