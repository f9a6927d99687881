"""Renewals: keep the leases of this node's runs, on a schedule that nothing else can delay.

They go their own way to the store, past claims and everything else, and are timed on the
steady clock. What the core makes of the answers, the supervisor is told as deadlines.
"""

from collections.abc import Callable

import anyio

from jobd.core.effects import RenewLeases
from jobd.core.events import LeasesRenewed, RenewalDue, RenewalFailed
from jobd.core.lease import LeaseTerms
from jobd.daemon.inbox import Inbox
from jobd.daemon.lane import Lane
from jobd.errors import StoreUnavailable
from jobd.ports import Clock, SharedStore
from jobd.telemetry.logs import get_log

# After a renewal that was not answered, the next one comes this many times sooner.
_HURRY = 4


class Renewals:
    """Renews until cancelled. ``on_failed`` is told how many leases were not renewed."""

    def __init__(
        self,
        store: SharedStore,
        clock: Clock,
        terms: LeaseTerms,
        inbox: Inbox,
        on_failed: Callable[[int], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._every_s = terms.renew_every.total_seconds()
        self._inbox = inbox
        self._on_failed = on_failed
        self._has_failed = False
        self._failed = anyio.Event()
        self.lane = Lane[RenewLeases]()

    async def keep_asking(self) -> None:
        """Tell the core when a renewal is due, until cancelled; at once for a start, and sooner
        after one that has failed."""
        while True:
            self._inbox.put(RenewalDue())
            with anyio.move_on_after(self._every_s):
                await self._failed.wait()
                # Sooner than the next one is due, and not so soon that it would burden the store.
                await anyio.sleep(self._every_s / _HURRY)
            self._failed = anyio.Event()

    async def run(self) -> None:
        """Renew what the core asks for, until cancelled. Of several requests the last counts."""
        while True:
            effects = await self.lane.take()
            await self._renew(effects[-1])
            self.lane.done()

    async def _renew(self, effect: RenewLeases) -> None:
        sent_s = self._clock.steady_s()
        try:
            answers = await self._store.renew(effect.holdings)
        except StoreUnavailable as error:
            if not self._has_failed:
                get_log().error("leases are not renewed", error=str(error))
            self._has_failed = True
            self._failed.set()
            self._on_failed(len(effect.holdings))
            self._inbox.put(RenewalFailed())
            return
        self._has_failed = False
        told = list(zip(effect.holdings, answers, strict=True))
        kept = tuple(holding for holding, is_kept in told if is_kept)
        lost = tuple(holding for holding, is_kept in told if not is_kept)
        self._inbox.put(LeasesRenewed(kept, lost, sent_s))
