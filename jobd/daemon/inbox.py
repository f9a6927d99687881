"""Inbox: events on their way to the scheduler. One reader, many writers, one event loop."""

from collections import deque

import anyio

from jobd.core.events import Event


class Inbox:
    """Holds events until the loop takes them; putting one wakes the loop."""

    def __init__(self) -> None:
        self._events: deque[Event] = deque()
        self._signal = anyio.Event()

    def put(self, event: Event) -> None:
        """Add an event. Never blocks; must be called on the event loop's thread."""
        self._events.append(event)
        self._signal.set()

    async def wait(self, timeout_s: float) -> None:
        """Return when there is an event, or after ``timeout_s`` seconds."""
        if not self._events:
            with anyio.move_on_after(timeout_s):
                await self._signal.wait()
        self._signal = anyio.Event()

    @property
    def is_empty(self) -> bool:
        """Whether every event that was put has been taken, and thereby handled."""
        return not self._events

    def take(self) -> list[Event]:
        """Return all events that are there, oldest first."""
        events = list(self._events)
        self._events.clear()
        return events
