"""To the shared store: nothing is lost that this node knows, and nothing comes out of order."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import anyio
import pytest

from jobd.core.claim import ActiveRun, ClaimGranted, ClaimRequest, Demand, Pause, Trigger
from jobd.core.cluster import StopAsked, TakeOver
from jobd.core.effects import (
    Claim,
    FinishRun,
    RecordSkips,
    SavePause,
    SaveRun,
    SaveSkipNext,
    StopElsewhere,
    TakeRuns,
    VoidSkips,
)
from jobd.core.events import ClaimsDecided, ClaimsFailed, Event, SkipsRecorded, TakenOver
from jobd.core.job import Overlap
from jobd.core.lease import LeaseTerms
from jobd.core.ledger import Skip, SkipReason, TickRange
from jobd.core.outcome import Outcome, StopCause
from jobd.daemon import to_shared as module
from jobd.daemon.inbox import Inbox
from jobd.daemon.to_shared import ToShared
from jobd.ports import Enrolment
from jobd.store.memory import MemoryStore
from tests.daemon.fakes import NOON, FakeClock, FakeMemory, finish_of, run_of, until
from tests.daemon.shared import SharedMemory

TTL = timedelta(seconds=30)


def wish(job: str = "a", run_id: str = "r1", minute: int = 0) -> ClaimRequest:
    fire_time = NOON + timedelta(minutes=minute)
    return ClaimRequest(run_id, job, fire_time, Trigger.SCHEDULE, Demand(Overlap.SKIP))


def skip(job: str = "a", minute: int = 0) -> Skip:
    fire_time = NOON + timedelta(minutes=minute)
    return Skip(TickRange(job, fire_time, fire_time, 1), SkipReason.PAUSED)


class Desk:
    """The lane to a shared store, and what came of it."""

    def __init__(self, memory: FakeMemory | None = None) -> None:
        self.clock, self.inbox = FakeClock(), Inbox()
        self.store = SharedMemory(MemoryStore(TTL, self.clock.now))
        self.memory = memory or FakeMemory()
        self.events: list[Event] = []
        self.finished: list[str] = []
        self.settled: list[tuple[str, bool]] = []
        self.may_take_over = True
        self.make()

    def make(self) -> None:
        """Start a daemon's lane."""
        self.to_shared = ToShared(
            self.store,
            self.memory,
            self.clock,
            LeaseTerms(TTL),
            self.inbox,
            self._on_finished,
            lambda record, is_taken: self.settled.append((record.run_id, is_taken)),
            lambda: self.may_take_over,
            Random(1),
        )

    def _on_finished(self, effects: Sequence[FinishRun]) -> None:
        self.finished += [effect.finish.record.run_id for effect in effects]

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.to_shared.run)
            yield
            tasks.cancel_scope.cancel()

    async def work_off(self, *effects: Any) -> list[Event]:
        """Put effects in, wait until all is delivered; return what the core is told."""
        for effect in effects:
            self.to_shared.put(effect)
        with anyio.fail_after(10):
            async with self.working():
                await until(lambda: self.to_shared.lane.is_idle and not self.to_shared.waiting)
        return self.inbox.take()

    async def stop(self, *effects: Any) -> None:
        """Put effects in and wait for as long as a stop would."""
        for effect in effects:
            self.to_shared.put(effect)
        async with self.working():
            await self.to_shared.lane.drained()

    async def grant(self, job: str = "a", run_id: str = "r1", minute: int = 0) -> ActiveRun:
        """Let this node have a run."""
        (answer,) = await self.store.view.claim([wish(job, run_id, minute)], "app1", NOON)
        assert isinstance(answer, ClaimGranted)
        return run_of(job, run_id, token=answer.token)

    async def outcome(self, run_id: str = "r1") -> Outcome | None:
        record = await self.store.view.run(run_id)
        assert record is not None
        return record.outcome


def finish(run: ActiveRun) -> FinishRun:
    return FinishRun(finish_of(run))


@pytest.fixture
async def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(module, "RIDE_S", 0.01)
    monkeypatch.setattr(module, "FIRST_RETRY_S", 0.001)
    monkeypatch.setattr(module, "LONGEST_RETRY_S", 0.004)
    desk = Desk()
    await desk.store.view.enrol([Enrolment(job, "* * * * * UTC") for job in "abc"], NOON)
    return desk


# -- ends ------------------------------------------------------------------------------


async def test_an_end_comes_to_the_store(desk: Desk) -> None:
    await desk.work_off(finish(await desk.grant()))
    assert await desk.outcome() is Outcome.SUCCESS


async def test_an_end_is_durable_before_the_supervisor_may_forget(desk: Desk) -> None:
    """Also while the store is silent, so that the supervisor need not hold it for hours."""
    run = await desk.grant()
    desk.store.is_down = True
    async with desk.working():
        desk.to_shared.put(finish(run))
        await until(lambda: desk.finished)
        assert [posted.record.run_id for posted in desk.memory.outbox.values()] == ["r1"]


