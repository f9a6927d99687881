"""The clock was ahead and has been set right: what was skipped meanwhile is open again."""

from random import Random

import pytest

from jobd.core.claim import ClaimGranted
from jobd.core.ledger import SkipReason
from jobd.store.memory import MemoryStore

YEARS = 3 * 365 * 24 * 60


async def test_a_skipped_tick_still_to_come_is_open_again(scene) -> None:
    await scene.enrol("backup")
    await scene.skip(scene.skip_of("backup", 30))
    assert await scene.void(10) == 1
    assert isinstance(await scene.claim("backup", 30), ClaimGranted)


async def test_its_row_is_gone(scene) -> None:
    await scene.enrol("backup")
    await scene.skip(scene.skip_of("backup", 30))
    await scene.void(10)
    assert await scene.counts("backup") == []


async def test_a_skipped_tick_that_has_come_stays_decided(scene) -> None:
    await scene.enrol("backup")
    await scene.skip(scene.skip_of("backup", 10))
    assert await scene.void(10) == 0
    assert (await scene.claim("backup", 10)).settled


async def test_a_started_tick_stays_decided(scene) -> None:
    """It ran, by whatever clock; it must not run again."""
    await scene.enrol("backup")
    await scene.pass_through("backup", 30)
    assert await scene.void(10) == 0
    assert (await scene.claim("backup", 30)).settled


async def test_a_started_tick_stays_decided_once_its_row_is_gone(scene) -> None:
    await scene.enrol("backup")
    await scene.pass_through("backup", 30)
    await scene.store.prune(scene.at(YEARS), 0)
    await scene.void(10)
    assert (await scene.claim("backup", 30)).settled


async def test_a_range_ends_at_the_last_tick_that_has_come(scene) -> None:
    """A clock three years ahead made one range of all these years."""
    await scene.enrol("backup")
    await scene.skip(scene.skip_of("backup", 1, YEARS, count=YEARS))
    assert await scene.void(10.5) == YEARS - 10
    assert await scene.counts("backup") == [(1, 10, 10)]
    assert isinstance(await scene.claim("backup", 11), ClaimGranted)


async def test_a_range_keeps_what_was_said_of_it(scene) -> None:
    await scene.enrol("backup")
    words = {"reason": SkipReason.PAUSED, "detail": "paused by anna", "blocker": "r7"}
    await scene.skip(scene.skip_of("backup", 1, 30, count=30, **words), minute=30)
    await scene.void(10)
    (row,) = await scene.store.ticks("backup")
    assert (row.reason, row.detail, row.blocker) == tuple(words.values())
    assert row.decided_at == scene.at(30)


async def test_a_range_of_which_one_tick_is_left_is_that_tick(scene) -> None:
    await scene.enrol("backup")
    await scene.skip(scene.skip_of("backup", 1, 30, count=30))
    assert await scene.void(1) == 29
    assert await scene.counts("backup") == [(1, 1, 1)]
    assert (await scene.claim("backup", 1)).settled


async def test_a_range_does_not_count_what_was_started_in_it(scene) -> None:
    await scene.enrol("backup")
    for minute in (3, 20):
        await scene.pass_through("backup", minute)
    await scene.skip(scene.skip_of("backup", 1, 30, count=30))
    assert await scene.void(10) == 19
    assert await scene.counts("backup") == [(1, 10, 9), (3, 3, 1), (20, 20, 1)]


async def test_ticks_that_come_after_all_are_counted_once(scene) -> None:
    await scene.enrol("backup")
    await scene.pass_through("backup", 20)
    await scene.skip(scene.skip_of("backup", 1, 30, count=30))
    await scene.void(10)
    assert await scene.skip(scene.skip_of("backup", 5, 25, count=21)) == [14]


