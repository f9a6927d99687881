"""Skips in a row that nobody asked for: counted over reasons and nodes, ended by a start."""

from datetime import timedelta
from typing import Any

import pytest

from jobd.core import events as ev
from jobd.core.cluster import ClusterView
from jobd.core.ledger import Skip, SkipReason, TickRange, TickRecord

WANTED = (SkipReason.PAUSED, SkipReason.DRAINING, SkipReason.DUTY)


@pytest.fixture
def skip(node: Any, make: Any) -> Any:
    """Return a function that skips ticks of this minute, and of those before it."""

    def skip(minute: int, reason: SkipReason, count: int = 1) -> None:
        last = make.NOW + timedelta(minutes=minute)
        ticks = TickRange("backup", last - timedelta(minutes=count - 1), last, count)
        node.observe(ev.SkipsRecorded((Skip(ticks, reason),)))

    return skip


async def shown(node: Any) -> float:
    return float((await node.samples()).value("jobd_job_skips_in_a_row"))


async def test_they_are_counted_whatever_the_reasons(node: Any, skip: Any) -> None:
    skip(1, SkipReason.POOL)
    skip(2, SkipReason.PRESSURE)
    skip(3, SkipReason.OVERLAP)
    assert await shown(node) == 3


async def test_ticks_that_were_missed_together_count_one_by_one(node: Any, skip: Any) -> None:
    skip(60, SkipReason.MISFIRE, count=60)
    assert await shown(node) == 60


async def test_a_tick_that_starts_ends_them(node: Any, make: Any, skip: Any) -> None:
    skip(1, SkipReason.POOL)
    node.observe(make.granted(fire_time=make.NOW + timedelta(minutes=2)))
    assert await shown(node) == 0


@pytest.mark.parametrize("reason", WANTED)
async def test_a_skip_that_was_asked_for_ends_them(node: Any, skip: Any, reason: Any) -> None:
    """An operator's pause, a drain and max_duty are what somebody wanted: no alarm."""
    skip(1, SkipReason.POOL)
    skip(2, reason)
    assert await shown(node) == 0


async def test_those_of_other_nodes_count(node: Any, make: Any, skip: Any) -> None:
    skip(1, SkipReason.POOL)
    last = make.NOW + timedelta(minutes=3)
    ticks = TickRange("backup", last - timedelta(minutes=1), last, 2)
    record = TickRecord(ticks, SkipReason.NO_NODE, None, "", None, last, "app2")
    node.observe(ev.ClusterSeen(ClusterView(last, (), decided=(record,)), 0.0, False))
    assert await shown(node) == 3


async def test_what_is_told_twice_counts_once(node: Any, skip: Any) -> None:
    skip(1, SkipReason.POOL)
    skip(1, SkipReason.POOL)
    assert await shown(node) == 1
