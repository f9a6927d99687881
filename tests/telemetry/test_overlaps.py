"""Overlaps in a row: counted over all nodes, warned of once, by the node that decided the last."""

from datetime import timedelta
from typing import Any

import pytest

from jobd.core import events as ev
from jobd.core.cluster import ClusterView
from jobd.core.ledger import SkipReason, TickRange, TickRecord

MINUTE = timedelta(minutes=1)


@pytest.fixture
def tick(make: Any) -> Any:
    """Return a function from minutes to a tick's fire time."""
    return lambda minute: make.NOW + minute * MINUTE


@pytest.fixture
def overlap(node: Any, make: Any, tick: Any) -> Any:
    """Return a function that lets this node skip the ticks of some minutes as overlaps."""

    def skip(*minutes: int) -> None:
        for minute in minutes:
            wish = {"blocker": make.run("r0"), "fire_time": tick(minute)}
            node.observe(make.denied(SkipReason.OVERLAP, settled=True, **wish))

    return skip


def seen(tick: Any, minute: int, reason: SkipReason | None) -> ev.ClusterSeen:
    """Return a view of what another node has decided."""
    ticks = TickRange("backup", tick(minute), tick(minute), 1)
    record = TickRecord(ticks, reason, None, "", None, tick(minute), "app2")
    return ev.ClusterSeen(ClusterView(tick(minute), (), decided=(record,)), 0.0, False)


async def shown(node: Any) -> float:
    return float((await node.samples()).value("jobd_job_overlaps_in_a_row"))


async def test_they_are_counted(node: Any, overlap: Any) -> None:
    overlap(1, 2)
    assert (await shown(node), node.warned) == (2, [])


async def test_of_three_one_warning_is_given(node: Any, overlap: Any) -> None:
    overlap(1, 2, 3, 4, 5)
    assert (await shown(node), node.warned) == (5, ["backup"])


async def test_a_tick_that_starts_begins_the_count_anew(
    node: Any, make: Any, overlap: Any, tick: Any
) -> None:
    overlap(1, 2, 3)
    node.observe(make.granted(fire_time=tick(4)))
    assert await shown(node) == 0


async def test_a_job_that_is_always_too_slow_is_warned_of_once(
    node: Any, make: Any, overlap: Any, tick: Any
) -> None:
    overlap(1, 2, 3)
    node.observe(make.granted(fire_time=tick(4)))
    overlap(5, 6, 7)
    assert node.warned == ["backup"]


async def test_one_that_was_well_in_between_is_warned_of_again(
    node: Any, make: Any, overlap: Any, tick: Any
) -> None:
    overlap(1, 2, 3)
    for minute in (4, 5):
        node.observe(make.granted(fire_time=tick(minute)))
    overlap(6, 7, 8)
    assert node.warned == ["backup", "backup"]


async def test_so_does_a_skip_for_another_reason(node: Any, overlap: Any, make: Any) -> None:
    overlap(-3, -2)
    node.observe(make.skipped(SkipReason.PAUSED))
    assert await shown(node) == 0


async def test_a_run_by_hand_does_not(node: Any, overlap: Any, make: Any) -> None:
    overlap(1, 2)
    node.observe(make.manual())
    assert await shown(node) == 2


async def test_a_claim_that_waits_decides_nothing(node: Any, make: Any, tick: Any) -> None:
    for minute in (1, 2, 3):
        wish = {"blocker": make.run("r0"), "fire_time": tick(minute)}
        node.observe(make.denied(SkipReason.OVERLAP, settled=False, **wish))
    assert await shown(node) == 0


async def test_overlaps_on_other_nodes_count_and_are_theirs_to_warn_of(
    node: Any, overlap: Any, tick: Any
) -> None:
    overlap(1, 2)
    node.observe(seen(tick, 3, SkipReason.OVERLAP))
    assert (await shown(node), node.warned) == (3, [])


async def test_a_start_on_another_node_begins_the_count_anew(
    node: Any, overlap: Any, tick: Any
) -> None:
    overlap(1, 2)
    node.observe(seen(tick, 3, None))
    assert await shown(node) == 0


async def test_what_views_tell_again_is_counted_once(node: Any, tick: Any) -> None:
    for _ in range(3):
        node.observe(seen(tick, 1, SkipReason.OVERLAP))
    assert await shown(node) == 1
