"""Leases: a run is its node's alone until its lease runs out by the store's clock."""

from dataclasses import replace
from datetime import timedelta

import pytest

from jobd.core.claim import ClaimGranted, Pause
from jobd.core.cluster import Holding
from jobd.core.job import Overlap
from jobd.core.ledger import Skip, SkipReason, TickRange
from jobd.core.outcome import Outcome
from jobd.ports.shared_store import Batch, Settled
from tests.store.shared import LEASE


async def test_a_granted_run_has_a_lease(cluster) -> None:
    await cluster.enrol("backup")
    assert isinstance(await cluster.claim("backup", 0), ClaimGranted)
    assert (await cluster.active("backup")).lease_until == cluster.now + LEASE


async def test_a_valid_lease_is_an_obstacle_on_every_node(cluster) -> None:
    await cluster.enrol("backup")
    await cluster.claim("backup", 0, run_id="r1")
    await cluster.set(0.4)
    answer = await cluster.claim("backup", 0.4, node="b")
    assert (answer.reason, answer.settled, answer.blocker.run_id) == (
        SkipReason.OVERLAP,
        True,
        "r1",
    )


async def test_a_lease_holds_until_its_very_end(cluster) -> None:
    await cluster.enrol("backup")
    await cluster.claim("backup", 0)
    await cluster.set(0.5 - 1e-7)
    assert not isinstance(await cluster.claim("backup", 0.4, node="b"), ClaimGranted)


async def test_a_lease_that_ran_out_is_no_obstacle(cluster) -> None:
    await cluster.enrol("backup")
    first = await cluster.claim("backup", 0)
    await cluster.set(0.5)
    second = await cluster.claim("backup", 0.5, node="b")
    assert isinstance(second, ClaimGranted)
    assert second.token == first.token + 1


async def test_the_run_whose_lease_ran_out_is_lost(cluster) -> None:
    await cluster.enrol("backup")
    await cluster.claim("backup", 0, run_id="r1")
    await cluster.set(1)
    other = await cluster.node("b")
    settled = await other.settle(Batch(claims=(cluster.wish("backup", 1),)))
    record = await (await cluster.node()).run("r1")
    assert settled.lost == (record,), "who ends a run tells of it"
    assert (record.outcome, record.ended_at) == (Outcome.LOST, cluster.at(1))
    assert record.reason == "its lease ran out on a"
    memory = await cluster.memory("backup")
    assert (memory.last_outcome, memory.last_ended) == ("lost", cluster.at(1))


async def test_a_claim_that_may_not_take_over_meets_it_still(cluster) -> None:
    """Right after the store was away nobody could renew: holders get their time."""
    await cluster.enrol("backup")
    await cluster.claim("backup", 0)
    await cluster.set(5)
    answer = await cluster.claim("backup", 5, node="b", takes_over=False)
    assert answer.reason is SkipReason.OVERLAP
    assert (await cluster.active("backup")).node == "a"


async def test_a_claim_repeated_by_its_node_renews_the_lease(cluster) -> None:
    await cluster.enrol("backup")
    first = await cluster.claim("backup", 0, run_id="r1")
    await cluster.set(3)
    again = await cluster.claim("backup", 0, run_id="r1")
    assert (again.token, again.claimed_at) == (first.token, first.claimed_at)
    assert (await cluster.active("backup")).lease_until == cluster.now + LEASE


async def test_another_node_does_not_get_a_run_by_its_id(cluster) -> None:
    await cluster.enrol("backup")
    await cluster.claim("backup", 0, run_id="r1")
    answer = await cluster.claim("backup", 0, run_id="r1", node="b")
    assert (answer.reason, answer.settled) == (None, True)


async def test_renewals_last_a_ttl_from_now(cluster) -> None:
    await cluster.enrol("backup")
    run = await cluster.claim("backup", 0, run_id="r1")
    await cluster.set(0.25)
    assert list(await (await cluster.node()).renew([Holding("r1", run.token)])) == [True]
    assert (await cluster.active("backup")).lease_until == cluster.now + LEASE


