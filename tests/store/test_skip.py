"""Skips: every tick is counted once, however often and in whatever ranges it is settled."""

from jobd.core.ledger import SkipReason

SINCE = -1_000_000


async def test_a_new_skip_is_counted_whole(scene) -> None:
    await scene.enrol("backup")
    assert await scene.skip(scene.skip_of("backup", 1, 10, count=10)) == [10]


async def test_a_repeated_skip_counts_nothing(scene) -> None:
    await scene.enrol("backup")
    skip = scene.skip_of("backup", 1, 10, count=10)
    await scene.skip(skip)
    assert await scene.skip(skip) == [0]


async def test_ten_thousand_missed_ticks_are_one_row(scene) -> None:
    await scene.enrol("backup")
    await scene.skip(scene.skip_of("backup", 1, 10_000, count=10_000))
    assert [row.ticks.count for row in await scene.store.ticks("backup")] == [10_000]


async def test_a_skip_leaves_out_the_ticks_that_were_started(scene) -> None:
    await scene.enrol("backup")
    await scene.pass_through("backup", 3)
    assert await scene.skip(scene.skip_of("backup", 1, 10, count=10)) == [9]


async def test_a_skip_that_was_extended_counts_what_is_new(scene) -> None:
    """The first answer was lost, and by now more ticks are late."""
    await scene.enrol("backup")
    await scene.skip(scene.skip_of("backup", 1, 10, count=10))
    assert await scene.skip(scene.skip_of("backup", 1, 15, count=15)) == [5]


async def test_a_skip_inside_a_range_counts_nothing(scene) -> None:
    await scene.enrol("backup")
    await scene.skip(scene.skip_of("backup", 1, 10, count=10))
    assert await scene.skip(scene.skip_of("backup", 4, 6, count=3), scene.skip_of("backup", 5)) == [
        0,
        0,
    ]


async def test_a_skip_that_reaches_into_a_range_counts_what_is_outside(scene) -> None:
    await scene.enrol("backup")
    await scene.skip(scene.skip_of("backup", 5, 20, count=16))
    assert await scene.skip(scene.skip_of("backup", 1, 10, count=10)) == [4]


async def test_skips_of_one_batch_see_each_other(scene) -> None:
    await scene.enrol("backup")
    twice = scene.skip_of("backup", 1, 5, count=5), scene.skip_of("backup", 1, 6, count=6)
    assert await scene.skip(*twice) == [5, 1]


async def test_a_skip_does_not_touch_other_jobs(scene) -> None:
    await scene.enrol("backup", "poll")
    await scene.skip(scene.skip_of("backup", 1, 10, count=10))
    assert await scene.skip(scene.skip_of("poll", 1, 10, count=10)) == [10]


async def test_a_skip_keeps_reason_detail_and_blocker(scene) -> None:
    await scene.enrol("backup")
    words = {"reason": SkipReason.PAUSED, "detail": "paused by anna: moving", "blocker": "r7"}
    await scene.skip(scene.skip_of("backup", 1, **words), minute=2)
    (row,) = await scene.store.ticks("backup")
    assert (row.reason, row.detail, row.blocker) == (SkipReason.PAUSED, words["detail"], "r7")
    assert (row.run_id, row.decided_at, row.node) == (None, scene.at(2), "app1")


async def test_the_answer_is_the_skip_with_its_new_count(scene) -> None:
    await scene.enrol("backup")
    wish = scene.skip_of("backup", 1, 3, count=3, settled_until=scene.at(3))
    (answer,) = await scene.store.skip([wish], "app1", scene.at(3))
    assert answer == wish


async def test_a_skip_carries_the_watermark(scene) -> None:
    await scene.enrol("backup")
    await scene.skip(scene.skip_of("backup", 1, 3, count=3, settled_until=scene.at(3)))
    assert (await scene.memory("backup")).settled_until == scene.at(3)


async def test_a_skip_without_a_watermark_leaves_it(scene) -> None:
    await scene.enrol("backup")
    await scene.skip(scene.skip_of("backup", 1, 3, count=3))
    assert (await scene.memory("backup")).settled_until == scene.at(0)


async def test_a_skip_with_nothing_new_still_carries_the_watermark(scene) -> None:
    await scene.enrol("backup")
    await scene.skip(scene.skip_of("backup", 1))
    await scene.skip(scene.skip_of("backup", 1, settled_until=scene.at(1)))
    assert (await scene.memory("backup")).settled_until == scene.at(1)


async def test_when_a_tick_was_skipped_is_remembered(scene) -> None:
    await scene.enrol("backup")
    await scene.skip(scene.skip_of("backup", 1, 10, count=10), minute=11)
    assert (await scene.memory("backup")).last_skipped == scene.at(11)


async def test_a_skip_that_settles_nothing_new_is_no_skip_of_now(scene) -> None:
    await scene.enrol("backup")
    await scene.skip(scene.skip_of("backup", 1, 10, count=10), minute=11)
    await scene.skip(scene.skip_of("backup", 1, 10, count=10), minute=12)
    assert (await scene.memory("backup")).last_skipped == scene.at(11)


async def test_a_claim_that_becomes_a_skip_is_remembered_as_one(scene) -> None:
    await scene.enrol("backup")
    await scene.claim("backup", 1)
    await scene.claim("backup", 2)
    assert (await scene.memory("backup")).last_skipped == scene.at(2)


async def test_skips_are_counted_by_job_and_reason(scene) -> None:
    await scene.enrol("backup", "poll")
    await scene.skip(
        scene.skip_of("backup", 1, 3, count=3),
        scene.skip_of("backup", 4, reason=SkipReason.PAUSED),
        scene.skip_of("poll", 1, reason=SkipReason.PAUSED),
    )
    counts = await scene.store.skip_counts(scene.at(SINCE))
    assert counts == {"backup": {"misfire": 3, "paused": 1}, "poll": {"paused": 1}}


async def test_skips_are_counted_from_the_instant_of_their_decision(scene) -> None:
    """A range that reaches back a week was decided just now, and that is when it counts."""
    await scene.enrol("backup")
    await scene.skip(scene.skip_of("backup", 1), minute=10)
    await scene.skip(scene.skip_of("backup", 2), minute=20)
    assert await scene.store.skip_counts(scene.at(20)) == {"backup": {"misfire": 1}}


async def test_started_ticks_are_not_counted_as_skips(scene) -> None:
    await scene.enrol("backup")
    await scene.pass_through("backup", 1)
    assert await scene.store.skip_counts(scene.at(SINCE)) == {}
