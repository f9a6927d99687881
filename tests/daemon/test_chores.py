"""Chores: the store's health is told when it changes; history and output go together."""

import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest

from jobd.config.model import StoreSettings
from jobd.core.claim import ClaimRequest, Demand, Trigger
from jobd.core.job import Overlap
from jobd.daemon import chores as module
from jobd.daemon.chores import Chores
from jobd.daemon.outputs import Outputs
from jobd.ports import Enrolment
from jobd.web.node import StoreHealth
from tests.daemon.fakes import NOON, FakeClock, FakeStore, finish_of, keep_output, run_of, until

SETTINGS = StoreSettings("sqlite", timedelta(minutes=1), timedelta(days=30), 1000, True)


class Desk:
    """Chores over a store, and what they told."""

    def __init__(self, store: FakeStore, clock: FakeClock, outputs: Outputs) -> None:
        self.store, self.clock, self.outputs = store, clock, outputs
        self.settings = SETTINGS
        self.told: list[StoreHealth] = []
        self.active: set[str] = set()
        self.chores = Chores(
            store, None, clock, outputs, self.active, lambda: self.settings, self.told.append
        )

    async def ended_run(self, run_id: str, minute: int) -> Path:
        """Let a run be over, and return where its output is."""
        at = NOON + timedelta(minutes=minute)
        await self.store.enrol([Enrolment("a", "*")], NOON - timedelta(days=1))
        demand = Demand(Overlap.SKIP)
        wish = ClaimRequest(run_id, "a", at, Trigger.SCHEDULE, demand, settled_until=at)
        (granted,) = await self.store.claim([wish], "app1", at)
        end = finish_of(run_of("a", run_id, token=granted.token, fire_time=at))
        await self.store.finish([replace(end, record=replace(end.record, ended_at=at))])
        keep_output(self.outputs.path(run_id, 1), b"x")
        return self.outputs.path(run_id, 1)

    def output(self, run_id: str, age: timedelta = SETTINGS.keep_runs * 2) -> Path:
        """Leave an output of a run that the store does not know."""
        path = self.outputs.path(run_id, 1)
        keep_output(path, b"x")
        written_s = (self.clock.now() - age).timestamp()
        os.utime(path, (written_s, written_s))
        return path


@pytest.fixture
def desk(store: FakeStore, clock: FakeClock, tmp_path: Path) -> Desk:
    return Desk(store, clock, Outputs(tmp_path))


async def test_a_store_that_is_well_is_not_talked_about(desk: Desk) -> None:
    await desk.chores.ping()
    assert (desk.told, desk.chores.health.is_up) == ([], True)


async def test_a_store_that_goes_and_comes_is_told_twice(desk: Desk) -> None:
    for is_down in (False, True, True, True, False, False):
        desk.store.is_down = is_down
        await desk.chores.ping()
        desk.clock.pass_time(5)
    down = NOON + timedelta(seconds=5)
    assert desk.told == [StoreHealth(False, "the disk is gone", down), StoreHealth(True, "", None)]


async def test_a_full_disk_is_told_although_the_store_answers(desk: Desk) -> None:
    desk.store.history_trouble = "disk full"
    await desk.chores.ping()
    await desk.chores.ping()
    assert desk.told == [StoreHealth(True, "disk full", NOON)]


async def test_new_words_for_an_old_trouble_keep_its_beginning(desk: Desk) -> None:
    desk.store.history_trouble = "disk full"
    await desk.chores.ping()
    desk.clock.pass_time(60)
    desk.store.history_trouble = "disk full, 7 runs owed"
    await desk.chores.ping()
    assert desk.chores.health == StoreHealth(True, "disk full, 7 runs owed", NOON)


async def test_silence_is_counted_on_the_clock_that_nobody_sets(desk: Desk) -> None:
    await desk.chores.ping()
    desk.clock.set_wall(86400)
    desk.clock.pass_time(7)
    assert desk.chores.silence() == timedelta(seconds=7)


