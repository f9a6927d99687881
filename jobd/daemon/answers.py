"""Answers: who asked the scheduler for something waits here for its word; so do those who
wait for a run's end."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import anyio

from jobd.core.effects import Reply
from jobd.errors import JobdError

PATIENCE = timedelta(seconds=30)


class NoAnswer(JobdError):
    """The scheduler did not answer in time; the store is probably not answering either."""


class _Slot:
    """One who waits."""

    def __init__(self) -> None:
        self.has_come = anyio.Event()
        self.reply: Reply | None = None


class Answers:
    """Matches replies to requests, and ends to those who wait for them."""

    def __init__(self) -> None:
        self._slots: dict[str, _Slot] = {}
        self._ends: defaultdict[str, list[anyio.Event]] = defaultdict(list)

    def expect(self, request_id: str) -> None:
        """Make ready for a reply; call before the event is put into the inbox."""
        self._slots[request_id] = _Slot()

    def give(self, reply: Reply) -> None:
        """Pass on a reply; nobody may be waiting any more."""
        slot = self._slots.get(reply.request_id)
        if slot is not None:
            slot.reply = reply
            slot.has_come.set()

    async def receive(self, request_id: str) -> Reply:
        """Return the reply; ``NoAnswer`` after PATIENCE."""
        slot = self._slots[request_id]
        try:
            with anyio.move_on_after(PATIENCE.total_seconds()):
                await slot.has_come.wait()
        finally:
            del self._slots[request_id]
        if slot.reply is None:
            raise NoAnswer("no answer from the scheduler yet; see `jobd ctl status` and the log")
        return slot.reply

    def ended(self, run_id: str) -> None:
        """Wake those who wait for a run's end."""
        for event in self._ends.pop(run_id, ()):
            event.set()

    @contextmanager
    def end_of(self, run_id: str) -> Iterator[Callable[[timedelta], Awaitable[None]]]:
        """Listen for a run's end while the context lasts.

        Gives a function that returns once the run has ended, or after the time it is given.
        Listening begins before anyone looks whether it has ended already: no end is missed.
        """
        event = anyio.Event()
        self._ends[run_id].append(event)

        async def has_ended(timeout: timedelta) -> None:
            with anyio.move_on_after(timeout.total_seconds()):
                await event.wait()

        try:
            yield has_ended
        finally:
            self._stop_listening(run_id, event)

    def _stop_listening(self, run_id: str, event: anyio.Event) -> None:
        listeners = self._ends.get(run_id, [])
        if event in listeners:
            listeners.remove(event)
        if not listeners:
            self._ends.pop(run_id, None)
