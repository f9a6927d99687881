"""Loop: the heartbeat. Sleeps until something is due, lets the core decide, hands effects on.

It wakes at least once a second even when nothing is due: that is how a clock that was set
is noticed, how the loop's own lag is measured, and what feeds the watchdog. A daemon whose
ticks are stuck therefore stops feeding it, and systemd starts a new one.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from jobd.core.effects import Effect
from jobd.core.events import ClockJumped, Event, Woke
from jobd.core.scheduler import Scheduler
from jobd.daemon.inbox import Inbox
from jobd.ports import Clock

HEARTBEAT_S = 1.0
JUMP = timedelta(seconds=1)  # a wall clock that differs by more from the steady one was set

Observer = Callable[[Event, Sequence[Effect], datetime], None]


class Loop:
    """Drives one scheduler. ``perform`` takes effects in order and must not block."""

    def __init__(
        self,
        scheduler: Scheduler,
        clock: Clock,
        inbox: Inbox,
        perform: Callable[[Sequence[Effect]], None],
        observers: Iterable[Observer],
        on_beat: Callable[[float], None],
    ) -> None:
        self._scheduler = scheduler
        self._clock = clock
        self._inbox = inbox
        self._perform = perform
        self._observers = tuple(observers)
        self._on_beat = on_beat  # told the worst lag in seconds, about once a second
        self._worst_lag_s = 0.0
        self._offset_s = self._measure_offset_s()
        self._last_beat_s = clock.steady_s()

    async def run(self) -> None:
        """Drive the scheduler until cancelled."""
        while True:
            wait_s = self._wait_s()
            expected_s = self._clock.steady_s() + wait_s
            await self._inbox.wait(wait_s)
            self._beat(max(0.0, self._clock.steady_s() - expected_s))
            self.turn()

    def turn(self) -> None:
        """Handle what has happened and what is due now."""
        self._notice_jump()
        for event in self._inbox.take():
            self.handle(event)
        due = self._scheduler.next_wakeup()
        if due is not None and due <= self._clock.now():
            self.handle(Woke())

    def handle(self, event: Event) -> None:
        """Let the core decide one event and pass on what it asks for."""
        now = self._clock.now()
        effects = self._scheduler.handle(event, now)
        for observe in self._observers:
            observe(event, effects, now)
        if effects:
            self._perform(effects)

    def _wait_s(self) -> float:
        due = self._scheduler.next_wakeup()
        if due is None:
            return HEARTBEAT_S
        ahead_s = (due - self._clock.now()).total_seconds()
        return min(max(ahead_s, 0.0), HEARTBEAT_S)

    def _beat(self, lag_s: float) -> None:
        self._worst_lag_s = max(self._worst_lag_s, lag_s)
        now_s = self._clock.steady_s()
        if now_s - self._last_beat_s >= HEARTBEAT_S:
            self._on_beat(self._worst_lag_s)
            self._last_beat_s, self._worst_lag_s = now_s, 0.0

    def _measure_offset_s(self) -> float:
        """Return how far the wall clock is ahead of the steady one."""
        return self._clock.now().timestamp() - self._clock.steady_s()

    def _notice_jump(self) -> None:
        offset_s = self._measure_offset_s()
        moved = timedelta(seconds=offset_s - self._offset_s)
        # NTP slews by up to 0.5 ms a second: following it here keeps slow drift from adding up.
        self._offset_s = offset_s
        if abs(moved) > JUMP:
            self.handle(ClockJumped(moved))
