"""The loop: when it wakes, what it hands on, what it notices about the clocks."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from jobd.core.effects import Effect, StopRun
from jobd.core.events import ClockJumped, Event, RunNotStarted, Woke
from jobd.core.outcome import StopCause
from jobd.daemon.inbox import Inbox
from jobd.daemon.loop import Loop
from tests.daemon.fakes import NOON, FakeClock


class Enough(Exception):
    """The test has seen what it wanted."""


class SteppedInbox(Inbox):
    """Takes no time to wait: the clock is moved instead. ``steps`` say what happens meanwhile;
    after the last of them the loop is ended."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self.clock = clock
        self.waits: list[float] = []
        self.steps: list[Callable[[], None]] = []

    async def wait(self, timeout_s: float) -> None:
        if not self.steps:
            raise Enough
        self.waits.append(timeout_s)
        self.clock.pass_time(timeout_s)
        self.steps.pop(0)()


class Desk:
    """A loop over a scheduler that notes what it is told."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.inbox = SteppedInbox(self.clock)
        self.due: datetime | None = None
        self.told: list[Event] = []
        self.asks: list[Effect] = []  # what it asks for in answer to the next event
        self.performed: list[Effect] = []
        self.observed: list[Any] = []
        self.lags: list[float] = []
        observers = [lambda *seen: self.observed.append(seen)]
        self.loop = Loop(
            self, self.clock, self.inbox, self.performed.extend, observers, self.lags.append
        )

    def next_wakeup(self) -> datetime | None:
        return self.due

    def handle(self, event: Event, now: datetime) -> list[Effect]:
        self.told.append(event)
        if isinstance(event, Woke):
            self.due = None
        asks, self.asks = self.asks, []
        return asks

    async def run(self, *steps: Callable[[], None]) -> None:
        self.inbox.steps = list(steps)
        with pytest.raises(Enough):
            await self.loop.run()


@pytest.fixture
def desk() -> Desk:
    return Desk()


def nothing() -> None:
    """Let the wait end at its time."""


async def test_it_sleeps_until_the_due_instant_and_tells_the_core(desk: Desk) -> None:
    desk.due = NOON + timedelta(milliseconds=250)
    await desk.run(nothing)
    assert (desk.inbox.waits, desk.told) == ([0.25], [Woke()])


async def test_it_wakes_once_a_second_although_nothing_is_due(desk: Desk) -> None:
    desk.due = NOON + timedelta(hours=1)
    await desk.run(nothing, nothing, nothing)
    assert (desk.inbox.waits, desk.told) == ([1.0, 1.0, 1.0], [])


async def test_it_wakes_once_a_second_although_nothing_lies_ahead(desk: Desk) -> None:
    await desk.run(nothing, nothing)
    assert desk.inbox.waits == [1.0, 1.0]


async def test_what_is_overdue_is_not_waited_for(desk: Desk) -> None:
    desk.due = NOON - timedelta(days=1)
    await desk.run(nothing)
    assert (desk.inbox.waits, desk.told) == ([0.0], [Woke()])


async def test_events_reach_the_core_in_order_and_before_what_is_due(desk: Desk) -> None:
    """An end that is there already frees the place that the due tick needs."""
    first, second = RunNotStarted("a", ""), RunNotStarted("b", "")
    desk.due = NOON
    await desk.run(lambda: (desk.inbox.put(first), desk.inbox.put(second)))
    assert desk.told == [first, second, Woke()]


async def test_what_the_core_asks_for_is_observed_and_performed(desk: Desk) -> None:
    event, asked = RunNotStarted("a", ""), StopRun("b", StopCause.CANCEL)
    desk.asks = [asked]
    await desk.run(lambda: desk.inbox.put(event))
    now = NOON + timedelta(seconds=1)
    assert (desk.observed, desk.performed) == ([(event, [asked], now)], [asked])


async def test_observers_hear_of_events_that_ask_for_nothing(desk: Desk) -> None:
    event = RunNotStarted("a", "")
    await desk.run(lambda: desk.inbox.put(event))
    assert [seen[0] for seen in desk.observed] == [event]


@pytest.mark.parametrize("by_s", [3600.0, -3600.0, 1.5, -1.5])
async def test_a_clock_that_was_set_is_told_to_the_core(desk: Desk, by_s: float) -> None:
    await desk.run(lambda: desk.clock.set_wall(by_s))
    (event,) = desk.told
    assert isinstance(event, ClockJumped)
    assert event.by.total_seconds() == pytest.approx(by_s, abs=1e-3)


async def test_a_jump_is_told_once(desk: Desk) -> None:
    await desk.run(lambda: desk.clock.set_wall(60.0), nothing, nothing)
    assert len(desk.told) == 1


async def test_the_core_learns_of_a_jump_before_the_tick_that_it_made_due(desk: Desk) -> None:
    """It is the jump that says how to look at ticks that are suddenly late."""
    desk.due = NOON + timedelta(minutes=1)
    await desk.run(lambda: desk.clock.set_wall(3600.0))
    assert [type(event) for event in desk.told] == [ClockJumped, Woke]


async def test_slewing_is_no_jump_however_far_it_leads(desk: Desk) -> None:
    """NTP moves a clock by up to half a millisecond a second: hours of it are followed."""
    await desk.run(*[lambda: desk.clock.set_wall(0.0005)] * 5000)
    assert desk.told == []


async def test_a_suspended_machine_is_no_jump(desk: Desk) -> None:
    """Both clocks go on during suspend; what was slept through is late, not jumped over."""
    await desk.run(lambda: desk.clock.pass_time(7200.0))
    assert desk.told == []


async def test_how_late_it_wakes_is_measured(desk: Desk) -> None:
    await desk.run(lambda: desk.clock.pass_time(0.75))
    assert desk.lags == [pytest.approx(0.75)]


async def test_the_worst_lag_since_the_last_beat_is_told(desk: Desk) -> None:
    """A stall that a quicker wake-up follows would otherwise never be seen."""
    desk.due = NOON + timedelta(milliseconds=100)
    await desk.run(lambda: desk.clock.pass_time(0.5), nothing)
    assert desk.lags == [pytest.approx(0.5)]


async def test_an_early_event_is_no_lag(desk: Desk) -> None:
    await desk.run(lambda: desk.clock.pass_time(-0.4), nothing)
    assert desk.lags == [0.0]


async def test_many_events_a_second_make_one_beat_a_second(desk: Desk) -> None:
    """The beat feeds the watchdog; a herd must not flood systemd with it."""
    await desk.run(*[lambda: desk.clock.pass_time(-0.9)] * 20)  # an event each 0.1 s
    assert len(desk.lags) in (1, 2)