async def test_a_lease_that_ran_out_can_be_renewed_while_nobody_took_it(cluster) -> None:
    await cluster.enrol("backup")
    run = await cluster.claim("backup", 0, run_id="r1")
    await cluster.set(9)
    assert list(await (await cluster.node()).renew([Holding("r1", run.token)])) == [True]
    answer = await cluster.claim("backup", 9, node="b")
    assert answer.reason is SkipReason.OVERLAP


async def test_what_is_not_held_is_not_renewed(cluster) -> None:
    await cluster.enrol("a", "b", "c")
    runs = [await cluster.claim(job, 0, run_id=job) for job in ("a", "b", "c")]
    await cluster.finish(runs[2], 0.1)
    holdings = [Holding("a", 1), Holding("b", 7), Holding("c", 1), Holding("nobody", 1)]
    assert list(await (await cluster.node()).renew(holdings)) == [True, False, False, False]
    assert list(await (await cluster.node("b")).renew([Holding("a", 1)])) == [False]
    assert list(await (await cluster.node()).renew([])) == []


async def test_an_end_after_the_lease_is_accepted_while_nobody_took_it(cluster) -> None:
    """Its processes ended in time; only the news is late."""
    await cluster.enrol("backup")
    run = await cluster.claim("backup", 0)
    await cluster.set(9)
    assert await cluster.finish(run, 0.4)
    assert (await cluster.memory("backup")).last_outcome == "success"


async def test_a_late_end_changes_nothing_and_is_noted(cluster) -> None:
    await cluster.enrol("backup")
    run = await cluster.claim("backup", 0, run_id="r1")
    await cluster.set(1)
    await cluster.claim("backup", 1, node="b")
    for _ in range(2):
        assert not await cluster.finish(run, 0.4)
    assert (await (await cluster.node()).run("r1")).outcome is Outcome.LOST
    (note,) = await (await cluster.node()).audit("r1")
    assert (note.by, note.action, note.at) == ("a", "late end", cluster.at(0.4))
    assert note.detail == "success; its lease had passed on"


async def test_an_end_told_twice_is_no_late_end(cluster) -> None:
    await cluster.enrol("backup")
    run = await cluster.claim("backup", 0, run_id="r1")
    assert await cluster.finish(run, 0.2)
    assert await cluster.finish(run, 0.2)
    assert list(await (await cluster.node()).audit("r1")) == []


async def test_a_lease_from_before_the_clock_was_set_back_ends_too(cluster) -> None:
    """The clock was a day ahead: that run must not bar its job for a day."""
    await cluster.enrol("backup")
    await cluster.set(1440)
    await cluster.claim("backup", 1440)
    await cluster.set(10)
    assert not isinstance(await cluster.claim("backup", 10, node="b"), ClaimGranted)
    await cluster.set(10.6)
    assert isinstance(await cluster.claim("backup", 10.6, node="b"), ClaimGranted)


async def test_ends_make_room_for_claims_of_the_same_batch(cluster) -> None:
    await cluster.enrol("backup")
    run = await cluster.claim("backup", 0)
    await cluster.set(1)
    skip = Skip(TickRange("backup", cluster.at(0.5), cluster.at(0.5), 1), SkipReason.MISFIRE)
    wishes = cluster.wish("backup", 1), cluster.wish("backup", 0.5)
    batch = Batch((cluster.end(run, 0.9),), (skip,), wishes)
    done = await (await cluster.node()).settle(batch)
    assert (done.finished, [one.ticks.count for one in done.skipped]) == ((True,), [1])
    assert isinstance(done.answers[0], ClaimGranted)
    assert (done.answers[1].reason, done.answers[1].settled) == (None, True)


