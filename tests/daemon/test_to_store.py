"""To the store: batches, order, and writes that are repeated until they are taken."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import anyio
import pytest

from jobd.core.claim import ClaimGranted, ClaimRequest, Demand, Pause, Trigger
from jobd.core.effects import Claim, FinishRun, RecordSkips, SavePause, SaveRun, SaveSkipNext
from jobd.core.events import ClaimsDecided, ClaimsFailed, Event, SkipsRecorded
from jobd.core.job import Overlap
from jobd.core.ledger import Skip, SkipReason, TickRange
from jobd.daemon import to_store as module
from jobd.daemon.inbox import Inbox
from jobd.daemon.to_store import ToStore
from jobd.ports import Enrolment
from tests.daemon.fakes import NOON, FakeClock, FakeMemory, FakeStore, finish_of, run_of, until

Served = Callable[[], Any]


def request(run_id: str, job: str = "a", minute: int = 0) -> ClaimRequest:
    fire_time = NOON + timedelta(minutes=minute)
    return ClaimRequest(run_id, job, fire_time, Trigger.SCHEDULE, Demand(Overlap.SKIP))


def skip(job: str = "a", minute: int = 0) -> Skip:
    fire_time = NOON + timedelta(minutes=minute)
    return Skip(TickRange(job, fire_time, fire_time, 1), SkipReason.PAUSED)


class Desk:
    """The lane to a store, and what came of it."""

    def __init__(self, store: FakeStore) -> None:
        self.store, self.inbox = store, Inbox()
        self.events: list[Event] = []
        self.finished: list[str] = []
        self.durable: list[bool] = []
        self.to_store = ToStore(
            store, FakeMemory(), FakeClock(), "app1", self.inbox, self._on_finished
        )
        self.put = self.to_store.lane.put

    def _on_finished(self, effects: Sequence[FinishRun]) -> None:
        self.finished += [effect.finish.record.run_id for effect in effects]
        self.durable += [
            self.store._all.ended_token(run_id) is not None for run_id in self.finished
        ]

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.to_store.run)
            yield
            tasks.cancel_scope.cancel()

    async def work_off(self, *effects: Any) -> list[Event]:
        for effect in effects:
            self.put(effect)
        with anyio.fail_after(10):
            async with self.working():
                await self.to_store.lane.drained()
        return self.inbox.take()


@pytest.fixture
async def desk(store: FakeStore, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(module, "FIRST_RETRY_S", 0.001)
    monkeypatch.setattr(module, "LONGEST_RETRY_S", 0.004)
    enrolments = [Enrolment(job, "* * * * * UTC") for job in "abc"]
    await store.enrol(enrolments, NOON - timedelta(days=1))
    store.calls.clear()
    return Desk(store)


async def test_neighbouring_claims_go_in_one_transaction(desk: Desk) -> None:
    """That is what makes a thousand jobs at one instant cheap."""
    claims = [Claim((request("r1"),)), Claim((request("r2", "b"), request("r3", "c")))]
    (decided,) = await desk.work_off(*claims)
    assert desk.store.calls == ["claim"]
    assert isinstance(decided, ClaimsDecided)
    assert [answer.request.run_id for answer in decided.answers] == ["r1", "r2", "r3"]


async def test_neighbouring_skips_go_in_one_transaction(desk: Desk) -> None:
    (recorded,) = await desk.work_off(RecordSkips((skip("a"),)), RecordSkips((skip("b"),)))
    assert desk.store.calls == ["skip"]
    assert recorded == SkipsRecorded((skip("a"), skip("b")))


async def test_neighbouring_ends_go_in_one_transaction(desk: Desk) -> None:
    await desk.work_off(Claim((request("r1"), request("r2", "b"))))
    desk.store.calls.clear()
    runs = run_of("a", "r1", token=1), run_of("b", "r2", token=1)
    await desk.work_off(*(FinishRun(finish_of(run)) for run in runs))
    assert (desk.store.calls, desk.finished) == (["finish"], ["r1", "r2"])


async def test_a_claim_that_was_put_after_an_end_finds_the_lease_free(desk: Desk) -> None:
    await desk.work_off(Claim((request("r1"),)))
    end = FinishRun(finish_of(run_of("a", "r1", token=1)))
    (decided,) = await desk.work_off(end, Claim((request("r2", minute=1),)))
    assert isinstance(decided, ClaimsDecided)
    assert [type(answer) for answer in decided.answers] == [ClaimGranted]


async def test_different_kinds_keep_their_order(desk: Desk) -> None:
    pause = Pause("anna", NOON)
    await desk.work_off(
        RecordSkips((skip(),)),
        Claim((request("r1", minute=1),)),
        SaveRun(run_of("a", "r1", token=1)),
        SavePause(("a",), pause, "anna"),
        SaveSkipNext("a", pause, "anna"),
        RecordSkips((skip(minute=2),)),
    )
    assert desk.store.calls == ["skip", "claim", "save_run", "save_pause", "save_skip_next", "skip"]


async def test_a_claim_that_the_store_does_not_answer_fails_at_once(desk: Desk) -> None:
    """Only the core may repeat it: by then the tick may be too late."""
    desk.store.fails_next = 1
    asked = (request("r1"), request("r2", "b"))
    assert await desk.work_off(Claim(asked)) == [ClaimsFailed(asked, "the disk is gone")]
    assert desk.store.calls == ["claim"]


@pytest.mark.parametrize(
    "effect",
    [
        RecordSkips((skip(),)),
        FinishRun(finish_of(run_of())),
        SaveRun(run_of()),
        SavePause(("a",), None, "anna"),
        SaveSkipNext("a", None, "anna"),
    ],
    ids=lambda effect: type(effect).__name__,
)
async def test_a_write_is_repeated_until_the_store_takes_it(desk: Desk, effect: Any) -> None:
    desk.store.fails_next = 5
    await desk.work_off(effect)
    assert (len(desk.store.calls), len(set(desk.store.calls))) == (6, 1)


async def test_nothing_overtakes_a_write_that_is_being_repeated(desk: Desk) -> None:
    desk.store.fails_next = 3
    await desk.work_off(RecordSkips((skip(),)), SavePause(("a",), None, "anna"), SaveRun(run_of()))
    assert desk.store.calls == ["skip"] * 4 + ["save_pause", "save_run"]


async def test_what_came_while_the_store_was_silent_is_written_once_it_answers(
    desk: Desk,
) -> None:
    desk.store.is_down = True
    async with desk.working():
        for minute in range(20):
            desk.put(RecordSkips((skip(minute=minute),)))
            await anyio.lowlevel.checkpoint()
        await until(lambda: len(desk.store.calls) > 3)
        desk.store.is_down = False
        await until(lambda: desk.to_store.lane.is_idle)
    rows = await desk.store.ticks("a", limit=100)
    assert sorted(row.ticks.first.minute for row in rows) == list(range(20))


async def test_an_end_is_told_only_once_it_is_durable(desk: Desk) -> None:
    """From then on the supervisor forgets it: nobody else would know."""
    await desk.work_off(Claim((request("r1"),)))
    desk.store.fails_next = 2
    await desk.work_off(FinishRun(finish_of(run_of("a", "r1", token=1))))
    assert (desk.finished, desk.durable) == (["r1"], [True])


async def test_a_late_holder_s_end_is_told_too(desk: Desk) -> None:
    """The store refuses its stale token for good; the supervisor need not keep it."""
    await desk.work_off(FinishRun(finish_of(run_of("a", "r9", token=1))))
    assert desk.finished == ["r9"]


async def test_a_silent_store_is_logged_once_and_so_is_its_return(
    desk: Desk, log: list[Any]
) -> None:
    desk.store.fails_next = 5
    await desk.work_off(RecordSkips((skip(),)))
    assert [(record["log_level"], record["event"]) for record in log] == [
        ("error", "the store takes no writes; repeating"),
        ("info", "the store takes writes again"),
    ]
