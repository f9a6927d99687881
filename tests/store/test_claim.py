"""Claims: every store decides who may run, and remembers what it said."""

import pytest

from jobd.core.claim import ClaimGranted, Pause, PoolDemand
from jobd.core.job import Overlap
from jobd.core.ledger import SkipReason
from jobd.ports import RunFilter
from tests.store.conftest import SINGLE

NODE = "app1"


async def test_a_tick_of_an_idle_job_is_granted(scene) -> None:
    await scene.enrol("backup")
    answer = await scene.claim("backup", 1)
    assert isinstance(answer, ClaimGranted)
    assert (answer.token, answer.claimed_at) == (1, scene.at(1))


async def test_a_granted_tick_is_in_the_ledger_as_started(scene) -> None:
    await scene.enrol("backup")
    answer = await scene.claim("backup", 1)
    (row,) = await scene.store.ticks("backup")
    assert (row.ticks.first, row.ticks.count, row.reason) == (scene.at(1), 1, None)
    assert (row.run_id, row.node) == (answer.request.run_id, NODE)


async def test_a_decided_tick_is_not_decided_again(scene) -> None:
    await scene.enrol("backup")
    await scene.pass_through("backup", 1)
    answer = await scene.claim("backup", 1, now=5)
    assert (answer.reason, answer.settled) == (None, True)


async def test_a_skipped_tick_is_not_granted_afterwards(scene) -> None:
    await scene.enrol("backup")
    await scene.skip(scene.skip_of("backup", 1))
    answer = await scene.claim("backup", 1)
    assert (answer.reason, answer.settled) == (None, True)


async def test_a_tick_inside_a_skipped_range_is_decided(scene) -> None:
    await scene.enrol("backup")
    await scene.skip(scene.skip_of("backup", 1, 10, count=10))
    answer = await scene.claim("backup", 7)
    assert (answer.reason, answer.settled) == (None, True)


async def test_a_tick_between_two_decided_ones_is_still_free(scene) -> None:
    """A tick that waited may be asked for after later ones were decided."""
    await scene.enrol("backup")
    await scene.skip(scene.skip_of("backup", 1, 3, count=3), scene.skip_of("backup", 5))
    assert isinstance(await scene.claim("backup", 4), ClaimGranted)


async def test_a_lost_answer_is_found_again_by_the_run_id(scene) -> None:
    """The daemon repeats a claim after a time-out; it must get the run it already has."""
    await scene.enrol("backup")
    first = await scene.claim("backup", 1, run_id="r1")
    again = await scene.claim("backup", 1, run_id="r1", now=3)
    assert (again.token, again.claimed_at) == (first.token, first.claimed_at)


async def test_a_repeated_claim_leaves_one_run(scene) -> None:
    await scene.enrol("backup")
    for now in (1, 2):
        await scene.claim("backup", 1, run_id="r1", now=now)
    assert len(await scene.store.runs(RunFilter())) == 1


async def test_a_repeated_claim_of_an_ended_run_is_not_granted(scene) -> None:
    await scene.enrol("backup")
    run = await scene.claim("backup", 1, run_id="r1")
    await scene.finish(run, 2)
    answer = await scene.claim("backup", 1, run_id="r1", now=3)
    assert (answer.reason, answer.settled) == (None, True)


async def test_a_repeated_claim_by_hand_is_granted_once(scene) -> None:
    await scene.enrol("backup")
    first = await scene.claim("backup", None, run_id="r1")
    again = await scene.claim("backup", None, run_id="r1")
    assert first.token == again.token == 1


async def test_a_repeated_claim_by_hand_of_an_ended_run_does_not_run_again(scene) -> None:
    await scene.enrol("backup")
    await scene.finish(await scene.claim("backup", None, run_id="r1"), 1)
    answer = await scene.claim("backup", None, run_id="r1", now=2)
    assert (answer.reason, answer.settled) == (None, True)


async def test_overlap_skip_settles_the_tick(scene) -> None:
    await scene.enrol("backup")
    first = await scene.claim("backup", 1)
    answer = await scene.claim("backup", 2)
    assert (answer.reason, answer.settled) == (SkipReason.OVERLAP, True)
    assert answer.blocker.run_id == first.request.run_id


async def test_a_tick_skipped_by_overlap_names_its_blocker_in_the_ledger(scene) -> None:
    await scene.enrol("backup")
    first = await scene.claim("backup", 1)
    await scene.claim("backup", 2)
    row = (await scene.store.ticks("backup"))[0]
    assert (row.reason, row.blocker) == (SkipReason.OVERLAP, first.request.run_id)
    assert row.run_id is None


async def test_queue_and_replace_leave_a_blocked_tick_open(scene) -> None:
    await scene.enrol("backup")
    await scene.claim("backup", 1)
    for overlap in (Overlap.QUEUE, Overlap.REPLACE):
        answer = await scene.claim("backup", 2, overlap=overlap)
        assert (answer.reason, answer.settled) == (SkipReason.OVERLAP, False)
    assert len(await scene.store.ticks("backup")) == 1


