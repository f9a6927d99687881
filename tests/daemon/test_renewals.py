"""Renewals: leases are kept on a schedule that nothing else can delay."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import anyio
import pytest

from jobd.core.claim import ClaimGranted, ClaimRequest, Demand, Trigger
from jobd.core.cluster import Holding
from jobd.core.effects import RenewLeases
from jobd.core.events import Event, LeasesRenewed, RenewalDue, RenewalFailed
from jobd.core.job import Overlap
from jobd.core.lease import LeaseTerms
from jobd.daemon.inbox import Inbox
from jobd.daemon.renewals import Renewals
from jobd.ports import Enrolment
from jobd.store.memory import MemoryStore
from tests.daemon.fakes import NOON, FakeClock, until
from tests.daemon.shared import SharedMemory

TTL = timedelta(seconds=30)
GONE = Holding("gone", 7)


class Desk:
    """The renewals of a node, and what came of them."""

    def __init__(self, clock: FakeClock, ttl: timedelta = TTL) -> None:
        self.clock, self.inbox = clock, Inbox()
        self.store = SharedMemory(MemoryStore(TTL, clock.now))
        self.failed: list[int] = []
        self.renewals = Renewals(
            self.store,
            clock,
            LeaseTerms(ttl),
            self.inbox,
            self.failed.append,
        )

    async def hold(self) -> Holding:
        """Let this node have a run."""
        await self.store.view.enrol([Enrolment("a", "*")], NOON)
        wish = ClaimRequest("r1", "a", NOON, Trigger.SCHEDULE, Demand(Overlap.SKIP))
        (granted,) = await self.store.view.claim([wish], "app1", NOON)
        assert isinstance(granted, ClaimGranted)
        return Holding("r1", granted.token)

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.renewals.run)
            yield
            tasks.cancel_scope.cancel()

    async def renew(self, *effects: RenewLeases) -> list[Event]:
        """Renew; return what the core is told."""
        for effect in effects:
            self.renewals.lane.put(effect)
        with anyio.fail_after(10):
            async with self.working():
                await self.renewals.lane.drained()
        return self.inbox.take()


@pytest.fixture
def desk(clock: FakeClock) -> Desk:
    return Desk(clock)


async def test_what_was_kept_and_what_was_lost_is_told_apart(desk: Desk) -> None:
    held = await desk.hold()
    assert await desk.renew(RenewLeases((GONE, held))) == [
        LeasesRenewed((held,), (GONE,), desk.clock.steady)
    ]


async def test_a_renewal_counts_from_before_it_was_sent(desk: Desk) -> None:
    held, sent_s = await desk.hold(), desk.clock.steady
    desk.store.answers_after = lambda: desk.clock.pass_time(4)
    (renewed,) = await desk.renew(RenewLeases((held,)))
    assert isinstance(renewed, LeasesRenewed)
    assert renewed.sent_s == sent_s


async def test_a_renewal_that_is_not_answered_is_told_and_counted(desk: Desk) -> None:
    desk.store.is_down = True
    assert await desk.renew(RenewLeases((GONE, Holding("r2", 1)))) == [RenewalFailed()]
    assert desk.failed == [2]


async def test_of_several_wishes_only_the_last_is_asked_for(desk: Desk) -> None:
    """The store was slow; what one held then is of no interest now."""
    held = await desk.hold()
    await desk.renew(RenewLeases((GONE,)), RenewLeases((held,)))
    assert desk.store.asked("renew") == [(held,)]


async def test_the_log_hears_of_a_row_of_failures_once(desk: Desk, log: list[Any]) -> None:
    desk.store.fails_next = 2
    for _ in range(3):
        await desk.renew(RenewLeases((GONE,)))
    desk.store.fails_next = 1
    await desk.renew(RenewLeases((GONE,)))
    assert [record["event"] for record in log] == ["leases are not renewed"] * 2


# -- when ------------------------------------------------------------------------------


@asynccontextmanager
async def asking(desk: Desk) -> AsyncIterator[None]:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(desk.renewals.keep_asking)
        tasks.start_soon(desk.renewals.run)
        yield
        tasks.cancel_scope.cancel()


async def test_a_start_renews_at_once(desk: Desk) -> None:
    """The daemon before may have renewed last long ago."""
    async with asking(desk):
        await until(lambda: not desk.inbox.is_empty)
    assert desk.inbox.take() == [RenewalDue()]


async def test_renewals_are_due_again_and_again(clock: FakeClock) -> None:
    desk = Desk(clock, ttl=timedelta(milliseconds=3))
    due: list[Event] = []
    async with asking(desk):
        await until(lambda: due.extend(desk.inbox.take()) or len(due) >= 3)
    assert set(map(type, due)) == {RenewalDue}


async def test_after_a_failure_the_next_one_is_due_sooner(
    clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is time for a few tries before the runs have to be stopped."""
    monkeypatch.setattr("jobd.daemon.renewals._HURRY", 1e5)
    desk = Desk(clock, ttl=timedelta(hours=1))  # far apart: the patience of the test ends before
    desk.store.is_down = True
    async with asking(desk):
        await until(lambda: desk.inbox.take())
        desk.renewals.lane.put(RenewLeases((GONE,)))
        await until(lambda: RenewalDue() in desk.inbox.take())
