"""Chores: what has to be done now and then. Retention, and looking whether the store answers."""

from collections.abc import Callable, Container, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import anyio

from jobd.config.model import StoreSettings
from jobd.daemon.outputs import Outputs
from jobd.errors import StoreUnavailable
from jobd.ports import Clock, Store
from jobd.telemetry.logs import get_log
from jobd.web.node import StoreHealth

PING_S = 5.0
PRUNE_S = 3600.0
FIRST_PRUNE_S = 60.0  # not at once: a start has better things to do


class Chores:
    """Works beside the scheduler. ``active``: the ids of the runs that have not ended, at any
    time; ``on_health`` is told when the store's health has changed."""

    def __init__(
        self,
        store: Store,
        shared: Store | None,
        clock: Clock,
        outputs: Outputs,
        active: Container[str],
        settings: Callable[[], StoreSettings],
        on_health: Callable[[StoreHealth], None],
    ) -> None:
        self._store = store
        self._stores = (store,) if shared is None else (store, shared)
        self._clock = clock
        self._outputs = outputs
        self._active = active
        self._settings = settings
        self._on_health = on_health
        self.health = StoreHealth(is_up=True, trouble="", since=None)
        self._last_answer_s = clock.steady_s()

    def silence(self) -> timedelta:
        """Return how long ago the store last answered."""
        return timedelta(seconds=self._clock.steady_s() - self._last_answer_s)

    async def keep_pinging(self) -> None:
        """Ask the store for a sign of life until cancelled; a full disk recovers here."""
        while True:
            await self.ping()
            await anyio.sleep(PING_S)

    async def keep_pruning(self) -> None:
        """Delete what is older than the settings keep, until cancelled."""
        await anyio.sleep(FIRST_PRUNE_S)
        while True:
            await self.prune()
            await anyio.sleep(PRUNE_S)

    async def ping(self) -> None:
        """Look at the store's health once."""
        asked_s = self._clock.steady_s()
        try:
            await self._store.ping()
            self._last_answer_s = self._clock.steady_s()
            seen = StoreHealth(True, self._store.trouble, None, self._last_answer_s - asked_s)
        except StoreUnavailable as error:
            seen = StoreHealth(False, str(error), None)
        known = self.health
        if (seen.is_up, bool(seen.trouble)) != (known.is_up, bool(known.trouble)):
            self.health = replace(seen, since=self._clock.now() if seen.trouble else None)
            self._on_health(self.health)
        else:
            self.health = replace(seen, since=known.since)

    async def prune(self) -> None:
        """Delete history beyond its bounds, and the output that belongs to it."""
        settings = self._settings()
        older_than = self._clock.now() - max(settings.keep_runs, timedelta(minutes=1))
        try:
            gone: list[str] = []
            for store in self._stores:
                gone += await store.prune(older_than, settings.keep_runs_per_job)
            strangers = await self._strangers(older_than)
        except StoreUnavailable as error:
            get_log().warning("history not pruned; next try in an hour", error=str(error))
            return
        await self._outputs.remove(gone)
        await self._outputs.remove(strangers)
        if strangers:
            get_log().info("output of unknown runs deleted", runs=len(strangers))

    async def _strangers(self, older_than: datetime) -> Sequence[str]:
        """Return the runs whose output is as old, and of which the store has never heard: it
        could not be written to when they ran. While it still cannot, nobody is one."""
        if self._store.trouble:
            return ()
        found = await self._outputs.untouched_since(older_than)
        return [run_id for run_id in found if not await self._is_known(run_id)]

    async def _is_known(self, run_id: str) -> bool:
        if run_id in self._active:  # one that writes nothing for a month
            return True
        found = [await store.run(run_id) for store in self._stores]
        return any(run is not None and run.run_id == run_id for run in found)  # a prefix is another
