"""Places: how many calls are made at once, of all and to one host."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from anyio import CapacityLimiter


class Places:
    """At most ``most()`` at a time, and half of them, but one at least, for one target."""

    def __init__(self, most: Callable[[], int]) -> None:
        self._most = most
        self._all: CapacityLimiter | None = None  # made where there is a loop
        self._of_targets: dict[str, CapacityLimiter] = {}

    @asynccontextmanager
    async def one(self, target: str) -> AsyncIterator[None]:
        """Wait for a place and hold it. Who waits for one target's takes none of the others'."""
        most = self._most()
        if self._all is None:
            self._all = CapacityLimiter(most)
        share = max(1, most // 2)
        own = self._of_targets.setdefault(target, CapacityLimiter(share))
        self._all.total_tokens, own.total_tokens = most, share  # as they are by now
        try:
            async with own, self._all:
                yield
        finally:
            seen = own.statistics()
            if not seen.borrowed_tokens and not seen.tasks_waiting:
                self._of_targets.pop(target, None)
