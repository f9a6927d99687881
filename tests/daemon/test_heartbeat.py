"""Heartbeat: a node tells of itself and hears of the others, once a second, sooner if wanted."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import anyio
import pytest

from jobd.core.cluster import Letter, NodeWord
from jobd.core.events import ClusterSeen, Event, StoreSilent
from jobd.daemon import heartbeat as module
from jobd.daemon.heartbeat import Heartbeat
from jobd.daemon.inbox import Inbox
from jobd.daemon.shared_clock import SharedClock
from jobd.errors import StateError, StoreUnavailable
from jobd.store.memory import MemoryStore
from tests.daemon.fakes import NOON, FakeClock, until
from tests.daemon.shared import SharedMemory

AHEAD = timedelta(hours=1)


class Desk:
    """A heartbeat on fakes; the store's clock is an hour ahead."""

    def __init__(self, clock: FakeClock) -> None:
        self.machine, self.inbox = clock, Inbox()
        self.ahead = AHEAD
        self.store = SharedMemory(MemoryStore(AHEAD, lambda: clock.now() + self.ahead))
        self.clock = SharedClock(clock)
        self.joined = 0
        self.join_fails = False
        self.letters: list[Letter] = []
        self.returns = 0
        self.unknown = 0
        self.heartbeat = Heartbeat(
            self.store,
            self.clock,
            self.inbox,
            lambda: NodeWord("app1", "i1", "s1", "0", "d"),
            self._join,
            self._on_letters,
            self._on_return,
            self._on_unknown,
        )

    async def _join(self) -> None:
        self.joined += 1
        if self.join_fails:
            raise StoreUnavailable("connection refused")

    def _on_return(self) -> None:
        self.returns += 1

    def _on_unknown(self) -> None:
        self.unknown += 1

    def _on_letters(self, letters: Sequence[Letter]) -> None:
        self.letters += letters

    async def beat(self) -> list[Event]:
        """Beat once; return what the core is told."""
        await self.heartbeat.beat()
        return self.inbox.take()

    def beats(self) -> int:
        """Return how often the store was told of this node."""
        return len(self.store.asked("beat"))


@pytest.fixture
def desk(clock: FakeClock) -> Desk:
    return Desk(clock)


async def test_a_beat_shows_the_core_the_cluster(desk: Desk) -> None:
    (seen,) = await desk.beat()
    assert isinstance(seen, ClusterSeen)
    assert [node.word.node for node in seen.view.nodes] == ["app1"]


async def test_a_beat_sets_the_clock(desk: Desk) -> None:
    await desk.beat()
    assert desk.clock.now() == NOON + AHEAD


async def test_a_view_says_when_it_was_asked_for(desk: Desk) -> None:
    sent_s = desk.machine.steady
    desk.store.answers_after = lambda: desk.machine.pass_time(0.2)
    (seen,) = await desk.beat()
    assert isinstance(seen, ClusterSeen)
    assert seen.sent_s == sent_s


async def test_a_store_whose_clock_was_set_is_told_to_the_core_and_the_log(
    desk: Desk, log: list[Any]
) -> None:
    await desk.beat()
    desk.ahead += timedelta(seconds=30)
    (seen,) = await desk.beat()
    assert isinstance(seen, ClusterSeen)
    assert seen.has_stepped
    assert "clock has been set" in log[-1]["event"]


async def test_each_beat_asks_for_what_happened_since_the_last_that_was_answered(
    desk: Desk,
) -> None:
    """What happened during a silence is told after it."""
    asked: list[Any] = []
    beat = desk.store.view.beat

    async def noted(word: NodeWord, since: Any) -> Any:
        asked.append(since)
        return await beat(word, since)

    desk.store.view.beat = noted
    await desk.beat()
    desk.machine.pass_time(1)
    desk.store.fails_next = 1
    await desk.beat()
    await desk.beat()
    assert asked == [None, NOON + AHEAD]


async def test_a_store_that_does_not_answer_is_silent(desk: Desk) -> None:
    desk.store.is_down = True
    assert await desk.beat() == [StoreSilent()]


async def test_what_must_be_done_before_is_tried_with_every_beat(desk: Desk) -> None:
    desk.join_fails = True
    assert await desk.beat() == [StoreSilent()]
    assert desk.beats() == 0
    desk.join_fails = False
    await desk.beat()
    assert (desk.joined, desk.beats()) == (2, 1)


