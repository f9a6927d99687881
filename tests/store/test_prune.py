"""Retention: old history goes, active runs and undecided ticks never do."""

import asyncio

from jobd.core.claim import ClaimGranted
from jobd.ports import AuditEntry, RunFilter
from jobd.store import postgres_questions, remembered, sqlite_file

LONG_AGO = -1_000_000
EVERYTHING = 1_000


async def ids(scene) -> list[str]:
    return [record.run_id for record in await scene.store.runs(RunFilter(limit=1000))]


async def test_runs_older_than_the_bound_go_with_their_ticks(scene) -> None:
    await scene.enrol("backup")
    for minute in (1, 5, 9):
        await scene.pass_through("backup", minute, run_id=f"r{minute}")
    assert set(await scene.store.prune(scene.at(6), EVERYTHING)) == {"r1", "r5"}
    assert await ids(scene) == ["r9"]
    assert [row.run_id for row in await scene.store.ticks("backup")] == ["r9"]


async def test_runs_beyond_the_newest_so_many_of_a_job_go(scene) -> None:
    await scene.enrol("backup", "poll")
    for minute in (1, 2, 3, 4):
        await scene.pass_through("backup", minute, run_id=f"b{minute}")
    await scene.pass_through("poll", 1, run_id="p1")
    assert set(await scene.store.prune(scene.at(LONG_AGO), 2)) == {"b1", "b2"}
    assert await ids(scene) == ["p1", "b4", "b3"]


async def test_runs_by_hand_go_too(scene) -> None:
    await scene.enrol("backup")
    await scene.pass_through("backup", 1, run_id="a")
    run = await scene.claim("backup", None, now=2, run_id="b")
    await scene.finish(run, 3)
    assert set(await scene.store.prune(scene.at(10), EVERYTHING)) == {"a", "b"}


async def test_active_runs_stay(scene) -> None:
    await scene.enrol("backup")
    run = await scene.claim("backup", 1, run_id="r1", settled=1)
    assert list(await scene.store.prune(scene.at(1000), 0)) == []
    assert await scene.finish(run, 2)


async def test_old_skips_go(scene) -> None:
    await scene.enrol("backup")
    await scene.skip(scene.skip_of("backup", 1, settled_until=scene.at(1)), minute=1)
    await scene.skip(scene.skip_of("backup", 9, settled_until=scene.at(9)), minute=9)
    await scene.store.prune(scene.at(5), EVERYTHING)
    assert [row.ticks.first for row in await scene.store.ticks("backup")] == [scene.at(9)]


async def test_skips_beyond_the_newest_so_many_go(scene) -> None:
    await scene.enrol("backup")
    for minute in range(6):
        skip = scene.skip_of("backup", minute, settled_until=scene.at(minute))
        await scene.skip(skip, minute=minute)
    await scene.store.prune(scene.at(LONG_AGO), 2)
    rows = await scene.store.ticks("backup")
    assert [row.ticks.first for row in rows] == [scene.at(5), scene.at(4)]


async def test_a_forgotten_tick_is_still_decided(scene) -> None:
    """A clock that is set back meets ticks whose rows are gone; they must not run again."""
    await scene.enrol("backup")
    await scene.pass_through("backup", 5)
    await scene.store.prune(scene.at(1000), 0)
    answer = await scene.claim("backup", 5)
    assert (answer.reason, answer.settled) == (None, True)
    assert await scene.skip(scene.skip_of("backup", 4, 6, count=3)) == [2]


async def test_forgotten_ticks_years_apart_leave_the_years_between(scene) -> None:
    """The clock was years ahead for a while: what ran then must not silence the way there."""
    years = 3 * 365 * 24 * 60
    await scene.enrol("backup")
    for minute in (5, years, years + 1):
        await scene.pass_through("backup", minute)
    await scene.store.prune(scene.at(2 * years), 0)
    assert isinstance(await scene.claim("backup", 100), ClaimGranted)
    for minute in (5, years, years + 1):
        assert (await scene.claim("backup", minute)).settled


async def test_ticks_after_an_open_one_are_not_forgotten(scene) -> None:
    """The watermark stands before a tick that waits: were later rows forgotten, that tick
    would count as decided, and be lost."""
    await scene.enrol("backup")
    await scene.pass_through("backup", 5, settled=2)
    assert list(await scene.store.prune(scene.at(1000), 0)) == []
    assert isinstance(await scene.claim("backup", 3), ClaimGranted)


async def test_history_of_a_removed_job_goes(scene) -> None:
    await scene.enrol("backup", "poll")
    await scene.pass_through("backup", 5, run_id="r5", settled=2)
    await scene.enrol("poll", minute=6)
    assert list(await scene.store.prune(scene.at(1000), 0)) == ["r5"]


async def test_nothing_to_prune_is_nothing(scene) -> None:
    await scene.enrol("backup")
    assert list(await scene.store.prune(scene.at(1000), 0)) == []


async def test_more_than_a_batch_goes(sqlite_scene) -> None:
    scene = sqlite_scene
    jobs = [f"job{n}" for n in range(600)]
    await scene.enrol(*jobs)
    wishes = [scene.request(job, 1, settled=1) for job in jobs]
    runs = await scene.store.claim(wishes, "app1", scene.at(1))
    await scene.store.finish([scene.end(run, 2) for run in runs])
    pruned = await scene.store.prune(scene.at(1000), 0)
    assert sorted(pruned) == sorted(wish.run_id for wish in wishes)
    assert await ids(scene) == []


async def test_claims_come_between_the_batches(sqlite_scene) -> None:
    """A claim waits for one batch at most, however much there is to delete."""
    scene = sqlite_scene
    jobs = [f"job{n}" for n in range(2000)]
    await scene.enrol(*jobs)
    runs = await scene.store.claim(
        [scene.request(job, 1, settled=1) for job in jobs], "app1", scene.at(1)
    )
    await scene.store.finish([scene.end(run, 2) for run in runs])
    order: list[str] = []

    async def prune() -> None:
        await scene.store.prune(scene.at(1000), 0)
        order.append("pruned")

    async def claim() -> None:
        while "pruned" not in order:
            await scene.claim("job0", 10 + len(order))
            order.append("claimed")

    await asyncio.gather(prune(), claim())
    assert order.index("pruned") >= 3


async def test_who_did_what_is_bounded(scene, monkeypatch) -> None:
    for module in (remembered, postgres_questions, sqlite_file):
        monkeypatch.setattr(module, "AUDIT_KEPT", 3)
    for minute in range(5):
        await scene.store.note(AuditEntry(scene.at(minute), "uid 0", "pause", "backup"))
    kept = [entry.at for entry in await scene.store.audit()]
    assert kept == [scene.at(4), scene.at(3), scene.at(2)]
