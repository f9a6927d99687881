"""Recall: one past, whichever of the two stores knows it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from jobd.core.claim import ClaimRequest, Demand, Trigger
from jobd.core.job import Overlap
from jobd.core.ledger import Skip, SkipReason, TickRange
from jobd.daemon.recall import Recall
from jobd.errors import StoreUnavailable
from jobd.ports import AuditEntry, Enrolment, RunFilter, Window
from jobd.store.memory import MemoryStore
from tests.daemon.fakes import NOON, FakeStore, finish_of, run_of
from tests.daemon.shared import SharedMemory

LONG_AGO = NOON - timedelta(days=1)


class Desk:
    """The node's store with job "own", the shared one with job "all"."""

    def __init__(self) -> None:
        self.now = NOON
        self.local = FakeStore()
        self.shared = SharedMemory(MemoryStore(timedelta(hours=1), lambda: self.now))
        self.recall = Recall(
            self.local,
            self.shared,
            lambda job: job == "all",
        )

    async def run(self, job: str, run_id: str, minute: int) -> None:
        """Let a run be over."""
        self.now = NOON + timedelta(minutes=minute)
        store = self.shared.view if job == "all" else self.local
        await store.enrol([Enrolment(job, "*")], LONG_AGO)
        wish = ClaimRequest(run_id, job, self.now, Trigger.SCHEDULE, Demand(Overlap.SKIP))
        (granted,) = await store.claim([wish], "app1", self.now)
        end = finish_of(run_of(job, run_id, token=granted.token, fire_time=self.now))
        at = {"ended_at": self.now, "claimed_at": self.now, "duration_s": 1.0}
        assert await store.finish([replace(end, record=replace(end.record, **at))]) == [True]

    async def skip(self, job: str, count: int, *, shared: bool) -> None:
        store = self.shared.view if shared else self.local
        await store.enrol([Enrolment(job, "*")], LONG_AGO)
        skips = [
            Skip(TickRange(job, at, at, 1), SkipReason.OVERLAP)
            for at in (NOON + timedelta(hours=1 + n) for n in range(count))
        ]
        await store.skip(skips, "app1", NOON)

    async def ids(self, **wanted: object) -> list[str]:
        return [run.run_id for run in await self.recall.runs(RunFilter(**wanted))]


@pytest.fixture
async def desk() -> Desk:
    desk = Desk()
    for minute, (job, run_id) in enumerate(
        [("own", "aa1"), ("all", "bb2"), ("own", "cc3"), ("all", "dd4")]
    ):
        await desk.run(job, run_id, minute)
    return desk


@pytest.mark.parametrize("run_id", ["aa1", "dd4", "bb"])
async def test_a_run_is_found_in_either(desk: Desk, run_id: str) -> None:
    run = await desk.recall.run(run_id)
    assert run is not None
    assert run.run_id.startswith(run_id)


async def test_a_run_of_the_node_is_found_while_the_shared_store_is_away(desk: Desk) -> None:
    desk.shared.is_down = True
    assert await desk.recall.run("aa1") is not None


async def test_a_run_that_may_be_in_a_store_that_is_away_is_not_said_to_be_none(
    desk: Desk,
) -> None:
    desk.shared.is_down = True
    with pytest.raises(StoreUnavailable):
        await desk.recall.run("dd4")


async def test_runs_of_both_are_one_list_newest_first(desk: Desk) -> None:
    assert await desk.ids() == ["dd4", "cc3", "bb2", "aa1"]


async def test_no_more_runs_are_told_than_were_asked_for(desk: Desk) -> None:
    assert await desk.ids(limit=3) == ["dd4", "cc3", "bb2"]


async def test_runs_of_a_job_of_the_node_need_no_shared_store(desk: Desk) -> None:
    desk.shared.is_down = True
    assert await desk.ids(job="own") == ["cc3", "aa1"]


