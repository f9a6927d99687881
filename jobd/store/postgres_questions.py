"""Questions to PostgreSQL: of people, pages and retention, on a connection of their own, so that
however long an answer takes, no claim waits for it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from jobd.core.claim import ActiveRun
from jobd.core.ledger import TickRecord
from jobd.core.run import RunRecord
from jobd.core.usage import RunUse
from jobd.ports import USAGE_SEEN, AuditEntry, Happened, RunFilter, Window
from jobd.ports.window import WINDOW_SEEN, WINDOW_SEEN_OF_JOB
from jobd.store import postgres_rows as rows
from jobd.store.columns import micros, micros_or_none, use_of
from jobd.store.postgres_lane import Lane
from jobd.store.remembered import AUDIT_KEPT
from jobd.store.window_rows import happened_of

PRUNE_BATCH = 300  # rows that one transaction of prune deletes


class Questions:
    """What a shared store is asked, and what does not depend on the order of claims."""

    def __init__(
        self, lane: Lane, make_ready: Callable[[], Awaitable[None]], *, node: str, lock_timeout: str
    ) -> None:
        self._asking = lane
        self._see_to_tables = make_ready
        self._node = node
        self._lock_timeout = lock_timeout

    async def orphans(self) -> Sequence[ActiveRun]:
        """Return this node's active runs of jobs that it did not enrol."""
        found = await self._ask("orphans", {"node": self._node})
        return [rows.active_run_of(run) for run in found["runs"]]

    async def run(self, run_id: str) -> RunRecord | None:
        """See :meth:`jobd.ports.Store.run`."""
        if not run_id or not run_id.isascii() or not run_id.isprintable():
            return None  # ids are, so that nothing else can be one
        found = (await self._ask("run", {"prefix": run_id}))["run"]
        return None if found is None else rows.record_of(found)

    async def runs(self, wanted: RunFilter) -> Sequence[RunRecord]:
        """See :meth:`jobd.ports.Store.runs`."""
        asked = {"job": wanted.job, "outcome": wanted.outcome, "limit": max(wanted.limit, 0)}
        found = await self._ask("runs", asked)
        return [rows.record_of(run) for run in found["runs"]]

    async def ticks(
        self, job: str, *, at: datetime | None = None, limit: int = 20
    ) -> Sequence[TickRecord]:
        """See :meth:`jobd.ports.Store.ticks`."""
        limit = max(limit, 0)
        asked = {"job": job, "at": micros_or_none(at), "limit": limit}
        found = await self._ask("ticks", asked)
        return [rows.tick_of(row) for row in found["ticks"][:limit]]

    async def skip_counts(self, since: datetime) -> Mapping[str, Mapping[str, int]]:
        """See :meth:`jobd.ports.Store.skip_counts`."""
        found = await self._ask("skip_counts", {"since": micros(since)})
        counts: dict[str, dict[str, int]] = {}
        for job, reason, number in found["counts"]:
            counts.setdefault(job, {})[reason] = number
        return counts

    async def usage(self, jobs: Sequence[str], most: int) -> Mapping[str, Sequence[RunUse]]:
        """See :meth:`jobd.ports.Store.usage`."""
        asked = {"jobs": [*jobs], "most": max(most, 0), "seen": USAGE_SEEN, "earlier": True}
        found = await self._ask("usage", asked)
        return {job: [use_of(use) for use in uses] for job, uses in found["usage"]}

    async def happened(self, window: Window) -> Happened:
        """See :meth:`jobd.ports.Store.happened`."""
        asked = {
            "start": micros(window.start),
            "end": micros(window.end),
            "cells": window.cells,
            "jobs": None if window.jobs is None else [*window.jobs],
            "seen": WINDOW_SEEN if window.jobs is None else WINDOW_SEEN_OF_JOB,
        }
        found = await self._ask("happened", asked)
        return happened_of(found["runs"], found["skips"])

    async def note(self, entry: AuditEntry) -> None:
        """See :meth:`jobd.ports.Store.note`."""
        await self._ask("note", {**rows.audit_json(entry), "kept": AUDIT_KEPT})

    async def audit(self, target: str | None = None, limit: int = 50) -> Sequence[AuditEntry]:
        """See :meth:`jobd.ports.Store.audit`."""
        found = await self._ask("audit", {"target": target, "limit": max(limit, 0)})
        return [rows.audit_of(row) for row in found["audit"]]

    async def prune(self, older_than: datetime, keep_per_job: int) -> Sequence[str]:
        """See :meth:`jobd.ports.Store.prune`."""
        bounds = {"older_than": micros(older_than), "keep": max(keep_per_job, 0)}
        gone = list[str]()
        for function in ("prune_runs", "prune_skips"):
            gone += await self._prune_crowded(function, bounds)
            gone += await self._prune_old(function, bounds)
        await self._prune_old("prune_nodes", bounds)
        return gone

    async def _prune_crowded(self, function: str, bounds: Mapping[str, int]) -> list[str]:
        """Delete what is beyond the newest so many, a few hundred jobs after another."""
        gone, after = list[str](), 0
        while True:
            answer = await self._delete(function, {**bounds, "after": after})
            gone += answer["gone"]
            if answer["last"] is None:
                return gone
            if not answer["is_full"]:
                after = answer["last"]

    async def _prune_old(self, function: str, bounds: Mapping[str, int]) -> list[str]:
        gone, is_full = list[str](), True
        while is_full:
            answer = await self._delete(function, bounds)
            gone += answer["gone"]
            is_full = answer["is_full"]
        return gone

    async def _ask(self, function: str, asked: Mapping[str, Any]) -> rows.Json:
        await self._see_to_tables()
        return await self._asking.ask(function, asked)

    async def _delete(self, function: str, bounds: Mapping[str, int]) -> rows.Json:
        asked = {**bounds, "limit": PRUNE_BATCH, "lock_timeout": self._lock_timeout}
        return await self._ask(function, asked)