async def test_saved_attempts_come_before_the_ends_of_the_same_batch(cluster) -> None:
    await cluster.enrol("backup", "poll")
    await cluster.claim("backup", 0)
    over = await cluster.claim("poll", 0)
    saved = replace(await cluster.active("backup"), attempt=3, retry_at=cluster.at(5))
    stale = replace(saved, token=saved.token + 1, attempt=9)
    last = replace(await cluster.active("poll"), attempt=2)
    batch = Batch((cluster.end(over, 1),), saves=(saved, stale, last))
    assert (await (await cluster.node()).settle(batch)).finished == (True,)
    (run,) = (await cluster.memory("backup")).active
    assert (run.attempt, run.retry_at) == (3, cluster.at(5))


async def test_an_empty_batch_is_settled(cluster) -> None:
    assert await (await cluster.node()).settle(Batch()) == Settled()


async def test_the_watermark_only_grows(cluster) -> None:
    """Each node has one; the furthest counts."""
    await cluster.enrol("backup")
    await cluster.set(9)
    await cluster.claim("backup", 8, settled=8)
    await cluster.claim("backup", 7, node="b", settled=7)
    assert (await cluster.memory("backup")).settled_until == cluster.at(8)


@pytest.mark.parametrize("until", [None, 60])
async def test_a_paused_tick_is_skipped(cluster, until: float | None) -> None:
    """Another node paused it a moment ago, and this one does not know yet."""
    await cluster.enrol("backup")
    end = None if until is None else cluster.at(until)
    await (await cluster.node("b")).save_pause(
        ["backup"], Pause("anna", cluster.now, "moving", end)
    )
    answer = await cluster.claim("backup", 1)
    assert (answer.reason, answer.settled) == (SkipReason.PAUSED, True)
    (row,) = await (await cluster.node()).ticks("backup")
    assert (row.reason, row.detail) == (SkipReason.PAUSED, "paused by anna: moving")


async def test_a_pause_that_is_over_stops_nothing(cluster) -> None:
    await cluster.enrol("backup")
    await (await cluster.node()).save_pause(
        ["backup"], Pause("anna", cluster.now, "", cluster.at(1))
    )
    await cluster.set(1)
    assert isinstance(await cluster.claim("backup", 1), ClaimGranted)


async def test_a_run_by_hand_is_not_paused(cluster) -> None:
    await cluster.enrol("backup")
    await (await cluster.node()).save_pause(["backup"], Pause("anna", cluster.now))
    assert isinstance(await cluster.claim("backup", None), ClaimGranted)


@pytest.mark.parametrize(
    ("until", "tick", "is_skipped", "is_kept"),
    [
        (None, 1, True, False),
        (2, 1, False, True),  # not yet
        (2, 2, True, False),
        (2, 3, False, False),  # it never came
    ],
)
async def test_one_tick_is_skipped_by_wish(
    cluster, until: float | None, tick: float, is_skipped: bool, is_kept: bool
) -> None:
    await cluster.enrol("backup")
    end = None if until is None else cluster.at(until)
    await (await cluster.node()).save_skip_next("backup", Pause("anna", cluster.now, "", end))
    answer = await cluster.claim("backup", tick)
    if is_skipped:
        assert answer.reason is SkipReason.PAUSED
        (row,) = await (await cluster.node()).ticks("backup")
        assert row.detail == "skip-next by anna"
    else:
        assert isinstance(answer, ClaimGranted)
    assert ((await cluster.memory("backup")).skip_next is not None) == is_kept


async def test_replace_leaves_the_run_to_its_node(cluster) -> None:
    await cluster.enrol("backup")
    await cluster.claim("backup", 0, run_id="r1")
    answer = await cluster.claim("backup", 0.1, node="b", overlap=Overlap.REPLACE)
    assert (answer.settled, answer.blocker.run_id) == (False, "r1")
    assert (await cluster.active("backup")).run_id == "r1"


async def test_a_blocker_is_told_with_its_node_and_lease(cluster) -> None:
    await cluster.enrol("backup")
    await cluster.claim("backup", 0)
    answer = await cluster.claim("backup", 0.1, node="b")
    assert answer.blocker == replace(await cluster.active("backup"))
    assert answer.blocker.lease_until - cluster.now == timedelta(seconds=30)