async def test_a_store_that_refuses_this_node_ends_the_daemon(desk: Desk) -> None:
    """Another daemon has its name: to go on would be to hold each other's runs."""
    await desk.store.whole.at("app1").beat(NodeWord("app1", "i0", "s0", "0", "d"), None)
    with pytest.raises(StateError, match="another daemon is called app1"):
        await desk.beat()


async def test_a_silence_is_told_once_and_so_is_its_end(desk: Desk, log: list[Any]) -> None:
    desk.store.fails_next = 3
    for _ in range(5):
        await desk.beat()
    assert [record["event"] for record in log] == [
        "the shared store does not answer",
        "the shared store answers again",
    ]


async def test_who_waits_for_the_store_is_told_of_its_return(desk: Desk) -> None:
    """Each part that repeats what has failed would find out for itself, seconds later."""
    desk.store.fails_next = 2
    for _ in range(5):
        await desk.beat()
    assert desk.returns == 1


async def test_a_store_that_forgot_this_node_is_noticed(desk: Desk) -> None:
    """It was cut off for longer than history is kept, and another node saw to retention."""
    for _ in range(2):
        await desk.beat()
    assert desk.unknown == 1
    await desk.store.whole.prune(desk.clock.now() + AHEAD, 1000)
    await desk.beat()
    assert desk.unknown == 2


async def test_health_says_since_when_the_store_is_away(desk: Desk) -> None:
    await desk.beat()
    desk.store.is_down = True
    for _ in range(2):
        desk.machine.pass_time(5)
        await desk.beat()
    health = desk.heartbeat.health()
    assert (health.is_up, health.trouble) == (False, "connection refused")
    assert health.since == NOON + AHEAD + timedelta(seconds=5)


async def test_health_says_how_fast_the_store_answers(desk: Desk) -> None:
    desk.store.answers_after = lambda: desk.machine.pass_time(0.25)
    await desk.beat()
    health = desk.heartbeat.health()
    assert (health.is_up, health.since, health.latency_s) == (True, None, 0.25)


async def test_silence_counts_on_the_steady_clock(desk: Desk) -> None:
    await desk.beat()
    desk.machine.set_wall(3600)
    desk.machine.pass_time(7)
    assert desk.heartbeat.silence() == timedelta(seconds=7)


async def test_letters_are_handed_on(desk: Desk) -> None:
    letter = Letter("l1", "app2", "app1", "trigger", "{}")
    await desk.store.whole.at("app2").send(letter)
    await desk.beat()
    assert desk.letters == [letter]


# -- the rhythm ------------------------------------------------------------------------


async def test_it_beats_for_ever(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BEAT_S", 0.001)
    monkeypatch.setattr(module, "SOONEST_S", 0.0005)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(desk.heartbeat.run)
        await until(lambda: desk.beats() >= 3)
        tasks.cancel_scope.cancel()


async def test_a_look_around_is_not_kept_waiting(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BEAT_S", 1e6)
    monkeypatch.setattr(module, "SOONEST_S", 0.0)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(desk.heartbeat.run)
        await until(lambda: desk.beats() == 1)
        desk.heartbeat.look_around()
        await until(lambda: desk.beats() == 2)
        tasks.cancel_scope.cancel()


async def test_a_look_around_during_a_beat_is_followed_by_another(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The view that is under way may have been made before the question."""
    monkeypatch.setattr(module, "BEAT_S", 1e6)
    monkeypatch.setattr(module, "SOONEST_S", 0.0)
    ask_once = iter([desk.heartbeat.look_around])
    desk.store.answers_after = lambda: next(ask_once, lambda: None)()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(desk.heartbeat.run)
        await until(lambda: desk.beats() == 2)
        tasks.cancel_scope.cancel()


async def test_beats_keep_a_distance(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many ticks want to look around, the store sees two beats a second at most."""
    monkeypatch.setattr(module, "SOONEST_S", 1e6)
    desk.store.answers_after = desk.heartbeat.look_around
    with anyio.move_on_after(0.05):
        await desk.heartbeat.run()
    assert desk.beats() == 1