async def test_settled_until_comes_back(scene) -> None:
    """Or the next daemon would take the job's next years for decided."""
    await scene.enrol("backup")
    await scene.skip(scene.skip_of("backup", 1, 30, count=30, settled_until=scene.at(30)))
    await scene.void(10)
    memory = await scene.memory("backup")
    assert (memory.settled_until, memory.decided_until) == (scene.at(10), scene.at(10))


async def test_decided_until_stays_with_a_started_tick(scene) -> None:
    await scene.enrol("backup")
    await scene.pass_through("backup", 20)
    await scene.skip(scene.skip_of("backup", 21, 30, count=10))
    await scene.void(10)
    assert (await scene.memory("backup")).decided_until == scene.at(20)


async def test_a_rest_after_a_run_that_has_yet_to_end_is_over(scene) -> None:
    await scene.enrol("backup")
    run = await scene.claim("backup", YEARS)
    await scene.finish(run, YEARS + 1, rest=YEARS + 2)
    await scene.void(10)
    assert (await scene.memory("backup")).rest_until is None
    assert isinstance(await scene.claim("backup", 11), ClaimGranted)


async def test_a_rest_by_the_right_clock_goes_on(scene) -> None:
    await scene.enrol("backup")
    run = await scene.claim("backup", 1)
    await scene.finish(run, 5, rest=20)
    await scene.skip(scene.skip_of("backup", 30))
    await scene.void(10)
    assert (await scene.memory("backup")).rest_until == scene.at(20)


async def test_it_concerns_all_jobs(scene) -> None:
    await scene.enrol("backup", "poll")
    await scene.skip(scene.skip_of("backup", 5, 30, count=26), scene.skip_of("poll", 20))
    assert await scene.void(10) == 21
    assert (await scene.counts("backup"), await scene.counts("poll")) == ([(5, 10, 6)], [])


async def test_repeating_it_changes_nothing(scene) -> None:
    await scene.enrol("backup")
    await scene.skip(scene.skip_of("backup", 5, 30, count=26))
    await scene.void(10)
    assert await scene.void(10) == 0
    assert await scene.counts("backup") == [(5, 10, 6)]


async def test_a_range_of_a_job_without_a_schedule_waits_for_it(scene) -> None:
    """It has left the configuration; when it comes back, its schedule can count the rest."""
    await scene.enrol("backup")
    await scene.skip(scene.skip_of("backup", 5, 30, count=26), scene.skip_of("backup", 40))
    assert await scene.void(10, "another") == 1
    assert await scene.counts("backup") == [(5, 30, 26)]
    assert await scene.void(12) == 18


async def test_a_changed_schedule_leaves_no_more_than_there_was(scene) -> None:
    """The range was made by another schedule than the one that cuts it."""
    await scene.enrol("backup")
    await scene.skip(scene.skip_of("backup", 0.5, 30.5, count=2))
    assert await scene.void(10) == 0
    assert await scene.counts("backup") == [(0.5, 10, 2)]


@pytest.mark.parametrize("seed", range(10))
async def test_counts_add_up_however_the_clock_jumped(make_scene, seed: int) -> None:
    """After any skips, starts and corrections, rows count each tick between them once."""
    chance, scene = Random(seed), make_scene(MemoryStore())
    await scene.enrol("backup")
    decided: set[int] = set()
    started: set[int] = set()
    for _ in range(60):
        first, what = chance.randint(0, 80), chance.choice(["skip", "skip", "start", "void"])
        if what == "skip":
            ticks = range(first, first + chance.randint(1, 40))
            skip = scene.skip_of("backup", ticks[0], ticks[-1], count=len(ticks))
            assert await scene.skip(skip) == [len(set(ticks) - decided)]
            decided.update(ticks)
        elif what == "start" and first not in decided:
            await scene.pass_through("backup", first)
            started.add(first)
            decided.add(first)
        elif what == "void":
            gone = {tick for tick in decided - started if tick > first}
            assert await scene.void(first) == len(gone)
            decided -= gone
        assert sum(count for *_, count in await scene.counts("backup")) == len(decided)
