"""Recall: questions about the past, put to whichever store knows, as if there were one.

A store that is away makes a question fail that it would have to answer: a list with holes
in it would look like the truth.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from jobd.core.ledger import TickRecord
from jobd.core.run import RunRecord
from jobd.core.usage import RunUse
from jobd.errors import StoreUnavailable
from jobd.ports import AuditEntry, Happened, RunFilter, SharedStore, Store, Window


class Recall:
    """Answers from the local store and, where there is one, the shared store."""

    def __init__(
        self, local: Store, shared: SharedStore | None, is_shared: Callable[[str], bool]
    ) -> None:
        self._local = local
        self._shared = shared
        self._is_shared = is_shared

    async def run(self, run_id: str) -> RunRecord | None:
        """See :meth:`jobd.ports.Store.run`."""
        found = await self._local.run(run_id)
        if found is None and self._shared is not None:
            found = await self._shared.run(run_id)
        return found

    async def runs(self, wanted: RunFilter) -> Sequence[RunRecord]:
        """See :meth:`jobd.ports.Store.runs`."""
        if self._shared is None or (wanted.job is not None and not self._is_shared(wanted.job)):
            return await self._local.runs(wanted)
        shared = await self._shared.runs(wanted)
        both = [*shared, *await self._local.runs(wanted)]
        return sorted(both, key=lambda run: run.claimed_at, reverse=True)[: max(wanted.limit, 0)]

    async def ticks(
        self, job: str, *, at: datetime | None = None, limit: int = 20
    ) -> Sequence[TickRecord]:
        """See :meth:`jobd.ports.Store.ticks`."""
        return await self._of(job).ticks(job, at=at, limit=limit)

    async def skip_counts(self, since: datetime) -> Mapping[str, Mapping[str, int]]:
        """See :meth:`jobd.ports.Store.skip_counts`."""
        local = await self._local.skip_counts(since)
        if self._shared is None:
            return local
        shared = await self._shared.skip_counts(since)
        # A job whose scope was changed has been skipped in both.
        return {
            job: Counter(local.get(job, {})) + Counter(shared.get(job, {}))
            for job in local.keys() | shared.keys()
        }

    async def usage(self, jobs: Sequence[str], most: int) -> Mapping[str, Sequence[RunUse]]:
        """See :meth:`jobd.ports.Store.usage`."""
        if self._shared is None:
            return await self._local.usage(jobs, most)
        own = [job for job in jobs if not self._is_shared(job)]
        shared = [job for job in jobs if self._is_shared(job)]
        found = dict(await self._local.usage(own, most)) if own else {}
        return {**found, **(await self._shared.usage(shared, most) if shared else {})}

    async def happened(self, window: Window) -> Happened:
        """See :meth:`jobd.ports.Store.happened`."""
        if self._shared is None:
            return await self._local.happened(window)
        own = shared = window
        if window.jobs is not None:
            own = replace(window, jobs=tuple(j for j in window.jobs if not self._is_shared(j)))
            shared = replace(window, jobs=tuple(j for j in window.jobs if self._is_shared(j)))
        here = await self._local.happened(own) if own.jobs != () else Happened()
        there = await self._shared.happened(shared) if shared.jobs != () else Happened()
        return Happened([*here.runs, *there.runs], [*here.skips, *there.skips])

    async def audit(self, target: str | None = None, limit: int = 50) -> Sequence[AuditEntry]:
        """See :meth:`jobd.ports.Store.audit`."""
        entries = list(await self._local.audit(target, limit))
        if self._shared is not None:
            entries += await self._shared.audit(target, limit)
        return sorted(entries, key=lambda entry: entry.at, reverse=True)[: max(limit, 0)]

    async def note(self, entry: AuditEntry) -> None:
        """Keep who did what where every node can read it, or, while that is away, here."""
        if self._shared is not None:
            with suppress(StoreUnavailable):
                await self._shared.note(entry)
                return
        await self._local.note(entry)

    def _of(self, job: str) -> Store:
        return self._shared if self._shared is not None and self._is_shared(job) else self._local
