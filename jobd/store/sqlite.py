"""SqliteStore: one file, one writer thread, one reader thread; see :class:`jobd.ports.Store`.

An operation is one call on the writer's thread. Its queue is what makes operations take
effect in the order of their calls; and as a thread cannot be cancelled, a caller who is
leaves no half of one behind.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from jobd.core.claim import ActiveRun, ClaimAnswer, ClaimRequest, JobMemory, Pause
from jobd.core.ledger import Skip, TickRecord
from jobd.core.run import Finish, RunRecord
from jobd.core.schedule import Schedule
from jobd.core.usage import RunUse
from jobd.errors import StoreUnavailable
from jobd.ports import AuditEntry, Enrolment, Happened, RunFilter, Window
from jobd.store import decide
from jobd.store.claims import claim
from jobd.store.leases import Asker
from jobd.store.lock import StateLock
from jobd.store.roll import Draft
from jobd.store.sqlite_file import Doomed
from jobd.store.sqlite_node import SqliteNodeMemory
from jobd.store.sqlite_reader import Reader
from jobd.store.sqlite_writer import Writer
from jobd.store.void import void_skips_after

T = TypeVar("T")

# Rows that one transaction of prune deletes: about ten milliseconds that a claim may wait.
PRUNE_BATCH = 500


class SqliteStore:
    """Remembers everything in the file ``path``; the directory of it is the state directory,
    which this holds from ``open`` to ``close``. Unless it ``migrates``, the file has to be
    there, with the tables of this version."""

    def __init__(self, path: Path, *, node: str, migrates: bool = True) -> None:
        self._path = path.absolute()
        self._lock = StateLock(self._path.parent, node)
        self._writer = Writer(self._path, migrates=migrates)
        self._reader = Reader(self._path)
        self._writing: ThreadPoolExecutor | None = None
        self._reading: ThreadPoolExecutor | None = None

    @property
    def node_memory(self) -> SqliteNodeMemory:
        """What this node remembers for itself, in the same file."""
        return SqliteNodeMemory(self._run)

    @property
    def trouble(self) -> str:
        """Why history is not being kept; "" when all is well."""
        return self._writer.trouble

    async def open(self) -> None:
        """Take the lock, make the file ready, load the jobs; ``StateError`` says why not."""
        assert self._writing is None, f"{self._path} is open already"
        self._writing = ThreadPoolExecutor(1, "jobd-store-writer")
        self._reading = ThreadPoolExecutor(1, "jobd-store-reader")
        try:
            await self._write(self._lock.take)
            await self._write(self._writer.open)
            await self._ask(self._reader.open)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Finish what was asked, let go of file and lock; safe to call twice."""
        writing, reading = self._writing, self._reading
        self._writing = self._reading = None
        if writing is None or reading is None:
            return
        self._reader.interrupt()
        done = asyncio.wrap_future(writing.submit(self._close, reading))
        writing.shutdown(wait=False)
        await asyncio.shield(done)

    async def ping(self) -> None:
        """Return when the file answers; also the moment at which what is owed is written."""
        await self._write(self._writer.ping)

    async def enrol(
        self, enrolments: Sequence[Enrolment], now: datetime
    ) -> Mapping[str, JobMemory]:
        """See :meth:`jobd.ports.Store.enrol`."""
        return await self._change(lambda draft: decide.enrol(draft, enrolments, now), now)

    async def orphans(self) -> Sequence[ActiveRun]:
        """See :meth:`jobd.ports.Store.orphans`."""
        return await self._write(self._writer.orphans)

    async def claim(
        self, requests: Sequence[ClaimRequest], node: str, now: datetime
    ) -> Sequence[ClaimAnswer]:
        """See :meth:`jobd.ports.Store.claim`."""
        history, asker = self._writer, Asker(node, now)
        return await self._change(
            lambda draft: [claim(draft, history, one, asker) for one in requests], now
        )

    async def skip(self, skips: Sequence[Skip], node: str, now: datetime) -> Sequence[Skip]:
        """See :meth:`jobd.ports.Store.skip`."""
        history, asker = self._writer, Asker(node, now)
        return await self._change(
            lambda draft: [decide.skip(draft, history, one, asker) for one in skips], now
        )

    async def void_skips_after(self, now: datetime, schedules: Mapping[str, Schedule]) -> int:
        """See :meth:`jobd.ports.Store.void_skips_after`."""
        history = self._writer
        return await self._change(
            lambda draft: void_skips_after(draft, history, now, schedules), now
        )

    async def save_run(self, run: ActiveRun, started_at: datetime | None = None) -> None:
        """See :meth:`jobd.ports.Store.save_run`."""
        await self._change(lambda draft: decide.save_run(draft, run, started_at), started_at)

    async def finish(self, finishes: Sequence[Finish]) -> Sequence[bool]:
        """See :meth:`jobd.ports.Store.finish`."""
        history = self._writer
        now = finishes[-1].record.ended_at if finishes else None
        return await self._change(
            lambda draft: [decide.finish(draft, history, one) for one in finishes], now
        )

    async def save_pause(self, jobs: Sequence[str], pause: Pause | None) -> None:
        """See :meth:`jobd.ports.Store.save_pause`."""
        await self._change(lambda draft: decide.save_pause(draft, jobs, pause))

    async def save_skip_next(self, job: str, skip_next: Pause | None) -> None:
        """See :meth:`jobd.ports.Store.save_skip_next`."""
        await self._change(lambda draft: decide.save_skip_next(draft, job, skip_next))

    async def note(self, entry: AuditEntry) -> None:
        """See :meth:`jobd.ports.Store.note`."""
        await self._write(lambda: self._writer.note(entry))

    async def audit(self, target: str | None = None, limit: int = 50) -> Sequence[AuditEntry]:
        """See :meth:`jobd.ports.Store.audit`."""
        return await self._ask(lambda: self._reader.audit(target, limit))

    async def run(self, run_id: str) -> RunRecord | None:
        """See :meth:`jobd.ports.Store.run`."""
        return await self._ask(lambda: self._reader.run(run_id))

    async def runs(self, wanted: RunFilter) -> Sequence[RunRecord]:
        """See :meth:`jobd.ports.Store.runs`."""
        return await self._ask(lambda: self._reader.runs(wanted))

    async def ticks(
        self, job: str, *, at: datetime | None = None, limit: int = 20
    ) -> Sequence[TickRecord]:
        """See :meth:`jobd.ports.Store.ticks`."""
        return await self._ask(lambda: self._reader.ticks(job, at, limit))

    async def skip_counts(self, since: datetime) -> Mapping[str, Mapping[str, int]]:
        """See :meth:`jobd.ports.Store.skip_counts`."""
        return await self._ask(lambda: self._reader.skip_counts(since))

    async def usage(self, jobs: Sequence[str], most: int) -> Mapping[str, Sequence[RunUse]]:
        """See :meth:`jobd.ports.Store.usage`."""
        return await self._ask(lambda: self._reader.usage(jobs, most))

    async def happened(self, window: Window) -> Happened:
        """See :meth:`jobd.ports.Store.happened`."""
        return await self._ask(lambda: self._reader.happened(window))

    async def prune(self, older_than: datetime, keep_per_job: int) -> Sequence[str]:
        """See :meth:`jobd.ports.Store.prune`. While the disk is full nothing is deleted."""
        deleted: list[str] = []
        while doomed := await self._doomed(older_than, keep_per_job):
            for start in range(0, len(doomed), PRUNE_BATCH):
                batch = doomed[start : start + PRUNE_BATCH]
                if not await self._forget(batch):
                    return deleted
                deleted.extend(row.run_id for row in batch if row.run_id is not None)
        return deleted

    async def _doomed(self, older_than: datetime, keep_per_job: int) -> Sequence[Doomed]:
        return await self._ask(lambda: self._reader.doomed(older_than, keep_per_job))

    async def _forget(self, batch: Sequence[Doomed]) -> bool:
        return await self._write(lambda: self._writer.forget(batch))

    async def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await self._write(lambda: self._writer.run(work))

    async def _change(self, decision: Callable[[Draft], T], now: datetime | None = None) -> T:
        return await self._write(lambda: self._writer.change(decision, now))

    async def _write(self, call: Callable[[], T]) -> T:
        return await self._in_thread(self._writing, call)

    async def _ask(self, call: Callable[[], T]) -> T:
        return await self._in_thread(self._reading, call)

    async def _in_thread(self, thread: ThreadPoolExecutor | None, call: Callable[[], T]) -> T:
        if thread is None:
            raise StoreUnavailable(f"{self._path} is not open")
        return await asyncio.get_running_loop().run_in_executor(thread, call)

    def _close(self, reading: ThreadPoolExecutor) -> None:
        """Close in the threads that opened; the reader first, so that the writer is the last
        to leave and folds the write-ahead log into the file."""
        with suppress(Exception):
            reading.submit(self._reader.close).result()
        reading.shutdown()
        try:
            self._writer.close()
        finally:
            self._lock.release()
