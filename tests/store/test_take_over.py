"""Taking over: a run whose lease ran out ends as lost, or another node goes on with it."""

from dataclasses import replace

from jobd.core.attempt import MOST_KEPT, EndedAttempt
from jobd.core.claim import ClaimGranted
from jobd.core.cluster import Holding, StopAsked, TakeOver
from jobd.core.ledger import SkipReason
from jobd.core.outcome import Outcome, StopCause
from tests.store.shared import LEASE, word_of


async def test_a_run_goes_on_elsewhere(cluster) -> None:
    await cluster.enrol("backup")
    first = await cluster.claim("backup", 0, run_id="r1")
    run = await cluster.active("backup")
    await cluster.set(1)
    retry_at = cluster.at(2)
    (taken,) = await (await cluster.node("b")).take_over([TakeOver(run, retry_at)])
    assert (taken.run_id, taken.node, taken.token) == ("r1", "b", first.token + 1)
    assert (taken.attempt, taken.retry_at) == (1, retry_at)
    assert (taken.lease_until, taken.claimed_at) == (cluster.now + LEASE, first.claimed_at)
    assert await cluster.active("backup") == taken


async def test_the_attempt_that_went_down_with_its_node_is_told_with_the_run(cluster) -> None:
    await cluster.enrol("backup")
    await cluster.claim("backup", 0, run_id="r1")
    run = await cluster.active("backup")
    await cluster.set(1)
    (taken,) = await (await cluster.node("b")).take_over([TakeOver(run, cluster.at(2))])
    lost = EndedAttempt(1, "a", None, cluster.now, Outcome.LOST, "its lease ran out on a")
    assert taken.retried == (lost,)
    assert (await cluster.active("backup")).retried == (lost,)
    assert (await (await cluster.node("b")).run("r1")).retried == (lost,)


async def test_a_run_between_two_attempts_lost_none(cluster) -> None:
    failed = EndedAttempt(1, "a", cluster.at(0), cluster.at(0), Outcome.FAILURE, exit_code=3)
    await cluster.enrol("backup")
    await cluster.claim("backup", 0, run_id="r1")
    waits = replace(await cluster.active("backup"), retry_at=cluster.at(5), retried=(failed,))
    await (await cluster.node()).save_run(waits)
    run = await cluster.active("backup")
    await cluster.set(1)
    (taken,) = await (await cluster.node("b")).take_over([TakeOver(run, cluster.at(5))])
    assert taken.retried == (failed,)


async def test_of_very_many_attempts_the_latest_are_kept(cluster) -> None:
    moment = cluster.at(0)
    many = tuple(
        EndedAttempt(number, "a", moment, moment, Outcome.FAILURE)
        for number in range(1, MOST_KEPT + 1)
    )
    await cluster.enrol("backup")
    await cluster.claim("backup", 0, run_id="r1")
    begun = replace(await cluster.active("backup"), attempt=MOST_KEPT + 1, retried=many)
    await (await cluster.node()).save_run(begun)
    run = await cluster.active("backup")
    await cluster.set(1)
    (taken,) = await (await cluster.node("b")).take_over([TakeOver(run, cluster.at(2))])
    assert [one.number for one in taken.retried] == [*range(2, MOST_KEPT + 2)]


async def test_its_old_holder_can_neither_renew_nor_end_it(cluster) -> None:
    await cluster.enrol("backup")
    first = await cluster.claim("backup", 0, run_id="r1")
    run = await cluster.active("backup")
    await cluster.set(1)
    await (await cluster.node("b")).take_over([TakeOver(run, cluster.at(1))])
    store = await cluster.node()
    assert list(await store.renew([Holding("r1", first.token)])) == [False]
    assert not await cluster.finish(first, 0.4)
    assert (await cluster.claim("backup", 0, run_id="r1")).reason is None
    assert len(await store.audit("r1")) == 1


