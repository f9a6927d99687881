"""Windows: what happened in a stretch of time, gathered by its cells."""

from typing import Any

import pytest

from jobd.core.ledger import SkipReason
from jobd.core.outcome import Outcome
from jobd.ports import RunCell, SkipCell, Window
from tests.store.shared import in_order

HOUR = 60


def window(scene: Any, first: float, last: float, *jobs: str, cells: int = 60) -> Window:
    """Return the minutes from ``first`` to ``last``; without jobs, the lanes are nodes."""
    return Window(scene.at(first), scene.at(last), cells, jobs or None)


async def runs_in(scene: Any, wanted: Window) -> list[RunCell]:
    return [*in_order(await scene.store.happened(wanted)).runs]


async def skips_in(scene: Any, wanted: Window) -> list[SkipCell]:
    return [*in_order(await scene.store.happened(wanted)).skips]


@pytest.mark.parametrize(("jobs", "lane"), [(("backup",), "backup"), ((), "app1")])
async def test_a_run_that_is_alone_in_its_cell_is_told_whole(
    scene, jobs: tuple[str, ...], lane: str
) -> None:
    await scene.enrol("backup")
    await scene.pass_through("backup", 7, run_id="a")
    found = await runs_in(scene, window(scene, 0, HOUR, *jobs))
    assert found == [RunCell(lane, 7, "success", 1, scene.at(7), scene.at(7.5), 30.0, 30.0, "a")]


async def test_runs_of_one_cell_that_came_out_alike_are_one(scene) -> None:
    """However many there are, the answer is no longer than the cells are many."""
    await scene.enrol("backup")
    for minute in range(10):
        await scene.pass_through("backup", minute, run_id=f"r{minute}")
    (found,) = await runs_in(scene, window(scene, 0, HOUR, "backup", cells=1))
    assert (found.runs, found.took_s, found.longest_s) == (10, 300.0, 30.0)
    assert (found.begun, found.ended) == (scene.at(0), scene.at(9.5))


async def test_a_failure_is_not_lost_among_successes(scene) -> None:
    await scene.enrol("backup")
    await scene.pass_through("backup", 1)
    failing = await scene.claim("backup", 2, run_id="bad")
    await scene.finish(failing, 3, outcome=Outcome.FAILURE)
    found = await runs_in(scene, window(scene, 0, HOUR, "backup", cells=1))
    assert [(cell.outcome, cell.runs) for cell in found] == [("failure", 1), ("success", 1)]


@pytest.mark.parametrize("jobs", [("backup",), ()])
async def test_an_active_run_has_no_end(scene, jobs: tuple[str, ...]) -> None:
    await scene.enrol("backup")
    await scene.claim("backup", 5, run_id="a")
    (found,) = await runs_in(scene, window(scene, 0, HOUR, *jobs))
    assert (found.outcome, found.begun, found.ended) == ("active", scene.at(5), None)
    assert (found.took_s, found.longest_s) == (0.0, 0.0)


@pytest.mark.parametrize("jobs", [("backup",), ()])
@pytest.mark.parametrize(
    ("first", "last", "cell"),
    [
        (0, 15, 40),  # it ends within
        (0, 11, 54),  # it goes on after it
        (12, 30, -1),  # it began before it
        (11, 14, -1),  # it is longer than the window
        (0, 10, None),  # it begins where the window ends
        (21, 30, None),
    ],
)
async def test_a_run_is_in_the_window_if_it_was_active_in_it(
    scene, jobs: tuple[str, ...], first: int, last: int, cell: int | None
) -> None:
    await scene.enrol("backup")
    run = await scene.claim("backup", 10)
    await scene.finish(run, 20 if last != 15 else 14)
    found = await runs_in(scene, window(scene, first, last, *jobs))
    assert [each.cell for each in found] == ([] if cell is None else [cell])


async def test_lanes_of_jobs_are_told_apart_and_others_left_out(scene) -> None:
    await scene.enrol("backup", "poll", "idle")
    for job in ("backup", "poll", "idle"):
        await scene.pass_through(job, 1)
    found = await runs_in(scene, window(scene, 0, HOUR, "poll", "idle", "nobody"))
    assert [cell.lane for cell in found] == ["idle", "poll"]
    assert await runs_in(scene, Window(scene.at(0), scene.at(HOUR), 60, ())) == []


async def test_a_node_s_lane_has_the_runs_of_all_its_jobs(scene) -> None:
    await scene.enrol("backup", "poll")
    await scene.pass_through("backup", 1)
    await scene.pass_through("poll", 1)
    (found,) = await runs_in(scene, window(scene, 0, HOUR))
    assert (found.lane, found.runs) == ("app1", 2)


async def test_a_skip_is_told_with_its_reason_and_what_was_in_the_way(scene) -> None:
    await scene.enrol("backup")
    await scene.skip(
        scene.skip_of("backup", 3, reason=SkipReason.OVERLAP, detail="é", blocker="a1")
    )
    found = await skips_in(scene, window(scene, 0, HOUR, "backup"))
    at = scene.at(3)
    assert found == [SkipCell("backup", 3, SkipReason.OVERLAP, 1, at, at, "é", "a1")]


async def test_a_tick_that_was_started_is_no_skip(scene) -> None:
    await scene.enrol("backup")
    await scene.pass_through("backup", 3)
    assert await skips_in(scene, window(scene, 0, HOUR, "backup")) == []


async def test_skips_of_one_cell_are_one_for_each_reason(scene) -> None:
    await scene.enrol("backup")
    for minute, reason in ((1, "overlap"), (2, "paused"), (3, "overlap")):
        await scene.skip(scene.skip_of("backup", minute, reason=SkipReason(reason)))
    found = await skips_in(scene, window(scene, 0, HOUR, "backup", cells=1))
    told = [(cell.reason.value, cell.ticks, cell.first, cell.last) for cell in found]
    at = scene.at
    assert told == [("overlap", 2, at(1), at(3)), ("paused", 1, at(2), at(2))]


@pytest.mark.parametrize(
    ("first", "last", "cells"),
    [(0, 60, [10]), (15, 60, [-1]), (0, 15, [40]), (20, 60, [-1]), (21, 60, []), (0, 10, [])],
)
async def test_a_range_of_skips_is_in_every_window_that_it_touches(
    scene, first: int, last: int, cells: list[int]
) -> None:
    await scene.enrol("backup")
    await scene.skip(scene.skip_of("backup", 10, 20, count=11))
    found = await skips_in(scene, window(scene, first, last, "backup"))
    assert [cell.cell for cell in found] == cells
    assert all(cell.ticks == 11 for cell in found)


async def test_in_a_node_s_lane_skips_are_where_it_decided_them(scene) -> None:
    await scene.enrol("backup", "poll")
    await scene.skip(scene.skip_of("backup", 1), scene.skip_of("poll", 2), minute=5)
    await scene.skip(scene.skip_of("poll", 3), minute=70)
    (found,) = await skips_in(scene, window(scene, 0, HOUR))
    assert (found.lane, found.cell, found.ticks, found.first) == ("app1", 5, 2, scene.at(5))
