"""Heartbeat: tells the shared store of this node once a second, and takes in what it shows.

A beat is also how the core looks around before it tries a tick late: then the next one
comes sooner, though never more than two a second.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

import anyio

from jobd.core.cluster import ClusterView, Letter, NodeWord
from jobd.core.events import ClusterSeen, StoreSilent
from jobd.daemon.inbox import Inbox
from jobd.daemon.shared_clock import SharedClock
from jobd.errors import StoreUnavailable
from jobd.ports import SharedStore
from jobd.telemetry.logs import get_log
from jobd.web.node import StoreHealth

BEAT_S = 1.0
SOONEST_S = 0.5


class Heartbeat:
    """Beats until cancelled. ``word`` says what to tell; ``on_letters`` answers other nodes."""

    def __init__(
        self,
        store: SharedStore,
        clock: SharedClock,
        inbox: Inbox,
        word: Callable[[], NodeWord],
        join: Callable[[], Awaitable[None]],
        on_letters: Callable[[Sequence[Letter]], None],
        on_return: Callable[[], None],
        on_unknown: Callable[[], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._inbox = inbox
        self._word = word
        self._join = join  # what must be done before a view, whenever it is not, and may fail
        self._on_letters = on_letters
        self._on_return = on_return  # the store answers again
        self._on_unknown = on_unknown  # it does not know this node, or no more
        self._wanted = anyio.Event()
        self._since: datetime | None = None
        self._last_answer_s = clock.steady_s()
        self._health = StoreHealth(is_up=True, trouble="", since=None)

    def look_around(self) -> None:
        """Beat soon."""
        self._wanted.set()

    def silence(self) -> timedelta:
        """Return how long ago the store last answered."""
        return timedelta(seconds=self._clock.steady_s() - self._last_answer_s)

    def health(self) -> StoreHealth:
        """Return whether the store answered the last beat, and how fast."""
        return self._health

    async def run(self) -> None:
        """Beat until cancelled."""
        while True:
            began_s = self._clock.steady_s()
            await self.beat()
            await anyio.sleep(max(0.0, SOONEST_S - (self._clock.steady_s() - began_s)))
            with anyio.move_on_after(max(0.0, BEAT_S - (self._clock.steady_s() - began_s))):
                await self._wanted.wait()

    async def beat(self) -> None:
        """Beat once: the answer, or the want of one, goes to the core."""
        self._wanted = anyio.Event()
        try:
            await self._join()
            sent_s = self._clock.steady_s()
            view = await self._store.beat(self._word(), self._since)
            has_stepped = self._clock.anchor(view.at, sent_s, self._clock.steady_s())
        except StoreUnavailable as error:
            self._fall_silent(error)
            return
        self._hear(view, sent_s, has_stepped)

    def _fall_silent(self, error: StoreUnavailable) -> None:
        since = self._health.since
        if self._health.is_up:
            since = self._clock.now()
            get_log().error("the shared store does not answer", error=str(error))
        self._health = StoreHealth(False, str(error), since)
        self._inbox.put(StoreSilent())

    def _hear(self, view: ClusterView, sent_s: float, has_stepped: bool) -> None:
        self._last_answer_s = self._clock.steady_s()
        if not self._health.is_up:
            get_log().info("the shared store answers again")
            self._on_return()
        self._health = StoreHealth(True, self._store.trouble, None, self._last_answer_s - sent_s)
        self._since = view.at
        if view.was_unknown:
            self._on_unknown()
        if has_stepped:
            get_log().warning("the store's clock has been set; taking over nothing for a while")
        self._inbox.put(ClusterSeen(view, sent_s, has_stepped))
        if view.letters:
            self._on_letters(view.letters)