async def test_without_retries_it_ends_as_lost(cluster) -> None:
    await cluster.enrol("backup")
    await cluster.claim("backup", 0, run_id="r1")
    run = await cluster.active("backup")
    await cluster.set(1)
    (ended,) = await (await cluster.node("b")).take_over([TakeOver(run, None)])
    record = await (await cluster.node("b")).run("r1")
    assert ended == record, "who ends a run tells of it"
    assert list(await (await cluster.node("c")).take_over([TakeOver(run, None)])) == [None]
    assert (record.outcome, record.reason) == (Outcome.LOST, "its lease ran out on a")
    assert (await cluster.memory("backup")).active == ()


async def test_the_late_end_of_a_run_that_was_lost_is_refused(cluster) -> None:
    await cluster.enrol("backup")
    first = await cluster.claim("backup", 0, run_id="r1")
    run = await cluster.active("backup")
    await cluster.set(1)
    await (await cluster.node("b")).take_over([TakeOver(run, None)])
    assert not await cluster.finish(first, 0.4)
    assert len(await (await cluster.node()).audit("r1")) == 1


async def test_nothing_is_taken_by_a_clock_that_is_past_what_the_caller_expects(cluster) -> None:
    """It was set forward since the caller looked: the lease only seems to have run out."""
    await cluster.enrol("backup")
    await cluster.claim("backup", 0)
    run = await cluster.active("backup")
    await cluster.set(60)
    other, not_after = await cluster.node("b"), cluster.at(1)
    assert list(await other.take_over([TakeOver(run, None)], not_after)) == [None]
    assert await cluster.active("backup") == run
    await other.take_over([TakeOver(run, None)], cluster.at(60))
    assert (await cluster.memory("backup")).active == ()


async def test_no_claim_counts_a_lease_as_over_by_such_a_clock(cluster) -> None:
    await cluster.enrol("backup")
    await cluster.claim("backup", 0, run_id="r1")
    await cluster.set(60)
    denied = await cluster.claim("backup", 60, node="b", not_after=cluster.at(1))
    assert (denied.reason, denied.blocker.run_id) == (SkipReason.OVERLAP, "r1")
    granted = await cluster.claim("backup", 61, node="b", not_after=cluster.at(60))
    assert isinstance(granted, ClaimGranted)


async def test_a_valid_lease_is_not_taken(cluster) -> None:
    await cluster.enrol("backup")
    await cluster.claim("backup", 0)
    run = await cluster.active("backup")
    wishes = [TakeOver(run, cluster.at(1)), TakeOver(run, None)]
    assert list(await (await cluster.node("b")).take_over(wishes)) == [None, None]
    assert await cluster.active("backup") == run


async def test_a_run_that_was_renewed_or_taken_meanwhile_is_not_taken(cluster) -> None:
    await cluster.enrol("backup")
    await cluster.claim("backup", 0, run_id="r1")
    run = await cluster.active("backup")
    await cluster.set(1)
    for node, expected in (("b", True), ("c", False)):
        (taken,) = await (await cluster.node(node)).take_over([TakeOver(run, cluster.at(1))])
        assert (taken is not None) == expected
    assert (await cluster.active("backup")).node == "b"
    assert list(await (await cluster.node("c")).take_over([])) == []


async def test_a_stop_that_was_asked_for_reaches_the_new_holder(cluster) -> None:
    await cluster.enrol("backup")
    await cluster.claim("backup", 0, run_id="r1")
    run = await cluster.active("backup")
    await (await cluster.node("b")).ask_stop([StopAsked("r1", StopCause.CANCEL)])
    await cluster.set(1)
    await (await cluster.node("b")).take_over([TakeOver(run, cluster.at(1))])
    view = await (await cluster.node("b")).beat(word_of("b"), None)
    assert [(stop.run_id, stop.cause) for stop in view.stops] == [("r1", StopCause.CANCEL)]


async def test_the_next_run_s_token_is_higher_still(cluster) -> None:
    await cluster.enrol("backup")
    await cluster.claim("backup", 0)
    run = await cluster.active("backup")
    await cluster.set(1)
    (taken,) = await (await cluster.node("b")).take_over([TakeOver(run, cluster.at(1))])
    await cluster.set(5)
    assert (await cluster.claim("backup", 5)).token == taken.token + 1
