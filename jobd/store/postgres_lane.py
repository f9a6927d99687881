"""Lane: one connection to PostgreSQL on which calls go one after another.

A connection is opened when it is first needed and is never used again after a call whose
end is not known: that call may have happened or not, and repeating it does no harm. After a
failed attempt to connect a store rests a random while (full jitter), all its lanes together,
so that a thousand nodes do not knock at once; meanwhile calls fail at once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar

from jobd.errors import JobdError, StoreUnavailable

if TYPE_CHECKING:
    from jobd.store.postgres_wire import Answer, Wire

T = TypeVar("T")

FIRST_REST_S = 0.5
LONGEST_REST_S = 5.0


class Door:
    """Where a store's connections lead, and whether it is worth knocking now."""

    def __init__(self, url: str, *, node: str, random: Random) -> None:
        self._url = url
        self._node = node
        self._random = random
        self._failures = 0
        self._rest: asyncio.TimerHandle | None = None
        self._last = 0  # of several hosts, the one that was good last
        self._words = self._again = ""
        self.place = ""
        self.trouble = ""

    async def connect(self, timeout_s: float) -> "Wire":
        """Return a new connection to the first host that accepts writes, the last good first."""
        from jobd.store import postgres_wire  # with asyncpg, only where it is used

        self.place = self.place or postgres_wire.place_of(self._url)
        if self._rest is not None:
            raise StoreUnavailable(self._words, self._again)
        hosts = postgres_wire.hosts_of(self._url)
        share_s = timeout_s / len(hosts) * 0.9
        failures = list[str]()
        for number in sorted(range(len(hosts)), key=lambda n: (n - self._last) % len(hosts)):
            try:
                wire = await postgres_wire.connect(
                    hosts[number], node=self._node, timeout_s=share_s
                )
            except Exception as error:  # whatever keeps this host away, the next may answer
                failures.append(_refusal(error, postgres_wire.place_of(hosts[number]), share_s))
                continue
            self._last = number
            self.is_well()
            return wire
        raise self._rested("; ".join(failures))

    def is_well(self) -> None:
        """Note that the store answered."""
        self._failures, self.trouble = 0, ""

    def failed(self, error: Exception) -> None:
        """Note why the store did not answer."""
        if isinstance(error, StoreUnavailable):
            self.trouble = str(error)

    def close(self) -> None:
        """Forget that it is resting."""
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None

    def _rested(self, words: str) -> StoreUnavailable:
        most_s = min(FIRST_REST_S * 2**self._failures, LONGEST_REST_S)
        delay_s = self._random.uniform(0, most_s)
        self._failures += 1
        self._words, self._again = words, f"trying again within {max(delay_s, 0.1):.1f} s"
        self._rest = asyncio.get_running_loop().call_later(delay_s, self._wake)
        return StoreUnavailable(self._words, self._again)

    def _wake(self) -> None:
        self._rest = None


class Lane:
    """One connection; a call waits for those that came before it, and never longer than its
    deadline in all."""

    def __init__(self, door: Door, timeout_s: float) -> None:
        self._door = door
        self._timeout_s = timeout_s
        self._turn = asyncio.Lock()
        self._wire: Wire | None = None

    async def ask(
        self, function: str, asked: Mapping[str, Any], timeout_s: float | None = None
    ) -> "Answer":
        """Call a function of the schema ``jobd``."""
        return await self.use(lambda wire: wire.ask(function, asked), timeout_s)

    async def use(
        self, work: Callable[["Wire"], Awaitable[T]], timeout_s: float | None = None
    ) -> T:
        """Do some work on the connection; if its end is not known the connection is given up."""
        limit_s = self._timeout_s if timeout_s is None else timeout_s
        try:
            async with asyncio.timeout(limit_s), self._turn:
                answer = await self._work(work, limit_s)
        except TimeoutError as error:
            late = StoreUnavailable(f"{self._door.place}: no answer within {limit_s:g} s")
            self._door.failed(late)
            raise late from error
        except JobdError as error:
            self._door.failed(error)
            raise
        self._door.is_well()
        return answer

    async def close(self) -> None:
        """Let go of the connection, after the call that is under way."""
        async with self._turn:
            wire, self._wire = self._wire, None
        if wire is not None:
            try:
                await wire.close(timeout=self._timeout_s)
            except Exception:  # it may be broken long since
                wire.terminate()

    async def _work(self, work: Callable[["Wire"], Awaitable[T]], limit_s: float) -> T:
        if self._wire is None or self._wire.is_closed():
            self._wire = await self._door.connect(min(limit_s, self._timeout_s))
        from jobd.store.postgres_faults import explained, is_fatal

        wire = self._wire
        try:
            return await work(wire)
        except BaseException as error:
            if is_fatal(error) or wire.is_in_transaction():
                wire.terminate()
                self._wire = None
            if isinstance(error, TimeoutError) or not isinstance(error, Exception):
                raise
            raise explained(error, self._door.place) from error


def _refusal(error: Exception, place: str, timeout_s: float) -> str:
    """Return why a host could not be used; what cannot be mended by waiting is raised."""
    from jobd.store.postgres_faults import explained

    if isinstance(error, TimeoutError):
        return f"{place}: no connection within {timeout_s:.1f} s"
    meant = explained(error, place)
    if not isinstance(meant, StoreUnavailable):
        raise meant from error
    return str(meant)
