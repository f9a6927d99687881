"""One node through thousands of hours of crashes, clock jumps and silent stores."""

import pytest

from tests.sim.nights import KINDS, night, verdict

SEEDS_A_TEST = 10
TESTS = 10


def broken_in(seed: int, kinds: tuple[str, ...] = KINDS) -> list[str]:
    return verdict(night(seed, kinds=kinds))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("first", range(0, SEEDS_A_TEST * TESTS, SEEDS_A_TEST))
def test_nights_of_every_trouble_break_no_promise(pool, first):
    """Each seed is a night of 24 hours with two faults an hour; 2,400 hours in all."""
    broken = pool.map(broken_in, range(first, first + SEEDS_A_TEST))
    assert [complaints for complaints in broken if complaints] == []


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", KINDS)
def test_a_night_of_one_trouble_breaks_no_promise(pool, kind):
    broken = pool.map(broken_in, range(1000, 1005), [(kind,)] * 5)
    assert [complaints for complaints in broken if complaints] == []


def test_a_quiet_night_starts_what_is_wanted():
    """Otherwise a scheduler that starts nothing would pass every check."""
    world = night(7, kinds=())
    assert not verdict(world)
    assert {process.run.job for process in world.journal} == set(world.jobs) - {"manual"}


def test_the_same_seed_is_the_same_night():
    """A failing seed is worth nothing if it cannot be replayed."""
    first, second = (
        [(p.run.run_id, p.started_s, p.ended_s) for p in night(3).journal] for _ in range(2)
    )
    assert first == second
