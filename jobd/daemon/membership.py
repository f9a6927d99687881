"""Membership: all that a node has more of when it shares its store with others.

A daemon with the embedded store alone has none. The shared store may be away when the
daemon starts, or for hours: jobs of the node go on, and it joins when the store is back.
"""

import uuid
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from random import Random

import anyio
from anyio.abc import TaskGroup

from jobd import __version__
from jobd.core.cluster import Letter, NodeWord
from jobd.core.effects import FinishRun
from jobd.core.lease import LeaseTerms
from jobd.core.run import RunRecord
from jobd.core.scheduler import Scheduler
from jobd.daemon.heartbeat import Heartbeat
from jobd.daemon.inbox import Inbox
from jobd.daemon.renewals import Renewals
from jobd.daemon.shared_clock import SharedClock
from jobd.daemon.to_shared import ToShared
from jobd.errors import StoreUnavailable
from jobd.ports import NodeMemory, SharedStore

FAREWELL_S = 2.0  # what a stop grants the store for the last beat


@dataclass(frozen=True, slots=True)
class Ways:
    """How a membership reaches the rest of the daemon."""

    inbox: Inbox
    join: Callable[[], Awaitable[None]]  # open the store and enrol; StoreUnavailable if it is away
    forgotten: Callable[[], None]  # the store does not know this node: join anew
    digest: Callable[[], str]  # of the configuration that all nodes must have in common
    finished: Callable[[Sequence[FinishRun]], None]
    settled: Callable[[RunRecord, bool], None]  # an end: has the store taken it?
    letters: Callable[[Sequence[Letter]], None]
    renewals_failed: Callable[[int], None]
    chance: Random  # spreads the retries of several nodes


class Membership:
    """This node as one of several. ``clock`` is the cluster's."""

    def __init__(
        self,
        store: SharedStore,
        memory: NodeMemory,
        clock: SharedClock,
        terms: LeaseTerms,
        scheduler: Scheduler,
        ways: Ways,
    ) -> None:
        self.store = store
        self.clock = clock
        self._memory = memory
        self._scheduler = scheduler
        self._ways = ways
        self._state_id = ""
        self._is_leaving = False
        inbox = ways.inbox
        self.heartbeat = Heartbeat(
            store,
            clock,
            inbox,
            self._word,
            ways.join,
            ways.letters,
            self._has_returned,
            ways.forgotten,
        )
        self.renewals = Renewals(store, clock, terms, inbox, ways.renewals_failed)
        self.to_shared = ToShared(
            store,
            memory,
            clock,
            terms,
            inbox,
            ways.finished,
            ways.settled,
            self._may_take_over,
            ways.chance,
        )

    async def open(self) -> None:
        """Introduce this node, so that the cluster's time is known before the first tick.

        Returns all the same when the store is away. ``StateError``: it cannot be used, or
        another daemon has this node's name.
        """
        self._state_id = await self._own_id()
        with suppress(StoreUnavailable):  # the first beat says so, to the log and to the core
            await self.store.open()
        await self.heartbeat.beat()

    def start(self, tasks: TaskGroup) -> None:
        """Begin to beat, to renew and to deliver."""
        tasks.start_soon(self.heartbeat.run)
        tasks.start_soon(self.renewals.keep_asking)
        tasks.start_soon(self.renewals.run)
        tasks.start_soon(self.to_shared.run)

    async def leave(self) -> None:
        """Tell the others not to wait for this node's turn any more."""
        self._is_leaving = True
        with anyio.move_on_after(FAREWELL_S), suppress(StoreUnavailable):
            await self.store.beat(self._word(), None)

    async def close(self) -> None:
        """Let go of the store."""
        await self.store.close()

    def _has_returned(self) -> None:
        self.to_shared.hurry()

    def _may_take_over(self) -> bool:
        neighbours = self._scheduler.state.neighbours
        return neighbours is not None and neighbours.may_take_over(self.clock.now())

    def _word(self) -> NodeWord:
        state = self._scheduler.state
        return NodeWord(
            node=state.node,
            incarnation=state.incarnation,
            state_id=self._state_id,
            version=__version__,
            digest=self._ways.digest(),
            labels=state.labels,
            running=state.room.taken,
            max_running=state.room.max_running,
            load=state.room.load,
            is_draining=state.drain is not None,
            is_leaving=self._is_leaving or state.is_stopping,
            doubts_until=self._doubts_until(),
        )

    def _doubts_until(self) -> datetime | None:
        neighbours = self._scheduler.state.neighbours
        return None if neighbours is None else neighbours.doubts_until(self.clock.now())

    async def _own_id(self) -> str:
        """Return the identity of this state directory, made at the first start."""
        known = await self._memory.fact("state_id")
        if known is None:
            known = uuid.uuid4().hex
            await self._memory.keep_fact("state_id", known)
        return known
