"""To the store: effects that concern it, performed in order, answers put into the inbox.

Order is what makes a claim that follows a run's end find the lease free. Neighbours of a
kind go together in one transaction, which is what makes a herd cheap.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import TypeVar

import anyio

from jobd.core.effects import (
    Claim,
    FinishRun,
    RecordSkips,
    SaveDrain,
    SavePause,
    SaveRun,
    SaveSkipNext,
    VoidSkips,
)
from jobd.core.events import ClaimsDecided, ClaimsFailed, SkipsRecorded
from jobd.daemon.drained import text_of
from jobd.daemon.inbox import Inbox
from jobd.daemon.lane import Lane
from jobd.daemon.routes import StoreEffect
from jobd.errors import StoreUnavailable
from jobd.ports import Clock, NodeMemory, Store
from jobd.telemetry.logs import get_log

FIRST_RETRY_S = 0.2
LONGEST_RETRY_S = 10.0

T = TypeVar("T")


class ToStore:
    """Performs store effects on the embedded store, which holds the ``memory`` of this node too.

    ``on_finished`` is told each end once it is durable.
    """

    def __init__(
        self,
        store: Store,
        memory: NodeMemory,
        clock: Clock,
        node: str,
        inbox: Inbox,
        on_finished: Callable[[Sequence[FinishRun]], None],
    ) -> None:
        self._store = store
        self._memory = memory
        self._clock = clock
        self._node = node
        self._inbox = inbox
        self._on_finished = on_finished
        self.lane = Lane[StoreEffect | SaveDrain]()

    def put(self, effect: StoreEffect) -> None:
        """Take an effect over."""
        self.lane.put(effect)

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            effects = await self.lane.take()
            await self._perform(effects)
            self.lane.done()

    async def _perform(self, effects: Sequence[StoreEffect | SaveDrain]) -> None:
        match effects[0]:
            case Claim():
                await self._claim([e for e in effects if isinstance(e, Claim)])
            case RecordSkips():
                await self._skip([e for e in effects if isinstance(e, RecordSkips)])
            case FinishRun():
                await self._finish([e for e in effects if isinstance(e, FinishRun)])
            case _:
                for effect in effects:
                    await insist(partial(self._save, effect))

    async def _claim(self, effects: Sequence[Claim]) -> None:
        requests = tuple(request for effect in effects for request in effect.requests)
        try:
            answers = await self._store.claim(requests, self._node, self._clock.now())
        except StoreUnavailable as error:
            self._inbox.put(ClaimsFailed(requests, str(error)))
            return
        self._inbox.put(ClaimsDecided(tuple(answers)))

    async def _skip(self, effects: Sequence[RecordSkips]) -> None:
        skips = [skip for effect in effects for skip in effect.skips]
        now = self._clock.now()
        recorded = await insist(lambda: self._store.skip(skips, self._node, now))
        self._inbox.put(SkipsRecorded(tuple(recorded)))

    async def _finish(self, effects: Sequence[FinishRun]) -> None:
        finishes = [effect.finish for effect in effects]
        await insist(lambda: self._store.finish(finishes))
        self._on_finished(effects)

    async def _save(self, effect: StoreEffect | SaveDrain) -> None:
        match effect:
            case SaveRun(run):
                await self._store.save_run(run)
            case SavePause(jobs, pause):
                await self._store.save_pause(jobs, pause)
            case SaveSkipNext(job, skip_next):
                await self._store.save_skip_next(job, skip_next)
            case VoidSkips(after, schedules):
                await self._store.void_skips_after(after, schedules)
            case SaveDrain(drain):
                await self._memory.keep_fact("drain", text_of(drain))


async def insist(write: Callable[[], Awaitable[T]]) -> T:
    """Repeat a write until the store takes it, ever more slowly.

    Every write of the store is harmless to repeat, and none may be lost: a skip or an
    outcome that this node knows reaches the ledger, if need be later.
    """
    try:
        return await write()
    except StoreUnavailable as error:
        get_log().error("the store takes no writes; repeating", error=str(error))
    answer = await _repeat(write)
    get_log().info("the store takes writes again")
    return answer


async def _repeat(write: Callable[[], Awaitable[T]]) -> T:
    wait_s = FIRST_RETRY_S
    while True:
        await anyio.sleep(wait_s)  # longer each time; what is not written must not be forgotten
        with suppress(StoreUnavailable):  # the log has said so
            return await write()
        wait_s = min(wait_s * 2, LONGEST_RETRY_S)