async def test_what_was_delivered_leaves_the_outbox(desk: Desk) -> None:
    await desk.work_off(finish(await desk.grant()))
    assert desk.memory.outbox == {}


async def test_an_end_rides_with_a_claim(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two statements less for each run of a herd."""
    monkeypatch.setattr(module, "RIDE_S", 10.0)
    run = await desk.grant()
    await desk.work_off(finish(run), Claim((wish("b", "r2"),)))
    (batch,) = desk.store.asked("settle")
    assert (len(batch.finishes), len(batch.claims)) == (1, 1)


async def test_a_claim_after_an_end_finds_the_lease_free(desk: Desk) -> None:
    run = await desk.grant()
    (decided,) = await desk.work_off(finish(run), Claim((wish("a", "r2", minute=1),)))
    assert isinstance(decided, ClaimsDecided)
    assert isinstance(decided.answers[0], ClaimGranted)


async def test_an_end_waits_for_a_claim_not_for_long(desk: Desk) -> None:
    await desk.work_off(finish(await desk.grant()))
    (batch,) = desk.store.asked("settle")
    assert (len(batch.finishes), batch.claims) == (1, ())


async def test_a_claim_does_not_wait_for_an_end(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RIDE_S", 1e6)
    (decided,) = await desk.work_off(Claim((wish(),)))
    assert isinstance(decided, ClaimsDecided)


async def test_ends_wait_for_a_silent_store(desk: Desk) -> None:
    run = await desk.grant()
    desk.store.fails_next = 3
    await desk.work_off(finish(run))
    assert await desk.outcome() is Outcome.SUCCESS


async def test_a_stop_does_not_wait_for_a_silent_store(desk: Desk) -> None:
    """Ends are safe in the outbox; the next daemon delivers them."""
    run = await desk.grant()
    desk.store.is_down = True
    with anyio.fail_after(5):
        await desk.stop(finish(run), RecordSkips((skip(),)))
    assert [end.record.run_id for end in desk.memory.outbox.values()] == ["r1"]


async def test_ends_of_an_earlier_daemon_are_delivered_first(desk: Desk) -> None:
    run = await desk.grant()
    await desk.memory.post([finish_of(run)])
    desk.make()
    (decided,) = await desk.work_off(Claim((wish("a", "r2", minute=1),)))
    assert isinstance(decided, ClaimsDecided)
    assert isinstance(decided.answers[0], ClaimGranted)
    assert await desk.outcome() is Outcome.SUCCESS


async def test_ends_of_an_earlier_daemon_wait_for_no_effect(desk: Desk) -> None:
    await desk.memory.post([finish_of(await desk.grant())])
    desk.make()
    async with desk.working():
        await until(lambda: not desk.memory.outbox)


async def test_many_ends_go_in_several_statements(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that the store cannot take within its deadline would be repeated for ever."""
    monkeypatch.setattr(module, "MOST_AT_ONCE", 2)
    runs = [await desk.grant(job, job) for job in "abc"]
    await desk.work_off(*map(finish, runs))
    assert [len(batch.finishes) for batch in desk.store.asked("settle")] == [2, 1]


async def test_claims_go_with_the_last_of_several_statements(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_AT_ONCE", 1)
    runs = [await desk.grant(job, job) for job in "ab"]
    await desk.work_off(*map(finish, runs), Claim((wish("c", "r3"),)))
    batches = desk.store.asked("settle")
    assert [(len(b.finishes), len(b.claims)) for b in batches] == [(1, 0), (1, 1)]


# -- a full disk -----------------------------------------------------------------------


async def test_on_a_full_disk_an_end_comes_to_the_store_all_the_same(desk: Desk) -> None:
    desk.memory.is_full = True
    await desk.work_off(finish(await desk.grant()))
    assert await desk.outcome() is Outcome.SUCCESS


async def test_on_a_full_disk_the_supervisor_remembers_until_the_store_has_it(desk: Desk) -> None:
    run = await desk.grant()
    desk.memory.is_full = desk.store.is_down = True
    async with desk.working():
        desk.to_shared.put(finish(run))
        await until(lambda: desk.store.calls)
        assert desk.finished == []
        desk.store.is_down = False
        await until(lambda: desk.finished)


async def test_an_outbox_that_cannot_be_emptied_costs_nothing(desk: Desk, log: list[Any]) -> None:
    run = await desk.grant()
    desk.store.answers_after = lambda: setattr(desk.memory, "is_full", True)
    await desk.work_off(finish(run))
    assert (desk.finished, log[-1]["event"]) == (["r1"], "the outbox cannot be emptied")


# -- claims and skips ------------------------------------------------------------------


async def test_leases_count_from_before_the_claim_was_sent(desk: Desk) -> None:
    sent_s = desk.clock.steady
    desk.store.answers_after = lambda: desk.clock.pass_time(3)
    (decided,) = await desk.work_off(Claim((wish(),)))
    assert isinstance(decided, ClaimsDecided)
    assert decided.sent_s == sent_s


async def test_claims_fail_while_the_store_is_silent(desk: Desk) -> None:
    """The core asks again: it knows which are still wanted."""
    desk.store.fails_next = 1
    assert await desk.work_off(Claim((wish(),))) == [ClaimsFailed((wish(),), "connection refused")]


async def test_skips_wait_while_the_store_is_silent(desk: Desk) -> None:
    desk.store.fails_next = 2
    assert await desk.work_off(RecordSkips((skip(),))) == [SkipsRecorded((skip(),))]


async def test_many_skips_go_in_several_statements(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an outage every job of the node may have one, all in one effect."""
    monkeypatch.setattr(module, "MOST_AT_ONCE", 2)
    await desk.work_off(RecordSkips(tuple(skip(job) for job in "abc")))
    assert [len(batch.skips) for batch in desk.store.asked("settle")] == [2, 1]


async def test_what_waits_is_counted(desk: Desk) -> None:
    run = await desk.grant()
    desk.store.is_down = True
    async with desk.working():
        desk.to_shared.put(RecordSkips((skip("b"), skip("c"))))
        desk.to_shared.put(finish(run))
        await until(lambda: desk.to_shared.waiting == 3)


@pytest.mark.parametrize("may", [True, False])
async def test_a_batch_says_whether_leases_may_be_judged(desk: Desk, may: bool) -> None:
    desk.may_take_over = may
    await desk.work_off(Claim((wish(),)))
    (batch,) = desk.store.asked("settle")
    assert batch.may_take_over is may


async def test_a_silence_is_told_once_and_so_is_its_end(desk: Desk, log: list[Any]) -> None:
    desk.store.fails_next = 5
    await desk.work_off(RecordSkips((skip(),)))
    assert [record["event"] for record in log] == [
        "the shared store takes no writes; repeating",
        "the shared store takes writes again",
    ]


async def test_the_store_s_return_ends_the_wait(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other nodes take over what has not ended a few seconds after it."""
    monkeypatch.setattr(module, "FIRST_RETRY_S", 1e6)
    monkeypatch.setattr(module, "LONGEST_RETRY_S", 1e6)
    desk.store.is_down = True
    async with desk.working():
        desk.to_shared.put(RecordSkips((skip(),)))
        await until(lambda: desk.to_shared._failures)
        desk.store.is_down = False
        desk.to_shared.hurry()
        await until(lambda: not desk.to_shared.waiting)


async def test_after_hours_of_silence_the_pause_is_no_longer_than_ever(desk: Desk) -> None:
    desk.to_shared._failures = 10_000
    assert desk.to_shared._pause_s() <= module.LONGEST_RETRY_S


async def test_what_comes_during_the_wait_is_no_reason_to_knock(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand nodes have ends and claims all the time."""
    monkeypatch.setattr(module, "FIRST_RETRY_S", 1e6)
    monkeypatch.setattr(module, "LONGEST_RETRY_S", 1e6)
    desk.store.is_down = True
    async with desk.working():
        for minute in range(3):
            desk.to_shared.put(RecordSkips((skip("a", minute),)))
            await until(lambda: desk.to_shared._failures)
    assert len(desk.store.asked("settle")) == 1


# -- everything else -------------------------------------------------------------------


async def test_wishes_come_before_the_claims_that_follow_them(desk: Desk) -> None:
    pause = Pause("anna", NOON)
    (decided,) = await desk.work_off(SavePause(("a",), pause, "anna"), Claim((wish(),)))
    assert isinstance(decided, ClaimsDecided)
    assert decided.answers[0].reason is SkipReason.PAUSED


@pytest.mark.parametrize(
    ("effect", "call"),
    [
        (SaveRun(run_of("a", "r1")), "settle"),
        (SavePause(("a",), None, "anna"), "save_pause"),
        (SaveSkipNext("a", None, "anna"), "save_skip_next"),
        (VoidSkips(NOON, {}), "void_skips_after"),
        (StopElsewhere((StopAsked("r1", StopCause.CANCEL),)), "ask_stop"),
    ],
)
async def test_each_effect_is_repeated_until_it_is_taken(
    desk: Desk, effect: Any, call: str
) -> None:
    desk.store.fails_next = 2
    await desk.work_off(effect)
    assert [name for name, _ in desk.store.calls] == [call] * 3


async def test_saved_attempts_leave_together(desk: Desk) -> None:
    """A herd that fails is retried at once: no statement for each run's next attempt."""
    runs = [await desk.grant(job, f"r-{job}") for job in "abc"]
    saves = [SaveRun(replace(run, attempt=attempt)) for attempt in (2, 3) for run in runs]
    await desk.work_off(*saves)
    (batch,) = desk.store.asked("settle")
    assert [run.attempt for run in batch.saves] == [3, 3, 3]


async def test_a_stop_waits_for_saved_attempts(desk: Desk) -> None:
    await desk.stop(SaveRun(replace(await desk.grant(), attempt=2)))
    assert (await desk.store.view.run("r1")).attempt == 2


async def test_runs_elsewhere_are_stopped_together(desk: Desk) -> None:
    """At the full hour every job may have a run on another node that it replaces."""
    stops = [StopAsked(f"r{number}", StopCause.REPLACE) for number in range(3)]
    await desk.work_off(*(StopElsewhere((asked,)) for asked in stops))
    assert desk.store.asked("ask_stop") == [tuple(stops)]


async def test_runs_are_taken_over_together(desk: Desk) -> None:
    wanted = await overdue(desk)
    nobody = TakeOver(run_of("b", "r9"), NOON)
    (taken,) = await desk.work_off(TakeRuns((wanted,)), TakeRuns((nobody,)))
    assert isinstance(taken, TakenOver)
    assert [run.run_id for run in taken.runs] == ["r1"]


async def overdue(desk: Desk) -> TakeOver:
    """Let a run's lease run out; return the wish to take it."""
    await desk.grant()
    desk.clock.pass_time(TTL.total_seconds())
    memories = await desk.store.view.enrol([Enrolment(job, "* * * * * UTC") for job in "abc"], NOON)
    return TakeOver(memories["a"].active[0], desk.clock.now())


async def test_a_run_that_was_taken_over_counts_from_before_it_was_asked_for(desk: Desk) -> None:
    wanted = await overdue(desk)
    sent_s = desk.clock.steady
    desk.store.answers_after = lambda: desk.clock.pass_time(3)
    (taken,) = await desk.work_off(TakeRuns((wanted,)))
    assert isinstance(taken, TakenOver)
    assert (taken.sent_s, [run.run_id for run in taken.runs]) == (sent_s, ["r1"])


async def test_behind_a_slow_batch_an_end_waits_for_no_claim_but_leaves_with_what_is_there(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over 300 ms of latency a job that is due each second has no time to lose."""
    monkeypatch.setattr(module, "RIDE_S", 60.0)
    first, second = await desk.grant("a", "r-a"), await desk.grant("b", "r-b")
    desk.store.answers_after = lambda: desk.clock.pass_time(60)
    await desk.work_off(finish(first), Claim((wish("c", "r-c"),)))
    await desk.work_off(finish(second))
    assert await desk.outcome("r-b") is Outcome.SUCCESS
    await desk.work_off(finish(run_of("c", "r-c")), RecordSkips((skip("a", 7),)))
    assert len(desk.store.asked("settle")) == 3


async def test_a_run_that_was_ended_as_lost_is_told_to_the_core(desk: Desk) -> None:
    wanted = await overdue(desk)
    (taken,) = await desk.work_off(TakeRuns((replace(wanted, retry_at=None),)))
    assert isinstance(taken, TakenOver)
    assert (taken.runs, [run.outcome for run in taken.ended]) == ((), [Outcome.LOST])


async def test_so_is_one_that_a_claim_has_ended(desk: Desk) -> None:
    await overdue(desk)
    (decided,) = await desk.work_off(Claim((wish("a", "r2", 1),)))
    assert isinstance(decided, ClaimsDecided)
    assert [run.run_id for run in decided.lost] == ["r1"]


async def test_whether_the_store_has_taken_an_end_is_told(desk: Desk) -> None:
    """What another node has told of a run in the meantime is not told again."""
    wanted = await overdue(desk)
    await desk.work_off(TakeRuns((replace(wanted, retry_at=None),)))
    await desk.work_off(finish(wanted.run))
    mine = await desk.grant("b", "r-b")
    await desk.work_off(finish(mine))
    assert desk.settled == [("r1", False), ("r-b", True)]


async def test_what_was_not_there_to_be_taken_is_left_out(desk: Desk) -> None:
    run = await desk.grant()
    assert await desk.work_off(TakeRuns((TakeOver(run, NOON),))) == [
        TakenOver((), desk.clock.steady)
    ]


async def test_a_run_that_has_ended_here_is_not_taken_for_lost(desk: Desk) -> None:
    """Its end waited in the outbox for longer than its lease: run again, a job that has
    succeeded would have run twice."""
    wanted = await overdue(desk)
    await desk.work_off(finish(wanted.run), TakeRuns((wanted,)))
    assert await desk.outcome() is Outcome.SUCCESS
