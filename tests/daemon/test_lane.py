"""The lane: order, neighbours of a kind, and when it is drained."""

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobd.daemon.lane import Lane


async def test_neighbours_of_a_kind_are_taken_together() -> None:
    lane = Lane[object]()
    for item in (1, 2, "a", 3):
        lane.put(item)
    assert [await lane.take(), await lane.take(), await lane.take()] == [[1, 2], ["a"], [3]]


@given(st.lists(st.one_of(st.integers(), st.text(), st.booleans())))
def test_nothing_is_lost_and_nothing_overtakes(items: list[object]) -> None:
    async def drive() -> list[object]:
        lane, seen = Lane[object](), []
        for item in items:
            lane.put(item)
        while len(seen) < len(items):
            seen.extend(await lane.take())
        return seen

    assert anyio.run(drive) == items


async def test_taking_waits_for_an_item() -> None:
    lane, taken = Lane[int](), []

    async def take() -> None:
        taken.extend(await lane.take())

    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(take)
            await anyio.lowlevel.checkpoint()
            lane.put(1)
    assert taken == [1]


async def test_an_empty_lane_is_drained() -> None:
    lane = Lane[int]()
    with anyio.fail_after(10):
        await lane.drained()
    assert lane.is_idle


async def test_what_is_under_way_is_not_drained() -> None:
    """A stop that took it for done would lose a run's end."""
    lane = Lane[int]()
    lane.put(1)
    await lane.take()
    with anyio.move_on_after(0.01) as bound:
        await lane.drained()
    assert (bound.cancelled_caught, lane.is_idle) == (True, False)


@pytest.mark.parametrize("late", [False, True])
async def test_it_is_drained_only_when_the_last_is_done(late: bool) -> None:
    lane = Lane[object]()
    lane.put(1)
    await lane.take()
    if late:
        lane.put("came meanwhile")
    lane.done()
    assert lane.is_idle is not late
