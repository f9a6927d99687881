"""Loop: readiness and time for one thread. Nothing here knows what a run is.

Level-triggered epoll hands out ready descriptors in turn, so one that is always ready
gets no more than its share; timers are looked at after every batch, for a slice of time.
Urgent timers wait for one callback at most, however much else is due; what such a callback
leaves to be followed up comes next, after the first step of all others that are urgent.
"""

import heapq
import os
import select
from collections import deque
from collections.abc import Callable

from jobd.supervisor.alarm import Alarm
from jobd.supervisor.instants import steady_s
from jobd.supervisor.journal import complain

READABLE = select.EPOLLIN
WRITABLE = select.EPOLLOUT
URGENT = select.EPOLLPRI

_MAX_WAIT_S = 5.0  # a second look, should the alarm fail us
_SLICE_S = 0.02  # how long timers may keep descriptors waiting
_BATCH = 256
_BATCH_WHEN_BUSY = 16


class Timer:
    """A callback to come; :meth:`cancel` forgets it."""

    __slots__ = ("_callback",)

    def __init__(self, callback: Callable[[], None]) -> None:
        self._callback: Callable[[], None] | None = callback

    @property
    def is_cancelled(self) -> bool:
        """Whether it will not fire (any more)."""
        return self._callback is None

    def cancel(self) -> None:
        """Never fire; harmless when it has fired."""
        self._callback = None

    def fire(self) -> None:
        """Call back, once."""
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()


class Loop:
    """Waits for descriptors and instants and calls back, until stopped."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._handlers: dict[int, Callable[[], None]] = {}
        self._timers: list[tuple[float, int, Timer]] = []
        self._urgent: list[tuple[float, int, Timer]] = []
        self._follow_ups: deque[Callable[[], None]] = deque()
        self._serial = 0
        self._alarm = Alarm()
        self.watch(self._alarm.fd, READABLE, self._alarm.clear)
        self.is_stopped = False

    def watch(self, fd: int, events: int, handler: Callable[[], None]) -> None:
        """Call ``handler`` whenever one of ``events`` (or an error) is there."""
        if fd in self._handlers:
            self._epoll.modify(fd, events)
        else:
            self._epoll.register(fd, events)
        self._handlers[fd] = handler

    def unwatch(self, fd: int) -> None:
        """Stop calling back for ``fd``; harmless when it was not watched."""
        if self._handlers.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def call_at(
        self, instant_s: float, callback: Callable[[], None], *, is_urgent: bool = False
    ) -> Timer:
        """Call back once the steady clock has reached ``instant_s``. Urgent is what others
        rely on; it comes before all that is due or ready."""
        timer = Timer(callback)
        self._serial += 1
        heapq.heappush(
            self._urgent if is_urgent else self._timers, (instant_s, self._serial, timer)
        )
        if self._serial % 1024 == 0:
            _drop_cancelled(self._timers)
            _drop_cancelled(self._urgent)
        return timer

    def follow_up(self, callback: Callable[[], None]) -> None:
        """Call back once nothing urgent is due, before anything else."""
        self._follow_ups.append(callback)

    def fire_urgent(self) -> None:
        """Call back what is urgent and due, then what follows it up. Work that takes its time
        has to ask for this."""
        self._fire_overdue()
        for _ in range(len(self._follow_ups)):
            self._guarded(self._follow_ups.popleft())
            self._fire_overdue()

    def stop(self) -> None:
        """Return from :meth:`run` after this turn."""
        self.is_stopped = True

    def run(self, work: Callable[[], bool], flush: Callable[[], None]) -> None:
        """Turn until stopped: ``work`` (True: it has more to do), wait, handlers, ``flush``."""
        while not self.is_stopped:
            is_busy = self._guarded(work)
            self._guarded(flush)
            self._dispatch(bool(is_busy))
            self._fire_due()
            self._guarded(flush)

    def _dispatch(self, is_busy: bool) -> None:
        timeout = 0.0 if is_busy else self._time_to_next()
        for fd, _ in self._epoll.poll(timeout, _BATCH_WHEN_BUSY if is_busy else _BATCH):
            self.fire_urgent()  # we may have slept
            handler = self._handlers.get(fd)
            if handler is not None and self._guarded(handler) is _FAILED:
                self.unwatch(fd)

    def _fire_overdue(self) -> None:
        if not self._urgent:
            return
        now = steady_s()  # what becomes due meanwhile must not keep the rest waiting for ever
        while self._urgent and self._urgent[0][0] <= now:
            self._guarded(heapq.heappop(self._urgent)[2].fire)

    def _time_to_next(self) -> float:
        heads = [instant for heap in (self._timers, self._urgent) for instant in _head(heap)]
        if self.is_stopped or self._follow_ups:
            return 0.0
        if not heads:
            return -1
        instant = min(heads)
        wait_s = instant - steady_s()
        if wait_s <= 0.0:
            return 0.0
        self._alarm.set(instant)
        return min(wait_s, _MAX_WAIT_S)

    def _fire_due(self) -> None:
        self.fire_urgent()
        if not self._timers:
            return
        now = steady_s()
        while self._timers and self._timers[0][0] <= now and steady_s() < now + _SLICE_S:
            self._guarded(heapq.heappop(self._timers)[2].fire)
            self.fire_urgent()

    def _guarded(self, callback: Callable[[], object]) -> object:
        """One run's trouble must not end the loop that holds all the others."""
        try:
            return callback()
        except Exception as error:
            complain("an internal error; please report it", error)
            return _FAILED


_FAILED = object()


def _head(heap: list[tuple[float, int, Timer]]) -> list[float]:
    """Return the first instant at which a timer of the heap fires, if one does."""
    while heap and heap[0][2].is_cancelled:
        heapq.heappop(heap)
    return [heap[0][0]] if heap else []


def _drop_cancelled(heap: list[tuple[float, int, Timer]]) -> None:
    if len(heap) > 64:
        heap[:] = [entry for entry in heap if not entry[2].is_cancelled]
        heapq.heapify(heap)


def wakeup_pipe() -> tuple[int, int]:
    """Return a non-blocking pipe for signals to write to."""
    return os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
