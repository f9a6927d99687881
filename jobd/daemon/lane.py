"""Lane: a queue that one coroutine works off in order, neighbours of a kind together."""

from collections import deque
from collections.abc import Sequence
from typing import Generic, TypeVar

import anyio

T = TypeVar("T")


class Lane(Generic[T]):
    """First in, first out. What has been taken counts as under way until ``done``."""

    def __init__(self) -> None:
        self._waiting: deque[T] = deque()
        self._signal = anyio.Event()
        self._idle = anyio.Event()
        self._idle.set()

    def put(self, item: T) -> None:
        """Add an item at the end; never blocks."""
        self._waiting.append(item)
        self._signal.set()
        if self._idle.is_set():
            self._idle = anyio.Event()

    async def take(self) -> Sequence[T]:
        """Wait for items; return the first and those of its type that directly follow it."""
        while not self._waiting:
            self._signal = anyio.Event()
            await self._signal.wait()
        kind = type(self._waiting[0])
        taken = [self._waiting.popleft()]
        while self._waiting and type(self._waiting[0]) is kind:
            taken.append(self._waiting.popleft())
        return taken

    def done(self) -> None:
        """What was taken is finished."""
        if not self._waiting:
            self._idle.set()

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits to be taken."""
        return not self._waiting

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits and nothing is under way."""
        return self._idle.is_set()

    async def drained(self) -> None:
        """Return once nothing waits and nothing is under way."""
        await self._idle.wait()
