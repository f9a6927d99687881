"""Pools: slots that runs of several jobs share, on all nodes."""

from jobd.core.claim import ClaimGranted, PoolDemand
from jobd.core.job import Overlap
from jobd.core.ledger import SkipReason
from jobd.ports.shared_store import Batch
from tests.store.shared import word_of

TWO = PoolDemand("database", 2)


async def test_a_pool_grants_its_slots_and_no_more(cluster) -> None:
    await cluster.enrol("a", "b", "c")
    answers = [await cluster.claim(job, 0, pool=TWO, node=job) for job in ("a", "b", "c")]
    assert [isinstance(answer, ClaimGranted) for answer in answers] == [True, True, False]
    assert (answers[2].reason, answers[2].settled) == (SkipReason.POOL, False)


async def test_one_batch_counts_its_own_grants(cluster) -> None:
    await cluster.enrol("a", "b", "c", "d")
    wishes = tuple(cluster.wish(job, 0, pool=TWO) for job in ("a", "b", "c"))
    wishes += (cluster.wish("d", 0, pool=PoolDemand("another", 1)),)
    done = await (await cluster.node()).settle(Batch(claims=wishes))
    assert [isinstance(one, ClaimGranted) for one in done.answers] == [True, True, False, True]


async def test_a_run_takes_as_many_slots_as_it_says(cluster) -> None:
    await cluster.enrol("a", "b")
    assert isinstance(await cluster.claim("a", 0, pool=PoolDemand("database", 3, 2)), ClaimGranted)
    answer = await cluster.claim("b", 0, pool=PoolDemand("database", 3, 2))
    assert answer.reason is SkipReason.POOL
    run = await cluster.active("a")
    assert (run.pool, run.slots) == ("database", 2)


async def test_an_end_gives_slots_back(cluster) -> None:
    await cluster.enrol("a", "b")
    run = await cluster.claim("a", 0, pool=PoolDemand("database", 1))
    await cluster.finish(run, 0.1)
    assert isinstance(await cluster.claim("b", 0, pool=PoolDemand("database", 1)), ClaimGranted)


async def test_a_lease_that_ran_out_takes_no_slots(cluster) -> None:
    await cluster.enrol("a", "b")
    await cluster.claim("a", 0, pool=PoolDemand("database", 1))
    await cluster.set(0.5)
    view = await (await cluster.node("b")).beat(word_of("b"), None)
    assert dict(view.pools) == {}
    blocked = await cluster.claim(
        "b", 0, pool=PoolDemand("database", 1), node="b", takes_over=False
    )
    assert blocked.reason is SkipReason.POOL
    taken = await cluster.claim("b", 0, pool=PoolDemand("database", 1), node="b")
    assert isinstance(taken, ClaimGranted)


async def test_a_tick_that_waits_for_a_pool_stays_open(cluster) -> None:
    await cluster.enrol("a", "b")
    run = await cluster.claim("a", 0, pool=PoolDemand("database", 1))
    await cluster.claim("b", 0, pool=PoolDemand("database", 1), settled=0)
    assert list(await (await cluster.node()).ticks("b")) == []
    await cluster.finish(run, 0.1)
    assert isinstance(await cluster.claim("b", 0, pool=PoolDemand("database", 1)), ClaimGranted)


async def test_runs_of_one_job_share_its_pool(cluster) -> None:
    await cluster.enrol("a")
    wish = {"pool": TWO, "overlap": Overlap.ALLOW, "max_instances": 9}
    answers = [await cluster.claim("a", minute, **wish) for minute in (1, 2, 3)]
    assert [isinstance(answer, ClaimGranted) for answer in answers] == [True, True, False]


async def test_a_beat_tells_what_is_taken(cluster) -> None:
    await cluster.enrol("a", "b", "c")
    await cluster.claim("a", 0, pool=PoolDemand("database", 4, 3))
    await cluster.claim("b", 0, pool=PoolDemand("network", 4))
    await cluster.claim("c", 0)
    view = await (await cluster.node()).beat(word_of("a"), None)
    assert dict(view.pools) == {"database": 3, "network": 1}