async def test_a_queued_tick_is_granted_once_the_prior_run_has_ended(scene) -> None:
    await scene.enrol("backup")
    first = await scene.claim("backup", 1)
    await scene.claim("backup", 2, overlap=Overlap.QUEUE)
    await scene.finish(first, 3)
    assert isinstance(await scene.claim("backup", 2, now=3, overlap=Overlap.QUEUE), ClaimGranted)


async def test_allow_grants_up_to_max_instances(scene) -> None:
    await scene.enrol("poll")
    answers = [
        await scene.claim("poll", minute, overlap=Overlap.ALLOW, max_instances=2)
        for minute in (1, 2, 3)
    ]
    assert [isinstance(answer, ClaimGranted) for answer in answers] == [True, True, False]


async def test_the_oldest_active_run_is_the_blocker(scene) -> None:
    await scene.enrol("poll")
    first = await scene.claim("poll", 1, overlap=Overlap.ALLOW, max_instances=2)
    await scene.claim("poll", 2, overlap=Overlap.ALLOW, max_instances=2)
    denied = await scene.claim("poll", 3, overlap=Overlap.ALLOW, max_instances=2)
    assert denied.blocker.run_id == first.request.run_id


async def test_duty_settles_the_tick_and_says_until_when(scene) -> None:
    await scene.enrol("sync")
    await scene.finish(await scene.claim("sync", 1), 2, rest=10)
    answer = await scene.claim("sync", 5)
    assert (answer.reason, answer.settled, answer.until) == (SkipReason.DUTY, True, scene.at(10))


async def test_a_tick_at_the_end_of_the_rest_is_granted(scene) -> None:
    await scene.enrol("sync")
    await scene.finish(await scene.claim("sync", 1), 2, rest=10)
    assert isinstance(await scene.claim("sync", 10), ClaimGranted)


async def test_a_person_may_run_a_resting_job(scene) -> None:
    await scene.enrol("sync")
    await scene.finish(await scene.claim("sync", 1), 2, rest=10)
    assert isinstance(await scene.claim("sync", None, now=5, ignores_duty=True), ClaimGranted)


async def test_a_denied_wish_by_hand_leaves_no_trace(scene) -> None:
    await scene.enrol("backup")
    await scene.claim("backup", 1)
    answer = await scene.claim("backup", None, now=2)
    assert (answer.reason, answer.settled) == (SkipReason.OVERLAP, False)
    assert len(await scene.store.ticks("backup")) == len(await scene.store.runs(RunFilter())) == 1


async def test_tokens_grow_with_every_run_of_a_job(scene) -> None:
    await scene.enrol("backup", "poll")
    runs = [await scene.pass_through("backup", minute) for minute in (1, 2, 3)]
    other = await scene.pass_through("poll", 1)
    assert ([run.token for run in runs], other.token) == ([1, 2, 3], 1)


async def test_requests_of_one_batch_see_each_other(scene) -> None:
    """Two ticks of one job in one claim: the second meets the first as its obstacle."""
    await scene.enrol("backup")
    wishes = [scene.request("backup", 1), scene.request("backup", 2), scene.request("backup", 1)]
    first, second, third = await scene.store.claim(wishes, NODE, scene.at(2))
    assert isinstance(first, ClaimGranted)
    assert (second.reason, second.blocker.run_id) == (SkipReason.OVERLAP, first.request.run_id)
    assert (third.reason, third.settled) == (None, True)


async def test_answers_match_requests_by_position(scene) -> None:
    jobs = [f"job{n}" for n in range(50)]
    await scene.enrol(*jobs)
    wishes = [scene.request(job, 1) for job in jobs]
    answers = await scene.store.claim(wishes, NODE, scene.at(1))
    assert [answer.request for answer in answers] == wishes


async def test_a_settled_claim_carries_the_watermark(scene) -> None:
    await scene.enrol("backup")
    await scene.claim("backup", 1, settled=1)
    assert (await scene.memory("backup")).settled_until == scene.at(1)


async def test_a_claim_of_a_decided_tick_carries_the_watermark(scene) -> None:
    """After a restart the core looks at decided ticks once more, and moves on."""
    await scene.enrol("backup")
    await scene.skip(scene.skip_of("backup", 1))
    await scene.claim("backup", 1, settled=1)
    assert (await scene.memory("backup")).settled_until == scene.at(1)


async def test_a_claim_that_must_wait_does_not_move_the_watermark(scene) -> None:
    """It would say that the tick is decided, and after a crash nobody would look at it."""
    await scene.enrol("backup")
    await scene.claim("backup", 1, settled=1)
    await scene.claim("backup", 2, overlap=Overlap.QUEUE, settled=2)
    assert (await scene.memory("backup")).settled_until == scene.at(1)


@pytest.mark.parametrize("store", SINGLE, indirect=True)
async def test_the_watermark_of_a_single_node_may_go_back(scene) -> None:
    """The wall clock was set back, and the core says so."""
    await scene.enrol("backup", minute=60)
    await scene.claim("backup", 30, settled=30)
    assert (await scene.memory("backup")).settled_until == scene.at(30)


