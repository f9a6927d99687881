"""Membership: a node introduces itself, keeps its identity, and says goodbye."""

from datetime import timedelta
from random import Random

import anyio
import pytest

from jobd.core.cluster import ClusterView, NodeWord
from jobd.core.events import ClusterSeen, DrainAsked, ShutdownAsked, StoreSilent
from jobd.core.lease import LeaseTerms
from jobd.core.neighbours import DELIVERY
from jobd.core.scheduler import Scheduler
from jobd.daemon import membership as module
from jobd.daemon.heartbeat import BEAT_S
from jobd.daemon.inbox import Inbox
from jobd.daemon.membership import Membership, Ways
from jobd.daemon.shared_clock import SharedClock
from jobd.errors import StateError
from jobd.store.memory import MemoryStore
from jobd.store.postgres_lane import LONGEST_REST_S
from tests.daemon.fakes import NOON, FakeClock, FakeMemory, until
from tests.daemon.shared import SharedMemory

TERMS = LeaseTerms(timedelta(seconds=30))


class Desk:
    """One node's membership."""

    def __init__(
        self, clock: FakeClock, whole: MemoryStore | None = None, memory: FakeMemory | None = None
    ) -> None:
        self.clock, self.inbox = clock, Inbox()
        self.whole = whole or MemoryStore(TERMS.ttl, clock.now)
        self.store = SharedMemory(self.whole)
        self.memory = memory or FakeMemory()
        self.scheduler = Scheduler("app1", "i1", TERMS)

        async def join() -> None:
            """There is nothing to enrol."""

        ways = Ways(
            self.inbox,
            join,
            lambda: None,
            lambda: "d1",
            lambda _: None,
            lambda *_: None,
            lambda _: None,
            lambda _: None,
            Random(1),
        )
        self.membership = Membership(
            self.store,
            self.memory,
            SharedClock(clock),
            TERMS,
            self.scheduler,
            ways,
        )

    def word(self) -> NodeWord:
        """Return what this node told last."""
        told: list[NodeWord] = self.store.asked("beat")
        return told[-1]


@pytest.fixture
def desk(clock: FakeClock) -> Desk:
    return Desk(clock)


async def test_a_node_introduces_itself_before_its_first_tick(desk: Desk) -> None:
    await desk.membership.open()
    (seen,) = desk.inbox.take()
    assert isinstance(seen, ClusterSeen)
    assert [node.word.node for node in seen.view.nodes] == ["app1"]


async def test_a_node_tells_what_the_others_need_to_know(desk: Desk) -> None:
    state = desk.scheduler.state
    state.labels, state.room.max_running, state.room.taken = ("db",), 4, 1
    await desk.membership.open()
    word = desk.word()
    assert (word.incarnation, word.digest, word.labels) == ("i1", "d1", ("db",))
    assert (word.running, word.max_running, word.load) == (1, 4, 0.25)
    assert (word.is_draining, word.is_leaving) == (False, False)


async def test_a_drained_node_says_so(desk: Desk) -> None:
    desk.scheduler.handle(DrainAsked("q", "anna", True), NOON)
    await desk.membership.open()
    assert desk.word().is_draining


async def test_a_node_that_is_stopping_says_so(desk: Desk) -> None:
    desk.scheduler.handle(ShutdownAsked(), NOON)
    await desk.membership.open()
    assert desk.word().is_leaving


async def test_a_node_keeps_its_identity_over_restarts(desk: Desk) -> None:
    """Else its name would be refused to it for as long as it was seen just now."""
    await desk.membership.open()
    again = Desk(desk.clock, desk.whole, desk.memory)
    await again.membership.open()
    assert again.word().state_id == desk.word().state_id != ""


async def test_a_second_node_of_that_name_is_refused(desk: Desk) -> None:
    await desk.membership.open()
    with pytest.raises(StateError, match="another daemon is called app1"):
        await Desk(desk.clock, desk.whole).membership.open()


async def test_its_name_is_free_once_it_has_left(desk: Desk) -> None:
    await desk.membership.open()
    await desk.membership.leave()
    await Desk(desk.clock, desk.whole).membership.open()


async def test_a_store_that_is_away_keeps_no_daemon_from_starting(desk: Desk) -> None:
    desk.store.is_down = True
    await desk.membership.open()
    assert desk.inbox.take() == [StoreSilent()]


async def test_a_store_that_cannot_be_used_does(desk: Desk) -> None:
    desk.store.refuses = "its tables are those of a newer jobd"
    with pytest.raises(StateError, match="newer jobd"):
        await desk.membership.open()


async def test_the_others_are_told_of_a_stop(desk: Desk) -> None:
    """They need not wait for this node's turn any more."""
    await desk.membership.open()
    await desk.membership.leave()
    assert desk.word().is_leaving


async def test_a_stop_does_not_wait_for_a_store_that_is_away(desk: Desk) -> None:
    desk.store.is_down = True
    await desk.membership.leave()


async def test_a_stop_does_not_wait_for_a_store_that_hangs(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(*_: object) -> ClusterView:
        await anyio.sleep_forever()
        raise AssertionError

    monkeypatch.setattr(module, "FAREWELL_S", 0.01)
    monkeypatch.setattr(desk.store.view, "beat", hang)
    with anyio.fail_after(5):
        await desk.membership.leave()


async def test_at_the_end_it_lets_go_of_the_store(desk: Desk) -> None:
    await desk.membership.open()
    await desk.membership.close()
    assert not desk.store.is_open


async def test_everything_works_once_it_is_started(desk: Desk) -> None:
    async with anyio.create_task_group() as tasks:
        desk.membership.start(tasks)
        await until(lambda: len(desk.inbox.take()) >= 1)
        tasks.cancel_scope.cancel()


async def test_leases_are_not_judged_within_a_ttl_of_a_step_of_the_clock(desk: Desk) -> None:
    await desk.membership.open()
    (seen,) = desk.inbox.take()
    assert isinstance(seen, ClusterSeen)
    desk.scheduler.handle(ClusterSeen(seen.view, 0.0, has_stepped=True), NOON)
    assert not desk.membership._may_take_over()
    desk.clock.pass_time(TERMS.ttl.total_seconds())
    assert desk.membership._may_take_over()


def test_whoever_rests_when_the_store_is_back_delivers_before_its_runs_are_taken_over() -> None:
    """It finds the store with the first beat after its rest, and then sends what waits."""
    assert DELIVERY.total_seconds() > LONGEST_REST_S + BEAT_S
