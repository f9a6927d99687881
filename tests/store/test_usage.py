"""Usage: what the kept runs of jobs took, a bounded and even sample of it."""

from typing import Any

import pytest

from jobd.core.attempt import EndedAttempt
from jobd.core.outcome import Outcome
from jobd.core.said import StepTime
from jobd.core.usage import RunUse


async def run(scene: Any, minute: int, job: str = "backup", **facts: Any) -> None:
    """Let a run of that minute end in it."""
    granted = await scene.claim(job, minute, settled=minute)
    assert await scene.finish(granted, minute + 0.5, **facts)


async def durations(scene: Any, most: int, job: str = "backup") -> list[float]:
    return [use.duration_s for use in (await scene.store.usage([job], most)).get(job, ())]


async def test_what_a_run_took_is_told(scene) -> None:
    await scene.enrol("backup")
    await run(scene, 1, duration_s=7.25, memory_peak_bytes=5 << 30)
    taken = await scene.store.usage(["backup"], 10)
    expected = RunUse(scene.at(1.5), Outcome.SUCCESS, 7.25, 5 << 30)
    assert {job: list(uses) for job, uses in taken.items()} == {"backup": [expected]}


async def test_how_long_it_was_in_its_steps_is_told_too(scene) -> None:
    await scene.enrol("backup")
    steps = (StepTime("load", 0.5), StepTime("send", 6.75))
    await run(scene, 1, steps=steps)
    (use,) = (await scene.store.usage(["backup"], 10))["backup"]
    assert use.steps == steps


async def test_what_the_attempts_before_the_last_took_is_told_too(scene) -> None:
    await scene.enrol("backup")
    run, again = await scene.claim("backup", 1), {"attempt": 3, "started_at": scene.at(20.9)}
    retried = tuple(
        EndedAttempt(number, "a", None, scene.at(2), outcome)
        for number, outcome in ((1, Outcome.OOM), (2, Outcome.FAILURE))
    )
    await scene.finish(run, 21, duration_s=6.25, retried=retried, **again)
    (use,) = (await scene.store.usage(["backup"], 10))["backup"]
    assert (use.duration_s, use.earlier_s, use.lasted_s) == (6.25, 1193.75, 1200.0)
    assert use.retried == (Outcome.OOM, Outcome.FAILURE)


@pytest.mark.parametrize("outcome", Outcome)
async def test_only_runs_count_that_say_how_much_the_work_takes(scene, outcome: Outcome) -> None:
    """A failure may have come at once, and who was canceled did not come to an end. Who met a
    ceiling took at least that much."""
    await scene.enrol("backup")
    await run(scene, 1, outcome=outcome)
    is_telling = outcome in (Outcome.SUCCESS, Outcome.TIMEOUT, Outcome.OOM)
    assert await durations(scene, 10) == ([30.0] if is_telling else [])


async def test_a_run_of_unknown_duration_says_nothing(scene) -> None:
    await scene.enrol("backup")
    await run(scene, 1, duration_s=None)
    assert await durations(scene, 10) == []


async def test_memory_that_nothing_measured_is_unknown(scene) -> None:
    await scene.enrol("backup")
    await run(scene, 1, memory_peak_bytes=None)
    (use,) = (await scene.store.usage(["backup"], 10))["backup"]
    assert use.memory_peak_bytes is None


async def test_a_run_that_is_active_says_nothing_yet(scene) -> None:
    await scene.enrol("backup")
    await scene.claim("backup", 1)
    assert await scene.store.usage(["backup"], 10) == {}


async def test_jobs_are_told_apart_and_unknown_ones_left_out(scene) -> None:
    await scene.enrol("backup", "poll", "idle")
    await run(scene, 1, duration_s=1.0)
    await run(scene, 1, "poll", duration_s=2.0)
    taken = await scene.store.usage(["poll", "idle", "nobody"], 10)
    assert {job: [use.duration_s for use in uses] for job, uses in taken.items()} == {"poll": [2.0]}
    assert await scene.store.usage([], 10) == {}


async def test_runs_come_in_the_order_of_their_grants(scene) -> None:
    await scene.enrol("backup")
    for minute in (1, 2, 3):
        await run(scene, minute, duration_s=float(minute))
    assert await durations(scene, 3) == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("most", [0, 6, 20])
async def test_a_sample_is_about_as_large_as_asked_for_and_even(scene, most: int) -> None:
    """Even in every cycle: of sixty runs, a sample that took each third would be all or none
    of what happens every third time."""
    await scene.enrol("backup")
    for minute in range(1, 61):
        await run(scene, minute, duration_s=float(minute))
    chosen = await durations(scene, most)
    assert abs(len(chosen) - most) <= 2
    for cycle in (2, 3, 4, 5, 6):
        share = most / cycle
        counts = [sum(one % cycle == phase for one in chosen) for phase in range(cycle)]
        assert all(share / 3 - 1 <= count <= share * 1.7 + 1 for count in counts), (cycle, counts)


async def test_of_few_runs_all_are_told(scene) -> None:
    await scene.enrol("backup")
    for minute in range(1, 31):
        await run(scene, minute, duration_s=float(minute))
    assert await durations(scene, 30) == [float(minute) for minute in range(1, 31)]


async def test_no_more_than_the_newest_are_looked_at(scene, monkeypatch) -> None:
    """However much retention keeps, the question costs no more than that."""
    for module in ("sample", "sqlite_reader", "postgres_questions"):
        monkeypatch.setattr(f"jobd.store.{module}.USAGE_SEEN", 5)
    await scene.enrol("backup")
    for minute in range(1, 11):
        await run(scene, minute, duration_s=float(minute))
    assert await durations(scene, 100) == [6.0, 7.0, 8.0, 9.0, 10.0]