async def test_a_list_has_no_holes(desk: Desk) -> None:
    """It would look like the truth."""
    desk.shared.is_down = True
    with pytest.raises(StoreUnavailable):
        await desk.ids()


@pytest.mark.parametrize(("job", "count"), [("own", 2), ("all", 2)])
async def test_ticks_are_those_of_the_store_that_decides_the_job(
    desk: Desk, job: str, count: int
) -> None:
    assert len(await desk.recall.ticks(job)) == count


async def test_skips_are_counted_over_both(desk: Desk) -> None:
    await desk.skip("own", 1, shared=False)
    await desk.skip("all", 2, shared=True)
    counts = await desk.recall.skip_counts(LONG_AGO)
    assert {job: dict(of_job) for job, of_job in counts.items()} == {
        "own": {"overlap": 1},
        "all": {"overlap": 2},
    }


async def test_a_job_whose_scope_was_changed_has_skips_in_both(desk: Desk) -> None:
    await desk.skip("moved", 1, shared=False)
    await desk.skip("moved", 2, shared=True)
    counts = await desk.recall.skip_counts(LONG_AGO)
    assert counts["moved"] == {"overlap": 3}


def entry(by: str, minute: int) -> AuditEntry:
    return AuditEntry(NOON + timedelta(minutes=minute), by, "pause", "a")


async def test_who_did_what_is_kept_where_every_node_can_read_it(desk: Desk) -> None:
    await desk.recall.note(entry("anna", 0))
    assert [one.by for one in await desk.shared.view.audit()] == ["anna"]
    assert await desk.local.audit() == []


async def test_while_that_is_away_it_is_kept_here(desk: Desk) -> None:
    desk.shared.is_down = True
    await desk.recall.note(entry("anna", 0))
    assert [one.by for one in await desk.local.audit()] == ["anna"]


async def test_what_was_kept_in_both_is_told_newest_first(desk: Desk) -> None:
    await desk.recall.note(entry("anna", 0))
    desk.shared.is_down = True
    await desk.recall.note(entry("bert", 1))
    desk.shared.is_down = False
    await desk.recall.note(entry("carl", 2))
    assert [one.by for one in await desk.recall.audit(limit=2)] == ["carl", "bert"]


async def test_a_node_alone_asks_its_own_store(desk: Desk) -> None:
    recall = Recall(desk.local, None, lambda job: False)
    await recall.note(entry("anna", 0))
    assert [one.by for one in await recall.audit()] == ["anna"]
    assert [run.run_id for run in await recall.runs(RunFilter())] == ["cc3", "aa1"]
    assert await recall.run("dd4") is None
    assert await recall.skip_counts(LONG_AGO) == {}


async def test_what_runs_took_is_told_by_the_store_that_has_them(desk: Desk) -> None:
    taken = await desk.recall.usage(["own", "all", "nobody"], 10)
    assert {job: len(uses) for job, uses in taken.items()} == {"own": 2, "all": 2}


@pytest.mark.parametrize("jobs", [("own", "all"), None])
async def test_a_window_is_told_by_both(desk: Desk, jobs: tuple[str, ...] | None) -> None:
    window = Window(LONG_AGO, NOON + timedelta(days=1), 60, jobs)
    found = await desk.recall.happened(window)
    assert sum(cell.runs for cell in found.runs) == 4


async def test_a_window_of_jobs_of_the_node_needs_no_shared_store(desk: Desk) -> None:
    desk.shared.is_down = True
    window = Window(LONG_AGO, NOON + timedelta(days=1), 60, ("own",))
    assert sum(cell.runs for cell in (await desk.recall.happened(window)).runs) == 2


async def test_what_runs_of_the_node_took_needs_no_shared_store(desk: Desk) -> None:
    desk.shared.is_down = True
    assert list(await desk.recall.usage(["own"], 10)) == ["own"]
    with pytest.raises(StoreUnavailable):
        await desk.recall.usage(["own", "all"], 10)
