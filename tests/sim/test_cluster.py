"""Clusters of two to five nodes through nights of every trouble; on all cores."""

import time
from concurrent.futures import wait
from functools import partial

import pytest

from tests.sim.cluster.faults import KINDS
from tests.sim.cluster.nights import Night, night, replay, verdict

SEEDS_A_TEST = 25
TESTS = 20  # 500 nights: between two and three minutes on two cores
# All tests together may take a quarter of an hour. Where the machine is so slow that nights
# are still to come after this, those are left out, and a skip says so.
ENOUGH_S = 360.0
BEGAN_S = time.monotonic()
TOO_SLOW = "this machine is too slow for all nights beside all tests; make test ARGS=tests/sim"


@pytest.mark.timeout(ENOUGH_S + 60)
@pytest.mark.parametrize("first", range(0, SEEDS_A_TEST * TESTS, SEEDS_A_TEST))
def test_nights_of_every_trouble_break_no_promise(pool, first):
    """Each seed is a night of 24 hours with three faults an hour, most at the worst instant."""
    if (left_s := BEGAN_S + ENOUGH_S - time.monotonic()) < 0:
        pytest.skip(TOO_SLOW)
    nights = [pool.submit(replay, seed) for seed in range(first, first + SEEDS_A_TEST)]
    done, late = wait(nights, left_s)
    for one in late:
        one.cancel()
    broken = [one.result() for one in nights if one in done]
    assert [complaints for complaints in broken if complaints] == []
    if late:
        pytest.skip(TOO_SLOW)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", KINDS)
def test_a_night_of_one_trouble_breaks_no_promise(pool, kind):
    plan = Night(hours=8, kinds=(kind,), faults_an_hour=6)
    broken = pool.map(partial(replay, plan=plan), range(1000, 1004))
    assert [complaints for complaints in broken if complaints] == []


def test_a_quiet_night_starts_what_is_wanted():
    """Otherwise a cluster that starts nothing would pass every check."""
    world = night(7, Night(kinds=()))
    assert not verdict(world)
    assert {process.run.job for process in world.journal.processes} == set(world.jobs)


def test_every_node_gets_its_share():
    """Otherwise one node that starts everything would pass, too."""
    world = night(8, Night(kinds=()))
    assert {process.node for process in world.journal.processes} == set(world.names)


def test_the_same_seed_is_the_same_night():
    """A failing seed is worth nothing if it cannot be replayed."""
    first, second = (
        [(p.run.run_id, p.node, p.started_s, p.ended_s) for p in night(3).journal.processes]
        for _ in range(2)
    )
    assert first == second