async def test_a_store_that_does_not_answer_stays_silent(desk: Desk) -> None:
    desk.store.is_down = True
    desk.clock.pass_time(7)
    await desk.chores.ping()
    assert desk.chores.silence() == timedelta(seconds=7)


async def test_history_goes_with_its_output(desk: Desk) -> None:
    old, young = await desk.ended_run("aa11", 0), await desk.ended_run("aa22", 10)
    desk.settings = replace(SETTINGS, keep_runs_per_job=1)
    await desk.chores.prune()
    assert (old.exists(), young.exists()) == (False, True)
    assert await desk.store.run("aa11") is None


async def test_retention_counts_from_now(desk: Desk) -> None:
    old, young = await desk.ended_run("aa11", 0), await desk.ended_run("aa22", 10)
    desk.clock.pass_time((SETTINGS.keep_runs + timedelta(minutes=5)).total_seconds())
    await desk.chores.prune()
    assert (old.exists(), young.exists()) == (False, True)


async def test_retention_follows_a_reload(desk: Desk) -> None:
    old = await desk.ended_run("aa11", 0)
    desk.clock.pass_time(7200)
    await desk.chores.prune()
    assert old.exists()
    desk.settings = replace(SETTINGS, keep_runs=timedelta(hours=1))
    await desk.chores.prune()
    assert not old.exists()


async def test_output_of_a_run_that_the_store_never_knew_is_swept_when_it_is_old(
    desk: Desk, log: list[Any]
) -> None:
    """The disk was full when it ran: no history row will ever take the file with it."""
    old, young = desk.output("aa11"), desk.output("bb22", SETTINGS.keep_runs / 2)
    await desk.chores.prune()
    assert (old.exists(), young.exists()) == (False, True)
    assert [(r["event"], r["runs"]) for r in log] == [("output of unknown runs deleted", 1)]


async def test_old_output_of_an_active_run_is_kept(desk: Desk) -> None:
    """It lasts for months and said nothing since its first minute; the disk is full or not."""
    path = desk.output("aa11")
    desk.active.add("aa11")
    await desk.chores.prune()
    assert path.exists()


async def test_old_output_of_a_run_that_the_store_keeps_is_kept(desk: Desk) -> None:
    """It wrote nothing in the last month before its end."""
    path = await desk.ended_run("aa11", 0)
    desk.output("aa11")
    await desk.chores.prune()
    assert path.exists()


async def test_a_known_run_s_id_does_not_keep_the_output_of_its_prefix(desk: Desk) -> None:
    known, stranger = await desk.ended_run("aa112", 0), desk.output("aa11")
    await desk.chores.prune()
    assert (known.exists(), stranger.exists()) == (True, False)


async def test_a_store_in_trouble_does_not_make_strangers_of_its_runs(desk: Desk) -> None:
    """It may owe to the file what it knows."""
    path = desk.output("aa11")
    desk.store.history_trouble = "disk full"
    await desk.chores.prune()
    assert path.exists()


async def test_a_silent_store_postpones_retention(desk: Desk, log: list[Any]) -> None:
    desk.store.is_down = True
    await desk.chores.prune()
    assert [record["event"] for record in log] == ["history not pruned; next try in an hour"]


async def test_both_chores_come_back_for_ever(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for pause in ("PING_S", "PRUNE_S", "FIRST_PRUNE_S"):
        monkeypatch.setattr(module, pause, 0.001)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(desk.chores.keep_pinging)
        tasks.start_soon(desk.chores.keep_pruning)
        calls = desk.store.calls
        await until(lambda: calls.count("ping") >= 3 and calls.count("prune") >= 3)
        tasks.cancel_scope.cancel()


async def test_how_long_the_store_takes_to_answer_is_known(desk: Desk) -> None:
    await desk.chores.ping()
    well = desk.chores.health.latency_s
    desk.store.is_down = True
    await desk.chores.ping()
    assert (well, desk.chores.health.latency_s) == (0.0, None)