async def test_an_active_run_is_remembered_with_all_its_facts(scene) -> None:
    await scene.enrol("backup")
    run = await scene.claim("backup", None, now=1, params=(("SINCE", "2026-01-01"), ("X", "é")))
    assert (await scene.memory("backup")).active == (scene.active_run(run),)


async def test_no_requests_get_no_answers(scene) -> None:
    assert list(await scene.store.claim([], NODE, scene.at(0))) == []


async def test_text_that_is_no_unicode_does_not_stop_a_batch(scene) -> None:
    """A user name or a path can hold any bytes; Python hands them over as surrogates."""
    await scene.enrol("backup")
    skip = scene.skip_of("backup", 1, detail="paused by \udcff")
    assert await scene.skip(skip) == [1]
    assert isinstance(await scene.claim("backup", 2), ClaimGranted)


async def test_a_claim_that_fails_changes_nothing(scene) -> None:
    await scene.enrol("backup")
    wishes = [scene.request("backup", 1), scene.request("nobody", 1)]
    with pytest.raises(AssertionError, match="nobody was never enrolled"):
        await scene.store.claim(wishes, NODE, scene.at(1))
    assert (await scene.memory("backup")).active == ()
    assert (await scene.claim("backup", 1)).token == 1


async def test_a_run_id_that_is_used_twice_changes_nothing(scene) -> None:
    """A file refuses it in the middle of the transaction: memory must not run ahead."""
    await scene.enrol("backup", "poll")
    await scene.pass_through("backup", 1, run_id="same")
    with pytest.raises(AssertionError):
        await scene.claim("poll", 1, run_id="same")
    assert (await scene.memory("poll")).token == 0
    assert isinstance(await scene.claim("poll", 1), ClaimGranted)


async def test_a_paused_tick_is_skipped_though_its_node_had_not_heard(scene) -> None:
    await scene.enrol("backup")
    await scene.store.save_pause(["backup"], Pause("anna", scene.at(0), "holidays"))
    answer = await scene.claim("backup", 1)
    assert (answer.reason, answer.settled) == (SkipReason.PAUSED, True)
    (row,) = await scene.store.ticks("backup")
    assert row.detail == "paused by anna: holidays"


async def test_a_pause_that_is_over_is_in_no_tick_s_way(scene) -> None:
    await scene.enrol("backup")
    await scene.store.save_pause(["backup"], Pause("anna", scene.at(0), until=scene.at(1)))
    assert isinstance(await scene.claim("backup", 1), ClaimGranted)


async def test_a_run_by_hand_starts_in_spite_of_a_pause(scene) -> None:
    await scene.enrol("backup")
    await scene.store.save_pause(["backup"], Pause("anna", scene.at(0)))
    assert isinstance(await scene.claim("backup", None), ClaimGranted)


async def test_a_wish_to_skip_the_next_tick_is_fulfilled_once(scene) -> None:
    await scene.enrol("backup")
    await scene.store.save_skip_next("backup", Pause("anna", scene.at(0), until=scene.at(2)))
    answers = [await scene.claim("backup", minute, now=5) for minute in (1, 2)]
    assert isinstance(answers[0], ClaimGranted)
    assert (answers[1].reason, answers[1].settled) == (SkipReason.PAUSED, True)
    assert (await scene.memory("backup")).skip_next is None


async def test_a_wish_to_skip_a_tick_that_has_passed_is_forgotten(scene) -> None:
    await scene.enrol("backup")
    await scene.store.save_skip_next("backup", Pause("anna", scene.at(0), until=scene.at(2)))
    assert isinstance(await scene.claim("backup", 3), ClaimGranted)
    assert (await scene.memory("backup")).skip_next is None


async def test_a_full_pool_leaves_a_tick_open(scene) -> None:
    await scene.enrol("backup", "poll")
    await scene.claim("backup", 1, pool=PoolDemand("disk", 3, 2))
    answer = await scene.claim("poll", 1, pool=PoolDemand("disk", 3, 2))
    assert (answer.reason, answer.settled) == (SkipReason.POOL, False)
    assert list(await scene.store.ticks("poll")) == []


async def test_a_run_s_end_frees_its_slots(scene) -> None:
    await scene.enrol("backup", "poll")
    first = await scene.claim("backup", 1, pool=PoolDemand("disk", 1))
    await scene.finish(first, 2)
    assert isinstance(await scene.claim("poll", 2, pool=PoolDemand("disk", 1)), ClaimGranted)


async def test_claims_of_one_batch_share_a_pool(scene) -> None:
    await scene.enrol("backup", "poll", "sync")
    wishes = [scene.request(job, 1, pool=PoolDemand("disk", 2)) for job in scene.roll]
    answers = await scene.store.claim(wishes, NODE, scene.at(1))
    assert [isinstance(answer, ClaimGranted) for answer in answers] == [True, True, False]


async def test_an_active_run_is_known_with_its_slots(scene) -> None:
    await scene.enrol("backup")
    await scene.claim("backup", 1, pool=PoolDemand("disk", 3, 2))
    (run,) = (await scene.memory("backup")).active
    assert (run.pool, run.slots, run.lease_until) == ("disk", 2, None)
